//! SCRAM (RFC 5802, RFC 7677) over SHA-256 and SHA-512: both halves of the conversation, as values.
//!
//! It sends nothing and makes no random numbers: nonces are handed in. Passwords and names are taken as the bytes
//! they are, as Kafka takes them (no SASLprep), and there is no channel binding, because Kafka knows none. What the
//! other side sends is hostile until checked. `io::dial::sasl` speaks the client's half, `sandbox` the server's.

use std::num::NonZeroU32;

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use ring::{digest, hmac, pbkdf2};
use thiserror::Error;
use zeroize::Zeroizing;

/// Fewest rounds that are accepted (RFC 5802 §5.1); fewer would make a stolen answer cheap to guess from.
pub const FEWEST_ROUNDS: u32 = 4_096;

/// Most rounds that are accepted: a server must not keep a client busy for minutes.
pub const MOST_ROUNDS: u32 = 1_000_000;

/// Longest message that is read.
const LONGEST: usize = 16 << 10;

/// The header of a client without channel binding, and what it becomes in the final message.
const NO_BINDING: &str = "n,,";
const NO_BINDING_ENCODED: &str = "biws";

/// The digest that a mechanism is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hash {
    /// SCRAM-SHA-256.
    Sha256,
    /// SCRAM-SHA-512.
    Sha512,
}

impl Hash {
    fn digest(self) -> &'static digest::Algorithm {
        match self {
            Self::Sha256 => &digest::SHA256,
            Self::Sha512 => &digest::SHA512,
        }
    }

    fn hmac(self) -> hmac::Algorithm {
        match self {
            Self::Sha256 => hmac::HMAC_SHA256,
            Self::Sha512 => hmac::HMAC_SHA512,
        }
    }

    fn pbkdf2(self) -> pbkdf2::Algorithm {
        match self {
            Self::Sha256 => pbkdf2::PBKDF2_HMAC_SHA256,
            Self::Sha512 => pbkdf2::PBKDF2_HMAC_SHA512,
        }
    }

    fn length(self) -> usize {
        self.digest().output_len()
    }

    fn sign(self, key: &[u8], message: &[u8]) -> Vec<u8> {
        hmac::sign(&hmac::Key::new(self.hmac(), key), message).as_ref().to_vec()
    }
}

/// Why a conversation ended without trust.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ScramError {
    /// The message is not of the form that stands next.
    #[error("it sent no readable SCRAM message: {0}")]
    Garbled(&'static str),
    /// The nonce does not begin with ours, or is only ours.
    #[error("it answered with a nonce that is not made from ours")]
    Nonce,
    /// An impossible number of rounds.
    #[error("it asks for {0} rounds of hashing; {FEWEST_ROUNDS} to {MOST_ROUNDS} are accepted")]
    Rounds(u64),
    /// The server says that it failed, in a word of RFC 5802 §7.
    #[error("it ended the login with {0:?}")]
    Refused(String),
    /// The server could not prove that it knows the password.
    #[error("it could not prove that it knows the password itself")]
    Impostor,
    /// The client could not prove that it knows the password.
    #[error("the proof is wrong")]
    WrongProof,
}

/// What a password becomes with a salt: enough to log in, so it is kept as the password is.
#[derive(Clone)]
pub struct Keys {
    hash: Hash,
    client: Vec<u8>,
    server: Vec<u8>,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keys").field("hash", &self.hash).finish_non_exhaustive()
    }
}

impl Keys {
    /// Salts and hashes a password: the one slow step (PBKDF2), milliseconds for Kafka's own 4,096 rounds.
    pub fn derive(hash: Hash, password: &[u8], salt: &[u8], rounds: NonZeroU32) -> Self {
        Self::of_salted(hash, &salted(hash, password, salt, rounds))
    }

    /// From a password that is salted and hashed already.
    pub fn of_salted(hash: Hash, salted: &[u8]) -> Self {
        Self { hash, client: hash.sign(salted, b"Client Key"), server: hash.sign(salted, b"Server Key") }
    }

    fn stored(&self) -> Vec<u8> {
        digest::digest(self.hash.digest(), &self.client).as_ref().to_vec()
    }
}

/// SaltedPassword of RFC 5802 §3: what Kafka is given in place of a password. It is kept as the password is.
pub fn salted(hash: Hash, password: &[u8], salt: &[u8], rounds: NonZeroU32) -> Zeroizing<Vec<u8>> {
    let mut salted = Zeroizing::new(vec![0; hash.length()]);
    pbkdf2::derive(hash.pbkdf2(), rounds, salt, password, &mut salted);
    salted
}

/// A client that has spoken first.
#[derive(Debug, Clone)]
pub struct First {
    nonce: String,
    bare: String,
}

impl First {
    /// Begins for a user, with a nonce of printable ASCII without commas.
    pub fn new(user: &str, nonce: &str) -> Self {
        Self { nonce: nonce.to_owned(), bare: format!("n={},r={nonce}", escaped(user)) }
    }

    /// The first message.
    pub fn message(&self) -> String {
        format!("{NO_BINDING}{}", self.bare)
    }

    /// Reads what the server wants to have hashed.
    pub fn challenged(self, message: &[u8]) -> Result<Challenge, ScramError> {
        let text = readable(message)?;
        let mut fields = Fields::of(text)?;
        let nonce = fields.next('r')?;
        let salt = decoded(fields.next('s')?, "its salt is not base64")?;
        let rounds = fields.next('i')?;
        // More may follow; extensions are ignored.
        if !nonce.starts_with(&self.nonce) || nonce.len() == self.nonce.len() {
            return Err(ScramError::Nonce);
        }
        if salt.is_empty() {
            return Err(ScramError::Garbled("its salt is empty"));
        }
        let rounds: u64 = rounds.parse().map_err(|_| ScramError::Garbled("its number of rounds is no number"))?;
        let within = u32::try_from(rounds).ok().filter(|n| (FEWEST_ROUNDS..=MOST_ROUNDS).contains(n));
        let rounds = within.and_then(NonZeroU32::new).ok_or(ScramError::Rounds(rounds))?;
        let unproven = format!("c={NO_BINDING_ENCODED},r={nonce}");
        let signed = format!("{},{text},{unproven}", self.bare);
        Ok(Challenge { salt, rounds, unproven, signed })
    }
}

/// What the server wants to have hashed, and how often.
#[derive(Debug, Clone)]
pub struct Challenge {
    /// Its salt.
    pub salt: Vec<u8>,
    /// How many rounds.
    pub rounds: NonZeroU32,
    unproven: String,
    signed: String,
}

impl Challenge {
    /// The final message: the proof that the password is known, and what the server must prove in turn.
    pub fn answer(&self, keys: &Keys) -> (String, Awaited) {
        let signature = keys.hash.sign(&keys.stored(), self.signed.as_bytes());
        let proof: Vec<u8> = keys.client.iter().zip(&signature).map(|(key, sign)| key ^ sign).collect();
        let awaited = Awaited { server: hmac::Key::new(keys.hash.hmac(), &keys.server), signed: self.signed.clone() };
        (format!("{},p={}", self.unproven, BASE64.encode(proof)), awaited)
    }
}

/// The signature that only a server can make that knows the password.
#[derive(Debug, Clone)]
pub struct Awaited {
    server: hmac::Key,
    signed: String,
}

impl Awaited {
    /// Checks the server's last message; the comparison takes the same time whatever differs.
    pub fn check(&self, message: &[u8]) -> Result<(), ScramError> {
        let signature = decoded(Fields::of(readable(message)?)?.next('v')?, "its signature is not base64")?;
        hmac::verify(&self.server, self.signed.as_bytes(), &signature).map_err(|_| ScramError::Impostor)
    }
}

/// What a server keeps of a password.
#[derive(Debug, Clone)]
pub struct Verifier {
    keys: Keys,
    salt: Vec<u8>,
    rounds: u32,
}

impl Verifier {
    /// Of a password.
    pub fn of(hash: Hash, password: &[u8], salt: &[u8], rounds: NonZeroU32) -> Self {
        Self { keys: Keys::derive(hash, password, salt, rounds), salt: salt.to_vec(), rounds: rounds.get() }
    }

    /// Of a password that is salted and hashed already.
    pub fn of_salted(hash: Hash, salted: &[u8], salt: &[u8], rounds: u32) -> Self {
        Self { keys: Keys::of_salted(hash, salted), salt: salt.to_vec(), rounds }
    }
}

/// The user of a client's first message, and that message without its header.
pub fn introduced(message: &[u8]) -> Result<(String, String), ScramError> {
    let text = readable(message)?;
    let bare = text.strip_prefix(NO_BINDING).ok_or(ScramError::Garbled("it does not begin with n,,"))?;
    let name = Fields::of(bare)?.next('n')?;
    Ok((name.replace("=2C", ",").replace("=3D", "="), bare.to_owned()))
}

/// A server that has asked for a proof.
#[derive(Debug, Clone)]
pub struct Asked {
    verifier: Verifier,
    signed: String,
    unproven: String,
    message: String,
}

impl Asked {
    /// Asks; `bare` is the client's first message as `introduced` gives it.
    pub fn new(verifier: Verifier, bare: &str, nonce: &str) -> Result<Self, ScramError> {
        let mut fields = Fields::of(bare)?;
        fields.next('n')?;
        let both = format!("{}{nonce}", fields.next('r')?);
        let message = format!("r={both},s={},i={}", BASE64.encode(&verifier.salt), verifier.rounds);
        let unproven = format!("c={NO_BINDING_ENCODED},r={both}");
        Ok(Self { verifier, signed: format!("{bare},{message},{unproven}"), unproven, message })
    }

    /// The message that asks.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Checks the client's proof, and proves the own knowledge in turn.
    pub fn proven(&self, message: &[u8]) -> Result<String, ScramError> {
        let keys = &self.verifier.keys;
        let text = readable(message)?;
        let (unproven, proof) = text.rsplit_once(",p=").ok_or(ScramError::Garbled("it holds no proof"))?;
        let proof = decoded(proof, "its proof is not base64")?;
        let stored = keys.stored();
        let signature = keys.hash.sign(&stored, self.signed.as_bytes());
        let client: Vec<u8> = proof.iter().zip(&signature).map(|(proof, sign)| proof ^ sign).collect();
        let shown = digest::digest(keys.hash.digest(), &client);
        if unproven != self.unproven || proof.len() != signature.len() || shown.as_ref() != stored {
            return Err(ScramError::WrongProof);
        }
        Ok(format!("v={}", BASE64.encode(keys.hash.sign(&keys.server, self.signed.as_bytes()))))
    }
}

/// A name in which neither comma nor equals sign means anything.
fn escaped(name: &str) -> String {
    name.replace('=', "=3D").replace(',', "=2C")
}

fn readable(message: &[u8]) -> Result<&str, ScramError> {
    match std::str::from_utf8(message) {
        _ if message.is_empty() => Err(ScramError::Garbled("it is empty")),
        _ if message.len() > LONGEST => Err(ScramError::Garbled("it is too long")),
        Ok(text) => Ok(text),
        Err(_) => Err(ScramError::Garbled("it is not text")),
    }
}

fn decoded(text: &str, otherwise: &'static str) -> Result<Vec<u8>, ScramError> {
    BASE64.decode(text).map_err(|_| ScramError::Garbled(otherwise))
}

/// The fields of a message, which stand in a fixed order.
struct Fields<'a>(std::str::Split<'a, char>);

impl<'a> Fields<'a> {
    /// An error that the server sends in place of its fields is found here.
    fn of(text: &'a str) -> Result<Self, ScramError> {
        match text.strip_prefix("e=") {
            Some(error) => Err(ScramError::Refused(error.split(',').next().unwrap_or_default().to_owned())),
            None => Ok(Self(text.split(','))),
        }
    }

    fn next(&mut self, name: char) -> Result<&'a str, ScramError> {
        let field = self.0.next().unwrap_or_default();
        let value = field.strip_prefix(name).and_then(|rest| rest.strip_prefix('='));
        value.ok_or(ScramError::Garbled("a field is missing"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONCE: &str = "rOprNGfwEbeRWgbNEkqO";
    const SERVER_FIRST: &[u8] =
        b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";

    fn rounds(n: u32) -> NonZeroU32 {
        NonZeroU32::new(n).unwrap()
    }

    fn challenged(message: &[u8]) -> Result<Challenge, ScramError> {
        First::new("user", NONCE).challenged(message)
    }

    fn finished(hash: Hash) -> (String, Awaited) {
        let challenge = challenged(SERVER_FIRST).unwrap();
        challenge.answer(&Keys::derive(hash, b"pencil", &challenge.salt, challenge.rounds))
    }

    #[test]
    fn the_example_of_rfc_7677_is_spoken_word_for_word() {
        assert_eq!(First::new("user", NONCE).message(), "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
        let (last, awaited) = finished(Hash::Sha256);
        assert_eq!(
            last,
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
        );
        assert_eq!(awaited.check(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="), Ok(()));
    }

    #[test]
    fn the_same_conversation_with_sha_512_gives_what_another_implementation_computed() {
        let (last, awaited) = finished(Hash::Sha512);
        assert!(last.ends_with(PROOF_512), "{last}");
        assert_eq!(awaited.check(SIGNATURE_512.as_bytes()), Ok(()));
    }

    const PROOF_512: &str = "gMGXRcevScNtxZ6/8lQYpGtnsNAc3mGcmNomv+xnoOMw+3R2xNJdMNnzMlTN8PPC6wdp6dybEmDYXYTxwnYPJQ==";
    const SIGNATURE_512: &str =
        "v=ZQnYEgWQMFmmsM8aQMF0nDDCy/AgCzkwk8CmMZYcMg0vSVlKDanekLtifDSeVGT4+5ZxXnJq199RVG2rR7N7Zw==";

    #[test]
    fn both_halves_agree_and_a_wrong_password_is_told_from_a_wrong_server() {
        for hash in [Hash::Sha256, Hash::Sha512] {
            let verifier = Verifier::of(hash, b"right, =\xc3\xa9", b"salt", rounds(4096));
            let first = First::new("a,b=c", NONCE);
            let (user, bare) = introduced(first.message().as_bytes()).unwrap();
            assert_eq!(user, "a,b=c");
            let server = Asked::new(verifier, &bare, "theirs").unwrap();
            let challenge = first.challenged(server.message().as_bytes()).unwrap();
            let keys = |password: &[u8]| Keys::derive(hash, password, &challenge.salt, challenge.rounds);
            let (last, awaited) = challenge.answer(&keys(b"right, =\xc3\xa9"));
            let proof = server.proven(last.as_bytes()).unwrap();
            assert_eq!(awaited.check(proof.as_bytes()), Ok(()));
            let (wrong, not_shared) = challenge.answer(&keys(b"wrong"));
            assert_eq!(server.proven(wrong.as_bytes()), Err(ScramError::WrongProof));
            assert_eq!(not_shared.check(proof.as_bytes()), Err(ScramError::Impostor));
        }
    }

    #[test]
    fn a_hostile_server_is_refused_in_words() {
        let ours = format!("r={NONCE}x");
        let cases: [(String, &str); 12] = [
            (String::new(), "empty"),
            ("r=other,s=c2FsdA==,i=4096".into(), "nonce"),
            (format!("r={NONCE},s=c2FsdA==,i=4096"), "nonce"),
            (format!("{ours},s=c2FsdA==,i=1000001"), "1000001 rounds"),
            (format!("{ours},s=c2FsdA==,i=18446744073709551615"), "rounds"),
            (format!("{ours},s=c2FsdA==,i=99999999999999999999999"), "no number"),
            (format!("{ours},s=c2FsdA==,i=1"), "1 rounds"),
            (format!("{ours},s=c2FsdA==,i=-5"), "no number"),
            (format!("{ours},s=?,i=4096"), "not base64"),
            (format!("{ours},s=,i=4096"), "salt is empty"),
            ("e=unknown-user,x".into(), "unknown-user"),
            ("m=ext,r=1,s=c2FsdA==,i=4096".into(), "field is missing"),
        ];
        for (message, word) in cases {
            let error = challenged(message.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(word), "{message}: {error}");
        }
        assert!(challenged(&[0xff; 8]).is_err());
        assert!(challenged(&vec![b'r'; LONGEST + 1]).is_err());
        let (_, awaited) = finished(Hash::Sha256);
        for hostile in ["", "v=", "v=????", "v=AAAA", "x", "e=other-error"] {
            assert!(awaited.check(hostile.as_bytes()).is_err(), "{hostile}");
        }
    }

    #[test]
    fn keys_are_not_shown() {
        let keys = Keys::derive(Hash::Sha256, b"pencil", b"salt", rounds(4096));
        assert_eq!(format!("{keys:?}"), "Keys { hash: Sha256, .. }");
    }
}
