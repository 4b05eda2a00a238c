//! Looks more often while a run is open: its gates wait for what is seen.

use std::sync::Arc;

use tokio::{sync::watch, time::Duration};
use tokio_util::sync::DropGuard;

use super::ActSetup;
use crate::task;

/// After a change everything is asked again at once, and again after these pauses, the last of them over and over until
/// the next step or the end: brokers tell each other in between, and operators take their time.
const ASK_AGAIN: [Duration; 4] =
    [Duration::from_millis(300), Duration::from_secs(2), Duration::from_secs(5), Duration::from_secs(10)];

/// Keeps those who observe brokers eager while it is there.
pub struct Eager(Arc<watch::Sender<bool>>);

impl Eager {
    /// Until what is answered is dropped.
    pub fn begin(eager: &Arc<watch::Sender<bool>>) -> Self {
        eager.send_replace(true);
        Self(Arc::clone(eager))
    }
}

impl Drop for Eager {
    fn drop(&mut self) {
        self.0.send_replace(false);
    }
}

/// Has everything asked at once, and again and again until what it answers with is dropped.
pub fn look_again(setup: &ActSetup) -> DropGuard {
    setup.refresh.notify_waiters();
    let (refresh, cancel) = (Arc::clone(&setup.refresh), setup.cancel.child_token());
    let last = ASK_AGAIN[ASK_AGAIN.len() - 1];
    task::spawn("act look again", &cancel, async move {
        for pause in ASK_AGAIN.into_iter().chain(std::iter::repeat(last)) {
            tokio::time::sleep(pause).await;
            refresh.notify_waiters();
        }
    });
    cancel.drop_guard()
}
