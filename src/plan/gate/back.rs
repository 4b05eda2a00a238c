//! What must hold before a restart counts as done: the pod, the broker, its partitions, its vote.
//!
//! Success is told by the pod's uid, never by a resource that an operator reports about. What was seen before the step
//! was done does not count.

use super::{
    Moment, Verdict,
    restart::{others_serve, unseen},
    survey::{Standing, Survey, trouble},
};
use crate::{
    domain::{
        broker::Contact,
        freshness::{Asked, Kind, SourceState},
        ids::{BrokerId, ObjectKey},
        kubernetes::Pod,
        units,
    },
    plan::gate::metadata,
    world::{Reading, quorum::QuorumRole},
};

/// The annotation by which Strimzi is asked to restart a pod.
pub const ROLL: &str = "strimzi.io/manual-rolling-update";

/// The pod that a node has now.
fn now<'a>(reading: &Reading<'a>, node: BrokerId, pod: &ObjectKey) -> Option<&'a Pod> {
    let pods = &reading.world.kube.pods;
    let found = |key: &ObjectKey| pods.get(key).map(AsRef::as_ref);
    // A Deployment's pods are never called the same twice.
    let of_node = || found(&reading.pods_by_id().get(&node)?.pod);
    let only = || match reading.installation.brokers.as_slice() {
        [only] => found(&only.pod),
        _ => None,
    };
    found(pod).or_else(of_node).or_else(only)
}

/// True when the pod with that uid is gone, whether or not another one has taken its place yet.
pub fn is_replaced(reading: &Reading<'_>, node: BrokerId, pod: &ObjectKey, uid: &str) -> bool {
    reading.watch(Kind::Pods).state == SourceState::Live
        && now(reading, node, pod).is_none_or(|pod| pod.meta.uid != uid)
}

/// True when the pod carries the annotation.
pub fn is_marked(reading: &Reading<'_>, pod: &ObjectKey) -> bool {
    let pod = reading.world.kube.pods.get(pod);
    pod.and_then(|pod| pod.meta.annotations.get(ROLL)).is_some_and(|value| value == "true")
}

/// The pod is Ready, and another one.
pub fn pod_back(reading: &Reading<'_>, node: BrokerId, pod: &ObjectKey, uid: &str) -> Verdict {
    let watch = reading.watch(Kind::Pods);
    if watch.state != SourceState::Live {
        return Verdict::Wait(format!("pods cannot be seen: {}", watch.why.unwrap_or_default()));
    }
    match now(reading, node, pod) {
        None => Verdict::Wait("the old one is gone, and there is no new one yet".to_owned()),
        Some(pod) if pod.meta.uid == uid && pod.meta.deleting_since.is_some() => {
            Verdict::Wait("the old one is ending".to_owned())
        }
        Some(pod) if pod.meta.uid == uid => Verdict::Wait("it is still the old one".to_owned()),
        Some(pod) => match trouble(pod) {
            Some(Standing::Down(why) | Standing::Unknown(why)) => Verdict::Wait(format!("the new one is {why}")),
            None | Some(Standing::Serves) => Verdict::Pass("it is".to_owned()),
        },
    }
}

/// The pod has been Ready for so long since the step was done: until then others may look for it where it was.
pub fn ready_for(moment: &Moment<'_>, node: BrokerId, pod: &ObjectKey, seconds: u32) -> Verdict {
    let reading = &moment.reading;
    let pod = now(reading, node, pod).filter(|pod| pod.ready == Some(true));
    let Some(ready) = pod.and_then(|pod| pod.ready_changed_at) else {
        return Verdict::Wait("it is not Ready".to_owned());
    };
    // The cluster's clock and ours may differ.
    let since = moment.since.map_or(ready, |done| ready.max(done));
    let been = (reading.now - since).num_seconds();
    let words = format!("for {}", units::duration(been));
    if been >= i64::from(seconds) { Verdict::Pass(words) } else { Verdict::Wait(words) }
}

/// The pod carries the annotation, or was restarted already.
pub fn pod_marked(reading: &Reading<'_>, node: BrokerId, pod: &ObjectKey, uid: &str) -> Verdict {
    if is_replaced(reading, node, pod, uid) {
        return Verdict::Pass("another pod is there already".to_owned());
    }
    if is_marked(reading, pod) { Verdict::Pass("it is".to_owned()) } else { Verdict::Wait("it is not yet".to_owned()) }
}

/// The broker answers and is unfenced.
pub fn broker_serves(moment: &Moment<'_>, survey: &Survey<'_>, node: BrokerId) -> Verdict {
    let kafka = match metadata(moment) {
        Ok(kafka) => kafka,
        Err(wait) => return wait,
    };
    let is_new = |at| moment.since.is_none_or(|since| at > since);
    match kafka.contacts.get(&node) {
        Some(told) if told.contact == Contact::Answered && is_new(told.seen_at) => {}
        _ => return Verdict::Wait("it does not answer yet".to_owned()),
    }
    match survey.standing(node) {
        Standing::Serves => Verdict::Pass("it does".to_owned()),
        Standing::Down(why) | Standing::Unknown(why) => Verdict::Wait(why),
    }
}

/// All of its partitions have it in their ISR.
pub fn back_in_sync(moment: &Moment<'_>, survey: &Survey<'_>, node: BrokerId) -> Verdict {
    if let Err(wait) = metadata(moment) {
        return wait;
    }
    if let Some(wait) = unseen(&survey.reading, Asked::Metadata) {
        return wait;
    }
    let (of, missing) = survey.census.shares.get(&node).map_or((0, 0), |share| (share.replicas, share.missing));
    let words = format!("{} of {of}", of - missing);
    if missing == 0 { Verdict::Pass(words) } else { Verdict::Wait(words) }
}

/// No more partitions are under-replicated than before the node was restarted.
///
/// What another one that has fallen out meanwhile leaves behind does not pass by waiting for this one.
pub fn urp_at_most(moment: &Moment<'_>, survey: &Survey<'_>, node: BrokerId, most: usize) -> Verdict {
    if let Err(wait) = metadata(moment) {
        return wait;
    }
    let count = survey.census.behind.count;
    let words = match survey.census.offline.count {
        0 if count <= most => return Verdict::Pass(format!("URP {count}")),
        0 => format!("URP {count}: {}", survey.census.behind.isr_of_first()),
        offline => format!("URP {count}, offline {offline}: {}", survey.census.offline),
    };
    let is_in_sync = survey.census.shares.get(&node).is_none_or(|share| share.missing == 0);
    match others_serve(survey, node) {
        Verdict::Fail(why) if is_in_sync => Verdict::Fail(format!("{words}; {node} is in sync, and {why}")),
        _ => Verdict::Wait(words),
    }
}

/// It votes, and has caught up.
pub fn in_quorum(moment: &Moment<'_>, node: BrokerId) -> Verdict {
    let reading = &moment.reading;
    if let Some(wait) = unseen(reading, Asked::Quorum) {
        return wait;
    }
    let as_of = reading.asked(Asked::Quorum).as_of;
    if moment.since.is_some_and(|since| as_of.is_none_or(|at| at <= since)) {
        return Verdict::Wait("the quorum was told before the restart".to_owned());
    }
    let rows = reading.quorum().map(|quorum| quorum.nodes).unwrap_or_default();
    match rows.iter().find(|row| row.id == node && row.role != QuorumRole::Observer) {
        None => Verdict::Wait("it does not vote yet".to_owned()),
        Some(row) if row.caught_up == Some(false) => Verdict::Wait(match row.lag {
            Some(lag) => format!("it is {lag} records behind"),
            None => "the active controller has not heard of it".to_owned(),
        }),
        Some(row) => Verdict::Pass(if row.role == QuorumRole::Leader { "it leads" } else { "it has" }.to_owned()),
    }
}
