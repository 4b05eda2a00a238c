//! How meanings look: one table of styles in the terminal's own 16 colours, and the ASCII pass.

use ratatui::{
    buffer::Buffer,
    style::{Color, Modifier, Style},
};
use unicode_width::UnicodeWidthStr;

use crate::{
    app::{columns::Tone, keys::Key},
    domain::verdict::Verdict,
};

/// How the screen is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Colours are used; without them only modifiers carry emphasis.
    pub color: bool,
    /// Nothing but ASCII is drawn.
    pub ascii: bool,
}

impl Default for Look {
    fn default() -> Self {
        Self { color: true, ascii: false }
    }
}

/// A part of the screen that has a style of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slot {
    /// What a cell means.
    Tone(Tone),
    /// The verdict.
    Verdict(Verdict),
    /// A heading, and the name of what is shown.
    Title,
    /// Heading and rule of the pane that has the focus.
    Focus,
    /// Rules and frames.
    Rule,
    /// Names of columns and labels of figures.
    Label,
    /// A key that can be pressed.
    Key,
    /// The row under the cursor.
    Selected,
    /// Something that must not be overlooked: link down, paused.
    Banner,
    /// The n-th pod of the log view.
    Pod(usize),
}

/// Colours that tell pods apart in the log view; red and yellow are left to errors and warnings.
const POD_COLORS: [Color; 6] =
    [Color::Cyan, Color::Green, Color::Magenta, Color::Blue, Color::LightCyan, Color::LightMagenta];

/// Glyphs and what stands for them where only ASCII can be shown.
const ASCII: &[(&str, &str)] = &[
    ("●", "*"),
    ("▲", "!"),
    ("◌", "o"),
    ("█", "#"),
    ("░", "."),
    ("─", "-"),
    ("━", "="),
    ("│", "|"),
    ("┌", "+"),
    ("┐", "+"),
    ("└", "+"),
    ("┘", "+"),
    ("…", "~"),
    ("↵", "<"),
    ("↑", "^"),
    ("↓", "v"),
    ("←", "<"),
    ("→", ">"),
    ("▸", ">"),
    ("≥", ">"),
    ("×", "x"),
    ("·", "-"),
    ("–", "-"),
    ("Σ", "S"),
];

impl Look {
    /// The style of a slot.
    pub fn style(self, slot: Slot) -> Style {
        let (color, modifier) = style_of(slot);
        let style = Style::new().add_modifier(modifier);
        match color {
            Some(color) if self.color => style.fg(color),
            _ => style,
        }
    }

    /// The style of a tone.
    pub fn tone(self, tone: Tone) -> Style {
        self.style(Slot::Tone(tone))
    }

    /// A key's name as it is shown: words where only ASCII can be.
    pub fn key(self, key: Key) -> String {
        match key {
            Key::Enter if self.ascii => "enter".to_owned(),
            Key::Up if self.ascii => "up".to_owned(),
            Key::Down if self.ascii => "down".to_owned(),
            Key::Left if self.ascii => "left".to_owned(),
            Key::Right if self.ascii => "right".to_owned(),
            key => key.to_string(),
        }
    }

    /// A sequence of keys as it is shown: letters close together, as `gg`.
    pub fn keys(self, keys: &[Key]) -> String {
        let letters = keys.iter().all(|key| key.is_typed() && *key != Key::Char(' '));
        keys.iter().map(|key| self.key(*key)).collect::<Vec<_>>().join(if letters { "" } else { " " })
    }

    /// Replaces everything that is not ASCII, where the look asks for that.
    pub fn finish(self, buffer: &mut Buffer) {
        if !self.ascii {
            return;
        }
        let mut covered = 0;
        for cell in &mut buffer.content {
            if covered > 0 {
                // The right half of a wide character.
                covered -= 1;
                cell.set_symbol(" ");
            } else if !cell.symbol().is_ascii() {
                covered = cell.symbol().width().saturating_sub(1);
                let plain = ASCII.iter().find(|(glyph, _)| *glyph == cell.symbol()).map_or("?", |(_, plain)| plain);
                cell.set_symbol(plain);
            }
        }
    }
}

/// The table of styles.
fn style_of(slot: Slot) -> (Option<Color>, Modifier) {
    const NONE: Modifier = Modifier::empty();
    match slot {
        Slot::Tone(Tone::Plain) => (None, NONE),
        Slot::Tone(Tone::Good) | Slot::Verdict(Verdict::Ok) => (Some(Color::Green), NONE),
        Slot::Tone(Tone::Warn) => (Some(Color::Yellow), NONE),
        Slot::Tone(Tone::Bad) | Slot::Verdict(Verdict::Critical) => (Some(Color::Red), Modifier::BOLD),
        Slot::Tone(Tone::Muted | Tone::Unknown) | Slot::Rule | Slot::Label => (None, Modifier::DIM),
        Slot::Verdict(Verdict::Degraded) => (Some(Color::Yellow), Modifier::BOLD),
        Slot::Verdict(Verdict::Blind) => (Some(Color::Magenta), Modifier::BOLD),
        Slot::Title => (None, Modifier::BOLD),
        Slot::Focus => (Some(Color::LightCyan), Modifier::BOLD),
        Slot::Key => (Some(Color::Cyan), Modifier::BOLD),
        Slot::Selected => (None, Modifier::REVERSED),
        Slot::Banner => (Some(Color::Yellow), Modifier::BOLD.union(Modifier::REVERSED)),
        Slot::Pod(n) => (Some(POD_COLORS[n % POD_COLORS.len()]), NONE),
    }
}

#[cfg(test)]
mod tests {
    use ratatui::layout::Rect;

    use super::*;

    #[test]
    fn without_colour_only_modifiers_are_left() {
        let mono = Look { color: false, ascii: false };
        let bad = mono.tone(Tone::Bad);
        assert_eq!(bad.fg, None);
        assert!(bad.add_modifier.contains(Modifier::BOLD));
        assert!(mono.style(Slot::Selected).add_modifier.contains(Modifier::REVERSED));
    }

    #[test]
    fn ascii_replaces_glyphs_and_both_halves_of_wide_characters() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 8, 1));
        buffer.set_string(0, 0, "▲ 日本─x", Style::new());
        Look { color: true, ascii: true }.finish(&mut buffer);
        let text: String = buffer.content.iter().map(ratatui::buffer::Cell::symbol).collect();
        assert_eq!(text, "! ? ? -x");
    }
}
