//! Where the figures come from: every source with its state, its age and why it is not live, and the terms.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::{
    look::{Look, Slot},
    overlay,
    strip::{Strip, cut, wrapped},
};
use crate::{
    app::{App, columns::Tone},
    domain::{
        freshness::{Freshness, Source, SourceState},
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

/// Draws the sources.
pub fn render(app: &App, look: Look, area: Rect, buffer: &mut Buffer) {
    let width = usize::from(area.width).saturating_sub(4).min(110);
    let height = usize::from(area.height).saturating_sub(2);
    let mut lines = vec![
        Strip::of("SOURCE", look.style(Slot::Label)).pad_to(NAME + 2).put("STATE  ANSWERED", look.style(Slot::Label)),
    ];
    for (name, fresh) in merged(app) {
        lines.extend(source(app, &name, &fresh, look, width));
    }
    if lines.len() > height {
        let left_out = lines.len() + 1 - height;
        lines.truncate(height.saturating_sub(1));
        lines.push(Strip::of(format!("… and {left_out} more lines"), look.tone(Tone::Muted)));
    } else if lines.len() + TERMS.len() < height {
        lines.push(Strip::default());
        for (term, meaning) in TERMS {
            lines.push(Strip::of(format!("{term:<11}"), look.style(Slot::Title)).put(meaning, Style::new()));
        }
    }
    overlay::show("Where these figures come from", &lines, look, area, buffer);
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

/// Sources that are not live first; those that each broker is asked by itself as one where they are alike.
fn merged(app: &App) -> Vec<(String, Freshness)> {
    let all = app.reading().map_or_else(|| app.world.sources.all(app.now), |r| r.sources());
    let mut alike: Vec<Alike> = Vec::new();
    for (source, mut fresh) in all {
        let prefix = format!("{source}: ");
        fresh.why = fresh.why.map(|w| w.strip_prefix(&prefix).map(str::to_owned).unwrap_or(w));
        let (name, of) = match &source {
            Source::Kafka { what, broker: Some(broker), .. } => (format!("{what} of broker"), Some(broker.to_string())),
            Source::Volumes { node } => ("kubelet of node".to_owned(), Some(node.clone())),
            other => (other.to_string(), None),
        };
        let same =
            alike.iter_mut().find(|a| a.name == name && a.fresh.state == fresh.state && a.fresh.why == fresh.why);
        match same {
            Some(known) => {
                known.of.extend(of);
                known.fresh = known.fresh.clone().worst(fresh);
            }
            None => alike.push(Alike { name, of: of.into_iter().collect(), fresh }),
        }
    }
    alike.sort_by_key(|a| std::cmp::Reverse(a.fresh.state));
    alike.into_iter().map(Alike::named).collect()
}

/// Sources of one name in one state.
struct Alike {
    name: String,
    of: Vec<String>,
    fresh: Freshness,
}

impl Alike {
    fn named(self) -> (String, Freshness) {
        let name = match self.of.len() {
            0 => self.name,
            1 => format!("{} {}", self.name, self.of.join("")),
            2..=8 => format!("{}s {}", self.name, self.of.join(", ")),
            n => format!("{}s, {n} of them", self.name),
        };
        (name, self.fresh)
    }
}
