//! From the API's objects to ours: what a Kafka console needs, and nothing else.
//!
//! Pure functions that cannot fail: whatever may be missing in an object is missing in the result.
//! Managed fields, most annotations, secret references and the values of unknown variables are left behind
//! here, so that they never become facts. `io::watch` and `io::configs` call it; `io::objects` hides values by the
//! same rules.

mod config;
mod event;
mod placement;
mod pod;
mod rules;
mod strimzi;

use chrono::{DateTime, Utc};
use k8s_openapi::{
    api::{
        apps::v1::{Deployment, StatefulSet},
        core::v1 as core,
    },
    apimachinery::pkg::{
        api::resource::Quantity,
        apis::meta::v1::{ObjectMeta, Time},
    },
    jiff::Timestamp,
};

use crate::domain::{
    kubernetes::{Claim, Meta, Node, Owner, Rollout, Service, ServicePort, Workload},
    quantity,
};

pub use config::config_map;
pub use event::{event, happening};
pub use placement::{budget, class};
pub use pod::{command, is_public, pod};
pub use rules::rule_object;
pub use strimzi::{kafka, node_pool, pod_set, topic, user};

/// Annotations that are kept; all others may hold anything, whole manifests included.
const ANNOTATIONS: &[&str] = &[
    "argocd.argoproj.io/tracking-id",
    "strimzi.io/managed",
    "strimzi.io/manual-rolling-update",
    "strimzi.io/pause-reconciliation",
    "strimzi.io/kafka-version",
    "strimzi.io/manual-rolling-update",
    "strimzi.io/revision",
    "kafdeck.dev/look",
    "argocd.argoproj.io/tracking-id",
    "meta.helm.sh/release-name",
    "meta.helm.sh/release-namespace",
];

/// What `kubectl rollout restart` leaves in a pod template.
const RESTARTED_AT: &str = "kubectl.kubernetes.io/restartedAt";

/// The longest annotation that is kept.
const LONGEST_ANNOTATION: usize = 256;

/// Name, labels, owner of any object.
pub fn meta(from: &ObjectMeta) -> Meta {
    let owners = from.owner_references.as_deref().unwrap_or_default();
    Meta {
        namespace: from.namespace.clone().unwrap_or_default(),
        name: from.name.clone().unwrap_or_default(),
        uid: from.uid.clone().unwrap_or_default(),
        labels: from.labels.clone().unwrap_or_default(),
        annotations: from
            .annotations
            .iter()
            .flatten()
            .filter(|(key, value)| ANNOTATIONS.contains(&key.as_str()) && value.len() <= LONGEST_ANNOTATION)
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect(),
        created_at: time(from.creation_timestamp.as_ref()),
        deleting_since: time(from.deletion_timestamp.as_ref()),
        owner: owners
            .iter()
            .find(|owner| owner.controller == Some(true))
            .map(|owner| Owner { kind: owner.kind.clone(), name: owner.name.clone() }),
    }
}

/// A persistent volume claim.
pub fn claim(from: &core::PersistentVolumeClaim) -> Claim {
    let spec = from.spec.clone().unwrap_or_default();
    let status = from.status.clone().unwrap_or_default();
    let requests = spec.resources.and_then(|r| r.requests).unwrap_or_default();
    Claim {
        meta: meta(&from.metadata),
        phase: status.phase.unwrap_or_default(),
        class: spec.storage_class_name,
        requested_bytes: requests.get("storage").and_then(bytes),
        capacity_bytes: status.capacity.unwrap_or_default().get("storage").and_then(bytes),
        volume: spec.volume_name.filter(|name| !name.is_empty()),
        resizing: status.conditions.unwrap_or_default().into_iter().find(|c| c.status == "True").map(|c| c.type_),
    }
}

/// A StatefulSet.
pub fn stateful_set(from: &StatefulSet) -> Workload {
    let spec = from.spec.as_ref();
    Workload {
        service_name: spec.and_then(|s| s.service_name.clone()).filter(|name| !name.is_empty()),
        update_strategy: spec.and_then(|s| s.update_strategy.as_ref()).and_then(|s| s.type_.clone()),
        rollout: rollout(from),
        ..workload(
            &from.metadata,
            spec.and_then(|s| s.replicas),
            from.status.as_ref().and_then(|s| s.ready_replicas),
            spec.map(|s| &s.template),
        )
    }
}

/// How far a StatefulSet has come.
fn rollout(from: &StatefulSet) -> Rollout {
    let strategy = from.spec.as_ref().and_then(|spec| spec.update_strategy.as_ref());
    let status = from.status.clone().unwrap_or_default();
    Rollout {
        partition: strategy.and_then(|s| s.rolling_update.as_ref()).and_then(|r| r.partition).map(count),
        current_revision: status.current_revision,
        update_revision: status.update_revision,
        updated_replicas: status.updated_replicas.map(count),
        generation: from.metadata.generation,
        observed_generation: status.observed_generation,
    }
}

/// A Deployment.
pub fn deployment(from: &Deployment) -> Workload {
    let spec = from.spec.as_ref();
    Workload {
        update_strategy: spec.and_then(|s| s.strategy.as_ref()).and_then(|s| s.type_.clone()),
        ..workload(
            &from.metadata,
            spec.and_then(|s| s.replicas),
            from.status.as_ref().and_then(|s| s.ready_replicas),
            spec.map(|s| &s.template),
        )
    }
}

/// What StatefulSets and Deployments share.
fn workload(
    metadata: &ObjectMeta,
    replicas: Option<i32>,
    ready: Option<i32>,
    template: Option<&core::PodTemplateSpec>,
) -> Workload {
    let containers = template.and_then(|t| t.spec.as_ref()).map(|s| s.containers.as_slice()).unwrap_or_default();
    Workload {
        meta: meta(metadata),
        // The API server fills in 1 where a manifest says nothing.
        replicas: count(replicas.unwrap_or(1)),
        ready_replicas: count(ready.unwrap_or(0)),
        service_name: None,
        update_strategy: None,
        rollout: Rollout::default(),
        containers: containers.iter().map(|c| pod::container(c, None)).collect(),
        init_containers: template
            .and_then(|t| t.spec.as_ref())
            .and_then(|s| s.init_containers.as_deref())
            .unwrap_or_default()
            .iter()
            .map(|c| pod::container(c, None))
            .collect(),
        config_maps: template.and_then(|t| t.spec.as_ref()).map(pod::config_maps).unwrap_or_default(),
        template_labels: template.and_then(|t| t.metadata.as_ref()).and_then(|m| m.labels.clone()).unwrap_or_default(),
        restarted_at: template
            .and_then(|t| t.metadata.as_ref()?.annotations.as_ref()?.get(RESTARTED_AT))
            .filter(|value| value.len() <= LONGEST_ANNOTATION)
            .cloned(),
    }
}

/// A service.
pub fn service(from: &core::Service) -> Service {
    let spec = from.spec.clone().unwrap_or_default();
    let ip = spec.cluster_ip.filter(|ip| !ip.is_empty());
    let ports = spec.ports.unwrap_or_default();
    Service {
        meta: meta(&from.metadata),
        headless: ip.as_deref() == Some("None"),
        cluster_ip: ip.filter(|ip| ip != "None"),
        selector: spec.selector.unwrap_or_default(),
        ports: ports
            .into_iter()
            .filter_map(|p| Some(ServicePort { name: p.name.unwrap_or_default(), port: port(p.port)? }))
            .collect(),
    }
}

/// A node.
pub fn node(from: &core::Node) -> Node {
    let conditions = from.status.as_ref().and_then(|s| s.conditions.as_deref()).unwrap_or_default();
    Node {
        meta: meta(&from.metadata),
        ready: conditions.iter().find(|c| c.type_ == "Ready").map(|c| c.status == "True"),
        unschedulable: from.spec.as_ref().and_then(|s| s.unschedulable).unwrap_or(false),
    }
}

/// A moment.
fn time(from: Option<&Time>) -> Option<DateTime<Utc>> {
    moment(from?.0)
}

/// A moment, if it is one that we can write.
pub(super) fn moment(stamp: Timestamp) -> Option<DateTime<Utc>> {
    // jiff counts fractions of moments before 1970 downwards; chrono counts them upwards only.
    DateTime::from_timestamp(stamp.as_second(), u32::try_from(stamp.subsec_nanosecond()).unwrap_or(0))
}

/// A number of things, never below zero.
fn count(from: i32) -> u32 {
    u32::try_from(from).unwrap_or(0)
}

/// A port number, if it is one.
fn port(from: i32) -> Option<u16> {
    u16::try_from(from).ok().filter(|port| *port != 0)
}

/// A quantity in bytes.
fn bytes(from: &Quantity) -> Option<u64> {
    quantity::bytes(&from.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn quantity(text: &str) -> Option<u64> {
        bytes(&Quantity(text.into()))
    }

    #[test]
    fn quantities_become_bytes() {
        assert_eq!(quantity("10Gi"), Some(10 << 30));
        assert_eq!(quantity("1.5Gi"), Some(3 << 29));
        assert_eq!(quantity("512Mi"), Some(512 << 20));
        assert_eq!(quantity("4Ki"), Some(4096));
        assert_eq!(quantity("2Ti"), Some(2 << 40));
        assert_eq!(quantity("1k"), Some(1_000));
        assert_eq!(quantity("3M"), Some(3_000_000));
        assert_eq!(quantity("7G"), Some(7_000_000_000));
        assert_eq!(quantity("128974848"), Some(128_974_848));
        assert_eq!(quantity("129e6"), Some(129_000_000));
        assert_eq!(quantity("1E3"), Some(1_000));
        assert_eq!(quantity("128974848001m"), Some(128_974_849));
        assert_eq!(quantity("1E"), Some(1_000_000_000_000_000_000));
        for bad in ["", "Gi", "-1Gi", "a lot", "NaN", "inf", "\u{1b}[31mGi", "é", "99999999999999999999Ei"] {
            let read = quantity(bad);
            assert!(read.is_none() || read == Some(u64::MAX), "{bad:?} gives {read:?}");
        }
    }

    #[test]
    fn objects_without_anything_but_a_name_are_values_like_any_other() {
        let bare = json!({"metadata": {"name": "x"}});
        assert_eq!(claim(&serde_json::from_value(bare.clone()).unwrap()).meta.name, "x");
        assert_eq!(stateful_set(&serde_json::from_value(bare.clone()).unwrap()).replicas, 1);
        assert_eq!(deployment(&serde_json::from_value(bare.clone()).unwrap()).ready_replicas, 0);
        assert!(service(&serde_json::from_value(bare.clone()).unwrap()).ports.is_empty());
        assert_eq!(node(&serde_json::from_value(bare).unwrap()).ready, None);
        let empty = json!({"metadata": {}, "spec": null, "status": null});
        assert_eq!(claim(&serde_json::from_value(empty).unwrap()), Claim::default());
    }

    #[test]
    fn a_claim_tells_what_was_asked_and_what_was_given() {
        let from = json!({
            "metadata": {"name": "data-kafka-0", "namespace": "kafka", "creationTimestamp": "2026-01-02T03:04:05Z"},
            "spec": {"storageClassName": "fast", "volumeName": "pv-1", "resources": {"requests": {"storage": "10Gi"}}},
            "status": {"phase": "Bound", "capacity": {"storage": "12Gi"}},
        });
        let claim = claim(&serde_json::from_value(from).unwrap());
        assert_eq!((claim.requested_bytes, claim.capacity_bytes), (Some(10 << 30), Some(12 << 30)));
        assert_eq!(claim.meta.created_at.unwrap().to_rfc3339(), "2026-01-02T03:04:05+00:00");
        assert_eq!((claim.volume.as_deref(), claim.class.as_deref()), (Some("pv-1"), Some("fast")));
    }

    #[test]
    fn a_headless_service_has_no_address() {
        let from = json!({"metadata": {"name": "kafka"}, "spec": {
            "clusterIP": "None", "selector": {"app": "kafka"},
            "ports": [{"name": "client", "port": 9092}, {"port": 70000}, {"port": -1}],
        }});
        let service = service(&serde_json::from_value(from).unwrap());
        assert!(service.headless && service.cluster_ip.is_none());
        assert_eq!(service.ports, [ServicePort { name: "client".into(), port: 9092 }]);
    }

    #[test]
    fn a_workload_keeps_its_template_so_that_it_is_found_without_pods() {
        let from = json!({"metadata": {"name": "kafka"}, "spec": {
            "replicas": 3, "serviceName": "kafka-headless", "updateStrategy": {"type": "OnDelete"}, "selector": {},
            "template": {"metadata": {"labels": {"app": "kafka"}}, "spec": {"containers": [{"name": "kafka", "image": "k"}]}},
        }, "status": {"readyReplicas": 2, "replicas": 3}});
        let set = stateful_set(&serde_json::from_value(from).unwrap());
        assert_eq!((set.replicas, set.ready_replicas), (3, 2));
        assert_eq!(set.update_strategy.as_deref(), Some("OnDelete"));
        assert_eq!(set.containers[0].image, "k");
        assert_eq!(set.template_labels["app"], "kafka");
    }

    #[test]
    fn only_the_controlling_owner_counts() {
        let from = json!({"name": "x", "ownerReferences": [
            {"apiVersion": "v1", "kind": "ConfigMap", "name": "a", "uid": "1"},
            {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "kafka", "uid": "2", "controller": true},
        ]});
        let meta = meta(&serde_json::from_value(from).unwrap());
        assert_eq!(meta.owner, Some(Owner { kind: "StatefulSet".into(), name: "kafka".into() }));
    }
}
