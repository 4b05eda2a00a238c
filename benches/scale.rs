//! kafdeck at the size of the largest clusters: `cargo bench --bench scale`. No cluster is needed.
//!
//! 12 brokers, 9,000 topics with 39,000 partitions, 2,200 groups of 40 partitions each, 1,000 pods, at a quarter, a half and
//! the full size, so that one sees whether it grows as the cluster does. First what one message to the App takes, on a
//! screen of 200×50; then the whole program against a sandbox in a process of its own, whose brokers take 20 ms for each
//! answer. Goals stand beside the figures. Nothing here judges; it prints.
#![allow(clippy::unwrap_used, reason = "a broken measurement ends the run")]
#![allow(clippy::disallowed_methods, reason = "measuring is the one thing that needs the machine's clock here")]

#[path = "../tests/common/mod.rs"]
mod common;

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Write},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use chrono::{DateTime, TimeDelta, Utc};
use common::pty::{self, Pty};
use kafdeck::{
    app::{App, Msg, keys::Key},
    domain::{
        broker::{Advertised, Contact},
        config::{ConfigEntry, ConfigSource},
        freshness::{Asked, Kind, Source},
        group::{Commits, Committed, EndOffset, Group},
        ids::{BrokerId, InstallationId},
        kubernetes::{Container, ContainerPort, ContainerState, Meta, Object, Owner, Pod, Workload},
        storage::{LogDir, ReplicaSize},
        topic::{Partition, Topic, TopicConfig},
    },
    facts::{Body, Fact, KafkaBody, Metadata},
    sandbox::{self, Crowd, Setup},
    view::{self, Look},
};
use ratatui::{Terminal, backend::TestBackend};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream},
    net::TcpStream,
};

const BROKERS: i32 = 12;
/// How many groups a coordinator is asked about at once.
const BATCH: usize = 100;
/// Rounds of each measurement.
const ROUNDS: usize = 40;

/// Variable that makes this binary the cluster: how much of the full size it has, as a divisor.
const CHILD: &str = "KAFDECK_BENCH_SHARE";
/// Longest that the program may take until it shows every figure.
const LIMIT: Duration = Duration::from_secs(120);
/// How long a console is watched.
const WATCHED: Duration = Duration::from_secs(30);

fn main() {
    if let Some(share) = std::env::var(CHILD).ok().and_then(|share| share.parse().ok()) {
        serve(share);
        return;
    }
    for share in [4, 2, 1] {
        measure(&Size { topics: 9_000 / share, groups: 2_200 / share });
    }
    for share in [4, 2, 1] {
        whole(share);
    }
}

/// A cluster behind a port of this machine, which it prints; for each line that it reads it prints the bytes that went
/// through it so far.
fn serve(share: usize) {
    let crowd = Crowd { brokers: BROKERS, topics: 9_000 / share, groups: 2_200 / share, pods: 1_000, delay_ms: 20 };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let carried = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&carried);
    std::thread::spawn(move || {
        for _ in std::io::stdin().lines() {
            print(&counted.load(Ordering::Relaxed).to_string());
        }
        std::process::exit(0);
    });
    runtime.block_on(async {
        let sandbox = sandbox::open(Setup { crowd, ..Setup::default() });
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        print(&listener.local_addr().unwrap().port().to_string());
        while let Ok((mut socket, _)) = listener.accept().await {
            socket.set_nodelay(true).unwrap();
            let (mut theirs, carried) = (sandbox.connect().unwrap(), Arc::clone(&carried));
            tokio::spawn(async move { carry(&mut socket, &mut theirs, &carried).await });
        }
    });
}

/// Carries bytes both ways until one end closes.
async fn carry(socket: &mut TcpStream, theirs: &mut DuplexStream, carried: &AtomicU64) {
    let (mut up, mut down) = (vec![0; 64 << 10], vec![0; 64 << 10]);
    loop {
        let (read, is_up) = tokio::select! {
            read = socket.read(&mut up) => (read, true),
            read = theirs.read(&mut down) => (read, false),
        };
        let Ok(read @ 1..) = read else { return };
        carried.fetch_add(read as u64, Ordering::Relaxed);
        let written = if is_up { theirs.write_all(&up[..read]).await } else { socket.write_all(&down[..read]).await };
        if written.is_err() {
            return;
        }
    }
}

/// The cluster in its own process, and a kubeconfig that leads to it.
struct Cluster {
    child: Child,
    told: BufReader<std::process::ChildStdout>,
    home: tempfile::TempDir,
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Cluster {
    fn start(share: usize) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.env(CHILD, share.to_string()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let told = BufReader::new(child.stdout.take().unwrap());
        let mut cluster = Self { child, told, home: tempfile::tempdir().unwrap() };
        let port = cluster.line();
        let config = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: large\n\
             clusters: [{{name: large, cluster: {{server: \"http://127.0.0.1:{port}\"}}}}]\n\
             contexts: [{{name: large, context: {{cluster: large, user: me}}}}]\nusers: [{{name: me, user: {{}}}}]\n"
        );
        std::fs::write(cluster.kubeconfig(), config).unwrap();
        cluster
    }

    fn kubeconfig(&self) -> std::path::PathBuf {
        self.home.path().join("config")
    }

    fn line(&mut self) -> u64 {
        let mut line = String::new();
        self.told.read_line(&mut line).unwrap();
        line.trim().parse().unwrap()
    }

    /// Bytes that went through its API server so far.
    fn carried(&mut self) -> u64 {
        writeln!(self.child.stdin.as_mut().unwrap()).unwrap();
        self.line()
    }

    fn console(&self) -> Pty {
        Pty::kafdeck().kubeconfig(&self.kubeconfig()).size(200, 50).spawn()
    }
}

/// The whole program.
fn whole(share: usize) {
    let mut cluster = Cluster::start(share);
    print(&format!("the program against 1/{share} of it:"));
    let figure = |what: &str, figure: f64, unit: &str| print(&format!("  {what:<54} {figure:9.1} {unit}"));
    let mut lags: Vec<f64> = (0..3).map(|_| lag(&cluster)).collect();
    lags.sort_by(f64::total_cmp);
    figure("kafdeck lag, process and all (median of 3)", lags[1], "ms    goal: a pass in 2,000 ms");
    let began = Instant::now();
    let mut pty = cluster.console();
    pty.wait_for(pty::is_live, LIMIT);
    figure("exec to every figure on the console", began.elapsed().as_secs_f64() * 1e3, "ms");
    pty.watch(Duration::from_secs(20));
    let (from, cpu, carried) = (pty.raw_output().len(), pty.cpu_time(), cluster.carried());
    pty.watch(WATCHED);
    let seconds = WATCHED.as_secs_f64();
    let through = (cluster.carried() - carried) as f64 / seconds / 1e3;
    figure("through the API server", through, "kB/s  goal: 50 kB/s");
    let written = (pty.raw_output().len() - from) as f64 / seconds;
    figure("to the terminal, 200×50", written, "B/s   goal: 2,000 B/s at 80×24");
    let used = pty.cpu_time().saturating_sub(cpu).as_secs_f64() / seconds * 100.0;
    figure("CPU", used, "% of a core");
    figure("resident memory", pty.resident() as f64 / f64::from(1 << 20), "MiB   goal: 120 MB");
    for (tab, what) in [("5", "topics"), ("6", "groups")] {
        pty.send(tab);
        pty.watch(Duration::from_secs(1));
        let mut times: Vec<f64> = (0..200).map(|_| key(&mut pty)).collect();
        times.sort_by(f64::total_cmp);
        figure(&format!("key to its frame, {what}, p50"), times[100], "ms");
        figure(&format!("key to its frame, {what}, p99"), times[198], "ms    goal: 8 ms");
    }
}

/// Milliseconds of `kafdeck lag`.
fn lag(cluster: &Cluster) -> f64 {
    let began = Instant::now();
    let mut command = Command::new(env!("CARGO_BIN_EXE_kafdeck"));
    command.env("KUBECONFIG", cluster.kubeconfig()).env("HOME", cluster.home.path());
    let done = command.args(["lag", "-o", "json", "--timeout", "60s"]).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    began.elapsed().as_secs_f64() * 1e3
}

/// Milliseconds from a key to the frame that answers it.
fn key(pty: &mut Pty) -> f64 {
    pty.watch(Duration::from_millis(37));
    let (from, began) = (pty.raw_output().len(), Instant::now());
    pty.send("j");
    pty.wait_for_output(from, |written| !written.is_empty(), LIMIT);
    began.elapsed().as_secs_f64() * 1e3
}

struct Size {
    topics: usize,
    groups: usize,
}

impl Size {
    /// Partitions of a topic: one of nine has 16, one of nine has 2, the others 3.
    fn partitions(topic: usize) -> i32 {
        match topic % 9 {
            0 => 16,
            1 => 2,
            _ => 3,
        }
    }

    /// What a group reads: a topic of 16 partitions and eight of 3.
    fn reads(&self, group: usize) -> Vec<(String, i32)> {
        let nines = self.topics / 9;
        let large = group % nines * 9;
        let small = (0..8).map(|n| (group * 8 + n) % nines * 9 + 2 + n % 7);
        let all = std::iter::once(large).chain(small);
        all.flat_map(|topic| (0..Self::partitions(topic)).map(move |index| (name(topic), index))).collect()
    }
}

fn name(topic: usize) -> String {
    format!("team-{:02}.service-{:03}.events-{topic:05}", topic % 40, topic % 331)
}

fn group(group: usize) -> String {
    format!("team-{:02}.consumer-{group:04}", group % 40)
}

fn replicas(topic: usize, index: i32) -> Vec<BrokerId> {
    (0..3).map(|nth| BrokerId((topic as i32 + index + nth) % BROKERS)).collect()
}

/// Metadata in which a broker leads nothing and is in no ISR, if one is to be gone.
fn metadata(size: &Size, gone: Option<BrokerId>) -> KafkaBody {
    let advertised = |n| Advertised { id: BrokerId(n), host: format!("kafka-{n}"), port: 9092, rack: None };
    let partition = |topic: usize, index: i32| {
        let replicas = replicas(topic, index);
        let isr: Vec<BrokerId> = replicas.iter().copied().filter(|id| Some(*id) != gone).collect();
        Partition { index, leader: isr.first().copied(), isr, replicas, ..Partition::default() }
    };
    let topic = |topic: usize| Topic {
        name: name(topic),
        partitions: (0..Size::partitions(topic)).map(|index| partition(topic, index)).collect(),
        ..Topic::default()
    };
    KafkaBody::Metadata(Metadata {
        cluster_id: None,
        brokers: (0..BROKERS).filter(|id| Some(BrokerId(*id)) != gone).map(advertised).collect(),
        topics: (0..size.topics).map(topic).collect(),
    })
}

fn configs(size: &Size) -> KafkaBody {
    let entry = |name: &str, value: &str| ConfigEntry {
        name: name.to_owned(),
        value: Some(value.to_owned()),
        hidden: false,
        source: ConfigSource::DynamicTopic,
    };
    let config = |topic: usize| TopicConfig {
        topic: name(topic),
        entries: vec![entry("min.insync.replicas", "2"), entry("retention.ms", "604800000")],
        complete: true,
    };
    KafkaBody::TopicConfigs((0..size.topics).map(config).collect())
}

fn log_dirs(size: &Size, broker: i32, grown: u64) -> KafkaBody {
    let all = (0..size.topics).flat_map(|topic| (0..Size::partitions(topic)).map(move |index| (topic, index)));
    let here = all.filter(|(topic, index)| replicas(*topic, *index).contains(&BrokerId(broker)));
    let size_of = |(topic, partition): (usize, i32)| ReplicaSize {
        topic: name(topic),
        partition,
        bytes: 1_000_000 + topic as u64 + grown,
    };
    KafkaBody::LogDirs(vec![LogDir {
        path: "/data".to_owned(),
        total_bytes: Some(1 << 40),
        usable_bytes: Some(1 << 39),
        replicas: here.map(size_of).collect(),
        error: None,
    }])
}

/// The groups of a coordinator.
fn of_coordinator(size: &Size, broker: i32) -> Vec<usize> {
    (0..size.groups).filter(|group| *group as i32 % BROKERS == broker).collect()
}

fn groups(size: &Size, broker: i32) -> KafkaBody {
    let listed = |g: usize| Group {
        id: group(g),
        state: "Stable".into(),
        kind: Some("classic".into()),
        members: None,
        epochs: None,
    };
    KafkaBody::Groups(of_coordinator(size, broker).into_iter().map(listed).collect())
}

fn commits(size: &Size, groups: &[usize], offset: i64) -> KafkaBody {
    let of = |g: &usize| {
        let commit = |(topic, partition)| Committed { topic, partition, offset };
        Commits { group: group(*g), error: None, commits: size.reads(*g).into_iter().map(commit).collect() }
    };
    KafkaBody::Commits(groups.iter().map(of).collect())
}

fn ends(size: &Size, broker: i32, offset: i64) -> KafkaBody {
    let all = (0..size.topics).flat_map(|topic| (0..Size::partitions(topic)).map(move |index| (topic, index)));
    let led = all.filter(|(topic, index)| replicas(*topic, *index)[0] == BrokerId(broker));
    KafkaBody::EndOffsets(led.map(|(topic, partition)| EndOffset { topic: name(topic), partition, offset }).collect())
}

fn pod(n: i32) -> Pod {
    let owner = Owner { kind: "StatefulSet".into(), name: "kafka".into() };
    let meta = Meta { namespace: "ns".into(), name: format!("kafka-{n}"), owner: Some(owner), ..Meta::default() };
    let container = Container {
        name: "kafka".into(),
        image: "apache/kafka:4.1.2".into(),
        command: ["sh", "-c", "exec kafka-server-start.sh /tmp/server.properties"].map(Into::into).to_vec(),
        ports: vec![ContainerPort { name: "kafka".into(), port: 9092 }],
        ready: true,
        state: ContainerState::Running { since: None },
        ..Container::default()
    };
    Pod { meta, phase: "Running".into(), ready: Some(true), containers: vec![container], ..Pod::default() }
}

/// An App that is told things, and how long it took over each.
struct Told {
    app: App,
    now: DateTime<Utc>,
    took: BTreeMap<&'static str, Vec<Duration>>,
    order: Vec<&'static str>,
}

impl Told {
    fn update(&mut self, what: &'static str, msg: Msg) {
        let began = Instant::now();
        self.app.update(msg, self.now);
        let took = began.elapsed();
        if !self.order.contains(&what) {
            self.order.push(what);
        }
        self.took.entry(what).or_default().push(took);
    }

    fn fact(&mut self, what: &'static str, source: Source, body: Body) {
        self.now += TimeDelta::milliseconds(50);
        self.update(what, Msg::Facts(vec![Fact { source, seen_at: self.now, body }]));
    }

    fn kafka(&mut self, what: &'static str, asked: Asked, broker: Option<i32>, body: KafkaBody) {
        let installation = InstallationId::new("ns", "kafka");
        let source = Source::Kafka { installation, what: asked, broker: broker.map(BrokerId) };
        self.fact(what, source, Body::Kafka(body));
    }

    fn beat(&mut self) {
        let sent_at = self.now;
        self.fact("a heartbeat", Source::Link, Body::Heartbeat { sent_at });
    }

    /// One pass over everything, as brokers answer it; `n` makes it differ from the one before.
    fn pass(&mut self, size: &Size, n: i64) {
        self.beat();
        self.kafka("Metadata, as before", Asked::Metadata, None, metadata(size, None));
        for broker in 0..BROKERS {
            let contact = KafkaBody::Contact { broker: BrokerId(broker), contact: Contact::Answered };
            self.kafka("a contact", Asked::Metadata, Some(broker), contact);
            self.kafka("groups of a coordinator, as before", Asked::Groups, Some(broker), groups(size, broker));
            for batch in of_coordinator(size, broker).chunks(BATCH) {
                self.kafka("commits of 100 groups", Asked::Offsets, Some(broker), commits(size, batch, n * 100));
            }
            self.kafka("end offsets of a leader", Asked::EndOffsets, Some(broker), ends(size, broker, n * 110 + 50));
        }
    }
}

fn standing(size: &Size) -> Told {
    let now = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
    let mut told = Told { app: App::new(None, (200, 50), now), now, took: BTreeMap::new(), order: Vec::new() };
    let set = Workload {
        meta: Meta { namespace: "ns".into(), name: "kafka".into(), ..Meta::default() },
        replicas: BROKERS.unsigned_abs(),
        ..Workload::default()
    };
    told.beat();
    let list = |kind, objects| (Source::Watch(kind), Body::Listed(objects));
    let pods = (0..BROKERS).map(|n| Object::Pod(Box::new(pod(n)))).collect();
    for (source, body) in [
        list(Kind::StatefulSets, vec![Object::StatefulSet(set)]),
        list(Kind::Services, Vec::new()),
        list(Kind::Claims, Vec::new()),
        list(Kind::Rules, Vec::new()),
        list(Kind::Pods, pods),
    ] {
        told.fact("objects", source, body);
    }
    told.pass(size, 0);
    told.kafka("configs of all topics", Asked::TopicConfigs, None, configs(size));
    for broker in 0..BROKERS {
        told.kafka("log directories of a broker", Asked::LogDirs, Some(broker), log_dirs(size, broker, 0));
    }
    let shown = told.app.shown.as_ref().unwrap();
    assert_eq!((shown.topics.len(), shown.groups.len()), (size.topics, size.groups));
    told.took.clear();
    told
}

fn measure(size: &Size) {
    let partitions: i32 = (0..size.topics).map(Size::partitions).sum();
    print(&format!("{} topics, {partitions} partitions, {} groups × 40:", size.topics, size.groups));
    let mut told = standing(size);
    let look = Look::default();
    let mut terminal = Terminal::new(TestBackend::new(200, 50)).unwrap();
    for n in 1..=ROUNDS as i64 / 8 {
        told.pass(size, n);
        told.kafka("configs of all topics", Asked::TopicConfigs, None, configs(size));
        for broker in 0..BROKERS {
            let dirs = log_dirs(size, broker, n as u64);
            told.kafka("log directories of a broker", Asked::LogDirs, Some(broker), dirs);
        }
        let gone = metadata(size, Some(BrokerId(n as i32 % BROKERS)));
        told.kafka("Metadata without a broker", Asked::Metadata, None, gone);
        told.kafka("Metadata with it again", Asked::Metadata, None, metadata(size, None));
    }
    for _ in 0..ROUNDS {
        told.now += TimeDelta::seconds(1);
        told.beat();
        told.update("a second passes", Msg::Tick);
    }
    for (tab, frame, sort, filter) in [
        ('5', "a key and its frame: topics", "sorting topics by the next column", "a letter of a filter: topics"),
        ('6', "a key and its frame: groups", "sorting groups by the next column", "a letter of a filter: groups"),
    ] {
        told.update("another tab", Msg::Key(Key::Char(tab)));
        for _ in 0..ROUNDS * 5 {
            let began = Instant::now();
            told.app.update(Msg::Key(Key::Char('j')), told.now);
            terminal.draw(|screen| _ = view::render(&told.app, &look, screen)).map(|_| ()).unwrap();
            let took = began.elapsed();
            told.took.entry(frame).or_default().push(took);
        }
        told.order.push(frame);
        for _ in 0..ROUNDS / 4 {
            told.update(sort, Msg::Key(Key::Char('s')));
        }
        told.app.update(Msg::Key(Key::Char('/')), told.now);
        for letter in "service-1".chars() {
            told.update(filter, Msg::Key(Key::Char(letter)));
        }
        told.app.update(Msg::Key(Key::Esc), told.now);
    }
    for what in &told.order {
        row(what, told.took.get(what).cloned().unwrap_or_default());
    }
}

fn goal(what: &str) -> &'static str {
    match what {
        _ if what.contains("frame") => "goal: p99 8 ms",
        _ if what.contains("sort") || what.contains("filter") => "goal: 16 ms",
        _ => "goal: worst 4 ms",
    }
}

fn row(what: &str, mut took: Vec<Duration>) {
    took.sort();
    let Some(worst) = took.last() else { return };
    let ms = |took: &Duration| took.as_secs_f64() * 1e3;
    let at = |percent: usize| ms(&took[(took.len() - 1) * percent / 100]);
    let (p50, p99, worst) = (at(50), at(99), ms(worst));
    print(&format!("  {what:<40} p50 {p50:7.2}  p99 {p99:7.2}  worst {worst:7.2} ms  {}", goal(what)));
}

fn print(line: &str) {
    let mut out = std::io::stdout();
    writeln!(out, "{line}").unwrap();
}
