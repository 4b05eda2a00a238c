//! Connectors, as Connect's workers tell their state.

use chrono::TimeDelta;

use super::{Moment, Verdict};
use crate::domain::{connect::short_cause, freshness::SourceState, ids::ObjectKey};

/// What workers tell now is from at least so many seconds after the change.
///
/// A restart is answered before the worker begins with it, and for a moment more it tells the state from before.
pub fn settled(moment: &Moment<'_>, cluster: &ObjectKey, settles_s: u32) -> Result<(), Verdict> {
    let Some(since) = moment.since else { return Ok(()) };
    let seen = moment.reading.connectors_seen(cluster);
    let counts_from = since + TimeDelta::seconds(i64::from(settles_s));
    match seen.as_of {
        Some(at) if at > since && at < counts_from => {
            let after = (at - since).num_seconds();
            Err(Verdict::Wait(format!("workers told it {after} s after the change, when it may not have begun")))
        }
        _ => Ok(()),
    }
}

/// A connector and all its tasks are in a state, but for those that have failed where that does not count.
pub fn is(
    moment: &Moment<'_>,
    cluster: &ObjectKey,
    name: &str,
    state: &str,
    or_failed: bool,
) -> Result<Verdict, Verdict> {
    let seen = moment.reading.connectors_seen(cluster);
    if seen.state != SourceState::Live {
        return Err(Verdict::Wait(format!("connectors cannot be seen: {}", seen.why.unwrap_or_default())));
    }
    if moment.since.is_some_and(|since| seen.as_of.is_none_or(|at| at <= since)) {
        return Err(Verdict::Wait("what workers told is from before the change".to_owned()));
    }
    let rows = moment.reading.connectors(&[]);
    let Some(row) = rows.iter().find(|row| row.cluster == *cluster && row.name == name) else {
        return Ok(Verdict::Wait("workers do not list it".to_owned()));
    };
    let own = row.state.as_deref().unwrap_or("unknown");
    if own != state {
        return Ok(Verdict::Wait(format!("it is {own}")));
    }
    Ok(match row.tasks.iter().find(|task| task.state != state && !(or_failed && task.state == "FAILED")) {
        None if row.tasks.is_empty() => Verdict::Wait("it has no tasks yet".to_owned()),
        None => {
            let there = row.tasks.iter().filter(|task| task.state == state).count();
            Verdict::Pass(format!("{there} of {} tasks", row.tasks.len()))
        }
        Some(task) => Verdict::Wait(match row.cause() {
            Some(cause) => format!("task {} is {}: {}", task.id, task.state, short_cause(cause)),
            None => format!("task {} is {}", task.id, task.state),
        }),
    })
}
