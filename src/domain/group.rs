//! Consumer groups: members, committed offsets and lag in records.

use serde::{Deserialize, Serialize};

use super::lag::LagTimeSource;

/// A consumer group as its coordinator lists and describes it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Group id.
    pub id: String,
    /// `Stable`, `Empty`, `PreparingRebalance`…, as the coordinator says it.
    pub state: String,
    /// `classic`, `consumer` (KIP-848), `share`; `None` from coordinators older than ListGroups v5.
    pub kind: Option<String>,
    /// Its members; `None` while they could not be described.
    pub members: Option<Vec<Member>>,
    /// How often it was rebalanced, of groups whose coordinator assigns (KIP-848, share).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epochs: Option<Epochs>,
}

/// The epochs of a group: while the second is behind the first, an assignment is being worked out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Epochs {
    /// Of the group: counts what changes it.
    pub group: i32,
    /// Of its assignment.
    pub assignment: i32,
}

/// A member of a group.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Member id, given by the coordinator.
    pub id: String,
    /// `client.id`.
    pub client_id: String,
    /// Where it connects from: an address, often with a leading `/`.
    pub host: String,
    /// Partitions assigned to it: topic and index.
    pub assigned: Vec<(String, i32)>,
    /// The epoch that it has come to; `None` in classic groups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<i32>,
}

/// What a group has committed for one partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Committed {
    /// Topic.
    pub topic: String,
    /// Partition index.
    pub partition: i32,
    /// Committed offset; never negative (partitions without a commit are left out).
    pub offset: i64,
}

/// All that a group has committed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commits {
    /// Group id.
    pub group: String,
    /// The coordinator's error for this group, in words.
    pub error: Option<String>,
    /// Commits, in no order.
    pub commits: Vec<Committed>,
}

/// The end of one partition: the offset of the next record to be written (ListOffsets -1, read_uncommitted).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndOffset {
    /// Topic.
    pub topic: String,
    /// Partition index.
    pub partition: i32,
    /// Its log end offset.
    pub offset: i64,
}

/// One partition of a group, with everything known of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct GroupPartition {
    /// Topic.
    pub topic: String,
    /// Partition index.
    pub partition: i32,
    /// Committed offset; `None` when the group holds the partition and has not committed.
    pub committed: Option<i64>,
    /// Log end offset; `None` when its leader has not answered.
    pub end: Option<i64>,
    /// Records between the two; `None` when one of them is missing.
    pub lag: Option<i64>,
    /// The member that reads it.
    pub member: Option<String>,
    /// That member's `client.id`.
    pub client_id: Option<String>,
    /// That member's address.
    pub host: Option<String>,
    /// The pod that has this address, where one alone has it.
    pub pod: Option<String>,
    /// Seconds for which its oldest unread record has waited; `None` where that is not known.
    pub lag_seconds: Option<i64>,
    /// True when it has waited for longer than that.
    pub lag_seconds_at_least: bool,
    /// Where the seconds are known from.
    pub lag_time_source: Option<LagTimeSource>,
}

/// Records a reader has yet to read; a commit beyond the end (the topic was recreated) is no negative lag.
pub fn lag(committed: i64, end: i64) -> i64 {
    (end - committed).max(0)
}

#[cfg(test)]
mod tests {
    use super::lag;

    #[test]
    fn a_commit_beyond_the_end_is_no_lag() {
        assert_eq!(lag(10, 25), 15);
        assert_eq!(lag(25, 10), 0);
    }
}
