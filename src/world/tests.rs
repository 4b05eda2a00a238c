//! What the world makes of facts, told as what an operator would see.

mod users;

use std::{collections::BTreeMap, sync::Arc};

use chrono::{DateTime, TimeDelta, Utc};

use super::{Reading, World, summary::Summary};
use crate::{
    diagnose,
    domain::{
        broker::{Advertised, Contact},
        config::ConfigEntry,
        freshness::{Asked, FailureKind, Kind, Source, SourceFailure, SourceState},
        group::{Commits, Committed, EndOffset, Group},
        ids::{BrokerId, InstallationId, ObjectKey},
        installation::{AddressBook, BrokerPod, Flavour, Installation, PodPort},
        kubernetes::{Claim, Container, ContainerState, Meta, Mount, Object, Pod, Terminated, Volume, Waiting},
        quorum::{Quorum, Replica},
        storage::{LogDir, UsedSource, VolumeUse},
        topic::{Partition, Topic, TopicConfig},
        verdict::Verdict,
    },
    facts::{Body, Fact, KafkaBody, Metadata},
};

/// A cluster of three brokers, and the time that passes over it.
struct Cluster {
    world: World,
    installation: Installation,
    book: AddressBook,
    now: DateTime<Utc>,
}

fn id() -> InstallationId {
    InstallationId::new("ns", "kafka")
}

fn pod(n: i32) -> Pod {
    let meta = Meta { namespace: "ns".into(), name: format!("kafka-{n}"), ..Meta::default() };
    let container = Container {
        name: "kafka".into(),
        ready: true,
        state: ContainerState::Running { since: None },
        mounts: vec![Mount { volume: "data".into(), path: "/data".into() }],
        ..Container::default()
    };
    let volume = Volume { name: "data".into(), claim: Some(format!("data-kafka-{n}")), ephemeral: false };
    Pod {
        meta,
        phase: "Running".into(),
        ready: Some(true),
        node: Some("node-1".into()),
        containers: vec![container],
        volumes: vec![volume],
        ..Pod::default()
    }
}

fn partition(index: i32, leader: i32, isr: &[i32]) -> Partition {
    Partition {
        index,
        leader: (leader >= 0).then_some(BrokerId(leader)),
        replicas: vec![BrokerId(0), BrokerId(1), BrokerId(2)],
        isr: isr.iter().copied().map(BrokerId).collect(),
        ..Partition::default()
    }
}

impl Cluster {
    fn new() -> Self {
        let key = |n: i32| ObjectKey::new("ns", format!("kafka-{n}"));
        let broker = |n: i32| BrokerPod {
            pod: key(n),
            container: "kafka".into(),
            port: 9092,
            id_hint: Some(BrokerId(n)),
            score: 100,
            ..BrokerPod::default()
        };
        let installation = Installation {
            id: id(),
            flavour: Flavour::StatefulSet,
            wanted: Some(3),
            brokers: (0..3).map(broker).collect(),
            ..Installation::default()
        };
        let book = AddressBook {
            seeds: (0..3).map(|n| PodPort { pod: key(n), port: 9092 }).collect(),
            hosts: BTreeMap::new(),
            ids: (0..3).map(|n| (BrokerId(n), key(n))).collect(),
            way: None,
        };
        let mut cluster = Self { world: World::default(), installation, book, now: DateTime::UNIX_EPOCH };
        cluster.beat();
        cluster.tell(Source::Watch(Kind::Pods), Body::Listed((0..3).map(|n| Object::Pod(Box::new(pod(n)))).collect()));
        for n in 0..3 {
            cluster.contact(n, Contact::Answered);
        }
        cluster.topics(vec![partition(0, 0, &[0, 1, 2]), partition(1, 1, &[0, 1, 2])]);
        cluster.min_isr(2);
        cluster
    }

    fn tell(&mut self, source: Source, body: Body) {
        self.world.apply(Fact { source, seen_at: self.now, body });
    }

    fn kafka(&mut self, what: Asked, broker: Option<i32>, body: KafkaBody) {
        let source = Source::Kafka { installation: id(), what, broker: broker.map(BrokerId) };
        self.tell(source, Body::Kafka(body));
    }

    fn pass(&mut self, seconds: i64) {
        self.now += TimeDelta::seconds(seconds);
    }

    /// A heartbeat that is sent and comes back at once.
    fn beat(&mut self) {
        self.tell(Source::Link, Body::Heartbeat { sent_at: self.now });
    }

    fn link_fails(&mut self) {
        let failure = SourceFailure { kind: FailureKind::Timeout, what: "no answer".into(), hint: None };
        self.tell(Source::Link, Body::Failed(failure));
    }

    fn contact(&mut self, broker: i32, contact: Contact) {
        self.kafka(Asked::Contact, Some(broker), KafkaBody::Contact { broker: BrokerId(broker), contact });
    }

    fn topics(&mut self, partitions: Vec<Partition>) {
        let brokers =
            (0..3).map(|n| Advertised { id: BrokerId(n), host: format!("kafka-{n}"), port: 9092, rack: None });
        let topics = vec![Topic { name: "orders".into(), partitions, ..Topic::default() }];
        self.kafka(
            Asked::Metadata,
            None,
            KafkaBody::Metadata(Metadata { cluster_id: None, brokers: brokers.collect(), topics }),
        );
    }

    fn min_isr(&mut self, value: u32) {
        let entry = ConfigEntry {
            name: "min.insync.replicas".into(),
            value: Some(value.to_string()),
            ..ConfigEntry::default()
        };
        let config = TopicConfig { topic: "orders".into(), entries: vec![entry], complete: true };
        self.kafka(Asked::TopicConfigs, None, KafkaBody::TopicConfigs(vec![config]));
    }

    fn reading(&self) -> Reading<'_> {
        Reading { world: &self.world, installation: &self.installation, book: &self.book, now: self.now, counted: None }
    }

    fn summary(&self) -> Summary {
        let reading = self.reading();
        reading.summary(&reading.brokers(), &reading.storage(), &reading.groups())
    }

    fn verdict(&self) -> Verdict {
        let reading = self.reading();
        diagnose::judge(&reading, &self.summary(), &diagnose::findings(&reading, &[])).verdict
    }

    fn found(&self) -> Vec<&'static str> {
        diagnose::findings(&self.reading(), &[]).iter().map(|f| f.id).collect()
    }
}

/// The quorum that broker 2 leads; each voter had everything so many seconds before its answer, if ever.
fn quorum(at: DateTime<Utc>, behind: [Option<i64>; 3]) -> KafkaBody {
    let voter = |(id, behind): (i32, Option<i64>)| Replica {
        id: BrokerId(id),
        log_end: behind.map(|seconds| 100 - 2 * seconds),
        caught_up_at: behind.map(|seconds| at - TimeDelta::seconds(seconds)),
        ..Replica::default()
    };
    let observer = Replica { id: BrokerId(7), log_end: Some(90), ..Replica::default() };
    KafkaBody::Quorum(Quorum {
        leader: Some(BrokerId(2)),
        leader_epoch: 5,
        voters: (0..).zip(behind).map(voter).collect(),
        observers: vec![observer],
        ..Quorum::default()
    })
}

#[test]
fn the_quorum_says_who_leads_and_whether_a_majority_has_everything() {
    let mut cluster = Cluster::new();
    assert_eq!(cluster.reading().quorum(), None);
    cluster.kafka(Asked::Quorum, None, quorum(cluster.now, [Some(0), Some(30), Some(0)]));
    let quorum = cluster.reading().quorum().unwrap();
    let rows: Vec<_> =
        quorum.nodes.iter().map(|n| (n.id.0, n.role.word(), n.lag, n.caught_up, n.caught_up_s)).collect();
    let expected = [
        (2, "leader", Some(0), Some(true), Some(0)),
        (0, "voter", Some(0), Some(true), Some(0)),
        (1, "voter", Some(60), Some(false), Some(30)),
        (7, "observer", Some(10), Some(false), None),
    ];
    assert_eq!(rows, expected);
    assert_eq!(quorum.nodes[0].pod.as_deref(), Some("kafka-2"));
    assert_eq!((quorum.voters, quorum.voters_caught_up, quorum.majority_caught_up), (3, Some(2), Some(true)));
    let active: Vec<Option<bool>> = cluster.reading().brokers().iter().map(|b| b.active_controller).collect();
    assert_eq!(active, [Some(false), Some(false), Some(true)]);
}

#[test]
fn a_leader_that_nobody_follows_has_no_majority_and_one_that_tells_no_times_leaves_that_open() {
    let mut cluster = Cluster::new();
    cluster.kafka(Asked::Quorum, None, quorum(cluster.now, [None, Some(30), Some(0)]));
    let alone = cluster.reading().quorum().unwrap();
    assert_eq!((alone.voters_caught_up, alone.majority_caught_up), (Some(1), Some(false)));
    assert_eq!(alone.nodes[1].lag, None, "nothing was heard of it");
    let KafkaBody::Quorum(mut old) = quorum(cluster.now, [Some(0); 3]) else { panic!() };
    old.voters.iter_mut().for_each(|v| v.caught_up_at = None);
    cluster.kafka(Asked::Quorum, None, KafkaBody::Quorum(old));
    let open = cluster.reading().quorum().unwrap();
    assert_eq!((open.voters_caught_up, open.majority_caught_up, open.nodes[0].caught_up), (None, None, None));
}

#[test]
fn who_leads_is_not_known_any_more_once_the_quorum_is_not_told() {
    let mut cluster = Cluster::new();
    cluster.kafka(Asked::Quorum, None, quorum(cluster.now, [Some(0); 3]));
    let failure = SourceFailure { kind: FailureKind::Timeout, what: "no answer".into(), hint: None };
    let source = Source::Kafka { installation: id(), what: Asked::Quorum, broker: None };
    cluster.tell(source, Body::Failed(failure));
    assert!(cluster.reading().brokers().iter().all(|b| b.active_controller.is_none()));
    assert!(cluster.reading().quorum().is_some(), "what was known stays, with its age");
    assert_eq!(cluster.verdict(), Verdict::Ok, "the catalogue of findings is not here");
}

#[test]
fn three_ready_brokers_in_sync_are_ok() {
    let cluster = Cluster::new();
    assert_eq!(cluster.verdict(), Verdict::Ok);
    assert_eq!(cluster.summary().brokers.ready, Some(3));
    assert!(cluster.found().is_empty());
}

#[test]
fn a_silent_broker_counts_only_after_the_api_server_answered_a_later_heartbeat() {
    let mut cluster = Cluster::new();
    let asked_at = cluster.now + TimeDelta::seconds(1);
    cluster.pass(3);
    cluster.contact(1, Contact::Silent { asked_at });
    assert!(cluster.reading().silent().is_empty(), "nobody knows yet whether the tunnel or the broker is to blame");
    assert_eq!(cluster.summary().brokers.unknown, 1);
    cluster.pass(1);
    cluster.beat();
    assert!(cluster.reading().silent().contains(&BrokerId(1)));
    assert_eq!(
        cluster.reading().partition_counts().unwrap().offline,
        0,
        "others may lead what it led, as when it stops"
    );
    cluster.topics(vec![partition(0, 0, &[0, 1, 2]), partition(1, 1, &[0, 1, 2])]);
    assert_eq!(cluster.reading().partition_counts().unwrap().offline, 1, "what it leads cannot be reached");
    assert_eq!(cluster.verdict(), Verdict::Critical);
    cluster.pass(2);
    cluster.beat();
    cluster.pass(2);
    cluster.contact(1, Contact::Silent { asked_at });
    assert!(cluster.reading().silent().contains(&BrokerId(1)), "what is told again needs no new heartbeat");
    cluster.contact(1, Contact::Answered);
    assert_eq!(cluster.verdict(), Verdict::Ok);
}

#[test]
fn silence_while_the_api_server_is_away_never_means_that_brokers_failed() {
    let mut cluster = Cluster::new();
    let asked_at = cluster.now + TimeDelta::seconds(1);
    cluster.pass(3);
    for broker in 0..3 {
        cluster.contact(broker, Contact::Silent { asked_at });
    }
    cluster.pass(1);
    cluster.link_fails();
    assert!(cluster.found().is_empty());
    assert_eq!(cluster.verdict(), Verdict::Blind);
    cluster.pass(20);
    cluster.beat();
    cluster.pass(1);
    cluster.beat();
    assert!(cluster.reading().silent().is_empty(), "they were asked while the link was down");
    assert!(cluster.found().is_empty());
}

#[test]
fn figures_stay_with_their_age_when_the_link_is_lost() {
    let mut cluster = Cluster::new();
    cluster.pass(4);
    cluster.link_fails();
    let pods = cluster.reading().watch(Kind::Pods);
    assert_eq!(pods.state, SourceState::Stale);
    assert_eq!(pods.age_s(cluster.now), Some(4));
    assert_eq!(cluster.reading().brokers().len(), 3);
}

#[test]
fn a_heartbeat_that_stays_away_is_a_lost_link_even_if_nobody_says_so() {
    let mut cluster = Cluster::new();
    cluster.pass(6);
    assert_eq!(cluster.world.sources.link(cluster.now).state, SourceState::Stale);
}

#[test]
fn a_partition_without_a_leader_is_offline_and_found() {
    let mut cluster = Cluster::new();
    cluster.topics(vec![partition(0, -1, &[0])]);
    assert_eq!(cluster.found(), ["partitions-offline"]);
    assert_eq!(cluster.verdict(), Verdict::Critical);
}

#[test]
fn under_min_isr_is_found_only_when_the_minimum_is_known() {
    let mut cluster = Cluster::new();
    cluster.topics(vec![partition(0, 0, &[0])]);
    assert_eq!(cluster.found(), ["under-min-isr"]);
    cluster.world.kafka.get_mut(&id()).unwrap().configs.clear();
    assert!(cluster.found().is_empty());
    assert_eq!(cluster.reading().partition_counts().unwrap().min_isr_unknown, 1);
}

#[test]
fn a_crash_loop_is_found_with_the_reason_of_the_last_end() {
    let mut cluster = Cluster::new();
    let mut crashing = pod(1);
    crashing.ready = Some(false);
    crashing.containers[0].ready = false;
    crashing.containers[0].restarts = 4;
    crashing.containers[0].state =
        ContainerState::Waiting(Waiting { reason: "CrashLoopBackOff".into(), message: String::new() });
    crashing.containers[0].last = Some(Terminated { reason: "Error".into(), exit_code: 1, ..Terminated::default() });
    cluster.tell(Source::Watch(Kind::Pods), Body::Applied(Box::new(Object::Pod(Box::new(crashing)))));
    let reading = cluster.reading();
    let findings = diagnose::findings(&reading, &[]);
    assert_eq!(findings[0].id, "broker-crash-loop");
    assert!(findings[0].title.contains("exit 1"), "{}", findings[0].title);
    assert_eq!(reading.brokers()[1].state, "CrashLoopBackOff (exit 1)");
}

#[test]
fn a_finding_keeps_the_moment_it_was_first_concluded() {
    let mut cluster = Cluster::new();
    cluster.topics(vec![partition(0, -1, &[0])]);
    let first = diagnose::findings(&cluster.reading(), &[]);
    cluster.pass(3);
    let again = diagnose::findings(&cluster.reading(), &first);
    assert_eq!(again[0].since, first[0].since);
}

#[test]
fn a_broker_that_is_not_registered_is_fenced_although_its_pod_is_ready() {
    let mut cluster = Cluster::new();
    cluster.world.kafka.get_mut(&id()).unwrap().advertised.remove(&BrokerId(2));
    let row = &cluster.reading().brokers()[2];
    assert_eq!((row.ready, row.state.as_str()), (Some(false), "fenced"));
}

#[test]
fn lag_is_a_lower_bound_while_an_end_is_missing_and_a_deleted_topic_has_none() {
    let mut cluster = Cluster::new();
    let commit = |topic: &str, partition, offset| Committed { topic: topic.into(), partition, offset };
    let group = Group { id: "app".into(), state: "Stable".into(), ..Group::default() };
    cluster.kafka(Asked::Groups, Some(0), KafkaBody::Groups(vec![group]));
    let commits = vec![commit("orders", 0, 10), commit("orders", 1, 5), commit("gone", 0, 7)];
    let commits = Commits { group: "app".into(), error: None, commits };
    cluster.kafka(Asked::Offsets, Some(0), KafkaBody::Commits(vec![commits]));
    let end = |partition, offset| EndOffset { topic: "orders".into(), partition, offset };
    cluster.kafka(Asked::EndOffsets, Some(0), KafkaBody::EndOffsets(vec![end(0, 25)]));
    let row = cluster.reading().groups().remove(0);
    assert_eq!((row.lag, row.lag_incomplete), (Some(15), true));
    cluster.kafka(Asked::EndOffsets, Some(1), KafkaBody::EndOffsets(vec![end(1, 5)]));
    let row = cluster.reading().groups().remove(0);
    assert_eq!((row.lag, row.lag_incomplete), (Some(15), false));
}

#[test]
fn one_coordinators_groups_replace_its_own_and_leave_the_others() {
    let mut cluster = Cluster::new();
    let group = |id: &str| Group { id: id.into(), state: "Stable".into(), ..Group::default() };
    cluster.kafka(Asked::Groups, Some(0), KafkaBody::Groups(vec![group("a"), group("b")]));
    cluster.kafka(Asked::Groups, Some(1), KafkaBody::Groups(vec![group("c")]));
    cluster.kafka(Asked::Groups, Some(0), KafkaBody::Groups(vec![group("b")]));
    let ids: Vec<String> = cluster.reading().groups().into_iter().map(|g| g.id).collect();
    assert_eq!(ids, ["b", "c"]);
}

#[test]
fn the_ladder_prefers_the_broker_then_the_kubelet_then_the_sum_of_replicas() {
    let mut cluster = Cluster::new();
    let claim = Claim {
        meta: Meta { namespace: "ns".into(), name: "data-kafka-0".into(), ..Meta::default() },
        phase: "Bound".into(),
        requested_bytes: Some(1000),
        ..Claim::default()
    };
    cluster.tell(Source::Watch(Kind::Claims), Body::Listed(vec![Object::Claim(claim)]));
    let used = |c: &Cluster| {
        let row = c.reading().storage().remove(0);
        (row.used_bytes, row.used_source)
    };
    assert_eq!(used(&cluster), (None, None));
    let dir = |total| LogDir {
        path: "/data/logs".into(),
        total_bytes: Some(total),
        usable_bytes: Some(total - 300),
        ..LogDir::default()
    };
    cluster.kafka(Asked::LogDirs, Some(0), KafkaBody::LogDirs(vec![dir(1000)]));
    assert_eq!(used(&cluster), (Some(300), Some(UsedSource::LogDirs)));
    cluster.kafka(Asked::LogDirs, Some(0), KafkaBody::LogDirs(vec![dir(50_000)]));
    assert_eq!(used(&cluster), (Some(0), Some(UsedSource::Replicas)), "a node's whole disk says nothing of the claim");
    let measured = VolumeUse { claim: ObjectKey::new("ns", "data-kafka-0"), capacity_bytes: 1000, used_bytes: 400 };
    cluster.tell(Source::Volumes { node: "node-1".into() }, Body::Volumes(vec![measured]));
    assert_eq!(used(&cluster), (Some(400), Some(UsedSource::Kubelet)));
}

#[test]
fn one_broken_source_leaves_the_others_live() {
    let mut cluster = Cluster::new();
    let failure =
        SourceFailure { kind: FailureKind::Forbidden, what: "list is forbidden".into(), hint: Some("ask".into()) };
    cluster.tell(Source::Watch(Kind::Claims), Body::Failed(failure));
    assert_eq!(cluster.reading().watch(Kind::Claims).state, SourceState::Blind);
    assert_eq!(cluster.reading().watch(Kind::Pods).state, SourceState::Live);
    assert_eq!(cluster.verdict(), Verdict::Ok, "claims are optional for the verdict");
}

#[test]
fn a_kind_that_the_cluster_does_not_have_is_an_answer_and_no_blindness() {
    let mut cluster = Cluster::new();
    let failure = SourceFailure { kind: FailureKind::Unsupported, what: "there is no such kind".into(), hint: None };
    cluster.tell(Source::Watch(Kind::Rules), Body::Failed(failure));
    assert_eq!(cluster.reading().watch(Kind::Rules).state, SourceState::Live);
    assert!(cluster.world.absent.contains_key(&Kind::Rules));
    assert!(cluster.reading().alerts().is_empty());
}

#[test]
fn nodes_that_kubernetes_lost_sight_of_leave_brokers_unknown_and_the_verdict_blind() {
    let mut cluster = Cluster::new();
    let mut unheard = pod(1);
    unheard.ready = Some(false);
    cluster.tell(Source::Watch(Kind::Pods), Body::Applied(Box::new(Object::Pod(Box::new(unheard)))));
    assert_eq!(cluster.reading().brokers()[1].ready, None);
    assert_eq!(cluster.verdict(), Verdict::Blind);
}

#[test]
fn an_unchanged_object_is_no_reason_to_draw() {
    let mut cluster = Cluster::new();
    let again = Fact {
        source: Source::Watch(Kind::Pods),
        seen_at: cluster.now,
        body: Body::Applied(Box::new(Object::Pod(Box::new(pod(0))))),
    };
    assert!(!cluster.world.apply(again).shown);
    assert!(Arc::strong_count(&cluster.world.kube.pods[&ObjectKey::new("ns", "kafka-0")]) == 1);
}

#[test]
fn what_may_be_listed_and_not_watched_is_seen_and_says_why_it_is_no_fresher() {
    let mut cluster = Cluster::new();
    let pods = || (0..3).map(|n| Object::Pod(Box::new(pod(n)))).collect();
    let why = SourceFailure { kind: FailureKind::Forbidden, what: "no watch".into(), hint: Some("ask".into()) };
    cluster.tell(Source::Watch(Kind::Pods), Body::Polled { objects: pods(), why });
    let fresh = cluster.reading().watch(Kind::Pods);
    assert_eq!((fresh.state, fresh.why.as_deref()), (SourceState::Live, Some("no watch")));
    assert_eq!(cluster.verdict(), Verdict::Ok, "what is listed every few seconds is not blind");
    cluster.tell(Source::Watch(Kind::Pods), Body::Listed(pods()));
    assert_eq!(cluster.reading().watch(Kind::Pods).why, None, "from then on it is watched");
}

#[test]
fn claims_and_rules_that_cannot_be_seen_are_not_counted_as_none() {
    let mut cluster = Cluster::new();
    assert_eq!((cluster.summary().storage.bound, cluster.summary().alerts.rules), (None, None));
    cluster.tell(Source::Watch(Kind::Rules), Body::Listed(Vec::new()));
    assert_eq!(cluster.summary().alerts.rules, Some(0));
}
