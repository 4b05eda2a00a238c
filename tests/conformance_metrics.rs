//! What brokers tell on their metrics ports: the sandbox's and a real cluster's are scraped in the same way, and both must
//! tell figures of the same kinds; and what a console on the sandbox makes of them.
//!
//! Exporters differ by their rules, so names are not compared: what is compared is which figures come out.

#![allow(clippy::unwrap_used, clippy::panic, reason = "what is not told is a failed test")]
#![allow(clippy::print_stderr, reason = "a test that is skipped says so")]

#[path = "common/sandbox.rs"]
mod sandbox;

use std::{sync::Arc, time::Duration};

use k8s_openapi::api::core::v1::Pod;
use kafdeck::{
    app::keys::Key,
    clock::Clock,
    domain::{
        ids::{BrokerId, InstallationId, ObjectKey},
        installation::PodPort,
        metrics::{Exporter, Figure, How, Scrape},
    },
    facts::Body,
    io::{
        connect::{Cluster, ConnectOptions, connect},
        dial::PortForward,
        pod_setup::PodSetup,
        scrape,
    },
    sandbox::{Deed, Script, Setup, Step},
    world::metrics::BrokerMetrics,
};
use kube::Api;
use sandbox::{Headless, OPENED};
use tokio_util::sync::CancellationToken;

/// What a broker with any exporter tells, and between which values.
const EVERYWHERE: [(Figure, f64, f64); 6] = [
    (Figure::HandlerIdle, 0.0, 2.0),
    (Figure::NetworkIdle, 0.0, 1.0),
    (Figure::HeapUsed, 1e6, 1e11),
    (Figure::HeapMax, 1e7, 1e12),
    (Figure::Collecting, 0.0, 1e9),
    (Figure::Cpu, 0.0, 1e9),
];

/// What is told of a broker's port, once.
async fn scraped(cluster: &Cluster, namespace: &str, pod: &str, clock: Clock) -> Body {
    let cancel = CancellationToken::new();
    let (facts, mut told) = tokio::sync::mpsc::channel(4);
    let setup = PodSetup {
        installation: InstallationId::new(namespace, "kafka"),
        transport: Arc::new(PortForward::new(cluster, &cancel)),
        refresh: Arc::default(),
        clock,
        facts,
    };
    let at = PodPort { pod: ObjectKey::new(namespace, pod), port: 9404 };
    scrape::ask(&setup, vec![Exporter { broker: BrokerId(0), at, is_sidecar: false }], &cancel);
    let fact = tokio::time::timeout(Duration::from_secs(15), told.recv()).await.unwrap().unwrap();
    cancel.cancel();
    fact.body
}

#[track_caller]
fn tells_everything(body: Body) -> Scrape {
    let Body::Metrics(scrape) = body else { panic!("{body:?}") };
    for (figure, least, most) in EVERYWHERE {
        let told = scrape.figures.get(&figure).unwrap_or_else(|| panic!("no {figure:?} in {scrape:#?}"));
        assert!((least..=most).contains(&told.value), "{figure:?}: {told:?}");
        // A share may be counted in nanoseconds as well as told.
        let counts = matches!(figure, Figure::Collecting | Figure::Cpu);
        assert!(!counts || told.how == How::Counter, "{figure:?}: {told:?}");
    }
    // Rules that know topics alone tell nothing of a broker that no record has reached.
    let bytes = scrape.figures.get(&Figure::BytesIn);
    assert!(bytes.is_none_or(|told| told.value >= 0.0 && told.how == How::Counter), "{bytes:?}");
    scrape
}

#[tokio::test(start_paused = true)]
async fn the_sandbox_s_brokers_tell_what_real_ones_do() {
    let clock = Clock::with_timers(OPENED);
    let freeze = Step { at: 10, deed: Deed::Freeze { broker: 1 } };
    let script = Script { steps: vec![freeze], ..Script::default() };
    let options = ConnectOptions {
        sandbox: Some(Setup { script, clock: clock.clone(), ..Setup::default() }),
        ..ConnectOptions::default()
    };
    let Ok(cluster) = connect(&options).await else { panic!("no sandbox") };
    tokio::time::sleep(Duration::from_secs(5)).await;
    let before = tells_everything(scraped(&cluster, "shop", "kafka-1", clock.clone()).await);
    tokio::time::sleep(Duration::from_secs(8)).await;
    let Body::Failed(failure) = scraped(&cluster, "shop", "kafka-1", clock.clone()).await else {
        panic!("a frozen process answers")
    };
    assert_eq!(failure.what, "Metrics of broker 0: no answer within 10 s.");
    let after = tells_everything(scraped(&cluster, "shop", "kafka-0", clock).await);
    assert!(before.figures.contains_key(&Figure::BytesIn));
    let count = |scrape: &Scrape| scrape.figures[&Figure::MessagesIn].value;
    assert!(count(&after) > count(&before), "{} and {}", count(&before), count(&after));
}

#[tokio::test]
#[ignore = "asks the cluster that KUBECONFIG leads to"]
async fn the_brokers_of_the_kubeconfig_s_cluster_tell_these_figures() {
    assert!(std::env::var_os("KUBECONFIG").is_some(), "no cluster in KUBECONFIG");
    let Ok(cluster) = connect(&ConnectOptions::default()).await else { panic!("cannot use KUBECONFIG") };
    let mut silent = Vec::new();
    for (namespace, label) in [("the-project", "app=kafka"), ("messaging", "strimzi.io/name=kafka-cluster-kafka")] {
        let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), namespace);
        let found = pods.list(&kube::api::ListParams::default().labels(label)).await.unwrap();
        let mut tells_traffic = false;
        for pod in found.items {
            let name = pod.metadata.name.unwrap();
            let scrape = tells_everything(scraped(&cluster, namespace, &name, Clock::real()).await);
            eprintln!("{namespace}/{name}: {scrape:#?}");
            tells_traffic |= scrape.figures.contains_key(&Figure::BytesIn);
        }
        silent.extend((!tells_traffic).then_some(namespace));
    }
    assert!(silent.is_empty(), "no broker tells what comes in: {silent:?}");
}

/// What is shown of a broker's metrics.
fn metrics(console: &Headless, broker: i32) -> Option<&BrokerMetrics> {
    let shown = console.app().shown.as_ref()?;
    shown.brokers.iter().find(|b| b.id == Some(BrokerId(broker)))?.metrics.as_ref()
}

#[tokio::test(start_paused = true)]
async fn a_console_shows_what_brokers_tell_and_how_fast_their_volumes_fill() {
    let mut console = Headless::open(Script::default(), (200, 50));
    let rates = |console: &Headless| {
        let known = |id: &i32| metrics(console, *id).is_some_and(|m| m.value(Figure::BytesIn).is_some());
        (0..3).filter(|id| !known(id)).map(|id| format!("bytes in of broker {id}")).collect()
    };
    let took = console.until_seen(40, rates).await.unwrap_or_else(|missing| panic!("{missing:?}"));
    assert!(took > 14.0, "a rate takes two answers, not {took:.1} s");
    for id in 0..3 {
        let told = metrics(&console, id).unwrap();
        for figure in Figure::ALL {
            assert!(told.value(figure).is_some(), "{figure:?} of broker {id}");
        }
        // 430 records a second, of which each broker leads about a third.
        let records = told.value(Figure::MessagesIn).unwrap();
        assert!((60.0..260.0).contains(&records), "{records} of broker {id}");
    }
    console.press(&[Key::Char('3')]);
    let screen = console.screen();
    for title in ["IN/S", "OUT/S", "IDLE", "HEAP"] {
        assert!(screen.contains(title), "{title}\n{screen}");
    }
    console.press(&[Key::Enter]);
    let screen = console.screen();
    for words in ["limits", "2 GiB of memory", "port 9404", "records in", "99th percentile", "handlers idle"] {
        assert!(screen.contains(words), "{words}\n{screen}");
    }
    console.press(&[Key::Esc, Key::Char('4')]);
    console.go_to(75).await;
    let shown = console.app().shown.as_ref().unwrap();
    for claim in &shown.storage {
        assert!(claim.growth_bytes_per_hour.is_some_and(|growth| growth > 0), "{claim:#?}");
        assert!(claim.full_in_s.is_some_and(|seconds| seconds > 3600), "{claim:#?}");
        assert!(claim.growing_topics.iter().any(|t| t.topic == "audit-log"), "{claim:#?}");
    }
    let names: Vec<String> = shown.sources.iter().map(|(source, _)| source.to_string()).collect();
    assert!(names.contains(&"metrics of broker 2".to_owned()), "{names:?}");
}

#[tokio::test(start_paused = true)]
async fn a_volume_that_filled_up_has_no_time_left() {
    let filling = Step { at: 55, deed: Deed::FillVolume { broker: 1 } };
    let mut console = Headless::open(Script { steps: vec![filling], ..Script::default() }, (120, 40));
    console.go_to(54).await;
    let full_in = |console: &Headless| {
        let shown = console.app().shown.as_ref().unwrap();
        shown.storage.iter().find(|c| c.broker == Some(BrokerId(1))).unwrap().full_in_s
    };
    let calm = full_in(&console).unwrap();
    assert!(calm > 3600, "{calm}");
    console.go_to(80).await;
    let soon = full_in(&console).unwrap();
    assert!((0..60).contains(&soon), "{soon} s after {calm} s");
}
