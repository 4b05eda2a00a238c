//! What brokers write to their logs besides starting and ending: ISR changes as they happen, and the small talk of
//! a broker at work.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::{
    kafka::{Kafka, Process},
    kubelet::line,
    logs::Logs,
};

/// Steps between two lines of small talk of a broker.
const EVERY: u64 = 6;

/// Remembers what was in sync, to tell what changed.
#[derive(Debug, Default)]
pub struct Chatter {
    in_sync: BTreeMap<(String, usize), Vec<i32>>,
    steps: u64,
}

impl Chatter {
    /// Writes what brokers would have written since the last step.
    pub fn step(&mut self, kafka: &Kafka, logs: &Logs, pod_of: impl Fn(i32) -> String, now: DateTime<Utc>) {
        self.isr_changes(kafka, logs, &pod_of, now);
        self.steps += 1;
        for broker in kafka.brokers.values().filter(|b| b.process == Process::Running) {
            let turn = self.steps + broker.id as u64 * 2;
            if turn.is_multiple_of(EVERY) {
                let text = small_talk(kafka, broker.id, turn / EVERY);
                logs.write(&pod_of(broker.id), now, line(now, "INFO", &text));
            }
        }
    }

    fn isr_changes(&mut self, kafka: &Kafka, logs: &Logs, pod_of: &impl Fn(i32) -> String, now: DateTime<Utc>) {
        for (name, topic) in &kafka.topics {
            for (index, partition) in topic.partitions.iter().enumerate() {
                let before = self.in_sync.insert((name.clone(), index), partition.isr.clone());
                let Some(before) = before.filter(|before| *before != partition.isr) else { continue };
                let Some(leader) = partition.leader else { continue };
                let what = if before.len() > partition.isr.len() { "Shrinking" } else { "Expanding" };
                let text = format!(
                    "[Partition {name}-{index} broker={leader}] {what} ISR from {} to {} (kafka.cluster.Partition)",
                    ids(&before),
                    ids(&partition.isr)
                );
                logs.write(&pod_of(leader), now, line(now, "INFO", &text));
            }
        }
    }
}

fn ids(brokers: &[i32]) -> String {
    brokers.iter().map(i32::to_string).collect::<Vec<_>>().join(",")
}

/// One of the lines that a broker at work writes, by turns.
fn small_talk(kafka: &Kafka, broker: i32, turn: u64) -> String {
    let led = |n: u64| {
        let partitions =
            kafka.topics.iter().flat_map(|(name, t)| t.partitions.iter().enumerate().map(move |p| (name, p)));
        let mut led: Vec<_> = partitions.filter(|(_, (_, p))| p.leader == Some(broker)).collect();
        if led.is_empty() { None } else { Some(led.swap_remove((n * 7) as usize % led.len())) }
    };
    let group = kafka.groups.keys().nth(turn as usize % kafka.groups.len().max(1)).map_or("", String::as_str);
    match (turn % 4, led(turn)) {
        (0, Some((topic, (index, partition)))) => format!(
            "[LocalLog partition={topic}-{index}, dir=/var/lib/kafka/data/logs] Rolled new log segment at offset {:.0} in {} ms. (kafka.log.LocalLog)",
            partition.end.floor(),
            1 + turn % 5
        ),
        (1, Some((topic, (index, partition)))) => format!(
            "[UnifiedLog partition={topic}-{index}, dir=/var/lib/kafka/data/logs] Incremented log start offset to {:.0} due to segment deletion (kafka.log.UnifiedLog)",
            partition.start.floor()
        ),
        (2, _) => format!(
            "[GroupCoordinator id={broker}] Dynamic member of group {group} sent a heartbeat after {} ms (org.apache.kafka.coordinator.group.GroupMetadataManager)",
            2_800 + turn % 400
        ),
        _ => format!(
            "[SnapshotGenerator id={broker}] Creating new KRaft snapshot file snapshot 000000000000{:08}-0000000004 because we have waited at least 60 minute(s). (org.apache.kafka.image.publisher.SnapshotGenerator)",
            400_000 + turn * 17
        ),
    }
}
