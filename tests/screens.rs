//! Every screen in every state it can be in, as text: facts go in through `App::update`, cells come out.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a screen that cannot be drawn is a failed test")]

#[path = "screens/changes.rs"]
mod changes;
#[path = "screens/cluster.rs"]
mod cluster;
#[path = "screens/measured.rs"]
mod measured;
#[path = "screens/messages.rs"]
mod messages;

use std::{
    sync::LazyLock,
    time::{Duration, Instant},
};

use chrono::TimeDelta;
use kafdeck::{
    app::{App, Effect, Msg, Place, Tab, commands, keys::Key, object_page::Told, sight::Sight},
    config::{color::Depth, theme::Theme},
    domain::{
        access::{Encryption, Login, Mechanism, Owner, SecretKey, Way, Wish},
        certificate::{Certificate, Role},
        config::Config,
        freshness::{Asked, FailureKind, SourceFailure},
        ids::BrokerId,
        installation::Listener,
        log::{LogLine, LogNews, LogState},
        object::{Event, Events},
        text::is_unprintable,
    },
    facts::KafkaBody,
    view::{self, Look},
};
use ratatui::{Terminal, backend::TestBackend, buffer::Buffer, style::Modifier};
use unicode_width::UnicodeWidthStr;

use cluster::{Cluster, noon, press};

/// How a screen is drawn: in colour with all glyphs, or with neither.
type Ink = &'static LazyLock<Look>;

static IN_COLOR: LazyLock<Look> = LazyLock::new(Look::default);
static IN_MONO_ASCII: LazyLock<Look> = LazyLock::new(|| Look::new(&Theme::built_in("default"), Depth::None, true));

const COLOR: Ink = &IN_COLOR;
const MONO_ASCII: Ink = &IN_MONO_ASCII;

fn draw(app: &App, look: Ink, columns: u16, rows: u16) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
    terminal.draw(|frame| _ = view::render(app, look, frame)).unwrap();
    terminal.backend().buffer().clone()
}

/// The screen as text, without blanks at the ends of lines.
fn screen(app: &App, look: Ink, columns: u16, rows: u16) -> String {
    let buffer = draw(app, look, columns, rows);
    let mut text = String::new();
    for row in buffer.content.chunks(usize::from(columns)) {
        // The right half of a wide character is a cell of its own.
        let mut covered = 0;
        let cells = row.iter().filter(|cell| {
            let is_covered = covered > 0;
            covered = if is_covered { covered - 1 } else { cell.symbol().width().saturating_sub(1) };
            !is_covered
        });
        let line: String = cells.map(ratatui::buffer::Cell::symbol).collect();
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn char(c: char) -> Key {
    Key::Char(c)
}

/// An App after some keys.
fn after(mut app: App, keys: &[Key]) -> App {
    press(&mut app, keys);
    app
}

/// Lines of a log at so many seconds after noon.
fn lines(texts: &[(i64, &str)]) -> LogNews {
    let line = |(n, text): &(i64, &str)| LogLine { at: Some(noon() + TimeDelta::seconds(*n)), text: (*text).into() };
    LogNews::Lines(texts.iter().map(line).collect())
}

/// Tells an App what logs brought.
fn logged(app: &mut App, news: Vec<(usize, LogNews)>) {
    for (source, news) in news {
        app.update(Msg::Log(source, news), noon());
    }
}

/// An App that follows three pods' logs.
fn logs() -> App {
    let mut app = after(Cluster::crash_looping().app(), &[char('L')]);
    let long = format!(
        "[2026-11-20 12:04:33,001] WARN [RaftManager id=0] {} (org.apache.kafka.raft)",
        "Connection to node 1 could not be established. ".repeat(3)
    );
    let reading = || LogNews::State(LogState::Reading);
    logged(
        &mut app,
        vec![
            (0, reading()),
            (1, reading()),
            (2, reading()),
            (2, lines(&[(2, &long)])),
            (0, lines(&[(0, "[2026-11-20 12:04:31,118] INFO [GroupCoordinator id=0] Stabilized group orders-app")])),
            (
                1,
                lines(&[
                    (1, "[2026-11-20 12:04:32,407] ERROR Exiting Kafka due to fatal exception (kafka.Kafka$)"),
                    (1, "java.io.IOException: No space left on device\tat \u{202e}\u{1b}[31msun.nio"),
                    (1, "[2026-11-20 12:04:32,409] DEBUG a word"),
                ]),
            ),
            (1, LogNews::Notice("the container started again".to_owned())),
        ],
    );
    app
}

/// The same with a search, dropped lines, a pod that does not answer and one that has ended, looked at further up.
fn troubled_logs() -> App {
    let mut app = after(logs(), &[char('/'), char('k'), char('a'), char('f'), char('k'), char('a'), Key::Enter]);
    let many: Vec<String> = (0..40).map(|n| format!("[x] INFO kafka line {n} of Kafka")).collect();
    let many: Vec<(i64, &str)> = many.iter().zip(3..).map(|(text, at)| (at, text.as_str())).collect();
    let why = "Cannot read the log of messaging/kafka-cluster-1 (kafka): no connection.".to_owned();
    logged(
        &mut app,
        vec![
            (0, lines(&many)),
            (0, LogNews::Dropped(1_234)),
            (1, LogNews::State(LogState::Waiting(why))),
            (2, LogNews::State(LogState::Ended(Some("pods/log is forbidden".to_owned())))),
        ],
    );
    after(app, &[char('k'), char('k'), char('t')])
}

/// The number of the question that the App just asked.
fn asked(app: &mut App, key: char) -> u64 {
    let effects = app.update(Msg::Key(char(key)), app.now);
    let [Effect::Read(inquiry)] = effects.as_slice() else { panic!("{effects:?}") };
    inquiry.id
}

/// A pod as YAML, with what text from outside may hold.
fn yaml() -> Told {
    let text = "apiVersion: v1\nkind: Pod\nmetadata:\n  labels:\n    app: \"\\u202Ekafka\"\n  name: kafka-cluster-1\nspec:\n  \
                containers:\n  - command:\n    - sh\n    - -ec\n    - |\n      exec kafka-server-start.sh \
                /tmp/server.properties --override log.dirs=/var/lib/kafka/data/logs\n    env:\n";
    let variable = |n: i32| format!("    - name: VARIABLE_{n}\n      value: '***'\n");
    Told::Yaml(text.to_owned() + &(0..13).map(variable).collect::<String>())
}

/// Events about a pod, the newest last.
fn happened() -> Told {
    let event = |ago: i64, kind: &str, reason: &str, count: u32, message: &str, source: &str| Event {
        at: Some(noon() - TimeDelta::seconds(ago)),
        kind: kind.into(),
        reason: reason.into(),
        count,
        message: message.into(),
        source: source.into(),
    };
    let back_off = "Back-off restarting failed container kafka in pod kafka-cluster-1_messaging(5a4d0b0e-0000-4000)";
    let newest = vec![
        event(
            3_000,
            "Normal",
            "Scheduled",
            1,
            "Successfully assigned messaging/kafka-cluster-1 to node-2",
            "default-scheduler",
        ),
        event(2_990, "Normal", "Started", 7, "Started container kafka", "kubelet"),
        event(40, "Warning", "BackOff", 31, back_off, "kubelet"),
        event(4, "Warning", "Unhealthy", 2, "probe said \u{1b}[31mno\u{202e}", ""),
    ];
    Told::Events(Events { newest, left_out: 3 })
}

fn refused() -> SourceFailure {
    SourceFailure {
        kind: FailureKind::Forbidden,
        what: "Cannot list events about Pod messaging/kafka-cluster-1: events is forbidden: User \"eve\" cannot list \
               resource \"events\" in API group \"\" in the namespace \"messaging\"."
            .into(),
        hint: Some("Ask for verb list on events in namespace messaging.".into()),
    }
}

/// An App whose page about a broker's pod got this answer.
fn page(key: char, answer: Result<Told, SourceFailure>) -> App {
    let mut app = after(Cluster::crash_looping().app(), &[self::char('3')]);
    let id = asked(&mut app, key);
    app.update(Msg::Read { id, answer }, noon());
    app
}

/// Every state with its name.
fn states() -> Vec<(&'static str, App)> {
    let healthy = || Cluster::healthy().app();
    let bad = || Cluster::crash_looping().app();
    let hostile = || Cluster::hostile().app();
    let mut many = Cluster::healthy();
    many.topics = (0..400).map(|i| cluster::topic(&format!("topic-{i:04}"), 3, false)).collect();
    let mut all = vec![
        ("started", App::new(None, (80, 24), noon())),
        ("connected", cluster::connected()),
        ("healthy", healthy()),
        ("bad", bad()),
        ("hostile", hostile()),
        ("forbidden", cluster::forbidden()),
        ("pods_lost", cluster::pods_lost()),
        ("empty", cluster::empty()),
        ("link_down", cluster::link_down()),
        ("stale", cluster::stale()),
        ("several", cluster::several()),
        ("logs", logs()),
        ("logs_wrapped", after(logs(), &[char('W'), char('t')])),
        ("logs_filtered", after(logs(), &[char('/'), char('z')])),
        ("logs_troubled", troubled_logs()),
        ("logs_pods", after(logs(), &[char('o')])),
        ("logs_save", after(logs(), &[char('S')])),
        ("messages_opened", messages::opened()),
        ("messages", messages::mixed()),
        ("messages_forbidden", messages::forbidden()),
        ("messages_record", after(messages::mixed(), &[Key::Up, Key::Up, Key::Enter])),
        ("many", many.app()),
        ("many_end", after(many.app(), &[char('5'), char('G')])),
        ("paused", after(healthy(), &[char('p')])),
        ("leave", after(healthy(), &[Key::Esc])),
        ("hostile_topic", after(hostile(), &[char('5'), char('G'), Key::Enter])),
        ("hostile_filter", after(hostile(), &[char('5'), char('/'), char('x'), char('q')])),
        ("hostile_palette", after(hostile(), &[char(':'), char('e')])),
        ("pane_topics", after(bad(), &[Key::Tab, Key::Tab, Key::Tab])),
        ("reading", after(bad(), &[char('3'), char('y')])),
        ("yaml", page('y', Ok(yaml()))),
        ("events", page('e', Ok(happened()))),
        ("events_refused", page('e', Err(refused()))),
        ("group", after(bad(), &[char('6'), Key::Enter])),
        ("timeline", after(changes::restarted(), &[char('0')])),
        ("timeline_hostile", after(changes::hostile(), &[char('0')])),
        ("timeline_hostile_open", after(changes::hostile(), &[char('0'), Key::Enter])),
    ];
    for tab in '1'..='7' {
        for (name, app) in [("healthy_tab", healthy as fn() -> App), ("bad_tab", bad), ("hostile_tab", hostile)] {
            let app = app();
            all.push((name, after(app, &[char(tab)])));
        }
        for key in ['?', 'w', 'a', ':', '/', 's'] {
            all.push(("bad_overlay", after(bad(), &[char(tab), char(key)])));
        }
        all.push(("hostile_open", after(hostile(), &[char(tab), Key::Enter])));
    }
    all
}

macro_rules! snapshot {
    ($name:literal, $app:expr, $columns:literal, $rows:literal) => {
        insta::assert_snapshot!($name, screen(&$app, COLOR, $columns, $rows));
    };
}

#[test]
fn overview_healthy() {
    let app = Cluster::healthy().app();
    snapshot!("overview_healthy_80x24", app, 80, 24);
    snapshot!("overview_healthy_120x40", app, 120, 40);
    snapshot!("overview_healthy_200x50", app, 200, 50);
    snapshot!("overview_healthy_50x12", app, 50, 12);
}

#[test]
fn overview_bad() {
    let app = Cluster::crash_looping().app();
    snapshot!("overview_bad_80x24", app, 80, 24);
    snapshot!("overview_bad_120x40", app, 120, 40);
    snapshot!("overview_bad_50x12", app, 50, 12);
    insta::assert_snapshot!("overview_bad_80x24_mono_ascii", screen(&app, MONO_ASCII, 80, 24));
    let topics = after(app, &[Key::Tab, Key::Tab, Key::Tab]);
    snapshot!("overview_bad_topics_80x24", topics, 80, 24);
}

#[test]
fn what_cannot_be_seen_is_said() {
    snapshot!("forbidden_80x24", cluster::forbidden(), 80, 24);
    snapshot!("pods_lost_80x24", cluster::pods_lost(), 80, 24);
    snapshot!("pods_lost_120x40", cluster::pods_lost(), 120, 40);
    snapshot!("empty_80x24", cluster::empty(), 80, 24);
    snapshot!("link_down_80x24", cluster::link_down(), 80, 24);
    snapshot!("stale_80x24", cluster::stale(), 80, 24);
    snapshot!("stale_topics_80x24", after(cluster::stale(), &[char('5')]), 80, 24);
    snapshot!("started_80x24", App::new(None, (80, 24), noon()), 80, 24);
    snapshot!("several_80x24", cluster::several(), 80, 24);
    snapshot!("paused_80x24", after(Cluster::healthy().app(), &[char('p'), char('3')]), 80, 24);
}

#[test]
fn other_keymaps_show_their_own_keys() {
    let mut app = Cluster::crash_looping().app();
    app.keymap = commands::keymap("vim");
    let typed = after(app, &[char('4'), char('g')]);
    let begun = screen(&typed, COLOR, 80, 24);
    assert_eq!(begun.lines().last(), Some(" g…   g first   t next pane   T previous pane"), "{begun}");
    snapshot!("help_vim_80x24", after(typed, &[char('x'), char('?'), char('G')]), 80, 24);
    let mut app = Cluster::crash_looping().app();
    app.keymap = commands::keymap("k9s");
    let k9s = screen(&after(app, &[char('3')]), MONO_ASCII, 80, 24);
    assert!(k9s.contains("l logs") && k9s.contains("enter open"), "{k9s}");
}

#[test]
fn nothing_is_called_well_that_cannot_be_seen() {
    let crash_looping = || Cluster::crash_looping().app();
    let apps: [fn() -> App; 6] =
        [cluster::forbidden, cluster::pods_lost, cluster::link_down, cluster::stale, crash_looping, cluster::empty];
    for app in apps.map(|app| Box::new(app())) {
        for (columns, rows) in [(50, 12), (80, 24), (120, 40)] {
            let text = screen(&app, COLOR, columns, rows);
            assert!(!text.contains("● OK") && !text.contains("Nothing is wrong"), "{text}");
        }
    }
    assert!(screen(&Cluster::healthy().app(), COLOR, 80, 24).contains("● OK"));
}

#[test]
fn the_cursor_is_seen_without_colour_and_only_where_the_focus_is() {
    let app = after(Cluster::healthy().app(), &[Key::Tab, Key::Down]);
    let drawn = draw(&app, MONO_ASCII, 80, 24);
    let is_reversed = |row: &&[ratatui::buffer::Cell]| row[5].modifier.contains(Modifier::REVERSED);
    let rows: Vec<_> = drawn.content.chunks(80).filter(is_reversed).collect();
    assert_eq!(rows.len(), 1);
    let text: String = rows[0].iter().map(ratatui::buffer::Cell::symbol).collect();
    assert!(text.contains("kafka-cluster-1"), "{text}");
}

#[test]
fn a_long_list_says_where_the_cursor_is() {
    let mut cluster = Cluster::healthy();
    cluster.topics = (0..400).map(|i| cluster::topic(&format!("topic-{i:04}"), 3, false)).collect();
    let app = after(cluster.app(), &[char('5'), char('G')]);
    snapshot!("many_topics_80x24", app, 80, 24);
}

#[test]
fn names_from_outside() {
    let app = Cluster::hostile().app();
    snapshot!("overview_hostile_80x24", app, 80, 24);
    snapshot!("topics_hostile_80x24", after(app, &[char('5')]), 80, 24);
}

#[test]
fn tabs() {
    let bad = || Cluster::crash_looping().app();
    snapshot!("diagnosis_120x40", after(bad(), &[char('2')]), 120, 40);
    snapshot!("diagnosis_80x24", after(bad(), &[char('2'), Key::Down]), 80, 24);
    snapshot!("brokers_80x24", after(bad(), &[char('3')]), 80, 24);
    snapshot!("brokers_120x40", after(bad(), &[char('3')]), 120, 40);
    snapshot!("storage_80x24", after(bad(), &[char('4')]), 80, 24);
    snapshot!("topics_80x24", after(bad(), &[char('5'), char('s')]), 80, 24);
    snapshot!("groups_80x24", after(bad(), &[char('6')]), 80, 24);
    snapshot!("alerts_120x40", after(bad(), &[char('7')]), 120, 40);
    snapshot!("connect_80x24", after(cluster::connect(), &[char('9')]), 80, 24);
    snapshot!("connect_200x50", after(cluster::connect(), &[char('9')]), 200, 50);
    snapshot!("connector_80x24", after(cluster::connect(), &[char('9'), Key::Enter]), 80, 24);
    snapshot!("connect_none_80x24", after(bad(), &[char('9')]), 80, 24);
    snapshot!("connect_silent_80x24", after(cluster::connect_silent(), &[char('9')]), 80, 24);
    snapshot!("partitions_80x24", after(bad(), &[char('5'), Key::Enter]), 80, 24);
    snapshot!("group_80x24", after(bad(), &[char('6'), Key::Enter]), 80, 24);
    snapshot!("filter_80x24", after(bad(), &[char('5'), char('/'), char('o'), char('r')]), 80, 24);
    snapshot!("filtered_80x24", after(bad(), &[char('5'), char('/'), char('o'), char('r'), Key::Enter]), 80, 24);
}

#[test]
fn the_timeline() {
    let bad = || after(changes::restarted(), &[char('0')]);
    snapshot!("timeline_80x24", bad(), 80, 24);
    snapshot!("timeline_120x40", after(bad(), &[Key::Down]), 120, 40);
    let last = after(bad(), &[char('G'), Key::Enter]);
    snapshot!("timeline_open_80x24", last, 80, 24);
    snapshot!("timeline_refused_80x24", after(changes::without_events(), &[char('0')]), 80, 24);
    let filter: Vec<Key> = "broker !isr".chars().map(char).collect();
    snapshot!("timeline_filtered_80x24", after(after(after(bad(), &[char('/')]), &filter), &[Key::Enter]), 80, 24);
}

#[test]
fn a_change_leads_to_what_it_is_about() {
    let opened = |words: &str| {
        let mut app = after(changes::restarted(), &[char('0'), char('/')]);
        press(&mut app, &words.chars().map(char).collect::<Vec<_>>());
        let app = after(app, &[Key::Enter, char('g'), Key::Enter]);
        (app.place.clone(), app.selected().map(str::to_owned), app.overlay.is_some())
    };
    assert_eq!(opened("left ISR"), (Place::Tab(Tab::Brokers), Some("1".to_owned()), false));
    assert_eq!(opened("readiness"), (Place::Tab(Tab::Brokers), Some("1".to_owned()), false));
    assert_eq!(opened("kind:topic").0, Place::Topic("invoices".to_owned()));
    let (place, _, is_page) = opened("statefulset");
    assert_eq!((place, is_page), (Place::Tab(Tab::Timeline), true), "there is no other page about it");
}

#[test]
fn users() {
    let strimzi = || cluster::strimzi("orders-app", "legacy");
    snapshot!("users_80x24", after(strimzi(), &[char('8')]), 80, 24);
    snapshot!("users_120x40", after(strimzi(), &[char('8'), char('G')]), 120, 40);
    snapshot!("users_200x50", after(strimzi(), &[char('8')]), 200, 50);
    let filter =
        |text: &str| [&[char('8'), char('/')][..], &text.chars().map(char).collect::<Vec<_>>(), &[Key::Enter]].concat();
    let legacy = [filter("user:legacy"), vec![Key::Enter]].concat();
    snapshot!("user_80x24", after(strimzi(), &legacy), 80, 24);
    let declared = [filter("user:analytics"), vec![Key::Enter]].concat();
    snapshot!("user_declared_80x24", after(strimzi(), &declared), 80, 24);
    snapshot!("users_no_authorizer_80x24", after(cluster::without_authorizer(), &[char('8')]), 80, 24);
    snapshot!("users_unseen_80x24", after(cluster::users_unseen(), &[char('8')]), 80, 24);
    snapshot!("users_waiting_80x24", after(Cluster::healthy().app(), &[char('8')]), 80, 24);
    let hostile = cluster::strimzi("\u{1b}[2Japp\u{202e}", "\u{1b}]52;c;QQ==\u{7}stray");
    snapshot!("users_hostile_80x24", after(hostile, &[char('8')]), 80, 24);
}

#[test]
fn the_log_view() {
    snapshot!("logs_80x24", logs(), 80, 24);
    snapshot!("logs_200x50", logs(), 200, 50);
    snapshot!("logs_wrapped_80x24", after(logs(), &[char('W'), char('t')]), 80, 24);
    snapshot!("logs_troubled_80x24", troubled_logs(), 80, 24);
    snapshot!("logs_troubled_200x50", troubled_logs(), 200, 50);
    snapshot!("logs_bad_grep_80x24", after(logs(), &[char('/'), char('E'), char('R'), char('(')]), 80, 24);
    snapshot!("logs_pods_80x24", after(logs(), &[char('o'), Key::Down, char(' ')]), 80, 24);
    snapshot!("logs_save_80x24", after(logs(), &[char('S')]), 80, 24);
    snapshot!("logs_previous_80x24", after(logs(), &[char('P')]), 80, 24);
    snapshot!("logs_empty_80x24", after(logs(), &[char('[')]), 80, 24);
}

#[test]
fn overlays() {
    let bad = || Cluster::crash_looping().app();
    snapshot!("help_80x24", after(bad(), &[char('?')]), 80, 24);
    snapshot!("what_80x24", after(cluster::stale(), &[char('w')]), 80, 24);
    snapshot!("what_groups_80x24", after(bad(), &[char('6'), char('w')]), 80, 24);
    snapshot!("what_brokers_200x50", after(bad(), &[char('3'), char('w')]), 200, 50);
    snapshot!("palette_80x24", after(bad(), &[char(':'), char('l'), char('o')]), 80, 24);
    snapshot!("actions_80x24", after(bad(), &[char('3'), char('a'), Key::Down]), 80, 24);
    snapshot!("finding_80x24", after(bad(), &[char('2'), Key::Enter]), 80, 24);
    snapshot!("finding_120x40", after(bad(), &[char('2'), Key::Enter]), 120, 40);
    snapshot!("broker_80x24", after(bad(), &[char('3'), Key::Enter]), 80, 24);
    snapshot!("leave_80x24", after(bad(), &[Key::Esc]), 80, 24);
}

#[test]
fn brokers_that_tell_metrics_and_volumes_that_fill() {
    let app = measured::app;
    snapshot!("measured_brokers_200x50", after(app(), &[char('3')]), 200, 50);
    snapshot!("measured_brokers_120x40", after(app(), &[char('3')]), 120, 40);
    snapshot!("measured_broker_120x40", after(app(), &[char('3'), Key::Enter]), 120, 40);
    snapshot!("measured_stale_120x40", after(app(), &[char('3'), char('j'), Key::Enter]), 120, 40);
    snapshot!("measured_unknown_120x40", after(app(), &[char('3'), char('G'), Key::Enter]), 120, 40);
    snapshot!("measured_storage_80x24", after(app(), &[char('4')]), 80, 24);
    snapshot!("measured_storage_120x40", after(app(), &[char('4')]), 120, 40);
    snapshot!("measured_claim_120x40", after(app(), &[char('4'), Key::Enter]), 120, 40);
    snapshot!("measured_failed_120x40", after(app(), &[char('4'), char('G'), Key::Enter]), 120, 40);
    snapshot!("measured_sources_80x24", after(app(), &[char('w')]), 80, 24);
}

#[test]
fn the_quorum_and_configs() {
    snapshot!("quorum_200x50", after(Cluster::healthy().app(), &[char('3')]), 200, 50);
    snapshot!("quorum_lost_80x24", after(cluster::leaderless(), &[char('3')]), 80, 24);
    snapshot!("broker_120x40", after(Cluster::healthy().app(), &[char('3'), Key::Enter]), 120, 40);
    snapshot!("configs_80x24", cluster::configs(), 80, 24);
    snapshot!("configs_120x40", cluster::configs(), 120, 40);
    snapshot!(
        "config_80x24",
        after(cluster::configs(), &[char('/'), char('m'), char('i'), char('n'), Key::Enter, Key::Enter]),
        80,
        24
    );
    let asked = || after(Cluster::healthy().app(), &[char('5'), Key::Enter, char('C')]);
    snapshot!("configs_asked_80x24", asked(), 80, 24);
    let mut refused = asked();
    let failure = SourceFailure {
        kind: FailureKind::Forbidden,
        what: "Asking the brokers for topic configs failed: forbidden.".into(),
        hint: Some("Grant DescribeConfigs on the topics to the user that is connected.".into()),
    };
    refused.update(Msg::Configs { id: 1, answer: Err(failure) }, refused.now);
    snapshot!("configs_refused_80x24", refused, 80, 24);
}

#[test]
fn configs_are_left_to_where_they_were_opened_and_an_answer_to_another_question_is_not_taken() {
    let mut app = after(Cluster::healthy().app(), &[char('5'), Key::Enter]);
    let topic = app.place.clone();
    press(&mut app, &[char('C')]);
    let stale = Msg::Configs { id: 99, answer: Ok(vec![Config::default()]) };
    app.update(stale, app.now);
    assert!(app.shown.as_ref().unwrap().configs.is_empty());
    let effects = app.update(Msg::Key(char('r')), app.now);
    assert!(matches!(&effects[..], [Effect::Refresh, Effect::AskConfigs(_, asked)] if asked.id == 2), "{effects:?}");
    press(&mut app, &[Key::Esc]);
    assert_eq!(app.place, topic);
    let app = after(Cluster::healthy().app(), &[char('6'), char('C')]);
    assert_eq!(app.notice.as_deref(), Some("only brokers and topics have configs"));
}

#[test]
fn pages_about_an_object() {
    let mut reading = after(Cluster::crash_looping().app(), &[char('3')]);
    asked(&mut reading, 'y');
    snapshot!("object_reading_80x24", reading, 80, 24);
    let mut read = page('y', Ok(yaml()));
    read.update(Msg::Tick, noon() + TimeDelta::seconds(4));
    snapshot!("object_yaml_80x24", read, 80, 24);
    snapshot!("object_events_80x24", page('e', Ok(happened())), 80, 24);
    snapshot!("object_events_120x40", page('e', Ok(happened())), 120, 40);
    snapshot!("object_events_none_80x24", page('e', Ok(Told::Events(Events::default()))), 80, 24);
    snapshot!("object_refused_80x24", page('e', Err(refused())), 80, 24);
}

#[test]
fn a_failure_is_said_and_what_was_read_before_it_stays_with_its_age() {
    let mut app = page('y', Ok(yaml()));
    let later = noon() + TimeDelta::seconds(9);
    app.update(Msg::Tick, later);
    let id = asked(&mut app, 'r');
    assert!(screen(&app, COLOR, 80, 24).contains("read 9s ago, reading again…"));
    app.update(Msg::Read { id, answer: Err(refused()) }, later);
    let text = screen(&app, COLOR, 80, 24);
    assert!(text.contains("Ask for verb list on events") && text.contains("kind: Pod"), "{text}");
    assert!(text.contains("read 9s ago from the API server"), "{text}");
}

#[test]
fn an_answer_is_taken_by_the_page_that_asked_for_it_alone() {
    let mut app = after(Cluster::crash_looping().app(), &[char('3')]);
    let (first, second) = (asked(&mut app, 'y'), asked(&mut app, 'r'));
    app.update(Msg::Read { id: first, answer: Ok(yaml()) }, noon());
    assert!(!screen(&app, COLOR, 80, 24).contains("kind: Pod"), "it was asked again");
    press(&mut app, &[Key::Esc]);
    app.update(Msg::Read { id: second, answer: Ok(yaml()) }, noon());
    assert!(app.overlay.is_none(), "it was closed");
    let other = asked(&mut app, 'e');
    app.update(Msg::Read { id: second, answer: Ok(yaml()) }, noon());
    app.update(Msg::Read { id: other, answer: Ok(happened()) }, noon());
    assert!(screen(&app, COLOR, 80, 24).contains("BackOff"));
}

#[test]
fn every_row_leads_to_its_object_or_says_why_there_is_none() {
    let object = |keys: &[Key]| {
        let mut app = after(Cluster::crash_looping().app(), keys);
        let effects = app.update(Msg::Key(char('y')), app.now);
        match effects.as_slice() {
            [Effect::Read(inquiry)] => inquiry.object.to_string(),
            _ => app.notice.unwrap_or_default(),
        }
    };
    let topic = "a topic is no Kubernetes object here";
    for (keys, expected) in [
        (vec![char('3')], "Pod messaging/kafka-cluster-1"),
        (vec![char('4')], "PersistentVolumeClaim messaging/data-kafka-cluster-0"),
        (vec![char('7')], "PrometheusRule messaging/kafka-rules"),
        (vec![char('5')], topic),
        (vec![char('5'), Key::Enter], topic),
        (vec![char('6')], "a group is no Kubernetes object"),
        (vec![char('L')], "there is no list here"),
        (vec![Key::Tab], "Pod messaging/kafka-cluster-1"),
        (vec![char('2'), char('G')], "StatefulSet messaging/kafka-cluster"),
        (vec![char('2')], "Pod messaging/kafka-cluster-1"),
        (vec![char('0')], "Pod messaging/kafka-cluster-1"),
    ] {
        assert_eq!(object(&keys), expected, "{keys:?}");
    }
    let healthy = &mut Cluster::healthy().app();
    let effects = healthy.update(Msg::Key(char('e')), noon());
    assert!(
        matches!(effects.as_slice(), [Effect::Read(i)] if i.object.to_string() == "StatefulSet messaging/kafka-cluster")
    );
}

#[test]
fn a_page_about_an_object_copies_whole() {
    let copied = |mut app: App| {
        let effects = app.update(Msg::Key(char('c')), app.now);
        let [Effect::Copy(text)] = effects.as_slice() else { panic!("{effects:?}") };
        text.clone()
    };
    let Told::Yaml(text) = yaml() else { panic!() };
    assert_eq!(copied(page('y', Ok(yaml()))), text);
    insta::assert_snapshot!("copied_events", copied(page('e', Ok(happened()))));
}

/// Draws the App and tells it what was in sight, as the console does.
fn seen(app: &mut App, columns: u16, rows: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
    let mut sight = Sight::default();
    terminal.draw(|frame| sight = view::render(app, COLOR, frame)).unwrap();
    app.update(Msg::Drawn(sight), app.now);
    screen(app, COLOR, columns, rows)
}

#[test]
fn a_page_that_is_longer_than_the_screen_is_moved_to_its_end_and_no_further() {
    let mut app = after(cluster::stale(), &[char('w')]);
    assert!(seen(&mut app, 80, 24).contains("1-19 of 32 lines"));
    press(&mut app, &[char('j')]);
    assert!(seen(&mut app, 80, 24).contains("2-20 of 32 lines"));
    press(&mut app, &[Key::PageDown, Key::PageDown, Key::Down]);
    snapshot!("what_end_80x24", app, 80, 24);
    press(&mut app, &[char('k')]);
    assert!(seen(&mut app, 80, 24).contains("13-31 of 32 lines"), "no key was lost beyond the end");
    app.update(Msg::Wheel(-3), app.now);
    assert!(seen(&mut app, 80, 24).contains("10-28 of 32 lines"));
    press(&mut app, &[char('G')]);
    assert!(!seen(&mut app, 80, 40).contains("of 32 lines"), "on a taller screen all of it is seen");
    press(&mut app, &[char('g'), Key::Esc, char('w')]);
    assert!(seen(&mut app, 80, 24).contains("1-19 of 32 lines"));
}

#[test]
fn the_wheel_moves_what_has_the_focus_and_nothing_below_a_dialog() {
    let mut app = after(Cluster::crash_looping().app(), &[char('5')]);
    let first = app.selected().map(str::to_owned);
    app.update(Msg::Wheel(1), app.now);
    let second = app.selected().map(str::to_owned);
    assert_ne!(first, second);
    let mut app = after(Cluster::crash_looping().app(), &[char('5'), char('a')]);
    app.update(Msg::Wheel(1), app.now);
    assert_eq!(app.selected().map(str::to_owned), first);
}

#[test]
fn a_key_that_a_dialog_ignores_is_seen() {
    let frame = |app: &App| {
        let drawn = draw(app, COLOR, 80, 24);
        drawn.content.iter().find(|c| c.symbol() == "┌").map(|c| c.modifier.contains(Modifier::REVERSED))
    };
    let mut app = after(Cluster::healthy().app(), &[Key::Esc]);
    assert_eq!(frame(&app), Some(false));
    press(&mut app, &[char('y')]);
    assert_eq!(frame(&app), Some(true));
    app.update(Msg::Tick, noon() + TimeDelta::seconds(1));
    assert_eq!(frame(&app), Some(false));
}

#[test]
fn a_term_that_is_left_out_is_said_while_it_is_typed_and_after() {
    let keys: Vec<Key> = "/or partz>3".chars().map(char).collect();
    let mut app = after(Cluster::crash_looping().app(), &[char('5')]);
    press(&mut app, &keys);
    snapshot!("filter_left_out_120x40", app, 120, 40);
    press(&mut app, &[Key::Enter]);
    assert!(screen(&app, COLOR, 120, 40).contains("no column partz: did you mean parts?"));
}

#[test]
fn a_row_copies_as_its_name_and_a_finding_with_all_that_belongs_to_it() {
    let copied = |keys: &[Key]| {
        let mut app = after(Cluster::crash_looping().app(), keys);
        let effects = app.update(Msg::Key(char('c')), app.now);
        let [Effect::Copy(text)] = effects.as_slice() else { panic!("{effects:?}") };
        text.clone()
    };
    assert_eq!(copied(&[char('3')]), "kafka-cluster-1");
    assert_eq!(copied(&[char('5'), Key::Enter, char('j')]).rsplit_once('-').map(|(topic, _)| topic.to_owned()), {
        let app = after(Cluster::crash_looping().app(), &[char('5')]);
        app.selected().map(str::to_owned)
    });
    insta::assert_snapshot!("copied_finding", copied(&[char('2')]));
    insta::assert_snapshot!("copied_broker", copied(&[char('3'), Key::Enter]));
    insta::assert_snapshot!("copied_sources", copied(&[char('w')]));
}

#[test]
fn nothing_from_outside_reaches_the_terminal_as_a_control() {
    for (name, app) in states() {
        for (columns, rows) in [(80, 24), (120, 40), (40, 10)] {
            for cell in &draw(&app, COLOR, columns, rows).content {
                assert!(!cell.symbol().chars().any(is_unprintable), "{name}: {:?}", cell.symbol());
            }
            for cell in &draw(&app, MONO_ASCII, columns, rows).content {
                assert!(cell.symbol().is_ascii(), "{name}: {:?} is not ASCII", cell.symbol());
            }
        }
    }
}

#[test]
fn every_state_can_be_drawn_at_every_size() {
    for (name, app) in states() {
        for (columns, rows) in (1..=220).step_by(27).flat_map(|c| (1..=60).step_by(11).map(move |r| (c, r))) {
            let drawn = draw(&app, COLOR, columns, rows);
            assert_eq!(drawn.area.width, columns, "{name}");
        }
        for (columns, rows) in [(1, 1), (2, 2), (3, 1), (1, 60), (5, 3), (59, 15), (60, 14), (110, 29), (109, 30)] {
            draw(&app, COLOR, columns, rows);
        }
    }
}

/// Keys that lead to every place, and keys that open everything there.
fn places_and_overlays() -> Vec<(Vec<Key>, Option<Key>)> {
    let tabs = ['1', '2', '3', '4', '5', '6', '7', '8', '9', '0', 'L'].map(|key| vec![char(key)]);
    let opened = ['5', '6'].map(|tab| vec![char(tab), Key::Enter]).into_iter().chain([vec![char('5'), char('m')]]);
    let keys = ['?', 'w', ':', '/', 'a', 'q', 'x', 'K'].map(|key| Some(char(key)));
    let overlays: Vec<_> = keys.into_iter().chain([None, Some(Key::Enter)]).collect();
    let places = tabs.into_iter().chain(opened);
    places.flat_map(|place| overlays.iter().map(move |key| (place.clone(), *key)).collect::<Vec<_>>()).collect()
}

#[test]
fn the_verdict_is_whole_in_every_place_and_beside_every_overlay_at_every_size() {
    let sizes = [(20, 5), (33, 7), (40, 10), (59, 14), (60, 15), (80, 24), (300, 5), (20, 80), (120, 14), (120, 40)];
    let large = [(200, 50), (300, 80)];
    let mut cut = Vec::new();
    for (place, overlay) in places_and_overlays() {
        let apps: [(fn() -> App, _); 4] = [
            (|| Cluster::crash_looping().app(), [&sizes[..], &large].concat()),
            (|| Cluster::healthy().app(), sizes.to_vec()),
            (cluster::pods_lost, sizes.to_vec()),
            (cluster::link_down, sizes.to_vec()),
        ];
        for (app, sizes) in apps {
            let app = after(after(app(), &place), overlay.as_slice());
            let word = app.shown.as_ref().unwrap().judgement.verdict.to_string();
            for (columns, rows) in sizes {
                let text = screen(&app, COLOR, columns, rows);
                if !text.lines().take(2).any(|line| line.contains(&word)) {
                    cut.push(format!("{word} at {columns}×{rows}, {place:?}, {overlay:?}:\n{text}"));
                }
            }
        }
    }
    let some: String = cut.iter().step_by(cut.len() / 8 + 1).map(String::as_str).collect();
    assert!(cut.is_empty(), "{} screens without the whole verdict, such as {some}", cut.len());
}

#[test]
fn below_the_least_size_the_overview_says_what_is_missing() {
    let states: [fn() -> App; 3] = [|| Cluster::healthy().app(), || Cluster::crash_looping().app(), cluster::pods_lost];
    for app in states {
        let app = app();
        for (columns, rows) in [(59, 14), (59, 24), (80, 14), (40, 10), (33, 7)] {
            let text = screen(&app, COLOR, columns, rows);
            let has_pane = text.lines().skip(3).any(|line| line.contains("Storage"));
            assert!(text.contains("needs 60×15") && !has_pane, "{columns}×{rows}:\n{text}");
        }
        assert!(!screen(&app, COLOR, 60, 15).contains("needs 60×15"));
    }
}

#[test]
fn without_colour_no_cell_has_one() {
    use ratatui::style::Color;
    for (name, app) in states() {
        let drawn = draw(&app, MONO_ASCII, 80, 24);
        assert!(drawn.content.iter().all(|c| c.fg == Color::Reset && c.bg == Color::Reset), "{name}");
    }
}

#[test]
fn a_frame_costs_what_is_in_sight() {
    let mut cluster = Cluster::healthy();
    let time = |topics: usize, cluster: &mut Cluster| {
        cluster.topics = (0..topics).map(|i| cluster::topic(&format!("topic-{i:05}"), 1, false)).collect();
        let app = after(cluster.app(), &[char('5')]);
        draw(&app, COLOR, 200, 50);
        let mut best = Duration::MAX;
        for _ in 0..10 {
            #[expect(clippy::disallowed_methods, reason = "it is time itself that is measured")]
            let start = Instant::now();
            draw(&app, COLOR, 200, 50);
            best = best.min(start.elapsed());
        }
        best
    };
    let (few, many) = (time(100, &mut cluster), time(10_000, &mut cluster));
    println!("100 topics: {few:?}, 10,000 topics: {many:?}");
    assert!(many < few * 4 + Duration::from_millis(5), "100 topics take {few:?}, 10,000 take {many:?}");
}

/// A way in through the listener `tls`, as this user.
fn way(user: &str, owner: Owner) -> Way {
    let secret =
        |name: &str, key: &str| SecretKey { namespace: "messaging".into(), name: name.into(), key: key.into() };
    let login = Login::Sasl {
        mechanism: Mechanism::ScramSha512,
        user: user.into(),
        password: secret(user, "password").into(),
        nth: None,
    };
    let encryption = Some(Encryption { trust: vec![secret("kafka-cluster-cluster-ca-cert", "ca.crt").into()] });
    Way { listener: "tls".into(), port: 9093, encryption, login: Some(login), owner }
}

/// A healthy cluster behind a listener that asks for a login, with what is known of whom it lets in.
fn guarded(ways: Vec<Way>) -> App {
    let mut app = Cluster::healthy().app();
    let listener = |name: &str, port: u16, protocol: &str, how: &str| Listener {
        name: name.into(),
        port,
        protocol: Some(protocol.into()),
        authentication: Some(how.into()),
        internal: true,
    };
    let of = &mut app.found[0].installation;
    of.listeners = vec![listener("tls", 9093, "SASL_SSL", "scram-sha-512"), listener("mutual", 9095, "SSL", "tls")];
    of.ways = ways;
    app.ask_for(Wish::default());
    app.update(Msg::Tick, app.now);
    app
}

/// Certificates of that way, which expire so many days from now: the authority's, broker 1's, and the other brokers'.
fn with_certificates(mut app: App, authority: i64, broker: i64) -> App {
    let kept =
        SecretKey { namespace: "messaging".into(), name: "kafka-cluster-cluster-ca-cert".into(), key: "ca.crt".into() };
    let now = app.now;
    let certificate = |role, kept, subject: &str, days| Certificate {
        role,
        kept,
        subject: format!("CN={subject},O=io.strimzi"),
        issuer: "CN=cluster-ca v0,O=io.strimzi".into(),
        not_before: now - TimeDelta::days(400),
        not_after: now + TimeDelta::days(days),
    };
    for id in 0..3 {
        let certificates = vec![
            certificate(Role::Broker, None, "kafka-cluster-kafka", if id == 1 { broker } else { 200 }),
            certificate(Role::Authority, Some(kept.clone().into()), "cluster-ca v0", authority),
        ];
        let body = KafkaBody::Certificates { broker: BrokerId(id), certificates };
        app.update(Msg::Facts(vec![cluster::kafka(Asked::Contact, Some(id), now, body)]), now);
    }
    app
}

#[test]
fn certificates_near_their_end_are_noted_where_the_way_and_the_broker_are_shown() {
    let opened = |authority, broker| {
        let app = guarded(vec![way("console", Owner::Console)]);
        after(with_certificates(app, authority, broker), &[char('K')])
    };
    insta::assert_snapshot!("ways_expiring_80x24", screen(&opened(300, 12), COLOR, 80, 24));
    insta::assert_snapshot!("ways_expiring_200x50", screen(&opened(-3, 12), COLOR, 200, 50));
    let calm = screen(&opened(300, 190), COLOR, 120, 40);
    assert!(calm.contains("broker 1's certificate") || calm.contains("Broker 1's certificate"), "{calm}");
    assert!(calm.contains("(in 190d)"), "{calm}");
    let app = with_certificates(guarded(vec![way("console", Owner::Console)]), 300, 12);
    let page = screen(&after(app, &[char('3'), Key::Down, Key::Enter]), COLOR, 120, 40);
    assert!(page.contains("(in 12d), signed by CN=cluster-ca v0,O=io.strimzi"), "{page}");
    assert!(page.contains("kafka-cluster-cluster-ca-cert key ca.crt"), "{page}");
}

#[test]
fn ways_in() {
    let all = || {
        vec![way("console", Owner::Console), way("orders-app", Owner::Application), way("root", Owner::Administrator)]
    };
    let opened = || after(guarded(all()), &[char('K'), Key::Down]);
    insta::assert_snapshot!("ways_80x24", screen(&opened(), COLOR, 80, 24));
    insta::assert_snapshot!("ways_200x50", screen(&opened(), COLOR, 200, 50));
    insta::assert_snapshot!("borrow_80x24", screen(&after(opened(), &[Key::Enter]), COLOR, 80, 24));
    let closed = guarded(all().split_off(1));
    insta::assert_snapshot!("closed_80x24", screen(&closed, COLOR, 80, 24));
    let mut borrowed = after(opened(), &[Key::Enter]);
    borrowed.update(Msg::Key(char('y')), borrowed.now + TimeDelta::seconds(1));
    for (columns, rows) in [(80, 24), (60, 15), (50, 10), (200, 50)] {
        let text = screen(&borrowed, COLOR, columns, rows);
        assert!(
            text.contains("as orders-app (application)"),
            "whose credential is used is said at {columns}x{rows}:\n{text}"
        );
    }
    for (columns, rows) in [(20, 5), (40, 10), (1, 1)] {
        screen(&opened(), MONO_ASCII, columns, rows);
    }
}
