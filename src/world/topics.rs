//! Topics and partitions as rows, worst first.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::domain::{
    freshness::{Asked, SourceState},
    ids::{BrokerId, ObjectKey},
    strimzi::KafkaTopic,
    topic::{Health, Topic},
};

use super::{KafkaWorld, Reading, kafka::Revisions};

/// The owner of Kafka's own topics.
const INTERNAL: &str = "internal";

/// One topic, as a row.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TopicRow {
    /// Name.
    pub name: String,
    /// Number of partitions.
    pub partitions: usize,
    /// Replicas of its first partition.
    pub replication_factor: usize,
    /// `min.insync.replicas`; `None` while its configs are not known.
    pub min_isr: Option<u32>,
    /// Configs that it sets itself; `None` while they are not known.
    pub config_overrides: Option<usize>,
    /// True when there may be more: in a cluster of very many topics only some configs are asked for.
    pub config_overrides_incomplete: bool,
    /// Partitions with fewer in-sync replicas than replicas.
    pub under_replicated: usize,
    /// Partitions without a leader that answers.
    pub offline: usize,
    /// Partitions below `min.insync.replicas`.
    pub under_min_isr: usize,
    /// Partitions that are behind, and one loss from blocking writes.
    pub at_min_isr: usize,
    /// Partitions that are being moved; `None` while moves are not known.
    pub reassigning: Option<usize>,
    /// Bytes of all its replicas; `None` until every broker that holds one has answered.
    pub size_bytes: Option<u64>,
    /// `internal` for Kafka's own, `KafkaTopic NS/NAME` where one declares it; none where nobody is seen to.
    pub owner: Option<String>,
    /// The broker's error for this topic.
    pub error: Option<String>,
    /// Its worst partition.
    #[serde(skip)]
    pub worst: Health,
}

/// One partition, as a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PartitionRow {
    /// Index.
    pub partition: i32,
    /// Leader.
    pub leader: Option<BrokerId>,
    /// Replicas, preferred leader first.
    pub replicas: Vec<BrokerId>,
    /// In-sync replicas.
    pub isr: Vec<BrokerId>,
    /// Of the replicas those that a move is adding.
    pub adding: Vec<BrokerId>,
    /// Of the replicas those that a move will take away.
    pub removing: Vec<BrokerId>,
    /// Its state.
    pub health: Health,
    /// Log end offset, where a group made us ask for it.
    pub end: Option<i64>,
    /// Bytes per broker.
    pub size_bytes: BTreeMap<BrokerId, u64>,
}

/// Partitions by state, as PRODUCT's status document counts them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PartitionCounts {
    /// All.
    pub total: usize,
    /// Without a leader that answers.
    pub offline: usize,
    /// Below `min.insync.replicas`.
    pub under_min_isr: usize,
    /// Behind, and one loss from blocking writes.
    pub at_min_isr: usize,
    /// With fewer in-sync replicas than replicas.
    pub under_replicated: usize,
    /// Being moved; `None` while moves are not known.
    pub reassigning: Option<usize>,
    /// Partitions whose topic's `min.insync.replicas` is not known.
    pub min_isr_unknown: usize,
}

impl TopicRow {
    /// True for Kafka's own topics.
    pub fn is_internal(&self) -> bool {
        self.owner.as_deref() == Some(INTERNAL)
    }
}

/// What the rows of topics rest on: while it is the same, so are they.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicsBasis {
    kafka: Option<Revisions>,
    /// Of the KafkaTopics.
    resources: u64,
    /// Brokers whose partitions are out of reach.
    silent: BTreeSet<BrokerId>,
    /// Brokers whose log directories are known.
    told: BTreeSet<BrokerId>,
}

impl Reading<'_> {
    /// What the rows of topics rest on now.
    pub fn topics_basis(&self) -> TopicsBasis {
        TopicsBasis {
            kafka: self.kafka().map(|kafka| kafka.revisions),
            resources: self.world.kube.topics_revision,
            silent: self.silent_leaders(),
            told: self.tell_log_dirs(),
        }
    }

    /// Brokers whose log directories are known.
    fn tell_log_dirs(&self) -> BTreeSet<BrokerId> {
        let told = |broker: &BrokerId| self.freshness(Asked::LogDirs, Some(*broker)).state == SourceState::Live;
        self.kafka().into_iter().flat_map(|kafka| kafka.log_dirs.keys()).filter(|id| told(id)).copied().collect()
    }

    /// All topics, by name.
    pub fn topics(&self) -> Vec<TopicRow> {
        let Some(kafka) = self.kafka() else { return Vec::new() };
        let silent = self.silent_leaders();
        let sizes = self.topic_sizes();
        let owners = self.topic_resources();
        let owner = |name: &str| owners.get(name).map(|o| format!("KafkaTopic {}/{}", o.meta.namespace, o.meta.name));
        kafka
            .topics
            .values()
            .map(|topic| TopicRow {
                owner: if topic.internal { Some(INTERNAL.to_owned()) } else { owner(&topic.name) },
                ..topic_row(kafka, topic, &silent, sizes.get(topic.name.as_str()).copied())
            })
            .collect()
    }

    /// KafkaTopics that the Topic Operator of this installation looks after, by the topic's name; of several that
    /// declare one topic the oldest counts, as it does for the operator.
    pub fn topic_resources(&self) -> BTreeMap<&str, &KafkaTopic> {
        let id = &self.installation.id;
        let of_strimzi = self.world.kube.kafkas.get(&ObjectKey::new(&id.namespace, &id.name));
        let Some(namespace) = of_strimzi.and_then(|kafka| kafka.topics_in.as_ref()) else { return BTreeMap::new() };
        let all = self.world.kube.topics.values().map(AsRef::as_ref);
        let ours =
            all.filter(|t| t.meta.namespace == *namespace && t.meta.labels.get("strimzi.io/cluster") == Some(&id.name));
        let mut found: BTreeMap<&str, &KafkaTopic> = BTreeMap::new();
        for topic in ours {
            let known = found.entry(topic.called()).or_insert(topic);
            if topic.meta.created_at < known.meta.created_at {
                *known = topic;
            }
        }
        found
    }

    /// The partitions of one topic; empty when there is no such topic.
    pub fn partitions(&self, topic: &str) -> Vec<PartitionRow> {
        let Some((kafka, topic)) = self.kafka().and_then(|k| Some((k, k.topics.get(topic)?))) else {
            return Vec::new();
        };
        let silent = self.silent_leaders();
        let min_isr = kafka.min_isr(&topic.name);
        let mut sizes: BTreeMap<i32, BTreeMap<BrokerId, u64>> = BTreeMap::new();
        for (broker, replica) in replicas(kafka).filter(|(_, r)| r.topic == topic.name) {
            *sizes.entry(replica.partition).or_default().entry(broker).or_default() += replica.bytes;
        }
        topic
            .partitions
            .iter()
            .map(|p| PartitionRow {
                partition: p.index,
                leader: p.leader,
                replicas: p.replicas.clone(),
                isr: p.isr.clone(),
                adding: p.adding.clone(),
                removing: p.removing.clone(),
                health: p.health(min_isr, &silent),
                end: kafka.ends.get(&topic.name).and_then(|ends| ends.get(&p.index).copied()),
                size_bytes: sizes.remove(&p.index).unwrap_or_default(),
            })
            .collect()
    }

    /// Partitions by state; `None` before Metadata has answered.
    pub fn partition_counts(&self) -> Option<PartitionCounts> {
        self.kafka().filter(|kafka| kafka.metadata_at.is_some())?;
        Some(self.census().counts.clone())
    }

    /// Bytes of topics whose every replica's broker has told its log directories.
    fn topic_sizes(&self) -> BTreeMap<&str, u64> {
        let Some(kafka) = self.kafka() else { return BTreeMap::new() };
        let mut sizes: BTreeMap<&str, u64> = BTreeMap::new();
        for (_, replica) in replicas(kafka) {
            *sizes.entry(&replica.topic).or_default() += replica.bytes;
        }
        let told = self.tell_log_dirs();
        sizes.retain(|topic, _| {
            kafka
                .topics
                .get(*topic)
                .is_some_and(|t| t.partitions.iter().flat_map(|p| &p.replicas).all(|b| told.contains(b)))
        });
        sizes
    }
}

fn replicas(kafka: &KafkaWorld) -> impl Iterator<Item = (BrokerId, &crate::domain::storage::ReplicaSize)> {
    kafka.log_dirs.iter().flat_map(|(broker, dirs)| dirs.iter().flat_map(|d| &d.replicas).map(move |r| (*broker, r)))
}

fn topic_row(kafka: &KafkaWorld, topic: &Topic, silent: &BTreeSet<BrokerId>, size_bytes: Option<u64>) -> TopicRow {
    let min_isr = kafka.min_isr(&topic.name);
    let healths: Vec<Health> = topic.partitions.iter().map(|p| p.health(min_isr, silent)).collect();
    let config = kafka.configs.get(&topic.name);
    let count = |health: Health| healths.iter().filter(|h| **h == health).count();
    TopicRow {
        name: topic.name.clone(),
        partitions: topic.partitions.len(),
        replication_factor: topic.partitions.first().map_or(0, |p| p.replicas.len()),
        min_isr,
        config_overrides: config.map(|c| c.overrides().count()),
        config_overrides_incomplete: config.is_some_and(|c| !c.complete),
        under_replicated: topic.partitions.iter().filter(|p| p.is_under_replicated()).count(),
        offline: count(Health::Offline),
        under_min_isr: count(Health::UnderMinIsr),
        at_min_isr: count(Health::AtMinIsr),
        reassigning: kafka.moves.as_ref().map(|_| topic.partitions.iter().filter(|p| p.is_moving()).count()),
        size_bytes,
        owner: None,
        error: topic.error.clone(),
        worst: healths.into_iter().min().unwrap_or(Health::InSync),
    }
}
