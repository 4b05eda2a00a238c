//! PrometheusRule objects; see the parent module.
//!
//! They come as plain JSON, since their kind is not part of Kubernetes: what has not the shape
//! that the operator documents is named in `unreadable` and the rest is kept.

use std::collections::BTreeMap;

use kube::api::DynamicObject;
use serde_json::Value;

use super::meta;
use crate::domain::kubernetes::{AlertRule, RuleObject};

/// The alerting rules of a PrometheusRule.
pub fn rule_object(from: &DynamicObject) -> RuleObject {
    let mut object = RuleObject { meta: meta(&from.metadata), ..RuleObject::default() };
    for (index, group) in list(&from.data["spec"]["groups"]).iter().enumerate() {
        let name = group["name"].as_str().map_or_else(|| format!("#{index}"), str::to_owned);
        for (place, rule) in list(&group["rules"]).iter().enumerate() {
            match alert(rule, &name) {
                Ok(Some(alert)) => object.alerts.push(alert),
                Ok(None) => {}
                Err(why) => object.unreadable.push(format!("Rule {place} of group {name} {why}.")),
            }
        }
    }
    object
}

/// One rule; `None` when it is a recording rule.
fn alert(rule: &Value, group: &str) -> Result<Option<AlertRule>, &'static str> {
    if !rule.is_object() {
        return Err("is no object");
    }
    let name = match &rule["alert"] {
        Value::Null if rule["record"].is_string() => return Ok(None),
        Value::Null => return Err("is neither an alert nor a record"),
        name => text(name).ok_or("has a name that is no text")?,
    };
    let annotations = texts(&rule["annotations"]);
    Ok(Some(AlertRule {
        name,
        group: group.to_owned(),
        // The kind allows a bare number as expression.
        expression: text(&rule["expr"]).ok_or("has no expression")?,
        hold: text(&rule["for"]).filter(|hold| !hold.is_empty()),
        labels: texts(&rule["labels"]),
        summary: ["summary", "description"].iter().find_map(|key| annotations.get(*key).cloned()),
    }))
}

/// The elements of a list; none when it is no list.
fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// A text or number, as text.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The entries of an object that are texts or numbers.
fn texts(value: &Value) -> BTreeMap<String, String> {
    let entries = value.as_object().into_iter().flatten();
    entries.filter_map(|(key, value)| Some((key.clone(), text(value)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn translated(from: Value) -> RuleObject {
        rule_object(&serde_json::from_value(from).unwrap())
    }

    #[test]
    fn alerts_of_all_groups_are_read_and_records_passed_over() {
        let object = translated(json!({
            "apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule", "metadata": {"name": "kafka"},
            "spec": {"groups": [{"name": "g", "rules": [
                {"alert": "Lag", "expr": "kafka_lag > 5", "for": "5m", "labels": {"severity": "page", "n": 1},
                 "annotations": {"description": "lagging"}},
                {"record": "r", "expr": "1"},
            ]}, {"rules": [{"alert": "Always", "expr": 1}]}]},
        }));
        assert_eq!(object.alerts.len(), 2);
        let lag = &object.alerts[0];
        assert_eq!(
            (lag.group.as_str(), lag.hold.as_deref(), lag.summary.as_deref()),
            ("g", Some("5m"), Some("lagging"))
        );
        assert_eq!(lag.labels["n"], "1");
        assert_eq!((object.alerts[1].group.as_str(), object.alerts[1].expression.as_str()), ("#1", "1"));
        assert!(object.unreadable.is_empty());
    }

    #[test]
    fn what_cannot_be_read_is_named_and_the_rest_is_kept() {
        let object = translated(json!({"metadata": {"name": "odd"}, "spec": {"groups": [
            {"name": "g", "rules": [null, {"alert": "NoExpr"}, {"expr": "1"}, {"alert": {}}, {"alert": "Good", "expr": "1"}]},
            7, null, {"rules": "none"},
        ]}}));
        assert_eq!(object.alerts.len(), 1);
        assert_eq!(object.unreadable.len(), 4, "{:?}", object.unreadable);
        assert!(translated(json!({"metadata": {"name": "x"}})).alerts.is_empty());
        assert!(translated(json!({"metadata": {}, "spec": null})).alerts.is_empty());
    }
}
