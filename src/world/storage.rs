//! Claims of an installation and how full they are, by one ladder everywhere.
//!
//! The ladder: the broker's own LogDirs answer about its filesystem; else the kubelet's statistics, where
//! they may be read; else the sum of its replicas; else unknown. A filesystem that is far larger than the
//! claim is a directory on a node's disk, so there the sum of replicas against the request counts. How fast it fills
//! is told by whoever tells how full it is: two sources side by side would look like growth.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::domain::{
    freshness::{Asked, Kind, SourceState},
    ids::{BrokerId, ObjectKey},
    installation::BrokerPod,
    kubernetes::Claim,
    storage::{LogDir, UsedSource},
    units,
};

use super::{
    Reading,
    growth::{self, TopicGrowth},
};

/// How full a volume is, and who says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usage {
    /// Bytes in use.
    pub used_bytes: Option<u64>,
    /// Bytes there are.
    pub total_bytes: Option<u64>,
    /// Who says so.
    pub source: Option<UsedSource>,
    /// When.
    pub as_of: Option<DateTime<Utc>>,
    /// Whether that is older than it should be.
    pub stale: bool,
}

impl Usage {
    /// Nothing is known.
    pub fn unknown() -> Self {
        Self { used_bytes: None, total_bytes: None, source: None, as_of: None, stale: false }
    }

    /// Whole percent in use.
    pub fn percent(&self) -> Option<u8> {
        units::percent(self.used_bytes?, self.total_bytes?)
    }
}

/// One claim, as a row.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClaimRow {
    /// Name of the claim.
    pub pvc: String,
    /// Pending, Bound or Lost.
    pub phase: String,
    /// Storage class.
    pub class: Option<String>,
    /// Bytes asked for.
    pub requested_bytes: Option<u64>,
    /// Bytes in use.
    pub used_bytes: Option<u64>,
    /// Whole percent in use.
    pub used_percent: Option<u8>,
    /// Who says how full it is.
    pub used_source: Option<UsedSource>,
    /// When it was said.
    pub used_as_of: Option<DateTime<Utc>>,
    /// True when that is older than it should be.
    pub used_stale: bool,
    /// Broker whose data it holds.
    pub broker: Option<BrokerId>,
    /// Pod that mounts it.
    pub pod: Option<String>,
    /// The bound volume.
    pub volume: Option<String>,
    /// When the claim was created.
    pub created_at: Option<DateTime<Utc>>,
    /// Bytes an hour that it fills by, negative when it empties; `None` before that is known.
    pub growth_bytes_per_hour: Option<i64>,
    /// Seconds until it is full; `None` when that is not known, or when it will not be within a year.
    pub full_in_s: Option<i64>,
    /// Topics that fill it, the fastest first.
    pub growing_topics: Vec<TopicGrowth>,
    /// Log directories on it that the broker has taken offline.
    pub failed_log_dirs: Vec<FailedDir>,
    /// Whether it can be made larger; `None` where that is not known.
    pub expandable: Option<bool>,
    /// Why it cannot, or why that is not known.
    pub expandable_why: Option<String>,
}

/// A log directory that is offline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FailedDir {
    /// Path inside the broker's container.
    pub path: String,
    /// The broker's error.
    pub error: String,
}

/// A log directory with the claim it lies on.
struct Mounted<'a> {
    claim: &'a str,
    path: &'a str,
}

impl Reading<'_> {
    /// Claims that the installation's broker pods mount, by name.
    pub fn storage(&self) -> Vec<ClaimRow> {
        let ids = self.pods_by_id();
        let mut rows = Vec::new();
        for broker in &self.installation.brokers {
            let id = ids.iter().find(|(_, b)| b.pod == broker.pod).map(|(id, _)| *id);
            for mounted in self.mounted(broker) {
                let key = ObjectKey::new(&broker.pod.namespace, mounted.claim);
                let claim = self.world.kube.claims.get(&key);
                rows.push(self.claim_row(&key, claim.map(|c| &**c), id, broker, mounted.path));
            }
        }
        rows.sort_by(|a, b| a.pvc.cmp(&b.pvc));
        rows
    }

    /// Claims mounted by the broker's container.
    fn mounted(&self, broker: &BrokerPod) -> Vec<Mounted<'_>> {
        let Some(pod) = self.world.kube.pods.get(&broker.pod) else { return Vec::new() };
        let Some(container) = pod.containers.iter().find(|c| c.name == broker.container) else { return Vec::new() };
        let claim = |volume: &str| pod.volumes.iter().find(|v| v.name == volume)?.claim.as_deref();
        container.mounts.iter().filter_map(|m| Some(Mounted { claim: claim(&m.volume)?, path: &m.path })).collect()
    }

    fn claim_row(
        &self,
        key: &ObjectKey,
        claim: Option<&Claim>,
        broker: Option<BrokerId>,
        pod: &BrokerPod,
        path: &str,
    ) -> ClaimRow {
        let usage = self.usage(key, claim, broker, path);
        let (expandable, expandable_why) = self.expandable(claim);
        let growth = self.growth(key, broker, path, usage.source);
        let left = usage.total_bytes.zip(usage.used_bytes).map(|(total, used)| total.saturating_sub(used));
        ClaimRow {
            pvc: key.name.clone(),
            phase: claim.map_or_else(|| "?".to_owned(), |c| c.phase.clone()),
            class: claim.and_then(|c| c.class.clone()),
            requested_bytes: claim.and_then(|c| c.requested_bytes),
            used_bytes: usage.used_bytes,
            used_percent: usage.percent(),
            used_source: usage.source,
            used_as_of: usage.as_of,
            used_stale: usage.stale,
            broker,
            pod: Some(pod.pod.name.clone()),
            volume: claim.and_then(|c| c.volume.clone()),
            created_at: claim.and_then(|c| c.meta.created_at),
            growth_bytes_per_hour: growth,
            full_in_s: match left {
                // What is full is so now, however it came to be.
                Some(0) => Some(0),
                left => left.zip(growth).and_then(|(left, growth)| growth::full_in_s(left, growth)),
            },
            growing_topics: self.growing(broker, path),
            failed_log_dirs: self.failed_dirs(broker, path),
            expandable,
            expandable_why,
        }
    }

    /// Whether a claim can be made larger, and what there is to say about it.
    fn expandable(&self, claim: Option<&Claim>) -> (Option<bool>, Option<String>) {
        let Some(claim) = claim else { return (None, Some("the claim is not seen".to_owned())) };
        if claim.phase != "Bound" {
            return (Some(false), Some(format!("the claim is {}", claim.phase)));
        }
        // A claim without a class has a volume that somebody made by hand.
        let Some(name) = claim.class.as_deref().filter(|name| !name.is_empty()) else {
            return (Some(false), Some("the claim has no storage class".to_owned()));
        };
        let seen = self.watch(Kind::Classes);
        if seen.as_of.is_none() {
            return (None, seen.why);
        }
        match self.world.kube.classes.get(&ObjectKey::new("", name)) {
            Some(class) if class.allows_expansion => (Some(true), None),
            Some(_) => (Some(false), Some(format!("storage class {name} does not allow it (allowVolumeExpansion)"))),
            None => (Some(false), Some(format!("storage class {name} is not there"))),
        }
    }

    /// The ladder.
    fn usage(&self, key: &ObjectKey, claim: Option<&Claim>, broker: Option<BrokerId>, path: &str) -> Usage {
        let asked = broker.map(|id| self.freshness(Asked::LogDirs, Some(id)));
        let live = asked.as_ref().is_some_and(|f| f.state == SourceState::Live);
        let as_of = asked.as_ref().and_then(|f| f.as_of);
        // Of a directory that is offline nobody tells what is in it: that is not nothing.
        let tells = |d: &&LogDir| d.error.is_none() || d.total_bytes.is_some();
        let dirs: Vec<&LogDir> = self.log_dirs(broker).filter(|d| d.path.starts_with(path)).filter(tells).collect();
        let size = claim.and_then(|c| c.capacity_bytes.or(c.requested_bytes));
        let reported = dirs.iter().find_map(|d| Some((d.total_bytes?, d.usable_bytes?)));
        let own = reported.filter(|(total, _)| size.is_none_or(|size| *total <= size.saturating_add(size / 2)));
        let broker_says = own.map(|(total, usable)| Usage {
            used_bytes: Some(total.saturating_sub(usable)),
            total_bytes: Some(total),
            source: Some(UsedSource::LogDirs),
            as_of,
            stale: !live,
        });
        if live && broker_says.is_some() {
            return broker_says.unwrap_or_else(Usage::unknown);
        }
        if let Some(measured) = self.world.volumes.get(key) {
            return Usage {
                used_bytes: Some(measured.used_bytes),
                total_bytes: Some(measured.capacity_bytes),
                source: Some(UsedSource::Kubelet),
                as_of: self.kubelet_as_of(key),
                stale: false,
            };
        }
        if let Some(usage) = broker_says {
            return usage;
        }
        if dirs.is_empty() {
            return Usage::unknown();
        }
        Usage {
            used_bytes: Some(dirs.iter().map(|d| d.replica_bytes()).sum()),
            total_bytes: size,
            source: Some(UsedSource::Replicas),
            as_of,
            stale: !live,
        }
    }

    /// Bytes an hour that a claim fills by, as its source tells.
    fn growth(&self, key: &ObjectKey, broker: Option<BrokerId>, path: &str, source: Option<UsedSource>) -> Option<i64> {
        if source? == UsedSource::Kubelet {
            return self.world.filling.get(key)?.per_hour();
        }
        let (kafka, broker) = (self.kafka()?, broker?);
        let dirs: Vec<&LogDir> = self.log_dirs(Some(broker)).filter(|d| d.path.starts_with(path)).collect();
        let of = |dir: &LogDir| kafka.growth.dir(broker, &dir.path);
        if source? == UsedSource::LogDirs {
            // All of them are on the one filesystem.
            return of(dirs.iter().find(|d| d.total_bytes.is_some())?)?.filesystem.per_hour();
        }
        dirs.into_iter().map(|dir| of(dir)?.replicas.per_hour()).sum()
    }

    /// Topics that grow most in a broker's log directories under a path, the fastest first.
    pub fn growing(&self, broker: Option<BrokerId>, under: &str) -> Vec<TopicGrowth> {
        self.kafka().zip(broker).map(|(kafka, id)| kafka.growth.topics(id, under)).unwrap_or_default()
    }

    /// A broker's log directories under a path that are offline.
    pub fn failed_dirs(&self, broker: Option<BrokerId>, under: &str) -> Vec<FailedDir> {
        let failed = |dir: &LogDir| Some(FailedDir { path: dir.path.clone(), error: dir.error.clone()? });
        self.log_dirs(broker).filter(|dir| dir.path.starts_with(under)).filter_map(failed).collect()
    }

    fn log_dirs(&self, broker: Option<BrokerId>) -> impl Iterator<Item = &LogDir> {
        let kafka = self.kafka();
        broker.and_then(|id| kafka?.log_dirs.get(&id)).into_iter().flatten()
    }

    fn kubelet_as_of(&self, claim: &ObjectKey) -> Option<DateTime<Utc>> {
        let mounts =
            |pod: &crate::domain::kubernetes::Pod| pod.volumes.iter().any(|v| v.claim.as_deref() == Some(&claim.name));
        let pod =
            self.installation.brokers.iter().filter_map(|b| self.world.kube.pods.get(&b.pod)).find(|p| mounts(p))?;
        let source = crate::domain::freshness::Source::Volumes { node: pod.node.clone()? };
        self.world.sources.freshness(&source, self.now).as_of
    }
}

/// Usage of the fullest volume of a broker.
pub fn broker_usage(reading: &Reading<'_>, id: BrokerId, broker: Option<&BrokerPod>) -> Usage {
    let Some(broker) = broker else { return Usage::unknown() };
    let claims = reading.mounted(broker).into_iter().map(|m| {
        let key = ObjectKey::new(&broker.pod.namespace, m.claim);
        let claim = reading.world.kube.claims.get(&key);
        reading.usage(&key, claim.map(|c| &**c), Some(id), m.path)
    });
    claims.max_by_key(Usage::percent).unwrap_or_else(|| {
        // Without a claim, what its replicas weigh is still worth knowing.
        let dirs = reading.log_dirs(Some(id)).filter(|dir| dir.error.is_none());
        let bytes: Vec<u64> = dirs.map(LogDir::replica_bytes).collect();
        let used_bytes = (!bytes.is_empty()).then(|| bytes.iter().sum());
        Usage { used_bytes, source: used_bytes.map(|_| UsedSource::Replicas), ..Usage::unknown() }
    })
}
