//! Making, replacing and patching objects.

use bytes::Bytes;
use http::{Request, StatusCode};
use hyper::body::Incoming;
use serde_json::{Value, json};

use super::{
    ApiServer, Asked, Place,
    patch::{Misfit, Way},
    request::{body, content_type, value},
    resources::Resource,
    rules,
    status::{Answer, Refusal, answer, ok},
};
use crate::sandbox::store::Edit;

/// Letters of which names are made that end in what nobody chose.
const LETTERS: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";

impl ApiServer {
    /// POST on a resource.
    pub(super) async fn create(
        &self,
        asked: &Asked,
        place: &Place,
        request: &mut Request<Incoming>,
    ) -> Result<Answer, Refusal> {
        let dry_run = asked.query.dry_run("CreateOptions")?;
        let kind = content_type(request);
        let object = decode(place.resource, &kind, &body(request).await?)?;
        self.make(place, object, dry_run)
    }

    /// Keeps an object that is new.
    fn make(&self, place: &Place, mut object: Value, dry_run: bool) -> Result<Answer, Refusal> {
        let resource = place.resource;
        self.settle_namespace(place, &mut object)?;
        let meta = &mut object["metadata"];
        if let (Some(prefix), None) = (meta["generateName"].as_str(), meta["name"].as_str().filter(|n| !n.is_empty())) {
            meta["name"] = json!(format!("{prefix}{}", self.suffix()));
        }
        for field in ["resourceVersion", "uid", "creationTimestamp", "generation", "deletionTimestamp", "managedFields"]
        {
            if let Some(meta) = meta.as_object_mut() {
                meta.remove(field);
            }
        }
        first_status(resource, &mut object);
        rules::check(resource, None, &object)?;
        let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        let made = self.commit(place, &name, dry_run, |before| {
            if before.is_none() {
                return Ok(Edit::Keep(object));
            }
            let message = format!("{} \"{name}\" already exists", resource.qualified());
            Err(Refusal::new(409, "AlreadyExists", message).details(resource.details(Some(&name))))
        })?;
        Ok(answer(StatusCode::CREATED, &made))
    }

    /// The namespace of a new object is that of the request, and there is such a namespace.
    fn settle_namespace(&self, place: &Place, object: &mut Value) -> Result<(), Refusal> {
        let meta = &mut object["metadata"];
        if !place.resource.namespaced {
            return Ok(());
        }
        let Some(namespace) = &place.namespace else {
            return Err(Refusal::bad_request("an empty namespace may not be set during creation"));
        };
        if meta["namespace"].as_str().is_some_and(|own| !own.is_empty() && own != namespace) {
            let message = "the namespace of the provided object does not match the namespace sent on the request";
            return Err(Refusal::bad_request(message));
        }
        if self.store.get("namespaces", "", namespace).is_none() {
            return Err(Refusal::not_found("namespaces", namespace));
        }
        meta["namespace"] = json!(namespace);
        Ok(())
    }

    /// Five letters that are others for each version of the store.
    fn suffix(&self) -> String {
        let mut number = (*self.store.changes().borrow() + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 16;
        let letter = |_| {
            let at = (number % LETTERS.len() as u64) as usize;
            number /= LETTERS.len() as u64;
            char::from(LETTERS[at])
        };
        (0..5).map(letter).collect()
    }

    /// PUT on an object or on its status.
    pub(super) async fn replace(
        &self,
        asked: &Asked,
        place: &Place,
        name: &str,
        request: &mut Request<Incoming>,
    ) -> Result<Answer, Refusal> {
        let dry_run = asked.query.dry_run("UpdateOptions")?;
        let kind = content_type(request);
        let mut object = decode(place.resource, &kind, &body(request).await?)?;
        if place.resource.namespaced {
            object["metadata"]["namespace"] = json!(place.namespace);
        }
        let may_grow = self.may_grow(place, name);
        let kept = self.commit(place, name, dry_run, |before| {
            let before = before.ok_or_else(|| Refusal::not_found(&place.resource.qualified(), name))?;
            check_growth(place, name, may_grow, (before, &object))?;
            revise(place, name, before, object)
        })?;
        Ok(ok(&kept))
    }

    /// Whether an object may ask for more storage: a claim may where its class lets it.
    fn may_grow(&self, place: &Place, name: &str) -> bool {
        if place.resource.plural != "persistentvolumeclaims" {
            return true;
        }
        let claim = self.store.get("persistentvolumeclaims", place.in_store(), name);
        let class = claim.as_ref().and_then(|claim| claim["spec"]["storageClassName"].as_str()).unwrap_or_default();
        self.store.get("storageclasses", "", class).is_some_and(|class| class["allowVolumeExpansion"] == true)
    }

    /// PATCH on an object, its status or its scale.
    pub(super) async fn patch(
        &self,
        asked: &Asked,
        place: &Place,
        name: &str,
        request: &mut Request<Incoming>,
    ) -> Result<Answer, Refusal> {
        let dry_run = asked.query.dry_run("PatchOptions")?;
        let (resource, kind) = (place.resource, content_type(request));
        let Some(way) = Way::of(&kind, resource.is_builtin()) else {
            return Err(Refusal::new(415, "UnsupportedMediaType", "415: Unsupported Media Type").details(json!({})));
        };
        let text = body(request).await?;
        let patch = value(&text, if way == Way::Apply { "yaml" } else { "json" })
            .map_err(|error| Refusal::bad_request(format!("error decoding patch: {error}")))?;
        if way == Way::Apply {
            check_applied(asked, resource, &patch)?;
            if place.sub.is_none() && self.store.get(resource.plural, place.in_store(), name).is_none() {
                let mut object = patch;
                object["metadata"]["name"] = json!(name);
                return self.make(place, object, dry_run);
            }
        }
        let scaled = place.sub.as_deref() == Some("scale");
        let may_grow = self.may_grow(place, name);
        let kept = self.commit(place, name, dry_run, |before| {
            let before = before.ok_or_else(|| Refusal::not_found(&resource.qualified(), name))?;
            let mut after = if scaled { scale_of(before) } else { before.clone() };
            way.patch(&mut after, patch, resource.is_builtin()).map_err(misfit)?;
            if scaled {
                let mut object = before.clone();
                object["spec"]["replicas"] = after["spec"]["replicas"].clone();
                object["metadata"]["resourceVersion"] = after["metadata"]["resourceVersion"].clone();
                after = object;
            }
            rules::check_patched(resource, &after)?;
            check_growth(place, name, may_grow, (before, &after))?;
            revise(place, name, before, after)
        })?;
        Ok(ok(&if scaled { scale_of(&kept) } else { kept }))
    }

    /// The scale of an object.
    pub(super) fn scale(&self, place: &Place, name: &str) -> Result<Answer, Refusal> {
        let found = self.store.get(place.resource.plural, place.in_store(), name);
        let object = found.ok_or_else(|| Refusal::not_found(&place.resource.qualified(), name))?;
        Ok(ok(&scale_of(&object)))
    }

    /// Does what is decided of an object's present state, or only says what would come of it.
    pub(super) fn commit(
        &self,
        place: &Place,
        name: &str,
        dry_run: bool,
        decide: impl FnOnce(Option<&Value>) -> Result<Edit, Refusal>,
    ) -> Result<Value, Refusal> {
        let (resource, namespace) = (place.resource.plural, place.in_store());
        if !dry_run {
            return self.store.edit(resource, namespace, name, decide).map(|kept| Value::clone(&kept));
        }
        let before = self.store.get(resource, namespace, name);
        Ok(match decide(before.as_deref())? {
            Edit::Keep(object) => self.store.preview(resource, object),
            Edit::Remove(last) => last,
        })
    }
}

/// A body as an object of the resource, which says what it is.
fn decode(resource: &Resource, content_type: &str, body: &Bytes) -> Result<Value, Refusal> {
    if !matches!(content_type, "application/json" | "application/yaml") {
        return Err(Refusal::media_type("application/json, application/yaml"));
    }
    let unrecognized = |why: &str| {
        let kind = resource.kind;
        Refusal::bad_request(format!("the object provided is unrecognized (must be of type {kind}): {why}"))
    };
    let mut object = value(body, content_type).map_err(|why| unrecognized(&why))?;
    if !object.is_object() || !(object["metadata"].is_object() || object["metadata"].is_null()) {
        return Err(unrecognized("couldn't get version/kind; json parse error"));
    }
    let ours = [("kind", resource.kind.to_owned()), ("apiVersion", resource.api_version())];
    for (field, own) in ours {
        match object[field].as_str() {
            None | Some("") => object[field] = json!(own),
            Some(other) if other != own => {
                let message = format!(
                    "{} in version \"{}\" cannot be handled as a {}",
                    object["kind"].as_str().unwrap_or_default(),
                    object["apiVersion"].as_str().unwrap_or_default(),
                    resource.kind
                );
                return Err(Refusal::bad_request(message));
            }
            Some(_) => {}
        }
    }
    if object["metadata"].is_null() {
        object["metadata"] = json!({});
    }
    Ok(object)
}

/// What is applied says what it is and who applies it.
fn check_applied(asked: &Asked, resource: &Resource, patch: &Value) -> Result<(), Refusal> {
    if asked.query.get("fieldManager").is_none() {
        let message = "Required value: is required for apply patch";
        let kind = "PatchOptions.meta.k8s.io";
        return Err(Refusal::invalid(kind, "", "FieldValueRequired", "fieldManager", message));
    }
    let text = |field: &str| patch[field].as_str().unwrap_or_default();
    if (text("kind"), text("apiVersion")) != (resource.kind, &*resource.api_version()) {
        let message = format!("invalid object type: {}, Kind={}", text("apiVersion"), text("kind"));
        return Err(Refusal::bad_request(message));
    }
    if !matches!(patch["metadata"], Value::Object(_) | Value::Null) {
        return Err(Refusal::bad_request("error decoding patch: the metadata is no object"));
    }
    Ok(())
}

fn misfit(misfit: Misfit) -> Refusal {
    match misfit {
        Misfit::Malformed(why) => Refusal::bad_request(format!("error decoding patch: {why}")),
        Misfit::Failed(why) => {
            tracing::debug!(why, "a JSON patch failed");
            let message = "the server rejected our request due to an error in our request";
            Refusal::new(422, "Invalid", message).details(json!({}))
        }
    }
}

/// What an object becomes that is replaced: of its spec and its status only the part that the request is for, and
/// nothing at all when it was only kept by a finalizer that is gone.
fn revise(place: &Place, name: &str, before: &Value, mut after: Value) -> Result<Edit, Refusal> {
    let resource = place.resource;
    if !after["metadata"].is_object() {
        return Err(Refusal::bad_request("the object has no metadata"));
    }
    let text = |object: &Value, field: &str| object["metadata"][field].as_str().unwrap_or_default().to_owned();
    if text(&after, "name") != name {
        let other = text(&after, "name");
        let message = format!("the name of the object ({other}) does not match the name on the URL ({name})");
        return Err(Refusal::bad_request(message));
    }
    if text(&after, "namespace") != text(before, "namespace") {
        let message = "the namespace of the object does not match the namespace on the request";
        return Err(Refusal::bad_request(message));
    }
    for field in ["resourceVersion", "uid"] {
        let wanted = text(&after, field);
        if !wanted.is_empty() && wanted != text(before, field) {
            return Err(Refusal::conflict(resource, name));
        }
    }
    if place.sub.as_deref() == Some("status") {
        let status = after["status"].take();
        after = before.clone();
        after["status"] = status;
    } else if resource.has("status") {
        copy(before, &mut after, "status");
    }
    for field in ["kind", "apiVersion"] {
        copy(before, &mut after, field);
    }
    let (old, new) = (&before["metadata"], &mut after["metadata"]);
    for field in ["deletionTimestamp", "deletionGracePeriodSeconds"] {
        copy(old, new, field);
    }
    if let Some(new) = new.as_object_mut() {
        new.remove("managedFields");
    }
    rules::check(resource, Some(before), &after)?;
    let freed = after["metadata"]["finalizers"].as_array().is_none_or(Vec::is_empty);
    let leaving = !after["metadata"]["deletionTimestamp"].is_null() && !resource.ends_gracefully();
    Ok(if leaving && freed { Edit::Remove(after) } else { Edit::Keep(after) })
}

/// Refuses a claim that may not grow and asks for more (admission plugin PersistentVolumeClaimResize).
fn check_growth(place: &Place, name: &str, may: bool, (before, after): (&Value, &Value)) -> Result<(), Refusal> {
    if may || !rules::grows(before, after) {
        return Ok(());
    }
    let message = format!(
        "persistentvolumeclaims \"{name}\" is forbidden: only dynamically provisioned pvc can be resized and the \
         storageclass that provisions the pvc must support resize"
    );
    Err(Refusal::new(403, "Forbidden", message).details(place.resource.details(Some(name))))
}

/// Makes a field what it was.
fn copy(from: &Value, to: &mut Value, field: &str) {
    match (from.get(field), to.as_object_mut()) {
        (Some(value), Some(_)) => to[field] = value.clone(),
        (None, Some(to)) => drop(to.remove(field)),
        (_, None) => {}
    }
}

/// The status that a new object of a resource has, whatever its maker says.
fn first_status(resource: &Resource, object: &mut Value) {
    let status = match resource.plural {
        "deployments" => json!({}),
        "namespaces" => json!({"phase": "Active"}),
        "persistentvolumeclaims" | "persistentvolumes" => json!({"phase": "Pending"}),
        "pods" => json!({"phase": "Pending", "qosClass": "BestEffort"}),
        "poddisruptionbudgets" => {
            json!({"currentHealthy": 0, "desiredHealthy": 0, "disruptionsAllowed": 0, "expectedPods": 0})
        }
        "services" => json!({"loadBalancer": {}}),
        "statefulsets" => json!({"availableReplicas": 0, "replicas": 0}),
        _ => return,
    };
    object["status"] = status;
}

/// The scale of an object that has replicas.
fn scale_of(object: &Value) -> Value {
    let meta = &object["metadata"];
    let labels = object["spec"]["selector"]["matchLabels"].as_object().into_iter().flatten();
    let selector: Vec<String> = labels.map(|(key, v)| format!("{key}={}", v.as_str().unwrap_or_default())).collect();
    json!({
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {
            "name": meta["name"], "namespace": meta["namespace"], "uid": meta["uid"],
            "resourceVersion": meta["resourceVersion"], "creationTimestamp": meta["creationTimestamp"],
        },
        "spec": {"replicas": object["spec"]["replicas"].as_i64().unwrap_or(1)},
        "status": {"replicas": object["status"]["replicas"].as_i64().unwrap_or(0), "selector": selector.join(",")},
    })
}
