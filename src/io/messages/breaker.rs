//! When a broker may be dialled again: librdkafka would try ten times a second, each time through the API server.
//!
//! Values and arithmetic over one clock; `hooks` asks it, `dialer` tells it.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// Pause after the first failure, and the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Pause after a login was refused: many of them lock users out.
const REFUSED_PAUSE: Duration = Duration::from_secs(60);

/// Addresses that are remembered; brokers are fewer, and a hostile Metadata must not fill memory.
const MOST: usize = 4_096;

/// Which brokers may be dialled.
#[derive(Debug, Default)]
pub struct Breaker(Mutex<HashMap<String, Closed>>);

#[derive(Debug, Clone, Copy)]
struct Closed {
    until: Instant,
    pause: Duration,
}

impl Breaker {
    fn closed(&self) -> MutexGuard<'_, HashMap<String, Closed>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// True when it may be dialled now.
    pub fn lets(&self, endpoint: &str) -> bool {
        self.closed().get(endpoint).is_none_or(|closed| closed.until <= Instant::now())
    }

    /// A dial failed; `refused` is a login that another attempt would not make better.
    pub fn failed(&self, endpoint: &str, refused: bool) {
        let mut all = self.closed();
        let before = all.get(endpoint).map_or(FIRST_PAUSE / 2, |closed| closed.pause);
        let pause = if refused { REFUSED_PAUSE } else { (before * 2).min(LONGEST_PAUSE) };
        if all.len() < MOST || all.contains_key(endpoint) {
            all.insert(endpoint.to_owned(), Closed { until: Instant::now() + pause, pause });
        }
    }

    /// A dial led to a broker.
    pub fn reached(&self, endpoint: &str) {
        self.closed().remove(endpoint);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn each_failure_doubles_the_pause_and_success_ends_it() {
        let breaker = Breaker::default();
        assert!(breaker.lets("a:1"));
        breaker.failed("a:1", false);
        assert!(!breaker.lets("a:1"));
        assert!(breaker.lets("b:1"), "another broker's failure is its own");
        tokio::time::advance(FIRST_PAUSE).await;
        assert!(breaker.lets("a:1"));
        breaker.failed("a:1", false);
        tokio::time::advance(FIRST_PAUSE).await;
        assert!(!breaker.lets("a:1"), "the second pause is longer");
        breaker.reached("a:1");
        assert!(breaker.lets("a:1"));
        (0..20).for_each(|_| breaker.failed("a:1", false));
        tokio::time::advance(LONGEST_PAUSE).await;
        assert!(breaker.lets("a:1"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_login_is_not_tried_again_for_a_minute() {
        let breaker = Breaker::default();
        breaker.failed("a:1", true);
        tokio::time::advance(REFUSED_PAUSE.checked_sub(Duration::from_secs(1)).unwrap()).await;
        assert!(!breaker.lets("a:1"));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(breaker.lets("a:1"));
    }
}
