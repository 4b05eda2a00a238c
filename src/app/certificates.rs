//! Certificates that were met on the way into the chosen installation, and how long they hold.
//!
//! It says what was seen: a finding about it, and what to do in which flavour, is `diagnose`'s part to come. The pages
//! of ways and brokers, `doctor` and documents call it.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Serialize, Serializer};

use crate::domain::{
    certificate::{Certificate, Holds, Role},
    ids::BrokerId,
};

use super::App;

/// A certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CertificateRow {
    /// Whose it is: `broker 1`, `authority` or `client`.
    pub of: String,
    /// Where it is kept, as `secret m/ca key ca.crt`; `None` for what a broker presents.
    pub secret: Option<String>,
    /// Its subject.
    pub subject: String,
    /// Who signed it.
    pub issuer: String,
    /// When it expires.
    #[serde(serialize_with = "whole_seconds")]
    pub expires_at: DateTime<Utc>,
    /// In how many seconds that is; negative where that is over.
    pub expires_in_s: i64,
    /// Whether it holds.
    #[serde(skip)]
    pub holds: Holds,
    /// The same in words.
    #[serde(skip)]
    pub words: String,
}

impl CertificateRow {
    fn of((broker, certificate): (Option<BrokerId>, &Certificate), now: DateTime<Utc>) -> Self {
        let of = match (certificate.role, broker) {
            (Role::Broker, Some(id)) => format!("broker {id}"),
            (Role::Broker, None) => "broker".to_owned(),
            (Role::Authority, _) => "authority".to_owned(),
            (Role::Client, _) => "client".to_owned(),
        };
        Self {
            of,
            secret: certificate.kept.as_ref().map(ToString::to_string),
            subject: certificate.subject.clone(),
            issuer: certificate.issuer.clone(),
            expires_at: certificate.not_after,
            expires_in_s: (certificate.not_after - now).num_seconds(),
            holds: certificate.holds(now),
            words: certificate.holds_in_words(now),
        }
    }

    /// All of it in one sentence without a period.
    pub fn sentence(&self) -> String {
        let whose = match self.of.as_str() {
            "authority" => format!("the authority's certificate ({})", self.subject),
            "client" => format!("the client certificate ({})", self.subject),
            broker => format!("{broker}'s certificate, signed by {},", self.issuer),
        };
        let kept = self.secret.as_ref().map(|secret| format!(", {secret}")).unwrap_or_default();
        format!("{whose} {}{kept}", self.words)
    }
}

fn whole_seconds<S: Serializer>(at: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&at.to_rfc3339_opts(SecondsFormat::Secs, true))
}

impl App {
    /// Certificates on the way into the chosen installation, the one that expires first before the others.
    pub fn certificates(&self) -> Vec<CertificateRow> {
        let Some(reading) = self.reading() else { return Vec::new() };
        reading.certificates().into_iter().map(|met| CertificateRow::of(met, self.now)).collect()
    }

    /// What is to be said of them beside the way: all that do not hold for more than 30 days, or else the one that
    /// expires first.
    pub fn certificates_to_note(&self) -> Vec<CertificateRow> {
        let mut all = self.certificates();
        if all.iter().any(|row| row.holds != Holds::Long) {
            all.retain(|row| row.holds != Holds::Long);
        } else {
            all.truncate(1);
        }
        all
    }
}
