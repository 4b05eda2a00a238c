//! One line of text that is being typed: the filter and the palette.
//!
//! The only file of `app` that holds a widget's buffer, because editing text well is the widget's craft.

use tui_textarea::TextArea;

use super::keys::Key;

/// Characters of pasted text that are taken.
const PASTED: usize = 1_000;

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

    /// Takes pasted text as text, never as keys: its lines as one, without what is not text, and no more of it
    /// than anybody reads.
    pub fn paste(&mut self, text: &str) {
        let text = text.trim();
        let blank = |c: char| if c.is_whitespace() { ' ' } else { c };
        let line: String =
            text.chars().map(blank).filter(|c| !crate::domain::text::is_unprintable(*c)).take(PASTED).collect();
        self.area.insert_str(line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pasted_text_becomes_one_line_without_controls() {
        let mut form = Form::new("a ");
        form.paste("\u{1b}[2Jb\r\nc\td\u{7}\u{202e}\n");
        assert_eq!(form.text(), "a [2Jb  c d");
        form.paste(&"x".repeat(1 << 20));
        assert!(form.text().len() < 2 * PASTED);
    }
}
