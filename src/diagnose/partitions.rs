//! Findings about partitions.

use std::collections::BTreeSet;

use crate::{
    domain::{
        finding::{Finding, FindingEvidence, NextAction, Severity},
        freshness::Asked,
        ids::{BrokerId, ObjectRef},
        topic::{Health, Partition},
    },
    world::Reading,
};

/// How many partitions an evidence line names.
const NAMED: usize = 6;

/// A partition that is in a bad state, with its topic and minimum.
struct Bad<'a> {
    topic: &'a str,
    partition: &'a Partition,
    min_isr: Option<u32>,
}

/// `partitions-offline`: partitions without a leader that answers; nothing can be read from or written to them.
///
/// Clock: starts when Metadata shows no leader, or when a leader is known not to answer.
pub(super) fn offline(reading: &Reading<'_>) -> Vec<Finding> {
    let silent = reading.silent();
    let bad = in_state(reading, &silent, Health::Offline);
    if bad.is_empty() {
        return Vec::new();
    }
    let leaderless = bad.iter().filter(|b| b.partition.leader.is_none()).count();
    let mut evidence = vec![line(reading, format!("{} of {}: {}", leaderless, bad.len(), "no leader"))];
    for broker in bad.iter().filter_map(|b| b.partition.leader).collect::<BTreeSet<_>>() {
        let led = bad.iter().filter(|b| b.partition.leader == Some(broker)).count();
        evidence.push(line(reading, format!("{led} of {}: their leader, broker {broker}, does not answer", bad.len())));
    }
    evidence.retain(|e| !e.text.starts_with("0 of"));
    evidence.push(line(reading, names(&bad)));
    let missing: BTreeSet<BrokerId> = bad.iter().flat_map(|b| last_in_sync(b.partition)).collect();
    let brokers = list(missing.iter().map(ToString::to_string));
    vec![Finding {
        id: "partitions-offline",
        severity: Severity::Critical,
        title: format!(
            "{} offline: nothing can be read from or written to {}.",
            plural(bad.len(), "partition is", "partitions are"),
            if bad.len() == 1 { "it" } else { "them" }
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
    let silent = reading.silent();
    let bad = in_state(reading, &silent, Health::UnderMinIsr);
    if bad.is_empty() {
        return Vec::new();
    }
    let missing: BTreeSet<BrokerId> = bad
        .iter()
        .flat_map(|b| b.partition.replicas.iter().filter(|r| !b.partition.isr.contains(r)))
        .copied()
        .collect();
    let brokers = list(missing.iter().map(ToString::to_string));
    let least = bad.iter().filter_map(|b| b.min_isr).max().unwrap_or_default();
    vec![Finding {
        id: "under-min-isr",
        severity: Severity::Critical,
        title: format!(
            "{} below min.insync.replicas: producers with acks=all cannot write to {}.",
            plural(bad.len(), "partition is", "partitions are"),
            if bad.len() == 1 { "it" } else { "them" }
        ),
        object: object(reading),
        since: None,
        evidence: vec![
            line(reading, format!("not in sync: broker {brokers}")),
            line(reading, format!("{} (min.insync.replicas up to {least})", names(&bad))),
        ],
        next_action: Some(NextAction {
            text: format!("bring back broker {brokers}"),
            command: Some(format!("kafdeck --installation {} brokers", reading.installation.id)),
        }),
        do_not: Some("lower min.insync.replicas: acknowledged records would then be on one broker alone".to_owned()),
    }]
}

fn in_state<'a>(reading: &Reading<'a>, silent: &BTreeSet<BrokerId>, health: Health) -> Vec<Bad<'a>> {
    let Some(kafka) = reading.kafka() else { return Vec::new() };
    let mut bad = Vec::new();
    for topic in kafka.topics.values() {
        let min_isr = kafka.min_isr(&topic.name);
        let matching = topic.partitions.iter().filter(|p| p.health(min_isr, silent) == health);
        bad.extend(matching.map(|partition| Bad { topic: &topic.name, partition, min_isr }));
    }
    bad
}

/// Brokers that hold the last in-sync copies: what is left of the ISR, or the replicas where it is empty.
fn last_in_sync(partition: &Partition) -> Vec<BrokerId> {
    if partition.isr.is_empty() { partition.replicas.clone() } else { partition.isr.clone() }
}

fn names(bad: &[Bad<'_>]) -> String {
    let named: Vec<String> = bad.iter().take(NAMED).map(|b| format!("{}-{}", b.topic, b.partition.index)).collect();
    match bad.len() {
        n if n > NAMED => format!("{} and {} more", named.join(", "), n - NAMED),
        _ => named.join(", "),
    }
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
