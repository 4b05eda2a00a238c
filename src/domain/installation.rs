//! One Kafka as found in a cluster.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use super::{
    access::Way,
    broker::Advertised,
    connect::ConnectCluster,
    helm::Kept,
    ids::{BrokerId, InstallationId, ObjectKey},
};

/// How an installation was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Flavour {
    /// A StatefulSet that somebody wrote.
    #[default]
    StatefulSet,
    /// A Deployment that somebody wrote.
    Deployment,
    /// Custom resources of `kafka.strimzi.io`, and pods in StrimziPodSets.
    Strimzi,
    /// Bitnami's chart, of any generation.
    Bitnami,
    /// Custom resources of `platform.confluent.io`, and pods in StatefulSets.
    Confluent,
    /// Custom resources of `kafka.banzaicloud.io`, and bare pods.
    Koperator,
}

impl fmt::Display for Flavour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::StatefulSet => "StatefulSet",
            Self::Deployment => "Deployment",
            Self::Strimzi => "Strimzi",
            Self::Bitnami => "Bitnami",
            Self::Confluent => "Confluent",
            Self::Koperator => "Koperator",
        })
    }
}

/// Where an installation keeps its metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Mode {
    /// With controllers of its own.
    KRaft,
    /// In an ensemble of ZooKeepers.
    ZooKeeper,
}

impl Mode {
    /// As it is shown.
    pub fn word(self) -> &'static str {
        match self {
            Self::KRaft => "KRaft",
            Self::ZooKeeper => "ZooKeeper",
        }
    }
}

/// What a Kafka node does (`process.roles`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// It keeps partitions and serves clients.
    Broker,
    /// It votes in the quorum.
    Controller,
}

impl Role {
    /// As `process.roles` writes it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Broker => "broker",
            Self::Controller => "controller",
        }
    }

    /// The role of that name, in any case.
    pub fn of(word: &str) -> Option<Self> {
        [Self::Broker, Self::Controller].into_iter().find(|role| word.trim().eq_ignore_ascii_case(role.word()))
    }
}

/// An installation with its broker pods.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Installation {
    /// Namespace and name of the owner.
    pub id: InstallationId,
    /// How it was made.
    pub flavour: Flavour,
    /// Kafka's version: as the owner's status says it, else as the image's tag does.
    pub kafka_version: Option<String>,
    /// Brokers its owner asks for; `None` when the owner cannot be read.
    pub wanted: Option<u32>,
    /// Its broker pods, by name.
    pub brokers: Vec<BrokerPod>,
    /// Its pods that are controllers and no brokers, by name.
    pub controllers: Vec<BrokerPod>,
    /// Where its metadata is; `None` when nothing in Kubernetes tells.
    pub mode: Option<Mode>,
    /// `metadata.version` as the owner's status says it (`status.kafkaMetadataVersion`).
    pub metadata_version: Option<String>,
    /// The ZooKeepers it uses.
    pub ensemble: Option<Ensemble>,
    /// Groups of nodes that are alike: Strimzi's node pools, Bitnami's StatefulSets.
    pub pools: Vec<Pool>,
    /// The objects it was declared with, the one that stands for all first.
    pub owners: Vec<OwnerObject>,
    /// What its operator says of it (`status.conditions`).
    pub conditions: Vec<Condition>,
    /// True while its operator is told to leave it alone (`strimzi.io/pause-reconciliation`).
    pub paused: bool,
    /// The operator that takes care of it, where one is needed.
    pub operator: Option<Operator>,
    /// The Helm release it came with.
    pub helm: Option<HelmRelease>,
    /// True when the brokers' data goes with their pods; `None` when that cannot be seen.
    pub ephemeral: Option<bool>,
    /// Listeners for clients, as far as they are declared.
    pub listeners: Vec<Listener>,
    /// Ways in, best first; none when nothing tells.
    pub ways: Vec<Way>,
    /// Users that ACLs do not bind, as far as it is declared (`super.users`).
    pub super_users: Vec<String>,
    /// ConfigMaps that hold the brokers' configuration, where it is not in the pods themselves.
    pub configs: Vec<ObjectKey>,
    /// Kafka Connects that may be its own.
    pub connect: Vec<ConnectCluster>,
}

impl Installation {
    /// What it was installed with, and in which version, as far as is known: `Strimzi 1.0.0`.
    pub fn product(&self) -> String {
        let operator = self.operator.as_ref().and_then(|operator| operator.version.as_deref());
        let chart = self.helm.as_ref().and_then(|release| release.chart.as_deref());
        let chart = chart.and_then(|chart| Some(chart.rsplit_once('-')?.1));
        let version = match self.flavour {
            Flavour::Strimzi => operator,
            Flavour::Bitnami => chart,
            _ => None,
        };
        version.map_or_else(|| self.flavour.to_string(), |version| format!("{} {version}", self.flavour))
    }

    /// True when its operator says that it is not ready: `NotReady` is True, or `Ready` is False.
    pub fn is_declared_unready(&self) -> bool {
        self.conditions.iter().any(Condition::is_unready)
    }
}

/// A group of nodes that are alike.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Pool {
    /// Its name.
    pub name: String,
    /// What its nodes do.
    pub roles: Vec<Role>,
    /// Nodes that are asked for; `None` when that cannot be read.
    pub wanted: Option<u32>,
    /// Their node ids (`KafkaNodePool.status.nodeIds`), else what the pods tell.
    pub node_ids: Vec<BrokerId>,
}

/// An object that declares an installation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OwnerObject {
    /// Its API version, as `kafka.strimzi.io/v1`.
    pub api_version: String,
    /// Its kind.
    pub kind: String,
    /// Namespace and name.
    pub key: ObjectKey,
}

/// One condition of a status.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// `type`, as `Ready` or `NotReady`.
    pub kind: String,
    /// `status`: True, False or Unknown.
    pub status: String,
    /// One word in CamelCase.
    pub reason: Option<String>,
    /// A sentence.
    pub message: Option<String>,
    /// `lastTransitionTime`, as written.
    pub since: Option<String>,
}

impl Condition {
    /// True for `NotReady=True` and for `Ready=False`, for operators write either.
    pub fn is_unready(&self) -> bool {
        matches!((self.kind.as_str(), self.status.as_str()), ("NotReady", "True") | ("Ready", "False"))
    }
}

/// An operator's Deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Operator {
    /// The Deployment.
    pub deployment: ObjectKey,
    /// Version, as the image's tag says it.
    pub version: Option<String>,
    /// Whether a pod of it is ready.
    pub ready: bool,
}

/// A Helm release, as the labels of what it left tell, and Helm itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HelmRelease {
    /// Name of the release.
    pub name: String,
    /// Chart and version, as `kafka-32.4.4`.
    pub chart: Option<String>,
    /// What Helm itself keeps of it, where that may be read.
    pub kept: Option<Kept>,
}

/// The ZooKeepers of an installation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Ensemble {
    /// Where brokers look for it (`zookeeper.connect`).
    pub connect: String,
    /// The workload that runs it, if it is in this cluster and can be seen.
    pub workload: Option<ObjectKey>,
    /// Members its workload asks for.
    pub wanted: Option<u32>,
    /// Its pods.
    pub pods: Vec<ObjectKey>,
}

/// A listener for clients.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Listener {
    /// Its name.
    pub name: String,
    /// The port that brokers listen on.
    pub port: u16,
    /// `PLAINTEXT`, `SSL`, `SASL_PLAINTEXT` or `SASL_SSL`; `None` when that is not declared.
    pub protocol: Option<String>,
    /// What it asks for: `scram-sha-512`, `tls`, …, in the words of whoever declared it.
    pub authentication: Option<String>,
    /// True when it is for clients within the cluster.
    pub internal: bool,
}

/// A pod that runs a broker.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct BrokerPod {
    /// The pod.
    pub pod: ObjectKey,
    /// The container that is the broker.
    pub container: String,
    /// The port that speaks Kafka to clients.
    pub port: u16,
    /// Node id as far as the pod tells it: its ordinal or environment.
    pub id_hint: Option<BrokerId>,
    /// What it does; empty when that cannot be seen.
    pub roles: Vec<Role>,
    /// The pool it is of.
    pub pool: Option<String>,
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

/// Why a broker is not found at the address that it advertises.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Misplaced {
    /// The address is no pod's.
    Nowhere { address: String },
    /// Another broker advertises it too, and it is that one's, or nobody knows whose.
    Shared { address: String, with: BrokerId },
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
    pub hosts: BTreeMap<String, ObjectKey>,
    /// Pod behind a node id, for advertised hosts that no pod owns.
    pub ids: BTreeMap<BrokerId, ObjectKey>,
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

    /// The pod and port behind every broker's address. Of several brokers with one address it is that of the broker
    /// whose pod it is; the others, or all where nobody knows, are nowhere.
    pub fn places(&self, brokers: &[&Advertised]) -> BTreeMap<BrokerId, Result<PodPort, Misplaced>> {
        let found: Vec<_> = brokers.iter().map(|b| (*b, self.resolve(b.id, &b.host, b.port))).collect();
        let place = |(broker, to): &(&Advertised, Option<PodPort>)| {
            let address = format!("{}:{}", broker.host, broker.port);
            let to = to.clone().ok_or_else(|| Misplaced::Nowhere { address: address.clone() })?;
            let owns = |id| self.ids.get(&id) == Some(&to.pod);
            let mut others = found.iter().filter(|(b, t)| b.id != broker.id && t.as_ref() == Some(&to));
            match others.clone().map(|(b, _)| b.id).find(|id| owns(*id)).or_else(|| Some(others.next()?.0.id)) {
                Some(with) if !owns(broker.id) => Err(Misplaced::Shared { address, with }),
                _ => Ok(to),
            }
        };
        found.iter().map(|found| (found.0.id, place(found))).collect()
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
    fn of_brokers_with_one_address_the_one_whose_pod_it_is_keeps_it() {
        let broker = |id, host: &str| Advertised { id: BrokerId(id), host: host.into(), port: 9092, rack: None };
        let place = |brokers: &[Advertised]| {
            let told = book().places(&brokers.iter().collect::<Vec<_>>());
            told.into_values().map(|place| place.map(|to| to.pod.name)).collect::<Vec<_>>()
        };
        let shared =
            |host: &str, with| Err(Misplaced::Shared { address: format!("{host}:9092"), with: BrokerId(with) });
        let nowhere = |host: &str| Err(Misplaced::Nowhere { address: format!("{host}:9092") });
        // Under another name of the same pod, too.
        assert_eq!(place(&[broker(0, "k-0.k"), broker(1, "10.0.0.7")]), [Ok("k-0".to_owned()), shared("10.0.0.7", 0)]);
        assert_eq!(place(&[broker(8, "k-0.k"), broker(9, "k-0.k")]), [shared("k-0.k", 9), shared("k-0.k", 8)]);
        // `localhost` is nobody's: each is looked for in its own pod.
        let local = [broker(1, "localhost"), broker(7, "localhost")];
        assert_eq!(place(&local), [Ok("k-1".to_owned()), nowhere("localhost")]);
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

    #[test]
    fn a_product_has_the_version_of_whoever_made_it() {
        let operator = Operator { deployment: ObjectKey::new("s", "o"), version: Some("1.0.0".into()), ready: true };
        let strimzi = Installation { flavour: Flavour::Strimzi, operator: Some(operator), ..Installation::default() };
        let helm = HelmRelease { name: "kafka".into(), chart: Some("kafka-32.4.4".into()), kept: None };
        let bitnami = Installation { flavour: Flavour::Bitnami, helm: Some(helm), ..Installation::default() };
        let unknown = Installation { flavour: Flavour::Strimzi, ..Installation::default() };
        assert_eq!([strimzi, bitnami, unknown].map(|of| of.product()), ["Strimzi 1.0.0", "Bitnami 32.4.4", "Strimzi"]);
    }
}
