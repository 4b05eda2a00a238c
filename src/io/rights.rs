//! What we may do in a namespace: asked when an installation is chosen, and every five minutes.
//!
//! One SelfSubjectRulesReview answers for all that could be done; it changes nothing and is kept nowhere. A server that
//! does not tell costs nothing but the knowledge. The session starts it.

use std::time::Duration;

use k8s_openapi::api::authorization::v1::{ResourceRule, SelfSubjectRulesReview, SelfSubjectRulesReviewSpec};
use kube::{Api, Client, api::PostParams};
use tokio_util::sync::CancellationToken;

use super::{FactSender, connect::Cluster, failure};
use crate::{
    clock::Clock,
    domain::{
        freshness::Source,
        rights::{Rights, Rule},
    },
    facts::{Body, Fact},
    task,
};

/// How often is asked.
const EVERY: Duration = Duration::from_secs(300);
/// After how long is asked again when nobody answered.
const SOON: Duration = Duration::from_secs(15);
/// How long an answer may take.
const DEADLINE: Duration = Duration::from_secs(5);

/// Starts to ask what may be done in a namespace, until the token is cancelled.
pub fn read(cluster: &Cluster, namespace: String, clock: &Clock, facts: &FactSender, cancel: &CancellationToken) {
    let (client, clock, facts) = (cluster.client.clone(), clock.clone(), facts.clone());
    task::spawn("rights", cancel, async move {
        loop {
            let body = ask(&client, &namespace).await;
            let wait = if matches!(body, Body::Failed(_)) { SOON } else { EVERY };
            let source = Source::Rights { namespace: namespace.clone() };
            if facts.send(Fact { source, seen_at: clock.now(), body }).await.is_err() {
                return;
            }
            tokio::time::sleep(wait).await;
        }
    });
}

async fn ask(client: &Client, namespace: &str) -> Body {
    let what = format!("ask what is allowed in namespace {namespace}");
    let reviews: Api<SelfSubjectRulesReview> = Api::all(client.clone());
    let spec = SelfSubjectRulesReviewSpec { namespace: Some(namespace.to_owned()) };
    let review = SelfSubjectRulesReview { spec, ..SelfSubjectRulesReview::default() };
    match tokio::time::timeout(DEADLINE, reviews.create(&PostParams::default(), &review)).await {
        Ok(Ok(answer)) => Body::Rights(rights(namespace, answer)),
        Ok(Err(error)) => Body::Failed(failure::classify(&error, &what)),
        Err(_) => Body::Failed(failure::timed_out(&what, DEADLINE)),
    }
}

fn rights(namespace: &str, review: SelfSubjectRulesReview) -> Rights {
    let status = review.status.unwrap_or_default();
    let rule = |from: ResourceRule| Rule {
        verbs: from.verbs,
        groups: from.api_groups.unwrap_or_default(),
        resources: from.resources.unwrap_or_default(),
        names: from.resource_names.unwrap_or_default(),
    };
    Rights {
        namespace: namespace.to_owned(),
        rules: status.resource_rules.into_iter().map(rule).collect(),
        // Authorizers that could not be asked leave their words and nothing else.
        incomplete: status.incomplete || status.evaluation_error.is_some_and(|error| !error.is_empty()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_authorizer_that_cannot_list_its_rules_leaves_the_answer_open() {
        let read = |status| {
            rights("shop", serde_json::from_value(json!({"spec": {"namespace": "shop"}, "status": status})).unwrap())
        };
        let rules = json!([{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}]);
        let whole = read(json!({"resourceRules": rules, "nonResourceRules": [], "incomplete": false}));
        assert_eq!((whole.rules.len(), whole.incomplete), (1, false));
        let error = "webhook authorizer does not support user rule resolution";
        let part =
            json!({"resourceRules": rules, "nonResourceRules": [], "incomplete": false, "evaluationError": error});
        assert!(read(part).incomplete);
    }
}
