//! A way into an installation, gone: transport → TLS → SASL, with what stands in Secrets.
//!
//! `prepare` reads what a way needs, `secure` turns a transport's stream into one that is encrypted and logged in.
//! It opens no streams, repeats nothing and waits for nothing by itself. Of each installation there is one `Layers`:
//! it keeps salted passwords and TLS sessions, so that many brokers and many dials cost little. `io::kafka` calls it.

use std::{
    collections::HashMap,
    fmt::Write,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::{
    BoxStream, DialError,
    sasl::{self, Credential, KeyRing, LoginError},
    tls::{self, Identity, Settings, TlsError, Trust},
};
use crate::{
    domain::{
        access::{Encryption, Keep, Login, Way},
        certificate::Certificate,
        installation::PodPort,
    },
    io::secrets::{Hidden, SecretError, SecretSource, Secrets},
};

/// How old a Secret may be that a dial uses.
pub const FRESH: Duration = Duration::from_secs(30);

/// How old one may be after a failure: links that fail together read it once.
pub const JUST_NOW: Duration = Duration::from_secs(1);

/// TLS settings that are kept; a set of a broker's names has one, and another one after each rotation.
const MOST_SETTINGS: usize = 128;

/// Where a dial goes, beside the pod and its port.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Route {
    /// What the listener asks for; `None` is nothing.
    pub way: Option<Way>,
    /// Names for one of which the broker's certificate must be valid.
    pub names: Vec<String>,
}

impl Route {
    /// True when a user and a password are sent.
    pub fn logs_in(&self) -> bool {
        matches!(self.way.as_ref().and_then(|way| way.login.as_ref()), Some(Login::Sasl { .. }))
    }
}

/// Why a stream is not secured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LayerError {
    /// What the way needs cannot be read.
    Secret(SecretError),
    /// The TLS layer failed.
    Tls(TlsError),
    /// The SASL layer failed.
    Login(LoginError),
}

impl LayerError {
    /// The same, of a dial.
    pub fn at(self, to: &PodPort) -> DialError {
        let to = to.clone();
        match self {
            Self::Secret(why) => DialError::Secret { to, why: Box::new(why) },
            Self::Tls(why) => DialError::Tls { to, why: Box::new(why) },
            Self::Login(why) => DialError::Login { to, why: Box::new(why) },
        }
    }
}

/// What a dial needs, read.
pub struct Prepared {
    tls: Option<Settings>,
    login: Option<Credential>,
    /// Which versions of which Secrets it was made from.
    version: String,
}

/// A stream on which Kafka can be spoken.
pub struct Secured {
    /// The stream.
    pub stream: BoxStream,
    /// When the broker will end the session, if it will (KIP-368).
    pub ends: Option<Instant>,
    /// Whether an earlier TLS session was resumed.
    pub resumed: bool,
}

/// The layers of one installation.
pub struct Layers {
    secrets: Secrets,
    keys: KeyRing,
    settings: Mutex<HashMap<Source, Settings>>,
}

/// What TLS settings were made from: versions of Secrets, and names.
type Source = (String, Vec<String>);

/// Collects the versions of what is read.
#[derive(Default)]
struct Versions(String);

impl Versions {
    fn add(&mut self, at: &Keep, version: &str) {
        // Writing to a String cannot fail.
        let _ = write!(self.0, "{at}@{version};");
    }
}

impl Layers {
    /// Over whoever can read Secrets.
    pub fn new(source: Arc<dyn SecretSource>) -> Self {
        Self { secrets: Secrets::new(source), keys: KeyRing::default(), settings: Mutex::default() }
    }

    /// Reads what a route needs; Secrets that were read longer than `age` ago are read again.
    pub async fn prepare(&self, route: &Route, age: Duration) -> Result<Prepared, LayerError> {
        let mut versions = Versions::default();
        let Some(way) = &route.way else { return Ok(Prepared { tls: None, login: None, version: versions.0 }) };
        let tls = match &way.encryption {
            Some(encryption) => Some(self.tls(way, encryption, &route.names, age, &mut versions).await?),
            None => None,
        };
        let login = match &way.login {
            Some(Login::Sasl { mechanism, user, password, nth }) => {
                let read = self.secrets.password(password, *nth, age).await.map_err(LayerError::Secret)?;
                versions.add(password, &read.1);
                let (mechanism, user, from) = (*mechanism, user.clone(), password.clone());
                Some(Credential { mechanism, user, password: read.0, from })
            }
            Some(Login::Certificate { .. }) | None => None,
        };
        Ok(Prepared { tls, login, version: versions.0 })
    }

    /// TLS settings of a way: those that were made of the same before, so that sessions are resumed.
    async fn tls(
        &self,
        way: &Way,
        encryption: &Encryption,
        names: &[String],
        age: Duration,
        versions: &mut Versions,
    ) -> Result<Settings, LayerError> {
        let mut texts = Vec::new();
        for at in &encryption.trust {
            let (text, version) = self.secrets.value(at, age).await.map_err(LayerError::Secret)?;
            versions.add(at, &version);
            texts.push(text);
        }
        let own = match &way.login {
            Some(Login::Certificate { certificate, key, .. }) => {
                let (text, version) = self.secrets.value(certificate, age).await.map_err(LayerError::Secret)?;
                versions.add(certificate, &version);
                let (secret, version) = self.secrets.value(key, age).await.map_err(LayerError::Secret)?;
                versions.add(key, &version);
                Some((certificate, text, key, secret))
            }
            _ => None,
        };
        let source = (versions.0.clone(), names.to_vec());
        if let Some(settings) = self.settings.lock().unwrap_or_else(PoisonError::into_inner).get(&source) {
            return Ok(settings.clone());
        }
        let unusable = |at: &Keep, what, why| LayerError::Secret(SecretError::NotPem { at: at.clone(), what, why });
        let trust = match encryption.trust.first() {
            Some(at) => {
                let texts: Vec<(&Keep, &[u8])> =
                    encryption.trust.iter().zip(texts.iter().map(Hidden::reveal)).collect();
                let (trust, problems) =
                    Trust::of(&texts, trusted(&encryption.trust)).map_err(|why| unusable(at, "certificate", why))?;
                for problem in problems {
                    tracing::warn!(at = %at, problem, "trusted certificates");
                }
                trust
            }
            None => Trust::of_machine().await.map_err(|why| LayerError::Tls(TlsError::Failed { why }))?,
        };
        let identity = own.map(|(at, text, key_at, key)| {
            let key = tls::key(key.reveal()).map_err(|why| unusable(key_at, "key", why))?;
            Identity::of(text.reveal(), key, at.clone()).map_err(|why| unusable(at, "certificate", why))
        });
        let settings = Settings::new(&trust, identity.transpose()?, names).map_err(LayerError::Tls)?;
        let mut known = self.settings.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST_SETTINGS {
            known.clear();
        }
        known.insert(source, settings.clone());
        Ok(settings)
    }

    /// Encrypts a transport's stream and logs in on it, as far as the way asks for that.
    pub async fn secure(&self, mut stream: BoxStream, prepared: &Prepared) -> Result<Secured, LayerError> {
        let mut resumed = false;
        if let Some(tls) = &prepared.tls {
            (stream, resumed) = tls.encrypt(stream).await.map_err(LayerError::Tls)?;
        }
        let mut ends = None;
        if let Some(login) = &prepared.login {
            let lifetime = sasl::log_in(&mut stream, login, &self.keys).await.map_err(LayerError::Login)?;
            ends = lifetime.and_then(|lifetime| Instant::now().checked_add(lifetime));
        }
        Ok(Secured { stream, ends, resumed })
    }

    /// How many salted passwords are kept.
    pub async fn salted(&self) -> usize {
        self.keys.count().await
    }

    /// True when a Secret that was used holds something else now.
    pub async fn changed(&self, route: &Route, prepared: &str) -> bool {
        let mut versions = Versions::default();
        for at in route.way.iter().flat_map(references) {
            match self.secrets.version(at, JUST_NOW).await {
                Some(version) => versions.add(at, &version),
                None => return false,
            }
        }
        versions.0 != prepared
    }
}

impl Prepared {
    /// The certificates that are met with it: those that are known so far.
    pub fn certificates(&self) -> Vec<Certificate> {
        self.tls.as_ref().map(Settings::certificates).unwrap_or_default()
    }

    /// Which versions of which Secrets it was made from.
    pub fn version(&self) -> &str {
        &self.version
    }
}

/// Everything that a way refers to, in the order in which they are read.
fn references(way: &Way) -> Vec<&Keep> {
    let mut all: Vec<_> = way.encryption.iter().flat_map(|e| &e.trust).collect();
    match &way.login {
        Some(Login::Sasl { password, .. }) => all.push(password),
        // A certificate is shown on encrypted listeners alone.
        Some(Login::Certificate { certificate, key, .. }) if way.encryption.is_some() => all.extend([certificate, key]),
        _ => {}
    }
    all
}

/// Where trusted certificates stand.
fn trusted(all: &[Keep]) -> String {
    let names: Vec<String> = all.iter().map(ToString::to_string).collect();
    names.join(" and ")
}
