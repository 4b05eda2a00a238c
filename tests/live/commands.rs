//! The command line against Kafka's own tools.

use std::{collections::BTreeMap, time::Duration};

use serde_json::Value;

use crate::common::live::{self, Cluster};

use super::{
    committer,
    seeing::{create_topic, kafka},
};

/// The document that answers a command about `the-project`.
pub fn document(cluster: &Cluster, args: &[&str]) -> Value {
    let base = ["--installation", "the-project/kafka", "-o", "json"];
    let outcome = cluster.kafdeck().args(base.iter().chain(args)).run();
    assert_eq!(outcome.code, 0, "{args:?}: {outcome:#?}");
    outcome.json()
}

pub fn agrees_with_kafkas_tools(cluster: &Cluster) {
    create_topic(cluster, "orders", 6);
    kafka(cluster, "seq 1 500 | kafka-console-producer.sh --bootstrap-server localhost:9092 --topic orders");
    kafka(
        cluster,
        "timeout 30 kafka-console-consumer.sh --bootstrap-server localhost:9092 --topic orders --group orders-app \
         --from-beginning --max-messages 100 >/dev/null 2>&1; true",
    );
    let theirs = kafka(cluster, "kafka-topics.sh --bootstrap-server localhost:9092 --describe");
    let partitions = theirs.lines().filter(|l| l.contains("Partition:")).count();
    let status = document(cluster, &["status"]);
    assert_eq!(status["partitions"]["total"], partitions, "{status:#}");
    let lag = document(cluster, &["lag", "orders-app"]);
    let ours = partitions_of(&lag, "orders-app");
    assert_eq!(ours, tool_lag(cluster, "orders-app"), "{lag:#}");
}

/// Lag by topic and partition, as our document tells it; partitions without a commit are left out.
fn partitions_of(document: &Value, group: &str) -> BTreeMap<(String, i64), i64> {
    let groups = document["groups"].as_array().unwrap();
    let group = groups.iter().find(|g| g["id"] == group).unwrap_or_else(|| panic!("no {group}: {document:#}"));
    let rows = group["partitions"].as_array().unwrap().iter();
    rows.filter_map(|p| Some(((p["topic"].as_str()?.to_owned(), p["partition"].as_i64()?), p["lag"].as_i64()?)))
        .collect()
}

/// The same from kafka-consumer-groups.sh.
fn tool_lag(cluster: &Cluster, group: &str) -> BTreeMap<(String, i64), i64> {
    let command = format!("kafka-consumer-groups.sh --bootstrap-server localhost:9092 --describe --group {group}");
    let table = kafka(cluster, &command);
    let mut rows = BTreeMap::new();
    for line in table.lines() {
        let cells: Vec<&str> = line.split_whitespace().collect();
        if let [name, topic, partition, _, _, lag, ..] = cells.as_slice()
            && *name == group
            && let (Ok(partition), Ok(lag)) = (partition.parse(), lag.parse())
        {
            rows.insert(((*topic).to_owned(), partition), lag);
        }
    }
    assert!(!rows.is_empty(), "{table}");
    rows
}

pub fn every_command_answers(cluster: &Cluster) {
    for (command, field) in [
        ("status", "verdict"),
        ("brokers", "brokers"),
        ("storage", "storage"),
        ("topics", "topics"),
        ("groups", "groups"),
        ("lag", "groups"),
        ("alerts", "alerts"),
        ("users", "users"),
        ("findings", "findings"),
        ("doctor", "doctor"),
    ] {
        let json = document(cluster, &[command]);
        assert_eq!(json["schema"], format!("kafdeck/{command}/v1"), "{json:#}");
        assert_ne!(json[field], Value::Null, "{command}: {json:#}");
        let text = cluster.kafdeck().args(["--installation", "the-project/kafka", command]).run();
        assert_eq!(text.code, 0, "{command}: {text:#?}");
        assert!(!text.stdout.trim().is_empty(), "{command} says nothing");
        let yaml = cluster.kafdeck().args(["--installation", "the-project/kafka", command, "-o", "yaml"]).run();
        assert!(yaml.stdout.contains(&format!("kafdeck/{command}/v1")), "{yaml:#?}");
    }
    let logs =
        cluster.kafdeck().args(["--installation", "the-project/kafka", "logs", "--broker", "0", "--tail", "5"]).run();
    assert_eq!((logs.code, logs.stdout.lines().count()), (0, 5), "{logs:#?}");
    let brokers = document(cluster, &["brokers"]);
    let row = &brokers["brokers"][0];
    assert_eq!((&row["pod"], &row["ready"]), (&Value::from("kafka-0"), &Value::from(true)), "{row:#}");
    let used = &document(cluster, &["storage"])["storage"][0]["used_source"];
    assert_eq!(used, "log-dirs");
}

pub fn check_and_record(cluster: &Cluster) {
    cluster.kafdeck().args(["--installation", "the-project/kafka", "check"]).run().expect_code(0);
    let (outcome, home) = cluster
        .kafdeck()
        .args(["--installation", "the-project/kafka", "record", "facts.jsonl", "--for", "4s"])
        .run_in();
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    let facts = std::fs::read_to_string(home.path().join("facts.jsonl")).unwrap();
    let facts: Vec<kafdeck::facts::Fact> = facts.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert!(facts.iter().any(|f| f.installation().is_some()), "no broker's answer among {} facts", facts.len());
}

pub fn lag_of_300_groups(cluster: &Cluster) {
    create_topic(cluster, "many", 6);
    committer::commit(cluster, &committer::Brokers::plain(), "many", 300, 6);
    let groups = document(cluster, &["groups"]);
    let ours: Vec<&Value> = groups["groups"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|g| g["id"].as_str().unwrap_or("").starts_with("many-"))
        .collect();
    assert_eq!(ours.len(), 300);
    for group in &ours {
        assert_eq!(group["state"], "Empty", "{group:#}");
        assert_eq!(group["lag_incomplete"], false, "{group:#}");
    }
    let lag = document(cluster, &["lag", "many-7"]);
    assert_eq!(partitions_of(&lag, "many-7"), tool_lag(cluster, "many-7"));
    let began = cluster
        .kafdeck()
        .args(["--installation", "the-project/kafka", "lag", "-o", "json"])
        .limit(Duration::from_secs(20))
        .run();
    live::note(&format!("lag of 300 groups × 6 partitions, process and all: {:.2} s", began.took.as_secs_f64()));
}
