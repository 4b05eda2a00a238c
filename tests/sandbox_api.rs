//! The sandbox's API server, asked by kube's client as the product asks it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's own helpers fail by panicking")]

mod sandbox;

use std::{pin::pin, sync::Arc, time::Duration};

use futures::{AsyncBufReadExt, Stream, StreamExt, TryStreamExt};
use k8s_openapi::api::{
    apps::v1::StatefulSet,
    authorization::v1::SelfSubjectAccessReview,
    core::v1::{ConfigMap, Node, PersistentVolumeClaim, Pod},
};
use kafdeck::sandbox::api::{Grant, Permissions};
use kube::{
    Api, Client, Error,
    api::{
        DeleteParams, EvictParams, ListParams, LogParams, Patch, PatchParams, PostParams, Preconditions, WatchParams,
    },
    core::{PartialObjectMeta, WatchEvent},
    runtime::watcher,
};
use sandbox::{NAMESPACE, Sandbox, sandbox};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn pods(sandbox: &Sandbox) -> Api<Pod> {
    Api::namespaced(sandbox.client.clone(), NAMESPACE)
}

fn sets(sandbox: &Sandbox) -> Api<StatefulSet> {
    Api::namespaced(sandbox.client.clone(), NAMESPACE)
}

/// Code, reason and sentence of a refusal.
fn refused<T: std::fmt::Debug>(answer: Result<T, Error>) -> (u16, String, String) {
    match answer {
        Err(Error::Api(status)) => (status.code, status.reason, status.message),
        other => panic!("{other:?}"),
    }
}

fn names(pods: &[Pod]) -> Vec<&str> {
    pods.iter().map(|pod| pod.metadata.name.as_deref().unwrap()).collect()
}

/// An answer, whatever its code.
async fn raw(client: &Client, method: &str, path: &str, kind: &str, body: impl Into<Vec<u8>>) -> (u16, Value) {
    let request = http::Request::builder().method(method).uri(path).header("content-type", kind);
    let answer = client.send(request.body(kube::client::Body::from(body.into())).unwrap()).await.unwrap();
    let code = answer.status().as_u16();
    let body = answer.into_body().collect_bytes().await.unwrap();
    (code, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

#[tokio::test(start_paused = true)]
async fn the_server_tells_what_it_is_and_what_it_has() {
    let sandbox = sandbox();
    assert!(sandbox.client.apiserver_version().await.unwrap().git_version.starts_with("v1.34"));
    let groups = sandbox.client.list_api_groups().await.unwrap();
    assert!(groups.groups.iter().any(|group| group.name == "apps"));
    let core = sandbox.client.list_core_api_resources("v1").await.unwrap();
    assert!(core.resources.iter().any(|resource| resource.name == "pods/portforward"));
    assert_eq!(raw(&sandbox.client, "GET", "/readyz", "", "").await.0, 200);
    let rules = raw(&sandbox.client, "GET", "/apis/monitoring.coreos.com/v1/prometheusrules", "", "").await;
    assert_eq!(rules, (404, Value::Null), "a kind that nobody installed");
}

#[tokio::test(start_paused = true)]
async fn lists_come_in_pages_that_fit_together() {
    let sandbox = sandbox();
    let pods: Api<Pod> = Api::all(sandbox.client.clone());
    let first = pods.list(&ListParams::default().limit(2)).await.unwrap();
    assert_eq!(names(&first.items), ["kafka-0", "kafka-1"]);
    assert_eq!(first.metadata.remaining_item_count, Some(1));
    let token = first.metadata.continue_.unwrap();
    let page = ListParams::default().limit(2).continue_token(&token);
    let second = pods.list(&page).await.unwrap();
    assert_eq!((names(&second.items), second.metadata.continue_), (vec!["kafka-2"], None));
    assert_eq!(second.metadata.resource_version, first.metadata.resource_version);

    sandbox.store.put("configmaps", json!({"metadata": {"name": "x", "namespace": NAMESPACE}}));
    sandbox.store.compact();
    let (code, reason, _) = refused(pods.list(&page).await);
    assert_eq!((code, reason.as_str()), (410, "Expired"));
    let (code, ..) = refused(pods.list(&ListParams::default().continue_token("garbage")).await);
    assert_eq!(code, 400);
}

#[tokio::test(start_paused = true)]
async fn lists_are_selected_and_may_be_of_metadata_alone() {
    let sandbox = sandbox();
    let pods = pods(&sandbox);
    let some =
        pods.list(&ListParams::default().labels("app in (kafka),apps.kubernetes.io/pod-index!=1")).await.unwrap();
    assert_eq!(names(&some.items), ["kafka-0", "kafka-2"]);
    let one = pods.list(&ListParams::default().fields("spec.nodeName=node-2,status.phase=Running")).await.unwrap();
    assert_eq!(names(&one.items), ["kafka-1"]);
    let metadata: Vec<PartialObjectMeta<Pod>> = pods.list_metadata(&ListParams::default()).await.unwrap().items;
    assert_eq!(metadata.len(), 3);
    assert_eq!(pods.get_metadata("kafka-0").await.unwrap().metadata.name.as_deref(), Some("kafka-0"));
    let (code, _, message) = refused(pods.list(&ListParams::default().fields("spec.foo=x")).await);
    assert_eq!((code, message.as_str()), (400, "field label not supported: spec.foo"));
}

/// The next event as its kind and the object's name.
async fn event(events: &mut (impl Stream<Item = Result<WatchEvent<Pod>, Error>> + Unpin)) -> (&'static str, String) {
    match events.next().await.unwrap().unwrap() {
        WatchEvent::Added(pod) => ("ADDED", pod.metadata.name.unwrap()),
        WatchEvent::Modified(pod) => ("MODIFIED", pod.metadata.name.unwrap()),
        WatchEvent::Deleted(pod) => ("DELETED", pod.metadata.name.unwrap()),
        WatchEvent::Bookmark(mark) => ("BOOKMARK", mark.metadata.resource_version),
        WatchEvent::Error(status) => ("ERROR", format!("{} {}", status.code, status.reason)),
    }
}

#[tokio::test(start_paused = true)]
async fn each_change_is_an_event_and_selectors_see_what_comes_and_goes() {
    let sandbox = sandbox();
    let version = sandbox.store.list("pods", None).1.to_string();
    let params = WatchParams::default().fields("status.phase=Running").timeout(100);
    let api = pods(&sandbox);
    let mut events = pin!(api.watch(&params, &version).await.unwrap());
    for phase in ["Running, still", "Running"] {
        sandbox.store.change("pods", NAMESPACE, "kafka-1", |pod| pod["status"]["phase"] = json!(phase));
    }
    sandbox.store.change("pods", NAMESPACE, "kafka-2", |pod| pod["metadata"]["labels"]["x"] = json!("y"));
    sandbox.store.remove("pods", NAMESPACE, "kafka-0");
    let expected = [("DELETED", "kafka-1"), ("ADDED", "kafka-1"), ("MODIFIED", "kafka-2"), ("DELETED", "kafka-0")];
    for (kind, name) in expected {
        assert_eq!(event(&mut events).await, (kind, name.to_owned()));
    }
    assert_eq!(event(&mut events).await.0, "BOOKMARK", "after a minute");
    assert_eq!(event(&mut events).await.0, "BOOKMARK", "at the end");
    assert!(events.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_watch_from_a_forgotten_place_says_so_and_kubes_watcher_lists_again() {
    let sandbox = sandbox();
    let api = pods(&sandbox);
    let mut listed = pin!(watcher(api.clone(), watcher::Config::default()));
    let mut seen = Vec::new();
    while seen.len() < 5 {
        seen.push(listed.next().await.unwrap().unwrap());
    }
    assert!(matches!(seen[4], watcher::Event::InitDone), "three pods between Init and InitDone");
    sandbox.store.put("configmaps", json!({"metadata": {"name": "x", "namespace": NAMESPACE}}));
    sandbox.store.compact();
    let mut events = pin!(api.watch(&WatchParams::default(), "1").await.unwrap());
    assert_eq!(event(&mut events).await, ("ERROR", "410 Expired".to_owned()));
    assert!(events.next().await.is_none());
    // Connections break; the watcher goes on where it was, or lists anew.
    sandbox.server.hang_up();
    sandbox.store.change("pods", NAMESPACE, "kafka-1", |pod| pod["metadata"]["labels"]["x"] = json!("y"));
    loop {
        match listed.next().await.unwrap() {
            Ok(watcher::Event::Apply(pod) | watcher::Event::InitApply(pod))
                if pod.metadata.labels.as_ref().is_some_and(|labels| labels.contains_key("x")) =>
            {
                break;
            }
            _ => {}
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_can_be_streamed_as_initial_events() {
    let sandbox = sandbox();
    let streamed = watcher::Config::default().streaming_lists();
    let mut events = pin!(watcher(pods(&sandbox), streamed));
    let mut listed = 0;
    loop {
        match events.next().await.unwrap().unwrap() {
            watcher::Event::InitApply(_) => listed += 1,
            watcher::Event::InitDone => break,
            _ => {}
        }
    }
    assert_eq!(listed, 3);
}

#[tokio::test(start_paused = true)]
async fn objects_are_made_replaced_and_patched_as_a_real_server_does() {
    let sandbox = sandbox();
    let maps: Api<ConfigMap> = Api::namespaced(sandbox.client.clone(), NAMESPACE);
    let map: ConfigMap = serde_json::from_value(json!({"metadata": {"name": "m"}, "data": {"a": "1"}})).unwrap();
    let dry = PostParams { dry_run: true, ..PostParams::default() };
    let imagined = maps.create(&dry, &map).await.unwrap();
    assert!(imagined.metadata.uid.is_some() && imagined.metadata.resource_version.is_none());
    let made = maps.create(&PostParams::default(), &map).await.unwrap();
    assert_eq!(made.metadata.generation, None, "config maps have none");
    let (code, reason, message) = refused(maps.create(&PostParams::default(), &map).await);
    assert_eq!((code, &*reason, &*message), (409, "AlreadyExists", "configmaps \"m\" already exists"));

    let mut stale = made.clone();
    maps.patch("m", &PatchParams::default(), &Patch::Merge(json!({"data": {"a": null, "b": "2"}}))).await.unwrap();
    stale.data.as_mut().unwrap().insert("c".into(), "3".into());
    let (code, reason, _) = refused(maps.replace("m", &PostParams::default(), &stale).await);
    assert_eq!((code, &*reason), (409, "Conflict"));
    let applied = Patch::Apply(json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"d": "4"}}));
    let map = maps.patch("m", &PatchParams::apply("test"), &applied).await.unwrap();
    assert_eq!(map.data.unwrap().into_keys().collect::<Vec<_>>(), ["b", "d"]);
    let map = maps.patch("fresh", &PatchParams::apply("test").dry_run(), &applied).await.unwrap();
    assert_eq!(map.metadata.name.as_deref(), Some("fresh"));
    assert_eq!(refused(maps.get("fresh").await).0, 404);

    let generated = json!({"metadata": {"generateName": "x-"}});
    let (code, map) = raw(
        &sandbox.client,
        "POST",
        "/api/v1/namespaces/the-project/configmaps",
        "application/json",
        generated.to_string(),
    )
    .await;
    assert_eq!((code, map["metadata"]["name"].as_str().unwrap().len()), (201, 7));
}

#[tokio::test(start_paused = true)]
async fn a_stateful_set_is_scaled_and_its_template_changed() {
    let sandbox = sandbox();
    let sets = sets(&sandbox);
    let four = Patch::Merge(json!({"spec": {"replicas": 4}}));
    let scaled = sets.patch_scale("kafka", &PatchParams::default(), &four).await;
    assert_eq!(scaled.unwrap().spec.unwrap().replicas, Some(4));
    let patch = json!({"spec": {"template": {"spec": {"containers": [{"name": "kafka-broker", "image": "new"}]}}}});
    let set = sets.patch("kafka", &PatchParams::default(), &Patch::Strategic(patch)).await.unwrap();
    let spec = set.spec.unwrap();
    let container = &spec.template.spec.unwrap().containers[0];
    assert_eq!((container.image.as_deref(), container.env.as_ref().unwrap().len()), (Some("new"), 2));
    assert_eq!((spec.replicas, set.metadata.generation), (Some(4), Some(3)));

    let dry = PatchParams::default().dry_run();
    let (code, _, message) =
        refused(sets.patch("kafka", &dry, &Patch::Merge(json!({"spec": {"serviceName": "x"}}))).await);
    assert!(code == 422 && message.contains("updates to statefulset spec"), "{message}");
    let status = Patch::Merge(json!({"spec": {"replicas": 9}, "status": {"replicas": 1}}));
    let set = sets.patch_status("kafka", &dry, &status).await.unwrap();
    assert_eq!((set.spec.unwrap().replicas, set.status.unwrap().replicas), (Some(4), 1));
    let test = json!([{"op": "test", "path": "/metadata/name", "value": "x"}]);
    let patch: json_patch::Patch = serde_json::from_value(test).unwrap();
    assert_eq!(refused(sets.patch("kafka", &dry, &Patch::Json::<()>(patch)).await).0, 422);
    assert_eq!(sets.get("kafka").await.unwrap().status.unwrap().replicas, 3, "nothing of this was meant");
}

#[tokio::test(start_paused = true)]
async fn a_deleted_pod_is_left_to_its_kubelet_and_other_objects_go() {
    let sandbox = sandbox();
    let pods = pods(&sandbox);
    let wrong = Preconditions { uid: Some("x".into()), resource_version: None };
    let (code, reason, _) = refused(pods.delete("kafka-0", &DeleteParams::default().preconditions(wrong)).await);
    assert_eq!((code, &*reason), (409, "Conflict"));
    pods.delete("kafka-0", &DeleteParams::default().dry_run()).await.unwrap();
    assert!(pods.get("kafka-0").await.unwrap().metadata.deletion_timestamp.is_none());
    let marked = pods.delete("kafka-0", &DeleteParams::default()).await.unwrap().left().unwrap();
    assert_eq!(marked.metadata.deletion_grace_period_seconds, Some(30));
    assert!(pods.get("kafka-0").await.unwrap().metadata.deletion_timestamp.is_some());
    pods.delete("kafka-0", &DeleteParams::default().grace_period(0)).await.unwrap();
    assert_eq!(refused(pods.get("kafka-0").await).0, 404);

    let claims: Api<PersistentVolumeClaim> = Api::namespaced(sandbox.client.clone(), NAMESPACE);
    claims.delete("datadir-kafka-1", &DeleteParams::default()).await.unwrap();
    let held = claims.get("datadir-kafka-1").await.unwrap();
    assert!(held.metadata.deletion_timestamp.is_some(), "a pod uses it");
    claims.delete("datadir-kafka-0", &DeleteParams::default()).await.unwrap();
    assert_eq!(refused(claims.get("datadir-kafka-0").await).0, 404, "its pod is gone");
    let gone = sets(&sandbox).delete("kafka", &DeleteParams::foreground()).await.unwrap();
    assert!(gone.right().unwrap().is_success());
}

#[tokio::test(start_paused = true)]
async fn an_eviction_asks_the_disruption_budget() {
    let sandbox = sandbox();
    let pods = pods(&sandbox);
    pods.evict("kafka-0", &EvictParams::default()).await.unwrap();
    let (code, _, message) = refused(pods.evict("kafka-1", &EvictParams::default()).await);
    assert_eq!((code, &*message), (429, "Cannot evict pod as it would violate the pod's disruption budget."));
}

#[tokio::test(start_paused = true)]
async fn what_is_not_permitted_is_refused_with_the_sentence_of_rbac() {
    let sandbox = sandbox();
    let all: Api<Pod> = Api::all(sandbox.client.clone());
    let review: SelfSubjectAccessReview = serde_json::from_value(
        json!({"spec": {"resourceAttributes": {"verb": "list", "resource": "pods", "group": ""}}}),
    )
    .unwrap();
    let reviews: Api<SelfSubjectAccessReview> = Api::all(sandbox.client.clone());
    assert!(reviews.create(&PostParams::default(), &review).await.unwrap().status.unwrap().allowed);
    let owned = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
    let grant = Grant { verbs: owned(&["*"]), resources: owned(&["pods"]), namespace: Some(NAMESPACE.to_owned()) };
    sandbox.server.permit(Permissions { granted: Some(vec![grant]), denied: Vec::new() });
    assert!(!reviews.create(&PostParams::default(), &review).await.unwrap().status.unwrap().allowed);
    let (code, _, message) = refused(all.list(&ListParams::default()).await);
    assert_eq!(code, 403);
    assert_eq!(
        message,
        "pods is forbidden: User \"sandbox\" cannot list resource \"pods\" in API group \"\" at the cluster scope"
    );
    assert_eq!(pods(&sandbox).list(&ListParams::default()).await.unwrap().items.len(), 3);
    let (_, _, message) = refused(pods(&sandbox).logs("kafka-0", &LogParams::default()).await);
    assert_eq!(
        message,
        "pods \"kafka-0\" is forbidden: User \"sandbox\" cannot get resource \"pods/log\" in API group \"\" in the \
         namespace \"the-project\""
    );
}

#[tokio::test(start_paused = true)]
async fn logs_are_cut_to_size_and_followed_until_the_container_ends() {
    let sandbox = sandbox();
    let pods = pods(&sandbox);
    let read = |params: LogParams| {
        let pods = pods.clone();
        async move { pods.logs("kafka-0", &params).await }
    };
    let tail = LogParams { tail_lines: Some(1), timestamps: true, ..LogParams::default() };
    assert_eq!(read(tail).await.unwrap(), "2026-01-01T00:00:04.000000000Z line 4\n");
    let bytes = LogParams { limit_bytes: Some(9), ..LogParams::default() };
    assert_eq!(read(bytes).await.unwrap(), "line 0\nli");
    let odd = LogParams { container: Some("x".into()), ..LogParams::default() };
    let (code, _, message) = refused(read(odd).await);
    assert_eq!((code, &*message), (400, "container x is not valid for pod kafka-0"));
    assert_eq!(refused(read(LogParams { previous: true, ..LogParams::default() }).await).0, 400);

    let follow = LogParams { follow: true, tail_lines: Some(1), ..LogParams::default() };
    let mut lines = pods.log_stream("kafka-0", &follow).await.unwrap().lines();
    assert_eq!(lines.try_next().await.unwrap().as_deref(), Some("line 4"));
    sandbox.nodes.write(sandbox.clock.now(), "more");
    assert_eq!(lines.try_next().await.unwrap().as_deref(), Some("more"));
    sandbox.nodes.write(sandbox.clock.now(), "the last");
    sandbox.store.change("pods", NAMESPACE, "kafka-0", |pod| {
        pod["status"]["containerStatuses"][0]["state"] = json!({"terminated": {"exitCode": 1}});
    });
    assert_eq!(lines.try_next().await.unwrap().as_deref(), Some("the last"));
    assert_eq!(lines.try_next().await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn a_port_forward_carries_bytes_both_ways_and_tells_refusals() {
    let sandbox = sandbox();
    let pods = pods(&sandbox);
    let mut forwarder = pods.portforward("kafka-0", &[9092]).await.unwrap();
    let mut stream = forwarder.take_stream(9092).unwrap();
    let sent = vec![7; 100_000];
    let (mut reader, mut writer) = tokio::io::split(&mut stream);
    let mut back = vec![0; sent.len()];
    let (written, read) = tokio::join!(writer.write_all(&sent), reader.read_exact(&mut back));
    assert!(written.is_ok() && read.is_ok() && back == sent);

    let mut refused_port = pods.portforward("kafka-0", &[9]).await.unwrap();
    let why = refused_port.take_error(9).unwrap().await.unwrap();
    assert!(why.contains("connection refused"), "{why}");
    assert!(pods.portforward("nobody", &[9092]).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn nodes_hand_out_statistics_unless_they_are_silent() {
    let sandbox = sandbox();
    let summary = |node: &str| format!("/api/v1/nodes/{node}/proxy/stats/summary");
    assert_eq!(raw(&sandbox.client, "GET", &summary("node-1"), "", "").await.1["node"]["nodeName"], "node-1");
    assert_eq!(raw(&sandbox.client, "GET", &summary("node-3"), "", "").await.0, 503);
    assert_eq!(raw(&sandbox.client, "GET", &summary("nobody"), "", "").await.0, 404);
}

#[tokio::test(start_paused = true)]
async fn a_server_out_of_order_is_silent_slow_refusing_or_says_so() {
    let sandbox = sandbox();
    let nodes: Api<Node> = Api::all(sandbox.client.clone());
    let api = pods(&sandbox);
    let version = sandbox.store.list("pods", None).1.to_string();
    let mut events = pin!(api.watch(&WatchParams::default(), &version).await.unwrap());
    sandbox.server.fault(|faults| faults.fail = Some(503));
    assert_eq!(refused(nodes.list(&ListParams::default()).await).0, 503);
    sandbox.server.fault(|faults| (faults.fail, faults.latency) = (None, Duration::from_secs(3)));
    let asked_at = sandbox.clock.now();
    nodes.list(&ListParams::default()).await.unwrap();
    assert_eq!((sandbox.clock.now() - asked_at).num_seconds(), 3);

    sandbox.server.fault(|faults| (faults.pause, faults.latency) = (true, Duration::ZERO));
    sandbox.store.change("pods", NAMESPACE, "kafka-0", |pod| pod["metadata"]["labels"]["x"] = json!("y"));
    let silent = Duration::from_secs(20);
    assert!(tokio::time::timeout(silent, events.next()).await.is_err(), "events stand still too");
    assert!(tokio::time::timeout(silent, nodes.list(&ListParams::default())).await.is_err());
    sandbox.server.fault(|faults| faults.pause = false);
    assert_eq!(event(&mut events).await.0, "MODIFIED");
    nodes.list(&ListParams::default()).await.unwrap();

    sandbox.server.fault(|faults| faults.refuse = true);
    sandbox.server.hang_up();
    assert!(nodes.list(&ListParams::default()).await.is_err());
    sandbox.server.fault(|faults| faults.refuse = false);
    nodes.list(&ListParams::default()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_client_that_goes_takes_its_watch_with_it() {
    let sandbox = sandbox();
    let before = Arc::strong_count(&sandbox.store);
    {
        let api = pods(&sandbox);
        let mut events = pin!(api.watch(&WatchParams::default(), "0").await.unwrap());
        assert_eq!(event(&mut events).await.0, "ADDED");
        assert!(Arc::strong_count(&sandbox.store) > before);
    }
    // Its end is noticed by the connection's task, which runs when we wait.
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(Arc::strong_count(&sandbox.store), before);
}

#[tokio::test(start_paused = true)]
async fn hostile_requests_are_refused_and_the_server_goes_on() {
    let sandbox = sandbox();
    let (json, merge) = ("application/json", "application/merge-patch+json");
    let maps = "/api/v1/namespaces/the-project/configmaps";
    let set = "/apis/apps/v1/namespaces/the-project/statefulsets/kafka";
    let deep = "[".repeat(100_000);
    let huge = format!("{{\"metadata\":{{\"name\":\"x\"}},\"data\":{{\"a\":\"{}\"}}}}", "x".repeat(4_000_000));
    let long = format!("/api/v1/pods?labelSelector={}", "a,".repeat(2_000));
    let apply = format!("{maps}/new?fieldManager=x");
    let rows: &[(&str, &str, &str, &str, u16)] = &[
        ("POST", maps, json, "{bad", 400),
        ("POST", maps, json, &deep, 400),
        ("POST", maps, json, &huge, 413),
        ("POST", maps, json, "[]", 400),
        ("POST", maps, json, "{\"metadata\":[]}", 400),
        ("POST", maps, json, "{\"metadata\":{}}", 422),
        ("POST", maps, json, "{\"metadata\":{\"name\":\"Bad_Name\"}}", 422),
        ("POST", maps, json, "{\"metadata\":{\"name\":7}}", 400),
        ("POST", maps, "text/foo", "x", 415),
        ("POST", "/api/v1/namespaces/nowhere/configmaps", json, "{\"metadata\":{\"name\":\"x\"}}", 404),
        ("PATCH", set, merge, "null", 400),
        ("PATCH", set, merge, "{\"metadata\":null}", 400),
        ("PATCH", set, merge, "{\"spec\":7}", 422),
        ("PATCH", set, merge, "{\"spec\":{\"replicas\":\"many\"}}", 422),
        ("PATCH", set, "application/apply-patch+yaml", ": : :", 400),
        ("PATCH", &apply, "application/apply-patch+yaml", "{apiVersion: v1, kind: ConfigMap, metadata: x}", 400),
        ("PATCH", set, "application/foo", "{}", 415),
        ("DELETE", set, json, "7", 400),
        ("GET", &long, "", "", 400),
        ("GET", "/api/v1/pods?limit=-5&resourceVersion=%FF", "", "", 400),
        ("GET", "/api/v1/pods?watch=1&timeoutSeconds=x", "", "", 400),
        ("GET", "/api/v1/namespaces/%2e%2e/pods/%00/log", "", "", 404),
        ("GET", "/api/v1/namespaces/the-project/pods/kafka-0/log?sinceSeconds=9223372036854775807", "", "", 200),
        ("GET", "/api/v1/namespaces/the-project/pods/kafka-0/portforward?ports=9", "", "", 400),
        ("GET", "/api/v1/namespaces/the-project/pods/kafka-0/foo", "", "", 404),
        ("POST", "/api/v1/namespaces/the-project/pods/kafka-0/exec", "", "", 501),
        ("DELETE", "/api/v1/namespaces/the-project/pods", "", "", 501),
        ("PUT", "/api/v1/namespaces/the-project/pods", json, "{}", 405),
        ("DELETE", "/version", "", "", 405),
        ("GET", "/", "", "", 404),
    ];
    for (method, path, kind, body, code) in rows {
        let shown: String = path.chars().take(80).collect();
        assert_eq!(raw(&sandbox.client, method, path, kind, *body).await.0, *code, "{method} {shown}");
    }
    assert!(sandbox.client.apiserver_version().await.is_ok());
}
