//! A sandbox with an installation that stands still, and a client for it.
#![allow(dead_code, reason = "each suite uses its part")]

use std::sync::{Arc, Mutex};

use chrono::{DateTime, TimeDelta, Utc};
use kafdeck::{
    clock::Clock,
    io::connect::in_memory,
    sandbox::{
        api::ApiServer,
        nodes::{LogLine, Nodes},
        objects::{self, Brokers, Node, Place, PodState},
        store::Store,
    },
    task,
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream},
    sync::watch,
};
use tokio_util::sync::CancellationToken;

/// Namespace of the installation.
pub const NAMESPACE: &str = "the-project";

/// Everything that stands.
pub struct Sandbox {
    pub store: Arc<Store>,
    pub server: Arc<ApiServer>,
    pub nodes: Arc<StillNodes>,
    pub clock: Clock,
    pub client: kube::Client,
    pub cancel: CancellationToken,
}

/// Nodes that do nothing of themselves: port 9092 echoes, every other port refuses, and logs are as they are written.
pub struct StillNodes {
    lines: Mutex<Vec<LogLine>>,
    written: watch::Sender<u64>,
    cancel: CancellationToken,
}

impl StillNodes {
    /// Writes a line into every log.
    pub fn write(&self, at: DateTime<Utc>, text: &str) {
        let mut lines = self.lines.lock().unwrap();
        let number = lines.len() as u64;
        lines.push(LogLine { number, at, text: text.into() });
        self.written.send_replace(number + 1);
    }
}

impl Nodes for StillNodes {
    fn dial(&self, _: &str, pod: &str, port: u16) -> Result<DuplexStream, String> {
        if port != 9092 {
            let why = format!("dial tcp4 127.0.0.1:{port}: connect: connection refused");
            return Err(format!("error forwarding port {port} to pod {pod}, uid : {why}"));
        }
        let (mut near, far) = tokio::io::duplex(1024);
        task::spawn("echo", &self.cancel, async move {
            let mut buffer = [0; 256];
            while let Ok(length @ 1..) = near.read(&mut buffer).await {
                if near.write_all(&buffer[..length]).await.is_err() {
                    return;
                }
            }
        });
        Ok(far)
    }

    fn log(&self, _: &str, pod: &str, previous: bool, from: u64) -> Result<Vec<LogLine>, String> {
        if previous {
            return Err(format!("previous terminated container \"kafka-broker\" in pod \"{pod}\" not found"));
        }
        let lines = self.lines.lock().unwrap();
        Ok(lines.iter().filter(|line| line.number >= from).cloned().collect())
    }

    fn log_changes(&self) -> watch::Receiver<u64> {
        self.written.subscribe()
    }

    fn summary(&self, node: &str) -> Option<Value> {
        (node != "node-3").then(|| json!({"node": {"nodeName": node}, "pods": []}))
    }
}

/// A healthy installation of three brokers.
pub fn sandbox() -> Sandbox {
    let cancel = CancellationToken::new();
    let start = DateTime::from_timestamp(1_767_225_600, 0).unwrap();
    let clock = Clock::with_timers(start);
    let store = Arc::new(Store::new(clock.clone()));
    fill(&store, start);
    let written = watch::Sender::new(0);
    let nodes = Arc::new(StillNodes { lines: Mutex::default(), written, cancel: cancel.clone() });
    for second in 0..5 {
        nodes.write(start + TimeDelta::seconds(second), &format!("line {second}"));
    }
    let seen: Arc<dyn Nodes> = nodes.clone();
    let server = ApiServer::new(Arc::clone(&store), seen, clock.clone(), &cancel).lacking("prometheusrules");
    let server = Arc::new(server);
    let client = client(&server);
    Sandbox { store, server, nodes, clock, client, cancel }
}

/// Puts the objects of the installation into a store.
fn fill(store: &Store, now: DateTime<Utc>) {
    store.put("namespaces", objects::namespace("default"));
    store.put("namespaces", objects::namespace(NAMESPACE));
    store.put("storageclasses", objects::storage_class("local", true));
    for index in 1..=3 {
        let (name, zone, ip) = (format!("node-{index}"), format!("zone-{index}"), format!("10.0.0.{index}"));
        let node = Node {
            name: &name,
            zone: &zone,
            ip: &ip,
            ready: Some(true),
            ready_since: now,
            heard: now,
            schedulable: true,
        };
        store.put("nodes", objects::node(&node));
    }
    let brokers = Brokers {
        namespace: NAMESPACE,
        name: "kafka",
        headless: "kafka-headless",
        replicas: 3,
        image: "docker.io/apache/kafka:4.1.2",
        cluster_id: "4L6g3nShT-eMCtK--X86sw",
        class: "local",
        storage: "512Mi",
        replication: (3, 2),
        update: "OnDelete",
        super_users: None,
    };
    let labels = brokers.labels();
    let ports = [("broker", 9092, None), ("controller", 9093, None), ("metrics", 9404, None)];
    store.put("services", objects::service(NAMESPACE, "kafka-headless", None, &labels, &ports));
    let port = [("broker", 9092, Some("kafka"))];
    store.put("services", objects::service(NAMESPACE, "kafka", Some("10.96.0.7"), &labels, &port));
    store.put("poddisruptionbudgets", objects::disruption_budget(NAMESPACE, "kafka", &labels, 1, (3, 3), now));
    let authority = json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"ca.crt": "…"},
        "metadata": {"name": "kube-root-ca.crt", "namespace": NAMESPACE, "annotations": {"a": "b"}}});
    store.put("configmaps", authority);
    fill_pods(store, &brokers, now);
}

/// The StatefulSet, its pods and their claims.
fn fill_pods(store: &Store, brokers: &Brokers<'_>, now: DateTime<Utc>) {
    let set = Value::clone(&store.put("statefulsets", objects::stateful_set(brokers)));
    for index in 0..brokers.replicas {
        let (node, ip) = (format!("node-{}", index + 1), format!("10.1.{index}.5"));
        let claim = store
            .put("persistentvolumeclaims", objects::claim_of(&set, &set["spec"]["volumeClaimTemplates"][0], index));
        let claim = store.put("persistentvolumeclaims", objects::bound(Value::clone(&claim), &node));
        store.put("persistentvolumes", objects::volume(&claim, &node, now));
        let mut pod = objects::pod_of(&set, index);
        objects::bind(&mut pod, &node);
        let mut pod = Value::clone(&store.put("pods", pod));
        let state = PodState::Running { since: now, ready: (true, now), restarts: 0, last: None };
        let place = Place { node_ip: "10.0.0.1", pod_ip: Some(&ip), since: now };
        pod["status"] = objects::pod_status(&pod, &state, &place);
        let pod = store.put("pods", pod);
        let about = objects::event(&pod, "Normal", "Started", "Started container", "kubelet", index as u64, now);
        store.put("events", about);
    }
    let revision = objects::revision(&set);
    store.change("statefulsets", NAMESPACE, "kafka", |set| {
        let counts = objects::Replicas { all: 3, ready: 3, current: 3, updated: 3 };
        set["status"] = objects::stateful_set_status(set, counts, &revision, &revision);
    });
}

/// A client of the server.
pub fn client(server: &Arc<ApiServer>) -> kube::Client {
    let server = Arc::clone(server);
    in_memory::client(move || server.connect())
}
