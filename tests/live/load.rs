//! Records that go through brokers while something happens to them, from a pod in their namespace: Kafka's own
//! verifiable producer with acks=all, and its consumer.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::common::live::Cluster;

/// Records a second.
const RATE: u32 = 100;
/// Where tools find Java and Kafka.
const JAVA: &str = "/opt/kafka/jre/bin/java -Xmx128m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC \
                    -Dlog4j2.configurationFile=/opt/kafka/config/tools-log4j2.properties -cp '/opt/kafka/libs/*'";

/// Where records go through.
#[derive(Debug, Clone, Copy)]
pub struct Site {
    /// Its namespace.
    pub namespace: &'static str,
    /// What is applied before and deleted after, beside this file.
    pub fixture: &'static str,
    /// The objects of it that become Ready, in this order.
    pub objects: &'static [&'static str],
    /// The bootstrap Service.
    pub bootstrap: &'static str,
    /// What makes the clients' configuration beyond `bootstrap`, as a shell's words on standard output.
    pub config: &'static str,
    /// What makes the topic, if the fixture does not.
    pub topic: Option<&'static str>,
}

/// The brokers of the flavour `plain`.
pub const PLAIN: Site = Site {
    namespace: "the-project",
    fixture: "load-plain.yaml",
    objects: &["pod/load"],
    bootstrap: "kafka:9092",
    config: "true",
    topic: Some(
        "/opt/kafka/bin/kafka-topics.sh --bootstrap-server kafka:9092 --create --topic load --partitions 12 \
         --replication-factor 3 --config min.insync.replicas=2",
    ),
};

/// The brokers of the flavour `strimzi`.
pub const STRIMZI: Site = Site {
    namespace: "messaging",
    fixture: "load-strimzi.yaml",
    objects: &["kafkatopic/load", "kafkauser/load", "pod/load"],
    bootstrap: "kafka-cluster-kafka-bootstrap:9092",
    config: "echo security.protocol=SASL_PLAINTEXT; echo sasl.mechanism=SCRAM-SHA-512; \
             echo \"sasl.jaas.config=$(cat /user/sasl.jaas.config)\"",
    topic: None,
};

/// Records under way.
pub struct Load<'a> {
    cluster: &'a Cluster,
    site: Site,
}

/// What came of the records.
#[derive(Debug)]
pub struct Delivered {
    /// How many were sent.
    pub sent: usize,
    /// How many all in-sync replicas had.
    pub acked: usize,
    /// The longest that one took until then, from when it was due.
    pub worst: Duration,
    /// The numbers that were acknowledged, and those that were read again.
    pub sums: [u64; 2],
    /// How many were read again, each place in the log once.
    pub read: usize,
}

impl<'a> Load<'a> {
    /// Begins: returns when the first records were read again.
    pub fn start(cluster: &'a Cluster, site: Site) -> Self {
        let load = Self { cluster, site };
        load.clear();
        load.kubectl(&["apply", "-f", &load.fixture()]);
        for object in site.objects {
            load.kubectl(&["-n", site.namespace, "wait", "--for=condition=Ready", object, "--timeout=100s"]);
        }
        if let Some(topic) = site.topic {
            load.script(topic);
        }
        load.script(&format!("({}) > /tmp/common.properties", site.config));
        // The tool gives a record up at once; applications do not.
        load.script("(cat /tmp/common.properties; echo retries=2147483647) > /tmp/producer.properties");
        let common = format!("--bootstrap-server {} --topic load", site.bootstrap);
        load.background("consumer", &format!(
            "{JAVA} org.apache.kafka.tools.VerifiableConsumer {common} --group-id load --verbose --reset-policy earliest \
             --consumer.config /tmp/common.properties"
        ));
        load.background(
            "producer",
            &format!(
                "{JAVA} org.apache.kafka.tools.VerifiableProducer {common} --acks -1 --throughput {RATE} \
             --producer.config /tmp/producer.properties"
            ),
        );
        load.until("records are read", |load| load.lines_of("consumer", "record_data") > 100);
        load
    }

    /// Ends it, and says what came of it.
    pub fn stop(self) -> Delivered {
        self.script("kill -TERM $(cat /tmp/producer.pid)");
        self.until("the producer's end", |load| load.lines_of("producer", "tool_data") == 1);
        let produced = self.script("cat /tmp/producer");
        let wanted = produced.lines().filter(|line| line.contains("producer_send_success")).count();
        self.until("everything is read", |load| load.lines_of("consumer", "record_data") >= wanted);
        let delivered = delivered(&produced, &self.script("grep record_data /tmp/consumer"));
        let errors = self.script("grep producer_send_error /tmp/producer | head -n 3");
        assert_eq!(errors, "", "records were given up");
        delivered
    }

    fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let began = Instant::now();
        while !holds(self) {
            if began.elapsed() > Duration::from_secs(60) {
                let told = self.script("tail -n 5 /tmp/producer /tmp/producer.err /tmp/consumer /tmp/consumer.err");
                panic!("not within a minute: {what}\n{told}");
            }
            std::thread::sleep(Duration::from_millis(500));
        }
    }

    fn lines_of(&self, tool: &str, kind: &str) -> usize {
        self.script(&format!("grep -c {kind} /tmp/{tool} || true")).trim().parse().unwrap()
    }

    fn background(&self, name: &str, command: &str) {
        let script = format!("{command} </dev/null >/tmp/{name} 2>/tmp/{name}.err & echo $! > /tmp/{name}.pid");
        self.script(&script);
    }

    fn script(&self, script: &str) -> String {
        let path = ["-n", self.site.namespace, "exec", "load", "--", "sh", "-c", script];
        self.cluster.kubectl(path).expect_code(0).stdout
    }

    fn fixture(&self) -> String {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(self.site.fixture).display().to_string()
    }

    fn kubectl(&self, args: &[&str]) {
        self.cluster.kubectl(args).expect_code(0);
    }

    /// Takes away what an earlier one left behind.
    fn clear(&self) {
        if self.site.topic.is_some() {
            let script =
                "/opt/kafka/bin/kafka-topics.sh --bootstrap-server kafka:9092 --delete --if-exists --topic load";
            self.cluster.kubectl(["-n", self.site.namespace, "exec", "load", "--", "sh", "-c", script]);
        }
        self.cluster.kubectl(["delete", "--ignore-not-found", "-f", &self.fixture()]);
    }
}

impl Drop for Load<'_> {
    fn drop(&mut self) {
        self.clear();
    }
}

/// What two tools wrote, brought together.
fn delivered(produced: &str, consumed: &str) -> Delivered {
    let events =
        |text: &str| -> Vec<Value> { text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect() };
    let number = |event: &Value| event["value"].as_str().and_then(|value| value.parse::<u64>().ok());
    let mut acked = BTreeMap::new();
    let mut sent = 0;
    for event in events(produced) {
        match event["name"].as_str() {
            Some("producer_send_success") => {
                acked.insert(number(&event).unwrap(), event["timestamp"].as_u64().unwrap());
            }
            Some("tool_data") => sent = usize::try_from(event["sent"].as_u64().unwrap()).unwrap(),
            _ => {}
        }
    }
    let every = 1_000 / u64::from(RATE);
    // The quickest says when the first was due.
    let due = acked.iter().map(|(number, at)| at - number * every).min().unwrap();
    let worst = acked.iter().map(|(number, at)| at - number * every - due).max().unwrap();
    let read = events(consumed).into_iter().filter_map(|event| {
        let place = (event["partition"].as_i64()?, event["offset"].as_i64()?);
        Some((place, number(&event)?))
    });
    let read: BTreeSet<((i64, i64), u64)> = read.collect();
    let sums = [acked.keys().sum(), read.iter().map(|(_, number)| number).sum()];
    Delivered { sent, acked: acked.len(), worst: Duration::from_millis(worst), sums, read: read.len() }
}
