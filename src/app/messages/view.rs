//! The message view: what is read, a bounded ring of records, which of them pass the filter, and where one looks.
//!
//! A record is held against the filter once, when it comes or when the filter changes. Values and arithmetic; `place`
//! is what keys do with it.

use std::collections::{BTreeMap, VecDeque};

use chrono::{DateTime, Utc};

use super::{body::Form, filter::RecordFilter};
use crate::domain::{
    freshness::SourceFailure,
    record::{Query, ReadEvent, Record, Start},
};

/// Records that are kept; older ones are counted and let go.
pub const KEPT: usize = 5_000;
/// Bytes that are kept, whatever the number of records.
const KEPT_BYTES: usize = 16 << 20;
/// Bytes of each key, value and header that are kept.
pub const KEPT_BODY: usize = 64 << 10;
/// Seconds over which the rate is told.
const RATE_OVER: i64 = 5;
/// Records before the end that are shown of each partition when the view opens.
const FIRST_LOOK: i64 = 20;
/// Levels of JSON that are laid out at most.
const DEEPEST: usize = 32;

/// The message view.
#[derive(Debug, Clone)]
pub struct MessageView {
    /// The topic.
    pub topic: String,
    /// Where reading began.
    pub start: Start,
    /// The same as it was typed.
    pub start_text: String,
    /// The partition that is read; none is all of them.
    pub partition: Option<i32>,
    /// How bodies are shown.
    pub form: Form,
    /// Levels of JSON that a record's page lays out; deeper ones are folded.
    pub depth: usize,
    /// What is kept, oldest first.
    pub records: VecDeque<Record>,
    /// Records that were let go because too many are kept already.
    pub forgotten: u64,
    /// Records that came faster than they could be taken.
    pub dropped: u64,
    /// Partitions that are read, each with its next offset once it is at its end.
    pub positions: BTreeMap<i32, Position>,
    /// What is in the way of all of it.
    pub trouble: Option<SourceFailure>,
    /// What is in the way of single partitions.
    pub partition_trouble: BTreeMap<i32, SourceFailure>,
    /// Nothing more comes; why, if something is wrong.
    pub over: Option<Option<SourceFailure>>,
    /// No way leads in to read records, and why.
    pub closed: Option<String>,
    /// The record under the cursor, by its number; none follows the newest.
    pub at: Option<u64>,
    /// The record that is open.
    pub opened: Option<Box<Record>>,
    filter: RecordFilter,
    /// Numbers of the kept records that pass the filter; the oldest kept record has the number `forgotten`.
    passing: VecDeque<u64>,
    bytes: usize,
    /// Records of each of the last seconds.
    arrivals: VecDeque<(i64, u64)>,
}

/// How far a partition is read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Position {
    /// The offset that comes next; none before anything came.
    pub next: Option<i64>,
    /// It is at its end.
    pub at_end: bool,
}

impl Default for MessageView {
    fn default() -> Self {
        Self::of("")
    }
}

impl MessageView {
    /// A view of a topic's newest records and of those that come.
    pub fn of(topic: &str) -> Self {
        Self {
            topic: topic.to_owned(),
            start: Start::Last(FIRST_LOOK),
            start_text: format!("-{FIRST_LOOK}"),
            partition: None,
            form: Form::default(),
            depth: DEEPEST,
            records: VecDeque::new(),
            forgotten: 0,
            dropped: 0,
            positions: BTreeMap::new(),
            trouble: None,
            partition_trouble: BTreeMap::new(),
            over: None,
            closed: None,
            at: None,
            opened: None,
            filter: RecordFilter::default(),
            passing: VecDeque::new(),
            bytes: 0,
            arrivals: VecDeque::new(),
        }
    }

    /// The same view of nothing yet, to be read anew.
    #[must_use]
    pub fn anew(&self) -> Self {
        Self {
            start: self.start,
            start_text: self.start_text.clone(),
            partition: self.partition,
            form: self.form,
            depth: self.depth,
            filter: self.filter.clone(),
            ..Self::of(&self.topic)
        }
    }

    /// What is to be read.
    pub fn query(&self) -> Query {
        Query {
            partitions: self.partition.into_iter().collect(),
            keep: KEPT_BODY,
            ..Query::of(&self.topic, self.start)
        }
    }

    /// Takes what reading tells.
    pub fn take(&mut self, event: ReadEvent, now: DateTime<Utc>) {
        match event {
            ReadEvent::Began(partitions) => {
                self.positions = partitions.into_iter().map(|p| (p, Position::default())).collect();
            }
            ReadEvent::Record(record) => {
                self.partition_trouble.remove(&record.partition);
                let position = self.positions.entry(record.partition).or_default();
                position.next = Some(record.offset + 1);
                position.at_end = false;
                self.count(now);
                self.push(record);
            }
            ReadEvent::End { partition, next } => {
                self.positions.insert(partition, Position { next: Some(next), at_end: true });
            }
            ReadEvent::Clear => self.trouble = None,
            ReadEvent::Trouble(None, why) => self.trouble = Some(why),
            ReadEvent::Trouble(Some(partition), why) => drop(self.partition_trouble.insert(partition, why)),
            ReadEvent::Over(why) => self.over = Some(why),
        }
    }

    fn count(&mut self, now: DateTime<Utc>) {
        let second = now.timestamp();
        match self.arrivals.back_mut() {
            Some((last, count)) if *last == second => *count += 1,
            _ => self.arrivals.push_back((second, 1)),
        }
        while self.arrivals.front().is_some_and(|(first, _)| second - first > RATE_OVER) {
            self.arrivals.pop_front();
        }
    }

    /// Records a second, over the last five that are complete.
    pub fn rate(&self, now: DateTime<Utc>) -> f64 {
        let second = now.timestamp();
        let complete = self.arrivals.iter().filter(|(at, _)| *at < second && second - at <= RATE_OVER);
        complete.map(|(_, count)| *count as f64).sum::<f64>() / RATE_OVER as f64
    }

    /// Adds a record, and lets the oldest go.
    fn push(&mut self, record: Record) {
        self.bytes += record.kept();
        if self.filter.passes(&record) {
            self.passing.push_back(self.forgotten + self.records.len() as u64);
        }
        self.records.push_back(record);
        while self.records.len() > KEPT || (self.bytes > KEPT_BYTES && self.records.len() > 1) {
            if let Some(gone) = self.records.pop_front() {
                self.bytes -= gone.kept();
                if self.passing.front() == Some(&self.forgotten) {
                    self.passing.pop_front();
                }
                self.forgotten += 1;
            }
        }
        // What was looked at may have gone: then the oldest that is left is.
        if let (Some(at), Some(first)) = (self.at, self.passing.front()) {
            self.at = Some(at.max(*first));
        }
    }

    /// What records are filtered by.
    pub fn filter(&self) -> &RecordFilter {
        &self.filter
    }

    /// Filters by something else from now on.
    pub fn set_filter(&mut self, text: &str) {
        self.filter = RecordFilter::parse(text);
        let numbered = (self.forgotten..).zip(&self.records);
        self.passing = numbered.filter(|(_, record)| self.filter.passes(record)).map(|(number, _)| number).collect();
        if let Some(at) = self.at {
            // The nearest that still passes; none of them follows.
            let near = self.passing.partition_point(|number| *number < at);
            self.at = self.passing.get(near).or_else(|| self.passing.back()).copied();
        }
    }

    /// How many records pass the filter.
    pub fn passing(&self) -> usize {
        self.passing.len()
    }

    /// Records that pass the filter, from the newest back, with their numbers.
    pub fn newest_first(&self) -> impl Iterator<Item = (u64, &Record)> {
        self.passing.iter().rev().map(|number| (*number, &self.records[(number - self.forgotten) as usize]))
    }

    /// How many records that pass are newer than the one under the cursor.
    pub fn newer(&self) -> usize {
        self.at.map_or(0, |at| self.passing.len() - self.passing.partition_point(|number| *number <= at))
    }

    /// The record under the cursor: the newest, while it follows.
    pub fn selected(&self) -> Option<&Record> {
        let number = self.at.or_else(|| self.passing.back().copied())?;
        self.records.get(usize::try_from(number.checked_sub(self.forgotten)?).ok()?)
    }

    /// Moves the cursor towards older records (negative) or newer ones; beyond the newest it follows.
    pub fn scroll(&mut self, by: i32) {
        let count = self.passing.len();
        if count == 0 {
            return;
        }
        let here = i64::try_from(count - 1 - self.newer().min(count - 1)).unwrap_or(0);
        let to = here + i64::from(by);
        self.at = match usize::try_from(to.max(0)) {
            Ok(to) if to + 1 < count => self.passing.get(to).copied(),
            _ => None,
        };
    }

    /// Opens the record under the cursor, which stays there.
    pub fn open(&mut self) -> bool {
        self.opened = self.selected().cloned().map(Box::new);
        self.at = self.at.or_else(|| self.passing.back().copied());
        self.opened.is_some()
    }

    /// Folds JSON one level more, and unfolds it from one.
    pub fn fold(&mut self) {
        self.depth = match self.depth {
            DEEPEST => 1,
            3.. => DEEPEST,
            n => n + 1,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{freshness::FailureKind, record::Body};

    fn record(offset: i64, value: &str) -> Record {
        let value = Some(Body::of(value.as_bytes(), KEPT_BODY));
        Record { partition: 0, offset, at: None, key: None, value, headers: Vec::new() }
    }

    fn view(count: i64) -> MessageView {
        let mut view = MessageView::of("orders");
        for offset in 0..count {
            view.take(
                ReadEvent::Record(record(offset, if offset % 2 == 0 { "even" } else { "odd" })),
                DateTime::UNIX_EPOCH,
            );
        }
        view
    }

    fn offsets(view: &MessageView) -> Vec<i64> {
        view.newest_first().map(|(_, r)| r.offset).collect()
    }

    #[test]
    fn old_records_are_let_go_and_counted() {
        let view = view(KEPT as i64 + 7);
        assert_eq!((view.records.len(), view.forgotten), (KEPT, 7));
        let mut large = MessageView::of("t");
        for offset in 0..2_000 {
            large.take(ReadEvent::Record(record(offset, &"x".repeat(KEPT_BODY))), DateTime::UNIX_EPOCH);
        }
        assert!(large.bytes <= KEPT_BYTES && large.forgotten > 0);
    }

    #[test]
    fn the_cursor_stays_on_its_record_while_others_come_and_follows_beyond_the_newest() {
        let mut view = view(10);
        assert_eq!(view.selected().unwrap().offset, 9);
        view.scroll(-3);
        assert_eq!(view.selected().unwrap().offset, 6);
        view.take(ReadEvent::Record(record(10, "new")), DateTime::UNIX_EPOCH);
        assert_eq!((view.selected().unwrap().offset, view.newer()), (6, 4));
        view.scroll(i32::MAX / 2);
        assert_eq!((view.at, view.selected().unwrap().offset), (None, 10));
        view.scroll(i32::MIN / 2);
        assert_eq!(view.selected().unwrap().offset, 0);
    }

    #[test]
    fn a_filter_hides_what_does_not_pass_and_keeps_the_cursor_near() {
        let mut view = view(10);
        view.scroll(-4);
        view.set_filter("even");
        assert_eq!(offsets(&view), [8, 6, 4, 2, 0]);
        assert_eq!(view.selected().unwrap().offset, 6, "5 was odd");
        view.set_filter("nothing");
        assert_eq!((view.passing(), view.at), (0, None));
        view.set_filter("");
        assert_eq!(view.passing(), 10);
    }

    #[test]
    fn troubles_go_when_it_is_said_and_a_partitions_when_its_records_come() {
        let mut view = MessageView::of("orders");
        let why = SourceFailure { kind: FailureKind::Unreachable, what: "no".into(), hint: None };
        view.take(ReadEvent::Began(vec![0, 1]), DateTime::UNIX_EPOCH);
        view.take(ReadEvent::Trouble(None, why.clone()), DateTime::UNIX_EPOCH);
        view.take(ReadEvent::Trouble(Some(1), why), DateTime::UNIX_EPOCH);
        view.take(ReadEvent::End { partition: 0, next: 5 }, DateTime::UNIX_EPOCH);
        assert!(view.trouble.is_some(), "another broker is not reached all the same");
        view.take(ReadEvent::Clear, DateTime::UNIX_EPOCH);
        assert_eq!(view.trouble, None);
        assert_eq!(view.positions[&0], Position { next: Some(5), at_end: true });
        assert_eq!(view.partition_trouble.len(), 1, "the other one is not read all the same");
    }

    #[test]
    fn the_rate_is_of_whole_seconds() {
        let mut view = MessageView::of("orders");
        let at = |second: i64| DateTime::from_timestamp(second, 0).unwrap();
        for second in 0..5 {
            for n in 0..10 {
                view.take(ReadEvent::Record(record(n, "")), at(second));
            }
        }
        assert!((view.rate(at(5)) - 10.0).abs() < 0.01);
        assert!(view.rate(at(60)) < 0.01);
    }
}
