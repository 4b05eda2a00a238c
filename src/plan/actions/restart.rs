//! Restarting brokers and controllers: which ways there are, in which order, with which gates.
//!
//! `broker_restart` restarts one, `brokers_roll` all of them one after the other; both make their steps here.

use std::collections::BTreeMap;

use chrono::SecondsFormat;
use serde_json::{Value, json};

use super::{kafka_resource, keeper};
use crate::{
    domain::{
        freshness::{Kind, SourceState},
        ids::{BrokerId, ObjectKey},
        installation::{BrokerPod, Role},
        kubernetes::{Pod, Workload},
    },
    plan::{
        Gate, Op, Refusal, Step,
        catalog::Need,
        gate::{
            Looked, Moment, Verdict,
            back::ROLL,
            survey::{Standing, Survey},
        },
        op::{Change, Target},
    },
    world::{Reading, brokers::BrokerRow, quorum::QuorumRole},
};

/// How long a broker may take to come back, and gates before it to hold.
pub const WITHIN_S: u32 = 600;
/// An operator that is not told looks so often by itself (`STRIMZI_FULL_RECONCILIATION_INTERVAL_MS`).
const TIMER_S: u32 = 120;
/// The annotation that makes Strimzi's operator look at a cluster at once.
const LOOK: &str = "kafdeck.dev/look";
/// What `kubectl rollout restart` writes.
pub const RESTARTED_AT: &str = "kubectl.kubernetes.io/restartedAt";
/// Lines about partitions that a plan shows.
const LINES: usize = 6;

/// Who makes a pod anew, and so by which way it is restarted.
#[derive(Debug, Clone, Copy)]
pub enum Way<'a> {
    /// Strimzi's operator is asked by an annotation.
    Operator,
    /// The pod is evicted, and its StatefulSet (or single Deployment) makes another.
    Evict,
    /// The Deployment's template is changed: it ends the old pod before it makes a new one.
    Recreate(&'a Workload),
}

/// A broker or controller that can be restarted.
#[derive(Debug, Clone, Copy)]
pub struct Node<'a> {
    /// Its node id.
    pub id: BrokerId,
    /// Its pod as it was recognised.
    pub known: &'a BrokerPod,
    /// Its pod.
    pub pod: &'a Pod,
    /// True where it keeps partitions.
    pub is_broker: bool,
    /// True where it votes in the quorum.
    pub is_controller: bool,
    /// True for the controller that leads the quorum.
    pub is_active: bool,
    /// How it is restarted.
    pub way: Way<'a>,
}

impl Node<'_> {
    /// As steps name it: `broker 1`.
    pub fn name(&self) -> String {
        format!("{} {}", if self.is_broker { "broker" } else { "controller" }, self.id)
    }

    /// Its pod's name in the cluster.
    pub fn key(&self) -> ObjectKey {
        self.pod.meta.key()
    }

    /// Its pod, as requests name it.
    pub fn target(&self) -> Target {
        core_target("v1", "Pod", "pods", &self.key())
    }
}

/// An object of Kubernetes' own kinds.
pub fn core_target(api_version: &str, kind: &str, resource: &str, key: &ObjectKey) -> Target {
    Target {
        api_version: api_version.to_owned(),
        kind: kind.to_owned(),
        resource: resource.to_owned(),
        namespace: key.namespace.clone(),
        name: key.name.clone(),
    }
}

/// All nodes that have a pod, by id.
///
/// # Errors
/// Why one of them cannot be restarted.
pub fn nodes<'a>(survey: &Survey<'a>) -> Result<Vec<Node<'a>>, Refusal> {
    survey.with_pods().filter_map(|(id, known)| node(survey, id, known).transpose()).collect()
}

/// A node; none where its pod is gone.
///
/// # Errors
/// Why it cannot be restarted.
pub fn node<'a>(survey: &Survey<'a>, id: BrokerId, known: &'a BrokerPod) -> Result<Option<Node<'a>>, Refusal> {
    let Some(pod) = survey.pod_of(id) else { return Ok(None) };
    let reading = &survey.reading;
    let rows = reading.kafka().and_then(|kafka| kafka.quorum.as_ref());
    let votes = rows.is_some_and(|quorum| quorum.voters.iter().any(|voter| voter.id == id));
    let is_broker = !survey.is_controller_only(id);
    Ok(Some(Node {
        id,
        known,
        pod,
        is_broker,
        is_controller: !is_broker || votes || known.roles.contains(&Role::Controller),
        is_active: reading.active_controller() == Some(id),
        way: way(survey, pod)?,
    }))
}

/// How a pod is restarted.
fn way<'a>(survey: &Survey<'a>, pod: &Pod) -> Result<Way<'a>, Refusal> {
    let reading = survey.reading;
    let name = &pod.meta.name;
    let Some(owner) = &pod.meta.owner else {
        return Err(Refusal::new(format!("nobody would make pod {name} anew: it has no owner")));
    };
    match owner.kind.as_str() {
        "StrimziPodSet" => Ok(Way::Operator),
        "StatefulSet" => Ok(Way::Evict),
        "ReplicaSet" => {
            let all = reading.world.kube.deployments.values();
            let is_its = |one: &&std::sync::Arc<Workload>| {
                one.meta.namespace == pod.meta.namespace
                    && owner.name.strip_prefix(&one.meta.name).is_some_and(|rest| rest.starts_with('-'))
                    && one.template_labels.iter().all(|(key, value)| pod.meta.labels.get(key) == Some(value))
            };
            let Some(found) = all.filter(is_its).max_by_key(|one| one.meta.name.len()) else {
                return Err(Refusal::new(format!("the Deployment of pod {name} cannot be seen")));
            };
            match found.update_strategy.as_deref() {
                Some("Recreate") => Ok(Way::Recreate(found)),
                _ if found.replicas == 1 => Ok(Way::Evict),
                other => Err(Refusal::new(format!(
                    "Deployment {} would start a second broker before the first has ended: its strategy is {}",
                    found.meta.name,
                    other.unwrap_or("not known")
                ))
                .hint("Give it the strategy Recreate.")),
            }
        }
        kind => Err(Refusal::new(format!("pod {name} is a {kind}'s, which restarts it by its own rules"))),
    }
}

/// Why nothing of an installation can be restarted.
///
/// # Errors
/// No pod is known, or its operator is told to leave it alone.
pub fn supports(reading: &Reading<'_>) -> Result<(), String> {
    if reading.installation.brokers.is_empty() && reading.installation.controllers.is_empty() {
        return Err("no pod of it is known".to_owned());
    }
    if reading.installation.paused {
        return Err("its operator is told to leave it alone (strimzi.io/pause-reconciliation)".to_owned());
    }
    Ok(())
}

/// What a restart needs to be allowed.
pub fn needs(reading: &Reading<'_>) -> Vec<Need> {
    let owner = |kind: &str| {
        let mut pods = reading.installation.brokers.iter().chain(&reading.installation.controllers);
        pods.any(|known| {
            let pod = reading.world.kube.pods.get(&known.pod);
            pod.and_then(|pod| pod.meta.owner.as_ref()).is_some_and(|owner| owner.kind == kind)
        })
    };
    if owner("StrimziPodSet") {
        vec![Need::Verb { verb: "patch", group: "", resource: "pods" }]
    } else if owner("ReplicaSet") {
        vec![Need::Verb { verb: "patch", group: "apps", resource: "deployments" }]
    } else {
        vec![Need::Verb { verb: "create", group: "", resource: "pods/eviction" }]
    }
}

/// The gates before a node is restarted.
pub fn before(reading: &Reading<'_>, node: &Node<'_>, manner: Manner) -> Vec<Gate> {
    if manner.forced {
        return Vec::new();
    }
    let (id, agreed) = (node.id, manner.agreed);
    let mut gates = vec![Gate::OthersServe { node: id }];
    if node.is_broker {
        gates.extend([
            Gate::NothingOffline { node: id },
            Gate::OthersInSync { node: id },
            Gate::WritesGoOn { node: id },
            Gate::NothingAlone { node: id, agreed },
        ]);
    }
    // Of brokers beside dedicated controllers nobody asks for a vote.
    if node.is_controller || reading.mode().is_none() {
        gates.push(Gate::QuorumHolds { node: id });
    }
    match node.way {
        Way::Operator if reading.installation.operator.is_some() => gates.push(Gate::OperatorUp),
        // Where budgets may not be listed the API server still holds them when it evicts.
        Way::Evict if reading.watch(Kind::Budgets).state != SourceState::Blind => {
            gates.push(Gate::BudgetAllows { pod: node.key() });
        }
        _ => {}
    }
    gates.extend(manner.serves.then_some(Gate::NodeServes { node: id }));
    gates
}

/// The gates after a node was restarted; so many partitions were under-replicated before for other reasons.
pub fn after(node: &Node<'_>, behind: usize) -> Vec<Gate> {
    let mut gates = vec![Gate::PodBack { node: node.id, pod: node.key(), uid: node.pod.meta.uid.clone() }];
    if node.is_broker {
        gates.extend([
            Gate::BrokerServes { node: node.id },
            Gate::BackInSync { node: node.id },
            Gate::UrpAtMost { node: node.id, most: behind },
        ]);
    }
    if node.is_controller {
        gates.push(Gate::InQuorum { node: node.id });
    }
    gates
}

/// What a restart is made with.
#[derive(Debug, Clone, Copy, Default)]
pub struct Manner {
    /// What depends on a node alone was listed, and agreed to.
    pub agreed: bool,
    /// Nothing is checked before, and no budget asked.
    pub forced: bool,
    /// The node itself has to serve: it is not restarted to mend it.
    pub serves: bool,
}

/// Makes steps, one node after the other.
pub struct Steps<'a, 'r> {
    survey: &'r Survey<'a>,
    manner: Manner,
    stamp: String,
    /// What stands in the annotation of the Kafka resource when the next step is done.
    looked: Option<String>,
    /// The steps so far.
    pub all: Vec<Step>,
}

impl<'a, 'r> Steps<'a, 'r> {
    /// No step yet.
    pub fn new(survey: &'r Survey<'a>, manner: Manner) -> Self {
        let looked = kafka_resource(&survey.reading).and_then(|kafka| kafka.meta.annotations.get(LOOK).cloned());
        let stamp = survey.reading.now.to_rfc3339_opts(SecondsFormat::Secs, true);
        Self { survey, manner, stamp, looked, all: Vec::new() }
    }

    /// The moment the plan is made, as annotations tell it.
    pub fn stamp(&self) -> &str {
        &self.stamp
    }

    /// Restarts a node.
    pub fn restart(&mut self, node: &Node<'_>) {
        let reading = self.survey.reading;
        let own = self.survey.census.shares.get(&node.id).map_or(0, |share| share.own);
        // What is forced leaves behind what it found.
        let behind = if self.manner.forced { self.survey.census.behind.count.saturating_sub(own) } else { 0 };
        let before = before(&reading, node, self.manner);
        let after = after(node, behind);
        let title = format!("restart {}", node.name());
        match node.way {
            Way::Operator => self.ask_operator(node, before, after),
            Way::Evict => {
                let (target, uid) = (node.target(), node.pod.meta.uid.clone());
                let op = if self.manner.forced { Op::Delete { target, uid } } else { Op::Evict { target, uid } };
                let verb = if self.manner.forced { "delete" } else { "evict" };
                let title = format!("{title}: {verb} pod {}", node.pod.meta.name);
                self.all.push(Step { title, before, op, after, within_s: WITHIN_S });
            }
            Way::Recreate(workload) => {
                let target = core_target("apps/v1", "Deployment", "deployments", &workload.meta.key());
                let op = Op::Patch { target, changes: vec![restarted(workload, &self.stamp)] };
                let title = format!("{title}: restart Deployment {}", workload.meta.name);
                self.all.push(Step { title, before, op, after, within_s: WITHIN_S });
            }
        }
    }

    /// Strimzi: the pod is marked, and the operator is made to look.
    fn ask_operator(&mut self, node: &Node<'_>, before: Vec<Gate>, after: Vec<Gate>) {
        let (pod, uid) = (node.key(), node.pod.meta.uid.clone());
        let title = format!("ask Strimzi to restart {}: annotate pod {}", node.name(), pod.name);
        let annotated = Change {
            path: annotation(ROLL),
            before: node.pod.meta.annotations.get(ROLL).map(|value| json!(value)),
            after: Some(json!("true")),
        };
        // A merge patch with the uid is for that pod alone.
        let same = Change {
            path: vec!["metadata".to_owned(), "uid".to_owned()],
            before: Some(json!(uid)),
            after: Some(json!(uid)),
        };
        let op = Op::Patch { target: node.target(), changes: vec![annotated, same] };
        let marked = vec![Gate::PodMarked { node: node.id, pod, uid }];
        self.all.push(Step { title, before, op, after: marked, within_s: WITHIN_S });
        let kafka = kafka_resource(&self.survey.reading).filter(|kafka| keeper(&kafka.meta).is_none());
        let (op, title, within_s) = if let Some(kafka) = kafka {
            let target = super::strimzi_target(kafka, "Kafka", &kafka.meta.namespace, &kafka.meta.name);
            let value = format!("{} for {}", self.stamp, node.name());
            let before = self.looked.replace(value.clone()).map(Value::from);
            let change = Change { path: annotation(LOOK), before, after: Some(json!(value)) };
            let title = format!("have the operator look now, and wait for {}", node.name());
            (Op::Patch { target, changes: vec![change] }, title, WITHIN_S)
        } else {
            let title = format!("wait until the operator looks, every {TIMER_S} s, and for {}", node.name());
            (Op::Wait, title, WITHIN_S + TIMER_S)
        };
        self.all.push(Step { title, before: Vec::new(), op, after, within_s });
    }
}

/// The path of an annotation.
fn annotation(name: &str) -> Vec<String> {
    ["metadata", "annotations", name].map(str::to_owned).to_vec()
}

/// The change that makes a workload restart its pods.
pub fn restarted(workload: &Workload, stamp: &str) -> Change {
    Change {
        path: ["spec", "template", "metadata", "annotations", RESTARTED_AT].map(str::to_owned).to_vec(),
        before: workload.restarted_at.as_ref().map(|at| json!(at)),
        after: Some(json!(stamp)),
    }
}

/// What restarting a node costs that has to be agreed to, a line each.
pub fn harm(survey: &Survey<'_>, node: &Node<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    let name = node.name();
    if let Standing::Down(_) = survey.standing(node.id) {
        return lines;
    }
    let Some(share) = survey.census.shares.get(&node.id) else { return lines };
    let is_lost = survey.reading.installation.ephemeral == Some(true);
    if share.alone.count > 0 {
        let what = match (is_lost, share.alone.count) {
            (true, 1) => "is lost with the pod",
            (true, _) => "are lost with the pod",
            (false, 1) => "goes offline meanwhile",
            (false, _) => "go offline meanwhile",
        };
        lines.push(format!("{} {what}: {name} has the only replica", share.alone));
    }
    if share.tight.count > 0 {
        let takes = if share.tight.count == 1 { "takes" } else { "take" };
        lines.push(format!("{} {takes} no acks=all without {name}: no more replicas than min-ISR", share.tight));
    }
    lines
}

/// Lines of harm, and how many more there are.
pub fn shortened(mut lines: Vec<String>) -> Vec<String> {
    let more = lines.len().saturating_sub(LINES);
    lines.truncate(LINES);
    if more > 0 {
        lines.push(format!("and so on for {more} more"));
    }
    lines
}

/// What depends on the share of a node, in a line: how many leaders move.
pub fn moves(survey: &Survey<'_>, node: &Node<'_>) -> String {
    let leads = |id| {
        let topics = survey.reading.kafka().into_iter().flat_map(|kafka| kafka.topics.values());
        topics.flat_map(|topic| &topic.partitions).filter(|p| p.leader == Some(id) && p.replicas.len() > 1).count()
    };
    let share = survey.census.shares.get(&node.id).cloned().unwrap_or_default();
    // Nobody is there to take over from it.
    if survey.nodes().len() == 1 {
        return String::new();
    }
    match (leads(node.id), share.replicas) {
        (_, 0) => String::new(),
        (0, replicas) => format!(" It leads no partition; its {replicas} replicas catch up afterwards."),
        (led, replicas) => {
            format!(
                " Its {led} leaders move to other brokers meanwhile, and its {replicas} replicas catch up afterwards."
            )
        }
    }
}

/// Orders nodes as KafkaRoller does: controllers first, those that are not ready before the others, the active one last;
/// then brokers.
pub fn in_order<'a>(survey: &Survey<'_>, mut nodes: Vec<Node<'a>>) -> Vec<Node<'a>> {
    nodes.sort_by_key(|node| {
        let serves = !matches!(survey.standing(node.id), Standing::Down(_));
        (!node.is_controller, node.is_active, serves, node.id)
    });
    nodes
}

/// Why the order is not known, where it has to be.
///
/// # Errors
/// Nodes vote, and nobody has told which of them is the active controller.
pub fn order_is_known(reading: &Reading<'_>, nodes: &[Node<'_>]) -> Result<(), Refusal> {
    let votes = reading.has_quorum() && nodes.iter().filter(|node| node.is_controller).count() > 1;
    if votes && reading.active_controller().is_none() {
        let why = reading.asked(crate::domain::freshness::Asked::Quorum).why.unwrap_or_default();
        return Err(Refusal::new(format!(
            "which controller is the active one, and so has to be last, is not known: {why}"
        )));
    }
    Ok(())
}

/// Nodes whose pods are not of the newest revision.
pub fn is_outdated(reading: &Reading<'_>, node: &Node<'_>) -> Option<bool> {
    let owner = node.pod.meta.owner.as_ref()?;
    let key = ObjectKey::new(&node.pod.meta.namespace, &owner.name);
    match node.way {
        Way::Operator => {
            let wanted = reading.world.kube.pod_sets.get(&key)?.revisions.get(&node.pod.meta.name)?;
            Some(node.pod.meta.annotations.get("strimzi.io/revision")? != wanted)
        }
        Way::Evict => {
            let wanted = reading.world.kube.stateful_sets.get(&key)?.rollout.update_revision.as_ref()?;
            Some(node.pod.meta.labels.get("controller-revision-hash")? != wanted)
        }
        Way::Recreate(_) => None,
    }
}

/// Fills in whether each broker may be restarted now, from the gates that would hold it.
pub fn judge(reading: Reading<'_>, rows: &mut [BrokerRow]) {
    let survey = Survey::of(reading);
    let looked = Looked::default();
    let moment = Moment { reading, since: None };
    let known: BTreeMap<BrokerId, &BrokerPod> = survey.with_pods().collect();
    for row in rows {
        let Some((id, known)) = row.id.and_then(|id| Some((id, *known.get(&id)?))) else {
            row.restart_why = Some("pod: it has none that is known".to_owned());
            continue;
        };
        let gates = match node(&survey, id, known) {
            Ok(Some(node)) => before(&reading, &node, Manner::default()),
            Ok(None) => {
                row.restart_why = Some("pod: there is none now".to_owned());
                continue;
            }
            Err(refusal) => {
                (row.restart_safe, row.restart_why) = (Some(false), Some(format!("way: {}", refusal.why)));
                continue;
            }
        };
        let verdicts: Vec<(&Gate, Verdict)> =
            gates.iter().map(|gate| (gate, gate.check_with(&moment, &looked))).collect();
        let first = |is: fn(&Verdict) -> bool| verdicts.iter().find(|(_, verdict)| is(verdict));
        let fails = first(|verdict| matches!(verdict, Verdict::Fail(_)));
        let waits = first(|verdict| matches!(verdict, Verdict::Wait(_)));
        let why = |(gate, verdict): &(&Gate, Verdict)| format!("{}: {}", gate.word(), verdict.words());
        (row.restart_safe, row.restart_why) = match (fails, waits) {
            (Some(fails), _) => (Some(false), Some(why(fails))),
            // A budget that allows none is seen as it is.
            (None, Some(waits)) if matches!(waits.0, Gate::BudgetAllows { .. }) && is_seen(&reading) => {
                (Some(false), Some(why(waits)))
            }
            (None, Some(waits)) => (None, Some(why(waits))),
            (None, None) => (Some(true), None),
        };
    }
}

fn is_seen(reading: &Reading<'_>) -> bool {
    reading.watch(Kind::Budgets).state == SourceState::Live
}

/// Voters of the quorum, as far as it was told.
pub fn voters(reading: &Reading<'_>) -> usize {
    let rows = reading.quorum().map(|quorum| quorum.nodes).unwrap_or_default();
    rows.iter().filter(|row| row.role != QuorumRole::Observer).count()
}
