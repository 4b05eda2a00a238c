//! A cluster of three brokers as facts, at fixed times, and Apps that were fed with them.

use chrono::{DateTime, TimeDelta, Utc};
use kafdeck::{
    app::{App, Msg, keys::Key},
    domain::{
        acl::{Acl, Authorizer, Pattern, Permission, Resource},
        broker::{Advertised, Contact, Features},
        config::{Config, ConfigEntry, ConfigSource},
        connect::{Connector, Plugin, Task, WorkerInfo},
        freshness::{Asked, AskedWorkers, FailureKind, Kind, Source, SourceFailure},
        group::{Commits, Committed, EndOffset, Group, Member},
        ids::{BrokerId, InstallationId, ObjectKey},
        installation::Condition,
        kubernetes::{
            AlertRule, Claim, Container, ContainerPort, ContainerState, Meta, Mount, Node, Object, Owner, Pod,
            RuleObject, Service, ServicePort, Terminated, Volume, Waiting, Workload,
        },
        quorum::{Quorum, Replica},
        storage::{LogDir, ReplicaSize},
        strimzi::{KafkaResource, KafkaUser},
        topic::{Partition, Topic, TopicConfig},
        user::{Quota, ScramCredential, ScramUser},
    },
    facts::{Body, ConnectBody, Connection, Fact, KafkaBody, Metadata},
};

pub const NAMESPACE: &str = "messaging";
pub const NAME: &str = "kafka-cluster";

/// The moment at which everything was seen.
pub fn noon() -> DateTime<Utc> {
    "2026-11-20T12:04:31Z".parse().unwrap()
}

pub fn seconds(n: i64) -> TimeDelta {
    TimeDelta::seconds(n)
}

/// The facts of a cluster; tests change what they are about.
pub struct Cluster {
    pub pods: Vec<Pod>,
    pub claims: Vec<Claim>,
    pub rules: Vec<RuleObject>,
    pub topics: Vec<Topic>,
    pub advertised: Vec<i32>,
    pub silent: Vec<i32>,
    pub groups: Vec<(Group, Vec<Committed>)>,
    pub used_percent: [u64; 3],
    pub configs: Vec<TopicConfig>,
}

fn meta(name: &str) -> Meta {
    Meta {
        namespace: NAMESPACE.into(),
        name: name.into(),
        uid: format!("uid-{name}"),
        labels: [("app".to_owned(), "kafka".to_owned())].into(),
        created_at: Some(noon() - seconds(5 * 86_400)),
        ..Meta::default()
    }
}

fn container() -> Container {
    Container {
        name: "kafka".into(),
        image: "apache/kafka:4.1.2".into(),
        command: vec!["kafka-server-start.sh".into(), "process.roles=broker,controller".into()],
        ports: vec![ContainerPort { name: "client".into(), port: 9092 }],
        mounts: vec![Mount { volume: "data".into(), path: "/var/lib/kafka".into() }],
        state: ContainerState::Running { since: Some(noon() - seconds(720)) },
        ready: true,
        ..Container::default()
    }
}

pub fn pod(id: i32) -> Pod {
    let name = format!("{NAME}-{id}");
    Pod {
        meta: Meta { owner: Some(Owner { kind: "StatefulSet".into(), name: NAME.into() }), ..meta(&name) },
        phase: "Running".into(),
        node: Some(format!("node-{}", id + 1)),
        ip: Some(format!("10.0.0.{}", id + 10)),
        hostname: Some(name.clone()),
        subdomain: Some("kafka".into()),
        ready: Some(true),
        ready_changed_at: Some(noon() - seconds(700)),
        containers: vec![container()],
        volumes: vec![Volume { name: "data".into(), claim: Some(format!("data-{name}")), ephemeral: false }],
        ..Pod::default()
    }
}

pub fn topic(name: &str, partitions: i32, internal: bool) -> Topic {
    let brokers = |i: i32| (0..3).map(|r| BrokerId((i + r) % 3)).collect::<Vec<_>>();
    Topic {
        name: name.into(),
        internal,
        error: None,
        partitions: (0..partitions)
            .map(|index| Partition {
                index,
                leader: Some(BrokerId(index % 3)),
                replicas: brokers(index),
                isr: brokers(index),
                ..Partition::default()
            })
            .collect(),
    }
}

pub fn group(id: &str, state: &str, topic: &str, partitions: i32, offset: i64) -> (Group, Vec<Committed>) {
    let assigned: Vec<(String, i32)> = (0..partitions).map(|p| (topic.to_owned(), p)).collect();
    let members = if state == "Empty" {
        Vec::new()
    } else {
        vec![Member {
            id: format!("{id}-1-5f0c9c6e"),
            client_id: format!("{id}-1"),
            host: "/10.0.1.7".into(),
            assigned: assigned.clone(),
            ..Member::default()
        }]
    };
    let commits = assigned.into_iter().map(|(topic, partition)| Committed { topic, partition, offset }).collect();
    (
        Group {
            id: id.into(),
            state: state.into(),
            kind: Some("consumer".into()),
            members: Some(members),
            ..Group::default()
        },
        commits,
    )
}

fn entry(name: &str, value: &str, source: ConfigSource) -> ConfigEntry {
    ConfigEntry { name: name.into(), value: Some(value.into()), hidden: false, source }
}

/// A config with its default, and what it means.
pub fn documented(name: &str, value: &str, source: ConfigSource, default: &str, meaning: &str) -> Config {
    let set = entry(name, value, source);
    let mut synonyms = vec![set.clone()];
    if source != ConfigSource::Default {
        synonyms.push(entry(name, default, ConfigSource::Default));
    }
    let documentation = Some(meaning.to_owned());
    Config { entry: set, synonyms, read_only: false, kind: Some("int".into()), documentation }
}

/// What is set of every broker's configs.
fn broker_configs() -> Vec<Config> {
    let secret = ConfigEntry { hidden: true, value: None, ..entry("ssl.key.password", "", ConfigSource::StaticBroker) };
    vec![
        documented("min.insync.replicas", "2", ConfigSource::StaticBroker, "1", ""),
        documented("num.io.threads", "12", ConfigSource::DynamicBroker, "8", ""),
        documented("num.partitions", "1", ConfigSource::StaticBroker, "1", ""),
        Config { entry: secret, read_only: true, ..Config::default() },
    ]
}

/// The quorum that broker 0 leads, at a moment; `away` is a voter that has not fetched for a while.
fn quorum(away: Option<i32>, at: DateTime<Utc>) -> Quorum {
    let replica = |id| {
        let (lag, at) = if away == Some(id) { (400, at - seconds(210)) } else { (0, at) };
        Replica {
            id: BrokerId(id),
            directory: None,
            log_end: Some(71_200 - lag),
            fetched_at: Some(at),
            caught_up_at: Some(at),
        }
    };
    Quorum {
        leader: Some(BrokerId(0)),
        leader_epoch: 4,
        high_watermark: Some(71_200),
        voters: (0..3).map(replica).collect(),
        observers: Vec::new(),
    }
}

pub fn config(topic: &str, overridden: &[(&str, &str)]) -> TopicConfig {
    let mut entries = vec![entry("min.insync.replicas", "2", ConfigSource::StaticBroker)];
    entries.extend(overridden.iter().map(|(name, value)| entry(name, value, ConfigSource::DynamicTopic)));
    TopicConfig { topic: topic.into(), entries, complete: true }
}

impl Cluster {
    /// Three brokers, four topics, two groups, nothing wrong.
    pub fn healthy() -> Self {
        let rule = |name: &str, severity: &str, hold: &str, expression: &str| AlertRule {
            name: name.into(),
            group: "kafka".into(),
            expression: expression.into(),
            hold: Some(hold.into()),
            labels: [("severity".to_owned(), severity.to_owned())].into(),
            summary: Some("See the runbook.".into()),
        };
        let rules = vec![
            rule(
                "KafkaUnderReplicatedPartitions",
                "warning",
                "5m",
                "sum(kafka_server_replicamanager_underreplicatedpartitions) > 0",
            ),
            rule("KafkaBrokerDown", "critical", "1m", "count(up{job=\"kafka\"} == 1) < 3"),
            rule("KafkaDiskAlmostFull", "warning", "10m", "kubelet_volume_stats_available_bytes < 5e9"),
        ];
        let claim = |id: i32| Claim {
            meta: meta(&format!("data-{NAME}-{id}")),
            phase: "Bound".into(),
            class: Some("standard".into()),
            requested_bytes: Some(10 << 30),
            capacity_bytes: Some(10 << 30),
            volume: Some(format!("pvc-{id}")),
            ..Claim::default()
        };
        Self {
            pods: (0..3).map(pod).collect(),
            claims: (0..3).map(claim).collect(),
            rules: vec![RuleObject { meta: meta("kafka-rules"), alerts: rules, unreadable: Vec::new() }],
            topics: vec![
                topic("orders", 6, false),
                topic("payments", 12, false),
                topic("shipments", 6, false),
                topic("__consumer_offsets", 5, true),
            ],
            advertised: vec![0, 1, 2],
            silent: Vec::new(),
            groups: vec![
                group("orders-app", "Stable", "orders", 6, 98_000),
                group("billing", "Stable", "payments", 12, 99_990),
                group("nightly-export", "Empty", "orders", 6, 100_000),
            ],
            used_percent: [71, 64, 69],
            configs: vec![
                config("orders", &[("retention.ms", "604800000"), ("cleanup.policy", "delete")]),
                config("payments", &[("retention.ms", "-1")]),
                config("shipments", &[]),
                config("__consumer_offsets", &[("cleanup.policy", "compact")]),
            ],
        }
    }

    /// Broker 1 crashes again and again: its replicas are behind, and the topic with two copies is under its
    /// minimum.
    pub fn crash_looping() -> Self {
        let mut cluster = Self::healthy();
        let one = BrokerId(1);
        for topic in &mut cluster.topics {
            for partition in &mut topic.partitions {
                partition.isr.retain(|b| *b != one);
                if partition.leader == Some(one) {
                    partition.leader = Some(BrokerId(2));
                }
            }
        }
        for partition in cluster.topics[0].partitions.iter_mut().take(2) {
            partition.isr = partition.leader.into_iter().collect();
        }
        let ended = Terminated {
            reason: "Error".into(),
            exit_code: 1,
            started_at: Some(noon() - seconds(70)),
            finished_at: Some(noon() - seconds(61)),
        };
        let pod = &mut cluster.pods[1];
        pod.ready = Some(false);
        pod.ready_changed_at = Some(noon() - seconds(141));
        pod.containers[0] = Container {
            state: ContainerState::Waiting(Waiting {
                reason: "CrashLoopBackOff".into(),
                message: "back-off 40s restarting failed container=kafka".into(),
            }),
            last: Some(ended),
            ready: false,
            restarts: 4,
            ..pod.containers[0].clone()
        };
        cluster.advertised = vec![0, 2];
        cluster.silent = vec![1];
        cluster.used_percent = [71, 100, 69];
        cluster
    }

    /// Names that are too long, and names that would like to paint the terminal.
    pub fn hostile() -> Self {
        let mut cluster = Self::healthy();
        let long = format!("{}-tail", "x".repeat(244));
        let names = [
            long.as_str(),
            "\u{1b}[2J\u{1b}[31mred",
            "evil\u{202e}gnp.exe",
            "zero\u{200b}width",
            "日本語-トピック-注文",
        ];
        cluster.topics = names.iter().map(|n| topic(n, 3, false)).collect();
        cluster.configs = names.iter().map(|n| config(n, &[("x\u{7}", "\u{1b}]52;c;QQ==\u{7}")])).collect();
        cluster.groups = names.iter().map(|n| group(n, "St\u{9b}able", n, 3, 5)).collect();
        cluster.pods[0].containers[0].state = ContainerState::Waiting(Waiting {
            reason: "\u{1b}[5mBlink".into(),
            message: "\u{202e}backwards\r\nand more".into(),
        });
        cluster.pods[0].ready = Some(false);
        cluster.rules[0].alerts[0].name = "\u{1b}c".into();
        cluster
    }

    pub fn metadata(&self) -> Metadata {
        let advertised = |id: &i32| Advertised {
            id: BrokerId(*id),
            host: format!("{NAME}-{id}.kafka.{NAMESPACE}.svc.cluster.local"),
            port: 9092,
            rack: Some(format!("zone-{}", (b'a' + *id as u8) as char)),
        };
        Metadata {
            cluster_id: Some("4L6g3nShT-eMCtK--X86sw".into()),
            brokers: self.advertised.iter().map(advertised).collect(),
            topics: self.topics.clone(),
        }
    }

    fn log_dir(&self, broker: i32) -> LogDir {
        let total = 10_u64 << 30;
        let holds = |p: &&Partition| p.replicas.contains(&BrokerId(broker));
        LogDir {
            path: "/var/lib/kafka/data".into(),
            error: None,
            total_bytes: Some(total),
            usable_bytes: Some(total / 100 * (100 - self.used_percent[broker as usize])),
            replicas: self
                .topics
                .iter()
                .flat_map(|t| t.partitions.iter().filter(holds).map(move |p| (t, p)))
                .map(|(t, p)| ReplicaSize { topic: t.name.clone(), partition: p.index, bytes: 100 << 20 })
                .collect(),
        }
    }

    /// Everything Kubernetes tells, at a moment.
    pub fn objects(&self, at: DateTime<Utc>) -> Vec<Fact> {
        let listed = |kind, objects| Fact::watched(kind, at, Body::Listed(objects));
        let template = Workload {
            meta: meta(NAME),
            replicas: 3,
            ready_replicas: 3,
            service_name: Some("kafka".into()),
            containers: vec![container()],
            template_labels: [("app".to_owned(), "kafka".to_owned())].into(),
            ..Workload::default()
        };
        let service = |name: &str, headless: bool, port: u16| {
            Object::Service(Service {
                meta: Meta { labels: std::collections::BTreeMap::default(), ..meta(name) },
                headless,
                cluster_ip: None,
                selector: [("app".to_owned(), name.to_owned())].into(),
                ports: vec![ServicePort { name: "client".into(), port }],
            })
        };
        let node = |id: i32| {
            Object::Node(Node {
                meta: Meta {
                    namespace: String::new(),
                    labels: [("topology.kubernetes.io/zone".to_owned(), format!("zone-{}", (b'a' + id as u8) as char))]
                        .into(),
                    ..meta(&format!("node-{}", id + 1))
                },
                ready: Some(true),
                unschedulable: false,
            })
        };
        vec![
            listed(Kind::Pods, self.pods.iter().cloned().map(|p| Object::Pod(Box::new(p))).collect()),
            listed(Kind::StatefulSets, vec![Object::StatefulSet(template)]),
            listed(Kind::Deployments, Vec::new()),
            listed(Kind::Services, vec![service("kafka", true, 9092), service("prometheus-operated", true, 9090)]),
            listed(Kind::Claims, self.claims.iter().cloned().map(Object::Claim).collect()),
            listed(Kind::Nodes, (0..3).map(node).collect()),
            listed(Kind::Rules, self.rules.iter().cloned().map(Object::Rule).collect()),
        ]
    }

    /// Everything brokers tell, at a moment.
    pub fn answers(&self, at: DateTime<Utc>) -> Vec<Fact> {
        let mut facts = vec![kafka(Asked::Metadata, None, at, KafkaBody::Metadata(self.metadata()))];
        for id in 0..3 {
            let broker = BrokerId(id);
            let contact = if self.silent.contains(&id) {
                Contact::Refused { why: "connection refused by the pod".into() }
            } else {
                Contact::Answered
            };
            facts.push(kafka(Asked::Metadata, None, at, KafkaBody::Contact { broker, contact }));
            if !self.advertised.contains(&id) {
                continue;
            }
            let features = Features { kraft: true, metadata_version: Some(25) };
            facts.push(kafka(Asked::Metadata, None, at, KafkaBody::Features { broker, features }));
            facts.push(kafka(Asked::LogDirs, Some(id), at, KafkaBody::LogDirs(vec![self.log_dir(id)])));
            facts.push(kafka(Asked::BrokerConfigs, Some(id), at, KafkaBody::BrokerConfigs(broker_configs())));
            facts.extend(self.group_answers(id, at));
        }
        facts.push(kafka(Asked::TopicConfigs, None, at, KafkaBody::TopicConfigs(self.configs.clone())));
        let away = (0..3).find(|id| !self.advertised.contains(id));
        facts.push(kafka(Asked::Quorum, None, at, KafkaBody::Quorum(quorum(away, at))));
        facts
    }

    fn group_answers(&self, id: i32, at: DateTime<Utc>) -> Vec<Fact> {
        let mine = |(n, _): &(usize, &(Group, Vec<Committed>))| n % self.advertised.len() == self.place(id);
        let groups: Vec<_> = self.groups.iter().enumerate().filter(mine).map(|(_, g)| g.clone()).collect();
        let commits = groups
            .iter()
            .map(|(g, commits)| Commits { group: g.id.clone(), error: None, commits: commits.clone() })
            .collect();
        let ends = self
            .topics
            .iter()
            .flat_map(|t| t.partitions.iter().filter(|p| p.leader == Some(BrokerId(id))).map(move |p| (t, p)))
            .map(|(t, p)| EndOffset { topic: t.name.clone(), partition: p.index, offset: 100_000 })
            .collect();
        vec![
            kafka(Asked::Groups, Some(id), at, KafkaBody::Groups(groups.into_iter().map(|(g, _)| g).collect())),
            kafka(Asked::Offsets, Some(id), at, KafkaBody::Commits(commits)),
            kafka(Asked::EndOffsets, Some(id), at, KafkaBody::EndOffsets(ends)),
        ]
    }

    fn place(&self, id: i32) -> usize {
        self.advertised.iter().position(|a| *a == id).unwrap_or_default()
    }

    /// An App that has watched this cluster for twelve minutes.
    pub fn app(&self) -> App {
        let mut app = connected();
        app.update(Msg::Facts(self.objects(noon() - seconds(2))), noon() - seconds(2));
        app.update(Msg::Facts(self.answers(noon() - seconds(1))), noon() - seconds(1));
        app.update(Msg::Facts(vec![heartbeat(noon())]), noon());
        app.update(Msg::Tick, noon());
        app
    }
}

pub fn kafka(what: Asked, broker: Option<i32>, at: DateTime<Utc>, body: KafkaBody) -> Fact {
    let installation = InstallationId::new(NAMESPACE, NAME);
    Fact {
        source: Source::Kafka { installation, what, broker: broker.map(BrokerId) },
        seen_at: at,
        body: Body::Kafka(body),
    }
}

pub fn heartbeat(at: DateTime<Utc>) -> Fact {
    Fact { source: Source::Link, seen_at: at, body: Body::Heartbeat { sent_at: at - TimeDelta::milliseconds(20) } }
}

pub fn failed(source: Source, at: DateTime<Utc>, kind: FailureKind, what: &str, hint: Option<&str>) -> Fact {
    let failure = SourceFailure { kind, what: what.into(), hint: hint.map(str::to_owned) };
    Fact { source, seen_at: at, body: Body::Failed(failure) }
}

/// An App that was started twelve minutes ago and whose API server answers.
pub fn connected() -> App {
    let started = noon() - seconds(720);
    let mut app = App::new(None, (80, 24), started);
    let connection = Connection {
        context: "prod-eu".into(),
        server: "https://10.0.0.1:6443".into(),
        namespace: None,
        default_namespace: "default".into(),
        version: Some("v1.33.1".into()),
    };
    let fact = Fact { source: Source::Link, seen_at: started, body: Body::Connected(connection) };
    app.update(Msg::Facts(vec![fact, heartbeat(started)]), started);
    app
}

/// An App that may not list pods.
pub fn forbidden() -> App {
    let mut app = connected();
    let at = noon() - seconds(2);
    let why = "list pods is forbidden in all namespaces for user \"ops\"";
    let hint = "ask for a Role that may get, list and watch pods";
    let mut facts = Cluster::healthy().objects(at);
    facts[0] = failed(Source::Watch(Kind::Pods), at, FailureKind::Forbidden, why, Some(hint));
    app.update(Msg::Facts(facts), at);
    app.update(Msg::Facts(vec![heartbeat(noon())]), noon());
    app.update(Msg::Tick, noon());
    app
}

/// An App in whose cluster there is no Kafka.
pub fn empty() -> App {
    let mut app = connected();
    let at = noon() - seconds(2);
    let kinds = [Kind::Pods, Kind::StatefulSets, Kind::Services, Kind::Claims, Kind::Deployments, Kind::Nodes];
    let mut facts: Vec<Fact> = kinds.map(|k| Fact::watched(k, at, Body::Listed(Vec::new()))).into();
    facts.push(heartbeat(noon()));
    app.update(Msg::Facts(facts), noon());
    app
}

/// A healthy cluster whose API server has stopped answering twelve seconds ago.
pub fn link_down() -> App {
    let mut app = Cluster::healthy().app();
    let later = noon() + seconds(12);
    let why = "GET /version: connection refused by 10.0.0.1:6443";
    app.update(Msg::Facts(vec![failed(Source::Link, later, FailureKind::Unreachable, why, None)]), later);
    app.update(Msg::Tick, later);
    app
}

/// A cluster whose brokers stopped answering while the API server goes on.
pub fn stale() -> App {
    let mut app = Cluster::healthy().app();
    let later = noon() + seconds(89);
    let why = "Metadata: SASL password refused by broker 0";
    let installation = InstallationId::new(NAMESPACE, NAME);
    let source = Source::Kafka { installation, what: Asked::Metadata, broker: None };
    let hint = Some("check the secret messaging/console");
    app.update(Msg::Facts(vec![heartbeat(later), failed(source, later, FailureKind::Auth, why, hint)]), later);
    app.update(Msg::Tick, later);
    app
}

/// A healthy cluster without an active controller for 42 seconds.
pub fn leaderless() -> App {
    let mut app = Cluster::healthy().app();
    let later = noon() + seconds(42);
    let mut facts = vec![heartbeat(later)];
    facts.extend(
        Cluster::healthy().answers(later).into_iter().filter(|f| !matches!(f.body, Body::Kafka(KafkaBody::Quorum(_)))),
    );
    let why = "Asking the brokers for quorum failed: no answer within 2.5 s.";
    let source =
        Source::Kafka { installation: InstallationId::new(NAMESPACE, NAME), what: Asked::Quorum, broker: None };
    let hint = "Brokers pass this on to the active controller: there may be none.";
    facts.push(failed(source, later, FailureKind::Timeout, why, Some(hint)));
    app.update(Msg::Facts(facts), later);
    app
}

/// A cluster whose broker 0 has told all its configs, one of which would like to paint the terminal.
pub fn configs() -> App {
    let mut app = Cluster::healthy().app();
    press(&mut app, &[Key::Char('3'), Key::Char('C')]);
    let meaning = "At least so many replicas must have a record.\n- one is too few\n- three are enough";
    let hostile = "\u{1b}[2J\u{202e}evil\u{9b}31m";
    let mut all = broker_configs();
    all.push(documented("background.threads", "10", ConfigSource::Default, "10", "Threads in the background."));
    all.push(documented("zz.custom", hostile, ConfigSource::DynamicDefaultBroker, "", hostile));
    all[0].documentation = Some(meaning.to_owned());
    app.update(Msg::Configs { id: 1, answer: Ok(all) }, app.now);
    app
}

/// Presses keys one after the other.
pub fn press(app: &mut App, keys: &[Key]) {
    for key in keys {
        app.update(Msg::Key(*key), app.now);
    }
}

/// A cluster whose pods may not be listed any more while its brokers go on answering.
pub fn pods_lost() -> App {
    let cluster = Cluster::healthy();
    let mut app = cluster.app();
    let later = noon() + seconds(89);
    let why = "list pods is forbidden in all namespaces for user \"ops\"";
    let hint = Some("ask for a Role that may get, list and watch pods");
    let mut facts = cluster.answers(later);
    facts.push(failed(Source::Watch(Kind::Pods), later, FailureKind::Forbidden, why, hint));
    facts.push(heartbeat(later));
    app.update(Msg::Facts(facts), later);
    app.update(Msg::Tick, later);
    app
}

/// Two installations, none of which was asked for, and the brokers of one have answered.
pub fn several() -> App {
    let mut app = connected();
    let at = noon() - seconds(2);
    let mut cluster = Cluster::healthy();
    let other = |id: i32| {
        let mut pod = pod(id);
        pod.meta.namespace = "analytics-platform-production".into();
        pod.meta.name = format!("events-{id}");
        pod.meta.owner = Some(Owner { kind: "StatefulSet".into(), name: "events".into() });
        pod
    };
    cluster.pods.push(other(0));
    app.update(Msg::Facts(cluster.objects(at)), at);
    app.update(Msg::Facts(vec![heartbeat(noon())]), noon());
    app.update(Msg::Drawn(kafdeck::app::sight::Sight::default()), noon());
    app.update(Msg::Facts(cluster.answers(noon())), noon());
    app
}

/// A pod that runs a worker of the Connect beside the cluster.
fn worker(id: i32) -> Pod {
    let mut pod = pod(id);
    pod.meta.name = format!("connect-{id}");
    pod.meta.labels = [("app".to_owned(), "connect".to_owned())].into();
    pod.meta.owner = Some(Owner { kind: "StatefulSet".into(), name: "connect".into() });
    pod.hostname = Some(pod.meta.name.clone());
    pod.ip = Some(format!("10.0.1.{}", id + 10));
    pod.containers[0] = Container {
        name: "worker".into(),
        image: "confluentinc/cp-kafka-connect:8.1.0".into(),
        ready: true,
        ..Container::default()
    };
    pod
}

fn told(what: AskedWorkers, worker: Option<&str>, body: Body) -> Fact {
    let installation = InstallationId::new(NAMESPACE, NAME);
    let cluster = ObjectKey::new(NAMESPACE, "connect");
    Fact {
        source: Source::Connect { installation, cluster, what, worker: worker.map(str::to_owned) },
        seen_at: noon(),
        body,
    }
}

/// Three connectors, as two workers tell them: one runs, one is paused, and of one a task has failed.
fn connectors() -> Vec<Connector> {
    let task = |id: u32, state: &str, trace: Option<&str>| Task {
        id,
        state: state.into(),
        worker: Some(format!("10.0.1.{}:8083", 10 + id % 2)),
        trace: trace.map(str::to_owned),
    };
    let trace = "org.apache.kafka.connect.errors.ConnectException: Exiting WorkerSinkTask\n    at a.b.C.d(C.java:1)\n\
                 Caused by: java.sql.SQLException: Connection to warehouse-db:5432 refused\n    ... 12 more";
    let of = |name: &str, kind: &str, class: &str, state: &str, tasks: Vec<Task>| Connector {
        name: name.into(),
        kind: Some(kind.into()),
        class: Some(class.into()),
        state: Some(state.into()),
        worker: Some("10.0.1.10:8083".into()),
        tasks_max: Some(3),
        topics: vec!["orders".into()],
        group: (kind == "sink").then(|| if name == "billing" { name.to_owned() } else { format!("connect-{name}") }),
        tasks,
        ..Connector::default()
    };
    let jdbc = "io.debezium.connector.jdbc.JdbcSinkConnector";
    vec![
        of("billing", "sink", jdbc, "RUNNING", vec![task(0, "RUNNING", None), task(1, "RUNNING", None)]),
        of(
            "crm",
            "source",
            "io.debezium.connector.postgresql.PostgresConnector",
            "PAUSED",
            vec![task(0, "PAUSED", None)],
        ),
        of(
            "warehouse",
            "sink",
            jdbc,
            "RUNNING",
            vec![task(0, "RUNNING", None), task(1, "FAILED", Some(trace)), task(2, "RUNNING", None)],
        ),
    ]
}

fn with_workers() -> App {
    let mut cluster = Cluster::healthy();
    cluster.pods.extend([worker(0), worker(1)]);
    cluster.app()
}

/// An App that sees a Connect beside the cluster; one of its workers does not answer.
pub fn connect() -> App {
    let mut app = with_workers();
    let id = Some("4L6g3nShT-eMCtK--X86sw".to_owned());
    let info = WorkerInfo { version: "8.1.0-ccs".into(), kafka_cluster_id: id };
    let plugin = |class: &str, kind: &str| Plugin { class: class.into(), kind: kind.into(), version: None };
    let plugins = vec![plugin("io.debezium.connector.jdbc.JdbcSinkConnector", "sink"), plugin("a.B", "source")];
    let what = "Worker connect-1: nothing listens on port 8083 of the pod.".to_owned();
    let failure = SourceFailure { kind: FailureKind::Unreachable, what, hint: None };
    let facts = vec![
        told(AskedWorkers::Contact, Some("connect-0"), Body::Connect(ConnectBody::Worker(info))),
        told(AskedWorkers::Contact, Some("connect-1"), Body::Failed(failure)),
        told(AskedWorkers::Connectors, None, Body::Connect(ConnectBody::Connectors(connectors()))),
        told(AskedWorkers::Plugins, None, Body::Connect(ConnectBody::Plugins(plugins))),
    ];
    app.update(Msg::Facts(facts), noon());
    app.update(Msg::Tick, noon());
    app
}

/// The same before any worker has answered: they ask for a login.
pub fn connect_silent() -> App {
    let mut app = with_workers();
    let failure = || SourceFailure {
        kind: FailureKind::Auth,
        what: "Worker connect-0: its REST interface asks for a login (401 Unauthorized).".into(),
        hint: Some("A login to Connect's REST interface is not supported yet; ask its owner for the state.".into()),
    };
    let facts = vec![
        told(AskedWorkers::Contact, Some("connect-0"), Body::Failed(failure())),
        told(AskedWorkers::Contact, Some("connect-1"), Body::Failed(failure())),
        told(AskedWorkers::Connectors, None, Body::Failed(failure())),
    ];
    app.update(Msg::Facts(facts), noon());
    app.update(Msg::Tick, noon());
    app
}
fn acl(principal: &str, resource: &Resource, name: &str, operations: &[&str]) -> Vec<Acl> {
    let one = |operation: &&str| Acl {
        principal: principal.into(),
        resource: resource.clone(),
        name: name.trim_end_matches("**").into(),
        pattern: if name.ends_with("**") { Pattern::Prefixed } else { Pattern::Literal },
        host: "*".into(),
        operation: (*operation).into(),
        ..Acl::default()
    };
    operations.iter().map(one).collect()
}

fn kafka_user(name: &str, authentication: &str) -> KafkaUser {
    let ready = Condition {
        kind: "Ready".into(),
        status: "True".into(),
        since: Some("2026-11-18T09:00:00Z".into()),
        ..Condition::default()
    };
    KafkaUser {
        meta: Meta { labels: [("strimzi.io/cluster".to_owned(), NAME.to_owned())].into(), ..meta(name) },
        authentication: Some(authentication.into()),
        conditions: vec![ready],
        generation: Some(1),
        observed_generation: Some(1),
        ..KafkaUser::default()
    }
}

/// What brokers tell of users, under names of the caller's: one is declared, one is not.
fn told_of_users(at: DateTime<Utc>, declared: &str, stray: &str) -> Vec<Fact> {
    let user = |name: &str| ScramUser {
        name: name.into(),
        error: None,
        credentials: vec![ScramCredential { mechanism: "SCRAM-SHA-512".into(), iterations: 4096 }],
    };
    let quota = |entity: &[(&str, Option<&str>)], key: &str, limit: f64| Quota {
        entity: entity.iter().map(|(kind, name)| ((*kind).to_owned(), name.map(str::to_owned))).collect(),
        limits: [(key.to_owned(), limit)].into(),
    };
    let (app, stray_one) = (format!("User:{declared}"), format!("User:{stray}"));
    let mut acls = [
        acl(&app, &Resource::Topic, "orders", &["Read", "Write", "Describe"]),
        acl(&app, &Resource::Group, "orders**", &["Read"]),
        acl("User:console", &Resource::Cluster, "kafka-cluster", &["Describe", "DescribeConfigs"]),
        acl("User:console", &Resource::Topic, "*", &["Describe", "DescribeConfigs"]),
        acl("User:console", &Resource::Group, "*", &["Describe"]),
        acl("User:CN=analytics", &Resource::Topic, "payments**", &["Read", "Describe"]),
        acl("User:*", &Resource::Topic, "announcements", &["Read"]),
        acl(&stray_one, &Resource::Topic, "*", &["Read"]),
    ]
    .concat();
    let deny = Acl { permission: Permission::Deny, host: "10.0.0.9".into(), ..Acl::default() };
    let secret = acl(&stray_one, &Resource::Topic, "payments**", &["Read"]);
    acls.extend(secret.into_iter().map(|one| Acl { permission: deny.permission, host: deny.host.clone(), ..one }));
    let quotas = vec![
        quota(&[("user", Some("CN=analytics"))], "consumer_byte_rate", 2_097_152.0),
        quota(&[("user", None)], "producer_byte_rate", 1_048_576.0),
        quota(&[("client-id", Some("importer"))], "request_percentage", 50.0),
    ];
    vec![
        kafka(Asked::ScramUsers, None, at, KafkaBody::ScramUsers(vec![user(declared), user("console"), user(stray)])),
        kafka(Asked::Acls, None, at, KafkaBody::Acls(Authorizer::Present(acls))),
        kafka(Asked::Quotas, None, at, KafkaBody::Quotas(quotas)),
    ]
}

/// The healthy cluster as Strimzi makes it, with users in every state.
pub fn strimzi(declared: &str, stray: &str) -> App {
    let mut cluster = Cluster::healthy();
    for pod in &mut cluster.pods {
        pod.meta.owner = Some(Owner { kind: "StrimziPodSet".into(), name: format!("{NAME}-pool") });
        let labels = [
            ("strimzi.io/cluster", NAME),
            ("strimzi.io/kind", "Kafka"),
            ("strimzi.io/name", "kafka-cluster-kafka"),
            ("strimzi.io/broker-role", "true"),
        ];
        pod.meta.labels = labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    }
    let mut behind = kafka_user("analytics", "tls");
    (behind.generation, behind.observed_generation) = (Some(3), Some(2));
    let mut refused = kafka_user("reports", "scram-sha-512");
    refused.conditions = vec![Condition {
        kind: "NotReady".into(),
        status: "True".into(),
        reason: Some("InvalidResourceException".into()),
        message: Some("Simple authorization ACL rules are configured but not supported".into()),
        since: Some("2026-11-20T12:00:00Z".into()),
    }];
    let mut app_user = kafka_user("orders-app", "scram-sha-512");
    app_user.username = Some(declared.into());
    let users =
        vec![app_user, kafka_user("console", "scram-sha-512"), kafka_user("ghost", "scram-sha-512"), behind, refused];
    let resource = KafkaResource {
        meta: meta(NAME),
        users_in: Some(NAMESPACE.into()),
        super_users: vec!["CN=root".into()],
        authorization: Some("simple".into()),
        ..KafkaResource::default()
    };
    let at = noon() - seconds(2);
    let mut facts = cluster.objects(at);
    facts.retain(|fact| fact.source != Source::Watch(Kind::StatefulSets));
    let listed = |kind, objects| Fact::watched(kind, at, Body::Listed(objects));
    facts.extend([
        listed(Kind::StatefulSets, Vec::new()),
        listed(Kind::Kafkas, vec![Object::Kafka(Box::new(resource))]),
        listed(Kind::NodePools, Vec::new()),
        listed(Kind::PodSets, Vec::new()),
        listed(Kind::Users, users.into_iter().map(Object::User).collect()),
    ]);
    let mut app = connected();
    app.update(Msg::Facts(facts), at);
    app.update(Msg::Facts(cluster.answers(noon() - seconds(1))), noon() - seconds(1));
    app.update(Msg::Facts(told_of_users(noon() - seconds(1), declared, stray)), noon() - seconds(1));
    app.update(Msg::Facts(vec![heartbeat(noon())]), noon());
    app.update(Msg::Tick, noon());
    app
}

/// The healthy cluster without an authorizer, of which quotas may not be seen.
pub fn without_authorizer() -> App {
    let mut app = Cluster::healthy().app();
    let source = |what| Source::Kafka { installation: InstallationId::new(NAMESPACE, NAME), what, broker: None };
    let why = "Asking the brokers for quotas failed: not authorized for the cluster (CLUSTER_AUTHORIZATION_FAILED).";
    let facts = vec![
        kafka(Asked::ScramUsers, None, noon(), KafkaBody::ScramUsers(Vec::new())),
        kafka(Asked::Acls, None, noon(), KafkaBody::Acls(Authorizer::Absent)),
        failed(source(Asked::Quotas), noon(), FailureKind::Forbidden, why, Some("Grant it.")),
    ];
    app.update(Msg::Facts(facts), noon());
    app
}

/// The healthy cluster, which tells nothing of users: two may not be seen, and one it is too old for.
pub fn users_unseen() -> App {
    let mut app = Cluster::healthy().app();
    let source = |what| Source::Kafka { installation: InstallationId::new(NAMESPACE, NAME), what, broker: None };
    let denied = "Asking the brokers failed: not authorized for the cluster (CLUSTER_AUTHORIZATION_FAILED).";
    let old = "Asking the brokers for SCRAM users failed: DescribeUserScramCredentials version 0 is needed and it is not offered.";
    let facts = vec![
        failed(source(Asked::ScramUsers), noon(), FailureKind::Unsupported, old, None),
        failed(source(Asked::Acls), noon(), FailureKind::Forbidden, denied, Some("Grant it.")),
        failed(source(Asked::Quotas), noon(), FailureKind::Forbidden, denied, Some("Grant it.")),
    ];
    app.update(Msg::Facts(facts), noon());
    app
}
