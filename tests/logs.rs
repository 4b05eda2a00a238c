//! Logs on the sandbox: the whole console headless, brokers that end and pods that are replaced.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "common/sandbox.rs"]
mod sandbox;

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::Pod;
use kafdeck::{
    app::keys::Key,
    sandbox::{Deed, Script, Step},
};
use kube::{Api, api::LogParams};

use sandbox::Headless;

/// A console that follows the logs of all brokers from the tenth second on.
async fn following(steps: Vec<Step>) -> Headless {
    let mut console = Headless::open(Script { steps, ..Script::default() }, (120, 40));
    console.go_to(10).await;
    console.press(&[Key::Char('L')]);
    console.go_to(12).await;
    console
}

/// Lines of a pod that the console keeps, and how many notices stand among them that begin so.
fn seen(console: &Headless, pod: &str, notice: &str) -> (Vec<String>, usize) {
    let logs = &console.app().logs;
    let source = logs.sources.iter().position(|source| source.target.pod.name == pod).unwrap();
    let of_pod = logs.ring().passing().iter().filter(|line| usize::from(line.source) == source);
    let (notices, lines): (Vec<_>, Vec<_>) = of_pod.partition(|line| line.notice);
    let text = |line: &&kafdeck::app::logs::ring::Line| format!("{:?} {}", line.at.unwrap(), line.text);
    (lines.iter().map(text).collect(), notices.iter().filter(|line| line.text.starts_with(notice)).count())
}

/// The log of a pod as the API server tells it by now.
async fn told(console: &Headless, pod: &str, previous: bool) -> Vec<String> {
    let pods: Api<Pod> = Api::namespaced(console.session.cluster().unwrap().client.clone(), "shop");
    let params = LogParams { previous, timestamps: true, ..LogParams::default() };
    let log = pods.logs(pod, &params).await.unwrap();
    let line = |line: &str| {
        let (at, text) = line.split_once(' ').unwrap();
        let at = chrono::DateTime::parse_from_rfc3339(at).unwrap().with_timezone(&chrono::Utc);
        format!("{at:?} {text}")
    };
    log.lines().map(line).collect()
}

fn is_without_repeats(lines: &[String]) -> bool {
    lines.iter().collect::<BTreeSet<_>>().len() == lines.len()
}

#[tokio::test(start_paused = true)]
async fn a_log_goes_on_through_a_restart_without_a_line_twice_or_missing() {
    let steps = vec![
        Step { at: 20, deed: Deed::Crash { broker: 1, code: 1 } },
        Step { at: 21, deed: Deed::Heal { broker: 1 } },
    ];
    let mut console = following(steps).await;
    console.go_to(90).await;
    let (seen, notices) = seen(&console, "kafka-1", "the container started again");
    let both = [told(&console, "kafka-1", true).await, told(&console, "kafka-1", false).await].concat();
    assert!(seen.ends_with(&both) || both.ends_with(&seen), "{seen:#?}\n{both:#?}");
    assert!(seen.len() > told(&console, "kafka-1", false).await.len(), "lines of both runs");
    assert!(is_without_repeats(&seen), "{seen:#?}");
    assert_eq!(notices, 1);
}

#[tokio::test(start_paused = true)]
async fn a_pod_of_the_same_name_is_followed_from_its_first_line() {
    let mut console = following(vec![Step { at: 15, deed: Deed::Roll }]).await;
    console.go_to(180).await;
    for pod in ["kafka-0", "kafka-1", "kafka-2"] {
        let (seen, notices) = seen(&console, pod, "another pod of this name took its place");
        let told = told(&console, pod, false).await;
        assert!(told.len() > 1 && seen.ends_with(&told), "{pod}: {seen:#?}\n{told:#?}");
        assert!(seen.len() > told.len(), "{pod}: what the pod before wrote is kept");
        assert!(is_without_repeats(&seen), "{pod}: {seen:#?}");
        assert_eq!(notices, 1, "{pod}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_flood_is_kept_in_bounds_and_every_line_is_accounted_for() {
    let mut console = following(vec![Step { at: 14, deed: Deed::Flood { broker: 0, megabytes: 5 } }]).await;
    console.press(&[Key::Char('/')]);
    console.press(&"ERROR".chars().map(Key::Char).collect::<Vec<_>>());
    console.press(&[Key::Enter]);
    console.go_to(20).await;
    let logs = &console.app().logs;
    let came: u64 = logs.sources.iter().map(|source| source.lines).sum();
    assert!(came > 100_000, "{came} lines of a flood of 25,000 a second");
    assert_eq!(logs.ring().kept() as u64 + logs.ring().let_go(), came);
    // One line in a thousand is searched for, and all of them are still there.
    let found: Vec<&str> = logs.ring().passing().iter().filter(|l| !l.notice).map(|l| &*l.text).collect();
    assert!(found.len() as u64 + 1 >= (came - 2_000) / 1_000, "{} of {came}", found.len());
    assert!(found.iter().all(|text| text.contains("ERROR")));
}
