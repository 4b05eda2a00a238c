//! Logs of containers, followed through disconnects and restarts.
//!
//! Lossy on purpose: a reader that is too slow gets a notice of how many lines it missed, never growing
//! memory and never a stalled source. Lines are no facts and are kept nowhere. The log pane asks for them through `cmd`.

mod lines;

use std::{pin::pin, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use futures::{AsyncBufRead, AsyncBufReadExt};
use k8s_openapi::{api::core::v1::Pod, jiff::Timestamp};
use kube::{Api, api::LogParams};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{connect::Cluster, failure};
use crate::{clock::Clock, task};
use lines::{Lines, Place, Raw};

/// A batch is handed on when it has this many lines, or is this old.
const BATCH: usize = 200;
const BATCH_AGE: Duration = Duration::from_millis(50);
/// How long opening a log may take.
const DEADLINE: Duration = Duration::from_secs(10);
/// Waits between attempts: the first, doubling to the last.
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LAST_WAIT: Duration = Duration::from_secs(5);

/// One container's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRequest {
    /// Namespace.
    pub namespace: String,
    /// Pod.
    pub pod: String,
    /// Container.
    pub container: String,
    /// The log of the container before its last restart; it is never followed.
    pub previous: bool,
    /// Only what was written in so many seconds before now.
    pub since_s: Option<i64>,
    /// Only so many last lines.
    pub tail: Option<i64>,
    /// Go on with what is written from now on.
    pub follow: bool,
}

/// A line of a log. Its text is as the container wrote it: clean it where it is drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// Pod.
    pub pod: String,
    /// When the node wrote it down.
    pub at: Option<DateTime<Utc>>,
    /// At most 16 KiB; not valid UTF-8 is replaced.
    pub text: String,
}

/// What following a log brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogEvent {
    /// New lines, in the order of the log.
    Lines(Vec<LogLine>),
    /// Something about the log that is not in it: a pause, lines that were missed.
    Notice { pod: String, text: String },
    /// Nothing more will come of this pod.
    Ended { pod: String },
}

/// Starts reading; each request is a task of its own that ends with the token or with `out`'s receiver.
pub fn follow(
    cluster: &Cluster,
    requests: Vec<LogRequest>,
    out: &mpsc::Sender<LogEvent>,
    clock: &Clock,
    cancel: &CancellationToken,
) {
    for request in requests {
        let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), &request.namespace);
        let follower = Follower {
            outlet: Outlet { pod: request.pod.clone(), out: out.clone(), batch: Vec::new(), dropped: 0 },
            request,
            clock: clock.clone(),
            place: Place::default(),
            opened_at: None,
            silent_attempts: 0,
        };
        task::spawn("logs", cancel, follower.run(pods));
    }
}

/// The receiver of the lines is gone.
#[derive(Debug)]
struct Closed;

/// Why an attempt ended.
#[derive(Debug)]
enum Ended {
    /// The log is at its end for now.
    End,
    /// It broke, or could not be opened; with the reason in words.
    Broke(String),
    /// The pod is gone, or the log may not be read: trying again is pointless.
    Final(String),
    /// Nobody reads any more.
    Closed,
}

/// One request's state.
struct Follower {
    request: LogRequest,
    clock: Clock,
    outlet: Outlet,
    place: Place,
    /// When the log was first opened, to resume there when no line has come.
    opened_at: Option<DateTime<Utc>>,
    /// Attempts since the last line.
    silent_attempts: u32,
}

impl Follower {
    /// Reads until the log is over for good.
    async fn run(mut self, pods: Api<Pod>) {
        let follows = self.request.follow && !self.request.previous;
        loop {
            let ended = self.attempt(&pods).await;
            if self.outlet.flush().is_err() {
                return;
            }
            let (why, over) = match ended {
                Ended::Closed => return,
                Ended::End if !follows => (None, true),
                Ended::Final(why) => (Some(why), true),
                Ended::Broke(why) => (Some(why), !follows),
                Ended::End => (Some("the log ended; waiting for the container to start again".to_owned()), false),
            };
            self.silent_attempts += 1;
            // A first break is mended unseen; only what lasts is told, and once.
            if let Some(text) = why.filter(|_| over || self.silent_attempts == 2)
                && self.outlet.notice(text).await.is_err()
            {
                return;
            }
            if over {
                return self.outlet.ended().await;
            }
            let doubled = FIRST_WAIT * 2_u32.saturating_pow(self.silent_attempts.min(8) - 1);
            tokio::time::sleep(doubled.min(LAST_WAIT)).await;
        }
    }

    /// Opens the log and reads it to its end.
    async fn attempt(&mut self, pods: &Api<Pod>) -> Ended {
        let params = self.params();
        self.place.resume();
        let request = &self.request;
        let what = format!("read the log of {}/{} ({})", request.namespace, request.pod, request.container);
        match tokio::time::timeout(DEADLINE, pods.log_stream(&request.pod, &params)).await {
            Ok(Ok(stream)) => {
                self.opened_at.get_or_insert(self.clock.now());
                self.read(stream).await
            }
            Ok(Err(error)) => {
                let why = failure::classify(&error, &what).what;
                match failure::status_of(&error) {
                    Some((403 | 404, _)) => Ended::Final(why),
                    // Also 400, as is a container that waits to start; only words tell them apart.
                    Some((400, message)) if message.contains("is not valid for pod") => Ended::Final(why),
                    _ => Ended::Broke(why),
                }
            }
            Err(_) => Ended::Broke(failure::timed_out(&what, DEADLINE).what),
        }
    }

    /// What to ask for: at first what was requested, then what came after the last line.
    fn params(&self) -> LogParams {
        let request = &self.request;
        // A second of slack, for the node's clock is not ours.
        let opened = self.opened_at.map(|at| at - TimeDelta::seconds(1));
        let resume = self.place.moment().or(opened).and_then(stamp);
        let first = resume.is_none();
        LogParams {
            container: Some(request.container.clone()),
            follow: request.follow && !request.previous,
            previous: request.previous,
            since_seconds: request.since_s.filter(|_| first),
            since_time: resume,
            tail_lines: request.tail.filter(|_| first),
            timestamps: true,
            ..LogParams::default()
        }
    }

    /// Reads an open log to its end, handing lines on in batches.
    async fn read(&mut self, stream: impl AsyncBufRead) -> Ended {
        let mut stream = pin!(stream);
        let mut lines = Lines::default();
        let mut raw = Vec::new();
        loop {
            let late = self.outlet.is_pending();
            tokio::select! {
                read = stream.fill_buf() => match read {
                    Ok([]) => {
                        raw.extend(lines.finish());
                        let told = self.take(&mut raw);
                        return if told.is_err() { Ended::Closed } else { Ended::End };
                    }
                    Ok(bytes) => {
                        let length = bytes.len();
                        lines.push(bytes, &mut raw);
                        stream.as_mut().consume(length);
                        if self.take(&mut raw).is_err() {
                            return Ended::Closed;
                        }
                    }
                    // The line begun is left: the next attempt reads it whole.
                    Err(error) => return Ended::Broke(format!("The log broke off: {error}.")),
                },
                () = tokio::time::sleep(BATCH_AGE), if late => {
                    if self.outlet.flush().is_err() {
                        return Ended::Closed;
                    }
                }
            }
        }
    }

    /// Puts new lines into the batch.
    fn take(&mut self, raw: &mut Vec<Raw>) -> Result<(), Closed> {
        for Raw { at, text } in raw.drain(..) {
            if self.place.is_new(at) {
                self.silent_attempts = 0;
                self.outlet.push(at, text)?;
            }
        }
        Ok(())
    }
}

/// The moment as the API takes it: whole seconds, rounded down. kube rounds to the nearest second, and
/// so would pass over lines that were never seen.
fn stamp(at: DateTime<Utc>) -> Option<Timestamp> {
    Timestamp::from_second(at.timestamp()).ok()
}

/// Where one pod's lines go: in batches, and never waiting for the reader.
struct Outlet {
    pod: String,
    out: mpsc::Sender<LogEvent>,
    batch: Vec<LogLine>,
    dropped: usize,
}

impl Outlet {
    /// True when something waits to be handed on.
    fn is_pending(&self) -> bool {
        !self.batch.is_empty() || self.dropped > 0
    }

    /// Adds a line; a full batch goes out.
    fn push(&mut self, at: Option<DateTime<Utc>>, text: String) -> Result<(), Closed> {
        self.batch.push(LogLine { pod: self.pod.clone(), at, text });
        if self.batch.len() >= BATCH { self.flush() } else { Ok(()) }
    }

    /// Hands the batch on; without room it is dropped and counted, and told when there is room again.
    fn flush(&mut self) -> Result<(), Closed> {
        let batch = std::mem::take(&mut self.batch);
        if self.dropped > 0 {
            let text = format!("{} lines dropped", self.dropped);
            match self.out.try_send(LogEvent::Notice { pod: self.pod.clone(), text }) {
                Ok(()) => self.dropped = 0,
                Err(mpsc::error::TrySendError::Closed(_)) => return Err(Closed),
                Err(mpsc::error::TrySendError::Full(_)) => {
                    // The notice comes before later lines, or the gap would seem to be elsewhere.
                    self.dropped += batch.len();
                    return Ok(());
                }
            }
        }
        if batch.is_empty() {
            return Ok(());
        }
        let lines = batch.len();
        match self.out.try_send(LogEvent::Lines(batch)) {
            Ok(()) => Ok(()),
            Err(mpsc::error::TrySendError::Closed(_)) => Err(Closed),
            Err(mpsc::error::TrySendError::Full(_)) => {
                self.dropped += lines;
                Ok(())
            }
        }
    }

    /// Tells something about the log; waits for room, for it is rare and must not be lost.
    async fn notice(&mut self, text: String) -> Result<(), Closed> {
        self.out.send(LogEvent::Notice { pod: self.pod.clone(), text }).await.map_err(|_| Closed)
    }

    /// Tells that this was all.
    async fn ended(mut self) {
        if self.dropped > 0 {
            let text = format!("{} lines dropped", self.dropped);
            if self.notice(text).await.is_err() {
                return;
            }
        }
        // Without a receiver nobody waits for the end.
        let _ = self.out.send(LogEvent::Ended { pod: self.pod }).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Connection;
    use http::{Request, Response};
    use kube::client::Body as HttpBody;
    use std::sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    };

    /// A cluster whose log answers in turn; the last answer repeats. Also the queries it was asked.
    fn cluster(answers: &'static [(u16, &'static str)]) -> (Cluster, Arc<Mutex<Vec<String>>>) {
        let (turn, asked) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(Vec::new())));
        let seen = asked.clone();
        let service = tower::service_fn(move |request: Request<HttpBody>| {
            seen.lock().unwrap().push(request.uri().query().unwrap_or_default().to_owned());
            let (code, body) = answers[turn.fetch_add(1, Ordering::SeqCst).min(answers.len() - 1)];
            let body = HttpBody::from(body.as_bytes().to_vec());
            async move { Response::builder().status(code).body(body).map_err(std::io::Error::other) }
        });
        let client = kube::Client::new(service, "n");
        (Cluster { client, connection: Connection::default() }, asked)
    }

    fn request(follow: bool) -> LogRequest {
        LogRequest {
            namespace: "n".into(),
            pod: "p".into(),
            container: "c".into(),
            previous: false,
            since_s: None,
            tail: Some(5),
            follow,
        }
    }

    /// Everything that comes until the end.
    async fn all(answers: &'static [(u16, &'static str)], follows: bool) -> (Vec<String>, Vec<String>) {
        let (cluster, asked) = cluster(answers);
        let (out, mut events) = mpsc::channel(16);
        let cancel = CancellationToken::new();
        follow(&cluster, vec![request(follows)], &out, &Clock::real(), &cancel);
        let mut told = Vec::new();
        while let Some(event) = events.recv().await {
            match event {
                LogEvent::Lines(lines) => told.extend(lines.into_iter().map(|l| l.text)),
                LogEvent::Notice { text, .. } => told.push(format!("! {text}")),
                LogEvent::Ended { .. } => break,
            }
        }
        let asked = asked.lock().unwrap().clone();
        (told, asked)
    }

    const GONE: (u16, &str) = (404, r#"{"code":404,"message":"pods \"p\" not found","reason":"NotFound"}"#);

    #[tokio::test(start_paused = true)]
    async fn a_log_that_is_not_followed_is_read_once() {
        let (told, asked) = all(&[(200, "2026-01-02T03:04:05Z one\n2026-01-02T03:04:06Z two\n")], false).await;
        assert_eq!(told, ["one", "two"]);
        assert_eq!(asked.len(), 1);
        assert!(asked[0].contains("tailLines=5") && asked[0].contains("timestamps=true"), "{}", asked[0]);
    }

    #[tokio::test(start_paused = true)]
    async fn following_resumes_after_the_last_line_until_the_pod_is_gone() {
        let (told, asked) = all(
            &[
                (200, "2026-01-02T03:04:05.5Z one\n2026-01-02T03:04:05.5Z two\n"),
                (503, r#"{"code":503,"message":"down"}"#),
                (200, "2026-01-02T03:04:05.5Z one\n2026-01-02T03:04:05.5Z two\n2026-01-02T03:04:07Z three\n"),
                GONE,
            ],
            true,
        )
        .await;
        assert_eq!(told[..2], ["one", "two"]);
        assert!(told[2].starts_with("! Cannot read the log of n/p (c): down"), "{told:?}");
        assert_eq!(told[3], "three");
        assert!(told[4].contains("not found"), "{told:?}");
        assert_eq!((told.len(), asked.len()), (5, 4));
        assert!(asked[2].contains("sinceTime=2026-01-02T03%3A04%3A05Z"), "{}", asked[2]);
        assert!(!asked[2].contains("tailLines"), "{}", asked[2]);
    }

    #[tokio::test]
    async fn a_slow_reader_is_told_what_it_missed() {
        let (out, mut events) = mpsc::channel(1);
        let mut outlet = Outlet { pod: "p".into(), out, batch: Vec::new(), dropped: 0 };
        for _ in 0..3 * BATCH {
            outlet.push(None, "x".into()).unwrap();
        }
        assert_eq!(outlet.dropped, 2 * BATCH);
        assert!(matches!(events.recv().await, Some(LogEvent::Lines(l)) if l.len() == BATCH));
        outlet.push(None, "later".into()).unwrap();
        outlet.flush().unwrap();
        assert!(matches!(events.recv().await, Some(LogEvent::Notice { text, .. }) if text == "400 lines dropped"));
        drop(events);
        assert!(outlet.push(None, "x".into()).is_ok() && outlet.flush().is_err());
    }
}
