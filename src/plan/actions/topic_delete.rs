//! `topic.delete`: a topic with all that was written to it, through its KafkaTopic where one declares it.

use chrono::{DateTime, Utc};

use super::{
    announced, brokers_are_open, kafka_resource, kept_warning,
    topic_alter::target,
    topics::{declared, listed, owner, topics_in},
    unless_declared,
};
use crate::{
    domain::{freshness::Kind, ids::ObjectKey, topic::Topic, units, units::counted},
    plan::{
        Gate, Op, Plan, Refusal, Risk, Step,
        catalog::{ActionSpec, Need, Scope, Situation, everywhere},
        kafka::{Answer, KafkaOp, Question},
        param::{ParamKind, ParamSpec, Params},
    },
    world::{KafkaWorld, Reading},
};

/// How many groups a line names.
const NAMED: usize = 8;

/// The row of the catalog.
pub static SPEC: ActionSpec = ActionSpec {
    id: "topic.delete",
    title: "delete topic",
    doc: "Deletes a topic with all its records; who reads it and when it was last written to is shown before. Where a \
          KafkaTopic declares the topic that is deleted, and its operator deletes the topic.",
    scope: Scope::Topic,
    risk: Risk::Destructive,
    params: &[ParamSpec::new("topic", "NAME", "name of the topic", ParamKind::Text).first()],
    supports: everywhere,
    needs,
    asks,
    build,
};

fn needs(reading: &Reading<'_>) -> Vec<Need> {
    unless_declared(topics_in(reading), "delete", "kafka.strimzi.io", "kafkatopics")
}

fn asks(params: &Params, reading: &Reading<'_>) -> Vec<Question> {
    let topic = params.text("topic");
    let is_there = reading.kafka().is_some_and(|kafka| kafka.topics.contains_key(topic));
    is_there.then(|| Question::LastWrite { topic: topic.to_owned() }).into_iter().collect()
}

fn build(params: &Params, situation: &Situation<'_>) -> Result<Plan, Refusal> {
    let reading = &situation.reading;
    let (kafka, topic) = listed(reading, params.text("topic"))?;
    let name = &topic.name;
    if topic.internal || name.starts_with("__") {
        return Err(Refusal::new(format!("topic {name} is Kafka's own, and brokers need it")));
    }
    if config_of_brokers(kafka, "delete.topic.enable") == Some("false") {
        let why = "brokers delete no topic: delete.topic.enable is false";
        return Err(Refusal::new(why).hint("Set it to true in the brokers' configuration, and roll them."));
    }
    let resource = owner(reading, name)?;
    let mut warnings = warnings(kafka, topic);
    let step = if let Some(resource) = resource {
        warnings.extend(kept_warning(&resource.meta, "KafkaTopic"));
        warnings.extend(operator_is_down(reading));
        Step {
            title: format!("delete KafkaTopic {}", resource.meta.name),
            before: Vec::new(),
            op: Op::Delete { target: target(resource), uid: resource.meta.uid.clone() },
            after: vec![Gate::TopicGone { topic: name.clone() }, Gate::KafkaTopicGone { object: resource.meta.key() }],
            within_s: 120,
        }
    } else {
        brokers_are_open(situation.way)?;
        warnings.extend(announced(situation.way));
        let left = declared(reading, name).map(|one| one.meta.key());
        warnings
            .extend(left.map(|key| format!("KafkaTopic {key} is unmanaged: it stays, and nothing follows from it")));
        Step {
            title: format!("delete topic {name}"),
            before: Vec::new(),
            op: Op::Kafka { ask: KafkaOp::DeleteTopic { topic: name.clone() } },
            after: vec![Gate::TopicGone { topic: name.clone() }],
            within_s: 60,
        }
    };
    let sentence = match resource {
        Some(resource) => format!(
            "KafkaTopic {} is deleted; the Topic Operator deletes the topic with all its records.",
            resource.meta.key()
        ),
        None => "The brokers are asked to delete it, with all its records.".to_owned(),
    };
    Ok(Plan {
        action: SPEC.id.to_owned(),
        installation: reading.installation.id.clone(),
        params: params.clone(),
        title: format!("Delete topic {name}"),
        sentence,
        risk: Risk::Destructive,
        typed: Some(name.clone()),
        details: details(reading, kafka, topic, situation.answers.first()),
        warnings,
        undo: String::new(),
        steps: vec![step],
    })
}

/// What brokers are configured with, where one of them has told.
fn config_of_brokers<'a>(kafka: &'a KafkaWorld, name: &str) -> Option<&'a str> {
    let all = kafka.broker_configs.values().flatten();
    all.filter(|config| config.entry.name == name).find_map(|config| config.entry.value.as_deref())
}

/// What would be gone, and who would miss it.
fn details(reading: &Reading<'_>, kafka: &KafkaWorld, topic: &Topic, answer: Option<&Answer>) -> Vec<String> {
    let factor = topic.partitions.first().map_or(0, |partition| partition.replicas.len());
    let row = reading.topics().into_iter().find(|row| row.name == topic.name);
    let size = row
        .and_then(|row| row.size_bytes)
        .map_or("size not known".to_owned(), |size| units::bytes(size) + " on all brokers");
    let shape = format!("{} × {}, {size}", counted(topic.partitions.len(), "partition"), counted(factor, "replica"));
    let written = match answer {
        Some(Answer::LastWrite(Some(at))) => written(reading.now, *at),
        Some(Answer::LastWrite(None)) => "last written to: never, or all of it has been deleted since".to_owned(),
        Some(Answer::Untold(why)) => format!("last written to: not known ({why})"),
        _ => "last written to: not asked".to_owned(),
    };
    vec![shape, written, readers(kafka, &topic.name)]
}

fn written(now: DateTime<Utc>, at: DateTime<Utc>) -> String {
    format!("last written to: {} ago, at {}", units::age(now, at), at.format("%Y-%m-%d %H:%M:%SZ"))
}

/// Groups that have read it, those with members first.
fn readers(kafka: &KafkaWorld, topic: &str) -> String {
    let mut groups: Vec<(bool, String)> = Vec::new();
    for (id, (_, group)) in &kafka.groups {
        let reads = group.members.iter().flatten().filter(|m| m.assigned.iter().any(|(of, _)| of == topic)).count();
        let commits = kafka.commits.get(id).is_some_and(|of| of.commits.iter().any(|one| one.topic == topic));
        if reads > 0 {
            groups.push((false, format!("{id} ({} now)", counted(reads, "member"))));
        } else if commits {
            groups.push((true, id.clone()));
        }
    }
    groups.sort();
    if groups.is_empty() {
        return "groups that read it: none that is known".to_owned();
    }
    let more = groups.len().saturating_sub(NAMED);
    let told: Vec<String> = groups.into_iter().take(NAMED).map(|(_, words)| words).collect();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("groups that read it: {}{more}", told.join(", "))
}

fn warnings(kafka: &KafkaWorld, topic: &Topic) -> Vec<String> {
    let mut warnings = Vec::new();
    let reads = |group: &crate::domain::group::Group| {
        group.members.iter().flatten().any(|member| member.assigned.iter().any(|(of, _)| *of == topic.name))
    };
    let live = kafka.groups.values().filter(|(_, group)| reads(group)).count();
    if live > 0 {
        let verb = if live == 1 { "reads" } else { "read" };
        warnings.push(format!("{} {verb} it now and will fail", counted(live, "group")));
    }
    if config_of_brokers(kafka, "auto.create.topics.enable") == Some("true") {
        warnings.push(
            "a client that still writes to it makes it again, empty: auto.create.topics.enable is true".to_owned(),
        );
    }
    warnings
}

/// What to say where the operator is not there to take its finalizer away.
fn operator_is_down(reading: &Reading<'_>) -> Option<String> {
    let kafka = kafka_resource(reading)?;
    let name = format!("{}-entity-operator", kafka.meta.name);
    let deployment = reading.world.kube.deployments.get(&ObjectKey::new(&kafka.meta.namespace, &name));
    // Where Deployments cannot be seen nothing is said of them.
    let is_seen = reading.watch(Kind::Deployments).as_of.is_some();
    deployment.map_or(is_seen, |one| one.ready_replicas == 0).then(|| {
        format!("Deployment {name} is not ready: the finalizer holds the KafkaTopic, and the topic stays, until it is")
    })
}
