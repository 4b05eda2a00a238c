//! Users, ACLs and quotas against Kafka's own tools.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::common::{
    live::{Cluster, note, skip},
    process::Outcome,
};

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

/// A user as PRODUCT's example makes it, with names of these rows.
pub fn through_resources(cluster: &Cluster) {
    if cluster.kubectl(["-n", "messaging", "get", "kafkauser", "orders-app", "console"]).code != 0 {
        skip("the flavour strimzi is not installed");
        return;
    }
    let user = "acting-heron";
    let act = |args: &[&str]| -> Outcome {
        let base = ["--installation", "messaging/kafka-cluster", "user"];
        cluster.kafdeck().limit(std::time::Duration::from_secs(200)).args(base.iter().chain(args)).run()
    };
    cluster.kubectl(["-n", "messaging", "delete", "kafkauser", user, "--ignore-not-found", "--wait=true"]);
    let rules = ["--producer", "orders", "--consumer", "orders:app-group"];
    let create = ["create", user, "--mechanism", "scram-sha-512", "--yes"];
    let began = std::time::Instant::now();
    let made = act(&[&create[..], &rules].concat());
    assert_eq!(made.code, 0, "{made:#?}");
    note(&format!("a KafkaUser with its password after {:.1} s", began.elapsed().as_secs_f64()));
    let shown = |outcome: &Outcome| {
        let mark = format!("password of {user}, shown once: ");
        outcome.stdout.split_once(&mark).unwrap_or_else(|| panic!("{outcome:#?}")).1.trim().to_owned()
    };
    let kept = || {
        let path = ["-n", "messaging", "get", "secret", user, "-o", "go-template={{.data.password | base64decode}}"];
        cluster.kubectl(path).stdout.trim().to_owned()
    };
    assert_eq!(shown(&made), kept());
    let listed = tool(cluster, &format!("kafka-acls.sh --list --principal User:{user}"));
    for (resource, operation) in [("name=orders", "WRITE"), ("name=orders", "READ"), ("name=app-group", "READ")] {
        assert!(listed.contains(resource) && listed.contains(operation), "{listed}");
    }
    let credentials = tool(cluster, "kafka-configs.sh --describe --entity-type users");
    assert!(credentials.contains(&format!("'{user}' are SCRAM-SHA-512")), "{credentials}");
    let again = act(&["create", user, "--yes"]);
    assert!(again.code == 1 && again.stderr.contains("is there already"), "{again:#?}");
    let exported = act(&["export", user, "--profile", "durable", "--with-password"]);
    assert_eq!(exported.code, 0, "{exported:#?}");
    for words in
        [&*format!("password=\"{}\"", kept()), "kafka-cluster-kafka-bootstrap.messaging.svc:9093", "BEGIN CERT"]
    {
        assert!(exported.stdout.contains(words), "{words} in {}", exported.stdout);
    }
    let rotated = act(&["rotate", user, "--yes"]);
    assert_eq!(rotated.code, 0, "{rotated:#?}");
    assert!(shown(&rotated) != shown(&made) && shown(&rotated) == kept(), "another password, which is in the Secret");
    let deleted = act(&["delete", user, "--yes", "--confirm", user]);
    assert_eq!(deleted.code, 0, "{deleted:#?}");
    assert!(!tool(cluster, "kafka-acls.sh --list").contains(user));
    assert!(!tool(cluster, "kafka-configs.sh --describe --entity-type users").contains(user));
}
