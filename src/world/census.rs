//! What one walk over all partitions tells: counts, each broker's share, and what is wrong with whom.
//!
//! Panes, findings, the verdict and the gates of a restart all rest on it, and an installation may have 40,000 partitions:
//! so it is taken once, and again only when what it rests on is another. It concludes nothing (`diagnose` and `plan` do).

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use crate::domain::{
    ids::BrokerId,
    topic::{Health, Partition},
};

use super::{KafkaWorld, Reading, topics::PartitionCounts};

/// How many partitions in a bad state are named.
const NAMED: usize = 6;

/// What a census rests on: while it is the same, so is the census.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Basis {
    /// Of what brokers told of partitions and their minimum.
    revision: u64,
    /// Whose partitions are out of reach.
    silent: BTreeSet<BrokerId>,
}

/// What one walk over all partitions tells.
#[derive(Debug, Clone, Default)]
pub struct Census {
    basis: Basis,
    /// Partitions by state.
    pub counts: PartitionCounts,
    /// Partitions without a leader that answers.
    pub offline: Tally,
    /// Partitions that are under-replicated.
    pub behind: Tally,
    /// Each broker's part; those without any are left out.
    pub shares: BTreeMap<BrokerId, Share>,
    /// Of partitions without a leader that answers.
    pub out_of_reach: Trouble,
    /// Of partitions below `min.insync.replicas`.
    pub under_min_isr: Trouble,
}

/// Some partitions: how many, and one of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many.
    pub count: usize,
    /// The first, with its topic.
    pub first: Option<(String, Partition)>,
}

/// One broker's part in it.
#[derive(Debug, Clone, Default)]
pub struct Share {
    /// Partitions that it leads.
    pub leaders: usize,
    /// Replicas that it has.
    pub replicas: usize,
    /// Those that are not in sync.
    pub missing: usize,
    /// Under-replicated partitions in which nobody's replica but its own is missing.
    pub own: usize,
    /// Partitions that would fall under min-ISR without it, or lose their last in-sync replica.
    pub blocked: Tally,
    /// Partitions that go offline without it, however healthy: no other broker has a replica.
    pub alone: Tally,
    /// Partitions that take no acks=all without it, however healthy: they have no more replicas than min-ISR.
    pub tight: Tally,
    /// A topic of which min-ISR is not known.
    pub unknown: Option<String>,
}

/// Partitions in one bad state, and who has part in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trouble {
    /// How many.
    pub count: usize,
    /// The first of them, as `orders-7`.
    pub named: Vec<String>,
    /// How many have no leader.
    pub leaderless: usize,
    /// How many each broker leads.
    pub led: BTreeMap<BrokerId, usize>,
    /// Brokers whose replicas of them are not in sync.
    pub missing: BTreeSet<BrokerId>,
    /// Brokers that were in sync last: what is left of the ISR, or the replicas where it is empty.
    pub last_in_sync: BTreeSet<BrokerId>,
    /// The largest `min.insync.replicas` among them.
    pub most_min_isr: Option<u32>,
}

impl Tally {
    fn add(&mut self, topic: &str, partition: &Partition) {
        self.count += 1;
        if self.first.is_none() {
            self.first = Some((topic.to_owned(), partition.clone()));
        }
    }

    /// `orders-7 has ISR 1,2 of 1,2,3`.
    pub fn isr_of_first(&self) -> String {
        let Some((topic, of)) = &self.first else { return String::new() };
        let isr = if of.isr.is_empty() { "nobody".to_owned() } else { ids(&of.isr) };
        format!("{topic}-{} has ISR {isr} of {}", of.index, ids(&of.replicas))
    }
}

impl fmt::Display for Tally {
    /// `orders-7 and 13 more`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.first {
            None => f.write_str("none"),
            Some((topic, of)) if self.count == 1 => write!(f, "{topic}-{}", of.index),
            Some((topic, of)) => write!(f, "{topic}-{} and {} more", of.index, self.count - 1),
        }
    }
}

impl Share {
    fn note_unknown(&mut self, topic: &str) {
        self.unknown.get_or_insert_with(|| topic.to_owned());
    }
}

impl Trouble {
    fn add(&mut self, topic: &str, partition: &Partition, min_isr: Option<u32>) {
        self.count += 1;
        if self.named.len() < NAMED {
            self.named.push(format!("{topic}-{}", partition.index));
        }
        match partition.leader {
            Some(leader) => *self.led.entry(leader).or_default() += 1,
            None => self.leaderless += 1,
        }
        self.missing.extend(partition.replicas.iter().filter(|id| !partition.isr.contains(id)));
        self.last_in_sync.extend(if partition.isr.is_empty() { &partition.replicas } else { &partition.isr });
        self.most_min_isr = self.most_min_isr.max(min_isr);
    }

    /// `orders-7, orders-9 and 13 more`.
    pub fn names(&self) -> String {
        let named = self.named.join(", ");
        match self.count - self.named.len() {
            0 => named,
            more => format!("{named} and {more} more"),
        }
    }
}

/// Ids with commas between them.
pub fn ids(all: &[BrokerId]) -> String {
    all.iter().map(BrokerId::to_string).collect::<Vec<_>>().join(",")
}

/// Shares while they are counted: found by place, for ids are small and there are three lookups a partition.
#[derive(Default)]
struct Counting {
    of: Vec<(BrokerId, Share)>,
}

impl Counting {
    fn share(&mut self, id: BrokerId) -> &mut Share {
        let at = self.of.iter().position(|(known, _)| *known == id).unwrap_or_else(|| {
            self.of.push((id, Share::default()));
            self.of.len() - 1
        });
        &mut self.of[at].1
    }

    fn add(&mut self, topic: &str, partition: &Partition, min: Option<u32>) {
        if let Some(leader) = partition.leader {
            self.share(leader).leaders += 1;
        }
        let (replicas, isr) = (partition.replicas.len(), partition.isr.len());
        let missing = replicas.saturating_sub(isr);
        let is_behind = partition.is_under_replicated();
        let min = min.map(|min| min as usize);
        for replica in &partition.replicas {
            let share = self.share(*replica);
            share.replicas += 1;
            let in_sync = partition.isr.contains(replica);
            share.missing += usize::from(!in_sync);
            share.own += usize::from(is_behind && !in_sync && missing == 1);
            match min {
                _ if replicas == 1 => share.alone.add(topic, partition),
                // Its replica is no part of what keeps the others going.
                _ if !in_sync && isr > 0 && min.is_some_and(|min| isr >= min.min(replicas)) => {}
                _ if in_sync && isr == 1 => share.blocked.add(topic, partition),
                None => share.note_unknown(topic),
                Some(min) if replicas <= min => share.tight.add(topic, partition),
                Some(min) if isr < min || (isr == min && in_sync) => share.blocked.add(topic, partition),
                Some(_) => {}
            }
        }
    }
}

impl Census {
    fn of(kafka: &KafkaWorld, basis: Basis) -> Self {
        let mut census = Self { basis, ..Self::default() };
        census.counts.reassigning = kafka.moves.as_ref().map(Vec::len);
        let mut counting = Counting::default();
        for topic in kafka.topics.values() {
            let min_isr = kafka.min_isr(&topic.name);
            for partition in &topic.partitions {
                census.add(&topic.name, partition, min_isr);
                counting.add(&topic.name, partition, min_isr);
            }
        }
        census.shares = counting.of.into_iter().collect();
        census
    }

    fn add(&mut self, topic: &str, partition: &Partition, min_isr: Option<u32>) {
        let counts = &mut self.counts;
        counts.total += 1;
        counts.min_isr_unknown += usize::from(min_isr.is_none());
        if partition.is_under_replicated() {
            counts.under_replicated += 1;
            self.behind.add(topic, partition);
        }
        match partition.health(min_isr, &self.basis.silent) {
            Health::Offline => {
                counts.offline += 1;
                self.offline.add(topic, partition);
                self.out_of_reach.add(topic, partition, min_isr);
            }
            Health::UnderMinIsr => {
                counts.under_min_isr += 1;
                self.under_min_isr.add(topic, partition, min_isr);
            }
            Health::AtMinIsr => counts.at_min_isr += 1,
            Health::UnderReplicated | Health::InSync => {}
        }
    }
}

impl Reading<'_> {
    /// The census of its partitions, empty before brokers have told of any: the one that was taken, if it still holds.
    pub fn census(&self) -> Arc<Census> {
        let Some(kafka) = self.kafka() else { return Arc::default() };
        let basis = Basis { revision: kafka.revisions.partitions, silent: self.silent_leaders() };
        match self.counted.filter(|taken| taken.basis == basis) {
            Some(taken) => Arc::clone(taken),
            None => Arc::new(Census::of(kafka, basis)),
        }
    }
}
