//! Ways into an installation: which listener, how it is encrypted, and as whom one logs in there.
//!
//! These are references, never values: a password or a key stands in a Secret, and what stands there never
//! leaves `io`. `discover` finds ways, the App chooses one, `io` goes it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One key of a Secret.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SecretKey {
    /// Namespace.
    pub namespace: String,
    /// Name of the Secret.
    pub name: String,
    /// Key in its data, as `ca.crt`.
    pub key: String,
}

impl fmt::Display for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{} key {}", self.namespace, self.name, self.key)
    }
}

/// A SASL mechanism.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Mechanism {
    /// PLAIN.
    Plain,
    /// SCRAM-SHA-256.
    ScramSha256,
    /// SCRAM-SHA-512.
    ScramSha512,
}

impl fmt::Display for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
        })
    }
}

/// As whom one logs in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Login {
    /// With a user's name and password.
    Sasl {
        /// How.
        mechanism: Mechanism,
        /// The user.
        user: String,
        /// Where the password is.
        password: SecretKey,
        /// Which of the passwords, where the Secret holds a list with commas.
        nth: Option<usize>,
    },
    /// With a client certificate.
    Certificate {
        /// The user, as the broker will call it, as far as is known.
        user: String,
        /// The certificate, PEM.
        certificate: SecretKey,
        /// Its key, PEM.
        key: SecretKey,
    },
}

/// How a listener is encrypted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Encryption {
    /// Certificates of the authorities that sign the brokers', PEM; none means the machine's own.
    pub trust: Vec<SecretKey>,
}

/// Whose credential it is; the first that suffices is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Owner {
    /// Nobody's: the listener asks for none.
    Nobody,
    /// One made for consoles.
    Console,
    /// Another application's: borrowed only after asking.
    Application,
    /// An administrator's or the brokers' own: its use is announced.
    Administrator,
}

/// One way in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Way {
    /// The listener's name.
    pub listener: String,
    /// The port that brokers listen on.
    pub port: u16,
    /// How it is encrypted; `None` is not at all.
    pub encryption: Option<Encryption>,
    /// As whom one logs in; `None` where nobody asks.
    pub login: Option<Login>,
    /// Whose credential that is.
    pub owner: Owner,
}

impl Way {
    /// A listener that asks nothing.
    pub fn plaintext(listener: &str, port: u16) -> Self {
        Self { listener: listener.to_owned(), port, encryption: None, login: None, owner: Owner::Nobody }
    }

    /// Its protocol in Kafka's words.
    pub fn protocol(&self) -> &'static str {
        match (&self.encryption, &self.login) {
            (None, Some(Login::Sasl { .. })) => "SASL_PLAINTEXT",
            (None, _) => "PLAINTEXT",
            (Some(_), Some(Login::Sasl { .. })) => "SASL_SSL",
            (Some(_), _) => "SSL",
        }
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} listener {} on {}", self.protocol(), self.listener, self.port)?;
        match &self.login {
            None => Ok(()),
            Some(Login::Sasl { mechanism, user, .. }) => write!(f, " as {user} ({mechanism})"),
            Some(Login::Certificate { user, .. }) => write!(f, " as {user} (client certificate)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_says_where_it_leads_and_never_what_opens_it() {
        let secret = |key: &str| SecretKey { namespace: "m".into(), name: "console".into(), key: key.into() };
        let way = Way {
            listener: "tls".into(),
            port: 9093,
            encryption: Some(Encryption::default()),
            login: Some(Login::Sasl {
                mechanism: Mechanism::ScramSha512,
                user: "console".into(),
                password: secret("password"),
                nth: None,
            }),
            owner: Owner::Console,
        };
        assert_eq!(way.to_string(), "SASL_SSL listener tls on 9093 as console (SCRAM-SHA-512)");
        assert_eq!(Way::plaintext("PLAINTEXT", 9092).to_string(), "PLAINTEXT listener PLAINTEXT on 9092");
        assert_eq!(secret("ca.crt").to_string(), "m/console key ca.crt");
    }
}
