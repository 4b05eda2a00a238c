//! What an object must be to be kept: its name, the types of its fields, and what may not change.

use k8s_openapi::api::{
    apps::v1::{Deployment, StatefulSet},
    core::v1::{ConfigMap, Namespace, Node, PersistentVolumeClaim, Pod, Secret, Service},
    policy::v1::PodDisruptionBudget,
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{resources::Resource, status::Refusal};

/// Fields of a StatefulSet's spec that may change.
const CHANGEABLE: [&str; 7] = [
    "minReadySeconds",
    "ordinals",
    "persistentVolumeClaimRetentionPolicy",
    "replicas",
    "revisionHistoryLimit",
    "template",
    "updateStrategy",
];

/// Refuses an object that a real server would not keep.
pub fn check(resource: &Resource, before: Option<&Value>, object: &Value) -> Result<(), Refusal> {
    readable(resource, object)?;
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    let invalid = |cause: &str, field: &str, message: &str| {
        Err(Refusal::invalid(&resource.qualified_kind(), name, cause, field, message))
    };
    if name.is_empty() {
        let message = "Required value: name or generateName is required";
        return invalid("FieldValueRequired", "metadata.name", message);
    }
    if !is_name(name) {
        let message = format!(
            "Invalid value: \"{name}\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric \
             characters, '-' or '.', and must start and end with an alphanumeric character"
        );
        return invalid("FieldValueInvalid", "metadata.name", &message);
    }
    if let Some(replicas) = object["spec"]["replicas"].as_i64().filter(|n| *n < 0) {
        let message = format!("Invalid value: {replicas}: must be greater than or equal to 0");
        return invalid("FieldValueInvalid", "spec.replicas", &message);
    }
    match (resource.plural, before) {
        ("statefulsets", Some(before)) if fixed(before) != fixed(object) => {
            let message = "Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', \
                           'template', 'updateStrategy', 'revisionHistoryLimit', \
                           'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";
            invalid("FieldValueForbidden", "spec", message)
        }
        ("persistentvolumeclaims", Some(before)) if storage(object) < storage(before) => {
            let message = "Forbidden: field can not be less than status.capacity";
            invalid("FieldValueForbidden", "spec.resources.requests.storage", message)
        }
        _ => Ok(()),
    }
}

/// What may not change of a StatefulSet's spec.
fn fixed(object: &Value) -> Vec<(&String, &Value)> {
    let fields = object["spec"].as_object().into_iter().flatten();
    let mut fixed: Vec<_> = fields.filter(|(name, _)| !CHANGEABLE.contains(&name.as_str())).collect();
    fixed.sort_unstable_by_key(|(name, _)| *name);
    fixed
}

/// What a claim asks for, in bytes.
fn storage(claim: &Value) -> Option<u128> {
    let text = claim["spec"]["resources"]["requests"]["storage"].as_str()?;
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u128 = text[..end].parse().ok()?;
    let power = |base: u128, unit: &str| "KMGTPE".find(unit.get(..1)?).map(|at| base.pow(at as u32 + 1));
    let factor = match &text[end..] {
        "" => 1,
        unit if unit.ends_with('i') => power(1024, unit)?,
        unit => power(1000, &unit.to_ascii_uppercase())?,
    };
    number.checked_mul(factor)
}

/// Whether a claim asks for more than before.
pub fn grows(before: &Value, after: &Value) -> bool {
    storage(after) > storage(before)
}

fn is_name(name: &str) -> bool {
    let alphanumeric = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    name.len() <= 253
        && name.split('.').all(|part| {
            part.chars().all(|c| c == '-' || alphanumeric(Some(c)))
                && alphanumeric(part.chars().next())
                && alphanumeric(part.chars().last())
        })
}

/// Refuses a patch that gives a field another type; its answer is not that of an object which cannot be read.
pub fn check_patched(resource: &Resource, patched: &Value) -> Result<(), Refusal> {
    read(resource, patched).map_err(|why| {
        let message = format!("Invalid value: \"patch\": json: {why}");
        Refusal::invalid("", "", "FieldValueInvalid", "patch", &message)
    })
}

/// Refuses fields whose type is another than that of the resource.
fn readable(resource: &Resource, object: &Value) -> Result<(), Refusal> {
    read(resource, object).map_err(|why| {
        let (kind, version) = (resource.kind, resource.version);
        Refusal::bad_request(format!("{kind} in version \"{version}\" cannot be handled as a {kind}: json: {why}"))
    })
}

/// Whether an object has the types of its resource; the error is the reader's.
fn read(resource: &Resource, object: &Value) -> Result<(), String> {
    match resource.plural {
        "configmaps" => reads::<ConfigMap>(object),
        "deployments" => reads::<Deployment>(object),
        "namespaces" => reads::<Namespace>(object),
        "nodes" => reads::<Node>(object),
        "persistentvolumeclaims" => reads::<PersistentVolumeClaim>(object),
        "poddisruptionbudgets" => reads::<PodDisruptionBudget>(object),
        "pods" => reads::<Pod>(object),
        "secrets" => reads::<Secret>(object),
        "services" => reads::<Service>(object),
        "statefulsets" => reads::<StatefulSet>(object),
        _ => Ok(()),
    }
}

fn reads<T: DeserializeOwned>(object: &Value) -> Result<(), String> {
    T::deserialize(object).map(drop).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::api::resources::find;
    use serde_json::json;

    fn sets() -> &'static Resource {
        find("apps", "v1", "statefulsets", &[]).unwrap()
    }

    fn set(service: &str, replicas: &Value) -> Value {
        let template = json!({"metadata": {}, "spec": {"containers": []}});
        let spec = json!({"serviceName": service, "replicas": replicas, "selector": {}, "template": template});
        json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "kafka"}, "spec": spec})
    }

    #[test]
    fn a_stateful_sets_size_may_change_and_its_service_may_not() {
        let before = set("a", &json!(3));
        assert_eq!(check(sets(), Some(&before), &set("a", &json!(4))), Ok(()));
        assert!(check(sets(), Some(&before), &set("b", &json!(3))).is_err());
        assert!(check(sets(), Some(&before), &set("a", &json!(-1))).is_err());
        assert!(check(sets(), Some(&before), &set("a", &json!("three"))).is_err());
    }

    #[test]
    fn claims_grow_and_do_not_shrink() {
        let claims = find("", "v1", "persistentvolumeclaims", &[]).unwrap();
        let claim = |size: &str| {
            json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "c"},
                "spec": {"resources": {"requests": {"storage": size}}}})
        };
        assert_eq!(check(claims, Some(&claim("1Gi")), &claim("2Gi")), Ok(()));
        assert!(check(claims, Some(&claim("1Gi")), &claim("512Mi")).is_err());
        assert_eq!(storage(&claim("10k")), Some(10_000));
        assert_eq!(storage(&claim("ü")), None);
    }

    #[test]
    fn names_are_those_of_hosts() {
        for good in ["a", "kafka-0", "a.b-c.d0"] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", "A", "-a", "a-", "a..b", "a_b", "ü", &"a".repeat(254)] {
            assert!(!is_name(bad), "{bad}");
        }
    }
}
