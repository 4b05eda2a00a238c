//! Ops of plans and the Lease of an installation, carried out against the sandbox's API server.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's own helpers fail by panicking")]

mod sandbox;

use chrono::TimeDelta;
use k8s_openapi::api::{authorization::v1::SelfSubjectRulesReview, coordination::v1::Lease, core::v1::Pod};
use kafdeck::{
    domain::ids::InstallationId,
    io::{
        apply::{perform, rehearse},
        identity::Identity,
        lease::{Untaken, look, take},
    },
    plan::op::{Change, Holder, Op, OpAnswer, OpFailure, Rehearsed, Target},
    sandbox::api::{Grant, Permissions},
};
use kube::{Api, api::PostParams};
use sandbox::{NAMESPACE, Sandbox, sandbox};
use serde_json::{Value, json};

fn target(api_version: &str, kind: &str, resource: &str, name: &str) -> Target {
    let owned = str::to_owned;
    Target {
        api_version: owned(api_version),
        kind: owned(kind),
        resource: owned(resource),
        namespace: owned(NAMESPACE),
        name: owned(name),
    }
}

fn pod(name: &str) -> Target {
    target("v1", "Pod", "pods", name)
}

fn set(path: &[&str], before: Option<Value>, after: Option<Value>) -> Op {
    let path = path.iter().map(|&key| key.to_owned()).collect();
    let target = target("apps/v1", "StatefulSet", "statefulsets", "kafka");
    Op::Patch { target, changes: vec![Change { path, before, after }] }
}

async fn uid(sandbox: &Sandbox, name: &str) -> String {
    let pods: Api<Pod> = Api::namespaced(sandbox.client.clone(), NAMESPACE);
    pods.get(name).await.unwrap().metadata.uid.unwrap()
}

fn deny(sandbox: &Sandbox, verbs: &[&str], resource: &str) {
    let verbs = verbs.iter().map(|&verb| verb.to_owned()).collect();
    let denied = vec![Grant { verbs, resources: vec![resource.to_owned()], namespace: None }];
    sandbox.server.permit(Permissions { granted: None, denied });
}

/// What an op answers that is done.
#[expect(clippy::unnecessary_wraps, reason = "it is compared with answers")]
fn done() -> Result<OpAnswer, OpFailure> {
    Ok(OpAnswer::Done(String::new()))
}

#[tokio::test(start_paused = true)]
async fn a_config_map_is_rehearsed_made_and_found_made() {
    let sandbox = sandbox();
    let manifest = |value: &str| {
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"},
        "data": {"a": value}})
    };
    let map = target("v1", "ConfigMap", "configmaps", "m");
    let create = |value: &str| Op::Create { target: map.clone(), manifest: manifest(value) };
    let Rehearsed::Fine(lines) = rehearse(&sandbox.client, &create("x")).await else { panic!() };
    assert!(lines.contains(&"+   a: x".to_owned()), "{lines:?}");
    assert!(sandbox.store.get("configmaps", NAMESPACE, "m").is_none(), "a rehearsal keeps nothing");
    assert_eq!(perform(&sandbox.client, &create("x")).await, done());
    assert!(matches!(perform(&sandbox.client, &create("x")).await, Ok(OpAnswer::Already(_))));
    assert!(matches!(rehearse(&sandbox.client, &create("x")).await, Rehearsed::Already(_)));
    let stale = OpFailure::Stale(vec!["data.a: is x, wanted y".into()]);
    assert_eq!(perform(&sandbox.client, &create("y")).await, Err(stale));
}

#[tokio::test(start_paused = true)]
async fn an_annotation_with_a_slash_is_set_changed_and_taken_away() {
    let sandbox = sandbox();
    let path = ["metadata", "annotations", "example.com/x"];
    let (none, a, b) = (None, Some(json!("a")), Some(json!("b")));
    let op = |before: &Option<Value>, after: &Option<Value>| set(&path, before.clone(), after.clone());
    let lines = |all: &[&str]| Rehearsed::Fine(all.iter().map(|&line| line.to_owned()).collect());
    let client = &sandbox.client;
    assert_eq!(rehearse(client, &op(&none, &a)).await, lines(&["+ metadata.annotations.example.com/x: a"]));
    assert_eq!(perform(client, &op(&none, &a)).await, done());
    let stale = OpFailure::Stale(vec!["metadata.annotations.example.com/x: was absent, is a".into()]);
    assert_eq!(perform(client, &op(&none, &b)).await, Err(stale));
    let both = ["- metadata.annotations.example.com/x: a", "+ metadata.annotations.example.com/x: b"];
    assert_eq!(rehearse(client, &op(&a, &b)).await, lines(&both));
    assert_eq!(perform(client, &op(&a, &none)).await, done());
    assert!(matches!(perform(client, &op(&a, &none)).await, Ok(OpAnswer::Already(_))));
    let set = sandbox.store.get("statefulsets", NAMESPACE, "kafka").unwrap();
    assert!(set["metadata"]["annotations"]["example.com/x"].is_null());
}

#[tokio::test(start_paused = true)]
async fn what_the_server_does_not_take_is_refused_in_its_words() {
    let sandbox = sandbox();
    let service = set(&["spec", "serviceName"], Some(json!("kafka-headless")), Some(json!("x")));
    for refused in [
        match rehearse(&sandbox.client, &service).await {
            Rehearsed::Failed(failure) => failure,
            other => panic!("{other:?}"),
        },
        perform(&sandbox.client, &service).await.unwrap_err(),
    ] {
        assert!(
            matches!(&refused, OpFailure::Refused(why) if why.contains("updates to statefulset spec")),
            "{refused:?}"
        );
    }
    deny(&sandbox, &["patch"], "statefulsets");
    let replicas = set(&["spec", "replicas"], Some(json!(3)), Some(json!(4)));
    let forbidden = "patch statefulsets.apps in namespace the-project (forbidden for sandbox)";
    assert_eq!(perform(&sandbox.client, &replicas).await, Err(OpFailure::Forbidden(forbidden.into())));
    sandbox.server.fault(|faults| faults.fail = Some(503));
    assert!(matches!(perform(&sandbox.client, &replicas).await, Err(OpFailure::Unreachable(_))));
}

#[tokio::test(start_paused = true)]
async fn a_pod_is_evicted_once_and_another_of_its_name_is_left_alone() {
    let sandbox = sandbox();
    let client = &sandbox.client;
    let evict = |name: &str, uid: String| Op::Evict { target: pod(name), uid };
    let first = evict("kafka-0", uid(&sandbox, "kafka-0").await);
    assert_eq!(rehearse(client, &first).await, Rehearsed::Fine(vec!["- Pod the-project/kafka-0".into()]));
    let stale = OpFailure::Stale(vec!["another kafka-0 has taken its place".into()]);
    for op in [evict("kafka-0", "x".into()), Op::Delete { target: pod("kafka-0"), uid: "x".into() }] {
        assert_eq!(perform(client, &op).await, Err(stale.clone()));
    }
    assert_eq!(perform(client, &first).await, done());
    let refused = perform(client, &evict("kafka-1", uid(&sandbox, "kafka-1").await)).await;
    let why = "disruption budget allows none now: The disruption budget kafka needs 2 healthy pods and has 3 currently";
    assert_eq!(refused, Err(OpFailure::Refused(why.into())));
    let gone = OpAnswer::Already("Pod the-project/kafka-9 is gone already".into());
    assert_eq!(perform(client, &evict("kafka-9", "x".into())).await, Ok(gone));
    deny(&sandbox, &["create"], "pods/eviction");
    let forbidden = "create pods/eviction in namespace the-project (forbidden for sandbox)";
    let refused = perform(client, &evict("kafka-1", uid(&sandbox, "kafka-1").await)).await;
    assert_eq!(refused, Err(OpFailure::Forbidden(forbidden.into())));
}

#[tokio::test(start_paused = true)]
async fn a_claim_grows_where_its_class_lets_it_and_never_shrinks() {
    let sandbox = sandbox();
    let client = &sandbox.client;
    let target = target("v1", "PersistentVolumeClaim", "persistentvolumeclaims", "datadir-kafka-0");
    let size = |before: &str, after: &str| {
        let path = ["spec", "resources", "requests", "storage"].map(str::to_owned).to_vec();
        let changes = vec![Change { path, before: Some(json!(before)), after: Some(json!(after)) }];
        Op::Patch { target: target.clone(), changes }
    };
    assert_eq!(perform(client, &size("512Mi", "1Gi")).await, done());
    let shrunk = perform(client, &size("1Gi", "512Mi")).await.unwrap_err();
    assert!(shrunk.words().contains("field can not be less than status.capacity"), "{shrunk:?}");
    sandbox.store.change("storageclasses", "", "local", |class| class["allowVolumeExpansion"] = json!(false));
    // Refused with 403 though no Role would help: it is no missing permission.
    let refused = perform(client, &size("1Gi", "2Gi")).await;
    assert!(matches!(&refused, Err(OpFailure::Refused(why)) if why.contains("must support resize")), "{refused:?}");
}

fn rights_of(sandbox: &Sandbox) -> Api<SelfSubjectRulesReview> {
    Api::all(sandbox.client.clone())
}

#[tokio::test(start_paused = true)]
async fn what_is_allowed_is_listed_as_it_is_enforced() {
    let sandbox = sandbox();
    let review: SelfSubjectRulesReview = serde_json::from_value(json!({"spec": {"namespace": NAMESPACE}})).unwrap();
    let ask = || async { rights_of(&sandbox).create(&PostParams::default(), &review).await.unwrap().status.unwrap() };
    assert_eq!(ask().await.resource_rules[0].verbs, ["*"]);
    deny(&sandbox, &["delete"], "pods");
    let rules = ask().await.resource_rules;
    let pods = rules.iter().find(|rule| rule.resources.as_deref() == Some(&["pods".to_owned()])).unwrap();
    assert!(pods.verbs.contains(&"patch".to_owned()) && !pods.verbs.contains(&"delete".to_owned()), "{pods:?}");
}

fn installation() -> InstallationId {
    InstallationId::new(NAMESPACE, "kafka")
}

fn alice() -> Identity {
    Identity { user: "alice".into(), host: "jump-1".into(), pid: 4711 }
}

fn bob() -> Identity {
    Identity { user: "bob".into(), host: "jump-2".into(), pid: 12 }
}

fn held(step: &str, silent_s: i64) -> Untaken {
    let action = "broker.restart".to_owned();
    Untaken::Held(Holder { who: "alice@jump-1 (4711)".into(), action, step: step.into(), silent_s })
}

#[tokio::test(start_paused = true)]
async fn the_second_is_told_who_acts_and_at_which_step() {
    let sandbox = sandbox();
    let (client, start) = (&sandbox.client, sandbox.clock.now());
    assert_eq!(look(client, &installation(), start).await, None);
    let ours = take(client, &installation(), &alice(), "broker.restart", start).await.unwrap();
    assert_eq!(ours.over, None);
    ours.renew("2 of 3: evict pod kafka-1", start + TimeDelta::seconds(10)).await.unwrap();
    let later = start + TimeDelta::seconds(14);
    let refused = take(client, &installation(), &bob(), "topic.create", later).await.unwrap_err();
    assert_eq!(refused, held("2 of 3: evict pod kafka-1", 4));
    let words = "alice@jump-1 (4711) is doing broker.restart at step 2 of 3: evict pod kafka-1, heard of 4s ago";
    assert_eq!(refused.words(), words);
    assert_eq!(look(client, &installation(), later).await.unwrap().who, "alice@jump-1 (4711)");
    ours.release().await.unwrap();
    assert_eq!(look(client, &installation(), later).await, None);
    assert_eq!(take(client, &installation(), &bob(), "topic.create", later).await.unwrap().over, None);
    let leases: Api<Lease> = Api::namespaced(client.clone(), NAMESPACE);
    let lease = leases.get("kafdeck-kafka").await.unwrap().spec.unwrap();
    assert_eq!((lease.holder_identity.as_deref(), lease.lease_duration_seconds), (Some("bob@jump-2 (12)"), Some(30)));
}

#[tokio::test(start_paused = true)]
async fn of_two_that_take_at_once_one_gets_it() {
    let sandbox = sandbox();
    let (client, now) = (&sandbox.client, sandbox.clock.now());
    // Both see no lease; the server lets only one of them make it.
    sandbox.server.fault(|faults| faults.latency = std::time::Duration::from_millis(100));
    let (here, there) = (installation(), installation());
    let (alice, bob) = (alice(), bob());
    let (first, second) = tokio::join!(
        take(client, &here, &alice, "broker.restart", now),
        take(client, &there, &bob, "topic.create", now)
    );
    let lost = match (first, second) {
        (Ok(_), Err(lost)) | (Err(lost), Ok(_)) => lost,
        other => panic!("{other:?}"),
    };
    assert!(matches!(lost, Untaken::Held(_)), "{lost:?}");
}

#[tokio::test(start_paused = true)]
async fn a_silent_holder_is_followed_and_learns_of_it() {
    let sandbox = sandbox();
    let (client, start) = (&sandbox.client, sandbox.clock.now());
    let old = take(client, &installation(), &alice(), "broker.restart", start).await.unwrap();
    let at = |seconds| start + TimeDelta::seconds(seconds);
    assert_eq!(take(client, &installation(), &bob(), "x", at(30)).await.unwrap_err(), held("", 30));
    let new = take(client, &installation(), &bob(), "x", at(31)).await.unwrap();
    assert_eq!(new.over.as_deref(), Some("taken over from alice@jump-1 (4711), not heard of for 31s"));
    let lost = old.renew("3 of 3", at(32)).await.unwrap_err();
    assert!(matches!(&lost, Untaken::Held(holder) if holder.who == "bob@jump-2 (12)"), "{lost:?}");
    assert!(old.release().await.is_err(), "what is another's is not given back");
    new.renew("1 of 1", at(33)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_has_ended_on_this_machine_is_followed_at_once() {
    let sandbox = sandbox();
    let (client, now) = (&sandbox.client, sandbox.clock.now());
    let mut child = std::process::Command::new("true").spawn().unwrap();
    child.wait().unwrap();
    let dead = Identity { pid: child.id(), ..Identity::here() };
    take(client, &installation(), &dead, "broker.restart", now).await.unwrap();
    let taken = take(client, &installation(), &Identity::here(), "broker.restart", now).await.unwrap();
    assert_eq!(taken.over, Some(format!("taken over from {dead}, which has ended")));
}

#[tokio::test(start_paused = true)]
async fn without_permission_or_without_an_answer_there_is_no_lease_and_a_reason() {
    let sandbox = sandbox();
    let (client, now) = (&sandbox.client, sandbox.clock.now());
    for verb in ["get", "create"] {
        deny(&sandbox, &[verb], "leases");
        let refused = take(client, &installation(), &alice(), "x", now).await.unwrap_err();
        let Untaken::NotPermitted(why) = refused else { panic!("{refused:?}") };
        assert!(why.contains(&format!("Ask for verb {verb} on leases.coordination.k8s.io")), "{why}");
    }
    sandbox.server.permit(Permissions::default());
    let taken = take(client, &installation(), &alice(), "x", now).await.unwrap();
    sandbox.server.fault(|faults| faults.pause = true);
    let late = taken.renew("1 of 1", now).await.unwrap_err();
    assert!(matches!(&late, Untaken::Unreachable(why) if why.contains("no answer within 5 s")), "{late:?}");
    assert_eq!(look(client, &installation(), now).await, None);
}
