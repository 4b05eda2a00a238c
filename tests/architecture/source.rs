//! Rust source as the checker sees it: identifiers and signs with their lines, without comments, strings and
//! test-only items.
//!
//! It is not a parser: it knows as much of the language as is needed to find paths.

use std::collections::BTreeSet;

/// A file of the tree that is checked.
#[derive(Debug, Clone)]
pub struct File {
    /// Path from the repository's root, as `src/io/task.rs`.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// An identifier, `::`, or one sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// As written.
    pub text: String,
    /// Line, from 1.
    pub line: usize,
}

/// A file without its `#[cfg(test)]` items.
#[derive(Debug, Default)]
pub struct Shipped {
    /// Its tokens.
    pub tokens: Vec<Token>,
    /// Lines that those items take.
    pub test_lines: BTreeSet<usize>,
    /// Modules in files of their own among those items.
    pub test_modules: Vec<String>,
}

impl File {
    /// A file from its path and text.
    pub fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned() }
    }

    /// Its place in the module tree: `src/io/task.rs` is `[io, task]`, `src/lib.rs` is `[lib]`.
    pub fn modules(&self) -> Vec<&str> {
        let inner = self.path.trim_start_matches("src/").trim_end_matches(".rs").trim_end_matches("/mod");
        inner.split('/').collect()
    }

    /// What is built into the product.
    pub fn shipped(&self) -> Shipped {
        without_tests(&tokens(&self.text))
    }
}

/// The tokens of a text.
pub fn tokens(text: &str) -> Vec<Token> {
    let chars: Vec<char> = text.chars().collect();
    let (mut found, mut at, mut line) = (Vec::new(), 0, 1);
    while at < chars.len() {
        let end = token_end(&chars, at);
        let piece = &chars[at..end];
        if !(piece[0].is_whitespace() || is_comment(piece) || is_literal(piece)) {
            found.push(Token { text: piece.iter().collect(), line });
        }
        line += piece.iter().filter(|c| **c == '\n').count();
        at = end;
    }
    found
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn is_comment(piece: &[char]) -> bool {
    matches!(piece, ['/', '/' | '*', ..])
}

fn is_literal(piece: &[char]) -> bool {
    piece.len() > 1 && piece.iter().any(|c| matches!(c, '"' | '\''))
}

/// Where the piece that begins at `at` ends: a comment, a literal, a word, `::`, or one character.
fn token_end(chars: &[char], at: usize) -> usize {
    let rest = &chars[at..];
    let length = match rest {
        ['/', '/', ..] => rest.iter().position(|c| *c == '\n').unwrap_or(rest.len()),
        ['/', '*', ..] => block_comment(rest),
        ['"', ..] => string(rest, 0),
        ['\'', ..] => character(rest),
        [':', ':', ..] => 2,
        [c, ..] if is_word(*c) => word_or_literal(rest),
        _ => 1,
    };
    at + length
}

fn block_comment(rest: &[char]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at + 1 < rest.len() {
        match (rest[at], rest[at + 1]) {
            ('/', '*') => depth += 1,
            ('*', '/') => depth -= 1,
            _ => {
                at += 1;
                continue;
            }
        }
        at += 2;
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

/// Length of the string whose opening quote is at `open`.
fn string(rest: &[char], open: usize) -> usize {
    let mut at = open + 1;
    while at < rest.len() && rest[at] != '"' {
        at += if rest[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(rest.len())
}

/// A character literal; of a lifetime, the tick alone.
fn character(rest: &[char]) -> usize {
    match rest {
        ['\'', '\\', ..] => rest.iter().skip(3).position(|c| *c == '\'').map_or(rest.len(), |p| p + 4),
        ['\'', _, '\'', ..] => 3,
        _ => 1,
    }
}

/// A word, or a literal with a prefix: `r#"…"#`, `b"…"`, `br"…"`, `c"…"`, `b'x'`.
fn word_or_literal(rest: &[char]) -> usize {
    let word = rest.iter().position(|c| !is_word(*c)).unwrap_or(rest.len());
    let prefix: String = rest[..word].iter().collect();
    let hashes = rest[word..].iter().take_while(|c| **c == '#').count();
    let quote = rest.get(word + hashes);
    match (prefix.as_str(), quote) {
        ("r" | "br" | "cr", Some('"')) => raw_string(rest, word + hashes, hashes),
        ("b" | "c", Some('"')) if hashes == 0 => string(rest, word),
        ("b", Some('\'')) if hashes == 0 => word + character(&rest[word..]),
        _ => word,
    }
}

fn raw_string(rest: &[char], open: usize, hashes: usize) -> usize {
    let closes =
        |at: &usize| rest[*at] == '"' && rest[at + 1..].iter().take(hashes).filter(|c| **c == '#').count() == hashes;
    (open + 1..rest.len()).find(closes).map_or(rest.len(), |at| at + 1 + hashes)
}

/// Drops every item that follows `#[cfg(test)]`.
fn without_tests(all: &[Token]) -> Shipped {
    const MARK: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let (mut shipped, mut at) = (Shipped::default(), 0);
    while at < all.len() {
        let marked = all.len() - at > MARK.len() && all[at..].iter().zip(MARK).all(|(t, m)| t.text == m);
        if marked {
            let end = item_end(all, at + MARK.len());
            shipped.test_lines.extend(all[at].line..=all[end - 1].line);
            if let [.., module, name, end] = &all[at..end]
                && (module.text.as_str(), end.text.as_str()) == ("mod", ";")
            {
                shipped.test_modules.push(name.text.clone());
            }
            at = end;
        } else {
            shipped.tokens.push(all[at].clone());
            at += 1;
        }
    }
    shipped
}

/// Where the item that begins at `at`, further attributes included, ends.
fn item_end(all: &[Token], mut at: usize) -> usize {
    let mut attribute = false;
    let mut depth = 0_usize;
    let mut import = false;
    while at < all.len() {
        let text = all[at].text.as_str();
        attribute |= depth == 0 && text == "#";
        import |= depth == 0 && text == "use";
        match text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
        match text {
            "]" if depth == 0 && attribute => attribute = false,
            "}" if depth == 0 && !import => return at,
            ";" if depth == 0 => return at,
            _ => {}
        }
    }
    at
}
