//! Values that stand in Secrets: read through the API server when a way into an installation needs them.
//!
//! They live in memory only, are read again when whoever asks wants them younger, and are wiped when dropped. Nothing here or
//! above shows one: a value is `Hidden`, and errors name Secrets and keys. `io::dial::layers` calls it.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use futures::future::BoxFuture;
use k8s_openapi::api::core::v1::Secret;
use kube::{Client, Resource, api::GetParams, core::Request};
use serde::Deserialize;
use thiserror::Error;
use tokio::time::{Instant, timeout};
use zeroize::Zeroizing;

use super::failure;
pub use crate::domain::hidden::Hidden;

use crate::domain::access::{Keep, SecretKey};

/// How long reading one may take.
const DEADLINE: Duration = Duration::from_secs(5);

/// A Secret as it was read.
#[derive(Debug, Clone)]
pub struct Read {
    /// Its `resourceVersion`: another one means that it may hold something else.
    pub version: String,
    /// Its data.
    pub data: BTreeMap<String, Hidden>,
}

/// Why there is no value.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SecretError {
    /// Permission is missing.
    #[error("may not get secret {name} in namespace {namespace}")]
    Forbidden { namespace: String, name: String },
    /// There is no such Secret.
    #[error("there is no secret {namespace}/{name}")]
    Absent { namespace: String, name: String },
    /// The Secret holds other keys.
    #[error("secret {}/{} has no key {}; it has {}", .at.namespace, .at.name, .at.key, list(.has))]
    NoKey { at: SecretKey, has: Vec<String> },
    /// The value is empty.
    #[error("{at} is empty")]
    Empty { at: Keep },
    /// The value is not text.
    #[error("{at} is not UTF-8 text")]
    NotText { at: Keep },
    /// The list of passwords is shorter than that.
    #[error("{at} holds {has} passwords and the one numbered {wanted} is needed")]
    TooFew { at: Keep, has: usize, wanted: usize },
    /// The value is not PEM, or none that can be used.
    #[error("{at} holds no usable {what}: {why}")]
    NotPem { at: Keep, what: &'static str, why: String },
    /// It was given by hand, and is not here.
    #[error("{at} is not known any more")]
    Forgotten { at: String },
    /// It could not be read for another reason.
    #[error("cannot read secret {namespace}/{name}: {why}")]
    Unread { namespace: String, name: String, why: String },
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// Who can read Secrets, and knows what was given by hand.
pub trait SecretSource: Send + Sync {
    /// Reads one.
    fn read(&self, namespace: &str, name: &str) -> BoxFuture<'_, Result<Read, SecretError>>;

    /// A value that was given, by the words that say where it came from.
    fn given(&self, _words: &str) -> Option<Hidden> {
        None
    }
}

/// Values that were given by hand, by the words that say where each came from.
pub type Vault = BTreeMap<String, Hidden>;

/// Reads them from the API server.
pub struct KubeSecrets {
    client: Client,
    vault: Arc<Vault>,
}

impl KubeSecrets {
    /// With a client's permissions.
    pub fn new(client: &Client) -> Self {
        Self { client: client.clone(), vault: Arc::default() }
    }

    /// The same, with what was given by hand.
    #[must_use]
    pub fn with(self, vault: Arc<Vault>) -> Self {
        Self { vault, ..self }
    }
}

impl SecretSource for KubeSecrets {
    fn read(&self, namespace: &str, name: &str) -> BoxFuture<'_, Result<Read, SecretError>> {
        let (namespace, name) = (namespace.to_owned(), name.to_owned());
        Box::pin(async move {
            let unread = |why: String| SecretError::Unread { namespace: namespace.clone(), name: name.clone(), why };
            let path = Secret::url_path(&(), Some(&namespace));
            let request = Request::new(path).get(&name, &GetParams::default()).map_err(|e| unread(e.to_string()))?;
            // As text: where an object cannot be decoded, the client writes all of it to the log.
            match timeout(DEADLINE, self.client.request_text(request)).await {
                Ok(Ok(text)) => decoded(&Zeroizing::new(text)).map_err(|why| unread(why.to_owned())),
                Ok(Err(error)) => Err(match failure::status_of(&error) {
                    Some((403, _)) => SecretError::Forbidden { namespace, name },
                    Some((404, _)) => SecretError::Absent { namespace, name },
                    Some((_, message)) => unread(message),
                    None => unread(failure::words(&error)),
                }),
                Err(_) => Err(unread(format!("no answer within {} s", DEADLINE.as_secs()))),
            }
        })
    }

    fn given(&self, words: &str) -> Option<Hidden> {
        self.vault.get(words).cloned()
    }
}

/// A Secret as the API server writes it, as far as it is used.
#[derive(Deserialize)]
struct Written {
    metadata: Metadata,
    #[serde(default)]
    data: Option<BTreeMap<String, Zeroizing<String>>>,
}

#[derive(Deserialize)]
struct Metadata {
    #[serde(default, rename = "resourceVersion")]
    version: String,
}

/// A Secret from its text; the error holds nothing of it.
fn decoded(text: &str) -> Result<Read, &'static str> {
    let written: Written = serde_json::from_str(text).map_err(|_| "the answer is no readable Secret")?;
    let value = |(key, value): (String, Zeroizing<String>)| {
        let value = BASE64.decode(value.as_bytes()).map_err(|_| "a value is not base64")?;
        Ok((key, Hidden::new(value)))
    };
    let data = written.data.unwrap_or_default().into_iter().map(value).collect::<Result<_, &'static str>>()?;
    Ok(Read { version: written.metadata.version, data })
}

/// Knows no Secret: for installations that need none.
pub struct NoSecrets;

impl SecretSource for NoSecrets {
    fn read(&self, namespace: &str, name: &str) -> BoxFuture<'_, Result<Read, SecretError>> {
        let absent = SecretError::Absent { namespace: namespace.to_owned(), name: name.to_owned() };
        Box::pin(async move { Err(absent) })
    }
}

/// Secrets that were read lately.
pub struct Secrets {
    source: Arc<dyn SecretSource>,
    known: Mutex<HashMap<Place, (Instant, Arc<Read>)>>,
    /// Of several links that need a Secret at once, one reads it.
    reading: tokio::sync::Mutex<()>,
}

/// Namespace and name.
type Place = (String, String);

impl Secrets {
    /// Nothing is known yet.
    pub fn new(source: Arc<dyn SecretSource>) -> Self {
        Self { source, known: Mutex::default(), reading: tokio::sync::Mutex::default() }
    }

    fn known(&self) -> MutexGuard<'_, HashMap<Place, (Instant, Arc<Read>)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A Secret as it was at most `age` ago.
    async fn read(&self, at: &SecretKey, age: Duration) -> Result<Arc<Read>, SecretError> {
        let place = (at.namespace.clone(), at.name.clone());
        let fresh = || {
            let known = self.known();
            known.get(&place).filter(|(read, _)| read.elapsed() < age).map(|(_, secret)| Arc::clone(secret))
        };
        if let Some(secret) = fresh() {
            return Ok(secret);
        }
        let _one = self.reading.lock().await;
        if let Some(secret) = fresh() {
            return Ok(secret);
        }
        let result = self.source.read(&at.namespace, &at.name).await.map(Arc::new);
        let mut known = self.known();
        match &result {
            Ok(secret) => drop(known.insert(place, (Instant::now(), Arc::clone(secret)))),
            Err(_) => drop(known.remove(&place)),
        }
        result
    }

    /// One value as it was at most `age` ago, and the version of the Secret that it stands in.
    pub async fn value(&self, at: &Keep, age: Duration) -> Result<(Hidden, String), SecretError> {
        let (value, version) = match at {
            Keep::Given(words) => {
                let value = self.source.given(words).ok_or_else(|| SecretError::Forgotten { at: words.clone() })?;
                (value, String::new())
            }
            Keep::Secret(key) => {
                let secret = self.read(key, age).await?;
                let has = || secret.data.keys().cloned().collect();
                let value = secret.data.get(&key.key).cloned();
                (value.ok_or_else(|| SecretError::NoKey { at: key.clone(), has: has() })?, secret.version.clone())
            }
        };
        if value.reveal().is_empty() { Err(SecretError::Empty { at: at.clone() }) } else { Ok((value, version)) }
    }

    /// A password: the whole value, or the one at a place in a list with commas.
    pub async fn password(
        &self,
        at: &Keep,
        nth: Option<usize>,
        age: Duration,
    ) -> Result<(Hidden, String), SecretError> {
        let (value, version) = self.value(at, age).await?;
        let text = std::str::from_utf8(value.reveal()).map_err(|_| SecretError::NotText { at: at.clone() })?;
        let Some(nth) = nth else { return Ok((value, version)) };
        match text.split(',').nth(nth) {
            Some(password) => Ok((Hidden::new(password.as_bytes().to_vec()), version)),
            None => Err(SecretError::TooFew { at: at.clone(), has: text.split(',').count(), wanted: nth + 1 }),
        }
    }

    /// The version that a Secret has now, at most `age` ago; nothing when it cannot be read.
    pub async fn version(&self, at: &Keep, age: Duration) -> Option<String> {
        match at {
            // What was given stays as it is.
            Keep::Given(_) => Some(String::new()),
            Keep::Secret(key) => self.read(key, age).await.ok().map(|secret| secret.version.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    const AGE: Duration = Duration::from_secs(30);

    /// One Secret, `m/s`, with keys `password`, `list`, `empty` and `binary`; every reading is another version.
    #[derive(Default)]
    struct Shelf(AtomicUsize);

    impl SecretSource for Shelf {
        fn read(&self, namespace: &str, name: &str) -> BoxFuture<'_, Result<Read, SecretError>> {
            let count = self.0.fetch_add(1, Ordering::Relaxed) + 1;
            let there = (namespace, name) == ("m", "s");
            let absent = SecretError::Absent { namespace: namespace.into(), name: name.into() };
            Box::pin(async move {
                tokio::time::sleep(Duration::from_millis(10)).await;
                let data: [(&str, &[u8]); 4] =
                    [("password", b"hunter2"), ("list", b"a,b"), ("empty", b""), ("binary", &[0xff])];
                let data = data.map(|(key, value)| (key.to_owned(), Hidden::new(value.to_vec()))).into();
                if there { Ok(Read { version: count.to_string(), data }) } else { Err(absent) }
            })
        }
    }

    fn at(key: &str) -> Keep {
        SecretKey { namespace: "m".into(), name: "s".into(), key: key.into() }.into()
    }

    #[tokio::test(start_paused = true)]
    async fn a_missing_or_unusable_value_is_named_and_never_shown() {
        let secrets = Secrets::new(Arc::new(Shelf::default()));
        let error = |key: &'static str, nth| {
            let secrets = &secrets;
            async move { secrets.password(&at(key), nth, AGE).await.unwrap_err().to_string() }
        };
        assert_eq!(error("x", None).await, "secret m/s has no key x; it has binary, empty, list, password");
        assert_eq!(error("empty", None).await, "secret m/s key empty is empty");
        assert_eq!(error("binary", None).await, "secret m/s key binary is not UTF-8 text");
        assert_eq!(
            error("list", Some(2)).await,
            "secret m/s key list holds 2 passwords and the one numbered 3 is needed"
        );
        let (password, _) = secrets.password(&at("list"), Some(1), AGE).await.unwrap();
        assert_eq!((password.reveal(), format!("{password:?}")), (&b"b"[..], "…".to_owned()));
        let elsewhere = Keep::from(SecretKey { namespace: "m".into(), name: "t".into(), key: "x".into() });
        assert_eq!(secrets.value(&elsewhere, AGE).await.unwrap_err().to_string(), "there is no secret m/t");
    }

    #[tokio::test]
    async fn what_was_given_is_known_by_where_it_came_from() {
        struct Given;
        impl SecretSource for Given {
            fn read(&self, _: &str, _: &str) -> BoxFuture<'_, Result<Read, SecretError>> {
                unreachable!("no Secret is asked for")
            }
            fn given(&self, words: &str) -> Option<Hidden> {
                (words == "a.properties line 4").then(|| Hidden::new(b"hunter2".to_vec()))
            }
        }
        let secrets = Secrets::new(Arc::new(Given));
        let keep = |words: &str| Keep::Given(words.to_owned());
        let (password, version) = secrets.password(&keep("a.properties line 4"), None, AGE).await.unwrap();
        assert_eq!((password.reveal(), version.as_str()), (&b"hunter2"[..], ""));
        let error = secrets.value(&keep("the variable KAFDECK_PASSWORD"), AGE).await.unwrap_err();
        assert_eq!(error.to_string(), "the variable KAFDECK_PASSWORD is not known any more");
    }

    #[tokio::test(start_paused = true)]
    async fn links_that_need_a_secret_at_once_read_it_once_and_again_when_it_is_old() {
        let shelf = Arc::new(Shelf::default());
        let secrets = Secrets::new(shelf.clone());
        let place = at("password");
        let all = futures::future::join_all((0..8).map(|_| secrets.value(&place, AGE))).await;
        assert!(all.iter().all(|read| read.as_ref().is_ok_and(|(_, version)| version == "1")));
        tokio::time::sleep(AGE + Duration::from_secs(1)).await;
        assert_eq!(secrets.value(&place, AGE).await.unwrap().1, "2");
        assert_eq!(secrets.version(&place, Duration::ZERO).await.unwrap(), "3");
        assert_eq!(shelf.0.load(Ordering::Relaxed), 3);
    }
}
