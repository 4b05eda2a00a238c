//! The objects of the sandbox's API server, and the history that watches are served from.
//!
//! It keeps what it is given and numbers every change; it validates nothing and controls nothing. The API
//! server and the controllers call it.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use chrono::SecondsFormat;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::clock::Clock;

/// Resources whose objects carry a generation; the API of the others knows none.
const COUNTED: [&str; 7] = [
    "customresourcedefinitions",
    "deployments",
    "endpointslices",
    "poddisruptionbudgets",
    "pods",
    "prometheusrules",
    "statefulsets",
];

/// Changes that a watch can still be begun from; an older place in the history answers 410.
const HISTORY: usize = 4096;

/// What happened to an object, in the words of watch events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// It is new.
    Added,
    /// It is another.
    Modified,
    /// It is gone; the object is its last state.
    Deleted,
}

/// One change of one object.
#[derive(Debug, Clone)]
pub struct Change {
    /// The resource version that it made.
    pub version: u64,
    /// What happened.
    pub kind: ChangeKind,
    /// Plural resource name, as `pods`.
    pub resource: &'static str,
    /// The object before it, unless it is new: a watch with a selector tells by it what came and what went.
    pub before: Option<Arc<Value>>,
    /// The object after it.
    pub object: Arc<Value>,
}

/// What becomes of an object that is edited.
#[derive(Debug)]
pub enum Edit {
    /// It is this.
    Keep(Value),
    /// It is removed, and this was its last state.
    Remove(Value),
}

/// Where an object is kept: resource, namespace (empty when it is in none), name.
type Key = (&'static str, String, String);

#[derive(Default)]
struct Contents {
    version: u64,
    objects: BTreeMap<Key, Arc<Value>>,
    history: VecDeque<Change>,
    /// Places in the history before this one are forgotten.
    oldest: u64,
}

/// All objects. Shared; every method takes a short lock.
pub struct Store {
    contents: Mutex<Contents>,
    changed: watch::Sender<u64>,
    clock: Clock,
}

impl Store {
    /// An empty store.
    pub fn new(clock: Clock) -> Self {
        Self { contents: Mutex::default(), changed: watch::Sender::new(0), clock }
    }

    fn contents(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Objects of a resource by namespace and name, and the version of the store that they are of.
    pub fn list(&self, resource: &str, namespace: Option<&str>) -> (Vec<Arc<Value>>, u64) {
        let contents = self.contents();
        let here = |key: &Key| key.0 == resource && namespace.is_none_or(|wanted| key.1 == wanted);
        let objects = contents.objects.iter().filter(|(key, _)| here(key)).map(|(_, object)| Arc::clone(object));
        (objects.collect(), contents.version)
    }

    /// One object.
    pub fn get(&self, resource: &str, namespace: &str, name: &str) -> Option<Arc<Value>> {
        let contents = self.contents();
        let objects: &BTreeMap<(&str, String, String), Arc<Value>> = &contents.objects;
        objects.get(&(resource, namespace.to_owned(), name.to_owned())).cloned()
    }

    /// Keeps an object, new or instead of the one of its name, and answers it as it is kept: with version, uid and
    /// time of creation, and a generation that counts changes of its spec. What changes nothing is no change.
    pub fn put(&self, resource: &'static str, object: Value) -> Arc<Value> {
        self.keep(self.contents(), resource, object)
    }

    /// Changes an object in place, if it is there. What changes it may not ask the store, whose lock is held.
    pub fn change(&self, resource: &'static str, namespace: &str, name: &str, change: impl FnOnce(&mut Value)) {
        // Without an object there is nothing to do.
        let _: Result<_, ()> = self.edit(resource, namespace, name, |before| {
            let mut object = before.cloned().ok_or(())?;
            change(&mut object);
            Ok(Edit::Keep(object))
        });
    }

    /// Puts or removes an object by a decision that sees its present state, with nothing in between. The decision may
    /// not ask the store, whose lock is held.
    pub fn edit<E>(
        &self,
        resource: &'static str,
        namespace: &str,
        name: &str,
        decide: impl FnOnce(Option<&Value>) -> Result<Edit, E>,
    ) -> Result<Arc<Value>, E> {
        let contents = self.contents();
        let key = (resource, namespace.to_owned(), name.to_owned());
        let before = contents.objects.get(&key).cloned();
        match decide(before.as_deref())? {
            Edit::Keep(object) => Ok(self.keep(contents, resource, object)),
            Edit::Remove(last) => Ok(self.drop_out(contents, &key, last)),
        }
    }

    /// An object as `put` would answer it, without putting it: what is new has no version yet.
    pub fn preview(&self, resource: &'static str, mut object: Value) -> Value {
        let key = key_of(resource, &object);
        let contents = self.contents();
        match contents.objects.get(&key) {
            Some(before) => inherit(resource, &mut object, before),
            None => self.baptise(resource, &mut object, contents.version + 1),
        }
        object
    }

    fn keep(&self, mut contents: MutexGuard<'_, Contents>, resource: &'static str, mut object: Value) -> Arc<Value> {
        let key = key_of(resource, &object);
        let before = contents.objects.get(&key).cloned();
        let version = contents.version + 1;
        match &before {
            Some(before) => {
                inherit(resource, &mut object, before);
                if object == **before {
                    return Arc::clone(before);
                }
            }
            None => self.baptise(resource, &mut object, version),
        }
        object["metadata"]["resourceVersion"] = json!(version.to_string());
        let kind = if before.is_some() { ChangeKind::Modified } else { ChangeKind::Added };
        let object = Arc::new(object);
        contents.objects.insert(key, Arc::clone(&object));
        self.remember(contents, Change { version, kind, resource, before, object: Arc::clone(&object) });
        object
    }

    /// Removes an object and answers its last state.
    pub fn remove(&self, resource: &'static str, namespace: &str, name: &str) -> Option<Arc<Value>> {
        let contents = self.contents();
        let key = (resource, namespace.to_owned(), name.to_owned());
        let last = Value::clone(contents.objects.get(&key)?);
        Some(self.drop_out(contents, &key, last))
    }

    fn drop_out(&self, mut contents: MutexGuard<'_, Contents>, key: &Key, mut last: Value) -> Arc<Value> {
        let before = contents.objects.remove(key);
        let version = contents.version + 1;
        last["metadata"]["resourceVersion"] = json!(version.to_string());
        let object = Arc::new(last);
        let kind = ChangeKind::Deleted;
        self.remember(contents, Change { version, kind, resource: key.0, before, object: Arc::clone(&object) });
        object
    }

    /// Changes of a resource after a version; none when that place in the history is forgotten.
    pub fn since(&self, resource: &str, version: u64) -> Option<(Vec<Change>, u64)> {
        let contents = self.contents();
        if version < contents.oldest {
            return None;
        }
        let after = contents.history.iter().filter(|c| c.version > version && c.resource == resource).cloned();
        Some((after.collect(), contents.version))
    }

    /// Tells the store's version, and of every new one.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Forgets the history, as etcd's compaction does.
    pub fn compact(&self) {
        let mut contents = self.contents();
        contents.oldest = contents.version;
        contents.history.clear();
    }

    /// What a new object gets. A time of creation that it brings is kept: the cluster is older than we are.
    fn baptise(&self, resource: &str, object: &mut Value, version: u64) {
        let meta = &mut object["metadata"];
        if meta["creationTimestamp"].is_null() {
            meta["creationTimestamp"] = json!(self.clock.now().to_rfc3339_opts(SecondsFormat::Secs, true));
        }
        meta["uid"] = json!(format!("5a4d0b0e-0000-4000-8000-{version:012}"));
        if COUNTED.contains(&resource) {
            meta["generation"] = json!(1);
        }
    }

    fn remember(&self, mut contents: MutexGuard<'_, Contents>, change: Change) {
        contents.version = change.version;
        contents.history.push_back(change);
        if contents.history.len() > HISTORY
            && let Some(forgotten) = contents.history.pop_front()
        {
            contents.oldest = forgotten.version;
        }
        self.changed.send_replace(contents.version);
    }
}

fn key_of(resource: &'static str, object: &Value) -> Key {
    let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default().to_owned();
    (resource, text("namespace"), text("name"))
}

/// What an object keeps from the one before it, and its generation, which counts changes of its spec.
fn inherit(resource: &str, object: &mut Value, before: &Value) {
    for field in ["resourceVersion", "uid", "creationTimestamp"] {
        object["metadata"][field] = before["metadata"][field].clone();
    }
    let generation = before["metadata"]["generation"].as_u64();
    if let Some(meta) = object["metadata"].as_object_mut() {
        meta.remove("generation");
    }
    if COUNTED.contains(&resource) {
        let changed = u64::from(object["spec"] != before["spec"]);
        object["metadata"]["generation"] = json!(generation.unwrap_or(1) + changed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;

    fn store() -> Store {
        Store::new(Clock::driven(DateTime::UNIX_EPOCH))
    }

    fn object(replicas: u32) -> Value {
        json!({"metadata": {"name": "a", "namespace": "n"}, "spec": {"replicas": replicas}})
    }

    #[test]
    fn generations_count_changes_of_the_spec_where_a_kind_has_them() {
        let store = store();
        for (resource, before, after) in [("statefulsets", json!(1), json!(2)), ("services", json!(null), json!(null))]
        {
            assert_eq!(store.put(resource, object(1))["metadata"]["generation"], before);
            store.change(resource, "n", "a", |object| object["status"] = json!(1));
            assert_eq!(store.put(resource, object(2))["metadata"]["generation"], after);
        }
    }

    #[test]
    fn a_preview_is_what_would_be_kept_and_keeps_nothing() {
        let store = store();
        let new = store.preview("pods", object(1));
        assert!(new["metadata"]["uid"].is_string() && new["metadata"].get("resourceVersion").is_none());
        store.put("pods", object(1));
        let changed = store.preview("pods", object(2));
        assert_eq!(
            (&changed["metadata"]["resourceVersion"], &changed["metadata"]["generation"]),
            (&json!("1"), &json!(2))
        );
        assert_eq!(store.get("pods", "n", "a").unwrap()["spec"]["replicas"], 1);
    }

    #[test]
    fn a_change_knows_what_was_before_it() {
        let store = store();
        store.put("pods", object(1));
        store.put("pods", object(1));
        let gone: Result<_, ()> = store.edit("pods", "n", "a", |before| before.cloned().map(Edit::Remove).ok_or(()));
        assert!(gone.is_ok() && store.get("pods", "n", "a").is_none());
        let (changes, _) = store.since("pods", 0).unwrap();
        let told: Vec<_> = changes.iter().map(|change| (change.kind, change.before.is_some())).collect();
        assert_eq!(
            told,
            [(ChangeKind::Added, false), (ChangeKind::Deleted, true)],
            "what changes nothing is no change"
        );
        store.change("pods", "n", "a", |_| {});
        assert_eq!(*store.changes().borrow(), 2, "what is not there is not changed");
    }
}
