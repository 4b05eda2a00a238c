//! A secured cluster of the sandbox, the Secrets that open it, and ways in.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures::future::BoxFuture;
use kafdeck::{
    clock::Clock,
    domain::{
        access::{Encryption, Keep, Login, Mechanism, Owner, SecretKey, Way},
        broker::Contact,
        certificate::Certificate,
        freshness::SourceFailure,
        ids::{BrokerId, InstallationId, ObjectKey},
        installation::{AddressBook, PodPort},
    },
    facts::{Body, Fact, KafkaBody},
    io::{
        dial::{
            BoxStream, DialError, Transport,
            layers::{FRESH, Layers, Route, Secured},
        },
        kafka::{ObserverSetup, observe},
        secrets::{Hidden, Read, SecretError, SecretSource},
    },
    sandbox::{
        broker::door::{Door, Users},
        kafka::Process,
    },
};
use tokio::{
    sync::{Notify, mpsc, watch},
    time::{Instant, timeout_at},
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        RootCertStore, ServerConfig,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
        server::WebPkiClientVerifier,
    },
};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::common::kafka::{Cluster, kafka, topic};

pub const PASSWORD: &str = "correct horse, battery=staple";

/// A file of `tests/fixtures/tls`.
pub fn pem(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/tests/fixtures/tls/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// TLS with one of the fixtures' certificates; `client` asks for one of the authority's in turn.
pub fn tls(certificate: &str, client: bool) -> TlsAcceptor {
    let chain = vec![CertificateDer::from_pem_slice(&pem(&format!("{certificate}.pem"))).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(&pem(&format!("{certificate}.key"))).unwrap();
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions();
    let builder = builder.unwrap();
    let builder = if client {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(&pem("authority.pem")).unwrap()).unwrap();
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
        builder.with_client_cert_verifier(verifier)
    } else {
        builder.with_no_client_auth()
    };
    TlsAcceptor::from(Arc::new(builder.with_single_cert(chain, key).unwrap()))
}

pub fn users(mechanisms: &[&str], session: Option<u64>) -> Arc<Users> {
    Arc::new(Users::new("console", PASSWORD, mechanisms, session.map(Duration::from_secs)))
}

/// A Secret's version and data.
type Versioned = (u64, BTreeMap<String, Vec<u8>>);

/// Secrets in memory; each change is another version.
#[derive(Default)]
pub struct Shelf {
    secrets: Mutex<BTreeMap<String, Versioned>>,
    pub reads: AtomicU64,
}

impl Shelf {
    pub fn put(&self, name: &str, key: &str, value: &[u8]) {
        let mut secrets = self.secrets.lock().unwrap();
        let (version, data) = secrets.entry(name.to_owned()).or_default();
        *version += 1;
        data.insert(key.to_owned(), value.to_vec());
    }
}

impl SecretSource for Shelf {
    fn read(&self, namespace: &str, name: &str) -> BoxFuture<'_, Result<Read, SecretError>> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        let absent = SecretError::Absent { namespace: namespace.into(), name: name.into() };
        let read = self.secrets.lock().unwrap().get(name).map(|(version, data)| Read {
            version: version.to_string(),
            data: data.iter().map(|(key, value)| (key.clone(), Hidden::new(value.clone()))).collect(),
        });
        Box::pin(async move { read.ok_or(absent) })
    }
}

pub fn secret(name: &str, key: &str) -> Keep {
    SecretKey { namespace: "ns".into(), name: name.into(), key: key.into() }.into()
}

pub fn login(mechanism: Mechanism) -> Login {
    Login::Sasl { mechanism, user: "console".into(), password: secret("console", "password"), nth: None }
}

pub fn certificate() -> Login {
    Login::Certificate {
        user: "CN=client".into(),
        certificate: secret("console", "client.pem"),
        key: secret("console", "client.key"),
    }
}

/// A way on the sandbox's port; `trust` names a key of the Secret `authorities`.
pub fn way(trust: Option<&str>, login: Option<Login>) -> Way {
    let encryption = trust.map(|key| Encryption { trust: vec![secret("authorities", key)] });
    Way { listener: "secured".into(), port: 9092, encryption, login, owner: Owner::Console }
}

/// The cluster, its Secrets, and the streams to it.
pub struct House {
    pub cluster: Cluster,
    pub shelf: Arc<Shelf>,
    /// Where its Secrets are read; the shelf, unless a test says otherwise.
    pub source: Arc<dyn SecretSource>,
    pub layers: Layers,
    /// Streams that were opened.
    pub dials: AtomicU64,
}

impl House {
    pub fn new(door: Door) -> Arc<Self> {
        let shelf = Arc::new(Shelf::default());
        Self::build(door, Arc::clone(&shelf), shelf)
    }

    pub fn with_secrets(door: Door, source: Arc<dyn SecretSource>) -> Arc<Self> {
        Self::build(door, Arc::new(Shelf::default()), source)
    }

    fn build(door: Door, shelf: Arc<Shelf>, source: Arc<dyn SecretSource>) -> Arc<Self> {
        let mut shop = kafka();
        shop.topics.insert("orders".to_owned(), topic(1, 6, 100.9));
        let mut cluster = Cluster::new(shop);
        cluster.brokers = cluster.brokers.behind(door);
        shelf.put("console", "password", PASSWORD.as_bytes());
        for name in ["client.pem", "client.key"] {
            shelf.put("console", name, &pem(name));
        }
        for name in ["authority.pem", "bygone.pem", "stranger.pem"] {
            shelf.put("authorities", name, &pem(name));
        }
        let layers = Layers::new(Arc::clone(&source));
        Arc::new(Self { cluster, shelf, source, layers, dials: AtomicU64::default() })
    }

    /// Goes a way to broker 0; the error is in words.
    pub async fn go(&self, way: Way) -> Result<Secured, String> {
        self.go_as(Route { way: Some(way), names: vec!["kafka-0.kafka".to_owned()] }).await
    }

    pub async fn go_as(&self, route: Route) -> Result<Secured, String> {
        let to = PodPort { pod: ObjectKey::new("ns", "kafka-0"), port: 9092 };
        let prepared = self.layers.prepare(&route, FRESH).await.map_err(|e| e.at(&to).to_string())?;
        self.layers.secure(self.cluster.stream(0), &prepared).await.map_err(|e| e.at(&to).to_string())
    }

    /// How it fails.
    pub async fn fails(&self, way: Way) -> String {
        match self.go(way).await {
            Ok(_) => panic!("it should have failed"),
            Err(why) => why,
        }
    }
}

/// Pods are named after their brokers.
struct Pods(Arc<House>);

impl Transport for Pods {
    fn open(&self, to: &PodPort) -> BoxFuture<'_, Result<BoxStream, DialError>> {
        let to = to.clone();
        let broker = to.pod.name.rsplit('-').next().unwrap().parse().unwrap();
        Box::pin(async move {
            self.0.dials.fetch_add(1, Ordering::Relaxed);
            if self.0.cluster.is_down(broker) {
                return Err(DialError::Refused { to, why: "connection refused".to_owned() });
            }
            Ok(self.0.cluster.stream(broker))
        })
    }
}

/// An observation that goes a way.
pub struct Watch {
    facts: mpsc::Receiver<Fact>,
    pub routes: watch::Sender<Arc<AddressBook>>,
    pub refresh: Arc<Notify>,
    start: Instant,
    _cancel: DropGuard,
}

/// What was told, and when.
pub type Told = Vec<(Duration, Fact)>;

pub fn book(way: Option<Way>) -> AddressBook {
    let mut book = AddressBook { way, ..AddressBook::default() };
    for id in 0..3 {
        let pod = ObjectKey::new("ns", format!("kafka-{id}"));
        // The pod's own port is another one: the way's counts.
        let port = if book.way.is_some() { 1 } else { 9092 };
        book.seeds.push(PodPort { pod: pod.clone(), port });
        book.hosts.insert(format!("kafka-{id}.kafka"), pod.clone());
        book.ids.insert(BrokerId(id), pod);
    }
    book
}

impl Watch {
    pub fn start(house: &Arc<House>, way: Option<Way>) -> Self {
        let (routes, book) = watch::channel(Arc::new(book(way)));
        let (facts, told) = mpsc::channel(1024);
        let (cancel, refresh) = (CancellationToken::new(), Arc::new(Notify::new()));
        let setup = ObserverSetup {
            installation: InstallationId::new("ns", "kafka"),
            transport: Arc::new(Pods(Arc::clone(house))),
            secrets: Arc::clone(&house.source),
            routes: book,
            refresh: Arc::clone(&refresh),
            eager: tokio::sync::watch::channel(false).1,
            on_silence: Arc::new(Notify::new()),
            clock: Clock::driven(chrono::DateTime::UNIX_EPOCH),
            facts,
        };
        observe(setup, &cancel);
        Self { facts: told, routes, refresh, start: Instant::now(), _cancel: cancel.drop_guard() }
    }

    /// What is told until `seconds` after the start.
    pub async fn until(&mut self, seconds: u64) -> Told {
        let mut told = Told::new();
        while let Ok(Some(fact)) = timeout_at(self.start + Duration::from_secs(seconds), self.facts.recv()).await {
            told.push((self.start.elapsed(), fact));
        }
        told
    }
}

/// Contacts with a broker.
pub fn contacts(told: &Told, id: i32) -> Vec<Contact> {
    let of = |fact: &Fact| match &fact.body {
        Body::Kafka(KafkaBody::Contact { broker, contact }) if broker.0 == id => Some(contact.clone()),
        _ => None,
    };
    told.iter().filter_map(|(_, fact)| of(fact)).collect()
}

/// Certificates that were told last of a broker.
pub fn certificates(told: &Told, id: i32) -> Option<Vec<Certificate>> {
    let of = |fact: &Fact| match &fact.body {
        Body::Kafka(KafkaBody::Certificates { broker, certificates }) if broker.0 == id => Some(certificates.clone()),
        _ => None,
    };
    told.iter().rev().find_map(|(_, fact)| of(fact))
}

/// Failures that were told.
pub fn failures(told: &Told) -> Vec<SourceFailure> {
    let of = |fact: &Fact| match &fact.body {
        Body::Failed(failure) => Some(failure.clone()),
        _ => None,
    };
    told.iter().filter_map(|(_, fact)| of(fact)).collect()
}

/// Answers to Metadata that were told.
pub fn answers(told: &Told) -> usize {
    told.iter().filter(|(_, fact)| matches!(fact.body, Body::Kafka(KafkaBody::Metadata(_)))).count()
}

/// Freezes a broker, or lets it go on.
pub fn freeze(house: &House, broker: i32, frozen: bool) {
    house.cluster.process(broker, if frozen { Process::Frozen } else { Process::Running });
}
