//! What stands in the sandbox when it opens: a shop's Kafka on three nodes, days old and in use.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{
    crowd::Crowd,
    kafka::{
        Acl, Broker, Changes, Group, Kafka, LogDir, Member, Meters, Partition, Process, Protocol, Quota, Security,
        Topic,
    },
    kubelet::node_of,
    objects::{self, Brokers, Node, stamp},
    store::Store,
};

/// Where it is installed.
pub const NAMESPACE: &str = "shop";
/// The StatefulSet's name.
pub const NAME: &str = "kafka";
/// `cluster.id`.
const CLUSTER_ID: &str = "SandboxShopKafka0000AQ";
/// Bytes of each broker's volume.
const VOLUME: u64 = 2 << 30;

/// A topic: name, partitions, replication factor, records a second, bytes of a record, bytes it has, own configs.
pub type TopicRow = (&'static str, usize, usize, f64, f64, f64, &'static [(&'static str, &'static str)]);

const WEEK: (&str, &str) = ("retention.ms", "604800000");
const MIB: f64 = 1_048_576.0;

const TOPICS: [TopicRow; 8] = [
    ("orders", 12, 3, 42.0, 900.0, 210.0 * MIB, &[("min.insync.replicas", "2"), WEEK, ("retention.bytes", "31457280")]),
    (
        "payments",
        12,
        3,
        40.0,
        620.0,
        148.0 * MIB,
        &[("min.insync.replicas", "2"), WEEK, ("retention.bytes", "26214400")],
    ),
    ("shipments", 6, 3, 11.0, 740.0, 64.0 * MIB, &[("retention.bytes", "20971520")]),
    ("clicks", 24, 2, 310.0, 280.0, 420.0 * MIB, &[("min.insync.replicas", "1"), ("retention.bytes", "20971520")]),
    ("inventory", 6, 3, 6.0, 310.0, 18.0 * MIB, &[("cleanup.policy", "compact")]),
    ("audit-log", 3, 3, 3.0, 1_100.0, 96.0 * MIB, &[("retention.ms", "-1")]),
    ("invoices.dead-letter", 1, 3, 0.02, 1_400.0, 0.4 * MIB, &[]),
    ("__consumer_offsets", 10, 3, 20.0, 120.0, 9.0 * MIB, &[("cleanup.policy", "compact")]),
];

/// A group: id, protocol, members, topics, records a second it can read, records it is behind.
type GroupRow = (&'static str, Protocol, usize, &'static [&'static str], f64, f64);

const GROUPS: [GroupRow; 6] = [
    ("billing", Protocol::Classic, 3, &["orders", "payments"], 400.0, 0.0),
    ("warehouse", Protocol::Consumer, 2, &["orders", "shipments", "inventory"], 300.0, 0.0),
    // Its disk is slow: in the busy half of a wave it falls behind.
    ("search-indexer", Protocol::Classic, 2, &["clicks"], 322.0, 12_400.0),
    ("fraud-detection", Protocol::Consumer, 4, &["payments"], 200.0, 0.0),
    ("audit-archive", Protocol::Classic, 1, &["audit-log"], 30.0, 40.0),
    ("nightly-report", Protocol::Classic, 0, &["orders"], 0.0, 3_100.0),
];

/// Whoever comes in by the open listener: until it is closed, logins and ACLs bind nobody.
const SUPER_USER: &str = "User:ANONYMOUS";

/// A user: name, topics that it reads, topics that it writes, what its groups begin with, a quota.
type UserRow =
    (&'static str, &'static [&'static str], &'static [&'static str], Option<&'static str>, Option<(&'static str, f64)>);

const USERS: [UserRow; 5] = [
    ("billing", &["orders", "payments"], &["invoices.dead-letter"], Some("billing"), None),
    ("warehouse", &["orders", "shipments", "inventory"], &["inventory"], Some("warehouse"), None),
    ("search-indexer", &["clicks"], &[], Some("search-"), Some(("consumer_byte_rate", 2.0 * MIB))),
    ("fraud-detection", &["payments"], &[], Some("fraud-"), None),
    ("web-shop", &[], &["orders", "payments", "clicks"], None, Some(("producer_byte_rate", 4.0 * MIB))),
];

/// The name of a broker's pod.
pub fn pod(broker: i32) -> String {
    format!("{NAME}-{broker}")
}

/// The name of a broker's claim.
pub fn claim(broker: i32) -> String {
    format!("datadir-{NAME}-{broker}")
}

/// Puts everything into the store that somebody once applied; pods and claims follow from it.
pub fn install(store: &Store, at: DateTime<Utc>, crowd: &Crowd) {
    let brokers = Brokers {
        namespace: NAMESPACE,
        name: NAME,
        headless: "kafka-headless",
        replicas: crowd.brokers as usize,
        image: "docker.io/apache/kafka:4.1.2",
        cluster_id: CLUSTER_ID,
        class: "fast",
        storage: "2Gi",
        replication: (3, 2),
        update: "RollingUpdate",
        super_users: Some(SUPER_USER),
    };
    let labels = brokers.labels();
    let healthy = crowd.brokers as usize;
    let ports = [("kafka", 9092, None), ("controller", 9093, None), ("metrics", 9404, None)];
    let put = |resource: &'static str, mut object: Value| {
        object["metadata"]["creationTimestamp"] = stamp(at);
        store.put(resource, object);
    };
    for namespace in ["default", "kube-system", NAMESPACE] {
        put("namespaces", objects::namespace(namespace));
    }
    for broker in 0..crowd.brokers {
        let (name, zone, ip) =
            (node_of(broker), format!("zone-{}", ["a", "b", "c"][broker as usize % 3]), format!("10.42.{broker}.1"));
        let node = Node {
            name: &name,
            zone: &zone,
            ip: &ip,
            ready: Some(true),
            ready_since: at,
            heard: at,
            schedulable: true,
        };
        put("nodes", objects::node(&node));
    }
    put("storageclasses", objects::storage_class("fast", true));
    put("services", objects::service(NAMESPACE, "kafka", Some("10.43.18.7"), &labels, &ports[..1]));
    put("services", objects::service(NAMESPACE, "kafka-headless", None, &labels, &ports));
    put("poddisruptionbudgets", objects::disruption_budget(NAMESPACE, NAME, &labels, 1, (healthy, healthy), at));
    put("prometheusrules", objects::prometheus_rule(NAMESPACE, "kafka-alerts", "kafka", &rules()));
    put("statefulsets", objects::stateful_set(&brokers));
}

/// The alerts that the shop's people keep beside their Kafka.
fn rules() -> Vec<Value> {
    let rule = |name: &str, expr: &str, hold: &str, severity: &str, summary: &str| {
        json!({
            "alert": name, "expr": expr, "for": hold,
            "labels": {"severity": severity}, "annotations": {"summary": summary},
        })
    };
    vec![
        rule(
            "KafkaOfflinePartitions",
            "sum(kafka_controller_kafkacontroller_offlinepartitionscount) > 0",
            "1m",
            "critical",
            "Partitions have no leader",
        ),
        rule(
            "KafkaUnderReplicatedPartitions",
            "sum(kafka_server_replicamanager_underreplicatedpartitions) > 0",
            "5m",
            "warning",
            "Replicas are behind",
        ),
        rule(
            "KafkaDiskWillFill",
            "kubelet_volume_stats_available_bytes / kubelet_volume_stats_capacity_bytes < 0.15",
            "10m",
            "warning",
            "A volume is nearly full",
        ),
        rule(
            "KafkaConsumerLag",
            "sum by (consumergroup) (kafka_consumergroup_lag) > 50000",
            "10m",
            "warning",
            "A group falls behind",
        ),
    ]
}

/// Gives each broker's filesystem the size that its claim has.
pub fn volumes(store: &Store, kafka: &mut Kafka) {
    for broker in kafka.brokers.values_mut() {
        let claim = store.get("persistentvolumeclaims", NAMESPACE, &claim(broker.id));
        let capacity = claim.as_ref().and_then(|c| c["status"]["capacity"]["storage"].as_str()).and_then(bytes_of);
        broker.log_dir.total = capacity.unwrap_or(broker.log_dir.total);
    }
}

/// The bytes of a quantity such as `2Gi`.
fn bytes_of(quantity: &str) -> Option<u64> {
    let digits = quantity.find(|c: char| !c.is_ascii_digit()).unwrap_or(quantity.len());
    let (number, unit) = quantity.split_at(digits);
    let number: u64 = number.parse().ok()?;
    let shift = ["", "Ki", "Mi", "Gi", "Ti"].iter().position(|u| *u == unit)?;
    number.checked_mul(1 << (10 * shift))
}

/// The Kafka of a shop.
#[cfg(test)]
pub fn kafka() -> Kafka {
    kafka_of(&Crowd::default())
}

/// The Kafka of a shop that others use, too.
pub fn kafka_of(crowd: &Crowd) -> Kafka {
    let topics: BTreeMap<String, Topic> =
        TOPICS.iter().enumerate().map(|(n, row)| (row.0.to_owned(), topic(n, row, crowd.brokers))).collect();
    let of = |(n, row): (usize, &GroupRow)| (row.0.to_owned(), group(n, row, &topics, crowd.brokers));
    let groups = GROUPS.iter().enumerate().map(of).collect();
    let authorizer = [
        ("authorizer.class.name", "org.apache.kafka.metadata.authorizer.StandardAuthorizer"),
        ("super.users", SUPER_USER),
    ];
    let defaults = [
        ("min.insync.replicas", "2"),
        ("retention.ms", "604800000"),
        ("cleanup.policy", "delete"),
        ("segment.bytes", "1073741824"),
        ("retention.bytes", "-1"),
        ("compression.type", "producer"),
        ("max.message.bytes", "1048588"),
    ];
    let mut kafka = Kafka {
        cluster_id: CLUSTER_ID.to_owned(),
        metadata_level: 27,
        brokers: (0..crowd.brokers).map(|id| (id, broker(id))).collect(),
        topics,
        groups,
        defaults: defaults
            .into_iter()
            .chain(authorizer)
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        controller: Some(0),
        security: security(),
        changes: Changes::default(),
    };
    crowd.join(&mut kafka);
    kafka
}

/// Users that may log in once the open listener is closed, and what they may then.
fn security() -> Security {
    const TOPIC: i8 = 2;
    const GROUP: i8 = 3;
    let mut security = Security::default();
    let mut acls = Vec::new();
    for (name, reads, writes, groups, quota) in USERS {
        let mut allow = |resource: i8, of: &str, prefixed: bool, operations: &[i8]| {
            acls.extend(operations.iter().map(|operation| Acl {
                principal: format!("User:{name}"),
                host: "*".to_owned(),
                resource,
                name: of.to_owned(),
                prefixed,
                operation: *operation,
                allows: true,
            }));
        };
        for topic in reads {
            allow(TOPIC, topic, false, &[3, 8]);
        }
        for topic in writes {
            allow(TOPIC, topic, false, &[4, 8]);
        }
        if let Some(prefix) = groups {
            allow(GROUP, prefix, true, &[3]);
        }
        security.scram.insert(name.to_owned(), vec![(2, 8192)]);
        security.quotas.extend(quota.map(|(key, value)| Quota {
            entity: vec![("user".to_owned(), Some(name.to_owned()))],
            limits: [(key.to_owned(), value)].into(),
        }));
    }
    security.acls = Some(acls);
    security
}

fn broker(id: i32) -> Broker {
    Broker {
        id,
        host: format!("{NAME}-{id}.{NAME}-headless.{NAMESPACE}.svc.cluster.local"),
        port: 9092,
        rack: None,
        process: Process::Running,
        unfenced: true,
        delay_ms: 0,
        log_dir: LogDir { path: "/var/lib/kafka/data/logs".to_owned(), total: VOLUME, other: 24 << 20, failed: false },
        meters: Meters::default(),
    }
}

/// Partitions of the topic of that number, so many of so many replicas, over some brokers: with these bytes in all, in
/// records of that size.
pub fn placed(
    n: usize,
    (count, factor): (usize, usize),
    brokers: i32,
    bytes: f64,
    record_bytes: f64,
) -> Vec<Partition> {
    let place = |index: usize| {
        let first = (index + n) as i32;
        // As Kafka places them: followers of the same leader are shifted from round to round.
        let shift = index as i32 / brokers;
        let follower = |nth: i32| (first + 1 + (shift + nth - 1) % (brokers - 1)) % brokers;
        let replicas: Vec<i32> =
            (0..factor as i32).map(|nth| if nth == 0 { first % brokers } else { follower(nth) }).collect();
        let own = bytes / count as f64 * (0.9 + 0.05 * (index % 5) as f64);
        let end = own / record_bytes * 3.0 + 1_000.0;
        Partition {
            leader: replicas.first().copied(),
            isr: replicas.clone(),
            replicas,
            epoch: 4,
            start: end - own / record_bytes,
            end,
            bytes: own,
        }
    };
    (0..count).map(place).collect()
}

/// A topic of that number, on so many brokers.
pub fn topic(n: usize, row: &TopicRow, brokers: i32) -> Topic {
    let (name, count, factor, rate, record_bytes, bytes, configs) = *row;
    let mut id = *b"sandbox-topic-00";
    id[14] = b'0' + (n / 10) as u8;
    id[15] = b'0' + (n % 10) as u8;
    Topic {
        id,
        configs: configs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        partitions: placed(n, (count, factor), brokers, bytes, record_bytes),
        rate,
        record_bytes,
        internal: name.starts_with("__"),
    }
}

fn group(n: usize, row: &GroupRow, topics: &BTreeMap<String, Topic>, brokers: i32) -> Group {
    let (id, protocol, count, reads, speed, behind) = *row;
    let mut members: Vec<Member> = (0..count)
        .map(|m| Member {
            id: format!("{id}-{m}-5b1f6c1e-0000-4000-8000-00000000{n:02}{m:02}"),
            client_id: format!("{id}-{m}"),
            host: format!("/10.42.{}.{}", m % 3, 20 + n * 4 + m),
            assigned: Vec::new(),
        })
        .collect();
    let partitions: Vec<(String, i32, f64)> = reads
        .iter()
        .filter_map(|name| Some((*name, topics.get(*name)?)))
        .flat_map(|(name, t)| t.partitions.iter().enumerate().map(move |(i, p)| (name.to_owned(), i as i32, p.end)))
        .collect();
    let each = behind / partitions.len().max(1) as f64;
    for (at, (topic, index, _)) in partitions.iter().enumerate() {
        if count > 0 {
            members[at * count / partitions.len()].assigned.push((topic.clone(), *index));
        }
    }
    let committed = partitions.into_iter().map(|(topic, index, end)| ((topic, index), (end - each).max(0.0)));
    Group { protocol, members, committed: committed.collect(), speed, coordinator: n as i32 % brokers }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_partition_has_different_brokers_and_every_broker_its_share() {
        let kafka = kafka();
        let mut leads = BTreeMap::<i32, usize>::new();
        for partition in kafka.topics.values().flat_map(|t| &t.partitions) {
            let mut replicas = partition.replicas.clone();
            replicas.sort_unstable();
            replicas.dedup();
            assert_eq!(replicas.len(), partition.replicas.len());
            *leads.entry(partition.leader.unwrap()).or_default() += 1;
        }
        assert!(leads.values().all(|n| (20..=30).contains(n)), "{leads:?}");
    }

    #[test]
    fn volumes_are_half_full() {
        let kafka = kafka();
        for broker in kafka.brokers.values() {
            let percent = kafka.used_on(broker) * 100 / broker.log_dir.total;
            assert!((30..60).contains(&percent), "{percent} %");
        }
    }
}
