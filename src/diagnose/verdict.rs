//! The one word over everything, and why.

use crate::{
    domain::{
        finding::{Finding, Severity},
        verdict::Verdict,
    },
    world::{Reading, summary::Summary},
};

/// A verdict with its reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// The word.
    pub verdict: Verdict,
    /// Which figure or source it rests on; `None` when all is well.
    pub why: Option<String>,
}

/// The verdict over a reading: what is known to be wrong outranks what cannot be seen, and what cannot be
/// seen outranks that the rest is well.
pub fn judge(reading: &Reading<'_>, summary: &Summary, findings: &[Finding]) -> Judgement {
    let because = |verdict, why: String| Judgement { verdict, why: Some(why) };
    let partitions = summary.partitions.clone().unwrap_or_default();
    if let Some(finding) = findings.iter().find(|f| f.severity == Severity::Critical) {
        return because(Verdict::Critical, finding.title.clone());
    }
    if partitions.offline > 0 || partitions.under_min_isr > 0 {
        return because(
            Verdict::Critical,
            format!("{} offline, {} under min-ISR", partitions.offline, partitions.under_min_isr),
        );
    }
    if summary.brokers.not_ready > 0 {
        return because(
            Verdict::Degraded,
            format!("{} of {} brokers not ready", summary.brokers.not_ready, summary.brokers.total),
        );
    }
    if partitions.under_replicated > 0 {
        return because(Verdict::Degraded, format!("{} partitions under-replicated", partitions.under_replicated));
    }
    if let Some(finding) = findings.iter().find(|f| f.severity == Severity::Warning) {
        return because(Verdict::Degraded, finding.title.clone());
    }
    if let Some(blind) = reading.blind_spots().into_iter().next() {
        return because(Verdict::Blind, blind.why.unwrap_or_else(|| "waiting for the first answer".to_owned()));
    }
    if summary.brokers.total == 0 {
        return because(Verdict::Blind, "no broker has been seen".to_owned());
    }
    if summary.brokers.unknown > 0 {
        return because(
            Verdict::Blind,
            format!("{} of {} brokers cannot be judged", summary.brokers.unknown, summary.brokers.total),
        );
    }
    Judgement { verdict: Verdict::Ok, why: None }
}
