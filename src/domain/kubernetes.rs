//! Kubernetes objects as far as a Kafka console needs them.
//!
//! `io::kube` translates the API's objects into these (and drops the rest, managed fields and secret
//! values first), so that facts stay small, can be recorded, and a pod with missing fields is a value
//! like any other: everything that may be absent is an `Option` or an empty list.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{
    helm::Release,
    ids::ObjectKey,
    placement::{Budget, Class},
    strimzi::{KafkaResource, KafkaTopic, KafkaUser, NodePool, PodSet},
    timeline::Happening,
};

/// What every object carries.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Meta {
    /// Namespace, empty for cluster-wide kinds.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// `metadata.uid`: tells a pod from its successor of the same name.
    pub uid: String,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Those annotations that operators and Helm leave for others to read; never the rest.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// `creationTimestamp`.
    pub created_at: Option<DateTime<Utc>>,
    /// `deletionTimestamp`: set while it terminates.
    pub deleting_since: Option<DateTime<Utc>>,
    /// The controlling owner.
    pub owner: Option<Owner>,
}

impl Meta {
    /// Namespace and name.
    pub fn key(&self) -> ObjectKey {
        ObjectKey::new(&self.namespace, &self.name)
    }
}

/// A controlling owner reference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// Its kind, as `StatefulSet`.
    pub kind: String,
    /// Its name, in the same namespace.
    pub name: String,
}

/// A pod.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Pod {
    /// Name, labels, owner.
    pub meta: Meta,
    /// `status.phase`: Pending, Running, Succeeded, Failed, Unknown, or empty.
    pub phase: String,
    /// `status.reason`, as `Evicted`.
    pub reason: Option<String>,
    /// `status.message`.
    pub message: Option<String>,
    /// Node it runs on.
    pub node: Option<String>,
    /// `status.podIP`.
    pub ip: Option<String>,
    /// `spec.hostname`, which StatefulSets set to the pod's name.
    pub hostname: Option<String>,
    /// `spec.subdomain`: the headless service.
    pub subdomain: Option<String>,
    /// Condition `Ready`.
    pub ready: Option<bool>,
    /// Since when condition `Ready` is as it is.
    pub ready_changed_at: Option<DateTime<Utc>>,
    /// Reason and message of condition `PodScheduled` while it is False: the scheduler's words.
    pub unscheduled: Option<Waiting>,
    /// Containers, in the order of the spec.
    pub containers: Vec<Container>,
    /// Init containers, in the order of the spec.
    pub init_containers: Vec<Container>,
    /// Volumes: name and, for a persistent one, the claim.
    pub volumes: Vec<Volume>,
    /// ConfigMaps that its volumes are made of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub config_maps: Vec<String>,
}

/// One volume of a pod.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volume {
    /// Name within the pod.
    pub name: String,
    /// The claim behind it, if it is persistent.
    pub claim: Option<String>,
    /// True for emptyDir, which is lost with the pod.
    pub ephemeral: bool,
}

/// A container: its spec and its status.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Container {
    /// Name.
    pub name: String,
    /// Image as the spec names it.
    pub image: String,
    /// `command` and `args`, credentials redacted.
    pub command: Vec<String>,
    /// Environment: names, with the value only where it is a literal of a server-only key.
    pub env: Vec<EnvVar>,
    /// Declared ports.
    pub ports: Vec<ContainerPort>,
    /// Mounts: volume and path.
    pub mounts: Vec<Mount>,
    /// What it does now.
    pub state: ContainerState,
    /// How it ended last time, if it ever did.
    pub last: Option<Terminated>,
    /// Its readiness probe passes.
    pub ready: bool,
    /// How often it was restarted.
    pub restarts: u32,
    /// What it may have of its node.
    #[serde(default)]
    pub limits: Limits,
}

/// `resources.limits` of a container; `None` is no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Thousandths of a CPU.
    pub cpu_millis: Option<u64>,
    /// Bytes of memory.
    pub memory_bytes: Option<u64>,
}

/// A variable of a container's environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvVar {
    /// Its name.
    pub name: String,
    /// Its value, kept only for keys that configure a broker and hold no secret.
    pub value: Option<String>,
}

/// A declared container port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerPort {
    /// Its name, or empty.
    pub name: String,
    /// Its number.
    pub port: u16,
}

/// A volume mount.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mount {
    /// Name of the volume.
    pub volume: String,
    /// Where in the container.
    pub path: String,
}

/// What a container does now.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ContainerState {
    /// The status does not say, as before the kubelet has seen the pod.
    #[default]
    Unknown,
    /// Not started, with the reason, as `CrashLoopBackOff`.
    Waiting(Waiting),
    /// Running since then.
    Running { since: Option<DateTime<Utc>> },
    /// Ended.
    Terminated(Terminated),
}

/// A reason and its message.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// One word in CamelCase.
    pub reason: String,
    /// A sentence, or empty.
    pub message: String,
}

/// How a container ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terminated {
    /// One word, as `OOMKilled`, `Error`, `Completed`.
    pub reason: String,
    /// Exit code.
    pub exit_code: i32,
    /// When.
    pub finished_at: Option<DateTime<Utc>>,
    /// When it had been started.
    pub started_at: Option<DateTime<Utc>>,
}

/// A persistent volume claim.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Claim {
    /// Name, labels.
    pub meta: Meta,
    /// `status.phase`: Pending, Bound, Lost.
    pub phase: String,
    /// Storage class.
    pub class: Option<String>,
    /// `spec.resources.requests.storage` in bytes.
    pub requested_bytes: Option<u64>,
    /// `status.capacity.storage` in bytes.
    pub capacity_bytes: Option<u64>,
    /// The bound volume.
    pub volume: Option<String>,
    /// How far its growing is: the type of the condition that is true, as `FileSystemResizePending`.
    #[serde(default)]
    pub resizing: Option<String>,
}

/// A StatefulSet or Deployment.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Workload {
    /// Name, labels.
    pub meta: Meta,
    /// `spec.replicas`.
    pub replicas: u32,
    /// `status.readyReplicas`.
    pub ready_replicas: u32,
    /// `spec.serviceName` of a StatefulSet.
    pub service_name: Option<String>,
    /// `spec.updateStrategy.type` or `spec.strategy.type`.
    pub update_strategy: Option<String>,
    /// How far a rolling update of a StatefulSet has come.
    #[serde(default)]
    pub rollout: Rollout,
    /// The pod template's containers, so that an installation whose pods are all missing is still found.
    pub containers: Vec<Container>,
    /// The pod template's labels.
    pub template_labels: BTreeMap<String, String>,
    /// What `kubectl rollout restart` left in the pod template (`kubectl.kubernetes.io/restartedAt`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restarted_at: Option<String>,
    /// The pod template's init containers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub init_containers: Vec<Container>,
    /// ConfigMaps that the template's volumes are made of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub config_maps: Vec<String>,
}

/// How far a StatefulSet has come with what its template became.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rollout {
    /// `spec.updateStrategy.rollingUpdate.partition`: pods of lower ordinals keep their revision.
    pub partition: Option<u32>,
    /// `status.currentRevision`: that of pods which have not been updated.
    pub current_revision: Option<String>,
    /// `status.updateRevision`: that of the template; pods carry theirs in label `controller-revision-hash`.
    pub update_revision: Option<String>,
    /// `status.updatedReplicas`.
    pub updated_replicas: Option<u32>,
    /// `metadata.generation`: counts changes of its spec.
    pub generation: Option<i64>,
    /// `status.observedGeneration`: the last one that the controller has seen.
    pub observed_generation: Option<i64>,
}

/// A service.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Service {
    /// Name, labels.
    pub meta: Meta,
    /// `clusterIP` is `None`.
    pub headless: bool,
    /// Its address, unless headless.
    pub cluster_ip: Option<String>,
    /// Label selector; empty selects nothing.
    pub selector: BTreeMap<String, String>,
    /// Its ports.
    pub ports: Vec<ServicePort>,
}

/// A port of a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServicePort {
    /// Its name, or empty.
    pub name: String,
    /// Its number.
    pub port: u16,
}

/// A node.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// Name, labels.
    pub meta: Meta,
    /// Condition `Ready`; `None` when the node does not say.
    pub ready: Option<bool>,
    /// Cordoned.
    pub unschedulable: bool,
}

impl Node {
    /// Value of `topology.kubernetes.io/zone`.
    pub fn zone(&self) -> Option<&str> {
        self.meta.labels.get("topology.kubernetes.io/zone").map(String::as_str)
    }
}

/// A PrometheusRule object: its alerting rules.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RuleObject {
    /// Name, labels.
    pub meta: Meta,
    /// Its alerting rules, groups flattened.
    pub alerts: Vec<AlertRule>,
    /// Parts that could not be read, as sentences.
    pub unreadable: Vec<String>,
}

/// One alerting rule.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertRule {
    /// `alert`.
    pub name: String,
    /// The rule group it stands in.
    pub group: String,
    /// `expr`.
    pub expression: String,
    /// `for`, as written.
    pub hold: Option<String>,
    /// `labels`.
    pub labels: BTreeMap<String, String>,
    /// `annotations.summary` or `annotations.description`.
    pub summary: Option<String>,
}

/// A ConfigMap: what it says about a broker's configuration, and nothing else.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ConfigMap {
    /// Name, labels.
    pub meta: Meta,
    /// Server properties that hold no secret, by key of its data; keys without any are left out.
    pub files: BTreeMap<String, BTreeMap<String, String>>,
    /// Users that its JAAS lines name, in their order; never their passwords.
    pub users: Vec<String>,
}

/// One object of a watched kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Object {
    Pod(Box<Pod>),
    Claim(Claim),
    StatefulSet(Workload),
    Deployment(Workload),
    Service(Service),
    Node(Node),
    Rule(RuleObject),
    ConfigMap(ConfigMap),
    Kafka(Box<KafkaResource>),
    NodePool(NodePool),
    PodSet(PodSet),
    User(KafkaUser),
    Topic(KafkaTopic),
    Budget(Budget),
    Class(Class),
    Release(Release),
    Event(Happening),
}

impl Object {
    /// Name, labels, owner.
    pub fn meta(&self) -> &Meta {
        match self {
            Self::Pod(o) => &o.meta,
            Self::Claim(o) => &o.meta,
            Self::StatefulSet(o) | Self::Deployment(o) => &o.meta,
            Self::Service(o) => &o.meta,
            Self::Node(o) => &o.meta,
            Self::Rule(o) => &o.meta,
            Self::ConfigMap(o) => &o.meta,
            Self::Kafka(o) => &o.meta,
            Self::NodePool(o) => &o.meta,
            Self::PodSet(o) => &o.meta,
            Self::User(o) => &o.meta,
            Self::Topic(o) => &o.meta,
            Self::Budget(o) => &o.meta,
            Self::Class(o) => &o.meta,
            Self::Release(o) => &o.meta,
            Self::Event(o) => &o.meta,
        }
    }
}
