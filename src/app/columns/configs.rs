//! Columns of configs.

use super::{Cell, Column, Row, SortKey, Tone, Width, fit};
use crate::domain::config::{Config, ConfigSource};

impl Row for Config {
    const COLUMNS: &'static [Column<Self>] = &[
        Column {
            title: "CONFIG",
            width: Width::Rest { min: 32 },
            right: false,
            optional: 0,
            cell: |c, _| Cell::new(&c.entry.name, if is_set(c) { Tone::Plain } else { Tone::Muted }),
            key: |c| SortKey::Text(c.entry.name.clone()),
        },
        Column {
            title: "VALUE",
            width: Width::Rest { min: 14 },
            right: false,
            optional: 0,
            cell: |c, _| {
                let empty = c.entry.hidden || c.entry.value.as_ref().is_none_or(String::is_empty);
                Cell::new(c.entry.shown(), if empty { Tone::Muted } else { Tone::Plain })
            },
            key: |c| SortKey::text(c.entry.value.as_deref()),
        },
        Column {
            title: "SOURCE",
            width: fit(6, 22),
            right: false,
            optional: 0,
            cell: |c, _| Cell::new(c.entry.source.words(), if is_set(c) { Tone::Plain } else { Tone::Muted }),
            key: |c| SortKey::Text(c.entry.source.words().to_owned()),
        },
        Column {
            title: "DEFAULT",
            width: fit(7, 24),
            right: false,
            optional: 3,
            cell: |c, _| Cell::new(c.default_value().map_or("-", |d| d.shown()), Tone::Muted),
            key: |c| SortKey::text(c.default_value().and_then(|d| d.value.as_deref())),
        },
    ];

    fn id(&self) -> String {
        self.entry.name.clone()
    }

    /// What differs from its default first, then what is set at all.
    fn urgency(&self) -> i64 {
        match (self.differs(), is_set(self)) {
            (true, _) => 0,
            (false, true) => 1,
            (false, false) => 2,
        }
    }
}

fn is_set(config: &Config) -> bool {
    config.entry.source != ConfigSource::Default
}
