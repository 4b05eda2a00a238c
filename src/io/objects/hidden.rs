//! What of an object is not shown: values that may be secrets, and what only machines read.
//!
//! Pure. Values of variables and of command lines are hidden by the rules of `translate::pod`; annotations and the
//! settings of volumes by the words in their names and values.

use serde_json::{Map, Value};

use super::super::translate::{command, is_public};
use crate::domain::text::redacted;

/// What stands in place of a hidden value.
const HIDDEN: &str = "***";
/// The whole object once more, with all that is hidden here.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The object as it may be shown, its fields in the order of the alphabet as `kubectl` has them.
pub fn shown(mut object: Value) -> Value {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.retain(|field, _| field != "managedFields");
    }
    hide(&mut object);
    object.sort_all_objects();
    object
}

/// Hides what is in a value, however deep.
fn hide(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(hide),
        Value::Object(fields) => {
            fields.retain(|name, field| !(name == "annotations" && are_of_machines(field)));
            fields.iter_mut().for_each(|(name, field)| hide_field(name, field));
        }
        _ => {}
    }
}

fn hide_field(name: &str, field: &mut Value) {
    match (name, &mut *field) {
        ("env", Value::Array(variables)) => variables.iter_mut().for_each(hide_variable),
        ("httpHeaders", Value::Array(headers)) => headers.iter_mut().for_each(hide_value),
        ("command" | "args", Value::Array(words)) => hide_words(words),
        ("annotations" | "volumeAttributes" | "options", Value::Object(texts)) => hide_texts(texts),
        _ => hide(field),
    }
}

/// Leaves out what only machines read; true when nothing else was there.
fn are_of_machines(annotations: &mut Value) -> bool {
    let Some(texts) = annotations.as_object_mut() else { return false };
    let before = texts.len();
    texts.retain(|name, _| name != LAST_APPLIED);
    before > 0 && texts.is_empty()
}

fn hide_variable(variable: &mut Value) {
    if !variable["name"].as_str().is_some_and(is_public) {
        hide_value(variable);
    }
}

fn hide_value(named: &mut Value) {
    if let Some(value) = named.get_mut("value").filter(|value| !value.is_null() && value.as_str() != Some("")) {
        *value = HIDDEN.into();
    }
}

fn hide_words(words: &mut [Value]) {
    let texts: Vec<String> = words.iter().map(|word| word.as_str().unwrap_or_default().to_owned()).collect();
    for (word, shown) in words.iter_mut().zip(command(texts.iter())).filter(|(word, _)| word.is_string()) {
        *word = shown.into();
    }
}

/// Texts by name: one whose name promises a secret is hidden whole.
fn hide_texts(texts: &mut Map<String, Value>) {
    for (name, text) in texts.iter_mut() {
        let probe = format!("{name}=x");
        *text = match text.as_str() {
            Some(_) if redacted(&probe) != probe => HIDDEN.into(),
            Some(plain) => redacted(plain).into(),
            None => continue,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_that_may_be_secrets_are_hidden_wherever_containers_are() {
        let container = || {
            json!({
                "name": "kafka",
                "command": ["start", "--admin-password", "hunter2"],
                "args": ["ssl.key.password=hunter2 next"],
                "env": [
                    {"name": "KAFKA_CFG_LISTENERS", "value": "PLAINTEXT://:9092"},
                    {"name": "KAFKA_CLIENT_PASSWORDS", "value": "hunter2"},
                    {"name": "KAFKA_HEAP_OPTS", "value": "-Xmx1g hunter2"},
                    {"name": "EMPTY", "value": ""},
                    {"name": "REF", "valueFrom": {"secretKeyRef": {"name": "s", "key": "password"}}},
                    {"value": "hunter2"},
                ],
                "livenessProbe": {"httpGet": {"httpHeaders": [{"name": "Authorization", "value": "hunter2"}]}},
                "lifecycle": {"preStop": {"exec": {"command": ["stop", "--token=hunter2"]}}},
            })
        };
        let set = shown(json!({
            "kind": "StatefulSet", "metadata": {"name": "kafka"},
            "spec": {"template": {"spec": {"containers": [container()], "initContainers": [container()],
                "volumes": [{"csi": {"volumeAttributes": {"server": "nfs", "password": "hunter2"}}}]}}},
        }));
        let text = set.to_string();
        assert!(!text.contains("hunter2"), "{text}");
        let container = &set["spec"]["template"]["spec"]["containers"][0];
        let values: Vec<&Value> = container["env"].as_array().unwrap().iter().map(|v| &v["value"]).collect();
        assert_eq!(
            values,
            [&json!("PLAINTEXT://:9092"), &json!("***"), &json!("***"), &json!(""), &json!(null), &json!("***")]
        );
        assert_eq!(container["env"][4]["valueFrom"]["secretKeyRef"]["key"], "password", "a reference is no secret");
        assert_eq!(container["args"], json!(["ssl.key.password=*** next"]));
        assert_eq!(set["spec"]["template"]["spec"]["volumes"][0]["csi"]["volumeAttributes"]["server"], "nfs");
    }

    #[test]
    fn what_only_machines_read_is_left_out_and_other_annotations_stay() {
        let pod = |annotations: Value| {
            shown(json!({"kind": "Pod", "apiVersion": "v1",
                "metadata": {"name": "kafka-0", "managedFields": [{"manager": "x"}], "annotations": annotations}}))
        };
        let bare = pod(json!({LAST_APPLIED: "{\"env\": \"hunter2\"}"}));
        assert_eq!(bare.to_string(), r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"kafka-0"}}"#);
        let noted = pod(json!({LAST_APPLIED: "{}", "team": "shop", "example.com/admin-password": "hunter2 and more",
            "note": "the password: hunter2", "odd": 1}));
        assert_eq!(
            noted["metadata"]["annotations"],
            json!({"example.com/admin-password": "***",
            "note": "the password: ***", "odd": 1, "team": "shop"})
        );
    }

    #[test]
    fn an_object_of_any_shape_is_survived() {
        for odd in [json!(null), json!([1]), json!({"metadata": 1, "env": {"a": 1}, "command": "x", "annotations": []})]
        {
            shown(odd);
        }
        assert_eq!(
            shown(json!({"env": [1, null], "command": [1, "a"]})),
            json!({"command": [1, "a"], "env": [1, null]})
        );
    }
}
