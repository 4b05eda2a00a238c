//! Columns of claims.

use chrono::{DateTime, Utc};

use super::{Cell, Column, Row, SortKey, Tone, Width, age_cell, fit, percent_cell};
use crate::{domain::units, world::storage::ClaimRow};

/// Log directories are asked every 15 s, and an answer takes its time.
const ASKED_EVERY_S: i64 = 20;

impl Row for ClaimRow {
    const COLUMNS: &'static [Column<Self>] = &[
        Column {
            title: "PVC",
            width: Width::Rest { min: 12 },
            right: false,
            optional: 0,
            cell: |c, _| Cell::plain(&c.pvc),
            key: |c| SortKey::Text(c.pvc.clone()),
        },
        Column {
            title: "PHASE",
            width: fit(5, 8),
            right: false,
            optional: 0,
            cell: |c, _| {
                Cell::new(
                    &c.phase,
                    if c.phase == "Bound" {
                        Tone::Good
                    } else if c.phase == "?" {
                        Tone::Unknown
                    } else {
                        Tone::Bad
                    },
                )
            },
            key: |c| SortKey::Text(c.phase.clone()),
        },
        Column {
            title: "BROKER",
            width: fit(6, 6),
            right: true,
            optional: 2,
            cell: |c, _| Cell::figure(c.broker),
            key: |c| SortKey::number(c.broker.map(|b| b.0)),
        },
        Column {
            title: "SIZE",
            width: fit(7, 9),
            right: true,
            optional: 1,
            cell: |c, _| Cell::figure(c.requested_bytes.map(units::bytes)),
            key: |c| SortKey::bytes(c.requested_bytes),
        },
        Column {
            title: "USED",
            width: fit(7, 9),
            right: true,
            optional: 1,
            cell: |c, _| {
                Cell::new(
                    c.used_bytes.map_or_else(|| "?".to_owned(), units::bytes),
                    if c.used_bytes.is_none() || c.used_stale { Tone::Unknown } else { Tone::Plain },
                )
            },
            key: |c| SortKey::bytes(c.used_bytes),
        },
        Column {
            title: "%",
            width: fit(4, 4),
            right: true,
            optional: 0,
            cell: |c, _| percent_cell(c.used_percent, c.used_stale),
            key: |c| SortKey::percent(c.used_percent),
        },
        Column {
            title: "GROWTH",
            width: fit(6, 11),
            right: true,
            optional: 4,
            cell: growth,
            key: |c| SortKey::bytes(c.growth_bytes_per_hour),
        },
        Column {
            title: "FULL IN",
            width: fit(7, 7),
            right: true,
            optional: 2,
            cell: full_in,
            key: |c| SortKey::number(c.full_in_s),
        },
        Column {
            title: "SOURCE",
            width: fit(7, 22),
            right: false,
            optional: 1,
            cell: claim_source,
            key: |c| SortKey::text(c.used_source.map(crate::domain::storage::UsedSource::label)),
        },
        Column {
            title: "CLASS",
            width: fit(5, 16),
            right: false,
            optional: 5,
            cell: |c, _| Cell::figure(c.class.as_ref()),
            key: |c| SortKey::text(c.class.as_deref()),
        },
        Column {
            title: "EXPANDS",
            width: fit(7, 7),
            right: false,
            optional: 7,
            cell: |c, _| match c.expandable {
                Some(true) => Cell::new("yes", Tone::Plain),
                Some(false) => Cell::new("no", Tone::Muted),
                None => Cell::new("?", Tone::Unknown),
            },
            key: |c| SortKey::text(c.expandable.map(|yes| if yes { "yes" } else { "no" })),
        },
        Column {
            title: "POD",
            width: fit(4, 40),
            right: false,
            optional: 8,
            cell: |c, _| Cell::figure(c.pod.as_ref()),
            key: |c| SortKey::text(c.pod.as_deref()),
        },
        Column {
            title: "AGE",
            width: fit(3, 6),
            right: true,
            optional: 6,
            cell: |c, now| age_cell(c.created_at, now),
            key: |c| SortKey::time(c.created_at),
        },
    ];

    fn id(&self) -> String {
        self.pvc.clone()
    }

    fn urgency(&self) -> i64 {
        if self.phase == "Bound" { 101 - i64::from(self.used_percent.unwrap_or_default()) } else { 0 }
    }
}

/// Who says how full it is; when, once that is longer ago than it is asked.
fn claim_source(claim: &ClaimRow, now: DateTime<Utc>) -> Cell {
    let Some(source) = claim.used_source else { return Cell::new("unknown", Tone::Unknown) };
    let told = claim.used_as_of.filter(|at| claim.used_stale || (now - at).num_seconds() > ASKED_EVERY_S);
    let age = told.map(|at| format!(", {} ago", units::age(now, at))).unwrap_or_default();
    Cell::new(format!("{}{age}", source.label()), if claim.used_stale { Tone::Unknown } else { Tone::Muted })
}

/// Bytes an hour; what does not grow has nothing to say.
fn growth(claim: &ClaimRow, _: DateTime<Utc>) -> Cell {
    let Some(growth) = claim.growth_bytes_per_hour else { return Cell::new("?", Tone::Unknown) };
    let sign = if growth < 0 { "-" } else { "" };
    let tone = match growth {
        _ if claim.used_stale => Tone::Unknown,
        0 => Tone::Muted,
        _ => Tone::Plain,
    };
    Cell::new(format!("{sign}{}/h", units::bytes(growth.unsigned_abs())), tone)
}

/// When it is full: within an hour is wrong, within a day is worth a look.
fn full_in(claim: &ClaimRow, _: DateTime<Utc>) -> Cell {
    let Some(seconds) = claim.full_in_s else {
        let Some(growth) = claim.growth_bytes_per_hour else { return Cell::new("?", Tone::Unknown) };
        let text = if growth > 0 { "> 1y" } else { "-" };
        return Cell::new(text, if claim.used_stale { Tone::Unknown } else { Tone::Muted });
    };
    let tone = match seconds {
        _ if claim.used_stale => Tone::Unknown,
        ..3_600 => Tone::Bad,
        3_600..86_400 => Tone::Warn,
        _ => Tone::Plain,
    };
    Cell::new(if seconds == 0 { "now".to_owned() } else { units::duration(seconds) }, tone)
}
