//! Real faults, seen on the console as they come and go.

use std::time::{Duration, Instant};

use crate::common::{
    live::{self, Cluster},
    proxy::Proxy,
};

use super::seeing::{HEALING, SOON, console, create_topic, is_healthy, kafka, open, shown};

/// What no broker may be called while the API server is away.
const ACCUSATIONS: [&str; 4] = ["▲ not answering", "fenced", "▲ CRITICAL", "▲ DEGRADED"];

fn ready(cluster: &Cluster, pod: &str) -> bool {
    let condition = "jsonpath={.status.conditions[?(@.type==\"Ready\")].status}";
    cluster.kubectl(["-n", "the-project", "get", "pod", pod, "-o", condition]).stdout.trim() == "True"
}

pub fn deleted_pod(cluster: &Cluster) {
    let mut pty = console(cluster);
    cluster.kubectl(["-n", "the-project", "delete", "pod", "kafka-2", "--wait=false"]).expect_code(0);
    shown(&mut pty, "deletion", Instant::now(), SOON, |text| {
        text.contains("Terminating") && text.contains("brokers 2/3")
    });
    pty.wait_for(is_healthy, HEALING);
}

pub fn crashed_broker(cluster: &Cluster) {
    let mut pty = console(cluster);
    let fault = live::fault(["crash", "the-project", "kafka-1", "kafka-broker"]);
    shown(&mut pty, "crash", Instant::now(), SOON + SOON, |text| text.contains("brokers 2/3"));
    pty.wait_for(is_healthy, HEALING);
    pty.send("3");
    pty.wait_for(
        |s| s.contents().lines().any(|l| l.contains("kafka-1") && l.contains(" ago") && l.contains("exit 137")),
        SOON,
    );
    drop(fault);
}

pub fn crash_loop(cluster: &Cluster) {
    let mut pty = console(cluster);
    let began = Instant::now();
    // Three ends in a row make the kubelet back off.
    while !pty.screen().contents().contains("CrashLoopBackOff") {
        assert!(began.elapsed() < HEALING, "no crash loop:\n{}", pty.screen().contents());
        drop(live::try_fault(["crash", "the-project", "kafka-1", "kafka-broker"]));
        pty.watch(Duration::from_secs(1));
    }
    shown(&mut pty, "finding", Instant::now(), SOON, |text| {
        text.contains("crashes again and again") && text.contains("▲ CRITICAL")
    });
    let check = cluster.kafdeck().args(["--installation", "the-project/kafka", "check"]).run();
    assert_eq!(check.code, 1, "{check:#?}");
    let findings =
        cluster.kafdeck().args(["--installation", "the-project/kafka", "findings", "-o", "json"]).run().json();
    let ids: Vec<&str> = findings["findings"].as_array().unwrap().iter().filter_map(|f| f["id"].as_str()).collect();
    assert!(ids.contains(&"broker-crash-loop"), "{findings:#}");
    // The back-off is over when the pod is made anew.
    cluster.kubectl(["-n", "the-project", "delete", "pod", "kafka-1"]).expect_code(0);
    pty.wait_for(is_healthy, HEALING);
}

pub fn bad_image(cluster: &Cluster) {
    let mut pty = console(cluster);
    let fault = live::fault(["bad-image", "the-project", "statefulset/kafka", "kafka-broker"]);
    cluster.kubectl(["-n", "the-project", "delete", "pod", "kafka-2"]).expect_code(0);
    pty.send("3");
    pty.wait_for(|s| s.contents().contains("ImagePullBackOff") || s.contents().contains("ErrImagePull"), HEALING);
    // The kubelet's own words stand in the detail of the row that comes first, being the worst.
    pty.send("g\r");
    pty.wait_for(|s| s.contents().contains("no-such-image"), SOON);
    pty.send("\u{1b}");
    drop(fault);
    pty.wait_for(is_healthy, HEALING);
}

pub fn unschedulable_pod(cluster: &Cluster) {
    let mut pty = console(cluster);
    let cordoned = Cordon::all(cluster);
    cluster.kubectl(["-n", "the-project", "delete", "pod", "kafka-2"]).expect_code(0);
    pty.send("3");
    pty.wait_for_text("Pending (Unschedulable)", HEALING);
    pty.send("g\r");
    pty.wait_for_text("nodes are available", SOON);
    pty.send("\u{1b}");
    drop(cordoned);
    pty.wait_for(is_healthy, HEALING);
}

/// All nodes closed to new pods, until it is dropped.
struct Cordon<'a> {
    cluster: &'a Cluster,
    nodes: Vec<String>,
}

impl<'a> Cordon<'a> {
    fn all(cluster: &'a Cluster) -> Self {
        let names = cluster.kubectl(["get", "nodes", "-o", "name"]).expect_code(0).stdout;
        let guard = Self { cluster, nodes: names.lines().map(str::to_owned).collect() };
        for node in &guard.nodes {
            cluster.kubectl(["cordon", node]).expect_code(0);
        }
        guard
    }
}

impl Drop for Cordon<'_> {
    fn drop(&mut self) {
        for node in &self.nodes {
            self.cluster.kubectl(["uncordon", node]);
        }
    }
}

pub fn frozen_broker(cluster: &Cluster) {
    create_topic(cluster, "orders", 6);
    let mut pty = console(cluster);
    let began = Instant::now();
    let fault = live::fault(["freeze", "the-project", "kafka-1", "kafka-broker"]);
    shown(&mut pty, "silence", began, SOON + SOON, |text| {
        text.contains("not answering") && text.contains("brokers 2/3")
    });
    let status = cluster.kafdeck().args(["--installation", "the-project/kafka", "status", "-o", "json"]).run();
    assert_eq!(status.code, 0, "{status:#?}");
    let document = status.json();
    assert_eq!(document["brokers"]["ready"], 2, "{document:#}");
    assert_ne!(document["partitions"]["total"], serde_json::Value::Null, "the others answer: {document:#}");
    live::note(&format!("status beside a frozen broker took {:.1} s", status.took.as_secs_f64()));
    assert!(status.took < Duration::from_secs(8), "a frozen broker delayed the others: {:?}", status.took);
    drop(fault);
    pty.wait_for(is_healthy, HEALING);
}

pub fn isolated_broker(cluster: &Cluster) {
    create_topic(cluster, "orders", 6);
    let mut pty = console(cluster);
    let fault = live::fault(["isolate", "the-project", "kafka-2"]);
    let behind = || {
        kafka(cluster, "kafka-topics.sh --bootstrap-server localhost:9092 --describe --under-replicated-partitions")
            .contains("orders")
    };
    let began = Instant::now();
    while !behind() {
        assert!(began.elapsed() < HEALING, "Kafka itself never saw it");
    }
    shown(&mut pty, "under-replication", Instant::now(), SOON, |text| {
        !text.contains("URP 0 ") && text.contains("URP") && !text.contains("● OK")
    });
    drop(fault);
    pty.wait_for(is_healthy, HEALING);
}

pub fn filled_volume(cluster: &Cluster) {
    let mut pty = console(cluster);
    let fault = live::fault(["fill", "the-project", "datadir-kafka-0", "90"]);
    pty.send("4");
    pty.wait_for_text("SOURCE", SOON);
    pty.send("r");
    shown(&mut pty, "full volume", Instant::now(), SOON, |text| {
        text.lines().any(|l| l.contains("datadir-kafka-0") && (l.contains("90%") || l.contains("91%")))
    });
    drop(fault);
    pty.send("r");
    pty.wait_for(
        |s| s.contents().lines().any(|l| l.contains("datadir-kafka-0") && !l.contains("9%") && !l.contains("90%")),
        HEALING,
    );
}

pub fn cut_tunnels(cluster: &Cluster) {
    let proxy = Proxy::to(cluster);
    let through = proxy.cluster(cluster);
    let mut pty = console(&through);
    let cut = proxy.cut();
    assert!(cut > 3, "only {cut} connections to cut");
    let began = Instant::now();
    // Every watch and tunnel is gone at once; nothing may be concluded from that.
    let mut accused = false;
    while began.elapsed() < Duration::from_secs(6) {
        pty.watch(Duration::from_millis(200));
        accused |= pty.screen().contents().contains("not answering");
    }
    assert!(!accused, "cut tunnels were blamed on brokers:\n{}", pty.screen().contents());
    shown(&mut pty, "healed", began, Duration::from_secs(15), |text| {
        text.contains("● OK") && text.contains("brokers 3/3")
    });
}

pub fn paused_api_server(cluster: &Cluster) {
    let mut pty = console(cluster);
    let began = Instant::now();
    let fault = live::fault_meanwhile(["api-pause", "20"]);
    shown(&mut pty, "banner", began, SOON + SOON, |text| text.contains("API server not answering"));
    while began.elapsed() < Duration::from_secs(22) {
        pty.watch(Duration::from_millis(250));
        let text = pty.screen().contents();
        for accusation in ACCUSATIONS {
            assert!(!text.contains(accusation), "{accusation:?} while the API server was away:\n{text}");
        }
    }
    shown(&mut pty, "healed, from the start of the pause", began, HEALING, |text| {
        text.contains("● OK") && !text.contains("API server not answering")
    });
    drop(fault);
}

pub fn restarted_api_server(cluster: &Cluster) {
    let mut pty = console(cluster);
    let fault = live::fault(["api-restart"]);
    pty.wait_for(is_healthy, HEALING);
    drop(fault);
    assert!(ready(cluster, "kafka-0"));
    // A console that starts while all is well again sees all of it.
    let mut fresh = open(cluster, &["--installation", "the-project/kafka"]);
    fresh.wait_for(is_healthy, HEALING);
}
