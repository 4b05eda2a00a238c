//! Columns of brokers.

use chrono::{DateTime, Utc};

use super::{Cell, Column, Row, SortKey, Tone, Width, age_cell, fit, percent_cell};
use crate::{
    domain::{metrics::Figure, units},
    world::{brokers::BrokerRow, metrics::BrokerMetrics},
};

/// Handlers that are idle for less of their time than this are the bottleneck.
const BUSY: u8 = 20;

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
            title: "IN/S",
            width: fit(4, 9),
            right: true,
            optional: 9,
            cell: |b, _| bytes_rate(b, Figure::BytesIn),
            key: |b| key(b, Figure::BytesIn),
        },
        Column {
            title: "OUT/S",
            width: fit(5, 9),
            right: true,
            optional: 9,
            cell: |b, _| bytes_rate(b, Figure::BytesOut),
            key: |b| key(b, Figure::BytesOut),
        },
        Column {
            title: "IDLE",
            width: fit(4, 4),
            right: true,
            optional: 9,
            cell: |b, _| handlers_idle(b),
            key: |b| SortKey::percent(b.metrics.as_ref().and_then(|m| m.value(Figure::HandlerIdle)).map(percent)),
        },
        Column {
            title: "HEAP",
            width: fit(4, 4),
            right: true,
            optional: 9,
            cell: |b, _| heap(b),
            key: |b| SortKey::percent(b.metrics.as_ref().and_then(BrokerMetrics::heap_percent)),
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

/// A figure of its own metrics as a cell; dim once it is older than it should be.
fn of_metrics(broker: &BrokerRow, cell: impl Fn(&BrokerMetrics) -> Option<Cell>) -> Cell {
    let told = broker.metrics.as_ref().and_then(|metrics| Some((metrics.is_stale, cell(metrics)?)));
    match told {
        Some((true, cell)) => Cell::new(cell.text, Tone::Unknown),
        Some((false, cell)) => cell,
        None => Cell::new("?", Tone::Unknown),
    }
}

fn bytes_rate(broker: &BrokerRow, figure: Figure) -> Cell {
    of_metrics(broker, |metrics| Some(Cell::plain(units::bytes(metrics.value(figure)? as u64))))
}

fn handlers_idle(broker: &BrokerRow) -> Cell {
    of_metrics(broker, |metrics| {
        let percent = percent(metrics.value(Figure::HandlerIdle)?);
        Some(Cell::new(format!("{percent}%"), if percent < BUSY { Tone::Warn } else { Tone::Plain }))
    })
}

fn heap(broker: &BrokerRow) -> Cell {
    of_metrics(broker, |metrics| Some(Cell::plain(format!("{}%", metrics.heap_percent()?))))
}

fn key(broker: &BrokerRow, figure: Figure) -> SortKey {
    let value = broker.metrics.as_ref().and_then(|metrics| metrics.value(figure));
    SortKey::bytes(value.map(|value| value as i64))
}

/// A share in whole percent.
fn percent(share: f64) -> u8 {
    (share * 100.0).round().clamp(0.0, 100.0) as u8
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
