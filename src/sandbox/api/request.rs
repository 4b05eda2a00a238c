//! What a request asks for: its path, its query and its body, taken apart once.

use bytes::Bytes;
use http::{Method, Request, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use serde_json::Value;

use super::{
    resources::{REVIEWS, Resource, find},
    status::Refusal,
    tables::{Document, document},
};

/// The longest body that is taken.
const LONGEST_BODY: usize = 3 * 1024 * 1024;

/// A request without its body.
#[derive(Debug)]
pub struct Asked {
    /// What for.
    pub target: Target,
    /// With which settings.
    pub query: Query,
    /// Whether the metadata is enough.
    pub metadata_only: bool,
    method: Method,
    path: String,
}

/// What a path leads to.
#[derive(Debug)]
pub enum Target {
    /// A document about the server.
    Document(Document),
    /// The reviews of access.
    Review,
    /// The reviews of all that is allowed in a namespace.
    RulesReview,
    /// Objects.
    Object(Place),
}

/// A resource, an object or a subresource.
#[derive(Debug)]
pub struct Place {
    /// Resource.
    pub resource: &'static Resource,
    /// Namespace; none is all of them, or a resource that is in none.
    pub namespace: Option<String>,
    /// Name.
    pub name: Option<String>,
    /// Subresource.
    pub sub: Option<String>,
    /// What comes after it.
    pub rest: String,
}

impl Place {
    /// The namespace as the store knows it.
    pub fn in_store(&self) -> &str {
        self.namespace.as_deref().unwrap_or_default()
    }
}

impl Asked {
    /// Takes a request apart.
    pub fn parse<B>(request: &Request<B>, lacking: &[String]) -> Result<Self, Refusal> {
        let uri = request.uri();
        let path: Vec<&str> = uri.path().split('/').filter(|part| !part.is_empty()).collect();
        let accept = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok());
        Ok(Self {
            target: target(&path, lacking)?,
            query: Query::parse(uri.query().unwrap_or_default()),
            metadata_only: accept.is_some_and(|accept| accept.contains("as=PartialObjectMetadata")),
            method: request.method().clone(),
            path: uri.path().to_owned(),
        })
    }

    /// What one must be allowed to do for it.
    pub fn verbs(&self, place: &Place, method: &Method) -> &'static [&'static str] {
        match (method.as_str(), place.sub.as_deref(), &place.name) {
            // Both, as servers of Kubernetes 1.35 ask for.
            (_, Some("portforward"), _) => &["get", "create"],
            ("GET", None, None) if self.query.is_on("watch") => &["watch"],
            ("GET", None, None) => &["list"],
            ("POST", ..) => &["create"],
            ("PUT", ..) => &["update"],
            ("PATCH", ..) => &["patch"],
            ("DELETE", _, None) => &["deletecollection"],
            ("DELETE", ..) => &["delete"],
            _ => &["get"],
        }
    }

    /// The answer to what this server does not do.
    pub fn not_here(&self) -> Refusal {
        let message = format!("the sandbox does not answer {} {}", self.method, self.path);
        Refusal::new(501, "NotImplemented", message)
    }
}

fn target(path: &[&str], lacking: &[String]) -> Result<Target, Refusal> {
    if let Some(document) = document(path, lacking) {
        return Ok(Target::Document(document));
    }
    let (group, version, rest) = match path {
        ["api", version, rest @ ..] => ("", *version, rest),
        ["apis", group, version, rest @ ..] => (*group, *version, rest),
        _ => return Err(Refusal::no_such_path()),
    };
    if (group, version) == REVIEWS && rest == ["selfsubjectaccessreviews"] {
        return Ok(Target::Review);
    }
    if (group, version) == REVIEWS && rest == ["selfsubjectrulesreviews"] {
        return Ok(Target::RulesReview);
    }
    let (namespace, rest) = match rest {
        // A namespace's own subresources look like a resource in it.
        ["namespaces", _, "status" | "finalize"] | ["namespaces"] | ["namespaces", _] => (None, rest),
        ["namespaces", namespace, rest @ ..] => (Some(decoded(namespace)), rest),
        rest => (None, rest),
    };
    let [plural, rest @ ..] = rest else { return Err(Refusal::no_such_path()) };
    let resource = find(group, version, plural, lacking).ok_or_else(Refusal::no_such_path)?;
    let named = !rest.is_empty();
    // A resource in namespaces has names only there, and one in none is in no namespace.
    if (namespace.is_some() && !resource.namespaced) || (resource.namespaced && named && namespace.is_none()) {
        return Err(Refusal::no_such_path());
    }
    let (name, sub, rest) = match rest {
        [] => (None, None, String::new()),
        [name] => (Some(decoded(name)), None, String::new()),
        [name, sub, rest @ ..] => (Some(decoded(name)), Some((*sub).to_owned()), rest.join("/")),
    };
    if !rest.is_empty() && sub.as_deref() != Some("proxy") {
        return Err(Refusal::no_such_path());
    }
    Ok(Target::Object(Place { resource, namespace, name, sub, rest }))
}

/// A part of a path without its percent signs. Names have none, and a plus stands for itself.
fn decoded(part: &str) -> String {
    let escaped = part.replace('+', "%2B");
    form_urlencoded::parse(escaped.as_bytes()).next().map(|(name, _)| name.into_owned()).unwrap_or_default()
}

/// The settings behind the question mark.
#[derive(Debug, Default)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Reads them; what cannot be read is text.
    pub fn parse(text: &str) -> Self {
        Self(form_urlencoded::parse(text.as_bytes()).into_owned().collect())
    }

    /// One of them, unless it is empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        found.filter(|value| !value.is_empty())
    }

    /// All of one name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Whether one is on: as Go reads it, everything but `0`, `false` and nothing.
    pub fn is_on(&self, name: &str) -> bool {
        self.all(name).next().is_some_and(|value| !matches!(value, "0" | "false"))
    }

    /// One of them as a number.
    pub fn number(&self, name: &str) -> Result<Option<i64>, Refusal> {
        let parse = |text: &str| {
            text.parse()
                .map_err(|_| Refusal::bad_request(format!("strconv.ParseInt: parsing \"{text}\": invalid syntax")))
        };
        self.get(name).map(parse).transpose()
    }

    /// Whether nothing is to be changed; an unknown kind of that is refused.
    pub fn dry_run(&self, options: &str) -> Result<bool, Refusal> {
        match self.all("dryRun").find(|value| *value != "All") {
            None => Ok(self.all("dryRun").next().is_some()),
            Some(other) => {
                let message = format!("Unsupported value: [\"{other}\"]: supported values: \"All\"");
                let kind = format!("{options}.meta.k8s.io");
                Err(Refusal::invalid(&kind, "", "FieldValueNotSupported", "dryRun", &message))
            }
        }
    }
}

/// The body of a request, as long as it is not too long.
pub async fn body(request: &mut Request<Incoming>) -> Result<Bytes, Refusal> {
    match Limited::new(request.body_mut(), LONGEST_BODY).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            let message = format!("Request entity too large: limit is {LONGEST_BODY}");
            Err(Refusal::new(413, "RequestEntityTooLarge", message))
        }
        Err(_) => Err(Refusal::bad_request("unexpected EOF")),
    }
}

/// The type of a body, without its parameters; JSON when there is none.
pub fn content_type<B>(request: &Request<B>) -> String {
    let header = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kind = header.and_then(|value| value.split(';').next()).unwrap_or("application/json");
    kind.trim().to_ascii_lowercase()
}

/// A body as a value, by its type; the error is the parser's.
pub fn value(body: &[u8], content_type: &str) -> Result<Value, String> {
    if content_type.ends_with("yaml") {
        serde_saphyr::from_slice(body).map_err(|error| error.to_string())
    } else {
        serde_json::from_slice(body).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Resource, namespace, name and subresource.
    type Parts = (String, Option<String>, Option<String>, Option<String>);

    fn place(path: &str) -> Option<Parts> {
        let path: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        match target(&path, &["prometheusrules".to_owned()]) {
            Ok(Target::Object(p)) => Some((p.resource.plural.to_owned(), p.namespace, p.name, p.sub)),
            _ => None,
        }
    }

    #[test]
    fn paths_lead_to_resources_objects_and_subresources() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(place("/api/v1/pods"), Some(("pods".into(), None, None, None)));
        let log = Some(("pods".into(), some("n"), some("p"), some("log")));
        assert_eq!(place("/api/v1/namespaces/n/pods/p/log"), log);
        assert_eq!(place("/api/v1/namespaces/n"), Some(("namespaces".into(), None, some("n"), None)));
        let sets = Some(("statefulsets".into(), some("n"), None, None));
        assert_eq!(place("/apis/apps/v1/namespaces/n/statefulsets"), sets);
        for nowhere in [
            "/api/v1/pods/p",
            "/api/v1/namespaces/n/nodes",
            "/api/v1/widgets",
            "/apis/apps/v2/statefulsets",
            "/apis/monitoring.coreos.com/v1/prometheusrules",
            "/",
            "/api/v1/namespaces/n/pods/p/log/more",
        ] {
            assert_eq!(place(nowhere), None, "{nowhere}");
        }
    }

    #[test]
    fn settings_are_read_as_go_reads_them() {
        let query = Query::parse("watch=1&follow=false&limit=x&n=5&dryRun=All&e=&labelSelector=a%3Db%2Cc");
        assert!(query.is_on("watch") && !query.is_on("follow") && !query.is_on("previous"));
        assert_eq!((query.number("n"), query.number("e")), (Ok(Some(5)), Ok(None)));
        assert!(query.number("limit").is_err());
        assert_eq!(query.dry_run("PatchOptions"), Ok(true));
        assert!(Query::parse("dryRun=Some").dry_run("PatchOptions").is_err());
        assert_eq!(query.get("labelSelector"), Some("a=b,c"));
    }
}
