//! Findings about partitions.

use crate::{
    domain::{
        finding::{Finding, FindingEvidence, NextAction, Severity},
        freshness::Asked,
        ids::ObjectRef,
    },
    world::Reading,
};

/// `partitions-offline`: partitions without a leader that answers; nothing can be read from or written to them.
///
/// Clock: starts when Metadata shows no leader, or when a leader is known not to answer.
pub(super) fn offline(reading: &Reading<'_>) -> Vec<Finding> {
    let census = reading.census();
    let bad = &census.out_of_reach;
    if bad.count == 0 {
        return Vec::new();
    }
    let mut evidence = Vec::new();
    if bad.leaderless > 0 {
        evidence.push(line(reading, format!("{} of {}: no leader", bad.leaderless, bad.count)));
    }
    for (broker, led) in &bad.led {
        let text = format!("{led} of {}: their leader, broker {broker}, does not answer", bad.count);
        evidence.push(line(reading, text));
    }
    evidence.push(line(reading, bad.names()));
    let brokers = list(bad.last_in_sync.iter().map(ToString::to_string));
    vec![Finding {
        id: "partitions-offline",
        severity: Severity::Critical,
        title: format!(
            "{} offline: nothing can be read from or written to {}.",
            plural(bad.count, "partition is", "partitions are"),
            if bad.count == 1 { "it" } else { "them" }
        ),
        object: object(reading),
        since: None,
        evidence,
        next_action: Some(NextAction {
            text: format!("bring back the broker that was in sync last: {brokers}"),
            command: Some(format!("kafdeck --installation {} brokers", reading.installation.id)),
        }),
        do_not: Some(
            "elect an unclean leader or recreate the topic: records that only the missing broker has would be lost"
                .to_owned(),
        ),
    }]
}

/// `under-min-isr`: partitions to which producers with acks=all cannot write.
///
/// Clock: starts when Metadata shows the smaller ISR.
pub(super) fn under_min_isr(reading: &Reading<'_>) -> Vec<Finding> {
    let census = reading.census();
    let bad = &census.under_min_isr;
    if bad.count == 0 {
        return Vec::new();
    }
    let brokers = list(bad.missing.iter().map(ToString::to_string));
    let least = bad.most_min_isr.unwrap_or_default();
    vec![Finding {
        id: "under-min-isr",
        severity: Severity::Critical,
        title: format!(
            "{} below min.insync.replicas: producers with acks=all cannot write to {}.",
            plural(bad.count, "partition is", "partitions are"),
            if bad.count == 1 { "it" } else { "them" }
        ),
        object: object(reading),
        since: None,
        evidence: vec![
            line(reading, format!("not in sync: broker {brokers}")),
            line(reading, format!("{} (min.insync.replicas up to {least})", bad.names())),
        ],
        next_action: Some(NextAction {
            text: format!("bring back broker {brokers}"),
            command: Some(format!("kafdeck --installation {} brokers", reading.installation.id)),
        }),
        do_not: Some("lower min.insync.replicas: acknowledged records would then be on one broker alone".to_owned()),
    }]
}

fn list(items: impl Iterator<Item = String>) -> String {
    items.collect::<Vec<_>>().join(", ")
}

fn plural(n: usize, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

fn line(reading: &Reading<'_>, text: String) -> FindingEvidence {
    FindingEvidence { text, source: "Metadata".to_owned(), seen_at: reading.asked(Asked::Metadata).as_of }
}

fn object(reading: &Reading<'_>) -> ObjectRef {
    let id = &reading.installation.id;
    ObjectRef { kind: "installation".into(), namespace: id.namespace.clone(), name: id.name.clone() }
}
