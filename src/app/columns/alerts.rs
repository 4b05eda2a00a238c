//! Columns of alert rules.

use super::{Cell, Column, Row, SortKey, Tone, Width, fit};
use crate::world::alerts::AlertRow;

impl Row for AlertRow {
    const COLUMNS: &'static [Column<Self>] = &[
        Column {
            title: "ALERT",
            width: fit(12, 44),
            right: false,
            optional: 0,
            cell: |a, _| Cell::plain(&a.name),
            key: |a| SortKey::Text(a.name.clone()),
        },
        Column {
            title: "STATE",
            width: fit(13, 15),
            right: false,
            optional: 0,
            cell: |a, _| Cell::new(format!("◌ {}", a.state), Tone::Unknown),
            key: |a| SortKey::Text(a.state.to_owned()),
        },
        Column {
            title: "SEVERITY",
            width: fit(8, 10),
            right: false,
            optional: 2,
            cell: |a, _| Cell::new(a.severity.as_deref().unwrap_or("-"), Tone::Muted),
            key: |a| SortKey::text(a.severity.as_deref()),
        },
        Column {
            title: "FOR",
            width: fit(3, 6),
            right: true,
            optional: 3,
            cell: |a, _| Cell::new(a.hold.as_deref().unwrap_or("-"), Tone::Muted),
            key: |a| SortKey::text(a.hold.as_deref()),
        },
        Column {
            title: "RULE",
            width: fit(8, 40),
            right: false,
            optional: 4,
            cell: |a, _| Cell::new(format!("{}/{}", a.namespace, a.object), Tone::Muted),
            key: |a| SortKey::Text(format!("{}/{}", a.namespace, a.object)),
        },
        Column {
            title: "EXPRESSION",
            width: Width::Rest { min: 16 },
            right: false,
            optional: 5,
            cell: |a, _| Cell::new(a.expression.split_whitespace().collect::<Vec<_>>().join(" "), Tone::Muted),
            key: |a| SortKey::Text(a.expression.clone()),
        },
    ];

    fn id(&self) -> String {
        format!("{}/{}/{}", self.namespace, self.object, self.name)
    }
}
