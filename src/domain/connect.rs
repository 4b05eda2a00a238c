//! Kafka Connect: workers, connectors and tasks, as far as they are looked at.
//!
//! A connector's configuration may hold passwords, so no more of it is ever here than its class, its topics, its
//! group and how many tasks it may have.

use serde::{Deserialize, Serialize};

use super::{
    ids::ObjectKey,
    installation::{Evidence, PodPort},
};

/// Workers that share a group, as found in Kubernetes, and why they are taken for one installation's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConnectCluster {
    /// Namespace and name of the workload that owns the workers; of several, the first.
    pub id: ObjectKey,
    /// `group.id`, where it is written out.
    pub group: Option<String>,
    /// Where it looks for its Kafka (`bootstrap.servers`); empty when that is not written out.
    pub bootstrap: Vec<String>,
    /// Its workers, by name; none when the workload has no pods.
    pub workers: Vec<Worker>,
    /// Why it is looked at together with an installation.
    pub tie: Tie,
}

/// Why workers are taken for an installation's, before they have told their Kafka's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tie {
    /// Their bootstrap servers are the installation's.
    Address,
    /// Nothing tells where they look, and the installation is the only one in their namespace.
    Alone,
    /// Nothing tells, and there are others: only their answer can.
    Open,
}

/// A pod that runs a worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Worker {
    /// The pod and the port of its REST interface.
    pub at: PodPort,
    /// The container that is the worker.
    pub container: String,
    /// True when the REST interface is encrypted, as its listeners say.
    pub tls: bool,
    /// What it was taken for a worker for.
    pub evidence: Vec<Evidence>,
}

/// What a worker says of itself (`GET /`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerInfo {
    /// Connect's version.
    pub version: String,
    /// `cluster.id` of the Kafka that it works for.
    pub kafka_cluster_id: Option<String>,
}

/// A connector with its tasks (`GET /connectors?expand=status&expand=info`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connector {
    /// Its name.
    pub name: String,
    /// `source` or `sink`, as the workers say it.
    pub kind: Option<String>,
    /// `connector.class`.
    pub class: Option<String>,
    /// `RUNNING`, `PAUSED`, `FAILED`, `UNASSIGNED`, `STOPPED`, `RESTARTING`; `None` when it could not be read.
    pub state: Option<String>,
    /// The worker it runs on, as `host:port`.
    pub worker: Option<String>,
    /// Why it failed, made safe and cut.
    pub trace: Option<String>,
    /// Its tasks, by id.
    pub tasks: Vec<Task>,
    /// `topics`, or `topics.regex` as it is written.
    pub topics: Vec<String>,
    /// `tasks.max`.
    pub tasks_max: Option<u32>,
    /// The consumer group of a sink.
    pub group: Option<String>,
    /// What of it could not be read.
    pub error: Option<String>,
}

/// A task of a connector.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// Its number.
    pub id: u32,
    /// Its state, as a connector's but never `STOPPED`.
    pub state: String,
    /// The worker it runs on, as `host:port`.
    pub worker: Option<String>,
    /// Why it failed, made safe and cut.
    pub trace: Option<String>,
}

/// A plugin that the workers have (`GET /connector-plugins`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plugin {
    /// Its class.
    pub class: String,
    /// `source` or `sink`.
    pub kind: String,
    /// Its version.
    pub version: Option<String>,
}

/// What is wrong in one line of a trace: its last cause, else its first line.
pub fn cause(trace: &str) -> Option<&str> {
    const CAUSED: &str = "Caused by: ";
    let mut lines = trace.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.clone().next();
    lines.rfind(|line| line.starts_with(CAUSED)).map(|line| &line[CAUSED.len()..]).or(first)
}

/// A cause without the package of its exception: what it says is worth more room than where it is from.
pub fn short_cause(cause: &str) -> &str {
    let end = cause.find([':', ' ']).unwrap_or(cause.len());
    cause[..end].rfind('.').map_or(cause, |dot| &cause[dot + 1..])
}

/// The last part of a class's name.
pub fn short_class(class: &str) -> &str {
    class.rsplit('.').next().unwrap_or(class)
}

impl Connector {
    /// Tasks that have failed.
    pub fn failed_tasks(&self) -> usize {
        self.tasks.iter().filter(|task| task.state == "FAILED").count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_cause_is_what_is_wrong() {
        let trace = "org.apache.kafka.connect.errors.ConnectException: Exiting WorkerSinkTask\n    at a.B.c(B.java:1)\n\
                     Caused by: java.sql.SQLException: no\n    ... 3 more\nCaused by: java.net.ConnectException: refused\n    ... 9 more\n";
        assert_eq!(cause(trace), Some("java.net.ConnectException: refused"));
        assert_eq!(cause("\n java.lang.OutOfMemoryError: heap\n at x"), Some("java.lang.OutOfMemoryError: heap"));
        assert_eq!(cause(" \n"), None);
        assert_eq!(short_cause("java.net.ConnectException: a.b refused"), "ConnectException: a.b refused");
        assert_eq!(short_cause("2 of its tasks cannot be read."), "2 of its tasks cannot be read.");
        assert_eq!(short_class("io.debezium.connector.jdbc.JdbcSinkConnector"), "JdbcSinkConnector");
    }
}
