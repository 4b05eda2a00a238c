//! Columns of the timeline.

use super::{Cell, Column, Row, SortKey, Tone, Width, age_cell, fit};
use crate::domain::timeline::Entry;

impl Row for Entry {
    const COLUMNS: &'static [Column<Self>] = &[
        Column {
            title: "WHEN",
            width: fit(4, 6),
            right: true,
            optional: 0,
            cell: |e, now| age_cell(Some(e.at), now),
            key: |e| SortKey::time(Some(e.at)),
        },
        Column {
            title: "KIND",
            width: fit(4, 8),
            right: false,
            optional: 0,
            cell: |e, _| Cell::new(e.kind.word(), if e.warns { Tone::Warn } else { Tone::Muted }),
            key: |e| SortKey::Text(e.kind.word().to_owned()),
        },
        Column {
            title: "OBJECT",
            width: fit(6, 30),
            right: false,
            optional: 0,
            cell: |e, _| Cell::plain(e.about()),
            key: |e| SortKey::Text(e.about()),
        },
        Column {
            title: "WHAT",
            width: Width::Rest { min: 24 },
            right: false,
            optional: 0,
            cell: |e, _| Cell::plain(format!("{}{}", if e.warns { "▲ " } else { "" }, beyond_object(e))),
            key: |e| SortKey::Text(e.text.to_lowercase()),
        },
        Column {
            title: "SOURCE",
            width: fit(6, 24),
            right: false,
            optional: 3,
            cell: |e, _| Cell::new(&*e.source, Tone::Muted),
            key: |e| SortKey::Text(e.source.clone()),
        },
    ];

    fn id(&self) -> String {
        self.id.clone()
    }
}

/// What a line says beyond whom it is about, which stands in a column of its own.
fn beyond_object(entry: &Entry) -> &str {
    let rest = entry.text.strip_prefix(&entry.about()).unwrap_or(&entry.text);
    let is_whole = rest.starts_with([' ', ':']);
    if is_whole { rest.trim_start_matches([' ', ':']) } else { &entry.text }
}
