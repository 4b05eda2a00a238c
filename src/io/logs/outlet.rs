//! Where one log's lines go: in batches of bounded size, and into a queue of bounded length.
//!
//! What was written before anybody looked waits for room. What is written now does not: it is let go and counted,
//! so that neither memory grows nor what is shown falls behind. Made by the follower, see the parent module.

use chrono::{DateTime, Utc};
use tokio::sync::mpsc::{Sender, error::TrySendError};

use super::LogEvent;
use crate::domain::log::{LogLine, LogNews, LogState};

/// A batch is handed on when it has this many lines, or this many bytes.
pub(super) const BATCH: usize = 500;
/// See `BATCH`.
const BATCH_BYTES: usize = 64 << 10;

/// The receiver of the lines is gone.
#[derive(Debug)]
pub(super) struct Closed;

/// Where one log's lines go.
pub(super) struct Outlet {
    source: usize,
    out: Sender<LogEvent>,
    /// Lines written after this may be let go; none when none may.
    lossy_from: Option<DateTime<Utc>>,
    batch: Vec<LogLine>,
    bytes: usize,
    dropped: u64,
}

impl Outlet {
    /// An outlet for the log of that number. It loses nothing until `may_lose`.
    pub(super) fn new(source: usize, out: Sender<LogEvent>) -> Self {
        Self { source, out, lossy_from: None, batch: Vec::new(), bytes: 0, dropped: 0 }
    }

    /// From now on lines that were written after this moment are let go where there is no room.
    pub(super) fn may_lose(&mut self, after: DateTime<Utc>) {
        self.lossy_from.get_or_insert(after);
    }

    /// True when something waits to be handed on.
    pub(super) fn is_pending(&self) -> bool {
        !self.batch.is_empty() || self.dropped > 0
    }

    /// Adds a line; a full batch goes out.
    pub(super) async fn push(&mut self, line: LogLine) -> Result<(), Closed> {
        self.bytes += line.text.len();
        self.batch.push(line);
        if self.batch.len() >= BATCH || self.bytes >= BATCH_BYTES { self.flush().await } else { Ok(()) }
    }

    /// Hands the batch on, or lets it go.
    pub(super) async fn flush(&mut self) -> Result<(), Closed> {
        self.bytes = 0;
        let batch = std::mem::take(&mut self.batch);
        let newest = batch.last().and_then(|line| line.at);
        let is_live = self.lossy_from.is_some_and(|from| newest.is_none_or(|at| at > from));
        if !is_live {
            self.tell_dropped().await?;
            return if batch.is_empty() { Ok(()) } else { self.send(LogNews::Lines(batch)).await };
        }
        // What was let go is told before later lines, or the gap would seem to be elsewhere.
        if self.dropped > 0 && self.offer(LogNews::Dropped(self.dropped))?.is_some() {
            self.dropped += batch.len() as u64;
            return Ok(());
        }
        self.dropped = 0;
        if !batch.is_empty()
            && let Some(LogNews::Lines(batch)) = self.offer(LogNews::Lines(batch))?
        {
            self.dropped += batch.len() as u64;
        }
        Ok(())
    }

    /// Hands on what must not be lost, behind the lines before it.
    pub(super) async fn tell(&mut self, news: LogNews) -> Result<(), Closed> {
        self.flush().await?;
        self.tell_dropped().await?;
        self.send(news).await
    }

    /// Tells that this was all.
    pub(super) async fn end(mut self, why: Option<String>) {
        // Without a receiver nobody waits for the end.
        let _ = self.tell(LogNews::State(LogState::Ended(why))).await;
    }

    async fn tell_dropped(&mut self) -> Result<(), Closed> {
        match std::mem::take(&mut self.dropped) {
            0 => Ok(()),
            lines => self.send(LogNews::Dropped(lines)).await,
        }
    }

    async fn send(&self, news: LogNews) -> Result<(), Closed> {
        self.out.send(LogEvent { source: self.source, news }).await.map_err(|_| Closed)
    }

    /// Hands on what may be lost; gives it back where there is no room.
    fn offer(&self, news: LogNews) -> Result<Option<LogNews>, Closed> {
        match self.out.try_send(LogEvent { source: self.source, news }) {
            Ok(()) => Ok(None),
            Err(TrySendError::Full(event)) => Ok(Some(event.news)),
            Err(TrySendError::Closed(_)) => Err(Closed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::mpsc;

    fn line(second: i64) -> LogLine {
        LogLine { at: DateTime::from_timestamp(second, 0), text: "x".into() }
    }

    #[tokio::test]
    async fn lines_of_now_are_let_go_and_counted_where_there_is_no_room() {
        let (out, mut events) = mpsc::channel(1);
        let mut outlet = Outlet::new(7, out);
        outlet.may_lose(DateTime::UNIX_EPOCH);
        for _ in 0..3 * BATCH {
            outlet.push(line(1)).await.unwrap();
        }
        let event = events.recv().await.unwrap();
        assert!(matches!(event, LogEvent { source: 7, news: LogNews::Lines(l) } if l.len() == BATCH));
        outlet.push(line(1)).await.unwrap();
        outlet.flush().await.unwrap();
        assert_eq!(events.recv().await.unwrap().news, LogNews::Dropped(2 * BATCH as u64), "before later lines");
        assert!(outlet.is_pending(), "there was room for one thing alone");
        outlet.flush().await.unwrap();
        assert_eq!(events.recv().await.unwrap().news, LogNews::Dropped(1), "exactly those that were not handed on");
        drop(events);
        assert!(outlet.push(line(1)).await.is_ok() && outlet.flush().await.is_err());
    }

    #[tokio::test]
    async fn lines_of_before_wait_for_room() {
        let (out, mut events) = mpsc::channel(1);
        let mut outlet = Outlet::new(0, out);
        outlet.may_lose(DateTime::from_timestamp(100, 0).unwrap());
        let reader = async move {
            let mut lines = 0;
            while let Some(event) = events.recv().await {
                match event.news {
                    LogNews::Lines(batch) => lines += batch.len(),
                    LogNews::State(LogState::Ended(None)) => return lines,
                    other => panic!("{other:?}"),
                }
            }
            0
        };
        let writer = async {
            for _ in 0..10 * BATCH + 1 {
                outlet.push(line(99)).await.unwrap();
            }
            outlet.end(None).await;
        };
        let (lines, ()) = tokio::join!(reader, writer);
        assert_eq!(lines, 10 * BATCH + 1);
    }

    #[tokio::test]
    async fn a_batch_of_long_lines_is_small() {
        let (out, mut events) = mpsc::channel(64);
        let mut outlet = Outlet::new(0, out);
        for _ in 0..16 {
            outlet.push(LogLine { at: None, text: "x".repeat(16 << 10).into() }).await.unwrap();
        }
        assert!(matches!(events.recv().await.unwrap().news, LogNews::Lines(l) if l.len() == 4));
    }
}
