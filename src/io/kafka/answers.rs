//! Brokers' answers in our vocabulary.
//!
//! Errors of single topics, groups, partitions and directories become words in their place; an error of
//! the whole answer is returned as its code. Called by the observer only.

pub mod users;

use std::collections::BTreeMap;

use kafka_protocol::messages::{
    ConsumerGroupDescribeResponse, DescribeGroupsResponse, DescribeLogDirsResponse, ListGroupsResponse,
    ListOffsetsResponse, MetadataResponse, OffsetFetchResponse, ShareGroupDescribeResponse,
    describe_log_dirs_response::DescribeLogDirsResult,
    metadata_response::{MetadataResponsePartition, MetadataResponseTopic},
    offset_fetch_response::OffsetFetchResponseGroup,
};

pub use self::users::{acls, quotas, scram_users};
use super::failure::CallError;
use crate::{
    domain::{
        broker::Advertised,
        group::{Commits, Committed, EndOffset, Epochs, Group, Member},
        ids::BrokerId,
        storage::{LogDir, ReplicaSize},
        topic::{Partition, Topic},
    },
    facts::Metadata,
    wire::{assignment, errors},
};

fn whole(code: i16) -> Result<(), CallError> {
    if code == 0 { Ok(()) } else { Err(CallError::Refused { code }) }
}

fn part(code: i16) -> Option<String> {
    (code != 0).then(|| errors::words(code))
}

/// Metadata (key 3). Topics without a name are left out: only an answer by topic id has those.
pub fn metadata(answer: &MetadataResponse) -> Result<Metadata, CallError> {
    whole(answer.error_code)?;
    let brokers = answer
        .brokers
        .iter()
        .map(|b| Advertised {
            id: BrokerId(b.node_id.0),
            host: b.host.to_string(),
            port: u16::try_from(b.port).unwrap_or_default(),
            rack: b.rack.as_ref().map(ToString::to_string),
        })
        .collect();
    let cluster_id = answer.cluster_id.as_ref().map(ToString::to_string);
    Ok(Metadata { cluster_id, brokers, topics: answer.topics.iter().filter_map(topic).collect() })
}

fn topic(t: &MetadataResponseTopic) -> Option<Topic> {
    let mut partitions: Vec<Partition> = t.partitions.iter().map(partition).collect();
    partitions.sort_by_key(|p| p.index);
    Some(Topic { name: t.name.as_ref()?.to_string(), internal: t.is_internal, error: part(t.error_code), partitions })
}

fn partition(p: &MetadataResponsePartition) -> Partition {
    let ids = |nodes: &[kafka_protocol::messages::BrokerId]| nodes.iter().map(|n| BrokerId(n.0)).collect();
    Partition {
        index: p.partition_index,
        leader: (p.leader_id.0 >= 0).then_some(BrokerId(p.leader_id.0)),
        replicas: ids(&p.replica_nodes),
        isr: ids(&p.isr_nodes),
        ..Partition::default()
    }
}

/// ListGroups (key 16); members are not known yet.
pub fn groups(answer: &ListGroupsResponse) -> Result<Vec<Group>, CallError> {
    whole(answer.error_code)?;
    Ok(answer
        .groups
        .iter()
        .map(|g| Group {
            id: g.group_id.to_string(),
            state: g.group_state.to_string(),
            kind: (!g.group_type.is_empty()).then(|| g.group_type.to_string()),
            members: None,
            epochs: None,
        })
        .collect())
}

/// A group as its coordinator describes it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Described {
    /// Its state; `None` when it could not be described.
    pub state: Option<String>,
    /// Its members; `None` when it could not be described.
    pub members: Option<Vec<Member>>,
    /// Its epochs, where it has any.
    pub epochs: Option<Epochs>,
    /// The coordinator's error for it.
    pub code: i16,
}

/// DescribeGroups (key 15) by group id. Assignments are read where the group's protocol is the consumer's.
pub fn described(answer: &DescribeGroupsResponse) -> BTreeMap<String, Described> {
    let one = |g: &kafka_protocol::messages::describe_groups_response::DescribedGroup| {
        if g.error_code != 0 {
            return Described { code: g.error_code, ..Described::default() };
        }
        let consumers = g.protocol_type.as_str() == "consumer";
        let members = g.members.iter().map(|m| Member {
            id: m.member_id.to_string(),
            client_id: m.client_id.to_string(),
            host: m.client_host.to_string(),
            assigned: if consumers { assignment::assigned(&m.member_assignment).unwrap_or_default() } else { vec![] },
            epoch: None,
        });
        Described { state: Some(g.group_state.to_string()), members: Some(members.collect()), ..Described::default() }
    };
    answer.groups.iter().map(|g| (g.group_id.to_string(), one(g))).collect()
}

/// Groups of an answer whose members have epochs, by id: keys 69 and 77 have one shape, and a type each.
macro_rules! described_with_epochs {
    ($answer:expr) => {
        $answer.groups.iter().map(|g| {
            let members = g.members.iter().map(|m| Member {
                id: m.member_id.to_string(),
                client_id: m.client_id.to_string(),
                host: m.client_host.to_string(),
                assigned: m
                    .assignment
                    .topic_partitions
                    .iter()
                    .flat_map(|t| t.partitions.iter().map(|p| (t.topic_name.to_string(), *p)))
                    .collect(),
                epoch: Some(m.member_epoch),
            });
            let described = if g.error_code == 0 {
                let epochs = Some(Epochs { group: g.group_epoch, assignment: g.assignment_epoch });
                Described { state: Some(g.group_state.to_string()), members: Some(members.collect()), epochs, code: 0 }
            } else {
                Described { code: g.error_code, ..Described::default() }
            };
            (g.group_id.to_string(), described)
        })
    };
}

/// ConsumerGroupDescribe (key 69) by group id.
pub fn consumers_described(answer: &ConsumerGroupDescribeResponse) -> BTreeMap<String, Described> {
    described_with_epochs!(answer).collect()
}

/// ShareGroupDescribe (key 77) by group id (KIP-932).
pub fn shares_described(answer: &ShareGroupDescribeResponse) -> BTreeMap<String, Described> {
    described_with_epochs!(answer).collect()
}

/// OffsetFetch (key 9), by groups; partitions without a commit are left out. With each group its error code.
pub fn commits(answer: &OffsetFetchResponse) -> Vec<(Commits, i16)> {
    answer.groups.iter().map(|g| (commits_of(g), g.error_code)).collect()
}

fn commits_of(g: &OffsetFetchResponseGroup) -> Commits {
    let mut error = part(g.error_code);
    let mut commits = Vec::new();
    for topic in &g.topics {
        for p in &topic.partitions {
            if p.error_code != 0 {
                let words = errors::words(p.error_code);
                error.get_or_insert_with(|| format!("{}-{}: {words}", topic.name.as_str(), p.partition_index));
            } else if p.committed_offset >= 0 {
                let topic = topic.name.to_string();
                commits.push(Committed { topic, partition: p.partition_index, offset: p.committed_offset });
            }
        }
    }
    Commits { group: g.group_id.to_string(), error, commits }
}

/// ListOffsets (key 2): the ends that were given, and the codes of the partitions that gave none.
pub fn end_offsets(answer: &ListOffsetsResponse) -> (Vec<EndOffset>, Vec<i16>) {
    let mut ends = Vec::new();
    let mut refused = Vec::new();
    for topic in &answer.topics {
        for p in &topic.partitions {
            if p.error_code == 0 && p.offset >= 0 {
                let topic = topic.name.to_string();
                ends.push(EndOffset { topic, partition: p.partition_index, offset: p.offset });
            } else if p.error_code != 0 {
                refused.push(p.error_code);
            }
        }
    }
    (ends, refused)
}

/// DescribeLogDirs (key 35). Version 3 and later say for the whole answer what is forbidden; older ones are empty.
pub fn log_dirs(answer: &DescribeLogDirsResponse) -> Result<Vec<LogDir>, CallError> {
    whole(answer.error_code)?;
    Ok(answer.results.iter().map(log_dir).collect())
}

fn log_dir(dir: &DescribeLogDirsResult) -> LogDir {
    let replicas = dir.topics.iter().flat_map(|t| {
        t.partitions.iter().map(|p| ReplicaSize {
            topic: t.name.to_string(),
            partition: p.partition_index,
            bytes: u64::try_from(p.partition_size).unwrap_or_default(),
        })
    });
    LogDir {
        path: dir.log_dir.to_string(),
        error: part(dir.error_code),
        // -1 where the broker cannot tell.
        total_bytes: u64::try_from(dir.total_bytes).ok(),
        usable_bytes: u64::try_from(dir.usable_bytes).ok(),
        replicas: replicas.collect(),
    }
}
