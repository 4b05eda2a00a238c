//! Every flavour as it is found in a cluster, what it must be taken for, and the ways into it.
//!
//! The fixtures are objects of real clusters, trimmed; what varies is changed on them.

use serde_json::{Value, json};

use super::super::{Objects, installations};
use crate::{
    domain::{
        access::Owner,
        freshness::Kind,
        ids::BrokerId,
        installation::{Flavour, Installation, Mode, Role},
        kubernetes::Object,
    },
    io::translate,
    world::KubeWorld,
};

const STRIMZI: &str = include_str!("../../../tests/fixtures/flavours/strimzi.json");
const BITNAMI: &str = include_str!("../../../tests/fixtures/flavours/bitnami.json");
const ZOOKEEPER: &str = include_str!("../../../tests/fixtures/flavours/zookeeper.json");
pub(super) const CONNECT: &str = include_str!("../../../tests/fixtures/flavours/connect.json");

/// Objects of a fixture.
pub(super) fn fixture(text: &str) -> Vec<Value> {
    serde_json::from_str(text).unwrap()
}

/// An object as a watch would translate it.
fn translated(from: &Value) -> (Kind, Object) {
    fn of<T: serde::de::DeserializeOwned>(from: &Value) -> T {
        serde_json::from_value(from.clone()).unwrap()
    }
    match from["kind"].as_str().unwrap() {
        "Pod" => (Kind::Pods, Object::Pod(Box::new(translate::pod(&of(from))))),
        "StatefulSet" => (Kind::StatefulSets, Object::StatefulSet(translate::stateful_set(&of(from)))),
        "Deployment" => (Kind::Deployments, Object::Deployment(translate::deployment(&of(from)))),
        "Service" => (Kind::Services, Object::Service(translate::service(&of(from)))),
        "ConfigMap" => (Kind::ConfigMaps, Object::ConfigMap(translate::config_map(&of(from)))),
        "Kafka" => (Kind::Kafkas, Object::Kafka(Box::new(translate::kafka(&of(from))))),
        "KafkaNodePool" => (Kind::NodePools, Object::NodePool(translate::node_pool(&of(from)))),
        "StrimziPodSet" => (Kind::PodSets, Object::PodSet(translate::pod_set(&of(from)))),
        "KafkaUser" => (Kind::Users, Object::User(translate::user(&of(from)))),
        other => panic!("{other}"),
    }
}

/// What is recognised among objects.
pub(super) fn found(objects: &[Value]) -> Vec<Installation> {
    let mut kube = KubeWorld::default();
    for (_, object) in objects.iter().map(translated) {
        kube.put(object);
    }
    installations(&Objects::of(&kube))
}

/// The only installation among objects.
fn only(objects: &[Value]) -> Installation {
    let mut found = found(objects);
    assert_eq!(found.len(), 1, "{:?}", found.iter().map(|i| i.id.to_string()).collect::<Vec<_>>());
    found.remove(0)
}

/// The objects without some kinds, which may not be read.
fn without(objects: &[Value], kinds: &[&str]) -> Vec<Value> {
    objects.iter().filter(|o| !kinds.contains(&o["kind"].as_str().unwrap())).cloned().collect()
}

/// The object of a kind and name, to change it.
pub(super) fn object<'a>(objects: &'a mut [Value], kind: &str, name: &str) -> &'a mut Value {
    objects.iter_mut().find(|o| o["kind"] == kind && o["metadata"]["name"] == name).unwrap()
}

fn ids(installation: &Installation) -> Vec<i32> {
    installation.brokers.iter().map(|b| b.id_hint.map_or(-1, |id| id.0)).collect()
}

fn ways(installation: &Installation) -> Vec<String> {
    installation.ways.iter().map(|way| format!("{:?}: {way}", way.owner)).collect()
}

fn resources() -> [&'static str; 4] {
    ["Kafka", "KafkaNodePool", "StrimziPodSet", "KafkaUser"]
}

// ---- Strimzi ----

#[test]
fn strimzi_is_recognised_with_its_resources() {
    let kafka = only(&fixture(STRIMZI));
    assert_eq!((kafka.id.to_string().as_str(), kafka.flavour), ("messaging/kafka-cluster", Flavour::Strimzi));
    assert_eq!((kafka.kafka_version.as_deref(), kafka.metadata_version.as_deref()), (Some("4.1.2"), Some("4.1-IV1")));
    assert_eq!((kafka.wanted, kafka.mode, ids(&kafka)), (Some(3), Some(Mode::KRaft), vec![0, 1, 2]));
    assert_eq!(kafka.pools[0].name, "kafka-pool");
    assert_eq!(kafka.pools[0].node_ids, [0, 1, 2].map(BrokerId));
    assert!(kafka.controllers.is_empty(), "combined nodes are brokers");
    assert_eq!(kafka.owners[0].api_version, "kafka.strimzi.io/v1");
    assert!(kafka.operator.as_ref().is_some_and(|operator| operator.ready));
    assert!(!kafka.paused && !kafka.is_declared_unready());
    assert_eq!(kafka.ephemeral, Some(false));
}

#[test]
fn strimzi_is_recognised_by_its_pods_alone_where_its_resources_may_not_be_read() {
    let kafka = only(&without(&fixture(STRIMZI), &resources()));
    assert_eq!((kafka.id.to_string().as_str(), kafka.flavour), ("messaging/kafka-cluster", Flavour::Strimzi));
    assert_eq!((kafka.kafka_version.as_deref(), kafka.wanted, kafka.mode), (Some("4.1.2"), None, Some(Mode::KRaft)));
    assert_eq!((ids(&kafka), kafka.pools.len()), (vec![0, 1, 2], 1));
    assert!(kafka.ways.is_empty(), "nothing tells how its listeners are protected");
    let counted = only(&without(&fixture(STRIMZI), &["Kafka", "KafkaNodePool", "KafkaUser"]));
    assert_eq!(counted.wanted, Some(3), "its set of pods tells how many there should be");
}

#[test]
fn strimzi_is_recognised_by_its_resource_alone_when_all_pods_are_gone() {
    let kafka = only(&without(&fixture(STRIMZI), &["Pod", "StrimziPodSet"]));
    assert_eq!((kafka.brokers.len(), kafka.wanted), (0, Some(3)));
    assert_eq!(kafka.kafka_version.as_deref(), Some("4.1.2"));
}

#[test]
fn the_console_s_user_comes_before_an_application_s_and_the_operators_own_last() {
    let kafka = only(&fixture(STRIMZI));
    assert_eq!(
        ways(&kafka),
        [
            "Console: SASL_SSL listener tls on 9093 as console (SCRAM-SHA-512)",
            "Console: SASL_PLAINTEXT listener plain on 9092 as console (SCRAM-SHA-512)",
            "Application: SASL_SSL listener tls on 9093 as orders-app (SCRAM-SHA-512)",
            "Application: SASL_PLAINTEXT listener plain on 9092 as orders-app (SCRAM-SHA-512)",
            "Administrator: SSL listener REPLICATION-9091 on 9091 as CN=cluster-operator,O=io.strimzi (client certificate)",
        ]
    );
    let trust = &kafka.ways[0].encryption.as_ref().unwrap().trust;
    assert_eq!(trust[0].to_string(), "secret messaging/kafka-cluster-cluster-ca-cert key ca.crt");
    assert!(kafka.brokers.iter().all(|broker| broker.port == 9093), "they are asked where the best way leads");
}

#[test]
fn a_user_s_rights_count_more_than_its_name() {
    let mut objects = fixture(STRIMZI);
    let acls = json!([{"resource": {"type": "cluster"}, "operations": ["All"]}]);
    object(&mut objects, "KafkaUser", "console")["spec"]["authorization"]["acls"] = acls;
    let kafka = only(&objects);
    assert_eq!(kafka.ways[0].owner, Owner::Application);
    assert!(ways(&kafka).iter().any(|way| way.starts_with("Administrator") && way.contains("as console")));

    let writes = json!([{"resource": {"type": "topic", "name": "x"}, "operations": ["Write"]}]);
    object(&mut objects, "KafkaUser", "console")["spec"]["authorization"]["acls"] = writes;
    assert_eq!(only(&objects).ways[0].owner, Owner::Application);

    // One that only reads its own topic is an application, one that may look at everything is not.
    let mut objects = fixture(STRIMZI);
    let looks = |topic: &str| {
        json!([{"resource": {"type": "topic", "name": topic}, "operations": ["Read", "Describe"]},
               {"resource": {"type": "group", "name": topic}, "operations": ["Describe"]}])
    };
    object(&mut objects, "KafkaUser", "console")["metadata"]["name"] = json!("anna");
    object(&mut objects, "KafkaUser", "anna")["status"] = json!({"username": "anna", "secret": "anna"});
    object(&mut objects, "KafkaUser", "anna")["spec"]["authorization"]["acls"] = looks("orders");
    assert_eq!(only(&objects).ways[0].owner, Owner::Application);
    object(&mut objects, "KafkaUser", "anna")["spec"]["authorization"]["acls"] = looks("*");
    assert_eq!(only(&objects).ways[0].owner, Owner::Console);
    object(&mut objects, "Kafka", "kafka-cluster")["spec"]["kafka"]["authorization"]["superUsers"] = json!(["anna"]);
    assert_eq!(
        only(&objects).ways[0].owner,
        Owner::Application,
        "a super user is an administrator, whatever its rules"
    );
}

#[test]
fn a_listener_that_asks_nobody_needs_the_least() {
    let mut objects = fixture(STRIMZI);
    object(&mut objects, "Kafka", "kafka-cluster")["spec"]["kafka"]["listeners"] = json!([
        {"name": "outside", "port": 9095, "type": "nodeport", "tls": true},
        {"name": "mutual", "port": 9093, "type": "internal", "tls": true, "authentication": {"type": "tls"}},
        {"name": "plain", "port": 9092, "type": "internal", "tls": false},
    ]);
    let kafka = only(&objects);
    assert_eq!(
        ways(&kafka)[..2],
        ["Nobody: PLAINTEXT listener plain on 9092", "Nobody: SSL listener outside on 9095"],
        "within the cluster before beyond it"
    );
    assert!(ways(&kafka)[2].starts_with("Administrator"), "no user has a certificate");
    assert_eq!(kafka.brokers[0].port, 9092);
}

#[test]
fn users_with_certificates_log_in_with_them() {
    let mut objects = fixture(STRIMZI);
    object(&mut objects, "Kafka", "kafka-cluster")["spec"]["kafka"]["listeners"] =
        json!([{"name": "mutual", "port": 9093, "type": "internal", "tls": true, "authentication": {"type": "tls"}}]);
    let user = object(&mut objects, "KafkaUser", "console");
    user["spec"]["authentication"]["type"] = json!("tls");
    user["status"] = json!({"username": "CN=console"});
    let kafka = only(&objects);
    assert_eq!(ways(&kafka)[0], "Console: SSL listener mutual on 9093 as CN=console (client certificate)");
}

#[test]
fn a_cluster_that_is_paused_or_not_ready_says_so_in_either_form() {
    let mut objects = fixture(STRIMZI);
    let kafka = object(&mut objects, "Kafka", "kafka-cluster");
    kafka["metadata"]["annotations"] = json!({"strimzi.io/pause-reconciliation": "true"});
    kafka["status"] = json!({"conditions": [{"type": "ReconciliationPaused", "status": "True"}]});
    let paused = only(&objects);
    assert!(paused.paused);
    assert_eq!(paused.kafka_version.as_deref(), Some("4.1.2"), "its status says nothing any more, its spec does");
    assert!(!paused.ways.is_empty());
    for (kind, status, unready) in
        [("NotReady", "True", true), ("Ready", "False", true), ("Ready", "True", false), ("NotReady", "False", false)]
    {
        object(&mut objects, "Kafka", "kafka-cluster")["status"] =
            json!({"conditions": [{"type": kind, "status": status}]});
        assert_eq!(only(&objects).is_declared_unready(), unready, "{kind}={status}");
    }
}

#[test]
fn nodes_that_are_controllers_alone_belong_to_it_and_are_no_brokers() {
    let mut objects = fixture(STRIMZI);
    let quorum = object(&mut objects, "Pod", "kafka-cluster-kafka-pool-2");
    quorum["metadata"]["labels"]["strimzi.io/broker-role"] = json!("false");
    quorum["metadata"]["labels"]["strimzi.io/pool-name"] = json!("quorum");
    let kafka = only(&objects);
    assert_eq!(ids(&kafka), [0, 1]);
    assert_eq!(kafka.controllers.len(), 1);
    assert_eq!(kafka.controllers[0].roles, [Role::Controller]);
    assert_eq!(kafka.controllers[0].id_hint, Some(BrokerId(2)));
}

#[test]
fn an_old_cluster_with_zookeeper_is_told_by_its_pods() {
    let mut objects = without(&fixture(STRIMZI), &resources());
    for object in
        objects.iter_mut().filter(|o| o["kind"] == "Pod" && o["metadata"]["labels"]["strimzi.io/kind"] == "Kafka")
    {
        for role in ["strimzi.io/broker-role", "strimzi.io/controller-role", "strimzi.io/pool-name"] {
            object["metadata"]["labels"].as_object_mut().unwrap().remove(role);
        }
    }
    let keeper = object(&mut objects, "Pod", "kafka-cluster-kafka-pool-2");
    keeper["metadata"]["labels"]["strimzi.io/name"] = json!("kafka-cluster-zookeeper");
    let kafka = only(&objects);
    assert_eq!((kafka.mode, ids(&kafka)), (Some(Mode::ZooKeeper), vec![0, 1]));
    assert_eq!(kafka.ensemble.unwrap().pods.len(), 1);
}

#[test]
fn hostile_resources_cost_their_own_fields_and_nothing_else() {
    let mut objects = fixture(STRIMZI);
    let kafka = object(&mut objects, "Kafka", "kafka-cluster");
    kafka["spec"] = json!({"kafka": {"listeners": "none", "version": ["x".repeat(1 << 20)]}});
    kafka["status"] = json!([1, 2]);
    object(&mut objects, "KafkaNodePool", "kafka-pool")["spec"] = json!(null);
    object(&mut objects, "KafkaUser", "console")["spec"] =
        json!({"authorization": {"acls": [null, 7, {"operations": "All"}]}});
    objects.push(
        json!({"apiVersion": "kafka.strimzi.io/v1", "kind": "Kafka", "metadata": {"name": "empty", "namespace": "x"}}),
    );
    objects.push(json!({"kind": "KafkaUser", "apiVersion": "kafka.strimzi.io/v1",
        "metadata": {"name": "stray", "namespace": "x", "labels": {"strimzi.io/cluster": ""}}}));
    let found = found(&objects);
    assert_eq!(found.len(), 2);
    assert_eq!(ids(&found[0]), [0, 1, 2]);
    assert_eq!(found[1].id.to_string(), "x/empty");
}

// ---- Bitnami ----

/// The fixture as another generation of the chart leaves it.
fn of_chart(chart: &str) -> Vec<Value> {
    let text = BITNAMI.replace("kafka-32.4.4", chart);
    fixture(&text)
}

#[test]
fn bitnami_s_release_is_recognised_under_its_own_name() {
    let kafka = only(&fixture(BITNAMI));
    assert_eq!((kafka.id.to_string().as_str(), kafka.flavour), ("learnflow/kafka", Flavour::Bitnami));
    assert_eq!((kafka.wanted, kafka.mode, ids(&kafka)), (Some(3), Some(Mode::KRaft), vec![0, 1, 2]));
    let helm = kafka.helm.as_ref().unwrap();
    assert_eq!((helm.name.as_str(), helm.chart.as_deref()), ("kafka", Some("kafka-32.4.4")));
    assert_eq!(
        ways(&kafka),
        ["Nobody: PLAINTEXT listener CLIENT on 9092", "Nobody: PLAINTEXT listener INTERNAL on 9094"]
    );
    assert_eq!(kafka.configs.len(), 1);
    assert!(kafka.brokers.iter().all(|broker| broker.roles == [Role::Broker, Role::Controller]));
}

#[test]
fn the_two_stateful_sets_of_a_release_are_one_installation() {
    let mut objects = fixture(BITNAMI);
    let brokers = BITNAMI.replace("kafka-controller", "kafka-broker").replace("controller-eligible", "broker");
    objects.extend(fixture(&brokers).into_iter().filter(|o| matches!(o["kind"].as_str(), Some("Pod" | "StatefulSet"))));
    let kafka = only(&objects);
    assert_eq!(kafka.id.to_string(), "learnflow/kafka");
    assert_eq!(kafka.wanted, Some(6));
    let mut all = ids(&kafka);
    all.sort_unstable();
    assert_eq!(all, [0, 1, 2, 100, 101, 102], "brokers are counted from 100");
    assert_eq!(kafka.pools.len(), 2);

    // Controllers alone are part of it and serve nobody.
    object(&mut objects, "ConfigMap", "kafka-controller-configuration")["data"]["server.properties"] =
        json!("process.roles=controller\nlisteners=CONTROLLER://:9093");
    let mut config: Vec<Value> = fixture(&brokers).into_iter().filter(|o| o["kind"] == "ConfigMap").collect();
    objects.append(&mut config);
    let kafka = only(&objects);
    assert_eq!(kafka.brokers.iter().map(|b| b.id_hint.unwrap().0).collect::<Vec<_>>(), [100, 101, 102]);
    assert_eq!((kafka.controllers.len(), kafka.wanted), (3, Some(3)));
    assert_eq!(kafka.id.to_string(), "learnflow/kafka");
}

#[test]
fn each_generation_of_the_chart_has_its_names_and_its_secrets() {
    let mut sasl = of_chart("kafka-31.5.0");
    let map = json!(
        "listeners=CLIENT://:9092,INTERNAL://:9094,CONTROLLER://:9093\n\
        listener.security.protocol.map=CLIENT:SASL_SSL,INTERNAL:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT\n\
        process.roles=controller,broker\ncontroller.listener.names=CONTROLLER\ninter.broker.listener.name=INTERNAL\n\
        sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512\n\
        listener.name.client.plain.sasl.jaas.config=X required user_user1=\"password-placeholder-0\" user_monitoring=\"password-placeholder-1\";\n\
        listener.name.internal.plain.sasl.jaas.config=X required username=\"inter_broker_user\" user_inter_broker_user=\"p\";"
    );
    object(&mut sasl, "ConfigMap", "kafka-controller-configuration")["data"]["server.properties"] = map;
    let kafka = only(&sasl);
    assert_eq!(
        ways(&kafka),
        [
            "Console: SASL_SSL listener CLIENT on 9092 as monitoring (PLAIN)",
            "Application: SASL_SSL listener CLIENT on 9092 as user1 (PLAIN)",
            "Administrator: SASL_PLAINTEXT listener INTERNAL on 9094 as inter_broker_user (PLAIN)",
        ]
    );
    let text = format!("{:?}", kafka.ways[0]);
    assert!(
        text.contains("kafka-user-passwords") && text.contains("client-passwords") && text.contains("nth: Some(1)"),
        "{text}"
    );
    assert!(text.contains("kafka-tls"), "{text}");

    // Up to 23: one StatefulSet of the release's name, configured by its environment.
    let mut old = of_chart("kafka-23.0.7");
    let text = serde_json::to_string(&old).unwrap();
    let text = text
        .replace("kafka-controller-headless", "kafka-headless")
        .replace("kafka-controller", "kafka")
        .replace("controller-eligible", "kafka");
    old = without(&fixture(&text), &["ConfigMap"]);
    let env = json!([
        {"name": "KAFKA_CFG_PROCESS_ROLES", "value": "broker,controller"},
        {"name": "KAFKA_CFG_LISTENERS", "value": "CLIENT://:9092,INTERNAL://:9093,CONTROLLER://:9095"},
        {"name": "KAFKA_CFG_LISTENER_SECURITY_PROTOCOL_MAP", "value": "CLIENT:SASL_PLAINTEXT,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT"},
        {"name": "KAFKA_CFG_INTER_BROKER_LISTENER_NAME", "value": "INTERNAL"},
        {"name": "KAFKA_CLIENT_USERS", "value": "shop,console"},
    ]);
    for object in old.iter_mut().filter(|o| o["kind"] == "Pod") {
        object["spec"]["containers"][0]["env"] = env.clone();
    }
    let kafka = only(&old);
    assert_eq!((kafka.id.to_string().as_str(), kafka.flavour), ("learnflow/kafka", Flavour::Bitnami));
    let sasl: Vec<_> = kafka.ways.iter().filter(|way| way.login.is_some()).collect();
    assert_eq!(sasl[0].owner, Owner::Console);
    let text = format!("{:?}", sasl[0]);
    assert!(text.contains("kafka-jaas") && text.contains("nth: Some(1)"), "{text}");
    assert_eq!(kafka.ways.last().unwrap().owner, Owner::Application);
}

#[test]
fn a_release_whose_configuration_may_not_be_read_is_recognised_and_promises_no_way() {
    let kafka = only(&without(&fixture(BITNAMI), &["ConfigMap"]));
    assert_eq!((kafka.flavour, ids(&kafka)), (Flavour::Bitnami, vec![0, 1, 2]));
    assert_eq!(kafka.mode, Some(Mode::KRaft));
    assert!(kafka.ways.is_empty());
    assert_eq!(kafka.brokers[0].port, 9092);
}

// ---- hand-written ----

#[test]
fn zookeeper_s_brokers_are_found_with_their_ensemble_and_nothing_else_is() {
    let kafka = only(&fixture(ZOOKEEPER));
    assert_eq!((kafka.id.to_string().as_str(), kafka.flavour), ("kafka/kafka", Flavour::StatefulSet));
    assert_eq!((kafka.kafka_version.as_deref(), kafka.mode), (Some("3.9.2"), Some(Mode::ZooKeeper)));
    assert_eq!((ids(&kafka), kafka.wanted), (vec![0, 1, 2], Some(3)));
    let ensemble = kafka.ensemble.as_ref().unwrap();
    assert_eq!(ensemble.connect, "zookeeper:2181");
    assert_eq!(ensemble.workload.as_ref().unwrap().name, "zoo");
    let pods: Vec<&str> = ensemble.pods.iter().map(|pod| pod.name.as_str()).collect();
    assert_eq!(pods, ["zoo-0", "zoo-1", "zoo-2"]);
    assert!(kafka.brokers.iter().all(|broker| broker.pod.name.starts_with("kafka-") && broker.roles == [Role::Broker]));
    assert_eq!(ways(&kafka), ["Nobody: PLAINTEXT listener PLAINTEXT on 9092"]);
}

#[test]
fn an_ensemble_is_found_by_its_members_names_too() {
    for connect in
        ["zoo-0.zoo:2181,zoo-1.zoo:2181", "zoo-0.zoo.kafka.svc.cluster.local:2181/chroot", "zookeeper.kafka.svc:2181"]
    {
        let objects =
            fixture(&ZOOKEEPER.replace("zookeeper.connect=zookeeper:2181", &format!("zookeeper.connect={connect}")));
        let ensemble = only(&objects).ensemble.unwrap();
        assert_eq!(ensemble.workload.map(|w| w.name).as_deref(), Some("zoo"), "{connect}");
    }
    let far = fixture(&ZOOKEEPER.replace("zookeeper.connect=zookeeper:2181", "zookeeper.connect=10.1.2.3:2181,,:"));
    let ensemble = only(&far).ensemble.unwrap();
    assert_eq!((ensemble.connect.as_str(), ensemble.workload), ("10.1.2.3:2181,,:", None));
}

#[test]
fn a_deployment_without_persistence_is_the_only_kafka_beside_connect() {
    let kafka = only(&fixture(CONNECT));
    assert_eq!((kafka.id.to_string().as_str(), kafka.flavour), ("kafka-demo/kafka", Flavour::Deployment));
    assert_eq!((kafka.wanted, ids(&kafka), kafka.ephemeral), (Some(1), vec![1], Some(true)));
    assert_eq!(kafka.mode, Some(Mode::KRaft));
    assert_eq!(ways(&kafka), ["Nobody: PLAINTEXT listener PLAINTEXT on 9092"]);
}

#[test]
fn a_quorum_in_a_stateful_set_of_its_own_belongs_to_the_brokers_that_name_it() {
    let set = |name: &str, roles: &str, listeners: &str, replicas: usize| -> Vec<Value> {
        let spec = json!({"subdomain": "ink", "containers": [{"name": "engine", "image": "apache/kafka:4.1.2",
            "ports": [{"containerPort": 9092}],
            "env": [{"name": "KAFKA_PROCESS_ROLES", "value": roles}, {"name": "KAFKA_LISTENERS", "value": listeners},
                {"name": "KAFKA_CONTROLLER_QUORUM_VOTERS", "value": "0@judge-0.court:9093"}]}]});
        let pod = |n: usize| {
            json!({"apiVersion": "v1", "kind": "Pod", "spec": spec, "status": {"phase": "Running"},
            "metadata": {"name": format!("{name}-{n}"), "namespace": "q",
                "ownerReferences": [{"apiVersion": "apps/v1", "kind": "StatefulSet", "name": name, "uid": "", "controller": true}]}})
        };
        let workload = json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": name, "namespace": "q"},
            "spec": {"replicas": replicas, "serviceName": "x", "selector": {}, "template": {"metadata": {}, "spec": spec}}});
        (0..replicas).map(pod).chain([workload]).collect()
    };
    let mut objects = set("ledger", "broker", "PLAINTEXT://:9092", 3);
    objects.extend(set("judge", "controller", "CONTROLLER://:9093", 1));
    objects.extend(set("stranger", "controller", "CONTROLLER://:9093", 1));
    let kafka = only(&objects);
    assert_eq!((kafka.id.to_string().as_str(), kafka.wanted), ("q/ledger", Some(3)));
    assert_eq!(kafka.controllers.iter().map(|c| c.pod.name.as_str()).collect::<Vec<_>>(), ["judge-0"]);
    assert_eq!(kafka.pools.iter().map(|pool| pool.name.as_str()).collect::<Vec<_>>(), ["ledger", "judge"]);
}

#[test]
fn an_image_that_listens_where_it_advertises_has_a_way_in() {
    let env = json!([{"name": "KAFKA_BROKER_ID", "value": "1"}, {"name": "KAFKA_ZOOKEEPER_CONNECT", "value": "zk:2181"},
        {"name": "KAFKA_ADVERTISED_LISTENERS", "value": "PLAINTEXT://kafka:9092"}]);
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "status": {"phase": "Running"},
        "metadata": {"name": "kafka-7d9f5c8b6d-x2x4z", "namespace": "demo",
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "kafka-7d9f5c8b6d", "uid": "", "controller": true}]},
        "spec": {"containers": [{"name": "kafka", "image": "confluentinc/cp-kafka:7.6.1", "ports": [{"containerPort": 9092}], "env": env}]}});
    let kafka = only(&[pod]);
    assert_eq!(
        (ways(&kafka), kafka.mode),
        (vec!["Nobody: PLAINTEXT listener PLAINTEXT on 9092".to_owned()], Some(Mode::ZooKeeper))
    );
    assert_eq!(kafka.ensemble.map(|e| e.connect).as_deref(), Some("zk:2181"));
}

// ---- other operators ----

fn operated(name: &str, owner: (&str, &str), labels: &Value, image: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "status": {"phase": "Running"},
        "metadata": {"name": name, "namespace": "c", "labels": labels,
            "ownerReferences": [{"apiVersion": "x/v1", "kind": owner.0, "name": owner.1, "uid": "", "controller": true}]},
        "spec": {"containers": [{"name": "kafka", "image": image, "ports": [{"containerPort": 9092}, {"containerPort": 9071}],
            "volumeMounts": [{"name": "data", "mountPath": "/mnt/data/data0"}]}],
            "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "d"}}]}})
}

#[test]
fn confluent_s_brokers_are_recognised_with_their_controllers_and_its_other_parts_are_not() {
    let part = |name: &str, n: u32, image: &str| {
        let labels = json!({"platform.confluent.io/type": name, "clusterId": "c", "app": name});
        operated(&format!("{name}-{n}"), ("StatefulSet", name), &labels, image)
    };
    let mut objects: Vec<Value> = (0..3).map(|n| part("kafka", n, "confluentinc/cp-server:7.9.0")).collect();
    objects.push(part("kraftcontroller", 0, "confluentinc/cp-server:7.9.0"));
    objects.push(part("connect", 0, "confluentinc/cp-server-connect:7.9.0"));
    objects.push(part("schemaregistry", 0, "confluentinc/cp-schema-registry:7.9.0"));
    objects.push(part("controlcenter", 0, "confluentinc/cp-enterprise-control-center:7.9.0"));
    let kafka = only(&objects);
    assert_eq!((kafka.id.to_string().as_str(), kafka.flavour), ("c/kafka", Flavour::Confluent));
    assert_eq!((ids(&kafka), kafka.controllers.len(), kafka.mode), (vec![0, 1, 2], 1, Some(Mode::KRaft)));
    assert_eq!(kafka.kafka_version.as_deref(), Some("3.9"));
    assert_eq!(kafka.owners.iter().map(|o| o.kind.as_str()).collect::<Vec<_>>(), ["Kafka", "KRaftController"]);
}

#[test]
fn koperator_s_bare_pods_are_one_installation_by_their_owner() {
    let pod = |id: u32| {
        let labels = json!({"app": "kafka", "kafka_cr": "events", "brokerId": id.to_string()});
        operated(
            &format!("events-{id}-x7z9v"),
            ("KafkaCluster", "events"),
            &labels,
            "ghcr.io/banzaicloud/kafka:2.13-3.4.1",
        )
    };
    let mut objects = vec![pod(0), pod(7)];
    let control = json!({"app": "cruisecontrol", "kafka_cr": "events"});
    objects.push(operated(
        "events-cruisecontrol-x",
        ("KafkaCluster", "events"),
        &control,
        "ghcr.io/banzaicloud/cruise-control:2",
    ));
    let kafka = only(&objects);
    assert_eq!((kafka.id.to_string().as_str(), kafka.flavour), ("c/events", Flavour::Koperator));
    assert_eq!((ids(&kafka), kafka.kafka_version.as_deref()), (vec![0, 7], Some("3.4.1")));
}

#[test]
fn labels_of_an_operator_without_its_owner_are_no_proof() {
    let strimzi = json!({"strimzi.io/cluster": "c", "strimzi.io/kind": "Kafka", "strimzi.io/name": "c-kafka", "strimzi.io/broker-role": "true"});
    let impostor = operated("c-kafka-0", ("StatefulSet", "c-kafka"), &strimzi, "nginx:1");
    let confluent =
        operated("kafka-0", ("StatefulSet", "k"), &json!({"platform.confluent.io/type": "kafka"}), "nginx:1");
    let koperator = operated(
        "kafka-1",
        ("StatefulSet", "l"),
        &json!({"app": "kafka", "kafka_cr": "x", "brokerId": "1"}),
        "nginx:1",
    );
    assert!(found(&[impostor, confluent, koperator]).is_empty());
    let connect = json!({"strimzi.io/cluster": "c", "strimzi.io/kind": "KafkaConnect", "strimzi.io/name": "c-connect"});
    assert!(
        found(&[operated(
            "c-connect-0",
            ("StrimziPodSet", "c-connect"),
            &connect,
            "quay.io/strimzi/kafka:1.0.0-kafka-4.1.2"
        )])
        .is_empty()
    );
}

#[test]
fn everything_at_once_is_told_apart() {
    let mut objects: Vec<Value> = [STRIMZI, BITNAMI, ZOOKEEPER, CONNECT].into_iter().flat_map(fixture).collect();
    objects.reverse();
    let names: Vec<String> = found(&objects).iter().map(|i| format!("{} {}", i.id, i.flavour)).collect();
    assert_eq!(
        names,
        [
            "kafka/kafka StatefulSet",
            "kafka-demo/kafka Deployment",
            "learnflow/kafka Bitnami",
            "messaging/kafka-cluster Strimzi"
        ]
    );
}
