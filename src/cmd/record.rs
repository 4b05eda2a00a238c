//! `record`: every fact, as it comes, to a file.

use std::{
    fs::OpenOptions,
    io::{BufWriter, ErrorKind},
    os::unix::fs::OpenOptionsExt,
    path::Path,
    time::Duration,
};

use tokio::time::{Instant, sleep_until};

use crate::errors::{Failure, FailureKind};

use super::{oneshot, session::Session};

/// Nobody else reads what a cluster looks like inside.
const PRIVATE: u32 = 0o600;
/// A time that is never reached, for a record without an end.
const FOR_EVER: Duration = Duration::from_secs(365 * 24 * 3600);

/// Records until the time is over or ctrl-c is pressed. A file that exists is never written over.
pub async fn run(session: &mut Session, file: &Path, duration: Option<Duration>) -> Result<u8, Failure> {
    let out = OpenOptions::new().write(true).create_new(true).mode(PRIVATE).open(file).map_err(|error| {
        let failure = Failure::new(FailureKind::Usage, format!("{} cannot be written.", file.display())).why(&error);
        match error.kind() {
            ErrorKind::AlreadyExists => failure.hint("name a file that does not exist yet"),
            _ => failure.hint("name a file in a folder that you may write to"),
        }
    })?;
    session.record_to(Box::new(BufWriter::new(out)));
    let until = Instant::now() + duration.unwrap_or(FOR_EVER);
    loop {
        tokio::select! {
            stepped = session.step() => drop(stepped?),
            () = sleep_until(until) => break,
            _ = tokio::signal::ctrl_c() => break,
        }
    }
    oneshot::put(format!("{} facts recorded in {}\n", session.recorded(), file.display()).as_bytes())?;
    if session.recorded() > 0 {
        return Ok(0);
    }
    Err(Failure::new(FailureKind::Unobservable, "Nothing was observed in that time."))
}
