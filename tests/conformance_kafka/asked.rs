//! What is asked, of the sandbox and of real brokers alike.

use std::{collections::BTreeMap, fmt::Debug};

use futures::future::BoxFuture;
use kafdeck::{
    io::dial::BoxStream,
    sandbox::{
        broker::OFFERED,
        kafka::{Acl, Kafka},
    },
    wire::requests::{self, Meanings, TOPIC_CONFIGS, Width},
};
use kafka_protocol::{
    messages::{
        ApiKey, ApiVersionsRequest, BrokerId, DescribeClusterRequest, DescribeConfigsRequest, DescribeLogDirsRequest,
        DescribeQuorumRequest, FindCoordinatorRequest, GroupId, ListGroupsRequest, ListOffsetsRequest, MetadataRequest,
        OffsetFetchRequest, TopicName,
        describe_client_quotas_request::ComponentData,
        describe_configs_request::DescribeConfigsResource,
        describe_log_dirs_request::DescribableLogDirTopic,
        describe_quorum_request::{PartitionData, TopicData},
        describe_user_scram_credentials_request::UserName,
        list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic},
        metadata_request::MetadataRequestTopic,
        offset_fetch_request::{OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics},
    },
    protocol::Request,
};
use serde_json::{Value, json};

use super::{
    changes,
    common::kafka::{Cluster, Raw, framed, kafka, text},
    shape,
};

/// The topic, of three partitions with records in each, and the groups that have read it.
pub const TOPIC: &str = "kafdeck-conformance";
/// A group with a member, of the classic protocol.
pub const CLASSIC: &str = "kafdeck-conformance-classic";
/// A group with a member, of the consumer protocol.
pub const CONSUMER: &str = "kafdeck-conformance-consumer";
/// A group whose member has left.
pub const EMPTY: &str = "kafdeck-conformance-empty";
/// A user with a SCRAM credential and a quota.
pub const USER: &str = "kafdeck-conformance-user";
/// What cases begin with that need an authorizer.
pub const AUTHORIZED: &str = "DescribeAcls with an authorizer";
/// Nobody's.
pub const NOBODY: &str = "kafdeck-conformance-nobody";

/// Three brokers with the ids 0 to 2.
pub trait Peer {
    /// A connection to a broker.
    fn open(&self, broker: i32) -> BoxFuture<'_, BoxStream>;

    /// A connection to a broker with an authorizer that keeps ACLs of two users, if there is one.
    fn open_authorized(&self) -> BoxFuture<'_, Option<BoxStream>>;
}

impl Peer for Cluster {
    fn open(&self, broker: i32) -> BoxFuture<'_, BoxStream> {
        Box::pin(async move { self.stream(broker) })
    }

    fn open_authorized(&self) -> BoxFuture<'_, Option<BoxStream>> {
        // The brokers of this one go on without it.
        Box::pin(async move { Some(Cluster::new(authorized()).stream(0)) })
    }
}

/// Three brokers with an authorizer.
fn authorized() -> Kafka {
    let acl = |principal: &str, resource: i8, name: &str, prefixed: bool, operation: i8| Acl {
        principal: principal.to_owned(),
        host: "*".to_owned(),
        resource,
        name: name.to_owned(),
        prefixed,
        operation,
        allows: true,
    };
    let mut kafka = kafka();
    kafka.security.acls = Some(vec![
        acl("User:app", 2, "orders", false, 3),
        acl("User:app", 3, "orders", true, 3),
        acl("User:console", 4, "kafka-cluster", false, 8),
    ]);
    kafka
}

/// What was answered: offered versions by request, and the shape of each answer by its case.
#[derive(Default)]
pub struct Answers {
    pub offered: BTreeMap<String, (i16, i16)>,
    pub shapes: BTreeMap<String, Value>,
}

pub struct Asking<'a, P> {
    peer: &'a P,
    answers: Answers,
}

impl<P: Peer> Asking<'_, P> {
    /// Asks a broker on a connection of its own.
    async fn of<R: Request>(&self, broker: i32, request: &R, version: i16) -> Option<R::Response> {
        Raw::new(self.peer.open(broker).await).ask(request, version).await
    }

    fn keep(&mut self, case: &str, shape: Value) {
        assert!(self.answers.shapes.insert(case.to_owned(), shape).is_none(), "{case} twice");
    }

    /// Asks, and keeps the answer's shape and its words of errors.
    pub async fn change<R: Request<Response: Debug>>(&mut self, case: &str, broker: i32, request: R, version: i16) {
        let answer = self.of(broker, &request, version).await;
        let shape = answer.as_ref().map_or_else(|| json!("hung up"), shape::of);
        let words = answer.map(|answer| words(&format!("{answer:?}")));
        self.keep(&format!("{case} v{version}"), json!({"shape": shape, "errors": words}));
    }

    async fn case<R: Request<Response: Debug>>(&mut self, case: &str, broker: i32, request: R, version: i16) {
        let answer = self.of(broker, &request, version).await;
        let shape = answer.map_or_else(|| json!("hung up"), |answer| shape::of(&answer));
        self.keep(&format!("{case} v{version}"), shape);
    }

    async fn bytes(&mut self, case: &str, bytes: &[u8]) {
        let answer = Raw::new(self.peer.open(0).await).bytes(bytes).await;
        self.keep(case, json!(answer.map_or("hung up", |_| "answered")));
    }

    pub async fn coordinator(&self, group: &str) -> i32 {
        let asked = FindCoordinatorRequest::default().with_coordinator_keys(vec![text(group)]);
        self.of(0, &asked, 6).await.unwrap().coordinators[0].node_id.0
    }

    async fn leader(&self) -> i32 {
        let answer = self.of(0, &named(&[TOPIC]), 12).await.unwrap();
        let first = answer.topics[0].partitions.iter().find(|p| p.partition_index == 0);
        first.unwrap().leader_id.0
    }
}

/// Codes and words of errors in an answer, in their order.
fn words(answer: &str) -> Vec<String> {
    let after = |part: &str| part.split(['}', ']']).next().unwrap_or_default().trim_end_matches(", ").to_owned();
    answer.split("error_").skip(1).map(|part| after(part.split(", topic_config").next().unwrap())).collect()
}

/// Asks everything.
pub async fn ask_all(peer: &impl Peer) -> Answers {
    let mut asking = Asking { peer, answers: Answers::default() };
    versions(&mut asking).await;
    cluster(&mut asking).await;
    groups(&mut asking).await;
    commits(&mut asking).await;
    offsets(&mut asking).await;
    configs(&mut asking).await;
    users(&mut asking).await;
    changes::ask(&mut asking).await;
    hostile(&mut asking).await;
    asking.answers
}

/// Topics by name; the testbed creates none for being asked.
fn named(topics: &[&str]) -> MetadataRequest {
    let topics = topics.iter().map(|t| MetadataRequestTopic::default().with_name(Some(TopicName(text(t)))));
    MetadataRequest::default().with_topics(Some(topics.collect()))
}

async fn versions(asking: &mut Asking<'_, impl Peer>) {
    let answer = asking.of(0, &requests::api_versions(), 4).await.unwrap();
    for key in &answer.api_keys {
        let ours = OFFERED.into_iter().find(|(ours, ..)| *ours as i16 == key.api_key);
        if let Some((ours, ..)) = ours {
            asking.answers.offered.insert(format!("{ours:?}"), (key.min_version, key.max_version));
        }
    }
    for (version, request) in
        [(0, ApiVersionsRequest::default()), (3, requests::api_versions()), (4, requests::api_versions())]
    {
        let mut answer = asking.of(0, &request, version).await.unwrap();
        answer.api_keys.retain(|key| OFFERED.iter().any(|(ours, ..)| *ours as i16 == key.api_key));
        asking.keep(&format!("ApiVersions v{version}"), shape::of(&answer));
    }
    let mut unknown = framed(&requests::api_versions(), 4, 5).to_vec();
    unknown[7] = 99;
    let answer = Raw::new(asking.peer.open(0).await).bytes(&unknown).await.unwrap();
    // All but the newest version, which is the last of its bytes.
    let known = &answer[..answer.len() - 1];
    asking.keep("ApiVersions v99", json!(format!("{known:?}")));
}

async fn cluster(asking: &mut Asking<'_, impl Peer>) {
    for version in [0, 9, 13] {
        asking.case("Metadata", 0, named(&[TOPIC]), version).await;
    }
    asking.case("Metadata of no topic", 0, named(&[]), 13).await;
    asking.case("Metadata of an unknown topic", 0, named(&[NOBODY]), 13).await;
    asking.case("Metadata of an impossible topic", 0, named(&["no such/name"]), 13).await;
    let id = "01020304-0506-0708-090a-0b0c0d0e0f10".parse().unwrap();
    let by_id = MetadataRequestTopic::default().with_name(None).with_topic_id(id);
    let by_id = MetadataRequest::default().with_topics(Some(vec![by_id]));
    asking.case("Metadata of an unknown id", 0, by_id, 13).await;
    let described = DescribeClusterRequest::default();
    asking.case("DescribeCluster", 0, described.clone(), 0).await;
    asking.case("DescribeCluster", 0, described.clone().with_include_fenced_brokers(true), 2).await;
    asking.case("DescribeCluster of controllers", 0, described.with_endpoint_type(2), 2).await;
    for (case, topic) in [("DescribeQuorum", "__cluster_metadata"), ("DescribeQuorum of a topic", TOPIC)] {
        let partitions = vec![PartitionData::default()];
        let topic = TopicData::default().with_topic_name(TopicName(text(topic))).with_partitions(partitions);
        asking.case(case, 0, DescribeQuorumRequest::default().with_topics(vec![topic]), 2).await;
    }
    for version in [0, 1] {
        asking.case("DescribeQuorum as we ask", 0, requests::describe_quorum(), version).await;
    }
    asking.case("DescribeQuorum of another broker", 1, requests::describe_quorum(), 2).await;
}

async fn groups(asking: &mut Asking<'_, impl Peer>) {
    for group in [CLASSIC, CONSUMER, EMPTY, NOBODY] {
        let here = asking.coordinator(group).await;
        let listed = ListGroupsRequest::default();
        let mut answer = asking.of(here, &listed, 5).await.unwrap();
        answer.groups.retain(|g| g.group_id.as_str() == group);
        asking.keep(&format!("ListGroups with {group} v5"), shape::of(&answer));
        for version in [0, 5, 6] {
            let case = format!("DescribeGroups of {group}");
            asking.case(&case, here, requests::describe_groups([group]), version).await;
        }
        let case = format!("ConsumerGroupDescribe of {group}");
        asking.case(&case, here, requests::consumer_group_describe([group]), 1).await;
        let found = FindCoordinatorRequest::default();
        let case = format!("FindCoordinator of {group}");
        asking.case(&case, 0, found.clone().with_coordinator_keys(vec![text(group)]), 6).await;
        asking.case(&case, 0, found.with_key(text(group)), 3).await;
    }
    let elsewhere = (asking.coordinator(CLASSIC).await + 1) % 3;
    asking.case("DescribeGroups elsewhere", elsewhere, requests::describe_groups([CLASSIC]), 6).await;
    asking.case("DescribeGroups elsewhere", elsewhere, requests::describe_groups([CLASSIC]), 5).await;
    let described = requests::consumer_group_describe([CLASSIC]);
    asking.case("ConsumerGroupDescribe elsewhere", elsewhere, described, 1).await;
    let strange = FindCoordinatorRequest::default().with_key_type(9);
    asking.case("FindCoordinator of no kind", 0, strange.clone().with_coordinator_keys(vec![text("x")]), 6).await;
    asking.case("FindCoordinator of no kind", 0, strange.with_key(text("x")), 3).await;
    let nonsense = ListGroupsRequest::default().with_states_filter(vec![text("Nonsense")]);
    asking.case("ListGroups of no state", 0, nonsense, 5).await;
    let nonsense = ListGroupsRequest::default().with_types_filter(vec![text("nonsense")]);
    asking.case("ListGroups of no type", 0, nonsense, 5).await;
}

async fn commits(asking: &mut Asking<'_, impl Peer>) {
    let some = vec![0, 77];
    for group in [CLASSIC, CONSUMER, EMPTY, NOBODY] {
        let here = asking.coordinator(group).await;
        asking.case(&format!("OffsetFetch of {group}"), here, requests::offset_fetch([group]), 9).await;
        let topic =
            OffsetFetchRequestTopics::default().with_name(TopicName(text(TOPIC))).with_partition_indexes(some.clone());
        let wanted =
            OffsetFetchRequestGroup::default().with_group_id(GroupId(text(group))).with_topics(Some(vec![topic]));
        let case = format!("OffsetFetch of two partitions of {group}");
        asking.case(&case, here, OffsetFetchRequest::default().with_groups(vec![wanted]), 8).await;
        asking.case(&case, here, single(group, &some), 5).await;
        asking.case(&case, here, single(group, &some), 1).await;
    }
    let elsewhere = (asking.coordinator(CLASSIC).await + 1) % 3;
    asking.case("OffsetFetch elsewhere", elsewhere, requests::offset_fetch([CLASSIC]), 9).await;
    for version in [1, 5, 7] {
        asking.case("OffsetFetch elsewhere", elsewhere, single(CLASSIC, &some), version).await;
    }
}

/// OffsetFetch as it was before several groups could be asked for.
fn single(group: &str, partitions: &[i32]) -> OffsetFetchRequest {
    let topic = OffsetFetchRequestTopic::default()
        .with_name(TopicName(text(TOPIC)))
        .with_partition_indexes(partitions.to_vec());
    OffsetFetchRequest::default().with_group_id(GroupId(text(group))).with_topics(Some(vec![topic]))
}

async fn offsets(asking: &mut Asking<'_, impl Peer>) {
    let leader = asking.leader().await;
    let ask = |topic: &str, partition: i32, at: i64, epoch: i32| {
        let partition = ListOffsetsPartition::default()
            .with_partition_index(partition)
            .with_timestamp(at)
            .with_current_leader_epoch(epoch);
        let topic = ListOffsetsTopic::default().with_name(TopicName(text(topic))).with_partitions(vec![partition]);
        ListOffsetsRequest::default().with_replica_id(BrokerId(-1)).with_topics(vec![topic])
    };
    for (case, at) in [
        ("the end", -1),
        ("the start", -2),
        ("the largest timestamp", -3),
        ("the start here", -4),
        ("what is tiered", -5),
        ("a time to come", i64::MAX),
        ("an old time", 1),
    ] {
        asking.case(&format!("ListOffsets of {case}"), leader, ask(TOPIC, 0, at, -1), 10).await;
    }
    asking.case("ListOffsets of the end", leader, ask(TOPIC, 0, -1, -1), 1).await;
    asking.case("ListOffsets elsewhere", (leader + 1) % 3, ask(TOPIC, 0, -1, -1), 10).await;
    asking.case("ListOffsets of an unknown topic", leader, ask(NOBODY, 0, -1, -1), 10).await;
    asking.case("ListOffsets of an unknown partition", leader, ask(TOPIC, 77, -1, -1), 10).await;
    asking.case("ListOffsets in an epoch to come", leader, ask(TOPIC, 0, -1, 1000), 10).await;
    for version in [1, 4] {
        let topic = DescribableLogDirTopic::default().with_topic(TopicName(text(TOPIC))).with_partitions(vec![0, 1, 2]);
        let asked = DescribeLogDirsRequest::default().with_topics(Some(vec![topic]));
        asking.case("DescribeLogDirs", 0, asked, version).await;
    }
}

async fn configs(asking: &mut Asking<'_, impl Peer>) {
    let resource = |kind: i8, name: &str, keys: &[&str]| {
        DescribeConfigsResource::default()
            .with_resource_type(kind)
            .with_resource_name(text(name))
            .with_configuration_keys(Some(keys.iter().map(|key| text(key)).collect()))
    };
    let of_broker = ["min.insync.replicas", "log.segment.bytes", "num.io.threads", "auto.create.topics.enable"];
    for (case, asked) in [
        ("all of a broker", requests::broker_configs(0, Meanings::LeftOut)),
        ("all of a broker, and what they mean", requests::broker_configs(0, Meanings::Told)),
        ("all of a topic, and what they mean", requests::topic_configs(TOPIC)),
        ("all of topics", requests::describe_configs([TOPIC], Width::All)),
    ] {
        asking.case(&format!("DescribeConfigs: {case}"), 0, asked, 4).await;
    }
    let all: [(&str, i8, &str, &[&str]); 7] = [
        ("a topic", 2, TOPIC, &TOPIC_CONFIGS),
        ("a broker", 4, "0", &of_broker),
        ("a broker's identity", 4, "0", &["node.id"]),
        ("a broker's secret", 4, "0", &["delegation.token.secret.key"]),
        ("another broker", 4, "1", &of_broker),
        ("an unknown topic", 2, NOBODY, &TOPIC_CONFIGS),
        ("no broker", 4, "nobody", &of_broker),
    ];
    for (case, kind, name, keys) in all {
        let asked = DescribeConfigsRequest::default().with_resources(vec![resource(kind, name, keys)]);
        asking.case(&format!("DescribeConfigs of {case}"), 0, asked.clone(), 4).await;
        let asked = asked.with_include_synonyms(true);
        asking.case(&format!("DescribeConfigs with synonyms of {case}"), 0, asked.clone(), 1).await;
        let asked = asked.with_include_documentation(true);
        asking.case(&format!("DescribeConfigs with everything of {case}"), 0, asked, 4).await;
    }
}

async fn users(asking: &mut Asking<'_, impl Peer>) {
    let named = |name: &str| {
        let user = UserName::default().with_name(text(name));
        requests::describe_scram_users().with_users(Some(vec![user]))
    };
    asking.case("DescribeUserScramCredentials", 0, requests::describe_scram_users(), 0).await;
    asking.case("DescribeUserScramCredentials of one", 0, named(USER), 0).await;
    asking.case("DescribeUserScramCredentials of nobody", 0, named(NOBODY), 0).await;
    for version in [1, 3] {
        asking.case("DescribeAcls without an authorizer", 0, requests::describe_acls(), version).await;
    }
    let of = |name: &str| {
        let component = ComponentData::default().with_entity_type(text("user")).with_match(Some(text(name)));
        requests::describe_quotas().with_components(vec![component])
    };
    for version in [0, 1] {
        asking.case("DescribeClientQuotas", 0, requests::describe_quotas(), version).await;
        asking.case("DescribeClientQuotas of one", 0, of(USER), version).await;
        asking.case("DescribeClientQuotas of nobody", 0, of(NOBODY), version).await;
    }
    let Some(stream) = asking.peer.open_authorized().await else { return };
    let mut raw = Raw::new(stream);
    let nobody = requests::describe_acls().with_principal_filter(Some(text("User:nobody-at-all")));
    for (case, version, asked) in
        [("", 1, requests::describe_acls()), ("", 3, requests::describe_acls()), (" of nobody", 3, nobody)]
    {
        let answer = raw.ask(&asked, version).await;
        let shape = answer.map_or_else(|| json!("hung up"), |answer| shape::of(&answer));
        asking.keep(&format!("{AUTHORIZED}{case} v{version}"), shape);
    }
}

async fn hostile(asking: &mut Asking<'_, impl Peer>) {
    let mut too_new = framed(&requests::metadata(), 13, 5).to_vec();
    too_new[7] = 99;
    let mut unknown = too_new.clone();
    unknown[4..6].copy_from_slice(&999_i16.to_be_bytes());
    asking.bytes("Metadata v99", &too_new).await;
    asking.bytes("an unknown request", &unknown).await;
    asking.bytes("HTTP", b"GET / HTTP/1.1\r\n\r\n").await;
    asking.bytes("a negative length", &[0xff; 8]).await;
    asking.bytes("a frame without a header", &[0, 0, 0, 2, 0, 3]).await;
    let key = ApiKey::Metadata as u8;
    let greedy = [0, 0, 0, 14, 0, key, 0, 1, 0, 0, 0, 1, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff];
    asking.bytes("a count of billions", &greedy).await;
}
