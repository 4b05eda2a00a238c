//! Actions on data on every flavour that they differ on: what each says, its steps and gates, its ops as YAML, its
//! commands.
//!
//! A row is an App that was told facts, an action with what it is told, and the answers that were asked for.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a plan that cannot be made is a failed test")]

#[path = "screens/cluster.rs"]
#[expect(dead_code, reason = "screens use the rest")]
mod cluster;
#[path = "common/plan.rs"]
mod plan;

use kafdeck::{
    app::{App, Msg},
    domain::{
        config::{Config, ConfigEntry, ConfigSource},
        freshness::{Asked, Kind},
        ids::BrokerId,
        kubernetes::{Claim, Meta, Object},
        placement::Class,
        strimzi::{KafkaResource, NodePool},
        topic::Moving,
    },
    facts::{Body, Fact, KafkaBody},
    plan::kafka::{Answer, MoveUnderWay, OffsetRow, PartitionRef},
};
use serde_json::json;

use cluster::{Cluster, NAME, NAMESPACE, kafka, noon};

fn planned(app: &App, id: &str, pairs: &[(&str, &str)], answers: &[Answer]) -> String {
    plan::planned(app, id, &plan::params(pairs), answers)
}

fn tell(app: &mut App, facts: Vec<Fact>) {
    app.update(Msg::Facts(facts), noon());
    app.update(Msg::Tick, noon());
}

fn classes(grows: bool) -> Fact {
    let meta = Meta { name: "standard".into(), ..Meta::default() };
    let class = Class { meta, provisioner: "x/y".into(), allows_expansion: grows, ..Class::default() };
    Fact::watched(Kind::Classes, noon(), Body::Listed(vec![Object::Class(class)]))
}

fn plain() -> App {
    let mut app = Cluster::healthy().app();
    tell(
        &mut app,
        vec![classes(true), kafka(Asked::Reassignments, None, noon(), KafkaBody::Reassignments(Vec::new()))],
    );
    app
}

fn of(topic: &str, partition: i32) -> PartitionRef {
    PartitionRef { topic: topic.into(), partition }
}

fn row(partition: i32, committed: Option<i64>, target: i64) -> OffsetRow {
    OffsetRow { of: of("orders", partition), committed, start: 90_000, end: 100_000, target, failed: None }
}

#[test]
fn offsets_are_reset_with_what_is_read_again_and_what_is_skipped() {
    let app = plain();
    let reset = |group: &str, to: &str, more: &[(&str, &str)], rows: Vec<OffsetRow>| {
        let pairs: Vec<_> = [("group", group), ("to", to)].into_iter().chain(more.iter().copied()).collect();
        planned(&app, "offsets.reset", &pairs, &[Answer::Offsets(rows)])
    };
    let lost = || OffsetRow { failed: Some("no leader is elected".into()), ..row(2, Some(95_000), 0) };
    let rows = [
        reset("nightly-export", "earliest", &[], vec![row(0, Some(100_000), 90_000), row(1, Some(90_000), 90_000)]),
        reset("nightly-export", "latest", &[], vec![row(0, Some(95_000), 100_000), row(1, Some(10), 100_000)]),
        reset("nightly-export", "by=10", &[], vec![row(0, Some(95_000), 95_010), lost()]),
        reset("nightly-export", "by=10", &[("leave-out", "true")], vec![row(0, Some(95_000), 95_010), lost()]),
        reset("nightly-export", "-10m", &[], vec![row(0, Some(95_000), 95_000)]),
        reset("orders-app", "latest", &[], vec![row(0, Some(95_000), 100_000)]),
        reset("to-come", "latest", &[], Vec::new()),
        reset("to-come", "earliest", &[("topic", "orders")], vec![row(0, None, 90_000)]),
    ];
    insta::assert_snapshot!(rows.join("\n"));
}

#[test]
fn leaders_are_elected_where_the_preferred_one_is_in_sync() {
    let mut app = plain();
    let balanced = planned(&app, "leaders.elect", &[], &[]);
    let mut cluster = Cluster::healthy();
    for partition in &mut cluster.topics[0].partitions {
        if partition.leader == Some(BrokerId(1)) {
            partition.leader = Some(BrokerId(2));
        }
    }
    cluster.topics[2].partitions[0].leader = Some(BrokerId(1));
    cluster.topics[2].partitions[0].isr = vec![BrokerId(1), BrokerId(2)];
    let facts = cluster.answers(noon());
    tell(&mut app, facts);
    let rows = [
        balanced,
        planned(&app, "leaders.elect", &[], &[]),
        planned(&app, "leaders.elect", &[("topic", "shipments")], &[]),
        planned(&app, "leaders.elect", &[("topic", "x")], &[]),
    ];
    insta::assert_snapshot!(rows.join("\n"));
}

fn under_way() -> Answer {
    let ids = |ids: &[i32]| ids.iter().copied().map(BrokerId).collect();
    Answer::Reassignments(vec![MoveUnderWay {
        of: of("orders", 0),
        replicas: ids(&[2, 0, 1]),
        adding: ids(&[2]),
        removing: ids(&[0]),
    }])
}

#[test]
fn moves_are_cancelled_slowed_down_and_let_go() {
    let mut app = plain();
    let none = || Answer::Reassignments(Vec::new());
    let mut rows = vec![
        planned(&app, "reassignment.cancel", &[], &[none()]),
        planned(&app, "reassignment.cancel", &[], &[under_way()]),
        planned(&app, "reassignment.cancel", &[("topic", "payments")], &[under_way()]),
        planned(&app, "reassignment.throttle", &[("rate", "20Mi")], &[none()]),
        planned(&app, "reassignment.throttle", &[("rate", "20Mi")], &[under_way()]),
        planned(&app, "reassignment.throttle", &[("rate", "20Mi"), ("off", "true")], &[under_way()]),
        planned(&app, "reassignment.throttle", &[], &[under_way()]),
        planned(&app, "reassignment.throttle", &[("off", "true")], &[none()]),
    ];
    let entry = |name: &str, value: &str, source| ConfigEntry {
        name: name.into(),
        value: Some(value.into()),
        hidden: false,
        source,
    };
    let rate = entry("leader.replication.throttled.rate", "1000", ConfigSource::DynamicBroker);
    let slowed = KafkaBody::BrokerConfigs(vec![Config { entry: rate, ..Config::default() }]);
    let mut config = cluster::config("orders", &[]);
    config.entries.push(entry("follower.replication.throttled.replicas", "0:2", ConfigSource::DynamicTopic));
    tell(
        &mut app,
        vec![
            kafka(Asked::BrokerConfigs, Some(1), noon(), slowed),
            kafka(Asked::TopicConfigs, None, noon(), KafkaBody::TopicConfigs(vec![config])),
        ],
    );
    rows.push(planned(&app, "reassignment.throttle", &[("off", "true")], &[none()]));
    insta::assert_snapshot!(rows.join("\n"));
}

#[test]
fn a_broker_is_drained_onto_those_that_have_least() {
    let none = || [Answer::Reassignments(Vec::new())];
    let mut app = plain();
    let full = planned(&app, "broker.drain", &[("broker", "1")], &none());
    let mut cluster = Cluster::healthy();
    for (at, partition) in cluster.topics[2].partitions.iter_mut().enumerate() {
        let ids = [BrokerId(1), BrokerId(i32::from(at % 2 == 1) * 2)];
        (partition.replicas, partition.isr, partition.leader) = (ids.to_vec(), ids.to_vec(), Some(ids[0]));
    }
    tell(&mut app, cluster.answers(noon()));
    let topic = ("topic", "shipments");
    let rows = [
        full,
        planned(&app, "broker.drain", &[("broker", "1"), topic], &none()),
        planned(&app, "broker.drain", &[("broker", "1"), topic, ("throttle", "1Ki")], &none()),
        planned(&app, "broker.drain", &[("broker", "1"), topic], &[under_way()]),
        planned(&app, "broker.drain", &[("broker", "7")], &none()),
        planned(&app, "broker.drain", &[("broker", "1"), ("topic", "x")], &none()),
    ];
    insta::assert_snapshot!(rows.join("\n"));
}

#[test]
fn a_move_under_way_is_no_missing_replica() {
    let mut app = plain();
    let mut cluster = Cluster::healthy();
    let ids = |ids: &[i32]| ids.iter().copied().map(BrokerId).collect::<Vec<_>>();
    cluster.topics[0].partitions[0].replicas = ids(&[3, 0, 1, 2]);
    tell(&mut app, cluster.answers(noon()));
    let counts = |app: &App| app.reading().unwrap().partition_counts().unwrap();
    assert_eq!((counts(&app).under_replicated, counts(&app).reassigning), (1, Some(0)));
    let moving = Moving {
        topic: "orders".into(),
        partition: 0,
        replicas: ids(&[3, 0, 1, 2]),
        adding: ids(&[3]),
        removing: ids(&[2]),
    };
    tell(&mut app, vec![kafka(Asked::Reassignments, None, noon(), KafkaBody::Reassignments(vec![moving]))]);
    assert_eq!((counts(&app).under_replicated, counts(&app).reassigning), (0, Some(1)));
}

/// The same brokers made by Strimzi: each claim is of one node pool.
fn strimzi() -> App {
    let mut app = cluster::strimzi("orders-app", "old-importer");
    let meta = |name: &str, labels: &[(&str, &str)]| Meta {
        namespace: NAMESPACE.into(),
        name: name.into(),
        uid: format!("uid-{name}"),
        labels: labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
        ..Meta::default()
    };
    let resource =
        KafkaResource { meta: meta(NAME, &[]), api_version: "kafka.strimzi.io/v1".into(), ..KafkaResource::default() };
    let pool = NodePool {
        meta: meta("pool", &[("strimzi.io/cluster", NAME), ("kustomize.toolkit.fluxcd.io/name", "kafka")]),
        api_version: "kafka.strimzi.io/v1".into(),
        replicas: Some(3),
        node_ids: (0..3).map(BrokerId).collect(),
        ..NodePool::default()
    };
    let claim = |id: i32| Claim {
        meta: meta(&format!("data-{NAME}-{id}"), &[("strimzi.io/pool-name", "pool")]),
        phase: "Bound".into(),
        class: Some("standard".into()),
        requested_bytes: Some(10 << 30),
        capacity_bytes: Some(10 << 30),
        ..Claim::default()
    };
    tell(
        &mut app,
        vec![
            classes(true),
            Fact::watched(Kind::Kafkas, noon(), Body::Listed(vec![Object::Kafka(Box::new(resource))])),
            Fact::watched(Kind::NodePools, noon(), Body::Listed(vec![Object::NodePool(pool)])),
            Fact::watched(Kind::Claims, noon(), Body::Listed((0..3).map(claim).map(Object::Claim).collect())),
        ],
    );
    app
}

#[test]
fn a_claim_grows_by_itself_or_in_its_pool() {
    let app = plain();
    let name = format!("data-{NAME}-0");
    let expand = |app: &App, size: &str, answer: Option<serde_json::Value>| {
        let answers = [Answer::Object(Some(vec![answer]))];
        planned(app, "pvc.expand", &[("claim", &name), ("size", size)], &answers)
    };
    let ten = || Some(json!("10Gi"));
    let mut stiff = plain();
    tell(&mut stiff, vec![classes(false)]);
    let by_operator = strimzi();
    let storage = json!({"type": "persistent-claim", "size": "10Gi", "deleteClaim": false});
    let rows = [
        expand(&app, "20Gi", ten()),
        expand(&app, "10Gi", ten()),
        expand(&app, "9Gi", ten()),
        expand(&app, "20Gi", None),
        expand(&stiff, "20Gi", ten()),
        expand(&by_operator, "20Gi", Some(storage)),
        expand(&by_operator, "20Gi", Some(json!({"type": "ephemeral"}))),
    ];
    insta::assert_snapshot!(rows.join("\n"));
}

#[test]
fn a_connector_is_asked_of_its_workers_or_declared() {
    let app = cluster::connect();
    let all: Vec<String> = app.shown.as_ref().unwrap().connectors.iter().map(|c| c.name.clone()).collect();
    let mut rows = Vec::new();
    for id in ["connector.restart", "connector.pause", "connector.resume"] {
        rows.extend(all.iter().map(|name| planned(&app, id, &[("connector", name)], &[])));
    }
    let name = all[0].as_str();
    rows.push(planned(&app, "connector.restart", &[("connector", name), ("tasks", "all")], &[]));
    // Where a KafkaConnector answers it is what is changed.
    let declared = || [Answer::Object(Some(vec![Some(json!("running")), None]))];
    rows.push(planned(&app, "connector.restart", &[("connector", name), ("tasks", "all")], &declared()));
    rows.push(planned(&app, "connector.pause", &[("connector", name)], &declared()));
    rows.push(planned(&app, "connector.pause", &[("connector", "x")], &[]));
    rows.push(planned(&plain(), "connector.pause", &[("connector", "x")], &[]));
    insta::assert_snapshot!(rows.join("\n"));
}

#[test]
fn a_broker_is_rebuilt_where_others_hold_all_that_it_does() {
    let app = plain();
    let mut crashed = Cluster::crash_looping().app();
    tell(&mut crashed, vec![kafka(Asked::Reassignments, None, noon(), KafkaBody::Reassignments(Vec::new()))]);
    let mut alone = plain();
    let mut cluster = Cluster::healthy();
    let only = vec![BrokerId(1)];
    (cluster.topics[2].partitions[3].replicas, cluster.topics[2].partitions[3].isr) = (only.clone(), only);
    cluster.topics[2].partitions[3].leader = Some(BrokerId(1));
    tell(&mut alone, cluster.answers(noon()));
    let rows = [
        planned(&app, "broker.rebuild", &[("broker", "1")], &[]),
        planned(&crashed, "broker.rebuild", &[("broker", "0")], &[]),
        planned(&alone, "broker.rebuild", &[("broker", "1")], &[]),
        planned(&app, "broker.rebuild", &[("broker", "7")], &[]),
        planned(&strimzi(), "broker.rebuild", &[("broker", "1")], &[]),
    ];
    insta::assert_snapshot!(rows.join("\n"));
}
