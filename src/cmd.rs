//! The fronts: the console and the one-shot commands, all over the same App.
//!
//! This is the only place where the App meets `io`, and the only one that may import everything.

pub mod completeness;
pub mod console;
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
pub mod terminal;
pub mod text;

use std::io::IsTerminal;

use crate::{
    cli::{Cli, Command, Global},
    clock::Clock,
    config::{color::Depth, theme::Theme},
    errors::Failure,
    view::Look,
};

use self::{oneshot::Asked, question::Question, session::Session};

/// Does what the command line says and answers with the exit code.
pub async fn run(cli: Cli) -> Result<u8, Failure> {
    let Cli { global, command } = cli;
    match command.unwrap_or(Command::Console) {
        Command::Console => console::run(session(&global)?, look(&global)).await.map(|()| 0),
        Command::Doctor => oneshot::doctor(&mut session(&global)?, &global).await,
        Command::Info => oneshot::info(&global),
        Command::Completions { shell } => oneshot::print(|out| manual::completions(shell, out)),
        Command::Man => oneshot::print(manual::man),
        Command::Logs(asked) => logs::run(&mut session(&global)?, &global, &asked).await,
        Command::Record { file, duration } => record::run(&mut session(&global)?, &file, duration).await,
        command => match Question::of(&command) {
            Some(question) => {
                let asked = Asked { watch_for: command.watch_for(), ascii: look(&global).ascii, question };
                oneshot::ask(&mut session(&global)?, &global, &asked).await
            }
            None => Ok(1),
        },
    }
}

/// A session for these flags, connecting already.
fn session(global: &Global) -> Result<Session, Failure> {
    let size = crossterm::terminal::size().unwrap_or((80, 24));
    Ok(Session::start(global.connect_options()?, global.installation.clone(), size, Clock::real()))
}

/// How the console looks on this terminal.
fn look(global: &Global) -> Look {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let utf8 = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find(|name| set(name)).is_some_and(|name| {
        std::env::var(name).is_ok_and(|value| value.to_lowercase().replace('-', "").contains("utf8"))
    });
    let dumb = std::env::var("TERM").is_ok_and(|term| term == "dumb");
    let color = !global.no_color && !set("NO_COLOR") && !dumb && std::io::stdout().is_terminal();
    let depth = if color { Depth::Ansi16 } else { Depth::None };
    Look::new(&Theme::built_in("default"), depth, global.ascii || !utf8)
}
