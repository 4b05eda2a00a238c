//! A program in a terminal: what it draws, what is typed, how it ends.
//!
//! There is no thread: the terminal is read while the test waits for something, and only then. So a test may
//! also leave it unread, as a stalled SSH session does. The terminal answers no queries.

use std::{
    ffi::OsStr,
    fs::{self, File},
    io::{Read, Write},
    os::fd::OwnedFd,
    path::Path,
    time::{Duration, Instant},
};

use filedescriptor::FileDescriptor;
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tempfile::TempDir;

use super::process::{AsFdDyn, KAFDECK, exit_code, is_ready, sealed_env, wait_any, watch_exit};

/// What gives a terminal back: the end of a frame, plain text, no paste marks, the cursor, the main screen.
pub const RESTORED: &str = "\u{1b}[?2026l\u{1b}[0m\u{1b}[?2004l\u{1b}[?25h\u{1b}[?1049l";
/// Both keys that leave without asking.
pub const LEAVE: &str = "\u{3}\u{3}";
/// What every frame ends with, except that a longer one has an end mark after it.
pub const FRAME_END: &str = "\u{1b}[39m\u{1b}[49m\u{1b}[59m\u{1b}[0m";
/// What a frame begins with that paints everything.
const CLEAR: &str = "\u{1b}[2J";

/// How a program is started in a terminal.
pub struct Builder {
    command: CommandBuilder,
    home: TempDir,
    columns: u16,
    rows: u16,
}

/// A program that runs in a terminal.
pub struct Pty {
    /// Both are `None` once the terminal has hung up.
    master: Option<Box<dyn MasterPty + Send>>,
    tty: Option<File>,
    child: Box<dyn Child + Send + Sync>,
    ended: OwnedFd,
    code: Option<i32>,
    parser: vt100::Parser,
    raw: Vec<u8>,
    cpu: Duration,
    home: TempDir,
}

impl Builder {
    /// Adds arguments.
    pub fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.command.args(args);
        self
    }

    /// Sets a variable.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Sets `KUBECONFIG`.
    pub fn kubeconfig(self, path: &Path) -> Self {
        self.env("KUBECONFIG", path)
    }

    /// Another size than 80×24.
    pub fn size(mut self, columns: u16, rows: u16) -> Self {
        (self.columns, self.rows) = (columns, rows);
        self
    }

    /// Its home directory, to put files in before it starts.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Starts it.
    pub fn spawn(self) -> Pty {
        let pair = native_pty_system().openpty(pty_size(self.columns, self.rows)).unwrap();
        let child = pair.slave.spawn_command(self.command).unwrap();
        // A handle of our own: portable-pty's reader could not be waited for, and its writer types on drop.
        let tty = FileDescriptor::dup(&pair.master.as_raw_fd().unwrap()).unwrap().as_file().unwrap();
        Pty {
            master: Some(pair.master),
            tty: Some(tty),
            ended: watch_exit(child.process_id().unwrap()),
            child,
            code: None,
            parser: vt100::Parser::new(self.rows, self.columns, 0),
            raw: Vec::new(),
            cpu: Duration::ZERO,
            home: self.home,
        }
    }
}

impl Pty {
    /// kafdeck in a sealed environment and a terminal of 80×24 that is an xterm with 256 colours.
    pub fn kafdeck() -> Builder {
        Self::program(KAFDECK)
    }

    /// Any program, in the same environment.
    pub fn program(program: impl AsRef<OsStr>) -> Builder {
        let home = TempDir::new().unwrap();
        let mut command = CommandBuilder::new(program);
        command.env_clear();
        for (name, value) in sealed_env(home.path()) {
            command.env(name, value);
        }
        command.env("TERM", "xterm-256color");
        command.cwd(home.path());
        Builder { command, home, columns: 80, rows: 24 }
    }

    /// Reads until the screen is as wanted; panics with the screen at the deadline or when the program ended.
    #[track_caller]
    pub fn wait_for(&mut self, wanted: impl Fn(&vt100::Screen) -> bool, limit: Duration) {
        let deadline = Instant::now() + limit;
        while !wanted(self.parser.screen()) {
            let state = if Instant::now() >= deadline {
                format!("not within {limit:?}")
            } else if self.code.is_some() {
                format!("the program ended with {:?}", self.code)
            } else {
                self.read_until(deadline);
                continue;
            };
            panic!("{state}; the screen was:\n{}", self.parser.screen().contents());
        }
    }

    /// Reads until the screen holds the text.
    #[track_caller]
    pub fn wait_for_text(&mut self, text: &str, limit: Duration) {
        self.wait_for(|screen| screen.contents().contains(text), limit);
    }

    /// Reads until what was written since the first `from` bytes is as wanted; panics at the deadline.
    #[track_caller]
    pub fn wait_for_output(&mut self, from: usize, wanted: impl Fn(&str) -> bool, limit: Duration) {
        let deadline = Instant::now() + limit;
        while !wanted(&self.output_since(from)) {
            let screen = self.parser.screen();
            assert!(self.code.is_none(), "the program ended with {:?}", self.code);
            assert!(Instant::now() < deadline, "not within {limit:?}; the screen was:\n{}", screen.contents());
            self.read_until(deadline);
        }
    }

    /// Has the whole screen painted anew, by another size and back, and answers with the bytes it took.
    #[track_caller]
    pub fn full_paint(&mut self, limit: Duration) -> usize {
        let (rows, columns) = self.parser.screen().size();
        let is_painted = |written: &str| written.rsplit_once(CLEAR).is_some_and(|(_, after)| after.contains(FRAME_END));
        let mut painted = 0;
        for columns in [columns + 1, columns] {
            let from = self.raw.len();
            self.resize(columns, rows);
            self.wait_for_output(from, is_painted, limit);
            let written = self.output_since(from);
            let after = written.rsplit_once(CLEAR).map(|(_, after)| after).unwrap_or_default();
            painted = CLEAR.len() + after.find(FRAME_END).unwrap_or_default() + FRAME_END.len();
        }
        painted
    }

    /// Lets a moment pass in which a slow line carries at most so many bytes.
    pub fn carry(&mut self, most: usize, moment: Duration) {
        // Nobody waits for anything here: the pause is what makes the line slow.
        std::thread::sleep(moment);
        self.take(&mut vec![0; most]);
    }

    /// Reads whatever comes for this long, or until the program ends: for what must *not* appear, and for counting bytes.
    pub fn watch(&mut self, time: Duration) {
        let deadline = Instant::now() + time;
        while self.code.is_none() && Instant::now() < deadline {
            self.read_until(deadline);
        }
    }

    /// Types keys, as bytes: `"q"`, `"\x1b[A"`, `"\x03"`.
    pub fn send(&mut self, keys: &str) {
        let mut tty = self.tty.as_ref().expect("the terminal has hung up");
        tty.write_all(keys.as_bytes()).unwrap();
    }

    /// Changes the terminal's size; the program gets SIGWINCH.
    pub fn resize(&mut self, columns: u16, rows: u16) {
        self.master.as_ref().expect("the terminal has hung up").resize(pty_size(columns, rows)).unwrap();
        // vt100 cannot wrap what was drawn for a larger screen into a single line or column.
        self.parser.screen_mut().set_size(rows.max(2), columns.max(2));
    }

    /// Sends a signal to the program.
    pub fn signal(&mut self, signal: Signal) {
        assert_eq!(self.code, None, "the program has ended");
        kill_process(self.pid(), signal).unwrap();
    }

    /// The terminal's modes.
    pub fn modes(&self) -> rustix::termios::Termios {
        let master = self.master.as_ref().expect("the terminal has hung up").as_raw_fd().unwrap();
        let tty = FileDescriptor::dup(&master).unwrap().as_file().unwrap();
        rustix::termios::tcgetattr(tty).unwrap()
    }

    /// The screen as of the last wait.
    pub fn screen(&self) -> &vt100::Screen {
        self.parser.screen()
    }

    /// What was written so far, as text.
    pub fn output(&self) -> String {
        self.output_since(0)
    }

    /// What was written after the first `from` bytes, as text.
    pub fn output_since(&self, from: usize) -> String {
        String::from_utf8_lossy(&self.raw[from..]).into_owned()
    }

    /// Every byte read so far.
    pub fn raw_output(&self) -> &[u8] {
        &self.raw
    }

    /// Reads on until the program ends; its exit code (128 and the signal's number), or `None` at the deadline.
    pub fn exit_code(&mut self, limit: Duration) -> Option<i32> {
        self.watch(limit);
        self.code
    }

    /// Closes the terminal as a lost connection does; the program gets SIGHUP.
    pub fn hang_up(&mut self) {
        self.tty = None;
        self.master = None;
    }

    /// Its home directory.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.process_id().unwrap()
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.process_id().unwrap()).unwrap()).unwrap()
    }

    /// Waits for output or the end, and takes what there is.
    fn read_until(&mut self, deadline: Instant) {
        let tty = self.tty.iter().map(|t| t as &dyn AsFdDyn);
        wait_any(tty.chain([&self.ended as &dyn AsFdDyn]), deadline);
        let ended = is_ready(&self.ended);
        self.read_now(ended);
        if ended {
            self.reap();
        }
    }

    /// Takes one piece of output, or all that is left of an ended program.
    fn read_now(&mut self, all: bool) {
        let mut chunk = [0; 16 * 1024];
        while self.take(&mut chunk) && all {}
    }

    /// Takes what there is, as far as it fits; false when there is nothing.
    fn take(&mut self, chunk: &mut [u8]) -> bool {
        let Some(mut tty) = self.tty.as_ref().filter(|t| is_ready(*t) && !chunk.is_empty()) else { return false };
        let Ok(n @ 1..) = tty.read(chunk) else {
            // EIO: nobody holds the other end any more.
            self.tty = None;
            return false;
        };
        self.raw.extend_from_slice(&chunk[..n]);
        self.parser.process(&chunk[..n]);
        true
    }

    /// Processor time that the program has taken, of all its threads; in all, once it has ended.
    pub fn cpu_time(&self) -> Duration {
        if self.code.is_some() { self.cpu } else { cpu_time(self.id()) }
    }

    /// Memory of the program that is resident, in bytes.
    pub fn resident(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap();
        let line = status.lines().find(|l| l.starts_with("VmRSS")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
    }

    /// The program's only child, once it has one: what a shell runs.
    #[track_caller]
    pub fn child(&self) -> Pid {
        let path = format!("/proc/{0}/task/{0}/children", self.id());
        let children = fs::read_to_string(path).unwrap();
        let mut ids = children.split_whitespace().map(|id| Pid::from_raw(id.parse().unwrap()).unwrap());
        let child = ids.next().expect("a child");
        assert_eq!(ids.next(), None, "more than one child");
        child
    }

    fn reap(&mut self) {
        self.cpu = cpu_time(self.id());
        let child: &mut dyn Child = self.child.as_mut();
        let child = child.downcast_mut::<std::process::Child>().expect("a Unix child");
        self.code = Some(exit_code(child.wait().unwrap()));
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        if self.code.is_none() {
            let _ = kill_process_group(self.pid(), Signal::KILL);
            self.hang_up();
            self.reap();
        }
    }
}

/// True when the Overview of the demo stands with every figure.
pub fn is_live(screen: &vt100::Screen) -> bool {
    let text = screen.contents();
    let mut lines: Vec<&str> = text.trim_end().lines().collect();
    // The footer has the key of the help.
    let footer = lines.pop().unwrap_or_default();
    let known = lines.iter().all(|line| !line.contains('?'));
    known && footer.contains("? help") && text.contains("OK") && text.contains("lag max ")
}

/// Asserts that the terminal was given back by exactly the bytes for it, and that only plain text came after them.
#[track_caller]
pub fn is_restored(pty: &Pty) {
    let output = pty.output();
    let at = output.rfind(RESTORED).unwrap_or_else(|| panic!("the terminal never came back: {output:?}"));
    let after = &output[at + RESTORED.len()..];
    // The report of a panic is coloured.
    let drawn = ["\u{1b}[?", "\u{1b}[1;1H", "\u{1b}[2J"].iter().any(|sequence| after.contains(sequence));
    assert!(!drawn, "something was drawn on the main screen: {after:?}");
    assert!(!pty.screen().alternate_screen() && !pty.screen().hide_cursor() && !pty.screen().bracketed_paste());
}

/// What the kernel has counted for a process that is not reaped yet.
fn cpu_time(id: u32) -> Duration {
    let fields = after_name(id);
    // The 14th and 15th field of all, in hundredths of a second: in user mode and in the kernel.
    let ticks: u64 = fields.iter().skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 10)
}

/// True for a process that is stopped.
pub fn is_stopped(process: Pid) -> bool {
    after_name(process.as_raw_nonzero().get().unsigned_abs()).first().is_some_and(|state| state == "T")
}

/// The fields of `/proc/<id>/stat` from the third on: the name before it may hold anything.
fn after_name(id: u32) -> Vec<String> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    let rest = stat.rsplit_once(')').map(|(_, rest)| rest).unwrap_or_default();
    rest.split_whitespace().map(str::to_owned).collect()
}

fn pty_size(columns: u16, rows: u16) -> PtySize {
    PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }
}
