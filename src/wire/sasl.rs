//! Logging in: the frames of SaslHandshake and SaslAuthenticate, and the message of PLAIN.
//!
//! Frames only, as values; what is said in them is `scram`'s. SaslHandshake (key 17) is not flexible in any version,
//! so its answer is read by hand; SaslAuthenticate (key 36) is spoken in version 2, which every broker since 2.4 knows
//! and which tells how long a session lasts (KIP-368). `io::dial::sasl` calls it.

use std::{fmt, time::Duration};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use kafka_protocol::messages::SaslAuthenticateRequest;

use super::frame::{self, CLIENT_ID, FrameError};

/// SaslHandshake's key, and the version in which SaslAuthenticate frames follow (KIP-152).
const HANDSHAKE: i16 = 17;
const HANDSHAKE_VERSION: i16 = 1;

/// The version of SaslAuthenticate that is spoken.
const AUTHENTICATE_VERSION: i16 = 2;

/// Mechanisms that an answer may name; brokers know five.
const MOST_MECHANISMS: usize = 64;

/// Longest name of a mechanism (RFC 4422 §3.1 allows 20).
const LONGEST_NAME: usize = 64;

/// The listener does not offer the mechanism (UNSUPPORTED_SASL_MECHANISM).
pub const UNSUPPORTED_MECHANISM: i16 = 33;
/// The listener asks for no login at all (ILLEGAL_SASL_STATE).
pub const ILLEGAL_STATE: i16 = 34;
/// The credentials were refused (SASL_AUTHENTICATION_FAILED).
pub const REFUSED: i16 = 58;

/// The answer to SaslHandshake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Kafka's error code.
    pub error: i16,
    /// Mechanisms that the listener offers.
    pub mechanisms: Vec<String>,
}

/// The answer to SaslAuthenticate; what it says is not shown, for it may be a proof.
#[derive(Clone, PartialEq, Eq)]
pub struct Reply {
    /// Kafka's error code.
    pub error: i16,
    /// The broker's words for it.
    pub message: Option<String>,
    /// What the mechanism says.
    pub bytes: Bytes,
    /// How long the session lasts, if it ends by itself (`connections.max.reauth.ms`).
    pub lifetime: Option<Duration>,
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply").field("error", &self.error).field("lifetime", &self.lifetime).finish_non_exhaustive()
    }
}

/// SaslHandshake's frame, length included: with which mechanism one wants to log in.
pub fn handshake(mechanism: &str, correlation: i32) -> Bytes {
    let string = |frame: &mut BytesMut, text: &str| {
        // Names of ours, of a few letters.
        frame.put_i16(text.len() as i16);
        frame.put_slice(text.as_bytes());
    };
    let mut body = BytesMut::with_capacity(64);
    body.put_i16(HANDSHAKE);
    body.put_i16(HANDSHAKE_VERSION);
    body.put_i32(correlation);
    string(&mut body, CLIENT_ID);
    string(&mut body, mechanism);
    let mut frame = BytesMut::with_capacity(body.len() + 4);
    frame.put_i32(body.len() as i32);
    frame.put_slice(&body);
    frame.freeze()
}

/// What a listener offers, from a frame without its length.
pub fn offer(frame: &Bytes, correlation: i32) -> Result<Offer, FrameError> {
    let fail = |why: &str| FrameError::Decode { api: "SaslHandshake", version: 1, why: why.to_owned() };
    let short = |_| fail("it is too short");
    let mut buf = frame.clone();
    if buf.try_get_i32().map_err(short)? != correlation {
        return Err(fail("it is the answer to something else"));
    }
    let error = buf.try_get_i16().map_err(short)?;
    let count = usize::try_from(buf.try_get_i32().map_err(short)?).unwrap_or(0);
    if count > MOST_MECHANISMS {
        return Err(fail("it names too many mechanisms"));
    }
    let mechanism = |_| {
        let length = usize::try_from(buf.try_get_i16().map_err(short)?).unwrap_or(usize::MAX);
        if length > LONGEST_NAME || length > buf.remaining() {
            return Err(fail("a mechanism's name is too long"));
        }
        Ok(String::from_utf8_lossy(&buf.split_to(length)).into_owned())
    };
    let mechanisms = (0..count).map(mechanism).collect::<Result<_, _>>()?;
    Ok(Offer { error, mechanisms })
}

/// SaslAuthenticate's frame, length included.
pub fn authenticate(bytes: impl Into<Bytes>, correlation: i32) -> Result<Bytes, FrameError> {
    frame::encode(&SaslAuthenticateRequest::default().with_auth_bytes(bytes.into()), AUTHENTICATE_VERSION, correlation)
}

/// What a broker replies to SaslAuthenticate, from a frame without its length.
pub fn reply(frame: Bytes, correlation: i32) -> Result<Reply, FrameError> {
    if frame::correlation(&frame) != Some(correlation) {
        let why = "it is the answer to something else".to_owned();
        return Err(FrameError::Decode { api: "SaslAuthenticate", version: AUTHENTICATE_VERSION, why });
    }
    let answer = frame::decode::<SaslAuthenticateRequest>(frame, AUTHENTICATE_VERSION)?;
    let lifetime = u64::try_from(answer.session_lifetime_ms).ok().filter(|ms| *ms > 0);
    Ok(Reply {
        error: answer.error_code,
        message: answer.error_message.map(|m| m.to_string()),
        bytes: answer.auth_bytes,
        lifetime: lifetime.map(Duration::from_millis),
    })
}

/// PLAIN's only message (RFC 4616): nobody is acted for.
pub fn plain(user: &str, password: &[u8]) -> Vec<u8> {
    [b"\0", user.as_bytes(), b"\0", password].concat()
}

/// The user and password of PLAIN's message.
pub fn plain_read(message: &[u8]) -> Option<(&str, &[u8])> {
    let mut parts = message.splitn(3, |byte| *byte == 0);
    let (_, user, password) = (parts.next()?, parts.next()?, parts.next()?);
    Some((std::str::from_utf8(user).ok()?, password))
}

#[cfg(test)]
mod tests {
    use kafka_protocol::{
        messages::{SaslAuthenticateResponse, SaslHandshakeRequest, SaslHandshakeResponse},
        protocol::StrBytes,
    };

    use super::*;
    use crate::wire::served::Incoming;

    fn incoming(frame: &Bytes) -> Incoming {
        Incoming::read(frame.slice(4..)).unwrap()
    }

    #[test]
    fn a_broker_reads_our_handshake_and_we_its_offer() {
        let asked = incoming(&handshake("SCRAM-SHA-512", 3));
        let answer = asked.answer(|request: SaslHandshakeRequest, version| {
            assert_eq!((request.mechanism.as_str(), version), ("SCRAM-SHA-512", 1));
            let offered = ["PLAIN", "SCRAM-SHA-256"].map(StrBytes::from_static_str);
            SaslHandshakeResponse::default().with_error_code(UNSUPPORTED_MECHANISM).with_mechanisms(offered.into())
        });
        let read = offer(&answer.unwrap().slice(4..), 3).unwrap();
        assert_eq!((read.error, read.mechanisms.join(" ")), (33, "PLAIN SCRAM-SHA-256".to_owned()));
    }

    #[test]
    fn a_session_that_ends_says_when() {
        let told = |ms: i64| {
            let asked = incoming(&authenticate("n,,n=u,r=1", 4).unwrap());
            let answer = asked.answer(|request: SaslAuthenticateRequest, _| {
                assert_eq!(&request.auth_bytes[..], b"n,,n=u,r=1");
                SaslAuthenticateResponse::default().with_session_lifetime_ms(ms)
            });
            reply(answer.unwrap().slice(4..), 4).unwrap().lifetime
        };
        assert_eq!(told(10_000), Some(Duration::from_secs(10)));
        assert_eq!((told(0), told(-1)), (None, None));
    }

    #[test]
    fn hostile_answers_are_errors_and_no_memory_is_reserved_for_them() {
        let bad: [&[u8]; 6] = [
            &[],
            &[0, 0, 0, 1, 0, 33],
            &[0, 0, 0, 2, 0, 33, 0, 0, 0, 0],
            &[0, 0, 0, 1, 0, 33, 0x7f, 0xff, 0xff, 0xff],
            &[0, 0, 0, 1, 0, 33, 0, 0, 0, 1, 0x7f, 0xff, 1],
            &[0, 0, 0, 1, 0, 33, 0, 0, 0, 1, 0, 5, b'P'],
        ];
        for frame in bad {
            assert!(offer(&Bytes::from_static(frame), 1).is_err(), "{frame:?}");
        }
        assert!(reply(Bytes::from_static(&[0, 0, 0, 9]), 1).is_err());
        assert!(reply(Bytes::from_static(&[0, 0, 0, 1, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x0f]), 1).is_err());
    }

    #[test]
    fn plain_is_two_zeros_and_what_stands_behind_them() {
        assert_eq!(plain("u", b"p\0q"), b"\0u\0p\0q");
        assert_eq!(plain_read(b"\0u\0p\0q"), Some(("u", &b"p\0q"[..])));
        assert_eq!(plain_read(b"nothing"), None);
    }
}
