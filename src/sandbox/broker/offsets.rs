//! What was committed and what is in the logs: OffsetFetch and ListOffsets.

use kafka_protocol::{
    ResponseError,
    messages::{
        ListOffsetsRequest, ListOffsetsResponse, OffsetFetchRequest, OffsetFetchResponse, TopicName,
        list_offsets_response::{ListOffsetsPartitionResponse, ListOffsetsTopicResponse},
        offset_fetch_request::OffsetFetchRequestGroup,
        offset_fetch_response::{
            OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponsePartitions,
            OffsetFetchResponseTopic, OffsetFetchResponseTopics,
        },
    },
    protocol::StrBytes,
};

use super::{View, coordinators::refusal, fetch, text, whole};
use crate::sandbox::kafka::{Group, Kafka, Partition, Topic};

/// The first version of OffsetFetch that asks for several groups (KIP-709).
const BATCHED: i16 = 8;

/// The first version of ListOffsets that tells leader epochs (KIP-320).
const WITH_EPOCH: i16 = 4;

/// ListOffsets' timestamps that stand for something else: the end, the start, the record with the largest timestamp
/// (KIP-734), the start of what is on the broker itself (KIP-405).
const LATEST: i64 = -1;
const EARLIEST: i64 = -2;
const MAX_TIMESTAMP: i64 = -3;
const EARLIEST_LOCAL: i64 = -4;

/// What a group committed for one partition.
struct Commit {
    partition: i32,
    offset: i64,
    epoch: i32,
}

/// Commits by topic.
type Commits = Vec<(TopicName, Vec<Commit>)>;

/// OffsetFetch (key 9), of one group or, since version 8, of several.
pub fn fetch(view: &View<'_>, asked: &OffsetFetchRequest, version: i16) -> OffsetFetchResponse {
    if version >= BATCHED {
        let groups = asked.groups.iter().map(|g| fetch_group(view, g));
        return OffsetFetchResponse::default().with_groups(groups.collect());
    }
    let error = refusal(view, &asked.group_id).map_or(0, |e| e.code());
    let wanted = asked.topics.as_ref().map(|topics| topics.iter().map(|t| (&t.name, &t.partition_indexes[..])));
    let commits = match error {
        0 => commits(view.kafka, &asked.group_id, wanted),
        // The oldest version has no room for an error of the whole.
        _ if version < 2 => wanted.into_iter().flatten().map(|(name, indexes)| nothing(name, indexes)).collect(),
        _ => Vec::new(),
    };
    let topics = commits.into_iter().map(|(name, commits)| {
        let partitions = commits.into_iter().map(|c| {
            let answer = OffsetFetchResponsePartition::default()
                .with_partition_index(c.partition)
                .with_committed_offset(c.offset)
                .with_metadata(Some(StrBytes::default()))
                .with_error_code(if version < 2 { error } else { 0 });
            if version >= 5 { answer.with_committed_leader_epoch(c.epoch) } else { answer }
        });
        OffsetFetchResponseTopic::default().with_name(name).with_partitions(partitions.collect())
    });
    let answer = OffsetFetchResponse::default().with_topics(topics.collect());
    if version >= 2 { answer.with_error_code(error) } else { answer }
}

fn fetch_group(view: &View<'_>, asked: &OffsetFetchRequestGroup) -> OffsetFetchResponseGroup {
    let answer = OffsetFetchResponseGroup::default().with_group_id(asked.group_id.clone());
    if let Some(error) = refusal(view, &asked.group_id) {
        return answer.with_error_code(error.code());
    }
    let wanted = asked.topics.as_ref().map(|topics| topics.iter().map(|t| (&t.name, &t.partition_indexes[..])));
    let topics = commits(view.kafka, &asked.group_id, wanted).into_iter().map(|(name, commits)| {
        let partitions = commits.into_iter().map(|c| {
            OffsetFetchResponsePartitions::default()
                .with_partition_index(c.partition)
                .with_committed_offset(c.offset)
                .with_committed_leader_epoch(c.epoch)
                .with_metadata(Some(StrBytes::default()))
        });
        OffsetFetchResponseTopics::default().with_name(name).with_partitions(partitions.collect())
    });
    answer.with_topics(topics.collect())
}

/// What a group committed: everything, or for what is wanted, where no commit is -1. An unknown group has none.
fn commits<'a>(
    kafka: &Kafka,
    group: &str,
    wanted: Option<impl Iterator<Item = (&'a TopicName, &'a [i32])>>,
) -> Commits {
    let group = kafka.groups.get(group);
    let Some(wanted) = wanted else {
        return group.map(|group| everything(kafka, group)).unwrap_or_default();
    };
    let one = |(name, indexes): (&TopicName, &[i32])| {
        let mut found = nothing(name, indexes);
        for commit in &mut found.1 {
            let key = (name.to_string(), commit.partition);
            if let Some(offset) = group.and_then(|g| g.committed.get(&key)) {
                *commit = committed(kafka, name, commit.partition, *offset);
            }
        }
        found
    };
    wanted.map(one).collect()
}

fn nothing(name: &TopicName, indexes: &[i32]) -> (TopicName, Vec<Commit>) {
    let commits = indexes.iter().map(|partition| Commit { partition: *partition, offset: -1, epoch: -1 });
    (name.clone(), commits.collect())
}

fn everything(kafka: &Kafka, group: &Group) -> Commits {
    let mut all: Commits = Vec::new();
    for ((topic, partition), offset) in &group.committed {
        let commit = committed(kafka, topic, *partition, *offset);
        match all.last_mut() {
            Some((name, commits)) if name.as_str() == topic => commits.push(commit),
            _ => all.push((TopicName(text(topic)), vec![commit])),
        }
    }
    all
}

/// A commit; the leader's epoch is that of today.
fn committed(kafka: &Kafka, topic: &str, partition: i32, offset: f64) -> Commit {
    let epoch = kafka.topics.get(topic).and_then(|t| at(t, partition)).map_or(-1, |p| p.epoch);
    Commit { partition, offset: whole(offset), epoch }
}

fn at(topic: &Topic, partition: i32) -> Option<&Partition> {
    topic.partitions.get(usize::try_from(partition).ok()?)
}

/// ListOffsets (key 2), of partitions that this broker leads. Nothing is in a transaction, so both isolation levels
/// see the same.
pub fn list(view: &View<'_>, asked: &ListOffsetsRequest, version: i16) -> ListOffsetsResponse {
    let topics = asked.topics.iter().map(|t| {
        let topic = view.kafka.topics.get(&*t.name.0);
        let partitions = t.partitions.iter().map(|p| {
            let answer = ListOffsetsPartitionResponse::default().with_partition_index(p.partition_index);
            let led = topic
                .ok_or(ResponseError::UnknownTopicOrPartition)
                .and_then(|t| Ok((t, fetch::led(view, t, p.partition_index, p.current_leader_epoch)?)));
            match led {
                Err(error) => answer.with_error_code(error.code()).with_timestamp(-1).with_offset(-1),
                Ok((topic, partition)) => {
                    let (offset, timestamp) = find(view, topic, p.partition_index, partition, p.timestamp);
                    let answer = answer.with_offset(offset).with_timestamp(timestamp);
                    let tells = version >= WITH_EPOCH && offset >= 0;
                    if tells { answer.with_leader_epoch(partition.epoch) } else { answer }
                }
            }
        });
        ListOffsetsTopicResponse::default().with_name(t.name.clone()).with_partitions(partitions.collect())
    });
    ListOffsetsResponse::default().with_topics(topics.collect())
}

/// The offset that a timestamp stands for, and the timestamp of the record that is there.
fn find(view: &View<'_>, topic: &Topic, index: i32, partition: &Partition, timestamp: i64) -> (i64, i64) {
    let (start, end) = (whole(partition.start), whole(partition.end));
    match timestamp {
        LATEST => (end, -1),
        EARLIEST | EARLIEST_LOCAL => (start, -1),
        MAX_TIMESTAMP if end > start => (end - 1, view.now),
        at if at >= 0 && end > start => view.records.find(topic, index, at, view.now).unwrap_or((-1, -1)),
        _ => (-1, -1),
    }
}
