//! Workers that answer, refuse, babble, hang up and say nothing, and what is told of each.

use std::{
    convert::Infallible,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use futures::future::BoxFuture;
use http::Response;
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use tokio::{io::AsyncWriteExt, sync::mpsc};

use super::*;
use crate::{
    clock::Clock,
    domain::{
        connect::{Tie, Worker},
        ids::InstallationId,
    },
    io::dial::BoxStream,
};

/// What a worker does with a stream.
#[derive(Debug, Clone)]
enum Manner {
    /// Answers each request with a status and a body, and closes after so many.
    Answers(u16, Vec<u8>, usize),
    /// Says something that is no HTTP.
    Babbles(&'static [u8]),
    /// Takes the request and says nothing.
    IsSilent,
    /// Cannot be reached.
    Refuses(DialError),
}

/// Workers by pod, and how often each was dialled.
#[derive(Default)]
struct Pods {
    manners: Mutex<Vec<(String, Manner)>>,
    dialled: AtomicUsize,
}

impl Pods {
    fn with(manners: &[(&str, Manner)]) -> Arc<Self> {
        let manners = manners.iter().map(|(pod, manner)| ((*pod).to_owned(), manner.clone())).collect();
        Arc::new(Self { manners: Mutex::new(manners), dialled: AtomicUsize::new(0) })
    }
}

impl Transport for Pods {
    fn open(&self, to: &PodPort) -> BoxFuture<'_, Result<BoxStream, DialError>> {
        self.dialled.fetch_add(1, Ordering::Relaxed);
        let manners = self.manners.lock().unwrap_or_else(PoisonError::into_inner);
        let manner = manners.iter().find(|(pod, _)| *pod == to.pod.name).unwrap().1.clone();
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        match manner {
            Manner::Refuses(error) => return Box::pin(async { Err(error) }),
            manner => drop(task::spawn("test worker", &CancellationToken::new(), behave(theirs, manner))),
        }
        Box::pin(async move { Ok(Box::new(ours) as BoxStream) })
    }
}

async fn behave(mut stream: tokio::io::DuplexStream, manner: Manner) {
    match manner {
        Manner::Answers(status, body, times) => {
            let left = AtomicUsize::new(times);
            let service = service_fn(|request: Request<Incoming>| {
                let of_path = match (request.uri().path(), status) {
                    ("/", 200) if body.is_empty() => br#"{"version":"4.1.2","kafka_cluster_id":"k"}"#.to_vec(),
                    (_, 200) if body.is_empty() => b"{}".to_vec(),
                    _ => body.clone(),
                };
                let mut answer = Response::new(Full::new(Bytes::from(of_path)));
                *answer.status_mut() = StatusCode::from_u16(status).unwrap();
                if left.fetch_sub(1, Ordering::Relaxed) <= 1 {
                    answer.headers_mut().insert(header::CONNECTION, header::HeaderValue::from_static("close"));
                }
                async move { Ok::<_, Infallible>(answer) }
            });
            // The test's end is the connection's.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        }
        Manner::Babbles(bytes) => {
            stream.write_all(bytes).await.unwrap();
            std::future::pending::<()>().await;
        }
        Manner::IsSilent | Manner::Refuses(_) => {
            let _open = stream;
            std::future::pending::<()>().await;
        }
    }
}

fn cluster(pods: &[&str], tls: bool) -> ConnectCluster {
    let worker = |pod: &&str| Worker {
        at: PodPort { pod: ObjectKey::new("n", *pod), port: 8083 },
        container: "connect".to_owned(),
        tls,
        evidence: Vec::new(),
    };
    ConnectCluster {
        id: ObjectKey::new("n", "connect"),
        group: None,
        bootstrap: Vec::new(),
        workers: pods.iter().map(worker).collect(),
        tie: Tie::Alone,
    }
}

/// A line of questions to these workers, and what it tells.
fn asking(pods: &Arc<Pods>, cluster: ConnectCluster) -> (Asking, mpsc::Receiver<Fact>) {
    let (facts, told) = mpsc::channel(100);
    let setup = PodSetup {
        installation: InstallationId::new("n", "kafka"),
        transport: Arc::clone(pods) as Arc<dyn Transport>,
        refresh: Arc::default(),
        clock: Clock::real(),
        facts,
    };
    (Asking::new(setup, cluster, &CancellationToken::new()), told)
}

/// What one round tells: what was asked, of which worker, and the failure, if there was one.
async fn round(manners: &[(&str, Manner)], tls: bool) -> Vec<(AskedWorkers, Option<String>, Option<SourceFailure>)> {
    let pods = Pods::with(manners);
    let names: Vec<&str> = manners.iter().map(|(pod, _)| *pod).collect();
    let (mut asking, mut told) = asking(&pods, cluster(&names, tls));
    asking.all().await.unwrap();
    drop(asking);
    let mut all = Vec::new();
    while let Some(fact) = told.recv().await {
        let Source::Connect { what, worker, .. } = fact.source else { panic!("{fact:?}") };
        let failure = if let Body::Failed(failure) = fact.body { Some(failure) } else { None };
        all.push((what, worker, failure));
    }
    all
}

/// Why the connectors of one worker are not known.
async fn why(manner: Manner) -> SourceFailure {
    let told = round(&[("w", manner)], false).await;
    told.into_iter().find(|(what, ..)| *what == AskedWorkers::Connectors).unwrap().2.unwrap()
}

const HEALTHY: Manner = Manner::Answers(200, Vec::new(), usize::MAX);

#[tokio::test]
async fn a_worker_that_does_not_answer_is_told_and_another_one_tells_the_connectors() {
    let refused =
        DialError::Refused { to: cluster(&["a"], false).workers[0].at.clone(), why: "connection refused".into() };
    let told = round(&[("a", Manner::Refuses(refused)), ("b", HEALTHY)], false).await;
    let failed: Vec<bool> = told.iter().map(|(.., failure)| failure.is_some()).collect();
    // Plugins are no list here, and that costs nothing else.
    assert_eq!(failed, [true, false, false, true], "{told:#?}");
    assert_eq!(told[0].2.as_ref().unwrap().what, "Worker a: nothing listens on port 8083 of the pod.");
}

#[tokio::test]
async fn a_stream_is_used_again_and_dialled_anew_without_a_word_when_the_worker_closed_it() {
    for (times, dials) in [(usize::MAX, 1), (2, 5)] {
        let pods = Pods::with(&[("w", Manner::Answers(200, Vec::new(), times))]);
        let (mut asking, mut told) = asking(&pods, cluster(&["w"], false));
        asking.plugins_at = Some(Instant::now());
        for _ in 0..5 {
            asking.all().await.unwrap();
        }
        drop(asking);
        while let Some(fact) = told.recv().await {
            assert!(!matches!(fact.body, Body::Failed(_)), "{fact:?}");
        }
        assert_eq!(pods.dialled.load(Ordering::Relaxed), dials);
    }
}

#[tokio::test]
async fn every_refusal_has_its_class_and_its_words() {
    let said = |code: u16, body: &str| Manner::Answers(code, body.as_bytes().to_vec(), usize::MAX);
    for (manner, kind, words) in [
        (said(401, ""), FailureKind::Auth, "asks for a login (401"),
        (said(403, ""), FailureKind::Auth, "asks for a login (403"),
        (said(409, "{}"), FailureKind::Timeout, "the workers are rebalancing"),
        (
            said(500, r#"{"error_code":500,"message":"Request timed out\u001b[2J"}"#),
            FailureKind::Timeout,
            "Request timed out?[2J",
        ),
        (said(404, "<html>"), FailureKind::Timeout, "it knows no / (404): it is still starting"),
        (said(302, ""), FailureKind::Garbage, "302"),
        (said(200, "<html>hello"), FailureKind::Garbage, "is no JSON"),
        (said(200, "[]"), FailureKind::Garbage, "names no version"),
        (Manner::Babbles(b"\x15\x03\x03\x00\x02\x02\x50"), FailureKind::Garbage, "it may speak TLS"),
    ] {
        let failure = why(manner.clone()).await;
        assert_eq!(failure.kind, kind, "{manner:?}: {failure:?}");
        assert!(failure.what.starts_with("Worker w: ") && failure.what.contains(words), "{manner:?}: {failure:?}");
    }
}

#[tokio::test]
async fn an_answer_beyond_all_measure_is_not_read_to_its_end() {
    let failure = why(Manner::Answers(200, vec![b' '; MOST_BYTES + 1], usize::MAX)).await;
    assert!(failure.what.contains("larger than 16 MB"), "{failure:?}");
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_is_silent_is_given_up_in_time() {
    let began = Instant::now();
    let failure = why(Manner::IsSilent).await;
    assert_eq!(
        (failure.kind, failure.what.as_str()),
        (FailureKind::Timeout, "Worker w: no answer to GET / within 3 s.")
    );
    assert!(began.elapsed() < DEADLINE * 2);
}

#[tokio::test]
async fn an_encrypted_interface_is_not_spoken_to() {
    let told = round(&[("w", HEALTHY)], true).await;
    assert!(told.iter().all(|(.., failure)| failure.as_ref().unwrap().kind == FailureKind::Unsupported), "{told:?}");
}
