//! Figures of the console in a terminal, on the sandbox: `cargo bench --bench demo`. No cluster is needed.
//!
//! The sandbox runs in the same process here, so that CPU and memory are those of both. Nothing here judges; it
//! prints.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a broken measurement ends the run")]
#![allow(clippy::disallowed_methods, reason = "measuring is the one thing that needs the machine's clock here")]

#[path = "../tests/common/mod.rs"]
mod common;

use std::{
    io::Write,
    time::{Duration, Instant},
};

use common::pty::Pty;

/// How long the console is watched.
const WATCHED: Duration = Duration::from_secs(40);

fn main() {
    let first = median(9, || {
        let began = Instant::now();
        demo(80, 24).wait_for_text("kafdeck", Duration::from_secs(5));
        began.elapsed()
    });
    print(format!("demo: first frame after exec                {first:8.1} ms (median of 9)"));
    let live = median(9, || {
        let began = Instant::now();
        let mut pty = demo(80, 24);
        settle(&mut pty);
        began.elapsed()
    });
    print(format!("demo: verdict and every figure              {live:8.1} ms (median of 9)"));
    for (columns, rows) in [(80, 24), (200, 50)] {
        bytes(columns, rows);
    }
}

/// Bytes of a full paint, of a live screen, and of a paused one.
fn bytes(columns: u16, rows: u16) {
    let mut pty = demo(columns, rows);
    settle(&mut pty);
    // Another size and back paints everything.
    pty.resize(columns - 1, rows);
    pty.watch(Duration::from_millis(300));
    let before = pty.raw_output().len();
    pty.resize(columns, rows);
    pty.watch(Duration::from_millis(120));
    let paint = pty.raw_output().len() - before;
    let before = pty.raw_output().len();
    pty.watch(WATCHED);
    let live = (pty.raw_output().len() - before) as f64 / WATCHED.as_secs_f64();
    pty.send("p");
    pty.watch(Duration::from_secs(1));
    let before = pty.raw_output().len();
    pty.watch(Duration::from_secs(10));
    let paused = (pty.raw_output().len() - before) as f64 / 10.0;
    print(format!("{columns}×{rows}: full paint {paint} B, live {live:.0} B/s, paused {paused:.1} B/s"));
}

fn demo(columns: u16, rows: u16) -> Pty {
    Pty::kafdeck().env("TERM", "xterm-256color").env("LANG", "C.UTF-8").size(columns, rows).args(["demo"]).spawn()
}

fn settle(pty: &mut Pty) {
    pty.wait_for(|s| s.contents().contains("OK") && s.contents().contains("lag max "), Duration::from_secs(20));
}

fn print(line: impl AsRef<str>) {
    let mut out = std::io::stdout();
    writeln!(out, "{}", line.as_ref()).unwrap();
}

/// Median of several runs, in milliseconds.
fn median(runs: usize, mut run: impl FnMut() -> Duration) -> f64 {
    let mut times: Vec<f64> = (0..runs).map(|_| run().as_secs_f64() * 1e3).collect();
    times.sort_by(f64::total_cmp);
    times[runs / 2]
}
