//! Topics made, altered and deleted by the program, and read back with Kafka's own tools and kubectl.

use std::{fs, time::Duration};

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::common::{
    live::{Cluster, note, skip},
    process::Outcome,
};

const TOPIC: &str = "acting-heron";

fn act(cluster: &Cluster, place: &[&str], args: &[&str]) -> Outcome {
    let all = place.iter().chain(&["topic"]).chain(args);
    cluster.kafdeck().limit(Duration::from_secs(150)).args(all).run()
}

#[track_caller]
fn refused(outcome: &Outcome, code: i32, words: &[&str]) {
    assert_eq!(outcome.code, code, "{outcome:#?}");
    for words in words {
        assert!(outcome.stderr.contains(words) || outcome.stdout.contains(words), "{words:?}: {outcome:#?}");
    }
}

/// What kafka-topics.sh says of the topic; empty where there is none.
fn described(cluster: &Cluster, namespace: &str, pod: &str, login: &str) -> String {
    let script = format!("kafka-topics.sh {login} --describe --topic {TOPIC} 2>/dev/null || true");
    let outcome = cluster.kubectl(["-n", namespace, "exec", pod, "--", "sh", "-c", &script]);
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    if outcome.stdout.contains("does not exist") { String::new() } else { outcome.stdout }
}

/// Milliseconds from the brokers' answer until the topic was seen, as the journal of a run tells.
fn until_seen(journal: &str) -> i64 {
    let at = |event: &str| -> DateTime<Utc> {
        let line = journal.lines().find(|line| line.contains(&format!("\"event\":\"{event}\""))).unwrap_or_else(|| {
            panic!("no {event} in {journal}");
        });
        let entry: Value = serde_json::from_str(line).unwrap();
        entry["at"].as_str().unwrap().parse().unwrap()
    };
    (at("end") - at("do")).num_milliseconds()
}

pub fn by_brokers(cluster: &Cluster) {
    if cluster.kubectl(["-n", "the-project", "get", "statefulset", "kafka"]).code != 0 {
        skip("the flavour plain is not installed");
        return;
    }
    let place = ["-n", "the-project"];
    let login = "--bootstrap-server localhost:9092";
    let described = || described(cluster, "the-project", "kafka-0", login);
    act(cluster, &place, &["delete", TOPIC, "--yes", "--confirm", TOPIC]);
    let shape = ["create", TOPIC, "--partitions", "6", "--replication-factor", "3"];
    let create = [&shape[..], &["--config", "retention.ms=3600000", "--yes"]].concat();
    let all = place.iter().chain(&["topic"]).chain(&create);
    let (made, home) = cluster.kafdeck().limit(Duration::from_secs(60)).args(all).run_in();
    assert_eq!(made.code, 0, "{made:#?}");
    let journal = fs::read_to_string(home.path().join("state/kafdeck/journal.jsonl")).unwrap();
    note(&format!("from asking to seeing the topic {} ms", until_seen(&journal)));
    let text = described();
    assert!(
        text.contains("PartitionCount: 6\tReplicationFactor: 3") && text.contains("retention.ms=3600000"),
        "{text}"
    );
    refused(&act(cluster, &place, &create), 0, &["is there already with this shape"]);
    let other = ["create", TOPIC, "--partitions", "3", "--replication-factor", "3", "--yes"];
    refused(&act(cluster, &place, &other), 1, &["partitions is 6, not 3", "retention.ms is 3600000"]);
    let beside = ["create", "acting.heron_x", "--partitions", "1", "--replication-factor", "1", "--yes"];
    refused(&act(cluster, &place, &beside), 0, &[]);
    refused(&act(cluster, &place, &["create", "acting_heron.x", "--yes"]), 1, &["collides with acting.heron_x"]);
    act(cluster, &place, &["delete", "acting.heron_x", "--yes", "--confirm", "acting.heron_x"]);
    refused(&act(cluster, &place, &["create", "a b", "--yes"]), 2, &["letters, digits"]);
    refused(&act(cluster, &place, &["create", "x", "--replication-factor", "0", "--yes"]), 2, &["from 1"]);
    refused(&act(cluster, &place, &["create", "x", "--config", "retension.ms=1", "--yes"]), 2, &["retension.ms"]);
    let huge = ["create", "acting-refused", "--config", "cleanup.policy=shred", "--yes"];
    refused(&act(cluster, &place, &huge), 1, &["shred"]);
    refused(&act(cluster, &place, &["alter", TOPIC, "--partitions", "3", "--yes"]), 1, &["never loses any"]);
    let alter =
        ["alter", TOPIC, "--partitions", "8", "--config", "cleanup.policy=compact", "--delete-config", "retention.ms"];
    let altered = act(cluster, &place, &[&alter[..], &["--yes"]].concat());
    refused(&altered, 0, &["a key goes to another partition"]);
    let text = described();
    assert!(text.contains("PartitionCount: 8") && text.contains("cleanup.policy=compact"), "{text}");
    assert!(!text.contains("retention.ms"), "{text}");
    refused(&act(cluster, &place, &[&alter[..], &["--yes"]].concat()), 0, &["nothing is to be done"]);
    refused(&act(cluster, &place, &["delete", TOPIC, "--yes"]), 1, &["--confirm acting-heron"]);
    // Brokers make it when the first group asks for its coordinator.
    let consume =
        format!("kafka-console-consumer.sh --bootstrap-server localhost:9092 --topic {TOPIC} --timeout-ms 9000");
    cluster.kubectl(["-n", place[1], "exec", "kafka-0", "--", "sh", "-c", &consume]);
    refused(&act(cluster, &place, &["delete", "__consumer_offsets", "--yes"]), 1, &["Kafka's own"]);
    refused(&act(cluster, &place, &["delete", TOPIC, "--yes", "--confirm", TOPIC]), 0, &["last written to: never"]);
    assert_eq!(described(), "");
}

pub fn through_resources(cluster: &Cluster) {
    if cluster.kubectl(["-n", "messaging", "get", "kafkatopic", "orders"]).code != 0 {
        skip("the flavour strimzi is not installed");
        return;
    }
    let place = ["--installation", "messaging/kafka-cluster"];
    let login = "--bootstrap-server $(hostname).kafka-cluster-kafka-brokers.messaging.svc:9091 --command-config /tmp/admin.properties";
    let described = || described(cluster, "messaging", "kafka-cluster-kafka-pool-0", login);
    cluster.kubectl(["-n", "messaging", "delete", "kafkatopic", TOPIC, "--ignore-not-found", "--timeout=60s"]);
    let create = [
        "create",
        TOPIC,
        "--partitions",
        "2",
        "--replication-factor",
        "3",
        "--config",
        "retention.ms=3600000",
        "--yes",
    ];
    refused(&act(cluster, &place, &create), 0, &["KafkaTopic"]);
    let text = described();
    assert!(text.contains("PartitionCount: 2") && text.contains("retention.ms=3600000"), "{text}");
    refused(&act(cluster, &place, &create), 0, &["is there already with this shape"]);
    let alter = ["alter", TOPIC, "--partitions", "4", "--config", "retention.ms=7200000", "--yes"];
    refused(&act(cluster, &place, &alter), 0, &["spec.config.retention.ms: 7200000"]);
    let text = described();
    assert!(text.contains("PartitionCount: 4") && text.contains("retention.ms=7200000"), "{text}");
    let shape = ["-n", "messaging", "get", "kafkatopic", TOPIC, "-o", "jsonpath={.spec}"];
    let spec: Value = serde_json::from_str(&cluster.kubectl(shape).expect_code(0).stdout).unwrap();
    assert_eq!((spec["partitions"].as_i64(), spec["config"]["retention.ms"].as_i64()), (Some(4), Some(7_200_000)));
    // What the operator cannot do it says, and that is the end of the run.
    let refusal = act(cluster, &place, &["alter", TOPIC, "--config", "min.insync.replicas=0", "--yes"]);
    refused(&refusal, 1, &["the operator says"]);
    refused(&act(cluster, &place, &["alter", TOPIC, "--delete-config", "min.insync.replicas", "--yes"]), 0, &[]);
    refused(&act(cluster, &place, &["delete", TOPIC, "--dry-run"]), 0, &["- KafkaTopic"]);
    let deleting = ["-n", "messaging", "get", "kafkatopic", TOPIC, "-o", "jsonpath={.metadata.deletionTimestamp}"];
    assert_eq!(cluster.kubectl(deleting).expect_code(0).stdout, "", "a rehearsal deletes nothing");
    refused(&act(cluster, &place, &["delete", TOPIC, "--yes", "--confirm", TOPIC]), 0, &["last written to"]);
    assert_eq!(described(), "");
    assert_ne!(cluster.kubectl(["-n", "messaging", "get", "kafkatopic", TOPIC]).code, 0);
}
