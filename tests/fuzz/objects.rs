//! Objects of real clusters, changed: what a watch makes of them, told to a console.

use kafdeck::{
    domain::{freshness::Kind, kubernetes::Object},
    facts::{Body, Fact},
    io::translate,
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{cluster, mutate};

/// Lists of objects that were recorded.
const RECORDED: [&str; 4] = [
    include_str!("../fixtures/flavours/strimzi.json"),
    include_str!("../fixtures/flavours/bitnami.json"),
    include_str!("../fixtures/flavours/zookeeper.json"),
    include_str!("../fixtures/flavours/connect.json"),
];

/// Kinds that no flavour is recognised by.
const OTHERS: &str = r#"[
    {"kind": "PersistentVolumeClaim", "metadata": {"name": "data-kafka-cluster-0", "namespace": "messaging"},
     "spec": {"storageClassName": "local", "resources": {"requests": {"storage": "512Mi"}}},
     "status": {"phase": "Bound", "capacity": {"storage": "512Mi"}, "conditions": [{"type": "Resizing", "status": "True"}]}},
    {"kind": "Node", "metadata": {"name": "node-1", "labels": {"topology.kubernetes.io/zone": "a"}},
     "spec": {"unschedulable": false}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}},
    {"kind": "PrometheusRule", "metadata": {"name": "kafka", "namespace": "monitoring"},
     "spec": {"groups": [{"name": "kafka", "interval": "15s", "rules": [{"alert": "Down", "expr": "up == 0",
     "for": "1m", "labels": {"severity": "page"}, "annotations": {"summary": "{{ $labels.pod }}"}}]}]}}
]"#;

/// Every flavour's objects, each with the other kinds.
pub fn corpus() -> Vec<Vec<Value>> {
    let read = |text: &str| serde_json::from_str::<Vec<Value>>(text).unwrap();
    RECORDED.iter().map(|text| [read(text), read(OTHERS)].concat()).collect()
}

/// One flavour's objects, some of them changed, as facts. What is no object of its kind any more is left out, as the
/// watch leaves it out.
pub fn hostile(corpus: &[Vec<Value>], rng: &mut fastrand::Rng) -> Vec<Fact> {
    let objects = &corpus[rng.usize(..corpus.len())];
    let mut facts = Vec::new();
    for good in objects {
        let value = if rng.u8(..3) == 0 { mutate::value(good, rng) } else { good.clone() };
        // The kind is the path that was asked for, whatever the object says.
        if let Some((kind, object)) = translated(good["kind"].as_str().unwrap(), value) {
            facts.push(Fact::watched(kind, cluster::noon(), Body::Applied(Box::new(object))));
        }
    }
    facts
}

fn translated(kind: &str, value: Value) -> Option<(Kind, Object)> {
    fn of<T: DeserializeOwned>(value: Value) -> Option<T> {
        serde_json::from_value(value).ok()
    }
    Some(match kind {
        "Pod" => (Kind::Pods, Object::Pod(Box::new(translate::pod(&of(value)?)))),
        "StatefulSet" => (Kind::StatefulSets, Object::StatefulSet(translate::stateful_set(&of(value)?))),
        "Deployment" => (Kind::Deployments, Object::Deployment(translate::deployment(&of(value)?))),
        "Service" => (Kind::Services, Object::Service(translate::service(&of(value)?))),
        "ConfigMap" => (Kind::ConfigMaps, Object::ConfigMap(translate::config_map(&of(value)?))),
        "Kafka" => (Kind::Kafkas, Object::Kafka(Box::new(translate::kafka(&of(value)?)))),
        "KafkaNodePool" => (Kind::NodePools, Object::NodePool(translate::node_pool(&of(value)?))),
        "StrimziPodSet" => (Kind::PodSets, Object::PodSet(translate::pod_set(&of(value)?))),
        "PersistentVolumeClaim" => (Kind::Claims, Object::Claim(translate::claim(&of(value)?))),
        "Node" => (Kind::Nodes, Object::Node(translate::node(&of(value)?))),
        "PrometheusRule" => (Kind::Rules, Object::Rule(translate::rule_object(&of(value)?))),
        "KafkaUser" => (Kind::Users, Object::User(translate::user(&of(value)?))),
        other => panic!("{other}"),
    })
}
