//! What must hold before a broker is restarted.
//!
//! The rules are those of Strimzi's KafkaRoller (KafkaAvailability, KafkaQuorumCheck), and stricter: nothing else may be
//! behind meanwhile. A broker that serves nobody cannot make anything worse: restarting it is the cure. What cannot be
//! seen now is waited for.

use super::{
    Verdict,
    survey::{Standing, Survey},
};
use crate::{
    domain::{
        freshness::{Asked, Freshness, Kind, SourceState},
        ids::{BrokerId, ObjectKey},
        installation::Mode,
        placement::Budget,
    },
    world::{Reading, census::ids, quorum::QuorumRole},
};

/// What brokers said longer ago than this is not taken for how it is now.
const YOUNG: i64 = 12;

/// Says why an answer cannot be built upon: it is missing, stale or too old.
pub fn unseen(reading: &Reading<'_>, what: Asked) -> Option<Verdict> {
    let freshness = reading.asked(what);
    if freshness.state != SourceState::Live {
        let why = freshness.why.unwrap_or_else(|| "no broker has told".to_owned());
        return Some(Verdict::Wait(format!("{what} cannot be seen: {why}")));
    }
    let age = freshness.age_s(reading.now).unwrap_or(i64::MAX);
    (age > YOUNG).then(|| Verdict::Wait(format!("{what} is {age} s old")))
}

fn unwatched(freshness: Freshness, what: &str) -> Option<Verdict> {
    if freshness.state == SourceState::Live {
        return None;
    }
    let why = freshness.why.unwrap_or_else(|| "nothing was told yet".to_owned());
    Some(Verdict::Wait(format!("{what} cannot be seen: {why}")))
}

/// True, with the reason, for a node that serves nobody.
fn is_down(survey: &Survey<'_>, node: BrokerId) -> Option<String> {
    match survey.standing(node) {
        Standing::Down(why) => Some(why),
        _ => None,
    }
}

/// No partition is offline, but for what the node itself causes.
pub fn nothing_offline(survey: &Survey<'_>, node: BrokerId) -> Verdict {
    if let Some(wait) = unseen(&survey.reading, Asked::Metadata) {
        return wait;
    }
    match (survey.census.offline.count, is_down(survey, node)) {
        (0, _) => Verdict::Pass("none is".to_owned()),
        (count, Some(why)) => Verdict::Pass(format!("{count} are, and {node} serves nobody: {why}")),
        (1, None) => Verdict::Fail(format!("{} is offline", survey.census.offline)),
        (_, None) => Verdict::Fail(format!("{} are offline", survey.census.offline)),
    }
}

/// No replica is behind, but for the node's own.
pub fn others_in_sync(survey: &Survey<'_>, node: BrokerId) -> Verdict {
    if let Some(wait) = unseen(&survey.reading, Asked::Metadata) {
        return wait;
    }
    let own = survey.census.shares.get(&node).map_or(0, |share| share.own);
    let others = survey.census.behind.count.saturating_sub(own);
    match (others, own) {
        (0, 0) => Verdict::Pass("all partitions are in sync".to_owned()),
        (0, own) => Verdict::Pass(format!("only its own {own} replicas are behind")),
        (others, _) => match is_down(survey, node) {
            Some(why) => Verdict::Pass(format!("{others} are behind, and {node} serves nobody: {why}")),
            None => Verdict::Fail(format!(
                "{others} partitions are behind without it: {}",
                survey.census.behind.isr_of_first()
            )),
        },
    }
}

/// No partition falls under min-ISR, nor loses its last in-sync replica.
pub fn writes_go_on(survey: &Survey<'_>, node: BrokerId) -> Verdict {
    if let Some(wait) = unseen(&survey.reading, Asked::Metadata) {
        return wait;
    }
    let Some(share) = survey.census.shares.get(&node) else { return Verdict::Pass("it has no replica".to_owned()) };
    if let Some(why) = is_down(survey, node) {
        return Verdict::Pass(format!("it serves nobody: {why}"));
    }
    if share.blocked.count > 0 {
        let more = match share.blocked.count {
            1 => String::new(),
            count => format!(", and {} more", count - 1),
        };
        return Verdict::Fail(format!("without it too few are in sync: {}{more}", share.blocked.isr_of_first()));
    }
    if let Some(topic) = &share.unknown {
        return Verdict::Wait(format!("min.insync.replicas of {topic} is not known yet"));
    }
    Verdict::Pass(format!("its {} partitions keep their minimum", share.replicas))
}

/// No partition depends on this broker alone, unless that was agreed to.
pub fn nothing_alone(survey: &Survey<'_>, node: BrokerId, agreed: bool) -> Verdict {
    if let Some(wait) = unseen(&survey.reading, Asked::Metadata) {
        return wait;
    }
    let share = survey.census.shares.get(&node);
    let mut words = Vec::new();
    if let Some(share) = share.filter(|share| share.alone.count > 0) {
        words.push(format!("{}: no other replica", share.alone));
    }
    if let Some(share) = share.filter(|share| share.tight.count > 0) {
        words.push(format!("{}: no more replicas than min-ISR", share.tight));
    }
    match (words.is_empty(), is_down(survey, node), agreed) {
        (true, ..) => Verdict::Pass("none does".to_owned()),
        (_, Some(why), _) => Verdict::Pass(format!("it serves nobody: {why}")),
        (_, _, true) => Verdict::Pass(format!("agreed to: {}", words.join("; "))),
        _ => Verdict::Fail(format!("{}: to be agreed to", words.join("; "))),
    }
}

/// The quorum keeps its majority (KafkaQuorumCheck).
pub fn quorum_holds(survey: &Survey<'_>, node: BrokerId) -> Verdict {
    let reading = &survey.reading;
    match reading.mode() {
        Some(mode) if mode == Mode::ZooKeeper.word() => {
            return Verdict::Pass("ZooKeeper keeps the metadata".to_owned());
        }
        Some(_) => {}
        None => return Verdict::Wait("where the metadata is kept is not known yet".to_owned()),
    }
    if survey.runs_nothing(node) {
        return Verdict::Pass("it does not run, and does not count already".to_owned());
    }
    if let Some(wait) = unseen(reading, Asked::Quorum) {
        return wait;
    }
    let Some(quorum) = reading.quorum() else { return Verdict::Wait("the quorum is not known yet".to_owned()) };
    let voters: Vec<_> = quorum.nodes.iter().filter(|row| row.role != QuorumRole::Observer).collect();
    let Some(own) = voters.iter().find(|row| row.id == node) else {
        return Verdict::Pass("it does not vote".to_owned());
    };
    if quorum.leader.is_none() {
        return Verdict::Fail("there is no active controller".to_owned());
    }
    if own.caught_up == Some(false) {
        return Verdict::Pass("it is behind, and does not count already".to_owned());
    }
    let others = || voters.iter().filter(|row| row.id != node);
    let needed = match voters.len() {
        1 => 0,
        2 => 1,
        all => usize::midpoint(all, 2),
    };
    let caught_up = others().filter(|row| row.caught_up == Some(true)).count();
    if caught_up >= needed {
        return Verdict::Pass(format!("{caught_up} of {} voters without it, {needed} are needed", voters.len()));
    }
    if others().any(|row| row.caught_up.is_none()) {
        return Verdict::Wait("who of the voters has caught up is not told".to_owned());
    }
    let behind: Vec<BrokerId> = others().filter(|row| row.caught_up != Some(true)).map(|row| row.id).collect();
    Verdict::Fail(format!(
        "only {caught_up} voters have caught up without it, {needed} are needed; behind: {}",
        ids(&behind)
    ))
}

/// All others serve, and follow the quorum.
pub fn others_serve(survey: &Survey<'_>, node: BrokerId) -> Verdict {
    let reading = &survey.reading;
    if let Some(wait) = unwatched(reading.watch(Kind::Pods), "pods").or_else(|| unseen(reading, Asked::Metadata)) {
        return wait;
    }
    if let Some(why) = is_down(survey, node) {
        return Verdict::Pass(format!("{node} itself serves nobody: {why}"));
    }
    let others: Vec<BrokerId> = survey.nodes().into_iter().filter(|id| *id != node).collect();
    let mut unknown = None;
    for id in &others {
        match survey.standing(*id) {
            Standing::Serves => {}
            Standing::Down(why) => return Verdict::Fail(format!("{id} does not: {why}")),
            Standing::Unknown(why) => unknown = unknown.or(Some(format!("{id}: {why}"))),
        }
    }
    if let Some(why) = unknown {
        return Verdict::Wait(why);
    }
    if let Some(behind) = out_of_quorum(reading, &others) {
        return behind;
    }
    match others.len() {
        0 => Verdict::Pass("there is no other".to_owned()),
        _ => Verdict::Pass(format!("{} do", ids(&others))),
    }
}

/// The node serves, and follows the quorum.
///
/// Right after the quorum had no leader partitions may still be called in sync with a broker that is cut off: nobody has
/// taken it out of their ISR yet.
pub fn node_serves(survey: &Survey<'_>, node: BrokerId) -> Verdict {
    let reading = &survey.reading;
    if let Some(wait) = unwatched(reading.watch(Kind::Pods), "pods").or_else(|| unseen(reading, Asked::Metadata)) {
        return wait;
    }
    let ends = survey.pod_of(node).is_some_and(|pod| pod.meta.deleting_since.is_some());
    match survey.standing(node) {
        Standing::Serves => out_of_quorum(reading, &[node]).unwrap_or_else(|| Verdict::Pass("it is".to_owned())),
        // It is being restarted already.
        Standing::Down(why) if ends => Verdict::Wait(why),
        Standing::Down(why) => Verdict::Fail(why),
        Standing::Unknown(why) => Verdict::Wait(why),
    }
}

/// One of the nodes that does not follow the quorum.
///
/// A broker that is cut off goes on answering with what it knew: only the quorum's leader knows better.
fn out_of_quorum(reading: &Reading<'_>, nodes: &[BrokerId]) -> Option<Verdict> {
    if !reading.has_quorum() || reading.asked(Asked::Quorum).state != SourceState::Live {
        return None;
    }
    let rows = reading.quorum().map(|quorum| quorum.nodes).unwrap_or_default();
    let behind = rows.iter().find(|row| nodes.contains(&row.id) && row.caught_up == Some(false))?;
    Some(Verdict::Fail(format!("{} does not follow the metadata quorum", behind.id)))
}

/// Disruption budgets allow one more pod to go.
pub fn budget_allows(reading: &Reading<'_>, pod: &ObjectKey) -> Verdict {
    if let Some(wait) = unwatched(reading.watch(Kind::Budgets), "disruption budgets") {
        return wait;
    }
    let Some(pod) = reading.world.kube.pods.get(pod) else { return Verdict::Pass("there is no pod".to_owned()) };
    let budgets: Vec<_> = reading.world.kube.budgets.values().filter(|budget| budget.covers(&pod.meta)).collect();
    match budgets.as_slice() {
        [] => Verdict::Pass("there is none".to_owned()),
        // The API server refuses to choose (policy/v1).
        [_, _, ..] => Verdict::Fail(format!("{} budgets are about it, and eviction takes one at most", budgets.len())),
        [budget] => allowed(budget, pod.ready == Some(true)),
    }
}

fn allowed(budget: &Budget, is_ready: bool) -> Verdict {
    let name = &budget.meta.name;
    if budget.generation.is_some() && budget.observed_generation < budget.generation {
        return Verdict::Wait(format!("{name} has just been changed"));
    }
    // One that is not Ready takes nothing from a budget that is met (IfHealthyBudget).
    let is_met = budget.current_healthy.zip(budget.desired_healthy).is_some_and(|(now, needed)| now >= needed);
    match budget.disruptions_allowed {
        Some(0) if !is_ready && is_met => Verdict::Pass(format!("{name}: it is not Ready, and the budget is met")),
        Some(0) | None => {
            let figure = |n: Option<u32>| n.map_or_else(|| "?".to_owned(), |n| n.to_string());
            let (healthy, needed) = (figure(budget.current_healthy), figure(budget.desired_healthy));
            Verdict::Wait(format!("{name} allows none now: {healthy} healthy, {needed} needed"))
        }
        Some(allowed) => Verdict::Pass(format!("{name} allows {allowed}")),
    }
}

/// The operator that restarts it works, and looks after the cluster.
pub fn operator_up(reading: &Reading<'_>) -> Verdict {
    if reading.installation.paused {
        return Verdict::Fail("it is told to leave the cluster alone (strimzi.io/pause-reconciliation)".to_owned());
    }
    if let Some(wait) = unwatched(reading.watch(Kind::Deployments), "Deployments") {
        return wait;
    }
    match &reading.installation.operator {
        Some(operator) if operator.ready => Verdict::Pass(format!("{} is ready", operator.deployment.name)),
        Some(operator) => Verdict::Fail(format!("{} is not ready", operator.deployment.name)),
        None => Verdict::Wait("its Deployment cannot be seen".to_owned()),
    }
}
