//! `reassignment.throttle`: slows moves under way down to a rate, or lets them go again.

use std::collections::BTreeMap;

use super::{announced, brokers_are_open, planned};
use crate::{
    domain::{
        config::{ConfigSource, Owner},
        quantity,
        units::{bytes, counted},
    },
    plan::{
        Gate, Op, Plan, Refusal, Risk, Step,
        catalog::{ActionSpec, Need, Scope, Situation, everywhere},
        kafka::{Answer, ConfigChange, Move, MoveUnderWay, Question},
        moves::{self, FOLLOWER_RATE, FOLLOWER_REPLICAS, LEADER_RATE, LEADER_REPLICAS},
        param::{ParamKind, ParamSpec, Params},
    },
    world::Reading,
};

/// The row of the catalog.
pub static SPEC: ActionSpec = ActionSpec {
    id: "reassignment.throttle",
    title: "slow moves of partitions down",
    doc: "Slows moves of partitions that are under way down to so many bytes a second for each broker, or takes whatever \
          slows them down away again. A rate below what producers write keeps a move from ever ending.",
    scope: Scope::Installation,
    risk: Risk::Reversible,
    params: &[
        ParamSpec::new("rate", "BYTES", "bytes a second, as 20Mi", ParamKind::Text).checked(check_rate),
        ParamSpec::new("off", "", "take all throttles away", ParamKind::Switch),
    ],
    supports: everywhere,
    needs: |_| vec![Need::Brokers],
    asks: |_, _| vec![Question::Reassignments],
    build,
};

/// Says why a rate is none.
///
/// # Errors
/// What a rate looks like.
pub fn check_rate(text: &str) -> Result<(), String> {
    match quantity::bytes(text) {
        Some(rate) if (1..=i64::MAX as u64).contains(&rate) => Ok(()),
        _ => Err(format!("a rate is bytes a second, written 20Mi or 500k, not {text:?}")),
    }
}

fn build(params: &Params, situation: &Situation<'_>) -> Result<Plan, Refusal> {
    let reading = &situation.reading;
    brokers_are_open(situation.way)?;
    let mut plan = planned(&SPEC, params, reading);
    plan.warnings.extend(announced(situation.way));
    let under_way = match situation.answers.first() {
        Some(Answer::Reassignments(all)) => all.as_slice(),
        _ => &[],
    };
    match (params.get("rate").and_then(quantity::bytes), params.is_on("off")) {
        (Some(_), true) => Err(Refusal::usage("a rate and --off exclude each other")),
        (None, false) => Err(Refusal::usage("how fast is missing").hint("Say --rate 20Mi, or --off.")),
        (Some(rate), false) => slow_down(plan, reading, under_way, rate),
        (None, true) => Ok(let_go(plan, reading, under_way)),
    }
}

fn slow_down(mut plan: Plan, reading: &Reading<'_>, under_way: &[MoveUnderWay], rate: u64) -> Result<Plan, Refusal> {
    if under_way.is_empty() {
        return Err(Refusal::new("no partition is being moved").hint("A drain is slowed down with its own --throttle."));
    }
    plan.title = format!("Slow moves down to {}/s", bytes(rate));
    let going: Vec<Move> = under_way.iter().map(going).collect();
    let all = changes_only(moves::throttle(&going, rate, &|of, name| set_now(reading, of, name)));
    plan.sentence = format!(
        "Each broker sends and takes at most {}/s for moves of {}; all else goes on as it is.",
        bytes(rate),
        counted(going.len(), "partition")
    );
    plan.undo = "kafdeck reassignment throttle --off".to_owned();
    plan.warnings.push("it stays when the moves have ended, until it is taken away with --off".to_owned());
    plan.steps = all.iter().map(|(of, changes)| step(of, changes, true)).collect();
    if plan.steps.is_empty() {
        plan.sentence = "They are that slow already; nothing is to be done.".to_owned();
    }
    Ok(plan)
}

/// A move under way, as what it was before and will be.
fn going(one: &MoveUnderWay) -> Move {
    let keep = |leave: &[crate::domain::ids::BrokerId]| {
        one.replicas.iter().filter(|id| !leave.contains(id)).copied().collect::<Vec<_>>()
    };
    Move { of: one.of.clone(), before: keep(&one.adding), after: Some(keep(&one.removing)) }
}

fn let_go(mut plan: Plan, reading: &Reading<'_>, under_way: &[MoveUnderWay]) -> Plan {
    plan.title = "Take all throttles away".to_owned();
    let all = throttles(reading);
    if all.is_empty() {
        plan.sentence = "Nothing slows moves down; nothing is to be done.".to_owned();
        return plan;
    }
    plan.sentence = match under_way.len() {
        0 => "No partition is being moved; what is left of throttles is taken away.".to_owned(),
        some => format!("Moves of {} go as fast as brokers and network allow.", counted(some, "partition")),
    };
    plan.undo = "kafdeck reassignment throttle --rate BYTES".to_owned();
    plan.steps = all.iter().map(|(of, changes)| step(of, changes, false)).collect();
    plan
}

/// Everything that slows moves down, as changes that take it away.
pub fn throttles(reading: &Reading<'_>) -> Vec<(Owner, Vec<ConfigChange>)> {
    let Some(kafka) = reading.kafka() else { return Vec::new() };
    let mut owners: Vec<(Owner, [&str; 2])> =
        kafka.broker_configs.keys().map(|id| (Owner::Broker(*id), [LEADER_RATE, FOLLOWER_RATE])).collect();
    owners.extend(kafka.configs.keys().map(|name| (Owner::Topic(name.clone()), [LEADER_REPLICAS, FOLLOWER_REPLICAS])));
    let mut all = Vec::new();
    for (of, names) in owners {
        let set = |name: &str| {
            let before = set_now(reading, &of, name)?;
            Some(ConfigChange { name: name.to_owned(), before: Some(before), after: None })
        };
        let changes: Vec<ConfigChange> = names.into_iter().filter_map(set).collect();
        if !changes.is_empty() {
            all.push((of, changes));
        }
    }
    all
}

/// What is set of one config on an owner itself, as brokers told last.
pub fn set_now(reading: &Reading<'_>, of: &Owner, name: &str) -> Option<String> {
    let kafka = reading.kafka()?;
    match of {
        Owner::Broker(id) => {
            let all = kafka.broker_configs.get(id)?;
            let found = all.iter().find(|c| c.entry.name == name && c.entry.source == ConfigSource::DynamicBroker)?;
            found.entry.value.clone()
        }
        Owner::Topic(topic) => {
            let found = kafka.configs.get(topic)?.overrides().find(|entry| entry.name == name)?;
            found.value.clone()
        }
    }
}

/// Changes that change something.
fn changes_only(all: Vec<(Owner, Vec<ConfigChange>)>) -> Vec<(Owner, Vec<ConfigChange>)> {
    let differs = |(of, changes): (Owner, Vec<ConfigChange>)| {
        let changes: Vec<ConfigChange> = changes.into_iter().filter(|one| one.before != one.after).collect();
        (!changes.is_empty()).then_some((of, changes))
    };
    all.into_iter().filter_map(differs).collect()
}

/// One owner's configs changed.
pub fn step(of: &Owner, changes: &[ConfigChange], on: bool) -> Step {
    let configs: BTreeMap<String, Option<String>> =
        changes.iter().map(|one| (one.name.clone(), one.after.clone())).collect();
    Step {
        title: if on { format!("throttle moves of {of}") } else { format!("take the throttle of {of} away") },
        before: Vec::new(),
        op: Op::Kafka { ask: moves::config_op(of, changes) },
        after: vec![Gate::ConfigsAre { of: of.clone(), configs }],
        within_s: 60,
    }
}
