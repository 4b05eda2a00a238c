//! The brokers of the sandbox: what each of them does on a connection.
//!
//! They answer from a `Kafka`, as brokers of 4.1 in KRaft mode do: one request after the other on a connection, in
//! order, and they hang up on what is not Kafka. What they are told to change, they change in it at
//! once (`changes`); they move nothing (`simulation` does that) and listen nowhere;
//! a `door` may stand before them:
//! whoever opens streams to pods calls `serve` with the other end.

mod alter;
mod answers;
mod changes;
mod cluster;
mod commits;
mod config_table;
mod configs;
mod coordinators;
pub mod door;
mod fetch;
mod grants;
mod groups;
mod logs;
mod made;
mod moves;
mod offsets;
mod produce;
mod records;
mod topics;
mod users;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use kafka_protocol::{
    messages::{ApiKey, FetchRequest, ProduceRequest},
    protocol::StrBytes,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    sync::{mpsc, watch},
    time::{Instant, sleep, sleep_until},
};

pub use answers::OFFERED;
pub use coordinators::coordinator_of;
pub use moves::settle;

use self::{
    door::{Deed, Door, Users, Visit},
    records::Records,
};
use super::kafka::{Kafka, Process};
use crate::{
    clock::Clock,
    wire::served::{self, Hostile, Incoming},
};

/// Requests that a connection takes before one of them is answered; a frozen broker's client sends no more.
const QUEUE: usize = 128;

/// What is read at a time: memory grows by what arrives, never by what is announced.
const READ_STEP: usize = 16 << 10;

/// All brokers of a cluster. Cheap to clone.
#[derive(Clone)]
pub struct Brokers {
    kafka: Arc<Mutex<Kafka>>,
    changed: watch::Receiver<u64>,
    clock: Clock,
    door: Door,
    records: Records,
}

/// What an answer is made from.
struct View<'a> {
    kafka: &'a Kafka,
    /// The broker that answers.
    me: i32,
    /// The time, in milliseconds of the epoch.
    now: i64,
    /// What is kept of records.
    records: &'a Records,
}

impl Brokers {
    /// Brokers that answer from `kafka`; `changed` tells them after every change of it.
    pub fn new(kafka: Arc<Mutex<Kafka>>, changed: watch::Receiver<u64>, clock: Clock) -> Self {
        Self { kafka, changed, clock, door: Door::default(), records: Records::default() }
    }

    /// The same with a door before them.
    #[must_use]
    pub fn behind(mut self, door: Door) -> Self {
        self.door = door;
        self
    }

    /// Serves one connection to a broker, until its client goes, the broker goes down, or the client sends what no
    /// client sends.
    pub async fn serve(&self, broker: i32, stream: impl AsyncRead + AsyncWrite + Unpin) {
        let inside = async {
            match &self.door.tls {
                None => self.admit_and_serve(broker, stream).await,
                Some(tls) => match tls.accept(stream).await {
                    Ok(stream) => self.admit_and_serve(broker, stream).await,
                    Err(why) => tracing::debug!(broker, %why, "no TLS"),
                },
            }
        };
        tokio::select! {
            biased;
            () = self.until(broker, |process| process == Process::Down) => {}
            () = inside => {}
        }
    }

    /// Serves one who has logged in, if one must, until the session ends.
    async fn admit_and_serve(&self, broker: i32, mut stream: impl AsyncRead + AsyncWrite + Unpin) {
        let mut lasts = None;
        if let Some(users) = &self.door.users {
            if self.admit(broker, users, &mut stream).await.is_none() {
                // So that what was said last arrives.
                let _ = stream.shutdown().await;
                return;
            }
            lasts = users.session;
        }
        let (reader, writer) = tokio::io::split(stream);
        let (queue, requests) = mpsc::channel(QUEUE);
        let ends = async {
            match lasts {
                Some(session) => sleep(session).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            why = self.answer_all(broker, requests, writer) => tracing::debug!(broker, ?why, "hung up"),
            () = read_all(reader, queue) => {}
            () = ends => tracing::debug!(broker, "the session has ended"),
        }
    }

    /// Waits for a login; nothing when it fails.
    async fn admit(
        &self,
        broker: i32,
        users: &Users,
        stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    ) -> Option<()> {
        let mut visit = Visit::default();
        while !visit.admitted {
            let mut prefix = [0; 4];
            stream.read_exact(&mut prefix).await.ok()?;
            let length = served::announced(prefix).ok()?;
            let incoming = Incoming::read(read_frame(stream, length).await?).ok()?;
            self.ready(broker).await;
            let keys = self.kafka().changes.keys.clone();
            let (answer, ends) = match visit.takes(users, &keys, &incoming).ok()? {
                Deed::Says(answer) => (answer, false),
                Deed::Ends(answer) => (answer, true),
                Deed::Passes => (self.answer(broker, &incoming).ok()?, false),
            };
            stream.write_all(&answer).await.ok()?;
            stream.flush().await.ok()?;
            if ends {
                return None;
            }
        }
        Some(())
    }

    fn kafka(&self) -> MutexGuard<'_, Kafka> {
        self.kafka.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a broker's process does; one that does not exist is down.
    fn process(&self, broker: i32) -> Process {
        self.kafka().brokers.get(&broker).map_or(Process::Down, |b| b.process)
    }

    /// Waits until a broker's process does what is wanted.
    async fn until(&self, broker: i32, wanted: impl Fn(Process) -> bool) {
        let mut changed = self.changed.clone();
        loop {
            changed.mark_unchanged();
            if wanted(self.process(broker)) {
                return;
            }
            if changed.changed().await.is_err() {
                // Nothing will ever change again.
                std::future::pending::<()>().await;
            }
        }
    }

    /// Answers requests in their order; says why it stopped.
    async fn answer_all(
        &self,
        broker: i32,
        mut requests: mpsc::Receiver<Result<Bytes, Hostile>>,
        mut stream: impl AsyncWrite + Unpin,
    ) -> Option<Hostile> {
        while let Some(frame) = requests.recv().await {
            let incoming = match frame.and_then(Incoming::read) {
                Ok(incoming) => incoming,
                Err(why) => return Some(why),
            };
            self.ready(broker).await;
            let answer = match ApiKey::try_from(incoming.key) {
                Ok(ApiKey::Fetch) => self.fetch(broker, &incoming).await,
                Ok(ApiKey::Produce) => self.produce(broker, &incoming),
                _ => self.answer(broker, &incoming),
            };
            let answer = match answer {
                Ok(answer) => answer,
                Err(why) => return Some(why),
            };
            if stream.write_all(&answer).await.is_err() || stream.flush().await.is_err() {
                return None;
            }
        }
        // The reader says when the client is gone.
        std::future::pending().await
    }

    /// Waits for as long as an answer takes, and for a process that runs.
    async fn ready(&self, broker: i32) {
        let runs = |process| process == Process::Running;
        self.until(broker, runs).await;
        let delay = self.kafka().brokers.get(&broker).map_or(0, |b| b.delay_ms);
        if delay > 0 {
            sleep(Duration::from_millis(delay)).await;
            self.until(broker, runs).await;
        }
    }

    /// Gives records, once there are enough or the client's patience is over.
    async fn fetch(&self, broker: i32, incoming: &Incoming) -> Result<Bytes, Hostile> {
        answers::refuse_others(incoming)?;
        let asked: FetchRequest = incoming.decode()?;
        let (mut changed, mut written) = (self.changed.clone(), self.records.written());
        let until = Instant::now() + fetch::patience(&asked);
        loop {
            changed.mark_unchanged();
            written.mark_unchanged();
            let answer = {
                let now = self.clock.now().timestamp_millis();
                let kafka = self.kafka();
                let view = View { kafka: &kafka, me: broker, now, records: &self.records };
                fetch::fetch(&view, &asked, incoming.version)
            };
            if fetch::is_due(&answer, &asked) || Instant::now() >= until {
                self.ready(broker).await;
                return incoming.reply(&answer, incoming.version);
            }
            tokio::select! {
                Ok(()) = changed.changed() => {}
                Ok(()) = written.changed() => {}
                () = sleep_until(until) => {}
            }
        }
    }

    fn produce(&self, broker: i32, incoming: &Incoming) -> Result<Bytes, Hostile> {
        answers::refuse_others(incoming)?;
        let asked: ProduceRequest = incoming.decode()?;
        let now = self.clock.now().timestamp_millis();
        let answer = produce::produce(&mut self.kafka(), (broker, now), &self.records, &asked, incoming.version);
        incoming.reply(&answer, incoming.version)
    }

    fn answer(&self, broker: i32, incoming: &Incoming) -> Result<Bytes, Hostile> {
        let now = self.clock.now().timestamp_millis();
        let mut kafka = self.kafka();
        if let Some(answer) = changes::answer(&mut kafka, broker, incoming) {
            return answer;
        }
        answers::answer(&View { kafka: &kafka, me: broker, now, records: &self.records }, incoming)
    }
}

/// Reads requests until the client goes. What is no request is passed on as that, behind those that are.
async fn read_all(mut stream: impl AsyncRead + Unpin, queue: mpsc::Sender<Result<Bytes, Hostile>>) {
    let mut prefix = [0; 4];
    while stream.read_exact(&mut prefix).await.is_ok() {
        let frame = match served::announced(prefix) {
            Ok(length) => match read_frame(&mut stream, length).await {
                Some(frame) => Ok(frame),
                None => return,
            },
            Err(why) => Err(why),
        };
        let hostile = frame.is_err();
        if queue.send(frame).await.is_err() || hostile {
            // Who answers hangs up when it comes to it.
            std::future::pending::<()>().await;
        }
    }
}

/// A frame of a length; none when the stream ends before.
async fn read_frame(stream: &mut (impl AsyncRead + Unpin), length: usize) -> Option<Bytes> {
    let mut frame = Vec::new();
    while frame.len() < length {
        let from = frame.len();
        frame.resize(length.min(from + READ_STEP), 0);
        stream.read_exact(&mut frame[from..]).await.ok()?;
    }
    Some(frame.into())
}

fn text(s: &str) -> StrBytes {
    StrBytes::from_string(s.to_owned())
}

/// What clients see of a figure that grows by fractions.
fn whole(figure: f64) -> i64 {
    figure.floor() as i64
}
