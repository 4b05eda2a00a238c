//! The file of `--log-file`: what kafdeck does, and never what is kept secret.
//!
//! It is not what pods log (that is `logs`). `main` opens it before anything else runs.

use std::{fs, os::unix::fs::OpenOptionsExt, path::Path, sync::Mutex};

use tracing::{Level, Metadata};
use tracing_subscriber::{EnvFilter, filter::filter_fn, layer::SubscriberExt, util::SubscriberInitExt};

use crate::errors::{Failure, FailureKind};

/// Writes what kafdeck does to the file that was asked for; nothing is ever logged to the terminal.
pub fn open(path: &Path) -> Result<(), Failure> {
    let file = fs::OpenOptions::new().create(true).append(true).mode(0o600).open(path).map_err(|e| {
        Failure::new(FailureKind::Usage, format!("The log file {} cannot be written.", path.display()))
            .why(e)
            .hint("name another file with --log-file")
    })?;
    let filter = EnvFilter::try_from_env("KAFDECK_LOG")
        .unwrap_or_else(|_| EnvFilter::new("kafdeck=debug,kube_runtime=info,warn"));
    let lines = tracing_subscriber::fmt::layer().with_writer(Mutex::new(file)).with_ansi(false);
    tracing_subscriber::registry().with(filter_fn(is_discreet)).with(filter).with(lines).init();
    Ok(())
}

/// False for what writes bytes of a connection to the log, among which passwords may be, however much is asked for.
fn is_discreet(line: &Metadata<'_>) -> bool {
    *line.level() <= Level::INFO || !line.target().starts_with("tungstenite")
}
