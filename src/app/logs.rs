//! The log view: lines of the logs that are followed, which of them are searched for, and how they are looked at.
//!
//! `ring` keeps lines, `grep` says which are searched for, `acts` does what keys ask for, `pods` are the containers
//! that can be followed. Called by the App; drawn by `view::logs`.

pub mod acts;
pub mod grep;
pub mod pods;
pub mod ring;

use chrono::{DateTime, Utc};

use crate::domain::{
    ids::ObjectKey,
    log::{Levels, LogNews, LogState},
};

use self::{
    grep::Grep,
    ring::{Key, Line, Ring},
};

/// Lines of each log that are asked for when the view opens.
const TAIL: i64 = 500;

/// A container whose log is followed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogTarget {
    /// Its pod.
    pub pod: ObjectKey,
    /// The container.
    pub container: String,
}

/// From when on lines are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Since {
    /// The last lines of each log, whenever they were written.
    #[default]
    Tail,
    /// So many seconds before now.
    Seconds(i64),
    /// Everything.
    All,
}

/// Spans that can be chosen, the shortest first.
const SPANS: [i64; 6] = [60, 300, 900, 3_600, 21_600, 86_400];

impl Since {
    /// The next shorter or longer span; of the last lines, those of a quarter of an hour or an hour.
    fn step(self, longer: bool) -> Self {
        match (self, longer) {
            (Self::Tail, _) => Self::Seconds(if longer { 3_600 } else { 900 }),
            (Self::All, true) => Self::All,
            (Self::All, false) => Self::Seconds(86_400),
            (Self::Seconds(now), true) => SPANS.into_iter().find(|s| *s > now).map_or(Self::All, Self::Seconds),
            (Self::Seconds(now), false) => Self::Seconds(SPANS.into_iter().rfind(|s| *s < now).unwrap_or(SPANS[0])),
        }
    }

    /// As it is shown: `last 500`, `since 15m`, `all`.
    pub fn words(self) -> String {
        match self {
            Self::Tail => format!("last {TAIL}"),
            Self::Seconds(s @ ..3_600) => format!("since {}m", s / 60),
            Self::Seconds(s) => format!("since {}h", s / 3_600),
            Self::All => "all".to_owned(),
        }
    }
}

/// What is asked of the logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogsAsked {
    /// Containers.
    pub targets: Vec<LogTarget>,
    /// The log of the container that ran before.
    pub previous: bool,
    /// Only of so many seconds before now.
    pub since_s: Option<i64>,
    /// Only so many last lines of each.
    pub tail: i64,
}

/// One log, and how the reading of it goes.
#[derive(Debug, Clone)]
pub struct LogSource {
    /// Whose it is.
    pub target: LogTarget,
    /// How the reading goes.
    pub state: LogState,
    /// Since when it goes so.
    pub since: DateTime<Utc>,
    /// Lines that came.
    pub lines: u64,
    levels: Levels,
    newest: i64,
}

/// The log view.
#[derive(Debug, Clone, Default)]
pub struct LogView {
    /// What is followed.
    pub sources: Vec<LogSource>,
    /// Long lines are wrapped.
    pub wrap: bool,
    /// Timestamps are shown.
    pub timestamps: bool,
    /// The containers that ran before are shown.
    pub previous: bool,
    /// From when on lines are wanted.
    pub since: Since,
    /// Lines that came and could not be taken: this program was too slow for them.
    pub dropped: u64,
    /// What lines are searched for.
    pub grep: Grep,
    /// The lowest line in sight; none follows the end.
    anchor: Option<Key>,
    ring: Ring,
    next: u64,
}

impl LogView {
    /// A view that follows these containers, looked at as before.
    pub fn follow(&self, targets: Vec<LogTarget>, now: DateTime<Utc>) -> Self {
        let source = |target| LogSource {
            target,
            state: LogState::Opening,
            since: now,
            lines: 0,
            levels: Levels::default(),
            newest: i64::MIN,
        };
        Self {
            sources: targets.into_iter().map(source).collect(),
            wrap: self.wrap,
            timestamps: self.timestamps,
            grep: self.grep.clone(),
            ..Self::default()
        }
    }

    /// What is to be asked for.
    pub fn asked(&self) -> LogsAsked {
        let most = ring::KEPT_LINES / self.sources.len().max(1);
        LogsAsked {
            targets: self.sources.iter().map(|source| source.target.clone()).collect(),
            previous: self.previous,
            since_s: match self.since {
                Since::Seconds(seconds) => Some(seconds),
                Since::Tail | Since::All => None,
            },
            // More than is kept is not worth fetching.
            tail: if self.since == Since::Tail { TAIL } else { most as i64 },
        }
    }

    /// The lines that pass the search, and how many are kept.
    pub fn ring(&self) -> &Ring {
        &self.ring
    }

    /// Takes what one of the logs brought.
    pub fn hear(&mut self, source: usize, news: LogNews, now: DateTime<Utc>) {
        let Some(of) = self.sources.get_mut(source) else { return };
        match news {
            LogNews::State(state) => {
                let is_new = of.state != state;
                of.since = if is_new { now } else { of.since };
                of.state = state;
            }
            LogNews::Dropped(lines) => self.dropped += lines,
            LogNews::Notice(text) => {
                let at = Some(now).filter(|_| of.newest == i64::MIN);
                let lines = vec![taken(of, source, &mut self.next, (at, text.into()), true)];
                self.ring.add(lines, &self.grep);
            }
            LogNews::Lines(lines) => {
                of.lines += lines.len() as u64;
                let next = &mut self.next;
                let lines =
                    lines.into_iter().map(|line| taken(of, source, next, (line.at, line.text), false)).collect();
                self.ring.add(lines, &self.grep);
            }
        }
        self.ring.scan(&self.grep);
    }

    /// Goes on with the search; called until it has come to every line.
    pub fn scan(&mut self) {
        self.ring.scan(&self.grep);
    }

    /// Searches for something else from now on.
    pub fn set_grep(&mut self, text: String) {
        if self.grep.read(text) {
            self.ring.search();
            self.ring.scan(&self.grep);
        }
    }

    /// True while the end is followed.
    pub fn follows(&self) -> bool {
        self.anchor.is_none()
    }

    /// The place among the lines that pass of the lowest line in sight, of which so many are; none without lines.
    pub fn lowest(&self, in_sight: usize) -> Option<usize> {
        let lines = self.ring.passing();
        let last = lines.len().checked_sub(1)?;
        let Some(anchor) = self.anchor else { return Some(last) };
        // The line itself, or the one before it where it is gone or hidden.
        let at = lines.partition_point(|line| line.key <= anchor).saturating_sub(1);
        Some(at.max(in_sight.saturating_sub(1)).min(last))
    }

    /// When the lowest line in sight was written, while the end is not followed.
    pub fn stands_at(&self, in_sight: usize) -> Option<DateTime<Utc>> {
        self.anchor?;
        self.ring.passing().range(..=self.lowest(in_sight)?).rev().find_map(|line| line.at)
    }

    /// Lines below the lowest one in sight.
    pub fn below(&self, in_sight: usize) -> usize {
        self.lowest(in_sight).map_or(0, |lowest| self.ring.passing().len() - 1 - lowest)
    }

    /// Moves towards older lines (negative) or newer ones (positive); at the end it follows again.
    fn scroll(&mut self, by: i32, in_sight: usize) {
        let Some(lowest) = self.lowest(in_sight) else { return };
        let last = self.ring.passing().len() - 1;
        let to = i64::try_from(lowest).unwrap_or(i64::MAX) + i64::from(by);
        let to = usize::try_from(to.max(0)).unwrap_or(0).max(in_sight.saturating_sub(1));
        self.anchor = if to >= last && by >= 0 { None } else { self.ring.passing().get(to.min(last)).map(|l| l.key) };
    }

    /// Follows the end, or stays where it is.
    fn toggle_follow(&mut self) {
        self.anchor = match self.anchor {
            Some(_) => None,
            None => self.ring.passing().back().map(|line| line.key),
        };
    }

    /// The lines that pass, as a file has them: with their moments and pods as far as these are shown.
    pub fn as_text(&self) -> (usize, String) {
        let mut text = String::new();
        let lines = self.ring.passing().iter().filter(|line| !line.notice);
        let mut count = 0;
        for line in lines {
            if self.timestamps {
                text.push_str(&line.at.map(|at| at.format("%Y-%m-%dT%H:%M:%S%.9fZ ").to_string()).unwrap_or_default());
            }
            if let (2.., Some(source)) = (self.sources.len(), self.sources.get(usize::from(line.source))) {
                text.extend(["[", &source.target.pod.name, "] "]);
            }
            text.extend([&line.text, "\n"]);
            count += 1;
        }
        (count, text)
    }
}

/// A line with its place among all: behind those of its log that came before it, whatever its moment says.
fn taken(
    of: &mut LogSource,
    source: usize,
    next: &mut u64,
    (at, text): (Option<DateTime<Utc>>, Box<str>),
    notice: bool,
) -> Line {
    of.newest = at.and_then(|at| at.timestamp_nanos_opt()).unwrap_or(of.newest).max(of.newest);
    *next += 1;
    let level = if notice { None } else { of.levels.next(&text) };
    Line { key: (of.newest, *next), source: source as u16, at, level, notice, text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::log::{Level, LogLine};

    fn view(pods: usize) -> LogView {
        let target = |n| LogTarget { pod: ObjectKey::new("n", &format!("kafka-{n}")), container: "kafka".into() };
        LogView::default().follow((0..pods).map(target).collect(), DateTime::UNIX_EPOCH)
    }

    fn hear(view: &mut LogView, source: usize, lines: &[(i64, &str)]) {
        let line = |(at, text): &(i64, &str)| LogLine { at: DateTime::from_timestamp(*at, 0), text: (*text).into() };
        view.hear(source, LogNews::Lines(lines.iter().map(line).collect()), DateTime::UNIX_EPOCH);
    }

    fn texts(view: &LogView) -> Vec<&str> {
        view.ring().passing().iter().map(|l| &*l.text).collect()
    }

    #[test]
    fn lines_of_several_logs_stand_in_the_order_of_their_moments_and_each_log_in_its_own() {
        let mut view = view(2);
        hear(&mut view, 0, &[(1, "a1"), (5, "a5"), (3, "a3 late")]);
        hear(&mut view, 1, &[(2, "b2"), (4, "b4"), (6, "b6")]);
        assert_eq!(texts(&view), ["a1", "b2", "b4", "a5", "a3 late", "b6"]);
        view.hear(0, LogNews::Notice("restarted".into()), DateTime::UNIX_EPOCH);
        assert_eq!(texts(&view)[5], "restarted", "behind the lines of its log");
        assert_eq!((view.ring().kept(), view.sources[0].lines, view.sources[1].lines), (6, 3, 3));
    }

    #[test]
    fn a_trace_has_the_level_of_its_head_though_another_log_comes_between() {
        let mut view = view(2);
        hear(&mut view, 0, &[(1, "x ERROR no")]);
        hear(&mut view, 1, &[(1, "x INFO yes")]);
        hear(&mut view, 0, &[(1, "\tat there")]);
        let levels: Vec<_> = view.ring().passing().iter().map(|l| l.level).collect();
        assert_eq!(levels, [Some(Level::Error), Some(Level::Info), Some(Level::Error)]);
    }

    #[test]
    fn what_is_being_read_stays_in_place_when_lines_arrive_and_the_end_is_followed_again() {
        let mut view = view(1);
        hear(&mut view, 0, &[(1, "a"), (2, "b"), (3, "c"), (4, "d")]);
        view.scroll(-1, 2);
        assert_eq!((view.lowest(2), view.below(2), view.follows()), (Some(2), 1, false));
        hear(&mut view, 0, &[(5, "e"), (0, "z")]);
        assert_eq!((view.lowest(2), view.below(2)), (Some(2), 3));
        view.scroll(-100, 2);
        assert_eq!(view.lowest(2), Some(1), "the first line is never below the screen's top");
        view.scroll(100, 2);
        assert!(view.follows());
        view.toggle_follow();
        hear(&mut view, 0, &[(6, "f")]);
        assert_eq!(view.below(2), 1);
        view.toggle_follow();
        assert_eq!(view.below(2), 0);
    }

    #[test]
    fn a_line_that_is_not_searched_for_moves_nothing_and_the_search_can_change_where_one_stands() {
        let mut view = view(1);
        hear(&mut view, 0, &[(1, "a1"), (2, "b1"), (3, "a2"), (4, "b2"), (5, "a3")]);
        view.scroll(-1, 1);
        view.set_grep("a".into());
        assert_eq!(view.lowest(1), Some(1), "the line before the one that is hidden");
        hear(&mut view, 0, &[(6, "b3")]);
        assert_eq!((view.below(1), view.ring().matches(), view.ring().kept()), (1, 3, 6));
        view.set_grep(String::new());
        assert_eq!(view.lowest(1), Some(3));
    }

    #[test]
    fn what_is_saved_is_what_is_searched_for_with_its_pod_and_moment_as_shown() {
        let mut view = view(2);
        hear(&mut view, 0, &[(1, "ERROR a\tb")]);
        hear(&mut view, 1, &[(2, "ERROR c"), (3, "INFO")]);
        view.hear(1, LogNews::Notice("ERROR of ours".into()), DateTime::UNIX_EPOCH);
        view.set_grep("ERROR".into());
        assert_eq!(view.as_text(), (2, "[kafka-0] ERROR a\tb\n[kafka-1] ERROR c\n".to_owned()));
        view.timestamps = true;
        assert!(view.as_text().1.starts_with("1970-01-01T00:00:01.000000000Z [kafka-0] ERROR a"));
    }

    #[test]
    fn spans_go_from_a_minute_to_everything() {
        let mut since = Since::Tail.step(false);
        let mut words = vec![since.words()];
        for longer in [true, true, true, true, true, true] {
            since = since.step(longer);
            words.push(since.words());
        }
        assert_eq!(words, ["since 15m", "since 1h", "since 6h", "since 24h", "all", "all", "all"]);
        for _ in 0..9 {
            since = since.step(false);
        }
        assert_eq!(since.words(), "since 1m");
        let asked = LogView { since, ..view(4) }.asked();
        assert_eq!((asked.since_s, asked.tail), (Some(60), ring::KEPT_LINES as i64 / 4));
        assert_eq!((view(1).asked().since_s, view(1).asked().tail), (None, TAIL));
    }

    #[test]
    fn what_was_dropped_is_counted() {
        let mut view = view(2);
        view.hear(0, LogNews::Dropped(3), DateTime::UNIX_EPOCH);
        view.hear(1, LogNews::Dropped(4), DateTime::UNIX_EPOCH);
        view.hear(9, LogNews::Dropped(9), DateTime::UNIX_EPOCH);
        assert_eq!(view.dropped, 7);
    }
}
