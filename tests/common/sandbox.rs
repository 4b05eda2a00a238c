//! The whole console headless on the sandbox: real sessions, real connections in memory, time that leaps.
//!
//! Run it in a runtime whose time is paused: whenever nothing is left to do, time goes on to the next timer.
#![allow(dead_code, reason = "each suite uses another part")]

use std::time::Duration;

use chrono::{DateTime, Utc};
use kafdeck::{
    app::{App, Msg, keys::Key, sight::Sight},
    clock::Clock,
    cmd::session::Session,
    domain::ids::InstallationId,
    io::connect::ConnectOptions,
    sandbox::{Script, Setup},
    view::{self, Look},
};
use ratatui::{Terminal, backend::TestBackend, buffer::Buffer};
use tokio::time::{Instant, timeout_at};

/// When every sandbox of the tests is opened.
pub const OPENED: DateTime<Utc> = DateTime::from_timestamp(1_795_176_000, 0).unwrap();

/// A session on a sandbox.
pub struct Headless {
    /// The session.
    pub session: Session,
    opened: Instant,
}

impl Headless {
    /// Opens a sandbox and a console of that size on it.
    pub fn open(script: Script, size: (u16, u16)) -> Self {
        Self::open_on(script, None, size)
    }

    /// The same, for an installation that is asked for.
    pub fn open_on(script: Script, wanted: Option<InstallationId>, size: (u16, u16)) -> Self {
        let clock = Clock::with_timers(OPENED);
        let sandbox = Some(Setup { script, clock: clock.clone(), ..Setup::default() });
        let options = ConnectOptions { sandbox, ..ConnectOptions::default() };
        let mut session = Session::start(options, wanted, size, clock);
        // Somebody looks at it.
        session.tell(Msg::Drawn(Sight::default()));
        Self { session, opened: Instant::now() }
    }

    /// What the console knows and shows.
    pub fn app(&self) -> &App {
        &self.session.app
    }

    /// Goes on until so many seconds after the sandbox opened.
    pub async fn go_to(&mut self, second: u32) {
        let end = self.opened + Duration::from_secs(second.into());
        while let Ok(stepped) = timeout_at(end, self.session.step()).await {
            stepped.unwrap();
        }
    }

    /// Goes on until nothing is missing; else, after so many seconds, answers what is.
    pub async fn until_seen(
        &mut self,
        seconds: u32,
        missing: impl Fn(&Self) -> Vec<String>,
    ) -> Result<f64, Vec<String>> {
        let begun = Instant::now();
        let end = begun + Duration::from_secs(seconds.into());
        loop {
            let now = missing(self);
            if now.is_empty() {
                return Ok(begun.elapsed().as_secs_f64());
            }
            match timeout_at(end, self.session.step()).await {
                Ok(stepped) => stepped.unwrap(),
                Err(_) => return Err(now),
            };
        }
    }

    /// Presses keys.
    pub fn press(&mut self, keys: &[Key]) {
        for key in keys {
            self.session.tell(Msg::Key(*key));
        }
    }

    /// The screen's cells.
    pub fn cells(&self, look: &Look) -> Buffer {
        let (columns, rows) = self.session.app.size;
        let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
        terminal
            .draw(|frame| {
                view::render(&self.session.app, look, frame);
            })
            .unwrap();
        terminal.backend().buffer().clone()
    }

    /// The screen as text.
    pub fn screen(&self) -> String {
        let cells = self.cells(&Look::default());
        let rows = cells.content.chunks(usize::from(cells.area.width));
        let line = |row: &[ratatui::buffer::Cell]| row.iter().map(ratatui::buffer::Cell::symbol).collect::<String>();
        rows.map(|row| line(row).trim_end().to_owned() + "\n").collect()
    }
}
