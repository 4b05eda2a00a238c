//! The sandbox's brokers and real ones, asked the same: their answers have the same shape.
//!
//! `tests/conformance/kafka.json` is what brokers of Kafka 4.1 answered. The sandbox is held against it always; with
//! `--include-ignored` the cluster of `KUBECONFIG` (the testbed's flavour `plain`) is asked again and held against it
//! too. `KAFDECK_UPDATE=1` writes the file from that cluster.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's own helpers fail by panicking")]

#[path = "conformance_kafka/asked.rs"]
mod asked;
#[path = "conformance_kafka/changes.rs"]
mod changes;
mod common;
#[path = "conformance_kafka/real.rs"]
mod real;
#[path = "conformance_kafka/shape.rs"]
mod shape;

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::PathBuf,
};

use asked::{AUTHORIZED, Answers, CLASSIC, CONSUMER, EMPTY, TOPIC, USER};
use common::kafka::{Cluster, group, kafka, topic};
use kafdeck::sandbox::{
    broker::OFFERED,
    kafka::{Kafka, Protocol, Quota},
};
use serde_json::Value;

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/kafka.json")
}

/// What real brokers answered when they were asked last.
fn recorded() -> Answers {
    let text = fs::read_to_string(path()).unwrap();
    let mut document: BTreeMap<String, Value> = serde_json::from_str(&text).unwrap();
    Answers {
        offered: serde_json::from_value(document.remove("offered").unwrap()).unwrap(),
        shapes: serde_json::from_value(document.remove("shapes").unwrap()).unwrap(),
    }
}

fn record(answers: &Answers) {
    let document = serde_json::json!({ "offered": answers.offered, "shapes": answers.shapes });
    fs::write(path(), serde_json::to_string_pretty(&document).unwrap() + "\n").unwrap();
}

/// The sandbox with what the real cluster is given for this.
fn model() -> Kafka {
    let mut kafka = kafka();
    for (name, value) in [("num.partitions", "3"), ("default.replication.factor", "3")] {
        kafka.defaults.insert(name.to_owned(), value.to_owned());
    }
    let mut orders = topic(1, 3, 10.0);
    orders.configs.insert("retention.ms".to_owned(), "3600000".to_owned());
    kafka.topics.insert(TOPIC.to_owned(), orders);
    for (name, protocol, members) in
        [(CLASSIC, Protocol::Classic, 1), (CONSUMER, Protocol::Consumer, 1), (EMPTY, Protocol::Classic, 0)]
    {
        kafka.groups.insert(name.to_owned(), group(protocol, TOPIC, members, 3, 10.0));
    }
    kafka.security.scram.insert(USER.to_owned(), vec![(2, 4096)]);
    kafka.security.quotas.push(Quota {
        entity: vec![("user".to_owned(), Some(USER.to_owned()))],
        limits: [("producer_byte_rate".to_owned(), 1_048_576.0)].into(),
    });
    kafka
}

/// Every difference, as `case: path: expected, found`.
fn differences(expected: &Answers, found: &Answers) -> Vec<String> {
    let names = expected.shapes.keys().chain(found.shapes.keys()).collect::<BTreeSet<_>>();
    let of_case = |name: &String| {
        let of = |answers: &Answers| answers.shapes.get(name).cloned().unwrap_or_default();
        shape::differences(name, &of(expected), &of(found))
    };
    names.into_iter().flat_map(of_case).collect()
}

#[tokio::test]
async fn the_sandbox_answers_as_real_brokers_did() {
    let cluster = Cluster::new(model());
    let found = asked::ask_all(&cluster).await;
    let expected = recorded();
    let different = differences(&expected, &found);
    assert!(different.is_empty(), "the sandbox answers otherwise:\n{}", different.join("\n"));
    for (key, min, max) in OFFERED {
        let (oldest, newest) = expected.offered[&format!("{key:?}")];
        assert!(oldest <= min && max <= newest, "{key:?} {min} to {max} is not within {oldest} to {newest}");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "asks the brokers of the cluster that KUBECONFIG leads to, with the flavour plain"]
async fn real_brokers_answer_as_they_did() {
    let Some(real) = real::Real::prepare().await else { panic!("no cluster in KUBECONFIG") };
    let found = asked::ask_all(&real).await;
    let authorized = found.shapes.keys().any(|case| case.starts_with(AUTHORIZED));
    if env::var_os("KAFDECK_UPDATE").is_some() {
        assert!(authorized, "install the flavour strimzi, too: its brokers have an authorizer");
        return record(&found);
    }
    let mut expected = recorded();
    // The flavour with an authorizer may not be installed.
    expected.shapes.retain(|case, _| authorized || !case.starts_with(AUTHORIZED));
    let different = differences(&expected, &found);
    assert!(different.is_empty(), "real brokers answer otherwise than recorded:\n{}", different.join("\n"));
}
