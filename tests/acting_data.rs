//! Actions on data, from what they are told to the change: offsets, leaders, moves, volumes and connectors on the sandbox.

#![allow(clippy::unwrap_used, clippy::panic, reason = "an action that cannot be played is a failed test")]

#[path = "common/sandbox.rs"]
mod sandbox;

use std::path::Path;

use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use kafdeck::{
    app::{App, acting::Stage},
    domain::ids::BrokerId,
    io::journal::Journal,
    plan::{Params, Plan, catalog, errand::Preview, run::End},
    sandbox::{Deed, Script, Step},
};
use kube::Api;
use tempfile::TempDir;

use sandbox::Headless;

const WITHIN: u32 = 120;

/// A console on a sandbox in which nothing moves, that writes its runs down in `dir`.
fn console_on(dir: &Path, steps: Vec<Step>) -> Headless {
    let mut console = Headless::open(Script { still: true, steps, ..Script::default() }, (120, 40));
    console.session.journal_in(Journal::new(dir.join("journal.jsonl")));
    console
}

fn console(dir: &Path) -> Headless {
    console_on(dir, Vec::new())
}

async fn until(console: &mut Headless, what: &str, holds: impl Fn(&App) -> bool) {
    let missing = |console: &Headless| if holds(console.app()) { Vec::new() } else { vec![what.to_owned()] };
    if let Err(missing) = console.until_seen(WITHIN, missing).await {
        panic!("{missing:?} after {WITHIN} s\n{}", console.screen());
    }
}

async fn ready(console: &mut Headless) {
    until(console, "everything that actions need", |app| {
        let kafka = app.reading().and_then(|reading| reading.kafka());
        let is_told = kafka.is_some_and(|k| {
            let dirs = k.log_dirs.len() == 3 && k.broker_configs.len() == 3 && !k.configs.is_empty();
            dirs && k.moves.is_some() && k.groups.len() == 6 && k.commits.len() == 6
        });
        let shown = app.shown.as_ref();
        is_told && shown.is_some_and(|shown| shown.connectors.len() == 3 && shown.storage.len() == 3)
    })
    .await;
}

async fn plan(console: &mut Headless, id: &str, pairs: &[(&str, &str)]) {
    let params = pairs.iter().fold(Params::default(), |params, (name, value)| params.with(name, *value));
    let spec = catalog::by_id(id).unwrap();
    console.session.drive(|app| app.act(spec, params));
    until(console, "a plan that was tried, or none", |app| match app.acting.as_deref().map(|acting| &acting.stage) {
        Some(Stage::Planned(planned)) => planned.preview.is_some(),
        Some(Stage::Refused(_)) => true,
        _ => false,
    })
    .await;
}

fn the_plan(console: &Headless) -> Plan {
    match console.app().acting.as_deref().map(|acting| &acting.stage) {
        Some(Stage::Planned(planned)) => {
            assert_eq!(planned.preview.as_ref().and_then(Preview::refuses), None);
            Plan::clone(&planned.plan)
        }
        other => panic!("there is no plan: {other:?}"),
    }
}

fn refused(console: &Headless) -> String {
    match console.app().acting.as_deref().map(|acting| &acting.stage) {
        Some(Stage::Refused(refusal)) => refusal.why.clone(),
        other => panic!("nothing was refused: {other:?}"),
    }
}

async fn go(console: &mut Headless) -> End {
    let typed = the_plan(console).typed;
    console.session.drive(|app| app.go_ahead(typed.as_deref()));
    until(console, "the end of the run", |app| app.the_run().is_some_and(|run| !run.is_under_way())).await;
    console.app().the_run().unwrap().end.clone().unwrap()
}

async fn act(console: &mut Headless, id: &str, pairs: &[(&str, &str)]) -> Plan {
    plan(console, id, pairs).await;
    let plan = the_plan(console);
    assert_eq!(go(console).await, End::Done, "{}", console.screen());
    plan
}

fn committed(app: &App, group: &str) -> Vec<i64> {
    let rows = app.reading().unwrap().group_partitions(group);
    rows.iter().filter_map(|row| row.committed).collect()
}

fn lag(app: &App, group: &str) -> Option<i64> {
    app.reading()?.groups().into_iter().find(|row| row.id == group)?.lag
}

#[tokio::test(start_paused = true)]
async fn offsets_of_a_quiet_group_go_where_they_are_told_and_what_is_skipped_has_to_be_typed() {
    let dir = TempDir::new().unwrap();
    let mut console = console(dir.path());
    ready(&mut console).await;
    plan(&mut console, "offsets.reset", &[("group", "billing"), ("to", "earliest")]).await;
    let why = refused(&console);
    assert!(why.starts_with("group billing is live, with 3 members: billing-0 at 10.42.0."), "{why}");
    let before = committed(console.app(), "nightly-report");
    let back = act(&mut console, "offsets.reset", &[("group", "nightly-report"), ("to", "by=-10")]).await;
    assert_eq!(back.typed, None);
    let after = committed(console.app(), "nightly-report");
    assert_eq!(after, before.iter().map(|offset| offset - 10).collect::<Vec<_>>());
    assert_eq!(back.details.last().map(String::as_str), Some("in all 120 records are read again, 0 are skipped"));
    plan(&mut console, "offsets.reset", &[("group", "nightly-report"), ("to", "latest")]).await;
    assert_eq!(the_plan(&console).typed.as_deref(), Some("nightly-report"));
    console.session.drive(|app| app.go_ahead(None));
    assert!(console.app().the_run().is_none(), "it was not typed");
    assert_eq!(go(&mut console).await, End::Done);
    assert_eq!(lag(console.app(), "nightly-report"), Some(0));
    plan(&mut console, "offsets.reset", &[("group", "nightly-report"), ("to", "latest")]).await;
    assert!(the_plan(&console).is_empty());
    plan(&mut console, "offsets.reset", &[("group", "nobody"), ("to", "latest")]).await;
    assert_eq!(refused(&console), "there is no group nobody");
    let begun =
        act(&mut console, "offsets.reset", &[("group", "nobody"), ("to", "earliest"), ("topic", "shipments")]).await;
    assert_eq!((begun.details.len(), committed(console.app(), "nobody").len()), (7, 6));
}

fn led_by(app: &App, topic: &str) -> Vec<i32> {
    let rows = app.reading().unwrap().partitions(topic);
    rows.iter().filter_map(|row| row.leader).map(|id| id.0).collect()
}

#[tokio::test(start_paused = true)]
async fn leadership_goes_back_to_those_that_should_have_it_once_they_are_in_sync() {
    let dir = TempDir::new().unwrap();
    let steps = vec![
        Step { at: 10, deed: Deed::Crash { broker: 1, code: 1 } },
        Step { at: 40, deed: Deed::Heal { broker: 1 } },
    ];
    let mut console = console_on(dir.path(), steps);
    ready(&mut console).await;
    plan(&mut console, "leaders.elect", &[]).await;
    assert!(the_plan(&console).is_empty());
    let healthy = led_by(console.app(), "orders");
    console.go_to(35).await;
    plan(&mut console, "leaders.elect", &[]).await;
    let while_down = the_plan(&console);
    assert!(while_down.is_empty() && while_down.warnings[0].contains("not in sync"), "{:?}", while_down.warnings);
    until(&mut console, "all in sync", |app| {
        let counts = app.reading().and_then(|reading| reading.partition_counts());
        app.reading().is_some_and(|reading| reading.now > sandbox::OPENED + chrono::TimeDelta::seconds(60))
            && counts.is_some_and(|counts| counts.under_replicated == 0)
    })
    .await;
    assert!(led_by(console.app(), "orders").iter().all(|id| *id != 1));
    act(&mut console, "leaders.elect", &[("topic", "orders")]).await;
    assert_eq!(led_by(console.app(), "orders"), healthy);
    let plan = act(&mut console, "leaders.elect", &[]).await;
    assert!(plan.details[1].starts_with("broker 1 leads 4 → "), "{:?}", plan.details);
}

fn replicas_on(app: &App, topic: &str, broker: i32) -> usize {
    let rows = app.reading().unwrap().partitions(topic);
    rows.iter().filter(|row| row.replicas.contains(&BrokerId(broker))).count()
}

#[tokio::test(start_paused = true)]
async fn a_broker_is_drained_of_a_topic_as_fast_as_it_is_told_and_no_throttle_stays() {
    let dir = TempDir::new().unwrap();
    let mut console = console(dir.path());
    ready(&mut console).await;
    plan(&mut console, "broker.drain", &[("broker", "0")]).await;
    let why = refused(&console);
    assert!(why.contains("has 3 replicas, and only 2 brokers could hold them without 0"), "{why}");
    let drained = replicas_on(console.app(), "clicks", 0);
    assert!(drained > 0);
    let pairs = [("broker", "0"), ("topic", "clicks"), ("throttle", "20Mi")];
    let plan = act(&mut console, "broker.drain", &pairs).await;
    assert_eq!(
        plan.steps.len(),
        3 + 1 + 1 + 3 + 1 + 1,
        "{:?}",
        plan.steps.iter().map(|s| &s.title).collect::<Vec<_>>()
    );
    assert!(plan.details[0].contains("at 20 MiB/s for each broker"), "{:?}", plan.details);
    assert_eq!(replicas_on(console.app(), "clicks", 0), 0);
    assert_eq!(replicas_on(console.app(), "clicks", 1) + replicas_on(console.app(), "clicks", 2), 48);
    plan_is_empty(&mut console, "reassignment.throttle", &[("off", "true")]).await;
    plan_is_empty(&mut console, "broker.drain", &pairs).await;
    plan_is_empty(&mut console, "reassignment.cancel", &[]).await;
    plan_is_refused(&mut console, "reassignment.throttle", &[("rate", "1Mi")], "no partition is being moved").await;
}

async fn plan_is_empty(console: &mut Headless, id: &str, pairs: &[(&str, &str)]) {
    plan(console, id, pairs).await;
    assert!(the_plan(console).is_empty(), "{id}");
}

async fn plan_is_refused(console: &mut Headless, id: &str, pairs: &[(&str, &str)], why: &str) {
    plan(console, id, pairs).await;
    assert_eq!(refused(console), why, "{id}");
}

#[tokio::test(start_paused = true)]
async fn moves_under_way_are_seen_slowed_down_and_cancelled() {
    let dir = TempDir::new().unwrap();
    let mut console = console(dir.path());
    ready(&mut console).await;
    let before: Vec<_> =
        console.app().reading().unwrap().partitions("clicks").into_iter().map(|p| p.replicas).collect();
    plan(&mut console, "broker.drain", &[("broker", "0"), ("topic", "clicks")]).await;
    console.session.drive(|app| app.go_ahead(None));
    until(&mut console, "moves", |app| {
        let counts = app.reading().and_then(|reading| reading.partition_counts());
        counts.is_some_and(|counts| counts.reassigning.is_some_and(|moving| moving > 0))
    })
    .await;
    let counts = console.app().reading().unwrap().partition_counts().unwrap();
    assert_eq!(counts.under_replicated, 0, "what is being added is not missing");
    let moving = console.app().reading().unwrap().partitions("clicks").into_iter().find(|p| !p.adding.is_empty());
    assert_eq!(moving.map(|p| p.removing), Some(vec![BrokerId(0)]));
    console.session.drive(|app| app.abort("it was aborted"));
    console.session.app.acting = None;
    plan(&mut console, "broker.drain", &[("broker", "0"), ("topic", "clicks")]).await;
    assert!(refused(&console).contains("being moved already"), "{}", refused(&console));
    act(&mut console, "reassignment.throttle", &[("rate", "1Mi")]).await;
    act(&mut console, "reassignment.cancel", &[]).await;
    let after: Vec<_> = console.app().reading().unwrap().partitions("clicks").into_iter().map(|p| p.replicas).collect();
    assert_eq!(after, before);
    let plan = act(&mut console, "reassignment.throttle", &[("off", "true")]).await;
    assert!(plan.sentence.starts_with("No partition is being moved"), "{}", plan.sentence);
    plan_is_empty(&mut console, "reassignment.throttle", &[("off", "true")]).await;
}

#[tokio::test(start_paused = true)]
async fn a_claim_grows_and_never_shrinks() {
    let dir = TempDir::new().unwrap();
    let mut console = console(dir.path());
    ready(&mut console).await;
    let claim = "datadir-kafka-1";
    let why = "claim datadir-kafka-1 has 2 GiB, and a volume can only grow";
    plan_is_refused(&mut console, "pvc.expand", &[("claim", claim), ("size", "1Gi")], why).await;
    plan_is_empty(&mut console, "pvc.expand", &[("claim", claim), ("size", "2048Mi")]).await;
    plan_is_refused(&mut console, "pvc.expand", &[("claim", "x"), ("size", "9Gi")], "no broker mounts a claim x").await;
    let plan = act(&mut console, "pvc.expand", &[("claim", claim), ("size", "3Gi")]).await;
    assert!(plan.warnings.iter().any(|mind| mind.contains("volumeClaimTemplates")), "{:?}", plan.warnings);
    let claims: Api<PersistentVolumeClaim> = Api::namespaced(console.session.cluster().unwrap().client.clone(), "shop");
    let found = claims.get(claim).await.unwrap().status.unwrap().capacity.unwrap();
    assert_eq!(found["storage"].0, "3Gi");
}

fn connector(app: &App, name: &str) -> (String, Vec<String>) {
    let rows = app.reading().unwrap().connectors(&[]);
    let row = rows.into_iter().find(|row| row.name == name).unwrap();
    (row.state.unwrap(), row.tasks.into_iter().map(|task| task.state).collect())
}

#[tokio::test(start_paused = true)]
async fn a_connector_is_paused_goes_on_and_what_has_failed_of_it_is_started_again() {
    let dir = TempDir::new().unwrap();
    let steps = vec![Step { at: 60, deed: Deed::FailTask { connector: "warehouse-jdbc".into(), task: 1 } }];
    let mut console = console_on(dir.path(), steps);
    ready(&mut console).await;
    let name = ("connector", "warehouse-jdbc");
    plan_is_refused(&mut console, "connector.pause", &[("connector", "x")], "the workers tell of no connector x").await;
    plan_is_empty(&mut console, "connector.restart", &[name]).await;
    act(&mut console, "connector.pause", &[name]).await;
    assert_eq!(connector(console.app(), "warehouse-jdbc"), ("PAUSED".into(), vec!["PAUSED".to_owned(); 2]));
    plan_is_empty(&mut console, "connector.pause", &[name]).await;
    let all = [name, ("tasks", "all")];
    plan_is_refused(&mut console, "connector.restart", &all, "connector warehouse-jdbc is PAUSED").await;
    act(&mut console, "connector.resume", &[name]).await;
    until(&mut console, "a failed task", |app| connector(app, "warehouse-jdbc").1.iter().any(|s| s == "FAILED")).await;
    let plan = act(&mut console, "connector.restart", &[name]).await;
    assert!(plan.details.iter().any(|line| line.contains("warehouse-db:5432 refused")), "{:?}", plan.details);
    assert_eq!(connector(console.app(), "warehouse-jdbc"), ("RUNNING".into(), vec!["RUNNING".to_owned(); 2]));
    act(&mut console, "connector.restart", &all).await;
}
