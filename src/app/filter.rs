//! What a list is filtered by: words, patterns and comparisons, all of which must hold.
//!
//! `word`, `!word`, `"two words"`, `col:regex`, `!col:regex`, `lag>1000`, `age<5m`; a column by its name or
//! the beginning of it. A term that cannot be understood is left out and said: it never blanks a list. Pure:
//! it knows titles, texts and sort keys, not rows. Called by `lists`, and by `logs` for its words.

mod literal;

use chrono::{DateTime, Utc};
use regex::{Regex, RegexBuilder};

use self::literal::Literal;
use super::columns::SortKey;

/// Memory that one compiled pattern may take.
const PATTERN_BYTES: usize = 1 << 20;
/// Characters of a longest pattern.
const PATTERN_CHARS: usize = 500;
/// Terms that are looked at: nobody types more.
pub(super) const TERMS: usize = 32;

/// What a list is filtered by.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    terms: Vec<Term>,
    problems: Vec<String>,
}

#[derive(Debug, Clone)]
struct Term {
    /// As it was typed, for what has to be said of it.
    typed: String,
    /// True when it must not hold.
    not: bool,
    what: What,
}

#[derive(Debug, Clone)]
enum What {
    /// Any cell contains it.
    Word(Regex),
    /// The column's text matches.
    Matches(usize, Regex),
    /// The column's text is exactly this.
    Is(usize, String),
    /// The column's value compares so.
    Compares(usize, Op, Literal),
}

/// How two values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Op {
    Matches,
    Less,
    LessOrEqual,
    Equal,
    NotEqual,
    GreaterOrEqual,
    Greater,
}

/// Operators as they are typed; of two that begin alike the longer one first.
const OPS: [(&str, Op); 7] = [
    (">=", Op::GreaterOrEqual),
    ("<=", Op::LessOrEqual),
    ("!=", Op::NotEqual),
    (">", Op::Greater),
    ("<", Op::Less),
    ("=", Op::Equal),
    (":", Op::Matches),
];

impl Filter {
    /// Reads a filter for a list with these columns.
    pub fn parse(text: &str, titles: &[&str]) -> Self {
        let mut filter = Self::default();
        for word in split(text) {
            match term(&word, titles) {
                Ok(Some(term)) => filter.terms.push(term),
                Ok(None) => {}
                Err(problem) => filter.problems.push(problem),
            }
        }
        filter
    }

    /// Leaves out comparisons that cannot be made with what their columns hold, which is only known from rows.
    ///
    /// `first` answers with the first known value of a column.
    pub fn check(&mut self, titles: &[&str], first: impl Fn(usize) -> Option<SortKey>) {
        let problems = &mut self.problems;
        self.terms.retain(|term| {
            let What::Compares(column, _, literal) = &term.what else { return true };
            let Some(why) = first(*column).and_then(|key| literal.refuses(&key)) else { return true };
            problems.push(format!("{}: {} {why}", term.typed, name(titles[*column])));
            false
        });
    }

    /// What of it could not be understood, in words.
    pub fn problems(&self) -> &[String] {
        &self.problems
    }

    /// True for a row that passes: its texts and values by column, at a moment.
    pub fn passes(
        &self,
        columns: usize,
        cell: impl Fn(usize) -> String,
        key: impl Fn(usize) -> SortKey,
        now: DateTime<Utc>,
    ) -> bool {
        self.terms.iter().all(|term| {
            let holds = match &term.what {
                What::Word(word) => (0..columns).any(|column| word.is_match(&cell(column))),
                What::Matches(column, pattern) => pattern.is_match(&cell(*column)),
                What::Is(column, text) => bare(&cell(*column)).to_lowercase() == *text,
                // What is not known is neither more nor less.
                What::Compares(column, op, literal) => {
                    return literal.order(&key(*column), now).is_some_and(|order| op.holds(order) != term.not);
                }
            };
            holds != term.not
        })
    }
}

impl Op {
    fn holds(self, order: std::cmp::Ordering) -> bool {
        match self {
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::Equal | Self::Matches => order.is_eq(),
            Self::NotEqual => order.is_ne(),
            Self::GreaterOrEqual => order.is_ge(),
            Self::Greater => order.is_gt(),
        }
    }
}

/// A word of a filter, and where its quoted part begins.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Word {
    /// Without the quotes.
    pub text: String,
    /// With an exclamation mark before it, which is not part of the text.
    pub not: bool,
    /// Bytes of the text before the first quote; all of it without one.
    pub plain: usize,
}

/// Splits at blanks outside of quotes; a quote that is not closed reaches to the end.
fn split(text: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() && words.len() < TERMS {
        let (word, behind) = next_word(rest);
        words.push(word);
        rest = behind;
    }
    words
}

/// The first word of a text that does not begin with a blank, and what stands behind it.
pub(super) fn next_word(text: &str) -> (Word, &str) {
    let (mut word, mut quoted, mut plain, mut end) = (String::new(), false, None, text.len());
    for (at, c) in text.char_indices() {
        match c {
            '"' => {
                plain.get_or_insert(word.len());
                quoted = !quoted;
            }
            c if c.is_whitespace() && !quoted => {
                end = at;
                break;
            }
            c => word.push(c),
        }
    }
    let not = plain != Some(0) && word.starts_with('!') && !word.starts_with("!=");
    let plain = plain.unwrap_or(word.len());
    let cut = usize::from(not);
    (Word { text: word.split_off(cut), not, plain: plain - cut }, text[end..].trim_start())
}

/// Reads one term; none for what says nothing yet.
fn term(word: &Word, titles: &[&str]) -> Result<Option<Term>, String> {
    let typed = format!("{}{}", if word.not { "!" } else { "" }, word.text);
    let made = |what| Ok(Some(Term { typed: typed.clone(), not: word.not, what }));
    if word.text.is_empty() {
        return Ok(None);
    }
    let Some((column, op, value)) = comparison(word) else {
        return made(What::Word(literally(&word.text)?));
    };
    let column = find(column, titles)?;
    match (op, Literal::parse(value)) {
        _ if value.is_empty() && op == Op::Matches => Ok(None),
        _ if value.is_empty() => Err(format!("{typed}: nothing to compare with yet")),
        (Op::Matches, _) => made(What::Matches(column, pattern(value).map_err(|why| format!("{typed}: {why}"))?)),
        (op, Some(literal)) => made(What::Compares(column, op, literal)),
        (Op::Equal | Op::NotEqual, None) => {
            let what = What::Is(column, value.to_lowercase());
            Ok(Some(Term { typed, not: word.not != (op == Op::NotEqual), what }))
        }
        (_, None) => Err(format!("{typed}: {value} is no number, size, percentage or time")),
    }
}

/// The column, the operator and the value of a word that compares: a quote before the operator makes it plain.
fn comparison(word: &Word) -> Option<(&str, Op, &str)> {
    let head = &word.text[..word.plain];
    let at = head.find([':', '<', '>', '=']).map(|at| at - usize::from(head[..at].ends_with('!')))?;
    let (sign, op) = OPS.iter().find(|(sign, _)| word.text[at..].starts_with(sign))?;
    (at > 0).then(|| (&word.text[..at], *op, &word.text[at + sign.len()..]))
}

/// A pattern for a text as it stands, ignoring case.
pub(super) fn literally(text: &str) -> Result<Regex, String> {
    pattern(&regex::escape(text))
}

/// A pattern, ignoring case, within bounds.
pub(super) fn pattern(text: &str) -> Result<Regex, String> {
    if text.chars().count() > PATTERN_CHARS * 2 {
        return Err("the pattern is too long".to_owned());
    }
    let mut builder = RegexBuilder::new(text);
    builder.case_insensitive(true).size_limit(PATTERN_BYTES).dfa_size_limit(PATTERN_BYTES);
    builder.build().map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => "the pattern is too large".to_owned(),
        error => {
            let why = error.to_string();
            let last = why.lines().last().unwrap_or_default();
            format!("no pattern: {}", last.strip_prefix("error: ").unwrap_or(last))
        }
    })
}

/// A column by its name or the beginning of it.
fn find(typed: &str, titles: &[&str]) -> Result<usize, String> {
    let wanted = folded(typed);
    let names: Vec<String> = titles.iter().map(|t| folded(t)).collect();
    if let Some(exact) = names.iter().position(|n| *n == wanted) {
        return Ok(exact);
    }
    let begin: Vec<usize> = (0..names.len()).filter(|i| !wanted.is_empty() && names[*i].starts_with(&wanted)).collect();
    let list = |of: &[usize], between: &str| of.iter().map(|i| name(titles[*i])).collect::<Vec<_>>().join(between);
    match begin.as_slice() {
        [one] => Ok(*one),
        [] => {
            let near = (0..names.len()).map(|i| (distance(&wanted, &names[i]), i)).min();
            let near = near.filter(|(far, i)| *far <= 2 && *far < names[*i].len().max(1));
            let all: Vec<usize> = (0..names.len()).collect();
            let hint = near.map(|(_, i)| format!("did you mean {}? ", name(titles[i]))).unwrap_or_default();
            Err(format!("no column {typed}: {hint}there are {}; quotes make it a word", list(&all, ", ")))
        }
        several => Err(format!("column {typed} is {}", list(several, " or "))),
    }
}

/// A column's name as it is typed.
fn name(title: &str) -> String {
    title.to_lowercase().replace(' ', "-")
}

/// A name without what is easily typed otherwise.
fn folded(name: &str) -> String {
    name.to_lowercase().chars().filter(|c| c.is_alphanumeric() || *c == '%').collect()
}

/// A cell's text without the sign before it.
fn bare(text: &str) -> &str {
    text.trim_start_matches(|c: char| !c.is_alphanumeric()).trim()
}

/// How many letters two words differ by, counted up to a length nobody mistypes.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(32).collect(), b.chars().take(32).collect());
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let cost = (corner + usize::from(x != y)).min(row[j] + 1).min(row[j + 1] + 1);
            corner = std::mem::replace(&mut row[j + 1], cost);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests;
