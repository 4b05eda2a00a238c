//! Keys: the innermost layer that knows one takes it.

use chrono::TimeDelta;

use super::{
    App, Effect, Overlay, PANES, Place, Tab,
    commands::{Command, CommandId, Layer},
    form::Form,
    keys::Key,
    lists::{ListId, ListState},
    palette::{self, Palette, Target},
};
use crate::{config::keymap::Meaning, domain::object::Aspect, plan::catalog::CATALOG};

/// Rows of a page when a list is moved by pages; a screen's worth at 80×24.
const PAGE: i32 = 15;

impl App {
    /// Takes a key: ctrl-c first, then what keys so far mean in the layers that count here.
    pub(super) fn key(&mut self, key: Key) -> Vec<Effect> {
        if key == Key::Ctrl('c') {
            self.pending.clear();
            return self.interrupt();
        }
        self.interrupted_at = None;
        if self.guard.ignores(self.now) {
            return Vec::new();
        }
        self.pending.push(key);
        if self.keymap.meaning(self.layers(), &self.pending) == Meaning::Begins {
            return Vec::new();
        }
        let keys = std::mem::take(&mut self.pending);
        let command = self.command_for(&keys);
        if command.is_none() && keys.len() > 1 {
            // A sequence that leads nowhere is forgotten, its last key too: it was not meant alone.
            return Vec::new();
        }
        match self.overlay.take() {
            Some(Overlay::Filter(form)) => self.filter_key(form, key, command),
            Some(Overlay::From(form)) => self.place_key(form, key, command),
            Some(Overlay::Palette(palette)) => self.palette_key(palette, key, command),
            Some(Overlay::SaveLogs(form)) => self.save_key(form, key, command),
            Some(Overlay::LogPods(picker)) => self.log_pods_key(picker, command),
            Some(Overlay::Actions(at)) => self.actions_key(at, command),
            Some(Overlay::Installations(at)) => self.installations_key(at, command),
            Some(Overlay::Ways(at)) => self.ways_key(at, command),
            Some(Overlay::Borrow(way)) => self.borrow_key(&way, command),
            Some(Overlay::Fields(fields)) => self.fields_key(fields, key, command.map(|c| c.id)),
            Some(Overlay::Plan) => self.plan_key(key, command.map(|c| c.id)),
            Some(Overlay::Leave) => self.leave_key(command),
            Some(Overlay::Help(at)) => self.help_key(at, command),
            overlay => {
                self.overlay = overlay;
                match command {
                    Some(command) if self.reads_page() => self.page_command(command),
                    Some(command) => self.run_or_refuse(command),
                    None => Vec::new(),
                }
            }
        }
    }

    /// Pasted text is text: it goes where text is being typed, and nowhere else.
    pub(super) fn paste(&mut self, text: &str) {
        self.pending.clear();
        match &mut self.overlay {
            Some(Overlay::Filter(form) | Overlay::From(form) | Overlay::SaveLogs(form)) => form.paste(text),
            Some(Overlay::Palette(palette)) => palette.paste(text),
            Some(Overlay::Fields(fields)) => fields.paste(text),
            _ => self.notice = Some("pasted text is ignored here".to_owned()),
        }
        if let Some(Overlay::Filter(form)) = &self.overlay {
            let text = form.text().to_owned();
            self.set_filter(text);
        }
    }

    fn interrupt(&mut self) -> Vec<Effect> {
        let again = self.interrupted_at.is_some_and(|at| self.now - at < TimeDelta::seconds(2));
        if again {
            return vec![Effect::Leave];
        }
        self.interrupted_at = Some(self.now);
        self.notice = Some("press ctrl-c again to leave".to_owned());
        Vec::new()
    }

    /// Runs a command, or says why it cannot be run now.
    pub(super) fn run_or_refuse(&mut self, command: &Command) -> Vec<Effect> {
        if let Some(refusal) = command.refusal(self) {
            self.notice = Some(refusal.into_owned());
            return Vec::new();
        }
        self.run(command.id)
    }

    /// Carries a command out.
    pub(super) fn run(&mut self, command: CommandId) -> Vec<Effect> {
        match command {
            CommandId::Tab(number) => {
                if let Some(tab) = Tab::ALL.into_iter().find(|tab| tab.number() == number) {
                    self.go_to(tab);
                }
            }
            CommandId::Move(by) => self.move_by(by),
            CommandId::Page(by) => self.move_by(by * PAGE),
            CommandId::HalfPage(by) => self.move_by(by * PAGE / 2),
            CommandId::First => self.move_by(i32::MIN / 2),
            CommandId::Last => self.move_by(i32::MAX / 2),
            CommandId::NextPane => self.focus(1),
            CommandId::PreviousPane => self.focus(PANES.len() - 1),
            CommandId::Open => return self.open(),
            CommandId::Back => return self.back(),
            CommandId::Filter => {
                let current = self.current_filter();
                self.overlay = Some(Overlay::Filter(Form::new(&current)));
            }
            CommandId::Sort => self.change_list(ListState::sort_by_next),
            CommandId::Reverse => self.change_list(|list, _| list.reverse()),
            CommandId::Palette => {
                self.overlay = Some(Overlay::Palette(Palette::remembering(self.chosen_before.clone())));
            }
            CommandId::Help => self.overlay = Some(Overlay::Help(0)),
            CommandId::Actions => self.overlay = Some(Overlay::Actions(0)),
            CommandId::Installations => self.overlay = Some(Overlay::Installations(self.picked_first())),
            CommandId::Ways => self.overlay = Some(Overlay::Ways(self.row_of_the_way())),
            CommandId::Act(at) => return CATALOG.get(at).map(|spec| self.begin(spec)).unwrap_or_default(),
            CommandId::ShowRun => return self.show_run(),
            CommandId::ResumeRun => return self.resume(),
            // These mean something in dialogs and menus alone, which take them themselves.
            CommandId::Go | CommandId::DryRun | CommandId::PauseRun | CommandId::AbortRun | CommandId::Toggle => {}
            CommandId::What => self.read_page(Overlay::What),
            CommandId::Copy => return self.copy(),
            CommandId::Pause => {
                self.paused = !self.paused;
                self.dirty.shown = true;
            }
            CommandId::Yaml => return self.inquire(Aspect::Yaml),
            CommandId::Events => return self.inquire(Aspect::Events),
            CommandId::Configs => return self.open_configs(),
            CommandId::Refresh => {
                if let Some(again) = self.inquire_again() {
                    return vec![again];
                }
                if matches!(self.place, Place::Messages(_)) {
                    return self.read_messages();
                }
                self.notice = Some("asking every source again".to_owned());
                return [Effect::Refresh].into_iter().chain(self.ask_configs_again()).collect();
            }
            CommandId::Logs => return self.open_logs(),
            CommandId::Quit => self.overlay = Some(Overlay::Leave),
            CommandId::QuitNow => return vec![Effect::Leave],
            CommandId::Suspend => return vec![Effect::Suspend],
            CommandId::LogFollow
            | CommandId::LogWrap
            | CommandId::LogTimestamps
            | CommandId::LogPrevious
            | CommandId::LogSince(_)
            | CommandId::LogSave
            | CommandId::LogPods => return self.log_command(command),
            CommandId::Messages => return self.open_messages(),
            CommandId::MessageFollow
            | CommandId::MessageForm
            | CommandId::MessageFold
            | CommandId::MessageFrom
            | CommandId::MessagePartition => return self.message_command(command),
        }
        Vec::new()
    }

    pub(super) fn go_to(&mut self, tab: Tab) {
        self.overlay = None;
        self.place = Place::Tab(tab);
        self.dirty.shown = true;
    }

    fn focus(&mut self, step: usize) {
        let at = PANES.iter().position(|p| *p == self.pane).unwrap_or_default();
        self.pane = PANES[(at + step) % PANES.len()];
    }

    pub(super) fn move_by(&mut self, by: i32) {
        if self.reads_page() {
            self.move_page(by);
            return;
        }
        if self.place == Place::Logs {
            self.scroll_logs(by);
            return;
        }
        if matches!(self.place, Place::Messages(_)) {
            self.messages.scroll(by);
            return;
        }
        self.change_list(|list, _| {
            let at = i64::try_from(list.position()).unwrap_or_default() + i64::from(by);
            let last = list.order.len().saturating_sub(1);
            list.go_to(usize::try_from(at.max(0)).unwrap_or_default().min(last));
        });
    }

    /// Changes the state of the list that has the focus and arranges it anew.
    fn change_list(&mut self, change: impl FnOnce(&mut ListState, usize)) {
        let Some(id) = self.list() else { return };
        let columns = super::lists::titles(id).len();
        change(self.lists.entry(id).or_default(), columns);
        self.arrange();
    }

    /// Opens what is selected: a pane opens its tab, a row its detail.
    fn open(&mut self) -> Vec<Effect> {
        if self.overlay.is_some() {
            return Vec::new();
        }
        if self.place == Place::Tab(Tab::Overview) {
            if let Some(tab) = Tab::ALL.into_iter().find(|t| t.list() == Some(self.pane)) {
                self.go_to(tab);
            }
            return Vec::new();
        }
        if matches!(self.place, Place::Messages(_)) {
            self.open_record();
            return Vec::new();
        }
        let Some(selected) = self.selected().map(str::to_owned) else { return Vec::new() };
        match self.list() {
            Some(ListId::Topics) => self.show(Place::Topic(selected)),
            Some(ListId::Groups) => self.show(Place::Group(selected)),
            Some(ListId::Timeline) => self.open_change(),
            _ => self.read_page(Overlay::Detail),
        }
        Vec::new()
    }

    pub(super) fn show(&mut self, place: Place) {
        self.lists.remove(&ListId::Partitions);
        self.lists.remove(&ListId::GroupPartitions);
        self.place = place;
        self.dirty.shown = true;
    }

    /// Goes back one step: overlay, filter, detail, tab; at the root it asks whether to leave.
    fn back(&mut self) -> Vec<Effect> {
        if self.overlay.take().is_some() {
            return Vec::new();
        }
        if !self.current_filter().is_empty() {
            self.set_filter(String::new());
            return Vec::new();
        }
        match &self.place {
            Place::Logs => {
                self.place = self.before_logs.take().unwrap_or(Place::Tab(Tab::Overview));
                self.dirty.shown = true;
                return vec![Effect::StopLogs];
            }
            Place::Messages(before) => return self.leave_messages((**before).clone()),
            Place::Configs(_) => self.leave_configs(),
            Place::Topic(_) => self.go_to(Tab::Topics),
            Place::Group(_) => self.go_to(Tab::Groups),
            Place::Tab(Tab::Overview) => self.overlay = Some(Overlay::Leave),
            Place::Tab(tab) => {
                // Back to the row of the pane that was opened.
                self.pane = tab.list().unwrap_or(self.pane);
                self.go_to(Tab::Overview);
            }
        }
        Vec::new()
    }

    /// The filter of this place.
    pub fn current_filter(&self) -> String {
        match self.list() {
            Some(id) => self.lists.get(&id).map(|l| l.filter.clone()).unwrap_or_default(),
            None if matches!(self.place, Place::Messages(_)) => self.messages.filter().text().to_owned(),
            None => self.logs.grep.text().to_owned(),
        }
    }

    fn set_filter(&mut self, text: String) {
        match self.list() {
            Some(id) => self.lists.entry(id).or_default().filter = text,
            None if matches!(self.place, Place::Messages(_)) => self.messages.set_filter(&text),
            None => self.logs.set_grep(text),
        }
        self.arrange();
    }

    fn filter_key(&mut self, mut form: Form, key: Key, command: Option<&Command>) -> Vec<Effect> {
        match command.map(|c| c.id) {
            Some(CommandId::Open) => return Vec::new(),
            Some(CommandId::Back) => {
                self.set_filter(String::new());
                return Vec::new();
            }
            _ => form.key(key),
        }
        self.set_filter(form.text().to_owned());
        self.overlay = Some(Overlay::Filter(form));
        Vec::new()
    }

    fn palette_key(&mut self, mut palette: Palette, key: Key, command: Option<&Command>) -> Vec<Effect> {
        let entries = self.palette_entries(palette.form.text());
        match command.map(|c| c.id) {
            Some(CommandId::Back) => return Vec::new(),
            Some(CommandId::Open) => {
                let Some(chosen) = entries.get(palette.selected).cloned() else { return Vec::new() };
                palette::remember(&mut self.chosen_before, &chosen.name);
                return self.go(chosen.target, chosen.refusal);
            }
            Some(CommandId::Move(by)) if palette.walk(by < 0) => {}
            Some(id) => palette.selected = step(palette.selected, entries.len(), id),
            None => {
                palette.key(key);
            }
        }
        self.overlay = Some(Overlay::Palette(palette));
        Vec::new()
    }

    fn go(&mut self, target: Target, refusal: Option<String>) -> Vec<Effect> {
        if let Some(refusal) = refusal {
            self.notice = Some(refusal);
            return Vec::new();
        }
        match target {
            Target::Command(id) => return self.run(id),
            Target::Installation(id) => self.switch(&id),
            Target::Topic(topic) => self.show(Place::Topic(topic)),
            Target::Group(group) => self.show(Place::Group(group)),
        }
        Vec::new()
    }

    fn actions_key(&mut self, at: usize, command: Option<&'static Command>) -> Vec<Effect> {
        let menu = self.menu();
        let chosen = match command {
            Some(Command { layer: Layer::Menu, id: CommandId::Back, .. }) => return Vec::new(),
            Some(Command { layer: Layer::Menu, id: CommandId::Open, .. }) => menu.get(at).map(|(command, _)| *command),
            Some(command) if command.layer != Layer::Menu => Some(command),
            _ => {
                self.overlay = Some(Overlay::Actions(moved(at, menu.len(), command)));
                return Vec::new();
            }
        };
        chosen.map(|command| self.run_or_refuse(command)).unwrap_or_default()
    }

    fn installations_key(&mut self, at: usize, command: Option<&Command>) -> Vec<Effect> {
        match command.map(|c| c.id) {
            Some(CommandId::Open) => {
                let chosen = self.found.get(at).map(|f| f.installation.id.clone());
                chosen.map(|id| self.go(Target::Installation(id), None)).unwrap_or_default()
            }
            Some(CommandId::Back) if self.chosen.is_some() => Vec::new(),
            Some(CommandId::Back) => {
                self.overlay = Some(Overlay::Leave);
                Vec::new()
            }
            _ => {
                self.overlay = Some(Overlay::Installations(moved(at, self.found.len(), command)));
                Vec::new()
            }
        }
    }

    /// Goes through the help's entries, or runs the one under the cursor.
    fn help_key(&mut self, at: usize, command: Option<&'static Command>) -> Vec<Effect> {
        let entries = self.help_entries();
        match command {
            Some(Command { layer: Layer::Overlay, id: CommandId::Open, .. }) => {
                entries.get(at).map(|entry| self.run_or_refuse(entry)).unwrap_or_default()
            }
            Some(command) if command.layer != Layer::Overlay => {
                self.overlay = Some(Overlay::Help(at));
                self.run_or_refuse(command)
            }
            _ => {
                self.overlay = Some(Overlay::Help(moved(at, entries.len(), command)));
                Vec::new()
            }
        }
    }

    /// Only a clear yes leaves; every other key stays.
    fn leave_key(&mut self, command: Option<&Command>) -> Vec<Effect> {
        if command.is_none_or(|c| c.id != CommandId::Open) {
            return Vec::new();
        }
        if self.the_run().is_none_or(|run| !run.is_under_way()) {
            return vec![Effect::Leave];
        }
        self.leaving = true;
        self.overlay = Some(Overlay::Plan);
        self.abort("the console was left")
    }
}

/// Where the cursor of a short menu is after a command, if there was one.
pub(super) fn moved(at: usize, len: usize, command: Option<&Command>) -> usize {
    command.map_or(at, |command| step(at, len, command.id))
}

/// Where the cursor of a short menu is after a command that moves it.
fn step(at: usize, len: usize, by: CommandId) -> usize {
    let rows = |n: i32| usize::try_from(n.unsigned_abs()).unwrap_or_default();
    let to = match by {
        CommandId::Move(n @ ..0) => at.saturating_sub(rows(n)),
        CommandId::Move(n) => at + rows(n),
        CommandId::Page(n @ ..0) => at.saturating_sub(rows(n * PAGE)),
        CommandId::Page(n) => at + rows(n * PAGE),
        CommandId::First => 0,
        CommandId::Last => len,
        _ => at,
    };
    to.min(len.saturating_sub(1))
}
