//! A topic for as long as a run lasts: made first, taken away last.

use serde_json::json;

use super::{kafka_resource, manifest, strimzi_target};
use crate::{
    domain::units::count,
    plan::{Gate, Op, Refusal, Step, catalog::Need, kafka::KafkaOp},
    world::Reading,
};

/// Most replicas of a temporary topic.
const REPLICAS: usize = 3;
/// How long it may take until brokers list it, in seconds.
const WITHIN_S: u32 = 60;

/// What has to be allowed for it.
pub fn needs(reading: &Reading<'_>) -> Vec<Need> {
    let through = kafka_resource(reading).and_then(|kafka| kafka.topics_in.as_ref());
    let verb = |verb| Need::Verb { verb, group: "kafka.strimzi.io", resource: "kafkatopics" };
    let of_resource = through.map(|_| [verb("create"), verb("delete")]);
    [Need::Brokers].into_iter().chain(of_resource.into_iter().flatten()).collect()
}

/// A name that no other run has: the moment is in it.
pub fn name(purpose: &str, reading: &Reading<'_>) -> String {
    format!("kafdeck-{purpose}-{:08x}", reading.now.timestamp_millis() & 0xffff_ffff)
}

/// How many brokers there are to hold it.
///
/// # Errors
/// When no broker has told.
pub fn brokers(reading: &Reading<'_>) -> Result<usize, Refusal> {
    let live = reading.kafka().map_or(0, |kafka| kafka.advertised.len());
    if live > 0 { Ok(live) } else { Err(Refusal::new("no broker has told which brokers there are")) }
}

/// The steps that make it and take it away, and the line that says what it is.
///
/// # Errors
/// When no broker has told which brokers there are.
pub fn topic(name: &str, partitions: usize, reading: &Reading<'_>) -> Result<(Step, Step, String), Refusal> {
    let factor = brokers(reading)?.min(REPLICAS);
    let kafka = kafka_resource(reading);
    let resource = kafka.and_then(|kafka| {
        let namespace = kafka.topics_in.as_deref()?;
        Some(strimzi_target(kafka, "KafkaTopic", namespace, name))
    });
    let make = match &resource {
        Some(target) => Op::Create {
            target: target.clone(),
            manifest: manifest(
                target,
                &reading.installation.id.name,
                &json!({"partitions": partitions, "replicas": factor}),
            ),
        },
        None => Op::Kafka {
            ask: KafkaOp::CreateTopic {
                topic: name.to_owned(),
                partitions: i32::try_from(partitions).unwrap_or(i32::MAX),
                replication_factor: i16::try_from(factor).unwrap_or(i16::MAX),
                configs: std::collections::BTreeMap::new(),
            },
        },
    };
    let first = Step {
        title: format!("create topic {name}"),
        before: Vec::new(),
        op: make,
        after: vec![Gate::TopicIs { topic: name.to_owned(), partitions }],
        within_s: WITHIN_S,
    };
    let cleaned = Step {
        title: format!("delete topic {name}"),
        before: Vec::new(),
        op: Op::CleanTopic { topic: name.to_owned(), resource },
        after: Vec::new(),
        within_s: WITHIN_S,
    };
    let partitions = i64::try_from(partitions).unwrap_or(i64::MAX);
    Ok((first, cleaned, format!("{name}: {} × {factor} replicas, for as long as it lasts", counted(partitions))))
}

fn counted(partitions: i64) -> String {
    if partitions == 1 { "1 partition".to_owned() } else { format!("{} partitions", count(partitions)) }
}
