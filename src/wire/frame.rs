//! Frames: a length, a header with a correlation id, a body.
//!
//! Requests are encoded and answers decoded here, whole frames only; reading and writing them is `io`'s.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use kafka_protocol::{
    messages::{ApiVersionsResponse, RequestHeader, ResponseHeader, api_versions_response::ApiVersion},
    protocol::{Decodable, Encodable, HeaderVersion, Message, StrBytes},
};
use thiserror::Error;

use super::{guard::GuardedBuf, requests::Ask};

/// Longest answer that is accepted.
pub const MAX_FRAME: usize = 8 << 20;

/// How we call ourselves in every request.
pub const CLIENT_ID: &str = "kafdeck";

/// Bytes of a correlation id, with which every answer begins.
const MIN_FRAME: usize = 4;

/// The broker's word for a version that it does not know (UNSUPPORTED_VERSION).
const UNSUPPORTED_VERSION: i16 = 35;

/// The first byte of an alert in TLS; two bytes of a version follow.
const TLS_ALERT: u8 = 0x15;

/// A frame that could not be made or understood.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FrameError {
    /// The announced length is impossible.
    #[error("the answer announces a length of {0} bytes, which is no Kafka answer")]
    Length(i32),
    /// The announced length is more than we accept.
    #[error("the answer announces {announced} bytes, more than the {MAX_FRAME} that are accepted")]
    TooLong {
        /// Bytes announced.
        announced: usize,
    },
    /// It is an alert of TLS (RFC 8446 §6).
    #[error("the answer is an alert of TLS: the port is encrypted, and was spoken to in plain text")]
    Tls,
    /// A request could not be encoded.
    #[error("{api} v{version} could not be encoded: {why}")]
    Encode {
        /// The request's name.
        api: &'static str,
        /// Its version.
        version: i16,
        /// The codec's words.
        why: String,
    },
    /// An answer could not be decoded.
    #[error("the answer to {api} v{version} is not readable: {why}")]
    Decode {
        /// The request's name.
        api: &'static str,
        /// Its version.
        version: i16,
        /// The codec's words.
        why: String,
    },
}

/// The length that the first four bytes of an answer announce, if it is acceptable.
pub fn announced(prefix: [u8; 4]) -> Result<usize, FrameError> {
    if matches!(prefix, [TLS_ALERT, 3, 0..=4, _]) {
        return Err(FrameError::Tls);
    }
    let length = i32::from_be_bytes(prefix);
    match usize::try_from(length) {
        Ok(length) if length > MAX_FRAME => Err(FrameError::TooLong { announced: length }),
        Ok(length) if length >= MIN_FRAME => Ok(length),
        _ => Err(FrameError::Length(length)),
    }
}

/// The correlation id of an answer, without its length.
pub fn correlation(frame: &[u8]) -> Option<i32> {
    frame.first_chunk().map(|id| i32::from_be_bytes(*id))
}

/// A request's frame, length included.
pub fn encode<R: Ask>(request: &R, version: i16, correlation: i32) -> Result<Bytes, FrameError> {
    let fail = |why: String| FrameError::Encode { api: R::NAME, version, why };
    let header = RequestHeader::default()
        .with_request_api_key(R::KEY)
        .with_request_api_version(version)
        .with_correlation_id(correlation)
        .with_client_id(Some(StrBytes::from_static_str(CLIENT_ID)));
    let mut frame = BytesMut::with_capacity(128);
    frame.put_i32(0);
    header.encode(&mut frame, R::header_version(version)).map_err(|e| fail(e.to_string()))?;
    request.encode(&mut frame, version).map_err(|e| fail(e.to_string()))?;
    let length = i32::try_from(frame.len() - 4).map_err(|_| fail("longer than 2 GB".to_owned()))?;
    frame[..4].copy_from_slice(&length.to_be_bytes());
    Ok(frame.freeze())
}

/// The answer in a frame without its length; `version` must be one that `Ask` allows.
pub fn decode<R: Ask>(frame: Bytes, version: i16) -> Result<R::Response, FrameError> {
    let fail = |why: String| FrameError::Decode { api: R::NAME, version, why };
    if version < R::LOWEST || version > <R::Response as Message>::VERSIONS.max {
        // Counts of other versions are not guarded.
        return Err(fail("this version is not used".to_owned()));
    }
    let mut buf = GuardedBuf::new(frame);
    ResponseHeader::decode(&mut buf, R::Response::header_version(version)).map_err(|e| fail(e.to_string()))?;
    R::Response::decode(&mut buf, version).map_err(|e| fail(e.to_string()))
}

/// The answer to ApiVersions (key 18) v0, and to a later version that the broker does not know (KIP-511).
///
/// It is not flexible, so it is read by hand: error code, count, and three i16 for each key.
pub fn decode_oldest_api_versions(frame: &Bytes) -> Result<ApiVersionsResponse, FrameError> {
    let fail = |why: &str| FrameError::Decode { api: "ApiVersions", version: 0, why: why.to_owned() };
    let mut buf = frame.clone();
    let short = |_| fail("it is too short");
    buf.try_get_i32().map_err(short)?;
    let error_code = buf.try_get_i16().map_err(short)?;
    let count = usize::try_from(buf.try_get_i32().map_err(short)?).map_err(|_| fail("its count is negative"))?;
    if count.saturating_mul(6) > buf.remaining() {
        return Err(fail("it announces more keys than it holds"));
    }
    let api_keys = (0..count)
        .map(|_| {
            ApiVersion::default()
                .with_api_key(buf.get_i16())
                .with_min_version(buf.get_i16())
                .with_max_version(buf.get_i16())
        })
        .collect();
    Ok(ApiVersionsResponse::default().with_error_code(error_code).with_api_keys(api_keys))
}

/// True when a broker refuses our version of ApiVersions and wants to be asked with version 0.
pub fn wants_oldest_api_versions(frame: &[u8]) -> bool {
    frame.get(4..6).is_some_and(|code| code == UNSUPPORTED_VERSION.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_impossible_length_is_named() {
        assert_eq!(announced([0, 0, 0, 4]), Ok(4));
        assert_eq!(announced([0xff, 0xff, 0xff, 0xff]), Err(FrameError::Length(-1)));
        assert_eq!(announced([0, 0, 0, 3]), Err(FrameError::Length(3)));
        let large = announced((100_i32 << 20).to_be_bytes()).unwrap_err();
        assert!(large.to_string().contains("104857600 bytes, more than the 8388608"), "{large}");
        let http = announced(*b"HTTP").unwrap_err();
        assert!(http.to_string().contains("1213486160"), "{http}");
        assert_eq!(announced([0x15, 3, 3, 0]), Err(FrameError::Tls));
    }

    #[test]
    fn the_oldest_api_versions_is_read_by_hand_and_never_beyond_its_end() {
        let good = Bytes::from_static(&[0, 0, 0, 1, 0, 35, 0, 0, 0, 1, 0, 18, 0, 0, 0, 2]);
        assert!(wants_oldest_api_versions(&good));
        let read = decode_oldest_api_versions(&good).unwrap();
        assert_eq!((read.error_code, read.api_keys[0].api_key, read.api_keys[0].max_version), (35, 18, 2));
        let bad = Bytes::from_static(&[0, 0, 0, 1, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0, 18]);
        assert!(decode_oldest_api_versions(&bad).is_err());
        for length in 0..good.len() {
            assert!(decode_oldest_api_versions(&good.slice(..length)).is_err());
        }
    }
}
