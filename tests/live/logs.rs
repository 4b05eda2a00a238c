//! Logs against kubectl: the same lines, through restarts, and of several pods at once.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use kafdeck::domain::text::plain;
use serde_json::Value;

use crate::common::{
    live::{self, Cluster},
    process,
    pty::Pty,
};

/// How long a log may take to show what was written.
const SOON: Duration = Duration::from_secs(10);
/// What the StatefulSet's pod is waited for by; its strategy knows no `rollout status`.
const READY: &str = "--for=jsonpath={.status.readyReplicas}=1";
/// How long a broker may take to come back.
const HEALING: Duration = Duration::from_secs(120);
/// A namespace with a broker of our own, whose restarts disturb nobody.
const NAMESPACE: &str = "logs-otter";
/// The broker's sidecar writes as fast as it can once this file is there.
const FLOOD: &str = "while ! [ -e /tmp/go ]; do sleep 0.2; done; exec yes '[2026-11-21 20:00:00,000] INFO [Flood] a line \
    as Kafka writes them, of about two hundred bytes, so that what is measured is like what is: partition=orders-1, \
    dir=/var/lib/kafka/data/logs (kafka.log.UnifiedLog)'";

/// A namespace that goes with its guard.
struct Otter<'a> {
    cluster: &'a Cluster,
}

impl<'a> Otter<'a> {
    /// An installation of one broker, `ledger-0` with the containers `lamp` and `engine`.
    fn new(cluster: &'a Cluster) -> Self {
        let guard = Self { cluster };
        let manifest = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/renamed.yaml")).unwrap();
        let lamp = r#"command: [sh, -c, "exec tail -f /dev/null"]"#;
        assert!(manifest.contains(lamp));
        let manifest =
            manifest.replace("quiet-otter", NAMESPACE).replace(lamp, &format!("command: [sh, -c, \"{FLOOD}\"]"));
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("otter.yaml");
        fs::write(&path, manifest).unwrap();
        cluster.kubectl(["apply", "-f", path.to_str().unwrap()]).expect_code(0);
        cluster.kubectl(["-n", NAMESPACE, "wait", READY, "statefulset/ledger", "--timeout=110s"]).expect_code(0);
        guard
    }

    /// A log as kubectl tells it.
    fn log(&self, more: &[&str]) -> Vec<String> {
        let base = ["-n", NAMESPACE, "logs", "ledger-0", "-c", "engine", "--timestamps"];
        let log = self.cluster.kubectl(base.iter().chain(more)).expect_code(0);
        log.stdout.lines().map(str::to_owned).collect()
    }
}

impl Drop for Otter<'_> {
    fn drop(&mut self) {
        self.cluster.kubectl(["delete", "namespace", NAMESPACE, "--wait=true", "--timeout=100s"]);
    }
}

/// Waits until something is so.
fn until(what: &str, limit: Duration, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + limit;
    while !is_so() {
        assert!(Instant::now() < end, "{what} has not come to pass in {limit:?}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

pub fn same_as_kubectl(cluster: &Cluster) {
    let since = "--since-time=2020-01-01T00:00:00Z";
    let theirs = |pod: &str| cluster.kubectl(["-n", "the-project", "logs", pod, since, "--timestamps"]).expect_code(0);
    let before: Vec<String> = (0..3).map(|n| theirs(&format!("kafka-{n}")).stdout).collect();
    let ours = |args: &[&str]| {
        let base = ["--installation", "the-project/kafka", "logs", since];
        cluster.kafdeck().args(base.iter().chain(args)).limit(Duration::from_secs(60)).run().expect_code(0).stdout
    };
    let one = ours(&["--broker", "0", "--timestamps"]);
    // Codes that somebody got into a log are no text of ours.
    let cleaned = |log: &str| log.lines().map(|line| plain(line).into_owned() + "\n").collect::<String>();
    assert!(one.starts_with(&cleaned(&before[0])), "the log of kafka-0 differs");
    assert!(cleaned(&theirs("kafka-0").stdout).starts_with(&one), "nothing is added");
    let all: Vec<Value> = ours(&["-o", "json"]).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut logs: BTreeMap<&str, String> = BTreeMap::new();
    for line in &all {
        let log = logs.entry(line["pod"].as_str().unwrap()).or_default();
        log.extend([line["at"].as_str().unwrap(), " ", line["text"].as_str().unwrap(), "\n"]);
    }
    for (n, before) in before.iter().enumerate() {
        // kubectl leaves zeros out at the end of a moment: texts are compared, and moments by their order.
        let texts = |log: &str| {
            log.lines().map(|l| plain(l.split_once(' ').unwrap_or((l, "")).1).into_owned()).collect::<Vec<_>>()
        };
        let (ours, before) = (texts(&logs[&*format!("kafka-{n}")]), texts(before));
        assert!(ours.starts_with(&before), "the log of kafka-{n} differs");
    }
    assert!(all.is_sorted_by_key(|line| line["at"].as_str().unwrap().to_owned()), "in the order of their moments");
    live::note(&format!("{} lines of three brokers", all.len()));
}

pub fn restarts_are_followed(cluster: &Cluster) {
    let otter = Otter::new(cluster);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("followed");
    let mut command = Command::new(process::KAFDECK);
    command.env_clear().envs(process::sealed_env(dir.path())).arg("--kubeconfig").arg(&cluster.kubeconfig);
    command.args(["-n", NAMESPACE, "logs", "-f", "--pod", "ledger-0", "--container", "engine", "--timestamps"]);
    let mut child = command.stdout(File::create(&path).unwrap()).stderr(Stdio::null()).spawn().unwrap();
    let followed = || fs::read_to_string(&path).unwrap().lines().map(str::to_owned).collect::<Vec<_>>();
    until("the whole log", SOON, || followed().len() >= otter.log(&[]).len());
    // The container ends, and starts again in its pod.
    cluster.kubectl(["-n", NAMESPACE, "exec", "ledger-0", "-c", "engine", "--", "sh", "-c", "kill 1"]);
    until("a restart", HEALING, || {
        otter.log(&[]).iter().any(|l| l.contains("Kafka Server started")) && {
            let pods = cluster.kubectl(["-n", NAMESPACE, "get", "pod", "ledger-0", "-o", "json"]).json();
            pods["status"]["containerStatuses"].as_array().unwrap().iter().any(|s| s["restartCount"] == 1)
        }
    });
    let both = || [otter.log(&["--previous"]), otter.log(&[])].concat();
    until("the log after the restart", SOON, || followed().len() >= both().len());
    let before = both();
    assert!(followed().starts_with(&before), "a line is missing or twice after a restart");
    // Another pod takes its name.
    cluster.kubectl(["-n", NAMESPACE, "delete", "pod", "ledger-0", "--wait=true"]).expect_code(0);
    cluster.kubectl(["-n", NAMESPACE, "wait", READY, "statefulset/ledger", "--timeout=110s"]).expect_code(0);
    until("the log of the new pod", HEALING, || followed().ends_with(&otter.log(&[])));
    let all = followed();
    assert!(all.starts_with(&before));
    assert_eq!(all.iter().collect::<std::collections::BTreeSet<_>>().len(), all.len(), "a line is there twice");
    child.kill().unwrap();
    child.wait().unwrap();
}

pub fn a_flood_is_followed(cluster: &Cluster) {
    let _otter = Otter::new(cluster);
    let mut pty = Pty::kafdeck().kubeconfig(&cluster.kubeconfig).size(120, 40).args(["-n", NAMESPACE]).spawn();
    pty.wait_for(|s| s.contents().contains("brokers 1/1"), HEALING);
    pty.send("L");
    pty.wait_for(|s| s.contents().contains("INFO"), SOON);
    // The sidecar instead of the broker.
    pty.send("o");
    pty.wait_for_text("Follow these logs", SOON);
    pty.send(" j \r");
    pty.wait_for_text("No line yet", SOON);
    cluster.kubectl(["-n", NAMESPACE, "exec", "ledger-0", "-c", "lamp", "--", "touch", "/tmp/go"]).expect_code(0);
    pty.wait_for_text("[Flood]", SOON);
    let (began, cpu) = (Instant::now(), pty.cpu_time());
    pty.watch(Duration::from_secs(20));
    let rule = pty.screen().contents().lines().find(|l| l.contains("Logs ledger-0")).unwrap_or_default().to_owned();
    let cpu = pty.cpu_time().saturating_sub(cpu).as_secs_f64() / began.elapsed().as_secs_f64() * 100.0;
    let resident = pty.resident() >> 20;
    // A build for debugging is larger, and keeps more of what it has let go.
    let most = if cfg!(debug_assertions) { 112 } else { 64 };
    assert!(resident < most, "{resident} MiB after: {rule}");
    live::note(&format!("{resident} MiB, {cpu:.0} % of a core, {}", rule.trim_matches(['━', ' '])));
    pty.send("k");
    pty.wait_for_text("paused at", SOON);
}
