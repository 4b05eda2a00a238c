//! Columns of groups and of their partitions.

use chrono::{DateTime, Utc};

use super::{Cell, Column, Row, SortKey, Tone, Width, fit};
use crate::{
    domain::{group::GroupPartition, lag::GroupVerdict, units},
    world::groups::GroupRow,
};

impl Row for GroupRow {
    const COLUMNS: &'static [Column<Self>] = &[
        Column {
            title: "GROUP",
            width: Width::Rest { min: 16 },
            right: false,
            optional: 0,
            cell: |g, _| Cell::plain(&g.id),
            key: |g| SortKey::Text(g.id.clone()),
        },
        Column {
            title: "STATE",
            width: fit(6, 20),
            right: false,
            optional: 0,
            cell: |g, _| Cell::new(&g.state, group_tone(&g.state)),
            key: |g| SortKey::Text(g.state.clone()),
        },
        Column {
            title: "TYPE",
            width: fit(7, 8),
            right: false,
            optional: 5,
            cell: |g, _| Cell::figure(g.kind.as_ref()),
            key: |g| SortKey::text(g.kind.as_deref()),
        },
        Column {
            title: "MEMBERS",
            width: fit(7, 7),
            right: true,
            optional: 2,
            cell: |g, _| Cell::figure(g.members),
            key: |g| SortKey::number(g.members),
        },
        Column {
            title: "LAG",
            width: fit(6, 10),
            right: true,
            optional: 0,
            cell: group_lag,
            key: |g| SortKey::number(g.lag),
        },
        Column {
            title: "LAG TIME",
            width: fit(6, 8),
            right: true,
            optional: 0,
            cell: |g, _| lag_time(g.lag_seconds, g.lag_seconds_at_least),
            key: |g| SortKey::number(g.lag_seconds),
        },
        Column {
            title: "TREND",
            width: fit(8, 8),
            right: false,
            optional: 2,
            cell: |g, _| Cell::new(units::sparkline(&g.trend), Tone::Muted),
            key: |g| SortKey::number(grown(g)),
        },
        Column {
            title: "IN/S",
            width: fit(5, 8),
            right: true,
            optional: 4,
            cell: |g, _| Cell::figure(g.rate_in.map(units::rate)),
            key: |g| rate(g.rate_in),
        },
        Column {
            title: "OUT/S",
            width: fit(5, 8),
            right: true,
            optional: 4,
            cell: |g, _| Cell::figure(g.rate_out.map(units::rate)),
            key: |g| rate(g.rate_out),
        },
        Column {
            title: "DRAIN",
            width: fit(5, 8),
            right: true,
            optional: 3,
            cell: drain,
            key: |g| SortKey::number(g.drain_s),
        },
        Column {
            title: "RETENTION",
            width: fit(9, 9),
            right: true,
            optional: 4,
            cell: retention,
            key: |g| SortKey::percent(g.retention_percent),
        },
        Column {
            title: "VERDICT",
            width: fit(7, 18),
            right: false,
            optional: 0,
            cell: |g, _| g.verdict.map_or_else(|| Cell::figure(None::<u8>), |v| Cell::new(v.words(), verdict_tone(v))),
            key: |g| g.verdict.map_or(SortKey::Unknown, |v| SortKey::Rank(v as i64)),
        },
        Column {
            title: "TOPICS",
            width: fit(6, 40),
            right: false,
            optional: 5,
            cell: group_topics,
            key: |g| SortKey::number(Some(g.topics.len())),
        },
        Column {
            title: "COORDINATOR",
            width: fit(11, 11),
            right: true,
            optional: 6,
            cell: |g, _| Cell::plain(g.coordinator.to_string()),
            key: |g| SortKey::number(Some(g.coordinator.0)),
        },
    ];

    fn id(&self) -> String {
        self.id.clone()
    }

    fn urgency(&self) -> i64 {
        // Who is in trouble comes before whoever is only far behind.
        let trouble = self.verdict.filter(|v| v.is_trouble() && *v != GroupVerdict::Lagging);
        trouble.map_or_else(|| -self.lag.unwrap_or_default(), |v| i64::MIN + v as i64)
    }
}

/// What a group's state means: a group without members is no fault.
pub fn group_tone(state: &str) -> Tone {
    match state {
        "Stable" => Tone::Good,
        "Empty" => Tone::Muted,
        _ => Tone::Warn,
    }
}

fn group_lag(group: &GroupRow, _: DateTime<Utc>) -> Cell {
    match group.lag {
        None => Cell::new("?", Tone::Unknown),
        Some(lag) if group.lag_incomplete => Cell::new(format!("≥{}", units::count(lag)), Tone::Unknown),
        Some(lag) => Cell::plain(units::count(lag)),
    }
}

/// What a verdict means.
pub fn verdict_tone(verdict: GroupVerdict) -> Tone {
    match verdict {
        GroupVerdict::AboutToLoseData => Tone::Bad,
        GroupVerdict::Ok => Tone::Good,
        GroupVerdict::Empty => Tone::Muted,
        _ => Tone::Warn,
    }
}

/// Seconds of lag in words; with `≥` where they may be more.
pub fn lag_words(seconds: i64, at_least: bool) -> String {
    format!("{}{}", if at_least { "≥" } else { "" }, units::duration(seconds))
}

fn lag_time(seconds: Option<i64>, at_least: bool) -> Cell {
    match seconds {
        None => Cell::figure(None::<u8>),
        Some(seconds) => Cell::new(lag_words(seconds, at_least), if at_least { Tone::Unknown } else { Tone::Plain }),
    }
}

fn rate(rate: Option<f64>) -> SortKey {
    SortKey::number(rate.map(|rate| rate.round() as i64))
}

/// By how much the lag has grown as long as it is known.
fn grown(group: &GroupRow) -> Option<i64> {
    let mut known = group.trend.iter().flatten();
    let first = known.next()?;
    Some(known.next_back().unwrap_or(first) - first)
}

fn drain(group: &GroupRow, _: DateTime<Utc>) -> Cell {
    match group.drain_s {
        Some(0) => Cell::new("-", Tone::Muted),
        Some(seconds) => Cell::plain(units::duration(seconds)),
        // Who keeps up has always a little before it.
        None if group.verdict == Some(GroupVerdict::Ok) => Cell::new("-", Tone::Muted),
        // It does not come to an end at these rates.
        None if group.rate_in.is_some() && group.rate_out.is_some() => Cell::new("never", Tone::Warn),
        None => Cell::figure(None::<u8>),
    }
}

fn retention(group: &GroupRow, _: DateTime<Utc>) -> Cell {
    let Some(percent) = group.retention_percent else { return Cell::figure(None::<u8>) };
    let bound = if group.retention_at_least { "≥" } else { "" };
    let tone = match percent {
        80.. => Tone::Bad,
        50.. => Tone::Warn,
        _ if group.retention_at_least => Tone::Unknown,
        0 => Tone::Muted,
        _ => Tone::Plain,
    };
    Cell::new(format!("{bound}{percent}%"), tone)
}

fn group_topics(group: &GroupRow, _: DateTime<Utc>) -> Cell {
    match group.topics.as_slice() {
        [] => Cell::new("-", Tone::Muted),
        [one] => Cell::new(one, Tone::Muted),
        [first, rest @ ..] => Cell::new(format!("{first} +{}", rest.len()), Tone::Muted),
    }
}

impl Row for GroupPartition {
    const COLUMNS: &'static [Column<Self>] = &[
        Column {
            title: "TOPIC",
            width: Width::Rest { min: 12 },
            right: false,
            optional: 0,
            cell: |p, _| Cell::plain(&p.topic),
            key: |p| SortKey::Text(p.topic.clone()),
        },
        Column {
            title: "PARTITION",
            width: fit(9, 9),
            right: true,
            optional: 0,
            cell: |p, _| Cell::plain(p.partition.to_string()),
            key: |p| SortKey::number(Some(p.partition)),
        },
        Column {
            title: "COMMITTED",
            width: fit(9, 20),
            right: true,
            optional: 1,
            cell: |p, _| p.committed.map_or_else(|| Cell::new("none", Tone::Muted), |o| Cell::plain(o.to_string())),
            key: |p| SortKey::number(p.committed),
        },
        Column {
            title: "END",
            width: fit(5, 20),
            right: true,
            optional: 1,
            cell: |p, _| Cell::figure(p.end),
            key: |p| SortKey::number(p.end),
        },
        Column {
            title: "LAG",
            width: fit(5, 12),
            right: true,
            optional: 0,
            cell: |p, _| {
                p.lag.map_or_else(
                    || Cell::new(if p.committed.is_none() { "-" } else { "?" }, Tone::Unknown),
                    |l| Cell::plain(units::count(l)),
                )
            },
            key: |p| SortKey::number(p.lag),
        },
        Column {
            title: "LAG TIME",
            width: fit(6, 8),
            right: true,
            optional: 0,
            cell: |p, _| {
                let none = p.committed.is_none();
                if none { Cell::new("-", Tone::Unknown) } else { lag_time(p.lag_seconds, p.lag_seconds_at_least) }
            },
            key: |p| SortKey::number(p.lag_seconds),
        },
        Column {
            title: "CLIENT",
            width: fit(6, 32),
            right: false,
            optional: 2,
            cell: |p, _| p.client_id.as_ref().map_or_else(|| Cell::new("-", Tone::Muted), Cell::plain),
            key: |p| SortKey::text(p.client_id.as_deref()),
        },
        Column {
            title: "HOST",
            width: fit(6, 40),
            right: false,
            optional: 3,
            cell: |p, _| p.host.as_ref().map_or_else(|| Cell::new("-", Tone::Muted), Cell::plain),
            key: |p| SortKey::text(p.host.as_deref()),
        },
        Column {
            title: "POD",
            width: fit(3, 40),
            right: false,
            optional: 2,
            cell: |p, _| p.pod.as_ref().map_or_else(|| Cell::new("-", Tone::Muted), Cell::plain),
            key: |p| SortKey::text(p.pod.as_deref()),
        },
        Column {
            title: "MEMBER",
            width: fit(6, 50),
            right: false,
            optional: 6,
            cell: |p, _| p.member.as_ref().map_or_else(|| Cell::new("-", Tone::Muted), Cell::plain),
            key: |p| SortKey::text(p.member.as_deref()),
        },
    ];

    fn id(&self) -> String {
        format!("{}-{}", self.topic, self.partition)
    }

    fn urgency(&self) -> i64 {
        -self.lag.unwrap_or_default()
    }
}
