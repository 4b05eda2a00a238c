//! Topics: created, deleted, given more partitions.

use std::collections::BTreeMap;

use super::{
    Admin, AdminError, Found, Ground, configs, counted,
    error::{Deed, Need},
};
use crate::{
    plan::kafka::{KafkaAnswer, KafkaOp},
    wire::{
        changes::{self, Intent},
        errors::{self, TOPIC_ALREADY_EXISTS, UNKNOWN_TOPIC_OR_PARTITION},
    },
};

/// What a topic is to be.
struct Wanted<'a> {
    name: &'a str,
    partitions: i32,
    replication_factor: i16,
    configs: &'a BTreeMap<String, String>,
}

impl<'a> Wanted<'a> {
    fn of(op: &'a KafkaOp) -> Option<Self> {
        let KafkaOp::CreateTopic { topic, partitions, replication_factor, configs } = op else { return None };
        Some(Self { name: topic, partitions: *partitions, replication_factor: *replication_factor, configs })
    }
}

/// Makes the change.
pub(super) async fn perform(admin: &Admin, deed: &Deed, op: &KafkaOp) -> Result<KafkaAnswer, AdminError> {
    let done = match op {
        KafkaOp::DeleteTopic { topic } => delete(admin, deed, topic).await,
        KafkaOp::AddPartitions { topic, before, total } => add(admin, deed, topic, *before, *total, Intent::Real).await,
        op => match Wanted::of(op) {
            Some(wanted) => create(admin, deed, &wanted, Intent::Real).await,
            None => Ok(Found::AsPlanned),
        },
    };
    Ok(match (done?, op) {
        (Found::Already(words), _) => KafkaAnswer::Already(words),
        (_, KafkaOp::CreateTopic { partitions, replication_factor, .. }) => {
            let partitions = counted(usize::try_from(*partitions).unwrap_or_default(), "partition");
            KafkaAnswer::Done(format!("{partitions}, replication factor {replication_factor}"))
        }
        (_, KafkaOp::AddPartitions { before, total, .. }) => {
            KafkaAnswer::Done(format!("{total} partitions, {before} before"))
        }
        _ => KafkaAnswer::Done("brokers delete its records in the background".to_owned()),
    })
}

/// Has the brokers check it.
pub(super) async fn rehearse(admin: &Admin, deed: &Deed, op: &KafkaOp) -> Result<Found, AdminError> {
    match op {
        KafkaOp::DeleteTopic { topic } => look(admin, deed, topic).await.map(|(found, _)| found),
        KafkaOp::AddPartitions { topic, before, total } => {
            add(admin, deed, topic, *before, *total, Intent::Rehearsal).await
        }
        op => match Wanted::of(op) {
            Some(wanted) => create(admin, deed, &wanted, Intent::Rehearsal).await,
            None => Ok(Found::AsPlanned),
        },
    }
}

async fn create(admin: &Admin, deed: &Deed, wanted: &Wanted<'_>, intent: Intent) -> Result<Found, AdminError> {
    let need = Need::topic("Create", wanted.name);
    let ground = admin.look(Some(&[wanted.name])).await.map_err(|why| deed.unread(why, &need))?;
    if ground.topic(wanted.name).is_some_and(|t| t.error_code == 0) {
        return compared(admin, deed, &ground, wanted).await;
    }
    let Wanted { name, partitions, replication_factor, configs } = wanted;
    let request = changes::create_topic(name, *partitions, *replication_factor, configs, intent);
    let answer = admin.steer(&ground, &request, |a| a.topics.first().map_or(0, |t| t.error_code)).await;
    let answer = answer.map_err(|why| sent(deed, why, &need, intent))?;
    let result = answer.topics.first().ok_or_else(|| deed.unsure("the answer is about no topic"))?;
    match result.error_code {
        0 => Ok(Found::AsPlanned),
        // Somebody was faster.
        TOPIC_ALREADY_EXISTS => {
            let ground = admin.look(Some(&[name])).await.map_err(|why| deed.unread(why, &need))?;
            if ground.topic(name).is_none_or(|t| t.error_code != 0) {
                return Err(deed.refused(TOPIC_ALREADY_EXISTS, None, &need));
            }
            compared(admin, deed, &ground, wanted).await
        }
        code => Err(deed.refused(code, result.error_message.as_ref(), &need)),
    }
}

/// A topic of that name is there: is it the one that is wanted?
async fn compared(admin: &Admin, deed: &Deed, ground: &Ground, wanted: &Wanted<'_>) -> Result<Found, AdminError> {
    let Some(topic) = ground.topic(wanted.name) else { return Ok(Found::AsPlanned) };
    let set = configs::set_on_topic(admin, deed, ground, wanted.name).await?;
    let mut diff = Vec::new();
    let mut line = |what: &str, there: String, wanted: String| {
        if there != wanted {
            diff.push(format!("{what}: {there} there, {wanted} wanted"));
        }
    };
    line("partitions", topic.partitions.len().to_string(), wanted.partitions.to_string());
    let factor = topic.partitions.first().map_or(0, |p| p.replica_nodes.len());
    line("replication factor", factor.to_string(), wanted.replication_factor.to_string());
    let names = set.keys().chain(wanted.configs.keys()).collect::<std::collections::BTreeSet<_>>();
    let of = |value: Option<&String>| value.map_or("not set".to_owned(), |value| format!("{value:?}"));
    for name in names {
        line(name, of(set.get(name)), of(wanted.configs.get(name)));
    }
    if diff.is_empty() {
        return Ok(Found::Already(format!("topic {} exists, as wanted", wanted.name)));
    }
    diff.insert(0, format!("topic {} exists", wanted.name));
    Err(deed.stale(diff))
}

/// Whether there is a topic to delete.
async fn look(admin: &Admin, deed: &Deed, topic: &str) -> Result<(Found, Ground), AdminError> {
    let need = Need::topic("Describe", topic);
    let ground = admin.look(Some(&[topic])).await.map_err(|why| deed.unread(why, &need))?;
    let found = match ground.topic(topic).map_or(0, |t| t.error_code) {
        UNKNOWN_TOPIC_OR_PARTITION => Found::Already(format!("there is no topic {topic}")),
        0 => Found::AsPlanned,
        // A leader may be missing, or the topic may not be seen: whether it can be deleted, the controller says.
        code if !errors::is_forbidden(code) => Found::AsPlanned,
        code => return Err(deed.unseen(code, None, &need)),
    };
    Ok((found, ground))
}

async fn delete(admin: &Admin, deed: &Deed, topic: &str) -> Result<Found, AdminError> {
    let (found, ground) = look(admin, deed, topic).await?;
    if matches!(found, Found::Already(_)) {
        return Ok(found);
    }
    let need = Need::topic("Delete", topic);
    let request = changes::delete_topic(topic);
    let answer = admin.steer(&ground, &request, |a| a.responses.first().map_or(0, |t| t.error_code)).await;
    let answer = answer.map_err(|why| deed.unsent(why, &need))?;
    let result = answer.responses.first().ok_or_else(|| deed.unsure("the answer is about no topic"))?;
    match result.error_code {
        0 => Ok(Found::AsPlanned),
        UNKNOWN_TOPIC_OR_PARTITION => Ok(Found::Already(format!("there is no topic {topic}"))),
        code => Err(deed.refused(code, result.error_message.as_ref(), &need)),
    }
}

async fn add(
    admin: &Admin,
    deed: &Deed,
    topic: &str,
    before: i32,
    total: i32,
    intent: Intent,
) -> Result<Found, AdminError> {
    let need = Need::topic("Alter", topic);
    let ground = admin.look(Some(&[topic])).await.map_err(|why| deed.unread(why, &need))?;
    let there = match ground.topic(topic) {
        Some(found) if found.error_code == UNKNOWN_TOPIC_OR_PARTITION => {
            return Err(deed.not_found(&format!("topic {topic}")));
        }
        Some(found) if found.error_code == 0 => i32::try_from(found.partitions.len()).unwrap_or(i32::MAX),
        Some(found) => return Err(deed.unseen(found.error_code, None, &Need::topic("Describe", topic))),
        None => return Err(deed.garbled("the answer does not name the topic")),
    };
    if there == total {
        return Ok(Found::Already(format!("topic {topic} has {total} partitions")));
    }
    if there != before {
        return Err(deed.stale(vec![format!("partitions: {before} when the plan was made, {there} now")]));
    }
    let request = changes::create_partitions(topic, total, intent);
    let answer = admin.steer(&ground, &request, |a| a.results.first().map_or(0, |t| t.error_code)).await;
    let answer = answer.map_err(|why| sent(deed, why, &need, intent))?;
    let result = answer.results.first().ok_or_else(|| deed.unsure("the answer is about no topic"))?;
    match result.error_code {
        0 => Ok(Found::AsPlanned),
        code => Err(deed.refused(code, result.error_message.as_ref(), &need)),
    }
}

/// A rehearsal that nobody answers has changed nothing.
pub(super) fn sent(deed: &Deed, why: crate::io::kafka::failure::CallError, need: &Need, intent: Intent) -> AdminError {
    if intent == Intent::Rehearsal { deed.unread(why, need) } else { deed.unsent(why, need) }
}
