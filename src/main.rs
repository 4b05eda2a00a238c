//! kafdeck's entry point: arguments, hooks, log file, runtime, exit code.

use std::{ffi::OsString, io::Write, process::ExitCode, time::Duration};

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
    if let Some(path) = &cli.global.log_file {
        cmd::log_file::open(path)?;
    }
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
