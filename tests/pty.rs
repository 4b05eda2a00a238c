//! The console in a terminal: it starts at once, lives through what terminals do, and gives them back as they were.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf, time::Duration};

use common::{
    FakeApi, Pty,
    process::KAFDECK,
    pty::{LEAVE, RESTORED, is_restored, is_stopped},
};
use kafdeck::cmd::{hooks, terminal};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// How long anything may take that should be immediate; generous, because machines that test are busy.
const SOON: Duration = Duration::from_secs(5);
/// Variable that makes this binary the child of its own test.
const CHILD: &str = "KAFDECK_TEST_CHILD";

/// What takes it.
const TAKEN: &str = "\u{1b}[?1049h\u{1b}[?25l\u{1b}[?2004h";
fn console(api: &FakeApi) -> Pty {
    let mut pty = Pty::kafdeck().kubeconfig(&api.kubeconfig()).spawn();
    pty.wait_for_text("kafdeck", SOON);
    pty
}

/// A console that a shell with job control runs, which then says STOPPED, reads a line, runs `script`, waits for
/// the console in the foreground and says how it ended.
fn job(api: &FakeApi, script: &str) -> Pty {
    let script = format!("set -m; \"$0\"; echo STOPPED; read line; {script} fg >/dev/null; echo ENDED $?");
    let mut pty = Pty::program("sh").args(["-c", &script, KAFDECK]).kubeconfig(&api.kubeconfig()).spawn();
    is_on_screen(&mut pty);
    pty
}

/// Waits for the console's own screen, painted from the first line to the last.
fn is_on_screen(pty: &mut Pty) {
    let whole = |s: &vt100::Screen| {
        let text = s.contents();
        let (first, last) =
            (text.lines().next().unwrap_or_default(), text.trim_end().lines().last().unwrap_or_default());
        s.alternate_screen() && s.hide_cursor() && first.contains("kafdeck") && last.contains("? help")
    };
    pty.wait_for(whole, SOON);
}

/// Presses `y` until the dialog takes it: at first it ignores keys.
fn confirm(pty: &mut Pty, limit: Duration) -> Option<i32> {
    let piece = Duration::from_millis(50);
    for _ in 0..limit.as_millis() / piece.as_millis() {
        pty.send("y");
        if let Some(code) = pty.exit_code(piece) {
            return Some(code);
        }
    }
    None
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
    assert_eq!(confirm(&mut pty, Duration::from_secs(2)), Some(0), "a plugin that hangs must not hold the exit");
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
    pty.send(LEAVE);
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
fn a_hang_up_ends_it_at_once_where_that_signal_is_ignored_and_costs_no_time() {
    let api = FakeApi::hanging();
    let script = "trap '' HUP; exec \"$0\"";
    let mut pty = Pty::program("sh").args(["-c", script, KAFDECK]).kubeconfig(&api.kubeconfig()).spawn();
    is_on_screen(&mut pty);
    let before = pty.cpu_time();
    pty.hang_up();
    assert_eq!(pty.exit_code(Duration::from_secs(2)), Some(129));
    let took = pty.cpu_time().saturating_sub(before);
    assert!(took < Duration::from_millis(500), "it took {took:?} of the processor to notice");
}

#[test]
fn a_terminal_that_hangs_up_ends_it_within_two_seconds() {
    let api = FakeApi::hanging();
    let mut pty = console(&api);
    pty.hang_up();
    assert_eq!(pty.exit_code(Duration::from_secs(2)), Some(129));
}

#[test]
fn a_storm_of_sizes_is_survived_and_the_last_frame_fits_the_last_size() {
    let api = FakeApi::hanging();
    let mut pty = console(&api);
    for round in 0..40 {
        let (columns, rows) = [(20, 5), (1, 1), (200, 50), (61, 16), (80, 24), (300, 3)][round % 6];
        pty.resize(columns, rows);
        pty.watch(Duration::from_millis(5));
    }
    pty.resize(20, 5);
    pty.watch(Duration::from_millis(100));
    pty.resize(80, 24);
    is_on_screen(&mut pty);
    pty.wait_for(|s| s.rows(0, 80).nth(23).is_some_and(|row| row.contains("? help")), SOON);
    pty.send(LEAVE);
    assert_eq!(pty.exit_code(SOON), Some(0));
    is_restored(&pty);
}

#[test]
fn a_terminal_that_answers_nothing_is_asked_nothing() {
    let api = FakeApi::hanging();
    let mut pty = console(&api);
    pty.resize(100, 30);
    pty.send("?");
    pty.wait_for_text("Keys of this place", SOON);
    pty.send(LEAVE);
    assert_eq!(pty.exit_code(SOON), Some(0));
    let output = pty.output();
    for question in ["\u{1b}[6n", "\u{1b}[c", "\u{1b}[?u", "\u{1b}[>"] {
        assert!(!output.contains(question), "it asked {question:?}");
    }
    assert!(!output.contains("\u{1b}[?100"), "the mouse is the terminal's");
}

#[test]
fn without_colour_the_selection_is_still_seen() {
    let api = FakeApi::hanging();
    let mut pty = Pty::kafdeck().kubeconfig(&api.kubeconfig()).env("NO_COLOR", "1").spawn();
    is_on_screen(&mut pty);
    pty.send(":");
    let reversed = |s: &vt100::Screen| {
        (0..24).any(|row| {
            s.cell(row, 20).is_some_and(vt100::Cell::inverse) && s.cell(row, 40).is_some_and(vt100::Cell::inverse)
        })
    };
    pty.wait_for(reversed, SOON);
    let screen = pty.screen();
    let cells = (0..24).flat_map(|row| (0..80).filter_map(move |column| screen.cell(row, column)));
    assert!(cells.into_iter().all(|c| c.fgcolor() == vt100::Color::Default && c.bgcolor() == vt100::Color::Default));
    pty.send(LEAVE);
    assert_eq!(pty.exit_code(SOON), Some(0));
}

#[test]
fn a_dumb_terminal_is_told_why_and_gets_no_sequence() {
    let api = FakeApi::hanging();
    let mut pty = Pty::kafdeck().kubeconfig(&api.kubeconfig()).env("TERM", "dumb").spawn();
    assert_eq!(pty.exit_code(SOON), Some(2));
    let output = pty.output();
    assert!(output.contains("cannot move its cursor") && !output.contains('\u{1b}'), "{output:?}");
}

#[test]
fn a_key_typed_ahead_of_a_dialog_does_not_confirm_it() {
    let api = FakeApi::hanging();
    let mut pty = console(&api);
    pty.send("qy");
    pty.wait_for_text("Leave kafdeck?", SOON);
    assert_eq!(confirm(&mut pty, SOON), Some(0));
    is_restored(&pty);
}

/// A console over a line that is said to be slow, with the palette open and `qui` typed in it.
fn typing(api: &FakeApi) -> Pty {
    let mut pty = Pty::kafdeck().kubeconfig(&api.kubeconfig()).env("SSH_CONNECTION", "a 1 b 22").spawn();
    is_on_screen(&mut pty);
    pty.send(":qui");
    pty.wait_for_text(":qui", SOON);
    pty
}

/// Sends a sequence in two pieces that are read one after the other.
fn send_cut(pty: &mut Pty, first: &str, second: &str) {
    pty.send(first);
    pty.watch(Duration::from_millis(5));
    pty.send(second);
}

#[test]
fn a_sequence_that_arrives_in_pieces_is_one_key_and_a_lone_esc_is_esc() {
    let api = FakeApi::hanging();
    for (first, second) in [("\u{1b}", "[D"), ("\u{1b}[", "D"), ("\u{1b}", "OD"), ("\u{1b}O", "D"), ("\u{1b}[1;", "2D")]
    {
        let mut pty = typing(&api);
        send_cut(&mut pty, first, second);
        pty.send("X");
        pty.wait_for_text(":quXi", SOON);
        pty.send("\u{1b}");
        pty.wait_for(|s| !s.contents().contains(":quXi"), SOON);
        pty.send(LEAVE);
        assert_eq!(pty.exit_code(SOON), Some(0));
    }
}

#[test]
fn a_paste_whose_mark_arrives_in_pieces_is_text_all_the_same() {
    let api = FakeApi::hanging();
    let mut pty = typing(&api);
    send_cut(&mut pty, "\u{1b}", "[200~t\u{1b}[A\u{3}\u{3}\r");
    send_cut(&mut pty, "!\u{1b}", "[201~");
    pty.wait_for_text(":quit[A !", SOON);
    pty.send("\u{1b}");
    pty.wait_for(|s| !s.contents().contains(":quit"), SOON);
    send_cut(&mut pty, "\u{1b}", "[200~qy\r\u{1b}[201~");
    pty.wait_for_text("pasted text is ignored", SOON);
    assert!(!pty.screen().contents().contains("Leave"));
    pty.send(LEAVE);
    assert_eq!(pty.exit_code(SOON), Some(0));
}

#[test]
fn what_is_copied_goes_to_the_terminal_between_two_frames() {
    let api = FakeApi::hanging();
    let mut pty = console(&api);
    pty.send("w");
    pty.wait_for_text("Where these figures come from", SOON);
    pty.send("c");
    pty.wait_for_text("copied the sources", SOON);
    pty.send(LEAVE);
    assert_eq!(pty.exit_code(SOON), Some(0));
    let output = pty.output();
    let (before, request) = output.split_once("\u{1b}]52;c;").unwrap();
    assert!(before.rfind("\u{1b}[?2026h") < before.rfind("\u{1b}[?2026l"), "within a frame");
    let (payload, _) = request.split_once('\u{7}').unwrap();
    assert!(payload.len() > 20 && payload.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/=".contains(&b)));
    is_restored(&pty);
}

#[test]
fn ctrl_z_gives_the_terminal_back_exactly_and_going_on_paints_it_all() {
    let api = FakeApi::hanging();
    let mut pty = job(&api, "");
    pty.send("\u{1a}");
    goes_on_after_stop(&mut pty);
}

#[test]
fn a_stop_from_outside_gives_the_terminal_back_exactly_and_going_on_paints_it_all() {
    let api = FakeApi::hanging();
    let mut pty = job(&api, "");
    kill_process(pty.child(), Signal::TSTP).unwrap();
    goes_on_after_stop(&mut pty);
}

/// The console was asked to stop: the shell gets its terminal, and the console gets it again.
fn goes_on_after_stop(pty: &mut Pty) {
    pty.wait_for_text("STOPPED", SOON);
    is_restored(pty);
    assert!(is_stopped(pty.child()));
    pty.resize(100, 30);
    pty.send("\n");
    is_on_screen(pty);
    assert_eq!(pty.output().matches(TAKEN).count(), 2);
    pty.send(LEAVE);
    pty.wait_for_text("ENDED 0", SOON);
    is_restored(pty);
}

#[test]
fn a_stop_that_nobody_announced_ends_with_a_whole_screen() {
    let api = FakeApi::hanging();
    let mut pty = job(&api, "");
    kill_process(pty.child(), Signal::STOP).unwrap();
    pty.wait_for_text("STOPPED", SOON);
    assert_eq!(pty.output().matches(RESTORED).count(), 0);
    pty.send("\n");
    pty.wait_for(|s| !s.contents().contains("STOPPED"), SOON);
    is_on_screen(&mut pty);
    assert!(pty.output().contains(&format!("{RESTORED}{TAKEN}")), "what the shell left is not taken for ours");
    pty.send(LEAVE);
    pty.wait_for_text("ENDED 0", SOON);
    is_restored(&pty);
}

#[test]
fn in_the_background_it_paints_nothing_and_stops_again() {
    let api = FakeApi::hanging();
    for stop in [Signal::TSTP, Signal::STOP] {
        let mut pty = job(&api, "echo BEHIND; bg >/dev/null; read line;");
        let console = pty.child();
        kill_process(console, stop).unwrap();
        pty.wait_for_text("STOPPED", SOON);
        pty.send("\n");
        pty.wait_for_text("BEHIND", SOON);
        stays_stopped(&mut pty, console);
        let output = pty.output();
        let after = &output[output.rfind("BEHIND").unwrap()..];
        assert!(!after.contains('\u{1b}'), "{stop:?}: painted over the shell: {after:?}");
        pty.send("\n");
        is_on_screen(&mut pty);
        pty.send(LEAVE);
        pty.wait_for_text("ENDED 0", SOON);
        is_restored(&pty);
    }
}

#[test]
fn started_in_the_background_it_waits_for_the_terminal_before_it_paints() {
    let api = FakeApi::hanging();
    let script = "set -m; \"$0\" & echo BEHIND; read line; fg >/dev/null; echo ENDED $?";
    let mut pty = Pty::program("sh").args(["-c", script, KAFDECK]).kubeconfig(&api.kubeconfig()).spawn();
    pty.wait_for_text("BEHIND", SOON);
    let console = pty.child();
    stays_stopped(&mut pty, console);
    assert!(!pty.output().contains('\u{1b}'));
    pty.send("\n");
    is_on_screen(&mut pty);
    pty.send(LEAVE);
    pty.wait_for_text("ENDED 0", SOON);
    is_restored(&pty);
}

/// Waits until a process is stopped and remains so.
fn stays_stopped(pty: &mut Pty, process: Pid) {
    let piece = Duration::from_millis(50);
    let mut seen = 0;
    for _ in 0..SOON.as_millis() / piece.as_millis() {
        pty.watch(piece);
        seen = if is_stopped(process) { seen + 1 } else { 0 };
        if seen == 6 {
            return;
        }
    }
    panic!("it goes on in the background");
}

#[test]
fn where_no_shell_could_go_on_with_it_it_does_not_stop() {
    let api = FakeApi::hanging();
    let mut pty = console(&api);
    pty.send("\u{1a}");
    pty.wait_for_text("not suspended", SOON);
    pty.signal(Signal::TSTP);
    pty.send("?");
    pty.wait_for_text("Keys of this place", SOON);
    pty.send(LEAVE);
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
    pty.send(LEAVE);
    assert_eq!(pty.exit_code(SOON), Some(0));
}

#[test]
fn a_server_that_refuses_is_said_and_the_console_lives() {
    let api = FakeApi::refusing(401, "Unauthorized");
    let mut pty = console(&api);
    pty.wait_for(|s| s.contents().to_lowercase().contains("unauthorized"), SOON);
    pty.send(LEAVE);
    assert_eq!(pty.exit_code(SOON), Some(0));
}

#[test]
fn without_a_kubeconfig_the_terminal_is_back_before_the_reason_is_told() {
    let mut pty = Pty::kafdeck().spawn();
    assert_eq!(pty.exit_code(SOON), Some(2));
    is_restored(&pty);
    let output = pty.output();
    assert!(output.rfind("Error:") > output.rfind(RESTORED), "{output:?}");
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

/// This binary in a terminal of its own, as the child that does what it is told.
fn child(told: &str) -> Pty {
    let child = std::env::current_exe().unwrap();
    Pty::program(child).args(["--exact", "the_child_of_these_tests", "--nocapture"]).env(CHILD, told).spawn()
}

#[test]
fn a_panic_in_any_thread_or_task_gives_the_terminal_back_and_reports_itself() {
    for place in ["thread", "task"] {
        let mut pty = child(place);
        assert_eq!(pty.exit_code(SOON), Some(101));
        is_restored(&pty);
        let output = pty.output();
        assert!(output.contains("planted") && output.contains("bug in kafdeck"), "{output:?}");
    }
}

/// A password that is found wherever it turns up.
const CANARY: &str = "canary-8f3a61";

#[test]
fn a_panic_with_a_password_at_hand_leaves_no_trace_of_it_in_the_report_and_the_log() {
    let home = TempDir::new().unwrap();
    let file = home.path().join("password");
    fs::write(&file, format!("{CANARY}\n")).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let api = FakeApi::start();
    for given in ["canary in a variable", "canary in a file"] {
        let log = home.path().join(given);
        let mut child = Pty::program(std::env::current_exe().unwrap())
            .args(["--exact", "the_child_of_these_tests", "--nocapture"])
            .kubeconfig(&api.kubeconfig())
            .env(CHILD, given)
            .env("KAFDECK_TEST_LOG", log.to_str().unwrap())
            .env("KAFDECK_LOG", "trace")
            .env("RUST_BACKTRACE", "full")
            .env("COLORBT_SHOW_HIDDEN", "1");
        child = match given {
            "canary in a file" => child.env("KAFDECK_TEST_PASSWORD_FILE", file.to_str().unwrap()),
            _ => child.env("KAFDECK_PASSWORD", CANARY),
        };
        let mut pty = child.spawn();
        assert_eq!(pty.exit_code(SOON * 2), Some(101));
        let report = pty.output();
        assert!(report.contains("planted beside Credentials") && report.contains("bug in kafdeck"), "{report:?}");
        assert!(report.contains("vault"), "what was given is among what is printed: {report:?}");
        let written = fs::read_to_string(&log).unwrap();
        assert!(written.contains("TRACE") || written.contains("DEBUG"), "the log holds everything:\n{written}");
        for (place, text) in [("the report", &report), ("the log", &written)] {
            for trace in ["canary-8", "Y2FuYXJ5", "63616e617279", "99, 97, 110, 97, 114, 121"] {
                assert!(!text.contains(trace), "{trace:?} in {place}, {given}:\n{text}");
            }
        }
    }
}

/// The console as `main` runs it, with a password that was given; then a task panics with all of that in its words,
/// as a failed `unwrap` would.
fn panics_with_a_password() {
    let set = |name: &str| std::env::var(name).ok();
    let log = set("KAFDECK_TEST_LOG").unwrap();
    let mut args = vec!["kafdeck".to_owned(), "--as".into(), "console".into(), "--log-file".into(), log.clone()];
    args.extend(set("KAFDECK_TEST_PASSWORD_FILE").into_iter().flat_map(|file| ["--password-file".to_owned(), file]));
    let cli = kafdeck::cli::parse(args.into_iter().map(Into::into).collect::<Vec<std::ffi::OsString>>()).unwrap();
    kafdeck::cmd::log_file::open(cli.global.log_file.as_deref().unwrap()).unwrap();
    let given = kafdeck::cmd::credentials::of_flags(&cli.global).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let cancel = tokio_util::sync::CancellationToken::new();
        kafdeck::task::spawn("planted", &cancel, async move {
            // As soon as the session has begun to ask.
            while fs::metadata(&log).map_or(0, |log| log.len()) == 0 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            panic!("planted beside {given:?}")
        });
        let _ = Box::pin(tokio::time::timeout(SOON, kafdeck::cmd::run(cli))).await;
    });
}

#[test]
fn a_mouse_that_was_taken_is_given_back_with_the_terminal() {
    let mut pty = child("mouse");
    assert_eq!(pty.exit_code(SOON), Some(0));
    let output = pty.output();
    let taken = format!("{TAKEN}\u{1b}[?1000h\u{1b}[?1006h");
    let restored = RESTORED.replace("\u{1b}[?2004l", "\u{1b}[?1006l\u{1b}[?1000l\u{1b}[?2004l");
    assert!(output.contains(&taken) && output.contains(&restored), "{output:?}");
    assert_eq!(pty.screen().mouse_protocol_mode(), vt100::MouseProtocolMode::None);
}

/// The other half of the tests above, in a process of its own; nothing to do when it runs as a test.
#[test]
fn the_child_of_these_tests() {
    let Some(told) = std::env::var_os(CHILD) else { return };
    hooks::install().unwrap();
    if told.to_string_lossy().starts_with("canary") {
        panics_with_a_password();
        return;
    }
    terminal::take(told == "mouse").unwrap();
    if told == "mouse" {
        terminal::restore();
        return;
    }
    if told == "thread" {
        kafdeck::task::thread("planted", || panic!("planted"));
        // The hook ends the process long before this returns.
        std::thread::park_timeout(SOON);
        return;
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let cancel = tokio_util::sync::CancellationToken::new();
        let planted = kafdeck::task::spawn("planted", &cancel, async { panic!("planted") });
        // As above.
        let _ = tokio::time::timeout(SOON, planted).await;
    });
}
