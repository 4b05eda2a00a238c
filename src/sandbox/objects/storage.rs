//! Storage classes, claims and volumes; see the parent module.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::stamp;

/// Who makes the sandbox's volumes.
const PROVISIONER: &str = "sandbox/storage";

/// A claim.
#[derive(Debug, Clone)]
pub struct Claim<'a> {
    /// Namespace.
    pub namespace: &'a str,
    /// Name.
    pub name: &'a str,
    /// Labels, as those of the StatefulSet's selector.
    pub labels: &'a Value,
    /// Storage class.
    pub class: &'a str,
    /// Size, as `10Gi`.
    pub size: &'a str,
}

/// The default storage class.
pub fn storage_class(name: &str, expandable: bool) -> Value {
    json!({
        "allowVolumeExpansion": expandable,
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": name, "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
        "provisioner": PROVISIONER,
        "reclaimPolicy": "Delete",
        "volumeBindingMode": "WaitForFirstConsumer",
    })
}

/// A claim that waits for its volume.
pub fn claim(of: &Claim<'_>) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {
            "name": of.name,
            "namespace": of.namespace,
            "finalizers": ["kubernetes.io/pvc-protection"],
            "labels": of.labels,
        },
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": of.size}},
            "storageClassName": of.class,
            "volumeMode": "Filesystem",
        },
        "status": {"phase": "Pending"},
    })
}

/// The claim that a StatefulSet makes of one of its templates for the pod of an index.
pub fn claim_of(stateful_set: &Value, template: &Value, index: usize) -> Value {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let name = format!("{}-{}-{index}", text(&template["metadata"]["name"]), text(&stateful_set["metadata"]["name"]));
    let mut made = claim(&Claim {
        namespace: &text(&stateful_set["metadata"]["namespace"]),
        name: &name,
        labels: &stateful_set["spec"]["selector"]["matchLabels"],
        class: "",
        size: "",
    });
    made["spec"] = template["spec"].clone();
    made
}

/// A claim with its volume: that of the claim's uid, on the node where its pod is.
pub fn bound(mut claim: Value, node: &str) -> Value {
    let capacity = claim["spec"]["resources"]["requests"].clone();
    claim["metadata"]["annotations"] = json!({
        "pv.kubernetes.io/bind-completed": "yes",
        "pv.kubernetes.io/bound-by-controller": "yes",
        "volume.beta.kubernetes.io/storage-provisioner": PROVISIONER,
        "volume.kubernetes.io/selected-node": node,
        "volume.kubernetes.io/storage-provisioner": PROVISIONER,
    });
    claim["spec"]["volumeName"] = json!(volume_name(&claim));
    claim["status"] = json!({"accessModes": claim["spec"]["accessModes"], "capacity": capacity, "phase": "Bound"});
    claim
}

/// The volume of a claim that is bound.
pub fn volume(claim: &Value, node: &str, now: DateTime<Utc>) -> Value {
    let (meta, name) = (&claim["metadata"], volume_name(claim));
    json!({
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name, "finalizers": ["kubernetes.io/pv-protection"]},
        "spec": {
            "accessModes": claim["spec"]["accessModes"],
            "capacity": claim["spec"]["resources"]["requests"],
            "claimRef": {
                "apiVersion": "v1", "kind": "PersistentVolumeClaim", "name": meta["name"],
                "namespace": meta["namespace"], "uid": meta["uid"],
            },
            "local": {"path": format!("/var/lib/volumes/{name}")},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [
                {"key": "kubernetes.io/hostname", "operator": "In", "values": [node]},
            ]}]}},
            "persistentVolumeReclaimPolicy": "Delete",
            "storageClassName": claim["spec"]["storageClassName"],
            "volumeMode": "Filesystem",
        },
        "status": {"lastPhaseTransitionTime": stamp(now), "phase": "Bound"},
    })
}

fn volume_name(claim: &Value) -> String {
    format!("pvc-{}", claim["metadata"]["uid"].as_str().unwrap_or_default())
}
