//! What clients do to a Kafka: producers write, consumers read and commit, retention trims.
//!
//! A pure step over the state, in real records and bytes; who leads what is `controller`'s.

use std::collections::BTreeMap;

use super::kafka::{Broker, Kafka, Process, Topic};

/// Consumers commit this often, in seconds, as Kafka's own do.
const COMMIT_EVERY: f64 = 5.0;
/// Length of a wave of traffic, in seconds, and how far it goes up and down.
const WAVE: f64 = 240.0;
const SWING: f64 = 0.3;
/// Retention trims to this share of its limit: whole segments go at a time.
const TRIM_TO: f64 = 0.85;

/// The clients of a Kafka.
#[derive(Debug, Default)]
pub struct Traffic {
    /// Where each group has read to, by group, topic and partition; commits follow.
    positions: BTreeMap<(String, String, i32), f64>,
    /// Seconds since the beginning.
    elapsed: f64,
    since_commit: f64,
}

impl Traffic {
    /// Goes on by some seconds.
    pub fn step(&mut self, kafka: &mut Kafka, seconds: f64) {
        self.elapsed += seconds;
        self.since_commit += seconds;
        let wave = (self.elapsed / WAVE * std::f64::consts::TAU).sin();
        let before: BTreeMap<i32, f64> = kafka.brokers.values().map(|b| (b.id, b.meters.messages_in)).collect();
        produce(kafka, seconds * (1.0 + SWING * wave));
        for broker in kafka.brokers.values_mut().filter(|_| seconds > 0.0) {
            broker.meters.load = (broker.meters.messages_in - before.get(&broker.id).unwrap_or(&0.0)) / seconds;
        }
        trim(kafka);
        // Readers are held up when writers are busiest: what falls behind in one half of a wave is read in the other.
        self.consume(kafka, seconds * (1.0 - SWING * wave));
    }

    fn consume(&mut self, kafka: &mut Kafka, seconds: f64) {
        let commits = self.since_commit >= COMMIT_EVERY;
        if commits {
            self.since_commit = 0.0;
        }
        let Kafka { groups, topics, brokers, .. } = kafka;
        for (id, group) in groups {
            let reads: usize = group.members.iter().map(|m| m.assigned.len()).sum();
            let most = group.speed * seconds / reads.max(1) as f64;
            for (topic, index) in group.members.iter().flat_map(|m| &m.assigned) {
                let Some(of) = topics.get(topic) else { continue };
                let Some(partition) = of.partitions.get(*index as usize) else { continue };
                let record_bytes = of.record_bytes;
                let committed = group.committed.entry((topic.clone(), *index)).or_insert(partition.start);
                let position = self.positions.entry((id.clone(), topic.clone(), *index)).or_insert(*committed);
                // A topic may have been deleted and made again.
                *position = position.max(partition.start).min(partition.end);
                let leader = partition.leader.and_then(|leader| brokers.get_mut(&leader));
                if let Some(leader) = leader.filter(|leader| leader.process == Process::Running) {
                    let records = (partition.end - *position).clamp(0.0, most);
                    *position += records;
                    leader.meters.bytes_out += records * record_bytes;
                    if commits {
                        *committed = *position;
                    }
                }
            }
        }
    }
}

/// Writes with acks=all: nothing where the leader does not run or too few replicas are in sync.
fn produce(kafka: &mut Kafka, seconds: f64) {
    let min_isr: BTreeMap<String, usize> =
        kafka.topics.iter().map(|(name, t)| (name.clone(), kafka.min_isr(t))).collect();
    let Kafka { topics, brokers, .. } = kafka;
    for (name, topic) in topics {
        let share = topic.rate * seconds / topic.partitions.len().max(1) as f64;
        let compacted = topic.configs.get("cleanup.policy").is_some_and(|policy| policy == "compact");
        for (index, partition) in topic.partitions.iter_mut().enumerate() {
            let leader = partition.leader.and_then(|leader| brokers.get_mut(&leader));
            let takes = |leader: &Broker| leader.process == Process::Running && partition.isr.len() >= min_isr[name];
            if let Some(leader) = leader.filter(|leader| takes(leader)) {
                // Keys are never spread quite evenly.
                let records = share * (0.85 + 0.1 * (index % 4) as f64);
                leader.meters.messages_in += records;
                leader.meters.bytes_in += records * topic.record_bytes;
                partition.end += records;
                // Compaction keeps the newest record of each key: as many bytes as there are keys.
                partition.bytes += if compacted { 0.0 } else { records * topic.record_bytes };
            }
        }
    }
}

/// Drops the oldest segments of partitions beyond `retention.bytes`.
fn trim(kafka: &mut Kafka) {
    for topic in kafka.topics.values_mut() {
        let Some(limit) = retention_bytes(topic) else { continue };
        for partition in &mut topic.partitions {
            if partition.bytes > limit {
                let dropped = partition.bytes - limit * TRIM_TO;
                partition.bytes -= dropped;
                partition.start = (partition.start + dropped / topic.record_bytes.max(1.0)).min(partition.end);
            }
        }
    }
}

fn retention_bytes(topic: &Topic) -> Option<f64> {
    topic.configs.get("retention.bytes").and_then(|bytes| bytes.parse().ok()).filter(|bytes: &f64| *bytes > 0.0)
}

#[cfg(test)]
mod tests {
    use super::{super::demo, *};

    #[test]
    fn what_is_written_is_read_and_committed_by_those_who_keep_up() {
        let (mut kafka, mut traffic) = (demo::kafka(), Traffic::default());
        let before = kafka.topics["orders"].partitions[0].end;
        for _ in 0..400 {
            traffic.step(&mut kafka, 0.25);
        }
        let end = kafka.topics["orders"].partitions[0].end;
        assert!(end > before + 100.0);
        let lag = end - kafka.groups["billing"].committed[&("orders".to_owned(), 0)];
        assert!((0.0..200.0).contains(&lag), "{lag}");
    }

    #[test]
    fn a_partition_without_enough_replicas_in_sync_takes_nothing() {
        let mut kafka = demo::kafka();
        let partition = &mut kafka.topics.get_mut("orders").unwrap().partitions[0];
        partition.isr.truncate(1);
        let before = partition.end;
        Traffic::default().step(&mut kafka, 10.0);
        assert!((kafka.topics["orders"].partitions[0].end - before).abs() < f64::EPSILON);
    }

    #[test]
    fn after_a_day_the_volumes_are_fuller_and_not_full() {
        let (mut kafka, mut traffic) = (demo::kafka(), Traffic::default());
        let used = |kafka: &Kafka| kafka.used_on(&kafka.brokers[&0]) * 100 / kafka.brokers[&0].log_dir.total;
        let before = used(&kafka);
        for _ in 0..17_280 {
            traffic.step(&mut kafka, 5.0);
        }
        let after = used(&kafka);
        assert!(after > before + 5 && after < 80, "from {before} % to {after} %");
    }

    #[test]
    fn retention_keeps_a_topic_below_its_limit() {
        let (mut kafka, mut traffic) = (demo::kafka(), Traffic::default());
        for _ in 0..4_000 {
            traffic.step(&mut kafka, 1.0);
        }
        let clicks = &kafka.topics["clicks"];
        let limit = retention_bytes(clicks).unwrap();
        assert!(clicks.partitions.iter().all(|p| p.bytes <= limit * 1.01));
        assert!(clicks.partitions[0].start > 0.0);
    }
}
