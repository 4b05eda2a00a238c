//! A Kubernetes object as a page: its YAML, or the events about it; and how it went with the reading.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};
use unicode_width::UnicodeWidthStr;

use super::{
    footer::key_of,
    look::{Look, Slot},
    overlay,
    strip::{Part, Strip, cut, wrapped},
};
use crate::{
    app::{
        App,
        columns::Tone,
        object_page::{ObjectPage, Told, as_of},
    },
    domain::{
        object::{Event, Events},
        units,
    },
};

/// Columns of a page at most.
const WIDEST: usize = 140;

/// Draws the page; answers with how many lines have no room.
pub fn render(app: &App, page: &ObjectPage, look: Look, area: Rect, buffer: &mut Buffer) -> usize {
    let width = usize::from(area.width).saturating_sub(4).min(WIDEST);
    let mut lines = Vec::new();
    if let Some(failure) = &page.failure {
        lines.extend(wrapped(&failure.what, width).iter().map(|l| Strip::of(l, look.tone(Tone::Bad))));
        let hint = failure.hint.iter().flat_map(|hint| wrapped(hint, width));
        lines.extend(hint.map(|l| Strip::of(l, look.tone(Tone::Muted))));
    }
    match &page.read {
        Some((told, _)) => {
            if page.failure.is_some() {
                lines.push(Strip::default());
            }
            lines.extend(match told {
                Told::Yaml(text) => yaml(text, look, width),
                Told::Events(told) => events(app, told, look, width),
            });
        }
        None if page.failure.is_none() => lines.push(Strip::of("reading…", look.tone(Tone::Muted))),
        None => {}
    }
    let foot = |optional, text: String| Part::new(optional, Strip::of(text, look.style(Slot::Label)));
    let foot = match as_of(page, app.now) {
        Some(age) => vec![foot(0, age), foot(1, format!("{} reads it again", key_of(app, look, "refresh")))],
        None => Vec::new(),
    };
    overlay::page_of(&page.title(), foot, &lines, app.page_at, look, area, buffer)
}

/// YAML line by line; what is too long goes on below, further in.
fn yaml(text: &str, look: Look, width: usize) -> Vec<Strip> {
    let mut lines = Vec::new();
    for line in text.lines() {
        let rest = line.trim_start_matches(' ');
        let indent = (line.len() - rest.len()).min(width / 2);
        for (at, part) in wrapped(rest, width.saturating_sub(indent + 2).max(8)).iter().enumerate() {
            let strip = Strip::of(" ".repeat(if at == 0 { indent } else { indent + 2 }), Style::new());
            // The name of a field is dimmer than its value; text of several lines may look like one, and is none.
            lines.push(match field(part).filter(|_| at == 0) {
                Some((name, value)) => strip.put(name, look.style(Slot::Label)).put(value, Style::new()),
                None => strip.put(part, Style::new()),
            });
        }
    }
    lines
}

/// The name of a field with its dash and colon, and what follows.
fn field(line: &str) -> Option<(&str, &str)> {
    let end = line.find(": ").map(|at| at + 1).or_else(|| line.ends_with(':').then_some(line.len()))?;
    let name = line[..end].trim_start_matches("- ");
    (!name.contains([' ', '"', '\'', '{'])).then(|| line.split_at(end))
}

fn events(app: &App, events: &Events, look: Look, width: usize) -> Vec<Strip> {
    if events.newest.is_empty() {
        let none = "No events: the API server keeps them for an hour.";
        return wrapped(none, width).iter().map(|l| Strip::of(l, look.tone(Tone::Muted))).collect();
    }
    let table = Table::of(events, look, width);
    let mut lines = Vec::new();
    if events.left_out > 0 {
        lines.push(Strip::of(
            format!("{} left out", units::counted(events.left_out, "older event")),
            look.tone(Tone::Muted),
        ));
    }
    lines.push(table.heading());
    lines.extend(events.newest.iter().flat_map(|event| table.event(app, event)));
    lines
}

/// Widths of the columns of events; the message has what the others leave.
struct Table {
    look: Look,
    reason: usize,
    message: usize,
    source: usize,
}

/// Columns of the age, the type and the count.
const AGE: usize = 4;
const TYPE: usize = 7;
const COUNT: usize = 5;

impl Table {
    fn of(events: &Events, look: Look, width: usize) -> Self {
        let widest = |of: fn(&Event) -> &str, most: usize| {
            events.newest.iter().map(|e| of(e).width()).max().unwrap_or(0).clamp(6, most)
        };
        let (reason, source) = if width < 100 { (18, 10) } else { (28, 24) };
        let (reason, source) = (widest(|e| &e.reason, reason), widest(|e| &e.source, source));
        // Two blanks between columns.
        let taken = AGE + TYPE + reason + COUNT + source + 10;
        Self { look, reason, message: width.saturating_sub(taken).max(12), source }
    }

    fn heading(&self) -> Strip {
        let (reason, message) = (self.reason, self.message);
        let text = format!(
            "{:<AGE$}  {:<TYPE$}  {:<reason$}  {:>COUNT$}  {:<message$}  SOURCE",
            "AGE", "TYPE", "REASON", "COUNT", "MESSAGE"
        );
        Strip::of(text, self.look.style(Slot::Label))
    }

    fn event(&self, app: &App, event: &Event) -> Vec<Strip> {
        let style = if event.is_warning() { self.look.tone(Tone::Warn) } else { Style::new() };
        let label = self.look.style(Slot::Label);
        let age = event.at.map_or_else(|| "?".to_owned(), |at| units::age(app.now, at));
        let start = Strip::of(age, label)
            .pad_to(AGE + 2)
            .put(cut(&event.kind, TYPE), style)
            .pad_to(AGE + TYPE + 4)
            .put(cut(&event.reason, self.reason), style)
            .pad_to(AGE + TYPE + self.reason + 6)
            .put(format!("{:>COUNT$}", event.count), Style::new())
            .put("  ", Style::new());
        let column = start.width();
        let mut parts = wrapped(&event.message, self.message).into_iter();
        let first = start.put(parts.next().unwrap_or_default(), style).pad_to(column + self.message + 2);
        let mut lines = vec![first.put(cut(&event.source, self.source), label)];
        lines.extend(parts.map(|part| Strip::default().pad_to(column).put(part, style)));
        lines
    }
}
