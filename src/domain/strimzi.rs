//! Strimzi's custom resources as far as a Kafka console needs them.
//!
//! `io::translate` makes them from whichever version the cluster serves; they are read, never written. Fields
//! are those of `kafka.strimzi.io/v1`; what an older version has elsewhere, or a broken object has not, is
//! missing.

use serde::{Deserialize, Serialize};

use super::{
    access::SecretKey,
    ids::BrokerId,
    installation::{Condition, Role},
    kubernetes::Meta,
};

/// A `Kafka`: a cluster.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct KafkaResource {
    /// Name, labels.
    pub meta: Meta,
    /// `apiVersion` it was read in.
    pub api_version: String,
    /// `spec.kafka.version`.
    pub version: Option<String>,
    /// `spec.kafka.listeners`.
    pub listeners: Vec<ListenerSpec>,
    /// `spec.kafka.authorization.type`; `None` when every user may do everything.
    pub authorization: Option<String>,
    /// `spec.kafka.authorization.superUsers`.
    pub super_users: Vec<String>,
    /// `spec.kafka.replicas`, of old clusters without node pools.
    pub replicas: Option<u32>,
    /// True when `spec.zookeeper` is there.
    pub zookeeper: bool,
    /// `status.kafkaVersion`.
    pub running_version: Option<String>,
    /// `status.kafkaMetadataVersion`.
    pub metadata_version: Option<String>,
    /// `status.operatorLastSuccessfulVersion`.
    pub operator_version: Option<String>,
    /// `status.conditions`.
    pub conditions: Vec<Condition>,
}

/// One of `spec.kafka.listeners`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListenerSpec {
    /// `name`.
    pub name: String,
    /// `port`.
    pub port: u16,
    /// `type`: internal, nodeport, loadbalancer, ….
    pub kind: String,
    /// `tls`.
    pub tls: bool,
    /// `authentication.type`.
    pub authentication: Option<String>,
    /// True when `configuration.brokerCertChainAndKey` replaces the certificates that the cluster CA signs.
    pub own_certificate: bool,
}

/// A `KafkaNodePool`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct NodePool {
    /// Name, labels; `strimzi.io/cluster` says whose it is.
    pub meta: Meta,
    /// `apiVersion` it was read in.
    pub api_version: String,
    /// `spec.replicas`.
    pub replicas: Option<u32>,
    /// `status.roles`, else `spec.roles`.
    pub roles: Vec<Role>,
    /// `status.nodeIds`.
    pub node_ids: Vec<BrokerId>,
    /// True when `spec.storage` is lost with the pod.
    pub ephemeral: Option<bool>,
}

/// A `StrimziPodSet` (`core.strimzi.io`), without the pods it holds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PodSet {
    /// Name, labels.
    pub meta: Meta,
    /// How many pods it holds.
    pub wanted: u32,
    /// `status.readyPods`.
    pub ready: Option<u32>,
    /// `status.currentPods`: of the current revision.
    pub current: Option<u32>,
}

/// A `KafkaUser`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct KafkaUser {
    /// Name, labels; `strimzi.io/cluster` says whose it is.
    pub meta: Meta,
    /// `spec.authentication.type`.
    pub authentication: Option<String>,
    /// `status.username`: as the broker calls it.
    pub username: Option<String>,
    /// `status.secret`: where its credential is.
    pub secret: Option<String>,
    /// Where the password was taken from, when the user brought one (`spec.authentication.password`).
    pub password: Option<SecretKey>,
    /// `spec.authorization.acls`; `None` where it has no authorization of its own.
    pub acls: Option<Vec<Acl>>,
    /// `status.conditions`.
    pub conditions: Vec<Condition>,
}

/// One of a user's ACLs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acl {
    /// `resource.type`: topic, group, cluster, transactionalId.
    pub resource: String,
    /// `resource.name`, empty for the cluster.
    pub name: String,
    /// `operations`, or the one `operation` of older versions.
    pub operations: Vec<String>,
    /// True for a rule that denies.
    pub deny: bool,
}
