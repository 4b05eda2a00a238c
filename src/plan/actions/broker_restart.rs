//! `broker.restart`: one broker or controller, when nothing else would be worse for it.

use super::restart::{self, Manner, Node, Steps, Way, harm, moves, needs, shortened};
use crate::{
    plan::{
        Plan, Refusal, Risk,
        catalog::{ActionSpec, Scope, Situation, nothing_to_ask},
        gate::{Moment, Verdict, check_all, survey::Survey},
        param::{ParamKind, ParamSpec, Params},
    },
    world::Reading,
};

/// The row of the catalog.
pub static SPEC: ActionSpec = ActionSpec {
    id: "broker.restart",
    title: "restart broker",
    doc: "Restarts one broker or controller, if all others are ready and in sync, no partition falls under min-ISR, the \
          quorum keeps its majority and the disruption budget allows it; then waits until it is ready, unfenced and back \
          in every ISR. Strimzi's operator is asked by an annotation, other pods are evicted, a Deployment with the \
          strategy Recreate is restarted. A broker that serves nobody may always be restarted.",
    scope: Scope::Broker,
    risk: Risk::Disruptive,
    params: &[
        ParamSpec::new("broker", "BROKER", "node id, or name of the pod", ParamKind::Text).first().choices(choices),
        ParamSpec::new("force", "", "restart it although it is not safe; its name has to be typed", ParamKind::Switch)
            .flag_only(),
    ],
    supports: restart::supports,
    needs,
    asks: nothing_to_ask,
    build,
};

fn choices(reading: &Reading<'_>) -> Vec<String> {
    Survey::of(*reading).with_pods().map(|(id, _)| id.to_string()).collect()
}

/// The node that is meant.
fn find<'a>(survey: &Survey<'a>, named: &str) -> Result<Node<'a>, Refusal> {
    let found = survey.with_pods().find(|(id, known)| id.to_string() == named || known.pod.name == named);
    let Some((id, known)) = found else {
        let ids: Vec<String> = survey.with_pods().map(|(id, _)| id.to_string()).collect();
        return Err(Refusal::usage(format!("there is no broker {named}"))
            .hint(format!("Brokers and controllers with a pod: {}.", ids.join(", "))));
    };
    let gone = || Refusal::new(format!("pod {} is not there now; its owner will make it", known.pod.name));
    restart::node(survey, id, known)?.ok_or_else(gone)
}

fn build(params: &Params, situation: &Situation<'_>) -> Result<Plan, Refusal> {
    let reading = situation.reading;
    let survey = Survey::of(reading);
    let node = find(&survey, params.text("broker"))?;
    let mut details = shortened(harm(&survey, &node));
    let forced = params.is_on("force");
    let agreed = !details.is_empty();
    let mut warnings = Vec::new();
    if forced {
        let gates = restart::before(&reading, &node, Manner { agreed: true, ..Manner::default() });
        let moment = Moment { reading, since: None };
        let open = check_all(&gates, &moment).into_iter().filter(|(_, verdict)| !matches!(verdict, Verdict::Pass(_)));
        warnings.extend(open.map(|(title, verdict)| format!("not so: {title}: {}", verdict.words())));
        warnings.push("forced: nothing is checked before, and no disruption budget is asked".to_owned());
    }
    if agreed {
        details.insert(0, format!("restarting {} costs:", node.name()));
    }
    let is_lost = reading.installation.ephemeral == Some(true);
    if is_lost {
        warnings.push("its data goes with the pod: it comes back empty, and copies everything from others".to_owned());
    }
    if reading.watch(crate::domain::freshness::Kind::Budgets).as_of.is_none() && matches!(node.way, Way::Evict) {
        warnings.push("disruption budgets cannot be seen; the API server holds them when it evicts".to_owned());
    }
    warnings.extend(unseen_operator(&reading, &node));
    let mut steps = Steps::new(&survey, Manner { agreed, forced, serves: false });
    steps.restart(&node);
    Ok(Plan {
        action: SPEC.id.to_owned(),
        installation: reading.installation.id.clone(),
        params: params.clone(),
        title: format!("Restart {}", node.name()),
        sentence: format!("{}{}", how(&node, forced), moves(&survey, &node)),
        risk: if agreed && is_lost { Risk::Destructive } else { Risk::Disruptive },
        typed: (agreed || forced).then(|| node.pod.meta.name.clone()),
        details,
        warnings,
        undo: undo(&node),
        steps: steps.all,
    })
}

/// Where the operator that would do it cannot be seen.
pub fn unseen_operator(reading: &Reading<'_>, node: &Node<'_>) -> Option<String> {
    let unseen = matches!(node.way, Way::Operator) && reading.installation.operator.is_none();
    unseen.then(|| "the operator's Deployment cannot be seen; if it does not run, nothing is restarted".to_owned())
}

fn how(node: &Node<'_>, forced: bool) -> String {
    let pod = &node.pod.meta.name;
    match node.way {
        Way::Operator => format!("Strimzi's operator restarts pod {pod} once."),
        Way::Evict if forced => format!("Pod {pod} is deleted, and made anew by its owner."),
        Way::Evict => format!("Pod {pod} is evicted, and made anew by its owner."),
        Way::Recreate(workload) => {
            format!("Deployment {} ends pod {pod} and then makes a new one.", workload.meta.name)
        }
    }
}

/// How a restart is undone.
pub fn undo(node: &Node<'_>) -> String {
    match node.way {
        Way::Operator => "take the annotation away while the operator has not acted on it".to_owned(),
        _ => String::new(),
    }
}
