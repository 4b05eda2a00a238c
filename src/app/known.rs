//! What is known of the chosen installation, and whether it has been looked for at all.

use std::sync::Arc;

use super::App;
use crate::{
    domain::{
        freshness::{Kind, Source, SourceState},
        ids::InstallationId,
    },
    world::{Reading, census::Census},
};

impl App {
    /// The chosen installation, read at this moment.
    pub fn reading(&self) -> Option<Reading<'_>> {
        self.reading_of(self.chosen.as_ref()?)
    }

    /// An installation, read at this moment.
    pub fn reading_of(&self, id: &InstallationId) -> Option<Reading<'_>> {
        let found = self.found.iter().find(|f| f.installation.id == *id)?;
        Some(Reading {
            world: &self.world,
            installation: &found.installation,
            book: &found.book,
            now: self.now,
            counted: self.counted(id),
        })
    }

    /// The census that was taken of an installation, if it is the last one that was.
    fn counted(&self, id: &InstallationId) -> Option<&Arc<Census>> {
        self.census.as_ref().filter(|(of, _)| of == id).map(|(_, census)| census)
    }

    /// The installation that was asked for.
    pub fn wanted(&self) -> Option<&InstallationId> {
        self.wanted.as_ref()
    }

    /// True once the objects from which installations are recognised have been listed, or cannot be.
    pub fn has_looked(&self) -> bool {
        [Kind::Pods, Kind::StatefulSets, Kind::Services]
            .into_iter()
            .all(|k| self.world.sources.is_settled(&Source::Watch(k)))
    }

    /// The API server's state.
    pub fn link_is_live(&self) -> bool {
        self.world.sources.link(self.now).state == SourceState::Live
    }
}
