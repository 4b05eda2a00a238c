//! What a plan is in other words: the commands one would type instead, the objects as YAML.

use serde_json::{Map, Value, json};

use super::{
    Op, Plan,
    kafka::{ConfigChange, KafkaOp, OffsetChange},
    op::Change,
};
use crate::{
    domain::{access::Mechanism, acl, config::Owner, installation::Flavour, record::Draft},
    world::Reading,
};

/// A command that does the same as a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Equivalent {
    /// The command, in one line.
    pub text: String,
    /// True when it does the same as it stands; else it is the closest there is.
    pub runnable: bool,
}

/// Where Kafka's own tools would reach the brokers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tools {
    /// `kubectl -n NS exec POD --`, with what leads to the tools; empty where no pod is known.
    pub inside: String,
    /// `--bootstrap-server …`, and `--command-config …` where brokers ask for a login.
    pub bootstrap: String,
    /// True where the command needs a file with a login that we do not write.
    pub needs_login: bool,
}

impl Tools {
    /// The tools as they stand in the brokers' own pods.
    pub fn of(reading: &Reading<'_>) -> Self {
        let of = reading.installation;
        let Some(broker) = of.brokers.first() else { return Self::default() };
        let container = match of.flavour {
            Flavour::Strimzi | Flavour::Bitnami => " -c kafka",
            _ => "",
        };
        let dir = match of.flavour {
            Flavour::Bitnami => "/opt/bitnami/kafka/bin/",
            Flavour::Strimzi => "/opt/kafka/bin/",
            _ => "",
        };
        let needs_login = reading.book.way.as_ref().is_some_and(|way| !way.is_plain());
        let port = reading.book.way.as_ref().map_or(broker.port, |way| way.port);
        let login = if needs_login { " --command-config client.properties" } else { "" };
        Self {
            inside: format!("kubectl -n {} exec {}{container} -- {dir}", of.id.namespace, broker.pod.name),
            bootstrap: format!("--bootstrap-server localhost:{port}{login}"),
            needs_login,
        }
    }
}

/// The commands that do the same as a plan, step by step.
pub fn commands(plan: &Plan, tools: &Tools) -> Vec<Equivalent> {
    plan.steps.iter().flat_map(|step| of_op(&step.op, tools)).collect()
}

/// The commands that do the same as an op.
pub fn of_op(op: &Op, tools: &Tools) -> Vec<Equivalent> {
    let runnable = |text: String| vec![Equivalent { text, runnable: true }];
    match op {
        Op::Wait | Op::Unproven { .. } => Vec::new(),
        Op::Exchange { topic, records } => vec![exchanged(topic, &records.to_string(), tools)],
        Op::Canary { topic, rate, for_s, .. } => {
            vec![exchanged(topic, &(u64::from(*rate) * for_s).to_string(), tools)]
        }
        // The same without waiting for it.
        Op::Job { manifest, .. } => vec![Equivalent {
            text: format!("kubectl create -f - <<< {}", quoted(&manifest.to_string())),
            runnable: true,
        }],
        Op::CleanTopic { topic, resource: None } => of_kafka(&KafkaOp::DeleteTopic { topic: topic.clone() }, tools),
        Op::Create { manifest, .. } => runnable(format!("kubectl create -f - <<< {}", quoted(&manifest.to_string()))),
        Op::Patch { target, changes } => runnable(format!(
            "kubectl -n {} patch {} --type merge -p {}",
            target.namespace,
            target.for_kubectl(),
            quoted(&merge_patch(changes).to_string())
        )),
        Op::Delete { target, .. } | Op::CleanTopic { resource: Some(target), .. } => {
            runnable(format!("kubectl -n {} delete {}", target.namespace, target.for_kubectl()))
        }
        Op::Evict { target, .. } => vec![Equivalent {
            text: format!("kubectl -n {} delete pod {}", target.namespace, target.name),
            runnable: false,
        }],
        Op::Produce { draft } => of_produce(draft, tools),
        Op::ReadPassword { target, key, .. } => runnable(format!(
            "kubectl -n {} get secret {} -o jsonpath={} | base64 -d",
            target.namespace,
            target.name,
            quoted(&format!("{{.data.{key}}}"))
        )),
        Op::Kafka { ask } => of_kafka(ask, tools),
        Op::Connect { workers, connector, ask, .. } => {
            let (method, path) = ask.call();
            let worker = workers.first();
            let (namespace, pod) = worker.map_or(("", ""), |at| (at.pod.namespace.as_str(), at.pod.name.as_str()));
            let url = format!("http://localhost:{}/connectors/{connector}/{path}", worker.map_or(8083, |at| at.port));
            // Not every image has curl.
            vec![Equivalent {
                text: format!("kubectl -n {namespace} exec {pod} -- curl -sS -X {method} {}", quoted(&url)),
                runnable: false,
            }]
        }
    }
}

/// The closest that Kafka's own tools can do: figures of writing alone.
fn exchanged(topic: &str, records: &str, tools: &Tools) -> Equivalent {
    let bootstrap = tools.bootstrap.replace("--bootstrap-server ", "--producer-props acks=all bootstrap.servers=");
    let bootstrap = bootstrap.replace("--command-config", "--producer.config");
    let inside = &tools.inside;
    let topic = quoted(topic);
    let rest = format!("--topic {topic} --num-records {records} --record-size 100 --throughput -1");
    Equivalent { text: format!("{inside}kafka-producer-perf-test.sh {rest} {bootstrap}"), runnable: false }
}

/// The closest that Kafka's console producer can do: it chooses the partition itself.
fn of_produce(draft: &Draft, tools: &Tools) -> Vec<Equivalent> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (mut line, mut properties) = (String::new(), String::new());
    if !draft.headers.is_empty() {
        let headers: Vec<String> =
            draft.headers.iter().map(|(name, value)| format!("{name}:{}", text(value))).collect();
        line.extend([&headers.join(","), "\\t"]);
        properties.push_str(" --property parse.headers=true");
    }
    if let Some(key) = &draft.key {
        line.extend([&text(key), "\\t"]);
        properties.push_str(" --property parse.key=true");
    }
    if let Some(value) = &draft.value {
        line.push_str(&text(value));
    } else {
        line.push_str("NULL");
        properties.push_str(" --property null.marker=NULL");
    }
    let inside = tools.inside.replacen(" exec ", " exec -i ", 1);
    let bootstrap = tools.bootstrap.replace("--command-config", "--producer.config");
    let topic = quoted(&draft.topic);
    let command = format!("printf '%b\\n' {} | {inside}kafka-console-producer.sh {bootstrap}", quoted(&line));
    vec![Equivalent { text: format!("{command} --topic {topic}{properties}"), runnable: false }]
}

/// Changes as a merge patch (RFC 7386).
pub fn merge_patch(changes: &[Change]) -> Value {
    let mut root = Map::new();
    for change in changes {
        let Some((last, way)) = change.path.split_last() else { continue };
        let mut at = &mut root;
        for key in way {
            let next = at.entry(key.clone()).or_insert_with(|| json!({}));
            if !next.is_object() {
                *next = json!({});
            }
            let Value::Object(inner) = next else { return Value::Object(root) };
            at = inner;
        }
        at.insert(last.clone(), change.after.clone().unwrap_or(Value::Null));
    }
    Value::Object(root)
}

fn of_kafka(ask: &KafkaOp, tools: &Tools) -> Vec<Equivalent> {
    let tool = |name: &str, rest: String| {
        let text = format!("{}{name} {} {rest}", tools.inside, tools.bootstrap);
        vec![Equivalent { text, runnable: !tools.needs_login && !tools.inside.is_empty() }]
    };
    let closest =
        |found: Vec<Equivalent>| found.into_iter().map(|one| Equivalent { runnable: false, ..one }).collect::<Vec<_>>();
    match ask {
        KafkaOp::CreateTopic { topic, partitions, replication_factor, configs } => {
            let one = |(name, value): (&String, &String)| format!(" --config {}", quoted(&format!("{name}={value}")));
            let configs = configs.iter().map(one).collect::<Vec<_>>().concat();
            let rest = format!(
                "--create --topic {} --partitions {partitions} --replication-factor {replication_factor}{configs}",
                quoted(topic)
            );
            tool("kafka-topics.sh", rest)
        }
        KafkaOp::DeleteTopic { topic } => tool("kafka-topics.sh", format!("--delete --topic {}", quoted(topic))),
        KafkaOp::AddPartitions { topic, total, .. } => {
            tool("kafka-topics.sh", format!("--alter --topic {} --partitions {total}", quoted(topic)))
        }
        KafkaOp::AlterConfigs { of, changes } => tool("kafka-configs.sh", alter_configs(of, changes)),
        KafkaOp::SetScram { user, mechanism, iterations, .. } => closest(tool(
            "kafka-configs.sh",
            format!(
                "--alter --entity-type users --entity-name {} --add-config '{mechanism}=[iterations={iterations},password=…]'",
                quoted(user)
            ),
        )),
        KafkaOp::DeleteScram { user, mechanisms } => {
            let names: Vec<String> = mechanisms.iter().map(Mechanism::to_string).collect();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            tool("kafka-configs.sh", set_and_unset("users", user, &[], &names))
        }
        KafkaOp::CreateAcls { acls } => {
            acls.iter().flat_map(|one| tool("kafka-acls.sh", format!("--add {}", acl_flags(one)))).collect()
        }
        KafkaOp::DeleteAcls { acls } => {
            acls.iter().flat_map(|one| tool("kafka-acls.sh", format!("--remove --force {}", acl_flags(one)))).collect()
        }
        KafkaOp::AlterQuotas { user, limits } => {
            let set: Vec<String> =
                limits.iter().filter_map(|(key, value)| Some(format!("{key}={}", (*value)?))).collect();
            let unset: Vec<&str> =
                limits.iter().filter(|(_, value)| value.is_none()).map(|(key, _)| key.as_str()).collect();
            tool("kafka-configs.sh", set_and_unset("users", user, &set, &unset))
        }
        KafkaOp::ElectLeaders { partitions } if partitions.is_empty() => {
            tool("kafka-leader-election.sh", "--election-type PREFERRED --all-topic-partitions".to_owned())
        }
        KafkaOp::ElectLeaders { partitions } => partitions
            .iter()
            .flat_map(|of| {
                tool(
                    "kafka-leader-election.sh",
                    format!("--election-type PREFERRED --topic {} --partition {}", quoted(&of.topic), of.partition),
                )
            })
            .collect(),
        KafkaOp::Reassign { moves } => {
            let cancels = moves.iter().all(|one| one.after.is_none());
            let verb = if cancels { "--cancel" } else { "--execute" };
            closest(tool("kafka-reassign-partitions.sh", format!("--reassignment-json-file moves.json {verb}")))
        }
        KafkaOp::CommitOffsets { group, offsets } => {
            let row = |one: &OffsetChange| format!("{},{},{}\\n", one.of.topic, one.of.partition, one.after);
            let rows = offsets.iter().map(row).collect::<Vec<_>>().concat();
            closest(tool(
                "kafka-consumer-groups.sh",
                format!("--reset-offsets --group {} --from-file <(printf {}) --execute", quoted(group), quoted(&rows)),
            ))
        }
        KafkaOp::DeleteGroup { group } => {
            tool("kafka-consumer-groups.sh", format!("--delete --group {}", quoted(group)))
        }
    }
}

fn alter_configs(of: &Owner, changes: &[ConfigChange]) -> String {
    let (kind, name) = match of {
        Owner::Broker(id) => ("brokers", id.to_string()),
        Owner::Topic(topic) => ("topics", topic.clone()),
    };
    let set: Vec<String> =
        changes.iter().filter_map(|one| Some(format!("{}={}", one.name, listed(one.after.as_deref()?)))).collect();
    let unset: Vec<&str> = changes.iter().filter(|one| one.after.is_none()).map(|one| one.name.as_str()).collect();
    set_and_unset(kind, &name, &set, &unset)
}

/// What kafka-configs.sh is told to set and to take away.
fn set_and_unset(kind: &str, name: &str, set: &[String], unset: &[&str]) -> String {
    let mut words = vec![format!("--alter --entity-type {kind} --entity-name {}", quoted(name))];
    words.extend((!set.is_empty()).then(|| format!("--add-config {}", quoted(&set.join(",")))));
    words.extend((!unset.is_empty()).then(|| format!("--delete-config {}", quoted(&unset.join(",")))));
    words.join(" ")
}

/// A value as kafka-configs.sh takes it: one that holds a comma stands in brackets.
fn listed(value: &str) -> String {
    if value.contains(',') { format!("[{value}]") } else { value.to_owned() }
}

fn acl_flags(one: &acl::Acl) -> String {
    let verb = if one.permission == acl::Permission::Deny { "--deny" } else { "--allow" };
    let resource = match &one.resource {
        acl::Resource::Cluster => "--cluster".to_owned(),
        acl::Resource::TransactionalId => format!("--transactional-id {}", quoted(&one.name)),
        acl::Resource::DelegationToken => format!("--delegation-token {}", quoted(&one.name)),
        acl::Resource::User => format!("--user-principal {}", quoted(&one.name)),
        other => format!("--{} {}", other.word(), quoted(&one.name)),
    };
    let pattern = if one.pattern == acl::Pattern::Prefixed { " --resource-pattern-type prefixed" } else { "" };
    let host = if one.host == acl::ANY { String::new() } else { format!(" {verb}-host {}", quoted(&one.host)) };
    format!("{verb}-principal {} {resource}{pattern}{host} --operation {}", quoted(&one.principal), one.operation)
}

/// A word as a shell takes it.
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}
