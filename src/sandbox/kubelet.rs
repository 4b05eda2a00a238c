//! The kubelets: pods live, and with each pod a broker's process.
//!
//! It takes pods up, starts and ends their containers, answers what their probes would, and says all of it in
//! their status. It creates and deletes none: `workloads` and clients do.

use std::{collections::BTreeMap, sync::Arc};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use super::{
    controller,
    events::{self, Note},
    kafka::{Kafka, Process},
    logs::Logs,
    objects::{self, Ended, Place, PodState},
    store::Store,
    workloads::index_of,
};

/// From the node's word to the first line of the container.
const CREATING: TimeDelta = TimeDelta::milliseconds(1_500);
/// From the container's first line to an open listener.
const BOOTING: TimeDelta = TimeDelta::seconds(4);
/// From an open listener to a probe that says so.
const PROBING: TimeDelta = TimeDelta::seconds(2);
/// What a controlled shutdown takes.
const STOPPING: TimeDelta = TimeDelta::milliseconds(2_500);
/// How often a container that boots is probed, and how often it is told that one is not started again yet.
const PROBED: TimeDelta = TimeDelta::seconds(3);
const REMINDED: TimeDelta = TimeDelta::seconds(15);
/// How long an ended container shows its end before it waits.
const ENDED: TimeDelta = TimeDelta::seconds(1);
/// The first wait before a restart, and the longest, in seconds.
const FIRST_WAIT: u32 = 10;
const LONGEST_WAIT: u32 = 300;
/// What a container runs without ending until its waits begin anew.
const SOUND: TimeDelta = TimeDelta::minutes(10);

/// How far a pod is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Creating,
    Booting { started: DateTime<Utc> },
    Serving { started: DateTime<Utc>, up: DateTime<Utc> },
    Exited { at: DateTime<Utc> },
    Waiting { until: DateTime<Utc>, wait_s: u32 },
}

/// The life of one pod.
#[derive(Debug, Clone)]
struct Life {
    uid: String,
    broker: i32,
    since: DateTime<Utc>,
    stage: Stage,
    restarts: u32,
    last: Option<Ended>,
    /// Since when it is being ended.
    stopping: Option<DateTime<Utc>>,
    /// When what goes on was last told by an event.
    told: Option<DateTime<Utc>>,
}

/// All kubelets of a namespace's brokers.
pub struct Kubelets {
    store: Arc<Store>,
    logs: Arc<Logs>,
    namespace: String,
    lives: BTreeMap<String, Life>,
    /// Brokers whose process cannot go on, and the exit code that it leaves.
    broken: BTreeMap<i32, i32>,
}

impl Kubelets {
    /// Kubelets that have no pods yet.
    pub fn new(store: Arc<Store>, logs: Arc<Logs>, namespace: &str) -> Self {
        Self { store, logs, namespace: namespace.to_owned(), lives: BTreeMap::new(), broken: BTreeMap::new() }
    }

    /// From now on a broker's process ends with this exit code, however often it is started.
    pub fn break_process(&mut self, broker: i32, code: i32) {
        self.broken.insert(broker, code);
    }

    /// A broker's process can go on again.
    pub fn heal_process(&mut self, broker: i32) {
        self.broken.remove(&broker);
    }

    /// Goes on to a moment.
    pub fn step(&mut self, kafka: &mut Kafka, now: DateTime<Utc>) {
        let pods = self.store.list("pods", Some(&self.namespace)).0;
        let named: Vec<&str> = pods.iter().filter_map(|pod| pod["metadata"]["name"].as_str()).collect();
        let gone: Vec<String> = self.lives.keys().filter(|name| !named.contains(&name.as_str())).cloned().collect();
        for name in gone {
            self.logs.remove(&name);
            if let Some(life) = self.lives.remove(&name) {
                set_process(kafka, life.broker, Process::Down);
            }
        }
        for pod in pods {
            if let (Some(index), Some(name)) = (index_of(&pod), pod["metadata"]["name"].as_str()) {
                self.live(kafka, &pod, name, index as i32, now);
            }
        }
    }

    /// One pod goes on to a moment.
    fn live(&mut self, kafka: &mut Kafka, pod: &Value, name: &str, broker: i32, now: DateTime<Utc>) {
        let uid = pod["metadata"]["uid"].as_str().unwrap_or_default();
        let known = self.lives.remove(name).filter(|life| life.uid == uid);
        let mut life = known.unwrap_or_else(|| {
            // Another pod of that name: the process of the one before is gone with it.
            set_process(kafka, broker, Process::Down);
            self.logs.remove(name);
            self.take_up(name, broker, uid, now)
        });
        if pod["metadata"]["deletionTimestamp"].is_string() {
            if self.stop(&mut life, kafka, pod, broker, now) {
                return;
            }
        } else {
            life = self.go_on(life, kafka, name, broker, now);
        }
        self.tell(&life, name, broker, now);
        self.lives.insert(name.to_owned(), life);
    }

    fn take_up(&self, name: &str, broker: i32, uid: &str, now: DateTime<Utc>) -> Life {
        self.store.change("pods", &self.namespace, name, |pod| objects::bind(pod, &node_of(broker)));
        let assigned = format!("Successfully assigned {}/{name} to {}", self.namespace, node_of(broker));
        let note = Note { warning: false, reason: "Scheduled", message: &assigned, source: "default-scheduler" };
        self.note(name, note, now);
        let uid = uid.to_owned();
        Life { uid, broker, since: now, stage: Stage::Creating, restarts: 0, last: None, stopping: None, told: None }
    }

    /// Ends a pod; true when it is gone. A frozen process does not hear that it should end, and is killed when its
    /// grace is over.
    fn stop(&mut self, life: &mut Life, kafka: &mut Kafka, pod: &Value, broker: i32, now: DateTime<Utc>) -> bool {
        let name = pod["metadata"]["name"].as_str().unwrap_or_default();
        let frozen = kafka.brokers.get(&broker).is_some_and(|b| b.process == Process::Frozen);
        let begun = life.stopping.is_some();
        let since = *life.stopping.get_or_insert(now);
        if !begun {
            let message = format!("Stopping container {}", container_of(pod));
            self.note(name, Note { warning: false, reason: "Killing", message: &message, source: "kubelet" }, now);
        }
        if !begun && !frozen && matches!(life.stage, Stage::Serving { .. }) {
            self.say(
                name,
                now,
                "INFO",
                &format!(
                    "[BrokerServer id={broker}] Transition from STARTED to SHUTTING_DOWN (kafka.server.BrokerServer)"
                ),
            );
            controller::fence(kafka, broker);
            set_process(kafka, broker, Process::Down);
        }
        let grace = TimeDelta::seconds(pod["metadata"]["deletionGracePeriodSeconds"].as_i64().unwrap_or(30));
        let over = now - since >= if frozen { grace } else { STOPPING.min(grace) };
        if over {
            set_process(kafka, broker, Process::Down);
            self.logs.remove(name);
            self.store.remove("pods", &self.namespace, name);
        }
        over
    }

    /// The next stage of a pod that is to live.
    fn go_on(&mut self, mut life: Life, kafka: &mut Kafka, name: &str, broker: i32, now: DateTime<Utc>) -> Life {
        let full = kafka.brokers.get(&broker).is_some_and(|b| kafka.used_on(b) >= b.log_dir.total);
        let code = self.broken.get(&broker).copied().or(full.then_some(1));
        life.stage = match (life.stage, code) {
            (Stage::Creating, _) if now - life.since >= CREATING => self.start(name, broker, now),
            (Stage::Booting { started }, Some(code)) if now - started >= BOOTING / 2 => {
                self.exit(&mut life, kafka, name, broker, (started, code, full), now)
            }
            (Stage::Serving { started, .. }, Some(code)) => {
                self.exit(&mut life, kafka, name, broker, (started, code, full), now)
            }
            (Stage::Booting { started }, None) if now - started >= BOOTING => {
                set_process(kafka, broker, Process::Running);
                self.say(
                    name,
                    now,
                    "INFO",
                    &format!(
                        "[BrokerServer id={broker}] Transition from STARTING to STARTED (kafka.server.BrokerServer)"
                    ),
                );
                self.say(
                    name,
                    now,
                    "INFO",
                    &format!("[KafkaRaftServer nodeId={broker}] Kafka Server started (kafka.server.KafkaRaftServer)"),
                );
                Stage::Serving { started, up: now }
            }
            (Stage::Exited { at }, _) if now - at >= ENDED => {
                let wait_s = FIRST_WAIT.saturating_mul(1 << life.restarts.min(5)).min(LONGEST_WAIT);
                Stage::Waiting { until: now + TimeDelta::seconds(wait_s.into()), wait_s }
            }
            (Stage::Waiting { until, .. }, _) if now >= until => {
                life.restarts += 1;
                self.logs.restart(name);
                self.start(name, broker, now)
            }
            (stage, _) => stage,
        };
        self.remind(&mut life, name, broker, now);
        life
    }

    /// Tells again and again of what is not over: probes that fail, a restart that waits.
    fn remind(&self, life: &mut Life, name: &str, broker: i32, now: DateTime<Utc>) {
        let (since, every, reason) = match life.stage {
            Stage::Booting { started } => (started, PROBED, "Unhealthy"),
            // The first time at once.
            Stage::Waiting { .. } => (DateTime::UNIX_EPOCH, REMINDED, "BackOff"),
            _ => return life.told = None,
        };
        if now - life.told.map_or(since, |told| told.max(since)) < every {
            return;
        }
        life.told = Some(now);
        let message = if reason == "Unhealthy" {
            format!("Readiness probe failed: dial tcp 10.42.{broker}.10:9092: connect: connection refused")
        } else {
            let container = self.pod(name).map_or_else(String::new, |pod| container_of(&pod).to_owned());
            format!("Back-off restarting failed container {container} in pod {name}_{}({})", self.namespace, life.uid)
        };
        self.note(name, Note { warning: true, reason, message: &message, source: "kubelet" }, now);
    }

    fn pod(&self, name: &str) -> Option<Arc<Value>> {
        self.store.get("pods", &self.namespace, name)
    }

    /// Tells something of a pod by an event.
    fn note(&self, name: &str, note: Note<'_>, now: DateTime<Utc>) {
        if let Some(pod) = self.pod(name) {
            events::say(&self.store, &pod, note, now);
        }
    }

    /// A container is made and started, in the kubelet's words.
    fn note_start(&self, name: &str, now: DateTime<Utc>) {
        let Some(pod) = self.pod(name) else { return };
        let container = container_of(&pod);
        let image = pod["spec"]["containers"][0]["image"].as_str().unwrap_or_default();
        for (reason, message) in [
            ("Pulled", format!("Container image \"{image}\" already present on machine")),
            ("Created", format!("Created container: {container}")),
            ("Started", format!("Started container {container}")),
        ] {
            self.note(name, Note { warning: false, reason, message: &message, source: "kubelet" }, now);
        }
    }

    fn start(&self, name: &str, broker: i32, now: DateTime<Utc>) -> Stage {
        self.note_start(name, now);
        let server = format!("[BrokerServer id={broker}]");
        self.say(
            name,
            now,
            "INFO",
            &format!("{server} Transition from SHUTDOWN to STARTING (kafka.server.BrokerServer)"),
        );
        self.say(
            name,
            now,
            "INFO",
            "Loading logs from log dirs ArrayBuffer(/var/lib/kafka/data/logs) (kafka.log.LogManager)",
        );
        Stage::Booting { started: now }
    }

    /// The process ends.
    fn exit(
        &self,
        life: &mut Life,
        kafka: &mut Kafka,
        name: &str,
        broker: i32,
        (started, code, full): (DateTime<Utc>, i32, bool),
        now: DateTime<Utc>,
    ) -> Stage {
        set_process(kafka, broker, Process::Down);
        if now - started >= SOUND {
            life.restarts = life.restarts.min(1);
        }
        let reason = if code == 137 { "OOMKilled" } else { "Error" };
        life.last = Some(Ended { code, reason: reason.to_owned(), started, finished: now });
        if full {
            let dir = "/var/lib/kafka/data/logs";
            self.say(name, now, "ERROR", &format!("Error while writing to checkpoint file {dir}/replication-offset-checkpoint (org.apache.kafka.storage.internals.log.LogDirFailureChannel)"));
            self.logs.write(name, now, "java.io.IOException: No space left on device".to_owned());
            self.say(
                name,
                now,
                "ERROR",
                &format!("Shutdown broker because all log dirs in {dir} have failed (kafka.log.LogManager)"),
            );
        } else if code != 137 {
            self.say(name, now, "ERROR", "Encountered fatal fault: Unexpected error in raft IO thread (org.apache.kafka.server.fault.ProcessTerminatingFaultHandler)");
        }
        Stage::Exited { at: now }
    }

    fn say(&self, pod: &str, now: DateTime<Utc>, level: &str, text: &str) {
        self.logs.write(pod, now, line(now, level, text));
    }

    /// Writes what the kubelet knows into the pod's status.
    fn tell(&self, life: &Life, name: &str, broker: i32, now: DateTime<Utc>) {
        let last = life.last.clone();
        let restarts = life.restarts;
        let state = match (life.stage, last) {
            (Stage::Creating, _) | (Stage::Exited { .. } | Stage::Waiting { .. }, None) => PodState::Creating,
            (Stage::Booting { started }, last) => {
                PodState::Running { since: started, ready: (false, started), restarts, last }
            }
            (Stage::Serving { started, up }, last) => {
                let probed = up + PROBING;
                let ready = if now >= probed { (true, probed) } else { (false, started) };
                PodState::Running { since: started, ready, restarts, last }
            }
            (Stage::Exited { .. }, Some(ended)) => PodState::Exited { ended, restarts, last: None },
            (Stage::Waiting { wait_s, .. }, Some(last)) => PodState::CrashLoop { last, restarts, wait_s },
        };
        let (node_ip, pod_ip) = (format!("10.42.{broker}.1"), format!("10.42.{broker}.10"));
        let has_ip = life.stage != Stage::Creating;
        let place = Place { node_ip: &node_ip, pod_ip: has_ip.then_some(&*pod_ip), since: life.since };
        self.store
            .change("pods", &self.namespace, name, |pod| pod["status"] = objects::pod_status(pod, &state, &place));
    }
}

fn container_of(pod: &Value) -> &str {
    pod["spec"]["containers"][0]["name"].as_str().unwrap_or_default()
}

/// The node of a broker's pod: its volume is there.
pub fn node_of(broker: i32) -> String {
    format!("node-{}", broker + 1)
}

/// A line as Kafka's log4j pattern writes it.
pub fn line(at: DateTime<Utc>, level: &str, text: &str) -> String {
    format!("[{}] {level} {text}", at.format("%Y-%m-%d %H:%M:%S,%3f"))
}

fn set_process(kafka: &mut Kafka, broker: i32, process: Process) {
    match kafka.brokers.get_mut(&broker) {
        Some(broker) if process == Process::Down => broker.stop(),
        Some(broker) => broker.process = process,
        None => {}
    }
}
