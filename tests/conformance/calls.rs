//! What both are asked, and which fields of the answers are read.

use super::sandbox::NAMESPACE;

/// What is taken from an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Read {
    /// JSON.
    Document,
    /// Events, one to a line.
    Events,
    /// Nothing but its head: text, or a document that is not ours.
    Head,
}

/// One call.
#[derive(Debug, Clone)]
pub struct Call {
    /// Its name in the record.
    pub name: &'static str,
    /// Method.
    pub method: &'static str,
    /// Path and query.
    pub path: String,
    /// Type of the body.
    pub kind: &'static str,
    /// Body.
    pub body: &'static str,
    /// Accepted type.
    pub accept: &'static str,
    /// Asked by a user who may do nothing.
    pub nobody: bool,
    /// What is taken.
    pub read: Read,
    /// Fields that must be there.
    pub fields: &'static [&'static str],
}

const JSON: &str = "application/json";
const MERGE: &str = "application/merge-patch+json";
const STRATEGIC: &str = "application/strategic-merge-patch+json";
const PATCH: &str = "application/json-patch+json";
const APPLY: &str = "application/apply-patch+yaml";
const METADATA: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
const METADATA_LIST: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

/// What `io::translate` and `io::watch` read of the objects in a list, by the path of one object.
const OF_PODS: &[&str] = &[
    "metadata.resourceVersion",
    "items[].metadata.name",
    "items[].metadata.namespace",
    "items[].metadata.uid",
    "items[].metadata.labels.*",
    "items[].metadata.creationTimestamp",
    "items[].metadata.ownerReferences[].controller",
    "items[].metadata.ownerReferences[].kind",
    "items[].metadata.ownerReferences[].name",
    "items[].spec.containers[].command[]",
    "items[].spec.containers[].env[].name",
    "items[].spec.containers[].env[].value",
    "items[].spec.containers[].image",
    "items[].spec.containers[].name",
    "items[].spec.containers[].ports[].containerPort",
    "items[].spec.containers[].ports[].name",
    "items[].spec.containers[].volumeMounts[].mountPath",
    "items[].spec.containers[].volumeMounts[].name",
    "items[].spec.hostname",
    "items[].spec.nodeName",
    "items[].spec.subdomain",
    "items[].spec.volumes[].name",
    "items[].spec.volumes[].persistentVolumeClaim.claimName",
    "items[].status.conditions[].lastTransitionTime",
    "items[].status.conditions[].status",
    "items[].status.conditions[].type",
    "items[].status.containerStatuses[].lastState",
    "items[].status.containerStatuses[].name",
    "items[].status.containerStatuses[].ready",
    "items[].status.containerStatuses[].restartCount",
    "items[].status.containerStatuses[].state.running.startedAt",
    "items[].status.phase",
    "items[].status.podIP",
];
const OF_SETS: &[&str] = &[
    "items[].metadata.uid",
    "items[].spec.replicas",
    "items[].spec.serviceName",
    "items[].spec.template.metadata.labels.*",
    "items[].spec.template.spec.containers[].image",
    "items[].spec.updateStrategy.type",
    "items[].status.readyReplicas",
];
const OF_CLAIMS: &[&str] = &[
    "items[].spec.resources.requests.*",
    "items[].spec.storageClassName",
    "items[].spec.volumeName",
    "items[].status.capacity.*",
    "items[].status.phase",
];
const OF_SERVICES: &[&str] =
    &["items[].spec.clusterIP", "items[].spec.ports[].name", "items[].spec.ports[].port", "items[].spec.selector.*"];
const OF_NODES: &[&str] =
    &["items[].metadata.labels.*", "items[].status.conditions[].status", "items[].status.conditions[].type"];
const OF_EVENTS: &[&str] = &[
    "items[].count",
    "items[].involvedObject.kind",
    "items[].involvedObject.name",
    "items[].lastTimestamp",
    "items[].message",
    "items[].reason",
    "items[].type",
];
const OF_STATUS: &[&str] = &["code", "message", "reason"];

fn call(name: &'static str, method: &'static str, path: impl Into<String>) -> Call {
    let (kind, body, accept) = ("", "", "");
    Call { name, method, path: path.into(), kind, body, accept, nobody: false, read: Read::Document, fields: &[] }
}

impl Call {
    fn fields(self, fields: &'static [&'static str]) -> Self {
        Self { fields, ..self }
    }

    fn body(self, kind: &'static str, body: &'static str) -> Self {
        Self { kind, body, ..self }
    }

    fn accept(self, accept: &'static str) -> Self {
        Self { accept, ..self }
    }

    fn nobody(self) -> Self {
        Self { nobody: true, fields: OF_STATUS, ..self }
    }

    fn read(self, read: Read) -> Self {
        Self { read, ..self }
    }

    fn refused(self) -> Self {
        self.fields(OF_STATUS)
    }
}

/// All of them. Nothing is changed by any: what would change something is a dry run.
pub fn calls() -> Vec<Call> {
    [reading(), watching(), writing(), deleting(), pods(), forbidden()].concat()
}

fn core(rest: &str) -> String {
    format!("/api/v1/namespaces/{NAMESPACE}/{rest}")
}

fn set(rest: &str) -> String {
    format!("/apis/apps/v1/namespaces/{NAMESPACE}/statefulsets/kafka{rest}")
}

fn reading() -> Vec<Call> {
    // A token for a place in a list whose version has long been forgotten.
    let expired = "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MSwic3RhcnQiOiIva2Fma2EtMFx1MDAwMCJ9";
    let sets = format!("/apis/apps/v1/namespaces/{NAMESPACE}/statefulsets");
    let budgets = format!("/apis/policy/v1/namespaces/{NAMESPACE}/poddisruptionbudgets");
    vec![
        call("version", "GET", "/version").fields(&["gitVersion"]),
        call("ready", "GET", "/readyz").read(Read::Head),
        call("versions of the core", "GET", "/api"),
        call("groups", "GET", "/apis"),
        call("resources of the core", "GET", "/api/v1"),
        call("resources of apps", "GET", "/apis/apps/v1"),
        call("list of pods", "GET", core("pods")).fields(OF_PODS),
        call("list of stateful sets", "GET", sets).fields(OF_SETS),
        call("list of claims", "GET", core("persistentvolumeclaims")).fields(OF_CLAIMS),
        call("list of volumes", "GET", "/api/v1/persistentvolumes"),
        call("list of services", "GET", core("services")).fields(OF_SERVICES),
        call("list of events", "GET", core("events?fieldSelector=involvedObject.kind%3DPod,reason%3DStarted"))
            .fields(OF_EVENTS),
        call("list of nodes", "GET", "/api/v1/nodes").fields(OF_NODES),
        call("list of storage classes", "GET", "/apis/storage.k8s.io/v1/storageclasses"),
        call("list of budgets", "GET", budgets),
        call("first page", "GET", core("pods?limit=2")).fields(&["metadata.continue", "metadata.remainingItemCount"]),
        call("first page of a selection", "GET", core("pods?limit=1&labelSelector=app%3Dkafka")),
        call("list from the cache", "GET", core("pods?limit=1&resourceVersion=0")),
        call("empty list", "GET", "/api/v1/namespaces/nowhere/pods"),
        call("list of metadata", "GET", core("pods")).accept(METADATA_LIST).fields(&["items[].metadata.name"]),
        call("one pod", "GET", core("pods/kafka-0")).fields(&["metadata.uid", "status.phase"]),
        call("metadata of a pod", "GET", core("pods/kafka-0")).accept(METADATA),
        call("one namespace", "GET", format!("/api/v1/namespaces/{NAMESPACE}")),
        call("scale", "GET", set("/scale")).fields(&["spec.replicas", "status.replicas"]),
        call("no such pod", "GET", core("pods/nobody")).refused(),
        call("no such stateful set", "GET", format!("/apis/apps/v1/namespaces/{NAMESPACE}/statefulsets/nobody"))
            .refused(),
        call("no such resource", "GET", "/api/v1/widgets").refused(),
        call("no such resource in a namespace", "GET", core("nodes")).refused(),
        call("no such subresource", "GET", core("pods/kafka-0/widget")).refused(),
        call("no such group", "GET", "/apis/monitoring.coreos.com/v1/prometheusrules").read(Read::Head),
        call("no such path", "GET", "/nowhere").read(Read::Head),
        call("odd continue", "GET", core("pods?limit=1&continue=garbage")).refused(),
        call("expired continue", "GET", core(&format!("pods?limit=1&continue={expired}"))).fields(&[
            "code",
            "message",
            "reason",
            "metadata.continue",
        ]),
        call("odd labels", "GET", core("pods?labelSelector=%3D%3D")).refused(),
        call("unknown field", "GET", core("pods?fieldSelector=spec.foo%3Dx")).refused(),
        call("odd version", "GET", core("pods?resourceVersion=x")).refused(),
        call("odd limit", "GET", core("pods?limit=x")).refused(),
        call("wrong method", "PUT", core("pods")).body(JSON, "{}").refused(),
        call("statistics of no node", "GET", "/api/v1/nodes/nobody/proxy/stats/summary").refused(),
        call("statistics of a node", "GET", "/api/v1/nodes/node-1/proxy/stats/summary").read(Read::Head),
    ]
}

fn watching() -> Vec<Call> {
    let watch = |query: &str| core(&format!("pods?watch=true&timeoutSeconds=1&{query}"));
    let initial = "allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan";
    let of = |name, query: &str| call(name, "GET", watch(query)).read(Read::Events);
    let happened = "events?watch=true&timeoutSeconds=1&resourceVersion=0\
                    &fieldSelector=involvedObject.kind%3DPod,reason%3DStarted";
    vec![
        of("watch from anywhere", "resourceVersion=0").fields(&["ADDED.metadata.name", "ADDED.status.phase"]),
        of("watch of metadata", "resourceVersion=0").accept(METADATA),
        of("streamed list", initial).fields(&["BOOKMARK.metadata.resourceVersion", "BOOKMARK.metadata.annotations.*"]),
        call("watch of events", "GET", core(happened)).read(Read::Events),
        of("watch of nothing", "resourceVersion=0&labelSelector=app%3Dnobody"),
        call("initial events without a match", "GET", watch("sendInitialEvents=true")).refused(),
    ]
}

fn writing() -> Vec<Call> {
    let maps = || core("configmaps?dryRun=All");
    let map = |query: &str| core(&format!("configmaps/kube-root-ca.crt?dryRun=All{query}"));
    let dry = |rest: &str| set(&format!("{rest}?dryRun=All"));
    let image = r#"{"spec":{"template":{"spec":{"containers":[{"name":"kafka-broker","image":"x"}]}}}}"#;
    let applied = "{apiVersion: v1, kind: ConfigMap, metadata: {name: new}, data: {a: b}}";
    vec![
        call("create", "POST", maps()).body(JSON, r#"{"metadata":{"name":"x"},"data":{"a":"b"}}"#),
        call("create with a made name", "POST", maps()).body(JSON, r#"{"metadata":{"generateName":"x-"}}"#),
        call("create twice", "POST", maps()).body(JSON, r#"{"metadata":{"name":"kube-root-ca.crt"}}"#).refused(),
        call("create nothing", "POST", maps()).body(JSON, "{bad").refused(),
        call("create without a name", "POST", maps()).body(JSON, r#"{"metadata":{}}"#).refused(),
        call("create with a bad name", "POST", maps()).body(JSON, r#"{"metadata":{"name":"Bad_Name"}}"#).refused(),
        call("create elsewhere", "POST", maps()).body(JSON, r#"{"metadata":{"name":"x","namespace":"y"}}"#).refused(),
        call("create another kind", "POST", maps())
            .body(JSON, r#"{"kind":"Pod","apiVersion":"v1","metadata":{"name":"x"}}"#)
            .refused(),
        call("create nowhere", "POST", "/api/v1/namespaces/nowhere/configmaps?dryRun=All")
            .body(JSON, r#"{"metadata":{"name":"x"}}"#)
            .refused(),
        call("odd dry run", "POST", core("configmaps?dryRun=Some"))
            .body(JSON, r#"{"metadata":{"name":"x"}}"#)
            .refused(),
        call("odd type", "POST", maps()).body("text/foo", "x").refused(),
        call("replace what has changed", "PUT", map(""))
            .body(JSON, r#"{"metadata":{"name":"kube-root-ca.crt","resourceVersion":"1"}}"#)
            .refused(),
        call("replace under another name", "PUT", map("")).body(JSON, r#"{"metadata":{"name":"other"}}"#).refused(),
        call("replace", "PUT", map("")).body(JSON, r#"{"metadata":{"name":"kube-root-ca.crt"},"data":{"a":"b"}}"#),
        call("merge", "PATCH", map("")).body(MERGE, r#"{"data":{"a":"b"},"metadata":{"annotations":{"a":"b"}}}"#),
        call("merge into what has changed", "PATCH", map(""))
            .body(MERGE, r#"{"metadata":{"resourceVersion":"1"}}"#)
            .refused(),
        call("merge into nothing", "PATCH", core("configmaps/nobody?dryRun=All")).body(MERGE, "{}").refused(),
        call("merge nonsense", "PATCH", map("")).body(MERGE, "{bad").refused(),
        call("patch of a failed test", "PATCH", map(""))
            .body(PATCH, r#"[{"op":"test","path":"/metadata/name","value":"x"}]"#)
            .refused(),
        call("patch that is none", "PATCH", map("")).body(PATCH, "{}").refused(),
        call("patch of an odd type", "PATCH", map("")).body("application/foo", "{}").refused(),
        call("apply by nobody", "PATCH", map("")).body(APPLY, applied).refused(),
        call("apply of no kind", "PATCH", map("&fieldManager=x")).body(APPLY, "a: b").refused(),
        call("apply what is new", "PATCH", core("configmaps/new?dryRun=All&fieldManager=x")).body(APPLY, applied),
        call("new image", "PATCH", dry("")).body(STRATEGIC, image).fields(&["metadata.generation", "spec.replicas"]),
        call("more replicas", "PATCH", dry("/scale")).body(MERGE, r#"{"spec":{"replicas":4}}"#),
        call("too few replicas", "PATCH", dry("")).body(MERGE, r#"{"spec":{"replicas":-1}}"#).refused(),
        call("replicas that are no number", "PATCH", dry("")).body(MERGE, r#"{"spec":{"replicas":"x"}}"#).refused(),
        call("another service", "PATCH", dry("")).body(MERGE, r#"{"spec":{"serviceName":"x"}}"#).refused(),
    ]
}

fn deleting() -> Vec<Call> {
    let pod = |query: &str| core(&format!("pods/kafka-0?dryRun=All{query}"));
    let budget = format!("/apis/policy/v1/namespaces/{NAMESPACE}/poddisruptionbudgets/kafka?dryRun=All");
    vec![
        call("delete a map", "DELETE", core("configmaps/kube-root-ca.crt?dryRun=All")),
        call("delete a budget", "DELETE", budget),
        call("delete a claim in use", "DELETE", core("persistentvolumeclaims/datadir-kafka-0?dryRun=All")),
        call("delete a pod", "DELETE", pod("")).fields(&["metadata.deletionTimestamp"]),
        call("delete a pod at once", "DELETE", pod("&gracePeriodSeconds=0")),
        call("delete another pod of the name", "DELETE", pod(""))
            .body(JSON, r#"{"preconditions":{"uid":"x"}}"#)
            .refused(),
        call("delete what has changed", "DELETE", pod(""))
            .body(JSON, r#"{"preconditions":{"resourceVersion":"1"}}"#)
            .refused(),
        call("delete nothing", "DELETE", core("pods/nobody?dryRun=All")).refused(),
        call("evict", "POST", core("pods/kafka-0/eviction?dryRun=All"))
            .body(JSON, r#"{"apiVersion":"policy/v1","kind":"Eviction","metadata":{"name":"kafka-0"}}"#),
    ]
}

fn pods() -> Vec<Call> {
    let log = |query: &str| core(&format!("pods/kafka-0/log?{query}"));
    vec![
        call("log", "GET", log("tailLines=2")).read(Read::Head),
        call("log of no pod", "GET", core("pods/nobody/log")).refused(),
        call("log of no container", "GET", log("container=x")).refused(),
        call("log of a run that never was", "GET", log("previous=true")).refused(),
        call("odd tail", "GET", log("tailLines=-1")).refused(),
        call("odd age", "GET", log("sinceSeconds=0")).refused(),
        call("age and moment", "GET", log("sinceSeconds=5&sinceTime=2026-01-01T00:00:00Z")).refused(),
        call("tail that is no number", "GET", log("tailLines=x")).refused(),
        call("forward without an upgrade", "GET", core("pods/kafka-0/portforward?ports=9092")).refused(),
        call("forward to no pod", "GET", core("pods/nobody/portforward?ports=9092")).refused(),
    ]
}

fn forbidden() -> Vec<Call> {
    let review = r#"{"spec":{"resourceAttributes":{"verb":"list","resource":"pods"}}}"#;
    let reviews = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    vec![
        call("may I", "POST", reviews).body(JSON, review).fields(&["status.allowed"]),
        call("list without permission", "GET", "/api/v1/pods").nobody(),
        call("list here without permission", "GET", core("pods")).nobody(),
        call("watch without permission", "GET", core("pods?watch=true")).nobody(),
        call("log without permission", "GET", core("pods/kafka-0/log")).nobody(),
        call("node without permission", "GET", "/api/v1/nodes/node-1").nobody(),
        call("scale without permission", "PATCH", set("/scale")).body(MERGE, "{}").nobody(),
    ]
}
