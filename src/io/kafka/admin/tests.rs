//! Whom a change is told to where brokers do not pass it on, and what is made of answers that fail.

use std::sync::{
    Mutex,
    atomic::{AtomicI32, Ordering::Relaxed},
};

use futures::future::BoxFuture;
use kafka_protocol::{
    messages::{
        ApiKey, ApiVersionsResponse, BrokerId as Node, CreateTopicsRequest, CreateTopicsResponse, DeleteTopicsRequest,
        DeleteTopicsResponse, MetadataRequest,
        api_versions_response::{ApiVersion, FinalizedFeatureKey},
        create_topics_response::CreatableTopicResult,
        delete_topics_response::DeletableTopicResult,
        metadata_response::MetadataResponseBroker,
    },
    protocol::StrBytes,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::{
    domain::{access, ids::ObjectKey, installation::PodPort},
    io::{
        dial::{BoxStream, DialError},
        secrets::NoSecrets,
    },
    task,
    wire::served::Incoming,
};

/// Three brokers that do what they are told.
struct Paper {
    kraft: bool,
    /// Who Metadata says is the controller, and who is.
    said: AtomicI32,
    is: AtomicI32,
    /// Code of a deletion.
    code: i16,
    /// Who was asked what.
    asked: Mutex<Vec<(i32, ApiKey)>>,
}

impl Paper {
    fn new(kraft: bool, said: i32, is: i32) -> Self {
        let (said, is) = (AtomicI32::new(said), AtomicI32::new(is));
        Self { kraft, said, is, code: 0, asked: Mutex::default() }
    }

    fn answer(&self, broker: i32, incoming: &Incoming) -> Option<bytes::Bytes> {
        let key = ApiKey::try_from(incoming.key).ok()?;
        self.asked.lock().unwrap().push((broker, key));
        let frame = match key {
            ApiKey::ApiVersions => incoming.reply(&self.offer(), incoming.version),
            ApiKey::Metadata => incoming.answer(|asked: MetadataRequest, _| self.metadata(&asked)),
            ApiKey::CreateTopics => incoming.answer(|asked: CreateTopicsRequest, _| {
                let code = if self.kraft || self.is.load(Relaxed) == broker { 0 } else { NOT_CONTROLLER };
                // Next time Metadata knows better.
                self.said.store(self.is.load(Relaxed), Relaxed);
                let topic = asked.topics[0].name.clone();
                let result = CreatableTopicResult::default().with_name(topic).with_error_code(code);
                CreateTopicsResponse::default().with_topics(vec![result])
            }),
            ApiKey::DeleteTopics => incoming.answer(|_: DeleteTopicsRequest, _| {
                let result = DeletableTopicResult::default().with_error_code(self.code);
                let result = result.with_error_message((self.code == 44).then(|| "no \u{1b}[2J way".into()));
                DeleteTopicsResponse::default().with_responses(vec![result])
            }),
            _ => return None,
        };
        frame.ok()
    }

    fn offer(&self) -> ApiVersionsResponse {
        let of = |(key, newest): (ApiKey, i16)| ApiVersion::default().with_api_key(key as i16).with_max_version(newest);
        let keys = [(ApiKey::ApiVersions, 3), (ApiKey::Metadata, 12), (ApiKey::CreateTopics, 7)];
        let keys = keys.into_iter().chain([(ApiKey::DeleteTopics, 6)]).map(of);
        let level = FinalizedFeatureKey::default()
            .with_name(StrBytes::from_static_str("metadata.version"))
            .with_max_version_level(25);
        let levels = if self.kraft { vec![level] } else { Vec::new() };
        ApiVersionsResponse::default().with_api_keys(keys.collect()).with_finalized_features(levels)
    }

    fn metadata(&self, asked: &MetadataRequest) -> MetadataResponse {
        let broker = |id: i32| {
            let host = StrBytes::from_string(format!("kafka-{id}.kafka"));
            MetadataResponseBroker::default().with_node_id(Node(id)).with_host(host).with_port(9092)
        };
        let topics = asked.topics.iter().flatten().map(|topic| {
            let name = topic.name.clone();
            let code = if name.as_ref().is_some_and(|n| n.starts_with("old")) { 0 } else { 3 };
            MetadataResponseTopic::default().with_name(name).with_error_code(code)
        });
        MetadataResponse::default()
            .with_brokers((0..3).map(broker).collect())
            .with_controller_id(Node(self.said.load(Relaxed)))
            .with_topics(topics.collect())
    }
}

/// The way to them.
struct Streams(Arc<Paper>, CancellationToken);

impl Transport for Streams {
    fn open(&self, to: &PodPort) -> BoxFuture<'_, Result<BoxStream, DialError>> {
        let broker = to.pod.name.rsplit('-').next().and_then(|id| id.parse().ok()).unwrap_or_default();
        let (ours, mut theirs) = tokio::io::duplex(1 << 14);
        let paper = Arc::clone(&self.0);
        task::spawn("paper", &self.1, async move {
            while let Ok(length) = theirs.read_u32().await {
                let mut frame = vec![0; length as usize];
                theirs.read_exact(&mut frame).await.unwrap();
                let Some(answer) = paper.answer(broker, &Incoming::read(frame.into()).unwrap()) else { return };
                theirs.write_all(&answer).await.unwrap();
            }
        });
        Box::pin(async move { Ok(Box::new(ours) as BoxStream) })
    }
}

fn admin(paper: Paper) -> (Admin, Arc<Paper>) {
    let paper = Arc::new(paper);
    let cancel = CancellationToken::new();
    let mut book = AddressBook::default();
    for id in 0..3 {
        let pod = ObjectKey::new("ns", format!("kafka-{id}"));
        book.seeds.push(PodPort { pod: pod.clone(), port: 9092 });
        book.hosts.insert(format!("kafka-{id}.kafka"), pod.clone());
        book.ids.insert(BrokerId(id), pod);
    }
    let admin = Admin::new(AdminSetup {
        installation: InstallationId::new("ns", "kafka"),
        transport: Arc::new(Streams(Arc::clone(&paper), cancel.clone())),
        secrets: Arc::new(NoSecrets),
        book: Arc::new(book),
        clock: Clock::driven(chrono::DateTime::UNIX_EPOCH),
        cancel,
    });
    (admin, paper)
}

fn create() -> KafkaOp {
    KafkaOp::CreateTopic { topic: "new".into(), partitions: 1, replication_factor: 1, configs: BTreeMap::new() }
}

fn told(paper: &Paper, key: ApiKey) -> Vec<i32> {
    paper.asked.lock().unwrap().iter().filter(|(_, k)| *k == key).map(|(broker, _)| *broker).collect()
}

#[tokio::test(start_paused = true)]
async fn with_zookeeper_the_controller_itself_is_told() {
    let (admin, paper) = admin(Paper::new(false, 2, 2));
    assert!(matches!(admin.perform(&create()).await, Ok(KafkaAnswer::Done(_))));
    assert_eq!(told(&paper, ApiKey::CreateTopics), [2]);
}

#[tokio::test(start_paused = true)]
async fn where_another_broker_has_become_the_controller_it_is_told_once_more() {
    let (admin, paper) = admin(Paper::new(false, 2, 1));
    assert!(matches!(admin.perform(&create()).await, Ok(KafkaAnswer::Done(_))));
    assert_eq!(told(&paper, ApiKey::CreateTopics), [2, 1]);
}

#[tokio::test(start_paused = true)]
async fn in_kraft_mode_whoever_answers_passes_it_on() {
    let (admin, paper) = admin(Paper::new(true, 2, 2));
    assert!(matches!(admin.perform(&create()).await, Ok(KafkaAnswer::Done(_))));
    let answered = told(&paper, ApiKey::CreateTopics);
    assert_eq!(answered.len(), 1);
    assert!(told(&paper, ApiKey::Metadata).contains(&answered[0]), "the one that has just answered");
}

#[tokio::test(start_paused = true)]
async fn a_broker_s_words_lose_what_would_move_a_terminal() {
    let (admin, _) = admin(Paper { code: 44, ..Paper::new(true, 0, 0) });
    let op = KafkaOp::DeleteTopic { topic: "old".into() };
    let why = admin.perform(&op).await.expect_err("a policy forbids it").to_string();
    assert!(why.starts_with("deleting topic old was refused: no ") && why.ends_with("(POLICY_VIOLATION)"), "{why:?}");
    assert!(!why.contains('\u{1b}'), "{why:?}");
}

#[tokio::test(start_paused = true)]
async fn what_brokers_do_not_offer_is_refused_before_it_is_sent() {
    let (admin, _) = admin(Paper::new(true, 0, 0));
    let op = KafkaOp::AddPartitions { topic: "old".into(), before: 0, total: 3 };
    // It offers no such request.
    let why = admin.perform(&op).await.expect_err("it is not offered");
    assert!(matches!(&why, AdminError::Refused { name, .. } if name == "UNSUPPORTED_VERSION"), "{why}");
    let user = KafkaOp::SetScram { user: "a".into(), mechanism: access::Mechanism::Plain, iterations: 4096, new: true };
    let why = admin.perform(&user).await.expect_err("brokers keep no such passwords");
    assert!(matches!(&why, AdminError::Refused { name, .. } if name == "UNSUPPORTED_SASL_MECHANISM"), "{why}");
}
