//! A TOML file as rows with their lines. What is no TOML is a problem of its line; the other lines are rows.

use std::collections::BTreeSet;

use toml::de::{DeTable, DeValue};

use super::problem::{Origin, Problem};

/// A file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Its name below the config directory.
    pub file: String,
    /// Its rows.
    pub rows: Vec<Row>,
}

/// A key and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The key; tables within tables are values.
    pub key: String,
    /// The key's line, counted from 1.
    pub line: usize,
    /// The value.
    pub value: Value,
}

/// A value of a kind that we have a use for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Text.
    Text(String),
    /// Yes or no.
    Flag(bool),
    /// A whole number.
    Number(i64),
    /// A list.
    List(Vec<Value>),
    /// A table.
    Table(Vec<Row>),
    /// A value of another kind, by its name.
    Other(&'static str),
}

impl Value {
    /// What it is, in a sentence that says what was wanted instead.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::Flag(_) => "true or false",
            Self::Number(_) => "a number",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
            Self::Other(kind) => kind,
        }
    }
}

impl Document {
    /// Reads a file's text; lines that are no TOML are problems.
    pub fn read(file: &str, text: &str, problems: &mut Vec<Problem>) -> Self {
        let (table, errors) = DeTable::parse_recoverable(text);
        let typed: Vec<&str> = text.lines().collect();
        let lines = Lines(text.match_indices('\n').map(|(at, _)| at).collect());
        let mut broken = BTreeSet::new();
        for error in errors {
            let line = error.span().map_or(0, |span| lines.of(span.start));
            // One mistake may be reported several times; the first says what it was.
            if broken.insert(line) {
                let problem = Problem::at(file, line, format!("not TOML: {}", error.message()));
                let hint = "nothing below it is used, up to the next table";
                problems.push(if is_heading(&typed, line) { problem.hint(hint) } else { problem });
            }
        }
        // What stands below a heading that cannot be read was meant for a table, and not for the one above it.
        for heading in broken.iter().copied().filter(|line| is_heading(&typed, *line)).collect::<Vec<_>>() {
            let below = (heading + 1..=typed.len()).take_while(|line| !is_heading(&typed, *line));
            broken.extend(below);
        }
        let mut rows = lines.rows(table.get_ref());
        forget(&mut rows, &broken);
        Self { file: file.to_owned(), rows }
    }

    /// A problem of one of its lines.
    pub fn problem(&self, line: usize, what: impl Into<String>) -> Problem {
        Problem::at(&self.file, line, what)
    }

    /// Says that a line of this file set a value.
    pub fn origin(&self, line: usize) -> Origin {
        Origin::File { file: self.file.clone(), line }
    }

    /// The row of that key.
    pub fn row(&self, key: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.key == key)
    }
}

/// True for a line that begins a table, or was meant to.
fn is_heading(typed: &[&str], line: usize) -> bool {
    line > 0 && typed.get(line - 1).is_some_and(|line| line.trim_start().starts_with('['))
}

/// Leaves out rows whose line is broken: what was recovered of them is not what was meant.
fn forget(rows: &mut Vec<Row>, broken: &BTreeSet<usize>) {
    rows.retain_mut(|row| match &mut row.value {
        Value::Table(inner) => {
            forget(inner, broken);
            // A sound table may stand below what was recovered of a broken one.
            !(inner.is_empty() && broken.contains(&row.line))
        }
        _ => !broken.contains(&row.line),
    });
}

/// Knows the line of a place in a text: where each line ends.
struct Lines(Vec<usize>);

impl Lines {
    fn of(&self, at: usize) -> usize {
        self.0.partition_point(|end| *end < at) + 1
    }

    /// A table's rows in the order of their lines.
    fn rows(&self, table: &DeTable<'_>) -> Vec<Row> {
        let mut spanned: Vec<_> = table.iter().collect();
        spanned.sort_by_key(|(key, _)| key.span().start);
        let row = |(key, value): (&toml::Spanned<_>, &toml::Spanned<DeValue<'_>>)| {
            let key: &toml::Spanned<toml::de::DeString<'_>> = key;
            Row { key: key.get_ref().to_string(), line: self.of(key.span().start), value: self.value(value.get_ref()) }
        };
        spanned.into_iter().map(row).collect()
    }

    fn value(&self, value: &DeValue<'_>) -> Value {
        match value {
            DeValue::String(text) => Value::Text(text.to_string()),
            DeValue::Boolean(flag) => Value::Flag(*flag),
            DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
                .map_or(Value::Other("a number out of range"), Value::Number),
            DeValue::Array(list) => Value::List(list.iter().map(|v| self.value(v.get_ref())).collect()),
            DeValue::Table(table) => Value::Table(self.rows(table)),
            DeValue::Float(_) => Value::Other("a fraction"),
            DeValue::Datetime(_) => Value::Other("a date"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Vec<(String, usize)>, Vec<usize>) {
        let mut problems = Vec::new();
        let document = Document::read("x.toml", text, &mut problems);
        let rows = document.rows.into_iter().map(|r| (r.key, r.line)).collect();
        (rows, problems.into_iter().map(|p| p.line).collect())
    }

    #[test]
    fn a_broken_line_is_named_and_the_others_hold() {
        let (rows, problems) = read("theme = \"light\"\nascii = \nkeymap = \"vim\n[context.prod]\nread_only = true\n");
        assert_eq!(problems, [2, 3]);
        assert_eq!(rows, [("theme".to_owned(), 1), ("context".to_owned(), 4)]);
    }

    #[test]
    fn what_stands_below_a_broken_heading_is_not_taken_for_what_is_above_it() {
        let (rows, problems) = read("a = 1\n[context.prod\nb = 2\nc = 3\n\n[d]\ne = 4\n");
        assert_eq!((rows, problems), (vec![("a".to_owned(), 1), ("d".to_owned(), 6)], vec![2]));
        let mut problems = Vec::new();
        let twice = Document::read("x.toml", "[a]\nb = 1\n[a]\nc = 2\n[d]\ne = 3\n", &mut problems);
        assert_eq!(problems.iter().map(|p| p.line).collect::<Vec<_>>(), [3], "{twice:?}");
        assert!(!twice.rows.iter().any(|r| r.key == "c"), "{twice:?}");
    }

    #[test]
    fn rows_keep_the_order_of_their_lines() {
        let (rows, problems) = read("b = 1\n\na = 2 # comment\n");
        assert_eq!((rows, problems), (vec![("b".to_owned(), 1), ("a".to_owned(), 3)], vec![]));
    }

    #[test]
    fn whatever_is_in_a_file_is_read_without_panic() {
        for text in ["\0", "= = =", "[[[[", "a = {", "a.b.c.d = [[[", "\u{feff}a = 1", "a = 99999999999999999999"] {
            let _ = read(text);
        }
        for deep in ["[", "a = [", "a = {b = ", "a.", "[a."] {
            let (_, problems) = read(&deep.repeat(20_000));
            assert!(!problems.is_empty(), "{deep}");
        }
        let _ = read(&format!("{}b = 1", "a.".repeat(100_000)));
        let _ = read(&format!("[{}b]", "a.".repeat(100_000)));
        let _ = read(&format!("a = {}1{}", "{b=".repeat(60_000), "}".repeat(60_000)));
    }
}
