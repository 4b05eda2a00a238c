//! Which port of a broker's container is for clients.

use super::settings::Settings;
use crate::domain::kubernetes::{Container, ContainerPort, Pod};

/// Kafka's own default.
const DEFAULT: u16 = 9092;

/// Ports that brokers and controllers listen on by convention.
const KAFKA_PORTS: [u16; 9] = [9091, 9092, 9093, 9094, 9095, 9071, 9072, 19092, 29092];

/// Names of ports that speak Kafka, to clients and to others.
const KAFKA_NAMES: [&str; 15] = [
    "kafka",
    "broker",
    "client",
    "inside",
    "plaintext",
    "tcp-clients",
    "replication",
    "interbroker",
    "controller",
    "kafka-client",
    "tcp-client",
    "tcp-kafka",
    "tcp-replication",
    "kafka-internal",
    "kafka-external",
];

/// Names of ports that are for clients, best first.
const CLIENT_NAMES: [&str; 10] = [
    "kafka",
    "broker",
    "client",
    "plaintext",
    "tcp-clients",
    "tcp-client",
    "kafka-client",
    "tcp-kafka",
    "clients",
    "inside",
];

/// Parts of the names of ports that are for nobody who wants records.
const OTHER_NAMES: [&str; 9] = ["controller", "ctlr", "metric", "jmx", "prom", "http", "jolokia", "rest", "admin"];

/// Listener names, those for clients within the cluster first; what is not here comes after them.
pub(super) const LISTENERS: [&str; 5] = ["CLIENT", "CLIENTS", "PLAINTEXT", "INSIDE", "INTERNAL"];

/// Listener names that are for clients elsewhere.
const FAR_LISTENERS: [&str; 4] = ["EXTERNAL", "OUTSIDE", "NODEPORT", "LOADBALANCER"];

/// True when a port, by number or name, is one that Kafka would have.
pub(super) fn is_kafka(name: &str, port: u16) -> bool {
    KAFKA_PORTS.contains(&port) || KAFKA_NAMES.contains(&name)
}

/// The port that speaks Kafka to clients.
///
/// A listener that is configured counts most, then a declared port by name, then 9092, then any port that is
/// not for controllers or metrics.
pub(super) fn client_port(container: &Container, settings: &Settings) -> u16 {
    client_listener(settings).or_else(|| declared(&container.ports, settings)).unwrap_or(DEFAULT)
}

/// The port of the best client listener.
///
/// The advertised name picks the listener, but the port it listens on is in `listeners`: what is advertised
/// may be a node's port.
fn client_listener(settings: &Settings) -> Option<u16> {
    let bound = listeners(settings.value("listeners").unwrap_or_default());
    let advertised = listeners(settings.value("advertised.listeners").unwrap_or_default());
    let offered = if advertised.is_empty() { &bound } else { &advertised };
    let controllers = settings.value("controller.listener.names").unwrap_or("CONTROLLER");
    let is_controller = |name: &str| controllers.split(',').any(|c| c.trim() == name);
    let (name, port) = offered.iter().filter(|(name, _)| !is_controller(name)).min_by_key(|(name, _)| rank(name))?;
    Some(bound.iter().find(|(other, _)| other == name).map_or(*port, |(_, port)| *port))
}

/// Position of a listener among those a client would choose.
pub(super) fn rank(listener: &str) -> usize {
    if FAR_LISTENERS.contains(&listener) {
        return LISTENERS.len() + 1;
    }
    LISTENERS.iter().position(|known| *known == listener).unwrap_or(LISTENERS.len())
}

/// Names and ports of `NAME://host:port,…`; a port that is not written out is left out.
pub(super) fn listeners(text: &str) -> Vec<(&str, u16)> {
    text.split(',')
        .filter_map(|one| {
            let (name, address) = one.trim().split_once("://")?;
            let (_, port) = address.rsplit_once(':')?;
            Some((name, port.trim().parse().ok()?))
        })
        .collect()
}

/// The declared port that is for clients, where no listener told.
fn declared(ports: &[ContainerPort], settings: &Settings) -> Option<u16> {
    // No listener is for clients, so whichever are configured are for controllers.
    let controllers = listeners(settings.value("listeners").unwrap_or_default());
    let is_for_clients = |p: &&ContainerPort| {
        !OTHER_NAMES.iter().any(|other| p.name.contains(other)) && !controllers.iter().any(|(_, port)| *port == p.port)
    };
    CLIENT_NAMES
        .iter()
        .find_map(|name| ports.iter().find(|p| p.name == *name))
        .or_else(|| ports.iter().find(|p| p.port == DEFAULT))
        .or_else(|| ports.iter().find(is_for_clients))
        .map(|p| p.port)
}

/// Names of ports on which brokers or their sidecars tell metrics as text, best first.
const METRICS_NAMES: [&str; 5] = ["tcp-prometheus", "metrics", "http-metrics", "prometheus", "jmx-metrics"];

/// The JMX exporter's usual port.
const METRICS_PORT: u16 = 9404;

/// Where a broker's metrics are told: the port, and whether it is another container's than the broker's own.
pub fn metrics_port(pod: &Pod, broker: &str) -> Option<(u16, bool)> {
    let own = pod.containers.iter().filter(|c| c.name == broker);
    let sidecars = pod.containers.iter().filter(|c| c.name != broker);
    own.chain(sidecars).find_map(|container| {
        let by_name = METRICS_NAMES.iter().find_map(|name| container.ports.iter().find(|p| p.name == *name));
        let port = by_name.or_else(|| container.ports.iter().find(|p| p.port == METRICS_PORT))?;
        Some((port.port, container.name != broker))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::kubernetes::EnvVar;

    fn port(env: &[(&str, &str)], ports: &[(&str, u16)]) -> u16 {
        let container = Container {
            env: env.iter().map(|(n, v)| EnvVar { name: (*n).into(), value: Some((*v).into()) }).collect(),
            ports: ports.iter().map(|(n, p)| ContainerPort { name: (*n).into(), port: *p }).collect(),
            ..Container::default()
        };
        client_port(&container, &Settings::of(&container))
    }

    #[test]
    fn the_advertised_listener_is_dialled_where_it_listens() {
        let env = [
            ("KAFKA_LISTENERS", "CONTROLLER://:9093,EXTERNAL://:9095,CLIENT://:9092"),
            ("KAFKA_ADVERTISED_LISTENERS", "EXTERNAL://node:31090,CLIENT://kafka-0.kafka:19092"),
        ];
        assert_eq!(port(&env, &[("kafka", 1)]), 9092);
        assert_eq!(port(&[("KAFKA_LISTENERS", "OUTSIDE://:9094, PLAINTEXT://:9192")], &[]), 9192);
        assert_eq!(port(&[("KAFKA_ADVERTISED_LISTENERS", "EXTERNAL://${NODE}:31090")], &[]), 31090);
    }

    #[test]
    fn a_listener_of_controllers_is_never_for_clients_whatever_its_name() {
        let env = [("KAFKA_CONTROLLER_LISTENER_NAMES", "QUORUM"), ("KAFKA_LISTENERS", "QUORUM://:9092,APP://:9000")];
        assert_eq!(port(&env, &[]), 9000);
    }

    #[test]
    fn metrics_are_told_by_the_broker_itself_before_its_sidecars_and_by_name_before_number() {
        let container = |name: &str, ports: &[(&str, u16)]| Container {
            name: name.into(),
            ports: ports.iter().map(|(n, p)| ContainerPort { name: (*n).into(), port: *p }).collect(),
            ..Container::default()
        };
        let told = |containers: Vec<Container>| metrics_port(&Pod { containers, ..Pod::default() }, "kafka");
        let kafka = |ports: &[(&str, u16)]| container("kafka", ports);
        assert_eq!(told(vec![kafka(&[("kafka", 9092), ("tcp-prometheus", 9404)])]), Some((9404, false)));
        assert_eq!(told(vec![kafka(&[("a", 9404), ("metrics", 5556)])]), Some((5556, false)));
        assert_eq!(told(vec![kafka(&[("", 9404)])]), Some((9404, false)));
        let sidecar = container("jmx-exporter", &[("metrics", 5556)]);
        assert_eq!(told(vec![sidecar.clone(), kafka(&[("kafka", 9092)])]), Some((5556, true)));
        assert_eq!(told(vec![sidecar, kafka(&[("metrics", 9404)])]), Some((9404, false)));
        assert_eq!(told(vec![kafka(&[("kafka", 9092), ("jmx", 5555)])]), None);
    }

    #[test]
    fn without_listeners_the_declared_ports_tell_by_name_then_by_number() {
        assert_eq!(port(&[], &[("controller", 9093), ("client", 9192), ("metrics", 9404)]), 9192);
        assert_eq!(port(&[], &[("a", 9093), ("b", 9092)]), 9092);
        assert_eq!(port(&[], &[("metrics", 9404), ("controller", 9093), ("tcp", 7000)]), 7000);
        assert_eq!(port(&[("KAFKA_LISTENERS", "PLAINTEXT://:$PORT")], &[("metrics", 9404)]), 9092);
    }
}
