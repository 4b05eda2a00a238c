//! The lines that are kept: bounded in number and bytes, in the order of their moments, each held against the search
//! once when it comes.
//!
//! Lines that pass stand apart from those that do not, and outlive them: whoever searches a flood for an error keeps
//! the errors. A new search looks through what is kept in slices, the newest lines first, so that no step is long.
//! It keeps what it is given; `logs` knows what lines mean.

use std::collections::VecDeque;

use chrono::{DateTime, Utc};

use super::grep::Grep;
use crate::domain::log::Level;

/// Lines that are kept at most.
pub const KEPT_LINES: usize = 20_000;
/// Bytes that are kept at most, what a line takes beside its text included.
pub const KEPT_BYTES: usize = 10 << 20;
/// Bytes that a line takes beside its text.
const LINE: usize = size_of::<Line>() + 16;
/// Bytes and lines that are looked through at once.
const SLICE: (usize, usize) = (64 << 10, 1_000);

/// The place of a line among all: its moment in nanoseconds, and which of all lines it was to come.
pub type Key = (i64, u64);

/// One line, or a notice between lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its place.
    pub key: Key,
    /// Which of the logs that are followed it is of.
    pub source: u16,
    /// When it was written, by the node's clock.
    pub at: Option<DateTime<Utc>>,
    /// Its level, or that of the stack trace it is part of.
    pub level: Option<Level>,
    /// True for our own words about the log.
    pub notice: bool,
    /// Its text.
    pub text: Box<str>,
}

/// The lines that are kept.
#[derive(Debug, Clone, Default)]
pub struct Ring {
    passing: VecDeque<Line>,
    hidden: VecDeque<Line>,
    /// Lines that the search has not come to: all are older than those of the other two.
    unread: VecDeque<Line>,
    /// Notices among those that pass.
    notices: usize,
    bytes: usize,
    let_go: u64,
    /// Before this, lines that do not pass the search are gone although older ones are kept.
    thin_until: Option<Key>,
    /// The same of searches before this one: here lines may be missing that would pass now.
    gap: Option<Key>,
}

impl Ring {
    /// Lines that pass the search, oldest first; as far as it has come.
    pub fn passing(&self) -> &VecDeque<Line> {
        &self.passing
    }

    /// How many lines pass the search, notices not counted.
    pub fn matches(&self) -> usize {
        self.passing.len() - self.notices
    }

    /// How many lines are kept, notices not counted.
    pub fn kept(&self) -> usize {
        self.matches() + self.hidden.len() + self.unread.iter().filter(|line| !line.notice).count()
    }

    /// How many lines were let go because too many came after them.
    pub fn let_go(&self) -> u64 {
        self.let_go
    }

    /// True while the search has not come to every line.
    pub fn is_scanning(&self) -> bool {
        !self.unread.is_empty()
    }

    /// Adds lines in the order of their keys, and lets the oldest go.
    pub fn add(&mut self, mut lines: Vec<Line>, grep: &Grep) {
        self.bytes += lines.iter().map(|line| line.text.len() + LINE).sum::<usize>();
        if let Some(newest) = self.unread.back().map(|line| line.key) {
            let late = lines.partition_point(|line| line.key < newest);
            let newer = lines.split_off(late);
            merge(&mut self.unread, lines);
            lines = newer;
        }
        if grep.is_empty() {
            self.notices += lines.iter().filter(|line| line.notice).count();
            merge(&mut self.passing, lines);
        } else {
            let (passing, hidden): (Vec<_>, Vec<_>) = lines.into_iter().partition(|line| passes(line, grep));
            self.notices += passing.iter().filter(|line| line.notice).count();
            merge(&mut self.passing, passing);
            merge(&mut self.hidden, hidden);
        }
        self.trim();
    }

    /// Begins a new search through all that is kept.
    pub fn search(&mut self) {
        let mut all = std::mem::take(&mut self.unread);
        let mut read = std::mem::take(&mut self.passing);
        merge(&mut read, std::mem::take(&mut self.hidden));
        all.append(&mut read);
        self.notices = 0;
        self.unread = all;
        self.gap = self.gap.max(self.thin_until.take());
    }

    /// Before this place only what earlier searches found is kept: other lines had to go meanwhile.
    pub fn gap(&self) -> Option<Key> {
        self.gap.filter(|gap| self.passing.front().is_some_and(|first| first.key < *gap))
    }

    /// Looks through a slice of what the search has not come to.
    pub fn scan(&mut self, grep: &Grep) {
        let (mut bytes, mut lines) = SLICE;
        while lines > 0
            && bytes > 0
            && let Some(line) = self.unread.pop_back()
        {
            (bytes, lines) = (bytes.saturating_sub(line.text.len()), lines - 1);
            if passes(&line, grep) {
                self.notices += usize::from(line.notice);
                self.passing.push_front(line);
            } else {
                self.hidden.push_front(line);
            }
        }
    }

    /// Lets go of what is too much: what is not searched for first.
    fn trim(&mut self) {
        while self.bytes > KEPT_BYTES || self.passing.len() + self.hidden.len() + self.unread.len() > KEPT_LINES {
            let hidden = self.unread.pop_front().or_else(|| self.hidden.pop_front());
            if let Some(line) = &hidden {
                self.thin_until = self.thin_until.max(Some(line.key));
            }
            let Some(gone) =
                hidden.or_else(|| self.passing.pop_front().inspect(|l| self.notices -= usize::from(l.notice)))
            else {
                return;
            };
            self.bytes -= gone.text.len() + LINE;
            self.let_go += u64::from(!gone.notice);
        }
    }
}

/// Notices always pass: what was lost or begun anew matters whatever is searched for.
fn passes(line: &Line, grep: &Grep) -> bool {
    line.notice || grep.passes(&line.text)
}

/// Puts lines in order among others in order.
fn merge(into: &mut VecDeque<Line>, new: impl IntoIterator<Item = Line>) {
    let mut new = new.into_iter().peekable();
    let Some(first) = new.peek() else { return };
    let at = into.partition_point(|line| line.key < first.key);
    let mut tail = into.split_off(at).into_iter().peekable();
    while let (Some(ours), Some(theirs)) = (tail.peek(), new.peek()) {
        let next = if ours.key < theirs.key { tail.next() } else { new.next() };
        into.extend(next);
    }
    into.extend(tail);
    into.extend(new);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(n: i64, text: &str) -> Line {
        Line { key: (n, n as u64), source: 0, at: None, level: None, notice: false, text: text.into() }
    }

    fn grep(text: &str) -> Grep {
        let mut grep = Grep::default();
        grep.read(text.to_owned());
        grep
    }

    fn texts(ring: &Ring) -> Vec<&str> {
        ring.passing().iter().map(|l| &*l.text).collect()
    }

    /// A search from scratch, to its end.
    fn searched(ring: &mut Ring, grep: &Grep) {
        ring.search();
        let mut slices = 0;
        while ring.is_scanning() {
            ring.scan(grep);
            slices += 1;
        }
        assert!(slices <= KEPT_LINES / SLICE.1 + KEPT_BYTES / SLICE.0 + 2);
    }

    #[test]
    fn every_line_is_kept_or_counted() {
        let mut ring = Ring::default();
        for i in 0..KEPT_LINES as i64 + 5 {
            ring.add(vec![line(i, "x")], &Grep::default());
        }
        assert_eq!((ring.kept(), ring.let_go()), (KEPT_LINES, 5));
        for i in 0..100 {
            ring.add(vec![line(1_000_000 + i, &"x".repeat(1 << 20))], &Grep::default());
        }
        assert!(ring.bytes <= KEPT_BYTES && ring.kept() as u64 + ring.let_go() == KEPT_LINES as u64 + 105);
    }

    #[test]
    fn lines_stand_in_the_order_of_their_moments_however_they_come() {
        let mut ring = Ring::default();
        ring.add(vec![line(10, "a"), line(20, "b"), line(30, "c")], &Grep::default());
        ring.add(vec![line(5, "first"), line(15, "between"), line(40, "last")], &Grep::default());
        assert_eq!(texts(&ring), ["first", "a", "between", "b", "c", "last"]);
    }

    #[test]
    fn a_search_while_lines_come_finds_what_one_from_scratch_finds() {
        let mut dice = fastrand::Rng::with_seed(7);
        let mut ring = Ring::default();
        let mut all: Vec<Line> = Vec::new();
        let mut pattern = grep("");
        for round in 0..300_i64 {
            let mut batch: Vec<Line> = Vec::new();
            for i in 0..dice.i64(1..40) {
                // Some come late.
                let at = round * 40 + i - if dice.u8(..) < 40 { dice.i64(0..2_000) } else { 0 };
                let id = all.len() as u64 + batch.len() as u64;
                let text = format!("line {}", dice.u32(..1_000));
                batch.push(Line { key: (at, id), ..line(0, &text) });
            }
            batch.sort_by_key(|l| l.key);
            all.extend(batch.iter().cloned());
            ring.add(batch, &pattern);
            if dice.u8(..) < 30 {
                pattern = grep(["7", "!7", "", "1.*2", "line 9"][dice.usize(..5)]);
                ring.search();
            }
            ring.scan(&pattern);
        }
        while ring.is_scanning() {
            ring.scan(&pattern);
        }
        all.sort_by_key(|l| l.key);
        let wanted: Vec<&str> = all.iter().filter(|l| pattern.passes(&l.text)).map(|l| &*l.text).collect();
        assert_eq!(texts(&ring), wanted);
        assert_eq!(ring.kept(), all.len());
    }

    #[test]
    fn what_is_searched_for_outlives_what_is_not_and_that_is_known() {
        let (mut ring, errors) = (Ring::default(), grep("ERROR"));
        ring.search();
        ring.add(vec![line(0, "ERROR early")], &errors);
        for i in 1..2 * KEPT_LINES as i64 {
            ring.add(vec![line(i, "noise")], &errors);
        }
        assert_eq!((texts(&ring), ring.matches()), (vec!["ERROR early"], 1));
        assert_eq!(ring.let_go(), KEPT_LINES as u64);
        assert_eq!(ring.gap(), None, "nothing that is searched for is missing");
        searched(&mut ring, &Grep::default());
        assert_eq!(ring.passing().len(), KEPT_LINES);
        let gap = ring.gap().unwrap();
        assert!(ring.passing()[0].key < gap && ring.passing()[1].key > gap);
    }

    #[test]
    fn a_search_goes_on_in_small_steps_and_begins_with_the_newest() {
        let mut ring = Ring::default();
        let lines = (0..10_000).map(|i| line(i, &i.to_string())).collect();
        ring.add(lines, &Grep::default());
        let sevens = grep("7$");
        ring.search();
        ring.scan(&sevens);
        assert!(ring.is_scanning() && ring.passing().len() <= SLICE.1);
        assert_eq!(texts(&ring).last(), Some(&"9997"));
        searched(&mut ring, &sevens);
        assert_eq!(ring.matches(), 1_000);
    }
}
