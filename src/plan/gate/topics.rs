//! Gates about topics, and about what an operator says of what was declared.

use super::{Moment, Verdict, metadata};
use crate::domain::{
    freshness::{Kind, SourceState},
    ids::ObjectKey,
    installation::Condition,
    units::counted,
};

/// What an operator has said of an object: its generation, the one the operator has seen, and the conditions.
type Said<'a> = (Option<i64>, Option<i64>, &'a [Condition]);

/// Brokers list the topic with this many partitions, each with a leader.
pub(super) fn is(moment: &Moment<'_>, topic: &str, partitions: usize) -> Result<Verdict, Verdict> {
    let kafka = metadata(moment)?;
    Ok(match kafka.topics.get(topic) {
        None => Verdict::Wait("brokers do not list it yet".to_owned()),
        Some(found) if found.partitions.len() != partitions => {
            Verdict::Wait(format!("brokers list it with {}", counted(found.partitions.len(), "partition")))
        }
        Some(found) if found.partitions.iter().any(|partition| partition.leader.is_none()) => {
            Verdict::Wait("not all of its partitions have a leader yet".to_owned())
        }
        Some(_) => Verdict::Pass("seen".to_owned()),
    })
}

/// Brokers do not list the topic.
pub(super) fn is_gone(moment: &Moment<'_>, topic: &str) -> Result<Verdict, Verdict> {
    let kafka = metadata(moment)?;
    Ok(match kafka.topics.get(topic) {
        None => Verdict::Pass("gone".to_owned()),
        Some(_) => Verdict::Wait("brokers still list it".to_owned()),
    })
}

/// The operator has let go of the object that declared a topic.
pub(super) fn object_is_gone(moment: &Moment<'_>, object: &ObjectKey) -> Result<Verdict, Verdict> {
    is_watched(moment, Kind::Topics)?;
    Ok(match moment.reading.world.kube.topics.get(object) {
        None => Verdict::Pass("gone".to_owned()),
        Some(_) => Verdict::Wait("its operator has not let go of it yet".to_owned()),
    })
}

/// Objects of a kind are seen as they are now.
fn is_watched(moment: &Moment<'_>, watch: Kind) -> Result<(), Verdict> {
    let freshness = moment.reading.watch(watch);
    if freshness.state == SourceState::Live {
        return Ok(());
    }
    let why = freshness.why.unwrap_or_else(|| "they have not been listed yet".to_owned());
    Err(Verdict::Wait(format!("{}s cannot be seen: {why}", watch.singular())))
}

/// The operator has seen the object as it is declared now, and is content with it.
pub(super) fn operator_is_ready(
    moment: &Moment<'_>,
    kind: &str,
    namespace: &str,
    name: &str,
    above: Option<i64>,
) -> Result<Verdict, Verdict> {
    let watch = if kind == Kind::Users.singular() { Kind::Users } else { Kind::Topics };
    is_watched(moment, watch)?;
    let (key, kube) = (ObjectKey::new(namespace, name), &moment.reading.world.kube);
    let of: Option<Said<'_>> = if watch == Kind::Users {
        kube.users.get(&key).map(|one| (one.generation, one.observed_generation, one.conditions.as_slice()))
    } else {
        kube.topics.get(&key).map(|one| (one.generation, one.observed_generation, one.conditions.as_slice()))
    };
    Ok(match of {
        None => Verdict::Wait("it is not there yet".to_owned()),
        Some((generation, ..)) if above.is_some() && generation <= above => {
            Verdict::Wait("the change has not been seen yet".to_owned())
        }
        Some((Some(wanted), seen, _)) if seen.is_none_or(|seen| seen < wanted) => {
            Verdict::Wait("the operator has not looked at it yet".to_owned())
        }
        Some((.., conditions)) => said(conditions),
    })
}

/// What conditions come to.
fn said(conditions: &[Condition]) -> Verdict {
    if let Some(unready) = conditions.iter().find(|one| one.is_unready()) {
        let words: Vec<&str> = [&unready.reason, &unready.message].into_iter().flatten().map(String::as_str).collect();
        return Verdict::Fail(format!("the operator says: {}", words.join(": ")));
    }
    let is = |kind: &str| conditions.iter().any(|one| one.kind == kind && one.status == "True");
    if is("ReconciliationPaused") {
        return Verdict::Fail("the operator is told to leave it alone (strimzi.io/pause-reconciliation)".to_owned());
    }
    if is("Unmanaged") {
        return Verdict::Fail("the operator is told to leave the topic alone (strimzi.io/managed)".to_owned());
    }
    if is("Ready") {
        return Verdict::Pass("ready".to_owned());
    }
    Verdict::Wait("the operator has said nothing yet".to_owned())
}
