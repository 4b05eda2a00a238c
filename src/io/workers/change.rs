//! What Connect's workers are asked to change: a connector started again, paused, let go on.
//!
//! One worker after the other is tried until one takes the request; one that was sent and not answered is not sent to
//! another. Workers that are rebalancing (409) are asked again for a while. `io::act` calls it.

use std::{sync::Arc, time::Duration};

use http::Method;
use serde_json::Value;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::{Broken, DEADLINE, Line, answers};
use crate::{
    domain::{freshness::SourceFailure, installation::PodPort, text::shortened},
    io::dial::Transport,
    plan::op::{ConnectAsk, OpAnswer, OpFailure, Rehearsed},
};

/// How long workers that are rebalancing are asked again.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long is waited in between.
const PAUSE: Duration = Duration::from_secs(1);

/// How many characters of a worker's words are told.
const LONGEST: usize = 200;

/// The way to workers.
pub struct Means {
    /// The way to pods.
    pub transport: Arc<dyn Transport>,
    /// Ends the connections.
    pub cancel: CancellationToken,
}

impl Drop for Means {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

/// What a worker answered.
enum Answered {
    /// It took the request, or told what was asked.
    Fine(Value),
    /// Workers are rebalancing.
    Busy,
    /// It said no.
    No(OpFailure),
}

/// Asks for the change.
///
/// # Errors
/// Why it was refused, or that nobody knows whether it happened.
pub async fn perform(
    means: &Means,
    workers: &[PodPort],
    connector: &str,
    ask: ConnectAsk,
) -> Result<OpAnswer, OpFailure> {
    let (method, rest) = ask.call();
    let method = if method == "POST" { Method::POST } else { Method::PUT };
    let path = format!("/connectors/{}/{rest}", encoded(connector));
    send(means, workers, connector, &method, &path).await.map(|_| OpAnswer::Done(String::new()))
}

/// Looks whether the connector is there, and is not so already.
pub async fn rehearse(means: &Means, workers: &[PodPort], connector: &str, ask: ConnectAsk) -> Rehearsed {
    let path = format!("/connectors/{}/status", encoded(connector));
    match send(means, workers, connector, &Method::GET, &path).await {
        Ok(status) => {
            let state = status["connector"]["state"].as_str().unwrap_or_default();
            let all = |wanted: &str| {
                let mut tasks = status["tasks"].as_array().into_iter().flatten();
                state == wanted && tasks.all(|task| task["state"] == wanted)
            };
            match ask {
                ConnectAsk::Pause if all("PAUSED") => Rehearsed::Already("it is paused already".to_owned()),
                ConnectAsk::Resume if all("RUNNING") => Rehearsed::Already("it runs already".to_owned()),
                _ => Rehearsed::Untried("Connect's workers can only be asked to do it".to_owned()),
            }
        }
        Err(failure) => Rehearsed::Failed(failure),
    }
}

/// Sends a request to the first worker that can be reached.
async fn send(
    means: &Means,
    workers: &[PodPort],
    connector: &str,
    method: &Method,
    path: &str,
) -> Result<Value, OpFailure> {
    let until = Instant::now() + PATIENCE;
    loop {
        let mut unreached = None;
        let mut is_busy = false;
        for at in workers {
            let mut line = Line {
                at: at.clone(),
                tls: false,
                transport: Arc::clone(&means.transport),
                cancel: means.cancel.clone(),
                open: None,
            };
            let open = match timeout(DEADLINE, line.dial()).await {
                Ok(Ok(open)) => open,
                Ok(Err(why)) => {
                    unreached.get_or_insert(words(&why));
                    continue;
                }
                Err(_) => {
                    unreached.get_or_insert(format!("worker {} does not answer", at.pod.name));
                    continue;
                }
            };
            let answer = timeout(DEADLINE, line.raw(open, method.clone(), path)).await;
            match read(&line, connector, answer) {
                Answered::Fine(value) => return Ok(value),
                Answered::No(failure) => return Err(failure),
                Answered::Busy => is_busy = true,
            }
            break;
        }
        if !is_busy {
            let why = unreached.unwrap_or_else(|| "this Connect has no worker".to_owned());
            return Err(OpFailure::Refused(format!("no worker can be reached: {why}")));
        }
        if Instant::now() >= until {
            return Err(OpFailure::Refused("the workers are rebalancing; try again when they are done".to_owned()));
        }
        sleep(PAUSE).await;
    }
}

fn read(
    line: &Line,
    connector: &str,
    answer: Result<Result<(http::StatusCode, hyper::body::Bytes), Broken>, tokio::time::error::Elapsed>,
) -> Answered {
    let worker = &line.at.pod.name;
    let (status, body) = match answer {
        Err(_) => return Answered::No(OpFailure::Unreachable(format!("worker {worker} does not answer"))),
        Ok(Err(Broken::Cut(why))) => {
            return Answered::No(OpFailure::Unreachable(format!("the connection to worker {worker} broke: {why}")));
        }
        Ok(Err(Broken::Failed(why))) => return Answered::No(OpFailure::Unreachable(words(&why))),
        Ok(Ok(answer)) => answer,
    };
    let said = || answers::message(&body).map(|said| format!(": {}", shortened(&said, LONGEST))).unwrap_or_default();
    match status.as_u16() {
        200..=299 => Answered::Fine(serde_json::from_slice(&body).unwrap_or_default()),
        409 => Answered::Busy,
        404 => Answered::No(OpFailure::Refused(format!("the workers know no connector {connector}"))),
        401 | 403 => {
            Answered::No(OpFailure::Forbidden(format!("Connect's REST interface asks for a login ({status})")))
        }
        _ => Answered::No(OpFailure::Refused(format!("worker {worker} answered with {status}{}", said()))),
    }
}

fn words(failure: &SourceFailure) -> String {
    failure.what.trim_end_matches('.').to_owned()
}

/// A name as it stands in a path (RFC 3986).
fn encoded(name: &str) -> String {
    use std::fmt::Write;
    name.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::encoded;

    #[test]
    fn a_name_cannot_leave_its_place_in_the_path() {
        assert_eq!(encoded("orders-sink_1.x"), "orders-sink_1.x");
        assert_eq!(encoded("../a b?c=\u{e4}"), "..%2Fa%20b%3Fc%3D%C3%A4");
    }
}
