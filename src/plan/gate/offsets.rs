//! Groups: whether anybody reads, and where they stand.

use super::{Moment, Verdict, told};
use crate::{domain::freshness::Asked, plan::kafka::OffsetChange, world::KafkaWorld};

/// The broker that coordinates a group, and what is known of it.
fn coordinated<'a>(moment: &Moment<'a>, group: &str, what: Asked) -> Result<&'a KafkaWorld, Verdict> {
    let coordinator = moment.reading.kafka().and_then(|kafka| kafka.groups.get(group)).map(|(broker, _)| *broker);
    let nobody = || Verdict::Wait(format!("no broker has told of group {group} yet"));
    told(moment, what, Some(coordinator.ok_or_else(nobody)?))
}

/// Nobody reads as this group. One that no broker knows has nobody.
pub fn group_is_empty(moment: &Moment<'_>, group: &str) -> Result<Verdict, Verdict> {
    let known = moment.reading.kafka().is_some_and(|kafka| kafka.groups.contains_key(group));
    if !known {
        told(moment, Asked::Metadata, None)?;
        return Ok(Verdict::Pass("there is no such group yet".to_owned()));
    }
    let kafka = coordinated(moment, group, Asked::Groups)?;
    let Some((_, found)) = kafka.groups.get(group) else { return Ok(Verdict::Pass("it is gone".to_owned())) };
    Ok(match (&found.members, found.state.as_str()) {
        (Some(members), _) if !members.is_empty() => Verdict::Fail(format!("it has {} members", members.len())),
        (_, "Empty" | "Dead") => Verdict::Pass(found.state.clone()),
        (_, state) => Verdict::Fail(format!("it is {state}")),
    })
}

/// The group has committed these offsets.
pub fn are(moment: &Moment<'_>, group: &str, offsets: &[OffsetChange]) -> Result<Verdict, Verdict> {
    let kafka = coordinated(moment, group, Asked::Offsets)?;
    let commits = kafka.commits.get(group).filter(|commits| commits.error.is_none());
    let commits = commits.ok_or_else(|| Verdict::Wait("its commits are not told yet".to_owned()))?;
    let stands = |change: &&OffsetChange| {
        let mut of = commits.commits.iter();
        let found = of.find(|c| c.topic == change.of.topic && c.partition == change.of.partition);
        found.map(|c| c.offset) != Some(change.after)
    };
    Ok(match offsets.iter().find(stands) {
        None => Verdict::Pass("seen".to_owned()),
        Some(change) => Verdict::Wait(format!("{} is not seen there yet", change.of)),
    })
}
