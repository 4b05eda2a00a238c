//! Kafka Connect: which pods are workers, which of them work together, and for which Kafka.
//!
//! As for brokers no single sign decides: a worker is known by what it starts, what it is configured with and what it
//! offers. Which Kafka it works for is told by its bootstrap servers where they are written out; where they are not,
//! the only installation of its namespace is assumed, and of several none, until a worker tells its Kafka's id.
//! `installations` calls it; asking the workers is `io::workers`'.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Objects,
    image::Image,
    installations::{template_pod, workload_of},
    program::{Program, program},
    selects,
};
use crate::domain::{
    connect::{ConnectCluster, Tie, Worker},
    ids::{InstallationId, ObjectKey},
    installation::{Evidence, Flavour, Installation, PodPort},
    kubernetes::{Container, Pod},
};

/// Points from which a container is a worker.
const WORKER: i32 = 60;

/// Points of one setting that only a worker has, and the most they can add up to.
const SETTING: (i32, i32) = (15, 45);

/// Connect's own port.
const PORT: u16 = 8083;

/// Programs that are a worker: the beginnings of their names.
const STARTS: [&str; 4] =
    ["connect-distributed", "connect-standalone", "kafka_connect_", "org.apache.kafka.connect.cli"];

/// Settings that a worker has and nothing else.
const WORKER_ONLY: [&str; 4] = ["config.storage.topic", "offset.storage.topic", "status.storage.topic", "plugin.path"];

/// Beginnings of the variables that images for Connect make settings of; Debezium's has none.
const PREFIXES: [&str; 3] = ["KAFKA_CONNECT_", "CONNECT_", ""];

/// Connects that are looked at for one installation: more of them are nobody's.
const MOST: usize = 16;

/// A worker as it is found.
struct Found {
    id: ObjectKey,
    group: Option<String>,
    bootstrap: Vec<String>,
    worker: Option<Worker>,
}

/// Gives every installation the Connects that may be its own.
pub(super) fn attach(installations: &mut [Installation], objects: &Objects<'_>) {
    let clusters = clusters(objects);
    if clusters.is_empty() {
        return;
    }
    let names: Vec<BTreeSet<String>> = installations.iter().map(|i| names(i, objects)).collect();
    for cluster in clusters {
        let leads = |at: usize| cluster.bootstrap.iter().any(|to| leads_to(to, &cluster.id.namespace, &names[at]));
        let addressed: Vec<usize> = (0..names.len()).filter(|at| leads(*at)).collect();
        let beside: Vec<usize> =
            (0..names.len()).filter(|at| installations[*at].id.namespace == cluster.id.namespace).collect();
        let (ties, tie) = match (addressed.is_empty(), beside.len()) {
            (false, _) => (addressed, Tie::Address),
            (true, 1) if cluster.bootstrap.is_empty() => (beside, Tie::Alone),
            (true, _) => (beside, Tie::Open),
        };
        for at in ties {
            let connect = &mut installations[at].connect;
            if connect.len() < MOST {
                connect.push(ConnectCluster { tie, ..cluster.clone() });
            }
        }
    }
}

/// Every Connect there is, by namespace and group, else by workload.
fn clusters(objects: &Objects<'_>) -> Vec<ConnectCluster> {
    let mut clusters: BTreeMap<(String, String), ConnectCluster> = BTreeMap::new();
    for found in pods(objects).into_iter().chain(templates(objects)) {
        let shared = found.group.clone().unwrap_or_else(|| format!("/{}", found.id.name));
        let cluster = clusters.entry((found.id.namespace.clone(), shared)).or_insert_with(|| ConnectCluster {
            id: found.id,
            group: found.group,
            bootstrap: found.bootstrap,
            workers: Vec::new(),
            tie: Tie::Open,
        });
        cluster.workers.extend(found.worker);
    }
    let mut clusters: Vec<ConnectCluster> = clusters.into_values().collect();
    for cluster in &mut clusters {
        cluster.workers.sort_by(|a, b| a.at.pod.cmp(&b.at.pod));
    }
    clusters
}

/// Pods that are workers.
fn pods(objects: &Objects<'_>) -> Vec<Found> {
    let is_over = |pod: &Pod| matches!(pod.phase.as_str(), "Failed" | "Succeeded");
    let living = objects.pods.iter().filter(|pod| !is_over(pod));
    living.filter_map(|pod| found(pod, owner(pod, objects), true)).collect()
}

/// Workloads that would make workers: they stay known when all their pods are gone.
fn templates(objects: &Objects<'_>) -> Vec<Found> {
    let sets = objects.stateful_sets.iter().map(|w| (w, Flavour::StatefulSet));
    let all = sets.chain(objects.deployments.iter().map(|w| (w, Flavour::Deployment)));
    all.filter_map(|(w, flavour)| found(&template_pod(w, flavour), w.meta.key(), false)).collect()
}

/// What owns a pod: its workload, the operator's set, or nothing but itself.
fn owner(pod: &Pod, objects: &Objects<'_>) -> ObjectKey {
    let name = match workload_of(pod, &objects.deployments) {
        Some((InstallationId { name, .. }, _)) => name,
        None => pod.meta.owner.as_ref().map_or_else(|| pod.meta.name.clone(), |owner| owner.name.clone()),
    };
    ObjectKey::new(&pod.meta.namespace, name)
}

/// The pod's worker, if one of its containers is one.
fn found(pod: &Pod, id: ObjectKey, is_there: bool) -> Option<Found> {
    // Most pods are none, and taking their scripts apart costs; without the word there are never points enough.
    let names_it = |c: &Container| c.image.contains("connect") || c.command.iter().any(|w| w.contains("connect"));
    if !pod.containers.iter().any(names_it) && !pod.meta.labels.contains_key("strimzi.io/kind") {
        return None;
    }
    let judged = pod.containers.iter().map(|container| (judge(pod, container), container));
    let (evidence, container) = judged.max_by_key(|(evidence, _)| points(evidence))?;
    if points(&evidence) < WORKER {
        return None;
    }
    let (port, tls) = rest(container);
    let worker = Worker { at: PodPort { pod: pod.meta.key(), port }, container: container.name.clone(), tls, evidence };
    let list = |text: String| {
        text.split(',').map(|s| s.trim().to_owned()).filter(|s| !s.is_empty() && !s.contains('$')).collect()
    };
    Some(Found {
        id,
        group: setting(container, "group.id").filter(|group| !group.contains('$')),
        bootstrap: setting(container, "bootstrap.servers").map(list).unwrap_or_default(),
        worker: is_there.then_some(worker),
    })
}

fn points(evidence: &[Evidence]) -> i32 {
    evidence.iter().map(|e| e.points).sum()
}

/// One container's points for being a worker.
fn judge(pod: &Pod, container: &Container) -> Vec<Evidence> {
    let mut all = Vec::new();
    let mut add = |points: i32, what: String| all.push(Evidence { points, what });
    let image = Image::parse(&container.image);
    match program(&container.command) {
        Program::Other(name) if STARTS.iter().any(|start| name.starts_with(start)) => add(60, format!("starts {name}")),
        Program::Other(name) => add(-80, format!("runs {name}, which is no worker")),
        Program::Image | Program::Broker(..) if image.is_connect() => {
            add(30, "starts what its image starts".to_owned());
        }
        Program::Broker(name, _) => add(-80, format!("starts {name}")),
        Program::Image | Program::Unknown => {}
    }
    if image.is_connect() {
        add(30, format!("image {} holds Kafka Connect", image.repository));
    }
    let set: Vec<&str> = WORKER_ONLY.into_iter().filter(|name| is_set(container, name)).collect();
    if !set.is_empty() {
        let points = set.iter().map(|_| SETTING.0).sum::<i32>().min(SETTING.1);
        add(points, format!("sets what only a worker has: {}", set.join(", ")));
    }
    if let Some(port) = container.ports.iter().find(|p| p.port == PORT || p.name.starts_with("rest")) {
        add(10, format!("declares port {}", port.port));
    }
    if pod.meta.labels.get("strimzi.io/kind").is_some_and(|kind| kind == "KafkaConnect") {
        add(20, "label strimzi.io/kind=KafkaConnect".to_owned());
    }
    if let Some(owner) = pod.meta.owner.as_ref().filter(|o| matches!(o.kind.as_str(), "Job" | "CronJob")) {
        add(-60, format!("belongs to {} {}", owner.kind, owner.name));
    }
    all
}

/// Names that a setting's variable may have.
fn variables(name: &str) -> impl Iterator<Item = String> {
    let upper = name.to_uppercase().replace('.', "_");
    PREFIXES.into_iter().map(move |prefix| format!("{prefix}{upper}"))
}

/// True when a setting is made, whatever its value is.
fn is_set(container: &Container, name: &str) -> bool {
    let named = |v: &str| container.env.iter().any(|var| var.name == v);
    variables(name).any(|v| named(&v)) || in_script(container, name).is_some()
}

/// The value of a setting, where it is written out.
fn setting(container: &Container, name: &str) -> Option<String> {
    let of = |v: String| container.env.iter().find(|var| var.name == v)?.value.clone();
    let value = in_script(container, name).or_else(|| variables(name).find_map(of))?;
    (!value.is_empty()).then_some(value)
}

/// A property that a script writes, the last of its name counting.
fn in_script(container: &Container, name: &str) -> Option<String> {
    let lines = container.command.iter().flat_map(|text| text.lines());
    let mut values = lines.rev().filter_map(|line| {
        let (key, value) = line.trim().split_once('=')?;
        (key.trim() == name).then(|| value.trim().trim_matches(['"', '\'']).to_owned())
    });
    values.next()
}

/// The port of the REST interface, and whether it is encrypted.
fn rest(container: &Container) -> (u16, bool) {
    let listeners = setting(container, "listeners").unwrap_or_default();
    let urls: Vec<&str> = listeners.split(',').map(str::trim).collect();
    let of = |scheme: &str| urls.iter().find_map(|url| url.strip_prefix(scheme)?.rsplit_once(':')?.1.parse().ok());
    if let Some(port) = of("http://") {
        return (port, false);
    }
    if let Some(port) = of("https://") {
        return (port, true);
    }
    let set = setting(container, "rest.port").and_then(|port| port.parse().ok());
    let named = |p: &&crate::domain::kubernetes::ContainerPort| p.port == PORT || p.name.starts_with("rest");
    let declared = container.ports.iter().find(named).map(|p| p.port);
    (set.or(declared).unwrap_or(PORT), false)
}

/// Every name under which clients in the cluster reach an installation, in lower case: `NAME.NAMESPACE` of services,
/// `POD.SERVICE.NAMESPACE`, and addresses.
fn names(installation: &Installation, objects: &Objects<'_>) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let is_its_own = |pod: &&&Pod| installation.brokers.iter().any(|broker| broker.pod == pod.meta.key());
    for pod in objects.pods.iter().filter(is_its_own) {
        let namespace = &pod.meta.namespace;
        names.extend(pod.ip.clone());
        for service in objects.services.iter().filter(|s| selects(s, namespace, &pod.meta.labels)) {
            let host = pod.hostname.as_deref().unwrap_or(&pod.meta.name);
            names.insert(format!("{}.{namespace}", service.meta.name).to_lowercase());
            names.insert(format!("{host}.{}.{namespace}", service.meta.name).to_lowercase());
            names.extend(service.cluster_ip.clone().filter(|ip| ip.contains(['.', ':'])));
        }
    }
    names
}

/// True when a bootstrap server, as a pod of `namespace` would resolve it, is one of these names.
fn leads_to(server: &str, namespace: &str, names: &BTreeSet<String>) -> bool {
    let server = server.rsplit_once("://").map_or(server, |(_protocol, rest)| rest);
    let host = server.rsplit_once(':').map_or(server, |(host, _port)| host).trim_matches(['[', ']']);
    let host = host.trim_end_matches('.').to_lowercase();
    if host.is_empty() {
        return false;
    }
    // The cluster's own domain begins at `.svc`, and a service or namespace may be called svc too.
    let cuts = host.match_indices(".svc").filter(|(at, _)| matches!(host.as_bytes().get(at + 4), None | Some(b'.')));
    let whole = cuts.map(|(at, _)| host[..at].to_owned());
    [format!("{host}.{namespace}"), host.clone()].into_iter().chain(whole).any(|form| names.contains(&form))
}
