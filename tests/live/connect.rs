//! Kafka Connect on the flavour `connect`: what the workers say, what is shown of it, and a task that fails.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::common::{
    live::{self, Cluster},
    pty::Pty,
};

use super::seeing::{open, shown};

const INSTALLATION: [&str; 2] = ["--installation", "kafka-demo/kafka"];
/// How long a connector may take to start and fail, and to be asked about.
const LIMIT: Duration = Duration::from_secs(60);
/// The connector that cannot work, since its file is nowhere.
const BROKEN: &str = "kafdeck-live-broken";

/// False, and the row is skipped, where nobody has installed the flavour.
fn is_there(cluster: &Cluster) -> bool {
    let there = cluster.kubectl(["-n", "kafka-demo", "get", "deployment", "kafka-connect", "-o", "name"]).code == 0;
    if !there {
        live::skip("no Kafka Connect in namespace kafka-demo");
    }
    there
}

/// Runs a script in the worker's pod.
fn in_worker(cluster: &Cluster, script: &str) -> String {
    let worker = ["-n", "kafka-demo", "exec", "deploy/kafka-connect", "-c", "kafka-connect", "--", "sh", "-c", script];
    let outcome = cluster.kubectl(worker);
    assert_eq!(outcome.code, 0, "{script}: {outcome:#?}");
    outcome.stdout
}

/// What a worker answers to those who stand beside it.
fn rest(cluster: &Cluster, path: &str) -> Value {
    let text = in_worker(cluster, &format!("busybox wget -qO- 'http://localhost:8083{path}'"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn document(cluster: &Cluster) -> Value {
    let outcome = cluster.kafdeck().args(["connect", "-o", "json"].iter().chain(&INSTALLATION)).run();
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    outcome.json()
}

/// A connector that is deleted when the row is over.
struct Broken<'a>(&'a Cluster);

impl<'a> Broken<'a> {
    fn create(cluster: &'a Cluster) -> Self {
        let guard = Self(cluster);
        guard.delete();
        let config = serde_json::json!({"name": BROKEN, "config": {
            "connector.class": "org.apache.kafka.connect.file.FileStreamSinkConnector", "tasks.max": "1",
            "topics": "demo-messages", "file": "/no/such/directory/file",
            "value.converter": "org.apache.kafka.connect.storage.StringConverter",
        }});
        let post = "busybox wget -qO- --header 'Content-Type: application/json' http://localhost:8083/connectors";
        in_worker(cluster, &format!("{post} --post-data '{config}'"));
        guard
    }

    fn delete(&self) {
        let request = format!("DELETE /connectors/{BROKEN} HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n");
        in_worker(self.0, &format!("printf '{request}' | busybox nc localhost 8083"));
    }
}

impl Drop for Broken<'_> {
    fn drop(&mut self) {
        self.delete();
    }
}

/// The connector runs, and every state is what the worker says.
pub fn agrees_with_the_worker(cluster: &Cluster) {
    if !is_there(cluster) {
        return;
    }
    let theirs = rest(cluster, "/connectors?expand=status");
    let began = Instant::now();
    let ours = document(cluster);
    live::note(&format!("{:.2} s", began.elapsed().as_secs_f64()));
    let rows = ours["connect"].as_array().unwrap();
    assert_eq!(rows.len(), theirs.as_object().unwrap().len(), "{ours:#}");
    let pod = cluster.kubectl(["-n", "kafka-demo", "get", "pod", "-l", "app=kafka-connect", "-o", "name"]).stdout;
    for row in rows {
        let status = &theirs[row["name"].as_str().unwrap()]["status"];
        assert_eq!(row["state"], status["connector"]["state"], "{row:#}");
        for (task, said) in row["tasks"].as_array().unwrap().iter().zip(status["tasks"].as_array().unwrap()) {
            assert_eq!(
                (&task["id"], &task["state"], &task["worker_id"]),
                (&said["id"], &said["state"], &said["worker_id"])
            );
            assert_eq!(format!("pod/{}", task["worker"].as_str().unwrap()), pod.trim());
        }
    }
    let sink = rows.iter().find(|row| row["name"] == "jdbc-sink").unwrap();
    assert_eq!(
        (&sink["state"], &sink["type"], &sink["lag"]),
        (&"RUNNING".into(), &"sink".into(), &0.into()),
        "{sink:#}"
    );
    let connect = &ours["clusters"][0];
    assert_eq!(
        (&connect["belongs"], &connect["workers"][0]["answers"]),
        (&"proven".into(), &true.into()),
        "{connect:#}"
    );
    assert_eq!(
        connect["plugins"].as_array().map(Vec::len),
        rest(cluster, "/connector-plugins").as_array().map(Vec::len)
    );
    assert!(!ours.to_string().contains("password"), "{ours:#}");
    // A Kafka without a Connect has none, and that is an answer.
    let plain = cluster.kafdeck().args(["connect", "-o", "json", "--installation", "the-project/kafka"]).run();
    assert_eq!((plain.code, &plain.json()["connect"]), (0, &serde_json::json!([])));
}

/// A task that fails is seen with its cause, and goes with its connector.
pub fn failed_task(cluster: &Cluster) {
    if !is_there(cluster) {
        return;
    }
    let mut pty: Pty = open(cluster, &INSTALLATION);
    pty.wait_for_text("● OK", LIMIT);
    pty.send("9");
    pty.wait_for(|s| s.contents().contains("workers 1/1 answer") && s.contents().contains("jdbc-sink"), LIMIT);
    let broken = Broken::create(cluster);
    let began = Instant::now();
    shown(&mut pty, "failed task", began, LIMIT, |text| {
        text.contains("1/1 tasks failed") && text.contains("NoSuchFileException: /no/such/directory/file")
    });
    pty.send("g\r");
    pty.wait_for_text("0 FAILED on kafka-connect-", LIMIT);
    pty.send("G");
    pty.wait_for_text("Caused by: java.nio.file.NoSuchFileException", LIMIT);
    pty.send("\u{1b}");
    drop(broken);
    pty.wait_for(|s| !s.contents().contains(BROKEN) && s.contents().contains("jdbc-sink"), LIMIT);
}
