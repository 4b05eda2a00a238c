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
    /// The object after it.
    pub object: Arc<Value>,
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
        let wanted = |key: &Key| (key.0, &*key.1, &*key.2) == (resource, namespace, name);
        contents.objects.iter().find(|(key, _)| wanted(key)).map(|(_, object)| Arc::clone(object))
    }

    /// Keeps an object, new or instead of the one of its name, and answers it as it is kept: with version, uid and
    /// time of creation, and a generation that counts changes of its spec. What changes nothing is no change.
    pub fn put(&self, resource: &'static str, mut object: Value) -> Arc<Value> {
        let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default().to_owned();
        let key = (resource, text("namespace"), text("name"));
        let mut contents = self.contents();
        let before = contents.objects.get(&key).cloned();
        let version = contents.version + 1;
        match &before {
            Some(before) => {
                for field in ["resourceVersion", "uid", "creationTimestamp", "generation"] {
                    object["metadata"][field] = before["metadata"][field].clone();
                }
                if object == **before {
                    return Arc::clone(before);
                }
                if object["spec"] != before["spec"] {
                    let generation = before["metadata"]["generation"].as_u64().unwrap_or(1) + 1;
                    object["metadata"]["generation"] = json!(generation);
                }
            }
            None => self.baptise(&mut object, version),
        }
        object["metadata"]["resourceVersion"] = json!(version.to_string());
        let kind = if before.is_some() { ChangeKind::Modified } else { ChangeKind::Added };
        let object = Arc::new(object);
        contents.objects.insert(key, Arc::clone(&object));
        self.remember(contents, Change { version, kind, resource, object: Arc::clone(&object) });
        object
    }

    /// Changes an object in place, if it is there.
    pub fn change(&self, resource: &'static str, namespace: &str, name: &str, change: impl FnOnce(&mut Value)) {
        if let Some(object) = self.get(resource, namespace, name) {
            let mut object = Value::clone(&object);
            change(&mut object);
            self.put(resource, object);
        }
    }

    /// Removes an object and answers its last state.
    pub fn remove(&self, resource: &'static str, namespace: &str, name: &str) -> Option<Arc<Value>> {
        let mut contents = self.contents();
        let object = contents.objects.remove(&(resource, namespace.to_owned(), name.to_owned()))?;
        let version = contents.version + 1;
        let mut last = Value::clone(&object);
        last["metadata"]["resourceVersion"] = json!(version.to_string());
        let object = Arc::new(last);
        self.remember(contents, Change { version, kind: ChangeKind::Deleted, resource, object: Arc::clone(&object) });
        Some(object)
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
    fn baptise(&self, object: &mut Value, version: u64) {
        let meta = &mut object["metadata"];
        if meta["creationTimestamp"].is_null() {
            meta["creationTimestamp"] = json!(self.clock.now().to_rfc3339_opts(SecondsFormat::Secs, true));
        }
        meta["uid"] = json!(format!("5a4d0b0e-0000-4000-8000-{version:012}"));
        meta["generation"] = json!(1);
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
