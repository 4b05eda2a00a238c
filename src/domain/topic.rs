//! Topics and partitions, and the arithmetic of replication.
//!
//! The definitions are those of Kafka's own tools (TopicCommand, Partition.scala).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{
    config::{ConfigEntry, ConfigSource},
    ids::BrokerId,
};

/// A topic with all its partitions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Topic {
    /// Name.
    pub name: String,
    /// Kafka's own, as `__consumer_offsets`.
    pub internal: bool,
    /// The broker's error for this topic, in words.
    pub error: Option<String>,
    /// Partitions, by index.
    pub partitions: Vec<Partition>,
}

/// One partition.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partition {
    /// Index within the topic.
    pub index: i32,
    /// Its leader; `None` is Kafka's -1.
    pub leader: Option<BrokerId>,
    /// Assigned replicas, preferred leader first.
    pub replicas: Vec<BrokerId>,
    /// In-sync replicas.
    pub isr: Vec<BrokerId>,
    /// Of the replicas those that a move is adding.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub adding: Vec<BrokerId>,
    /// Of the replicas those that a move will take away.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removing: Vec<BrokerId>,
}

/// A move that brokers are busy with (ListPartitionReassignments, key 46).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moving {
    /// The topic.
    pub topic: String,
    /// Index of the partition.
    pub partition: i32,
    /// Its replicas now, old and new.
    pub replicas: Vec<BrokerId>,
    /// Those that are being added.
    pub adding: Vec<BrokerId>,
    /// Those that will be taken away.
    pub removing: Vec<BrokerId>,
}

/// A partition's state, worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Health {
    /// No leader, or its leader does not answer.
    Offline,
    /// Fewer in-sync replicas than `min.insync.replicas`: producers with acks=all fail.
    UnderMinIsr,
    /// Behind, and one more loss blocks writes.
    AtMinIsr,
    /// Behind.
    UnderReplicated,
    /// In sync.
    InSync,
}

impl Partition {
    /// True when it has no leader, or its leader is one of the brokers known not to answer.
    pub fn is_offline(&self, silent: &BTreeSet<BrokerId>) -> bool {
        self.leader.is_none_or(|leader| silent.contains(&leader))
    }

    /// True when a replica is not in sync; those that a move adds do not count before they are (Partition.scala).
    pub fn is_under_replicated(&self) -> bool {
        self.isr.len() + self.adding.len() < self.replicas.len()
    }

    /// True while it is being moved.
    pub fn is_moving(&self) -> bool {
        !self.adding.is_empty() || !self.removing.is_empty()
    }

    /// Notes what a move does to it, as far as its replicas still show it.
    pub fn mark(&mut self, moving: Option<&Moving>) {
        let of = |ids: &[BrokerId]| self.replicas.iter().copied().filter(|id| ids.contains(id)).collect();
        let (adding, removing) = moving.map(|moving| (of(&moving.adding), of(&moving.removing))).unwrap_or_default();
        (self.adding, self.removing) = (adding, removing);
    }

    /// The effective `min.insync.replicas`: never more than there are replicas.
    fn effective_min(&self, min_isr: u32) -> usize {
        (min_isr as usize).min(self.replicas.len())
    }

    /// True when acks=all fails: no leader, or fewer in-sync replicas than the effective minimum.
    pub fn is_under_min_isr(&self, min_isr: u32) -> bool {
        self.leader.is_none() || self.isr.len() < self.effective_min(min_isr)
    }

    /// True when there is a leader and exactly the effective minimum is in sync.
    pub fn is_at_min_isr(&self, min_isr: u32) -> bool {
        self.leader.is_some() && self.isr.len() == self.effective_min(min_isr)
    }

    /// Its state in one word; `min_isr` is `None` where the topic's config is not known.
    ///
    /// A partition that is in sync is never called at-min-ISR here, though Kafka's own counter does.
    pub fn health(&self, min_isr: Option<u32>, silent: &BTreeSet<BrokerId>) -> Health {
        if self.is_offline(silent) {
            Health::Offline
        } else if min_isr.is_some_and(|min| self.is_under_min_isr(min)) {
            Health::UnderMinIsr
        } else if !self.is_under_replicated() {
            Health::InSync
        } else if min_isr.is_some_and(|min| self.is_at_min_isr(min)) {
            Health::AtMinIsr
        } else {
            Health::UnderReplicated
        }
    }
}

/// A topic's configs, as far as they were asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopicConfig {
    /// Topic.
    pub topic: String,
    /// Those that are always asked for (see `wire`), and those that the topic sets itself.
    pub entries: Vec<ConfigEntry>,
    /// True when whatever the topic sets itself is among them: in a cluster of very many topics only some are asked.
    #[serde(default)]
    pub complete: bool,
}

impl TopicConfig {
    /// The value of `min.insync.replicas`, if it was given and is a number.
    pub fn min_isr(&self) -> Option<u32> {
        self.entries.iter().find(|e| e.name == "min.insync.replicas")?.value.as_deref()?.parse().ok()
    }

    /// What the topic sets itself.
    pub fn overrides(&self) -> impl Iterator<Item = &ConfigEntry> {
        self.entries.iter().filter(|e| e.source == ConfigSource::DynamicTopic)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partition(leader: i32, replicas: &[i32], isr: &[i32]) -> Partition {
        let ids = |v: &[i32]| v.iter().copied().map(BrokerId).collect();
        Partition {
            index: 0,
            leader: (leader >= 0).then_some(BrokerId(leader)),
            replicas: ids(replicas),
            isr: ids(isr),
            ..Partition::default()
        }
    }

    #[test]
    fn what_a_move_adds_is_no_missing_replica() {
        let ids = |v: &[i32]| v.iter().copied().map(BrokerId).collect::<Vec<_>>();
        let mut moved = partition(1, &[3, 1, 2], &[1, 2]);
        assert!(moved.is_under_replicated());
        moved.mark(Some(&Moving { adding: ids(&[3]), removing: ids(&[1]), ..Moving::default() }));
        assert!(!moved.is_under_replicated() && moved.is_moving());
        moved.isr = ids(&[2]);
        assert!(moved.is_under_replicated(), "one of the old ones is behind");
        moved.replicas = ids(&[1, 2]);
        moved.mark(Some(&Moving { adding: ids(&[3]), ..Moving::default() }));
        assert!(!moved.is_moving(), "it was cancelled meanwhile");
    }

    #[test]
    fn health_is_the_worst_thing_that_is_true() {
        let none = BTreeSet::new();
        let silent = BTreeSet::from([BrokerId(1)]);
        assert_eq!(partition(-1, &[1, 2, 3], &[1]).health(Some(2), &none), Health::Offline);
        assert_eq!(partition(1, &[1, 2, 3], &[1, 2, 3]).health(Some(2), &silent), Health::Offline);
        assert_eq!(partition(1, &[1, 2, 3], &[1]).health(Some(2), &none), Health::UnderMinIsr);
        assert_eq!(partition(1, &[1, 2, 3], &[1, 2]).health(Some(2), &none), Health::AtMinIsr);
        assert_eq!(partition(1, &[1, 2, 3], &[1, 2]).health(Some(1), &none), Health::UnderReplicated);
        assert_eq!(partition(1, &[1, 2, 3], &[1, 2, 3]).health(Some(3), &none), Health::InSync);
    }

    #[test]
    fn min_isr_above_the_replication_factor_is_capped_as_the_broker_does() {
        assert!(!partition(1, &[1], &[1]).is_under_min_isr(2));
        assert!(partition(1, &[1], &[1]).is_at_min_isr(2));
    }

    #[test]
    fn an_unknown_min_isr_is_never_guessed() {
        assert_eq!(partition(1, &[1, 2, 3], &[1]).health(None, &BTreeSet::new()), Health::UnderReplicated);
    }
}
