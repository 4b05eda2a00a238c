//! The StatefulSet of the brokers and its disruption budget; see the parent module.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{HASH_SEED, hashed, stamp};

/// The authorizer of KRaft (KIP-801).
const AUTHORIZER: &str = "org.apache.kafka.metadata.authorizer.StandardAuthorizer";

/// What the brokers of an installation are made of: combined KRaft nodes from hand-written manifests.
#[derive(Debug, Clone)]
pub struct Brokers<'a> {
    /// Namespace.
    pub namespace: &'a str,
    /// Name of the StatefulSet and value of the label `app`.
    pub name: &'a str,
    /// Headless service.
    pub headless: &'a str,
    /// Nodes.
    pub replicas: usize,
    /// Image.
    pub image: &'a str,
    /// Cluster id.
    pub cluster_id: &'a str,
    /// Storage class of the claims.
    pub class: &'a str,
    /// Size of the claims.
    pub storage: &'a str,
    /// Replication factor and `min.insync.replicas` of topics that do not say.
    pub replication: (usize, usize),
    /// `OnDelete` or `RollingUpdate`.
    pub update: &'a str,
    /// Whom ACLs do not bind, if an authorizer asks what the others may.
    pub super_users: Option<&'a str>,
}

impl Brokers<'_> {
    /// Labels that select its pods.
    pub fn labels(&self) -> Value {
        json!({"app": self.name})
    }

    /// What the container runs: it writes its settings, formats the directory and becomes the broker.
    fn script(&self) -> String {
        let mut voters = String::new();
        for id in 0..self.replicas {
            let comma = if id == 0 { "" } else { "," };
            let _ = write!(voters, "{comma}{id}@{}-{id}.{}:9093", self.name, self.headless);
        }
        let (factor, min_isr) = self.replication;
        let domain = format!("{}.{}.svc.cluster.local", self.headless, self.namespace);
        let mut settings = vec![
            "process.roles=broker,controller".to_owned(),
            "node.id=$id".to_owned(),
            format!("controller.quorum.voters={voters}"),
            "controller.listener.names=CONTROLLER".to_owned(),
            "listeners=PLAINTEXT://:9092,CONTROLLER://:9093".to_owned(),
            format!("advertised.listeners=PLAINTEXT://$HOSTNAME.{domain}:9092"),
            "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT".to_owned(),
            "log.dirs=/var/lib/kafka/data/logs".to_owned(),
            format!("default.replication.factor={factor}"),
            format!("min.insync.replicas={min_isr}"),
            format!("offsets.topic.replication.factor={factor}"),
            "auto.create.topics.enable=false".to_owned(),
        ];
        if let Some(users) = self.super_users {
            settings.push(format!("authorizer.class.name={AUTHORIZER}"));
            settings.push(format!("super.users={users}"));
        }
        format!(
            "id=${{HOSTNAME##*-}}\ncat >/tmp/server.properties <<END\n{}\nEND\n\
             kafka-storage.sh format --ignore-formatted -t {} -c /tmp/server.properties\n\
             exec kafka-server-start.sh /tmp/server.properties\n",
            settings.join("\n"),
            self.cluster_id
        )
    }

    fn container(&self) -> Value {
        json!({
            "command": ["sh", "-ec", self.script()],
            "env": [
                {"name": "KAFKA_HEAP_OPTS", "value": "-Xmx1g -Xms1g"},
                {"name": "KAFKA_OPTS", "value": "-javaagent:/opt/kafka/agent/jmx.jar=9404:/opt/kafka/config/jmx.yaml"},
            ],
            "image": self.image,
            "imagePullPolicy": "IfNotPresent",
            "name": "kafka-broker",
            "ports": [
                {"containerPort": 9092, "name": "kafka", "protocol": "TCP"},
                {"containerPort": 9093, "name": "controller", "protocol": "TCP"},
                {"containerPort": 9404, "name": "metrics", "protocol": "TCP"},
            ],
            "readinessProbe": {
                "failureThreshold": 3, "initialDelaySeconds": 3, "periodSeconds": 3, "successThreshold": 1,
                "tcpSocket": {"port": "kafka"}, "timeoutSeconds": 1,
            },
            "resources": {"limits": {"memory": "2Gi"}, "requests": {"cpu": "500m", "memory": "2Gi"}},
            "terminationMessagePath": "/dev/termination-log",
            "terminationMessagePolicy": "File",
            "volumeMounts": [{"mountPath": "/var/lib/kafka/data", "name": "datadir"}],
        })
    }

    fn template(&self) -> Value {
        json!({
            "metadata": {"labels": self.labels()},
            "spec": {
                "affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{
                    "podAffinityTerm": {
                        "labelSelector": {"matchLabels": self.labels()}, "topologyKey": "kubernetes.io/hostname",
                    },
                    "weight": 100,
                }]}},
                "containers": [self.container()],
                "dnsPolicy": "ClusterFirst",
                "restartPolicy": "Always",
                "schedulerName": "default-scheduler",
                "securityContext": {},
                "terminationGracePeriodSeconds": 30,
            },
        })
    }
}

/// The StatefulSet, before it has any pod.
pub fn stateful_set(of: &Brokers<'_>) -> Value {
    let strategy = match of.update {
        "RollingUpdate" => json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}),
        other => json!({"type": other}),
    };
    json!({
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": of.name, "namespace": of.namespace, "labels": of.labels()},
        "spec": {
            "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
            "podManagementPolicy": "Parallel",
            "replicas": of.replicas,
            "revisionHistoryLimit": 10,
            "selector": {"matchLabels": of.labels()},
            "serviceName": of.headless,
            "template": of.template(),
            "updateStrategy": strategy,
            "volumeClaimTemplates": [{
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "metadata": {"name": "datadir"},
                "spec": {
                    "accessModes": ["ReadWriteOnce"],
                    "resources": {"requests": {"storage": of.storage}},
                    "storageClassName": of.class,
                    "volumeMode": "Filesystem",
                },
                "status": {"phase": "Pending"},
            }],
        },
        "status": {"availableReplicas": 0, "replicas": 0},
    })
}

/// The revision of a StatefulSet's template, as pods carry it in `controller-revision-hash`.
pub fn revision(stateful_set: &Value) -> String {
    let template = stateful_set["spec"]["template"].to_string();
    let hash = hashed(HASH_SEED, template.bytes());
    let name = stateful_set["metadata"]["name"].as_str().unwrap_or_default();
    format!("{name}-{:010x}", hash & 0xff_ffff_ffff)
}

/// How many pods of a StatefulSet there are, of which kind.
#[derive(Debug, Clone, Copy, Default)]
pub struct Replicas {
    /// All.
    pub all: usize,
    /// Ready ones.
    pub ready: usize,
    /// Of the revision that the StatefulSet comes from.
    pub current: usize,
    /// Of the revision of its template.
    pub updated: usize,
}

/// The status of a StatefulSet that has seen its newest generation.
pub fn stateful_set_status(stateful_set: &Value, pods: Replicas, current: &str, update: &str) -> Value {
    let mut status = json!({
        "availableReplicas": pods.ready,
        "collisionCount": 0,
        "currentReplicas": pods.current,
        "currentRevision": current,
        "observedGeneration": stateful_set["metadata"]["generation"],
        "readyReplicas": pods.ready,
        "replicas": pods.all,
        "updateRevision": update,
        "updatedReplicas": pods.updated,
    });
    // Counts of nothing are left out, as Go's `omitempty` does.
    if let Some(fields) = status.as_object_mut() {
        fields.retain(|name, value| {
            !matches!(&**name, "currentReplicas" | "readyReplicas" | "updatedReplicas") || *value != json!(0)
        });
    }
    status
}

/// A disruption budget over pods of a label, and its status.
pub fn disruption_budget(
    namespace: &str,
    name: &str,
    labels: &Value,
    max_unavailable: usize,
    (expected, healthy): (usize, usize),
    now: DateTime<Utc>,
) -> Value {
    let desired = expected.saturating_sub(max_unavailable);
    let allowed = healthy.saturating_sub(desired);
    let (reason, status) = if allowed > 0 { ("SufficientPods", "True") } else { ("InsufficientPods", "False") };
    json!({
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {"maxUnavailable": max_unavailable, "selector": {"matchLabels": labels}},
        "status": {
            "conditions": [{
                "lastTransitionTime": stamp(now), "message": "", "observedGeneration": 1, "reason": reason,
                "status": status, "type": "DisruptionAllowed",
            }],
            "currentHealthy": healthy,
            "desiredHealthy": desired,
            "disruptionsAllowed": allowed,
            "expectedPods": expected,
            "observedGeneration": 1,
        },
    })
}
