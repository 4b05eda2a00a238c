//! The requests that we make, and in which versions.
//!
//! Only flexible versions (KIP-482) are used, because only their answers can be guarded (see `guard`);
//! a broker that is older is refused in words. Kafka 3.0 and later offer all of them.

use std::collections::{BTreeMap, BTreeSet};

use kafka_protocol::{
    messages::{
        AlterClientQuotasRequest, AlterPartitionReassignmentsRequest, AlterUserScramCredentialsRequest,
        ApiVersionsRequest, ApiVersionsResponse, BrokerId, ConsumerGroupDescribeRequest, CreateAclsRequest,
        CreatePartitionsRequest, CreateTopicsRequest, DeleteAclsRequest, DeleteGroupsRequest, DeleteTopicsRequest,
        DescribeAclsRequest, DescribeClientQuotasRequest, DescribeConfigsRequest, DescribeGroupsRequest,
        DescribeLogDirsRequest, DescribeQuorumRequest, DescribeUserScramCredentialsRequest, ElectLeadersRequest,
        FetchRequest, FindCoordinatorRequest, GroupId, IncrementalAlterConfigsRequest, ListGroupsRequest,
        ListOffsetsRequest, ListPartitionReassignmentsRequest, MetadataRequest, OffsetCommitRequest,
        OffsetFetchRequest, SaslAuthenticateRequest, ShareGroupDescribeRequest, TopicName,
        describe_configs_request::DescribeConfigsResource,
        describe_quorum_request::{PartitionData, TopicData},
        fetch_request::{FetchPartition, FetchTopic},
        list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic},
        metadata_request::MetadataRequestTopic,
        offset_fetch_request::OffsetFetchRequestGroup,
    },
    protocol::{Message, Request, StrBytes},
};
use thiserror::Error;

use super::frame::CLIENT_ID;

/// Groups in one OffsetFetch or DescribeGroups.
pub const GROUPS_PER_REQUEST: usize = 100;

/// Topics in one DescribeConfigs.
pub const TOPICS_PER_REQUEST: usize = 500;

/// The configs of a topic that are asked for where there are very many topics.
pub const TOPIC_CONFIGS: [&str; 7] = [
    "min.insync.replicas",
    "cleanup.policy",
    "retention.ms",
    "retention.bytes",
    "segment.bytes",
    "compression.type",
    "max.message.bytes",
];

/// DescribeConfigs' numbers for topics and brokers.
pub const RESOURCE_TOPIC: i8 = 2;
pub const RESOURCE_BROKER: i8 = 4;

/// The topic of the KRaft quorum.
const QUORUM_TOPIC: &str = "__cluster_metadata";

/// DescribeAcls' number for whatever it is: a resource, a pattern, an operation, a permission.
const ANY: i8 = 1;

/// ListOffsets' timestamps for the log end offset, the first offset that is kept, and the record with the greatest
/// timestamp (KIP-734).
pub const LATEST: i64 = -1;
pub const EARLIEST: i64 = -2;
pub const NEWEST: i64 = -3;

/// A request that we make.
pub trait Ask: Request + Clone + Send + Sync + 'static {
    /// Its name as Kafka's documentation writes it.
    const NAME: &'static str;
    /// The oldest version that is used: its first flexible one, or the first that can what we need.
    const LOWEST: i16;
    /// The newest version that is used, where later ones ask for what we do not know.
    const HIGHEST: i16 = i16::MAX;
}

macro_rules! ask {
    ($($request:ident $name:literal from $lowest:literal $(to $highest:literal)?),* $(,)?) => {$(
        impl Ask for $request {
            const NAME: &'static str = $name;
            const LOWEST: i16 = $lowest;
            $(const HIGHEST: i16 = $highest;)?
        }
    )*};
}

ask! {
    ApiVersionsRequest "ApiVersions" from 3,
    MetadataRequest "Metadata" from 9,
    ListGroupsRequest "ListGroups" from 3,
    DescribeGroupsRequest "DescribeGroups" from 5,
    ConsumerGroupDescribeRequest "ConsumerGroupDescribe" from 0,
    ShareGroupDescribeRequest "ShareGroupDescribe" from 1,
    OffsetFetchRequest "OffsetFetch" from 8,
    ListOffsetsRequest "ListOffsets" from 6,
    FetchRequest "Fetch" from 12 to 12,
    DescribeLogDirsRequest "DescribeLogDirs" from 2,
    DescribeConfigsRequest "DescribeConfigs" from 4,
    DescribeQuorumRequest "DescribeQuorum" from 0,
    SaslAuthenticateRequest "SaslAuthenticate" from 2,
    DescribeUserScramCredentialsRequest "DescribeUserScramCredentials" from 0,
    DescribeAclsRequest "DescribeAcls" from 2,
    DescribeClientQuotasRequest "DescribeClientQuotas" from 1,
    CreateTopicsRequest "CreateTopics" from 5,
    DeleteTopicsRequest "DeleteTopics" from 6,
    CreatePartitionsRequest "CreatePartitions" from 2,
    IncrementalAlterConfigsRequest "IncrementalAlterConfigs" from 1,
    AlterUserScramCredentialsRequest "AlterUserScramCredentials" from 0,
    CreateAclsRequest "CreateAcls" from 2,
    DeleteAclsRequest "DeleteAcls" from 2,
    AlterClientQuotasRequest "AlterClientQuotas" from 1,
    ElectLeadersRequest "ElectLeaders" from 2,
    AlterPartitionReassignmentsRequest "AlterPartitionReassignments" from 0,
    ListPartitionReassignmentsRequest "ListPartitionReassignments" from 0,
    FindCoordinatorRequest "FindCoordinator" from 4,
    OffsetCommitRequest "OffsetCommit" from 8,
    DeleteGroupsRequest "DeleteGroups" from 2,
}

/// The broker offers no version of a request that we speak.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{api} version {needed} is needed and {}", offered(*.broker_max))]
pub struct TooOld {
    /// The request's name.
    pub api: &'static str,
    /// The oldest version that we speak.
    pub needed: i16,
    /// The newest version that the broker offers; `None` when it does not offer the request at all.
    pub broker_max: Option<i16>,
}

fn offered(broker_max: Option<i16>) -> String {
    broker_max.map_or_else(|| "it is not offered".to_owned(), |max| format!("the newest offered is {max}"))
}

/// What a broker offers: the oldest and newest version of each request, by its key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Versions(BTreeMap<i16, (i16, i16)>);

impl Versions {
    /// From the answer to ApiVersions.
    pub fn of(answer: &ApiVersionsResponse) -> Self {
        Self(answer.api_keys.iter().map(|k| (k.api_key, (k.min_version, k.max_version))).collect())
    }

    /// The newest version of a request that both sides speak.
    pub fn pick<R: Ask>(&self) -> Result<i16, TooOld> {
        let broker = self.0.get(&R::KEY).copied();
        let too_old = TooOld { api: R::NAME, needed: R::LOWEST, broker_max: broker.map(|(_, max)| max) };
        let Some((min, max)) = broker else { return Err(too_old) };
        let newest = max.min(<R as Message>::VERSIONS.max).min(R::HIGHEST);
        if newest < R::LOWEST.max(min) { Err(too_old) } else { Ok(newest) }
    }
}

pub(super) fn text(s: &str) -> StrBytes {
    StrBytes::from_string(s.to_owned())
}

fn group_ids<'a>(groups: impl IntoIterator<Item = &'a str>) -> Vec<GroupId> {
    groups.into_iter().map(|g| GroupId(text(g))).collect()
}

/// ApiVersions (key 18): what the broker offers, and its finalized features (KIP-584).
pub fn api_versions() -> ApiVersionsRequest {
    ApiVersionsRequest::default()
        .with_client_software_name(StrBytes::from_static_str(CLIENT_ID))
        .with_client_software_version(StrBytes::from_static_str(env!("CARGO_PKG_VERSION")))
}

/// Metadata (key 3) of all topics, creating none.
pub fn metadata() -> MetadataRequest {
    MetadataRequest::default().with_topics(None).with_allow_auto_topic_creation(false)
}

/// Metadata (key 3) of some topics, or of none.
pub fn metadata_of<'a>(topics: impl IntoIterator<Item = &'a str>) -> MetadataRequest {
    let topics = topics.into_iter().map(|t| MetadataRequestTopic::default().with_name(Some(TopicName(text(t)))));
    metadata().with_topics(Some(topics.collect()))
}

/// ListGroups (key 16) of every state and type.
pub fn list_groups() -> ListGroupsRequest {
    ListGroupsRequest::default()
}

/// DescribeGroups (key 15), for groups of the classic protocol.
pub fn describe_groups<'a>(groups: impl IntoIterator<Item = &'a str>) -> DescribeGroupsRequest {
    DescribeGroupsRequest::default().with_groups(group_ids(groups))
}

/// ConsumerGroupDescribe (key 69), for groups of the consumer protocol (KIP-848).
pub fn consumer_group_describe<'a>(groups: impl IntoIterator<Item = &'a str>) -> ConsumerGroupDescribeRequest {
    ConsumerGroupDescribeRequest::default().with_group_ids(group_ids(groups))
}

/// ShareGroupDescribe (key 77), for share groups (KIP-932).
pub fn share_group_describe<'a>(groups: impl IntoIterator<Item = &'a str>) -> ShareGroupDescribeRequest {
    ShareGroupDescribeRequest::default().with_group_ids(group_ids(groups))
}

/// OffsetFetch (key 9) of everything that several groups committed (KIP-709).
pub fn offset_fetch<'a>(groups: impl IntoIterator<Item = &'a str>) -> OffsetFetchRequest {
    let groups = group_ids(groups)
        .into_iter()
        .map(|id| OffsetFetchRequestGroup::default().with_group_id(id).with_topics(None))
        .collect();
    OffsetFetchRequest::default().with_groups(groups).with_require_stable(false)
}

/// ListOffsets (key 2): the log end offset of partitions of one leader, read uncommitted.
pub fn list_offsets(partitions: &BTreeMap<String, BTreeSet<i32>>) -> ListOffsetsRequest {
    offsets_at(partitions, LATEST)
}

/// The same for a moment in milliseconds of the epoch, or for one of the numbers that stand for something else.
pub fn offsets_at(partitions: &BTreeMap<String, BTreeSet<i32>>, timestamp: i64) -> ListOffsetsRequest {
    let topics = partitions
        .iter()
        .map(|(topic, indexes)| {
            let partitions = indexes
                .iter()
                .map(|i| ListOffsetsPartition::default().with_partition_index(*i).with_timestamp(timestamp))
                .collect();
            ListOffsetsTopic::default().with_name(TopicName(text(topic))).with_partitions(partitions)
        })
        .collect();
    ListOffsetsRequest::default().with_replica_id(BrokerId(-1)).with_isolation_level(0).with_topics(topics)
}

/// Fetch (key 1) of one batch of one partition, as small as may be, which waits for nothing. Later versions name topics by
/// their ids.
pub fn first_record(topic: &str, partition: i32, offset: i64) -> FetchRequest {
    let partition =
        FetchPartition::default().with_partition(partition).with_fetch_offset(offset).with_partition_max_bytes(1);
    let topic = FetchTopic::default().with_topic(TopicName(text(topic))).with_partitions(vec![partition]);
    FetchRequest::default().with_max_wait_ms(0).with_min_bytes(0).with_max_bytes(1).with_topics(vec![topic])
}

/// DescribeLogDirs (key 35) of all directories of one broker; sizes of filesystems since version 4 (KIP-827).
pub fn describe_log_dirs() -> DescribeLogDirsRequest {
    DescribeLogDirsRequest::default().with_topics(None)
}

/// DescribeQuorum (key 55): who leads `__cluster_metadata`, and how far each copy of it has come.
pub fn describe_quorum() -> DescribeQuorumRequest {
    let topic = TopicData::default()
        .with_topic_name(TopicName(StrBytes::from_static_str(QUORUM_TOPIC)))
        .with_partitions(vec![PartitionData::default()]);
    DescribeQuorumRequest::default().with_topics(vec![topic])
}

/// Which configs of a topic are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Width {
    /// All of them: 1.2 kB a topic with Kafka 4.1.
    All,
    /// Only those in `TOPIC_CONFIGS`: a fifth of that.
    Few,
}

/// DescribeConfigs (key 32) of topics, without synonyms and documentation.
pub fn describe_configs<'a>(topics: impl IntoIterator<Item = &'a str>, width: Width) -> DescribeConfigsRequest {
    let few: Vec<StrBytes> = TOPIC_CONFIGS.iter().map(|key| StrBytes::from_static_str(key)).collect();
    let keys = (width == Width::Few).then_some(few);
    let resources = topics.into_iter().map(|topic| {
        let resource = DescribeConfigsResource::default().with_resource_type(RESOURCE_TOPIC);
        resource.with_resource_name(text(topic)).with_configuration_keys(keys.clone())
    });
    DescribeConfigsRequest::default().with_resources(resources.collect())
}

/// Whether what configs mean is asked for, too: their documentation is three quarters of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meanings {
    /// Asked for.
    Told,
    /// Left out.
    LeftOut,
}

/// DescribeConfigs (key 32) of one broker, with synonyms. Only that broker answers it.
pub fn broker_configs(broker: i32, meanings: Meanings) -> DescribeConfigsRequest {
    all_configs(RESOURCE_BROKER, &broker.to_string(), meanings)
}

/// DescribeConfigs (key 32) of one topic, with synonyms and documentation.
pub fn topic_configs(topic: &str) -> DescribeConfigsRequest {
    all_configs(RESOURCE_TOPIC, topic, Meanings::Told)
}

fn all_configs(kind: i8, name: &str, meanings: Meanings) -> DescribeConfigsRequest {
    let resource = DescribeConfigsResource::default()
        .with_resource_type(kind)
        .with_resource_name(text(name))
        .with_configuration_keys(None);
    DescribeConfigsRequest::default()
        .with_resources(vec![resource])
        .with_include_synonyms(true)
        .with_include_documentation(meanings == Meanings::Told)
}

/// DescribeUserScramCredentials (key 50) of all users.
///
/// An empty list means all, as null does (KIP-554); but a broker that has to refuse the request fails over null while
/// it writes the refusal, and never answers (seen with Kafka 4.1.2).
pub fn describe_scram_users() -> DescribeUserScramCredentialsRequest {
    DescribeUserScramCredentialsRequest::default().with_users(Some(Vec::new()))
}

/// DescribeAcls (key 29) of everybody on everything.
pub fn describe_acls() -> DescribeAclsRequest {
    DescribeAclsRequest::default()
        .with_resource_type_filter(ANY)
        .with_resource_name_filter(None)
        .with_pattern_type_filter(ANY)
        .with_principal_filter(None)
        .with_host_filter(None)
        .with_operation(ANY)
        .with_permission_type(ANY)
}

/// DescribeClientQuotas (key 48) of every entity: without components and not strict, all of them match.
pub fn describe_quotas() -> DescribeClientQuotasRequest {
    DescribeClientQuotasRequest::default().with_components(Vec::new()).with_strict(false)
}

#[cfg(test)]
mod tests {
    use kafka_protocol::messages::api_versions_response::ApiVersion;

    use super::*;

    fn offers(key: i16, min: i16, max: i16) -> Versions {
        let key = ApiVersion::default().with_api_key(key).with_min_version(min).with_max_version(max);
        Versions::of(&ApiVersionsResponse::default().with_api_keys(vec![key]))
    }

    #[test]
    fn the_newest_common_version_is_used_and_old_brokers_are_refused_in_words() {
        assert_eq!(offers(3, 0, 99).pick::<MetadataRequest>(), Ok(13));
        assert_eq!(offers(3, 0, 9).pick::<MetadataRequest>(), Ok(9));
        let old = offers(9, 0, 7).pick::<OffsetFetchRequest>().unwrap_err();
        assert_eq!(old.to_string(), "OffsetFetch version 8 is needed and the newest offered is 7");
        let absent = offers(3, 0, 9).pick::<OffsetFetchRequest>().unwrap_err();
        assert_eq!(absent.to_string(), "OffsetFetch version 8 is needed and it is not offered");
        assert!(offers(3, 14, 20).pick::<MetadataRequest>().is_err(), "too new is refused too");
    }

    #[test]
    fn requests_that_nobody_knows_and_ranges_upside_down_hinder_no_other_one() {
        let key = |key, min, max| ApiVersion::default().with_api_key(key).with_min_version(min).with_max_version(max);
        let offered = vec![key(i16::MAX, 0, 9), key(-7, 0, 9), key(3, 0, 12), key(4_242, 9, 0), key(9, 9, 0)];
        let versions = Versions::of(&ApiVersionsResponse::default().with_api_keys(offered));
        assert_eq!(versions.pick::<MetadataRequest>(), Ok(12));
        assert!(versions.pick::<OffsetFetchRequest>().is_err());
    }
}
