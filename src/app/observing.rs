//! What is to be asked outside for what is found and chosen: brokers and their metrics, ConfigMaps, kubelets, Connect's
//! workers.
//!
//! Of the chosen installation everything is asked, of those in the picker what their verdicts rest on, and of others
//! nothing. An installation beside the chosen one costs a connection to each of its brokers, a request every two seconds
//! to one of them and one every fifteen to each; eight are asked at most, and only while the picker is in sight.
//! It compares what is wanted with what was asked for last and tells the difference as effects. `App::settle`
//! calls it after every change.

use std::collections::{BTreeMap, BTreeSet};

use super::{App, Effect};
use crate::{
    discover,
    domain::{
        connect::{ConnectCluster, Worker},
        freshness::{Asked, Depth, Kind, Source, SourceState},
        ids::{BrokerId, InstallationId, ObjectKey},
        installation::{BrokerPod, Flavour, Installation, PodPort},
        metrics::Exporter,
    },
};

/// The most ConfigMaps that are read, and the most Helm releases.
const MOST_CONFIGS: usize = 64;

/// The most brokers whose metrics are asked for.
const MOST_EXPORTERS: usize = 64;

/// The most installations whose brokers are asked at once.
const MOST_OBSERVED: usize = 8;

/// What is read beside the watches and the brokers, as it was last asked for.
#[derive(Debug, Default)]
pub(super) struct Aside {
    volumes_of: BTreeSet<String>,
    configs: BTreeSet<ObjectKey>,
    workers: Option<(InstallationId, Vec<ConnectCluster>)>,
    exporters: Option<(InstallationId, Vec<Exporter>)>,
    releases: BTreeSet<ObjectKey>,
    rights_in: Option<String>,
    events_in: Option<String>,
}

impl App {
    /// What is to be observed for what is chosen, where that changed.
    pub(super) fn observe(&mut self) -> Vec<Effect> {
        let mut effects = Vec::new();
        let configs: BTreeSet<ObjectKey> =
            self.found.iter().flat_map(|f| &f.installation.configs).take(MOST_CONFIGS).cloned().collect();
        if configs != self.read_aside.configs {
            self.read_aside.configs.clone_from(&configs);
            effects.push(Effect::ReadConfigs(configs));
        }
        let helm = |of: &Installation| Some(ObjectKey::new(of.id.namespace.clone(), of.helm.as_ref()?.name.clone()));
        let releases: BTreeSet<ObjectKey> =
            self.found.iter().filter_map(|f| helm(&f.installation)).take(MOST_CONFIGS).collect();
        if releases != self.read_aside.releases {
            self.read_aside.releases.clone_from(&releases);
            effects.push(Effect::ReadReleases(releases));
        }
        let namespace = self.chosen.as_ref().map(|id| id.namespace.clone());
        if namespace != self.read_aside.rights_in {
            self.read_aside.rights_in.clone_from(&namespace);
            effects.push(Effect::AskRights(namespace.clone()));
        }
        // What answers one question and is gone has no use for them.
        let events_in = namespace.filter(|_| self.is_seen || self.follows_events);
        if events_in != self.read_aside.events_in {
            self.read_aside.events_in.clone_from(&events_in);
            effects.push(Effect::WatchEvents(events_in));
        }
        effects.extend(self.observe_brokers());
        let found = self.found.iter().find(|f| Some(&f.installation.id) == self.chosen.as_ref());
        if found.is_some_and(|f| self.is_unread(&f.installation)) {
            return effects;
        }
        let nodes = self.nodes_without_log_dirs();
        if nodes != self.read_aside.volumes_of {
            self.read_aside.volumes_of.clone_from(&nodes);
            effects.push(Effect::ReadVolumes(nodes));
        }
        effects.extend(self.ask_workers());
        effects.extend(self.ask_exporters());
        effects
    }

    /// Has events watched although nobody looks at the screen.
    pub fn follow_events(&mut self) {
        self.follows_events = true;
    }

    /// Whose brokers are to be asked, where that changed; what those of others said is forgotten.
    fn observe_brokers(&mut self) -> Vec<Effect> {
        let watched = self.watched();
        let mut next = BTreeMap::new();
        for id in &watched {
            let depth = if self.chosen.as_ref() == Some(id) { Depth::Whole } else { Depth::Verdict };
            match self.found.iter().find(|f| f.installation.id == *id) {
                Some(found) if !self.is_unread(&found.installation) => {
                    let book = found.book.clone();
                    if !self.stays_out(id) {
                        next.insert(id.clone(), (book, depth));
                    }
                }
                // An installation whose last pod is gone stays observed: its brokers are unreachable, not forgotten. So
                // does one whose pods have come to name a ConfigMap that is still to be read.
                _ => next.extend(self.observed.get(id).map(|(book, _)| (id.clone(), (book.clone(), depth)))),
            }
        }
        let left: Vec<InstallationId> = self.observed.keys().filter(|id| !next.contains_key(id)).cloned().collect();
        let mut effects: Vec<Effect> = left.into_iter().map(Effect::StopObserving).collect();
        for (id, (book, depth)) in &next {
            if self.observed.get(id) != Some(&(book.clone(), *depth)) {
                effects.push(Effect::Observe(id.clone(), book.clone(), *depth));
            }
        }
        let before = std::mem::replace(&mut self.observed, next);
        self.leave_others(before.into_keys(), &watched);
        effects
    }

    /// Forgets what brokers of installations said that are of no interest any more; their verdicts stay, as of before.
    fn leave_others(&mut self, observed: impl Iterator<Item = InstallationId>, watched: &[InstallationId]) {
        // What was under way when one was left is told late.
        let known: BTreeSet<InstallationId> =
            observed.chain(self.stayed_out.keys().cloned()).chain(self.told.iter().cloned()).collect();
        for id in known.iter().filter(|id| !watched.contains(id)) {
            self.stayed_out.remove(id);
            self.world.forget(id);
            if let Some(judged) = self.judged.get_mut(id) {
                judged.is_of_now = false;
            }
        }
        self.told.retain(|id| watched.contains(id));
    }

    /// Whose brokers are of interest: the chosen installation's, and while the picker is open those around its cursor.
    fn watched(&self) -> Vec<InstallationId> {
        let mut watched: Vec<InstallationId> = self.chosen.iter().cloned().collect();
        if let Some(at) = self.picked().filter(|_| self.is_seen) {
            let mut around: Vec<(usize, &InstallationId)> =
                self.found.iter().enumerate().map(|(n, f)| (n.abs_diff(at), &f.installation.id)).collect();
            around.sort();
            let others = around.into_iter().map(|(_, id)| id.clone()).filter(|id| self.chosen.as_ref() != Some(id));
            watched.extend(others);
            watched.truncate(MOST_OBSERVED);
        }
        watched
    }

    /// Which workers are to be asked, where that changed: those that run, of Connects that may be the installation's.
    fn ask_workers(&mut self) -> Option<Effect> {
        let reading = self.reading();
        if reading.is_none() && self.chosen.is_some() {
            return None;
        }
        let next = reading.map(|reading| {
            let runs = |w: &Worker| self.world.kube.pods.get(&w.at.pod).is_some_and(|pod| pod.phase == "Running");
            let running = |cluster: &ConnectCluster| ConnectCluster {
                workers: cluster.workers.iter().filter(|w| runs(w)).cloned().collect(),
                ..cluster.clone()
            };
            let clusters = reading.connects().map(running).filter(|cluster| !cluster.workers.is_empty());
            (reading.installation.id.clone(), clusters.collect::<Vec<_>>())
        });
        let nothing = |asked: &Option<(_, Vec<_>)>| asked.as_ref().is_none_or(|(_, clusters)| clusters.is_empty());
        if next == self.read_aside.workers || (nothing(&next) && nothing(&self.read_aside.workers)) {
            return None;
        }
        let before = std::mem::replace(&mut self.read_aside.workers, next.clone());
        let (id, clusters) = next.or_else(|| before.map(|(id, _)| (id, Vec::new())))?;
        Some(Effect::AskWorkers(id, clusters))
    }

    /// Brokers whose metrics are asked for.
    pub fn exporters(&self) -> impl Iterator<Item = BrokerId> {
        self.read_aside.exporters.iter().flat_map(|(_, exporters)| exporters).map(|exporter| exporter.broker)
    }

    /// Whose metrics are to be asked for, where that changed: of brokers that run and declare a port for it.
    fn ask_exporters(&mut self) -> Option<Effect> {
        let reading = self.reading();
        if reading.is_none() && self.chosen.is_some() {
            return None;
        }
        let next = reading.map(|reading| {
            let exporter = |(broker, of): (BrokerId, &BrokerPod)| {
                let pod = self.world.kube.pods.get(&of.pod).filter(|pod| pod.phase == "Running")?;
                let (port, is_sidecar) = discover::metrics_port(pod, &of.container)?;
                Some(Exporter { broker, at: PodPort { pod: of.pod.clone(), port }, is_sidecar })
            };
            let exporters = reading.pods_by_id().into_iter().filter_map(exporter).take(MOST_EXPORTERS);
            (reading.installation.id.clone(), exporters.collect::<Vec<_>>())
        });
        let nothing = |asked: &Option<(_, Vec<_>)>| asked.as_ref().is_none_or(|(_, exporters)| exporters.is_empty());
        if next == self.read_aside.exporters || (nothing(&next) && nothing(&self.read_aside.exporters)) {
            return None;
        }
        let before = std::mem::replace(&mut self.read_aside.exporters, next.clone());
        let (id, exporters) = next.or_else(|| before.map(|(id, _)| (id, Vec::new())))?;
        Some(Effect::AskExporters(id, exporters))
    }

    /// True until what tells the ways in has been read or has failed: brokers are not asked on the wrong one.
    pub(super) fn is_unread(&self, installation: &Installation) -> bool {
        let is_open = |kind: Kind| !self.world.sources.is_settled(&Source::Watch(kind));
        (installation.flavour == Flavour::Strimzi && [Kind::Kafkas, Kind::Users].into_iter().any(is_open))
            || (!installation.configs.is_empty() && is_open(Kind::ConfigMaps))
    }

    /// Nodes of broker pods whose brokers do not tell how full their volumes are.
    fn nodes_without_log_dirs(&self) -> BTreeSet<String> {
        let Some(reading) = self.reading() else { return BTreeSet::new() };
        let telling: BTreeSet<&ObjectKey> = reading
            .pods_by_id()
            .into_iter()
            .filter(|(id, _)| {
                let asked = reading.freshness(Asked::LogDirs, Some(*id));
                asked.state == SourceState::Live
            })
            .map(|(_, broker)| &broker.pod)
            .collect();
        // In the first seconds nobody has told yet; that is no reason to ask the kubelets.
        if (self.now - self.started_at).num_seconds() < 5 {
            return BTreeSet::new();
        }
        let mute = reading.installation.brokers.iter().filter(|b| !telling.contains(&b.pod));
        mute.filter_map(|b| self.world.kube.pods.get(&b.pod)?.node.clone()).collect()
    }
}
