//! Helm releases by name: what a chart was installed with, from the Secret that Helm keeps of it.
//!
//! The newest deployed revision is asked for by its labels, so that no other Secret is listed. What is in it is a
//! whole chart with values that may be passwords: it is unpacked within bounds, a few settings are taken by name,
//! and the rest is wiped. Not to be permitted is no failure of anything: labels tell most. `cmd` starts it.

use std::{collections::BTreeSet, io::Read, sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use flate2::read::GzDecoder;
use k8s_openapi::api::core::v1::Secret;
use kube::{Client, Resource, api::ListParams, core::Request};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use super::{FactSender, configs, connect::Cluster, failure};
use crate::{
    clock::Clock,
    domain::{
        freshness::{FailureKind, Kind, SourceFailure},
        helm::{Kept, Release},
        ids::ObjectKey,
        kubernetes::{Meta, Object},
        text::{printable, shortened},
    },
    facts::{Body, Fact},
    task,
};

/// How often they are read: a release changes when somebody upgrades it.
const EVERY: Duration = Duration::from_secs(300);
/// How long one answer may take.
const DEADLINE: Duration = Duration::from_secs(10);
/// The longest payload; a Secret holds no more.
const LONGEST: usize = 2 << 20;
/// The most that is unpacked of one.
const MOST: u64 = 20 << 20;
/// The longest text that is taken of a value.
const WORDS: usize = 120;

/// Starts to read these releases until the token is cancelled.
pub fn read(
    cluster: &Cluster,
    names: BTreeSet<ObjectKey>,
    clock: &Clock,
    facts: &FactSender,
    refresh: &Arc<Notify>,
    cancel: &CancellationToken,
) {
    let (client, clock, facts, refresh) = (cluster.client.clone(), clock.clone(), facts.clone(), refresh.clone());
    task::spawn("releases", cancel, async move {
        loop {
            for body in pass(&client, &names).await {
                if facts.send(Fact::watched(Kind::Releases, clock.now(), body)).await.is_err() {
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

/// Reads all of them, those that can be read, and why one cannot.
async fn pass(client: &Client, names: &BTreeSet<ObjectKey>) -> Vec<Body> {
    let (mut known, mut failed) = (Vec::new(), None);
    for name in names {
        match one(client, name).await {
            Ok(Some(release)) => known.push(Object::Release(release)),
            Ok(None) => {}
            Err(why) => failed = failed.or(Some(why)),
        }
    }
    configs::told(known, failed)
}

/// Helm's Secrets, as far as they are used.
#[derive(Deserialize)]
struct Listed {
    items: Vec<Stored>,
}

#[derive(Deserialize)]
struct Stored {
    #[serde(default)]
    data: Option<Data>,
}

#[derive(Deserialize)]
struct Data {
    #[serde(default)]
    release: Option<Zeroizing<String>>,
}

/// Reads one; `None` when Helm keeps nothing of that name as deployed.
async fn one(client: &Client, name: &ObjectKey) -> Result<Option<Release>, SourceFailure> {
    let trying = format!("list secrets of Helm release {} in namespace {}", name.name, name.namespace);
    let wanted = format!("owner=helm,status=deployed,name={}", name.name);
    let path = Secret::url_path(&(), Some(&name.namespace));
    let request = Request::new(path).list(&ListParams::default().labels(&wanted).limit(1));
    let request = request.map_err(|error| garbled(&trying, &error.to_string()))?;
    // As text: where an object cannot be decoded, the client writes all of it to the log.
    let text = match tokio::time::timeout(DEADLINE, client.request_text(request)).await {
        Ok(Ok(text)) => Zeroizing::new(text),
        Ok(Err(error)) => return Err(failure::classify(&error, &trying)),
        Err(_) => return Err(failure::timed_out(&trying, DEADLINE)),
    };
    let listed: Listed =
        serde_json::from_str(&text).map_err(|_| garbled(&trying, "the answer is no list of Secrets"))?;
    let payload = listed.items.into_iter().next().and_then(|stored| stored.data).and_then(|data| data.release);
    let Some(payload) = payload else { return Ok(None) };
    let kept = unpacked(&payload).unwrap_or_else(|problem| Kept { problem: Some(problem), ..Kept::default() });
    let meta = Meta { namespace: name.namespace.clone(), name: name.name.clone(), ..Meta::default() };
    Ok(Some(Release { meta, kept }))
}

fn garbled(trying: &str, why: &str) -> SourceFailure {
    SourceFailure { kind: FailureKind::Garbage, what: format!("Cannot {trying}: {why}."), hint: None }
}

/// What is taken of a payload: base64 of base64 of gzip of JSON (`helm.sh/helm/v3/pkg/storage/driver`).
fn unpacked(payload: &str) -> Result<Kept, String> {
    if payload.len() > LONGEST {
        return Err(format!("Helm's Secret holds {} bytes", payload.len()));
    }
    let not_base64 = |_| "Helm's Secret is not base64".to_owned();
    let once = Zeroizing::new(BASE64.decode(payload.trim()).map_err(not_base64)?);
    let packed = Zeroizing::new(BASE64.decode(once.trim_ascii()).map_err(not_base64)?);
    let mut text = Zeroizing::new(Vec::new());
    if packed.starts_with(&[0x1f, 0x8b, 0x08]) {
        let mut unpacking = GzDecoder::new(packed.as_slice()).take(MOST + 1);
        unpacking.read_to_end(&mut text).map_err(|_| "Helm's Secret is broken gzip".to_owned())?;
    } else {
        // Before Helm 2.7 nothing was packed.
        text.extend_from_slice(&packed);
    }
    if text.len() as u64 > MOST {
        return Err(format!("Helm's Secret unpacks to more than {} MiB", MOST >> 20));
    }
    let whole: Payload =
        serde_json::from_slice(&text).map_err(|_| "Helm's Secret holds no readable release".to_owned())?;
    Ok(taken(&whole))
}

/// A release as far as it is used; what is not named here is skipped while reading.
#[derive(Deserialize)]
struct Payload {
    #[serde(default)]
    version: Option<u64>,
    #[serde(default)]
    chart: Chart,
    #[serde(default)]
    config: Option<Values>,
}

#[derive(Default, Deserialize)]
struct Chart {
    #[serde(default)]
    metadata: ChartMetadata,
    #[serde(default)]
    values: Option<Values>,
}

#[derive(Default, Deserialize)]
struct ChartMetadata {
    #[serde(default)]
    name: String,
    #[serde(default)]
    version: String,
    #[serde(default, rename = "appVersion")]
    app: Option<String>,
}

/// Values that are no secrets; anything may stand where a text is expected.
#[derive(Default, Deserialize)]
struct Values {
    #[serde(default)]
    listeners: Value,
    #[serde(default)]
    kraft: Value,
    #[serde(default)]
    zookeeper: Value,
    #[serde(default)]
    tls: Value,
}

fn taken(whole: &Payload) -> Kept {
    // What the user gave counts more than what the chart brings.
    let layers = [whole.config.as_ref(), whole.chart.values.as_ref()];
    let find = |of: fn(&Values) -> &Value, path: &str| {
        layers.iter().flatten().map(|values| of(values)).find_map(|value| value.pointer(path).cloned())
    };
    let text = |of: fn(&Values) -> &Value, path: &str| {
        find(of, path).and_then(|value| value.as_str().map(safe)).filter(|text| !text.is_empty())
    };
    let metadata = &whole.chart.metadata;
    Kept {
        chart: safe(&format!("{}-{}", metadata.name, metadata.version)),
        app_version: metadata.app.as_deref().map(safe),
        revision: whole.version,
        client_protocol: text(|values| &values.listeners, "/client/protocol"),
        kraft: find(|values| &values.kraft, "/enabled").and_then(|value| value.as_bool()),
        zookeeper: find(|values| &values.zookeeper, "/enabled").and_then(|value| value.as_bool()),
        tls_type: text(|values| &values.tls, "/type"),
        ..Kept::default()
    }
}

/// Words of a chart's, safe to show.
fn safe(text: &str) -> String {
    printable(&shortened(text, WORDS)).into_owned()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};
    use http::{Request, Response};
    use kube::client::Body as HttpBody;
    use serde_json::json;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut packing = GzEncoder::new(Vec::new(), Compression::fast());
        packing.write_all(bytes).unwrap();
        packing.finish().unwrap()
    }

    /// What stands in `data.release` for these bytes.
    fn payload(packed: &[u8]) -> String {
        BASE64.encode(BASE64.encode(packed))
    }

    fn release(config: &Value) -> Value {
        let values =
            json!({"listeners": {"client": {"protocol": "SASL_PLAINTEXT"}}, "tls": {"type": "JKS"}, "kraft": null});
        let metadata = json!({"name": "kafka", "version": "32.4.4", "appVersion": "4.0.0"});
        json!({"name": "kafka", "version": 3, "chart": {"metadata": metadata, "values": values}, "config": config})
    }

    #[test]
    fn a_release_is_unpacked_and_only_what_is_no_secret_is_taken() {
        let config = json!({
            "listeners": {"client": {"protocol": "PLAINTEXT"}},
            "sasl": {"client": {"passwords": ["canary-1"]}},
            "kraft": {"enabled": true},
            "zookeeper": {"enabled": "canary-2"},
        });
        let found = unpacked(&payload(&gzip(release(&config).to_string().as_bytes()))).unwrap();
        assert_eq!(
            (found.chart.as_str(), found.app_version.as_deref(), found.revision),
            ("kafka-32.4.4", Some("4.0.0"), Some(3))
        );
        assert_eq!((found.client_protocol.as_deref(), found.tls_type.as_deref()), (Some("PLAINTEXT"), Some("JKS")));
        assert_eq!((found.kraft, found.zookeeper), (Some(true), None));
        assert!(!format!("{found:?}").contains("canary"));
        let old = unpacked(&payload(release(&Value::Null).to_string().as_bytes())).unwrap();
        assert_eq!(old.client_protocol.as_deref(), Some("SASL_PLAINTEXT"), "and without gzip");
    }

    #[test]
    fn what_is_no_release_is_told_and_a_bomb_is_not_unpacked() {
        let hostile = json!({"chart": {"metadata": {"name": "\u{1b}[31m", "version": "x".repeat(5000)}}, "config": 7});
        let cases = [
            ("%".to_owned(), "Helm's Secret is not base64"),
            (BASE64.encode("%"), "Helm's Secret is not base64"),
            (payload(&gzip(b"{}")[..8]), "Helm's Secret is broken gzip"),
            (payload(&gzip(b"canary")), "Helm's Secret holds no readable release"),
            (payload(b"not gzip"), "Helm's Secret holds no readable release"),
            (payload(&gzip(&vec![b' '; 21 << 20])), "Helm's Secret unpacks to more than 20 MiB"),
            ("A".repeat(LONGEST + 1), "Helm's Secret holds 2097153 bytes"),
            (payload(&gzip(hostile.to_string().as_bytes())), "Helm's Secret holds no readable release"),
        ];
        for (text, wanted) in cases {
            assert_eq!(unpacked(&text).unwrap_err(), wanted);
        }
        let odd = json!({"chart": {"metadata": {"name": "\u{1b}[31m", "version": "x".repeat(5000)}}});
        let found = unpacked(&payload(&gzip(odd.to_string().as_bytes()))).unwrap();
        assert!(found.chart.chars().count() <= WORDS && !found.chart.contains('\u{1b}'), "{}", found.chart);
    }

    fn client(answer: fn(&str) -> (u16, Value)) -> Client {
        let service = tower::service_fn(move |request: Request<HttpBody>| async move {
            let (code, body) = answer(&request.uri().to_string());
            let body = HttpBody::from(body.to_string().into_bytes());
            Response::builder().status(code).body(body).map_err(std::io::Error::other)
        });
        Client::new(service, "n")
    }

    fn names() -> BTreeSet<ObjectKey> {
        [ObjectKey::new("n", "kafka")].into()
    }

    #[tokio::test]
    async fn only_the_deployed_secret_of_the_release_is_asked_for_and_a_broken_one_is_an_object_with_a_problem() {
        let bodies = pass(
            &client(|uri| {
                assert!(uri.contains("/api/v1/namespaces/n/secrets?"), "{uri}");
                assert!(
                    uri.contains("owner%3Dhelm%2Cstatus%3Ddeployed%2Cname%3Dkafka") && uri.contains("limit=1"),
                    "{uri}"
                );
                (200, json!({"items": [{"metadata": {}, "data": {"release": "JQ=="}}]}))
            }),
            &names(),
        )
        .await;
        let [Body::Listed(found)] = bodies.as_slice() else { panic!("{bodies:?}") };
        let [Object::Release(release)] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!(release.meta.key(), ObjectKey::new("n", "kafka"));
        assert_eq!(release.kept.problem.as_deref(), Some("Helm's Secret is not base64"));
        let none = pass(&client(|_| (200, json!({"items": []}))), &names()).await;
        assert!(matches!(none.as_slice(), [Body::Listed(found)] if found.is_empty()), "{none:?}");
    }

    #[tokio::test]
    async fn one_that_may_not_be_read_is_a_source_that_is_blind() {
        let refused = |_: &str| {
            (403, json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 403, "message": "no"}))
        };
        let bodies = pass(&client(refused), &names()).await;
        let [Body::Failed(why)] = bodies.as_slice() else { panic!("{bodies:?}") };
        assert_eq!(why.kind, FailureKind::Forbidden);
        assert!(why.what.starts_with("Cannot list secrets of Helm release kafka in namespace n"), "{}", why.what);
    }
}
