//! The objects are what `k8s-openapi` reads, whatever state they are in.

use chrono::{DateTime, Utc};
use k8s_openapi::api::{
    apps::v1::StatefulSet, core::v1 as core, policy::v1::PodDisruptionBudget, storage::v1::StorageClass,
};
use serde_json::{Value, json};

use super::*;

fn brokers() -> Brokers<'static> {
    Brokers {
        namespace: "the-project",
        name: "kafka",
        headless: "kafka-headless",
        replicas: 3,
        image: "docker.io/apache/kafka:4.1.2",
        cluster_id: "4L6g3nShT-eMCtK--X86sw",
        class: "local",
        storage: "10Gi",
        replication: (3, 2),
        update: "OnDelete",
        super_users: None,
    }
}

fn set() -> Value {
    let mut set = stateful_set(&brokers());
    set["metadata"]["uid"] = json!("u");
    set
}

fn now() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH
}

fn ended() -> Ended {
    Ended { code: 137, reason: "OOMKilled".into(), started: now(), finished: now() }
}

fn with(state: &PodState) -> core::Pod {
    let mut pod = pod_of(&set(), 1);
    bind(&mut pod, "node-1");
    let ip = (!matches!(state, PodState::Creating)).then_some("10.1.0.7");
    pod["status"] = pod_status(&pod, state, &Place { node_ip: "10.0.0.1", pod_ip: ip, since: now() });
    serde_json::from_value(pod).unwrap()
}

fn container(pod: &core::Pod) -> core::ContainerStatus {
    pod.status.clone().unwrap().container_statuses.unwrap().remove(0)
}

#[test]
fn the_pod_of_an_index_has_its_name_its_claim_and_its_owner() {
    let pod = with(&PodState::Running { since: now(), ready: (true, now()), restarts: 0, last: None });
    assert_eq!(pod.metadata.name.as_deref(), Some("kafka-1"));
    assert_eq!(pod.metadata.owner_references.as_ref().unwrap()[0].uid, "u");
    let spec = pod.spec.as_ref().unwrap();
    let claims: Vec<_> = spec.volumes.iter().flatten().filter_map(|v| v.persistent_volume_claim.as_ref()).collect();
    assert_eq!(claims[0].claim_name, "datadir-kafka-1");
    assert_eq!((spec.hostname.as_deref(), spec.subdomain.as_deref()), (Some("kafka-1"), Some("kafka-headless")));
    let status = container(&pod);
    assert!(status.ready && status.state.unwrap().running.is_some());
    assert_eq!(status.container_id.unwrap().len(), "containerd://".len() + 64);
}

#[test]
fn states_are_said_in_the_places_where_a_kubelet_says_them() {
    let crash = container(&with(&PodState::CrashLoop { last: ended(), restarts: 7, wait_s: 300 }));
    let waiting = crash.state.unwrap().waiting.unwrap();
    assert_eq!(waiting.reason.as_deref(), Some("CrashLoopBackOff"));
    assert!(
        waiting.message.unwrap().starts_with("back-off 5m0s restarting failed container=kafka-broker pod=kafka-1_")
    );
    assert_eq!(crash.last_state.unwrap().terminated.unwrap().exit_code, 137);
    assert_eq!((crash.restart_count, crash.ready), (7, false));

    let exited = container(&with(&PodState::Exited { ended: ended(), restarts: 0, last: None }));
    assert_eq!(exited.state.unwrap().terminated.unwrap().reason.as_deref(), Some("OOMKilled"));

    let pull = with(&PodState::Pulling { reason: "ImagePullBackOff".into(), message: "no".into() });
    assert_eq!(pull.status.as_ref().unwrap().phase.as_deref(), Some("Pending"));
    assert_eq!(container(&pull).state.unwrap().waiting.unwrap().reason.as_deref(), Some("ImagePullBackOff"));

    let creating = with(&PodState::Creating).status.unwrap();
    assert_eq!(creating.pod_ip, None);

    let message = "0/3 nodes are available".to_owned();
    let unscheduled = with(&PodState::Unschedulable { message, since: now() }).status.unwrap();
    assert_eq!(unscheduled.conditions.unwrap()[0].reason.as_deref(), Some("Unschedulable"));
}

#[test]
fn a_deleted_pod_says_until_when() {
    let mut pod = pod_of(&set(), 0);
    terminate(&mut pod, 30, now());
    assert_eq!(pod["metadata"]["deletionTimestamp"], "1970-01-01T00:00:30Z");
}

#[test]
fn another_template_is_another_revision() {
    let before = set();
    let mut after = before.clone();
    assert_eq!(revision(&before), revision(&after));
    after["spec"]["template"]["spec"]["containers"][0]["image"] = json!("docker.io/apache/kafka:4.2.0");
    assert_ne!(revision(&before), revision(&after));
}

#[test]
fn claims_are_made_of_templates_and_bound_to_volumes() {
    let set = set();
    let mut made = claim_of(&set, &set["spec"]["volumeClaimTemplates"][0], 2);
    made["metadata"]["uid"] = json!("c");
    assert_eq!(made["status"]["phase"], "Pending");
    let made = bound(made, "node-2");
    let volume: core::PersistentVolume = serde_json::from_value(volume(&made, "node-2", now())).unwrap();
    let claim: core::PersistentVolumeClaim = serde_json::from_value(made).unwrap();
    assert_eq!(claim.metadata.name.as_deref(), Some("datadir-kafka-2"));
    assert_eq!(claim.spec.unwrap().volume_name, volume.metadata.name);
    assert_eq!(claim.status.unwrap().capacity.unwrap()["storage"].0, "10Gi");
}

#[test]
fn a_silent_kubelet_makes_every_condition_unknown() {
    let mut of = Node {
        name: "node-1",
        zone: "zone-1",
        ip: "10.0.0.1",
        ready: None,
        ready_since: now(),
        heard: now(),
        schedulable: true,
    };
    let silent: core::Node = serde_json::from_value(node(&of)).unwrap();
    assert!(silent.status.unwrap().conditions.unwrap().iter().all(|c| c.status == "Unknown"));
    assert_eq!(silent.spec.unwrap().taints.unwrap().len(), 2);
    (of.ready, of.schedulable) = (Some(true), false);
    let cordoned: core::Node = serde_json::from_value(node(&of)).unwrap();
    assert_eq!(cordoned.spec.unwrap().unschedulable, Some(true));
}

#[test]
fn the_rest_reads_as_its_kind() {
    let labels = brokers().labels();
    let headless = service("n", "kafka-headless", None, &labels, &[("broker", 9092, None)]);
    let headless: core::Service = serde_json::from_value(headless).unwrap();
    assert_eq!(headless.spec.unwrap().cluster_ip.as_deref(), Some("None"));
    let plain = service("n", "kafka", Some("10.2.0.1"), &labels, &[("broker", 9092, Some("kafka"))]);
    assert!(serde_json::from_value::<core::Service>(plain).is_ok());
    assert!(serde_json::from_value::<core::Namespace>(namespace("n")).is_ok());
    assert!(serde_json::from_value::<StorageClass>(storage_class("local", true)).is_ok());
    let budget = disruption_budget("n", "kafka", &labels, 1, (3, 2), now());
    let budget: PodDisruptionBudget = serde_json::from_value(budget).unwrap();
    assert_eq!(budget.status.unwrap().disruptions_allowed, 0);
    let about = event(&set(), "Warning", "FailedCreate", "no", "statefulset-controller", 1, now());
    assert!(serde_json::from_value::<core::Event>(about).is_ok());
    let mut set = set();
    set["status"] = stateful_set_status(&set, Replicas { all: 3, ready: 0, current: 3, updated: 3 }, "a", "a");
    assert!(set["status"].get("readyReplicas").is_none());
    assert!(serde_json::from_value::<StatefulSet>(set).is_ok());
    let rule = prometheus_rule("n", "kafka", "kafka", &[json!({"alert": "A", "expr": "1"})]);
    assert_eq!(rule["spec"]["groups"][0]["rules"][0]["alert"], "A");
}
