//! Brokers of paper for tests: they answer on an in-memory stream, each as its script says.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use bytes::{BufMut, Bytes, BytesMut};
use futures::future::BoxFuture;
use kafka_protocol::{
    messages::{
        ApiKey, ApiVersionsResponse, BrokerId as WireBroker, ConsumerGroupDescribeRequest, DescribeAclsResponse,
        DescribeClientQuotasResponse, DescribeConfigsRequest, DescribeConfigsResponse, DescribeGroupsRequest,
        DescribeGroupsResponse, DescribeLogDirsResponse, DescribeQuorumResponse, DescribeUserScramCredentialsResponse,
        ListGroupsResponse, ListOffsetsRequest, ListOffsetsResponse, MetadataResponse, OffsetFetchRequest,
        OffsetFetchResponse, ResponseHeader, TopicName,
        api_versions_response::{ApiVersion, FinalizedFeatureKey},
        consumer_group_describe_response as cgd, describe_acls_response as da, describe_client_quotas_response as cq,
        describe_configs_response as dc, describe_groups_response as dg, describe_log_dirs_response as ld,
        describe_quorum_response as dq, describe_user_scram_credentials_response as su, list_groups_response as lg,
        list_offsets_response as lo, metadata_response as md, offset_fetch_response as of,
    },
    protocol::{Decodable, Encodable, HeaderVersion, StrBytes, decode_request_header_from_buffer},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream},
    time::sleep,
};
use tokio_util::sync::CancellationToken;

use crate::{
    domain::{
        ids::{BrokerId, ObjectKey},
        installation::{AddressBook, PodPort},
    },
    io::dial::{BoxStream, DialError, Transport},
    task,
};

/// The user may not describe the group.
const GROUP_AUTHORIZATION_FAILED: i16 = 30;

/// What a broker does with the requests that it gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Script {
    /// Answers.
    Well,
    /// Takes streams and requests and never answers.
    Frozen,
    /// Answers HTTP.
    Garbage,
    /// Announces an answer of 2 GB.
    Huge,
    /// Sends half of its answer to Metadata and hangs up.
    BreaksOff,
    /// Refuses to be dialled.
    Refuses,
    /// Streams to it end, and the API server opens none.
    CutOff,
    /// Is of Kafka 2.0: no flexible versions.
    Old,
    /// May not describe anything.
    Forbidden,
    /// Fails while it refuses to tell users, and never answers that.
    SwallowsUsers,
    /// Answers after this many milliseconds.
    Slow(u64),
}

/// A cluster of paper.
#[derive(Debug)]
pub struct Paper {
    /// What each broker does; changes hold for the next request.
    pub scripts: Mutex<BTreeMap<i32, Script>>,
    /// Topics and how many partitions each has; leaders go round.
    pub topics: Mutex<BTreeMap<String, i32>>,
    /// Groups of each coordinator.
    pub groups: Mutex<BTreeMap<i32, Vec<String>>>,
    /// Requests seen: broker, key, and how many groups, topics or partitions it asked about.
    pub seen: Mutex<Vec<(i32, ApiKey, usize)>>,
    /// Whether there is an active controller: without one brokers keep questions for it, and all behind them.
    pub controlled: AtomicBool,
    /// Hosts that brokers advertise in place of their own.
    pub lies: Mutex<BTreeMap<i32, String>>,
    /// Groups that nobody may describe.
    pub closed: Mutex<Vec<String>>,
    /// Whether it keeps its metadata in ZooKeeper.
    pub zookeeper: AtomicBool,
    cancel: CancellationToken,
}

impl Paper {
    pub fn new(brokers: i32) -> Arc<Self> {
        Arc::new(Self {
            scripts: Mutex::new((0..brokers).map(|b| (b, Script::Well)).collect()),
            topics: Mutex::new(BTreeMap::from([("orders".to_owned(), 6)])),
            groups: Mutex::default(),
            seen: Mutex::default(),
            lies: Mutex::default(),
            closed: Mutex::default(),
            controlled: AtomicBool::new(true),
            zookeeper: AtomicBool::new(false),
            cancel: CancellationToken::new(),
        })
    }

    pub fn set(&self, broker: i32, script: Script) {
        self.scripts.lock().unwrap().insert(broker, script);
    }

    pub fn script(&self, broker: i32) -> Script {
        self.scripts.lock().unwrap()[&broker]
    }

    fn is_closed(&self, group: &str) -> bool {
        self.closed.lock().unwrap().iter().any(|closed| closed == group)
    }

    /// How often a broker was asked this.
    pub fn count(&self, broker: i32, key: ApiKey) -> usize {
        self.seen.lock().unwrap().iter().filter(|(b, k, _)| (*b, *k) == (broker, key)).count()
    }

    pub fn book(&self) -> AddressBook {
        let mut book = AddressBook::default();
        for id in self.scripts.lock().unwrap().keys() {
            let pod = ObjectKey::new("ns", format!("kafka-{id}"));
            book.seeds.push(PodPort { pod: pod.clone(), port: 9092 });
            book.hosts.insert(format!("kafka-{id}.kafka"), pod.clone());
            book.ids.insert(BrokerId(*id), pod);
        }
        book
    }

    /// A stream to a broker.
    pub fn stream(self: &Arc<Self>, broker: i32) -> BoxStream {
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        task::spawn("paper broker", &self.cancel, serve(Arc::clone(self), broker, theirs));
        Box::new(ours)
    }
}

/// The way to a cluster of paper.
pub struct Way(pub Arc<Paper>);

impl Transport for Way {
    fn open(&self, to: &PodPort) -> BoxFuture<'_, Result<BoxStream, DialError>> {
        let to = to.clone();
        let broker: i32 = to.pod.name.rsplit('-').next().unwrap().parse().unwrap();
        Box::pin(async move {
            match self.0.script(broker) {
                Script::Refuses => Err(DialError::Refused { to, why: "connection refused".to_owned() }),
                Script::CutOff => Err(DialError::ApiUnreachable { to, why: "no route".to_owned() }),
                _ => Ok(self.0.stream(broker)),
            }
        })
    }
}

async fn serve(paper: Arc<Paper>, broker: i32, mut stream: DuplexStream) {
    loop {
        let Ok(length) = stream.read_i32().await else { return };
        let mut frame = vec![0; usize::try_from(length).unwrap()];
        if stream.read_exact(&mut frame).await.is_err() {
            return;
        }
        let answer = match paper.script(broker) {
            Script::CutOff => return,
            Script::Garbage => Bytes::from_static(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
            Script::Huge => Bytes::from_static(&[0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0, 1, 2, 3]),
            Script::Frozen => {
                while paper.script(broker) == Script::Frozen {
                    sleep(Duration::from_millis(100)).await;
                }
                answer(&paper, broker, Bytes::from(frame))
            }
            _ if frame[1] == ApiKey::DescribeQuorum as u8 && !paper.controlled.load(Relaxed) => {
                paper.seen.lock().unwrap().push((broker, ApiKey::DescribeQuorum, 0));
                std::future::pending().await
            }
            Script::SwallowsUsers if frame[1] == ApiKey::DescribeUserScramCredentials as u8 => {
                paper.seen.lock().unwrap().push((broker, ApiKey::DescribeUserScramCredentials, 0));
                std::future::pending().await
            }
            Script::Slow(ms) => {
                sleep(Duration::from_millis(ms)).await;
                answer(&paper, broker, Bytes::from(frame))
            }
            Script::BreaksOff if frame[1] == ApiKey::Metadata as u8 => {
                let whole = answer(&paper, broker, Bytes::from(frame));
                let _ = stream.write_all(&whole[..whole.len() / 2]).await;
                return;
            }
            _ => answer(&paper, broker, Bytes::from(frame)),
        };
        if stream.write_all(&answer).await.is_err() {
            return;
        }
    }
}

fn text(s: &str) -> StrBytes {
    StrBytes::from_string(s.to_owned())
}

/// The answer's frame, length included.
fn answer(paper: &Paper, broker: i32, mut frame: Bytes) -> Bytes {
    let key = ApiKey::try_from(i16::from_be_bytes([frame[0], frame[1]])).unwrap();
    let header = decode_request_header_from_buffer(&mut frame).unwrap();
    let (id, version) = (header.correlation_id, header.request_api_version);
    let seen = |n: usize| paper.seen.lock().unwrap().push((broker, key, n));
    let code = |forbidden: i16| if paper.script(broker) == Script::Forbidden { forbidden } else { 0 };
    match key {
        ApiKey::ApiVersions => {
            seen(0);
            let old = paper.script(broker) == Script::Old;
            let zookeeper = paper.zookeeper.load(Relaxed);
            framed(id, if old { 0 } else { version }, &api_versions(old, zookeeper, version))
        }
        ApiKey::Metadata => {
            seen(0);
            framed(id, version, &metadata(paper))
        }
        ApiKey::ListGroups => {
            seen(0);
            framed(id, version, &list_groups(paper, broker))
        }
        ApiKey::DescribeGroups => {
            let asked = DescribeGroupsRequest::decode(&mut frame, version).unwrap();
            seen(asked.groups.len());
            let mut answer = describe_groups(&asked);
            for group in answer.groups.iter_mut().filter(|g| paper.is_closed(&g.group_id)) {
                (group.error_code, group.members) = (GROUP_AUTHORIZATION_FAILED, Vec::new());
            }
            framed(id, version, &answer)
        }
        ApiKey::ConsumerGroupDescribe => {
            let asked = ConsumerGroupDescribeRequest::decode(&mut frame, version).unwrap();
            seen(asked.group_ids.len());
            framed(id, version, &consumer_group_describe(&asked))
        }
        ApiKey::OffsetFetch => {
            let asked = OffsetFetchRequest::decode(&mut frame, version).unwrap();
            seen(asked.groups.len());
            let mut answer = offset_fetch(&asked, code(30));
            for group in answer.groups.iter_mut().filter(|g| paper.is_closed(&g.group_id)) {
                (group.error_code, group.topics) = (GROUP_AUTHORIZATION_FAILED, Vec::new());
            }
            framed(id, version, &answer)
        }
        ApiKey::ListOffsets => {
            let asked = ListOffsetsRequest::decode(&mut frame, version).unwrap();
            seen(asked.topics.iter().map(|t| t.partitions.len()).sum());
            framed(id, version, &list_offsets(&asked))
        }
        ApiKey::DescribeLogDirs => {
            seen(0);
            framed(id, version, &log_dirs(code(31)))
        }
        ApiKey::DescribeConfigs => {
            let asked = DescribeConfigsRequest::decode(&mut frame, version).unwrap();
            seen(asked.resources.len());
            framed(id, version, &configs(&asked, code(31)))
        }
        ApiKey::DescribeQuorum => {
            seen(0);
            framed(id, version, &quorum(code(31), version))
        }
        ApiKey::DescribeUserScramCredentials => {
            seen(0);
            framed(id, version, &scram_users(code(31)))
        }
        ApiKey::DescribeAcls => {
            seen(0);
            framed(id, version, &acls(code(54)))
        }
        ApiKey::DescribeClientQuotas => {
            seen(0);
            framed(id, version, &quotas(code(31)))
        }
        other => panic!("nobody asks {other:?}"),
    }
}

/// A whole frame.
pub fn framed<T: Encodable + HeaderVersion>(id: i32, version: i16, body: &T) -> Bytes {
    let mut frame = BytesMut::new();
    frame.put_i32(0);
    ResponseHeader::default().with_correlation_id(id).encode(&mut frame, T::header_version(version)).unwrap();
    body.encode(&mut frame, version).unwrap();
    let length = i32::try_from(frame.len() - 4).unwrap();
    frame[..4].copy_from_slice(&length.to_be_bytes());
    frame.freeze()
}

fn api_versions(old: bool, zookeeper: bool, version: i16) -> ApiVersionsResponse {
    let offered = [
        (18, 4),
        (3, 13),
        (16, 5),
        (15, 6),
        (69, 1),
        (9, 9),
        (2, 10),
        (35, 4),
        (32, 4),
        (29, 3),
        (48, 1),
        (50, 0),
        (55, 2),
    ];
    let keys = offered.into_iter().filter(|(key, _)| !old || *key < 40).map(|(key, max)| {
        let max = if old { if key == 29 { 1 } else { 2 } } else { max };
        ApiVersion::default().with_api_key(key).with_min_version(0).with_max_version(max)
    });
    let answer = ApiVersionsResponse::default().with_api_keys(keys.collect());
    if old {
        return answer.with_error_code(if version > 2 { 35 } else { 0 });
    }
    if zookeeper {
        return answer;
    }
    let level = FinalizedFeatureKey::default().with_name(text("metadata.version")).with_max_version_level(25);
    answer.with_finalized_features(vec![level]).with_finalized_features_epoch(1)
}

/// Metadata of a cluster of paper: leaders go round its brokers.
pub fn metadata(paper: &Paper) -> MetadataResponse {
    let ids: Vec<i32> = paper.scripts.lock().unwrap().keys().copied().collect();
    let brokers = ids.iter().map(|id| {
        let host = paper.lies.lock().unwrap().get(id).cloned();
        let host = text(&host.unwrap_or_else(|| format!("kafka-{id}.kafka")));
        md::MetadataResponseBroker::default().with_node_id(WireBroker(*id)).with_host(host).with_port(9092)
    });
    let topics = paper.topics.lock().unwrap();
    let topics = topics.iter().map(|(name, count)| {
        let partitions = (0..*count).map(|i| {
            let leader = WireBroker(ids[usize::try_from(i).unwrap() % ids.len()]);
            md::MetadataResponsePartition::default()
                .with_partition_index(i)
                .with_leader_id(leader)
                .with_replica_nodes(vec![leader])
                .with_isr_nodes(vec![leader])
        });
        let name = TopicName(text(name));
        md::MetadataResponseTopic::default().with_name(Some(name)).with_partitions(partitions.collect())
    });
    MetadataResponse::default()
        .with_brokers(brokers.collect())
        .with_cluster_id(Some(text("paper")))
        .with_topics(topics.collect())
}

/// Groups whose names begin with `consumer` speak the consumer protocol, the others the classic one.
fn list_groups(paper: &Paper, broker: i32) -> ListGroupsResponse {
    let groups = paper.groups.lock().unwrap().get(&broker).cloned().unwrap_or_default();
    let listed = groups.iter().map(|g| {
        let kind = if g.starts_with("consumer") { "consumer" } else { "classic" };
        lg::ListedGroup::default()
            .with_group_id(text(g).into())
            .with_protocol_type(text("consumer"))
            .with_group_state(text("Stable"))
            .with_group_type(text(kind))
    });
    ListGroupsResponse::default().with_groups(listed.collect())
}

/// One member each; a group called `unreadable` is forbidden.
pub fn describe_groups(asked: &DescribeGroupsRequest) -> DescribeGroupsResponse {
    let groups = asked.groups.iter().map(|id| {
        let group = dg::DescribedGroup::default().with_group_id(id.clone());
        if id.as_str() == "unreadable" {
            return group.with_error_code(30);
        }
        let assignment =
            Bytes::from_static(&[0, 1, 0, 0, 0, 1, 0, 6, b'o', b'r', b'd', b'e', b'r', b's', 0, 0, 0, 1, 0, 0, 0, 0]);
        let member = dg::DescribedGroupMember::default()
            .with_member_id(text("m-1"))
            .with_client_id(text("app"))
            .with_client_host(text("/10.0.0.9"))
            .with_member_assignment(assignment);
        group.with_group_state(text("Stable")).with_protocol_type(text("consumer")).with_members(vec![member])
    });
    DescribeGroupsResponse::default().with_groups(groups.collect())
}

pub fn consumer_group_describe(
    asked: &ConsumerGroupDescribeRequest,
) -> kafka_protocol::messages::ConsumerGroupDescribeResponse {
    let groups = asked.group_ids.iter().map(|id| {
        let topic =
            cgd::TopicPartitions::default().with_topic_name(TopicName(text("orders"))).with_partitions(vec![1, 2]);
        let member = cgd::Member::default()
            .with_member_id(text("m-2"))
            .with_client_id(text("app"))
            .with_client_host(text("/10.0.0.8"))
            .with_assignment(cgd::Assignment::default().with_topic_partitions(vec![topic]));
        cgd::DescribedGroup::default()
            .with_group_id(id.clone())
            .with_group_state(text("Stable"))
            .with_members(vec![member])
    });
    kafka_protocol::messages::ConsumerGroupDescribeResponse::default().with_groups(groups.collect())
}

/// Every group has committed 10 for each of six partitions of `orders`, the last without a commit.
pub fn offset_fetch(asked: &OffsetFetchRequest, code: i16) -> OffsetFetchResponse {
    let groups = asked.groups.iter().map(|g| {
        let group = of::OffsetFetchResponseGroup::default().with_group_id(g.group_id.clone());
        if code != 0 || g.group_id.as_str() == "unreadable" {
            return group.with_error_code(30);
        }
        let partitions = (0..6).map(|i| {
            of::OffsetFetchResponsePartitions::default()
                .with_partition_index(i)
                .with_committed_offset(if i == 5 { -1 } else { 10 })
                .with_metadata(Some(text("")))
        });
        let topic = of::OffsetFetchResponseTopics::default()
            .with_name(TopicName(text("orders")))
            .with_partitions(partitions.collect());
        group.with_topics(vec![topic])
    });
    OffsetFetchResponse::default().with_groups(groups.collect())
}

/// Partition 0 has always moved elsewhere; the others end at 25.
pub fn list_offsets(asked: &ListOffsetsRequest) -> ListOffsetsResponse {
    let topics = asked.topics.iter().map(|t| {
        let partitions = t.partitions.iter().map(|p| {
            let answer = lo::ListOffsetsPartitionResponse::default().with_partition_index(p.partition_index);
            if p.partition_index == 0 { answer.with_error_code(6).with_offset(-1) } else { answer.with_offset(25) }
        });
        lo::ListOffsetsTopicResponse::default().with_name(t.name.clone()).with_partitions(partitions.collect())
    });
    ListOffsetsResponse::default().with_topics(topics.collect())
}

pub fn log_dirs(code: i16) -> DescribeLogDirsResponse {
    let partition = ld::DescribeLogDirsPartition::default().with_partition_index(0).with_partition_size(77);
    let topic =
        ld::DescribeLogDirsTopic::default().with_name(TopicName(text("orders"))).with_partitions(vec![partition]);
    let good = ld::DescribeLogDirsResult::default()
        .with_log_dir(text("/data"))
        .with_topics(vec![topic])
        .with_total_bytes(1000)
        .with_usable_bytes(400);
    let bad = ld::DescribeLogDirsResult::default().with_log_dir(text("/bad")).with_error_code(56);
    let results = if code == 0 { vec![good, bad] } else { vec![] };
    DescribeLogDirsResponse::default().with_error_code(code).with_results(results)
}

pub fn configs(asked: &DescribeConfigsRequest, code: i16) -> DescribeConfigsResponse {
    let results = asked.resources.iter().map(|r| {
        let entry = dc::DescribeConfigsResourceResult::default()
            .with_name(text("min.insync.replicas"))
            .with_value(Some(text("2")))
            .with_config_source(1)
            .with_config_type(3)
            .with_synonyms(vec![
                dc::DescribeConfigsSynonym::default().with_name(text("a")).with_value(Some(text("1"))).with_source(5),
            ])
            .with_documentation(asked.include_documentation.then(|| text("At least <code>so many</code>.")));
        let code = if r.resource_type == 4 { code } else { 0 };
        dc::DescribeConfigsResult::default()
            .with_resource_type(r.resource_type)
            .with_resource_name(r.resource_name.clone())
            .with_error_code(code)
            .with_configs(if code == 0 { vec![entry] } else { vec![] })
    });
    DescribeConfigsResponse::default().with_results(results.collect())
}

/// Broker 0 leads, and 1 and 2 follow.
pub fn quorum(code: i16, version: i16) -> DescribeQuorumResponse {
    let at = if version > 0 { 1_000 } else { -1 };
    let voter = |id| {
        dq::ReplicaState::default()
            .with_replica_id(WireBroker(id))
            .with_log_end_offset(40)
            .with_last_fetch_timestamp(at)
            .with_last_caught_up_timestamp(at)
    };
    let partition = dq::PartitionData::default()
        .with_leader_id(WireBroker(0))
        .with_leader_epoch(3)
        .with_high_watermark(40)
        .with_current_voters((0..3).map(voter).collect());
    let topic = dq::TopicData::default()
        .with_topic_name(TopicName(text("__cluster_metadata")))
        .with_partitions(vec![partition]);
    let topics = if code == 0 { vec![topic] } else { vec![] };
    DescribeQuorumResponse::default().with_error_code(code).with_topics(topics)
}

/// One user with both mechanisms, and one that is not readable.
pub fn scram_users(code: i16) -> DescribeUserScramCredentialsResponse {
    let info = |mechanism: i8| su::CredentialInfo::default().with_mechanism(mechanism).with_iterations(4096);
    let user = |name: &str| su::DescribeUserScramCredentialsResult::default().with_user(text(name));
    let results =
        vec![user("unreadable").with_error_code(31), user("app").with_credential_infos(vec![info(2), info(1)])];
    let answer = DescribeUserScramCredentialsResponse::default().with_error_code(code);
    if code == 0 { answer.with_results(results) } else { answer }
}

/// `app` may read topics that begin with `orders`, and not write `secret`; or there is no authorizer.
pub fn acls(code: i16) -> DescribeAclsResponse {
    let acl = |operation: i8, permission: i8| {
        da::AclDescription::default()
            .with_principal(text("User:app"))
            .with_host(text("*"))
            .with_operation(operation)
            .with_permission_type(permission)
    };
    let resource = |name: &str, pattern: i8, acls| {
        da::DescribeAclsResource::default()
            .with_resource_type(2)
            .with_resource_name(text(name))
            .with_pattern_type(pattern)
            .with_acls(acls)
    };
    let resources = vec![resource("secret", 3, vec![acl(4, 2)]), resource("orders", 4, vec![acl(8, 3), acl(3, 3)])];
    let answer = DescribeAclsResponse::default().with_error_code(code);
    if code == 0 { answer.with_resources(resources) } else { answer }
}

/// `app` with a limit, and all others with another.
pub fn quotas(code: i16) -> DescribeClientQuotasResponse {
    let entry = |name: Option<&str>, value: f64| {
        let entity = cq::EntityData::default().with_entity_type(text("user")).with_entity_name(name.map(text));
        let value = cq::ValueData::default().with_key(text("producer_byte_rate")).with_value(value);
        cq::EntryData::default().with_entity(vec![entity]).with_values(vec![value])
    };
    let entries = (code == 0).then(|| vec![entry(None, 1024.0), entry(Some("app"), 1_048_576.0)]);
    DescribeClientQuotasResponse::default().with_error_code(code).with_entries(entries)
}

/// Frames of every answer, by key and version, for whoever wants to break them.
pub fn samples() -> HashMap<(ApiKey, i16), Bytes> {
    use crate::wire::requests as ask;
    let paper = Paper::new(3);
    let groups = ["a", "unreadable", "c"];
    let mut samples = HashMap::new();
    let mut add = |key: ApiKey, versions: std::ops::RangeInclusive<i16>, frame: &dyn Fn(i16) -> Bytes| {
        for version in versions {
            let frame = frame(version);
            samples.insert((key, version), frame.slice(4..));
        }
    };
    add(ApiKey::ApiVersions, 3..=4, &|v| framed(1, v, &api_versions(false, false, v)));
    add(ApiKey::Metadata, 9..=13, &|v| framed(1, v, &metadata(&paper)));
    let listed = {
        paper.groups.lock().unwrap().insert(0, groups.map(str::to_owned).to_vec());
        list_groups(&paper, 0)
    };
    add(ApiKey::ListGroups, 3..=5, &|v| framed(1, v, &trimmed(&listed, v)));
    add(ApiKey::DescribeGroups, 5..=6, &|v| framed(1, v, &describe_groups(&ask::describe_groups(groups))));
    let consumers = consumer_group_describe(&ask::consumer_group_describe(groups));
    add(ApiKey::ConsumerGroupDescribe, 0..=1, &|v| framed(1, v, &consumers));
    add(ApiKey::OffsetFetch, 8..=9, &|v| framed(1, v, &offset_fetch(&ask::offset_fetch(groups), 0)));
    let ends = BTreeMap::from([("orders".to_owned(), (0..6).collect())]);
    add(ApiKey::ListOffsets, 6..=10, &|v| framed(1, v, &list_offsets(&ask::list_offsets(&ends))));
    add(ApiKey::DescribeLogDirs, 2..=4, &|v| framed(1, v, &sizeless(log_dirs(0), v)));
    add(ApiKey::DescribeConfigs, 4..=4, &|v| framed(1, v, &configs(&ask::broker_configs(0, ask::Meanings::Told), 0)));
    add(ApiKey::DescribeQuorum, 0..=2, &|v| framed(1, v, &quorum(0, v)));
    add(ApiKey::DescribeUserScramCredentials, 0..=0, &|v| framed(1, v, &scram_users(0)));
    add(ApiKey::DescribeAcls, 2..=3, &|v| framed(1, v, &acls(0)));
    add(ApiKey::DescribeClientQuotas, 1..=1, &|v| framed(1, v, &quotas(0)));
    samples
}

/// ListGroups without what its version has no room for.
fn trimmed(listed: &ListGroupsResponse, version: i16) -> ListGroupsResponse {
    let mut listed = listed.clone();
    for group in &mut listed.groups {
        if version < 4 {
            group.group_state = StrBytes::default();
        }
        if version < 5 {
            group.group_type = StrBytes::default();
        }
    }
    listed
}

/// DescribeLogDirs without what its version has no room for.
fn sizeless(mut dirs: DescribeLogDirsResponse, version: i16) -> DescribeLogDirsResponse {
    if version < 4 {
        for dir in &mut dirs.results {
            (dir.total_bytes, dir.usable_bytes) = (-1, -1);
        }
    }
    dirs
}
