//! Actions from the command line: the same plan, the same preview and the same run as in the console.
//!
//! It prints the plan, asks where somebody can answer, drives the session until the run is over, and says how it ended.

use std::io::{self, IsTerminal, Write};

use serde_json::{Value, json};
use tokio::{
    signal::unix::{SignalKind, signal},
    time::{Instant, timeout_at},
};
use zeroize::Zeroizing;

use crate::{
    app::{
        App, Msg,
        acting::{Planned, Stage},
    },
    cli::{Format, Global, actions::Typed},
    domain::{
        proof::Summary,
        text::{printable, sentence},
    },
    errors::{Failure, FailureKind},
    plan::{
        Plan, Refusal,
        catalog::{self, ActionSpec, Scope},
        errand::Preview,
        gate::{self, Moment, Verdict, check_all},
        kafka::KafkaAnswer,
        op::Rehearsed,
        run::{End, Run},
    },
};

use super::{
    completeness::Need,
    documents,
    oneshot::{put, until},
    session::Session,
};

/// What came of it, as documents have it.
struct Outcome {
    result: &'static str,
    why: Option<String>,
    code: u8,
    run: Option<String>,
    made: Option<KafkaAnswer>,
    measured: Option<Summary>,
    hints: Vec<String>,
}

impl Outcome {
    fn of(result: &'static str, why: Option<String>, code: u8) -> Self {
        Self { result, why, code, run: None, made: None, measured: None, hints: Vec::new() }
    }
}

/// Does what was typed, and answers with the exit code.
pub async fn run(session: &mut Session, global: &Global, typed: &Typed) -> Result<u8, Failure> {
    let spec = catalog::by_id(&typed.action)
        .ok_or_else(|| Failure::new(FailureKind::Usage, format!("There is no action {}.", typed.action)))?;
    wait(session, global, need(spec)).await?;
    session.drive(|app| app.act(spec, typed.params.clone()));
    go(session, global, &typed.action, typed).await
}

/// Goes on with a run that stopped before its end.
pub async fn resume(session: &mut Session, global: &Global, yes: bool) -> Result<u8, Failure> {
    wait(session, global, Need::Everything).await?;
    session.drive(App::resume);
    if session.app.acting.is_none() {
        let why = session.app.notice.take().unwrap_or_default();
        return Err(Failure::new(FailureKind::Wrong, sentence(&why)));
    }
    let confirm = session.app.plan().and_then(|plan| plan.typed.clone());
    go(session, global, "resume", &Typed { yes, confirm, ..Typed::default() }).await
}

/// What has to be known for an action on something.
fn need(spec: &ActionSpec) -> Need {
    match spec.scope {
        Scope::Installation if spec.id.starts_with("user.") => Need::Users,
        Scope::Broker | Scope::Brokers | Scope::Group | Scope::Topic => Need::Everything,
        Scope::Installation => Need::Topics,
        Scope::User => Need::Users,
        Scope::Claim => Need::Storage,
        Scope::Connector => Need::Connect,
    }
}

/// Waits until enough is known. What is still missing then is what gates wait for.
async fn wait(session: &mut Session, global: &Global, need: Need) -> Result<(), Failure> {
    let incomplete = until(session, need, global.timeout()).await?;
    session.tell(Msg::Tick);
    match incomplete {
        Some(failure) if session.app.reading().is_none() => Err(failure),
        Some(failure) => {
            // A closed standard error leaves the answer to speak.
            let _ = writeln!(io::stderr(), "{failure}");
            Ok(())
        }
        None => Ok(()),
    }
}

async fn go(session: &mut Session, global: &Global, action: &str, typed: &Typed) -> Result<u8, Failure> {
    let outcome = outcome(session, global, typed).await?;
    match global.output {
        Format::Text => {
            if let Some(KafkaAnswer::Password { user, password }) = &outcome.made {
                let user = printable(user);
                let mut line = Zeroizing::new(format!("password of {user}, shown once: ").into_bytes());
                line.extend_from_slice(password.reveal());
                line.push(b'\n');
                put(&line)?;
            }
            if let Some(why) = outcome.why.as_ref().filter(|_| outcome.code != 0) {
                let _ =
                    writeln!(io::stderr(), "Error: {}", printable(&format!("{}: {}", outcome.result, sentence(why))));
            }
        }
        Format::Json => put(documents::json(&document(&session.app, action, &outcome)).as_bytes())?,
        Format::Yaml => put(documents::yaml(&document(&session.app, action, &outcome))?.as_bytes())?,
    }
    Ok(outcome.code)
}

async fn outcome(session: &mut Session, global: &Global, typed: &Typed) -> Result<Outcome, Failure> {
    let deadline = Instant::now() + global.timeout();
    while is_pending(&session.app) {
        if let Ok(wishes) = timeout_at(deadline, session.step()).await {
            drop(wishes?);
        } else {
            let why = "brokers did not answer what the plan needs".to_owned();
            return Ok(Outcome::of("timeout", Some(why), 3));
        }
    }
    let is_text = global.output == Format::Text;
    if is_text {
        put(text(&session.app).as_bytes())?;
    }
    let planned = match session.app.acting.as_deref().map(|acting| &acting.stage) {
        Some(Stage::Planned(planned)) => planned.clone(),
        Some(Stage::Refused(refusal)) => return Ok(refused(refusal)),
        _ => return Ok(Outcome::of("refused", None, 1)),
    };
    if let Some(why) = planned.preview.as_ref().and_then(Preview::refuses) {
        return Ok(Outcome::of("refused", Some(why), 1));
    }
    if typed.dry_run {
        return Ok(Outcome::of("dry-run", None, 0));
    }
    if planned.plan.is_empty() {
        return Ok(Outcome::of("done", Some("everything is so already".to_owned()), 0));
    }
    let name = match confirmed(&planned, typed)? {
        Ok(name) => name,
        Err(why) => return Ok(Outcome::of("refused", Some(why), 1)),
    };
    session.drive(|app| app.go_ahead(name.as_deref()));
    follow(session, global, is_text).await
}

/// True until there is a plan that was tried, or none.
fn is_pending(app: &App) -> bool {
    match app.acting.as_deref().map(|acting| &acting.stage) {
        Some(Stage::Asking) => true,
        Some(Stage::Planned(planned)) => planned.preview.is_none(),
        _ => false,
    }
}

fn refused(refusal: &Refusal) -> Outcome {
    let outcome = Outcome::of("refused", Some(refusal.why.clone()), if refusal.is_usage { 2 } else { 1 });
    Outcome { hints: refusal.hints.clone(), ..outcome }
}

/// The name that was typed where one has to be; or why there is no yes.
fn confirmed(planned: &Planned, typed: &Typed) -> Result<Result<Option<String>, String>, Failure> {
    let can_ask = io::stdin().is_terminal() && io::stderr().is_terminal();
    let plan = &planned.plan;
    Ok(match &plan.typed {
        None if typed.yes => Ok(None),
        Some(name) if typed.yes && typed.confirm.as_ref() == Some(name) => Ok(Some(name.clone())),
        None if can_ask => {
            let answer = answer(&format!("{}? [y/N] ", plan.title))?;
            if matches!(answer.as_str(), "y" | "Y" | "yes") { Ok(None) } else { Err("nobody said yes".to_owned()) }
        }
        Some(name) if can_ask => {
            let answer = answer(&format!("Type {name} to go on: "))?;
            if answer == *name { Ok(Some(answer)) } else { Err(format!("{name} was not typed")) }
        }
        None => Err("nobody can be asked here: add --yes".to_owned()),
        Some(name) => Err(format!("nobody can be asked here: add --yes --confirm {name}")),
    })
}

fn answer(question: &str) -> Result<String, Failure> {
    let failed = |error: io::Error| Failure::new(FailureKind::Wrong, "The answer could not be read.").why(error);
    let mut err = io::stderr();
    write!(err, "{}", printable(question)).and_then(|()| err.flush()).map_err(failed)?;
    let mut line = String::new();
    io::stdin().read_line(&mut line).map_err(failed)?;
    Ok(line.trim().to_owned())
}

/// Drives the run until it is over; a signal ends it before its next step, a second one at once.
async fn follow(session: &mut Session, global: &Global, is_text: bool) -> Result<Outcome, Failure> {
    let no_signal = |error: io::Error| Failure::new(FailureKind::Wrong, "Signals cannot be watched.").why(error);
    let mut stops = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()]
        .map(signal)
        .into_iter()
        .collect::<Result<Vec<_>, _>>()
        .map_err(no_signal)?;
    let deadline = global.deadline.map(|timeout| Instant::now() + timeout);
    let (mut said, mut waiting, mut stopped) = (0, String::new(), false);
    loop {
        let Some(run) = session.app.the_run() else {
            let why = match session.app.acting.as_deref().map(|acting| &acting.stage) {
                Some(Stage::Planned(planned)) => planned.refused.clone(),
                _ => None,
            };
            return Ok(Outcome::of("refused", why, 1));
        };
        if is_text {
            tell(run, &mut said, &mut waiting)?;
        }
        if !run.is_under_way() {
            return Ok(over(run, stopped && deadline.is_some_and(|deadline| Instant::now() >= deadline)));
        }
        let [interrupt, terminate, hangup] = stops.as_mut_slice() else { return Ok(Outcome::of("failed", None, 1)) };
        let why = tokio::select! {
            wishes = session.step() => { drop(wishes?); continue }
            _ = interrupt.recv() => "it was interrupted",
            _ = terminate.recv() => "it was asked to end",
            _ = hangup.recv() => "the terminal went away",
            () = expired(deadline), if !stopped => "it did not end within --timeout",
        };
        if stopped {
            return Ok(Outcome::of("failed", Some(format!("{why} twice; resume says where it stands")), 1));
        }
        stopped = true;
        session.drive(|app| app.abort(why));
    }
}

async fn expired(deadline: Option<Instant>) {
    match deadline {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// Prints what the run said since, and what it waits for when that changed.
fn tell(run: &Run, said: &mut usize, waiting: &mut String) -> Result<(), Failure> {
    let mut lines: Vec<String> = Vec::new();
    for one in run.said.iter().skip(*said) {
        lines.push(format!("{}  {}\n", one.at.format("%H:%M:%S"), printable(&one.text)));
    }
    *said = run.said.len();
    let now = run.waits_for().unwrap_or_default();
    if now != *waiting && !now.is_empty() {
        lines.push(format!("          waits for: {}\n", printable(&now)));
    }
    *waiting = now;
    put(lines.concat().as_bytes())
}

fn over(run: &Run, timed_out: bool) -> Outcome {
    let end = run.end.clone().unwrap_or(End::Failed("it has no end".to_owned()));
    let (result, code) = match &end {
        End::Done => ("done", 0),
        End::Refused(_) => ("refused", 1),
        End::TimedOut(_) => ("timeout", 3),
        End::Stopped(_) if timed_out => ("timeout", 3),
        End::Failed(_) | End::Stopped(_) => ("failed", 1),
    };
    let outcome = Outcome::of(result, end.why().map(str::to_owned), code);
    Outcome { run: Some(run.id.clone()), made: run.made.clone(), measured: run.measured.clone(), ..outcome }
}

/// The plan as text: what, which checks, which steps, what changes, what does the same.
fn text(app: &App) -> String {
    let Some(Stage::Planned(planned)) = app.acting.as_deref().map(|acting| &acting.stage) else {
        return String::new();
    };
    let plan = &planned.plan;
    let mut lines =
        vec![format!("{} · {} · {}", plan.title, plan.installation, plan.risk.word()), plan.sentence.clone()];
    let row = |label: &str, text: &str| format!("  {label:<8}{text}");
    lines.extend(plan.details.iter().map(|detail| row("", detail)));
    let notes = planned.preview.iter().flat_map(|preview| &preview.notes);
    lines.extend(plan.warnings.iter().chain(notes).map(|warning| row("mind", warning)));
    for (at, step) in plan.steps.iter().enumerate() {
        lines.push(row(&(at + 1).to_string(), &step.title));
        let first = plan.steps.first().filter(|_| at > 0 && step.before.len() > 1);
        if first.is_some_and(|first| gate::are_alike(&first.before, &step.before)) {
            lines.push(row("check", "the same, when it is its turn"));
        } else if let Some(reading) = app.reading_of(&plan.installation) {
            for (title, verdict) in check_all(&step.before, &Moment { reading, since: None }) {
                lines.push(row("check", &format!("{title}: {}", said(&verdict))));
            }
        }
        let known = plan.steps[..at].iter().any(|one| gate::are_alike(&one.after, &step.after));
        if known && step.after.len() > 1 {
            lines.push(row("wait", "for the same"));
        } else {
            lines.extend(step.after.iter().map(|gate| row("wait", &gate.title())));
        }
        if let Some(rehearsed) = planned.preview.as_ref().and_then(|preview| preview.steps.get(at)) {
            lines.extend(tried(rehearsed).into_iter().map(|(label, text)| row(label, &text)));
        }
    }
    for one in app.equivalents(plan) {
        lines.push(row("same as", &format!("{}{}", one.text, if one.runnable { "" } else { "   (closest)" })));
    }
    if !plan.undo.is_empty() && !plan.is_empty() {
        lines.push(row("undo", &plan.undo));
    }
    lines.into_iter().map(|line| printable(&line).into_owned() + "\n").collect()
}

fn said(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Pass(words) => format!("yes ({words})"),
        Verdict::Wait(words) => format!("not yet ({words})"),
        Verdict::Fail(words) => format!("NO ({words})"),
    }
}

fn tried(rehearsed: &Rehearsed) -> Vec<(&'static str, String)> {
    match rehearsed {
        Rehearsed::Fine(diff) if diff.is_empty() => vec![("tried", "it would be done".to_owned())],
        Rehearsed::Fine(diff) => diff.iter().map(|line| ("diff", line.clone())).collect(),
        Rehearsed::Untried(why) => vec![("tried", format!("not: {why}"))],
        Rehearsed::Already(what) => vec![("tried", what.clone())],
        Rehearsed::Failed(why) => vec![("tried", sentence(&why.words()))],
    }
}

/// The document of a write.
fn document(app: &App, action: &str, outcome: &Outcome) -> Value {
    let plan = app.plan();
    let mut body = json!({
        "hints": outcome.hints,
        "action": plan.map_or(action, |plan| plan.action.as_str()),
        "plan": plan.map(|plan| described(app, plan)),
        "result": outcome.result,
        "why": outcome.why,
        "journal_id": outcome.run,
    });
    if let (Some(KafkaAnswer::Password { user, password }), Some(body)) = (&outcome.made, body.as_object_mut()) {
        let password = String::from_utf8_lossy(password.reveal()).into_owned();
        body.insert("made".to_owned(), json!({"user": user, "password": password}));
    }
    if let (Some(measured), Some(body)) = (&outcome.measured, body.as_object_mut()) {
        body.insert("measured".to_owned(), serde_json::to_value(measured).unwrap_or_default());
    }
    documents::of_app(app, "action", body)
}

fn described(app: &App, plan: &Plan) -> Value {
    let commands: Vec<Value> =
        app.equivalents(plan).into_iter().map(|one| json!({"command": one.text, "runnable": one.runnable})).collect();
    let mut value = serde_json::to_value(plan).unwrap_or_default();
    if let Some(fields) = value.as_object_mut() {
        fields.insert("commands".to_owned(), Value::Array(commands));
    }
    value
}
