//! Plans: what an action would change, step by step, before anything happens.
//!
//! Pure: a plan is data, made by one of `actions` from what is known and shown before it runs. What is shown is what
//! runs, by value: `run` drives it and says what to do, `io::act` does it. Console and command line make plans here alike.

pub mod actions;
pub mod catalog;
pub mod client;
pub mod errand;
pub mod gate;
pub mod journal;
pub mod kafka;
pub mod moves;
pub mod op;
pub mod param;
pub mod render;
pub mod run;

use serde::{Deserialize, Serialize};

use crate::domain::ids::InstallationId;
pub use crate::plan::{catalog::ActionSpec, gate::Gate, op::Op, param::Params};

/// What an action may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Risk {
    /// It can be taken back.
    Reversible,
    /// Clients may notice while it lasts.
    Disruptive,
    /// Something is gone afterwards.
    Destructive,
}

impl Risk {
    /// In one word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Reversible => "reversible",
            Self::Disruptive => "disruptive",
            Self::Destructive => "destructive",
        }
    }
}

/// An action that was thought through for one cluster at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The action, as `topic.create`.
    pub action: String,
    /// Of which installation.
    pub installation: InstallationId,
    /// What it was asked with.
    pub params: Params,
    /// What is done to what, as `Create topic orders`.
    pub title: String,
    /// How, and what happens meanwhile: one or two sentences.
    pub sentence: String,
    /// What it may cost.
    pub risk: Risk,
    /// What has to be typed before it runs; `None` where a yes is enough.
    pub typed: Option<String>,
    /// Lines worth reading before saying yes: figures of each partition, where files would go.
    pub details: Vec<String>,
    /// What could go wrong, and what was changed of what was asked.
    pub warnings: Vec<String>,
    /// How it is undone; empty where it cannot be.
    pub undo: String,
    /// What is done, in order. None where everything is so already.
    pub steps: Vec<Step>,
}

/// One step of a plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// What it does, as `restart broker 1`.
    pub title: String,
    /// What must hold before it is done.
    pub before: Vec<Gate>,
    /// What it does.
    pub op: Op,
    /// What must hold before it counts as done.
    pub after: Vec<Gate>,
    /// How long each of the two may take to hold, in seconds.
    pub within_s: u32,
}

/// Why there is no plan.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Refusal {
    /// Why, in a sentence without a period.
    pub why: String,
    /// What to do about it, one step each.
    pub hints: Vec<String>,
    /// True when what was asked for makes no sense anywhere: a name that is no name.
    pub is_usage: bool,
}

impl Refusal {
    /// The cluster does not allow it.
    pub fn new(why: impl Into<String>) -> Self {
        Self { why: why.into(), ..Self::default() }
    }

    /// What was asked for cannot be meant.
    pub fn usage(why: impl Into<String>) -> Self {
        Self { why: why.into(), is_usage: true, ..Self::default() }
    }

    /// Adds a step to take.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}

impl Plan {
    /// True where nothing is to be done.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// False for one beside which others may act: it only looks on, at a topic of its own.
    pub fn takes_lease(&self) -> bool {
        !self.steps.iter().any(|step| matches!(step.op, Op::Canary { .. }))
    }
}
