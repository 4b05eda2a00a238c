//! Findings: conclusions with their evidence.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::ids::ObjectRef;

/// How much harm a finding means, worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    Critical,
    Warning,
    Info,
}

/// A conclusion about the cluster.
///
/// Grammar: `title` is a sentence with a period; an evidence's text is a fragment without one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    /// Stable id, as `partitions-offline`.
    pub id: &'static str,
    /// Harm.
    pub severity: Severity,
    /// What is wrong, in one sentence.
    pub title: String,
    /// What it is about.
    pub object: ObjectRef,
    /// Since when, by the cluster's own timestamps where it has one.
    pub since: Option<DateTime<Utc>>,
    /// What it rests on.
    pub evidence: Vec<FindingEvidence>,
    /// What to do next.
    pub next_action: Option<NextAction>,
    /// The tempting wrong move, and why.
    pub do_not: Option<String>,
}

/// One line of evidence.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FindingEvidence {
    /// What was observed.
    pub text: String,
    /// Which source said so.
    pub source: String,
    /// When.
    pub seen_at: Option<DateTime<Utc>>,
}

/// The next safe step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NextAction {
    /// In words.
    pub text: String,
    /// As a command that can be run as it stands.
    pub command: Option<String>,
}
