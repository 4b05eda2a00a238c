//! Pods of a StatefulSet and what their kubelet says of them; see the parent module.

use std::fmt::Write as _;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value, json};

use super::{HASH_SEED, hashed, revision, stamp};

/// Where a pod is.
#[derive(Debug, Clone)]
pub struct Place<'a> {
    /// Address of its node.
    pub node_ip: &'a str,
    /// Its own address, once its sandbox is made.
    pub pod_ip: Option<&'a str>,
    /// When it was placed and its kubelet took it up.
    pub since: DateTime<Utc>,
}

/// How a container ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Exit code.
    pub code: i32,
    /// `Error`, `OOMKilled`, `Completed`.
    pub reason: String,
    /// When it had started.
    pub started: DateTime<Utc>,
    /// When it ended.
    pub finished: DateTime<Utc>,
}

/// What a pod's containers do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PodState {
    /// No node takes it; in the scheduler's words.
    Unschedulable {
        /// As `0/3 nodes are available: …`.
        message: String,
        /// When the scheduler first said so.
        since: DateTime<Utc>,
    },
    /// Its sandbox is being made, or its volume mounted.
    Creating,
    /// Its image does not come.
    Pulling {
        /// `ErrImagePull` or `ImagePullBackOff`.
        reason: String,
        /// The kubelet's words.
        message: String,
    },
    /// They run.
    Running {
        /// Since.
        since: DateTime<Utc>,
        /// Whether they answer their probe, and since when that is so.
        ready: (bool, DateTime<Utc>),
        /// How often they were started again.
        restarts: u32,
        /// How the run before ended.
        last: Option<Ended>,
    },
    /// They have ended and will be started again at once.
    Exited {
        /// How.
        ended: Ended,
        /// How often they were started again.
        restarts: u32,
        /// How the run before ended.
        last: Option<Ended>,
    },
    /// They end again and again, and wait to be started.
    CrashLoop {
        /// How the last run ended.
        last: Ended,
        /// How often they were started again.
        restarts: u32,
        /// Seconds of the wait.
        wait_s: u32,
    },
}

/// The pod of an index as its StatefulSet makes it: of its template, on no node, with no status but `Pending`.
pub fn pod_of(stateful_set: &Value, index: usize) -> Value {
    let meta = &stateful_set["metadata"];
    let set = meta["name"].as_str().unwrap_or_default();
    let (name, template) = (format!("{set}-{index}"), &stateful_set["spec"]["template"]);
    let mut labels = template["metadata"]["labels"].as_object().cloned().unwrap_or_default();
    labels.insert("apps.kubernetes.io/pod-index".to_owned(), json!(index.to_string()));
    labels.insert("controller-revision-hash".to_owned(), json!(revision(stateful_set)));
    labels.insert("statefulset.kubernetes.io/pod-name".to_owned(), json!(name));
    let mut metadata = json!({
        "generateName": format!("{set}-"),
        "labels": labels,
        "name": name,
        "namespace": meta["namespace"],
        "ownerReferences": [{
            "apiVersion": "apps/v1", "blockOwnerDeletion": true, "controller": true, "kind": "StatefulSet",
            "name": set, "uid": meta["uid"],
        }],
    });
    if let Some(annotations) = template["metadata"].get("annotations") {
        metadata["annotations"] = annotations.clone();
    }
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": spec(stateful_set, &name, index),
        "status": {"phase": "Pending", "qosClass": "Burstable"},
    })
}

/// The template's spec with what admission and the StatefulSet add.
fn spec(stateful_set: &Value, name: &str, index: usize) -> Value {
    let set = stateful_set["metadata"]["name"].as_str().unwrap_or_default();
    let mut spec = stateful_set["spec"]["template"]["spec"].clone();
    let tokens = "kube-api-access-7x2kq";
    let mut volumes = spec["volumes"].as_array().cloned().unwrap_or_default();
    for claim in stateful_set["spec"]["volumeClaimTemplates"].as_array().into_iter().flatten() {
        let volume = claim["metadata"]["name"].as_str().unwrap_or_default();
        let claim = format!("{volume}-{set}-{index}");
        volumes.push(json!({"name": volume, "persistentVolumeClaim": {"claimName": claim}}));
    }
    volumes.push(json!({"name": tokens, "projected": {"defaultMode": 420, "sources": [
        {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
        {"configMap": {"items": [{"key": "ca.crt", "path": "ca.crt"}], "name": "kube-root-ca.crt"}},
        {"downwardAPI": {"items": [
            {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}, "path": "namespace"},
        ]}},
    ]}}));
    let mount = json!({
        "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount", "name": tokens, "readOnly": true,
    });
    for container in spec["containers"].as_array_mut().into_iter().flatten() {
        match container["volumeMounts"].as_array_mut() {
            Some(mounts) => mounts.push(mount.clone()),
            None => container["volumeMounts"] = json!([mount]),
        }
    }
    let tolerated =
        |key: &str| json!({"effect": "NoExecute", "key": key, "operator": "Exists", "tolerationSeconds": 300});
    let added = json!({
        "enableServiceLinks": true,
        "hostname": name,
        "preemptionPolicy": "PreemptLowerPriority",
        "priority": 0,
        "serviceAccount": "default",
        "serviceAccountName": "default",
        "subdomain": stateful_set["spec"]["serviceName"],
        "tolerations": [tolerated("node.kubernetes.io/not-ready"), tolerated("node.kubernetes.io/unreachable")],
        "volumes": volumes,
    });
    for (field, value) in added.as_object().into_iter().flatten() {
        spec[field] = value.clone();
    }
    spec
}

/// Places a pod on a node, as the scheduler does.
pub fn bind(pod: &mut Value, node: &str) {
    pod["spec"]["nodeName"] = json!(node);
}

/// Marks a pod as being deleted, as the API server does: its kubelet ends it within the grace period.
pub fn terminate(pod: &mut Value, grace_s: i64, now: DateTime<Utc>) {
    pod["metadata"]["deletionTimestamp"] = stamp(now + TimeDelta::seconds(grace_s));
    pod["metadata"]["deletionGracePeriodSeconds"] = json!(grace_s);
}

/// The status of a pod, whose containers all do the same.
pub fn pod_status(pod: &Value, state: &PodState, place: &Place<'_>) -> Value {
    if let PodState::Unschedulable { message, since } = state {
        let condition = json!({
            "lastProbeTime": null, "lastTransitionTime": stamp(*since), "message": message, "observedGeneration": 1,
            "reason": "Unschedulable", "status": "False", "type": "PodScheduled",
        });
        return json!({"conditions": [condition], "phase": "Pending", "qosClass": "Burstable"});
    }
    let phase = match state {
        PodState::Creating | PodState::Pulling { .. } | PodState::Unschedulable { .. } => "Pending",
        _ => "Running",
    };
    let containers = pod["spec"]["containers"].as_array().into_iter().flatten();
    let statuses: Vec<Value> = containers.map(|c| container_status(pod, c, state)).collect();
    let mut status = json!({
        "conditions": conditions(pod, state, place),
        "containerStatuses": statuses,
        "hostIP": place.node_ip,
        "hostIPs": [{"ip": place.node_ip}],
        "observedGeneration": pod["metadata"].get("generation").cloned().unwrap_or(json!(1)),
        "phase": phase,
        "qosClass": "Burstable",
        "startTime": stamp(place.since),
    });
    if let Some(ip) = place.pod_ip {
        status["podIP"] = json!(ip);
        status["podIPs"] = json!([{"ip": ip}]);
    }
    status
}

fn conditions(pod: &Value, state: &PodState, place: &Place<'_>) -> Value {
    let (ready, changed) = match state {
        PodState::Running { ready, .. } => *ready,
        PodState::Exited { ended, .. } => (false, ended.finished),
        PodState::CrashLoop { last, .. } => (false, last.finished),
        _ => (false, place.since),
    };
    let plain = |kind: &str, yes: bool, at: DateTime<Utc>| {
        json!({
            "lastProbeTime": null, "lastTransitionTime": stamp(at), "observedGeneration": 1,
            "status": if yes { "True" } else { "False" }, "type": kind,
        })
    };
    let readiness = |kind: &str| {
        let mut condition = plain(kind, ready, changed);
        if !ready {
            let names: Vec<&str> =
                pod["spec"]["containers"].as_array().into_iter().flatten().filter_map(|c| c["name"].as_str()).collect();
            condition["reason"] = json!("ContainersNotReady");
            condition["message"] = json!(format!("containers with unready status: [{}]", names.join(" ")));
        }
        condition
    };
    json!([
        plain("PodReadyToStartContainers", place.pod_ip.is_some(), place.since),
        plain("Initialized", true, place.since),
        readiness("Ready"),
        readiness("ContainersReady"),
        plain("PodScheduled", true, place.since),
    ])
}

fn container_status(pod: &Value, container: &Value, state: &PodState) -> Value {
    let name = container["name"].as_str().unwrap_or_default();
    let id = |run: u32| container_id(pod, name, run);
    let (now, last, restarts) = match state {
        PodState::Unschedulable { .. } | PodState::Creating => {
            (json!({"waiting": {"reason": "ContainerCreating"}}), None, 0)
        }
        PodState::Pulling { reason, message } => (json!({"waiting": {"message": message, "reason": reason}}), None, 0),
        PodState::Running { since, restarts, last, .. } => {
            (json!({"running": {"startedAt": stamp(*since)}}), last.as_ref(), *restarts)
        }
        PodState::Exited { ended, restarts, last } => (terminated(ended, &id(*restarts)), last.as_ref(), *restarts),
        PodState::CrashLoop { last, restarts, wait_s } => {
            let waiting = json!({"message": back_off(pod, name, *wait_s), "reason": "CrashLoopBackOff"});
            (json!({"waiting": waiting}), Some(last), *restarts)
        }
    };
    let (ran, runs) = match state {
        PodState::Running { ready: (ready, _), .. } => (true, Some(*ready)),
        PodState::Exited { .. } | PodState::CrashLoop { .. } => (true, None),
        _ => (false, None),
    };
    let last = match (last, state) {
        (Some(ended), PodState::CrashLoop { .. }) => terminated(ended, &id(restarts)),
        (Some(ended), _) => terminated(ended, &id(restarts.saturating_sub(1))),
        (None, _) => json!({}),
    };
    let mut status = Map::new();
    let mut set = |field: &str, value: Value| status.insert(field.to_owned(), value);
    if ran {
        set("allocatedResources", container["resources"]["requests"].clone());
        set("containerID", json!(id(restarts)));
    }
    let digest = "sha256:5c1d0e0b7a6f44b8a4f5d3c2b1a09f8e7d6c5b4a39281706f5e4d3c2b1a09f8e";
    set("image", container["image"].clone());
    set("imageID", json!(if ran { digest } else { "" }));
    set("lastState", last);
    set("name", json!(name));
    set("ready", json!(runs == Some(true)));
    if ran {
        set("resources", container["resources"].clone());
    }
    set("restartCount", json!(restarts));
    set("started", json!(runs.is_some()));
    set("state", now);
    set("volumeMounts", mounts(container));
    Value::Object(status)
}

/// Mounts as a status names them.
fn mounts(container: &Value) -> Value {
    let mounts = container["volumeMounts"].as_array().into_iter().flatten().map(|mount| {
        let mut mount = mount.clone();
        if mount["readOnly"] == json!(true) {
            mount["recursiveReadOnly"] = json!("Disabled");
        }
        mount
    });
    mounts.collect()
}

fn terminated(ended: &Ended, id: &str) -> Value {
    json!({"terminated": {
        "containerID": id,
        "exitCode": ended.code,
        "finishedAt": stamp(ended.finished),
        "reason": ended.reason,
        "startedAt": stamp(ended.started),
    }})
}

fn back_off(pod: &Value, container: &str, wait_s: u32) -> String {
    let text = |field: &str| pod["metadata"][field].as_str().unwrap_or_default().to_owned();
    let wait = match (wait_s / 60, wait_s % 60) {
        (0, seconds) => format!("{seconds}s"),
        (minutes, seconds) => format!("{minutes}m{seconds}s"),
    };
    let (name, namespace, uid) = (text("name"), text("namespace"), text("uid"));
    format!("back-off {wait} restarting failed container={container} pod={name}_{namespace}({uid})")
}

/// An id for each run of a container, as long as real ones.
fn container_id(pod: &Value, container: &str, run: u32) -> String {
    let seed = format!("{}/{container}/{run}", pod["metadata"]["uid"].as_str().unwrap_or_default());
    let mut hash = HASH_SEED;
    let mut id = String::from("containerd://");
    for part in 0..4_u8 {
        hash = hashed(hash, seed.bytes().chain([part]));
        let _ = write!(id, "{hash:016x}");
    }
    id
}
