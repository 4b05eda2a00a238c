//! Columns of topics and of their partitions.

use chrono::{DateTime, Utc};

use super::{Cell, Column, Row, SortKey, Tone, Width, fit};
use crate::{
    domain::{ids::BrokerId, topic::Health, units},
    world::topics::{PartitionRow, TopicRow},
};

impl Row for TopicRow {
    const COLUMNS: &'static [Column<Self>] = &[
        Column {
            title: "TOPIC",
            width: Width::Rest { min: 16 },
            right: false,
            optional: 0,
            cell: |t, _| Cell::new(&t.name, if t.is_internal() { Tone::Muted } else { Tone::Plain }),
            key: |t| SortKey::Text(t.name.clone()),
        },
        Column {
            title: "PARTS",
            width: fit(5, 5),
            right: true,
            optional: 1,
            cell: |t, _| Cell::plain(t.partitions.to_string()),
            key: |t| SortKey::number(Some(t.partitions)),
        },
        Column {
            title: "RF",
            width: fit(2, 3),
            right: true,
            optional: 2,
            cell: |t, _| Cell::plain(t.replication_factor.to_string()),
            key: |t| SortKey::number(Some(t.replication_factor)),
        },
        Column {
            title: "MIN-ISR",
            width: fit(7, 7),
            right: true,
            optional: 3,
            cell: |t, _| Cell::figure(t.min_isr),
            key: |t| SortKey::number(t.min_isr),
        },
        Column {
            title: "OFFLINE",
            width: fit(7, 7),
            right: true,
            optional: 0,
            cell: |t, _| Cell::should_be_zero(Some(t.offline), Tone::Bad),
            key: |t| SortKey::number(Some(t.offline)),
        },
        Column {
            title: "UNDER-MIN",
            width: fit(9, 9),
            right: true,
            optional: 0,
            cell: |t, _| Cell::should_be_zero(t.min_isr.map(|_| t.under_min_isr), Tone::Bad),
            key: |t| SortKey::number(t.min_isr.map(|_| t.under_min_isr)),
        },
        Column {
            title: "AT-MIN",
            width: fit(6, 6),
            right: true,
            optional: 4,
            cell: |t, _| Cell::should_be_zero(t.min_isr.map(|_| t.at_min_isr), Tone::Warn),
            key: |t| SortKey::number(t.min_isr.map(|_| t.at_min_isr)),
        },
        Column {
            title: "URP",
            width: fit(3, 6),
            right: true,
            optional: 0,
            cell: |t, _| Cell::should_be_zero(Some(t.under_replicated), Tone::Warn),
            key: |t| SortKey::number(Some(t.under_replicated)),
        },
        Column {
            title: "MOVING",
            width: fit(6, 6),
            right: true,
            optional: 5,
            cell: |t, _| match t.reassigning {
                None => Cell::new("?", Tone::Unknown),
                Some(0) => Cell::new("0", Tone::Muted),
                Some(some) => Cell::plain(some.to_string()),
            },
            key: |t| SortKey::number(t.reassigning),
        },
        Column {
            title: "SIZE",
            width: fit(7, 9),
            right: true,
            optional: 2,
            cell: |t, _| Cell::figure(t.size_bytes.map(units::bytes)),
            key: |t| SortKey::bytes(t.size_bytes),
        },
        Column {
            title: "OVERRIDES",
            width: fit(9, 9),
            right: true,
            optional: 5,
            cell: |t, _| {
                let Some(set) = t.config_overrides else { return Cell::new("?", Tone::Unknown) };
                let text = format!("{}{set}", if t.config_overrides_incomplete { "≥" } else { "" });
                Cell::new(text, if set == 0 { Tone::Muted } else { Tone::Plain })
            },
            key: |t| SortKey::number(t.config_overrides),
        },
        Column {
            title: "OWNER",
            width: fit(5, 12),
            right: false,
            optional: 5,
            cell: |t, _| Cell::new(t.owner.as_deref().unwrap_or("-"), Tone::Muted),
            key: |t| SortKey::text(t.owner.as_deref()),
        },
    ];

    fn id(&self) -> String {
        self.name.clone()
    }

    fn urgency(&self) -> i64 {
        self.worst as i64 * 1_000_000 - (self.under_replicated as i64) + if self.is_internal() { 500_000 } else { 0 }
    }
}

impl Row for PartitionRow {
    const COLUMNS: &'static [Column<Self>] = &[
        Column {
            title: "PARTITION",
            width: fit(9, 9),
            right: true,
            optional: 0,
            cell: |p, _| Cell::plain(p.partition.to_string()),
            key: |p| SortKey::number(Some(p.partition)),
        },
        Column {
            title: "STATE",
            width: fit(8, 18),
            right: false,
            optional: 0,
            cell: |p, _| match p.health {
                Health::InSync if !p.adding.is_empty() || !p.removing.is_empty() => Cell::plain("● moving"),
                health => health_cell(health),
            },
            key: |p| SortKey::Rank(p.health as i64),
        },
        Column {
            title: "LEADER",
            width: fit(6, 8),
            right: true,
            optional: 0,
            cell: |p, _| p.leader.map_or_else(|| Cell::new("none", Tone::Bad), |l| Cell::plain(l.to_string())),
            key: |p| SortKey::number(p.leader.map(|l| l.0)),
        },
        Column {
            title: "REPLICAS",
            width: fit(8, 24),
            right: false,
            optional: 0,
            cell: |p, _| Cell::plain(replica_list(p)),
            key: |p| SortKey::Text(replica_list(p)),
        },
        Column {
            title: "ISR",
            width: fit(5, 24),
            right: false,
            optional: 0,
            cell: |p, _| {
                let is_behind = p.isr.len() + p.adding.len() < p.replicas.len();
                Cell::new(broker_list(&p.isr), if is_behind { Tone::Warn } else { Tone::Plain })
            },
            key: |p| SortKey::number(Some(p.isr.len())),
        },
        Column {
            title: "BEHIND",
            width: fit(6, 16),
            right: false,
            optional: 1,
            cell: behind,
            key: |p| SortKey::number(Some(p.replicas.len() - p.isr.len().min(p.replicas.len()))),
        },
        Column {
            title: "END OFFSET",
            width: fit(10, 20),
            right: true,
            optional: 3,
            cell: |p, _| p.end.map_or_else(|| Cell::new("-", Tone::Muted), |e| Cell::plain(e.to_string())),
            key: |p| SortKey::number(p.end),
        },
        Column {
            title: "SIZE PER BROKER",
            width: Width::Rest { min: 16 },
            right: false,
            optional: 2,
            cell: |p, _| {
                Cell::plain(
                    p.size_bytes
                        .iter()
                        .map(|(b, n)| format!("{b}: {}", units::bytes(*n)))
                        .collect::<Vec<_>>()
                        .join("  "),
                )
            },
            key: |p| SortKey::bytes(p.size_bytes.values().max().copied()),
        },
    ];

    fn id(&self) -> String {
        self.partition.to_string()
    }
}

fn behind(partition: &PartitionRow, _: DateTime<Utc>) -> Cell {
    let missing: Vec<BrokerId> = partition.replicas.iter().filter(|r| !partition.isr.contains(r)).copied().collect();
    if missing.is_empty() { Cell::new("-", Tone::Muted) } else { Cell::new(broker_list(&missing), Tone::Warn) }
}

fn health_cell(health: Health) -> Cell {
    match health {
        Health::Offline => Cell::new("▲ offline", Tone::Bad),
        Health::UnderMinIsr => Cell::new("▲ under min-ISR", Tone::Bad),
        Health::AtMinIsr => Cell::new("▲ at min-ISR", Tone::Warn),
        Health::UnderReplicated => Cell::new("▲ under-replicated", Tone::Warn),
        Health::InSync => Cell::new("● in sync", Tone::Good),
    }
}

/// Replicas; those that a move adds with a plus, those that it takes away with a minus.
fn replica_list(of: &PartitionRow) -> String {
    let sign = |id: &BrokerId| match (of.adding.contains(id), of.removing.contains(id)) {
        (true, _) => format!("+{id}"),
        (_, true) => format!("-{id}"),
        _ => id.to_string(),
    };
    of.replicas.iter().map(sign).collect::<Vec<_>>().join(",")
}

fn broker_list(ids: &[BrokerId]) -> String {
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}
