//! Where a figure comes from, and how far it can be trusted now.

use std::{fmt, time::Duration};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::ids::{BrokerId, InstallationId, ObjectKey};

/// Something that is asked or watched, and that can fail by itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Source {
    /// The API server's own answer to a heartbeat.
    Link,
    /// A watch on one kind of Kubernetes object.
    Watch(Kind),
    /// One kind of answer of one installation's brokers; the broker is named where each is asked by itself.
    Kafka {
        /// Whose brokers.
        installation: InstallationId,
        /// What they were asked.
        what: Asked,
        /// Which broker, where each is asked by itself.
        broker: Option<BrokerId>,
    },
    /// One kind of answer of a Kafka Connect's workers.
    Connect {
        /// The installation they were asked for.
        installation: InstallationId,
        /// Whose workers.
        cluster: ObjectKey,
        /// What they were asked.
        what: AskedWorkers,
        /// Which pod, where each is asked by itself.
        worker: Option<String>,
    },
    /// What one broker tells of itself on its metrics port.
    Metrics {
        /// Whose broker.
        installation: InstallationId,
        /// Which one.
        broker: BrokerId,
    },
    /// What we may do in one namespace.
    Rights {
        /// The namespace.
        namespace: String,
    },
    /// The kubelet's statistics of the volumes on one node.
    Volumes {
        /// The node.
        node: String,
    },
}

/// The kinds of Kubernetes objects that are watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Kind {
    Pods,
    Claims,
    StatefulSets,
    Deployments,
    Services,
    Nodes,
    Rules,
    /// Strimzi's clusters.
    Kafkas,
    NodePools,
    PodSets,
    Users,
    Topics,
    /// Disruption budgets.
    Budgets,
    /// Storage classes.
    Classes,
    /// Not watched: only those are read that brokers take their configuration from.
    ConfigMaps,
    /// Helm's Secrets. Not watched: only those of releases are read that brokers came with.
    Releases,
    /// What controllers and kubelets tell of objects. Watched in the namespace of what is chosen alone.
    Events,
}

impl Kind {
    /// Every kind that is watched, in the order in which they are asked for.
    pub const ALL: [Self; 14] = [
        Self::Pods,
        Self::StatefulSets,
        Self::Services,
        Self::Claims,
        Self::Deployments,
        Self::Nodes,
        Self::Rules,
        Self::Kafkas,
        Self::NodePools,
        Self::PodSets,
        Self::Users,
        Self::Topics,
        Self::Budgets,
        Self::Classes,
    ];

    /// Strimzi's kinds, which most clusters have all or none of.
    pub const STRIMZI: [Self; 5] = [Self::Kafkas, Self::NodePools, Self::PodSets, Self::Users, Self::Topics];

    /// The resource's plural name as RBAC and `kubectl` write it.
    pub fn resource(self) -> &'static str {
        match self {
            Self::Pods => "pods",
            Self::Claims => "persistentvolumeclaims",
            Self::StatefulSets => "statefulsets",
            Self::Deployments => "deployments",
            Self::Services => "services",
            Self::Nodes => "nodes",
            Self::Rules => "prometheusrules",
            Self::Kafkas => "kafkas",
            Self::NodePools => "kafkanodepools",
            Self::PodSets => "strimzipodsets",
            Self::Users => "kafkausers",
            Self::Topics => "kafkatopics",
            Self::Budgets => "poddisruptionbudgets",
            Self::Classes => "storageclasses",
            Self::ConfigMaps => "configmaps",
            Self::Releases => "secrets",
            Self::Events => "events",
        }
    }

    /// The kind's own name, as objects carry it.
    pub fn singular(self) -> &'static str {
        match self {
            Self::Pods => "Pod",
            Self::Claims => "PersistentVolumeClaim",
            Self::StatefulSets => "StatefulSet",
            Self::Deployments => "Deployment",
            Self::Services => "Service",
            Self::Nodes => "Node",
            Self::Rules => "PrometheusRule",
            Self::Kafkas => "Kafka",
            Self::NodePools => "KafkaNodePool",
            Self::PodSets => "StrimziPodSet",
            Self::Users => "KafkaUser",
            Self::Topics => "KafkaTopic",
            Self::Budgets => "PodDisruptionBudget",
            Self::Classes => "StorageClass",
            Self::ConfigMaps => "ConfigMap",
            Self::Releases => "Secret",
            Self::Events => "Event",
        }
    }

    /// The resource's API group, empty for the core group.
    pub fn group(self) -> &'static str {
        match self {
            Self::StatefulSets | Self::Deployments => "apps",
            Self::Rules => "monitoring.coreos.com",
            Self::Kafkas | Self::NodePools | Self::Users | Self::Topics => "kafka.strimzi.io",
            Self::Budgets => "policy",
            Self::Classes => "storage.k8s.io",
            Self::PodSets => "core.strimzi.io",
            _ => "",
        }
    }

    /// True for kinds that are in no namespace.
    pub fn is_cluster_wide(self) -> bool {
        matches!(self, Self::Nodes | Self::Classes)
    }

    /// True when nothing but comfort is lost without it: it never makes the verdict blind.
    pub fn is_optional(self) -> bool {
        !matches!(self, Self::Pods)
    }
}

/// What brokers are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Asked {
    /// Whether one broker answers at all, and what it says of itself (ApiVersions, key 18).
    Contact,
    /// Metadata (key 3): brokers, topics, partitions, ISR.
    Metadata,
    /// ListGroups and what describes groups (16, and 15, 69 or 77) of one coordinator.
    Groups,
    /// OffsetFetch (9) of one coordinator.
    Offsets,
    /// ListOffsets (2) of one leader.
    EndOffsets,
    /// DescribeLogDirs (35) of one broker.
    LogDirs,
    /// DescribeConfigs (32) of topics.
    TopicConfigs,
    /// DescribeConfigs (32) of one broker.
    BrokerConfigs,
    /// DescribeQuorum (55), which the active controller answers.
    Quorum,
    /// DescribeUserScramCredentials (50) of all users.
    ScramUsers,
    /// DescribeAcls (29) of everybody.
    Acls,
    /// DescribeClientQuotas (48) of every entity.
    Quotas,
    /// ListPartitionReassignments (46) of all partitions.
    Reassignments,
}

/// How much the brokers of an installation are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// What the verdict rests on, and no more: Metadata, topic configs, and whether each broker answers.
    Verdict,
    /// Everything.
    Whole,
}

impl Asked {
    /// How long after its last answer it still counts as live.
    pub fn live_for(self) -> Duration {
        Duration::from_secs(match self {
            Self::Contact => 15,
            // A failure is told at once; this is for silence, and large answers are asked for less often.
            Self::Metadata | Self::Groups | Self::Offsets | Self::EndOffsets | Self::Quorum => 30,
            Self::LogDirs => 50,
            Self::Reassignments => 45,
            Self::TopicConfigs | Self::BrokerConfigs => 900,
            Self::ScramUsers | Self::Acls | Self::Quotas => 400,
        })
    }
}

/// What Connect's workers are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum AskedWorkers {
    /// Whether one worker answers at all, and what it says of itself (`GET /`).
    Contact,
    /// All connectors with their states (`GET /connectors`).
    Connectors,
    /// What can be run (`GET /connector-plugins`).
    Plugins,
}

impl AskedWorkers {
    /// How long after its last answer it still counts as live.
    pub fn live_for(self) -> Duration {
        Duration::from_secs(match self {
            Self::Contact | Self::Connectors => 30,
            Self::Plugins => 900,
        })
    }
}

/// How long after its last answer a metrics port still counts as live: large answers are asked for less often.
pub const METRICS_LIVE_FOR: Duration = Duration::from_secs(90);

impl fmt::Display for AskedWorkers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Contact => "worker",
            Self::Connectors => "connectors",
            Self::Plugins => "plugins",
        })
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Contact => "contact",
            Self::Metadata => "Metadata",
            Self::Groups => "groups",
            Self::Offsets => "offsets",
            Self::EndOffsets => "end offsets",
            Self::LogDirs => "LogDirs",
            Self::TopicConfigs => "topic configs",
            Self::BrokerConfigs => "configs",
            Self::Quorum => "quorum",
            Self::ScramUsers => "SCRAM users",
            Self::Acls => "ACLs",
            Self::Quotas => "quotas",
            Self::Reassignments => "reassignments",
        })
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Link => f.write_str("API server"),
            Self::Watch(Kind::Releases) => f.write_str("Helm release"),
            Self::Watch(kind) => f.write_str(kind.resource()),
            Self::Metrics { broker, .. } => write!(f, "metrics of broker {broker}"),
            Self::Rights { namespace } => write!(f, "permissions in {namespace}"),
            Self::Volumes { node } => write!(f, "kubelet of {node}"),
            Self::Connect { what, worker: Some(worker), .. } => write!(f, "Connect {what} {worker}"),
            Self::Connect { what, cluster, .. } => write!(f, "Connect {what} of {}", cluster.name),
            Self::Kafka { what, broker: Some(broker), .. } => write!(f, "{what} of broker {broker}"),
            Self::Kafka { what, broker: None, .. } => what.fmt(f),
        }
    }
}

/// Why a source does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// Permission is missing (403, or a Kafka authorization error).
    Forbidden,
    /// Nobody answers at the other end, or the connection broke.
    Unreachable,
    /// It did not answer in time.
    Timeout,
    /// The TLS handshake failed.
    Tls,
    /// Credentials were refused or have expired (401).
    Auth,
    /// The answer could not be understood.
    Garbage,
    /// The other end is too old, or the kind does not exist there.
    Unsupported,
}

/// A source's failure, as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceFailure {
    /// Its class.
    pub kind: FailureKind,
    /// One sentence: what was tried on which object, and what came back.
    pub what: String,
    /// What the reader can do about it, if anything.
    pub hint: Option<String>,
}

/// How far a source can be trusted now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SourceState {
    /// Answering as often as it should.
    Live,
    /// It answered once; what is shown is from then.
    Stale,
    /// It never answered.
    Blind,
}

/// State of one source at one moment, as panes and JSON documents carry it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Freshness {
    /// How far it can be trusted.
    pub state: SourceState,
    /// When it last answered.
    pub as_of: Option<DateTime<Utc>>,
    /// Why it is not live, or no fresher than it is.
    pub why: Option<String>,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Freshness {
    /// Whole seconds since the last answer; `None` when there was none.
    pub fn age_s(&self, now: DateTime<Utc>) -> Option<i64> {
        self.as_of.map(|then| (now - then).num_seconds().max(0))
    }

    /// The worse of two, for a figure that rests on both.
    #[must_use]
    pub fn worst(self, other: Self) -> Self {
        // Of two that are live, the one about which something is to be said.
        let rank = |f: &Self| (f.state, f.why.is_some(), std::cmp::Reverse(f.as_of));
        if rank(&other) > rank(&self) { other } else { self }
    }
}
