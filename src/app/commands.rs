//! The table of commands: keymaps, help, footer, palette and action menu are all made from it.
//!
//! Which keys run a command is the keymap's part; a command knows its name and where it acts.

use std::{borrow::Cow, sync::LazyLock};

use super::{
    App, Overlay, Place, config_page::needs_owner, keys::Key, lists::ListId, messages::place::needs_topic,
    object_page::needs_object,
};
pub use crate::config::keymap::{Layer, Risk};
use crate::{
    config::keymap::{Keymap, Meaning, Word},
    plan::{
        self,
        catalog::{ActionSpec, CATALOG, Scope},
    },
};

/// What a command does; `App::run` carries it out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommandId {
    /// Goes to the tab of that number.
    Tab(u8),
    /// Moves the selection by rows; negative is up.
    Move(i32),
    /// Moves the selection by pages.
    Page(i32),
    /// Moves the selection by half pages.
    HalfPage(i32),
    /// Selects the first row.
    First,
    /// Selects the last row.
    Last,
    /// Focuses the next pane.
    NextPane,
    /// Focuses the previous pane.
    PreviousPane,
    /// Opens what is selected.
    Open,
    /// Goes back, or asks to leave at the root.
    Back,
    /// Starts to edit the filter.
    Filter,
    /// Sorts by the next column.
    Sort,
    /// Reverses the order.
    Reverse,
    /// Opens the palette.
    Palette,
    /// Opens the help of this place.
    Help,
    /// Opens the action menu of what is selected.
    Actions,
    /// Opens the picker of installations.
    Installations,
    /// Opens the ways into the installation.
    Ways,
    /// Stops and resumes the screen.
    Pause,
    /// Asks every source again, now.
    Refresh,
    /// Says where the figures of this place come from.
    What,
    /// Copies what is selected, open or in sight.
    Copy,
    /// Reads the Kubernetes object behind what is selected.
    Yaml,
    /// Reads the events about it.
    Events,
    /// Reads all configs of the selected broker or topic.
    Configs,
    /// Follows the logs of what is selected.
    Logs,
    /// Asks to leave.
    Quit,
    /// Reads the records of the selected topic.
    Messages,
    /// Leaves without asking.
    QuitNow,
    /// Hands the terminal back to the shell for a while.
    Suspend,
    /// Logs: follows the end.
    LogFollow,
    /// Logs: wraps long lines.
    LogWrap,
    /// Logs: shows timestamps.
    LogTimestamps,
    /// Logs: shows the container that ran before.
    LogPrevious,
    /// Messages: follows the newest.
    MessageFollow,
    /// Messages: shows bodies as text, JSON or bytes.
    MessageForm,
    /// Messages: folds JSON.
    MessageFold,
    /// Messages: begins elsewhere.
    MessageFrom,
    /// Messages: reads another partition.
    MessagePartition,
    /// Begins the action of that place in the catalog.
    Act(usize),
    /// Plan: says yes.
    Go,
    /// Plan: tries it again without doing it.
    DryRun,
    /// Run: stops before the next step, and goes on.
    PauseRun,
    /// Run: ends before the next step.
    AbortRun,
    /// Opens the dialog of the action under way.
    ShowRun,
    /// Offers to go on with a run that stopped.
    ResumeRun,
    /// Logs: looks further back, or less far.
    LogSince(bool),
    /// Logs: saves what is searched for to a file.
    LogSave,
    /// Logs: chooses which containers are followed.
    LogPods,
    /// Takes an entry in, or leaves it out.
    Toggle,
}

/// A row of the table.
#[derive(Clone, Copy)]
pub struct Command {
    /// What it does.
    pub id: CommandId,
    /// Its name in the palette, as `list.sort`.
    pub name: &'static str,
    /// What it does, in a few words.
    pub title: &'static str,
    /// Where it acts.
    pub layer: Layer,
    /// What it may break.
    pub risk: Risk,
    /// Whether the action menu has it, as it acts on what is selected.
    pub menu: bool,
    /// Whether the footer shows it, and how early: 1 first, 0 never.
    pub footer: u8,
    /// Why it cannot be done now, if it cannot.
    pub refuse: fn(&App) -> Option<&'static str>,
}

const fn always(_: &App) -> Option<&'static str> {
    None
}

fn needs_list(app: &App) -> Option<&'static str> {
    app.list().is_none().then_some("there is no list here")
}

/// Lists and log lines can be filtered.
fn needs_lines(app: &App) -> Option<&'static str> {
    needs_list(app).filter(|_| !matches!(app.place, Place::Logs | Place::Messages(_)))
}

fn needs_row(app: &App) -> Option<&'static str> {
    if matches!(app.place, Place::Messages(_)) {
        return app.messages.selected().is_none().then_some("nothing is selected");
    }
    needs_list(app).or_else(|| app.selected().is_none().then_some("nothing is selected"))
}

fn needs_pod(app: &App) -> Option<&'static str> {
    match app.list() {
        Some(ListId::Brokers | ListId::Storage) if app.selected_pods().is_empty() => Some("this row has no pod"),
        Some(ListId::Connect) if app.selected_pods().is_empty() => Some("no worker of it is known"),
        _ if app.selected_pods().is_empty() => Some("no broker pod is known"),
        _ => None,
    }
}

fn needs_several(app: &App) -> Option<&'static str> {
    (app.found.len() < 2).then_some("there is only one installation here")
}

fn needs_installation(app: &App) -> Option<&'static str> {
    app.choice().is_none().then_some("no installation is chosen")
}

macro_rules! command {
    (@menu) => { false };
    (@menu $menu:ident) => { true };
    ($id:expr, $name:literal, $title:literal, $layer:ident, $footer:literal, $refuse:expr $(, $menu:ident)?) => {
        Command {
            id: $id,
            name: $name,
            title: $title,
            layer: Layer::$layer,
            risk: Risk::Harmless,
            menu: command!(@menu $($menu)?),
            footer: $footer,
            refuse: $refuse,
        }
    };
}

/// All commands but those of actions.
const COMMANDS: &[Command] = &[
    command!(CommandId::Open, "open", "open what is selected", List, 1, needs_row, menu),
    command!(
        CommandId::Filter,
        "list.filter",
        "filter: word, !word, col:regex, lag>1000, age<5m",
        List,
        2,
        needs_lines
    ),
    command!(CommandId::Actions, "actions", "what can be done with what is selected", Everywhere, 4, always),
    command!(CommandId::Palette, "palette", "every command and installation, by name", Everywhere, 3, always),
    command!(CommandId::Logs, "logs", "tail logs", Everywhere, 5, needs_pod, menu),
    command!(CommandId::Yaml, "yaml", "its Kubernetes object, as YAML", List, 0, needs_object, menu),
    command!(CommandId::Events, "events", "its Kubernetes events", List, 0, needs_object, menu),
    command!(CommandId::Configs, "configs", "all its configs, and what they mean", List, 0, needs_owner, menu),
    command!(CommandId::Messages, "messages", "read its messages", List, 0, needs_topic, menu),
    command!(CommandId::Help, "help", "the keys of this place", Everywhere, 9, always),
    command!(CommandId::What, "what", "what these figures mean, and their sources", Everywhere, 8, always, menu),
    command!(CommandId::Copy, "copy", "copy this, if the terminal allows OSC 52", Everywhere, 0, always),
    command!(CommandId::Sort, "list.sort", "sort by the next column", List, 6, needs_list),
    command!(CommandId::Reverse, "list.reverse", "reverse the order", List, 0, needs_list),
    command!(CommandId::NextPane, "pane.next", "focus the next pane", List, 7, always),
    command!(CommandId::PreviousPane, "pane.previous", "focus the previous pane", List, 0, always),
    command!(CommandId::Move(1), "list.down", "one row down", List, 0, always),
    command!(CommandId::Move(-1), "list.up", "one row up", List, 0, always),
    command!(CommandId::Page(1), "list.page-down", "one page down", List, 0, always),
    command!(CommandId::Page(-1), "list.page-up", "one page up", List, 0, always),
    command!(CommandId::HalfPage(1), "list.half-page-down", "half a page down", List, 0, always),
    command!(CommandId::HalfPage(-1), "list.half-page-up", "half a page up", List, 0, always),
    command!(CommandId::First, "list.first", "to the first row", List, 0, always),
    command!(CommandId::Last, "list.last", "to the last row", List, 0, always),
    command!(CommandId::LogFollow, "logs.follow", "follow the end, or stay here", Logs, 1, always),
    command!(CommandId::LogTimestamps, "logs.timestamps", "show timestamps", Logs, 2, always),
    command!(CommandId::LogWrap, "logs.wrap", "wrap long lines", Logs, 3, always),
    command!(CommandId::LogPrevious, "logs.previous", "the container that ran before", Logs, 4, always),
    command!(CommandId::LogSince(false), "logs.shorter", "a shorter span of time", Logs, 0, always),
    command!(CommandId::LogSince(true), "logs.longer", "a longer span of time", Logs, 6, always),
    command!(CommandId::LogPods, "logs.pods", "choose which pods are followed", Logs, 5, always),
    command!(CommandId::LogSave, "logs.save", "save what is searched for to a file", Logs, 7, always),
    command!(CommandId::MessageFollow, "messages.follow", "follow the newest", Messages, 1, always),
    command!(CommandId::MessageFrom, "messages.from", "begin elsewhere: offset, -20, -10m, time", Messages, 2, always),
    command!(
        CommandId::MessagePartition,
        "messages.partition",
        "all partitions, or one after the other",
        Messages,
        3,
        always
    ),
    command!(CommandId::MessageForm, "messages.form", "as text, JSON or hex", Messages, 4, always),
    command!(CommandId::MessageFold, "messages.fold", "fold JSON of an open record", Messages, 5, always),
    command!(CommandId::Back, "back", "back", Everywhere, 10, always),
    command!(CommandId::Installations, "installations", "choose the installation", Everywhere, 0, needs_several),
    command!(CommandId::Ways, "ways", "ways in: listeners, and as whom to log in", Everywhere, 0, needs_installation),
    command!(CommandId::ShowRun, "run", "the action under way", Everywhere, 0, always),
    command!(CommandId::ResumeRun, "resume", "go on with a run that stopped before its end", Everywhere, 0, always),
    command!(CommandId::Pause, "pause", "stop the screen, and go on", Everywhere, 0, always),
    command!(CommandId::Refresh, "refresh", "ask every source again, now", Everywhere, 0, always),
    command!(CommandId::Tab(1), "tab.overview", "Overview", Everywhere, 0, always),
    command!(CommandId::Tab(2), "tab.diagnosis", "Diagnosis", Everywhere, 0, always),
    command!(CommandId::Tab(3), "tab.brokers", "Brokers", Everywhere, 0, always),
    command!(CommandId::Tab(4), "tab.storage", "Storage", Everywhere, 0, always),
    command!(CommandId::Tab(5), "tab.topics", "Topics", Everywhere, 0, always),
    command!(CommandId::Tab(6), "tab.groups", "Groups", Everywhere, 0, always),
    command!(CommandId::Tab(7), "tab.alerts", "Alerts", Everywhere, 0, always),
    command!(CommandId::Tab(9), "tab.connect", "Connect", Everywhere, 0, always),
    command!(CommandId::Tab(8), "tab.users", "Users", Everywhere, 0, always),
    command!(CommandId::Tab(0), "tab.timeline", "Timeline: what changed, newest first", Everywhere, 0, always),
    command!(CommandId::Suspend, "suspend", "hand the terminal back to the shell", Everywhere, 0, always),
    command!(CommandId::Quit, "quit", "leave", Everywhere, 0, always),
    command!(CommandId::QuitNow, "quit!", "leave without asking", Everywhere, 0, always),
    // Keys of what lies over the screen; neither palette nor help names these.
    command!(CommandId::Open, "overlay.run", "run this entry", Overlay, 0, always),
    command!(CommandId::Move(1), "overlay.down", "one entry down", Overlay, 0, always),
    command!(CommandId::Move(-1), "overlay.up", "one entry up", Overlay, 0, always),
    command!(CommandId::Page(1), "overlay.page-down", "one page down", Overlay, 0, always),
    command!(CommandId::Page(-1), "overlay.page-up", "one page up", Overlay, 0, always),
    command!(CommandId::First, "overlay.first", "to the first entry", Overlay, 0, always),
    command!(CommandId::Last, "overlay.last", "to the last entry", Overlay, 0, always),
    command!(CommandId::Open, "menu.choose", "choose this entry", Menu, 0, always),
    command!(CommandId::Move(1), "menu.down", "one entry down", Menu, 0, always),
    command!(CommandId::Move(-1), "menu.up", "one entry up", Menu, 0, always),
    command!(CommandId::Toggle, "menu.toggle", "take this entry in, or leave it out", Menu, 0, always),
    command!(CommandId::Back, "menu.close", "close the menu", Menu, 0, always),
    command!(CommandId::Open, "text.accept", "take what was typed", Text, 0, always),
    command!(CommandId::Back, "text.cancel", "forget what was typed", Text, 0, always),
    command!(CommandId::Move(1), "text.next", "the next entry of the palette", Text, 0, always),
    command!(CommandId::Move(-1), "text.previous", "the previous entry of the palette", Text, 0, always),
    command!(CommandId::Open, "dialog.confirm", "yes, do it", Dialog, 0, always),
    command!(CommandId::Back, "dialog.cancel", "no, go back", Dialog, 0, always),
    command!(CommandId::Go, "plan.go", "yes, do it", Plan, 0, always),
    command!(CommandId::Back, "plan.cancel", "cancel; what runs goes on", Plan, 0, always),
    command!(CommandId::DryRun, "plan.dry-run", "try it again without doing it", Plan, 0, always),
    command!(CommandId::Copy, "plan.copy", "copy the commands that do the same", Plan, 0, always),
    command!(CommandId::PauseRun, "plan.pause", "stop before the next step, and go on", Plan, 0, always),
    command!(CommandId::AbortRun, "plan.abort", "end before the next step", Plan, 0, always),
    command!(CommandId::Move(1), "plan.down", "one line down", Plan, 0, always),
    command!(CommandId::Move(-1), "plan.up", "one line up", Plan, 0, always),
    command!(CommandId::Page(10), "plan.page-down", "ten lines down", Plan, 0, always),
    command!(CommandId::Page(-10), "plan.page-up", "ten lines up", Plan, 0, always),
];

/// Actions that are offered whatever is selected; a restart is, for it is two keys away from anywhere.
fn is_everywhere(spec: &ActionSpec) -> bool {
    matches!(spec.scope, Scope::Installation | Scope::Brokers) || spec.id == "broker.restart"
}

/// All commands: what looks, then what acts.
pub fn commands() -> &'static [Command] {
    static ALL: LazyLock<Vec<Command>> = LazyLock::new(|| {
        let actions = CATALOG.iter().enumerate().map(|(at, spec)| Command {
            id: CommandId::Act(at),
            name: spec.id,
            title: spec.title,
            layer: Layer::Everywhere,
            risk: match spec.risk {
                plan::Risk::Reversible => Risk::Harmless,
                plan::Risk::Disruptive => Risk::Disruptive,
                plan::Risk::Destructive => Risk::Destructive,
            },
            menu: true,
            footer: 0,
            refuse: always,
        });
        COMMANDS.iter().copied().chain(actions).collect()
    });
    &ALL
}

/// The command of a name.
pub fn by_name(name: &str) -> Option<&'static Command> {
    commands().iter().find(|c| c.name == name)
}

/// The commands as a keymap knows them.
pub fn words() -> Vec<Word> {
    commands().iter().map(|c| Word { name: c.name, layer: c.layer, risk: c.risk, in_menu: c.menu }).collect()
}

/// A built-in keymap, bound to these commands.
pub fn keymap(name: &str) -> Keymap {
    Keymap::built_in(name, &words())
}

impl Command {
    /// Why it cannot be done here and now.
    pub fn refusal(&self, app: &App) -> Option<Cow<'static, str>> {
        match self.id {
            CommandId::Act(at) => app.refuses(CATALOG.get(at)?).map(Cow::Owned),
            _ => (self.refuse)(app).map(Cow::Borrowed),
        }
    }

    /// True for one that can be run by its name; the others are keys of a menu, a question or a line of text.
    pub fn has_a_place(&self) -> bool {
        matches!(self.layer, Layer::Everywhere | Layer::List | Layer::Logs | Layer::Messages)
    }
}

impl App {
    /// The layers of keys that count here, innermost first.
    pub fn layers(&self) -> &'static [Layer] {
        match (&self.overlay, &self.place) {
            (Some(Overlay::Detail), Place::Messages(_)) => &[Layer::Overlay, Layer::Messages, Layer::Everywhere],
            (Some(Overlay::Help(_) | Overlay::What | Overlay::Detail | Overlay::Object(_)), _) => {
                &[Layer::Overlay, Layer::Everywhere]
            }
            (
                Some(
                    Overlay::Filter(_)
                    | Overlay::From(_)
                    | Overlay::Palette(_)
                    | Overlay::SaveLogs(_)
                    | Overlay::Fields(_),
                ),
                _,
            ) => &[Layer::Text],
            (Some(Overlay::Actions(_)), _) => &[Layer::Actions, Layer::Menu],
            (Some(Overlay::Installations(_) | Overlay::Ways(_) | Overlay::LogPods(_)), _) => &[Layer::Menu],
            (Some(Overlay::Leave | Overlay::Borrow(_)), _) => &[Layer::Dialog],
            (Some(Overlay::Plan), _) => &[Layer::Plan],
            (None, _) => self.layers_of_place(),
        }
    }

    /// The layers of keys of what fills the screen, whatever lies over it.
    fn layers_of_place(&self) -> &'static [Layer] {
        match self.place {
            Place::Logs => &[Layer::Logs, Layer::List, Layer::Everywhere],
            Place::Messages(_) => &[Layer::Messages, Layer::List, Layer::Everywhere],
            _ => &[Layer::List, Layer::Everywhere],
        }
    }

    /// The command behind keys here, innermost layer first.
    pub fn command_for(&self, keys: &[Key]) -> Option<&'static Command> {
        match self.keymap.meaning(self.layers(), keys) {
            Meaning::Command(name) => by_name(name),
            Meaning::Begins | Meaning::Nothing => None,
        }
    }

    /// Sequences of keys that run a command, the one to show first.
    pub fn keys_of(&self, command: &Command) -> Vec<&[Key]> {
        if !self.layers_of_place().contains(&command.layer) {
            return self.keymap.keys_of(command.layer, command.name).collect();
        }
        // A row of an inner layer may run a command of an outer one, or hide its keys.
        let layers = self.layers_of_place();
        let mut found: Vec<&[Key]> = Vec::new();
        for keys in layers.iter().flat_map(|layer| self.keymap.keys_of(*layer, command.name)) {
            let runs = self.keymap.meaning(layers, keys) == Meaning::Command(command.name);
            if runs && !found.contains(&keys) {
                found.push(keys);
            }
        }
        found
    }

    /// Commands of this place, whatever lies over it, in the table's order.
    pub fn commands_of_place(&self) -> impl Iterator<Item = &'static Command> {
        let logs = self.place == Place::Logs;
        let messages = matches!(self.place, Place::Messages(_));
        commands().iter().filter(move |c| match c.layer {
            // What acts is in the action menu.
            Layer::Everywhere => !matches!(c.id, CommandId::Act(_)),
            Layer::Logs => logs,
            Layer::Messages => messages,
            Layer::List => {
                let needs_rows = matches!(
                    c.id,
                    CommandId::Sort
                        | CommandId::Reverse
                        | CommandId::NextPane
                        | CommandId::PreviousPane
                        | CommandId::Yaml
                        | CommandId::Events
                        | CommandId::Configs
                );
                !((logs || messages) && needs_rows || logs && c.id == CommandId::Open)
            }
            _ => false,
        })
    }

    /// Entries of the help: commands of this place that a key runs, and what can be typed everywhere.
    pub fn help_entries(&self) -> Vec<&'static Command> {
        self.commands_of_place().filter(|c| c.layer == Layer::Everywhere || !self.keys_of(c).is_empty()).collect()
    }

    /// Commands that act here and now, in the table's order.
    pub fn commands_here(&self) -> impl Iterator<Item = &'static Command> {
        let here = match &self.overlay {
            Some(Overlay::Help(_) | Overlay::What | Overlay::Detail | Overlay::Object(_)) => &[Layer::Everywhere][..],
            _ => self.layers_of_place(),
        };
        self.commands_of_place().filter(move |c| here.contains(&c.layer))
    }

    /// The rows of the action menu for what is selected, with the reason where one cannot be done.
    pub fn menu(&self) -> Vec<(&'static Command, Option<Cow<'static, str>>)> {
        let fits = |c: &&Command| match c.id {
            CommandId::Act(at) => {
                CATALOG.get(at).is_some_and(|spec| is_everywhere(spec) || self.subject(spec.scope).is_some())
            }
            _ => c.menu,
        };
        commands().iter().filter(fits).map(|c| (c, c.refusal(self))).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_command_that_only_keys_can_run_has_one_in_every_built_in_keymap() {
        for (name, _) in crate::config::keymap::BUILT_IN {
            let keymap = keymap(name);
            for command in commands().iter().filter(|c| !c.has_a_place()) {
                assert!(keymap.keys_of(command.layer, command.name).next().is_some(), "{name}: {}", command.name);
            }
            for command in commands().iter().filter(|c| c.menu) {
                assert!(keymap.keys_of(Layer::Actions, command.name).next().is_some(), "{name}: {}", command.name);
            }
        }
    }

    #[test]
    fn the_log_view_can_be_filtered_and_its_keys_do_what_its_footer_says() {
        let mut app = App::new(None, (80, 24), chrono::DateTime::UNIX_EPOCH);
        app.place = Place::Logs;
        for shown in app.commands_here().filter(|c| c.footer > 0 && c.layer != Layer::Everywhere) {
            let found = app.command_for(app.keys_of(shown)[0]).map(|c| c.name);
            assert_eq!(found, Some(shown.name));
            assert_eq!(shown.refusal(&app), None, "{} is offered and refused", shown.name);
        }
        app.update(super::super::Msg::Key(Key::Char('/')), app.now);
        app.update(super::super::Msg::Key(Key::Char('q')), app.now);
        assert_eq!(app.current_filter(), "q");
    }

    #[test]
    fn every_built_in_keymap_is_without_problems() {
        for (name, _) in crate::config::keymap::BUILT_IN {
            let mut problems = Vec::new();
            Keymap::read(&crate::config::keymap::SHELF, name, &words(), &mut problems);
            assert_eq!(problems, [], "{name}");
        }
    }

    #[test]
    fn a_sequence_is_waited_for_and_one_that_leads_nowhere_is_forgotten() {
        let mut app = App::new(None, (80, 24), chrono::DateTime::UNIX_EPOCH);
        app.keymap = keymap("vim");
        let press = |app: &mut App, c| app.update(super::super::Msg::Key(Key::Char(c)), app.now);
        press(&mut app, 'g');
        assert_eq!(app.pending, [Key::Char('g')]);
        press(&mut app, '?');
        assert!(app.pending.is_empty() && app.overlay.is_none(), "the last key was not meant alone");
        press(&mut app, '?');
        assert!(matches!(app.overlay, Some(Overlay::Help(0))));
    }

    #[test]
    fn enter_in_the_help_runs_the_entry_under_the_cursor() {
        let mut app = App::new(None, (80, 24), chrono::DateTime::UNIX_EPOCH);
        let palette = app.help_entries().iter().position(|c| c.id == CommandId::Palette).unwrap();
        app.overlay = Some(Overlay::Help(0));
        for _ in 0..palette {
            app.update(super::super::Msg::Key(Key::Down), app.now);
        }
        app.update(super::super::Msg::Key(Key::Enter), app.now);
        assert!(matches!(app.overlay, Some(Overlay::Palette(_))), "{:?}", app.overlay);
    }

    #[test]
    fn names_are_unique() {
        let names: BTreeSet<&str> = commands().iter().map(|c| c.name).collect();
        assert_eq!(names.len(), commands().len());
    }
}
