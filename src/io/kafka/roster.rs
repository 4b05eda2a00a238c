//! Which brokers there are, which pod each is behind, and whom to ask what every broker knows.
//!
//! Links are kept by pod, because pods are known before brokers: Metadata says later which broker is
//! behind which. It asks nothing by itself.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::{StreamExt, stream::FuturesUnordered};
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{
    broker::{CALL_DEADLINE, Link, LinkHandle, LinkSetup},
    connection::Answer,
    failure::CallError,
};
use crate::{
    domain::{
        broker::{Advertised, Contact},
        ids::{BrokerId, ObjectKey},
        installation::{AddressBook, Misplaced, PodPort},
        topic::Topic,
    },
    facts::Metadata,
    io::dial::layers::Route,
    wire::requests::Ask,
};

/// A broker that takes longer than this for what any broker can answer has another one asked too.
const HEDGE_AFTER: Duration = Duration::from_millis(500);

/// A broker that owes an answer for longer than this is not the first to be asked.
const PATIENCE: Duration = Duration::from_millis(300);

/// What the last Metadata said, as far as asking brokers needs it.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// Brokers, and the pod of each, or why none is.
    pub brokers: BTreeMap<BrokerId, Result<PodPort, Misplaced>>,
    /// Leaders of each topic's partitions, by index.
    pub leaders: Arc<Leaders>,
}

impl Snapshot {
    /// The leader of a partition, if it has one.
    pub fn leader(&self, topic: &str, partition: i32) -> Option<BrokerId> {
        let index = usize::try_from(partition).ok()?;
        self.leaders.get(topic)?.get(index).copied().flatten()
    }
}

/// The brokers of one installation.
pub struct Roster {
    setup: LinkSetup,
    cancel: CancellationToken,
    known: Mutex<Known>,
    snapshot: watch::Sender<Arc<Snapshot>>,
}

#[derive(Default)]
struct Known {
    links: HashMap<PodPort, LinkHandle>,
    book: Arc<AddressBook>,
    seen: Seen,
}

/// What is kept of Metadata.
#[derive(Debug, Default)]
pub struct Seen {
    brokers: Vec<Advertised>,
    leaders: Arc<Leaders>,
}

/// Leaders of each topic's partitions, by index.
type Leaders = HashMap<String, Vec<Option<BrokerId>>>;

impl Roster {
    /// Nobody is known yet; links end with `cancel`.
    pub fn new(setup: LinkSetup, cancel: CancellationToken) -> Self {
        Self { setup, cancel, known: Mutex::default(), snapshot: watch::Sender::default() }
    }

    /// What the last Metadata said, and every change.
    pub fn snapshot(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshot.subscribe()
    }

    /// Changes when any link does.
    pub fn changed(&self) -> watch::Receiver<u64> {
        self.setup.changed.subscribe()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes new routes: links to pods that were replaced are dialled again, those to pods that are gone end.
    pub async fn reroute(&self, book: Arc<AddressBook>) {
        {
            let mut known = self.known();
            for (to, handle) in &known.links {
                if hosts(&known.book, &to.pod) == hosts(&book, &to.pod) {
                    handle.link.nudge();
                } else {
                    handle.link.redial();
                }
            }
            if known.book.way != book.way {
                // Another listener advertises other addresses.
                known.seen = Seen::default();
            }
            known.book = along(book);
        }
        self.arrange().await;
    }

    /// Takes what Metadata says.
    pub async fn learn(&self, seen: Seen) {
        self.known().seen = seen;
        self.arrange().await;
    }

    /// Puts links and brokers in line with the routes and with Metadata.
    async fn arrange(&self) {
        let snapshot = {
            let mut known = self.known();
            let snapshot = snapshot(&known.book, &known.seen);
            let mut owners: HashMap<PodPort, Option<BrokerId>> =
                known.book.seeds.iter().map(|seed| (seed.clone(), hinted(&known.book, seed, &snapshot))).collect();
            for (id, to) in &snapshot.brokers {
                if let Ok(to) = to {
                    owners.insert(to.clone(), Some(*id));
                }
            }
            known.links.retain(|to, _| owners.contains_key(to));
            for (to, owner) in owners {
                let start = |route| Link::start(to.clone(), route, self.setup.clone(), &self.cancel);
                let route = route(&known.book, &known.seen, &to);
                let handle = known.links.entry(to.clone()).or_insert_with(|| start(route.clone()));
                handle.link.bind(owner);
                handle.link.guide(&route);
            }
            snapshot
        };
        for (id, to) in &snapshot.brokers {
            if let Err(why) = to {
                let why = CallError::Misplaced(why.clone()).to_string();
                self.setup.desk.contact(*id, Contact::Refused { why }).await;
            }
        }
        self.snapshot.send_replace(Arc::new(snapshot));
        // Whoever waits for a link looks again whether there is one to wait for.
        self.setup.changed.send_modify(|n| *n = n.wrapping_add(1));
    }

    /// The link to a broker.
    pub fn link(&self, broker: BrokerId) -> Result<Arc<Link>, CallError> {
        let found = self.known().links.values().find(|h| h.link.broker() == Some(broker)).map(|h| Arc::clone(&h.link));
        found.ok_or_else(|| match self.snapshot.borrow().brokers.get(&broker) {
            Some(Err(why)) => CallError::Misplaced(why.clone()),
            _ => CallError::Nobody,
        })
    }

    /// Asks one broker.
    pub async fn ask<R: Ask>(&self, broker: BrokerId, request: &R) -> Result<R::Response, CallError> {
        self.link(broker)?.call(request).await.map(|answer| answer.body)
    }

    /// Whether brokers keep their metadata in a quorum of their own; `None` until one of them has said.
    pub fn is_kraft(&self) -> Option<bool> {
        let known = self.known();
        known.links.values().filter_map(|h| h.link.features()).map(|f| f.kraft).reduce(|a, b| a || b)
    }

    /// A link of its own to the broker that can be asked best, beside the one that serves: what it is asked may take
    /// as long as it likes, and nothing is concluded from that. Another one than `before`, where there is.
    pub fn aside(&self, before: Option<&PodPort>) -> Option<LinkHandle> {
        let tried = before.cloned().into_iter().collect();
        let to = self.readiest(&tried).or_else(|| self.readiest(&HashSet::new()))?.to().clone();
        let known = self.known();
        let route = route(&known.book, &known.seen, &to);
        let (on_silence, changed) = (Arc::default(), watch::Sender::default());
        // It is never said whose it is, so it tells nothing.
        Some(Link::start(to, route, LinkSetup { on_silence, changed, ..self.setup.clone() }, &self.cancel))
    }

    /// Why no broker can be asked now; `None` while one may still answer.
    pub fn why_nobody(&self) -> Option<CallError> {
        self.nobody_left(&HashSet::new())
    }

    /// Tells a link aside how it is dialled by now; false when it leads nowhere any more.
    pub fn guides(&self, link: &Link) -> bool {
        let known = self.known();
        let leads = known.links.contains_key(link.to());
        if leads {
            link.guide(&route(&known.book, &known.seen, link.to()));
        }
        leads
    }

    /// How many brokers are silent.
    pub fn silent(&self) -> usize {
        self.known().links.values().filter(|handle| handle.link.is_silent()).count()
    }

    /// Has every link that waits to dial do so now.
    pub fn retry(&self) {
        for handle in self.known().links.values() {
            handle.link.retry();
        }
    }

    /// Asks whichever broker answers first; another one is asked when the first takes long or fails.
    pub async fn ask_any<R: Ask>(&self, request: &R) -> Result<Answer<R::Response>, CallError> {
        self.ask_first(request).await.map(|(_, answer)| answer)
    }

    /// The same, and the link to the broker that answered.
    pub async fn ask_first<R: Ask>(&self, request: &R) -> Result<(Arc<Link>, Answer<R::Response>), CallError> {
        let give_up = Instant::now() + CALL_DEADLINE;
        let mut changed = self.setup.changed.subscribe();
        let mut tried = HashSet::new();
        let mut asked = FuturesUnordered::new();
        let mut failure = None;
        let mut hedge = Instant::now();
        loop {
            changed.mark_unchanged();
            if Instant::now() >= hedge
                && let Some(link) = self.readiest(&tried)
            {
                tried.insert(link.to().clone());
                asked.push(async move { link.call(request).await.map(|answer| (link, answer)) });
                hedge = Instant::now() + HEDGE_AFTER;
            }
            if asked.is_empty()
                && let Some(why) = self.nobody_left(&tried)
            {
                return Err(failure.unwrap_or(why));
            }
            tokio::select! {
                Some(answer) = asked.next() => match answer {
                    Ok(answer) => return Ok(answer),
                    Err(why) => {
                        failure = Some(why);
                        hedge = Instant::now();
                    }
                },
                () = sleep_until(hedge), if hedge > Instant::now() => {}
                _ = changed.changed() => {}
                () = sleep_until(give_up) => {
                    return Err(failure.unwrap_or(CallError::Timeout { after: CALL_DEADLINE }));
                }
            }
        }
    }

    /// The link that can be asked and owes nothing, or one that can be asked, among those not tried yet.
    fn readiest(&self, tried: &HashSet<PodPort>) -> Option<Arc<Link>> {
        let known = self.known();
        let untried = known.links.iter().filter(|(to, _)| !tried.contains(*to));
        let ready = untried.filter_map(|(_, h)| h.link.readiness(PATIENCE).map(|owes| (owes, &h.link)));
        ready.min_by_key(|(owes, link)| (*owes, link.broker(), link.to().pod.clone())).map(|(_, link)| Arc::clone(link))
    }

    /// Why there is nobody more to wait for: every link was tried or has failed.
    fn nobody_left(&self, tried: &HashSet<PodPort>) -> Option<CallError> {
        let known = self.known();
        let mut why = CallError::Nobody;
        for (to, handle) in &known.links {
            if handle.link.readiness(PATIENCE).is_some() && !tried.contains(to) {
                return None;
            }
            match handle.link.failure() {
                Some(failure) => why = failure,
                None if tried.contains(to) => {}
                None => return None,
            }
        }
        Some(why)
    }
}

/// Every name and address that leads to a pod: another set means another pod behind the same name.
fn hosts<'a>(book: &'a AddressBook, pod: &ObjectKey) -> Vec<&'a str> {
    book.hosts.iter().filter(|(_, p)| *p == pod).map(|(host, _)| host.as_str()).collect()
}

/// The routes with their way's port in place of the pods' own.
fn along(book: Arc<AddressBook>) -> Arc<AddressBook> {
    let Some(port) = book.way.as_ref().map(|way| way.port) else { return book };
    let mut book = Arc::unwrap_or_clone(book);
    for seed in &mut book.seeds {
        seed.port = port;
    }
    Arc::new(book)
}

/// Under which names a pod is dialled: those that its brokers advertise; before they are known, all of its own.
fn route(book: &AddressBook, seen: &Seen, to: &PodPort) -> Route {
    let Some(way) = book.way.clone() else { return Route::default() };
    let here = |b: &&Advertised| book.resolve(b.id, &b.host, b.port).as_ref() == Some(to);
    let mut names: Vec<String> =
        seen.brokers.iter().filter(here).map(|b| b.host.trim_end_matches('.').to_owned()).collect();
    if names.is_empty() {
        for host in hosts(book, &to.pod) {
            names.push(host.to_owned());
            // The book's forms end there, in lower case.
            if host.rsplit_once('.').is_some_and(|(_, last)| last == "svc") {
                names.push(format!("{host}.{CLUSTER_DOMAIN}"));
            }
        }
        // The longest says most; it is what a server is asked for that has several certificates.
        names.sort_by_key(|name| (name.parse::<std::net::IpAddr>().is_ok(), std::cmp::Reverse(name.len())));
    }
    Route { way: Some(way), names }
}

/// Under which names a pod is dialled before its broker has told its own: all that it has.
pub fn names_of(book: &AddressBook, to: &PodPort) -> Vec<String> {
    route(book, &Seen::default(), to).names
}

/// The domain of most clusters.
const CLUSTER_DOMAIN: &str = "cluster.local";

/// The broker that a pod's own description names, unless Metadata says that it is somewhere else.
fn hinted(book: &AddressBook, seed: &PodPort, snapshot: &Snapshot) -> Option<BrokerId> {
    let (id, _) = book.ids.iter().find(|(_, pod)| **pod == seed.pod)?;
    let elsewhere = match snapshot.brokers.get(id) {
        Some(Ok(to)) => to != seed,
        // It may run here all the same, but what it tells clients is somewhere else.
        Some(Err(Misplaced::Shared { .. })) => true,
        Some(Err(Misplaced::Nowhere { .. })) | None => false,
    };
    // Of several ports of one pod only one is the broker's.
    let first = book.seeds.iter().find(|s| s.pod == seed.pod) == Some(seed);
    (!elsewhere && first).then_some(*id)
}

fn snapshot(book: &AddressBook, seen: &Seen) -> Snapshot {
    let brokers = book.places(&seen.brokers.iter().collect::<Vec<_>>());
    Snapshot { brokers, leaders: Arc::clone(&seen.leaders) }
}

impl Seen {
    /// What matters of an answer for asking brokers.
    pub fn of(metadata: &Metadata) -> Self {
        let leaders = metadata.topics.iter().map(|t| (t.name.clone(), leaders(t)));
        Self { brokers: metadata.brokers.clone(), leaders: Arc::new(leaders.collect()) }
    }
}

/// Leaders by index; a partition that is missing has none.
fn leaders(topic: &Topic) -> Vec<Option<BrokerId>> {
    let mut leaders = Vec::with_capacity(topic.partitions.len());
    for p in &topic.partitions {
        let Ok(index) = usize::try_from(p.index) else { continue };
        if index <= leaders.len() + MOST_MISSING {
            leaders.resize(leaders.len().max(index + 1), None);
            leaders[index] = p.leader;
        }
    }
    leaders
}

/// Indexes that may be missing in a row: an answer must not make a table larger than itself by much.
const MOST_MISSING: usize = 1_000;
