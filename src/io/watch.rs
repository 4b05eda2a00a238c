//! Watches on the kinds of objects we know: one task and one connection a kind, shared by everything above.
//!
//! It lists, then watches, and tells facts. It keeps no store: a list is handed on whole, so that the
//! world can swap it, and whatever fails is told, waited for and begun anew with a list. `cmd` starts it.

use std::{fmt::Debug, pin::pin, sync::Arc, time::Duration};

use futures::{Stream, StreamExt};
use k8s_openapi::{
    NamespaceResourceScope,
    api::{
        apps::v1::{Deployment, StatefulSet},
        core::v1 as core,
        policy::v1::PodDisruptionBudget,
        storage::v1::StorageClass,
    },
};
use kube::{
    Api, Client, Resource,
    api::{ApiResource, DynamicObject, ListParams},
    core::GroupVersionKind,
    runtime::watcher::{Config, DefaultBackoff, Error, Event, watcher},
};
use serde::de::DeserializeOwned;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{
    FactSender,
    connect::{Cluster, ConnectOptions},
    failure, served, translate,
};
use crate::{
    clock::Clock,
    domain::{
        freshness::{FailureKind, Kind, SourceFailure},
        kubernetes::Object,
    },
    facts::{Body, Fact},
    task,
};

/// How many objects are asked for at once.
const PAGE: u32 = 500;
/// How long the next object of a list may take.
const LIST_DEADLINE: Duration = Duration::from_secs(30);
/// The longest wait before the next attempt.
const LONGEST_WAIT: Duration = Duration::from_secs(15);
/// How often a kind is asked for that the cluster does not have.
const MISSING_KIND_WAIT: Duration = Duration::from_secs(60);
/// How often is listed where watching is forbidden, and how many times until watching is tried again.
const POLL_WAIT: Duration = Duration::from_secs(5);
const POLLS: u32 = 60;

/// Which namespaces are watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// All of them.
    All,
    /// One.
    Namespace(String),
}

impl Scope {
    /// The namespace, unless all are watched.
    pub fn namespace(&self) -> Option<&str> {
        match self {
            Self::All => None,
            Self::Namespace(name) => Some(name),
        }
    }
}

/// The namespace that was asked for; else all if they may be listed; else the fallback, or the context's own.
pub async fn decide_scope(cluster: &Cluster, options: &ConnectOptions) -> Scope {
    if let Some(namespace) = &options.namespace {
        return Scope::Namespace(namespace.clone());
    }
    let pods: Api<core::Pod> = Api::all(cluster.client.clone());
    let one = ListParams::default().limit(1);
    match tokio::time::timeout(Duration::from_secs(5), pods.list_metadata(&one)).await {
        Ok(Err(error)) if failure::status_of(&error).is_some_and(|(code, _)| code == 403) => {
            let fallback = options.fallback.as_ref().unwrap_or(&cluster.connection.default_namespace);
            Scope::Namespace(fallback.clone())
        }
        // An outage says nothing about permissions: the watches will tell of it.
        _ => Scope::All,
    }
}

/// Starts a task for each kind. `refresh` ends the waits of those that failed; watches that live are left alone.
pub fn watch(
    cluster: &Cluster,
    scope: &Scope,
    clock: &Clock,
    facts: &FactSender,
    refresh: &Arc<Notify>,
    cancel: &CancellationToken,
) {
    for kind in Kind::ALL {
        let teller = Teller { kind, scope: scope.clone(), clock: clock.clone(), facts: facts.clone() };
        let start = Start { cluster, scope, teller, refresh: refresh.clone(), cancel };
        match kind {
            Kind::Pods => start.namespaced(|o: &core::Pod| Object::Pod(Box::new(translate::pod(o)))),
            Kind::Claims => {
                start.namespaced(|o: &core::PersistentVolumeClaim| Object::Claim(translate::claim(o)));
            }
            Kind::StatefulSets => start.namespaced(|o: &StatefulSet| Object::StatefulSet(translate::stateful_set(o))),
            Kind::Deployments => start.namespaced(|o: &Deployment| Object::Deployment(translate::deployment(o))),
            Kind::Services => start.namespaced(|o: &core::Service| Object::Service(translate::service(o))),
            Kind::Nodes => {
                let api: Api<core::Node> = Api::all(cluster.client.clone());
                start.run(api, |o| Object::Node(translate::node(o)));
            }
            Kind::Rules => {
                let api = custom(&cluster.client, scope, kind, "v1");
                start.run(api, |o| Object::Rule(translate::rule_object(o)));
            }
            Kind::Kafkas => start.served(|o| Object::Kafka(Box::new(translate::kafka(o)))),
            Kind::NodePools => start.served(|o| Object::NodePool(translate::node_pool(o))),
            Kind::PodSets => start.served(|o| Object::PodSet(translate::pod_set(o))),
            Kind::Users => start.served(|o| Object::User(translate::user(o))),
            Kind::Topics => start.served(|o| Object::Topic(translate::topic(o))),
            Kind::Budgets => start.namespaced(|o: &PodDisruptionBudget| Object::Budget(translate::budget(o))),
            Kind::Classes => {
                let api: Api<StorageClass> = Api::all(cluster.client.clone());
                start.run(api, |o| Object::Class(translate::class(o)));
            }
            // Read by name, by `io::configs` and `io::releases`; and watched by `events`.
            Kind::ConfigMaps | Kind::Releases | Kind::Events => {}
        }
    }
}

/// Starts to watch the events of one namespace; there may be thousands in others that nobody is shown.
pub fn events(
    cluster: &Cluster,
    namespace: String,
    clock: &Clock,
    facts: &FactSender,
    refresh: &Arc<Notify>,
    cancel: &CancellationToken,
) {
    let scope = Scope::Namespace(namespace);
    let teller = Teller { kind: Kind::Events, scope: scope.clone(), clock: clock.clone(), facts: facts.clone() };
    let start = Start { cluster, scope: &scope, teller, refresh: refresh.clone(), cancel };
    start.namespaced(|o: &core::Event| Object::Event(translate::happening(o)));
}

/// A kind that is not part of Kubernetes.
fn custom(client: &Client, scope: &Scope, kind: Kind, version: &str) -> Api<DynamicObject> {
    let known = GroupVersionKind::gvk(kind.group(), version, kind.singular());
    let resource = ApiResource::from_gvk_with_plural(&known, kind.resource());
    match scope {
        Scope::All => Api::all_with(client.clone(), &resource),
        Scope::Namespace(name) => Api::namespaced_with(client.clone(), name, &resource),
    }
}

/// A kind in the version that the cluster serves.
async fn serving(client: Client, scope: Scope, kind: Kind) -> Result<Api<DynamicObject>, Ended> {
    let what = || format!("ask for versions of {}", kind.group());
    match tokio::time::timeout(LIST_DEADLINE, served::version(&client, kind)).await {
        Ok(Ok(Some(version))) => Ok(custom(&client, &scope, kind, version)),
        Ok(Ok(None)) => Err(Ended::NoSuchKind),
        Ok(Err(error)) => Err(Ended::Failed(failure::classify(&error, &what()))),
        Err(_) => Err(Ended::Failed(failure::timed_out(&what(), LIST_DEADLINE))),
    }
}

/// What is needed to start one task.
struct Start<'a> {
    cluster: &'a Cluster,
    scope: &'a Scope,
    teller: Teller,
    refresh: Arc<Notify>,
    cancel: &'a CancellationToken,
}

impl Start<'_> {
    /// Starts the task of a kind that lives in namespaces.
    fn namespaced<K>(self, translate: fn(&K) -> Object)
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
        K: Clone + Debug + DeserializeOwned + Send + Sync + 'static,
    {
        let client = self.cluster.client.clone();
        let api = match self.scope {
            Scope::All => Api::all(client),
            Scope::Namespace(name) => Api::namespaced(client, name),
        };
        self.run(api, translate);
    }

    /// Starts the task of a kind whose version has to be asked for.
    fn served(self, translate: fn(&DynamicObject) -> Object) {
        let (client, scope, kind) = (self.cluster.client.clone(), self.scope.clone(), self.teller.kind);
        // Asked for again at each attempt: the versions change when the operator is upgraded.
        self.run_opened(move || serving(client.clone(), scope.clone(), kind), translate);
    }

    /// Starts the task.
    fn run<K>(self, api: Api<K>, translate: fn(&K) -> Object)
    where
        K: Resource + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
    {
        self.run_opened(move || std::future::ready(Ok(api.clone())), translate);
    }

    /// Starts the task, which asks for its resource before each attempt.
    fn run_opened<K, O>(self, open: impl Fn() -> O + Send + 'static, translate: fn(&K) -> Object)
    where
        K: Resource + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
        O: Future<Output = Result<Api<K>, Ended>> + Send + 'static,
    {
        let Self { teller, refresh, cancel, .. } = self;
        task::spawn(teller.kind.resource(), cancel, run(open, translate, teller, refresh));
    }
}

/// How one attempt at listing and watching ended.
#[derive(Debug, Clone)]
enum Ended {
    /// Nobody takes our facts any more.
    Closed,
    /// The place in the watch has expired, which is normal after a pause: list again.
    Expired,
    /// The kind is not there.
    NoSuchKind,
    /// Listing is allowed and watching is not.
    WatchDenied(SourceFailure),
    /// Anything else.
    Failed(SourceFailure),
}

/// Follows one kind until the facts are no longer taken.
async fn run<K, O>(open: impl Fn() -> O, translate: fn(&K) -> Object, teller: Teller, refresh: Arc<Notify>)
where
    K: Resource + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
    O: Future<Output = Result<Api<K>, Ended>>,
{
    // Doubles from 0.8 s with jitter, and starts over when two minutes went well.
    let mut waits = DefaultBackoff::default();
    let mut missing = false;
    loop {
        let opened = open().await;
        let ended = match &opened {
            Ok(api) => teller.follow(watcher(api.clone(), Config::default().page_size(PAGE)), translate).await,
            Err(ended) => ended.clone(),
        };
        let mut wait = waits.next().unwrap_or(LONGEST_WAIT).min(LONGEST_WAIT);
        let told = match ended {
            Ended::Closed => return,
            Ended::Expired => Ok(()),
            Ended::NoSuchKind => {
                wait = MISSING_KIND_WAIT;
                // Once: a kind that is not there is no news a minute later.
                let told = if missing { Ok(()) } else { teller.failed(no_such_kind(teller.kind)).await };
                missing = true;
                told
            }
            Ended::WatchDenied(why) => match &opened {
                Ok(api) => teller.poll(api, translate, why).await,
                Err(_) => teller.failed(why).await,
            },
            Ended::Failed(why) => teller.failed(why).await,
        };
        missing &= wait == MISSING_KIND_WAIT;
        if told.is_err() {
            return;
        }
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = refresh.notified() => {}
        }
    }
}

/// The failure that stands for a kind the cluster has not.
fn no_such_kind(kind: Kind) -> SourceFailure {
    SourceFailure {
        kind: FailureKind::Unsupported,
        what: format!("This cluster has no {} kind.", kind.singular()),
        hint: (kind == Kind::Rules)
            .then(|| "It comes with the Prometheus operator; without it there are no alert rules to read.".to_owned()),
    }
}

/// The receiver of our facts is gone.
struct Closed;

/// Tells the facts of one kind.
struct Teller {
    kind: Kind,
    scope: Scope,
    clock: Clock,
    facts: FactSender,
}

impl Teller {
    /// Tells one fact; waits while the channel is full.
    async fn tell(&self, body: Body) -> Result<(), Closed> {
        let fact = Fact::watched(self.kind, self.clock.now(), body);
        self.facts.send(fact).await.map_err(|_| Closed)
    }

    /// Tells a failure.
    async fn failed(&self, why: SourceFailure) -> Result<(), Closed> {
        tracing::debug!(kind = self.kind.resource(), why = why.what, "watch failed");
        self.tell(Body::Failed(why)).await
    }

    /// Passes events on until something fails. A list is gathered and told as one fact.
    async fn follow<K>(
        &self,
        events: impl Stream<Item = Result<Event<K>, Error>>,
        translate: fn(&K) -> Object,
    ) -> Ended {
        let mut events = pin!(events);
        let mut listing = Some(Vec::new());
        let mut listed = false;
        loop {
            let event = if listing.is_some() {
                match tokio::time::timeout(LIST_DEADLINE, events.next()).await {
                    Ok(event) => event,
                    Err(_) => return Ended::Failed(failure::timed_out(&self.trying("list"), LIST_DEADLINE)),
                }
            } else {
                events.next().await
            };
            let told = match event {
                Some(Ok(event)) => match step(event, &mut listing, translate) {
                    Some(body) => {
                        listed = true;
                        self.tell(body).await
                    }
                    None => Ok(()),
                },
                Some(Err(error)) => return self.ended(&error, listed),
                // kube's stream has no end.
                None => Err(Closed),
            };
            if told.is_err() {
                return Ended::Closed;
            }
        }
    }

    /// What an error of the stream means.
    fn ended(&self, error: &Error, listed: bool) -> Ended {
        let (error, verb) = match error {
            Error::InitialListFailed(error) => (error, "list"),
            Error::WatchStartFailed(error) | Error::WatchFailed(error) => (error, "watch"),
            Error::WatchError(status) => {
                return self.ended_by(&kube::Error::Api(status.clone()), "watch", listed);
            }
            Error::NoResourceVersion => {
                return Ended::Failed(SourceFailure {
                    kind: FailureKind::Garbage,
                    what: format!("Cannot {}: the answer has no resourceVersion.", self.trying("watch")),
                    hint: None,
                });
            }
        };
        self.ended_by(error, verb, listed)
    }

    /// What an error of the API server means.
    fn ended_by(&self, error: &kube::Error, verb: &str, listed: bool) -> Ended {
        let failed = failure::classify(error, &self.trying(verb));
        match failure::status_of(error).map(|(code, _)| code) {
            Some(404) => Ended::NoSuchKind,
            Some(410) if listed => Ended::Expired,
            Some(403) if verb == "watch" => Ended::WatchDenied(failed),
            _ => Ended::Failed(failed),
        }
    }

    /// Lists again and again where watching is forbidden. Ends after a while, so that watching is tried again.
    async fn poll<K>(&self, api: &Api<K>, translate: fn(&K) -> Object, denied: SourceFailure) -> Result<(), Closed>
    where
        K: Clone + Debug + DeserializeOwned,
    {
        let what = format!("{} It is listed every {} s instead.", denied.what, POLL_WAIT.as_secs());
        let why = SourceFailure { what, ..denied };
        for _ in 0..POLLS {
            match tokio::time::timeout(LIST_DEADLINE, list(api)).await {
                Ok(Ok(objects)) => {
                    let objects = objects.iter().map(translate).collect();
                    self.tell(Body::Polled { objects, why: why.clone() }).await?;
                }
                Ok(Err(error)) => self.failed(failure::classify(&error, &self.trying("list"))).await?,
                Err(_) => self.failed(failure::timed_out(&self.trying("list"), LIST_DEADLINE)).await?,
            }
            tokio::time::sleep(POLL_WAIT).await;
        }
        Ok(())
    }

    /// What is tried, as a phrase: `list pods in namespace kafka`.
    fn trying(&self, verb: &str) -> String {
        let resource = self.kind.resource();
        match self.scope.namespace() {
            _ if self.kind.is_cluster_wide() => format!("{verb} {resource}"),
            Some(namespace) => format!("{verb} {resource} in namespace {namespace}"),
            None => format!("{verb} {resource} in all namespaces"),
        }
    }
}

/// The fact that an event makes, if any: objects of a list are gathered until it is whole.
fn step<K>(event: Event<K>, listing: &mut Option<Vec<Object>>, translate: fn(&K) -> Object) -> Option<Body> {
    match event {
        Event::Init => *listing = Some(Vec::new()),
        Event::InitApply(object) => listing.get_or_insert_default().push(translate(&object)),
        Event::InitDone => return listing.take().map(Body::Listed),
        Event::Apply(object) => return Some(Body::Applied(Box::new(translate(&object)))),
        Event::Delete(object) => return Some(Body::Deleted(translate(&object).meta().key())),
    }
    None
}

/// All objects, page by page.
async fn list<K: Clone + Debug + DeserializeOwned>(api: &Api<K>) -> kube::Result<Vec<K>> {
    let mut page = ListParams::default().limit(PAGE);
    let mut objects = Vec::new();
    loop {
        let answer = api.list(&page).await?;
        objects.extend(answer.items);
        match answer.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => page = page.continue_token(&token),
            None => return Ok(objects),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Connection;
    use http::{Request, Response};
    use kube::client::Body as HttpBody;
    use serde_json::{Value, json};
    use tokio::sync::mpsc;

    /// A cluster that answers a path (with its query) from a table; watches stay open and silent.
    fn cluster(answer: fn(&str) -> (u16, Value)) -> Cluster {
        let service = tower::service_fn(move |request: Request<HttpBody>| async move {
            let path = request.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
            let (code, body) = answer(&path);
            if code == 200 && path.contains("watch=true") {
                std::future::pending::<()>().await;
            }
            let body = HttpBody::from(body.to_string().into_bytes());
            Response::builder().status(code).body(body).map_err(std::io::Error::other)
        });
        let connection = Connection { default_namespace: "mine".into(), ..Connection::default() };
        Cluster { client: kube::Client::new(service, "mine"), connection }
    }

    fn list_of(names: &[&str]) -> Value {
        let items: Vec<Value> = names.iter().map(|n| json!({"metadata": {"name": n, "namespace": "n"}})).collect();
        json!({"kind": "PodList", "apiVersion": "v1", "metadata": {"resourceVersion": "7"}, "items": items})
    }

    fn refusal(code: u16, message: &str) -> (u16, Value) {
        (code, json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "message": message}))
    }

    fn teller(kind: Kind, facts: FactSender) -> Teller {
        Teller { kind, scope: Scope::All, clock: Clock::real(), facts }
    }

    /// The first facts about pods, or about rules, of such a cluster.
    async fn first(kind: Kind, answer: fn(&str) -> (u16, Value), number: usize) -> Vec<Body> {
        let cluster = cluster(answer);
        let (facts, mut told) = mpsc::channel(16);
        let refresh = Arc::new(Notify::new());
        let cancel = CancellationToken::new();
        let start =
            Start { cluster: &cluster, scope: &Scope::All, teller: teller(kind, facts), refresh, cancel: &cancel };
        match kind {
            Kind::Rules => {
                start
                    .run(custom(&cluster.client, &Scope::All, kind, "v1"), |o| Object::Rule(translate::rule_object(o)));
            }
            Kind::Kafkas => start.served(|o| Object::Kafka(Box::new(translate::kafka(o)))),
            _ => start.namespaced(|o: &core::Pod| Object::Pod(Box::new(translate::pod(o)))),
        }
        let mut bodies = Vec::new();
        while bodies.len() < number {
            bodies.push(told.recv().await.expect("the task goes on").body);
        }
        cancel.cancel();
        bodies
    }

    #[tokio::test]
    async fn a_list_is_told_whole_and_then_each_change() {
        let (facts, mut told) = mpsc::channel(16);
        let pod = |name: &str| -> core::Pod { serde_json::from_value(json!({"metadata": {"name": name}})).unwrap() };
        let events = [
            Event::Init,
            Event::InitApply(pod("a")),
            Event::InitApply(pod("b")),
            Event::InitDone,
            Event::Apply(pod("c")),
            Event::Delete(pod("a")),
        ];
        let events = futures::stream::iter(events.into_iter().map(Ok));
        let teller = teller(Kind::Pods, facts);
        let ended = Box::pin(teller.follow(events, |o| Object::Pod(Box::new(translate::pod(o))))).await;
        drop(teller);
        assert!(matches!(ended, Ended::Closed));
        let names = |o: &Object| o.meta().name.clone();
        assert!(matches!(told.recv().await.unwrap().body, Body::Listed(l) if l.iter().map(names).eq(["a", "b"])));
        assert!(matches!(told.recv().await.unwrap().body, Body::Applied(o) if o.meta().name == "c"));
        assert!(matches!(told.recv().await.unwrap().body, Body::Deleted(key) if key.name == "a"));
        assert!(told.recv().await.is_none());
    }

    #[tokio::test]
    async fn an_empty_cluster_is_a_list_and_not_silence() {
        assert_eq!(first(Kind::Pods, |_| (200, list_of(&[])), 1).await, [Body::Listed(vec![])]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_list_is_told_each_time_it_is_tried() {
        let bodies = first(Kind::Pods, |_| refusal(403, "pods is forbidden"), 2).await;
        for body in bodies {
            let Body::Failed(why) = body else { panic!("{body:?}") };
            assert_eq!(why.kind, FailureKind::Forbidden);
            assert_eq!(why.what, "Cannot list pods in all namespaces: pods is forbidden.");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn where_watching_is_forbidden_it_is_listed_again_and_again() {
        let answer = |path: &str| {
            if path.contains("watch=true") { refusal(403, "no watch") } else { (200, list_of(&["a"])) }
        };
        let before = tokio::time::Instant::now();
        let bodies = first(Kind::Pods, answer, 4).await;
        assert!(matches!(&bodies[0], Body::Listed(l) if l.len() == 1));
        for body in &bodies[1..] {
            let Body::Polled { objects, why } = body else { panic!("{body:?}") };
            assert!(objects.len() == 1 && why.what.ends_with("listed every 5 s instead."), "{why:?}");
        }
        assert!(before.elapsed() >= POLL_WAIT * 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_kind_that_is_not_there_is_told_once_and_found_when_it_comes() {
        static ASKED: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let answer = |path: &str| {
            if !path.contains("watch=true") && ASKED.fetch_add(1, std::sync::atomic::Ordering::SeqCst) < 3 {
                refusal(404, "404 page not found")
            } else {
                (200, json!({"metadata": {"resourceVersion": "7"}, "items": []}))
            }
        };
        let before = tokio::time::Instant::now();
        let bodies = first(Kind::Rules, answer, 2).await;
        assert!(matches!(&bodies[0], Body::Failed(why) if why.what == "This cluster has no PrometheusRule kind."));
        assert_eq!(bodies[1], Body::Listed(vec![]));
        assert!(before.elapsed() >= MISSING_KIND_WAIT * 3);
    }

    #[tokio::test(start_paused = true)]
    async fn a_custom_kind_is_read_in_the_newest_version_that_is_served() {
        fn group(versions: &[&str]) -> Value {
            let versions: Vec<Value> = versions
                .iter()
                .map(|v| json!({"groupVersion": format!("kafka.strimzi.io/{v}"), "version": v}))
                .collect();
            json!({"kind": "APIGroup", "apiVersion": "v1", "name": "kafka.strimzi.io", "versions": versions})
        }
        let version = |bodies: &[Body]| match &bodies[0] {
            Body::Listed(objects) => match &objects[0] {
                Object::Kafka(kafka) => kafka.api_version.clone(),
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        };
        let both = |path: &str| match path {
            "/apis/kafka.strimzi.io" => (200, group(&["v1beta2", "v1"])),
            path if path.starts_with("/apis/kafka.strimzi.io/v1/kafkas") => (
                200,
                json!({"metadata": {"resourceVersion": "7"}, "items": [
                    {"apiVersion": "kafka.strimzi.io/v1", "kind": "Kafka", "metadata": {"name": "c"}}]}),
            ),
            _ => refusal(404, "404 page not found"),
        };
        assert_eq!(version(&first(Kind::Kafkas, both, 1).await), "kafka.strimzi.io/v1");
        let old = |path: &str| match path {
            "/apis/kafka.strimzi.io" => (200, group(&["v1beta2", "v1alpha1"])),
            path if path.starts_with("/apis/kafka.strimzi.io/v1beta2/kafkas") => (
                200,
                json!({"metadata": {"resourceVersion": "7"}, "items": [
                    {"apiVersion": "kafka.strimzi.io/v1beta2", "kind": "Kafka", "metadata": {"name": "c"}}]}),
            ),
            _ => refusal(404, "404 page not found"),
        };
        assert_eq!(version(&first(Kind::Kafkas, old, 1).await), "kafka.strimzi.io/v1beta2");
        let none = |_: &str| refusal(404, "404 page not found");
        let bodies = first(Kind::Kafkas, none, 1).await;
        assert!(matches!(&bodies[0], Body::Failed(why) if why.what == "This cluster has no Kafka kind."), "{bodies:?}");
    }

    #[tokio::test]
    async fn the_scope_is_what_was_asked_for_or_what_may_be_listed() {
        let all = cluster(|_| (200, list_of(&[])));
        assert_eq!(decide_scope(&all, &ConnectOptions::default()).await, Scope::All);
        let in_x = ConnectOptions { namespace: Some("x".into()), ..ConnectOptions::default() };
        assert_eq!(decide_scope(&all, &in_x).await, Scope::Namespace("x".into()));
        let narrow = cluster(|_| refusal(403, "no"));
        assert_eq!(decide_scope(&narrow, &ConnectOptions::default()).await, Scope::Namespace("mine".into()));
        let told = ConnectOptions { fallback: Some("told".into()), ..ConnectOptions::default() };
        assert_eq!(decide_scope(&narrow, &told).await, Scope::Namespace("told".into()));
        let down = cluster(|_| refusal(500, "down"));
        assert_eq!(decide_scope(&down, &ConnectOptions::default()).await, Scope::All);
    }

    #[test]
    fn an_expired_watch_is_listed_again_without_alarm() {
        let (facts, _told) = mpsc::channel(1);
        let teller = teller(Kind::Pods, facts);
        let gone = || Box::new(kube::core::Status { code: 410, ..kube::core::Status::default() });
        assert!(matches!(teller.ended(&Error::WatchError(gone()), true), Ended::Expired));
        assert!(matches!(teller.ended(&Error::WatchError(gone()), false), Ended::Failed(_)));
    }
}
