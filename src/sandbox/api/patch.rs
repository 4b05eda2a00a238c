//! What a patch makes of an object: merge, strategic merge, JSON patch and apply.

use serde_json::{Map, Value};

/// The ways of patching, by content type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// RFC 7386.
    Merge,
    /// Lists of Kubernetes' own kinds are merged by their keys.
    Strategic,
    /// RFC 6902.
    Json,
    /// Server-side apply; fields that an applier no longer names stay, since nobody's fields are kept track of.
    Apply,
}

/// Why a patch does not fit.
#[derive(Debug, PartialEq, Eq)]
pub enum Misfit {
    /// It is no patch of its kind.
    Malformed(String),
    /// A test of it failed, or its path is not there.
    Failed(String),
}

impl Way {
    /// The way of a content type, for a kind of Kubernetes' own or for a custom one.
    pub fn of(content_type: &str, builtin: bool) -> Option<Self> {
        match content_type {
            "application/merge-patch+json" => Some(Self::Merge),
            "application/strategic-merge-patch+json" if builtin => Some(Self::Strategic),
            "application/json-patch+json" => Some(Self::Json),
            "application/apply-patch+yaml" => Some(Self::Apply),
            _ => None,
        }
    }

    /// Changes the object.
    pub fn patch(self, object: &mut Value, patch: Value, builtin: bool) -> Result<(), Misfit> {
        if self == Self::Json {
            let operations: json_patch::Patch =
                serde_json::from_value(patch).map_err(|error| Misfit::Malformed(error.to_string()))?;
            return json_patch::patch(object, &operations).map_err(|error| Misfit::Failed(error.to_string()));
        }
        if !patch.is_object() {
            return Err(Misfit::Malformed(
                "json: cannot unmarshal into Go value of type map[string]interface {}".into(),
            ));
        }
        if self != Self::Merge && builtin {
            merge_keyed(object, patch);
        } else {
            json_patch::merge(object, &patch);
        }
        Ok(())
    }
}

/// Merges objects by their fields, lists of keyed objects by their keys, and replaces everything else.
fn merge_keyed(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *target = patch;
        return;
    };
    if patch.get("$patch").is_some_and(|directive| directive == "replace") {
        *target = Value::Object(without_directives(patch));
        return;
    }
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Some(fields) = target.as_object_mut() else { return };
    for (name, value) in patch {
        if let Some(list) = name.strip_prefix("$deleteFromPrimitiveList/") {
            remove_from(fields.get_mut(list), &value);
        } else if name.starts_with('$') {
            // Orders of elements and kept keys: what stands is in order.
        } else if value.is_null() {
            fields.remove(&name);
        } else if let Value::Array(list) = value {
            merge_list(fields.entry(name.clone()).or_insert_with(|| Value::Array(Vec::new())), &name, list);
        } else {
            merge_keyed(fields.entry(name).or_insert(Value::Null), value);
        }
    }
}

fn without_directives(mut fields: Map<String, Value>) -> Map<String, Value> {
    fields.retain(|name, _| !name.starts_with('$'));
    fields
}

fn remove_from(list: Option<&mut Value>, gone: &Value) {
    if let (Some(Value::Array(list)), Some(gone)) = (list, gone.as_array()) {
        list.retain(|element| !gone.contains(element));
    }
}

/// Keys by which the elements of a list are known, in the order in which they are looked for.
fn keys(list: &str) -> &'static [&'static str] {
    match list {
        "containers" | "ephemeralContainers" | "env" | "imagePullSecrets" | "initContainers" | "volumes" => &["name"],
        "conditions" => &["type"],
        "ownerReferences" => &["uid"],
        "ports" => &["containerPort", "port"],
        "taints" => &["key"],
        "topologySpreadConstraints" => &["topologyKey"],
        "volumeMounts" => &["mountPath"],
        _ => &[],
    }
}

fn merge_list(target: &mut Value, name: &str, patch: Vec<Value>) {
    let is_replaced = patch.iter().any(|element| element["$patch"] == "replace");
    let key =
        keys(name).iter().find(|key| patch.iter().all(|element| !element[**key].is_null() || is_directive(element)));
    let (Some(key), Some(list)) = (key.filter(|_| !is_replaced), target.as_array_mut()) else {
        if name == "finalizers" {
            return add_to(target, patch);
        }
        let plain = patch.into_iter().filter(|element| !is_directive(element));
        *target = plain.collect();
        return;
    };
    for element in patch {
        let found = list.iter().position(|present| present[*key] == element[*key]);
        match (found, element["$patch"] == "delete") {
            (Some(at), true) => {
                list.remove(at);
            }
            (Some(at), false) => merge_keyed(&mut list[at], element),
            (None, true) => {}
            (None, false) => {
                let mut new = Value::Null;
                merge_keyed(&mut new, element);
                list.push(new);
            }
        }
    }
}

/// Whether an element says something about its list and is none of it.
fn is_directive(element: &Value) -> bool {
    element.get("$patch").is_some_and(|directive| directive == "replace")
}

fn add_to(target: &mut Value, elements: Vec<Value>) {
    if let Some(list) = target.as_array_mut() {
        for element in elements {
            if !list.contains(&element) {
                list.push(element);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn patched(way: Way, mut object: Value, patch: Value) -> Value {
        way.patch(&mut object, patch, true).unwrap();
        object
    }

    #[test]
    fn a_merge_replaces_lists_and_removes_what_is_null() {
        let object = json!({"a": {"b": 1, "c": 2}, "list": [1, 2]});
        let patch = json!({"a": {"b": null}, "list": [3]});
        assert_eq!(patched(Way::Merge, object, patch), json!({"a": {"c": 2}, "list": [3]}));
    }

    #[test]
    fn a_strategic_merge_finds_containers_variables_and_mounts_by_their_keys() {
        let object = json!({"containers": [
            {"name": "a", "env": [{"name": "X", "value": "1"}, {"name": "Y", "value": "2"}], "command": ["x", "y"]},
            {"name": "b", "volumeMounts": [{"mountPath": "/d", "name": "d"}]},
        ]});
        let patch = json!({
            "$setElementOrder/containers": [{"name": "a"}],
            "containers": [
                {"name": "a", "image": "i", "command": ["z"],
                 "env": [{"name": "X", "value": "3"}, {"name": "Y", "$patch": "delete"}, {"name": "Z", "value": "4"}]},
                {"name": "c"},
            ],
        });
        let expected = json!({"containers": [
            {"name": "a", "env": [{"name": "X", "value": "3"}, {"name": "Z", "value": "4"}], "command": ["z"], "image": "i"},
            {"name": "b", "volumeMounts": [{"mountPath": "/d", "name": "d"}]},
            {"name": "c"},
        ]});
        assert_eq!(patched(Way::Strategic, object, patch), expected);
    }

    #[test]
    fn directives_replace_and_delete() {
        let object = json!({"selector": {"a": "1", "b": "2"}, "finalizers": ["x", "y"]});
        let patch = json!({"selector": {"$patch": "replace", "c": "3"}, "$deleteFromPrimitiveList/finalizers": ["x"]});
        assert_eq!(patched(Way::Strategic, object, patch), json!({"selector": {"c": "3"}, "finalizers": ["y"]}));
        let object = json!({"ports": [{"containerPort": 1}, {"containerPort": 2}], "finalizers": ["x"]});
        let patch = json!({"ports": [{"containerPort": 3}, {"$patch": "replace"}], "finalizers": ["y"]});
        let expected = json!({"ports": [{"containerPort": 3}], "finalizers": ["x", "y"]});
        assert_eq!(patched(Way::Strategic, object, patch), expected);
    }

    #[test]
    fn a_json_patch_that_does_not_fit_says_whose_fault_it_is() {
        let mut object = json!({"a": 1});
        let failed = Way::Json.patch(&mut object, json!([{"op": "test", "path": "/a", "value": 2}]), true);
        assert!(matches!(failed, Err(Misfit::Failed(_))));
        for bad in [json!({}), json!([{"op": "dance"}]), json!(7)] {
            assert!(matches!(Way::Json.patch(&mut object, bad, true), Err(Misfit::Malformed(_))));
        }
        assert!(matches!(Way::Merge.patch(&mut object, json!([]), true), Err(Misfit::Malformed(_))));
        assert_eq!(
            patched(Way::Json, object, json!([{"op": "add", "path": "/b", "value": 2}])),
            json!({"a": 1, "b": 2})
        );
    }
}
