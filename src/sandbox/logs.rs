//! What containers wrote: a ring of lines for each pod, of its present container and the one before.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, PoisonError},
};

use chrono::{DateTime, Utc};
use tokio::sync::watch;

use super::nodes::LogLine;

/// Lines that are kept of each container.
const KEPT: usize = 2_000;

/// The log of one container.
#[derive(Debug, Default, Clone)]
struct Log {
    lines: VecDeque<LogLine>,
    next: u64,
}

#[derive(Debug, Default)]
struct OfPod {
    now: Log,
    before: Option<Log>,
}

/// All logs, by pod.
#[derive(Debug, Default)]
pub struct Logs {
    pods: Mutex<BTreeMap<String, OfPod>>,
    changed: watch::Sender<u64>,
}

impl Logs {
    /// A container wrote a line.
    pub fn write(&self, pod: &str, at: DateTime<Utc>, text: String) {
        self.with(|pods| {
            let log = &mut pods.entry(pod.to_owned()).or_default().now;
            log.lines.push_back(LogLine { number: log.next, at, text });
            log.next += 1;
            if log.lines.len() > KEPT {
                log.lines.pop_front();
            }
        });
    }

    /// A container starts again in the same pod: its log becomes the previous one.
    pub fn restart(&self, pod: &str) {
        self.with(|pods| {
            let of_pod = pods.entry(pod.to_owned()).or_default();
            of_pod.before = Some(std::mem::take(&mut of_pod.now));
        });
    }

    /// A pod is gone, and what it wrote.
    pub fn remove(&self, pod: &str) {
        self.with(|pods| {
            pods.remove(pod);
        });
    }

    /// Lines of a pod from a number on; the error is in the kubelet's words.
    pub fn read(&self, pod: &str, previous: bool, from: u64) -> Result<Vec<LogLine>, String> {
        let pods = self.pods.lock().unwrap_or_else(PoisonError::into_inner);
        let of_pod = pods.get(pod);
        let log = if previous { of_pod.and_then(|p| p.before.as_ref()) } else { of_pod.map(|p| &p.now) };
        match log {
            Some(log) => Ok(log.lines.iter().filter(|line| line.number >= from).cloned().collect()),
            None if previous => Err(format!("previous terminated container in pod \"{pod}\" not found")),
            None => Err(format!("container in pod \"{pod}\" is waiting to start: ContainerCreating")),
        }
    }

    /// Tells of every change.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    fn with(&self, change: impl FnOnce(&mut BTreeMap<String, OfPod>)) {
        change(&mut self.pods.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.send_modify(|version| *version += 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restart_keeps_what_the_container_before_wrote() {
        let logs = Logs::default();
        logs.write("kafka-0", DateTime::UNIX_EPOCH, "starting".to_owned());
        logs.restart("kafka-0");
        logs.write("kafka-0", DateTime::UNIX_EPOCH, "started".to_owned());
        let texts = |previous| -> Vec<String> {
            logs.read("kafka-0", previous, 0).unwrap().into_iter().map(|line| line.text).collect()
        };
        assert_eq!((texts(true), texts(false)), (vec!["starting".to_owned()], vec!["started".to_owned()]));
        assert!(logs.read("kafka-1", false, 0).unwrap_err().contains("ContainerCreating"));
    }
}
