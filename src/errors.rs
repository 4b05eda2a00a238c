//! The one failure type that reaches a user, and its exit code.
//!
//! Inside, every module has its own error enum; at the edge each is turned into a `Failure` once:
//! what happened, why, and what to do.

use std::fmt;

use crate::domain::text::printable;

/// Every exit code and what it means.
pub const EXIT_CODES: [(u8, &str); 5] = [
    (0, "healthy, or done"),
    (1, "something is wrong (`check`: CRITICAL or DEGRADED), refused or failed"),
    (2, "usage, or a configuration that cannot be used: no kubeconfig; several installations and no terminal to ask"),
    (3, "not complete within `--timeout`"),
    (4, "configured, but not observable: unreachable, forbidden (`check`: BLIND)"),
];

/// Classes of failure; each has its exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// Something is wrong in the cluster, or the request was refused or failed: 1.
    Wrong,
    /// Usage, or a configuration that cannot be used: 2.
    Usage,
    /// The answer was not complete in time: 3.
    Timeout,
    /// Configured, but nothing can be observed: 4.
    Unobservable,
}

impl FailureKind {
    /// The process's exit code.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Wrong => 1,
            Self::Usage => 2,
            Self::Timeout => 3,
            Self::Unobservable => 4,
        }
    }
}

/// A failure as a user reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Its class, which is its exit code.
    pub kind: FailureKind,
    /// What could not be done: a sentence.
    pub what: String,
    /// Why: the cause's own words.
    pub why: Option<String>,
    /// What to do about it, one step each.
    pub hints: Vec<String>,
}

impl Failure {
    /// A failure without cause or hints yet.
    pub fn new(kind: FailureKind, what: impl Into<String>) -> Self {
        Self { kind, what: what.into(), why: None, hints: Vec::new() }
    }

    /// Adds the cause's own words.
    #[must_use]
    pub fn why(mut self, why: impl fmt::Display) -> Self {
        self.why = Some(why.to_string());
        self
    }

    /// Adds a step to take.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}

impl fmt::Display for Failure {
    /// `Error: what`, then why and hints on lines of their own, safe to print.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error: {}", printable(&self.what))?;
        if let Some(why) = &self.why {
            for line in why.lines().filter(|l| !l.trim().is_empty()) {
                write!(f, "\n  Cause: {}", printable(line.trim()))?;
            }
        }
        for hint in &self.hints {
            write!(f, "\n  Hint: {}", printable(hint))?;
        }
        Ok(())
    }
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_says_what_why_and_what_to_do_without_escape_codes() {
        let failure = Failure::new(FailureKind::Usage, "no context \u{1b}[31mprod")
            .why("line one\nline two")
            .hint("kubectl config get-contexts");
        assert_eq!(
            failure.to_string(),
            "Error: no context ?[31mprod\n  Cause: line one\n  Cause: line two\n  Hint: kubectl config get-contexts"
        );
        assert_eq!(failure.kind.exit_code(), 2);
    }
}
