//! Everything that is known now: facts go in, readings come out.
//!
//! `World` is the one owner of state that came from outside. `apply` is the only way in; a `Reading` is
//! one installation seen at one moment, from which panes, documents, findings and the verdict are made.
//! Nothing here does I/O or asks for the time.

pub mod alerts;
pub mod brokers;
pub mod census;
pub mod connect;
pub mod groups;
pub mod growth;
pub mod history;
pub mod kafka;
pub mod kube;
pub mod metrics;
pub mod pods;
pub mod quorum;
pub mod reading;
pub mod sources;
pub mod storage;
pub mod summary;
#[cfg(test)]
mod tests;
pub mod timeline;
pub mod topics;
pub mod users;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use crate::{
    domain::{
        freshness::{FailureKind, Kind, Source, SourceFailure},
        ids::{BrokerId, InstallationId, ObjectKey},
        installation::Installation,
        kubernetes::Object,
        rights::Rights,
        storage::VolumeUse,
        timeline::Entry,
    },
    facts::{Body, Connection, Fact, KafkaBody},
};

pub use self::{
    connect::ConnectWorld,
    growth::Grown,
    kafka::{KafkaWorld, Told},
    kube::KubeWorld,
    metrics::MetricsWorld,
    reading::Reading,
    sources::Sources,
    timeline::Timeline,
};

/// Timelines that are kept: of what is looked at, and of what was before it.
const TIMELINES: usize = 16;

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
    /// What brokers tell on their metrics ports, by installation.
    pub metrics: BTreeMap<InstallationId, BTreeMap<BrokerId, MetricsWorld>>,
    /// Volume usage as kubelets measured it, by claim.
    pub volumes: BTreeMap<ObjectKey, VolumeUse>,
    /// How fast those fill.
    pub filling: BTreeMap<ObjectKey, Grown>,
    /// What we may do, by namespace.
    pub rights: BTreeMap<String, Rights>,
    /// Kinds that this cluster does not have, in the API server's words: an answer, and no blindness.
    pub absent: BTreeMap<Kind, SourceFailure>,
    /// Who answers, since when, and who does not.
    pub sources: Sources,
    /// What changed, by installation.
    pub timelines: BTreeMap<InstallationId, Timeline>,
    /// What controllers and kubelets told of objects.
    pub events: timeline::Events,
    /// Kinds of which something was told since they were last looked at for a timeline, and whose that was.
    touched: BTreeSet<Kind>,
    chronicled: Option<InstallationId>,
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
                dirty.objects = self.list(&source, objects, seen_at);
            }
            Body::Polled { objects, why } => {
                dirty.objects = self.list(&source, objects, seen_at);
                self.sources.polled(source, seen_at, why);
                return dirty;
            }
            Body::Applied(object) => {
                if let Object::Event(event) = *object {
                    dirty.shown = self.events.tell(&[event], seen_at);
                } else {
                    // Nodes are told again every few seconds with nothing new: no reason to recognise brokers anew.
                    dirty.shown = self.kube.put(*object);
                    dirty.objects = dirty.shown;
                    self.touch(&source);
                }
            }
            // That an event has expired is none.
            Body::Deleted(_) if source == Source::Watch(Kind::Events) => dirty.shown = false,
            Body::Deleted(key) => {
                self.touch(&source);
                if let Source::Watch(kind) = source {
                    self.kube.remove(kind, &key);
                    dirty.objects = true;
                }
            }
            Body::Volumes(volumes) => {
                for volume in volumes {
                    self.filling.entry(volume.claim.clone()).or_default().push(seen_at, volume.used_bytes);
                    self.volumes.insert(volume.claim.clone(), volume);
                }
            }
            Body::Rights(rights) => {
                dirty.shown = self.rights.get(&rights.namespace) != Some(&rights);
                self.rights.insert(rights.namespace.clone(), rights);
            }
            Body::Kafka(body) => {
                let beside = matches!(body, KafkaBody::RecordTimes(_));
                if let Source::Kafka { installation, broker, .. } = &source {
                    dirty.shown = self.hear_brokers(installation, *broker, seen_at, body);
                }
                if beside {
                    // It says nothing of ends, so they are no fresher.
                    return dirty;
                }
            }
            Body::Metrics(scrape) => {
                if let Source::Metrics { installation, broker } = &source {
                    let known = self.metrics.entry(installation.clone()).or_default();
                    known.entry(*broker).or_default().apply(seen_at, scrape);
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

    /// Takes in what an installation's brokers said; false when it says what was known already.
    fn hear_brokers(
        &mut self,
        installation: &InstallationId,
        broker: Option<BrokerId>,
        seen_at: DateTime<Utc>,
        body: KafkaBody,
    ) -> bool {
        let kafka = self.kafka.entry(installation.clone()).or_default();
        let is_news = kafka.apply(broker, seen_at, body);
        let news = std::mem::take(&mut kafka.news);
        self.tell(installation, news);
        is_news
    }

    /// Takes a whole list in; false when it is none of objects that last.
    fn list(&mut self, source: &Source, objects: Vec<Object>, seen_at: DateTime<Utc>) -> bool {
        let Source::Watch(kind) = source else { return false };
        self.absent.remove(kind);
        if *kind == Kind::Events {
            let event = |object| if let Object::Event(event) = object { Some(event) } else { None };
            self.events.tell(&objects.into_iter().filter_map(event).collect::<Vec<_>>(), seen_at);
            return false;
        }
        self.touch(source);
        self.kube.list(*kind, objects);
        true
    }

    fn touch(&mut self, source: &Source) {
        if let Source::Watch(kind) = source {
            self.touched.insert(*kind);
        }
    }

    /// Adds lines to an installation's timeline; those that are known are not told again.
    pub fn tell(&mut self, installation: &InstallationId, entries: Vec<Entry>) {
        if !entries.is_empty() {
            let timeline = self.timelines.entry(installation.clone()).or_default();
            timeline.tell(&installation.name, &installation.namespace, entries);
        }
    }

    /// Whether it was this installation whose objects were looked at last.
    pub fn is_chronicled(&self, installation: &InstallationId) -> bool {
        self.chronicled.as_ref() == Some(installation)
    }

    /// Looks at an installation's objects for its timeline; called when objects have changed, for the chosen one.
    pub fn chronicle(&mut self, installation: &Installation, now: DateTime<Utc>) {
        let timeline = self.timelines.entry(installation.id.clone()).or_default();
        if self.chronicled.as_ref() != Some(&installation.id) {
            timeline.look_away();
            self.chronicled = Some(installation.id.clone());
        }
        let touched = std::mem::take(&mut self.touched);
        timeline.look(&self.kube, installation, &touched, now);
    }

    /// Forgets what brokers and workers of an installation said, when it is left or gone; what changed stays known.
    pub fn forget(&mut self, installation: &InstallationId) {
        if self.chronicled.as_ref() != Some(installation) && self.timelines.len() > TIMELINES {
            self.timelines.remove(installation);
        }
        self.kafka.remove(installation);
        self.connect.remove(installation);
        self.metrics.remove(installation);
        self.sources.forget(installation);
    }
}
