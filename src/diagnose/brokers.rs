//! Findings about a broker's process and pod.

use crate::{
    domain::{
        finding::{Finding, FindingEvidence, NextAction, Severity},
        freshness::Kind,
        ids::{BrokerId, ObjectRef},
        installation::BrokerPod,
        kubernetes::{Container, ContainerState, Pod},
        units,
    },
    world::{Reading, pods},
};

/// `broker-crash-loop`: the broker's container ends again and again, and the kubelet waits before the next try.
///
/// Clock: starts when the container's status shows `CrashLoopBackOff`, or an end after at least one restart.
pub(super) fn crash_loop(reading: &Reading<'_>) -> Vec<Finding> {
    let ids = reading.pods_by_id();
    let mut found = Vec::new();
    for broker in &reading.installation.brokers {
        let Some(pod) = reading.world.kube.pods.get(&broker.pod) else { continue };
        let Some(container) = pod.containers.iter().find(|c| c.name == broker.container && is_looping(c)) else {
            continue;
        };
        let id = ids.iter().find(|(_, b)| b.pod == broker.pod).map(|(id, _)| *id);
        found.push(finding(reading, broker, pod, container, id));
    }
    found
}

fn is_looping(container: &Container) -> bool {
    match &container.state {
        ContainerState::Waiting(w) => w.reason == "CrashLoopBackOff",
        ContainerState::Terminated(t) => t.exit_code != 0 && container.restarts > 0,
        _ => false,
    }
}

fn finding(
    reading: &Reading<'_>,
    broker: &BrokerPod,
    pod: &Pod,
    container: &Container,
    id: Option<BrokerId>,
) -> Finding {
    let name = id.map_or_else(|| broker.pod.name.clone(), |id| id.to_string());
    let last = match &container.state {
        ContainerState::Terminated(t) => Some(t),
        _ => container.last.as_ref(),
    };
    let ended = last.map(|t| pods::ended(&t.reason, t.exit_code));
    let because = ended.as_ref().map_or_else(String::new, |e| format!(": its container ends with {e}"));
    let watch = reading.watch(Kind::Pods);
    let evidence = |text: String| FindingEvidence { text, source: "pods".to_owned(), seen_at: watch.as_of };
    let mut lines = vec![evidence(format!(
        "restarted {} {}, now {}: container {} of pod {}",
        container.restarts,
        if container.restarts == 1 { "time" } else { "times" },
        pods::state(pod).word,
        container.name,
        broker.pod.name
    ))];
    if let (Some(t), Some(ended)) = (last, &ended) {
        let when = t.finished_at.map_or_else(String::new, |at| format!(", {} ago", units::age(reading.now, at)));
        let ran = t.started_at.zip(t.finished_at).map_or_else(String::new, |(start, end)| {
            format!(" after running {}", units::duration((end - start).num_seconds()))
        });
        lines.push(evidence(format!("its last end: {ended}{ran}{when}")));
    }
    Finding {
        id: "broker-crash-loop",
        severity: Severity::Critical,
        title: format!("Broker {name} crashes again and again{because}."),
        object: ObjectRef { kind: "broker".into(), namespace: broker.pod.namespace.clone(), name },
        since: pod.ready_changed_at.filter(|_| pod.ready == Some(false)),
        evidence: lines,
        next_action: Some(NextAction {
            text: "read the last lines of the container that ended".to_owned(),
            command: Some(format!(
                "kubectl -n {} logs {} -c {} --previous --tail=200",
                broker.pod.namespace, broker.pod.name, container.name
            )),
        }),
        do_not: Some(
            "delete its claim to start clean, or restart the other brokers: they hold the only in-sync copies"
                .to_owned(),
        ),
    }
}
