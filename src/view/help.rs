//! The keys of this place, made from the table of commands.

use ratatui::{buffer::Buffer, layout::Rect};
use unicode_width::UnicodeWidthStr;

use super::{
    look::{Look, Slot},
    overlay,
    strip::{Strip, wrapped},
};
use crate::app::{App, columns::Tone, commands::Command};

/// Columns that keys take.
const KEYS: usize = 14;

/// Draws the help.
pub fn render(app: &App, look: Look, area: Rect, buffer: &mut Buffer) {
    let available = usize::from(area.width).saturating_sub(4);
    let columns = if available >= 60 { 2 } else { 1 };
    let width = (available / columns).saturating_sub(columns).min(52);
    let entries: Vec<Vec<Strip>> = app.commands_of_place().map(|c| entry(app, c, look, width)).collect();
    let all: usize = entries.iter().map(Vec::len).sum();
    let (mut left, mut right): (Vec<Strip>, Vec<Strip>) = (Vec::new(), Vec::new());
    for entry in entries {
        let column = if columns == 1 || left.len() * 2 < all { &mut left } else { &mut right };
        column.extend(entry);
    }
    let rows = left.len().max(right.len());
    let lines: Vec<Strip> = (0..rows)
        .map(|row| {
            let line = left.get(row).cloned().unwrap_or_default();
            match right.get(row) {
                Some(other) => line.pad_to(width + 2).then(other.clone()),
                None => line,
            }
        })
        .collect();
    overlay::show("Keys of this place", &lines, look, area, buffer);
}

fn entry(app: &App, command: &Command, look: Look, width: usize) -> Vec<Strip> {
    let keys: Vec<String> = command.keys.iter().map(|k| look.key(*k)).collect();
    let keys = if keys.is_empty() { format!(":{}", command.name) } else { keys.join(" ") };
    let refused = (command.refuse)(app).is_some();
    let (key, text) = if refused { (Slot::Label, Slot::Label) } else { (Slot::Key, Slot::Tone(Tone::Plain)) };
    let gap = KEYS.max(keys.width() + 1);
    let mut lines = Vec::new();
    for (at, title) in wrapped(command.title, width.saturating_sub(gap)).into_iter().enumerate() {
        let shown = if at == 0 { keys.as_str() } else { "" };
        lines.push(Strip::of(shown, look.style(key)).pad_to(gap).put(title, look.style(text)));
    }
    lines
}
