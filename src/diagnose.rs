//! Conclusions: findings over the whole world, and the one verdict.
//!
//! A finding is a function over a `Reading`; `FINDINGS` is the registry. A function answers with what is
//! wrong now, with evidence; an empty answer means that it sees nothing wrong *as far as it can see*:
//! what cannot be seen is the verdict's matter (`BLIND`), never a healthy answer. Nothing here does I/O,
//! and `since` is the cluster's own timestamp where it has one, else the moment it was first concluded.

mod brokers;
mod partitions;
mod verdict;

pub use self::verdict::{Judgement, judge};

use crate::{domain::finding::Finding, world::Reading};

/// A check: everything it finds wrong.
type Check = fn(&Reading<'_>) -> Vec<Finding>;

/// All checks.
const FINDINGS: [Check; 3] = [partitions::offline, partitions::under_min_isr, brokers::crash_loop];

/// What is wrong, worst first. `previous` is what was found last time, for `since`.
pub fn findings(reading: &Reading<'_>, previous: &[Finding]) -> Vec<Finding> {
    let mut found: Vec<Finding> = FINDINGS.iter().flat_map(|check| check(reading)).collect();
    for finding in &mut found {
        let known = previous.iter().find(|p| p.id == finding.id && p.object == finding.object);
        finding.since = finding.since.or(known.and_then(|p| p.since)).or(Some(reading.now));
    }
    found.sort_by(|a, b| a.severity.cmp(&b.severity).then(a.since.cmp(&b.since)));
    found
}
