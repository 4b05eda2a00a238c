//! A session: the App and everything outside that it listens to and acts through.
//!
//! The console and the one-shot commands drive the same session: `step` waits for what comes next,
//! hands it to the App and carries out the App's effects. It draws nothing and reads no keys.

use std::{collections::BTreeMap, io::Write, path::PathBuf, sync::Arc};

use tokio::{
    sync::{Notify, mpsc, oneshot, watch},
    time::{Interval, MissedTickBehavior},
};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{credentials::Credentials, documents};
use crate::{
    app::{App, Effect, Msg, logs::LogsAsked, object_page::Told},
    clock::Clock,
    domain::{
        config::ConfigInquiry,
        connect::ConnectCluster,
        freshness::{self, Depth, SourceFailure},
        ids::InstallationId,
        installation::AddressBook,
        metrics::Exporter,
        object::Inquiry,
        units,
    },
    errors::{Failure, FailureKind},
    facts::Fact,
    io::{
        FactSender,
        act::{ActSetup, Actor},
        configs,
        connect::{self, Cluster, ConnectError, ConnectOptions},
        dial::{PortForward, Transport},
        heartbeat,
        journal::Journal,
        kafka::observer::{self, ConfigsTold, Observer, ObserverSetup},
        logs::{self, LogEvent, LogRequest, Since},
        messages::Reach,
        objects::{self, Answer, Answered},
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

use super::{memory::Memory, messages::Messages};

/// Facts under way between sources and the App. When it is full, sources wait: that is backpressure.
const FACTS: usize = 1024;
/// Facts that are taken at once, so that a relist costs one frame and not hundreds.
const BATCH: usize = 256;
/// Batches of log lines under way; logs are lossy, so a short queue is enough.
const LOGS: usize = 32;
/// Files of log lines being written.
const SAVES: usize = 4;
/// Entries of the journal that the timeline begins with.
const PAST: usize = 2_000;
/// Answers of objects or of configs under way: one question is asked at a time.
const ANSWERS: usize = 1;

/// The App and what it listens to.
pub struct Session {
    /// The App.
    pub app: App,
    clock: Clock,
    facts: mpsc::Receiver<Fact>,
    logs: mpsc::Receiver<LogEvent>,
    saves: mpsc::Receiver<String>,
    messages: Messages,
    objects: mpsc::Receiver<Answered>,
    configs: mpsc::Receiver<ConfigsTold>,
    reports: mpsc::Receiver<Report>,
    connecting: Option<oneshot::Receiver<Result<(Cluster, watches::Scope), ConnectError>>>,
    hands: Hands,
    seconds: Interval,
    recorder: Option<Box<dyn Write + Send>>,
    recorded: u64,
}

/// What carries out effects. Whatever a guard stands for ends when another takes its place.
struct Hands {
    clock: Clock,
    facts: FactSender,
    log_lines: mpsc::Sender<LogEvent>,
    saved: mpsc::Sender<String>,
    answers: mpsc::Sender<Answered>,
    config_answers: mpsc::Sender<ConfigsTold>,
    reports: mpsc::Sender<Report>,
    actor: Option<Actor>,
    journal: Option<Arc<Journal>>,
    cluster: Option<Cluster>,
    refresh: Arc<Notify>,
    silence: Arc<Notify>,
    eager: Arc<watch::Sender<bool>>,
    observing: BTreeMap<InstallationId, Observing>,
    volumes: Option<DropGuard>,
    configs: Option<DropGuard>,
    workers: Option<DropGuard>,
    scraping: Option<DropGuard>,
    releases: Option<DropGuard>,
    rights: Option<DropGuard>,
    events: Option<DropGuard>,
    following: Option<DropGuard>,
    memory: Option<Memory>,
    vault: Arc<Vault>,
    reading: Option<DropGuard>,
    describing: Option<DropGuard>,
    cancel: CancellationToken,
}

struct Observing {
    routes: watch::Sender<Arc<AddressBook>>,
    observer: Observer,
    _ends: DropGuard,
}

/// What the App wants of whoever drives the session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// Leave.
    Leave,
    /// Hand the terminal back for a while.
    Suspend,
    /// Ask the terminal to keep this text.
    Copy(String),
}

impl Session {
    /// Starts connecting and returns at once.
    pub fn start(options: ConnectOptions, wanted: Option<InstallationId>, size: (u16, u16), clock: Clock) -> Self {
        let (fact_sender, facts) = mpsc::channel(FACTS);
        let (log_lines, logs) = mpsc::channel(LOGS);
        let (saved, fates_of_files) = mpsc::channel(SAVES);
        let (answers, objects) = mpsc::channel(ANSWERS);
        let (config_answers, configs) = mpsc::channel(ANSWERS);
        let (report_sender, reports) = mpsc::channel(ANSWERS);
        let cancel = CancellationToken::new();
        let (connected, connecting) = oneshot::channel();
        task::spawn("connect", &cancel, async move {
            let result = match connect::connect(&options).await {
                Ok(cluster) => {
                    let scope = watches::decide_scope(&cluster, &options).await;
                    Ok((cluster, scope))
                }
                Err(error) => Err(error),
            };
            // The session may be gone already: then nobody needs the answer.
            drop(connected.send(result));
        });
        let mut seconds = tokio::time::interval(std::time::Duration::from_secs(1));
        seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            app: App::new(wanted, size, clock.now()),
            facts,
            logs,
            saves: fates_of_files,
            messages: Messages::default(),
            objects,
            configs,
            reports,
            connecting: Some(connecting),
            hands: Hands {
                clock: clock.clone(),
                facts: fact_sender,
                log_lines,
                saved,
                answers,
                config_answers,
                reports: report_sender,
                actor: None,
                journal: None,
                cluster: None,
                refresh: Arc::default(),
                silence: Arc::default(),
                eager: Arc::default(),
                observing: BTreeMap::new(),
                volumes: None,
                configs: None,
                workers: None,
                scraping: None,
                releases: None,
                rights: None,
                events: None,
                following: None,
                memory: None,
                vault: Arc::default(),
                reading: None,
                describing: None,
                cancel,
            },
            clock,
            seconds,
            recorder: None,
            recorded: 0,
        }
    }

    /// Remembers choices in this file, and what was chosen before.
    pub fn remember_in(&mut self, memory: Memory) {
        self.app.remembered = memory.installations();
        self.hands.memory = Some(memory);
    }

    /// Writes runs down there, and knows those that never ended.
    pub fn journal_in(&mut self, journal: Journal) {
        self.hands.journal = Some(Arc::new(journal));
    }

    /// The same, in the journal of a directory; nowhere without one.
    pub fn journal_in_dir(&mut self, dir: Option<PathBuf>) {
        if let Some(dir) = dir {
            self.journal_in(Journal::new(dir.join("journal.jsonl")));
        }
    }

    /// Has the App do something, and carries out what it wants done for it.
    pub fn drive(&mut self, what: impl FnOnce(&mut App) -> Vec<Effect>) -> Vec<Wish> {
        self.app.now = self.clock.now();
        let effects = what(&mut self.app);
        effects.into_iter().filter_map(|effect| self.hands.perform(effect)).collect()
    }

    /// Goes the way that is wished, with what was given for it.
    pub fn enter_with(&mut self, credentials: Credentials) {
        self.hands.vault = credentials.vault;
        self.app.ask_for(credentials.wish);
    }

    /// Writes every fact from now on to `out`, one JSON document a line.
    pub fn record_to(&mut self, out: Box<dyn Write + Send>) {
        self.recorder = Some(out);
    }

    /// How many facts were written.
    pub fn recorded(&self) -> u64 {
        self.recorded
    }

    /// The connected cluster, once there is one.
    pub fn cluster(&self) -> Option<&Cluster> {
        self.hands.cluster.as_ref()
    }

    /// What reaching brokers along these routes takes, once there is a connection; streams end with the token.
    pub fn reach(&self, book: Arc<AddressBook>, cancel: &CancellationToken) -> Option<Reach> {
        self.hands.reach(book, cancel)
    }

    /// The clock of this session.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Waits for what comes next and hands it to the App. Cancel-safe: nothing is lost when it is dropped.
    pub async fn step(&mut self) -> Result<Vec<Wish>, Failure> {
        let mut batch = Vec::new();
        let msg = tokio::select! {
            biased;
            connected = connected(&mut self.connecting) => {
                self.connecting = None;
                let (cluster, scope) = connected?;
                self.app.unfinished = self.hands.unfinished(&cluster);
                self.app.took_journal(&self.hands.past(&cluster));
                if let Some(last) = self.app.unfinished.last() {
                    self.app.notice = Some(format!("{last}; :resume offers to go on"));
                }
                self.hands.take(cluster, &scope);
                return Ok(Vec::new());
            }
            _ = self.facts.recv_many(&mut batch, BATCH) => {
                self.record(&batch)?;
                Msg::Facts(batch)
            }
            Some(what) = self.saves.recv() => Msg::Saved(what),
            Some(event) = self.logs.recv() => Msg::Log(event.source, event.news),
            // One slice at a time, and others have their turn between two.
            () = tokio::task::yield_now(), if self.app.logs.ring().is_scanning() => Msg::Scan,
            Some(answered) = self.objects.recv() => told(answered),
            Some((id, answer)) = self.configs.recv() => Msg::Configs { id, answer },
            Some(report) = self.reports.recv() => Msg::Report(Box::new(report)),
            _ = self.seconds.tick() => Msg::Tick,
            // Last: a flood of records must not keep the clock from being heard.
            Some(read) = self.messages.next() => read,
        };
        Ok(self.tell(msg))
    }

    /// Hands a message to the App and carries out what it wants done.
    pub fn tell(&mut self, msg: Msg) -> Vec<Wish> {
        let effects = self.app.update(msg, self.clock.now());
        if effects.iter().any(|effect| matches!(effect, Effect::FollowLogs(_))) {
            // Lines of what was followed before must not turn up among the new ones.
            (self.hands.log_lines, self.logs) = mpsc::channel(LOGS);
        }
        for effect in &effects {
            match effect {
                Effect::ReadMessages { book, query, live } => {
                    let cancel = self.hands.cancel.child_token();
                    self.messages = Messages::default();
                    if let Some(reach) = self.hands.reach(Arc::clone(book), &cancel) {
                        self.messages = Messages::read(reach, query.clone(), *live, cancel);
                    }
                }
                Effect::StopMessages => self.messages = Messages::default(),
                _ => {}
            }
        }
        effects.into_iter().filter_map(|effect| self.hands.perform(effect)).collect()
    }

    fn record(&mut self, facts: &[Fact]) -> Result<(), Failure> {
        let Some(out) = &mut self.recorder else { return Ok(()) };
        let failed = |why: String| Failure::new(FailureKind::Wrong, "The record could not be written.").why(why);
        for fact in facts {
            serde_json::to_writer(&mut *out, fact).map_err(|e| failed(e.to_string()))?;
            out.write_all(b"\n").map_err(|e| failed(e.to_string()))?;
            self.recorded += 1;
        }
        out.flush().map_err(|e| failed(e.to_string()))
    }
}

impl Drop for Session {
    /// Ends all tasks of the session.
    fn drop(&mut self) {
        self.hands.cancel.cancel();
    }
}

/// Waits for the connection; for ever once it has come.
async fn connected(
    connecting: &mut Option<oneshot::Receiver<Result<(Cluster, watches::Scope), ConnectError>>>,
) -> Result<(Cluster, watches::Scope), Failure> {
    match connecting {
        Some(receiver) => match receiver.await {
            Ok(result) => result.map_err(Failure::from),
            Err(_) => Err(Failure::new(FailureKind::Unobservable, "Connecting was given up.")),
        },
        None => std::future::pending().await,
    }
}

/// An object's answer as the App takes it.
fn told((id, answer): Answered) -> Msg {
    let answer = answer.and_then(|answer| match answer {
        Answer::Events(events) => Ok(Told::Events(events)),
        Answer::Object(object) => documents::yaml(&object).map(Told::Yaml).map_err(|failure| SourceFailure {
            kind: freshness::FailureKind::Garbage,
            what: failure.to_string(),
            hint: None,
        }),
    });
    Msg::Read { id, answer }
}

impl Hands {
    /// Starts the watches and the heartbeat of a cluster.
    fn take(&mut self, cluster: Cluster, scope: &watches::Scope) {
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
    fn unfinished(&self, cluster: &Cluster) -> Vec<Unfinished> {
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
    fn past(&self, cluster: &Cluster) -> Vec<journal::Entry> {
        let entries = self.journal.as_ref().and_then(|journal| journal.entries(PAST).ok()).unwrap_or_default();
        entries.into_iter().filter(|entry| entry.context == cluster.connection.context).collect()
    }

    /// Carries an effect out, or passes a wish on to whoever drives.
    fn perform(&mut self, effect: Effect) -> Option<Wish> {
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
    fn reach(&self, book: Arc<AddressBook>, cancel: &CancellationToken) -> Option<Reach> {
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

    /// Asks these workers instead of those before them.
    fn ask_workers(&mut self, installation: InstallationId, clusters: Vec<ConnectCluster>) {
        self.workers = None;
        let Some(cluster) = self.cluster.as_ref().filter(|_| !clusters.is_empty()) else { return };
        let cancel = self.cancel.child_token();
        let setup = workers::Setup {
            installation,
            transport: Arc::new(PortForward::new(cluster, &cancel)),
            refresh: self.refresh.clone(),
            clock: self.clock.clone(),
            facts: self.facts.clone(),
        };
        workers::ask(&setup, clusters, &cancel);
        self.workers = Some(cancel.drop_guard());
    }

    /// Asks these brokers for their metrics instead of those before them.
    fn ask_exporters(&mut self, installation: InstallationId, exporters: Vec<Exporter>) {
        self.scraping = None;
        let Some(cluster) = self.cluster.as_ref().filter(|_| !exporters.is_empty()) else { return };
        let cancel = self.cancel.child_token();
        let setup = scrape::Setup {
            installation,
            transport: Arc::new(PortForward::new(cluster, &cancel)),
            refresh: self.refresh.clone(),
            clock: self.clock.clone(),
            facts: self.facts.clone(),
        };
        scrape::ask(&setup, exporters, &cancel);
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
