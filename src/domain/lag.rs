//! How far behind a group is in time, and what its figures together say of it.
//!
//! Offsets are counted in `group`; how they went over time is `world::history`'s.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize, Serializer};

/// Moments of a record before this one are not believed: Kafka is younger (March 2011).
const FIRST_RECORD: i64 = 1_300_000_000_000;

/// So far ahead of ours another clock may be, in milliseconds; what a record says beyond it is not believed.
const CLOCK_SKEW: i64 = 10_000;

/// How it is known when a record was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LagTimeSource {
    /// We saw the end of the log pass it, by our own clock.
    History,
    /// Its batch says so, by the clock of whoever wrote it.
    Record,
}

/// For how long the oldest unread record has waited, at the moment when the end of its log was told last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LagTime {
    /// Seconds, never negative.
    pub seconds: i64,
    /// True where it is longer, and not known how much: as of a record that was written before anybody looked.
    pub at_least: bool,
    /// Where it is known from.
    pub source: LagTimeSource,
}

/// The first record that a group has not read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unread {
    /// Topic.
    pub topic: String,
    /// Partition index.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
}

/// When a record was written, as its batch says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordTime {
    /// The record.
    pub of: Unread,
    /// Milliseconds of the epoch by whatever clock that was; -1 where it has none or was not given.
    pub timestamp: i64,
    /// The first offset that its partition still keeps; `None` where that was not told.
    pub log_start: Option<i64>,
}

/// When a record was written, in milliseconds of the epoch, if what its batch says can be believed at all.
///
/// -1 is a record without a time; one from the future, or from before there was Kafka, comes from a clock that is wrong
/// or from an application that keeps something else in that field.
pub fn written_at(timestamp: i64, now: DateTime<Utc>) -> Option<i64> {
    let now = now.timestamp_millis();
    (FIRST_RECORD..=now + CLOCK_SKEW).contains(&timestamp).then(|| timestamp.min(now))
}

/// What is to be thought of a group. The first that holds, in this order; none where what it takes is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum GroupVerdict {
    /// `about to lose data`: somebody reads or has read it since we look, and its oldest unread record has used up four
    /// fifths of the retention of its topic, or is gone already.
    AboutToLoseData,
    /// `dead members`: it has no members any more, had some since we look, and records wait for them.
    DeadMembers,
    /// `empty`: it has no members. What it had committed may be as old as it likes: nobody waits for it that we saw.
    Empty,
    /// `rewound`: a commit went back since we look, and has not come up again to where it was.
    Rewound,
    /// `stalled`: it has members, records have waited for 90 s, and no commit has moved for as long.
    ///
    /// One record alone may be the mark that ends a transaction, which nobody reads: it counts as none.
    Stalled,
    /// `stuck partition`: the same of some partition, while another one's commit moves.
    StuckPartition,
    /// `lagging`: its oldest unread record has waited for a minute or longer.
    Lagging,
    /// `ok`: it has read everything, or what it has not read is younger than a minute.
    Ok,
}

impl GroupVerdict {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::AboutToLoseData => "about to lose data",
            Self::DeadMembers => "dead members",
            Self::Empty => "empty",
            Self::Rewound => "rewound",
            Self::Stalled => "stalled",
            Self::StuckPartition => "stuck partition",
            Self::Lagging => "lagging",
            Self::Ok => "ok",
        }
    }

    /// True where somebody waits for what does not come.
    pub fn is_trouble(self) -> bool {
        !matches!(self, Self::Ok | Self::Empty)
    }
}

impl fmt::Display for GroupVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}

impl Serialize for GroupVerdict {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.words())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_that_no_record_can_have_is_not_believed() {
        let now = DateTime::from_timestamp_millis(1_790_000_000_000).unwrap();
        let millis = now.timestamp_millis();
        assert_eq!(written_at(millis - 5_000, now), Some(millis - 5_000));
        assert_eq!(written_at(millis + 9_000, now), Some(millis), "a clock that is ahead a little");
        for wrong in [-1, 0, 86_400, millis + 11_000, i64::MAX, i64::MIN] {
            assert_eq!(written_at(wrong, now), None, "{wrong}");
        }
    }
}
