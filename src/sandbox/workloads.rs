//! The controllers of StatefulSets and claims: pods and volumes come and go as their owners say.
//!
//! It works on the store alone, as the real ones do, so that whoever writes there (a client, the script) is
//! obeyed. What runs inside pods is `kubelet`'s.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{
    events::{self, Note},
    objects::{self, Replicas, revision, stamp},
    store::Store,
};

/// Controllers of one namespace.
pub struct Workloads {
    store: Arc<Store>,
    namespace: String,
}

impl Workloads {
    /// Controllers of a namespace.
    pub fn new(store: Arc<Store>, namespace: &str) -> Self {
        Self { store, namespace: namespace.to_owned() }
    }

    /// Brings what there is one step nearer to what is wanted.
    pub fn step(&self, now: DateTime<Utc>) {
        for set in self.store.list("statefulsets", Some(&self.namespace)).0 {
            self.claims(&set, now);
            self.pods(&set, now);
            self.status(&set);
        }
        self.budgets();
        self.leavings();
    }

    /// Disruption budgets count the pods that they select.
    fn budgets(&self) {
        let pods = self.store.list("pods", Some(&self.namespace)).0;
        for budget in self.store.list("poddisruptionbudgets", Some(&self.namespace)).0 {
            let healthy = pods.iter().filter(|pod| objects::selects(&budget, pod) && is_ready(pod)).count();
            let name = budget["metadata"]["name"].as_str().unwrap_or_default();
            self.store.change("poddisruptionbudgets", &self.namespace, name, |budget| {
                let status = &mut budget["status"];
                let desired = status["desiredHealthy"].as_u64().unwrap_or_default() as usize;
                status["currentHealthy"] = json!(healthy);
                status["disruptionsAllowed"] = json!(healthy.saturating_sub(desired));
            });
        }
    }

    /// Claims that were deleted while a pod used them go when it has gone.
    fn leavings(&self) {
        let pods = self.store.list("pods", Some(&self.namespace)).0;
        for claim in self.store.list("persistentvolumeclaims", Some(&self.namespace)).0 {
            let name = claim["metadata"]["name"].as_str().unwrap_or_default();
            let used = || pods.iter().any(|pod| objects::mounts(pod, name));
            if claim["metadata"]["deletionTimestamp"].is_string() && !used() {
                self.store.remove("persistentvolumeclaims", &self.namespace, name);
            }
        }
    }

    /// Pods of a StatefulSet by index, as they stand in the store.
    fn pods_of(&self, set: &Value) -> Vec<(usize, Arc<Value>)> {
        let pods = self.store.list("pods", Some(&self.namespace)).0.into_iter();
        let owned = pods.filter(|pod| pod["metadata"]["ownerReferences"][0]["uid"] == set["metadata"]["uid"]);
        let mut pods: Vec<(usize, Arc<Value>)> = owned.filter_map(|pod| Some((index_of(&pod)?, pod))).collect();
        pods.sort_by_key(|(index, _)| *index);
        pods
    }

    fn pods(&self, set: &Value, now: DateTime<Utc>) {
        let wanted = replicas_of(set);
        let pods = self.pods_of(set);
        for index in (0..wanted).filter(|index| pods.iter().all(|(i, _)| i != index)) {
            let mut pod = objects::pod_of(set, index);
            pod["metadata"]["creationTimestamp"] = stamp(now);
            self.say(set, "SuccessfulCreate", &format!("create Pod {} {}", name_of(&pod), successful(set)), now);
            self.store.put("pods", pod);
        }
        for (_, pod) in pods.iter().filter(|(index, _)| *index >= wanted) {
            self.delete(set, pod, now);
        }
        if set["spec"]["updateStrategy"]["type"] == "RollingUpdate" {
            self.roll(set, &pods, now);
        }
    }

    /// Replaces the highest pod of an older revision, one at a time, once the others are ready.
    fn roll(&self, set: &Value, pods: &[(usize, Arc<Value>)], now: DateTime<Utc>) {
        let newest = revision(set);
        let partition = set["spec"]["updateStrategy"]["rollingUpdate"]["partition"].as_u64().unwrap_or(0) as usize;
        let old = |pod: &Value| pod["metadata"]["labels"]["controller-revision-hash"] != json!(newest);
        if pods.len() < replicas_of(set) || !pods.iter().all(|(_, pod)| is_ready(pod)) {
            return;
        }
        if let Some((_, pod)) = pods.iter().rev().find(|(index, pod)| *index >= partition && old(pod)) {
            self.delete(set, pod, now);
        }
    }

    /// Deletes a pod gracefully, once.
    fn delete(&self, set: &Value, pod: &Value, now: DateTime<Utc>) {
        if pod["metadata"]["deletionTimestamp"].is_null() {
            let grace = pod["spec"]["terminationGracePeriodSeconds"].as_i64().unwrap_or(30);
            let name = name_of(pod);
            self.say(set, "SuccessfulDelete", &format!("delete Pod {name} {}", successful(set)), now);
            self.store.change("pods", &self.namespace, name, |pod| objects::terminate(pod, grace, now));
        }
    }

    /// Claims of the pods there are to be; a claim is bound once its pod has a node, and grows when more is asked.
    fn claims(&self, set: &Value, now: DateTime<Utc>) {
        let pods = self.pods_of(set);
        for template in set["spec"]["volumeClaimTemplates"].as_array().into_iter().flatten() {
            for index in 0..replicas_of(set) {
                let mut claim = objects::claim_of(set, template, index);
                let name = claim["metadata"]["name"].as_str().unwrap_or_default().to_owned();
                let Some(present) = self.store.get("persistentvolumeclaims", &self.namespace, &name) else {
                    claim["metadata"]["creationTimestamp"] = stamp(now);
                    let owner = format!("in StatefulSet {} success", name_of(set));
                    let message = format!("create Claim {name} Pod {}-{index} {owner}", name_of(set));
                    self.say(set, "SuccessfulCreate", &message, now);
                    self.store.put("persistentvolumeclaims", claim);
                    continue;
                };
                let node = pods.iter().find(|(i, _)| *i == index).and_then(|(_, p)| p["spec"]["nodeName"].as_str());
                if present["status"]["phase"] != "Bound" {
                    if let Some(node) = node {
                        let bound = objects::bound(Value::clone(&present), node);
                        self.store.put("persistentvolumes", objects::volume(&bound, node, now));
                        self.store.put("persistentvolumeclaims", bound);
                    }
                } else if present["spec"]["resources"]["requests"] != present["status"]["capacity"] {
                    self.store.change("persistentvolumeclaims", &self.namespace, &name, |claim| {
                        claim["status"]["capacity"] = claim["spec"]["resources"]["requests"].clone();
                    });
                    self.resized(&present, node.unwrap_or_default(), now);
                }
            }
        }
    }

    /// The kubelet has made a claim's filesystem as large as its volume.
    fn resized(&self, claim: &Value, node: &str, now: DateTime<Utc>) {
        let volume = claim["spec"]["volumeName"].as_str().unwrap_or_default();
        let message = format!("MountVolume.NodeExpandVolume succeeded for volume \"{volume}\" {node}");
        let reason = "FileSystemResizeSuccessful";
        let told = Note { warning: false, reason, message: &message, source: "kubelet" };
        events::say(&self.store, claim, told, now);
    }

    fn say(&self, set: &Value, reason: &str, message: &str, now: DateTime<Utc>) {
        let note = Note { warning: false, reason, message, source: "statefulset-controller" };
        events::say(&self.store, set, note, now);
    }

    fn status(&self, set: &Value) {
        let pods = self.pods_of(set);
        let newest = revision(set);
        let of = |revision: &str| {
            let label = json!(revision);
            pods.iter().filter(|(_, p)| p["metadata"]["labels"]["controller-revision-hash"] == label).count()
        };
        let ready = pods.iter().filter(|(_, pod)| is_ready(pod)).count();
        let before = set["status"]["currentRevision"].as_str().unwrap_or(&newest).to_owned();
        let updated = of(&newest);
        // A roll is over when every pod is of the newest revision: that is the current one from then on.
        let current = if updated == pods.len() && ready == replicas_of(set) { newest.clone() } else { before };
        let counts = Replicas { all: pods.len(), ready, current: of(&current), updated };
        let name = set["metadata"]["name"].as_str().unwrap_or_default();
        self.store.change("statefulsets", &self.namespace, name, |set| {
            set["status"] = objects::stateful_set_status(set, counts, &current, &newest);
        });
    }
}

fn name_of(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap_or_default()
}

/// How the controller ends the sentence of what it did to a pod.
fn successful(set: &Value) -> String {
    format!("in StatefulSet {} successful", name_of(set))
}

/// How many pods a StatefulSet wants.
fn replicas_of(set: &Value) -> usize {
    set["spec"]["replicas"].as_u64().unwrap_or(1) as usize
}

/// The index of a StatefulSet's pod.
pub fn index_of(pod: &Value) -> Option<usize> {
    pod["metadata"]["labels"]["apps.kubernetes.io/pod-index"].as_str()?.parse().ok()
}

/// True for a pod that is ready and stays.
fn is_ready(pod: &Value) -> bool {
    pod["metadata"]["deletionTimestamp"].is_null() && objects::is_ready(pod)
}
