//! Columns of connectors.

use chrono::{DateTime, Utc};

use super::{Cell, Column, Row, SortKey, Tone, Width, fit};
use crate::{
    domain::{
        connect::{short_cause, short_class},
        units,
    },
    world::connect::ConnectorRow,
};

impl Row for ConnectorRow {
    const COLUMNS: &'static [Column<Self>] = &[
        Column {
            title: "CONNECTOR",
            width: Width::Rest { min: 12 },
            right: false,
            optional: 0,
            cell: |c, _| Cell::plain(&c.name),
            key: |c| SortKey::Text(c.name.clone()),
        },
        Column {
            title: "TYPE",
            width: fit(6, 8),
            right: false,
            optional: 3,
            cell: |c, _| Cell::figure(c.kind.as_ref()),
            key: |c| SortKey::text(c.kind.as_deref()),
        },
        Column {
            title: "CLASS",
            width: fit(6, 32),
            right: false,
            optional: 4,
            cell: |c, _| Cell::figure(c.connector.as_deref().map(short_class)),
            key: |c| SortKey::text(c.connector.as_deref().map(short_class)),
        },
        Column {
            title: "STATE",
            width: fit(7, 22),
            right: false,
            optional: 0,
            cell: state,
            key: |c| SortKey::Rank(rank(c)),
        },
        Column { title: "TASKS", width: fit(5, 9), right: true, optional: 0, cell: tasks, key: running_key },
        Column {
            title: "LAG",
            width: fit(5, 10),
            right: true,
            optional: 1,
            cell: lag,
            key: |c| SortKey::number(c.lag),
        },
        Column {
            title: "WORKER",
            width: fit(6, 40),
            right: false,
            optional: 5,
            cell: worker,
            key: |c| SortKey::text(c.worker.as_deref()),
        },
        Column {
            title: "WHAT FAILED",
            width: Width::Rest { min: 16 },
            right: false,
            optional: 0,
            cell: |c, _| {
                let cause = c.cause().map(short_cause);
                cause.map_or_else(|| Cell::new("-", Tone::Muted), |cause| Cell::new(cause, Tone::Bad))
            },
            key: |c| SortKey::text(c.cause()),
        },
    ];

    fn id(&self) -> String {
        // Two Connects may each have a connector of that name.
        format!("{}/{}/{}", self.cluster.namespace, self.cluster.name, self.name)
    }

    fn urgency(&self) -> i64 {
        rank(self)
    }
}

/// How bad it is: the worst first.
fn rank(connector: &ConnectorRow) -> i64 {
    match connector.state.as_deref() {
        Some("FAILED") => 0,
        _ if connector.failed_tasks > 0 => 1,
        None => 2,
        Some("RUNNING") if connector.tasks.is_empty() => 4,
        Some("PAUSED") => 5,
        Some("STOPPED") => 6,
        Some("RUNNING") => 7,
        // UNASSIGNED, RESTARTING, and what later versions may say.
        Some(_) => 3,
    }
}

fn state(connector: &ConnectorRow, _: DateTime<Utc>) -> Cell {
    let Some(state) = &connector.state else { return Cell::new("?", Tone::Unknown) };
    let failed = connector.failed_tasks;
    if failed > 0 && state != "FAILED" {
        let text = format!("▲ {failed}/{} tasks failed", connector.tasks.len());
        return Cell::new(text, if connector.stale { Tone::Unknown } else { Tone::Bad });
    }
    let tone = match state.as_str() {
        _ if connector.stale => Tone::Unknown,
        "RUNNING" => Tone::Good,
        "FAILED" => Tone::Bad,
        "PAUSED" | "STOPPED" => Tone::Muted,
        _ => Tone::Warn,
    };
    Cell::new(if tone == Tone::Bad { format!("▲ {state}") } else { state.clone() }, tone)
}

fn running(connector: &ConnectorRow) -> usize {
    connector.tasks.iter().filter(|task| task.state == "RUNNING").count()
}

/// Tasks that run, of all.
fn tasks(connector: &ConnectorRow, _: DateTime<Utc>) -> Cell {
    let (running, all) = (running(connector), connector.tasks.len());
    let rests = matches!(connector.state.as_deref(), Some("PAUSED" | "STOPPED"));
    let tone = match () {
        () if connector.stale || connector.state.is_none() => Tone::Unknown,
        () if rests => Tone::Muted,
        () if running < all || all == 0 => Tone::Warn,
        () => Tone::Plain,
    };
    Cell::new(format!("{running}/{all}"), tone)
}

fn running_key(connector: &ConnectorRow) -> SortKey {
    SortKey::number(Some(running(connector)))
}

fn lag(connector: &ConnectorRow, _: DateTime<Utc>) -> Cell {
    match (connector.lag, &connector.group) {
        (Some(lag), _) if connector.lag_incomplete => Cell::new(format!("≥{}", units::count(lag)), Tone::Unknown),
        (Some(lag), _) => Cell::plain(units::count(lag)),
        (None, Some(_)) => Cell::new("?", Tone::Unknown),
        (None, None) => Cell::new("-", Tone::Muted),
    }
}

fn worker(connector: &ConnectorRow, _: DateTime<Utc>) -> Cell {
    match connector.workers.as_slice() {
        [] => Cell::new("-", Tone::Muted),
        [one] => Cell::plain(one),
        [first, rest @ ..] => Cell::plain(format!("{first} +{}", rest.len())),
    }
}
