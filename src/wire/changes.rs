//! The requests that change a cluster, and those that are asked right before.
//!
//! Made from plain values, in the versions that `requests` allows. Who is asked, and what an answer means, is `io`'s.

use std::collections::BTreeMap;

use bytes::Bytes;
use kafka_protocol::{
    messages::{
        AlterClientQuotasRequest, AlterPartitionReassignmentsRequest, AlterUserScramCredentialsRequest, BrokerId,
        CreatePartitionsRequest, CreateTopicsRequest, DeleteGroupsRequest, DeleteTopicsRequest,
        DescribeClientQuotasRequest, DescribeUserScramCredentialsRequest, ElectLeadersRequest, FindCoordinatorRequest,
        GroupId, IncrementalAlterConfigsRequest, ListPartitionReassignmentsRequest, OffsetCommitRequest, TopicName,
        alter_client_quotas_request::{EntityData, EntryData, OpData},
        alter_partition_reassignments_request::{ReassignablePartition, ReassignableTopic},
        alter_user_scram_credentials_request::{ScramCredentialDeletion, ScramCredentialUpsertion},
        create_partitions_request::CreatePartitionsTopic,
        create_topics_request::{CreatableTopic, CreatableTopicConfig},
        delete_topics_request::DeleteTopicState,
        describe_client_quotas_request::ComponentData,
        describe_user_scram_credentials_request::UserName,
        elect_leaders_request::TopicPartitions,
        incremental_alter_configs_request::{AlterConfigsResource, AlterableConfig},
        offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic},
    },
    protocol::StrBytes,
};

use super::requests::{RESOURCE_BROKER, RESOURCE_TOPIC, text};

/// How long brokers may take over a change, in milliseconds: less than a caller waits for their answer.
const TIMEOUT_MS: i32 = 4_000;

/// IncrementalAlterConfigs' numbers for setting a value, and for taking it away.
const SET: i8 = 0;
const DELETE: i8 = 1;

/// DescribeClientQuotas' number for a name that is the same.
const EXACT: i8 = 0;

/// ElectLeaders' number for preferred leaders.
const PREFERRED: i8 = 0;

/// The generation of commits for a group without members.
const NO_GENERATION: i32 = -1;

/// The epoch of a leader that is not known.
const NO_EPOCH: i32 = -1;

/// Whether a change is made, or only checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intent {
    /// Made.
    Real,
    /// Checked by the brokers that would make it (`validate_only`).
    Rehearsal,
}

impl Intent {
    fn validate_only(self) -> bool {
        self == Self::Rehearsal
    }
}

/// CreateTopics (key 19) of one topic; brokers choose where its replicas are.
pub fn create_topic(
    name: &str,
    partitions: i32,
    replication_factor: i16,
    configs: &BTreeMap<String, String>,
    intent: Intent,
) -> CreateTopicsRequest {
    let config = |(name, value): (&String, &String)| {
        CreatableTopicConfig::default().with_name(text(name)).with_value(Some(text(value)))
    };
    let topic = CreatableTopic::default()
        .with_name(TopicName(text(name)))
        .with_num_partitions(partitions)
        .with_replication_factor(replication_factor)
        .with_configs(configs.iter().map(config).collect());
    CreateTopicsRequest::default()
        .with_topics(vec![topic])
        .with_timeout_ms(TIMEOUT_MS)
        .with_validate_only(intent.validate_only())
}

/// DeleteTopics (key 20) of one topic by its name.
pub fn delete_topic(name: &str) -> DeleteTopicsRequest {
    let topic = DeleteTopicState::default().with_name(Some(TopicName(text(name))));
    DeleteTopicsRequest::default().with_topics(vec![topic]).with_timeout_ms(TIMEOUT_MS)
}

/// CreatePartitions (key 37): a topic is to have this many.
pub fn create_partitions(topic: &str, total: i32, intent: Intent) -> CreatePartitionsRequest {
    let topic =
        CreatePartitionsTopic::default().with_name(TopicName(text(topic))).with_count(total).with_assignments(None);
    CreatePartitionsRequest::default()
        .with_topics(vec![topic])
        .with_timeout_ms(TIMEOUT_MS)
        .with_validate_only(intent.validate_only())
}

/// Whose configs are changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConfigsOf<'a> {
    /// A topic's.
    Topic(&'a str),
    /// A broker's; only that one takes them.
    Broker(i32),
}

/// IncrementalAlterConfigs (key 44, KIP-339) of one owner; a value of `None` is taken away.
pub fn alter_configs<'a>(
    of: ConfigsOf<'_>,
    changes: impl IntoIterator<Item = (&'a str, Option<&'a str>)>,
    intent: Intent,
) -> IncrementalAlterConfigsRequest {
    let (kind, name) = match of {
        ConfigsOf::Topic(name) => (RESOURCE_TOPIC, text(name)),
        ConfigsOf::Broker(id) => (RESOURCE_BROKER, text(&id.to_string())),
    };
    let change = |(name, value): (&str, Option<&str>)| {
        let operation = if value.is_some() { SET } else { DELETE };
        AlterableConfig::default().with_name(text(name)).with_config_operation(operation).with_value(value.map(text))
    };
    let resource = AlterConfigsResource::default()
        .with_resource_type(kind)
        .with_resource_name(name)
        .with_configs(changes.into_iter().map(change).collect());
    IncrementalAlterConfigsRequest::default().with_resources(vec![resource]).with_validate_only(intent.validate_only())
}

/// DescribeUserScramCredentials (key 50) of one user.
pub fn scram_of(user: &str) -> DescribeUserScramCredentialsRequest {
    DescribeUserScramCredentialsRequest::default().with_users(Some(vec![UserName::default().with_name(text(user))]))
}

/// AlterUserScramCredentials (key 51): a user's credential is made or replaced. Mechanism 1 is SCRAM-SHA-256, 2
/// SCRAM-SHA-512.
pub fn set_scram(
    user: &str,
    mechanism: i8,
    iterations: i32,
    salt: Vec<u8>,
    salted: &[u8],
) -> AlterUserScramCredentialsRequest {
    let credential = ScramCredentialUpsertion::default()
        .with_name(text(user))
        .with_mechanism(mechanism)
        .with_iterations(iterations)
        .with_salt(salt.into())
        .with_salted_password(Bytes::copy_from_slice(salted));
    AlterUserScramCredentialsRequest::default().with_upsertions(vec![credential])
}

/// AlterUserScramCredentials (key 51): a user's credentials are taken away.
pub fn delete_scram(user: &str, mechanisms: impl IntoIterator<Item = i8>) -> AlterUserScramCredentialsRequest {
    let deletion = |mechanism| ScramCredentialDeletion::default().with_name(text(user)).with_mechanism(mechanism);
    AlterUserScramCredentialsRequest::default().with_deletions(mechanisms.into_iter().map(deletion).collect())
}

/// What quotas of users are kept under.
const USER: &str = "user";

/// DescribeClientQuotas (key 48) of one user, whatever client it uses.
pub fn quotas_of(user: &str) -> DescribeClientQuotasRequest {
    let component = ComponentData::default()
        .with_entity_type(StrBytes::from_static_str(USER))
        .with_match_type(EXACT)
        .with_match(Some(text(user)));
    DescribeClientQuotasRequest::default().with_components(vec![component]).with_strict(true)
}

/// AlterClientQuotas (key 49) of one user; a limit of `None` is taken away.
pub fn alter_quotas(user: &str, limits: &BTreeMap<String, Option<f64>>, intent: Intent) -> AlterClientQuotasRequest {
    let entity =
        EntityData::default().with_entity_type(StrBytes::from_static_str(USER)).with_entity_name(Some(text(user)));
    let op = |(key, value): (&String, &Option<f64>)| {
        OpData::default().with_key(text(key)).with_value(value.unwrap_or_default()).with_remove(value.is_none())
    };
    let entry = EntryData::default().with_entity(vec![entity]).with_ops(limits.iter().map(op).collect());
    AlterClientQuotasRequest::default().with_entries(vec![entry]).with_validate_only(intent.validate_only())
}

/// ElectLeaders (key 43): preferred replicas are to lead these partitions; none named is all of them.
pub fn elect_leaders(partitions: &BTreeMap<String, Vec<i32>>) -> ElectLeadersRequest {
    let topic = |(topic, partitions): (&String, &Vec<i32>)| {
        TopicPartitions::default().with_topic(TopicName(text(topic))).with_partitions(partitions.clone())
    };
    let topics: Vec<TopicPartitions> = partitions.iter().map(topic).collect();
    ElectLeadersRequest::default()
        .with_election_type(PREFERRED)
        .with_topic_partitions((!topics.is_empty()).then_some(topics))
        .with_timeout_ms(TIMEOUT_MS)
}

/// Partitions of topics, and where each is to be; `None` cancels its move.
pub type Targets = BTreeMap<String, Vec<(i32, Option<Vec<i32>>)>>;

/// AlterPartitionReassignments (key 45, KIP-455).
pub fn reassign(targets: &Targets) -> AlterPartitionReassignmentsRequest {
    let partition = |(index, replicas): &(i32, Option<Vec<i32>>)| {
        let replicas = replicas.as_ref().map(|ids| ids.iter().copied().map(BrokerId).collect());
        ReassignablePartition::default().with_partition_index(*index).with_replicas(replicas)
    };
    let topic = |(name, partitions): (&String, &Vec<_>)| {
        ReassignableTopic::default()
            .with_name(TopicName(text(name)))
            .with_partitions(partitions.iter().map(partition).collect())
    };
    AlterPartitionReassignmentsRequest::default()
        .with_timeout_ms(TIMEOUT_MS)
        .with_topics(targets.iter().map(topic).collect())
}

/// ListPartitionReassignments (key 46) of all partitions.
pub fn reassignments() -> ListPartitionReassignmentsRequest {
    ListPartitionReassignmentsRequest::default().with_timeout_ms(TIMEOUT_MS).with_topics(None)
}

/// FindCoordinator (key 10) of one group.
pub fn coordinator_of(group: &str) -> FindCoordinatorRequest {
    FindCoordinatorRequest::default().with_coordinator_keys(vec![text(group)])
}

/// OffsetCommit (key 8) for a group without members.
pub fn commit_offsets(group: &str, offsets: &BTreeMap<String, Vec<(i32, i64)>>) -> OffsetCommitRequest {
    let partition = |(index, offset): &(i32, i64)| {
        OffsetCommitRequestPartition::default()
            .with_partition_index(*index)
            .with_committed_offset(*offset)
            .with_committed_leader_epoch(NO_EPOCH)
            .with_committed_metadata(Some(StrBytes::default()))
    };
    let topic = |(name, partitions): (&String, &Vec<(i32, i64)>)| {
        OffsetCommitRequestTopic::default()
            .with_name(TopicName(text(name)))
            .with_partitions(partitions.iter().map(partition).collect())
    };
    OffsetCommitRequest::default()
        .with_group_id(GroupId(text(group)))
        .with_generation_id_or_member_epoch(NO_GENERATION)
        .with_topics(offsets.iter().map(topic).collect())
}

/// DeleteGroups (key 42) of one group.
pub fn delete_group(group: &str) -> DeleteGroupsRequest {
    DeleteGroupsRequest::default().with_groups_names(vec![GroupId(text(group))])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{frame, requests::Ask};

    /// Every version that is used can be made: a field that one lacks would refuse the request.
    fn made<R: Ask>(request: &R) {
        for version in R::LOWEST..=<R as kafka_protocol::protocol::Message>::VERSIONS.max {
            frame::encode(request, version, 1).unwrap();
        }
    }

    #[test]
    fn every_request_can_be_made_in_every_version_that_is_used() {
        let configs = BTreeMap::from([("retention.ms".to_owned(), "1".to_owned())]);
        for intent in [Intent::Real, Intent::Rehearsal] {
            made(&create_topic("t", 3, 2, &configs, intent));
            made(&create_partitions("t", 4, intent));
            made(&alter_configs(ConfigsOf::Topic("t"), [("a", Some("b")), ("c", None)], intent));
            made(&alter_configs(ConfigsOf::Broker(1), [("a", Some("b"))], intent));
            made(&alter_quotas("u", &BTreeMap::from([("k".to_owned(), Some(1.0)), ("l".to_owned(), None)]), intent));
        }
        made(&delete_topic("t"));
        made(&scram_of("u"));
        made(&set_scram("u", 2, 4096, vec![1], &[2]));
        made(&delete_scram("u", [1, 2]));
        made(&quotas_of("u"));
        made(&elect_leaders(&BTreeMap::new()));
        made(&elect_leaders(&BTreeMap::from([("t".to_owned(), vec![0])])));
        made(&reassign(&BTreeMap::from([("t".to_owned(), vec![(0, Some(vec![1, 2])), (1, None)])])));
        made(&reassignments());
        made(&coordinator_of("g"));
        made(&commit_offsets("g", &BTreeMap::from([("t".to_owned(), vec![(0, 7)])])));
        made(&delete_group("g"));
    }
}
