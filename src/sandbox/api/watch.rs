//! Watches: a stream of changes that lasts as long as its client reads it.
//!
//! No task stands behind it: the connection that sends the answer asks it for the next event.

use std::{collections::VecDeque, convert::Infallible, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::{StreamExt, stream};
use http::{HeaderValue, Response, header::CONTENT_TYPE};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use serde_json::{Value, json};
use tokio::{sync::watch as channel, time::Instant};

use super::{
    ApiServer,
    read::{partial, version},
    request::{Asked, Place},
    resources::Resource,
    select::Selector,
    status::{Answer, Refusal},
};
use crate::sandbox::store::{Change, ChangeKind, Store};

/// How often a client that wants bookmarks gets one.
const BOOKMARKS: Duration = Duration::from_secs(60);
/// How long a watch lasts at most.
const LONGEST: Duration = Duration::from_secs(3600);

/// One watch.
struct Watch {
    store: Arc<Store>,
    changes: channel::Receiver<u64>,
    resource: &'static Resource,
    namespace: Option<String>,
    selector: Selector,
    metadata_only: bool,
    bookmarks: bool,
    /// The version up to which everything was told.
    at: u64,
    /// Events that are to be sent.
    events: VecDeque<Bytes>,
    next_bookmark: Instant,
    end: Instant,
    ended: bool,
}

impl ApiServer {
    /// Begins a watch.
    pub(super) fn watch(&self, asked: &Asked, place: &Place) -> Result<Answer, Refusal> {
        let query = &asked.query;
        let selector = Selector::parse(place.resource, query)?;
        let from = query.get("resourceVersion").map(version).transpose()?.unwrap_or_default();
        let timeout = query.number("timeoutSeconds")?.and_then(|s| u64::try_from(s).ok()).filter(|s| *s > 0);
        let initial = query.get("sendInitialEvents").is_some().then(|| query.is_on("sendInitialEvents"));
        if initial.is_some() && query.get("resourceVersionMatch") != Some("NotOlderThan") {
            let message = "Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
            let kind = "ListOptions.meta.k8s.io";
            return Err(Refusal::invalid(kind, "", "FieldValueForbidden", "resourceVersionMatch", message));
        }
        let now = Instant::now();
        let mut watch = Watch {
            changes: self.store.changes(),
            store: Arc::clone(&self.store),
            resource: place.resource,
            namespace: place.namespace.clone(),
            selector,
            metadata_only: asked.metadata_only,
            bookmarks: query.is_on("allowWatchBookmarks"),
            at: from,
            events: VecDeque::new(),
            next_bookmark: now + BOOKMARKS,
            end: now + timeout.map_or(LONGEST, Duration::from_secs).min(LONGEST),
            ended: false,
        };
        if initial.unwrap_or(from == 0) {
            watch.begin_with_all(initial == Some(true));
        }
        let frames = stream::unfold(watch, |mut watch| async move { watch.next().await.map(|event| (event, watch)) });
        let body = StreamBody::new(frames.map(|event| Ok::<_, Infallible>(Frame::data(event)))).boxed_unsync();
        let mut answer = Response::new(body);
        answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Ok(answer)
    }
}

impl Watch {
    /// The next event; none at the end.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Some(event);
            }
            if self.ended {
                return None;
            }
            // Before the history is looked at, or a change in between would be missed.
            self.changes.mark_unchanged();
            self.gather();
            if !self.events.is_empty() || self.ended {
                continue;
            }
            let bookmark = if self.bookmarks { self.next_bookmark } else { self.end };
            tokio::select! {
                changed = self.changes.changed() => self.ended = changed.is_err(),
                () = tokio::time::sleep_until(self.end) => {
                    self.ended = true;
                    self.mark();
                }
                () = tokio::time::sleep_until(bookmark) => {
                    self.next_bookmark += BOOKMARKS;
                    self.mark();
                }
            }
        }
    }

    /// Tells all objects as if they were new; with a bookmark behind them when that was asked for.
    fn begin_with_all(&mut self, marked: bool) {
        let (objects, version) = self.store.list(self.resource.plural, self.namespace.as_deref());
        for object in objects.iter().filter(|object| self.selector.matches(object)) {
            self.events.push_back(self.event("ADDED", object));
        }
        self.at = version;
        if marked && self.bookmarks {
            let annotations = json!({"k8s.io/initial-events-end": "true"});
            self.bookmark(Some(annotations));
        }
    }

    /// Takes over what has happened since.
    fn gather(&mut self) {
        let Some((changes, version)) = self.store.since(self.resource.plural, self.at) else {
            let refusal = Refusal::new(410, "Expired", format!("too old resource version: {}", self.at));
            self.events.push_back(line("ERROR", &refusal.status()));
            self.ended = true;
            return;
        };
        for change in &changes {
            if let Some(kind) = self.seen_as(change) {
                self.events.push_back(self.event(kind, &change.object));
            }
        }
        self.at = self.at.max(version);
    }

    /// What a change is to whoever sees only what is selected: something else may come into sight or go out of it.
    fn seen_as(&self, change: &Change) -> Option<&'static str> {
        let here = |object: &Value| {
            let namespace = object["metadata"]["namespace"].as_str();
            (self.namespace.is_none() || namespace == self.namespace.as_deref()) && self.selector.matches(object)
        };
        let before = change.before.as_deref().is_some_and(here);
        let after = change.kind != ChangeKind::Deleted && here(&change.object);
        match (before, after) {
            (false, true) => Some("ADDED"),
            (true, true) => Some("MODIFIED"),
            (true, false) => Some("DELETED"),
            (false, false) => None,
        }
    }

    fn event(&self, kind: &str, object: &Value) -> Bytes {
        if self.metadata_only { line(kind, &partial(object, true)) } else { line(kind, object) }
    }

    /// A bookmark, for clients that want them.
    fn mark(&mut self) {
        if self.bookmarks {
            self.bookmark(None);
        }
    }

    fn bookmark(&mut self, annotations: Option<Value>) {
        let (kind, api_version) = if self.metadata_only {
            ("PartialObjectMetadata", "meta.k8s.io/v1".to_owned())
        } else {
            (self.resource.kind, self.resource.api_version())
        };
        let mut object = json!({
            "kind": kind, "apiVersion": api_version, "metadata": {"resourceVersion": self.at.to_string()},
        });
        if let Some(annotations) = annotations {
            object["metadata"]["annotations"] = annotations;
        }
        if self.resource.plural == "pods" && !self.metadata_only {
            // What Go writes of a pod that has nothing.
            object["spec"] = json!({"containers": null});
            object["status"] = json!({});
        }
        self.events.push_back(line("BOOKMARK", &object));
    }
}

/// An event as it is sent.
fn line(kind: &str, object: &Value) -> Bytes {
    let mut line = json!({"type": kind, "object": object}).to_string();
    line.push('\n');
    line.into()
}
