//! Which version of an API group the cluster serves.
//!
//! Kubernetes' own groups and the Prometheus operator's have one that lasts; Strimzi's moved from v1beta2 to v1.
//! It lists and reads nothing. `io::watch` and `io::objects` ask.

use http::Request;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::APIGroup;
use kube::Client;

use super::failure;
use crate::domain::freshness::Kind;

/// Versions of Strimzi's kinds that can be read, the newest first: in those the fields that are read are the same.
const READABLE: [&str; 2] = ["v1", "v1beta2"];

/// The version of a kind that is read: of those that are served and can be read, the newest; `None` when there is none.
///
/// Every user may ask which versions there are; who may not is told by whatever is asked next.
pub async fn version(client: &Client, kind: Kind) -> Result<Option<&'static str>, kube::Error> {
    if !Kind::STRIMZI.contains(&kind) {
        return Ok(Some("v1"));
    }
    let request = Request::get(format!("/apis/{}", kind.group())).body(Vec::new()).map_err(kube::Error::HttpError)?;
    match client.request::<APIGroup>(request).await {
        Ok(found) => Ok(READABLE.into_iter().find(|version| found.versions.iter().any(|v| v.version == *version))),
        Err(error) => match failure::status_of(&error).map(|(code, _)| code) {
            Some(404) => Ok(None),
            Some(403) => Ok(Some(READABLE[0])),
            _ => Err(error),
        },
    }
}
