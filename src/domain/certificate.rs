//! Certificates that are met on the way into an installation: whose they are, who signed them, and when they expire.
//!
//! Facts about a certificate, never the certificate itself. `io::dial` reads them, `world` keeps them per broker, and
//! pages, documents and `doctor` say how long they hold.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::{access::Keep, units};

/// A certificate that holds no longer than this is worth a word: as long as Strimzi renews before the end, and what
/// its rules warn at.
const SOON: TimeDelta = TimeDelta::days(30);

/// What a certificate is to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Role {
    /// We trust it: it signed what the broker presents.
    Authority,
    /// We show it.
    Client,
    /// The broker presents it.
    Broker,
}

/// What is known of a certificate (RFC 5280 §4.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// What it is to us.
    pub role: Role,
    /// Where it is kept; `None` for what a broker presents.
    pub kept: Option<Keep>,
    /// Whose it is, as `CN=kafka,O=io.strimzi` (RFC 4514).
    pub subject: String,
    /// Who signed it.
    pub issuer: String,
    /// It does not hold before.
    pub not_before: DateTime<Utc>,
    /// It does not hold after.
    pub not_after: DateTime<Utc>,
}

/// Whether a certificate holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Holds {
    /// For more than 30 days.
    Long,
    /// For 30 days or less.
    Briefly,
    /// Not yet.
    NotYet,
    /// No more.
    Expired,
}

impl Certificate {
    /// Whether it holds at a moment.
    pub fn holds(&self, now: DateTime<Utc>) -> Holds {
        if now > self.not_after {
            Holds::Expired
        } else if now < self.not_before {
            Holds::NotYet
        } else if self.not_after - now <= SOON {
            Holds::Briefly
        } else {
            Holds::Long
        }
    }

    /// The same in words: `expires 2026-12-21 (in 30d)`, `expired on 2021-01-01 00:00 UTC (5d ago)`.
    pub fn holds_in_words(&self, now: DateTime<Utc>) -> String {
        let left = units::duration((self.not_after - now).num_seconds());
        match self.holds(now) {
            Holds::Expired => {
                format!("expired on {} ({} ago)", moment(self.not_after), units::age(now, self.not_after))
            }
            Holds::NotYet => format!("is not valid before {}", moment(self.not_before)),
            Holds::Briefly => format!("expires on {} (in {left})", moment(self.not_after)),
            Holds::Long => format!("expires {} (in {left})", self.not_after.format("%Y-%m-%d")),
        }
    }
}

/// A day and a time: `2026-12-21 14:02 UTC`.
pub fn moment(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn how_long_a_certificate_holds_is_said_more_exactly_the_less_it_is() {
        let certificate = Certificate {
            role: Role::Broker,
            kept: None,
            subject: "CN=kafka".into(),
            issuer: "CN=authority".into(),
            not_before: at("2026-01-01T00:00:00Z"),
            not_after: at("2026-12-21T14:02:00Z"),
        };
        for (now, holds, words) in [
            ("2025-12-31T23:59:59Z", Holds::NotYet, "is not valid before 2026-01-01 00:00 UTC"),
            ("2026-01-01T00:00:00Z", Holds::Long, "expires 2026-12-21 (in 354d)"),
            ("2026-11-21T14:01:59Z", Holds::Long, "expires 2026-12-21 (in 30d)"),
            ("2026-11-21T14:02:00Z", Holds::Briefly, "expires on 2026-12-21 14:02 UTC (in 30d)"),
            ("2026-12-21T14:02:00Z", Holds::Briefly, "expires on 2026-12-21 14:02 UTC (in 0s)"),
            ("2026-12-21T14:02:01Z", Holds::Expired, "expired on 2026-12-21 14:02 UTC (1s ago)"),
            ("2027-01-21T14:02:00Z", Holds::Expired, "expired on 2026-12-21 14:02 UTC (31d ago)"),
        ] {
            let seen = (certificate.holds(at(now)), certificate.holds_in_words(at(now)));
            assert_eq!(seen, (holds, words.to_owned()), "{now}");
        }
    }
}
