//! `broker.rebuild`: takes a broker's pod and volumes away, so that it comes back empty and copies everything from others.

use serde_json::json;

use super::planned;
use crate::{
    domain::{
        ids::{BrokerId, ObjectKey},
        kubernetes::{Claim, Pod},
        units::{bytes, counted},
    },
    plan::{
        Gate, Op, Plan, Refusal, Risk, Step,
        catalog::{ActionSpec, Need, Scope, Situation, nothing_to_ask},
        gate::{Moment, Verdict, check_all},
        op::{Change, Target},
        param::{ParamKind, ParamSpec, Params},
    },
    world::{Reading, quorum::QuorumRole},
};

/// The annotation by which Strimzi is asked to take a pod and its claims away.
const DELETE: &str = "strimzi.io/delete-pod-and-pvc";

/// How long gates before may take to hold.
const BEFORE_S: u32 = 60;

/// How long the pod, its volumes and its replicas may take to come back.
const BACK_S: u32 = 3_600;

/// The row of the catalog.
pub static SPEC: ActionSpec = ActionSpec {
    id: "broker.rebuild",
    title: "rebuild broker",
    doc: "Deletes the pod and the volumes of a broker: it comes back empty and copies everything from the others. Refused \
          where a partition would lose its last in-sync replica, or the quorum its majority. Strimzi's operator is asked by \
          an annotation; of a StatefulSet the claims are deleted and the pod evicted.",
    scope: Scope::Broker,
    risk: Risk::Destructive,
    params: &[ParamSpec::new("broker", "BROKER", "node id of the broker", ParamKind::Number(0, 2_147_483_647)).first()],
    supports,
    needs,
    asks: nothing_to_ask,
    build,
};

/// How a pod and its claims are made anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Strimzi's operator.
    Operator,
    /// The StatefulSet's controller.
    Set,
}

fn supports(reading: &Reading<'_>) -> Result<(), String> {
    if reading.installation.ephemeral == Some(true) {
        return Err("its volumes go with its pods: a restart does the same".to_owned());
    }
    if reading.installation.paused {
        return Err("its operator is told to leave it alone (strimzi.io/pause-reconciliation)".to_owned());
    }
    Ok(())
}

fn needs(reading: &Reading<'_>) -> Vec<Need> {
    let mut pods = reading.installation.brokers.iter().filter_map(|known| reading.world.kube.pods.get(&known.pod));
    let by_operator = pods.any(|pod| pod.meta.owner.as_ref().is_some_and(|owner| owner.kind == "StrimziPodSet"));
    if by_operator {
        return vec![Need::Verb { verb: "patch", group: "", resource: "pods" }];
    }
    vec![
        Need::Verb { verb: "delete", group: "", resource: "persistentvolumeclaims" },
        Need::Verb { verb: "create", group: "", resource: "pods/eviction" },
    ]
}

/// A broker with what would go.
struct Victim<'a> {
    id: BrokerId,
    pod: &'a Pod,
    claims: Vec<&'a Claim>,
    way: Way,
    /// Whether it votes; true for `bound` where its vote is bound to the directory that goes (KIP-853).
    is_voter: bool,
    bound: bool,
}

fn find<'a>(params: &Params, reading: &Reading<'a>) -> Result<Victim<'a>, Refusal> {
    let id = BrokerId(params.number("broker").unwrap_or(-1));
    let known = reading.pods_by_id().get(&id).map(|known| known.pod.clone());
    let known = known.ok_or_else(|| {
        Refusal::new(format!("no pod is known to be broker {id}")).hint("List them with: kafdeck brokers")
    })?;
    let pod = reading.world.kube.pods.get(&known).map(AsRef::as_ref);
    let pod =
        pod.ok_or_else(|| Refusal::new(format!("pod {} is not there now; its owner will make it", known.name)))?;
    let name = &pod.meta.name;
    let way = match pod.meta.owner.as_ref().map(|owner| owner.kind.as_str()) {
        Some("StrimziPodSet") => Way::Operator,
        Some("StatefulSet") => Way::Set,
        other => {
            let owner = other.map_or("nobody".to_owned(), |kind| format!("a {kind}"));
            return Err(Refusal::new(format!("pod {name} is owned by {owner}, which would not make its volume anew")));
        }
    };
    let names = pod.volumes.iter().filter(|volume| !volume.ephemeral).filter_map(|volume| volume.claim.as_deref());
    let mut claims = Vec::new();
    for claim in names {
        let key = ObjectKey::new(&known.namespace, claim);
        let found = reading.world.kube.claims.get(&key).map(AsRef::as_ref);
        let found = found.ok_or_else(|| Refusal::new(format!("claim {claim} of pod {name} is not seen")))?;
        if way == Way::Set && !claim.ends_with(&format!("-{name}")) {
            return Err(Refusal::new(format!("claim {claim} is none of its StatefulSet's: nobody would make it anew")));
        }
        claims.push(found);
    }
    if claims.is_empty() {
        return Err(Refusal::new(format!("pod {name} has no volume that is kept")).hint("Restart it instead."));
    }
    let rows = reading.quorum().map(|quorum| quorum.nodes).unwrap_or_default();
    let is_voter = rows.iter().any(|row| row.id == id && row.role != QuorumRole::Observer);
    let voters = reading.kafka().and_then(|kafka| kafka.quorum.as_ref()).map(|quorum| &quorum.voters);
    let bound = voters.into_iter().flatten().any(|voter| voter.id == id && voter.directory.is_some());
    Ok(Victim { id, pod, claims, way, is_voter, bound })
}

fn build(params: &Params, situation: &Situation<'_>) -> Result<Plan, Refusal> {
    let reading = situation.reading;
    let victim = find(params, &reading)?;
    let before = before(&victim);
    for (title, verdict) in check_all(&before, &Moment { reading, since: None }) {
        if let Verdict::Fail(why) = verdict {
            return Err(Refusal::new(format!("it is not so that {title}: {why}"))
                .hint("Bring the other replicas back in sync first: what they do not hold would be gone."));
        }
    }
    let (id, name) = (victim.id, &victim.pod.meta.name);
    let mut plan = planned(&SPEC, params, &reading);
    plan.title = format!("Rebuild broker {id}");
    plan.typed = Some(name.clone());
    let how = match victim.way {
        Way::Operator => "Strimzi's operator is asked to delete them, which it does when it looks next",
        Way::Set => "Its claims are deleted, and its pod is evicted; its StatefulSet makes both anew",
    };
    plan.sentence = format!("Pod {name} and {} go. {how}.", counted(victim.claims.len(), "volume"));
    tell(&mut plan, &victim, &reading);
    plan.steps = match victim.way {
        Way::Operator => vec![by_operator(&victim, before)],
        Way::Set => by_hand(&victim, before),
    };
    Ok(plan)
}

fn tell(plan: &mut Plan, victim: &Victim<'_>, reading: &Reading<'_>) {
    for claim in &victim.claims {
        let size = claim.capacity_bytes.map_or_else(String::new, |size| format!(", {}", bytes(size)));
        plan.details.push(format!("claim {}{size}: deleted", claim.meta.name));
    }
    let dirs = reading.kafka().and_then(|kafka| kafka.log_dirs.get(&victim.id));
    let replicas: Vec<_> = dirs.into_iter().flatten().flat_map(|dir| &dir.replicas).collect();
    if dirs.is_some() {
        let size = replicas.iter().map(|replica| replica.bytes).sum();
        plan.details.push(format!("{} are copied from others, {}", counted(replicas.len(), "replica"), bytes(size)));
    } else {
        plan.warnings.push("how much it holds is not known: it has not told".to_owned());
    }
    plan.warnings.push("until it has copied everything, each of its partitions has a replica less".to_owned());
    if victim.way == Way::Set {
        plan.warnings
            .push("its new volumes are as large as volumeClaimTemplates say, however far they had grown".to_owned());
    }
    if victim.bound {
        plan.warnings.push(
            "its vote is bound to the directory that goes (KIP-853): give it back with kafka-metadata-quorum.sh \
             remove-controller and add-controller"
                .to_owned(),
        );
    }
}

/// What must hold before anything of it goes.
fn before(victim: &Victim<'_>) -> Vec<Gate> {
    let node = victim.id;
    let mut gates = vec![
        Gate::OthersServe { node },
        Gate::OthersHoldData { broker: node },
        Gate::OthersInSync { node },
        Gate::WritesGoOn { node },
        Gate::QuorumHolds { node },
    ];
    gates.push(match victim.way {
        Way::Operator => Gate::OperatorUp,
        Way::Set => Gate::BudgetAllows { pod: victim.pod.meta.key() },
    });
    gates
}

/// What must hold before it counts as rebuilt.
fn after(victim: &Victim<'_>) -> Vec<Gate> {
    let node = victim.id;
    let meta = &victim.pod.meta;
    let replaced = |claim: &&Claim| Gate::ClaimReplaced { claim: claim.meta.key(), uid: claim.meta.uid.clone() };
    let mut gates: Vec<Gate> = victim.claims.iter().map(replaced).collect();
    gates.push(Gate::PodBack { node, pod: meta.key(), uid: meta.uid.clone() });
    gates.extend([Gate::BrokerServes { node }, Gate::BackInSync { node }]);
    if victim.is_voter && !victim.bound {
        gates.push(Gate::InQuorum { node });
    }
    gates
}

fn core(kind: &str, resource: &str, key: &ObjectKey) -> Target {
    Target {
        api_version: "v1".to_owned(),
        kind: kind.to_owned(),
        resource: resource.to_owned(),
        namespace: key.namespace.clone(),
        name: key.name.clone(),
    }
}

fn by_operator(victim: &Victim<'_>, before: Vec<Gate>) -> Step {
    let path = ["metadata", "annotations", DELETE].map(str::to_owned).to_vec();
    Step {
        title: format!("ask the operator to delete pod {} and its volumes", victim.pod.meta.name),
        before,
        op: Op::Patch {
            target: core("Pod", "pods", &victim.pod.meta.key()),
            changes: vec![Change { path, before: None, after: Some(json!("true")) }],
        },
        after: after(victim),
        within_s: BACK_S,
    }
}

fn by_hand(victim: &Victim<'_>, before: Vec<Gate>) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for claim in &victim.claims {
        steps.push(Step {
            // It goes when the pod does: until then it is protected.
            title: format!("delete claim {}, which goes with its pod", claim.meta.name),
            before: before.clone(),
            op: Op::Delete {
                target: core("PersistentVolumeClaim", "persistentvolumeclaims", &claim.meta.key()),
                uid: claim.meta.uid.clone(),
            },
            after: Vec::new(),
            within_s: BEFORE_S,
        });
    }
    steps.push(Step {
        title: format!("evict pod {}", victim.pod.meta.name),
        before,
        op: Op::Evict { target: core("Pod", "pods", &victim.pod.meta.key()), uid: victim.pod.meta.uid.clone() },
        after: after(victim),
        within_s: BACK_S,
    });
    steps
}
