//! A Kubernetes object behind a row: how it is named, and what can be asked about it.
//!
//! What is watched of it is in `kubernetes`; this is for what is read once, when somebody asks. Secrets are no kind
//! that can be named. `app` asks with it, `io` answers.

use std::fmt;

use chrono::{DateTime, Utc};

use super::{freshness::Kind, ids::ObjectKey};

/// A Kubernetes object by kind, namespace and name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Its kind.
    pub kind: Kind,
    /// Namespace and name.
    pub key: ObjectKey,
}

impl Object {
    /// An object of a namespace.
    pub fn new(kind: Kind, namespace: &str, name: &str) -> Self {
        Self { kind, key: ObjectKey::new(namespace, name) }
    }
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}/{}", self.kind.singular(), self.key.namespace, self.key.name)
    }
}

/// What is asked about an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aspect {
    /// The object itself.
    Yaml,
    /// What happened to it.
    Events,
}

/// A question about an object. The answer carries its number, so that one that comes too late is known as such.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inquiry {
    /// Its number.
    pub id: u64,
    /// About which object.
    pub object: Object,
    /// What is asked.
    pub aspect: Aspect,
}

/// Something that happened to an object, as whoever noticed it told the API server. All its texts are printable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// When it last happened.
    pub at: Option<DateTime<Utc>>,
    /// `Normal` or `Warning`.
    pub kind: String,
    /// In one word, as `BackOff`.
    pub reason: String,
    /// How often it happened.
    pub count: u32,
    /// In a sentence.
    pub message: String,
    /// Who told it, as `kubelet`.
    pub source: String,
}

impl Event {
    /// True when it is worth a look.
    pub fn is_warning(&self) -> bool {
        self.kind == "Warning"
    }
}

/// Events about one object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Events {
    /// The newest, oldest of them first.
    pub newest: Vec<Event>,
    /// How many older ones there are beside them.
    pub left_out: usize,
}
