//! How brokers give records: Fetch, which waits a while where there are none yet.

use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::{
    ResponseError,
    messages::{
        FetchRequest, FetchResponse, TopicName,
        fetch_request::{FetchPartition, FetchTopic},
        fetch_response::{FetchableTopicResponse, PartitionData},
    },
};

use super::{View, whole};
use crate::sandbox::kafka::{Partition, Topic};

/// The first version in which topics are named by their ids (KIP-516).
const BY_ID: i16 = 13;

/// Longest that a request is held up.
const LONGEST: Duration = Duration::from_secs(5);

/// How long a client lets itself be held up.
pub fn patience(asked: &FetchRequest) -> Duration {
    Duration::from_millis(u64::try_from(asked.max_wait_ms).unwrap_or(0)).min(LONGEST)
}

/// True for an answer that is worth giving at once: enough records, or an error.
pub fn is_due(answer: &FetchResponse, asked: &FetchRequest) -> bool {
    let partitions = || answer.responses.iter().flat_map(|t| &t.partitions);
    let bytes: usize = partitions().filter_map(|p| p.records.as_ref()).map(Bytes::len).sum();
    let least = usize::try_from(asked.min_bytes).unwrap_or(0);
    bytes >= least || partitions().any(|p| p.error_code != 0)
}

/// Fetch (key 1), of partitions that this broker leads. Sessions (KIP-227) are never begun, which is a broker's right.
pub fn fetch(view: &View<'_>, asked: &FetchRequest, version: i16) -> FetchResponse {
    let mut room = usize::try_from(asked.max_bytes).unwrap_or(0);
    let topics = asked.topics.iter().map(|asked| {
        let found = found(view, asked, version);
        let partitions = asked.partitions.iter().map(|p| {
            let answer = partition(view, found, p, room, version);
            room = room.saturating_sub(answer.records.as_ref().map_or(0, Bytes::len));
            answer
        });
        let partitions = partitions.collect();
        let answer = FetchableTopicResponse::default().with_partitions(partitions);
        if version >= BY_ID { answer.with_topic_id(asked.topic_id) } else { answer.with_topic(asked.topic.clone()) }
    });
    FetchResponse::default().with_responses(topics.collect())
}

fn found<'a>(view: &'a View<'_>, asked: &FetchTopic, version: i16) -> Option<(&'a str, &'a Topic)> {
    let topics = &view.kafka.topics;
    if version >= BY_ID {
        return topics.iter().find(|(_, t)| &t.id == asked.topic_id.as_bytes()).map(|(n, t)| (n.as_str(), t));
    }
    let TopicName(name) = &asked.topic;
    topics.get_key_value(&**name).map(|(n, t)| (n.as_str(), t))
}

fn partition(
    view: &View<'_>,
    topic: Option<(&str, &Topic)>,
    asked: &FetchPartition,
    room: usize,
    version: i16,
) -> PartitionData {
    let empty = PartitionData::default().with_partition_index(asked.partition).with_records(Some(Bytes::new()));
    let failed = |error: ResponseError| {
        let unknown = empty.clone().with_high_watermark(-1).with_last_stable_offset(-1).with_log_start_offset(-1);
        unknown.with_error_code(error.code())
    };
    let Some((name, topic)) = topic else {
        let by_id = version >= BY_ID;
        return failed(if by_id { ResponseError::UnknownTopicId } else { ResponseError::UnknownTopicOrPartition });
    };
    let led = match led(view, topic, asked.partition, asked.current_leader_epoch) {
        Ok(led) => led,
        Err(error) => return failed(error),
    };
    let (start, end) = (whole(led.start), whole(led.end));
    if !(start..=end).contains(&asked.fetch_offset) {
        return failed(ResponseError::OffsetOutOfRange).with_log_start_offset(start);
    }
    let most = usize::try_from(asked.partition_max_bytes).unwrap_or(0).min(room);
    let bytes = if room == 0 {
        Bytes::new()
    } else {
        view.records.read(name, topic, asked.partition, asked.fetch_offset, most, view.now)
    };
    empty.with_high_watermark(end).with_last_stable_offset(end).with_log_start_offset(start).with_records(Some(bytes))
}

/// The partition, if this broker leads it and can use its log.
pub fn led<'a>(view: &View<'_>, topic: &'a Topic, index: i32, epoch: i32) -> Result<&'a Partition, ResponseError> {
    let at = usize::try_from(index).ok().and_then(|index| topic.partitions.get(index));
    let partition = at.ok_or(ResponseError::UnknownTopicOrPartition)?;
    let failed = view.kafka.brokers.get(&view.me).is_some_and(|b| b.log_dir.failed);
    if failed && partition.replicas.contains(&view.me) {
        return Err(ResponseError::KafkaStorageError);
    }
    match epoch {
        _ if partition.leader != Some(view.me) => Err(ResponseError::NotLeaderOrFollower),
        epoch if epoch > partition.epoch => Err(ResponseError::UnknownLeaderEpoch),
        epoch if (0..partition.epoch).contains(&epoch) => Err(ResponseError::FencedLeaderEpoch),
        _ => Ok(partition),
    }
}
