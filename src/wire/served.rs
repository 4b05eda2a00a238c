//! Frames as a broker sees them: requests are decoded here and answers encoded.
//!
//! The other side of `frame`, with the same guard, for every version that the codec knows. Which requests are
//! answered, and what, is the caller's.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use kafka_protocol::{
    messages::{RequestHeader, ResponseHeader},
    protocol::{Decodable, Encodable, HeaderVersion, Request},
};
use thiserror::Error;

use super::guard::GuardedBuf;

/// Longest request that is accepted.
pub const MAX_REQUEST: usize = 1 << 20;

/// The header's version in requests of flexible versions (KIP-482).
const FLEXIBLE_HEADER: i16 = 2;

/// A request that a broker hangs up on.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Hostile {
    /// The announced length is impossible.
    #[error("a request announces a length of {0} bytes")]
    Length(i32),
    /// There is no header.
    #[error("a request of {0} bytes has no header")]
    Short(usize),
    /// It cannot be decoded.
    #[error("request {key} v{version} is not readable: {why}")]
    Garbled {
        /// API key.
        key: i16,
        /// Its version.
        version: i16,
        /// The codec's words.
        why: String,
    },
    /// The answer has no form in the version that was asked for.
    #[error("the answer to {key} v{version} could not be encoded: {why}")]
    Unanswerable {
        /// API key.
        key: i16,
        /// Its version.
        version: i16,
        /// The codec's words.
        why: String,
    },
}

/// The length that the first four bytes of a request announce, if it is acceptable.
pub fn announced(prefix: [u8; 4]) -> Result<usize, Hostile> {
    let length = i32::from_be_bytes(prefix);
    usize::try_from(length).ok().filter(|length| *length <= MAX_REQUEST).ok_or(Hostile::Length(length))
}

/// A request that has arrived, not yet decoded.
#[derive(Debug, Clone)]
pub struct Incoming {
    /// API key.
    pub key: i16,
    /// The version that it is made in.
    pub version: i16,
    /// What its answer must carry.
    pub correlation: i32,
    frame: Bytes,
}

impl Incoming {
    /// From a frame without its length.
    pub fn read(frame: Bytes) -> Result<Self, Hostile> {
        let mut buf = frame.clone();
        let short = |_| Hostile::Short(frame.len());
        let key = buf.try_get_i16().map_err(short)?;
        let version = buf.try_get_i16().map_err(short)?;
        let correlation = buf.try_get_i32().map_err(short)?;
        Ok(Self { key, version, correlation, frame })
    }

    /// Decodes it and encodes what is answered, length included.
    pub fn answer<R: Request>(&self, answer: impl FnOnce(R, i16) -> R::Response) -> Result<Bytes, Hostile> {
        let request = self.decode()?;
        self.reply(&answer(request, self.version), self.version)
    }

    /// The request itself; its counts are checked before memory is reserved for them.
    pub fn decode<R: Request>(&self) -> Result<R, Hostile> {
        let (key, version) = (self.key, self.version);
        let garbled = |why: String| Hostile::Garbled { key, version, why };
        let header = R::header_version(version);
        let mut rest = self.frame.clone();
        RequestHeader::decode(&mut rest, header).map_err(|e| garbled(e.to_string()))?;
        let flexible = header >= FLEXIBLE_HEADER;
        let mut body = if flexible { GuardedBuf::new(rest) } else { GuardedBuf::plain(rest) };
        R::decode(&mut body, version).map_err(|e| garbled(e.to_string()))
    }

    /// An answer's frame in a version of its own, length included.
    pub fn reply<T: Encodable + HeaderVersion>(&self, answer: &T, version: i16) -> Result<Bytes, Hostile> {
        let fail = |why: String| Hostile::Unanswerable { key: self.key, version, why };
        let mut frame = BytesMut::with_capacity(256);
        frame.put_i32(0);
        let header = ResponseHeader::default().with_correlation_id(self.correlation);
        header.encode(&mut frame, T::header_version(version)).map_err(|e| fail(e.to_string()))?;
        answer.encode(&mut frame, version).map_err(|e| fail(e.to_string()))?;
        let length = i32::try_from(frame.len() - 4).map_err(|_| fail("longer than 2 GB".to_owned()))?;
        frame[..4].copy_from_slice(&length.to_be_bytes());
        Ok(frame.freeze())
    }
}

#[cfg(test)]
mod tests {
    use kafka_protocol::messages::{MetadataRequest, MetadataResponse};

    use super::*;
    use crate::wire::{frame, requests};

    fn read(frame: &Bytes) -> Incoming {
        Incoming::read(frame.slice(4..)).unwrap()
    }

    #[test]
    fn what_a_client_asks_is_answered_under_its_correlation_id() {
        let incoming = read(&frame::encode(&requests::metadata(), 12, 77).unwrap());
        assert_eq!((incoming.key, incoming.version, incoming.correlation), (3, 12, 77));
        let answer = incoming.answer(|asked: MetadataRequest, version| {
            assert_eq!((asked.topics, version), (None, 12));
            MetadataResponse::default().with_controller_id(9.into())
        });
        let answer = answer.unwrap().slice(4..);
        assert_eq!(frame::correlation(&answer), Some(77));
        assert_eq!(frame::decode::<MetadataRequest>(answer, 12).unwrap().controller_id.0, 9);
    }

    #[test]
    fn a_count_of_billions_is_refused_in_old_and_new_versions() {
        let head = |version: u8| vec![0, 3, 0, version, 0, 0, 0, 1, 0xff, 0xff];
        let mut old = head(1);
        old.extend([0x7f, 0xff, 0xff, 0xff]);
        let mut new = head(12);
        new.extend([0, 0xff, 0xff, 0xff, 0xff, 0x0f]);
        for frame in [old, new] {
            let incoming = Incoming::read(Bytes::from(frame)).unwrap();
            let refused = incoming.answer(|_: MetadataRequest, _| MetadataResponse::default());
            assert!(matches!(refused, Err(Hostile::Garbled { key: 3, .. })), "{refused:?}");
        }
    }

    #[test]
    fn an_impossible_length_and_a_frame_without_a_header_are_named() {
        assert_eq!(announced([0xff; 4]), Err(Hostile::Length(-1)));
        assert_eq!(announced(*b"GET "), Err(Hostile::Length(1_195_725_856)));
        assert_eq!(Incoming::read(Bytes::from_static(&[0, 3, 0, 1])).unwrap_err(), Hostile::Short(4));
    }
}
