//! A cluster whose brokers tell metrics and whose volumes fill: broker 0 is busy, broker 1's exporter answers no more, and
//! broker 2 never told anything and has a log directory that failed.

use chrono::{DateTime, Utc};
use kafdeck::{
    app::{App, Msg},
    domain::{
        freshness::{Asked, FailureKind, Kind, Source},
        ids::{BrokerId, InstallationId},
        kubernetes::{ContainerPort, Limits, Meta, Object},
        metrics::{Figure, How, Measured, Scrape},
        placement::Class,
        storage::{LogDir, ReplicaSize},
    },
    facts::{Body, Fact, KafkaBody},
};

use super::cluster::{Cluster, NAME, NAMESPACE, connected, failed, heartbeat, kafka, noon, seconds};

fn source(broker: i32) -> Source {
    Source::Metrics { installation: InstallationId::new(NAMESPACE, NAME), broker: BrokerId(broker) }
}

/// What an exporter tells when so much was counted.
fn told(broker: i32, at: DateTime<Utc>, counted: f64, idle: f64) -> Fact {
    let figure = |figure, how, value, metric: &str| (figure, Measured { value, how, metric: metric.into() });
    let figures = [
        figure(Figure::BytesIn, How::Counter, counted * 3e6, "kafka_server_brokertopicmetrics_bytesin_total"),
        figure(Figure::BytesOut, How::Counter, counted * 9e6, "kafka_server_brokertopicmetrics_bytesout_total"),
        figure(Figure::MessagesIn, How::Counter, counted * 4_000.0, "kafka_server_brokertopicmetrics_messagesin_total"),
        figure(Figure::ProduceTime, How::P99, 12.54, "kafka_network_requestmetrics_totaltimems"),
        figure(
            Figure::HandlerIdle,
            How::LifetimeMean,
            idle,
            "kafka_server_kafkarequesthandlerpool_requesthandleravgidle_percent",
        ),
        figure(Figure::HeapUsed, How::Gauge, 6e8, "jvm_memory_used_bytes"),
        figure(Figure::HeapMax, How::Gauge, 1e9, "jvm_memory_max_bytes"),
        figure(Figure::Collecting, How::Counter, counted * 1.25, "jvm_gc_collection_seconds_sum"),
        figure(Figure::Cpu, How::Counter, counted * 1.5, "process_cpu_seconds_total"),
    ];
    Fact { source: source(broker), seen_at: at, body: Body::Metrics(Scrape { figures: figures.into() }) }
}

/// A broker's log directory that has so many MiB more than at first.
fn dir(broker: i32, at: DateTime<Utc>, more: u64) -> Fact {
    let (total, own) = (10_u64 << 30, [7 << 30, 6 << 30, 5 << 30]);
    let replica = |(topic, bytes): (&str, u64)| ReplicaSize { topic: topic.into(), partition: 0, bytes };
    let topics = [("orders", (2 << 30) + (more << 20)), ("payments", 1 << 30), ("shipments", (1 << 28) + (more << 18))];
    let failed = (broker == 2).then(|| "KAFKA_STORAGE_ERROR: the log directory is offline".to_owned());
    let dir = LogDir {
        path: "/var/lib/kafka/data".into(),
        total_bytes: Some(total).filter(|_| failed.is_none()),
        usable_bytes: Some(total - own[broker as usize] - (more << 20)).filter(|_| failed.is_none()),
        replicas: topics.map(replica).into_iter().filter(|_| failed.is_none()).collect(),
        error: failed,
    };
    kafka(Asked::LogDirs, Some(broker), at, KafkaBody::LogDirs(vec![dir]))
}

/// An App that has heard of two answers of each, forty seconds apart.
pub fn app() -> App {
    let mut cluster = Cluster::healthy();
    for pod in &mut cluster.pods {
        let container = &mut pod.containers[0];
        container.ports.push(ContainerPort { name: "tcp-prometheus".into(), port: 9404 });
        container.limits = Limits { cpu_millis: Some(2500), memory_bytes: Some(2 << 30) };
    }
    let mut app = connected();
    let before = noon() - seconds(60);
    let class = |name: &str| Meta { name: name.into(), ..Meta::default() };
    let classes = vec![Object::Class(Class { meta: class("standard"), allows_expansion: true, ..Class::default() })];
    let classes = Fact::watched(Kind::Classes, before, Body::Listed(classes));
    app.update(Msg::Facts(cluster.objects(before).into_iter().chain([classes]).collect()), before);
    let is_of_dirs = |fact: &Fact| matches!(fact.source, Source::Kafka { what: Asked::LogDirs, .. });
    let answers = |at| cluster.answers(at).into_iter().filter(|fact| !is_of_dirs(fact)).collect::<Vec<Fact>>();
    app.update(Msg::Facts(answers(before)), before);
    for (ago, counted, more) in [(45, 0.0, 0), (5, 40.0, 40)] {
        let at = noon() - seconds(ago);
        let mut facts: Vec<Fact> = (0..3).map(|id| dir(id, at, if id == 1 { more / 40 } else { more })).collect();
        facts.push(told(0, at, counted, 0.12));
        if ago == 45 {
            facts.push(told(1, at, counted, 0.98));
        }
        app.update(Msg::Facts(facts), at);
    }
    app.update(Msg::Facts(answers(noon() - seconds(1))), noon() - seconds(1));
    let why = |of: i32| format!("Metrics of broker {of}: nothing listens on port 9404 of the pod.");
    let failures = [1, 2].map(|of| failed(source(of), noon(), FailureKind::Unreachable, &why(of), None));
    app.update(Msg::Facts(failures.into_iter().chain([heartbeat(noon())]).collect()), noon());
    app.update(Msg::Tick, noon());
    app
}
