//! The console in a terminal: it starts at once, lives through what terminals do, and gives them back as they were.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf, time::Duration};

use common::{FakeApi, Pty};
use kafdeck::cmd::{hooks, terminal};
use rustix::process::Signal;
use tempfile::TempDir;

/// How long anything may take that should be immediate; generous, because machines that test are busy.
const SOON: Duration = Duration::from_secs(5);
/// Variable that makes this binary the child of its own test.
const CHILD: &str = "KAFDECK_TEST_CHILD";

/// What gives a terminal back: the end of a frame, plain text, no paste marks, the cursor, the main screen.
const RESTORED: [&str; 4] = ["\u{1b}[?2026l", "\u{1b}[?2004l", "\u{1b}[?25h", "\u{1b}[?1049l"];

fn console(api: &FakeApi) -> Pty {
    let mut pty = Pty::kafdeck().kubeconfig(&api.kubeconfig()).spawn();
    pty.wait_for_text("kafdeck", SOON);
    pty
}

/// Asserts that nothing was drawn after the terminal had been given back.
fn is_restored(pty: &Pty) {
    let output = String::from_utf8_lossy(pty.raw_output()).into_owned();
    let left = output.rfind(RESTORED[3]).unwrap_or_else(|| panic!("the main screen never came back: {output:?}"));
    let end = &output[output.rfind("\u{1b}[?2004l").unwrap()..];
    for part in &RESTORED[1..] {
        assert!(end.contains(part), "{part:?} is missing from {end:?}");
    }
    assert!(!output[left..].contains("\u{1b}[?1049h"), "the alternate screen was taken again");
    assert!(!pty.screen().alternate_screen() && !pty.screen().hide_cursor() && !pty.screen().bracketed_paste());
}

#[test]
fn the_first_frame_comes_before_a_slow_credential_plugin_and_keys_are_ours_meanwhile() {
    let home = TempDir::new().unwrap();
    // Reads its standard input to the end, as a plugin does that asks for a password, then sleeps.
    let plugin = script(&home, "cat >/dev/null; sleep 5; exit 1");
    let config = home.path().join("kubeconfig");
    fs::write(
        &config,
        format!(
            "{{apiVersion: v1, kind: Config, current-context: c, \
              clusters: [{{name: c, cluster: {{server: 'http://127.0.0.1:9'}}}}], \
              contexts: [{{name: c, context: {{cluster: c, user: u}}}}], \
              users: [{{name: u, user: {{exec: {{apiVersion: client.authentication.k8s.io/v1, \
              command: {}, interactiveMode: IfAvailable}}}}}}]}}",
            plugin.display()
        ),
    )
    .unwrap();
    let mut pty = Pty::kafdeck().kubeconfig(&config).spawn();
    pty.wait_for_text("onnecting", Duration::from_secs(2));
    pty.send("?");
    pty.wait_for_text("Keys of this place", SOON);
    pty.send("\u{1b}");
    pty.send("q");
    pty.wait_for_text("Leave", SOON);
    pty.send("y");
    assert_eq!(pty.exit_code(Duration::from_secs(2)), Some(0), "a plugin that hangs must not hold the exit");
    is_restored(&pty);
}

fn script(home: &TempDir, body: &str) -> PathBuf {
    let path = home.path().join("plugin");
    fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[test]
fn leaving_gives_the_terminal_back() {
    let api = FakeApi::hanging();
    let mut pty = console(&api);
    pty.send("q");
    pty.wait_for_text("Leave", SOON);
    pty.send("n");
    pty.wait_for(|s| !s.contents().contains("Leave"), SOON);
    pty.send("\u{3}\u{3}");
    assert_eq!(pty.exit_code(SOON), Some(0));
    is_restored(&pty);
}

#[test]
fn signals_end_it_with_their_own_code_and_give_the_terminal_back() {
    for (signal, code) in [(Signal::TERM, 143), (Signal::HUP, 129), (Signal::INT, 130)] {
        let api = FakeApi::hanging();
        let mut pty = console(&api);
        pty.signal(signal);
        assert_eq!(pty.exit_code(SOON), Some(code), "{signal:?}");
        is_restored(&pty);
    }
}

#[test]
fn a_terminal_that_hangs_up_ends_it_within_two_seconds() {
    let api = FakeApi::hanging();
    let mut pty = console(&api);
    pty.hang_up();
    assert_eq!(pty.exit_code(Duration::from_secs(2)), Some(129));
}

#[test]
fn any_size_is_survived() {
    let api = FakeApi::hanging();
    let mut pty = console(&api);
    for (columns, rows) in [(20, 5), (1, 1), (200, 50), (80, 24)] {
        pty.resize(columns, rows);
        pty.watch(Duration::from_millis(200));
    }
    pty.wait_for_text("kafdeck", SOON);
    pty.send("\u{3}\u{3}");
    assert_eq!(pty.exit_code(SOON), Some(0));
}

#[test]
fn pasted_text_is_never_taken_for_keys() {
    let api = FakeApi::hanging();
    let mut pty = console(&api);
    pty.send("\u{1b}[200~qy\u{1b}[201~");
    pty.wait_for_text("pasted text is ignored", SOON);
    pty.send(":");
    pty.send("\u{1b}[200~quit\u{1b}[201~");
    pty.wait_for_text("leave without asking", SOON);
    pty.send("\u{3}\u{3}");
    assert_eq!(pty.exit_code(SOON), Some(0));
}

#[test]
fn a_server_that_refuses_is_said_and_the_console_lives() {
    let api = FakeApi::refusing(401, "Unauthorized");
    let mut pty = console(&api);
    pty.wait_for(|s| s.contents().to_lowercase().contains("unauthorized"), SOON);
    pty.send("\u{3}\u{3}");
    assert_eq!(pty.exit_code(SOON), Some(0));
}

#[test]
fn without_a_kubeconfig_the_terminal_is_back_before_the_reason_is_told() {
    let mut pty = Pty::kafdeck().spawn();
    assert_eq!(pty.exit_code(SOON), Some(2));
    is_restored(&pty);
    let output = String::from_utf8_lossy(pty.raw_output()).into_owned();
    assert!(output.rfind("Error:") > output.rfind("\u{1b}[?1049l"), "{output:?}");
}

#[test]
fn what_cannot_be_used_in_the_configuration_is_said_and_the_rest_counts() {
    let api = FakeApi::refusing(401, "Unauthorized");
    let run = Pty::kafdeck();
    let dir = run.home().join("config/kafdeck");
    fs::create_dir_all(dir.join("keymaps")).unwrap();
    fs::write(dir.join("config.toml"), "thme = 1\nkeymap = \"mine\"\n").unwrap();
    fs::write(dir.join("keymaps/mine.toml"), "[everywhere]\n\"z h\" = \"help\"\n").unwrap();
    let mut pty = run.kubeconfig(&api.kubeconfig()).spawn();
    pty.wait_for_text("1 problem in config.toml: `kafdeck config` lists it", SOON);
    pty.send("z");
    pty.wait_for_text("z…   h help", SOON);
    pty.send("h");
    pty.wait_for_text("Keys of this place", SOON);
    pty.send(":");
    pty.wait_for_text("Command, installation", SOON);
    pty.send("quit!\r");
    assert_eq!(pty.exit_code(SOON), Some(0));
    is_restored(&pty);
}

#[test]
fn a_panic_in_any_thread_gives_the_terminal_back_and_reports_itself() {
    let child = std::env::current_exe().unwrap();
    let mut pty = Pty::program(child).args(["--exact", "the_child_that_panics", "--nocapture"]).env(CHILD, "1").spawn();
    assert_eq!(pty.exit_code(SOON), Some(101));
    is_restored(&pty);
    let output = String::from_utf8_lossy(pty.raw_output()).into_owned();
    assert!(output.contains("planted") && output.contains("bug in kafdeck"), "{output:?}");
}

/// The other half of the test above, in a process of its own; nothing to do when it runs as a test.
#[test]
fn the_child_that_panics() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    hooks::install().unwrap();
    terminal::take().unwrap();
    kafdeck::io::task::thread("planted", || panic!("planted"));
    // The hook ends the process long before this returns.
    std::thread::park_timeout(SOON);
}
