//! The sandbox's nodes: what the API server reaches through them.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use tokio::{io::DuplexStream, sync::watch};
use tokio_util::sync::CancellationToken;

use crate::task;

use super::{
    beside::Neighbours,
    broker::Brokers,
    connect::Connect,
    demo, exporter,
    kafka::{Kafka, Process},
    logs::Logs,
    nodes::{LogLine, Nodes},
    simulation,
    store::Store,
};

/// Bytes under way in a forwarded stream, each way.
const WINDOW: usize = 64 << 10;

/// The port on which the shop's brokers tell metrics.
const METRICS: u16 = 9404;

/// All nodes.
pub struct Machines {
    /// Objects, to see which pods run.
    pub store: Arc<Store>,
    /// The Kafka, to see which processes do.
    pub kafka: Arc<Mutex<Kafka>>,
    /// Who answers on the brokers' ports.
    pub brokers: Arc<Brokers>,
    /// Who answers on the port of Connect's workers.
    pub connect: Arc<Connect>,
    /// Who answers in installations beside the shop's.
    pub neighbours: Arc<Neighbours>,
    /// What containers wrote.
    pub logs: Arc<Logs>,
    /// Ends every stream.
    pub cancel: CancellationToken,
}

impl Machines {
    /// A connection to a broker.
    fn served(&self, id: i32, brokers: Brokers) -> DuplexStream {
        let (ours, theirs) = tokio::io::duplex(WINDOW);
        task::spawn("sandbox broker", &self.cancel, async move { brokers.serve(id, ours).await });
        theirs
    }

    /// A connection to a broker's metrics port.
    fn told(&self, id: i32, kafka: Arc<Mutex<Kafka>>) -> DuplexStream {
        let (ours, theirs) = tokio::io::duplex(WINDOW);
        task::spawn("sandbox exporter", &self.cancel, async move { exporter::serve(kafka, id, ours).await });
        theirs
    }
}

impl Nodes for Machines {
    fn dial(&self, namespace: &str, pod: &str, port: u16) -> Result<DuplexStream, String> {
        let refused = || format!("dial tcp4 127.0.0.1:{port}: connect: connection refused");
        self.store.get("pods", namespace, pod).ok_or_else(refused)?;
        if let Some((id, brokers)) = self.neighbours.listening(namespace, pod, port) {
            return Ok(self.served(id, brokers));
        }
        if exporter::PORTS.contains(&port)
            && let Some((id, kafka)) = self.neighbours.telling(namespace, pod)
        {
            return Ok(self.told(id, kafka));
        }
        if namespace != demo::NAMESPACE {
            return Err(refused());
        }
        let kafka = self.kafka.lock().unwrap_or_else(PoisonError::into_inner);
        if Connect::listens(pod, port) {
            let (ours, theirs) = tokio::io::duplex(WINDOW);
            let (connect, id) = (Arc::clone(&self.connect), kafka.cluster_id.clone());
            task::spawn("sandbox worker", &self.cancel, async move { connect.serve(ours, &id).await });
            return Ok(theirs);
        }
        let listens = |id: i32, process: Process| demo::pod(id) == pod && process != Process::Down;
        let broker = kafka.brokers.values().find(|b| listens(b.id, b.process)).ok_or_else(refused)?;
        match port {
            port if port == broker.port => Ok(self.served(broker.id, Brokers::clone(&self.brokers))),
            METRICS => Ok(self.told(broker.id, Arc::clone(&self.kafka))),
            _ => Err(refused()),
        }
    }

    fn log(&self, namespace: &str, pod: &str, previous: bool, from: u64) -> Result<Vec<LogLine>, String> {
        if namespace != demo::NAMESPACE {
            return Ok(Vec::new());
        }
        self.logs.read(pod, previous, from)
    }

    fn log_changes(&self) -> watch::Receiver<u64> {
        self.logs.changes()
    }

    fn summary(&self, node: &str) -> Option<Value> {
        let kafka = self.kafka.lock().unwrap_or_else(PoisonError::into_inner);
        simulation::summary(&self.store, &kafka, node)
    }
}
