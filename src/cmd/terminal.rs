//! The terminal: taken over as a whole, written to in whole frames, and given back as it was.
//!
//! `restore` may be called from anywhere, any number of times: normal end, error, panic in any thread,
//! signal, hang-up. It ignores errors, for a terminal that is gone cannot be restored.

use std::{
    io::{self, Write},
    os::fd::AsFd,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    time::Duration,
};

use crossterm::{
    event::{DisableBracketedPaste, EnableBracketedPaste},
    execute,
    style::ResetColor,
    terminal::{BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen},
};
use rustix::event::{PollFd, PollFlags, poll};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc as async_mpsc,
};
use tokio_util::sync::CancellationToken;

use crate::io::task;

/// True while the terminal is ours.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// What ratatui ends every frame with.
const HIDE_CURSOR: &[u8] = b"\x1b[?25l";
/// Bytes below which a frame is not marked as one.
const SHORT: usize = 128;

/// How long giving the terminal back may take before we leave without it.
const PATIENCE: Duration = Duration::from_millis(500);

/// Takes the terminal over: raw mode, alternate screen, no cursor, pasted text marked as such.
pub fn take() -> io::Result<()> {
    crossterm::terminal::enable_raw_mode()?;
    TAKEN.store(true, Ordering::SeqCst);
    execute!(io::stdout(), EnterAlternateScreen, crossterm::cursor::Hide, EnableBracketedPaste)
}

/// Gives the terminal back, if it is ours.
pub fn restore() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        let mut out = io::stdout();
        // A terminal that is gone cannot be restored; there is nobody to tell.
        let _ = execute!(
            out,
            EndSynchronizedUpdate,
            ResetColor,
            DisableBracketedPaste,
            crossterm::cursor::Show,
            LeaveAlternateScreen
        );
        let _ = out.flush();
        let _ = crossterm::terminal::disable_raw_mode();
    }
}

/// Gives the terminal back and ends the process: for signals, hang-ups and panics, where no loop can be
/// relied on. A terminal that takes no bytes any more does not hold us.
#[expect(clippy::disallowed_methods, reason = "the one early exit, from signals, hang-ups and panics")]
pub fn leave(code: i32) -> ! {
    let (done, finished) = mpsc::channel();
    task::thread("restore", move || {
        restore();
        // Whoever waits may have given up.
        let _ = done.send(());
    });
    let _ = finished.recv_timeout(PATIENCE);
    std::process::exit(code)
}

/// Leaves on the signals that end a process, with the exit code a shell gives them.
///
/// Answered by a task and not by the loop, which may be waiting for a terminal that is gone.
pub fn leave_on_signals(cancel: &CancellationToken) {
    let signals = [SignalKind::terminate(), SignalKind::hangup(), SignalKind::interrupt(), SignalKind::quit()];
    for kind in signals {
        match signal(kind) {
            Ok(mut signals) => {
                task::spawn("signal", cancel, async move {
                    if signals.recv().await.is_some() {
                        leave(128 + kind.as_raw_value());
                    }
                });
            }
            Err(error) => tracing::error!(?kind, %error, "signal not handled"),
        }
    }
}

/// Watches for the terminal's end: a hang-up that no read and no signal may ever tell of.
pub fn watch_for_hangup() {
    task::thread("hangup", || {
        let stdin = io::stdin();
        loop {
            // No events are asked for: the kernel reports hang-up and error unasked.
            let mut fds = [PollFd::from_borrowed_fd(stdin.as_fd(), PollFlags::empty())];
            match poll(&mut fds, None) {
                Ok(_) if fds[0].revents().intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL) => leave(129),
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(_) => return,
            }
        }
    });
}

/// Collects what ratatui writes for one frame.
#[derive(Debug, Clone, Default)]
pub struct FrameBuffer {
    bytes: Arc<Mutex<Vec<u8>>>,
}

impl FrameBuffer {
    /// What was written since the last call.
    pub fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.bytes.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Write for FrameBuffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes whole frames on a thread of its own, so that a slow terminal delays frames and nothing else.
pub struct FrameWriter {
    frames: mpsc::Sender<Vec<u8>>,
    idle: async_mpsc::UnboundedReceiver<()>,
    busy: bool,
}

impl FrameWriter {
    /// Starts the thread.
    pub fn start() -> Self {
        let (frames, queue) = mpsc::channel::<Vec<u8>>();
        // At most one frame is ever under way, so neither channel can grow.
        let (done, idle) = async_mpsc::unbounded_channel();
        task::thread("screen", move || {
            for frame in queue {
                let mut out = io::stdout().lock();
                // A broken terminal is noticed by the hang-up watch.
                let _ = out.write_all(&frame).and_then(|()| out.flush());
                if done.send(()).is_err() {
                    return;
                }
            }
        });
        Self { frames, idle, busy: false }
    }

    /// True while a frame is being written: the next one has to wait, and will then show the newest state.
    pub fn is_busy(&self) -> bool {
        self.busy
    }

    /// Writes a frame in one piece that the terminal shows at once.
    pub fn write(&mut self, bytes: &[u8]) {
        // The cursor is hidden once, when the terminal is taken; ratatui says it again with every frame.
        let bytes = bytes.strip_suffix(HIDE_CURSOR).unwrap_or(bytes);
        let mut frame = Vec::with_capacity(bytes.len() + 16);
        // What is as short as a tick of the clock arrives in one piece anyway. Writing to memory cannot fail.
        if bytes.len() > SHORT {
            let _ = crossterm::queue!(frame, BeginSynchronizedUpdate);
        }
        frame.extend_from_slice(bytes);
        if bytes.len() > SHORT {
            let _ = crossterm::queue!(frame, EndSynchronizedUpdate);
        }
        self.busy = self.frames.send(frame).is_ok();
    }

    /// Waits until the frame under way is written; for ever when there is none.
    pub async fn idle(&mut self) {
        if !self.busy {
            return std::future::pending().await;
        }
        self.idle.recv().await;
        self.busy = false;
    }
}
