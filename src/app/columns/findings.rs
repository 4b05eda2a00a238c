//! Columns of findings.

use chrono::{DateTime, Utc};

use super::{Cell, Column, Row, SortKey, Tone, Width, age_cell, fit};
use crate::domain::finding::{Finding, Severity};

impl Row for Finding {
    const COLUMNS: &'static [Column<Self>] = &[
        Column {
            title: "SEVERITY",
            width: fit(8, 10),
            right: false,
            optional: 0,
            cell: severity,
            key: |f| SortKey::Rank(f.severity as i64),
        },
        Column {
            title: "FINDING",
            width: Width::Rest { min: 24 },
            right: false,
            optional: 0,
            cell: |f, _| Cell::plain(&f.title),
            key: |f| SortKey::Text(f.title.clone()),
        },
        Column {
            title: "ID",
            width: fit(8, 24),
            right: false,
            optional: 4,
            cell: |f, _| Cell::new(f.id, Tone::Muted),
            key: |f| SortKey::Text(f.id.to_owned()),
        },
        Column {
            title: "SINCE",
            width: fit(5, 6),
            right: true,
            optional: 1,
            cell: |f, now| age_cell(f.since, now),
            key: |f| SortKey::time(f.since),
        },
    ];

    fn id(&self) -> String {
        format!("{} {}", self.id, self.object.name)
    }

    fn urgency(&self) -> i64 {
        self.severity as i64
    }
}

fn severity(finding: &Finding, _: DateTime<Utc>) -> Cell {
    match finding.severity {
        Severity::Critical => Cell::new("▲ critical", Tone::Bad),
        Severity::Warning => Cell::new("▲ warning", Tone::Warn),
        Severity::Info => Cell::new("● info", Tone::Muted),
    }
}
