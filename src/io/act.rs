//! Carries an action out: asks what a plan needs, tries it without doing it, and does its steps one by one.
//!
//! It decides nothing: what is done next is the run's part, which the App owns. What it makes sure of is that every op and
//! its answer are in the journal before and after, that nobody else acts on the installation meanwhile, and that each
//! errand has one report. The session gives it errands.

mod passwords;

use std::sync::Arc;

use futures::future::join_all;
use serde_json::Value;
use tokio::{
    sync::{Notify, mpsc},
    time::{Duration, Instant, sleep_until},
};
use tokio_util::sync::{CancellationToken, DropGuard};

use self::passwords::PasswordFile;
use super::{
    apply,
    connect::Cluster,
    dial::PortForward,
    identity::Identity,
    journal::Journal,
    kafka::admin::{Admin, AdminError, AdminSetup, Rehearsal},
    lease::{self, Taken, Untaken},
    secrets::{KubeSecrets, Vault},
};
use crate::{
    clock::Clock,
    plan::{
        Op, Plan,
        errand::{Door, Errand, Preview, Report},
        journal::{Entry, Event as Noted},
        kafka::{Answer, KafkaAnswer, Question},
        op::{OpAnswer, OpFailure, Rehearsed},
        run::Event,
    },
    task,
};

/// How often the Lease is renewed; it says that it holds for 30 s.
const RENEW_EVERY: Duration = Duration::from_secs(10);
/// Errands of one run that wait: it gives one at a time.
const ERRANDS: usize = 8;
/// After a change everything is asked again at once, and again after these pauses, the last of them over and over until
/// the next step or the end: brokers tell each other in between, and operators take their time.
const ASK_AGAIN: [Duration; 4] =
    [Duration::from_millis(300), Duration::from_secs(2), Duration::from_secs(5), Duration::from_secs(10)];

/// What acting takes.
#[derive(Clone)]
pub struct ActSetup {
    /// The cluster.
    pub cluster: Cluster,
    /// What was given by hand to log in with.
    pub vault: Arc<Vault>,
    /// Where runs are written down; none where there is no place for it.
    pub journal: Option<Arc<Journal>>,
    /// The clock.
    pub clock: Clock,
    /// Notified when everything is to be asked again.
    pub refresh: Arc<Notify>,
    /// Where reports go.
    pub reports: mpsc::Sender<Report>,
    /// Ends everything.
    pub cancel: CancellationToken,
}

/// Runs errands.
pub struct Actor {
    setup: ActSetup,
    asking: Option<DropGuard>,
    run: Option<mpsc::Sender<Errand>>,
}

impl Actor {
    /// One that has nothing to do yet.
    pub fn new(setup: ActSetup) -> Self {
        Self { setup, asking: None, run: None }
    }

    /// Runs an errand; its report comes later.
    pub fn perform(&mut self, errand: Errand) {
        match errand {
            Errand::Ask { id, door, questions } => self.aside("act ask", move |setup, cancel| async move {
                let answers = ask(&setup, &door, &questions, cancel).await;
                Report::Answered { id, answers }
            }),
            Errand::Rehearse { id, door, plan } => self.aside("act rehearse", move |setup, cancel| async move {
                let preview = rehearse(&setup, door.as_ref(), &plan, cancel).await;
                Report::Rehearsed { id, preview }
            }),
            Errand::Open { .. } => {
                let (sender, errands) = mpsc::channel(ERRANDS);
                task::spawn("act run", &self.setup.cancel, run(self.setup.clone(), errands));
                self.hand(sender, errand);
            }
            errand => {
                if let Some(sender) = self.run.take() {
                    self.hand(sender, errand);
                }
            }
        }
    }

    fn hand(&mut self, sender: mpsc::Sender<Errand>, errand: Errand) {
        // A run gives one errand at a time: that there is no room means that it is over.
        if sender.try_send(errand).is_ok() {
            self.run = Some(sender);
        }
    }

    /// Asks something aside, instead of what was asked before.
    fn aside<F, W>(&mut self, name: &'static str, work: F)
    where
        F: FnOnce(ActSetup, CancellationToken) -> W + Send + 'static,
        W: Future<Output = Report> + Send + 'static,
    {
        let cancel = self.setup.cancel.child_token();
        let (setup, token) = (self.setup.clone(), cancel.clone());
        task::spawn(name, &cancel, async move {
            let reports = setup.reports.clone();
            let report = work(setup, token).await;
            // Nobody listens any more only when everything is about to end.
            let _ = reports.send(report).await;
        });
        self.asking = Some(cancel.drop_guard());
    }
}

/// Brokers, through a door.
fn admin(setup: &ActSetup, door: &Door, cancel: &CancellationToken) -> Admin {
    Admin::new(AdminSetup {
        installation: door.installation.clone(),
        transport: Arc::new(PortForward::new(&setup.cluster, cancel)),
        secrets: Arc::new(KubeSecrets::new(&setup.cluster.client).with(Arc::clone(&setup.vault))),
        book: Arc::clone(&door.book),
        clock: setup.clock.clone(),
        cancel: cancel.clone(),
    })
}

async fn ask(
    setup: &ActSetup,
    door: &Door,
    questions: &[Question],
    cancel: CancellationToken,
) -> Result<Vec<Answer>, String> {
    let admin = admin(setup, door, &cancel);
    let answers = join_all(questions.iter().map(|question| ask_one(setup, &admin, question))).await;
    answers.into_iter().collect()
}

async fn ask_one(setup: &ActSetup, admin: &Admin, question: &Question) -> Result<Answer, String> {
    if let Question::Secret { namespace, name } = question {
        return Ok(passwords::uid(&setup.cluster.client, namespace, name).await);
    }
    match (admin.ask(question).await, question) {
        // A topic that nobody can read from may well be the one to be deleted.
        (Err(error), Question::LastWrite { .. }) => Ok(Answer::Untold(error.to_string())),
        (answer, _) => answer.map_err(|error| error.to_string()),
    }
}

/// Tries every step without doing it.
async fn rehearse(setup: &ActSetup, door: Option<&Door>, plan: &Plan, cancel: CancellationToken) -> Preview {
    let admin = door.map(|door| admin(setup, door, &cancel));
    let steps = join_all(plan.steps.iter().map(|step| try_out(setup, admin.as_ref(), &step.op)));
    let holder = lease::look(&setup.cluster.client, &plan.installation, setup.clock.now());
    let (steps, holder) = tokio::join!(steps, holder);
    Preview { steps, holder, notes: Vec::new() }
}

async fn try_out(setup: &ActSetup, admin: Option<&Admin>, op: &Op) -> Rehearsed {
    match (op, admin) {
        (Op::Wait, _) => Rehearsed::Fine(Vec::new()),
        (Op::ReadPassword { .. }, _) => Rehearsed::Untried("it is read once it is there".to_owned()),
        (Op::Kafka { .. }, None) => {
            Rehearsed::Untried("it takes a credential that is used only after a yes".to_owned())
        }
        (Op::Kafka { ask }, Some(admin)) => match admin.rehearse(ask).await {
            Ok(Rehearsal::Checked) => Rehearsed::Fine(Vec::new()),
            Ok(Rehearsal::Unchecked(why)) => Rehearsed::Untried(why),
            Ok(Rehearsal::Already(what)) => Rehearsed::Already(what),
            Ok(Rehearsal::Stale(diff)) => Rehearsed::Failed(OpFailure::Stale(diff)),
            Err(error) => Rehearsed::Failed(failure(error)),
        },
        (op, _) => apply::rehearse(&setup.cluster.client, op).await,
    }
}

fn failure(error: AdminError) -> OpFailure {
    match error {
        AdminError::Stale { diff, .. } => OpFailure::Stale(diff),
        AdminError::Forbidden { .. } => OpFailure::Forbidden(error.to_string()),
        AdminError::Unreachable { .. } | AdminError::TimedOut { .. } => OpFailure::Unreachable(error.to_string()),
        _ => OpFailure::Refused(error.to_string()),
    }
}

/// A run that is open.
struct Open {
    run: String,
    plan: Arc<Plan>,
    /// Where a password that is made is written, instead of being shown.
    file: Option<PasswordFile>,
    journal: Arc<Journal>,
    identity: Identity,
    lease: Option<Taken>,
}

/// Does what one run gives, one errand after the other, until it is closed or nobody gives any more.
async fn run(setup: ActSetup, mut errands: mpsc::Receiver<Errand>) {
    let mut open: Option<Open> = None;
    let mut words = String::new();
    let mut renew = Instant::now() + RENEW_EVERY;
    let mut looking: Option<DropGuard> = None;
    loop {
        let errand = tokio::select! {
            errand = errands.recv() => errand,
            () = sleep_until(renew), if open.is_some() => {
                renew = Instant::now() + RENEW_EVERY;
                if let Some(open) = &open {
                    open.keep(&setup, &words).await;
                }
                continue;
            }
        };
        let Some(errand) = errand else { return };
        match errand {
            Errand::Open { run, resumes, plan } => {
                let event = match begin(&setup, &run, resumes, plan).await {
                    Ok((opened, notes)) => {
                        open = Some(opened);
                        Event::Opened(notes)
                    }
                    Err(why) => Event::NotOpened(why),
                };
                report(&setup, run, event).await;
            }
            Errand::Do { run, step, words: now, door, op } => {
                words = now;
                drop(looking.take());
                let Some(open) = &open else { return };
                open.keep(&setup, &words).await;
                renew = Instant::now() + RENEW_EVERY;
                let answer = {
                    let step = open.step(&setup, step, door.as_ref(), &op);
                    tokio::pin!(step);
                    loop {
                        tokio::select! {
                            answer = &mut step => break answer,
                            () = sleep_until(renew) => {
                                renew = Instant::now() + RENEW_EVERY;
                                open.keep(&setup, &words).await;
                            }
                        }
                    }
                };
                looking = Some(look_again(&setup));
                report(&setup, run, Event::Did(answer)).await;
            }
            Errand::Close { run, result, why } => {
                let Some(open) = open.take() else { return };
                let closed = open.close(&setup, result, why).await;
                report(&setup, run, Event::Closed(closed)).await;
                return;
            }
            Errand::Ask { .. } | Errand::Rehearse { .. } => {}
        }
    }
}

async fn report(setup: &ActSetup, run: String, event: Event) {
    // Nobody listens any more only when everything is about to end.
    let _ = setup.reports.send(Report::Run { run, event }).await;
}

/// Has everything asked at once, and again and again until what it answers with is dropped.
fn look_again(setup: &ActSetup) -> DropGuard {
    setup.refresh.notify_waiters();
    let (refresh, cancel) = (Arc::clone(&setup.refresh), setup.cancel.child_token());
    let last = ASK_AGAIN[ASK_AGAIN.len() - 1];
    task::spawn("act look again", &cancel, async move {
        for pause in ASK_AGAIN.into_iter().chain(std::iter::repeat(last)) {
            tokio::time::sleep(pause).await;
            refresh.notify_waiters();
        }
    });
    cancel.drop_guard()
}

/// Opens the journal and takes the Lease, in this order: without a journal nothing is touched.
async fn begin(setup: &ActSetup, run: &str, resumes: bool, plan: Arc<Plan>) -> Result<(Open, Vec<String>), String> {
    let journal = setup.journal.clone().ok_or_else(|| {
        "there is no place for the journal: no home directory; XDG_STATE_HOME can name one".to_owned()
    })?;
    let file = plan.params.get("password-out").map(|path| PasswordFile::make(path, resumes)).transpose()?;
    let mut open = Open { run: run.to_owned(), plan, file, journal, identity: Identity::here(), lease: None };
    let mut notes = Vec::new();
    let now = setup.clock.now();
    let plan = &open.plan;
    match lease::take(&setup.cluster.client, &plan.installation, &open.identity, &plan.action, now).await {
        Ok(taken) => {
            notes.extend(taken.over.clone());
            open.lease = Some(taken);
        }
        Err(Untaken::Held(holder)) => {
            return Err(format!("{} is at it: {}, {}", holder.who, holder.action, holder.step));
        }
        Err(Untaken::NotPermitted(why)) => notes.push(format!("nobody else is told that this runs: {why}")),
        Err(Untaken::Unreachable(why)) => return Err(why),
    }
    let begun = if resumes { Noted::Resume } else { Noted::Begin { plan: value(&*open.plan) } };
    if let Err(error) = open.note(setup, begun) {
        if let Some(lease) = open.lease.take() {
            // It expires where nobody answers.
            drop(lease.release().await);
        }
        return Err(OpFailure::Journal(error.to_string()).words());
    }
    Ok((open, notes))
}

fn value(of: &impl serde::Serialize) -> Value {
    serde_json::to_value(of).unwrap_or_default()
}

impl Open {
    fn note(&self, setup: &ActSetup, event: Noted) -> std::io::Result<()> {
        self.journal.append(&Entry {
            at: setup.clock.now(),
            run: self.run.clone(),
            who: self.identity.who(),
            pid: self.identity.pid,
            context: setup.cluster.connection.context.clone(),
            installation: self.plan.installation.clone(),
            action: self.plan.action.clone(),
            event,
        })
    }

    /// Says in the Lease that we are still here; whoever took it over ends the run.
    async fn keep(&self, setup: &ActSetup, words: &str) {
        let Some(lease) = &self.lease else { return };
        if let Err(Untaken::Held(holder)) = lease.renew(words, setup.clock.now()).await {
            let why = format!("{} has taken it over: {}", holder.who, holder.action);
            report(setup, self.run.clone(), Event::Abort(why)).await;
        }
    }

    /// Does one op, written down before and after.
    async fn step(&self, setup: &ActSetup, step: usize, door: Option<&Door>, op: &Op) -> Result<OpAnswer, OpFailure> {
        self.note(setup, Noted::Do { step, op: value(op) }).map_err(|error| OpFailure::Journal(error.to_string()))?;
        let mut answer = perform(setup, door, op).await;
        if let (Ok(OpAnswer::Made(KafkaAnswer::Password { password, .. })), Some(file)) = (&answer, &self.file) {
            // What cannot be written down is shown: it is nowhere else.
            if let Ok(words) = file.write(password) {
                answer = Ok(OpAnswer::Done(words));
            }
        }
        let event = match &answer {
            Ok(answer) => Noted::Done { step, answer: words(answer) },
            Err(why) => Noted::Failed { step, why: why.words() },
        };
        match (self.note(setup, event), answer) {
            // It is done; what cannot be written down must not be said to have failed, and nothing more is done.
            (Err(error), Ok(_)) => {
                let why = format!("the step is done, but the journal cannot be written any more: {error}");
                report(setup, self.run.clone(), Event::Abort(why)).await;
                Ok(OpAnswer::Done("not written down".to_owned()))
            }
            (_, answer) => answer,
        }
    }

    async fn close(self, setup: &ActSetup, result: &'static str, why: Option<String>) -> Result<(), String> {
        let words = why.map_or_else(|| result.to_owned(), |why| format!("{result}: {why}"));
        let noted = self.note(setup, Noted::End { result: words });
        if let Some(lease) = self.lease {
            // It expires where nobody answers.
            drop(lease.release().await);
        }
        noted.map_err(|error| error.to_string())
    }
}

/// What was answered, without what is shown once.
fn words(answer: &OpAnswer) -> String {
    match answer {
        OpAnswer::Done(words) | OpAnswer::Already(words) => words.clone(),
        OpAnswer::Made(KafkaAnswer::Password { user, .. }) => format!("a password was made for {user}"),
        OpAnswer::Made(KafkaAnswer::Done(words) | KafkaAnswer::Already(words)) => words.clone(),
    }
}

async fn perform(setup: &ActSetup, door: Option<&Door>, op: &Op) -> Result<OpAnswer, OpFailure> {
    match (op, door) {
        (Op::Wait, _) => Ok(OpAnswer::Done(String::new())),
        (Op::ReadPassword { target, key, user, other_than }, _) => {
            passwords::read(&setup.cluster.client, target, key, user, other_than.as_deref()).await
        }
        (Op::Kafka { .. }, None) => Err(OpFailure::Refused("no way into the brokers is known".to_owned())),
        (Op::Kafka { ask }, Some(door)) => {
            let cancel = setup.cancel.child_token();
            let admin = admin(setup, door, &cancel);
            let _ends = cancel.drop_guard();
            match admin.perform(ask).await {
                Ok(KafkaAnswer::Done(words)) => Ok(OpAnswer::Done(words)),
                Ok(KafkaAnswer::Already(words)) => Ok(OpAnswer::Already(words)),
                Ok(made) => Ok(OpAnswer::Made(made)),
                Err(error) => Err(failure(error)),
            }
        }
        (op, _) => apply::perform(&setup.cluster.client, op).await,
    }
}
