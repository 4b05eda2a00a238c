//! The path of an application in the cluster: a Job with the brokers' image that goes through the bootstrap Service.
//!
//! The manifest refers to Secrets and holds none of what is in them.

use serde_json::{Value, json};

use crate::{
    discover::{Choice, choice::short, choose},
    domain::{
        access::{Keep, Login, Mechanism, Owner, Purpose, SecretKey, Way, Wish},
        kubernetes::{Pod, Service},
    },
    plan::{Op, op::Target},
    world::Reading,
};

/// How long the Job may take, in seconds: an image may have to be pulled, two JVMs have to start.
const LIMIT_S: u32 = 120;
/// What it runs.
const SCRIPT: &str = include_str!("smoke.sh");

/// The Job; or why there is none.
pub fn path(topic: &str, records: usize, user: Option<&str>, reading: &Reading<'_>) -> Op {
    match job(topic, records, user, reading) {
        Ok(op) => op,
        Err(why) => Op::Unproven { why },
    }
}

fn job(topic: &str, records: usize, user: Option<&str>, reading: &Reading<'_>) -> Result<Op, String> {
    let of = reading.installation;
    let namespace = &of.id.namespace;
    let way = way(user, reading)?;
    let broker = of.brokers.first().ok_or("no broker's pod can be seen")?;
    let port = way.as_ref().map_or(broker.port, |way| way.port);
    let pod = reading.world.kube.pods.get(&broker.pod).ok_or("no broker's pod can be seen")?;
    let container = pod.containers.iter().find(|one| one.name == broker.container);
    let image = container.map(|one| one.image.as_str()).ok_or("the brokers' image cannot be seen")?;
    let service = service(port, reading)?;
    let bootstrap = format!("{service}.{namespace}.svc:{port}");
    let mut env = vec![
        json!({"name": "TOPIC", "value": topic}),
        json!({"name": "RECORDS", "value": records.to_string()}),
        json!({"name": "BOOTSTRAP", "value": bootstrap}),
    ];
    let mut files = Vec::new();
    if let Some(way) = &way {
        log_in(way, namespace, &mut env, &mut files)?;
    }
    let target = Target {
        api_version: "batch/v1".to_owned(),
        kind: "Job".to_owned(),
        resource: "jobs".to_owned(),
        namespace: namespace.clone(),
        name: topic.to_owned(),
    };
    let manifest = manifest(&target, image, &env, &files);
    Ok(Op::Job { target, manifest, limit_s: LIMIT_S })
}

/// The way that the Job goes; none where brokers ask for nothing.
fn way(user: Option<&str>, reading: &Reading<'_>) -> Result<Option<Way>, String> {
    let wish = Wish { user: user.map(str::to_owned), ..Wish::default() };
    match choose(reading.installation, Purpose::Read, &wish) {
        Choice::Open => Ok(None),
        Choice::Taken { way, .. } if way.is_plain() => Ok(Some(way)),
        Choice::Taken { way, .. } if user.is_some() => Ok(Some(way)),
        Choice::Taken { .. } => Err(format!("no application is named; {}", example(reading))),
        Choice::Closed(closed) if user.is_some() => Err(closed.what),
        Choice::Closed(closed) => Err(format!("{}; {}", closed.what, example(reading))),
    }
}

/// How an application is named.
fn example(reading: &Reading<'_>) -> String {
    let application = reading.installation.ways.iter().find(|way| way.owner == Owner::Application);
    let user = application.and_then(Way::user).map_or_else(|| "USER".to_owned(), short);
    format!("name one as --as-user {user}; it may need ACLs for topics whose names begin with kafdeck-smoke-")
}

/// The Service through which clients reach every broker: with an address of its own before one without.
fn service(port: u16, reading: &Reading<'_>) -> Result<String, String> {
    let of = reading.installation;
    let pods: Vec<&Pod> =
        of.brokers.iter().filter_map(|broker| reading.world.kube.pods.get(&broker.pod)).map(AsRef::as_ref).collect();
    let leads_to_all = |service: &&Service| {
        let selects = |pod: &Pod| service.selector.iter().all(|(key, value)| pod.meta.labels.get(key) == Some(value));
        service.meta.namespace == of.id.namespace
            && !service.selector.is_empty()
            && service.ports.iter().any(|one| one.port == port)
            && pods.iter().all(|pod| selects(pod))
    };
    let all = reading.world.kube.services.values().map(AsRef::as_ref).filter(leads_to_all);
    let best = all.min_by_key(|service| (service.headless, service.meta.name.len()));
    let found = best.map(|service| service.meta.name.clone());
    found.ok_or_else(|| format!("no Service in {} leads to all brokers on port {port}", of.id.namespace))
}

/// What the Job logs in with: references to Secrets as variables and files.
fn log_in(way: &Way, namespace: &str, env: &mut Vec<Value>, files: &mut Vec<Value>) -> Result<(), String> {
    let secret = |keep: &Keep| match keep {
        Keep::Secret(key) if key.namespace == *namespace => Ok(key.clone()),
        Keep::Secret(key) => {
            Err(format!("the credential is in namespace {}, and a Job in {namespace} cannot read it", key.namespace))
        }
        Keep::Given(from) => Err(format!("the credential is from {from}, and a Job takes one from a Secret only")),
    };
    let mut file = |keep: &Keep, path: String| -> Result<(), String> {
        let SecretKey { name, key, .. } = secret(keep)?;
        files.push(json!({"secret": {"name": name, "items": [{"key": key, "path": path}]}}));
        Ok(())
    };
    let mut client = vec![format!("security.protocol={}", way.protocol())];
    if let Some(encryption) = &way.encryption {
        for (at, keep) in encryption.trust.iter().enumerate() {
            file(keep, format!("ca-{at}.crt"))?;
        }
        if !encryption.trust.is_empty() {
            client.extend(["ssl.truststore.type=PEM", "ssl.truststore.location=/tmp/ca.pem"].map(str::to_owned));
        }
    }
    match &way.login {
        None => {}
        Some(Login::Certificate { certificate, key, .. }) => {
            file(certificate, "user.crt".to_owned())?;
            file(key, "user.key".to_owned())?;
            client.extend(["ssl.keystore.type=PEM", "ssl.keystore.location=/tmp/user.pem"].map(str::to_owned));
        }
        Some(Login::Sasl { mechanism, user, password, nth }) => {
            let SecretKey { name, key, .. } = secret(password)?;
            let reference = json!({"secretKeyRef": {"name": name, "key": key}});
            client.push(format!("sasl.mechanism={mechanism}"));
            env.push(json!({"name": "LOGIN_MODULE", "value": module(*mechanism)}));
            env.push(json!({"name": "LOGIN", "value": user}));
            env.push(json!({"name": "PASSWORD", "valueFrom": reference}));
            if let Some(nth) = nth {
                env.push(json!({"name": "PASSWORD_NTH", "value": (nth + 1).to_string()}));
            }
        }
    }
    env.push(json!({"name": "CLIENT", "value": client.join("\n")}));
    Ok(())
}

fn module(mechanism: Mechanism) -> &'static str {
    match mechanism {
        Mechanism::Plain => "org.apache.kafka.common.security.plain.PlainLoginModule",
        Mechanism::ScramSha256 | Mechanism::ScramSha512 => "org.apache.kafka.common.security.scram.ScramLoginModule",
    }
}

/// The Job: one pod, one attempt, gone by itself should nobody take it away.
fn manifest(target: &Target, image: &str, env: &[Value], files: &[Value]) -> Value {
    let labels = json!({"app.kubernetes.io/name": "kafdeck-smoke", "app.kubernetes.io/managed-by": "kafdeck"});
    let mut container = json!({
        "name": "smoke",
        "image": image,
        "command": ["/bin/sh", "-c", SCRIPT],
        "env": env,
        "resources": {
            "requests": {"cpu": "50m", "memory": "256Mi"},
            "limits": {"memory": "768Mi"},
        },
        "securityContext": {
            "allowPrivilegeEscalation": false,
            "runAsNonRoot": true,
            "runAsUser": 1001,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    });
    let mut pod = json!({
        "restartPolicy": "Never",
        "automountServiceAccountToken": false,
        "enableServiceLinks": false,
        "terminationGracePeriodSeconds": 1,
    });
    if !files.is_empty() {
        container["volumeMounts"] = json!([{"name": "login", "mountPath": "/login", "readOnly": true}]);
        pod["volumes"] = json!([{"name": "login", "projected": {"sources": files}}]);
    }
    pod["containers"] = json!([container]);
    json!({
        "apiVersion": target.api_version,
        "kind": target.kind,
        "metadata": {"name": target.name, "namespace": target.namespace, "labels": labels},
        "spec": {
            "backoffLimit": 0,
            "activeDeadlineSeconds": LIMIT_S,
            "ttlSecondsAfterFinished": 300,
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    })
}
