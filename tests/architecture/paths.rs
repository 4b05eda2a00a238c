//! The paths that a file names: in `use` declarations, groups included, and inline.

use crate::source::Token;

/// A path as it is named in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Its segments; the last may be `*`, or `self` in a group.
    pub segments: Vec<String>,
    /// Line, from 1.
    pub line: usize,
}

/// What a path leads to, seen from a file.
#[derive(Debug, PartialEq, Eq)]
pub enum Target<'a> {
    /// A module of the crate's root; `*` or `self` when it is the root itself.
    Ours(&'a str),
    /// Another crate, or a name that is in scope.
    Other(&'a str),
    /// The same file or its own module.
    Inside,
}

impl Named {
    /// Where it leads from a file whose place is `depth` modules deep.
    pub fn target(&self, depth: usize) -> Target<'_> {
        let supers = self.segments.iter().take_while(|s| *s == "super").count();
        match self.segments[0].as_str() {
            "crate" | "kafdeck" => Target::Ours(self.segments.get(1).map_or("self", String::as_str)),
            "super" if supers >= depth => Target::Ours(self.segments.get(supers).map_or("self", String::as_str)),
            "super" | "self" | "Self" => Target::Inside,
            head => Target::Other(head),
        }
    }
}

/// All paths that the tokens name.
pub fn named(tokens: &[Token]) -> Vec<Named> {
    let (mut found, mut at) = (Vec::new(), 0);
    while at < tokens.len() {
        let next = tokens.get(at + 1).map_or("", |t| t.text.as_str());
        at = match tokens[at].text.as_str() {
            "use" if next != "<" => tree(tokens, at + 1, &[], &mut found),
            "extern" if next == "crate" => tree(tokens, at + 2, &[], &mut found),
            text if is_name(text) && next == "::" && is_head(tokens, at) => inline(tokens, at, &mut found),
            _ => at + 1,
        };
    }
    found
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// True where a path begins: not after `::`, unless that is the leading one of `::tokio::spawn`.
fn is_head(tokens: &[Token], at: usize) -> bool {
    let before = |n: usize| at.checked_sub(n).map_or("", |i| tokens[i].text.as_str());
    before(1) != "::" || !(is_name(before(2)) || before(2) == ">")
}

/// Reads an inline path; returns where it ends.
fn inline(tokens: &[Token], start: usize, found: &mut Vec<Named>) -> usize {
    let mut segments = vec![tokens[start].text.clone()];
    let mut at = start + 1;
    while let [colons, name, ..] = &tokens[at..]
        && colons.text == "::"
        && is_name(&name.text)
    {
        segments.push(name.text.clone());
        at += 2;
    }
    found.push(Named { segments, line: tokens[start].line });
    at
}

/// Reads one tree of a `use` declaration; returns where it ends: at `,`, `}` or `;`.
fn tree(tokens: &[Token], mut at: usize, prefix: &[String], found: &mut Vec<Named>) -> usize {
    let mut segments = prefix.to_vec();
    let line = tokens.get(at).map_or(0, |t| t.line);
    while let Some(token) = tokens.get(at) {
        match token.text.as_str() {
            "{" => return group(tokens, at + 1, &segments, found),
            "," | "}" | ";" => break,
            "as" => at += 1,
            "::" => {}
            segment => segments.push(segment.to_owned()),
        }
        at += 1;
    }
    if segments.len() > prefix.len() {
        found.push(Named { segments, line });
    }
    at
}

/// Reads the trees of a group; returns where the text goes on after its brace.
fn group(tokens: &[Token], mut at: usize, prefix: &[String], found: &mut Vec<Named>) -> usize {
    loop {
        at = tree(tokens, at, prefix, found);
        match tokens.get(at).map(|t| t.text.as_str()) {
            Some(",") => at += 1,
            _ => return at + 1,
        }
    }
}
