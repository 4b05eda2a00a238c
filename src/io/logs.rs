//! Logs of containers, followed through disconnects, restarts and pods that take each other's place.
//!
//! `lines` makes lines of bytes and passes over what a new request repeats, `run` tells a container's runs apart,
//! `outlet` hands lines on and counts what there was no room for, `save` writes them to a file. Lines are no facts
//! and are kept nowhere here. The console asks for them through `cmd::session`, the command line through `cmd::logs`.

mod lines;
mod outlet;
mod run;
mod save;

use std::{pin::pin, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use futures::{AsyncBufRead, AsyncBufReadExt};
use k8s_openapi::{api::core::v1::Pod, jiff::Timestamp};
use kube::{Api, api::LogParams};
use tokio::{sync::mpsc, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{connect::Cluster, failure};
use crate::{
    clock::Clock,
    domain::log::{LogLine, LogNews, LogState},
    task,
};
use lines::{Lines, Place};
use outlet::{Closed, Outlet};
use run::{Run, Step};

pub use save::save;

/// A batch is handed on when it is this old.
const BATCH_AGE: Duration = Duration::from_millis(50);
/// How long opening a log may take.
const DEADLINE: Duration = Duration::from_secs(10);
/// A log that has been open for so long is read, even if nothing is written.
const SETTLED: Duration = Duration::from_secs(1);
/// A log that is silent for so long is opened anew: a connection that died without a word looks the same.
const SILENCE: Duration = Duration::from_secs(60);
/// Waits between attempts: the first, doubling to the last.
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LAST_WAIT: Duration = Duration::from_secs(5);
/// What a kubelet writes in place of a log that it cannot find, with a status of 200 and without a moment.
const NO_LOG: &str = "unable to retrieve container logs for ";

/// What is said of a container that has no log of a run before.
pub const NO_PREVIOUS: &str = "no container ran before this one, or its log is gone";

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
    /// Only what was written from then on.
    pub since: Option<Since>,
    /// Only so many last lines.
    pub tail: Option<i64>,
    /// Go on with what is written from now on.
    pub follow: bool,
    /// Lines that are written from now on may be let go, and counted, when whoever reads them is too slow.
    pub lossy: bool,
}

/// From when on lines are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// So many seconds before now, by the node's clock.
    Seconds(i64),
    /// A moment; the API server takes whole seconds, so up to a second more may come.
    Time(DateTime<Utc>),
}

/// Something about one of the logs that are followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEvent {
    /// The place of its request among those that were given.
    pub source: usize,
    /// What.
    pub news: LogNews,
}

/// Starts reading; each request is a task of its own that ends with the token or with `out`'s receiver.
pub fn follow(
    cluster: &Cluster,
    requests: Vec<LogRequest>,
    out: &mpsc::Sender<LogEvent>,
    clock: &Clock,
    cancel: &CancellationToken,
) {
    for (source, request) in requests.into_iter().enumerate() {
        let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), &request.namespace);
        let follower = Follower {
            outlet: Outlet::new(source, out.clone()),
            request,
            clock: clock.clone(),
            place: Place::default(),
            opened_at: None,
            run: None,
            broke: false,
            silent_attempts: 0,
            state: LogState::Opening,
        };
        task::spawn("logs", cancel, follower.read_all(pods));
    }
}

/// Why an attempt ended.
#[derive(Debug)]
enum Ended {
    /// The log is at its end for now.
    End,
    /// Nothing was written for long; it may be that nothing arrives.
    Silent,
    /// It broke, or could not be opened; with the reason in words.
    Broke(String),
    /// The log may not be read, or never will be: trying again is pointless.
    Final(String),
    /// Nobody reads any more.
    Closed,
}

impl From<Closed> for Ended {
    fn from(_: Closed) -> Self {
        Self::Closed
    }
}

/// One request's state.
struct Follower {
    request: LogRequest,
    clock: Clock,
    outlet: Outlet,
    place: Place,
    /// When the log was first opened, to resume there when no line has come.
    opened_at: Option<DateTime<Utc>>,
    /// The run that was read last, as far as it is known.
    run: Option<Run>,
    /// The last attempt did not come to the log's end.
    broke: bool,
    /// Attempts since the last line.
    silent_attempts: u32,
    /// What was told last.
    state: LogState,
}

impl Follower {
    fn follows(&self) -> bool {
        self.request.follow && !self.request.previous
    }

    /// Reads until the log is over for good.
    async fn read_all(mut self, pods: Api<Pod>) {
        loop {
            let ended = match self.attempt(&pods).await {
                Err(ended) | Ok(ended) => ended,
            };
            self.broke = matches!(ended, Ended::Broke(_));
            let why = match ended {
                Ended::Closed => return,
                Ended::Silent => continue,
                Ended::End if !self.follows() => return self.outlet.end(None).await,
                Ended::Final(why) => return self.outlet.end(Some(why)).await,
                Ended::Broke(why) if !self.follows() => return self.outlet.end(Some(why)).await,
                Ended::Broke(why) => why,
                Ended::End => "the log ended; waiting for the container to start again".to_owned(),
            };
            self.silent_attempts += 1;
            // A first break is mended unseen; only what lasts is told.
            let told = if self.silent_attempts == 1 {
                self.outlet.flush().await
            } else {
                self.tell_state(LogState::Waiting(why)).await
            };
            if told.is_err() {
                return;
            }
            let doubled = FIRST_WAIT * 2_u32.saturating_pow(self.silent_attempts.min(8) - 1);
            tokio::time::sleep(doubled.min(LAST_WAIT)).await;
        }
    }

    /// Tells how it goes, where that is new.
    async fn tell_state(&mut self, state: LogState) -> Result<(), Closed> {
        if self.state == state {
            return self.outlet.flush().await;
        }
        self.state = state.clone();
        self.outlet.tell(LogNews::State(state)).await
    }

    /// Opens the log and reads it to its end.
    async fn attempt(&mut self, pods: &Api<Pod>) -> Result<Ended, Ended> {
        if self.follows() {
            self.meet(pods).await?;
        }
        let params = self.params();
        self.place.resume();
        let stream = self.open(pods, &params).await?;
        let opened_at = self.clock.now();
        let first = self.opened_at.is_none();
        self.opened_at.get_or_insert(opened_at);
        if self.request.lossy {
            self.outlet.may_lose(opened_at);
        }
        if first {
            self.tell_state(LogState::Reading).await?;
        }
        Ok(self.read(stream).await)
    }

    async fn open(&self, pods: &Api<Pod>, params: &LogParams) -> Result<impl AsyncBufRead + use<>, Ended> {
        let request = &self.request;
        let what = format!("read the log of {}/{} ({})", request.namespace, request.pod, request.container);
        match tokio::time::timeout(DEADLINE, pods.log_stream(&request.pod, params)).await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(error)) => {
                let why = failure::classify(&error, &what).what;
                Err(match failure::status_of(&error) {
                    Some((403, _)) => Ended::Final(why),
                    // Also 400, as is a container that waits to start; only words tell them apart.
                    Some((400, message)) if message.contains("is not valid for pod") => Ended::Final(why),
                    Some((400, message)) if message.contains("previous terminated container") => {
                        Ended::Final(format!("{}: {NO_PREVIOUS}", request.pod))
                    }
                    _ => Ended::Broke(why),
                })
            }
            Err(_) => Err(Ended::Broke(failure::timed_out(&what, DEADLINE).what)),
        }
    }

    /// Sees which run of the container there is by now, and goes over to it.
    async fn meet(&mut self, pods: &Api<Pod>) -> Result<(), Ended> {
        // Who may not get the pod, or asks in vain, still reads logs: what they repeat is told by their moments.
        let pod = tokio::time::timeout(DEADLINE, pods.get_opt(&self.request.pod)).await.ok().and_then(Result::ok);
        let Some(run) = pod.flatten().and_then(|pod| Run::of(&pod, &self.request.container)) else { return Ok(()) };
        let Some(before) = self.run.replace(run.clone()) else { return Ok(()) };
        let lost = match (before.step_to(&run), self.broke) {
            (Step::Same, _) => return Ok(()),
            (Step::Restarted(1), true) => self.catch_up(pods).await?,
            (_, broke) => broke,
        };
        let what = match before.step_to(&run) {
            Step::Replaced => "another pod of this name took its place",
            _ => "the container started again",
        };
        let lost = if lost { "; the end of the log before was not read and cannot be any more" } else { "" };
        self.outlet.tell(LogNews::Notice(format!("{what}{lost}"))).await?;
        // A new log, of which nothing was read, on a node whose clock may be another.
        self.place = Place::default();
        self.opened_at = Some(DateTime::UNIX_EPOCH);
        Ok(())
    }

    /// Reads what the container before wrote after the last line that was read; true when that could not be had.
    async fn catch_up(&mut self, pods: &Api<Pod>) -> Result<bool, Ended> {
        let params = LogParams { previous: true, follow: false, ..self.params() };
        self.place.resume();
        let stream = match self.open(pods, &params).await {
            Ok(stream) => stream,
            Err(_) => return Ok(true),
        };
        match self.read(stream).await {
            Ended::End => Ok(false),
            Ended::Closed => Err(Ended::Closed),
            _ => Ok(true),
        }
    }

    /// What to ask for: at first what was requested, then what came after the last line.
    fn params(&self) -> LogParams {
        let request = &self.request;
        // A second of slack, for the node's clock is not ours.
        let opened = self.opened_at.map(|at| at - TimeDelta::seconds(1));
        let resume = self.place.moment().or(opened);
        let (since_seconds, since) = match (resume, request.since) {
            (None, Some(Since::Seconds(seconds))) => (Some(seconds), None),
            (None, Some(Since::Time(at))) => (None, Some(at)),
            (resume, _) => (None, resume),
        };
        LogParams {
            container: Some(request.container.clone()),
            follow: self.follows(),
            previous: request.previous,
            since_seconds,
            since_time: since.filter(|at| *at > DateTime::UNIX_EPOCH).and_then(stamp),
            tail_lines: request.tail.filter(|_| resume.is_none()),
            timestamps: true,
            ..LogParams::default()
        }
    }

    /// Reads an open log to its end, handing lines on in batches.
    async fn read(&mut self, stream: impl AsyncBufRead) -> Ended {
        let mut stream = pin!(stream);
        let mut lines = Lines::default();
        let mut raw = Vec::new();
        let settled = Instant::now() + SETTLED;
        let mut silent_from = Instant::now();
        loop {
            let late = self.outlet.is_pending();
            let waits = self.state != LogState::Reading;
            tokio::select! {
                read = stream.fill_buf() => match read {
                    Ok([]) => {
                        raw.extend(lines.finish());
                        return self.take(&mut raw).await.err().unwrap_or(Ended::End);
                    }
                    Ok(bytes) => {
                        let length = bytes.len();
                        lines.push(bytes, &mut raw);
                        stream.as_mut().consume(length);
                        silent_from = Instant::now();
                        if let Err(ended) = self.take(&mut raw).await {
                            return ended;
                        }
                    }
                    // The line begun is left: the next attempt reads it whole.
                    Err(error) => return Ended::Broke(format!("The log broke off: {error}.")),
                },
                () = tokio::time::sleep(BATCH_AGE), if late => {
                    if self.outlet.flush().await.is_err() {
                        return Ended::Closed;
                    }
                }
                () = tokio::time::sleep_until(settled), if waits => {
                    if self.tell_state(LogState::Reading).await.is_err() {
                        return Ended::Closed;
                    }
                }
                () = tokio::time::sleep_until(silent_from + SILENCE), if self.follows() => return Ended::Silent,
            }
        }
    }

    /// Puts new lines into the batch.
    async fn take(&mut self, raw: &mut Vec<LogLine>) -> Result<(), Ended> {
        for line in raw.drain(..) {
            if line.at.is_none() && line.text.starts_with(NO_LOG) {
                return Err(Ended::Broke(line.text.into()));
            }
            if self.place.is_new(line.at) {
                if self.silent_attempts > 0 {
                    self.silent_attempts = 0;
                    self.tell_state(LogState::Reading).await?;
                }
                self.outlet.push(line).await?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Connection;
    use http::{Request, Response};
    use kube::client::Body as HttpBody;
    use serde_json::json;
    use std::sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    };

    /// A pod as the n-th attempt meets it: uid and container id; the last one stays.
    type Met = (&'static str, &'static str);

    /// A cluster whose log answers in turn; the last answer repeats. Also the queries it was asked.
    fn cluster(answers: &'static [(u16, &'static str)], pods: &'static [Met]) -> (Cluster, Arc<Mutex<Vec<String>>>) {
        let (turn, met) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = asked.clone();
        let of_turn = |turn: &AtomicUsize, length: usize| turn.fetch_add(1, Ordering::SeqCst).min(length - 1);
        let service = tower::service_fn(move |request: Request<HttpBody>| {
            let (code, body) = if request.uri().path().ends_with("/log") {
                seen.lock().unwrap().push(request.uri().query().unwrap_or_default().to_owned());
                let (code, body) = answers[of_turn(&turn, answers.len())];
                (code, body.to_owned())
            } else if pods.is_empty() {
                (403, r#"{"code":403,"message":"no"}"#.to_owned())
            } else {
                let (uid, id) = pods[of_turn(&met, pods.len())];
                let restarts = id.trim_start_matches('c').parse::<i32>().unwrap_or_default();
                let status = json!([{"name": "c", "containerID": id, "restartCount": restarts, "image": "",
                    "imageID": "", "ready": true}]);
                let pod = json!({"metadata": {"name": "p", "uid": uid}, "status": {"containerStatuses": status}});
                (200, pod.to_string())
            };
            let body = HttpBody::from(body.into_bytes());
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
            since: None,
            tail: Some(5),
            follow,
            lossy: true,
        }
    }

    /// The first so many things that come, or all until the end; and what was asked for meanwhile.
    async fn first(
        wanted: usize,
        answers: &'static [(u16, &'static str)],
        pods: &'static [Met],
        follows: bool,
    ) -> (Vec<String>, Vec<String>) {
        let (cluster, asked) = cluster(answers, pods);
        let (out, mut events) = mpsc::channel(16);
        let cancel = CancellationToken::new();
        follow(&cluster, vec![request(follows)], &out, &Clock::real(), &cancel);
        drop(out);
        let mut told = Vec::new();
        while told.len() < wanted
            && let Some(event) = events.recv().await
        {
            match event.news {
                LogNews::Lines(lines) => told.extend(lines.into_iter().map(|l| l.text.into())),
                LogNews::Notice(text) => told.push(format!("! {text}")),
                LogNews::Dropped(lines) => told.push(format!("dropped {lines}")),
                LogNews::State(LogState::Reading) => {}
                LogNews::State(LogState::Ended(None)) => break,
                LogNews::State(state) => told.push(format!("{state:?}")),
            }
        }
        let asked = asked.lock().unwrap().clone();
        (told, asked)
    }

    const GONE: (u16, &str) = (404, r#"{"code":404,"message":"pods \"p\" not found","reason":"NotFound"}"#);
    const DOWN: (u16, &str) = (503, r#"{"code":503,"message":"down"}"#);
    const ONE_TWO: (u16, &str) = (200, "2026-01-02T03:04:05.5Z one\n2026-01-02T03:04:05.5Z two\n");

    #[tokio::test(start_paused = true)]
    async fn a_log_that_is_not_followed_is_read_once() {
        let (told, asked) = first(9, &[ONE_TWO], &[], false).await;
        assert_eq!(told, ["one", "two"]);
        assert_eq!(asked.len(), 1);
        assert!(asked[0].contains("tailLines=5") && asked[0].contains("timestamps=true"), "{}", asked[0]);
    }

    #[tokio::test(start_paused = true)]
    async fn following_resumes_after_the_last_line_and_waits_for_a_pod_that_is_gone() {
        let again = "2026-01-02T03:04:05.5Z one\n2026-01-02T03:04:05.5Z two\n2026-01-02T03:04:07Z three\n";
        let answers: &'static [(u16, &str)] = Box::leak(Box::new([
            ONE_TWO,
            DOWN,
            DOWN,
            (200, again),
            GONE,
            GONE,
            GONE,
            (200, "2026-01-02T03:05:00Z four\n"),
        ]));
        let (told, asked) = first(6, answers, &[], true).await;
        assert_eq!(told[..2], ["one", "two"]);
        assert!(told[2].starts_with("Waiting(\"Cannot read the log of n/p (c): down"), "{told:?}");
        assert_eq!(told[3], "three");
        assert!(told[4].contains("not found"), "{told:?}");
        assert_eq!(told[5], "four");
        assert!(asked[2].contains("sinceTime=2026-01-02T03%3A04%3A05Z"), "{}", asked[2]);
        assert!(!asked[2].contains("tailLines"), "{}", asked[2]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_pod_of_the_same_name_is_read_from_its_first_line_whatever_its_clock_says() {
        let earlier = (200, "2026-01-01T00:00:00Z other\n");
        let answers: &'static [(u16, &str)] = Box::leak(Box::new([ONE_TWO, earlier]));
        let (told, asked) = first(4, answers, &[("u1", "c0"), ("u2", "c0")], true).await;
        assert_eq!(told, ["one", "two", "! another pod of this name took its place", "other"]);
        assert!(!asked[1].contains("since") && !asked[1].contains("tail"), "{}", asked[1]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_container_that_restarted_behind_a_break_has_its_end_read_first() {
        let end = (200, "2026-01-02T03:04:05.5Z two\n2026-01-02T03:04:06Z last\n");
        let new = (200, "2026-01-02T03:04:09Z started\n");
        let broken = (200, "2026-01-02T03:04:05.5Z two\nunable to retrieve container logs for containerd://c0");
        let answers: &'static [(u16, &str)] = Box::leak(Box::new([broken, end, new]));
        let (told, asked) = first(4, answers, &[("u1", "c0"), ("u1", "c1")], true).await;
        assert_eq!(told, ["two", "last", "! the container started again", "started"]);
        assert!(asked[1].contains("previous=true") && asked[1].contains("sinceTime=2026-01-02T03%3A04%3A05Z"));
        assert!(asked[1].contains("follow=false") || !asked[1].contains("follow=true"), "{}", asked[1]);
        assert!(!asked[2].contains("previous=true"), "{}", asked[2]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_break_took_for_ever_is_said() {
        let broken = (200, "2026-01-02T03:04:05.5Z two\nunable to retrieve container logs for containerd://c0");
        let new = (200, "2026-01-02T03:04:09Z started\n");
        let answers: &'static [(u16, &str)] = Box::leak(Box::new([broken, new]));
        let (told, _) = first(3, answers, &[("u1", "c0"), ("u2", "c1")], true).await;
        assert!(told[1].ends_with("the end of the log before was not read and cannot be any more"), "{told:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_log_that_may_not_be_read_ends() {
        let (told, asked) = first(9, &[(403, r#"{"code":403,"message":"pods/log is forbidden"}"#)], &[], true).await;
        assert!(told[0].starts_with("Ended(Some(") && told[0].contains("forbidden"), "{told:?}");
        assert_eq!((told.len(), asked.len()), (1, 1));
    }
}
