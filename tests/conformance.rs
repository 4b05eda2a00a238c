//! The sandbox answers as a real cluster does: the same calls, compared by the shape of their answers.
//!
//! `conformance/kubernetes.json` holds the shapes that a cluster with the testbed's flavour `plain` gave. The sandbox
//! must give the same codes, reasons and types, every field that is read, and none that the cluster has not. With
//! `--include-ignored` the cluster of `KUBECONFIG` is asked again, so that the record does not age; with
//! `KAFDECK_UPDATE=1` too, it is written anew (from a testbed that has been up for ten minutes, so that its history
//! has been compacted once).
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's own helpers fail by panicking")]

#[path = "conformance/calls.rs"]
mod calls;
mod sandbox;
#[path = "conformance/shape.rs"]
mod shape;

use std::{collections::BTreeMap, env, fs, io::Write, path::PathBuf};

use calls::{Call, Read, calls};
use k8s_openapi::api::core::v1::Pod;
use kafdeck::{
    clock::Clock,
    io::connect::{ConnectOptions, connect},
    sandbox::{Deed, Script, Setup, Step, api::Permissions},
};
use kube::{Api, Client, client::Body};
use sandbox::{NAMESPACE, sandbox};
use serde_json::Value;
use shape::{Shape, differences, gather};

type Record = BTreeMap<String, Shape>;

/// The name under which a port that refuses is recorded.
const REFUSED_PORT: &str = "forward to a port that refuses";

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/kubernetes.json")
}

fn recorded() -> Record {
    serde_json::from_str(&fs::read_to_string(path()).unwrap()).unwrap()
}

fn is_on(variable: &str) -> bool {
    env::var_os(variable).is_some_and(|value| !value.is_empty())
}

/// Says something that is seen even when the test passes.
fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "conformance: {text}");
}

/// The shape of the answer to a call.
async fn ask(client: &Client, call: &Call) -> Shape {
    let mut request = http::Request::builder().method(call.method).uri(&call.path);
    for (header, value) in [("content-type", call.kind), ("accept", call.accept)] {
        if !value.is_empty() {
            request = request.header(header, value);
        }
    }
    if call.nobody {
        request = request.header("impersonate-user", "sandbox");
    }
    let answer = client.send(request.body(Body::from(call.body.as_bytes().to_vec())).unwrap()).await.unwrap();
    let code = answer.status().as_u16();
    let header = answer.headers().get("content-type").and_then(|value| value.to_str().ok());
    let content_type = header.unwrap_or_default().to_owned();
    let body = answer.into_body().collect_bytes().await.unwrap();
    let mut shape = Shape { code, content_type, reason: None, fields: BTreeMap::new() };
    match call.read {
        Read::Head => {}
        Read::Document => {
            let document: Value = serde_json::from_slice(&body).unwrap();
            if document["kind"] == "Status" {
                shape.reason = document["reason"].as_str().map(str::to_owned);
            }
            gather(&document, "", &mut shape.fields);
        }
        Read::Events => {
            for line in body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                let event: Value = serde_json::from_slice(line).unwrap();
                gather(&event["object"], event["type"].as_str().unwrap(), &mut shape.fields);
            }
        }
    }
    shape
}

/// What a port answers that nobody listens on, as a shape.
async fn refused_port(client: &Client) -> Shape {
    let pods: Api<Pod> = Api::namespaced(client.clone(), NAMESPACE);
    let mut forwarder = pods.portforward("kafka-0", &[9]).await.unwrap();
    let why = forwarder.take_error(9).unwrap().await.unwrap_or_default();
    let words = ["error forwarding port 9 to pod", "connection refused"];
    let said = words.into_iter().filter(|words| why.contains(words)).collect::<Vec<_>>().join(", ");
    Shape { code: 101, content_type: String::new(), reason: Some(said), fields: BTreeMap::new() }
}

/// Every difference, one to a line.
fn compare(found: &Record, recorded: &Record, invents: bool) -> Vec<String> {
    let mut needed: BTreeMap<&str, &[&str]> = calls().iter().map(|call| (call.name, call.fields)).collect();
    needed.insert(REFUSED_PORT, &[]);
    let mut all = Vec::new();
    for (name, fields) in needed {
        match (found.get(name), recorded.get(name)) {
            // A cluster that has just been made still has all of its history.
            (Some(found), Some(recorded)) if !invents && (found.code, recorded.code) == (200, 410) => {}
            (Some(found), Some(recorded)) => {
                // A real cluster's events are gone after an hour: a list that is empty there says nothing of its items.
                let told = |field: &&str| invents || !found.is_empty_list(field);
                let fields: Vec<&str> = fields.iter().copied().filter(told).collect();
                let these = differences(found, recorded, &fields, invents);
                all.extend(these.into_iter().map(|difference| format!("{name}: {difference}")));
            }
            _ => all.push(format!("{name}: not in both")),
        }
    }
    all
}

#[tokio::test(start_paused = true)]
async fn the_sandbox_answers_as_the_recorded_cluster_did() {
    if is_on("KAFDECK_UPDATE") {
        return say("the sandbox is not compared while the record is written");
    }
    let sandbox = sandbox();
    sandbox.store.put("configmaps", serde_json::json!({"metadata": {"name": "x", "namespace": "default"}}));
    sandbox.store.compact();
    let mut found = Record::new();
    for call in calls() {
        let granted = call.nobody.then(Vec::new);
        sandbox.server.permit(Permissions { granted, denied: Vec::new() });
        found.insert(call.name.to_owned(), ask(&sandbox.client, &call).await);
    }
    sandbox.server.permit(Permissions::default());
    found.insert(REFUSED_PORT.to_owned(), refused_port(&sandbox.client).await);
    let differences = compare(&found, &recorded(), true);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[tokio::test]
#[ignore = "asks the cluster that KUBECONFIG leads to, with the flavour plain"]
async fn the_cluster_of_the_kubeconfig_still_answers_as_recorded() {
    assert!(is_on("KUBECONFIG"), "no cluster in KUBECONFIG");
    let Ok(cluster) = connect(&ConnectOptions::default()).await else { panic!("cannot use KUBECONFIG") };
    let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), NAMESPACE);
    assert!(pods.get("kafka-0").await.is_ok(), "the cluster has no installation the-project/kafka");
    let mut found = Record::new();
    for call in calls() {
        found.insert(call.name.to_owned(), ask(&cluster.client, &call).await);
    }
    found.insert(REFUSED_PORT.to_owned(), refused_port(&cluster.client).await);
    if is_on("KAFDECK_UPDATE") {
        fs::write(path(), serde_json::to_string_pretty(&found).unwrap() + "\n").unwrap();
        return say("the record was written");
    }
    let differences = compare(&found, &recorded(), false);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// What Connect's workers are asked.
const OF_WORKERS: [&str; 3] = ["/", "/connectors?expand=status&expand=info", "/connector-plugins"];

/// The shape of a worker's answer; names of connectors and of their settings are whatever their makers chose.
fn of_worker(answer: &Value) -> shape::Fields {
    let named = |value: &Value| {
        let mut value = value.clone();
        if let Some(config) = value.pointer_mut("/info/config") {
            *config = serde_json::json!(config.as_object().unwrap().values().all(Value::is_string));
        }
        value
    };
    let mut fields = shape::Fields::new();
    match answer.as_object().filter(|all| all.values().all(Value::is_object)) {
        Some(connectors) => connectors.values().for_each(|c| gather(&named(c), "*", &mut fields)),
        None => gather(answer, "", &mut fields),
    }
    fields
}

/// A worker's answers, through a port-forward.
async fn workers_answers(client: &Client, namespace: &str, pod: &str) -> BTreeMap<String, Value> {
    let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let mut answers = BTreeMap::new();
    for path in OF_WORKERS {
        let mut forwarder = pods.portforward(pod, &[8083]).await.unwrap();
        let stream = hyper_util::rt::TokioIo::new(forwarder.take_stream(8083).unwrap());
        let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await.unwrap();
        let request = http::Request::get(path).header("host", "localhost");
        let request = request.body(http_body_util::Empty::<hyper::body::Bytes>::new()).unwrap();
        let asking = async {
            let answer = sender.send_request(request).await.unwrap();
            assert_eq!(
                (answer.status().as_u16(), answer.headers()["content-type"].as_bytes()),
                (200, &b"application/json"[..])
            );
            http_body_util::BodyExt::collect(answer.into_body()).await.unwrap().to_bytes()
        };
        tokio::pin!(asking);
        let body = tokio::select! {
            body = &mut asking => body,
            ended = connection => panic!("{path}: {ended:?}"),
        };
        answers.insert(path.to_owned(), serde_json::from_slice(&body).unwrap());
    }
    answers
}

/// Kafka Connect 4.1.2 answered as `conformance/connect.json` has it, while a task of a second connector had failed.
#[tokio::test(start_paused = true)]
async fn the_sandbox_s_workers_answer_as_recorded_ones_did() {
    let text = fs::read_to_string(path().with_file_name("connect.json")).unwrap();
    let recorded: BTreeMap<String, Value> = serde_json::from_str(&text).unwrap();
    let step = Step { at: 1, deed: Deed::FailTask { connector: "warehouse-jdbc".to_owned(), task: 0 } };
    let script = Script { steps: vec![step], ..Script::default() };
    let clock = Clock::with_timers(chrono::DateTime::UNIX_EPOCH + chrono::TimeDelta::days(20_000));
    let options =
        ConnectOptions { sandbox: Some(Setup { script, clock, ..Setup::default() }), ..ConnectOptions::default() };
    let Ok(cluster) = connect(&options).await else { panic!("no sandbox") };
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    let found = workers_answers(&cluster.client, "shop", "connect-6d5f7c9b84-4tq2x").await;
    for path in OF_WORKERS {
        assert_eq!(of_worker(&found[path]), of_worker(&recorded[path]), "{path}: {:#}", found[path]);
    }
}

#[tokio::test]
#[ignore = "asks the cluster that KUBECONFIG leads to, with the flavour connect"]
async fn the_workers_of_the_kubeconfig_s_cluster_still_answer_as_recorded() {
    assert!(is_on("KUBECONFIG"), "no cluster in KUBECONFIG");
    let Ok(cluster) = connect(&ConnectOptions::default()).await else { panic!("cannot use KUBECONFIG") };
    let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), "kafka-demo");
    let labelled = kube::api::ListParams::default().labels("app=kafka-connect");
    let Some(worker) = pods.list(&labelled).await.unwrap().items.pop() else {
        return say("skipped: the cluster has no Kafka Connect in kafka-demo");
    };
    let found = workers_answers(&cluster.client, "kafka-demo", &worker.metadata.name.unwrap()).await;
    let text = fs::read_to_string(path().with_file_name("connect.json")).unwrap();
    let recorded: BTreeMap<String, Value> = serde_json::from_str(&text).unwrap();
    for path in OF_WORKERS {
        let (found, recorded) = (of_worker(&found[path]), of_worker(&recorded[path]));
        // Nobody's task has failed there now.
        let missing = recorded.keys().filter(|field| !field.ends_with("trace") && !found.contains_key(*field));
        assert_eq!(missing.collect::<Vec<_>>(), Vec::<&String>::new(), "{path}");
    }
}

#[test]
fn what_is_missing_invented_or_answered_otherwise_is_told() {
    let shape = |code: u16, document: Value| {
        let mut fields = shape::Fields::new();
        gather(&document, "", &mut fields);
        Shape { code, content_type: "application/json".into(), reason: None, fields }
    };
    let real = shape(200, serde_json::json!({"a": 1, "labels": {"x": "y"}, "list": [{"b": true}]}));
    let same = shape(200, serde_json::json!({"a": 2, "labels": {"z": "w"}, "list": []}));
    assert_eq!(differences(&same, &real, &["a", "labels.*"], true), Vec::<String>::new());
    let other = shape(404, serde_json::json!({"a": "1", "c": null}));
    let told = differences(&other, &real, &["list[].b"], true);
    let found = |words: &str| told.iter().filter(|line| line.contains(words)).count();
    assert_eq!((told.len(), found("answers 404"), found("list[].b is None")), (4, 1, 1), "{told:?}");
    assert_eq!((found("a is {\"string\"}"), found("c is invented")), (1, 1), "{told:?}");
}
