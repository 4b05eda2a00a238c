//! Points for and against a pod being a Kafka broker.
//!
//! No single sign decides: every program around Kafka shares names, labels and often the very image with
//! the brokers. So a container collects points for what it runs, what it is configured with and what it
//! offers, and loses them for every sign of being something else. A label can speak against a broker but
//! never for one. Each line of evidence is kept, so that a reader can see why.

use super::{
    image::Image,
    ports::{client_port, is_kafka},
    program::{Program, program},
    selects,
    settings::{Settings, property_of_variable},
};
use crate::domain::{
    ids::BrokerId,
    installation::{BrokerPod, Evidence},
    kubernetes::{ConfigMap, Container, Pod, Service},
};

/// Points from which a pod is a broker.
pub const BROKER: i32 = 60;

/// Points from which a pod may be one; only asking it can tell.
pub const CANDIDATE: i32 = 35;

/// Points of a node that is a controller and no broker.
pub(super) const CONTROLLER: i32 = -100;

/// Points of one server-only setting, and the most they can add up to.
const SETTING: (i32, i32) = (10, 30);

/// Paths below which brokers keep their data.
const DATA_PATHS: [&str; 6] =
    ["/var/lib/kafka", "/bitnami/kafka", "/opt/kafka/data", "/mnt/data/data", "/kafka", "/var/kafka"];

/// Labels that name a pod's part in something larger.
const PART_LABELS: [&str; 6] = [
    "app.kubernetes.io/component",
    "app.kubernetes.io/role",
    "component",
    "role",
    "strimzi.io/component-type",
    "platform.confluent.io/type",
];

/// Parts that are no brokers.
const OTHER_PARTS: [&str; 30] = [
    "cluster-metrics",
    "metrics",
    "jmx-metrics",
    "exporter",
    "kafka-exporter",
    "kafka-provisioning",
    "provisioning",
    "connect",
    "kafka-connect",
    "kafka-connect-build",
    "kafka-mirror-maker",
    "kafka-mirror-maker-2",
    "mirror-maker",
    "kafka-bridge",
    "kafka-ui",
    "ui",
    "entity-operator",
    "topic-operator",
    "user-operator",
    "cluster-operator",
    "cruise-control",
    "schema-registry",
    "schemaregistry",
    "rest-proxy",
    "kafka-rest",
    "kafkarestproxy",
    "ksql",
    "ksqldb",
    "controlcenter",
    "zookeeper",
];

/// How the variable of a client is recognised.
enum Variable {
    Is(&'static str),
    Begins(&'static str),
    Ends(&'static str),
}

/// Environment of programs that connect to a Kafka.
const CLIENT_VARIABLES: [Variable; 14] = [
    Variable::Begins("CONNECT_"),
    Variable::Begins("SCHEMA_REGISTRY_"),
    Variable::Begins("KAFKA_REST_"),
    Variable::Begins("KSQL_"),
    Variable::Begins("KAFKA_CLUSTERS_"),
    Variable::Begins("KAFKA_BOOTSTRAP"),
    Variable::Begins("SPRING_KAFKA_"),
    Variable::Begins("BOOTSTRAP_SERVER"),
    Variable::Is("KAFKA_BROKERS"),
    Variable::Is("KAFKA_BROKERCONNECT"),
    Variable::Is("KAFKA_BROKER"),
    Variable::Is("KAFKA_SERVER"),
    Variable::Is("KAFKA_SERVERS"),
    Variable::Ends("_BOOTSTRAP_SERVERS"),
];

/// Evidence as it is collected.
#[derive(Default)]
struct Tally(Vec<Evidence>);

impl Tally {
    fn add(&mut self, points: i32, what: impl Into<String>) {
        self.0.push(Evidence { points, what: what.into() });
    }

    fn total(&self) -> i32 {
        self.0.iter().map(|e| e.points).sum()
    }
}

/// The pod as a broker, by its container with the most points; `None` below [`CANDIDATE`].
///
/// `services` may hold any services; those that do not select the pod are not regarded.
pub fn score(pod: &Pod, services: &[&Service]) -> Option<BrokerPod> {
    judged(pod, services, &[]).filter(|b| b.score >= CANDIDATE)
}

/// The same however few points it has, and with what the pod's ConfigMaps say.
pub(super) fn judged(pod: &Pod, services: &[&Service], maps: &[&ConfigMap]) -> Option<BrokerPod> {
    let mut best: Option<BrokerPod> = None;
    for container in &pod.containers {
        let judged = judge(pod, container, services, maps);
        if best.as_ref().is_none_or(|b| judged.score > b.score) {
            best = Some(judged);
        }
    }
    best
}

/// One container's points.
fn judge(pod: &Pod, container: &Container, services: &[&Service], maps: &[&ConfigMap]) -> BrokerPod {
    let own = Settings::of(container);
    let settings = own.clone().with(container, maps);
    let mut tally = Tally::default();
    judge_program(&mut tally, container);
    judge_settings(&mut tally, container, &own);
    if settings.is_controller_only() {
        // More than anything above can make good: it starts the same server, but serves no client.
        tally.add(CONTROLLER, "is a controller only");
    }
    judge_offer(&mut tally, pod, container, services);
    judge_place(&mut tally, pod);
    BrokerPod {
        pod: pod.meta.key(),
        container: container.name.clone(),
        port: client_port(container, &settings),
        id_hint: id_hint(pod, &own, &settings),
        roles: settings.roles(),
        pool: None,
        score: tally.total(),
        evidence: tally.0,
    }
}

/// What it is, by image and command.
fn judge_program(tally: &mut Tally, container: &Container) {
    let image = Image::parse(&container.image);
    if image.is_other() {
        tally.add(-60, format!("image {} holds another program", image.repository));
    } else if image.is_broker() {
        tally.add(25, format!("image {} holds a broker", image.repository));
    }
    match program(&container.command) {
        Program::Broker(name, points) => tally.add(points, format!("starts {name}")),
        Program::Image if image.is_broker() => tally.add(20, "starts what its image starts"),
        Program::Other(name) => tally.add(-80, format!("runs {name}, which is no broker")),
        Program::Image | Program::Unknown => {}
    }
}

/// What it is configured as.
fn judge_settings(tally: &mut Tally, container: &Container, settings: &Settings) {
    let (each, most) = SETTING;
    let names: Vec<&str> = settings.names().collect();
    if !names.is_empty() {
        let points = names.iter().map(|_| each).sum::<i32>().min(most);
        tally.add(points, format!("sets what only a server has: {}", names.join(", ")));
    }
    if let Some(variable) = container.env.iter().find(|v| is_client_variable(&v.name)) {
        tally.add(-30, format!("sets {}, as clients do", variable.name));
    }
}

/// What it offers: ports, volumes, a service that names its pods.
fn judge_offer(tally: &mut Tally, pod: &Pod, container: &Container, services: &[&Service]) {
    if let Some(port) = container.ports.iter().find(|p| is_kafka(&p.name, p.port)) {
        let name = if port.name.is_empty() { String::new() } else { format!(" ({})", port.name) };
        tally.add(10, format!("declares port {}{name}", port.port));
    }
    let mut mounts = container.mounts.iter();
    if let Some(mount) = mounts.find(|m| is_data_path(&m.path) && is_storage(pod, &m.volume)) {
        tally.add(10, format!("has volume {} at {}", mount.volume, mount.path));
    }
    let governing = |s: &&&Service| {
        s.headless
            && pod.subdomain.as_deref() == Some(s.meta.name.as_str())
            && selects(s, &pod.meta.namespace, &pod.meta.labels)
            && s.ports.iter().any(|p| is_kafka(&p.name, p.port))
    };
    if let Some(service) = services.iter().find(governing) {
        tally.add(10, format!("headless service {} names its pods", service.meta.name));
    }
}

/// What it belongs to.
fn judge_place(tally: &mut Tally, pod: &Pod) {
    let labels = &pod.meta.labels;
    let part = PART_LABELS.iter().filter_map(|key| labels.get(*key).map(|value| (*key, value)));
    let strimzi = labels.get("strimzi.io/kind").filter(|kind| *kind != "Kafka").map(|kind| ("strimzi.io/kind", kind));
    if let Some((key, value)) = part.filter(|(_, value)| OTHER_PARTS.contains(&value.as_str())).chain(strimzi).next() {
        tally.add(-60, format!("label {key}={value} is of another part"));
    }
    if let Some(owner) = pod.meta.owner.as_ref().filter(|o| matches!(o.kind.as_str(), "Job" | "CronJob")) {
        tally.add(-50, format!("belongs to {} {}", owner.kind, owner.name));
    }
    if pod.phase == "Succeeded" {
        tally.add(-50, "has completed");
    }
}

/// True for a variable that tells where a Kafka is.
///
/// The quorum's bootstrap servers are a server's, and Confluent's brokers report their metrics to a Kafka.
fn is_client_variable(name: &str) -> bool {
    property_of_variable(name).is_none()
        && !name.contains("METRICS_REPORTER")
        && CLIENT_VARIABLES.iter().any(|known| match known {
            Variable::Is(whole) => name == *whole,
            Variable::Begins(start) => name.starts_with(start),
            Variable::Ends(end) => name.ends_with(end),
        })
}

/// True for a path where a broker would keep its data.
fn is_data_path(path: &str) -> bool {
    DATA_PATHS.iter().any(|known| path.starts_with(known))
}

/// True for a claim or an emptyDir; a template does not tell its claims, so what is not listed may be one.
fn is_storage(pod: &Pod, volume: &str) -> bool {
    pod.volumes.iter().find(|v| v.name == volume).is_none_or(|v| v.claim.is_some() || v.ephemeral)
}

/// The node id where it is written out, else the ordinal of a StatefulSet's pod.
///
/// An id that a script reckons with (`$((100 + n))`) is not the ordinal, and not guessed.
fn id_hint(pod: &Pod, settings: &Settings, with_maps: &Settings) -> Option<BrokerId> {
    let written = settings.value("node.id").or_else(|| settings.value("broker.id"));
    if let Some(id) = written.and_then(|id| id.trim().parse().ok()).filter(|id| *id >= 0) {
        return Some(BrokerId(id));
    }
    if written.is_some_and(|id| id.contains("((") || id.contains("expr")) {
        return None;
    }
    let sets = ["StatefulSet", "StrimziPodSet"];
    let Some(owner) = pod.meta.owner.as_ref().filter(|o| sets.contains(&o.kind.as_str())) else {
        // A file that several pods share holds nobody's id; the only pod of a Deployment has its own.
        let written = with_maps.value("node.id").or_else(|| with_maps.value("broker.id"))?;
        return written.trim().parse().ok().filter(|id| *id >= 0).map(BrokerId);
    };
    let ordinal = pod.meta.name.strip_prefix(&owner.name)?.strip_prefix('-')?;
    ordinal.parse().ok().map(BrokerId)
}
