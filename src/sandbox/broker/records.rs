//! What brokers keep of records: batches as producers sent them, beside those of the traffic, which are `made`.
//!
//! A batch is kept and given back as it came, codec and all, with the offset that it was given; only so many bytes
//! are kept of a partition, the newest. Who may read and write is `fetch`'s and `produce`'s part.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::{Bytes, BytesMut};
use kafka_protocol::records::{Compression, RecordBatchDecoder, RecordBatchEncoder, RecordEncodeOptions};
use tokio::sync::watch;

use super::made::{self, Marks};
use crate::sandbox::kafka::{Partition, Topic};

/// Bytes that are kept of what producers sent to a partition.
const KEPT: usize = 4 << 20;
/// Records that are made for one answer of a partition.
const MOST_MADE: i64 = 500;
/// Slowest rate at which a topic counts as written, in records a second: its records need a time.
const SLOWEST: f64 = 0.001;

/// Bytes of a batch's head, from its offset to its count of records (RecordBatch of the protocol's guide).
const HEAD: usize = 61;

/// What producers sent, by topic id and partition, and when ends were where. Cheap to clone.
#[derive(Clone, Default)]
pub struct Records {
    logs: Arc<Mutex<Logs>>,
    written: watch::Sender<u64>,
}

#[derive(Default)]
struct Logs {
    partitions: BTreeMap<([u8; 16], i32), Log>,
    producers: i64,
}

#[derive(Default)]
struct Log {
    marks: Marks,
    /// By the first offset.
    batches: BTreeMap<i64, Batch>,
    bytes: usize,
}

struct Batch {
    last: i64,
    newest: i64,
    /// Producer, epoch and sequence: what is sent again has the same.
    identity: [u8; 14],
    bytes: Bytes,
}

/// Where a batch was put.
pub struct Placed {
    /// The offset of its first record.
    pub first: i64,
    /// How many records it adds; none when it was there already.
    pub added: i64,
}

impl Records {
    fn logs(&self) -> MutexGuard<'_, Logs> {
        self.logs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes when something was written.
    pub fn written(&self) -> watch::Receiver<u64> {
        self.written.subscribe()
    }

    /// A producer id that nobody has yet.
    pub fn producer(&self) -> i64 {
        let mut logs = self.logs();
        logs.producers += 1;
        999 + logs.producers
    }

    /// Puts a batch at the end of a partition; none when it is no batch of today's form.
    pub fn append(&self, id: [u8; 16], index: i32, end: f64, now: i64, batch: &Bytes) -> Option<Placed> {
        let infos = RecordBatchDecoder::decode_batch_info(&mut batch.clone()).ok()?;
        let [info] = infos.as_slice() else { return None };
        let added = i64::from(info.record_count);
        let newest = i64::from_be_bytes(batch.get(35..43)?.try_into().ok()?);
        let identity: [u8; 14] = batch.get(43..57)?.try_into().ok()?;
        if added < 1 || batch.len() < HEAD {
            return None;
        }
        let mut logs = self.logs();
        let log = logs.partitions.entry((id, index)).or_default();
        log.marks.note(end, now);
        let idempotent = info.producer_id >= 0;
        let twin = log.batches.iter().rev().take(8).find(|(_, b)| idempotent && b.identity == identity);
        if let Some((first, _)) = twin {
            return Some(Placed { first: *first, added: 0 });
        }
        let first = end.floor() as i64;
        let mut bytes = BytesMut::from(&batch[..]);
        // The offset lies outside of what the checksum covers.
        bytes[..8].copy_from_slice(&first.to_be_bytes());
        log.bytes += bytes.len();
        let kept = Batch { last: first + added - 1, newest, identity, bytes: bytes.freeze() };
        log.batches.insert(first, kept);
        while log.bytes > KEPT && log.batches.len() > 1 {
            if let Some((_, gone)) = log.batches.pop_first() {
                log.bytes -= gone.bytes.len();
            }
        }
        drop(logs);
        self.written.send_modify(|n| *n = n.wrapping_add(1));
        Some(Placed { first, added })
    }

    /// Batches from an offset up to a partition's end, about so many bytes of them and at least one.
    pub fn read(&self, name: &str, topic: &Topic, index: i32, from: i64, most: usize, now: i64) -> Bytes {
        let Some(partition) = usize::try_from(index).ok().and_then(|i| topic.partitions.get(i)) else {
            return Bytes::new();
        };
        let mut logs = self.logs();
        let log = logs.partitions.entry((topic.id, index)).or_default();
        log.marks.note(partition.end, now);
        let (mut at, end) = (from, partition.end.floor() as i64);
        let mut out = BytesMut::new();
        while at < end && out.len() < most.max(1) {
            let here = log.batches.range(..=at).next_back().filter(|(_, b)| b.last >= at);
            if let Some((_, batch)) = here {
                out.extend_from_slice(&batch.bytes);
                at = batch.last + 1;
                continue;
            }
            let next = log.batches.range(at..).next().map_or(end, |(first, _)| *first);
            let room = (most.saturating_sub(out.len()) / topic.record_bytes.max(16.0) as usize).max(1) as i64;
            let until = next.min(end).min(at + room.min(MOST_MADE));
            if !log.make(name, topic, partition, index, at..until, &mut out) {
                break;
            }
            at = until;
        }
        out.freeze()
    }

    /// The first offset whose record has this time or a later one, and its time.
    pub fn find(&self, topic: &Topic, index: i32, at: i64, now: i64) -> Option<(i64, i64)> {
        let partition = topic.partitions.get(usize::try_from(index).ok()?)?;
        let mut logs = self.logs();
        let log = logs.partitions.entry((topic.id, index)).or_default();
        log.marks.note(partition.end, now);
        let (mut low, mut high) = (partition.start.floor() as i64, partition.end.floor() as i64);
        let end = high;
        while low < high {
            let middle = low + (high - low) / 2;
            if log.time(topic, middle) < at { low = middle + 1 } else { high = middle }
        }
        (low < end).then(|| (low, log.time(topic, low)))
    }
}

impl Log {
    fn time(&self, topic: &Topic, offset: i64) -> i64 {
        let sent = self.batches.range(..=offset).next_back().filter(|(_, b)| b.last >= offset);
        let rate = (topic.rate / topic.partitions.len().max(1) as f64).max(SLOWEST);
        sent.map_or_else(|| self.marks.time(offset, rate), |(_, batch)| batch.newest)
    }

    /// Makes the traffic's records of some offsets; false when nothing came of it.
    fn make(
        &self,
        name: &str,
        topic: &Topic,
        partition: &Partition,
        index: i32,
        offsets: std::ops::Range<i64>,
        out: &mut BytesMut,
    ) -> bool {
        let compacted = topic.configs.get("cleanup.policy").is_some_and(|policy| policy == "compact");
        let records: Vec<_> = offsets
            .map(|offset| {
                let mut record = made::record(name, compacted, index, offset, self.time(topic, offset));
                record.partition_leader_epoch = partition.epoch;
                record
            })
            .collect();
        let options = RecordEncodeOptions { version: 2, compression: Compression::None };
        !records.is_empty() && RecordBatchEncoder::encode(out, &records, &options).is_ok()
    }
}
