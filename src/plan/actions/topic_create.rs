//! `topic.create`: through a KafkaTopic where a Topic Operator is there, else through the brokers.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::{
    announced, brokers_are_open, kafka_resource, manifest, strimzi_target,
    topics::{
        configs_are_watched, declared, known_configs, meanings, of_min_isr, owner, readable, scalar, set_on_topic,
        topics_in,
    },
    unless_declared,
};
use crate::{
    domain::{
        config::{Config, Owner},
        units::counted,
    },
    plan::{
        Gate, Op, Plan, Refusal, Risk, Step,
        catalog::{ActionSpec, Need, Scope, Situation, everywhere},
        kafka::{Answer, KafkaOp, Question},
        param::{ParamKind, ParamSpec, Params},
    },
    world::Reading,
};

/// Presets and what they are for, as the command line lists them.
pub const PRESETS: &[&str] = &["durable", "compacted", "learnflow", DEMO];

/// The preset that is one topic of its own name.
const DEMO: &str = "demo-messages";

/// Topics of the preset `learnflow`.
const LEARNFLOW: [&str; 3] = ["learning.events", "code.submitted", "struggle.detected"];

/// A day in milliseconds.
const DAY_MS: i64 = 86_400_000;

/// The row of the catalog.
pub static SPEC: ActionSpec = ActionSpec {
    id: "topic.create",
    title: "create topic",
    doc: "Creates a topic. Where Strimzi's Topic Operator looks after topics a KafkaTopic is made, elsewhere the brokers \
          are asked. A topic that exists with the same shape is success; another shape is refused with the difference.",
    scope: Scope::Installation,
    risk: Risk::Reversible,
    params: &[
        ParamSpec::new("topic", "NAME", "name of the topic", ParamKind::Text).positional().checked(legal_name),
        ParamSpec::new("partitions", "N", "how many partitions it has", ParamKind::Number(1, 100_000)),
        ParamSpec::new(
            "replication-factor",
            "N",
            "on how many brokers each partition is",
            ParamKind::Number(1, 32_767),
        ),
        ParamSpec::new("config", "KEY=VALUE", "a config that differs from the brokers' default", ParamKind::Pair)
            .many(),
        ParamSpec::new("preset", "NAME", "topics or settings for a purpose", ParamKind::Choice(PRESETS)),
    ],
    supports: everywhere,
    needs,
    asks,
    build,
};

/// A topic that is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Its name.
    pub name: String,
    /// Its partitions; `None` is the brokers' default.
    pub partitions: i32,
    /// Its replication factor.
    pub replication_factor: i16,
    /// Its configs.
    pub configs: BTreeMap<String, String>,
}

fn needs(reading: &Reading<'_>) -> Vec<Need> {
    unless_declared(topics_in(reading), "create", "kafka.strimzi.io", "kafkatopics")
}

/// Names of the topics that are wanted.
fn names(params: &Params) -> Vec<&str> {
    match (params.get("topic"), params.get("preset")) {
        (Some(topic), _) => vec![topic],
        (None, Some("learnflow")) => LEARNFLOW.to_vec(),
        (None, Some(DEMO)) => vec![DEMO],
        _ => Vec::new(),
    }
}

/// What configs there are, and what topics set that are there already.
fn asks(params: &Params, reading: &Reading<'_>) -> Vec<Question> {
    let is_there = |name: &&str| reading.kafka().is_some_and(|kafka| kafka.topics.contains_key(*name));
    let there = names(params).into_iter().filter(is_there);
    let each = there.map(|name| Question::Configs(Owner::Topic(name.to_owned())));
    std::iter::once(Question::TopicDefaults).chain(each).collect()
}

fn build(params: &Params, situation: &Situation<'_>) -> Result<Plan, Refusal> {
    let reading = &situation.reading;
    let mut warnings = Vec::new();
    let wanted = wanted(params, reading, &mut warnings)?;
    let mut answers = situation.answers.iter().map(|answer| match answer {
        Answer::Configs(configs) => configs.as_slice(),
        _ => &[],
    });
    let known = answers.next().unwrap_or_default();
    let through = topics_in(reading);
    let (mut steps, mut details) = (Vec::new(), Vec::new());
    let docs = meanings(wanted.iter().flat_map(|topic| topic.configs.keys().map(String::as_str)), known);
    for topic in wanted {
        known_configs(&topic.configs, known)?;
        let is_there = reading.kafka().is_some_and(|kafka| kafka.topics.contains_key(&topic.name));
        let set = if is_there { answers.next().unwrap_or_default() } else { &[] };
        if is_there_as_wanted(&topic, reading, set)? {
            details.push(format!("{} is there already with this shape", topic.name));
            continue;
        }
        collides(&topic.name, reading)?;
        warnings.extend(of_min_isr(
            topic.configs.get("min.insync.replicas"),
            usize::try_from(topic.replication_factor).unwrap_or_default(),
        ));
        details.push(in_words(&topic));
        steps.push(step(topic, reading, through));
    }
    if !steps.is_empty() {
        details.extend(docs);
        if through.is_none() {
            brokers_are_open(situation.way)?;
            warnings.extend(announced(situation.way));
        }
    }
    Ok(Plan {
        action: SPEC.id.to_owned(),
        installation: reading.installation.id.clone(),
        params: params.clone(),
        title: title(&steps, params),
        sentence: sentence(&steps, through),
        risk: Risk::Reversible,
        typed: None,
        details,
        warnings,
        undo: "delete the topic, with whatever was written to it meanwhile".to_owned(),
        steps,
    })
}

/// True where the topic is there, in the cluster and as it is declared, and is what is wanted.
fn is_there_as_wanted(topic: &Wanted, reading: &Reading<'_>, set: &[Config]) -> Result<bool, Refusal> {
    let name = &topic.name;
    let hint = format!("Change it with: kafdeck topic alter {name}");
    let shape = |differences: Vec<String>| {
        Refusal::new(format!("topic {name} exists with another shape: {}", differences.join(", "))).hint(&hint)
    };
    if let Some(resource) = owner(reading, name)? {
        let mut differences = Vec::new();
        let is = |n: Option<u32>| n.map_or("the default".to_owned(), |n| n.to_string());
        compare(&mut differences, "partitions", &is(resource.partitions), &topic.partitions.to_string());
        compare(&mut differences, "replication factor", &is(resource.replicas), &topic.replication_factor.to_string());
        compare_configs(&mut differences, &resource.config, &topic.configs);
        if !differences.is_empty() {
            let why =
                format!("KafkaTopic {} declares {name} otherwise: {}", resource.meta.key(), differences.join(", "));
            return Err(Refusal::new(why).hint(hint));
        }
        if let Some(unready) = resource.conditions.iter().find(|one| one.is_unready()) {
            let said = unready.message.as_deref().or(unready.reason.as_deref()).unwrap_or("it is not ready");
            let why = format!("KafkaTopic {} is there already, and its operator says: {said}", resource.meta.key());
            return Err(Refusal::new(why));
        }
    }
    match differences(topic, reading, set) {
        Some(differences) if differences.is_empty() => Ok(true),
        Some(differences) => Err(shape(differences)),
        None => match declared(reading, name) {
            Some(resource) if resource.is_managed() => {
                let why = format!("KafkaTopic {} is there, and brokers list no topic {name}", resource.meta.key());
                Err(Refusal::new(why).hint("The Topic Operator makes it, if it runs: kafdeck findings"))
            }
            _ => Ok(false),
        },
    }
}

/// Refuses a name that brokers refuse, for it differs from another in '.' and '_' alone (metrics cannot tell them apart).
fn collides(name: &str, reading: &Reading<'_>) -> Result<(), Refusal> {
    let same = |one: &str| one.replace('.', "_");
    let topics = reading.kafka().map(|kafka| &kafka.topics);
    let other =
        topics.into_iter().flatten().map(|(other, _)| other).find(|other| *other != name && same(other) == same(name));
    let why = |other| format!("topic {name} collides with {other}: brokers' metrics cannot tell '.' from '_'");
    other.map_or(Ok(()), |other| Err(Refusal::new(why(other)).hint("Take another name.")))
}

fn title(steps: &[Step], params: &Params) -> String {
    match steps {
        [one] => {
            let mut title = one.title.clone();
            title[..1].make_ascii_uppercase();
            title
        }
        [] => format!("Create topic {}", params.get("topic").or_else(|| params.get("preset")).unwrap_or_default()),
        many => format!("Create {} topics", many.len()),
    }
}

fn sentence(steps: &[Step], through: Option<&str>) -> String {
    match (steps, through) {
        ([], _) => "Everything is there already; nothing is to be done.".to_owned(),
        ([_], Some(namespace)) => {
            format!("A KafkaTopic is made in namespace {namespace}; the Topic Operator makes the topic of it.")
        }
        (_, Some(namespace)) => {
            format!("KafkaTopics are made in namespace {namespace}; the Topic Operator makes topics of them.")
        }
        ([_], None) => "The brokers are asked to make it; clients can use it at once.".to_owned(),
        (_, None) => "The brokers are asked to make them, one after the other.".to_owned(),
    }
}

/// What is wanted: one topic, or those of a preset.
fn wanted(params: &Params, reading: &Reading<'_>, warnings: &mut Vec<String>) -> Result<Vec<Wanted>, Refusal> {
    let brokers = live_brokers(reading)?;
    let preset = params.get("preset");
    let configs = params.pairs("config");
    let partitions: Option<i32> = params.number("partitions");
    let factor = capped(params.number("replication-factor"), brokers, warnings);
    let one = |name: &str, partitions: i32, factor: i16, preset: BTreeMap<String, String>| Wanted {
        name: name.to_owned(),
        partitions,
        replication_factor: factor,
        // What was typed counts more than a preset.
        configs: preset.into_iter().chain(configs.clone()).collect(),
    };
    let pairs = |some: &[(&str, String)]| some.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect();
    let at_most = |n: i16| n.min(i16::try_from(brokers).unwrap_or(i16::MAX));
    let named = params.get("topic");
    let needs_name = || named.ok_or_else(|| Refusal::usage("the name of the topic is missing"));
    Ok(match preset {
        Some("learnflow") if named.is_none() => {
            let settings: BTreeMap<String, String> = pairs(&[("retention.ms", (7 * DAY_MS).to_string())]);
            LEARNFLOW
                .iter()
                .map(|name| one(name, partitions.unwrap_or(3), factor.unwrap_or(at_most(2)), settings.clone()))
                .collect()
        }
        Some(DEMO) => {
            vec![one(named.unwrap_or(DEMO), partitions.unwrap_or(1), factor.unwrap_or(at_most(1)), pairs(&[]))]
        }
        Some("durable") => {
            let factor = factor.unwrap_or(at_most(3));
            let least = (factor - 1).max(1).to_string();
            vec![one(needs_name()?, partitions.unwrap_or(6), factor, pairs(&[("min.insync.replicas", least)]))]
        }
        Some("compacted") => {
            let settings = pairs(&[("cleanup.policy", "compact".to_owned())]);
            vec![one(needs_name()?, partitions.unwrap_or(3), factor.unwrap_or(at_most(3)), settings)]
        }
        _ => vec![one(
            needs_name()?,
            partitions.unwrap_or_else(|| default_of(reading, "num.partitions").unwrap_or(1)),
            factor.unwrap_or_else(|| at_most(default_of(reading, "default.replication.factor").unwrap_or(1))),
            pairs(&[]),
        )],
    })
}

/// Brokers that are there to hold a replica.
fn live_brokers(reading: &Reading<'_>) -> Result<usize, Refusal> {
    let live = reading.kafka().map_or(0, |kafka| kafka.advertised.len());
    if live > 0 { Ok(live) } else { Err(Refusal::new("no broker has told which brokers there are")) }
}

/// A replication factor that the brokers that live can hold.
fn capped(typed: Option<i16>, brokers: usize, warnings: &mut Vec<String>) -> Option<i16> {
    let typed = typed?;
    let most = i16::try_from(brokers).unwrap_or(i16::MAX);
    if typed > most {
        let brokers = if brokers == 1 { "1 broker is".to_owned() } else { format!("{brokers} brokers are") };
        warnings.push(format!("replication factor {most} instead of {typed}: only {brokers} registered"));
    }
    Some(typed.min(most))
}

/// What brokers do where nobody says more.
fn default_of<N: std::str::FromStr>(reading: &Reading<'_>, name: &str) -> Option<N> {
    let configs = &reading.kafka()?.broker_configs;
    let entry = configs.values().flatten().find(|config| config.entry.name == name)?;
    entry.entry.value.as_deref()?.parse().ok()
}

fn in_words(topic: &Wanted) -> String {
    let configs: Vec<String> =
        topic.configs.iter().map(|(name, value)| format!("{name}={}", readable(name, value))).collect();
    let with = if configs.is_empty() { String::new() } else { format!(", {}", configs.join(", ")) };
    let count = |n: usize, of| counted(n, of);
    let partitions = count(usize::try_from(topic.partitions).unwrap_or_default(), "partition");
    let replicas = count(usize::try_from(topic.replication_factor).unwrap_or_default(), "replica");
    format!("{}: {partitions} × {replicas}{with}", topic.name)
}

/// What is different of a topic that exists; `None` where there is none.
fn differences(wanted: &Wanted, reading: &Reading<'_>, set: &[Config]) -> Option<Vec<String>> {
    let topic = reading.kafka()?.topics.get(&wanted.name)?;
    let mut found = Vec::new();
    compare(&mut found, "partitions", &topic.partitions.len().to_string(), &wanted.partitions.to_string());
    let factor = topic.partitions.first().map_or(0, |partition| partition.replicas.len());
    compare(&mut found, "replication factor", &factor.to_string(), &wanted.replication_factor.to_string());
    compare_configs(&mut found, &set_on_topic(set), &wanted.configs);
    Some(found)
}

fn compare(found: &mut Vec<String>, what: &str, is: &str, wanted: &str) {
    if is != wanted {
        found.push(format!("{what} is {is}, not {wanted}"));
    }
}

fn compare_configs(found: &mut Vec<String>, is: &BTreeMap<String, String>, wanted: &BTreeMap<String, String>) {
    for name in is.keys().chain(wanted.keys()).collect::<BTreeSet<_>>() {
        match (is.get(name), wanted.get(name)) {
            (Some(is), Some(wanted)) => compare(found, name, is, wanted),
            (Some(is), None) => found.push(format!("{name} is {is}, and is not asked for")),
            (None, _) => found.push(format!("{name} is not set")),
        }
    }
}

fn step(topic: Wanted, reading: &Reading<'_>, through: Option<&str>) -> Step {
    let title = format!("create topic {}", topic.name);
    let partitions = usize::try_from(topic.partitions).unwrap_or_default();
    let mut after = vec![Gate::TopicIs { topic: topic.name.clone(), partitions }];
    if !topic.configs.is_empty() && configs_are_watched(reading) {
        let configs = topic.configs.iter().map(|(name, value)| (name.clone(), Some(value.clone()))).collect();
        after.push(Gate::ConfigsAre { of: Owner::Topic(topic.name.clone()), configs });
    }
    let op = match (through, kafka_resource(reading)) {
        (Some(namespace), Some(kafka)) => {
            let name = resource_name(&topic.name);
            let target = strimzi_target(kafka, "KafkaTopic", namespace, &name);
            let mut spec = Map::new();
            if name != topic.name {
                spec.insert("topicName".into(), json!(topic.name));
            }
            spec.insert("partitions".into(), json!(topic.partitions));
            spec.insert("replicas".into(), json!(topic.replication_factor));
            if !topic.configs.is_empty() {
                let configs: Map<String, Value> =
                    topic.configs.iter().map(|(name, value)| (name.clone(), scalar(value))).collect();
                spec.insert("config".into(), Value::Object(configs));
            }
            let (kind, namespace) = (target.kind.clone(), target.namespace.clone());
            // What the operator cannot do it says, and then brokers are waited for in vain.
            after.insert(0, Gate::OperatorReady { kind, namespace, name: name.clone(), above: None });
            let manifest = manifest(&target, &reading.installation.id.name, &Value::Object(spec));
            Op::Create { target, manifest }
        }
        _ => Op::Kafka {
            ask: KafkaOp::CreateTopic {
                topic: topic.name,
                partitions: topic.partitions,
                replication_factor: topic.replication_factor,
                configs: topic.configs,
            },
        },
    };
    Step { title, before: Vec::new(), op, after, within_s: 60 }
}

/// The name of the KafkaTopic for a topic: its own where that is a name of Kubernetes (RFC 1123).
pub fn resource_name(topic: &str) -> String {
    let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    if topic.chars().all(legal) && edge(topic.chars().next()) && edge(topic.chars().last()) {
        return topic.to_owned();
    }
    let mapped: String =
        topic.chars().map(|c| if legal(c.to_ascii_lowercase()) { c.to_ascii_lowercase() } else { '-' }).collect();
    // Two topics whose names differ in nothing else must not share a resource.
    let sum = topic.bytes().fold(0x811c_9dc5_u32, |sum, byte| (sum ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    format!("{}-{sum:08x}", mapped.trim_matches(['-', '.']))
}

/// Says why a name is no topic's (Kafka's `Topic.validate`).
fn legal_name(name: &str) -> Result<(), String> {
    let illegal: BTreeSet<char> =
        name.chars().filter(|c| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))).collect();
    if matches!(name, "." | "..") {
        return Err(format!("a topic cannot be called {name:?}"));
    }
    if name.len() > 249 {
        return Err(format!("a topic's name has at most 249 characters, and this one {}", name.len()));
    }
    if illegal.is_empty() {
        return Ok(());
    }
    let illegal: String = illegal.into_iter().take(10).collect();
    Err(format!("a topic's name holds letters, digits, '.', '_' and '-' only, and not {illegal:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_held_against_kafkas_own_rule() {
        assert_eq!(legal_name("orders.v1_x-y"), Ok(()));
        assert_eq!(legal_name(".."), Err("a topic cannot be called \"..\"".into()));
        assert!(legal_name(&"a".repeat(250)).unwrap_err().contains("249"));
        let wrong = legal_name("a b/\u{1b}[2J").unwrap_err();
        assert!(wrong.contains("letters, digits") && !wrong.contains('\u{1b}'), "{wrong}");
    }

    #[test]
    fn a_resource_is_called_as_its_topic_where_kubernetes_allows_it() {
        assert_eq!(resource_name("orders.v1"), "orders.v1");
        let (upper, lower) = (resource_name("Orders_A"), resource_name("orders_a"));
        assert!(upper.starts_with("orders-a-") && lower.starts_with("orders-a-") && upper != lower, "{upper} {lower}");
    }
}
