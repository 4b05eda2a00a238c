//! Answers: JSON bodies, and refusals as `Status` objects with the reasons and sentences of a real API server.

use std::convert::Infallible;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header::CONTENT_TYPE};
use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
use serde_json::{Value, json};

use super::resources::Resource;

/// The body of an answer: whole, or a stream that ends with the client.
pub type Body = UnsyncBoxBody<Bytes, Infallible>;

/// An answer.
pub type Answer = Response<Body>;

/// Why something is not done. Boxed, since most answers are none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal(Box<Words>);

/// What a refusal says.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Words {
    code: u16,
    reason: &'static str,
    message: String,
    details: Option<Value>,
    extra: Option<Value>,
}

/// 200 with a document.
pub fn ok(document: &Value) -> Answer {
    answer(StatusCode::OK, document)
}

/// A document with a code.
pub fn answer(code: StatusCode, document: &Value) -> Answer {
    with_body(code, "application/json", document.to_string().into())
}

/// A body with its type.
pub fn with_body(code: StatusCode, content_type: &'static str, body: Bytes) -> Answer {
    let mut answer = Response::new(Full::new(body).boxed_unsync());
    *answer.status_mut() = code;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}

/// What a path answers that no API has.
pub fn page_not_found() -> Answer {
    with_body(StatusCode::NOT_FOUND, "text/plain; charset=utf-8", Bytes::from_static(b"404 page not found\n"))
}

impl Refusal {
    /// A refusal without details.
    pub fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self(Box::new(Words { code, reason, message: message.into(), details: None, extra: None }))
    }

    /// With details.
    pub fn details(mut self, details: Value) -> Self {
        self.0.details = Some(details);
        self
    }

    /// With fields in the metadata, as the token that goes on with a list.
    pub fn metadata(mut self, metadata: Value) -> Self {
        self.0.extra = Some(metadata);
        self
    }

    /// 400.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    /// An object that is not there.
    pub fn not_found(resource: &str, name: &str) -> Self {
        let (kind, group) = resource.split_once('.').unwrap_or((resource, ""));
        let mut details = json!({"name": name, "kind": kind});
        if !group.is_empty() {
            details["group"] = json!(group);
        }
        Self::new(404, "NotFound", format!("{resource} \"{name}\" not found")).details(details)
    }

    /// A resource or a subresource that is not there.
    pub fn no_such_path() -> Self {
        Self::new(404, "NotFound", "the server could not find the requested resource").details(json!({}))
    }

    /// A method that a resource does not have.
    pub fn method() -> Self {
        let message = "the server does not allow this method on the requested resource";
        Self::new(405, "MethodNotAllowed", message).details(json!({}))
    }

    /// A body of an unknown type.
    pub fn media_type(accepted: &str) -> Self {
        let message =
            format!("the body of the request was in an unknown format - accepted media types include: {accepted}");
        Self::new(415, "UnsupportedMediaType", message)
    }

    /// The object is not what the request was made for.
    pub fn conflict(resource: &Resource, name: &str) -> Self {
        let message = format!(
            "Operation cannot be fulfilled on {} \"{name}\": the object has been modified; please apply your changes \
             to the latest version and try again",
            resource.qualified()
        );
        Self::new(409, "Conflict", message).details(resource.details(Some(name)))
    }

    /// A field that is not valid: of a kind (as `StatefulSet.apps`), by a cause such as `FieldValueInvalid`.
    pub fn invalid(kind: &str, name: &str, cause: &str, field: &str, message: &str) -> Self {
        let (plain, group) = kind.split_once('.').unwrap_or((kind, ""));
        let mut details = json!({"causes": [{"reason": cause, "message": message, "field": field}]});
        for (key, value) in [("name", name), ("group", group), ("kind", plain)] {
            if !value.is_empty() {
                details[key] = json!(value);
            }
        }
        Self::new(422, "Invalid", format!("{kind} \"{name}\" is invalid: {field}: {message}")).details(details)
    }

    /// What a server that is out of order answers to everything.
    pub fn of_code(code: u16) -> Self {
        match code {
            401 => Self::new(401, "Unauthorized", "Unauthorized"),
            403 => Self::new(403, "Forbidden", "forbidden").details(json!({})),
            429 => Self::new(
                429,
                "TooManyRequests",
                "the server has received too many requests and has asked us to try again later",
            ),
            503 => Self::new(503, "ServiceUnavailable", "the server is currently unable to handle the request"),
            504 => Self::new(504, "Timeout", "the server was unable to return a response in the time allotted"),
            code => {
                Self::new(code, "InternalError", "an error on the server has prevented the request from succeeding")
            }
        }
    }

    /// The `Status` object.
    pub fn status(&self) -> Value {
        let Words { code, reason, message, details, extra } = &*self.0;
        let mut status = json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": extra.clone().unwrap_or_else(|| json!({})),
            "status": "Failure",
            "message": message,
        });
        if !reason.is_empty() {
            status["reason"] = json!(reason);
        }
        if let Some(details) = details {
            status["details"] = details.clone();
        }
        status["code"] = json!(code);
        status
    }
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        let code = StatusCode::from_u16(refusal.0.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        answer(code, &refusal.status())
    }
}
