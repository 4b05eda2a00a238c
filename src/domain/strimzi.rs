//! Strimzi's custom resources as far as a Kafka console needs them.
//!
//! `io::translate` makes them from whichever version the cluster serves; they are read, never written. Fields
//! are those of `kafka.strimzi.io/v1`; what an older version has elsewhere, or a broken object has not, is
//! missing.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    access::SecretKey,
    acl::{self, Pattern, Permission, Resource},
    ids::BrokerId,
    installation::{Condition, Role},
    kubernetes::Meta,
    user::Limits,
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
    /// The namespace in which the User Operator looks after users (`spec.entityOperator.userOperator`); `None` where
    /// there is no User Operator.
    #[serde(default)]
    pub users_in: Option<String>,
    /// The namespace in which the Topic Operator looks after topics (`spec.entityOperator.topicOperator`); `None` where
    /// there is no Topic Operator.
    #[serde(default)]
    pub topics_in: Option<String>,
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
    /// `metadata.generation`: counts changes of its spec.
    #[serde(default)]
    pub generation: Option<i64>,
    /// `status.observedGeneration`: the last one that the operator has seen.
    #[serde(default)]
    pub observed_generation: Option<i64>,
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

/// A `KafkaTopic`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct KafkaTopic {
    /// Name, labels; `strimzi.io/cluster` says whose it is, annotation `strimzi.io/managed` whether it is looked after.
    pub meta: Meta,
    /// `apiVersion` it was read in.
    pub api_version: String,
    /// `spec.topicName`, where the topic is called otherwise than the resource.
    pub topic_name: Option<String>,
    /// `spec.partitions`.
    pub partitions: Option<u32>,
    /// `spec.replicas`.
    pub replicas: Option<u32>,
    /// `spec.config`, numbers and truths as text.
    pub config: BTreeMap<String, String>,
    /// `status.topicId`.
    pub topic_id: Option<String>,
    /// `metadata.generation`: counts changes of its spec.
    pub generation: Option<i64>,
    /// `status.observedGeneration`: the last one that the operator has seen.
    pub observed_generation: Option<i64>,
    /// `status.conditions`.
    pub conditions: Vec<Condition>,
}

impl KafkaTopic {
    /// The topic's name, as brokers have it.
    pub fn called(&self) -> &str {
        self.topic_name.as_deref().unwrap_or(&self.meta.name)
    }

    /// False where the operator is told to leave the topic alone (`strimzi.io/managed: "false"`).
    pub fn is_managed(&self) -> bool {
        self.meta.annotations.get("strimzi.io/managed").is_none_or(|value| value != "false")
    }
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
    /// `spec.quotas` under the brokers' names for them; `None` where it has none.
    #[serde(default)]
    pub quotas: Option<Limits>,
    /// `metadata.generation`: counts changes of its spec.
    #[serde(default)]
    pub generation: Option<i64>,
    /// `status.observedGeneration`: the last one that the operator has seen.
    #[serde(default)]
    pub observed_generation: Option<i64>,
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
    /// True where the name is what names begin with (`patternType: prefix`).
    #[serde(default)]
    pub prefixed: bool,
    /// `host`; `None` is from anywhere.
    #[serde(default)]
    pub host: Option<String>,
}

impl KafkaUser {
    /// The user as the broker calls it: as its status says, else as the operator will name it.
    pub fn called(&self) -> String {
        let certificate = matches!(self.authentication.as_deref(), Some("tls" | "tls-external"));
        let made = || if certificate { format!("CN={}", self.meta.name) } else { self.meta.name.clone() };
        self.username.clone().unwrap_or_else(made)
    }

    /// Its ACLs as the authorizer will keep them.
    pub fn declared(&self) -> Option<Vec<acl::Acl>> {
        let principal = acl::principal_of(&self.called());
        let each = |one: &Acl| {
            let all = one.operations.iter().map(|operation| acl::Acl {
                principal: principal.clone(),
                permission: if one.deny { Permission::Deny } else { Permission::Allow },
                resource: Resource::of(&one.resource),
                name: one.name.clone(),
                pattern: if one.prefixed { Pattern::Prefixed } else { Pattern::Literal },
                host: one.host.clone().unwrap_or_else(|| acl::ANY.to_owned()),
                operation: operation.clone(),
            });
            all.collect::<Vec<_>>()
        };
        Some(self.acls.as_ref()?.iter().flat_map(each).collect())
    }
}
