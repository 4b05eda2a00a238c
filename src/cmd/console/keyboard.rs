//! Reads what is typed, on a thread of its own, and can be told to stop.
//!
//! While the shell has the terminal nobody may read from it: bytes would be stolen, and a process in the
//! background would be stopped for it. So the thread ends before the terminal is given back. It only reads;
//! what the bytes mean is `decoder`'s. Called by `console`.

use std::{
    io::{self, PipeWriter, Read},
    os::fd::AsFd,
};

use rustix::event::{PollFd, PollFlags, poll};
use tokio::sync::mpsc;

use crate::{cmd::terminal, task};

/// Bytes that are read at once; a paste comes in several pieces.
const PIECE: usize = 4096;
/// Pieces under way; when the console is busy, the terminal keeps the rest.
const PIECES: usize = 16;

/// What is typed, as it comes.
pub struct Keyboard {
    pieces: mpsc::Receiver<Vec<u8>>,
    /// Its end tells the thread to stop.
    stop: Option<PipeWriter>,
}

impl Keyboard {
    /// Starts to read.
    pub fn start() -> io::Result<Self> {
        let (sender, pieces) = mpsc::channel(PIECES);
        let (stopped, stop) = io::pipe()?;
        let tty = terminal::input()?;
        task::thread("keyboard", move || {
            let mut tty = tty;
            let mut piece = vec![0; PIECE];
            while wait(&tty, &stopped) {
                match tty.read(&mut piece) {
                    // Nobody listens any more, or nobody will ever type again.
                    Ok(n @ 1..) if sender.blocking_send(piece[..n].to_vec()).is_ok() => {}
                    Err(error) if matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock) => {}
                    Ok(_) | Err(_) => return,
                }
            }
        });
        Ok(Self { pieces, stop: Some(stop) })
    }

    /// Waits for what is typed next; none once the terminal is gone. Cancel-safe.
    pub async fn next(&mut self) -> Option<Vec<u8>> {
        self.pieces.recv().await
    }

    /// Stops reading; when this returns nothing is read any more. What was typed meanwhile is forgotten.
    pub async fn stop(&mut self) {
        self.stop = None;
        while self.pieces.recv().await.is_some() {}
    }
}

/// Waits until there is something to read; false when it is time to stop.
fn wait(tty: &impl AsFd, stopped: &impl AsFd) -> bool {
    loop {
        let mut fds = [
            PollFd::from_borrowed_fd(tty.as_fd(), PollFlags::IN),
            PollFd::from_borrowed_fd(stopped.as_fd(), PollFlags::IN),
        ];
        match poll(&mut fds, None) {
            Ok(_) if !fds[1].revents().is_empty() => return false,
            // A hang-up is met by the read.
            Ok(_) if !fds[0].revents().is_empty() => return true,
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(_) => return false,
        }
    }
}
