//! What lines are searched for: a regular expression, and what must not be in them.
//!
//! `pattern`, `!pattern`, `pattern !pattern !pattern`. Upper and lower case are alike until a capital is typed. A
//! pattern that is none is said, and the last good one holds: what is half typed hides nothing. Pure.

use std::ops::Range;

use regex::Regex;

use crate::app::filter;

/// What lines are searched for.
#[derive(Debug, Clone, Default)]
pub struct Grep {
    text: String,
    wanted: Option<Regex>,
    unwanted: Vec<Regex>,
    problem: Option<String>,
}

impl Grep {
    /// Takes what is typed by now; true when other lines may pass than before.
    pub fn read(&mut self, text: String) -> bool {
        let read = patterns(&text);
        let changed = match read {
            Ok((wanted, unwanted)) => {
                self.problem = None;
                let words = |patterns: &[Regex]| patterns.iter().map(|p| p.as_str().to_owned()).collect::<Vec<_>>();
                let before = (self.wanted.as_ref().map(Regex::as_str), words(&self.unwanted));
                let changed = before != (wanted.as_ref().map(Regex::as_str), words(&unwanted));
                (self.wanted, self.unwanted) = (wanted, unwanted);
                changed
            }
            Err(why) => {
                self.problem = Some(why);
                false
            }
        };
        self.text = text;
        changed
    }

    /// As it was typed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Why what was typed last is no pattern.
    pub fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }

    /// True when every line passes.
    pub fn is_empty(&self) -> bool {
        self.wanted.is_none() && self.unwanted.is_empty()
    }

    /// True for a line that is searched for.
    pub fn passes(&self, text: &str) -> bool {
        self.wanted.as_ref().is_none_or(|p| p.is_match(text)) && !self.unwanted.iter().any(|p| p.is_match(text))
    }

    /// Where in a text that passes it is found, in bytes.
    pub fn found_in<'a>(&'a self, text: &'a str) -> impl Iterator<Item = Range<usize>> + 'a {
        let found = self.wanted.iter().flat_map(move |pattern| pattern.find_iter(text));
        found.map(|found| found.range()).filter(|range| !range.is_empty())
    }
}

/// What must be in a line, and what must not.
fn patterns(text: &str) -> Result<(Option<Regex>, Vec<Regex>), String> {
    let text = text.trim();
    let (wanted, rest) = match text.strip_prefix('!') {
        Some(rest) => ("", Some(rest)),
        None => text.split_once(" !").map_or((text, None), |(wanted, rest)| (wanted.trim_end(), Some(rest))),
    };
    let mut unwanted = Vec::new();
    // While `!` alone is typed it asks for nothing yet.
    for pattern in rest.into_iter().flat_map(|rest| rest.split(" !")).map(str::trim).filter(|p| !p.is_empty()) {
        unwanted.push(compiled(pattern)?);
    }
    let wanted = if wanted.is_empty() { None } else { Some(compiled(wanted)?) };
    Ok((wanted, unwanted))
}

/// A pattern in which case counts once a capital is typed; the letter of a class such as `\S` is none.
fn compiled(text: &str) -> Result<Regex, String> {
    let mut escaped = false;
    let capital = text.chars().any(|c| {
        let is_literal = !escaped;
        escaped = is_literal && c == '\\';
        is_literal && c.is_uppercase()
    });
    filter::pattern(&if capital { format!("(?-i:{text})") } else { text.to_owned() })
        // The reason may quote what we put around it.
        .or_else(|why| filter::pattern(text).and(Err(why)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grep(text: &str) -> Grep {
        let mut grep = Grep::default();
        grep.read(text.to_owned());
        grep
    }

    fn passing<'a>(text: &str, lines: &[&'a str]) -> Vec<&'a str> {
        let grep = grep(text);
        lines.iter().filter(|line| grep.passes(line)).copied().collect()
    }

    #[test]
    fn a_pattern_is_found_and_what_must_not_be_is_not() {
        let lines = ["ERROR disk full", "error in two words", "INFO started /var/lib", "WARN took 12 ms"];
        assert_eq!(passing("ERROR|WARN", &lines), [lines[0], lines[3]], "a capital makes case count");
        assert_eq!(passing("error", &lines), lines[..2], "without one it does not");
        assert_eq!(passing(r"error\S*\s", &lines), lines[..2], "the capital of a class is none");
        assert_eq!(passing("error !disk", &lines), [lines[1]]);
        assert_eq!(passing("!error !warn", &lines), [lines[2]]);
        assert_eq!(passing("took [0-9]+ ms", &lines), [lines[3]]);
        assert_eq!(passing("/var", &lines), [lines[2]]);
        for nothing in ["", " ", "!", "! !"] {
            assert_eq!(passing(nothing, &lines).len(), 4, "{nothing:?}");
        }
    }

    #[test]
    fn what_is_half_typed_is_said_and_the_last_good_pattern_holds() {
        let mut grep = grep("ab");
        for broken in ["ab(", "AB(", "a[", "((a{1000}){1000}){1000}", "x !("] {
            assert!(!grep.read(broken.to_owned()));
            let why = grep.problem().unwrap();
            assert!(why.starts_with("no pattern: ") || why.contains("too large"), "{why}");
            assert!(!why.contains("-i"), "{why}");
            assert!(grep.passes("ab") && !grep.passes("x"));
        }
        assert!(grep.read("ab|x".to_owned()));
        assert_eq!((grep.problem(), grep.passes("x")), (None, true));
        assert!(!grep.read(" ab|x ".to_owned()), "nothing else passes than before");
    }

    #[test]
    fn where_it_is_found_is_told_without_empty_places() {
        assert_eq!(grep("o*").found_in("foo o").collect::<Vec<_>>(), [1..3, 4..5]);
        assert_eq!(grep("!x").found_in("foo").count(), 0);
    }
}
