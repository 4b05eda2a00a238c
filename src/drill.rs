//! Drills: incidents to learn on, to test with and to take pictures of.
//!
//! This is what a drill *is*: its story and what is expected of whoever watches it. How it is played, the sandbox
//! knows, which reads its own part of the same file. An expectation that is not written is not asserted.

use serde::Deserialize;
use thiserror::Error;

/// All drills: name and file.
pub const DRILLS: &[(&str, &str)] = &[
    ("broker-frozen", include_str!("sandbox/drills/broker-frozen.toml")),
    ("disk-full", include_str!("sandbox/drills/disk-full.toml")),
    ("two-down", include_str!("sandbox/drills/two-down.toml")),
];

/// A drill.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Drill {
    /// What happens, in a sentence that does not tell why.
    pub title: String,
    /// Which kind of installation it happens to.
    pub flavour: String,
    /// What is to be seen once it has happened.
    pub expect: Expect,
    /// What is to be seen once it is cured.
    pub cured: Expect,
    /// How it can be cured.
    pub cure: Cure,
}

/// What is to be seen, and by when.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// Seconds within which all of it is seen, since the sandbox opened or since the cure.
    pub within: u32,
    /// The verdict.
    pub verdict: Option<String>,
    /// The id of the first finding.
    pub top: Option<String>,
    /// Brokers that are ready.
    pub ready: Option<usize>,
    /// At least so many partitions are under-replicated.
    pub under_replicated: Option<usize>,
    /// At least so many partitions are offline.
    pub offline: Option<usize>,
    /// A volume is at least so full, in percent.
    pub disk_percent: Option<u8>,
    /// Words that stand on the Overview, at 120×40.
    #[serde(default)]
    pub says: Vec<String>,
    /// Words that stand nowhere on it.
    #[serde(default)]
    pub never_says: Vec<String>,
}

impl Expect {
    /// Expects nothing yet, within some seconds.
    pub fn nothing_within(seconds: u32) -> Self {
        Self { within: seconds, ..Self::default() }
    }
}

/// What cures it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Cure {
    /// Delete a pod, so that its StatefulSet makes another.
    DeletePod(String),
    /// Give a claim another size.
    ExpandClaim {
        /// Its name.
        claim: String,
        /// Its new size, as `4Gi`.
        to: String,
    },
    /// Time: the script heals it.
    Wait,
}

/// A drill that cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DrillError {
    /// There is none of that name.
    #[error("there is no drill {0:?}")]
    Unknown(String),
    /// Its file is not one.
    #[error("drill {name:?} cannot be read: {why}")]
    Unreadable {
        /// Its name.
        name: String,
        /// What is wrong.
        why: String,
    },
}

/// The file of a drill.
pub fn text_of(name: &str) -> Result<&'static str, DrillError> {
    let found = DRILLS.iter().find(|(known, _)| *known == name);
    found.map(|(_, text)| *text).ok_or_else(|| DrillError::Unknown(name.to_owned()))
}

/// A drill by its name.
pub fn load(name: &str) -> Result<Drill, DrillError> {
    let unreadable = |error: toml::de::Error| DrillError::Unreadable { name: name.to_owned(), why: error.to_string() };
    toml::from_str(text_of(name)?).map_err(unreadable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_drill_can_be_read_and_the_list_is_sorted() {
        for (name, _) in DRILLS {
            let drill = load(name).unwrap_or_else(|e| panic!("{e}"));
            assert!(drill.title.ends_with('.'), "{name}: {}", drill.title);
        }
        assert!(DRILLS.is_sorted());
        assert_eq!(load("flood"), Err(DrillError::Unknown("flood".to_owned())));
    }
}
