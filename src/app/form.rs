//! One line of text that is being typed: the filter and the palette.
//!
//! The only file of `app` that holds a widget's buffer, because editing text well is the widget's craft.

use tui_textarea::TextArea;

use super::keys::Key;

/// A line that is being typed.
#[derive(Debug, Clone)]
pub struct Form {
    area: TextArea<'static>,
}

impl Form {
    /// A line that starts with `text`, the cursor behind it.
    pub fn new(text: &str) -> Self {
        let mut area = TextArea::new(vec![text.to_owned()]);
        area.move_cursor(tui_textarea::CursorMove::End);
        Self { area }
    }

    /// What has been typed.
    pub fn text(&self) -> &str {
        self.area.lines().first().map_or("", String::as_str)
    }

    /// Column of the cursor in characters.
    pub fn cursor(&self) -> usize {
        self.area.cursor().1
    }

    /// Takes a key; line breaks are not text here.
    pub fn key(&mut self, key: Key) {
        if !matches!(key, Key::Enter | Key::Esc | Key::Tab | Key::BackTab | Key::Ctrl('m' | 'j')) {
            self.area.input(key.to_event());
        }
    }

    /// Takes pasted text: its first line, as text, never as keys.
    pub fn paste(&mut self, text: &str) {
        let line: String = text
            .lines()
            .next()
            .unwrap_or_default()
            .chars()
            .filter(|c| !crate::domain::text::is_unprintable(*c))
            .collect();
        self.area.insert_str(line);
    }
}
