//! `logs`: lines of the brokers' containers, as they come.

use std::collections::BTreeSet;

use regex::Regex;
use serde_json::json;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::{
    cli::{Format, Global, Logs},
    domain::text::printable,
    errors::{Failure, FailureKind},
    io::logs::{self, LogEvent, LogLine, LogRequest},
};

use super::{completeness::Need, documents, oneshot, session::Session};

/// Batches under way; the reader of our output may be slower than the brokers write.
const BATCHES: usize = 256;

/// How lines are printed.
struct Printer {
    grep: Option<Regex>,
    output: Format,
    /// Whether each line says which pod it is from.
    named: bool,
}

/// Prints the lines that were asked for; goes on until ctrl-c when they are followed.
pub async fn run(session: &mut Session, global: &Global, asked: &Logs) -> Result<u8, Failure> {
    // Node ids come from brokers; without `--broker` the pods are enough.
    let need = if asked.brokers.is_empty() { Need::Installations } else { Need::Brokers };
    if let Some(incomplete) = oneshot::until(session, need, global.timeout()).await?
        && session.app.shown.is_none()
    {
        return Err(incomplete);
    }
    let requests = requests(session, asked)?;
    let grep = asked.grep.as_deref().map(Regex::new).transpose();
    let grep = grep.map_err(|e| Failure::new(FailureKind::Usage, "--grep is no regular expression.").why(e))?;
    let printer = Printer { grep, output: global.output, named: requests.len() > 1 };
    let Some(cluster) = session.cluster() else {
        return Err(Failure::new(FailureKind::Unobservable, "There is no connection to read logs through."));
    };
    let cancel = CancellationToken::new();
    let _ends_the_streams = cancel.clone().drop_guard();
    let (sender, mut events) = mpsc::channel(BATCHES);
    let mut open: BTreeSet<String> = requests.iter().map(|r| r.pod.clone()).collect();
    logs::follow(cluster, requests, &sender, session.clock(), &cancel);
    drop(sender);
    while let Some(event) = events.recv().await {
        match event {
            LogEvent::Lines(lines) => oneshot::put(printer.lines(&lines)?.as_bytes())?,
            LogEvent::Notice { pod, text } => tracing::info!(pod, text, "log"),
            LogEvent::Ended { pod } => {
                open.remove(&pod);
                if open.is_empty() {
                    break;
                }
            }
        }
    }
    Ok(0)
}

fn requests(session: &Session, asked: &Logs) -> Result<Vec<LogRequest>, Failure> {
    let Some(reading) = session.app.reading() else {
        return Err(Failure::new(FailureKind::Unobservable, "No broker pod is known."));
    };
    let ids = reading.pods_by_id();
    let mut pods = Vec::new();
    for broker in &asked.brokers {
        let Some(pod) = ids.get(broker) else {
            let known: Vec<String> = ids.keys().map(ToString::to_string).collect();
            return Err(Failure::new(FailureKind::Usage, format!("There is no broker {broker}."))
                .hint(format!("brokers with a pod: {}", known.join(", "))));
        };
        pods.push(*pod);
    }
    if pods.is_empty() {
        pods = reading.installation.brokers.iter().collect();
    }
    let since_s = asked.since.map(|since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX));
    let request = |broker: &crate::domain::installation::BrokerPod| LogRequest {
        namespace: broker.pod.namespace.clone(),
        pod: broker.pod.name.clone(),
        container: broker.container.clone(),
        previous: asked.previous,
        since_s,
        tail: asked.tail,
        follow: asked.follow,
    };
    Ok(pods.into_iter().map(request).collect())
}

impl Printer {
    fn lines(&self, lines: &[LogLine]) -> Result<String, Failure> {
        let mut text = String::new();
        for line in lines.iter().filter(|l| self.grep.as_ref().is_none_or(|g| g.is_match(&l.text))) {
            match self.output {
                Format::Text => {
                    if self.named {
                        text.extend(["[", &printable(&line.pod), "] "]);
                    }
                    text.extend([&printable(&line.text), "\n"]);
                }
                Format::Json => text.push_str(&documents::line(&document(line))),
                Format::Yaml => {
                    text.push_str("---\n");
                    text.push_str(&documents::yaml(&document(line))?);
                }
            }
        }
        Ok(text)
    }
}

fn document(line: &LogLine) -> serde_json::Value {
    json!({"pod": line.pod, "at": line.at, "text": line.text})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> LogLine {
        LogLine { pod: "kafka-0".into(), at: None, text: text.into() }
    }

    fn printed(output: Format, grep: Option<&str>, text: &str) -> String {
        let printer = Printer { grep: grep.map(|g| Regex::new(g).unwrap()), output, named: true };
        printer.lines(&[line(text)]).unwrap()
    }

    #[test]
    fn log_lines_never_reach_the_terminal_as_escape_codes() {
        assert_eq!(printed(Format::Text, None, "a\u{1b}[31mb"), "[kafka-0] a?[31mb\n");
        assert!(!printed(Format::Json, None, "a\u{1b}[31mb\u{9b}c").contains(['\u{1b}', '\u{9b}']));
        assert!(!printed(Format::Yaml, None, "a\u{1b}[31mb\u{9b}c").contains(['\u{1b}', '\u{9b}']));
    }

    #[test]
    fn grep_keeps_only_lines_that_match() {
        assert_eq!(printed(Format::Text, Some("ERROR|WARN"), "INFO fine"), "");
        assert_eq!(printed(Format::Text, Some("ERROR|WARN"), "WARN look"), "[kafka-0] WARN look\n");
    }
}
