//! Small Apps for the tests of the fronts: a StatefulSet of three brokers, told fact by fact.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    app::{App, Msg},
    cmd::question::Question,
    domain::{
        access::SecretKey,
        acl::{Acl, Authorizer, Pattern, Resource},
        broker::{Advertised, Contact, Features},
        certificate::{Certificate, Role},
        config::{Config, ConfigEntry, ConfigSource},
        freshness::{Asked, FailureKind, Kind, Source, SourceFailure},
        group::{Commits, Committed, EndOffset, Group, Member},
        ids::{BrokerId, InstallationId, ObjectKey},
        kubernetes::{
            AlertRule, Claim, Container, ContainerPort, ContainerState, EnvVar, Meta, Mount, Node, Object, Owner, Pod,
            RuleObject, Terminated, Volume, Waiting, Workload,
        },
        lag::{RecordTime, Unread},
        quorum::{Quorum, Replica},
        storage::{LogDir, ReplicaSize},
        timeline::Happening,
        topic::{Partition, Topic, TopicConfig},
        user::{Quota, ScramCredential, ScramUser},
    },
    facts::{Body, Connection, Fact, KafkaBody, Metadata},
};

/// Every question that a document answers: first those over everything, then the lists.
pub const QUESTIONS: [Question; 12] = [
    Question::Status,
    Question::Check,
    Question::Brokers,
    Question::Storage,
    Question::Topics(None),
    Question::Groups(None),
    Question::Lag(None),
    Question::Alerts,
    Question::Connect(None),
    Question::Users(None),
    Question::Timeline(None, None),
    Question::Findings,
];

/// `min.insync.replicas` in the broker's file, and a password.
fn broker_configs() -> Vec<Config> {
    let entry = |value: &str, source| ConfigEntry {
        name: "min.insync.replicas".into(),
        value: Some(value.into()),
        hidden: false,
        source,
    };
    let set = entry("2", ConfigSource::StaticBroker);
    let synonyms = vec![set.clone(), entry("1", ConfigSource::Default)];
    let secret =
        ConfigEntry { name: "ssl.key.password".into(), value: None, hidden: true, source: ConfigSource::StaticBroker };
    vec![
        Config { entry: set, synonyms, ..Config::default() },
        Config { entry: secret, read_only: true, ..Config::default() },
    ]
}

/// Namespace of the installation `kafka`.
pub const NAMESPACE: &str = "the-project";

/// An App that is told facts, a second apart.
pub struct Sample {
    /// The App.
    pub app: App,
    /// The time of the last fact.
    pub now: DateTime<Utc>,
}

impl Sample {
    /// Nothing is known; `wanted` is asked for.
    pub fn wanting(wanted: Option<InstallationId>) -> Self {
        let now = DateTime::from_timestamp(1_767_268_800, 0).unwrap_or_default();
        Self { app: App::new(wanted, (80, 24), now), now }
    }

    /// Connected, and the heartbeat comes back.
    pub fn connected() -> Self {
        let mut sample = Self::wanting(None);
        sample.connect();
        sample
    }

    /// Kubernetes has told everything: three ready brokers; nobody has been asked anything.
    pub fn kubernetes() -> Self {
        Self::kubernetes_with(None, &pods())
    }

    /// The same without one kind, which has not answered.
    pub fn kubernetes_without(kind: Kind) -> Self {
        Self::kubernetes_with(Some(kind), &pods())
    }

    /// Kubernetes with these pods.
    pub fn kubernetes_with(silent: Option<Kind>, pods: &[Pod]) -> Self {
        let mut sample = Self::connected();
        for kind in Kind::ALL.into_iter().filter(|k| Some(*k) != silent) {
            sample.listed(kind, objects(kind, pods));
        }
        sample.listed(Kind::Events, objects(Kind::Events, pods));
        sample
    }

    /// Everything has answered and is well.
    pub fn healthy() -> Self {
        let mut sample = Self::kubernetes();
        sample.brokers_answer("orders", "orders-app");
        sample
    }

    /// Everything has answered, and names are hostile.
    pub fn hostile(name: &str) -> Self {
        let mut sample = Self::kubernetes();
        sample.brokers_answer(name, name);
        sample
    }

    /// All brokers answer all questions: one topic, one group.
    pub fn brokers_answer(&mut self, topic: &str, group: &str) {
        self.metadata(topic);
        for id in 0..3 {
            self.contact(id, Contact::Answered);
            self.broker_answers(id, topic, group);
        }
        self.configs(topic);
        self.quorum();
        self.moves();
        self.users_but(group, None);
        self.beat();
    }

    /// No partition is being moved.
    pub fn moves(&mut self) {
        self.kafka(Asked::Reassignments, None, KafkaBody::Reassignments(Vec::new()));
    }

    /// One user with a credential, an ACL and a quota; one of the three is not told.
    pub fn users_but(&mut self, name: &str, untold: Option<Asked>) {
        let credential = ScramCredential { mechanism: "SCRAM-SHA-512".into(), iterations: 4096 };
        let user = ScramUser { name: name.into(), error: None, credentials: vec![credential] };
        let acl = |operation: &str| Acl {
            principal: format!("User:{name}"),
            resource: Resource::Topic,
            name: "orders".into(),
            pattern: Pattern::Prefixed,
            host: "*".into(),
            operation: operation.into(),
            ..Acl::default()
        };
        let quota = Quota {
            entity: [("user".to_owned(), Some(name.to_owned()))].into(),
            limits: [("producer_byte_rate".to_owned(), 1_048_576.0)].into(),
        };
        let told = [
            (Asked::ScramUsers, KafkaBody::ScramUsers(vec![user])),
            (Asked::Acls, KafkaBody::Acls(Authorizer::Present(vec![acl("Describe"), acl("Read")]))),
            (Asked::Quotas, KafkaBody::Quotas(vec![quota])),
        ];
        for (what, body) in told.into_iter().filter(|(what, _)| Some(*what) != untold) {
            self.kafka(what, None, body);
        }
    }

    /// One broker tells what it is asked by itself; broker 0 coordinates the group.
    pub fn broker_answers(&mut self, id: i32, topic: &str, group: &str) {
        let broker = BrokerId(id);
        let dir = LogDir {
            path: "/var/lib/kafka".into(),
            total_bytes: Some(512 << 20),
            usable_bytes: Some(256 << 20),
            replicas: vec![ReplicaSize { topic: topic.into(), partition: 0, bytes: 1 << 20 }],
            ..LogDir::default()
        };
        self.kafka(Asked::LogDirs, Some(broker), KafkaBody::LogDirs(vec![dir]));
        self.kafka(Asked::BrokerConfigs, Some(broker), KafkaBody::BrokerConfigs(broker_configs()));
        let coordinated = if id == 0 { vec![described(group, topic)] } else { Vec::new() };
        let committed = Committed { topic: topic.into(), partition: 0, offset: 90 };
        let commits = Commits { group: group.into(), error: None, commits: vec![committed] };
        let commits = if id == 0 { vec![commits] } else { Vec::new() };
        self.kafka(Asked::Offsets, Some(broker), KafkaBody::Commits(commits));
        self.kafka(Asked::Groups, Some(broker), KafkaBody::Groups(coordinated));
        if id == 0 {
            let committed = Committed { topic: topic.into(), partition: 0, offset: 90 };
            let commits = Commits { group: group.into(), error: None, commits: vec![committed] };
            self.kafka(Asked::Offsets, Some(broker), KafkaBody::Commits(vec![commits]));
        }
        let end = EndOffset { topic: topic.into(), partition: 0, offset: 100 };
        let ends = if id == 0 { vec![end] } else { Vec::new() };
        self.kafka(Asked::EndOffsets, Some(broker), KafkaBody::EndOffsets(ends));
        if id == 0 {
            // Its records have no time.
            let of = Unread { topic: topic.into(), partition: 0, offset: 90 };
            let times = vec![RecordTime { of, timestamp: -1, log_start: Some(0) }];
            self.kafka(Asked::EndOffsets, Some(broker), KafkaBody::RecordTimes(times));
        }
    }

    /// Metadata names three brokers and one topic of one partition.
    pub fn metadata(&mut self, topic: &str) {
        let ids = || (0..3).map(BrokerId).collect();
        let partition =
            Partition { index: 0, leader: Some(BrokerId(0)), replicas: ids(), isr: ids(), ..Partition::default() };
        let topic = Topic { name: topic.into(), partitions: vec![partition], ..Topic::default() };
        let broker = |id| Advertised { id: BrokerId(id), host: format!("kafka-{id}.kafka"), port: 9092, rack: None };
        let metadata =
            Metadata { cluster_id: Some("c".into()), brokers: (0..3).map(broker).collect(), topics: vec![topic] };
        self.kafka(Asked::Metadata, None, KafkaBody::Metadata(metadata));
        let features = Features { kraft: true, metadata_version: Some(27) };
        self.kafka(Asked::Metadata, Some(BrokerId(0)), KafkaBody::Features { broker: BrokerId(0), features });
    }

    /// The client certificate and broker 0's, which expire so many days from now.
    pub fn certificates(&mut self, client: i64, broker: i64) {
        let kept = SecretKey { namespace: "m".into(), name: "console".into(), key: "user.crt".into() };
        let certificate = |role, kept, days| Certificate {
            role,
            kept,
            subject: "CN=console".into(),
            issuer: "CN=authority".into(),
            not_before: self.now - TimeDelta::days(400),
            not_after: self.now + TimeDelta::days(days),
        };
        let certificates =
            vec![certificate(Role::Broker, None, broker), certificate(Role::Client, Some(kept.into()), client)];
        let broker = BrokerId(0);
        self.kafka(Asked::Contact, Some(broker), KafkaBody::Certificates { broker, certificates });
    }

    /// `min.insync.replicas` of the topic.
    pub fn configs(&mut self, topic: &str) {
        let entry = ConfigEntry {
            name: "min.insync.replicas".into(),
            value: Some("2".into()),
            source: ConfigSource::DynamicTopic,
            ..ConfigEntry::default()
        };
        let config = TopicConfig { topic: topic.into(), entries: vec![entry], complete: true };
        self.kafka(Asked::TopicConfigs, None, KafkaBody::TopicConfigs(vec![config]));
    }

    /// Broker 0 leads the quorum, and the others have everything.
    pub fn quorum(&mut self) {
        let replica = |id| Replica {
            id: BrokerId(id),
            log_end: Some(1_000),
            fetched_at: Some(self.now),
            caught_up_at: Some(self.now),
            directory: None,
        };
        let quorum = Quorum {
            leader: Some(BrokerId(0)),
            leader_epoch: 3,
            high_watermark: Some(1_000),
            voters: (0..3).map(replica).collect(),
            observers: Vec::new(),
        };
        self.kafka(Asked::Quorum, None, KafkaBody::Quorum(quorum));
    }

    /// How a broker behaved.
    pub fn contact(&mut self, id: i32, contact: Contact) {
        let broker = BrokerId(id);
        self.kafka(Asked::Metadata, Some(broker), KafkaBody::Contact { broker, contact });
    }

    /// The API server's first answers.
    pub fn connect(&mut self) {
        let connection = Connection {
            context: "prod-eu".into(),
            server: "https://example.test:6443".into(),
            namespace: None,
            default_namespace: "default".into(),
            version: Some("v1.34.4".into()),
        };
        self.tell(Source::Link, Body::Connected(connection));
        self.beat();
    }

    /// A heartbeat comes back.
    pub fn beat(&mut self) {
        let sent_at = self.now + TimeDelta::milliseconds(10);
        self.tell(Source::Link, Body::Heartbeat { sent_at });
    }

    /// A list.
    pub fn listed(&mut self, kind: Kind, objects: Vec<Object>) {
        self.tell(Source::Watch(kind), Body::Listed(objects));
    }

    /// Brokers answered.
    pub fn kafka(&mut self, what: Asked, broker: Option<BrokerId>, body: KafkaBody) {
        let source = Source::Kafka { installation: InstallationId::new(NAMESPACE, "kafka"), what, broker };
        self.tell(source, Body::Kafka(body));
    }

    /// Brokers did not answer.
    pub fn asked_failed(&mut self, what: Asked, broker: Option<BrokerId>, kind: FailureKind) {
        let source = Source::Kafka { installation: InstallationId::new(NAMESPACE, "kafka"), what, broker };
        self.failed(source, kind);
    }

    /// A kind cannot be listed.
    pub fn watch_failed(&mut self, kind: Kind, why: FailureKind) {
        self.failed(Source::Watch(kind), why);
    }

    /// A source fails.
    pub fn failed(&mut self, source: Source, kind: FailureKind) {
        let what = format!("Cannot ask {source}: said by the test.");
        self.tell(source, Body::Failed(SourceFailure { kind, what, hint: Some("Ask for it.".into()) }));
    }

    /// A fact, 10 ms after the one before.
    pub fn tell(&mut self, source: Source, body: Body) {
        self.now += TimeDelta::milliseconds(10);
        self.app.update(Msg::Facts(vec![Fact { source, seen_at: self.now, body }]), self.now);
    }

    /// Time passes while the API server answers.
    pub fn pass(&mut self, seconds: i64) {
        self.now += TimeDelta::seconds(seconds);
        self.beat();
        self.app.update(Msg::Tick, self.now);
    }
}

fn described(group: &str, topic: &str) -> Group {
    let member = Member {
        id: "consumer-1-uuid".into(),
        client_id: "consumer-1".into(),
        host: "/10.0.0.9".into(),
        assigned: vec![(topic.into(), 0)],
        ..Member::default()
    };
    Group {
        id: group.into(),
        state: "Stable".into(),
        kind: Some("classic".into()),
        members: Some(vec![member]),
        ..Group::default()
    }
}

fn meta(name: &str) -> Meta {
    Meta { namespace: NAMESPACE.into(), name: name.into(), ..Meta::default() }
}

fn container() -> Container {
    let env = |name: &str, value: &str| EnvVar { name: name.into(), value: Some(value.into()) };
    Container {
        name: "kafka".into(),
        image: "docker.io/apache/kafka:4.1.2".into(),
        env: vec![
            env("KAFKA_PROCESS_ROLES", "broker,controller"),
            env("KAFKA_LISTENERS", "PLAINTEXT://:9092,CONTROLLER://:9093"),
            env("KAFKA_CONTROLLER_QUORUM_VOTERS", "0@kafka-0.kafka:9093"),
        ],
        ports: vec![ContainerPort { name: "kafka".into(), port: 9092 }],
        mounts: vec![Mount { volume: "datadir".into(), path: "/var/lib/kafka".into() }],
        state: ContainerState::Running { since: None },
        ready: true,
        ..Container::default()
    }
}

/// Three ready broker pods.
pub fn pods() -> Vec<Pod> {
    (0..3).map(|id| pod(NAMESPACE, "kafka", id)).collect()
}

/// A ready broker pod of a StatefulSet.
pub fn pod(namespace: &str, owner: &str, id: usize) -> Pod {
    let name = format!("{owner}-{id}");
    Pod {
        meta: Meta {
            namespace: namespace.into(),
            name: name.clone(),
            owner: Some(Owner { kind: "StatefulSet".into(), name: owner.into() }),
            ..Meta::default()
        },
        phase: "Running".into(),
        ready: Some(true),
        node: Some(format!("node-{id}")),
        hostname: Some(name.clone()),
        subdomain: Some(owner.into()),
        containers: vec![container()],
        volumes: vec![Volume { name: "datadir".into(), claim: Some(format!("datadir-{name}")), ephemeral: false }],
        ..Pod::default()
    }
}

/// The same, crashing again and again.
pub fn crashing(id: usize) -> Pod {
    let mut pod = pod(NAMESPACE, "kafka", id);
    pod.ready = Some(false);
    let container = &mut pod.containers[0];
    container.ready = false;
    container.restarts = 7;
    container.state = ContainerState::Waiting(Waiting { reason: "CrashLoopBackOff".into(), message: String::new() });
    container.last = Some(Terminated { reason: "Error".into(), exit_code: 1, ..Terminated::default() });
    pod
}

fn objects(kind: Kind, pods: &[Pod]) -> Vec<Object> {
    match kind {
        Kind::Pods => pods.iter().cloned().map(|p| Object::Pod(Box::new(p))).collect(),
        Kind::StatefulSets => {
            let set = Workload { meta: meta("kafka"), replicas: 3, ready_replicas: 3, ..Workload::default() };
            vec![Object::StatefulSet(set)]
        }
        Kind::Claims => (0..3)
            .map(|id| {
                let (size, class) = (Some(512 << 20), Some("local".into()));
                let meta = meta(&format!("datadir-kafka-{id}"));
                let bound = Claim { meta, phase: "Bound".into(), class, requested_bytes: size, ..Claim::default() };
                Object::Claim(bound)
            })
            .collect(),
        Kind::Nodes => (0..3)
            .map(|id| {
                let meta = Meta { name: format!("node-{id}"), ..Meta::default() };
                Object::Node(Node { meta, ready: Some(true), ..Node::default() })
            })
            .collect(),
        Kind::Rules => {
            let labels = BTreeMap::from([("severity".to_owned(), "critical".to_owned())]);
            let expression = "sum(kafka_offline) >\n  0".into();
            let alert = AlertRule { name: "KafkaOffline".into(), expression, labels, ..AlertRule::default() };
            vec![Object::Rule(RuleObject { meta: meta("rules"), alerts: vec![alert], unreadable: Vec::new() })]
        }
        Kind::Events => {
            let told = Happening {
                meta: Meta { uid: "event-1".into(), ..meta("kafka-1.1") },
                kind: "Pod".into(),
                about: ObjectKey::new(NAMESPACE, "kafka-1"),
                at: DateTime::from_timestamp(1_767_268_740, 0),
                warns: true,
                reason: "Unhealthy".into(),
                count: 12,
                message: "Readiness probe failed".into(),
                by: "kubelet".into(),
            };
            vec![Object::Event(told)]
        }
        _ => Vec::new(),
    }
}
