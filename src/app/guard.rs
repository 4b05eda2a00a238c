//! The guard of dialogs that act: keys that were on their way before the dialog was seen do nothing.
//!
//! Typed ahead, repeated by a slow line or meant for what was there before, a key must not confirm anything.
//! An ignored key shows for a moment. Called by `App::update` and `App::key`; drawn by `view::overlay`.

use std::mem::{Discriminant, discriminant};

use chrono::{DateTime, TimeDelta, Utc};

use super::Overlay;

/// Watches which dialog is open, and since when.
#[derive(Debug, Clone)]
pub struct Guard {
    patience: TimeDelta,
    open: Option<Discriminant<Overlay>>,
    since: DateTime<Utc>,
    flashing: bool,
}

impl Default for Guard {
    fn default() -> Self {
        Self::new(TimeDelta::milliseconds(150))
    }
}

impl Guard {
    /// A guard that ignores keys for so long after a dialog has opened.
    pub fn new(patience: TimeDelta) -> Self {
        Self { patience, open: None, since: DateTime::UNIX_EPOCH, flashing: false }
    }

    /// True while an ignored key is shown.
    pub fn flashes(&self) -> bool {
        self.flashing
    }

    /// Decides about a key that came at this moment, before the dialog gets it.
    pub(super) fn ignores(&mut self, now: DateTime<Utc>) -> bool {
        let open_for = now - self.since;
        // A clock that was put back must not lock the dialog.
        let early = open_for >= TimeDelta::zero() && open_for < self.patience;
        self.flashing = self.open.is_some() && early;
        self.flashing
    }

    /// Ends the flash; true when there was one.
    pub(super) fn calm(&mut self) -> bool {
        std::mem::take(&mut self.flashing)
    }

    /// Looks at what is open after a message was dealt with.
    pub(super) fn watch(&mut self, overlay: Option<&Overlay>, now: DateTime<Utc>) {
        let open = overlay.filter(|o| acts(o)).map(discriminant);
        if open != self.open {
            *self = Self { patience: self.patience, open, since: now, flashing: false };
        }
    }
}

/// True for dialogs in which a key does something that cannot be taken back.
fn acts(overlay: &Overlay) -> bool {
    match overlay {
        Overlay::Leave | Overlay::Borrow(_) | Overlay::Plan => true,
        Overlay::Help(_)
        | Overlay::What
        | Overlay::Detail
        | Overlay::Object(_)
        | Overlay::Filter(_)
        | Overlay::Fields(_)
        | Overlay::Palette(_)
        | Overlay::SaveLogs(_)
        | Overlay::LogPods(_)
        | Overlay::Ways(_)
        | Overlay::Actions(_)
        | Overlay::Installations(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{App, Effect, Msg, keys::Key},
        *,
    };

    fn at(ms: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::milliseconds(1_000_000 + ms)
    }

    fn key(app: &mut App, key: Key, ms: i64) -> Vec<Effect> {
        app.update(Msg::Key(key), at(ms))
    }

    #[test]
    fn a_key_typed_ahead_leaves_nothing_and_flashes_until_the_next_tick() {
        let mut app = App::new(None, (80, 24), at(0));
        key(&mut app, Key::Char('q'), 0);
        assert_eq!(key(&mut app, Key::Char('y'), 149), []);
        assert!(app.guard.flashes() && matches!(app.overlay, Some(Overlay::Leave)));
        assert!(app.take_redraw());
        app.update(Msg::Tick, at(200));
        assert!(!app.guard.flashes() && app.take_redraw());
        assert_eq!(key(&mut app, Key::Char('y'), 201), [Effect::Leave]);
    }

    #[test]
    fn over_ssh_it_waits_longer() {
        let mut app = App::new(None, (80, 24), at(0));
        app.guard = Guard::new(TimeDelta::milliseconds(400));
        key(&mut app, Key::Char('q'), 0);
        assert_eq!(key(&mut app, Key::Char('y'), 399), []);
        assert_eq!(key(&mut app, Key::Char('y'), 400), [Effect::Leave]);
    }

    #[test]
    fn a_dialog_that_opens_again_is_guarded_again() {
        let mut app = App::new(None, (80, 24), at(0));
        key(&mut app, Key::Char('q'), 0);
        key(&mut app, Key::Char('n'), 500);
        assert!(app.overlay.is_none());
        key(&mut app, Key::Char('q'), 600);
        assert_eq!(key(&mut app, Key::Char('y'), 601), []);
    }

    #[test]
    fn ctrl_c_is_honoured_always() {
        let mut app = App::new(None, (80, 24), at(0));
        key(&mut app, Key::Char('q'), 0);
        key(&mut app, Key::Ctrl('c'), 1);
        assert_eq!(key(&mut app, Key::Ctrl('c'), 2), [Effect::Leave]);
    }

    #[test]
    fn a_clock_that_is_put_back_locks_nothing() {
        let mut app = App::new(None, (80, 24), at(0));
        key(&mut app, Key::Char('q'), 0);
        assert_eq!(key(&mut app, Key::Char('y'), -90_000), [Effect::Leave]);
    }
}
