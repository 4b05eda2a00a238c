//! Installations that came with Bitnami's chart, of any of its four generations.
//!
//! Up to chart 23 there is one StatefulSet, since 24 one of nodes that may be controllers and one of brokers
//! alone, both of one release: together they are one installation. Its labels alone prove nothing (the chart's
//! exporter and its jobs carry the same), so a StatefulSet must also run a broker, or a controller.

use std::collections::BTreeMap;

use super::{
    image::Image,
    installations::{Group, Objects, version},
    plain, ways,
};
use crate::domain::{
    helm::Release,
    ids::{BrokerId, InstallationId},
    installation::{Flavour, HelmRelease, Installation},
};

/// The label of the part a pod plays.
const COMPONENT: &str = "app.kubernetes.io/component";

/// Where the chart's container keeps its data, whichever image it is.
const HOME: &str = "/bitnami/kafka";

/// From where ids of the StatefulSet of brokers are counted (`broker.minId`).
const FIRST_BROKER: i32 = 100;

/// Takes the groups that are Bitnami's, and makes one installation of those of one release.
pub(super) fn take(groups: &mut Vec<Group<'_>>, objects: &Objects<'_>) -> Vec<Installation> {
    let mut releases: BTreeMap<InstallationId, Vec<Group<'_>>> = BTreeMap::new();
    for group in std::mem::take(groups) {
        match release_of(&group) {
            Some(id) => releases.entry(id).or_default().push(group),
            None => groups.push(group),
        }
    }
    let mut found = Vec::new();
    for (id, parts) in releases {
        if parts.iter().any(Group::has_broker) {
            found.push(installation(id, parts, objects));
        } else {
            groups.extend(parts);
        }
    }
    found
}

/// The installation that a StatefulSet of the chart belongs to.
fn release_of(group: &Group<'_>) -> Option<InstallationId> {
    if group.flavour != Flavour::StatefulSet || !(group.has_broker() || group.is_quorum()) {
        return None;
    }
    let labels = group.labels()?;
    let label = |key: &str| labels.get(key).map(String::as_str);
    if label("app.kubernetes.io/name") != Some("kafka") || !(is_charted(chart(group)) || is_laid_out(group)) {
        return None;
    }
    let name = group.id.name.as_str();
    let full = match label(COMPONENT)? {
        "kafka" => name,
        "controller-eligible" => name.strip_suffix("-controller").unwrap_or(name),
        "broker" => name.strip_suffix("-broker").unwrap_or(name),
        _ => return None,
    };
    Some(InstallationId::new(&group.id.namespace, full))
}

/// The chart, as the pods or their workload are labelled.
fn chart<'a>(group: &Group<'a>) -> Option<&'a str> {
    let of_workload = || group.workload.map(|workload| &workload.meta.labels);
    let key = "helm.sh/chart";
    group.labels().and_then(|labels| labels.get(key)).or_else(|| of_workload()?.get(key)).map(String::as_str)
}

/// True for a chart of the numbers that only Bitnami's has reached.
fn is_charted(chart: Option<&str>) -> bool {
    generation(chart).is_some_and(|major| major >= 10)
}

/// The major version of chart `kafka-32.4.4`.
fn generation(chart: Option<&str>) -> Option<u32> {
    chart?.strip_prefix("kafka-")?.split('.').next()?.parse().ok()
}

/// True for a container laid out as Bitnami's are.
fn is_laid_out(group: &Group<'_>) -> bool {
    group.container().is_some_and(|container| {
        Image::parse(&container.image).is_bitnami() || container.mounts.iter().any(|mount| mount.path.starts_with(HOME))
    })
}

/// The installation of a release's parts.
fn installation(id: InstallationId, mut parts: Vec<Group<'_>>, objects: &Objects<'_>) -> Installation {
    for part in &mut parts {
        count_from_minimum(part);
    }
    // The StatefulSet of controllers first: where there is one, it is never missing.
    parts.sort_by_key(|part| part.id.name.ends_with("-broker"));
    let serving = parts.iter().find(|part| part.has_broker()).unwrap_or(&parts[0]);
    let labels = serving.labels();
    let label = |key: &str| labels.and_then(|labels| labels.get(key)).cloned();
    let release = annotated(serving, "meta.helm.sh/release-name").or_else(|| label("app.kubernetes.io/instance"));
    let chart = chart(serving).map(str::to_owned);
    let namespace = id.namespace.clone();
    let settings = serving.settings(objects);
    let secrets = ways::Bitnami {
        namespace: id.namespace.clone(),
        full: id.name.clone(),
        users: users(serving, objects),
        is_old: generation(chart.as_deref()).is_some_and(|major| major < 24),
    };
    let (listeners, ways) = ways::of_settings(&settings, Some(&secrets));
    let groups: Vec<&Group<'_>> = parts.iter().collect();
    Installation {
        id,
        flavour: Flavour::Bitnami,
        kafka_version: version(serving).or_else(|| label("app.kubernetes.io/version")),
        helm: release.map(|name| helm(name, chart, &namespace, objects)),
        listeners,
        ways,
        super_users: settings.super_users(),
        ..plain::of_groups(&groups, objects)
    }
}

/// A release by its labels, with what Helm keeps of it. Whatever Helm says counts more: a label may be cut off.
fn helm(name: String, chart: Option<String>, namespace: &str, objects: &Objects<'_>) -> HelmRelease {
    let is_it = |one: &&&Release| one.meta.namespace == namespace && one.meta.name == name;
    let kept = objects.releases.iter().find(is_it).map(|one| one.kept.clone());
    let told = kept.as_ref().filter(|kept| kept.problem.is_none()).map(|kept| kept.chart.clone());
    HelmRelease { name, chart: told.or(chart), kept }
}

/// Counts the ids of brokers that are no controllers from where the chart does.
///
/// What is on the volume counts more (`meta.properties`), and so does what a broker answers.
fn count_from_minimum(part: &mut Group<'_>) {
    let is_of_brokers = part.labels().and_then(|labels| labels.get(COMPONENT)).is_some_and(|c| c == "broker");
    let minimum = part.spec().1.iter().flat_map(|container| &container.env);
    let minimum = minimum.filter(|v| v.name == "KAFKA_MIN_ID").find_map(|v| v.value.as_ref()?.parse().ok());
    let minimum: i32 = minimum.unwrap_or(if is_of_brokers { FIRST_BROKER } else { 0 });
    let prefix = format!("{}-", part.id.name);
    for (pod, broker) in &mut part.pods {
        let ordinal: Option<i32> = pod.meta.name.strip_prefix(&prefix).and_then(|ordinal| ordinal.parse().ok());
        // An id that is written out in the pod itself is not the ordinal, and stays.
        if minimum != 0 && broker.id_hint.is_none_or(|id| Some(id.0) == ordinal) {
            broker.id_hint = ordinal.and_then(|ordinal| ordinal.checked_add(minimum)).map(BrokerId);
        }
        broker.pool = Some(part.id.name.clone());
    }
}

/// An annotation of the workload.
fn annotated(part: &Group<'_>, key: &str) -> Option<String> {
    part.workload.and_then(|workload| workload.meta.annotations.get(key)).cloned()
}

/// Users whose passwords the chart keeps, in the order in which it keeps them.
fn users(part: &Group<'_>, objects: &Objects<'_>) -> Vec<String> {
    let (containers, init, configs) = part.spec();
    let mut variables = init.iter().chain(containers).flat_map(|container| &container.env);
    if let Some(users) = variables.find(|v| v.name == "KAFKA_CLIENT_USERS").and_then(|v| v.value.as_ref()) {
        return users.split(',').map(str::trim).filter(|user| !user.is_empty()).map(str::to_owned).collect();
    }
    let own = ["inter_broker_user", "controller_user"];
    let maps = objects.maps_of(&part.id.namespace, configs);
    let named: Vec<String> =
        maps.iter().flat_map(|map| &map.users).filter(|user| !own.contains(&user.as_str())).cloned().collect();
    if named.is_empty() { vec!["user1".to_owned()] } else { named }
}
