//! Figures in words: sizes, counts and ages, the same on every screen and in every message.

use std::{fmt::Write, time::Duration};

use chrono::{DateTime, Utc};

/// Bytes in binary units: `0 B`, `512 MiB`, `9.1 GiB`.
pub fn bytes(n: u64) -> String {
    const UNITS: [&str; 6] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut value = n as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 || value >= 100.0 || (value - value.round()).abs() < 0.05 {
        format!("{value:.0} {}", UNITS[unit])
    } else {
        format!("{value:.1} {}", UNITS[unit])
    }
}

/// A count of records or partitions: `999`, `12.4k`, `3.1M`.
pub fn count(n: i64) -> String {
    let scaled = |divisor: f64, suffix: &str| format!("{:.1}{suffix}", n as f64 / divisor);
    match n.unsigned_abs() {
        0..=9_999 => n.to_string(),
        10_000..=999_949 => scaled(1e3, "k"),
        999_950..=999_949_999 => scaled(1e6, "M"),
        _ => scaled(1e9, "G"),
    }
}

/// So many of something: `1 partition`, `3 partitions`.
pub fn counted(count: usize, one: &str) -> String {
    format!("{count} {one}{}", if count == 1 { "" } else { "s" })
}

/// So many a second: `0`, `0.4`, `31`, `1250`, `12.4k`.
pub fn rate(a_second: f64) -> String {
    match a_second.abs() {
        r if r < 0.05 => "0".to_owned(),
        r if r < 9.95 => format!("{a_second:.1}"),
        _ => count(a_second.round() as i64),
    }
}

/// Values over time as bars of eight heights, each against the largest; a blank where none is known.
pub fn sparkline(values: &[Option<i64>]) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let most = values.iter().flatten().copied().max().unwrap_or(0).max(1);
    let bar = |value: i64| {
        let height = value.max(0) as f64 / most as f64 * 7.0;
        BARS.get(height.ceil() as usize).copied().unwrap_or('█')
    };
    values.iter().map(|value| value.map_or(' ', bar)).collect()
}

/// A length of time: `42s`, `3m12s`, `50m`, `2h`, `5d`: two units while it is short enough to matter.
pub fn duration(seconds: i64) -> String {
    let s = seconds.max(0);
    match s {
        0..=59 => format!("{s}s"),
        60..=599 => format!("{}m{:02}s", s / 60, s % 60),
        600..=5_999 => format!("{}m", s / 60),
        6_000..=172_799 => format!("{}h", s / 3600),
        _ => format!("{}d", s / 86_400),
    }
}

/// How long ago `then` was, seen from `now`, in one unit: `42s`, `3m`, `2h`, `5d`; the future is `0s`.
pub fn age(now: DateTime<Utc>, then: DateTime<Utc>) -> String {
    match (now - then).num_seconds().max(0) {
        s @ 60..=5_999 => format!("{}m", s / 60),
        s => duration(s),
    }
}

/// The same in steps of ten seconds: for what would otherwise change on the screen every second.
pub fn coarse_age(now: DateTime<Utc>, then: DateTime<Utc>) -> String {
    match (now - then).num_seconds() {
        s @ 10..=59 => format!("{}0s", s / 10),
        _ => age(now, then),
    }
}

/// Whole percent of `part` in `whole`, rounded up once anything is used, and 100 only when full.
///
/// `None` when `whole` is 0.
pub fn percent(part: u64, whole: u64) -> Option<u8> {
    if whole == 0 {
        return None;
    }
    let exact = part as f64 / whole as f64 * 100.0;
    Some(if exact >= 100.0 { 100 } else { exact.round().min(99.0) as u8 })
}

/// Reads a length of time as people write it: `500ms`, `10s`, `2m`, `1h30m`.
pub fn read_duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("a duration is written 500ms, 10s, 2m or 1h30m, not {text:?}");
    let mut total = Duration::ZERO;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let (number, after) = rest.split_at(digits);
        let unit = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at(unit);
        let number: u64 = number.parse().map_err(|_| wrong())?;
        let millis = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(wrong()),
        };
        // A year is longer than anybody waits, and short enough for every clock.
        let millis = number.checked_mul(millis).filter(|m| *m <= 366 * 86_400_000).ok_or_else(wrong)?;
        total += Duration::from_millis(millis);
        rest = after;
    }
    if text.is_empty() { Err(wrong()) } else { Ok(total) }
}

/// Writes a length of time so that it can be read back: `500ms`, `10s`, `1h30m`.
pub fn duration_as_typed(length: Duration) -> String {
    let mut rest = length.as_millis();
    let mut typed = String::new();
    for (unit, millis) in [("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)] {
        if rest >= millis {
            // Writing to a String cannot fail.
            let _ = write!(typed, "{}{unit}", rest / millis);
            rest %= millis;
        }
    }
    if typed.is_empty() { "0s".to_owned() } else { typed }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_as_kubernetes_writes_them() {
        assert_eq!(bytes(0), "0 B");
        assert_eq!(bytes(512 << 20), "512 MiB");
        assert_eq!(bytes((9.1 * f64::from(1 << 30)) as u64), "9.1 GiB");
        assert_eq!(bytes(u64::MAX), "16384 PiB");
    }

    #[test]
    fn counts_stay_exact_until_they_are_long() {
        assert_eq!(count(9_999), "9999");
        assert_eq!(count(12_400), "12.4k");
        assert_eq!(count(999_999), "1.0M");
        assert_eq!(count(-12_400), "-12.4k");
    }

    #[test]
    fn rates_are_as_exact_as_they_are_small() {
        assert_eq!([0.0, 0.04, 0.42, 9.9, 31.2, 12_400.0].map(rate), ["0", "0", "0.4", "9.9", "31", "12.4k"]);
        assert_eq!(rate(-3.16), "-3.2");
    }

    #[test]
    fn bars_grow_with_their_values_and_what_is_not_known_is_no_zero() {
        assert_eq!(sparkline(&[None, Some(0), Some(1), Some(50), Some(100)]), " ▁▂▅█");
        assert_eq!(sparkline(&[Some(0), Some(0)]), "▁▁");
        assert_eq!(sparkline(&[None]), " ");
    }

    #[test]
    fn ages_use_two_units_only_while_short() {
        assert_eq!(duration(42), "42s");
        assert_eq!(duration(192), "3m12s");
        assert_eq!(duration(3_000), "50m");
        assert_eq!(duration(7_200), "2h");
        assert_eq!(duration(432_000), "5d");
        assert_eq!(duration(-5), "0s");
    }

    #[test]
    fn lengths_of_time_are_read_back_as_they_are_written() {
        for typed in ["500ms", "10s", "2m", "1h30m", "0s"] {
            assert_eq!(read_duration(typed).map(duration_as_typed), Ok(typed.to_owned()));
        }
    }

    #[test]
    fn coarse_ages_change_seldom() {
        let then = DateTime::UNIX_EPOCH;
        let after = |seconds| coarse_age(then + chrono::TimeDelta::seconds(seconds), then);
        assert_eq!([after(4), after(42), after(192), after(7_200)], ["4s", "40s", "3m", "2h"]);
    }

    #[test]
    fn a_disk_is_full_only_when_it_is() {
        assert_eq!(percent(999, 1000), Some(99));
        assert_eq!(percent(1000, 1000), Some(100));
        assert_eq!(percent(1, 0), None);
    }
}
