//! Restarts and rolls on the sandbox: the whole console headless, from the plan to the last broker back in sync.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a roll that cannot be played is a failed test")]

#[path = "common/sandbox.rs"]
mod sandbox;

use std::{collections::BTreeMap, path::Path};

use kafdeck::{
    app::{App, acting::Stage},
    domain::ids::BrokerId,
    drill,
    io::journal::Journal,
    plan::{
        Params, catalog,
        errand::Unfinished,
        journal::{self, Entry},
        run::{End, Phase},
    },
    sandbox::Script,
};
use sandbox::Headless;
use tempfile::TempDir;

const WITHIN: u32 = 900;

fn open(script: Script, dir: &Path) -> Headless {
    let mut console = Headless::open(script, (120, 40));
    console.session.journal_in(Journal::new(dir.join("journal.jsonl")));
    console
}

fn still() -> Script {
    Script { still: true, ..Script::default() }
}

async fn until(console: &mut Headless, what: &str, holds: impl Fn(&App) -> bool) {
    let missing = |console: &Headless| if holds(console.app()) { Vec::new() } else { vec![what.to_owned()] };
    if let Err(missing) = console.until_seen(WITHIN, missing).await {
        panic!("{missing:?} after {WITHIN} s\n{}", console.screen());
    }
}

fn is_safe(app: &App, id: i32) -> Option<bool> {
    app.shown.as_ref()?.brokers.iter().find(|row| row.id == Some(BrokerId(id)))?.restart_safe
}

fn brokers(app: &App) -> Vec<i32> {
    app.shown.iter().flat_map(|shown| &shown.brokers).filter_map(|row| row.id.map(|id| id.0)).collect()
}

async fn all_safe(console: &mut Headless) {
    until(console, "every broker may be restarted", |app| {
        let ids = brokers(app);
        ids.len() == 3 && ids.iter().all(|id| is_safe(app, *id) == Some(true))
    })
    .await;
}

fn uids(app: &App) -> BTreeMap<String, String> {
    let installation = &app.shown.as_ref().unwrap().installation;
    let pods = installation.brokers.iter().filter_map(|broker| app.world.kube.pods.get(&broker.pod));
    pods.map(|pod| (pod.meta.name.clone(), pod.meta.uid.clone())).collect()
}

/// Plans and says yes.
async fn begin(console: &mut Headless, id: &str, params: Params) {
    console.session.drive(|app| app.act(catalog::by_id(id).unwrap(), params));
    until(console, "a plan that was tried", |app| match app.acting.as_deref().map(|acting| &acting.stage) {
        Some(Stage::Planned(planned)) => planned.preview.is_some(),
        Some(Stage::Refused(refusal)) => panic!("{refusal:?}"),
        _ => false,
    })
    .await;
    let typed = console.app().plan().unwrap().typed.clone();
    console.session.drive(|app| app.go_ahead(typed.as_deref()));
}

async fn over(console: &mut Headless) -> End {
    until(console, "the end of the run", |app| app.the_run().is_some_and(|run| !run.is_under_way())).await;
    console.app().the_run().unwrap().end.clone().unwrap()
}

/// Goes on until the run is over, and looks meanwhile: never two brokers away, never a partition offline.
async fn watched_over(console: &mut Headless) -> End {
    until(console, "the end of the run", |app| {
        let summary = &app.shown.as_ref().unwrap().summary;
        assert!(summary.brokers.ready.is_none_or(|ready| ready >= 2), "{:?}", summary.brokers);
        assert!(summary.partitions.as_ref().is_none_or(|p| p.offline == 0), "{:?}", summary.partitions);
        app.the_run().is_some_and(|run| !run.is_under_way())
    })
    .await;
    console.app().the_run().unwrap().end.clone().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_roll_replaces_every_pod_one_after_the_other_with_the_active_controller_last() {
    let dir = TempDir::new().unwrap();
    let mut console = open(still(), dir.path());
    all_safe(&mut console).await;
    let before = uids(console.app());
    let active = console.app().reading().unwrap().active_controller().unwrap();
    begin(&mut console, "brokers.roll", Params::default()).await;
    assert!(console.app().plan().unwrap().steps.last().unwrap().title.contains(&format!("broker {active}")));
    assert_eq!(watched_over(&mut console).await, End::Done);
    let after = uids(console.app());
    assert!(before.iter().all(|(name, uid)| after[name] != *uid), "{before:?} {after:?}");
}

#[tokio::test(start_paused = true)]
async fn a_frozen_broker_may_be_restarted_and_no_other_one() {
    let dir = TempDir::new().unwrap();
    let script = Script::parse(drill::text_of("broker-frozen").unwrap()).unwrap();
    let mut console = open(script, dir.path());
    until(&mut console, "the frozen broker is the only one to restart", |app| {
        is_safe(app, 2) == Some(true) && is_safe(app, 0) == Some(false) && is_safe(app, 1) == Some(false)
    })
    .await;
    let before = uids(console.app());
    begin(&mut console, "broker.restart", Params::default().with("broker", "0")).await;
    assert!(matches!(over(&mut console).await, End::Refused(why) if why.contains('2')));
    assert_eq!(uids(console.app()), before, "nothing was touched");
    begin(&mut console, "broker.restart", Params::default().with("broker", "2")).await;
    assert_eq!(over(&mut console).await, End::Done);
    all_safe(&mut console).await;
}

/// Runs a roll until it is in a phase of a step, and cuts it off there, as kill -9 would.
async fn cut(console: &mut Headless, dir: &Path, step: usize, phase: Phase) -> Unfinished {
    begin(console, "brokers.roll", Params::default()).await;
    until(console, "the moment", |app| app.the_run().is_some_and(|run| run.at == step && run.phase == phase)).await;
    console.session.app.acting = None;
    let text = std::fs::read_to_string(dir.join("journal.jsonl")).unwrap();
    let entries: Vec<Entry> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told = journal::unfinished(&entries, "sandbox", None, |_| false);
    Unfinished::of(told.last().unwrap()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_roll_that_is_cut_off_at_any_step_goes_on_and_restarts_nothing_twice() {
    // The sandbox's StatefulSet goes through its partition: the first step holds all pods back, and waits for nothing.
    for step in 0..4 {
        for phase in [Phase::Doing, Phase::After] {
            if (step, phase) == (0, Phase::After) {
                continue;
            }
            let dir = TempDir::new().unwrap();
            let mut console = open(still(), dir.path());
            all_safe(&mut console).await;
            let mut seen: BTreeMap<String, Vec<String>> = BTreeMap::new();
            for (name, uid) in uids(console.app()) {
                seen.insert(name, vec![uid]);
            }
            let left = cut(&mut console, dir.path(), step, phase).await;
            console.session.app.unfinished = vec![left];
            console.session.drive(App::resume);
            console.session.drive(|app| app.go_ahead(None));
            until(&mut console, "the end of the run", |app| app.the_run().is_none_or(|run| !run.is_under_way())).await;
            let end = console.app().the_run().and_then(|run| run.end.clone());
            assert_eq!(end, Some(End::Done), "step {step}, {phase:?}");
            for (name, uid) in uids(console.app()) {
                seen.get_mut(&name).unwrap().push(uid);
            }
            assert!(seen.values().all(|uids| uids[0] != uids[1]), "step {step}, {phase:?}: {seen:?}");
        }
    }
}
