//! Users, ACLs and quotas against Kafka's own tools.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::common::live::{Cluster, skip};

const ADMIN: &str = "--bootstrap-server $(hostname).kafka-cluster-kafka-brokers.messaging.svc:9091 --command-config /tmp/admin.properties";

fn document(cluster: &Cluster, installation: &str, args: &[&str]) -> Value {
    let base = ["--installation", installation, "-o", "json", "users"];
    let outcome = cluster.kafdeck().args(base.iter().chain(args)).run();
    assert_eq!(outcome.code, 0, "{args:?}: {outcome:#?}");
    outcome.json()
}

/// Runs one of Kafka's tools in a broker's pod as a super user.
fn tool(cluster: &Cluster, command: &str) -> String {
    let command = format!("{} {ADMIN} {}", command.split_once(' ').unwrap().0, command.split_once(' ').unwrap().1);
    let pod = "kafka-cluster-kafka-pool-0";
    let outcome = cluster.kubectl(["-n", "messaging", "exec", pod, "--", "sh", "-c", &command]);
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    outcome.stdout
}

/// Principal, resource, name, pattern and operation of every ACL, in lower case.
type Acls = BTreeSet<[String; 5]>;

/// As kafka-acls.sh lists them.
fn their_acls(list: &str) -> Acls {
    let field = |text: &str, name: &str| {
        let rest = text.split_once(&format!("{name}=")).unwrap_or_else(|| panic!("no {name} in {text}")).1;
        rest.split([',', ')']).next().unwrap().to_lowercase().replace('_', "")
    };
    let (mut resource, mut acls) = (String::new(), Acls::new());
    for line in list.lines() {
        if line.contains("ResourcePattern(") {
            line.clone_into(&mut resource);
        } else if line.contains("principal=") {
            let of = |name| field(&resource, name);
            acls.insert([
                field(line, "principal"),
                of("resourceType"),
                of("name"),
                of("patternType"),
                field(line, "operation"),
            ]);
        }
    }
    acls
}

/// As our document tells them.
fn our_acls(document: &Value) -> Acls {
    let mut acls = Acls::new();
    for user in document["users"].as_array().unwrap() {
        for rule in user["acls"].as_array().unwrap() {
            let text = |value: &Value| value.as_str().unwrap().to_lowercase();
            for operation in rule["operations"].as_array().unwrap() {
                acls.insert([
                    text(&user["principal"]),
                    text(&rule["resource"]),
                    text(&rule["name"]).replace('_', ""),
                    text(&rule["pattern"]),
                    text(operation),
                ]);
            }
        }
    }
    acls
}

pub fn agree_with_kafkas_tools(cluster: &Cluster) {
    if cluster.kubectl(["-n", "messaging", "get", "kafkauser", "orders-app", "console"]).code != 0 {
        skip("the flavour strimzi is not installed");
        return;
    }
    let ours = document(cluster, "messaging/kafka-cluster", &[]);
    assert_eq!(ours["authorizer"], true);
    assert_eq!(our_acls(&ours), their_acls(&tool(cluster, "kafka-acls.sh --list")), "{ours:#}");
    let credentials = tool(cluster, "kafka-configs.sh --describe --entity-type users");
    let theirs: BTreeMap<String, String> = credentials
        .lines()
        .filter_map(|line| {
            let (user, rest) = line.split_once("user-principal '")?.1.split_once("' are ")?;
            Some((user.to_owned(), rest.split_once('=')?.0.to_owned()))
        })
        .collect();
    for name in ["orders-app", "console"] {
        let user = ours["users"].as_array().unwrap().iter().find(|u| u["name"] == name).unwrap();
        assert_eq!(user["mechanism"], theirs[name], "{user:#}");
        assert_eq!(user["owner"], format!("KafkaUser messaging/{name}"));
        assert_eq!(user["issue"], Value::Null, "{user:#}");
        assert_eq!(user["scram"][0]["iterations"], 4096);
    }
    let text = cluster.kafdeck().args(["--installation", "messaging/kafka-cluster", "users", "orders-app"]).run();
    assert_eq!(text.code, 0, "{text:#?}");
    assert!(text.stdout.contains("Read, Write and Describe topic \"orders\", from anywhere"), "{}", text.stdout);
    assert!(text.stdout.contains("Read groups beginning with \"orders\", from anywhere"), "{}", text.stdout);
    assert!(!text.stdout.to_lowercase().contains("password"), "{}", text.stdout);
}

pub fn no_authorizer_is_told(cluster: &Cluster) {
    if cluster.kubectl(["-n", "the-project", "get", "statefulset", "kafka"]).code != 0 {
        skip("the flavour plain is not installed");
        return;
    }
    let ours = document(cluster, "the-project/kafka", &[]);
    assert_eq!(ours["authorizer"], false, "{ours:#}");
    let text = cluster.kafdeck().args(["--installation", "the-project/kafka", "users"]).run();
    assert_eq!(text.code, 0, "{text:#?}");
    assert!(text.stdout.contains("no authorizer: everybody may do everything"), "{}", text.stdout);
}

pub fn zookeeper_tells_users(cluster: &Cluster) {
    if cluster.kubectl(["-n", "kafka", "get", "statefulset", "zoo"]).code != 0 {
        skip("the flavour zookeeper is not installed");
        return;
    }
    let ours = document(cluster, "kafka/kafka", &[]);
    let of_users = ["SCRAM users", "ACLs", "quotas"];
    for source in ours["sources"].as_array().unwrap().iter().filter(|s| of_users.contains(&s["name"].as_str().unwrap()))
    {
        assert_eq!(source["state"], "live", "{source:#}");
    }
}

/// Kafka 4.1 never answers a refused question for SCRAM users whose list of names is null: nobody may be blamed for that.
pub fn an_application_sees_its_part(cluster: &Cluster) {
    if cluster.kubectl(["-n", "messaging", "get", "secret", "orders-app"]).code != 0 {
        skip("the flavour strimzi is not installed");
        return;
    }
    let asked = ["--installation", "messaging/kafka-cluster", "--as", "orders-app", "status", "-o", "json"];
    let status = cluster.kafdeck().args(asked).run().expect_code(0).json();
    assert_eq!((&status["verdict"], &status["brokers"]["ready"]), (&"OK".into(), &3.into()), "{status:#}");
    assert_eq!(status["access"]["owner"], "application");
}
