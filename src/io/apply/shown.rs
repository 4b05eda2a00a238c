//! What of objects is compared, and how differences are told: a line each, nothing of a secret in any.
//!
//! Pure. Values are compared as they are and shown as `objects::hidden` has them.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::super::objects::hidden;
use crate::{
    domain::text::{printable, shortened},
    plan::op::{Change, Target},
};

/// What stands in place of a Secret's values.
const HIDDEN: &str = "***";
/// The longest value on a line.
const LONGEST: usize = 200;

/// The value at a path.
pub fn at<'a>(object: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(object, |place, key| place.get(key)).filter(|value| !value.is_null())
}

/// How objects of a kind are shown.
pub struct Look {
    is_secret: bool,
}

impl Look {
    /// The look of a target.
    pub fn of(target: &Target) -> Self {
        Self { is_secret: target.resource == "secrets" }
    }

    /// The object as it may be shown.
    fn safe(&self, object: &Value) -> Value {
        let mut object = object.clone();
        if self.is_secret {
            for field in ["data", "stringData"] {
                for value in
                    object.get_mut(field).and_then(Value::as_object_mut).into_iter().flat_map(|f| f.values_mut())
                {
                    *value = json!(HIDDEN);
                }
            }
        }
        hidden::shown(object)
    }

    /// A new object, as lines of YAML with `+`.
    pub fn manifest(&self, manifest: &Value) -> Vec<String> {
        let mut lines = Vec::new();
        yaml(&self.safe(manifest), 0, &mut lines);
        lines.into_iter().map(|line| format!("+ {}", printable(&line))).collect()
    }

    /// Changed fields before and after, as lines with `-` and `+`.
    pub fn difference(&self, changes: &[Change], before: Value, after: Value) -> Vec<String> {
        let (before, after) = (Both::new(self, before), Both::new(self, after));
        let mut lines = Vec::new();
        for Change { path, .. } in changes {
            if at(&before.real, path) == at(&after.real, path) {
                continue;
            }
            let line = |sign: char, both: &Both| at(&both.real, path).map(|_| both.line(sign, path));
            lines.extend([line('-', &before), line('+', &after)].into_iter().flatten());
        }
        lines
    }

    /// Fields that are neither what the plan saw nor what it wants: `path: was X, is Y`.
    pub fn stale(&self, changes: &[Change], live: &Value) -> Vec<String> {
        let now = Both::new(self, live.clone());
        let mut lines = Vec::new();
        for Change { path, before, after } in changes {
            let is = at(live, path);
            if is == before.as_ref() || is == after.as_ref() {
                continue;
            }
            let was = before.as_ref().map(|before| {
                let mut then = json!({});
                super::set(&mut then, path, before.clone());
                Both::new(self, then).text(path)
            });
            let is = is.map(|_| now.text(path));
            let word = |value: Option<String>| value.unwrap_or_else(|| "absent".to_owned());
            lines.push(format!("{}: was {}, is {}", dotted(path), word(was), word(is)));
        }
        lines
    }
}

/// An object as it is and as it is shown.
struct Both {
    real: Value,
    safe: Value,
}

impl Both {
    fn new(look: &Look, real: Value) -> Self {
        Self { safe: look.safe(&real), real }
    }

    fn text(&self, path: &[String]) -> String {
        match at(&self.safe, path) {
            Some(shown) if shown != HIDDEN => one_line(shown),
            _ => HIDDEN.to_owned(),
        }
    }

    fn line(&self, sign: char, path: &[String]) -> String {
        format!("{sign} {}: {}", dotted(path), self.text(path))
    }
}

/// Fields of the manifest that the live object has not, or has otherwise: `path: is Y, wanted X`.
pub fn missing(look: &Look, manifest: &Value, live: &Value) -> Vec<String> {
    let manifest = if look.is_secret { encoded(manifest) } else { manifest.clone() };
    let (wanted, found) = (Both::new(look, manifest), Both::new(look, live.clone()));
    let mut paths = Vec::new();
    differ(&wanted.real, Some(&found.real), &mut Vec::new(), &mut paths);
    let told = |path: &Vec<String>| {
        let is = at(&found.real, path).map_or_else(|| "absent".to_owned(), |_| found.text(path));
        format!("{}: is {is}, wanted {}", dotted(path), wanted.text(path))
    };
    paths.iter().map(told).collect()
}

/// A Secret's texts as the server keeps them.
fn encoded(manifest: &Value) -> Value {
    let mut manifest = manifest.clone();
    let texts = manifest.as_object_mut().and_then(|fields| fields.remove("stringData"));
    for (key, text) in texts.as_ref().and_then(Value::as_object).into_iter().flatten() {
        manifest["data"][key] = json!(STANDARD.encode(text.as_str().unwrap_or_default()));
    }
    manifest
}

/// Collects the paths at which something that is wanted is not.
fn differ(wanted: &Value, found: Option<&Value>, path: &mut Vec<String>, out: &mut Vec<Vec<String>>) {
    match (wanted, found) {
        (Value::Object(fields), found) if found.is_none_or(Value::is_object) => {
            for (key, value) in fields {
                path.push(key.clone());
                differ(value, found.and_then(|f| f.get(key)), path, out);
                path.pop();
            }
        }
        (Value::Null, None) => {}
        (wanted, Some(found)) if is_within(wanted, found) => {}
        _ => out.push(path.clone()),
    }
}

/// Whether a value says at least what is wanted: servers add defaults to elements of lists too.
fn is_within(wanted: &Value, found: &Value) -> bool {
    match (wanted, found) {
        (Value::Object(wanted), Value::Object(found)) => {
            wanted.iter().all(|(key, value)| found.get(key).is_some_and(|f| is_within(value, f)))
        }
        (Value::Array(wanted), Value::Array(found)) => {
            wanted.len() == found.len() && wanted.iter().zip(found).all(|(w, f)| is_within(w, f))
        }
        (wanted, found) => wanted == found,
    }
}

/// A path as people write it.
fn dotted(path: &[String]) -> String {
    printable(&path.join(".")).into_owned()
}

/// A value on one line.
fn one_line(value: &Value) -> String {
    shortened(&printable(&scalar(value)), LONGEST).into_owned()
}

/// A value as YAML has it on one line: a text without quotes where nobody could take it for something else.
fn scalar(value: &Value) -> String {
    let Value::String(text) = value else { return value.to_string() };
    let looks_other = text.is_empty()
        || text.trim() != text
        || serde_json::from_str::<Value>(text).is_ok()
        || matches!(text.to_ascii_lowercase().as_str(), "yes" | "no" | "on" | "off" | "~" | "null" | "true" | "false")
        || text.contains(": ")
        || text.contains(" #")
        || text.contains('\n')
        || text.ends_with(':')
        || text
            .starts_with(['-', '?', '{', '}', '[', ']', '&', '*', '!', '|', '>', '\'', '"', '%', '@', '`', '#', ',']);
    if looks_other { value.to_string() } else { text.clone() }
}

/// The lines of a value in YAML's block style.
fn yaml(value: &Value, indent: usize, lines: &mut Vec<String>) {
    let pad = "  ".repeat(indent);
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                let key = scalar(&json!(key));
                if is_block(value) {
                    lines.push(format!("{pad}{key}:"));
                    yaml(value, indent + 1, lines);
                } else {
                    lines.push(format!("{pad}{key}: {}", scalar(value)));
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                if !is_block(item) {
                    lines.push(format!("{pad}- {}", scalar(item)));
                    continue;
                }
                let from = lines.len();
                yaml(item, indent + 1, lines);
                if let Some(first) = lines.get_mut(from) {
                    first.replace_range(pad.len()..pad.len() + 2, "- ");
                }
            }
        }
        scalar_value => lines.push(format!("{pad}{}", scalar(scalar_value))),
    }
}

/// Whether a value takes lines of its own.
fn is_block(value: &Value) -> bool {
    value.as_object().is_some_and(|fields| !fields.is_empty())
        || value.as_array().is_some_and(|items| !items.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_is_shown_as_yaml_that_reads_back() {
        let manifest = json!({"metadata": {"name": "orders", "annotations": {"a": "true", "b": "x: y"}},
            "spec": {"partitions": 3, "config": {}, "list": ["a", {"b": 1, "c": [2]}, []]}});
        let lines = Look { is_secret: false }.manifest(&manifest);
        let text: Vec<&str> = lines.iter().map(|line| line.strip_prefix("+ ").unwrap()).collect();
        assert_eq!(serde_saphyr::from_str::<Value>(&text.join("\n")).unwrap(), manifest);
        assert!(lines.contains(&"+   partitions: 3".to_owned()), "{lines:?}");
    }

    #[test]
    fn nothing_of_a_secret_is_on_a_line() {
        let secret = json!({"metadata": {"name": "s"}, "data": {"a": "aHVudGVyMg=="}, "stringData": {"b": "hunter2"}});
        let look = Look { is_secret: true };
        let path = |key: &str| vec!["data".to_owned(), key.to_owned()];
        let change =
            Change { path: path("a"), before: Some(json!("aHVudGVyMw==")), after: Some(json!("aHVudGVyNA==")) };
        let mut said = look.manifest(&secret);
        said.extend(look.stale(std::slice::from_ref(&change), &secret));
        said.extend(look.difference(&[change], secret.clone(), json!({"data": {"a": "aHVudGVyNA=="}})));
        said.extend(missing(&look, &secret, &json!({"data": {"a": "aHVudGVyMg==", "b": "aHVudGVyMw=="}})));
        assert!(said.iter().any(|line| line.contains("data.a: was ***, is ***")), "{said:?}");
        assert!(said.iter().any(|line| line == "data.b: is ***, wanted ***"), "{said:?}");
        assert!(!said.iter().any(|line| line.contains("hunter") || line.contains("aHVud")), "{said:?}");
    }

    #[test]
    fn a_live_object_may_say_more_than_the_manifest_and_not_less() {
        let manifest = json!({"spec": {"partitions": 3, "list": [{"a": 1}]}});
        let look = Look { is_secret: false };
        let live = json!({"metadata": {"uid": "1"}, "spec": {"partitions": 3, "list": [{"a": 1, "b": 2}], "x": 1}});
        assert_eq!(missing(&look, &manifest, &live), Vec::<String>::new());
        let live = json!({"spec": {"partitions": 6}});
        let lines = missing(&look, &manifest, &live);
        assert_eq!(lines, ["spec.partitions: is 6, wanted 3", "spec.list: is absent, wanted [{\"a\":1}]"]);
    }
}
