//! The quorum and configs as Kafka's own tools tell them, and a new active controller.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::common::live::{self, Cluster};

use super::{
    commands::document,
    seeing::{HEALING, SOON, console, create_topic, is_healthy, kafka, shown},
};

const SERVER: &str = "--bootstrap-server localhost:9092";

/// A field of `kafka-metadata-quorum.sh describe --status`.
fn status(cluster: &Cluster, field: &str) -> String {
    let text = kafka(cluster, &format!("kafka-metadata-quorum.sh {SERVER} describe --status"));
    let line = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    line.unwrap_or_else(|| panic!("no {field}: {text}")).trim().to_owned()
}

pub fn agrees_with_kafkas_tool(cluster: &Cluster) {
    let ours = document(cluster, &["brokers"]);
    let quorum = &ours["quorum"];
    assert_eq!(quorum["state"], "live", "{quorum:#}");
    assert_eq!(quorum["leader"].to_string(), status(cluster, "LeaderId"), "{quorum:#}");
    assert_eq!(quorum["leader_epoch"].to_string(), status(cluster, "LeaderEpoch"), "{quorum:#}");
    let theirs = kafka(cluster, &format!("kafka-metadata-quorum.sh {SERVER} describe --replication"));
    let mut theirs: Vec<(String, String)> = theirs
        .lines()
        .skip(1)
        .filter_map(|line| {
            let cells: Vec<&str> = line.split_whitespace().collect();
            Some(((*cells.first()?).to_owned(), cells.last()?.to_lowercase().replace("follower", "voter")))
        })
        .collect();
    theirs.sort();
    let mut nodes: Vec<(String, String)> = quorum["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|node| (node["id"].to_string(), node["role"].as_str().unwrap().to_owned()))
        .collect();
    nodes.sort();
    assert_eq!(nodes, theirs);
    assert_eq!(quorum["majority_caught_up"], true, "{quorum:#}");
    let active = ours["brokers"].as_array().unwrap().iter().filter(|b| b["active_controller"] == true);
    assert_eq!(active.map(|b| &b["id"]).collect::<Vec<_>>(), [&quorum["leader"]]);
}

/// Name, value and source of each config of broker 0 that is set, as `kafka-configs.sh` lists them.
fn set_by_tool(cluster: &Cluster) -> Vec<(String, String, String)> {
    let command = format!("kafka-configs.sh {SERVER} --describe --entity-type brokers --entity-name 0 --all");
    let text = kafka(cluster, &command);
    let of_line = |line: &str| {
        let (assignment, rest) = line.trim().split_once(" sensitive=")?;
        let (name, value) = assignment.split_once('=')?;
        let source = rest.split_once("synonyms={")?.1.split(':').next()?;
        let words = source.strip_suffix("_CONFIG")?.to_lowercase().replace('_', "-");
        (words != "default").then(|| (name.to_owned(), value.to_owned(), words))
    };
    text.lines().filter_map(of_line).collect()
}

pub fn configs_are_those_of_the_tool(cluster: &Cluster) {
    let ours = document(cluster, &["brokers"]);
    let broker = ours["brokers"].as_array().unwrap().iter().find(|b| b["id"] == 0).unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut of_broker: Vec<(String, String, String)> = broker["configs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| (text(&c["name"]), text(&c["value"]), text(&c["source"])))
        .collect();
    let mut theirs = set_by_tool(cluster);
    of_broker.sort();
    theirs.sort();
    assert_eq!(of_broker, theirs);
    assert!(theirs.iter().any(|(name, ..)| name == "min.insync.replicas"), "{theirs:?}");
    create_topic(cluster, "orders", 6);
    let set = format!("kafka-configs.sh {SERVER} --alter --entity-type topics --entity-name orders --add-config");
    kafka(cluster, &format!("{set} segment.ms=777000"));
    let topics = document(cluster, &["topics", "orders"]);
    kafka(cluster, &format!("{} segment.ms", set.replace("--add-config", "--delete-config")));
    let configs = topics["topics"][0]["configs"].as_array().unwrap();
    let segment = configs.iter().find(|c| c["name"] == "segment.ms").unwrap_or_else(|| panic!("{topics:#}"));
    assert_eq!((&segment["value"], &segment["source"]), (&Value::from("777000"), &Value::from("dynamic-topic")));
}

pub fn configs_are_read_in_the_console(cluster: &Cluster) {
    let mut pty = console(cluster);
    pty.send("3");
    pty.wait_for_text("3 of 3 voters caught up", SOON);
    let began = Instant::now();
    pty.send("C");
    shown(&mut pty, "configs", began, SOON, |text| text.contains("not default") && text.contains("dynamic default"));
    pty.send("/min.insync\r");
    pty.wait_for(|s| !s.contents().contains("advertised.listeners"), SOON);
    pty.send("\r");
    // The broker's own words, without the tags that they came with.
    pty.wait_for_text("minimum number of in-sync replicas", SOON);
    assert!(!pty.screen().contents().contains("<code>"), "{}", pty.screen().contents());
    pty.send("\u{1b}");
    pty.wait_for(|s| !s.contents().contains("meaning"), SOON);
}

pub fn a_new_controller_is_seen(cluster: &Cluster) {
    let mut pty = console(cluster);
    pty.send("3");
    let before = status(cluster, "LeaderId");
    pty.wait_for_text(&format!("leader {before}"), SOON);
    let began = Instant::now();
    let pod = format!("kafka-{before}");
    cluster.kubectl(["-n", "the-project", "delete", "pod", &pod, "--wait=false"]).expect_code(0);
    // A leader that ends well hands over at once.
    let other = |text: &str| {
        (0..3)
            .map(|id| id.to_string())
            .any(|id| id != before && text.contains("Quorum") && text.contains(&format!("leader {id}")))
    };
    shown(&mut pty, "another leader", began, Duration::from_secs(30), other);
    pty.wait_for(is_healthy, HEALING);
    pty.wait_for_text("3 of 3 voters caught up", HEALING);
    live::note(&format!("all voters caught up after {:.0} s", began.elapsed().as_secs_f64()));
}
