//! Records that a session reads for its App: at most one reading, which ends when another takes its place.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{
    app::Msg,
    domain::record::{Query, ReadEvent},
    io::messages::{
        Reach,
        reader::{self, Pace},
    },
};

/// Records under way; where they are looked at live, more of them are let go and counted.
const EVENTS: usize = 1_024;
/// Records that the App takes at once, so that a burst costs one frame.
const BATCH: usize = 256;

/// What is read now, if anything is.
#[derive(Default)]
pub struct Messages {
    reading: Option<Reading>,
}

struct Reading {
    events: mpsc::Receiver<ReadEvent>,
    dropped: Arc<AtomicU64>,
    _ends: DropGuard,
}

impl Messages {
    /// Starts to read; ends with the token or when dropped.
    pub fn read(reach: Reach, query: Query, live: bool, cancel: CancellationToken) -> Self {
        let (sender, events) = mpsc::channel(EVENTS);
        let dropped = Arc::new(AtomicU64::new(0));
        let pace = if live { Pace::Live(Arc::clone(&dropped)) } else { Pace::Whole };
        reader::read(reach, query, pace, sender, &cancel);
        Self { reading: Some(Reading { events, dropped, _ends: cancel.drop_guard() }) }
    }

    /// What was read next; for ever where nothing is read. Cancel-safe.
    pub async fn next(&mut self) -> Option<Msg> {
        let Some(reading) = &mut self.reading else { return std::future::pending().await };
        let mut events = Vec::new();
        if reading.events.recv_many(&mut events, BATCH).await == 0 {
            // The reader has said that it is over.
            self.reading = None;
            return None;
        }
        Some(Msg::Messages { events, dropped: reading.dropped.load(Ordering::Relaxed) })
    }
}
