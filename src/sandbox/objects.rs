//! The objects of a cluster with Kafka on it, as JSON in the shapes that a real API server gives.
//!
//! They are values made from a few figures; nothing here keeps or changes them. The simulation and the controllers
//! make objects with these and put them into the store. `tests/conformance.rs` holds the shapes against a cluster.

mod pod;
mod storage;
mod workload;

pub use pod::{Ended, Place, PodState, bind, pod_of, pod_status, terminate};
pub use storage::{Claim, bound, claim, claim_of, storage_class, volume};
pub use workload::{Brokers, Replicas, disruption_budget, revision, stateful_set, stateful_set_status};

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

/// A moment as objects carry it: whole seconds, in UTC.
pub fn stamp(at: DateTime<Utc>) -> Value {
    json!(at.to_rfc3339_opts(SecondsFormat::Secs, true))
}

/// True for a pod whose containers answer their probe.
pub fn is_ready(pod: &Value) -> bool {
    let mut conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
    conditions.any(|c| c["type"] == "Ready" && c["status"] == "True")
}

/// True when a pod mounts a claim of its namespace.
pub fn mounts(pod: &Value, claim: &str) -> bool {
    let mut volumes = pod["spec"]["volumes"].as_array().into_iter().flatten();
    volumes.any(|volume| volume["persistentVolumeClaim"]["claimName"] == claim)
}

/// True when a disruption budget selects a pod of its namespace.
pub fn selects(budget: &Value, pod: &Value) -> bool {
    let labels = budget["spec"]["selector"]["matchLabels"].as_object();
    labels.is_some_and(|labels| labels.iter().all(|(key, value)| pod["metadata"]["labels"][key] == *value))
}

/// A hash that is the same in every run (FNV-1a, 64 bits), going on from `seed`.
fn hashed(seed: u64, bytes: impl IntoIterator<Item = u8>) -> u64 {
    bytes.into_iter().fold(seed, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

/// What hashing begins with.
const HASH_SEED: u64 = 0xcbf2_9ce4_8422_2325;

/// A namespace.
pub fn namespace(name: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name}},
        "spec": {"finalizers": ["kubernetes"]},
        "status": {"phase": "Active"},
    })
}

/// A node and what its kubelet says of it.
#[derive(Debug, Clone)]
pub struct Node<'a> {
    /// Name, which is its host name too.
    pub name: &'a str,
    /// Zone.
    pub zone: &'a str,
    /// Address.
    pub ip: &'a str,
    /// Whether its kubelet reports that it is ready; `None` when it has not reported for a while.
    pub ready: Option<bool>,
    /// When that began.
    pub ready_since: DateTime<Utc>,
    /// When its kubelet last reported.
    pub heard: DateTime<Utc>,
    /// Whether new pods may be placed on it.
    pub schedulable: bool,
}

/// A node.
pub fn node(of: &Node<'_>) -> Value {
    let mut node = json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": of.name,
            "annotations": {
                "node.alpha.kubernetes.io/ttl": "0",
                "volumes.kubernetes.io/controller-managed-attach-detach": "true",
            },
            "labels": {
                "kubernetes.io/arch": "amd64",
                "kubernetes.io/hostname": of.name,
                "kubernetes.io/os": "linux",
                "topology.kubernetes.io/zone": of.zone,
            },
        },
        "spec": {},
        "status": {
            "addresses": [{"address": of.ip, "type": "InternalIP"}, {"address": of.name, "type": "Hostname"}],
            "allocatable": {"cpu": "4", "ephemeral-storage": "95070984742", "memory": "16281396Ki", "pods": "110"},
            "capacity": {"cpu": "4", "ephemeral-storage": "103156236Ki", "memory": "16383796Ki", "pods": "110"},
            "conditions": node_conditions(of),
            "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
            "images": [{"names": ["docker.io/apache/kafka:4.1.2"], "sizeBytes": 140_544_701}],
            "nodeInfo": {
                "architecture": "amd64", "bootID": "7f6e2c1a-0000-4000-8000-000000000001",
                "containerRuntimeVersion": "containerd://2.1.4", "kernelVersion": "6.12.0",
                "kubeProxyVersion": "", "kubeletVersion": "v1.34.4", "machineID": "7f6e2c1a000040008000000000000001",
                "operatingSystem": "linux", "osImage": "Debian GNU/Linux 13 (trixie)",
                "systemUUID": "7f6e2c1a000040008000000000000001",
            },
        },
    });
    let mut taints = Vec::new();
    if !of.schedulable {
        node["spec"]["unschedulable"] = json!(true);
        taints.push(json!({"effect": "NoSchedule", "key": "node.kubernetes.io/unschedulable"}));
    }
    let trouble = match of.ready {
        Some(true) => None,
        Some(false) => Some("node.kubernetes.io/not-ready"),
        None => Some("node.kubernetes.io/unreachable"),
    };
    for effect in ["NoSchedule", "NoExecute"] {
        if let Some(key) = trouble {
            taints.push(json!({"effect": effect, "key": key, "timeAdded": stamp(of.ready_since)}));
        }
    }
    if !taints.is_empty() {
        node["spec"]["taints"] = json!(taints);
    }
    node
}

/// A node's conditions; all of them are unknown once its kubelet is silent.
fn node_conditions(of: &Node<'_>) -> Value {
    let silent = of.ready.is_none();
    let condition = |kind: &str, status: &str, reason: &str, message: &str| {
        let (status, reason, message) = if silent {
            ("Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status.")
        } else {
            (status, reason, message)
        };
        json!({
            "lastHeartbeatTime": stamp(of.heard), "lastTransitionTime": stamp(of.ready_since),
            "message": message, "reason": reason, "status": status, "type": kind,
        })
    };
    let ready = if of.ready == Some(false) {
        condition("Ready", "False", "KubeletNotReady", "container runtime is down")
    } else {
        condition("Ready", "True", "KubeletReady", "kubelet is posting ready status")
    };
    json!([
        condition("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
        condition("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
        condition("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
        ready,
    ])
}

/// A service: headless without an address, else `ClusterIP`. Ports are name, port and, where it differs, the name of
/// the container's port.
pub fn service(
    namespace: &str,
    name: &str,
    address: Option<&str>,
    selector: &Value,
    ports: &[(&str, u16, Option<&str>)],
) -> Value {
    let address_text = address.unwrap_or("None");
    let ports: Vec<Value> = ports
        .iter()
        .map(|(name, port, target)| {
            let target = target.map_or_else(|| json!(port), |target| json!(target));
            json!({"name": name, "port": port, "protocol": "TCP", "targetPort": target})
        })
        .collect();
    let mut service = json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace, "labels": selector},
        "spec": {
            "clusterIP": address_text,
            "clusterIPs": [address_text],
            "internalTrafficPolicy": "Cluster",
            "ipFamilies": ["IPv4"],
            "ipFamilyPolicy": "SingleStack",
            "ports": ports,
            "selector": selector,
            "sessionAffinity": "None",
            "type": "ClusterIP",
        },
        "status": {"loadBalancer": {}},
    });
    if address.is_none() {
        service["spec"]["publishNotReadyAddresses"] = json!(true);
    }
    service
}

/// A PrometheusRule with one group of alerts, each as its kind's documentation has them.
pub fn prometheus_rule(namespace: &str, name: &str, group: &str, rules: &[Value]) -> Value {
    json!({
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": name, "namespace": namespace, "labels": {"role": "alert-rules"}},
        "spec": {"groups": [{"name": group, "rules": rules}]},
    })
}

/// An event about an object. `number` makes its name one of its own.
pub fn event(
    about: &Value,
    kind: &str,
    reason: &str,
    message: &str,
    source: &str,
    number: u64,
    at: DateTime<Utc>,
) -> Value {
    let meta = &about["metadata"];
    let name = meta["name"].as_str().unwrap_or_default();
    let namespace = meta["namespace"].as_str().unwrap_or("default");
    json!({
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": format!("{name}.{number:016x}"), "namespace": namespace},
        "count": 1,
        "eventTime": null,
        "firstTimestamp": stamp(at),
        "involvedObject": {
            "apiVersion": about["apiVersion"], "kind": about["kind"], "name": name, "namespace": namespace,
            "resourceVersion": meta["resourceVersion"], "uid": meta["uid"],
        },
        "lastTimestamp": stamp(at),
        "message": message,
        "reason": reason,
        "reportingComponent": source,
        "reportingInstance": "",
        "source": {"component": source},
        "type": kind,
    })
}

#[cfg(test)]
mod tests;
