//! Columns of groups and of their partitions.

use chrono::{DateTime, Utc};

use super::{Cell, Column, Row, SortKey, Tone, Width, fit};
use crate::{
    domain::{group::GroupPartition, units},
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
            optional: 4,
            cell: |g, _| Cell::figure(g.kind.as_ref()),
            key: |g| SortKey::text(g.kind.as_deref()),
        },
        Column {
            title: "MEMBERS",
            width: fit(7, 7),
            right: true,
            optional: 1,
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
            title: "TOPICS",
            width: fit(6, 40),
            right: false,
            optional: 2,
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
        -self.lag.unwrap_or_default()
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
