//! Partitions: who leads them, where they are, and what slows their moves down.

use std::collections::{BTreeMap, BTreeSet};

use super::{Moment, Verdict, metadata, told};
use crate::{
    domain::{
        config::{ConfigEntry, ConfigSource, Owner},
        freshness::Asked,
        ids::BrokerId,
        topic::Partition,
        units::counted,
    },
    plan::kafka::{Move, PartitionRef},
    world::KafkaWorld,
};

/// The partition, if brokers list it.
fn find<'a>(kafka: &'a KafkaWorld, of: &PartitionRef) -> Option<&'a Partition> {
    kafka.topics.get(&of.topic)?.partitions.iter().find(|p| p.index == of.partition)
}

/// How many are left, and the first of them.
fn left(open: &[&PartitionRef], all: usize, what: &str) -> Verdict {
    match open {
        [] => Verdict::Pass("seen".to_owned()),
        [first, ..] => Verdict::Wait(format!("{} of {all} {what}: {first}", open.len())),
    }
}

/// All are led by their preferred replicas. One that is gone needs no leader.
pub fn leaders_are_preferred(moment: &Moment<'_>, partitions: &[PartitionRef]) -> Result<Verdict, Verdict> {
    let kafka = metadata(moment)?;
    let astray = |of: &&PartitionRef| find(kafka, of).is_some_and(|p| p.leader != p.replicas.first().copied());
    let open: Vec<&PartitionRef> = partitions.iter().filter(astray).collect();
    Ok(left(&open, partitions.len(), "have another leader"))
}

/// All are where they were to be, in sync there, and no move of them is under way.
pub fn moves_are_done(moment: &Moment<'_>, moves: &[Move]) -> Result<Verdict, Verdict> {
    let kafka = metadata(moment)?;
    told(moment, Asked::Reassignments, None)?;
    let under_way: BTreeSet<(&str, i32)> =
        kafka.moves.iter().flatten().map(|m| (m.topic.as_str(), m.partition)).collect();
    let is_open = |one: &&Move| {
        let moves = under_way.contains(&(one.of.topic.as_str(), one.of.partition));
        let is_there = |p: &Partition| match &one.after {
            Some(after) => p.replicas == *after && after.iter().all(|id| p.isr.contains(id)),
            None => true,
        };
        moves || find(kafka, &one.of).is_some_and(|p| !is_there(p))
    };
    let open: Vec<&PartitionRef> = moves.iter().filter(is_open).map(|one| &one.of).collect();
    Ok(left(&open, moves.len(), "are on their way"))
}

/// The broker holds no replica of these topics, or of any.
pub fn broker_is_empty(moment: &Moment<'_>, broker: BrokerId, topics: &[String]) -> Result<Verdict, Verdict> {
    let kafka = metadata(moment)?;
    let wanted = kafka.topics.values().filter(|t| topics.is_empty() || topics.contains(&t.name));
    let on_it =
        wanted.flat_map(|t| t.partitions.iter().filter(|p| p.replicas.contains(&broker)).map(move |p| (t, p.index)));
    let on_it: Vec<_> = on_it.collect();
    Ok(match on_it.first() {
        None => Verdict::Pass("none".to_owned()),
        Some((topic, index)) => {
            Verdict::Wait(format!("{} are still there: {}-{index}", counted(on_it.len(), "replica"), topic.name))
        }
    })
}

/// Brokers have these configs of an owner, and those that are to be gone are set nowhere on it.
pub fn configs_are(
    moment: &Moment<'_>,
    of: &Owner,
    wanted: &BTreeMap<String, Option<String>>,
) -> Result<Verdict, Verdict> {
    let set: Vec<&ConfigEntry> = match of {
        Owner::Broker(id) => {
            let kafka = told(moment, Asked::BrokerConfigs, Some(*id))?;
            let all = kafka.broker_configs.get(id).into_iter().flatten();
            all.map(|config| &config.entry).filter(|entry| entry.source == ConfigSource::DynamicBroker).collect()
        }
        Owner::Topic(topic) => {
            let kafka = told(moment, Asked::TopicConfigs, None)?;
            let Some(config) = kafka.configs.get(topic) else {
                return Ok(Verdict::Wait("its configs have not been told yet".to_owned()));
            };
            config.overrides().collect()
        }
    };
    let is = |name: &str| set.iter().find(|entry| entry.name == name);
    let differs = wanted.iter().find(|(name, value)| match (is(name), value) {
        (None, None) => false,
        // What a secret is set to nobody tells.
        (Some(entry), Some(_)) if entry.hidden => false,
        (Some(entry), Some(value)) => entry.value.as_deref() != Some(value),
        _ => true,
    });
    Ok(match differs {
        None => Verdict::Pass("seen".to_owned()),
        Some((name, _)) => {
            let now = is(name).map_or("not set there", |entry| entry.shown());
            Verdict::Wait(format!("{name} is {now}"))
        }
    })
}

/// Every partition of the broker has another replica in sync.
pub fn others_hold_data(moment: &Moment<'_>, broker: BrokerId) -> Result<Verdict, Verdict> {
    let kafka = metadata(moment)?;
    let alone = alone_on(kafka, broker);
    Ok(match alone.first() {
        None => Verdict::Pass("it is".to_owned()),
        Some(first) => Verdict::Fail(format!("{} not: {first}", counted(alone.len(), "partition"))),
    })
}

/// Partitions that would lose their last in-sync replica with a broker.
pub fn alone_on(kafka: &KafkaWorld, broker: BrokerId) -> Vec<PartitionRef> {
    let all = kafka.topics.values().flat_map(|t| t.partitions.iter().map(move |p| (t, p)));
    let alone = all.filter(|(_, p)| p.replicas.contains(&broker) && p.isr.iter().all(|id| *id == broker));
    alone.map(|(t, p)| PartitionRef { topic: t.name.clone(), partition: p.index }).collect()
}
