//! What must hold before a step is done, and before it counts as done.
//!
//! A gate is a named question to what is observed, with three answers. What cannot be seen now, or is older than what it
//! is to confirm, is a reason to wait and never a pass: a gate sees exactly what the operator sees.

mod connectors;
mod offsets;
mod partitions;
mod volumes;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::kafka::{Move, OffsetChange, PartitionRef};
use crate::{
    domain::{
        config::Owner,
        freshness::{Asked, SourceState},
        ids::{BrokerId, ObjectKey},
        units::{bytes, counted},
    },
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
    /// A group has no members.
    GroupEmpty {
        /// The group.
        group: String,
    },
    /// A group has committed these offsets.
    OffsetsAre {
        /// The group.
        group: String,
        /// The offsets.
        offsets: Vec<OffsetChange>,
    },
    /// Partitions are led by their preferred replicas.
    LeadersPreferred {
        /// Which.
        partitions: Vec<PartitionRef>,
    },
    /// Partitions are where they were to be moved, or their moves are cancelled.
    MovesDone {
        /// The moves.
        moves: Vec<Move>,
    },
    /// A broker has no replica of some topics; of none named, of any.
    BrokerEmpty {
        /// The broker.
        broker: BrokerId,
        /// The topics.
        topics: Vec<String>,
    },
    /// Brokers have these configs of an owner.
    ConfigsAre {
        /// Whose.
        of: Owner,
        /// The configs; `None` is not set on this owner.
        configs: BTreeMap<String, Option<String>>,
    },
    /// No partition has its last in-sync replica on a broker.
    OthersHoldData {
        /// The broker.
        broker: BrokerId,
    },
    /// A claim has at least so many bytes, and its file system knows.
    ClaimHas {
        /// The claim.
        claim: ObjectKey,
        /// Bytes.
        bytes: u64,
    },
    /// Another claim of that name is bound.
    ClaimReplaced {
        /// The claim.
        claim: ObjectKey,
        /// The uid of the one before.
        uid: String,
    },
    /// A connector is in a state, and all of its tasks are.
    ConnectorIs {
        /// Its Connect.
        cluster: ObjectKey,
        /// Its name.
        connector: String,
        /// `RUNNING`, `PAUSED`.
        state: String,
    },
}

impl Gate {
    /// What must hold, as `brokers list orders with 6 partitions`.
    pub fn title(&self) -> String {
        match self {
            Self::TopicIs { topic, partitions } => format!("brokers list {topic} with {partitions} partitions"),
            Self::GroupEmpty { group } => format!("group {group} has no members"),
            Self::OffsetsAre { group, offsets } => {
                format!("group {group} stands there in {}", counted(offsets.len(), "partition"))
            }
            Self::LeadersPreferred { partitions: some } => {
                format!("{} led by the preferred replica", counted(some.len(), "partition"))
            }
            Self::MovesDone { moves } if moves.iter().all(|one| one.after.is_none()) => {
                format!("{} no longer moved", counted(moves.len(), "partition"))
            }
            Self::MovesDone { moves } => format!("{} moved and in sync", counted(moves.len(), "partition")),
            Self::BrokerEmpty { broker, topics } if topics.is_empty() => format!("broker {broker} holds no replica"),
            Self::BrokerEmpty { broker, topics } => {
                format!("broker {broker} holds no replica of {}", topics.join(", "))
            }
            Self::ConfigsAre { of, configs } => {
                let names: Vec<&str> = configs.keys().map(String::as_str).collect();
                format!("{of} has {} as wanted", names.join(", "))
            }
            Self::OthersHoldData { broker } => format!("all that broker {broker} holds is in sync elsewhere"),
            Self::ClaimHas { claim, bytes: size } => format!("claim {} has {}", claim.name, bytes(*size)),
            Self::ClaimReplaced { claim, .. } => format!("claim {} is a new one, and bound", claim.name),
            Self::ConnectorIs { connector, state, .. } => format!("connector {connector} and its tasks are {state}"),
        }
    }

    /// Whether it holds.
    pub fn check(&self, moment: &Moment<'_>) -> Verdict {
        let held = match self {
            Self::TopicIs { topic, partitions } => metadata(moment).map(|kafka| topic_is(kafka, topic, *partitions)),
            Self::GroupEmpty { group } => offsets::group_is_empty(moment, group),
            Self::OffsetsAre { group, offsets } => offsets::are(moment, group, offsets),
            Self::LeadersPreferred { partitions } => partitions::leaders_are_preferred(moment, partitions),
            Self::MovesDone { moves } => partitions::moves_are_done(moment, moves),
            Self::BrokerEmpty { broker, topics } => partitions::broker_is_empty(moment, *broker, topics),
            Self::ConfigsAre { of, configs } => partitions::configs_are(moment, of, configs),
            Self::OthersHoldData { broker } => partitions::others_hold_data(moment, *broker),
            Self::ClaimHas { claim, bytes } => volumes::claim_has(moment, claim, *bytes),
            Self::ClaimReplaced { claim, uid } => volumes::claim_is_replaced(moment, claim, uid),
            Self::ConnectorIs { cluster, connector, state } => connectors::is(moment, cluster, connector, state),
        };
        held.unwrap_or_else(|wait| wait)
    }
}

/// What brokers have told, if one answer is fresh and younger than what it is to confirm; else why it is waited for.
fn told<'a>(moment: &Moment<'a>, what: Asked, broker: Option<BrokerId>) -> Result<&'a KafkaWorld, Verdict> {
    let freshness = moment.reading.freshness(what, broker);
    if freshness.state != SourceState::Live {
        let why = freshness.why.unwrap_or_else(|| "no broker has told".to_owned());
        return Err(Verdict::Wait(format!("{what} cannot be seen: {why}")));
    }
    let nobody = || Verdict::Wait(format!("no broker has told {what} yet"));
    let kafka = moment.reading.kafka().ok_or_else(nobody)?;
    match (moment.since, freshness.as_of) {
        (Some(since), Some(at)) if at <= since => Err(Verdict::Wait(format!("{what} are from before the change"))),
        (_, None) => Err(nobody()),
        _ => Ok(kafka),
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
