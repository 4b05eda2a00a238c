//! Dials what librdkafka wants connected: address → pod → transport → TLS → SASL, and carries bytes between.
//!
//! librdkafka cannot log in again on a stream (KIP-368), so a stream is ended in good time before its session is; it
//! connects anew by itself. It speaks no Kafka. `reader` and `writer` start it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    io::{copy, split},
    net::UnixStream,
    sync::{mpsc, watch},
    time::{Instant, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{breaker::Breaker, hooks::Wanted};
use crate::{
    domain::{
        broker::Advertised,
        freshness::{Asked, SourceFailure},
        ids::BrokerId,
        installation::{AddressBook, PodPort},
    },
    io::{
        dial::{
            BoxStream, DialError, Transport,
            layers::{FRESH, JUST_NOW, Layers, Route},
            sasl::{self, LoginError},
        },
        kafka::{self, failure::CallError},
        secrets::SecretSource,
    },
    task,
};

/// How long securing a stream may take.
const DEADLINE: Duration = Duration::from_secs(10);

/// A stream that holds for this long leads to a broker that talks.
const HELD: Duration = Duration::from_secs(2);

/// How long it may take to find out why one does not.
const LOOK: Duration = Duration::from_secs(2);

/// The part of a session after which its stream is ended.
const RENEW_AT: f64 = 0.8;

/// Connections wanted and not yet looked at; librdkafka has one for each broker.
pub const WANTED: usize = 64;

/// Domain of the names under which brokers are dialled first, before they have told their own (RFC 2606).
const SEED_DOMAIN: &str = "seed.invalid";

/// What reaching an installation's brokers takes.
#[derive(Clone)]
pub struct Reach {
    /// Who opens streams to its pods.
    pub transport: Arc<dyn Transport>,
    /// Who reads the Secrets that the way refers to.
    pub secrets: Arc<dyn SecretSource>,
    /// Which pod is behind which address, and the way.
    pub book: Arc<AddressBook>,
}

/// Where brokers say that they are.
type Places = BTreeMap<String, Result<PodPort, CallError>>;

/// Dials for one client.
pub struct Dialer {
    reach: Reach,
    layers: Layers,
    breaker: Arc<Breaker>,
    places: Mutex<Places>,
    trouble: watch::Sender<BTreeMap<String, SourceFailure>>,
}

impl Dialer {
    /// Over these ways.
    pub fn new(reach: Reach, breaker: Arc<Breaker>) -> Self {
        let layers = Layers::new(Arc::clone(&reach.secrets));
        let places = seeds(&reach.book).into_iter().map(|(endpoint, to)| (endpoint, Ok(to))).collect();
        Self { reach, layers, breaker, places: Mutex::new(places), trouble: watch::Sender::default() }
    }

    /// Whom to connect to first: `host:port,host:port`; nobody where no pod is known.
    pub fn seeds(&self) -> String {
        seeds(&self.reach.book).into_keys().collect::<Vec<_>>().join(",")
    }

    /// Takes where brokers say that they are.
    pub fn learn(&self, brokers: &[Advertised]) {
        let all: Vec<&Advertised> = brokers.iter().collect();
        let found = self.reach.book.places(&all);
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        for broker in brokers {
            if let Some(place) = found.get(&broker.id) {
                let endpoint = format!("{}:{}", broker.host, broker.port);
                places.insert(endpoint, place.clone().map_err(CallError::Misplaced));
            }
        }
    }

    /// What is in the way of which address, as it was found last.
    pub fn trouble(&self) -> watch::Receiver<BTreeMap<String, SourceFailure>> {
        self.trouble.subscribe()
    }

    /// Dials whatever is wanted until cancelled.
    pub async fn run(self: Arc<Self>, mut wanted: mpsc::Receiver<Wanted>, cancel: CancellationToken) {
        while let Some(one) = wanted.recv().await {
            task::spawn("messages stream", &cancel, Arc::clone(&self).carry(one));
        }
    }

    /// Dials one broker and carries bytes until either side ends.
    async fn carry(self: Arc<Self>, wanted: Wanted) {
        let endpoint = wanted.endpoint;
        let Ok(near) = UnixStream::from_std(wanted.peer) else { return };
        let (far, ends) = match self.dial(&endpoint).await {
            Ok(reached) => reached,
            Err(why) => {
                self.breaker.failed(&endpoint, why.is_about_login());
                let told = why.told(Asked::Contact, None);
                tracing::info!(endpoint, what = told.what, "no stream for messages");
                self.trouble.send_modify(|all| drop(all.insert(endpoint, told)));
                return;
            }
        };
        let (mut from_client, mut to_client) = near.into_split();
        let (mut from_broker, mut to_broker) = split(far);
        let began = Instant::now();
        let session = async {
            match ends {
                Some(at) => sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        let held = async {
            sleep_until(began + HELD).await;
            self.breaker.reached(&endpoint);
            self.trouble.send_if_modified(|all| all.remove(&endpoint).is_some());
            std::future::pending::<()>().await;
        };
        tokio::select! {
            ended = copy(&mut from_broker, &mut to_client) => {
                tracing::debug!(endpoint, ?ended, "the broker ended a stream");
                if began.elapsed() < HELD {
                    self.hung_up(&endpoint).await;
                }
            }
            ended = copy(&mut from_client, &mut to_broker) => tracing::debug!(endpoint, ?ended, "stream ended"),
            () = session => tracing::debug!(endpoint, "the session ends; a new one is begun"),
            () = held => {}
        }
    }

    /// A stream ended before anything came of it. A broker that wants a login answers for versions and hangs up then.
    async fn hung_up(&self, endpoint: &str) {
        self.breaker.failed(endpoint, false);
        let Ok(to) = self.place(endpoint) else { return };
        let route = self.route(endpoint, &to);
        let look = async {
            if route.logs_in() {
                return None;
            }
            let prepared = self.layers.prepare(&route, FRESH).await.ok()?;
            let stream = self.reach.transport.open(&to).await.ok()?;
            sasl::offers(self.layers.secure(stream, &prepared).await.ok()?.stream).await
        };
        if let Ok(Some(offers)) = timeout(LOOK, look).await {
            let why = CallError::from(DialError::Login { to, why: Box::new(LoginError::Asked { offers }) });
            self.breaker.failed(endpoint, true);
            self.trouble.send_modify(|all| drop(all.insert(endpoint.to_owned(), why.told(Asked::Contact, None))));
        }
    }

    /// How a pod is dialled under an address.
    fn route(&self, endpoint: &str, to: &PodPort) -> Route {
        let names = if endpoint.contains(SEED_DOMAIN) {
            kafka::names_of(&self.reach.book, to)
        } else {
            endpoint.rsplit_once(':').map(|(host, _)| host.trim_end_matches('.').to_owned()).into_iter().collect()
        };
        Route { way: self.reach.book.way.clone(), names }
    }

    /// A stream on which Kafka can be spoken, and when to leave it.
    async fn dial(&self, endpoint: &str) -> Result<(BoxStream, Option<Instant>), CallError> {
        let to = self.place(endpoint)?;
        let route = self.route(endpoint, &to);
        let mut age = FRESH;
        loop {
            let prepared = self.layers.prepare(&route, age).await.map_err(|e| e.at(&to))?;
            let stream = self.reach.transport.open(&to).await?;
            let began = Instant::now();
            let secured = timeout(DEADLINE, self.layers.secure(stream, &prepared)).await;
            match secured.map_err(|_| CallError::Timeout { after: DEADLINE })?.map_err(|e| CallError::from(e.at(&to))) {
                Ok(secured) => {
                    let ends = secured.ends.map(|ends| began + (ends - began).mul_f64(RENEW_AT));
                    return Ok((secured.stream, ends));
                }
                // A Secret may have changed since it was read.
                Err(why) => {
                    let old = age == FRESH && why.is_about_secrets();
                    if !(old && self.layers.changed(&route, prepared.version()).await) {
                        return Err(why);
                    }
                    age = JUST_NOW;
                }
            }
        }
    }

    /// The pod behind an address.
    fn place(&self, endpoint: &str) -> Result<PodPort, CallError> {
        if let Some(place) = self.places.lock().unwrap_or_else(PoisonError::into_inner).get(endpoint) {
            return place.clone();
        }
        // It connects before it has told us what it heard: a host name is enough for most.
        let (host, port) = endpoint.rsplit_once(':').unwrap_or((endpoint, ""));
        let resolved = port.parse().ok().and_then(|port| self.reach.book.resolve(BrokerId(-1), host, port));
        resolved.ok_or_else(|| {
            CallError::Misplaced(crate::domain::installation::Misplaced::Nowhere { address: endpoint.to_owned() })
        })
    }
}

/// A name for each pod that brokers run in, with the port of the way.
fn seeds(book: &AddressBook) -> BTreeMap<String, PodPort> {
    let port = book.way.as_ref().map(|way| way.port);
    let seeds = book.seeds.iter().enumerate().map(|(at, seed)| {
        let to = PodPort { port: port.unwrap_or(seed.port), ..seed.clone() };
        (format!("{at}.{SEED_DOMAIN}:{}", to.port), to)
    });
    seeds.collect()
}
