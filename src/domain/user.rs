//! Users as brokers keep them: SCRAM credentials (never what is secret of them) and quotas.
//!
//! What a user may do is `acl`'s, and how Strimzi declares one `strimzi`'s.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::units;

/// A user with SCRAM credentials (DescribeUserScramCredentials, key 50, KIP-554).
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ScramUser {
    /// Its name.
    pub name: String,
    /// The broker's error for it, in words.
    pub error: Option<String>,
    /// Its credentials, one for each mechanism.
    pub credentials: Vec<ScramCredential>,
}

/// That a user can log in with a mechanism.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ScramCredential {
    /// `SCRAM-SHA-256` or `SCRAM-SHA-512`.
    pub mechanism: String,
    /// Rounds of hashing.
    pub iterations: i32,
}

/// Limits by their key, as `producer_byte_rate`; all are of each broker by itself.
pub type Limits = BTreeMap<String, f64>;

/// Limits of an entity (DescribeClientQuotas, key 48, KIP-546).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Quota {
    /// Kind and name of what they are of: `user`, `client-id`, `ip`; without a name all that have none of their own.
    pub entity: BTreeMap<String, Option<String>>,
    /// The limits.
    pub limits: Limits,
}

impl Quota {
    /// The user it is of: a name, or nothing for all others; nothing at all where it is of no user.
    pub fn user(&self) -> Option<Option<&str>> {
        self.entity.get("user").map(Option::as_deref)
    }

    /// What it is of beside the user, as `client-id "app"`; empty where there is nothing.
    pub fn beside_user(&self) -> String {
        let parts = self.entity.iter().filter(|(kind, _)| *kind != "user");
        let words = parts.map(|(kind, name)| match name {
            Some(name) => format!("{kind} {name:?}"),
            None => format!("any other {kind}"),
        });
        words.collect::<Vec<_>>().join(", ")
    }
}

/// Limits in a few words: `produces 1 MiB/s, consumes 2 MiB/s`.
pub fn in_short(limits: &Limits) -> String {
    limits.iter().map(|(key, value)| limit(key, *value)).collect::<Vec<_>>().join(", ")
}

/// One limit in words, with its unit.
fn limit(key: &str, value: f64) -> String {
    // What is negative or beyond any size is shown as it is.
    let rate = || if (0.0..1e18).contains(&value) { units::bytes(value as u64) } else { value.to_string() };
    match key {
        "producer_byte_rate" => format!("produces {}/s", rate()),
        "consumer_byte_rate" => format!("consumes {}/s", rate()),
        "request_percentage" => format!("uses {value} % of a thread"),
        "controller_mutation_rate" => format!("changes {value} partitions/s"),
        "connection_creation_rate" => format!("opens {value} connections/s"),
        other => format!("{other} {value}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(some: &[(&str, f64)]) -> Limits {
        some.iter().map(|(key, value)| ((*key).to_owned(), *value)).collect()
    }

    #[test]
    fn limits_are_told_with_their_units() {
        let told = in_short(&limits(&[
            ("producer_byte_rate", 1_048_576.0),
            ("consumer_byte_rate", 1_500_000.0),
            ("request_percentage", 55.0),
            ("controller_mutation_rate", 2.5),
            ("new_rate", -1.0),
        ]));
        assert_eq!(
            told,
            "consumes 1.4 MiB/s, changes 2.5 partitions/s, new_rate -1, produces 1 MiB/s, uses 55 % of a thread"
        );
        assert_eq!(in_short(&limits(&[("producer_byte_rate", -5.0)])), "produces -5/s");
    }

    #[test]
    fn a_quota_says_whose_it_is() {
        let quota = |entity: &[(&str, Option<&str>)]| Quota {
            entity: entity.iter().map(|(kind, name)| ((*kind).to_owned(), name.map(str::to_owned))).collect(),
            limits: Limits::new(),
        };
        assert_eq!(quota(&[("user", Some("a"))]).user(), Some(Some("a")));
        assert_eq!(quota(&[("user", None)]).user(), Some(None));
        assert_eq!(quota(&[("ip", Some("10.0.0.1"))]).user(), None);
        assert_eq!(quota(&[("user", Some("a")), ("client-id", None)]).beside_user(), "any other client-id");
        assert_eq!(quota(&[("client-id", Some("app"))]).beside_user(), "client-id \"app\"");
    }
}
