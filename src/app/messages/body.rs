//! How keys, values and headers look: as text, as JSON or as bytes, in one line or on a page.
//!
//! What is shown is what is there: numbers of JSON keep their digits, members their order and their repetitions, for
//! its text is laid out and not read into values. Nothing that comes out moves a cursor (`domain::text`).

use std::fmt::Write;

use serde::de::IgnoredAny;

use crate::domain::{record::Body, text::printable, units};

/// Bytes of a line of a hex dump.
const HEX_LINE: usize = 16;

/// Control characters among so many before bytes count as binary: one in this many.
const CONTROLS: usize = 10;

/// How bodies are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Form {
    /// Text where they are text, else bytes.
    #[default]
    Text,
    /// Laid out, where they are JSON; else as text.
    Json,
    /// Bytes.
    Hex,
}

impl Form {
    /// In one word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "JSON",
            Self::Hex => "hex",
        }
    }

    /// The one that follows.
    #[must_use]
    pub fn next(self) -> Self {
        match self {
            Self::Text => Self::Json,
            Self::Json => Self::Hex,
            Self::Hex => Self::Text,
        }
    }
}

/// The text of a body, if it is one: UTF-8 (up to where it was cut), and hardly a control character.
pub fn text(body: &Body) -> Option<&str> {
    let text = match std::str::from_utf8(&body.bytes) {
        Ok(text) => text,
        // It may have been cut within a character.
        Err(error) if body.is_cut() && error.error_len().is_none() => {
            std::str::from_utf8(&body.bytes[..error.valid_up_to()]).ok()?
        }
        Err(_) => return None,
    };
    let controls = text.chars().filter(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')).count();
    (controls * CONTROLS <= text.chars().count()).then_some(text)
}

/// A body in one line of at most so many characters; `null` where there is none, with `…` where it is cut.
pub fn line(body: Option<&Body>, form: Form, most: usize) -> String {
    let Some(body) = body else { return "null".to_owned() };
    let (shown, whole) = match (form, text(body)) {
        (Form::Hex, _) => hex(body, most),
        (_, Some(text)) => {
            let packed = if form == Form::Json && is_json(body) { packed(text, most + 1) } else { text.to_owned() };
            let mut chars = packed.chars();
            let head: String = chars.by_ref().take(most).map(|c| if c == '\n' { ' ' } else { c }).collect();
            (printable(&head).into_owned(), chars.next().is_none() && !body.is_cut())
        }
        (_, None) => {
            let (bytes, whole) = hex(body, most);
            (format!("binary, {}: {bytes}", units::bytes(body.size as u64)), whole)
        }
    };
    if whole { shown } else { format!("{shown}…") }
}

/// Bytes in pairs of digits with blanks between, as many as there is room for, and whether those are all.
fn hex(body: &Body, most: usize) -> (String, bool) {
    let room = (most / 3).max(1);
    let mut text = String::new();
    for (at, byte) in body.bytes.iter().take(room).enumerate() {
        let _ = write!(text, "{}{byte:02x}", if at == 0 { "" } else { " " });
    }
    (text, body.size <= room)
}

/// A body on a page: its lines; levels of JSON below `depth` are folded.
pub fn page(body: Option<&Body>, form: Form, depth: usize) -> Vec<String> {
    let Some(body) = body else { return vec!["null".to_owned()] };
    let mut lines = match (form, text(body)) {
        (Form::Hex, _) | (_, None) => dump(&body.bytes),
        (Form::Json, Some(text)) if is_json(body) => laid_out(text, depth),
        (_, Some(text)) => text.lines().map(|line| printable(line).into_owned()).collect(),
    };
    if body.is_cut() {
        let (kept, size) = (units::bytes(body.bytes.len() as u64), units::bytes(body.size as u64));
        lines.push(format!("… {kept} of {size} are kept"));
    }
    if lines.is_empty() {
        lines.push("(empty)".to_owned());
    }
    lines
}

/// True for a whole JSON object or array.
pub fn is_json(body: &Body) -> bool {
    let begins = body.bytes.iter().find(|b| !b.is_ascii_whitespace());
    !body.is_cut() && matches!(begins, Some(b'{' | b'[')) && serde_json::from_slice::<IgnoredAny>(&body.bytes).is_ok()
}

/// Lines as `hexdump -C` has them: offset, bytes, and what of them is ASCII.
fn dump(bytes: &[u8]) -> Vec<String> {
    let line = |(at, bytes): (usize, &[u8])| {
        let mut line = format!("{:08x} ", at * HEX_LINE);
        for column in 0..HEX_LINE {
            let gap = if column == HEX_LINE / 2 { " " } else { "" };
            let _ = match bytes.get(column) {
                Some(byte) => write!(line, "{gap} {byte:02x}"),
                None => write!(line, "{gap}   "),
            };
        }
        let seen = bytes.iter().map(|b| if b.is_ascii_graphic() || *b == b' ' { char::from(*b) } else { '.' });
        format!("{line}  {}", seen.collect::<String>())
    };
    bytes.chunks(HEX_LINE).enumerate().map(line).collect()
}

/// JSON's text without the blanks between its parts, up to so many characters.
fn packed(text: &str, most: usize) -> String {
    let mut out = String::new();
    let mut strings = Strings::default();
    let mut count = 0;
    for c in text.chars() {
        let inside = strings.takes(c);
        if inside || !c.is_ascii_whitespace() {
            out.push(c);
            count += 1;
            if count >= most {
                break;
            }
        }
    }
    out
}

/// Whether a character of JSON's text belongs to a string, its quotes too.
#[derive(Default)]
struct Strings {
    inside: bool,
    escaped: bool,
}

impl Strings {
    fn takes(&mut self, c: char) -> bool {
        let was = self.inside;
        if self.escaped {
            self.escaped = false;
        } else if self.inside && c == '\\' {
            self.escaped = true;
        } else if c == '"' {
            self.inside = !self.inside;
        }
        was || self.inside
    }
}

/// JSON's text laid out, two blanks a level; what lies deeper than `depth` is folded to `{…}`.
fn laid_out(text: &str, depth: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let (mut strings, mut level) = (Strings::default(), 0_usize);
    let chars: Vec<char> = packed(text, usize::MAX).chars().collect();
    let broken = |lines: &mut Vec<String>, level: usize| lines.push("  ".repeat(level));
    for (at, c) in chars.iter().copied().enumerate() {
        let inside = strings.takes(c);
        let (shut, folded) = (matches!(c, '}' | ']') && !inside, level > depth);
        let emptied = at > 0 && matches!(chars[at - 1], '{' | '[');
        if shut {
            level = level.saturating_sub(1);
            if level < depth && !emptied {
                broken(&mut lines, level);
            }
        }
        if (!folded || (shut && level <= depth))
            && let Some(line) = lines.last_mut()
        {
            line.push(c);
        }
        if inside {
            continue;
        }
        match c {
            '{' | '[' => {
                level += 1;
                let ends = chars.get(at + 1).is_some_and(|next| matches!(next, '}' | ']'));
                if level == depth + 1 && !ends {
                    if let Some(line) = lines.last_mut() {
                        line.push('…');
                    }
                } else if level <= depth && !ends {
                    broken(&mut lines, level);
                }
            }
            ',' if level <= depth => broken(&mut lines, level),
            ':' if level <= depth => {
                if let Some(line) = lines.last_mut() {
                    line.push(' ');
                }
            }
            _ => {}
        }
    }
    lines.iter().map(|line| printable(line).into_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(bytes: &[u8]) -> Body {
        Body::of(bytes, usize::MAX)
    }

    fn lined(bytes: &[u8], form: Form) -> String {
        line(Some(&body(bytes)), form, 60)
    }

    #[test]
    fn text_is_shown_as_it_is_and_never_as_escape_codes() {
        assert_eq!(lined(b"order 42", Form::Text), "order 42");
        assert_eq!(
            lined("a\u{1b}[31mred and a long tail of text\nb\u{202e}".as_bytes(), Form::Text).matches('?').count(),
            2
        );
        assert_eq!(line(None, Form::Text, 9), "null");
        assert_eq!(lined(b"", Form::Text), "");
        assert_eq!(line(Some(&body(b"0123456789")), Form::Text, 4), "0123…");
    }

    #[test]
    fn bytes_that_are_no_text_are_named_and_shown_as_bytes() {
        assert_eq!(lined(&[0xff, 0xfe, 0], Form::Text), "binary, 3 B: ff fe 00");
        assert_eq!(lined(&[0, 1, 2, 3], Form::Json), "binary, 4 B: 00 01 02 03");
        assert_eq!(lined(b"ab", Form::Hex), "61 62");
        let page = page(Some(&body(&[0x41; 20])), Form::Hex, 9);
        assert_eq!(page[0], "00000000  41 41 41 41 41 41 41 41  41 41 41 41 41 41 41 41  AAAAAAAAAAAAAAAA");
        assert_eq!(page[1], "00000010  41 41 41 41                                       AAAA");
    }

    #[test]
    fn a_character_that_was_cut_in_two_leaves_text() {
        let cut = Body::of("grün".as_bytes(), 3);
        assert_eq!(text(&cut), Some("gr"));
        assert_eq!(line(Some(&cut), Form::Text, 60), "gr…");
        assert_eq!(page(Some(&cut), Form::Text, 9).last().unwrap(), "… 3 B of 5 B are kept");
    }

    #[test]
    fn json_keeps_its_digits_its_order_and_its_repetitions() {
        let text = br#" { "b" : 1.10, "a": [1, {"x": 12345678901234567890123}], "a": {}, "s": "a, {b}: \"c\"" } "#;
        assert_eq!(
            line(Some(&body(text)), Form::Json, 200),
            r#"{"b":1.10,"a":[1,{"x":12345678901234567890123}],"a":{},"s":"a, {b}: \"c\""}"#
        );
        assert_eq!(
            page(Some(&body(text)), Form::Json, 9).join("\n"),
            "{\n  \"b\": 1.10,\n  \"a\": [\n    1,\n    {\n      \"x\": 12345678901234567890123\n    }\n  ],\n  \"a\": {},\n  \
             \"s\": \"a, {b}: \\\"c\\\"\"\n}"
        );
    }

    #[test]
    fn json_folds_below_a_depth() {
        let text = br#"{"a":{"b":[1,2]},"c":[],"d":3}"#;
        let folded = |depth| page(Some(&body(text)), Form::Json, depth).join("\n");
        assert_eq!(folded(1), "{\n  \"a\": {…},\n  \"c\": [],\n  \"d\": 3\n}");
        assert_eq!(folded(0), "{…}");
        assert_eq!(folded(2), "{\n  \"a\": {\n    \"b\": […]\n  },\n  \"c\": [],\n  \"d\": 3\n}");
    }

    #[test]
    fn what_is_not_quite_json_is_text() {
        assert!(!is_json(&body(b"{\"a\":")));
        assert!(!is_json(&body(b"42")));
        assert!(!is_json(&Body::of(b"{\"a\":1}", 3)));
        assert_eq!(page(Some(&body(b"{\"a\":\nx")), Form::Json, 9), ["{\"a\":", "x"]);
    }
}
