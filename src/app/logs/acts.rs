//! What keys do in the log view.

use super::{LogTarget, LogView, Since, pods::PodsPicker};
use crate::{
    app::{
        App, Effect, Overlay, Place,
        commands::{Command, CommandId},
        form::Form,
        input::moved,
        keys::Key,
    },
    domain::{log::LogNews, units},
};

impl App {
    /// Opens the log view of what is selected.
    pub(in crate::app) fn open_logs(&mut self) -> Vec<Effect> {
        let targets = self.selected_pods();
        self.overlay = None;
        if self.place != Place::Logs {
            self.before_logs = Some(std::mem::replace(&mut self.place, Place::Logs));
            self.logs.set_grep(String::new());
        }
        self.follow_logs(targets, false, Since::Tail)
    }

    /// Follows these containers from now on.
    fn follow_logs(&mut self, targets: Vec<LogTarget>, previous: bool, since: Since) -> Vec<Effect> {
        self.logs = LogView { previous, since, ..self.logs.follow(targets, self.now) };
        vec![Effect::FollowLogs(self.logs.asked())]
    }

    fn targets(&self) -> Vec<LogTarget> {
        self.logs.sources.iter().map(|source| source.target.clone()).collect()
    }

    /// Takes what a log brought.
    pub(in crate::app) fn hear_log(&mut self, source: usize, news: LogNews) {
        self.logs.hear(source, news, self.now);
        self.redraw |= self.place == Place::Logs && !self.paused;
    }

    /// Goes on with the search through what is kept.
    pub(in crate::app) fn scan_logs(&mut self) {
        self.logs.scan();
        self.redraw |= self.place == Place::Logs;
    }

    /// Carries out a command of the log view.
    pub(in crate::app) fn log_command(&mut self, command: CommandId) -> Vec<Effect> {
        match command {
            CommandId::LogFollow => self.logs.toggle_follow(),
            CommandId::LogWrap => self.logs.wrap = !self.logs.wrap,
            CommandId::LogTimestamps => self.logs.timestamps = !self.logs.timestamps,
            CommandId::LogPrevious => {
                return self.follow_logs(self.targets(), !self.logs.previous, self.logs.since);
            }
            CommandId::LogSince(longer) => {
                let since = self.logs.since.step(longer);
                if since != self.logs.since {
                    return self.follow_logs(self.targets(), self.logs.previous, since);
                }
                self.notice = Some(format!("there is no {} span", if longer { "longer" } else { "shorter" }));
            }
            CommandId::LogSave => {
                if self.logs.ring().matches() == 0 {
                    self.notice = Some("there is no line to save".to_owned());
                } else {
                    let name = format!("kafka-logs-{}.log", self.now.format("%Y%m%d-%H%M%S"));
                    self.overlay = Some(Overlay::SaveLogs(Form::new(&name)));
                }
            }
            CommandId::LogPods => self.overlay = Some(Overlay::LogPods(self.pods_picker())),
            _ => {}
        }
        Vec::new()
    }

    /// Moves the log view by lines.
    pub(in crate::app) fn scroll_logs(&mut self, by: i32) {
        self.logs.scroll(by, self.sight.log_lines);
    }

    /// Takes a key while the name of a file is typed.
    pub(in crate::app) fn save_key(&mut self, mut form: Form, key: Key, command: Option<&Command>) -> Vec<Effect> {
        match command.map(|c| c.id) {
            Some(CommandId::Back) => return Vec::new(),
            Some(CommandId::Open) if form.text().trim().is_empty() => {
                self.notice = Some("not saved: a file needs a name".to_owned());
                return Vec::new();
            }
            Some(CommandId::Open) => {
                let path = form.text().trim().to_owned();
                let (lines, text) = self.logs.as_text();
                self.notice = Some(format!("saving {} to {path}", units::bytes(text.len() as u64)));
                return vec![Effect::SaveLogs { path, lines, text }];
            }
            _ => form.key(key),
        }
        self.overlay = Some(Overlay::SaveLogs(form));
        Vec::new()
    }

    /// Takes what became of saving.
    pub(in crate::app) fn saved(&mut self, what: String) {
        self.notice = Some(what);
        self.redraw = true;
    }

    /// Takes a key while containers are chosen.
    pub(in crate::app) fn log_pods_key(&mut self, mut picker: PodsPicker, command: Option<&Command>) -> Vec<Effect> {
        match command.map(|c| c.id) {
            Some(CommandId::Back) => return Vec::new(),
            Some(CommandId::Open) => {
                let targets = picker.chosen();
                if targets == self.targets() {
                    return Vec::new();
                }
                return self.follow_logs(targets, self.logs.previous, self.logs.since);
            }
            Some(CommandId::Toggle) => picker.toggle(),
            _ => picker.at = moved(picker.at, picker.rows.len(), command),
        }
        self.overlay = Some(Overlay::LogPods(picker));
        Vec::new()
    }

    /// What can be followed of the chosen installation, and what is.
    fn pods_picker(&self) -> PodsPicker {
        let installation = self.shown.as_ref().map(|shown| &shown.installation);
        PodsPicker::new(&self.world.kube.pods, installation, &self.targets())
    }
}
