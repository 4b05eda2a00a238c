//! The fronts: the console and the one-shot commands, all over the same App.
//!
//! This is the only place where the App meets `io`, and the only one that may import everything.

pub mod act;
pub mod clipboard;
pub mod completeness;
pub mod config;
pub mod console;
pub mod credentials;
pub mod demo;
pub mod docs;
pub mod doctor;
pub mod documents;
pub mod export;
pub mod hooks;
pub mod info;
pub mod log_file;
pub mod logs;
pub mod manual;
mod memory;
pub mod message;
mod messages;
pub mod oneshot;
pub mod question;
pub mod record;
#[cfg(test)]
mod sample;
pub mod session;
pub mod settings;
pub mod terminal;
pub mod text;

use std::{io::Write, path::PathBuf};

use crate::{
    cli::{Cli, Command, Global},
    clock::Clock,
    config::Config,
    errors::Failure,
    io::connect::ConnectOptions,
};

use self::{memory::Memory, oneshot::Asked, question::Question, session::Session};

/// Does what the command line says and answers with the exit code.
pub async fn run(cli: Cli) -> Result<u8, Failure> {
    let Cli { mut global, command } = cli;
    let command = command.unwrap_or(Command::Console);
    // What is the same on every machine needs no configuration, and says nothing about it.
    match &command {
        Command::Completions { shell } => return oneshot::print(|out| manual::completions(*shell, out)),
        Command::Demo { list: true, .. } => return oneshot::print(demo::list),
        Command::Man => return oneshot::print(manual::man),
        Command::Docs { table } => return oneshot::print(|out| out.write_all(docs::text(*table).as_bytes())),
        Command::Config => return oneshot::config(&global),
        _ => {}
    }
    if let Command::Demo { drill, .. } = &command {
        let options = demo::options(&global, drill.as_deref())?;
        let config = settings::settle(&mut global, Some(demo::CONTEXT))?;
        let dir = demo::state_dir();
        let ended = Box::pin(console(&global, config, options, None)).await.map(|()| 0);
        // Nothing of a demo outlives it; where the directory stays, it is in the way of nobody.
        drop(std::fs::remove_dir_all(dir));
        return ended;
    }
    let typed = global.clone();
    let config = settings::settle(&mut global, None)?;
    if command == Command::Console {
        let memory = Memory::of_user();
        return Box::pin(console(&global, config, global.connect_options()?, memory)).await.map(|()| 0);
    }
    settings::warn(&config);
    match command {
        Command::Doctor => oneshot::doctor(&mut session(&global).await?, &global).await,
        Command::Act(typed) => {
            let mut session = acting(&global, &config).await?;
            Box::pin(act::run(&mut session, &global, &typed)).await
        }
        Command::Resume { yes } => {
            let mut session = acting(&global, &config).await?;
            Box::pin(act::resume(&mut session, &global, yes)).await
        }
        Command::Export(params) => export::run(&mut session(&global).await?, &global, &params).await,
        Command::Info => oneshot::info(&typed, &config),
        Command::Logs(asked) => logs::run(&mut session(&global).await?, &global, &asked).await,
        Command::Message { what } => message::run(&mut session(&global).await?, &global, &what).await,
        Command::Record { file, duration } => record::run(&mut session(&global).await?, &file, duration).await,
        command => match Question::of(&command) {
            Some(question) => {
                let asked = Asked { watch_for: command.watch_for(), ascii: global.ascii, question };
                let mut session = session(&global).await?;
                if let Question::Timeline(..) = asked.question {
                    session.app.follow_events();
                    session.journal_in_dir(memory::state_dir());
                }
                oneshot::ask(&mut session, &global, &asked).await
            }
            None => Ok(1),
        },
    }
}

/// The console, configured.
async fn console(
    global: &Global,
    config: Config,
    options: ConnectOptions,
    memory: Option<Memory>,
) -> Result<(), Failure> {
    let is_demo = options.sandbox.is_some();
    let mut session = start(global, options)?;
    credentials::ask_for_password(&mut session, global).await?;
    if let Some(memory) = memory {
        session.remember_in(memory);
    }
    may_act(&mut session, &config, if is_demo { Some(demo::state_dir()) } else { memory::state_dir() });
    let look = settings::look(&config);
    session.app.notice = settings::notice(&config.problems);
    session.app.keymap = config.keymap;
    console::run(session, look, config.settings.mouse.value).await
}

/// A session for these flags, connecting already.
async fn session(global: &Global) -> Result<Session, Failure> {
    let mut session = start(global, global.connect_options()?)?;
    credentials::ask_for_password(&mut session, global).await?;
    Ok(session)
}

/// A session that may change something, unless the settings say otherwise.
async fn acting(global: &Global, config: &Config) -> Result<Session, Failure> {
    let mut session = session(global).await?;
    may_act(&mut session, config, memory::state_dir());
    Ok(session)
}

/// Says whether anything may be changed, and where that is written down.
fn may_act(session: &mut Session, config: &Config, dir: Option<PathBuf>) {
    let read_only = &config.settings.read_only;
    session.app.read_only = read_only.value.then(|| format!("{} says so", read_only.by));
    session.journal_in_dir(dir);
}

fn start(global: &Global, options: ConnectOptions) -> Result<Session, Failure> {
    let credentials = credentials::of_flags(global)?;
    credentials::warn(&credentials.notes);
    let size = crossterm::terminal::size().unwrap_or((80, 24));
    let mut session = Session::start(options, global.installation.clone(), size, Clock::real());
    session.enter_with(credentials);
    Ok(session)
}
