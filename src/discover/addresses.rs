//! Which pod stands behind what a broker advertises.
//!
//! Brokers are reached through port-forwards to their pods, so an advertised name is only a key. A name that
//! could mean two pods is left out: a wrong broker answers questions wrongly, while an unknown name is
//! still found by its node id.

use std::collections::BTreeMap;

use super::{choice::choose, selects};
use crate::domain::{
    access::{Purpose, Wish},
    ids::{BrokerId, ObjectKey},
    installation::{AddressBook, BrokerPod, Installation, PodPort},
    kubernetes::{Pod, Service},
};

/// Labels that only one pod of a workload carries.
const PINS: [&str; 4] =
    ["statefulset.kubernetes.io/pod-name", "apps.kubernetes.io/pod-index", "kafka-broker-id", "brokerId"];

/// A broker and its pod.
type Pair<'a> = (&'a BrokerPod, &'a Pod);

/// The addresses of an installation's brokers.
///
/// `pods` and `services` may hold any; only the installation's are regarded. The way is the one that is gone unasked.
pub fn address_book(installation: &Installation, pods: &[&Pod], services: &[&Service]) -> AddressBook {
    let brokers: Vec<Pair<'_>> = installation
        .brokers
        .iter()
        .filter_map(|b| {
            pods.iter().find(|p| p.meta.namespace == b.pod.namespace && p.meta.name == b.pod.name).map(|p| (b, *p))
        })
        .collect();
    let mut hosts = Hosts::default();
    for (_, pod) in &brokers {
        hosts.add_pod(pod);
    }
    let way = choose(installation, Purpose::Observe, &Wish::default()).dialled().cloned();
    let is_whole = installation.wanted.is_none_or(|wanted| brokers.len() >= wanted as usize);
    for service in services {
        if let Some((broker, _)) = only_broker(service, &brokers, is_whole) {
            hosts.add_service(service, broker);
        }
    }
    AddressBook { seeds: seeds(&brokers), hosts: hosts.certain(), ids: ids(&brokers), way }
}

/// Running pods, those first that are most likely to answer.
fn seeds(brokers: &[Pair<'_>]) -> Vec<PodPort> {
    let mut running: Vec<&Pair<'_>> = brokers.iter().filter(|(_, pod)| pod.phase == "Running").collect();
    running.sort_by_key(|(_, pod)| (pod.meta.deleting_since.is_some(), pod.ready != Some(true)));
    running.into_iter().map(|(broker, _)| PodPort { pod: broker.pod.clone(), port: broker.port }).collect()
}

/// Pods by node id. While a pod is replaced the old one goes by the same id: then the one that stays counts.
fn ids(brokers: &[Pair<'_>]) -> BTreeMap<BrokerId, ObjectKey> {
    let mut by_id: BTreeMap<BrokerId, Vec<&Pair<'_>>> = BTreeMap::new();
    for pair in brokers {
        if let Some(id) = pair.0.id_hint {
            by_id.entry(id).or_default().push(pair);
        }
    }
    by_id
        .into_iter()
        .filter_map(|(id, pairs)| {
            let mut staying = pairs.iter().filter(|(_, pod)| is_alive(pod));
            match (staying.next(), staying.next(), pairs.as_slice()) {
                (Some((broker, _)), None, _) | (None, None, [(broker, _)]) => Some((id, broker.pod.clone())),
                _ => None,
            }
        })
        .collect()
}

/// The one broker a service leads to.
///
/// While brokers are missing, a service for all of them selects one for the time being: it leads to that one
/// only if it asks for it by name, or no broker is missing.
fn only_broker<'a>(service: &Service, brokers: &[Pair<'a>], is_whole: bool) -> Option<Pair<'a>> {
    let mut selected =
        brokers.iter().filter(|(_, pod)| is_alive(pod) && selects(service, &pod.meta.namespace, &pod.meta.labels));
    let (only, None) = (selected.next()?, selected.next()) else { return None };
    let is_pinned = PINS.iter().any(|pin| service.selector.contains_key(*pin));
    (is_pinned || is_whole).then_some(*only)
}

/// True for a pod that has not ended and is not about to.
fn is_alive(pod: &Pod) -> bool {
    pod.meta.deleting_since.is_none() && !has_ended(pod)
}

/// True for a pod whose address may by now be another's.
fn has_ended(pod: &Pod) -> bool {
    matches!(pod.phase.as_str(), "Succeeded" | "Failed")
}

/// Host names as they are collected; `None` marks one that several pods would have.
#[derive(Default)]
struct Hosts(BTreeMap<String, Option<ObjectKey>>);

impl Hosts {
    /// Adds what the pod itself is called: its address, and its host name in every length.
    fn add_pod(&mut self, pod: &Pod) {
        let key = pod.meta.key();
        if let Some(ip) = pod.ip.as_deref().filter(|_| !has_ended(pod)) {
            self.add(ip, &key);
        }
        let hostname = pod.hostname.as_deref().unwrap_or(&pod.meta.name);
        self.add(hostname, &key);
        if let Some(subdomain) = pod.subdomain.as_deref() {
            self.add_forms(&format!("{hostname}.{subdomain}"), &pod.meta.namespace, &key);
        }
    }

    /// Adds a service's names and address, where its port is the pod's own: a book keeps hosts, not ports.
    fn add_service(&mut self, service: &Service, broker: &BrokerPod) {
        if !service.ports.iter().any(|p| p.port == broker.port) {
            return;
        }
        self.add_forms(&service.meta.name, &service.meta.namespace, &broker.pod);
        if let Some(ip) = service.cluster_ip.as_deref().filter(|ip| !ip.is_empty() && *ip != "None") {
            self.add(ip, &broker.pod);
        }
    }

    /// Adds a name as it stands, with the namespace, and up to `.svc`.
    fn add_forms(&mut self, name: &str, namespace: &str, pod: &ObjectKey) {
        self.add(name, pod);
        self.add(&format!("{name}.{namespace}"), pod);
        self.add(&format!("{name}.{namespace}.svc"), pod);
    }

    fn add(&mut self, host: &str, pod: &ObjectKey) {
        let known = self.0.entry(host.to_ascii_lowercase()).or_insert_with(|| Some(pod.clone()));
        if known.as_ref() != Some(pod) {
            *known = None;
        }
    }

    /// The names that mean one pod.
    fn certain(self) -> BTreeMap<String, ObjectKey> {
        self.0.into_iter().filter_map(|(host, pod)| Some((host, pod?))).collect()
    }
}
