//! What the console costs a terminal, counted there, on the cluster in memory; and that the demo is sealed.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use common::{
    Pty,
    pty::{Builder, FRAME_END, LEAVE, is_live, is_restored},
};
use rustix::process::Signal;
use tempfile::TempDir;

/// How long anything may take; generous, because machines that test are busy.
const SOON: Duration = Duration::from_secs(20);
/// What a full paint of 80×24 may take.
const PAINT: usize = 8_000;
/// What a live screen of 80×24 may take in a second.
const LIVE: usize = 2_000;
/// What a kernel keeps for a terminal that is not read: generous, for kernels differ.
const KERNEL: usize = 64 << 10;

fn demo() -> Builder {
    Pty::kafdeck().args(["demo"])
}

/// A demo that shows every figure.
fn live(builder: Builder) -> Pty {
    let mut pty = builder.spawn();
    pty.wait_for(is_live, SOON);
    pty
}

fn leaves(mut pty: Pty) {
    pty.send(LEAVE);
    assert_eq!(pty.exit_code(SOON), Some(0));
    is_restored(&pty);
}

/// Bytes that come in some seconds.
fn bytes_in(pty: &mut Pty, seconds: u64) -> usize {
    let before = pty.raw_output().len();
    pty.watch(Duration::from_secs(seconds));
    pty.raw_output().len() - before
}

/// True when nothing is missing of the last frame, which may come in pieces.
fn ends_as_a_frame(written: &str) -> bool {
    written.ends_with(FRAME_END) || written.ends_with("\u{1b}[?2026l")
}

#[test]
fn no_place_takes_more_than_its_budget_to_be_painted_in_full() {
    let mut pty = live(demo());
    for keys in ["1", "2", "3", "4", "5", "\r", "6", "\r", "7", "L", "?", "\u{1b}", "w", "\u{1b}", ":", "\u{1b}", "a"] {
        pty.send(keys);
        let painted = pty.full_paint(SOON);
        assert!(painted <= PAINT, "{keys:?} takes {painted} bytes:\n{}", pty.screen().contents());
    }
    leaves(pty);
}

#[test]
fn a_live_screen_keeps_to_its_budget_and_a_paused_one_writes_nothing() {
    let mut pty = live(demo());
    let written = bytes_in(&mut pty, 5);
    assert!(written > 0, "nothing moves");
    assert!(written <= 5 * LIVE, "{written} bytes in 5 s");
    pty.send("p");
    pty.wait_for_text("PAUSED", SOON);
    pty.wait_for_output(0, ends_as_a_frame, SOON);
    assert_eq!(bytes_in(&mut pty, 3), 0);
    leaves(pty);
}

#[test]
fn in_every_theme_and_depth_of_colour_a_full_paint_keeps_to_its_budget() {
    let depths = [("TERM", "xterm"), ("TERM", "xterm-256color"), ("COLORTERM", "truecolor"), ("NO_COLOR", "1")];
    for theme in ["default", "light", "mono", "contrast"] {
        for (name, value) in depths {
            let mut pty = live(demo().args(["--theme", theme]).env(name, value));
            let painted = pty.full_paint(SOON);
            assert!(painted <= PAINT, "{theme} with {name}={value} takes {painted} bytes");
            pty.wait_for(is_live, SOON);
            leaves(pty);
        }
    }
}

#[test]
fn in_ascii_no_byte_is_anything_else() {
    let mut pty = live(demo().args(["--ascii"]));
    for keys in
        ["2", "3", "4", "5", "\r", "6", "\r", "7", "L", "?", "\u{1b}", "w", "\u{1b}", "a", "\u{1b}", ":", "\u{1b}"]
    {
        pty.send(keys);
        pty.full_paint(SOON);
    }
    let odd = pty.raw_output().iter().position(|byte| !byte.is_ascii());
    assert_eq!(odd.map(|at| String::from_utf8_lossy(&pty.raw_output()[at..at + 3]).into_owned()), None);
    leaves(pty);
}

#[test]
fn a_line_that_carries_little_gets_the_newest_state_and_no_queue_of_frames() {
    let mut pty = live(demo());
    // Every key is another whole screen, fifty a second; the line carries 4 KiB each 200 ms, less than a fifth of that.
    let (tabs, typed) = (["5", "6", "3", "7", "4", "2", "1"], 250);
    let from = pty.raw_output().len();
    for round in 0..typed {
        pty.send(tabs[round % tabs.len()]);
        pty.carry(if round % 10 == 9 { 4096 } else { 0 }, Duration::from_millis(20));
    }
    let late = pty.raw_output().len();
    pty.send("6jjp");
    pty.wait_for(|s| s.contents().contains("PAUSED") && s.contents().contains("search-indexer"), SOON);
    pty.wait_for_output(late, ends_as_a_frame, SOON);
    let left = pty.raw_output().len() - late;
    assert!(left <= KERNEL + 2 * PAINT, "{left} bytes had been queued");
    let frames = pty.output_since(from).matches(FRAME_END).count();
    println!("{typed} keys, {frames} frames, {left} bytes after the last key");
    assert!(frames < typed / 2, "{frames} frames for {typed} keys");
    // A screen that is painted anew shows the same: nothing is missing from the one that came in pieces.
    let shown = below_the_clock(&pty);
    pty.full_paint(SOON);
    assert_eq!(below_the_clock(&pty), shown);
    leaves(pty);
}

fn below_the_clock(pty: &Pty) -> String {
    pty.screen().rows(0, 80).skip(1).map(|row| row.trim_end().to_owned() + "\n").collect()
}

#[test]
fn the_demo_is_left_as_any_console_is() {
    let mut pty = live(demo());
    pty.send("q");
    pty.wait_for_text("Leave", SOON);
    leaves(pty);
}

#[test]
fn the_demo_reads_no_kubeconfig_and_leaves_no_file_and_opens_no_connection() {
    let elsewhere = TempDir::new().unwrap();
    let garbage = elsewhere.path().join("kubeconfig");
    fs::write(&garbage, "}{ not a kubeconfig").unwrap();
    let run = demo().kubeconfig(&garbage);
    assert_eq!(files_in(run.home()), BTreeSet::new());
    let mut pty = live(run);
    for keys in ["5", "\r", "6", "\r", "L", "1"] {
        pty.send(keys);
        pty.full_paint(SOON);
    }
    let (files, sockets) = open_by(pty.id());
    assert_eq!(files, BTreeSet::new(), "opened outside /dev");
    let addressed = addressed_sockets(pty.id());
    assert_eq!(sockets.intersection(&addressed).collect::<Vec<_>>(), Vec::<&String>::new(), "connected or listening");
    // The runtime wakes itself from signals by a pair of them, without a name.
    assert!(sockets.len() <= 2, "{sockets:?}");
    pty.send(LEAVE);
    assert_eq!(pty.exit_code(SOON), Some(0));
    assert_eq!(files_in(pty.home()), BTreeSet::new(), "left behind");
}

fn files_in(directory: &Path) -> BTreeSet<PathBuf> {
    fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect()
}

/// What a process has open: files outside /dev, and the numbers of its sockets.
fn open_by(id: u32) -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut files, mut sockets) = (BTreeSet::new(), BTreeSet::new());
    for entry in fs::read_dir(format!("/proc/{id}/fd")).unwrap() {
        let target = fs::read_link(entry.unwrap().path()).unwrap_or_default().to_string_lossy().into_owned();
        if let Some(number) = target.strip_prefix("socket:[").and_then(|rest| rest.strip_suffix(']')) {
            sockets.insert(number.to_owned());
        } else if target.starts_with('/') && !target.starts_with("/dev/") {
            files.insert(target);
        }
    }
    (files, sockets)
}

/// Numbers of all sockets that have an address: of every protocol, and local ones with a path.
fn addressed_sockets(id: u32) -> BTreeSet<String> {
    let mut numbers = BTreeSet::new();
    for (table, column, length) in [
        ("tcp", 9, 10),
        ("tcp6", 9, 10),
        ("udp", 9, 10),
        ("udp6", 9, 10),
        ("raw", 9, 10),
        ("raw6", 9, 10),
        ("netlink", 9, 10),
        ("packet", 8, 9),
        ("unix", 6, 8),
    ] {
        let text = fs::read_to_string(format!("/proc/{id}/net/{table}")).unwrap_or_default();
        let rows = text.lines().skip(1).map(|row| row.split_whitespace().collect::<Vec<_>>());
        numbers.extend(rows.filter(|row| row.len() >= length).map(|row| row[column].to_owned()));
    }
    numbers
}

/// True while the terminal shows what is typed.
fn shows_typing(pty: &Pty) -> bool {
    pty.modes().local_modes.contains(rustix::termios::LocalModes::ECHO)
}

#[test]
fn a_password_is_asked_for_without_showing_it_and_the_console_follows() {
    let mut pty = demo().args(["--as", "me"]).spawn();
    pty.wait_for_text("Password of me:", SOON);
    assert!(!shows_typing(&pty));
    pty.send("canary-4711\r");
    // The cluster in memory asks for no login, and so it says.
    pty.wait_for_text("--as me is for a listener with a login", SOON);
    assert!(!String::from_utf8_lossy(pty.raw_output()).contains("canary"), "typed in secret");
    pty.send(LEAVE);
    assert_eq!(pty.exit_code(SOON), Some(0));
    assert!(shows_typing(&pty));
}

#[test]
fn whatever_ends_the_question_for_a_password_typing_is_shown_again() {
    for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130)] {
        let mut pty = demo().args(["--as", "me"]).spawn();
        pty.wait_for_text("Password of me:", SOON);
        assert!(!shows_typing(&pty));
        pty.signal(signal);
        assert_eq!(pty.exit_code(SOON), Some(code));
        assert!(shows_typing(&pty), "{signal:?}");
    }
    let mut pty = demo().args(["--as", "me"]).spawn();
    pty.wait_for_text("Password of me:", SOON);
    pty.send("\r");
    assert_eq!(pty.exit_code(SOON), Some(2), "nothing was typed");
    assert!(shows_typing(&pty));
}
