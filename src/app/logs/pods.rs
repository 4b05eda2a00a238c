//! The picker of containers whose logs are followed: everything that runs for an installation.

use std::{collections::BTreeMap, sync::Arc};

use super::LogTarget;
use crate::domain::{
    ids::ObjectKey,
    installation::{BrokerPod, Installation},
    kubernetes::{ContainerState, Pod},
};

/// The label by which Strimzi marks what it makes for a cluster.
const STRIMZI_CLUSTER: &str = "strimzi.io/cluster";

/// A container that can be followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodRow {
    /// The container.
    pub target: LogTarget,
    /// What its pod is: `broker`, `controller`, `Connect worker`, `operator`, `ZooKeeper`, or `beside it`.
    pub role: &'static str,
    /// What it does, where it does not run: `waits`, `ended`; or that its pod is gone.
    pub state: &'static str,
    /// It is to be followed.
    pub chosen: bool,
}

/// The picker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodsPicker {
    /// What can be followed.
    pub rows: Vec<PodRow>,
    /// The row under the cursor.
    pub at: usize,
}

impl PodsPicker {
    /// Everything of an installation, and what is followed already.
    pub fn new(
        pods: &BTreeMap<ObjectKey, Arc<Pod>>,
        installation: Option<&Installation>,
        followed: &[LogTarget],
    ) -> Self {
        let mut rows: Vec<PodRow> = Vec::new();
        let mut add = |key: &ObjectKey, first: Option<&str>, role: &'static str| {
            for (container, state) in containers(pods.get(key).map(Arc::as_ref), first) {
                let target = LogTarget { pod: key.clone(), container };
                if !rows.iter().any(|row| row.target == target) {
                    rows.push(PodRow { chosen: followed.contains(&target), target, role, state });
                }
            }
        };
        if let Some(installation) = installation {
            let of_node = |b: &BrokerPod| (b.pod.clone(), b.container.clone());
            for (role, nodes) in [("broker", &installation.brokers), ("controller", &installation.controllers)] {
                nodes.iter().map(of_node).for_each(|(pod, container)| add(&pod, Some(&container), role));
            }
            installation.ensemble.iter().flat_map(|e| &e.pods).for_each(|pod| add(pod, None, "ZooKeeper"));
            for worker in installation.connect.iter().flat_map(|c| &c.workers) {
                add(&worker.at.pod, Some(&worker.container), "Connect worker");
            }
            for (key, pod) in pods.iter().filter(|(_, pod)| is_beside(pod, installation)) {
                add(key, None, if is_operator(pod, installation) { "operator" } else { "beside it" });
            }
        }
        followed.iter().for_each(|target| add(&target.pod, Some(&target.container), "followed"));
        let at = rows.iter().position(|row| row.chosen).unwrap_or_default();
        Self { rows, at }
    }

    /// Takes the row under the cursor in, or leaves it out.
    pub fn toggle(&mut self) {
        if let Some(row) = self.rows.get_mut(self.at) {
            row.chosen = !row.chosen;
        }
    }

    /// What is to be followed: what was taken in, else the row under the cursor.
    pub fn chosen(&self) -> Vec<LogTarget> {
        let chosen: Vec<LogTarget> = self.rows.iter().filter(|r| r.chosen).map(|r| r.target.clone()).collect();
        if chosen.is_empty() { self.rows.get(self.at).map(|r| r.target.clone()).into_iter().collect() } else { chosen }
    }
}

/// Containers of a pod, the one that matters first; that one alone while the pod is not in sight.
fn containers(pod: Option<&Pod>, first: Option<&str>) -> Vec<(String, &'static str)> {
    let Some(pod) = pod else {
        return first.map(|name| (name.to_owned(), "not in sight")).into_iter().collect();
    };
    let init = pod.init_containers.iter().filter(|c| !matches!(c.state, ContainerState::Terminated(_)));
    let mut all: Vec<_> = pod.containers.iter().chain(init).collect();
    all.sort_by_key(|c| Some(c.name.as_str()) != first);
    let state = |state: &ContainerState| match state {
        ContainerState::Running { .. } => "",
        ContainerState::Terminated(_) => "ended",
        _ => "waits",
    };
    all.into_iter().map(|c| (c.name.clone(), state(&c.state))).collect()
}

/// A pod of the operator, or one that the operator made for the same cluster.
fn is_beside(pod: &Pod, installation: &Installation) -> bool {
    let same = pod.meta.namespace == installation.id.namespace
        && pod.meta.labels.get(STRIMZI_CLUSTER) == Some(&installation.id.name);
    same || is_operator(pod, installation)
}

fn is_operator(pod: &Pod, installation: &Installation) -> bool {
    let Some(operator) = &installation.operator else { return false };
    let deployment = &operator.deployment;
    // A Deployment's pods are owned by a ReplicaSet of its name and a hash.
    let owner = pod.meta.owner.as_ref().and_then(|o| o.name.rsplit_once('-')).map(|(name, _)| name);
    pod.meta.namespace == deployment.namespace && owner == Some(deployment.name.as_str())
}
