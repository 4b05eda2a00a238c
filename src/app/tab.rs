//! The tabs: what fills the screen at the press of a number.
//!
//! Their order, numbers, titles and lists; how each is drawn is `view`'s.

use super::lists::ListId;

/// A tab.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tab {
    /// All panes at once.
    Overview,
    /// Findings.
    Diagnosis,
    /// Brokers.
    Brokers,
    /// Claims.
    Storage,
    /// Topics.
    Topics,
    /// Groups.
    Groups,
    /// Alert rules.
    Alerts,
    /// Users.
    Users,
    /// Kafka Connect.
    Connect,
    /// What changed.
    Timeline,
}

impl Tab {
    /// All tabs, in the order of their numbers.
    pub const ALL: [Self; 10] = [
        Self::Overview,
        Self::Diagnosis,
        Self::Brokers,
        Self::Storage,
        Self::Topics,
        Self::Groups,
        Self::Alerts,
        Self::Users,
        Self::Connect,
        Self::Timeline,
    ];

    /// Its number, which its key is.
    pub fn number(self) -> u8 {
        match self {
            Self::Overview => 1,
            Self::Diagnosis => 2,
            Self::Brokers => 3,
            Self::Storage => 4,
            Self::Topics => 5,
            Self::Groups => 6,
            Self::Alerts => 7,
            Self::Users => 8,
            Self::Connect => 9,
            // The key behind 9.
            Self::Timeline => 0,
        }
    }

    /// Its title.
    pub fn title(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Diagnosis => "Diagnosis",
            Self::Brokers => "Brokers",
            Self::Storage => "Storage",
            Self::Topics => "Topics",
            Self::Groups => "Groups",
            Self::Alerts => "Alerts",
            Self::Connect => "Connect",
            Self::Users => "Users",
            Self::Timeline => "Timeline",
        }
    }

    /// Its list; the Overview has one per pane.
    pub fn list(self) -> Option<ListId> {
        match self {
            Self::Overview => None,
            Self::Diagnosis => Some(ListId::Findings),
            Self::Brokers => Some(ListId::Brokers),
            Self::Storage => Some(ListId::Storage),
            Self::Topics => Some(ListId::Topics),
            Self::Groups => Some(ListId::Groups),
            Self::Alerts => Some(ListId::Alerts),
            Self::Connect => Some(ListId::Connect),
            Self::Users => Some(ListId::Users),
            Self::Timeline => Some(ListId::Timeline),
        }
    }
}
