//! What the figures mean and where they come from: the terms of the place at hand with what the selected row has there,
//! and every source with its state, its age and why it is not live.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};
use unicode_width::UnicodeWidthStr;

use super::{
    look::{Look, Slot},
    overlay,
    strip::{Strip, cut, wrapped},
};
use crate::{
    app::{
        App,
        columns::{Cell, Tone},
        sources::merged,
        terms::{Term, in_place},
    },
    domain::{
        freshness::{Freshness, SourceState},
        units,
    },
};

/// What the terms of the header mean.
const TERMS: [(&str, &str); 5] = [
    ("offline", "partitions without a leader that answers"),
    ("URP", "partitions with fewer in-sync replicas than replicas"),
    ("under-min", "partitions below min.insync.replicas: acks=all fails"),
    ("at-min", "partitions that are behind and one loss from that"),
    ("lag", "records between a group's commit and the partition's end"),
];

/// Columns of a source's name.
const NAME: usize = 34;

/// Columns of the label of the way in.
const WAY: usize = 8;

/// Columns of a figure beside its term.
const FIGURE: usize = 18;

/// Draws the page; answers with how many lines have no room.
pub fn render(app: &App, look: Look, area: Rect, buffer: &mut Buffer) -> usize {
    let width = usize::from(area.width).saturating_sub(4).min(110);
    let terms = in_place(app);
    let title =
        if terms.is_empty() { "Where these figures come from" } else { "What these figures mean, and their sources" };
    let mut lines = meanings(&terms, look, width);
    if !lines.is_empty() {
        lines.push(Strip::default());
    }
    for (label, words) in [("Way in", app.way_in_words()), ("Helm", app.release_in_words())] {
        let text = words.map(|words| wrapped(&words, width.saturating_sub(WAY))).unwrap_or_default();
        for (at, text) in text.iter().enumerate() {
            let label = if at == 0 { label } else { "" };
            lines.push(Strip::of(label, look.style(Slot::Label)).pad_to(WAY).put(text, Style::new()));
        }
    }
    if lines.last().is_some_and(|line| line.width() > 0) {
        lines.push(Strip::default());
    }
    lines.push(
        Strip::of("SOURCE", look.style(Slot::Label)).pad_to(NAME + 2).put("STATE  ANSWERED", look.style(Slot::Label)),
    );
    for (name, fresh) in merged(app) {
        lines.extend(source(app, &name, &fresh, look, width));
    }
    lines.push(Strip::default());
    for (term, meaning) in TERMS {
        lines.push(Strip::of(format!("{term:<11}"), look.style(Slot::Title)).put(meaning, Style::new()));
    }
    overlay::page(title, &lines, app.page_at, look, area, buffer)
}

/// Columns' titles, the selected row's figures, and in words what those are and who tells them.
fn meanings(terms: &[(&Term, Option<Cell>)], look: Look, width: usize) -> Vec<Strip> {
    let titles = terms.iter().map(|(term, _)| term.title.len()).max().unwrap_or(0) + 2;
    let figures = terms.iter().flat_map(|(_, cell)| cell).map(|cell| cell.text.width()).max().unwrap_or(0);
    let figures = figures.min(FIGURE) + 2;
    let mut lines = Vec::new();
    for (term, cell) in terms {
        let mut head = Strip::of(term.title, look.style(Slot::Title)).pad_to(titles);
        if let Some(cell) = cell {
            head = head.put(cut(&cell.text, FIGURE), look.tone(cell.tone));
        }
        for words in wrapped(&term.words(), width.saturating_sub(titles + figures)) {
            lines.push(std::mem::take(&mut head).pad_to(titles + figures).put(words, Style::new()));
        }
    }
    lines
}

fn source(app: &App, name: &str, fresh: &Freshness, look: Look, width: usize) -> Vec<Strip> {
    let (sign, word, tone) = match fresh.state {
        SourceState::Live => ("●", "live", Tone::Good),
        SourceState::Stale => ("▲", "stale", Tone::Warn),
        SourceState::Blind => ("▲", "blind", Tone::Bad),
    };
    let age = fresh.as_of.map_or_else(|| "never".to_owned(), |at| format!("{} ago", units::age(app.now, at)));
    let mut lines = vec![
        Strip::of(format!("{sign} "), look.tone(tone))
            .put(cut(name, NAME - 1), Style::new())
            .pad_to(NAME + 2)
            .put(format!("{word:<5}"), look.tone(tone))
            .put(format!("  {age}"), Style::new()),
    ];
    let room = width.saturating_sub(4);
    let mut below = |text: &str, tone: Tone| {
        lines.extend(wrapped(text, room).iter().map(|l| Strip::of(format!("    {l}"), look.tone(tone))));
    };
    if let Some(why) = &fresh.why {
        below(why, Tone::Plain);
    }
    if let Some(hint) = &fresh.hint {
        below(hint, Tone::Muted);
    }
    lines
}
