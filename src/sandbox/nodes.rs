//! What the API server passes on to nodes: streams to ports of pods, logs, and volume statistics.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::Value;
use tokio::{io::DuplexStream, sync::watch};

/// A line that a container wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// Its number, which goes on over the container's life and never comes again.
    pub number: u64,
    /// When it was written.
    pub at: DateTime<Utc>,
    /// What.
    pub text: Arc<str>,
}

/// The nodes of a cluster, as its API server sees them.
pub trait Nodes: Send + Sync + 'static {
    /// Connects to a port of a running pod; the error is in the kubelet's words.
    fn dial(&self, namespace: &str, pod: &str, port: u16) -> Result<DuplexStream, String>;

    /// Lines of a pod's container from a number on, oldest first; the error is in the kubelet's words.
    fn log(&self, namespace: &str, pod: &str, previous: bool, from: u64) -> Result<Vec<LogLine>, String>;

    /// Tells whenever a container has written something or has ended.
    fn log_changes(&self) -> watch::Receiver<u64>;

    /// A node's `/stats/summary`, if there is such a node and it answers.
    fn summary(&self, node: &str) -> Option<Value>;
}
