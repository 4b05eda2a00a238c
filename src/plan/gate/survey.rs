//! What gates about restarts ask of all partitions and brokers, gone through once for all of them.
//!
//! One pass over the partitions: a cluster of 39,000 is looked at as often as something is told. The rules are those of
//! Strimzi's KafkaAvailability, so that what is refused here would be refused there, too.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use crate::{
    domain::{
        broker::Contact,
        freshness::{Asked, Kind, SourceState},
        ids::{BrokerId, ObjectKey},
        installation::BrokerPod,
        kubernetes::{ContainerState, Pod},
        topic::Partition,
    },
    world::{Reading, pods},
};

/// Some partitions: how many, and one of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally<'a> {
    /// How many.
    pub count: usize,
    /// The first.
    pub first: Option<(&'a str, &'a Partition)>,
}

impl<'a> Tally<'a> {
    fn add(&mut self, topic: &'a str, partition: &'a Partition) {
        self.count += 1;
        self.first = self.first.or(Some((topic, partition)));
    }

    /// `orders-7 has ISR 1,2 of 1,2,3`.
    pub fn isr_of_first(&self) -> String {
        let Some((topic, of)) = self.first else { return String::new() };
        let isr = if of.isr.is_empty() { "nobody".to_owned() } else { ids(&of.isr) };
        format!("{topic}-{} has ISR {isr} of {}", of.index, ids(&of.replicas))
    }
}

impl fmt::Display for Tally<'_> {
    /// `orders-7 and 13 more`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.first {
            None => f.write_str("none"),
            Some((topic, of)) if self.count == 1 => write!(f, "{topic}-{}", of.index),
            Some((topic, of)) => write!(f, "{topic}-{} and {} more", of.index, self.count - 1),
        }
    }
}

/// Ids with commas between them.
pub fn ids(all: &[BrokerId]) -> String {
    all.iter().map(BrokerId::to_string).collect::<Vec<_>>().join(",")
}

/// One broker's part in it.
#[derive(Debug, Clone, Default)]
pub struct Share<'a> {
    /// Replicas that it has.
    pub replicas: usize,
    /// Those that are not in sync.
    pub missing: usize,
    /// Under-replicated partitions in which nobody's replica but its own is missing.
    pub own: usize,
    /// Partitions that would fall under min-ISR without it, or lose their last in-sync replica.
    pub blocked: Tally<'a>,
    /// Partitions that go offline without it, however healthy: no other broker has a replica.
    pub alone: Tally<'a>,
    /// Partitions that take no acks=all without it, however healthy: they have no more replicas than min-ISR.
    pub tight: Tally<'a>,
    /// A topic of which min-ISR is not known.
    pub unknown: Option<&'a str>,
}

/// Whether a broker serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Its pod is Ready, and it answers and is unfenced.
    Serves,
    /// It does not; why.
    Down(String),
    /// That cannot be told now; why.
    Unknown(String),
}

/// All partitions and brokers of an installation at one moment.
pub struct Survey<'a> {
    /// The moment.
    pub reading: Reading<'a>,
    /// Partitions without a leader that answers.
    pub offline: Tally<'a>,
    /// Partitions that are under-replicated.
    pub behind: Tally<'a>,
    /// Each broker's part.
    pub shares: BTreeMap<BrokerId, Share<'a>>,
    brokers: BTreeMap<BrokerId, &'a BrokerPod>,
    silent: BTreeSet<BrokerId>,
}

impl<'a> Survey<'a> {
    /// Looks at everything once.
    pub fn of(reading: Reading<'a>) -> Self {
        let silent_leaders = reading.silent_leaders();
        let mut survey = Self {
            reading,
            offline: Tally::default(),
            behind: Tally::default(),
            shares: BTreeMap::new(),
            brokers: brokers(&reading),
            silent: reading.silent(),
        };
        let Some(kafka) = reading.kafka() else { return survey };
        for topic in kafka.topics.values() {
            let min = kafka.min_isr(&topic.name).map(|min| min as usize);
            for partition in &topic.partitions {
                survey.add(&topic.name, partition, min, &silent_leaders);
            }
        }
        survey
    }

    fn add(&mut self, topic: &'a str, partition: &'a Partition, min: Option<usize>, silent: &BTreeSet<BrokerId>) {
        if partition.is_offline(silent) {
            self.offline.add(topic, partition);
        }
        let is_behind = partition.is_under_replicated();
        if is_behind {
            self.behind.add(topic, partition);
        }
        let missing = partition.replicas.len().saturating_sub(partition.isr.len());
        for replica in &partition.replicas {
            let share = self.shares.entry(*replica).or_default();
            share.replicas += 1;
            let in_sync = partition.isr.contains(replica);
            share.missing += usize::from(!in_sync);
            share.own += usize::from(is_behind && !in_sync && missing == 1);
            let (replicas, isr) = (partition.replicas.len(), partition.isr.len());
            match min {
                _ if replicas == 1 => share.alone.add(topic, partition),
                // Its replica is no part of what keeps the others going.
                _ if !in_sync && isr > 0 && min.is_some_and(|min| isr >= min.min(replicas)) => {}
                _ if in_sync && isr == 1 => share.blocked.add(topic, partition),
                None => share.unknown = share.unknown.or(Some(topic)),
                Some(min) if replicas <= min => share.tight.add(topic, partition),
                Some(min) if isr < min || (isr == min && in_sync) => share.blocked.add(topic, partition),
                Some(_) => {}
            }
        }
    }

    /// Ids of all nodes that are known: with a pod, registered, or owning replicas.
    pub fn nodes(&self) -> BTreeSet<BrokerId> {
        let registered = self.reading.kafka().into_iter().flat_map(|kafka| kafka.advertised.keys());
        self.brokers.keys().chain(registered).chain(self.shares.keys()).copied().collect()
    }

    /// The pod of a node.
    pub fn pod_of(&self, node: BrokerId) -> Option<&'a Pod> {
        let key = &self.brokers.get(&node)?.pod;
        self.reading.world.kube.pods.get(key).map(AsRef::as_ref)
    }

    /// What is known of a node's pod by recognition.
    pub fn recognised(&self, node: BrokerId) -> Option<&'a BrokerPod> {
        self.brokers.get(&node).copied()
    }

    /// Ids of all nodes with a pod.
    pub fn with_pods(&self) -> impl Iterator<Item = (BrokerId, &'a BrokerPod)> {
        self.brokers.iter().map(|(id, pod)| (*id, *pod))
    }

    /// True for a node that is a controller and no broker.
    pub fn is_controller_only(&self, node: BrokerId) -> bool {
        let Some(pod) = self.brokers.get(&node) else { return false };
        self.reading.installation.controllers.iter().any(|one| one.pod == pod.pod)
    }

    /// Whether a node serves.
    pub fn standing(&self, node: BrokerId) -> Standing {
        let Some(pod) = self.pod_of(node) else {
            let watch = self.reading.watch(Kind::Pods);
            return match watch.state {
                SourceState::Live => Standing::Down("it has no pod".to_owned()),
                _ => Standing::Unknown("pods cannot be seen".to_owned()),
            };
        };
        if let Some(state) = trouble(pod) {
            return state;
        }
        if self.is_controller_only(node) {
            return Standing::Serves;
        }
        if self.silent.contains(&node) {
            return Standing::Down("it does not answer".to_owned());
        }
        let Some(kafka) = self.reading.kafka() else { return Standing::Unknown("no broker has answered".to_owned()) };
        if self.reading.asked(Asked::Metadata).state != SourceState::Live {
            return Standing::Unknown("Metadata cannot be seen".to_owned());
        }
        if !kafka.advertised.contains_key(&node) {
            return Standing::Down("it is fenced".to_owned());
        }
        match kafka.contacts.get(&node).map(|told| &told.contact) {
            Some(Contact::Answered) => Standing::Serves,
            _ => Standing::Unknown("it has not answered yet".to_owned()),
        }
    }

    /// True where no container of a node's pod that is Kafka runs: it votes for nothing.
    pub fn runs_nothing(&self, node: BrokerId) -> bool {
        let Some((known, pod)) = self.brokers.get(&node).zip(self.pod_of(node)) else { return false };
        let container = pod.containers.iter().find(|container| container.name == known.container);
        container.is_some_and(|c| matches!(c.state, ContainerState::Waiting(_) | ContainerState::Terminated(_)))
    }
}

/// Why a pod serves nobody, if that is so.
pub fn trouble(pod: &Pod) -> Option<Standing> {
    let state = pods::state(pod);
    if pods::is_unheard(pod) {
        return Some(Standing::Unknown("its node has not been heard of".to_owned()));
    }
    let is_ready = pod.ready == Some(true) && pod.meta.deleting_since.is_none();
    (!is_ready).then_some(Standing::Down(state.word))
}

/// Pods of brokers and controllers by node id.
fn brokers<'a>(reading: &Reading<'a>) -> BTreeMap<BrokerId, &'a BrokerPod> {
    let by_id: BTreeMap<BrokerId, ObjectKey> =
        reading.pods_by_id().into_iter().map(|(id, broker)| (id, broker.pod.clone())).collect();
    let installation = reading.installation;
    let mut found: BTreeMap<BrokerId, &BrokerPod> = BTreeMap::new();
    for controller in &installation.controllers {
        if let Some(id) = controller.id_hint {
            found.insert(id, controller);
        }
    }
    for (id, key) in by_id {
        if let Some(broker) = installation.brokers.iter().find(|broker| broker.pod == key) {
            found.insert(id, broker);
        }
    }
    found
}
