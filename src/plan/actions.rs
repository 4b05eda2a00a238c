//! The actions, one file each, and what several of them need.
//!
//! Called through `catalog` alone.

pub mod canary;
pub mod message_produce;
pub mod smoke;
mod temporary;
pub mod topic_create;

use serde_json::{Value, json};

use super::{Refusal, op::Target};
use crate::{
    discover::Choice,
    domain::{installation::Flavour, kubernetes::Meta, strimzi::KafkaResource},
    world::Reading,
};

/// Strimzi's resource of an installation, if it has one and it can be seen.
pub fn kafka_resource<'a>(reading: &Reading<'a>) -> Option<&'a KafkaResource> {
    let id = &reading.installation.id;
    let is = |key: &&crate::domain::ids::ObjectKey| key.namespace == id.namespace && key.name == id.name;
    let found = reading.world.kube.kafkas.iter().find(|(key, _)| is(key)).map(|(_, found)| found.as_ref());
    found.filter(|_| reading.installation.flavour == Flavour::Strimzi)
}

/// A custom resource of Strimzi beside its `Kafka`, in the version that is served.
pub fn strimzi_target(kafka: &KafkaResource, kind: &str, namespace: &str, name: &str) -> Target {
    Target {
        api_version: kafka.api_version.clone(),
        kind: kind.to_owned(),
        resource: format!("{}s", kind.to_lowercase()),
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    }
}

/// The manifest of such a resource.
pub fn manifest(target: &Target, cluster: &str, spec: Value) -> Value {
    json!({
        "apiVersion": target.api_version,
        "kind": target.kind,
        "metadata": {
            "name": target.name,
            "namespace": target.namespace,
            "labels": {"strimzi.io/cluster": cluster},
        },
        "spec": spec,
    })
}

/// Who keeps an object as it is declared somewhere else, and would undo a change: `Flux (Kustomization apps)`.
pub fn keeper(meta: &Meta) -> Option<String> {
    let label = |key: &str| meta.labels.get(key).or_else(|| meta.annotations.get(key)).map(String::as_str);
    if let Some(name) = label("kustomize.toolkit.fluxcd.io/name") {
        return Some(format!("Flux (Kustomization {name})"));
    }
    if let Some(name) = label("helm.toolkit.fluxcd.io/name") {
        return Some(format!("Flux (HelmRelease {name})"));
    }
    if let Some(name) = label("argocd.argoproj.io/instance").or_else(|| label("argocd.argoproj.io/tracking-id")) {
        return Some(format!("Argo CD ({})", name.split(':').next().unwrap_or(name)));
    }
    let release = label("meta.helm.sh/release-name");
    let by_helm = label("app.kubernetes.io/managed-by") == Some("Helm");
    match release {
        Some(release) => Some(format!("Helm (release {release})")),
        None if by_helm => Some("Helm".to_owned()),
        None => None,
    }
}

/// What to say where somebody else keeps an object.
pub fn kept_warning(meta: &Meta, kind: &str) -> Option<String> {
    let keeper = keeper(meta)?;
    Some(format!(
        "{keeper} declares {kind} {} and will undo this: change it where it is declared; C copies the YAML",
        meta.name
    ))
}

/// Refuses what brokers would be asked without a way to ask them.
///
/// # Errors
/// Why there is none, and whose credential would do.
pub fn brokers_are_open(way: &Choice) -> Result<(), Refusal> {
    let Some(closed) = way.closed() else { return Ok(()) };
    let refusal = Refusal::new(format!("no way into the brokers to change something: {}", closed.what));
    let hint = |user: &String| format!("Consent to its credential with --as {user}, or choose it with K.");
    Err(closed.users.last().map(hint).into_iter().fold(refusal, Refusal::hint))
}

/// The user that brokers see, where it takes one that has to be announced.
pub fn announced(way: &Choice) -> Option<String> {
    let way = way.way().filter(|way| !way.owner.is_unasked())?;
    Some(format!("brokers are asked as {} ({})", way.user().unwrap_or_default(), way.owner.word()))
}
