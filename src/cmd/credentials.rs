//! What the command line says of ways in: a listener, a user, a file with credentials, a password.
//!
//! A password is taken from a file, a variable or the terminal, never from the command line, which others can
//! read. What is given lives in memory until kafdeck ends.

use std::{
    env,
    io::{self, IsTerminal, Write},
    sync::Arc,
    time::Duration,
};

use tokio::time::{Instant, timeout_at};

use crate::{
    cli::Global,
    domain::{
        access::{Handed, Keep, Wish},
        text::printable,
    },
    errors::{Failure, FailureKind},
    io::{
        given::{self, GivenError},
        secrets::{Hidden, Vault},
    },
};

use super::{session::Session, terminal};

/// The variable that holds the password of `--as`.
const VARIABLE: &str = "KAFDECK_PASSWORD";

/// How long it is waited to know whether the cluster knows a user.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is wished, and what was given for it.
#[derive(Debug, Default)]
pub struct Credentials {
    /// The way that is wished.
    pub wish: Wish,
    /// Values that were given.
    pub vault: Arc<Vault>,
    /// What was left out, one sentence each.
    pub notes: Vec<String>,
}

/// Reads what the flags name.
pub fn of_flags(global: &Global) -> Result<Credentials, Failure> {
    let mut wish = Wish { listener: global.listener.clone(), user: global.as_user.clone(), handed: None };
    if let Some(path) = &global.command_config {
        let given = given::client_properties(path).map_err(|error| unusable("--command-config", &error))?;
        let notes = given.notes;
        wish.handed = Some(given.handed);
        return Ok(Credentials { wish, vault: Arc::new(given.vault), notes });
    }
    let Some(user) = global.as_user.clone() else {
        return Ok(Credentials { wish, ..Credentials::default() });
    };
    let password = match &global.password_file {
        Some(path) => {
            let password = given::password_file(path).map_err(|error| unusable("--password-file", &error))?;
            Some((format!("file {}", path.display()), password))
        }
        None => env::var_os(VARIABLE)
            .filter(|value| !value.is_empty())
            .map(|value| (format!("the variable {VARIABLE}"), Hidden::new(value.into_encoded_bytes()))),
    };
    Ok(match password {
        Some((words, password)) => of_password(wish.listener, user, words, password),
        None => Credentials { wish, ..Credentials::default() },
    })
}

/// A user and a password that was given for it.
fn of_password(listener: Option<String>, user: String, words: String, password: Hidden) -> Credentials {
    let from = format!("--as {user}");
    let handed = Handed { from, password: Some((user, Keep::Given(words.clone()))), ..Handed::default() };
    let wish = Wish { listener, user: None, handed: Some(handed) };
    Credentials { wish, vault: Arc::new([(words, password)].into()), notes: Vec::new() }
}

fn unusable(flag: &str, error: &GivenError) -> Failure {
    let failure = Failure::new(FailureKind::Usage, format!("What {flag} names cannot be used.")).why(error);
    match &error.hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// Says what was left out; never on standard output, which belongs to the answer.
pub fn warn(notes: &[String]) {
    for note in notes {
        // A closed standard error leaves the answer to speak.
        let _ = writeln!(io::stderr(), "Warning: {}", printable(note));
    }
}

/// Asks for the password of a user whom the cluster does not know, where there is a terminal to ask at.
pub async fn ask_for_password(session: &mut Session, global: &Global) -> Result<(), Failure> {
    let Some(user) = session.app.wish_of_command_line().user.clone() else { return Ok(()) };
    if !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
        return Ok(());
    }
    let deadline = Instant::now() + PATIENCE;
    while !session.app.knows_users() {
        match timeout_at(deadline, session.step()).await {
            Ok(wishes) => drop(wishes?),
            // The console says what it waits for, and a command what was missing.
            Err(_) => return Ok(()),
        }
    }
    if session.app.is_known(&user) {
        return Ok(());
    }
    let password = terminal::ask_hidden(&format!("Password of {}: ", printable(&user))).await?;
    let words = "the password that was typed".to_owned();
    session.enter_with(of_password(global.listener.clone(), user, words, password));
    Ok(())
}
