//! What must hold before a step is done, and before it counts as done.
//!
//! A gate is a named question to what is observed, with three answers. What cannot be seen now, or is older than what it
//! is to confirm, is a reason to wait and never a pass: a gate sees exactly what the operator sees.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    domain::freshness::{Asked, SourceState},
    world::{KafkaWorld, Reading},
};

/// What a gate says now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It holds; what was seen, in a few words.
    Pass(String),
    /// It does not hold yet, or cannot be seen; why.
    Wait(String),
    /// It does not hold, and waiting will not change that; why.
    Fail(String),
}

impl Verdict {
    /// The words.
    pub fn words(&self) -> &str {
        match self {
            Self::Pass(words) | Self::Wait(words) | Self::Fail(words) => words,
        }
    }

    /// True when it holds.
    pub fn holds(&self) -> bool {
        matches!(self, Self::Pass(_))
    }
}

/// What a gate looks at.
#[derive(Clone, Copy)]
pub struct Moment<'a> {
    /// The installation, read now.
    pub reading: Reading<'a>,
    /// What was seen before this does not count: the step was done then.
    pub since: Option<DateTime<Utc>>,
}

/// A gate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "gate", rename_all = "kebab-case")]
pub enum Gate {
    /// Brokers list a topic with this shape.
    TopicIs {
        /// The topic.
        topic: String,
        /// Its partitions.
        partitions: usize,
    },
}

impl Gate {
    /// What must hold, as `brokers list orders with 6 partitions`.
    pub fn title(&self) -> String {
        match self {
            Self::TopicIs { topic, partitions } => format!("brokers list {topic} with {partitions} partitions"),
        }
    }

    /// Whether it holds.
    pub fn check(&self, moment: &Moment<'_>) -> Verdict {
        let kafka = match metadata(moment) {
            Ok(kafka) => kafka,
            Err(wait) => return wait,
        };
        match self {
            Self::TopicIs { topic, partitions } => topic_is(kafka, topic, *partitions),
        }
    }
}

/// Brokers' Metadata, if it is fresh and younger than what it is to confirm.
fn metadata<'a>(moment: &Moment<'a>) -> Result<&'a KafkaWorld, Verdict> {
    let freshness = moment.reading.asked(Asked::Metadata);
    if freshness.state != SourceState::Live {
        let why = freshness.why.unwrap_or_else(|| "no broker has told".to_owned());
        return Err(Verdict::Wait(format!("Metadata cannot be seen: {why}")));
    }
    let kafka = moment.reading.kafka().ok_or_else(|| Verdict::Wait("no broker has told Metadata yet".to_owned()))?;
    match (moment.since, kafka.metadata_at) {
        (Some(since), Some(at)) if at <= since => Err(Verdict::Wait("Metadata is from before the change".to_owned())),
        (_, None) => Err(Verdict::Wait("no broker has told Metadata yet".to_owned())),
        _ => Ok(kafka),
    }
}

fn topic_is(kafka: &KafkaWorld, topic: &str, partitions: usize) -> Verdict {
    match kafka.topics.get(topic) {
        None => Verdict::Wait("brokers do not list it yet".to_owned()),
        Some(found) if found.partitions.len() != partitions => {
            Verdict::Wait(format!("brokers list it with {} partitions", found.partitions.len()))
        }
        Some(found) if found.partitions.iter().any(|partition| partition.leader.is_none()) => {
            Verdict::Wait("not all of its partitions have a leader yet".to_owned())
        }
        Some(_) => Verdict::Pass("seen".to_owned()),
    }
}

/// All gates with what they say now.
pub fn check_all(gates: &[Gate], moment: &Moment<'_>) -> Vec<(String, Verdict)> {
    gates.iter().map(|gate| (gate.title(), gate.check(moment))).collect()
}

/// Names of configs of a topic that differ from what they are to be.
pub fn different(kafka: &KafkaWorld, topic: &str, wanted: &BTreeMap<String, String>) -> Option<Vec<String>> {
    let config = kafka.configs.get(topic)?;
    let is = |name: &str| config.overrides().find(|entry| entry.name == name).and_then(|entry| entry.value.clone());
    Some(
        wanted
            .iter()
            .filter(|(name, value)| is(name).as_deref() != Some(value))
            .map(|(name, _)| name.clone())
            .collect(),
    )
}
