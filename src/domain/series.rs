//! A figure over time, in bounded memory: what is recent is kept as it came, what is older ever more sparsely.
//!
//! It draws no conclusions about what it holds; `world::history` keeps series of offsets, lag and bytes.

use chrono::{DateTime, TimeDelta, Utc};

/// Shorter than this two samples make no rate: the moments at which they were taken are not exact.
const SHORTEST: TimeDelta = TimeDelta::seconds(3);

/// A figure over time, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Series {
    /// Milliseconds since the epoch, and the figure then.
    samples: Vec<(i64, i64)>,
}

/// When a figure that only grows had a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reached {
    /// At about this moment, between two samples.
    At(DateTime<Utc>),
    /// Before the first sample, which is from this moment.
    Before(DateTime<Utc>),
    /// Not until the last sample.
    NotYet,
}

fn moment(milliseconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(milliseconds).unwrap_or_default()
}

impl Series {
    /// Adds a sample and keeps at most `limit` of them (at least four); one that is not younger than the last is ignored.
    pub fn push(&mut self, at: DateTime<Utc>, value: i64, limit: usize) {
        let at = at.timestamp_millis();
        if self.samples.last().is_some_and(|(last, _)| at <= *last) {
            return;
        }
        if self.samples.len() >= limit.max(4) {
            self.thin();
        }
        if self.samples.len() == self.samples.capacity() {
            // By doubling, tens of thousands of them would take twice of what they hold.
            self.samples.reserve_exact(4);
        }
        self.samples.push((at, value));
    }

    /// Lets every second sample of the older half go; the oldest stays.
    fn thin(&mut self) {
        let half = self.samples.len() / 2;
        let mut at = 0;
        self.samples.retain(|_| {
            at += 1;
            at > half || at % 2 == 1
        });
    }

    /// Bytes that its samples take.
    pub fn bytes(&self) -> usize {
        self.samples.capacity() * size_of::<(i64, i64)>()
    }

    /// Forgets everything, as when what it counts began anew.
    pub fn clear(&mut self) {
        self.samples.clear();
    }

    /// The oldest sample.
    pub fn first(&self) -> Option<(DateTime<Utc>, i64)> {
        self.samples.first().map(|(at, value)| (moment(*at), *value))
    }

    /// The newest sample.
    pub fn last(&self) -> Option<(DateTime<Utc>, i64)> {
        self.samples.last().map(|(at, value)| (moment(*at), *value))
    }

    /// How much it changes a second, over as much of the last `over` as is known; `None` before two samples are at least
    /// three seconds apart.
    pub fn rate(&self, over: TimeDelta) -> Option<f64> {
        let (last_at, last) = *self.samples.last()?;
        let from = last_at - over.num_milliseconds();
        // One sample from before the window, where there is no second one in it.
        let inside = self.samples.partition_point(|(at, _)| *at < from);
        let candidates = [self.samples.get(inside), self.samples.get(inside.wrapping_sub(1))];
        let (at, value) =
            candidates.into_iter().flatten().find(|(at, _)| last_at - at >= SHORTEST.num_milliseconds())?;
        Some((last - value) as f64 / ((last_at - at) as f64 / 1000.0))
    }

    /// When a figure that only grows had this value.
    pub fn reached(&self, value: i64) -> Option<Reached> {
        let (first_at, first) = *self.samples.first()?;
        if value < first {
            return Some(Reached::Before(moment(first_at)));
        }
        let next = self.samples.partition_point(|(_, known)| *known <= value);
        let Some((next_at, above)) = self.samples.get(next) else { return Some(Reached::NotYet) };
        let (at, below) = self.samples[next - 1];
        let share = (value - below) as f64 / (above - below) as f64;
        Some(Reached::At(moment(at + ((next_at - at) as f64 * share) as i64)))
    }

    /// The figure at so many moments that are evenly spread over `over` until `now`: each the last one known then, `None`
    /// before the first.
    pub fn spread(&self, count: usize, over: TimeDelta, now: DateTime<Utc>) -> Vec<Option<i64>> {
        let (now, over) = (now.timestamp_millis(), over.num_milliseconds());
        let steps = i64::try_from(count).unwrap_or(1).max(1);
        let at_step = |step: i64| {
            let at = now - over + over * (step + 1) / steps;
            let next = self.samples.partition_point(|(known, _)| *known <= at);
            Some(self.samples.get(next.checked_sub(1)?)?.1)
        };
        (0..steps).map(at_step).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_000_000 + seconds, 0).unwrap()
    }

    fn series(samples: &[(i64, i64)]) -> Series {
        let mut series = Series::default();
        for (seconds, value) in samples {
            series.push(at(*seconds), *value, 24);
        }
        series
    }

    #[test]
    fn an_hour_of_samples_stays_small_and_reaches_back_to_the_first() {
        let mut long = Series::default();
        for second in (0..3600).step_by(5) {
            long.push(at(second), second * 10, 24);
        }
        assert!(long.samples.len() <= 24);
        assert_eq!(long.first(), Some((at(0), 0)));
        assert_eq!(long.last(), Some((at(3595), 35_950)));
        let rate = long.rate(TimeDelta::seconds(60)).unwrap();
        assert!((rate - 10.0).abs() < 0.01, "{rate}");
    }

    #[test]
    fn a_sample_from_before_the_last_one_is_ignored() {
        assert_eq!(series(&[(10, 5), (4, 99), (10, 98)]).last(), Some((at(10), 5)));
    }

    #[test]
    fn two_samples_within_three_seconds_make_no_rate() {
        assert_eq!(series(&[(0, 5), (2, 9)]).rate(TimeDelta::seconds(60)), None);
        assert_eq!(series(&[(0, 5)]).rate(TimeDelta::seconds(60)), None);
        assert_eq!(series(&[(0, 5), (4, 9)]).rate(TimeDelta::seconds(60)), Some(1.0));
        assert_eq!(series(&[(0, 5), (100, 105)]).rate(TimeDelta::seconds(60)), Some(1.0));
    }

    #[test]
    fn the_moment_of_a_value_lies_between_the_samples_around_it() {
        let grown = series(&[(0, 100), (10, 200), (20, 200), (30, 300)]);
        assert_eq!(grown.reached(99), Some(Reached::Before(at(0))));
        assert_eq!(grown.reached(150), Some(Reached::At(at(5))));
        assert_eq!(grown.reached(200), Some(Reached::At(at(20))));
        assert_eq!(grown.reached(300), Some(Reached::NotYet));
        assert_eq!(Series::default().reached(1), None);
    }

    #[test]
    fn a_spread_tells_what_was_known_at_each_moment() {
        let known = series(&[(5, 1), (15, 2)]);
        assert_eq!(known.spread(4, TimeDelta::seconds(20), at(20)), [Some(1), Some(1), Some(2), Some(2)]);
        assert_eq!(known.spread(2, TimeDelta::seconds(20), at(21)), [Some(1), Some(2)]);
        assert_eq!(known.spread(2, TimeDelta::seconds(40), at(20)), [None, Some(2)]);
    }
}
