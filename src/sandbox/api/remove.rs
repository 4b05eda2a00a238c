//! Deleting and evicting.

use chrono::{DateTime, Utc};
use http::{Request, StatusCode};
use hyper::body::Incoming;
use serde_json::{Value, json};

use super::{
    ApiServer, Asked, Place,
    request::{body, content_type, value},
    status::{Answer, Refusal, answer, ok},
};
use crate::sandbox::{objects, store::Edit};

/// Finalizers of storage that hold an object only while something uses it.
const PROTECTIONS: [&str; 2] = ["kubernetes.io/pvc-protection", "kubernetes.io/pv-protection"];

/// How something is to be deleted.
#[derive(Debug, Default)]
struct Options {
    dry_run: bool,
    grace_s: Option<i64>,
    uid: Option<String>,
    version: Option<String>,
}

impl Options {
    /// Those of the query, and those of a body, which come first.
    fn parse(asked: &Asked, given: &Value) -> Result<Self, Refusal> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let kinds = given["dryRun"].as_array().map(Vec::as_slice).unwrap_or_default();
        if kinds.iter().any(|kind| kind != "All") {
            let message = "Unsupported value: supported values: \"All\"";
            return Err(Refusal::invalid("DeleteOptions", "", "FieldValueNotSupported", "dryRun", message));
        }
        let policy =
            text(&given["propagationPolicy"]).or_else(|| asked.query.get("propagationPolicy").map(str::to_owned));
        if policy.is_some_and(|policy| !["Background", "Foreground", "Orphan"].contains(&&*policy)) {
            let message = "Unsupported value: supported values: \"Background\", \"Foreground\", \"Orphan\"";
            return Err(Refusal::invalid("DeleteOptions", "", "FieldValueNotSupported", "propagationPolicy", message));
        }
        let grace_s = given["gracePeriodSeconds"]
            .as_i64()
            .map_or_else(|| asked.query.number("gracePeriodSeconds"), |g| Ok(Some(g)))?;
        Ok(Self {
            // As real servers take it: options in a body leave the query unread, its `dryRun` too.
            dry_run: if given.is_object() { !kinds.is_empty() } else { asked.query.dry_run("DeleteOptions")? },
            // As real servers take it: less than nothing is a second.
            grace_s: grace_s.map(|grace| if grace < 0 { 1 } else { grace }),
            uid: text(&given["preconditions"]["uid"]),
            version: text(&given["preconditions"]["resourceVersion"]),
        })
    }

    /// Refuses when the object is another than was meant.
    fn check(&self, kind: &str, name: &str, object: &Value) -> Result<(), Refusal> {
        let meta = &object["metadata"];
        let conditions = [
            ("UID", &self.uid, &meta["uid"], "The object might have been deleted and then recreated"),
            ("ResourceVersion", &self.version, &meta["resourceVersion"], "The object might have been modified"),
        ];
        for (field, wanted, found, perhaps) in conditions {
            let found = found.as_str().unwrap_or_default();
            if let Some(wanted) = wanted.as_ref().filter(|wanted| *wanted != found) {
                let message = format!(
                    "Operation cannot be fulfilled on {kind} \"{name}\": the {field} in the precondition ({wanted}) \
                     does not match the {field} in record ({found}). {perhaps}"
                );
                let details = json!({"name": name, "kind": kind});
                return Err(Refusal::new(409, "Conflict", message).details(details));
            }
        }
        Ok(())
    }
}

impl ApiServer {
    /// DELETE on an object.
    pub(super) async fn delete(
        &self,
        asked: &Asked,
        place: &Place,
        name: &str,
        request: &mut Request<Incoming>,
    ) -> Result<Answer, Refusal> {
        let kind = content_type(request);
        let text = body(request).await?;
        let given = if text.is_empty() { Value::Null } else { value(&text, &kind).map_err(Refusal::bad_request)? };
        if !matches!(given, Value::Object(_) | Value::Null) {
            return Err(Refusal::bad_request("couldn't get version/kind; json parse error"));
        }
        let options = Options::parse(asked, &given)?;
        let (last, gone) = self.take_away(place, name, &options)?;
        if !gone || place.resource.answers_deleted_object() {
            return Ok(ok(&last));
        }
        let mut details = place.resource.details(Some(name));
        details["uid"] = last["metadata"]["uid"].clone();
        Ok(ok(&json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details,
        })))
    }

    /// Removes an object or marks it as one that goes; answers its last state and whether it is gone.
    fn take_away(&self, place: &Place, name: &str, options: &Options) -> Result<(Value, bool), Refusal> {
        let (resource, now) = (place.resource, self.clock.now());
        let used = self.is_used(place, name);
        let mut gone = false;
        let last = self.commit(place, name, options.dry_run, |before| {
            let before = before.ok_or_else(|| Refusal::not_found(&resource.qualified(), name))?;
            options.check(resource.kind, name, before)?;
            let edit = if resource.ends_gracefully() {
                end_pod(before, options.grace_s, now)
            } else {
                end_other(before, used, now)
            };
            gone = matches!(edit, Edit::Remove(_));
            Ok(edit)
        })?;
        Ok((last, gone))
    }

    /// Whether a pod uses a claim.
    fn is_used(&self, place: &Place, name: &str) -> bool {
        if place.resource.plural != "persistentvolumeclaims" {
            return false;
        }
        let (pods, _) = self.store.list("pods", place.namespace.as_deref());
        pods.iter().any(|pod| objects::mounts(pod, name))
    }

    /// POST on a pod's eviction: a deletion that asks the disruption budgets.
    pub(super) async fn evict(
        &self,
        asked: &Asked,
        place: &Place,
        name: &str,
        request: &mut Request<Incoming>,
    ) -> Result<Answer, Refusal> {
        let kind = content_type(request);
        let eviction = value(&body(request).await?, &kind).map_err(Refusal::bad_request)?;
        let mut options = Options::parse(asked, &eviction["deleteOptions"])?;
        options.dry_run |= asked.query.dry_run("CreateOptions")?;
        let found = self.store.get("pods", place.in_store(), name);
        let pod = found.ok_or_else(|| Refusal::not_found("pods", name))?;
        if pod["metadata"]["deletionTimestamp"].is_null() && pod["status"]["phase"] == "Running" {
            self.ask_budgets(place.in_store(), &pod, options.dry_run)?;
        }
        self.take_away(place, name, &options)?;
        let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201});
        Ok(answer(StatusCode::CREATED, &status))
    }

    /// Refuses when a budget has nothing left; else takes one disruption from it.
    fn ask_budgets(&self, namespace: &str, pod: &Value, dry_run: bool) -> Result<(), Refusal> {
        let (budgets, _) = self.store.list("poddisruptionbudgets", Some(namespace));
        for budget in budgets.iter().filter(|budget| objects::selects(budget, pod)) {
            let name = budget["metadata"]["name"].as_str().unwrap_or_default();
            let count = |field: &str| budget["status"][field].as_i64().unwrap_or_default();
            let (allowed, desired, healthy) =
                (count("disruptionsAllowed"), count("desiredHealthy"), count("currentHealthy"));
            // A pod that is not ready takes nothing from a budget that is healthy without it.
            if !objects::is_ready(pod) && healthy >= desired {
                continue;
            }
            if allowed <= 0 {
                let why =
                    format!("The disruption budget {name} needs {desired} healthy pods and has {healthy} currently");
                let causes = json!({"causes": [{"reason": "DisruptionBudget", "message": why}]});
                let message = "Cannot evict pod as it would violate the pod's disruption budget.";
                return Err(Refusal::new(429, "TooManyRequests", message).details(causes));
            }
            if !dry_run {
                self.store.change("poddisruptionbudgets", namespace, name, |budget| {
                    budget["status"]["disruptionsAllowed"] = json!(allowed - 1);
                });
            }
        }
        Ok(())
    }
}

/// A pod is ended by its kubelet within a grace; without a node, or with none, it is gone.
fn end_pod(before: &Value, wanted: Option<i64>, now: DateTime<Utc>) -> Edit {
    let mut pod = before.clone();
    let own = pod["spec"]["terminationGracePeriodSeconds"].as_i64().unwrap_or(30);
    let placed = pod["spec"]["nodeName"].as_str().is_some_and(|node| !node.is_empty());
    let over = matches!(pod["status"]["phase"].as_str(), Some("Succeeded" | "Failed"));
    let grace = if placed && !over { wanted.unwrap_or(own) } else { 0 };
    let ending = pod["metadata"]["deletionGracePeriodSeconds"].as_i64();
    // An end that is under way can be hastened, not put off.
    if ending.is_none_or(|left| grace < left) {
        objects::terminate(&mut pod, grace, now);
    }
    if grace == 0 { Edit::Remove(pod) } else { Edit::Keep(pod) }
}

/// Anything else goes at once, unless a finalizer holds it.
fn end_other(before: &Value, used: bool, now: DateTime<Utc>) -> Edit {
    let mut object = before.clone();
    let finalizers = object["metadata"]["finalizers"].as_array().map(Vec::as_slice).unwrap_or_default();
    let protected = !finalizers.is_empty();
    let held = used || finalizers.iter().any(|f| !PROTECTIONS.iter().any(|protection| f == protection));
    if (protected || held) && object["metadata"]["deletionTimestamp"].is_null() {
        objects::terminate(&mut object, 0, now);
    }
    if held { Edit::Keep(object) } else { Edit::Remove(object) }
}
