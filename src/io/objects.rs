//! One object of the cluster, read when somebody asks: itself, or the events about it.
//!
//! It watches nothing and keeps nothing, and Secrets are no kind it knows. What may be a secret is hidden before
//! anybody else sees the object (`hidden`). The session asks, one question at a time.

pub(super) mod hidden;

use std::time::Duration;

use http::Request;
use k8s_openapi::api::core::v1 as core;
use kube::{Api, Client, api::ListParams};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{connect::Cluster, failure, served, translate};
use crate::{
    domain::{
        freshness::SourceFailure,
        object::{Aspect, Event, Events, Inquiry, Object},
    },
    task,
};

/// How long an answer may take.
const DEADLINE: Duration = Duration::from_secs(10);
/// Events that are told.
const TOLD: usize = 500;
/// Events of one page of a list, and how many pages are read: the server orders them by name, not by time.
const PAGE: u32 = 500;
const PAGES: usize = 10;

/// What an object answers.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// The object, without what may be a secret.
    Object(Value),
    /// What happened to it.
    Events(Events),
}

/// An answer and the number of its question.
pub type Answered = (u64, Result<Answer, SourceFailure>);

/// Starts to read; the answer goes to `out`, unless the token is cancelled first.
pub fn ask(cluster: &Cluster, inquiry: Inquiry, out: &mpsc::Sender<Answered>, cancel: &CancellationToken) {
    let (client, out) = (cluster.client.clone(), out.clone());
    task::spawn("object", cancel, async move {
        let answer = read(&client, &inquiry).await;
        // Nobody may wait for it any more.
        drop(out.send((inquiry.id, answer)).await);
    });
}

async fn read(client: &Client, inquiry: &Inquiry) -> Result<Answer, SourceFailure> {
    let object = &inquiry.object;
    let what = match inquiry.aspect {
        Aspect::Yaml => format!("get {object}"),
        Aspect::Events => format!("list events about {object}"),
    };
    let answer = async {
        match inquiry.aspect {
            Aspect::Yaml => get(client, object).await.map(|found| Answer::Object(hidden::shown(found))),
            Aspect::Events => events(client, object).await.map(Answer::Events),
        }
    };
    match tokio::time::timeout(DEADLINE, answer).await {
        Ok(answer) => answer.map_err(|error| failure::classify(&error, &what)),
        Err(_) => Err(failure::timed_out(&what, DEADLINE)),
    }
}

/// The object as the server gives it, with fields that we know nothing of.
async fn get(client: &Client, object: &Object) -> Result<Value, kube::Error> {
    // A kind that is gone since is asked for all the same: the server says so best.
    let version = served::version(client, object.kind).await?.unwrap_or("v1");
    let api = match object.kind.group() {
        "" => format!("/api/{version}"),
        group => format!("/apis/{group}/{version}"),
    };
    let place = match object.key.namespace.as_str() {
        "" => String::new(),
        namespace => format!("/namespaces/{namespace}"),
    };
    let path = format!("{api}{place}/{}/{}", object.kind.resource(), object.key.name);
    client.request(Request::get(path).body(Vec::new()).map_err(kube::Error::HttpError)?).await
}

/// Events about the object and about those of its name before it, which a uid would leave out.
async fn events(client: &Client, object: &Object) -> Result<Events, kube::Error> {
    let api: Api<core::Event> = Api::namespaced(client.clone(), &object.key.namespace);
    let about = format!("involvedObject.kind={},involvedObject.name={}", object.kind.singular(), object.key.name);
    let mut params = ListParams::default().fields(&about).limit(PAGE);
    let (mut all, mut unread) = (Vec::new(), 0);
    for _ in 0..PAGES {
        let page = api.list(&params).await?;
        all.extend(page.items.iter().map(translate::event));
        unread = page.metadata.remaining_item_count.and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => params = params.continue_token(&token),
            None => break,
        }
    }
    Ok(newest(all, unread))
}

/// The newest of the events, newest last.
fn newest(mut all: Vec<Event>, unread: usize) -> Events {
    all.sort_by_key(|event| event.at);
    let older = all.len().saturating_sub(TOLD);
    Events { newest: all.split_off(older), left_out: older + unread }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::freshness::{FailureKind, Kind};
    use http::Response;
    use kube::client::Body;
    use serde_json::json;

    /// A server that answers by path and query.
    fn client(answer: impl Fn(&str, &str) -> (u16, Value) + Clone + Send + 'static) -> Client {
        let service = tower::service_fn(move |request: http::Request<Body>| {
            let (path, query) = (request.uri().path().to_owned(), request.uri().query().unwrap_or("").to_owned());
            let (code, body) = answer(&path, &query);
            let response = Response::builder().status(code).body(Body::from(body.to_string().into_bytes()));
            async move { response.map_err(std::io::Error::other) }
        });
        Client::new(service, "default")
    }

    async fn asked(client: &Client, kind: Kind, aspect: Aspect) -> Result<Answer, SourceFailure> {
        read(client, &Inquiry { id: 1, object: Object::new(kind, "shop", "kafka-0"), aspect }).await
    }

    #[tokio::test]
    async fn every_kind_is_read_where_its_api_has_it() {
        let client = client(|path, _| (200, json!({"path": path})));
        for (kind, path) in [
            (Kind::Pods, "/api/v1/namespaces/shop/pods/kafka-0"),
            (Kind::StatefulSets, "/apis/apps/v1/namespaces/shop/statefulsets/kafka-0"),
            (Kind::Rules, "/apis/monitoring.coreos.com/v1/namespaces/shop/prometheusrules/kafka-0"),
        ] {
            assert_eq!(asked(&client, kind, Aspect::Yaml).await, Ok(Answer::Object(json!({"path": path}))));
        }
    }

    #[tokio::test]
    async fn a_kind_of_strimzis_is_read_in_the_version_that_is_served() {
        for served in ["v1beta2", "v1"] {
            let versions =
                json!([{"groupVersion": "", "version": "v1alpha1"}, {"groupVersion": "", "version": served}]);
            let group = json!({"name": "kafka.strimzi.io", "versions": versions});
            let answer = move |path: &str, _: &str| {
                (200, if path == "/apis/kafka.strimzi.io" { group.clone() } else { json!({"path": path}) })
            };
            let path = format!("/apis/kafka.strimzi.io/{served}/namespaces/shop/kafkas/kafka-0");
            let answer = asked(&client(answer), Kind::Kafkas, Aspect::Yaml).await;
            assert_eq!(answer, Ok(Answer::Object(json!({"path": path}))));
        }
    }

    #[tokio::test]
    async fn a_refusal_names_the_verb_and_the_resource() {
        let client = client(|_, _| {
            let message = "events is forbidden: User \"eve\" cannot list resource \"events\" in API group \"\" in the \
                           namespace \"shop\"";
            (403, json!({"kind": "Status", "code": 403, "reason": "Forbidden", "message": message}))
        });
        let refused = asked(&client, Kind::Pods, Aspect::Events).await.unwrap_err();
        assert_eq!(refused.kind, FailureKind::Forbidden);
        assert!(refused.what.starts_with("Cannot list events about Pod shop/kafka-0: "), "{}", refused.what);
        assert!(refused.hint.unwrap().starts_with("Ask for verb list on events in namespace shop."));
    }

    #[tokio::test]
    async fn the_newest_events_are_told_however_the_server_orders_them() {
        let client = client(|path, query| {
            assert_eq!(path, "/api/v1/namespaces/shop/events");
            assert!(query.contains("involvedObject.kind%3DPod%2CinvolvedObject.name%3Dkafka-0"), "{query}");
            let second = query.contains("continue=next");
            let item = |n: usize| {
                let stamp = chrono::DateTime::from_timestamp(10_000 - n as i64, 0).unwrap().to_rfc3339();
                json!({"metadata": {}, "involvedObject": {}, "reason": n.to_string(), "lastTimestamp": stamp})
            };
            let items: Vec<Value> = if second { (500..600).map(item).collect() } else { (0..500).map(item).collect() };
            let metadata = if second { json!({}) } else { json!({"continue": "next", "remainingItemCount": 100}) };
            (200, json!({"kind": "EventList", "apiVersion": "v1", "metadata": metadata, "items": items}))
        });
        let Ok(Answer::Events(events)) = asked(&client, Kind::Pods, Aspect::Events).await else { panic!() };
        assert_eq!((events.newest.len(), events.left_out), (500, 100));
        assert_eq!((events.newest[0].reason.as_str(), events.newest[499].reason.as_str()), ("499", "0"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_does_not_answer_is_given_up() {
        let service = tower::service_fn(|_: http::Request<Body>| {
            std::future::pending::<Result<Response<Body>, std::io::Error>>()
        });
        let late = asked(&Client::new(service, "default"), Kind::Pods, Aspect::Yaml).await.unwrap_err();
        assert_eq!(late.what, "Cannot get Pod shop/kafka-0: no answer within 10 s.");
    }
}
