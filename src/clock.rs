//! The only now().
//!
//! Everything that needs the time is handed it: the App in its ticks, facts when they are received.
//! Only `io` and `cmd` hold a `Clock`.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

/// A source of the time: the machine's, or one that tests drive.
#[derive(Debug, Clone, Default)]
pub struct Clock {
    driven: Option<Arc<Mutex<DateTime<Utc>>>>,
}

impl Clock {
    /// The machine's clock.
    pub fn real() -> Self {
        Self::default()
    }

    /// A clock that stands at `start` until it is advanced.
    pub fn driven(start: DateTime<Utc>) -> Self {
        Self { driven: Some(Arc::new(Mutex::new(start))) }
    }

    /// The time now.
    #[expect(clippy::disallowed_methods, reason = "the one home of now()")]
    pub fn now(&self) -> DateTime<Utc> {
        match &self.driven {
            None => Utc::now(),
            Some(at) => *at.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }

    /// Moves a driven clock on; does nothing to the machine's.
    pub fn advance(&self, by: TimeDelta) {
        if let Some(at) = &self.driven {
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
}
