//! The log view: a bounded ring of lines and how it is looked at.

use std::collections::VecDeque;

use chrono::{DateTime, Utc};

use crate::domain::ids::ObjectKey;

/// Lines that are kept; older ones are counted and let go.
const KEPT_LINES: usize = 10_000;
/// Bytes that are kept, whatever the number of lines.
const KEPT_BYTES: usize = 8 << 20;

/// A container whose log is followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogTarget {
    /// Its pod.
    pub pod: ObjectKey,
    /// The container.
    pub container: String,
}

/// One line, or a notice between lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// The pod it came from.
    pub pod: String,
    /// When it was written, by the node's clock.
    pub at: Option<DateTime<Utc>>,
    /// Its text.
    pub text: String,
    /// True for our own words about the stream.
    pub notice: bool,
}

/// The log view.
#[derive(Debug, Clone, Default)]
pub struct LogView {
    /// What is followed.
    pub targets: Vec<LogTarget>,
    /// The lines that are kept, oldest first.
    pub lines: VecDeque<LogLine>,
    /// Lines that were let go because too many are kept already.
    pub forgotten: u64,
    /// Lines up from the end that is looked at; 0 follows.
    pub scrolled: usize,
    /// Long lines are wrapped.
    pub wrap: bool,
    /// Timestamps are shown.
    pub timestamps: bool,
    /// The container that ran before is shown.
    pub previous: bool,
    /// Only lines with these words are shown.
    pub filter: String,
    bytes: usize,
}

impl LogView {
    /// A view that follows these containers.
    pub fn follow(targets: Vec<LogTarget>) -> Self {
        Self { targets, ..Self::default() }
    }

    /// Adds a line, and lets the oldest go.
    pub fn push(&mut self, line: LogLine) {
        self.bytes += line.text.len();
        if self.scrolled > 0 {
            // What is being read stays where it is.
            self.scrolled += 1;
        }
        self.lines.push_back(line);
        while self.lines.len() > KEPT_LINES || self.bytes > KEPT_BYTES {
            if let Some(gone) = self.lines.pop_front() {
                self.bytes -= gone.text.len();
                self.forgotten += 1;
            }
        }
        self.scrolled = self.scrolled.min(self.lines.len());
    }

    /// Lines that pass the filter, oldest first.
    pub fn visible(&self) -> impl DoubleEndedIterator<Item = &LogLine> {
        let words: Vec<String> = self.filter.split_whitespace().map(str::to_lowercase).collect();
        self.lines.iter().filter(move |line| {
            let text = line.text.to_lowercase();
            words.iter().all(|word| match word.strip_prefix('!') {
                Some(without) if !without.is_empty() => !text.contains(without),
                _ => text.contains(word.as_str()),
            })
        })
    }

    /// Moves towards older lines (negative) or newer ones (positive).
    pub fn scroll(&mut self, by: i32) {
        let at = i64::try_from(self.scrolled).unwrap_or(i64::MAX) - i64::from(by);
        self.scrolled = usize::try_from(at.max(0)).unwrap_or(0).min(self.lines.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> LogLine {
        LogLine { pod: "kafka-0".into(), at: None, text: text.into(), notice: false }
    }

    #[test]
    fn old_lines_are_let_go_and_counted() {
        let mut view = LogView::default();
        for i in 0..KEPT_LINES + 5 {
            view.push(line(&i.to_string()));
        }
        assert_eq!(view.lines.len(), KEPT_LINES);
        assert_eq!(view.forgotten, 5);
    }

    #[test]
    fn long_lines_do_not_make_it_grow_without_bound() {
        let mut view = LogView::default();
        for _ in 0..100 {
            view.push(line(&"x".repeat(1 << 20)));
        }
        assert!(view.bytes <= KEPT_BYTES);
    }

    #[test]
    fn what_is_being_read_stays_in_place_when_lines_arrive() {
        let mut view = LogView::default();
        view.push(line("a"));
        view.push(line("b"));
        view.scroll(-1);
        view.push(line("c"));
        assert_eq!(view.scrolled, 2);
        view.scroll(5);
        assert_eq!(view.scrolled, 0);
    }
}
