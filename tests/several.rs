//! Several installations in one cluster, headless on the sandbox: each is found with its flavour, each has its verdict.

#![allow(clippy::unwrap_used, clippy::panic, reason = "what is not seen is a failed test")]
#![allow(clippy::print_stdout, reason = "how long it took is worth knowing")]

#[path = "common/sandbox.rs"]
mod sandbox;

use kafdeck::{
    app::keys::Key,
    domain::{ids::InstallationId, installation::Flavour},
    sandbox::{Beside, Deed, Script, Step},
};

use sandbox::Headless;

fn beside(flavour: kafdeck::sandbox::Flavour, namespace: &str, name: &str) -> Beside {
    Beside { flavour, namespace: namespace.to_owned(), name: name.to_owned() }
}

/// The shop's Kafka, and Confluent's and Koperator's in another namespace.
fn three(steps: Vec<Step>) -> Script {
    use kafdeck::sandbox::Flavour::{Confluent, Koperator};
    let beside = vec![beside(Confluent, "streams", "kafka"), beside(Koperator, "streams", "events")];
    Script { beside, steps, still: true, ..Script::default() }
}

/// Goes on until each row of the picker holds its words.
async fn rows(console: &mut Headless, seconds: u32, wanted: &[&[&str]]) -> f64 {
    let missing = |console: &Headless| {
        let screen = console.screen();
        let is_there = |words: &&&[&str]| screen.lines().any(|line| words.iter().all(|word| line.contains(word)));
        wanted.iter().filter(|words| !is_there(words)).map(|words| words.join(" ")).collect()
    };
    let seen = console.until_seen(seconds, missing).await;
    seen.unwrap_or_else(|missing| panic!("{missing:?} is missing\n{}", console.screen()))
}

const SHOP: &[&str] = &["shop/kafka", "StatefulSet", "Kafka 4.1.2", "3 brokers", "● OK"];
const CONFLUENT: &[&str] = &["streams/kafka", "Confluent", "Kafka 3.9", "3 brokers", "● OK"];
const KOPERATOR: &[&str] = &["streams/events", "Koperator", "Kafka 3.4.1", "3 brokers", "● OK"];

#[tokio::test(start_paused = true)]
async fn the_picker_opens_and_shows_the_verdict_of_each_by_its_brokers_answers() {
    for size in [(80, 24), (200, 50)] {
        let mut console = Headless::open(three(Vec::new()), size);
        let took = rows(&mut console, 4, &[&["Choose an installation: 3 found"], SHOP, CONFLUENT, KOPERATOR]).await;
        println!("three verdicts after {took:.1} s");
        console.press(&[Key::Char('j'), Key::Char('j'), Key::Enter]);
        rows(&mut console, 4, &[&["streams/kafka", "Confluent"], &["● OK", "3/3"]]).await;
        let controllers = |console: &Headless| console.app().shown.as_ref().unwrap().installation.controllers.len();
        assert_eq!(controllers(&console), 3);
        // Of the others there is what was concluded last, until they answer again.
        console.go_to(30).await;
        console.press(&[Key::Char('x')]);
        let before = console.screen();
        let line = |name: &str| before.lines().find(|line| line.contains(name)).unwrap().to_owned();
        assert!(line("streams/events").contains("OK 30s"), "{before}");
        assert!(line("│ ▸ streams/kafka").contains("● OK"), "{before}");
        rows(&mut console, 4, &[SHOP, CONFLUENT, KOPERATOR]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_frozen_broker_changes_the_verdict_of_its_own_installation_and_delays_no_other() {
    let freeze = Deed::FreezeBeside { installation: "events".to_owned(), broker: 1 };
    let mut console = Headless::open(three(vec![Step { at: 5, deed: freeze }]), (120, 40));
    rows(&mut console, 4, &[SHOP, CONFLUENT, KOPERATOR]).await;
    rows(&mut console, 40, &[SHOP, CONFLUENT, &["streams/events", "▲ DEGRADED", "1 of 3 brokers not ready"]]).await;
    console.go_to(60).await;
    rows(&mut console, 1, &[SHOP, CONFLUENT, &["streams/events", "▲ DEGRADED"]]).await;
    // One that was frozen while nobody looked is found out as well, and no other waits for it.
    let freeze = Deed::FreezeBeside { installation: "events".to_owned(), broker: 1 };
    let mut console = Headless::open(three(vec![Step { at: 5, deed: freeze }]), (120, 40));
    rows(&mut console, 4, &[SHOP]).await;
    console.press(&[Key::Enter]);
    console.go_to(7).await;
    console.press(&[Key::Char('x')]);
    let took = rows(&mut console, 2, &[SHOP, CONFLUENT]).await;
    println!("two verdicts beside a frozen broker after {took:.1} s");
    rows(&mut console, 40, &[SHOP, CONFLUENT, &["streams/events", "▲ DEGRADED"]]).await;
}

#[tokio::test(start_paused = true)]
async fn the_one_that_is_asked_for_opens_at_once() {
    let wanted = Some(InstallationId::new("streams", "events"));
    let mut console = Headless::open_on(three(Vec::new()), wanted, (120, 40));
    rows(&mut console, 4, &[&["streams/events", "Koperator"], &["● OK", "3/3"]]).await;
    assert!(console.app().overlay.is_none());
    assert_eq!(console.app().world.kafka.len(), 1, "nobody else is asked");
}

#[tokio::test(start_paused = true)]
async fn installations_of_one_operator_in_one_namespace_are_kept_apart() {
    use kafdeck::sandbox::Flavour::{Confluent, Koperator, StatefulSet};
    let all = [
        (Koperator, "streams", "events"),
        (Koperator, "streams", "metrics"),
        (Confluent, "cp", "kafka"),
        (Confluent, "cp", "audit"),
        (StatefulSet, "archive", "kafka"),
    ];
    let beside = all.map(|(flavour, namespace, name)| beside(flavour, namespace, name)).to_vec();
    let mut console = Headless::open(Script { beside, still: true, ..Script::default() }, (120, 40));
    let names = ["archive/kafka", "cp/audit", "cp/kafka", "shop/kafka", "streams/events", "streams/metrics"];
    let wanted = names.map(|name| [name, "3 brokers", "● OK"]);
    rows(&mut console, 4, &wanted.each_ref().map(|words| &words[..])).await;
    for found in &console.app().found {
        let of = &found.installation;
        let own = |pod: &str| pod.starts_with(&format!("{}-", of.id.name));
        assert!(of.brokers.len() == 3 && of.brokers.iter().all(|b| own(&b.pod.name)), "{of:#?}");
        let is_alone = of.flavour != Flavour::Confluent;
        assert!(is_alone || of.controllers.is_empty(), "nothing tells whose controllers they are");
        let told = console.app().world.kafka[&of.id].cluster_id.clone().unwrap();
        assert!(told.contains(&of.id.name) || of.id.namespace == "shop", "{told} answers for {}", of.id);
    }
}
