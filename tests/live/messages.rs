//! Records read and written by kafdeck against Kafka's own console tools.

use std::{
    collections::BTreeSet,
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use kafdeck::{
    domain::{
        ids::ObjectKey,
        installation::{AddressBook, PodPort},
        record::Draft,
    },
    io::{
        connect::{self, ConnectOptions},
        dial::PortForward,
        messages::{Reach, writer::Writer},
        secrets::NoSecrets,
    },
};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::common::{
    live::{self, Cluster, note},
    process::{KAFDECK, Outcome, kill_group},
};

use super::seeing::{SOON, console, create_topic, kafka};

/// The topic of these rows; it is deleted when they end.
const TOPIC: &str = "kafdeck-live-messages";

/// Deletes the topic, however a row ends.
struct Topic<'a>(&'a Cluster);

impl<'a> Topic<'a> {
    fn new(cluster: &'a Cluster) -> Self {
        let topic = Self(cluster);
        topic.delete();
        create_topic(cluster, TOPIC, 3);
        topic
    }

    fn delete(&self) {
        let command = format!(
            "kafka-topics.sh --bootstrap-server localhost:9092 --delete --if-exists --topic {TOPIC}; while \
             kafka-topics.sh --bootstrap-server localhost:9092 --list | grep -qx {TOPIC}; do :; done"
        );
        kafka(self.0, &command);
    }
}

impl Drop for Topic<'_> {
    fn drop(&mut self) {
        self.delete();
    }
}

fn tail(cluster: &Cluster, args: &[&str]) -> Outcome {
    let base = ["--installation", "the-project/kafka", "message", "tail", TOPIC];
    cluster.kafdeck().args(base.iter().chain(args)).run()
}

/// Every record as `partition offset timestamp headers key value`, as kafdeck tells it.
fn ours(cluster: &Cluster) -> BTreeSet<String> {
    let outcome = tail(cluster, &["--from", "beginning", "-o", "json"]).expect_code(0);
    let lines = outcome.stdout.lines().map(|line| {
        let record: Value = serde_json::from_str(line).unwrap();
        let text = |value: &Value| value.as_str().map_or_else(|| "null".to_owned(), str::to_owned);
        let headers: Vec<String> = record["headers"]
            .as_array()
            .unwrap()
            .iter()
            .map(|h| format!("{}:{}", text(&h["name"]), text(&h["value"])))
            .collect();
        let headers = if headers.is_empty() { "NO_HEADERS".to_owned() } else { headers.join(",") };
        let at = chrono::DateTime::parse_from_rfc3339(record["at"].as_str().unwrap()).unwrap();
        format!(
            "{}:{} Partition:{} Offset:{} {headers} {} {}",
            text(&record["at_kind"]),
            at.timestamp_millis(),
            record["partition"],
            record["offset"],
            text(&record["key"]),
            text(&record["value"]),
        )
    });
    lines.collect()
}

/// The same, as kafka-console-consumer.sh prints it.
fn theirs(cluster: &Cluster, count: usize) -> BTreeSet<String> {
    let command = format!(
        "kafka-console-consumer.sh --bootstrap-server localhost:9092 --topic {TOPIC} --from-beginning --max-messages \
         {count} --property print.partition=true --property print.offset=true --property print.timestamp=true \
         --property print.headers=true --property print.key=true --property key.separator=' ' 2>/dev/null"
    );
    kafka(cluster, &command).lines().map(str::to_owned).collect()
}

pub fn tail_is_what_the_console_consumer_prints(cluster: &Cluster) {
    let _topic = Topic::new(cluster);
    // The JVM of the testbed has no zstd; `native` holds that ours has.
    let codecs = ["none", "gzip", "snappy", "lz4"];
    let produce = codecs.map(|codec| {
        format!(
            "for i in $(seq 1 40); do printf 'codec:{codec},n:%s\\t{codec}-%s\\t{{\"n\":%s,\"codec\":\"{codec}\"}}\\n' $i $i $i; done \
             | kafka-console-producer.sh --bootstrap-server localhost:9092 --topic {TOPIC} --compression-codec {codec} \
             --property parse.headers=true --property parse.key=true --property null.marker=NULL"
        )
    });
    kafka(cluster, &produce.join(" && "));
    kafka(
        cluster,
        &format!(
            "printf 'gone\\tNULL\\n' | kafka-console-producer.sh --bootstrap-server localhost:9092 --topic {TOPIC} \
             --property parse.key=true --property null.marker=NULL"
        ),
    );
    let (ours, theirs) = (ours(cluster), theirs(cluster, 161));
    assert_eq!(ours.len(), 161);
    assert_eq!(ours, theirs);
    let lz4 = tail(cluster, &["--from", "beginning", "--filter", "codec.:.lz4", "-o", "json"]).expect_code(0);
    assert_eq!(lz4.stdout.lines().count(), 40);
    let last = tail(cluster, &["--from", "end", "--limit", "1"]).expect_code(0);
    assert!(last.stdout.contains("key=gone") && last.stdout.trim_end().ends_with("null"), "{last:?}");
}

pub fn what_is_written_is_read_by_kafkas_tool(cluster: &Cluster) {
    let _topic = Topic::new(cluster);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let written = runtime.block_on(async {
        let options = ConnectOptions { kubeconfig: Some(cluster.kubeconfig.clone()), ..ConnectOptions::default() };
        let connected = connect::connect(&options).await.unwrap();
        let cancel = CancellationToken::new();
        let mut book = AddressBook::default();
        for id in 0..3 {
            let pod = ObjectKey::new("the-project", format!("kafka-{id}"));
            book.seeds.push(PodPort { pod: pod.clone(), port: 9092 });
            for form in [format!("kafka-{id}"), format!("kafka-{id}.kafka-headless.the-project.svc")] {
                book.hosts.insert(form, pod.clone());
            }
            book.ids.insert(kafdeck::domain::ids::BrokerId(id), pod);
        }
        let transport = Arc::new(PortForward::new(&connected, &cancel));
        let reach = Reach { transport, secrets: Arc::new(NoSecrets), book: Arc::new(book) };
        let writer = Writer::start(reach, Duration::from_secs(10), &cancel);
        let draft = Draft {
            topic: TOPIC.to_owned(),
            partition: Some(1),
            key: Some(b"k".to_vec()),
            value: Some("grün".as_bytes().to_vec()),
            headers: vec![("h".to_owned(), b"x".to_vec())],
        };
        let began = Instant::now();
        let written = writer.write(draft).await.unwrap();
        note(&format!("written in {} ms", began.elapsed().as_millis()));
        cancel.cancel();
        written
    });
    assert_eq!((written.partition, written.offset), (1, 0));
    let at = written.at.unwrap().timestamp_millis();
    let wanted = format!("CreateTime:{at} Partition:1 Offset:0 h:x k grün");
    assert_eq!(theirs(cluster, 1), BTreeSet::from([wanted]));
}

pub fn an_application_reads_over_tls_and_the_console_user_may_not(cluster: &Cluster) {
    if cluster.kubectl(["get", "kafka", "-n", "messaging", "kafka-cluster"]).code != 0 {
        return live::skip("the flavour strimzi is not installed");
    }
    let base = ["--installation", "messaging/kafka-cluster", "message", "tail", "orders", "--limit", "3"];
    for listener in ["tls", "plain"] {
        let as_app = ["--as", "orders-app", "--listener", listener, "-o", "json"];
        let outcome = cluster.kafdeck().args(base.iter().chain(&as_app)).run().expect_code(0);
        assert_eq!(outcome.stdout.lines().count(), 3, "{outcome:?}");
        note(&format!("{listener}: {} ms", outcome.took.as_millis()));
    }
    let refused = cluster.kafdeck().args(base).run().expect_code(4);
    assert!(refused.stderr.contains("TOPIC_AUTHORIZATION_FAILED"), "{refused:?}");
    assert!(refused.stderr.contains("Grant Read"), "{refused:?}");
}

pub fn leaving_a_frozen_broker_takes_no_time(cluster: &Cluster) {
    let _topic = Topic::new(cluster);
    let (env, home) = {
        let home = tempfile::tempdir().unwrap();
        (crate::common::process::sealed_env(home.path()), home)
    };
    let mut follows = Command::new(KAFDECK);
    follows
        .args(["--installation", "the-project/kafka", "message", "tail", TOPIC, "--follow"])
        .env_clear()
        .envs(env)
        .env("KUBECONFIG", &cluster.kubeconfig)
        .stdout(Stdio::null());
    let mut follows = std::os::unix::process::CommandExt::process_group(&mut follows, 0).spawn().unwrap();
    let mut pty = console(cluster);
    pty.send(&format!(":{TOPIC}\r"));
    pty.wait_for(|s| s.contents().contains("sets itself"), SOON);
    pty.send("m");
    pty.wait_for(|s| s.contents().contains("at the end, following"), SOON);
    let fault = live::fault(["freeze", "the-project", "kafka-1", "kafka-broker"]);
    // As long as a look at the screen takes, so that requests are on their way to it.
    pty.watch(Duration::from_secs(1));
    let began = Instant::now();
    pty.send("\u{3}\u{3}");
    let code = pty.exit_code(Duration::from_secs(10));
    let console_took = began.elapsed();
    let began = Instant::now();
    rustix::process::kill_process(rustix::process::Pid::from_child(&follows), rustix::process::Signal::INT).unwrap();
    let ended = loop {
        match follows.try_wait().unwrap() {
            Some(status) => break Some(status),
            None if began.elapsed() > Duration::from_secs(10) => break None,
            None => std::thread::yield_now(),
        }
    };
    let tail_took = began.elapsed();
    drop(fault);
    if ended.is_none() {
        kill_group(&follows);
        let _ = follows.wait();
    }
    drop(home);
    note(&format!("console {} ms, tail {} ms", console_took.as_millis(), tail_took.as_millis()));
    assert_eq!(code, Some(0));
    assert!(console_took < Duration::from_secs(2) && tail_took < Duration::from_secs(2));
}
