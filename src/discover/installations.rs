//! Installations of the plain kind: StatefulSets and Deployments whose pods are brokers.
//!
//! Pods are grouped by the workload that owns them. A workload none of whose pods exist is judged by its
//! template: an installation that lost all its brokers is the last one to leave off the list. Pods of other
//! owners (an operator's own kinds) are left to flavours of their own.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    image::Image,
    score::{BROKER, score},
};
use crate::domain::{
    ids::InstallationId,
    installation::{BrokerPod, Flavour, Installation},
    kubernetes::{Container, Meta, Owner, Pod, Service, Workload},
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
}

/// What Kubernetes makes hashes of, so that they spell no words (`k8s.io/apimachinery/pkg/util/rand`).
const HASH_ALPHABET: &str = "bcdfghjklmnpqrstvwxz2456789";

/// A workload and what is known of it.
#[derive(Default)]
struct Group<'a> {
    /// Its pods that may be brokers.
    pods: Vec<(&'a Pod, BrokerPod)>,
    /// The workload itself, where it can be read.
    workload: Option<&'a Workload>,
    /// How its template is judged.
    template: Option<BrokerPod>,
}

/// Every installation that can be seen, by namespace and name.
///
/// A workload is one when its template or one of its pods has the points of a broker; then those of its
/// pods that may be brokers are.
pub fn installations(objects: &Objects<'_>) -> Vec<Installation> {
    let mut groups: BTreeMap<(InstallationId, Flavour), Group<'_>> = BTreeMap::new();
    let workloads = [(Flavour::StatefulSet, &objects.stateful_sets), (Flavour::Deployment, &objects.deployments)];
    for (flavour, list) in workloads {
        for workload in list {
            let id = InstallationId::new(&workload.meta.namespace, &workload.meta.name);
            let template = score(&template_pod(workload, flavour), &objects.services);
            groups.insert((id, flavour), Group { pods: Vec::new(), workload: Some(workload), template });
        }
    }
    for pod in &objects.pods {
        if let Some(owner) = workload_of(pod, &objects.deployments)
            && !is_leftover(pod, owner.1)
            && let Some(broker) = score(pod, &objects.services)
        {
            groups.entry(owner).or_default().pods.push((pod, broker));
        }
    }
    groups.into_iter().filter_map(|((id, flavour), group)| installation(id, flavour, group)).collect()
}

/// The installation a group is, if it is one.
fn installation(id: InstallationId, flavour: Flavour, mut group: Group<'_>) -> Option<Installation> {
    let mut judged = group.pods.iter().map(|(_, broker)| broker).chain(&group.template);
    if !judged.any(|broker| broker.score >= BROKER) {
        return None;
    }
    // By ordinal where there is one: kafka-2 before kafka-10.
    group.pods.sort_by_key(|(pod, _)| (pod.meta.name.len(), pod.meta.name.clone()));
    Some(Installation {
        id,
        flavour,
        kafka_version: version(&group),
        wanted: group.workload.map(|workload| workload.replicas),
        brokers: group.pods.into_iter().map(|(_, broker)| broker).collect(),
    })
}

/// The lowest version among the pods, for in the middle of a roll that is what can be relied on.
fn version(group: &Group<'_>) -> Option<String> {
    let of = |containers: &[Container], name: &str| {
        let container = containers.iter().find(|c| c.name == name)?;
        Image::parse(&container.image).kafka_version()
    };
    let running: BTreeSet<(Vec<u32>, String)> = group
        .pods
        .iter()
        .filter_map(|(pod, broker)| of(&pod.containers, &broker.container))
        .map(|v| (v.split('.').filter_map(|n| n.parse().ok()).collect(), v))
        .collect();
    match running.into_iter().next() {
        Some((_, lowest)) => Some(lowest),
        None if group.pods.is_empty() => of(&group.workload?.containers, &group.template.as_ref()?.container),
        None => None,
    }
}

/// A pod as the workload's template would make it.
fn template_pod(workload: &Workload, flavour: Flavour) -> Pod {
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
fn workload_of(pod: &Pod, deployments: &[&Workload]) -> Option<(InstallationId, Flavour)> {
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
