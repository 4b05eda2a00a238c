//! What a one-shot command asks of the App: which answers it waits for, how it is answered, and the exit code.
//!
//! One row per question, so that waiting, documents, text and exit codes cannot disagree about what there is.

use std::time::Duration;

use chrono::TimeDelta;

use crate::{
    app::{App, shown::Shown},
    cli::{Command, Format, Reassignment},
    domain::{
        freshness::{Asked, Freshness, SourceState},
        timeline::Entry,
        verdict::Verdict,
    },
    errors::{Failure, FailureKind},
};

use super::{completeness::Need, documents, text};

/// A question that is answered from one pass over the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// One screen of truth.
    Status,
    /// Healthy or not.
    Check,
    /// Brokers.
    Brokers,
    /// Claims.
    Storage,
    /// Topics, or one of them with its partitions.
    Topics(Option<String>),
    /// Groups, or one of them with its partitions.
    Groups(Option<String>),
    /// Groups with their partitions.
    Lag(Option<String>),
    /// Alert rules.
    Alerts,
    /// Connectors, or one of them with its traces.
    Connect(Option<String>),
    /// Users, or one of them.
    Users(Option<String>),
    /// Moves of partitions under way.
    Reassignments,
    /// What changed: since how long ago, and about what.
    Timeline(Option<Duration>, Option<String>),
    /// What is wrong.
    Findings,
}

impl Question {
    /// The question behind a command; `None` for commands that do something else.
    pub fn of(command: &Command) -> Option<Self> {
        Some(match command {
            Command::Status => Self::Status,
            Command::Check { .. } => Self::Check,
            Command::Brokers => Self::Brokers,
            Command::Storage => Self::Storage,
            Command::Topics { topic } => Self::Topics(topic.clone()),
            Command::Groups { group } => Self::Groups(group.clone()),
            Command::Lag { group } => Self::Lag(group.clone()),
            Command::Alerts => Self::Alerts,
            Command::Connect { connector } => Self::Connect(connector.clone()),
            Command::Users { user } => Self::Users(user.clone()),
            Command::Reassignment { what: Reassignment::List } => Self::Reassignments,
            Command::Timeline { since, object } => Self::Timeline(*since, object.clone()),
            Command::Findings { .. } => Self::Findings,
            _ => return None,
        })
    }

    /// The kind of its document.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Check => "check",
            Self::Brokers => "brokers",
            Self::Storage => "storage",
            Self::Topics(_) => "topics",
            Self::Groups(_) => "groups",
            Self::Lag(_) => "lag",
            Self::Alerts => "alerts",
            Self::Connect(_) => "connect",
            Self::Users(_) => "users",
            Self::Reassignments => "reassignments",
            Self::Timeline(..) => "timeline",
            Self::Findings => "findings",
        }
    }

    /// What must have answered, or failed, before it is answered.
    pub fn need(&self) -> Need {
        match self {
            Self::Status | Self::Check | Self::Findings => Need::Everything,
            Self::Brokers => Need::Brokers,
            Self::Storage => Need::Storage,
            Self::Topics(_) => Need::Topics,
            Self::Groups(_) | Self::Lag(_) => Need::Groups,
            Self::Alerts => Need::Alerts,
            Self::Connect(_) => Need::Connect,
            Self::Users(_) => Need::Users,
            Self::Reassignments => Need::Reassignments,
            Self::Timeline(..) => Need::Timeline,
        }
    }

    /// The answer, as it is printed.
    pub fn answer(&self, app: &App, format: Format, ascii: bool) -> Result<String, Failure> {
        match format {
            Format::Text => text::text(app, self, ascii),
            Format::Json => Ok(documents::json(&documents::document(app, self)?)),
            Format::Yaml => documents::yaml(&documents::document(app, self)?),
        }
    }

    /// The exit code once it was answered: what could not be seen is never 0, except that `status` says so itself.
    pub fn exit_code(&self, app: &App) -> u8 {
        let Some(shown) = &app.shown else { return FailureKind::Unobservable.exit_code() };
        match self {
            Self::Status => 0,
            Self::Check => verdict_code(shown.judgement.verdict),
            Self::Findings if shown.findings.is_empty() && shown.judgement.verdict == Verdict::Blind => {
                FailureKind::Unobservable.exit_code()
            }
            _ if self.unseen(shown).is_some() => FailureKind::Unobservable.exit_code(),
            _ => 0,
        }
    }

    /// Why its rows are not known, when they are not: an empty list must not read as there being none.
    pub fn unseen(&self, shown: &Shown) -> Option<Freshness> {
        let fresh = &shown.freshness;
        let missing = match self {
            Self::Status | Self::Check | Self::Findings => None,
            Self::Brokers | Self::Timeline(..) => Some(&fresh.pods),
            Self::Storage => Some(&fresh.claims),
            Self::Topics(_) => Some(&fresh.metadata),
            Self::Groups(_) | Self::Lag(_) => Some(&fresh.groups).filter(|_| shown.summary.groups.total.is_none()),
            // A cluster without the kind has no rules, and that is an answer.
            Self::Alerts => Some(&fresh.rules),
            Self::Reassignments => Some(&fresh.reassignments),
            Self::Connect(_) => Some(&fresh.connect),
            // Who there is and what they may do; quotas that cannot be seen are null and no more.
            Self::Users(_) => {
                fresh.users.iter().find(|(what, f)| *what != Asked::Quotas && f.as_of.is_none()).map(|(_, f)| f)
            }
        };
        missing.filter(|f| f.as_of.is_none() && f.state == SourceState::Blind).cloned()
    }
}

/// What changed, as far as is asked for.
pub(super) fn changes(app: &App, since: Option<Duration>, object: Option<&str>) -> Vec<Entry> {
    let mut entries = app.reading().map(|reading| reading.timeline()).unwrap_or_default();
    let from = since.and_then(|since| app.now.checked_sub_signed(TimeDelta::from_std(since).ok()?));
    entries.retain(|entry| from.is_none_or(|from| entry.at >= from) && object.is_none_or(|name| entry.mentions(name)));
    entries
}

/// `check`'s exit code.
fn verdict_code(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Ok => 0,
        Verdict::Critical | Verdict::Degraded => FailureKind::Wrong.exit_code(),
        Verdict::Blind => FailureKind::Unobservable.exit_code(),
    }
}

/// What is shown of the chosen installation, or that none is chosen.
pub(super) fn shown(app: &App) -> Result<&Shown, Failure> {
    app.shown.as_ref().ok_or_else(|| Failure::new(FailureKind::Unobservable, "No installation has been seen yet."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::freshness::Kind;
    use crate::{
        cmd::sample::{QUESTIONS, Sample},
        domain::freshness::FailureKind as Why,
    };

    /// Those that answer with rows.
    const LISTS: &[Question] = QUESTIONS.split_at(2).1;

    #[test]
    fn check_answers_with_its_verdict_and_everything_else_with_whether_it_could_see() {
        let codes = [(Verdict::Ok, 0), (Verdict::Degraded, 1), (Verdict::Critical, 1), (Verdict::Blind, 4)];
        for (verdict, code) in codes {
            let mut sample = Sample::healthy();
            sample.app.shown.as_mut().unwrap().judgement.verdict = verdict;
            assert_eq!(Question::Check.exit_code(&sample.app), code, "{verdict}");
            assert_eq!(Question::Status.exit_code(&sample.app), 0);
        }
    }

    #[test]
    fn a_healthy_cluster_is_zero_everywhere() {
        let sample = Sample::healthy();
        assert_eq!(Question::Check.exit_code(&sample.app), 0, "{:?}", sample.app.shown.as_ref().unwrap().judgement);
        for question in LISTS {
            assert_eq!(question.exit_code(&sample.app), 0, "{question:?}");
        }
    }

    #[test]
    fn what_never_answered_is_never_zero() {
        let mut sample = Sample::kubernetes();
        sample.asked_failed(Asked::Metadata, None, Why::Forbidden);
        for question in [Question::Topics(None), Question::Groups(None), Question::Lag(None), Question::Findings] {
            assert_eq!(question.exit_code(&sample.app), 4, "{question:?}");
        }
        assert_eq!(Question::Brokers.exit_code(&sample.app), 0, "pods are seen");
        assert_eq!(Question::Check.exit_code(&sample.app), 4);
        assert_eq!(Question::Status.exit_code(&sample.app), 0, "status says itself what it cannot see");
    }

    #[test]
    fn a_cluster_without_the_rule_kind_has_no_rules_and_one_that_hides_them_has_unknown_ones() {
        let mut sample = Sample::kubernetes_without(Kind::Rules);
        sample.watch_failed(Kind::Rules, Why::Unsupported);
        assert_eq!(Question::Alerts.exit_code(&sample.app), 0);
        let mut sample = Sample::kubernetes_without(Kind::Rules);
        sample.watch_failed(Kind::Rules, Why::Forbidden);
        assert_eq!(Question::Alerts.exit_code(&sample.app), 4);
    }

    #[test]
    fn users_are_not_known_where_credentials_or_acls_are_not_and_known_without_quotas() {
        for (what, code) in [(Asked::ScramUsers, 4), (Asked::Acls, 4), (Asked::Quotas, 0)] {
            let mut sample = Sample::kubernetes();
            sample.users_but("app", Some(what));
            sample.asked_failed(what, None, Why::Forbidden);
            assert_eq!(Question::Users(None).exit_code(&sample.app), code, "{what}");
        }
    }
}
