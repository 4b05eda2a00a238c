//! Decides whom to ask what and when, and starts the tasks that do.
//!
//! | what | whom | how often |
//! |---|---|---|
//! | Metadata | one broker; another after 0.5 s | 2 s, longer when answers are large; 0.5 s while a run waits |
//! | ListGroups | every broker | 2 s |
//! | members, commits, then ends | every coordinator, then every leader | 5 s |
//! | Fetch of one batch | leaders of at most 64 partitions | 5 s, where it is not known how old a lag is |
//! | DescribeLogDirs | every broker | 15 s |
//! | DescribeConfigs of topics | one broker | 5 min, new topics at once |
//! | DescribeConfigs of brokers | each of itself | 5 min |
//! | ListPartitionReassignments | one broker, on a connection aside | 12 s, 2 s while something is behind or moves |
//! | DescribeQuorum | one broker, on a connection aside | 3 s, in KRaft mode |
//! | DescribeConfigs | one broker | 5 min, new topics at once |
//! | SCRAM users, ACLs, quotas | one broker | 60 s, longer when answers are large |
//!
//! Everything is asked at once at the start and on a refresh. Each broker has tasks of its own: one
//! that is frozen delays nobody. Of an installation whose verdict alone is wanted (`Depth::Verdict`) only Metadata,
//! log directories and configs of topics are asked: over one connection to each broker a request in two seconds to one
//! of them and one in fifteen to each. Called by whoever holds an installation; nobody else starts tasks here.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::{Notify, mpsc, watch},
    time::{Instant, sleep_until},
};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    answers,
    aside::Aside,
    broker::LinkSetup,
    configs,
    connection::RequestCounts,
    coordinator::coordinate,
    desk::Desk,
    lag::{self, Lag},
    quorum, reassignments, records,
    roster::{Roster, Seen},
    topics, users,
};
use crate::{
    clock::Clock,
    domain::{
        config::{Config, ConfigInquiry},
        freshness::{Asked, Depth, SourceFailure},
        ids::{BrokerId, InstallationId},
        installation::AddressBook,
        lag::Unread,
    },
    facts::KafkaBody,
    io::{
        FactSender,
        dial::{Transport, layers::Layers},
        secrets::SecretSource,
    },
    task,
    wire::requests,
};

/// How often Metadata is asked for.
const METADATA_EVERY: Duration = Duration::from_secs(2);

/// The same while a run waits for brokers to come back.
const METADATA_EAGERLY: Duration = Duration::from_millis(500);

/// How much more it may cost then.
const EAGERLY_TIMES: f64 = 10.0;

/// Bytes per second that Metadata may cost: larger answers are asked for less often.
pub(super) const BYTES_PER_SECOND: f64 = 50_000.0;

/// How often log directories are asked for.
const LOG_DIRS_EVERY: Duration = Duration::from_secs(15);

/// After a failure they are asked for again.
const LOG_DIRS_AGAIN: Duration = Duration::from_secs(4);

/// A broker that owes an answer for longer than this is not waited for.
const PATIENCE: Duration = Duration::from_millis(500);

/// What observing an installation takes.
pub struct ObserverSetup {
    /// Which installation.
    pub installation: InstallationId,
    /// Who opens streams to its pods.
    pub transport: Arc<dyn Transport>,
    /// Who reads the Secrets that a way into it refers to.
    pub secrets: Arc<dyn SecretSource>,
    /// Which pods there are, and which is behind which address.
    pub routes: watch::Receiver<Arc<AddressBook>>,
    /// Notified when everything is to be asked at once.
    pub refresh: Arc<Notify>,
    /// True while somebody waits for what Metadata will tell next: it is asked for more often.
    pub eager: watch::Receiver<bool>,
    /// Is notified when a broker falls silent, so that the link itself can be checked.
    pub on_silence: Arc<Notify>,
    /// The clock that stamps facts.
    pub clock: Clock,
    /// Where facts go.
    pub facts: FactSender,
}

/// The number of a question for configs, and its answer.
pub type ConfigsTold = (u64, Result<Vec<Config>, SourceFailure>);

/// A handle on an observation that runs until its token is cancelled.
#[derive(Clone)]
pub struct Observer {
    counts: Arc<RequestCounts>,
    shared: Arc<Shared>,
}

impl Observer {
    /// Requests sent so far, by their name in Kafka's documentation.
    pub fn request_counts(&self) -> BTreeMap<String, u64> {
        self.counts.by_name()
    }

    /// Asks for everything from now on.
    pub fn widen(&self) {
        self.shared.depth.send_replace(Depth::Whole);
    }

    /// Asks for the times of these records.
    pub fn look(&self, unread: Vec<Unread>, cancel: &CancellationToken) {
        let shared = Arc::clone(&self.shared);
        task::spawn("kafka unread records", cancel, async move { records::look(&shared, unread).await });
    }

    /// Asks for all configs of one owner, with what they mean, and answers with the number of the question.
    pub fn describe(&self, inquiry: ConfigInquiry, answers: &mpsc::Sender<ConfigsTold>, cancel: &CancellationToken) {
        let (shared, answers) = (Arc::clone(&self.shared), answers.clone());
        task::spawn("kafka describe configs", cancel, async move {
            let answer = configs::describe(&shared, &inquiry.of).await;
            // Nobody listens any more only when everything is about to end.
            let _ = answers.send((inquiry.id, answer)).await;
        });
    }
}

/// What the tasks of one observation share.
pub struct Shared {
    /// Brokers and links to them.
    pub roster: Roster,
    /// Where facts are told.
    pub desk: Arc<Desk>,
    /// The lag pass.
    pub lag: Lag,
    /// For questions that a broker may never answer.
    pub aside: Aside,
    pulse: watch::Sender<u64>,
    behind: watch::Sender<bool>,
    depth: watch::Sender<Depth>,
}

impl Shared {
    /// Changes when everything is to be asked at once.
    pub fn pulse(&self) -> watch::Receiver<u64> {
        self.pulse.subscribe()
    }

    /// Whether some partition has fewer in-sync replicas than replicas, as one that is moved has.
    pub fn behind(&self) -> watch::Receiver<bool> {
        self.behind.subscribe()
    }

    /// Does this from when everything is to be asked.
    fn once_whole(
        &self,
        name: &'static str,
        cancel: &CancellationToken,
        work: impl Future<Output = ()> + Send + 'static,
    ) {
        let mut depth = self.depth.subscribe();
        task::spawn(name, cancel, async move {
            if depth.wait_for(|depth| *depth == Depth::Whole).await.is_ok() {
                work.await;
            }
        });
    }

    /// Brokers that answer, or have not shown yet that they do not: those worth waiting for.
    pub fn hopeful(&self) -> Vec<BrokerId> {
        let snapshot = Arc::clone(&self.roster.snapshot().borrow());
        let hopeful = |id: &BrokerId| {
            let link = self.roster.link(*id);
            link.is_ok_and(|link| link.failure().is_none() && link.readiness(PATIENCE) != Some(true))
        };
        snapshot.brokers.keys().copied().filter(hopeful).collect()
    }
}

/// Observes all of an installation's brokers until `cancel` is cancelled. Must run inside a tokio runtime.
pub fn observe(setup: ObserverSetup, cancel: &CancellationToken) -> Observer {
    observe_as(setup, Depth::Whole, cancel)
}

/// The same, as far as is wanted at first.
pub fn observe_as(mut setup: ObserverSetup, depth: Depth, cancel: &CancellationToken) -> Observer {
    let counts = Arc::new(RequestCounts::default());
    let desk = Arc::new(Desk::new(setup.installation, setup.clock, setup.facts));
    let link = LinkSetup {
        transport: setup.transport,
        layers: Arc::new(Layers::new(setup.secrets)),
        desk: Arc::clone(&desk),
        counts: Arc::clone(&counts),
        on_silence: setup.on_silence,
        changed: watch::Sender::default(),
    };
    let roster = Roster::new(link, cancel.child_token());
    let shared = Arc::new(Shared {
        roster,
        desk,
        lag: Lag::default(),
        aside: Aside::default(),
        pulse: watch::Sender::default(),
        behind: watch::Sender::default(),
        depth: watch::Sender::new(depth),
    });
    task::spawn("kafka refresh", cancel, refresh(Arc::clone(&shared), setup.refresh));
    // The first routes are taken before anything is asked: else there would be nobody to ask.
    let first = Arc::clone(&setup.routes.borrow_and_update());
    task::spawn("kafka metadata", cancel, metadata(Arc::clone(&shared), first, setup.eager));
    task::spawn("kafka routes", cancel, routes(Arc::clone(&shared), setup.routes));
    task::spawn("kafka configs", cancel, topics::configs(Arc::clone(&shared)));
    shared.once_whole("kafka lag", cancel, lag::passes(Arc::clone(&shared), cancel.clone()));
    shared.once_whole("kafka quorum", cancel, quorum::watch(Arc::clone(&shared)));
    shared.once_whole("kafka reassignments", cancel, reassignments::watch(Arc::clone(&shared)));
    shared.once_whole("kafka users", cancel, users::users(Arc::clone(&shared)));
    task::spawn("kafka brokers", cancel, brokers(Arc::clone(&shared), cancel.clone()));
    Observer { counts, shared }
}

/// Passes a refresh on to everybody.
async fn refresh(shared: Arc<Shared>, refresh: Arc<Notify>) {
    loop {
        refresh.notified().await;
        shared.roster.retry();
        shared.pulse.send_modify(|n| *n = n.wrapping_add(1));
    }
}

/// Follows the routes.
async fn routes(shared: Arc<Shared>, mut routes: watch::Receiver<Arc<AddressBook>>) {
    // When whoever knows the routes is gone, those that are known still hold.
    while routes.changed().await.is_ok() {
        let book = Arc::clone(&routes.borrow_and_update());
        shared.roster.reroute(book).await;
    }
}

/// Asks for Metadata (key 3).
async fn metadata(shared: Arc<Shared>, first: Arc<AddressBook>, mut eager: watch::Receiver<bool>) {
    let mut pulse = shared.pulse();
    let mut changed = shared.roster.changed();
    shared.roster.reroute(first).await;
    loop {
        changed.mark_unchanged();
        let mut failed = false;
        let asked = Instant::now();
        let silent = shared.roster.silent();
        let (mut pause, times) = pace(*eager.borrow_and_update());
        let answer = shared.roster.ask_any(&requests::metadata()).await;
        match answer.and_then(|a| answers::metadata(&a.body).map(|m| (m, a.bytes))) {
            Ok((metadata, bytes)) => {
                pause = pause.max(Duration::from_secs_f64(bytes as f64 / (times * BYTES_PER_SECOND)));
                let seen = Seen::of(&metadata);
                let mut all = metadata.topics.iter().flat_map(|t| &t.partitions);
                let is_behind = all.any(|p| p.isr.len() < p.replicas.len());
                shared.behind.send_if_modified(|behind| std::mem::replace(behind, is_behind) != is_behind);
                shared.desk.answered(Asked::Metadata, None, KafkaBody::Metadata(metadata)).await;
                shared.roster.learn(seen).await;
            }
            Err(why) => {
                failed = true;
                shared.desk.failed(Asked::Metadata, None, &why).await;
            }
        }
        tokio::select! {
            () = sleep_until(asked + pause) => {}
            // Whoever comes back is asked at once.
            _ = changed.changed(), if failed => {}
            // Who leads what a silent broker led is asked at once.
            () = falls_silent(&shared, silent) => {}
            // Whoever could be in a hurry may be gone; then nobody is.
            Ok(()) = eager.changed() => {}
            gone = pulse.changed() => if gone.is_err() {
                return;
            },
        }
    }
}

/// Waits until more brokers are silent than there were.
async fn falls_silent(shared: &Shared, before: usize) {
    let mut changed = shared.roster.changed();
    while shared.roster.silent() <= before {
        if changed.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// How often Metadata is asked for, and how many times as much it may cost.
fn pace(is_eager: bool) -> (Duration, f64) {
    if is_eager { (METADATA_EAGERLY, EAGERLY_TIMES) } else { (METADATA_EVERY, 1.0) }
}

/// Starts and ends the tasks of each broker as brokers come and go.
async fn brokers(shared: Arc<Shared>, cancel: CancellationToken) {
    let mut snapshot = shared.roster.snapshot();
    let mut running: BTreeMap<BrokerId, DropGuard> = BTreeMap::new();
    loop {
        let registered: BTreeSet<BrokerId> = snapshot.borrow_and_update().brokers.keys().copied().collect();
        running.retain(|id, _| {
            // A broker that is down is not in Metadata, and is still asked while it has a pod.
            let stays = registered.contains(id) || shared.roster.link(*id).is_ok();
            if !stays {
                shared.lag.forget(*id);
            }
            stays
        });
        for id in registered {
            running.entry(id).or_insert_with(|| {
                let cancel = cancel.child_token();
                task::spawn("kafka log dirs", &cancel, log_dirs(Arc::clone(&shared), id));
                shared.once_whole("kafka coordinator", &cancel, coordinate(Arc::clone(&shared), id));
                shared.once_whole("kafka broker configs", &cancel, configs::of_broker(Arc::clone(&shared), id));
                cancel.drop_guard()
            });
        }
        if snapshot.changed().await.is_err() {
            return;
        }
    }
}

/// Asks one broker for its log directories (key 35).
async fn log_dirs(shared: Arc<Shared>, broker: BrokerId) {
    let mut pulse = shared.pulse();
    loop {
        let mut next = Instant::now() + LOG_DIRS_EVERY;
        let answer = shared.roster.ask(broker, &requests::describe_log_dirs()).await;
        match answer.and_then(|answer| answers::log_dirs(&answer)) {
            Ok(dirs) => shared.desk.answered(Asked::LogDirs, Some(broker), KafkaBody::LogDirs(dirs)).await,
            Err(why) => {
                next = Instant::now() + LOG_DIRS_AGAIN;
                shared.desk.failed(Asked::LogDirs, Some(broker), &why).await;
            }
        }
        tokio::select! {
            () = sleep_until(next) => {}
            gone = pulse.changed() => if gone.is_err() {
                return;
            },
        }
    }
}
