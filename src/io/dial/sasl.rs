//! The SASL layer: logs in on a stream before anybody else speaks.
//!
//! SaslHandshake, then SaslAuthenticate until the mechanism is content (KIP-152); nothing is read beyond that. It
//! knows neither what carries the stream nor what is said afterwards, and re-authenticates nothing: a session that
//! ends is told with its length, and whoever holds the stream takes a new one in time. `layers` calls it.

use std::{collections::HashMap, io, num::NonZeroU32, sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use bytes::Bytes;
use ring::{
    digest,
    rand::{SecureRandom, SystemRandom},
};
use thiserror::Error;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::Mutex,
};

use super::BoxStream;
use crate::{
    domain::{
        access::{Keep, Mechanism},
        text::printable,
    },
    io::secrets::Hidden,
    task,
    wire::{
        errors,
        frame::{self, FrameError},
        sasl::{self, Reply},
        scram::{First, Hash, Keys, ScramError},
    },
};

/// Longest answer during a login; real ones have a few hundred bytes.
const LONGEST: usize = 64 << 10;

/// Salted passwords that are kept: a broker that invents a salt for each login must not fill memory.
const MOST_KEYS: usize = 32;

/// Bytes of randomness in a nonce.
const NONCE: usize = 24;

/// Characters of a broker's own words that are told.
const MOST_WORDS: usize = 200;

/// As whom one logs in, with the password.
#[derive(Debug, Clone)]
pub struct Credential {
    /// How.
    pub mechanism: Mechanism,
    /// The user.
    pub user: String,
    /// The password.
    pub password: Hidden,
    /// Where it was read.
    pub from: Keep,
}

/// Why the login failed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LoginError {
    /// The listener offers other mechanisms.
    #[error("the listener does not offer {wanted}; it offers {}", listed(.offers))]
    Mechanism { wanted: Mechanism, offers: Vec<String> },
    /// The listener asks for no login.
    #[error("the listener asks for no login, and one is configured")]
    NotAsked,
    /// User or password is wrong.
    #[error("SASL password refused for user {user}, {from}")]
    Refused { user: String, from: Keep },
    /// The broker answered with another error.
    #[error("the broker ended the login of user {user}: {why}")]
    Failed { user: String, why: String },
    /// The broker's half of SCRAM is not to be trusted.
    #[error("the broker is not to be trusted with the password of user {user}: {why}")]
    Untrusted { user: String, why: ScramError },
    /// What came is no answer to a login.
    #[error("the port does not speak SASL: {why}")]
    NotSasl { why: String },
    /// The stream ended.
    #[error("the connection was closed during the login: {why}")]
    Closed { why: String },
    /// The listener asks for a login, and none is known.
    #[error("the listener asks for a login ({}), and none is configured", listed(.offers))]
    Asked { offers: Vec<String> },
}

impl LoginError {
    /// True when what was given by hand is refused: the broker is not to be accused.
    pub fn is_ours(&self) -> bool {
        matches!(self, Self::Refused { from: Keep::Given(_), .. })
    }
}

/// Names in a row.
fn listed(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

impl From<io::Error> for LoginError {
    fn from(error: io::Error) -> Self {
        let why = match error.kind() {
            io::ErrorKind::UnexpectedEof => "the broker hung up".to_owned(),
            _ => error.to_string(),
        };
        Self::Closed { why }
    }
}

impl From<FrameError> for LoginError {
    fn from(error: FrameError) -> Self {
        Self::NotSasl { why: error.to_string() }
    }
}

/// Salted passwords, so that many brokers and many dials cost one computation.
#[derive(Default)]
pub struct KeyRing(Mutex<HashMap<Salted, Arc<Keys>>>);

/// What keys were made of; the password stands there as a digest, because it may be rotated.
#[derive(PartialEq, Eq, Hash)]
struct Salted {
    hash: Hash,
    password: Vec<u8>,
    salt: Vec<u8>,
    rounds: u32,
}

impl KeyRing {
    /// Keys of a password and a salt; `None` when the runtime ends.
    async fn keys(&self, hash: Hash, password: &Hidden, salt: &[u8], rounds: NonZeroU32) -> Option<Arc<Keys>> {
        let digest = digest::digest(&digest::SHA256, password.reveal()).as_ref().to_vec();
        let salted = Salted { hash, password: digest, salt: salt.to_vec(), rounds: rounds.get() };
        // Held while hashing: who comes meanwhile most likely wants the same.
        let mut known = self.0.lock().await;
        if let Some(keys) = known.get(&salted) {
            return Some(Arc::clone(keys));
        }
        let (password, salt) = (password.clone(), salt.to_vec());
        let keys = task::blocking(move || Keys::derive(hash, password.reveal(), &salt, rounds)).await.ok()?;
        if known.len() >= MOST_KEYS {
            known.clear();
        }
        let keys = Arc::new(keys);
        known.insert(salted, Arc::clone(&keys));
        Some(keys)
    }

    /// How many salted passwords are kept.
    pub async fn count(&self) -> usize {
        self.0.lock().await.len()
    }
}

/// Logs in; says how long the session lasts, if it ends by itself.
pub async fn log_in(
    stream: &mut BoxStream,
    credential: &Credential,
    keys: &KeyRing,
) -> Result<Option<Duration>, LoginError> {
    let mut talk = Talk { stream, credential, correlation: 0 };
    talk.handshake().await?;
    let reply = match credential.mechanism {
        Mechanism::Plain => talk.say(sasl::plain(&credential.user, credential.password.reveal())).await?,
        Mechanism::ScramSha256 => talk.scram(Hash::Sha256, keys).await?,
        Mechanism::ScramSha512 => talk.scram(Hash::Sha512, keys).await?,
    };
    Ok(reply.lifetime)
}

/// Mechanisms of a listener that asks for a login; `None` when it asks for none, or does not say.
pub async fn offers(mut stream: BoxStream) -> Option<Vec<String>> {
    let ask = async {
        stream.write_all(&sasl::handshake("", 0)).await?;
        stream.flush().await?;
        let frame = read_frame(&mut stream).await?;
        Ok::<_, LoginError>(sasl::offer(&frame, 0)?)
    };
    let offer = ask.await.ok()?;
    (offer.error == sasl::UNSUPPORTED_MECHANISM).then(|| shown(offer.mechanisms))
}

/// Names from outside, safe to show.
fn shown(names: Vec<String>) -> Vec<String> {
    names.into_iter().map(|name| printable(&name).into_owned()).collect()
}

/// A login under way.
struct Talk<'a> {
    stream: &'a mut BoxStream,
    credential: &'a Credential,
    correlation: i32,
}

impl Talk<'_> {
    /// Says which mechanism is wanted.
    async fn handshake(&mut self) -> Result<(), LoginError> {
        let wanted = self.credential.mechanism;
        let frame = self.exchange(&sasl::handshake(&wanted.to_string(), self.correlation)).await?;
        let offer = sasl::offer(&frame, self.correlation)?;
        match offer.error {
            0 => Ok(()),
            sasl::UNSUPPORTED_MECHANISM => Err(LoginError::Mechanism { wanted, offers: shown(offer.mechanisms) }),
            sasl::ILLEGAL_STATE => Err(LoginError::NotAsked),
            code => Err(self.failed(code, None)),
        }
    }

    /// SCRAM's two exchanges (RFC 5802 §5).
    async fn scram(&mut self, hash: Hash, keys: &KeyRing) -> Result<Reply, LoginError> {
        let Credential { user, password, .. } = self.credential;
        let failed = |why: &str| LoginError::Failed { user: user.clone(), why: told(why) };
        let distrusted = |why| match why {
            // The broker's own words.
            ScramError::Refused(word) => failed(&word),
            why => LoginError::Untrusted { user: user.clone(), why },
        };
        let nonce = nonce().ok_or_else(|| failed("this machine gives no random numbers"))?;
        let first = First::new(user, &nonce);
        let reply = self.say(first.message().into_bytes()).await?;
        let challenge = first.challenged(&reply.bytes).map_err(distrusted)?;
        let keys = keys.keys(hash, password, &challenge.salt, challenge.rounds).await;
        let (message, awaited) = challenge.answer(&*keys.ok_or_else(|| failed("the password could not be hashed"))?);
        let reply = self.say(message.into_bytes()).await?;
        awaited.check(&reply.bytes).map_err(distrusted)?;
        Ok(reply)
    }

    /// Says something of the mechanism's and takes the reply, unless it is an error.
    async fn say(&mut self, message: Vec<u8>) -> Result<Reply, LoginError> {
        self.correlation += 1;
        let frame = self.exchange(&sasl::authenticate(message, self.correlation)?).await?;
        let reply = sasl::reply(frame, self.correlation)?;
        if reply.error == 0 { Ok(reply) } else { Err(self.failed(reply.error, reply.message.as_deref())) }
    }

    fn failed(&self, code: i16, message: Option<&str>) -> LoginError {
        let user = self.credential.user.clone();
        if code == sasl::REFUSED {
            return LoginError::Refused { user, from: self.credential.from.clone() };
        }
        let message = message.map(|m| format!(": {}", told(m)));
        LoginError::Failed { user, why: format!("{}{}", errors::words(code), message.unwrap_or_default()) }
    }

    async fn exchange(&mut self, frame: &Bytes) -> Result<Bytes, LoginError> {
        self.stream.write_all(frame).await?;
        self.stream.flush().await?;
        read_frame(self.stream).await
    }
}

/// A broker's own words, safe to show.
fn told(words: &str) -> String {
    printable(words).chars().take(MOST_WORDS).collect()
}

/// An answer without its length, and not a byte more.
async fn read_frame(stream: &mut BoxStream) -> Result<Bytes, LoginError> {
    let mut prefix = [0; 4];
    stream.read_exact(&mut prefix).await?;
    let length = frame::announced(prefix)?;
    if length > LONGEST {
        return Err(LoginError::NotSasl { why: format!("an answer of {length} bytes is announced") });
    }
    let mut frame = vec![0; length];
    stream.read_exact(&mut frame).await?;
    Ok(frame.into())
}

/// Random text without commas.
fn nonce() -> Option<String> {
    let mut bytes = [0; NONCE];
    SystemRandom::new().fill(&mut bytes).ok()?;
    Some(BASE64.encode(bytes))
}
