//! Carries out what a plan asks of the API server: makes, changes, deletes and evicts objects, or only rehearses it.
//!
//! Every request says what it was made for (fields, resourceVersion, uid), so that nothing is changed that is not
//! as the plan saw it. It decides nothing, retries nothing but a lost race, and writes no journal: `io::act` calls it.

mod refusal;
mod shown;

use std::time::Duration;

use http::{Method, Request};
use kube::{Client, Error, core::Status};
use serde_json::{Map, Value, json};

use self::{
    refusal::{Verb, is_denied_by_drain_cleaner, is_other_uid, status},
    shown::Look,
};
use crate::plan::op::{Change, Op, OpAnswer, OpFailure, Rehearsed, Target};

/// How long one answer may take.
const DEADLINE: Duration = Duration::from_secs(10);
/// How often a patch is tried when somebody else was quicker.
const TRIES: usize = 3;
/// Who we are to the API server, as part of a query.
const MANAGER: &str = "fieldManager=kafdeck";

/// Carries an op out. Those that are none of the API server's are refused.
///
/// # Errors
/// Stale when the object is not as the plan saw it; else as the API server answers, or does not.
pub async fn perform(client: &Client, op: &Op) -> Result<OpAnswer, OpFailure> {
    let act = Act { client, dry_run: false };
    match op {
        Op::Create { target, manifest } => act.create(target, manifest).await,
        Op::Patch { target, changes } => act.patch(target, changes).await.map(Patched::answer),
        Op::Delete { target, uid } => act.delete(target, uid).await,
        Op::Evict { target, uid } => act.evict(target, uid).await,
        _ => Err(OpFailure::Refused(NOT_OURS.to_owned())),
    }
}

/// Deletes an object that the run itself made, under a name that nobody else has.
///
/// # Errors
/// As the API server answers, or does not; that it is gone already is none.
pub async fn clean(client: &Client, target: &Target) -> Result<OpAnswer, OpFailure> {
    let act = Act { client, dry_run: false };
    let answer = act.send(Method::DELETE, act.path_of(target, "", &[]), "application/json", None).await;
    ended(answer, &Verb::new("delete", target))
}

/// Asks what would come of an op (`dryRun=All`): admission is asked, nothing is kept.
pub async fn rehearse(client: &Client, op: &Op) -> Rehearsed {
    let act = Act { client, dry_run: true };
    let (answer, lines) = match op {
        Op::Create { target, manifest } => (act.create(target, manifest).await, Look::of(target).manifest(manifest)),
        Op::Patch { target, changes } => match act.patch(target, changes).await {
            Ok(Patched::Done { before, after }) => {
                let lines = Look::of(target).difference(changes, before, after);
                (Ok(OpAnswer::Done(String::new())), lines)
            }
            other => (other.map(Patched::answer), Vec::new()),
        },
        Op::Delete { target, uid } => (act.delete(target, uid).await, vec![format!("- {}", named(target))]),
        Op::Evict { target, uid } => (act.evict(target, uid).await, vec![format!("- {}", named(target))]),
        _ => return Rehearsed::Untried(NOT_OURS.to_owned()),
    };
    match answer {
        Ok(OpAnswer::Done(words)) if words.is_empty() => Rehearsed::Fine(lines),
        Ok(OpAnswer::Done(words)) => Rehearsed::Fine(vec![format!("  {words}")]),
        Ok(OpAnswer::Already(words)) => Rehearsed::Already(words),
        Ok(OpAnswer::Made(_)) => Rehearsed::Fine(lines),
        // A webhook with side effects lets nobody rehearse.
        Err(OpFailure::Refused(why)) if why.contains("does not support dry run") => Rehearsed::Untried(why),
        Err(failure) => Rehearsed::Failed(failure),
    }
}

/// Fields of an object as they are now, each as far as it is there; none where there is no such object.
///
/// # Errors
/// As `perform`.
pub async fn fields(
    client: &Client,
    target: &Target,
    paths: &[Vec<String>],
) -> Result<Option<Vec<Option<Value>>>, OpFailure> {
    let live = Act { client, dry_run: false }.get(target).await?;
    Ok(live.map(|live| paths.iter().map(|path| shown::at(&live, path).cloned()).collect()))
}

/// Why an op that is for brokers, or for nobody, is not asked for here.
const NOT_OURS: &str = "this is not asked of the API server";

/// What came of a patch.
enum Patched {
    /// It was so before.
    Already,
    /// It is done: the object before and after.
    Done { before: Value, after: Value },
}

impl Patched {
    fn answer(self) -> OpAnswer {
        match self {
            Self::Already => OpAnswer::Already("it is so already".to_owned()),
            Self::Done { .. } => OpAnswer::Done(String::new()),
        }
    }
}

/// One op under way.
struct Act<'a> {
    client: &'a Client,
    dry_run: bool,
}

impl Act<'_> {
    /// Makes an object, unless it is there: then it must say all that the manifest says.
    async fn create(&self, target: &Target, manifest: &Value) -> Result<OpAnswer, OpFailure> {
        let verb = Verb::new("create", target);
        let path = self.path(target, "", &[MANAGER, "fieldValidation=Strict"]);
        let made = self.send(Method::POST, path, "application/json", Some(manifest)).await;
        match made {
            Ok(_) => Ok(OpAnswer::Done(String::new())),
            Err(Some(error)) if status(&error).is_some_and(Status::is_already_exists) => {
                let live = self.get(target).await?.ok_or_else(|| gone(target))?;
                let different = shown::missing(&Look::of(target), manifest, &live);
                if different.is_empty() {
                    Ok(OpAnswer::Already(format!("{} is there already, as it is meant to be", named(target))))
                } else {
                    Err(OpFailure::Stale(different))
                }
            }
            Err(error) => Err(verb.failure(error.as_ref())),
        }
    }

    /// Changes fields that are what the plan saw, in the version of the object that was looked at.
    async fn patch(&self, target: &Target, changes: &[Change]) -> Result<Patched, OpFailure> {
        let verb = Verb::new("patch", target);
        let mut tries = 0;
        loop {
            let live = self.get(target).await?.ok_or_else(|| gone(target))?;
            let is_so = |change: &Change| shown::is_same(shown::at(&live, &change.path), change.after.as_ref());
            if changes.iter().all(is_so) {
                return Ok(Patched::Already);
            }
            let stale = Look::of(target).stale(changes, &live);
            if !stale.is_empty() {
                return Err(OpFailure::Stale(stale));
            }
            let patch = merge_patch(&live, changes);
            let place = self.path_of(target, "", &[MANAGER]);
            match self.send(Method::PATCH, place, "application/merge-patch+json", Some(&patch)).await {
                Ok(after) => return Ok(Patched::Done { before: live, after }),
                Err(Some(error)) if status(&error).is_some_and(Status::is_conflict) && tries + 1 < TRIES => tries += 1,
                Err(Some(error)) if status(&error).is_some_and(Status::is_not_found) => return Err(gone(target)),
                Err(error) => return Err(verb.failure(error.as_ref())),
            }
        }
    }

    /// Deletes the object that the plan saw.
    async fn delete(&self, target: &Target, uid: &str) -> Result<OpAnswer, OpFailure> {
        let mut body = json!({"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": {"uid": uid}});
        if self.dry_run {
            // Servers that are sent options in the body look at none in the query: without this a rehearsal deletes.
            body["dryRun"] = json!(["All"]);
        }
        let path = self.path_of(target, "", &[]);
        let answer = self.send(Method::DELETE, path, "application/json", Some(&body)).await;
        ended(answer, &Verb::new("delete", target))
    }

    /// Evicts the pod that the plan saw, if its disruption budget allows it.
    async fn evict(&self, target: &Target, uid: &str) -> Result<OpAnswer, OpFailure> {
        // Servers take one from the budget before they hold the uid against the pod's: a pod that is seen to be
        // another costs the budget nothing this way.
        match self.get(target).await {
            Ok(None) => return Ok(gone_already(target)),
            Ok(Some(live)) if live["metadata"]["uid"] != uid => return Err(another(target)),
            // Who may evict need not be able to read; the uid goes with the eviction all the same.
            Ok(Some(_)) | Err(OpFailure::Forbidden(_)) => {}
            Err(failure) => return Err(failure),
        }
        let mut options = json!({"preconditions": {"uid": uid}});
        if self.dry_run {
            options["dryRun"] = json!(["All"]);
        }
        let body = json!({
            "kind": "Eviction", "apiVersion": "policy/v1",
            "metadata": {"name": target.name, "namespace": target.namespace}, "deleteOptions": options,
        });
        let path = self.path_of(target, "/eviction", &[]);
        let verb = Verb { subresource: Some("eviction"), ..Verb::new("create", target) };
        match self.send(Method::POST, path, "application/json", Some(&body)).await {
            Err(Some(error)) if is_denied_by_drain_cleaner(&error) => {
                Ok(OpAnswer::Done("Strimzi's Drain Cleaner took it: the Cluster Operator will roll the pod".to_owned()))
            }
            Err(Some(error)) if status(&error).is_some_and(|s| s.code == 429) => Err(refusal::of_budget(&error)),
            answer => ended(answer, &verb),
        }
    }

    /// The object now; none when it is not there.
    async fn get(&self, target: &Target) -> Result<Option<Value>, OpFailure> {
        let read = Self { client: self.client, dry_run: false };
        match read.send(Method::GET, read.path_of(target, "", &[]), "application/json", None).await {
            Ok(live) => Ok(Some(live)),
            Err(Some(error)) if status(&error).is_some_and(Status::is_not_found) => Ok(None),
            Err(error) => Err(Verb::new("get", target).failure(error.as_ref())),
        }
    }

    /// Sends a request. The error is none when the deadline passed.
    async fn send(
        &self,
        method: Method,
        path: String,
        kind: &str,
        body: Option<&Value>,
    ) -> Result<Value, Option<Error>> {
        let bytes = body.map_or_else(Vec::new, |body| body.to_string().into_bytes());
        let request = Request::builder().method(method).uri(path).header("content-type", kind).body(bytes);
        let request = request.map_err(|error| Some(Error::HttpError(error)))?;
        match tokio::time::timeout(DEADLINE, self.client.request::<Value>(request)).await {
            Ok(answer) => answer.map_err(Some),
            Err(_) => Err(None),
        }
    }

    /// The path of the object.
    fn path_of(&self, target: &Target, subresource: &str, query: &[&str]) -> String {
        self.path(target, &format!("/{}{subresource}", target.name), query)
    }

    /// The path of the resource and what follows.
    fn path(&self, target: &Target, rest: &str, query: &[&str]) -> String {
        let root = if target.group().is_empty() { "api" } else { "apis" };
        let place = match target.namespace.as_str() {
            "" => String::new(),
            namespace => format!("/namespaces/{namespace}"),
        };
        let mut query = query.to_vec();
        if self.dry_run {
            query.push("dryRun=All");
        }
        let mark = if query.is_empty() { "" } else { "?" };
        format!("/{root}/{}{place}/{}{rest}{mark}{}", target.api_version, target.resource, query.join("&"))
    }
}

/// What the end of an object comes to: one that is gone needs none, and another of its name is left alone.
fn ended(answer: Result<Value, Option<Error>>, verb: &Verb<'_>) -> Result<OpAnswer, OpFailure> {
    let target = verb.target;
    match answer {
        Ok(_) => Ok(OpAnswer::Done(String::new())),
        Err(Some(error)) if status(&error).is_some_and(Status::is_not_found) => Ok(gone_already(target)),
        Err(Some(error)) if is_other_uid(&error) => Err(another(target)),
        Err(error) => Err(verb.failure(error.as_ref())),
    }
}

/// The object as sentences name it: `KafkaTopic messaging/orders`.
fn named(target: &Target) -> String {
    match target.namespace.as_str() {
        "" => format!("{} {}", target.kind, target.name),
        namespace => format!("{} {namespace}/{}", target.kind, target.name),
    }
}

fn gone_already(target: &Target) -> OpAnswer {
    OpAnswer::Already(format!("{} is gone already", named(target)))
}

fn another(target: &Target) -> OpFailure {
    OpFailure::Stale(vec![format!("another {} has taken its place", target.name)])
}

fn gone(target: &Target) -> OpFailure {
    OpFailure::Stale(vec![format!("{} is gone", named(target))])
}

/// The merge patch (RFC 7386) that makes the fields what they are to be, for the version that was looked at.
fn merge_patch(live: &Value, changes: &[Change]) -> Value {
    let mut patch = json!({"metadata": {"resourceVersion": live["metadata"]["resourceVersion"]}});
    for change in changes {
        let new = match &change.after {
            Some(after) => replacing(shown::at(live, &change.path), after),
            None => Value::Null,
        };
        set(&mut patch, &change.path, new);
    }
    patch
}

/// What a merge makes `after` of `live`: keys that are no longer there are taken away by name.
fn replacing(live: Option<&Value>, after: &Value) -> Value {
    let (Some(Value::Object(old)), Value::Object(new)) = (live, after) else { return after.clone() };
    let mut merged: Map<String, Value> = new.iter().map(|(k, v)| (k.clone(), replacing(old.get(k), v))).collect();
    for key in old.keys().filter(|key| !new.contains_key(*key)) {
        merged.insert(key.clone(), Value::Null);
    }
    Value::Object(merged)
}

/// Puts a value at a path, making objects on the way.
fn set(root: &mut Value, path: &[String], value: Value) {
    let mut place = root;
    for key in path {
        if !place.is_object() {
            *place = json!({});
        }
        place = &mut place[key.as_str()];
    }
    *place = value;
}

#[cfg(test)]
mod tests;
