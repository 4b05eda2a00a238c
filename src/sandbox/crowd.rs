//! How large the sandbox is: what stands beside the shop's own topics and groups, for figures at the size of the largest
//! clusters. `benches/scale.rs` asks for it; demos and drills have none of it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{
    demo::{NAMESPACE, placed},
    kafka::{Group, Kafka, Member, Protocol, Topic},
    kubelet::node_of,
    objects::{self, Place, PodState, stamp},
    store::Store,
};

/// Where pods stand that have nothing to do with Kafka.
const ELSEWHERE: &str = "apps";
/// Topics repeat in nines: one of 16 partitions, one of 2, and seven of 3.
const CYCLE: usize = 9;
/// One group of so many has members.
const READS: usize = 10;
/// Bytes of a record, and records a second into a topic.
const RECORD: f64 = 300.0;
const RATE: f64 = 0.2;

/// What there is of everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crowd {
    /// Brokers.
    pub brokers: i32,
    /// Topics beside the shop's own, with 4⅓ partitions on average.
    pub topics: usize,
    /// Groups beside the shop's own, each with commits for 40 partitions.
    pub groups: usize,
    /// Pods in another namespace.
    pub pods: usize,
    /// Milliseconds that each answer of a broker takes.
    pub delay_ms: u64,
}

impl Default for Crowd {
    fn default() -> Self {
        Self { brokers: 3, topics: 0, groups: 0, pods: 0, delay_ms: 0 }
    }
}

fn partitions(topic: usize) -> usize {
    match topic % CYCLE {
        0 => 16,
        1 => 2,
        _ => 3,
    }
}

fn name(topic: usize) -> String {
    format!("team-{:02}.service-{:03}.events-{topic:05}", topic % 40, topic % 331)
}

impl Crowd {
    /// Adds its topics and groups, and slows brokers down.
    pub fn join(&self, kafka: &mut Kafka) {
        for broker in kafka.brokers.values_mut() {
            broker.delay_ms = self.delay_ms;
        }
        kafka.topics.extend((0..self.topics).map(|n| (name(n), self.topic(n))));
        let groups: Vec<(String, Group)> = (0..self.groups).map(|n| self.group(n, &kafka.topics)).collect();
        kafka.groups.extend(groups);
    }

    fn topic(&self, n: usize) -> Topic {
        let mut id = *b"sandbox-crowd-00";
        id[12..].copy_from_slice(&u32::try_from(n).unwrap_or(u32::MAX).to_be_bytes());
        let count = partitions(n);
        Topic {
            id,
            configs: BTreeMap::from([("retention.ms".to_owned(), "86400000".to_owned())]),
            partitions: placed(n, (count, 3), self.brokers, count as f64 * 20_000.0, RECORD),
            rate: RATE,
            record_bytes: RECORD,
            internal: false,
        }
    }

    /// A topic of 16 partitions and eight of 3.
    fn group(&self, n: usize, topics: &BTreeMap<String, Topic>) -> (String, Group) {
        let nines = (self.topics / CYCLE).max(1);
        let small = (0..8).map(|nth| (n * 8 + nth) % nines * CYCLE + 2 + nth % 7);
        let reads = std::iter::once(n % nines * CYCLE).chain(small).map(name);
        let behind = if n.is_multiple_of(READS) { 0.0 } else { 20.0 };
        let committed: BTreeMap<(String, i32), f64> = reads
            .filter_map(|topic| Some((topics.get(&topic)?, topic)))
            .flat_map(|(known, topic)| {
                let ends = known.partitions.iter().map(|p| (p.end - behind).max(0.0));
                (0..).zip(ends).map(move |(index, end)| ((topic.clone(), index), end))
            })
            .collect();
        let id = format!("team-{:02}.consumer-{n:04}", n % 40);
        let member = |nth: usize| Member {
            id: format!("{id}-{nth}-5b1f6c1e-0000-4000-8000-00000000{n:04}"),
            client_id: format!("{id}-{nth}"),
            host: format!("/10.43.{}.{}", n % 200, nth + 1),
            assigned: committed.keys().skip(nth).step_by(2).cloned().collect(),
        };
        let members = if n.is_multiple_of(READS) { (0..2).map(member).collect() } else { Vec::new() };
        let coordinator = n as i32 % self.brokers;
        (id, Group { protocol: Protocol::Classic, members, committed, speed: 200.0, coordinator })
    }

    /// Puts its pods into the store.
    pub fn install(&self, store: &Store, at: DateTime<Utc>) {
        if self.pods == 0 {
            return;
        }
        store.put("namespaces", objects::namespace(ELSEWHERE));
        for n in 0..self.pods {
            store.put("pods", bystander(n, self.brokers, at));
        }
    }
}

/// A pod of somebody else's.
fn bystander(n: usize, nodes: i32, at: DateTime<Utc>) -> Value {
    debug_assert_ne!(ELSEWHERE, NAMESPACE, "kubelets take pods up in the shop's namespace");
    let (app, node) = (format!("app-{:03}", n % 250), n as i32 % nodes);
    let mut pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": format!("{app}-6d5f7c9b84-{n:05}"), "namespace": ELSEWHERE, "creationTimestamp": stamp(at),
            "labels": {"app": app, "pod-template-hash": "6d5f7c9b84"},
        },
        "spec": {"restartPolicy": "Always", "containers": [{
            "name": "app", "image": format!("registry.example/{app}:1.4.{}", n % 9),
            "env": [{"name": "KAFKA_BOOTSTRAP", "value": "kafka.shop:9092"}],
            "ports": [{"containerPort": 8080, "name": "http", "protocol": "TCP"}],
            "resources": {"requests": {"cpu": "100m", "memory": "256Mi"}},
        }]},
    });
    objects::bind(&mut pod, &node_of(node));
    let state = PodState::Running { since: at, ready: (true, at), restarts: 0, last: None };
    let (node_ip, pod_ip) = (format!("10.42.{node}.1"), format!("10.43.{}.{}", n / 250, n % 250 + 1));
    pod["status"] = objects::pod_status(&pod, &state, &Place { node_ip: &node_ip, pod_ip: Some(&pod_ip), since: at });
    pod
}

#[cfg(test)]
mod tests {
    use super::{super::demo, *};

    #[test]
    fn the_largest_clusters_have_39_000_partitions_and_groups_that_read_40() {
        let crowd = Crowd { brokers: 12, topics: 9_000, groups: 2_200, pods: 0, delay_ms: 20 };
        let kafka = demo::kafka_of(&crowd);
        let partitions: usize = (0..crowd.topics).map(|n| kafka.topics[&name(n)].partitions.len()).sum();
        assert_eq!(partitions, 39_000);
        let groups = kafka.groups.iter().filter(|(id, _)| id.starts_with("team-"));
        let read: Vec<usize> = groups.map(|(_, group)| group.committed.len()).collect();
        assert_eq!((read.len(), read.iter().min(), read.iter().max()), (2_200, Some(&40), Some(&40)));
        let led = |id: i32| kafka.topics.values().flat_map(|t| &t.partitions).filter(|p| p.leader == Some(id)).count();
        assert!((0..12).all(|id| (3_000..3_500).contains(&led(id))), "{:?}", (0..12).map(led).collect::<Vec<_>>());
        let mut ids: Vec<[u8; 16]> = kafka.topics.values().map(|t| t.id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), kafka.topics.len(), "every topic has an id of its own");
    }
}
