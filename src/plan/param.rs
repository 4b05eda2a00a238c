//! What an action has to be told: one list for the command line's flags, the fields of the form and the wizard's pages.
//!
//! Values are kept as they were typed; what they mean is read in one place, so that a flag and a field are refused in the
//! same words.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::world::Reading;

/// What an action was told, by parameter: values as they were typed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Params(BTreeMap<String, Vec<String>>);

impl Params {
    /// Adds a value.
    pub fn add(&mut self, name: &str, value: impl Into<String>) {
        self.0.entry(name.to_owned()).or_default().push(value.into());
    }

    /// The same, chained.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.add(name, value);
        self
    }

    /// The last value; what is empty was not told.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.all(name).last().copied()
    }

    /// The last value, or nothing.
    pub fn text(&self, name: &str) -> &str {
        self.get(name).unwrap_or_default()
    }

    /// All values, without those that are empty.
    pub fn all(&self, name: &str) -> Vec<&str> {
        self.0.get(name).into_iter().flatten().map(String::as_str).filter(|value| !value.is_empty()).collect()
    }

    /// True for a switch that is on.
    pub fn is_on(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| !matches!(value, "false" | "no"))
    }

    /// The last value as a number; `None` where it was not told or is none, which `check` has said before.
    pub fn number<N: std::str::FromStr>(&self, name: &str) -> Option<N> {
        self.get(name)?.parse().ok()
    }

    /// Values of the form KEY=VALUE; a value may hold more of `=`.
    pub fn pairs(&self, name: &str) -> BTreeMap<String, String> {
        let all = self.all(name).into_iter();
        let pair =
            |text: &str| text.split_once('=').map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned()));
        all.filter_map(pair).collect()
    }
}

/// What a parameter is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParamKind {
    /// Text.
    Text,
    /// A whole number between these.
    Number(i64, i64),
    /// A switch.
    Switch,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// KEY=VALUE.
    Pair,
}

/// A parameter of an action.
#[derive(Debug, Clone, Copy)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "a row of a table, whose switches have nothing to do with each other"
)]
pub struct ParamSpec {
    /// Its name, which is its flag: `replication-factor`.
    pub name: &'static str,
    /// What its value is called, as `N`.
    pub value: &'static str,
    /// What it means, in a line without a period.
    pub doc: &'static str,
    /// What it is.
    pub kind: ParamKind,
    /// Whether it must be told.
    pub required: bool,
    /// Whether the command line takes it without a flag, in the order of the list.
    pub positional: bool,
    /// Whether it may be told more than once.
    pub many: bool,
    /// Whether a form asks for it; what is left to flags is for those who know.
    pub in_form: bool,
    /// What it begins with in a form; nothing where the action decides for itself.
    pub default: fn(&Reading<'_>) -> Option<String>,
    /// What may be chosen, as far as it is known.
    pub choices: fn(&Reading<'_>) -> Vec<String>,
    /// Says why a value cannot be meant.
    pub check: fn(&str) -> Result<(), String>,
}

impl ParamSpec {
    /// A parameter of which nothing more is known than its name.
    pub const fn new(name: &'static str, value: &'static str, doc: &'static str, kind: ParamKind) -> Self {
        Self {
            name,
            value,
            doc,
            kind,
            required: false,
            positional: false,
            many: false,
            in_form: true,
            default: |_| None,
            choices: |_| Vec::new(),
            check: |_| Ok(()),
        }
    }

    /// It must be told, and stands without a flag.
    #[must_use]
    pub const fn first(self) -> Self {
        Self { required: true, positional: true, ..self }
    }

    /// It may stand without a flag.
    #[must_use]
    pub const fn positional(self) -> Self {
        Self { positional: true, ..self }
    }

    /// It must be told.
    #[must_use]
    pub const fn required(self) -> Self {
        Self { required: true, ..self }
    }

    /// It may be told more than once.
    #[must_use]
    pub const fn many(self) -> Self {
        Self { many: true, ..self }
    }

    /// It is a flag of the command line alone.
    #[must_use]
    pub const fn flag_only(self) -> Self {
        Self { in_form: false, ..self }
    }

    /// What it begins with.
    #[must_use]
    pub const fn default(self, default: fn(&Reading<'_>) -> Option<String>) -> Self {
        Self { default, ..self }
    }

    /// What may be chosen.
    #[must_use]
    pub const fn choices(self, choices: fn(&Reading<'_>) -> Vec<String>) -> Self {
        Self { choices, ..self }
    }

    /// What it is held against.
    #[must_use]
    pub const fn checked(self, check: fn(&str) -> Result<(), String>) -> Self {
        Self { check, ..self }
    }

    /// Holds a value against what it must be.
    ///
    /// # Errors
    /// Why it cannot be meant, as `partitions must be a number from 1 to 100000, not "x"`.
    pub fn refuse(&self, value: &str) -> Result<(), String> {
        let name = self.name;
        match self.kind {
            ParamKind::Number(least, most) => {
                let fits = value.parse::<i64>().is_ok_and(|number| (least..=most).contains(&number));
                let range = || format!("{name} must be a number from {least} to {most}, not {value:?}");
                if fits { Ok(()) } else { Err(range()) }
            }
            ParamKind::Choice(words) if !words.contains(&value) => {
                Err(format!("{name} must be one of {}, not {value:?}", words.join(", ")))
            }
            ParamKind::Pair if value.split_once('=').is_none_or(|(key, _)| key.trim().is_empty()) => {
                Err(format!("{name} must be KEY=VALUE, not {value:?}"))
            }
            ParamKind::Switch if !matches!(value, "true" | "false" | "yes" | "no") => {
                Err(format!("{name} is a switch: true or false, not {value:?}"))
            }
            _ => (self.check)(value),
        }
    }
}

/// Holds all values against what they must be.
///
/// # Errors
/// What is wrong with each, in the order of the list.
pub fn check(specs: &[ParamSpec], params: &Params) -> Result<(), Vec<String>> {
    let mut wrong = Vec::new();
    for spec in specs {
        let values = params.all(spec.name);
        if spec.required && values.is_empty() {
            wrong.push(format!("{} is missing: {}", spec.name, spec.doc));
        }
        if values.len() > 1 && !spec.many {
            wrong.push(format!("{} was told {} times", spec.name, values.len()));
        }
        wrong.extend(values.into_iter().filter_map(|value| spec.refuse(value).err()));
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPECS: &[ParamSpec] = &[
        ParamSpec::new("topic", "NAME", "name of the topic", ParamKind::Text).first(),
        ParamSpec::new("partitions", "N", "how many partitions", ParamKind::Number(1, 100)),
        ParamSpec::new("config", "KEY=VALUE", "a config", ParamKind::Pair).many(),
        ParamSpec::new("preset", "NAME", "a preset", ParamKind::Choice(&["durable", "compacted"])),
    ];

    #[test]
    fn what_is_missing_or_cannot_be_meant_is_said_in_the_order_of_the_list() {
        let params = Params::default().with("partitions", "0").with("config", "x").with("preset", "y");
        let wrong = check(SPECS, &params).unwrap_err();
        assert_eq!(
            wrong,
            [
                "topic is missing: name of the topic",
                "partitions must be a number from 1 to 100, not \"0\"",
                "config must be KEY=VALUE, not \"x\"",
                "preset must be one of durable, compacted, not \"y\"",
            ]
        );
        let fine = Params::default().with("topic", "a").with("config", "a=b=c").with("config", "d=");
        assert_eq!(check(SPECS, &fine), Ok(()));
        assert_eq!(fine.pairs("config"), BTreeMap::from([("a".into(), "b=c".into()), ("d".into(), String::new())]));
    }

    #[test]
    fn what_is_told_twice_and_is_one_is_said() {
        let params = Params::default().with("topic", "a").with("topic", "b");
        assert_eq!(check(SPECS, &params), Err(vec!["topic was told 2 times".to_owned()]));
    }
}
