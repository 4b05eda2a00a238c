//! `message`: records of a topic on standard output.

use std::{cmp::Reverse, collections::BinaryHeap};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use regex::Regex;
use serde_json::{Value, json};
use tokio::{
    sync::mpsc,
    time::{Instant, timeout_at},
};
use tokio_util::sync::CancellationToken;

use crate::{
    app::messages::{
        body::{self, Form},
        filter::RecordFilter,
    },
    cli::{BodyForm, Format, Global, Message, Tail},
    domain::{
        access::Purpose,
        freshness::{FailureKind as Why, SourceFailure},
        record::{Body, Query, ReadEvent, Record, Start},
        text::printable,
    },
    errors::{Failure, FailureKind},
    io::messages::{
        Reach,
        reader::{self, Pace},
    },
};

use super::{completeness::Need, documents, oneshot, session::Session};

/// Records on their way; the reader of our output may be slower than brokers are.
const EVENTS: usize = 1_024;

/// Records that `--from end` shows without a limit.
const NEWEST: u64 = 10;

/// Most records that are held to be put in order before any is printed.
const MOST_ORDERED: u64 = 100_000;

/// Does what is asked with records.
pub async fn run(session: &mut Session, global: &Global, what: &Message) -> Result<u8, Failure> {
    match what {
        Message::Tail(asked) => tail(session, global, asked).await,
    }
}

/// What brokers of the chosen installation are reached along, for a purpose.
pub(super) async fn reach(
    session: &mut Session,
    global: &Global,
    purpose: Purpose,
    cancel: &CancellationToken,
) -> Result<Reach, Failure> {
    let incomplete = oneshot::until(session, Need::Ways, global.timeout()).await?;
    let closed = |why: &str, users: &[String]| {
        let failure = Failure::new(FailureKind::Unobservable, "No way into the installation can be taken.").why(why);
        match users.first() {
            Some(user) => failure.hint(format!("Log in as one of them: --as {user}")),
            None => failure.hint("Say who you are: --as USER, or --command-config FILE"),
        }
    };
    let book = match session.app.routes_for(purpose) {
        Some(Ok(book)) => book,
        Some(Err(why)) => return Err(closed(&why.what, &why.users)),
        None => {
            let unknown = || Failure::new(FailureKind::Unobservable, "No installation is known.");
            return Err(incomplete.unwrap_or_else(unknown));
        }
    };
    let unconnected = || Failure::new(FailureKind::Unobservable, "There is no connection to reach brokers through.");
    session.reach(book, cancel).ok_or_else(unconnected)
}

async fn tail(session: &mut Session, global: &Global, asked: &Tail) -> Result<u8, Failure> {
    let plan = Plan::of(asked, session.app.now)?;
    let cancel = CancellationToken::new();
    let _ends_reading = cancel.clone().drop_guard();
    let reach = reach(session, global, Purpose::Read, &cancel).await?;
    let (sender, mut events) = mpsc::channel(EVENTS);
    reader::read(reach, plan.query.clone(), Pace::Whole, sender, &cancel);
    let mut output = Output::new(plan, asked, global.output)?;
    let deadline = Instant::now() + global.timeout();
    let mut trouble = None;
    loop {
        // Until the topic answers it may take as long as an answer may; then records come when they come.
        let event = if output.has_begun {
            events.recv().await
        } else {
            match timeout_at(deadline, events.recv()).await {
                Ok(event) => event,
                Err(_) => return Err(silent(trouble, global)),
            }
        };
        match event {
            Some(ReadEvent::Trouble(None, failure)) => trouble = Some(failure),
            Some(ReadEvent::Clear) => trouble = None,
            Some(ReadEvent::Trouble(Some(_), failure) | ReadEvent::Over(Some(failure))) => {
                return Err(failed(&failure));
            }
            Some(ReadEvent::Over(None)) | None => break,
            Some(event) => {
                if output.takes(event)? {
                    return Ok(0);
                }
            }
        }
    }
    output.rest()?;
    Ok(0)
}

/// What a failure to read is for who asked.
fn failed(failure: &SourceFailure) -> Failure {
    let kind = match failure.kind {
        Why::Unsupported => FailureKind::Usage,
        Why::Timeout => FailureKind::Timeout,
        Why::Garbage => FailureKind::Wrong,
        _ => FailureKind::Unobservable,
    };
    let told = Failure::new(kind, &*failure.what);
    match &failure.hint {
        Some(hint) => told.hint(hint),
        None => told,
    }
}

/// Time is up, and the topic has not answered.
fn silent(trouble: Option<SourceFailure>, global: &Global) -> Failure {
    if let Some(failure) = trouble {
        return failed(&failure);
    }
    let what = format!("The brokers did not answer within {} s.", global.timeout().as_secs_f64());
    Failure::new(FailureKind::Timeout, what).hint("Wait longer with --timeout 1m, or see: kafdeck doctor")
}

/// What is read, and how much of it is printed.
struct Plan {
    query: Query,
    limit: Option<u64>,
    /// Everything is read before anything is printed, and the newest are.
    newest: bool,
}

impl Plan {
    fn of(asked: &Tail, now: chrono::DateTime<chrono::Utc>) -> Result<Self, Failure> {
        let start = Start::parse(&asked.from, now);
        let mut start = start.map_err(|why| Failure::new(FailureKind::Usage, "--from cannot be used.").why(why))?;
        let mut limit = asked.limit;
        let newest = start == Start::End && !asked.follow;
        if newest {
            let count = *limit.get_or_insert(NEWEST);
            if count > MOST_ORDERED {
                let what = format!("--limit is at most {MOST_ORDERED} with --from end.");
                return Err(Failure::new(FailureKind::Usage, what).hint("Begin at a time instead: --from -10m"));
            }
            start = Start::Last(count.cast_signed());
        }
        let query = Query {
            partitions: asked.partitions.clone(),
            until_end: !asked.follow,
            committed: asked.committed,
            ..Query::of(&asked.topic, start)
        };
        Ok(Self { query, limit, newest })
    }
}

/// A record in the order in which records were written: by time, and within a partition by offset.
struct Ordered(Record);

impl Ordered {
    fn rank(&self) -> (i64, i32, i64) {
        (self.0.at.map_or(i64::MIN, |(at, _)| at.timestamp_millis()), self.0.partition, self.0.offset)
    }
}

impl PartialEq for Ordered {
    fn eq(&self, other: &Self) -> bool {
        self.rank() == other.rank()
    }
}
impl Eq for Ordered {}
impl PartialOrd for Ordered {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Ordered {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.rank().cmp(&other.rank())
    }
}

/// Prints records.
struct Output {
    plan: Plan,
    filter: RecordFilter,
    form: Form,
    format: Format,
    printed: u64,
    held: BinaryHeap<Reverse<Ordered>>,
    has_begun: bool,
}

impl Output {
    fn new(plan: Plan, asked: &Tail, format: Format) -> Result<Self, Failure> {
        let filter = asked.filter.as_deref().map(Regex::new).transpose();
        let filter =
            filter.map_err(|e| Failure::new(FailureKind::Usage, "--filter is no regular expression.").why(e))?;
        let form = match asked.format {
            BodyForm::Text => Form::Text,
            BodyForm::Json => Form::Json,
            BodyForm::Hex => Form::Hex,
        };
        let filter = filter.map(RecordFilter::expression).unwrap_or_default();
        Ok(Self { plan, filter, form, format, printed: 0, held: BinaryHeap::new(), has_begun: false })
    }

    /// Takes what reading tells; true when nothing more is wanted.
    fn takes(&mut self, event: ReadEvent) -> Result<bool, Failure> {
        self.has_begun = true;
        let ReadEvent::Record(record) = event else { return Ok(false) };
        if !self.filter.passes(&record) {
            return Ok(false);
        }
        if self.plan.newest {
            self.held.push(Reverse(Ordered(record)));
            if self.held.len() as u64 > self.plan.limit.unwrap_or(NEWEST) {
                self.held.pop();
            }
            return Ok(false);
        }
        self.print(&record)?;
        Ok(self.plan.limit.is_some_and(|limit| self.printed >= limit))
    }

    /// Prints what was held back, oldest first.
    fn rest(&mut self) -> Result<(), Failure> {
        let mut held: Vec<Ordered> = std::mem::take(&mut self.held).into_iter().map(|Reverse(one)| one).collect();
        held.sort_unstable();
        held.iter().try_for_each(|one| self.print(&one.0))
    }

    fn print(&mut self, record: &Record) -> Result<(), Failure> {
        self.printed += 1;
        let text = match self.format {
            Format::Text => text(record, self.form),
            Format::Json => documents::line(&document(record)),
            Format::Yaml => format!("---\n{}", documents::yaml(&document(record))?),
        };
        oneshot::put(text.as_bytes())
    }
}

/// A record as people read it: time, place, key and headers on a line with its value, or the value below.
fn text(record: &Record, form: Form) -> String {
    let at = record.at.map_or_else(|| "-".to_owned(), |(at, _)| at.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string());
    let mut text = format!("{at} {}@{}", record.partition, record.offset);
    let whole =
        |body: Option<&Body>| body::line(body, if form == Form::Json { Form::Text } else { form }, usize::MAX - 1);
    if record.key.is_some() {
        text.extend([" key=", &whole(record.key.as_ref())]);
    }
    for header in &record.headers {
        text.extend([" ", &printable(&header.name), ":", &whole(header.value.as_ref())]);
    }
    match &record.value {
        Some(value) if form == Form::Json && body::is_json(value) || form == Form::Hex => {
            for line in body::page(record.value.as_ref(), form, usize::MAX - 1) {
                text.extend(["\n  ", &line]);
            }
        }
        value => text.extend(["  ", &whole(value.as_ref())]),
    }
    text.push('\n');
    text
}

/// A record as a script reads it. Bytes that are no UTF-8 stand as `{"base64": …}`.
pub(super) fn document(record: &Record) -> Value {
    let body = |body: Option<&Body>| match body.map(|b| (std::str::from_utf8(&b.bytes), b)) {
        None => Value::Null,
        Some((Ok(text), _)) => json!(text),
        Some((Err(_), body)) => json!({"base64": BASE64.encode(&body.bytes)}),
    };
    let headers = record.headers.iter().map(|h| json!({"name": h.name, "value": body(h.value.as_ref())}));
    json!({
        "partition": record.partition,
        "offset": record.offset,
        "at": record.at.map(|(at, _)| at),
        "at_kind": record.at.map(|(_, kind)| kind.word()),
        "key": body(record.key.as_ref()),
        "value": body(record.value.as_ref()),
        "headers": headers.collect::<Vec<_>>(),
        "size_bytes": record.size(),
    })
}
