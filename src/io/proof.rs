//! Proves that brokers take records and give them back: writes checksummed ones, reads them, and keeps the ledger.
//!
//! It makes no topic and decides nothing of what is good: `io::act` calls it for a step. Reading begins before writing
//! does, so that what is missing at the end is lost and was not merely overlooked.

use std::{collections::BTreeSet, future::pending};

use futures::stream::{FuturesUnordered, StreamExt};
use tokio::{
    sync::mpsc,
    time::{Duration, Instant, MissedTickBehavior, interval, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

use super::messages::{
    Reach,
    reader::{self, Pace},
    writer::Writer,
};
use crate::domain::{
    freshness::{FailureKind, SourceFailure},
    proof::{self, Ledger, Summary},
    record::{Draft, Query, ReadEvent, Start},
};

/// How long one record may take to be written: longer than a broker's restart, for brokers change over meanwhile.
const WRITE_WITHIN: Duration = Duration::from_secs(30);
/// How long records that are written may take to be read, once the last one was handed over.
const SETTLE: Duration = Duration::from_secs(30);
/// How long it may take until reading has begun.
const BEGIN_WITHIN: Duration = Duration::from_secs(20);
/// How often the ledger is told.
const TELL_EVERY: Duration = Duration::from_secs(1);
/// What was read and not looked at yet.
const EVENTS: usize = 1_024;

/// What is written.
#[derive(Debug, Clone)]
pub struct Course {
    /// The topic.
    pub topic: String,
    /// What our records are called, among others.
    pub tag: String,
    /// How many.
    pub records: usize,
    /// Time from one to the next.
    pub gap: Duration,
}

/// Writes and reads until all is back or nothing more can come; `tell` hears of it each second, `stop` ends it early.
///
/// # Errors
/// When the topic cannot be read at all.
pub async fn run(
    reach: Reach,
    course: &Course,
    stop: &CancellationToken,
    tell: impl Fn(Summary) + Send,
) -> Result<Summary, SourceFailure> {
    let cancel = CancellationToken::new();
    let _ends = cancel.clone().drop_guard();
    let (sender, mut events) = mpsc::channel(EVENTS);
    let query = Query { keep: 256, ..Query::of(&course.topic, Start::End) };
    reader::read(reach.clone(), query, Pace::Whole, sender, &cancel);
    begun(&mut events).await?;
    let writer = Writer::start(reach, WRITE_WITHIN, &cancel);
    // Connecting is no latency: a record that is not counted goes before the others.
    let first = Course { tag: "connects".to_owned(), ..course.clone() };
    writer.write(draft(&first, 0)).await?;
    let began = Instant::now();
    let (mut ledger, mut under_way) = (Ledger::default(), FuturesUnordered::new());
    let mut next = interval(course.gap);
    next.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut telling = interval(TELL_EVERY);
    telling.set_missed_tick_behavior(MissedTickBehavior::Delay);
    telling.tick().await;
    let mut deadline = None;
    loop {
        let all_sent = stop.is_cancelled() || ledger.sent() >= course.records;
        if all_sent && under_way.is_empty() && ledger.is_settled() {
            break;
        }
        if all_sent && deadline.is_none() {
            deadline = Some(Instant::now() + SETTLE + if under_way.is_empty() { Duration::ZERO } else { WRITE_WITHIN });
        }
        tokio::select! {
            _ = next.tick(), if !all_sent => {
                let number = ledger.send(began.elapsed());
                let draft = draft(course, number);
                let writer = &writer;
                under_way.push(async move { (number, writer.write(draft).await) });
            }
            Some((number, told)) = under_way.next(), if !under_way.is_empty() => match told {
                Ok(_) => ledger.acknowledge(number),
                Err(why) => ledger.fail(number, &why.what),
            },
            event = events.recv() => match event {
                Some(ReadEvent::Record(record)) => {
                    let value = record.value.as_ref().map_or(&[][..], |value| &value.bytes);
                    ledger.see(proof::read(&course.tag, value), began.elapsed());
                }
                Some(ReadEvent::Trouble(Some(_), why) | ReadEvent::Over(Some(why))) => return Err(why),
                Some(ReadEvent::Over(None)) | None => break,
                Some(_) => {}
            },
            _ = telling.tick() => tell(ledger.summary(began.elapsed())),
            () = stop.cancelled(), if !all_sent => {}
            () = until(deadline) => break,
        }
    }
    Ok(ledger.summary(began.elapsed()))
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(at) => sleep_until(at).await,
        None => pending().await,
    }
}

/// Waits until every partition is read to its end: whatever comes from then on is seen.
async fn begun(events: &mut mpsc::Receiver<ReadEvent>) -> Result<(), SourceFailure> {
    let mut trouble = None;
    let waiting = async {
        let mut left: Option<BTreeSet<i32>> = None;
        loop {
            match events.recv().await {
                Some(ReadEvent::Began(partitions)) => left = Some(partitions.into_iter().collect()),
                Some(ReadEvent::End { partition, .. }) => {
                    let left = left.get_or_insert_default();
                    left.remove(&partition);
                    if left.is_empty() {
                        return Ok(());
                    }
                }
                Some(ReadEvent::Trouble(None, why)) => trouble = Some(why),
                Some(ReadEvent::Clear) => trouble = None,
                Some(ReadEvent::Trouble(Some(_), why) | ReadEvent::Over(Some(why))) => return Err(why),
                Some(ReadEvent::Over(None)) | None => return Err(silent()),
                Some(ReadEvent::Record(_)) => {}
            }
        }
    };
    match timeout(BEGIN_WITHIN, waiting).await {
        Ok(begun) => begun,
        Err(_) => Err(trouble.unwrap_or_else(silent)),
    }
}

fn silent() -> SourceFailure {
    let what = format!("the topic could not be read within {} s", BEGIN_WITHIN.as_secs());
    SourceFailure { kind: FailureKind::Timeout, what, hint: None }
}

fn draft(course: &Course, number: usize) -> Draft {
    Draft {
        topic: course.topic.clone(),
        partition: None,
        key: Some(number.to_string().into_bytes()),
        value: Some(proof::value(&course.tag, number).into_bytes()),
        headers: Vec::new(),
    }
}
