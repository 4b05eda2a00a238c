//! Where the figures come from: every source with its state, its age and why it is not live, and the terms.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::{
    look::{Look, Slot},
    overlay,
    strip::{Strip, cut, wrapped},
};
use crate::{
    app::{App, columns::Tone, sources::merged},
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

/// Draws the sources; answers with how many lines have no room.
pub fn render(app: &App, look: Look, area: Rect, buffer: &mut Buffer) -> usize {
    let width = usize::from(area.width).saturating_sub(4).min(110);
    let mut lines: Vec<Strip> = Vec::new();
    for (label, words) in [("Way in", app.way_in_words()), ("Helm", app.release_in_words())] {
        let text = words.map(|words| wrapped(&words, width.saturating_sub(WAY))).unwrap_or_default();
        for (at, text) in text.iter().enumerate() {
            let label = if at == 0 { label } else { "" };
            lines.push(Strip::of(label, look.style(Slot::Label)).pad_to(WAY).put(text, Style::new()));
        }
    }
    if !lines.is_empty() {
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
    overlay::page("Where these figures come from", &lines, app.page_at, look, area, buffer)
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
