//! Keys and sequences of keys, as they are written in a keymap and shown on the screen.
//!
//! It is not how a terminal reports them: that is `app::keys`, which turns events into these.

use std::{fmt, str::FromStr};

/// Keys of the longest sequence.
pub const LONGEST: usize = 3;

/// A key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// A character as typed, shift included.
    Char(char),
    /// Ctrl and a letter.
    Ctrl(char),
    /// Return.
    Enter,
    /// Escape.
    Esc,
    /// Tabulator.
    Tab,
    /// Shift-Tab.
    BackTab,
    /// Backspace.
    Backspace,
    /// Delete.
    Delete,
    /// Cursor up.
    Up,
    /// Cursor down.
    Down,
    /// Cursor left.
    Left,
    /// Cursor right.
    Right,
    /// Page up.
    PageUp,
    /// Page down.
    PageDown,
    /// Home.
    Home,
    /// End.
    End,
    /// A function key by its number.
    Function(u8),
}

/// Keys with a name: the name in a keymap, then how it is shown.
const NAMED: &[(Key, &str, &str)] = &[
    (Key::Char(' '), "space", "space"),
    (Key::Enter, "enter", "↵"),
    (Key::Esc, "esc", "esc"),
    (Key::Tab, "tab", "tab"),
    (Key::BackTab, "shift-tab", "shift-tab"),
    (Key::Backspace, "backspace", "backspace"),
    (Key::Delete, "delete", "del"),
    (Key::Up, "up", "↑"),
    (Key::Down, "down", "↓"),
    (Key::Left, "left", "←"),
    (Key::Right, "right", "→"),
    (Key::PageUp, "page-up", "pgup"),
    (Key::PageDown, "page-down", "pgdn"),
    (Key::Home, "home", "home"),
    (Key::End, "end", "end"),
];

/// Other spellings people are used to.
const ALIASES: &[(&str, Key)] = &[
    ("return", Key::Enter),
    ("escape", Key::Esc),
    ("backtab", Key::BackTab),
    ("del", Key::Delete),
    ("pgup", Key::PageUp),
    ("pgdn", Key::PageDown),
    ("pagedown", Key::PageDown),
    ("pageup", Key::PageUp),
];

/// Why a text is no key, or no key that can be bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotAKey {
    /// What is wrong.
    pub what: String,
    /// What to write instead, if that is known.
    pub instead: Option<String>,
}

impl Key {
    /// Its name in a keymap: `ctrl-f`, `page-up`, `G`.
    pub fn name(self) -> String {
        match NAMED.iter().find(|(key, ..)| *key == self) {
            Some((_, name, _)) => (*name).to_owned(),
            None => self.to_string(),
        }
    }

    /// True for a character that is typed, so that a text field would take it.
    pub fn is_typed(self) -> bool {
        matches!(self, Self::Char(_))
    }
}

impl fmt::Display for Key {
    /// How it is shown: as short as can be.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            key if NAMED.iter().any(|(named, ..)| named == key) => {
                let shown = NAMED.iter().find(|(named, ..)| named == key).map_or("", |(.., shown)| shown);
                f.write_str(shown)
            }
            Self::Ctrl(c) => write!(f, "ctrl-{c}"),
            Self::Function(n) => write!(f, "f{n}"),
            Self::Char(c) => write!(f, "{c}"),
            // Every other key has a name.
            _ => Ok(()),
        }
    }
}

impl FromStr for Key {
    type Err = NotAKey;

    fn from_str(text: &str) -> Result<Self, NotAKey> {
        let mut chars = text.chars();
        if let (Some(c), None) = (chars.next(), chars.next()) {
            return if c.is_control() || c == ' ' { Err(unknown(text)) } else { Ok(Self::Char(c)) };
        }
        let lower = text.to_lowercase();
        let named = NAMED.iter().map(|(key, name, _)| (*name, *key)).chain(ALIASES.iter().copied());
        if let Some((_, key)) = named.into_iter().find(|(name, _)| *name == lower) {
            return Ok(key);
        }
        if let Some(letter) = lower.strip_prefix("ctrl-") {
            return control(letter, text);
        }
        if let Some(rest) = lower.strip_prefix("shift-") {
            // Capitals are written as themselves, and this way too.
            return match rest.chars().next().filter(|c| rest.chars().count() == 1 && c.is_ascii_lowercase()) {
                Some(c) => Ok(Self::Char(c.to_ascii_uppercase())),
                None => Err(unknown(text)),
            };
        }
        if lower.starts_with("alt-") || lower.starts_with("meta-") {
            let what = format!("{text:?}: a terminal sends Alt and a key as two keys, so it cannot be bound");
            return Err(NotAKey { what, instead: None });
        }
        match lower.strip_prefix('f').and_then(|n| n.parse().ok()) {
            Some(n @ 1..=12) => Ok(Self::Function(n)),
            _ => Err(unknown(text)),
        }
    }
}

/// Ctrl and a letter, but for those that terminals use for something else.
fn control(letter: &str, text: &str) -> Result<Key, NotAKey> {
    let refused =
        |what: &str, instead: Option<&str>| Err(NotAKey { what: what.to_owned(), instead: instead.map(str::to_owned) });
    match letter {
        "c" => refused("ctrl-c pressed twice always leaves and cannot be bound", None),
        "i" => refused("a terminal sends the same for ctrl-i and tab", Some("tab")),
        "m" => refused("a terminal sends the same for ctrl-m and enter", Some("enter")),
        _ => match letter.chars().next().filter(|_| letter.chars().count() == 1) {
            Some(c) if c.is_ascii_lowercase() => Ok(Key::Ctrl(c)),
            _ => Err(unknown(text)),
        },
    }
}

fn unknown(text: &str) -> NotAKey {
    NotAKey { what: format!("{text:?} is not a key"), instead: None }
}

/// The names of all keys that have one.
pub fn names() -> impl Iterator<Item = &'static str> {
    NAMED.iter().map(|(_, name, _)| *name)
}

/// Reads a sequence: keys with blanks between them, as `g g`.
pub fn sequence(text: &str) -> Result<Vec<Key>, NotAKey> {
    let keys = text.split_whitespace().map(str::parse).collect::<Result<Vec<Key>, _>>()?;
    match keys.len() {
        0 => Err(NotAKey { what: "there is no key".to_owned(), instead: None }),
        1..=LONGEST => Ok(keys),
        n => Err(NotAKey { what: format!("{n} keys are more than {LONGEST} in a row"), instead: None }),
    }
}

/// Writes a sequence as a keymap has it.
pub fn written(keys: &[Key]) -> String {
    keys.iter().map(|k| k.name()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let mut keys: Vec<Key> = NAMED.iter().map(|(key, ..)| *key).collect();
        keys.extend([Key::Char('G'), Key::Char('/'), Key::Char('é'), Key::Ctrl('f'), Key::Function(12)]);
        for key in keys {
            assert_eq!(key.name().parse(), Ok(key), "{}", key.name());
        }
        assert_eq!(sequence(&written(&[Key::Char('g'), Key::Ctrl('w')])), Ok(vec![Key::Char('g'), Key::Ctrl('w')]));
    }

    #[test]
    fn usual_spellings_are_understood() {
        for (text, key) in [("PgUp", Key::PageUp), ("shift-g", Key::Char('G')), ("Ctrl-F", Key::Ctrl('f'))] {
            assert_eq!(text.parse(), Ok(key));
        }
        assert_eq!(sequence(" g  g "), Ok(vec![Key::Char('g'); 2]));
    }

    #[test]
    fn what_no_terminal_can_tell_apart_is_refused_with_the_reason() {
        for text in ["ctrl-c", "ctrl-i", "alt-x", "f13", "ctrl-", "ctrl-é", "frob", "", "\u{1b}"] {
            assert!(text.parse::<Key>().is_err(), "{text:?}");
        }
        assert_eq!("ctrl-m".parse::<Key>().unwrap_err().instead.as_deref(), Some("enter"));
        assert!(sequence("a b c d").is_err() && sequence("  ").is_err());
    }
}
