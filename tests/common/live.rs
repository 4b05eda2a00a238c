//! Tests against a real cluster: a small runner in which a test without a cluster is skipped, not passed.
//!
//! A row gets the `Cluster` as its argument, so that none can run without one. `KUBECONFIG` says which; with
//! `LIVE_REQUIRED` set, as in CI, its absence is a failure. Rows run one after the other: they share the cluster.

use std::{
    any::Any,
    env,
    ffi::OsStr,
    io::Write,
    os::unix::process::CommandExt,
    panic::{self, AssertUnwindSafe},
    path::{Path, PathBuf},
    process::{Child, Command, ExitCode, Stdio},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::process::{Kafdeck, Outcome, kafdeck, kill_group, run};

/// A test: its name, a sentence, and what it does.
pub type Row = (&'static str, fn(&Cluster));

/// Why rows are skipped.
const NO_CLUSTER: &str = "no cluster in KUBECONFIG";
/// How long kubectl and the injection of a fault may take.
const LIMIT: Duration = Duration::from_secs(120);

/// The cluster that `KUBECONFIG` leads to.
#[derive(Debug)]
pub struct Cluster {
    /// Its kubeconfig.
    pub kubeconfig: PathBuf,
}

/// Faults that are outstanding; all of the testbed's are undone when it is dropped.
#[must_use = "the fault is undone at once"]
pub struct Fault {
    running: Option<Child>,
}

/// The cluster, or `None` without `KUBECONFIG`.
pub fn cluster() -> Option<Cluster> {
    let path = env::var_os("KUBECONFIG").filter(|v| !v.is_empty())?;
    Some(Cluster { kubeconfig: path.into() })
}

impl Cluster {
    /// A sealed run of kafdeck on this cluster.
    pub fn kafdeck(&self) -> Kafdeck {
        kafdeck().kubeconfig(&self.kubeconfig)
    }

    /// Runs kubectl: the one in `KUBECTL`, the one on `PATH`, or the testbed's.
    pub fn kubectl<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Outcome {
        run(kubectl().args(args).env("KUBECONFIG", &self.kubeconfig), LIMIT)
    }
}

/// Injects a fault of the testbed, as `["freeze", "the-project", "kafka-1", "kafka"]`.
pub fn fault<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Fault {
    let mut command = testbed("fault");
    // From here on, also when the injection fails half-way.
    let guard = Fault { running: None };
    let outcome = run(command.args(args), LIMIT);
    assert_eq!(outcome.code, 0, "the fault was not injected: {outcome:#?}");
    guard
}

/// Injects a fault, where it may be impossible at the moment, such as a crash of what does not run.
pub fn try_fault<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Fault {
    run(testbed("fault").args(args), LIMIT);
    Fault { running: None }
}

/// Why the row that runs cannot say anything about this cluster, if it cannot.
static SKIPPED: Mutex<Option<String>> = Mutex::new(None);

/// Says that this row has nothing to look at here, such as a flavour that is not installed: it counts as skipped, or,
/// with `LIVE_ALL` set, as failed.
pub fn skip(why: &str) {
    *SKIPPED.lock().unwrap_or_else(PoisonError::into_inner) = Some(why.to_owned());
}

/// Prints a figure beside the row's result.
pub fn note(text: &str) {
    show(&format!("[{text}] "));
}

/// Injects a fault that lasts as long as its command runs, as `["api-pause", "20"]`, and does not wait for it.
pub fn fault_meanwhile<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Fault {
    let mut command = testbed("fault");
    let child = command.args(args).stdin(Stdio::null()).process_group(0).spawn().unwrap();
    Fault { running: Some(child) }
}

impl Drop for Fault {
    fn drop(&mut self) {
        let cleared = run(testbed("fault").arg("clear"), LIMIT);
        if let Some(mut child) = self.running.take() {
            kill_group(&child);
            let _ = child.wait();
        }
        if cleared.code != 0 {
            say(&format!("`fault clear` failed: {cleared:#?}"));
        }
    }
}

/// A script of the testbed, which is where `TESTBED` says or beside the repository.
fn testbed(script: &str) -> Command {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/testbed");
    let path = env::var_os("TESTBED").map_or_else(beside, PathBuf::from).join(script);
    assert!(path.is_file(), "no testbed: {} is missing; TESTBED may say where it is", path.display());
    Command::new(path)
}

/// The program that `Cluster::kubectl` runs, without a cluster yet.
pub fn kubectl() -> Command {
    if let Some(named) = env::var_os("KUBECTL") {
        return Command::new(named);
    }
    let path = env::var_os("PATH").unwrap_or_default();
    if let Some(found) = env::split_paths(&path).map(|dir| dir.join("kubectl")).find(|p| p.is_file()) {
        return Command::new(found);
    }
    let home = PathBuf::from(env::var_os("HOME").unwrap_or_default());
    let mut command = Command::new(home.join(".cache/kafka-testbed/bin/kube"));
    command.arg("kubectl");
    command
}

/// What the command line of `cargo test` asks for.
#[derive(Debug, Default)]
struct Asked {
    parts: Vec<String>,
    skip: Vec<String>,
    exact: bool,
    list: bool,
}

impl Asked {
    fn parse(args: impl IntoIterator<Item = String>) -> Self {
        let (mut asked, mut args) = (Self::default(), args.into_iter());
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--exact" => asked.exact = true,
                "--list" => asked.list = true,
                "--skip" => asked.skip.extend(args.next()),
                "--test-threads" | "--format" | "--color" | "--logfile" | "-Z" => drop(args.next()),
                flag if flag.starts_with('-') => {}
                _ => asked.parts.push(arg),
            }
        }
        asked
    }

    fn wants(&self, name: &str) -> bool {
        let fits = |part: &String| if self.exact { name == part } else { name.contains(part.as_str()) };
        (self.parts.is_empty() || self.parts.iter().any(fits)) && !self.skip.iter().any(fits)
    }
}

/// Runs the rows that the command line asks for; 101 when one failed.
pub fn main(rows: &[Row]) -> ExitCode {
    let asked = Asked::parse(env::args().skip(1));
    let wanted: Vec<Row> = rows.iter().copied().filter(|(name, _)| asked.wants(name)).collect();
    if asked.list {
        for (name, _) in wanted {
            say(&format!("{name}: test"));
        }
        return ExitCode::SUCCESS;
    }
    let started = Instant::now();
    say(&format!("\nrunning {} tests", wanted.len()));
    let (failures, skipped) = match cluster() {
        Some(cluster) => run_rows(&wanted, &cluster),
        None => skip_rows(&wanted),
    };
    if !failures.is_empty() {
        say(&format!("\nfailures:\n    {}", failures.join("\n    ")));
    }
    let verdict = if failures.is_empty() { "ok" } else { "FAILED" };
    say(&format!(
        "\ntest result: {verdict}. {} passed; {} failed; {skipped} ignored; 0 measured; {} filtered out; finished in {:.2}s\n",
        wanted.len() - failures.len() - skipped,
        failures.len(),
        rows.len() - wanted.len(),
        started.elapsed().as_secs_f64(),
    ));
    if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(101) }
}

/// Runs each row; the names of those that failed, and how many had nothing to look at.
fn run_rows(rows: &[Row], cluster: &Cluster) -> (Vec<&'static str>, usize) {
    let all = env::var_os("LIVE_ALL").is_some();
    let (mut failed, mut skipped) = (Vec::new(), 0);
    for (name, test) in rows {
        show(&format!("test {name} ... "));
        let result = panic::catch_unwind(AssertUnwindSafe(|| test(cluster)));
        let why = SKIPPED.lock().unwrap_or_else(PoisonError::into_inner).take();
        match (result, why) {
            // The hook has already said where it failed.
            (Err(error), _) => {
                say(&format!("FAILED: {}", message(error.as_ref())));
                failed.push(*name);
            }
            (Ok(()), Some(why)) if all => {
                say(&format!("FAILED: {why}"));
                failed.push(*name);
            }
            (Ok(()), Some(why)) => {
                say(&format!("SKIPPED (ignored): {why}"));
                skipped += 1;
            }
            (Ok(()), None) => say("ok"),
        }
    }
    (failed, skipped)
}

/// Says of each row that it is skipped; failures if the cluster is required, and how many were skipped.
fn skip_rows(rows: &[Row]) -> (Vec<&'static str>, usize) {
    let required = env::var_os("LIVE_REQUIRED").is_some();
    let word = if required { "FAILED" } else { "SKIPPED (ignored)" };
    for (name, _) in rows {
        say(&format!("test {name} ... {word}: {NO_CLUSTER}"));
    }
    say(&format!("\nSKIPPED ({NO_CLUSTER}): {} of {} live tests", rows.len(), rows.len()));
    if required { (rows.iter().map(|(name, _)| *name).collect(), 0) } else { (Vec::new(), rows.len()) }
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without words")
}

fn show(text: &str) {
    let mut out = std::io::stdout();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

fn say(line: &str) {
    show(&format!("{line}\n"));
}
