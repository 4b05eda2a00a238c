//! A pod's state in one word, with the real reason: what `kubectl get pods` says, and the words behind it.

use crate::domain::kubernetes::{Container, ContainerState, Pod};

/// A pod's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodState {
    /// One word, as `Ready`, `CrashLoopBackOff (OOMKilled)`, `Init:ImagePullBackOff`.
    pub word: String,
    /// The reason in the words of the kubelet or the scheduler.
    pub detail: Option<String>,
}

impl PodState {
    fn new(word: impl Into<String>, detail: &str) -> Self {
        Self { word: word.into(), detail: (!detail.is_empty()).then(|| detail.to_owned()) }
    }
}

/// The last time a container of a pod came back, and why it had gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restarts {
    /// Restarts of all its containers.
    pub count: u32,
    /// Reason of the latest, as `OOMKilled` or `exit 1`.
    pub reason: Option<String>,
    /// When it had ended.
    pub at: Option<chrono::DateTime<chrono::Utc>>,
}

/// The state of a pod: the first of what is wrong, in the order in which it would be mended.
pub fn state(pod: &Pod) -> PodState {
    if pod.meta.deleting_since.is_some() {
        return PodState::new("Terminating", "");
    }
    if let Some(unscheduled) = &pod.unscheduled {
        return PodState::new(format!("Pending ({})", unscheduled.reason), &unscheduled.message);
    }
    if matches!(pod.phase.as_str(), "Failed" | "Succeeded") {
        let word = pod.reason.clone().unwrap_or_else(|| pod.phase.clone());
        return PodState::new(word, pod.message.as_deref().unwrap_or_default());
    }
    if let Some(state) = pod.init_containers.iter().find_map(init_trouble) {
        return state;
    }
    if let Some(state) = pod.containers.iter().find_map(trouble) {
        return state;
    }
    match pod.ready {
        Some(true) => PodState::new("Ready", ""),
        _ if is_unheard(pod) => PodState::new(
            "unheard",
            "its containers were ready when its node was last heard of; since then Kubernetes does not know",
        ),
        _ if pod.phase == "Running" => {
            let waiting: Vec<&str> = pod.containers.iter().filter(|c| !c.ready).map(|c| c.name.as_str()).collect();
            PodState::new("NotReady", &format!("readiness of {} fails", waiting.join(", ")))
        }
        _ => PodState::new(
            if pod.phase.is_empty() { "Unknown" } else { &pod.phase },
            pod.message.as_deref().unwrap_or_default(),
        ),
    }
}

/// True when a pod counts as not ready although all its containers are: the node controller marks it so when
/// the node's heartbeats stay away, which an API server that was away causes just as well as a dead node.
pub fn is_unheard(pod: &Pod) -> bool {
    pod.ready == Some(false)
        && pod.phase == "Running"
        && pod.meta.deleting_since.is_none()
        && !pod.containers.is_empty()
        && pod.containers.iter().all(|c| c.ready)
}

/// Restarts of a pod's containers and the latest reason.
pub fn restarts(pod: &Pod) -> Restarts {
    let latest = pod.containers.iter().filter_map(|c| c.last.as_ref()).max_by_key(|t| t.finished_at);
    Restarts {
        count: pod.containers.iter().map(|c| c.restarts).sum(),
        reason: latest.map(|t| ended(&t.reason, t.exit_code)),
        at: latest.and_then(|t| t.finished_at),
    }
}

/// How a container ended, in a few words: the exit code only where the reason does not say it.
pub fn ended(reason: &str, exit_code: i32) -> String {
    match reason {
        // What is not more than an error is told by its code.
        "" | "Error" => format!("exit {exit_code}"),
        other => other.to_owned(),
    }
}

fn init_trouble(container: &Container) -> Option<PodState> {
    match &container.state {
        ContainerState::Waiting(w) if !matches!(w.reason.as_str(), "PodInitializing" | "") => {
            Some(PodState::new(format!("Init:{}", w.reason), &w.message))
        }
        ContainerState::Terminated(t) if t.exit_code != 0 => {
            Some(PodState::new(format!("Init:{}", ended(&t.reason, t.exit_code)), ""))
        }
        _ => None,
    }
}

fn trouble(container: &Container) -> Option<PodState> {
    match &container.state {
        ContainerState::Waiting(w) if w.reason == "CrashLoopBackOff" => {
            let why = container.last.as_ref().map(|t| ended(&t.reason, t.exit_code));
            let word = why.map_or_else(|| w.reason.clone(), |why| format!("{} ({why})", w.reason));
            Some(PodState::new(word, &w.message))
        }
        ContainerState::Waiting(w) if !w.reason.is_empty() => Some(PodState::new(w.reason.clone(), &w.message)),
        ContainerState::Terminated(t) => Some(PodState::new(ended(&t.reason, t.exit_code), "")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::kubernetes::{Terminated, Waiting};

    fn waiting(reason: &str, message: &str) -> ContainerState {
        ContainerState::Waiting(Waiting { reason: reason.into(), message: message.into() })
    }

    fn running_pod(state: ContainerState) -> Pod {
        let container = Container { name: "kafka".into(), state, ..Container::default() };
        Pod { phase: "Running".into(), containers: vec![container], ..Pod::default() }
    }

    #[test]
    fn a_crash_loop_names_what_the_container_died_of() {
        let mut pod = running_pod(waiting("CrashLoopBackOff", "back-off 40s"));
        pod.containers[0].last =
            Some(Terminated { reason: "OOMKilled".into(), exit_code: 137, ..Terminated::default() });
        pod.containers[0].restarts = 4;
        assert_eq!(state(&pod).word, "CrashLoopBackOff (OOMKilled)");
        assert_eq!(restarts(&pod).count, 4);
        assert_eq!(restarts(&pod).reason.as_deref(), Some("OOMKilled"));
    }

    #[test]
    fn an_init_container_that_cannot_be_pulled_is_told_before_the_containers_that_wait_for_it() {
        let mut pod = running_pod(waiting("PodInitializing", ""));
        pod.phase = "Pending".into();
        pod.init_containers =
            vec![Container { state: waiting("ImagePullBackOff", "manifest unknown"), ..Container::default() }];
        let state = state(&pod);
        assert_eq!(state.word, "Init:ImagePullBackOff");
        assert_eq!(state.detail.as_deref(), Some("manifest unknown"));
    }

    #[test]
    fn a_pending_pod_speaks_with_the_schedulers_words() {
        let pod = Pod {
            phase: "Pending".into(),
            unscheduled: Some(Waiting { reason: "Unschedulable".into(), message: "0/3 nodes are available".into() }),
            ..Pod::default()
        };
        let state = state(&pod);
        assert_eq!(state.word, "Pending (Unschedulable)");
        assert_eq!(state.detail.as_deref(), Some("0/3 nodes are available"));
    }

    #[test]
    fn a_pod_without_a_status_is_unknown_and_nothing_worse() {
        assert_eq!(state(&Pod::default()).word, "Unknown");
    }

    #[test]
    fn a_pod_whose_node_is_not_heard_of_is_unheard_and_not_failed() {
        let mut pod = running_pod(ContainerState::Running { since: None });
        pod.containers[0].ready = true;
        pod.ready = Some(false);
        assert_eq!(state(&pod).word, "unheard");
        assert!(is_unheard(&pod));
    }

    #[test]
    fn running_is_not_ready() {
        let mut pod = running_pod(ContainerState::Running { since: None });
        assert_eq!(state(&pod).word, "NotReady");
        pod.ready = Some(true);
        assert_eq!(state(&pod).word, "Ready");
    }
}
