//! Kafka Connect as it is found, what is taken for a worker, and which Kafka it is looked at with.

use serde_json::{Value, json};

use super::flavours::{CONNECT, fixture, found, object};
use crate::domain::{
    connect::{ConnectCluster, Tie},
    installation::Installation,
};

fn connects(objects: &[Value]) -> Vec<ConnectCluster> {
    found(objects).into_iter().flat_map(|i| i.connect).collect()
}

/// The fixture with the worker's pod and its workload changed alike.
fn changed(change: impl Fn(&mut Value)) -> Vec<Value> {
    let mut objects = fixture(CONNECT);
    for object in &mut objects {
        let is_worker = object["metadata"]["name"].as_str().unwrap().starts_with("kafka-connect");
        match object["kind"].as_str().unwrap() {
            "Pod" if is_worker => change(&mut object["spec"]["containers"][0]),
            "Deployment" if is_worker => change(&mut object["spec"]["template"]["spec"]["containers"][0]),
            _ => {}
        }
    }
    objects
}

/// A namespace's only Kafka, and in the place of the fixture's worker this container.
fn with_worker(container: &Value) -> Vec<ConnectCluster> {
    connects(&changed(|of| *of = container.clone()))
}

#[test]
fn the_demo_s_worker_is_found_with_its_group_and_its_kafka() {
    let all = connects(&fixture(CONNECT));
    let [connect] = &all[..] else { panic!("{all:#?}") };
    assert_eq!((connect.id.name.as_str(), connect.group.as_deref()), ("kafka-connect", Some("connect-cluster")));
    assert_eq!((connect.bootstrap.as_slice(), connect.tie), (&["kafka:9092".to_owned()][..], Tie::Address));
    let [worker] = &connect.workers[..] else { panic!("{connect:#?}") };
    assert_eq!(
        (worker.at.pod.name.as_str(), worker.at.port, worker.tls),
        ("kafka-connect-75c7887dff-krz7r", 8083, false)
    );
    assert_eq!(worker.container, "kafka-connect");
}

#[test]
fn workers_are_known_by_what_they_run_and_are_configured_with() {
    for container in [
        json!({"name": "c", "image": "confluentinc/cp-kafka-connect:7.6.1", "env": [{"name": "CONNECT_REST_PORT", "value": "8083"}]}),
        json!({"name": "c", "image": "quay.io/debezium/connect:2.5", "env": [{"name": "BOOTSTRAP_SERVERS", "value": "kafka:9092"}]}),
        json!({"name": "c", "image": "mirror/team/cp-server-connect:7.6.1", "command": ["/etc/confluent/docker/run"]}),
        json!({"name": "c", "image": "quay.io/strimzi/kafka:0.48.0-kafka-4.1.0", "command": ["/opt/kafka/kafka_connect_run.sh"]}),
        json!({"name": "c", "image": "apache/kafka:4.1.2", "command": ["/opt/kafka/bin/connect-standalone.sh", "/x"]}),
        json!({"name": "c", "image": "x", "command": ["java", "-cp", "/l", "org.apache.kafka.connect.cli.ConnectDistributed", "/x"]}),
        json!({"name": "c", "image": "x", "command": ["/run"], "ports": [{"containerPort": 8083}], "env": [
            {"name": "CONNECT_CONFIG_STORAGE_TOPIC"}, {"name": "CONNECT_OFFSET_STORAGE_TOPIC"}, {"name": "CONNECT_STATUS_STORAGE_TOPIC"},
            {"name": "CONNECT_PLUGIN_PATH"}]}),
    ] {
        // The last one is configured as a worker, which is not yet enough without a sign of what it starts.
        let wanted = usize::from(container["command"] != json!(["/run"]));
        assert_eq!(with_worker(&container).len(), wanted, "{container}");
    }
}

#[test]
fn what_only_stands_near_is_no_worker() {
    for container in [
        json!({"name": "kafka-connect", "image": "busybox", "command": ["sleep", "1d"], "ports": [{"containerPort": 8083}]}),
        json!({"name": "connect", "image": "landoop/kafka-connect-ui:0.9.7", "env": [{"name": "CONNECT_URL", "value": "http://c:8083"}]}),
        json!({"name": "connect", "image": "apache/kafka:4.1.2", "command": ["connect-mirror-maker.sh", "/x"]}),
        json!({"name": "connect", "image": "provectuslabs/kafka-ui", "env": [{"name": "KAFKA_CLUSTERS_0_KAFKACONNECT_0_ADDRESS", "value": "x"}]}),
        json!({"name": "connect", "image": "confluentinc/cp-kafka-connect:7.6.1", "command": ["sh", "-c", "curl -s localhost; sleep 9"]}),
        json!({"name": "connect", "image": "apache/kafka:4.1.2", "command": ["sh", "-c", "# exec connect-distributed.sh\nexec tail -f /dev/null"]}),
    ] {
        assert!(with_worker(&container).is_empty(), "{container}");
    }
}

#[test]
fn the_port_and_the_encryption_are_those_of_the_listeners() {
    for (listeners, expected) in [
        ("http://:9000", (9000, false)),
        ("https://:8443,http://0.0.0.0:8084", (8084, false)),
        ("https://:8443", (8443, true)),
        ("nonsense", (8083, false)),
    ] {
        let env = json!([{"name": "CONNECT_LISTENERS", "value": listeners}]);
        let all = with_worker(&json!({"name": "c", "image": "confluentinc/cp-kafka-connect:7.6.1", "env": env}));
        assert_eq!((all[0].workers[0].at.port, all[0].workers[0].tls), expected, "{listeners}");
    }
}

/// A second Kafka beside the fixture's, of another name.
fn beside(mut objects: Vec<Value>) -> Vec<Value> {
    let mut other: Vec<Value> = Vec::new();
    for object in &objects {
        let name = object["metadata"]["name"].as_str().unwrap();
        if !(name == "kafka" || name.starts_with("kafka-c7")) {
            continue;
        }
        let text = object.to_string().replace("\"app\":\"kafka\"", "\"app\":\"other\"").replace("198.1", "198.2");
        let mut object: Value = serde_json::from_str(&text).unwrap();
        let name = name.replacen("kafka", "other", 1);
        object["metadata"]["name"] = json!(name);
        if object["kind"] == "Pod" {
            object["metadata"]["ownerReferences"][0]["name"] = json!("other-c7c47d85f");
        }
        other.push(object);
    }
    objects.extend(other);
    objects
}

fn tied(objects: &[Value]) -> Vec<(String, Tie)> {
    let of = |i: &Installation| i.connect.iter().map(|c| (i.id.name.clone(), c.tie)).collect::<Vec<_>>();
    found(objects).iter().flat_map(of).collect()
}

/// The fixture whose worker looks for its Kafka there.
fn looking(bootstrap: &str) -> Vec<Value> {
    changed(|container| {
        let script = container["command"][2].as_str().unwrap().replace("kafka:9092", bootstrap);
        container["command"][2] = json!(script);
    })
}

#[test]
fn a_worker_is_its_kafka_s_by_address_however_that_is_written() {
    for bootstrap in [
        "kafka:9092",
        "kafka.kafka-demo:9092",
        "PLAINTEXT://kafka.kafka-demo.svc:9092",
        "gone:1,Kafka.kafka-demo.svc.cluster.local.:9092",
        "kafka.kafka-demo.svc.k8s.example.org:9092",
    ] {
        let expected = [("kafka".to_owned(), Tie::Address)];
        assert_eq!(tied(&beside(looking(bootstrap))), expected, "{bootstrap}");
    }
}

#[test]
fn where_nothing_tells_the_only_kafka_is_assumed_and_of_two_none() {
    let unsaid = looking("$KAFKA");
    assert_eq!(tied(&unsaid), [("kafka".to_owned(), Tie::Alone)]);
    let both = [("kafka".to_owned(), Tie::Open), ("other".to_owned(), Tie::Open)];
    assert_eq!(tied(&beside(unsaid)), both);
    // An address that leads nowhere here may be another way to this Kafka, or to another: only the worker can tell.
    assert_eq!(tied(&looking("kafka.example.org:9092")), [("kafka".to_owned(), Tie::Open)]);
}

#[test]
fn a_connect_without_pods_is_still_known_and_one_elsewhere_is_its_kafka_s_by_address_alone() {
    let mut objects = fixture(CONNECT);
    objects.retain(|o| !(o["kind"] == "Pod" && o["metadata"]["name"].as_str().unwrap().starts_with("kafka-connect")));
    let all = connects(&objects);
    assert_eq!((all.len(), all[0].workers.len()), (1, 0));
    let move_to = |objects: &mut Vec<Value>| {
        for object in
            objects.iter_mut().filter(|o| o["metadata"]["name"].as_str().unwrap().starts_with("kafka-connect"))
        {
            object["metadata"]["namespace"] = json!("elsewhere");
        }
    };
    let mut far = looking("kafka.kafka-demo:9092");
    move_to(&mut far);
    assert_eq!(tied(&far), [("kafka".to_owned(), Tie::Address)]);
    let mut far = fixture(CONNECT);
    move_to(&mut far);
    assert_eq!(tied(&far), [], "its `kafka` is another one");
    object(&mut far, "Service", "kafka")["metadata"]["namespace"] = json!("elsewhere");
    assert_eq!(tied(&far), [], "a service of that name there selects no pod of this Kafka");
}
