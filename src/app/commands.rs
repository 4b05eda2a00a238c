//! The table of commands: keys, help, footer, palette and action menu are all made from it.

use super::{App, Overlay, Place, keys::Key, lists::ListId};

/// What a command does; `App::run` carries it out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommandId {
    /// Goes to the tab of that number.
    Tab(u8),
    /// Moves the selection by rows; negative is up.
    Move(i32),
    /// Moves the selection by pages.
    Page(i32),
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
    /// Stops and resumes the screen.
    Pause,
    /// Asks every source again, now.
    Refresh,
    /// Says where the figures of this place come from.
    What,
    /// Copies what is selected, open or in sight.
    Copy,
    /// Follows the logs of what is selected.
    Logs,
    /// Asks to leave.
    Quit,
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
}

/// Where a command acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    /// Everywhere.
    Everywhere,
    /// On a list.
    List,
    /// In the log view.
    Logs,
}

/// A row of the table.
pub struct Command {
    /// What it does.
    pub id: CommandId,
    /// Its name in the palette, as `list.sort`.
    pub name: &'static str,
    /// What it does, in a few words.
    pub title: &'static str,
    /// Where it acts.
    pub layer: Layer,
    /// Its keys; the first is the one that is shown.
    pub keys: &'static [Key],
    /// Its letter in the action menu, if it acts on what is selected.
    pub menu: Option<char>,
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
    needs_list(app).filter(|_| app.place != Place::Logs)
}

fn needs_row(app: &App) -> Option<&'static str> {
    needs_list(app).or_else(|| app.selected().is_none().then_some("nothing is selected"))
}

fn needs_pod(app: &App) -> Option<&'static str> {
    match app.list() {
        Some(ListId::Brokers | ListId::Storage) if app.selected_pods().is_empty() => Some("this row has no pod"),
        _ if app.selected_pods().is_empty() => Some("no broker pod is known"),
        _ => None,
    }
}

fn needs_several(app: &App) -> Option<&'static str> {
    (app.found.len() < 2).then_some("there is only one installation here")
}

macro_rules! command {
    (@menu) => { None };
    (@menu $menu:literal) => { Some($menu) };
    ($id:expr, $name:literal, $title:literal, $layer:ident, $keys:expr, $footer:literal, $refuse:expr $(, menu $menu:literal)?) => {
        Command {
            id: $id,
            name: $name,
            title: $title,
            layer: Layer::$layer,
            keys: $keys,
            menu: command!(@menu $($menu)?),
            footer: $footer,
            refuse: $refuse,
        }
    };
}

/// All commands.
pub const COMMANDS: &[Command] = &[
    command!(CommandId::Open, "open", "open what is selected", List, &[Key::Enter], 1, needs_row, menu 'o'),
    command!(
        CommandId::Filter,
        "list.filter",
        "filter: word, !word, col:regex, lag>1000, age<5m",
        List,
        &[Key::Char('/')],
        2,
        needs_lines
    ),
    command!(
        CommandId::Actions,
        "actions",
        "what can be done with what is selected",
        Everywhere,
        &[Key::Char('a')],
        4,
        always
    ),
    command!(
        CommandId::Palette,
        "palette",
        "every command and installation, by name",
        Everywhere,
        &[Key::Char(':')],
        3,
        always
    ),
    command!(CommandId::Logs, "logs", "tail logs", Everywhere, &[Key::Char('L')], 5, needs_pod, menu 'l'),
    command!(CommandId::Help, "help", "the keys of this place", Everywhere, &[Key::Char('?')], 9, always),
    command!(CommandId::What, "what", "where these figures come from, and how old they are", Everywhere, &[Key::Char('w')], 8, always, menu 'w'),
    command!(
        CommandId::Copy,
        "copy",
        "copy this, if the terminal allows OSC 52",
        Everywhere,
        &[Key::Char('c')],
        0,
        always
    ),
    command!(CommandId::Sort, "list.sort", "sort by the next column", List, &[Key::Char('s')], 6, needs_list),
    command!(CommandId::Reverse, "list.reverse", "reverse the order", List, &[Key::Char('S')], 0, needs_list),
    command!(
        CommandId::NextPane,
        "pane.next",
        "focus the next pane",
        List,
        &[Key::Tab, Key::Char('l'), Key::Right],
        7,
        always
    ),
    command!(
        CommandId::PreviousPane,
        "pane.previous",
        "focus the previous pane",
        List,
        &[Key::BackTab, Key::Char('h'), Key::Left],
        0,
        always
    ),
    command!(CommandId::Move(1), "list.down", "one row down", List, &[Key::Char('j'), Key::Down], 0, always),
    command!(CommandId::Move(-1), "list.up", "one row up", List, &[Key::Char('k'), Key::Up], 0, always),
    command!(CommandId::Page(1), "list.page-down", "one page down", List, &[Key::PageDown, Key::Ctrl('f')], 0, always),
    command!(CommandId::Page(-1), "list.page-up", "one page up", List, &[Key::PageUp, Key::Ctrl('b')], 0, always),
    command!(CommandId::First, "list.first", "to the first row", List, &[Key::Char('g'), Key::Home], 0, always),
    command!(CommandId::Last, "list.last", "to the last row", List, &[Key::Char('G'), Key::End], 0, always),
    command!(CommandId::LogFollow, "logs.follow", "follow the end", Logs, &[Key::Char('f')], 1, always),
    command!(CommandId::LogTimestamps, "logs.timestamps", "show timestamps", Logs, &[Key::Char('t')], 2, always),
    command!(CommandId::LogWrap, "logs.wrap", "wrap long lines", Logs, &[Key::Char('W')], 3, always),
    command!(
        CommandId::LogPrevious,
        "logs.previous",
        "the container that ran before",
        Logs,
        &[Key::Char('P')],
        4,
        always
    ),
    command!(CommandId::Back, "back", "back", Everywhere, &[Key::Esc, Key::Char('q')], 10, always),
    command!(
        CommandId::Installations,
        "installations",
        "choose the installation",
        Everywhere,
        &[Key::Char('x')],
        0,
        needs_several
    ),
    command!(CommandId::Pause, "pause", "stop the screen, and go on", Everywhere, &[Key::Char('p')], 0, always),
    command!(CommandId::Refresh, "refresh", "ask every source again, now", Everywhere, &[Key::Char('r')], 0, always),
    command!(CommandId::Tab(1), "tab.overview", "Overview", Everywhere, &[Key::Char('1')], 0, always),
    command!(CommandId::Tab(2), "tab.diagnosis", "Diagnosis", Everywhere, &[Key::Char('2')], 0, always),
    command!(CommandId::Tab(3), "tab.brokers", "Brokers", Everywhere, &[Key::Char('3')], 0, always),
    command!(CommandId::Tab(4), "tab.storage", "Storage", Everywhere, &[Key::Char('4')], 0, always),
    command!(CommandId::Tab(5), "tab.topics", "Topics", Everywhere, &[Key::Char('5')], 0, always),
    command!(CommandId::Tab(6), "tab.groups", "Groups", Everywhere, &[Key::Char('6')], 0, always),
    command!(CommandId::Tab(7), "tab.alerts", "Alerts", Everywhere, &[Key::Char('7')], 0, always),
    command!(
        CommandId::Suspend,
        "suspend",
        "hand the terminal back to the shell",
        Everywhere,
        &[Key::Ctrl('z')],
        0,
        always
    ),
    command!(CommandId::Quit, "quit", "leave", Everywhere, &[], 0, always),
    command!(CommandId::QuitNow, "quit!", "leave without asking", Everywhere, &[], 0, always),
];

impl App {
    /// The layers of keys that count here, innermost first. Overlays that take all keys are handled before.
    pub fn layers(&self) -> &'static [Layer] {
        match (&self.overlay, &self.place) {
            (Some(Overlay::Help | Overlay::What | Overlay::Detail), _) => &[Layer::Everywhere],
            (_, Place::Logs) => &[Layer::Logs, Layer::List, Layer::Everywhere],
            _ => &[Layer::List, Layer::Everywhere],
        }
    }

    /// The command behind a key here, innermost layer first.
    pub fn command_for(&self, key: Key) -> Option<&'static Command> {
        self.layers().iter().find_map(|layer| COMMANDS.iter().find(|c| c.layer == *layer && c.keys.contains(&key)))
    }

    /// Commands of this place, whatever lies over it, in the table's order.
    pub fn commands_of_place(&self) -> impl Iterator<Item = &'static Command> {
        let logs = self.place == Place::Logs;
        COMMANDS.iter().filter(move |c| match c.layer {
            Layer::Everywhere => true,
            Layer::Logs => logs,
            Layer::List => {
                let needs_rows = matches!(
                    c.id,
                    CommandId::Open
                        | CommandId::Sort
                        | CommandId::Reverse
                        | CommandId::NextPane
                        | CommandId::PreviousPane
                );
                !(logs && needs_rows)
            }
        })
    }

    /// Commands that act here and now, in the table's order.
    pub fn commands_here(&self) -> impl Iterator<Item = &'static Command> {
        let layers = self.layers();
        self.commands_of_place().filter(move |c| layers.contains(&c.layer))
    }

    /// The rows of the action menu for what is selected, with the reason where one cannot be done.
    pub fn menu(&self) -> Vec<(char, &'static Command, Option<&'static str>)> {
        COMMANDS.iter().filter_map(|c| Some((c.menu?, c, (c.refuse)(self)))).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_key_means_two_things_in_one_layer() {
        for layer in [Layer::Everywhere, Layer::List, Layer::Logs] {
            let keys: Vec<String> =
                COMMANDS.iter().filter(|c| c.layer == layer).flat_map(|c| c.keys).map(Key::to_string).collect();
            assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), keys.len(), "{layer:?}: {keys:?}");
        }
    }

    #[test]
    fn the_log_view_can_be_filtered_and_its_keys_do_what_its_footer_says() {
        let mut app = App::new(None, (80, 24), chrono::DateTime::UNIX_EPOCH);
        app.place = Place::Logs;
        for shown in app.commands_here().filter(|c| c.footer > 0 && c.layer != Layer::Everywhere) {
            let found = app.command_for(shown.keys[0]).map(|c| c.name);
            assert_eq!(found, Some(shown.name));
            assert_eq!((shown.refuse)(&app), None, "{} is offered and refused", shown.name);
        }
        app.update(super::super::Msg::Key(Key::Char('/')), app.now);
        app.update(super::super::Msg::Key(Key::Char('q')), app.now);
        assert_eq!(app.current_filter(), "q");
    }

    #[test]
    fn names_and_menu_letters_are_unique() {
        let names: BTreeSet<&str> = COMMANDS.iter().map(|c| c.name).collect();
        assert_eq!(names.len(), COMMANDS.len());
        let letters: Vec<char> = COMMANDS.iter().filter_map(|c| c.menu).collect();
        assert_eq!(letters.iter().collect::<BTreeSet<_>>().len(), letters.len());
    }
}
