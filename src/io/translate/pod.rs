//! Pods and their containers; see the parent module.

use k8s_openapi::api::core::v1 as core;

use super::{count, meta, port, time};
use crate::domain::{
    kubernetes::{Container, ContainerPort, ContainerState, EnvVar, Limits, Mount, Pod, Terminated, Volume, Waiting},
    quantity,
    text::redacted,
};

/// A pod.
pub fn pod(from: &core::Pod) -> Pod {
    let meta = meta(&from.metadata);
    let (no_spec, no_status) = (core::PodSpec::default(), core::PodStatus::default());
    let spec = from.spec.as_ref().unwrap_or(&no_spec);
    let status = from.status.as_ref().unwrap_or(&no_status);
    let conditions = status.conditions.as_deref().unwrap_or_default();
    let ready = conditions.iter().find(|c| c.type_ == "Ready");
    let init = spec.init_containers.as_deref().unwrap_or_default();
    Pod {
        phase: status.phase.clone().unwrap_or_default(),
        reason: status.reason.clone(),
        message: status.message.clone(),
        node: spec.node_name.clone().filter(|name| !name.is_empty()),
        ip: status.pod_ip.clone().filter(|ip| !ip.is_empty()),
        hostname: spec.hostname.clone(),
        subdomain: spec.subdomain.clone(),
        ready: ready.map(|c| c.status == "True"),
        ready_changed_at: ready.and_then(|c| time(c.last_transition_time.as_ref())),
        unscheduled: conditions
            .iter()
            .find(|c| c.type_ == "PodScheduled" && c.status == "False")
            .map(|c| waiting(c.reason.as_ref(), c.message.as_ref())),
        containers: containers(&spec.containers, status.container_statuses.as_deref()),
        init_containers: containers(init, status.init_container_statuses.as_deref()),
        volumes: spec.volumes.iter().flatten().map(|v| volume(v, &meta.name)).collect(),
        config_maps: config_maps(spec),
        meta,
    }
}

/// Containers with the status of the same name.
fn containers(specs: &[core::Container], statuses: Option<&[core::ContainerStatus]>) -> Vec<Container> {
    let statuses = statuses.unwrap_or_default();
    specs.iter().map(|spec| container(spec, statuses.iter().find(|s| s.name == spec.name))).collect()
}

/// A container; without status, as in a template, its state is not known.
pub(super) fn container(from: &core::Container, status: Option<&core::ContainerStatus>) -> Container {
    Container {
        name: from.name.clone(),
        image: from.image.clone().unwrap_or_default(),
        command: command(from.command.iter().flatten().chain(from.args.iter().flatten())),
        env: from.env.iter().flatten().map(variable).collect(),
        ports: from
            .ports
            .iter()
            .flatten()
            .filter_map(|p| {
                Some(ContainerPort { name: p.name.clone().unwrap_or_default(), port: port(p.container_port)? })
            })
            .collect(),
        mounts: from
            .volume_mounts
            .iter()
            .flatten()
            .map(|m| Mount { volume: m.name.clone(), path: m.mount_path.clone() })
            .collect(),
        state: state(status.and_then(|s| s.state.as_ref())),
        last: status.and_then(|s| s.last_state.as_ref()).and_then(|s| s.terminated.as_ref()).map(terminated),
        ready: status.is_some_and(|s| s.ready),
        restarts: status.map_or(0, |s| count(s.restart_count)),
        limits: limits(from),
    }
}

/// What a container may have of its node.
fn limits(from: &core::Container) -> Limits {
    let limits = from.resources.as_ref().and_then(|r| r.limits.as_ref());
    let limit = |name: &str| limits.and_then(|limits| limits.get(name)).map(|quantity| quantity.0.as_str());
    Limits {
        cpu_millis: limit("cpu").and_then(quantity::thousandths),
        memory_bytes: limit("memory").and_then(quantity::bytes),
    }
}

/// A command line without credentials, whether they stand behind `=` or in the next word.
pub fn command<'a>(words: impl Iterator<Item = &'a String>) -> Vec<String> {
    let mut hidden = false;
    words
        .map(|word| {
            let shown = if hidden { "***".to_owned() } else { redacted(word) };
            let probe = format!("{word} x");
            hidden = word.starts_with("--") && !word.contains(['=', ' ']) && redacted(&probe) != probe;
            shown
        })
        .collect()
}

/// Settings of a broker that are addresses, roles and paths: their values are kept. Everything else may be a secret.
const SERVER_KEYS: [&str; 18] = [
    "PROCESS_ROLES",
    "NODE_ID",
    "BROKER_ID",
    "LOG_DIRS",
    "LOG_DIR",
    "LISTENERS",
    "ADVERTISED_LISTENERS",
    "ZOOKEEPER_CONNECT",
    "CONTROLLER_QUORUM_VOTERS",
    "INTER_BROKER_LISTENER_NAME",
    "LISTENER_SECURITY_PROTOCOL_MAP",
    "CONTROLLER_LISTENER_NAMES",
    "CONTROLLER_QUORUM_BOOTSTRAP_SERVERS",
    "SASL_ENABLED_MECHANISMS",
    "SSL_CLIENT_AUTH",
    "SUPER_USERS",
    // Bitnami's: names of users, and from where ids are counted.
    "CLIENT_USERS",
    "MIN_ID",
];

/// Settings of a Connect worker that are addresses and names.
const WORKER_KEYS: [&str; 4] = ["BOOTSTRAP_SERVERS", "GROUP_ID", "REST_PORT", "LISTENERS"];

/// True for variables whose value may be kept.
pub fn is_public(name: &str) -> bool {
    let key = name.strip_prefix("KAFKA_CFG_").or_else(|| name.strip_prefix("KAFKA_"));
    let of_worker = name.strip_prefix("KAFKA_CONNECT_").or_else(|| name.strip_prefix("CONNECT_"));
    key.is_some_and(|key| SERVER_KEYS.contains(&key))
        || of_worker.is_some_and(|key| WORKER_KEYS.contains(&key))
        // Debezium's image has no prefix.
        || matches!(name, "KAFKA_KRAFT_CLUSTER_ID" | "CLUSTER_ID" | "BOOTSTRAP_SERVERS" | "GROUP_ID")
}

/// A variable: its name always, its value only where that is harmless and written out.
fn variable(from: &core::EnvVar) -> EnvVar {
    EnvVar { name: from.name.clone(), value: from.value.clone().filter(|_| is_public(&from.name)) }
}

/// ConfigMaps that volumes are made of, but for the one that every pod has.
pub(super) fn config_maps(spec: &core::PodSpec) -> Vec<String> {
    let volumes = spec.volumes.iter().flatten();
    let mut names: Vec<String> =
        volumes.filter_map(|v| v.config_map.as_ref()).map(|c| c.name.clone()).filter(|name| !name.is_empty()).collect();
    names.dedup();
    names
}

/// A volume of the pod of that name.
fn volume(from: &core::Volume, pod: &str) -> Volume {
    let claim = from.persistent_volume_claim.as_ref().map(|c| c.claim_name.clone());
    // A generic ephemeral volume has a claim named after pod and volume, which goes with the pod.
    let generated = from.ephemeral.as_ref().map(|_| format!("{pod}-{}", from.name));
    Volume {
        name: from.name.clone(),
        ephemeral: from.empty_dir.is_some() || generated.is_some(),
        claim: claim.or(generated),
    }
}

/// What a container does now.
fn state(from: Option<&core::ContainerState>) -> ContainerState {
    let Some(from) = from else { return ContainerState::Unknown };
    if let Some(running) = &from.running {
        ContainerState::Running { since: time(running.started_at.as_ref()) }
    } else if let Some(ended) = &from.terminated {
        ContainerState::Terminated(terminated(ended))
    } else if let Some(w) = &from.waiting {
        ContainerState::Waiting(waiting(w.reason.as_ref(), w.message.as_ref()))
    } else {
        ContainerState::Unknown
    }
}

/// A reason and its message.
fn waiting(reason: Option<&String>, message: Option<&String>) -> Waiting {
    Waiting { reason: reason.cloned().unwrap_or_default(), message: message.cloned().unwrap_or_default() }
}

/// How a container ended.
fn terminated(from: &core::ContainerStateTerminated) -> Terminated {
    Terminated {
        reason: from.reason.clone().unwrap_or_default(),
        exit_code: from.exit_code,
        finished_at: time(from.finished_at.as_ref()),
        started_at: time(from.started_at.as_ref()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn translated(from: Value) -> Pod {
        pod(&serde_json::from_value(from).unwrap())
    }

    #[test]
    fn a_pod_that_has_only_a_name_is_a_pod() {
        let pod = translated(json!({"metadata": {"name": "x"}}));
        assert_eq!(pod.meta.name, "x");
        assert_eq!((pod.phase.as_str(), pod.ready, pod.containers.len()), ("", None, 0));
        assert_eq!(translated(json!({"metadata": {}})), Pod::default());
    }

    #[test]
    fn nulls_and_hostile_text_are_translated_like_anything_else() {
        let hostile = "\u{1b}[2J\u{202e}\u{0}=:'\"password=";
        let pod = translated(json!({
            "metadata": {"name": hostile, "namespace": null, "labels": null, "ownerReferences": null},
            "spec": {"nodeName": null, "initContainers": null, "volumes": [{"name": hostile}],
                "containers": [{"name": hostile, "image": null, "command": [hostile, "--password", "ü"], "args": null,
                    "env": [{"name": hostile, "value": hostile}, {"name": "", "value": null}], "ports": [{"containerPort": 99999}]}]},
            "status": {"phase": null, "conditions": [{"type": hostile, "status": hostile}],
                "containerStatuses": [{"name": hostile, "image": "", "imageID": "", "ready": false, "restartCount": -4,
                    "state": {"terminated": {"exitCode": 137, "reason": null}}, "lastState": null}]},
        }));
        let container = &pod.containers[0];
        assert_eq!(container.restarts, 0);
        assert!(matches!(&container.state, ContainerState::Terminated(t) if t.exit_code == 137));
        assert_eq!(container.command.last().unwrap(), "***");
        assert!(container.env.iter().all(|v| v.value.is_none()));
        assert!(container.ports.is_empty());
    }

    #[test]
    fn values_of_variables_are_kept_only_where_they_cannot_be_secrets() {
        let kept = |name: &str| {
            let from = core::EnvVar { name: name.into(), value: Some("v".into()), value_from: None };
            variable(&from).value.is_some()
        };
        for public in ["KAFKA_CFG_NODE_ID", "KAFKA_LISTENERS", "KAFKA_LOG_DIRS", "CLUSTER_ID", "KAFKA_KRAFT_CLUSTER_ID"]
        {
            assert!(kept(public), "{public}");
        }
        for public in ["CONNECT_BOOTSTRAP_SERVERS", "KAFKA_CONNECT_GROUP_ID", "GROUP_ID"] {
            assert!(kept(public), "{public}");
        }
        for secret in [
            "CONNECT_SASL_JAAS_CONFIG",
            "CONNECT_",
            "KAFKA_GROUP_ID",
            "KAFKA_INTER_BROKER_PASSWORD",
            "KAFKA_OPTS",
            "LISTENERS",
            "KAFKA_CFG_",
            "KAFKA_NODE_ID_X",
            "",
        ] {
            assert!(!kept(secret), "{secret}");
        }
    }

    #[test]
    fn passwords_of_command_lines_are_hidden_in_the_next_word_too() {
        let words = ["start", "--password", "hunter2", "--port", "1", "--token=abc"].map(String::from);
        assert_eq!(command(words.iter()), ["start", "--password", "***", "--port", "1", "--token=***"]);
    }

    #[test]
    fn volumes_tell_whether_they_survive_the_pod() {
        let pod = translated(json!({"metadata": {"name": "kafka-0"}, "spec": {"containers": [], "volumes": [
            {"name": "data", "persistentVolumeClaim": {"claimName": "data-kafka-0"}},
            {"name": "tmp", "emptyDir": {}},
            {"name": "scratch", "ephemeral": {}},
            {"name": "config", "configMap": {"name": "c"}},
        ]}}));
        let told: Vec<_> = pod.volumes.iter().map(|v| (v.claim.as_deref(), v.ephemeral)).collect();
        let expected = [(Some("data-kafka-0"), false), (None, true), (Some("kafka-0-scratch"), true), (None, false)];
        assert_eq!(told, expected);
    }

    #[test]
    fn the_schedulers_words_and_the_last_crash_are_kept() {
        let pod = translated(json!({"metadata": {"name": "kafka-0"},
            "spec": {"containers": [{"name": "kafka"}]},
            "status": {"conditions": [
                {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes"},
                {"type": "Ready", "status": "False", "lastTransitionTime": "2026-01-02T03:04:05Z"}],
              "containerStatuses": [{"name": "kafka", "ready": false, "restartCount": 7, "image": "", "imageID": "",
                "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 5m0s"}},
                "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled", "finishedAt": "2026-01-02T03:04:05Z"}}}]}}));
        assert_eq!(pod.unscheduled.unwrap().message, "0/3 nodes");
        assert_eq!(pod.ready, Some(false));
        assert!(pod.ready_changed_at.is_some());
        let container = &pod.containers[0];
        assert!(matches!(&container.state, ContainerState::Waiting(w) if w.reason == "CrashLoopBackOff"));
        assert_eq!(container.last.as_ref().unwrap().reason, "OOMKilled");
    }
}
