//! Java's properties format, as `java.util.Properties.load` reads it. It knows no key's meaning.

use zeroize::Zeroizing;

/// A key and its value; values may be secrets, so they are wiped and never shown.
pub struct Entry {
    /// Line on which it begins, from 1.
    pub line: usize,
    /// The key.
    pub key: String,
    /// The value.
    pub value: Zeroizing<String>,
}

/// Entries in their order; the error says on which line what is wrong.
pub fn parse(text: &str) -> Result<Vec<Entry>, (usize, String)> {
    let mut entries = Vec::new();
    let mut lines = text.split('\n').map(|line| line.trim_end_matches('\r')).enumerate();
    while let Some((at, first)) = lines.next() {
        let first = first.trim_start();
        if first.is_empty() || first.starts_with(['#', '!']) {
            continue;
        }
        let mut whole = Zeroizing::new(String::from(first));
        while continues(&whole) {
            whole.pop();
            // A backslash at the very end continues with nothing.
            let Some((_, next)) = lines.next() else { break };
            whole.push_str(next.trim_start());
        }
        let line = at + 1;
        let (key, value) = split(&whole);
        let key = unescaped(key).map_err(|what| (line, what))?;
        let value = unescaped(value).map_err(|what| (line, what))?;
        entries.push(Entry { line, key: key.to_string(), value });
    }
    Ok(entries)
}

/// True when an odd number of backslashes ends the line.
fn continues(line: &str) -> bool {
    line.bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 1
}

/// Key and value: between them an equals sign, a colon or blanks.
fn split(line: &str) -> (&str, &str) {
    let mut escaped = false;
    let end = line.char_indices().find(|(_, c)| {
        let ends = !escaped && matches!(c, '=' | ':' | ' ' | '\t' | '\u{c}');
        escaped = *c == '\\' && !escaped;
        ends
    });
    let Some((end, _)) = end else { return (line, "") };
    let rest = line[end..].trim_start_matches([' ', '\t', '\u{c}']);
    let rest = rest.strip_prefix(['=', ':']).unwrap_or(rest);
    (&line[..end], rest.trim_start_matches([' ', '\t', '\u{c}']))
}

fn unescaped(text: &str) -> Result<Zeroizing<String>, String> {
    let mut out = Zeroizing::new(String::with_capacity(text.len()));
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('r') => out.push('\r'),
            Some('f') => out.push('\u{c}'),
            Some('u') => {
                let digits: Zeroizing<String> = Zeroizing::new(chars.by_ref().take(4).collect());
                let code = u32::from_str_radix(&digits, 16).ok().filter(|_| digits.len() == 4);
                // Halves of a pair stand for nothing by themselves.
                let found = code.ok_or_else(|| "\\u needs four hexadecimal digits".to_owned())?;
                out.push(char::from_u32(found).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            Some(other) => out.push(other),
            None => {}
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Vec<(usize, String, String)> {
        parse(text).unwrap().into_iter().map(|e| (e.line, e.key, e.value.to_string())).collect()
    }

    #[test]
    fn it_reads_as_java_does() {
        let text =
            "# a\n! b\n\n  k = v w \nc:d\ne f\ng\nh\\=i=j\\\\\nl=1\\\n   2\\\n3\r\nm=\\u00e4\\t\\q\n=x\nn==y\nz=\\";
        let wanted = [
            (4, "k", "v w "),
            (5, "c", "d"),
            (6, "e", "f"),
            (7, "g", ""),
            (8, "h=i", "j\\"),
            (9, "l", "123"),
            (12, "m", "ä\tq"),
            (13, "", "x"),
            (14, "n", "=y"),
            (15, "z", ""),
        ];
        let wanted: Vec<_> = wanted.map(|(line, key, value)| (line, key.to_owned(), value.to_owned())).into();
        assert_eq!(parsed(text), wanted);
        assert_eq!(parse("a=1\nb=\\u12g4").err().map(|(line, _)| line), Some(2));
    }
}
