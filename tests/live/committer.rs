//! Commits offsets for many groups, as so many small applications would.
#![allow(dead_code, reason = "the benchmark commits at more places than the suite")]

use std::{collections::BTreeMap, io, sync::Arc};

use bytes::{BufMut, Bytes, BytesMut};
use kafdeck::{
    domain::{
        access::{Encryption, Keep, Login, Owner, SecretKey, Way},
        ids::ObjectKey,
        installation::PodPort,
    },
    io::{
        connect::{self, ConnectOptions},
        dial::{
            BoxStream, PortForward, Transport,
            layers::{FRESH, Layers, Route},
        },
        secrets::KubeSecrets,
    },
};
use kafka_protocol::{
    messages::{
        FindCoordinatorRequest, OffsetCommitRequest, RequestHeader, ResponseHeader,
        offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic},
    },
    protocol::{Decodable, Encodable, HeaderVersion, Request, StrBytes},
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_util::sync::CancellationToken;

use crate::common::live::Cluster;

/// Three brokers, and how one gets to them as somebody who may commit for every group.
pub struct Brokers {
    /// The pods, in the order of their brokers' ids.
    pub pods: Vec<PodPort>,
    way: Option<Way>,
}

impl Brokers {
    /// Those of the flavour `plain`.
    pub fn plain() -> Self {
        let pod = |n| PodPort { pod: ObjectKey::new("the-project", format!("kafka-{n}")), port: 9092 };
        Self { pods: (0..3).map(pod).collect(), way: None }
    }

    /// Those of the flavour `strimzi`, as its operator.
    pub fn strimzi() -> Self {
        let secret = |name: &str, key: &str| {
            let name = format!("kafka-cluster-{name}");
            Keep::Secret(SecretKey { namespace: "messaging".into(), name, key: key.into() })
        };
        let login = Login::Certificate {
            user: "CN=cluster-operator,O=io.strimzi".into(),
            certificate: secret("cluster-operator-certs", "cluster-operator.crt"),
            key: secret("cluster-operator-certs", "cluster-operator.key"),
        };
        let way = Way {
            listener: "REPLICATION-9091".into(),
            port: 9091,
            encryption: Some(Encryption { trust: vec![secret("cluster-ca-cert", "ca.crt")] }),
            login: Some(login),
            owner: Owner::Administrator,
        };
        let pod = |n| PodPort { pod: ObjectKey::new("messaging", format!("kafka-cluster-kafka-pool-{n}")), port: 9091 };
        Self { pods: (0..3).map(pod).collect(), way: Some(way) }
    }
}

/// Streams to brokers, through the API server and secured.
pub struct Doors {
    forward: Arc<dyn Transport>,
    layers: Layers,
    way: Option<Way>,
    cancel: CancellationToken,
}

impl Doors {
    /// Those of a cluster's brokers; to be made within a runtime.
    pub async fn new(cluster: &Cluster, brokers: &Brokers) -> Self {
        let options = ConnectOptions { kubeconfig: Some(cluster.kubeconfig.clone()), ..ConnectOptions::default() };
        let cluster = connect::connect(&options).await.unwrap();
        let cancel = CancellationToken::new();
        let forward: Arc<dyn Transport> = Arc::new(PortForward::new(&cluster, &cancel));
        Self {
            forward,
            layers: Layers::new(Arc::new(KubeSecrets::new(&cluster.client))),
            way: brokers.way.clone(),
            cancel,
        }
    }

    /// A stream to a broker.
    ///
    /// # Errors
    /// Why there is none, in words.
    pub async fn open(&self, to: &PodPort) -> Result<BoxStream, String> {
        let names = vec![format!("{}.kafka-cluster-kafka-brokers.{}.svc", to.pod.name, to.pod.namespace)];
        let prepared =
            self.layers.prepare(&Route { way: self.way.clone(), names }, FRESH).await.map_err(|e| format!("{e:?}"))?;
        let stream = self.forward.open(to).await.map_err(|e| format!("{e:?}"))?;
        Ok(self.layers.secure(stream, &prepared).await.map_err(|e| format!("{e:?}"))?.stream)
    }
}

impl Drop for Doors {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

/// Commits offset 0 of every partition of `topic` for the groups `TOPIC-0`, `TOPIC-1`, ….
pub fn commit(cluster: &Cluster, to: &Brokers, topic: &str, groups: usize, partitions: i32) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(commit_all(cluster, to, topic, groups, partitions));
}

async fn commit_all(cluster: &Cluster, to: &Brokers, topic: &str, groups: usize, partitions: i32) {
    let doors = Doors::new(cluster, to).await;
    let mut brokers = Vec::new();
    for pod in &to.pods {
        brokers.push(doors.open(pod).await.unwrap());
    }
    let names: Vec<StrBytes> = (0..groups).map(|n| StrBytes::from_string(format!("{topic}-{n}"))).collect();
    let find = FindCoordinatorRequest::default().with_key_type(0).with_coordinator_keys(names.clone());
    // A new cluster makes the topic of commits when it is first asked who coordinates.
    let found = loop {
        let found = ask(&mut brokers[0], &find, 4).await;
        if found.coordinators.iter().all(|coordinator| coordinator.error_code == 0) {
            break found;
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    };
    let mut by_broker: BTreeMap<i32, Vec<StrBytes>> = BTreeMap::new();
    for coordinator in found.coordinators {
        by_broker.entry(coordinator.node_id.0).or_default().push(coordinator.key);
    }
    for (broker, names) in by_broker {
        let connection = &mut brokers[usize::try_from(broker).expect("a group without a coordinator")];
        for name in names {
            let rows = (0..partitions)
                .map(|p| OffsetCommitRequestPartition::default().with_partition_index(p).with_committed_offset(0))
                .collect();
            let topic = OffsetCommitRequestTopic::default()
                .with_name(StrBytes::from_string(topic.to_owned()).into())
                .with_partitions(rows);
            let request = OffsetCommitRequest::default().with_group_id(name.into()).with_topics(vec![topic]);
            let answer = ask(connection, &request, 8).await;
            assert!(answer.topics.iter().flat_map(|t| &t.partitions).all(|p| p.error_code == 0), "{answer:?}");
        }
    }
}

/// One request and its answer.
async fn ask<R: Request>(stream: &mut BoxStream, request: &R, version: i16) -> R::Response {
    try_ask(stream, request, version).await.unwrap()
}

/// One request and its answer.
///
/// # Errors
/// The stream's.
pub async fn try_ask<R: Request>(stream: &mut BoxStream, request: &R, version: i16) -> io::Result<R::Response> {
    let header = RequestHeader::default().with_request_api_key(R::KEY).with_request_api_version(version);
    let mut body = BytesMut::new();
    header.encode(&mut body, R::header_version(version)).unwrap();
    request.encode(&mut body, version).unwrap();
    let mut frame = BytesMut::new();
    frame.put_i32(body.len().try_into().unwrap());
    frame.put(body);
    stream.write_all(&frame).await?;
    let length = stream.read_i32().await?;
    let mut answer = vec![0; length.try_into().unwrap()];
    stream.read_exact(&mut answer).await?;
    let mut answer = Bytes::from(answer);
    ResponseHeader::decode(&mut answer, R::Response::header_version(version)).unwrap();
    Ok(R::Response::decode(&mut answer, version).unwrap())
}
