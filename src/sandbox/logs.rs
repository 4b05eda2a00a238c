//! What containers wrote: a ring of lines for each pod, of its present container and the one before.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, PoisonError},
};

use chrono::{DateTime, Utc};
use tokio::sync::{Notify, watch};

use super::{flood::Flood, nodes::LogLine};

/// Lines that are kept of each container.
const KEPT: usize = 40_000;
/// Lines that are handed out at once.
const READ: usize = 2_000;

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
    /// Floods that are to begin.
    floods: Mutex<Vec<Flood>>,
    flooded: Notify,
}

impl Log {
    fn push(&mut self, at: DateTime<Utc>, text: String) {
        self.lines.push_back(LogLine { number: self.next, at, text: text.into() });
        self.next += 1;
        if self.lines.len() > KEPT {
            self.lines.pop_front();
        }
    }
}

impl Logs {
    /// A container wrote a line.
    pub fn write(&self, pod: &str, at: DateTime<Utc>, text: String) {
        self.write_all(pod, at, [text]);
    }

    /// A container wrote lines.
    pub fn write_all(&self, pod: &str, at: DateTime<Utc>, texts: impl IntoIterator<Item = String>) {
        self.with(|pods| {
            let log = &mut pods.entry(pod.to_owned()).or_default().now;
            texts.into_iter().for_each(|text| log.push(at, text));
        });
    }

    /// A container begins to write as fast as it can.
    pub fn flood(&self, flood: Flood) {
        self.floods.lock().unwrap_or_else(PoisonError::into_inner).push(flood);
        self.flooded.notify_one();
    }

    /// Waits until a flood is to begin.
    pub async fn flooded(&self) {
        self.flooded.notified().await;
    }

    /// Floods that are to begin.
    pub fn take_floods(&self) -> Vec<Flood> {
        std::mem::take(&mut self.floods.lock().unwrap_or_else(PoisonError::into_inner))
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

    /// Lines of a pod from a number on, not all at once; the error is in the kubelet's words.
    pub fn read(&self, pod: &str, previous: bool, from: u64) -> Result<Vec<LogLine>, String> {
        let pods = self.pods.lock().unwrap_or_else(PoisonError::into_inner);
        let of_pod = pods.get(pod);
        let log = if previous { of_pod.and_then(|p| p.before.as_ref()) } else { of_pod.map(|p| &p.now) };
        match log {
            Some(log) => {
                let first = log.lines.front().map_or(0, |line| line.number);
                let skipped = usize::try_from(from.saturating_sub(first)).unwrap_or(usize::MAX);
                let most = if from == 0 { KEPT } else { READ };
                Ok(log.lines.iter().skip(skipped).take(most).cloned().collect())
            }
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
            logs.read("kafka-0", previous, 0).unwrap().into_iter().map(|line| line.text.to_string()).collect()
        };
        assert_eq!((texts(true), texts(false)), (vec!["starting".to_owned()], vec!["started".to_owned()]));
        assert!(logs.read("kafka-1", false, 0).unwrap_err().contains("ContainerCreating"));
    }
}
