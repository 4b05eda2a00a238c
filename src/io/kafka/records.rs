//! When the first record was written that a group has not read: the head of its batch says so.
//!
//! Whoever has not seen the end of a log pass a commit asks here, for few partitions (see `world::history`). One batch is
//! fetched and nothing of it is unpacked; of a batch larger than that Kafka gives the whole all the same, so it ends
//! when so many bytes have come. What is refused is told as a record without a time.

use std::{collections::BTreeMap, sync::Arc};

use kafka_protocol::messages::{FetchResponse, fetch_response::PartitionData};

use super::observer::Shared;
use crate::{
    domain::{
        freshness::Asked,
        ids::BrokerId,
        lag::{RecordTime, Unread},
    },
    facts::KafkaBody,
    wire::requests,
};

/// Bytes that one look may take: what is not asked is asked in a later one.
const MOST_BYTES: usize = 512 << 10;

/// Bytes of a batch's head, down to its newest timestamp (RecordBatch of the protocol's guide).
const HEAD: usize = 43;

/// The only form of batches whose head is known: Kafka writes it since 0.11.
const MAGIC: u8 = 2;

/// Bits of a batch's attributes: the broker set its time; its first timestamp is a date of deletion (KIP-534).
const APPEND_TIME: i16 = 1 << 3;
const DELETION: i16 = 1 << 6;

/// Asks leaders for the first records that are unread, one after the other, and tells of all of one leader at once.
pub async fn look(shared: &Arc<Shared>, unread: Vec<Unread>) {
    let snapshot = Arc::clone(&shared.roster.snapshot().borrow());
    let mut by_leader: BTreeMap<BrokerId, Vec<Unread>> = BTreeMap::new();
    for one in unread {
        if let Some(leader) = snapshot.leader(&one.topic, one.partition) {
            by_leader.entry(leader).or_default().push(one);
        }
    }
    let mut bytes = 0;
    for (leader, unread) in by_leader {
        let mut told = Vec::new();
        for one in unread {
            if bytes >= MOST_BYTES {
                break;
            }
            let request = requests::first_record(&one.topic, one.partition, one.offset);
            let time = match shared.roster.link(leader) {
                Ok(link) => link.call(&request).await.ok().and_then(|answer| {
                    bytes += answer.bytes;
                    time_of(&answer.body)
                }),
                Err(_) => None,
            };
            let (timestamp, log_start) = time.unwrap_or((-1, None));
            told.push(RecordTime { of: one, timestamp, log_start });
        }
        shared.desk.beside(Asked::EndOffsets, Some(leader), KafkaBody::RecordTimes(told)).await;
    }
}

/// The time of the first record of an answer of one partition, -1 where it has none, and where its log begins.
fn time_of(answer: &FetchResponse) -> Option<(i64, Option<i64>)> {
    let partition = answer.responses.first()?.partitions.first()?;
    let log_start = (partition.log_start_offset >= 0).then_some(partition.log_start_offset);
    Some((written(partition).unwrap_or(-1), log_start))
}

fn written(partition: &PartitionData) -> Option<i64> {
    let head = partition.records.as_ref().filter(|_| partition.error_code == 0)?.get(..HEAD)?;
    if head.get(16) != Some(&MAGIC) {
        return None;
    }
    let attributes = i16::from_be_bytes(head.get(21..23)?.try_into().ok()?);
    let first = i64::from_be_bytes(head.get(27..35)?.try_into().ok()?);
    let newest = i64::from_be_bytes(head.get(35..43)?.try_into().ok()?);
    // The newest is younger than the first, by as long as a batch was gathered.
    Some(if attributes & (APPEND_TIME | DELETION) != 0 || first < 0 { newest } else { first })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn answer(attributes: i16, first: i64, newest: i64) -> PartitionData {
        let mut head = vec![0_u8; 61];
        head[16] = MAGIC;
        head[21..23].copy_from_slice(&attributes.to_be_bytes());
        head[27..35].copy_from_slice(&first.to_be_bytes());
        head[35..43].copy_from_slice(&newest.to_be_bytes());
        PartitionData::default().with_records(Some(Bytes::from(head)))
    }

    #[test]
    fn a_batch_says_when_its_first_record_was_written() {
        assert_eq!(written(&answer(0, 1_000, 1_400)), Some(1_000));
        assert_eq!(written(&answer(2, 1_000, 1_400)), Some(1_000), "packed by snappy");
        assert_eq!(written(&answer(APPEND_TIME, 1_000, 9_000)), Some(9_000), "the broker's own clock");
        assert_eq!(written(&answer(DELETION, 90_000, 1_400)), Some(1_400), "that is when its marks go");
        assert_eq!(written(&answer(0, -1, -1)), Some(-1));
    }

    #[test]
    fn what_is_refused_cut_or_of_another_form_has_no_time() {
        assert_eq!(written(&PartitionData::default()), None);
        assert_eq!(written(&answer(0, 1, 2).with_error_code(29)), None);
        let whole = answer(0, 1, 2).records.unwrap();
        for length in 0..HEAD {
            assert_eq!(written(&PartitionData::default().with_records(Some(whole.slice(..length)))), None);
        }
        let mut old = whole.to_vec();
        old[16] = 1;
        assert_eq!(written(&PartitionData::default().with_records(Some(old.into()))), None);
    }
}
