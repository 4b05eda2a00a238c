//! One Kafka as found in a cluster.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{
    access::Way,
    ids::{BrokerId, InstallationId, ObjectKey},
};

/// How an installation was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Flavour {
    StatefulSet,
    Deployment,
}

impl fmt::Display for Flavour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::StatefulSet => "StatefulSet",
            Self::Deployment => "Deployment",
        })
    }
}

/// An installation with its broker pods.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Installation {
    /// Namespace and name of the owner.
    pub id: InstallationId,
    /// How it was made.
    pub flavour: Flavour,
    /// Kafka's version as the image's tag says it.
    pub kafka_version: Option<String>,
    /// Replicas its owner asks for; `None` when the owner cannot be read.
    pub wanted: Option<u32>,
    /// Its broker pods, by name.
    pub brokers: Vec<BrokerPod>,
}

/// A pod that runs a broker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BrokerPod {
    /// The pod.
    pub pod: ObjectKey,
    /// The container that is the broker.
    pub container: String,
    /// The port that speaks Kafka to clients.
    pub port: u16,
    /// Node id as far as the pod tells it: its ordinal or environment.
    pub id_hint: Option<BrokerId>,
    /// Points for being a broker: 60 and more is one.
    pub score: i32,
    /// What the points were given for.
    pub evidence: Vec<Evidence>,
}

/// One reason to take a pod for a broker, or not to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// Points, negative when it speaks against.
    pub points: i32,
    /// What was seen.
    pub what: String,
}

/// Where a broker is reached: a pod and a port in it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PodPort {
    /// The pod.
    pub pod: ObjectKey,
    /// The port inside it.
    pub port: u16,
}

impl fmt::Display for PodPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}:{}", self.pod.namespace, self.pod.name, self.port)
    }
}

/// Which pod stands behind an advertised address.
///
/// Brokers advertise names that only pods can resolve; we reach every broker through a port-forward to
/// its pod, so an address is a key, never something to connect to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AddressBook {
    /// Broker pods, in the order in which to try them first.
    pub seeds: Vec<PodPort>,
    /// Every form of every pod's host name and address, in lower case and up to `.svc`, and the pod behind it.
    pub hosts: std::collections::BTreeMap<String, ObjectKey>,
    /// Pod behind a node id, for advertised hosts that no pod owns.
    pub ids: std::collections::BTreeMap<BrokerId, ObjectKey>,
    /// Which listener is dialled, and what it asks for; `None` is the seeds' own ports, which ask for nothing.
    pub way: Option<Way>,
}

impl AddressBook {
    /// The pod and port behind an advertised address: by host name, else by node id.
    ///
    /// The port is the advertised one when the host is the pod's own; else the pod's own Kafka port.
    pub fn resolve(&self, id: BrokerId, host: &str, port: u16) -> Option<PodPort> {
        if let Some(pod) = self.pod_of(host) {
            return Some(PodPort { pod: pod.clone(), port });
        }
        let pod = self.ids.get(&id)?;
        self.seeds.iter().find(|seed| seed.pod == *pod).cloned()
    }

    /// The pod of a host name, whatever the cluster's own domain is that follows `.svc`.
    fn pod_of(&self, host: &str) -> Option<&ObjectKey> {
        const SVC: &str = ".svc";
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        // A service or a namespace may be called svc too, so every place may be where the domain begins.
        let cuts = host.match_indices(".svc.").map(|(at, _)| &host[..at + SVC.len()]);
        std::iter::once(host.as_str()).chain(cuts).find_map(|form| self.hosts.get(form))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn book() -> AddressBook {
        let pod = |name: &str| ObjectKey::new("ns", name);
        AddressBook {
            seeds: vec![PodPort { pod: pod("k-1"), port: 9092 }],
            hosts: [("k-0.k.ns.svc", "k-0"), ("k-0.k", "k-0"), ("k-2.svc.svc.svc", "k-2"), ("10.0.0.7", "k-0")]
                .map(|(host, name)| (host.to_owned(), pod(name)))
                .into(),
            ids: [(BrokerId(0), pod("k-0")), (BrokerId(1), pod("k-1"))].into(),
            way: None,
        }
    }

    fn resolved(id: i32, host: &str) -> Option<(String, u16)> {
        book().resolve(BrokerId(id), host, 19092).map(|to| (to.pod.name, to.port))
    }

    #[test]
    fn a_cluster_may_have_any_domain_of_its_own() {
        for host in [
            "k-0.k",
            "k-0.k.ns.svc",
            "k-0.k.ns.svc.cluster.local",
            "k-0.k.ns.svc.cluster.local.",
            "K-0.k.ns.SVC.k8s.example.org",
            "10.0.0.7",
        ] {
            assert_eq!(resolved(9, host), Some(("k-0".into(), 19092)), "{host}");
        }
        assert_eq!(resolved(9, "k-2.svc.svc.svc.cluster.local"), Some(("k-2".into(), 19092)));
        assert_eq!(resolved(9, "k-0.k.ns.svcx"), None);
    }

    #[test]
    fn an_unknown_host_is_found_by_its_node_id_at_the_pod_s_own_port() {
        assert_eq!(resolved(1, "node-7.example.org"), Some(("k-1".into(), 9092)));
        assert_eq!(resolved(0, "node-7.example.org"), None, "a pod that does not run is not dialled");
        assert_eq!(resolved(5, "node-7.example.org"), None);
    }
}
