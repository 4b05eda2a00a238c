//! A session: the App and everything outside that it listens to and acts through.
//!
//! The console and the one-shot commands drive the same session: `step` waits for what comes next,
//! hands it to the App and has the App's effects carried out. It draws nothing and reads no keys.

mod hands;

use std::{collections::BTreeMap, io::Write, path::PathBuf, sync::Arc};

use tokio::{
    sync::{mpsc, oneshot},
    time::{Interval, MissedTickBehavior},
};
use tokio_util::sync::CancellationToken;

use self::hands::Hands;
use super::{credentials::Credentials, documents, memory::Memory, messages::Messages};
use crate::{
    app::{App, Effect, Msg, object_page::Told},
    clock::Clock,
    domain::{
        freshness::{self, SourceFailure},
        ids::InstallationId,
        installation::AddressBook,
    },
    errors::{Failure, FailureKind},
    facts::Fact,
    io::{
        connect::{self, Cluster, ConnectError, ConnectOptions},
        journal::Journal,
        kafka::observer::ConfigsTold,
        logs::LogEvent,
        messages::Reach,
        objects::{Answer, Answered},
        watch as watches,
    },
    plan::errand::Report,
    task,
};

/// Facts under way between sources and the App. When it is full, sources wait: that is backpressure.
const FACTS: usize = 1024;
/// Facts that are taken at once, so that a relist costs one frame and not hundreds.
const BATCH: usize = 256;
/// Batches of log lines under way; logs are lossy, so a short queue is enough.
const LOGS: usize = 32;
/// Files of log lines being written.
const SAVES: usize = 4;
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
