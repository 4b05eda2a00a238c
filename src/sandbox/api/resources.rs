//! The one table of the resources that there are.

use serde_json::{Value, json};

/// A resource. Its row says everything that the API server knows of it.
#[derive(Debug, PartialEq, Eq)]
pub struct Resource {
    /// Group, empty for the core group.
    pub group: &'static str,
    /// Version.
    pub version: &'static str,
    /// Plural name, as in paths.
    pub plural: &'static str,
    /// Singular name.
    pub singular: &'static str,
    /// Kind.
    pub kind: &'static str,
    /// Short names, as kubectl takes them.
    pub short: &'static [&'static str],
    /// Whether its objects are in namespaces.
    pub namespaced: bool,
    /// Subresources that a real server has; those that this one has not answer 501.
    pub subs: &'static [&'static str],
}

const fn row(
    (group, version): (&'static str, &'static str),
    (plural, singular, kind): (&'static str, &'static str, &'static str),
    short: &'static [&'static str],
    namespaced: bool,
    subs: &'static [&'static str],
) -> Resource {
    Resource { group, version, plural, singular, kind, short, namespaced, subs }
}

const CORE: (&str, &str) = ("", "v1");
const APPS: (&str, &str) = ("apps", "v1");
const OF_PODS: &[&str] = &[
    "attach",
    "binding",
    "ephemeralcontainers",
    "eviction",
    "exec",
    "log",
    "portforward",
    "proxy",
    "resize",
    "status",
];
const STATUS: &[&str] = &["status"];
const SCALED: &[&str] = &["scale", "status"];

/// All of them.
pub const TABLE: &[Resource] = &[
    row(CORE, ("configmaps", "configmap", "ConfigMap"), &["cm"], true, &[]),
    row(CORE, ("endpoints", "endpoints", "Endpoints"), &["ep"], true, &[]),
    row(CORE, ("events", "event", "Event"), &["ev"], true, &[]),
    row(CORE, ("namespaces", "namespace", "Namespace"), &["ns"], false, &["finalize", "status"]),
    row(CORE, ("nodes", "node", "Node"), &["no"], false, &["proxy", "status"]),
    row(CORE, ("persistentvolumeclaims", "persistentvolumeclaim", "PersistentVolumeClaim"), &["pvc"], true, STATUS),
    row(CORE, ("persistentvolumes", "persistentvolume", "PersistentVolume"), &["pv"], false, STATUS),
    row(CORE, ("pods", "pod", "Pod"), &["po"], true, OF_PODS),
    row(CORE, ("secrets", "secret", "Secret"), &[], true, &[]),
    row(CORE, ("services", "service", "Service"), &["svc"], true, &["proxy", "status"]),
    row(APPS, ("deployments", "deployment", "Deployment"), &["deploy"], true, SCALED),
    row(APPS, ("statefulsets", "statefulset", "StatefulSet"), &["sts"], true, SCALED),
    row(("coordination.k8s.io", "v1"), ("leases", "lease", "Lease"), &[], true, &[]),
    row(("discovery.k8s.io", "v1"), ("endpointslices", "endpointslice", "EndpointSlice"), &[], true, &[]),
    row(
        ("apiextensions.k8s.io", "v1"),
        ("customresourcedefinitions", "customresourcedefinition", "CustomResourceDefinition"),
        &["crd", "crds"],
        false,
        STATUS,
    ),
    row(
        ("monitoring.coreos.com", "v1"),
        ("prometheusrules", "prometheusrule", "PrometheusRule"),
        &["promrule"],
        true,
        &[],
    ),
    row(
        ("policy", "v1"),
        ("poddisruptionbudgets", "poddisruptionbudget", "PodDisruptionBudget"),
        &["pdb"],
        true,
        STATUS,
    ),
    row(("storage.k8s.io", "v1"), ("storageclasses", "storageclass", "StorageClass"), &["sc"], false, &[]),
];

/// Where access reviews are.
pub const REVIEWS: (&str, &str) = ("authorization.k8s.io", "v1");

impl Resource {
    /// `apiVersion` of its objects.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.to_owned() } else { format!("{}/{}", self.group, self.version) }
    }

    /// Its name with its group, as in sentences: `statefulsets.apps`.
    pub fn qualified(&self) -> String {
        if self.group.is_empty() { self.plural.to_owned() } else { format!("{}.{}", self.plural, self.group) }
    }

    /// Its kind with its group, as in sentences: `StatefulSet.apps`.
    pub fn qualified_kind(&self) -> String {
        if self.group.is_empty() { self.kind.to_owned() } else { format!("{}.{}", self.kind, self.group) }
    }

    /// The details of a `Status` about an object of it, or about all of them.
    pub fn details(&self, name: Option<&str>) -> Value {
        let mut details = json!({});
        if let Some(name) = name {
            details["name"] = json!(name);
        }
        if !self.group.is_empty() {
            details["group"] = json!(self.group);
        }
        details["kind"] = json!(self.plural);
        details
    }

    /// Whether real servers have this subresource of it.
    pub fn has(&self, sub: &str) -> bool {
        self.subs.contains(&sub)
    }

    /// Whether its kind is one of Kubernetes' own, whose lists have known keys.
    pub fn is_builtin(&self) -> bool {
        self.group != "monitoring.coreos.com"
    }

    /// Whether its objects are ended by a kubelet before they go.
    pub fn ends_gracefully(&self) -> bool {
        self.plural == "pods"
    }

    /// Whether the answer to a delete is the object and not a `Status`.
    pub fn answers_deleted_object(&self) -> bool {
        matches!(
            self.plural,
            "namespaces" | "persistentvolumeclaims" | "persistentvolumes" | "pods" | "services" | "storageclasses"
        )
    }
}

/// The resource of a path, unless the server lacks it.
pub fn find(group: &str, version: &str, plural: &str, lacking: &[String]) -> Option<&'static Resource> {
    present(lacking).find(|r| (r.group, r.version, r.plural) == (group, version, plural))
}

/// All resources that the server has.
pub fn present(lacking: &[String]) -> impl Iterator<Item = &'static Resource> {
    TABLE.iter().filter(|r| !lacking.iter().any(|name| name == r.plural))
}
