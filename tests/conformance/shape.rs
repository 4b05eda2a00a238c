//! The shape of an answer: what stays the same from one cluster to the next.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Fields by their path, with the types that their values have.
pub type Fields = BTreeMap<String, BTreeSet<String>>;

/// The shape of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape {
    /// Code.
    pub code: u16,
    /// Type of the body.
    pub content_type: String,
    /// Reason of a `Status`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Fields; those of an event are below its type.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", with = "joined")]
    pub fields: Fields,
}

impl Shape {
    /// True when a field stands in a list that has no items.
    pub fn is_empty_list(&self, field: &str) -> bool {
        let list = field.find("[]").map(|end| &field[..end + 2]);
        list.is_some_and(|list| !self.fields.keys().any(|known| known.starts_with(list)))
    }
}

/// Types of a field as one text, so that the record is a line for each.
mod joined {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::Fields;

    pub fn serialize<S: Serializer>(fields: &Fields, serializer: S) -> Result<S::Ok, S::Error> {
        let joined = |types: &std::collections::BTreeSet<String>| types.iter().cloned().collect::<Vec<_>>().join("|");
        let texts: BTreeMap<&String, String> = fields.iter().map(|(path, types)| (path, joined(types))).collect();
        texts.serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Fields, D::Error> {
        let texts = BTreeMap::<String, String>::deserialize(deserializer)?;
        let split = |text: String| text.split('|').map(str::to_owned).collect();
        Ok(texts.into_iter().map(|(path, types)| (path, split(types))).collect())
    }
}

/// Objects whose keys are chosen by their makers.
const FREE: [&str; 9] = [
    "allocatable",
    "allocatedResources",
    "annotations",
    "capacity",
    "data",
    "labels",
    "limits",
    "matchLabels",
    "requests",
];

/// Gathers the fields of a value below a path.
pub fn gather(value: &Value, path: &str, fields: &mut Fields) {
    let name = path.rsplit('.').next().unwrap_or_default();
    match value {
        Value::Object(object) => {
            note(path, "object", fields);
            let is_free = FREE.contains(&name) || (name == "selector" && object.values().all(Value::is_string));
            for (key, value) in object.iter().filter(|(key, _)| *key != "managedFields") {
                let key = if is_free { "*" } else { key };
                let below = if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
                gather(value, &below, fields);
            }
        }
        Value::Array(elements) => {
            note(path, "array", fields);
            for element in elements {
                gather(element, &format!("{path}[]"), fields);
            }
        }
        Value::String(_) => note(path, "string", fields),
        Value::Number(_) => note(path, "number", fields),
        Value::Bool(_) => note(path, "bool", fields),
        Value::Null => note(path, "null", fields),
    }
}

fn note(path: &str, kind: &str, fields: &mut Fields) {
    if !path.is_empty() {
        fields.entry(path.to_owned()).or_default().insert(kind.to_owned());
    }
}

/// How an answer differs from the recorded one: its head, fields that must be there, and fields that it invents.
pub fn differences(found: &Shape, recorded: &Shape, needed: &[&str], invents: bool) -> Vec<String> {
    let mut all = Vec::new();
    let head = |shape: &Shape| format!("{} {} {:?}", shape.code, shape.content_type, shape.reason);
    if head(found) != head(recorded) {
        all.push(format!("answers {} instead of {}", head(found), head(recorded)));
    }
    for path in needed {
        match (found.fields.get(*path), recorded.fields.get(*path)) {
            (Some(one), Some(other)) if one.is_subset(other) || other.is_subset(one) => {}
            (one, other) => all.push(format!("{path} is {one:?} instead of {other:?}")),
        }
    }
    for (path, types) in found.fields.iter().filter(|_| invents) {
        match recorded.fields.get(path) {
            None => all.push(format!("{path} is invented")),
            Some(real) if !types.is_subset(real) => all.push(format!("{path} is {types:?} instead of {real:?}")),
            Some(_) => {}
        }
    }
    all
}
