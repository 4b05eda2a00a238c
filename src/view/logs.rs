//! The log view: only the lines in sight are made, whatever is kept; and the picker of what is followed.

use std::ops::Range;

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::{
    footer::key_of,
    look::{Look, Slot},
    overlay, panes,
    strip::{Part, Strip, cut, cut_end, cut_front, draw_all, fitting, wrapped},
};
use crate::{
    app::{
        App,
        columns::Tone,
        logs::{
            LogSource, LogView, Since,
            pods::{PodRow, PodsPicker},
            ring::Line,
        },
    },
    domain::{
        log::{Level, LogState},
        units,
    },
};

/// Columns of a pod's name in front of its lines.
const POD: usize = 18;

/// Draws the log view; answers with how many lines of the log are in sight.
pub fn render(app: &App, look: Look, area: Rect, buffer: &mut Buffer) -> usize {
    let view = &app.logs;
    let width = usize::from(area.width);
    // Where every log is read as it should be, that takes no line of its own.
    let states = u16::from(view.sources.iter().any(|source| source.state != LogState::Reading)).min(area.height / 4);
    let above = (1 + states).min(area.height);
    let body = Rect { y: area.y + above, height: area.height - above, ..area };
    let page = Page { app, view, look, width, height: body.height.into() };
    let (lines, in_sight) = page.lines();
    let figures = page.figures(in_sight);
    // What must be said has its room before names have theirs.
    let needed: usize = figures.iter().filter(|part| part.optional == 0).map(|part| part.strip.width() + 3).sum();
    panes::rule(page.name(width.saturating_sub(needed + 14)), figures, true, look, width).draw(buffer, area, 0);
    if states > 0 {
        page.states().draw(buffer, area, 1);
    }
    if lines.is_empty() {
        let words = wrapped(&page.nothing(), width.saturating_sub(2));
        let words: Vec<Strip> = words.iter().map(|w| Strip::of(format!(" {w}"), look.tone(Tone::Muted))).collect();
        draw_all(&words, buffer, body);
        return 0;
    }
    draw_all(&lines, buffer, body);
    in_sight
}

struct Page<'a> {
    app: &'a App,
    view: &'a LogView,
    look: Look,
    width: usize,
    height: usize,
}

impl Page<'_> {
    /// What is followed, in so many columns.
    fn name(&self, room: usize) -> Strip {
        let names = names(&self.view.sources);
        let title = Strip::of("Logs ", self.look.style(Slot::Focus));
        let room = (self.width / 2).saturating_sub(8).min(room).max(8);
        let all = names.join(", ");
        match names.first() {
            Some(first) if all.width() > room && names.len() > 1 => {
                let others = format!(" and {} more", names.len() - 1);
                title.put(cut_front(first, room.saturating_sub(others.len())) + &others, Style::new())
            }
            _ => title.put(cut_front(&all, room), Style::new()),
        }
    }

    /// Figures of the view, in the order in which they are read; what matters least goes first.
    fn figures(&self, in_sight: usize) -> Vec<Part> {
        let view = self.view;
        let plain = |optional, text: String| Part::new(optional, Strip::of(text, Style::new()));
        let warn = |optional, text: String| Part::new(optional, Strip::of(text, self.look.tone(Tone::Warn)));
        let (ring, number) = (view.ring(), |n: u64| units::count(i64::try_from(n).unwrap_or(i64::MAX)));
        let mut parts = Vec::new();
        if view.previous {
            parts.push(warn(0, "previous".to_owned()));
        }
        parts.push(plain(2, view.since.words()));
        if view.wrap {
            parts.push(plain(6, "wrapped".to_owned()));
        }
        parts.push(if view.grep.is_empty() {
            plain(3, format!("{} kept", number(ring.kept() as u64)))
        } else {
            let far = if ring.is_scanning() { " so far" } else { "" };
            plain(1, format!("{}{far} of {} match", number(ring.matches() as u64), number(ring.kept() as u64)))
        });
        if ring.let_go() > 0 {
            parts.push(plain(4, format!("{} older gone", number(ring.let_go()))));
        }
        parts.push(match view.dropped {
            0 => plain(5, "0 dropped".to_owned()),
            n => warn(0, format!("{} dropped", number(n))),
        });
        parts.push(self.follow(in_sight));
        parts
    }

    /// Whether the end is followed, or where the view stands and how much is below.
    fn follow(&self, in_sight: usize) -> Part {
        if self.view.follows() {
            let word = if self.view.previous { "at the end" } else { "following" };
            return Part::new(0, Strip::of(word, Style::new()));
        }
        let at = self.view.stands_at(in_sight).map(|at| format!(" at {}", at.format("%H:%M:%S"))).unwrap_or_default();
        let below = match self.view.below(in_sight) {
            0 => String::new(),
            n => format!(", {} below", units::count(n as i64)),
        };
        Part::new(0, Strip::of(format!("paused{at}{below}"), self.look.tone(Tone::Warn)))
    }

    /// A line about the logs that are not simply read, the others counted.
    fn states(&self) -> Strip {
        let sources = &self.view.sources;
        let names = names(sources);
        let mut parts = Vec::new();
        let read = self.view.sources.iter().filter(|s| s.state == LogState::Reading).count();
        if read > 0 {
            let text = format!("● {read} of {} read", sources.len());
            parts.push(Part::new(0, Strip::of(text, self.look.tone(Tone::Good))));
        }
        for (source, name) in sources.iter().zip(names) {
            let age = units::age(self.app.now, source.since);
            let (tone, text) = match &source.state {
                LogState::Reading => continue,
                LogState::Opening => (Tone::Muted, format!("◌ {name} opening {age}")),
                LogState::Waiting(why) => (Tone::Warn, format!("◌ {name} reconnecting {age}: {why}")),
                LogState::Ended(None) => (Tone::Muted, format!("● {name} read to its end")),
                LogState::Ended(Some(why)) => (Tone::Bad, format!("▲ {name}: {why}")),
            };
            let most = self.width.saturating_sub(2) / (sources.len() - read).clamp(1, 2);
            parts.push(Part::new(1, Strip::of(cut_end(&text, most), self.look.tone(tone))));
        }
        Strip::of(" ", Style::new()).then(fitting(parts, &Strip::of("  ", Style::new()), self.width.saturating_sub(1)))
    }

    /// Why no line is shown.
    fn nothing(&self) -> String {
        let view = self.view;
        let ring = view.ring();
        if view.sources.is_empty() {
            return "No container is followed.".to_owned();
        }
        if !view.grep.is_empty() && ring.kept() > 0 {
            return format!("No line matches; {} clears the search.", key_of(self.app, self.look, "back"));
        }
        let why = |source: &LogSource| match &source.state {
            LogState::Ended(why) => why.clone(),
            _ => None,
        };
        if let Some(whys) = view.sources.iter().map(why).collect::<Option<Vec<String>>>() {
            return whys.join("  ");
        }
        if view.sources.iter().any(|source| source.state == LogState::Opening) {
            return "The logs are being opened.".to_owned();
        }
        match view.since {
            Since::Seconds(_) => {
                let key = key_of(self.app, self.look, "logs.longer");
                format!("No line {}; {key} looks further back.", view.since.words())
            }
            _ => "No line yet.".to_owned(),
        }
    }

    /// The lines in sight, oldest first, and of how many lines of the log they are: taken from the lowest one upwards
    /// until the screen is full.
    fn lines(&self) -> (Vec<Strip>, usize) {
        let all = self.view.ring().passing();
        let Some(lowest) = self.view.lowest(0) else { return (Vec::new(), 0) };
        let gap = self.view.ring().gap();
        let mut upwards: Vec<Strip> = Vec::new();
        let mut in_sight = 0;
        let mut first = lowest + 1;
        while first > 0 && upwards.len() < self.height {
            first -= 1;
            in_sight += 1;
            let line = &all[first];
            upwards.extend(self.line(line).into_iter().rev());
            if gap.is_some_and(|gap| line.key > gap && first > 0 && all[first - 1].key <= gap) {
                upwards.push(self.gap());
            }
        }
        upwards.truncate(self.height);
        upwards.reverse();
        // Near the oldest line there may be room below.
        for line in all.range(lowest + 1..) {
            if upwards.len() >= self.height {
                break;
            }
            upwards.extend(self.line(line));
            in_sight += 1;
        }
        upwards.truncate(self.height);
        (upwards, in_sight)
    }

    fn gap(&self) -> Strip {
        let text = " ┄ above, lines are missing that an earlier search did not want: too many came since";
        Strip::of(text, self.look.tone(Tone::Warn))
    }

    fn line(&self, line: &Line) -> Vec<Strip> {
        let head = self.head(line);
        let style = self.style(line);
        let room = self.width.saturating_sub(head.width()).max(1);
        // A line may be long; no more of it is looked at than could be shown.
        let most = if self.view.wrap { room * self.height.max(1) } else { room + 1 };
        let end = line.text.char_indices().nth(most).map_or(line.text.len(), |(at, _)| at);
        let text = &line.text[..end];
        let found: Vec<Range<usize>> =
            if line.notice { Vec::new() } else { self.view.grep.found_in(text).take(200).collect() };
        let mut pieces = pieces(text, room);
        if !self.view.wrap && (pieces.len() > 1 || end < line.text.len()) {
            let first = pieces.first().cloned().unwrap_or_default();
            let fits = fitting_end(&text[first.clone()], room.saturating_sub(1));
            let strip = self.marked(head, text, first.start..first.start + fits, &found, style);
            return vec![strip.put("…", self.look.tone(Tone::Muted))];
        }
        let blank = Strip::default().pad_to(head.width());
        let heads = std::iter::once(head).chain(std::iter::repeat(blank));
        pieces.drain(..).zip(heads).map(|(piece, head)| self.marked(head, text, piece, &found, style)).collect()
    }

    /// A piece of a text behind a head, with what is searched for marked.
    fn marked(&self, mut strip: Strip, text: &str, piece: Range<usize>, found: &[Range<usize>], style: Style) -> Strip {
        let mut at = piece.start;
        for found in found.iter().filter(|found| found.end > piece.start && found.start < piece.end) {
            let (start, end) = (found.start.max(at), found.end.min(piece.end));
            strip = strip.put(&text[at..start], style).put(&text[start..end], style.add_modifier(Modifier::REVERSED));
            at = end;
        }
        strip.put(&text[at..piece.end], style)
    }

    /// Time and pod, as far as they are shown.
    fn head(&self, line: &Line) -> Strip {
        let mut head = Strip::of(" ", Style::new());
        if self.view.timestamps {
            let at = line.at.map_or_else(|| " ".repeat(12), |at| at.format("%H:%M:%S%.3f").to_string());
            head = head.put(format!("{at} "), self.look.tone(Tone::Muted));
        }
        if self.view.sources.len() > 1 {
            let names = names(&self.view.sources);
            let widest = names.iter().map(|name| name.width()).max().unwrap_or(0).min(POD);
            let source = usize::from(line.source);
            let name = names.get(source).map_or("", String::as_str);
            let column = head.width();
            head = head.put(cut_front(name, widest), self.look.style(Slot::Pod(source))).pad_to(column + widest + 1);
        }
        head
    }

    fn style(&self, line: &Line) -> Style {
        match line.level {
            _ if line.notice => self.look.tone(Tone::Unknown),
            Some(Level::Fatal | Level::Error) => self.look.tone(Tone::Bad),
            Some(Level::Warn) => self.look.tone(Tone::Warn),
            Some(Level::Debug | Level::Trace) => self.look.tone(Tone::Muted),
            Some(Level::Info) | None => Style::new(),
        }
    }
}

/// What tells the logs apart: their pods, and their containers where a pod has several.
fn names(sources: &[LogSource]) -> Vec<String> {
    let several = |source: &LogSource| sources.iter().filter(|s| s.target.pod == source.target.pod).count() > 1;
    let name = |source: &LogSource| {
        let LogSource { target, .. } = source;
        if several(source) { format!("{}/{}", target.pod.name, target.container) } else { target.pod.name.clone() }
    };
    sources.iter().map(name).collect()
}

/// A text in pieces of at most `width` columns, cut wherever the line is full: log lines keep their blanks, but a piece
/// that goes on does not begin with one.
fn pieces(text: &str, width: usize) -> Vec<Range<usize>> {
    let mut pieces = Vec::new();
    let (mut start, mut used) = (0, 0);
    for (at, c) in text.char_indices() {
        // A tab is drawn as a blank.
        let needed = if c == '\t' { 1 } else { c.width().unwrap_or(0) };
        if used + needed > width {
            pieces.push(start..at);
            (start, used) = (at, 0);
        }
        if used == 0 && c == ' ' && !pieces.is_empty() {
            start = at + 1;
            continue;
        }
        used += needed;
    }
    pieces.push(start..text.len());
    pieces
}

/// How many bytes of a text fit in so many columns.
fn fitting_end(text: &str, width: usize) -> usize {
    pieces(text, width).first().map_or(0, |first| first.end)
}

/// Draws the picker of what is followed.
pub fn picker(app: &App, picker: &PodsPicker, look: Look, area: Rect, buffer: &mut Buffer) {
    let most = usize::from(area.width).saturating_sub(50).max(20);
    let pod = |row: &PodRow| cut(&row.target.pod.name, most);
    let widest = picker.rows.iter().map(|row| pod(row).width()).max().unwrap_or(0);
    let container = picker.rows.iter().map(|row| row.target.container.width()).max().unwrap_or(0).min(20);
    let line = |row: &PodRow| {
        let mark = if row.chosen { "[x] " } else { "[ ] " };
        Strip::of(mark, look.style(Slot::Key))
            .put(pod(row), look.style(Slot::Title))
            .pad_to(4 + widest + 2)
            .put(cut(&row.target.container, 20), look.tone(Tone::Plain))
            .pad_to(4 + widest + 2 + container + 2)
            .put(row.role, look.style(Slot::Label))
            .put(if row.state.is_empty() { "" } else { "  " }, Style::new())
            .put(row.state, look.tone(Tone::Warn))
    };
    let key = |name: &str| {
        let keys = app.keymap.keys_of(crate::app::commands::Layer::Menu, name).next();
        keys.map(|keys| look.keys(keys)).unwrap_or_default()
    };
    let help = format!("{} takes in or leaves out   {} follows them", key("menu.toggle"), key("menu.choose"));
    let lines: Vec<Strip> = picker.rows.iter().map(line).collect();
    let columns = lines.iter().map(Strip::width).max().unwrap_or(0).max(help.width());
    let inside = overlay::open("Follow these logs", columns, lines.len() + 2, look, area, buffer);
    let rows = Rect { height: inside.height.saturating_sub(2), ..inside };
    let first = (picker.at + 1).saturating_sub(usize::from(rows.height).max(1));
    draw_all(lines.get(first..).unwrap_or_default(), buffer, rows);
    overlay::select(picker.at - first.min(picker.at), look, rows, buffer);
    if inside.height > 1 {
        Strip::of(help, look.style(Slot::Label)).draw(buffer, inside, inside.height - 1);
    }
}
