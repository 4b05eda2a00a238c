//! Installations of Koperator: bare pods that a `KafkaCluster` resource owns.
//!
//! Each pod says by its labels whose it is and which id it has; the operator writes them, and the owner proves
//! that it did.

use std::collections::BTreeMap;

use super::{
    image::Image,
    installations::{Objects, lowest},
    score::judged,
    settings::Settings,
    ways,
};
use crate::domain::{
    ids::{BrokerId, InstallationId, ObjectKey},
    installation::{BrokerPod, Evidence, Flavour, Installation, OwnerObject, Role},
    kubernetes::Pod,
};

/// The owner's kind.
const KIND: &str = "KafkaCluster";

/// Points for being of the operator.
const PROOF: i32 = 70;

/// All of them.
pub(super) fn installations(objects: &Objects<'_>) -> Vec<Installation> {
    let mut clusters: BTreeMap<InstallationId, Vec<(&Pod, BrokerPod)>> = BTreeMap::new();
    for pod in &objects.pods {
        if let Some((id, broker)) = broker(pod, objects) {
            clusters.entry(id).or_default().push((pod, broker));
        }
    }
    clusters.into_iter().map(|(id, pods)| installation(id, pods, objects)).collect()
}

/// The cluster of a pod, and the pod as a broker of it.
fn broker(pod: &Pod, objects: &Objects<'_>) -> Option<(InstallationId, BrokerPod)> {
    let owner = pod.meta.owner.as_ref().filter(|owner| owner.kind == KIND)?;
    let label = |key: &str| pod.meta.labels.get(key);
    let id: i32 = label("brokerId")?.parse().ok().filter(|id| *id >= 0)?;
    // The cluster's other pods have no id; what completed is on its way out.
    label("kafka_cr")?;
    let maps = objects.maps_of(&pod.meta.namespace, &pod.config_maps);
    let mut broker = judged(pod, &objects.services, &maps)?;
    broker.score += PROOF;
    broker.evidence.push(Evidence { points: PROOF, what: format!("is broker {id} of {KIND} {}", owner.name) });
    broker.id_hint = Some(BrokerId(id));
    Some((InstallationId::new(&pod.meta.namespace, &owner.name), broker))
}

/// The installation of a cluster's pods.
fn installation(id: InstallationId, pods: Vec<(&Pod, BrokerPod)>, objects: &Objects<'_>) -> Installation {
    let settings = pods.first().and_then(|(pod, broker)| {
        let container = pod.containers.iter().find(|container| container.name == broker.container)?;
        let maps = objects.maps_of(&pod.meta.namespace, &pod.config_maps);
        Some(Settings::of(container).with(container, &maps))
    });
    let settings = settings.unwrap_or_default();
    let images = pods.iter().flat_map(|(pod, _)| &pod.containers);
    let version = lowest(images.filter_map(|container| Image::parse(&container.image).kafka_version()));
    let (listeners, ways) = ways::of_settings(&settings, None);
    let key = ObjectKey::new(&id.namespace, &id.name);
    // Each broker has a ConfigMap of its own; one tells how they are made.
    let configs = pods.first().map(|(pod, _)| pod.config_maps.as_slice()).unwrap_or_default();
    let configs = configs.iter().take(2).map(|name| ObjectKey::new(&id.namespace, name)).collect();
    let (controllers, brokers) =
        pods.into_iter().map(|(_, broker)| broker).partition(|b: &BrokerPod| b.roles == [Role::Controller]);
    Installation {
        id,
        flavour: Flavour::Koperator,
        kafka_version: version,
        brokers,
        controllers,
        mode: settings.mode(),
        owners: vec![OwnerObject {
            api_version: "kafka.banzaicloud.io/v1beta1".to_owned(),
            kind: KIND.to_owned(),
            key,
        }],
        listeners,
        ways,
        configs,
        ..Installation::default()
    }
}
