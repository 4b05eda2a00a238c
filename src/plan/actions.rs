//! The actions, one file each, and what several of them need.
//!
//! Called through `catalog` alone.

pub mod broker_drain;
pub mod broker_rebuild;
pub mod broker_restart;
pub mod brokers_roll;
pub mod canary;
pub mod connectors;
pub mod leaders_elect;
pub mod message_produce;
pub mod offsets_reset;
pub mod pvc_expand;
pub mod reassignment_cancel;
pub mod reassignment_throttle;
pub mod restart;
pub mod smoke;
mod temporary;
pub mod topic_alter;
pub mod topic_create;
pub mod topic_delete;
mod topics;
pub mod user_create;
pub mod user_delete;
pub mod user_rotate;
mod users;

pub use users::known as users_known;

use serde_json::{Value, json};

use super::{
    Plan, Refusal,
    catalog::{ActionSpec, Need},
    op::Target,
    param::Params,
};
use crate::{
    discover::Choice,
    domain::{installation::Flavour, kubernetes::Meta, strimzi::KafkaResource, units::read_duration},
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
pub fn manifest(target: &Target, cluster: &str, spec: &Value) -> Value {
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

/// A plan that does nothing yet.
pub fn planned(spec: &ActionSpec, params: &Params, reading: &Reading<'_>) -> Plan {
    Plan {
        action: spec.id.to_owned(),
        installation: reading.installation.id.clone(),
        params: params.clone(),
        title: spec.title.to_owned(),
        sentence: String::new(),
        risk: spec.risk,
        typed: None,
        details: Vec::new(),
        warnings: Vec::new(),
        undo: String::new(),
        steps: Vec::new(),
    }
}

/// What has to be allowed where an operator looks after such objects in a namespace, and else: brokers are asked.
pub fn unless_declared(
    namespace: Option<&str>,
    verb: &'static str,
    group: &'static str,
    resource: &'static str,
) -> Vec<Need> {
    vec![if namespace.is_some() { Need::Verb { verb, group, resource } } else { Need::Brokers }]
}

/// A length of time as it is typed: `500ms`, `10s`, `2m`.
///
/// # Errors
/// Why it is none.
pub fn is_duration(text: &str) -> Result<(), String> {
    read_duration(text).map(|_| ())
}

/// Topics that can be chosen: all that are not Kafka's own.
pub fn topic_names(reading: &Reading<'_>) -> Vec<String> {
    let all = reading.kafka().into_iter().flat_map(|kafka| kafka.topics.values());
    all.filter(|topic| !topic.internal).map(|topic| topic.name.clone()).collect()
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
