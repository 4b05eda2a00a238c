//! A connection aside: for questions that a broker may keep for as long as it likes.
//!
//! A broker answers one question after the other on a connection. While there is no active controller it keeps the
//! one for the quorum; and Kafka up to 4.1 at least never answers one for SCRAM users that it refuses, if the list of
//! names is null. On the connection that serves, its silence would be taken for the broker's. Here nothing is concluded
//! from it: a connection that hangs is left for one to another broker. `quorum` and `users` ask here.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::timeout;

use super::{
    broker::{Link, LinkHandle},
    connection::Answer,
    failure::CallError,
    roster::Roster,
};
use crate::wire::requests::Ask;

/// The connection, once something was asked on it.
#[derive(Default)]
pub struct Aside(Mutex<Option<LinkHandle>>);

impl Aside {
    /// Asks whichever broker the connection leads to; one that does not answer in time is left for another.
    pub async fn ask<R: Ask>(
        &self,
        roster: &Roster,
        request: &R,
        patience: Duration,
    ) -> Result<Answer<R::Response>, CallError> {
        let link = self.open(roster, patience).await?;
        let answer = timeout(patience, link.call(request)).await;
        let answer = answer.unwrap_or(Err(CallError::Timeout { after: patience }));
        // A login that was refused is not tried again on another connection: many of them lock users out.
        if answer.as_ref().is_err_and(|why| !why.is_final() && !why.is_about_secrets()) {
            self.leave(roster, &link);
        }
        answer
    }

    /// Dials at once if it is waiting to.
    pub fn retry(&self) {
        if let Some(handle) = self.handle().as_ref() {
            handle.link.retry();
        }
    }

    fn handle(&self) -> MutexGuard<'_, Option<LinkHandle>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The link at hand; waits for the first broker that can be asked, unless it is known that there is none.
    async fn open(&self, roster: &Roster, patience: Duration) -> Result<Arc<Link>, CallError> {
        let mut changed = roster.changed();
        let first = async {
            loop {
                changed.mark_unchanged();
                if let Some(link) = self.link(roster) {
                    return Ok(link);
                }
                if let Some(why) = roster.why_nobody() {
                    return Err(why);
                }
                if changed.changed().await.is_err() {
                    return Err(CallError::Nobody);
                }
            }
        };
        timeout(patience, first).await.unwrap_or(Err(CallError::Nobody))
    }

    /// The link at hand, or another where it leads nowhere any more.
    fn link(&self, roster: &Roster) -> Option<Arc<Link>> {
        let mut handle = self.handle();
        if !handle.as_ref().is_some_and(|handle| roster.guides(&handle.link)) {
            let before = handle.take().map(|handle| handle.link.to().clone());
            *handle = roster.aside(before.as_ref());
        }
        handle.as_ref().map(|handle| Arc::clone(&handle.link))
    }

    /// Makes room for a connection to another broker, unless somebody else has already.
    fn leave(&self, roster: &Roster, link: &Arc<Link>) {
        let mut handle = self.handle();
        if handle.as_ref().is_some_and(|handle| Arc::ptr_eq(&handle.link, link)) {
            *handle = roster.aside(Some(link.to()));
        }
    }
}
