//! What records are filtered by: `word`, `!word`, `/pattern/`, `key:word`, `value:/pattern/`, `header:word`,
//! `partition:2`; all of them must hold.

use regex::Regex;

use super::super::filter::{self, TERMS};
use crate::domain::record::{Body, Record};

/// Where a term looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Anywhere,
    Key,
    Value,
    Header,
    Partition,
}

const PARTS: [(&str, Part); 5] = [
    ("key:", Part::Key),
    ("value:", Part::Value),
    ("header:", Part::Header),
    ("partition:", Part::Partition),
    ("p:", Part::Partition),
];

/// A filter of records.
#[derive(Debug, Clone, Default)]
pub struct RecordFilter {
    text: String,
    terms: Vec<(bool, Part, Regex)>,
    problem: Option<String>,
}

impl RecordFilter {
    /// Reads what was typed; what cannot be understood is a problem and filters nothing.
    pub fn parse(text: &str) -> Self {
        let mut all = Self { text: text.to_owned(), ..Self::default() };
        let mut rest = text.trim_start();
        while !rest.is_empty() && all.terms.len() < TERMS {
            let (word, behind) = filter::next_word(rest);
            rest = behind;
            let named = PARTS.iter().find_map(|(name, part)| Some((*part, word.text.strip_prefix(name)?)));
            let (part, wanted) = named.unwrap_or((Part::Anywhere, &word.text));
            if wanted.is_empty() {
                continue;
            }
            let pattern = match wanted.strip_prefix('/') {
                Some(pattern) => filter::pattern(pattern.strip_suffix('/').unwrap_or(pattern)),
                None if part == Part::Partition => filter::pattern(&format!("^{}$", regex::escape(wanted))),
                None => filter::literally(wanted),
            };
            match pattern {
                Ok(pattern) => all.terms.push((!word.not, part, pattern)),
                Err(why) => all.problem = Some(why),
            }
        }
        all
    }

    /// A pattern that must be found in a key, a value or a header, as it stands.
    pub fn expression(pattern: Regex) -> Self {
        Self { text: pattern.to_string(), terms: vec![(true, Part::Anywhere, pattern)], problem: None }
    }

    /// As it was typed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What of it cannot be understood.
    pub fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }

    /// True for a record that all of it holds for.
    pub fn passes(&self, record: &Record) -> bool {
        self.terms.iter().all(|(wanted, part, pattern)| holds(record, *part, pattern) == *wanted)
    }
}

fn holds(record: &Record, part: Part, pattern: &Regex) -> bool {
    let body =
        |body: &Option<Body>| body.as_ref().is_some_and(|body| pattern.is_match(&String::from_utf8_lossy(&body.bytes)));
    let header = || record.headers.iter().any(|h| pattern.is_match(&h.name) || body(&h.value));
    match part {
        Part::Anywhere => body(&record.key) || body(&record.value) || header(),
        Part::Key => body(&record.key),
        Part::Value => body(&record.value),
        Part::Header => header(),
        Part::Partition => pattern.is_match(&record.partition.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::record::Header;

    fn record(key: &str, value: &str) -> Record {
        let body = |text: &str| Some(Body::of(text.as_bytes(), 100));
        let headers = vec![Header { name: "trace".into(), value: body("abc-1") }];
        Record { partition: 12, offset: 1, at: None, key: body(key), value: body(value), headers }
    }

    fn passes(filter: &str) -> bool {
        RecordFilter::parse(filter).passes(&record("customer-7", "{\"total\": 12.50, \"state\": \"PAID\"}"))
    }

    #[test]
    fn words_and_patterns_look_where_they_are_told_to() {
        for yes in
            ["", "paid", "key:customer", "value:/total.:.[0-9]+/", "header:trace", "header:abc", "partition:12", "p:12"]
        {
            assert!(passes(yes), "{yes}");
        }
        for no in ["key:paid", "value:customer", "header:zzz", "partition:1", "!paid", "paid !customer", "key:/^7/"] {
            assert!(!passes(no), "{no}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_said_and_hides_nothing() {
        let filter = RecordFilter::parse("/(/ paid");
        assert!(filter.problem().is_some());
        assert!(filter.passes(&record("k", "paid")));
    }
}
