//! How meanings look: the theme's styles for this terminal, and the ASCII pass.

use ratatui::{
    buffer::Buffer,
    style::{Color, Modifier, Style},
};
use unicode_width::UnicodeWidthStr;

use crate::{
    app::{columns::Tone, keys::Key},
    config::{
        color::{self, Depth},
        theme::{self, Mods, Theme},
    },
    domain::verdict::Verdict,
};

/// How many pods of the log view have a style of their own.
const PODS: usize = 6;

/// Names of the slots in a theme, in the order of the table of styles.
const NAMES: [&str; 17 + PODS] = [
    "text",
    "state.good",
    "state.warn",
    "state.bad",
    "state.unknown",
    "text.muted",
    "verdict.ok",
    "verdict.degraded",
    "verdict.critical",
    "verdict.blind",
    "text.title",
    "text.label",
    "text.key",
    "frame.focus",
    "frame.rule",
    "selected",
    "banner",
    "pod.1",
    "pod.2",
    "pod.3",
    "pod.4",
    "pod.5",
    "pod.6",
];

/// How the screen is drawn: a style for every slot, made for what this terminal can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    styles: [Brush; NAMES.len()],
    /// Nothing but ASCII is drawn.
    pub ascii: bool,
}

/// A style without what no theme sets, so that a look stays small enough to be handed around.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Brush {
    fg: Option<Color>,
    bg: Option<Color>,
    mods: Modifier,
}

impl Default for Look {
    fn default() -> Self {
        Self::new(&Theme::built_in("default"), Depth::Ansi16, false)
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

impl Slot {
    /// Its place in the table of styles.
    fn place(self) -> usize {
        match self {
            Self::Tone(Tone::Plain) => 0,
            Self::Tone(Tone::Good) => 1,
            Self::Tone(Tone::Warn) => 2,
            Self::Tone(Tone::Bad) => 3,
            Self::Tone(Tone::Unknown) => 4,
            Self::Tone(Tone::Muted) => 5,
            Self::Verdict(Verdict::Ok) => 6,
            Self::Verdict(Verdict::Degraded) => 7,
            Self::Verdict(Verdict::Critical) => 8,
            Self::Verdict(Verdict::Blind) => 9,
            Self::Title => 10,
            Self::Label => 11,
            Self::Key => 12,
            Self::Focus => 13,
            Self::Rule => 14,
            Self::Selected => 15,
            Self::Banner => 16,
            Self::Pod(n) => 17 + n % PODS,
        }
    }
}

/// Glyphs and what stands for them where only ASCII can be shown.
const ASCII: &[(&str, &str)] = &[
    ("●", "*"),
    ("▲", "!"),
    ("◌", "o"),
    ("█", "#"),
    ("░", "."),
    ("▁", "_"),
    ("▂", "."),
    ("▃", ":"),
    ("▄", "-"),
    ("▅", "="),
    ("▆", "+"),
    ("▇", "*"),
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
    /// A theme, made for a terminal that shows so many colours.
    pub fn new(theme: &Theme, depth: Depth, ascii: bool) -> Self {
        Self { styles: NAMES.map(|name| Brush::of(theme.style(name).at(depth))), ascii }
    }

    /// The style of a slot.
    pub fn style(self, slot: Slot) -> Style {
        let Brush { fg, bg, mods } = self.styles.get(slot.place()).copied().unwrap_or_default();
        Style { fg, bg, add_modifier: mods, ..Style::new() }
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

impl Brush {
    fn of(style: theme::Style) -> Self {
        let mods = Mods::ALL.into_iter().filter(|(mods, _)| style.mods.has(*mods));
        Self {
            fg: style.fg.map(in_terminal),
            bg: style.bg.map(in_terminal),
            mods: mods.fold(Modifier::empty(), |all, (mods, _)| all.union(modifier(mods))),
        }
    }
}

fn modifier(mods: Mods) -> Modifier {
    match mods {
        Mods::BOLD => Modifier::BOLD,
        Mods::DIM => Modifier::DIM,
        Mods::ITALIC => Modifier::ITALIC,
        Mods::UNDERLINE => Modifier::UNDERLINED,
        Mods::REVERSED => Modifier::REVERSED,
        _ => Modifier::empty(),
    }
}

/// A colour as ratatui has it: the first 16 by name, because terminals of 16 colours know no numbers.
fn in_terminal(color: color::Color) -> Color {
    const NAMED: [Color; 16] = [
        Color::Black,
        Color::Red,
        Color::Green,
        Color::Yellow,
        Color::Blue,
        Color::Magenta,
        Color::Cyan,
        Color::Gray,
        Color::DarkGray,
        Color::LightRed,
        Color::LightGreen,
        Color::LightYellow,
        Color::LightBlue,
        Color::LightMagenta,
        Color::LightCyan,
        Color::White,
    ];
    match color {
        color::Color::Rgb(r, g, b) => Color::Rgb(r, g, b),
        color::Color::Index(n) => NAMED.get(usize::from(n)).copied().unwrap_or(Color::Indexed(n)),
    }
}

#[cfg(test)]
mod tests {
    use ratatui::layout::Rect;

    use super::*;

    #[test]
    fn without_colour_only_modifiers_are_left() {
        let mono = Look::new(&Theme::built_in("default"), Depth::None, false);
        let bad = mono.tone(Tone::Bad);
        assert_eq!(bad.fg, None);
        assert!(bad.add_modifier.contains(Modifier::BOLD));
        assert!(mono.style(Slot::Selected).add_modifier.contains(Modifier::REVERSED));
    }

    #[test]
    fn every_slot_is_drawn_as_the_theme_has_it() {
        let slots = [
            (Slot::Tone(Tone::Plain), "text"),
            (Slot::Tone(Tone::Good), "state.good"),
            (Slot::Tone(Tone::Warn), "state.warn"),
            (Slot::Tone(Tone::Bad), "state.bad"),
            (Slot::Tone(Tone::Unknown), "state.unknown"),
            (Slot::Tone(Tone::Muted), "text.muted"),
            (Slot::Verdict(Verdict::Ok), "verdict.ok"),
            (Slot::Verdict(Verdict::Degraded), "verdict.degraded"),
            (Slot::Verdict(Verdict::Critical), "verdict.critical"),
            (Slot::Verdict(Verdict::Blind), "verdict.blind"),
            (Slot::Title, "text.title"),
            (Slot::Label, "text.label"),
            (Slot::Key, "text.key"),
            (Slot::Focus, "frame.focus"),
            (Slot::Rule, "frame.rule"),
            (Slot::Selected, "selected"),
            (Slot::Banner, "banner"),
            (Slot::Pod(0), "pod.1"),
            (Slot::Pod(7), "pod.2"),
            (Slot::Pod(5), "pod.6"),
        ];
        for (theme, _) in theme::BUILT_IN {
            let theme = Theme::built_in(theme);
            let look = Look::new(&theme, Depth::True, false);
            for (slot, name) in slots {
                let (drawn, meant) = (look.style(slot), Brush::of(theme.style(name)));
                assert_eq!((drawn.fg, drawn.bg, drawn.add_modifier), (meant.fg, meant.bg, meant.mods), "{name}");
            }
        }
        let (mut ours, mut theirs) = (NAMES.to_vec(), theme::SLOTS.iter().map(|(name, _)| *name).collect::<Vec<_>>());
        ours.sort_unstable();
        theirs.sort_unstable();
        assert_eq!(ours, theirs);
    }

    #[test]
    fn ascii_replaces_glyphs_and_both_halves_of_wide_characters() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 8, 1));
        buffer.set_string(0, 0, "▲ 日本─x", Style::new());
        Look { ascii: true, ..Look::default() }.finish(&mut buffer);
        let text: String = buffer.content.iter().map(ratatui::buffer::Cell::symbol).collect();
        assert_eq!(text, "! ? ? -x");
    }
}
