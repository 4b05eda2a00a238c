//! One thing that a step does, as data: a request to the API server, to brokers, or nothing but waiting.
//!
//! `io::act` carries it out and `plan::render` says what it is. An op carries what the plan was made for, so that
//! whoever carries it out can see that the cluster is still so; it holds no secret.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::kafka::{KafkaAnswer, KafkaOp};
use crate::domain::{ids::ObjectKey, installation::PodPort, record::Draft};

/// A Kubernetes object by everything that a request for it takes.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Target {
    /// Group and version, as `kafka.strimzi.io/v1`; `v1` for the core group.
    pub api_version: String,
    /// Kind, as `KafkaTopic`.
    pub kind: String,
    /// Resource, in the plural, as `kafkatopics`.
    pub resource: String,
    /// Namespace; empty for kinds that are in none.
    pub namespace: String,
    /// Name.
    pub name: String,
}

impl Target {
    /// The API group; empty for the core group.
    pub fn group(&self) -> &str {
        self.api_version.split_once('/').map_or("", |(group, _)| group)
    }

    /// As kubectl takes it: `kafkatopic.kafka.strimzi.io/orders`, `pod/kafka-0`.
    pub fn for_kubectl(&self) -> String {
        let kind = self.kind.to_lowercase();
        match self.group() {
            "" | "apps" | "batch" => format!("{kind}/{}", self.name),
            group => format!("{kind}.{group}/{}", self.name),
        }
    }
}

/// One field before and after.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// Keys from the root of the object to the field.
    pub path: Vec<String>,
    /// What is there when the plan is made; `None` is nothing.
    pub before: Option<Value>,
    /// What is to be there; `None` takes the field away.
    pub after: Option<Value>,
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "kebab-case")]
pub enum Op {
    /// Makes an object that must not be there yet.
    Create {
        /// Which.
        target: Target,
        /// All of it.
        manifest: Value,
    },
    /// Changes fields of an object, if they still hold what they held when the plan was made.
    Patch {
        /// Which.
        target: Target,
        /// The changes.
        changes: Vec<Change>,
    },
    /// Deletes an object, if it is still the same one.
    Delete {
        /// Which.
        target: Target,
        /// Its uid when the plan was made.
        uid: String,
    },
    /// Evicts a pod, if it is still the same one: the disruption budget is asked (policy/v1 Eviction).
    Evict {
        /// The pod.
        target: Target,
        /// Its uid when the plan was made.
        uid: String,
    },
    /// Reads a password that an operator has put into a Secret, once it is there.
    ReadPassword {
        /// The Secret.
        target: Target,
        /// Its key.
        key: String,
        /// Whose password it is.
        user: String,
        /// The uid of a Secret that does not count: the one that was there before.
        #[serde(default)]
        other_than: Option<String>,
    },
    /// Asks brokers.
    Kafka {
        /// For what.
        ask: KafkaOp,
    },
    /// Writes a record, once.
    Produce {
        /// The record.
        draft: Draft,
    },
    /// Asks a Connect's workers for something: whichever of them answers.
    Connect {
        /// The Connect.
        cluster: ObjectKey,
        /// Its workers when the plan was made.
        workers: Vec<PodPort>,
        /// The connector.
        connector: String,
        /// What for.
        ask: ConnectAsk,
    },
    /// Writes records to a topic through our own tunnel, and reads them again.
    Exchange {
        /// The topic.
        topic: String,
        /// How many.
        records: usize,
    },
    /// Writes and reads all the time, until its time is over or somebody stops it.
    Canary {
        /// The topic.
        topic: String,
        /// What our records are called, among others.
        tag: String,
        /// Records a second.
        rate: u32,
        /// For so many seconds.
        for_s: u64,
        /// Most milliseconds that the slowest may take.
        most_ms: Option<u64>,
    },
    /// Runs a Job until it is over, says the last line of its log, and takes it away.
    Job {
        /// Which.
        target: Target,
        /// All of it.
        manifest: Value,
        /// How long it may take, in seconds.
        limit_s: u32,
    },
    /// Says why something cannot be proven.
    Unproven {
        /// Why.
        why: String,
    },
    /// Takes away a topic that the run itself made, through its KafkaTopic where it made one. It is done even where
    /// the run breaks off before.
    CleanTopic {
        /// The topic.
        topic: String,
        /// Its KafkaTopic.
        resource: Option<Target>,
    },
    /// Does nothing: the step's gates are waited for.
    Wait,
}

/// What workers are asked to do with a connector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConnectAsk {
    /// Start what has failed of it again (KIP-745).
    RestartFailed,
    /// Start it and all its tasks again (KIP-745).
    RestartAll,
    /// Let it read or write nothing for a while.
    Pause,
    /// Let it go on.
    Resume,
}

impl ConnectAsk {
    /// Method, and what stands behind the connector's name, of Connect's REST interface.
    pub fn call(self) -> (&'static str, &'static str) {
        match self {
            Self::RestartFailed => ("POST", "restart?includeTasks=true&onlyFailed=true"),
            Self::RestartAll => ("POST", "restart?includeTasks=true&onlyFailed=false"),
            Self::Pause => ("PUT", "pause"),
            Self::Resume => ("PUT", "resume"),
        }
    }
}

impl Op {
    /// True for what is asked of brokers.
    pub fn asks_brokers(&self) -> bool {
        match self {
            Self::Kafka { .. } | Self::Produce { .. } | Self::Exchange { .. } | Self::Canary { .. } => true,
            Self::CleanTopic { resource, .. } => resource.is_none(),
            _ => false,
        }
    }

    /// True for what shows something and changes nothing: where it fails the run goes on, and is no success.
    pub fn is_proof(&self) -> bool {
        matches!(self, Self::Exchange { .. } | Self::Canary { .. } | Self::Job { .. } | Self::Unproven { .. })
    }

    /// True for what takes away what the run made: it is done however the run ends.
    pub fn cleans(&self) -> bool {
        matches!(self, Self::CleanTopic { .. })
    }
}

/// What came of an op.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OpAnswer {
    /// It is done; what there is to say of it, which may be nothing.
    Done(String),
    /// It was so before, in words.
    Already(String),
    /// It is done, and this was made for it.
    Made(KafkaAnswer),
}

/// Why an op did not happen, or may not have happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OpFailure {
    /// The cluster is not as it was when the plan was made; what is different, a line each.
    Stale(Vec<String>),
    /// It was refused, in the words of whoever refused it.
    Refused(String),
    /// Permission is missing; which.
    Forbidden(String),
    /// Nobody answered, or it is not known whether it happened.
    Unreachable(String),
    /// The journal could not be written, so that nothing was done.
    Journal(String),
}

impl OpFailure {
    /// In a sentence without a period.
    pub fn words(&self) -> String {
        match self {
            Self::Stale(diff) => format!("the cluster has changed since the plan was made: {}", diff.join("; ")),
            Self::Refused(why) => why.clone(),
            Self::Forbidden(why) => format!("permission is missing: {why}"),
            Self::Unreachable(why) => format!("{why}; whether it happened is not known"),
            Self::Journal(why) => format!("nothing was done, because the journal could not be written: {why}"),
        }
    }
}

/// What asking for an op without doing it has shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rehearsed {
    /// It would be done; what it changes, a line each, beginning with `+`, `-` or a blank.
    Fine(Vec<String>),
    /// It cannot be tried without doing it; why.
    Untried(String),
    /// It is so already, in words.
    Already(String),
    /// It would not be done.
    Failed(OpFailure),
}

/// Who is acting on an installation, as its Lease says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Who and where: `alice@jump-1 (4711)`.
    pub who: String,
    /// What is being done: `broker.restart`.
    pub action: String,
    /// At which step: `2 of 3: evict pod kafka-1`.
    pub step: String,
    /// For how many seconds it has not been heard of.
    pub silent_s: i64,
}
