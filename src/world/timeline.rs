//! What changed, newest first: lines that last while what they tell of goes on.
//!
//! Each installation has a timeline. `KafkaWorld::apply` gives it what differs between two answers of brokers
//! (`brokers`), `World::chronicle` what differs between two looks at its objects and the moments that these tell
//! themselves (`objects`), and the App what it did. Kubernetes events are kept for all of them together, and a reading
//! takes those that are about the installation. It holds the newest lines and no more; each is told once, by its id.

mod belongs;
pub mod brokers;
mod objects;
#[cfg(test)]
mod tests;

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, HashMap},
};

use chrono::{DateTime, Utc};

use super::{KubeWorld, Reading};
use crate::domain::{
    freshness::Kind,
    installation::Installation,
    timeline::{Entry, Happening},
};

use self::{belongs::Belongs, objects::Seen};

/// Lines that are kept of an installation, events not counted.
pub const MOST: usize = 2_000;
/// Events that are kept, of all that is watched.
pub const MOST_EVENTS: usize = 1_000;

/// The newest lines, each once.
#[derive(Debug)]
pub struct Log {
    lines: BTreeMap<(DateTime<Utc>, u64), Entry>,
    places: HashMap<String, (DateTime<Utc>, u64)>,
    told: u64,
    most: usize,
}

impl Log {
    /// An empty one that keeps so many.
    fn new(most: usize) -> Self {
        Self { lines: BTreeMap::new(), places: HashMap::new(), told: 0, most }
    }

    /// Takes a line in, unless it is known; false then.
    fn tell(&mut self, mut entry: Entry) -> bool {
        self.told += 1;
        if entry.id.is_empty() {
            entry.id = format!("seen/{}", self.told);
        }
        if self.places.contains_key(&entry.id) {
            return false;
        }
        let place = (entry.at, self.told);
        self.places.insert(entry.id.clone(), place);
        self.lines.insert(place, entry);
        if self.lines.len() > self.most
            && let Some((_, oldest)) = self.lines.pop_first()
        {
            self.places.remove(&oldest.id);
        }
        true
    }

    /// Takes a line in instead of the one of its id, if that is another; false when it is the same.
    fn retell(&mut self, entry: Entry) -> bool {
        if let Some(place) = self.places.get(&entry.id).copied() {
            if self.lines.get(&place).is_some_and(|known| known.at >= entry.at && known.text == entry.text) {
                return false;
            }
            self.lines.remove(&place);
            self.places.remove(&entry.id);
        }
        self.tell(entry)
    }

    /// All lines with their places, newest first.
    fn newest(&self) -> impl Iterator<Item = (Reverse<(DateTime<Utc>, u64)>, &Entry)> {
        self.lines.iter().rev().map(|(place, entry)| (Reverse(*place), entry))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// True when there is none.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }
}

/// Events, of all namespaces that are watched.
#[derive(Debug)]
pub struct Events(Log);

impl Default for Events {
    fn default() -> Self {
        Self(Log::new(MOST_EVENTS))
    }
}

impl Events {
    /// Takes events in; false when all were known as they are.
    pub fn tell(&mut self, events: &[Happening], seen_at: DateTime<Utc>) -> bool {
        let mut changed = false;
        for event in events {
            changed |= self.0.retell(event.entry(seen_at));
        }
        changed
    }
}

/// What changed about one installation, events not counted.
#[derive(Debug)]
pub struct Timeline {
    log: Log,
    /// Its objects at the last look; none before the first one.
    seen: Option<Seen>,
}

impl Default for Timeline {
    fn default() -> Self {
        Self { log: Log::new(MOST), seen: None }
    }
}

impl Timeline {
    /// Takes lines in; those that are known are not told again.
    pub fn tell(&mut self, installation: &str, namespace: &str, entries: impl IntoIterator<Item = Entry>) -> bool {
        let mut changed = false;
        for mut entry in entries {
            if entry.object.namespace.is_empty() {
                namespace.clone_into(&mut entry.object.namespace);
            }
            if entry.object.kind == brokers::WHOLE && entry.object.name.is_empty() {
                installation.clone_into(&mut entry.object.name);
            }
            changed |= self.log.tell(entry);
        }
        changed
    }

    /// Looks at the installation's objects; true when something is new.
    pub fn look(
        &mut self,
        kube: &KubeWorld,
        installation: &Installation,
        touched: &BTreeSet<Kind>,
        now: DateTime<Utc>,
    ) -> bool {
        let seen = Seen::of(kube, installation, self.seen.as_ref(), touched);
        let told = objects::changes(self.seen.as_ref(), &seen, now);
        self.seen = Some(seen);
        let id = &installation.id;
        self.tell(&id.name, &id.namespace, told)
    }

    /// Forgets how its objects were: what changes from now on until the next look was seen by nobody.
    pub fn look_away(&mut self) {
        self.seen = None;
    }

    /// How many lines it has.
    pub fn len(&self) -> usize {
        self.log.len()
    }

    /// True when it has none.
    pub fn is_empty(&self) -> bool {
        self.log.is_empty()
    }
}

impl Reading<'_> {
    /// What changed, newest first; of one moment what was told last comes first.
    pub fn timeline(&self) -> Vec<Entry> {
        let belongs = Belongs::of(&self.world.kube, self.installation);
        let events = self.world.events.0.newest().filter(|(_, entry)| belongs.has(&entry.object));
        let own = self.world.timelines.get(&self.installation.id);
        let mut all: Vec<_> = own.into_iter().flat_map(|own| own.log.newest()).chain(events).collect();
        all.sort_by_key(|(place, _)| *place);
        all.into_iter().map(|(_, entry)| entry).take(MOST).cloned().collect()
    }
}
