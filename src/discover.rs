//! Recognition: which pods are Kafka brokers, what they belong to, and which pod stands behind an address.
//!
//! Nothing is recognised by its name or by a label alone. A container is judged by what it runs, what it is
//! configured with and what it offers ([`score`]); broker pods are grouped by what owns them
//! ([`installations`]), each flavour in a file of its own; what brokers advertise is traced back to pods
//! ([`addresses`]); and what declares listeners and users tells the ways in (`ways`), of which one is gone ([`choice`]). All of it is
//! a pure function of Kubernetes objects. It does not ask a broker anything: that is `io`'s part, and what a
//! broker answers counts more than any score.
//!
//! A new flavour is a file of its own beside `plain` and a row in `domain::installation::Flavour`.

pub mod addresses;
mod bitnami;
pub mod choice;
mod confluent;
mod connect;
mod image;
pub mod installations;
mod koperator;
mod plain;
mod ports;
mod program;
pub mod score;
mod settings;
mod strimzi;
#[cfg(test)]
mod tests;
mod ways;

pub use addresses::address_book;
pub use choice::{Choice, choose};
pub use installations::{Objects, installations};
pub use ports::metrics_port;
pub use score::{BROKER, CANDIDATE, score};

use std::collections::BTreeMap;

use crate::domain::kubernetes::Service;

/// True when the service, in the same namespace, would send traffic to a pod with these labels.
fn selects(service: &Service, namespace: &str, labels: &BTreeMap<String, String>) -> bool {
    service.meta.namespace == namespace
        && !service.selector.is_empty()
        && service.selector.iter().all(|(key, value)| labels.get(key) == Some(value))
}
