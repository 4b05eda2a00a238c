//! Reads records of a topic's partitions until somebody has seen enough.
//!
//! A thread of its own holds the client: librdkafka is asked there and dropped there, so that a broker that is frozen
//! holds up nobody who leaves. It joins no group and commits nothing.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::{
    breaker::Breaker,
    dialer::{Dialer, Reach, WANTED},
    failure,
    hooks::Hooks,
    native::{Client, NativeError, Polled, Queue, Role, Topic},
};
use crate::{
    domain::{
        freshness::SourceFailure,
        record::{Query, ReadEvent, Start},
    },
    task,
};

/// How long one wait for records is: so long it takes until somebody who leaves is noticed.
const POLL: Duration = Duration::from_millis(100);

/// How long one question to brokers may take.
const ASK: Duration = Duration::from_secs(2);

/// Bytes that librdkafka fetches ahead, over all partitions, and the least for one.
const AHEAD: usize = 16 << 20;
const LEAST_AHEAD: usize = 64 << 10;

/// What happens with records that come faster than they are taken.
#[derive(Debug, Clone)]
pub enum Pace {
    /// Reading waits.
    Whole,
    /// They are let go and counted here: what is looked at live stays live.
    Live(Arc<AtomicU64>),
}

/// Starts to read. It ends with `cancel`, when nobody listens any more, or when it says that it is over.
pub fn read(reach: Reach, query: Query, pace: Pace, events: mpsc::Sender<ReadEvent>, cancel: &CancellationToken) {
    let breaker = Arc::new(Breaker::default());
    let (wanted, wishes) = mpsc::channel(WANTED);
    let hooks = Arc::new(Hooks::new(wanted, Arc::clone(&breaker)));
    let dialer = Arc::new(Dialer::new(reach, breaker));
    // Streams end with the reader, too: whatever librdkafka still waits for breaks off then.
    let streams = cancel.child_token();
    task::spawn("messages dialer", &streams, Arc::clone(&dialer).run(wishes, streams.clone()));
    let reader = Reader {
        query,
        pace,
        events,
        trouble: dialer.trouble(),
        told: RefCell::default(),
        dialer,
        cancel: cancel.clone(),
    };
    task::thread("messages", move || {
        if let End::Over(why) = reader.run(hooks) {
            // Nobody listens any more: then nobody needs it.
            drop(reader.events.blocking_send(ReadEvent::Over(why)));
        }
        streams.cancel();
    });
}

struct Reader {
    query: Query,
    pace: Pace,
    events: mpsc::Sender<ReadEvent>,
    dialer: Arc<Dialer>,
    trouble: watch::Receiver<BTreeMap<String, SourceFailure>>,
    /// What was told of it last.
    told: RefCell<Option<SourceFailure>>,
    cancel: CancellationToken,
}

/// Somebody has seen enough.
struct Enough;

/// Why reading ends: somebody has seen enough, or nothing more can come.
enum End {
    Enough,
    Over(Option<SourceFailure>),
}

impl From<Enough> for End {
    fn from(_: Enough) -> Self {
        Self::Enough
    }
}

impl Reader {
    /// Reads until the end; why nothing more comes.
    fn run(&self, hooks: Arc<Hooks>) -> End {
        let ended = self.client(hooks).and_then(|client| {
            let topic = client.topic(&self.query.topic).map_err(|e| self.over(&e))?;
            let partitions = self.partitions(&client, &topic)?;
            self.tell(ReadEvent::Began(partitions.clone()))?;
            let starts = self.starts(&client, &partitions)?;
            let mut queue = topic.queue();
            for (partition, start) in starts {
                queue.begin(partition, start).map_err(|e| self.over(&e))?;
            }
            self.pump(&client, &mut queue, &partitions)
        });
        ended.err().unwrap_or(End::Over(None))
    }

    fn over(&self, why: &NativeError) -> End {
        End::Over(Some(failure::of_reading(&self.query.topic, None, why)))
    }

    fn client(&self, hooks: Arc<Hooks>) -> Result<Client, End> {
        let seeds = self.dialer.seeds();
        if seeds.is_empty() {
            return Err(End::Over(Some(failure::nobody())));
        }
        let ahead = (AHEAD / self.query.partitions.len().max(16)).max(LEAST_AHEAD) >> 10;
        let isolation = if self.query.committed { "read_committed" } else { "read_uncommitted" };
        let mut settings = super::settings();
        settings.extend([
            ("enable.partition.eof", "true".to_owned()),
            ("enable.auto.commit", "false".to_owned()),
            ("auto.offset.reset", "error".to_owned()),
            ("isolation.level", isolation.to_owned()),
            ("queued.max.messages.kbytes", ahead.to_string()),
            ("fetch.wait.max.ms", "500".to_owned()),
            ("fetch.message.max.bytes", "1048576".to_owned()),
            ("fetch.max.bytes", "8388608".to_owned()),
        ]);
        let client = Client::new(Role::Reads, &settings, hooks).map_err(|e| self.over(&e))?;
        client.seed(&seeds).map_err(|e| self.over(&e))?;
        Ok(client)
    }

    /// Which partitions are read: those that are wanted, of those that there are.
    fn partitions(&self, client: &Client, topic: &Topic<'_>) -> Result<Vec<i32>, End> {
        let described = loop {
            match client.describe(topic, ASK) {
                Ok(described) if !described.partitions.is_empty() => break described,
                Ok(_) => {}
                Err(why) if failure::is_passing(&why) => {}
                Err(why) => return Err(self.over(&why)),
            }
            self.tell_trouble()?;
        };
        self.dialer.learn(&described.brokers);
        let mut all = described.partitions;
        all.sort_unstable();
        if let Some(missing) = self.query.partitions.iter().find(|p| !all.contains(p)) {
            return Err(End::Over(Some(failure::no_partition(&self.query.topic, *missing, all.len()))));
        }
        all.retain(|p| self.query.partitions.is_empty() || self.query.partitions.contains(p));
        Ok(all)
    }

    /// Where each partition is begun; times are looked up.
    fn starts(&self, client: &Client, partitions: &[i32]) -> Result<Vec<(i32, Start)>, End> {
        let Start::Time(at) = self.query.start else {
            return Ok(partitions.iter().map(|p| (*p, self.query.start)).collect());
        };
        let mut left: BTreeSet<i32> = partitions.iter().copied().collect();
        let mut starts = Vec::new();
        while !left.is_empty() {
            let asked: Vec<i32> = left.iter().copied().collect();
            match client.offsets_at(&self.query.topic, &asked, at.timestamp_millis(), ASK) {
                Ok(found) => {
                    for (partition, offset) in found {
                        left.remove(&partition);
                        starts.push((partition, offset.map_or(Start::End, Start::Offset)));
                    }
                }
                Err(why) if failure::is_passing(&why) => {}
                Err(why) => return Err(self.over(&why)),
            }
            self.tell_trouble()?;
        }
        Ok(starts)
    }

    /// Passes on what is read.
    fn pump(&self, client: &Client, queue: &mut Queue<'_>, partitions: &[i32]) -> Result<(), End> {
        let mut ended = BTreeSet::new();
        loop {
            match queue.poll(POLL, self.query.keep) {
                // What comes behind the end that was reached once is not asked for.
                Some(Polled::Record(record)) if self.query.until_end && ended.contains(&record.partition) => {}
                Some(Polled::Record(record)) => self.tell(ReadEvent::Record(record))?,
                Some(Polled::End(partition, next)) => {
                    ended.insert(partition);
                    self.tell(ReadEvent::End { partition, next })?;
                    if self.query.until_end && ended.len() == partitions.len() {
                        return Ok(());
                    }
                }
                Some(Polled::Error(_, why)) if failure::is_passing(&why) => {}
                Some(Polled::Error(partition, why)) => {
                    let told = self.explained(client, partition, &why);
                    self.tell(ReadEvent::Trouble(Some(partition), told.clone()))?;
                    ended.insert(partition);
                    if ended.len() == partitions.len() && self.query.until_end {
                        return Err(End::Over(Some(told)));
                    }
                }
                None => {}
            }
            // Records of some brokers do not mean that the others can be reached.
            self.tell_trouble()?;
        }
    }

    /// What an error of a partition means; of an offset that is not there, which ones are.
    fn explained(&self, client: &Client, partition: i32, why: &NativeError) -> SourceFailure {
        if let (Start::Offset(offset), true) = (self.query.start, failure::is_no_offset(why))
            && let Ok((low, high)) = client.bounds(&self.query.topic, partition, ASK)
        {
            return failure::no_offset(&self.query.topic, partition, offset, low, high);
        }
        failure::of_reading(&self.query.topic, Some(partition), why)
    }

    /// Tells what is in the way of streams, where that has changed.
    fn tell_trouble(&self) -> Result<(), End> {
        if self.cancel.is_cancelled() {
            return Err(End::Enough);
        }
        let now = self.trouble.borrow().values().next().cloned();
        if *self.told.borrow() == now {
            return Ok(());
        }
        self.told.replace(now.clone());
        Ok(self.tell(now.map_or(ReadEvent::Clear, |failure| ReadEvent::Trouble(None, failure)))?)
    }

    fn tell(&self, event: ReadEvent) -> Result<(), Enough> {
        if self.cancel.is_cancelled() {
            return Err(Enough);
        }
        match (&self.pace, &event) {
            (Pace::Live(dropped), ReadEvent::Record(_)) => match self.events.try_send(event) {
                Ok(()) => Ok(()),
                Err(mpsc::error::TrySendError::Full(_)) => {
                    dropped.fetch_add(1, Ordering::Relaxed);
                    Ok(())
                }
                Err(mpsc::error::TrySendError::Closed(_)) => Err(Enough),
            },
            _ => self.events.blocking_send(event).map_err(|_| Enough),
        }
    }
}
