//! What the API server tells of itself: version, health, groups and resources.

use bytes::Bytes;
use http::StatusCode;
use serde_json::{Value, json};

use super::{
    resources::{REVIEWS, Resource, present},
    status::{Answer, ok, page_not_found, with_body},
};

/// A document that is about the server.
#[derive(Debug, PartialEq)]
pub enum Document {
    /// `ok`.
    Health,
    /// JSON.
    Json(Value),
    /// No API has the path.
    NoPage,
}

impl Document {
    /// The answer.
    pub fn answer(&self) -> Answer {
        match self {
            Self::Health => with_body(StatusCode::OK, "text/plain; charset=utf-8", Bytes::from_static(b"ok")),
            Self::Json(document) => ok(document),
            Self::NoPage => page_not_found(),
        }
    }
}

/// The document of a path that names no resource.
pub fn document(path: &[&str], lacking: &[String]) -> Option<Document> {
    Some(match path {
        ["version"] => Document::Json(version()),
        ["healthz" | "livez" | "readyz", ..] => Document::Health,
        ["api"] => Document::Json(json!({
            "kind": "APIVersions",
            "versions": ["v1"],
            "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": "10.0.0.1:6443"}],
        })),
        ["apis"] => {
            let groups: Vec<Value> = groups(lacking).into_iter().map(|of| group(of, false)).collect();
            Document::Json(json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}))
        }
        ["api", version] => resources("", version, lacking),
        ["apis", name] => match groups(lacking).into_iter().find(|of| of.0 == *name) {
            Some(found) => Document::Json(group(found, true)),
            None => Document::NoPage,
        },
        ["apis", group, version] => resources(group, version, lacking),
        // A resource of a group that is there is looked for; of any other group, there is not even the path.
        ["api", "v1", ..] => return None,
        ["apis", group, version, ..] if groups(lacking).contains(&(group, version)) => return None,
        _ => Document::NoPage,
    })
}

fn version() -> Value {
    json!({
        "major": "1", "minor": "34", "emulationMajor": "1", "emulationMinor": "34", "minCompatibilityMajor": "1",
        "minCompatibilityMinor": "33", "gitVersion": "v1.34.4+sandbox", "gitCommit": "", "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z", "goVersion": "", "compiler": "", "platform": "linux/amd64",
    })
}

/// Group and version of every API beside the core.
fn groups(lacking: &[String]) -> Vec<(&'static str, &'static str)> {
    let mut groups: Vec<_> = present(lacking).filter(|r| !r.group.is_empty()).map(|r| (r.group, r.version)).collect();
    groups.push(REVIEWS);
    groups.sort_unstable();
    groups.dedup();
    groups
}

fn group((name, version): (&str, &str), alone: bool) -> Value {
    let version = json!({"groupVersion": format!("{name}/{version}"), "version": version});
    let mut group = json!({"name": name, "versions": [version], "preferredVersion": version});
    if alone {
        group["kind"] = json!("APIGroup");
        group["apiVersion"] = json!("v1");
    }
    group
}

fn resources(group: &str, version: &str, lacking: &[String]) -> Document {
    let mut rows: Vec<Value> = Vec::new();
    for resource in present(lacking).filter(|r| (r.group, r.version) == (group, version)) {
        rows.push(row(resource));
        rows.extend(resource.subs.iter().filter_map(|sub| sub_row(resource, sub)));
    }
    if (group, version) == REVIEWS {
        rows.push(json!({
            "name": "selfsubjectaccessreviews", "singularName": "selfsubjectaccessreview", "namespaced": false,
            "kind": "SelfSubjectAccessReview", "verbs": ["create"],
        }));
        rows.push(json!({
            "name": "selfsubjectrulesreviews", "singularName": "selfsubjectrulesreview", "namespaced": false,
            "kind": "SelfSubjectRulesReview", "verbs": ["create"],
        }));
    }
    if rows.is_empty() {
        return Document::NoPage;
    }
    let name = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    let mut list = json!({"kind": "APIResourceList", "groupVersion": name, "resources": rows});
    if !group.is_empty() {
        list["apiVersion"] = json!("v1");
    }
    Document::Json(list)
}

fn row(resource: &Resource) -> Value {
    let mut row = json!({
        "name": resource.plural,
        "singularName": resource.singular,
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": ["create", "delete", "get", "list", "patch", "update", "watch"],
    });
    if !resource.short.is_empty() {
        row["shortNames"] = json!(resource.short);
    }
    row
}

/// A subresource, if this server answers it.
fn sub_row(resource: &Resource, sub: &str) -> Option<Value> {
    let (kind, verbs): (&str, &[&str]) = match (resource.plural, sub) {
        (_, "status") => (resource.kind, &["get", "patch", "update"]),
        (_, "scale") => ("Scale", &["get", "patch"]),
        ("pods", "log") => (resource.kind, &["get"]),
        ("pods", "portforward") => ("PodPortForwardOptions", &["create", "get"]),
        ("pods", "eviction") => ("Eviction", &["create"]),
        ("nodes", "proxy") => ("NodeProxyOptions", &["get"]),
        _ => return None,
    };
    let mut row = json!({
        "name": format!("{}/{sub}", resource.plural), "singularName": "", "namespaced": resource.namespaced,
        "kind": kind, "verbs": verbs,
    });
    match kind {
        "Scale" => (row["group"], row["version"]) = (json!("autoscaling"), json!("v1")),
        "Eviction" => (row["group"], row["version"]) = (json!("policy"), json!("v1")),
        _ => {}
    }
    Some(row)
}
