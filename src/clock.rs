//! The only now().
//!
//! Everything that needs the time is handed it: the App in its ticks, facts when they are received.
//! Only `io` and `cmd` hold a `Clock`.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::Instant;

/// A source of the time: the machine's, or one that tests drive.
#[derive(Debug, Clone, Default)]
pub struct Clock {
    way: Way,
}

/// Where the time comes from.
#[derive(Debug, Clone, Default)]
enum Way {
    #[default]
    Machine,
    Driven(Arc<Mutex<DateTime<Utc>>>),
    Timers {
        start: DateTime<Utc>,
        origin: Instant,
    },
}

impl Clock {
    /// The machine's clock.
    pub fn real() -> Self {
        Self::default()
    }

    /// A clock that stands at `start` until it is advanced.
    pub fn driven(start: DateTime<Utc>) -> Self {
        Self { way: Way::Driven(Arc::new(Mutex::new(start))) }
    }

    /// A clock that stands at `start` now and goes on as the runtime's timers do: where those are paused, it leaps
    /// with them.
    pub fn with_timers(start: DateTime<Utc>) -> Self {
        Self { way: Way::Timers { start, origin: Instant::now() } }
    }

    /// The time now.
    #[expect(clippy::disallowed_methods, reason = "the one home of now()")]
    pub fn now(&self) -> DateTime<Utc> {
        match &self.way {
            Way::Machine => Utc::now(),
            Way::Driven(at) => *at.lock().unwrap_or_else(PoisonError::into_inner),
            Way::Timers { start, origin } => *start + TimeDelta::from_std(origin.elapsed()).unwrap_or(TimeDelta::MAX),
        }
    }

    /// Moves a driven clock on; does nothing to the others.
    pub fn advance(&self, by: TimeDelta) {
        if let Way::Driven(at) = &self.way {
            *at.lock().unwrap_or_else(PoisonError::into_inner) += by;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_driven_clock_moves_only_when_advanced() {
        let clock = Clock::driven(DateTime::UNIX_EPOCH);
        assert_eq!(clock.now(), DateTime::UNIX_EPOCH);
        clock.advance(TimeDelta::seconds(5));
        assert_eq!(clock.now().timestamp(), 5);
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_with_timers_leaps_where_they_do() {
        let clock = Clock::with_timers(DateTime::UNIX_EPOCH);
        tokio::time::sleep(std::time::Duration::from_secs(90)).await;
        assert_eq!(clock.now().timestamp(), 90);
    }
}
