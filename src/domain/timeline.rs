//! What changed and when: one line of the timeline, and Kubernetes events as far as one needs them.
//!
//! `world::timeline` makes lines from what differs between two answers and from moments that objects tell
//! themselves; `io::events` brings events. Nothing here asks for the time.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::{
    ids::{ObjectKey, ObjectRef},
    kubernetes::Meta,
    text::{printable, shortened},
};

/// The longest text of a line, in characters.
pub const LONGEST: usize = 600;

/// The longest name that a line is about, in characters: Kubernetes allows 253 and Kafka 249.
const LONGEST_NAME: usize = 253;

/// So much ahead of ours a clock of the cluster may be; what is later than that was seen when we saw it.
const AHEAD: TimeDelta = TimeDelta::minutes(5);

/// What kind of change a line tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntryKind {
    /// A pod was created, replaced, or is going or gone.
    Pod,
    /// A container ended, and was started again or not.
    Restart,
    /// A pod became ready, or stopped being so.
    Ready,
    /// A StatefulSet, Deployment or StrimziPodSet gives its pods another revision, or has done so.
    Rollout,
    /// A claim was created, asked to grow, or has grown.
    Storage,
    /// A custom resource was created, changed, deleted, or told a condition.
    Resource,
    /// A broker appeared among the unfenced ones, or went from them.
    Broker,
    /// Partitions have other leaders.
    Leader,
    /// A broker left the ISR of partitions, or joined it.
    Isr,
    /// The quorum has another leader or other voters.
    Quorum,
    /// A topic was created or deleted, or got partitions.
    Topic,
    /// Configs of a topic or a broker changed.
    Config,
    /// Moves of partitions began or ended.
    Move,
    /// Credentials, ACLs or quotas of a user changed.
    User,
    /// Something that a controller or a kubelet told the API server.
    Event,
    /// An action that kafdeck ran.
    Action,
}

impl EntryKind {
    /// Every kind.
    pub const ALL: [Self; 16] = [
        Self::Pod,
        Self::Restart,
        Self::Ready,
        Self::Rollout,
        Self::Storage,
        Self::Resource,
        Self::Broker,
        Self::Leader,
        Self::Isr,
        Self::Quorum,
        Self::Topic,
        Self::Config,
        Self::Move,
        Self::User,
        Self::Event,
        Self::Action,
    ];

    /// In one word, as columns, filters and documents have it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pod => "pod",
            Self::Restart => "restart",
            Self::Ready => "ready",
            Self::Rollout => "rollout",
            Self::Storage => "storage",
            Self::Resource => "resource",
            Self::Broker => "broker",
            Self::Leader => "leader",
            Self::Isr => "isr",
            Self::Quorum => "quorum",
            Self::Topic => "topic",
            Self::Config => "config",
            Self::Move => "move",
            Self::User => "user",
            Self::Event => "event",
            Self::Action => "action",
        }
    }
}

/// One line of the timeline: at one moment, this changed about that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What tells it from others, the same whenever it is told again; empty until the timeline gives it one.
    pub id: String,
    /// When: by the cluster's own timestamp where it has one, else when it was seen.
    pub at: DateTime<Utc>,
    /// What kind of change.
    pub kind: EntryKind,
    /// What it is about.
    pub object: ObjectRef,
    /// What changed, as a phrase without a period; printable.
    pub text: String,
    /// Who told it, as `pods` or `Metadata`.
    pub source: String,
    /// True when it is worth a look.
    pub warns: bool,
}

impl Entry {
    /// A line about an object of kind `of`; its namespace is filled in by who knows it.
    pub fn new(at: DateTime<Utc>, kind: EntryKind, of: &str, name: impl AsRef<str>, text: impl AsRef<str>) -> Self {
        let name = printable(name.as_ref());
        let object =
            ObjectRef { kind: of.into(), namespace: String::new(), name: shortened(&name, LONGEST_NAME).into() };
        // Cut first: what is made printable may be a megabyte.
        let text = printable(&shortened(text.as_ref(), LONGEST).replace(['\n', '\r'], " ")).into_owned();
        Self { id: String::new(), at, kind, object, text, source: String::new(), warns: false }
    }

    /// The same, told by a source.
    #[must_use]
    pub fn from(mut self, source: impl Into<String>) -> Self {
        self.source = source.into();
        self
    }

    /// The same, under an id.
    #[must_use]
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = id.into();
        self
    }

    /// The same, in a namespace.
    #[must_use]
    pub fn within(mut self, namespace: &str) -> Self {
        namespace.clone_into(&mut self.object.namespace);
        self
    }

    /// The same, worth a look if so.
    #[must_use]
    pub fn warning(mut self, warns: bool) -> Self {
        self.warns = warns;
        self
    }

    /// What it is about, as `broker 1`.
    pub fn about(&self) -> String {
        match (self.object.kind.as_str(), self.object.name.as_str()) {
            (kind, "") => kind.to_owned(),
            (kind, name) => format!("{kind} {name}"),
        }
    }

    /// True when it is about this name, or says it as a word of its text: `--object`.
    pub fn mentions(&self, name: &str) -> bool {
        let is_in_word = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
        let is_whole = |at: usize| {
            let before = self.text[..at].chars().next_back();
            let after = self.text[at + name.len()..].chars().next();
            !before.is_some_and(is_in_word) && !after.is_some_and(is_in_word)
        };
        self.object.name == name
            || self.about() == name
            || (!name.is_empty() && self.text.match_indices(name).any(|(at, _)| is_whole(at)))
    }
}

/// A moment that the cluster tells, unless its clock is far ahead of ours: then when we heard of it.
pub fn told_at(told: Option<DateTime<Utc>>, seen_at: DateTime<Utc>) -> DateTime<Utc> {
    told.filter(|at| *at <= seen_at + AHEAD).unwrap_or(seen_at)
}

/// A Kubernetes event with what it is about. All its texts are printable and short.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Happening {
    /// Its own name and uid: told again with a higher count it is the same.
    pub meta: Meta,
    /// Kind of what it is about, as `Pod`.
    pub kind: String,
    /// Namespace and name of that.
    pub about: ObjectKey,
    /// When it last happened.
    pub at: Option<DateTime<Utc>>,
    /// True when it is worth a look.
    pub warns: bool,
    /// In one word, as `BackOff`.
    pub reason: String,
    /// How often it happened.
    pub count: u32,
    /// In a sentence.
    pub message: String,
    /// Who told it, as `kubelet`.
    pub by: String,
}

impl Happening {
    /// Its line; how often it happened is folded into it.
    pub fn entry(&self, seen_at: DateTime<Utc>) -> Entry {
        let often = if self.count > 1 { format!(" ×{}", self.count) } else { String::new() };
        let text = match self.message.trim_end_matches('.') {
            "" => format!("{}{often}", self.reason),
            message => format!("{}{often}: {message}", self.reason),
        };
        let kind = self.kind.to_lowercase();
        let of = if kind == "persistentvolumeclaim" { "pvc" } else { kind.as_str() };
        let source = if self.by.is_empty() { "events" } else { &self.by };
        Entry::new(told_at(self.at, seen_at), EntryKind::Event, of, &self.about.name, text)
            .from(source)
            .id(format!("event/{}", self.meta.uid))
            .within(&self.about.namespace)
            .warning(self.warns)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::domain::text::is_unprintable;

    fn noon() -> DateTime<Utc> {
        "2026-01-01T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn every_kind_has_a_word_of_its_own() {
        let words: BTreeSet<&str> = EntryKind::ALL.into_iter().map(EntryKind::word).collect();
        assert_eq!(words.len(), EntryKind::ALL.len());
    }

    #[test]
    fn an_event_is_one_line_with_its_count_and_hostile_ones_are_short_and_printable() {
        let told = Happening {
            meta: Meta { uid: "u".into(), ..Meta::default() },
            kind: "PersistentVolumeClaim".into(),
            about: ObjectKey::new("n", "data-0"),
            at: Some(noon()),
            reason: "Failed".into(),
            count: 12,
            message: "no space.".into(),
            ..Happening::default()
        };
        let entry = told.entry(noon());
        assert_eq!((entry.about().as_str(), entry.text.as_str()), ("pvc data-0", "Failed ×12: no space"));
        assert_eq!((entry.id.as_str(), entry.source.as_str()), ("event/u", "events"));
        let hostile = Happening { message: "\u{1b}[2J\u{202e}\n".repeat(1 << 18), ..told };
        let entry = hostile.entry(noon());
        assert!(entry.text.chars().count() <= LONGEST && !entry.text.chars().any(is_unprintable), "{}", entry.text);
    }

    #[test]
    fn a_clock_that_is_far_ahead_is_not_believed_and_one_that_is_a_little_ahead_is() {
        let ahead = |minutes| Some(noon() + TimeDelta::minutes(minutes));
        assert_eq!(told_at(ahead(1), noon()), noon() + TimeDelta::minutes(1));
        assert_eq!(told_at(ahead(60 * 24 * 365), noon()), noon());
        assert_eq!(told_at(Some(DateTime::<Utc>::MIN_UTC), noon()), DateTime::<Utc>::MIN_UTC);
        assert_eq!(told_at(None, noon()), noon());
    }

    #[test]
    fn a_line_mentions_a_name_as_a_whole_word() {
        let entry = Entry::new(noon(), EntryKind::Isr, "broker", "1", "broker 1 left the ISR of orders-3, in all 2");
        for (name, mentioned) in [
            ("1", true),
            ("broker 1", true),
            ("orders-3", true),
            ("orders", false),
            ("2", true),
            ("ord", false),
            ("", false),
        ] {
            assert_eq!(entry.mentions(name), mentioned, "{name:?}");
        }
    }
}
