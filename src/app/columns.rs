//! The columns of every list: title, width, text, tone and sort key, in one table each.
//!
//! Panes and the command line's text tables are both made from these. Cells are made for the rows that
//! are visible; sorting compares keys, not texts.

mod alerts;
pub mod brokers;
mod configs;
mod connect;
mod findings;
mod groups;
mod storage;
mod timeline;
mod topics;
mod users;

use std::cmp::Ordering;

use chrono::{DateTime, Utc};

pub use self::groups::{group_tone, lag_words, verdict_tone};
use crate::domain::units;

/// What a cell means, for the theme to colour; never the only carrier of that meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tone {
    /// Nothing special.
    #[default]
    Plain,
    /// As it should be.
    Good,
    /// Worth a look.
    Warn,
    /// Wrong.
    Bad,
    /// Less important than the rest.
    Muted,
    /// Not known, or older than it should be.
    Unknown,
}

/// One cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    /// Its text, as it came: whoever draws it makes it printable.
    pub text: String,
    /// Its meaning.
    pub tone: Tone,
}

impl Cell {
    fn new(text: impl Into<String>, tone: Tone) -> Self {
        Self { text: text.into(), tone }
    }

    fn plain(text: impl Into<String>) -> Self {
        Self::new(text, Tone::Plain)
    }

    /// A figure that may not be known: `?` then.
    fn figure<T: ToString>(value: Option<T>) -> Self {
        value.map_or_else(|| Self::new("?", Tone::Unknown), |v| Self::plain(v.to_string()))
    }

    /// A count that should be 0.
    fn should_be_zero(value: Option<usize>, bad: Tone) -> Self {
        match value {
            Some(0) => Self::new("0", Tone::Muted),
            Some(n) => Self::new(n.to_string(), bad),
            None => Self::new("?", Tone::Unknown),
        }
    }
}

/// What a column is sorted by.
#[derive(Debug, Clone, PartialEq)]
pub enum SortKey {
    /// Unknown sorts last whichever way.
    Unknown,
    /// By number.
    Number(i64),
    /// By size in bytes.
    Bytes(i64),
    /// By percentage.
    Percent(i64),
    /// By age: the negative of a moment's milliseconds, for the youngest has the smallest age.
    Time(i64),
    /// By the place of a word among its like, as of severities.
    Rank(i64),
    /// By text.
    Text(String),
}

impl SortKey {
    /// From something that may not be known.
    fn number(value: Option<impl TryInto<i64>>) -> Self {
        value.and_then(|v| v.try_into().ok()).map_or(Self::Unknown, Self::Number)
    }

    fn bytes(value: Option<impl TryInto<i64>>) -> Self {
        value.and_then(|v| v.try_into().ok()).map_or(Self::Unknown, Self::Bytes)
    }

    fn percent(value: Option<u8>) -> Self {
        value.map_or(Self::Unknown, |v| Self::Percent(v.into()))
    }

    fn text(value: Option<&str>) -> Self {
        value.map_or(Self::Unknown, |v| Self::Text(v.to_lowercase()))
    }

    fn time(value: Option<DateTime<Utc>>) -> Self {
        value.map_or(Self::Unknown, |at| Self::Time(-at.timestamp_millis()))
    }

    fn value(&self) -> Option<i64> {
        match self {
            Self::Number(n) | Self::Bytes(n) | Self::Percent(n) | Self::Time(n) | Self::Rank(n) => Some(*n),
            Self::Unknown | Self::Text(_) => None,
        }
    }

    /// Compares two keys in ascending or descending order.
    pub fn compare(&self, other: &Self, descending: bool) -> Ordering {
        let order = match (self, other) {
            (Self::Unknown, Self::Unknown) => return Ordering::Equal,
            (Self::Unknown, _) => return Ordering::Greater,
            (_, Self::Unknown) => return Ordering::Less,
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (Self::Text(_), _) => Ordering::Greater,
            (_, Self::Text(_)) => Ordering::Less,
            // The values of one column are of one kind.
            (a, b) => a.value().cmp(&b.value()),
        };
        if descending { order.reverse() } else { order }
    }
}

/// How wide a column is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Width {
    /// As wide as its widest visible cell, within these bounds.
    Fit {
        /// At least.
        min: u16,
        /// At most.
        max: u16,
    },
    /// What is left, at least this; the telling part of a name is kept when it must be cut.
    Rest {
        /// At least.
        min: u16,
    },
}

/// One column of a list of `R`.
pub struct Column<R> {
    /// Title, in capitals.
    pub title: &'static str,
    /// Width.
    pub width: Width,
    /// Figures stand to the right.
    pub right: bool,
    /// From which importance on it is left out when the terminal is narrow: 0 is never, 9 first.
    pub optional: u8,
    /// Its cell for a row, at a moment.
    pub cell: fn(&R, DateTime<Utc>) -> Cell,
    /// Its sort key for a row.
    pub key: fn(&R) -> SortKey,
}

/// A row of a list: what selection holds on to.
pub trait Row: Sized + 'static {
    /// Its columns.
    const COLUMNS: &'static [Column<Self>];
    /// What tells it from others while rows come, go and move.
    fn id(&self) -> String;
    /// How rows are ordered before the user chose a column: the worst first, else as they stand.
    fn urgency(&self) -> i64 {
        0
    }
}

const fn fit(min: u16, max: u16) -> Width {
    Width::Fit { min, max }
}

fn age_cell(then: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Cell {
    then.map_or_else(|| Cell::new("?", Tone::Unknown), |then| Cell::plain(units::age(now, then)))
}

fn percent_cell(percent: Option<u8>, stale: bool) -> Cell {
    let Some(percent) = percent else { return Cell::new("?", Tone::Unknown) };
    let tone = match percent {
        _ if stale => Tone::Unknown,
        95.. => Tone::Bad,
        85.. => Tone::Warn,
        _ => Tone::Plain,
    };
    Cell::new(format!("{percent}%"), tone)
}
