//! Who answers, since when, and who does not.
//!
//! A dead API server is told apart from silent brokers here: brokers are reached through the API server,
//! so their silence means something only while a heartbeat that was sent later came back.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::{
    broker::Contact,
    freshness::{FailureKind, Freshness, METRICS_LIVE_FOR, Source, SourceFailure, SourceState},
    ids::InstallationId,
};

/// A heartbeat older than this means that the API server does not answer, whatever else is known.
const LINK_PATIENCE: TimeDelta = TimeDelta::seconds(5);

/// A heartbeat that is sent because a broker fell silent may leave a moment before that silence is told.
const SAME_MOMENT: TimeDelta = TimeDelta::milliseconds(250);

/// What is listed now and then counts as live for this long: three rounds.
const POLLED_FOR: TimeDelta = TimeDelta::seconds(15);

/// All sources that have answered or failed.
#[derive(Debug, Default)]
pub struct Sources {
    statuses: BTreeMap<Source, Status>,
    link: Link,
}

#[derive(Debug, Default)]
struct Status {
    answered_at: Option<DateTime<Utc>>,
    failure: Option<SourceFailure>,
    /// Why it is listed now and then, and not watched.
    polled: Option<SourceFailure>,
}

/// The API server's heartbeat.
#[derive(Debug, Default)]
struct Link {
    /// When the last heartbeat came back.
    answered_at: Option<DateTime<Utc>>,
    /// When that heartbeat had been sent.
    sent_at: Option<DateTime<Utc>>,
    /// Since when heartbeats come back without a gap.
    live_since: Option<DateTime<Utc>>,
    failure: Option<SourceFailure>,
}

impl Sources {
    /// A source answered; true when it had been failing or silent before.
    pub fn answered(&mut self, source: Source, at: DateTime<Utc>) -> bool {
        let status = self.statuses.entry(source).or_default();
        let was_bad = status.failure.take().is_some() || status.answered_at.is_none();
        status.answered_at = Some(at);
        was_bad
    }

    /// A source that may not be watched was listed.
    pub fn polled(&mut self, source: Source, at: DateTime<Utc>, why: SourceFailure) {
        self.answered(source.clone(), at);
        self.statuses.entry(source).or_default().polled = Some(why);
    }

    /// A source is watched, so that nothing need be said about how.
    pub fn watched(&mut self, source: &Source) {
        if let Some(status) = self.statuses.get_mut(source) {
            status.polled = None;
        }
    }

    /// A source failed; true when that is news. What it said before stays known, with its age.
    pub fn failed(&mut self, source: Source, failure: SourceFailure) -> bool {
        let known = if source == Source::Link {
            self.link.live_since = None;
            &mut self.link.failure
        } else {
            &mut self.statuses.entry(source).or_default().failure
        };
        let is_news = known.as_ref() != Some(&failure);
        *known = Some(failure);
        is_news
    }

    /// A heartbeat came back; true when the link had been down.
    pub fn heartbeat(&mut self, sent_at: DateTime<Utc>, at: DateTime<Utc>) -> bool {
        let was_down = self.link.failure.take().is_some() || self.link.live_since.is_none();
        if was_down {
            self.link.live_since = Some(at);
        }
        self.link.answered_at = Some(at);
        self.link.sent_at = Some(sent_at);
        was_down
    }

    /// Forgets an installation's sources.
    pub fn forget(&mut self, installation: &InstallationId) {
        self.statuses.retain(|source, _| {
            !matches!(source, Source::Kafka { installation: of, .. } | Source::Connect { installation: of, .. }
                | Source::Metrics { installation: of, .. } if of == installation)
        });
    }

    /// The API server's state at `now`.
    pub fn link(&self, now: DateTime<Utc>) -> Freshness {
        let overdue = self.link.answered_at.is_some_and(|at| now - at > LINK_PATIENCE);
        let (state, why, hint) = match (&self.link.failure, self.link.answered_at) {
            (None, Some(_)) if !overdue => (SourceState::Live, None, None),
            (None, Some(_)) => (SourceState::Stale, Some("the API server does not answer".to_owned()), None),
            (None, None) => (SourceState::Blind, Some("connecting".to_owned()), None),
            (Some(f), Some(_)) => (SourceState::Stale, Some(f.what.clone()), f.hint.clone()),
            (Some(f), None) => (SourceState::Blind, Some(f.what.clone()), f.hint.clone()),
        };
        Freshness { state, as_of: self.link.answered_at, why, hint }
    }

    /// The failure of the link, if it fails.
    pub fn link_failure(&self) -> Option<&SourceFailure> {
        self.link.failure.as_ref()
    }

    /// A source's state at `now`. Everything is stale while the API server does not answer.
    pub fn freshness(&self, source: &Source, now: DateTime<Utc>) -> Freshness {
        let link = self.link(now);
        let Some(status) = self.statuses.get(source) else {
            let why = link.why.unwrap_or_else(|| "waiting for the first answer".to_owned());
            return Freshness { state: SourceState::Blind, as_of: None, why: Some(why), hint: link.hint };
        };
        let Some(answered_at) = status.answered_at else {
            let failure = status.failure.as_ref();
            return Freshness {
                state: SourceState::Blind,
                as_of: None,
                why: failure.map(|f| f.what.clone()),
                hint: failure.and_then(|f| f.hint.clone()),
            };
        };
        let stale = |why: String, hint: Option<String>| Freshness {
            state: SourceState::Stale,
            as_of: Some(answered_at),
            why: Some(why),
            hint,
        };
        if let Some(failure) = &status.failure {
            return stale(failure.what.clone(), failure.hint.clone());
        }
        if link.state != SourceState::Live {
            let as_of = if matches!(source, Source::Kafka { .. } | Source::Connect { .. } | Source::Metrics { .. }) {
                Some(answered_at)
            } else {
                link.as_of.max(Some(answered_at))
            };
            return Freshness { as_of, ..stale(link.why.unwrap_or_default(), link.hint) };
        }
        match source {
            Source::Kafka { what, .. } if (now - answered_at).to_std().is_ok_and(|age| age > what.live_for()) => {
                stale(format!("{source}: no answer"), None)
            }
            Source::Connect { what, .. } if (now - answered_at).to_std().is_ok_and(|age| age > what.live_for()) => {
                stale(format!("{source}: no answer"), None)
            }
            Source::Metrics { .. } if (now - answered_at).to_std().is_ok_and(|age| age > METRICS_LIVE_FOR) => {
                stale(format!("{source}: no answer"), None)
            }
            Source::Kafka { .. }
            | Source::Connect { .. }
            | Source::Metrics { .. }
            | Source::Volumes { .. }
            | Source::Rights { .. } => {
                Freshness { state: SourceState::Live, as_of: Some(answered_at), why: None, hint: None }
            }
            _ if status.polled.is_some() => polled(status, answered_at, now),
            // A watch is as fresh as the link that would have told of a change.
            _ => {
                Freshness { state: SourceState::Live, as_of: link.as_of.max(Some(answered_at)), why: None, hint: None }
            }
        }
    }

    /// The class of a source's failure, if it fails.
    pub fn failure_kind(&self, source: &Source) -> Option<FailureKind> {
        self.statuses.get(source)?.failure.as_ref().map(|f| f.kind)
    }

    /// True once the source has answered.
    pub fn has_answered(&self, source: &Source) -> bool {
        self.statuses.get(source).is_some_and(|s| s.answered_at.is_some())
    }

    /// True once the source has answered or failed.
    pub fn is_settled(&self, source: &Source) -> bool {
        self.statuses.get(source).is_some_and(|s| s.answered_at.is_some() || s.failure.is_some())
    }

    /// Whether a broker is known not to answer: its silence counts only when the API server was there all
    /// the while, and answered a heartbeat that was sent after the broker had been given up.
    pub fn is_confirmed(&self, contact: &Contact, seen_at: DateTime<Utc>, now: DateTime<Utc>) -> bool {
        let asked_at = match contact {
            Contact::Answered => return false,
            Contact::Silent { asked_at } => *asked_at,
            Contact::Refused { .. } | Contact::Garbled { .. } => seen_at,
        };
        self.link(now).state == SourceState::Live
            && self.link.live_since.is_some_and(|since| since < asked_at)
            && self.link.sent_at.is_some_and(|sent| sent + SAME_MOMENT > seen_at)
    }

    /// All sources that have answered or failed, with their states at `now`; the link first.
    pub fn all(&self, now: DateTime<Utc>) -> Vec<(Source, Freshness)> {
        let mut all = vec![(Source::Link, self.link(now))];
        all.extend(self.statuses.keys().filter(|s| **s != Source::Link).map(|s| (s.clone(), self.freshness(s, now))));
        all
    }
}

/// The state of what is listed now and then: live, with the reason why it is no fresher.
fn polled(status: &Status, answered_at: DateTime<Utc>, now: DateTime<Utc>) -> Freshness {
    let state = if now - answered_at > POLLED_FOR { SourceState::Stale } else { SourceState::Live };
    let (why, hint) = status.polled.clone().map(|why| (why.what, why.hint)).unzip();
    Freshness { state, as_of: Some(answered_at), why, hint: hint.flatten() }
}
