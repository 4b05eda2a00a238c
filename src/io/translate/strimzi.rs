//! Strimzi's custom resources; see the parent module.
//!
//! They come as plain JSON in whichever version the cluster serves. What has another type than the schema
//! says is taken as missing, so that a broken resource costs its own fields and nothing else.

use kube::api::DynamicObject;
use serde_json::Value;

use super::meta;
use crate::domain::{
    access::SecretKey,
    ids::BrokerId,
    installation::{Condition, Role},
    strimzi::{Acl, KafkaResource, KafkaTopic, KafkaUser, ListenerSpec, NodePool, PodSet},
    user::Limits,
};

/// The most elements of a list that are kept: enough for any real one.
const MOST: usize = 1000;

/// The longest text that is kept whole.
const LONGEST: usize = 2000;

/// A `Kafka`.
pub fn kafka(from: &DynamicObject) -> KafkaResource {
    let (spec, status) = (&from.data["spec"]["kafka"], &from.data["status"]);
    let authorization = &spec["authorization"];
    KafkaResource {
        meta: meta(&from.metadata),
        api_version: api_version(from),
        version: text(&spec["version"]),
        listeners: list(&spec["listeners"]).filter_map(listener).collect(),
        authorization: text(&authorization["type"]),
        super_users: list(&authorization["superUsers"]).filter_map(text).collect(),
        users_in: looked_after(from, "userOperator"),
        topics_in: looked_after(from, "topicOperator"),
        replicas: count(&spec["replicas"]),
        zookeeper: from.data["spec"]["zookeeper"].is_object(),
        running_version: text(&status["kafkaVersion"]),
        metadata_version: text(&status["kafkaMetadataVersion"]),
        operator_version: text(&status["operatorLastSuccessfulVersion"]),
        generation: from.metadata.generation,
        observed_generation: status["observedGeneration"].as_i64(),
        conditions: conditions(status),
    }
}

/// A `KafkaNodePool`.
pub fn node_pool(from: &DynamicObject) -> NodePool {
    let (spec, status) = (&from.data["spec"], &from.data["status"]);
    let roles = |of: &Value| -> Vec<Role> {
        list(&of["roles"]).filter_map(|role| role.as_str()).filter_map(Role::of).collect()
    };
    let current = roles(status);
    NodePool {
        meta: meta(&from.metadata),
        api_version: api_version(from),
        replicas: count(&spec["replicas"]),
        roles: if current.is_empty() { roles(spec) } else { current },
        node_ids: list(&status["nodeIds"]).filter_map(Value::as_i64).filter_map(id).collect(),
        ephemeral: text(&spec["storage"]["type"]).map(|kind| match kind.as_str() {
            "jbod" => list(&spec["storage"]["volumes"]).all(|volume| volume["type"] == "ephemeral"),
            kind => kind == "ephemeral",
        }),
    }
}

/// A `StrimziPodSet`; the pods it holds are only counted.
pub fn pod_set(from: &DynamicObject) -> PodSet {
    let (spec, status) = (&from.data["spec"], &from.data["status"]);
    PodSet {
        meta: meta(&from.metadata),
        wanted: spec["pods"].as_array().map_or(0, |pods| u32::try_from(pods.len()).unwrap_or(u32::MAX)),
        ready: count(&status["readyPods"]),
        current: count(&status["currentPods"]),
    }
}

/// A `KafkaTopic`.
pub fn topic(from: &DynamicObject) -> KafkaTopic {
    let (spec, status) = (&from.data["spec"], &from.data["status"]);
    let config = spec["config"].as_object().into_iter().flatten().take(MOST);
    KafkaTopic {
        meta: meta(&from.metadata),
        api_version: api_version(from),
        topic_name: text(&spec["topicName"]),
        partitions: count(&spec["partitions"]),
        replicas: count(&spec["replicas"]),
        config: config.filter_map(|(key, value)| Some((key.clone(), plain(value)?))).collect(),
        topic_id: text(&status["topicId"]),
        generation: from.metadata.generation,
        observed_generation: status["observedGeneration"].as_i64(),
        conditions: conditions(status),
    }
}

/// A `KafkaUser`.
pub fn user(from: &DynamicObject) -> KafkaUser {
    let (spec, status) = (&from.data["spec"], &from.data["status"]);
    let meta = meta(&from.metadata);
    let password = &spec["authentication"]["password"]["valueFrom"]["secretKeyRef"];
    let password = text(&password["name"]).zip(text(&password["key"])).map(|(name, key)| SecretKey {
        namespace: meta.namespace.clone(),
        name,
        key,
    });
    KafkaUser {
        meta,
        authentication: text(&spec["authentication"]["type"]),
        username: text(&status["username"]),
        secret: text(&status["secret"]),
        password,
        acls: spec["authorization"].is_object().then(|| list(&spec["authorization"]["acls"]).map(acl).collect()),
        quotas: spec["quotas"].is_object().then(|| quotas(&spec["quotas"])),
        generation: from.metadata.generation,
        observed_generation: status["observedGeneration"].as_i64(),
        conditions: conditions(status),
    }
}

/// A listener; without a port it is none.
fn listener(from: &Value) -> Option<ListenerSpec> {
    Some(ListenerSpec {
        name: text(&from["name"])?,
        port: u16::try_from(from["port"].as_u64()?).ok().filter(|port| *port != 0)?,
        kind: text(&from["type"]).unwrap_or_default(),
        tls: from["tls"].as_bool().unwrap_or(false),
        authentication: text(&from["authentication"]["type"]),
        own_certificate: from["configuration"]["brokerCertChainAndKey"].is_object(),
    })
}

/// One of a user's rules.
fn acl(from: &Value) -> Acl {
    let mut operations: Vec<String> = list(&from["operations"]).filter_map(text).collect();
    operations.extend(text(&from["operation"]));
    Acl {
        resource: text(&from["resource"]["type"]).unwrap_or_default(),
        name: text(&from["resource"]["name"]).unwrap_or_default(),
        operations,
        deny: from["type"] == "deny",
        prefixed: from["resource"]["patternType"] == "prefix",
        host: text(&from["host"]),
    }
}

/// The namespace that an operator of the Entity Operator looks after, if there is one.
fn looked_after(from: &DynamicObject, name: &str) -> Option<String> {
    let operator = &from.data["spec"]["entityOperator"][name];
    let own = || from.metadata.namespace.clone().unwrap_or_default();
    operator.is_object().then(|| text(&operator["watchedNamespace"]).unwrap_or_else(own))
}

/// A user's quotas, under the names that brokers have for them.
fn quotas(from: &Value) -> Limits {
    const NAMES: [(&str, &str); 4] = [
        ("producerByteRate", "producer_byte_rate"),
        ("consumerByteRate", "consumer_byte_rate"),
        ("requestPercentage", "request_percentage"),
        ("controllerMutationRate", "controller_mutation_rate"),
    ];
    NAMES.into_iter().filter_map(|(name, key)| Some((key.to_owned(), from[name].as_f64()?))).collect()
}

/// `status.conditions`.
fn conditions(status: &Value) -> Vec<Condition> {
    let one = |from: &Value| {
        Some(Condition {
            kind: text(&from["type"])?,
            status: text(&from["status"])?,
            reason: text(&from["reason"]),
            message: text(&from["message"]),
            since: text(&from["lastTransitionTime"]),
        })
    };
    list(&status["conditions"]).filter_map(one).collect()
}

/// `apiVersion` as the object came.
fn api_version(from: &DynamicObject) -> String {
    from.types.as_ref().map(|types| types.api_version.clone()).unwrap_or_default()
}

/// The elements of a list; none when it is no list.
fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten().take(MOST)
}

/// A text that is not empty, cut to what can be shown.
fn text(value: &Value) -> Option<String> {
    let text = value.as_str().filter(|text| !text.is_empty())?;
    Some(text.chars().take(LONGEST).collect())
}

/// A text, a number or a truth, as text.
fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.chars().take(LONGEST).collect()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    }
}

/// A number of things.
fn count(value: &Value) -> Option<u32> {
    value.as_u64().and_then(|n| u32::try_from(n).ok())
}

/// A node id.
fn id(from: i64) -> Option<BrokerId> {
    i32::try_from(from).ok().filter(|id| *id >= 0).map(BrokerId)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::acl::Pattern;
    use serde_json::json;

    fn object(from: Value) -> DynamicObject {
        serde_json::from_value(from).unwrap()
    }

    #[test]
    fn a_topic_keeps_its_name_its_shape_and_its_configs_as_text() {
        let topic = topic(&object(json!({
            "apiVersion": "kafka.strimzi.io/v1", "kind": "KafkaTopic",
            "metadata": {"name": "orders", "namespace": "messaging", "generation": 3,
                "labels": {"strimzi.io/cluster": "kafka"}, "annotations": {"strimzi.io/managed": "false"}},
            "spec": {"topicName": "Orders_1", "partitions": 3, "replicas": 2,
                "config": {"retention.ms": 1000, "preallocate": true, "cleanup.policy": "compact", "odd": {}}},
            "status": {"topicId": "x", "observedGeneration": 2,
                "conditions": [{"type": "Unmanaged", "status": "True"}]},
        })));
        assert_eq!((topic.called(), topic.partitions, topic.replicas), ("Orders_1", Some(3), Some(2)));
        let config: Vec<_> = topic.config.iter().map(|(k, v)| format!("{k}={v}")).collect();
        assert_eq!(config, ["cleanup.policy=compact", "preallocate=true", "retention.ms=1000"]);
        assert!(!topic.is_managed());
        assert_eq!((topic.generation, topic.observed_generation), (Some(3), Some(2)));
    }

    #[test]
    fn a_cluster_is_read_from_its_spec_and_its_status() {
        let cluster = kafka(&object(json!({
            "apiVersion": "kafka.strimzi.io/v1", "kind": "Kafka",
            "metadata": {"name": "kafka-cluster", "namespace": "messaging",
                "annotations": {"strimzi.io/pause-reconciliation": "true", "kubectl.kubernetes.io/last-applied-configuration": "{}"}},
            "spec": {"kafka": {"version": "4.1.2", "authorization": {"type": "simple", "superUsers": ["CN=root"]},
                "listeners": [{"name": "tls", "port": 9093, "type": "internal", "tls": true,
                               "authentication": {"type": "scram-sha-512"}}]}},
            "status": {"kafkaVersion": "4.1.2", "kafkaMetadataVersion": "4.1-IV1",
                "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-11-21T14:00:00Z"}]},
        })));
        assert_eq!(cluster.api_version, "kafka.strimzi.io/v1");
        assert_eq!(cluster.meta.annotations.len(), 1, "only what is meant for others is kept");
        assert_eq!(cluster.listeners[0].authentication.as_deref(), Some("scram-sha-512"));
        assert_eq!((cluster.listeners[0].port, cluster.listeners[0].tls), (9093, true));
        assert_eq!(cluster.super_users, ["CN=root"]);
        assert_eq!(cluster.conditions[0].kind, "Ready");
    }

    #[test]
    fn a_pool_tells_its_ids_and_whether_its_data_lasts() {
        let pool = |storage: Value| {
            node_pool(&object(json!({
                "metadata": {"name": "pool", "labels": {"strimzi.io/cluster": "c"}},
                "spec": {"replicas": 3, "roles": ["controller", "broker"], "storage": storage},
                "status": {"nodeIds": [3, 4, 70000, -1, "x"], "roles": ["broker"]},
            })))
        };
        let jbod = pool(json!({"type": "jbod", "volumes": [{"type": "persistent-claim"}, {"type": "ephemeral"}]}));
        assert_eq!(jbod.roles, [Role::Broker], "what it does counts more than what it is to do");
        assert_eq!(jbod.node_ids, [BrokerId(3), BrokerId(4), BrokerId(70000)]);
        assert_eq!(jbod.ephemeral, Some(false));
        assert_eq!(pool(json!({"type": "ephemeral"})).ephemeral, Some(true));
        assert_eq!(pool(json!(null)).ephemeral, None);
    }

    #[test]
    fn a_user_says_where_its_credential_is_and_never_what_it_is() {
        let user = user(&object(json!({
            "metadata": {"name": "console", "namespace": "m", "generation": 3},
            "spec": {"quotas": {"producerByteRate": 1_048_576, "requestPercentage": "many", "controllerMutationRate": 2.5},
                "authentication": {"type": "scram-sha-512", "password": {"valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}},
                "authorization": {"type": "simple", "acls": [
                    {"resource": {"type": "cluster"}, "operations": ["Describe"]},
                    {"resource": {"type": "topic", "name": "a", "patternType": "prefix"}, "operation": "Read",
                     "type": "deny", "host": "10.0.0.1"}]}},
            "status": {"username": "console", "secret": "console", "observedGeneration": 2},
        })));
        assert_eq!(user.password.as_ref().unwrap().to_string(), "m/s key k");
        assert_eq!((user.generation, user.observed_generation), (Some(3), Some(2)));
        let limits = user.quotas.clone().unwrap();
        assert_eq!(
            (limits["producer_byte_rate"], limits["controller_mutation_rate"], limits.len()),
            (1_048_576.0, 2.5, 2)
        );
        let declared = user.declared().unwrap();
        assert_eq!(declared[0].principal, "User:console");
        assert_eq!((declared[1].pattern, declared[1].host.as_str()), (Pattern::Prefixed, "10.0.0.1"));
        let acls = user.acls.unwrap();
        assert_eq!((acls[0].operations.as_slice(), acls[0].deny), (&["Describe".to_owned()][..], false));
        assert_eq!((acls[1].operations.as_slice(), acls[1].deny), (&["Read".to_owned()][..], true));
    }

    #[test]
    fn what_has_another_shape_than_its_schema_is_missing_and_the_rest_is_kept() {
        let long = "x".repeat(1 << 20);
        for data in [json!({}), json!({"spec": 7, "status": []}), json!({"spec": null, "status": {"conditions": "no"}})]
        {
            let mut from = json!({"metadata": {"name": "odd"}});
            from.as_object_mut().unwrap().extend(data.as_object().unwrap().clone());
            let odd = object(from);
            assert!(kafka(&odd).listeners.is_empty());
            assert!(node_pool(&odd).node_ids.is_empty());
            assert_eq!(pod_set(&odd).wanted, 0);
            assert_eq!(user(&odd).acls, None);
        }
        let hostile = kafka(&object(json!({"metadata": {"name": "odd"},
            "spec": {"kafka": {"version": long, "listeners": [null, {"name": "a"}, {"name": "b", "port": 70000},
                {"name": "c", "port": 9092, "tls": "yes"}]}},
            "status": {"conditions": [{"type": "Ready"}, {"type": "Ready", "status": "True", "message": long}]}})));
        assert_eq!(hostile.listeners.iter().map(|l| l.name.as_str()).collect::<Vec<_>>(), ["c"]);
        assert_eq!(hostile.version.unwrap().len(), LONGEST);
        assert_eq!(hostile.conditions.len(), 1);
    }
}
