//! Consumer groups as rows: state, members, lag in records.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::domain::{
    group::{Group, GroupPartition, lag},
    ids::BrokerId,
};

use super::{KafkaWorld, Reading};

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
    /// Seconds behind; not measured yet.
    pub lag_seconds: Option<i64>,
    /// Seconds until it has caught up; not measured yet.
    pub drain_s: Option<i64>,
    /// Share of the retention that its lag has used up; not measured yet.
    pub retention_percent: Option<u8>,
    /// Judgement; not made yet.
    pub verdict: Option<String>,
}

impl Reading<'_> {
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
        partitions(kafka, group)
    }
}

fn group_row(kafka: &KafkaWorld, coordinator: BrokerId, group: &Group) -> GroupRow {
    let commits = kafka.commits.get(&group.id);
    let mut topics: BTreeSet<&str> = BTreeSet::new();
    let (mut total, mut known, mut unknown) = (0, false, commits.is_none());
    for commit in commits.iter().flat_map(|c| &c.commits) {
        topics.insert(&commit.topic);
        match kafka.ends.get(&commit.topic).and_then(|ends| ends.get(&commit.partition)) {
            Some(end) => {
                total += lag(commit.offset, *end);
                known = true;
            }
            // A deleted topic has no end and no lag; a known topic's missing end is one that has not been told.
            None => unknown |= kafka.topics.contains_key(&commit.topic),
        }
    }
    let assigned = group.members.iter().flatten().flat_map(|m| &m.assigned);
    topics.extend(assigned.map(|(topic, _)| topic.as_str()));
    let settled = commits.is_some_and(|c| c.error.is_none());
    GroupRow {
        id: group.id.clone(),
        state: group.state.clone(),
        kind: group.kind.clone(),
        members: group.members.as_ref().map(Vec::len),
        coordinator,
        topics: topics.into_iter().map(str::to_owned).collect(),
        // A group that has committed nothing lags behind nothing.
        lag: (known || (settled && !unknown)).then_some(total),
        lag_incomplete: unknown,
        error: commits.and_then(|c| c.error.clone()),
        lag_seconds: None,
        drain_s: None,
        retention_percent: None,
        verdict: None,
    }
}

fn partitions(kafka: &KafkaWorld, group: &Group) -> Vec<GroupPartition> {
    let mut rows: BTreeMap<(String, i32), GroupPartition> = BTreeMap::new();
    let blank = |topic: &str, partition: i32| GroupPartition {
        topic: topic.to_owned(),
        partition,
        committed: None,
        end: kafka.ends.get(topic).and_then(|ends| ends.get(&partition).copied()),
        lag: None,
        member: None,
        client_id: None,
        host: None,
    };
    for commit in kafka.commits.get(&group.id).iter().flat_map(|c| &c.commits) {
        let key = (commit.topic.clone(), commit.partition);
        let row = rows.entry(key).or_insert_with(|| blank(&commit.topic, commit.partition));
        row.committed = Some(commit.offset);
        row.lag = row.end.map(|end| lag(commit.offset, end));
    }
    for member in group.members.iter().flatten() {
        for (topic, partition) in &member.assigned {
            let row = rows.entry((topic.clone(), *partition)).or_insert_with(|| blank(topic, *partition));
            row.member = Some(member.id.clone());
            row.client_id = Some(member.client_id.clone());
            row.host = Some(member.host.trim_start_matches('/').to_owned());
        }
    }
    rows.into_values().collect()
}
