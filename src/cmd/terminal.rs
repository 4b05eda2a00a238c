//! The terminal: taken over as a whole, written to in whole frames, and given back as it was.
//!
//! Whose it is at a moment is the shell's to say: nothing is painted, read or set from the background.
//!
//! `restore` may be called from anywhere, any number of times: normal end, error, panic in any thread,
//! signal, hang-up. It ignores errors, for a terminal that is gone cannot be restored.

mod hidden;

use std::{
    fs::File,
    io::{self, IsTerminal, Write},
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
    style::{Print, ResetColor},
    terminal::{BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen},
};
use rustix::{
    event::{PollFd, PollFlags, poll},
    process::{Signal, getpgrp, getsid, kill_current_process_group},
    termios::tcgetpgrp,
};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::{Notify, mpsc as async_mpsc},
};
use tokio_util::sync::CancellationToken;

use crate::task;

pub use self::hidden::ask_hidden;

/// True while the terminal is ours.
static TAKEN: AtomicBool = AtomicBool::new(false);
/// True while the mouse is ours, too.
static MOUSE: AtomicBool = AtomicBool::new(false);
/// True once somebody ends the process.
static LEAVING: AtomicBool = AtomicBool::new(false);

/// True while something is to be ended in order first.
static HELD: AtomicBool = AtomicBool::new(false);
/// True once the process is to end.
static DEPARTING: AtomicBool = AtomicBool::new(false);
/// Told then.
static FAREWELL: Notify = Notify::const_new();

/// How long what is held may take to end.
const FAREWELL_LASTS: Duration = Duration::from_secs(10);
/// How often is looked whether it has ended.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Presses and the wheel are reported, as text; not every movement.
const MOUSE_ON: &str = "\x1b[?1000h\x1b[?1006h";
/// The mouse is the terminal's again.
const MOUSE_OFF: &str = "\x1b[?1006l\x1b[?1000l";

/// What ratatui ends every frame with.
const HIDE_CURSOR: &[u8] = b"\x1b[?25l";
/// Bytes below which a frame is not marked as one.
const SHORT: usize = 128;

/// How long giving the terminal back may take before we leave without it.
const PATIENCE: Duration = Duration::from_millis(500);

/// Takes the terminal over: raw mode, alternate screen, no cursor, pasted text marked as such; the mouse only
/// if that is wanted, for it takes selecting by mouse away from the terminal.
pub fn take(mouse: bool) -> io::Result<()> {
    crossterm::terminal::enable_raw_mode()?;
    TAKEN.store(true, Ordering::SeqCst);
    MOUSE.store(mouse, Ordering::SeqCst);
    execute!(
        io::stdout(),
        EnterAlternateScreen,
        crossterm::cursor::Hide,
        EnableBracketedPaste,
        Print(if mouse { MOUSE_ON } else { "" })
    )
}

/// Gives the terminal back, if it is ours, and shows what is typed again.
pub fn restore() {
    hidden::show_typing();
    if TAKEN.swap(false, Ordering::SeqCst) {
        let mut out = io::stdout();
        // A terminal that is gone cannot be restored; there is nobody to tell.
        let _ = execute!(
            out,
            EndSynchronizedUpdate,
            ResetColor,
            Print(if MOUSE.swap(false, Ordering::SeqCst) { MOUSE_OFF } else { "" }),
            DisableBracketedPaste,
            crossterm::cursor::Show,
            LeaveAlternateScreen
        );
        let _ = out.flush();
        // From the background the modes are the shell's, and setting them would stop us.
        if in_foreground() {
            let _ = crossterm::terminal::disable_raw_mode();
        }
    }
}

/// What is typed on: the standard input if it is a terminal, else the terminal of this session.
pub fn input() -> io::Result<File> {
    let stdin = io::stdin();
    if stdin.is_terminal() { Ok(File::from(stdin.as_fd().try_clone_to_owned()?)) } else { File::open("/dev/tty") }
}

/// True while the shell lets us have the terminal; also where no shell has a say.
pub fn in_foreground() -> bool {
    input().map_or(true, |tty| is_foreground_of(&tty))
}

fn is_foreground_of(tty: &File) -> bool {
    tcgetpgrp(tty).map_or(true, |group| group == getpgrp())
}

/// True when a shell is there that could continue us once we are stopped: not when we were started in its place,
/// as by `ssh -t host kafdeck`, where a stopped process could never be reached again.
pub fn can_be_continued() -> bool {
    getsid(None).map_or(true, |session| session != getpgrp())
}

/// Stops us and whoever runs with us, as the shell expects of a job. Returns at once: the stop itself comes a
/// moment later, so wait for SIGCONT.
pub fn stop_job() -> io::Result<()> {
    Ok(kill_current_process_group(Signal::STOP)?)
}

/// Gives the terminal back and ends the process: for signals, hang-ups and panics, where no loop can be
/// relied on. A terminal that takes no bytes any more does not hold us.
#[expect(clippy::disallowed_methods, reason = "the one early exit, from signals, hang-ups and panics")]
pub fn leave(code: i32) -> ! {
    while LEAVING.swap(true, Ordering::SeqCst) {
        // Somebody else does it already, and will not be long.
        std::thread::park();
    }
    let (done, finished) = mpsc::channel();
    task::thread("restore", move || {
        restore();
        // Whoever waits may have given up.
        let _ = done.send(());
    });
    let _ = finished.recv_timeout(PATIENCE);
    std::process::exit(code)
}

/// Something is under way that has to be ended in order before the process ends, or is not any more.
pub fn hold(is_held: bool) {
    HELD.store(is_held, Ordering::SeqCst);
}

/// Waits until the process is to end while something is held.
pub async fn departing() {
    loop {
        let told = FAREWELL.notified();
        if DEPARTING.load(Ordering::SeqCst) {
            return;
        }
        told.await;
    }
}

/// Leaves as soon as nothing is held any more, but not later than after some seconds. Returns at once.
pub fn depart(code: i32) {
    DEPARTING.store(true, Ordering::SeqCst);
    FAREWELL.notify_waiters();
    task::thread("depart", move || {
        for _ in 0..(FAREWELL_LASTS.as_millis() / LOOK_EVERY.as_millis()) {
            if !HELD.load(Ordering::SeqCst) {
                break;
            }
            std::thread::sleep(LOOK_EVERY);
        }
        leave(code);
    });
}

/// Leaves on the signals that end a process, with the exit code a shell gives them.
///
/// Answered by a task and not by the loop, which may be waiting for a terminal that is gone. What is held is ended
/// first; whoever signals twice does not wait for that.
pub fn leave_on_signals(cancel: &CancellationToken) {
    let signals = [SignalKind::terminate(), SignalKind::hangup(), SignalKind::interrupt(), SignalKind::quit()];
    for kind in signals {
        match signal(kind) {
            Ok(mut signals) => {
                task::spawn("signal", cancel, async move {
                    if signals.recv().await.is_some() {
                        depart(128 + kind.as_raw_value());
                    }
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
        let Ok(tty) = input() else { return };
        loop {
            // No events are asked for: the kernel reports hang-up and error unasked.
            let mut fds = [PollFd::from_borrowed_fd(tty.as_fd(), PollFlags::empty())];
            match poll(&mut fds, None) {
                Ok(_) if fds[0].revents().intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL) => {
                    return depart(129);
                }
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
///
/// The one writer there is: what else is to be written stands between two frames.
pub struct FrameWriter {
    pieces: mpsc::Sender<Vec<u8>>,
    written: async_mpsc::UnboundedReceiver<bool>,
    busy: bool,
}

impl FrameWriter {
    /// Starts the thread.
    pub fn start() -> Self {
        let (pieces, queue) = mpsc::channel::<Vec<u8>>();
        // At most one piece is ever under way, so neither channel can grow.
        let (done, written) = async_mpsc::unbounded_channel();
        task::thread("screen", move || {
            let tty = input().ok();
            for piece in queue {
                let mut out = io::stdout().lock();
                // The screen is the shell's once it was given back, and while we are in the background. Whoever
                // gives it back waits for the lock, so that nothing is written after that.
                let ours = TAKEN.load(Ordering::SeqCst) && tty.as_ref().is_none_or(is_foreground_of);
                if ours {
                    // A broken terminal is noticed by the hang-up watch.
                    let _ = out.write_all(&piece).and_then(|()| out.flush());
                }
                if done.send(ours).is_err() {
                    return;
                }
            }
        });
        Self { pieces, written, busy: false }
    }

    /// True while something is being written: the next frame has to wait, and will then show the newest state.
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
        self.write_between(frame);
    }

    /// Writes what is no frame, between two of them; only while nothing is under way.
    pub fn write_between(&mut self, bytes: Vec<u8>) {
        self.busy = self.pieces.send(bytes).is_ok();
    }

    /// Waits until what is under way is written, for ever when nothing is; false when it was dropped because
    /// the terminal is not ours.
    pub async fn idle(&mut self) -> bool {
        if !self.busy {
            return std::future::pending().await;
        }
        let written = self.written.recv().await;
        self.busy = false;
        written.unwrap_or(true)
    }

    /// Waits until nothing is under way, but not for a terminal that takes no bytes.
    pub async fn finish(&mut self) {
        if self.busy {
            // After that time the rest is lost with whatever keeps the terminal.
            let _ = tokio::time::timeout(PATIENCE, self.idle()).await;
        }
    }
}
