//! What must hold before a step is done, and before it counts as done.
//!
//! A gate is a named question to what is observed, with three answers. What cannot be seen now, or is older than what it
//! is to confirm, is a reason to wait and never a pass: a gate sees exactly what the operator sees.

mod topics;
mod users;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    domain::{
        access::Mechanism,
        acl::Acl,
        freshness::{Asked, SourceState},
        units::counted,
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
    /// Brokers have these configs on a topic, and no others of these names.
    TopicConfigs {
        /// The topic.
        topic: String,
        /// The configs; `None` is not set on the topic.
        configs: BTreeMap<String, Option<String>>,
    },
    /// Brokers do not list a topic.
    TopicGone {
        /// The topic.
        topic: String,
    },
    /// The operator says of a KafkaTopic or KafkaUser that it is as declared.
    OperatorReady {
        /// `KafkaTopic` or `KafkaUser`.
        kind: String,
        /// Namespace.
        namespace: String,
        /// Name.
        name: String,
        /// Its generation before the change; what the operator said of that one does not count.
        #[serde(default)]
        above: Option<i64>,
    },
    /// Brokers keep a SCRAM credential of a user.
    CredentialIs {
        /// The user.
        user: String,
        /// Of this mechanism.
        mechanism: Mechanism,
    },
    /// Brokers keep no SCRAM credential of a user.
    CredentialGone {
        /// The user.
        user: String,
    },
    /// The authorizer has these rules.
    AclsAre {
        /// The rules.
        acls: Vec<Acl>,
    },
    /// Brokers keep these limits of a user.
    LimitsAre {
        /// The user.
        user: String,
        /// Limits by key; `None` is no limit.
        limits: BTreeMap<String, Option<i64>>,
    },
    /// The authorizer has no rule of a principal.
    AclsGone {
        /// The principal.
        principal: String,
    },
}

impl Gate {
    /// What must hold, as `brokers list orders with 6 partitions`.
    pub fn title(&self) -> String {
        match self {
            Self::TopicIs { topic, partitions } => {
                format!("brokers list {topic} with {}", counted(*partitions, "partition"))
            }
            Self::TopicConfigs { topic, configs } => {
                let names: Vec<&str> = configs.keys().map(String::as_str).collect();
                format!("brokers have {} of {topic} as wanted", names.join(", "))
            }
            Self::TopicGone { topic } => format!("brokers list {topic} no longer"),
            Self::OperatorReady { kind, name, .. } => format!("the operator says that {kind} {name} is ready"),
            Self::CredentialIs { user, mechanism } => format!("brokers keep a {mechanism} credential of {user}"),
            Self::CredentialGone { user } => format!("brokers keep no SCRAM credential of {user}"),
            Self::AclsAre { acls } => format!("the authorizer has the {}", counted(acls.len(), "new rule")),
            Self::LimitsAre { user, .. } => format!("brokers limit {user} as wanted"),
            Self::AclsGone { principal } => format!("the authorizer has no rule of {principal}"),
        }
    }

    /// Whether it holds.
    pub fn check(&self, moment: &Moment<'_>) -> Verdict {
        let held = match self {
            Self::TopicIs { topic, partitions } => topics::is(moment, topic, *partitions),
            Self::TopicConfigs { topic, configs } => topics::configs_are(moment, topic, configs),
            Self::TopicGone { topic } => topics::is_gone(moment, topic),
            Self::OperatorReady { kind, namespace, name, above } => {
                topics::operator_is_ready(moment, kind, namespace, name, *above)
            }
            Self::CredentialIs { user, mechanism } => users::credential_is(moment, user, *mechanism),
            Self::CredentialGone { user } => users::credential_is_gone(moment, user),
            Self::AclsAre { acls } => users::acls_are(moment, acls),
            Self::LimitsAre { user, limits } => users::limits_are(moment, user, limits),
            Self::AclsGone { principal } => users::acls_are_gone(moment, principal),
        };
        held.unwrap_or_else(|wait| wait)
    }
}

/// What brokers have told, if one answer is fresh and younger than what it is to confirm; else why it is waited for.
fn told<'a>(moment: &Moment<'a>, what: Asked) -> Result<&'a KafkaWorld, Verdict> {
    let freshness = moment.reading.asked(what);
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

/// All gates with what they say now.
pub fn check_all(gates: &[Gate], moment: &Moment<'_>) -> Vec<(String, Verdict)> {
    gates.iter().map(|gate| (gate.title(), gate.check(moment))).collect()
}
