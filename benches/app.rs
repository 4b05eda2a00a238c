//! Figures of the pure middle and of a frame: `cargo bench --bench app`.
//!
//! A cluster of 12 brokers with 1,000 topics of 6 partitions, and a screen of 200×50.
#![allow(clippy::unwrap_used, reason = "a broken measurement ends the run")]

use std::hint::black_box;

use chrono::DateTime;
use criterion::{Criterion, criterion_group, criterion_main};
use kafdeck::{
    app::{App, Msg, keys::Key},
    domain::{
        broker::Advertised,
        freshness::{Asked, Kind, Source},
        ids::{BrokerId, InstallationId},
        kubernetes::{Container, ContainerPort, ContainerState, Meta, Object, Owner, Pod, Workload},
        topic::{Partition, Topic},
    },
    facts::{Body, Fact, KafkaBody, Metadata},
    view::{self, Look},
};
use ratatui::{Terminal, backend::TestBackend};

const BROKERS: i32 = 12;
const TOPICS: i32 = 1_000;
const PARTITIONS: i32 = 6;

fn pod(n: i32) -> Pod {
    let owner = Owner { kind: "StatefulSet".into(), name: "kafka".into() };
    let meta = Meta { namespace: "ns".into(), name: format!("kafka-{n}"), owner: Some(owner), ..Meta::default() };
    let container = Container {
        name: "kafka".into(),
        image: "apache/kafka:4.1.2".into(),
        command: ["sh", "-c", "exec kafka-server-start.sh /tmp/server.properties"].map(Into::into).to_vec(),
        ports: vec![ContainerPort { name: "kafka".into(), port: 9092 }],
        ready: true,
        state: ContainerState::Running { since: None },
        ..Container::default()
    };
    Pod { meta, phase: "Running".into(), ready: Some(true), containers: vec![container], ..Pod::default() }
}

fn metadata() -> Metadata {
    let advertised = |n| Advertised { id: BrokerId(n), host: format!("kafka-{n}"), port: 9092, rack: None };
    let partition = |t: i32, p: i32| {
        let replicas: Vec<BrokerId> = (0..3).map(|r| BrokerId((t + p + r) % BROKERS)).collect();
        Partition { index: p, leader: Some(replicas[0]), isr: replicas.clone(), replicas, ..Partition::default() }
    };
    let topic = |t| Topic {
        name: format!("topic-{t:04}"),
        partitions: (0..PARTITIONS).map(|p| partition(t, p)).collect(),
        ..Topic::default()
    };
    Metadata {
        cluster_id: None,
        brokers: (0..BROKERS).map(advertised).collect(),
        topics: (0..TOPICS).map(topic).collect(),
    }
}

fn told(app: &mut App, source: Source, body: Body) {
    app.update(Msg::Facts(vec![Fact { source, seen_at: DateTime::UNIX_EPOCH, body }]), DateTime::UNIX_EPOCH);
}

fn kafka(what: Asked, body: KafkaBody) -> (Source, Body) {
    let source = Source::Kafka { installation: InstallationId::new("ns", "kafka"), what, broker: None };
    (source, Body::Kafka(body))
}

fn app() -> App {
    let mut app = App::new(None, (200, 50), DateTime::UNIX_EPOCH);
    let set = Workload {
        meta: Meta { namespace: "ns".into(), name: "kafka".into(), ..Meta::default() },
        replicas: BROKERS.unsigned_abs(),
        ..Workload::default()
    };
    told(&mut app, Source::Link, Body::Heartbeat { sent_at: DateTime::UNIX_EPOCH });
    told(&mut app, Source::Watch(Kind::StatefulSets), Body::Listed(vec![Object::StatefulSet(set)]));
    told(&mut app, Source::Watch(Kind::Services), Body::Listed(Vec::new()));
    let pods = (0..BROKERS).map(|n| Object::Pod(Box::new(pod(n)))).collect();
    told(&mut app, Source::Watch(Kind::Pods), Body::Listed(pods));
    let (source, body) = kafka(Asked::Metadata, KafkaBody::Metadata(metadata()));
    told(&mut app, source, body);
    let topics = app.shown.as_ref().map_or(0, |s| s.topics.len());
    assert_eq!(topics, TOPICS.unsigned_abs() as usize, "{:?} {:?}", app.found, app.chosen);
    app
}

fn benches(c: &mut Criterion) {
    let mut app = app();
    c.bench_function("step: a Metadata answer of 6,000 partitions", |b| {
        b.iter(|| {
            let (source, body) = kafka(Asked::Metadata, KafkaBody::Metadata(metadata()));
            told(&mut app, source, body);
        });
    });
    c.bench_function("step: a second passes", |b| b.iter(|| app.update(Msg::Tick, DateTime::UNIX_EPOCH)));
    let look = Look::default();
    let mut terminal = Terminal::new(TestBackend::new(200, 50)).unwrap();
    app.update(Msg::Key(Key::Char('5')), DateTime::UNIX_EPOCH);
    c.bench_function("a key and its frame: topics at 200×50", |b| {
        b.iter(|| {
            app.update(Msg::Key(Key::Char('j')), DateTime::UNIX_EPOCH);
            terminal.draw(|frame| _ = view::render(black_box(&app), &look, frame)).map(|_| ()).unwrap();
        });
    });
    c.bench_function("sorting 1,000 topics by the next column", |b| {
        b.iter(|| app.update(Msg::Key(Key::Char('s')), DateTime::UNIX_EPOCH));
    });
}

criterion_group!(all, benches);
criterion_main!(all);
