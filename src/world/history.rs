//! How groups get on over time: where logs ended when, what was committed when, and what follows from both.
//!
//! Facts come in through `KafkaWorld`, which calls this; figures are worked out for the groups that a fact touches,
//! once, so that rows can be read as often as anybody likes. Only partitions that some group has committed are kept,
//! each in a place of its own that its readers refer to, with few samples and none younger than five seconds after the
//! last. Nothing here asks for the time: all of it is as of the moment when brokers told it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::{
    group::{Commits, EndOffset, lag},
    lag::{LagTime, LagTimeSource},
    series::{Reached, Series},
    topic::TopicConfig,
};

/// Samples of a log's end: 39,000 of them stay below 15 MB.
const LOG_SAMPLES: usize = 16;

/// Samples of a group's lag and of its commits.
const GROUP_SAMPLES: usize = 24;

/// A sample is taken this long after the last one: passes come every five seconds, not to the millisecond.
const SAMPLE_EVERY: i64 = 4_500;

/// Rates are those of the last minute.
const RATE_OVER: TimeDelta = TimeDelta::seconds(60);

/// A commit that has not moved for so long does not move, in milliseconds: a sink of Kafka Connect commits every minute.
const STILL: i64 = 90_000;

/// A lag up to this may be the mark of a transaction, which is never read.
const MARK: i64 = 1;

/// Values in a trend, and how long ago the first of them was.
pub const TREND: usize = 8;
const TREND_OVER: TimeDelta = TimeDelta::seconds(120);

/// How long a topic's records are kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Expiry {
    /// Nobody has told.
    #[default]
    Unknown,
    /// No record goes for being old or one too many.
    Never,
    /// So many milliseconds, and less where they take too much room, too.
    After { ms: i64, by_size: bool },
}

impl Expiry {
    fn of(config: &TopicConfig) -> Self {
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
    fn expiry(self) -> Expiry {
        self.config.map(Expiry::of).unwrap_or_default()
    }
}

/// One partition that some group has committed.
#[derive(Debug, Default)]
struct Log {
    /// Groups that have committed it.
    readers: u32,
    /// Metadata names its topic.
    known: bool,
    expiry: Expiry,
    /// Its end, and when that was told, in milliseconds of the epoch.
    end: Option<i64>,
    told_at: i64,
    ends: Series,
}

impl Log {
    /// Takes an end in.
    fn ended(&mut self, end: i64, at: DateTime<Utc>) {
        let last = self.ends.last();
        if last.is_some_and(|(_, known)| end < known) {
            // The topic was made anew, or its end was lost: what was seen before is of another log.
            self.ends.clear();
        }
        let is_due = self.ends.last().is_none_or(|(known, _)| (at - known).num_milliseconds() >= SAMPLE_EVERY);
        if is_due {
            self.ends.push(at, end, LOG_SAMPLES);
        }
        (self.end, self.told_at) = (Some(end), at.timestamp_millis());
    }

    fn forget(&mut self) {
        self.end = None;
        self.ends.clear();
    }

    /// For how long the record at an offset has waited. None where the end is not known, or is from before the commit,
    /// or where nobody has looked long enough to say anything.
    fn lag_time(&self, offset: i64) -> Option<LagTime> {
        let source = LagTimeSource::History;
        let since = |at: DateTime<Utc>| (self.told_at - at.timestamp_millis()).max(0) / 1000;
        match self.end? {
            end if end < offset => None,
            end if end == offset => Some(LagTime { seconds: 0, at_least: false, source }),
            _ => match self.ends.reached(offset)? {
                Reached::At(at) => Some(LagTime { seconds: since(at), at_least: false, source }),
                Reached::Before(at) => Some(LagTime { seconds: since(at), at_least: true, source }).filter(is_telling),
                // It was written since the last sample.
                Reached::NotYet => {
                    self.ends.last().map(|(at, _)| LagTime { seconds: since(at), at_least: false, source })
                }
            },
        }
    }
}

/// That something is not younger than now says nothing.
fn is_telling(time: &LagTime) -> bool {
    time.seconds > 0 || !time.at_least
}

/// What one group has committed in one partition.
#[derive(Debug, Clone, Copy)]
struct Read {
    place: u32,
    offset: i64,
    /// The largest offset that it had committed.
    peak: i64,
    /// When the offset was first seen, in milliseconds of the epoch.
    since: i64,
}

/// How one group gets on.
#[derive(Debug, Default)]
struct Progress {
    reads: Vec<Read>,
    topics: Vec<String>,
    /// All that it has committed, added up.
    committed: Series,
    lag: Series,
    commits_at: i64,
    /// The lag is sampled since commits were told last.
    sampled: bool,
    had_members: bool,
    figures: Figures,
}

/// A share of the retention.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Used {
    /// In percent; 100 is all of it, or more.
    pub percent: u8,
    /// It may be more.
    pub at_least: bool,
}

/// What follows for one group, as of when brokers told it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Figures {
    /// Records it has yet to read, where some end is known.
    pub lag: Option<i64>,
    /// Some end is not known.
    pub lag_incomplete: bool,
    /// Time that its oldest unread record has waited, of the partitions where that is known.
    pub lag_time: Option<LagTime>,
    /// Records a second that are written to what it reads.
    pub rate_in: Option<f64>,
    /// Records a second that it commits.
    pub rate_out: Option<f64>,
    /// Its lag during the last two minutes.
    pub trend: [Option<i64>; TREND],
    /// How much of the retention its oldest unread record has used up.
    pub retention: Option<Used>,
    /// Some commit went back and has not come up again.
    pub rewound: bool,
    /// Partitions whose records wait and whose commit does not move.
    pub stuck: usize,
    /// Some commit moves.
    pub moves: bool,
    /// It had members since we look.
    pub had_members: bool,
}

/// The history of one installation's groups.
#[derive(Debug, Default)]
pub struct History {
    places: BTreeMap<String, BTreeMap<i32, u32>>,
    logs: Vec<Log>,
    free: Vec<u32>,
    groups: BTreeMap<String, Progress>,
}

impl History {
    /// What is known of one group; `None` before it was told what it has committed.
    pub fn figures(&self, group: &str) -> Option<&Figures> {
        self.groups.get(group).map(|progress| &progress.figures)
    }

    /// Topics that a group has committed, by name.
    pub fn topics(&self, group: &str) -> &[String] {
        self.groups.get(group).map_or(&[], |progress| &progress.topics)
    }

    /// For how long the record at an offset has waited.
    pub fn lag_time(&self, topic: &str, partition: i32, offset: i64) -> Option<LagTime> {
        self.log(topic, partition)?.lag_time(offset)
    }

    fn log(&self, topic: &str, partition: i32) -> Option<&Log> {
        self.logs.get(*self.places.get(topic)?.get(&partition)? as usize)
    }

    /// Takes in what a group has committed.
    pub fn committed<'a>(&mut self, commits: &Commits, at: DateTime<Utc>, topic: impl Fn(&str) -> About<'a>) -> bool {
        let mut progress = self.groups.remove(&commits.group).unwrap_or_default();
        let before = std::mem::take(&mut progress.figures);
        if !progress.sampled && progress.commits_at > 0 {
            // Some leader was silent in the last pass: what the others told is still the best that is known of it.
            progress.sample(&before, at);
        }
        if self.is_same(&progress, commits) {
            for (read, commit) in progress.reads.iter_mut().zip(&commits.commits) {
                let end = self.logs.get(read.place as usize).and_then(|log| log.end);
                if read.move_to(commit.offset, end, at) {
                    progress.committed.clear();
                }
            }
        } else {
            self.rearrange(&mut progress, commits, at, topic);
        }
        let sum = progress.reads.iter().map(|read| read.offset).fold(0, i64::saturating_add);
        if !progress.reads.is_empty() && is_due(&progress.committed, at) {
            progress.committed.push(at, sum, GROUP_SAMPLES);
        }
        progress.commits_at = at.timestamp_millis();
        progress.sampled = false;
        progress.figures = progress.work_out(&self.logs, at);
        let changed = progress.figures != before;
        self.groups.insert(commits.group.clone(), progress);
        changed
    }

    /// True when commits are of the same partitions as before, in the same order.
    fn is_same(&self, progress: &Progress, commits: &Commits) -> bool {
        let mut last: Option<(&str, &BTreeMap<i32, u32>)> = None;
        progress.reads.len() == commits.commits.len()
            && progress.reads.iter().zip(&commits.commits).all(|(read, commit)| {
                let known = last.filter(|(topic, _)| *topic == commit.topic);
                last = known.or_else(|| self.places.get(&commit.topic).map(|places| (commit.topic.as_str(), places)));
                last.is_some_and(|(_, places)| places.get(&commit.partition) == Some(&read.place))
            })
    }

    /// Gives a group places for what it has committed by now, and back those that it has no more.
    fn rearrange<'a>(
        &mut self,
        progress: &mut Progress,
        commits: &Commits,
        at: DateTime<Utc>,
        topic: impl Fn(&str) -> About<'a>,
    ) {
        let mut before: HashMap<u32, Read> = progress.reads.drain(..).map(|read| (read.place, read)).collect();
        let mut reads = BTreeMap::new();
        for (order, commit) in commits.commits.iter().enumerate() {
            let place = self.place(&commit.topic, commit.partition, &topic, at);
            let end = self.logs.get(place as usize).and_then(|log| log.end);
            let mut read = before.remove(&place).unwrap_or_else(|| {
                if let Some(log) = self.logs.get_mut(place as usize) {
                    log.readers += 1;
                }
                Read { place, offset: commit.offset, peak: commit.offset, since: at.timestamp_millis() }
            });
            read.move_to(commit.offset, end, at);
            reads.insert(order, read);
        }
        progress.reads = reads.into_values().collect();
        let topics: BTreeSet<&str> = commits.commits.iter().map(|commit| commit.topic.as_str()).collect();
        progress.topics = topics.into_iter().map(str::to_owned).collect();
        // Sums of other partitions are not to be compared with those before.
        progress.committed.clear();
        progress.lag.clear();
        self.release(before.into_values());
    }

    /// The place of a partition, a new one where it has none.
    fn place<'a>(&mut self, topic: &str, partition: i32, told: impl Fn(&str) -> About<'a>, at: DateTime<Utc>) -> u32 {
        if let Some(place) = self.places.get(topic).and_then(|places| places.get(&partition)) {
            return *place;
        }
        let about = told(topic);
        let mut log = Log { known: about.known, expiry: about.expiry(), ..Log::default() };
        if let Some(end) = about.ends.and_then(|ends| ends.get(&partition)) {
            log.ended(*end, at);
        }
        let place = self.free.pop().unwrap_or_else(|| {
            self.logs.push(Log::default());
            u32::try_from(self.logs.len() - 1).unwrap_or(u32::MAX)
        });
        if let Some(free) = self.logs.get_mut(place as usize) {
            *free = log;
        }
        self.places.entry(topic.to_owned()).or_default().insert(partition, place);
        place
    }

    fn release(&mut self, reads: impl Iterator<Item = Read>) {
        let mut gone = BTreeSet::new();
        for read in reads {
            let Some(log) = self.logs.get_mut(read.place as usize) else { continue };
            log.readers = log.readers.saturating_sub(1);
            if log.readers == 0 {
                *log = Log::default();
                gone.insert(read.place);
            }
        }
        if gone.is_empty() {
            return;
        }
        self.places.retain(|_, places| {
            places.retain(|_, place| !gone.contains(place));
            !places.is_empty()
        });
        self.free.extend(gone);
    }

    /// Takes in where logs end; true when some group's figures are others now.
    pub fn ended(&mut self, ends: &[EndOffset], at: DateTime<Utc>) -> bool {
        let Self { places, logs, groups, .. } = self;
        let mut last: Option<(&str, &BTreeMap<i32, u32>)> = None;
        let mut touched = false;
        for end in ends {
            let known = last.filter(|(topic, _)| *topic == end.topic);
            last = known.or_else(|| places.get(&end.topic).map(|places| (end.topic.as_str(), places)));
            let place = last.and_then(|(_, places)| places.get(&end.partition));
            if let Some(log) = place.and_then(|place| logs.get_mut(*place as usize)) {
                log.ended(end.offset, at);
                touched = true;
            }
        }
        let told_at = at.timestamp_millis();
        let is_told = |read: &Read| logs.get(read.place as usize).is_some_and(|log| log.told_at == told_at);
        touched && work_out(groups, logs, at, |progress| progress.reads.iter().any(is_told))
    }

    /// Metadata names other topics, or configs were told.
    pub fn told<'a>(&mut self, at: DateTime<Utc>, topic: impl Fn(&str) -> About<'a>) -> bool {
        let Self { places, logs, groups, .. } = self;
        let mut touched = false;
        for (name, places) in places {
            let about = topic(name);
            let (known, expiry) = (about.known, about.expiry());
            for place in places.values() {
                let Some(log) = logs.get_mut(*place as usize) else { continue };
                touched |= log.known != known || log.expiry != expiry;
                if log.known && !known {
                    log.forget();
                }
                (log.known, log.expiry) = (known, expiry);
            }
        }
        touched && work_out(groups, logs, at, |_| true)
    }

    /// A group has members.
    pub fn has_members(&mut self, group: &str) {
        if let Some(progress) = self.groups.get_mut(group) {
            progress.had_members = true;
            progress.figures.had_members = true;
        }
    }

    /// Forgets the groups that are gone.
    pub fn keep(&mut self, stays: impl Fn(&str) -> bool) {
        let mut gone = Vec::new();
        self.groups.retain(|id, progress| {
            let stays = stays(id);
            if !stays {
                gone.append(&mut progress.reads);
            }
            stays
        });
        self.release(gone.into_iter());
    }
}

fn is_due(series: &Series, at: DateTime<Utc>) -> bool {
    series.last().is_none_or(|(last, _)| (at - last).num_milliseconds() >= SAMPLE_EVERY)
}

/// Works out the figures of some groups anew; true when any are others now.
fn work_out(
    groups: &mut BTreeMap<String, Progress>,
    logs: &[Log],
    at: DateTime<Utc>,
    which: impl Fn(&Progress) -> bool,
) -> bool {
    let mut changed = false;
    for progress in groups.values_mut().filter(|progress| which(progress)) {
        let mut next = progress.work_out(logs, at);
        let is_told = |read: &Read| logs.get(read.place as usize).is_some_and(|l| l.told_at >= progress.commits_at);
        if !progress.sampled && progress.reads.iter().all(is_told) {
            progress.sample(&next, at);
            next.trend = progress.trend(at);
        }
        changed |= progress.figures != next;
        progress.figures = next;
    }
    changed
}

impl Read {
    /// Takes in a commit; true when it went back.
    fn move_to(&mut self, offset: i64, end: Option<i64>, at: DateTime<Utc>) -> bool {
        let back = offset < self.offset;
        if offset != self.offset {
            self.since = at.timestamp_millis();
        }
        self.offset = offset;
        // Where the log ends before what was committed it is another log.
        let peak = if end.is_some_and(|end| end < self.peak) { offset } else { self.peak };
        self.peak = peak.max(offset);
        back
    }
}

impl Progress {
    fn sample(&mut self, figures: &Figures, at: DateTime<Utc>) {
        self.sampled = true;
        // A sum over fewer partitions is no lower lag.
        if let Some(lag) = figures.lag.filter(|_| !figures.lag_incomplete)
            && is_due(&self.lag, at)
        {
            self.lag.push(at, lag, GROUP_SAMPLES);
        }
    }

    fn trend(&self, at: DateTime<Utc>) -> [Option<i64>; TREND] {
        let mut trend = [None; TREND];
        for (place, value) in trend.iter_mut().zip(self.lag.spread(TREND, TREND_OVER, at)) {
            *place = value;
        }
        trend
    }

    /// All that follows, as of a moment.
    fn work_out(&self, logs: &[Log], at: DateTime<Utc>) -> Figures {
        let mut sum = Sum::default();
        for read in &self.reads {
            if let Some(log) = logs.get(read.place as usize) {
                sum.add(read, log, self.commits_at);
            }
        }
        let rate_out = self.committed.rate(RATE_OVER).filter(|rate| *rate >= 0.0);
        Figures {
            lag: sum.known.then_some(sum.lag),
            lag_incomplete: sum.incomplete,
            lag_time: sum.lag_time(),
            rate_in: sum.rate_in.filter(|_| sum.known && !sum.rate_unknown),
            rate_out,
            trend: self.trend(at),
            retention: sum.retention(),
            rewound: sum.rewound,
            stuck: sum.stuck,
            moves: sum.moves,
            had_members: self.had_members,
        }
    }
}

/// A group that has committed nothing of what there is is behind nothing.
const NOTHING: LagTime = LagTime { seconds: 0, at_least: false, source: LagTimeSource::History };

/// What the partitions of a group come to.
#[derive(Default)]
struct Sum {
    lag: i64,
    known: bool,
    incomplete: bool,
    worst: Option<LagTime>,
    time_incomplete: bool,
    rate_in: Option<f64>,
    rate_unknown: bool,
    used: Option<u8>,
    used_incomplete: bool,
    used_unknown: bool,
    rewound: bool,
    stuck: usize,
    moves: bool,
}

impl Sum {
    fn add(&mut self, read: &Read, log: &Log, now: i64) {
        let Some(end) = log.end else {
            // A deleted topic has no end and no lag; a known topic's missing end is one that has not been told.
            self.incomplete |= log.known;
            self.time_incomplete |= log.known;
            return;
        };
        let unread = lag(read.offset, end);
        self.known = true;
        self.lag = self.lag.saturating_add(unread);
        self.rewound |= read.offset < read.peak && read.peak <= end;
        match log.ends.rate(RATE_OVER) {
            Some(rate) => *self.rate_in.get_or_insert(0.0) += rate.max(0.0),
            None => self.rate_unknown = true,
        }
        let time = log.lag_time(read.offset);
        match time {
            Some(time) => {
                self.time_incomplete |= time.at_least;
                if self.worst.is_none_or(|worst| worst.seconds < time.seconds) {
                    self.worst = Some(time);
                }
            }
            None => self.time_incomplete = true,
        }
        let still = now - read.since >= STILL;
        self.moves |= !still;
        if unread > MARK && still && time.is_some_and(|time| time.seconds >= STILL / 1000) {
            self.stuck += 1;
        }
        if unread > 0 {
            self.expire(log.expiry, time);
        }
    }

    fn expire(&mut self, expiry: Expiry, time: Option<LagTime>) {
        match (expiry, time) {
            (Expiry::Never, _) => {}
            (Expiry::After { ms, by_size }, Some(time)) => {
                let percent = time.seconds.saturating_mul(100_000) / ms.max(1);
                let percent = u8::try_from(percent.min(100)).unwrap_or(100);
                self.used = Some(self.used.unwrap_or(0).max(percent));
                self.used_incomplete |= time.at_least || by_size;
            }
            _ => self.used_unknown = true,
        }
    }

    fn lag_time(&self) -> Option<LagTime> {
        let nothing = (!self.time_incomplete).then_some(NOTHING);
        let worst = self.worst.map(|worst| LagTime { at_least: self.time_incomplete, ..worst });
        worst.or(nothing).filter(is_telling)
    }

    fn retention(&self) -> Option<Used> {
        match self.used {
            Some(percent) => {
                Some(Used { percent, at_least: self.used_incomplete || self.used_unknown || self.incomplete })
            }
            // Nothing that can expire is unread.
            None => (!self.used_unknown && !self.incomplete).then_some(Used { percent: 0, at_least: false }),
        }
    }
}

#[cfg(test)]
mod tests;
