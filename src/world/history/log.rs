//! One partition that groups read: where it ended when, when some of its records were written, and how long it keeps them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::RATE_OVER;
use crate::domain::{
    lag::{LagTime, LagTimeSource, RecordTime, written_at},
    series::{Reached, Series},
    topic::TopicConfig,
};

/// Samples of a log's end: 39,000 of them stay below 15 MB.
const LOG_SAMPLES: usize = 16;

/// A sample is taken this long after the last one: passes come every five seconds, not to the millisecond.
pub(super) const SAMPLE_EVERY: i64 = 4_500;

/// Records whose time is kept, of one partition.
const RECORDS: usize = 4;

/// So near to a record whose time is known, as a share of the way to the next, the time between is near enough.
const NEAR: f64 = 0.1;

/// How long a topic's records are kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Expiry {
    /// Nobody has told.
    #[default]
    Unknown,
    /// No record goes for being old or one too many.
    Never,
    /// So many milliseconds, and less where they take too much room, too.
    After { ms: i64, by_size: bool },
}

impl Expiry {
    pub(super) fn of(config: &TopicConfig) -> Self {
        let value = |name: &str| config.entries.iter().find(|e| e.name == name)?.value.as_deref();
        let number = |name: &str| value(name)?.parse::<i64>().ok();
        let Some(policy) = value("cleanup.policy") else { return Self::Unknown };
        if !policy.split(',').any(|word| word.trim() == "delete") {
            // Compaction lets a record go for a newer one of its key, which is read in its place.
            return Self::Never;
        }
        let by_size = number("retention.bytes").is_none_or(|bytes| bytes >= 0);
        match number("retention.ms") {
            None => Self::Unknown,
            Some(ms) if ms >= 0 => Self::After { ms, by_size },
            // Only too much room is a limit, and how long that lasts nobody knows.
            Some(_) if by_size => Self::Unknown,
            Some(_) => Self::Never,
        }
    }
}

/// What else is known of a topic.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    /// Metadata names it.
    pub known: bool,
    /// What is set of its configs.
    pub config: Option<&'a TopicConfig>,
    /// Where its partitions ended when that was told last.
    pub ends: Option<&'a BTreeMap<i32, i64>>,
}

impl About<'_> {
    pub(super) fn expiry(self) -> Expiry {
        self.config.map(Expiry::of).unwrap_or_default()
    }
}

/// One partition that some group has committed.
#[derive(Debug, Default)]
pub(super) struct Log {
    /// Groups that have committed it.
    pub(super) readers: u32,
    /// Metadata names its topic.
    pub(super) known: bool,
    pub(super) expiry: Expiry,
    /// Its end, and when that was told, in milliseconds of the epoch.
    pub(super) end: Option<i64>,
    pub(super) told_at: i64,
    pub(super) ends: Series,
    /// Records a second that are written to it: worked out once, for many groups may read it.
    pub(super) rate: Option<f64>,
    /// Where it began when that was told last.
    pub(super) start: Option<i64>,
    /// Records from before the first sample: offset, and when each was written.
    pub(super) records: Vec<(i64, i64)>,
}

impl Log {
    /// Takes an end in.
    pub(super) fn ended(&mut self, end: i64, at: DateTime<Utc>) {
        let last = self.ends.last();
        if last.is_some_and(|(_, known)| end < known) {
            // The topic was made anew, or its end was lost: what was seen before is of another log.
            self.forget();
        }
        let is_due = self.ends.last().is_none_or(|(known, _)| (at - known).num_milliseconds() >= SAMPLE_EVERY);
        if is_due {
            self.ends.push(at, end, LOG_SAMPLES);
            self.rate = self.ends.rate(RATE_OVER).map(|rate| rate.max(0.0));
        }
        (self.end, self.told_at) = (Some(end), at.timestamp_millis());
    }

    pub(super) fn forget(&mut self) {
        (self.end, self.start, self.rate) = (None, None, None);
        self.ends.clear();
        self.records.clear();
    }

    /// Takes in when a record was written.
    pub(super) fn written(&mut self, record: &RecordTime, at: DateTime<Utc>) {
        let offset = record.of.offset;
        self.start = record.log_start.or(self.start);
        let Some((first_at, first)) = self.ends.first().map(|(at, end)| (at.timestamp_millis(), end)) else { return };
        let Some(written) = written_at(record.timestamp, at).filter(|_| offset < first) else { return };
        // By our clock it was there when we looked first, whatever the other one says.
        let written = written.min(first_at);
        // A later record was not written earlier: what says so is not kept beside this one.
        self.records.retain(|(known, when)| *known != offset && (*known < offset) == (*when <= written));
        let place = self.records.partition_point(|(known, _)| *known < offset);
        self.records.insert(place, (offset, written));
        if self.records.len() > RECORDS {
            self.records.remove(0);
        }
    }

    /// When a record from before the first sample was written, going by the records around it; and whether it is one of
    /// them or near enough to one.
    pub(super) fn recorded(&self, offset: i64) -> Option<(i64, bool)> {
        let (first_at, first) = self.ends.first().map(|(at, end)| (at.timestamp_millis(), end))?;
        let next = self.records.partition_point(|(known, _)| *known <= offset);
        let (known, when) = *self.records.get(next.checked_sub(1)?)?;
        let (above, later) = self.records.get(next).copied().unwrap_or((first, first_at));
        let share = (offset - known) as f64 / (above - known).max(1) as f64;
        Some((when + ((later - when) as f64 * share) as i64, share <= NEAR))
    }

    /// For how long the record at an offset has waited. None where the end is not known, or is from before the commit,
    /// or where nobody has looked long enough to say anything.
    pub(super) fn lag_time(&self, offset: i64) -> Option<LagTime> {
        let source = LagTimeSource::History;
        let since = |at: DateTime<Utc>| (self.told_at - at.timestamp_millis()).max(0) / 1000;
        match self.end? {
            end if end < offset => None,
            end if end == offset => Some(LagTime { seconds: 0, at_least: false, source }),
            _ => match self.ends.reached(offset)? {
                Reached::At(at) => Some(LagTime { seconds: since(at), at_least: false, source }),
                Reached::Before(at) => match self.recorded(offset) {
                    Some((written, _)) => Some(LagTime {
                        seconds: (self.told_at - written).max(0) / 1000,
                        at_least: false,
                        source: LagTimeSource::Record,
                    }),
                    None => Some(LagTime { seconds: since(at), at_least: true, source }).filter(is_telling),
                },
                // It was written since the last sample.
                Reached::NotYet => {
                    self.ends.last().map(|(at, _)| LagTime { seconds: since(at), at_least: false, source })
                }
            },
        }
    }
}

/// That something is not younger than now says nothing.
pub(super) fn is_telling(time: &LagTime) -> bool {
    time.seconds > 0 || !time.at_least
}
