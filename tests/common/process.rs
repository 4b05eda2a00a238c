//! Programs run to their end: sealed from the caller's environment, with a deadline that kills.

use std::{
    ffi::{OsStr, OsString},
    fs::File,
    io::{BufRead, BufReader, Read},
    os::{
        fd::{AsFd, OwnedFd},
        unix::process::{CommandExt, ExitStatusExt},
    },
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open},
};
use tempfile::TempDir;

/// The binary under test.
pub const KAFDECK: &str = env!("CARGO_BIN_EXE_kafdeck");

/// A run of kafdeck that knows nothing of the machine but `PATH`: no kubeconfig, a home of its own.
pub struct Kafdeck {
    command: Command,
    home: TempDir,
    limit: Duration,
}

/// What a program left behind.
#[derive(Debug)]
pub struct Outcome {
    /// Exit code; 128 and the signal's number when a signal ended it; 124 when the deadline did.
    pub code: i32,
    /// What it wrote, invalid UTF-8 replaced.
    pub stdout: String,
    /// What it wrote to its standard error.
    pub stderr: String,
    /// How long it ran.
    pub took: Duration,
    /// True when it was killed at the deadline.
    pub timed_out: bool,
}

/// A sealed run of kafdeck, to be given arguments.
pub fn kafdeck() -> Kafdeck {
    let home = TempDir::new().unwrap();
    let mut command = Command::new(KAFDECK);
    command.env_clear().envs(sealed_env(home.path())).current_dir(home.path());
    Kafdeck { command, home, limit: Duration::from_secs(30) }
}

/// The environment of a sealed run.
pub fn sealed_env(home: &Path) -> Vec<(&'static str, OsString)> {
    let inside = |name: &str| home.join(name).into_os_string();
    vec![
        ("PATH", std::env::var_os("PATH").unwrap_or_default()),
        ("HOME", home.into()),
        ("XDG_CONFIG_HOME", inside("config")),
        ("XDG_STATE_HOME", inside("state")),
        ("XDG_CACHE_HOME", inside("cache")),
        ("XDG_DATA_HOME", inside("data")),
        ("XDG_RUNTIME_DIR", inside("run")),
        ("TMPDIR", home.into()),
        ("LANG", "C.UTF-8".into()),
        ("TZ", "UTC".into()),
    ]
}

impl Kafdeck {
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

    /// Kills it after this time instead of 30 s.
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Gives it the home that another run left behind.
    pub fn at_home(mut self, home: TempDir) -> Self {
        self.command.env_clear().envs(sealed_env(home.path())).current_dir(home.path());
        self.home = home;
        self
    }

    /// Its home directory, to put files in before the run and to look at after it (`run_in`).
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Runs it to its end.
    pub fn run(self) -> Outcome {
        self.run_in().0
    }

    /// Starts it, both outputs line by line to be read while it runs.
    pub fn start(mut self) -> Running {
        let (sender, lines) = mpsc::channel();
        self.command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let mut child = self.command.spawn().unwrap();
        let pipes: [Box<dyn Read + Send>; 2] =
            [Box::new(child.stdout.take().unwrap()), Box::new(child.stderr.take().unwrap())];
        for pipe in pipes {
            let sender = sender.clone();
            thread::spawn(move || {
                for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                    if sender.send(line).is_err() {
                        break;
                    }
                }
            });
        }
        Running { child, lines, said: Vec::new(), home: self.home }
    }

    /// Runs it to its end and keeps its home until the caller drops it.
    pub fn run_in(mut self) -> (Outcome, TempDir) {
        (run(&mut self.command, self.limit), self.home)
    }
}

/// A program that runs while the test goes on, killed with all its children when dropped.
pub struct Running {
    child: Child,
    lines: Receiver<String>,
    /// The lines that were looked at so far.
    pub said: Vec<String>,
    /// Its home directory, while it is there.
    pub home: TempDir,
}

impl Running {
    /// Waits for a line of its standard output; `None` when it ended, or at the deadline.
    pub fn line(&mut self, holds: impl Fn(&str) -> bool, limit: Duration) -> Option<String> {
        let deadline = Instant::now() + limit;
        while let Ok(line) = self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            self.said.push(line.clone());
            if holds(&line) {
                return Some(line);
            }
        }
        None
    }

    /// Ends it as nothing can prevent.
    pub fn kill(&mut self) {
        kill_group(&self.child);
        let _ = self.child.wait();
        self.said.extend(self.lines.iter());
    }

    /// Waits for its end: its exit code, and all that it said.
    pub fn end(mut self, limit: Duration) -> (i32, String) {
        let ended = self.line(|_| false, limit).is_none()
            && wait_any([&watch_exit(self.child.id()) as &dyn AsFdDyn], Instant::now() + Duration::from_secs(5));
        let code = if ended { exit_code(self.child.wait().unwrap()) } else { 124 };
        (code, self.said.join("\n"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            kill_group(&self.child);
            let _ = self.child.wait();
        }
    }
}

impl Outcome {
    /// Its standard output as JSON.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("no JSON ({e}) in {self:#?}"))
    }

    /// The outcome itself, once its exit code is the wanted one.
    #[track_caller]
    pub fn expect_code(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:#?}");
        self
    }
}

/// Runs a command without input to its end, or kills it with all its children at the deadline.
pub fn run(command: &mut Command, limit: Duration) -> Outcome {
    let started = Instant::now();
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let mut child = command.spawn().unwrap_or_else(|e| panic!("{command:?} did not start: {e}"));
    let ended = watch_exit(child.id());
    let mut pipes = [
        Pipe::new(OwnedFd::from(child.stdout.take().unwrap())),
        Pipe::new(OwnedFd::from(child.stderr.take().unwrap())),
    ];
    let deadline = started + limit;
    let mut timed_out = false;
    while !is_ready(&ended) {
        let waits = pipes.iter().filter(|p| p.open).map(|p| &p.file as &dyn AsFdDyn);
        if !wait_any(waits.chain([&ended as &dyn AsFdDyn]), deadline) {
            timed_out = true;
            break;
        }
        pipes.iter_mut().for_each(Pipe::drain);
    }
    // Whatever it started goes too: a child that holds a pipe would keep us here.
    kill_group(&child);
    let status = child.wait().unwrap();
    pipes.iter_mut().for_each(Pipe::drain);
    let [stdout, stderr] = pipes.map(|p| String::from_utf8_lossy(&p.read).into_owned());
    let code = if timed_out { 124 } else { exit_code(status) };
    Outcome { code, stdout, stderr, took: started.elapsed(), timed_out }
}

/// Kills a child that leads its process group, with the group. It must not have been waited for: its id still names it.
pub fn kill_group(child: &Child) {
    let _ = kill_process_group(Pid::from_child(child), Signal::KILL);
}

/// The exit code as a shell says it.
pub fn exit_code(status: ExitStatus) -> i32 {
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0))
}

/// One of a program's outputs.
struct Pipe {
    file: File,
    read: Vec<u8>,
    open: bool,
}

impl Pipe {
    fn new(fd: OwnedFd) -> Self {
        Self { file: fd.into(), read: Vec::new(), open: true }
    }

    /// Takes what is there, without waiting.
    fn drain(&mut self) {
        let mut chunk = [0; 16 * 1024];
        while self.open && is_ready(&self.file) {
            match self.file.read(&mut chunk) {
                Ok(0) | Err(_) => self.open = false,
                Ok(n) => self.read.extend_from_slice(&chunk[..n]),
            }
        }
    }
}

/// Something that becomes readable when the process has ended.
pub fn watch_exit(id: u32) -> OwnedFd {
    pidfd_open(Pid::from_raw(i32::try_from(id).unwrap()).unwrap(), PidfdFlags::empty()).unwrap()
}

/// `AsFd` for lists of unlike things.
pub trait AsFdDyn {
    /// The descriptor.
    fn fd(&self) -> std::os::fd::BorrowedFd<'_>;
}

impl<T: AsFd> AsFdDyn for T {
    fn fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.as_fd()
    }
}

/// Waits until one of them is readable or at its end; false at the deadline.
pub fn wait_any<'a>(these: impl IntoIterator<Item = &'a dyn AsFdDyn>, deadline: Instant) -> bool {
    let borrowed: Vec<_> = these.into_iter().map(AsFdDyn::fd).collect();
    let mut polled: Vec<_> = borrowed.iter().map(|fd| PollFd::new(fd, PollFlags::IN)).collect();
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let time = Timespec::try_from(left).unwrap();
        match poll(&mut polled, Some(&time)) {
            Ok(n) => return n > 0,
            Err(rustix::io::Errno::INTR) => {}
            Err(e) => panic!("poll: {e}"),
        }
    }
}

/// True when it is readable or at its end now.
pub fn is_ready(it: &impl AsFd) -> bool {
    wait_any([it as &dyn AsFdDyn], Instant::now())
}
