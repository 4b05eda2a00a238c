//! One connection to one broker: requests go out as they come, answers are matched by correlation id.
//!
//! It never reconnects and knows nothing of facts; `broker` does. An answer that comes after its caller
//! gave up is taken and thrown away: it shows that the broker lives. Anything that is not Kafka closes
//! the connection, with the reason.

use std::{
    collections::{BTreeMap, HashMap},
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::{ApiKey, ApiVersionsRequest, ApiVersionsResponse};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    sync::{mpsc, oneshot, watch},
    time::{Instant, timeout},
};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::failure::CallError;
use crate::{
    domain::broker::Features,
    io::dial::{BoxStream, tls::TlsError},
    task,
    wire::{
        frame::{self, FrameError},
        requests::{self, Ask, Versions},
    },
};

/// Requests queued for writing: more only wait, for a broker answers one after the other.
const QUEUE: usize = 64;

/// How much the read buffer grows at a time: by what arrives, never by what is announced.
const READ_STEP: usize = 32 << 10;

/// Version of ApiVersions that is tried first; every broker since 2.4 knows it.
const API_VERSIONS: i16 = 3;

/// How many requests were sent, by API key.
#[derive(Debug)]
pub struct RequestCounts([AtomicU64; 128]);

impl Default for RequestCounts {
    fn default() -> Self {
        Self(std::array::from_fn(|_| AtomicU64::new(0)))
    }
}

impl RequestCounts {
    fn add(&self, key: i16) {
        if let Some(count) = usize::try_from(key).ok().and_then(|key| self.0.get(key)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Requests sent so far, by name, without those that were never made.
    pub fn by_name(&self) -> BTreeMap<String, u64> {
        (0..)
            .zip(&self.0)
            .map(|(key, count)| (key, count.load(Ordering::Relaxed)))
            .filter(|(_, count)| *count > 0)
            .map(|(key, count)| (ApiKey::try_from(key).map_or_else(|()| key.to_string(), |k| format!("{k:?}")), count))
            .collect()
    }
}

/// An answer, and how many bytes it took.
#[derive(Debug)]
pub struct Answer<T> {
    /// The answer.
    pub body: T,
    /// Bytes of its frame.
    pub bytes: usize,
}

/// How a connection stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Standing {
    /// Answers that came, late ones too.
    pub answered: u64,
    /// When the oldest request without an answer was sent; the caller may have given up on it.
    pub oldest: Option<Instant>,
    /// Why it ended.
    pub closed: Option<CallError>,
}

/// Requests on their way, and how the connection stands.
#[derive(Debug)]
struct Shared {
    waiting: Mutex<HashMap<i32, (Instant, oneshot::Sender<Bytes>)>>,
    standing: watch::Sender<Standing>,
}

impl Shared {
    fn waiting(&self) -> MutexGuard<'_, HashMap<i32, (Instant, oneshot::Sender<Bytes>)>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes down that a request goes out; refused once the connection has ended.
    fn ask(&self, id: i32, reply: oneshot::Sender<Bytes>) -> Result<(), CallError> {
        let mut waiting = self.waiting();
        if let Some(why) = self.standing.borrow().closed.clone() {
            return Err(why);
        }
        waiting.insert(id, (Instant::now(), reply));
        let oldest = oldest(&waiting);
        self.standing.send_if_modified(|s| std::mem::replace(&mut s.oldest, oldest) != oldest);
        Ok(())
    }

    /// Hands an answer to who waits for it; an error when nobody ever asked.
    fn answer(&self, frame: Bytes) -> Result<(), CallError> {
        let id = frame::correlation(&frame);
        let mut waiting = self.waiting();
        let Some((_, reply)) = id.and_then(|id| waiting.remove(&id)) else {
            return Err(CallError::Garbled { why: "an answer came that nobody asked for".to_owned() });
        };
        // Still under the lock: a request that goes out now must not be overwritten.
        let oldest = oldest(&waiting);
        self.standing.send_modify(|s| {
            s.answered += 1;
            s.oldest = oldest;
        });
        drop(waiting);
        // The caller may have given up: then the answer only counts as a sign of life.
        let _ = reply.send(frame);
        Ok(())
    }

    /// Ends the connection: everybody who waits is told why.
    fn close(&self, why: CallError) {
        let mut waiting = self.waiting();
        self.standing.send_modify(|s| {
            s.closed.get_or_insert(why);
            s.oldest = None;
        });
        waiting.clear();
    }
}

fn oldest(waiting: &HashMap<i32, (Instant, oneshot::Sender<Bytes>)>) -> Option<Instant> {
    waiting.values().map(|(asked, _)| *asked).min()
}

/// A connection to a broker that has said which versions it speaks.
#[derive(Debug)]
pub struct Connection {
    queue: mpsc::Sender<Bytes>,
    shared: Arc<Shared>,
    next: AtomicU64,
    deadline: Duration,
    counts: Arc<RequestCounts>,
    versions: Versions,
    features: Features,
    /// Ends the reader and the writer when the connection is dropped.
    _tasks: DropGuard,
}

impl Connection {
    /// Starts talking on a stream: asks for versions and features (ApiVersions, key 18).
    ///
    /// `first` is how long that may take, `deadline` how long every later call may.
    pub async fn open(
        stream: BoxStream,
        first: Duration,
        deadline: Duration,
        counts: Arc<RequestCounts>,
    ) -> Result<Self, CallError> {
        let cancel = CancellationToken::new();
        let (reader, writer) = tokio::io::split(stream);
        let (queue, outgoing) = mpsc::channel(QUEUE);
        let shared = Arc::new(Shared { waiting: Mutex::default(), standing: watch::Sender::default() });
        task::spawn("kafka reader", &cancel, read(reader, Arc::clone(&shared)));
        task::spawn("kafka writer", &cancel, write(writer, outgoing, Arc::clone(&shared)));
        let mut connection = Self {
            queue,
            shared,
            next: AtomicU64::new(0),
            deadline: first,
            counts,
            versions: Versions::default(),
            features: Features::default(),
            _tasks: cancel.drop_guard(),
        };
        let offer = connection.api_versions().await?;
        connection.versions = Versions::of(&offer);
        connection.features = features(&offer);
        connection.deadline = deadline;
        Ok(connection)
    }

    /// What the broker offers; one that is older than our version of the question is asked again in the oldest.
    async fn api_versions(&self) -> Result<ApiVersionsResponse, CallError> {
        let request = requests::api_versions();
        let answer = self.exchange(&request, API_VERSIONS).await?;
        let offer = if frame::wants_oldest_api_versions(&answer) {
            let answer = self.exchange(&request, 0).await?;
            frame::decode_oldest_api_versions(&answer)
        } else {
            frame::decode::<ApiVersionsRequest>(answer, API_VERSIONS)
        };
        let offer = offer.map_err(|e| self.garbled(&e))?;
        if offer.error_code != 0 {
            return Err(CallError::Refused { code: offer.error_code });
        }
        Ok(offer)
    }

    /// What the broker said of itself.
    pub fn features(&self) -> &Features {
        &self.features
    }

    /// How the connection stands, and every change of it.
    pub fn standing(&self) -> watch::Receiver<Standing> {
        self.shared.standing.subscribe()
    }

    /// Asks, in the newest version that both sides speak, and waits for the answer.
    pub async fn call<R: Ask>(&self, request: &R) -> Result<Answer<R::Response>, CallError> {
        let version = self.versions.pick::<R>()?;
        let frame = self.exchange(request, version).await?;
        let bytes = frame.len() + 4;
        let body = frame::decode::<R>(frame, version).map_err(|e| self.garbled(&e))?;
        Ok(Answer { body, bytes })
    }

    /// Sends a request and waits for its answer's frame.
    async fn exchange<R: Ask>(&self, request: &R, version: i16) -> Result<Bytes, CallError> {
        // Correlation ids count through the positive half of i32 and start over.
        let id = (self.next.fetch_add(1, Ordering::Relaxed) & 0x7fff_ffff) as i32;
        let frame = frame::encode(request, version, id).map_err(CallError::Unmade)?;
        let (reply, answer) = oneshot::channel();
        self.shared.ask(id, reply)?;
        self.counts.add(R::KEY);
        let exchange = async {
            let _ = self.queue.send(frame).await;
            answer.await
        };
        match timeout(self.deadline, exchange).await {
            Ok(Ok(frame)) => Ok(frame),
            Ok(Err(_)) => Err(self.why_closed()),
            Err(_) => Err(CallError::Timeout { after: self.deadline }),
        }
    }

    /// Closes the connection over an answer that is not readable: what follows could not be trusted.
    fn garbled(&self, error: &FrameError) -> CallError {
        let why = CallError::Garbled { why: error.to_string() };
        self.shared.close(why.clone());
        why
    }

    fn why_closed(&self) -> CallError {
        let closed = self.shared.standing.borrow().closed.clone();
        closed.unwrap_or_else(|| CallError::Closed { why: "by us".to_owned() })
    }
}

/// A KRaft cluster finalizes `metadata.version` (KIP-584, KIP-778); ZooKeeper mode does not.
fn features(offer: &ApiVersionsResponse) -> Features {
    let level = offer.finalized_features.iter().find(|f| f.name.as_str() == "metadata.version");
    Features { kraft: level.is_some(), metadata_version: level.map(|f| f.max_version_level) }
}

/// Reads answers until the stream ends or is not Kafka.
async fn read(mut stream: impl AsyncRead + Unpin, shared: Arc<Shared>) {
    let mut buf = BytesMut::new();
    let why = loop {
        match next_frame(&mut stream, &mut buf).await.and_then(|frame| shared.answer(frame)) {
            Ok(()) => {}
            Err(why) => break why,
        }
    };
    shared.close(why);
}

/// The next answer without its length.
async fn next_frame(stream: &mut (impl AsyncRead + Unpin), buf: &mut BytesMut) -> Result<Bytes, CallError> {
    loop {
        if let Some(prefix) = buf.first_chunk() {
            let length = frame::announced(*prefix).map_err(|e| CallError::Garbled { why: e.to_string() })?;
            if buf.len() >= 4 + length {
                let mut frame = buf.split_to(4 + length);
                return Ok(frame.split_off(4).freeze());
            }
        }
        buf.reserve(READ_STEP);
        match stream.read_buf(buf).await {
            Ok(0) if buf.is_empty() => return Err(CallError::Closed { why: "the other end hung up".to_owned() }),
            Ok(0) => {
                let why = format!("the answer broke off after {} bytes", buf.len());
                return Err(CallError::Garbled { why });
            }
            Ok(_) => {}
            Err(e) if buf.is_empty() => return Err(closed(&e)),
            Err(e) => {
                let why = format!("the answer broke off after {} bytes: {e}", buf.len());
                return Err(CallError::Garbled { why });
            }
        }
    }
}

/// Why a stream ended: TLS has words of its own.
fn closed(error: &io::Error) -> CallError {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<TlsError>()) {
        Some(why) => CallError::Tls(Box::new(why.clone())),
        None => CallError::Closed { why: error.to_string() },
    }
}

/// Writes requests as they come.
async fn write(mut stream: impl AsyncWrite + Unpin, mut outgoing: mpsc::Receiver<Bytes>, shared: Arc<Shared>) {
    while let Some(frame) = outgoing.recv().await {
        let sent = async {
            stream.write_all(&frame).await?;
            stream.flush().await
        };
        if let Err(e) = sent.await {
            shared.close(closed(&e));
            return;
        }
    }
}
