//! The sandbox's brokers, asked by hand and by the client that asks real ones.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's own helpers fail by panicking")]

#[path = "sandbox_kafka/changes.rs"]
mod changes;
mod common;
#[path = "sandbox_kafka/connections.rs"]
mod connections;
#[path = "sandbox_kafka/messages.rs"]
mod messages;
#[path = "sandbox_kafka/observed.rs"]
mod observed;
#[path = "sandbox_kafka/requests.rs"]
mod requests;

use common::kafka::{group, kafka, topic};
use kafdeck::sandbox::kafka::{Kafka, Protocol, Quota};

/// Three brokers, a topic `orders` of six partitions with 100.9 records each, and three groups that read it.
fn shop() -> Kafka {
    let mut kafka = kafka();
    let mut orders = topic(1, 6, 100.9);
    orders.configs.insert("retention.ms".to_owned(), "3600000".to_owned());
    kafka.topics.insert("orders".to_owned(), orders);
    for (name, protocol, members) in
        [("billing", Protocol::Classic, 2), ("audit", Protocol::Consumer, 1), ("idle", Protocol::Classic, 0)]
    {
        kafka.groups.insert(name.to_owned(), group(protocol, "orders", members, 6, 40.5));
    }
    kafka.security.scram.insert("billing".to_owned(), vec![(2, 8192)]);
    kafka.security.quotas.push(Quota {
        entity: vec![("user".to_owned(), Some("billing".to_owned()))],
        limits: [("producer_byte_rate".to_owned(), 1024.0)].into(),
    });
    kafka
}
