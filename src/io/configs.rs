//! ConfigMaps that brokers take their configuration from, by name.
//!
//! They are neither listed nor watched: a cluster has thousands of others, and each may be a megabyte. Whoever
//! recognises brokers says which are wanted; they are read once and again every minute, trimmed at once.
//! `cmd` starts it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use futures::{StreamExt, stream};
use k8s_openapi::api::core::v1 as core;
use kube::{Api, Client};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{FactSender, connect::Cluster, failure, translate};
use crate::{
    clock::Clock,
    domain::{
        freshness::{Kind, SourceFailure},
        ids::ObjectKey,
        kubernetes::{ConfigMap, Object},
    },
    facts::{Body, Fact},
    task,
};

/// How often they are read: brokers do not take up a change before they are restarted.
const EVERY: Duration = Duration::from_secs(60);
/// How many are asked for at once.
const AT_ONCE: usize = 8;
/// How long one answer may take.
const DEADLINE: Duration = Duration::from_secs(10);

/// Starts to read these ConfigMaps until the token is cancelled.
pub fn read(
    cluster: &Cluster,
    names: BTreeSet<ObjectKey>,
    clock: &Clock,
    facts: &FactSender,
    refresh: &Arc<Notify>,
    cancel: &CancellationToken,
) {
    let (client, clock, facts, refresh) = (cluster.client.clone(), clock.clone(), facts.clone(), refresh.clone());
    task::spawn("configmaps", cancel, async move {
        let mut known = BTreeMap::new();
        loop {
            for body in pass(&client, &names, &mut known).await {
                if facts.send(Fact::watched(Kind::ConfigMaps, clock.now(), body)).await.is_err() {
                    return;
                }
            }
            tokio::select! {
                () = tokio::time::sleep(EVERY) => {}
                () = refresh.notified() => {}
            }
        }
    });
}

/// Reads all of them and says what is known then: those that cannot be read now are as they were.
async fn pass(client: &Client, names: &BTreeSet<ObjectKey>, known: &mut BTreeMap<ObjectKey, ConfigMap>) -> Vec<Body> {
    let mut failed = None;
    let ask = |name: ObjectKey| {
        let client = client.clone();
        async move { (one(&client, &name).await, name) }
    };
    let mut answers = stream::iter(names.iter().cloned()).map(ask).buffered(AT_ONCE);
    while let Some((answer, name)) = answers.next().await {
        match answer {
            Ok(Some(map)) => drop(known.insert(name, map)),
            Ok(None) => drop(known.remove(&name)),
            Err(why) => failed = failed.or(Some(why)),
        }
    }
    told(known.values().cloned().map(Object::ConfigMap).collect(), failed)
}

/// What is told after a pass by name: what is known, and why a part of it could not be read.
pub(super) fn told(known: Vec<Object>, failed: Option<SourceFailure>) -> Vec<Body> {
    let is_empty = known.is_empty();
    let listed = Body::Listed(known);
    match failed {
        Some(why) if is_empty => vec![Body::Failed(why)],
        Some(why) => vec![listed, Body::Failed(why)],
        None => vec![listed],
    }
}

/// Reads one; `None` when there is none of that name.
async fn one(client: &Client, name: &ObjectKey) -> Result<Option<ConfigMap>, SourceFailure> {
    let maps: Api<core::ConfigMap> = Api::namespaced(client.clone(), &name.namespace);
    let trying = format!("get configmap {} in namespace {}", name.name, name.namespace);
    match tokio::time::timeout(DEADLINE, maps.get(&name.name)).await {
        Ok(Ok(map)) => Ok(Some(translate::config_map(&map))),
        Ok(Err(error)) if failure::status_of(&error).is_some_and(|(code, _)| code == 404) => Ok(None),
        Ok(Err(error)) => Err(failure::classify(&error, &trying)),
        Err(_) => Err(failure::timed_out(&trying, DEADLINE)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{Request, Response};
    use kube::client::Body as HttpBody;
    use serde_json::{Value, json};

    fn client(answer: fn(&str) -> (u16, Value)) -> Client {
        let service = tower::service_fn(move |request: Request<HttpBody>| async move {
            let (code, body) = answer(request.uri().path());
            let body = HttpBody::from(body.to_string().into_bytes());
            Response::builder().status(code).body(body).map_err(std::io::Error::other)
        });
        Client::new(service, "n")
    }

    fn refusal(code: u16) -> (u16, Value) {
        (code, json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "message": "no"}))
    }

    fn names() -> BTreeSet<ObjectKey> {
        ["a", "b"].map(|name| ObjectKey::new("n", name)).into()
    }

    #[tokio::test]
    async fn those_that_are_there_are_told_together_and_without_secrets() {
        let client = client(|path| match path {
            "/api/v1/namespaces/n/configmaps/a" => (
                200,
                json!({"metadata": {"name": "a", "namespace": "n"},
                "data": {"server.properties": "node.id=1\nssl.key.password=hunter2"}}),
            ),
            _ => refusal(404),
        });
        let mut known = BTreeMap::new();
        let told = pass(&client, &names(), &mut known).await;
        assert!(matches!(&told[..], [Body::Listed(objects)] if objects.len() == 1), "{told:?}");
        assert!(!format!("{told:?}").contains("hunter2"));
    }

    #[tokio::test]
    async fn one_that_may_not_be_read_costs_nothing_but_itself() {
        let client = client(|path| match path {
            "/api/v1/namespaces/n/configmaps/a" => (200, json!({"metadata": {"name": "a", "namespace": "n"}})),
            _ => refusal(403),
        });
        let told = pass(&client, &names(), &mut BTreeMap::new()).await;
        assert!(matches!(&told[..], [Body::Listed(objects), Body::Failed(_)] if objects.len() == 1), "{told:?}");
    }

    #[tokio::test]
    async fn where_none_may_be_read_only_that_is_told() {
        let told = pass(&client(|_| refusal(403)), &names(), &mut BTreeMap::new()).await;
        let [Body::Failed(why)] = &told[..] else { panic!("{told:?}") };
        assert!(why.what.starts_with("Cannot get configmap a in namespace n"), "{}", why.what);
    }
}
