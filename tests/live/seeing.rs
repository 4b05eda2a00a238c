//! What the console shows of a healthy cluster, and that change is seen without a key.

use std::time::{Duration, Instant};

use base64::{Engine, prelude::BASE64_STANDARD as STANDARD};

use crate::common::{live::Cluster, pty::Pty};

/// How soon the console has to show what Kubernetes or Kafka shows already: 3 s, and room for a busy machine. What it
/// took is printed beside each row.
pub const SOON: Duration = Duration::from_secs(6);
/// How long brokers may take to come back.
pub const HEALING: Duration = Duration::from_secs(120);

/// The console on this cluster's `the-project`, once it says that all is well.
pub fn console(cluster: &Cluster) -> Pty {
    let mut pty = open(cluster, &["--installation", "the-project/kafka"]);
    pty.wait_for(is_healthy, HEALING);
    pty
}

/// The console with these arguments.
pub fn open(cluster: &Cluster, args: &[&str]) -> Pty {
    Pty::kafdeck().kubeconfig(&cluster.kubeconfig).env("TERM", "xterm-256color").size(120, 40).args(args).spawn()
}

/// True when the verdict is OK over three brokers.
pub fn is_healthy(screen: &vt100::Screen) -> bool {
    let text = screen.contents();
    text.contains("● OK") && text.contains("brokers 3/3")
}

/// Waits until the screen shows something, and says how long that took since `since`.
pub fn shown(pty: &mut Pty, what: &str, since: Instant, limit: Duration, wanted: impl Fn(&str) -> bool) {
    pty.wait_for(|screen| wanted(&screen.contents()), limit);
    crate::common::live::note(&format!("{what} after {:.1} s", since.elapsed().as_secs_f64()));
}

/// Runs a command of Kafka in a broker's pod.
pub fn kafka(cluster: &Cluster, command: &str) -> String {
    let outcome = cluster.kubectl(["-n", "the-project", "exec", "kafka-0", "--", "sh", "-c", command]);
    assert_eq!(outcome.code, 0, "{command}: {outcome:#?}");
    outcome.stdout
}

/// Creates a topic, unless it is there.
pub fn create_topic(cluster: &Cluster, name: &str, partitions: u32) {
    kafka(
        cluster,
        &format!(
            "kafka-topics.sh --bootstrap-server localhost:9092 --create --if-not-exists --topic {name} \
             --partitions {partitions} --replication-factor 3"
        ),
    );
}

pub fn plain_is_found_and_healthy(cluster: &Cluster) {
    let began = Instant::now();
    let mut pty = open(cluster, &["--installation", "the-project/kafka"]);
    shown(&mut pty, "first frame", began, SOON, |text| text.contains("kafdeck"));
    shown(&mut pty, "healthy", began, HEALING, |text| text.contains("● OK") && text.contains("brokers 3/3"));
    let text = pty.screen().contents();
    for wanted in [
        "the-project/kafka",
        "StatefulSet",
        "KRaft",
        "4.1.2",
        "kafka-0",
        "kafka-1",
        "kafka-2",
        "datadir-kafka-0",
        "3 of 3 bound",
    ] {
        assert!(text.contains(wanted), "{wanted:?} is missing:\n{text}");
    }
    pty.send("q");
    pty.wait_for_text("Leave", SOON);
    // The dialog ignores keys at first.
    pty.watch(Duration::from_millis(300));
    pty.send("y");
    assert_eq!(pty.exit_code(SOON), Some(0));
}

pub fn renamed_is_found(cluster: &Cluster) {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/renamed.yaml");
    cluster.kubectl(["apply", "-f", manifest]).expect_code(0);
    let guard = Namespace { cluster, name: "quiet-otter" };
    let mut pty = open(cluster, &["-n", "quiet-otter"]);
    pty.wait_for(|s| s.contents().contains("quiet-otter/ledger") && s.contents().contains("brokers 1/1"), HEALING);
    secrets_are_hidden(&mut pty);
    drop(pty);
    let both = cluster.kafdeck().args(["status"]).run();
    assert_eq!(both.code, 2, "several installations and no terminal to ask: {both:#?}");
    assert!(both.stderr.contains("quiet-otter/ledger") && both.stderr.contains("the-project/kafka"), "{}", both.stderr);
    let mut pty = open(cluster, &[]);
    pty.wait_for(
        |s| s.contents().contains("quiet-otter/ledger") && s.contents().contains("the-project/kafka"),
        HEALING,
    );
    drop(guard);
}

/// Reads the broker's pod whole, by what is copied of its page: a password that stands in it is not there.
fn secrets_are_hidden(pty: &mut Pty) {
    pty.send("3");
    pty.wait_for_text("ledger-0", SOON);
    pty.send("y");
    pty.wait_for_text("kind: Pod", SOON);
    pty.send("c");
    pty.wait_for_text("copied Pod quiet-otter/ledger-0", SOON);
    let raw = String::from_utf8_lossy(pty.raw_output()).into_owned();
    let (_, copied) = raw.split_once("\u{1b}]52;c;").unwrap();
    let copied = copied.split(['\u{7}', '\u{1b}']).next().unwrap();
    let text = String::from_utf8(STANDARD.decode(copied).unwrap()).unwrap();
    assert!(text.contains("name: LEDGER_PASSWORD") && text.contains("***"), "{text}");
    for hidden in ["canary-7d1e", "managedFields", "last-applied-configuration"] {
        assert!(!text.contains(hidden) && !raw.contains(hidden), "{hidden}: {text}");
    }
}

pub fn objects_are_read(cluster: &Cluster) {
    let mut pty = console(cluster);
    pty.send("3");
    pty.wait_for_text("RESTARTS", SOON);
    let began = Instant::now();
    pty.send("y");
    shown(&mut pty, "YAML", began, SOON, |text| text.contains("Pod the-project/kafka-") && text.contains("kind: Pod"));
    pty.send("\u{1b}");
    pty.wait_for(|s| !s.contents().contains("kind: Pod"), SOON);
    let began = Instant::now();
    pty.send("4e");
    // How many there are depends on what the rows before did; they are kept for an hour.
    let read = |text: &str| text.contains("Events about PersistentVolumeClaim") && text.contains("from the API server");
    shown(&mut pty, "events", began, SOON, read);
    pty.send("\u{1b}");
    pty.wait_for(|s| !s.contents().contains("Events about"), SOON);
    pty.send("5y");
    pty.wait_for_text("a topic is no Kubernetes object here", SOON);
}

/// A namespace that goes away at the end.
struct Namespace<'a> {
    cluster: &'a Cluster,
    name: &'a str,
}

impl Drop for Namespace<'_> {
    fn drop(&mut self) {
        self.cluster.kubectl(["delete", "namespace", self.name, "--wait=true", "--timeout=100s"]);
    }
}

pub fn new_topic_appears(cluster: &Cluster) {
    create_topic(cluster, "orders", 6);
    let mut pty = console(cluster);
    pty.send("5");
    pty.wait_for_text("TOPIC", SOON);
    create_topic(cluster, "appears-by-itself", 2);
    shown(&mut pty, "topic", Instant::now(), SOON, |text| text.contains("appears-by-itself"));
    kafka(cluster, "kafka-topics.sh --bootstrap-server localhost:9092 --delete --topic appears-by-itself");
    shown(&mut pty, "its end", Instant::now(), SOON, |text| !text.contains("appears-by-itself"));
}

pub fn hostile_names(cluster: &Cluster) {
    let long = format!("{}-telling-end", "x".repeat(237));
    create_topic(cluster, &long, 1);
    create_topic(cluster, "orders", 6);
    // The client id becomes the member's id, in the group's description and in the coordinator's log.
    kafka(
        cluster,
        "(timeout 20 kafka-console-consumer.sh --bootstrap-server localhost:9092 --topic orders --group hostile \
         --consumer-property \"client.id=$(printf 'evil\\033[31mred\\033]0;title\\007')\" >/dev/null 2>&1 &) ; sleep 1",
    );
    let mut pty = console(cluster);
    pty.send("5");
    pty.wait_for_text("telling-end", SOON);
    pty.send("6");
    pty.wait_for(
        |s| s.contents().lines().any(|l| l.contains("hostile") && l.contains("Stable")),
        Duration::from_secs(20),
    );
    pty.send("/hostile\r");
    pty.wait_for(|s| !s.contents().contains("orders-app "), SOON);
    pty.send("\r");
    pty.wait_for_text("evil?[31mred", Duration::from_secs(10));
    let raw = String::from_utf8_lossy(pty.raw_output()).into_owned();
    assert!(!raw.contains("\u{1b}[31mred") && !raw.contains("\u{1b}]0;title"), "an escape code came through");
    kafka(cluster, &format!("kafka-topics.sh --bootstrap-server localhost:9092 --delete --topic {long}"));
}

pub fn logs_are_followed(cluster: &Cluster) {
    let mut pty = console(cluster);
    pty.send("3");
    pty.wait_for_text("RESTARTS", SOON);
    pty.send("L");
    pty.wait_for(|s| s.contents().contains("kafka-0") && s.contents().contains("INFO"), Duration::from_secs(10));
    create_topic(cluster, "logged", 1);
    pty.wait_for_text("logged", Duration::from_secs(10));
    pty.send("/logged\r");
    pty.wait_for(|s| s.contents().contains("grep: logged") && !s.contents().contains("RaftManager"), SOON);
    // Once for the filter, once for the view.
    pty.send("\u{1b}");
    pty.wait_for(|s| !s.contents().contains("grep: logged"), SOON);
    pty.send("\u{1b}");
    pty.wait_for_text("RESTARTS", SOON);
    kafka(cluster, "kafka-topics.sh --bootstrap-server localhost:9092 --delete --topic logged");
}
