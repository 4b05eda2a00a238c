//! What fills the middle of the screen, and what lies over it.

use super::{fields::Fields, form::Form, logs::pods::PodsPicker, object_page::ObjectPage, palette::Palette, tab::Tab};
use crate::domain::{access::Way, config::Owner};

/// What fills the middle of the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A tab.
    Tab(Tab),
    /// The partitions of a topic.
    Topic(String),
    /// The partitions of a group.
    Group(String),
    /// The configs of a broker or a topic.
    Configs(Owner),
    /// The log view.
    Logs,
}

/// What lies over the screen.
#[derive(Debug, Clone)]
pub enum Overlay {
    /// Keys of this place; the number is the selected entry.
    Help(usize),
    /// Sources and their ages.
    What,
    /// The selected row in full.
    Detail,
    /// The Kubernetes object behind the selected row, or its events.
    Object(Box<ObjectPage>),
    /// The filter being typed.
    Filter(Form),
    /// The palette.
    Palette(Palette),
    /// The name of the file that log lines are saved to.
    SaveLogs(Form),
    /// The picker of containers whose logs are followed.
    LogPods(PodsPicker),
    /// The action menu; the number is the selected row.
    Actions(usize),
    /// The picker of installations; the number is the selected row.
    Installations(usize),
    /// The ways in; the number is the selected row.
    Ways(usize),
    /// Asks whether to borrow the credential of a way.
    Borrow(Box<Way>),
    /// The form of an action.
    Fields(Box<Fields>),
    /// The plan of the action under way, or its run.
    Plan,
    /// Asks whether to leave.
    Leave,
}
