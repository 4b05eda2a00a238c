//! What the sandbox's user may do: checked for every request, and told to whoever asks.

use http::{Request, StatusCode};
use hyper::body::Incoming;
use serde_json::{Value, json};

use super::{
    ApiServer,
    request::{Place, body, content_type, value},
    resources::{Resource, TABLE},
    status::{Answer, Refusal, answer},
};

/// All verbs that there are.
const VERBS: [&str; 8] = ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"];

/// Verbs on resources; an asterisk is all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// As `list`.
    pub verbs: Vec<String>,
    /// Resources with their subresource, as `pods` and `pods/log`, whatever their group.
    pub resources: Vec<String>,
    /// The one namespace; none is the cluster.
    pub namespace: Option<String>,
}

/// What is allowed. By default it is everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Permissions {
    /// What is granted; none is everything.
    pub granted: Option<Vec<Grant>>,
    /// What is not, whatever is granted.
    pub denied: Vec<Grant>,
}

impl Grant {
    /// Whether it is about that: a grant for a namespace says nothing of the cluster.
    fn covers(&self, verb: &str, resource: &str, namespace: Option<&str>) -> bool {
        let has = |all: &[String], wanted: &str| all.iter().any(|one| one == wanted || one == "*");
        has(&self.verbs, verb)
            && has(&self.resources, resource)
            && self.namespace.as_deref().is_none_or(|only| Some(only) == namespace)
    }
}

impl Permissions {
    /// Whether a verb on a resource is allowed, in a namespace or in the cluster.
    pub fn allow(&self, verb: &str, resource: &str, namespace: Option<&str>) -> bool {
        let any = |grants: &[Grant]| grants.iter().any(|grant| grant.covers(verb, resource, namespace));
        self.granted.as_deref().is_none_or(any) && !any(&self.denied)
    }

    /// All that is allowed in a namespace, as rules.
    fn rules(&self, namespace: &str) -> Vec<Value> {
        if *self == Self::default() {
            return vec![json!({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]})];
        }
        let of = |resource: &Resource, full: &str| {
            let place = resource.namespaced.then_some(namespace);
            let verbs: Vec<&str> = VERBS.into_iter().filter(|verb| self.allow(verb, full, place)).collect();
            let rule = json!({"verbs": verbs, "apiGroups": [resource.group], "resources": [full]});
            (!verbs.is_empty()).then_some(rule)
        };
        let with_subs = |resource: &'static Resource| {
            let subs = resource.subs.iter().map(|sub| format!("{}/{sub}", resource.plural));
            let all: Vec<String> = std::iter::once(resource.plural.to_owned()).chain(subs).collect();
            all.into_iter().filter_map(move |full| of(resource, &full)).collect::<Vec<_>>()
        };
        TABLE.iter().flat_map(with_subs).collect()
    }

    /// Refuses what is not allowed, as a real server does.
    pub fn check(&self, place: &Place, verbs: &[&str]) -> Result<(), Refusal> {
        let Resource { group, plural, .. } = place.resource;
        let resource = match &place.sub {
            Some(sub) => format!("{plural}/{sub}"),
            None => (*plural).to_owned(),
        };
        // A namespace is in itself when it comes to permissions.
        let own = place.name.as_deref().filter(|_| *plural == "namespaces");
        let namespace = place.namespace.as_deref().or(own);
        let Some(verb) = verbs.iter().find(|verb| !self.allow(verb, &resource, namespace)) else { return Ok(()) };
        let object = place.name.as_ref().map_or_else(String::new, |name| format!(" \"{name}\""));
        let scope =
            namespace.map_or_else(|| "at the cluster scope".to_owned(), |n| format!("in the namespace \"{n}\""));
        let message = format!(
            "{}{object} is forbidden: User \"sandbox\" cannot {verb} resource \"{resource}\" in API group \"{group}\" \
             {scope}",
            place.resource.qualified()
        );
        Err(Refusal::new(403, "Forbidden", message).details(place.resource.details(place.name.as_deref())))
    }
}

impl ApiServer {
    /// Answers a SelfSubjectRulesReview.
    pub(super) async fn review_rules(&self, request: &mut Request<Incoming>) -> Result<Answer, Refusal> {
        if request.method() != http::Method::POST {
            return Err(Refusal::method());
        }
        let kind = content_type(request);
        let asked = value(&body(request).await?, &kind).map_err(Refusal::bad_request)?;
        let Some(namespace) = asked["spec"]["namespace"].as_str().filter(|text| !text.is_empty()) else {
            return Err(Refusal::bad_request("no namespace on request"));
        };
        let everywhere = json!([{"verbs": ["get"], "nonResourceURLs": ["/api", "/apis", "/healthz", "/version"]}]);
        let rules = self.permissions().rules(namespace);
        let review = json!({
            "kind": "SelfSubjectRulesReview",
            "apiVersion": "authorization.k8s.io/v1",
            "metadata": {},
            "spec": {},
            "status": {"resourceRules": rules, "nonResourceRules": everywhere, "incomplete": false},
        });
        Ok(answer(StatusCode::CREATED, &review))
    }

    /// Answers a SelfSubjectAccessReview.
    pub(super) async fn review(&self, request: &mut Request<Incoming>) -> Result<Answer, Refusal> {
        if request.method() != http::Method::POST {
            return Err(Refusal::method());
        }
        let kind = content_type(request);
        let asked = value(&body(request).await?, &kind).map_err(Refusal::bad_request)?;
        let spec = &asked["spec"];
        let text = |field: &str| spec["resourceAttributes"][field].as_str().filter(|text| !text.is_empty());
        let allowed = if spec["resourceAttributes"].is_object() {
            let resource = text("resource").unwrap_or("*");
            let resource = text("subresource").map_or_else(|| resource.to_owned(), |sub| format!("{resource}/{sub}"));
            self.permissions().allow(text("verb").unwrap_or("*"), &resource, text("namespace"))
        } else if spec["nonResourceAttributes"].is_object() {
            true
        } else {
            let message = "exactly one of nonResourceAttributes or resourceAttributes must be specified";
            let field = "spec.resourceAttributes";
            let kind = "SelfSubjectAccessReview.authorization.k8s.io";
            return Err(Refusal::invalid(kind, "", "FieldValueInvalid", field, message));
        };
        let mut status = json!({"allowed": allowed});
        if !allowed {
            status["reason"] = json!("no rule of the sandbox's user allows it");
        }
        let review: Value = json!({
            "kind": "SelfSubjectAccessReview",
            "apiVersion": "authorization.k8s.io/v1",
            "metadata": {},
            "spec": spec,
            "status": status,
        });
        Ok(answer(StatusCode::CREATED, &review))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(verbs: &[&str], resources: &[&str], namespace: Option<&str>) -> Grant {
        let owned = |all: &[&str]| all.iter().map(|&one| one.to_owned()).collect();
        Grant { verbs: owned(verbs), resources: owned(resources), namespace: namespace.map(str::to_owned) }
    }

    #[test]
    fn what_is_granted_in_a_namespace_is_not_granted_in_the_cluster() {
        let granted = Some(vec![grant(&["*"], &["pods", "pods/log"], Some("kafka"))]);
        let permissions = Permissions { granted, denied: vec![grant(&["watch"], &["pods"], None)] };
        assert!(permissions.allow("list", "pods", Some("kafka")));
        assert!(!permissions.allow("list", "pods", None));
        assert!(!permissions.allow("list", "pods", Some("other")));
        assert!(!permissions.allow("watch", "pods", Some("kafka")), "denied");
        assert!(!permissions.allow("create", "pods/portforward", Some("kafka")));
        assert!(Permissions::default().allow("delete", "nodes", None));
    }
}
