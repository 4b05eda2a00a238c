//! Brokers' own metrics, read from their metrics ports through port-forwards.
//!
//! Each broker is asked by itself, every 15 s, or less often where answers are large; what is asked for is the plain text
//! format, packed where the exporter can. An answer is read as it comes and never kept (`text`). `cmd` starts it for the
//! installation that is looked at; what values mean is `domain::metrics`'.

mod text;

use std::{error::Error, io::Write, time::Duration};

use flate2::write::GzDecoder;
use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Empty};
use hyper::{
    body::{Bytes, Incoming},
    client::conn::http1::handshake,
};
use hyper_util::rt::TokioIo;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use self::text::Gathering;
use super::{dial::DialError, pod_setup::PodSetup};
use crate::{
    domain::{
        freshness::{FailureKind, Source, SourceFailure},
        metrics::{Exporter, Scrape},
        text::printable,
    },
    facts::{Body, Fact},
    task,
};

/// How often a broker is asked.
const EVERY: Duration = Duration::from_secs(15);
/// How long it may be left alone after a large answer.
const SELDOM: Duration = Duration::from_secs(60);
/// Bytes a second that one broker's metrics may cost on the wire, over time.
const BYTES_PER_S: u64 = 8 << 10;
/// How long one answer may take, dialling included: an exporter goes through all beans for it.
const DEADLINE: Duration = Duration::from_secs(10);
/// Where metrics are.
const PATH: &str = "/metrics";

/// Starts to ask brokers until the token is cancelled.
pub fn ask(setup: &PodSetup, exporters: Vec<Exporter>, cancel: &CancellationToken) {
    for exporter in exporters {
        let (setup, cancelled) = (setup.clone(), cancel.clone());
        task::spawn("scrape", cancel, async move {
            while let Some(cost) = once(&setup, &exporter, &cancelled).await {
                let wait = Duration::from_secs(cost / BYTES_PER_S).clamp(EVERY, SELDOM);
                tokio::select! {
                    () = tokio::time::sleep(wait) => {}
                    () = setup.refresh.notified() => {}
                }
            }
        });
    }
}

/// Asks a broker once and tells the answer; how many bytes came, or none when nobody listens any more.
async fn once(setup: &PodSetup, exporter: &Exporter, cancel: &CancellationToken) -> Option<u64> {
    let answer = match timeout(DEADLINE, Line { setup, exporter, cancel }.scrape()).await {
        Ok(answer) => answer,
        Err(_) => Err(failed(exporter, FailureKind::Timeout, &format!("no answer within {} s", DEADLINE.as_secs()))),
    };
    let (body, cost) = match answer {
        Ok((scrape, cost)) => (Body::Metrics(scrape), cost),
        Err(failure) => (Body::Failed(failure), 0),
    };
    let source = Source::Metrics { installation: setup.installation.clone(), broker: exporter.broker };
    setup.facts.send(Fact { source, seen_at: setup.clock.now(), body }).await.ok()?;
    Some(cost)
}

/// What one question takes.
struct Line<'a> {
    setup: &'a PodSetup,
    exporter: &'a Exporter,
    cancel: &'a CancellationToken,
}

impl Line<'_> {
    async fn scrape(&self) -> Result<(Scrape, u64), SourceFailure> {
        let stream = self.setup.transport.open(&self.exporter.at).await.map_err(|error| self.undialled(&error))?;
        let (mut sender, connection) = handshake(TokioIo::new(stream)).await.map_err(|error| self.cut(&error))?;
        // It ends with this answer.
        let ends = self.cancel.child_token();
        let _ends = ends.clone().drop_guard();
        let (tell, ended) = tokio::sync::oneshot::channel();
        task::spawn("scrape connection", &ends, async move {
            if let Err(error) = connection.await {
                // Nobody waits for it when the answer was there first.
                let _ = tell.send(error);
            }
        });
        let request = Request::get(PATH)
            .header(header::HOST, "localhost")
            .header(header::ACCEPT, "text/plain;version=0.0.4")
            .header(header::ACCEPT_ENCODING, "gzip")
            .body(Empty::<Bytes>::new());
        let request = request.map_err(|error| self.failed(FailureKind::Garbage, &error.to_string()))?;
        match sender.send_request(request).await {
            Ok(answer) => self.read(answer).await,
            // The connection knows better why there is no answer.
            Err(error) => Err(match timeout(Duration::from_millis(200), ended).await {
                Ok(Ok(why)) => self.cut(&why),
                _ => self.cut(&error),
            }),
        }
    }

    /// Reads an answer to its end.
    async fn read(&self, answer: Response<Incoming>) -> Result<(Scrape, u64), SourceFailure> {
        if answer.status() != StatusCode::OK {
            return Err(self.refused(answer.status()));
        }
        let encoding = answer.headers().get(header::CONTENT_ENCODING).map(header::HeaderValue::as_bytes);
        let mut sink = match encoding {
            None | Some(b"identity") => Sink::Plain(Gathering::new(self.exporter.is_sidecar)),
            Some(b"gzip") => Sink::Packed(Box::new(GzDecoder::new(Gathering::new(self.exporter.is_sidecar)))),
            Some(_) => return Err(self.failed(FailureKind::Garbage, "its answer is packed in an unknown way")),
        };
        let (mut body, mut cost) = (answer.into_body(), 0);
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| self.cut(&error))?;
            if let Some(bytes) = frame.data_ref() {
                cost += bytes.len() as u64;
                sink.write(bytes).map_err(|error| self.failed(FailureKind::Garbage, &error.to_string()))?;
            }
        }
        let gathered = sink.finish().map_err(|error| self.failed(FailureKind::Garbage, &error.to_string()))?;
        match gathered.finish() {
            (_, 0) => Err(self.failed(FailureKind::Garbage, &format!("what it answers to GET {PATH} is no metrics"))),
            (scrape, samples) if scrape.figures.is_empty() => {
                let why = format!("its exporter tells {samples} series, and none by a name that is known");
                Err(self.failed(FailureKind::Unsupported, &why))
            }
            (scrape, _) => Ok((scrape, cost)),
        }
    }

    fn refused(&self, status: StatusCode) -> SourceFailure {
        match status.as_u16() {
            401 | 403 => self.failed(FailureKind::Auth, &format!("its metrics port asks for a login ({status})")),
            500..=599 => self.failed(FailureKind::Timeout, &format!("GET {PATH} failed with {status}")),
            _ => self.failed(FailureKind::Garbage, &format!("GET {PATH} was answered with {status}")),
        }
    }

    fn undialled(&self, error: &DialError) -> SourceFailure {
        match error {
            DialError::Forbidden { why, hint, .. } => SourceFailure {
                hint: hint.clone(),
                ..self.failed(FailureKind::Forbidden, &format!("port-forward is forbidden: {why}"))
            },
            DialError::Refused { why, .. } => self.failed(FailureKind::Unreachable, &broken(why, self.exporter)),
            other => self.failed(FailureKind::Unreachable, &other.to_string()),
        }
    }

    /// The stream ended before there was an answer.
    fn cut(&self, error: &hyper::Error) -> SourceFailure {
        let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
        let is_garbage = error.is_parse();
        let why = if is_garbage {
            format!("what listens on port {} speaks no HTTP; it may speak TLS", self.exporter.at.port)
        } else {
            broken(&format!("{error}{cause}"), self.exporter)
        };
        self.failed(if is_garbage { FailureKind::Garbage } else { FailureKind::Unreachable }, &why)
    }

    fn failed(&self, kind: FailureKind, why: &str) -> SourceFailure {
        failed(self.exporter, kind, why)
    }
}

/// Where bytes of an answer go.
enum Sink {
    Plain(Gathering),
    Packed(Box<GzDecoder<Gathering>>),
}

impl Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        match self {
            Self::Plain(gathering) => gathering.write_all(bytes),
            Self::Packed(decoder) => decoder.write_all(bytes),
        }
    }

    fn finish(self) -> std::io::Result<Gathering> {
        match self {
            Self::Plain(gathering) => Ok(gathering),
            Self::Packed(decoder) => decoder.finish(),
        }
    }
}

/// Why a stream broke; of the nodes' words, what they mean.
fn broken(why: &str, exporter: &Exporter) -> String {
    if why.to_lowercase().contains("refused") {
        format!("nothing listens on port {} of the pod", exporter.at.port)
    } else {
        why.to_owned()
    }
}

fn failed(exporter: &Exporter, kind: FailureKind, why: &str) -> SourceFailure {
    let what = format!("Metrics of broker {}: {}.", exporter.broker, why.trim_end_matches('.'));
    SourceFailure { kind, what: printable(&what).into_owned(), hint: None }
}

#[cfg(test)]
mod tests;
