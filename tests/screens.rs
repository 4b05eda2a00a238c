//! Every screen in every state it can be in, as text: facts go in through `App::update`, cells come out.

#![expect(clippy::unwrap_used, reason = "a screen that cannot be drawn is a failed test")]

#[path = "screens/cluster.rs"]
mod cluster;

use kafdeck::{
    app::{App, keys::Key},
    domain::text::is_unprintable,
    view::{self, Look},
};
use ratatui::{Terminal, backend::TestBackend, buffer::Buffer};

use cluster::{Cluster, press};

const COLOR: Look = Look { color: true, ascii: false };
const MONO_ASCII: Look = Look { color: false, ascii: true };

fn draw(app: &App, look: Look, columns: u16, rows: u16) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
    terminal.draw(|frame| view::render(app, &look, frame)).unwrap();
    terminal.backend().buffer().clone()
}

/// The screen as text, without blanks at the ends of lines.
fn screen(app: &App, look: Look, columns: u16, rows: u16) -> String {
    let buffer = draw(app, look, columns, rows);
    let mut text = String::new();
    for row in buffer.content.chunks(usize::from(columns)) {
        let line: String = row.iter().map(ratatui::buffer::Cell::symbol).collect();
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

macro_rules! snapshot {
    ($name:literal, $app:expr, $columns:literal, $rows:literal) => {
        insta::assert_snapshot!($name, screen($app, COLOR, $columns, $rows));
    };
}

#[test]
fn overview_healthy() {
    let app = Cluster::healthy().app();
    snapshot!("overview_healthy_80x24", &app, 80, 24);
    snapshot!("overview_healthy_120x40", &app, 120, 40);
    snapshot!("overview_healthy_200x50", &app, 200, 50);
    snapshot!("overview_healthy_50x12", &app, 50, 12);
}

#[test]
fn overview_bad() {
    let app = Cluster::crash_looping().app();
    snapshot!("overview_bad_80x24", &app, 80, 24);
    snapshot!("overview_bad_120x40", &app, 120, 40);
    snapshot!("overview_bad_50x12", &app, 50, 12);
    insta::assert_snapshot!("overview_bad_80x24_mono_ascii", screen(&app, MONO_ASCII, 80, 24));
}
