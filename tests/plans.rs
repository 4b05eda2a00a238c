//! Every action on every flavour that it differs on: what it says, its steps and gates, its ops as YAML, its commands.
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
        acl::{Acl, Authorizer, Resource},
        config::{Config, ConfigEntry, ConfigSource},
        freshness::{Asked, Kind},
        installation::Condition,
        kubernetes::{Meta, Object},
        strimzi::{KafkaResource, KafkaTopic, ListenerSpec},
        user::{ScramCredential, ScramUser},
    },
    facts::{Body, Fact, KafkaBody},
    plan::kafka::Answer,
};

use cluster::{Cluster, NAME, NAMESPACE, kafka, noon};
use plan::{params, planned};

/// Topic configs as brokers describe them; a name with a value is set on the topic.
fn configs(set: &[(&str, &str)]) -> Answer {
    let known = [
        ("cleanup.policy", "list", "delete", "Whether old segments are deleted or compacted. More follows."),
        ("min.insync.replicas", "int", "1", "How many replicas must have a record."),
        ("retention.ms", "long", "604800000", "How long a record stays before it is deleted. More follows."),
    ];
    let one = |(name, kind, default, meaning): (&str, &str, &str, &str)| {
        let value = set.iter().find(|(set, _)| *set == name);
        let source = if value.is_some() { ConfigSource::DynamicTopic } else { ConfigSource::Default };
        Config {
            entry: ConfigEntry {
                name: name.into(),
                value: Some(value.map_or(default, |(_, value)| value).into()),
                hidden: false,
                source,
            },
            kind: Some(kind.into()),
            documentation: Some(meaning.into()),
            ..Config::default()
        }
    };
    Answer::Configs(known.into_iter().map(one).collect())
}

fn tell(app: &mut App, facts: Vec<Fact>) {
    app.update(Msg::Facts(facts), noon());
    app.update(Msg::Tick, noon());
}

fn scram(name: &str) -> ScramUser {
    let credentials = vec![ScramCredential { mechanism: "SCRAM-SHA-512".into(), iterations: 4096 }];
    ScramUser { name: name.into(), error: None, credentials }
}

/// Three brokers of a StatefulSet, with the user `orders-app`.
fn plain(authorizer: Authorizer) -> App {
    let mut app = Cluster::healthy().app();
    tell(
        &mut app,
        vec![
            kafka(Asked::ScramUsers, None, noon(), KafkaBody::ScramUsers(vec![scram("orders-app")])),
            kafka(Asked::Acls, None, noon(), KafkaBody::Acls(authorizer)),
            kafka(Asked::Quotas, None, noon(), KafkaBody::Quotas(Vec::new())),
        ],
    );
    app
}

fn with_acls() -> Authorizer {
    let acl = |operation: &str| Acl {
        principal: "User:orders-app".into(),
        resource: Resource::Topic,
        name: "orders".into(),
        host: "*".into(),
        operation: operation.into(),
        ..Acl::default()
    };
    Authorizer::Present(vec![acl("Read"), acl("Describe")])
}

fn condition(kind: &str, status: &str, message: Option<&str>) -> Condition {
    Condition { kind: kind.into(), status: status.into(), message: message.map(str::to_owned), ..Condition::default() }
}

/// A KafkaTopic for each, in whichever state.
fn kafka_topic(
    name: &str,
    called: Option<&str>,
    partitions: u32,
    condition: Condition,
    notes: &[(&str, &str)],
) -> KafkaTopic {
    let pairs = |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let kept = notes.iter().filter(|(key, _)| !key.contains("toolkit")).copied().collect::<Vec<_>>();
    let labels = notes.iter().filter(|(key, _)| key.contains("toolkit")).copied();
    KafkaTopic {
        meta: Meta {
            namespace: NAMESPACE.into(),
            name: name.into(),
            uid: format!("uid-{name}"),
            labels: pairs(&labels.chain([("strimzi.io/cluster", NAME)]).collect::<Vec<_>>()),
            annotations: pairs(&kept),
            ..Meta::default()
        },
        api_version: "kafka.strimzi.io/v1".into(),
        topic_name: called.map(str::to_owned),
        partitions: Some(partitions),
        replicas: Some(3),
        config: pairs(&[("retention.ms", "604800000"), ("cleanup.policy", "delete")]),
        generation: Some(4),
        observed_generation: Some(4),
        conditions: vec![condition],
        ..KafkaTopic::default()
    }
}

/// The same brokers made by Strimzi, with operators for topics and users.
fn strimzi(authorization: Option<&str>) -> App {
    let mut app = cluster::strimzi("orders-app", "old-importer");
    let listener = |name: &str, port: u16, tls: bool| ListenerSpec {
        name: name.into(),
        port,
        kind: "internal".into(),
        tls,
        authentication: Some("scram-sha-512".into()),
        own_certificate: false,
    };
    let resource = KafkaResource {
        meta: Meta { namespace: NAMESPACE.into(), name: NAME.into(), uid: "uid-kafka".into(), ..Meta::default() },
        api_version: "kafka.strimzi.io/v1".into(),
        users_in: Some(NAMESPACE.into()),
        topics_in: Some(NAMESPACE.into()),
        authorization: authorization.map(str::to_owned),
        listeners: vec![listener("plain", 9092, false), listener("tls", 9093, true)],
        ..KafkaResource::default()
    };
    let ready = || condition("Ready", "True", None);
    let broken = condition("Ready", "False", Some("Replication factor: 9 larger than available brokers: 3."));
    let flux = [("kustomize.toolkit.fluxcd.io/name", "kafka")];
    let topics = vec![
        kafka_topic("orders", None, 6, ready(), &[]),
        kafka_topic("the-payments", Some("payments"), 12, ready(), &flux),
        kafka_topic("shipments", None, 6, condition("Unmanaged", "True", None), &[("strimzi.io/managed", "false")]),
        kafka_topic("wide", None, 3, broken, &[]),
    ];
    tell(
        &mut app,
        vec![
            Fact::watched(Kind::Kafkas, noon(), Body::Listed(vec![Object::Kafka(Box::new(resource))])),
            Fact::watched(Kind::Topics, noon(), Body::Listed(topics.into_iter().map(Object::Topic).collect())),
        ],
    );
    app
}

const ORDERS_SET: &[(&str, &str)] = &[("retention.ms", "604800000"), ("cleanup.policy", "delete")];

#[test]
fn topics_are_made_by_brokers_where_no_operator_looks_after_them() {
    let app = plain(Authorizer::Absent);
    let row = |pairs: &[(&str, &str)], answers: &[Answer]| planned(&app, "topic.create", &params(pairs), answers);
    let defaults = || configs(&[]);
    let rows = [
        row(
            &[
                ("topic", "invoices"),
                ("partitions", "1"),
                ("replication-factor", "5"),
                ("config", "retention.ms=3600000"),
            ],
            &[defaults()],
        ),
        row(&[("preset", "learnflow")], &[defaults()]),
        row(&[("preset", "demo-messages")], &[defaults()]),
        row(&[("preset", "durable"), ("topic", "ledger")], &[defaults()]),
        row(&[("preset", "compacted"), ("topic", "accounts")], &[defaults()]),
        row(&[("preset", "durable")], &[defaults()]),
        row(
            &[
                ("topic", "orders"),
                ("partitions", "6"),
                ("replication-factor", "3"),
                ("config", "retention.ms=604800000"),
                ("config", "cleanup.policy=delete"),
            ],
            &[defaults(), configs(ORDERS_SET)],
        ),
        row(&[("topic", "orders"), ("partitions", "3")], &[defaults(), configs(ORDERS_SET)]),
        row(&[("topic", "invoices"), ("config", "retension.ms=1")], &[defaults()]),
        row(&[("topic", "invoices"), ("config", "retention.ms=1h")], &[defaults()]),
        row(&[("topic", "__consumer.offsets")], &[defaults()]),
    ];
    insta::assert_snapshot!(rows.join("\n"));
}

#[test]
fn topics_are_declared_where_an_operator_looks_after_them() {
    let app = strimzi(Some("simple"));
    let row = |pairs: &[(&str, &str)], answers: &[Answer]| planned(&app, "topic.create", &params(pairs), answers);
    let rows = [
        row(
            &[
                ("topic", "Invoices_EU"),
                ("partitions", "6"),
                ("replication-factor", "3"),
                ("config", "retention.ms=3600000"),
            ],
            &[configs(&[])],
        ),
        row(
            &[("topic", "orders"), ("partitions", "9"), ("replication-factor", "3")],
            &[configs(&[]), configs(ORDERS_SET)],
        ),
        row(
            &[
                ("topic", "wide"),
                ("partitions", "3"),
                ("replication-factor", "3"),
                ("config", "retention.ms=604800000"),
                ("config", "cleanup.policy=delete"),
            ],
            &[configs(&[])],
        ),
    ];
    insta::assert_snapshot!(rows.join("\n"));
}

#[test]
fn topics_are_altered_where_they_are_kept() {
    let row = |app: &App, pairs: &[(&str, &str)], set: &[(&str, &str)]| {
        planned(app, "topic.alter", &params(pairs), &[configs(set)])
    };
    let (plain, strimzi) = (plain(Authorizer::Absent), strimzi(Some("simple")));
    let rows = [
        row(
            &plain,
            &[
                ("topic", "orders"),
                ("partitions", "12"),
                ("config", "retention.ms=3600000"),
                ("delete-config", "cleanup.policy"),
            ],
            ORDERS_SET,
        ),
        row(&plain, &[("topic", "orders"), ("config", "retention.ms=604800000")], ORDERS_SET),
        row(&plain, &[("topic", "orders"), ("partitions", "3")], ORDERS_SET),
        row(&plain, &[("topic", "orders"), ("replication-factor", "2")], ORDERS_SET),
        row(&plain, &[("topic", "orders"), ("delete-config", "retention")], ORDERS_SET),
        row(&plain, &[("topic", "orders"), ("config", "min.insync.replicas=3")], ORDERS_SET),
        row(&plain, &[("topic", "orders")], ORDERS_SET),
        row(&plain, &[("topic", "order"), ("partitions", "9")], &[]),
        row(&strimzi, &[("topic", "orders"), ("partitions", "12"), ("config", "cleanup.policy=compact")], ORDERS_SET),
        row(&strimzi, &[("topic", "payments"), ("delete-config", "retention.ms")], &[("retention.ms", "-1")]),
        row(&strimzi, &[("topic", "shipments"), ("config", "retention.ms=1000")], &[]),
    ];
    insta::assert_snapshot!(rows.join("\n"));
}

#[test]
fn topics_are_deleted_with_what_would_be_missed() {
    let row =
        |app: &App, topic: &str, answer: Answer| planned(app, "topic.delete", &params(&[("topic", topic)]), &[answer]);
    let (plain, strimzi) = (plain(Authorizer::Absent), strimzi(Some("simple")));
    let at = noon() - cluster::seconds(180);
    let rows = [
        row(&plain, "orders", Answer::LastWrite(Some(at))),
        row(&plain, "shipments", Answer::LastWrite(None)),
        row(&plain, "payments", Answer::Untold("partition 3 has no leader".into())),
        row(&plain, "__consumer_offsets", Answer::LastWrite(None)),
        row(&strimzi, "orders", Answer::LastWrite(Some(at))),
        row(&strimzi, "payments", Answer::LastWrite(None)),
        row(&strimzi, "shipments", Answer::LastWrite(None)),
    ];
    insta::assert_snapshot!(rows.join("\n"));
}

#[test]
fn users_are_made_by_whoever_keeps_them() {
    let row = |app: &App, pairs: &[(&str, &str)]| planned(app, "user.create", &params(pairs), &[]);
    let product =
        [("user", "app"), ("mechanism", "scram-sha-512"), ("producer", "orders"), ("consumer", "orders:app-group")];
    let (open, guarded) = (plain(Authorizer::Absent), plain(with_acls()));
    let (simple, lawless) = (strimzi(Some("simple")), strimzi(None));
    let rows = [
        row(&open, &product),
        row(&guarded, &product),
        row(
            &guarded,
            &[
                ("user", "app"),
                ("mechanism", "scram-sha-256"),
                ("producer-byte-rate", "1048576"),
                ("password-out", "pw"),
            ],
        ),
        row(&guarded, &[("user", "app"), ("mechanism", "tls")]),
        row(&guarded, &[("user", "orders-app")]),
        row(&open, &[("user", "app"), ("viewer", "true")]),
        row(&open, &[("user", "app"), ("acl", "deny:Delete:topic:*")]),
        row(&simple, &product),
        row(&simple, &[("user", "web"), ("mechanism", "tls"), ("admin", "true"), ("consumer-byte-rate", "1024")]),
        row(&simple, &[("user", "app"), ("mechanism", "scram-sha-256")]),
        row(&simple, &[("user", "App_1")]),
        row(&simple, &[("user", "console")]),
        row(&lawless, &product),
        row(&lawless, &[("user", "app"), ("viewer", "true")]),
    ];
    insta::assert_snapshot!(rows.join("\n"));
}

#[test]
fn users_get_another_credential_or_go() {
    let (guarded, simple) = (plain(with_acls()), strimzi(Some("simple")));
    let secret = |uid: Option<&str>| vec![Answer::Secret(uid.map(str::to_owned))];
    let row =
        |app: &App, id: &str, user: &str, answers: &[Answer]| planned(app, id, &params(&[("user", user)]), answers);
    let rows = [
        row(&guarded, "user.rotate", "orders-app", &[]),
        row(&guarded, "user.rotate", "order-app", &[]),
        row(&simple, "user.rotate", "orders-app", &secret(Some("uid-secret"))),
        row(&simple, "user.rotate", "analytics", &secret(Some("uid-secret"))),
        row(&simple, "user.rotate", "ghost", &secret(None)),
        row(&simple, "user.rotate", "old-importer", &[]),
        row(&guarded, "user.delete", "orders-app", &[]),
        row(&simple, "user.delete", "orders-app", &[]),
        row(&simple, "user.delete", "old-importer", &[]),
    ];
    insta::assert_snapshot!(rows.join("\n"));
}
