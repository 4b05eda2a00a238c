//! The log view: a bounded ring of lines, which of them pass the filter, and how it is looked at.
//!
//! A line is held against the filter once, when it comes or when the filter changes, and never per frame.
//! Called by the App; drawn by `view::logs`.

use std::collections::VecDeque;

use chrono::{DateTime, Utc};

use regex::Regex;

use super::filter;
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
    filter: LogFilter,
    /// Numbers of the kept lines that pass the filter; the oldest kept line has the number `forgotten`.
    passing: VecDeque<u64>,
    bytes: usize,
}

/// What lines are filtered by: `word`, `!word`, `"two words"`, `/pattern/`, `!/pattern/`, all of which must hold.
#[derive(Debug, Clone, Default)]
struct LogFilter {
    text: String,
    terms: Vec<(bool, Regex)>,
    problem: Option<String>,
}

impl LogFilter {
    fn parse(text: String) -> Self {
        let (mut terms, mut problem) = (Vec::new(), None);
        let mut rest = text.trim_start();
        while !rest.is_empty() && terms.len() < filter::TERMS {
            let (not, read, behind) = if let Some((not, pattern, behind)) = slashed(rest) {
                (not, filter::pattern(pattern), behind)
            } else {
                let (word, behind) = filter::next_word(rest);
                (word.not, filter::literally(&word.text), behind)
            };
            match read {
                // While `!` alone is typed it asks for nothing yet.
                Ok(pattern) if pattern.as_str().is_empty() => {}
                Ok(pattern) => terms.push((!not, pattern)),
                Err(why) => problem = Some(why),
            }
            rest = behind;
        }
        Self { text, terms, problem }
    }

    fn passes(&self, line: &LogLine) -> bool {
        self.terms.iter().all(|(wanted, pattern)| pattern.is_match(&line.text) == *wanted)
    }
}

/// A pattern between slashes, whether it is turned round, and what stands behind it. Blanks are part of it;
/// while its last slash is not typed yet it reaches to the end.
fn slashed(text: &str) -> Option<(bool, &str, &str)> {
    let turned = text.strip_prefix('!');
    let inner = turned.unwrap_or(text).strip_prefix('/')?;
    let ends = |at: &usize| inner[at + 1..].chars().next().is_none_or(char::is_whitespace);
    let end = inner.match_indices('/').map(|(at, _)| at).find(ends);
    let (pattern, behind) = end.map_or((inner, ""), |at| (&inner[..at], &inner[at + 1..]));
    Some((turned.is_some(), pattern, behind.trim_start()))
}

impl LogView {
    /// A view that follows these containers.
    pub fn follow(targets: Vec<LogTarget>) -> Self {
        Self { targets, ..Self::default() }
    }

    /// Adds a line, and lets the oldest go.
    pub fn push(&mut self, line: LogLine) {
        self.bytes += line.text.len();
        if self.filter.passes(&line) {
            self.passing.push_back(self.forgotten + self.lines.len() as u64);
            if self.scrolled > 0 {
                // What is being read stays where it is.
                self.scrolled += 1;
            }
        }
        self.lines.push_back(line);
        while self.lines.len() > KEPT_LINES || self.bytes > KEPT_BYTES {
            if let Some(gone) = self.lines.pop_front() {
                self.bytes -= gone.text.len();
                if self.passing.front() == Some(&self.forgotten) {
                    self.passing.pop_front();
                }
                self.forgotten += 1;
            }
        }
        self.scrolled = self.scrolled.min(self.passing.len());
    }

    /// What lines are filtered by, as it was typed.
    pub fn filter(&self) -> &str {
        &self.filter.text
    }

    /// What of the filter cannot be understood, in words.
    pub fn problem(&self) -> Option<&str> {
        self.filter.problem.as_deref()
    }

    /// Filters by something else from now on.
    pub fn set_filter(&mut self, text: String) {
        self.filter = LogFilter::parse(text);
        let numbered = (self.forgotten..).zip(&self.lines);
        self.passing = numbered.filter(|(_, line)| self.filter.passes(line)).map(|(number, _)| number).collect();
        self.scrolled = self.scrolled.min(self.passing.len());
    }

    /// Lines that pass the filter, oldest first.
    pub fn visible(&self) -> impl DoubleEndedIterator<Item = &LogLine> + ExactSizeIterator {
        self.passing.iter().map(|number| &self.lines[(number - self.forgotten) as usize])
    }

    /// Moves towards older lines (negative) or newer ones (positive).
    pub fn scroll(&mut self, by: i32) {
        let at = i64::try_from(self.scrolled).unwrap_or(i64::MAX) - i64::from(by);
        self.scrolled = usize::try_from(at.max(0)).unwrap_or(0).min(self.passing.len());
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

    fn texts(view: &LogView) -> Vec<&str> {
        view.visible().map(|l| l.text.as_str()).collect()
    }

    fn filtered(filter: &str, lines: &[&str]) -> LogView {
        let mut view = LogView::default();
        view.set_filter(filter.to_owned());
        for text in lines {
            view.push(line(text));
        }
        view
    }

    #[test]
    fn words_patterns_and_what_is_turned_round_must_all_hold() {
        let lines = ["ERROR disk full", "error in two  words", "INFO started /var/lib", "WARN took 12 ms"];
        assert_eq!(texts(&filtered("error", &lines)).len(), 2);
        assert_eq!(texts(&filtered("ERROR !disk", &lines)), [lines[1]]);
        assert_eq!(texts(&filtered("/took [0-9]+ ms/", &lines)), [lines[3]]);
        assert_eq!(texts(&filtered("!/^error/ /^[IW]/ started", &lines)), [lines[2]]);
        assert_eq!(texts(&filtered("/took [0-9]", &lines)), [lines[3]], "it filters while it is typed");
        assert_eq!(texts(&filtered("/var/lib", &lines)), [lines[2]]);
        assert_eq!(texts(&filtered("\"two  words\"", &lines)), [lines[1]]);
        assert_eq!(texts(&filtered("! // !/ \"", &lines)).len(), 4);
    }

    #[test]
    fn a_pattern_that_is_none_is_said_and_hides_nothing() {
        let view = filtered("/(/ disk", &["disk", "other"]);
        assert_eq!(texts(&view), ["disk"]);
        assert!(view.problem().is_some_and(|p| p.starts_with("no pattern: ")), "{:?}", view.problem());
        assert!(filtered("/((a{1000}){1000}){1000}/", &["x"]).problem().is_some());
    }

    #[test]
    fn a_line_that_the_filter_hides_moves_nothing() {
        let mut view = filtered("a", &["a1", "a2", "a3"]);
        view.scroll(-1);
        view.push(line("hidden: b"));
        assert_eq!(view.scrolled, 1);
        view.push(line("a4"));
        assert_eq!(view.scrolled, 2);
    }

    #[test]
    fn the_filter_and_what_passes_it_stay_right_when_lines_are_let_go() {
        let mut view = filtered("7", &[]);
        for i in 0..KEPT_LINES + 100 {
            view.push(line(&i.to_string()));
        }
        let wanted: Vec<String> = (100..KEPT_LINES + 100).map(|i| i.to_string()).filter(|i| i.contains('7')).collect();
        assert_eq!(texts(&view), wanted);
        view.set_filter("8".to_owned());
        assert!(texts(&view).iter().all(|t| t.contains('8')));
        view.set_filter(String::new());
        assert_eq!(view.visible().len(), KEPT_LINES);
    }
}
