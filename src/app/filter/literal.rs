//! Values as they are typed in a comparison: `1000`, `12k`, `512Mi`, `71%`, `3m12s`.
//!
//! It decides what may be compared with what. Called by `filter` alone.

use std::cmp::Ordering;

use chrono::{DateTime, Utc};

use crate::app::columns::SortKey;

/// A value that was typed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Literal {
    /// A bare number, or one with a decimal factor.
    Number(f64),
    /// A number with a binary factor or in bytes.
    Bytes(f64),
    /// A percentage.
    Percent(f64),
    /// A length of time in seconds.
    Seconds(f64),
}

/// Factors of counts and of sizes, as Kubernetes writes them.
const DECIMAL: [(&str, f64); 6] = [("k", 1e3), ("K", 1e3), ("M", 1e6), ("G", 1e9), ("T", 1e12), ("P", 1e15)];
/// Factors of sizes only.
const BINARY: [(&str, f64); 6] = [
    ("Ki", 1024.0),
    ("ki", 1024.0),
    ("Mi", 1_048_576.0),
    ("Gi", 1_073_741_824.0),
    ("Ti", 1_099_511_627_776.0),
    ("Pi", 1_125_899_906_842_624.0),
];
/// Units of time.
const TIME: [(&str, f64); 6] =
    [("ms", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3_600.0), ("d", 86_400.0), ("w", 604_800.0)];

impl Literal {
    /// Reads a value; none for what is not one.
    pub fn parse(text: &str) -> Option<Self> {
        let (number, unit) = leading(text)?;
        if let Some((_, factor)) = DECIMAL.iter().find(|(name, _)| *name == unit) {
            return Some(Self::Number(number * factor));
        }
        match unit {
            "" => return Some(Self::Number(number)),
            "%" => return Some(Self::Percent(number)),
            _ => {}
        }
        let size = unit.strip_suffix('B').unwrap_or(unit);
        if let Some((_, factor)) = BINARY.iter().find(|(name, _)| *name == size) {
            return Some(Self::Bytes(number * factor));
        }
        if size.len() < unit.len() {
            let factor =
                if size.is_empty() { Some(1.0) } else { DECIMAL.iter().find(|(n, _)| *n == size).map(|f| f.1) };
            return factor.map(|factor| Self::Bytes(number * factor));
        }
        time(text).map(Self::Seconds)
    }

    /// Why it cannot be compared with what a column holds; none when it can.
    pub fn refuses(&self, key: &SortKey) -> Option<&'static str> {
        match (key, self) {
            (SortKey::Unknown, _)
            | (SortKey::Number(_) | SortKey::Bytes(_) | SortKey::Percent(_), Self::Number(_))
            | (SortKey::Bytes(_), Self::Bytes(_))
            | (SortKey::Percent(_), Self::Percent(_))
            | (SortKey::Time(_), Self::Seconds(_)) => None,
            (SortKey::Number(_), _) => Some("is a count: 1000, 12k, 3M"),
            (SortKey::Bytes(_), _) => Some("is a size: 512Mi, 1.5G"),
            (SortKey::Percent(_), _) => Some("is a percentage: 85%"),
            (SortKey::Time(_), _) => Some("needs a unit of time: 42s, 3m, 2h, 1d"),
            (SortKey::Text(_) | SortKey::Rank(_), _) => Some("has no number: use : and a pattern"),
        }
    }

    /// How a column's value stands to this one; none when it is not known or of another kind.
    pub fn order(&self, key: &SortKey, now: DateTime<Utc>) -> Option<Ordering> {
        if *key == SortKey::Unknown || self.refuses(key).is_some() {
            return None;
        }
        let (Self::Number(wanted) | Self::Bytes(wanted) | Self::Percent(wanted) | Self::Seconds(wanted)) = *self;
        let value = match key {
            SortKey::Number(n) | SortKey::Bytes(n) | SortKey::Percent(n) => *n as f64,
            // Kept as the negative of its milliseconds, so that the youngest sorts first.
            SortKey::Time(at) => now.timestamp_millis().saturating_add(*at).max(0) as f64 / 1e3,
            SortKey::Unknown | SortKey::Text(_) | SortKey::Rank(_) => return None,
        };
        value.partial_cmp(&wanted)
    }
}

/// A number and what stands behind it.
fn leading(text: &str) -> Option<(f64, &str)> {
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '-' || c == '_')).unwrap_or(text.len());
    let number: f64 = text[..end].replace('_', "").parse().ok()?;
    number.is_finite().then_some((number, text[end..].trim_start()))
}

/// One or more numbers with units of time, as `3m12s`.
fn time(text: &str) -> Option<f64> {
    let (mut rest, mut sum) = (text, 0.0);
    while !rest.is_empty() {
        let (number, behind) = leading(rest)?;
        let end = behind.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(behind.len());
        let (_, seconds) = TIME.iter().find(|(name, _)| *name == &behind[..end])?;
        sum += number * seconds;
        rest = &behind[end..];
    }
    Some(sum)
}
