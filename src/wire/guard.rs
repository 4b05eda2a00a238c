//! A buffer that refuses announced lengths that its bytes cannot hold.
//!
//! kafka-protocol's compact arrays reserve memory for a count that nothing has checked: 17 bytes can
//! ask for 400 GB, which aborts the process. In flexible versions (KIP-482) every count and every
//! length is an unsigned varint, and the codec reads those, and booleans, byte by byte through
//! `try_get_u8`. So the guard follows these bytes and fails the read that completes an impossible
//! number, before the codec sees it. Versions that are not flexible read counts as plain i32, which
//! cannot be told from other numbers: answers in them are never decoded (see `frame`), and requests in them only
//! by a broker, which refuses every i32 that no count may be (see `served`).
//!
//! Strings cannot fool it: their bytes are taken whole. A boolean that is neither 0 nor 1 may be taken
//! for the first byte of the varint after it; that makes the number larger, never smaller, so the guard
//! errs towards refusing.

use std::ops::Range;

use bytes::{Buf, Bytes, TryGetError};
use kafka_protocol::protocol::buf::ByteBuf;

/// Numbers up to this are let through whatever is left: tags are numbers too, and so few elements cost nothing.
const HARMLESS: u64 = 64;

/// No array has more elements, and no string or assignment more bytes; bounds what one count may reserve.
pub const MAX_COUNT: u64 = 1 << 18;

/// Bytes of a varint of 32 bits.
const MAX_VARINT: u32 = 5;

/// A body's bytes, guarded.
#[derive(Debug)]
pub struct GuardedBuf {
    bytes: Bytes,
    /// Counts are varints; else they are plain i32.
    flexible: bool,
    /// The varint that is being read: its value so far, and how many bytes it has.
    varint: u64,
    length: u32,
    /// What was left after the varint's last byte; another figure means that something else was read since.
    left: usize,
}

impl GuardedBuf {
    /// Guards the bytes of a body in a flexible version.
    pub fn new(bytes: Bytes) -> Self {
        Self { bytes, flexible: true, varint: 0, length: 0, left: 0 }
    }

    /// Guards the bytes of a body in a version that is not flexible: any i32 may be a count, so none may be more than
    /// `MAX_COUNT`. Right where all of them are counts, indexes, ids and epochs, as in the requests of `served`.
    pub fn plain(bytes: Bytes) -> Self {
        Self { flexible: false, ..Self::new(bytes) }
    }

    /// Follows a byte that may be part of a varint; an error when it completes an impossible number.
    fn follow(&mut self, byte: u8) -> Result<(), TryGetError> {
        let left = self.bytes.remaining();
        if self.length > 0 && self.left != left + 1 {
            (self.varint, self.length) = (0, 0);
        }
        self.varint |= u64::from(byte & 0x7f) << (self.length * 7);
        self.length += 1;
        self.left = left;
        let refused = TryGetError { requested: usize::try_from(self.varint).unwrap_or(usize::MAX), available: left };
        if byte & 0x80 != 0 {
            return if self.length >= MAX_VARINT { Err(refused) } else { Ok(()) };
        }
        let value = self.varint;
        (self.varint, self.length) = (0, 0);
        // A compact count is one more than its elements, and every element takes a byte at least.
        let possible = (left as u64 + 1).clamp(HARMLESS, MAX_COUNT);
        if value > possible { Err(refused) } else { Ok(()) }
    }
}

impl Buf for GuardedBuf {
    fn remaining(&self) -> usize {
        self.bytes.remaining()
    }

    fn chunk(&self) -> &[u8] {
        self.bytes.chunk()
    }

    fn advance(&mut self, count: usize) {
        self.bytes.advance(count);
    }

    fn copy_to_bytes(&mut self, count: usize) -> Bytes {
        self.bytes.copy_to_bytes(count)
    }

    fn try_get_u8(&mut self) -> Result<u8, TryGetError> {
        let byte = self.bytes.try_get_u8()?;
        if self.flexible {
            self.follow(byte)?;
        }
        Ok(byte)
    }

    fn try_get_i32(&mut self) -> Result<i32, TryGetError> {
        let number = self.bytes.try_get_i32()?;
        let available = self.bytes.remaining();
        match u64::try_from(number) {
            Ok(count) if !self.flexible && count > MAX_COUNT => {
                Err(TryGetError { requested: usize::try_from(count).unwrap_or(usize::MAX), available })
            }
            _ => Ok(number),
        }
    }

    fn get_u8(&mut self) -> u8 {
        // The codec never calls it; a refused number becomes 0, which reads as an absent array.
        self.try_get_u8().unwrap_or_default()
    }
}

impl ByteBuf for GuardedBuf {
    fn peek_bytes(&mut self, range: Range<usize>) -> Bytes {
        self.bytes.slice(range)
    }

    fn get_bytes(&mut self, size: usize) -> Bytes {
        self.bytes.split_to(size)
    }
}

#[cfg(test)]
mod tests {
    use kafka_protocol::{
        messages::{
            AlterClientQuotasResponse, AlterPartitionReassignmentsResponse, AlterUserScramCredentialsResponse,
            CreateAclsResponse, CreatePartitionsResponse, CreateTopicsResponse, DeleteAclsResponse,
            DeleteGroupsResponse, DeleteTopicsResponse, DescribeAclsResponse, DescribeClientQuotasResponse,
            DescribeConfigsResponse, DescribeQuorumResponse, DescribeUserScramCredentialsResponse,
            ElectLeadersResponse, FindCoordinatorResponse, IncrementalAlterConfigsResponse,
            ListPartitionReassignmentsResponse, MetadataResponse, OffsetCommitResponse,
        },
        protocol::Decodable,
    };

    use super::*;

    fn read(bytes: &'static [u8]) -> Vec<Result<u8, TryGetError>> {
        let mut buf = GuardedBuf::new(Bytes::from_static(bytes));
        (0..bytes.len()).map(|_| buf.try_get_u8()).collect()
    }

    #[test]
    fn a_count_of_billions_in_a_short_frame_is_refused() {
        // throttle 0, then a compact array of 0xfffffffe brokers.
        let frame = Bytes::from_static(&[0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0, 0, 1]);
        for version in 9..=13 {
            assert!(MetadataResponse::decode(&mut GuardedBuf::new(frame.clone()), version).is_err());
        }
    }

    #[test]
    fn counts_of_voters_and_configs_are_refused_before_memory_is_reserved_for_them() {
        const BILLIONS: [u8; 5] = [0xff, 0xff, 0xff, 0xff, 0x0f];
        let frame = |before: &[u8]| Bytes::from([before, &BILLIONS, &[0, 0, 0, 1]].concat());
        let quorum = |before: &[u8], version| {
            DescribeQuorumResponse::decode(&mut GuardedBuf::new(frame(before)), version).is_err()
        };
        // Error 0, then topics; in one topic `t`, partitions; in partition 0 without error, of leader and epoch 0, with
        // a watermark of 0, voters.
        let partition: &[u8] = &[0, 0, 2, 2, b't', 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let voters = [partition, &[0; 8]].concat();
        for version in 0..=1 {
            assert!(quorum(&[0, 0], version) && quorum(&[0, 0, 2, 2, b't'], version) && quorum(&voters, version));
        }
        assert!(quorum(&[0, 0, 0], 2) && quorum(&[0, 0, 0, 1], 2), "topics and nodes");
        let configs = |before: &[u8]| DescribeConfigsResponse::decode(&mut GuardedBuf::new(frame(before)), 4).is_err();
        // Throttle 0, then results; in a result without error of broker `0`, configs.
        let result: &[u8] = &[0, 0, 0, 0, 2, 0, 0, 0, 4, 2, b'0'];
        assert!(configs(&[0; 4]) && configs(result), "results and configs");
        // In a config `a` without a value, synonyms; and behind none of them, the length of a documentation.
        let config = [result, &[2, 2, b'a', 0, 0, 4, 0]].concat();
        assert!(configs(&config) && configs(&[config.as_slice(), &[1, 2]].concat()), "synonyms and documentation");
    }

    #[test]
    fn users_acls_and_quotas_by_the_billion_are_refused() {
        // throttle 0, error 0, no message, then 0xfffffffe elements; and in the answer of quotas the same.
        let frame = Bytes::from_static(&[0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0, 0, 1]);
        let guarded = || GuardedBuf::new(frame.clone());
        assert!(DescribeUserScramCredentialsResponse::decode(&mut guarded(), 0).is_err());
        assert!(DescribeAclsResponse::decode(&mut guarded(), 2).is_err());
        assert!(DescribeAclsResponse::decode(&mut guarded(), 3).is_err());
        assert!(DescribeClientQuotasResponse::decode(&mut guarded(), 1).is_err());
        // One resource whose name is 1 byte long, literal, with 0xfffffffe ACLs.
        let nested = [0, 0, 0, 0, 0, 0, 0, 2, 2, 2, b'x', 3, 0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0];
        let mut nested = GuardedBuf::new(Bytes::copy_from_slice(&nested));
        assert!(DescribeAclsResponse::decode(&mut nested, 3).is_err());
    }

    #[test]
    fn answers_to_changes_by_the_billion_are_refused() {
        // Throttle 0, then 0xfffffffe topics, partitions, groups, rules, entries.
        let frame = Bytes::from_static(&[0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0, 0, 1]);
        macro_rules! refused {
            ($($answer:ident $($version:literal)+),* $(,)?) => {$($(
                let mut buf = GuardedBuf::new(frame.clone());
                assert!($answer::decode(&mut buf, $version).is_err(), concat!(stringify!($answer), " v", $version));
            )+)*};
        }
        refused! {
            CreateTopicsResponse 5 6 7, DeleteTopicsResponse 6, CreatePartitionsResponse 2 3,
            IncrementalAlterConfigsResponse 1, AlterUserScramCredentialsResponse 0, CreateAclsResponse 2 3,
            DeleteAclsResponse 2 3, AlterClientQuotasResponse 1, OffsetCommitResponse 8 9, DeleteGroupsResponse 2,
            FindCoordinatorResponse 4 5 6,
        }
        // Throttle 0, error 0, and no message where there is room for one; then as many topics.
        let whole = |before: &[u8]| {
            GuardedBuf::new(Bytes::from([before, &[0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0, 0, 1]].concat()))
        };
        assert!(ElectLeadersResponse::decode(&mut whole(&[0; 6]), 2).is_err());
        assert!(ListPartitionReassignmentsResponse::decode(&mut whole(&[0; 7]), 0).is_err());
        assert!(AlterPartitionReassignmentsResponse::decode(&mut whole(&[0; 7]), 0).is_err());
        assert!(AlterPartitionReassignmentsResponse::decode(&mut whole(&[0, 0, 0, 0, 1, 0, 0, 0]), 1).is_err());
    }

    #[test]
    fn a_varint_of_more_than_five_bytes_is_refused_at_the_fifth() {
        assert!(read(&[0x80, 0x80, 0x80, 0x80, 0x80, 0]).into_iter().take(5).any(|r| r.is_err()));
    }

    #[test]
    fn small_numbers_and_what_the_bytes_can_hold_pass() {
        assert!(read(&[1, 0, 3, 64]).iter().all(Result::is_ok));
        let mut long = vec![0xc8, 0x01];
        long.extend([0; 199]);
        let mut buf = GuardedBuf::new(Bytes::from(long));
        assert!(buf.try_get_u8().is_ok() && buf.try_get_u8().is_ok(), "199 elements in 199 bytes");
        assert!(read(&[0xc8, 0x01, 0])[1].is_err(), "199 elements in one byte");
    }

    #[test]
    fn bytes_that_are_not_adjacent_are_not_one_number() {
        let mut buf = GuardedBuf::new(Bytes::from_static(&[0x80, 0, 0, 7, 1, 1]));
        assert!(buf.try_get_u8().is_ok());
        assert!(buf.try_get_i16().is_ok());
        assert_eq!(buf.try_get_u8(), Ok(7));
    }

    #[test]
    fn a_plain_count_of_billions_is_refused_and_other_numbers_pass() {
        let read = |bytes: &'static [u8]| GuardedBuf::plain(Bytes::from_static(bytes)).try_get_i32();
        assert!(read(&[0x7f, 0xff, 0xff, 0xff]).is_err());
        assert_eq!(read(&[0, 0, 4, 0]), Ok(1024));
        assert_eq!(read(&[0xff, 0xff, 0xff, 0xff]), Ok(-1));
        let mut flags = GuardedBuf::plain(Bytes::from_static(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff]));
        assert!((0..6).all(|_| flags.try_get_u8().is_ok()), "there are no varints");
    }

    #[test]
    fn a_false_boolean_before_a_number_makes_it_larger_never_smaller() {
        assert!(read(&[0x80, 0xff, 0xff, 0xff, 0x0f, 0]).iter().any(Result::is_err));
        assert!(read(&[0x80, 0x80, 0xff, 0xff, 0xff, 0xff, 0x0f]).iter().any(Result::is_err));
    }
}
