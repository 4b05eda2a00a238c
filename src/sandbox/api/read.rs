//! Objects and lists of them.

use std::sync::Arc;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::{
    ApiServer,
    request::{Asked, Place},
    select::Selector,
    status::{Answer, Refusal, ok},
};

/// The place in a list where the next page begins.
#[derive(Debug, PartialEq, Eq)]
struct Continue {
    /// The version that the list is of.
    version: u64,
    /// The object that comes before it, as namespace and name behind slashes.
    after: String,
}

impl Continue {
    fn token(&self) -> String {
        let start = format!("{}\0", self.after);
        let place = json!({"v": "meta.k8s.io/v1", "rv": self.version, "start": start});
        BASE64_URL_SAFE_NO_PAD.encode(place.to_string())
    }

    fn parse(token: &str) -> Result<Self, Refusal> {
        let read = || {
            let text = BASE64_URL_SAFE_NO_PAD.decode(token.trim_end_matches('=')).ok()?;
            let place: Value = serde_json::from_slice(&text).ok()?;
            let after = place["start"].as_str()?.strip_suffix('\0')?.to_owned();
            Some(Self { version: place["rv"].as_u64()?, after })
        };
        read().ok_or_else(|| Refusal::bad_request("invalid continue token: continue key is not valid"))
    }
}

impl ApiServer {
    /// One object.
    pub(super) fn get(&self, asked: &Asked, place: &Place) -> Result<Answer, Refusal> {
        let name = place.name.as_deref().unwrap_or_default();
        let resource = place.resource;
        let found = self.store.get(resource.plural, place.in_store(), name);
        let object = found.ok_or_else(|| Refusal::not_found(&resource.qualified(), name))?;
        Ok(ok(&if asked.metadata_only { partial(&object, true) } else { Value::clone(&object) }))
    }

    /// A list, or a page of it.
    pub(super) fn list(&self, asked: &Asked, place: &Place) -> Result<Answer, Refusal> {
        let resource = place.resource;
        let selector = Selector::parse(resource, &asked.query)?;
        let version = asked.query.get("resourceVersion").map(version).transpose()?;
        let limit =
            asked.query.number("limit")?.and_then(|limit| usize::try_from(limit).ok()).filter(|limit| *limit > 0);
        let begun = asked.query.get("continue").map(Continue::parse).transpose()?;
        // What may be old comes whole from the cache.
        let limit = limit.filter(|_| version != Some(0) || begun.is_some());

        let (mut objects, mut at) = self.store.list(resource.plural, place.namespace.as_deref());
        objects.sort_by_cached_key(|object| key(object, place));
        if let Some(begun) = &begun {
            if self.store.since(resource.plural, begun.version).is_none() {
                return Err(expired(at, begun));
            }
            objects.retain(|object| key(object, place) > begun.after);
            at = begun.version;
        }
        objects.retain(|object| selector.matches(object));
        let rest = limit.map_or_else(Vec::new, |limit| objects.split_off(limit.min(objects.len())));
        let mut metadata = json!({"resourceVersion": at.to_string()});
        if let (Some(last), false) = (objects.last(), rest.is_empty()) {
            metadata["continue"] = json!(Continue { version: at, after: key(last, place) }.token());
            if selector.is_empty() {
                metadata["remainingItemCount"] = json!(rest.len());
            }
        }
        let items = objects.iter().map(|object| if asked.metadata_only { partial(object, true) } else { item(object) });
        let items: Vec<Value> = items.collect();
        let (kind, api_version) = if asked.metadata_only {
            ("PartialObjectMetadataList".to_owned(), "meta.k8s.io/v1".to_owned())
        } else {
            (format!("{}List", resource.kind), resource.api_version())
        };
        let mut list = json!({"kind": kind, "apiVersion": api_version, "metadata": metadata, "items": items});
        if !resource.is_builtin() && !asked.metadata_only {
            // Objects of custom kinds say in lists, too, what they are.
            list["items"] = objects.iter().map(|object| Value::clone(object)).collect();
        }
        Ok(ok(&list))
    }
}

/// A resource version as a number.
pub fn version(text: &str) -> Result<u64, Refusal> {
    text.parse().map_err(|_| {
        Refusal::bad_request(format!(
            "invalid resource version: resourceVersion: Invalid value: \"{text}\": strconv.ParseUint: parsing \
             \"{text}\": invalid syntax"
        ))
    })
}

/// An object as it stands in a list, without what the list says already.
fn item(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(fields) = object.as_object_mut() {
        fields.remove("kind");
        fields.remove("apiVersion");
    }
    object
}

/// An object's metadata alone.
pub fn partial(object: &Value, named: bool) -> Value {
    let mut partial = json!({});
    if named {
        partial["kind"] = json!("PartialObjectMetadata");
        partial["apiVersion"] = json!("meta.k8s.io/v1");
    }
    partial["metadata"] = object["metadata"].clone();
    partial
}

/// Where an object is in the order of a list.
fn key(object: &Arc<Value>, place: &Place) -> String {
    let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default();
    if place.resource.namespaced && place.namespace.is_none() {
        format!("/{}/{}", text("namespace"), text("name"))
    } else {
        format!("/{}", text("name"))
    }
}

/// The version of a page is forgotten. The token in the answer goes on with the list as it is now.
fn expired(now: u64, begun: &Continue) -> Refusal {
    let message = "The provided continue parameter is too old to display a consistent list result. You can start a new \
                   list without the continue parameter, or use the continue token in this response to retrieve the \
                   remainder of the results.";
    let onwards = Continue { version: now, after: begun.after.clone() };
    Refusal::new(410, "Expired", message).metadata(json!({"continue": onwards.token()}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_read_back_and_strange_ones_refused() {
        let place = Continue { version: 7, after: "/n/kafka-0".into() };
        assert_eq!(Continue::parse(&place.token()), Ok(place));
        for bad in ["", "garbage", "bnVsbA", "e30"] {
            assert!(Continue::parse(bad).is_err(), "{bad}");
        }
    }
}
