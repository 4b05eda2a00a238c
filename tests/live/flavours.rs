//! Every flavour that stands in the cluster is recognised; a row whose flavour is not installed says so.

use std::time::Instant;

use serde_json::Value;

use crate::{
    common::live::{Cluster, skip},
    seeing::{HEALING, SOON, open, shown},
};

/// True when the flavour's namespace is there; else the row says that it was skipped.
fn is_there(cluster: &Cluster, namespace: &str) -> bool {
    let there = cluster.kubectl(["get", "namespace", namespace, "-o", "name"]).code == 0;
    if !there {
        skip(&format!("no namespace {namespace}"));
    }
    there
}

/// What `status` says of an installation, whatever the verdict is.
fn status(cluster: &Cluster, installation: &str) -> Value {
    let outcome = cluster.kafdeck().args(["status", "-o", "json", "--installation", installation]).run();
    serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {outcome:#?}"))
}

/// Holds flavour, version, mode and the names of the broker pods, none of them twice.
fn is(found: &Value, flavour: &str, version: &str, mode: &str, pods: &[&str]) {
    let it = &found["installation"];
    assert_eq!(it["flavour"], flavour, "{it:#}");
    assert_eq!((&it["kafka_version"], &it["mode"]), (&Value::from(version), &Value::from(mode)), "{it:#}");
    let brokers = found["recognition"]["brokers"].as_array().cloned().unwrap_or_default();
    let names: Vec<&str> = brokers.iter().filter_map(|b| b["pod"]["name"].as_str()).collect();
    assert_eq!(names.len(), pods.len(), "{names:?}");
    assert!(names.iter().zip(pods).all(|(name, wanted)| name.starts_with(wanted)), "{names:?} are not {pods:?}");
}

/// The ways in, best first.
fn ways(found: &Value) -> Vec<&str> {
    let ways = found["recognition"]["ways"].as_array();
    ways.into_iter().flatten().filter_map(|way| way["way"].as_str()).collect()
}

pub fn strimzi(cluster: &Cluster) {
    if !is_there(cluster, "messaging") {
        return;
    }
    let found = status(cluster, "messaging/kafka-cluster");
    let pods = ["kafka-cluster-kafka-pool-0", "kafka-cluster-kafka-pool-1", "kafka-cluster-kafka-pool-2"];
    is(&found, "Strimzi", "4.1.2", "KRaft", &pods);
    assert_eq!(ways(&found)[0], "SASL_SSL listener tls on 9093 as console (SCRAM-SHA-512)");
    // Over that way every figure is there.
    assert_eq!((&found["brokers"]["ready"], &found["partitions"]["offline"]), (&Value::from(3), &Value::from(0)));
    assert_ne!(found["verdict"], "BLIND");
    assert_eq!(found["recognition"]["pools"][0]["name"], "kafka-pool");
}

pub fn bitnami(cluster: &Cluster) {
    if !is_there(cluster, "learnflow") {
        return;
    }
    let found = status(cluster, "learnflow/kafka");
    is(&found, "Bitnami", "4.1.2", "KRaft", &["kafka-controller-0", "kafka-controller-1", "kafka-controller-2"]);
    let helm = &found["recognition"]["helm"];
    assert_eq!(helm["chart"], "kafka-32.4.4");
    let kept = &helm["kept"];
    let words = |field: &str| kept[field].as_str().unwrap_or_default();
    assert_eq!((words("app_version"), words("client_protocol")), ("4.0.0", "PLAINTEXT"), "{kept:#}");
    assert_eq!((&kept["revision"], &kept["problem"]), (&Value::from(1), &Value::Null));
    assert_eq!(ways(&found)[0], "PLAINTEXT listener CLIENT on 9092");
}

pub fn zookeeper(cluster: &Cluster) {
    if !is_there(cluster, "kafka") {
        return;
    }
    let found = status(cluster, "kafka/kafka");
    is(&found, "StatefulSet", "3.9.2", "ZooKeeper", &["kafka-0", "kafka-1", "kafka-2"]);
    let ensemble = &found["recognition"]["ensemble"];
    assert_eq!((&ensemble["workload"]["name"], &ensemble["wanted"]), (&Value::from("zoo"), &Value::from(3)));
}

pub fn deployment(cluster: &Cluster) {
    if !is_there(cluster, "kafka-demo") {
        return;
    }
    let found = status(cluster, "kafka-demo/kafka");
    is(&found, "Deployment", "4.1.2", "KRaft", &["kafka-"]);
    assert_eq!(found["recognition"]["ephemeral"], true);
}

/// The verdicts that the picker shows, by installation.
pub fn several(cluster: &Cluster) {
    let all = [
        ("the-project", "kafka"),
        ("messaging", "kafka-cluster"),
        ("learnflow", "kafka"),
        ("kafka", "kafka"),
        ("kafka-demo", "kafka"),
    ];
    let there = all.iter().filter(|(ns, _)| cluster.kubectl(["get", "namespace", ns, "-o", "name"]).code == 0);
    let names: Vec<String> = there.map(|(namespace, name)| format!("{namespace}/{name}")).collect();
    if names.len() < 2 {
        return skip("fewer than two flavours are installed");
    }
    let began = Instant::now();
    let mut pty = open(cluster, &[]);
    shown(&mut pty, "the picker", began, SOON, |text| text.contains("Choose an installation"));
    let opened = Instant::now();
    let verdicts = ["● OK", "▲ DEGRADED", "CRITICAL", "? BLIND"];
    let is_judged = |line: &str| verdicts.iter().any(|verdict| line.contains(verdict));
    let stand = |text: &str| names.iter().all(|name| text.lines().any(|line| line.contains(name) && is_judged(line)));
    shown(&mut pty, &format!("{} verdicts", names.len()), opened, SOON, stand);
    // Each is as `status` says it, which asks everything; another row may have left one with something to heal.
    let agree = |text: &str| {
        names.iter().all(|name| {
            let verdict = status(cluster, name)["verdict"].as_str().unwrap_or_default().to_owned();
            text.lines().any(|line| line.contains(name) && line.contains(&verdict))
        })
    };
    pty.wait_for(|screen| agree(&screen.contents()), HEALING);
}

/// Exporters, Connect, consoles, jobs, operators and ZooKeepers are on no list.
pub fn nothing_else(cluster: &Cluster) {
    let outcome = cluster.kafdeck().args(["status", "--installation", "no-such/installation"]).run();
    let text = format!("{}{}", outcome.stdout, outcome.stderr);
    let known = ["kafka/kafka", "kafka-demo/kafka", "learnflow/kafka", "messaging/kafka-cluster", "the-project/kafka"];
    let listed = text.lines().find_map(|line| line.split_once("There is: ")).map_or("", |(_, list)| list.trim());
    assert!(!listed.is_empty(), "{text}");
    // Other rows bring installations of their own.
    let ours = ["kafka", "kafka-demo", "learnflow", "messaging", "the-project", "shop", "strimzi"];
    let mut names = listed.split(", ").filter(|name| ours.iter().any(|ns| name.split('/').next() == Some(ns)));
    assert!(names.all(|name| known.contains(&name)), "{listed}");
}
