//! The production client against the sandbox's brokers: it tells the model's figures.

use std::{sync::Arc, time::Duration};

use futures::future::BoxFuture;
use kafdeck::{
    clock::Clock,
    domain::{
        acl::Authorizer,
        broker::Contact,
        config::{ConfigEntry, ConfigSource},
        ids::{BrokerId, InstallationId, ObjectKey},
        installation::{AddressBook, PodPort},
    },
    facts::{Body, Fact, KafkaBody},
    io::{
        dial::{BoxStream, DialError, Transport},
        kafka::{ObserverSetup, observe},
        secrets::NoSecrets,
    },
    sandbox::kafka::Process,
};
use tokio::{
    sync::{Notify, mpsc, watch},
    time::{Instant, timeout_at},
};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{common::kafka::Cluster, shop};

/// Pods are named after their brokers.
pub struct Way(pub Arc<Cluster>);

impl Transport for Way {
    fn open(&self, to: &PodPort) -> BoxFuture<'_, Result<BoxStream, DialError>> {
        let to = to.clone();
        let broker = to.pod.name.rsplit('-').next().unwrap().parse().unwrap();
        Box::pin(async move {
            if self.0.is_down(broker) {
                return Err(DialError::Refused { to, why: "connection refused".to_owned() });
            }
            Ok(self.0.stream(broker))
        })
    }
}

/// Where the three brokers are.
pub fn book() -> AddressBook {
    let mut book = AddressBook::default();
    for id in 0..3 {
        let pod = ObjectKey::new("ns", format!("kafka-{id}"));
        book.seeds.push(PodPort { pod: pod.clone(), port: 9092 });
        book.hosts.insert(format!("kafka-{id}.kafka"), pod.clone());
        book.ids.insert(BrokerId(id), pod);
    }
    book
}

struct Watch {
    facts: mpsc::Receiver<Fact>,
    start: Instant,
    _cancel: DropGuard,
    _routes: watch::Sender<Arc<AddressBook>>,
}

impl Watch {
    fn start(cluster: &Arc<Cluster>) -> Self {
        let (sender, book) = watch::channel(Arc::new(book()));
        let (facts, told) = mpsc::channel(1024);
        let cancel = CancellationToken::new();
        let setup = ObserverSetup {
            installation: InstallationId::new("ns", "kafka"),
            transport: Arc::new(Way(Arc::clone(cluster))),
            secrets: Arc::new(NoSecrets),
            routes: book,
            refresh: Arc::new(Notify::new()),
            eager: tokio::sync::watch::channel(false).1,
            on_silence: Arc::new(Notify::new()),
            clock: Clock::driven(chrono::DateTime::UNIX_EPOCH),
            facts,
        };
        observe(setup, &cancel);
        Self { facts: told, start: Instant::now(), _cancel: cancel.drop_guard(), _routes: sender }
    }

    /// What is told until `seconds` after the start.
    async fn until(&mut self, seconds: u64) -> Vec<KafkaBody> {
        let mut told = Vec::new();
        while let Ok(Some(fact)) = timeout_at(self.start + Duration::from_secs(seconds), self.facts.recv()).await {
            match fact.body {
                Body::Kafka(body) => told.push(body),
                Body::Failed(_) => {}
                other => panic!("{other:?}"),
            }
        }
        told
    }
}

#[tokio::test(start_paused = true)]
async fn the_observer_tells_the_figures_of_the_model() {
    let cluster = Arc::new(Cluster::new(shop()));
    let told = Watch::start(&cluster).await_told(8).await;
    let (mut groups, mut commits, mut ends, mut dirs) = (Vec::new(), Vec::new(), Vec::new(), 0);
    let (mut configured, mut limited, mut of_brokers, mut quorums) = (false, false, 0, 0);
    for body in &told {
        match body {
            KafkaBody::Metadata(m) => {
                assert_eq!((m.brokers.len(), m.topics.len()), (3, 2));
                let orders = m.topics.iter().find(|t| t.name == "orders").unwrap();
                assert_eq!(orders.partitions.len(), 6);
                assert!(orders.partitions.iter().all(|p| p.isr.len() == 3 && p.leader.is_some()));
            }
            KafkaBody::Reassignments(moves) => assert!(moves.is_empty()),
            KafkaBody::Groups(g) => groups.extend(g.iter().cloned()),
            KafkaBody::Commits(c) => commits.extend(c.iter().cloned()),
            KafkaBody::EndOffsets(e) => ends.extend(e.iter().cloned()),
            KafkaBody::RecordTimes(times) => panic!("nobody asked for {times:?}"),
            KafkaBody::LogDirs(d) => {
                dirs += 1;
                assert_eq!((d.len(), d[0].total_bytes, d[0].replicas.len()), (1, Some(1 << 29), 16));
                let used = (1 << 29) - d[0].usable_bytes.unwrap();
                assert_eq!(used, (1 << 20) + 6 * 1009, "six partitions of 1009 bytes, beside what is not Kafka's");
            }
            KafkaBody::TopicConfigs(c) => {
                let entry = |topic: &str, name: &str| {
                    let of_topic = c.iter().find(|c| c.topic == topic)?;
                    of_topic.entries.iter().find(|e| e.name == name).cloned()
                };
                let retention = entry("orders", "retention.ms").unwrap();
                assert_eq!(
                    (retention.value.as_deref(), retention.source),
                    (Some("3600000"), ConfigSource::DynamicTopic)
                );
                let min = entry("orders", "min.insync.replicas").unwrap();
                assert_eq!((min.value.as_deref(), min.source), (Some("2"), ConfigSource::DynamicDefaultBroker));
                configured = true;
            }
            KafkaBody::BrokerConfigs(c) => {
                let min = c.iter().find(|c| c.entry.name == "min.insync.replicas").unwrap();
                assert_eq!((min.entry.shown(), min.entry.source), ("2", ConfigSource::DynamicDefaultBroker));
                assert_eq!(min.default_value().map(ConfigEntry::shown), Some("1"));
                assert!(
                    c.iter().all(|c| c.entry.source != ConfigSource::Default && c.documentation.is_none()),
                    "{c:?}"
                );
                of_brokers += 1;
            }
            KafkaBody::Quorum(q) => {
                assert_eq!((q.leader, q.voters.len()), (Some(BrokerId(1)), 3));
                quorums += 1;
            }

            KafkaBody::ScramUsers(users) => assert_eq!(users[0].credentials[0].iterations, 8192),
            KafkaBody::Acls(authorizer) => assert_eq!(*authorizer, Authorizer::Absent, "it has none"),
            KafkaBody::Quotas(quotas) => {
                limited = true;
                assert_eq!((quotas[0].user(), quotas[0].limits["producer_byte_rate"]), (Some(Some("billing")), 1024.0));
            }
            KafkaBody::Features { features, .. } => assert_eq!(features.metadata_version, Some(27)),
            KafkaBody::Contact { contact, .. } => assert_eq!(*contact, Contact::Answered),
            KafkaBody::Certificates { certificates, .. } => assert_eq!(*certificates, [], "nothing is encrypted"),
        }
    }
    assert!(configured && limited && dirs >= 3 && of_brokers == 3 && quorums >= 2, "{of_brokers} {quorums}");
    let members = |id: &str| {
        let described = groups.iter().rfind(|g| g.id == id && g.members.is_some());
        described.and_then(|g| g.members.clone()).unwrap_or_else(|| panic!("{id}: {groups:?}"))
    };
    assert_eq!(members("billing").iter().map(|m| m.assigned.len()).collect::<Vec<_>>(), [3, 3]);
    assert_eq!(members("audit").iter().map(|m| m.assigned.len()).collect::<Vec<_>>(), [6]);
    assert!(members("idle").is_empty());
    for id in ["billing", "audit", "idle"] {
        let of_group = commits.iter().find(|c| c.group == id).unwrap();
        assert!(of_group.commits.len() == 6 && of_group.commits.iter().all(|c| c.offset == 40), "{of_group:?}");
    }
    assert!((0..6).all(|p| ends.iter().any(|e| e.partition == p && e.offset == 100)), "{ends:?}");
}

#[tokio::test(start_paused = true)]
async fn the_observer_names_a_frozen_broker_and_one_that_is_down() {
    let cluster = Arc::new(Cluster::new(shop()));
    let mut watch = Watch::start(&cluster);
    watch.until(10).await;
    cluster.process(1, Process::Frozen);
    cluster.process(2, Process::Down);
    let told = watch.until(30).await;
    let contact = |id: i32| {
        let of_broker = told.iter().rev().find_map(|body| match body {
            KafkaBody::Contact { broker, contact } if broker.0 == id => Some(contact.clone()),
            _ => None,
        });
        of_broker.unwrap()
    };
    assert_eq!(contact(0), Contact::Answered);
    assert!(matches!(contact(1), Contact::Silent { .. }), "{:?}", contact(1));
    assert!(matches!(contact(2), Contact::Refused { .. }), "{:?}", contact(2));
    cluster.process(1, Process::Running);
    cluster.process(2, Process::Running);
    let told = watch.until(60).await;
    let last = |id: i32| {
        told.iter().rev().find(|body| matches!(body, KafkaBody::Contact { broker, .. } if broker.0 == id)).cloned()
    };
    for id in 0..3 {
        assert!(
            matches!(last(id), Some(KafkaBody::Contact { contact: Contact::Answered, .. })),
            "it answers again: {:?}",
            last(id)
        );
    }
}

impl Watch {
    async fn await_told(mut self, seconds: u64) -> Vec<KafkaBody> {
        self.until(seconds).await
    }
}
