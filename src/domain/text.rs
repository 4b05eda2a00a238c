//! Text that came from outside, made safe to show.
//!
//! Topic names, log lines, messages of Kubernetes and error texts of brokers may hold escape
//! sequences, bidirectional controls or passwords. Values are cleaned once, where they are drawn or
//! printed (`printable`), and stripped of credentials once, where they enter (`redacted`).

use std::borrow::Cow;

/// True for characters that may move the cursor, change the terminal's state or reorder text.
///
/// C0 and C1 controls, DEL, bidirectional controls (UAX #9), line and paragraph separators,
/// zero-width and other invisible format characters.
pub fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{00ad}' | '\u{061c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// The text with every unprintable character replaced by `\u{fffd}`'s ASCII stand-in `?`; a tab becomes a space.
///
/// Borrowed when there is nothing to replace, which is nearly always.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unprintable) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(
        text.chars()
            .map(|c| {
                if c == '\t' {
                    ' '
                } else if is_unprintable(c) {
                    '?'
                } else {
                    c
                }
            })
            .collect(),
    )
}

/// The text without escape sequences and other unprintable characters; tabs stay.
///
/// An escape sequence goes whole, as `ESC [ 31 m`; one that does not end loses its escape character alone, so that
/// nothing can hide the rest of a line. Borrowed when there is nothing to take out, which is nearly always.
pub fn plain(text: &str) -> Cow<'_, str> {
    let is_plain = |c: char| c == '\t' || !is_unprintable(c);
    if text.bytes().all(|b| b == b'\t' || (0x20..0x7f).contains(&b)) || text.chars().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        rest = match c {
            '\u{1b}' => after_escape(after).unwrap_or(after),
            '\u{9b}' => after_control_sequence(after).unwrap_or(after),
            c => {
                out.extend(is_plain(c).then_some(c));
                after
            }
        };
    }
    Cow::Owned(out)
}

/// What stands behind an escape sequence whose escape character was read; none when it does not end.
fn after_escape(text: &str) -> Option<&str> {
    let mut chars = text.chars();
    match chars.next()? {
        '[' => after_control_sequence(chars.as_str()),
        // Titles, the clipboard and the like: until BEL or ESC \.
        ']' | 'P' | 'X' | '^' | '_' => {
            let after = &text[text.find(['\u{7}', '\u{1b}', '\u{9c}'])?..];
            // Any other escape begins the next sequence.
            let ended = ["\u{1b}\\", "\u{7}", "\u{9c}"].iter().find_map(|end| after.strip_prefix(end));
            Some(ended.unwrap_or(after))
        }
        ' '..='/' => {
            let mut last = text.trim_start_matches(|c| (' '..='/').contains(&c)).chars();
            last.next();
            Some(last.as_str())
        }
        '0'..='~' => Some(chars.as_str()),
        _ => None,
    }
}

/// What stands behind the parameters and the last character of a control sequence.
fn after_control_sequence(text: &str) -> Option<&str> {
    let last = text.find(|c| !(' '..='?').contains(&c))?;
    let c = text[last..].chars().next().filter(|c| ('@'..='~').contains(c))?;
    Some(&text[last + c.len_utf8()..])
}

/// The text with its first letter as a sentence has it.
pub fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// The text cut to at most `max` characters, with `…` in place of what was cut.
pub fn shortened(text: &str, max: usize) -> Cow<'_, str> {
    if text.chars().count() <= max {
        return Cow::Borrowed(text);
    }
    let mut short: String = text.chars().take(max.saturating_sub(1)).collect();
    short.push('…');
    Cow::Owned(short)
}

/// Words whose values are credentials, compared without case.
const SECRET_WORDS: [&str; 7] = ["password", "passwd", "secret", "token", "credential", "private", "apikey"];

/// The text with the value after every `…password…=`, `…secret…:` and the like replaced by `***`.
///
/// Works on command lines and configuration text: a value ends at white space, a quote, `;` or `,`.
pub fn redacted(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let mut out = String::with_capacity(text.len());
    let mut rest = 0;
    while let Some(at) = SECRET_WORDS.iter().filter_map(|w| lower[rest..].find(w).map(|i| rest + i)).min() {
        let Some(assign) = lower[at..].find(|c: char| c == '=' || c == ':' || c.is_whitespace()).map(|i| at + i) else {
            break;
        };
        let quote = |c: char| c == '"' || c == '\'';
        let is_assigned = lower[assign..].starts_with(['=', ':']) || lower[..assign].ends_with(quote);
        let value = assign
            + lower[assign..]
                .find(|c: char| !(c == '=' || c == ':' || c.is_whitespace() || quote(c)))
                .unwrap_or(lower.len() - assign);
        let flag = lower[..at].rsplit(char::is_whitespace).next().is_some_and(|word| word.starts_with("--"));
        if !is_assigned && !flag {
            out.push_str(&text[rest..assign]);
            rest = assign;
            continue;
        }
        let end = value
            + lower[value..]
                .find(|c: char| c.is_whitespace() || quote(c) || c == ';' || c == ',')
                .unwrap_or(lower.len() - value);
        out.push_str(&text[rest..value]);
        if end > value {
            out.push_str("***");
        }
        rest = end;
    }
    out.push_str(&text[rest..]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_codes_and_direction_marks_never_come_through() {
        for hostile in
            ["\u{1b}[2J", "a\u{9b}31m", "x\u{202e}y", "b\u{7}", "c\r\nd", "e\u{200b}f", "\u{1b}]52;c;AAAA\u{7}"]
        {
            assert!(!printable(hostile).chars().any(is_unprintable), "{hostile:?}");
        }
        assert!(matches!(printable("orders.äöü-日本"), Cow::Borrowed(_)));
        assert_eq!(printable("a\tb"), "a b");
    }

    #[test]
    fn escape_sequences_go_whole_and_hide_nothing_behind_them() {
        for (raw, clean) in [
            ("\u{1b}[31mERROR\u{1b}[0m disk\tfull", "ERROR disk\tfull"),
            ("\u{1b}]0;title\u{7}a\u{1b}]52;c;AAAA\u{1b}\\b", "ab"),
            ("\u{1b}]0;never ends", "]0;never ends"),
            ("\u{1b}[12", "[12"),
            ("x\u{9b}31my\u{202e}z\u{7}\r", "xyz"),
            ("\u{1b}(Ba\u{1b}=b\u{1b}", "ab"),
            ("\u{1b}[\u{1b}[31mred", "[red"),
            ("\u{1b} äb", "b"),
            ("\u{1b}]0;a\u{1b}[31mb", "b"),
            ("日本\u{200b}語", "日本語"),
        ] {
            assert_eq!(plain(raw), clean, "{raw:?}");
            assert!(!plain(raw).chars().any(|c| c != '\t' && is_unprintable(c)));
        }
        assert!(matches!(plain("\tat äöü"), Cow::Borrowed(_)));
    }

    #[test]
    fn shortening_marks_what_it_cut() {
        assert_eq!(shortened("orders", 6), "orders");
        assert_eq!(shortened("orders", 4), "ord…");
    }

    #[test]
    fn the_value_of_a_password_is_replaced_wherever_it_stands() {
        assert_eq!(redacted("ssl.key.password=abc next"), "ssl.key.password=*** next");
        assert_eq!(redacted("username=\"u\" password=\"p w\";"), "username=\"u\" password=\"*** w\";");
        assert_eq!(redacted("--admin-password hunter2 --port 1"), "--admin-password *** --port 1");
        assert_eq!(redacted("client_secret: xyz"), "client_secret: ***");
        assert_eq!(
            redacted("kafka-server-start.sh /tmp/server.properties"),
            "kafka-server-start.sh /tmp/server.properties"
        );
        assert_eq!(redacted("mount the secret volume"), "mount the secret volume");
    }
}
