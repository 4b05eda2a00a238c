//! Installations of Confluent for Kubernetes: StatefulSets that its operator makes of its custom resources.
//!
//! They are known by the label of their part and by being owned by a resource of that operator; what they run
//! is judged like any other. Controllers are a StatefulSet of their own in the same namespace.

use super::{
    image::Image,
    installations::{Group, Objects, version},
    plain, ways,
};
use crate::domain::installation::{BrokerPod, Evidence, Flavour, Installation, Mode, OwnerObject, Role};

/// The label of a pod's part.
const TYPE: &str = "platform.confluent.io/type";

/// Points for being of the operator.
const PROOF: i32 = 70;

/// The custom resources' version.
const API_VERSION: &str = "platform.confluent.io/v1beta1";

/// Takes the groups that are Confluent's.
pub(super) fn take(groups: &mut Vec<Group<'_>>, objects: &Objects<'_>) -> Vec<Installation> {
    let (mut mine, rest): (Vec<_>, Vec<_>) =
        std::mem::take(groups).into_iter().partition(|group| part(group).is_some());
    *groups = rest;
    mine.iter_mut().for_each(prove);
    let (brokers, quorums): (Vec<_>, Vec<_>) = mine.into_iter().partition(|group| part(group) == Some("kafka"));
    let alone = |group: &Group<'_>| brokers.iter().filter(|b| b.id.namespace == group.id.namespace).count() == 1;
    brokers
        .iter()
        .map(|group| {
            // Nothing in Kubernetes says whose controllers they are where a namespace has several Kafkas.
            let own = quorums.iter().filter(|q| q.id.namespace == group.id.namespace && alone(group));
            let parts: Vec<&Group<'_>> = std::iter::once(group).chain(own).collect();
            installation(group, &parts, objects)
        })
        .collect()
}

/// `kafka` or `kraftcontroller`, for a StatefulSet of the operator's that holds a server.
fn part<'a>(group: &Group<'a>) -> Option<&'a str> {
    let part = group.labels()?.get(TYPE)?.as_str();
    let is_server = group.container().is_some_and(|container| Image::parse(&container.image).is_broker());
    let is_owned = group.workload.is_none_or(|w| w.meta.owner.as_ref().is_none_or(|o| o.kind.starts_with('K')));
    (matches!(part, "kafka" | "kraftcontroller") && is_server && is_owned).then_some(part)
}

/// Notes what proves them, in every pod and the template.
fn prove(group: &mut Group<'_>) {
    let Some(part) = part(group) else { return };
    let role = if part == "kafka" { Role::Broker } else { Role::Controller };
    let note = |broker: &mut BrokerPod| {
        broker.score += PROOF;
        broker.evidence.push(Evidence { points: PROOF, what: format!("is a {part} of Confluent's operator") });
        if broker.roles.is_empty() || role == Role::Controller {
            broker.roles = vec![role];
        }
    };
    group.pods.iter_mut().map(|(_, broker)| broker).chain(&mut group.template).for_each(note);
}

/// The installation of a StatefulSet of brokers and its controllers.
fn installation(group: &Group<'_>, parts: &[&Group<'_>], objects: &Objects<'_>) -> Installation {
    let common = plain::of_groups(parts, objects);
    let (listeners, ways) = ways::of_settings(&group.settings(objects), None);
    let mut owners: Vec<OwnerObject> = parts
        .iter()
        .map(|part| OwnerObject {
            api_version: API_VERSION.to_owned(),
            kind: if part.is_quorum() { "KRaftController" } else { "Kafka" }.to_owned(),
            key: crate::domain::ids::ObjectKey::new(&part.id.namespace, &part.id.name),
        })
        .collect();
    owners.extend(common.owners.iter().cloned());
    Installation {
        id: group.id.clone(),
        flavour: Flavour::Confluent,
        kafka_version: version(group),
        mode: common.mode.or((!common.controllers.is_empty()).then_some(Mode::KRaft)),
        owners,
        listeners,
        ways,
        ..common
    }
}
