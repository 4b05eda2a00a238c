//! An installation that was found, and how its brokers are reached.

use std::sync::Arc;

use crate::{
    discover::Choice,
    domain::installation::{AddressBook, Installation},
};

/// An installation and which pod stands behind which of its addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The installation.
    pub installation: Installation,
    /// Its address book.
    pub book: Arc<AddressBook>,
    /// Which way into it is gone, or why none is.
    pub choice: Choice,
}

impl Found {
    /// Goes another way, or none.
    pub(super) fn take(&mut self, choice: Choice) {
        let way = choice.dialled();
        if self.book.way.as_ref() != way {
            let way = way.cloned();
            Arc::make_mut(&mut self.book).way = way;
        }
        self.choice = choice;
    }
}
