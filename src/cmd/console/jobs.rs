//! Stopping and going on as a shell wants its jobs to.
//!
//! SIGTSTP asks us to stop, SIGCONT says that we go on, SIGWINCH that the terminal has another size. SIGTTIN and
//! SIGTTOU are left to the kernel, which stops whoever reads or sets a terminal from the background: caught,
//! they would only be sent again and again. Called by `console`, which knows what is on the terminal.

use std::io;

use futures::FutureExt;
use rustix::process::Signal as Number;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::no_terminal;
use crate::{cmd::terminal, errors::Failure};

/// The signals of a job.
pub struct Jobs {
    /// Asks us to stop.
    pub stop: Signal,
    /// We go on.
    pub continued: Signal,
    /// The terminal has another size.
    pub resized: Signal,
}

impl Jobs {
    /// Listens to them from now on.
    pub fn new() -> io::Result<Self> {
        let number = |signal: Number| SignalKind::from_raw(signal.as_raw());
        Ok(Self {
            stop: signal(number(Number::TSTP))?,
            continued: signal(number(Number::CONT))?,
            resized: signal(SignalKind::window_change())?,
        })
    }

    /// Stops the whole job until it goes on in the foreground.
    pub async fn stop_job(&mut self) -> Result<(), Failure> {
        forget(&mut self.continued);
        terminal::stop_job().map_err(no_terminal)?;
        // The stop comes when it comes; only its end is told.
        self.continued.recv().await;
        self.wait_for_foreground().await?;
        // Who asked more than once was heard.
        forget(&mut self.stop);
        Ok(())
    }

    /// Returns at once in the foreground; in the background it stops, as whoever wants the terminal there does.
    pub async fn wait_for_foreground(&mut self) -> Result<(), Failure> {
        while !terminal::in_foreground() && terminal::can_be_continued() {
            forget(&mut self.continued);
            terminal::stop_job().map_err(no_terminal)?;
            self.continued.recv().await;
        }
        Ok(())
    }
}

/// Forgets a signal that came before it matters.
fn forget(signal: &mut Signal) {
    while signal.recv().now_or_never().flatten().is_some() {}
}
