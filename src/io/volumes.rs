//! How full volumes are, as kubelets measured it: the second rung of the ladder.
//!
//! Read only for nodes whose brokers do not tell themselves, and only where the user already may:
//! `get nodes/proxy` is a far-reaching permission that nobody is ever told to ask for. A refusal is
//! therefore silent.

use std::{collections::BTreeSet, time::Duration};

use http::Request;
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec};
use kube::{Api, Client, api::PostParams};
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use crate::{
    clock::Clock,
    domain::{freshness::Source, ids::ObjectKey, storage::VolumeUse},
    facts::{Body, Fact},
    io::{FactSender, connect::Cluster, failure},
    task,
};

/// How often the kubelets are asked; they themselves measure about once a minute.
const EVERY: Duration = Duration::from_secs(15);
/// How long one answer may take.
const DEADLINE: Duration = Duration::from_secs(5);

/// The kubelet's summary (`/stats/summary`), as far as it is needed.
#[derive(Debug, Deserialize)]
struct Summary {
    #[serde(default)]
    pods: Vec<PodStats>,
}

#[derive(Debug, Deserialize)]
struct PodStats {
    #[serde(default)]
    volume: Vec<VolumeStats>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct VolumeStats {
    pvc_ref: Option<ClaimRef>,
    capacity_bytes: Option<u64>,
    used_bytes: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct ClaimRef {
    namespace: String,
    name: String,
}

/// Starts to read the statistics of these nodes until the token is cancelled, if that is allowed.
pub fn read(cluster: &Cluster, nodes: BTreeSet<String>, clock: &Clock, facts: &FactSender, cancel: &CancellationToken) {
    let (client, clock, facts) = (cluster.client.clone(), clock.clone(), facts.clone());
    task::spawn("volumes", cancel, async move {
        if !may_read(&client).await {
            return;
        }
        let mut beats = tokio::time::interval(EVERY);
        loop {
            beats.tick().await;
            for node in &nodes {
                let fact = ask(&client, node, &clock).await;
                if facts.send(fact).await.is_err() {
                    return;
                }
            }
        }
    });
}

async fn may_read(client: &Client) -> bool {
    let asked = ResourceAttributes {
        verb: Some("get".to_owned()),
        resource: Some("nodes".to_owned()),
        subresource: Some("proxy".to_owned()),
        ..ResourceAttributes::default()
    };
    let spec =
        SelfSubjectAccessReviewSpec { resource_attributes: Some(asked), ..SelfSubjectAccessReviewSpec::default() };
    let review = SelfSubjectAccessReview { spec, ..SelfSubjectAccessReview::default() };
    let reviews: Api<SelfSubjectAccessReview> = Api::all(client.clone());
    let answer = tokio::time::timeout(DEADLINE, reviews.create(&PostParams::default(), &review)).await;
    matches!(answer, Ok(Ok(review)) if review.status.as_ref().is_some_and(|s| s.allowed))
}

async fn ask(client: &Client, node: &str, clock: &Clock) -> Fact {
    let what = format!("read volume statistics of node {node}");
    let body = match Request::get(format!("/api/v1/nodes/{node}/proxy/stats/summary")).body(Vec::new()) {
        Ok(request) => match tokio::time::timeout(DEADLINE, client.request::<Summary>(request)).await {
            Ok(Ok(summary)) => Body::Volumes(uses(summary)),
            Ok(Err(error)) => Body::Failed(failure::classify(&error, &what)),
            Err(_) => Body::Failed(failure::timed_out(&what, DEADLINE)),
        },
        Err(error) => Body::Failed(failure::classify(&kube::Error::HttpError(error), &what)),
    };
    Fact { source: Source::Volumes { node: node.to_owned() }, seen_at: clock.now(), body }
}

fn uses(summary: Summary) -> Vec<VolumeUse> {
    let volumes = summary.pods.into_iter().flat_map(|pod| pod.volume);
    volumes
        .filter_map(|volume| {
            let claim = volume.pvc_ref?;
            Some(VolumeUse {
                claim: ObjectKey::new(claim.namespace, claim.name),
                capacity_bytes: volume.capacity_bytes?,
                used_bytes: volume.used_bytes?,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn volumes_without_a_claim_or_a_figure_are_left_out() {
        let summary = serde_json::json!({"pods": [
            {"volume": [
                {"name": "data", "pvcRef": {"namespace": "a", "name": "data-0"}, "capacityBytes": 100, "usedBytes": 40},
                {"name": "tmp", "capacityBytes": 100, "usedBytes": 1},
                {"name": "x", "pvcRef": {"namespace": "a", "name": "x"}}
            ]},
            {}
        ]});
        let summary: Summary = serde_json::from_value(summary).unwrap();
        let expected = VolumeUse { claim: ObjectKey::new("a", "data-0"), capacity_bytes: 100, used_bytes: 40 };
        assert_eq!(uses(summary), [expected]);
    }
}
