//! Installations of Strimzi: `Kafka` resources, and pods in StrimziPodSets.
//!
//! Either alone is enough, for the resources may not be readable, and the pods may all be gone. A pod is a node
//! of a cluster when a StrimziPodSet owns it and its labels, which the operator keeps right, say which; the
//! operator's other pods (Connect, bridges, exporters, its own) carry other labels.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    image::Image,
    installations::{Objects, lowest},
    score::judged,
    ways,
};
use crate::domain::{
    ids::{BrokerId, InstallationId},
    installation::{BrokerPod, Ensemble, Evidence, Flavour, Installation, Mode, Operator, OwnerObject, Pool, Role},
    kubernetes::{Meta, Pod},
    strimzi::{KafkaResource, KafkaUser, NodePool, PodSet},
};

/// The label that says whose something is.
pub(super) const CLUSTER: &str = "strimzi.io/cluster";

/// Points for being of the operator.
const PROOF: i32 = 70;

/// Ports that are for nodes among themselves, for the operator and for metrics.
const OWN_PORTS: [u16; 5] = [9090, 9091, 8443, 9404, 9999];

/// What is known of a cluster.
#[derive(Default)]
struct Cluster<'a> {
    resource: Option<&'a KafkaResource>,
    pools: Vec<&'a NodePool>,
    sets: Vec<&'a PodSet>,
    users: Vec<&'a KafkaUser>,
    nodes: Vec<(&'a Pod, BrokerPod)>,
    zookeepers: Vec<&'a Pod>,
}

/// All of them.
pub(super) fn installations(objects: &Objects<'_>) -> Vec<Installation> {
    let mut clusters: BTreeMap<InstallationId, Cluster<'_>> = BTreeMap::new();
    for kafka in &objects.kafkas {
        let id = InstallationId::new(&kafka.meta.namespace, &kafka.meta.name);
        clusters.entry(id).or_default().resource = Some(kafka);
    }
    for set in &objects.pod_sets {
        if let Some((id, Part::Kafka)) = part(&set.meta) {
            clusters.entry(id).or_default().sets.push(set);
        }
    }
    for pod in objects.pods.iter().filter(|pod| pod.meta.owner.as_ref().is_some_and(|o| o.kind == "StrimziPodSet")) {
        match part(&pod.meta) {
            Some((id, Part::Kafka)) => {
                if let Some(node) = node(pod, &id, objects) {
                    clusters.entry(id).or_default().nodes.push((pod, node));
                }
            }
            Some((id, Part::ZooKeeper)) => clusters.entry(id).or_default().zookeepers.push(pod),
            None => {}
        }
    }
    // Pools and users alone are no cluster: they may wait for one that was never made.
    for pool in &objects.node_pools {
        if let Some(cluster) = cluster_of(&pool.meta).and_then(|id| clusters.get_mut(&id)) {
            cluster.pools.push(pool);
        }
    }
    for user in &objects.users {
        if let Some(cluster) = cluster_of(&user.meta).and_then(|id| clusters.get_mut(&id)) {
            cluster.users.push(user);
        }
    }
    let operator = operator(objects);
    let told =
        |cluster: &Cluster<'_>| cluster.resource.is_some() || !cluster.nodes.is_empty() || !cluster.sets.is_empty();
    let found = clusters.into_iter().filter(|(_, cluster)| told(cluster));
    found.map(|(id, cluster)| cluster.installation(id, operator.clone())).collect()
}

/// What a pod or a set of pods is part of.
enum Part {
    Kafka,
    ZooKeeper,
}

/// The cluster that labels name.
fn cluster_of(meta: &Meta) -> Option<InstallationId> {
    Some(InstallationId::new(&meta.namespace, meta.labels.get(CLUSTER).filter(|name| !name.is_empty())?))
}

/// Whether labels are those of a cluster's nodes, or of its ZooKeepers.
fn part(meta: &Meta) -> Option<(InstallationId, Part)> {
    let id = cluster_of(meta)?;
    let label = |key: &str| meta.labels.get(key).map(String::as_str);
    if label("strimzi.io/kind") != Some("Kafka") {
        return None;
    }
    let name = label("strimzi.io/name").and_then(|name| name.strip_prefix(&id.name)).unwrap_or_default().to_owned();
    let has_role =
        ["strimzi.io/broker-role", "strimzi.io/controller-role"].iter().any(|key| label(key) == Some("true"));
    match name.as_str() {
        "-zookeeper" => Some((id, Part::ZooKeeper)),
        "-kafka" => Some((id, Part::Kafka)),
        _ => has_role.then_some((id, Part::Kafka)),
    }
}

/// A pod as a node of a cluster.
fn node(pod: &Pod, cluster: &InstallationId, objects: &Objects<'_>) -> Option<BrokerPod> {
    let mut node = judged(pod, &objects.services, &[])?;
    let label = |key: &str| pod.meta.labels.get(key).map(String::as_str);
    let roles = [(Role::Broker, "strimzi.io/broker-role"), (Role::Controller, "strimzi.io/controller-role")];
    node.roles = roles.into_iter().filter(|(_, key)| label(key) == Some("true")).map(|(role, _)| role).collect();
    if node.roles.is_empty() {
        // Before there were pools, every node was a broker and ZooKeeper kept the metadata.
        node.roles = vec![Role::Broker];
    }
    node.pool = label("strimzi.io/pool-name").map(str::to_owned);
    node.id_hint = node.id_hint.or_else(|| pod.meta.name.rsplit('-').next()?.parse().ok().map(BrokerId));
    if let Some(kafka) = pod.containers.iter().find(|container| container.name == "kafka") {
        node.container.clone_from(&kafka.name);
        let port = kafka.ports.iter().find(|port| !OWN_PORTS.contains(&port.port));
        node.port = port.map_or(node.port, |port| port.port);
    }
    node.score += PROOF;
    let what = format!("is a node of Kafka {}, as the owner of its pod and the operator's labels say", cluster.name);
    node.evidence.push(Evidence { points: PROOF, what });
    Some(node)
}

/// The cluster operator, where its Deployment can be seen; the one that is ready when there are several.
fn operator(objects: &Objects<'_>) -> Option<Operator> {
    let is_it =
        |labels: &BTreeMap<String, String>| labels.get("strimzi.io/kind").is_some_and(|k| k == "cluster-operator");
    let found = objects.deployments.iter().filter(|d| is_it(&d.meta.labels) || is_it(&d.template_labels));
    let operators = found.map(|deployment| Operator {
        deployment: deployment.meta.key(),
        version: deployment.containers.first().and_then(|container| Image::parse(&container.image).version()),
        ready: deployment.ready_replicas > 0,
    });
    operators.max_by_key(|operator| operator.ready)
}

impl Cluster<'_> {
    fn installation(mut self, id: InstallationId, operator: Option<Operator>) -> Installation {
        self.nodes.sort_by_key(|(pod, node)| (node.id_hint, pod.meta.name.clone()));
        let (listeners, ways) = ways::of_strimzi(&id, self.resource, &self.users);
        let (wanted, mode, pools) = (self.wanted(), self.mode(), self.pools());
        let (version, ephemeral, owners) = (self.version(), self.ephemeral(), self.owners());
        let mut nodes: Vec<BrokerPod> = self.nodes.into_iter().map(|(_, node)| node).collect();
        if let Some(port) = ways.first().map(|way| way.port).or_else(|| listeners.first().map(|l| l.port)) {
            for node in &mut nodes {
                node.port = port;
            }
        }
        let (brokers, controllers) = nodes.into_iter().partition(|node| node.roles.contains(&Role::Broker));
        let paused = self.resource.and_then(|kafka| kafka.meta.annotations.get("strimzi.io/pause-reconciliation"));
        Installation {
            id,
            flavour: Flavour::Strimzi,
            kafka_version: version,
            wanted,
            brokers,
            controllers,
            mode,
            metadata_version: self.resource.and_then(|kafka| kafka.metadata_version.clone()),
            ensemble: (!self.zookeepers.is_empty()).then(|| Ensemble {
                pods: self.zookeepers.iter().map(|pod| pod.meta.key()).collect(),
                ..Ensemble::default()
            }),
            pools,
            owners,
            conditions: self.resource.map(|kafka| kafka.conditions.clone()).unwrap_or_default(),
            paused: paused.is_some_and(|value| value == "true"),
            operator,
            ephemeral,
            listeners,
            ways,
            super_users: self.resource.map(|kafka| kafka.super_users.clone()).unwrap_or_default(),
            ..Installation::default()
        }
    }

    /// Brokers that are asked for: by the pools, else by the resource, else by the sets of pods.
    fn wanted(&self) -> Option<u32> {
        let serving = self.pools.iter().filter(|pool| pool.roles.contains(&Role::Broker));
        if !self.pools.is_empty() {
            return serving.map(|pool| pool.replicas).sum();
        }
        let by_sets = || {
            let is_quorum = |set: &PodSet| {
                let mut nodes = self
                    .nodes
                    .iter()
                    .filter(|(pod, _)| pod.meta.owner.as_ref().is_some_and(|o| o.name == set.meta.name));
                nodes.any(|(_, node)| !node.roles.contains(&Role::Broker))
            };
            let sets = self.sets.iter().filter(|set| !is_quorum(set));
            (!self.sets.is_empty()).then(|| sets.map(|set| set.wanted).sum())
        };
        self.resource.and_then(|kafka| kafka.replicas).or_else(by_sets)
    }

    fn mode(&self) -> Option<Mode> {
        let votes = self.nodes.iter().any(|(_, node)| node.roles.contains(&Role::Controller));
        if votes || self.pools.iter().any(|pool| pool.roles.contains(&Role::Controller)) {
            Some(Mode::KRaft)
        } else {
            let keeps = !self.zookeepers.is_empty() || self.resource.is_some_and(|kafka| kafka.zookeeper);
            keeps.then_some(Mode::ZooKeeper)
        }
    }

    /// The pools as they are declared, else as the pods' labels tell.
    fn pools(&self) -> Vec<Pool> {
        if !self.pools.is_empty() {
            let declared = |pool: &&NodePool| Pool {
                name: pool.meta.name.clone(),
                roles: pool.roles.clone(),
                wanted: pool.replicas,
                node_ids: pool.node_ids.clone(),
            };
            return self.pools.iter().map(declared).collect();
        }
        let names: BTreeSet<&String> = self.nodes.iter().filter_map(|(_, node)| node.pool.as_ref()).collect();
        let of_pods = |name: &String| {
            let nodes = || self.nodes.iter().map(|(_, node)| node).filter(|node| node.pool.as_ref() == Some(name));
            Pool {
                name: name.clone(),
                roles: nodes().next().map(|node| node.roles.clone()).unwrap_or_default(),
                wanted: None,
                node_ids: nodes().filter_map(|node| node.id_hint).collect(),
            }
        };
        names.into_iter().map(of_pods).collect()
    }

    /// The version that runs, else the one that is asked for, else the one that pods say.
    fn version(&self) -> Option<String> {
        let declared = self.resource.and_then(|kafka| kafka.running_version.clone().or_else(|| kafka.version.clone()));
        let annotated =
            || self.nodes.iter().filter_map(|(pod, _)| pod.meta.annotations.get("strimzi.io/kafka-version"));
        let images = || {
            let containers = self.nodes.iter().flat_map(|(pod, _)| pod.containers.iter());
            containers.filter(|c| c.name == "kafka").filter_map(|c| Image::parse(&c.image).kafka_version())
        };
        declared.or_else(|| lowest(annotated().cloned())).or_else(|| lowest(images()))
    }

    /// Whether the data goes with the pods: as the pools say, else as the pods' volumes do.
    fn ephemeral(&self) -> Option<bool> {
        let declared: Option<Vec<bool>> = self.pools.iter().map(|pool| pool.ephemeral).collect();
        let by_pods = || Some(!self.nodes.first()?.0.volumes.iter().any(|volume| volume.claim.is_some()));
        declared.filter(|all| !all.is_empty()).map(|all| all.into_iter().all(|lost| lost)).or_else(by_pods)
    }

    fn owners(&self) -> Vec<OwnerObject> {
        let owner = |api_version: &str, kind: &str, meta: &Meta| OwnerObject {
            api_version: if api_version.is_empty() { "kafka.strimzi.io/v1" } else { api_version }.to_owned(),
            kind: kind.to_owned(),
            key: meta.key(),
        };
        let clusters = self.resource.iter().map(|kafka| owner(&kafka.api_version, "Kafka", &kafka.meta));
        clusters.chain(self.pools.iter().map(|pool| owner(&pool.api_version, "KafkaNodePool", &pool.meta))).collect()
    }
}
