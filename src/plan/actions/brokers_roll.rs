//! `brokers.roll`: all brokers and controllers, one after the other.

use std::time::Duration;

use serde_json::json;

use super::{
    broker_restart::{undo, unseen_operator},
    is_duration, keeper,
    restart::{
        self, Manner, Node, Steps, WITHIN_S, Way, core_target, harm, in_order, is_outdated, needs, nodes,
        order_is_known, restarted, shortened,
    },
};
use crate::{
    domain::{ids::ObjectKey, kubernetes::Workload, units::read_duration},
    plan::{
        Gate, Op, Plan, Refusal, Risk, Step,
        catalog::{ActionSpec, Scope, Situation, nothing_to_ask},
        gate::survey::{Standing, Survey},
        op::Change,
        param::{ParamKind, ParamSpec, Params},
    },
    world::Reading,
};

/// How long Java remembers the address of a name (`networkaddress.cache.ttl`).
const LOOKUP_S: u32 = 30;

/// The row of the catalog.
pub static SPEC: ActionSpec = ActionSpec {
    id: "brokers.roll",
    title: "roll all brokers",
    doc: "Restarts all brokers and controllers, one after the other: controllers before brokers, the active controller as \
          the last of them. Before each one everything has to be ready and in sync again. Strimzi's operator is asked for \
          one pod at a time, pods of a StatefulSet are evicted one at a time; a StatefulSet that updates by itself is \
          restarted through its partition where nobody else keeps it and its order fits.",
    scope: Scope::Brokers,
    risk: Risk::Disruptive,
    params: &[
        ParamSpec::new("only-outdated", "", "only pods that are not of the newest revision", ParamKind::Switch),
        ParamSpec::new("settle", "DURATION", "how long each has to be ready before the next", ParamKind::Text)
            .checked(is_duration),
    ],
    supports: restart::supports,
    needs,
    asks: nothing_to_ask,
    build,
};

fn build(params: &Params, situation: &Situation<'_>) -> Result<Plan, Refusal> {
    let reading = situation.reading;
    let survey = Survey::of(reading);
    let mut chosen = nodes(&survey)?;
    let all = chosen.len();
    if params.is_on("only-outdated") {
        let unknown = chosen.iter().find(|node| is_outdated(&reading, node).is_none());
        if let Some(node) = unknown {
            return Err(Refusal::new(format!("of which revision pod {} should be is not told", node.pod.meta.name)));
        }
        chosen.retain(|node| is_outdated(&reading, node) == Some(true));
    }
    if !params.is_on("only-outdated") {
        all_serve(&survey, &chosen)?;
    }
    order_is_known(&reading, &chosen)?;
    let chosen = in_order(&survey, chosen);
    let mut details: Vec<String> = shortened(chosen.iter().flat_map(|node| harm(&survey, node)).collect());
    let agreed = !details.is_empty();
    if agreed {
        details.insert(0, "it costs, one after the other:".to_owned());
    }
    let is_lost = reading.installation.ephemeral == Some(true);
    let mut warnings: Vec<String> =
        chosen.first().and_then(|node| unseen_operator(&reading, node)).into_iter().collect();
    if is_lost {
        warnings.push("data goes with the pods: each comes back empty, and copies everything from others".to_owned());
    }
    let manner = Manner { agreed, forced: false, serves: !params.is_on("only-outdated") };
    let mut steps = Steps::new(&survey, manner);
    let ladder = ladder(&reading, &chosen, all);
    let how = match &ladder {
        Ok(set) => climb(&mut steps, set, &reading, &chosen, manner),
        Err(why) => {
            for node in &chosen {
                steps.restart(node);
            }
            one_by_one(&chosen, why)
        }
    };
    match params.get("settle").and_then(|text| read_duration(text).ok()) {
        Some(settle) => settled(&mut steps.all, &chosen, settle),
        None if chosen.len() > 1 => warnings.push(format!(
            "Java looks up addresses again after {LOOKUP_S} s: so long may acks=all wait for brokers that do not find \
             the new pod yet; --settle {LOOKUP_S}s waits between them"
        )),
        None => {}
    }
    let sentence = match chosen.len() {
        0 if all > 0 => "All pods are of the newest revision; nothing is to be done.".to_owned(),
        0 => "There is no pod.".to_owned(),
        _ => format!("{how} {}", order(&chosen, ladder.is_ok())),
    };
    Ok(Plan {
        action: SPEC.id.to_owned(),
        installation: reading.installation.id.clone(),
        params: params.clone(),
        title: title(&chosen),
        sentence,
        risk: if agreed && is_lost { Risk::Destructive } else { Risk::Disruptive },
        typed: agreed.then(|| reading.installation.id.name.clone()),
        details,
        warnings,
        undo: chosen.first().map(undo).unwrap_or_default(),
        steps: steps.all,
    })
}

/// Lets each be ready for some time before the next.
fn settled(steps: &mut [Step], chosen: &[Node<'_>], settle: Duration) {
    let seconds = u32::try_from(settle.as_secs()).unwrap_or(u32::MAX);
    let ends = steps.iter_mut().filter_map(|step| {
        let back = step.after.iter().find_map(|gate| match gate {
            Gate::PodBack { node, pod, .. } => Some((*node, pod.clone())),
            _ => None,
        });
        Some((step, back?))
    });
    for (step, (node, pod)) in ends.take(chosen.len().saturating_sub(1)) {
        step.after.push(Gate::ReadyFor { node, pod, seconds });
        step.within_s = step.within_s.saturating_add(seconds);
    }
}

/// A roll begins only where nothing is broken: what is down is mended by itself first.
fn all_serve(survey: &Survey<'_>, chosen: &[Node<'_>]) -> Result<(), Refusal> {
    for node in chosen {
        if let Standing::Down(why) = survey.standing(node.id) {
            let refusal = Refusal::new(format!("{} does not serve: {why}", node.name()));
            return Err(refusal.hint(format!("Mend it first, for example with: kafdeck broker restart {}", node.id)));
        }
    }
    Ok(())
}

fn title(chosen: &[Node<'_>]) -> String {
    match chosen {
        [one] => format!("Roll {}", one.name()),
        many if many.iter().all(|node| node.is_broker) => format!("Roll {} brokers", many.len()),
        many => format!("Roll {} nodes", many.len()),
    }
}

fn order(chosen: &[Node<'_>], by_ordinal: bool) -> String {
    let ids: Vec<String> = chosen.iter().map(|node| node.id.to_string()).collect();
    let active = chosen.iter().find(|node| node.is_active);
    match active {
        _ if by_ordinal => "The StatefulSet goes from the highest ordinal down.".to_owned(),
        Some(node) if ids.len() > 1 => format!("Order: {}; {} is the active controller.", ids.join(", "), node.id),
        _ => format!("Order: {}.", ids.join(", ")),
    }
}

fn one_by_one(chosen: &[Node<'_>], why: &str) -> String {
    let how = match chosen.first().map(|node| node.way) {
        Some(Way::Operator) => "Strimzi's operator is asked for one pod at a time",
        Some(Way::Recreate(_)) => "The Deployment is restarted",
        _ => "Pods are evicted one at a time",
    };
    if why.is_empty() { format!("{how}.") } else { format!("{how}: {why}.") }
}

/// The StatefulSet that can restart its pods by itself, held back by its partition; else why they are evicted.
fn ladder<'a>(reading: &Reading<'a>, chosen: &[Node<'_>], all: usize) -> Result<&'a Workload, String> {
    let Some(first) = chosen.first().filter(|node| matches!(node.way, Way::Evict)) else { return Err(String::new()) };
    let owner = first.pod.meta.owner.as_ref().filter(|owner| owner.kind == "StatefulSet").ok_or_else(String::new)?;
    let key = ObjectKey::new(&first.pod.meta.namespace, &owner.name);
    let set = reading.world.kube.stateful_sets.get(&key).ok_or_else(|| "the StatefulSet cannot be seen".to_owned())?;
    let name = &set.meta.name;
    match set.update_strategy.as_deref() {
        Some("OnDelete") => return Err(format!("StatefulSet {name} restarts nothing by itself (OnDelete)")),
        Some("RollingUpdate") => {}
        _ => return Err(format!("how StatefulSet {name} updates is not known")),
    }
    if let Some(keeper) = keeper(&set.meta) {
        return Err(format!("{keeper} declares StatefulSet {name}, and would undo a change of it"));
    }
    if let Some(owner) = &set.meta.owner {
        return Err(format!(
            "{} {} declares StatefulSet {name}, and would undo a change of it",
            owner.kind, owner.name
        ));
    }
    if chosen.iter().any(|node| node.pod.meta.owner.as_ref().is_none_or(|other| other != owner)) {
        return Err("they are of several StatefulSets".to_owned());
    }
    if chosen.len() != all || u32::try_from(all) != Ok(set.replicas) {
        return Err("not all pods of the StatefulSet are to be restarted, or are there".to_owned());
    }
    if set.rollout.partition.unwrap_or(0) != 0 {
        return Err(format!("StatefulSet {name} holds pods back already (partition)"));
    }
    if set.rollout.current_revision != set.rollout.update_revision {
        return Err(format!("StatefulSet {name} is in the middle of an update"));
    }
    let lowest = chosen.iter().filter_map(|node| ordinal(node)).min();
    if chosen.iter().any(|node| ordinal(node).is_none()) || lowest != Some(0) {
        return Err(format!("pods of StatefulSet {name} are not counted from 0"));
    }
    if let Some(active) = chosen.iter().find(|node| node.is_active && ordinal(node) != Some(0)) {
        return Err(format!("StatefulSet {name} would not restart the active controller {} last", active.id));
    }
    Ok(set)
}

fn ordinal(node: &Node<'_>) -> Option<u32> {
    node.pod.meta.name.rsplit('-').next()?.parse().ok()
}

/// Changes the template while all pods are held back, and lets them go one by one.
fn climb(
    steps: &mut Steps<'_, '_>,
    set: &Workload,
    reading: &Reading<'_>,
    chosen: &[Node<'_>],
    manner: Manner,
) -> String {
    let target = core_target("apps/v1", "StatefulSet", "statefulsets", &set.meta.key());
    let held = |before: Option<u32>, after: u32| Change {
        path: ["spec", "updateStrategy", "rollingUpdate", "partition"].map(str::to_owned).to_vec(),
        before: before.map(|n| json!(n)),
        after: Some(json!(after)),
    };
    let changes = vec![held(set.rollout.partition, set.replicas), restarted(set, steps.stamp())];
    steps.all.push(Step {
        title: format!("hold all pods of StatefulSet {} back, and change its template", set.meta.name),
        before: Vec::new(),
        op: Op::Patch { target: target.clone(), changes },
        after: Vec::new(),
        within_s: WITHIN_S,
    });
    let mut nodes: Vec<&Node<'_>> = chosen.iter().collect();
    nodes.sort_by_key(|node| std::cmp::Reverse(ordinal(node)));
    for node in nodes {
        let Some(at) = ordinal(node) else { continue };
        steps.all.push(Step {
            title: format!("restart {}: let pod {} go", node.name(), node.pod.meta.name),
            before: restart::before(reading, node, manner),
            op: Op::Patch { target: target.clone(), changes: vec![held(Some(at + 1), at)] },
            after: restart::after(node, 0),
            within_s: WITHIN_S,
        });
    }
    format!("StatefulSet {} is restarted, and its partition lets one pod go at a time.", set.meta.name)
}
