//! Kafka Connect as rows: workers, and connectors with their tasks, the worst first.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    domain::{
        connect::{ConnectCluster, Connector, Plugin, Tie, WorkerInfo, cause},
        freshness::{AskedWorkers, Freshness, Kind, Source, SourceState},
        ids::ObjectKey,
    },
    facts::ConnectBody,
};

use super::{Reading, groups::GroupRow};

/// What the workers of one Connect said.
#[derive(Debug, Default)]
pub struct ConnectWorld {
    /// What each worker says of itself, by pod.
    pub workers: BTreeMap<String, WorkerInfo>,
    /// All connectors; `None` before the first answer.
    pub connectors: Option<Vec<Connector>>,
    /// All plugins.
    pub plugins: Vec<Plugin>,
}

impl ConnectWorld {
    /// Takes an answer in; false when it says what was known already.
    pub fn apply(&mut self, worker: Option<&str>, body: ConnectBody) -> bool {
        match body {
            ConnectBody::Worker(info) => worker.is_some_and(|pod| {
                let changed = self.workers.get(pod) != Some(&info);
                self.workers.insert(pod.to_owned(), info);
                changed
            }),
            ConnectBody::Connectors(connectors) => {
                let next = Some(connectors);
                let changed = self.connectors != next;
                self.connectors = next;
                changed
            }
            ConnectBody::Plugins(plugins) => {
                let changed = self.plugins != plugins;
                self.plugins = plugins;
                changed
            }
        }
    }
}

/// Whether a Connect works for an installation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Belongs {
    /// A worker told the installation's own `cluster.id`.
    Proven,
    /// Its address or its place tells; no worker has told yet, or no broker has.
    Assumed,
    /// Nothing tells.
    Unknown,
    /// A worker told another `cluster.id`.
    Foreign,
}

/// One Connect and its workers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ConnectRow {
    /// Namespace and name of its workload.
    #[serde(serialize_with = "as_text")]
    pub cluster: ObjectKey,
    /// `group.id`.
    pub group: Option<String>,
    /// Whether it is this installation's.
    pub belongs: Belongs,
    /// Its workers, by pod.
    pub workers: Vec<WorkerRow>,
    /// Its plugins.
    pub plugins: Vec<Plugin>,
    /// How far its connectors can be trusted.
    #[serde(skip)]
    pub freshness: Freshness,
}

/// One worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WorkerRow {
    /// Its pod.
    pub pod: String,
    /// Whether the pod is Ready.
    pub ready: Option<bool>,
    /// Whether its REST interface answers; `None` before it was asked.
    pub answers: Option<bool>,
    /// Connect's version.
    pub version: Option<String>,
    /// Why it does not answer.
    pub why: Option<String>,
}

/// One connector, as a row.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ConnectorRow {
    /// Its name.
    pub name: String,
    /// Its class.
    pub connector: Option<String>,
    /// `source` or `sink`.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// Its own state, as the workers say it; `None` when it could not be read.
    pub state: Option<String>,
    /// Tasks, by id.
    pub tasks: Vec<TaskRow>,
    /// Tasks that have failed.
    pub failed_tasks: usize,
    /// Why the connector itself failed.
    pub trace: Option<String>,
    /// The worker that it runs on itself: the pod, else as the workers name it.
    pub worker: Option<String>,
    /// Workers that it and its tasks run on.
    pub workers: Vec<String>,
    /// Namespace and name of its Connect.
    #[serde(serialize_with = "as_text")]
    pub cluster: ObjectKey,
    /// Topics that it reads or writes, where its configuration says so.
    pub topics: Vec<String>,
    /// `tasks.max`.
    pub tasks_max: Option<u32>,
    /// The consumer group of a sink.
    pub group: Option<String>,
    /// That group's lag in records; `None` when it is not known, and for a source.
    pub lag: Option<i64>,
    /// True when some partition's lag is not known, so that `lag` is a lower bound.
    pub lag_incomplete: bool,
    /// What of it could not be read.
    pub error: Option<String>,
    /// True when the workers do not answer now.
    pub stale: bool,
}

/// One task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TaskRow {
    /// Its number.
    pub id: u32,
    /// Its state.
    pub state: String,
    /// The worker it runs on: the pod, else as the workers name it.
    pub worker: Option<String>,
    /// As the workers name it: `host:port`.
    pub worker_id: Option<String>,
    /// Why it failed.
    pub trace: Option<String>,
}

impl ConnectorRow {
    /// What failed, in one line: the connector's own cause, else that of the first task that failed.
    pub fn cause(&self) -> Option<&str> {
        let tasks = self.tasks.iter().filter_map(|task| task.trace.as_deref());
        self.error.as_deref().or_else(|| self.trace.as_deref().into_iter().chain(tasks).find_map(cause))
    }
}

/// An object's key as `NAMESPACE/NAME`.
fn as_text<S: serde::Serializer>(key: &ObjectKey, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{}/{}", key.namespace, key.name))
}

impl Reading<'_> {
    /// The Connects that are this installation's, as far as is known: not those that told another Kafka's id.
    pub fn connects(&self) -> impl Iterator<Item = &ConnectCluster> {
        self.installation.connect.iter().filter(|c| self.belongs(c) != Belongs::Foreign)
    }

    /// Whether a Connect works for this installation.
    pub fn belongs(&self, cluster: &ConnectCluster) -> Belongs {
        let told = self.told_by(&cluster.id);
        // What pods that are gone once said is no longer so.
        let workers = cluster.workers.iter().filter_map(|w| told?.workers.get(&w.at.pod.name));
        let ids: Vec<&String> = workers.filter_map(|info| info.kafka_cluster_id.as_ref()).collect();
        match self.kafka().and_then(|k| k.cluster_id.as_ref()) {
            Some(own) if ids.contains(&own) => Belongs::Proven,
            Some(_) if !ids.is_empty() => Belongs::Foreign,
            _ if cluster.tie == Tie::Open => Belongs::Unknown,
            _ => Belongs::Assumed,
        }
    }

    /// True for workers that are asked, and for their Connect.
    pub(super) fn is_asked(&self, cluster: &ObjectKey, worker: Option<&str>) -> bool {
        let mut asked = self.connects().filter(|c| c.id == *cluster);
        asked.any(|c| worker.is_none_or(|pod| c.workers.iter().any(|w| w.at.pod.name == pod)))
    }

    fn told_by(&self, cluster: &ObjectKey) -> Option<&super::ConnectWorld> {
        self.world.connect.get(&self.installation.id)?.get(cluster)
    }

    /// State of what workers are asked.
    fn workers_asked(&self, cluster: &ObjectKey, what: AskedWorkers, worker: Option<&str>) -> Freshness {
        let (installation, worker) = (self.installation.id.clone(), worker.map(str::to_owned));
        let source = Source::Connect { installation, cluster: cluster.clone(), what, worker };
        self.world.sources.freshness(&source, self.now)
    }

    /// All Connects with their workers.
    pub fn connect_rows(&self) -> Vec<ConnectRow> {
        let row = |cluster: &ConnectCluster| ConnectRow {
            cluster: cluster.id.clone(),
            group: cluster.group.clone(),
            belongs: self.belongs(cluster),
            workers: cluster.workers.iter().map(|w| self.worker_row(cluster, &w.at.pod)).collect(),
            plugins: self.told_by(&cluster.id).map(|t| t.plugins.clone()).unwrap_or_default(),
            freshness: self.connectors_of(cluster),
        };
        self.connects().map(row).collect()
    }

    /// How far the connectors of a Connect can be trusted; without a worker that is known without asking.
    fn connectors_of(&self, cluster: &ConnectCluster) -> Freshness {
        let fresh = self.workers_asked(&cluster.id, AskedWorkers::Connectors, None);
        let runs = |pod| self.world.kube.pods.get(pod).is_some_and(|p| p.phase == "Running");
        if fresh.state == SourceState::Live || cluster.workers.iter().any(|w| runs(&w.at.pod)) {
            return fresh;
        }
        let why = format!("no worker of Connect {} runs", cluster.id.name);
        let state = if fresh.as_of.is_some() { SourceState::Stale } else { SourceState::Blind };
        Freshness { state, why: Some(why), hint: None, ..fresh }
    }

    fn worker_row(&self, cluster: &ConnectCluster, pod: &ObjectKey) -> WorkerRow {
        let fresh = self.workers_asked(&cluster.id, AskedWorkers::Contact, Some(&pod.name));
        let source = Source::Connect {
            installation: self.installation.id.clone(),
            cluster: cluster.id.clone(),
            what: AskedWorkers::Contact,
            worker: Some(pod.name.clone()),
        };
        let is_settled = self.world.sources.is_settled(&source);
        let info = self.told_by(&cluster.id).and_then(|t| t.workers.get(&pod.name));
        WorkerRow {
            pod: pod.name.clone(),
            ready: self.world.kube.pods.get(pod).and_then(|p| p.ready),
            answers: is_settled.then_some(fresh.state == SourceState::Live),
            version: info.map(|i| i.version.clone()),
            why: fresh.why.filter(|_| is_settled),
        }
    }

    /// All connectors, by Connect and name.
    pub fn connectors(&self, groups: &[GroupRow]) -> Vec<ConnectorRow> {
        let mut rows = Vec::new();
        for cluster in self.connects() {
            let stale = self.connectors_of(cluster).state != SourceState::Live;
            let known = self.told_by(&cluster.id).and_then(|t| t.connectors.as_ref());
            let pods = self.pods_by_address(cluster);
            rows.extend(known.into_iter().flatten().map(|c| connector_row(c, cluster, &pods, groups, stale)));
        }
        rows
    }

    /// Workers' pods by the names under which workers know each other.
    fn pods_by_address(&self, cluster: &ConnectCluster) -> BTreeMap<String, String> {
        let mut pods = BTreeMap::new();
        for key in cluster.workers.iter().map(|w| &w.at.pod) {
            pods.insert(key.name.clone(), key.name.clone());
            pods.extend(self.world.kube.pods.get(key).and_then(|p| p.ip.clone()).map(|ip| (ip, key.name.clone())));
        }
        pods
    }

    /// How far the connectors of all Connects can be trusted; where there is none, pods tell that there is none.
    pub fn connect_freshness(&self) -> Freshness {
        let all = self.connects().map(|cluster| self.connectors_of(cluster));
        all.reduce(Freshness::worst).unwrap_or_else(|| self.watch(Kind::Pods))
    }
}

/// The pod behind `host:port`, else the text itself. A StatefulSet's pods name themselves in full.
fn worker(id: &str, pods: &BTreeMap<String, String>) -> String {
    let host = id.rsplit_once(':').map_or(id, |(host, _port)| host);
    let found = pods.get(host).or_else(|| pods.get(host.split('.').next().unwrap_or(host)));
    found.cloned().unwrap_or_else(|| id.to_owned())
}

fn connector_row(
    from: &Connector,
    cluster: &ConnectCluster,
    pods: &BTreeMap<String, String>,
    groups: &[GroupRow],
    stale: bool,
) -> ConnectorRow {
    let named = |id: &Option<String>| id.as_deref().map(|id| worker(id, pods));
    let tasks: Vec<TaskRow> = from
        .tasks
        .iter()
        .map(|task| TaskRow {
            id: task.id,
            state: task.state.clone(),
            worker: named(&task.worker),
            worker_id: task.worker.clone(),
            trace: task.trace.clone(),
        })
        .collect();
    let own = named(&from.worker);
    let mut workers: Vec<String> = own.iter().chain(tasks.iter().filter_map(|t| t.worker.as_ref())).cloned().collect();
    workers.sort();
    workers.dedup();
    let group = from.group.as_ref().and_then(|id| groups.binary_search_by(|g| g.id.as_str().cmp(id)).ok());
    let group = group.and_then(|at| groups.get(at));
    ConnectorRow {
        name: from.name.clone(),
        connector: from.class.clone(),
        kind: from.kind.clone(),
        state: from.state.clone(),
        failed_tasks: from.failed_tasks(),
        tasks,
        trace: from.trace.clone(),
        worker: own,
        workers,
        cluster: cluster.id.clone(),
        topics: from.topics.clone(),
        tasks_max: from.tasks_max,
        group: from.group.clone(),
        lag: group.and_then(|g| g.lag),
        lag_incomplete: group.is_some_and(|g| g.lag_incomplete),
        error: from.error.clone(),
        stale,
    }
}
