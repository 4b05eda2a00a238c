//! How fast log directories and volumes fill, and which topics fill them.
//!
//! It is fed with what brokers and kubelets told and knows nothing of claims; `storage` joins them. A rate is that of the
//! last ten minutes, or of as much of them as is known, and is not known before half a minute of them is: over less,
//! a segment that is rolled or deleted counts for more than what clients write. Where nobody told for five minutes it
//! begins anew, for nobody knows what happened meanwhile. Per answer it costs what the answer is long; nothing else is
//! ever gone through.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use crate::domain::{ids::BrokerId, series::Series, storage::LogDir};

/// The rate is over so long.
const OVER: TimeDelta = TimeDelta::minutes(10);
/// Over less than this there is no rate.
const SHORTEST: TimeDelta = TimeDelta::seconds(30);
/// After so long a silence it begins anew.
const SILENCE: TimeDelta = TimeDelta::minutes(5);
/// Samples of a figure: they are taken every 15 s, and older ones become sparse.
const SAMPLES: usize = 64;
/// Topics that are named for growing.
const TOPICS: usize = 8;
/// What will not be full within a year is not said to become full at all.
const HORIZON: TimeDelta = TimeDelta::days(365);

const HOUR_S: f64 = 3600.0;

/// A figure that grows or shrinks.
#[derive(Debug, Clone, Default)]
pub struct Grown {
    series: Series,
}

impl Grown {
    /// Takes in what it is now; true when how fast it grows is another figure than before.
    pub fn push(&mut self, at: DateTime<Utc>, bytes: u64) -> bool {
        let before = self.per_hour();
        if self.series.last().is_some_and(|(last, _)| at - last > SILENCE) {
            self.series.clear();
        }
        self.series.push(at, i64::try_from(bytes).unwrap_or(i64::MAX), SAMPLES);
        before != self.per_hour()
    }

    /// Bytes an hour, negative when it shrinks; `None` before it is known for half a minute.
    pub fn per_hour(&self) -> Option<i64> {
        let (first, _) = self.series.first()?;
        let (last, _) = self.series.last()?;
        if last - first < SHORTEST {
            return None;
        }
        Some((self.series.rate(OVER)? * HOUR_S) as i64)
    }
}

/// Seconds until so many bytes that are left are used up; `None` when they are not for a year, or when it does not grow.
pub fn full_in_s(left: u64, per_hour: i64) -> Option<i64> {
    if left == 0 {
        return Some(0);
    }
    if per_hour <= 0 {
        return None;
    }
    let seconds = left as f64 / per_hour as f64 * HOUR_S;
    (seconds <= HORIZON.num_seconds() as f64).then_some(seconds as i64)
}

/// A topic that grows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TopicGrowth {
    /// Its name.
    pub topic: String,
    /// How fast its replicas there do.
    pub bytes_per_hour: i64,
}

/// What each topic had at a moment, by name.
#[derive(Debug, Default)]
struct Weighed {
    at: DateTime<Utc>,
    topics: Vec<(Box<str>, u64)>,
}

impl Weighed {
    fn of(at: DateTime<Utc>, dir: &LogDir) -> Self {
        let mut totals: BTreeMap<&str, u64> = BTreeMap::new();
        for replica in &dir.replicas {
            *totals.entry(&replica.topic).or_default() += replica.bytes;
        }
        Self { at, topics: totals.into_iter().map(|(topic, bytes)| (topic.into(), bytes)).collect() }
    }

    fn bytes(&self, topic: &str) -> u64 {
        let at = self.topics.binary_search_by(|(known, _)| (**known).cmp(topic));
        at.ok().and_then(|at| self.topics.get(at)).map_or(0, |(_, bytes)| *bytes)
    }
}

/// One log directory of one broker.
#[derive(Debug, Default)]
pub struct DirGrowth {
    /// Used bytes of its filesystem, where the broker tells.
    pub filesystem: Grown,
    /// Bytes of its replicas.
    pub replicas: Grown,
    /// Topics that grow most in it, the fastest first.
    pub topics: Vec<TopicGrowth>,
    /// What topics are compared with: what they had at least half a window ago, and what they will be compared with next.
    older: Option<Weighed>,
    newer: Option<Weighed>,
}

impl DirGrowth {
    fn learn(&mut self, at: DateTime<Utc>, dir: &LogDir) -> bool {
        let used = dir.total_bytes.zip(dir.usable_bytes).map(|(total, usable)| total.saturating_sub(usable));
        let mut news = used.is_some_and(|used| self.filesystem.push(at, used));
        news |= self.replicas.push(at, dir.replica_bytes());
        let now = Weighed::of(at, dir);
        if self.newer.as_ref().is_some_and(|newer| at - newer.at > OVER) {
            (self.older, self.newer) = (None, None);
        }
        let base = self.older.as_ref().or(self.newer.as_ref()).filter(|base| at - base.at >= SHORTEST);
        if let Some(base) = base {
            let topics = fastest(base, &now);
            news |= topics != self.topics;
            self.topics = topics;
        }
        // Two of them, each the one to compare with for half a window.
        if self.newer.as_ref().is_none_or(|newer| at - newer.at >= OVER / 2) {
            self.older = self.newer.replace(now);
        }
        news
    }
}

/// The topics that grew fastest from one moment to another.
fn fastest(base: &Weighed, now: &Weighed) -> Vec<TopicGrowth> {
    let hours = (now.at - base.at).num_milliseconds() as f64 / 1000.0 / HOUR_S;
    let mut grown: Vec<(u64, &str)> = now
        .topics
        .iter()
        .map(|(topic, bytes)| (bytes.saturating_sub(base.bytes(topic)), &**topic))
        .filter(|(more, _)| *more > 0)
        .collect();
    grown.sort_unstable_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(b.1)));
    grown.truncate(TOPICS);
    let rate = |(more, topic): (u64, &str)| TopicGrowth {
        topic: topic.to_owned(),
        bytes_per_hour: (more as f64 / hours.max(f64::EPSILON)) as i64,
    };
    grown.into_iter().map(rate).collect()
}

/// All log directories of an installation's brokers.
#[derive(Debug, Default)]
pub struct Growth {
    dirs: BTreeMap<BrokerId, BTreeMap<String, DirGrowth>>,
}

impl Growth {
    /// Takes in what a broker told of its log directories; true when how fast one grows is news.
    pub fn learn(&mut self, broker: BrokerId, at: DateTime<Utc>, dirs: &[LogDir]) -> bool {
        let known = self.dirs.entry(broker).or_default();
        known.retain(|path, _| dirs.iter().any(|dir| dir.path == *path));
        let mut news = false;
        // What an offline directory has is not told.
        for dir in dirs.iter().filter(|dir| dir.error.is_none()) {
            news |= known.entry(dir.path.clone()).or_default().learn(at, dir);
        }
        news
    }

    /// One log directory.
    pub fn dir(&self, broker: BrokerId, path: &str) -> Option<&DirGrowth> {
        self.dirs.get(&broker)?.get(path)
    }

    /// Topics that grow most in those directories of a broker that lie under a path, the fastest first.
    pub fn topics(&self, broker: BrokerId, under: &str) -> Vec<TopicGrowth> {
        let dirs = self.dirs.get(&broker).into_iter().flatten().filter(|(path, _)| path.starts_with(under));
        let mut rates: BTreeMap<&str, i64> = BTreeMap::new();
        for topic in dirs.flat_map(|(_, dir)| &dir.topics) {
            *rates.entry(&topic.topic).or_default() += topic.bytes_per_hour;
        }
        let mut topics: Vec<TopicGrowth> = rates
            .into_iter()
            .map(|(topic, bytes_per_hour)| TopicGrowth { topic: topic.to_owned(), bytes_per_hour })
            .collect();
        topics.sort_by_key(|topic| std::cmp::Reverse(topic.bytes_per_hour));
        topics.truncate(TOPICS);
        topics
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::storage::ReplicaSize;

    const B0: BrokerId = BrokerId(0);
    const MIB: u64 = 1 << 20;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_000_000 + seconds, 0).unwrap()
    }

    fn dir(used: u64, topics: &[(&str, u64)]) -> LogDir {
        let replica =
            |(topic, bytes): &(&str, u64)| ReplicaSize { topic: (*topic).into(), partition: 0, bytes: *bytes };
        LogDir {
            path: "/data".into(),
            total_bytes: Some(1 << 30),
            usable_bytes: Some((1 << 30) - used),
            replicas: topics.iter().map(replica).collect(),
            ..LogDir::default()
        }
    }

    fn rate(samples: &[(i64, u64)]) -> Option<i64> {
        let mut grown = Grown::default();
        for (seconds, bytes) in samples {
            grown.push(at(*seconds), *bytes);
        }
        grown.per_hour()
    }

    #[test]
    fn before_half_a_minute_nothing_is_said() {
        assert_eq!(rate(&[]), None);
        assert_eq!(rate(&[(0, 100)]), None);
        assert_eq!(rate(&[(0, 100), (15, 200), (29, 300)]), None);
        assert_eq!(rate(&[(0, 0), (15, 5), (30, 30)]), Some(3600));
    }

    #[test]
    fn what_shrinks_grows_by_less_than_nothing_and_what_stands_still_by_nothing() {
        assert_eq!(rate(&[(0, 3600), (36, 0)]), Some(-360_000));
        assert_eq!(rate(&[(0, 70), (60, 70)]), Some(0));
        assert_eq!(rate(&[(0, u64::MAX), (60, u64::MAX)]), Some(0));
    }

    #[test]
    fn after_a_silence_it_begins_anew() {
        assert_eq!(rate(&[(0, 0), (60, 60), (600, 100_000)]), None);
        assert_eq!(rate(&[(0, 0), (600, 100_000), (640, 100_040)]), Some(3600));
    }

    #[test]
    fn the_rate_is_that_of_the_last_ten_minutes() {
        let sample = |n: i64| (n * 15, if n <= 200 { n * 15 } else { 3000 + (n - 200) * 15 * 11 } as u64);
        let slow_then_fast: Vec<(i64, u64)> = (0..=240).map(sample).collect();
        assert_eq!(rate(&slow_then_fast), Some(11 * 3600));
    }

    #[test]
    fn the_time_to_full_is_never_negative_and_never_endless() {
        assert_eq!(full_in_s(7200, 3600), Some(7200));
        assert_eq!(full_in_s(0, -5), Some(0), "what is full is full, whatever it does");
        assert_eq!(full_in_s(0, 0), Some(0));
        assert_eq!(full_in_s(100, 0), None);
        assert_eq!(full_in_s(100, -3600), None);
        assert_eq!(full_in_s(u64::MAX, 1), None, "no forecast reaches beyond a year");
        assert_eq!(full_in_s(1, i64::MAX), Some(0));
    }

    #[test]
    fn the_topics_that_grow_most_are_named_with_what_they_grow_by() {
        let mut growth = Growth::default();
        growth.learn(B0, at(0), &[dir(10, &[("a", 100), ("b", 100), ("gone", 900)])]);
        assert!(growth.topics(B0, "/data").is_empty(), "one sample says nothing");
        growth.learn(B0, at(15), &[dir(10, &[("a", 101), ("b", 103), ("gone", 900)])]);
        assert!(growth.topics(B0, "/data").is_empty(), "nor do fifteen seconds");
        let news = growth.learn(B0, at(36), &[dir(10, &[("a", 110), ("b", 130), ("new", 20), ("still", 0)])]);
        assert!(news);
        let topics = growth.topics(B0, "/data");
        let told: Vec<(&str, i64)> = topics.iter().map(|t| (t.topic.as_str(), t.bytes_per_hour)).collect();
        assert_eq!(told, [("b", 3000), ("new", 2000), ("a", 1000)]);
        assert!(growth.topics(B0, "/other").is_empty());
        assert!(growth.topics(BrokerId(1), "/data").is_empty());
    }

    #[test]
    fn topics_are_compared_with_five_to_ten_minutes_ago() {
        let mut growth = Growth::default();
        // One burst in the first minute, nothing for an hour after it.
        for second in (0..3600_i64).step_by(15) {
            let bytes = second.min(60) as u64 * MIB;
            growth.learn(B0, at(second), &[dir(bytes, &[("burst", bytes)])]);
            let topics = growth.topics(B0, "/data");
            assert_eq!(topics.is_empty(), !(30..=600).contains(&second), "{second}: {topics:?}");
            if second > 915 {
                assert_eq!(growth.dir(B0, "/data").and_then(|d| d.filesystem.per_hour()), Some(0), "{second}");
            }
        }
    }

    #[test]
    fn a_directory_that_failed_keeps_what_was_known_and_one_that_is_gone_does_not() {
        let mut growth = Growth::default();
        growth.learn(B0, at(0), &[dir(0, &[])]);
        growth.learn(B0, at(40), &[dir(40, &[])]);
        let failed = LogDir { path: "/data".into(), error: Some("KAFKA_STORAGE_ERROR".into()), ..LogDir::default() };
        growth.learn(B0, at(55), &[failed]);
        assert_eq!(growth.dir(B0, "/data").and_then(|d| d.filesystem.per_hour()), Some(3600));
        growth.learn(B0, at(70), &[]);
        assert!(growth.dir(B0, "/data").is_none());
    }
}
