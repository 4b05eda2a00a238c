//! Everything that is known now: facts go in, readings come out.
//!
//! `World` is the one owner of state that came from outside. `apply` is the only way in; a `Reading` is
//! one installation seen at one moment, from which panes, documents, findings and the verdict are made.
//! Nothing here does I/O or asks for the time.

pub mod alerts;
pub mod brokers;
pub mod connect;
pub mod groups;
pub mod history;
pub mod kafka;
pub mod kube;
pub mod pods;
pub mod quorum;
pub mod reading;
pub mod sources;
pub mod storage;
pub mod summary;
#[cfg(test)]
mod tests;
pub mod topics;
pub mod users;

use std::collections::BTreeMap;

use crate::{
    domain::{
        freshness::{FailureKind, Kind, Source, SourceFailure},
        ids::{InstallationId, ObjectKey},
        kubernetes::Object,
        rights::Rights,
        storage::VolumeUse,
    },
    facts::{Body, Connection, Fact, KafkaBody},
};

pub use self::{
    connect::ConnectWorld,
    kafka::{KafkaWorld, Told},
    kube::KubeWorld,
    reading::Reading,
    sources::Sources,
};

/// Everything that is known.
#[derive(Debug, Default)]
pub struct World {
    /// Where we are connected; `None` until the API server has answered once.
    pub connection: Option<Connection>,
    /// Kubernetes objects.
    pub kube: KubeWorld,
    /// Brokers' answers, by installation.
    pub kafka: BTreeMap<InstallationId, KafkaWorld>,
    /// Answers of Connect's workers, by installation and Connect.
    pub connect: BTreeMap<InstallationId, BTreeMap<ObjectKey, ConnectWorld>>,
    /// Volume usage as kubelets measured it, by claim.
    pub volumes: BTreeMap<ObjectKey, VolumeUse>,
    /// What we may do, by namespace.
    pub rights: BTreeMap<String, Rights>,
    /// Kinds that this cluster does not have, in the API server's words: an answer, and no blindness.
    pub absent: BTreeMap<Kind, SourceFailure>,
    /// Who answers, since when, and who does not.
    pub sources: Sources,
}

/// What a fact changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Dirty {
    /// Kubernetes objects: installations may have come or gone.
    pub objects: bool,
    /// Something that a pane may show.
    pub shown: bool,
}

impl Dirty {
    /// Adds what another fact changed.
    pub fn merge(&mut self, other: Self) {
        self.objects |= other.objects;
        self.shown |= other.shown;
    }
}

impl World {
    /// Takes a fact in and says what it changed.
    pub fn apply(&mut self, fact: Fact) -> Dirty {
        let Fact { source, seen_at, body } = fact;
        let mut dirty = Dirty { objects: false, shown: true };
        match body {
            Body::Failed(failure) if failure.kind == FailureKind::Unsupported && matches!(source, Source::Watch(_)) => {
                if let Source::Watch(kind) = source {
                    self.kube.list(kind, Vec::new());
                    dirty.shown = self.absent.insert(kind, failure).is_none();
                }
            }
            Body::Failed(failure) => {
                dirty.shown = self.sources.failed(source, failure);
                return dirty;
            }
            Body::Connected(connection) => self.connection = Some(connection),
            Body::Heartbeat { sent_at } => {
                dirty.shown = self.sources.heartbeat(sent_at, seen_at);
                return dirty;
            }
            Body::Listed(objects) => {
                self.sources.watched(&source);
                dirty.objects = self.list(&source, objects);
            }
            Body::Polled { objects, why } => {
                dirty.objects = self.list(&source, objects);
                self.sources.polled(source, seen_at, why);
                return dirty;
            }
            Body::Applied(object) => {
                // Nodes are told again every few seconds with nothing new: no reason to recognise brokers anew.
                dirty.shown = self.kube.put(*object);
                dirty.objects = dirty.shown;
            }
            Body::Deleted(key) => {
                if let Source::Watch(kind) = source {
                    self.kube.remove(kind, &key);
                    dirty.objects = true;
                }
            }
            Body::Volumes(volumes) => self.volumes.extend(volumes.into_iter().map(|v| (v.claim.clone(), v))),
            Body::Rights(rights) => {
                dirty.shown = self.rights.get(&rights.namespace) != Some(&rights);
                self.rights.insert(rights.namespace.clone(), rights);
            }
            Body::Kafka(body) => {
                if let Source::Kafka { installation, broker, .. } = &source {
                    let kafka = self.kafka.entry(installation.clone()).or_default();
                    let beside = matches!(body, KafkaBody::RecordTimes(_));
                    dirty.shown = kafka.apply(*broker, seen_at, body);
                    if beside {
                        // It says nothing of ends, so they are no fresher.
                        return dirty;
                    }
                }
            }
            Body::Connect(body) => {
                if let Source::Connect { installation, cluster, worker, .. } = &source {
                    let known = self.connect.entry(installation.clone()).or_default();
                    dirty.shown = known.entry(cluster.clone()).or_default().apply(worker.as_deref(), body);
                }
            }
        }
        dirty.shown |= self.sources.answered(source, seen_at);
        dirty
    }

    /// Takes a whole list in; false when it is none of a watched kind.
    fn list(&mut self, source: &Source, objects: Vec<Object>) -> bool {
        let Source::Watch(kind) = source else { return false };
        self.absent.remove(kind);
        self.kube.list(*kind, objects);
        true
    }

    /// Forgets what brokers and workers of an installation said, when it is left or gone.
    pub fn forget(&mut self, installation: &InstallationId) {
        self.kafka.remove(installation);
        self.connect.remove(installation);
        self.sources.forget(installation);
    }
}
