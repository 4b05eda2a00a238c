//! What is to be asked outside for what is found and chosen: brokers, ConfigMaps, kubelets, Connect's workers.
//!
//! It compares what is wanted with what was asked for last and tells the difference as effects. `App::settle`
//! calls it after every change.

use std::collections::BTreeSet;

use super::{App, Effect};
use crate::domain::{
    connect::{ConnectCluster, Worker},
    freshness::{Asked, Kind, Source, SourceState},
    ids::ObjectKey,
    installation::{Flavour, Installation},
};

/// The most ConfigMaps that are read, and the most Helm releases.
const MOST_CONFIGS: usize = 64;

impl App {
    /// What is to be observed for what is chosen, where that changed.
    pub(super) fn observe(&mut self) -> Vec<Effect> {
        let mut effects = Vec::new();
        let configs: BTreeSet<ObjectKey> =
            self.found.iter().flat_map(|f| &f.installation.configs).take(MOST_CONFIGS).cloned().collect();
        if configs != self.configs {
            self.configs.clone_from(&configs);
            effects.push(Effect::ReadConfigs(configs));
        }
        let helm = |of: &Installation| Some(ObjectKey::new(of.id.namespace.clone(), of.helm.as_ref()?.name.clone()));
        let releases: BTreeSet<ObjectKey> =
            self.found.iter().filter_map(|f| helm(&f.installation)).take(MOST_CONFIGS).collect();
        if releases != self.releases {
            self.releases.clone_from(&releases);
            effects.push(Effect::ReadReleases(releases));
        }
        let found = self.found.iter().find(|f| Some(&f.installation.id) == self.chosen.as_ref());
        if found.is_some_and(|f| self.is_unread(&f.installation)) {
            return effects;
        }
        let next = found.map(|f| (f.installation.id.clone(), f.book.clone()));
        // An installation whose last pod is gone stays observed: its brokers are unreachable, not forgotten.
        if self.stays_out() {
            effects.extend(self.observed.take().map(|_| Effect::StopObserving));
        } else if next != self.observed && (next.is_some() || self.chosen.is_none()) {
            effects.push(next.clone().map_or(Effect::StopObserving, |(id, book)| Effect::Observe(id, book)));
            self.observed = next;
        }
        let nodes = self.nodes_without_log_dirs();
        if nodes != self.volumes_of {
            self.volumes_of.clone_from(&nodes);
            effects.push(Effect::ReadVolumes(nodes));
        }
        effects.extend(self.ask_workers());
        effects
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
        if next == self.workers || (nothing(&next) && nothing(&self.workers)) {
            return None;
        }
        let before = std::mem::replace(&mut self.workers, next.clone());
        let (id, clusters) = next.or_else(|| before.map(|(id, _)| (id, Vec::new())))?;
        Some(Effect::AskWorkers(id, clusters))
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
