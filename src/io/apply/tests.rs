//! Ops against a server that answers as it is told to.

use super::*;
use std::sync::{Arc, Mutex};

use http::Response;
use kube::client::Body;

/// One request as the server saw it.
#[derive(Debug, Clone)]
struct Asked {
    method: String,
    path: String,
    query: String,
    body: Value,
}

/// A server that answers by method and by how often it was asked before; and what it was asked.
fn server(answer: impl Fn(&str, usize) -> (u16, Value) + Clone + Send + 'static) -> (Client, Arc<Mutex<Vec<Asked>>>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let asked = seen.clone();
    let service = tower::service_fn(move |request: Request<Body>| {
        let (asked, answer) = (asked.clone(), answer.clone());
        async move {
            let (head, body) = request.into_parts();
            let bytes = body.collect_bytes().await.unwrap();
            let (method, body) = (head.method.to_string(), serde_json::from_slice(&bytes).unwrap_or(Value::Null));
            let (path, query) = (head.uri.path().to_owned(), head.uri.query().unwrap_or_default().to_owned());
            let before = asked.lock().unwrap().len();
            asked.lock().unwrap().push(Asked { method: method.clone(), path, query, body });
            let (code, body) = answer(&method, before);
            if code == 0 {
                std::future::pending::<()>().await;
            }
            Response::builder()
                .status(code)
                .body(Body::from(body.to_string().into_bytes()))
                .map_err(std::io::Error::other)
        }
    });
    (Client::new(service, "default"), seen)
}

fn refuse(code: u16, reason: &str, message: &str) -> (u16, Value) {
    (code, json!({"kind": "Status", "status": "Failure", "code": code, "reason": reason, "message": message}))
}

fn topic() -> Target {
    Target {
        api_version: "kafka.strimzi.io/v1".into(),
        kind: "KafkaTopic".into(),
        resource: "kafkatopics".into(),
        namespace: "messaging".into(),
        name: "orders".into(),
    }
}

fn pod() -> Target {
    Target {
        api_version: "v1".into(),
        kind: "Pod".into(),
        resource: "pods".into(),
        namespace: "shop".into(),
        name: "kafka-0".into(),
    }
}

fn change(path: &[&str], before: Option<Value>, after: Option<Value>) -> Change {
    Change { path: path.iter().map(|&key| key.to_owned()).collect(), before, after }
}

/// A topic whose retention is set and whose annotation has a key with dots and a slash.
fn live(version: u32) -> Value {
    json!({"metadata": {"name": "orders", "resourceVersion": version.to_string(), "annotations": {"strimzi.io/x": "a"}},
        "spec": {"partitions": 3, "config": {"retention.ms": 1000, "cleanup.policy": "delete"}}})
}

fn patch() -> Op {
    let changes = vec![
        change(&["spec", "config", "retention.ms"], Some(json!(1000)), Some(json!(2000))),
        change(&["metadata", "annotations", "strimzi.io/x"], Some(json!("a")), None),
    ];
    Op::Patch { target: topic(), changes }
}

#[tokio::test]
async fn a_patch_names_the_version_that_was_looked_at_and_keys_with_dots_stay_whole() {
    let (client, asked) = server(|_, _| (200, live(7)));
    assert_eq!(perform(&client, &patch()).await, Ok(OpAnswer::Done(String::new())));
    let asked = asked.lock().unwrap();
    assert_eq!(asked[1].path, "/apis/kafka.strimzi.io/v1/namespaces/messaging/kafkatopics/orders");
    assert_eq!((asked[1].method.as_str(), asked[1].query.as_str()), ("PATCH", "fieldManager=kafdeck"));
    let expected = json!({
        "metadata": {"resourceVersion": "7", "annotations": {"strimzi.io/x": null}},
        "spec": {"config": {"retention.ms": 2000}},
    });
    assert_eq!(asked[1].body, expected);
}

#[tokio::test]
async fn an_object_that_is_to_be_another_loses_the_keys_it_no_longer_has() {
    let (client, asked) = server(|_, _| (200, live(7)));
    let whole = change(
        &["spec", "config"],
        Some(json!({"retention.ms": 1000, "cleanup.policy": "delete"})),
        Some(json!({"cleanup.policy": "compact"})),
    );
    perform(&client, &Op::Patch { target: topic(), changes: vec![whole] }).await.unwrap();
    let expected = json!({"cleanup.policy": "compact", "retention.ms": null});
    assert_eq!(asked.lock().unwrap()[1].body["spec"]["config"], expected);
}

#[tokio::test]
async fn a_patch_of_what_has_changed_since_is_not_sent_and_says_what() {
    let (client, asked) = server(|_, _| {
        let mut other = live(7);
        other["spec"]["config"]["retention.ms"] = json!(5000);
        (200, other)
    });
    let stale = OpFailure::Stale(vec!["spec.config.retention.ms: was 1000, is 5000".into()]);
    assert_eq!(perform(&client, &patch()).await, Err(stale.clone()));
    assert_eq!(rehearse(&client, &patch()).await, Rehearsed::Failed(stale));
    assert!(asked.lock().unwrap().iter().all(|a| a.method == "GET"));
}

#[tokio::test]
async fn a_patch_that_lost_a_race_looks_again_and_gives_up_after_three() {
    let lost = || refuse(409, "Conflict", "the object has been modified");
    let (client, asked) = server(move |method, n| match (method, n) {
        ("GET", n) => (200, live(n as u32)),
        (_, n) if n < 4 => lost(),
        _ => (200, live(9)),
    });
    assert_eq!(perform(&client, &patch()).await, Ok(OpAnswer::Done(String::new())));
    let versions: Vec<Value> = asked
        .lock()
        .unwrap()
        .iter()
        .filter(|a| a.method == "PATCH")
        .map(|a| a.body["metadata"]["resourceVersion"].clone())
        .collect();
    assert_eq!(versions, ["0", "2", "4"]);
    let (client, asked) = server(move |method, _| if method == "GET" { (200, live(1)) } else { lost() });
    let refused = perform(&client, &patch()).await;
    assert_eq!(refused, Err(OpFailure::Refused("the object has been modified".into())));
    assert_eq!(asked.lock().unwrap().iter().filter(|a| a.method == "PATCH").count(), 3);
}

#[tokio::test]
async fn a_patch_that_is_so_already_changes_nothing() {
    let (client, _) =
        server(|_, _| (200, json!({"metadata": {"annotations": {}}, "spec": {"config": {"retention.ms": 2000}}})));
    assert_eq!(perform(&client, &patch()).await, Ok(OpAnswer::Already("it is so already".into())));
}

#[tokio::test]
async fn a_rehearsal_asks_for_a_dry_run_and_shows_the_changed_fields_alone() {
    let (client, asked) = server(|method, _| {
        let mut answer = live(7);
        if method == "PATCH" {
            answer["spec"]["config"]["retention.ms"] = json!(2000);
            answer["spec"]["partitions"] = json!(99);
            answer["metadata"]["annotations"].as_object_mut().unwrap().remove("strimzi.io/x");
        }
        (200, answer)
    });
    let lines = [
        "- spec.config.retention.ms: 1000",
        "+ spec.config.retention.ms: 2000",
        "- metadata.annotations.strimzi.io/x: a",
    ];
    assert_eq!(rehearse(&client, &patch()).await, Rehearsed::Fine(lines.map(str::to_owned).to_vec()));
    let asked = asked.lock().unwrap();
    assert_eq!((asked[0].query.as_str(), asked[1].query.as_str()), ("", "fieldManager=kafdeck&dryRun=All"));
}

#[tokio::test]
async fn what_is_there_as_it_is_meant_to_be_is_made_already_and_otherwise_the_difference_is_told() {
    let manifest = json!({"apiVersion": "kafka.strimzi.io/v1", "kind": "KafkaTopic", "metadata": {"name": "orders"},
        "spec": {"partitions": 3}});
    let create = |partitions: u32| {
        let mut manifest = manifest.clone();
        manifest["spec"]["partitions"] = json!(partitions);
        Op::Create { target: topic(), manifest }
    };
    let there = {
        let mut there = manifest.clone();
        there["status"] = json!({"conditions": []});
        there
    };
    let (client, asked) = server(move |method, _| match method {
        "POST" => refuse(409, "AlreadyExists", "kafkatopics \"orders\" already exists"),
        _ => (200, there.clone()),
    });
    let already = "KafkaTopic messaging/orders is there already, as it is meant to be";
    assert_eq!(perform(&client, &create(3)).await, Ok(OpAnswer::Already(already.into())));
    let stale = OpFailure::Stale(vec!["spec.partitions: is 3, wanted 6".into()]);
    assert_eq!(perform(&client, &create(6)).await, Err(stale));
    let first = asked.lock().unwrap()[0].clone();
    assert_eq!(first.path, "/apis/kafka.strimzi.io/v1/namespaces/messaging/kafkatopics");
    assert_eq!(first.query, "fieldManager=kafdeck&fieldValidation=Strict");
}

#[tokio::test]
async fn a_pod_is_deleted_only_if_it_is_the_one_that_was_seen() {
    let delete = Op::Delete { target: pod(), uid: "u-1".into() };
    let (client, asked) = server(|_, _| (200, json!({"kind": "Pod"})));
    assert_eq!(perform(&client, &delete).await, Ok(OpAnswer::Done(String::new())));
    assert_eq!(asked.lock().unwrap()[0].body["preconditions"], json!({"uid": "u-1"}));
    assert_eq!(rehearse(&client, &delete).await, Rehearsed::Fine(vec!["- Pod shop/kafka-0".into()]));
    // Where a body holds options servers leave the query unread.
    assert_eq!(asked.lock().unwrap()[1].body["dryRun"], json!(["All"]));

    let (client, _) = server(|_, _| refuse(404, "NotFound", "pods \"kafka-0\" not found"));
    assert_eq!(perform(&client, &delete).await, Ok(OpAnswer::Already("Pod shop/kafka-0 is gone already".into())));

    for message in [
        "Operation cannot be fulfilled on Pod \"kafka-0\": the UID in the precondition (u-1) does not match the UID in \
         record (u-2). The object might have been deleted and then recreated",
        "Operation cannot be fulfilled on pods \"kafka-0\": Precondition failed: UID in precondition: u-1, UID in object \
         meta: u-2",
    ] {
        let (client, _) = server(move |_, _| refuse(409, "Conflict", message));
        let stale = OpFailure::Stale(vec!["another kafka-0 has taken its place".into()]);
        assert_eq!(perform(&client, &delete).await, Err(stale));
    }
}

#[tokio::test]
async fn an_eviction_says_what_the_budget_said_and_knows_strimzis_drain_cleaner() {
    let evict = Op::Evict { target: pod(), uid: "u-1".into() };
    let pod = || (200, json!({"metadata": {"uid": "u-1"}}));
    let success = || (201, json!({"kind": "Status", "status": "Success"}));
    let (client, asked) = server(move |method, _| if method == "GET" { pod() } else { success() });
    assert_eq!(perform(&client, &evict).await, Ok(OpAnswer::Done(String::new())));
    rehearse(&client, &evict).await;
    let asked = asked.lock().unwrap().clone();
    assert_eq!(asked[1].path, "/api/v1/namespaces/shop/pods/kafka-0/eviction");
    assert_eq!(asked[1].body["deleteOptions"], json!({"preconditions": {"uid": "u-1"}}));
    assert_eq!(asked[3].body["deleteOptions"]["dryRun"], json!(["All"]));

    let (client, _) = server(move |method, _| {
        if method == "GET" {
            return pod();
        }
        let (code, mut status) =
            refuse(429, "TooManyRequests", "Cannot evict pod as it would violate the pod's disruption budget.");
        let why = "The disruption budget kafka needs 2 healthy pods and has 2 currently";
        status["details"] = json!({"causes": [{"reason": "DisruptionBudget", "message": why}]});
        (code, status)
    });
    let why = "disruption budget allows none now: The disruption budget kafka needs 2 healthy pods and has 2 currently";
    assert_eq!(perform(&client, &evict).await, Err(OpFailure::Refused(why.into())));

    let (client, _) = server(move |method, _| {
        if method == "GET" {
            return pod();
        }
        refuse(
            500,
            "",
            "admission webhook \"strimzi-drain-cleaner.strimzi.io\" denied the request: The pod will be rolled \
            by the Strimzi Cluster Operator",
        )
    });
    assert!(matches!(perform(&client, &evict).await, Ok(OpAnswer::Done(said)) if said.contains("Drain Cleaner")));
}

#[tokio::test]
async fn refusals_are_told_apart_by_whether_permission_or_sense_or_an_answer_is_missing() {
    let rbac = "kafkatopics.kafka.strimzi.io \"orders\" is forbidden: User \"eve\" cannot patch resource \"kafkatopics\" in \
                API group \"kafka.strimzi.io\" in the namespace \"messaging\"";
    let forbidden = "get kafkatopics.kafka.strimzi.io in namespace messaging";
    let quota = "pods \"x\" is forbidden: exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1";
    let webhook = "admission webhook \"policy\u{1b}[2J\" denied the request: no topics on Fridays";
    let down = "Internal error occurred: failed calling webhook \"w\": connection refused";
    for (code, message, expected) in [
        (403, rbac, OpFailure::Forbidden(format!("{forbidden} (forbidden for eve)"))),
        (403, quota, OpFailure::Refused(quota.into())),
        (
            401,
            "Unauthorized",
            OpFailure::Forbidden(format!("{forbidden}: the API server does not accept the login; log in again")),
        ),
        (400, webhook, OpFailure::Refused(webhook.replace('\u{1b}', "?"))),
        (422, "spec.partitions: Invalid value.", OpFailure::Refused("spec.partitions: Invalid value".into())),
        (500, down, OpFailure::Refused(down.into())),
        (503, "overloaded", OpFailure::Unreachable("Cannot get KafkaTopic messaging/orders: overloaded".into())),
    ] {
        let (client, _) = server(move |_, _| refuse(code, "", message));
        assert_eq!(perform(&client, &patch()).await, Err(expected), "{code} {message}");
    }
}

#[tokio::test]
async fn a_refusal_about_a_secret_quotes_no_value() {
    let target = Target { resource: "secrets".into(), kind: "Secret".into(), ..pod() };
    let (client, _) = server(|_, _| {
        let (code, mut status) = refuse(422, "Invalid", "Secret \"s\" is invalid: data[a]: Invalid value: \"hunter2\"");
        status["details"] =
            json!({"causes": [{"reason": "FieldValueInvalid", "message": "\"hunter2\"", "field": "data[a]"}]});
        (code, status)
    });
    let refused = perform(&client, &Op::Create { target, manifest: json!({}) }).await;
    assert_eq!(refused, Err(OpFailure::Refused("the API server answered 422 Invalid for data[a]".into())));
}

#[tokio::test]
async fn a_webhook_that_knows_no_dry_run_leaves_a_rehearsal_untried() {
    let why = "admission webhook \"w\" does not support dry run";
    let (client, _) = server(move |_, _| refuse(400, "BadRequest", why));
    let create = Op::Create { target: topic(), manifest: json!({}) };
    assert_eq!(rehearse(&client, &create).await, Rehearsed::Untried(why.into()));
    assert!(matches!(rehearse(&client, &Op::Wait).await, Rehearsed::Untried(_)));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_answer_leaves_open_whether_it_happened() {
    let (client, _) = server(|_, _| (0, Value::Null));
    let delete = Op::Delete { target: pod(), uid: "u-1".into() };
    let late = OpFailure::Unreachable("Cannot delete Pod shop/kafka-0: no answer within 10 s".into());
    assert_eq!(perform(&client, &delete).await, Err(late));
}
