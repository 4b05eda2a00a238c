//! `topic.alter`: configs and more partitions, through its KafkaTopic where one declares it, else through the brokers.

use std::collections::BTreeMap;

use serde_json::json;

use super::{
    announced, brokers_are_open, kept_warning,
    topics::{
        configs_are_watched, known_configs, listed, meanings, of_min_isr, owner, readable, scalar, set_on_topic,
        topics_in, unknown,
    },
    unless_declared,
};
use crate::{
    domain::{
        config::{Config, Owner},
        strimzi::KafkaTopic,
        topic::Topic,
        units::counted,
    },
    plan::{
        Gate, Op, Plan, Refusal, Risk, Step,
        catalog::{ActionSpec, Need, Scope, Situation, everywhere},
        kafka::{Answer, ConfigChange, KafkaOp, Question},
        op::{Change, Target},
        param::{ParamKind, ParamSpec, Params},
    },
    world::Reading,
};

/// How long the operator, or brokers among each other, may take.
const WITHIN_S: u32 = 120;

/// The row of the catalog.
pub static SPEC: ActionSpec = ActionSpec {
    id: "topic.alter",
    title: "alter topic",
    doc: "Sets and unsets configs of a topic, and adds partitions. Where a KafkaTopic declares the topic it is changed, \
          elsewhere the brokers are asked.",
    scope: Scope::Topic,
    risk: Risk::Reversible,
    params: &[
        ParamSpec::new("topic", "NAME", "name of the topic", ParamKind::Text).first(),
        ParamSpec::new("config", "KEY=VALUE", "a config to set", ParamKind::Pair).many(),
        ParamSpec::new(
            "delete-config",
            "KEY",
            "a config to take away, so that the brokers' default counts",
            ParamKind::Text,
        )
        .many(),
        ParamSpec::new(
            "partitions",
            "N",
            "how many partitions it is to have; never fewer",
            ParamKind::Number(1, 100_000),
        ),
        ParamSpec::new(
            "replication-factor",
            "N",
            "cannot be changed here: replicas are moved by reassignment",
            ParamKind::Number(1, 32_767),
        )
        .flag_only(),
    ],
    supports: everywhere,
    needs,
    asks,
    build,
};

fn needs(reading: &Reading<'_>) -> Vec<Need> {
    unless_declared(topics_in(reading), "patch", "kafka.strimzi.io", "kafkatopics")
}

fn asks(params: &Params, reading: &Reading<'_>) -> Vec<Question> {
    let name = params.text("topic");
    let is_there = reading.kafka().is_some_and(|kafka| kafka.topics.contains_key(name));
    is_there.then(|| Question::Configs(Owner::Topic(name.to_owned()))).into_iter().collect()
}

/// What is to be changed.
struct Wanted<'a> {
    topic: &'a Topic,
    /// What it has now, and what it is to have, where that is more.
    partitions: Option<(i32, i32)>,
    /// Configs before and after, those that differ.
    configs: Vec<ConfigChange>,
    /// All that brokers tell of its configs.
    known: &'a [Config],
}

fn build(params: &Params, situation: &Situation<'_>) -> Result<Plan, Refusal> {
    let reading = &situation.reading;
    let (_, topic) = listed(reading, params.text("topic"))?;
    let known = match situation.answers.first() {
        Some(Answer::Configs(configs)) => configs.as_slice(),
        _ => &[],
    };
    let resource = owner(reading, &topic.name)?;
    let set = resource.map_or_else(|| set_on_topic(known), |one| one.config.clone());
    let wanted = Wanted { topic, partitions: more(params, topic)?, configs: changes(params, &set, known)?, known };
    let mut warnings = warnings(&wanted);
    let steps = match resource {
        _ if wanted.partitions.is_none() && wanted.configs.is_empty() => Vec::new(),
        Some(resource) => {
            warnings.extend(kept_warning(&resource.meta, "KafkaTopic"));
            vec![through(resource, &wanted, reading)]
        }
        None => {
            brokers_are_open(situation.way)?;
            warnings.extend(announced(situation.way));
            by_brokers(&wanted, reading)
        }
    };
    let partitions = wanted.partitions.map(|(before, after)| format!("partitions: {before} → {after}"));
    let mut details: Vec<String> = partitions.into_iter().chain(wanted.configs.iter().map(in_words)).collect();
    details.extend(meanings(wanted.configs.iter().map(|change| change.name.as_str()), known));
    Ok(Plan {
        action: SPEC.id.to_owned(),
        installation: reading.installation.id.clone(),
        params: params.clone(),
        title: format!("Alter topic {}", topic.name),
        sentence: sentence(&steps, resource),
        risk: Risk::Reversible,
        typed: None,
        details,
        warnings,
        undo: undo(&wanted),
        steps,
    })
}

fn sentence(steps: &[Step], resource: Option<&KafkaTopic>) -> String {
    match (steps, resource) {
        ([], _) => "It is so already; nothing is to be done.".to_owned(),
        (_, Some(resource)) => {
            format!("KafkaTopic {} is changed; the Topic Operator changes the topic.", resource.meta.key())
        }
        _ => "The brokers are asked; it counts at once.".to_owned(),
    }
}

/// The partitions before and after, where there are to be more.
fn more(params: &Params, topic: &Topic) -> Result<Option<(i32, i32)>, Refusal> {
    let now = i32::try_from(topic.partitions.len()).unwrap_or(i32::MAX);
    let factor = topic.partitions.first().map_or(0, |partition| partition.replicas.len());
    if params.number::<usize>("replication-factor").is_some_and(|wanted| wanted != factor) {
        let why = format!("the replication factor of {} is {factor}, and is changed by moving replicas", topic.name);
        return Err(Refusal::new(why).hint("Use kafka-reassign-partitions.sh, or Cruise Control, for that."));
    }
    match params.number::<i32>("partitions") {
        Some(wanted) if wanted < now => {
            let why = format!(
                "topic {} has {}, and a topic never loses any",
                topic.name,
                counted(topic.partitions.len(), "partition")
            );
            Err(Refusal::new(why).hint("Make another topic with fewer partitions and copy the records there."))
        }
        wanted => Ok(wanted.filter(|wanted| *wanted > now).map(|wanted| (now, wanted))),
    }
}

/// Configs that are to be otherwise.
fn changes(params: &Params, set: &BTreeMap<String, String>, known: &[Config]) -> Result<Vec<ConfigChange>, Refusal> {
    let wanted = params.pairs("config");
    known_configs(&wanted, known)?;
    let mut after: BTreeMap<String, Option<String>> =
        wanted.into_iter().map(|(name, value)| (name, Some(value))).collect();
    for name in params.all("delete-config") {
        if after.contains_key(name) {
            return Err(Refusal::usage(format!("config {name} is both to be set and to be taken away")));
        }
        let is_known = set.contains_key(name) || known.is_empty() || known.iter().any(|one| one.entry.name == name);
        if !is_known {
            return Err(unknown(name, known.iter().map(|one| one.entry.name.as_str())));
        }
        after.insert(name.to_owned(), None);
    }
    if after.is_empty() && params.get("partitions").is_none() && params.get("replication-factor").is_none() {
        return Err(Refusal::usage("nothing is to be changed: --config, --delete-config or --partitions says what"));
    }
    let change =
        |(name, after): (String, Option<String>)| ConfigChange { before: set.get(&name).cloned(), name, after };
    Ok(after.into_iter().map(change).filter(|change| change.before != change.after).collect())
}

fn in_words(change: &ConfigChange) -> String {
    let word = |value: &Option<String>, none: &str| {
        value.as_ref().map_or_else(|| none.to_owned(), |value| readable(&change.name, value))
    };
    let after = word(&change.after, "not set, so that the brokers' default counts");
    format!("{}: {} → {after}", change.name, word(&change.before, "not set"))
}

/// What a change may do to records and to those who write and read them.
fn warnings(wanted: &Wanted<'_>) -> Vec<String> {
    let mut warnings = Vec::new();
    let counts = |name: &str| wanted.known.iter().find(|one| one.entry.name == name)?.entry.value.clone();
    if wanted.partitions.is_some() {
        let compacts = counts("cleanup.policy").is_some_and(|policy| policy.contains("compact"));
        let beside = if compacts { "; the old record of a key stays where it was, beside its new ones" } else { "" };
        warnings.push(format!(
            "a key goes to another partition from then on, so that records of one key are no longer in order{beside}"
        ));
        warnings.push("partitions cannot be taken away again".to_owned());
    }
    for change in &wanted.configs {
        let number = |value: Option<String>| value.and_then(|value| value.parse::<i64>().ok());
        let (before, after) = (number(counts(&change.name)), number(change.after.clone()));
        // A negative limit is none.
        let is_less = |before: i64, after: i64| after >= 0 && (before < 0 || after < before);
        if matches!(change.name.as_str(), "retention.ms" | "retention.bytes")
            && before.zip(after).is_some_and(|(before, after)| is_less(before, after))
        {
            warnings.push(format!("records beyond the new {} are deleted within minutes, for good", change.name));
        }
        let adds = |policy: &str| change.after.as_deref().is_some_and(|after| after.contains(policy));
        let had = |policy: &str| counts("cleanup.policy").is_some_and(|before| before.contains(policy));
        if change.name == "cleanup.policy" && adds("compact") && !had("compact") {
            warnings.push(
                "of each key only the last record is kept from then on; records without a key are refused".to_owned(),
            );
        }
    }
    let factor = wanted.topic.partitions.first().map_or(0, |partition| partition.replicas.len());
    let min_isr = wanted.configs.iter().find(|change| change.name == "min.insync.replicas");
    warnings.extend(min_isr.and_then(|change| of_min_isr(change.after.as_ref(), factor)));
    warnings
}

fn undo(wanted: &Wanted<'_>) -> String {
    let flag = |change: &ConfigChange| match &change.before {
        Some(before) => format!("--config {}", crate::plan::render::quoted(&format!("{}={before}", change.name))),
        None => format!("--delete-config {}", change.name),
    };
    let flags: Vec<String> = wanted.configs.iter().map(flag).collect();
    if flags.is_empty() {
        String::new()
    } else {
        format!("kafdeck topic alter {} {}", wanted.topic.name, flags.join(" "))
    }
}

/// Gates that the change came true.
fn gates(wanted: &Wanted<'_>, reading: &Reading<'_>) -> Vec<Gate> {
    let topic = &wanted.topic.name;
    let partitions = wanted.partitions.and_then(|(_, total)| usize::try_from(total).ok());
    let mut gates: Vec<Gate> =
        partitions.map(|partitions| Gate::TopicIs { topic: topic.clone(), partitions }).into_iter().collect();
    if !wanted.configs.is_empty() && configs_are_watched(reading) {
        let configs = wanted.configs.iter().map(|change| (change.name.clone(), change.after.clone())).collect();
        gates.push(Gate::ConfigsAre { of: Owner::Topic(topic.clone()), configs });
    }
    gates
}

fn through(resource: &KafkaTopic, wanted: &Wanted<'_>, reading: &Reading<'_>) -> Step {
    let target = target(resource);
    let path = |keys: &[&str]| keys.iter().map(|&key| key.to_owned()).collect();
    let mut changes: Vec<Change> = Vec::new();
    if let Some((_, after)) = wanted.partitions {
        let before = resource.partitions.map(|before| json!(before));
        changes.push(Change { path: path(&["spec", "partitions"]), before, after: Some(json!(after)) });
    }
    changes.extend(wanted.configs.iter().map(|change| Change {
        path: path(&["spec", "config", &change.name]),
        before: change.before.as_deref().map(scalar),
        after: change.after.as_deref().map(scalar),
    }));
    let (kind, namespace, name) = (target.kind.clone(), target.namespace.clone(), target.name.clone());
    let ready = Gate::OperatorReady { kind, namespace, name, above: resource.generation };
    Step {
        title: format!("change KafkaTopic {}", target.name),
        before: Vec::new(),
        op: Op::Patch { target, changes },
        after: std::iter::once(ready).chain(gates(wanted, reading)).collect(),
        within_s: WITHIN_S,
    }
}

/// A KafkaTopic as a request names it.
pub fn target(resource: &KafkaTopic) -> Target {
    Target {
        api_version: resource.api_version.clone(),
        kind: "KafkaTopic".to_owned(),
        resource: "kafkatopics".to_owned(),
        namespace: resource.meta.namespace.clone(),
        name: resource.meta.name.clone(),
    }
}

fn by_brokers(wanted: &Wanted<'_>, reading: &Reading<'_>) -> Vec<Step> {
    let topic = wanted.topic.name.clone();
    let (configs, partitions): (Vec<Gate>, Vec<Gate>) =
        gates(wanted, reading).into_iter().partition(|gate| matches!(gate, Gate::ConfigsAre { .. }));
    let step = |title: String, ask: KafkaOp, after: Vec<Gate>| Step {
        title,
        before: Vec::new(),
        op: Op::Kafka { ask },
        after,
        within_s: WITHIN_S,
    };
    let mut steps = Vec::new();
    if let Some((before, total)) = wanted.partitions {
        let ask = KafkaOp::AddPartitions { topic: topic.clone(), before, total };
        let added = usize::try_from(total - before).unwrap_or_default();
        steps.push(step(format!("add {} to {topic}", counted(added, "partition")), ask, partitions));
    }
    if !wanted.configs.is_empty() {
        let ask = KafkaOp::AlterConfigs { of: Owner::Topic(topic.clone()), changes: wanted.configs.clone() };
        steps.push(step(format!("change {} of {topic}", counted(wanted.configs.len(), "config")), ask, configs));
    }
    steps
}
