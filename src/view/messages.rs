//! The message view: what is read and as whom, how far each partition is, and a line for each record in sight.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};
use unicode_width::UnicodeWidthStr;

use super::{
    footer::key_of,
    look::{Look, Slot},
    panes,
    strip::{Part, Strip, cut, cut_end, draw_all, wrapped},
};
use crate::{
    app::{
        App,
        columns::Tone,
        messages::{
            body::{self, Form},
            view::{MessageView, Position},
        },
    },
    domain::{
        access::Purpose,
        freshness::SourceFailure,
        record::{Body, Record, Start},
        units,
    },
};

/// Columns of a key at least and at most.
const KEY: (usize, usize) = (10, 32);
/// Lines that troubles take at most.
const TROUBLES: usize = 4;
/// Columns beside the key and the value: time and place.
const TIME: usize = 12;

/// Draws the message view.
pub fn render(app: &App, look: Look, area: Rect, buffer: &mut Buffer) {
    let view = &app.messages;
    let width = usize::from(area.width);
    panes::rule(name(view, look), state(app, look), true, look, width).draw(buffer, area, 0);
    let above = above(app, look, width);
    let below = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    draw_all(&above, buffer, below);
    let taken = u16::try_from(above.len()).unwrap_or(u16::MAX).min(below.height);
    let body = Rect { y: below.y + taken, height: below.height - taken, ..below };
    if view.passing() == 0 {
        Strip::of(format!(" {}", nothing(app, look)), look.tone(Tone::Muted)).draw(buffer, body, 0);
        return;
    }
    Table::of(view, look, width).draw(view, body, buffer);
}

fn name(view: &MessageView, look: Look) -> Strip {
    let partitions = match view.partition {
        Some(partition) => format!("partition {partition}"),
        None if view.positions.is_empty() => String::new(),
        None => units::counted(view.positions.len(), "partition"),
    };
    let from = match view.start {
        Start::Last(_) => format!("{} of each", view.start_text),
        _ => view.start_text.clone(),
    };
    let what = format!("{} · from {from} · {}", cut(&view.topic, 40), view.form.word());
    let what = if partitions.is_empty() { what } else { format!("{what} · {partitions}") };
    Strip::of("Messages ", look.style(Slot::Focus)).put(what, Style::new())
}

fn state(app: &App, look: Look) -> Vec<Part> {
    let view = &app.messages;
    let part = |optional, text: String, tone| Part::new(optional, Strip::of(text, look.tone(tone)));
    let mut parts = Vec::new();
    if view.dropped > 0 {
        let text = format!("{} let go: too fast", units::count(view.dropped.cast_signed()));
        parts.push(part(0, text, Tone::Warn));
    }
    if view.forgotten > 0 {
        parts.push(part(2, format!("{} forgotten", units::count(view.forgotten.cast_signed())), Tone::Muted));
    }
    let rate = view.rate(app.now);
    if rate > 0.0 {
        parts.push(part(1, format!("{rate:.1}/s"), Tone::Plain));
    }
    parts.push(match (&view.over, view.newer(), view.at) {
        (Some(_), ..) => part(0, "ended".to_owned(), Tone::Warn),
        (None, newer, Some(_)) => {
            part(0, format!("{newer} newer, {} follows", key_of(app, look, "messages.follow")), Tone::Warn)
        }
        (None, ..) if app.paused => part(0, "paused".to_owned(), Tone::Warn),
        (None, ..) if view.positions.is_empty() => part(0, "connecting".to_owned(), Tone::Muted),
        (None, ..) if view.partition_trouble.len() >= view.positions.len() => part(0, "not read".to_owned(), Tone::Bad),
        (None, ..) if view.positions.values().all(|p| p.at_end) => {
            part(0, "at the end, following".to_owned(), Tone::Good)
        }
        (None, ..) => part(0, "following".to_owned(), Tone::Good),
    });
    parts
}

/// Lines between the title and the records: as whom, how far, and what is in the way.
fn above(app: &App, look: Look, width: usize) -> Vec<Strip> {
    let view = &app.messages;
    let mut lines = Vec::new();
    let way = app.way_for(Purpose::Read).unwrap_or_else(|| "?".to_owned());
    let line = format!(" read {way}");
    lines.push(Strip::of(cut_end(&line, width), look.tone(Tone::Muted)));
    if !view.positions.is_empty() {
        let of = |(partition, position): (&i32, &Position)| match position.next {
            Some(next) => format!("{partition}@{next}"),
            None => format!("{partition}@?"),
        };
        let all: Vec<String> = view.positions.iter().map(of).collect();
        lines.push(Strip::of(cut_end(&format!(" next {}", all.join(" ")), width), look.tone(Tone::Muted)));
    }
    let room = width.saturating_sub(4).max(8);
    let mut troubles = Vec::new();
    let unread: Vec<String> = app.unread_partitions().iter().map(ToString::to_string).collect();
    if !unread.is_empty() {
        let text = format!("Nothing can come of partitions {}: their leader does not answer.", unread.join(", "));
        troubles.extend(wrapped(&text, room).into_iter().map(|l| (Tone::Warn, l)));
    }
    let mut add = |failure: &SourceFailure| {
        troubles.extend(wrapped(&failure.what, room).into_iter().map(|l| (Tone::Bad, l)));
        troubles.extend(failure.hint.iter().flat_map(|hint| wrapped(hint, room)).map(|l| (Tone::Muted, l)));
    };
    view.over.iter().flatten().for_each(&mut add);
    view.trouble.iter().for_each(&mut add);
    if let Some((_, first)) = view.partition_trouble.first_key_value() {
        add(first);
    }
    if let Some(closed) = &view.closed {
        troubles.extend(wrapped(closed, room).into_iter().map(|l| (Tone::Bad, l)));
        let ways = key_of(app, look, "ways");
        troubles.push((Tone::Muted, format!("{ways} chooses as whom to log in.")));
    }
    let others = view.partition_trouble.len().saturating_sub(1);
    let most = TROUBLES.max(usize::from(others > 0));
    for (at, (tone, text)) in troubles.into_iter().take(most).enumerate() {
        let mark = if at == 0 { " ▲ " } else { "   " };
        lines.push(Strip::of(mark, look.tone(tone)).put(text, look.tone(tone)));
    }
    if others > 0 {
        lines.push(Strip::of(format!("   and {} more", units::counted(others, "partition")), look.tone(Tone::Bad)));
    }
    lines
}

/// What is said where there is no record.
fn nothing(app: &App, look: Look) -> String {
    let view = &app.messages;
    if !view.filter().text().is_empty() && !view.records.is_empty() {
        return format!("No record passes the filter; {} clears it.", key_of(app, look, "back"));
    }
    let is_refused = !view.positions.is_empty() && view.partition_trouble.len() >= view.positions.len();
    if view.closed.is_some() || is_refused || matches!(view.over, Some(Some(_))) {
        return "Nothing is read.".to_owned();
    }
    if view.positions.is_empty() {
        return "Waiting for the brokers…".to_owned();
    }
    if view.positions.values().all(|p| p.at_end) {
        let from = key_of(app, look, "messages.from");
        return format!("No record from {} on; {from} begins elsewhere.", view.start_text);
    }
    "No record yet.".to_owned()
}

/// Columns of the records in sight.
struct Table {
    look: Look,
    form: Form,
    place: usize,
    key: usize,
    value: usize,
}

impl Table {
    fn of(view: &MessageView, look: Look, width: usize) -> Self {
        let sample = || view.newest_first().take(200).map(|(_, record)| record);
        let place = sample().map(|r| place(r).len()).max().unwrap_or(0).max(8);
        let keys = sample().map(|r| body::line(r.key.as_ref(), view.form, KEY.1).width()).max().unwrap_or(0);
        let key = keys.clamp(KEY.0, KEY.1).min(width / 5).max(4);
        let value = width.saturating_sub(TIME + place + key + 7).max(8);
        Self { look, form: view.form, place, key, value }
    }

    /// The newest at the bottom; the one under the cursor in sight.
    fn draw(&self, view: &MessageView, area: Rect, buffer: &mut Buffer) {
        let height = usize::from(area.height).saturating_sub(1);
        let newer = view.newer();
        // Half a screen of what is newer than the one under the cursor is seen, too.
        let skipped = newer.saturating_sub(height / 2).min(view.passing().saturating_sub(height));
        let mut rows: Vec<(u64, &Record)> = view.newest_first().skip(skipped).take(height).collect();
        rows.reverse();
        self.heading().draw(buffer, area, 0);
        for (row, (number, record)) in (1_u16..).zip(rows) {
            self.line(record).draw(buffer, area, row);
            if view.at == Some(number) {
                let line = Rect { y: area.y + row, height: 1, ..area };
                buffer.set_style(line, self.look.style(Slot::Selected));
            }
        }
    }

    fn heading(&self) -> Strip {
        let (place, key) = (self.place, self.key);
        let text = format!(" {:<TIME$}  {:<place$}  {:<key$}  VALUE", "TIME", "P@OFFSET", "KEY");
        Strip::of(text, self.look.style(Slot::Label))
    }

    fn line(&self, record: &Record) -> Strip {
        let at = record.at.map_or_else(|| "-".to_owned(), |(at, _)| at.format("%H:%M:%S%.3f").to_string());
        let muted = self.look.tone(Tone::Muted);
        let of = |b: Option<&Body>, most| cut_end(&body::line(b, self.form, most), most);
        let value = match &record.value {
            None => Strip::of("null (tombstone)", self.look.tone(Tone::Warn)),
            value => Strip::of(of(value.as_ref(), self.value), Style::new()),
        };
        let key_style = if record.key.is_some() { self.look.style(Slot::Title) } else { muted };
        Strip::of(" ", Style::new())
            .put(at, muted)
            .pad_to(TIME + 3)
            .put(place(record), muted)
            .pad_to(TIME + self.place + 5)
            .put(of(record.key.as_ref(), self.key), key_style)
            .pad_to(TIME + self.place + self.key + 7)
            .then(value)
    }
}

/// Partition and offset: `3@1207`.
fn place(record: &Record) -> String {
    format!("{}@{}", record.partition, record.offset)
}
