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

    /// How far the connectors of one Connect can be trusted.
    pub fn connectors_seen(&self, cluster: &ObjectKey) -> Freshness {
        self.workers_asked(cluster, AskedWorkers::Connectors, None)
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

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta, Utc};

    use super::*;
    use crate::{
        domain::{
            connect::{Task, Worker},
            freshness::{Asked, FailureKind, SourceFailure},
            ids::InstallationId,
            installation::{AddressBook, Installation, PodPort},
            kubernetes::{Meta, Object, Pod},
        },
        facts::{Body, Fact, KafkaBody, Metadata},
        world::World,
    };

    const AT: DateTime<Utc> = DateTime::from_timestamp(1_800_000_000, 0).unwrap();

    fn key(name: &str) -> ObjectKey {
        ObjectKey::new("n", name)
    }

    fn installation(tie: Tie) -> Installation {
        let worker = Worker {
            at: PodPort { pod: key("connect-0"), port: 8083 },
            container: "c".into(),
            tls: false,
            evidence: Vec::new(),
        };
        let (group, bootstrap) = (None, Vec::new());
        let connect = ConnectCluster { id: key("connect"), group, bootstrap, workers: vec![worker], tie };
        Installation { id: InstallationId::new("n", "kafka"), connect: vec![connect], ..Installation::default() }
    }

    fn tell(world: &mut World, what: AskedWorkers, worker: Option<&str>, body: Body) {
        let installation = InstallationId::new("n", "kafka");
        let source = Source::Connect { installation, cluster: key("connect"), what, worker: worker.map(Into::into) };
        world.apply(Fact { source, seen_at: AT, body });
    }

    /// A world whose Kafka is `k` and whose worker runs at an address.
    fn world() -> World {
        let mut world = World::default();
        world.apply(Fact { source: Source::Link, seen_at: AT, body: Body::Heartbeat { sent_at: AT } });
        let pod = |name: &str, ip: &str| Pod {
            meta: Meta { namespace: "n".into(), name: name.into(), ..Meta::default() },
            phase: "Running".into(),
            ip: Some(ip.into()),
            ready: Some(true),
            ..Pod::default()
        };
        let objects = vec![Object::Pod(Box::new(pod("connect-0", "10.0.0.7")))];
        world.apply(Fact::watched(Kind::Pods, AT, Body::Listed(objects)));
        let metadata = Metadata { cluster_id: Some("k".into()), ..Metadata::default() };
        let source =
            Source::Kafka { installation: InstallationId::new("n", "kafka"), what: Asked::Metadata, broker: None };
        world.apply(Fact { source, seen_at: AT, body: Body::Kafka(KafkaBody::Metadata(metadata)) });
        world
    }

    fn says(id: &str) -> Body {
        Body::Connect(ConnectBody::Worker(WorkerInfo { version: "4.1.2".into(), kafka_cluster_id: Some(id.into()) }))
    }

    fn sink(workers: &[&str]) -> Body {
        let task = |(id, worker): (usize, &&str)| Task {
            id: id as u32,
            state: "RUNNING".into(),
            worker: Some((*worker).into()),
            trace: None,
        };
        let connector = Connector {
            name: "sink".into(),
            state: Some("RUNNING".into()),
            group: Some("connect-sink".into()),
            worker: workers.first().map(|w| (*w).to_owned()),
            tasks: workers.iter().enumerate().map(task).collect(),
            ..Connector::default()
        };
        Body::Connect(ConnectBody::Connectors(vec![connector]))
    }

    fn freshness(world: &World, installation: &Installation) -> Freshness {
        read(world, installation, |reading| {
            let fresh = reading.connect_freshness();
            assert_eq!(reading.connect_rows().len(), installation.connect.len());
            fresh
        })
    }

    fn read<T>(world: &World, installation: &Installation, of: impl FnOnce(&Reading<'_>) -> T) -> T {
        let book = AddressBook::default();
        of(&Reading { world, installation, book: &book, now: AT + TimeDelta::seconds(1), counted: None })
    }

    #[test]
    fn the_cluster_s_id_proves_whose_a_connect_is_and_one_of_another_kafka_is_not_shown() {
        let mut world = world();
        let belongs = |world: &World, tie| {
            let installation = installation(tie);
            read(world, &installation, |r| (r.belongs(&installation.connect[0]), r.connect_rows().len()))
        };
        assert_eq!(belongs(&world, Tie::Open), (Belongs::Unknown, 1));
        assert_eq!(belongs(&world, Tie::Alone), (Belongs::Assumed, 1));
        // What another pod once said counts no more.
        tell(&mut world, AskedWorkers::Contact, Some("connect-9"), says("other"));
        assert_eq!(belongs(&world, Tie::Address), (Belongs::Assumed, 1));
        tell(&mut world, AskedWorkers::Contact, Some("connect-0"), says("k"));
        assert_eq!(belongs(&world, Tie::Open), (Belongs::Proven, 1));
        tell(&mut world, AskedWorkers::Contact, Some("connect-0"), says("other"));
        tell(&mut world, AskedWorkers::Connectors, None, sink(&["10.0.0.7:8083"]));
        assert_eq!(belongs(&world, Tie::Address), (Belongs::Foreign, 0));
        let none = read(&world, &installation(Tie::Address), |r| r.connectors(&[]).len());
        assert_eq!(none, 0);
    }

    #[test]
    fn a_worker_s_address_is_told_as_its_pod_where_it_is_one() {
        let mut world = world();
        tell(
            &mut world,
            AskedWorkers::Connectors,
            None,
            sink(&["10.0.0.7:8083", "connect-0.c.n.svc:8083", "9.9.9.9:1"]),
        );
        let rows = read(&world, &installation(Tie::Alone), |r| r.connectors(&[]));
        let workers: Vec<_> = rows[0].tasks.iter().map(|t| t.worker.as_deref().unwrap()).collect();
        assert_eq!(workers, ["connect-0", "connect-0", "9.9.9.9:1"]);
        assert_eq!(rows[0].workers, ["9.9.9.9:1", "connect-0"]);
        assert_eq!((rows[0].worker.as_deref(), rows[0].lag, rows[0].stale), (Some("connect-0"), None, false));
    }

    #[test]
    fn a_row_is_written_with_the_names_that_scripts_know() {
        let mut world = world();
        tell(&mut world, AskedWorkers::Connectors, None, sink(&["10.0.0.7:8083"]));
        let rows = read(&world, &installation(Tie::Alone), |r| r.connectors(&[]));
        let row = serde_json::to_value(&rows[0]).unwrap();
        for field in ["name", "connector", "state", "tasks", "type", "lag", "workers", "cluster"] {
            assert!(row.get(field).is_some(), "{field} is missing in {row}");
        }
        assert_eq!(row["cluster"], "n/connect");
        for field in ["id", "state", "worker", "trace"] {
            assert!(row["tasks"][0].get(field).is_some(), "{field} is missing in {row}");
        }
    }

    #[test]
    fn what_workers_told_stays_known_and_old_when_they_fall_silent_or_are_gone() {
        let mut world = world();
        tell(&mut world, AskedWorkers::Connectors, None, sink(&["10.0.0.7:8083"]));
        let failure = SourceFailure { kind: FailureKind::Timeout, what: "rebalancing".into(), hint: None };
        tell(&mut world, AskedWorkers::Connectors, None, Body::Failed(failure));
        let installation = installation(Tie::Alone);
        let (rows, fresh) = read(&world, &installation, |r| (r.connectors(&[]), r.connect_freshness()));
        assert_eq!((rows.len(), rows[0].stale, fresh.state), (1, true, SourceState::Stale));
        assert_eq!((fresh.as_of, fresh.why.as_deref()), (Some(AT), Some("rebalancing")));
        world.apply(Fact::watched(Kind::Pods, AT, Body::Listed(Vec::new())));
        let fresh = freshness(&world, &installation);
        assert_eq!(fresh.why.as_deref(), Some("no worker of Connect connect runs"));
    }

    #[test]
    fn without_a_connect_the_pods_tell_that_there_is_none() {
        let fresh = freshness(&world(), &Installation::default());
        assert_eq!(fresh.state, SourceState::Live);
    }
}
