//! The keys of this place, made from the table of commands.

use ratatui::{buffer::Buffer, layout::Rect};
use unicode_width::UnicodeWidthStr;

use super::{
    footer,
    look::{Look, Slot},
    overlay,
    strip::{Strip, draw_all, wrapped},
};
use crate::app::{App, columns::Tone, commands::Command};

/// Columns that keys take.
const KEYS: usize = 14;

/// Draws the help; the entry at the cursor is marked and always in sight.
pub fn render(app: &App, at: usize, look: Look, area: Rect, buffer: &mut Buffer) {
    // The footer stays in sight: it says what may follow when a sequence of keys is begun.
    let area = Rect { height: area.height.saturating_sub(1), ..area };
    let available = usize::from(area.width).saturating_sub(4);
    let columns = if available >= 60 { 2 } else { 1 };
    let width = (available / columns).saturating_sub(columns).min(52);
    let entries: Vec<Vec<Strip>> = app.help_entries().into_iter().map(|c| entry(app, c, look, width)).collect();
    let all: usize = entries.iter().map(Vec::len).sum();
    let (mut left, mut right): (Vec<Strip>, Vec<Strip>) = (Vec::new(), Vec::new());
    let mut marked = Mark::default();
    for (nth, entry) in entries.into_iter().enumerate() {
        let is_left = columns == 1 || left.len() * 2 < all;
        let column = if is_left { &mut left } else { &mut right };
        if nth == at {
            marked = Mark { column: usize::from(!is_left), first: column.len(), rows: entry.len() };
        }
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
    let title = format!("Keys of this place: {} runs one", footer::key_of(app, look, "overlay.run"));
    let widest = lines.iter().map(Strip::width).max().unwrap_or(0).max(title.width() + 2);
    let inside = overlay::open(&title, widest, lines.len(), look, area, buffer);
    let height = usize::from(inside.height);
    let first = (marked.first + marked.rows).saturating_sub(height);
    draw_all(lines.get(first..).unwrap_or_default(), buffer, inside);
    marked.draw(first, width, look, inside, buffer);
}

/// Where the entry under the cursor stands.
#[derive(Default)]
struct Mark {
    column: usize,
    first: usize,
    rows: usize,
}

impl Mark {
    fn draw(&self, scrolled: usize, width: usize, look: Look, inside: Rect, buffer: &mut Buffer) {
        let cells = |n: usize| u16::try_from(n).unwrap_or(u16::MAX);
        let (x, y) = (cells(self.column * (width + 2)), cells(self.first.saturating_sub(scrolled)));
        let row =
            Rect { x: inside.x.saturating_add(x), y: inside.y + y, width: cells(width), height: cells(self.rows) };
        buffer.set_style(row.intersection(inside), look.style(Slot::Selected));
    }
}

fn entry(app: &App, command: &Command, look: Look, width: usize) -> Vec<Strip> {
    let mut keys = footer::key_of(app, look, command.name);
    for more in app.keys_of(command).into_iter().skip(1).map(|more| look.keys(more)) {
        if keys.width() + 1 + more.width() < KEYS {
            keys = format!("{keys} {more}");
        }
    }
    let refused = command.refusal(app).is_some();
    let (key, text) = if refused { (Slot::Label, Slot::Label) } else { (Slot::Key, Slot::Tone(Tone::Plain)) };
    let gap = KEYS.max(keys.width() + 1);
    let mut lines = Vec::new();
    for (at, title) in wrapped(command.title, width.saturating_sub(gap)).into_iter().enumerate() {
        let shown = if at == 0 { keys.as_str() } else { "" };
        lines.push(Strip::of(shown, look.style(key)).pad_to(gap).put(title, look.style(text)));
    }
    lines
}
