//! Commits for groups without members, and the end of such groups: OffsetCommit and DeleteGroups.

use kafka_protocol::{
    ResponseError,
    messages::{
        DeleteGroupsRequest, DeleteGroupsResponse, OffsetCommitRequest, OffsetCommitResponse,
        delete_groups_response::DeletableGroupResult,
        offset_commit_response::{OffsetCommitResponsePartition, OffsetCommitResponseTopic},
    },
};

use super::coordinators::coordinator_of;
use crate::sandbox::kafka::{Group, Kafka, Protocol};

/// OffsetCommit (key 8): who has members takes none from others.
pub fn commit(kafka: &mut Kafka, me: i32, asked: &OffsetCommitRequest) -> OffsetCommitResponse {
    let id = asked.group_id.as_str();
    let refused = match kafka.groups.get(id) {
        _ if coordinator_of(kafka, id) != Some(me) => Some(ResponseError::NotCoordinator),
        Some(group) if !group.members.is_empty() => Some(ResponseError::UnknownMemberId),
        None if asked.generation_id_or_member_epoch >= 0 => Some(ResponseError::IllegalGeneration),
        _ => None,
    };
    let mut topics = Vec::new();
    for topic in &asked.topics {
        let mut partitions = Vec::new();
        for p in &topic.partitions {
            let there = kafka.topics.get(topic.name.as_str()).is_some_and(|found| {
                usize::try_from(p.partition_index).is_ok_and(|index| index < found.partitions.len())
            });
            let error = refused.or((!there).then_some(ResponseError::UnknownTopicOrPartition));
            if error.is_none() {
                let group = kafka.groups.entry(id.to_owned()).or_insert_with(|| of_commits(me));
                group.committed.insert((topic.name.to_string(), p.partition_index), p.committed_offset as f64);
            }
            let answer = OffsetCommitResponsePartition::default().with_partition_index(p.partition_index);
            partitions.push(answer.with_error_code(error.map_or(0, |error| error.code())));
        }
        let answer = OffsetCommitResponseTopic::default().with_name(topic.name.clone());
        topics.push(answer.with_partitions(partitions));
    }
    OffsetCommitResponse::default().with_topics(topics)
}

/// A group that is nothing but commits.
fn of_commits(coordinator: i32) -> Group {
    Group {
        protocol: Protocol::Classic,
        members: Vec::new(),
        committed: std::collections::BTreeMap::new(),
        speed: 0.0,
        coordinator,
    }
}

/// DeleteGroups (key 42).
pub fn delete(kafka: &mut Kafka, me: i32, asked: &DeleteGroupsRequest) -> DeleteGroupsResponse {
    let mut results = Vec::new();
    for id in &asked.groups_names {
        let error = match kafka.groups.get(id.as_str()) {
            _ if coordinator_of(kafka, id) != Some(me) => Some(ResponseError::NotCoordinator),
            None => Some(ResponseError::GroupIdNotFound),
            Some(group) if !group.members.is_empty() => Some(ResponseError::NonEmptyGroup),
            Some(_) => None,
        };
        if error.is_none() {
            kafka.groups.remove(id.as_str());
        }
        let answer = DeletableGroupResult::default().with_group_id(id.clone());
        results.push(answer.with_error_code(error.map_or(0, |error| error.code())));
    }
    DeleteGroupsResponse::default().with_results(results)
}
