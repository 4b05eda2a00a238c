//! The one-shot commands: a session is driven until enough is known, answered from, and ended.

use std::{
    io::{self, Write},
    time::Duration,
};

use tokio::time::{Instant, timeout_at};

use crate::{
    app::Msg,
    cli::{Format, Global},
    clock::Clock,
    config::Config,
    errors::{Failure, FailureKind},
    io::access,
};

use super::{
    completeness::{Need, Progress, has_settled, is_complete, timed_out},
    config, doctor, documents, info,
    question::Question,
    session::Session,
    settings,
};

/// What is asked, and how it is answered.
pub struct Asked {
    /// The question.
    pub question: Question,
    /// How long to watch for what needs two samples, once everything has answered.
    pub watch_for: Option<Duration>,
    /// Whether text is drawn with ASCII alone.
    pub ascii: bool,
}

/// Answers a question from one pass; what is known when time is up is printed too, with what was waited for.
pub async fn ask(session: &mut Session, global: &Global, asked: &Asked) -> Result<u8, Failure> {
    let incomplete = until(session, asked.question.need(), global.timeout()).await?;
    if let (None, Some(watch_for)) = (&incomplete, asked.watch_for) {
        drive(session, Instant::now() + watch_for).await?;
    }
    let Some(incomplete) = incomplete else {
        write_out(&asked.question.answer(&session.app, global.output, asked.ascii)?)?;
        return Ok(asked.question.exit_code(&session.app));
    };
    if session.app.shown.is_none() {
        return Err(incomplete);
    }
    write_out(&asked.question.answer(&session.app, global.output, asked.ascii)?)?;
    // What is known to be wrong stays wrong, however much more there is to know.
    match (&asked.question, asked.question.exit_code(&session.app)) {
        (Question::Status, _) => Ok(noted(&incomplete, 0)),
        (Question::Check, 1) => Ok(noted(&incomplete, 1)),
        _ => Err(incomplete),
    }
}

/// Says whether everything can be seen.
pub async fn doctor(session: &mut Session, global: &Global) -> Result<u8, Failure> {
    // Whatever cannot be seen is what it is asked for: only a configuration that cannot be used ends it.
    let deadline = Instant::now() + global.timeout();
    while !has_settled(&session.app) {
        match timeout_at(deadline, session.step()).await {
            Ok(wishes) => drop(wishes?),
            Err(_) => break,
        }
    }
    let namespace = session.app.world.connection.as_ref().and_then(|c| c.namespace.clone());
    let permissions = match session.cluster() {
        Some(cluster) if session.app.link_is_live() => {
            access::review(&cluster.client, &doctor::wanted(namespace.as_deref(), doctor::has_strimzi(&session.app)))
                .await
        }
        _ => Vec::new(),
    };
    // Answers that came meanwhile; and ages are told as of now.
    session.tell(Msg::Tick);
    let diagnosis = doctor::diagnose(&session.app, &permissions);
    let text = match global.output {
        Format::Text => diagnosis.text(),
        Format::Json => documents::json(&diagnosis.document(&session.app)),
        Format::Yaml => documents::yaml(&diagnosis.document(&session.app))?,
    };
    write_out(&text)?;
    Ok(diagnosis.exit_code())
}

/// Says where things are and what is in force.
pub fn info(global: &Global, config: &Config) -> Result<u8, Failure> {
    let around = info::surroundings(global);
    let document = || info::document(global, config, &around, Clock::real().now());
    write_in(global.output, || info::text(global, config, &around), document)?;
    Ok(0)
}

/// Says which settings count and what cannot be used.
pub fn config(global: &Global) -> Result<u8, Failure> {
    let config = settings::read(global, None)?;
    let document = || config::document(&config, Clock::real().now());
    write_in(global.output, || config::text(&config), document)?;
    Ok(config::exit_code(&config))
}

/// Writes an answer in the form that was asked for.
fn write_in(
    format: Format,
    text: impl FnOnce() -> String,
    document: impl FnOnce() -> serde_json::Value,
) -> Result<(), Failure> {
    write_out(&match format {
        Format::Text => text(),
        Format::Json => documents::json(&document()),
        Format::Yaml => documents::yaml(&document())?,
    })
}

/// Prints what `write` writes.
pub fn print(write: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> Result<u8, Failure> {
    let mut out = Vec::new();
    write(&mut out).map_err(|error| unwritable(&error))?;
    put(&out)?;
    Ok(0)
}

/// Drives a session until what is needed is known; the failure when time was up before.
pub(super) async fn until(session: &mut Session, need: Need, timeout: Duration) -> Result<Option<Failure>, Failure> {
    let deadline = Instant::now() + timeout;
    loop {
        let waiting = match is_complete(&session.app, need) {
            Progress::Complete => return Ok(None),
            Progress::Impossible(failure) => return Err(failure),
            Progress::Waiting(waiting) => waiting,
        };
        match timeout_at(deadline, session.step()).await {
            Ok(wishes) => drop(wishes?),
            Err(_) => return Ok(Some(timed_out(&session.app, &waiting, timeout))),
        }
    }
}

/// Drives a session for a while.
async fn drive(session: &mut Session, until: Instant) -> Result<(), Failure> {
    while let Ok(wishes) = timeout_at(until, session.step()).await {
        wishes?;
    }
    Ok(())
}

/// Tells what was not complete beside the answer that could be given.
fn noted(incomplete: &Failure, code: u8) -> u8 {
    // A closed standard error leaves the answer to speak.
    let _ = writeln!(io::stderr(), "{incomplete}");
    code
}

fn write_out(text: &str) -> Result<(), Failure> {
    put(text.as_bytes())
}

/// Writes to standard output; a reader that has seen enough (`| head`) is no failure.
pub(super) fn put(bytes: &[u8]) -> Result<(), Failure> {
    put_while_read(bytes).map(|_| ())
}

/// The same; false once nobody reads any more.
pub(super) fn put_while_read(bytes: &[u8]) -> Result<bool, Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(unwritable(&error)),
        Ok(()) => Ok(true),
    }
}

/// Says something beside the answer, on standard error; where that is closed nobody wants to hear it.
pub(super) fn say(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

fn unwritable(error: &io::Error) -> Failure {
    Failure::new(FailureKind::Wrong, "The answer cannot be written.").why(error)
}
