//! What the last frame could show, and moving what is longer than the screen.
//!
//! How many lines a text takes is known where it is drawn; the drawing tells it here (`Msg::Drawn`), so that
//! the App moves a page no further than to its end, and copies the lines that were seen. Called by `input`.

use super::{
    App, Effect, Overlay,
    commands::{Command, CommandId, Layer},
};

/// What the last frame showed of what is longer than the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sight {
    /// Lines of the open page that have no room: how far it can be moved.
    pub beyond: usize,
    /// Lines of the log that are in sight.
    pub log_lines: usize,
}

impl App {
    /// True when what lies over the screen is a page to be read.
    pub(super) fn reads_page(&self) -> bool {
        matches!(self.overlay, Some(Overlay::What | Overlay::Detail | Overlay::Object(_)))
    }

    /// Opens a page at its first line.
    pub(super) fn read_page(&mut self, page: Overlay) {
        self.overlay = Some(page);
        self.page_at = 0;
        // How long it is, is known once it is drawn.
        self.sight.beyond = 0;
    }

    /// Runs a command while a page is open: what moves a list moves the page.
    pub(super) fn page_command(&mut self, command: &Command) -> Vec<Effect> {
        match (command.layer, command.id) {
            (Layer::Overlay, CommandId::Open) => Vec::new(),
            (Layer::Overlay, id) => self.run(id),
            _ => self.run_or_refuse(command),
        }
    }

    /// Moves the open page by lines.
    pub(super) fn move_page(&mut self, by: i32) {
        let at = i64::try_from(self.page_at).unwrap_or(i64::MAX) + i64::from(by);
        self.page_at = usize::try_from(at.max(0)).unwrap_or(0).min(self.sight.beyond);
    }

    /// Takes what a frame showed.
    pub(super) fn saw(&mut self, sight: Sight) {
        self.sight = sight;
        self.page_at = self.page_at.min(sight.beyond);
    }

    /// Moves what has the focus by the wheel of a mouse.
    pub(super) fn wheel(&mut self, by: i32) {
        if self.overlay.is_none() || self.reads_page() {
            self.move_by(by);
        }
    }
}
