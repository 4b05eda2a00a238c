//! What is to be done outside for an action, and what comes of it, as data.
//!
//! The App gives errands and takes reports; `io::act` runs them.

use std::{fmt, sync::Arc};

use chrono::{DateTime, Utc};

use super::{
    Plan, Step,
    journal::{self, Fate},
    kafka::{Answer, Question},
    op::{Holder, Op, Rehearsed},
    run::{End, Event, Run},
};
use crate::domain::{ids::InstallationId, installation::AddressBook};

/// Which brokers are asked, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Door {
    /// The installation.
    pub installation: InstallationId,
    /// Its addresses, with the way that is gone.
    pub book: Arc<AddressBook>,
}

/// What is to be done outside for an action.
#[derive(Debug, Clone, PartialEq)]
pub enum Errand {
    /// Ask brokers what a plan needs to be made.
    Ask {
        /// The number of the question.
        id: u64,
        /// Whom.
        door: Door,
        /// What.
        questions: Vec<Question>,
    },
    /// Try a plan without doing it.
    Rehearse {
        /// The number of the question.
        id: u64,
        /// Whom; none where brokers are not to be asked yet.
        door: Option<Door>,
        /// The plan.
        plan: Arc<Plan>,
    },
    /// Open the journal and the Lease for a run.
    Open {
        /// The run.
        run: String,
        /// True where it goes on with one that stopped.
        resumes: bool,
        /// The plan.
        plan: Arc<Plan>,
    },
    /// Do a step of the run.
    Do {
        /// The run.
        run: String,
        /// The step's index.
        step: usize,
        /// `2 of 3: evict pod kafka-1`, for whoever looks at the Lease.
        words: String,
        /// Whom, where brokers are asked.
        door: Option<Door>,
        /// What is to be done.
        op: Box<Op>,
    },
    /// Break off what the step under way waits for; its answer comes all the same.
    Interrupt {
        /// The run.
        run: String,
    },
    /// Write the end of a run down and give the Lease back.
    Close {
        /// The run.
        run: String,
        /// How it ended, in a word.
        result: &'static str,
        /// Why.
        why: Option<String>,
    },
}

/// What came of an errand.
#[derive(Debug, Clone, PartialEq)]
pub enum Report {
    /// Answers to questions; or why there are none.
    Answered {
        /// The number of the question.
        id: u64,
        /// The answers.
        answers: Result<Vec<Answer>, String>,
    },
    /// What trying has shown, step by step, and who is acting on the installation.
    Rehearsed {
        /// The number of the question.
        id: u64,
        /// The preview.
        preview: Preview,
    },
    /// Something happened to a run.
    Run {
        /// The run.
        run: String,
        /// What.
        event: Event,
    },
}

/// What trying a plan without doing it has shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Preview {
    /// Step by step.
    pub steps: Vec<Rehearsed>,
    /// Who is acting on the installation already.
    pub holder: Option<Holder>,
    /// What else is to be known, as that no Lease may be taken.
    pub notes: Vec<String>,
}

impl Preview {
    /// Why the plan cannot run, if it cannot.
    pub fn refuses(&self) -> Option<String> {
        let failed = self.steps.iter().find_map(|step| match step {
            Rehearsed::Failed(why) => Some(why.words()),
            _ => None,
        });
        let held = || {
            let holder = self.holder.as_ref()?;
            Some(format!(
                "{} is at it: {}, {} (heard of {} s ago)",
                holder.who, holder.action, holder.step, holder.silent_s
            ))
        };
        failed.or_else(held)
    }
}

/// A run that stopped before its end, as the journal tells.
#[derive(Debug, Clone, PartialEq)]
pub struct Unfinished {
    /// Its id.
    pub run: String,
    /// When it was last heard of.
    pub at: DateTime<Utc>,
    /// Its plan.
    pub plan: Plan,
    /// The step it was at; behind the last one it only waited for what that was to bring.
    pub step: usize,
    /// True where nobody knows what came of that step.
    pub is_unsure: bool,
}

impl Unfinished {
    /// From what the journal tells; none where its plan cannot be read by this version.
    pub fn of(told: &journal::Unfinished) -> Option<Self> {
        let plan: Plan = serde_json::from_value(told.plan.clone()).ok()?;
        // What was cleaned up cannot be gone on with.
        let is_cleaned =
            |(at, step): (usize, &Step)| step.op.cleans() && matches!(told.steps.get(&at), Some(Fate::Done(_)));
        if plan.steps.iter().enumerate().any(is_cleaned) {
            return None;
        }
        let step = (0..plan.steps.len()).find(|step| !matches!(told.steps.get(step), Some(Fate::Done(_))));
        let step = step.or_else(|| waits_at_end(&plan).then_some(plan.steps.len()))?;
        // What was said to have failed and did not end the run may have happened: nobody answered.
        let is_unsure = matches!(told.steps.get(&step), Some(Fate::Begun | Fate::Failed(_)));
        Some(Self { run: told.run.clone(), at: told.last_at, plan, step, is_unsure })
    }

    /// From a run that is over; none where everything is done, or nothing was.
    pub fn after(run: &Run, now: DateTime<Utc>) -> Option<Self> {
        let can_go_on = matches!(run.end, Some(End::Stopped(_) | End::Failed(_) | End::TimedOut(_)));
        let step = if run.is_past_op() { run.at + 1 } else { run.at };
        let is_left = can_go_on && (step < run.plan.steps.len() || waits_at_end(&run.plan));
        is_left.then(|| Self { run: run.id.clone(), at: now, plan: run.plan.clone(), step, is_unsure: false })
    }

    /// In a sentence without a period: `a roll of 3 brokers stopped before 2 of 3`.
    pub fn words(&self) -> String {
        let (last, of) = (self.plan.steps.len().saturating_sub(1), self.plan.steps.len());
        let at = self.step.min(last);
        let place = self.plan.steps.get(at).map(|step| step.title.clone()).unwrap_or_default();
        let verb = match self.is_unsure {
            true => "was cut off within",
            false if self.step > last => "stopped while it waited for",
            false => "stopped before",
        };
        format!("{} of {} {verb} step {} of {of}, {place}", self.plan.title, self.plan.installation, at + 1)
    }
}

/// True where the last step of a plan is over only when something has come true.
fn waits_at_end(plan: &Plan) -> bool {
    plan.steps.last().is_some_and(|step| !step.after.is_empty())
}

impl fmt::Display for Unfinished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words())
    }
}
