//! What a refusal of the API server means for an op: whose fault it is, and whether anything happened.
//!
//! Pure. The server's own words are kept, printable, except where they may quote a Secret.

use kube::{Error, core::Status};

use super::{super::failure, DEADLINE};
use crate::{
    domain::text::printable,
    plan::op::{OpFailure, Target},
};

/// What is tried on which object.
pub struct Verb<'a> {
    /// `create`, `patch`, `delete`, `get`.
    pub name: &'static str,
    /// The object.
    pub target: &'a Target,
    /// The subresource that is asked, as `eviction`.
    pub subresource: Option<&'static str>,
}

impl<'a> Verb<'a> {
    /// A verb on an object.
    pub fn new(verb: &'static str, target: &'a Target) -> Self {
        Self { name: verb, target, subresource: None }
    }

    /// As Roles and `kubectl auth can-i` have it: `patch kafkatopics.kafka.strimzi.io in namespace messaging`.
    fn permission(&self) -> String {
        let Target { resource, namespace, .. } = self.target;
        let mut full = resource.clone();
        if let Some(sub) = self.subresource {
            full = format!("{full}/{sub}");
        }
        if !self.target.group().is_empty() {
            full = format!("{full}.{}", self.target.group());
        }
        let place =
            if namespace.is_empty() { " cluster-wide".to_owned() } else { format!(" in namespace {namespace}") };
        format!("{} {full}{place}", self.name)
    }

    /// The failure of an op by its error; none is a deadline that passed.
    pub fn failure(&self, error: Option<&Error>) -> OpFailure {
        let what = format!("{} {}", self.name, super::named(self.target));
        let Some(error) = error else {
            return OpFailure::Unreachable(said(&failure::timed_out(&what, DEADLINE).what));
        };
        let Some(status) = status(error) else {
            // Nothing was sent that is no request.
            let unsent = matches!(error, Error::HttpError(_) | Error::BuildRequest(_));
            let why = said(&failure::classify(error, &what).what);
            return if unsent { OpFailure::Refused(why) } else { OpFailure::Unreachable(why) };
        };
        let words = self.words(status);
        match status.code {
            401 => OpFailure::Forbidden(format!(
                "{}: the API server does not accept the login; log in again",
                self.permission()
            )),
            // Quotas, admission and policies answer 403 too, and no Role helps against them.
            403 if status.message.contains(" cannot ") || status.message.is_empty() => {
                OpFailure::Forbidden(format!("{} ({})", self.permission(), said(&failure::forbidden(&status.message))))
            }
            500 if !has_happened(status) => OpFailure::Refused(words),
            408 | 500..=599 => OpFailure::Unreachable(format!("Cannot {what}: {words}")),
            _ => OpFailure::Refused(words),
        }
    }

    /// What the server said. Of a Secret only which fields it is about, for it may quote a value.
    fn words(&self, status: &Status) -> String {
        if self.target.resource == "secrets" {
            let causes = status.details.as_ref().map(|d| d.causes.iter().map(|c| c.field.as_str()).collect::<Vec<_>>());
            let fields =
                causes.filter(|f| !f.is_empty()).map_or_else(String::new, |f| format!(" for {}", f.join(", ")));
            return said(&format!("the API server answered {} {}{fields}", status.code, status.reason));
        }
        if status.message.is_empty() {
            return said(&format!("the API server answered {} {}", status.code, status.reason));
        }
        said(&status.message)
    }
}

/// Whether a 500 may have left something behind: a webhook that cannot be called, or an eviction that nobody can judge,
/// is told before anything is stored.
fn has_happened(status: &Status) -> bool {
    let before = ["failed calling webhook", "denied the request", "more than one PodDisruptionBudget"];
    !before.iter().any(|words| status.message.contains(words))
}

/// The server's status, if it answered.
pub fn status(error: &Error) -> Option<&Status> {
    match error {
        Error::Api(status) => Some(status),
        _ => None,
    }
}

/// Whether the object is another than was meant.
pub fn is_other_uid(error: &Error) -> bool {
    status(error).is_some_and(|s| s.code == 409 && s.message.contains("UID in") && s.message.contains("recondition"))
}

/// Whether Strimzi's Drain Cleaner has taken the eviction upon itself, which it tells by refusing it.
pub fn is_denied_by_drain_cleaner(error: &Error) -> bool {
    status(error).is_some_and(|s| s.message.contains("The pod will be rolled by the Strimzi Cluster Operator"))
}

/// A refusal by a disruption budget in its own words; by a server that is asked too much in the server's.
pub fn of_budget(error: &Error) -> OpFailure {
    let Some(status) = status(error) else { return OpFailure::Refused(said(&failure::words(error))) };
    let causes = status.details.iter().flat_map(|details| &details.causes);
    let budget = causes.filter(|cause| cause.reason == "DisruptionBudget").map(|cause| said(&cause.message)).next();
    match budget {
        Some(words) => OpFailure::Refused(format!("disruption budget allows none now: {words}")),
        None if status.message.contains("disruption budget") => {
            OpFailure::Refused(format!("disruption budget allows none now: {}", said(&status.message)))
        }
        None => OpFailure::Refused(said(&status.message)),
    }
}

/// Words of the server on one line, without the period that sentences of ours add.
fn said(text: &str) -> String {
    printable(text.trim().trim_end_matches('.')).into_owned()
}
