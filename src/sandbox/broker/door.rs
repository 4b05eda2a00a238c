//! A broker's door: TLS, and a login before anything is answered, as a secured listener has them.
//!
//! It admits or hangs up; what is said behind it is not its business. Who serves a broker without a door serves a
//! listener that asks for nothing. Sessions may end (KIP-368); renewing one on the same connection is not offered.

use std::{
    collections::BTreeMap,
    num::NonZeroU32,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use kafka_protocol::messages::{
    ApiKey, SaslAuthenticateRequest, SaslAuthenticateResponse, SaslHandshakeRequest, SaslHandshakeResponse,
};
use tokio_rustls::TlsAcceptor;

use super::text;
use crate::wire::{
    sasl::{self, ILLEGAL_STATE, REFUSED, UNSUPPORTED_MECHANISM},
    scram::{Asked, Hash, Verifier, introduced},
    served::{Hostile, Incoming},
};

/// Rounds that passwords are hashed, Kafka's own number.
const ROUNDS: u32 = 4_096;

/// The salt of every password.
const SALT: &[u8] = b"sandbox's salt";

/// What a listener asks for. Cheap to clone.
#[derive(Clone, Default)]
pub struct Door {
    /// How it is encrypted, if it is.
    pub tls: Option<TlsAcceptor>,
    /// Who may log in, if one must.
    pub users: Option<Arc<Users>>,
}

/// Users and how they log in.
#[derive(Debug, Default)]
pub struct Users {
    /// Mechanisms that are offered, as `SCRAM-SHA-512`.
    pub mechanisms: Vec<String>,
    /// How long a session lasts.
    pub session: Option<Duration>,
    passwords: Mutex<BTreeMap<String, String>>,
    admitted: AtomicU64,
    refused: AtomicU64,
}

impl Users {
    /// One user, and the mechanisms that are offered.
    pub fn new(user: &str, password: &str, mechanisms: &[&str], session: Option<Duration>) -> Self {
        let users =
            Self { mechanisms: mechanisms.iter().map(|m| (*m).to_owned()).collect(), session, ..Self::default() };
        users.set(user, password);
        users
    }

    fn passwords(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        self.passwords.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives a user a password; who is logged in stays.
    pub fn set(&self, user: &str, password: &str) {
        self.passwords().insert(user.to_owned(), password.to_owned());
    }

    /// Logins that succeeded, and that did not.
    pub fn counts(&self) -> (u64, u64) {
        (self.admitted.load(Ordering::Relaxed), self.refused.load(Ordering::Relaxed))
    }

    fn password(&self, user: &str) -> Option<String> {
        self.passwords().get(user).cloned()
    }

    fn verifier(&self, user: &str, hash: Hash) -> Option<Verifier> {
        let rounds = NonZeroU32::new(ROUNDS)?;
        Some(Verifier::of(hash, self.password(user)?.as_bytes(), SALT, rounds))
    }
}

/// What users may log in with, by name and mechanism.
pub(super) type Keys = BTreeMap<(String, i8), Verifier>;

/// A login under way.
#[derive(Default)]
pub(super) struct Visit {
    chosen: Option<Chosen>,
    /// Whether the login has succeeded.
    pub(super) admitted: bool,
    serial: u64,
}

enum Chosen {
    Plain,
    Scram(Hash),
    Proving(Box<Asked>),
}

/// What the door does with a request.
pub(super) enum Deed {
    /// Answers it.
    Says(Bytes),
    /// Answers it and hangs up.
    Ends(Bytes),
    /// Leaves it to the broker, which answers for its versions without a login.
    Passes,
}

impl Visit {
    /// Takes a request of one who has not logged in; any that is none of a login is an offence.
    ///
    /// `keys` are of users whose passwords were set while the cluster ran.
    pub(super) fn takes(&mut self, users: &Users, keys: &Keys, incoming: &Incoming) -> Result<Deed, Hostile> {
        let offence =
            |why: &str| Hostile::Garbled { key: incoming.key, version: incoming.version, why: why.to_owned() };
        match ApiKey::try_from(incoming.key) {
            Ok(ApiKey::ApiVersions) => Ok(Deed::Passes),
            Ok(ApiKey::SaslHandshake) => {
                incoming.answer(|asked: SaslHandshakeRequest, _| self.handshake(users, &asked)).map(Deed::Says)
            }
            Ok(ApiKey::SaslAuthenticate) => {
                let mut ended = false;
                let answer = incoming.answer(|asked: SaslAuthenticateRequest, version| {
                    let answer = self.authenticate(users, keys, &asked.auth_bytes, version);
                    ended = answer.error_code != 0;
                    answer
                })?;
                if ended {
                    users.refused.fetch_add(1, Ordering::Relaxed);
                    return Ok(Deed::Ends(answer));
                }
                Ok(Deed::Says(answer))
            }
            _ => Err(offence("a login is asked for first")),
        }
    }

    fn handshake(&mut self, users: &Users, asked: &SaslHandshakeRequest) -> SaslHandshakeResponse {
        let mechanism = asked.mechanism.as_str();
        self.chosen = users.mechanisms.iter().any(|m| m == mechanism).then_some(()).and(match mechanism {
            "PLAIN" => Some(Chosen::Plain),
            "SCRAM-SHA-256" => Some(Chosen::Scram(Hash::Sha256)),
            "SCRAM-SHA-512" => Some(Chosen::Scram(Hash::Sha512)),
            _ => None,
        });
        let error = if self.chosen.is_some() { 0 } else { UNSUPPORTED_MECHANISM };
        let offered = users.mechanisms.iter().map(|m| text(m)).collect();
        SaslHandshakeResponse::default().with_error_code(error).with_mechanisms(offered)
    }

    fn authenticate(&mut self, users: &Users, keys: &Keys, message: &[u8], version: i16) -> SaslAuthenticateResponse {
        let answer = SaslAuthenticateResponse::default();
        match self.says(users, keys, message) {
            Ok(said) => {
                let lasts = users.session.filter(|_| self.admitted && version >= 1);
                if self.admitted {
                    users.admitted.fetch_add(1, Ordering::Relaxed);
                }
                let lasts = lasts.map_or(0, |session| session.as_millis() as i64);
                answer.with_auth_bytes(said.into()).with_session_lifetime_ms(lasts)
            }
            Err(code) => {
                let words = "Authentication failed due to invalid credentials";
                answer.with_error_code(code).with_error_message(Some(text(words)))
            }
        }
    }

    /// The mechanism's next step; an error code when it fails.
    fn says(&mut self, users: &Users, keys: &Keys, message: &[u8]) -> Result<String, i16> {
        match self.chosen.take() {
            None => Err(ILLEGAL_STATE),
            Some(Chosen::Plain) => {
                let (user, password) = sasl::plain_read(message).ok_or(REFUSED)?;
                self.admitted = users.password(user).is_some_and(|right| right.as_bytes() == password);
                if self.admitted { Ok(String::new()) } else { Err(REFUSED) }
            }
            Some(Chosen::Scram(hash)) => {
                let (user, bare) = introduced(message).map_err(|_| REFUSED)?;
                self.serial += 1;
                let mechanism = if hash == Hash::Sha256 { 1 } else { 2 };
                let verifier = match keys.get(&(user.clone(), mechanism)) {
                    Some(verifier) => verifier.clone(),
                    None => users.verifier(&user, hash).ok_or(REFUSED)?,
                };
                let asked = Asked::new(verifier, &bare, &format!("sandbox{}", self.serial)).map_err(|_| REFUSED)?;
                let message = asked.message().to_owned();
                self.chosen = Some(Chosen::Proving(Box::new(asked)));
                Ok(message)
            }
            Some(Chosen::Proving(asked)) => {
                let proof = asked.proven(message).map_err(|_| REFUSED)?;
                self.admitted = true;
                Ok(proof)
            }
        }
    }
}
