//! What brokers can be asked to change, and what they must be asked before, as data.
//!
//! Each is one request of Kafka's protocol, or several that belong together. Plans hold them, `io::kafka::admin` sends
//! them. None holds a secret: a password is made where it is sent.

use std::{collections::BTreeMap, fmt};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::op::Target;
use crate::domain::{
    access::Mechanism,
    acl::Acl,
    config::{Config, Owner},
    hidden::Hidden,
    ids::BrokerId,
};

/// A partition of a topic.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PartitionRef {
    /// The topic.
    pub topic: String,
    /// Its number.
    pub partition: i32,
}

impl fmt::Display for PartitionRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.topic, self.partition)
    }
}

/// One value before and after.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigChange {
    /// Its name, as `retention.ms`.
    pub name: String,
    /// What is set now; `None` where nothing sets it on this owner.
    pub before: Option<String>,
    /// What is to be set; `None` takes the setting away, so that the default counts.
    pub after: Option<String>,
}

/// One partition's replicas before and after.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Move {
    /// Which partition.
    pub of: PartitionRef,
    /// Its replicas when the plan was made.
    pub before: Vec<BrokerId>,
    /// Where it is to be, the preferred leader first; `None` cancels the move that is under way.
    pub after: Option<Vec<BrokerId>>,
}

/// One partition's committed offset before and after.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OffsetChange {
    /// Which partition.
    pub of: PartitionRef,
    /// The committed offset when the plan was made; `None` where there was none.
    pub before: Option<i64>,
    /// What is to be committed.
    pub after: i64,
}

/// A change that brokers are asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "call", rename_all = "kebab-case")]
pub enum KafkaOp {
    /// Makes a topic (CreateTopics, key 19).
    CreateTopic {
        /// Its name.
        topic: String,
        /// Its partitions; at least 1.
        partitions: i32,
        /// Its replication factor; at least 1.
        replication_factor: i16,
        /// Configs that differ from the broker's defaults.
        configs: BTreeMap<String, String>,
    },
    /// Deletes a topic (DeleteTopics, key 20).
    DeleteTopic {
        /// Its name.
        topic: String,
    },
    /// Gives a topic more partitions (CreatePartitions, key 37).
    AddPartitions {
        /// The topic.
        topic: String,
        /// How many it had when the plan was made.
        before: i32,
        /// How many it is to have.
        total: i32,
    },
    /// Changes configs one by one (IncrementalAlterConfigs, key 44).
    AlterConfigs {
        /// Whose.
        of: Owner,
        /// The changes.
        changes: Vec<ConfigChange>,
    },
    /// Makes a user's SCRAM credential, or replaces it, with a password that is made up for it
    /// (AlterUserScramCredentials, key 51).
    SetScram {
        /// The user.
        user: String,
        /// SCRAM-SHA-256 or SCRAM-SHA-512.
        mechanism: Mechanism,
        /// Rounds of hashing: 4,096 to 16,384.
        iterations: i32,
        /// True when the user must not have a credential of this mechanism yet.
        new: bool,
    },
    /// Takes a user's SCRAM credentials away (key 51).
    DeleteScram {
        /// The user.
        user: String,
        /// Which.
        mechanisms: Vec<Mechanism>,
    },
    /// Adds rules to the authorizer (CreateAcls, key 30).
    CreateAcls {
        /// The rules.
        acls: Vec<Acl>,
    },
    /// Takes rules away, each exactly as it is written (DeleteAcls, key 31).
    DeleteAcls {
        /// The rules.
        acls: Vec<Acl>,
    },
    /// Changes a user's limits (AlterClientQuotas, key 49).
    AlterQuotas {
        /// The user.
        user: String,
        /// Limits by key; `None` takes one away.
        limits: BTreeMap<String, Option<f64>>,
    },
    /// Gives leadership back to preferred replicas (ElectLeaders, key 43).
    ElectLeaders {
        /// Of which partitions; none is of all.
        partitions: Vec<PartitionRef>,
    },
    /// Moves partitions, or cancels moves (AlterPartitionReassignments, key 45).
    Reassign {
        /// The moves.
        moves: Vec<Move>,
    },
    /// Commits offsets for a group without members (OffsetCommit, key 8).
    CommitOffsets {
        /// The group.
        group: String,
        /// The offsets.
        offsets: Vec<OffsetChange>,
    },
    /// Deletes a group without members (DeleteGroups, key 42).
    DeleteGroup {
        /// The group.
        group: String,
    },
}

/// What brokers said to a change that they made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KafkaAnswer {
    /// It is done; what there is to say about it, in words: `3 of 12 partitions had another leader`.
    Done(String),
    /// It was so before, in words.
    Already(String),
    /// A credential was made with this password.
    Password {
        /// The user.
        user: String,
        /// The password: shown once, never written down.
        password: Hidden,
    },
}

/// What has to be asked before a plan can be made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Question {
    /// All configs of an owner, with what they mean (DescribeConfigs, key 32).
    Configs(Owner),
    /// What a new topic's configs would be, by asking for those of any topic that there is.
    TopicDefaults,
    /// Where a group stands, and where it would (OffsetFetch, ListOffsets: keys 9 and 2).
    Offsets {
        /// The group.
        group: String,
        /// Of which topics; none is all that it has commits for.
        topics: Vec<String>,
        /// Where to.
        to: OffsetTarget,
    },
    /// When a topic was last written to (ListOffsets with the greatest timestamp, key 2).
    LastWrite {
        /// The topic.
        topic: String,
    },
    /// Moves under way (ListPartitionReassignments, key 46).
    Reassignments,
    /// Which Secret there is now; the API server is asked, and nothing of its values is told.
    Secret {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// Fields of an object, from the API server and not from brokers.
    Object {
        /// Which. Never a Secret.
        target: Target,
        /// Keys from the root of the object to each field.
        paths: Vec<Vec<String>>,
    },
}

/// Where offsets are reset to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum OffsetTarget {
    /// The first record that is still there.
    Earliest,
    /// Behind the last one.
    Latest,
    /// This offset in every partition.
    Offset(i64),
    /// So many records on; negative is back.
    By(i64),
    /// The first record that is not older.
    Time(DateTime<Utc>),
}

/// The answer to a question.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// Configs; empty for defaults where no topic is there to ask.
    Configs(Vec<Config>),
    /// Every partition's offsets.
    Offsets(Vec<OffsetRow>),
    /// The time of the newest record; `None` where the topic is empty or never tells.
    LastWrite(Option<DateTime<Utc>>),
    /// Moves under way.
    Reassignments(Vec<MoveUnderWay>),
    /// The Secret's uid; `None` where there is none.
    Secret(Option<String>),
    /// Nobody tells, and why; the plan can be made all the same.
    Untold(String),
    /// The fields in their order, each as far as it is there; `None` where there is no such object.
    Object(Option<Vec<Option<Value>>>),
}

/// Where a group stands in one partition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OffsetRow {
    /// The partition.
    pub of: PartitionRef,
    /// The committed offset, if there is one.
    pub committed: Option<i64>,
    /// The first offset that is still there.
    pub start: i64,
    /// The offset behind the last record.
    pub end: i64,
    /// Where it would be, within start and end.
    pub target: i64,
    /// Why this partition is not told, in words.
    pub failed: Option<String>,
}

/// A move that brokers are busy with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MoveUnderWay {
    /// The partition.
    pub of: PartitionRef,
    /// Its replicas now.
    pub replicas: Vec<BrokerId>,
    /// Those that are being added.
    pub adding: Vec<BrokerId>,
    /// Those that will be removed.
    pub removing: Vec<BrokerId>,
}
