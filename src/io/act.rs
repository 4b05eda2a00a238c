//! Carries an action out: asks what a plan needs, tries it without doing it, and does its steps one by one.
//!
//! It decides nothing: what is done next is the run's part, which the App owns. What it makes sure of is that every op and
//! its answer are in the journal before and after, that nobody else acts on the installation meanwhile, and that each
//! errand has one report. The session gives it errands.

mod looking;
mod passwords;

use std::sync::Arc;

use futures::future::join_all;
use serde_json::Value;
use tokio::{
    sync::{Notify, mpsc, watch},
    time::{Duration, Instant, sleep, sleep_until},
};
use tokio_util::sync::{CancellationToken, DropGuard};

use self::{
    looking::{Eager, look_again},
    passwords::PasswordFile,
};
use super::{
    apply,
    connect::Cluster,
    dial::PortForward,
    identity::Identity,
    job,
    journal::Journal,
    kafka::admin::{Admin, AdminError, AdminSetup, Rehearsal},
    lease::{self, Taken, Untaken},
    messages::{Reach, writer::Writer},
    proof::{self, Course},
    secrets::{KubeSecrets, Vault},
    workers,
};
use crate::{
    clock::Clock,
    domain::{
        freshness::{FailureKind, SourceFailure},
        record::Draft,
    },
    plan::{
        Op, Plan,
        errand::{Door, Errand, Preview, Report},
        journal::{Entry, Event as Noted, without_records},
        kafka::{Answer, KafkaAnswer, KafkaOp, Question},
        op::{OpAnswer, OpFailure, Rehearsed, Target},
        run::Event,
    },
    task,
};

/// How often the Lease is renewed; it says that it holds for 30 s.
const RENEW_EVERY: Duration = Duration::from_secs(10);
/// Errands of one run that wait: it gives one at a time.
const ERRANDS: usize = 8;
/// How long brokers may take to acknowledge a record.
const PRODUCE_WITHIN: Duration = Duration::from_secs(10);

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
    /// True while a run is open: what it waits for is asked for more often.
    pub eager: Arc<watch::Sender<bool>>,
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
    /// Breaks off what the step of the run waits for.
    interrupt: CancellationToken,
}

impl Actor {
    /// One that has nothing to do yet.
    pub fn new(setup: ActSetup) -> Self {
        Self { setup, asking: None, run: None, interrupt: CancellationToken::new() }
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
                self.interrupt = CancellationToken::new();
                let run = run(self.setup.clone(), errands, self.interrupt.clone());
                task::spawn("act run", &self.setup.cancel, run);
                self.hand(sender, errand);
            }
            Errand::Interrupt { .. } => self.interrupt.cancel(),
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
    match question {
        Question::Secret { namespace, name } => Ok(passwords::uid(&setup.cluster.client, namespace, name).await),
        Question::Object { target, paths } => {
            let found = apply::fields(&setup.cluster.client, target, paths).await;
            found.map(Answer::Object).map_err(|why| format!("{} cannot be read: {}", target.for_kubectl(), why.words()))
        }
        question => match (admin.ask(question).await, question) {
            // A topic that nobody can read from may well be the one to be deleted.
            (Err(error), Question::LastWrite { .. }) => Ok(Answer::Untold(error.to_string())),
            (answer, _) => answer.map_err(|error| error.to_string()),
        },
    }
}

/// Tries every step without doing it.
async fn rehearse(setup: &ActSetup, door: Option<&Door>, plan: &Plan, cancel: CancellationToken) -> Preview {
    let admin = door.map(|door| admin(setup, door, &cancel));
    let steps = join_all(plan.steps.iter().enumerate().map(|(at, step)| {
        let builds_on = earlier(plan, at);
        let admin = admin.as_ref();
        async move {
            match builds_on {
                Some(step) => Rehearsed::Untried(format!("it builds on step {}", step + 1)),
                None => try_out(setup, admin, &step.op).await,
            }
        }
    }));
    let holder = lease::look(&setup.cluster.client, &plan.installation, setup.clock.now());
    let (steps, holder) = tokio::join!(steps, holder);
    let holder = holder.filter(|_| plan.takes_lease());
    Preview { steps, holder, notes: Vec::new() }
}

/// An earlier step that changes the object which this one changes, too: by then it is not what it is now.
fn earlier(plan: &Plan, at: usize) -> Option<usize> {
    let changed = |op: &Op| match op {
        Op::Patch { target, .. } => Some(target.clone()),
        _ => None,
    };
    let target = changed(&plan.steps.get(at)?.op)?;
    plan.steps.iter().take(at).position(|step| changed(&step.op).as_ref() == Some(&target))
}

async fn try_out(setup: &ActSetup, admin: Option<&Admin>, op: &Op) -> Rehearsed {
    match (op, admin) {
        (Op::Wait, _) => Rehearsed::Fine(Vec::new()),
        (Op::Produce { .. }, _) => Rehearsed::Untried("a record cannot be written to try it".to_owned()),
        (Op::ReadPassword { .. }, _) => Rehearsed::Untried("it is read once it is there".to_owned()),
        (Op::Exchange { .. } | Op::Canary { .. }, _) => Rehearsed::Untried("its topic is not there yet".to_owned()),
        (Op::CleanTopic { .. }, _) => Rehearsed::Untried("it takes away what the run makes".to_owned()),
        (Op::Unproven { why }, _) => Rehearsed::Untried(why.clone()),
        (Op::Job { target, manifest, .. }, _) => {
            let make = Op::Create { target: target.clone(), manifest: manifest.clone() };
            match apply::rehearse(&setup.cluster.client, &make).await {
                // The other path can be proven all the same.
                Rehearsed::Failed(why) => Rehearsed::Untried(format!("it will stay unproven: {}", why.words())),
                fine => fine,
            }
        }
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
        (Op::Connect { workers, connector, ask, .. }, _) => {
            workers::change::rehearse(&connecting(setup), workers, connector, *ask).await
        }
        (op, _) => apply::rehearse(&setup.cluster.client, op).await,
    }
}

/// The way to Connect's workers.
fn connecting(setup: &ActSetup) -> workers::change::Means {
    let cancel = setup.cancel.child_token();
    workers::change::Means { transport: Arc::new(PortForward::new(&setup.cluster, &cancel)), cancel }
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
async fn run(setup: ActSetup, mut errands: mpsc::Receiver<Errand>, interrupt: CancellationToken) {
    let _eager = Eager::begin(&setup.eager);
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
                let means = Means { setup: &setup, run: &run, interrupt: &interrupt };
                let answer = keeping(open, &setup, &words, open.step(&means, step, door.as_ref(), &op)).await;
                renew = Instant::now() + RENEW_EVERY;
                looking = Some(look_again(&setup));
                report(&setup, run, Event::Did(answer)).await;
            }
            Errand::Close { run, result, why } => {
                let Some(open) = open.take() else { return };
                let closed = open.close(&setup, result, why).await;
                report(&setup, run, Event::Closed(closed)).await;
                return;
            }
            Errand::Ask { .. } | Errand::Rehearse { .. } | Errand::Interrupt { .. } => {}
        }
    }
}

/// Does something that may take longer than the Lease holds.
async fn keeping<T>(open: &Open, setup: &ActSetup, words: &str, doing: impl Future<Output = T>) -> T {
    tokio::pin!(doing);
    loop {
        tokio::select! {
            answer = &mut doing => return answer,
            () = sleep(RENEW_EVERY) => open.keep(setup, words).await,
        }
    }
}

async fn report(setup: &ActSetup, run: String, event: Event) {
    // Nobody listens any more only when everything is about to end.
    let _ = setup.reports.send(Report::Run { run, event }).await;
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
    let client = &setup.cluster.client;
    let taken = if plan.takes_lease() {
        Some(lease::take(client, &plan.installation, &open.identity, &plan.action, now).await)
    } else {
        None
    };
    match taken {
        None => {}
        Some(Ok(taken)) => {
            notes.extend(taken.over.clone());
            open.lease = Some(taken);
        }
        Some(Err(Untaken::Held(holder))) => {
            return Err(format!("{} is at it: {}, {}", holder.who, holder.action, holder.step));
        }
        Some(Err(Untaken::NotPermitted(why))) => notes.push(format!("nobody else is told that this runs: {why}")),
        Some(Err(Untaken::Unreachable(why))) => return Err(why),
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

/// As the journal keeps it.
fn value(of: &impl serde::Serialize) -> Value {
    without_records(serde_json::to_value(of).unwrap_or_default())
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
    async fn step(&self, means: &Means<'_>, step: usize, door: Option<&Door>, op: &Op) -> Result<OpAnswer, OpFailure> {
        let setup = means.setup;
        self.note(setup, Noted::Do { step, op: value(op) }).map_err(|error| OpFailure::Journal(error.to_string()))?;
        let mut answer = perform(means, door, op).await;
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

/// What a step is done with.
struct Means<'a> {
    setup: &'a ActSetup,
    run: &'a str,
    interrupt: &'a CancellationToken,
}

/// The way to records, through a door.
fn reach(setup: &ActSetup, door: &Door, cancel: &CancellationToken) -> Reach {
    Reach {
        transport: Arc::new(PortForward::new(&setup.cluster, cancel)),
        secrets: Arc::new(KubeSecrets::new(&setup.cluster.client).with(Arc::clone(&setup.vault))),
        book: Arc::clone(&door.book),
    }
}

/// Writes records and reads them again; each second it is told what came of them, where `is_told`.
async fn prove(
    means: &Means<'_>,
    door: &Door,
    course: &Course,
    most_ms: Option<u64>,
    is_told: bool,
) -> Result<OpAnswer, OpFailure> {
    let cancel = means.setup.cancel.child_token();
    let reach = reach(means.setup, door, &cancel);
    let _ends = cancel.drop_guard();
    let tell = |summary| {
        let event = Event::Measured(Box::new(summary), true);
        if is_told {
            // The next one says more: one that finds no room may be left out.
            drop(means.setup.reports.try_send(Report::Run { run: means.run.to_owned(), event }));
        }
    };
    let summary = proof::run(reach, course, means.interrupt, tell).await.map_err(refused)?;
    let (line, fault) = (summary.line(), summary.fault(most_ms));
    // The last one counts, also where nobody reads each.
    report(means.setup, means.run.to_owned(), Event::Measured(Box::new(summary), false)).await;
    match fault {
        None => Ok(OpAnswer::Done(line)),
        Some(fault) => Err(OpFailure::Refused(fault)),
    }
}

/// Takes away a topic that the run made.
async fn clean(
    setup: &ActSetup,
    door: Option<&Door>,
    topic: &str,
    resource: Option<&Target>,
) -> Result<OpAnswer, OpFailure> {
    if let Some(target) = resource {
        return apply::clean(&setup.cluster.client, target).await;
    }
    let Some(door) = door else { return Err(OpFailure::Refused("no way into the brokers is known".to_owned())) };
    ask_brokers(setup, door, &KafkaOp::DeleteTopic { topic: topic.to_owned() }).await
}

async fn ask_brokers(setup: &ActSetup, door: &Door, ask: &KafkaOp) -> Result<OpAnswer, OpFailure> {
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

/// Writes a record, and says where it is.
async fn produce(setup: &ActSetup, door: &Door, draft: &Draft) -> Result<OpAnswer, OpFailure> {
    let cancel = setup.cancel.child_token();
    let writer = Writer::start(reach(setup, door, &cancel), PRODUCE_WITHIN, &cancel);
    let _ends = cancel.drop_guard();
    match writer.write(draft.clone()).await {
        Ok(at) => {
            let took = at.took.as_millis();
            Ok(OpAnswer::Done(format!("partition {}, offset {}, after {took} ms", at.partition, at.offset)))
        }
        Err(why) => Err(refused(why)),
    }
}

fn refused(why: SourceFailure) -> OpFailure {
    match why.kind {
        FailureKind::Forbidden => OpFailure::Forbidden(why.what),
        FailureKind::Timeout | FailureKind::Unreachable => OpFailure::Unreachable(why.what),
        _ => OpFailure::Refused(why.what),
    }
}

/// What was answered, without what is shown once.
fn words(answer: &OpAnswer) -> String {
    match answer {
        OpAnswer::Made(KafkaAnswer::Password { user, .. }) => format!("a password was made for {user}"),
        OpAnswer::Done(words)
        | OpAnswer::Already(words)
        | OpAnswer::Made(KafkaAnswer::Done(words) | KafkaAnswer::Already(words)) => words.clone(),
    }
}

async fn perform(means: &Means<'_>, door: Option<&Door>, op: &Op) -> Result<OpAnswer, OpFailure> {
    let setup = means.setup;
    match (op, door) {
        (Op::Wait, _) => Ok(OpAnswer::Done(String::new())),
        (Op::Unproven { why }, _) => Err(OpFailure::Refused(why.clone())),
        (Op::Job { target, manifest, limit_s }, _) => {
            let limit = Duration::from_secs((*limit_s).into());
            job::run(&setup.cluster.client, target, manifest, limit, means.interrupt).await
        }
        (Op::CleanTopic { topic, resource }, door) => clean(setup, door, topic, resource.as_ref()).await,
        (op, None) if op.asks_brokers() => Err(OpFailure::Refused("no way into the brokers is known".to_owned())),
        (Op::Produce { draft }, Some(door)) => produce(setup, door, draft).await,
        (Op::ReadPassword { target, key, user, other_than }, _) => {
            passwords::read(&setup.cluster.client, target, key, user, other_than.as_deref()).await
        }
        (Op::Exchange { topic, records }, Some(door)) => {
            let gap = Duration::from_millis(1);
            let course = Course { topic: topic.clone(), tag: topic.clone(), records: *records, gap };
            prove(means, door, &course, None, false).await
        }
        (Op::Canary { topic, tag, rate, for_s, most_ms }, Some(door)) => {
            let records = usize::try_from(u64::from(*rate) * for_s).unwrap_or(usize::MAX);
            let gap = Duration::from_secs(1) / (*rate).max(1);
            let course = Course { topic: topic.clone(), tag: tag.clone(), records, gap };
            prove(means, door, &course, *most_ms, true).await
        }
        (Op::Connect { workers, connector, ask, .. }, _) => {
            workers::change::perform(&connecting(setup), workers, connector, *ask).await
        }
        (Op::Kafka { ask }, Some(door)) => ask_brokers(setup, door, ask).await,
        (op, _) => apply::perform(&setup.cluster.client, op).await,
    }
}
