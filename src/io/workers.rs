//! Kafka Connect's workers, asked over their REST interface through port-forwards to their pods.
//!
//! Each worker is asked for itself, which is how one that hangs is noticed; one of those that answer is asked for all
//! connectors, since any knows them all. Here it reads; only `change` writes. One stream to each worker is kept and used again;
//! when it breaks, or the worker has closed it meanwhile, another is opened without a word. `cmd` starts it; what the
//! answers mean is `answers`'.

mod answers;
pub mod change;

use std::{sync::Arc, time::Duration};

use futures::future::join_all;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper::{
    body::Bytes,
    client::conn::http1::{SendRequest, handshake},
};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{
    sync::oneshot,
    time::{Instant, timeout},
};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    dial::{DialError, Transport},
    failure,
    pod_setup::PodSetup,
};
use crate::{
    domain::{
        connect::ConnectCluster,
        freshness::{AskedWorkers, FailureKind, Source, SourceFailure},
        ids::ObjectKey,
        installation::PodPort,
        text::{printable, shortened},
    },
    facts::{Body, ConnectBody, Fact},
    task,
};

/// How often workers and connectors are asked for.
const EVERY: Duration = Duration::from_secs(5);
/// How often plugins are asked for: they change with a worker's start.
const PLUGINS: Duration = Duration::from_secs(300);
/// How long one answer may take, dialling included.
const DEADLINE: Duration = Duration::from_secs(3);
/// How long a broken connection may take to say why.
const PARTING: Duration = Duration::from_millis(200);
/// Bytes of an answer at most.
const MOST_BYTES: usize = 16 << 20;
/// Workers of one Connect that are asked.
const MOST_WORKERS: usize = 16;

/// How an answer may fail.
type Answer<T> = Result<T, SourceFailure>;

/// Starts to ask the workers of each Connect until the token is cancelled; only those that are listed run.
pub fn ask(setup: &PodSetup, clusters: Vec<ConnectCluster>, cancel: &CancellationToken) {
    for cluster in clusters {
        let mut asking = Asking::new(setup.clone(), cluster, cancel);
        task::spawn("workers", cancel, async move { while asking.round().await {} });
    }
}

/// One Connect that is asked.
struct Asking {
    setup: PodSetup,
    cluster: ObjectKey,
    workers: Vec<Line>,
    plugins_at: Option<Instant>,
}

impl Asking {
    fn new(setup: PodSetup, cluster: ConnectCluster, cancel: &CancellationToken) -> Self {
        let lines = cluster.workers.into_iter().take(MOST_WORKERS).map(|worker| Line {
            at: worker.at,
            tls: worker.tls,
            transport: Arc::clone(&setup.transport),
            cancel: cancel.clone(),
            open: None,
        });
        Self { workers: lines.collect(), cluster: cluster.id, setup, plugins_at: None }
    }

    /// Asks once and waits for the next time; false when nobody listens any more.
    async fn round(&mut self) -> bool {
        let refreshed = self.setup.refresh.clone();
        let refreshed = refreshed.notified();
        tokio::pin!(refreshed);
        // From here on, so that what is asked for in the middle of a round is done after it.
        refreshed.as_mut().enable();
        if self.all().await.is_none() {
            return false;
        }
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = refreshed => self.plugins_at = None,
        }
        true
    }

    /// Asks everything that is due; none when nobody listens any more.
    async fn all(&mut self) -> Option<()> {
        let answers = join_all(self.workers.iter_mut().map(Line::about)).await;
        let mut first_failure = None;
        let mut answering = Vec::new();
        for (at, answer) in answers.into_iter().enumerate() {
            let pod = self.workers.get(at)?.at.pod.name.clone();
            let body = match answer {
                Ok(info) => {
                    answering.push(at);
                    Body::Connect(ConnectBody::Worker(info))
                }
                Err(failure) => {
                    first_failure.get_or_insert_with(|| failure.clone());
                    Body::Failed(failure)
                }
            };
            self.tell(AskedWorkers::Contact, Some(pod), body).await?;
        }
        let connectors = self.of_any(&answering, first_failure.as_ref(), Line::connectors).await;
        self.tell(AskedWorkers::Connectors, None, connectors).await?;
        if self.plugins_at.is_none_or(|at| at.elapsed() >= PLUGINS) && !answering.is_empty() {
            let plugins = self.of_any(&answering, None, Line::plugins).await;
            self.plugins_at = matches!(plugins, Body::Connect(_)).then(Instant::now);
            self.tell(AskedWorkers::Plugins, None, plugins).await?;
        }
        Some(())
    }

    /// The answer of the first of some workers that gives one, else the first failure.
    async fn of_any(
        &mut self,
        answering: &[usize],
        before: Option<&SourceFailure>,
        ask: impl AsyncFn(&mut Line) -> Answer<ConnectBody>,
    ) -> Body {
        let mut failed = None;
        for at in answering {
            let Some(line) = self.workers.get_mut(*at) else { continue };
            match ask(line).await {
                Ok(body) => return Body::Connect(body),
                Err(failure) => failed = failed.or(Some(failure)),
            }
        }
        Body::Failed(failed.or_else(|| before.cloned()).unwrap_or_else(|| SourceFailure {
            kind: FailureKind::Unreachable,
            what: "No worker answers.".to_owned(),
            hint: None,
        }))
    }

    async fn tell(&self, what: AskedWorkers, worker: Option<String>, body: Body) -> Option<()> {
        let installation = self.setup.installation.clone();
        let source = Source::Connect { installation, cluster: self.cluster.clone(), what, worker };
        self.setup.facts.send(Fact { source, seen_at: self.setup.clock.now(), body }).await.ok()
    }
}

/// The line to one worker: a stream that is kept, if there is one.
struct Line {
    at: PodPort,
    tls: bool,
    transport: Arc<dyn Transport>,
    cancel: CancellationToken,
    open: Option<Open>,
}

/// An open stream.
struct Open {
    sender: SendRequest<Empty<Bytes>>,
    /// Why it ended: a request that was waiting learns only that it did.
    ended: oneshot::Receiver<String>,
    _ends: DropGuard,
}

/// Why there was no answer.
enum Broken {
    /// Told to the reader as it is.
    Failed(SourceFailure),
    /// The stream ended; on one that was kept that means nothing.
    Cut(String),
}

impl Line {
    async fn about(&mut self) -> Answer<crate::domain::connect::WorkerInfo> {
        let answer = self.get("/").await?;
        answers::worker(&answer).map_err(|why| self.garbage(&why))
    }

    async fn connectors(&mut self) -> Answer<ConnectBody> {
        let answer = self.get("/connectors?expand=status&expand=info").await?;
        answers::connectors(&answer).map(ConnectBody::Connectors).map_err(|why| self.garbage(&why))
    }

    async fn plugins(&mut self) -> Answer<ConnectBody> {
        let answer = self.get("/connector-plugins").await?;
        answers::plugins(&answer).map(ConnectBody::Plugins).map_err(|why| self.garbage(&why))
    }

    /// The JSON behind a path, within the deadline.
    async fn get(&mut self, path: &str) -> Answer<Value> {
        if self.tls {
            let why = "its REST interface is encrypted, which is not supported yet";
            return Err(self.failure(FailureKind::Unsupported, why, None));
        }
        if let Ok(answer) = timeout(DEADLINE, self.try_get(path)).await {
            return answer;
        }
        // An answer that comes too late would be taken for the next one's.
        self.open = None;
        let why = format!("no answer to GET {} within {} s", bare(path), DEADLINE.as_secs());
        Err(self.failure(FailureKind::Timeout, &why, None))
    }

    async fn try_get(&mut self, path: &str) -> Answer<Value> {
        let kept = self.open.take().filter(|open| !open.sender.is_closed());
        if let Some(open) = kept {
            match self.exchange(open, path).await {
                Ok(value) => return Ok(value),
                Err(Broken::Failed(failure)) => return Err(failure),
                // The worker closes what has been idle for a while: a new stream tells.
                Err(Broken::Cut(_)) => {}
            }
        }
        let open = self.dial().await?;
        match self.exchange(open, path).await {
            Ok(value) => Ok(value),
            Err(Broken::Failed(failure)) => Err(failure),
            Err(Broken::Cut(why)) => Err(self.cut(&why)),
        }
    }

    async fn dial(&self) -> Answer<Open> {
        let stream = self.transport.open(&self.at).await.map_err(|error| self.undialled(&error))?;
        let (sender, connection) =
            handshake(TokioIo::new(stream)).await.map_err(|error| self.cut(&error.to_string()))?;
        let cancel = self.cancel.child_token();
        let at = self.at.to_string();
        let (tell, ended) = oneshot::channel();
        task::spawn("worker connection", &cancel, async move {
            if let Err(error) = connection.await {
                tracing::debug!(at, %error, "the connection to a worker ended");
                // Nobody waits for it when the line was dropped first.
                let _ = tell.send(words(&error));
            }
        });
        Ok(Open { sender, ended, _ends: cancel.drop_guard() })
    }

    /// One question and its answer.
    async fn exchange(&mut self, open: Open, path: &str) -> Result<Value, Broken> {
        let (status, body) = self.raw(open, Method::GET, path).await?;
        if status != StatusCode::OK {
            return Err(Broken::Failed(self.refused(path, status, &body)));
        }
        serde_json::from_slice(&body).map_err(|error| {
            Broken::Failed(self.garbage(&format!("its answer to GET {} is no JSON: {error}", bare(path))))
        })
    }

    /// One request and its answer as it is; the stream is kept when it can be used again.
    async fn raw(&mut self, mut open: Open, method: Method, path: &str) -> Result<(StatusCode, Bytes), Broken> {
        let verb = method.clone();
        let request = Request::builder().method(method).uri(path);
        let request = request.header(header::HOST, "localhost").header(header::ACCEPT, "application/json");
        let request = request.body(Empty::new()).map_err(|error| Broken::Cut(error.to_string()))?;
        let sent = match open.sender.ready().await {
            Ok(()) => open.sender.send_request(request).await,
            Err(error) => Err(error),
        };
        let answer = match sent {
            Ok(answer) => answer,
            Err(error) => {
                let ended = timeout(PARTING, &mut open.ended).await;
                return Err(Broken::Cut(ended.ok().and_then(Result::ok).unwrap_or_else(|| words(&error))));
            }
        };
        let status = answer.status();
        let body = Limited::new(answer.into_body(), MOST_BYTES).collect().await;
        let body = match body {
            Ok(body) => body.to_bytes(),
            Err(error) if error.is::<LengthLimitError>() => {
                let why = format!("its answer to {verb} {} is larger than {} MB", bare(path), MOST_BYTES >> 20);
                return Err(Broken::Failed(self.failure(FailureKind::Garbage, &why, None)));
            }
            Err(error) => return Err(Broken::Cut(error.to_string())),
        };
        self.open = Some(open);
        Ok((status, body))
    }

    /// What a status other than 200 means.
    fn refused(&self, path: &str, status: StatusCode, body: &[u8]) -> SourceFailure {
        let said = answers::message(body).map(|said| format!(": {}", shortened(&said, 200))).unwrap_or_default();
        let asked = bare(path);
        match status.as_u16() {
            401 | 403 => {
                let hint = "A login to Connect's REST interface is not supported yet; ask its owner for the state.";
                let why = format!("its REST interface asks for a login ({status}){said}");
                self.failure(FailureKind::Auth, &why, Some(hint))
            }
            409 => {
                self.failure(FailureKind::Timeout, "the workers are rebalancing; it is asked again in a moment", None)
            }
            // A worker that starts has its port open before it knows anything.
            404 => {
                let why = format!("it knows no {asked} (404): it is still starting, or no worker");
                self.failure(FailureKind::Timeout, &why, None)
            }
            408 | 500..=599 => {
                self.failure(FailureKind::Timeout, &format!("GET {asked} failed with {status}{said}"), None)
            }
            _ => self.garbage(&format!("GET {asked} was answered with {status}{said}")),
        }
    }

    /// The stream ended before there was an answer.
    fn cut(&self, why: &str) -> SourceFailure {
        let lower = why.to_lowercase();
        if lower.contains("refused") {
            let why = format!("nothing listens on port {} of the pod", self.at.port);
            return self.failure(FailureKind::Unreachable, &why, None);
        }
        if ["invalid http", "unexpected message"].into_iter().any(|words| lower.contains(words)) {
            return self.garbage(&format!("what listens on port {} speaks no HTTP; it may speak TLS", self.at.port));
        }
        self.failure(FailureKind::Unreachable, why, None)
    }

    fn undialled(&self, error: &DialError) -> SourceFailure {
        match error {
            DialError::Forbidden { why, hint, .. } => {
                self.failure(FailureKind::Forbidden, &format!("port-forward is forbidden: {why}"), hint.as_deref())
            }
            DialError::Refused { why, .. } => self.cut(why),
            DialError::Timeout { .. } => failure::timed_out(&format!("reach {}", self.at), DEADLINE),
            other => {
                let what = format!("Worker {}: {other}.", self.at.pod.name);
                SourceFailure { kind: FailureKind::Unreachable, what: printable(&what).into_owned(), hint: None }
            }
        }
    }

    fn garbage(&self, why: &str) -> SourceFailure {
        self.failure(FailureKind::Garbage, why, None)
    }

    fn failure(&self, kind: FailureKind, why: &str, hint: Option<&str>) -> SourceFailure {
        let what = format!("Worker {}: {}.", self.at.pod.name, why.trim_end_matches('.'));
        SourceFailure { kind, what: printable(&what).into_owned(), hint: hint.map(str::to_owned) }
    }
}

/// The path without its query.
fn bare(path: &str) -> &str {
    path.split('?').next().unwrap_or(path)
}

/// An error of HTTP with its cause.
fn words(error: &hyper::Error) -> String {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
    format!("{error}{cause}")
}

#[cfg(test)]
mod tests;
