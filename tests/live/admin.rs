//! Changes by Kafka's own protocol on real brokers, each read back with Kafka's own tools.
//!
//! What is made is called `admin-…` and goes again at the end of its row.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use futures::future::BoxFuture;
use kafdeck::{
    clock::Clock,
    domain::{
        access::{Encryption, Keep, Login, Mechanism, Owner as Whose, SecretKey, Way},
        acl::{Acl, Pattern, Resource},
        config::Owner,
        hidden::Hidden,
        ids::{BrokerId, InstallationId, ObjectKey},
        installation::{AddressBook, PodPort},
    },
    io::{
        connect::{ConnectOptions, connect},
        dial::PortForward,
        kafka::admin::{Admin, AdminError, AdminSetup, Rehearsal},
        secrets::{KubeSecrets, Read, SecretError, SecretSource},
    },
    plan::kafka::{
        Answer, ConfigChange, KafkaAnswer, KafkaOp, Move, OffsetChange, OffsetRow, OffsetTarget, PartitionRef, Question,
    },
};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use crate::common::live::{Cluster, note, skip};

/// How long something may take until it is seen.
const SOON: Duration = Duration::from_secs(20);
/// The broker with an authorizer, under a name of this row's own.
const GUARDED: &str = "admin-heron";
const PASSWORD: &str = "canary-admin-77a0";

/// Secrets of the cluster, and one value that was given.
struct Given(KubeSecrets, Option<Hidden>);

impl SecretSource for Given {
    fn read(&self, namespace: &str, name: &str) -> BoxFuture<'_, Result<Read, SecretError>> {
        self.0.read(namespace, name)
    }

    fn given(&self, _words: &str) -> Option<Hidden> {
        self.1.clone()
    }
}

/// Brokers' pods, and how one gets to them.
struct Place {
    namespace: &'static str,
    pods: Vec<String>,
    port: u16,
    way: Option<Way>,
    given: Option<Hidden>,
    /// Where Kafka's tools find the brokers, within the first pod.
    server: &'static str,
}

impl Place {
    fn open(namespace: &'static str) -> Self {
        let pods = (0..3).map(|n| format!("kafka-{n}")).collect();
        let server = "--bootstrap-server localhost:9092";
        Self { namespace, pods, port: 9092, way: None, given: None, server }
    }

    fn strimzi() -> Self {
        let secret = |name: &str, key: &str| {
            let name = format!("kafka-cluster-{name}");
            Keep::Secret(SecretKey { namespace: "messaging".into(), name, key: key.into() })
        };
        let way = Way {
            listener: "REPLICATION-9091".into(),
            port: 9091,
            encryption: Some(Encryption { trust: vec![secret("cluster-ca-cert", "ca.crt")] }),
            login: Some(Login::Certificate {
                user: "CN=cluster-operator,O=io.strimzi".into(),
                certificate: secret("cluster-operator-certs", "cluster-operator.crt"),
                key: secret("cluster-operator-certs", "cluster-operator.key"),
            }),
            owner: Whose::Administrator,
        };
        let server = "--bootstrap-server $(hostname).kafka-cluster-kafka-brokers.messaging.svc:9091 \
                      --command-config /tmp/admin.properties";
        let pods = (0..3).map(|n| format!("kafka-cluster-kafka-pool-{n}")).collect();
        Self { namespace: "messaging", pods, port: 9091, way: Some(way), given: None, server }
    }

    fn guarded(mechanism: Mechanism, user: &str, password: Hidden) -> Self {
        let login = Login::Sasl { mechanism, user: user.into(), password: Keep::Given("by the row".into()), nth: None };
        let way =
            Way { listener: "GUARDED".into(), port: 9092, encryption: None, login: Some(login), owner: Whose::Given };
        let server = "--bootstrap-server kafka-0.kafka:9092 --command-config /tmp/admin.properties";
        let pods = vec!["kafka-0".to_owned()];
        Self { namespace: GUARDED, pods, port: 9092, way: Some(way), given: Some(password), server }
    }

    fn book(&self) -> AddressBook {
        let mut book = AddressBook { way: self.way.clone(), ..AddressBook::default() };
        for (id, name) in (0..).zip(&self.pods) {
            let pod = ObjectKey::new(self.namespace, name);
            book.seeds.push(PodPort { pod: pod.clone(), port: self.port });
            let host = format!("{name}.kafka-cluster-kafka-brokers.{}.svc", self.namespace);
            book.hosts.insert(host, pod.clone());
            book.ids.insert(BrokerId(id), pod);
        }
        book
    }
}

/// Somebody who changes an installation, and who reads it back.
struct House<'a> {
    cluster: &'a Cluster,
    place: Place,
    runtime: Runtime,
    admin: Admin,
    cancel: CancellationToken,
}

impl Drop for House<'_> {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

impl<'a> House<'a> {
    fn new(cluster: &'a Cluster, place: Place) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let cancel = CancellationToken::new();
        let admin = runtime.block_on(async {
            let options = ConnectOptions { kubeconfig: Some(cluster.kubeconfig.clone()), ..ConnectOptions::default() };
            let client = connect(&options).await.unwrap();
            Admin::new(AdminSetup {
                installation: InstallationId::new(place.namespace, "admin"),
                transport: Arc::new(PortForward::new(&client, &cancel)),
                secrets: Arc::new(Given(KubeSecrets::new(&client.client), place.given.clone())),
                book: Arc::new(place.book()),
                clock: Clock::real(),
                cancel: cancel.clone(),
            })
        });
        Self { cluster, place, runtime, admin, cancel }
    }

    fn perform(&self, op: &KafkaOp) -> Result<KafkaAnswer, AdminError> {
        self.runtime.block_on(self.admin.perform(op))
    }

    #[track_caller]
    fn done(&self, op: &KafkaOp) -> String {
        match self.perform(op) {
            Ok(KafkaAnswer::Done(words)) => words,
            other => panic!("{op:?}: {other:?}"),
        }
    }

    #[track_caller]
    fn already(&self, op: &KafkaOp) {
        let made = self.perform(op);
        assert!(matches!(made, Ok(KafkaAnswer::Already(_))), "{op:?}: {made:?}");
    }

    fn rehearse(&self, op: &KafkaOp) -> Result<Rehearsal, AdminError> {
        self.runtime.block_on(self.admin.rehearse(op))
    }

    #[track_caller]
    fn checked(&self, op: &KafkaOp) {
        assert_eq!(self.rehearse(op), Ok(Rehearsal::Checked), "{op:?}");
    }

    /// Repeats a rehearsal until it finds that there is nothing to do.
    #[track_caller]
    fn until_so(&self, op: &KafkaOp) {
        let end = Instant::now() + SOON;
        loop {
            let found = self.rehearse(op);
            if matches!(found, Ok(Rehearsal::Already(_))) {
                return;
            }
            assert!(Instant::now() < end, "{op:?}: {found:?}");
        }
    }

    fn ask(&self, question: &Question) -> Answer {
        self.runtime.block_on(self.admin.ask(question)).unwrap()
    }

    fn offsets(&self, group: &str, topics: &[&str], to: OffsetTarget) -> Vec<OffsetRow> {
        let topics = topics.iter().map(|t| (*t).to_owned()).collect();
        match self.ask(&Question::Offsets { group: group.into(), topics, to }) {
            Answer::Offsets(rows) => rows,
            other => panic!("{other:?}"),
        }
    }

    /// Runs a tool of Kafka in the first broker's pod.
    #[track_caller]
    fn tool(&self, tool: &str, args: &str) -> String {
        let (code, said) = self.try_tool(tool, args);
        assert_eq!(code, 0, "{tool} {args}: {said}");
        said
    }

    fn try_tool(&self, tool: &str, args: &str) -> (i32, String) {
        let script = format!("{tool} {} {args}", self.place.server);
        let pod = self.place.pods[0].as_str();
        let outcome = self.cluster.kubectl(["exec", "-n", self.place.namespace, pod, "--", "sh", "-c", &script]);
        (outcome.code, outcome.stdout + &outcome.stderr)
    }
}

fn is_there(cluster: &Cluster, namespace: &str, resource: &str) -> bool {
    let there = cluster.kubectl(["-n", namespace, "get", resource]).code == 0;
    if !there {
        skip(&format!("{resource} in {namespace} is not installed"));
    }
    there
}

fn create(topic: &str, partitions: i32, factor: i16, configs: &[(&str, &str)]) -> KafkaOp {
    KafkaOp::CreateTopic {
        topic: topic.into(),
        partitions,
        replication_factor: factor,
        configs: configs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect(),
    }
}

fn delete(topic: &str) -> KafkaOp {
    KafkaOp::DeleteTopic { topic: topic.into() }
}

fn alter(of: Owner, name: &str, before: Option<&str>, after: Option<&str>) -> KafkaOp {
    let change = ConfigChange { name: name.into(), before: before.map(Into::into), after: after.map(Into::into) };
    KafkaOp::AlterConfigs { of, changes: vec![change] }
}

fn at(topic: &str, partition: i32) -> PartitionRef {
    PartitionRef { topic: topic.into(), partition }
}

pub fn topics(cluster: &Cluster) {
    if !is_there(cluster, "the-project", "statefulset/kafka") {
        return;
    }
    let house = House::new(cluster, Place::open("the-project"));
    house.perform(&delete("admin-topic")).unwrap();
    let op = create("admin-topic", 3, 2, &[("retention.ms", "3600000")]);
    let before = Instant::now();
    house.checked(&op);
    let rehearsed = before.elapsed();
    let before = Instant::now();
    house.done(&op);
    let made = before.elapsed();
    house.until_so(&op);
    let seen = before.elapsed();
    note(&format!("topic rehearsed in {rehearsed:.0?}, made in {made:.0?}, in Metadata after {seen:.0?}"));
    assert!(seen < Duration::from_secs(1), "{seen:?}");
    house.already(&op);
    let told = house.tool("kafka-topics.sh", "--describe --topic admin-topic");
    assert!(told.contains("PartitionCount: 3") && told.contains("ReplicationFactor: 2"), "{told}");
    assert!(told.contains("retention.ms=3600000"), "{told}");
    let other = house.perform(&create("admin-topic", 5, 2, &[])).unwrap_err();
    assert!(matches!(&other, AdminError::Stale { diff, .. } if diff.len() == 3), "{other}");
    let change = alter(Owner::Topic("admin-topic".into()), "retention.ms", Some("3600000"), Some("7200000"));
    house.checked(&change);
    house.done(&change);
    house.until_so(&change);
    let add = KafkaOp::AddPartitions { topic: "admin-topic".into(), before: 3, total: 5 };
    house.checked(&add);
    house.done(&add);
    let told = house.tool("kafka-topics.sh", "--describe --topic admin-topic");
    assert!(told.contains("PartitionCount: 5") && told.contains("retention.ms=7200000"), "{told}");
    for (op, words) in [
        (create("admin-x", 1, 9, &[]), "INVALID_REPLICATION_FACTOR"),
        (create("admin-x", 1, 1, &[("retension.ms", "1")]), "Unknown topic config name: retension.ms"),
        (alter(Owner::Topic("admin-topic".into()), "retention.ms", Some("7200000"), Some("soon")), "type LONG"),
    ] {
        assert!(house.rehearse(&op).unwrap_err().to_string().contains(words));
        let told = house.perform(&op).unwrap_err().to_string();
        assert!(told.contains(words), "{told}");
    }
    house.done(&delete("admin-topic"));
    house.until_so(&delete("admin-topic"));
    let list = house.tool("kafka-topics.sh", "--list");
    assert!(!list.contains("admin-topic"), "{list}");
}

/// Configs of one broker are told to that broker, and read back there.
pub fn broker_configs(cluster: &Cluster) {
    if !is_there(cluster, "the-project", "statefulset/kafka") {
        return;
    }
    let house = House::new(cluster, Place::open("the-project"));
    for name in ["leader.replication.throttled.rate", "log.cleaner.threads"] {
        let of = || Owner::Broker(BrokerId(2));
        let set = alter(of(), name, None, Some("2"));
        house.checked(&set);
        house.done(&set);
        house.until_so(&set);
        let told = house.tool("kafka-configs.sh", "--describe --entity-type brokers --entity-name 2");
        house.done(&alter(of(), name, Some("2"), None));
        assert!(told.contains(&format!("{name}=2")), "{told}");
    }
    let of_start = alter(Owner::Broker(BrokerId(2)), "node.id", None, Some("7"));
    let told = house.perform(&of_start).unwrap_err().to_string();
    assert!(told.contains("Cannot update these configs dynamically"), "{told}");
}

pub fn users(cluster: &Cluster) {
    if !is_there(cluster, "the-project", "statefulset/kafka") {
        return;
    }
    let house = House::new(cluster, Place::open("the-project"));
    let scram =
        |new| KafkaOp::SetScram { user: "admin-user".into(), mechanism: Mechanism::ScramSha512, iterations: 8192, new };
    let gone = KafkaOp::DeleteScram { user: "admin-user".into(), mechanisms: vec![Mechanism::ScramSha512] };
    house.perform(&gone).unwrap();
    house.checked(&scram(true));
    let made = house.perform(&scram(true)).unwrap();
    assert!(matches!(made, KafkaAnswer::Password { .. }), "{made:?}");
    house.until_exists(&scram(true));
    let rotated = house.perform(&scram(false)).unwrap();
    assert_ne!(made, rotated, "another password");
    let limits = BTreeMap::from([("producer_byte_rate".to_owned(), Some(1_048_576.0))]);
    let quota = KafkaOp::AlterQuotas { user: "admin-user".into(), limits };
    house.checked(&quota);
    house.done(&quota);
    house.until_so(&quota);
    let told = house.tool("kafka-configs.sh", "--describe --entity-type users --entity-name admin-user");
    assert!(told.contains("SCRAM-SHA-512=iterations=8192"), "{told}");
    assert!(told.contains("producer_byte_rate=1048576"), "{told}");
    let limits = BTreeMap::from([("producer_byte_rate".to_owned(), None)]);
    house.done(&KafkaOp::AlterQuotas { user: "admin-user".into(), limits });
    house.done(&gone);
    house.until_so(&gone);
    let told = house.tool("kafka-configs.sh", "--describe --entity-type users");
    assert!(!told.contains("admin-user"), "{told}");
    let rule = KafkaOp::CreateAcls { acls: vec![rule("Read", "admin-")] };
    let none = house.perform(&rule).unwrap_err();
    assert!(matches!(none, AdminError::NoAuthorizer { .. }), "{none}");
}

impl House<'_> {
    /// Repeats until it is said that it exists.
    #[track_caller]
    fn until_exists(&self, op: &KafkaOp) {
        let end = Instant::now() + SOON;
        loop {
            let found = self.rehearse(op);
            if matches!(found, Err(AdminError::Exists { .. })) {
                return;
            }
            assert!(Instant::now() < end, "{op:?}: {found:?}");
        }
    }

    /// A topic's partition as Metadata has it: leader, and replicas in their order.
    fn partition(&self, topic: &str) -> (i32, Vec<i32>) {
        let told = self.tool("kafka-topics.sh", &format!("--describe --topic {topic}"));
        let field = |name: &str| {
            let rest = told.split_once(&format!("\t{name}: ")).unwrap_or_else(|| panic!("{told}")).1;
            rest.split(['\t', '\n']).next().unwrap().trim().to_owned()
        };
        let ids = field("Replicas").split(',').map(|id| id.parse().unwrap()).collect();
        (field("Leader").parse().unwrap(), ids)
    }
}

fn ids(of: &[i32]) -> Vec<BrokerId> {
    of.iter().copied().map(BrokerId).collect()
}

pub fn leaders_and_moves(cluster: &Cluster) {
    if !is_there(cluster, "the-project", "statefulset/kafka") {
        return;
    }
    let house = House::new(cluster, Place::open("the-project"));
    leaders_are_elected(&house, "admin-moved");
    let (_, replicas) = house.partition("admin-moved");
    let other = (0..3).find(|id| !replicas.contains(id)).unwrap();
    // Something to copy, so slowly that the move can be cancelled.
    let records = "seq 1 20000 | sed 's/$/-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx/' | kafka-console-producer.sh";
    house.tool(records, "--topic admin-moved");
    let topic = || Owner::Topic("admin-moved".into());
    let throttled = [
        alter(topic(), "leader.replication.throttled.replicas", None, Some("*")),
        alter(topic(), "follower.replication.throttled.replicas", None, Some("*")),
    ];
    let rates: Vec<KafkaOp> = (0..3)
        .flat_map(|id| ["leader", "follower"].map(|part| (id, format!("{part}.replication.throttled.rate"))))
        .map(|(id, name)| alter(Owner::Broker(BrokerId(id)), &name, None, Some("1000")))
        .collect();
    for op in throttled.iter().chain(&rates) {
        house.perform(op).unwrap();
    }
    let of = at("admin-moved", 0);
    let after = vec![replicas[0], other];
    let go = Move { of: of.clone(), before: ids(&replicas), after: Some(ids(&after)) };
    let go = KafkaOp::Reassign { moves: vec![go] };
    house.checked(&go);
    house.done(&go);
    house.until_so(&go);
    let listed = house.ask(&Question::Reassignments);
    let Answer::Reassignments(listed) = listed else { panic!("{listed:?}") };
    let cancel = Move { of: of.clone(), before: Vec::new(), after: None };
    let cancel = KafkaOp::Reassign { moves: vec![cancel] };
    let theirs = house.tool("kafka-reassign-partitions.sh", "--list");
    house.done(&cancel);
    let mine = listed.iter().find(|m| m.of == of);
    let slow = rates.iter().map(|op| match op {
        KafkaOp::AlterConfigs { of, changes } => alter(of.clone(), &changes[0].name, Some("1000"), None),
        _ => unreachable!(),
    });
    for op in slow {
        house.perform(&op).unwrap();
    }
    let mine = mine.unwrap_or_else(|| panic!("{listed:?}"));
    assert_eq!((&mine.adding, &mine.removing), (&ids(&[other]), &ids(&replicas[1..])));
    assert!(theirs.contains("admin-moved-0"), "{theirs}");
    house.until_so(&cancel);
    assert_eq!(house.partition("admin-moved").1, replicas, "the move was cancelled");
    house.done(&go);
    let end = Instant::now() + SOON;
    while house.partition("admin-moved").1 != after {
        assert!(Instant::now() < end, "{:?}", house.partition("admin-moved"));
    }
    house.already(&go);
    house.done(&delete("admin-moved"));
}

/// A topic is made, its preferred leader changed, and the election brings that one.
fn leaders_are_elected(house: &House<'_>, topic: &str) {
    house.perform(&delete(topic)).unwrap();
    let op = create(topic, 1, 2, &[]);
    house.until_so(&delete(topic));
    house.done(&op);
    house.until_so(&op);
    let (leader, replicas) = house.partition(topic);
    let elect = KafkaOp::ElectLeaders { partitions: vec![at(topic, 0)] };
    house.already(&elect);
    let turned: Vec<i32> = replicas.iter().rev().copied().collect();
    let turn = Move { of: at(topic, 0), before: ids(&replicas), after: Some(ids(&turned)) };
    house.done(&KafkaOp::Reassign { moves: vec![turn] });
    let end = Instant::now() + SOON;
    while house.rehearse(&elect) != Ok(Rehearsal::Checked) {
        assert!(Instant::now() < end, "{:?}", house.partition(topic));
    }
    assert_eq!(house.done(&elect), "1 partition had another leader");
    house.until_so(&elect);
    let now = house.partition(topic);
    assert_eq!(now, (turned[0], turned));
    assert_ne!(now.0, leader);
}

fn reset(group: &str, rows: &[OffsetRow]) -> KafkaOp {
    let offset = |row: &OffsetRow| OffsetChange { of: row.of.clone(), before: row.committed, after: row.target };
    KafkaOp::CommitOffsets { group: group.into(), offsets: rows.iter().map(offset).collect() }
}

/// A group without members is reset to the end, to a time and to the beginning; a live one is not.
fn offsets_are_reset(house: &House<'_>, topic: &str, group: &str) {
    // Leftovers of a row that failed.
    house.perform(&KafkaOp::DeleteGroup { group: group.into() }).unwrap();
    house.perform(&delete(topic)).unwrap();
    house.until_so(&delete(topic));
    let made = create(topic, 1, 2, &[]);
    house.perform(&made).unwrap();
    house.until_so(&made);
    let produce = house.place.server.replace("--command-config", "--producer.config");
    let script = format!("seq 1 40 | kafka-console-producer.sh {produce} --topic {topic}");
    let pod = house.place.pods[0].as_str();
    house.cluster.kubectl(["exec", "-n", house.place.namespace, pod, "--", "sh", "-c", &script]).expect_code(0);
    let Answer::LastWrite(Some(written)) = house.ask(&Question::LastWrite { topic: topic.into() }) else {
        panic!("nothing was written")
    };
    assert!((chrono::Utc::now() - written).num_seconds() < 60, "{written}");
    let sum = |rows: &[OffsetRow], of: fn(&OffsetRow) -> i64| rows.iter().map(of).sum::<i64>();
    for (to, expected) in [
        (OffsetTarget::Latest, 40),
        (OffsetTarget::Earliest, 0),
        (OffsetTarget::Time(written + chrono::TimeDelta::hours(1)), 40),
        (OffsetTarget::Time(written - chrono::TimeDelta::hours(1)), 0),
        (OffsetTarget::By(5), 5),
    ] {
        let rows = house.offsets(group, &[topic], to);
        assert_eq!((sum(&rows, |r| r.end), sum(&rows, |r| r.target)), (40, expected), "{to:?}: {rows:?}");
        let op = reset(group, &rows);
        house.checked(&op);
        house.done(&op);
        house.already(&op);
        let old = house.perform(&reset(group, &[OffsetRow { committed: Some(39), target: 1, ..rows[0].clone() }]));
        assert!(matches!(old, Err(AdminError::Stale { .. })), "{old:?}");
        let told = house.tool("kafka-consumer-groups.sh", &format!("--describe --group {group}"));
        let committed = |line: &str| line.split_whitespace().nth(3).and_then(|n| n.parse::<i64>().ok());
        let theirs: i64 = told.lines().filter(|line| line.starts_with(group)).filter_map(committed).sum();
        assert_eq!(theirs, expected, "{told}");
    }
    house.done(&KafkaOp::DeleteGroup { group: group.into() });
    house.already(&KafkaOp::DeleteGroup { group: group.into() });
    let told = house.tool("kafka-consumer-groups.sh", "--list");
    assert!(!told.lines().any(|line| line == group), "{told}");
    house.done(&delete(topic));
}

pub fn offsets(cluster: &Cluster) {
    if is_there(cluster, "the-project", "statefulset/kafka") {
        offsets_are_reset(&House::new(cluster, Place::open("the-project")), "admin-read", "admin-group");
    }
}

pub fn strimzi(cluster: &Cluster) {
    if !is_there(cluster, "messaging", "kafka/kafka-cluster") {
        return;
    }
    let house = House::new(cluster, Place::strimzi());
    leaders_are_elected(&house, "admin-led");
    house.done(&delete("admin-led"));
    offsets_are_reset(&house, "admin-read", "admin-group");
    let live = ["orders-app", "orders"].into_iter().map(|group| KafkaOp::DeleteGroup { group: group.into() });
    let refused = live.map(|op| house.rehearse(&op)).find(Result::is_err);
    if let Some(refused) = refused {
        let told = refused.unwrap_err().to_string();
        assert!(told.contains("member") && told.contains("NON_EMPTY_GROUP"), "{told}");
        note("a live group was refused");
    }
}

pub fn zookeeper(cluster: &Cluster) {
    if !is_there(cluster, "kafka", "statefulset/zoo") {
        return;
    }
    let house = House::new(cluster, Place::open("kafka"));
    leaders_are_elected(&house, "admin-led");
    let told = house.tool("kafka-topics.sh", "--describe --topic admin-led");
    assert!(told.contains("ReplicationFactor: 2"), "{told}");
    house.done(&delete("admin-led"));
    house.until_so(&delete("admin-led"));
    let list = house.tool("kafka-topics.sh", "--list");
    assert!(!list.contains("admin-led"), "{list}");
}

fn rule(operation: &str, name: &str) -> Acl {
    Acl {
        principal: "User:admin-app".into(),
        resource: Resource::Topic,
        name: name.into(),
        pattern: Pattern::Prefixed,
        host: "*".into(),
        operation: operation.into(),
        ..Acl::default()
    }
}

/// The broker with an authorizer, which ends with the row.
struct Broker<'a>(&'a Cluster);

impl Drop for Broker<'_> {
    fn drop(&mut self) {
        self.0.kubectl(["delete", "namespace", GUARDED, "--wait=true", "--timeout=100s"]);
    }
}

impl<'a> Broker<'a> {
    fn start(cluster: &'a Cluster) -> Self {
        let fixtures = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
        let manifest = std::fs::read_to_string(fixtures.join("guarded.yaml")).unwrap();
        let dir = tempfile::TempDir::new().unwrap();
        let path = dir.path().join("guarded.yaml");
        std::fs::write(&path, manifest.replace("guarded-heron", GUARDED)).unwrap();
        cluster.kubectl(["apply", "-f", &path.display().to_string()]).expect_code(0);
        let broker = Self(cluster);
        let files = ["authority.pem", "broker.pem", "broker.key"]
            .map(|name| format!("--from-file={name}={}", fixtures.join("tls").join(name).display()));
        let make = ["-n", GUARDED, "create", "secret", "generic", "tls"].map(str::to_owned);
        let password = format!("--from-literal=password={PASSWORD}");
        cluster.kubectl(make.iter().chain(&files).chain([&password])).expect_code(0);
        let ready = ["-n", GUARDED, "rollout", "status", "statefulset/kafka", "--timeout=180s"];
        cluster.kubectl(ready).expect_code(0);
        let module = "org.apache.kafka.common.security.plain.PlainLoginModule";
        let properties = format!(
            "printf '%s\\n' security.protocol=SASL_PLAINTEXT sasl.mechanism=PLAIN \
             'sasl.jaas.config={module} required username=\"admin\" password=\"{PASSWORD}\";' > /tmp/admin.properties"
        );
        cluster.kubectl(["exec", "-n", GUARDED, "kafka-0", "--", "sh", "-c", &properties]).expect_code(0);
        broker
    }
}

pub fn rules(cluster: &Cluster) {
    let _broker = Broker::start(cluster);
    let given = || Hidden::new(PASSWORD.as_bytes().to_vec());
    let house = House::new(cluster, Place::guarded(Mechanism::Plain, "admin", given()));
    let create_rules = KafkaOp::CreateAcls { acls: vec![rule("Read", "admin-"), rule("DescribeConfigs", "admin-")] };
    house.checked(&create_rules);
    assert_eq!(house.done(&create_rules), "2 ACLs");
    house.until_so(&create_rules);
    let told = house.tool("kafka-acls.sh", "--list");
    assert!(told.contains("patternType=PREFIXED") && told.contains("principal=User:admin-app"), "{told}");
    assert!(told.contains("operation=READ") && told.contains("operation=DESCRIBE_CONFIGS"), "{told}");
    let gone = KafkaOp::DeleteAcls { acls: vec![rule("Read", "admin-")] };
    assert_eq!(house.done(&gone), "1 ACL");
    house.until_so(&gone);
    let told = house.tool("kafka-acls.sh", "--list");
    assert!(!told.contains("operation=READ") && told.contains("operation=DESCRIBE_CONFIGS"), "{told}");
    // Who is made here can log in with the password that was made up.
    let scram =
        KafkaOp::SetScram { user: "admin-app".into(), mechanism: Mechanism::ScramSha256, iterations: 4096, new: true };
    let Ok(KafkaAnswer::Password { password, .. }) = house.perform(&scram) else { panic!("no password") };
    house.until_exists(&scram);
    let app = House::new(cluster, Place::guarded(Mechanism::ScramSha256, "admin-app", password));
    let why = app.perform(&create("admin-x", 1, 1, &[])).unwrap_err();
    let AdminError::Forbidden { principal, needs, acl, .. } = &why else { panic!("{why}") };
    assert_eq!(principal.as_deref(), Some("User:admin-app"), "{why}");
    assert_eq!(
        (needs.as_str(), acl.contains("--operation Create --topic 'admin-x'")),
        ("Create on topic admin-x", true)
    );
    // What is said to be missing suffices.
    house.tool("kafka-acls.sh", &format!("--add {acl}"));
    let end = Instant::now() + SOON;
    while let Err(why) = app.perform(&create("admin-x", 1, 1, &[])) {
        assert!(Instant::now() < end && matches!(why, AdminError::Forbidden { .. }), "{why}");
    }
}
