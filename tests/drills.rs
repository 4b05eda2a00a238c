//! Drills: the whole console headless on the sandbox, from the incident to the cure.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a drill that cannot be played is a failed test")]
#![allow(clippy::print_stdout, reason = "how long a drill took is worth knowing")]

#[path = "common/sandbox.rs"]
mod sandbox;

use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod};
use kafdeck::{
    app::{App, keys::Key},
    domain::lag::{GroupVerdict, LagTimeSource},
    drill::{self, Cure, Drill, Expect},
    sandbox::{Deed, Script, Step},
};
use kube::{
    Api,
    api::{DeleteParams, Patch, PatchParams},
};
use serde_json::json;

use sandbox::Headless;

/// Everything that is expected and not seen, in words; the screen's own words come last.
fn missing(app: &App, screen: &str, expect: &Expect) -> Vec<String> {
    let Some(shown) = &app.shown else { return vec!["nothing is shown".to_owned()] };
    let summary = &shown.summary;
    let mut missing = Vec::new();
    let mut see = |is_so: bool, what: String| {
        if !is_so {
            missing.push(what);
        }
    };
    if let Some(verdict) = &expect.verdict {
        let now = shown.judgement.verdict.to_string();
        see(now == *verdict, format!("verdict {verdict}, not {now}"));
    }
    if let Some(top) = &expect.top {
        let now = shown.findings.first().map(|f| f.id);
        see(now == Some(&**top), format!("first finding {top}, not {now:?}"));
    }
    if let Some(ready) = expect.ready {
        see(summary.brokers.ready == Some(ready), format!("{ready} brokers ready, not {:?}", summary.brokers.ready));
    }
    if let Some(least) = expect.under_replicated {
        let now = summary.partitions.as_ref().map(|p| p.under_replicated);
        see(now.is_some_and(|n| n >= least), format!("{least} under-replicated, not {now:?}"));
    }
    if let Some(least) = expect.offline {
        let now = summary.partitions.as_ref().map(|p| p.offline);
        see(now.is_some_and(|n| n >= least), format!("{least} offline, not {now:?}"));
    }
    if let Some(least) = expect.disk_percent {
        let now = summary.storage.used_percent_max;
        see(now.is_some_and(|n| n >= least), format!("a disk at {least} %, not {now:?}"));
    }
    for words in &expect.says {
        see(screen.contains(words), format!("the words {words:?}"));
    }
    for words in &expect.never_says {
        see(!screen.contains(words), format!("no {words:?}"));
    }
    missing
}

async fn see(console: &mut Headless, expect: &Expect) -> f64 {
    let seen = console.until_seen(expect.within, |console| missing(console.app(), &console.screen(), expect)).await;
    seen.unwrap_or_else(|missing| {
        panic!("after {} s there is not yet: {missing:#?}\n{}", expect.within, console.screen())
    })
}

async fn cure(console: &Headless, cure: &Cure) {
    let client = console.session.cluster().unwrap().client.clone();
    match cure {
        Cure::DeletePod(pod) => {
            let pods: Api<Pod> = Api::namespaced(client, "shop");
            pods.delete(pod, &DeleteParams::default()).await.unwrap();
        }
        Cure::ExpandClaim { claim, to } => {
            let claims: Api<PersistentVolumeClaim> = Api::namespaced(client, "shop");
            let size = json!({"spec": {"resources": {"requests": {"storage": to}}}});
            claims.patch(claim, &PatchParams::default(), &Patch::Merge(size)).await.unwrap();
        }
        Cure::Wait => {}
    }
}

/// Plays a drill to its end.
async fn play(name: &str) {
    let drill: Drill = drill::load(name).unwrap();
    let mut console = Headless::open(Script::parse(drill::text_of(name).unwrap()).unwrap(), (120, 40));
    let healthy = Expect { verdict: Some("OK".to_owned()), ready: Some(3), ..Expect::nothing_within(6) };
    let first = see(&mut console, &healthy).await;
    let seen = see(&mut console, &drill.expect).await;
    cure(&console, &drill.cure).await;
    let cured = see(&mut console, &drill.cured).await;
    println!("{name}: all there after {first:.1} s, seen after {seen:.1} s, cured after {cured:.1} s");
}

#[tokio::test(start_paused = true)]
async fn a_full_disk_is_seen_with_its_broker_and_is_over_when_the_claim_has_grown() {
    play("disk-full").await;
}

#[tokio::test(start_paused = true)]
async fn a_frozen_broker_is_named_though_its_pod_is_ready_and_another_pod_cures_it() {
    play("broker-frozen").await;
}

#[tokio::test(start_paused = true)]
async fn two_brokers_down_leave_partitions_offline_and_nothing_is_claimed_of_what_nobody_can_see() {
    play("two-down").await;
}

/// Goes on until the screen holds these words.
async fn read(console: &mut Headless, words: &[&str]) {
    let missing = |console: &Headless| {
        let screen = console.screen();
        words.iter().filter(|w| !screen.contains(**w)).map(|w| (*w).to_owned()).collect()
    };
    let seen = console.until_seen(60, missing).await;
    seen.unwrap_or_else(|missing| panic!("{missing:?} is missing\n{}", console.screen()));
}

#[tokio::test(start_paused = true)]
async fn a_broker_s_pod_and_its_claim_are_read_as_yaml_and_what_happened_to_them_as_events() {
    let script = Script::parse(drill::text_of("disk-full").unwrap()).unwrap();
    let mut console = Headless::open(script, (120, 40));
    read(&mut console, &["● OK"]).await;
    console.press(&[Key::Char('3'), Key::Char('y')]);
    assert!(console.screen().contains("reading…"), "{}", console.screen());
    read(&mut console, &["Pod shop/kafka-0", "kind: Pod", "from the API server"]).await;
    assert!(!console.screen().contains("managedFields"));
    console.press(&[Key::Esc, Key::Char('e')]);
    read(&mut console, &["No events: the API server keeps them for an hour."]).await;
    console.press(&[Key::Esc, Key::Char('4'), Key::Char('y')]);
    read(&mut console, &["kind: PersistentVolumeClaim"]).await;
    console.press(&[Key::Esc, Key::Char('7'), Key::Char('y')]);
    read(&mut console, &["kind: PrometheusRule"]).await;
    console.press(&[Key::Esc, Key::Char('3')]);
    read(&mut console, &["CrashLoopBackOff", "1 exit 1"]).await;
    // The broker that is not ready is the first.
    console.press(&[Key::Char('g'), Key::Char('e')]);
    read(&mut console, &["Events about Pod shop/kafka-1", "BackOff", "Started", "Pulled"]).await;
    let screen = console.screen();
    let line = |word: &str| screen.lines().position(|line| line.contains(word));
    assert!(line("  Started") < line("  BackOff"), "the newest is last: {screen}");
    // What the page shows is of one moment: `r` reads it again, and the answer of a page that was closed is dropped.
    cure(&console, &Cure::ExpandClaim { claim: "datadir-kafka-1".to_owned(), to: "4Gi".to_owned() }).await;
    console.press(&[Key::Esc, Key::Char('4'), Key::Char('j'), Key::Char('e'), Key::Esc]);
    read(&mut console, &["● OK"]).await;
    assert!(!console.screen().contains("Events about"));
    console.press(&[Key::Char('/'), Key::Char('-'), Key::Char('1'), Key::Enter, Key::Char('e'), Key::Char('r')]);
    read(&mut console, &["FileSystemResizeSuccessful"]).await;
}

#[tokio::test(start_paused = true)]
async fn the_events_of_an_installation_are_those_of_its_owner() {
    let mut console = Headless::open(Script::demo(), (80, 24));
    console.go_to(150).await;
    console.press(&[Key::Char('e')]);
    read(&mut console, &["Events about StatefulSet shop/kafka", "delete Pod kafka-2 in", "create Pod kafka-2 in"])
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_roll_is_no_fault_and_every_figure_comes_back() {
    let mut console = Headless::open(Script::demo(), (120, 40));
    console.go_to(88).await;
    let ok = Expect { verdict: Some("OK".to_owned()), ready: Some(3), ..Expect::nothing_within(300) };
    assert_eq!(missing(console.app(), &console.screen(), &ok), Vec::<String>::new());
    let down = Expect { ready: Some(2), under_replicated: Some(1), ..Expect::nothing_within(20) };
    see(&mut console, &down).await;
    console.go_to(200).await;
    see(&mut console, &ok).await;
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_is_restarted_is_told_with_its_pod_its_leaders_and_its_isr() {
    let crash = Step { at: 20, deed: Deed::Crash { broker: 1, code: 137 } };
    let heal = Step { at: 40, deed: Deed::Heal { broker: 1 } };
    let script = Script { steps: vec![crash, heal], ..Script::default() };
    let mut console = Headless::open(script, (160, 48));
    read(&mut console, &["● OK"]).await;
    console.press(&[Key::Char('0')]);
    // What was before it looked: pods tell when they were created, and what ended then is not told.
    read(&mut console, &["Timeline", "pod kafka-1", "created on"]).await;
    assert!(!console.screen().contains("left the ISR"));
    let told = ["container kafka-broker ended", "exit code 137", "▲ left the ISR of", " leaders: "];
    read(&mut console, &told).await;
    read(&mut console, &["joined the ISR of", "BackOff"]).await;
    let shown = console.app().shown.as_ref().unwrap();
    // It ends again and again: the first time is the last of the list.
    let at = |words: &str| shown.timeline.iter().rfind(|entry| entry.text.contains(words)).map(|entry| entry.at);
    let times = [at("exit code 137"), at("broker 1 left the ISR"), at("broker 1 joined the ISR")];
    assert!(times.iter().all(Option::is_some) && times.is_sorted(), "{times:?}");
    let bundled = shown.timeline.iter().filter(|entry| entry.text.contains("lost")).count();
    assert_eq!(bundled, 1, "{:#?}", shown.timeline);
    // The same by name; and from a line to what it is about.
    console.press(&[Key::Char('/')]);
    console.press(&"kind:isr joined".chars().map(Key::Char).collect::<Vec<_>>());
    console.press(&[Key::Enter, Key::Char('g'), Key::Enter]);
    read(&mut console, &["━ Brokers", "kafka-1"]).await;
    assert_eq!(console.app().selected(), Some("1"));
}

#[tokio::test(start_paused = true)]
async fn a_task_that_fails_is_the_first_row_with_its_cause_until_somebody_starts_it_again() {
    let mut console = Headless::open(Script::demo(), (120, 40));
    console.press(&[Key::Char('9')]);
    let all = ["3 connectors", "shop/connect: workers 2/2 answer", "version 4.1.2", "warehouse-jdbc", "2/2"];
    read(&mut console, &all).await;
    console.go_to(60).await;
    // The lag of a sink is its group's.
    let lag = |console: &Headless| {
        let shown = console.app().shown.as_ref().unwrap();
        let sink = shown.connectors.iter().find(|c| c.name == "warehouse-jdbc").unwrap();
        (sink.lag, shown.groups.iter().find(|g| g.id == "warehouse").unwrap().lag)
    };
    let (of_sink, of_group) = lag(&console);
    assert!(of_sink.is_some() && of_sink == of_group, "{of_sink:?} {of_group:?}");
    console.go_to(242).await;
    read(&mut console, &["1 failed", "▲ 1/2 tasks failed", "1/2", "ConnectException: Connection to"]).await;
    console.press(&[Key::Char('g'), Key::Enter]);
    let page = [
        "Connector warehouse-jdbc",
        "1 FAILED on connect-6d5f7c9b84-",
        "0 RUNNING on connect-6d5f7c9b84-",
        "its workers name",
    ];
    read(&mut console, &page).await;
    console.press(&[Key::Char('G')]);
    read(&mut console, &["Caused by: java.net.ConnectException: Connection to warehouse-db:5432 refused"]).await;
    assert!(!console.screen().contains("CRM_PASSWORD"));
    console.press(&[Key::Esc]);
    console.go_to(332).await;
    read(&mut console, &["2/2", "RUNNING"]).await;
    assert!(!console.screen().contains("failed"), "{}", console.screen());
}

#[tokio::test(start_paused = true)]
async fn a_worker_whose_pod_is_replaced_is_asked_again() {
    let mut console = Headless::open(Script { still: true, ..Script::default() }, (120, 40));
    console.press(&[Key::Char('9')]);
    read(&mut console, &["workers 2/2 answer"]).await;
    let client = console.session.cluster().unwrap().client.clone();
    let pods: Api<Pod> = Api::namespaced(client, "shop");
    pods.delete("connect-6d5f7c9b84-4tq2x", &DeleteParams::default()).await.unwrap();
    console.go_to(40).await;
    read(&mut console, &["workers 2/2 answer", "audit-archive"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_group_that_falls_behind_is_told_in_records_in_time_and_with_where_it_goes() {
    let mut console = Headless::open(Script::demo(), (200, 50));
    // What waits was written before anybody looked: its own time tells.
    console.go_to(8).await;
    let early = console.app().shown.as_ref().unwrap().groups.iter().find(|g| g.id == "search-indexer").unwrap();
    assert_eq!(early.lag_time_source, Some(LagTimeSource::Record), "{early:#?}");
    assert!(early.lag_seconds.is_some_and(|seconds| (10..=120).contains(&seconds)), "{early:#?}");
    // Long enough that the end of the log was seen to pass what the group has read.
    console.go_to(130).await;
    let app = console.app();
    let shown = app.shown.as_ref().unwrap();
    let group = |id: &str| shown.groups.iter().find(|g| g.id == id).unwrap();
    let behind = group("search-indexer");
    let seconds = behind.lag_seconds.unwrap_or_else(|| panic!("{behind:#?}"));
    assert!((10..=120).contains(&seconds) && !behind.lag_seconds_at_least, "{behind:#?}");
    assert_eq!(behind.lag_time_source, Some(LagTimeSource::History));
    // What waits was written in that time, at about that rate.
    let written = behind.rate_in.unwrap() * seconds as f64;
    let lag = behind.lag.unwrap() as f64;
    assert!((0.6..1.6).contains(&(written / lag)), "{behind:#?}");
    assert!(behind.rate_out.unwrap() > 100.0 && behind.trend.iter().flatten().count() >= 6, "{behind:#?}");
    let caught_up = group("billing");
    assert_eq!(caught_up.verdict, Some(GroupVerdict::Ok), "{caught_up:#?}");
    assert!(caught_up.lag_seconds.is_some_and(|seconds| seconds < 15), "{caught_up:#?}");
    assert_eq!(group("nightly-report").verdict, Some(GroupVerdict::Empty));
    let consumers = group("fraud-detection");
    assert_eq!((consumers.members, consumers.epochs.map(|e| e.group)), (Some(4), Some(1)), "{consumers:#?}");
    assert!(shown.summary.groups.lag_seconds_max >= Some(seconds));
    console.press(&[Key::Char('6')]);
    let screen = console.screen();
    assert!(screen.contains("LAG TIME") && screen.contains("VERDICT") && screen.contains("search-indexer"), "{screen}");
    let line = screen.lines().find(|line| line.contains("search-indexer")).unwrap();
    assert!(line.chars().any(|c| ('▁'..='█').contains(&c)), "{line}");
}
