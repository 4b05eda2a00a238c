//! Installations beside the shop's, as the operators of Confluent and Koperator leave them, or somebody's manifests.
//!
//! Their objects stand as they are: no controller keeps them, and nobody writes to their Kafkas. Their brokers answer
//! through port-forwards as the shop's do, are fenced when they are frozen, and lead no less. What operators leave
//! besides (their resources, ConfigMaps, Secrets) is left out. Labels, owners and ports are those of Confluent for
//! Kubernetes (`co-plan-network`) and of Koperator's `KafkaCluster`; a script says which of them there are.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::clock::Clock;

use super::{
    broker::Brokers,
    controller::Controller,
    demo::{self, TopicRow},
    kafka::{Broker, Changes, Kafka, LogDir, Meters, Process, Security},
    kubelet::node_of,
    objects::{self, Claim, Place, PodState, stamp},
    store::Store,
};

/// Pods of each part.
const PODS: usize = 3;
/// Bytes of each volume.
const VOLUME: u64 = 4 << 30;
/// What there is to read.
const TOPICS: [TopicRow; 2] = [("clicks", 6, 3, 0.0, 400.0, 4e6, &[]), ("profiles", 3, 3, 0.0, 900.0, 1e6, &[])];

/// Whose work an installation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Flavour {
    /// Confluent for Kubernetes: a StatefulSet of a `Kafka` resource, and one of a `KRaftController`.
    Confluent,
    /// Koperator: bare pods of a `KafkaCluster`.
    Koperator,
    /// A StatefulSet of somebody's own manifests.
    StatefulSet,
}

/// An installation beside the shop's.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Beside {
    /// Whose work it is.
    pub flavour: Flavour,
    /// Its namespace, which is not the shop's.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// One of them, and its brokers.
struct Neighbour {
    of: Beside,
    kafka: Arc<Mutex<Kafka>>,
    brokers: Brokers,
    controller: Mutex<Controller>,
}

/// All of them.
#[derive(Default)]
pub struct Neighbours(Vec<Neighbour>);

impl Neighbours {
    /// Those of a script; `changed` tells their brokers that something is other than before.
    pub fn new(beside: &[Beside], changed: &watch::Receiver<u64>, clock: &Clock) -> Self {
        let neighbour = |of: &Beside| {
            let kafka = Arc::new(Mutex::new(of.kafka()));
            let brokers = Brokers::new(Arc::clone(&kafka), changed.clone(), clock.clone());
            Neighbour { of: of.clone(), kafka, brokers, controller: Mutex::default() }
        };
        Self(beside.iter().map(neighbour).collect())
    }

    /// Puts their objects into the store.
    pub fn install(&self, store: &Store, at: DateTime<Utc>) {
        for neighbour in &self.0 {
            Install { store, of: &neighbour.of, at }.all();
        }
    }

    /// The broker that listens on a port of a pod.
    pub fn listening(&self, namespace: &str, pod: &str, port: u16) -> Option<(i32, Brokers)> {
        let mut here = self.0.iter().filter(|n| n.of.namespace == namespace && n.of.port() == port);
        let of = |n: &Neighbour| {
            let id = (0..PODS).find(|id| n.of.pod(*id) == pod)? as i32;
            (lock(&n.kafka).brokers.get(&id)?.process != Process::Down).then(|| (id, n.brokers.clone()))
        };
        here.find_map(of)
    }

    /// The broker that runs in a pod, whose metrics can be told.
    pub fn telling(&self, namespace: &str, pod: &str) -> Option<(i32, Arc<Mutex<Kafka>>)> {
        let mut here = self.0.iter().filter(|n| n.of.namespace == namespace);
        let of = |n: &Neighbour| {
            let id = (0..PODS).find(|id| n.of.pod(*id) == pod)? as i32;
            (lock(&n.kafka).brokers.get(&id)?.process != Process::Down).then(|| (id, Arc::clone(&n.kafka)))
        };
        here.find_map(of)
    }

    /// Who leads what, at a moment.
    pub fn step(&self, now: DateTime<Utc>, seconds: f64) {
        for neighbour in &self.0 {
            lock(&neighbour.controller).step(&mut lock(&neighbour.kafka), now, seconds);
        }
    }

    /// A broker's process stops where it stands.
    pub fn freeze(&self, installation: &str, broker: i32) {
        for neighbour in self.0.iter().filter(|n| n.of.name == installation) {
            if let Some(broker) = lock(&neighbour.kafka).brokers.get_mut(&broker) {
                broker.process = Process::Frozen;
            }
        }
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Beside {
    /// The port for clients within the cluster.
    fn port(&self) -> u16 {
        if self.flavour == Flavour::Koperator { 29092 } else { 9092 }
    }

    /// The service that names its pods.
    fn headless(&self) -> String {
        match self.flavour {
            Flavour::Confluent => self.name.clone(),
            _ => format!("{}-headless", self.name),
        }
    }

    /// The pod of a broker. Koperator's have names of no meaning.
    fn pod(&self, id: usize) -> String {
        let ending = if self.flavour == Flavour::Koperator { ["-x7z9v", "-b2k4q", "-m8d5w"][id % PODS] } else { "" };
        format!("{}-{id}{ending}", self.name)
    }

    fn kafka(&self) -> Kafka {
        let broker = |id: i32| Broker {
            id,
            host: format!("{}-{id}.{}.{}.svc.cluster.local", self.name, self.headless(), self.namespace),
            port: self.port(),
            rack: None,
            process: Process::Running,
            unfenced: true,
            delay_ms: 0,
            log_dir: LogDir { path: "/mnt/data/data0/logs".to_owned(), total: VOLUME, other: 24 << 20, failed: false },
            meters: Meters::default(),
        };
        let topics = TOPICS.iter().enumerate().map(|(n, row)| (row.0.to_owned(), demo::topic(n, row, 3)));
        Kafka {
            cluster_id: format!("Sandbox-{}-{}", self.namespace, self.name),
            metadata_level: 21,
            brokers: (0..PODS as i32).map(|id| (id, broker(id))).collect(),
            topics: topics.collect(),
            groups: BTreeMap::new(),
            defaults: [("min.insync.replicas".to_owned(), "2".to_owned())].into(),
            controller: Some(0),
            security: Security::default(),
            changes: Changes::default(),
        }
    }
}

/// Puts the objects of one of them into the store.
struct Install<'a> {
    store: &'a Store,
    of: &'a Beside,
    at: DateTime<Utc>,
}

impl Install<'_> {
    fn all(&self) {
        let (namespace, name) = (&*self.of.namespace, &*self.of.name);
        if self.store.get("namespaces", "", namespace).is_none() {
            self.put("namespaces", objects::namespace(namespace));
        }
        match self.of.flavour {
            Flavour::Confluent => {
                let ports = [("external", 9092), ("internal", 9071), ("replication", 9072), ("prometheus", 7778)];
                self.part_of_confluent(name, "kafka", "Kafka", &ports);
                let quorum = format!("kraftcontroller-{name}");
                self.part_of_confluent(&quorum, "kraftcontroller", "KRaftController", &[("controller", 9074)]);
            }
            Flavour::Koperator => self.koperator(),
            Flavour::StatefulSet => {
                let brokers = objects::Brokers {
                    namespace,
                    name,
                    headless: &self.of.headless(),
                    replicas: PODS,
                    image: "docker.io/apache/kafka:4.1.2",
                    cluster_id: "SandboxBeside00000000A",
                    class: "fast",
                    storage: "4Gi",
                    replication: (3, 2),
                    update: "OnDelete",
                    super_users: None,
                };
                let ports = [("kafka", 9092, None)];
                self.put("services", objects::service(namespace, brokers.headless, None, &brokers.labels(), &ports));
                self.set(objects::stateful_set(&brokers));
            }
        }
    }

    fn put(&self, resource: &'static str, mut object: Value) -> Arc<Value> {
        object["metadata"]["creationTimestamp"] = stamp(self.at);
        self.store.put(resource, object)
    }

    /// A StatefulSet of a resource of Confluent's operator, its service and its pods.
    fn part_of_confluent(&self, name: &str, part: &str, kind: &str, ports: &[(&str, u16)]) {
        let namespace = &*self.of.namespace;
        let selector = json!({"app": name, "clusterId": namespace, "platform.confluent.io/type": part});
        let mut labels = selector.clone();
        labels["confluent-platform"] = json!("true");
        let of_service: Vec<_> = ports.iter().map(|(name, port)| (*name, *port, None)).collect();
        self.put("services", objects::service(namespace, name, None, &selector, &of_service));
        let image = "docker.io/confluentinc/cp-server:7.9.0";
        let mut container = container(image, ports, "/mnt/data/data0", "data0");
        container["command"] = json!(["/mnt/config/init/startup.sh"]);
        container["env"] = json!([{"name": "KAFKA_HEAP_OPTS", "value": "-Xms1g -Xmx1g"}]);
        self.set(json!({
            "apiVersion": "apps/v1",
            "kind": "StatefulSet",
            "metadata": {
                "name": name, "namespace": namespace, "labels": labels,
                "ownerReferences": [owner("platform.confluent.io/v1beta1", kind, name)],
            },
            "spec": {
                "podManagementPolicy": "Parallel", "replicas": PODS, "serviceName": name,
                "selector": {"matchLabels": selector}, "updateStrategy": {"type": "OnDelete"},
                "template": {
                    "metadata": {"labels": labels},
                    "spec": {"containers": [container], "restartPolicy": "Always", "terminationGracePeriodSeconds": 30},
                },
                "volumeClaimTemplates": [{
                    "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data0"},
                    "spec": {
                        "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "4Gi"}},
                        "storageClassName": "fast", "volumeMode": "Filesystem",
                    },
                }],
            },
        }));
    }

    /// A StatefulSet with its claims and pods, all of which are ready.
    fn set(&self, mut set: Value) {
        let revision = objects::revision(&set);
        let counts = objects::Replicas { all: PODS, ready: PODS, current: PODS, updated: PODS };
        set["metadata"]["generation"] = json!(1);
        set["status"] = objects::stateful_set_status(&set, counts, &revision, &revision);
        let set = self.put("statefulsets", set);
        for index in 0..PODS {
            for template in set["spec"]["volumeClaimTemplates"].as_array().into_iter().flatten() {
                self.claim(objects::claim_of(&set, template, index), index);
            }
            self.pod(objects::pod_of(&set, index), index);
        }
    }

    /// The bare pods of a `KafkaCluster`, each with a claim and a number of its own.
    fn koperator(&self) {
        let (namespace, cluster) = (&*self.of.namespace, &*self.of.name);
        let whose = json!({"app": "kafka", "kafka_cr": cluster});
        let headless = self.of.headless();
        let ports = [("tcp-internal", 29092, None), ("tcp-controller", 29093, None)];
        self.put("services", objects::service(namespace, &headless, None, &whose, &ports));
        for id in 0..PODS {
            let mut labels = whose.clone();
            labels["brokerId"] = json!(id.to_string());
            let volume = format!("{cluster}-{id}-storage-0-{}", ["c5xgr", "t8p2n", "z4h7l"][id % PODS]);
            let claim = Claim { namespace, name: &volume, labels: &labels, class: "fast", size: "4Gi" };
            self.claim(objects::claim(&claim), id);
            let ports = [("tcp-internal", 29092), ("tcp-controller", 29093), ("metrics", 9020)];
            let mut container =
                container("ghcr.io/banzaicloud/kafka:2.13-3.4.1", &ports, "/kafka-logs", "kafka-data-0");
            container["command"] = json!(["bash", "-c", "/opt/kafka/bin/kafka-server-start.sh /config/broker-config"]);
            let pod = json!({
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {
                    "name": self.of.pod(id), "generateName": format!("{cluster}-{id}-"), "namespace": namespace,
                    "labels": labels,
                    "ownerReferences": [owner("kafka.banzaicloud.io/v1beta1", "KafkaCluster", cluster)],
                },
                "spec": {
                    "containers": [container], "hostname": format!("{cluster}-{id}"), "subdomain": headless,
                    "restartPolicy": "Never", "terminationGracePeriodSeconds": 120,
                    "volumes": [{"name": "kafka-data-0", "persistentVolumeClaim": {"claimName": volume}}],
                },
            });
            self.pod(pod, id);
        }
    }

    fn claim(&self, claim: Value, index: usize) {
        let node = node_of(index as i32);
        let claim = self.put("persistentvolumeclaims", objects::bound(claim, &node));
        self.put("persistentvolumes", objects::volume(&claim, &node, self.at));
    }

    /// A pod that runs and is ready on the node of its number.
    fn pod(&self, mut pod: Value, index: usize) {
        objects::bind(&mut pod, &node_of(index as i32));
        let (since, seen) = (self.at, self.at + TimeDelta::seconds(8));
        let state = PodState::Running { since, ready: (true, seen), restarts: 0, last: None };
        let (node_ip, pod_ip) = (format!("10.42.{index}.1"), format!("10.42.{index}.{}", self.number(&pod)));
        pod["status"] = objects::pod_status(&pod, &state, &Place { node_ip: &node_ip, pod_ip: Some(&pod_ip), since });
        self.put("pods", pod);
    }

    /// The last part of a pod's address, which no other pod has on its node.
    fn number(&self, pod: &Value) -> usize {
        let here = self.store.list("pods", None).0;
        100 + here.iter().filter(|other| other["spec"]["nodeName"] == pod["spec"]["nodeName"]).count()
    }
}

fn owner(api_version: &str, kind: &str, name: &str) -> Value {
    json!({
        "apiVersion": api_version, "blockOwnerDeletion": true, "controller": true, "kind": kind, "name": name,
        "uid": "b3d5e7f9-0000-4000-8000-000000000001",
    })
}

/// A container of a server; what it runs and is told is up to the operator.
fn container(image: &str, ports: &[(&str, u16)], path: &str, volume: &str) -> Value {
    let ports: Vec<Value> =
        ports.iter().map(|(name, port)| json!({"containerPort": port, "name": name, "protocol": "TCP"})).collect();
    json!({
        "name": "kafka", "image": image, "imagePullPolicy": "IfNotPresent", "ports": ports,
        "resources": {"requests": {"cpu": "500m", "memory": "2Gi"}},
        "volumeMounts": [{"mountPath": path, "name": volume}],
    })
}
