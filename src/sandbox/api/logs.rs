//! Logs of containers, as the kubelet hands them out.

use std::{collections::VecDeque, convert::Infallible, sync::Arc};

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use futures::{StreamExt, stream};
use http::{HeaderValue, Response, header::CONTENT_TYPE};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use serde_json::Value;
use tokio::sync::watch;

use super::{
    ApiServer, Asked, Place,
    status::{Answer, Refusal},
};
use crate::sandbox::{
    nodes::{LogLine, Nodes},
    store::Store,
};

/// What of a log is wanted.
struct Wanted {
    follow: bool,
    previous: bool,
    timestamps: bool,
    tail: Option<usize>,
    since: Option<DateTime<Utc>>,
    bytes: Option<usize>,
}

/// Bytes that are sent at once.
const FRAME: usize = 32 << 10;

/// A log that is being read.
struct Log {
    nodes: Arc<dyn Nodes>,
    store: Arc<Store>,
    namespace: String,
    pod: String,
    /// Which run of the container it is of.
    run: Run,
    written: watch::Receiver<u64>,
    changed: watch::Receiver<u64>,
    follow: bool,
    timestamps: bool,
    /// Bytes that may still be sent.
    left: usize,
    next: u64,
    lines: VecDeque<LogLine>,
    /// A second as it is written before lines, and which one.
    second: (i64, String),
}

/// A run of a container: pod, container, number of restarts.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Run(String, String, u64);

impl ApiServer {
    /// GET on a pod's log.
    pub(super) fn log(&self, asked: &Asked, place: &Place, name: &str) -> Result<Answer, Refusal> {
        let namespace = place.in_store();
        let pod = self.store.get("pods", namespace, name).ok_or_else(|| Refusal::not_found("pods", name))?;
        let wanted = self.wanted(asked, name)?;
        let container = container(asked, &pod, name)?;
        let (written, changed) = (self.nodes.log_changes(), self.store.changes());
        let lines = self.nodes.log(namespace, name, wanted.previous, 0).map_err(Refusal::bad_request)?;
        let next = lines.last().map_or(0, |line| line.number + 1);
        let mut lines: VecDeque<LogLine> =
            lines.into_iter().filter(|line| wanted.since.is_none_or(|since| line.at >= since)).collect();
        if let Some(tail) = wanted.tail {
            lines.drain(..lines.len().saturating_sub(tail));
        }
        let log = Log {
            nodes: Arc::clone(&self.nodes),
            store: Arc::clone(&self.store),
            namespace: namespace.to_owned(),
            pod: name.to_owned(),
            run: run(&pod, &container),
            written,
            changed,
            follow: wanted.follow && !wanted.previous,
            timestamps: wanted.timestamps,
            left: wanted.bytes.unwrap_or(usize::MAX),
            next,
            lines,
            second: (i64::MIN, String::new()),
        };
        let frames = stream::unfold(log, |mut log| async move { log.next().await.map(|bytes| (bytes, log)) });
        let body = StreamBody::new(frames.map(|bytes| Ok::<_, Infallible>(Frame::data(bytes)))).boxed_unsync();
        let mut answer = Response::new(body);
        answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        Ok(answer)
    }

    fn wanted(&self, asked: &Asked, pod: &str) -> Result<Wanted, Refusal> {
        let query = &asked.query;
        let invalid =
            |cause: &str, field: &str, message: &str| Refusal::invalid("PodLogOptions", pod, cause, field, message);
        let at_least = |field: &str, least: i64, words: &str| {
            let number = query.number(field)?;
            match number.filter(|number| *number < least) {
                Some(small) => {
                    let message = format!("Invalid value: {small}: must be greater than {words}");
                    Err(invalid("FieldValueInvalid", field, &message))
                }
                None => Ok(number),
            }
        };
        let tail = at_least("tailLines", 0, "or equal to 0")?;
        let seconds = at_least("sinceSeconds", 1, "0")?;
        let bytes = at_least("limitBytes", 1, "0")?;
        let moment = query.get("sinceTime").map(|text| {
            let bad = |_| Refusal::bad_request(format!("parsing time \"{text}\" as RFC3339"));
            DateTime::parse_from_rfc3339(text).map(|at| at.with_timezone(&Utc)).map_err(bad)
        });
        let moment = moment.transpose()?;
        if moment.is_some() && seconds.is_some() {
            let message = "Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified";
            return Err(invalid("FieldValueForbidden", "[]", message));
        }
        let ago = |seconds| TimeDelta::try_seconds(seconds).and_then(|ago| self.clock.now().checked_sub_signed(ago));
        Ok(Wanted {
            follow: query.is_on("follow"),
            previous: query.is_on("previous"),
            timestamps: query.is_on("timestamps"),
            tail: tail.and_then(|lines| usize::try_from(lines).ok()),
            since: moment.or(seconds.and_then(ago)),
            bytes: bytes.and_then(|bytes| usize::try_from(bytes).ok()),
        })
    }
}

impl Log {
    /// The next lines; none at the end.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if self.left == 0 {
                return None;
            }
            let mut text = Vec::new();
            while text.len() < FRAME.min(self.left)
                && let Some(line) = self.lines.pop_front()
            {
                self.put(&line, &mut text);
            }
            if !text.is_empty() {
                text.truncate(self.left);
                self.left -= text.len();
                return Some(text.into());
            }
            if !self.follow {
                return None;
            }
            self.written.mark_unchanged();
            self.changed.mark_unchanged();
            // What was written before the end is still read.
            let over = self.is_over();
            let more = self.nodes.log(&self.namespace, &self.pod, false, self.next).ok()?;
            if let Some(last) = more.last() {
                self.next = last.number + 1;
                self.lines = more.into();
            } else if over {
                return None;
            } else {
                tokio::select! {
                    changed = self.written.changed() => changed.ok()?,
                    changed = self.changed.changed() => changed.ok()?,
                }
            }
        }
    }

    /// Whether this run of the container has ended.
    fn is_over(&self) -> bool {
        let Some(pod) = self.store.get("pods", &self.namespace, &self.pod) else { return true };
        let status = status(&pod, &self.run.1);
        let ended = status.is_some_and(|status| status["state"]["running"].is_null());
        ended || run(&pod, &self.run.1) != self.run
    }

    fn put(&mut self, line: &LogLine, out: &mut Vec<u8>) {
        if self.timestamps {
            if self.second.0 != line.at.timestamp() {
                self.second = (line.at.timestamp(), line.at.format("%Y-%m-%dT%H:%M:%S").to_string());
            }
            out.extend_from_slice(format!("{}.{:09}Z ", self.second.1, line.at.timestamp_subsec_nanos()).as_bytes());
        }
        out.extend_from_slice(line.text.as_bytes());
        out.push(b'\n');
    }
}

/// The container whose log is asked for, or the only one.
fn container(asked: &Asked, pod: &Value, name: &str) -> Result<String, Refusal> {
    let of = |field: &str| pod["spec"][field].as_array().into_iter().flatten().filter_map(|c| c["name"].as_str());
    let names: Vec<&str> = of("containers").collect();
    match (asked.query.get("container"), names.as_slice()) {
        (Some(wanted), _) if names.contains(&wanted) || of("initContainers").any(|name| name == wanted) => {
            Ok(wanted.to_owned())
        }
        (Some(wanted), _) => Err(Refusal::bad_request(format!("container {wanted} is not valid for pod {name}"))),
        (None, [only]) => Ok((*only).to_owned()),
        (None, several) => Err(Refusal::bad_request(format!(
            "a container name must be specified for pod {name}, choose one of: [{}]",
            several.join(" ")
        ))),
    }
}

fn status<'a>(pod: &'a Value, container: &str) -> Option<&'a Value> {
    pod["status"]["containerStatuses"].as_array()?.iter().find(|status| status["name"] == container)
}

fn run(pod: &Value, container: &str) -> Run {
    let restarts = status(pod, container).and_then(|status| status["restartCount"].as_u64()).unwrap_or_default();
    Run(pod["metadata"]["uid"].as_str().unwrap_or_default().to_owned(), container.to_owned(), restarts)
}
