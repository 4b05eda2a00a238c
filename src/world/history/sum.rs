//! What the partitions of a group come to: one look at each, and the worst and the whole of them.

use super::{
    Read, Used,
    log::{Expiry, Log, is_telling},
};
use crate::domain::{
    group::lag,
    lag::{LagTime, LagTimeSource},
};

/// A lag up to this may be the mark of a transaction, which is never read.
const MARK: i64 = 1;

/// A commit that has not moved for so long does not move, in milliseconds: a sink of Kafka Connect commits every minute.
const STILL: i64 = 90_000;

/// A group that has committed nothing of what there is is behind nothing.
const NOTHING: LagTime = LagTime { seconds: 0, at_least: false, source: LagTimeSource::History };

/// What the partitions of a group come to.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "what is known and what is not goes together as it likes")]
pub(super) struct Sum {
    pub(super) lag: i64,
    pub(super) known: bool,
    pub(super) incomplete: bool,
    pub(super) worst: Option<LagTime>,
    pub(super) time_incomplete: bool,
    pub(super) rate_in: Option<f64>,
    pub(super) rate_unknown: bool,
    pub(super) used: Option<u8>,
    pub(super) used_incomplete: bool,
    pub(super) used_unknown: bool,
    pub(super) rewound: bool,
    pub(super) stuck: usize,
    pub(super) moves: bool,
}

impl Sum {
    pub(super) fn add(&mut self, read: &Read, log: &Log, now: i64) {
        let Some(end) = log.end else {
            // A deleted topic has no end and no lag; a known topic's missing end is one that has not been told.
            self.incomplete |= log.known;
            self.time_incomplete |= log.known;
            return;
        };
        let unread = lag(read.offset, end);
        self.known = true;
        self.lag = self.lag.saturating_add(unread);
        self.rewound |= read.offset < read.peak && read.peak <= end;
        match log.rate {
            Some(rate) => *self.rate_in.get_or_insert(0.0) += rate,
            None => self.rate_unknown = true,
        }
        let time = log.lag_time(read.offset);
        match time {
            Some(time) => {
                self.time_incomplete |= time.at_least;
                if self.worst.is_none_or(|worst| worst.seconds < time.seconds) {
                    self.worst = Some(time);
                }
            }
            None => self.time_incomplete = true,
        }
        let still = now - read.since >= STILL;
        self.moves |= !still;
        if unread > MARK && still && time.is_some_and(|time| time.seconds >= STILL / 1000) {
            self.stuck += 1;
        }
        if unread > 0 && log.start.is_some_and(|start| read.offset < start) {
            // Some of it is gone already.
            self.used = Some(100);
        } else if unread > 0 {
            self.expire(log.expiry, time);
        }
    }

    pub(super) fn expire(&mut self, expiry: Expiry, time: Option<LagTime>) {
        match (expiry, time) {
            (Expiry::Never, _) => {}
            (Expiry::After { ms, by_size }, Some(time)) => {
                let percent = time.seconds.saturating_mul(100_000) / ms.max(1);
                let percent = u8::try_from(percent.min(100)).unwrap_or(100);
                self.used = Some(self.used.unwrap_or(0).max(percent));
                self.used_incomplete |= time.at_least || by_size;
            }
            _ => self.used_unknown = true,
        }
    }

    pub(super) fn lag_time(&self) -> Option<LagTime> {
        let nothing = (!self.time_incomplete).then_some(NOTHING);
        let worst = self.worst.map(|worst| LagTime { at_least: self.time_incomplete, ..worst });
        worst.or(nothing).filter(is_telling)
    }

    pub(super) fn retention(&self) -> Option<Used> {
        match self.used {
            Some(percent) => {
                Some(Used { percent, at_least: self.used_incomplete || self.used_unknown || self.incomplete })
            }
            // Nothing that can expire is unread.
            None => (!self.used_unknown && !self.incomplete).then_some(Used { percent: 0, at_least: false }),
        }
    }
}
