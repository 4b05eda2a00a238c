//! Actions, from a key to the change in the cluster: the whole console headless on the sandbox.

#![allow(clippy::unwrap_used, clippy::panic, reason = "an action that cannot be played is a failed test")]

#[path = "common/sandbox.rs"]
mod sandbox;

use std::{os::unix::fs::symlink, path::Path};

use k8s_openapi::{api::coordination::v1::Lease, apimachinery::pkg::apis::meta::v1::MicroTime, jiff::Timestamp};
use kafdeck::{
    app::{App, Effect, acting::Stage, keys::Key},
    domain::ids::InstallationId,
    io::journal::Journal,
    plan::{
        Params,
        catalog::{self, ActionSpec},
        journal::{Entry, Event},
        kafka::KafkaAnswer,
        run::{End, Phase},
    },
    sandbox::Script,
};
use kube::{Api, api::PostParams};
use serde_json::json;
use tempfile::TempDir;

use sandbox::{Headless, OPENED};

const WITHIN: u32 = 60;

fn spec(id: &str) -> &'static ActionSpec {
    catalog::by_id(id).unwrap()
}

/// A console on the sandbox that writes its runs down in `dir`.
fn console(dir: &Path) -> Headless {
    let mut console = Headless::open(Script { still: true, ..Script::default() }, (120, 40));
    console.session.journal_in(Journal::new(dir.join("journal.jsonl")));
    console
}

async fn until(console: &mut Headless, what: &str, holds: impl Fn(&App) -> bool) {
    let missing = |console: &Headless| if holds(console.app()) { Vec::new() } else { vec![what.to_owned()] };
    if let Err(missing) = console.until_seen(WITHIN, missing).await {
        panic!("{missing:?} after {WITHIN} s\n{}", console.screen());
    }
}

async fn ready(console: &mut Headless) {
    until(console, "topics and broker configs", |app| {
        let has_configs = app.reading().and_then(|r| r.kafka().map(|k| !k.broker_configs.is_empty()));
        app.shown.as_ref().is_some_and(|shown| !shown.topics.is_empty()) && has_configs == Some(true)
    })
    .await;
}

fn is_tried(app: &App) -> bool {
    match app.acting.as_deref().map(|acting| &acting.stage) {
        Some(Stage::Planned(planned)) => planned.preview.is_some(),
        Some(Stage::Refused(_)) => true,
        _ => false,
    }
}

async fn plan(console: &mut Headless, id: &str, params: Params) {
    console.session.drive(|app| app.act(spec(id), params));
    until(console, "a plan that was tried", is_tried).await;
}

async fn over(console: &mut Headless) -> End {
    until(console, "the end of the run", |app| app.the_run().is_some_and(|run| !run.is_under_way())).await;
    console.app().the_run().unwrap().end.clone().unwrap()
}

fn refused(app: &App) -> String {
    match app.acting.as_deref().map(|acting| &acting.stage) {
        Some(Stage::Refused(refusal)) => refusal.why.clone(),
        Some(Stage::Planned(planned)) => {
            planned.refused.clone().or_else(|| planned.preview.as_ref()?.refuses()).unwrap_or_default()
        }
        other => panic!("nothing was refused: {other:?}"),
    }
}

fn topic(name: &str, partitions: &str) -> Params {
    Params::default().with("topic", name).with("partitions", partitions).with("replication-factor", "3")
}

fn partitions_of(app: &App, name: &str) -> Option<usize> {
    app.shown.as_ref()?.topics.iter().find(|topic| topic.name == name).map(|topic| topic.partitions)
}

fn entries(dir: &Path) -> Vec<Entry> {
    Journal::new(dir.join("journal.jsonl")).entries(100).unwrap()
}

fn typed(text: &str) -> Vec<Key> {
    text.chars().map(Key::Char).collect()
}

#[tokio::test(start_paused = true)]
async fn keys_make_a_topic_which_is_seen_and_written_down() {
    let dir = TempDir::new().unwrap();
    let mut console = console(dir.path());
    ready(&mut console).await;
    console.press(&[Key::Char('a'), Key::Char('t')]);
    console.press(&typed("made-by-keys"));
    console.press(&[Key::Enter]);
    console.press(&typed("4"));
    console.press(&[Key::Enter, Key::Enter, Key::Enter, Key::Enter]);
    until(&mut console, "a plan that was tried", is_tried).await;
    let screen = console.screen();
    for words in ["Create topic made-by-keys", "it would be done", "kafka-topics.sh", "[ Cancel ]"] {
        assert!(screen.contains(words), "{words:?} in\n{screen}");
    }
    // Keys of the first moment do nothing: the dialog was not seen yet.
    console.go_to(WITHIN).await;
    console.press(&[Key::Char('Y')]);
    assert_eq!(over(&mut console).await, End::Done);
    assert_eq!(partitions_of(console.app(), "made-by-keys"), Some(4));
    let events: Vec<_> = entries(dir.path()).into_iter().map(|entry| entry.event).collect();
    assert!(
        matches!(events.as_slice(), [Event::Begin { .. }, Event::Do { .. }, Event::Done { .. }, Event::End { .. }]),
        "{events:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn enter_and_esc_cancel_and_nothing_is_done() {
    let dir = TempDir::new().unwrap();
    let mut console = console(dir.path());
    ready(&mut console).await;
    for (key, moment) in [(Key::Enter, WITHIN), (Key::Esc, 2 * WITHIN)] {
        plan(&mut console, "topic.create", topic("never", "3")).await;
        console.go_to(moment).await;
        console.press(&[key]);
        assert!(console.app().acting.is_none() && console.app().overlay.is_none());
    }
    assert!(!dir.path().join("journal.jsonl").exists());
}

#[tokio::test(start_paused = true)]
async fn without_a_journal_nothing_is_written() {
    let dir = TempDir::new().unwrap();
    symlink("/dev/full", dir.path().join("journal.jsonl")).unwrap();
    let mut console = console(dir.path());
    ready(&mut console).await;
    plan(&mut console, "topic.create", topic("never", "3")).await;
    console.session.drive(|app| app.go_ahead(None));
    let end = over(&mut console).await;
    assert!(matches!(&end, End::Refused(why) if why.contains("journal")), "{end:?}");
    assert_eq!(partitions_of(console.app(), "never"), None);
    let client = console.session.cluster().unwrap().client.clone();
    let leases: Api<Lease> = Api::namespaced(client, "shop");
    let held = leases.get("kafdeck-kafka").await.unwrap().spec.and_then(|spec| spec.holder_identity);
    assert_eq!(held, None, "the Lease was given back");
}

#[tokio::test(start_paused = true)]
async fn read_only_refuses_in_one_place_whatever_came_before() {
    let dir = TempDir::new().unwrap();
    let mut console = console(dir.path());
    ready(&mut console).await;
    plan(&mut console, "topic.create", topic("never", "3")).await;
    console.session.app.read_only = Some("--read-only says so".into());
    assert_eq!(console.session.app.go_ahead(None), Vec::<Effect>::new());
    assert_eq!(refused(console.app()), "read-only: --read-only says so");
    plan(&mut console, "topic.create", topic("never", "3")).await;
    assert_eq!(refused(console.app()), "read-only: --read-only says so");
    for spec in catalog::CATALOG {
        assert!(console.app().refuses(spec).is_some_and(|why| why.starts_with("read-only")), "{}", spec.id);
    }
}

#[tokio::test(start_paused = true)]
async fn a_plan_that_was_overtaken_is_refused_with_what_is_different() {
    let dir = TempDir::new().unwrap();
    let mut console = console(dir.path());
    ready(&mut console).await;
    plan(&mut console, "topic.create", topic("overtaken", "3")).await;
    let before = console.session.app.acting.clone();
    plan(&mut console, "topic.create", topic("overtaken", "5")).await;
    console.session.drive(|app| app.go_ahead(None));
    assert_eq!(over(&mut console).await, End::Done);
    console.session.app.acting = before;
    console.session.drive(|app| app.go_ahead(None));
    let end = over(&mut console).await;
    assert!(matches!(&end, End::Refused(why) if why.contains("changed") && why.contains('5')), "{end:?}");
    assert_eq!(partitions_of(console.app(), "overtaken"), Some(5));
}

#[tokio::test(start_paused = true)]
async fn whoever_comes_second_is_told_who_is_at_it_and_where() {
    let dir = TempDir::new().unwrap();
    let mut console = console(dir.path());
    ready(&mut console).await;
    let client = console.session.cluster().unwrap().client.clone();
    let leases: Api<Lease> = Api::namespaced(client, "shop");
    let now = MicroTime(Timestamp::from_second(console.app().now.timestamp()).unwrap());
    let lease: Lease = serde_json::from_value(json!({
        "metadata": {
            "name": "kafdeck-kafka",
            "annotations": {"kafdeck.dev/action": "brokers.roll", "kafdeck.dev/step": "2 of 3: evict pod kafka-1"},
        },
        "spec": {"holderIdentity": "bob@elsewhere (7)", "leaseDurationSeconds": 30, "renewTime": now},
    }))
    .unwrap();
    leases.create(&PostParams::default(), &lease).await.unwrap();
    plan(&mut console, "topic.create", topic("never", "3")).await;
    let why = refused(console.app());
    for words in ["bob@elsewhere", "brokers.roll", "2 of 3: evict pod kafka-1"] {
        assert!(why.contains(words), "{why}");
    }
    console.session.drive(|app| app.go_ahead(None));
    assert!(console.app().the_run().is_none() && partitions_of(console.app(), "never").is_none());
}

/// A journal that ends in the middle of the one step of a run, as `kill -9` leaves it.
fn cut_off(console: &Headless, dir: &Path) {
    let Some(Stage::Planned(planned)) = console.app().acting.as_deref().map(|acting| &acting.stage) else { panic!() };
    let plan = &planned.plan;
    let journal = Journal::new(dir.join("journal.jsonl"));
    let entry = |event| Entry {
        at: OPENED,
        run: "20261121T100000.000Z".into(),
        who: "alice@jump-1".into(),
        pid: 4_000_000,
        context: console.session.cluster().unwrap().connection.context.clone(),
        installation: InstallationId::new("shop", "kafka"),
        action: plan.action.clone(),
        event,
    };
    journal.append(&entry(Event::Begin { plan: serde_json::to_value(&**plan).unwrap() })).unwrap();
    let op = serde_json::to_value(&plan.steps[0].op).unwrap();
    journal.append(&entry(Event::Do { step: 0, op })).unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_run_that_was_cut_off_is_told_at_the_next_start_and_can_be_finished() {
    let dir = TempDir::new().unwrap();
    let mut first = console(dir.path());
    ready(&mut first).await;
    plan(&mut first, "topic.create", topic("cut-off", "3")).await;
    cut_off(&first, dir.path());
    drop(first);
    let mut second = console(dir.path());
    ready(&mut second).await;
    let told: Vec<String> = second.app().unfinished.iter().map(ToString::to_string).collect();
    assert_eq!(told, ["Create topic cut-off of shop/kafka was cut off within step 1 of 1, create topic cut-off"],);
    second.session.drive(App::resume);
    assert!(is_tried(second.app()));
    second.session.drive(|app| app.go_ahead(None));
    assert_eq!(over(&mut second).await, End::Done);
    assert_eq!(partitions_of(second.app(), "cut-off"), Some(3));
    assert_eq!(second.app().the_run().unwrap().phase, Phase::Over);
    let mut third = console(dir.path());
    ready(&mut third).await;
    assert_eq!(third.app().unfinished, []);
}

async fn done(console: &mut Headless, id: &str, params: Params) {
    plan(console, id, params).await;
    let typed = console.app().plan().and_then(|plan| plan.typed.clone());
    console.session.drive(|app| app.go_ahead(typed.as_deref()));
    assert_eq!(over(console).await, End::Done, "{id}\n{}", console.screen());
}

fn set_on(app: &App, topic: &str, config: &str) -> Option<String> {
    let reading = app.reading()?;
    let found = reading.kafka()?.configs.get(topic)?.overrides().find(|entry| entry.name == config)?;
    found.value.clone()
}

#[tokio::test(start_paused = true)]
async fn a_topic_is_made_altered_and_deleted_and_each_is_seen() {
    let dir = TempDir::new().unwrap();
    let mut console = console(dir.path());
    ready(&mut console).await;
    done(&mut console, "topic.create", topic("short-lived", "3").with("config", "retention.ms=3600000")).await;
    assert_eq!(set_on(console.app(), "short-lived", "retention.ms").as_deref(), Some("3600000"));
    let change = Params::default()
        .with("topic", "short-lived")
        .with("partitions", "5")
        .with("config", "cleanup.policy=compact")
        .with("delete-config", "retention.ms");
    done(&mut console, "topic.alter", change.clone()).await;
    assert_eq!(partitions_of(console.app(), "short-lived"), Some(5));
    assert_eq!(set_on(console.app(), "short-lived", "cleanup.policy").as_deref(), Some("compact"));
    assert_eq!(set_on(console.app(), "short-lived", "retention.ms"), None);
    plan(&mut console, "topic.alter", change).await;
    assert!(console.app().plan().unwrap().is_empty(), "what is so already is no change");
    let name = Params::default().with("topic", "short-lived");
    plan(&mut console, "topic.delete", name.clone()).await;
    console.session.drive(|app| app.go_ahead(Some("short")));
    assert_eq!(refused(console.app()), "type short-lived to go on");
    done(&mut console, "topic.delete", name).await;
    assert_eq!(partitions_of(console.app(), "short-lived"), None);
}

fn password(app: &App) -> Option<String> {
    match app.the_run()?.made.as_ref()? {
        KafkaAnswer::Password { password, .. } => Some(String::from_utf8_lossy(password.reveal()).into_owned()),
        _ => None,
    }
}

#[tokio::test(start_paused = true)]
async fn a_user_is_made_with_a_password_that_is_shown_once_and_written_nowhere_else() {
    let dir = TempDir::new().unwrap();
    let mut console = console(dir.path());
    ready(&mut console).await;
    let user = Params::default().with("user", "app").with("producer-byte-rate", "1048576");
    done(&mut console, "user.create", user.clone()).await;
    let first = password(console.app()).unwrap();
    assert!(console.screen().contains(&first), "{}", console.screen());
    let journal = std::fs::read_to_string(dir.path().join("journal.jsonl")).unwrap();
    assert!(!journal.contains(&first) && journal.contains("a password was made for app"), "{journal}");
    plan(&mut console, "user.create", user).await;
    assert_eq!(refused(console.app()), "user app is there already");
    let file = dir.path().join("password");
    let rotate = Params::default().with("user", "app").with("password-out", file.display().to_string());
    done(&mut console, "user.rotate", rotate).await;
    assert_eq!(password(console.app()), None, "what is written down is not shown");
    let second = std::fs::read_to_string(&file).unwrap();
    assert!(second.trim() != first && second.trim().len() == 32, "a new one");
    done(&mut console, "user.delete", Params::default().with("user", "app")).await;
    let users = console.app().reading().unwrap().users();
    assert!(users.iter().all(|row| row.name != "app"), "{users:?}");
}

/// Records go through librdkafka's own threads, whose time is the real one.
#[tokio::test(flavor = "multi_thread")]
async fn a_smoke_test_proves_the_tunnel_tells_what_is_unproven_and_leaves_nothing() {
    let dir = TempDir::new().unwrap();
    let mut console = console(dir.path());
    ready(&mut console).await;
    plan(&mut console, "smoke", Params::default().with("records", "20")).await;
    console.session.drive(|app| app.go_ahead(None));
    // The sandbox runs no Jobs: the path through the Service cannot be proven there.
    let end = over(&mut console).await;
    assert!(matches!(&end, End::Failed(why) if why.contains("UNPROVEN") && !why.contains("tunnel: UN")), "{end:?}");
    let run = console.app().the_run().unwrap();
    let told = run.measured.clone().unwrap();
    assert_eq!((told.sent, told.received, told.missing, told.damaged), (20, 20, 0, 0));
    let topic = run.plan.steps[0].title.replace("create topic ", "");
    until(&mut console, "the topic to be gone", |app| partitions_of(app, &topic).is_none()).await;
    assert_eq!(console.app().unfinished, [], "nothing is left to go on with");

    plan(&mut console, "smoke", Params::default().with("tunnel-only", "true")).await;
    console.session.drive(|app| app.go_ahead(None));
    assert_eq!(over(&mut console).await, End::Done);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_that_is_stopped_says_what_came_of_it_and_takes_its_topic_away() {
    let dir = TempDir::new().unwrap();
    let mut console = console(dir.path());
    ready(&mut console).await;
    plan(&mut console, "canary", Params::default().with("for", "1h").with("rate", "50")).await;
    console.session.drive(|app| app.go_ahead(None));
    until(&mut console, "a first measurement", |app| app.the_run().is_some_and(|run| run.measured.is_some())).await;
    console.session.drive(|app| app.abort("ctrl-c"));
    assert_eq!(over(&mut console).await, End::Done);
    let told = console.app().the_run().unwrap().measured.clone().unwrap();
    assert!(told.sent > 0 && told.sent < 3_600 * 50 && told.missing == 0 && told.received == told.sent, "{told:?}");
    assert!(told.max_ms.is_some());
}
