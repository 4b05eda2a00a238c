//! Ways into an installation: which listener, how it is encrypted, and as whom one logs in there.
//!
//! These are references, never values: a password or a key stands in a Secret or was given by hand, and what it
//! is never leaves `io`. `discover` finds ways and chooses among them, the App says what is wished, `io` goes one.

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

/// Where a value is kept.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Keep {
    /// In a Secret.
    Secret(SecretKey),
    /// In memory, for somebody gave it; these words say where it came from: `client.properties line 4`.
    Given(String),
}

impl From<SecretKey> for Keep {
    fn from(key: SecretKey) -> Self {
        Self::Secret(key)
    }
}

impl fmt::Display for Keep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Secret(key) => write!(f, "secret {key}"),
            Self::Given(words) => f.write_str(words),
        }
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

impl Mechanism {
    /// All of them, the one first that tells a broker least.
    pub const ALL: [Self; 3] = [Self::ScramSha512, Self::ScramSha256, Self::Plain];

    /// The one of this name, in any case.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.to_string().eq_ignore_ascii_case(name.trim()))
    }
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
        password: Keep,
        /// Which of the passwords, where the Secret holds a list with commas.
        nth: Option<usize>,
    },
    /// With a client certificate.
    Certificate {
        /// The user, as the broker will call it, as far as is known.
        user: String,
        /// The certificate, PEM.
        certificate: Keep,
        /// Its key, PEM.
        key: Keep,
    },
}

impl Login {
    /// The user, as the broker calls it.
    pub fn user(&self) -> &str {
        match self {
            Self::Sasl { user, .. } | Self::Certificate { user, .. } => user,
        }
    }

    /// How one logs in, in Kafka's words.
    pub fn how(&self) -> String {
        match self {
            Self::Sasl { mechanism, .. } => mechanism.to_string(),
            Self::Certificate { .. } => "client certificate".to_owned(),
        }
    }

    /// Where the password or the certificate is.
    pub fn keep(&self) -> &Keep {
        match self {
            Self::Sasl { password, .. } => password,
            Self::Certificate { certificate, .. } => certificate,
        }
    }
}

/// How a listener is encrypted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Encryption {
    /// Certificates of the authorities that sign the brokers', PEM; none means the machine's own.
    pub trust: Vec<Keep>,
}

/// Whose credential it is; the first that suffices is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Owner {
    /// Nobody's: the listener asks for none.
    Nobody,
    /// One that was given by hand.
    Given,
    /// One made for consoles.
    Console,
    /// Another application's: borrowed only after asking.
    Application,
    /// An administrator's or the brokers' own: its use is announced.
    Administrator,
}

impl Owner {
    /// True for what is used without asking.
    pub fn is_unasked(self) -> bool {
        self <= Self::Console
    }

    /// In one word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Nobody => "nobody",
            Self::Given => "given",
            Self::Console => "console",
            Self::Application => "application",
            Self::Administrator => "administrator",
        }
    }
}

/// What a way is gone for; there is one choice for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Purpose {
    /// Asking what is there.
    Observe,
    /// Reading what producers wrote.
    Read,
    /// Changing something.
    Administer,
}

/// What somebody gave by hand to log in with: references as well.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Handed {
    /// Where it is from: `client.properties`, `--as`.
    pub from: String,
    /// `PLAINTEXT`, `SSL`, `SASL_PLAINTEXT` or `SASL_SSL`; `None` is whatever the listener speaks.
    pub protocol: Option<String>,
    /// How to log in; `None` is the best that the listener takes.
    pub mechanism: Option<Mechanism>,
    /// The user and where the password is.
    pub password: Option<(String, Keep)>,
    /// The client certificate and its key.
    pub certificate: Option<(Keep, Keep)>,
    /// Certificates of authorities.
    pub trust: Vec<Keep>,
    /// Ports of `bootstrap.servers`, which tell a listener.
    pub ports: Vec<u16>,
}

/// What somebody wants of the way; nothing of it is the best one that needs no asking.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wish {
    /// Through this listener.
    pub listener: Option<String>,
    /// As this user, which is consent to borrow its credential.
    pub user: Option<String>,
    /// With what was given by hand.
    pub handed: Option<Handed>,
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

    /// True when nothing is asked and nothing encrypted.
    pub fn is_plain(&self) -> bool {
        self.encryption.is_none() && self.login.is_none()
    }

    /// The user that one logs in as.
    pub fn user(&self) -> Option<&str> {
        self.login.as_ref().map(Login::user)
    }

    /// True when one logs in as this user; of a certificate's name, its first part is enough.
    pub fn is_of(&self, user: &str) -> bool {
        let first = |name: &str| name.strip_prefix("CN=").map(|name| name.split(',').next() == Some(user));
        self.user().is_some_and(|name| name == user || first(name) == Some(true))
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
                password: secret("password").into(),
                nth: None,
            }),
            owner: Owner::Console,
        };
        assert_eq!(way.to_string(), "SASL_SSL listener tls on 9093 as console (SCRAM-SHA-512)");
        assert_eq!(Way::plaintext("PLAINTEXT", 9092).to_string(), "PLAINTEXT listener PLAINTEXT on 9092");
        assert_eq!(secret("ca.crt").to_string(), "m/console key ca.crt");
    }
}
