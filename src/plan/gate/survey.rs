//! What gates about restarts ask of all partitions and brokers, gone through once for all of them.
//!
//! Partitions are counted by the world's census. The rules are those of Strimzi's KafkaAvailability, so that what is
//! refused here would be refused there, too.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    domain::{
        broker::Contact,
        freshness::{Asked, Kind, SourceState},
        ids::{BrokerId, ObjectKey},
        installation::BrokerPod,
        kubernetes::{ContainerState, Pod},
    },
    world::{Reading, census::Census, pods},
};

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
    /// All its partitions.
    pub census: Arc<Census>,
    brokers: BTreeMap<BrokerId, &'a BrokerPod>,
    silent: BTreeSet<BrokerId>,
}

impl<'a> Survey<'a> {
    /// Looks at everything once.
    pub fn of(reading: Reading<'a>) -> Self {
        Self { reading, census: reading.census(), brokers: brokers(&reading), silent: reading.silent() }
    }

    /// Ids of all nodes that are known: with a pod, registered, or owning replicas.
    pub fn nodes(&self) -> BTreeSet<BrokerId> {
        let registered = self.reading.kafka().into_iter().flat_map(|kafka| kafka.advertised.keys());
        self.brokers.keys().chain(registered).chain(self.census.shares.keys()).copied().collect()
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
