//! Kubernetes objects, by kind and name.

use std::{collections::BTreeMap, sync::Arc};

use crate::domain::{
    freshness::Kind,
    helm::Release,
    ids::ObjectKey,
    kubernetes::{Claim, ConfigMap, Node, Object, Pod, RuleObject, Service, Workload},
    placement::{Budget, Class},
    strimzi::{KafkaResource, KafkaTopic, KafkaUser, NodePool, PodSet},
};

/// All objects of the watched kinds.
#[derive(Debug, Default)]
pub struct KubeWorld {
    /// Pods.
    pub pods: BTreeMap<ObjectKey, Arc<Pod>>,
    /// Persistent volume claims.
    pub claims: BTreeMap<ObjectKey, Arc<Claim>>,
    /// StatefulSets.
    pub stateful_sets: BTreeMap<ObjectKey, Arc<Workload>>,
    /// Deployments.
    pub deployments: BTreeMap<ObjectKey, Arc<Workload>>,
    /// Services.
    pub services: BTreeMap<ObjectKey, Arc<Service>>,
    /// Nodes.
    pub nodes: BTreeMap<ObjectKey, Arc<Node>>,
    /// PrometheusRule objects.
    pub rules: BTreeMap<ObjectKey, Arc<RuleObject>>,
    /// ConfigMaps that brokers take their configuration from.
    pub config_maps: BTreeMap<ObjectKey, Arc<ConfigMap>>,
    /// Strimzi's Kafka resources.
    pub kafkas: BTreeMap<ObjectKey, Arc<KafkaResource>>,
    /// KafkaNodePools.
    pub node_pools: BTreeMap<ObjectKey, Arc<NodePool>>,
    /// StrimziPodSets.
    pub pod_sets: BTreeMap<ObjectKey, Arc<PodSet>>,
    /// KafkaUsers.
    pub users: BTreeMap<ObjectKey, Arc<KafkaUser>>,
    /// KafkaTopics.
    pub topics: BTreeMap<ObjectKey, Arc<KafkaTopic>>,
    /// Disruption budgets.
    pub budgets: BTreeMap<ObjectKey, Arc<Budget>>,
    /// Storage classes.
    pub classes: BTreeMap<ObjectKey, Arc<Class>>,
    /// Helm releases that brokers came with.
    pub releases: BTreeMap<ObjectKey, Arc<Release>>,
    /// How often KafkaTopics, or who looks after them, have changed.
    pub topics_revision: u64,
}

impl KubeWorld {
    /// Swaps the whole list of a kind, so that no pane is ever half empty.
    pub fn list(&mut self, kind: Kind, objects: Vec<Object>) {
        self.topics_revision += u64::from(is_of_topics(kind));
        match kind {
            Kind::Pods => self.pods.clear(),
            Kind::Claims => self.claims.clear(),
            Kind::StatefulSets => self.stateful_sets.clear(),
            Kind::Deployments => self.deployments.clear(),
            Kind::Services => self.services.clear(),
            Kind::Nodes => self.nodes.clear(),
            Kind::Rules => self.rules.clear(),
            Kind::ConfigMaps => self.config_maps.clear(),
            Kind::Kafkas => self.kafkas.clear(),
            Kind::NodePools => self.node_pools.clear(),
            Kind::PodSets => self.pod_sets.clear(),
            Kind::Users => self.users.clear(),
            Kind::Topics => self.topics.clear(),
            Kind::Budgets => self.budgets.clear(),
            Kind::Classes => self.classes.clear(),
            Kind::Releases => self.releases.clear(),
            // They are no state: the timeline has them.
            Kind::Events => {}
        }
        for object in objects {
            self.put(object);
        }
    }

    /// Adds or replaces an object; false when nothing about it changed.
    pub fn put(&mut self, object: Object) -> bool {
        let key = object.meta().key();
        match object {
            Object::Pod(o) => insert(&mut self.pods, key, *o),
            Object::Claim(o) => insert(&mut self.claims, key, o),
            Object::StatefulSet(o) => insert(&mut self.stateful_sets, key, o),
            Object::Deployment(o) => insert(&mut self.deployments, key, o),
            Object::Service(o) => insert(&mut self.services, key, o),
            Object::Node(o) => insert(&mut self.nodes, key, o),
            Object::Rule(o) => insert(&mut self.rules, key, o),
            Object::ConfigMap(o) => insert(&mut self.config_maps, key, o),
            Object::Kafka(o) => self.of_topics(|kube| insert(&mut kube.kafkas, key, *o)),
            Object::NodePool(o) => insert(&mut self.node_pools, key, o),
            Object::PodSet(o) => insert(&mut self.pod_sets, key, o),
            Object::User(o) => insert(&mut self.users, key, o),
            Object::Topic(o) => self.of_topics(|kube| insert(&mut kube.topics, key, o)),
            Object::Budget(o) => insert(&mut self.budgets, key, o),
            Object::Class(o) => insert(&mut self.classes, key, o),
            Object::Release(o) => insert(&mut self.releases, key, o),
            Object::Event(_) => false,
        }
    }

    fn of_topics(&mut self, change: impl FnOnce(&mut Self) -> bool) -> bool {
        let changed = change(self);
        self.topics_revision += u64::from(changed);
        changed
    }

    /// Removes an object.
    pub fn remove(&mut self, kind: Kind, key: &ObjectKey) {
        self.topics_revision += u64::from(is_of_topics(kind));
        match kind {
            Kind::Pods => drop(self.pods.remove(key)),
            Kind::Claims => drop(self.claims.remove(key)),
            Kind::StatefulSets => drop(self.stateful_sets.remove(key)),
            Kind::Deployments => drop(self.deployments.remove(key)),
            Kind::Services => drop(self.services.remove(key)),
            Kind::Nodes => drop(self.nodes.remove(key)),
            Kind::Rules => drop(self.rules.remove(key)),
            Kind::ConfigMaps => drop(self.config_maps.remove(key)),
            Kind::Kafkas => drop(self.kafkas.remove(key)),
            Kind::NodePools => drop(self.node_pools.remove(key)),
            Kind::PodSets => drop(self.pod_sets.remove(key)),
            Kind::Users => drop(self.users.remove(key)),
            Kind::Topics => drop(self.topics.remove(key)),
            Kind::Budgets => drop(self.budgets.remove(key)),
            Kind::Classes => drop(self.classes.remove(key)),
            Kind::Releases => drop(self.releases.remove(key)),
            Kind::Events => {}
        }
    }
}

fn is_of_topics(kind: Kind) -> bool {
    matches!(kind, Kind::Kafkas | Kind::Topics)
}

fn insert<T: PartialEq>(map: &mut BTreeMap<ObjectKey, Arc<T>>, key: ObjectKey, object: T) -> bool {
    if map.get(&key).is_some_and(|known| **known == object) {
        return false;
    }
    map.insert(key, Arc::new(object));
    true
}
