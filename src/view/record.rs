//! One record in full, on a page: where it is, its time, its key, its headers and its value.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::{
    footer::key_of,
    look::{Look, Slot},
    overlay,
    strip::{Part, Strip, wrapped},
};
use crate::{
    app::{
        App,
        columns::Tone,
        messages::body::{self, Form},
    },
    domain::{
        record::{Body, Record},
        units,
    },
};

/// Columns of a page at most.
const WIDEST: usize = 140;
/// Lines that are laid out at most: a value of many short lines must not make a page of a million.
const MOST: usize = 20_000;

/// Draws the open record; answers with how many lines have no room.
pub fn render(app: &App, look: Look, area: Rect, buffer: &mut Buffer) -> usize {
    let view = &app.messages;
    let Some(record) = &view.opened else { return 0 };
    let width = usize::from(area.width).saturating_sub(4).min(WIDEST);
    let page = Page { look, form: view.form, depth: view.depth, width };
    let mut lines = page.head(record, app);
    lines.extend(page.body("key", record.key.as_ref()));
    for header in &record.headers {
        let name = format!("header {}", header.name);
        lines.extend(page.body(&name, header.value.as_ref()));
    }
    if record.headers.is_empty() {
        lines.push(Strip::of("no headers", look.tone(Tone::Muted)));
    }
    lines.extend(page.body("value", record.value.as_ref()));
    lines.truncate(MOST);
    let hint = |optional, text: String| Part::new(optional, Strip::of(text, look.style(Slot::Label)));
    let foot = vec![
        hint(1, format!("{} {}", key_of(app, look, "messages.form"), view.form.word())),
        hint(2, format!("{} folds", key_of(app, look, "messages.fold"))),
    ];
    let title = format!("{} {}@{}", view.topic, record.partition, record.offset);
    overlay::page_of(&title, foot, &lines, app.page_at, look, area, buffer)
}

struct Page {
    look: Look,
    form: Form,
    depth: usize,
    width: usize,
}

impl Page {
    fn head(&self, record: &Record, app: &App) -> Vec<Strip> {
        let line =
            |name: &str, text: String| Strip::of(name, self.look.style(Slot::Label)).pad_to(11).put(text, Style::new());
        let time = record.at.map_or_else(
            || "none".to_owned(),
            |(at, kind)| {
                format!("{} ({}, {} ago)", at.format("%Y-%m-%d %H:%M:%S%.3fZ"), kind.word(), units::age(app.now, at))
            },
        );
        vec![
            line("partition", record.partition.to_string()),
            line("offset", record.offset.to_string()),
            line("time", time),
            line("size", units::bytes(record.size() as u64)),
        ]
    }

    /// A part with its name and size, and its lines below.
    fn body(&self, name: &str, part: Option<&Body>) -> Vec<Strip> {
        let size = part.map(|b| units::bytes(b.size as u64)).unwrap_or_default();
        let mut lines =
            vec![Strip::of(name, self.look.style(Slot::Title)).put(format!("  {size}"), self.look.tone(Tone::Muted))];
        if part.is_none() {
            let what = if name == "value" { "null: a tombstone, where the topic is compacted" } else { "null" };
            lines.push(Strip::of(format!("  {what}"), self.look.tone(Tone::Muted)));
            return lines;
        }
        for line in body::page(part, self.form, self.depth) {
            let rest = line.trim_start_matches(' ');
            let indent = (line.len() - rest.len()).min(self.width / 2) + 2;
            for piece in wrapped(rest, self.width.saturating_sub(indent).max(8)) {
                lines.push(Strip::of(" ".repeat(indent), Style::new()).put(piece, Style::new()));
            }
        }
        lines
    }
}
