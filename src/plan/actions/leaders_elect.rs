//! `leaders.elect`: gives leadership back to preferred replicas, where they are in sync.

use std::collections::BTreeMap;

use super::{announced, brokers_are_open, planned, topic_names};
use crate::{
    domain::{ids::BrokerId, units::counted},
    plan::{
        Gate, Op, Plan, Refusal, Risk, Step,
        catalog::{ActionSpec, Need, Scope, Situation, everywhere, nothing_to_ask},
        kafka::{KafkaOp, PartitionRef},
        param::{ParamKind, ParamSpec, Params},
    },
    world::{KafkaWorld, Reading},
};

/// The row of the catalog.
pub static SPEC: ActionSpec = ActionSpec {
    id: "leaders.elect",
    title: "elect preferred leaders",
    doc: "Gives leadership of partitions back to their preferred replicas, as far as these are in sync. Clients find the \
          new leader by themselves; nothing is moved.",
    scope: Scope::Installation,
    risk: Risk::Reversible,
    params: &[ParamSpec::new("topic", "NAME", "of this topic alone; may be repeated", ParamKind::Text)
        .many()
        .choices(topic_names)],
    supports: everywhere,
    needs: |_| vec![Need::Brokers],
    asks: nothing_to_ask,
    build,
};

/// A partition that is led by another than its preferred replica.
struct Astray {
    of: PartitionRef,
    leader: Option<BrokerId>,
    preferred: BrokerId,
    is_ready: bool,
}

fn build(params: &Params, situation: &Situation<'_>) -> Result<Plan, Refusal> {
    let reading = &situation.reading;
    brokers_are_open(situation.way)?;
    let topics = params.all("topic");
    let kafka = told(reading, &topics)?;
    let (ready, waiting): (Vec<Astray>, Vec<Astray>) =
        astray(kafka, reading, &topics).into_iter().partition(|one| one.is_ready);
    let mut plan = planned(&SPEC, params, reading);
    plan.title = "Elect preferred leaders".to_owned();
    plan.risk = Risk::Reversible;
    plan.warnings.extend(announced(situation.way));
    if let Some(first) = waiting.first() {
        plan.warnings.push(format!(
            "{} keep another leader, because the preferred replica is not in sync: {} wants {}",
            counted(waiting.len(), "partition"),
            first.of,
            first.preferred
        ));
    }
    if ready.is_empty() {
        plan.sentence = match waiting.len() {
            0 => "Every partition is led by its preferred replica; nothing is to be done.".to_owned(),
            _ => "No preferred replica that is in sync is without its leadership; nothing is to be done.".to_owned(),
        };
        return Ok(plan);
    }
    plan.sentence = format!(
        "{} get their preferred replica as leader; clients notice a moment without one.",
        counted(ready.len(), "partition")
    );
    plan.details = balance(kafka, &ready);
    plan.details.extend(ready.iter().map(|one| {
        let from = one.leader.map_or_else(|| "none".to_owned(), |id| id.to_string());
        format!("{}: {from} → {}", one.of, one.preferred)
    }));
    plan.undo = "none is needed: leaders go on changing whenever brokers restart".to_owned();
    let partitions: Vec<PartitionRef> = ready.into_iter().map(|one| one.of).collect();
    plan.steps = vec![Step {
        title: format!("elect preferred leaders of {}", counted(partitions.len(), "partition")),
        before: Vec::new(),
        op: Op::Kafka { ask: KafkaOp::ElectLeaders { partitions: partitions.clone() } },
        after: vec![Gate::LeadersPreferred { partitions }],
        within_s: 60,
    }];
    Ok(plan)
}

/// What brokers listed, if the topics are among it.
fn told<'a>(reading: &Reading<'a>, topics: &[&str]) -> Result<&'a KafkaWorld, Refusal> {
    let kafka = reading.kafka().filter(|kafka| kafka.metadata_at.is_some());
    let kafka = kafka.ok_or_else(|| Refusal::new("no broker has told who leads"))?;
    match topics.iter().find(|topic| !kafka.topics.contains_key(**topic)) {
        Some(topic) => Err(Refusal::new(format!("there is no topic {topic}"))),
        None => Ok(kafka),
    }
}

fn astray(kafka: &KafkaWorld, reading: &Reading<'_>, topics: &[&str]) -> Vec<Astray> {
    let silent = reading.silent();
    let wanted = kafka.topics.values().filter(|t| topics.is_empty() || topics.contains(&t.name.as_str()));
    let mut found = Vec::new();
    for topic in wanted {
        for partition in &topic.partitions {
            let Some(preferred) = partition.replicas.first().copied() else { continue };
            if partition.leader == Some(preferred) {
                continue;
            }
            found.push(Astray {
                of: PartitionRef { topic: topic.name.clone(), partition: partition.index },
                leader: partition.leader,
                preferred,
                is_ready: partition.isr.contains(&preferred) && !silent.contains(&preferred),
            });
        }
    }
    found
}

/// How many partitions each broker leads, before and after.
fn balance(kafka: &KafkaWorld, ready: &[Astray]) -> Vec<String> {
    let mut counts: BTreeMap<BrokerId, (i64, i64)> = kafka.advertised.keys().map(|id| (*id, (0, 0))).collect();
    for leader in kafka.topics.values().flat_map(|t| &t.partitions).filter_map(|p| p.leader) {
        let count = counts.entry(leader).or_default();
        count.0 += 1;
        count.1 += 1;
    }
    for one in ready {
        if let Some(leader) = one.leader {
            counts.entry(leader).or_default().1 -= 1;
        }
        counts.entry(one.preferred).or_default().1 += 1;
    }
    counts.into_iter().map(|(id, (before, after))| format!("broker {id} leads {before} → {after}")).collect()
}
