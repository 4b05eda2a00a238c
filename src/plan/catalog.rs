//! The table of actions: palette, action menu, forms, command line, help and documents are all made from it.
//!
//! A row says what the action is called, what it has to be told, whether it can be done on an installation, and who makes
//! the plan. How it differs between flavours is the business of its `build`; nothing in front of this table knows.

use std::fmt;

use super::{
    Plan, Refusal, Risk, actions,
    kafka::{Answer, Question},
    param::{ParamSpec, Params},
};
use crate::{discover::Choice, world::Reading};

/// What an action is done to; the selected row tells which one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The installation.
    Installation,
    /// All brokers of the installation; no parameter.
    Brokers,
    /// A broker: parameter `broker`.
    Broker,
    /// A topic: parameter `topic`.
    Topic,
    /// A group: parameter `group`.
    Group,
    /// A user: parameter `user`.
    User,
    /// A claim: parameter `claim`.
    Claim,
    /// A connector: parameter `connector`.
    Connector,
}

impl Scope {
    /// The parameter that names it; the installation is named elsewhere.
    pub fn param(self) -> Option<&'static str> {
        Some(match self {
            Self::Installation | Self::Brokers => return None,
            Self::Broker => "broker",
            Self::Topic => "topic",
            Self::Group => "group",
            Self::User => "user",
            Self::Claim => "claim",
            Self::Connector => "connector",
        })
    }
}

/// Everything that a plan is made from.
#[derive(Clone, Copy)]
pub struct Situation<'a> {
    /// The installation, read at this moment.
    pub reading: Reading<'a>,
    /// Which way brokers are asked to change something.
    pub way: &'a Choice,
    /// Answers to the questions that were asked before, in their order.
    pub answers: &'a [Answer],
}

/// What has to be allowed before an action is offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Need {
    /// Brokers take changes from us: there is a way for it.
    Brokers,
    /// The API server allows a verb on a resource of the installation's namespace.
    Verb {
        /// As `patch`.
        verb: &'static str,
        /// API group, empty for the core group.
        group: &'static str,
        /// Resource, in the plural; with its subresource, as `pods/eviction`.
        resource: &'static str,
    },
}

/// An action.
pub struct ActionSpec {
    /// Its id, as `topic.create`: the words of its command with a point between them.
    pub id: &'static str,
    /// What it does, in a few words, as the menu says it.
    pub title: &'static str,
    /// What it does and how, for help and documents: sentences.
    pub doc: &'static str,
    /// What it is done to.
    pub scope: Scope,
    /// What it may cost.
    pub risk: Risk,
    /// What it has to be told.
    pub params: &'static [ParamSpec],
    /// Why it cannot be done on this installation, whatever it is told.
    pub supports: fn(&Reading<'_>) -> Result<(), String>,
    /// What has to be allowed.
    pub needs: fn(&Reading<'_>) -> Vec<Need>,
    /// What has to be asked before the plan can be made.
    pub asks: fn(&Params, &Reading<'_>) -> Vec<Question>,
    /// Makes the plan.
    pub build: fn(&Params, &Situation<'_>) -> Result<Plan, Refusal>,
}

impl fmt::Debug for ActionSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id)
    }
}

impl ActionSpec {
    /// The words of its command: `["topic", "create"]`.
    pub fn words(&self) -> Vec<&'static str> {
        self.id.split('.').collect()
    }
}

/// All actions, in the order in which they are listed.
pub static CATALOG: &[&ActionSpec] = &[
    &actions::topic_create::SPEC,
    &actions::message_produce::SPEC,
    &actions::broker_restart::SPEC,
    &actions::brokers_roll::SPEC,
    &actions::topic_alter::SPEC,
    &actions::topic_delete::SPEC,
    &actions::user_create::SPEC,
    &actions::user_rotate::SPEC,
    &actions::user_delete::SPEC,
    &actions::offsets_reset::SPEC,
    &actions::leaders_elect::SPEC,
    &actions::reassignment_cancel::SPEC,
    &actions::reassignment_throttle::SPEC,
    &actions::broker_drain::SPEC,
    &actions::broker_rebuild::SPEC,
    &actions::pvc_expand::SPEC,
    &actions::connectors::RESTART,
    &actions::connectors::PAUSE,
    &actions::connectors::RESUME,
    &actions::smoke::SPEC,
    &actions::canary::SPEC,
];

/// The action of an id.
pub fn by_id(id: &str) -> Option<&'static ActionSpec> {
    CATALOG.iter().copied().find(|spec| spec.id == id)
}

/// No question.
pub fn nothing_to_ask(_: &Params, _: &Reading<'_>) -> Vec<Question> {
    Vec::new()
}

/// Every installation.
///
/// # Errors
/// Never.
pub fn everywhere(_: &Reading<'_>) -> Result<(), String> {
    Ok(())
}
