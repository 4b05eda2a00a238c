//! Columns of brokers.

use chrono::{DateTime, Utc};

use super::{Cell, Column, Row, SortKey, Tone, Width, age_cell, fit, percent_cell};
use crate::{domain::units, world::brokers::BrokerRow};

impl Row for BrokerRow {
    const COLUMNS: &'static [Column<Self>] = &[
        Column {
            title: "ID",
            width: fit(2, 5),
            right: true,
            optional: 0,
            cell: |b, _| Cell::figure(b.id),
            key: |b| SortKey::number(b.id.map(|i| i.0)),
        },
        Column {
            title: "POD",
            width: Width::Rest { min: 10 },
            right: false,
            optional: 0,
            cell: |b, _| b.pod.as_ref().map_or_else(|| Cell::new("none", Tone::Bad), Cell::plain),
            key: |b| SortKey::text(b.pod.as_deref()),
        },
        Column {
            title: "STATE",
            width: fit(7, 36),
            right: false,
            optional: 0,
            cell: broker_state,
            key: |b| SortKey::Text(b.state.clone()),
        },
        Column {
            title: "NODE",
            width: fit(4, 24),
            right: false,
            optional: 3,
            cell: |b, _| Cell::figure(b.node.as_ref()),
            key: |b| SortKey::text(b.node.as_deref()),
        },
        Column {
            title: "ZONE",
            width: fit(4, 16),
            right: false,
            optional: 7,
            cell: |b, _| Cell::figure(b.zone.as_ref()),
            key: |b| SortKey::text(b.zone.as_deref()),
        },
        Column {
            title: "ROLES",
            width: fit(5, 24),
            right: false,
            optional: 8,
            cell: |b, _| {
                if b.roles.is_empty() { Cell::new("?", Tone::Unknown) } else { Cell::plain(roles(b)) }
            },
            key: |b| SortKey::Text(roles(b)),
        },
        Column {
            title: "LEAD",
            width: fit(4, 7),
            right: true,
            optional: 2,
            cell: |b, _| Cell::figure(b.leaders),
            key: |b| SortKey::number(b.leaders),
        },
        Column {
            title: "REPL",
            width: fit(4, 7),
            right: true,
            optional: 6,
            cell: |b, _| Cell::figure(b.replicas),
            key: |b| SortKey::number(b.replicas),
        },
        Column {
            title: "URP",
            width: fit(3, 7),
            right: true,
            optional: 1,
            cell: |b, _| Cell::should_be_zero(b.under_replicated.map(|n| n as usize), Tone::Warn),
            key: |b| SortKey::number(b.under_replicated),
        },
        Column {
            title: "DISK",
            width: fit(4, 5),
            right: true,
            optional: 2,
            cell: |b, _| percent_cell(b.disk_percent, false),
            key: |b| SortKey::percent(b.disk_percent),
        },
        Column {
            title: "RESTARTS",
            width: fit(8, 30),
            right: false,
            optional: 3,
            cell: broker_restarts,
            key: |b| SortKey::number(b.restarts),
        },
        Column {
            title: "SAFE",
            width: fit(4, 14),
            right: false,
            optional: 1,
            cell: |b, _| restart_safe(b),
            key: |b| SortKey::Text(restart_word(b)),
        },
        Column {
            title: "AGE",
            width: fit(3, 6),
            right: true,
            optional: 4,
            cell: |b, now| age_cell(b.created_at, now),
            key: |b| SortKey::time(b.created_at),
        },
    ];

    fn id(&self) -> String {
        self.id.map_or_else(|| self.pod.clone().unwrap_or_default(), |id| id.to_string())
    }

    fn urgency(&self) -> i64 {
        match self.ready {
            Some(false) => 0,
            None => 1,
            Some(true) => 2,
        }
    }
}

/// Its roles; the controller that leads the quorum is the active one.
fn roles(broker: &BrokerRow) -> String {
    let active = broker.active_controller == Some(true);
    let word =
        |role: &String| if active && role == "controller" { "active controller".to_owned() } else { role.clone() };
    broker.roles.iter().map(word).collect::<Vec<_>>().join(",")
}

fn broker_state(broker: &BrokerRow, _: DateTime<Utc>) -> Cell {
    match broker.ready {
        Some(true) => Cell::new(format!("● {}", broker.state), Tone::Good),
        Some(false) => Cell::new(format!("▲ {}", broker.state), Tone::Bad),
        None => Cell::new(format!("? {}", broker.state), Tone::Unknown),
    }
}

/// Whether it may be restarted now: `yes`, `no: URP`, `?`.
pub fn restart_word(broker: &BrokerRow) -> String {
    let word = broker.restart_why.as_deref().and_then(|why| why.split_once(':')).map(|(word, _)| word);
    match (broker.restart_safe, word) {
        (Some(true), _) => "yes".to_owned(),
        (Some(false), Some(word)) => format!("no: {word}"),
        (Some(false), None) => "no".to_owned(),
        (None, _) => "?".to_owned(),
    }
}

/// How that is coloured.
pub fn restart_tone(broker: &BrokerRow) -> Tone {
    match broker.restart_safe {
        Some(true) => Tone::Plain,
        Some(false) => Tone::Warn,
        None => Tone::Unknown,
    }
}

fn restart_safe(broker: &BrokerRow) -> Cell {
    Cell::new(restart_word(broker), restart_tone(broker))
}

fn broker_restarts(broker: &BrokerRow, now: DateTime<Utc>) -> Cell {
    let Some(count) = broker.restarts else { return Cell::new("?", Tone::Unknown) };
    if count == 0 {
        return Cell::new("0", Tone::Muted);
    }
    let ago = broker.restarted_at.map(|at| format!(" {} ago", units::age(now, at))).unwrap_or_default();
    let why = broker.restart_reason.as_deref().map(|r| format!(" {r}")).unwrap_or_default();
    Cell::new(format!("{count}{why}{ago}"), Tone::Warn)
}
