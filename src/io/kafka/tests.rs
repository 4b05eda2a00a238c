//! Connections and the whole observer against brokers of paper, in time that tests own.

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use futures::future::join_all;
use kafka_protocol::messages::{
    ApiKey, ApiVersionsRequest, ConsumerGroupDescribeRequest, DescribeAclsRequest, DescribeClientQuotasRequest,
    DescribeConfigsRequest, DescribeGroupsRequest, DescribeLogDirsRequest, DescribeQuorumRequest,
    DescribeUserScramCredentialsRequest, ListGroupsRequest, ListOffsetsRequest, MetadataRequest, OffsetFetchRequest,
};
use tokio::{
    io::AsyncWriteExt,
    sync::{Notify, mpsc, watch},
    time::{Instant, advance, sleep, timeout_at},
};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    Observer, ObserverSetup, answers, configs,
    connection::{Connection, RequestCounts},
    failure::CallError,
    observe, quorum,
    scripted::{Paper, Script, Way, samples},
};
use crate::{
    clock::Clock,
    domain::{
        acl::{Authorizer, Permission},
        broker::Contact,
        config::{ConfigInquiry, Owner},
        freshness::{Asked, FailureKind, Source, SourceFailure},
        ids::{BrokerId, InstallationId},
        installation::AddressBook,
    },
    facts::{Body, Fact, KafkaBody},
    io::secrets::NoSecrets,
    wire::{
        frame,
        requests::{self, Ask},
    },
};

const FIRST: Duration = Duration::from_secs(10);
const DEADLINE: Duration = Duration::from_secs(5);

async fn open(paper: &Arc<Paper>) -> Result<Connection, CallError> {
    Connection::open(paper.stream(0), FIRST, DEADLINE, Arc::new(RequestCounts::default())).await
}

#[tokio::test(start_paused = true)]
async fn many_questions_are_on_their_way_at_once() {
    let paper = Paper::new(1);
    let counts = Arc::new(RequestCounts::default());
    let connection = Connection::open(paper.stream(0), FIRST, DEADLINE, Arc::clone(&counts)).await.unwrap();
    assert!(connection.features().kraft);
    assert_eq!(connection.features().metadata_version, Some(25));
    let request = requests::metadata();
    let answers = join_all((0..200).map(|_| connection.call(&request))).await;
    assert!(answers.iter().all(|a| a.as_ref().is_ok_and(|a| a.body.topics.len() == 1 && a.bytes > 100)));
    assert_eq!(counts.by_name(), BTreeMap::from([("ApiVersions".to_owned(), 1), ("Metadata".to_owned(), 200)]));
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_hangs_up_in_the_middle_of_an_answer_is_told_to_everybody_who_waits() {
    let paper = Paper::new(1);
    let connection = open(&paper).await.unwrap();
    paper.set(0, Script::BreaksOff);
    let (first, second) = (requests::metadata(), requests::list_groups());
    let (first, second) = tokio::join!(connection.call(&first), connection.call(&second));
    for error in [first.unwrap_err(), second.unwrap_err()] {
        assert!(matches!(&error, CallError::Garbled { why } if why.contains("broke off after")), "{error:?}");
    }
    assert!(connection.call(&requests::metadata()).await.is_err(), "and nothing can be asked any more");
}

#[tokio::test(start_paused = true)]
async fn what_is_not_kafka_is_refused_with_the_length_that_it_announces() {
    let paper = Paper::new(1);
    for (script, length) in [(Script::Garbage, "1213486160"), (Script::Huge, "2147483647")] {
        paper.set(0, script);
        let error = open(&paper).await.unwrap_err();
        assert!(matches!(&error, CallError::Garbled { why } if why.contains(length)), "{error:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_nobody_asked_for_closes_the_connection() {
    let (ours, mut theirs) = tokio::io::duplex(1 << 10);
    theirs.write_all(&[0, 0, 0, 6, 0, 0, 0, 9, 0, 0]).await.unwrap();
    let error = Connection::open(Box::new(ours), FIRST, DEADLINE, Arc::default()).await.unwrap_err();
    assert!(matches!(&error, CallError::Garbled { why } if why.contains("nobody asked")), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn a_late_answer_is_still_a_sign_of_life() {
    let paper = Paper::new(1);
    let connection = open(&paper).await.unwrap();
    let standing = connection.standing();
    paper.set(0, Script::Slow(7_000));
    let error = connection.call(&requests::list_groups()).await.unwrap_err();
    assert_eq!(error, CallError::Timeout { after: DEADLINE });
    assert!(standing.borrow().oldest.is_some(), "it still owes the answer");
    paper.set(0, Script::Well);
    sleep(Duration::from_secs(3)).await;
    assert_eq!((standing.borrow().answered, standing.borrow().oldest), (2, None));
    assert!(connection.call(&requests::list_groups()).await.is_ok(), "later answers find who asked");
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_is_too_old_is_refused_in_words() {
    let paper = Paper::new(1);
    paper.set(0, Script::Old);
    let connection = open(&paper).await.unwrap();
    assert!(!connection.features().kraft);
    let error = connection.call(&requests::metadata()).await.unwrap_err();
    assert_eq!(error.to_string(), "Metadata version 9 is needed and the newest offered is 2");
}

/// An answer decoded and put into our words, whatever comes of it.
fn digest(key: ApiKey, version: i16, frame: Bytes) {
    fn decoded<R: Ask>(frame: Bytes, version: i16) -> Option<R::Response> {
        frame::decode::<R>(frame, version).ok()
    }
    match key {
        ApiKey::ApiVersions => drop(decoded::<ApiVersionsRequest>(frame.clone(), version)),
        ApiKey::Metadata => drop(decoded::<MetadataRequest>(frame, version).map(|a| answers::metadata(&a))),
        ApiKey::ListGroups => drop(decoded::<ListGroupsRequest>(frame, version).map(|a| answers::groups(&a))),
        ApiKey::DescribeGroups => {
            drop(decoded::<DescribeGroupsRequest>(frame, version).map(|a| answers::described(&a)));
        }
        ApiKey::ConsumerGroupDescribe => {
            drop(decoded::<ConsumerGroupDescribeRequest>(frame, version).map(|a| answers::consumers_described(&a)));
        }
        ApiKey::OffsetFetch => drop(decoded::<OffsetFetchRequest>(frame, version).map(|a| answers::commits(&a))),
        ApiKey::ListOffsets => drop(decoded::<ListOffsetsRequest>(frame, version).map(|a| answers::end_offsets(&a))),
        ApiKey::DescribeLogDirs => {
            drop(decoded::<DescribeLogDirsRequest>(frame, version).map(|a| answers::log_dirs(&a)));
        }
        ApiKey::DescribeConfigs => {
            let answer = decoded::<DescribeConfigsRequest>(frame, version);
            drop(answer.map(|a| (configs::of_topics(&a, true), configs::read(&a))));
        }
        ApiKey::DescribeQuorum => drop(decoded::<DescribeQuorumRequest>(frame, version).map(|a| quorum::read(&a))),
        ApiKey::DescribeUserScramCredentials => {
            drop(decoded::<DescribeUserScramCredentialsRequest>(frame, version).map(|a| answers::scram_users(&a)));
        }
        ApiKey::DescribeAcls => drop(decoded::<DescribeAclsRequest>(frame, version).map(|a| answers::acls(&a))),
        ApiKey::DescribeClientQuotas => {
            drop(decoded::<DescribeClientQuotasRequest>(frame, version).map(|a| answers::quotas(&a)));
        }
        other => panic!("{other:?} is not asked"),
    }
}

/// The same numbers in every run (xorshift).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides as u64) as usize
    }
}

fn mutated(sample: &Bytes, dice: &mut Dice) -> Bytes {
    let mut bytes = BytesMut::from(&sample[..]);
    for _ in 0..=dice.roll(4) {
        let at = dice.roll(bytes.len());
        match dice.roll(5) {
            0 => bytes[at] = dice.roll(256) as u8,
            1 => bytes[at] = 0xff,
            2 => bytes[at] ^= 1 << dice.roll(8),
            3 => bytes.truncate(at.max(5)),
            _ => {
                let huge = [0xff, 0xff, 0xff, 0xff, 0x0f];
                let room = (bytes.len() - at).min(huge.len());
                bytes[at..at + room].copy_from_slice(&huge[..room]);
            }
        }
    }
    bytes.freeze()
}

#[test]
fn answers_that_are_broken_in_any_way_are_refused_or_read_but_never_bring_us_down() {
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    for ((key, version), sample) in samples() {
        for length in 0..sample.len() {
            digest(key, version, sample.slice(..length));
            // The largest number at every place, which once asked for 400 GB.
            let mut bytes = sample.to_vec();
            for (byte, huge) in bytes[length..].iter_mut().zip([0xff, 0xff, 0xff, 0xff, 0x0f]) {
                *byte = huge;
            }
            digest(key, version, Bytes::from(bytes));
        }
        for _ in 0..3_000 {
            digest(key, version, mutated(&sample, &mut dice));
        }
    }
}

#[test]
fn every_answer_is_read_in_every_version_that_is_used() {
    let samples = samples();
    let read = |key, version| samples[&(key, version)].clone();
    for version in 9..=13 {
        let answer = frame::decode::<MetadataRequest>(read(ApiKey::Metadata, version), version).unwrap();
        let metadata = answers::metadata(&answer).unwrap();
        assert_eq!((metadata.brokers.len(), metadata.topics[0].partitions.len()), (3, 6));
        assert_eq!(metadata.topics[0].partitions[4].leader, Some(BrokerId(1)));
    }
    for version in 8..=9 {
        let answer = frame::decode::<OffsetFetchRequest>(read(ApiKey::OffsetFetch, version), version).unwrap();
        let commits = answers::commits(&answer);
        assert_eq!(
            (commits[0].0.commits.len(), commits[1].1),
            (5, 30),
            "no commit is no offset; one may be unreadable"
        );
    }
    for version in 2..=4 {
        let answer = frame::decode::<DescribeLogDirsRequest>(read(ApiKey::DescribeLogDirs, version), version).unwrap();
        let dirs = answers::log_dirs(&answer).unwrap();
        assert_eq!(dirs[0].total_bytes, (version == 4).then_some(1000), "only version 4 tells sizes");
        assert_eq!(dirs[1].error.as_deref(), Some("the disk failed (KAFKA_STORAGE_ERROR)"));
    }
    for version in 5..=6 {
        let answer = frame::decode::<DescribeGroupsRequest>(read(ApiKey::DescribeGroups, version), version).unwrap();
        let described = answers::described(&answer);
        assert_eq!(described["a"].members.as_ref().unwrap()[0].assigned, [("orders".to_owned(), 0)]);
        assert_eq!(described["unreadable"].members, None);
    }
}

#[test]
fn users_are_read_in_every_version_that_is_used() {
    let samples = samples();
    let read = |key, version| samples[&(key, version)].clone();
    let frame = read(ApiKey::DescribeUserScramCredentials, 0);
    let users = answers::scram_users(&frame::decode::<DescribeUserScramCredentialsRequest>(frame, 0).unwrap()).unwrap();
    let mechanisms: Vec<&str> = users[0].credentials.iter().map(|c| c.mechanism.as_str()).collect();
    assert_eq!((users[0].name.as_str(), mechanisms.join(" ")), ("app", "SCRAM-SHA-256 SCRAM-SHA-512".to_owned()));
    assert_eq!(users[1].error.as_deref(), Some("not authorized for the cluster (CLUSTER_AUTHORIZATION_FAILED)"));
    for version in 2..=3 {
        let frame = read(ApiKey::DescribeAcls, version);
        let acls = answers::acls(&frame::decode::<DescribeAclsRequest>(frame, version).unwrap()).unwrap();
        let Authorizer::Present(acls) = acls else { panic!("{acls:?}") };
        assert_eq!((acls.len(), acls[0].permission, acls[2].operation.as_str()), (3, Permission::Deny, "Read"));
    }
    let frame = read(ApiKey::DescribeClientQuotas, 1);
    let quotas = answers::quotas(&frame::decode::<DescribeClientQuotasRequest>(frame, 1).unwrap()).unwrap();
    assert_eq!((quotas[0].user(), quotas[1].limits["producer_byte_rate"]), (Some(None), 1_048_576.0));
}

/// An observation of a cluster of paper.
struct Watch {
    observer: Observer,
    facts: mpsc::Receiver<Fact>,
    routes: watch::Sender<Arc<AddressBook>>,
    refresh: Arc<Notify>,
    on_silence: Arc<Notify>,
    start: Instant,
    _cancel: DropGuard,
}

type Told = Vec<(Duration, Fact)>;

impl Watch {
    fn start(paper: &Arc<Paper>) -> Self {
        let (routes, book) = watch::channel(Arc::new(paper.book()));
        let (sender, facts) = mpsc::channel(1024);
        let (refresh, on_silence) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let cancel = CancellationToken::new();
        let setup = ObserverSetup {
            installation: InstallationId::new("ns", "kafka"),
            transport: Arc::new(Way(Arc::clone(paper))),
            secrets: Arc::new(NoSecrets),
            routes: book,
            refresh: Arc::clone(&refresh),
            eager: tokio::sync::watch::channel(false).1,
            on_silence: Arc::clone(&on_silence),
            clock: Clock::driven(chrono::DateTime::UNIX_EPOCH),
            facts: sender,
        };
        let observer = observe(setup, &cancel);
        let start = Instant::now();
        Self { observer, facts, routes, refresh, on_silence, start, _cancel: cancel.drop_guard() }
    }

    /// Everything that is told until `at`, counted from the start.
    async fn until(&mut self, at: Duration) -> Told {
        let mut told = Told::new();
        while let Ok(Some(fact)) = timeout_at(self.start + at, self.facts.recv()).await {
            told.push((self.start.elapsed(), fact));
        }
        told
    }
}

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// When a source answered.
fn answered(told: &Told, what: Asked, broker: Option<i32>) -> Vec<Duration> {
    let source = |f: &Fact| {
        matches!(&f.source, Source::Kafka { what: w, broker: b, .. } if *w == what && *b == broker.map(BrokerId))
            && matches!(f.body, Body::Kafka(_))
    };
    told.iter().filter(|(_, f)| source(f)).map(|(at, _)| *at).collect()
}

fn failed(told: &Told, what: Asked, broker: Option<i32>) -> Option<SourceFailure> {
    told.iter().find_map(|(_, f)| match (&f.source, &f.body) {
        (Source::Kafka { what: w, broker: b, .. }, Body::Failed(failure))
            if *w == what && *b == broker.map(BrokerId) =>
        {
            Some(failure.clone())
        }
        _ => None,
    })
}

fn contacts(told: &Told, id: i32) -> Vec<(Duration, Contact)> {
    told.iter()
        .filter_map(|(at, f)| match &f.body {
            Body::Kafka(KafkaBody::Contact { broker, contact }) if broker.0 == id => Some((*at, contact.clone())),
            _ => None,
        })
        .collect()
}

fn everything_of(told: &Told, broker: i32) {
    for what in [Asked::Groups, Asked::Offsets, Asked::EndOffsets, Asked::LogDirs] {
        assert!(!answered(told, what, Some(broker)).is_empty(), "{what} of broker {broker}");
    }
}

fn with_groups() -> Arc<Paper> {
    let paper = Paper::new(3);
    for broker in 0..3 {
        paper.groups.lock().unwrap().insert(broker, vec![format!("app-{broker}"), format!("consumer-{broker}")]);
    }
    paper
}

#[tokio::test(start_paused = true)]
async fn everything_is_known_within_a_second() {
    let mut watch = Watch::start(&with_groups());
    let told = watch.until(s(1)).await;
    assert!(!answered(&told, Asked::Metadata, None).is_empty());
    assert!(!answered(&told, Asked::TopicConfigs, None).is_empty());
    for broker in 0..3 {
        everything_of(&told, broker);
        assert_eq!(contacts(&told, broker).last().unwrap().1, Contact::Answered);
    }
    let ends = told.iter().find_map(|(_, f)| match (&f.source, &f.body) {
        (Source::Kafka { broker: Some(BrokerId(0)), .. }, Body::Kafka(KafkaBody::EndOffsets(ends))) => Some(ends),
        _ => None,
    });
    assert_eq!(ends.unwrap().iter().map(|e| e.partition).collect::<Vec<_>>(), [3], "what moved is left out");
    let members: Vec<usize> = told
        .iter()
        .filter_map(|(_, f)| match &f.body {
            Body::Kafka(KafkaBody::Groups(groups)) => groups[1].members.as_ref().map(|m| m[0].assigned.len()),
            _ => None,
        })
        .collect();
    assert_eq!(members, [2, 2, 2], "the consumer protocol's members are described too");
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_is_frozen_from_the_start_delays_nobody() {
    let paper = with_groups();
    paper.set(1, Script::Frozen);
    let mut watch = Watch::start(&paper);
    let silent = watch.on_silence.clone();
    let told = watch.until(s(1)).await;
    assert!(!answered(&told, Asked::Metadata, None).is_empty());
    everything_of(&told, 0);
    everything_of(&told, 2);
    assert!(answered(&told, Asked::Groups, Some(1)).is_empty());
    let told = watch.until(s(5)).await;
    let (at, contact) = contacts(&told, 1).remove(0);
    assert!(matches!(contact, Contact::Silent { .. }) && at <= Duration::from_millis(2_100), "{contact:?} {at:?}");
    silent.notified().await;
    assert_eq!(failed(&told, Asked::Groups, Some(1)).unwrap().kind, FailureKind::Timeout);
    paper.set(1, Script::Well);
    let told = watch.until(s(10)).await;
    assert_eq!(contacts(&told, 1)[0].1, Contact::Answered);
    everything_of(&told, 1);
}

#[tokio::test(start_paused = true)]
async fn what_a_slow_coordinator_tells_has_its_ends_before_the_next_pass() {
    let paper = Paper::new(3);
    paper.groups.lock().unwrap().insert(1, vec!["app".to_owned()]);
    paper.set(1, Script::Slow(400));
    let told = Watch::start(&paper).until(Duration::from_millis(4_500)).await;
    let commits = answered(&told, Asked::Offsets, Some(1)).remove(0);
    assert!(commits > Duration::from_millis(700), "it is slower than others wait: {commits:?}");
    let ends = told.iter().find_map(|(at, f)| match &f.body {
        Body::Kafka(KafkaBody::EndOffsets(ends)) if !ends.is_empty() => Some(*at),
        _ => None,
    });
    assert!(ends.is_some_and(|ends| (commits..commits + s(1)).contains(&ends)), "{commits:?} {ends:?}");
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_freezes_later_delays_no_metadata_and_is_found_again() {
    let paper = with_groups();
    let mut watch = Watch::start(&paper);
    watch.until(s(10)).await;
    paper.set(0, Script::Frozen);
    let told = watch.until(s(40)).await;
    for what in [(Asked::Metadata, None), (Asked::Groups, Some(1)), (Asked::Groups, Some(2))] {
        let at = answered(&told, what.0, what.1);
        let gap = at.windows(2).map(|w| w[1].saturating_sub(w[0])).max().unwrap();
        assert!(gap <= Duration::from_millis(2_600), "{what:?}: {gap:?}");
    }
    let seen = contacts(&told, 0);
    let (silent, _) = seen.iter().find(|(_, c)| matches!(c, Contact::Silent { .. })).unwrap();
    assert!(*silent <= s(10) + Duration::from_millis(4_100), "silent at {silent:?}");
    let told_again = seen.windows(2).map(|w| w[1].0.saturating_sub(w[0].0)).max().unwrap();
    assert!(told_again <= s(10), "{told_again:?}");
    paper.set(0, Script::Well);
    let told = watch.until(s(47)).await;
    assert!(contacts(&told, 0).iter().any(|(_, c)| *c == Contact::Answered));
    everything_of(&told, 0);
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_speaks_no_kafka_is_called_garbled_and_the_others_go_on() {
    for script in [Script::Garbage, Script::Huge, Script::BreaksOff] {
        let paper = with_groups();
        paper.set(0, script);
        let mut watch = Watch::start(&paper);
        let told = watch.until(s(4)).await;
        assert!(contacts(&told, 0).iter().any(|(_, c)| matches!(c, Contact::Garbled { .. })), "{script:?}");
        assert!(answered(&told, Asked::Metadata, None).len() >= 2, "{script:?}");
        everything_of(&told, 1);
        everything_of(&told, 2);
        if script != Script::BreaksOff {
            assert_eq!(failed(&told, Asked::Groups, Some(0)).unwrap().kind, FailureKind::Garbage);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_refuses_is_dialled_until_it_is_back() {
    let paper = with_groups();
    paper.set(2, Script::Refuses);
    let mut watch = Watch::start(&paper);
    let told = watch.until(s(20)).await;
    assert!(matches!(&contacts(&told, 2)[0].1, Contact::Refused { why } if why.contains("connection refused")));
    assert_eq!(failed(&told, Asked::LogDirs, Some(2)).unwrap().kind, FailureKind::Unreachable);
    everything_of(&told, 0);
    paper.set(2, Script::Well);
    let told = watch.until(s(36)).await;
    let (at, contact) = &contacts(&told, 2).into_iter().find(|(_, c)| *c == Contact::Answered).unwrap();
    assert!(*contact == Contact::Answered && *at <= s(26), "{at:?}");
    everything_of(&told, 2);
}

#[tokio::test(start_paused = true)]
async fn a_broker_is_not_blamed_for_an_api_server_that_does_not_answer() {
    let paper = with_groups();
    let mut watch = Watch::start(&paper);
    watch.until(s(5)).await;
    (0..3).for_each(|broker| paper.set(broker, Script::CutOff));
    let told = watch.until(s(30)).await;
    for broker in 0..3 {
        assert!(contacts(&told, broker).iter().all(|(at, _)| *at < s(8)), "nothing is known of it");
        assert_eq!(failed(&told, Asked::Groups, Some(broker)).unwrap().kind, FailureKind::Unreachable);
    }
    assert!(failed(&told, Asked::Metadata, None).unwrap().what.contains("the API server does not answer"));
    (0..3).for_each(|broker| paper.set(broker, Script::Well));
    let told = watch.until(s(42)).await;
    (0..3).for_each(|broker| everything_of(&told, broker));
    assert_eq!(contacts(&told, 0).last().unwrap().1, Contact::Answered);
}

#[tokio::test(start_paused = true)]
async fn two_hundred_and_fifty_groups_take_three_requests_and_a_leader_takes_one() {
    let paper = Paper::new(3);
    let mut groups: Vec<String> = (0..249).map(|i| format!("app-{i:03}")).collect();
    groups.push("unreadable".to_owned());
    paper.groups.lock().unwrap().insert(0, groups);
    let mut watch = Watch::start(&paper);
    let told = watch.until(s(1)).await;
    let asked = |key: ApiKey| -> Vec<usize> {
        let seen = paper.seen.lock().unwrap();
        seen.iter().filter(|(broker, k, _)| *broker == 0 && *k == key).map(|(_, _, n)| *n).collect()
    };
    assert_eq!(asked(ApiKey::OffsetFetch), [100, 100, 50]);
    assert_eq!(asked(ApiKey::DescribeGroups), [100, 100, 50]);
    assert_eq!(asked(ApiKey::ListOffsets), [2]);
    assert_eq!(paper.count(1, ApiKey::ListOffsets), 1);
    assert_eq!(paper.count(1, ApiKey::OffsetFetch), 0, "who has no groups is not asked for commits");
    assert_eq!(watch.observer.request_counts()["ListOffsets"], 3);
    let commits = told.iter().find_map(|(_, f)| match &f.body {
        Body::Kafka(KafkaBody::Commits(commits)) if !commits.is_empty() => Some(commits),
        _ => None,
    });
    let commits = commits.unwrap();
    let (good, bad): (Vec<_>, Vec<_>) = commits.iter().partition(|c| c.error.is_none());
    assert_eq!((good.len(), bad.len(), bad[0].group.as_str()), (249, 1, "unreadable"));
    let metadata: usize = (0..3).map(|b| paper.count(b, ApiKey::Metadata)).sum();
    assert_eq!(metadata, 1);
}

#[tokio::test(start_paused = true)]
async fn a_new_topic_has_its_config_asked_for_at_once_and_only_its_own() {
    let paper = with_groups();
    let mut watch = Watch::start(&paper);
    watch.until(s(5)).await;
    paper.topics.lock().unwrap().insert("payments".to_owned(), 1);
    let told = watch.until(s(8)).await;
    assert_eq!(answered(&told, Asked::TopicConfigs, None).len(), 1);
    let asked = watch.observer.request_counts()["DescribeConfigs"];
    assert_eq!(asked, 3 + 2, "each broker for its own, and twice for one topic");
}

#[tokio::test(start_paused = true)]
async fn a_refresh_asks_everything_at_once() {
    let mut watch = Watch::start(&with_groups());
    watch.until(Duration::from_millis(5_500)).await;
    watch.refresh.notify_one();
    let told = watch.until(Duration::from_millis(5_600)).await;
    assert_eq!(answered(&told, Asked::Metadata, None).len(), 1);
    assert_eq!(answered(&told, Asked::TopicConfigs, None).len(), 1);
    for what in [Asked::ScramUsers, Asked::Acls, Asked::Quotas] {
        assert_eq!(answered(&told, what, None).len(), 1, "{what}");
    }
    (0..3).for_each(|broker| everything_of(&told, broker));
}

#[tokio::test(start_paused = true)]
async fn the_quorum_is_told_every_three_seconds_on_a_connection_of_its_own() {
    let paper = with_groups();
    let mut watch = Watch::start(&paper);
    let told = watch.until(s(10)).await;
    assert_eq!(answered(&told, Asked::Quorum, None).len(), 4);
    let quorum = told.iter().find_map(|(_, f)| match &f.body {
        Body::Kafka(KafkaBody::Quorum(quorum)) => Some(quorum),
        _ => None,
    });
    assert_eq!(quorum.map(|q| (q.leader, q.voters.len())), Some((Some(BrokerId(0)), 3)));
    // Each connection begins with ApiVersions: three serve, and one stands aside.
    assert_eq!(watch.observer.request_counts()["ApiVersions"], 4);
}

#[tokio::test(start_paused = true)]
async fn a_quorum_that_is_lost_holds_up_nothing_else_and_makes_no_broker_silent() {
    let paper = with_groups();
    let mut watch = Watch::start(&paper);
    watch.until(s(4)).await;
    paper.controlled.store(false, Relaxed);
    let told = watch.until(s(40)).await;
    let failure = failed(&told, Asked::Quorum, None).unwrap();
    assert_eq!(failure.kind, FailureKind::Timeout);
    assert_eq!(failure.what, "Asking the brokers for quorum failed: no answer within 2.5 s.");
    for what in [(Asked::Metadata, None), (Asked::Groups, Some(0)), (Asked::Groups, Some(2))] {
        let at = answered(&told, what.0, what.1);
        let gap = at.windows(2).map(|w| w[1].saturating_sub(w[0])).max().unwrap();
        assert!(gap <= Duration::from_millis(2_100), "{what:?}: {gap:?}");
    }
    for broker in 0..3 {
        assert!(contacts(&told, broker).iter().all(|(_, c)| *c == Contact::Answered), "{:?}", contacts(&told, broker));
    }
    paper.controlled.store(true, Relaxed);
    let told = watch.until(s(47)).await;
    assert!(!answered(&told, Asked::Quorum, None).is_empty(), "a new leader is seen");
}

#[tokio::test(start_paused = true)]
async fn in_zookeeper_mode_nobody_is_asked_for_a_quorum() {
    let paper = with_groups();
    paper.zookeeper.store(true, Relaxed);
    let mut watch = Watch::start(&paper);
    let told = watch.until(s(20)).await;
    everything_of(&told, 0);
    assert!(failed(&told, Asked::Quorum, None).is_none() && answered(&told, Asked::Quorum, None).is_empty());
    assert!(!watch.observer.request_counts().contains_key("DescribeQuorum"));
}

#[tokio::test(start_paused = true)]
async fn a_quorum_that_may_not_be_seen_says_which_permission_is_missing_and_is_rarely_asked_for() {
    let paper = with_groups();
    (0..3).for_each(|broker| paper.set(broker, Script::Forbidden));
    let mut watch = Watch::start(&paper);
    let told = watch.until(s(50)).await;
    let denied = failed(&told, Asked::Quorum, None).unwrap();
    assert_eq!(denied.kind, FailureKind::Forbidden);
    assert_eq!(denied.hint.as_deref(), Some("Grant Describe on the cluster to the user that is connected."));
    assert_eq!(watch.observer.request_counts()["DescribeQuorum"], 1);
    let denied = failed(&told, Asked::BrokerConfigs, Some(1)).unwrap();
    assert_eq!(denied.hint.as_deref(), Some("Grant DescribeConfigs on the cluster to the user that is connected."));
}

#[tokio::test(start_paused = true)]
async fn configs_of_a_broker_are_told_without_what_they_mean_and_all_of_them_when_somebody_asks() {
    let paper = with_groups();
    let mut watch = Watch::start(&paper);
    let told = watch.until(s(1)).await;
    let told = told.iter().find_map(|(_, f)| match (&f.source, &f.body) {
        (Source::Kafka { broker: Some(BrokerId(1)), .. }, Body::Kafka(KafkaBody::BrokerConfigs(configs))) => {
            Some(configs.clone())
        }
        _ => None,
    });
    assert_eq!(told.unwrap()[0].documentation, None);
    let (sender, mut answers) = mpsc::channel(1);
    for (id, of) in [(1, Owner::Broker(BrokerId(2))), (2, Owner::Topic("orders".to_owned()))] {
        watch.observer.describe(ConfigInquiry { id, of }, &sender, &CancellationToken::new());
        let (number, configs) = answers.recv().await.unwrap();
        let configs = configs.unwrap();
        assert_eq!((number, configs[0].documentation.as_deref()), (id, Some("At least so many.")));
    }
    paper.set(2, Script::Refuses);
    let of = Owner::Broker(BrokerId(9));
    watch.observer.describe(ConfigInquiry { id: 3, of }, &sender, &CancellationToken::new());
    let (_, refused) = answers.recv().await.unwrap();
    assert_eq!(refused.unwrap_err().what, "Asking broker 9 for configs failed: no broker pod is known.");
}

#[tokio::test(start_paused = true)]
async fn users_are_asked_of_one_broker_at_the_start_and_once_a_minute() {
    let paper = with_groups();
    let mut watch = Watch::start(&paper);
    let told = watch.until(s(1)).await;
    for what in [Asked::ScramUsers, Asked::Acls, Asked::Quotas] {
        assert_eq!(answered(&told, what, None).len(), 1, "{what}");
    }
    let told = watch.until(s(59)).await;
    assert!(answered(&told, Asked::Acls, None).is_empty());
    let told = watch.until(s(62)).await;
    assert_eq!(answered(&told, Asked::Acls, None).len(), 1);
    let asked: usize = (0..3).map(|broker| paper.count(broker, ApiKey::DescribeAcls)).sum();
    assert_eq!(asked, 2);
}

#[tokio::test(start_paused = true)]
async fn each_of_what_is_asked_of_users_fails_alone_and_a_refusal_is_not_asked_again_at_once() {
    let paper = with_groups();
    (0..3).for_each(|broker| paper.set(broker, Script::Forbidden));
    let mut watch = Watch::start(&paper);
    let told = watch.until(s(30)).await;
    for (what, hint) in
        [(Asked::ScramUsers, "Describe on the cluster"), (Asked::Quotas, "DescribeConfigs on the cluster")]
    {
        let denied = failed(&told, what, None).unwrap();
        assert_eq!(denied.kind, FailureKind::Forbidden);
        assert!(denied.hint.is_some_and(|h| h.contains(hint)), "{what}");
    }
    let absent = told.iter().any(|(_, f)| f.body == Body::Kafka(KafkaBody::Acls(Authorizer::Absent)));
    assert!(absent, "no authorizer is an answer");
    let asked: usize = (0..3).map(|broker| paper.count(broker, ApiKey::DescribeUserScramCredentials)).sum();
    assert_eq!(asked, 1);
}

#[tokio::test(start_paused = true)]
async fn a_question_for_users_that_is_never_answered_makes_no_broker_silent_and_hides_only_users() {
    let paper = with_groups();
    (0..3).for_each(|broker| paper.set(broker, Script::SwallowsUsers));
    let mut watch = Watch::start(&paper);
    let told = watch.until(s(30)).await;
    assert_eq!(failed(&told, Asked::ScramUsers, None).unwrap().kind, FailureKind::Timeout);
    for what in [Asked::Acls, Asked::Quotas, Asked::Quorum] {
        assert!(!answered(&told, what, None).is_empty(), "{what}");
    }
    for broker in 0..3 {
        everything_of(&told, broker);
        assert!(contacts(&told, broker).iter().all(|(_, c)| *c == Contact::Answered), "{:?}", contacts(&told, broker));
    }
}

#[tokio::test(start_paused = true)]
async fn brokers_that_know_no_users_are_told_to_be_too_old() {
    let paper = with_groups();
    (0..3).for_each(|broker| paper.set(broker, Script::Old));
    let mut watch = Watch::start(&paper);
    let told = watch.until(s(3)).await;
    for (what, why) in [
        (Asked::Acls, "DescribeAcls version 2 is needed and the newest offered is 1"),
        (Asked::ScramUsers, "DescribeUserScramCredentials version 0 is needed and it is not offered"),
    ] {
        let old = failed(&told, what, None).unwrap();
        assert_eq!(old.kind, FailureKind::Unsupported);
        assert!(old.what.contains(why), "{old:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn old_and_forbidding_brokers_say_so_by_source() {
    let paper = with_groups();
    paper.set(0, Script::Old);
    paper.set(1, Script::Forbidden);
    let mut watch = Watch::start(&paper);
    let told = watch.until(s(3)).await;
    let old = failed(&told, Asked::Groups, Some(0)).unwrap();
    assert_eq!(old.kind, FailureKind::Unsupported);
    assert_eq!(
        old.what,
        "Asking broker 0 for groups failed: ListGroups version 3 is needed and the newest offered is 2."
    );
    assert_eq!(failed(&told, Asked::Offsets, Some(0)).unwrap().kind, FailureKind::Unsupported);
    for what in [Asked::LogDirs, Asked::Offsets] {
        let denied = failed(&told, what, Some(1)).unwrap();
        assert!(denied.kind == FailureKind::Forbidden && denied.hint.is_some(), "{denied:?}");
    }
    everything_of(&told, 2);
    assert!(!answered(&told, Asked::Metadata, None).is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_address_that_is_no_pod_is_named_and_found_when_its_pod_comes() {
    let paper = with_groups();
    let mut watch = Watch::start(&paper);
    let mut book = paper.book();
    book.seeds.retain(|seed| seed.pod.name != "kafka-2");
    book.hosts.retain(|_, pod| pod.name != "kafka-2");
    book.ids.remove(&BrokerId(2));
    watch.routes.send_replace(Arc::new(book));
    let told = watch.until(s(5)).await;
    let refused = contacts(&told, 2).into_iter().map(|(_, c)| c).next_back().unwrap();
    let why = "the advertised address kafka-2.kafka:9092 is not a pod of this installation".to_owned();
    assert_eq!(refused, Contact::Refused { why });
    assert_eq!(failed(&told, Asked::LogDirs, Some(2)).unwrap().kind, FailureKind::Unreachable);
    everything_of(&told, 0);
    watch.routes.send_replace(Arc::new(paper.book()));
    let told = watch.until(Duration::from_millis(5_500)).await;
    assert_eq!(contacts(&told, 2).last().unwrap().1, Contact::Answered);
}

#[tokio::test(start_paused = true)]
async fn a_group_that_may_not_be_described_says_so_alone_and_the_others_have_their_figures() {
    let paper = with_groups();
    paper.groups.lock().unwrap().insert(0, vec!["app-0".to_owned(), "app-9".to_owned()]);
    paper.closed.lock().unwrap().push("app-9".to_owned());
    let told = Watch::start(&paper).until(s(4)).await;
    let commits = told.iter().rev().find_map(|(_, fact)| match &fact.body {
        Body::Kafka(KafkaBody::Commits(all)) if all.iter().any(|c| c.group == "app-9") => Some(all.clone()),
        _ => None,
    });
    let commits = commits.unwrap();
    let of = |group: &str| commits.iter().find(|c| c.group == group).unwrap();
    assert!(of("app-0").error.is_none() && !of("app-0").commits.is_empty(), "{commits:?}");
    assert!(of("app-9").error.as_deref().unwrap().contains("GROUP_AUTHORIZATION_FAILED"), "{commits:?}");
    let described = told.iter().rev().find_map(|(_, fact)| match &fact.body {
        Body::Kafka(KafkaBody::Groups(all)) if all.iter().any(|g| g.id == "app-9") => Some(all.clone()),
        _ => None,
    });
    let members = |group: &str| {
        let found = described.iter().flatten().find(|g| g.id == group);
        found.unwrap().members.as_ref().map(Vec::len)
    };
    assert_eq!((members("app-0"), members("app-9")), (Some(1), None));
    assert_eq!(failed(&told, Asked::Offsets, Some(0)), None, "the others of the broker are live");
    for id in 0..3 {
        everything_of(&told, id);
    }
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_advertises_another_ones_address_is_named_and_the_others_go_on() {
    let paper = with_groups();
    paper.lies.lock().unwrap().insert(2, "kafka-1.kafka".to_owned());
    let told = Watch::start(&paper).until(s(5)).await;
    let why = "the advertised address kafka-1.kafka:9092 is broker 1's, too";
    let refused = Contact::Refused { why: why.to_owned() };
    assert!(contacts(&told, 2).iter().all(|(_, contact)| *contact == refused || *contact == Contact::Answered));
    assert_eq!(contacts(&told, 2).last().unwrap().1, refused);
    let failure = failed(&told, Asked::LogDirs, Some(2)).unwrap();
    assert!(failure.kind == FailureKind::Unreachable && failure.what.contains(why), "{failure:?}");
    assert_eq!(failure.hint.as_deref(), Some("Check advertised.listeners of the broker."));
    for id in [0, 1] {
        assert_eq!(contacts(&told, id).last().unwrap().1, Contact::Answered);
        everything_of(&told, id);
    }
    // Nothing that broker 1 says is told of broker 2.
    assert!(answered(&told, Asked::LogDirs, Some(2)).is_empty());
}

#[tokio::test(start_paused = true)]
async fn brokers_that_advertise_localhost_are_asked_in_their_own_pods() {
    let paper = with_groups();
    *paper.lies.lock().unwrap() = (0..3).map(|id| (id, "localhost".to_owned())).collect();
    let told = Watch::start(&paper).until(s(5)).await;
    for id in 0..3 {
        assert_eq!(contacts(&told, id).last().unwrap().1, Contact::Answered);
        everything_of(&told, id);
    }
}

#[tokio::test(start_paused = true)]
async fn pods_that_come_later_are_asked_at_once() {
    let paper = with_groups();
    let mut watch = Watch::start(&paper);
    watch.routes.send_replace(Arc::default());
    let told = watch.until(s(3)).await;
    assert!(failed(&told, Asked::Metadata, None).unwrap().what.contains("no broker pod is known"));
    watch.routes.send_replace(Arc::new(paper.book()));
    let told = watch.until(Duration::from_millis(3_100)).await;
    assert_eq!(answered(&told, Asked::Metadata, None).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn nobody_to_ask_is_a_failure_of_metadata() {
    let paper = Paper::new(2);
    (0..2).for_each(|broker| paper.set(broker, Script::Refuses));
    let mut watch = Watch::start(&paper);
    let told = watch.until(s(1)).await;
    let failure = failed(&told, Asked::Metadata, None).unwrap();
    assert!(failure.what.starts_with("Cannot reach ns/kafka-"), "{failure:?}");
    assert!(matches!(contacts(&told, 1)[0].1, Contact::Refused { .. }), "the pod's own description names it");
    advance(s(1)).await;
}
