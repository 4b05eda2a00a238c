//! Figures of the log view under a flood: `cargo bench --bench logs`. No cluster is needed.
//!
//! The sandbox runs in a child process behind a socket, so that CPU and memory are the console's alone. A broker writes
//! 50 MB a second; keys are timed from the keyboard to the last byte of the frame. Nothing here judges; it prints, with
//! the goal beside the figure. `KAFDECK_BENCH_MB` asks for another flood.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a broken measurement ends the run")]
#![allow(clippy::disallowed_methods, reason = "measuring is the one thing that needs the machine's clock here")]

#[path = "../tests/common/mod.rs"]
mod common;

use std::{
    env, fs,
    io::{BufRead, BufReader, Write},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use common::pty::{FRAME_END, Pty};
use kafdeck::sandbox::{self, Deed, Script, Setup, Step};
use tokio::net::TcpListener;

/// Longest anything may take that is measured.
const LIMIT: Duration = Duration::from_secs(30);
/// How long a flood is watched before it is measured, and for a figure.
const WATCHED: Duration = Duration::from_secs(10);
/// Keys whose frames are timed.
const KEYS: usize = 400;
/// Variable that makes this binary the sandbox.
const CHILD: &str = "KAFDECK_BENCH_SANDBOX";
/// Variable that says how many megabytes a second are written.
const MEGABYTES: &str = "KAFDECK_BENCH_MB";

fn main() {
    let megabytes = env::var(MEGABYTES).ok().and_then(|mb| mb.parse().ok()).unwrap_or(50);
    if env::var_os(CHILD).is_some() {
        serve(megabytes);
        return;
    }
    let mut child = Command::new(env::current_exe().unwrap())
        .env(CHILD, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut address = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut address).unwrap();
    flood(address.trim(), megabytes);
    child.kill().unwrap();
    child.wait().unwrap();
}

/// The sandbox, on a socket, until it is killed.
fn serve(megabytes: u32) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let steps = vec![Step { at: 1, deed: Deed::Flood { broker: 0, megabytes } }];
        let script = Script { steps, still: true, ..Script::default() };
        let sandbox = sandbox::open(Setup { script, ..Setup::default() });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut out = std::io::stdout();
        writeln!(out, "{}", listener.local_addr().unwrap()).unwrap();
        loop {
            let (mut near, _) = listener.accept().await.unwrap();
            let mut far = sandbox.connect().unwrap();
            tokio::spawn(
                async move { tokio::io::copy_bidirectional_with_sizes(&mut near, &mut far, 65_536, 65_536).await },
            );
        }
    });
}

fn flood(address: &str, megabytes: u32) {
    let home = tempfile::tempdir().unwrap();
    let config = home.path().join("config");
    let text = format!(
        "{{apiVersion: v1, kind: Config, current-context: s, contexts: [{{name: s, context: {{cluster: s, user: s}}}}], \
         clusters: [{{name: s, cluster: {{server: 'http://{address}'}}}}], users: [{{name: s, user: {{}}}}]}}"
    );
    fs::write(&config, text).unwrap();
    for (columns, rows) in [(80, 24), (200, 50)] {
        let mut pty = Pty::kafdeck().size(columns, rows).args(["--kubeconfig", config.to_str().unwrap()]).spawn();
        pty.wait_for(|s| s.contents().contains("brokers 3/3"), LIMIT);
        line(&format!("resident memory before the flood, {columns}×{rows}"), resident(&pty), "MiB", "");
        pty.send("3");
        pty.wait_for_text("RESTARTS", LIMIT);
        pty.send("L");
        pty.wait_for_text("[Flood]", LIMIT);
        pty.watch(Duration::from_secs(3));
        let (first, cpu) = (newest(&pty), pty.cpu_time());
        let began = Instant::now();
        pty.watch(WATCHED);
        let seconds = began.elapsed().as_secs_f64();
        let taken = (newest(&pty) - first) as f64 * 200.0 / 1e6 / seconds;
        line(&format!("log taken of {megabytes} MB/s, {columns}×{rows}"), taken, "MB/s", "");
        let cpu = pty.cpu_time().saturating_sub(cpu).as_secs_f64() / seconds * 100.0;
        line("CPU of the console", cpu, "%", "");
        keys(&mut pty, "looking around", &["k", "j", "k", "t", "t", "W", "W", "f", "f", "k", "f"]);
        pty.send("/");
        keys(
            &mut pty,
            "searching",
            &["E", "R", "R", "O", "R", "\x7f", "\x7f", "\x7f", "\x7f", "\x7f", ".", "*", "1", "\x7f", "\x7f", "\x7f"],
        );
        pty.send("\x1b");
        pty.watch(WATCHED);
        line("resident memory in the flood", resident(&pty), "MiB", "goal 64 MB");
        let screen = pty.screen().contents();
        let rule = screen.lines().find(|l| l.contains("Logs kafka-0")).unwrap_or_default();
        let mut out = std::io::stdout();
        writeln!(out, "{}", rule.trim()).unwrap();
    }
}

/// The number of the newest line in sight.
fn newest(pty: &Pty) -> u64 {
    let screen = pty.screen().contents();
    let number = |line: &str| line.split("[Flood] line ").nth(1)?.split(' ').next()?.parse().ok();
    screen.lines().filter_map(number).max().expect("no line of the flood in sight")
}

/// From a key to the last byte of the frame that answers it; frames of the flood come between.
fn keys(pty: &mut Pty, what: &str, typed: &[&str]) {
    let mut times = Vec::new();
    for key in typed.iter().cycle().take(KEYS) {
        pty.watch(Duration::from_millis(37));
        let (from, began) = (pty.raw_output().len(), Instant::now());
        pty.send(key);
        pty.wait_for_output(from, |written| written.contains(FRAME_END), LIMIT);
        times.push(began.elapsed());
    }
    times.sort_unstable();
    let at = |of_hundred: usize| times[(times.len() * of_hundred).div_ceil(100) - 1].as_secs_f64() * 1e3;
    line(&format!("key to a frame, {what}, p50 of {KEYS}"), at(50), "ms", "");
    line(&format!("key to a frame, {what}, p99 of {KEYS}"), at(99), "ms", "goal 8 ms");
}

fn resident(pty: &Pty) -> f64 {
    pty.resident() as f64 / f64::from(1 << 20)
}

fn line(what: &str, figure: f64, unit: &str, goal: &str) {
    let figure = format!("{what:46} {figure:9.1} {unit:4} {goal}");
    let mut out = std::io::stdout();
    writeln!(out, "{}", figure.trim_end()).unwrap();
}
