//! Every installation there is, of all flavours.
//!
//! Pods of operators' own kinds go to the flavour of that operator. All others are grouped by the workload
//! that owns them, and a workload whose template or one of whose pods is a broker is an installation, alone or
//! with others of its chart. A workload none of whose pods exist is judged by its template: an installation
//! that lost all its brokers is the last one to leave off the list.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    bitnami, confluent, connect,
    image::Image,
    koperator, plain,
    score::{BROKER, CANDIDATE, judged},
    settings::Settings,
    strimzi,
};
use crate::{
    domain::{
        helm::Release,
        ids::{InstallationId, ObjectKey},
        installation::{BrokerPod, Flavour, Installation, Role},
        kubernetes::{ConfigMap, Container, Meta, Owner, Pod, Service, Workload},
        strimzi::{KafkaResource, KafkaUser, NodePool, PodSet},
    },
    world::KubeWorld,
};

/// What can be seen of a cluster; a kind that may not be read is empty.
#[derive(Debug, Default)]
pub struct Objects<'a> {
    /// Pods.
    pub pods: Vec<&'a Pod>,
    /// StatefulSets.
    pub stateful_sets: Vec<&'a Workload>,
    /// Deployments.
    pub deployments: Vec<&'a Workload>,
    /// Services.
    pub services: Vec<&'a Service>,
    /// ConfigMaps that brokers are configured by.
    pub config_maps: Vec<&'a ConfigMap>,
    /// Strimzi's clusters.
    pub kafkas: Vec<&'a KafkaResource>,
    /// Strimzi's node pools.
    pub node_pools: Vec<&'a NodePool>,
    /// Strimzi's sets of pods.
    pub pod_sets: Vec<&'a PodSet>,
    /// Strimzi's users.
    pub users: Vec<&'a KafkaUser>,
    /// Helm releases that brokers came with.
    pub releases: Vec<&'a Release>,
}

impl<'a> Objects<'a> {
    /// What the world knows.
    pub fn of(kube: &'a KubeWorld) -> Self {
        Self {
            pods: kube.pods.values().map(|o| &**o).collect(),
            stateful_sets: kube.stateful_sets.values().map(|o| &**o).collect(),
            deployments: kube.deployments.values().map(|o| &**o).collect(),
            services: kube.services.values().map(|o| &**o).collect(),
            config_maps: kube.config_maps.values().map(|o| &**o).collect(),
            kafkas: kube.kafkas.values().map(|o| &**o).collect(),
            node_pools: kube.node_pools.values().map(|o| &**o).collect(),
            pod_sets: kube.pod_sets.values().map(|o| &**o).collect(),
            users: kube.users.values().map(|o| &**o).collect(),
            releases: kube.releases.values().map(|o| &**o).collect(),
        }
    }

    /// The ConfigMaps of these names, where they have been read.
    pub(super) fn maps_of(&self, namespace: &str, names: &[String]) -> Vec<&'a ConfigMap> {
        let is_named = |map: &&&ConfigMap| map.meta.namespace == namespace && names.contains(&map.meta.name);
        if names.is_empty() { Vec::new() } else { self.config_maps.iter().filter(is_named).copied().collect() }
    }
}

/// What Kubernetes makes hashes of, so that they spell no words (`k8s.io/apimachinery/pkg/util/rand`).
const HASH_ALPHABET: &str = "bcdfghjklmnpqrstvwxz2456789";

/// The most ConfigMaps of one installation that are read.
const MOST_CONFIGS: usize = 8;

/// A workload and what is known of it.
pub(super) struct Group<'a> {
    /// Its name, and where.
    pub id: InstallationId,
    /// `StatefulSet` or `Deployment`.
    pub flavour: Flavour,
    /// Its pods that may be brokers or are controllers, by ordinal.
    pub pods: Vec<(&'a Pod, BrokerPod)>,
    /// The workload itself, where it can be read.
    pub workload: Option<&'a Workload>,
    /// How its template is judged.
    pub template: Option<BrokerPod>,
}

impl<'a> Group<'a> {
    fn new(id: InstallationId, flavour: Flavour) -> Self {
        Self { id, flavour, pods: Vec::new(), workload: None, template: None }
    }

    /// Its pods and its template, as they are judged.
    pub fn judged(&self) -> impl Iterator<Item = &BrokerPod> {
        self.pods.iter().map(|(_, broker)| broker).chain(&self.template)
    }

    /// True when one of them is a broker beyond doubt.
    pub fn has_broker(&self) -> bool {
        self.judged().any(|broker| broker.score >= BROKER)
    }

    /// True when all of them are controllers and no brokers.
    pub fn is_quorum(&self) -> bool {
        self.judged().next().is_some() && self.judged().all(is_controller)
    }

    /// Labels of its pods: of the template, else of a pod.
    pub fn labels(&self) -> Option<&'a BTreeMap<String, String>> {
        let template = self.workload.map(|w| &w.template_labels);
        template.filter(|labels| !labels.is_empty()).or_else(|| self.pods.first().map(|(pod, _)| &pod.meta.labels))
    }

    /// Containers and init containers of a pod, else of the template, and the ConfigMaps they are made of.
    pub fn spec(&self) -> (&'a [Container], &'a [Container], &'a [String]) {
        match (self.pods.first(), self.workload) {
            (Some((pod, _)), _) => (&pod.containers, &pod.init_containers, &pod.config_maps),
            (None, Some(of)) => (&of.containers, &of.init_containers, &of.config_maps),
            (None, None) => (&[], &[], &[]),
        }
    }

    /// The container that is the broker, of a pod or of the template.
    pub fn container(&self) -> Option<&'a Container> {
        let name = &self.judged().max_by_key(|broker| broker.score)?.container;
        self.spec().0.iter().find(|container| container.name == *name)
    }

    /// What its brokers are configured with.
    pub fn settings(&self, objects: &Objects<'_>) -> Settings {
        let Some(container) = self.container() else { return Settings::default() };
        let maps = objects.maps_of(&self.id.namespace, self.spec().2);
        Settings::of(container).with(container, &maps)
    }

    /// ConfigMaps of its pods, which may hold the brokers' configuration.
    pub fn configs(&self) -> Vec<ObjectKey> {
        let names: BTreeSet<&String> = self.spec().2.iter().take(MOST_CONFIGS).collect();
        names.into_iter().map(|name| ObjectKey::new(&self.id.namespace, name)).collect()
    }
}

/// True for a node that is a controller and no broker.
pub(super) fn is_controller(broker: &BrokerPod) -> bool {
    broker.roles == [Role::Controller]
}

/// Every installation that can be seen, by namespace and name.
pub fn installations(objects: &Objects<'_>) -> Vec<Installation> {
    let mut groups = groups(objects);
    let mut found = strimzi::installations(objects);
    found.extend(koperator::installations(objects));
    found.extend(bitnami::take(&mut groups, objects));
    found.extend(confluent::take(&mut groups, objects));
    found.extend(plain::take(groups, objects));
    found.sort_by(|a, b| (&a.id, a.flavour).cmp(&(&b.id, b.flavour)));
    connect::attach(&mut found, objects);
    found
}

/// Workloads and the pods they own, by name.
fn groups<'a>(objects: &Objects<'a>) -> Vec<Group<'a>> {
    let mut groups: BTreeMap<(InstallationId, Flavour), Group<'a>> = BTreeMap::new();
    let workloads = [(Flavour::StatefulSet, &objects.stateful_sets), (Flavour::Deployment, &objects.deployments)];
    for (flavour, list) in workloads {
        for workload in list {
            let id = InstallationId::new(&workload.meta.namespace, &workload.meta.name);
            let maps = objects.maps_of(&workload.meta.namespace, &workload.config_maps);
            let template = judged(&template_pod(workload, flavour), &objects.services, &maps).filter(counts);
            let group = Group { workload: Some(workload), template, ..Group::new(id.clone(), flavour) };
            groups.insert((id, flavour), group);
        }
    }
    for pod in &objects.pods {
        if let Some((id, flavour)) = workload_of(pod, &objects.deployments)
            && !is_leftover(pod, flavour)
            && let maps = objects.maps_of(&pod.meta.namespace, &pod.config_maps)
            && let Some(broker) = judged(pod, &objects.services, &maps).filter(counts)
        {
            let group = groups.entry((id.clone(), flavour)).or_insert_with(|| Group::new(id, flavour));
            group.pods.push((pod, broker));
        }
    }
    let mut groups: Vec<Group<'a>> = groups.into_values().collect();
    for group in &mut groups {
        // By ordinal where there is one: kafka-2 before kafka-10.
        group.pods.sort_by_key(|(pod, _)| (pod.meta.name.len(), pod.meta.name.clone()));
    }
    groups
}

/// True for what may be a broker, and for controllers that would be one if they served clients.
fn counts(judged: &BrokerPod) -> bool {
    let least = if is_controller(judged) { CANDIDATE + super::score::CONTROLLER } else { CANDIDATE };
    judged.score >= least
}

/// The lowest version among the pods, for in the middle of a roll that is what can be relied on.
pub(super) fn version(group: &Group<'_>) -> Option<String> {
    let of = |containers: &[Container], name: &str| {
        let container = containers.iter().find(|c| c.name == name)?;
        Image::parse(&container.image).kafka_version()
    };
    let running = group.pods.iter().filter_map(|(pod, broker)| of(&pod.containers, &broker.container));
    match lowest(running) {
        Some(lowest) => Some(lowest),
        None if group.pods.is_empty() => of(&group.workload?.containers, &group.template.as_ref()?.container),
        None => None,
    }
}

/// The lowest of some versions.
pub(super) fn lowest(versions: impl Iterator<Item = String>) -> Option<String> {
    versions.min_by_key(|v| (v.split('.').map_while(|n| n.parse::<u32>().ok()).collect::<Vec<_>>(), v.clone()))
}

/// A pod as the workload's template would make it.
pub(super) fn template_pod(workload: &Workload, flavour: Flavour) -> Pod {
    Pod {
        meta: Meta {
            namespace: workload.meta.namespace.clone(),
            labels: workload.template_labels.clone(),
            owner: Some(Owner { kind: flavour.to_string(), name: workload.meta.name.clone() }),
            ..Meta::default()
        },
        subdomain: workload.service_name.clone(),
        containers: workload.containers.clone(),
        ..Pod::default()
    }
}

/// The workload behind a pod: its owner, or the Deployment behind the ReplicaSet that owns it.
pub(super) fn workload_of(pod: &Pod, deployments: &[&Workload]) -> Option<(InstallationId, Flavour)> {
    let owner = pod.meta.owner.as_ref()?;
    let id = |name: &str| InstallationId::new(&pod.meta.namespace, name);
    match owner.kind.as_str() {
        "StatefulSet" => Some((id(&owner.name), Flavour::StatefulSet)),
        "ReplicaSet" => Some((id(deployment_of(pod, &owner.name, deployments)), Flavour::Deployment)),
        _ => None,
    }
}

/// The name of the Deployment that made a ReplicaSet: the name without its hash.
///
/// The hash is verified by the pod's label or by a Deployment of that name; where Deployments cannot be
/// read it must at least look like one. A ReplicaSet without a Deployment goes by its own name.
fn deployment_of<'a>(pod: &Pod, replica_set: &'a str, deployments: &[&Workload]) -> &'a str {
    let Some((name, hash)) = replica_set.rsplit_once('-') else { return replica_set };
    let exists = deployments.iter().any(|d| d.meta.namespace == pod.meta.namespace && d.meta.name == name);
    let is_labelled = pod.meta.labels.get("pod-template-hash").is_some_and(|label| label == hash);
    let looks_hashed = hash.len() >= 5 && hash.chars().all(|c| HASH_ALPHABET.contains(c));
    if exists || is_labelled || (deployments.is_empty() && looks_hashed) { name } else { replica_set }
}

/// True for a pod that has ended and that nobody will start again.
///
/// A Deployment replaces an evicted pod under a new name and leaves the old one lying; a StatefulSet makes a
/// new pod of the same name, so there an ended pod is a broker that is missing.
fn is_leftover(pod: &Pod, flavour: Flavour) -> bool {
    flavour == Flavour::Deployment && matches!(pod.phase.as_str(), "Failed" | "Succeeded")
}
