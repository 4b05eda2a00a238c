//! `broker.drain`: moves every replica off a broker, in batches, and looks that none is left.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    announced, brokers_are_open, planned,
    reassignment_throttle::{check_rate, set_now, step as config_step},
    topic_names,
};
use crate::{
    domain::{
        config::Owner,
        ids::BrokerId,
        quantity,
        units::{bytes, counted, duration},
    },
    plan::{
        Gate, Op, Plan, Refusal, Risk, Step,
        catalog::{ActionSpec, Need, Scope, Situation, everywhere},
        kafka::{Answer, ConfigChange, KafkaOp, Move, PartitionRef, Question},
        moves::{self, Host, Weighed},
        param::{ParamKind, ParamSpec, Params},
    },
    world::{KafkaWorld, Reading},
};

/// Partitions that are moved at once: few, so that an abort leaves little under way.
const BATCH: usize = 20;

/// What a batch may take at least, in seconds.
const LEAST_S: u64 = 1_800;

/// The row of the catalog.
pub static SPEC: ActionSpec = ActionSpec {
    id: "broker.drain",
    title: "drain broker",
    doc: "Moves every replica off a broker, or those of some topics: onto brokers that have none of the partition, in another \
          rack or zone where there is one, and spread by number and size. In batches, each waited for until its replicas \
          are in sync; in the end it is looked whether none is left. A throttle is set before and taken away after.",
    scope: Scope::Broker,
    risk: Risk::Disruptive,
    params: &[
        ParamSpec::new("broker", "BROKER", "node id of the broker", ParamKind::Number(0, 2_147_483_647))
            .first()
            .choices(broker_ids),
        ParamSpec::new(
            "throttle",
            "BYTES",
            "bytes a second that each broker may copy at most, as 20Mi",
            ParamKind::Text,
        )
        .checked(check_rate),
        ParamSpec::new("topic", "NAME", "of this topic alone; may be repeated", ParamKind::Text)
            .many()
            .choices(topic_names),
    ],
    supports: everywhere,
    needs: |_| vec![Need::Brokers],
    asks: |_, _| vec![Question::Reassignments],
    build,
};

fn broker_ids(reading: &Reading<'_>) -> Vec<String> {
    reading.kafka().map(|kafka| kafka.advertised.keys().map(ToString::to_string).collect()).unwrap_or_default()
}

/// What is known of partitions and what they weigh.
struct Ground<'a> {
    kafka: &'a KafkaWorld,
    hosts: BTreeMap<BrokerId, Host>,
    sizes: BTreeMap<PartitionRef, u64>,
}

impl<'a> Ground<'a> {
    fn of(reading: &Reading<'a>) -> Result<Self, Refusal> {
        let kafka = reading.kafka().filter(|kafka| kafka.metadata_at.is_some());
        let kafka = kafka.ok_or_else(|| Refusal::new("no broker has told where partitions are"))?;
        let silent = reading.silent();
        let mut hosts: BTreeMap<BrokerId, Host> = BTreeMap::new();
        for row in reading.brokers() {
            let Some(id) = row.id.filter(|id| kafka.advertised.contains_key(id) && !silent.contains(id)) else {
                continue;
            };
            let rack = kafka.advertised.get(&id).and_then(|told| told.rack.clone());
            hosts.insert(id, Host { rack: rack.or(row.zone) });
        }
        let mut sizes: BTreeMap<PartitionRef, u64> = BTreeMap::new();
        for replica in kafka.log_dirs.values().flatten().flat_map(|dir| &dir.replicas) {
            let of = PartitionRef { topic: replica.topic.clone(), partition: replica.partition };
            let known = sizes.entry(of).or_default();
            *known = (*known).max(replica.bytes);
        }
        Ok(Self { kafka, hosts, sizes })
    }

    fn partitions(&self) -> Vec<Weighed> {
        let all = self.kafka.topics.values().flat_map(|t| t.partitions.iter().map(move |p| (t, p)));
        all.map(|(topic, partition)| {
            let of = PartitionRef { topic: topic.name.clone(), partition: partition.index };
            let bytes = self.sizes.get(&of).copied();
            Weighed { of, replicas: partition.replicas.clone(), bytes }
        })
        .collect()
    }

    fn leader(&self, of: &PartitionRef) -> Option<BrokerId> {
        self.kafka.topics.get(&of.topic)?.partitions.iter().find(|p| p.index == of.partition)?.leader
    }
}

fn build(params: &Params, situation: &Situation<'_>) -> Result<Plan, Refusal> {
    let reading = &situation.reading;
    brokers_are_open(situation.way)?;
    let broker = BrokerId(params.number("broker").unwrap_or(-1));
    let topics: Vec<String> = params.all("topic").into_iter().map(str::to_owned).collect();
    let ground = Ground::of(reading)?;
    refuse(broker, &topics, &ground, situation)?;
    let moves = propose(broker, &topics, &ground)?;
    let mut plan = planned(&SPEC, params, reading);
    let what = if topics.is_empty() { String::new() } else { format!(" of {}", topics.join(", ")) };
    plan.title = format!("Drain broker {broker}{what}");
    plan.warnings.extend(announced(situation.way));
    if moves.is_empty() {
        plan.sentence = format!("Broker {broker} holds no replica{what}; nothing is to be done.");
        return Ok(plan);
    }
    let rate = params.get("throttle").and_then(quantity::bytes);
    let seconds = tell(&mut plan, broker, &moves, &ground, rate);
    let before = |of: &Owner, name: &str| set_now(reading, of, name);
    let throttle = rate.map(|rate| moves::throttle(&moves, rate, &before)).unwrap_or_default();
    plan.steps = steps(broker, topics, &moves, &throttle, seconds);
    Ok(plan)
}

/// Refuses a broker or a topic that is not there, and moves on top of moves.
fn refuse(broker: BrokerId, topics: &[String], ground: &Ground<'_>, situation: &Situation<'_>) -> Result<(), Refusal> {
    let all = ground.kafka.topics.values().flat_map(|t| &t.partitions);
    let is_known =
        ground.kafka.advertised.contains_key(&broker) || all.flat_map(|p| &p.replicas).any(|id| *id == broker);
    if !is_known {
        return Err(Refusal::new(format!("there is no broker {broker}")).hint("List them with: kafdeck brokers"));
    }
    if let Some(gone) = topics.iter().find(|topic| !ground.kafka.topics.contains_key(*topic)) {
        return Err(Refusal::new(format!("there is no topic {gone}")));
    }
    match situation.answers.first() {
        Some(Answer::Reassignments(under_way)) if !under_way.is_empty() => {
            let why = format!("{} being moved already: {}", counted(under_way.len(), "partition"), under_way[0].of);
            Err(Refusal::new(why).hint("Wait for them, or end them with: kafdeck reassignment cancel"))
        }
        _ => Ok(()),
    }
}

fn propose(broker: BrokerId, topics: &[String], ground: &Ground<'_>) -> Result<Vec<Move>, Refusal> {
    let wanted = |topic: &str| topics.is_empty() || topics.iter().any(|one| one == topic);
    moves::drain(broker, &ground.hosts, &ground.partitions(), &wanted).map_err(|of| {
        let others = ground.hosts.keys().filter(|id| **id != broker).count();
        let factor =
            ground.kafka.topics.get(&of.topic).and_then(|t| t.partitions.first()).map_or(0, |p| p.replicas.len());
        let why = format!(
            "{of} has {factor} replicas, and only {} could hold them without {broker}",
            counted(others, "broker")
        );
        Refusal::new(why).hint("Add a broker first, or drain topics with fewer replicas with --topic.")
    })
}

/// What moves where, how much that copies, and how long it takes. Answers with the seconds, where they are known.
fn tell(plan: &mut Plan, broker: BrokerId, moves: &[Move], ground: &Ground<'_>, rate: Option<u64>) -> Option<u64> {
    let size = |of: &PartitionRef| ground.sizes.get(of).copied();
    let (total, seconds) = moves::cost(moves, &size, &|of| ground.leader(of), rate);
    let unknown = moves.iter().filter(|one| size(&one.of).is_none()).count();
    let batches = moves.len().div_ceil(BATCH);
    plan.sentence = format!(
        "{} move to other brokers, {}{}; clients go on meanwhile.",
        counted(moves.len(), "replica"),
        bytes(total),
        if batches > 1 { format!(" in {batches} batches") } else { String::new() }
    );
    if unknown > 0 {
        plan.warnings.push(format!("how large {} are is not known", counted(unknown, "partition")));
    }
    plan.details.push(match (rate, seconds) {
        (Some(rate), Some(seconds)) => {
            let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
            format!("{} at {}/s for each broker: {} at least", bytes(total), bytes(rate), duration(seconds))
        }
        _ => format!("{} as fast as brokers and network allow", bytes(total)),
    });
    let mut to: BTreeMap<BrokerId, (usize, u64)> = BTreeMap::new();
    for one in moves {
        for id in moves::added(one) {
            let sum = to.entry(id).or_default();
            sum.0 += 1;
            sum.1 += size(&one.of).unwrap_or_default();
        }
    }
    plan.details.extend(
        to.into_iter()
            .map(|(id, (some, size))| format!("broker {id} gets {}, {}", counted(some, "replica"), bytes(size))),
    );
    let told = |ids: &[BrokerId]| ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    plan.details.extend(moves.iter().map(|one| {
        let after = one.after.as_deref().unwrap_or_default();
        format!("{}: {} → {}", one.of, told(&one.before), told(after))
    }));
    if rate.is_none() {
        plan.warnings.push("without --throttle copying may slow producers and consumers down".to_owned());
    }
    let throttle = if rate.is_some() { ", then: kafdeck reassignment throttle --off" } else { "" };
    plan.undo = format!(
        "an abort ends it after the batch under way; end that with: kafdeck reassignment cancel{throttle}. Where replicas of \
         {broker} were stands in the journal"
    );
    seconds
}

fn steps(
    broker: BrokerId,
    topics: Vec<String>,
    moves: &[Move],
    throttle: &[(Owner, Vec<ConfigChange>)],
    seconds: Option<u64>,
) -> Vec<Step> {
    let within = u32::try_from(seconds.unwrap_or_default().saturating_mul(3).max(LEAST_S)).unwrap_or(u32::MAX);
    let mut steps: Vec<Step> = throttle.iter().map(|(of, changes)| config_step(of, changes, true)).collect();
    let batches = moves.len().div_ceil(BATCH);
    for (at, batch) in moves.chunks(BATCH).enumerate() {
        let names: BTreeSet<&str> = batch.iter().map(|one| one.of.topic.as_str()).collect();
        let of = if batches > 1 { format!("batch {} of {batches}: ", at + 1) } else { String::new() };
        steps.push(Step {
            title: format!("{of}move {} of {}", counted(batch.len(), "partition"), counted(names.len(), "topic")),
            before: Vec::new(),
            op: Op::Kafka { ask: KafkaOp::Reassign { moves: batch.to_vec() } },
            after: vec![Gate::MovesDone { moves: batch.to_vec() }],
            within_s: within,
        });
    }
    steps.extend(moves::unthrottle(throttle).iter().map(|(of, changes)| config_step(of, changes, false)));
    steps.push(Step {
        title: format!("look that broker {broker} is empty"),
        before: Vec::new(),
        op: Op::Wait,
        after: vec![Gate::BrokerEmpty { broker, topics }],
        within_s: 60,
    });
    steps
}
