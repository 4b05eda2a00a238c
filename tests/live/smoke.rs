//! The smoke test and the canary on real brokers: both paths, what is told of one that is closed, and what is left.

use std::time::Duration;

use serde_json::{Value, json};

use crate::common::{
    live::{Cluster, note},
    process::Outcome,
};

/// The KafkaUser and the ServiceAccount of these rows; they are deleted when a row ends.
const APP: &str = "kafdeck-smoke-app";
const ACCOUNT: &str = "kafdeck-smoke-nojobs";

fn smoke(cluster: &Cluster, installation: &str, more: &[&str]) -> Outcome {
    let args = ["--installation", installation, "--timeout", "3m", "-o", "json", "smoke", "--yes"];
    // Somebody else may be acting on the installation: then it is tried again.
    for _ in 0..20 {
        let run = cluster.kafdeck().limit(Duration::from_secs(240)).args(args).args(more.iter().copied()).run();
        let why = run.json()["why"].as_str().unwrap_or_default().to_owned();
        if !why.contains("is at it:") {
            return run;
        }
        std::thread::sleep(Duration::from_secs(3));
    }
    panic!("somebody else acts on {installation} all the time");
}

/// The name of the run's topic and Job.
fn name(document: &Value) -> String {
    let steps = document["plan"]["steps"].as_array().unwrap();
    steps.iter().find_map(|step| step["op"]["topic"].as_str()).unwrap().to_owned()
}

/// Neither topic nor Job nor pod of the run is there any more.
#[track_caller]
fn nothing_is_left(cluster: &Cluster, namespace: &str, pod: &str, name: &str) {
    let jobs = cluster.kubectl(["-n", namespace, "get", "jobs", "-o", "name"]);
    assert!(!jobs.stdout.contains(name), "{jobs:?}");
    let list = "kafka-topics.sh --bootstrap-server localhost:9092 --list";
    let topics = if namespace == "messaging" {
        // Its Kafka asks for a login; the Topic Operator's view is that of the brokers.
        cluster.kubectl(["-n", namespace, "wait", "--for=delete", &format!("kafkatopic/{name}"), "--timeout=30s"]);
        cluster.kubectl(["-n", namespace, "get", "kafkatopics", "-o", "name"])
    } else {
        cluster.kubectl(["-n", namespace, "exec", pod, "--", "sh", "-c", list])
    };
    assert!(!topics.stdout.contains(name), "{topics:?}");
}

/// Both paths are green on brokers that ask for nothing.
pub fn plain_is_green_by_both_paths(cluster: &Cluster) {
    let run = smoke(cluster, "the-project/kafka", &["--records", "100"]);
    assert_eq!(run.code, 0, "{run:#?}");
    let document = run.json();
    assert_eq!((&document["result"], &document["measured"]["received"]), (&json!("done"), &json!(100)), "{run:#?}");
    note(&format!("{:.1} s", run.took.as_secs_f64()));
    nothing_is_left(cluster, "the-project", "kafka-0", &name(&document));
}

struct App<'a>(&'a Cluster);

impl<'a> App<'a> {
    fn new(cluster: &'a Cluster) -> Self {
        let manifest = json!({
            "apiVersion": "kafka.strimzi.io/v1", "kind": "KafkaUser",
            "metadata": {"name": APP, "namespace": "messaging", "labels": {"strimzi.io/cluster": "kafka-cluster"}},
            "spec": {
                "authentication": {"type": "scram-sha-512"},
                "authorization": {"type": "simple", "acls": [{
                    "operations": ["Read", "Write", "Describe"],
                    "resource": {"type": "topic", "name": "kafdeck-smoke-", "patternType": "prefix"},
                }]},
            },
        });
        apply(cluster, &manifest);
        let ready = ["-n", "messaging", "wait", "--for=condition=Ready", &format!("kafkauser/{APP}"), "--timeout=60s"];
        cluster.kubectl(ready).expect_code(0);
        Self(cluster)
    }
}

impl Drop for App<'_> {
    fn drop(&mut self) {
        self.0.kubectl(["-n", "messaging", "delete", "kafkauser", APP, "--ignore-not-found", "--wait=false"]);
    }
}

fn apply(cluster: &Cluster, manifest: &Value) {
    let dir = tempfile::TempDir::new().unwrap();
    let file = dir.path().join("manifest.json");
    std::fs::write(&file, manifest.to_string()).unwrap();
    cluster.kubectl(["apply".as_ref(), "-f".as_ref(), file.as_os_str()]).expect_code(0);
}

/// An application's credential opens the path through the Service; without one it is told to be unproven.
pub fn strimzi_is_green_as_an_application(cluster: &Cluster) {
    let _app = App::new(cluster);
    let run = smoke(cluster, "messaging/kafka-cluster", &["--as-user", APP]);
    assert_eq!(run.code, 0, "{run:#?}");
    note(&format!("{:.1} s", run.took.as_secs_f64()));
    nothing_is_left(cluster, "messaging", "kafka-cluster-kafka-pool-0", &name(&run.json()));
    let run = smoke(cluster, "messaging/kafka-cluster", &[]);
    assert_eq!(run.code, 1, "{run:#?}");
    let why = run.json()["why"].as_str().unwrap().to_owned();
    assert!(why.contains("through the Service: UNPROVEN") && why.contains("--as-user"), "{why}");
    nothing_is_left(cluster, "messaging", "kafka-cluster-kafka-pool-0", &name(&run.json()));
}

struct Account<'a>(&'a Cluster);

impl Drop for Account<'_> {
    fn drop(&mut self) {
        self.0.kubectl(["delete", "clusterrolebinding,clusterrole", ACCOUNT, "--ignore-not-found"]);
        self.0.kubectl(["-n", "default", "delete", "serviceaccount", ACCOUNT, "--ignore-not-found"]);
    }
}

/// Who may do everything but make Jobs learns which path stays unproven and why.
pub fn without_jobs_the_service_is_unproven(cluster: &Cluster) {
    let _account = Account(cluster);
    cluster.kubectl(["-n", "default", "create", "serviceaccount", ACCOUNT]);
    let rule = |groups: &[&str]| json!({"apiGroups": groups, "resources": ["*"], "verbs": ["*"]});
    apply(
        cluster,
        &json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": ACCOUNT},
            "rules": [rule(&["", "apps", "kafka.strimzi.io", "core.strimzi.io", "coordination.k8s.io", "policy"])],
        }),
    );
    let binding = ["--clusterrole", ACCOUNT, "--serviceaccount", &format!("default:{ACCOUNT}")];
    cluster.kubectl(["create", "clusterrolebinding", ACCOUNT].into_iter().chain(binding)).expect_code(0);
    let token = cluster.kubectl(["-n", "default", "create", "token", ACCOUNT]).expect_code(0).stdout.trim().to_owned();
    let raw = cluster.kubectl(["config", "view", "--raw", "--minify", "-o", "json"]).expect_code(0).json();
    let mut config = raw;
    config["users"][0]["user"] = json!({"token": token});
    let dir = tempfile::TempDir::new().unwrap();
    let file = dir.path().join("kubeconfig");
    std::fs::write(&file, config.to_string()).unwrap();
    let limited = Cluster { kubeconfig: file };
    let run = smoke(&limited, "the-project/kafka", &["--records", "10"]);
    assert_eq!(run.code, 1, "{run:#?}");
    let document = run.json();
    let why = document["why"].as_str().unwrap();
    assert!(why.contains("UNPROVEN") && why.contains("jobs") && !why.contains("tunnel: UNPROVEN"), "{why}");
    assert_eq!(document["measured"]["received"], json!(10), "{run:#?}");
    nothing_is_left(cluster, "the-project", "kafka-0", &name(&document));
}

/// A canary loses nothing on healthy brokers, and one that is held to nothing fails.
pub fn a_canary_tells_loss_and_latency(cluster: &Cluster) {
    let canary = |more: &[&str]| {
        let args =
            ["--installation", "the-project/kafka", "--timeout", "1m", "-o", "json", "canary", "--yes", "--for", "3s"];
        cluster.kafdeck().limit(Duration::from_secs(120)).args(args).args(more.iter().copied()).run()
    };
    let run = canary(&["--rate", "50"]);
    assert_eq!(run.code, 0, "{run:#?}");
    let document = run.json();
    let told = &document["measured"];
    assert_eq!((&told["sent"], &told["received"], &told["missing"]), (&json!(150), &json!(150), &json!(0)));
    note(&format!("p50 {} ms, p99 {} ms, max {} ms", told["p50_ms"], told["p99_ms"], told["max_ms"]));
    nothing_is_left(cluster, "the-project", "kafka-0", &name(&document));
    let late = canary(&["--max-latency", "1ms"]);
    assert_eq!(late.code, 1, "{late:#?}");
    assert!(late.json()["why"].as_str().unwrap().contains("more than 1 ms"), "{late:#?}");
    nothing_is_left(cluster, "the-project", "kafka-0", &name(&late.json()));
}
