//! Which objects are an installation's, by kind and name, those that are gone included.
//!
//! Events outlive what they are about: a pod that was replaced had another name than its successor where a Deployment
//! makes them. Names are compared by their stem, what is left without a number or a hash at the end.

use std::collections::BTreeSet;

use super::objects;
use crate::{
    domain::{
        ids::{ObjectKey, ObjectRef},
        installation::{Flavour, Installation},
    },
    world::KubeWorld,
};

/// The objects of one installation.
pub struct Belongs<'a> {
    kube: &'a KubeWorld,
    installation: &'a Installation,
    namespace: &'a str,
    stems: BTreeSet<(&'static str, String)>,
}

impl<'a> Belongs<'a> {
    /// The objects of this installation.
    pub fn of(kube: &'a KubeWorld, installation: &'a Installation) -> Self {
        let mut stems = BTreeSet::new();
        let pods = objects::pods_of(kube, installation);
        for key in objects::claims_of(kube, &pods) {
            stems.insert(("pvc", stem(&key.name).to_owned()));
        }
        for key in &pods {
            // A pod's maker goes by its stem, and so does the ReplicaSet between the two.
            stems.insert(("pod", stem(&key.name).to_owned()));
        }
        for owner in installation.owners.iter().map(|owner| &owner.key.name).chain([&installation.id.name]) {
            stems.insert(("owner", owner.clone()));
            stems.insert(("pod", owner.clone()));
        }
        Self { kube, installation, namespace: &installation.id.namespace, stems }
    }

    /// Whether an object is one of them.
    pub fn has(&self, object: &ObjectRef) -> bool {
        let key = || ObjectKey::new(&object.namespace, &object.name);
        let is_named = |of: &'static str| self.stems.contains(&(of, stem(&object.name).to_owned()));
        let is_own = |of: &'static str| self.stems.contains(&(of, object.name.clone()));
        let is_labelled = |labels: Option<&std::collections::BTreeMap<String, String>>| {
            labels.and_then(|labels| labels.get(objects::CLUSTER)) == Some(&self.installation.id.name)
        };
        match object.kind.as_str() {
            "kafkatopic" => is_labelled(self.kube.topics.get(&key()).map(|topic| &topic.meta.labels)),
            "kafkauser" => is_labelled(self.kube.users.get(&key()).map(|user| &user.meta.labels)),
            "kafkanodepool" => is_labelled(self.kube.node_pools.get(&key()).map(|pool| &pool.meta.labels)),
            "strimzipodset" => is_labelled(self.kube.pod_sets.get(&key()).map(|set| &set.meta.labels)),
            _ if object.namespace != self.namespace => false,
            "pvc" => is_named("pvc"),
            "pod" => is_named("pod"),
            "statefulset" | "deployment" => is_own("owner") || is_own("pod"),
            "replicaset" => {
                object.name.rsplit_once('-').is_some_and(|(name, _)| self.stems.contains(&("pod", name.to_owned())))
            }
            "kafka" => self.installation.flavour == Flavour::Strimzi && object.name == self.installation.id.name,
            _ => false,
        }
    }
}

/// A name without what numbers it: `kafka` of `kafka-0`, and of `kafka-7d4f8b9c6d-x2x7p`.
pub fn stem(name: &str) -> &str {
    let Some((front, last)) = name.rsplit_once('-') else { return name };
    let is_made = |word: &str| word.chars().all(|c| c.is_ascii_digit() || c.is_ascii_lowercase());
    if !last.is_empty() && last.chars().all(|c| c.is_ascii_digit()) {
        return front;
    }
    match front.rsplit_once('-') {
        Some((front, hash)) if last.len() == 5 && (8..=10).contains(&hash.len()) && is_made(last) && is_made(hash) => {
            front
        }
        _ => name,
    }
}
