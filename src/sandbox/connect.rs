//! A Kafka Connect beside the shop's Kafka: two workers, three connectors, and a REST interface.
//!
//! Its pods are kept here and not by `kubelet`, which runs brokers. What a connector does is not played: its tasks run,
//! or one has failed because the script says so. Shapes are held against real workers by `tests/conformance.rs`.

use std::{
    collections::{BTreeMap, BTreeSet},
    convert::Infallible,
    sync::{Mutex, PoisonError},
};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::io::DuplexStream;

use super::{
    demo::NAMESPACE,
    kubelet::{line, node_of},
    logs::Logs,
    objects::{self, Place, PodState, stamp},
    store::Store,
};

/// The Deployment's name, and its ReplicaSet's.
const NAME: &str = "connect";
const REPLICA_SET: &str = "connect-6d5f7c9b84";
/// The port of the REST interface.
const PORT: u16 = 8083;
/// The pods, whose place says which node they are on.
const PODS: [&str; 2] = ["connect-6d5f7c9b84-4tq2x", "connect-6d5f7c9b84-9wzkd"];
/// Version of the workers.
const VERSION: &str = "4.1.2";
/// A connector: name, type, class, its version, tasks, and settings besides.
type ConnectorRow =
    (&'static str, &'static str, &'static str, &'static str, usize, &'static [(&'static str, &'static str)]);

const CONNECTORS: [ConnectorRow; 3] = [
    (
        "audit-archive",
        "sink",
        "org.apache.kafka.connect.file.FileStreamSinkConnector",
        VERSION,
        1,
        &[("topics", "audit-log"), ("file", "/archive/audit.log"), ("consumer.override.group.id", "audit-archive")],
    ),
    (
        "customers-crm",
        "source",
        "io.debezium.connector.postgresql.PostgresConnector",
        "3.0.0.Final",
        1,
        &[("database.hostname", "crm-db"), ("database.password", "${env:CRM_PASSWORD}")],
    ),
    (
        "warehouse-jdbc",
        "sink",
        "io.debezium.connector.jdbc.JdbcSinkConnector",
        "3.0.0.Final",
        2,
        &[("topics", "orders,shipments,inventory"), ("consumer.override.group.id", "warehouse")],
    ),
];
/// What a task throws whose database is gone.
const TRACE: &str = "org.apache.kafka.connect.errors.ConnectException: Exiting WorkerSinkTask due to unrecoverable exception.\n\
    \tat org.apache.kafka.connect.runtime.WorkerSinkTask.deliverMessages(WorkerSinkTask.java:636)\n\
    \tat org.apache.kafka.connect.runtime.WorkerSinkTask.poll(WorkerSinkTask.java:345)\n\
    \tat org.apache.kafka.connect.runtime.WorkerTask.run(WorkerTask.java:298)\n\
    Caused by: java.sql.SQLTransientConnectionException: connection is not available, request timed out after 30000ms\n\
    \tat com.mchange.v2.c3p0.impl.AbstractPoolBackedDataSource.getConnection(AbstractPoolBackedDataSource.java:140)\n\
    \t... 9 more\n\
    Caused by: java.net.ConnectException: Connection to warehouse-db:5432 refused\n\
    \tat org.postgresql.core.v3.ConnectionFactoryImpl.openConnectionImpl(ConnectionFactoryImpl.java:352)\n\
    \t... 17 more\n";

/// Seconds for which a worker that was asked to restart a connector still tells the state from before.
const RESTART_BEGINS: f64 = 1.0;
/// Seconds after which what was restarted runs.
const RESTART_ENDS: f64 = 2.5;

/// The Connect; shared by those who reach its port.
#[derive(Debug, Default)]
pub struct Connect {
    /// Tasks that have failed: connector and number.
    failed: Mutex<Vec<(String, usize)>>,
    /// Connectors that are paused.
    paused: Mutex<BTreeSet<String>>,
    /// Connectors that were asked to restart, and how many seconds ago.
    restarting: Mutex<BTreeMap<String, f64>>,
}

/// Puts what somebody once applied into the store.
pub fn install(store: &Store, at: DateTime<Utc>) {
    let labels = json!({"app": NAME});
    let mut service = objects::service(NAMESPACE, NAME, Some("10.43.18.9"), &labels, &[("rest", PORT, None)]);
    service["metadata"]["creationTimestamp"] = stamp(at);
    store.put("services", service);
    store.put(
        "deployments",
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": NAME, "namespace": NAMESPACE, "labels": labels, "creationTimestamp": stamp(at)},
            "spec": {
                "replicas": PODS.len(), "selector": {"matchLabels": labels}, "strategy": {"type": "RollingUpdate"},
                "template": {"metadata": {"labels": labels}, "spec": spec()},
            },
            "status": {"replicas": PODS.len(), "readyReplicas": PODS.len(), "availableReplicas": PODS.len()},
        }),
    );
}

/// Makes pods that are missing, and lets go of those that are deleted.
pub fn keep(store: &Store, logs: &Logs, now: DateTime<Utc>) {
    for (at, name) in PODS.into_iter().enumerate() {
        match store.get("pods", NAMESPACE, name) {
            None => {
                store.put("pods", pod(at, name, now));
                logs.write(
                    name,
                    now,
                    line(now, "INFO", "Kafka Connect started (org.apache.kafka.connect.runtime.Connect)"),
                );
            }
            Some(pod) if pod["metadata"]["deletionTimestamp"].is_string() => {
                store.remove("pods", NAMESPACE, name);
                logs.remove(name);
            }
            Some(_) => {}
        }
    }
}

fn spec() -> Value {
    let script = format!(
        "cat >/tmp/connect.properties <<END\nbootstrap.servers=kafka:9092\ngroup.id=shop-connect\n\
         listeners=http://:{PORT}\nrest.advertised.host.name=$POD_IP\nconfig.storage.topic=connect-configs\n\
         offset.storage.topic=connect-offsets\nstatus.storage.topic=connect-status\nEND\n\
         exec connect-distributed.sh /tmp/connect.properties\n"
    );
    json!({"restartPolicy": "Always", "terminationGracePeriodSeconds": 30, "containers": [{
        "name": NAME, "image": "docker.io/apache/kafka:4.1.2", "command": ["sh", "-ec", script],
        "env": [{"name": "KAFKA_HEAP_OPTS", "value": "-Xmx512m"}],
        "ports": [{"containerPort": PORT, "name": "rest", "protocol": "TCP"}],
        "resources": {"requests": {"cpu": "250m", "memory": "1Gi"}},
    }]})
}

fn address(at: usize) -> String {
    format!("10.42.{at}.30")
}

fn pod(at: usize, name: &str, now: DateTime<Utc>) -> Value {
    let mut pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": name, "namespace": NAMESPACE, "creationTimestamp": stamp(now),
            "generateName": format!("{REPLICA_SET}-"),
            "labels": {"app": NAME, "pod-template-hash": REPLICA_SET.rsplit('-').next()},
            "ownerReferences": [{
                "apiVersion": "apps/v1", "blockOwnerDeletion": true, "controller": true, "kind": "ReplicaSet",
                "name": REPLICA_SET, "uid": "6d5f7c9b-0000-4000-8000-000000000001",
            }],
        },
        "spec": spec(),
    });
    let broker = i32::try_from(at).unwrap_or_default();
    objects::bind(&mut pod, &node_of(broker));
    let state = PodState::Running { since: now, ready: (true, now), restarts: 0, last: None };
    let (node_ip, pod_ip) = (format!("10.42.{at}.1"), address(at));
    pod["status"] = objects::pod_status(&pod, &state, &Place { node_ip: &node_ip, pod_ip: Some(&pod_ip), since: now });
    pod
}

impl Connect {
    /// True for a port that one of the workers listens on.
    pub fn listens(pod: &str, port: u16) -> bool {
        port == PORT && PODS.contains(&pod)
    }

    /// A task fails, or is started again.
    pub fn set_failed(&self, connector: &str, task: usize, fails: bool) {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.retain(|(name, number)| (name.as_str(), *number) != (connector, task));
        if fails {
            failed.push((connector.to_owned(), task));
        }
    }

    /// Goes on with restarts that it was asked for.
    pub fn step(&self, seconds: f64) {
        let mut restarting = self.restarting.lock().unwrap_or_else(PoisonError::into_inner);
        restarting.retain(|name, since| {
            *since += seconds;
            if *since >= RESTART_BEGINS {
                self.failed.lock().unwrap_or_else(PoisonError::into_inner).retain(|(of, _)| of != name);
            }
            *since < RESTART_ENDS
        });
    }

    /// Serves one connection to its end.
    pub async fn serve(&self, stream: DuplexStream, kafka: &str) {
        let answering = service_fn(|request: Request<Incoming>| {
            let answer = self.answer(request.method(), request.uri().path(), kafka);
            async move { Ok::<_, Infallible>(answer) }
        });
        if let Err(error) = http1::Builder::new().serve_connection(TokioIo::new(stream), answering).await {
            tracing::debug!(%error, "a connection to a sandbox worker broke");
        }
    }

    fn answer(&self, method: &Method, path: &str, kafka: &str) -> Response<Full<Bytes>> {
        let wrong = |code: u16, words: &str| json!({"error_code": code, "message": format!("HTTP {code} {words}")});
        let (status, body) = match (method, path) {
            (&Method::GET, "/") => {
                (StatusCode::OK, json!({"version": VERSION, "commit": "c82fd9b934b4c1e6", "kafka_cluster_id": kafka}))
            }
            (&Method::GET, "/connectors") => (StatusCode::OK, self.connectors()),
            (&Method::GET, "/connector-plugins") => (StatusCode::OK, plugins()),
            (method, path) if path.starts_with("/connectors/") => self.one(method, path),
            (&Method::GET, _) => (StatusCode::NOT_FOUND, wrong(404, "Not Found")),
            _ => (StatusCode::METHOD_NOT_ALLOWED, wrong(405, "Method Not Allowed")),
        };
        let mut answer = Response::new(Full::new(Bytes::from(body.to_string())));
        *answer.status_mut() = status;
        answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        answer
    }

    /// `/connectors/{name}/{what}`.
    fn one(&self, method: &Method, path: &str) -> (StatusCode, Value) {
        let mut parts = path.split('/').skip(2);
        let (name, what) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        if !CONNECTORS.iter().any(|row| row.0 == name) {
            let words = format!("No status found for connector {name}");
            return (StatusCode::NOT_FOUND, json!({"error_code": 404, "message": words}));
        }
        let mut paused = self.paused.lock().unwrap_or_else(PoisonError::into_inner);
        match (method, what) {
            (&Method::GET, "status") => {
                drop(paused);
                (StatusCode::OK, self.connectors()[name]["status"].clone())
            }
            (&Method::PUT, "pause") => {
                paused.insert(name.to_owned());
                (StatusCode::ACCEPTED, Value::Null)
            }
            (&Method::PUT, "resume") => {
                paused.remove(name);
                (StatusCode::ACCEPTED, Value::Null)
            }
            (&Method::POST, "restart") => {
                drop(paused);
                self.restarting.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), 0.0);
                (StatusCode::ACCEPTED, self.connectors()[name]["status"].clone())
            }
            _ => (StatusCode::METHOD_NOT_ALLOWED, json!({"error_code": 405, "message": "HTTP 405 Method Not Allowed"})),
        }
    }

    /// As with `expand=status&expand=info`.
    fn connectors(&self) -> Value {
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let paused = self.paused.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let restarting = self.restarting.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let worker = |at: usize| format!("{}:{PORT}", address(at % PODS.len()));
        let mut all = json!({});
        for (at, (name, kind, class, version, count, settings)) in CONNECTORS.into_iter().enumerate() {
            let restarts = restarting.get(name).is_some_and(|since| *since >= RESTART_BEGINS);
            let runs = match (paused.contains(name), restarts) {
                (true, _) => "PAUSED",
                (false, true) => "RESTARTING",
                (false, false) => "RUNNING",
            };
            let task = |id: usize| {
                let fails = failed.iter().any(|(connector, task)| connector == name && *task == id);
                let state = if fails { "FAILED" } else { runs };
                let mut task = json!({"id": id, "state": state, "worker_id": worker(at + id), "version": version});
                if fails {
                    task["trace"] = json!(TRACE);
                }
                task
            };
            let mut config = json!({"name": name, "connector.class": class, "tasks.max": count.to_string()});
            for (key, value) in settings {
                config[*key] = json!(value);
            }
            all[name] = json!({
                "status": {
                    "name": name, "type": kind, "tasks": (0..count).map(task).collect::<Vec<_>>(),
                    "connector": {"state": runs, "worker_id": worker(at), "version": version},
                },
                "info": {
                    "name": name, "type": kind, "config": config,
                    "tasks": (0..count).map(|id| json!({"connector": name, "task": id})).collect::<Vec<_>>(),
                },
            });
        }
        all
    }
}

fn plugins() -> Value {
    CONNECTORS
        .iter()
        .map(|(_, kind, class, version, ..)| json!({"class": class, "type": kind, "version": version}))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(connect: &Connect) -> (String, Vec<String>) {
        let status = &connect.connectors()["warehouse-jdbc"]["status"];
        let word = |of: &Value| of["state"].as_str().unwrap().to_owned();
        (word(&status["connector"]), status["tasks"].as_array().unwrap().iter().map(word).collect())
    }

    #[test]
    fn a_restart_is_answered_before_it_begins_and_ends_in_what_runs() {
        let connect = Connect::default();
        connect.set_failed("warehouse-jdbc", 1, true);
        let before = state(&connect);
        let (status, _) = connect.one(&Method::POST, "/connectors/warehouse-jdbc/restart");
        assert_eq!((status, state(&connect)), (StatusCode::ACCEPTED, before));
        connect.step(RESTART_BEGINS);
        assert_eq!(state(&connect), ("RESTARTING".into(), vec!["RESTARTING".to_owned(); 2]));
        connect.step(RESTART_ENDS);
        assert_eq!(state(&connect), ("RUNNING".into(), vec!["RUNNING".to_owned(); 2]));
    }
}
