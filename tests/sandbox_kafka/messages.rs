//! Records read and written by librdkafka over streams of ours, against the sandbox's brokers.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use chrono::{DateTime, TimeDelta};
use kafdeck::{
    domain::{
        freshness::{FailureKind, SourceFailure},
        ids::ObjectKey,
        installation::{AddressBook, PodPort},
        record::{Draft, Query, ReadEvent, Record, Start},
    },
    io::{
        messages::{
            Reach,
            reader::{self, Pace},
            writer::Writer,
        },
        secrets::NoSecrets,
    },
    sandbox::kafka::Process,
};
use tokio::{sync::mpsc, time::timeout};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{common::kafka::Cluster, observed::Way, shop};

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(20);

fn reach(cluster: &Arc<Cluster>) -> Reach {
    let mut book = AddressBook::default();
    for id in 0..3 {
        let pod = ObjectKey::new("ns", format!("kafka-{id}"));
        book.seeds.push(PodPort { pod: pod.clone(), port: 9092 });
        book.hosts.insert(format!("kafka-{id}.kafka"), pod);
    }
    Reach { transport: Arc::new(Way(Arc::clone(cluster))), secrets: Arc::new(NoSecrets), book: Arc::new(book) }
}

/// A reader that ends when it is dropped.
struct Reading {
    events: mpsc::Receiver<ReadEvent>,
    _ends: DropGuard,
}

impl Reading {
    fn start(cluster: &Arc<Cluster>, query: Query) -> Self {
        Self::paced(cluster, query, Pace::Whole)
    }

    fn paced(cluster: &Arc<Cluster>, query: Query, pace: Pace) -> Self {
        let (sender, events) = mpsc::channel(64);
        let cancel = CancellationToken::new();
        reader::read(reach(cluster), query, pace, sender, &cancel);
        Self { events, _ends: cancel.drop_guard() }
    }

    async fn next(&mut self) -> ReadEvent {
        timeout(LONG, self.events.recv()).await.unwrap().unwrap()
    }

    /// Every record until the end, and why it ended.
    async fn all(mut self) -> (Vec<Record>, Option<SourceFailure>) {
        let mut records = Vec::new();
        loop {
            match self.next().await {
                ReadEvent::Record(record) => records.push(record),
                ReadEvent::Over(why) => return (records, why),
                _ => {}
            }
        }
    }
}

fn cluster() -> Arc<Cluster> {
    Arc::new(Cluster::new(shop()))
}

fn until_end(start: Start) -> Query {
    Query { until_end: true, ..Query::of("orders", start) }
}

fn draft(key: Option<&str>, value: Option<&str>) -> Draft {
    let bytes = |text: &str| text.as_bytes().to_vec();
    Draft {
        topic: "orders".to_owned(),
        partition: None,
        key: key.map(bytes),
        value: value.map(bytes),
        headers: Vec::new(),
    }
}

fn writer(cluster: &Arc<Cluster>) -> (Writer, DropGuard) {
    let cancel = CancellationToken::new();
    (Writer::start(reach(cluster), Duration::from_secs(10), &cancel), cancel.drop_guard())
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_partitions_hold_is_read_in_order_and_then_it_is_over() {
    let (records, why) = Reading::start(&cluster(), until_end(Start::Beginning)).all().await;
    assert_eq!(why, None);
    let mut offsets: BTreeMap<i32, Vec<i64>> = BTreeMap::new();
    for record in &records {
        offsets.entry(record.partition).or_default().push(record.offset);
    }
    assert_eq!(offsets, (0..6).map(|p| (p, (0..100).collect())).collect());
    assert!(records.iter().all(|r| r.value.is_some() && r.at.is_some()));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_records_of_one_partition_are_read() {
    let query = Query { partitions: vec![4], ..until_end(Start::Last(3)) };
    let (records, why) = Reading::start(&cluster(), query).all().await;
    assert_eq!(why, None);
    assert_eq!(records.iter().map(|r| (r.partition, r.offset)).collect::<Vec<_>>(), [(4, 97), (4, 98), (4, 99)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_is_read_with_its_key_its_headers_and_its_place() {
    let cluster = cluster();
    let mut reading = Reading::start(&cluster, Query::of("orders", Start::End));
    let mut ends = BTreeSet::new();
    while ends.len() < 6 {
        if let ReadEvent::End { partition, .. } = reading.next().await {
            ends.insert(partition);
        }
    }
    let (writer, _ends) = writer(&cluster);
    let headers =
        vec![("trace".to_owned(), b"a".to_vec()), ("trace".to_owned(), vec![0xff]), ("empty".to_owned(), vec![])];
    let written =
        writer.write(Draft { headers: headers.clone(), ..draft(Some("k"), Some("{\"a\":1}")) }).await.unwrap();
    assert_eq!(written.offset, 100);
    let tombstone = writer.write(Draft { partition: Some(2), ..draft(Some("gone"), None) }).await.unwrap();
    assert_eq!(tombstone.partition, 2);
    let mut records = Vec::new();
    while records.len() < 2 {
        if let ReadEvent::Record(record) = reading.next().await {
            records.push(record);
        }
    }
    let first = records.iter().find(|r| (r.partition, r.offset) == (written.partition, written.offset)).unwrap();
    assert_eq!(first.key.as_ref().unwrap().bytes, b"k");
    assert_eq!(first.value.as_ref().unwrap().bytes, b"{\"a\":1}");
    let read: Vec<_> = first.headers.iter().map(|h| (h.name.clone(), h.value.clone().unwrap().bytes)).collect();
    assert_eq!(read, headers);
    let gone = records.iter().find(|r| r.key.as_ref().unwrap().bytes == b"gone").unwrap();
    assert_eq!((gone.value.clone(), gone.partition), (None, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_goes_where_java_clients_put_it() {
    let (writer, _ends) = writer(&cluster());
    // murmur2 as Java's DefaultPartitioner has it, of six partitions: Utils.toPositive(murmur2(key)) % 6.
    for (key, partition) in [("abc", 3), ("a-little-bit-long-string", 2), ("foobar", 0)] {
        assert_eq!(writer.write(draft(Some(key), Some("v"))).await.unwrap().partition, partition, "{key}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_begins_at_a_time() {
    let cluster = cluster();
    // 0.001 records a second where nothing is written: record 99 is 1,900 s old.
    cluster.change(|kafka| kafka.topics.get_mut("orders").unwrap().rate = 6.0);
    let now = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
    let (records, why) = Reading::start(&cluster, until_end(Start::Time(now - TimeDelta::seconds(10)))).all().await;
    assert_eq!(why, None);
    assert!(records.len() >= 6 * 9 && records.len() <= 6 * 11, "{}", records.len());
    assert!(records.iter().all(|r| r.at.unwrap().0 >= now - TimeDelta::seconds(10)));
    let (none, why) = Reading::start(&cluster, until_end(Start::Time(now + TimeDelta::seconds(1)))).all().await;
    assert_eq!((none.len(), why), (0, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_said_with_what_is() {
    let cluster = cluster();
    let over = async |query| Reading::start(&cluster, query).all().await.1.unwrap();
    let gone = over(Query { topic: "ordres".to_owned(), ..until_end(Start::End) }).await;
    assert!(gone.what.starts_with("There is no topic ordres"), "{gone:?}");
    let nowhere = over(Query { partitions: vec![6], ..until_end(Start::End) }).await;
    assert_eq!(nowhere.what, "Topic orders has no partition 6; it has 6, from 0 on.");
    let beyond = over(Query { partitions: vec![1], ..until_end(Start::Offset(5_000)) }).await;
    assert_eq!(beyond.what, "Partition 1 of orders has no offset 5000: it holds 0 up to, not including, 100.");
    let mut long = draft(None, Some("x"));
    long.topic = "ordres".to_owned();
    let (writer, _ends) = writer(&cluster);
    let refused = writer.write(long).await.unwrap_err();
    assert!(refused.what.starts_with("There is no topic ordres"), "{refused:?}");
    cluster.change(|kafka| assert!(!kafka.topics.contains_key("ordres"), "nothing was created"));
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_are_kept_up_to_a_size_and_say_how_large_they_are() {
    let cluster = cluster();
    let (writer, _ends) = writer(&cluster);
    let value = "x".repeat(200_000);
    let at = writer.write(Draft { partition: Some(0), ..draft(None, Some(&value)) }).await.unwrap();
    let query = Query { partitions: vec![0], keep: 1_000, ..until_end(Start::Offset(at.offset)) };
    let (records, _) = Reading::start(&cluster, query).all().await;
    let value = records[0].value.as_ref().unwrap();
    assert_eq!((value.bytes.len(), value.size), (1_000, 200_000));
}

#[tokio::test(flavor = "multi_thread")]
async fn records_that_come_too_fast_for_a_live_tail_are_counted_and_let_go() {
    let dropped = Arc::new(AtomicU64::new(0));
    let reading = Reading::paced(&cluster(), until_end(Start::Beginning), Pace::Live(Arc::clone(&dropped)));
    // Nobody takes anything until some had no room.
    let begun = tokio::time::Instant::now();
    while dropped.load(std::sync::atomic::Ordering::Relaxed) == 0 {
        assert!(begun.elapsed() < LONG);
        // librdkafka's threads are no tasks that could be waited for.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let (records, _) = reading.all().await;
    let lost = dropped.load(std::sync::atomic::Ordering::Relaxed);
    assert_eq!(records.len() as u64 + lost, 600);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_goes_and_comes_back_loses_nothing() {
    let cluster = cluster();
    let mut reading = Reading::start(&cluster, Query::of("orders", Start::End));
    let mut ends = BTreeSet::new();
    while ends.len() < 6 {
        if let ReadEvent::End { partition, .. } = reading.next().await {
            ends.insert(partition);
        }
    }
    cluster.process(0, Process::Down);
    cluster.process(0, Process::Running);
    let (writer, _ends) = writer(&cluster);
    let written = writer.write(Draft { partition: Some(0), ..draft(None, Some("after")) }).await.unwrap();
    loop {
        if let ReadEvent::Record(record) = reading.next().await {
            assert_eq!((record.partition, record.offset), (0, written.offset));
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn brokers_that_refuse_connections_are_told_and_not_stormed() {
    let cluster = cluster();
    (0..3).for_each(|id| cluster.process(id, Process::Down));
    let mut reading = Reading::start(&cluster, Query::of("orders", Start::End));
    let ReadEvent::Trouble(None, why) = reading.next().await else { panic!("it is told") };
    assert_eq!(why.kind, FailureKind::Unreachable);
    assert!(why.what.contains("connection refused"), "{}", why.what);
}

#[tokio::test(flavor = "multi_thread")]
async fn leaving_does_not_wait_for_a_frozen_broker() {
    let cluster = cluster();
    let mut reading = Reading::start(&cluster, Query::of("orders", Start::End));
    while !matches!(reading.next().await, ReadEvent::End { .. }) {}
    (0..3).for_each(|id| cluster.process(id, Process::Frozen));
    let begun = tokio::time::Instant::now();
    drop(reading);
    assert!(begun.elapsed() < Duration::from_millis(100), "{:?}", begun.elapsed());
}

/// Ports on which this process listens, and connections it has, by inode.
#[cfg(target_os = "linux")]
fn sockets() -> BTreeSet<String> {
    let own: BTreeSet<String> = std::fs::read_dir("/proc/self/fd")
        .unwrap()
        .filter_map(|fd| std::fs::read_link(fd.ok()?.path()).ok())
        .filter_map(|to| Some(to.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned()))
        .collect();
    let tables = ["/proc/self/net/tcp", "/proc/self/net/tcp6", "/proc/self/net/udp"].map(|table| {
        let text = std::fs::read_to_string(table).unwrap_or_default();
        text.lines().skip(1).filter_map(|line| line.split_whitespace().nth(9).map(str::to_owned)).collect::<Vec<_>>()
    });
    tables.into_iter().flatten().filter(|inode| own.contains(inode)).collect()
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn librdkafka_opens_no_socket_of_the_network_and_no_port() {
    let cluster = cluster();
    let mut reading = Reading::start(&cluster, Query::of("orders", Start::Beginning));
    let (writer, _ends) = writer(&cluster);
    writer.write(draft(None, Some("x"))).await.unwrap();
    while !matches!(reading.next().await, ReadEvent::Record(_)) {}
    assert_eq!(sockets(), BTreeSet::new(), "both are connected by now");
}
