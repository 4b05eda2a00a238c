//! The palette: every command and installation, found by a few letters of its name.

use std::borrow::Cow;

use super::{
    App,
    commands::{CommandId, commands},
    form::Form,
    keys::Key,
};
use crate::domain::ids::InstallationId;

/// The palette, open.
#[derive(Debug, Clone)]
pub struct Palette {
    /// What has been typed.
    pub form: Form,
    /// Which entry is selected.
    pub selected: usize,
    /// What was chosen before, oldest first.
    before: Vec<String>,
    /// Which of them is shown, while they are walked.
    walked: Option<usize>,
}

/// How many choices are remembered.
const REMEMBERED: usize = 50;

/// Remembers what was chosen as the newest; what was chosen twice is remembered once.
pub(super) fn remember(before: &mut Vec<String>, name: &str) {
    before.retain(|b| b != name);
    before.push(name.to_owned());
    before.drain(..before.len().saturating_sub(REMEMBERED));
}

impl Palette {
    /// An empty palette that can walk what was chosen before, oldest first.
    pub fn remembering(before: Vec<String>) -> Self {
        Self { form: Form::new(""), selected: 0, before, walked: None }
    }

    /// Takes a key of the line.
    pub(super) fn key(&mut self, key: Key) {
        self.form.key(key);
        (self.selected, self.walked) = (0, None);
    }

    /// Takes pasted text.
    pub(super) fn paste(&mut self, text: &str) {
        self.form.paste(text);
        (self.selected, self.walked) = (0, None);
    }

    /// Walks to an earlier choice or a later one: from an empty line upwards, and from there both ways.
    ///
    /// False when the key moves the selection instead.
    pub(super) fn walk(&mut self, up: bool) -> bool {
        let next = match (self.walked, up) {
            (None, true) if self.form.text().is_empty() && self.selected == 0 => self.before.len().checked_sub(1),
            (None, _) => None,
            (Some(at), true) => Some(at.saturating_sub(1)),
            (Some(at), false) => Some(at + 1),
        };
        let Some(next) = next else { return false };
        self.walked = Some(next).filter(|at| *at < self.before.len());
        self.form = Form::new(self.walked.map_or("", |at| &self.before[at]));
        self.selected = 0;
        true
    }
}

/// What an entry does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Runs a command.
    Command(CommandId),
    /// Switches to an installation.
    Installation(InstallationId),
    /// Opens a topic.
    Topic(String),
    /// Opens a group.
    Group(String),
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What is typed to find it.
    pub name: String,
    /// What it does, in words.
    pub title: String,
    /// Its keys, if it has some.
    pub keys: Vec<Key>,
    /// Why it cannot be done now.
    pub refusal: Option<String>,
    /// What it does.
    pub target: Target,
}

/// How many topics and groups are offered at most: more than a screen of them helps nobody.
const OBJECTS: usize = 50;

impl App {
    /// Entries that match what has been typed, best first.
    pub fn palette_entries(&self, typed: &str) -> Vec<Entry> {
        let mut scored: Vec<(i32, Entry)> = self
            .all_entries(typed)
            .into_iter()
            .filter_map(|entry| {
                Some((score(typed, &entry.name).max(score(typed, &entry.title).map(|s| s - 2))?, entry))
            })
            .collect();
        scored.sort_by_key(|(score, _)| -score);
        scored.into_iter().map(|(_, entry)| entry).collect()
    }

    fn all_entries(&self, typed: &str) -> Vec<Entry> {
        let commands = commands().iter().filter(|c| c.has_a_place() && c.id != CommandId::Palette).map(|c| Entry {
            name: c.name.to_owned(),
            title: c.title.to_owned(),
            keys: self.keys_of(c).first().map(|keys| keys.to_vec()).unwrap_or_default(),
            refusal: c.refusal(self).map(Cow::into_owned),
            target: Target::Command(c.id),
        });
        let object = |name: String, title: &str, target| Entry {
            name,
            title: title.to_owned(),
            keys: Vec::new(),
            refusal: None,
            target,
        };
        let mut entries: Vec<Entry> = commands.collect();
        entries.extend(self.found.iter().map(|f| {
            let id = &f.installation.id;
            object(id.to_string(), "show this installation", Target::Installation(id.clone()))
        }));
        if let (Some(shown), false) = (&self.shown, typed.is_empty()) {
            let topics = shown.topics.iter().filter(|t| score(typed, &t.name).is_some()).take(OBJECTS);
            entries.extend(topics.map(|t| object(t.name.clone(), "open this topic", Target::Topic(t.name.clone()))));
            let groups = shown.groups.iter().filter(|g| score(typed, &g.id).is_some()).take(OBJECTS);
            entries.extend(groups.map(|g| object(g.id.clone(), "open this group", Target::Group(g.id.clone()))));
        }
        entries
    }
}

/// How well a name matches what was typed: its letters in order, better when they stand together and early.
fn score(typed: &str, name: &str) -> Option<i32> {
    let name: Vec<char> = name.to_lowercase().chars().collect();
    let (mut at, mut points, mut last) = (0, 0, None);
    for wanted in typed.to_lowercase().chars().filter(|c| !c.is_whitespace()) {
        let found = at + name[at..].iter().position(|c| *c == wanted)?;
        let starts_word = found == 0 || !name[found - 1].is_alphanumeric();
        points += if last == found.checked_sub(1) && last.is_some() {
            5
        } else if starts_word {
            4
        } else {
            1
        };
        last = Some(found);
        at = found + 1;
    }
    Some(points * 4 - i32::try_from(name.len()).unwrap_or(i32::MAX) / 4)
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Msg, Overlay, Place, Tab},
        *,
    };

    #[test]
    fn letters_that_stand_together_beat_letters_that_are_scattered() {
        assert!(score("log", "logs") > score("log", "list of groups"));
        assert!(score("tb", "tab.brokers").is_some());
        assert_eq!(score("xyz", "tab.brokers"), None);
        assert!(score("", "anything").is_some());
    }

    #[test]
    fn up_in_an_empty_palette_walks_earlier_choices_and_down_comes_back() {
        let mut app = App::new(None, (80, 24), chrono::DateTime::UNIX_EPOCH);
        let mut press = |keys: &[Key]| {
            for key in keys {
                app.update(Msg::Key(*key), app.now);
            }
            match &app.overlay {
                Some(Overlay::Palette(palette)) => palette.form.text().to_owned(),
                _ => String::new(),
            }
        };
        let choose = |name: &str| {
            [Key::Char(':')].into_iter().chain(name.chars().map(Key::Char)).chain([Key::Enter]).collect::<Vec<_>>()
        };
        assert_eq!(press(&[Key::Char(':'), Key::Up]), "", "nothing was chosen yet");
        press(&[Key::Esc]);
        press(&choose("tab.topics"));
        press(&choose("tab.groups"));
        press(&choose("tab.groups"));
        assert_eq!(press(&[Key::Char(':'), Key::Up]), "tab.groups");
        assert_eq!(press(&[Key::Up, Key::Up]), "tab.topics", "the oldest stays");
        assert_eq!(press(&[Key::Down]), "tab.groups");
        assert_eq!(press(&[Key::Down]), "");
        assert_eq!(press(&[Key::Down, Key::Down, Key::Up, Key::Up]), "", "the selection moves as before");
        assert_eq!(press(&[Key::Up, Key::Up, Key::Enter]), "");
        assert_eq!(app.place, Place::Tab(Tab::Topics));
    }
}
