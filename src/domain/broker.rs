//! Brokers as Metadata names them, and whether they answer.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::ids::BrokerId;

/// A broker in Metadata's answer: registered, unfenced, and where it advertises itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Advertised {
    /// Node id.
    pub id: BrokerId,
    /// Advertised host.
    pub host: String,
    /// Advertised port.
    pub port: u16,
    /// `broker.rack`.
    pub rack: Option<String>,
}

/// How a broker behaved when it was last asked something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Contact {
    /// It answered.
    Answered,
    /// It took the request and did not answer in time.
    Silent { asked_at: DateTime<Utc> },
    /// It could not be reached: the port-forward or the dial was refused.
    Refused { why: String },
    /// It answered something that is not Kafka, or broke off in the middle.
    Garbled { why: String },
}

/// What a broker said of itself in ApiVersions (key 18).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Features {
    /// True when it finalized `metadata.version`, which only KRaft has.
    pub kraft: bool,
    /// The finalized `metadata.version` level.
    pub metadata_version: Option<i16>,
}
