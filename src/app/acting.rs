//! Acting: from an action and what it is told to a plan, its preview, a yes, and the run.
//!
//! Every front comes through here: keys, palette and the command line make the same plan, and what refuses one refuses
//! all. There is one at a time. It decides what is to be done outside; `io::act` does it, `view::acting` draws it.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::{
    App, Effect, Overlay, Place,
    commands::CommandId,
    fields::{Fields, Filled},
    form::Form,
    keys::Key,
    lists::ListId,
};
use crate::{
    discover::{Choice, choose},
    domain::{access::Purpose, rights::Asking},
    plan::{
        Op, Plan, Refusal,
        catalog::{self, ActionSpec, Need, Scope, Situation},
        errand::{Door, Errand, Preview, Report, Unfinished},
        kafka::Answer,
        param::{self, Params},
        render::{self, Tools},
        run::{Act, Event, Phase, Run},
    },
};

/// An action under way, in whichever stage.
#[derive(Debug, Clone)]
pub struct Acting {
    /// The action.
    pub spec: &'static ActionSpec,
    /// What it was told.
    pub params: Params,
    /// How far it is.
    pub stage: Stage,
    /// Lines of the dialog that are above the screen.
    pub scrolled: usize,
}

/// How far an action is.
#[derive(Debug, Clone)]
pub enum Stage {
    /// Brokers are asked what the plan needs.
    Asking,
    /// There is no plan.
    Refused(Refusal),
    /// There is a plan, and nobody has said yes.
    Planned(Box<Planned>),
    /// It runs, or has run.
    Running(Box<Run>),
}

/// A plan before anybody has said yes.
#[derive(Debug, Clone)]
pub struct Planned {
    /// The plan.
    pub plan: Arc<Plan>,
    /// What trying it has shown; none until it is told.
    pub preview: Option<Preview>,
    /// The name that is being typed, once it is asked for.
    pub typing: Option<Form>,
    /// Why a yes was not taken.
    pub refused: Option<String>,
    /// The run that it goes on with: its id, the step, and whether nobody knows what came of it.
    pub resumes: Option<(String, usize, bool)>,
}

impl App {
    /// Which way brokers of the chosen installation are asked to change something.
    pub fn way_to_act(&self) -> Option<Choice> {
        let found = self.found.iter().find(|f| Some(&f.installation.id) == self.chosen.as_ref())?;
        Some(choose(&found.installation, Purpose::Administer, self.wish(&found.installation.id)))
    }

    /// Why an action cannot be offered for what is shown; the parameters do not count.
    pub fn refuses(&self, spec: &ActionSpec) -> Option<String> {
        if let Some(why) = &self.read_only {
            return Some(format!("read-only: {why}"));
        }
        let Some(reading) = self.reading() else { return Some("no installation is chosen".to_owned()) };
        if let Err(why) = (spec.supports)(&reading) {
            return Some(why);
        }
        (spec.needs)(&reading).into_iter().find_map(|need| match need {
            Need::Brokers => {
                let way = self.way_to_act()?;
                way.closed().map(|closed| format!("no way into the brokers to change something: {}", closed.what))
            }
            Need::Verb { verb, group, resource } => {
                let namespace = &reading.installation.id.namespace;
                let (whole, subresource) =
                    resource.split_once('/').map_or((resource, None), |(whole, part)| (whole, Some(part)));
                let asking = Asking { verb, group, resource: whole, subresource, name: None };
                let is_denied = reading.may(asking) == Some(false);
                is_denied.then(|| format!("permission is missing: {verb} {resource} in {namespace}"))
            }
        })
    }

    /// Begins an action: its form where it has to be told more, else its plan.
    pub fn begin(&mut self, spec: &'static ActionSpec) -> Vec<Effect> {
        if let Some(why) = self.busy() {
            self.notice = Some(why);
            return Vec::new();
        }
        if let Some(why) = self.refuses(spec) {
            self.notice = Some(format!("{}: {why}", spec.title));
            return Vec::new();
        }
        let mut params = Params::default();
        if let (Some(name), Some(value)) = (spec.scope.param(), self.subject(spec.scope)) {
            params.add(name, value);
        }
        let told = |one: &param::ParamSpec| !one.in_form || params.get(one.name).is_some();
        if spec.params.iter().all(told) {
            return self.act(spec, params);
        }
        let Some(reading) = self.reading() else { return Vec::new() };
        let questions = (spec.asks)(&params, &reading);
        self.overlay = Some(Overlay::Fields(Box::new(Fields::new(spec, &params, &reading))));
        // What brokers tell of configs is shown while one is typed; nobody waits for it.
        let door = self.door(None).filter(|_| !questions.is_empty());
        self.inquiries += 1;
        let id = self.inquiries;
        door.map(|door| Effect::Act(Box::new(Errand::Ask { id, door, questions }))).into_iter().collect()
    }

    /// Makes the plan of an action that was told everything.
    pub fn act(&mut self, spec: &'static ActionSpec, params: Params) -> Vec<Effect> {
        self.acting = Some(Box::new(Acting { spec, params, stage: Stage::Asking, scrolled: 0 }));
        self.overlay = Some(Overlay::Plan);
        if let Some(why) = self.refuses(spec) {
            return self.refuse(Refusal::new(why));
        }
        let (Some(reading), Some(acting)) = (self.reading(), &self.acting) else { return Vec::new() };
        if let Err(wrong) = param::check(spec.params, &acting.params) {
            return self.refuse(Refusal::usage(wrong.join("; ")));
        }
        let questions = (spec.asks)(&acting.params, &reading);
        if questions.is_empty() {
            return self.build(&[]);
        }
        // Asking takes no more than looking does.
        let Some(door) = self.door(None) else { return Vec::new() };
        self.inquiries += 1;
        vec![Effect::Act(Box::new(Errand::Ask { id: self.inquiries, door, questions }))]
    }

    /// Offers to go on with a run that stopped.
    pub fn resume(&mut self) -> Vec<Effect> {
        if let Some(why) = self.busy() {
            self.notice = Some(why);
            return Vec::new();
        }
        let here = |one: &Unfinished| self.chosen.as_ref() == Some(&one.plan.installation);
        let Some(unfinished) = self.unfinished.iter().rev().find(|one| here(one)).cloned() else {
            self.notice = Some("no run of this installation stopped before its end".to_owned());
            return Vec::new();
        };
        let Some(spec) = catalog::by_id(&unfinished.plan.action) else {
            self.notice = Some(format!("this version knows no action {}", unfinished.plan.action));
            return Vec::new();
        };
        let params = unfinished.plan.params.clone();
        self.acting = Some(Box::new(Acting { spec, params, stage: Stage::Asking, scrolled: 0 }));
        self.overlay = Some(Overlay::Plan);
        let resumes = Some((unfinished.run, unfinished.step, unfinished.is_unsure));
        self.planned(unfinished.plan, resumes)
    }

    /// Why nothing new can be begun.
    fn busy(&self) -> Option<String> {
        let run = self.the_run().filter(|run| run.is_under_way())?;
        Some(format!("{} is under way; wait for it or abort it", run.plan.title))
    }

    /// The run, if there is one.
    pub fn the_run(&self) -> Option<&Run> {
        match &self.acting.as_ref()?.stage {
            Stage::Running(run) => Some(run),
            _ => None,
        }
    }

    fn refuse(&mut self, refusal: Refusal) -> Vec<Effect> {
        self.stage(Stage::Refused(refusal));
        Vec::new()
    }

    fn stage(&mut self, stage: Stage) {
        if let Some(acting) = &mut self.acting {
            acting.stage = stage;
            acting.scrolled = 0;
        }
        self.redraw = true;
    }

    /// Brokers, and the way they are asked: the one for looking, or another.
    fn door(&self, way: Option<&Choice>) -> Option<Door> {
        let found = self.found.iter().find(|f| Some(&f.installation.id) == self.chosen.as_ref())?;
        let mut book = found.book.clone();
        if let Some(way) = way.map(Choice::dialled)
            && book.way.as_ref() != way
        {
            Arc::make_mut(&mut book).way = way.cloned();
        }
        Some(Door { installation: found.installation.id.clone(), book })
    }

    fn build(&mut self, answers: &[Answer]) -> Vec<Effect> {
        let Some(way) = self.way_to_act() else { return Vec::new() };
        let (Some(reading), Some(acting)) = (self.reading(), &self.acting) else { return Vec::new() };
        let situation = Situation { reading, way: &way, answers };
        match (acting.spec.build)(&acting.params, &situation) {
            Ok(plan) => self.planned(plan, None),
            Err(refusal) => self.refuse(refusal),
        }
    }

    /// Shows a plan, and has it tried without doing it.
    fn planned(&mut self, plan: Plan, resumes: Option<(String, usize, bool)>) -> Vec<Effect> {
        let plan = Arc::new(plan);
        let is_empty = plan.is_empty();
        // What has been done of a run that stopped cannot be tried again.
        let is_tried = is_empty || resumes.is_some();
        let preview = is_tried.then(Preview::default);
        self.stage(Stage::Planned(Box::new(Planned {
            plan: Arc::clone(&plan),
            preview,
            typing: None,
            refused: None,
            resumes,
        })));
        if is_tried {
            return Vec::new();
        }
        let way = self.way_to_act();
        // A credential that somebody has to consent to is not used for trying.
        let is_free = way.as_ref().and_then(Choice::way).is_none_or(|way| way.owner.is_unasked());
        let is_wished = matches!(way, Some(Choice::Taken { wished: true, .. }));
        let door = if is_free || is_wished { self.door(way.as_ref()) } else { None };
        self.inquiries += 1;
        vec![Effect::Act(Box::new(Errand::Rehearse { id: self.inquiries, door, plan }))]
    }

    /// Says yes to the plan that is shown; `typed` is what was typed where that is asked for.
    pub fn go_ahead(&mut self, typed: Option<&str>) -> Vec<Effect> {
        let read_only = self.read_only.clone();
        let now = self.now;
        let Some(Acting { stage: Stage::Planned(planned), .. }) = self.acting.as_deref_mut() else { return Vec::new() };
        let refusal = match (&planned.preview, &planned.plan.typed) {
            _ if read_only.is_some() => read_only.map(|why| format!("read-only: {why}")),
            (None, _) => Some("it is still being tried without doing it".to_owned()),
            (Some(preview), _) if preview.refuses().is_some() => preview.refuses(),
            (_, Some(name)) if typed != Some(name) => Some(format!("type {name} to go on")),
            _ => None,
        };
        if let Some(why) = refusal {
            planned.refused = Some(why);
            return Vec::new();
        }
        let plan = Plan::clone(&planned.plan);
        let run = match planned.resumes.take() {
            Some((before, at, is_unsure)) => Run::resume(before, plan, at, is_unsure, now),
            None => Run::new(new_id(now), plan, now),
        };
        let errand = Errand::Open { run: run.id.clone(), resumes: run.resumes, plan: Arc::clone(&planned.plan) };
        self.unfinished.retain(|one| one.run != run.id);
        self.stage(Stage::Running(Box::new(run)));
        vec![Effect::Act(Box::new(errand))]
    }

    /// Takes a report of an errand.
    pub(super) fn reported(&mut self, report: Report) -> Vec<Effect> {
        match report {
            Report::Answered { id, answers }
                if id == self.inquiries && matches!(self.overlay, Some(Overlay::Fields(_))) =>
            {
                if let (Some(Overlay::Fields(fields)), Ok(answers)) = (&mut self.overlay, answers) {
                    fields.learn(answers);
                    self.redraw = true;
                }
                Vec::new()
            }
            Report::Answered { id, answers } if id == self.inquiries => match answers {
                Ok(answers) => self.build(&answers),
                Err(why) => self.refuse(Refusal::new(why)),
            },
            Report::Rehearsed { id, preview } if id == self.inquiries => {
                if let Some(Acting { stage: Stage::Planned(planned), .. }) = self.acting.as_deref_mut() {
                    planned.preview = Some(preview);
                }
                self.redraw = true;
                Vec::new()
            }
            Report::Run { run, event } if self.the_run().is_some_and(|one| one.id == run) => self.advance(event),
            _ => Vec::new(),
        }
    }

    /// Looks at the gates of the run under way.
    pub(super) fn look_at_run(&mut self) -> Vec<Effect> {
        if self.the_run().is_some_and(Run::is_under_way) { self.advance(Event::Looked) } else { Vec::new() }
    }

    /// Tells the run something, and says what is to be done for it.
    pub fn advance(&mut self, event: Event) -> Vec<Effect> {
        let Some(mut acting) = self.acting.take() else { return Vec::new() };
        let mut effects = Vec::new();
        if let Stage::Running(run) = &mut acting.stage {
            let reading = self.reading_of(&run.plan.installation);
            let begins = matches!(event, Event::Opened(_));
            let acts = run.advance(event, reading.as_ref(), self.now);
            if begins {
                self.tell_begun(&run.id, &run.plan, run.resumes);
            }
            for act in &acts {
                if let Act::Close(end) = act {
                    self.tell_ended(&run.id, &run.plan, end);
                }
            }
            let door = self.door(self.way_to_act().as_ref());
            effects.extend(acts.into_iter().map(|act| Effect::Act(Box::new(errand(run, act, door.clone())))));
            if run.phase == Phase::Over {
                self.unfinished.extend(Unfinished::after(run, self.now));
                effects.extend(self.leaving.then_some(Effect::Leave));
            }
        }
        self.acting = Some(acting);
        self.redraw = true;
        effects
    }

    /// Ends the run before its next step, and says when it may be left.
    pub fn abort(&mut self, why: &str) -> Vec<Effect> {
        self.advance(Event::Abort(why.to_owned()))
    }

    /// Commands that do the same as the plan that is shown.
    pub fn equivalents(&self, plan: &Plan) -> Vec<render::Equivalent> {
        let tools = self.reading_of(&plan.installation).map(|reading| Tools::of(&reading)).unwrap_or_default();
        render::commands(plan, &tools)
    }

    /// The plan that is shown, in whichever stage.
    pub fn plan(&self) -> Option<&Plan> {
        match &self.acting.as_ref()?.stage {
            Stage::Planned(planned) => Some(&planned.plan),
            Stage::Running(run) => Some(&run.plan),
            _ => None,
        }
    }

    /// Takes a key of the form.
    pub(super) fn fields_key(&mut self, mut fields: Box<Fields>, key: Key, command: Option<CommandId>) -> Vec<Effect> {
        match fields.key(key, command) {
            Filled::Cancelled => {}
            Filled::With(params) => return self.act(fields.spec, params),
            Filled::Not => self.overlay = Some(Overlay::Fields(fields)),
        }
        Vec::new()
    }

    /// Takes a key of the plan's dialog.
    pub(super) fn plan_key(&mut self, key: Key, command: Option<CommandId>) -> Vec<Effect> {
        self.overlay = Some(Overlay::Plan);
        let mut typed = None;
        if let Some(Acting { stage: Stage::Planned(planned), .. }) = self.acting.as_deref_mut()
            && let Some(form) = &mut planned.typing
        {
            match key {
                Key::Esc => {
                    planned.typing = None;
                    return Vec::new();
                }
                Key::Enter => typed = Some(form.text().trim().to_owned()),
                key => {
                    planned.refused = None;
                    form.key(key);
                    return Vec::new();
                }
            }
        }
        if typed.is_some() {
            return self.go_ahead(typed.as_deref());
        }
        match command {
            Some(CommandId::Go) => self.say_yes(),
            Some(CommandId::DryRun) => self.rehearse_again(),
            Some(CommandId::Copy) => self.copy_commands(),
            Some(CommandId::PauseRun) => {
                let paused = self.the_run().is_some_and(|run| run.paused);
                self.advance(if paused { Event::Resume } else { Event::Pause })
            }
            Some(CommandId::AbortRun) => self.abort("it was aborted"),
            Some(CommandId::Back) => self.close_plan(),
            Some(CommandId::Move(by) | CommandId::Page(by)) => {
                self.scroll_plan(by);
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    fn say_yes(&mut self) -> Vec<Effect> {
        if let Some(Acting { stage: Stage::Planned(planned), .. }) = self.acting.as_deref_mut() {
            if planned.plan.is_empty() {
                return self.close_plan();
            }
            if planned.plan.typed.is_some() && planned.preview.as_ref().is_some_and(|p| p.refuses().is_none()) {
                planned.typing = Some(Form::new(""));
                return Vec::new();
            }
        }
        self.go_ahead(None)
    }

    fn rehearse_again(&mut self) -> Vec<Effect> {
        let Some(Acting { stage: Stage::Planned(planned), .. }) = self.acting.as_deref() else { return Vec::new() };
        if planned.resumes.is_some() {
            return Vec::new();
        }
        let plan = Plan::clone(&planned.plan);
        self.planned(plan, None)
    }

    /// Closes the dialog: what runs goes on, all else is forgotten.
    fn close_plan(&mut self) -> Vec<Effect> {
        self.overlay = None;
        if self.the_run().is_none_or(|run| !run.is_under_way()) {
            self.acting = None;
        }
        Vec::new()
    }

    fn copy_commands(&mut self) -> Vec<Effect> {
        let Some(plan) = self.plan() else { return Vec::new() };
        let lines: Vec<String> = self.equivalents(plan).into_iter().map(|one| one.text).collect();
        self.notice = Some(format!("copied {} commands, if the terminal allows OSC 52", lines.len()));
        vec![Effect::Copy(lines.join("\n"))]
    }

    fn scroll_plan(&mut self, by: i32) {
        if let Some(acting) = &mut self.acting {
            let rows = usize::try_from(by.unsigned_abs()).unwrap_or_default();
            acting.scrolled =
                if by < 0 { acting.scrolled.saturating_sub(rows) } else { acting.scrolled.saturating_add(rows) };
        }
    }

    /// Opens the dialog of the run again.
    pub(super) fn show_run(&mut self) -> Vec<Effect> {
        if self.acting.is_some() {
            self.overlay = Some(Overlay::Plan);
        } else {
            self.notice = Some("no action is under way".to_owned());
        }
        Vec::new()
    }

    /// What is selected, if it is what an action is done to.
    pub fn subject(&self, scope: Scope) -> Option<String> {
        let selected = || self.selected().map(str::to_owned);
        let is_list = |id: ListId| self.list() == Some(id);
        match scope {
            Scope::Broker if is_list(ListId::Brokers) => {
                let selected = selected()?;
                let shown = self.shown.as_ref()?;
                let row = shown.brokers.iter().find(|row| {
                    row.pod.as_deref() == Some(&selected) || row.id.is_some_and(|id| id.to_string() == selected)
                })?;
                row.id.map(|id| id.to_string())
            }
            Scope::Topic => match &self.place {
                Place::Topic(topic) => Some(topic.clone()),
                _ if is_list(ListId::Topics) => selected(),
                _ => None,
            },
            Scope::Group => match &self.place {
                Place::Group(group) => Some(group.clone()),
                _ if is_list(ListId::Groups) => selected(),
                _ => None,
            },
            Scope::User if is_list(ListId::Users) => selected(),
            Scope::Claim if is_list(ListId::Storage) => selected(),
            Scope::Connector if is_list(ListId::Connect) => selected(),
            _ => None,
        }
    }
}

/// An id that sorts by when runs began.
fn new_id(now: DateTime<Utc>) -> String {
    now.format("%Y%m%dT%H%M%S%.3fZ").to_string()
}

/// An act of a run, as an errand.
fn errand(run: &Run, act: Act, door: Option<Door>) -> Errand {
    let id = run.id.clone();
    match act {
        Act::Do(step) => {
            let title = run.plan.steps.get(step).map(|one| one.title.as_str()).unwrap_or_default();
            let words = format!("{} of {}: {title}", step + 1, run.plan.steps.len());
            let op = run.plan.steps.get(step).map_or(Op::Wait, |one| one.op.clone());
            let door = door.filter(|_| op.asks_brokers());
            Errand::Do { run: id, step, words, door, op: Box::new(op) }
        }
        Act::Interrupt => Errand::Interrupt { run: id },
        Act::Close(end) => Errand::Close { run: id, result: end.word(), why: end.why().map(str::to_owned) },
    }
}
