//! A Kafka cluster as its brokers know it: the state that they answer from.
//!
//! Values and arithmetic; nothing here moves by itself (`simulation` does that) and nothing speaks the protocol
//! (`broker` does that).

use std::collections::BTreeMap;

use crate::wire::scram::Verifier;

/// What a broker process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Process {
    /// Answers.
    Running,
    /// Holds its connections and answers nothing.
    Frozen,
    /// Is not there: connections are refused.
    Down,
}

/// One broker.
#[derive(Debug, Clone)]
pub struct Broker {
    /// Node id.
    pub id: i32,
    /// Advertised host.
    pub host: String,
    /// Advertised port.
    pub port: u16,
    /// Rack, if it has one.
    pub rack: Option<String>,
    /// What its process does.
    pub process: Process,
    /// Whether the controller has it registered and unfenced: then it stands in Metadata.
    pub unfenced: bool,
    /// Milliseconds that each of its answers takes.
    pub delay_ms: u64,
    /// Its log directory.
    pub log_dir: LogDir,
    /// What it has counted.
    pub meters: Meters,
}

impl Broker {
    /// Its process ends, and with it all that it counted.
    pub fn stop(&mut self) {
        self.process = Process::Down;
        self.meters = Meters::default();
    }
}

/// What a broker counts while its process lives.
#[derive(Debug, Clone, Copy, Default)]
pub struct Meters {
    /// Records that producers sent.
    pub messages_in: f64,
    /// Their bytes.
    pub bytes_in: f64,
    /// Bytes that consumers fetched.
    pub bytes_out: f64,
    /// Records a second, of late.
    pub load: f64,
}

/// A log directory and its filesystem.
#[derive(Debug, Clone)]
pub struct LogDir {
    /// Path.
    pub path: String,
    /// Size of the filesystem, in bytes.
    pub total: u64,
    /// Bytes on it that no partition owns.
    pub other: u64,
    /// The broker has taken it offline after an I/O error.
    pub failed: bool,
}

/// One topic.
#[derive(Debug, Clone)]
pub struct Topic {
    /// Topic id.
    pub id: [u8; 16],
    /// Its own configs, as they were set on the topic.
    pub configs: BTreeMap<String, String>,
    /// Partitions by index.
    pub partitions: Vec<Partition>,
    /// Records produced a second, over all partitions.
    pub rate: f64,
    /// Bytes of a record on disk.
    pub record_bytes: f64,
    /// Kafka's own, as `__consumer_offsets`.
    pub internal: bool,
}

/// One partition.
#[derive(Debug, Clone)]
pub struct Partition {
    /// Brokers that hold it, the preferred leader first.
    pub replicas: Vec<i32>,
    /// In-sync replicas.
    pub isr: Vec<i32>,
    /// Leader, unless it has none.
    pub leader: Option<i32>,
    /// Leader epoch.
    pub epoch: i32,
    /// First offset that is kept.
    pub start: f64,
    /// Log end offset; whole numbers are what clients see.
    pub end: f64,
    /// Bytes on each replica that is in sync.
    pub bytes: f64,
}

/// The protocol of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// JoinGroup and SyncGroup.
    Classic,
    /// KIP-848.
    Consumer,
}

/// One consumer group.
#[derive(Debug, Clone)]
pub struct Group {
    /// Its protocol.
    pub protocol: Protocol,
    /// Its members; without any it is Empty.
    pub members: Vec<Member>,
    /// Committed offsets by topic and partition.
    pub committed: BTreeMap<(String, i32), f64>,
    /// Records that it reads a second at most, over all partitions.
    pub speed: f64,
    /// The broker that coordinates it.
    pub coordinator: i32,
}

/// A member of a group.
#[derive(Debug, Clone)]
pub struct Member {
    /// Member id.
    pub id: String,
    /// `client.id`.
    pub client_id: String,
    /// Address, as brokers write it: `/10.1.2.3`.
    pub host: String,
    /// What it reads.
    pub assigned: Vec<(String, i32)>,
}

/// Who may do what, and how much of it.
#[derive(Debug, Clone, Default)]
pub struct Security {
    /// ACLs; `None` without an authorizer.
    pub acls: Option<Vec<Acl>>,
    /// SCRAM credentials by user: mechanism (1 is SCRAM-SHA-256, 2 SCRAM-SHA-512) and rounds; none is known itself.
    pub scram: BTreeMap<String, Vec<(i8, i32)>>,
    /// Quotas.
    pub quotas: Vec<Quota>,
}

/// One ACL; kinds and operations are Kafka's numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acl {
    /// Principal, as `User:billing`.
    pub principal: String,
    /// Host, or `*`.
    pub host: String,
    /// 2 topic, 3 group, 4 cluster, 5 transactional id.
    pub resource: i8,
    /// Name of the resource.
    pub name: String,
    /// The name is what names begin with.
    pub prefixed: bool,
    /// 3 Read, 4 Write, 8 Describe, 10 DescribeConfigs.
    pub operation: i8,
    /// It allows, and does not deny.
    pub allows: bool,
}

/// Limits of an entity.
#[derive(Debug, Clone)]
pub struct Quota {
    /// Kind and name of its parts; without a name all that have none of their own.
    pub entity: Vec<(String, Option<String>)>,
    /// Limits by key.
    pub limits: BTreeMap<String, f64>,
}

/// A partition on its way to other brokers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Moving {
    /// Where it is to be, the preferred leader first.
    pub target: Vec<i32>,
    /// Where it was.
    pub before: Vec<i32>,
}

impl Moving {
    /// Replicas that are being added.
    pub fn adding(&self) -> Vec<i32> {
        self.target.iter().filter(|id| !self.before.contains(id)).copied().collect()
    }

    /// Replicas that will be removed.
    pub fn removing(&self) -> Vec<i32> {
        self.before.iter().filter(|id| !self.target.contains(id)).copied().collect()
    }
}

/// What was changed while the cluster ran.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    /// Partitions on their way to other brokers.
    pub moves: BTreeMap<(String, i32), Moving>,
    /// Configs that were set on single brokers.
    pub configs: BTreeMap<i32, BTreeMap<String, String>>,
    /// What users may log in with whose password was set, by name and mechanism.
    pub keys: BTreeMap<(String, i8), Verifier>,
    /// Topics that were made.
    pub topics: u64,
}

/// The cluster.
#[derive(Debug, Clone)]
pub struct Kafka {
    /// `cluster.id`.
    pub cluster_id: String,
    /// `metadata.version` as a level: 27 is 4.1's.
    pub metadata_level: i16,
    /// Brokers by id.
    pub brokers: BTreeMap<i32, Broker>,
    /// Topics by name.
    pub topics: BTreeMap<String, Topic>,
    /// Groups by id.
    pub groups: BTreeMap<String, Group>,
    /// Configs of the brokers that are defaults of topics, as `min.insync.replicas`.
    pub defaults: BTreeMap<String, String>,
    /// The active controller's id, if the quorum has one.
    pub controller: Option<i32>,
    /// Users, ACLs and quotas.
    pub security: Security,
    /// What was changed while it ran.
    pub changes: Changes,
}

impl Kafka {
    /// Bytes that partitions own on a broker.
    pub fn bytes_on(&self, broker: i32) -> f64 {
        let partitions = self.topics.values().flat_map(|t| &t.partitions);
        partitions.filter(|p| p.replicas.contains(&broker)).map(|p| p.bytes).sum()
    }

    /// Bytes used on a broker's filesystem, never more than it has.
    pub fn used_on(&self, broker: &Broker) -> u64 {
        let owned = self.bytes_on(broker.id) as u64;
        owned.saturating_add(broker.log_dir.other).min(broker.log_dir.total)
    }

    /// `min.insync.replicas` of a topic: its own, else the brokers'.
    pub fn min_isr(&self, topic: &Topic) -> usize {
        let name = "min.insync.replicas";
        let set = topic.configs.get(name).or_else(|| self.defaults.get(name));
        set.and_then(|value| value.parse().ok()).unwrap_or(1)
    }
}
