//! Hostile bytes and hostile objects, made from good ones, under a limit of memory.
//!
//! Everything that brokers and the API server can send is read, believed as far as it is readable, and drawn. No
//! case may panic, abort, take more memory than the limit, or bring a control character to the screen.
//!
//! `cargo test` runs a bounded corpus, the same each time. A long run, from another seed:
//! `FUZZ_CASES=1000000 FUZZ_SEED=7 cargo test --locked --release --test fuzz`. A case that fails is named by its
//! number; `FUZZ_FIRST` begins there.
#![allow(dead_code, reason = "the screens use more of their cluster")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's own helpers fail by panicking")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a process that aborts has no other way to say where")]

#[path = "screens/cluster.rs"]
mod cluster;
mod common;
#[path = "fuzz/mutate.rs"]
mod mutate;
#[path = "fuzz/objects.rs"]
mod objects;
#[path = "fuzz/wire.rs"]
mod wire;

use std::{env, process::Command};

use kafdeck::{
    app::{App, Msg, keys::Key},
    facts::Fact,
    view::{self, Look},
};
use ratatui::{Terminal, backend::TestBackend};

/// Address space of the process that reads hostile input, in KiB: threads and libraries take about a third.
const MEMORY_KIB: u32 = 768 * 1024;

/// Cases of each kind in `cargo test`.
const CASES: u64 = 1_500;

/// After so many cases the console starts anew, so that a case can be found again.
const ROUND: u64 = 50;

fn number(name: &str, otherwise: u64) -> u64 {
    env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// Runs a part in a process of its own whose memory is limited.
fn limited(part: &str) {
    let script = format!("ulimit -v {MEMORY_KIB} && exec \"$0\" --exact {part} --ignored --nocapture --test-threads=1");
    let output = Command::new("sh")
        .args(["-c", &script])
        .arg(env::current_exe().unwrap())
        .env("MALLOC_ARENA_MAX", "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let last: Vec<&str> = said.lines().rev().take(12).collect();
    let last: Vec<&str> = last.into_iter().rev().collect();
    assert!(output.status.success(), "{part}: {}\n{}", output.status, last.join("\n"));
    let ran = String::from_utf8_lossy(&output.stdout);
    assert!(ran.contains("1 passed"), "{part} was not run:\n{ran}");
}

#[test]
fn hostile_answers_of_brokers_are_read_within_the_memory_limit() {
    limited("answers_in_a_process_of_their_own");
}

#[test]
fn hostile_objects_of_the_api_server_are_read_within_the_memory_limit() {
    limited("objects_in_a_process_of_their_own");
}

#[test]
fn the_memory_limit_ends_a_process_that_takes_more() {
    let script = format!("ulimit -v {MEMORY_KIB} && exec \"$0\" --exact takes_too_much --ignored --test-threads=1");
    let output = Command::new("sh").args(["-c", &script]).arg(env::current_exe().unwrap()).output().unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("memory allocation of"), "{said}");
}

#[test]
#[ignore = "run by the test of the memory limit"]
fn takes_too_much() {
    let taken: Vec<u8> = Vec::with_capacity(usize::try_from(MEMORY_KIB).unwrap() * 1024);
    assert!(std::hint::black_box(taken).is_empty());
}

#[test]
#[ignore = "run by another test, in a process whose memory is limited"]
fn answers_in_a_process_of_their_own() {
    let corpus = wire::corpus();
    each_case(|case, rng| wire::hostile(&corpus, case, rng));
}

#[test]
#[ignore = "run by another test, in a process whose memory is limited"]
fn objects_in_a_process_of_their_own() {
    let corpus = objects::corpus();
    each_case(|_, rng| objects::hostile(&corpus, rng));
}

/// Runs all cases; says which one is next before each, for a process that aborts says nothing afterwards.
fn each_case(mut case: impl FnMut(u64, &mut fastrand::Rng) -> Vec<Fact>) {
    let (first, seed) = (number("FUZZ_FIRST", 0), number("FUZZ_SEED", 1));
    let cases = number("FUZZ_CASES", CASES);
    let mut console = Console::new();
    let mut believed = 0;
    for n in first..first + cases {
        eprintln!("case {n} of seed {seed}");
        if n.is_multiple_of(ROUND) {
            console = Console::new();
        }
        let mut rng = fastrand::Rng::with_seed(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ n);
        let facts = case(n, &mut rng);
        believed += u64::from(!facts.is_empty());
        console.tell(facts);
        console.look(n);
    }
    // What is refused at the door shows nothing about the rooms behind it.
    assert!(believed * 5 > cases, "only {believed} of {cases} cases were readable");
    println!("{believed} of {cases} cases were readable");
}

/// A console that believes what it is told.
struct Console {
    app: App,
    look: Look,
}

impl Console {
    fn new() -> Self {
        Self { app: cluster::Cluster::healthy().app(), look: Look::default() }
    }

    fn tell(&mut self, facts: Vec<Fact>) {
        self.app.update(Msg::Facts(facts), cluster::noon());
    }

    /// Goes to the next tab, opens a row now and then, and draws.
    fn look(&mut self, n: u64) {
        let tab = char::from(b"123456789"[usize::try_from(n % 9).unwrap()]);
        for key in [Key::Esc, Key::Esc, Key::Char(tab)] {
            self.app.update(Msg::Key(key), cluster::noon());
        }
        if n.is_multiple_of(3) {
            self.app.update(Msg::Key(Key::Enter), cluster::noon());
        }
        if n.is_multiple_of(5) {
            self.app.update(Msg::Key(Key::Char('x')), cluster::noon());
        }
        let (columns, rows) = if n.is_multiple_of(2) { (80, 24) } else { (200, 50) };
        let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
        terminal.draw(|frame| _ = view::render(&self.app, &self.look, frame)).unwrap();
        for cell in &terminal.backend().buffer().content {
            assert!(!cell.symbol().chars().any(char::is_control), "{:?} is on the screen", cell.symbol());
        }
    }
}
