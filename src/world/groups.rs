//! Consumer groups as rows: state, members, lag in records and in time, and what is to be thought of them.
//!
//! How they got on is worked out by `history` when facts come in; here it is put beside what coordinators say.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::domain::{
    group::{Epochs, Group, GroupPartition, Member, lag},
    ids::BrokerId,
    lag::{GroupVerdict, LagTimeSource},
};

use super::{
    KafkaWorld, Reading,
    history::{Figures, TREND},
};

/// Somebody who waited for so long is lagging, in seconds.
const LATE: i64 = 60;

/// A lag that takes longer than this to read is not said to come to an end, in seconds.
const LONGEST: f64 = 30.0 * 86_400.0;

/// A group reads a lag away when it reads by so much more than is written: less is within what a minute's figures say.
const SHRINKS: f64 = 0.01;

/// What is about to expire, in percent of the retention.
const NEARLY_GONE: u8 = 80;

/// One group, as a row.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GroupRow {
    /// Group id.
    pub id: String,
    /// State, as the coordinator says it.
    pub state: String,
    /// `classic`, `consumer`, `share`; `None` from old coordinators.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// Members; `None` while they could not be described.
    pub members: Option<usize>,
    /// Broker that coordinates it.
    pub coordinator: BrokerId,
    /// Topics it has committed or reads.
    pub topics: Vec<String>,
    /// Records it has yet to read, over the partitions where both ends are known; `None` where none is.
    pub lag: Option<i64>,
    /// True when some partition's lag is not known, so that `lag` is a lower bound.
    pub lag_incomplete: bool,
    /// The coordinator's error for its commits.
    pub error: Option<String>,
    /// Seconds for which its oldest unread record has waited, in whichever partition; `None` where that is not known.
    pub lag_seconds: Option<i64>,
    /// True when it has waited for longer than that, or some partition's is not known.
    pub lag_seconds_at_least: bool,
    /// Where the seconds are known from.
    pub lag_time_source: Option<LagTimeSource>,
    /// Records a second that are written to what it reads, over the last minute.
    pub rate_in: Option<f64>,
    /// Records a second that it commits, over the last minute.
    pub rate_out: Option<f64>,
    /// Its lag in the course of the last two minutes, oldest first.
    pub trend: [Option<i64>; TREND],
    /// Seconds until it has caught up at these rates; `None` when it does not come nearer, or nobody knows.
    pub drain_s: Option<i64>,
    /// Share of the retention that its oldest unread record has used up; 0 where none that is unread can expire.
    pub retention_percent: Option<u8>,
    /// True when it may be more.
    pub retention_at_least: bool,
    /// Judgement; `None` where it takes more than is known.
    pub verdict: Option<GroupVerdict>,
    /// How often it was rebalanced, where its coordinator counts that.
    pub epochs: Option<Epochs>,
}

impl<'a> Reading<'a> {
    /// All groups, by id.
    pub fn groups(&self) -> Vec<GroupRow> {
        let Some(kafka) = self.kafka() else { return Vec::new() };
        kafka.groups.values().map(|(coordinator, group)| group_row(kafka, *coordinator, group)).collect()
    }

    /// The partitions of one group: what its members hold and what it has committed.
    pub fn group_partitions(&self, id: &str) -> Vec<GroupPartition> {
        let Some((kafka, (_, group))) = self.kafka().and_then(|k| Some((k, k.groups.get(id)?))) else {
            return Vec::new();
        };
        self.partitions_of(kafka, group)
    }

    /// Members of a group, with the pod of each where one alone has its address.
    pub fn group_members(&self, id: &str) -> Vec<(&'a Member, Option<&'a str>)> {
        let group = self.kafka().and_then(|k| k.groups.get(id));
        let members = group.into_iter().flat_map(|(_, group)| group.members.iter().flatten());
        members.map(|member| (member, self.pod_at(member.host.trim_start_matches('/')))).collect()
    }

    /// The pod that has an address. None where several share one, as those in their node's network do.
    fn pod_at(&self, host: &str) -> Option<&'a str> {
        let here = |ip: &Option<String>| ip.as_deref().is_some_and(|ip| ip == host);
        let ended = |phase: &str| matches!(phase, "Succeeded" | "Failed");
        let mut pods = self.world.kube.pods.iter().filter(|(_, pod)| here(&pod.ip) && !ended(&pod.phase));
        let (key, _) = pods.next()?;
        pods.next().is_none().then_some(key.name.as_str())
    }

    fn partitions_of(&self, kafka: &'a KafkaWorld, group: &'a Group) -> Vec<GroupPartition> {
        let mut rows: BTreeMap<(&str, i32), GroupPartition> = BTreeMap::new();
        for commit in kafka.commits.get(&group.id).iter().flat_map(|c| &c.commits) {
            let key = (commit.topic.as_str(), commit.partition);
            let row = rows.entry(key).or_insert_with(|| blank(kafka, &commit.topic, commit.partition));
            row.committed = Some(commit.offset);
            row.lag = row.end.map(|end| lag(commit.offset, end));
            let time = kafka.history.lag_time(&commit.topic, commit.partition, commit.offset);
            row.lag_seconds = time.map(|time| time.seconds);
            row.lag_seconds_at_least = time.is_some_and(|time| time.at_least);
            row.lag_time_source = time.map(|time| time.source);
        }
        for member in group.members.iter().flatten() {
            let host = member.host.trim_start_matches('/');
            let pod = self.pod_at(host);
            for (topic, partition) in &member.assigned {
                let row = rows.entry((topic, *partition)).or_insert_with(|| blank(kafka, topic, *partition));
                row.member = Some(member.id.clone());
                row.client_id = Some(member.client_id.clone());
                row.host = Some(host.to_owned());
                row.pod = pod.map(str::to_owned);
            }
        }
        rows.into_values().collect()
    }
}

fn blank(kafka: &KafkaWorld, topic: &str, partition: i32) -> GroupPartition {
    GroupPartition {
        topic: topic.to_owned(),
        partition,
        end: kafka.ends.get(topic).and_then(|ends| ends.get(&partition).copied()),
        ..GroupPartition::default()
    }
}

fn group_row(kafka: &KafkaWorld, coordinator: BrokerId, group: &Group) -> GroupRow {
    let commits = kafka.commits.get(&group.id);
    let unheard = Figures { lag_incomplete: true, ..Figures::default() };
    let figures = kafka.history.figures(&group.id).unwrap_or(&unheard);
    let settled = commits.is_some_and(|c| c.error.is_none());
    // A group that has committed nothing lags behind nothing.
    let lag = figures.lag.or((settled && !figures.lag_incomplete).then_some(0));
    GroupRow {
        id: group.id.clone(),
        state: group.state.clone(),
        kind: group.kind.clone(),
        members: group.members.as_ref().map(Vec::len),
        coordinator,
        topics: topics(kafka, group),
        lag,
        lag_incomplete: figures.lag_incomplete,
        error: commits.and_then(|c| c.error.clone()),
        lag_seconds: figures.lag_time.filter(|_| lag.is_some()).map(|time| time.seconds),
        lag_seconds_at_least: lag.is_some() && figures.lag_time.is_some_and(|time| time.at_least),
        lag_time_source: figures.lag_time.filter(|_| lag.is_some()).map(|time| time.source),
        rate_in: figures.rate_in,
        rate_out: figures.rate_out,
        trend: figures.trend,
        drain_s: drain(lag, figures),
        retention_percent: figures.retention.filter(|_| lag.is_some()).map(|used| used.percent),
        retention_at_least: figures.retention.is_some_and(|used| used.at_least),
        verdict: verdict(group, lag, figures),
        epochs: group.epochs,
    }
}

/// Topics that a group has committed or that its members hold, by name.
fn topics(kafka: &KafkaWorld, group: &Group) -> Vec<String> {
    let mut topics: BTreeSet<&str> = kafka.history.topics(&group.id).iter().map(String::as_str).collect();
    let mut last = "";
    for (topic, _) in group.members.iter().flatten().flat_map(|m| &m.assigned) {
        // Partitions of one topic stand together.
        if topic != last {
            topics.insert(topic);
            last = topic;
        }
    }
    topics.into_iter().map(str::to_owned).collect()
}

/// Seconds until a lag is read.
fn drain(lag: Option<i64>, figures: &Figures) -> Option<i64> {
    let lag = lag.filter(|_| !figures.lag_incomplete)?;
    if lag == 0 {
        return Some(0);
    }
    let (into, out) = (figures.rate_in?, figures.rate_out?);
    let seconds = lag as f64 / (out - into);
    (out - into > SHRINKS * into.max(1.0) && seconds <= LONGEST).then_some(seconds.ceil() as i64)
}

/// What is to be thought of a group; the rules are `GroupVerdict`'s.
fn verdict(group: &Group, lag: Option<i64>, figures: &Figures) -> Option<GroupVerdict> {
    let members = group.members.as_ref().map(Vec::len);
    let is_empty = members == Some(0) || matches!(group.state.as_str(), "Empty" | "Dead");
    let attended = figures.had_members || members.is_some_and(|n| n > 0);
    let waits = lag.is_some_and(|lag| lag > 0);
    let expires = figures.retention.is_some_and(|used| used.percent >= NEARLY_GONE);
    if waits && attended && expires {
        return Some(GroupVerdict::AboutToLoseData);
    }
    if is_empty {
        return Some(if waits && figures.had_members { GroupVerdict::DeadMembers } else { GroupVerdict::Empty });
    }
    // Of a share group it is not told how far it has come.
    let lag = lag?;
    if figures.rewound {
        return Some(GroupVerdict::Rewound);
    }
    if figures.stuck > 0 && members.is_some() {
        return Some(if figures.moves { GroupVerdict::StuckPartition } else { GroupVerdict::Stalled });
    }
    match figures.lag_time {
        Some(time) if time.seconds >= LATE => Some(GroupVerdict::Lagging),
        Some(time) if !time.at_least => Some(GroupVerdict::Ok),
        _ => (lag == 0 && !figures.lag_incomplete).then_some(GroupVerdict::Ok),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::history::Used, *};
    use crate::domain::{group::Member, lag::LagTime};

    fn group(state: &str, members: usize) -> Group {
        let members = Some(vec![Member::default(); members]);
        Group { id: "app".into(), state: state.into(), members, ..Group::default() }
    }

    fn figures(seconds: i64, at_least: bool) -> Figures {
        let time = LagTime { seconds, at_least, source: LagTimeSource::History };
        Figures { lag: Some(50), lag_time: Some(time), ..Figures::default() }
    }

    fn of(group: &Group, figures: &Figures) -> Option<GroupVerdict> {
        verdict(group, figures.lag, figures)
    }

    #[test]
    fn who_has_read_everything_young_is_ok_and_who_has_not_for_a_minute_is_lagging() {
        let stable = group("Stable", 2);
        assert_eq!(of(&stable, &figures(59, false)), Some(GroupVerdict::Ok));
        assert_eq!(of(&stable, &figures(60, false)), Some(GroupVerdict::Lagging));
        assert_eq!(of(&stable, &figures(60, true)), Some(GroupVerdict::Lagging), "whatever it is, it is late");
    }

    #[test]
    fn without_history_no_verdict_is_invented() {
        let stable = group("Stable", 2);
        assert_eq!(of(&stable, &figures(30, true)), None);
        assert_eq!(of(&stable, &Figures { lag: Some(50), ..Figures::default() }), None);
        assert_eq!(of(&stable, &Figures { lag: Some(0), ..Figures::default() }), Some(GroupVerdict::Ok));
        assert_eq!(of(&stable, &Figures { lag: Some(0), lag_incomplete: true, ..Figures::default() }), None);
        assert_eq!(of(&stable, &Figures::default()), None, "nothing is known of how far it has come");
    }

    #[test]
    fn a_group_without_members_is_dead_only_when_it_was_seen_with_some_and_records_wait() {
        let empty = group("Empty", 0);
        let mut known = figures(4_000, true);
        assert_eq!(of(&empty, &known), Some(GroupVerdict::Empty));
        known.had_members = true;
        assert_eq!(of(&empty, &known), Some(GroupVerdict::DeadMembers));
        known.lag = Some(0);
        assert_eq!(of(&empty, &known), Some(GroupVerdict::Empty));
    }

    #[test]
    fn what_does_not_move_is_stalled_and_one_partition_among_others_is_stuck() {
        let stable = group("Stable", 2);
        let known = Figures { stuck: 1, ..figures(120, false) };
        assert_eq!(of(&stable, &known), Some(GroupVerdict::Stalled));
        assert_eq!(of(&stable, &Figures { moves: true, ..known.clone() }), Some(GroupVerdict::StuckPartition));
        assert_eq!(of(&stable, &Figures { rewound: true, ..known.clone() }), Some(GroupVerdict::Rewound));
        let undescribed = Group { members: None, ..stable };
        assert_eq!(of(&undescribed, &known), Some(GroupVerdict::Lagging), "nobody said that there is somebody to read");
    }

    #[test]
    fn data_is_about_to_be_lost_where_somebody_reads() {
        let nearly = |percent| Figures { retention: Some(Used { percent, at_least: false }), ..figures(900, false) };
        assert_eq!(of(&group("Stable", 1), &nearly(80)), Some(GroupVerdict::AboutToLoseData));
        assert_eq!(of(&group("Stable", 1), &nearly(79)), Some(GroupVerdict::Lagging));
        assert_eq!(of(&group("Empty", 0), &nearly(100)), Some(GroupVerdict::Empty), "an old dev group is no fault");
        let gone = Figures { had_members: true, ..nearly(100) };
        assert_eq!(of(&group("Empty", 0), &gone), Some(GroupVerdict::AboutToLoseData));
    }

    #[test]
    fn a_lag_comes_to_an_end_only_while_it_shrinks() {
        let at = |into, out| {
            let known = Figures { rate_in: Some(into), rate_out: Some(out), ..figures(60, false) };
            drain(Some(50), &known)
        };
        assert_eq!(at(10.0, 15.0), Some(10));
        assert_eq!((at(10.0, 10.0), at(10.0, 9.0), at(10.0, 10.01)), (None, None, None));
        assert_eq!(drain(Some(50), &figures(60, false)), None);
        assert_eq!(drain(Some(0), &Figures::default()), Some(0));
        assert_eq!(drain(Some(50), &Figures { lag_incomplete: true, ..figures(1, false) }), None);
    }
}
