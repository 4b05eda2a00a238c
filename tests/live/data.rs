//! Actions on data by the program's own command line, each read back with Kafka's own tools, kubectl or a worker.
//!
//! What is made is called `data-…` and goes again at the end of its row; three small brokers of a namespace of their own
//! are drained, rebuilt and grow.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::common::{
    live::{self, Cluster, note},
    process::Outcome,
};

const PLAIN: &str = "the-project/kafka";
const TRIO: &str = "trio-vole/kafka";
/// How long a run may take.
const RUN: &str = "--timeout=240s";
const LIMIT: Duration = Duration::from_secs(260);
/// Where Kafka's tools find the brokers, within a pod.
const SERVER: &str = "--bootstrap-server localhost:9092";

/// Brokers of a namespace, and what is made on them.
struct House<'a> {
    cluster: &'a Cluster,
    installation: &'static str,
    /// Namespace and name of the pod in which Kafka's tools are called.
    pod: [&'static str; 2],
    server: &'static str,
    topic: &'static str,
}

impl Drop for House<'_> {
    fn drop(&mut self) {
        self.try_tool("kafka-topics.sh", &format!("--delete --if-exists --topic {}", self.topic));
    }
}

impl<'a> House<'a> {
    fn plain(cluster: &'a Cluster, topic: &'static str) -> Self {
        Self { cluster, installation: PLAIN, pod: ["the-project", "kafka-0"], server: SERVER, topic }
    }

    fn trio(cluster: &'a Cluster, topic: &'static str) -> Self {
        Self { cluster, installation: TRIO, pod: ["trio-vole", "kafka-0"], server: SERVER, topic }
    }

    fn try_tool(&self, tool: &str, rest: &str) -> Outcome {
        let script = format!("/opt/kafka/bin/{tool} {} {rest}", self.server);
        self.script(&script)
    }

    fn script(&self, script: &str) -> Outcome {
        let [namespace, pod] = self.pod;
        self.cluster.kubectl(["-n", namespace, "exec", pod, "--", "sh", "-c", script])
    }

    /// What one of Kafka's own tools says.
    #[track_caller]
    fn tool(&self, tool: &str, rest: &str) -> String {
        self.try_tool(tool, rest).expect_code(0).stdout
    }

    fn make(&self, partitions: &str, records: u32) {
        self.try_tool("kafka-topics.sh", &format!("--delete --if-exists --topic {}", self.topic));
        let shape = format!("--create --topic {} {partitions} --config min.insync.replicas=1", self.topic);
        self.tool("kafka-topics.sh", &shape);
        let produce = format!("/opt/kafka/bin/kafka-console-producer.sh {} --topic {}", self.server, self.topic);
        self.script(&format!("seq 1 {records} | {produce}")).expect_code(0);
    }

    /// What the program says to an action.
    fn act(&self, args: &[&str]) -> Outcome {
        self.cluster.kafdeck().limit(LIMIT).args(["--installation", self.installation, RUN]).args(args).run()
    }

    /// The same, which must be done.
    #[track_caller]
    fn done(&self, args: &[&str]) -> Outcome {
        let outcome = self.act(args);
        assert_eq!(outcome.code, 0, "{args:?}: {outcome:#?}");
        outcome
    }

    #[track_caller]
    fn refused(&self, args: &[&str], why: &str) {
        let outcome = self.act(args);
        assert!(outcome.code == 1 && outcome.stderr.contains(why), "{args:?}: {outcome:#?}");
    }

    /// Offsets of a group by partition, as kafka-consumer-groups.sh tells them: committed and end.
    fn offsets(&self, group: &str) -> Vec<(i64, i64)> {
        let text = self.tool("kafka-consumer-groups.sh", &format!("--describe --group {group} 2>/dev/null"));
        let rows = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        let mut rows: Vec<_> = rows.filter(|row| row.first() == Some(&group)).collect();
        rows.sort_by_key(|row| row[2].parse::<i32>().unwrap());
        rows.iter().map(|row| (row[3].parse().unwrap(), row[4].parse().unwrap())).collect()
    }

    /// Replicas of every partition of the topic, as kafka-topics.sh tells them.
    fn replicas(&self) -> Vec<String> {
        self.column("Replicas:")
    }

    fn column(&self, title: &str) -> Vec<String> {
        let text = self.tool("kafka-topics.sh", &format!("--describe --topic {}", self.topic));
        let lines = text.lines().filter(|line| line.contains("Partition:"));
        lines.map(|line| line.split_once(title).unwrap().1.split_whitespace().next().unwrap().to_owned()).collect()
    }
}

/// Offsets of a quiet group are reset, and those of one that reads are not.
pub fn offsets(cluster: &Cluster) {
    let house = House::plain(cluster, "data-offsets");
    house.make("--partitions 3 --replication-factor 2", 300);
    let group = "data-readers";
    let consume = format!(
        "/opt/kafka/bin/kafka-console-consumer.sh {SERVER} --topic {} --group {group} --from-beginning",
        house.topic
    );
    house.script(&format!("{consume} --max-messages 300 --timeout-ms 20000 >/dev/null 2>&1")).expect_code(0);
    let ends: i64 = house.offsets(group).iter().map(|(committed, _)| committed).sum();
    assert_eq!(ends, 300);
    let began = Instant::now();
    house.done(&["offsets", "reset", group, "--to", "earliest", "--yes"]);
    note(&format!("{:.1} s", began.elapsed().as_secs_f64()));
    assert!(house.offsets(group).iter().all(|(committed, _)| *committed == 0));
    house.refused(&["offsets", "reset", group, "--to", "latest", "--yes"], "--confirm data-readers");
    house.done(&["offsets", "reset", group, "--to", "latest", "--yes", "--confirm", group]);
    assert!(house.offsets(group).iter().all(|(committed, end)| committed == end));
    house.done(&["offsets", "reset", group, "--to", "-1h", "--yes"]);
    assert!(house.offsets(group).iter().all(|(committed, _)| *committed == 0), "all of it is younger than an hour");
    house.script(&format!("{consume} --timeout-ms 40000 >/dev/null 2>&1 & sleep 8")).expect_code(0);
    house
        .refused(&["offsets", "reset", group, "--to", "earliest", "--yes"], "is live, with 1 member: console-consumer");
    house.script("pkill -f '[C]onsoleConsumer' || true");
    // It is only tidied up: a group that outlives its member for longer is in nobody's way.
    let gone = Instant::now() + Duration::from_secs(60);
    let delete = format!("--delete --group {group}");
    while Instant::now() < gone && house.try_tool("kafka-consumer-groups.sh", &delete).stdout.contains("Error") {}
}

/// Leadership goes back to preferred replicas.
pub fn leaders(cluster: &Cluster) {
    let house = House::plain(cluster, "data-leaders");
    house.make("--replica-assignment 0:1,1:2", 10);
    // The same replicas in another order: whoever led goes on leading.
    let moved = format!(
        r#"{{"version":1,"partitions":[{{"topic":"{0}","partition":0,"replicas":[1,0]}},{{"topic":"{0}","partition":1,"replicas":[2,1]}}]}}"#,
        house.topic
    );
    let tool = "kafka-reassign-partitions.sh";
    house.script(&format!("echo '{moved}' >/tmp/data.json; /opt/kafka/bin/{tool} {SERVER} --reassignment-json-file /tmp/data.json --execute")).expect_code(0);
    assert_eq!(house.column("Leader:"), ["0", "1"]);
    let out = house.done(&["leaders", "elect", "--topic", house.topic, "--yes"]).stdout;
    assert!(out.contains("data-leaders-0: 0 → 1") && out.contains("data-leaders-1: 1 → 2"), "{out}");
    assert_eq!(house.column("Leader:"), ["1", "2"]);
    let out = house.done(&["leaders", "elect", "--topic", house.topic, "--yes"]).stdout;
    assert!(out.contains("nothing is to be done"), "{out}");
}

/// A topic's replicas leave a broker as fast as they may; a move that is slow is seen, let go faster, cancelled.
pub fn moves(cluster: &Cluster) {
    let house = House::plain(cluster, "data-moves");
    house.make("--replica-assignment 0:1,1:2,2:0", 1_000);
    house.refused(&["broker", "drain", "1", "--yes"], "could hold them without 1");
    house.done(&["broker", "drain", "1", "--topic", house.topic, "--throttle", "1Mi", "--yes"]);
    assert!(house.replicas().iter().all(|ids| !ids.contains('1')), "{:?}", house.replicas());
    let throttles = || {
        let brokers = house.tool("kafka-configs.sh", "--describe --entity-type brokers 2>&1");
        let topic =
            house.tool("kafka-configs.sh", &format!("--describe --entity-type topics --entity-name {}", house.topic));
        brokers.contains("throttled") || topic.contains("throttled")
    };
    assert!(!throttles(), "throttles stay");
    slow_move(&house);
    assert!(!throttles(), "throttles stay");
}

/// A move that takes minutes at its throttle.
fn slow_move(house: &House<'_>) {
    // 3 MB at 10 kB a second.
    let perf = "kafka-producer-perf-test.sh";
    let fill = format!(
        "/opt/kafka/bin/{perf} --topic {} --num-records 3000 --record-size 1000 --throughput -1 --producer-props bootstrap.servers=localhost:9092",
        house.topic
    );
    house.script(&fill).expect_code(0);
    let before = house.replicas();
    let moved = format!(
        r#"{{"version":1,"partitions":[{{"topic":"{0}","partition":0,"replicas":[1,2]}},{{"topic":"{0}","partition":1,"replicas":[1,2]}},{{"topic":"{0}","partition":2,"replicas":[1,2]}}]}}"#,
        house.topic
    );
    let tool = "kafka-reassign-partitions.sh";
    house.script(&format!("echo '{moved}' >/tmp/data.json; /opt/kafka/bin/{tool} {SERVER} --reassignment-json-file /tmp/data.json --execute --throttle 10000")).expect_code(0);
    let listed: Value = house.done(&["reassignment", "list", "-o", "json"]).json();
    let rows = listed["reassignments"].as_array().unwrap();
    assert!(
        rows.iter().any(|row| row["topic"] == house.topic && row["adding"] == serde_json::json!([1])),
        "{listed:#}"
    );
    let status: Value = house.done(&["status", "-o", "json"]).json();
    let counts = &status["partitions"];
    assert!(counts["reassigning"].as_u64() >= Some(1) && counts["under_replicated"] == 0, "{counts:#}");
    house.done(&["reassignment", "throttle", "--rate", "20k", "--yes"]);
    let rate = house.tool("kafka-configs.sh", "--describe --entity-type brokers --entity-name 1");
    assert!(rate.contains("follower.replication.throttled.rate=20000"), "{rate}");
    house.done(&["reassignment", "cancel", "--topic", house.topic, "--yes"]);
    let listed = house.tool(tool, "--list");
    assert!(listed.contains("No partition reassignments found"), "{listed}");
    // A small partition may have been there already; one that was on its way is where it was, in whichever order.
    let is_back = |(now, then): (&String, &String)| now.split(',').all(|id| then.split(',').any(|old| old == id));
    assert!(house.replicas().iter().zip(&before).any(is_back), "{:?}", house.replicas());
    house.done(&["reassignment", "throttle", "--off", "--yes"]);
}

/// Leaders and offsets on Strimzi, as its operator.
pub fn strimzi(cluster: &Cluster) {
    if cluster.kubectl(["-n", "messaging", "get", "kafka", "kafka-cluster", "-o", "name"]).code != 0 {
        live::skip("no Strimzi in namespace messaging");
        return;
    }
    let installation = ["--installation", "messaging/kafka-cluster", RUN];
    let run = |args: &[&str]| cluster.kafdeck().limit(LIMIT).args(installation).args(args).run();
    let elected = run(&["leaders", "elect", "--yes"]);
    assert_eq!(elected.code, 0, "{elected:#?}");
    assert!(elected.stdout.contains("Elect preferred leaders"), "{elected:#?}");
    let listed = run(&["reassignment", "list", "-o", "json"]);
    assert!(listed.code == 0 && listed.json()["reassignments"].is_array(), "{listed:#?}");
    let none = run(&["offsets", "reset", "data-nobody", "--to", "latest", "--yes"]);
    assert!(none.code == 1 && none.stderr.contains("no group data-nobody"), "{none:#?}");
}

/// A connector is paused, goes on, and is started again.
pub fn connector(cluster: &Cluster) {
    if cluster.kubectl(["-n", "kafka-demo", "get", "deployment", "kafka-connect", "-o", "name"]).code != 0 {
        live::skip("no Kafka Connect in namespace kafka-demo");
        return;
    }
    let run = |args: &[&str]| {
        let all = ["--installation", "kafka-demo/kafka", RUN, "connector"];
        cluster.kafdeck().limit(LIMIT).args(all.iter().chain(args)).run()
    };
    let state = || {
        let read = "busybox wget -qO- http://localhost:8083/connectors/jdbc-sink/status";
        let worker =
            ["-n", "kafka-demo", "exec", "deploy/kafka-connect", "-c", "kafka-connect", "--", "sh", "-c", read];
        let told: Value = serde_json::from_str(&cluster.kubectl(worker).expect_code(0).stdout).unwrap();
        let task = &told["tasks"][0]["state"];
        (told["connector"]["state"].as_str().unwrap().to_owned(), task.as_str().unwrap().to_owned())
    };
    let both = |state: &str| (state.to_owned(), state.to_owned());
    for (args, wanted) in [
        (&["pause", "jdbc-sink", "--yes"][..], "PAUSED"),
        (&["resume", "jdbc-sink", "--yes"], "RUNNING"),
        (&["restart", "jdbc-sink", "--tasks", "all", "--yes"], "RUNNING"),
    ] {
        let outcome = run(args);
        assert_eq!(outcome.code, 0, "{args:?}: {outcome:#?}");
        assert_eq!(state(), both(wanted), "{args:?}");
    }
    let calm = run(&["restart", "jdbc-sink", "--yes"]);
    assert!(calm.code == 0 && calm.stdout.contains("Nothing of it has failed"), "{calm:#?}");
    let unknown = run(&["pause", "data-nothing", "--yes"]);
    assert!(unknown.code == 1 && unknown.stderr.contains("no connector data-nothing"), "{unknown:#?}");
}

/// Three brokers of their own, which go with the row.
struct Trio<'a>(&'a Cluster);

impl Drop for Trio<'_> {
    fn drop(&mut self) {
        self.0.kubectl(["delete", "namespace", "trio-vole", "--wait=true", "--timeout=100s"]);
    }
}

impl<'a> Trio<'a> {
    fn start(cluster: &'a Cluster) -> Self {
        let trio = Self(cluster);
        let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/trio.yaml");
        cluster.kubectl(["apply", "-f", manifest]).expect_code(0);
        cluster.kubectl(["-n", "trio-vole", "rollout", "status", "statefulset/kafka", "--timeout=240s"]).expect_code(0);
        trio
    }

    fn read(&self, what: &str, path: &str) -> String {
        self.0.kubectl(["-n", "trio-vole", "get", what, "-o", &format!("jsonpath={path}")]).expect_code(0).stdout
    }
}

/// A volume grows, a broker is drained wholly, and another is rebuilt from what the others hold.
pub fn volumes(cluster: &Cluster) {
    let trio = Trio::start(cluster);
    let house = House::trio(cluster, "data-kept");
    house.make("--partitions 6 --replication-factor 2", 5_000);
    let claim = "datadir-kafka-1";
    house.refused(&["pvc", "expand", "x", "--size", "1Gi", "--yes"], "broker mounts a claim x");
    let shrunk = house.act(&["pvc", "expand", claim, "--size", "64Mi", "--yes"]);
    assert!(shrunk.code == 2 && shrunk.stderr.contains("can only grow"), "{shrunk:#?}");
    let began = Instant::now();
    house.done(&["pvc", "expand", claim, "--size", "192Mi", "--yes"]);
    note(&format!("grown in {:.1} s", began.elapsed().as_secs_f64()));
    assert_eq!(trio.read(&format!("pvc/{claim}"), "{.status.capacity.storage}"), "192Mi");
    let began = Instant::now();
    house.done(&["broker", "drain", "2", "--yes"]);
    note(&format!("drained in {:.1} s", began.elapsed().as_secs_f64()));
    let text = house.tool("kafka-topics.sh", "--describe");
    let on_it = text
        .lines()
        .filter_map(|line| line.split_once("Replicas: "))
        .any(|(_, rest)| rest.split_whitespace().next().is_some_and(|ids| ids.split(',').any(|id| id == "2")));
    assert!(!on_it, "{text}");
    rebuilt(&trio, &house);
}

/// Another pod and another volume, and everything that was there is there again.
fn rebuilt(trio: &Trio<'_>, house: &House<'_>) {
    let uids = || [trio.read("pod/kafka-1", "{.metadata.uid}"), trio.read("pvc/datadir-kafka-1", "{.metadata.uid}")];
    let before = uids();
    let refused = house.act(&["broker", "rebuild", "1", "--yes"]);
    assert!(refused.code == 1 && refused.stderr.contains("--confirm kafka-1"), "{refused:#?}");
    let began = Instant::now();
    house.done(&["broker", "rebuild", "1", "--yes", "--confirm", "kafka-1"]);
    note(&format!("rebuilt in {:.1} s", began.elapsed().as_secs_f64()));
    let after = uids();
    assert!(before[0] != after[0] && before[1] != after[1], "{before:?} {after:?}");
    let behind = house.tool("kafka-topics.sh", "--describe --under-replicated-partitions");
    assert_eq!(behind.trim(), "");
    let end = house.tool("kafka-get-offsets.sh", &format!("--topic {}", house.topic));
    let sum: i64 = end.lines().filter_map(|line| line.rsplit(':').next()?.parse::<i64>().ok()).sum();
    assert_eq!(sum, 5_000, "{end}");
}
