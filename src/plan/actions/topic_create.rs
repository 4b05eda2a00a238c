//! `topic.create`: through a KafkaTopic where a Topic Operator is there, else through the brokers.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::{announced, brokers_are_open, kafka_resource, manifest, strimzi_target};
use crate::{
    domain::config::Config,
    plan::{
        Gate, Op, Plan, Refusal, Risk, Step,
        catalog::{ActionSpec, Need, Scope, Situation, everywhere},
        kafka::{Answer, KafkaOp, Question},
        param::{ParamKind, ParamSpec, Params},
    },
    world::Reading,
};

/// Presets and what they are for, as the command line lists them.
pub const PRESETS: &[&str] = &["durable", "compacted", "learnflow", "demo-messages"];

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
    match topics_in(reading) {
        Some(_) => vec![Need::Verb { verb: "create", group: "kafka.strimzi.io", resource: "kafkatopics" }],
        None => vec![Need::Brokers],
    }
}

/// The namespace of KafkaTopics, where a Topic Operator looks after topics.
pub fn topics_in<'a>(reading: &Reading<'a>) -> Option<&'a str> {
    kafka_resource(reading)?.topics_in.as_deref()
}

fn asks(_: &Params, _: &Reading<'_>) -> Vec<Question> {
    vec![Question::TopicDefaults]
}

fn build(params: &Params, situation: &Situation<'_>) -> Result<Plan, Refusal> {
    let reading = &situation.reading;
    let mut warnings = Vec::new();
    let wanted = wanted(params, reading, &mut warnings)?;
    let known = match situation.answers.first() {
        Some(Answer::Configs(configs)) => configs.as_slice(),
        _ => &[],
    };
    for topic in &wanted {
        known_configs(&topic.configs, known)?;
    }
    let through = topics_in(reading);
    if through.is_none() {
        brokers_are_open(situation.way)?;
        warnings.extend(announced(situation.way));
    }
    let mut steps = Vec::new();
    let mut details = Vec::new();
    for topic in wanted {
        match differences(&topic, reading) {
            Some(differences) if differences.is_empty() => {
                details.push(format!("{} is there already with this shape", topic.name));
            }
            Some(differences) => {
                let why = format!("topic {} exists with another shape: {}", topic.name, differences.join(", "));
                return Err(Refusal::new(why).hint("Change it with: kafdeck topic alter"));
            }
            None => {
                details.push(in_words(&topic));
                steps.push(step(topic, reading, through));
            }
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
        (_, Some(namespace)) => {
            format!("A KafkaTopic is made in namespace {namespace}; the Topic Operator makes the topic of it.")
        }
        (_, None) => "The brokers are asked to make it; clients can use it at once.".to_owned(),
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
            ["learning.events", "code.submitted", "struggle.detected"]
                .iter()
                .map(|name| one(name, partitions.unwrap_or(3), factor.unwrap_or(at_most(2)), settings.clone()))
                .collect()
        }
        Some("demo-messages") => {
            vec![one(
                named.unwrap_or("demo-messages"),
                partitions.unwrap_or(1),
                factor.unwrap_or(at_most(1)),
                pairs(&[]),
            )]
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
    let configs: Vec<String> = topic.configs.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let with = if configs.is_empty() { String::new() } else { format!(", {}", configs.join(", ")) };
    format!("{}: {} partitions × {} replicas{with}", topic.name, topic.partitions, topic.replication_factor)
}

/// What is different of a topic that exists; `None` where there is none.
fn differences(wanted: &Wanted, reading: &Reading<'_>) -> Option<Vec<String>> {
    let kafka = reading.kafka()?;
    let topic = kafka.topics.get(&wanted.name)?;
    let mut found = Vec::new();
    let mut differs = |what: &str, is: String, wanted: String| {
        if is != wanted {
            found.push(format!("{what} is {is}, not {wanted}"));
        }
    };
    differs("partitions", topic.partitions.len().to_string(), wanted.partitions.to_string());
    let factor = topic.partitions.first().map_or(0, |partition| partition.replicas.len());
    differs("replication factor", factor.to_string(), wanted.replication_factor.to_string());
    for (name, value) in &wanted.configs {
        let config = kafka.configs.get(&wanted.name);
        let is = config.and_then(|c| c.entries.iter().find(|entry| entry.name == *name)).and_then(|e| e.value.clone());
        differs(name, is.unwrap_or_else(|| "not set".to_owned()), value.clone());
    }
    Some(found)
}

fn step(topic: Wanted, reading: &Reading<'_>, through: Option<&str>) -> Step {
    let title = format!("create topic {}", topic.name);
    let partitions = usize::try_from(topic.partitions).unwrap_or_default();
    let after = vec![Gate::TopicIs { topic: topic.name.clone(), partitions }];
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
                spec.insert("config".into(), json!(topic.configs));
            }
            let manifest = manifest(&target, &reading.installation.id.name, Value::Object(spec));
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

/// Refuses configs that the brokers do not know, and names the nearest.
///
/// # Errors
/// The config, and which one may be meant.
pub fn known_configs(configs: &BTreeMap<String, String>, known: &[Config]) -> Result<(), Refusal> {
    if known.is_empty() {
        return Ok(());
    }
    for name in configs.keys() {
        if known.iter().any(|config| config.entry.name == *name) {
            continue;
        }
        let refusal = Refusal::usage(format!("brokers know no topic config {name}"));
        return Err(match nearest(name, known.iter().map(|config| config.entry.name.as_str())) {
            Some(near) => refusal.hint(format!("Did you mean {near}?")),
            None => refusal.hint("List them with: kafdeck topics TOPIC, or C on a topic."),
        });
    }
    Ok(())
}

/// The name that is most like another one, if any is.
pub fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let scored = known.map(|known| (strsim::jaro_winkler(name, known), known));
    let best = scored.max_by(|a, b| a.0.total_cmp(&b.0))?;
    (best.0 > 0.8).then_some(best.1)
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

    #[test]
    fn the_nearest_config_is_named_and_nothing_that_is_far() {
        let known = ["retention.ms", "retention.bytes", "cleanup.policy"];
        assert_eq!(nearest("retension.ms", known.into_iter()), Some("retention.ms"));
        assert_eq!(nearest("xyz", known.into_iter()), None);
    }
}
