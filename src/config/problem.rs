//! What is wrong in a file, and who set a value.

use std::fmt;

/// A row that cannot be used; the rest of its file holds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Problem {
    /// The file, below the config directory.
    pub file: String,
    /// Its line, counted from 1; 0 is the file as a whole.
    pub line: usize,
    /// What is wrong: a sentence without its period.
    pub what: String,
    /// What to do about it.
    pub suggestion: Option<String>,
}

impl Problem {
    /// A problem at a place, without a suggestion yet.
    pub fn at(file: &str, line: usize, what: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line, what: what.into(), suggestion: None }
    }

    /// Adds what to do.
    #[must_use]
    pub fn hint(mut self, suggestion: impl Into<String>) -> Self {
        self.suggestion = Some(suggestion.into());
        self
    }

    /// Asks whether the nearest of these names was meant, if one is near.
    #[must_use]
    pub fn did_you_mean<'a>(mut self, typed: &str, names: impl IntoIterator<Item = &'a str>) -> Self {
        self.suggestion = nearest(typed, names).map(|name| format!("did you mean {name:?}?"));
        self
    }

    /// Where it is: `config.toml:3`.
    pub fn place(&self) -> String {
        if self.line == 0 { self.file.clone() } else { format!("{}:{}", self.file, self.line) }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place(), self.what)?;
        match &self.suggestion {
            Some(suggestion) => write!(f, "; {suggestion}"),
            None => Ok(()),
        }
    }
}

/// The name that was probably meant.
pub fn nearest<'a>(typed: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // What is longer than any name is none, and would take long to compare.
    if typed.len() > 80 {
        return None;
    }
    let typed = typed.to_lowercase();
    let near = names.into_iter().map(|name| (strsim::damerau_levenshtein(&typed, &name.to_lowercase()), name));
    // A few letters may be wrong; what is further away is another word.
    near.filter(|(far, name)| *far <= (name.chars().count() / 4).clamp(1, 2))
        .min_by_key(|(far, _)| *far)
        .map(|(_, n)| n)
}

/// Who set a value.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Origin {
    /// Nobody: it is what kafdeck does by itself.
    #[default]
    Default,
    /// A flag, as `--theme`.
    Flag(&'static str),
    /// A variable of the environment, as `NO_COLOR`.
    Variable(&'static str),
    /// What was found here, as `not a terminal`.
    Seen(&'static str),
    /// A row of a file.
    File {
        /// The file, below the config directory; a built-in one by its own name.
        file: String,
        /// Its line.
        line: usize,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Flag(name) | Self::Variable(name) | Self::Seen(name) => f.write_str(name),
            Self::File { file, line } => write!(f, "{file}:{line}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_name_is_suggested_and_a_far_one_is_not() {
        let names = ["list.first", "list.filter", "logs"];
        assert_eq!(nearest("list.frist", names), Some("list.first"));
        assert_eq!(nearest("Logs", names), Some("logs"));
        assert_eq!(nearest("lgos", names), Some("logs"));
        assert_eq!(nearest("quit", names), None);
    }

    #[test]
    fn a_problem_reads_as_one_line() {
        let problem = Problem::at("config.toml", 3, "\"drak\" is not a theme").did_you_mean("drak", ["dark"]);
        assert_eq!(problem.to_string(), "config.toml:3: \"drak\" is not a theme; did you mean \"dark\"?");
        assert_eq!(Problem::at("config.toml", 0, "is a directory").to_string(), "config.toml: is a directory");
    }
}
