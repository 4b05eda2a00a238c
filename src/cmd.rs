//! The fronts: the console and the one-shot commands, all over the same App.
//!
//! This is the only place where the App meets `io`, and the only one that may import everything.

pub mod completeness;
pub mod config;
pub mod console;
pub mod docs;
pub mod doctor;
pub mod documents;
pub mod hooks;
pub mod info;
pub mod logs;
pub mod manual;
pub mod oneshot;
pub mod question;
pub mod record;
#[cfg(test)]
mod sample;
pub mod session;
pub mod settings;
pub mod terminal;
pub mod text;

use std::io::Write;

use crate::{
    cli::{Cli, Command, Global},
    clock::Clock,
    config::Config,
    errors::Failure,
};

use self::{oneshot::Asked, question::Question, session::Session};

/// Does what the command line says and answers with the exit code.
pub async fn run(cli: Cli) -> Result<u8, Failure> {
    let Cli { mut global, command } = cli;
    let command = command.unwrap_or(Command::Console);
    // What is the same on every machine needs no configuration, and says nothing about it.
    match &command {
        Command::Completions { shell } => return oneshot::print(|out| manual::completions(*shell, out)),
        Command::Man => return oneshot::print(manual::man),
        Command::Docs { table } => return oneshot::print(|out| out.write_all(docs::text(*table).as_bytes())),
        Command::Config => return oneshot::config(&global),
        _ => {}
    }
    let typed = global.clone();
    let config = settings::settle(&mut global)?;
    if command == Command::Console {
        return console(&global, config).await.map(|()| 0);
    }
    settings::warn(&config);
    match command {
        Command::Doctor => oneshot::doctor(&mut session(&global)?, &global).await,
        Command::Info => oneshot::info(&typed, &config),
        Command::Logs(asked) => logs::run(&mut session(&global)?, &global, &asked).await,
        Command::Record { file, duration } => record::run(&mut session(&global)?, &file, duration).await,
        command => match Question::of(&command) {
            Some(question) => {
                let asked = Asked { watch_for: command.watch_for(), ascii: global.ascii, question };
                oneshot::ask(&mut session(&global)?, &global, &asked).await
            }
            None => Ok(1),
        },
    }
}

/// The console, configured.
async fn console(global: &Global, config: Config) -> Result<(), Failure> {
    let mut session = session(global)?;
    let look = settings::look(&config);
    session.app.notice = settings::notice(&config.problems);
    session.app.keymap = config.keymap;
    console::run(session, look).await
}

/// A session for these flags, connecting already.
fn session(global: &Global) -> Result<Session, Failure> {
    let size = crossterm::terminal::size().unwrap_or((80, 24));
    Ok(Session::start(global.connect_options()?, global.installation.clone(), size, Clock::real()))
}
