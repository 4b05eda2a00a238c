//! Kafka by hand: requests in any version over any stream, and a small cluster for the sandbox's brokers.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::{BufMut, Bytes, BytesMut};
use chrono::DateTime;
use kafdeck::{
    clock::Clock,
    io::dial::BoxStream,
    sandbox::{
        broker::Brokers,
        kafka::{Broker, Changes, Group, Kafka, LogDir, Member, Meters, Partition, Process, Protocol, Security, Topic},
    },
    task,
};
use kafka_protocol::{
    messages::{RequestHeader, ResponseHeader},
    protocol::{Decodable, Encodable, HeaderVersion, Request, StrBytes},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::watch,
};
use tokio_util::sync::CancellationToken;

/// A connection that is spoken to by hand.
pub struct Raw {
    stream: BoxStream,
    next: i32,
}

impl Raw {
    pub fn new(stream: BoxStream) -> Self {
        Self { stream, next: 7 }
    }

    /// Asks and waits; `None` when the broker hangs up.
    pub async fn ask<R: Request>(&mut self, request: &R, version: i16) -> Option<R::Response> {
        let id = self.send(request, version).await;
        self.receive::<R>(id, version).await
    }

    /// Sends a request and does not wait.
    pub async fn send<R: Request>(&mut self, request: &R, version: i16) -> i32 {
        self.next += 1;
        let frame = framed(request, version, self.next);
        let _ = self.stream.write_all(&frame).await;
        self.next
    }

    /// The next answer.
    pub async fn receive<R: Request>(&mut self, id: i32, version: i16) -> Option<R::Response> {
        let mut frame = self.frame().await?;
        let header = ResponseHeader::decode(&mut frame, R::Response::header_version(version)).unwrap();
        assert_eq!(header.correlation_id, id, "answers come in order");
        let answer = R::Response::decode(&mut frame, version).unwrap();
        assert!(frame.is_empty(), "{} bytes are left of the answer to {} v{version}", frame.len(), R::KEY);
        Some(answer)
    }

    /// Sends bytes; what is answered to them, or `None` when the broker hangs up.
    pub async fn bytes(&mut self, bytes: &[u8]) -> Option<Bytes> {
        let _ = self.stream.write_all(bytes).await;
        self.frame().await
    }

    async fn frame(&mut self) -> Option<Bytes> {
        let length = self.stream.read_i32().await.ok()?;
        let mut frame = vec![0; usize::try_from(length).unwrap()];
        self.stream.read_exact(&mut frame).await.ok()?;
        Some(frame.into())
    }
}

/// A request's frame, in whatever version.
pub fn framed<R: Request>(request: &R, version: i16, id: i32) -> Bytes {
    let header = RequestHeader::default()
        .with_request_api_key(R::KEY)
        .with_request_api_version(version)
        .with_correlation_id(id)
        .with_client_id(Some(StrBytes::from_static_str("by hand")));
    let mut frame = BytesMut::new();
    frame.put_i32(0);
    header.encode(&mut frame, R::header_version(version)).unwrap();
    request.encode(&mut frame, version).unwrap();
    let length = i32::try_from(frame.len() - 4).unwrap();
    frame[..4].copy_from_slice(&length.to_be_bytes());
    frame.freeze()
}

pub fn text(s: &str) -> StrBytes {
    StrBytes::from_string(s.to_owned())
}

/// The sandbox's brokers over a `Kafka` that a test changes.
pub struct Cluster {
    kafka: Arc<Mutex<Kafka>>,
    changed: watch::Sender<u64>,
    pub brokers: Brokers,
    cancel: CancellationToken,
}

impl Cluster {
    pub fn new(kafka: Kafka) -> Self {
        let kafka = Arc::new(Mutex::new(kafka));
        let changed = watch::Sender::new(0);
        let clock = Clock::driven(DateTime::from_timestamp(1_700_000_000, 0).unwrap());
        let brokers = Brokers::new(Arc::clone(&kafka), changed.subscribe(), clock);
        Self { kafka, changed, brokers, cancel: CancellationToken::new() }
    }

    /// Changes the cluster, as a simulation does.
    pub fn change(&self, change: impl FnOnce(&mut Kafka)) {
        change(&mut self.kafka.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.send_modify(|n| *n += 1);
    }

    pub fn process(&self, broker: i32, process: Process) {
        self.change(|k| k.brokers.get_mut(&broker).unwrap().process = process);
    }

    /// A connection to a broker.
    pub fn stream(&self, broker: i32) -> BoxStream {
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        let brokers = self.brokers.clone();
        task::spawn("sandbox broker", &self.cancel, async move { brokers.serve(broker, theirs).await });
        Box::new(ours)
    }

    pub fn raw(&self, broker: i32) -> Raw {
        Raw::new(self.stream(broker))
    }

    pub fn is_down(&self, broker: i32) -> bool {
        let kafka = self.kafka.lock().unwrap_or_else(PoisonError::into_inner);
        kafka.brokers.get(&broker).is_none_or(|b| b.process == Process::Down)
    }
}

/// A topic of which partition 0 is led by broker 0, and so on around; each partition holds 10 bytes a record.
pub fn topic(id: u8, partitions: u8, records: f64) -> Topic {
    let partition = |index: i32| {
        let replicas: Vec<i32> = (0..3).map(|n| (index + n) % 3).collect();
        Partition {
            leader: Some(replicas[0]),
            isr: replicas.clone(),
            replicas,
            epoch: 0,
            start: 0.0,
            end: records,
            bytes: records * 10.0,
        }
    };
    Topic {
        id: [id; 16],
        configs: BTreeMap::new(),
        partitions: (0..i32::from(partitions)).map(partition).collect(),
        rate: 0.0,
        record_bytes: 10.0,
        internal: false,
    }
}

/// A group that reads `topic`, with as many members; each partition is committed up to `offset`.
pub fn group(protocol: Protocol, topic: &str, members: usize, partitions: i32, offset: f64) -> Group {
    let member = |n: usize| Member {
        id: format!("member-{n}"),
        client_id: "app".to_owned(),
        host: "/10.1.2.3".to_owned(),
        assigned: (0..partitions).filter(|p| *p as usize % members == n).map(|p| (topic.to_owned(), p)).collect(),
    };
    Group {
        protocol,
        members: (0..members).map(member).collect(),
        committed: (0..partitions).map(|p| ((topic.to_owned(), p), offset)).collect(),
        speed: 0.0,
        coordinator: 0,
    }
}

/// Three brokers and their topic of commits with ten partitions; nothing else.
pub fn kafka() -> Kafka {
    let broker = |id: i32| Broker {
        id,
        host: format!("kafka-{id}.kafka"),
        port: 9092,
        rack: None,
        process: Process::Running,
        unfenced: true,
        delay_ms: 0,
        log_dir: LogDir { path: "/data/logs".to_owned(), total: 1 << 29, other: 1 << 20, failed: false },
        meters: Meters::default(),
    };
    let commits = Topic { internal: true, ..topic(9, 10, 0.0) };
    let defaults = [("min.insync.replicas", "2"), ("log.segment.bytes", "16777216")];
    Kafka {
        cluster_id: "a-cluster-of-the-sandbox".to_owned(),
        metadata_level: 27,
        brokers: (0..3).map(|id| (id, broker(id))).collect(),
        topics: BTreeMap::from([("__consumer_offsets".to_owned(), commits)]),
        groups: BTreeMap::new(),
        defaults: defaults.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        controller: Some(1),
        security: Security::default(),
        changes: Changes::default(),
    }
}
