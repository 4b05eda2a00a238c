//! Keys as the App understands them; the only file that knows crossterm's.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

pub use crate::domain::key::Key;

impl Key {
    /// The keys behind crossterm's event; none for releases and keys that mean nothing here.
    ///
    /// A terminal writes Alt and a letter as Esc and that letter, and so do two keys that arrive together over
    /// a slow line: it is taken for the two keys, which is what was meant at least as often.
    pub fn from_event(event: &KeyEvent) -> impl Iterator<Item = Self> {
        let key = Self::of(event);
        let split = event.modifiers.contains(KeyModifiers::ALT) && key.is_some();
        split.then_some(Self::Esc).into_iter().chain(key)
    }

    fn of(event: &KeyEvent) -> Option<Self> {
        if event.kind == KeyEventKind::Release {
            return None;
        }
        let ctrl = event.modifiers.contains(KeyModifiers::CONTROL);
        Some(match event.code {
            KeyCode::Char(c) if ctrl => Self::Ctrl(c.to_ascii_lowercase()),
            KeyCode::Char(c) => Self::Char(c),
            KeyCode::Enter => Self::Enter,
            KeyCode::Esc => Self::Esc,
            KeyCode::Tab => Self::Tab,
            KeyCode::BackTab => Self::BackTab,
            KeyCode::Backspace => Self::Backspace,
            KeyCode::Delete => Self::Delete,
            KeyCode::Up => Self::Up,
            KeyCode::Down => Self::Down,
            KeyCode::Left => Self::Left,
            KeyCode::Right => Self::Right,
            KeyCode::PageUp => Self::PageUp,
            KeyCode::PageDown => Self::PageDown,
            KeyCode::Home => Self::Home,
            KeyCode::End => Self::End,
            KeyCode::F(n) => Self::Function(n),
            _ => return None,
        })
    }

    /// As crossterm's event again, for the text field that wants one.
    pub fn to_event(self) -> KeyEvent {
        let plain = |code| KeyEvent::new(code, KeyModifiers::NONE);
        match self {
            Self::Char(c) => plain(KeyCode::Char(c)),
            Self::Ctrl(c) => KeyEvent::new(KeyCode::Char(c), KeyModifiers::CONTROL),
            Self::Enter => plain(KeyCode::Enter),
            Self::Esc => plain(KeyCode::Esc),
            Self::Tab => plain(KeyCode::Tab),
            Self::BackTab => plain(KeyCode::BackTab),
            Self::Backspace => plain(KeyCode::Backspace),
            Self::Delete => plain(KeyCode::Delete),
            Self::Up => plain(KeyCode::Up),
            Self::Down => plain(KeyCode::Down),
            Self::Left => plain(KeyCode::Left),
            Self::Right => plain(KeyCode::Right),
            Self::PageUp => plain(KeyCode::PageUp),
            Self::PageDown => plain(KeyCode::PageDown),
            Self::Home => plain(KeyCode::Home),
            Self::End => plain(KeyCode::End),
            Self::Function(n) => plain(KeyCode::F(n)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_and_a_letter_that_arrive_together_are_two_keys() {
        let event = KeyEvent::new(KeyCode::Char('q'), KeyModifiers::ALT);
        assert_eq!(Key::from_event(&event).collect::<Vec<_>>(), [Key::Esc, Key::Char('q')]);
        let event = KeyEvent::new(KeyCode::Char('q'), KeyModifiers::NONE);
        assert_eq!(Key::from_event(&event).collect::<Vec<_>>(), [Key::Char('q')]);
    }
}
