//! What may we do? Asks the API server, one question per permission, all at once.
//!
//! It changes nothing: a SelfSubjectAccessReview is answered and kept nowhere. `doctor` asks through `cmd`.

use std::time::Duration;

use futures::future::join_all;
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec};
use kube::{Api, Client, api::PostParams};

use super::failure;

/// How long one answer may take.
const DEADLINE: Duration = Duration::from_secs(5);

/// A permission that is needed, or would be of use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// `get`, `list`, `watch`, `create`.
    pub verb: &'static str,
    /// API group, empty for the core group.
    pub group: &'static str,
    /// Resource, in the plural.
    pub resource: &'static str,
    /// Subresource, as `log`.
    pub subresource: Option<&'static str>,
    /// Namespace; `None` is all of them, or a kind that is in none.
    pub namespace: Option<String>,
    /// True when something essential cannot be seen without it.
    pub needed: bool,
}

/// A permission and whether we have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permission {
    /// The permission.
    pub wanted: Wanted,
    /// Whether we have it; `None` when nobody would say.
    pub allowed: Option<bool>,
    /// Why it is not known.
    pub why: Option<String>,
}

impl Wanted {
    /// The resource as Roles write it: `pods/log`.
    pub fn full_resource(&self) -> String {
        match self.subresource {
            Some(sub) => format!("{}/{sub}", self.resource),
            None => self.resource.to_owned(),
        }
    }

    fn review(&self) -> SelfSubjectAccessReview {
        let attributes = ResourceAttributes {
            verb: Some(self.verb.to_owned()),
            group: Some(self.group.to_owned()),
            resource: Some(self.resource.to_owned()),
            subresource: self.subresource.map(str::to_owned),
            namespace: self.namespace.clone(),
            ..ResourceAttributes::default()
        };
        let spec = SelfSubjectAccessReviewSpec {
            resource_attributes: Some(attributes),
            ..SelfSubjectAccessReviewSpec::default()
        };
        SelfSubjectAccessReview { spec, ..SelfSubjectAccessReview::default() }
    }
}

/// Asks for every permission, in the order given.
pub async fn review(client: &Client, wanted: &[Wanted]) -> Vec<Permission> {
    join_all(wanted.iter().map(|wanted| ask(client, wanted))).await
}

async fn ask(client: &Client, wanted: &Wanted) -> Permission {
    let reviews: Api<SelfSubjectAccessReview> = Api::all(client.clone());
    let (params, question) = (PostParams::default(), wanted.review());
    let answer = tokio::time::timeout(DEADLINE, reviews.create(&params, &question)).await;
    let what = format!("ask whether {} on {} is allowed", wanted.verb, wanted.full_resource());
    let (allowed, why) = match answer {
        Ok(Ok(answer)) => (answer.status.map(|s| s.allowed), None),
        Ok(Err(error)) => (None, Some(failure::classify(&error, &what).what)),
        Err(_) => (None, Some(failure::timed_out(&what, DEADLINE).what)),
    };
    Permission { wanted: wanted.clone(), allowed, why }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{Request, Response};
    use kube::client::Body;

    fn wanted(verb: &'static str, subresource: Option<&'static str>) -> Wanted {
        Wanted { verb, group: "", resource: "pods", subresource, namespace: Some("kafka".into()), needed: true }
    }

    /// A server that allows `list` alone, refuses to talk of `watch` and never answers for `create`.
    fn client() -> Client {
        let service = tower::service_fn(|request: Request<Body>| async move {
            assert_eq!(request.uri().path(), "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews");
            let body = request.into_body().collect_bytes().await.unwrap();
            let review: SelfSubjectAccessReview = serde_json::from_slice(&body).unwrap();
            let asked = review.spec.resource_attributes.unwrap();
            assert_eq!(asked.namespace.as_deref(), Some("kafka"));
            let verb = asked.verb.unwrap();
            if verb == "create" {
                std::future::pending::<()>().await;
            }
            let (code, text) = match verb.as_str() {
                "watch" => (403, r#"{"code":403,"message":"no"}"#.to_owned()),
                verb => {
                    let allowed = verb == "list" && asked.subresource.is_none();
                    (201, format!(r#"{{"spec":{{}},"status":{{"allowed":{allowed}}}}}"#))
                }
            };
            Response::builder().status(code).body(Body::from(text.into_bytes())).map_err(std::io::Error::other)
        });
        Client::new(service, "default")
    }

    #[tokio::test(start_paused = true)]
    async fn each_permission_is_asked_by_itself_and_answered_in_order() {
        let all = [wanted("list", None), wanted("list", Some("log")), wanted("watch", None), wanted("create", None)];
        let answers = review(&client(), &all).await;
        let allowed: Vec<Option<bool>> = answers.iter().map(|p| p.allowed).collect();
        assert_eq!(allowed, [Some(true), Some(false), None, None]);
        assert_eq!(answers[1].wanted.full_resource(), "pods/log");
        assert!(answers[2].why.as_ref().unwrap().contains("watch on pods"), "{answers:?}");
        assert!(answers[3].why.as_ref().unwrap().contains("no answer within 5 s"), "{answers:?}");
    }
}
