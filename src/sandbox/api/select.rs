//! Selectors by label and by field.

use serde_json::Value;

use super::{request::Query, resources::Resource, status::Refusal};

/// One condition on a label or a field.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Condition {
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
    Exists(String),
    Absent(String),
}

/// Which objects are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selector {
    labels: Vec<Condition>,
    fields: Vec<Condition>,
}

impl Selector {
    /// The selector of a request.
    pub fn parse(resource: &Resource, query: &Query) -> Result<Self, Refusal> {
        let labels = query.get("labelSelector").map(labels).transpose()?.unwrap_or_default();
        let fields = query.get("fieldSelector").map(|text| fields(resource, text)).transpose()?.unwrap_or_default();
        Ok(Self { labels, fields })
    }

    /// Whether everything is wanted.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    /// Whether an object is wanted.
    pub fn matches(&self, object: &Value) -> bool {
        let label = |key: &str| object["metadata"]["labels"][key].as_str().map(str::to_owned);
        // A field that is not there is empty.
        let field = |path: &str| {
            let found = path.split('.').fold(object, |value, part| &value[part]);
            Some(found.as_str().unwrap_or_default().to_owned())
        };
        self.labels.iter().all(|c| c.holds(label)) && self.fields.iter().all(|c| c.holds(field))
    }
}

impl Condition {
    fn holds(&self, value_of: impl Fn(&str) -> Option<String>) -> bool {
        match self {
            Self::In(key, wanted) => value_of(key).is_some_and(|value| wanted.contains(&value)),
            Self::NotIn(key, unwanted) => value_of(key).is_none_or(|value| !unwanted.contains(&value)),
            Self::Exists(key) => value_of(key).is_some(),
            Self::Absent(key) => value_of(key).is_none(),
        }
    }
}

/// Requirements at the commas that stand in no parenthesis.
fn requirements(text: &str) -> Vec<&str> {
    let (mut depth, mut start, mut parts) = (0_i32, 0, Vec::new());
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

fn labels(text: &str) -> Result<Vec<Condition>, Refusal> {
    let bad =
        |part: &str| Refusal::bad_request(format!("unable to parse requirement: found '{part}', expected: identifier"));
    requirements(text).into_iter().map(|part| label(part.trim()).ok_or_else(|| bad(part))).collect()
}

/// One requirement; none when it cannot be read.
fn label(part: &str) -> Option<Condition> {
    for (sign, wanted) in [(" notin ", false), (" in ", true)] {
        if let Some((key, set)) = part.split_once(sign) {
            let inside = set.trim().strip_prefix('(')?.strip_suffix(')')?;
            let values = inside.split(',').map(str::trim).map(|v| is_value(v).then(|| v.to_owned()));
            let (key, values) = (name(key)?, values.collect::<Option<Vec<_>>>()?);
            return Some(if wanted { Condition::In(key, values) } else { Condition::NotIn(key, values) });
        }
    }
    for (sign, wanted) in [("!=", false), ("==", true), ("=", true)] {
        if let Some((key, value)) = part.split_once(sign) {
            let (key, value) = (name(key)?, value.trim());
            let values = is_value(value).then(|| vec![value.to_owned()])?;
            return Some(if wanted { Condition::In(key, values) } else { Condition::NotIn(key, values) });
        }
    }
    match part.strip_prefix('!') {
        Some(key) => name(key).map(Condition::Absent),
        None => name(part).map(Condition::Exists),
    }
}

/// A label's key.
fn name(text: &str) -> Option<String> {
    let text = text.trim();
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    (!text.is_empty() && text.chars().all(allowed)).then(|| text.to_owned())
}

/// Whether a label may have this value.
fn is_value(text: &str) -> bool {
    text.len() <= 63 && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}

fn fields(resource: &Resource, text: &str) -> Result<Vec<Condition>, Refusal> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(|part| field(resource, part)).collect()
}

fn field(resource: &Resource, part: &str) -> Result<Condition, Refusal> {
    let read = [("!=", false), ("==", true), ("=", true)]
        .into_iter()
        .find_map(|(sign, wanted)| part.split_once(sign).map(|(path, value)| (path, value, wanted)));
    let Some((path, value, wanted)) = read else {
        return Err(Refusal::bad_request(format!("invalid selector: '{part}'; can't understand '{part}'")));
    };
    let known = matches!(
        (resource.plural, path),
        (_, "metadata.name" | "metadata.namespace")
            | (
                "pods",
                "spec.nodeName" | "spec.restartPolicy" | "spec.serviceAccountName" | "status.phase" | "status.podIP"
            )
            | ("namespaces", "status.phase")
            | ("nodes", "spec.unschedulable")
            | ("secrets", "type")
            | (
                "events",
                "involvedObject.kind"
                    | "involvedObject.name"
                    | "involvedObject.namespace"
                    | "involvedObject.uid"
                    | "reason"
                    | "type"
            )
    );
    if !known {
        return Err(Refusal::bad_request(format!("field label not supported: {path}")));
    }
    let values = vec![value.to_owned()];
    Ok(if wanted { Condition::In(path.to_owned(), values) } else { Condition::NotIn(path.to_owned(), values) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::api::resources::find;
    use serde_json::json;

    fn selector(query: &str) -> Result<Selector, Refusal> {
        Selector::parse(find("", "v1", "pods", &[]).unwrap(), &Query::parse(query))
    }

    #[test]
    fn labels_are_selected_by_equality_and_by_sets() {
        let pod = json!({"metadata": {"name": "kafka-0", "labels": {"app": "kafka", "tier": "a"}}, "status": {}});
        for (text, wanted) in [
            ("app=kafka", true),
            ("app==kafka,tier!=b", true),
            ("app!=kafka", false),
            ("none!=x", true),
            ("app in (kafka, zoo),tier", true),
            ("app notin (kafka)", false),
            ("!none", true),
            ("!app", false),
            ("app=", false),
        ] {
            let query = form_urlencoded::Serializer::new(String::new()).append_pair("labelSelector", text).finish();
            assert_eq!(selector(&query).unwrap().matches(&pod), wanted, "{text}");
        }
    }

    #[test]
    fn fields_are_selected_where_the_resource_has_them() {
        let pod = json!({"metadata": {"name": "kafka-0", "namespace": "n"}, "spec": {"nodeName": "node-1"},
            "status": {"phase": "Running"}});
        assert!(selector("fieldSelector=spec.nodeName=node-1,status.phase!=Pending").unwrap().matches(&pod));
        assert!(!selector("fieldSelector=metadata.name=kafka-1").unwrap().matches(&pod));
        assert!(selector("fieldSelector=spec.foo=x").is_err());
        assert!(selector("fieldSelector=nonsense").is_err());
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for text in ["==", "a in b", "a in (", "ü=1", "a=b c", ",", "a=%20(", "()"] {
            assert!(selector(&format!("labelSelector={text}")).is_err(), "{text}");
        }
    }
}
