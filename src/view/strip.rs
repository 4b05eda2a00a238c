//! One line of styled text. Everything that is drawn is put into one, and made printable there.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::domain::text::printable;

/// One line of styled text.
#[derive(Debug, Clone, Default)]
pub struct Strip {
    spans: Vec<Span<'static>>,
    width: usize,
}

impl Strip {
    /// A line with one text.
    pub fn of(text: impl AsRef<str>, style: Style) -> Self {
        Self::default().put(text, style)
    }

    /// The line with more text behind it. The only place where text becomes part of the screen.
    #[must_use]
    pub fn put(mut self, text: impl AsRef<str>, style: Style) -> Self {
        let text = printable(text.as_ref()).into_owned();
        self.width += text.width();
        self.spans.push(Span::styled(text, style));
        self
    }

    /// The line with another behind it.
    #[must_use]
    pub fn then(mut self, other: Self) -> Self {
        self.width += other.width;
        self.spans.extend(other.spans);
        self
    }

    /// The line with blanks up to a column.
    #[must_use]
    pub fn pad_to(self, column: usize) -> Self {
        let missing = column.saturating_sub(self.width);
        self.put(" ".repeat(missing), Style::new())
    }

    /// Columns it takes.
    pub fn width(&self) -> usize {
        self.width
    }

    /// True when it has no text.
    pub fn is_empty(&self) -> bool {
        self.width == 0
    }

    /// Its text without styles.
    #[cfg(test)]
    pub fn text(&self) -> String {
        self.spans.iter().map(|s| s.content.as_ref()).collect()
    }

    /// Draws it in a row of an area; what does not fit is marked with `…`.
    pub fn draw(&self, buffer: &mut Buffer, area: Rect, row: u16) {
        let area = area.intersection(buffer.area);
        if row >= area.height || area.width == 0 {
            return;
        }
        let (x, y) = (area.x, area.y + row);
        buffer.set_line(x, y, &Line::from(self.spans.clone()), area.width);
        if self.width > usize::from(area.width)
            && let Some(cell) = buffer.cell_mut((x + area.width - 1, y))
        {
            cell.set_symbol("…");
        }
    }
}

/// Draws lines one below the other, as many as fit.
pub fn draw_all(lines: &[Strip], buffer: &mut Buffer, area: Rect) {
    for (row, line) in (0..area.height).zip(lines) {
        line.draw(buffer, area, row);
    }
}

/// A text cut to `width` columns: a name in the middle, so that both of its telling ends stay, a sentence at
/// its end.
pub fn cut(text: &str, width: usize) -> String {
    let text = printable(text);
    if text.width() <= width {
        return text.into_owned();
    }
    if text.contains(' ') { cut_end(&text, width) } else { cut_middle(&text, width) }
}

/// A text cut at its end.
pub fn cut_end(text: &str, width: usize) -> String {
    let text = printable(text);
    if text.width() <= width {
        return text.into_owned();
    }
    let head = head(&text, width.saturating_sub(1));
    format!("{head}{}", if width == 0 { "" } else { "…" })
}

/// A name cut at its front: its end is what tells it from its neighbours.
pub fn cut_front(text: &str, width: usize) -> String {
    let text = printable(text);
    if text.width() <= width {
        return text.into_owned();
    }
    format!("{}{}", if width == 0 { "" } else { "…" }, tail(&text, width.saturating_sub(1)))
}

fn cut_middle(text: &str, width: usize) -> String {
    let front = width.saturating_sub(1) * 2 / 5;
    let back = width.saturating_sub(1) - front;
    format!("{}{}{}", head(text, front), if width == 0 { "" } else { "…" }, tail(text, back))
}

fn head(text: &str, width: usize) -> String {
    let mut left = width;
    text.chars()
        .take_while(|c| {
            let needed = c.width().unwrap_or(0);
            let fits = needed <= left;
            left = left.saturating_sub(needed);
            fits
        })
        .collect()
}

fn tail(text: &str, width: usize) -> String {
    let backwards: String = text.chars().rev().collect();
    head(&backwards, width).chars().rev().collect()
}

/// A sentence in lines of at most `width` columns, broken between words, and within words that are longer.
pub fn wrapped(text: &str, width: usize) -> Vec<String> {
    let text = printable(text);
    let width = width.max(1);
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let mut word = word.to_owned();
        loop {
            let Some(line) = lines.last_mut() else { return lines };
            let gap = usize::from(!line.is_empty());
            if line.width() + gap + word.width() <= width {
                line.push_str(&" ".repeat(gap));
                line.push_str(&word);
                break;
            }
            if !line.is_empty() {
                lines.push(String::new());
                continue;
            }
            let first = head(&word, width);
            if first.is_empty() {
                // A character wider than the line.
                break;
            }
            word = word[first.len()..].to_owned();
            line.push_str(&first);
            lines.push(String::new());
        }
    }
    lines
}

/// A part of a line that may be left out when the line is too long.
#[derive(Debug, Clone)]
pub struct Part {
    /// What is shown.
    pub strip: Strip,
    /// 0 stays; the highest goes first.
    pub optional: u8,
}

impl Part {
    /// A part that may be left out.
    pub fn new(optional: u8, strip: Strip) -> Self {
        Self { strip, optional }
    }
}

/// The parts that fit in `width` columns with `gap` between them, the most important first; whole or not at all.
pub fn fitting(parts: Vec<Part>, gap: &Strip, width: usize) -> Strip {
    let mut by_importance: Vec<usize> = (0..parts.len()).filter(|at| !parts[*at].strip.is_empty()).collect();
    by_importance.sort_by_key(|at| parts[*at].optional);
    let mut taken = vec![false; parts.len()];
    let mut used = 0;
    for at in by_importance {
        let needed = parts[at].strip.width() + if used > 0 { gap.width() } else { 0 };
        if parts[at].optional == 0 || used + needed <= width {
            taken[at] = true;
            used += needed;
        }
    }
    let mut strip = Strip::default();
    for (part, _) in parts.into_iter().zip(taken).filter(|(_, taken)| *taken) {
        strip = if strip.is_empty() { strip } else { strip.then(gap.clone()) };
        strip = strip.then(part.strip);
    }
    strip
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::text::is_unprintable;

    const HOSTILE: [&str; 5] =
        ["\u{1b}[2J\u{1b}[31mred", "abc\u{202e}gpj.exe", "a\u{200b}b\u{7}c", "line\r\nbreak\tand tab", "\u{9b}31m"];

    #[test]
    fn what_came_from_outside_is_printable_once_it_is_on_a_line() {
        for hostile in HOSTILE {
            let strip = Strip::of(hostile, Style::new());
            assert!(!strip.text().chars().any(is_unprintable), "{hostile:?}");
            for width in 0..12 {
                assert!(!cut(hostile, width).chars().any(is_unprintable), "{hostile:?}");
                assert!(cut(hostile, width).width() <= width);
                assert!(wrapped(hostile, width).iter().all(|l| !l.chars().any(is_unprintable)));
            }
        }
    }

    #[test]
    fn names_keep_both_ends_and_sentences_their_beginning() {
        assert_eq!(cut("kafka-cluster-kafka-pool-1", 13), "kafk…a-pool-1");
        assert_eq!(cut("the disk of broker 1 is full", 12), "the disk of…");
        assert_eq!(cut_front("messaging/kafka-cluster", 9), "…-cluster");
        assert_eq!(cut("日本語日本語", 6), "日…語", "a wide character fits whole or not at all");
        assert_eq!(cut("short", 5), "short");
    }

    #[test]
    fn sentences_break_between_words_and_words_only_when_they_must() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("abcdefgh", 3), ["abc", "def", "gh"]);
        assert_eq!(wrapped("日本", 1), [""]);
    }

    #[test]
    fn the_least_important_parts_are_left_out_whole() {
        let part = |optional, text: &str| Part::new(optional, Strip::of(text, Style::new()));
        let parts = vec![part(0, "one"), part(2, "two"), part(1, "three")];
        let gap = Strip::of("  ", Style::new());
        assert_eq!(fitting(parts.clone(), &gap, 20).text(), "one  two  three");
        assert_eq!(fitting(parts.clone(), &gap, 12).text(), "one  three");
        assert_eq!(fitting(parts.clone(), &gap, 9).text(), "one  two", "a smaller one may take the room");
        assert_eq!(fitting(parts, &gap, 2).text(), "one");
    }
}
