//! What carries out the effects of a session: tasks that watch, observe, ask, follow and save.
//!
//! It decides nothing and waits for nothing; what its tasks find comes back to the session through its queues. Only
//! `session` calls it.

use std::{collections::BTreeMap, sync::Arc};

use tokio::sync::{Notify, mpsc, watch};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{super::memory::Memory, Wish};
use crate::{
    app::{Effect, logs::LogsAsked},
    clock::Clock,
    domain::{
        config::ConfigInquiry, connect::ConnectCluster, freshness::Depth, ids::InstallationId,
        installation::AddressBook, metrics::Exporter, object::Inquiry, units,
    },
    io::{
        FactSender,
        act::{ActSetup, Actor},
        configs,
        connect::Cluster,
        dial::{PortForward, Transport},
        heartbeat,
        journal::Journal,
        kafka::observer::{self, ConfigsTold, Observer, ObserverSetup},
        logs::{self, LogEvent, LogRequest, Since},
        messages::Reach,
        objects::{self, Answered},
        pod_setup::PodSetup,
        releases, rights, scrape,
        secrets::{KubeSecrets, Vault},
        volumes, watch as watches, workers,
    },
    plan::{
        errand::{Report, Unfinished},
        journal,
    },
    task,
};

/// Entries of the journal that the timeline begins with.
const PAST: usize = 2_000;

/// What carries out effects. Whatever a guard stands for ends when another takes its place.
pub(super) struct Hands {
    pub(super) clock: Clock,
    pub(super) facts: FactSender,
    pub(super) log_lines: mpsc::Sender<LogEvent>,
    pub(super) saved: mpsc::Sender<String>,
    pub(super) answers: mpsc::Sender<Answered>,
    pub(super) config_answers: mpsc::Sender<ConfigsTold>,
    pub(super) reports: mpsc::Sender<Report>,
    pub(super) actor: Option<Actor>,
    pub(super) journal: Option<Arc<Journal>>,
    pub(super) cluster: Option<Cluster>,
    pub(super) refresh: Arc<Notify>,
    pub(super) silence: Arc<Notify>,
    pub(super) eager: Arc<watch::Sender<bool>>,
    pub(super) observing: BTreeMap<InstallationId, Observing>,
    pub(super) volumes: Option<DropGuard>,
    pub(super) configs: Option<DropGuard>,
    pub(super) workers: Option<DropGuard>,
    pub(super) scraping: Option<DropGuard>,
    pub(super) releases: Option<DropGuard>,
    pub(super) rights: Option<DropGuard>,
    pub(super) events: Option<DropGuard>,
    pub(super) following: Option<DropGuard>,
    pub(super) memory: Option<Memory>,
    pub(super) vault: Arc<Vault>,
    pub(super) reading: Option<DropGuard>,
    pub(super) describing: Option<DropGuard>,
    pub(super) cancel: CancellationToken,
}

/// An observation that runs.
pub(super) struct Observing {
    routes: watch::Sender<Arc<AddressBook>>,
    observer: Observer,
    _ends: DropGuard,
}

impl Hands {
    /// Starts the watches and the heartbeat of a cluster.
    pub(super) fn take(&mut self, cluster: Cluster, scope: &watches::Scope) {
        watches::watch(&cluster, scope, &self.clock, &self.facts, &self.refresh, &self.cancel);
        let heartbeat = heartbeat::start(&cluster, scope, &self.clock, &self.facts, &self.refresh, &self.cancel);
        let silence = self.silence.clone();
        task::spawn("silence", &self.cancel, async move {
            loop {
                silence.notified().await;
                heartbeat.check_now();
            }
        });
        self.actor = Some(Actor::new(ActSetup {
            cluster: cluster.clone(),
            vault: self.vault.clone(),
            journal: self.journal.clone(),
            clock: self.clock.clone(),
            refresh: self.refresh.clone(),
            eager: self.eager.clone(),
            reports: self.reports.clone(),
            cancel: self.cancel.clone(),
        }));
        self.cluster = Some(cluster);
    }

    /// Runs of this context that stopped before their end; what cannot be read is told and is none.
    pub(super) fn unfinished(&self, cluster: &Cluster) -> Vec<Unfinished> {
        let Some(journal) = &self.journal else { return Vec::new() };
        match journal.unfinished(&cluster.connection.context, None) {
            Ok(runs) => runs.iter().filter_map(Unfinished::of).collect(),
            Err(error) => {
                tracing::warn!(%error, "the journal cannot be read");
                Vec::new()
            }
        }
    }

    /// What was done in this context, as the journal tells; what cannot be read has been said to be so already.
    pub(super) fn past(&self, cluster: &Cluster) -> Vec<journal::Entry> {
        let entries = self.journal.as_ref().and_then(|journal| journal.entries(PAST).ok()).unwrap_or_default();
        entries.into_iter().filter(|entry| entry.context == cluster.connection.context).collect()
    }

    /// Carries an effect out, or passes a wish on to whoever drives.
    pub(super) fn perform(&mut self, effect: Effect) -> Option<Wish> {
        match effect {
            Effect::Observe(installation, book, depth) => self.observe(installation, book, depth),
            Effect::StopObserving(installation) => drop(self.observing.remove(&installation)),
            Effect::ReadVolumes(nodes) => {
                self.volumes = None;
                if let Some(cluster) = self.cluster.as_ref().filter(|_| !nodes.is_empty()) {
                    let cancel = self.cancel.child_token();
                    volumes::read(cluster, nodes, &self.clock, &self.facts, &cancel);
                    self.volumes = Some(cancel.drop_guard());
                }
            }
            Effect::ReadConfigs(names) => {
                self.configs = None;
                if let Some(cluster) = self.cluster.as_ref().filter(|_| !names.is_empty()) {
                    let cancel = self.cancel.child_token();
                    configs::read(cluster, names, &self.clock, &self.facts, &self.refresh, &cancel);
                    self.configs = Some(cancel.drop_guard());
                }
            }
            Effect::AskWorkers(installation, clusters) => self.ask_workers(installation, clusters),
            Effect::AskExporters(installation, exporters) => self.ask_exporters(installation, exporters),
            Effect::ReadReleases(names) => {
                self.releases = None;
                if let Some(cluster) = self.cluster.as_ref().filter(|_| !names.is_empty()) {
                    let cancel = self.cancel.child_token();
                    releases::read(cluster, names, &self.clock, &self.facts, &self.refresh, &cancel);
                    self.releases = Some(cancel.drop_guard());
                }
            }
            Effect::AskRights(namespace) => {
                self.rights = None;
                if let Some((cluster, namespace)) = self.cluster.as_ref().zip(namespace) {
                    let cancel = self.cancel.child_token();
                    rights::read(cluster, namespace, &self.clock, &self.facts, &cancel);
                    self.rights = Some(cancel.drop_guard());
                }
            }
            Effect::WatchEvents(namespace) => {
                self.events = None;
                if let Some((cluster, namespace)) = self.cluster.as_ref().zip(namespace) {
                    let cancel = self.cancel.child_token();
                    watches::events(cluster, namespace, &self.clock, &self.facts, &self.refresh, &cancel);
                    self.events = Some(cancel.drop_guard());
                }
            }
            Effect::FollowLogs(asked) => self.follow(asked),
            Effect::SaveLogs { path, lines, text } => self.save(path, lines, text),
            Effect::Remember { context, installation } => self.remember(&context, &installation),
            Effect::StopLogs => self.following = None,
            // The session has its own end of what is read.
            Effect::ReadMessages { .. } | Effect::StopMessages => {}
            Effect::Read(inquiry) => self.read(inquiry),
            Effect::AskConfigs(installation, inquiry) => self.describe(&installation, inquiry),
            Effect::LookAtRecords(installation, unread) => {
                if let Some(observing) = self.observing.get(&installation) {
                    observing.observer.look(unread, &self.cancel);
                }
            }
            Effect::Act(errand) => {
                if let Some(actor) = &mut self.actor {
                    actor.perform(*errand);
                }
            }
            Effect::Refresh => self.refresh.notify_waiters(),
            Effect::Copy(text) => return Some(Wish::Copy(text)),
            Effect::Suspend => return Some(Wish::Suspend),
            Effect::Leave => return Some(Wish::Leave),
        }
        None
    }

    /// What reaching brokers along these routes takes.
    pub(super) fn reach(&self, book: Arc<AddressBook>, cancel: &CancellationToken) -> Option<Reach> {
        let cluster = self.cluster.as_ref()?;
        let transport = Arc::new(PortForward::new(cluster, cancel));
        Some(Reach { transport, secrets: Arc::new(KubeSecrets::new(&cluster.client).with(self.vault.clone())), book })
    }

    /// Keeps a choice; where that fails it is noted once, for nothing depends on it.
    fn remember(&mut self, context: &str, installation: &InstallationId) {
        if let Some(Err(error)) = self.memory.as_ref().map(|memory| memory.keep(context, installation)) {
            tracing::warn!(%error, "the choice of an installation cannot be remembered");
            self.memory = None;
        }
    }

    /// Follows these logs instead of those before.
    fn follow(&mut self, asked: LogsAsked) {
        self.following = None;
        let requests = asked.targets.into_iter().map(|target| LogRequest {
            namespace: target.pod.namespace,
            pod: target.pod.name,
            container: target.container,
            previous: asked.previous,
            since: asked.since_s.map(Since::Seconds),
            tail: Some(asked.tail),
            follow: !asked.previous,
            lossy: true,
        });
        if let Some(cluster) = &self.cluster {
            let cancel = self.cancel.child_token();
            logs::follow(cluster, requests.collect(), &self.log_lines, &self.clock, &cancel);
            self.following = Some(cancel.drop_guard());
        }
    }

    /// Writes log lines to a new file, and tells what became of it.
    fn save(&self, path: String, lines: usize, text: String) {
        let (saved, size) = (self.saved.clone(), units::bytes(text.len() as u64));
        task::spawn("save", &self.cancel, async move {
            let what = match logs::save(path, text).await {
                Ok(path) => format!("saved {lines} lines, {size}, to {}", path.display()),
                Err(why) => why,
            };
            // The session may be gone: then nobody waits for the answer.
            drop(saved.send(what).await);
        });
    }

    /// Reads an object instead of the one before it.
    fn read(&mut self, inquiry: Inquiry) {
        self.reading = None;
        if let Some(cluster) = &self.cluster {
            let cancel = self.cancel.child_token();
            objects::ask(cluster, inquiry, &self.answers, &cancel);
            self.reading = Some(cancel.drop_guard());
        }
    }

    /// Asks for configs instead of those before.
    fn describe(&mut self, installation: &InstallationId, inquiry: ConfigInquiry) {
        self.describing = None;
        if let Some(observing) = self.observing.get(installation) {
            let cancel = self.cancel.child_token();
            observing.observer.describe(inquiry, &self.config_answers, &cancel);
            self.describing = Some(cancel.drop_guard());
        }
    }

    /// What asking pods of an installation takes; port-forwards to them end with the token.
    fn asking(&self, installation: InstallationId, cluster: &Cluster, cancel: &CancellationToken) -> PodSetup {
        PodSetup {
            installation,
            transport: Arc::new(PortForward::new(cluster, cancel)),
            refresh: self.refresh.clone(),
            clock: self.clock.clone(),
            facts: self.facts.clone(),
        }
    }

    /// Asks these workers instead of those before them.
    fn ask_workers(&mut self, installation: InstallationId, clusters: Vec<ConnectCluster>) {
        self.workers = None;
        let Some(cluster) = self.cluster.as_ref().filter(|_| !clusters.is_empty()) else { return };
        let cancel = self.cancel.child_token();
        workers::ask(&self.asking(installation, cluster, &cancel), clusters, &cancel);
        self.workers = Some(cancel.drop_guard());
    }

    /// Asks these brokers for their metrics instead of those before them.
    fn ask_exporters(&mut self, installation: InstallationId, exporters: Vec<Exporter>) {
        self.scraping = None;
        let Some(cluster) = self.cluster.as_ref().filter(|_| !exporters.is_empty()) else { return };
        let cancel = self.cancel.child_token();
        scrape::ask(&self.asking(installation, cluster, &cancel), exporters, &cancel);
        self.scraping = Some(cancel.drop_guard());
    }

    /// Starts to observe an installation, or gives the running observation its new address book and depth.
    fn observe(&mut self, installation: InstallationId, book: Arc<AddressBook>, depth: Depth) {
        if let Some(observing) = self.observing.get(&installation) {
            observing.routes.send_if_modified(|known| {
                let is_new = *known != book;
                *known = book;
                is_new
            });
            if depth == Depth::Whole {
                observing.observer.widen();
            }
            return;
        }
        let Some(cluster) = &self.cluster else { return };
        let cancel = self.cancel.child_token();
        let transport: Arc<dyn Transport> = Arc::new(PortForward::new(cluster, &cancel));
        let (routes, receiver) = watch::channel(book);
        let setup = ObserverSetup {
            installation: installation.clone(),
            transport,
            secrets: Arc::new(KubeSecrets::new(&cluster.client).with(self.vault.clone())),
            routes: receiver,
            refresh: self.refresh.clone(),
            eager: self.eager.subscribe(),
            on_silence: self.silence.clone(),
            clock: self.clock.clone(),
            facts: self.facts.clone(),
        };
        let observer = observer::observe_as(setup, depth, &cancel);
        self.observing.insert(installation, Observing { routes, observer, _ends: cancel.drop_guard() });
    }
}
