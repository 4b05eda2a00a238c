//! The real cluster: a topic and three groups for the time of a test, and streams to its brokers.

use std::{
    process::{Child, Stdio},
    sync::Arc,
    time::Duration,
};

use futures::future::BoxFuture;
use kafdeck::wire::requests;
use kafdeck::{
    domain::{
        access::{Login, Mechanism, Owner, SecretKey, Way},
        ids::ObjectKey,
        installation::PodPort,
    },
    io::{
        connect::{ConnectOptions, connect},
        dial::{
            BoxStream, PortForward, Transport,
            layers::{FRESH, Layers, Route},
        },
        secrets::KubeSecrets,
    },
};
use kafka_protocol::messages::FindCoordinatorRequest;
use tokio::time::{Instant, sleep};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    asked::{CLASSIC, CONSUMER, EMPTY, Peer, TOPIC, USER},
    common::{
        kafka::{Raw, text},
        live::{self, Cluster},
    },
};

const NAMESPACE: &str = "the-project";
const SERVER: &str = "--bootstrap-server localhost:9092";

/// How long members may take to join and to commit.
const LIMIT: Duration = Duration::from_secs(90);

/// A pause between two looks.
const PAUSE: Duration = Duration::from_millis(500);

/// The brokers of the testbed's flavour `plain`. What was made in them is removed with it.
pub struct Real {
    forward: PortForward,
    members: Vec<Child>,
    cluster: Cluster,
    layers: Layers,
    _cancel: DropGuard,
}

impl Peer for Real {
    fn open(&self, broker: i32) -> BoxFuture<'_, BoxStream> {
        let to = PodPort { pod: ObjectKey::new(NAMESPACE, format!("kafka-{broker}")), port: 9092 };
        Box::pin(async move { self.forward.open(&to).await.unwrap() })
    }

    /// The testbed's flavour `strimzi`, as the user that sees everything and changes nothing.
    fn open_authorized(&self) -> BoxFuture<'_, Option<BoxStream>> {
        let secret = ["-n", "messaging", "get", "secret", "console"];
        let installed = self.cluster.kubectl(secret).code == 0;
        Box::pin(async move {
            if !installed {
                return None;
            }
            let pod = ObjectKey::new("messaging", "kafka-cluster-kafka-pool-0");
            let password = SecretKey { namespace: "messaging".into(), name: "console".into(), key: "password".into() };
            let login = Login::Sasl {
                mechanism: Mechanism::ScramSha512,
                user: "console".into(),
                password: password.into(),
                nth: None,
            };
            let way = Way {
                listener: "plain".into(),
                port: 9092,
                encryption: None,
                login: Some(login),
                owner: Owner::Console,
            };
            let route = Route { way: Some(way), names: Vec::new() };
            let to = PodPort { pod, port: 9092 };
            let prepared = self.layers.prepare(&route, FRESH).await.unwrap();
            let stream = self.forward.open(&to).await.unwrap();
            Some(self.layers.secure(stream, &prepared).await.map_err(|e| e.at(&to)).unwrap().stream)
        })
    }
}

impl Real {
    /// The cluster in `KUBECONFIG`, with what is to be asked about; `None` without one.
    pub async fn prepare() -> Option<Self> {
        let cluster = live::cluster()?;
        let options = ConnectOptions { kubeconfig: Some(cluster.kubeconfig.clone()), ..ConnectOptions::default() };
        let client = connect(&options).await.unwrap();
        let cancel = CancellationToken::new();
        let forward = PortForward::new(&client, &cancel);
        let layers = Layers::new(Arc::new(KubeSecrets::new(&client.client)));
        let mut real = Self { forward, members: Vec::new(), cluster, layers, _cancel: cancel.drop_guard() };
        real.make();
        real.joined().await;
        Some(real)
    }

    /// Runs a shell command in a broker's container.
    fn shell(&self, script: &str) -> i32 {
        self.cluster.kubectl(["exec", "-n", NAMESPACE, "kafka-0", "--", "sh", "-c", script]).code
    }

    fn make(&mut self) {
        let create = format!(
            "kafka-topics.sh {SERVER} --create --if-not-exists --topic {TOPIC} --partitions 3 --replication-factor 3 \
             --config retention.ms=3600000"
        );
        assert_eq!(self.shell(&create), 0, "{create}");
        let produce = format!(
            "seq 1 60 | sed 's/.*/&:&/' | kafka-console-producer.sh {SERVER} --topic {TOPIC} \
             --property parse.key=true --property key.separator=:"
        );
        assert_eq!(self.shell(&produce), 0, "{produce}");
        let user = format!("{SERVER} --alter --entity-type users --entity-name {USER}");
        for config in ["SCRAM-SHA-512=[iterations=4096,password=of-nobody]", "producer_byte_rate=1048576"] {
            let give = format!("kafka-configs.sh {user} --add-config '{config}'");
            assert_eq!(self.shell(&give), 0, "{give}");
        }
        let consume = format!("kafka-console-consumer.sh {SERVER} --topic {TOPIC} --from-beginning");
        // It reads everything and leaves.
        self.shell(&format!("{consume} --group {EMPTY} --max-messages 60 --timeout-ms 20000"));
        self.join(&format!("{consume} --group {CLASSIC}"), CLASSIC);
        self.join(&format!("{consume} --group {CONSUMER} --consumer-property group.protocol=consumer"), CONSUMER);
    }

    /// Starts a member in the container; its process id is kept there.
    fn join(&mut self, consume: &str, group: &str) {
        let script = format!("echo $$ > /tmp/{group}.pid; exec {consume}");
        let mut command = live::kubectl();
        command.args(["exec", "-n", NAMESPACE, "kafka-0", "--", "sh", "-c", &script]);
        command.env("KUBECONFIG", &self.cluster.kubeconfig).stdin(Stdio::null()).stdout(Stdio::null());
        self.members.push(command.stderr(Stdio::null()).spawn().unwrap());
    }

    /// Waits until both members have joined and every group has committed.
    async fn joined(&self) {
        let end = Instant::now() + LIMIT;
        for group in [CLASSIC, CONSUMER, EMPTY] {
            while !self.has_commits(group).await {
                assert!(Instant::now() < end, "{group} has committed nothing");
                sleep(PAUSE).await;
            }
        }
    }

    async fn has_commits(&self, group: &str) -> bool {
        let mut raw = Raw::new(self.open(0).await);
        let asked = FindCoordinatorRequest::default().with_coordinator_keys(vec![text(group)]);
        let found = raw.ask(&asked, 6).await.unwrap();
        if found.coordinators[0].error_code != 0 {
            return false;
        }
        let mut raw = Raw::new(self.open(found.coordinators[0].node_id.0).await);
        let answer = raw.ask(&requests::offset_fetch([group]), 9).await.unwrap();
        answer.groups[0].topics.iter().map(|t| t.partitions.len()).sum::<usize>() == 3
    }
}

impl Drop for Real {
    fn drop(&mut self) {
        let mut members = std::mem::take(&mut self.members);
        for (member, group) in members.iter_mut().zip([CLASSIC, CONSUMER]) {
            if self.shell(&format!("kill $(cat /tmp/{group}.pid) && rm /tmp/{group}.pid")) != 0 {
                let _ = member.kill();
            }
            // It ends with what it runs.
            let _ = member.wait();
        }
        self.shell(&format!("kafka-topics.sh {SERVER} --delete --topic {TOPIC}"));
        for config in ["SCRAM-SHA-512", "producer_byte_rate"] {
            let user = format!("--alter --entity-type users --entity-name {USER} --delete-config {config}");
            self.shell(&format!("kafka-configs.sh {SERVER} {user}"));
        }
        let groups = [CLASSIC, CONSUMER, EMPTY].map(|group| format!("--group {group}")).join(" ");
        self.shell(&format!("kafka-consumer-groups.sh {SERVER} --delete {groups}"));
    }
}
