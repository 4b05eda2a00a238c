//! Brokers: pod and Kafka joined by node id.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::domain::{
    broker::Contact,
    freshness::{Asked, Kind, SourceState},
    ids::BrokerId,
    installation::BrokerPod,
    kubernetes::Pod,
};

use super::{
    Reading,
    census::Share,
    metrics::BrokerMetrics,
    pods,
    storage::{Usage, broker_usage},
};

/// One broker, as a row.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BrokerRow {
    /// Node id; `None` for a pod whose id is not known yet.
    pub id: Option<BrokerId>,
    /// Its pod; `None` when no pod of the installation is this broker.
    pub pod: Option<String>,
    /// Node of the pod.
    pub node: Option<String>,
    /// Zone of the node, or the broker's rack.
    pub zone: Option<String>,
    /// `broker`, `controller`, as far as the pod's configuration tells.
    pub roles: Vec<String>,
    /// Whether it leads the quorum, and so is the active controller; `None` while that is not known.
    pub active_controller: Option<bool>,
    /// Pod Ready, answering and unfenced; `None` when that cannot be seen.
    pub ready: Option<bool>,
    /// The pod's state, or why the broker is not ready, in a word or two.
    pub state: String,
    /// The reason behind the state, in the words of whoever gave it.
    pub reason: Option<String>,
    /// Restarts of the pod's containers.
    pub restarts: Option<u32>,
    /// Reason of the latest restart.
    pub restart_reason: Option<String>,
    /// When the container had ended before the latest restart.
    pub restarted_at: Option<DateTime<Utc>>,
    /// When the pod was created.
    pub created_at: Option<DateTime<Utc>>,
    /// Partitions it leads.
    pub leaders: Option<u32>,
    /// Replicas assigned to it.
    pub replicas: Option<u32>,
    /// Partitions that are under-replicated because this broker is not in their ISR.
    pub under_replicated: Option<u32>,
    /// Bytes used on its volume.
    pub disk_bytes: Option<u64>,
    /// The same in percent of the volume.
    pub disk_percent: Option<u8>,
    /// Thousandths of a CPU that its container may have; `None` is no limit, or an unseen pod.
    pub cpu_limit_millis: Option<u64>,
    /// Bytes of memory that its container may have; `None` is no limit, or an unseen pod.
    pub memory_limit_bytes: Option<u64>,
    /// What it tells on its metrics port; `None` before it told anything.
    pub metrics: Option<BrokerMetrics>,
    /// Whether it may be restarted now, as the gates of a restart say; `None` while that cannot be told.
    pub restart_safe: Option<bool>,
    /// Why it may not, or why that cannot be told: a word, a colon, and the rest.
    pub restart_why: Option<String>,
}

impl Reading<'_> {
    /// All brokers: those with a pod, those that are registered, and those that only own replicas.
    pub fn brokers(&self) -> Vec<BrokerRow> {
        let census = self.census();
        let shares = &census.shares;
        let silent = self.silent();
        let pods = self.pods_by_id();
        let mut ids: BTreeSet<BrokerId> = pods.keys().copied().collect();
        if let Some(kafka) = self.kafka() {
            ids.extend(kafka.advertised.keys());
        }
        ids.extend(shares.keys());
        let mut rows: Vec<BrokerRow> =
            ids.into_iter().map(|id| self.broker_row(Some(id), pods.get(&id).copied(), shares, &silent)).collect();
        let named: BTreeSet<_> = pods.values().map(|b| &b.pod).collect();
        let nameless = self.installation.brokers.iter().filter(|b| !named.contains(&b.pod));
        rows.extend(nameless.map(|b| self.broker_row(None, Some(b), shares, &silent)));
        rows
    }

    /// Broker pods by node id: by advertised address first, else by what the pod itself tells.
    pub fn pods_by_id(&self) -> BTreeMap<BrokerId, &BrokerPod> {
        let mut by_id = BTreeMap::new();
        let advertised: Vec<_> = self.kafka().into_iter().flat_map(|k| k.advertised.values()).collect();
        for (id, to) in self.book.places(&advertised) {
            if let Ok(to) = to
                && let Some(pod) = self.installation.brokers.iter().find(|b| b.pod == to.pod)
            {
                by_id.insert(id, pod);
            }
        }
        for pod in &self.installation.brokers {
            let taken = by_id.values().any(|b: &&BrokerPod| b.pod == pod.pod);
            if let (Some(id), false) = (pod.id_hint, taken) {
                by_id.entry(id).or_insert(pod);
            }
        }
        by_id
    }

    fn broker_row(
        &self,
        id: Option<BrokerId>,
        broker: Option<&BrokerPod>,
        shares: &BTreeMap<BrokerId, Share>,
        silent: &BTreeSet<BrokerId>,
    ) -> BrokerRow {
        let pod = broker.and_then(|b| self.world.kube.pods.get(&b.pod));
        let known = self.kafka().filter(|k| k.metadata_at.is_some());
        let share = known.and(id).map(|id| shares.get(&id).cloned().unwrap_or_default());
        let (ready, state, reason) = self.readiness(id, pod, silent);
        let restarts = pod.map(|p| pods::restarts(p));
        let usage = id.map_or_else(Usage::unknown, |id| broker_usage(self, id, broker));
        let node = pod.and_then(|p| p.node.clone());
        let container = pod.zip(broker).and_then(|(pod, b)| pod.containers.iter().find(|c| c.name == b.container));
        let limits = container.map(|container| container.limits).unwrap_or_default();
        BrokerRow {
            id,
            pod: broker.map(|b| b.pod.name.clone()),
            zone: self.zone(id, node.as_deref()),
            node,
            roles: roles(pod, broker),
            active_controller: self.active_controller().zip(id).map(|(leader, id)| leader == id),
            ready,
            state,
            reason,
            restarts: restarts.as_ref().map(|r| r.count),
            restart_reason: restarts.as_ref().and_then(|r| r.reason.clone()),
            restarted_at: restarts.and_then(|r| r.at),
            created_at: pod.and_then(|p| p.meta.created_at),
            leaders: share.as_ref().map(|s| s.leaders as u32),
            replicas: share.as_ref().map(|s| s.replicas as u32),
            under_replicated: share.map(|s| s.missing as u32),
            disk_bytes: usage.used_bytes,
            disk_percent: usage.percent(),
            cpu_limit_millis: limits.cpu_millis,
            memory_limit_bytes: limits.memory_bytes,
            metrics: id.and_then(|id| self.metrics(id)),
            restart_safe: None,
            restart_why: None,
        }
    }

    /// Ready, the state in words, and the reason behind it.
    fn readiness(
        &self,
        id: Option<BrokerId>,
        pod: Option<&Arc<Pod>>,
        silent: &BTreeSet<BrokerId>,
    ) -> (Option<bool>, String, Option<String>) {
        let Some(pod) = pod else {
            if self.watch(Kind::Pods).as_of.is_none() {
                return (None, "unseen".to_owned(), Some("pods cannot be listed".to_owned()));
            }
            return (Some(false), "no pod".to_owned(), Some("no pod of this installation is this broker".to_owned()));
        };
        let state = pods::state(pod);
        if pods::is_unheard(pod) {
            return (None, state.word, state.detail);
        }
        if pod.ready != Some(true) || pod.meta.deleting_since.is_some() {
            return (Some(false), state.word, state.detail);
        }
        let Some(id) = id else {
            return (None, state.word, Some("its node id is not known yet".to_owned()));
        };
        let Some(kafka) = self.kafka() else {
            return (None, state.word, Some("no broker has been asked yet".to_owned()));
        };
        if silent.contains(&id) {
            let reason = match kafka.contacts.get(&id).map(|told| &told.contact) {
                Some(Contact::Refused { why } | Contact::Garbled { why }) => Some(why.clone()),
                _ => Some("its pod is Ready, but the broker takes requests and does not answer".to_owned()),
            };
            return (Some(false), "not answering".to_owned(), reason);
        }
        if self.asked(Asked::Metadata).state != SourceState::Live {
            return (None, state.word, state.detail);
        }
        if !kafka.advertised.contains_key(&id) {
            let reason = "its pod is Ready, but the controller does not list it among the live brokers";
            return (Some(false), "fenced".to_owned(), Some(reason.to_owned()));
        }
        match kafka.contacts.get(&id).map(|told| &told.contact) {
            Some(Contact::Answered) => (Some(true), state.word, state.detail),
            // Not confirmed either way yet: the heartbeat that would tell is still out.
            _ => (None, state.word, state.detail),
        }
    }

    fn zone(&self, id: Option<BrokerId>, node: Option<&str>) -> Option<String> {
        let key = crate::domain::ids::ObjectKey::new("", node?);
        let zone = self.world.kube.nodes.get(&key).and_then(|n| n.zone().map(str::to_owned));
        zone.or_else(|| self.kafka()?.advertised.get(&id?)?.rack.clone())
    }
}

/// Roles as recognition found them, else as `process.roles` states them in the environment or an inline script.
fn roles(pod: Option<&Arc<Pod>>, broker: Option<&BrokerPod>) -> Vec<String> {
    if let Some(known) = broker.map(|b| &b.roles).filter(|roles| !roles.is_empty()) {
        return known.iter().map(|role| role.word().to_owned()).collect();
    }
    let Some(container) = pod.zip(broker).and_then(|(pod, b)| pod.containers.iter().find(|c| c.name == b.container))
    else {
        return Vec::new();
    };
    let from_env = container.env.iter().find(|e| e.name.ends_with("PROCESS_ROLES")).and_then(|e| e.value.clone());
    let from_script = || {
        let text = container.command.iter().find_map(|c| c.split("process.roles=").nth(1))?;
        Some(text.split(|c: char| c.is_whitespace() || c == '"' || c == '\'').next()?.to_owned())
    };
    let roles = from_env.or_else(from_script).unwrap_or_default();
    roles.split(',').map(str::trim).filter(|r| !r.is_empty()).map(str::to_owned).collect()
}
