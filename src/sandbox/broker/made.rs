//! Records that the sandbox's traffic has written: nobody keeps them, each is made from its place when it is read.
//!
//! A record of a topic, a partition and an offset is always the same one. Its time is that of the moment when its
//! partition's end was there, as far as somebody looked, and else by the rate at which its topic is written.

use std::collections::VecDeque;

use bytes::Bytes;
use kafka_protocol::{
    indexmap::IndexMap,
    protocol::StrBytes,
    records::{NO_PRODUCER_EPOCH, NO_PRODUCER_ID, Record, TimestampType},
};

use super::text;

/// Moments that are remembered of a partition.
const MARKS: usize = 4_096;
/// Milliseconds between two of them at least.
const APART: i64 = 250;

/// When a partition's end was where.
#[derive(Debug, Default)]
pub struct Marks(VecDeque<(f64, i64)>);

impl Marks {
    /// Notes where the end is now.
    pub fn note(&mut self, end: f64, now: i64) {
        if self.0.back().is_some_and(|(_, at)| now - at < APART) {
            return;
        }
        if self.0.len() == MARKS {
            self.0.pop_front();
        }
        self.0.push_back((end, now));
    }

    /// When the record of an offset was written, at so many records a second.
    pub fn time(&self, offset: i64, rate: f64) -> i64 {
        let offset = offset as f64;
        let after = self.0.partition_point(|(end, _)| *end <= offset);
        match (after.checked_sub(1).and_then(|at| self.0.get(at)), self.0.get(after)) {
            (Some((low, from)), Some((high, to))) if high > low => {
                from + ((offset - low) / (high - low) * (to - from) as f64) as i64
            }
            (None, Some((first, at))) => at - ((first - offset) / rate * 1_000.0) as i64,
            (Some((_, at)), _) => *at,
            (None, None) => 0,
        }
    }
}

/// A number that belongs to a place, as good as any.
fn number(topic: &str, partition: i32, offset: i64) -> u64 {
    // FNV-1a: the same on every machine and in every version.
    let fold = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    let hash = topic.as_bytes().iter().fold(0xcbf2_9ce4_8422_2325, fold);
    let hash = partition.to_le_bytes().iter().chain(&offset.to_le_bytes()).fold(hash, fold);
    hash ^ (hash >> 29)
}

const ITEMS: [&str; 6] = ["book", "lamp", "chair", "kettle", "bicycle", "poster"];
const STATES: [&str; 4] = ["PLACED", "PAID", "PACKED", "SHIPPED"];
const PAGES: [&str; 4] = ["/", "/search", "/cart", "/checkout"];

/// The record at a place.
pub fn record(topic: &str, compacted: bool, partition: i32, offset: i64, timestamp: i64) -> Record {
    let n = number(topic, partition, offset);
    let pick = |all: &[&'static str], shift: u32| all[(n >> shift) as usize % all.len()];
    let customer = n % 9_000;
    let (key, value) = match topic {
        "orders" | "shipments" => (
            format!("customer-{customer}"),
            format!(
                r#"{{"order":{},"customer":"customer-{customer}","item":"{}","count":{},"total":{}.{:02},"state":"{}"}}"#,
                offset * 12 + i64::from(partition),
                pick(&ITEMS, 8),
                n % 5 + 1,
                n % 400 + 3,
                n % 100,
                pick(&STATES, 16),
            ),
        ),
        "payments" => (
            format!("payment-{:08x}", n as u32),
            format!(
                r#"{{"payment":"{:08x}","customer":"customer-{customer}","amount":{}.{:02},"currency":"EUR","card":{{"brand":"{}","last4":"{:04}"}}}}"#,
                n as u32,
                n % 400 + 3,
                n % 100,
                pick(&["visa", "mastercard", "amex"], 8),
                n % 10_000,
            ),
        ),
        "clicks" => (
            format!("session-{:06x}", n & 0xff_ffff),
            format!(r#"{{"page":"{}","ms":{},"referrer":null}}"#, pick(&PAGES, 8), n % 900 + 12),
        ),
        "inventory" => (
            format!("{}-{}", pick(&ITEMS, 4), n % 40),
            format!(r#"{{"stock":{},"warehouse":"w{}"}}"#, n % 500, n % 3 + 1),
        ),
        _ => (format!("key-{}", n % 1_000), format!("{} {} by user-{}", pick(&STATES, 8), pick(&ITEMS, 16), n % 60)),
    };
    // What brokers keep for themselves is no text.
    let internal = topic.starts_with("__");
    let bytes = |text: String| Bytes::from(if internal { n.to_be_bytes().to_vec() } else { text.into_bytes() });
    // Where topics are compacted a record in sixteen deletes its key.
    let value = (!(compacted && !internal && n.is_multiple_of(16))).then(|| bytes(value));
    let mut headers: IndexMap<StrBytes, Option<Bytes>> = IndexMap::new();
    if !internal && n.is_multiple_of(3) {
        headers.insert(text("trace-id"), Some(Bytes::from(format!("{n:016x}"))));
    }
    Record {
        transactional: false,
        control: false,
        delete_horizon: false,
        partition_leader_epoch: 0,
        producer_id: NO_PRODUCER_ID,
        producer_epoch: NO_PRODUCER_EPOCH,
        timestamp_type: TimestampType::Creation,
        offset,
        // The encoder puts records of one batch together whose offset and sequence go on alike.
        sequence: offset as i32,
        timestamp,
        key: Some(bytes(key)),
        value,
        headers,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_has_always_the_same_record() {
        assert_eq!(record("orders", false, 3, 77, 5), record("orders", false, 3, 77, 5));
        assert_ne!(record("orders", false, 3, 77, 5).value, record("orders", false, 3, 78, 5).value);
        let value = record("payments", false, 0, 1, 0).value.unwrap();
        assert!(serde_json::from_slice::<serde_json::Value>(&value).is_ok());
    }

    #[test]
    fn times_follow_what_was_seen_and_before_that_the_rate() {
        let mut marks = Marks::default();
        marks.note(100.0, 10_000);
        marks.note(200.0, 20_000);
        assert_eq!(marks.time(150, 1.0), 15_000);
        assert_eq!(marks.time(90, 5.0), 8_000);
        assert_eq!(marks.time(250, 1.0), 20_000);
    }
}
