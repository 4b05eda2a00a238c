//! Installations that somebody wrote by hand: a StatefulSet or a Deployment whose pods are brokers.
//!
//! Its metadata is in controllers of its own, in another workload's, or in ZooKeepers; the brokers' settings
//! say which, and where they say it the others are found by the names they are addressed by.

use super::{
    installations::{Group, Objects, is_controller, version},
    selects,
    settings::Settings,
    ways,
};
use crate::domain::{
    ids::ObjectKey,
    installation::{BrokerPod, Ensemble, Installation, Mode, OwnerObject, Pool, Role},
    kubernetes::Workload,
};

/// The most hosts of `zookeeper.connect` that are looked for.
const MOST_HOSTS: usize = 9;

/// The groups that are installations.
pub(super) fn take(groups: Vec<Group<'_>>, objects: &Objects<'_>) -> Vec<Installation> {
    let (brokers, others): (Vec<_>, Vec<_>) = groups.into_iter().partition(Group::has_broker);
    let quorums: Vec<_> = others.into_iter().filter(Group::is_quorum).collect();
    brokers.iter().map(|group| installation(group, &quorums, objects)).collect()
}

/// The installation that a group is.
fn installation(group: &Group<'_>, quorums: &[Group<'_>], objects: &Objects<'_>) -> Installation {
    let settings = group.settings(objects);
    let mut installation =
        Installation { kafka_version: version(group), flavour: group.flavour, ..of_groups(&[group], objects) };
    installation.id = group.id.clone();
    for quorum in quorums.iter().filter(|quorum| is_named(quorum, group, &settings)) {
        installation.controllers.extend(quorum.pods.iter().map(|(_, pod)| pod.clone()));
        installation.pools.push(pool(quorum));
        installation.owners.extend(owner(quorum));
    }
    (installation.listeners, installation.ways) = ways::of_settings(&settings, None);
    installation.super_users = settings.super_users();
    installation
}

/// What groups that are one installation have in common, whatever its flavour. The name is the first one's.
pub(super) fn of_groups(groups: &[&Group<'_>], objects: &Objects<'_>) -> Installation {
    let Some(first) = groups.iter().find(|group| !group.is_quorum()).or(groups.first()) else {
        return Installation::default();
    };
    let settings = first.settings(objects);
    let pods = || groups.iter().flat_map(|group| group.pods.iter().map(|(_, pod)| pod.clone()));
    let serving = groups.iter().filter(|group| !group.is_quorum());
    let mut configs: Vec<ObjectKey> = groups.iter().flat_map(|group| group.configs()).collect();
    configs.sort();
    configs.dedup();
    Installation {
        id: first.id.clone(),
        wanted: serving.map(|group| group.workload.map(|w| w.replicas)).sum(),
        brokers: pods().filter(|pod| !is_controller(pod)).collect(),
        controllers: pods().filter(is_controller).collect(),
        mode: settings.mode(),
        ensemble: ensemble(&settings, &first.id.namespace, objects),
        pools: groups.iter().map(|group| pool(group)).collect(),
        owners: groups.iter().filter_map(|group| owner(group)).collect(),
        ephemeral: ephemeral(first),
        configs,
        ..Installation::default()
    }
}

/// A workload as a pool.
fn pool(group: &Group<'_>) -> Pool {
    let pods = || group.pods.iter().map(|(_, pod)| pod);
    let roles: Vec<Role> =
        group.judged().map(|pod| &pod.roles).find(|roles| !roles.is_empty()).cloned().unwrap_or_default();
    Pool {
        name: group.id.name.clone(),
        roles,
        wanted: group.workload.map(|w| w.replicas),
        node_ids: pods().filter_map(|pod| pod.id_hint).collect(),
    }
}

/// The object of a workload.
fn owner(group: &Group<'_>) -> Option<OwnerObject> {
    group.workload.map(|workload| OwnerObject {
        api_version: "apps/v1".to_owned(),
        kind: group.flavour.to_string(),
        key: workload.meta.key(),
    })
}

/// Whether the data goes with the pod: true when no claim is mounted. A template does not tell its claims.
fn ephemeral(group: &Group<'_>) -> Option<bool> {
    let (pod, broker): &(_, BrokerPod) = group.pods.first()?;
    let container = pod.containers.iter().find(|container| container.name == broker.container)?;
    let is_claimed = |volume: &str| pod.volumes.iter().any(|v| v.name == volume && v.claim.is_some() && !v.ephemeral);
    Some(!container.mounts.iter().any(|mount| is_claimed(&mount.volume)))
}

/// True when brokers look for their controllers in this workload.
fn is_named(quorum: &Group<'_>, brokers: &Group<'_>, settings: &Settings) -> bool {
    if quorum.id.namespace != brokers.id.namespace {
        return false;
    }
    let addresses = ["controller.quorum.voters", "controller.quorum.bootstrap.servers"];
    let service = quorum.workload.and_then(|workload| workload.service_name.as_deref());
    let mut hosts = addresses.into_iter().filter_map(|name| settings.value(name)).flat_map(|text| text.split(','));
    hosts.any(|host| {
        let host = host.trim().split_once('@').map_or(host.trim(), |(_, host)| host);
        let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
        let mut parts = host.split('.');
        let is_pod =
            parts.next().and_then(|pod| pod.strip_prefix(&quorum.id.name)).is_some_and(|rest| rest.starts_with('-'));
        is_pod || (service.is_some() && (host.split('.').next() == service || parts.next() == service))
    })
}

/// The ZooKeepers that brokers look for, as far as they are in this cluster.
fn ensemble(settings: &Settings, namespace: &str, objects: &Objects<'_>) -> Option<Ensemble> {
    if settings.mode() != Some(Mode::ZooKeeper) {
        return None;
    }
    let connect = settings.value("zookeeper.connect").unwrap_or_default().to_owned();
    let mut ensemble = Ensemble { connect: connect.clone(), ..Ensemble::default() };
    let hosts = connect.split('/').next().unwrap_or_default().split(',').take(MOST_HOSTS);
    let found = hosts.map(|host| host.trim().rsplit_once(':').map_or(host.trim(), |(host, _)| host));
    let Some(workload) = found.into_iter().find_map(|host| member_of(host, namespace, objects)) else {
        return Some(ensemble);
    };
    let owned = |pod: &&&crate::domain::kubernetes::Pod| {
        let owner = pod.meta.owner.as_ref();
        pod.meta.namespace == workload.meta.namespace && owner.is_some_and(|owner| owner.name == workload.meta.name)
    };
    ensemble.pods = objects.pods.iter().filter(owned).map(|pod| pod.meta.key()).collect();
    ensemble.wanted = Some(workload.replicas);
    ensemble.workload = Some(workload.meta.key());
    Some(ensemble)
}

/// The StatefulSet behind a host name: `pod.service…` of it, or a service that selects its pods.
fn member_of<'a>(host: &str, namespace: &str, objects: &Objects<'a>) -> Option<&'a Workload> {
    let parts: Vec<&str> = host.split('.').collect();
    let sets = &objects.stateful_sets;
    // `pod.service` and `service.namespace` look alike, so both are tried.
    let by_pod = parts.get(1).and_then(|service| {
        let space = parts.get(2).copied().unwrap_or(namespace);
        let is_it = |set: &&&Workload| {
            set.meta.namespace == space
                && set.service_name.as_deref() == Some(*service)
                && parts[0].strip_prefix(&set.meta.name).is_some_and(|rest| rest.starts_with('-'))
        };
        sets.iter().find(is_it)
    });
    let by_service = || {
        let space = parts.get(1).copied().unwrap_or(namespace);
        let service = objects.services.iter().find(|s| s.meta.name == parts[0] && s.meta.namespace == space)?;
        sets.iter().find(|set| selects(service, &set.meta.namespace, &set.template_labels))
    };
    by_pod.or_else(by_service).copied()
}
