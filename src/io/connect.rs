//! From a kubeconfig to a client: kubectl's conventions, our own connector.
//!
//! It asks the cluster nothing and knows nothing of what is watched. `cmd` and `main` call it, once.

use std::{
    env,
    path::{Path, PathBuf},
    time::Duration,
};

use http::{HeaderName, HeaderValue, Uri};
use hyper_timeout::TimeoutConnector;
use hyper_util::{
    client::legacy::{Client as Hyper, connect::HttpConnector},
    rt::TokioExecutor,
};
use kube::{
    Client, Config,
    client::{ClientBuilder, ConfigExt},
    config::{ExecInteractiveMode, KubeConfigOptions, Kubeconfig, KubeconfigError},
};
use thiserror::Error;
use tower::{BoxError, ServiceBuilder};
use tower_http::decompression::DecompressionLayer;

use super::failure;
use crate::{
    errors::{Failure, FailureKind},
    facts::Connection,
    sandbox, task,
};

pub mod in_memory;

/// How long reading the configuration and running a credential plugin may take together.
const BUILD_DEADLINE: Duration = Duration::from_secs(30);
/// How long TCP and TLS may take until the API server is given up.
const CONNECT_DEADLINE: Duration = Duration::from_secs(5);
/// A connection that was silent for this long is probed, so that a dead watch is noticed in half a minute, not in five.
const KEEPALIVE: Duration = Duration::from_secs(15);
/// How long sent bytes may stay unacknowledged.
#[cfg(target_os = "linux")]
const UNACKNOWLEDGED: Duration = Duration::from_secs(20);

/// What the command line says about where to connect.
#[derive(Clone, Debug, Default)]
pub struct ConnectOptions {
    /// `--kubeconfig`; without it `KUBECONFIG`, then `~/.kube/config`.
    pub kubeconfig: Option<PathBuf>,
    /// `--context`; without it the current one.
    pub context: Option<String>,
    /// `--namespace`; without it the whole cluster as far as it may be listed.
    pub namespace: Option<String>,
    /// Where to look if the whole cluster may not be listed, instead of the context's own namespace.
    pub fallback: Option<String>,
    /// A cluster in memory, opened instead of what any kubeconfig names.
    pub sandbox: Option<sandbox::Setup>,
}

/// A cluster we can talk to. Cheap to clone; all clones share their connections.
#[derive(Clone)]
pub struct Cluster {
    /// The client.
    pub client: Client,
    /// Where it leads; the version is not known before the first heartbeat.
    pub connection: Connection,
}

/// Why there is no client.
#[derive(Debug, Error)]
pub enum ConnectError {
    /// No kubeconfig anywhere, and not inside a cluster.
    #[error("no kubeconfig was found (looked at {})", paths(.looked))]
    NoKubeconfig { looked: Vec<PathBuf> },
    /// The context asked for is not there.
    #[error("the kubeconfig has no context {context:?}")]
    NoSuchContext { context: String, available: Vec<String> },
    /// No context was asked for and none is current.
    #[error("the kubeconfig has no current context")]
    NoCurrentContext { available: Vec<String> },
    /// A kubeconfig file cannot be used.
    #[error("kubeconfig {} cannot be used: {why}", .path.display())]
    BadKubeconfig { path: PathBuf, why: String },
    /// The credential plugin or the token of the user failed.
    #[error("cannot get credentials for context {context:?}: {why}")]
    Plugin { context: String, why: String },
    /// The client could not be built from the configuration.
    #[error("cannot set up a client for {server}: {why}")]
    Client { server: String, why: String },
}

/// Builds a client for the cluster that the options and the environment name. Makes no request.
pub async fn connect(options: &ConnectOptions) -> Result<Cluster, ConnectError> {
    if let Some(setup) = &options.sandbox {
        return Ok(in_memory::connect(setup.clone(), options));
    }
    let context = options.context.clone().unwrap_or_else(|| "(current)".to_owned());
    match tokio::time::timeout(BUILD_DEADLINE, build(options.clone())).await {
        Ok(result) => result,
        Err(_) => Err(ConnectError::Plugin {
            context,
            why: format!("the credential plugin did not finish within {} s", BUILD_DEADLINE.as_secs()),
        }),
    }
}

/// `connect` without its deadline.
async fn build(options: ConnectOptions) -> Result<Cluster, ConnectError> {
    let explicit = options.kubeconfig.clone();
    let loaded = joined(task::blocking(move || load(explicit.as_deref())).await, "the kubeconfig")??;
    let (context, mut config) = match loaded.merged {
        Some(merged) => from_kubeconfig(merged, &options, &loaded.looked).await?,
        None if options.context.is_none() && options.kubeconfig.is_none() => {
            let config = Config::incluster().map_err(|_| ConnectError::NoKubeconfig { looked: loaded.looked })?;
            ("in-cluster".to_owned(), config)
        }
        None => return Err(ConnectError::NoKubeconfig { looked: loaded.looked }),
    };
    prepare(&mut config);
    let connection = Connection {
        context: context.clone(),
        server: address(&config.cluster_url),
        namespace: options.namespace.clone(),
        default_namespace: config.default_namespace.clone(),
        version: None,
    };
    let server = connection.server.clone();
    // The plugin runs inside: a blocking process.
    let built = joined(task::blocking(move || client(config)).await, &server)?;
    let client = built.map_err(|error| match &error {
        kube::Error::Auth(auth) => ConnectError::Plugin { context, why: failure::plugin_words(auth) },
        other => ConnectError::Client { server, why: failure::words(other) },
    })?;
    Ok(Cluster { client, connection })
}

/// The result of blocking work, unless it was lost with the runtime.
fn joined<T>(result: Result<T, tokio::task::JoinError>, server: &str) -> Result<T, ConnectError> {
    result.map_err(|error| ConnectError::Client { server: server.to_owned(), why: error.to_string() })
}

/// Kubeconfig files as far as they exist.
#[derive(Debug)]
struct Loaded {
    /// Merged by kubectl's rules; `None` when there is no file, or nothing in them.
    merged: Option<Kubeconfig>,
    /// Where was looked.
    looked: Vec<PathBuf>,
}

/// Reads and merges the files of `--kubeconfig`, else `KUBECONFIG`, else the home directory.
fn load(explicit: Option<&Path>) -> Result<Loaded, ConnectError> {
    let looked = match explicit {
        Some(path) => vec![path.to_owned()],
        None => candidates(env::var_os("KUBECONFIG"), env::home_dir()),
    };
    let mut merged: Option<Kubeconfig> = None;
    for path in &looked {
        // Like kubectl, a missing file of the list is skipped; one that was asked for by name is not.
        if explicit.is_none() && !path.exists() {
            continue;
        }
        let bad = |error: KubeconfigError| ConnectError::BadKubeconfig { path: path.clone(), why: file_words(&error) };
        let next = Kubeconfig::read_from(path).map_err(bad)?;
        merged = Some(merged.unwrap_or_default().merge(next).map_err(bad)?);
    }
    let merged = merged.filter(|config| explicit.is_some() || !config.clusters.is_empty());
    Ok(Loaded { merged, looked })
}

/// The files to look at when none was named: those of `KUBECONFIG`, else the one in the home directory.
pub fn candidates(listed: Option<std::ffi::OsString>, home: Option<PathBuf>) -> Vec<PathBuf> {
    let listed: Vec<PathBuf> =
        listed.map(|l| env::split_paths(&l).filter(|p| !p.as_os_str().is_empty()).collect()).unwrap_or_default();
    if listed.is_empty() { home.map(|h| h.join(".kube").join("config")).into_iter().collect() } else { listed }
}

/// The configuration of the context that was asked for, or of the current one, and its name.
async fn from_kubeconfig(
    merged: Kubeconfig,
    options: &ConnectOptions,
    looked: &[PathBuf],
) -> Result<(String, Config), ConnectError> {
    let available = contexts(&merged);
    let context = match options.context.clone().or_else(|| merged.current_context.clone().filter(|c| !c.is_empty())) {
        Some(context) if available.contains(&context) => context,
        Some(context) => return Err(ConnectError::NoSuchContext { context, available }),
        None => return Err(ConnectError::NoCurrentContext { available }),
    };
    let wanted = KubeConfigOptions { context: Some(context.clone()), cluster: None, user: None };
    let config = Config::from_custom_kubeconfig(merged, &wanted).await.map_err(|error| {
        let path = looked.first().cloned().unwrap_or_default();
        ConnectError::BadKubeconfig { path, why: format!("context {context:?}: {}", file_words(&error)) }
    })?;
    Ok((context, config))
}

/// Names of the contexts, sorted.
fn contexts(config: &Kubeconfig) -> Vec<String> {
    let mut names: Vec<String> = config.contexts.iter().map(|c| c.name.clone()).collect();
    names.sort();
    names
}

/// Settings that are ours whatever the kubeconfig says.
fn prepare(config: &mut Config) {
    config.connect_timeout = Some(CONNECT_DEADLINE);
    if let Some(exec) = &mut config.auth_info.exec {
        // Otherwise the plugin reads our keys and writes over our screen.
        exec.interactive_mode = Some(ExecInteractiveMode::Never);
    }
    // So that our share of the requests can be told in the API server's audit log and metrics.
    let agent = HeaderValue::from_static(concat!("kafdeck/", env!("CARGO_PKG_VERSION")));
    config.headers.push((HeaderName::from_static("user-agent"), agent));
}

/// The client over our own connector; over a proxy, kube's.
fn client(mut config: Config) -> Result<Client, kube::Error> {
    // A budget's 429 is an answer, and after a 504 nobody knows what has happened: whoever asks decides about asking
    // again. kube would do so fifteen times.
    config.default_retry = false;
    if config.proxy_url.is_some() {
        return Ok(ClientBuilder::try_from(config)?.build());
    }
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    // With Nagle's algorithm a dial waits for a delayed acknowledgement: 53 ms instead of 9.
    http.set_nodelay(true);
    http.set_connect_timeout(Some(CONNECT_DEADLINE));
    http.set_keepalive(Some(KEEPALIVE));
    http.set_keepalive_interval(Some(Duration::from_secs(5)));
    http.set_keepalive_retries(Some(3));
    #[cfg(target_os = "linux")]
    http.set_tcp_user_timeout(Some(UNACKNOWLEDGED));
    let auth = config.auth_layer()?;
    let mut tls = config.clone();
    if auth.is_some() {
        // A plugin that gave a token gives no certificate: it would be run again, only to be told so.
        tls.auth_info.exec = None;
    }
    let mut connector = TimeoutConnector::new(tls.rustls_https_connector_with_connector(http)?);
    // Of the TLS handshake too.
    connector.set_connect_timeout(Some(CONNECT_DEADLINE));
    let gzip = DecompressionLayer::new().gzip(!config.disable_compression);
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .layer(gzip)
        .option_layer(auth)
        .layer(config.extra_headers_layer()?)
        .map_err(BoxError::from)
        .service(Hyper::builder(TokioExecutor::new()).build(connector));
    Ok(Client::new(service, config.default_namespace))
}

/// The server's address without credentials, path kept.
fn address(url: &Uri) -> String {
    let host = url.authority().map_or("", |a| a.as_str().rsplit('@').next().unwrap_or_default());
    let path = url.path().trim_end_matches('/');
    format!("{}://{host}{path}", url.scheme_str().unwrap_or("https"))
}

/// The cause's words, without the path that the error's own message repeats.
fn file_words(error: &KubeconfigError) -> String {
    match error {
        KubeconfigError::ReadConfig(io, _) => io.to_string(),
        other => other.to_string(),
    }
}

/// Paths as a list in a sentence.
fn paths(looked: &[PathBuf]) -> String {
    if looked.is_empty() {
        return "no path: HOME is not set".to_owned();
    }
    looked.iter().map(|p| p.display().to_string()).collect::<Vec<_>>().join(", ")
}

/// A hint that names the contexts there are.
fn choose(available: &[String]) -> String {
    if available.is_empty() {
        "The kubeconfig names no context at all: check --kubeconfig and KUBECONFIG.".to_owned()
    } else {
        format!("Give one with --context: {}", available.join(", "))
    }
}

impl From<ConnectError> for Failure {
    fn from(error: ConnectError) -> Self {
        let what = "cannot connect to a cluster";
        let kind = match error {
            ConnectError::Plugin { .. } | ConnectError::Client { .. } => FailureKind::Unobservable,
            _ => FailureKind::Usage,
        };
        let failure = Self::new(kind, what).why(&error);
        match &error {
            ConnectError::NoKubeconfig { .. } => {
                failure.hint("Set KUBECONFIG or give --kubeconfig PATH; check with: kubectl config view --minify")
            }
            ConnectError::NoSuchContext { available, .. } | ConnectError::NoCurrentContext { available } => {
                failure.hint(choose(available))
            }
            ConnectError::BadKubeconfig { .. } => failure.hint("Check the file with: kubectl config view --minify"),
            ConnectError::Plugin { .. } => {
                failure.hint("Log in to the cluster in this terminal, then try again: kubectl version")
            }
            ConnectError::Client { .. } => failure.hint("Check the cluster's entry with: kubectl config view --minify"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    const CONFIG: &str = "
apiVersion: v1
kind: Config
current-context: two
clusters:
- {name: c, cluster: {server: 'https://user:pw@example.test:6443/k8s/'}}
users:
- name: u
  user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: sh, args: [-c, 'echo go and log in >&2; exit 3']}}
contexts:
- {name: two, context: {cluster: c, namespace: kafka}}
- {name: one, context: {cluster: c, user: u}}
";

    fn file(text: &str) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file
    }

    fn options(path: &Path, context: Option<&str>) -> ConnectOptions {
        ConnectOptions {
            kubeconfig: Some(path.to_owned()),
            context: context.map(Into::into),
            ..ConnectOptions::default()
        }
    }

    #[tokio::test]
    async fn the_current_context_and_its_namespace_are_used_and_credentials_are_not_shown() {
        let file = file(CONFIG);
        let cluster = connect(&options(file.path(), None)).await.map_err(|e| e.to_string());
        let connection = cluster.unwrap_or_else(|e| panic!("{e}")).connection;
        assert_eq!(connection.context, "two");
        assert_eq!(connection.default_namespace, "kafka");
        assert_eq!(connection.namespace, None);
        assert_eq!(connection.server, "https://example.test:6443/k8s");
    }

    #[tokio::test]
    async fn an_unknown_context_is_answered_with_those_there_are() {
        let file = file(CONFIG);
        let Err(error) = connect(&options(file.path(), Some("three"))).await else { panic!("there is no three") };
        let failure = Failure::from(error);
        assert_eq!(failure.kind, FailureKind::Usage);
        assert_eq!(failure.hints, ["Give one with --context: one, two"]);
    }

    #[tokio::test]
    async fn a_plugin_that_fails_is_quoted() {
        let file = file(CONFIG);
        let Err(error) = connect(&options(file.path(), Some("one"))).await else { panic!("the plugin fails") };
        let failure = Failure::from(error);
        assert_eq!(failure.kind, FailureKind::Unobservable);
        assert!(failure.why.unwrap().contains("go and log in"));
    }

    #[tokio::test]
    async fn a_file_that_is_missing_or_no_kubeconfig_is_named() {
        let Err(error) = connect(&options(Path::new("/nonexistent/kubeconfig"), None)).await else { panic!() };
        assert!(error.to_string().contains("/nonexistent/kubeconfig"), "{error}");
        let file = file("- just\n- a list\n");
        let Err(error) = connect(&options(file.path(), None)).await else { panic!() };
        assert!(matches!(error, ConnectError::BadKubeconfig { .. }), "{error}");
        assert_eq!(Failure::from(error).kind, FailureKind::Usage);
    }

    #[tokio::test]
    async fn without_a_current_context_one_must_be_given() {
        let file = file("apiVersion: v1\nkind: Config\ncontexts: null\n");
        let Err(error) = connect(&options(file.path(), None)).await else { panic!() };
        assert!(matches!(error, ConnectError::NoCurrentContext { .. }), "{error}");
    }

    #[test]
    fn kubeconfig_lists_several_files_and_the_home_directory_is_the_last_resort() {
        let home = Some(PathBuf::from("/home/me"));
        assert_eq!(candidates(Some("/a::/b".into()), home.clone()), [PathBuf::from("/a"), PathBuf::from("/b")]);
        assert_eq!(candidates(Some("".into()), home.clone()), [PathBuf::from("/home/me/.kube/config")]);
        assert_eq!(candidates(None, home), [PathBuf::from("/home/me/.kube/config")]);
        assert!(candidates(None, None).is_empty());
    }
}
