//! Where tasks are made: each has a name for the log and ends when its token is cancelled.

use std::future::Future;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

/// Runs a future as a named task until it ends or the token is cancelled.
#[expect(clippy::disallowed_methods, reason = "the one home of spawn")]
pub fn spawn(
    name: &'static str,
    cancel: &CancellationToken,
    work: impl Future<Output = ()> + Send + 'static,
) -> JoinHandle<()> {
    let cancel = cancel.clone();
    tokio::spawn(
        async move {
            tokio::select! {
                () = cancel.cancelled() => {}
                () = work => {}
            }
        }
        .instrument(tracing::debug_span!("task", name)),
    )
}

/// Runs blocking work, such as a credential plugin, off the async threads.
#[expect(clippy::disallowed_methods, reason = "the one home of spawn")]
pub fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    tokio::task::spawn_blocking(work)
}

/// Runs work on a named thread of its own: for what blocks for ever, such as waiting for a terminal's end.
///
/// A machine that can start no more threads loses that work and nothing else.
pub fn thread(name: &'static str, work: impl FnOnce() + Send + 'static) {
    let started = std::thread::Builder::new().name(name.to_owned()).spawn(work);
    if let Err(error) = started {
        tracing::error!(name, %error, "thread not started");
    }
}
