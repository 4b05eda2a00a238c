//! The KRaft quorum as its leader describes it (DescribeQuorum, key 55, KIP-595).

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::ids::BrokerId;

/// The quorum of `__cluster_metadata`: who leads it, who votes, and how far each has come.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quorum {
    /// The active controller; `None` is Kafka's -1.
    pub leader: Option<BrokerId>,
    /// The leader's epoch.
    pub leader_epoch: i32,
    /// The offset up to which a majority has everything; `None` while the leader does not know it yet.
    pub high_watermark: Option<i64>,
    /// Controllers that vote.
    pub voters: Vec<Replica>,
    /// Those that only follow: brokers without the role, and controllers that are about to join.
    pub observers: Vec<Replica>,
}

/// One copy of the metadata log, as the leader sees it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replica {
    /// Its node.
    pub id: BrokerId,
    /// The directory id of its log (KIP-853, version 2 and later), where it has one.
    pub directory: Option<String>,
    /// Its log end offset; `None` while the leader has not heard of it.
    pub log_end: Option<i64>,
    /// When it last fetched, by the leader's clock (KIP-836, version 1 and later).
    pub fetched_at: Option<DateTime<Utc>>,
    /// When it last had everything, by the leader's clock (KIP-836).
    pub caught_up_at: Option<DateTime<Utc>>,
}

impl Quorum {
    /// The leader's own copy.
    pub fn of_leader(&self) -> Option<&Replica> {
        self.voters.iter().find(|v| Some(v.id) == self.leader)
    }

    /// Records that a copy is behind the leader's.
    pub fn lag(&self, replica: &Replica) -> Option<i64> {
        Some((self.of_leader()?.log_end? - replica.log_end?).max(0))
    }
}
