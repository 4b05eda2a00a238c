//! Offsets: where a group stands, where it would, what is committed for it, and when a topic was last written to.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use futures::future::join_all;

use super::{
    Admin, AdminError, Found, Ground, counted,
    error::{Deed, Need},
    few, groups,
};
use crate::{
    domain::ids::BrokerId,
    io::kafka::{answers, failure::CallError},
    plan::kafka::{KafkaAnswer, OffsetChange, OffsetRow, OffsetTarget, PartitionRef},
    wire::{
        changes,
        errors::{self, UNKNOWN_TOPIC_OR_PARTITION},
        requests::{self, EARLIEST, LATEST, NEWEST},
    },
};

/// Partitions of topics.
type Partitions = BTreeMap<String, BTreeSet<i32>>;

/// Offset and timestamp by partition, or why there is none.
type Listed = BTreeMap<(String, i32), Result<(i64, i64), String>>;

/// What a group committed, by partition (OffsetFetch, key 9).
async fn committed(
    admin: &Admin,
    deed: &Deed,
    ground: &Ground,
    group: &str,
) -> Result<BTreeMap<(String, i32), i64>, AdminError> {
    let need = Need::group("Describe", group);
    let request = requests::offset_fetch([group]);
    let code = |a: &kafka_protocol::messages::OffsetFetchResponse| a.groups.first().map_or(0, |g| g.error_code);
    let answer = groups::ask(admin, deed, ground, group, &request, code).await?;
    let answer = answer.map_err(|why| deed.unread(why, &need))?;
    let Some((commits, code)) = answers::commits(&answer).into_iter().next() else {
        return Err(deed.garbled("the answer is about no group"));
    };
    // Of a group that nobody knows nothing is committed.
    if code != 0 && code != 69 {
        return Err(deed.unseen(code, None, &need));
    }
    Ok(commits.commits.into_iter().map(|c| ((c.topic, c.partition), c.offset)).collect())
}

/// Asks every leader for the offset of a moment, or of what a number stands for (ListOffsets, key 2).
async fn listed(admin: &Admin, ground: &Ground, partitions: &Partitions, timestamp: i64) -> Listed {
    let mut by_leader: BTreeMap<BrokerId, Partitions> = BTreeMap::new();
    let mut found = Listed::new();
    for (topic, index) in partitions.iter().flat_map(|(topic, all)| all.iter().map(move |index| (topic, *index))) {
        match ground.partition(topic, index).map(|p| p.leader_id.0) {
            Some(leader) if leader >= 0 => {
                let of_leader = by_leader.entry(BrokerId(leader)).or_default();
                of_leader.entry(topic.clone()).or_default().insert(index);
            }
            _ => _ = found.insert((topic.clone(), index), Err("no leader is elected".to_owned())),
        }
    }
    let asked = by_leader.into_iter().map(|(leader, partitions)| async move {
        let answer = admin.roster.ask(leader, &requests::offsets_at(&partitions, timestamp)).await;
        (leader, partitions, answer)
    });
    for (leader, partitions, answer) in join_all(asked).await {
        match answer {
            Ok(answer) => {
                let all = answer.topics.iter().flat_map(|t| t.partitions.iter().map(move |p| (t, p)));
                found.extend(all.map(|(t, p)| {
                    let offset =
                        if p.error_code == 0 { Ok((p.offset, p.timestamp)) } else { Err(errors::words(p.error_code)) };
                    ((t.name.to_string(), p.partition_index), offset)
                }));
            }
            Err(why) => {
                let why = format!("broker {leader}: {why}");
                let all =
                    partitions.into_iter().flat_map(|(topic, all)| all.into_iter().map(move |p| (topic.clone(), p)));
                found.extend(all.map(|of| (of, Err(why.clone()))));
            }
        }
    }
    found
}

/// Where a group stands in topics, and where it would.
pub(super) async fn rows(
    admin: &Admin,
    group: &str,
    topics: &[String],
    to: OffsetTarget,
) -> Result<Vec<OffsetRow>, AdminError> {
    let deed = admin.question(&format!("asking for the offsets of group {group}"));
    let unread = |why: CallError| deed.unread(why, &Need::group("Describe", group));
    let ground = admin.look(Some(&[])).await.map_err(unread)?;
    let committed = committed(admin, &deed, &ground, group).await?;
    let mut names: BTreeSet<String> = topics.iter().cloned().collect();
    if names.is_empty() {
        names.extend(committed.keys().map(|(topic, _)| topic.clone()));
    }
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let asked: Vec<&str> = names.iter().map(String::as_str).collect();
    let ground = admin.look(Some(&asked)).await.map_err(unread)?;
    let mut partitions = Partitions::new();
    let mut rows = Vec::new();
    for name in &names {
        match ground.topic(name) {
            Some(topic) if topic.error_code == 0 => {
                partitions.insert(name.clone(), topic.partitions.iter().map(|p| p.partition_index).collect());
            }
            // A topic that is gone leaves its commits behind for a while.
            other => {
                let why = errors::words(other.map_or(UNKNOWN_TOPIC_OR_PARTITION, |topic| topic.error_code));
                let of = committed.keys().filter(|(topic, _)| topic == name).map(|(_, partition)| *partition);
                let of: Vec<i32> = of.collect();
                let of = if of.is_empty() { vec![0] } else { of };
                rows.extend(of.into_iter().map(|partition| OffsetRow {
                    of: PartitionRef { topic: name.clone(), partition },
                    committed: committed.get(&(name.clone(), partition)).copied(),
                    failed: Some(why.clone()),
                    ..OffsetRow::default()
                }));
            }
        }
    }
    let starts = listed(admin, &ground, &partitions, EARLIEST).await;
    let ends = listed(admin, &ground, &partitions, LATEST).await;
    let times = match to {
        OffsetTarget::Time(at) => listed(admin, &ground, &partitions, at.timestamp_millis().max(0)).await,
        _ => Listed::new(),
    };
    rows.extend(starts.keys().map(|of| row(of, &committed, &starts, &ends, times.get(of), to)));
    rows.sort_by(|a, b| a.of.cmp(&b.of));
    Ok(rows)
}

fn row(
    of: &(String, i32),
    committed: &BTreeMap<(String, i32), i64>,
    starts: &Listed,
    ends: &Listed,
    time: Option<&Result<(i64, i64), String>>,
    to: OffsetTarget,
) -> OffsetRow {
    let mut row = OffsetRow {
        of: PartitionRef { topic: of.0.clone(), partition: of.1 },
        committed: committed.get(of).copied(),
        ..OffsetRow::default()
    };
    let at = |listed: &Listed| match listed.get(of) {
        Some(found) => found.clone().map(|(offset, _)| offset),
        None => Err("its leader does not tell".to_owned()),
    };
    let both = at(starts).and_then(|start| Ok((start, at(ends)?)));
    let (start, end) = match both {
        Ok(both) => both,
        Err(why) => return OffsetRow { failed: Some(why), ..row },
    };
    (row.start, row.end) = (start, end);
    let target = match to {
        OffsetTarget::Earliest => Ok(start),
        OffsetTarget::Latest => Ok(end),
        OffsetTarget::Offset(offset) => Ok(offset),
        OffsetTarget::By(by) => match row.committed {
            Some(committed) => Ok(committed.saturating_add(by)),
            None => Err("nothing is committed that could be counted from".to_owned()),
        },
        OffsetTarget::Time(_) => match time {
            // Nothing is younger: all has been read.
            Some(Ok((offset, _))) if *offset < 0 => Ok(end),
            Some(found) => found.clone().map(|(offset, _)| offset),
            None => Err("its leader does not tell".to_owned()),
        },
    };
    match target {
        Ok(target) => row.target = target.max(start).min(end),
        Err(why) => row.failed = Some(why),
    }
    row
}

/// The time of a topic's newest record.
pub(super) async fn last_write(admin: &Admin, topic: &str) -> Result<Option<DateTime<Utc>>, AdminError> {
    let deed = admin.question(&format!("asking when topic {topic} was last written to"));
    let need = Need::topic("Describe", topic);
    let ground = admin.look(Some(&[topic])).await.map_err(|why| deed.unread(why, &need))?;
    let found = match ground.topic(topic) {
        Some(found) if found.error_code == 0 => found,
        Some(found) if found.error_code != UNKNOWN_TOPIC_OR_PARTITION => {
            return Err(deed.unseen(found.error_code, None, &need));
        }
        _ => return Err(deed.not_found(&format!("topic {topic}"))),
    };
    let all = found.partitions.iter().map(|p| p.partition_index).collect();
    let listed = listed(admin, &ground, &Partitions::from([(topic.to_owned(), all)]), NEWEST).await;
    if let Some(why) = listed.values().find_map(|found| found.as_ref().err()) {
        // The newest record may be where nobody tells.
        return Err(deed.garbled(why));
    }
    let newest = listed.values().flatten().map(|(_, timestamp)| *timestamp).filter(|at| *at >= 0).max();
    Ok(newest.and_then(DateTime::from_timestamp_millis))
}

/// Whether the group has no members and stands where the plan says.
pub(super) async fn look(
    admin: &Admin,
    deed: &Deed,
    group: &str,
    offsets: &[OffsetChange],
) -> Result<(Found, Ground), AdminError> {
    let need = Need::group("Describe", group);
    let ground = admin.look(Some(&[])).await.map_err(|why| deed.unread(why, &need))?;
    groups::empty(admin, deed, &ground, group).await?;
    let committed = committed(admin, deed, &ground, group).await?;
    let (mut diff, mut left) = (Vec::new(), 0);
    for change in offsets {
        let now = committed.get(&(change.of.topic.clone(), change.of.partition)).copied();
        if now == Some(change.after) {
            continue;
        }
        left += 1;
        if now != change.before {
            let told = |offset: Option<i64>| offset.map_or("none".to_owned(), |offset| offset.to_string());
            diff.push(format!("{}: {} when the plan was made, {} now", change.of, told(change.before), told(now)));
        }
    }
    match (diff.is_empty(), left) {
        (false, _) => Err(deed.stale(diff)),
        (true, 0) => Ok((Found::Already(format!("group {group} stands there already")), ground)),
        _ => Ok((Found::AsPlanned, ground)),
    }
}

/// Commits offsets (OffsetCommit, key 8).
pub(super) async fn commit(
    admin: &Admin,
    deed: &Deed,
    group: &str,
    offsets: &[OffsetChange],
) -> Result<KafkaAnswer, AdminError> {
    let (found, ground) = look(admin, deed, group, offsets).await?;
    if let Found::Already(words) = found {
        return Ok(KafkaAnswer::Already(words));
    }
    let mut wanted: BTreeMap<String, Vec<(i32, i64)>> = BTreeMap::new();
    for change in offsets {
        wanted.entry(change.of.topic.clone()).or_default().push((change.of.partition, change.after));
    }
    let need = Need::group("Read", group);
    let request = changes::commit_offsets(group, &wanted);
    let code = |a: &kafka_protocol::messages::OffsetCommitResponse| {
        a.topics.first().and_then(|t| t.partitions.first()).map_or(0, |p| p.error_code)
    };
    let answer = groups::ask(admin, deed, &ground, group, &request, code).await?;
    let answer = answer.map_err(|why| deed.unsent(why, &need))?;
    let (mut good, mut bad, mut first) = (0, Vec::new(), None);
    for topic in &answer.topics {
        for p in &topic.partitions {
            if p.error_code == 0 {
                good += 1;
            } else {
                first.get_or_insert((p.error_code, topic.name.to_string()));
                bad.push(format!(
                    "{}-{}: {}",
                    topic.name.as_str(),
                    p.partition_index,
                    deed.message(p.error_code, None)
                ));
            }
        }
    }
    let Some((code, topic)) = first else { return Ok(KafkaAnswer::Done(counted(good, "partition"))) };
    // TOPIC_AUTHORIZATION_FAILED is about the topic, not the group.
    let need = if code == 29 { Need::topic("Read", &topic) } else { need };
    Err(match deed.refused(code, None, &need) {
        AdminError::Refused { what, name, .. } => {
            let message = format!("{good} of {} were committed; {}", offsets.len(), few(&bad));
            AdminError::Refused { what, name, message }
        }
        other => other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(committed: Option<i64>, time: Option<i64>, to: OffsetTarget) -> Result<i64, String> {
        let of = ("t".to_owned(), 0);
        let listed = |offset: i64| Listed::from([(of.clone(), Ok((offset, -1)))]);
        let committed = committed.map(|offset| (of.clone(), offset)).into_iter().collect();
        let time = time.map(|offset| Ok((offset, 1)));
        let row = row(&of, &committed, &listed(10), &listed(50), time.as_ref(), to);
        row.failed.map_or(Ok(row.target), Err)
    }

    #[test]
    fn a_target_stays_between_the_first_record_and_the_end() {
        assert_eq!(target(None, None, OffsetTarget::Earliest), Ok(10));
        assert_eq!(target(None, None, OffsetTarget::Latest), Ok(50));
        assert_eq!(target(None, None, OffsetTarget::Offset(3)), Ok(10));
        assert_eq!(target(None, None, OffsetTarget::Offset(99)), Ok(50));
        assert_eq!(target(Some(20), None, OffsetTarget::By(-5)), Ok(15));
        assert_eq!(target(Some(20), None, OffsetTarget::By(i64::MAX)), Ok(50));
        assert!(target(None, None, OffsetTarget::By(1)).is_err());
    }

    #[test]
    fn where_no_record_is_young_enough_it_is_the_end() {
        let at = OffsetTarget::Time(DateTime::UNIX_EPOCH);
        assert_eq!(target(None, Some(30), at), Ok(30));
        assert_eq!(target(None, Some(-1), at), Ok(50));
        assert!(target(None, None, at).is_err());
    }
}
