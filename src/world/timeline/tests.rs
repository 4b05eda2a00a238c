//! What becomes of a change: which line, of whom, and how many at most.

use chrono::TimeDelta;

use super::*;
use crate::{
    domain::{
        acl::{Acl, Authorizer, Pattern, Permission, Resource},
        broker::Advertised,
        config::{Config, ConfigEntry, ConfigSource},
        freshness::{Asked, Source},
        ids::{BrokerId, InstallationId, ObjectKey, ObjectRef},
        installation::{AddressBook, BrokerPod, Condition, Flavour, OwnerObject},
        kubernetes::{Claim, Container, ContainerState, Meta, Object, Pod, Rollout, Terminated, Volume, Workload},
        quorum::{Quorum, Replica},
        strimzi::{KafkaResource, KafkaTopic, NodePool, PodSet},
        timeline::EntryKind,
        topic::{Moving, Partition, Topic, TopicConfig},
        user::{Quota, ScramCredential, ScramUser},
    },
    facts::{Body, Fact, KafkaBody, Metadata},
    world::World,
};

fn noon() -> DateTime<Utc> {
    "2026-01-01T12:00:00Z".parse().unwrap()
}

fn after(seconds: i64) -> DateTime<Utc> {
    noon() + TimeDelta::seconds(seconds)
}

/// A world in which time passes, and one installation of it.
struct Story {
    world: World,
    installation: Installation,
    now: DateTime<Utc>,
}

fn meta(name: &str) -> Meta {
    let (namespace, uid) = ("ns".to_owned(), format!("uid-{name}"));
    Meta { namespace, name: name.into(), uid, created_at: Some(after(-86_400)), ..Meta::default() }
}

fn pod(n: i32) -> Pod {
    let container = Container { name: "kafka".into(), image: "kafka:1".into(), ..Container::default() };
    Pod {
        meta: meta(&format!("kafka-{n}")),
        node: Some("node-1".into()),
        ready: Some(true),
        ready_changed_at: Some(after(-86_000)),
        containers: vec![container],
        volumes: vec![Volume { name: "data".into(), claim: Some(format!("data-kafka-{n}")), ephemeral: false }],
        ..Pod::default()
    }
}

fn ids(all: &[i32]) -> Vec<BrokerId> {
    all.iter().copied().map(BrokerId).collect()
}

fn partition(index: i32, leader: i32, isr: &[i32]) -> Partition {
    let leader = (leader >= 0).then_some(BrokerId(leader));
    Partition { index, leader, replicas: ids(&[0, 1, 2]), isr: ids(isr), ..Partition::default() }
}

fn topic(name: &str, partitions: Vec<Partition>) -> Topic {
    Topic { name: name.into(), partitions, ..Topic::default() }
}

/// A topic whose partitions are led by these, all in sync but those who are out.
fn led(name: &str, leaders: &[i32], out: &[i32]) -> Topic {
    let isr: Vec<i32> = (0..3).filter(|id| !out.contains(id)).collect();
    topic(name, (0..).zip(leaders).map(|(index, leader)| partition(index, *leader, &isr)).collect())
}

impl Story {
    fn of(flavour: Flavour) -> Self {
        let broker = |n: i32| BrokerPod {
            pod: ObjectKey::new("ns", format!("kafka-{n}")),
            id_hint: Some(BrokerId(n)),
            ..BrokerPod::default()
        };
        let owner = OwnerObject {
            api_version: "apps/v1".into(),
            kind: "StatefulSet".into(),
            key: ObjectKey::new("ns", "kafka"),
        };
        let installation = Installation {
            id: InstallationId::new("ns", "kafka"),
            flavour,
            brokers: (0..3).map(broker).collect(),
            owners: vec![owner],
            ..Installation::default()
        };
        Self { world: World::default(), installation, now: noon() }
    }

    /// One whose three pods have been seen for a while.
    fn running() -> Self {
        let mut story = Self::of(Flavour::StatefulSet);
        story.list(Kind::Pods, (0..3).map(|n| Object::Pod(Box::new(pod(n)))).collect());
        story.look();
        story
    }

    fn apply(&mut self, source: Source, body: Body) {
        self.now += TimeDelta::seconds(2);
        self.world.apply(Fact { source, seen_at: self.now, body });
    }

    fn list(&mut self, kind: Kind, objects: Vec<Object>) {
        self.apply(Source::Watch(kind), Body::Listed(objects));
    }

    fn put(&mut self, kind: Kind, object: Object) {
        self.apply(Source::Watch(kind), Body::Applied(Box::new(object)));
        self.look();
    }

    fn look(&mut self) {
        self.world.chronicle(&self.installation, self.now);
    }

    fn hear(&mut self, what: Asked, broker: Option<i32>, body: KafkaBody) {
        let installation = self.installation.id.clone();
        self.apply(Source::Kafka { installation, what, broker: broker.map(BrokerId) }, Body::Kafka(body));
    }

    fn metadata(&mut self, brokers: &[i32], topics: Vec<Topic>) {
        let advertised =
            |id: &i32| Advertised { id: BrokerId(*id), host: format!("kafka-{id}"), port: 9092, rack: None };
        let brokers = brokers.iter().map(advertised).collect();
        self.hear(Asked::Metadata, None, KafkaBody::Metadata(Metadata { cluster_id: None, brokers, topics }));
    }

    fn lines(&self) -> Vec<Entry> {
        let book = AddressBook::default();
        let reading =
            Reading { world: &self.world, installation: &self.installation, book: &book, now: self.now, counted: None };
        reading.timeline()
    }

    /// What was told of these kinds, newest first.
    fn told(&self, kinds: &[EntryKind]) -> Vec<String> {
        let is_of = |entry: &&Entry| kinds.contains(&entry.kind);
        self.lines().iter().filter(is_of).map(|entry| format!("{}: {}", entry.about(), entry.text)).collect()
    }
}

#[test]
fn the_first_answer_of_brokers_is_no_change_and_the_same_one_again_is_none_either() {
    let mut story = Story::running();
    for _ in 0..2 {
        story.metadata(&[0, 1, 2], vec![led("orders", &[0, 1, 2], &[])]);
    }
    let of_brokers = [EntryKind::Broker, EntryKind::Leader, EntryKind::Isr, EntryKind::Topic];
    assert_eq!(story.told(&of_brokers), [""; 0]);
}

#[test]
fn a_broker_that_goes_is_one_line_of_each_kind_and_so_is_its_return() {
    let mut story = Story::running();
    let leaders: Vec<i32> = [vec![1; 14], vec![0; 6], vec![2; 6]].concat();
    let without: Vec<i32> = [vec![0; 8], vec![2; 6], vec![0; 6], vec![2; 6]].concat();
    story.metadata(&[0, 1, 2], vec![led("orders", &leaders, &[])]);
    story.metadata(&[0, 2], vec![led("orders", &without, &[1])]);
    let kinds = [EntryKind::Broker, EntryKind::Leader, EntryKind::Isr];
    assert_eq!(
        story.told(&kinds),
        [
            "broker 1: broker 1 left the ISR of 26 partitions",
            "broker 1: broker 1 lost 14 leaders: 8 to 0, 6 to 2",
            "broker 1: broker 1 is gone from Metadata: fenced or shut down",
        ]
    );
    assert!(story.lines().iter().filter(|e| kinds.contains(&e.kind)).all(|e| e.warns == (e.kind != EntryKind::Leader)));
    story.metadata(&[0, 1, 2], vec![led("orders", &leaders, &[])]);
    assert_eq!(
        story.told(&kinds)[..3],
        [
            "broker 1: broker 1 joined the ISR of 26 partitions",
            "broker 1: broker 1 took over 14 leaders: 8 from 0, 6 from 2",
            "broker 1: broker 1 is there: registered and unfenced",
        ]
    );
    assert_eq!(story.lines()[0].at, story.now);
    assert_eq!((story.lines()[0].source.as_str(), story.lines()[0].object.namespace.as_str()), ("Metadata", "ns"));
}

#[test]
fn a_partition_alone_is_told_by_name_and_one_without_leader_is_worth_a_look() {
    let mut story = Story::running();
    story.metadata(&[0, 1, 2], vec![led("orders", &[0, 1], &[]), led("payments", &[2, 2], &[])]);
    story.metadata(&[0, 1, 2], vec![led("orders", &[0, 2], &[]), led("payments", &[2, 2], &[])]);
    assert_eq!(story.told(&[EntryKind::Leader]), ["topic orders: orders-1 is led by 2, before by 1"]);
    story.metadata(&[0, 1, 2], vec![led("orders", &[0, 2], &[]), led("payments", &[-1, -1], &[])]);
    assert_eq!(story.told(&[EntryKind::Leader])[0], "broker 2: broker 2 lost 2 leaders: 2 to nobody");
    assert!(story.lines()[0].warns);
    story.metadata(&[0, 1, 2], vec![led("orders", &[0, 2], &[]), led("payments", &[0, 1], &[])]);
    assert_eq!(
        story.told(&[EntryKind::Leader])[0],
        "installation kafka: 2 partitions have a leader again: 1 on 0, 1 on 1"
    );
}

#[test]
fn topics_are_made_grow_and_go_and_one_that_is_refused_has_done_neither() {
    let mut story = Story::running();
    let refused = |name: &str| Topic { error: Some("not authorized".into()), ..topic(name, Vec::new()) };
    story.metadata(&[0], vec![led("a", &[0], &[]), led("b", &[0, 0], &[])]);
    story.metadata(&[0], vec![led("a", &[0, 0, 0], &[]), refused("b"), led("c", &[0, 0], &[]), refused("d")]);
    assert_eq!(
        story.told(&[EntryKind::Topic]),
        ["topic a: has 3 partitions, before 1", "topic c: created with 2 partitions, replication factor 3"]
    );
    story.metadata(&[0], vec![led("a", &[0, 0, 0], &[]), led("b", &[0, 0], &[])]);
    assert_eq!(story.told(&[EntryKind::Topic])[0], "topic c: deleted");
    let many = (0..300).map(|n| led(&format!("t{n:03}"), &[0], &[])).collect();
    story.metadata(&[0], many);
    let told = story.told(&[EntryKind::Topic]);
    assert_eq!(told[2], "installation kafka: 300 topics created: t000, t001, t002 and 297 more");
    assert_eq!(told.len(), 6, "and the two that went, one by one: {told:?}");
}

#[test]
fn what_differs_after_a_long_silence_says_that_its_moment_is_not_known() {
    let mut story = Story::running();
    story.metadata(&[0, 1], Vec::new());
    let before = story.now;
    story.now += TimeDelta::minutes(9);
    story.metadata(&[0], Vec::new());
    let doubt = format!(", some time after {}", before.format("%H:%M:%SZ"));
    assert!(story.told(&[EntryKind::Broker])[0].ends_with(&doubt), "{:?}", story.told(&[EntryKind::Broker]));
}

fn entry(name: &str, value: &str, source: ConfigSource) -> ConfigEntry {
    ConfigEntry { name: name.into(), value: Some(value.into()), hidden: false, source }
}

#[test]
fn configs_of_topics_and_brokers_are_told_with_what_they_were_and_secrets_are_not() {
    let mut story = Story::running();
    let configs =
        |entries, complete| KafkaBody::TopicConfigs(vec![TopicConfig { topic: "orders".into(), entries, complete }]);
    let default = entry("retention.ms", "604800000", ConfigSource::Default);
    story.hear(Asked::TopicConfigs, None, configs(vec![default.clone()], true));
    let set = entry("retention.ms", "1000", ConfigSource::DynamicTopic);
    story.hear(Asked::TopicConfigs, None, configs(vec![set.clone()], true));
    assert_eq!(story.told(&[EntryKind::Config]), ["topic orders: retention.ms=1000, before 604800000"]);
    story.hear(Asked::TopicConfigs, None, configs(vec![default], true));
    let gone = "topic orders: retention.ms is not set any more, before 1000, 604800000 now";
    assert_eq!(story.told(&[EntryKind::Config])[0], gone);
    story.hear(Asked::TopicConfigs, None, configs(Vec::new(), false));
    assert_eq!(story.told(&[EntryKind::Config]).len(), 2, "that less is asked for is no change");
    let config = |value: &str, secret: &str| {
        let hidden = ConfigEntry { hidden: true, ..entry("ssl.key.password", secret, ConfigSource::DynamicBroker) };
        let shown = entry("num.io.threads", value, ConfigSource::DynamicBroker);
        let of = |entry| Config { entry, ..Config::default() };
        KafkaBody::BrokerConfigs(vec![of(shown), of(hidden)])
    };
    story.hear(Asked::BrokerConfigs, Some(1), config("8", "a"));
    story.hear(Asked::BrokerConfigs, Some(1), config("16", "b"));
    assert_eq!(story.told(&[EntryKind::Config])[0], "broker 1: broker 1: num.io.threads=16, before 8");
}

#[test]
fn users_are_told_when_their_credentials_their_acls_or_their_quotas_change() {
    let mut story = Story::running();
    let scram = |names: &[&str]| {
        let user = |name: &&str| {
            let credential = ScramCredential { mechanism: "SCRAM-SHA-512".into(), ..ScramCredential::default() };
            ScramUser { name: (*name).into(), credentials: vec![credential], ..ScramUser::default() }
        };
        KafkaBody::ScramUsers(names.iter().map(user).collect())
    };
    story.hear(Asked::ScramUsers, None, scram(&["a", "b"]));
    story.hear(Asked::ScramUsers, None, scram(&["b", "c"]));
    assert_eq!(
        story.told(&[EntryKind::User]),
        ["user c: has a credential now: SCRAM-SHA-512", "user a: has no credential any more"]
    );
    let acl = |operation: &str| Acl {
        principal: "User:b".into(),
        host: "*".into(),
        operation: operation.into(),
        permission: Permission::Allow,
        resource: Resource::Topic,
        name: "orders".into(),
        pattern: Pattern::Literal,
    };
    story.hear(Asked::Acls, None, KafkaBody::Acls(Authorizer::Present(vec![acl("Read")])));
    story.hear(Asked::Acls, None, KafkaBody::Acls(Authorizer::Present(Vec::new())));
    assert_eq!(story.told(&[EntryKind::User])[0], "user b: has no ACL any more");
    story.hear(Asked::Acls, None, KafkaBody::Acls(Authorizer::Absent));
    assert!(
        story.lines()[0].warns && story.lines()[0].text.starts_with("no authorizer asks"),
        "{:?}",
        story.lines()[0]
    );
    let quota = |rate: f64| Quota {
        entity: [("user".to_owned(), Some("b".to_owned()))].into(),
        limits: [("producer_byte_rate".to_owned(), rate)].into(),
    };
    story.hear(Asked::Quotas, None, KafkaBody::Quotas(vec![quota(1024.0)]));
    story.hear(Asked::Quotas, None, KafkaBody::Quotas(vec![quota(2048.0)]));
    let told = &story.told(&[EntryKind::User])[0];
    assert!(told.starts_with("user b: quota of user b: ") && told.contains("2 KiB/s"), "{told}");
}

#[test]
fn the_quorum_and_moves_are_told_when_they_change() {
    let mut story = Story::running();
    let quorum = |leader: Option<i32>, epoch, mark| {
        let voter = |id| Replica { id: BrokerId(id), ..Replica::default() };
        KafkaBody::Quorum(Quorum {
            leader: leader.map(BrokerId),
            leader_epoch: epoch,
            high_watermark: Some(mark),
            voters: (0..3).map(voter).collect(),
            ..Quorum::default()
        })
    };
    story.hear(Asked::Quorum, None, quorum(Some(0), 4, 1));
    story.hear(Asked::Quorum, None, quorum(Some(0), 4, 2));
    assert_eq!(story.told(&[EntryKind::Quorum]), [""; 0], "records are no change of it");
    story.hear(Asked::Quorum, None, quorum(None, 4, 2));
    story.hear(Asked::Quorum, None, quorum(Some(2), 5, 2));
    assert_eq!(
        story.told(&[EntryKind::Quorum]),
        [
            "installation kafka: the active controller is 2 (epoch 5)",
            "installation kafka: the quorum has no leader (epoch 4)"
        ]
    );
    let moving = |topic: &str, partition| Moving { topic: topic.into(), partition, ..Moving::default() };
    story.hear(Asked::Reassignments, None, KafkaBody::Reassignments(Vec::new()));
    let both = vec![moving("orders", 0), moving("orders", 1), moving("payments", 0)];
    story.hear(Asked::Reassignments, None, KafkaBody::Reassignments(both));
    story.hear(Asked::Reassignments, None, KafkaBody::Reassignments(vec![moving("payments", 0)]));
    assert_eq!(
        story.told(&[EntryKind::Move]),
        [
            "topic orders: moves of 2 partitions ended: orders 2",
            "installation kafka: moves of 3 partitions began: orders 2, payments 1"
        ]
    );
}

#[test]
fn the_first_look_tells_what_objects_say_of_their_past_and_no_later_one_says_it_again() {
    let mut story = Story::of(Flavour::StatefulSet);
    let mut died = pod(1);
    died.containers[0].restarts = 4;
    died.containers[0].last = Some(Terminated {
        reason: "OOMKilled".into(),
        exit_code: 137,
        finished_at: Some(after(-60)),
        ..Terminated::default()
    });
    (died.ready, died.ready_changed_at) = (Some(false), Some(after(-59)));
    story.list(Kind::Pods, vec![Object::Pod(Box::new(pod(0))), Object::Pod(Box::new(died.clone()))]);
    let set =
        Workload { meta: meta("kafka"), restarted_at: Some("2026-01-01T11:30:00Z".into()), ..Workload::default() };
    story.list(Kind::StatefulSets, vec![Object::StatefulSet(set)]);
    story.look();
    let lines = story.lines();
    let newest: Vec<_> = lines.iter().take(3).map(|e| (e.at, e.about(), e.text.as_str())).collect();
    assert_eq!(
        newest,
        [
            (after(-59), "pod kafka-1".to_owned(), "is not ready"),
            (after(-60), "pod kafka-1".to_owned(), "container kafka ended: OOMKilled, exit code 137 (restart 4)"),
            (after(-1_800), "statefulset kafka".to_owned(), "a restart of all its pods was asked for"),
        ]
    );
    died.node = Some("node-2".into());
    story.put(Kind::Pods, Object::Pod(Box::new(died)));
    assert_eq!(story.lines(), lines, "nothing of it is told twice");
}

#[test]
fn a_container_that_ends_and_starts_again_is_one_line_and_a_pod_that_is_replaced_says_so() {
    let mut story = Story::running();
    let how = Terminated { reason: "Error".into(), exit_code: 1, finished_at: Some(after(3)), ..Terminated::default() };
    let mut ended = pod(2);
    ended.containers[0].state = ContainerState::Terminated(how.clone());
    story.put(Kind::Pods, Object::Pod(Box::new(ended)));
    let mut again = pod(2);
    (again.containers[0].last, again.containers[0].restarts) = (Some(how), 1);
    story.put(Kind::Pods, Object::Pod(Box::new(again)));
    assert_eq!(story.told(&[EntryKind::Restart]), ["pod kafka-2: container kafka ended: Error, exit code 1"]);
    let mut going = pod(2);
    going.meta.deleting_since = Some(after(3_600));
    story.put(Kind::Pods, Object::Pod(Box::new(going)));
    assert_eq!(story.lines()[0].at, story.now, "the timestamp is when its grace is over");
    let mut next = pod(2);
    (next.meta.uid, next.meta.created_at) = ("uid-next".into(), Some(after(30)));
    next.containers[0].image = "kafka:2".into();
    story.put(Kind::Pods, Object::Pod(Box::new(next)));
    assert_eq!(
        story.told(&[EntryKind::Pod])[..2],
        [
            "pod kafka-2: created on node-1, in place of the one before; kafka runs kafka:2, before kafka:1",
            "pod kafka-2: is being deleted"
        ]
    );
    story.now = after(40);
    story.apply(Source::Watch(Kind::Pods), Body::Deleted(ObjectKey::new("ns", "kafka-2")));
    story.look();
    assert_eq!(story.told(&[EntryKind::Pod])[0], "pod kafka-2: is gone");
}

#[test]
fn rollouts_and_claims_are_told_from_what_differs() {
    let mut story = Story::running();
    let set = |current: &str, update: &str, image: &str| {
        let rollout = Rollout {
            current_revision: Some(current.into()),
            update_revision: Some(update.into()),
            ..Rollout::default()
        };
        let container = Container { name: "kafka".into(), image: image.into(), ..Container::default() };
        Object::StatefulSet(Workload {
            meta: meta("kafka"),
            replicas: 3,
            rollout,
            containers: vec![container],
            ..Workload::default()
        })
    };
    for (current, update, image) in [("a", "a", "kafka:1"), ("a", "b", "kafka:2"), ("b", "b", "kafka:2")] {
        story.put(Kind::StatefulSets, set(current, update, image));
    }
    assert_eq!(
        story.told(&[EntryKind::Rollout])[..2],
        [
            "statefulset kafka: the rollout is done: all pods have revision b",
            "statefulset kafka: a rollout began, to revision b: kafka runs kafka:2, before kafka:1",
        ]
    );
    let claim = |requested: u64, capacity: u64| {
        Object::Claim(Claim {
            meta: meta("data-kafka-1"),
            phase: "Bound".into(),
            requested_bytes: Some(requested << 30),
            capacity_bytes: Some(capacity << 30),
            ..Claim::default()
        })
    };
    for (requested, capacity) in [(1, 1), (2, 1), (2, 2)] {
        story.put(Kind::Claims, claim(requested, capacity));
    }
    assert_eq!(
        story.told(&[EntryKind::Storage]),
        [
            "pvc data-kafka-1: has 2 GiB, before 1 GiB",
            "pvc data-kafka-1: asks for 2 GiB, before 1 GiB",
            "pvc data-kafka-1: created, 1 GiB"
        ]
    );
}

#[test]
fn custom_resources_tell_their_conditions_and_what_was_changed_about_them() {
    let mut story = Story::of(Flavour::Strimzi);
    let labelled =
        |name: &str, of: &str| Meta { labels: [("strimzi.io/cluster".to_owned(), of.to_owned())].into(), ..meta(name) };
    let kafka = |generation, observed, version: &str| {
        let ready = Condition {
            kind: "NotReady".into(),
            status: "True".into(),
            reason: Some("Boom".into()),
            message: Some("no\nnode".into()),
            since: Some("2026-01-01T11:00:00Z".into()),
        };
        Object::Kafka(Box::new(KafkaResource {
            meta: meta("kafka"),
            version: Some(version.into()),
            generation: Some(generation),
            observed_generation: Some(observed),
            conditions: vec![ready],
            ..KafkaResource::default()
        }))
    };
    story.put(Kind::Kafkas, kafka(1, 1, "4.1.1"));
    story.put(Kind::Kafkas, kafka(2, 1, "4.1.2"));
    story.put(Kind::Kafkas, kafka(2, 2, "4.1.2"));
    assert_eq!(
        story.told(&[EntryKind::Resource])[..3],
        [
            "kafka kafka: the operator has taken in generation 2",
            "kafka kafka: its spec was changed (generation 2): version 4.1.2, before 4.1.1",
            "kafka kafka: NotReady (Boom: no node)",
        ]
    );
    let pool = |replicas| {
        Object::NodePool(NodePool { meta: labelled("pool", "kafka"), replicas: Some(replicas), ..NodePool::default() })
    };
    story.put(Kind::NodePools, pool(3));
    story.put(Kind::NodePools, pool(4));
    assert_eq!(story.told(&[EntryKind::Resource])[0], "kafkanodepool pool: asks for 4 nodes, before 3");
    let pods = |revision: &str, current| {
        let revisions = [("kafka-pool-0".to_owned(), revision.to_owned())].into();
        let (wanted, ready) = (1, Some(1));
        Object::PodSet(PodSet {
            meta: labelled("kafka-pool", "kafka"),
            wanted,
            ready,
            current: Some(current),
            revisions,
        })
    };
    for (revision, current) in [("a", 1), ("b", 0), ("b", 1)] {
        story.put(Kind::PodSets, pods(revision, current));
    }
    assert_eq!(
        story.told(&[EntryKind::Rollout])[..2],
        [
            "strimzipodset kafka-pool: all pods have their revision and are ready",
            "strimzipodset kafka-pool: wants another revision of 1 pod: kafka-pool-0"
        ]
    );
    let topic = |of: &str, generation, partitions| {
        let meta = labelled("orders", of);
        Object::Topic(KafkaTopic {
            meta,
            partitions: Some(partitions),
            generation: Some(generation),
            ..KafkaTopic::default()
        })
    };
    story.put(Kind::Topics, topic("kafka", 1, 3));
    story.put(Kind::Topics, topic("kafka", 2, 6));
    let changed = "kafkatopic orders: its spec was changed (generation 2): partitions 6, before 3";
    assert_eq!(story.told(&[EntryKind::Resource])[0], changed);
    story.put(Kind::Topics, topic("another", 3, 6));
    assert_eq!(story.told(&[EntryKind::Resource])[0], "kafkatopic orders: was deleted", "it is another cluster's now");
}

fn happening(uid: &str, kind: &str, name: &str, count: u32, at: DateTime<Utc>) -> Object {
    Object::Event(Happening {
        meta: Meta { uid: uid.into(), ..Meta::default() },
        kind: kind.into(),
        about: ObjectKey::new("ns", name),
        at: Some(at),
        reason: "BackOff".into(),
        count,
        ..Happening::default()
    })
}

#[test]
fn events_of_its_objects_are_told_once_and_counted_and_those_of_others_are_not() {
    let mut story = Story::running();
    let mine = |count, at| happening("a", "Pod", "kafka-0", count, after(at));
    story.list(
        Kind::Events,
        vec![
            mine(1, 1),
            happening("b", "Pod", "web-0", 1, after(1)),
            happening("c", "PersistentVolumeClaim", "data-kafka-2", 1, after(2)),
            happening("d", "StatefulSet", "kafka", 1, after(3)),
            happening("e", "StatefulSet", "kafka-ui", 1, after(4)),
        ],
    );
    story.put(Kind::Events, mine(12, 9));
    story.put(Kind::Events, mine(12, 9));
    story.apply(Source::Watch(Kind::Events), Body::Deleted(ObjectKey::new("ns", "a")));
    assert_eq!(
        story.told(&[EntryKind::Event]),
        ["pod kafka-0: BackOff ×12", "statefulset kafka: BackOff", "pvc data-kafka-2: BackOff"]
    );
}

#[test]
fn names_are_compared_without_what_numbers_them() {
    for (name, stem) in [
        ("kafka-0", "kafka"),
        ("kafka", "kafka"),
        ("kafka-ui", "kafka-ui"),
        ("kafka-7d4f8b9c6d-x2x7p", "kafka"),
        ("data-kafka-cluster-kafka-pool-12", "data-kafka-cluster-kafka-pool"),
        ("a-", "a-"),
        ("", ""),
    ] {
        assert_eq!(belongs::stem(name), stem, "{name}");
    }
}

#[test]
fn floods_are_bounded_and_cost_the_oldest_lines() {
    let mut story = Story::running();
    let hostile = |n: i64| {
        let Object::Event(mut event) = happening(&n.to_string(), "Pod", "kafka-0", 1, after(n)) else { panic!() };
        event.message = "\u{1b}[2J".repeat(1 << 10);
        Object::Event(event)
    };
    story.list(Kind::Events, (0..10_000).map(hostile).collect());
    assert_eq!(story.world.events.0.len(), MOST_EVENTS);
    assert_eq!(story.world.events.0.places.len(), MOST_EVENTS, "what is forgotten leaves nothing behind");
    story.now = after(20_000);
    story.metadata(&[0, 1], Vec::new());
    for n in 0..3_000 {
        story.metadata(if n % 2 == 0 { &[0] } else { &[0, 1] }, Vec::new());
    }
    let timeline = &story.world.timelines[&story.installation.id];
    assert_eq!((timeline.len(), timeline.log.places.len()), (MOST, MOST));
    let lines = story.lines();
    assert_eq!((lines.len(), lines[0].at), (MOST, story.now));
    assert!(lines.windows(2).all(|two| two[0].at >= two[1].at));
}

#[test]
fn lines_keep_their_ids_while_others_come() {
    let mut story = Story::running();
    story.metadata(&[0, 1], Vec::new());
    story.metadata(&[0], Vec::new());
    let before = story.lines();
    story.metadata(&[0, 1], Vec::new());
    story.put(Kind::Events, happening("a", "Pod", "kafka-0", 1, story.now));
    let ids: Vec<String> = story.lines().into_iter().map(|e| e.id).collect();
    assert!(before.iter().all(|entry| ids.contains(&entry.id)));
    assert_eq!(ids.len(), before.len() + 2);
}

#[test]
fn what_happened_to_an_installation_that_is_left_is_not_told_as_of_its_return() {
    let mut story = Story::running();
    story.metadata(&[0, 1], Vec::new());
    let mut other = story.installation.clone();
    other.id.name = "other".into();
    story.world.forget(&story.installation.id);
    story.world.chronicle(&other, story.now);
    story.apply(Source::Watch(Kind::Pods), Body::Deleted(ObjectKey::new("ns", "kafka-2")));
    let before = story.lines();
    story.look();
    story.metadata(&[0], Vec::new());
    assert_eq!(story.lines(), before, "neither the pod nor the broker went at that moment");
}

#[test]
fn a_line_of_an_object_that_the_world_does_not_know_belongs_to_nobody() {
    let story = Story::running();
    let belongs = Belongs::of(&story.world.kube, &story.installation);
    let object = |kind: &str, namespace: &str, name: &str| ObjectRef {
        kind: kind.into(),
        namespace: namespace.into(),
        name: name.into(),
    };
    for (kind, namespace, name, own) in [
        ("pod", "ns", "kafka-7", true),
        ("pod", "other", "kafka-0", false),
        ("kafkatopic", "ns", "orders", false),
        ("replicaset", "ns", "kafka-7d4f8b9c6d", true),
        ("node", "", "node-1", false),
    ] {
        assert_eq!(belongs.has(&object(kind, namespace, name)), own, "{kind} {namespace}/{name}");
    }
}
