//! `logs`: lines of containers, as they come or, of several at once, in the order of their moments.
//!
//! It loses nothing: when whoever reads our output is slower than what is written, the logs are read slower.

use std::collections::VecDeque;

use chrono::SecondsFormat;
use regex::Regex;
use serde_json::json;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::{
    cli::{Format, Global, Logs},
    domain::{
        ids::ObjectKey,
        log::{Levels, LogLine, LogNews, LogState},
        text::printable,
    },
    errors::{Failure, FailureKind},
    io::logs::{self, LogEvent, LogRequest, Since},
};

use super::{completeness::Need, documents, oneshot, session::Session};

/// Batches under way of each log.
const BATCHES: usize = 4;

/// How lines are printed.
struct Printer {
    grep: Option<Regex>,
    output: Format,
    /// Whether each line says which pod it is from.
    named: bool,
    timestamps: bool,
    /// What each log is of, and the levels of its lines.
    sources: Vec<(LogRequest, Levels)>,
}

/// What became of a log.
#[derive(Debug, Default)]
struct Fates {
    open: usize,
    read: usize,
    failed: Vec<String>,
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
    let mut printer = Printer {
        grep,
        output: global.output,
        named: requests.len() > 1,
        timestamps: asked.timestamps,
        sources: requests.iter().map(|request| (request.clone(), Levels::default())).collect(),
    };
    let Some(cluster) = session.cluster() else {
        return Err(Failure::new(FailureKind::Unobservable, "There is no connection to read logs through."));
    };
    let cancel = CancellationToken::new();
    let _ends_the_streams = cancel.clone().drop_guard();
    let fates = if asked.follow {
        let (sender, events) = mpsc::channel(BATCHES * requests.len().max(1));
        logs::follow(cluster, requests, &sender, session.clock(), &cancel);
        drop(sender);
        tokio::select! {
            fates = as_they_come(events, &mut printer) => fates?,
            _ = tokio::signal::ctrl_c() => return Ok(0),
        }
    } else {
        let open = |request: LogRequest| {
            let (sender, events) = mpsc::channel(BATCHES);
            logs::follow(cluster, vec![request], &sender, session.clock(), &cancel);
            events
        };
        in_order(requests.into_iter().map(open).collect(), &mut printer).await?
    };
    fates.code()
}

impl Fates {
    /// Takes how a log goes; notices and troubles are said beside the lines, and never among them.
    fn hear(&mut self, pod: &str, news: &LogNews) {
        let beside = match news {
            LogNews::State(LogState::Ended(None)) => {
                self.open -= 1;
                self.read += 1;
                return;
            }
            LogNews::State(LogState::Ended(Some(why))) => {
                self.open -= 1;
                self.failed.push(why.clone());
                if self.failed.len() == 1 && self.open + self.read == 0 {
                    // The exit says it.
                    return;
                }
                why.clone()
            }
            LogNews::State(LogState::Waiting(why)) => format!("{pod}: {why}"),
            LogNews::Notice(text) => format!("{pod}: {text}"),
            LogNews::Dropped(lines) => format!("{pod}: {lines} lines dropped"),
            LogNews::State(LogState::Opening | LogState::Reading) | LogNews::Lines(_) => return,
        };
        oneshot::say(&printable(&beside));
    }

    /// 0 when every log was read, or with `--previous` at least one, for not every container has run before.
    fn code(&self) -> Result<u8, Failure> {
        let Some(first) = self.failed.first() else { return Ok(0) };
        let what = match self.failed.len() {
            1 => "One log could not be read.".to_owned(),
            n => format!("{n} logs could not be read."),
        };
        let no_previous = |why: &String| why.ends_with(logs::NO_PREVIOUS);
        if self.failed.iter().all(no_previous) {
            return if self.read > 0 { Ok(0) } else { Err(Failure::new(FailureKind::Wrong, what).why(first)) };
        }
        Err(Failure::new(FailureKind::Unobservable, what).why(first))
    }
}

/// Prints lines of all logs as they come, until all have ended or nobody reads any more.
async fn as_they_come(mut events: mpsc::Receiver<LogEvent>, printer: &mut Printer) -> Result<Fates, Failure> {
    let mut fates = Fates { open: printer.sources.len(), ..Fates::default() };
    while fates.open > 0
        && let Some(LogEvent { source, news }) = events.recv().await
    {
        fates.hear(&printer.sources[source].0.pod, &news);
        if let LogNews::Lines(lines) = news {
            let mut text = String::new();
            for line in &lines {
                printer.print(source, line, &mut text)?;
            }
            if !oneshot::put_while_read(text.as_bytes())? {
                break;
            }
        }
    }
    Ok(fates)
}

/// Prints lines of all logs in the order of their moments: the next one is known once every log has one or has ended.
async fn in_order(mut logs: Vec<mpsc::Receiver<LogEvent>>, printer: &mut Printer) -> Result<Fates, Failure> {
    let mut fates = Fates { open: logs.len(), ..Fates::default() };
    let mut waiting: Vec<VecDeque<LogLine>> = logs.iter().map(|_| VecDeque::new()).collect();
    let mut text = String::new();
    loop {
        for (source, log) in logs.iter_mut().enumerate() {
            while waiting[source].is_empty()
                && let Some(event) = log.recv().await
            {
                fates.hear(&printer.sources[source].0.pod, &event.news);
                if let LogNews::Lines(lines) = event.news {
                    waiting[source].extend(lines);
                }
            }
        }
        // Of lines without a moment nothing tells where they belong: they stay where they are in their log.
        let next = (0..waiting.len()).filter(|s| !waiting[*s].is_empty()).min_by_key(|s| waiting[*s][0].at);
        let Some(source) = next else { break };
        let second = (0..waiting.len()).filter(|s| *s != source).filter_map(|s| waiting[s].front().map(|l| l.at)).min();
        while let Some(line) = waiting[source].front()
            && second.is_none_or(|second| line.at <= second)
        {
            printer.print(source, line, &mut text)?;
            waiting[source].pop_front();
        }
        if text.len() >= 64 << 10 && !oneshot::put_while_read(std::mem::take(&mut text).as_bytes())? {
            return Ok(fates);
        }
    }
    oneshot::put_while_read(text.as_bytes())?;
    Ok(fates)
}

/// What is to be read: the brokers and pods that were named, else every broker.
fn requests(session: &Session, asked: &Logs) -> Result<Vec<LogRequest>, Failure> {
    let Some(reading) = session.app.reading() else {
        return Err(Failure::new(FailureKind::Unobservable, "No broker pod is known."));
    };
    let brokers = &reading.installation.brokers;
    let mut targets: Vec<(ObjectKey, Option<&str>)> = Vec::new();
    let ids = reading.pods_by_id();
    for broker in &asked.brokers {
        let Some(pod) = ids.get(broker) else {
            let known: Vec<String> = ids.keys().map(ToString::to_string).collect();
            return Err(Failure::new(FailureKind::Usage, format!("There is no broker {broker}."))
                .hint(format!("brokers with a pod: {}", known.join(", "))));
        };
        targets.push((pod.pod.clone(), Some(&pod.container)));
    }
    let pods = &reading.world.kube.pods;
    for name in &asked.pods {
        let namespace = &reading.installation.id.namespace;
        let of_operator = || reading.installation.operator.as_ref().map(|o| o.deployment.namespace.clone());
        let key = [Some(namespace.clone()), of_operator()].into_iter().flatten().map(|n| ObjectKey::new(&n, name));
        let Some(key) = key.into_iter().find(|key| pods.contains_key(key)) else {
            return Err(no_pod(name, namespace, pods.keys()));
        };
        let broker = brokers.iter().find(|broker| broker.pod == key).map(|broker| broker.container.as_str());
        targets.push((key, broker));
    }
    if asked.brokers.is_empty() && asked.pods.is_empty() {
        targets = brokers.iter().map(|b| (b.pod.clone(), Some(b.container.as_str()))).collect();
    }
    let mut requests: Vec<LogRequest> = Vec::new();
    for (pod, usual) in targets {
        let known = pods.get(&pod);
        let first = || known.and_then(|pod| pod.containers.first()).map(|container| container.name.as_str());
        let container = asked.container.as_deref().or(usual).or_else(first).unwrap_or_default().to_owned();
        let request = LogRequest {
            namespace: pod.namespace.clone(),
            pod: pod.name.clone(),
            container,
            previous: asked.previous,
            since: asked.since(),
            tail: asked.tail,
            follow: asked.follow,
            lossy: false,
        };
        if !requests.contains(&request) {
            requests.push(request);
        }
    }
    Ok(requests)
}

fn no_pod<'a>(name: &str, namespace: &str, pods: impl Iterator<Item = &'a ObjectKey>) -> Failure {
    let known: Vec<&str> = pods.filter(|key| key.namespace == namespace).map(|key| key.name.as_str()).collect();
    Failure::new(FailureKind::Usage, format!("There is no pod {name} in {namespace}."))
        .hint(format!("pods there: {}", known.join(", ")))
}

impl Logs {
    /// From when on lines are wanted.
    fn since(&self) -> Option<Since> {
        let seconds = self.since.map(|since| Since::Seconds(i64::try_from(since.as_secs().max(1)).unwrap_or(i64::MAX)));
        seconds.or(self.since_time.map(Since::Time))
    }
}

impl Printer {
    /// Prints a line, unless it is not searched for.
    fn print(&mut self, source: usize, line: &LogLine, out: &mut String) -> Result<(), Failure> {
        // Every line counts for the level of those that go on with it.
        let level = self.sources[source].1.next(&line.text);
        if self.grep.as_ref().is_some_and(|grep| !grep.is_match(&line.text)) {
            return Ok(());
        }
        let request = &self.sources[source].0;
        let document = || {
            let at = line.at.map(|at| at.to_rfc3339_opts(SecondsFormat::Nanos, true));
            json!({"at": at, "pod": request.pod, "container": request.container,
                "level": level.map(crate::domain::log::Level::word), "text": &*line.text})
        };
        match self.output {
            Format::Text => {
                if self.named {
                    out.extend(["[", &printable(&request.pod), "] "]);
                }
                if self.timestamps {
                    let at = line.at.map(|at| at.to_rfc3339_opts(SecondsFormat::Nanos, true));
                    out.extend([at.as_deref().unwrap_or("-"), " "]);
                }
                // Made plain where it came in, and its tabs are its own.
                out.extend([&line.text, "\n"]);
            }
            Format::Json => out.push_str(&documents::line(&document())),
            Format::Yaml => {
                out.push_str("---\n");
                out.push_str(&documents::yaml(&document())?);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;

    fn printer(output: Format, grep: Option<&str>, pods: &[&str]) -> Printer {
        let request = |pod: &&str| LogRequest {
            namespace: "n".into(),
            pod: (*pod).into(),
            container: "kafka".into(),
            previous: false,
            since: None,
            tail: None,
            follow: false,
            lossy: false,
        };
        Printer {
            grep: grep.map(|g| Regex::new(g).unwrap()),
            output,
            named: pods.len() > 1,
            timestamps: false,
            sources: pods.iter().map(|pod| (request(pod), Levels::default())).collect(),
        }
    }

    fn line(at: i64, text: &str) -> LogLine {
        LogLine { at: DateTime::from_timestamp(at, 0), text: text.into() }
    }

    fn printed(printer: &mut Printer, lines: &[LogLine]) -> String {
        let mut out = String::new();
        lines.iter().for_each(|line| printer.print(0, line, &mut out).unwrap());
        out
    }

    #[test]
    fn a_document_says_when_where_and_how_grave() {
        let mut printer = printer(Format::Json, Some("disk"), &["kafka-0"]);
        let lines = [line(0, "[x] ERROR (kafka.log)"), line(1, "java.io.IOException: disk\t\"full\"")];
        let said: serde_json::Value = serde_json::from_str(&printed(&mut printer, &lines)).unwrap();
        let wanted = json!({"at": "1970-01-01T00:00:01.000000000Z", "pod": "kafka-0", "container": "kafka",
            "level": "ERROR", "text": "java.io.IOException: disk\t\"full\""});
        assert_eq!(said, wanted);
    }

    #[test]
    fn grep_keeps_only_lines_that_match_and_pods_are_named_where_there_are_several() {
        let lines = [line(0, "INFO fine"), line(0, "WARN\tlook")];
        assert_eq!(printed(&mut printer(Format::Text, Some("ERROR|WARN"), &["a", "b"]), &lines), "[a] WARN\tlook\n");
        assert_eq!(printed(&mut printer(Format::Text, None, &["a"]), &lines), "INFO fine\nWARN\tlook\n");
    }

    #[test]
    fn what_could_not_be_read_is_told_by_the_exit_code() {
        let fates =
            |read, failed: &[&str]| Fates { open: 0, read, failed: failed.iter().map(|f| (*f).into()).collect() };
        let none = &*format!("kafka-0: {}", logs::NO_PREVIOUS);
        assert_eq!(fates(3, &[]).code().unwrap(), 0);
        assert_eq!(fates(1, &[none, none]).code().unwrap(), 0, "not every container has run before");
        assert_eq!(fates(0, &[none]).code().unwrap_err().kind, FailureKind::Wrong);
        assert_eq!(fates(2, &["forbidden"]).code().unwrap_err().kind, FailureKind::Unobservable);
    }
}
