//! The run of a plan: which step it is at, what it waits for, and what is to be done next.
//!
//! A machine without hands: what happens goes in, what is to be done comes out as data. Its gates see what the operator
//! sees. The App owns the one run there is; `io::act` does what comes out and answers with one event.

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    Plan, Step,
    gate::{Gate, Moment, Verdict, check_all},
    kafka::KafkaAnswer,
    op::{Op, OpAnswer, OpFailure},
};
use crate::{domain::proof::Summary, world::Reading};

/// An op of which nobody knows whether it happened is tried again after so long, while its gates do not hold.
const AGAIN: TimeDelta = TimeDelta::seconds(5);
/// Once something was done a gate that fails may only fail for the moment: for so long it is waited for.
const GRACE: TimeDelta = TimeDelta::seconds(15);

/// Where a run is in its step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The journal and the Lease are being opened.
    Opening,
    /// Gates before the step are looked at.
    Before,
    /// The step's op is under way.
    Doing,
    /// Gates after the step are looked at.
    After,
    /// The end is being written down.
    Closing,
    /// Over.
    Over,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// Everything is done.
    Done,
    /// Nothing was done, and this is why.
    Refused(String),
    /// It broke off, and this is why.
    Failed(String),
    /// It was asked to stop, and did so before a step.
    Stopped(String),
    /// Something did not come true in its time.
    TimedOut(String),
}

impl End {
    /// In one word, as documents have it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused(_) => "refused",
            Self::Failed(_) => "failed",
            Self::Stopped(_) => "stopped",
            Self::TimedOut(_) => "timeout",
        }
    }

    /// Why, where there is a why.
    pub fn why(&self) -> Option<&str> {
        match self {
            Self::Done => None,
            Self::Refused(why) | Self::Failed(why) | Self::Stopped(why) | Self::TimedOut(why) => Some(why),
        }
    }
}

/// What happens to a run.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The journal and the Lease are open; what is worth saying about that.
    Opened(Vec<String>),
    /// They are not, and nothing may be done.
    NotOpened(String),
    /// The op of the step is over.
    Did(Result<OpAnswer, OpFailure>),
    /// The world or the time went on.
    Looked,
    /// Stop before the next step, until resumed.
    Pause,
    /// Go on.
    Resume,
    /// What the step under way has shown until now, and whether that is to be said.
    Measured(Box<Summary>, bool),
    /// End before the next step, and wait for nothing more; why.
    Abort(String),
    /// The end is written down, or could not be.
    Closed(Result<(), String>),
}

/// What is to be done for a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Do the op of this step.
    Do(usize),
    /// Break off what the step under way waits for.
    Interrupt,
    /// Write the end down and give the Lease back.
    Close(End),
}

/// Something that a run says, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// When.
    pub at: DateTime<Utc>,
    /// What.
    pub text: String,
}

/// A run.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is about something else, and all may be so at once")]
pub struct Run {
    /// Its id in the journal.
    pub id: String,
    /// True where it goes on with one that stopped.
    pub resumes: bool,
    /// What it carries out.
    pub plan: Plan,
    /// The step it is at.
    pub at: usize,
    /// Where it is in that step.
    pub phase: Phase,
    /// Since when it is there.
    pub since: DateTime<Utc>,
    /// Since when gates are waited for; trying an op again does not begin anew.
    waiting_since: DateTime<Utc>,
    /// Since when a gate has failed without a break.
    failing_since: Option<DateTime<Utc>>,
    /// When it began, or began to go on.
    pub started_at: DateTime<Utc>,
    /// True while it is to stop before the next step.
    pub paused: bool,
    /// Why it is to end before the next step.
    pub stopping: Option<String>,
    /// What gates of this step say now.
    pub gates: Vec<(String, Verdict)>,
    /// What it has said so far, oldest first.
    pub said: Vec<Said>,
    /// What was made and is shown once.
    pub made: Option<KafkaAnswer>,
    /// What was measured until now.
    pub measured: Option<Summary>,
    /// How it ended.
    pub end: Option<End>,
    /// What could not be proven, in words.
    unproven: Vec<String>,
    /// How it ends, once what it made is taken away.
    ending: Option<End>,
    done_at: Option<DateTime<Utc>>,
    /// Since when it is not known whether the op happened.
    unsure: Option<DateTime<Utc>>,
    /// The op of this step is done.
    op_done: bool,
    /// The op is being tried again.
    again: bool,
    has_acted: bool,
}

impl Run {
    /// A run that is about to begin.
    pub fn new(id: String, plan: Plan, now: DateTime<Utc>) -> Self {
        Self {
            id,
            resumes: false,
            plan,
            at: 0,
            phase: Phase::Opening,
            since: now,
            waiting_since: now,
            failing_since: None,
            started_at: now,
            paused: false,
            stopping: None,
            gates: Vec::new(),
            said: Vec::new(),
            made: None,
            measured: None,
            end: None,
            unproven: Vec::new(),
            ending: None,
            done_at: None,
            unsure: None,
            op_done: false,
            again: false,
            has_acted: false,
        }
    }

    /// A run that goes on where another one stopped: before a step, or within one of which nobody knows what came of it.
    pub fn resume(id: String, plan: Plan, at: usize, is_unsure: bool, now: DateTime<Utc>) -> Self {
        let unsure = is_unsure.then_some(now);
        // The op before was done; whether what it was done for has come true is looked at first.
        let waits_for_last = !is_unsure && at > 0;
        let at = if waits_for_last { at - 1 } else { at };
        let new = Self::new(id, plan, now);
        Self { resumes: true, at, unsure, has_acted: true, done_at: Some(now), op_done: waits_for_last, ..new }
    }

    /// The step it is at; `None` behind the last one.
    pub fn step(&self) -> Option<&Step> {
        self.plan.steps.get(self.at)
    }

    /// True until it is over.
    pub fn is_under_way(&self) -> bool {
        self.phase != Phase::Over
    }

    /// True where the op of the step it is at is done.
    pub fn is_past_op(&self) -> bool {
        self.op_done
    }

    /// What it waits for, if it waits.
    pub fn waits_for(&self) -> Option<String> {
        let waiting = self.gates.iter().find(|(_, verdict)| !verdict.holds())?;
        Some(format!("{} ({})", waiting.0, waiting.1.words()))
    }

    /// Takes an event and says what is to be done.
    pub fn advance(&mut self, event: Event, reading: Option<&Reading<'_>>, now: DateTime<Utc>) -> Vec<Act> {
        match event {
            Event::Opened(notes) if self.phase == Phase::Opening => {
                for note in notes {
                    self.say(note, now);
                }
                self.enter(if self.unsure.is_some() || self.op_done { Phase::After } else { Phase::Before }, now);
            }
            Event::NotOpened(why) if self.phase == Phase::Opening => {
                // Nothing was written down, so that nothing is to be closed.
                self.end = Some(End::Refused(why));
                self.enter(Phase::Over, now);
            }
            Event::Did(answer) if self.phase == Phase::Doing => return self.did(answer, reading, now),
            Event::Closed(result) if self.phase == Phase::Closing => {
                if let Err(why) = result {
                    self.say(format!("the end could not be written down: {why}"), now);
                }
                self.enter(Phase::Over, now);
            }
            Event::Pause => self.paused = true,
            Event::Resume => self.paused = false,
            Event::Abort(why) => {
                // Whoever ends a measurement is done with it.
                let measures = matches!(self.step().map(|step| &step.op), Some(Op::Canary { .. }));
                if !(measures && self.phase == Phase::Doing) {
                    self.stopping = Some(why);
                }
                if self.phase == Phase::Doing && self.step().is_some_and(|step| step.op.is_proof()) {
                    return vec![Act::Interrupt];
                }
            }
            Event::Measured(summary, is_said) => {
                if is_said {
                    self.say(summary.line(), now);
                }
                self.measured = Some(*summary);
            }
            _ => {}
        }
        self.look(reading, now)
    }

    fn did(
        &mut self,
        answer: Result<OpAnswer, OpFailure>,
        reading: Option<&Reading<'_>>,
        now: DateTime<Utc>,
    ) -> Vec<Act> {
        self.unsure = None;
        match answer {
            Ok(OpAnswer::Done(words) | OpAnswer::Already(words)) => self.note_done(&words, now),
            Ok(OpAnswer::Made(made)) => {
                self.note_done("", now);
                self.made = Some(made);
            }
            Err(failure) if self.is_proof() && !matches!(failure, OpFailure::Journal(_)) => {
                let title = self.step().map(|step| step.title.clone()).unwrap_or_default();
                let why = format!("{title}: UNPROVEN: {}", failure.words());
                self.note_done(&format!("UNPROVEN: {}", failure.words()), now);
                self.unproven.push(why);
            }
            Err(OpFailure::Unreachable(why)) => {
                self.say(format!("{why}; whether it happened is not known"), now);
                self.unsure = Some(now);
                // What was seen before this attempt cannot tell.
                self.done_at = Some(self.since);
            }
            Err(failure) => {
                let end = if self.has_acted { End::Failed(failure.words()) } else { End::Refused(failure.words()) };
                return self.close(end, now);
            }
        }
        self.has_acted = true;
        if !std::mem::take(&mut self.again) {
            self.waiting_since = now;
        }
        self.enter(Phase::After, now);
        self.look(reading, now)
    }

    fn is_proof(&self) -> bool {
        self.step().is_some_and(|step| step.op.is_proof())
    }

    fn note_done(&mut self, words: &str, now: DateTime<Utc>) {
        let title = self.step().map(|step| step.title.clone()).unwrap_or_default();
        let words = if words.is_empty() { title } else { format!("{title}: {words}") };
        self.say(words, now);
        self.op_done = true;
        self.done_at = Some(now);
    }

    /// Looks at the gates of this step, and goes on as far as they allow.
    fn look(&mut self, reading: Option<&Reading<'_>>, now: DateTime<Utc>) -> Vec<Act> {
        loop {
            self.notice_done(reading, now);
            let (is_before, gates, within) = match (self.phase, self.step()) {
                (Phase::Before, Some(step)) => (true, step.before.clone(), step.within_s),
                (Phase::After, Some(step)) => (false, step.after.clone(), step.within_s),
                (Phase::Before, None) => return self.close(End::Done, now),
                _ => return Vec::new(),
            };
            let cleans = self.ending.is_some();
            if is_before
                && !cleans
                && let Some(why) = self.stopping.take()
            {
                return self.close(End::Stopped(why), now);
            }
            if is_before && self.paused && !cleans {
                return Vec::new();
            }
            self.gates = self.checked(&gates, is_before, reading);
            let waited = now - self.waiting_since;
            if let Some(end) = self.fails(is_before, now).or_else(|| self.times_out(waited, within)) {
                return self.close(end, now);
            }
            let holds = self.gates.iter().all(|(_, verdict)| verdict.holds());
            // What was done is done, and is not waited for; whoever goes on looks at everything again.
            if !holds
                && !cleans
                && let Some(why) = self.stopping.take()
            {
                let open = self.waits_for().map(|open| format!("; it waited for: {open}")).unwrap_or_default();
                return self.close(End::Stopped(format!("{why}{open}")), now);
            }
            match (is_before, holds) {
                (true, true) => return self.act(now),
                (false, _) if self.is_to_be_repeated(holds, gates.is_empty(), now) => {
                    // As much time may have passed as an operator slept: everything is checked again.
                    (self.unsure, self.again) = (None, true);
                    self.enter(Phase::Before, now);
                }
                (false, true) if self.unsure.is_some() && gates.is_empty() => return Vec::new(),
                (false, true) => self.next(now),
                (_, false) => return Vec::new(),
            }
        }
    }

    /// Finds that a step is done of which that was not known, by what only its being done explains: it is not done twice.
    fn notice_done(&mut self, reading: Option<&Reading<'_>>, now: DateTime<Utc>) {
        let is_open = match self.phase {
            Phase::Before => self.has_acted,
            Phase::After => self.unsure.is_some(),
            _ => false,
        };
        let (Some(reading), Some(step), true) = (reading, self.step(), is_open) else { return };
        if !step.after.iter().any(|gate| gate.shows_done(*reading)) {
            return;
        }
        if self.phase == Phase::Before {
            let words = format!("{}: it was done already", step.title);
            self.say(words, now);
            (self.waiting_since, self.done_at, self.op_done) = (now, Some(now), true);
            self.enter(Phase::After, now);
        }
        (self.unsure, self.again) = (None, false);
    }

    fn checked(&self, gates: &[Gate], is_before: bool, reading: Option<&Reading<'_>>) -> Vec<(String, Verdict)> {
        let unseen = |gate: &Gate| (gate.title(), Verdict::Wait("the installation is not in sight".to_owned()));
        match reading {
            Some(reading) => {
                let since = if is_before { None } else { self.done_at };
                check_all(gates, &Moment { reading: *reading, since })
            }
            None => gates.iter().map(unseen).collect(),
        }
    }

    /// How it ends, if a gate says that waiting changes nothing.
    fn fails(&mut self, is_before: bool, now: DateTime<Utc>) -> Option<End> {
        let failing = self.gates.iter().find_map(|(title, verdict)| match verdict {
            Verdict::Fail(why) => Some(format!("{title}: {why}")),
            _ => None,
        });
        let Some(why) = failing else {
            self.failing_since = None;
            return None;
        };
        let failed = now - *self.failing_since.get_or_insert(now);
        match (self.has_acted, is_before) {
            (false, _) => Some(End::Refused(why)),
            (true, _) if failed < GRACE => None,
            // Nothing is half done: it can go on when this is mended.
            (true, true) => Some(End::Stopped(why)),
            (true, false) => Some(End::Failed(why)),
        }
    }

    fn times_out(&self, waited: TimeDelta, within: u32) -> Option<End> {
        let open = self.waits_for().filter(|_| waited > TimeDelta::seconds(i64::from(within)))?;
        Some(End::TimedOut(format!("after {} s it still waits for: {open}", waited.num_seconds())))
    }

    /// True for an op that may not have happened, and of which nothing shows that it has.
    fn is_to_be_repeated(&self, holds: bool, has_no_gates: bool, now: DateTime<Utc>) -> bool {
        self.unsure.is_some_and(|since| now - since >= AGAIN) && (!holds || has_no_gates)
    }

    /// Goes on to the next step.
    fn next(&mut self, now: DateTime<Utc>) {
        let waited = (now - self.since).num_seconds();
        if let Some(step) = self.step().filter(|step| !step.after.is_empty()) {
            let words = format!("{}: all is as it should be, after {waited} s", step.title);
            self.say(words, now);
        }
        self.unsure = None;
        self.at += 1;
        self.op_done = false;
        self.waiting_since = now;
        self.enter(Phase::Before, now);
    }

    fn act(&mut self, now: DateTime<Utc>) -> Vec<Act> {
        self.unsure = None;
        self.enter(Phase::Doing, now);
        vec![Act::Do(self.at)]
    }

    /// Ends the run; what it made is taken away before.
    fn close(&mut self, end: End, now: DateTime<Utc>) -> Vec<Act> {
        let end = match end {
            End::Done if self.ending.is_none() && !self.unproven.is_empty() => End::Failed(self.unproven.join("; ")),
            end => end,
        };
        let from = if self.phase == Phase::Before { self.at } else { self.at + 1 };
        let next = (from..self.plan.steps.len()).find(|at| self.plan.steps[*at].op.cleans());
        if self.ending.is_some() && end != End::Done {
            let title = self.step().map(|step| step.title.clone()).unwrap_or_default();
            self.say(format!("{title} FAILED: {}; it is left behind", end.why().unwrap_or_default()), now);
        }
        let end = self.ending.take().unwrap_or(end);
        if let Some(next) = next.filter(|_| self.has_acted) {
            self.ending = Some(end);
            (self.at, self.op_done, self.unsure) = (next, false, None);
            self.waiting_since = now;
            self.enter(Phase::Before, now);
            return self.act(now);
        }
        self.end = Some(end.clone());
        self.enter(Phase::Closing, now);
        vec![Act::Close(end)]
    }

    fn enter(&mut self, phase: Phase, now: DateTime<Utc>) {
        (self.phase, self.since, self.failing_since) = (phase, now, None);
        if !matches!(phase, Phase::Before | Phase::After) {
            self.gates.clear();
        }
    }

    fn say(&mut self, text: String, at: DateTime<Utc>) {
        self.said.push(Said { at, text });
    }
}

#[cfg(test)]
mod tests;
