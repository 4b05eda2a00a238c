//! Ops of plans and the Lease of an installation on a real cluster, in a namespace of their own.

use std::time::Duration;

use chrono::Utc;
use kafdeck::{
    domain::ids::InstallationId,
    io::{
        apply::{perform, rehearse},
        identity::Identity,
        lease::{Untaken, look, take},
    },
    plan::op::{Change, Op, OpAnswer, OpFailure, Rehearsed, Target},
};
use kube::{
    Client,
    config::{KubeConfigOptions, Kubeconfig},
};
use serde_json::{Value, json};

use crate::common::live::Cluster;

/// The namespace, which goes with the row.
const NAMESPACE: &str = "kafdeck-acting";

/// The namespace while it is there.
struct Place<'a>(&'a Cluster);

impl<'a> Place<'a> {
    fn new(cluster: &'a Cluster) -> Self {
        cluster.kubectl(["delete", "namespace", NAMESPACE, "--ignore-not-found"]);
        cluster.kubectl(["create", "namespace", NAMESPACE]).expect_code(0);
        Self(cluster)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.kubectl(["delete", "namespace", NAMESPACE, "--ignore-not-found", "--wait=false"]);
    }
}

fn target(api_version: &str, kind: &str, resource: &str, name: &str) -> Target {
    let (api_version, kind, resource) = (api_version.to_owned(), kind.to_owned(), resource.to_owned());
    Target { api_version, kind, resource, namespace: NAMESPACE.to_owned(), name: name.to_owned() }
}

/// A pod that sleeps; where its image is not there it is a pod all the same.
fn pod() -> Op {
    let target = target("v1", "Pod", "pods", "idle");
    let container = json!({"name": "idle", "image": "docker.io/apache/kafka:4.1.2", "command": ["sleep", "600"]});
    let manifest = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "idle", "namespace": NAMESPACE, "labels": {"app": "idle"}},
        "spec": {"terminationGracePeriodSeconds": 0, "containers": [container]},
    });
    Op::Create { target, manifest }
}

fn budget(allowed: u32) -> Op {
    let target = target("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets", "idle");
    let manifest = json!({
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "idle", "namespace": NAMESPACE},
        "spec": {"maxUnavailable": allowed, "selector": {"matchLabels": {"app": "idle"}}},
    });
    Op::Create { target, manifest }
}

async fn client(cluster: &Cluster) -> Client {
    let config = Kubeconfig::read_from(&cluster.kubeconfig).unwrap();
    let mut config = kube::Config::from_custom_kubeconfig(config, &KubeConfigOptions::default()).await.unwrap();
    // As the product's own: a refusal with 429 is an answer, and no reason to ask fifteen times.
    config.default_retry = false;
    Client::try_from(config).unwrap()
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

#[expect(clippy::unnecessary_wraps, reason = "it is compared with answers")]
fn done() -> Result<OpAnswer, OpFailure> {
    Ok(OpAnswer::Done(String::new()))
}

/// Objects are made, changed, evicted and deleted only as the plan saw them.
pub fn ops_are_carried_out(cluster: &Cluster) {
    let _place = Place::new(cluster);
    block_on(async {
        let client = client(cluster).await;
        assert!(matches!(rehearse(&client, &pod()).await, Rehearsed::Fine(lines) if lines.len() > 5));
        assert_eq!(perform(&client, &pod()).await, done());
        assert!(matches!(perform(&client, &pod()).await, Ok(OpAnswer::Already(_))), "made once more");
        annotated(&client).await;
        evicted(cluster, &client).await;
    });
}

async fn annotated(client: &Client) {
    let path = ["metadata", "annotations", "example.com/x"].map(str::to_owned).to_vec();
    let op = |before: Option<&str>, after: Option<&str>| {
        let change = Change { path: path.clone(), before: before.map(Value::from), after: after.map(Value::from) };
        Op::Patch { target: target("v1", "Pod", "pods", "idle"), changes: vec![change] }
    };
    let lines = vec!["+ metadata.annotations.example.com/x: a".to_owned()];
    assert_eq!(rehearse(client, &op(None, Some("a"))).await, Rehearsed::Fine(lines));
    assert_eq!(perform(client, &op(None, Some("a"))).await, done());
    let stale = OpFailure::Stale(vec!["metadata.annotations.example.com/x: was absent, is a".to_owned()]);
    assert_eq!(perform(client, &op(None, Some("b"))).await, Err(stale));
    assert_eq!(perform(client, &op(Some("a"), None)).await, done());
}

async fn evicted(cluster: &Cluster, client: &Client) {
    let pod = || target("v1", "Pod", "pods", "idle");
    cluster.kubectl(["-n", NAMESPACE, "wait", "--for=condition=Ready", "pod/idle", "--timeout=60s"]).expect_code(0);
    let uid = cluster.kubectl(["-n", NAMESPACE, "get", "pod", "idle", "-o", "jsonpath={.metadata.uid}"]);
    let uid = uid.expect_code(0).stdout.trim().to_owned();
    let stale = OpFailure::Stale(vec!["another idle has taken its place".to_owned()]);
    for op in [Op::Evict { target: pod(), uid: "x".into() }, Op::Delete { target: pod(), uid: "x".into() }] {
        assert_eq!(perform(client, &op).await, Err(stale.clone()));
    }
    assert_eq!(perform(client, &budget(0)).await, done());
    let refused = perform(client, &Op::Evict { target: pod(), uid: uid.clone() }).await;
    assert!(
        matches!(&refused, Err(OpFailure::Refused(why)) if why.starts_with("disruption budget allows none now: ")),
        "{refused:?}"
    );
    cluster.kubectl(["-n", NAMESPACE, "delete", "pdb", "idle"]).expect_code(0);
    let evict = Op::Evict { target: pod(), uid };
    assert_eq!(rehearse(client, &evict).await, Rehearsed::Fine(vec![format!("- Pod {NAMESPACE}/idle")]));
    assert_eq!(perform(client, &evict).await, done());
    cluster.kubectl(["-n", NAMESPACE, "wait", "--for=delete", "pod/idle", "--timeout=60s"]);
    assert!(matches!(perform(client, &evict).await, Ok(OpAnswer::Already(_))), "it is gone");
}

/// Of two that act on one installation, the second is told who and where.
pub fn a_lease_names_who_acts(cluster: &Cluster) {
    let _place = Place::new(cluster);
    let installation = InstallationId::new(NAMESPACE, "kafka");
    let alice = Identity { user: "alice".into(), host: "jump-1".into(), pid: 1 };
    let bob = Identity { user: "bob".into(), host: "jump-2".into(), pid: 2 };
    block_on(async {
        let client = client(cluster).await;
        let (first, second) = tokio::join!(
            take(&client, &installation, &alice, "broker.restart", Utc::now()),
            take(&client, &installation, &bob, "broker.restart", Utc::now())
        );
        let (ours, lost) = match (first, second) {
            (Ok(ours), Err(lost)) | (Err(lost), Ok(ours)) => (ours, lost),
            other => panic!("{other:?}"),
        };
        assert!(matches!(lost, Untaken::Held(_)), "{lost:?}");
        ours.renew("2 of 3: evict pod kafka-1", Utc::now()).await.unwrap();
        let holder = look(&client, &installation, Utc::now()).await.unwrap();
        assert_eq!((holder.action.as_str(), holder.step.as_str()), ("broker.restart", "2 of 3: evict pod kafka-1"));
        ours.release().await.unwrap();
        assert_eq!(look(&client, &installation, Utc::now()).await, None);
        let later = Utc::now() + Duration::from_secs(60);
        take(&client, &installation, &alice, "x", Utc::now()).await.unwrap();
        assert!(take(&client, &installation, &bob, "x", later).await.unwrap().over.is_some());
    });
}
