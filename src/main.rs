//! kafdeck's entry point: arguments, hooks, log file, runtime, exit code.

use std::{ffi::OsString, io::Write, os::unix::fs::OpenOptionsExt, process::ExitCode, time::Duration};

use tracing::{Level, Metadata};
use tracing_subscriber::{filter::filter_fn, layer::SubscriberExt, util::SubscriberInitExt};

use kafdeck::{
    cli::{self, Cli},
    cmd,
    errors::{Failure, FailureKind},
};

/// How long tasks may take to end: a credential plugin that hangs must not hold the exit.
const FAREWELL: Duration = Duration::from_millis(200);

fn main() -> ExitCode {
    if let Err(error) = cmd::hooks::install() {
        return fail(&Failure::new(FailureKind::Wrong, "The panic hook could not be installed.").why(error));
    }
    let cli = match cli::parse(std::env::args_os().collect::<Vec<OsString>>()) {
        Ok(cli) => cli,
        Err(help_or_mistake) => {
            let code = help_or_mistake.exit_code();
            // Nobody is left to tell when the help cannot be printed.
            let _ = help_or_mistake.print();
            return ExitCode::from(u8::try_from(code).unwrap_or(2));
        }
    };
    match start(cli) {
        Ok(code) => ExitCode::from(code),
        Err(failure) => fail(&failure),
    }
}

fn start(cli: Cli) -> Result<u8, Failure> {
    log_to_file(&cli)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|e| Failure::new(FailureKind::Wrong, "The async runtime did not start.").why(e))?;
    let result = runtime.block_on(cmd::run(cli));
    runtime.shutdown_timeout(FAREWELL);
    result
}

/// Prints a failure on standard error and says its exit code.
fn fail(failure: &Failure) -> ExitCode {
    // A closed standard error leaves the exit code to speak.
    let _ = writeln!(std::io::stderr(), "{failure}");
    ExitCode::from(failure.kind.exit_code())
}

/// Writes what kafdeck does to the file that was asked for; nothing is ever logged to the terminal.
fn log_to_file(cli: &Cli) -> Result<(), Failure> {
    let Some(path) = &cli.global.log_file else { return Ok(()) };
    let file = std::fs::OpenOptions::new().create(true).append(true).mode(0o600).open(path).map_err(|e| {
        Failure::new(FailureKind::Usage, format!("The log file {} cannot be written.", path.display()))
            .why(e)
            .hint("name another file with --log-file")
    })?;
    let filter = tracing_subscriber::EnvFilter::try_from_env("KAFDECK_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("kafdeck=debug,kube_runtime=info,warn"));
    let lines = tracing_subscriber::fmt::layer().with_writer(std::sync::Mutex::new(file)).with_ansi(false);
    tracing_subscriber::registry().with(filter_fn(is_discreet)).with(filter).with(lines).init();
    Ok(())
}

/// False for what writes bytes of a connection to the log, among which passwords may be, however much is asked for.
fn is_discreet(line: &Metadata<'_>) -> bool {
    *line.level() <= Level::INFO || !line.target().starts_with("tungstenite")
}
