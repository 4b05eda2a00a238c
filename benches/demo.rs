//! Figures of the console in a terminal, on the sandbox: `cargo bench --bench demo`. No cluster is needed.
//!
//! The sandbox runs in the same process here, so that CPU and memory are those of both. Everything is counted at
//! the terminal. Nothing here judges; it prints, with the goal beside the figure. It takes about four minutes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a broken measurement ends the run")]
#![allow(clippy::disallowed_methods, reason = "measuring is the one thing that needs the machine's clock here")]

#[path = "../tests/common/mod.rs"]
mod common;

use std::{
    io::Write,
    time::{Duration, Instant},
};

use common::pty::{self, FRAME_END, Pty};
use kafdeck::{
    clock::Clock,
    cmd::{console, hooks, session::Session},
    io::connect::ConnectOptions,
    sandbox::{Script, Setup},
    view::Look,
};

/// How long a live console is watched, and a still one.
const WATCHED: Duration = Duration::from_secs(40);
/// When the demo's roll has begun, and how long it takes.
const ROLL: (Duration, Duration) = (Duration::from_secs(89), Duration::from_secs(60));
/// Longest anything may take that is measured.
const LIMIT: Duration = Duration::from_secs(20);
/// Keys whose frames are timed.
const KEYS: usize = 600;
/// Variable that makes this binary the console on a cluster where nothing moves.
const CHILD: &str = "KAFDECK_BENCH_CHILD";

fn main() {
    if std::env::var_os(CHILD).is_some() {
        still();
        return;
    }
    starts();
    for (columns, rows, goal) in [(80, 24, "goal 8 kB"), (120, 40, ""), (200, 50, "")] {
        let mut pty = settled(demo().size(columns, rows));
        let places: Vec<usize> = ["1", "2", "3", "4", "5", "6", "7"].map(|tab| paint(&mut pty, tab)).into();
        let most = places.iter().max().unwrap();
        line(&format!("full paint of the Overview, {columns}×{rows}"), places[0] as f64, "B", goal);
        line(&format!("full paint of the dearest tab, {columns}×{rows}"), *most as f64, "B", goal);
    }
    keys(false);
    keys(true);
    idle();
    live();
}

/// From the start of the process to what is seen.
fn starts() {
    let mut first = Vec::new();
    let mut all = Vec::new();
    for _ in 0..15 {
        let began = Instant::now();
        let mut pty = demo().spawn();
        pty.wait_for_text("kafdeck", LIMIT);
        first.push(began.elapsed());
        pty.wait_for(pty::is_live, LIMIT);
        all.push(began.elapsed());
    }
    line("exec to the first frame, median of 15", milliseconds(&mut first, 50), "ms", "goal 50 ms");
    line("exec to every figure, median of 15", milliseconds(&mut all, 50), "ms", "goal 300 ms");
    line("exec to every figure, worst of 15", milliseconds(&mut all, 100), "ms", "");
}

/// Bytes of a full paint of a tab.
fn paint(pty: &mut Pty, tab: &str) -> usize {
    pty.send(tab);
    pty.full_paint(LIMIT)
}

/// From a key to the last byte of the frame that answers it: on a screen that stands still, and on a live one, where
/// a frame of the cluster may come between.
fn keys(live: bool) {
    let mut pty = settled(demo());
    if !live {
        pty.send("p");
        pty.wait_for_text("PAUSED", LIMIT);
    }
    // Every one of these changes what is seen, and all together change nothing.
    let typed = ["5", "j", "j", "k", "k", "j", "k", "6", "j", "k", "3", "j", "k", "1", "\t", "\t", "2", "1", "4", "7"];
    let mut times = Vec::new();
    let before = pty.cpu_time();
    for key in typed.iter().cycle().take(KEYS) {
        // As fast as somebody types who holds a key down, and no two at the same point of a live screen's second.
        pty.watch(Duration::from_millis(37));
        let (from, began) = (pty.raw_output().len(), Instant::now());
        pty.send(key);
        pty.wait_for_output(from, is_whole, LIMIT);
        times.push(began.elapsed());
    }
    let cpu = pty.cpu_time().saturating_sub(before).as_secs_f64() * 1e3 / KEYS as f64;
    let what = if live { "live" } else { "paused" };
    line(&format!("key to its frame, {what}, p50 of {KEYS}"), milliseconds(&mut times, 50), "ms", "");
    line(&format!("key to its frame, {what}, p99 of {KEYS}"), milliseconds(&mut times, 99), "ms", "goal 8 ms");
    line(&format!("CPU for a key and its frame, {what}"), cpu, "ms", "");
}

/// True when what was written ends where a frame does.
fn is_whole(written: &str) -> bool {
    // Short frames have no marks.
    let unmarked = written.rsplit_once("\u{1b}[?2026l").map_or(written, |(_, after)| after);
    !written.is_empty() && (unmarked.is_empty() || unmarked.ends_with(FRAME_END) && !unmarked.contains("\u{1b}[?2026h"))
}

/// What a console costs on a cluster where nothing moves.
fn idle() {
    let child = std::env::current_exe().unwrap();
    let mut pty = settled(Pty::program(child).env(CHILD, "1"));
    pty.watch(Duration::from_secs(5));
    let seen = watched(&mut pty, WATCHED);
    line("idle, to the terminal, 80×24", seen.bytes, "B/s", "goal 60 B/s");
    line("idle, frames", seen.frames, "/s", "");
    line("idle, CPU of the console and the sandbox", seen.cpu, "%", "");
}

/// What a live one costs, at rest, in a roll and paused.
fn live() {
    let began = Instant::now();
    let mut large = settled(demo().size(200, 50));
    let mut pty = settled(demo());
    let seen = watched(&mut pty, WATCHED);
    line("live, to the terminal, 80×24", seen.bytes, "B/s", "goal 2 kB/s");
    line("live, frames", seen.frames, "/s", "");
    line("live, CPU of the console and the sandbox", seen.cpu, "%", "");
    // What the other one wrote meanwhile is still to be read.
    large.watch(Duration::from_secs(2));
    line("live, to the terminal, 200×50", watched(&mut large, WATCHED / 2).bytes, "B/s", "");
    drop(large);
    pty.watch(ROLL.0.saturating_sub(began.elapsed()));
    let seen = watched(&mut pty, ROLL.1);
    line("during a roll, to the terminal, 80×24", seen.bytes, "B/s", "goal 2 kB/s");
    line("during a roll, CPU of both", seen.cpu, "%", "");
    line("resident memory of both", pty.resident() as f64 / f64::from(1 << 20), "MiB", "goal 40 MB");
    pty.send("p");
    pty.wait_for_text("PAUSED", LIMIT);
    pty.watch(Duration::from_secs(1));
    line("paused, to the terminal", watched(&mut pty, Duration::from_secs(10)).bytes, "B/s", "goal 0 B/s");
}

/// What was counted while a console was watched; a second, and of one core.
struct Seen {
    bytes: f64,
    frames: f64,
    cpu: f64,
}

fn watched(pty: &mut Pty, time: Duration) -> Seen {
    let (from, cpu) = (pty.raw_output().len(), pty.cpu_time());
    pty.watch(time);
    let written = pty.output_since(from);
    let seconds = time.as_secs_f64();
    Seen {
        bytes: (pty.raw_output().len() - from) as f64 / seconds,
        frames: written.matches(FRAME_END).count() as f64 / seconds,
        cpu: pty.cpu_time().saturating_sub(cpu).as_secs_f64() / seconds * 100.0,
    }
}

fn demo() -> pty::Builder {
    Pty::kafdeck().args(["demo"])
}

/// A console that shows every figure.
fn settled(builder: pty::Builder) -> Pty {
    let mut pty = builder.spawn();
    pty.wait_for(pty::is_live, LIMIT);
    pty
}

/// This binary as the console on a cluster where nothing moves; otherwise the demo.
fn still() {
    hooks::install().unwrap();
    let clock = Clock::real();
    let sandbox =
        Some(Setup { script: Script { still: true, ..Script::default() }, clock: clock.clone(), ..Setup::default() });
    let options = ConnectOptions { sandbox, ..ConnectOptions::default() };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let session = Session::start(options, None, (80, 24), clock);
        console::run(session, Look::default(), false).await.unwrap();
    });
}

fn line(what: &str, figure: f64, unit: &str, goal: &str) {
    let mut out = std::io::stdout();
    let figure = format!("{what:46} {figure:9.1} {unit:4} {goal}");
    writeln!(out, "{}", figure.trim_end()).unwrap();
}

/// So many of a hundred took no longer than this.
fn milliseconds(times: &mut [Duration], of_hundred: usize) -> f64 {
    times.sort_unstable();
    let at = (times.len() * of_hundred).div_ceil(100).saturating_sub(1);
    times[at].as_secs_f64() * 1e3
}
