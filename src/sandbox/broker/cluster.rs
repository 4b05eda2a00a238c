//! What brokers say of the cluster: Metadata, DescribeCluster and DescribeQuorum.

use std::str::FromStr;

use kafka_protocol::{
    ResponseError,
    messages::{
        BrokerId, DescribeClusterRequest, DescribeClusterResponse, DescribeQuorumRequest, DescribeQuorumResponse,
        MetadataRequest, MetadataResponse, TopicName,
        describe_cluster_response::DescribeClusterBroker,
        describe_quorum_response::{Listener, Node, PartitionData, ReplicaState, TopicData},
        metadata_request::MetadataRequestTopic,
        metadata_response::{MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic},
    },
};

use super::{View, text};
use crate::sandbox::kafka::{Broker, Kafka, Partition, Process, Topic};

/// The first version of Metadata in which topics may be asked for by id (KIP-516).
const BY_ID: i16 = 12;

/// The first version of Metadata that tells topic ids.
const WITH_IDS: i16 = 10;

/// Longest name of a topic.
const LONGEST_NAME: usize = 249;

/// The topic of the KRaft quorum.
const QUORUM_TOPIC: &str = "__cluster_metadata";

/// The first version of DescribeQuorum that tells nodes, and errors in words (KIP-853).
const WITH_NODES: i16 = 2;

/// Milliseconds that a record of the quorum's log stands for: its leader writes two a second when nothing happens.
const QUORUM_PACE: i64 = 500;

/// The epoch of the quorum's leader.
const QUORUM_EPOCH: i32 = 1;

/// Where controllers listen.
const CONTROLLER_PORT: u16 = 9093;

/// A topic's id as the codec wants it.
pub fn topic_id<T: FromStr + Default>(id: [u8; 16]) -> T {
    format!("{:032x}", u128::from_be_bytes(id)).parse().unwrap_or_default()
}

/// A leader that clients can be sent to: it exists, and is not fenced.
pub fn leader(kafka: &Kafka, partition: &Partition) -> Option<i32> {
    partition.leader.filter(|id| kafka.brokers.get(id).is_some_and(|b| b.unfenced))
}

/// Any broker that is not fenced stands as the controller in KRaft mode; here the one that answers, if it may.
fn any_broker(view: &View<'_>) -> BrokerId {
    let unfenced = |b: &&Broker| b.unfenced;
    let me = view.kafka.brokers.get(&view.me).filter(unfenced);
    BrokerId(me.or_else(|| view.kafka.brokers.values().find(unfenced)).map_or(-1, |b| b.id))
}

fn ids<'a>(ids: impl IntoIterator<Item = &'a i32>) -> Vec<BrokerId> {
    ids.into_iter().map(|id| BrokerId(*id)).collect()
}

/// Metadata (key 3).
pub fn metadata(view: &View<'_>, asked: &MetadataRequest, version: i16) -> MetadataResponse {
    let kafka = view.kafka;
    let brokers = kafka.brokers.values().filter(|b| b.unfenced).map(|b| {
        MetadataResponseBroker::default()
            .with_node_id(BrokerId(b.id))
            .with_host(text(&b.host))
            .with_port(i32::from(b.port))
            .with_rack(b.rack.as_deref().map(text))
    });
    let topics = match &asked.topics {
        Some(topics) if version > 0 || !topics.is_empty() => {
            topics.iter().map(|asked| asked_topic(kafka, asked, version)).collect()
        }
        _ => kafka.topics.iter().map(|(name, t)| topic(kafka, name, t, version)).collect(),
    };
    MetadataResponse::default()
        .with_brokers(brokers.collect())
        .with_cluster_id(Some(text(&kafka.cluster_id)))
        .with_controller_id(any_broker(view))
        .with_topics(topics)
}

/// A topic that was asked for by its name or, without one, by its id.
fn asked_topic(kafka: &Kafka, asked: &MetadataRequestTopic, version: i16) -> MetadataResponseTopic {
    let failed = |error: ResponseError| MetadataResponseTopic::default().with_error_code(error.code());
    if let Some(name) = &asked.name {
        return match kafka.topics.get(&*name.0) {
            Some(found) => topic(kafka, &name.0, found, version),
            None if is_name(&name.0) => failed(ResponseError::UnknownTopicOrPartition).with_name(Some(name.clone())),
            None => failed(ResponseError::InvalidTopicException).with_name(Some(name.clone())),
        };
    }
    match kafka.topics.iter().find(|(_, t)| &t.id == asked.topic_id.as_bytes()) {
        Some((name, found)) => topic(kafka, name, found, version),
        // Before they may be absent, names are empty.
        None => failed(ResponseError::UnknownTopicId)
            .with_name((version < BY_ID).then(TopicName::default))
            .with_topic_id(asked.topic_id),
    }
}

/// True for what may be the name of a topic.
pub fn is_name(name: &str) -> bool {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    !matches!(name, "" | "." | "..") && name.len() <= LONGEST_NAME && name.chars().all(legal)
}

fn topic(kafka: &Kafka, name: &str, topic: &Topic, version: i16) -> MetadataResponseTopic {
    let partitions = (0..).zip(&topic.partitions).map(|(index, p)| partition(kafka, index, p));
    let answer = MetadataResponseTopic::default()
        .with_name(Some(TopicName(text(name))))
        .with_is_internal(topic.internal)
        .with_partitions(partitions.collect());
    if version >= WITH_IDS { answer.with_topic_id(topic_id(topic.id)) } else { answer }
}

fn partition(kafka: &Kafka, index: i32, partition: &Partition) -> MetadataResponsePartition {
    let offline = |id: &&i32| kafka.brokers.get(id).is_none_or(|b| !b.unfenced || b.log_dir.failed);
    let leader = leader(kafka, partition);
    let error = if leader.is_some() { 0 } else { ResponseError::LeaderNotAvailable.code() };
    MetadataResponsePartition::default()
        .with_error_code(error)
        .with_partition_index(index)
        .with_leader_id(BrokerId(leader.unwrap_or(-1)))
        .with_leader_epoch(partition.epoch)
        .with_replica_nodes(ids(&partition.replicas))
        .with_isr_nodes(ids(&partition.isr))
        .with_offline_replicas(ids(partition.replicas.iter().filter(offline)))
}

/// DescribeCluster (key 60); fenced brokers only for who asks for them (KIP-1073).
pub fn describe(view: &View<'_>, asked: &DescribeClusterRequest, version: i16) -> DescribeClusterResponse {
    let answer = DescribeClusterResponse::default();
    if version >= 1 && asked.endpoint_type != 1 {
        return answer
            .with_error_code(ResponseError::MismatchedEndpointType.code())
            .with_error_message(Some(text("The request was sent to an endpoint of the wrong type.")))
            .with_controller_id(BrokerId(-1));
    }
    let shown = view.kafka.brokers.values().filter(|b| b.unfenced || asked.include_fenced_brokers);
    let brokers = shown.map(|b| {
        DescribeClusterBroker::default()
            .with_broker_id(BrokerId(b.id))
            .with_host(text(&b.host))
            .with_port(i32::from(b.port))
            .with_rack(b.rack.as_deref().map(text))
            .with_is_fenced(!b.unfenced)
    });
    answer
        .with_cluster_id(text(&view.kafka.cluster_id))
        .with_controller_id(any_broker(view))
        .with_brokers(brokers.collect())
}

/// DescribeQuorum (key 55, KIP-595): every broker is a voter too; a voter that does not run has not fetched.
///
/// Without an active controller there is nobody to ask, which brokers say when their time is up.
pub fn quorum(view: &View<'_>, asked: &DescribeQuorumRequest, version: i16) -> DescribeQuorumResponse {
    let Some(controller) = view.kafka.controller else {
        let error = ResponseError::RequestTimedOut.code();
        return DescribeQuorumResponse::default().with_error_code(error);
    };
    let topics = asked.topics.iter().map(|topic| {
        let known = |index: i32| topic.topic_name.as_str() == QUORUM_TOPIC && index == 0;
        let partitions = topic.partitions.iter().map(|p| {
            if known(p.partition_index) {
                return quorum_partition(view, controller);
            }
            PartitionData::default()
                .with_partition_index(p.partition_index)
                .with_error_code(ResponseError::UnknownTopicOrPartition.code())
                .with_error_message((version >= WITH_NODES).then(|| text("There is no such partition.")))
        });
        TopicData::default().with_topic_name(topic.topic_name.clone()).with_partitions(partitions.collect())
    });
    let answer = DescribeQuorumResponse::default().with_topics(topics.collect());
    if version < WITH_NODES || !asked.topics.iter().all(|t| t.topic_name.as_str() == QUORUM_TOPIC) {
        return answer;
    }
    let nodes = view.kafka.brokers.values().map(|b| {
        let listener =
            Listener::default().with_name(text("CONTROLLER")).with_host(text(&b.host)).with_port(CONTROLLER_PORT);
        Node::default().with_node_id(BrokerId(b.id)).with_listeners(vec![listener])
    });
    answer.with_nodes(nodes.collect())
}

fn quorum_partition(view: &View<'_>, controller: i32) -> PartitionData {
    let end = view.now / QUORUM_PACE;
    let voters = view.kafka.brokers.values().map(|b| {
        let (end, at) = if b.process == Process::Running { (end, view.now) } else { (-1, -1) };
        ReplicaState::default()
            .with_replica_id(BrokerId(b.id))
            .with_log_end_offset(end)
            .with_last_fetch_timestamp(at)
            .with_last_caught_up_timestamp(at)
    });
    PartitionData::default()
        .with_leader_id(BrokerId(controller))
        .with_leader_epoch(QUORUM_EPOCH)
        .with_high_watermark(end)
        .with_current_voters(voters.collect())
}
