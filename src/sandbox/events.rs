//! Events: what controllers and kubelets tell of objects, in their own words.
//!
//! The same words about the same object are one event that counts, as clients of the real API keep them. The oldest
//! go when they are an hour old, or too many. It decides nothing: `workloads` and `kubelet` say what they do. It asks
//! the store, so it is not to be called from a change of the store.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::{
    objects::{self, stamp},
    store::Store,
};

/// How long the API server keeps an event.
const KEPT: TimeDelta = TimeDelta::hours(1);
/// How many there are at most.
const MOST: usize = 200;

/// What is told of an object.
#[derive(Debug, Clone, Copy)]
pub struct Note<'a> {
    /// Worth a look.
    pub warning: bool,
    /// In one word.
    pub reason: &'a str,
    /// In a sentence.
    pub message: &'a str,
    /// Who tells it.
    pub source: &'a str,
}

/// Tells something of an object.
pub fn say(store: &Store, about: &Value, note: Note<'_>, now: DateTime<Utc>) {
    forget(store, now);
    let kind = if note.warning { "Warning" } else { "Normal" };
    let is_same = |event: &Arc<Value>| {
        event["involvedObject"]["uid"] == about["metadata"]["uid"]
            && event["reason"] == note.reason
            && event["message"] == note.message
            && event["source"]["component"] == note.source
    };
    let known = all(store).into_iter().find(is_same);
    let event = if let Some(known) = known {
        let mut event = Value::clone(&known);
        event["count"] = json!(event["count"].as_u64().unwrap_or(1) + 1);
        event["lastTimestamp"] = stamp(now);
        event
    } else {
        // The store's version makes a name that no event had before.
        let number = *store.changes().borrow();
        let mut event = objects::event(about, kind, note.reason, note.message, note.source, number, now);
        event["metadata"]["creationTimestamp"] = stamp(now);
        event
    };
    store.put("events", event);
}

/// Drops what is too old, and the oldest of what is too much.
pub fn forget(store: &Store, now: DateTime<Utc>) {
    let mut events = all(store);
    let last = |event: &Arc<Value>| {
        event["lastTimestamp"].as_str().and_then(|at| at.parse::<DateTime<Utc>>().ok()).unwrap_or_default()
    };
    events.sort_by_key(last);
    let too_many = (events.len() + 1).saturating_sub(MOST);
    for (_, event) in events.iter().enumerate().filter(|(at, event)| *at < too_many || now - last(event) >= KEPT) {
        let text = |field: &str| event["metadata"][field].as_str().unwrap_or_default();
        store.remove("events", text("namespace"), text("name"));
    }
}

fn all(store: &Store) -> Vec<Arc<Value>> {
    store.list("events", None).0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    fn pod(uid: usize) -> Value {
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "kafka-0", "namespace": "n", "uid": uid.to_string()}})
    }

    fn told(store: &Store, uid: usize, reason: &str, at: i64) {
        let note = Note { warning: true, reason, message: "no", source: "kubelet" };
        say(store, &pod(uid), note, DateTime::UNIX_EPOCH + TimeDelta::seconds(at));
    }

    #[test]
    fn the_same_words_about_the_same_object_are_counted() {
        let store = Store::new(Clock::driven(DateTime::UNIX_EPOCH));
        for (uid, reason, at) in [(1, "BackOff", 0), (1, "BackOff", 9), (2, "BackOff", 10), (1, "Killing", 11)] {
            told(&store, uid, reason, at);
        }
        let events = all(&store);
        assert_eq!(events.len(), 3);
        let counted = events.iter().find(|event| event["count"] == 2).unwrap();
        assert_eq!(
            (&counted["firstTimestamp"], &counted["lastTimestamp"]),
            (&json!("1970-01-01T00:00:00Z"), &json!("1970-01-01T00:00:09Z"))
        );
    }

    #[test]
    fn the_oldest_go_when_they_are_an_hour_old_or_too_many() {
        let store = Store::new(Clock::driven(DateTime::UNIX_EPOCH));
        for uid in 0..MOST + 50 {
            told(&store, uid, "BackOff", uid as i64);
        }
        let events = all(&store);
        assert_eq!(events.len(), MOST);
        assert!(events.iter().all(|event| event["lastTimestamp"].as_str() >= Some("1970-01-01T00:00:50Z")));
        told(&store, 0, "BackOff", 3_600 + 240);
        assert_eq!(all(&store).len(), 10, "those of the last hour");
    }
}
