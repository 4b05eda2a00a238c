//! Rolls under load: nothing is lost, two brokers always serve, and whatever comes between is told and not made worse.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use tempfile::TempDir;

use super::{
    access::with_token,
    committer::Brokers,
    load::{self, Load, Site},
    sampler::{Sample, Sampler},
};
use crate::common::{
    live::{Cluster, fault, fault_meanwhile, note, skip},
    process::{Kafdeck, kafdeck},
};

/// How long a whole roll may take.
const ROLL: Duration = Duration::from_secs(420);
/// How long one step of it may take.
const STEP: Duration = Duration::from_secs(120);
/// What a roll may take longer than the restarts of its brokers, for each of them.
const ADDED: Duration = Duration::from_secs(5);
const PLAIN: &str = "the-project/kafka";

/// A broker that was restarted, as the sampler saw it.
#[derive(Debug)]
struct Restart {
    pod: String,
    /// From the end of its old pod to the moment when all partitions were in sync again.
    took: Duration,
    /// How long Strimzi's operator took to act on what it was asked for.
    operator: Duration,
}

fn roll(cluster: &Cluster, installation: &str) -> Kafdeck {
    let roll = ["--installation", installation, "--timeout", "400s", "brokers", "roll", "--yes"];
    cluster.kafdeck().limit(ROLL).args(roll)
}

fn uids(cluster: &Cluster) -> BTreeMap<String, String> {
    let path = "jsonpath={range .items[*]}{.metadata.name}={.metadata.uid}{\"\\n\"}{end}";
    let list = cluster.kubectl(["-n", "the-project", "get", "pods", "-l", "app=kafka", "-o", path]).expect_code(0);
    list.stdout.lines().filter_map(|line| line.split_once('=')).map(|(n, u)| (n.to_owned(), u.to_owned())).collect()
}

/// Every pod that was replaced, in that order.
fn restarts(samples: &[Sample]) -> Vec<Restart> {
    let first = &samples[0].pods;
    let is_old =
        |sample: &Sample, pod: &str| sample.pods.get(pod).is_some_and(|now| now.uid == first[pod].uid && !now.ends);
    let begins = first.keys().filter_map(|pod| Some((samples.iter().position(|one| !is_old(one, pod))?, pod)));
    let mut begins: Vec<(usize, &String)> = begins.collect();
    begins.sort();
    let mut all = Vec::new();
    for (at, (began, pod)) in begins.iter().enumerate() {
        let before = samples[..*began].iter().rev().find_map(behind).unwrap();
        assert_eq!(before, 0, "{pod} was restarted while partitions were under-replicated");
        let seen: BTreeSet<&String> = samples.iter().filter_map(|one| Some(&one.pods.get(*pod)?.uid)).collect();
        assert_eq!(seen.len(), 2, "{pod} was restarted once: {seen:?}");
        let is_back =
            |sample: &Sample| sample.pods.get(*pod).is_some_and(|now| now.serves) && behind(sample) == Some(0);
        let back = (*began..samples.len()).find(|at| is_back(&samples[*at]));
        // All may be in sync for less than the time between two looks.
        let back = back.into_iter().chain(begins.get(at + 1).map(|next| next.0)).min();
        let back = back.unwrap_or_else(|| panic!("{pod} did not come back"));
        let marked = samples[..*began].iter().find(|one| one.pods.get(*pod).is_some_and(|now| now.marked));
        let operator = marked.map_or(Duration::ZERO, |marked| samples[*began].at - marked.at);
        all.push(Restart { pod: (*pod).clone(), took: samples[back].at - samples[*began].at, operator });
    }
    all
}

/// The most partitions that a broker calls under-replicated; none without an answer.
fn behind(sample: &Sample) -> Option<usize> {
    sample.told.values().map(|told| told.behind).max()
}

/// Nothing was out of reach: two brokers Ready and no partition without a leader, all the time.
fn nothing_was_missing(samples: &[Sample]) {
    let began = samples[0].at;
    for sample in samples {
        let at = sample.at - began;
        assert!(sample.ready() >= 2, "after {at:?}: {sample:#?}");
        assert!(sample.told.values().all(|told| told.offline == 0), "after {at:?}: {sample:#?}");
    }
    assert!(samples.iter().filter(|sample| !sample.told.is_empty()).count() * 10 > samples.len() * 9, "hardly told");
}

fn all_is_delivered(load: Load<'_>) {
    let delivered = load.stop();
    assert_eq!(delivered.sent, delivered.acked, "{delivered:?}");
    assert_eq!(delivered.acked, delivered.read, "{delivered:?}");
    assert_eq!(delivered.sums[0], delivered.sums[1], "{delivered:?}");
    assert!(delivered.worst < Duration::from_secs(30), "{delivered:?}");
    note(&format!("{} records, the slowest after {} ms", delivered.acked, delivered.worst.as_millis()));
}

fn under_load(cluster: &Cluster, site: Site, installation: &str, brokers: Brokers, settle: Duration) {
    let load = Load::start(cluster, site);
    let sampler = Sampler::start(cluster, brokers);
    let began = Instant::now();
    let outcome = roll(cluster, installation).args(["--settle", &format!("{}s", settle.as_secs())]).run();
    let took = began.elapsed();
    // Whoever looks on sees the end a moment later.
    std::thread::sleep(Duration::from_secs(2));
    let seen = sampler.stop();
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    nothing_was_missing(&seen);
    let restarts = restarts(&seen);
    assert_eq!(restarts.len(), 3, "{restarts:#?}\n{}", outcome.stdout);
    let each = restarts.iter().map(|one| {
        format!("{} {:.1} s, operator {:.1} s", one.pod, one.took.as_secs_f64(), one.operator.as_secs_f64())
    });
    note(&each.collect::<Vec<_>>().join("; "));
    let own: Duration = restarts.iter().map(|restart| restart.took + restart.operator).sum();
    let added = took.saturating_sub(own + settle * 2) / 3;
    note(&format!("{:.0} s, of which {:.1} s a broker are the roll's", took.as_secs_f64(), added.as_secs_f64()));
    all_is_delivered(load);
    assert!(added <= ADDED, "{added:?} a broker\n{restarts:#?}\n{}", outcome.stdout);
}

/// Three brokers are replaced one after the other while records go through them.
///
/// They are back so soon that others still look for them at their old addresses, which no gate can see.
pub fn plain(cluster: &Cluster) {
    under_load(cluster, load::PLAIN, PLAIN, Brokers::plain(), Duration::from_secs(10));
}

/// The same, by Strimzi's operator.
pub fn strimzi(cluster: &Cluster) {
    if cluster.kubectl(["-n", "messaging", "get", "kafka", "kafka-cluster"]).code != 0 {
        skip("the flavour strimzi is not installed");
        return;
    }
    under_load(cluster, load::STRIMZI, "messaging/kafka-cluster", Brokers::strimzi(), Duration::ZERO);
}

/// While a broker is cut off no other one is restarted.
pub fn an_isolated_broker_forbids_it(cluster: &Cluster) {
    is_in_sync(cluster);
    let before = uids(cluster);
    let fault = fault(["isolate", "the-project", "kafka-1"]);
    // For its first seconds nobody can tell.
    until(|| cluster.kafdeck().args(["--installation", PLAIN, "check"]).run().code == 1, "it is noticed");
    let outcome = roll(cluster, PLAIN).run().expect_code(1);
    assert_eq!(uids(cluster), before, "{outcome:#?}");
    assert!(outcome.stderr.contains("Error: refused: "), "{outcome:#?}");
    note(outcome.stderr.trim());
    drop(fault);
    is_in_sync(cluster);
}

/// Of a frozen broker and the others it alone may be restarted, which mends it.
pub fn a_frozen_broker_is_restarted(cluster: &Cluster) {
    is_in_sync(cluster);
    let before = uids(cluster);
    let restart = |broker: &str| {
        let args = ["--installation", PLAIN, "--timeout", "200s", "broker", "restart", broker, "--yes"];
        cluster.kafdeck().limit(ROLL).args(args).run()
    };
    let fault = fault(["freeze", "the-project", "kafka-1", "kafka-broker"]);
    until(|| cluster.kafdeck().args(["--installation", PLAIN, "check"]).run().code == 1, "it is noticed");
    let refused = restart("0").expect_code(1);
    assert_eq!(uids(cluster), before, "{refused:#?}");
    note(refused.stderr.trim());
    let done = restart("1").expect_code(0);
    drop(fault);
    let after = uids(cluster);
    let changed: Vec<&String> = before.keys().filter(|pod| before[*pod] != after[*pod]).collect();
    assert_eq!(changed, ["kafka-1"], "{done:#?}");
    is_in_sync(cluster);
}

/// One of Strimzi's brokers is restarted by its operator.
pub fn strimzi_restarts_one(cluster: &Cluster) {
    if cluster.kubectl(["-n", "messaging", "get", "kafka", "kafka-cluster"]).code != 0 {
        skip("the flavour strimzi is not installed");
        return;
    }
    let uid = |n: u32| {
        let pod = format!("kafka-cluster-kafka-pool-{n}");
        let path = ["-n", "messaging", "get", "pod", &pod, "-o", "jsonpath={.metadata.uid}"];
        cluster.kubectl(path).expect_code(0).stdout
    };
    let before = [uid(0), uid(1), uid(2)];
    let args = ["--installation", "messaging/kafka-cluster", "--timeout", "300s", "broker", "restart", "2", "--yes"];
    cluster.kafdeck().limit(ROLL).args(args).run().expect_code(0);
    let after = [uid(0), uid(1), uid(2)];
    assert_eq!(before[..2], after[..2]);
    assert_ne!(before[2], after[2]);
}

/// A broker that is cut off while another one is restarted ends the roll before the next one.
pub fn an_isolated_broker_ends_it(cluster: &Cluster) {
    is_in_sync(cluster);
    let before = uids(cluster);
    let mut running = roll(cluster, PLAIN).start();
    let first = running.line(|line| is_done(line, "evict pod"), STEP).unwrap_or_else(|| panic!("{:#?}", running.said));
    // The next one; with the active controller cut off as well there would be no quorum to come back to.
    let order = running.said.iter().find_map(|line| line.split_once("Order: ")?.1.split(';').next());
    let next = order.unwrap().split(", ").nth(1).unwrap();
    assert!(!first.contains(&format!("kafka-{next}")), "{first}");
    let fault = fault(["isolate", "the-project", &format!("kafka-{next}")]);
    let (code, said) = running.end(ROLL);
    assert_eq!(code, 1, "{said}");
    let after = uids(cluster);
    let changed: Vec<_> = before.keys().filter(|pod| before[*pod] != after[*pod]).collect();
    assert_eq!(changed.len(), 1, "{changed:?}\n{said}");
    note(said.lines().last().unwrap_or_default());
    drop(fault);
    is_in_sync(cluster);
}

/// A roll that is killed in each of its steps is told, and goes on without restarting anything twice; whoever else acts
/// meanwhile is told who is at it.
pub fn killed_rolls_go_on(cluster: &Cluster) {
    is_in_sync(cluster);
    let sampler = Sampler::start(cluster, Brokers::plain());
    let mut running = roll(cluster, PLAIN).start();
    let mut evicted = BTreeSet::new();
    while evicted.len() < 3 {
        let pod = |line: &str| Some(line.split_once("evict pod ")?.1.split(':').next()?.to_owned());
        let is_next = |line: &str| is_done(line, "evict pod") && pod(line).is_some_and(|pod| !evicted.contains(&pod));
        let Some(line) = running.line(is_next, STEP) else { panic!("{evicted:?}: {:#?}", running.said) };
        evicted.extend(pod(&line));
        if evicted.len() == 1 {
            is_told_who_acts(cluster);
        }
        running.kill();
        let home = std::mem::replace(&mut running.home, TempDir::new().unwrap());
        let resume = ["--installation", PLAIN, "--timeout", "400s", "resume"];
        // Without a yes it tells where the run stands, and does nothing.
        let (told, home) = kafdeck().at_home(home).kubeconfig(&cluster.kubeconfig).args(resume).limit(STEP).run_in();
        let journal = || std::fs::read_to_string(home.path().join("state/kafdeck/journal.jsonl"));
        assert!(told.code == 1 && told.stdout.contains("Roll 3 brokers"), "{told:#?}\n{evicted:?}\n{:#?}", journal());
        running = kafdeck().at_home(home).kubeconfig(&cluster.kubeconfig).args(resume).args(["--yes"]).start();
    }
    let (code, said) = running.end(ROLL);
    std::thread::sleep(Duration::from_secs(2));
    let seen = sampler.stop();
    assert_eq!(code, 0, "{said}");
    nothing_was_missing(&seen);
    assert_eq!(restarts(&seen).len(), 3, "{said}");
}

/// While the API server is away a roll waits, and then goes on.
pub fn an_api_server_that_is_away_is_waited_for(cluster: &Cluster) {
    is_in_sync(cluster);
    let before = uids(cluster);
    let sampler = Sampler::start(cluster, Brokers::plain());
    let mut running = roll(cluster, PLAIN).start();
    let first = running.line(|line| is_done(line, "evict pod"), STEP);
    assert!(first.is_some(), "{:#?}", running.said);
    let fault = fault_meanwhile(["api-pause", "15"]);
    let (code, said) = running.end(ROLL);
    drop(fault);
    let (seen, after) = (sampler.stop(), uids(cluster));
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("cannot be seen"), "{said}");
    assert!(seen.iter().all(|sample| sample.ready() >= 2), "{said}");
    assert!(before.iter().all(|(pod, uid)| after[pod] != *uid), "{before:?} {after:?}");
    for pod in before.keys() {
        let all: BTreeSet<&String> = seen.iter().filter_map(|one| Some(&one.pods.get(pod)?.uid)).collect();
        assert_eq!(all.len(), 2, "{pod} was restarted once: {all:?}");
    }
}

/// A roll whose token is taken away restarts nothing more, and goes on with another one.
pub fn a_token_that_ends_ends_it(cluster: &Cluster) {
    is_in_sync(cluster);
    let account = "kd-roll";
    let bound = ["--clusterrole=cluster-admin", "--serviceaccount=the-project:kd-roll"];
    cluster.kubectl(["-n", "the-project", "create", "serviceaccount", account]).expect_code(0);
    cluster.kubectl([&["create", "clusterrolebinding", account], &bound[..]].concat()).expect_code(0);
    let token = cluster.kubectl(["-n", "the-project", "create", "token", account]).expect_code(0);
    let home = TempDir::new().unwrap();
    let lent = Cluster { kubeconfig: with_token(cluster, &home, token.stdout.trim()) };
    let before = uids(cluster);
    let args = ["--installation", PLAIN, "--timeout", "60s", "brokers", "roll", "--yes"];
    let mut running = lent.kafdeck().args(args).start();
    let first = running.line(|line| is_done(line, "evict pod"), STEP);
    for (kind, scope) in [("clusterrolebinding", "default"), ("serviceaccount", "the-project")] {
        cluster.kubectl(["-n", scope, "delete", kind, account]).expect_code(0);
    }
    assert!(first.is_some(), "{:#?}", running.said);
    let kept = std::mem::replace(&mut running.home, TempDir::new().unwrap());
    let (code, said) = running.end(ROLL);
    assert_eq!(code, 3, "{said}");
    assert!(said.contains("it waited for: ") && said.contains("Unauthorized"), "{said}");
    note(said.lines().last().unwrap_or_default());
    let after = uids(cluster);
    assert_eq!(before.iter().filter(|(pod, uid)| after[*pod] != **uid).count(), 1, "{said}");
    let resume = ["--installation", PLAIN, "--timeout", "400s", "resume", "--yes"];
    let resumed = kafdeck().at_home(kept).kubeconfig(&cluster.kubeconfig).args(resume).limit(ROLL).run();
    assert_eq!(resumed.code, 0, "{resumed:#?}");
    let last = uids(cluster);
    assert!(before.iter().all(|(pod, uid)| last[pod] != *uid), "{before:?} {last:?}");
    assert!(after.iter().filter(|(pod, uid)| last[*pod] != **uid).count() == 2, "nothing twice: {after:?} {last:?}");
}

fn is_told_who_acts(cluster: &Cluster) {
    let other =
        ["--installation", PLAIN, "--timeout", "60s", "topic", "create", "kd-second", "--replication-factor", "1"];
    let other = cluster.kafdeck().limit(STEP).args(other).args(["--yes"]).run().expect_code(1);
    assert!(other.stderr.contains("is at it: brokers.roll, 1 of 3") && other.stderr.contains('@'), "{other:#?}");
    note(other.stderr.trim());
}

/// True for the line that says an op is done.
fn is_done(line: &str, what: &str) -> bool {
    line.contains(what) && line.as_bytes().get(2) == Some(&b':')
}

/// Waits until brokers call every partition in sync.
fn is_in_sync(cluster: &Cluster) {
    until(|| cluster.kafdeck().args(["--installation", PLAIN, "check"]).run().code == 0, "nothing is wrong");
}

fn until(holds: impl Fn() -> bool, what: &str) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < STEP, "not in time: {what}");
        std::thread::sleep(Duration::from_secs(1));
    }
}
