//! Which run of which pod's container a log is of: a container that started again, and a pod that took the place of
//! another of its name, begin a new log.

use k8s_openapi::api::core::v1::Pod;

/// A run of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Run {
    /// `metadata.uid` of the pod.
    uid: String,
    /// `containerID` of its status.
    container: String,
    /// `restartCount` of its status.
    restarts: i32,
}

/// How a run came about, seen from one that was read before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// It is the same.
    Same,
    /// The container started again, so often.
    Restarted(i32),
    /// The pod is another one.
    Replaced,
}

impl Run {
    /// The run of a container that is, or was last; none while it has not run yet.
    pub(super) fn of(pod: &Pod, container: &str) -> Option<Self> {
        let status = pod.status.as_ref()?;
        let of_main = status.container_statuses.iter().flatten();
        let of_init = status.init_container_statuses.iter().flatten();
        let status = of_main.chain(of_init).find(|status| status.name == container)?;
        Some(Self {
            uid: pod.metadata.uid.clone()?,
            container: status.container_id.clone().filter(|id| !id.is_empty())?,
            restarts: status.restart_count,
        })
    }

    /// How it came about after this one.
    pub(super) fn step_to(&self, next: &Self) -> Step {
        if self.uid != next.uid {
            Step::Replaced
        } else if self.container == next.container {
            Step::Same
        } else {
            Step::Restarted((next.restarts - self.restarts).max(1))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn run(uid: &str, id: &str, restarts: i32) -> Option<Run> {
        let status = json!({"name": "kafka", "containerID": id, "restartCount": restarts, "image": "", "imageID": "",
            "ready": true});
        let pod = json!({"metadata": {"name": "p", "uid": uid}, "status": {"containerStatuses": [status]}});
        Run::of(&serde_json::from_value(pod).unwrap(), "kafka")
    }

    #[test]
    fn a_restart_and_a_replacement_are_told_apart() {
        let first = run("u1", "c1", 0).unwrap();
        assert_eq!(first.step_to(&first), Step::Same);
        assert_eq!(first.step_to(&run("u1", "c2", 1).unwrap()), Step::Restarted(1));
        assert_eq!(first.step_to(&run("u1", "c4", 3).unwrap()), Step::Restarted(3));
        assert_eq!(first.step_to(&run("u2", "c1", 0).unwrap()), Step::Replaced);
        assert_eq!(run("u1", "", 0), None, "it has not run yet");
        assert_eq!(Run::of(&Pod::default(), "kafka"), None);
    }
}
