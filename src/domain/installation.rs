//! One Kafka as found in a cluster.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::ids::{BrokerId, InstallationId, ObjectKey};

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

/// Which pod stands behind an advertised address.
///
/// Brokers advertise names that only pods can resolve; we reach every broker through a port-forward to
/// its pod, so an address is a key, never something to connect to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AddressBook {
    /// Broker pods, in the order in which to try them first.
    pub seeds: Vec<PodPort>,
    /// Every form of every pod's host name and address, in lower case, and the pod behind it.
    pub hosts: std::collections::BTreeMap<String, ObjectKey>,
    /// Pod behind a node id, for advertised hosts that no pod owns.
    pub ids: std::collections::BTreeMap<BrokerId, ObjectKey>,
}

impl AddressBook {
    /// The pod and port behind an advertised address: by host name, else by node id.
    ///
    /// The port is the advertised one when the host is the pod's own; else the pod's own Kafka port.
    pub fn resolve(&self, id: BrokerId, host: &str, port: u16) -> Option<PodPort> {
        if let Some(pod) = self.hosts.get(host.trim_end_matches('.').to_ascii_lowercase().as_str()) {
            return Some(PodPort { pod: pod.clone(), port });
        }
        let pod = self.ids.get(&id)?;
        self.seeds.iter().find(|seed| seed.pod == *pod).cloned()
    }
}
