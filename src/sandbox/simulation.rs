//! What moves the sandbox: one step for everything in it, a few times a second.
//!
//! The order of a step is that of causes: what is scripted, then workloads and kubelets, then Kafka's controller,
//! then its clients. `sandbox` runs it; nothing else does.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use tokio::{sync::watch, time::MissedTickBehavior};

use crate::clock::Clock;

use super::{
    beside::Neighbours,
    chatter::Chatter,
    connect::{self, Connect},
    controller::Controller,
    crowd::Crowd,
    demo, events,
    flood::Flood,
    kafka::{Kafka, Process},
    kubelet::{Kubelets, node_of},
    logs::Logs,
    objects::stamp,
    script::{Deed, Script},
    store::Store,
    traffic::Traffic,
    workloads::Workloads,
};

/// Time of one step.
const STEP: Duration = Duration::from_millis(250);
/// How old the cluster is when the sandbox opens.
const AGE: TimeDelta = TimeDelta::hours(76);
/// Bytes a second with which a volume is filled.
const FILLING: u64 = 400 << 20;

/// What others reach, too.
#[derive(Clone)]
pub struct Shared {
    /// Objects.
    pub store: Arc<Store>,
    /// The Kafka.
    pub kafka: Arc<Mutex<Kafka>>,
    /// The Connect beside it.
    pub connect: Arc<Connect>,
    /// Other installations.
    pub neighbours: Arc<Neighbours>,
}

/// Everything that moves.
pub struct Simulation {
    store: Arc<Store>,
    kafka: Arc<Mutex<Kafka>>,
    connect: Arc<Connect>,
    neighbours: Arc<Neighbours>,
    changed: watch::Sender<u64>,
    logs: Arc<Logs>,
    workloads: Workloads,
    kubelets: Kubelets,
    controller: Controller,
    traffic: Traffic,
    chatter: Chatter,
    script: Script,
    filling: Vec<i32>,
    opened: DateTime<Utc>,
    last: DateTime<Utc>,
}

impl Simulation {
    /// A cluster that has stood for three days. `changed` tells brokers that something is other than before.
    pub fn new(
        shared: Shared,
        changed: watch::Sender<u64>,
        logs: Arc<Logs>,
        (script, crowd): (Script, &Crowd),
        now: DateTime<Utc>,
    ) -> Self {
        let Shared { store, kafka, connect, neighbours } = shared;
        let born = now - AGE;
        demo::install(&store, born, crowd);
        crowd.install(&store, born);
        connect::install(&store, born);
        neighbours.install(&store, born);
        let mut simulation = Self {
            workloads: Workloads::new(Arc::clone(&store), demo::NAMESPACE),
            kubelets: Kubelets::new(Arc::clone(&store), Arc::clone(&logs), demo::NAMESPACE),
            store,
            kafka,
            connect,
            neighbours,
            changed,
            logs,
            controller: Controller::default(),
            traffic: Traffic::default(),
            chatter: Chatter::default(),
            script: Script::default(),
            filling: Vec::new(),
            opened: now,
            last: born,
        };
        // Three days ago it was started; until it stands, in the steps of that day.
        for _ in 0..80 {
            let next = simulation.last + STEP;
            simulation.machines(next);
        }
        simulation.last = now;
        events::forget(&simulation.store, now);
        simulation.script = script;
        simulation
    }

    /// Moves for as long as it is polled.
    pub async fn run(mut self, clock: Clock) {
        let mut steps = tokio::time::interval(STEP);
        steps.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            steps.tick().await;
            self.step(clock.now());
        }
    }

    /// Goes on to a moment.
    fn step(&mut self, now: DateTime<Utc>) {
        // A machine that slept has not missed hours of traffic.
        let seconds = (now - self.last).as_seconds_f64().clamp(0.0, 5.0);
        for deed in self.script.between(self.last - self.opened, now - self.opened) {
            self.perform(&deed, now);
        }
        self.machines(now);
        let kafka = Arc::clone(&self.kafka);
        let mut kafka = kafka.lock().unwrap_or_else(PoisonError::into_inner);
        for id in self.filling.clone() {
            self.fill(&mut kafka, id, seconds);
        }
        if !self.script.still {
            self.traffic.step(&mut kafka, seconds);
        }
        self.chatter.step(&kafka, &self.logs, demo::pod, now);
        drop(kafka);
        self.changed.send_modify(|version| *version += 1);
    }

    /// Pods, their processes, and who leads what.
    fn machines(&mut self, now: DateTime<Utc>) {
        let seconds = (now - self.last).as_seconds_f64().clamp(0.0, 5.0);
        self.last = now;
        self.workloads.step(now);
        connect::keep(&self.store, &self.logs, now);
        self.connect.step(seconds);
        let mut kafka = self.kafka.lock().unwrap_or_else(PoisonError::into_inner);
        demo::volumes(&self.store, &mut kafka);
        self.kubelets.step(&mut kafka, now);
        self.controller.step(&mut kafka, now, seconds);
        self.neighbours.step(now, seconds);
    }

    /// Fills a volume a little more, until nothing is left or its pod is given a larger one.
    fn fill(&mut self, kafka: &mut Kafka, id: i32, seconds: f64) {
        let owned = kafka.bytes_on(id) as u64;
        let Some(broker) = kafka.brokers.get_mut(&id) else { return };
        let dir = &mut broker.log_dir;
        let left = dir.total.saturating_sub(owned).saturating_sub(dir.other);
        dir.other += left.min((FILLING as f64 * seconds) as u64);
        if left == 0 {
            self.filling.retain(|other| *other != id);
        }
    }

    fn perform(&mut self, deed: &Deed, now: DateTime<Utc>) {
        match deed {
            Deed::FillVolume { broker } => self.filling.push(*broker),
            Deed::Freeze { broker } => self.set_process(*broker, Process::Frozen),
            Deed::FreezeBeside { installation, broker } => self.neighbours.freeze(installation, *broker),
            Deed::Crash { broker, code } => self.kubelets.break_process(*broker, *code),
            Deed::Heal { broker } => {
                self.kubelets.heal_process(*broker);
                let mut kafka = self.kafka.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(broker) = kafka.brokers.get_mut(broker).filter(|b| b.process == Process::Frozen) {
                    broker.process = Process::Running;
                }
            }
            Deed::FailTask { connector, task } => self.connect.set_failed(connector, *task, true),
            Deed::RestartTask { connector, task } => self.connect.set_failed(connector, *task, false),
            Deed::Flood { broker, megabytes } => self.logs.flood(Flood::new(demo::pod(*broker), *megabytes, now)),
            Deed::Roll => self.store.change("statefulsets", demo::NAMESPACE, demo::NAME, |set| {
                let note = json!({"kubectl.kubernetes.io/restartedAt": stamp(now)});
                set["spec"]["template"]["metadata"]["annotations"] = note;
            }),
        }
    }

    fn set_process(&self, id: i32, process: Process) {
        let mut kafka = self.kafka.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(broker) = kafka.brokers.get_mut(&id).filter(|b| b.process != Process::Down) {
            broker.process = process;
        }
    }
}

/// What a node's kubelet says of the volumes of its pods.
pub fn summary(store: &Store, kafka: &Kafka, node: &str) -> Option<serde_json::Value> {
    store.get("nodes", "", node)?;
    let here = kafka.brokers.values().filter(|b| node_of(b.id) == node);
    let pods: Vec<_> = here
        .filter(|b| store.get("pods", demo::NAMESPACE, &demo::pod(b.id)).is_some())
        .map(|broker| {
            let (used, total) = (kafka.used_on(broker), broker.log_dir.total);
            json!({
                "podRef": {"name": demo::pod(broker.id), "namespace": demo::NAMESPACE},
                "volume": [{
                    "name": "datadir",
                    "pvcRef": {"name": demo::claim(broker.id), "namespace": demo::NAMESPACE},
                    "capacityBytes": total, "usedBytes": used, "availableBytes": total - used,
                }],
            })
        })
        .collect();
    Some(json!({"node": {"nodeName": node}, "pods": pods}))
}

#[cfg(test)]
mod tests {
    use super::{
        super::{objects, script::Step},
        *,
    };

    struct Played {
        simulation: Simulation,
        now: DateTime<Utc>,
    }

    impl Played {
        fn new(script: Script) -> Self {
            let now = DateTime::from_timestamp(1_780_000_000, 0).unwrap();
            let store = Arc::new(Store::new(Clock::driven(now)));
            let kafka = Arc::new(Mutex::new(demo::kafka()));
            let changed = watch::Sender::new(0);
            let shared = Shared { store, kafka, connect: Arc::default(), neighbours: Arc::default() };
            let simulation = Simulation::new(shared, changed, Arc::default(), (script, &Crowd::default()), now);
            Self { simulation, now }
        }

        fn go_on(&mut self, seconds: u32) {
            for _ in 0..seconds * 4 {
                self.now += TimeDelta::milliseconds(250);
                self.simulation.step(self.now);
            }
        }

        /// Phase, readiness and the waiting reason of a pod.
        fn pod(&self, id: i32) -> (bool, u64, String) {
            let pod = self.simulation.store.get("pods", demo::NAMESPACE, &demo::pod(id)).unwrap();
            let status = &pod["status"]["containerStatuses"][0];
            let waiting = status["state"]["waiting"]["reason"].as_str().unwrap_or_default();
            (status["ready"] == true, status["restartCount"].as_u64().unwrap_or(0), waiting.to_owned())
        }

        fn out_of_sync(&self) -> usize {
            let kafka = self.simulation.kafka.lock().unwrap();
            kafka.topics.values().flat_map(|t| &t.partitions).filter(|p| p.isr.len() < p.replicas.len()).count()
        }
    }

    fn script(steps: Vec<(u32, Deed)>) -> Script {
        Script { steps: steps.into_iter().map(|(at, deed)| Step { at, deed }).collect(), ..Script::default() }
    }

    #[test]
    fn it_opens_with_everything_three_days_old_and_in_sync() {
        let mut played = Played::new(Script::default());
        played.go_on(1);
        for id in 0..3 {
            assert_eq!(played.pod(id), (true, 0, String::new()));
        }
        assert_eq!(played.out_of_sync(), 0);
        let store = &played.simulation.store;
        let pod = store.get("pods", demo::NAMESPACE, "kafka-0").unwrap();
        assert!(pod["metadata"]["creationTimestamp"].as_str().unwrap() < "2026-05-27");
        let claims = store.list("persistentvolumeclaims", None).0;
        assert!(claims.iter().all(|c| c["status"]["phase"] == "Bound") && claims.len() == 3);
        let set = store.get("statefulsets", demo::NAMESPACE, demo::NAME).unwrap();
        assert_eq!(set["status"]["readyReplicas"], 3);
        let version = store.list("pods", None).1;
        played.go_on(5);
        assert_eq!(played.simulation.store.list("pods", None).1, version, "nothing changes for its own sake");
    }

    #[test]
    fn in_a_still_cluster_nothing_is_written_or_read() {
        let mut played = Played::new(Script { still: true, ..Script::default() });
        let offsets = |played: &Played| {
            let kafka = played.simulation.kafka.lock().unwrap();
            let ends: Vec<_> = kafka.topics.values().flat_map(|t| &t.partitions).map(|p| p.end.to_bits()).collect();
            let committed: Vec<_> =
                kafka.groups.values().flat_map(|g| g.committed.values()).map(|o| o.to_bits()).collect();
            (ends, committed)
        };
        played.go_on(1);
        let before = offsets(&played);
        played.go_on(10);
        assert_eq!(offsets(&played), before);
    }

    #[test]
    fn a_roll_replaces_one_pod_after_the_other_and_ends_in_sync() {
        let mut played = Played::new(script(vec![(2, Deed::Roll)]));
        played.go_on(6);
        assert!(played.out_of_sync() > 0);
        let mut missing = 0;
        for _ in 0..90 {
            played.go_on(1);
            let ready = (0..3).filter(|id| {
                played.simulation.store.get("pods", demo::NAMESPACE, &demo::pod(*id)).is_some() && played.pod(*id).0
            });
            missing = missing.max(3 - ready.count());
        }
        assert_eq!(missing, 1, "never two at once");
        assert_eq!(played.out_of_sync(), 0);
        let pods = played.simulation.store.list("pods", None).0;
        let brokers = pods.iter().filter(|p| p["metadata"]["labels"]["app"] != "connect");
        assert_eq!(brokers.filter(|p| p["metadata"]["annotations"].is_object()).count(), 3, "all are new");
    }

    #[test]
    fn a_full_volume_stops_its_broker_again_and_again_until_it_grows() {
        let mut played = Played::new(script(vec![(1, Deed::FillVolume { broker: 1 })]));
        let mut seen = Vec::new();
        for _ in 0..40 {
            played.go_on(1);
            seen.push(played.pod(1));
        }
        assert!(
            seen.iter().any(|(ready, restarts, why)| !ready && *restarts == 1 && why == "CrashLoopBackOff"),
            "{seen:?}"
        );
        assert!(played.out_of_sync() > 10);
        let lines = played.simulation.logs.read("kafka-1", true, 0).unwrap();
        assert!(lines.iter().any(|l| l.text.contains("No space left on device")));
        played.simulation.store.change("persistentvolumeclaims", demo::NAMESPACE, &demo::claim(1), |claim| {
            claim["spec"]["resources"]["requests"]["storage"] = json!("4Gi");
        });
        played.go_on(90);
        assert!(played.pod(1).0);
        assert_eq!(played.out_of_sync(), 0);
    }

    #[test]
    fn a_frozen_broker_keeps_its_pod_ready_and_is_cured_by_another_pod() {
        let mut played = Played::new(script(vec![(1, Deed::Freeze { broker: 2 })]));
        played.go_on(12);
        assert!(played.pod(2).0, "its port still takes connections");
        assert!(played.out_of_sync() > 10);
        let now = played.now;
        played.simulation.store.change("pods", demo::NAMESPACE, "kafka-2", |pod| objects::terminate(pod, 30, now));
        played.go_on(20);
        assert!(played.out_of_sync() > 10, "it does not hear that it should end");
        played.go_on(45);
        assert_eq!(played.out_of_sync(), 0);
    }
}
