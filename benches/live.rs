//! Figures of the whole program on a real cluster, the one that `KUBECONFIG` leads to: `cargo bench --bench live`.
//!
//! Nothing here judges; it prints. Ratios against kubectl and Kafka's own tools are taken in the same run.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a broken measurement ends the run")]
#![allow(dead_code, reason = "rows of the live suite that measure nothing")]
#![allow(clippy::disallowed_methods, reason = "measuring is the one thing that needs the machine's clock here")]

#[path = "../tests/live/committer.rs"]
mod committer;
#[path = "../tests/common/mod.rs"]
mod common;
#[path = "../tests/live/secured.rs"]
mod secured;

use std::{
    collections::BTreeMap,
    io::Write,
    time::{Duration, Instant},
};

use common::live::{self, Cluster};

/// An installation that is measured, and how Kafka's own tools are called there.
struct Place {
    name: &'static str,
    namespace: &'static str,
    pod: &'static str,
    tools: &'static str,
    brokers: fn() -> committer::Brokers,
}

const PLACES: [Place; 2] = [
    Place {
        name: "the-project/kafka",
        namespace: "the-project",
        pod: "kafka-0",
        tools: "--bootstrap-server localhost:9092",
        brokers: committer::Brokers::plain,
    },
    Place {
        name: "messaging/kafka-cluster",
        namespace: "messaging",
        pod: "kafka-cluster-kafka-pool-0",
        tools: "--bootstrap-server kafka-cluster-kafka-pool-0.kafka-cluster-kafka-brokers.messaging.svc:9091 \
                --command-config /tmp/admin.properties",
        brokers: committer::Brokers::strimzi,
    },
];

const GROUPS: usize = 300;
const PARTITIONS: i32 = 6;
/// How long the idle console is watched.
const IDLE: Duration = Duration::from_secs(60);

fn main() {
    let Some(cluster) = live::cluster() else {
        print("no cluster in KUBECONFIG: nothing is measured");
        return;
    };
    let wanted = std::env::args().nth(1).filter(|arg| !arg.starts_with('-')).unwrap_or_default();
    for place in PLACES.iter().filter(|place| place.name.contains(&wanted)) {
        if cluster.kubectl(["-n", place.namespace, "get", "pod", place.pod]).code != 0 {
            print(format!("{} is not installed: not measured", place.name));
            continue;
        }
        print(format!("{}:", place.name));
        first_frame(&cluster, place);
        present_figures(&cluster, place);
        lag(&cluster, place);
        idle(&cluster, place);
    }
    secured::dials_are_measured(&cluster);
    secured::tunnels_are_measured(&cluster);
}

fn print(line: impl AsRef<str>) {
    let mut out = std::io::stdout();
    writeln!(out, "{}", line.as_ref()).unwrap();
}

/// Median of several runs, in milliseconds.
fn median(runs: usize, mut run: impl FnMut() -> Duration) -> f64 {
    let mut times: Vec<f64> = (0..runs).map(|_| run().as_secs_f64() * 1e3).collect();
    times.sort_by(f64::total_cmp);
    times[runs / 2]
}

/// Runs one of Kafka's tools in a broker's pod and throws away what it prints.
fn kafka(cluster: &Cluster, place: &Place, tool: &str, options: &str) -> Duration {
    let command = format!("{tool} {} {options} >/dev/null 2>&1; true", place.tools);
    cluster.kubectl(["-n", place.namespace, "exec", place.pod, "--", "sh", "-c", &command]).expect_code(0).took
}

fn console(cluster: &Cluster, place: &Place, size: (u16, u16)) -> common::pty::Pty {
    let builder = common::pty::Pty::kafdeck().kubeconfig(&cluster.kubeconfig).env("TERM", "xterm-256color");
    builder.size(size.0, size.1).args(["--installation", place.name]).spawn()
}

fn first_frame(cluster: &Cluster, place: &Place) {
    let time = median(9, || {
        let began = Instant::now();
        let mut pty = console(cluster, place, (80, 24));
        pty.wait_for_text("kafdeck", Duration::from_secs(5));
        began.elapsed()
    });
    print(format!("first frame after exec                      {time:8.1} ms (median of 9)"));
    let time = median(9, || {
        let began = Instant::now();
        let mut pty = console(cluster, place, (80, 24));
        pty.wait_for(|s| s.contents().contains("● OK") && s.contents().contains("lag max "), Duration::from_secs(20));
        began.elapsed()
    });
    print(format!("verdict and every figure on the console     {time:8.1} ms (median of 9)"));
}

fn ours(cluster: &Cluster, place: &Place, command: &str) -> f64 {
    let run = || cluster.kafdeck().args(["--installation", place.name, command, "-o", "json"]).run().expect_code(0);
    median(9, || run().took)
}

fn present_figures(cluster: &Cluster, place: &Place) {
    let ours = ours(cluster, place, "status");
    let theirs = median(3, || {
        let began = Instant::now();
        let get = ["-n", place.namespace, "get", "pods,pvc,statefulsets,services", "-o", "wide"];
        cluster.kubectl(get).expect_code(0);
        kafka(cluster, place, "kafka-topics.sh", "--describe");
        kafka(cluster, place, "kafka-consumer-groups.sh", "--describe --all-groups");
        kafka(cluster, place, "kafka-log-dirs.sh", "--describe");
        kafka(cluster, place, "kafka-consumer-groups.sh", "--list --state");
        began.elapsed()
    });
    print(format!("kafdeck status, process and all             {ours:8.1} ms (median of 9)"));
    print(format!(
        "kubectl and kafka-*.sh for the same         {theirs:8.1} ms (median of 3), {:.0} times as long",
        theirs / ours
    ));
}

fn lag(cluster: &Cluster, place: &Place) {
    kafka(
        cluster,
        place,
        "kafka-topics.sh",
        "--create --if-not-exists --topic many --partitions 6 --replication-factor 3",
    );
    committer::commit(cluster, &(place.brokers)(), "many", GROUPS, PARTITIONS);
    let ours = ours(cluster, place, "lag");
    let theirs = median(3, || kafka(cluster, place, "kafka-consumer-groups.sh", "--describe --all-groups"));
    print(format!("lag of {GROUPS} groups × {PARTITIONS}, process and all        {ours:8.1} ms (median of 9)"));
    print(format!(
        "kafka-consumer-groups.sh for the same       {theirs:8.1} ms (median of 3), {:.0} times as long",
        theirs / ours
    ));
}

/// What the console costs when nothing happens: bytes to the terminal, CPU, memory, requests to the API server.
fn idle(cluster: &Cluster, place: &Place) {
    let quiet = requests_over(cluster, || std::thread::sleep(IDLE));
    let mut pty = console(cluster, place, (80, 24));
    pty.wait_for(|s| s.contents().contains("● OK"), Duration::from_secs(20));
    let paint = pty.raw_output().len();
    pty.watch(Duration::from_secs(10));
    let (bytes, cpu) = (pty.raw_output().len(), pty.cpu_time());
    let busy = requests_over(cluster, || pty.watch(IDLE));
    let seconds = IDLE.as_secs_f64();
    let written = (pty.raw_output().len() - bytes) as f64 / seconds;
    let used = pty.cpu_time().saturating_sub(cpu).as_secs_f64() / seconds * 100.0;
    print(format!("bytes until every figure stood, 80×24       {paint:8}"));
    print(format!("idle, to the terminal                       {written:8.1} B/s"));
    print(format!("idle, CPU                                   {used:8.2} % of a core"));
    print(format!(
        "resident memory                             {:8.1} MiB",
        pty.resident() as f64 / f64::from(1 << 20)
    ));
    print(format!("API server requests in {seconds:.0} idle seconds beyond what others make:"));
    for (what, count) in busy {
        let beyond = count - quiet.get(&what).copied().unwrap_or_default();
        if beyond >= 1.0 {
            print(format!("    {what:<52} {beyond:6.0}"));
        }
    }
}

/// Requests that the API server counted while something ran, by verb and resource.
fn requests_over(cluster: &Cluster, run: impl FnOnce()) -> BTreeMap<String, f64> {
    let before = requests(cluster);
    run();
    let mut after = requests(cluster);
    for (what, count) in &mut after {
        *count -= before.get(what).copied().unwrap_or_default();
    }
    after
}

fn requests(cluster: &Cluster) -> BTreeMap<String, f64> {
    let metrics = cluster.kubectl(["get", "--raw", "/metrics"]).expect_code(0).stdout;
    let mut counts = BTreeMap::new();
    for line in metrics.lines().filter(|l| l.starts_with("apiserver_request_total{")) {
        let label =
            |name: &str| line.split(&format!("{name}=\"")).nth(1).and_then(|r| r.split('"').next()).unwrap_or("");
        let count: f64 = line.rsplit(' ').next().and_then(|n| n.parse().ok()).unwrap_or_default();
        let what = format!("{} {} {}", label("verb"), label("resource"), label("subresource"));
        *counts.entry(what).or_default() += count;
    }
    counts
}
