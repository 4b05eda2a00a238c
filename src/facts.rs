//! Everything the outside can tell us.
//!
//! A fact is what one source said at one moment. `io` makes them, `world` takes them; they are serde,
//! so `record` writes them to a file as they come, one JSON document a line. Secrets and log lines are
//! never facts. A source's failure is a fact like any other.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::{
    acl::Authorizer,
    broker::{Advertised, Contact, Features},
    certificate::Certificate,
    config::Config,
    connect::{Connector, Plugin, WorkerInfo},
    freshness::{Kind, Source, SourceFailure},
    group::{Commits, EndOffset, Group},
    ids::{BrokerId, InstallationId, ObjectKey},
    kubernetes::Object,
    lag::RecordTime,
    metrics::Scrape,
    quorum::Quorum,
    rights::Rights,
    storage::{LogDir, VolumeUse},
    topic::{Moving, Topic, TopicConfig},
    user::{Quota, ScramUser},
};

/// What one source said at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fact {
    /// Who said it.
    pub source: Source,
    /// When it was received, by our clock.
    pub seen_at: DateTime<Utc>,
    /// What.
    pub body: Body,
}

/// The content of a fact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Body {
    /// Where we are connected. Source: `Link`.
    Connected(Connection),
    /// The API server answered a heartbeat that was sent at `sent_at`. Source: `Link`.
    Heartbeat { sent_at: DateTime<Utc> },
    /// A whole list; it replaces everything known of the kind. Source: `Watch`.
    Listed(Vec<Object>),
    /// The same, of a kind that may be listed and not watched; `why` names what is missing. Source: `Watch`.
    Polled { objects: Vec<Object>, why: SourceFailure },
    /// An object was added or changed. Source: `Watch`.
    Applied(Box<Object>),
    /// An object is gone. Source: `Watch`.
    Deleted(ObjectKey),
    /// How full the volumes of one node are. Source: `Volumes`.
    Volumes(Vec<VolumeUse>),
    /// What we may do in a namespace. Source: `Rights`.
    Rights(Rights),
    /// Brokers answered. Source: `Kafka`.
    Kafka(KafkaBody),
    /// Connect's workers answered. Source: `Connect`.
    Connect(ConnectBody),
    /// A broker told of itself on its metrics port. Source: `Metrics`.
    Metrics(Scrape),
    /// The source does not answer. Any source.
    Failed(SourceFailure),
}

/// What an installation's brokers said. The installation and the broker stand in the fact's source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum KafkaBody {
    /// Brokers and topics of the whole cluster, from whichever broker answered first. Source without broker.
    Metadata(Metadata),
    /// How a broker behaved when it was asked something; told on change, and at least every 10 s.
    Contact { broker: BrokerId, contact: Contact },
    /// What a broker said of itself when it was dialled.
    Features { broker: BrokerId, features: Features },
    /// Certificates that were met on the way to a broker; told on change, and empty where there are none any more.
    Certificates { broker: BrokerId, certificates: Vec<Certificate> },
    /// All groups of one coordinator. Source with broker.
    Groups(Vec<Group>),
    /// Commits of all groups of one coordinator. Source with broker.
    Commits(Vec<Commits>),
    /// End offsets of the partitions that groups read, of one leader. Source with broker.
    EndOffsets(Vec<EndOffset>),
    /// When records were written that groups have not read, of one leader. Source with broker, that of end offsets.
    RecordTimes(Vec<RecordTime>),
    /// All log directories of one broker. Source with broker.
    LogDirs(Vec<LogDir>),
    /// Configs of all topics. Source without broker.
    TopicConfigs(Vec<TopicConfig>),
    /// What is set of one broker's configs, without documentation. Source with broker.
    BrokerConfigs(Vec<Config>),
    /// The KRaft quorum. Source without broker.
    Quorum(Quorum),
    /// All users with SCRAM credentials. Source without broker.
    ScramUsers(Vec<ScramUser>),
    /// All ACLs, or that there is no authorizer. Source without broker.
    Acls(Authorizer),
    /// All quotas. Source without broker.
    Quotas(Vec<Quota>),
    /// All moves of partitions under way. Source without broker.
    Reassignments(Vec<Moving>),
}

/// What Connect's workers said. Installation, Connect and worker stand in the fact's source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum ConnectBody {
    /// A worker answered with what it says of itself. Source with worker.
    Worker(WorkerInfo),
    /// All connectors. Source without worker.
    Connectors(Vec<Connector>),
    /// All plugins. Source without worker.
    Plugins(Vec<Plugin>),
}

/// Metadata's answer (key 3).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Metadata {
    /// `cluster.id`.
    pub cluster_id: Option<String>,
    /// Registered, unfenced brokers.
    pub brokers: Vec<Advertised>,
    /// All topics.
    pub topics: Vec<Topic>,
}

/// Where we are connected, and as far as which namespaces.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Connection {
    /// The kubeconfig context, or `in-cluster`.
    pub context: String,
    /// The API server's address.
    pub server: String,
    /// The namespace that is watched; `None` is all of them.
    pub namespace: Option<String>,
    /// The namespace of the context, which is where to look when the whole cluster may not be listed.
    pub default_namespace: String,
    /// Kubernetes' version as the server says it.
    pub version: Option<String>,
}

impl Fact {
    /// A fact from a Kubernetes watch.
    pub fn watched(kind: Kind, seen_at: DateTime<Utc>, body: Body) -> Self {
        Self { source: Source::Watch(kind), seen_at, body }
    }

    /// The installation it is about, if it came from brokers or from Connect's workers.
    pub fn installation(&self) -> Option<&InstallationId> {
        match &self.source {
            Source::Kafka { installation, .. }
            | Source::Connect { installation, .. }
            | Source::Metrics { installation, .. } => Some(installation),
            _ => None,
        }
    }
}
