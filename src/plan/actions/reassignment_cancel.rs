//! `reassignment.cancel`: ends moves of partitions that are under way, and leaves replicas where they were.

use super::{announced, brokers_are_open, planned, topic_names};
use crate::{
    domain::{ids::BrokerId, units::counted},
    plan::{
        Gate, Op, Plan, Refusal, Risk, Step,
        catalog::{ActionSpec, Need, Scope, Situation, everywhere},
        kafka::{Answer, KafkaOp, Move, MoveUnderWay, Question},
        param::{ParamKind, ParamSpec, Params},
    },
};

/// The row of the catalog.
pub static SPEC: ActionSpec = ActionSpec {
    id: "reassignment.cancel",
    title: "cancel moves of partitions",
    doc: "Cancels moves of partitions that are under way: replicas stay where they were before, and what was copied so far \
          is dropped.",
    scope: Scope::Installation,
    risk: Risk::Reversible,
    params: &[ParamSpec::new("topic", "NAME", "of this topic alone; may be repeated", ParamKind::Text)
        .many()
        .choices(topic_names)],
    supports: everywhere,
    needs: |_| vec![Need::Brokers],
    asks: |_, _| vec![Question::Reassignments],
    build,
};

fn build(params: &Params, situation: &Situation<'_>) -> Result<Plan, Refusal> {
    brokers_are_open(situation.way)?;
    let topics = params.all("topic");
    let all = match situation.answers.first() {
        Some(Answer::Reassignments(all)) => all.as_slice(),
        _ => &[],
    };
    let wanted: Vec<&MoveUnderWay> =
        all.iter().filter(|one| topics.is_empty() || topics.contains(&one.of.topic.as_str())).collect();
    let mut plan = planned(&SPEC, params, &situation.reading);
    plan.title = "Cancel moves of partitions".to_owned();
    if wanted.is_empty() {
        plan.sentence = match all.len() {
            0 => "No partition is being moved; nothing is to be done.".to_owned(),
            some => format!("No partition of these is being moved, and {some} of other topics are."),
        };
        return Ok(plan);
    }
    plan.warnings.extend(announced(situation.way));
    plan.sentence = format!(
        "Moves of {} are cancelled: replicas stay where they were, and what was copied so far is dropped.",
        counted(wanted.len(), "partition")
    );
    plan.details = wanted.iter().map(|one| in_words(one)).collect();
    plan.undo = "begin the moves again".to_owned();
    let moves: Vec<Move> =
        wanted.iter().map(|one| Move { of: one.of.clone(), before: one.replicas.clone(), after: None }).collect();
    plan.steps = vec![Step {
        title: format!("cancel moves of {}", counted(moves.len(), "partition")),
        before: Vec::new(),
        op: Op::Kafka { ask: KafkaOp::Reassign { moves: moves.clone() } },
        after: vec![Gate::MovesDone { moves }],
        within_s: 60,
    }];
    Ok(plan)
}

/// `orders-0 stays on 0, 1 and is not copied to 3`.
fn in_words(one: &MoveUnderWay) -> String {
    let told = |ids: &[BrokerId]| ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let stays: Vec<BrokerId> = one.replicas.iter().filter(|id| !one.adding.contains(id)).copied().collect();
    let copied =
        if one.adding.is_empty() { String::new() } else { format!(", and not copied to {}", told(&one.adding)) };
    format!("{} stays on {}{copied}", one.of, told(&stays))
}
