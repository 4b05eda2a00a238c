//! Writes records and waits until all in-sync replicas have them.
//!
//! As with `reader` a thread of its own holds the client and drops it. It is idempotent: a broker that answers late
//! gets no record twice. Topics are never created by writing to them.

use std::{sync::Arc, time::Duration};

use chrono::DateTime;
use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use super::{
    breaker::Breaker,
    dialer::{Dialer, Reach, WANTED},
    failure,
    hooks::{Delivery, Hooks},
    native::{self, Client, NativeError, Role},
};
use crate::{
    domain::{
        freshness::SourceFailure,
        record::{Draft, Written},
    },
    task,
};

/// How long one wait for word of brokers is.
const POLL: Duration = Duration::from_millis(20);

/// Records that wait to be handed over.
const QUEUE: usize = 64;

/// What becomes of a record.
type Reply = oneshot::Sender<Result<Written, SourceFailure>>;

/// Writes records over connections that stay. It ends when dropped.
pub struct Writer {
    drafts: mpsc::Sender<(Draft, Reply)>,
}

impl Writer {
    /// Connects to an installation's brokers; a record is given up `within` this time. Ends with `cancel`, too.
    pub fn start(reach: Reach, within: Duration, cancel: &CancellationToken) -> Self {
        let breaker = Arc::new(Breaker::default());
        let (wanted, wishes) = mpsc::channel(WANTED);
        let hooks = Arc::new(Hooks::new(wanted, Arc::clone(&breaker)));
        let dialer = Arc::new(Dialer::new(reach, breaker));
        let streams = cancel.child_token();
        task::spawn("messages dialer", &streams, Arc::clone(&dialer).run(wishes, streams.clone()));
        let (drafts, queue) = mpsc::channel(QUEUE);
        let mut work = Work { within, dialer, queue, sent: Vec::new(), cancel: cancel.clone() };
        task::thread("messages", move || {
            work.run(hooks);
            streams.cancel();
        });
        Self { drafts }
    }

    /// Writes a record and says where it is once all in-sync replicas have it.
    pub async fn write(&self, draft: Draft) -> Result<Written, SourceFailure> {
        let (reply, told) = oneshot::channel();
        let ended = || failure::of_writing("", &NativeError { code: -1, words: "the writer has ended".to_owned() });
        self.drafts.send((draft, reply)).await.map_err(|_| ended())?;
        told.await.map_err(|_| ended())?
    }
}

struct Work {
    within: Duration,
    dialer: Arc<Dialer>,
    queue: mpsc::Receiver<(Draft, Reply)>,
    /// By number: the topic, when it was handed over, and who waits.
    sent: Vec<Option<(String, Instant, Reply)>>,
    cancel: CancellationToken,
}

impl Work {
    fn run(&mut self, hooks: Arc<Hooks>) {
        let client = match self.client(hooks) {
            Ok(client) => client,
            Err(why) => {
                while let Some((_, reply)) = self.queue.blocking_recv() {
                    drop(reply.send(Err(why.clone())));
                }
                return;
            }
        };
        loop {
            let waiting = self.sent.iter().any(Option::is_some);
            // While nothing is under way it sleeps until there is something to do.
            let next = if waiting { self.queue.try_recv().ok() } else { self.queue.blocking_recv() };
            match next {
                Some((draft, reply)) => self.hand_over(&client, &draft, reply),
                None if !waiting => return,
                None => {
                    for delivery in client.poll(POLL) {
                        self.delivered(&delivery);
                    }
                }
            }
            if self.cancel.is_cancelled() {
                return;
            }
        }
    }

    fn client(&self, hooks: Arc<Hooks>) -> Result<Client, SourceFailure> {
        let seeds = self.dialer.seeds();
        if seeds.is_empty() {
            return Err(failure::nobody());
        }
        let mut settings = super::settings();
        settings.extend([
            ("acks", "all".to_owned()),
            ("enable.idempotence", "true".to_owned()),
            ("message.timeout.ms", self.within.as_millis().to_string()),
            ("linger.ms", "0".to_owned()),
            // A topic that is not there now is not waited for.
            ("topic.metadata.propagation.max.ms", "0".to_owned()),
            // As Java clients do, so that a key's records stay together.
            ("partitioner", "murmur2_random".to_owned()),
        ]);
        let made = Client::new(Role::Writes, &settings, hooks).and_then(|client| client.seed(&seeds).map(|()| client));
        made.map_err(|why| failure::of_writing("", &why))
    }

    fn hand_over(&mut self, client: &Client, draft: &Draft, reply: Reply) {
        let free = self.sent.iter().position(Option::is_none).unwrap_or(self.sent.len());
        match client.produce(draft, free) {
            Ok(()) => {
                let entry = Some((draft.topic.clone(), Instant::now(), reply));
                if free == self.sent.len() {
                    self.sent.push(entry);
                } else {
                    self.sent[free] = entry;
                }
            }
            Err(why) => drop(reply.send(Err(failure::of_writing(&draft.topic, &why)))),
        }
    }

    fn delivered(&mut self, delivery: &Delivery) {
        let Some((topic, since, reply)) = self.sent.get_mut(delivery.number).and_then(Option::take) else { return };
        let told = match delivery.told {
            Ok((partition, offset, at)) => {
                let at = (at >= 0).then(|| DateTime::from_timestamp_millis(at)).flatten();
                Ok(Written { partition, offset, at, took: since.elapsed() })
            }
            Err(code) => {
                // What kept it from its broker says more than that time is up.
                let trouble = self.dialer.trouble().borrow().values().next().cloned();
                let why = NativeError { code, words: native::words_of(code) };
                Err(trouble.filter(|_| code < 0).unwrap_or_else(|| failure::of_writing(&topic, &why)))
            }
        };
        // Who asked may have gone: the record is written all the same.
        drop(reply.send(told));
    }
}
