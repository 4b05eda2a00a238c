//! How groups get on over time: where logs ended when, what was committed when, and what follows from both.
//!
//! Facts come in through `KafkaWorld`, which calls this; figures are worked out for the groups that a fact touches,
//! once, so that rows can be read as often as anybody likes. Only partitions that some group has committed are kept,
//! each in a place of its own that its readers refer to, with few samples and none younger than five seconds after the
//! last. Nothing here asks for the time: all of it is as of the moment when brokers told it.

mod log;
mod sum;
#[cfg(test)]
mod tests;

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, HashMap},
};

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::{
    group::{Commits, EndOffset, lag},
    lag::{LagTime, LagTimeSource, RecordTime, Unread, written_at},
    series::Series,
};

pub use self::log::About;
use self::{
    log::{Log, SAMPLE_EVERY},
    sum::Sum,
};

/// Samples of a group's lag and of its commits.
const GROUP_SAMPLES: usize = 24;

/// Rates are those of the last minute.
const RATE_OVER: TimeDelta = TimeDelta::seconds(60);

/// Partitions whose records' times are asked for in one pass; so many of each group before any group's others.
const ASKED: usize = 64;
const ASKED_OF_ONE: usize = 2;

/// Passes are this long, in milliseconds; what was asked is not asked again for so long, and longer where it was refused.
const PASS: i64 = 5_000;
const AGAIN: i64 = 60_000;
const REFUSED_AGAIN: i64 = 600_000;

/// How long an answer is waited for by whoever looks once, in milliseconds.
const AWAITED: i64 = 1_500;

/// Values in a trend, and how long ago the first of them was.
pub const TREND: usize = 8;
const TREND_OVER: TimeDelta = TimeDelta::seconds(120);

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
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own, and they go together as they like")]
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
    /// Ends were told since records were asked for last.
    unasked: bool,
    /// Places whose record's time was asked for.
    asked: BTreeMap<u32, Asked>,
}

/// A record's time that was asked for.
#[derive(Debug, Clone, Copy)]
struct Asked {
    offset: i64,
    at: i64,
    /// `None` before there is an answer; false where it has no time.
    answer: Option<bool>,
}

impl Asked {
    /// True where an offset of the same partition is not to be asked for yet.
    fn holds(&self, offset: i64, now: i64) -> bool {
        let wait = match self.answer {
            Some(false) => REFUSED_AGAIN,
            // What is known of a record says nothing of those before it, which another group may be at.
            Some(true) if offset < self.offset => PASS,
            _ => AGAIN,
        };
        now - self.at < wait
    }
}

impl History {
    /// Records whose time is to be asked for: of the groups that are behind for nobody knows how long the partitions that
    /// are most.
    pub fn ask(&mut self, now: DateTime<Utc>) -> Vec<Unread> {
        if !std::mem::take(&mut self.unasked) {
            return Vec::new();
        }
        let now = now.timestamp_millis();
        let room = ASKED.saturating_sub(self.asked.values().filter(|asked| now - asked.at < PASS).count());
        let mut open: Vec<(usize, Reverse<i64>, u32, i64)> = Vec::new();
        for progress in self.groups.values() {
            let is_clear = progress.figures.lag_time.is_some_and(|t| !t.at_least && t.source == LagTimeSource::History);
            if progress.figures.lag.is_some_and(|lag| lag > 0) && !is_clear {
                let of_one = progress.open(&self.logs, &self.asked, now).into_iter().enumerate();
                open.extend(of_one.map(|(nth, (lag, place, at))| (nth / ASKED_OF_ONE, Reverse(lag), place, at)));
            }
        }
        open.sort_unstable();
        let mut seen = BTreeSet::new();
        let open = open.into_iter().filter(|(_, _, place, _)| seen.insert(*place)).take(room);
        let wanted: BTreeMap<u32, i64> = open.map(|(_, _, place, offset)| (place, offset)).collect();
        for (place, offset) in &wanted {
            self.asked.insert(*place, Asked { offset: *offset, at: now, answer: None });
        }
        self.named(&wanted)
    }

    /// Offsets of places with the names of their partitions.
    fn named(&self, wanted: &BTreeMap<u32, i64>) -> Vec<Unread> {
        if wanted.is_empty() {
            return Vec::new();
        }
        let all = self.places.iter().flat_map(|(topic, places)| places.iter().map(move |(p, place)| (topic, p, place)));
        all.filter_map(|(topic, partition, place)| {
            let offset = *wanted.get(place)?;
            Some(Unread { topic: topic.clone(), partition: *partition, offset })
        })
        .collect()
    }

    /// Takes in when records were written; true when some group's figures are others now.
    pub fn written(&mut self, times: &[RecordTime], at: DateTime<Utc>) -> bool {
        let mut touched = BTreeSet::new();
        for time in times {
            let place = self.places.get(&time.of.topic).and_then(|places| places.get(&time.of.partition));
            let Some(place) = place.copied() else { continue };
            let believed = written_at(time.timestamp, at).is_some();
            if let Some(asked) = self.asked.get_mut(&place).filter(|asked| asked.offset == time.of.offset) {
                asked.answer = Some(believed);
            }
            if let Some(log) = self.logs.get_mut(place as usize) {
                log.written(time, at);
                touched.insert(place);
            }
        }
        let Self { logs, groups, .. } = self;
        work_out(groups, logs, at, |progress| progress.reads.iter().any(|read| touched.contains(&read.place)))
    }

    /// True while answers of records' times are on their way.
    pub fn awaits_records(&self, now: DateTime<Utc>) -> bool {
        let now = now.timestamp_millis();
        self.asked.values().any(|asked| asked.answer.is_none() && now - asked.at < AWAITED)
    }

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
                self.asked.remove(&read.place);
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
        let Self { places, logs, groups, unasked, .. } = self;
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
        *unasked |= touched;
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

    /// The partitions that are most behind of those of which nobody can say for how long: lag, place and offset.
    fn open(&self, logs: &[Log], asked: &BTreeMap<u32, Asked>, now: i64) -> Vec<(i64, u32, i64)> {
        let is_open = |read: &Read| {
            let log = logs.get(read.place as usize)?;
            let unread = lag(read.offset, log.end?);
            let before = log.ends.first().is_some_and(|(_, first)| read.offset < first);
            let is_clear = log.recorded(read.offset).is_some_and(|(_, near)| near);
            let is_asked = asked.get(&read.place).is_some_and(|asked| asked.holds(read.offset, now));
            (unread > 0 && before && !is_clear && !is_asked).then_some((unread, read.place, read.offset))
        };
        let mut open: Vec<(i64, u32, i64)> = self.reads.iter().filter_map(is_open).collect();
        open.sort_unstable_by(|a, b| b.cmp(a));
        open.truncate(ASKED);
        open
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
