//! Pods as they are found in clusters, and what each must be taken for.

mod connect;
mod flavours;

use std::collections::BTreeMap;

use serde_json::Value;

use super::{BROKER, CANDIDATE, Objects, address_book, installations, score};
use crate::domain::{
    ids::{BrokerId, InstallationId},
    installation::{BrokerPod, Flavour, Installation},
    kubernetes::{Container, ContainerPort, EnvVar, Meta, Mount, Owner, Pod, Service, ServicePort, Volume, Workload},
};

/// The script of a hand-written StatefulSet.
const SCRIPT: &str = "id=${HOSTNAME##*-}
cat >/tmp/server.properties <<P
process.roles=broker,controller
node.id=$id
controller.quorum.voters=0@ledger-0.ink:9093
controller.listener.names=QUORUM
listeners=QUORUM://:9093,WIRE://:9092
advertised.listeners=WIRE://$HOSTNAME.ink.quiet-otter.svc.cluster.local:9092
log.dirs=/srv/pages
P
kafka-storage.sh format --ignore-formatted -t 4L6g3nShT-eMCtK--X86sw -c /tmp/server.properties
exec kafka-server-start.sh /tmp/server.properties";

fn strings(words: &[&str]) -> Vec<String> {
    words.iter().map(|w| (*w).to_owned()).collect()
}

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

fn container(name: &str, image: &str, command: &[&str]) -> Container {
    Container { name: name.into(), image: image.into(), command: strings(command), ..Container::default() }
}

/// Short steps from a bare container to the one that is meant.
trait ContainerSteps {
    fn env(self, pairs: &[(&str, &str)]) -> Self;
    fn port(self, name: &str, port: u16) -> Self;
    fn mount(self, volume: &str, path: &str) -> Self;
}

impl ContainerSteps for Container {
    fn env(mut self, pairs: &[(&str, &str)]) -> Self {
        self.env.extend(pairs.iter().map(|(n, v)| EnvVar { name: (*n).into(), value: Some((*v).into()) }));
        self
    }

    fn port(mut self, name: &str, port: u16) -> Self {
        self.ports.push(ContainerPort { name: name.into(), port });
        self
    }

    fn mount(mut self, volume: &str, path: &str) -> Self {
        self.mounts.push(Mount { volume: volume.into(), path: path.into() });
        self
    }
}

fn pod(namespace: &str, name: &str, owner: (&str, &str), containers: Vec<Container>) -> Pod {
    Pod {
        meta: Meta {
            namespace: namespace.into(),
            name: name.into(),
            owner: Some(Owner { kind: owner.0.into(), name: owner.1.into() }),
            ..Meta::default()
        },
        phase: "Running".into(),
        ready: Some(true),
        containers,
        ..Pod::default()
    }
}

/// The same for a pod.
trait PodSteps {
    fn labels(self, pairs: &[(&str, &str)]) -> Self;
    fn claim(self, volume: &str) -> Self;
    fn at(self, ip: &str, subdomain: &str) -> Self;
}

impl PodSteps for Pod {
    fn labels(mut self, pairs: &[(&str, &str)]) -> Self {
        self.meta.labels = map(pairs);
        self
    }

    fn claim(mut self, volume: &str) -> Self {
        self.volumes.push(Volume { name: volume.into(), claim: Some(format!("{volume}-0")), ephemeral: false });
        self
    }

    fn at(mut self, ip: &str, subdomain: &str) -> Self {
        self.ip = Some(ip.into());
        self.hostname = Some(self.meta.name.clone());
        self.subdomain = Some(subdomain.into());
        self
    }
}

fn service(namespace: &str, name: &str, headless: bool, selector: &[(&str, &str)], port: u16) -> Service {
    Service {
        meta: Meta { namespace: namespace.into(), name: name.into(), ..Meta::default() },
        headless,
        cluster_ip: (!headless).then(|| format!("10.96.0.{}", name.len())),
        selector: map(selector),
        ports: vec![ServicePort { name: String::new(), port }],
    }
}

/// A broker of a hand-written StatefulSet, under names that say nothing.
fn ledger(ordinal: u8, image: &str) -> Pod {
    let sidecar = container("lamp", "docker.io/library/busybox:1", &["sh", "-c", "exec tail -f /dev/null"]);
    let engine = container("engine", image, &["sh", "-ec", SCRIPT])
        .port("wire", 9092)
        .port("quorum", 9093)
        .mount("pages", "/srv/pages");
    pod("quiet-otter", &format!("ledger-{ordinal}"), ("StatefulSet", "ledger"), vec![sidecar, engine])
        .labels(&[("unit", "ledger")])
        .claim("pages")
        .at(&format!("10.0.0.{ordinal}"), "ink")
}

/// A broker of a Deployment without persistence, configured by its environment.
fn deployed(name: &str, owner: &str) -> Pod {
    let kafka = container("kafka", "confluentinc/cp-kafka:7.6.1", &[])
        .env(&[
            ("KAFKA_BROKER_ID", "1"),
            ("KAFKA_ZOOKEEPER_CONNECT", "zookeeper:2181"),
            ("KAFKA_ADVERTISED_LISTENERS", "PLAINTEXT://kafka:9092"),
        ])
        .port("", 9092);
    pod("demo", name, ("ReplicaSet", owner), vec![kafka]).labels(&[("app", "kafka")])
}

fn points(pod: &Pod) -> i32 {
    score(pod, &[]).map_or(0, |broker| broker.score)
}

fn refused(pod: &Pod) {
    let judged = score(pod, &[]);
    assert!(judged.is_none(), "{}: {judged:#?}", pod.meta.name);
}

fn found(pods: &[&Pod]) -> Vec<Installation> {
    installations(&Objects { pods: pods.to_vec(), ..Objects::default() })
}

// ---- brokers ----

#[test]
fn a_broker_is_found_under_any_name_and_behind_any_mirror() {
    for image in [
        "registry.example.com/mirror/team-a/apache/kafka:4.1.2",
        "registry.example.com/mirror/team-a/platform-kafka-4.1@sha256:9f86d081884c7d65",
        "registry.example.com:5000/base/java21:17",
    ] {
        let broker = score(&ledger(0, image), &[]).expect(image);
        assert!(broker.score >= BROKER, "{image}: {broker:#?}");
        assert_eq!((broker.container.as_str(), broker.port), ("engine", 9092));
        assert_eq!(broker.id_hint, Some(BrokerId(0)));
    }
}

#[test]
fn every_point_has_a_line_that_says_what_it_is_for() {
    let governing = service("quiet-otter", "ink", true, &[("unit", "ledger")], 9092);
    let broker = score(&ledger(0, "apache/kafka:4.1.2"), &[&governing]).expect("a broker");
    assert_eq!(broker.evidence.iter().map(|e| e.points).sum::<i32>(), broker.score);
    let lines: Vec<&str> = broker.evidence.iter().map(|e| e.what.as_str()).collect();
    assert_eq!(lines[0], "image apache/kafka holds a broker");
    assert_eq!(lines[1], "starts kafka-server-start");
    assert!(lines.contains(&"declares port 9092 (wire)"), "{lines:?}");
    assert!(lines.contains(&"headless service ink names its pods"), "{lines:?}");
}

#[test]
fn a_broker_configured_by_mounted_files_is_found_by_what_it_runs() {
    let broker = |image| {
        container("broker", image, &["kafka-server-start.sh", "/etc/kafka/server.properties"])
            .port("broker", 9092)
            .mount("data", "/var/lib/kafka/data")
    };
    for image in ["docker.io/solsson/kafka:3.9.2", "mirror.example.com/x/y:1"] {
        let pod = pod("kafka", "kafka-2", ("StatefulSet", "kafka"), vec![broker(image)]).claim("data");
        assert!(points(&pod) >= BROKER, "{image}: {:#?}", score(&pod, &[]));
    }
}

#[test]
fn a_confluent_chart_s_broker_is_found_behind_the_exporter_that_comes_first() {
    let exporter = container(
        "prometheus-jmx-exporter",
        "solsson/kafka-prometheus-jmx-exporter@sha256:6f82",
        &["java", "-jar", "jmx_prometheus_httpserver.jar", "5556", "/etc/jmx-kafka/jmx-kafka-prometheus.yml"],
    )
    .port("", 5556);
    let script = "export KAFKA_BROKER_ID=${HOSTNAME##*-} && \\\nexport KAFKA_ADVERTISED_LISTENERS=PLAINTEXT://\
                  ${POD_NAME}.rel-cp-kafka-headless.${POD_NAMESPACE}:9092 && \\\nexec /etc/confluent/docker/run";
    let broker = container("cp-kafka-broker", "confluentinc/cp-enterprise-kafka:6.1.0", &["sh", "-exc", script])
        .env(&[("KAFKA_LOG_DIRS", "/opt/kafka/data-0/logs"), ("KAFKA_ZOOKEEPER_CONNECT", "z:2181")])
        .port("kafka", 9092)
        .mount("datadir-0", "/opt/kafka/data-0");
    let pod = pod("cp", "rel-cp-kafka-0", ("StatefulSet", "rel-cp-kafka"), vec![exporter, broker]).claim("datadir-0");
    let found = score(&pod, &[]).expect("a broker");
    assert!(found.score >= BROKER);
    assert_eq!(found.container, "cp-kafka-broker");
    assert_eq!((found.port, found.id_hint), (9092, Some(BrokerId(0))));
}

#[test]
fn a_deployment_s_broker_without_persistence_is_a_broker() {
    let broker = score(&deployed("kafka-7d9f5c8b6d-x2x4z", "kafka-7d9f5c8b6d"), &[]).expect("a broker");
    assert!(broker.score >= BROKER);
    assert_eq!(broker.id_hint, Some(BrokerId(1)));
}

#[test]
fn an_id_that_a_script_reckons_is_not_guessed_from_the_ordinal() {
    let script = "exec kafka-server-start.sh /x --override node.id=$((100+${HOSTNAME##*-}))";
    let engine = container("b", "apache/kafka", &["sh", "-c", script]).port("kafka", 9092);
    let pod = pod("a", "b-1", ("StatefulSet", "b"), vec![engine]);
    assert_eq!(score(&pod, &[]).expect("a broker").id_hint, None);
}

// ---- what is no broker ----

#[test]
fn bitnami_s_exporter_is_no_broker_though_it_is_labelled_kafka() {
    let exporter = container(
        "kafka-exporter",
        "docker.io/bitnami/kafka-exporter:1.7.0",
        &["bash", "-ce", "kafka_exporter --kafka.server=kafka-0:9092"],
    )
    .port("metrics", 9308);
    refused(
        &pod("learnflow", "x-kafka-exporter-5d4", ("ReplicaSet", "x-kafka-exporter"), vec![exporter])
            .labels(&[("app.kubernetes.io/name", "kafka"), ("app.kubernetes.io/component", "cluster-metrics")]),
    );
}

#[test]
fn bitnami_s_provisioning_job_is_no_broker_though_it_has_the_broker_s_image() {
    let script =
        "until kafka-topics.sh --list; do sleep 1; done\nkafka-topics.sh --create --topic a &\nwait\necho done";
    let mut job = pod(
        "learnflow",
        "x-kafka-provisioning-8x",
        ("Job", "x-kafka-provisioning"),
        vec![container("kafka-provisioning", "docker.io/bitnami/kafka:3.9.0", &["bash", "-ec", script])],
    )
    .labels(&[("app.kubernetes.io/name", "kafka"), ("app.kubernetes.io/component", "kafka-provisioning")]);
    refused(&job);
    job.phase = "Succeeded".into();
    refused(&job);
}

#[test]
fn zookeeper_on_kafka_s_own_image_is_no_broker() {
    let zookeeper = container(
        "zookeeper",
        "docker.io/solsson/kafka:3.9.2",
        &["zookeeper-server-start.sh", "/etc/kafka/zookeeper.properties"],
    )
    .env(&[("KAFKA_LOG4J_OPTS", "-Dx")])
    .port("client", 2181)
    .mount("data", "/var/lib/zookeeper");
    refused(&pod("kafka", "pzoo-0", ("StatefulSet", "pzoo"), vec![zookeeper]).claim("data"));
}

#[test]
fn a_test_client_named_kafka_that_only_waits_is_no_broker() {
    for command in [&["sh", "-c", "exec tail -f /dev/null"][..], &["tail", "-f", "/dev/null"], &["sleep", "infinity"]] {
        let client = container("kafka", "confluentinc/cp-kafka:4.1.2-2", command).port("kafka", 9092);
        refused(&pod("k", "kafka-test-client", ("ReplicaSet", "kafka-test-client"), vec![client]));
    }
}

#[test]
fn an_operator_s_other_pods_are_no_brokers_though_all_share_one_image() {
    for (labels, command) in [
        (&[("strimzi.io/kind", "KafkaConnect")][..], "/opt/kafka/kafka_connect_run.sh"),
        (&[("strimzi.io/kind", "KafkaMirrorMaker2")], "/opt/kafka/kafka_connect_run.sh"),
        (
            &[("strimzi.io/kind", "Kafka"), ("strimzi.io/component-type", "cruise-control")],
            "/opt/cruise-control/cruise_control_run.sh",
        ),
        (
            &[("strimzi.io/kind", "Kafka"), ("strimzi.io/component-type", "kafka-exporter")],
            "/opt/kafka-exporter/kafka_exporter_run.sh",
        ),
        (
            &[("strimzi.io/kind", "Kafka"), ("strimzi.io/component-type", "entity-operator")],
            "/opt/strimzi/bin/topic_operator_run.sh",
        ),
    ] {
        let other = container("x", "quay.io/strimzi/kafka:0.48.0-kafka-4.1.0", &[command])
            .port("tcp-clients", 9092)
            .mount("data", "/var/lib/kafka");
        refused(&pod("s", command, ("StrimziPodSet", "x"), vec![other]).labels(labels));
    }
}

#[test]
fn a_connect_worker_is_no_broker_whatever_its_image_is_called() {
    let script = "cat >/tmp/connect.properties <<P\nlisteners=http://:8083\nbootstrap.servers=kafka:9092\nP\n\
                  exec connect-distributed.sh /tmp/connect.properties";
    let by_script =
        container("kafka-connect", "docker.io/apache/kafka:4.1.2", &["sh", "-ec", script]).port("rest", 8083);
    refused(&pod("demo", "kafka-connect-1", ("ReplicaSet", "kafka-connect"), vec![by_script]));
    let by_image = container("c", "mirror/confluentinc/cp-kafka-connect:7.6.1", &[])
        .env(&[("CONNECT_BOOTSTRAP_SERVERS", "kafka:9092")])
        .port("kafka", 9092);
    refused(&pod("demo", "c-1", ("ReplicaSet", "c"), vec![by_image]));
    let renamed = container("c", "team/streams:1", &["/etc/confluent/docker/run"])
        .env(&[("CONNECT_BOOTSTRAP_SERVERS", "kafka:9092")])
        .port("kafka", 9092)
        .mount("data", "/var/lib/kafka");
    refused(&pod("demo", "d-1", ("StatefulSet", "d"), vec![renamed]));
}

#[test]
fn a_registry_a_proxy_and_a_console_are_no_brokers() {
    for (image, command, env) in [
        ("confluentinc/cp-schema-registry:7", &[][..], "SCHEMA_REGISTRY_KAFKASTORE_BOOTSTRAP_SERVERS"),
        ("team/kafka", &["schema-registry-start", "/x"], "SCHEMA_REGISTRY_HOST_NAME"),
        ("confluentinc/cp-kafka-rest:7", &[], "KAFKA_REST_BOOTSTRAP_SERVERS"),
        ("provectuslabs/kafka-ui:latest", &[], "KAFKA_CLUSTERS_0_BOOTSTRAPSERVERS"),
        ("obsidiandynamics/kafdrop", &[], "KAFKA_BROKERCONNECT"),
        ("confluentinc/cp-ksqldb-server:7", &["ksql-server-start", "/x"], "KSQL_BOOTSTRAP_SERVERS"),
        ("confluentinc/cp-zookeeper:7", &[], "ZOOKEEPER_CLIENT_PORT"),
        ("quay.io/strimzi/kafka-bridge:0.30", &[], "KAFKA_BRIDGE_BOOTSTRAP_SERVERS"),
    ] {
        let other = container("kafka", image, command).env(&[(env, "kafka:9092")]).port("client", 9092);
        refused(&pod("a", image, ("StatefulSet", "kafka"), vec![other]).labels(&[("app", "kafka")]));
    }
}

#[test]
fn an_application_that_knows_where_kafka_is_is_no_broker() {
    let app = container("app", "registry.example.com/shop/orders:9", &[]).env(&[("KAFKA_BROKERS", "kafka:9092")]);
    refused(&pod("shop", "orders-0", ("StatefulSet", "orders"), vec![app.port("kafka", 9092).mount("d", "/kafka")]));
}

#[test]
fn labels_and_names_alone_make_no_broker() {
    let impostor = container("kafka", "nginx:1", &[]).port("kafka", 9092).mount("kafka", "/var/lib/kafka");
    let pod = pod("kafka", "kafka-0", ("StatefulSet", "kafka"), vec![impostor])
        .labels(&[("app", "kafka"), ("app.kubernetes.io/name", "kafka"), ("app.kubernetes.io/component", "broker")])
        .at("10.0.0.1", "kafka");
    let governing = service("kafka", "kafka", true, &[("app", "kafka")], 9092);
    assert!(score(&pod, &[&governing]).is_none());
}

#[test]
fn a_controller_that_serves_no_client_is_no_broker() {
    let script = SCRIPT.replace("broker,controller", "controller");
    let controller = container("engine", "apache/kafka:4.1.2", &["sh", "-ec", &script])
        .port("controller", 9093)
        .mount("data", "/var/lib/kafka");
    refused(&pod("a", "c-0", ("StatefulSet", "c"), vec![controller]).claim("data"));
}

#[test]
fn an_init_container_is_never_the_broker() {
    let mut pod = ledger(0, "apache/kafka:4.1.2");
    pod.init_containers = std::mem::take(&mut pod.containers);
    assert!(score(&pod, &[]).is_none());
}

#[test]
fn a_pod_with_nothing_in_it_is_judged_without_complaint() {
    refused(&Pod::default());
    refused(&Pod { containers: vec![Container::default()], ..Pod::default() });
}

#[test]
fn a_server_started_by_a_job_is_at_most_a_candidate() {
    let mut job = ledger(0, "apache/kafka:4.1.2");
    job.meta.owner = Some(Owner { kind: "Job".into(), name: "smoke".into() });
    assert!(points(&job) < BROKER && points(&job) >= CANDIDATE);
    assert!(found(&[&job]).is_empty());
}

// ---- installations ----

#[test]
fn brokers_are_grouped_by_the_stateful_set_that_owns_them_and_ordered_by_ordinal() {
    let pods: Vec<Pod> = [10, 2, 0].map(|n| ledger(n, "mirror/apache/kafka:4.1.2")).into();
    let found = found(&pods.iter().collect::<Vec<_>>());
    assert_eq!(found.len(), 1);
    let ledger = &found[0];
    assert_eq!((ledger.id.to_string().as_str(), ledger.flavour), ("quiet-otter/ledger", Flavour::StatefulSet));
    assert_eq!((ledger.kafka_version.as_deref(), ledger.wanted), (Some("4.1.2"), None));
    let names: Vec<&str> = ledger.brokers.iter().map(|b| b.pod.name.as_str()).collect();
    assert_eq!(names, ["ledger-0", "ledger-2", "ledger-10"]);
}

#[test]
fn in_the_middle_of_a_roll_the_lower_version_is_shown() {
    let pods = [ledger(0, "apache/kafka:4.10.0"), ledger(1, "apache/kafka:4.9.1")];
    assert_eq!(found(&[&pods[0], &pods[1]])[0].kafka_version.as_deref(), Some("4.9.1"));
}

#[test]
fn a_stateful_set_without_any_pod_is_still_an_installation() {
    let workload = Workload {
        meta: Meta { namespace: "quiet-otter".into(), name: "ledger".into(), ..Meta::default() },
        replicas: 0,
        service_name: Some("ink".into()),
        containers: ledger(0, "apache/kafka:4.1.2").containers,
        template_labels: map(&[("unit", "ledger")]),
        ..Workload::default()
    };
    let found = installations(&Objects { stateful_sets: vec![&workload], ..Objects::default() });
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].id, InstallationId::new("quiet-otter", "ledger"));
    assert_eq!((found[0].wanted, found[0].kafka_version.as_deref()), (Some(0), Some("4.1.2")));
    assert!(found[0].brokers.is_empty());
}

#[test]
fn a_deployment_is_named_without_the_hash_of_its_replica_set() {
    let pod = deployed("kafka-7d9f5c8b6d-x2x4z", "kafka-7d9f5c8b6d");
    let bare = deployed("kafka-west-x2x4z", "kafka-west");
    let names = |pods: &[&Pod], deployments: Vec<&Workload>| -> Vec<String> {
        installations(&Objects { pods: pods.to_vec(), deployments, ..Objects::default() })
            .into_iter()
            .map(|i| format!("{} {} {:?}", i.id, i.flavour, i.wanted))
            .collect()
    };
    let deployment = Workload {
        meta: Meta { namespace: "demo".into(), name: "kafka".into(), ..Meta::default() },
        replicas: 1,
        ..Workload::default()
    };
    assert_eq!(names(&[&pod], vec![&deployment]), ["demo/kafka Deployment Some(1)"]);
    assert_eq!(names(&[&pod], vec![]), ["demo/kafka Deployment None"], "deployments may not be read");
    assert_eq!(names(&[&bare], vec![]), ["demo/kafka-west Deployment None"], "west is no hash");
    let labelled = bare.labels(&[("pod-template-hash", "west")]);
    assert_eq!(names(&[&labelled], vec![]), ["demo/kafka Deployment None"]);
}

#[test]
fn an_evicted_pod_that_a_deployment_left_behind_is_no_broker_of_it() {
    let running = deployed("kafka-7d9f5c8b6d-x2x4z", "kafka-7d9f5c8b6d");
    let mut evicted = deployed("kafka-7d9f5c8b6d-b5b5b", "kafka-7d9f5c8b6d");
    evicted.phase = "Failed".into();
    let installations = found(&[&evicted, &running]);
    assert_eq!(installations[0].brokers.len(), 1);
    assert_eq!(installations[0].brokers[0].pod.name, running.meta.name);
    assert!(found(&[&evicted]).is_empty());
}

#[test]
fn pods_of_an_operator_s_own_kind_are_left_to_their_flavour() {
    let mut broker = ledger(0, "quay.io/strimzi/kafka:0.48.0-kafka-4.1.0");
    broker.meta.owner = Some(Owner { kind: "StrimziPodSet".into(), name: "dual".into() });
    assert!(points(&broker) >= BROKER);
    assert!(found(&[&broker]).is_empty());
}

// ---- addresses ----

fn three() -> (Vec<Pod>, Vec<Service>) {
    let pods = (0..3).map(|n| ledger(n, "apache/kafka:4.1.2")).collect();
    let mut pinned =
        service("quiet-otter", "ledger-1-outside", false, &[("statefulset.kubernetes.io/pod-name", "ledger-1")], 9092);
    pinned.cluster_ip = Some("10.96.0.77".into());
    let services = vec![
        service("quiet-otter", "ink", true, &[("unit", "ledger")], 9092),
        service("quiet-otter", "desk", false, &[("unit", "ledger")], 9092),
        pinned,
    ];
    (pods, services)
}

fn book(pods: &[Pod], services: &[Service], wanted: Option<u32>) -> crate::domain::installation::AddressBook {
    let (pods, services): (Vec<&Pod>, Vec<&Service>) = (pods.iter().collect(), services.iter().collect());
    let brokers: Vec<BrokerPod> = pods.iter().filter_map(|p| score(p, &services)).collect();
    let installation = Installation {
        id: InstallationId::new("quiet-otter", "ledger"),
        flavour: Flavour::StatefulSet,
        wanted,
        brokers,
        ..Installation::default()
    };
    address_book(&installation, &pods, &services)
}

#[test]
fn a_broker_is_reached_by_every_form_of_its_name() {
    let (mut pods, services) = three();
    pods[1].meta.labels.insert("statefulset.kubernetes.io/pod-name".into(), "ledger-1".into());
    let book = book(&pods, &services, Some(3));
    let of = |host: &str| book.resolve(BrokerId(99), host, 9092).map(|to| to.pod.name);
    for host in [
        "10.0.0.1",
        "ledger-1",
        "ledger-1.ink",
        "ledger-1.ink.quiet-otter",
        "ledger-1.ink.quiet-otter.svc",
        "ledger-1.ink.quiet-otter.svc.cluster.local",
        "ledger-1.ink.quiet-otter.svc.k8s.example.org",
        "ledger-1-outside",
        "ledger-1-outside.quiet-otter.svc",
        "10.96.0.77",
    ] {
        assert_eq!(of(host).as_deref(), Some("ledger-1"), "{host}");
    }
    assert_eq!(of("desk"), None, "a service of three brokers leads to none of them");
    assert_eq!(of("10.96.0.4"), None);
    assert_eq!(book.resolve(BrokerId(2), "desk", 9092).map(|to| to.pod.name).as_deref(), Some("ledger-2"));
}

#[test]
fn a_service_leads_to_a_broker_only_when_it_is_the_only_one_there_should_be() {
    let (mut pods, services) = three();
    pods.truncate(1);
    assert!(book(&pods, &services, Some(1)).hosts.contains_key("desk.quiet-otter.svc"));
    assert!(!book(&pods, &services, Some(3)).hosts.contains_key("desk"), "two brokers are missing");
    let other_port = [service("quiet-otter", "desk", false, &[("unit", "ledger")], 80)];
    assert!(!book(&pods, &other_port, Some(1)).hosts.contains_key("desk"), "the pod does not listen on 80");
}

#[test]
fn only_running_pods_are_tried_and_ready_ones_first() {
    let (mut pods, services) = three();
    pods[0].phase = "Pending".into();
    pods[1].ready = Some(false);
    let book = book(&pods, &services, Some(3));
    let seeds: Vec<&str> = book.seeds.iter().map(|s| s.pod.name.as_str()).collect();
    assert_eq!(seeds, ["ledger-2", "ledger-1"]);
    assert_eq!(book.ids.len(), 3);
}

#[test]
fn an_address_that_two_pods_share_is_nobody_s() {
    let (mut pods, services) = three();
    pods[1].ip = Some("10.0.0.0".into());
    assert!(!book(&pods, &services, Some(3)).hosts.contains_key("10.0.0.0"));
    pods[1].phase = "Failed".into();
    let known = book(&pods, &services, Some(3)).hosts;
    assert_eq!(
        known.get("10.0.0.0").map(|pod| pod.name.as_str()),
        Some("ledger-0"),
        "an ended pod has lost its address"
    );
}

#[test]
fn while_a_pod_is_replaced_its_node_id_is_the_new_pod_s() {
    let mut old = deployed("kafka-7d9f5c8b6d-x2x4z", "kafka-7d9f5c8b6d");
    let new = deployed("kafka-7d9f5c8b6d-z7z8v", "kafka-7d9f5c8b6d");
    old.meta.deleting_since = Some(chrono::DateTime::UNIX_EPOCH);
    let book = book(&[old, new.clone()], &[], Some(1));
    assert_eq!(book.ids.get(&BrokerId(1)), Some(&new.meta.key()));
    assert_eq!(book.seeds[0].pod, new.meta.key());
}

// ---- the manifest that the live tests install ----

/// A StatefulSet of a manifest, as far as recognition looks at it.
fn workload(manifest: &Value) -> Workload {
    let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    let list = |v: &Value| v.as_array().cloned().unwrap_or_default();
    let labels =
        |v: &Value| v.as_object().map(|o| o.iter().map(|(k, v)| (k.clone(), text(v))).collect()).unwrap_or_default();
    let one = |c: &Value| Container {
        name: text(&c["name"]),
        image: text(&c["image"]),
        command: list(&c["command"]).iter().chain(&list(&c["args"])).map(text).collect(),
        env: list(&c["env"])
            .iter()
            .map(|e| EnvVar { name: text(&e["name"]), value: e["value"].as_str().map(Into::into) })
            .collect(),
        ports: list(&c["ports"])
            .iter()
            .map(|p| ContainerPort { name: text(&p["name"]), port: p["containerPort"].as_u64().unwrap_or(0) as u16 })
            .collect(),
        mounts: list(&c["volumeMounts"])
            .iter()
            .map(|m| Mount { volume: text(&m["name"]), path: text(&m["mountPath"]) })
            .collect(),
        ..Container::default()
    };
    let template = &manifest["spec"]["template"];
    Workload {
        meta: Meta {
            namespace: text(&manifest["metadata"]["namespace"]),
            name: text(&manifest["metadata"]["name"]),
            labels: labels(&manifest["metadata"]["labels"]),
            ..Meta::default()
        },
        replicas: manifest["spec"]["replicas"].as_u64().unwrap_or(1) as u32,
        service_name: manifest["spec"]["serviceName"].as_str().map(Into::into),
        containers: list(&template["spec"]["containers"]).iter().map(one).collect(),
        template_labels: labels(&template["metadata"]["labels"]),
        ..Workload::default()
    }
}

#[test]
fn the_renamed_manifest_names_no_kafka_and_is_recognised() {
    let manifest = include_str!("../../tests/fixtures/renamed.yaml");
    let documents: Vec<Value> = serde_saphyr::from_multiple(manifest).expect("the manifest is YAML");
    let sets: Vec<Workload> = documents.iter().filter(|d| d["kind"] == "StatefulSet").map(workload).collect();
    let found = installations(&Objects { stateful_sets: sets.iter().collect(), ..Objects::default() });
    assert_eq!(found.iter().map(|i| i.id.to_string()).collect::<Vec<_>>(), ["quiet-otter/ledger"]);
    assert!(sets[0].template_labels.values().all(|label| !label.contains("kafka")));
    assert!(sets[0].containers.iter().all(|c| !c.name.contains("kafka")));
    assert_eq!(sets[0].containers[0].name, "lamp", "the sidecar comes first");
}
