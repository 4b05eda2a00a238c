//! What a worker's JSON says: each value by itself, so that one that cannot be read costs only itself.
//!
//! Of a connector's configuration four harmless settings are taken and nothing else: it may hold passwords. Texts are
//! made safe and cut before they go any further: a trace is whatever a plugin threw.

use serde_json::Value;

use crate::domain::{
    connect::{Connector, Plugin, Task, WorkerInfo},
    text::{is_unprintable, redacted, shortened},
};

/// The longest name, class, state or address that is kept, in characters.
const LONGEST: usize = 512;
/// Bytes that are kept of a trace's beginning, and of its end, where the last cause stands.
const TRACE_HEAD: usize = 6 << 10;
const TRACE_TAIL: usize = 10 << 10;
/// Connectors, tasks of one, and plugins that are kept.
const MOST_CONNECTORS: usize = 2_000;
const MOST_TASKS: usize = 1_000;
const MOST_PLUGINS: usize = 500;
/// Topics of a connector that are kept.
const MOST_TOPICS: usize = 100;

/// What a worker says of itself; an error when no worker speaks so.
pub fn worker(answer: &Value) -> Result<WorkerInfo, String> {
    let version = text(&answer["version"]).ok_or("its answer names no version, as a worker's does")?;
    Ok(WorkerInfo { version, kafka_cluster_id: text(&answer["kafka_cluster_id"]) })
}

/// All connectors, by name.
pub fn connectors(answer: &Value) -> Result<Vec<Connector>, String> {
    match answer {
        Value::Object(all) => {
            let mut read: Vec<Connector> = all.iter().take(MOST_CONNECTORS).map(|(n, v)| connector(n, v)).collect();
            read.sort_by(|a, b| a.name.cmp(&b.name));
            Ok(read)
        }
        // Before 2.3 `expand` is not known, and names are all that is told.
        Value::Array(_) => Err("it lists names alone, as Kafka Connect before 2.3 does".to_owned()),
        _ => Err("its list of connectors is no object".to_owned()),
    }
}

/// All plugins, by class.
pub fn plugins(answer: &Value) -> Result<Vec<Plugin>, String> {
    let Value::Array(all) = answer else { return Err("its list of plugins is no list".to_owned()) };
    let plugin = |from: &Value| {
        let kind = text(&from["type"]).unwrap_or_default();
        Some(Plugin { class: text(&from["class"])?, kind, version: text(&from["version"]) })
    };
    let mut read: Vec<Plugin> = all.iter().filter_map(plugin).take(MOST_PLUGINS).collect();
    read.sort_by(|a, b| a.class.cmp(&b.class));
    Ok(read)
}

/// What a worker says is wrong (`{"error_code": 500, "message": "…"}`).
pub fn message(body: &[u8]) -> Option<String> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    text(&answer["message"]).map(|message| redacted(&message))
}

fn connector(name: &str, from: &Value) -> Connector {
    let (status, info) = (&from["status"], &from["info"]);
    let config = &info["config"];
    let own = &status["connector"];
    let state = text(&own["state"]);
    let kind = text(&status["type"]).or_else(|| text(&info["type"]));
    let mut tasks = Vec::new();
    let mut unread = 0;
    for from in status["tasks"].as_array().into_iter().flatten().take(MOST_TASKS) {
        match task(from) {
            Some(task) => tasks.push(task),
            None => unread += 1,
        }
    }
    tasks.sort_by_key(|task| task.id);
    let error = match (&state, unread) {
        (None, _) => Some("the workers told nothing of its state that can be read".to_owned()),
        (_, 0) => None,
        (_, n) => Some(format!("{n} of its tasks cannot be read")),
    };
    let is_sink = kind.as_deref() == Some("sink");
    Connector {
        name: clean(name),
        class: text(&config["connector.class"]),
        state,
        worker: text(&own["worker_id"]),
        trace: own["trace"].as_str().and_then(trace),
        tasks,
        topics: topics(config),
        tasks_max: number(&config["tasks.max"]),
        group: is_sink
            .then(|| text(&config["consumer.override.group.id"]).unwrap_or_else(|| clean(&format!("connect-{name}")))),
        kind,
        error,
    }
}

fn task(from: &Value) -> Option<Task> {
    let trace = from["trace"].as_str().and_then(trace);
    Some(Task { id: number(&from["id"])?, state: text(&from["state"])?, worker: text(&from["worker_id"]), trace })
}

fn topics(config: &Value) -> Vec<String> {
    let list = text_of_any_length(&config["topics"]).unwrap_or_default();
    let named = list.split(',').map(str::trim).filter(|topic| !topic.is_empty());
    let named: Vec<String> = named.take(MOST_TOPICS).map(clean).collect();
    if named.is_empty() { text(&config["topics.regex"]).into_iter().collect() } else { named }
}

/// A number, written as one or as text.
fn number(value: &Value) -> Option<u32> {
    match value {
        Value::Number(number) => number.as_u64()?.try_into().ok(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// A text on one line, made safe and cut; none when it is empty.
fn text(value: &Value) -> Option<String> {
    text_of_any_length(value).map(clean)
}

fn text_of_any_length(value: &Value) -> Option<&str> {
    value.as_str().filter(|text| !text.is_empty())
}

fn clean(text: &str) -> String {
    shortened(text, LONGEST).chars().map(safe).collect()
}

fn safe(c: char) -> char {
    match c {
        '\t' => ' ',
        c if is_unprintable(c) => '?',
        c => c,
    }
}

/// A trace with its line breaks, made safe, without credentials, and cut in its middle.
fn trace(text: &str) -> Option<String> {
    let text = text.trim_end();
    let kept = if text.len() <= TRACE_HEAD + TRACE_TAIL {
        redacted(text)
    } else {
        let head = floor(text, TRACE_HEAD);
        let tail = floor(text, text.len() - TRACE_TAIL);
        // What follows the cut may be the rest of a credential: it goes on with the next whole line.
        let tail = text[tail..].find('\n').map_or("", |at| &text[tail + at + 1..]);
        format!("{}\n... cut here ...\n{}", redacted(&text[..head]), redacted(tail))
    };
    let lines = |c: char| if c == '\n' { c } else { safe(c) };
    let kept: String = kept.replace("\r\n", "\n").replace('\t', "    ").chars().map(lines).collect();
    (!kept.is_empty()).then_some(kept)
}

/// The nearest place at or before `at` where the text can be cut.
fn floor(text: &str, at: usize) -> usize {
    (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// What Kafka Connect 4.1.2 answered on a cluster, with the trace of a task whose database was gone.
    fn real() -> Value {
        json!({"jdbc-sink": {
            "status": {"name": "jdbc-sink", "connector": {"state": "RUNNING", "worker_id": "198.18.2.14:8083", "version": "3.0.0.Final"},
                "tasks": [{"id": 0, "state": "FAILED", "worker_id": "198.18.2.14:8083", "version": "3.0.0.Final",
                    "trace": "org.apache.kafka.connect.errors.ConnectException: Exiting\n\tat x.Y\nCaused by: java.net.ConnectException: refused\n\t... 1 more\n"}],
                "type": "sink"},
            "info": {"name": "jdbc-sink", "config": {"connector.class": "io.debezium.connector.jdbc.JdbcSinkConnector",
                "connection.password": "hunter2", "tasks.max": "1", "topics": "demo-messages, more"},
                "tasks": [{"connector": "jdbc-sink", "task": 0}], "type": "sink"}}})
    }

    #[test]
    fn a_connector_is_read_with_its_tasks_and_without_its_passwords() {
        let read = connectors(&real()).unwrap();
        let [sink] = &read[..] else { panic!("{read:?}") };
        assert_eq!((sink.kind.as_deref(), sink.state.as_deref()), (Some("sink"), Some("RUNNING")));
        assert_eq!((sink.tasks_max, sink.group.as_deref()), (Some(1), Some("connect-jdbc-sink")));
        assert_eq!(sink.topics, ["demo-messages", "more"]);
        assert_eq!((sink.tasks[0].state.as_str(), sink.failed_tasks()), ("FAILED", 1));
        assert!(sink.tasks[0].trace.as_ref().unwrap().contains("\n    at x.Y\nCaused by: java.net"), "{sink:?}");
        assert!(!format!("{read:?}").contains("hunter2"));
    }

    #[test]
    fn one_that_cannot_be_read_is_named_and_the_others_are_there() {
        let mut answer = real();
        for (name, odd) in [
            ("a", json!(null)),
            ("b", json!({"status": 7, "info": []})),
            (
                "c",
                json!({"status": {"connector": {"state": "RUNNING"}, "tasks": [{"id": -1}, 3, {"id": 1, "state": "RUNNING"}]}}),
            ),
            ("d", json!({"status": {"connector": {"state": {}}, "tasks": "none"}})),
        ] {
            answer[name] = odd;
        }
        let read = connectors(&answer).unwrap();
        let told = |name: &str| read.iter().find(|c| c.name == name).unwrap().error.clone();
        assert_eq!(read.len(), 5);
        assert!(["a", "b", "d"].into_iter().all(|name| told(name).is_some()));
        assert_eq!(told("c").as_deref(), Some("2 of its tasks cannot be read"));
        assert_eq!(told("jdbc-sink"), None);
    }

    #[test]
    fn what_is_no_answer_of_a_worker_is_an_error_in_words() {
        assert!(connectors(&json!(["a", "b"])).unwrap_err().contains("before 2.3"));
        assert!(connectors(&json!("x")).is_err());
        assert!(plugins(&json!({})).is_err());
        assert!(worker(&json!({"hello": 1})).is_err());
        assert_eq!(worker(&json!({"version": "4.1.2"})).unwrap().kafka_cluster_id, None);
        assert_eq!(message(b"{\"error_code\":500,\"message\":\"password=x\"}").as_deref(), Some("password=***"));
        assert_eq!(message(b"<html>"), None);
    }

    #[test]
    fn a_trace_of_a_megabyte_with_escape_codes_is_cut_and_harmless_and_keeps_its_last_cause() {
        let hostile = format!(
            "first\u{1b}]52;c;AAAA\u{7} password=hunter2\n{}ü secret=hunter2 rest\nCaused by: \u{202e}last\n",
            "\u{1b}[31m\tat x.y(Z.java)\n".repeat(60_000)
        );
        let kept = trace(&hostile).unwrap();
        assert!(kept.len() < 20 << 10, "{}", kept.len());
        assert!(!kept.chars().any(|c| is_unprintable(c) && c != '\n'));
        assert!(kept.starts_with("first") && kept.ends_with("Caused by: ?last"), "{kept}");
        assert!(!kept.contains("hunter2"));
        let one_line = format!("password={}", "x".repeat(1 << 20));
        assert!(trace(&one_line).unwrap().len() < 20 << 10);
        assert!(!trace(&one_line).unwrap().contains("xx"));
    }

    #[test]
    fn names_of_any_length_are_cut() {
        let mut answer = json!({});
        answer["n".repeat(100_000)] = json!({"status": {"connector": {"state": "S\u{1b}".repeat(1 << 16)}}});
        let read = connectors(&answer).unwrap();
        assert_eq!(read[0].name.chars().count(), LONGEST);
        assert!(read[0].state.as_ref().unwrap().chars().count() <= LONGEST);
        assert!(!read[0].state.as_ref().unwrap().contains('\u{1b}'));
    }
}
