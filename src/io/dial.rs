//! One byte stream to one port of one pod: the transport below everything we say to Kafka.
//!
//! Layers that know nothing of each other: transport (here: the API server's port-forward) → `tls` →
//! `sasl`. This file is only the first; the other two wrap a `BoxStream` into another, and `layers` goes a whole
//! way into an installation. It speaks no Kafka but the login, retries nothing and binds no local port. `io::kafka`
//! and what reads messages call it.
//!
//! A port-forward buffers up to 1 MiB in each direction (kube's duplex; allocated as it fills), so a
//! reader that stops reading holds at most 2 MiB a stream, and bytes count as written before the pod has them.

mod certificate;
pub mod layers;
pub mod sasl;
pub mod tls;

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use futures::future::BoxFuture;
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, api::Portforwarder};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio_util::sync::CancellationToken;

use self::{sasl::LoginError, tls::TlsError};
use super::{connect::Cluster, failure, secrets::SecretError};
use crate::{
    domain::{freshness, installation::PodPort},
    task,
};

/// How long opening a stream may take.
const DEADLINE: Duration = Duration::from_secs(5);

/// An open connection, whatever carries it.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// A stream of which only that is known.
pub type BoxStream = Box<dyn Stream>;

/// A way to reach pods.
pub trait Transport: Send + Sync {
    /// Opens a new connection. That the port is refused may show only at the first read.
    fn open(&self, to: &PodPort) -> BoxFuture<'_, Result<BoxStream, DialError>>;
}

/// Why there is no stream.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DialError {
    /// The API server itself does not answer, or refuses our credentials.
    #[error("cannot reach {to}: the API server does not answer: {why}")]
    ApiUnreachable { to: PodPort, why: String },
    /// Permission is missing; `hint` names it.
    #[error("port-forward to {to} is {why}")]
    Forbidden { to: PodPort, why: String, hint: Option<String> },
    /// The pod is gone.
    #[error("cannot reach {to}: there is no such pod")]
    NoPod { to: PodPort },
    /// The pod does not run, or nobody listens there.
    #[error("cannot reach {to}: {why}")]
    Refused { to: PodPort, why: String },
    /// No answer within five seconds.
    #[error("cannot reach {to}: no answer within {} s", DEADLINE.as_secs())]
    Timeout { to: PodPort },
    /// A Secret that the way needs cannot be read or used.
    #[error("cannot reach {to}: {why}")]
    Secret { to: PodPort, why: Box<SecretError> },
    /// The stream could not be encrypted.
    #[error("cannot reach {to}: {why}")]
    Tls { to: PodPort, why: Box<TlsError> },
    /// The login failed.
    #[error("cannot reach {to}: {why}")]
    Login { to: PodPort, why: Box<LoginError> },
}

/// Reaches pods through the API server: one websocket for each connection, since several ports on
/// one would block each other.
#[derive(Clone)]
pub struct PortForward {
    cluster: Cluster,
    cancel: CancellationToken,
}

impl PortForward {
    /// A transport over a cluster's API server; its background tasks end with the token.
    pub fn new(cluster: &Cluster, cancel: &CancellationToken) -> Self {
        Self { cluster: cluster.clone(), cancel: cancel.clone() }
    }

    /// Opens one stream, without a deadline.
    async fn forward(&self, to: PodPort) -> Result<BoxStream, DialError> {
        let pods: Api<Pod> = Api::namespaced(self.cluster.client.clone(), &to.pod.namespace);
        let forwarder = pods.portforward(&to.pod.name, &[to.port]).await.map_err(|error| dial_error(&error, &to))?;
        Forwarded::new(forwarder, &to, &self.cancel).map(|stream| Box::new(stream) as BoxStream)
    }
}

impl Transport for PortForward {
    fn open(&self, to: &PodPort) -> BoxFuture<'_, Result<BoxStream, DialError>> {
        let to = to.clone();
        Box::pin(async move {
            match tokio::time::timeout(DEADLINE, self.forward(to.clone())).await {
                Ok(result) => result,
                Err(_) => Err(DialError::Timeout { to }),
            }
        })
    }
}

/// What an error of the API server means for the dial.
fn dial_error(error: &kube::Error, to: &PodPort) -> DialError {
    let to = to.clone();
    let failed = failure::classify(error, &format!("port-forward to {to}"));
    let why = failure::status_of(error).map_or_else(|| failure::words(error), |(_, message)| message);
    match (failed.kind, failure::status_of(error)) {
        (_, Some((404, _))) => DialError::NoPod { to },
        (freshness::FailureKind::Forbidden, _) => {
            DialError::Forbidden { to, why: failure::forbidden(&why), hint: failed.hint }
        }
        // The kubelet's refusals come as 400 or 500: the pod does not run, or the node does not answer.
        (_, Some((400 | 500, _))) => DialError::Refused { to, why },
        (freshness::FailureKind::Timeout, None) => DialError::Timeout { to },
        _ => DialError::ApiUnreachable { to, why },
    }
}

/// What the node or the tunnel says when a stream breaks.
type Complaint = Pin<Box<dyn Future<Output = Option<String>> + Send>>;

/// A forwarded stream that ends with the node's own words instead of a bare end of file.
struct Forwarded {
    stream: DuplexStream,
    complaint: Option<Complaint>,
}

impl Forwarded {
    /// Takes the stream out of a forwarder and leaves its task to be joined in the background.
    fn new(mut forwarder: Portforwarder, to: &PodPort, cancel: &CancellationToken) -> Result<Self, DialError> {
        let Some(stream) = forwarder.take_stream(to.port) else {
            return Err(DialError::Refused { to: to.clone(), why: "the API server offered no such port".to_owned() });
        };
        let refusal = forwarder.take_error(to.port);
        let (tell, told) = tokio::sync::oneshot::channel();
        let name = to.to_string();
        task::spawn("port-forward", cancel, async move {
            if let Err(error) = forwarder.join().await {
                tracing::debug!(to = name, %error, "port-forward ended");
                // Nobody listens any more when the stream was dropped first.
                let _ = tell.send(format!("the port-forward broke: {}", failure::words(&error)));
            }
        });
        let complaint = async move {
            match refusal {
                Some(refusal) => match refusal.await {
                    Some(text) => Some(text.trim().to_owned()),
                    None => told.await.ok(),
                },
                None => told.await.ok(),
            }
        };
        Ok(Self { stream, complaint: Some(Box::pin(complaint)) })
    }

    /// The complaint, once there is one.
    fn complained(&mut self, cx: &mut Context<'_>) -> Option<io::Error> {
        let Poll::Ready(text) = self.complaint.as_mut()?.as_mut().poll(cx) else { return None };
        self.complaint = None;
        text.map(|text| io::Error::new(io::ErrorKind::ConnectionRefused, text))
    }
}

impl AsyncRead for Forwarded {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        let ended = matches!(read, Poll::Ready(Ok(()))) && buf.filled().len() == before && buf.remaining() > 0;
        // A refused port is told on a channel of its own; the data may stay open or end, in either order.
        if (ended || read.is_pending())
            && let Some(error) = self.complained(cx)
        {
            return Poll::Ready(Err(error));
        }
        read
    }
}

impl AsyncWrite for Forwarded {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, buf));
        Poll::Ready(written.map_err(|error| self.complained(cx).unwrap_or(error)))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kube::core::Status;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    fn to() -> PodPort {
        PodPort { pod: crate::domain::ids::ObjectKey::new("n", "kafka-0"), port: 9092 }
    }

    fn answered(code: u16, message: &str) -> DialError {
        let status = Status { code, message: message.into(), ..Status::default() };
        dial_error(&kube::Error::Api(Box::new(status)), &to())
    }

    #[test]
    fn what_the_server_answers_tells_why_there_is_no_stream() {
        assert_eq!(answered(404, "pods \"kafka-0\" not found"), DialError::NoPod { to: to() });
        assert!(matches!(answered(403, "no"), DialError::Forbidden { .. }));
        assert!(matches!(answered(500, "pod is not running"), DialError::Refused { .. }));
        assert!(matches!(answered(401, "Unauthorized"), DialError::ApiUnreachable { .. }));
        assert!(matches!(answered(503, "overloaded"), DialError::ApiUnreachable { .. }));
        let refused = kube::Error::Service(Box::new(io::Error::from_raw_os_error(111)));
        let error = dial_error(&refused, &to());
        assert!(error.to_string().starts_with("cannot reach n/kafka-0:9092: the API server"), "{error}");
        assert!(error.to_string().contains("Connection refused"), "{error}");
    }

    #[tokio::test]
    async fn a_refused_port_ends_reading_with_the_nodes_words() {
        let (stream, mut node) = tokio::io::duplex(64);
        let complaint: Complaint = Box::pin(async { Some("dial tcp4 127.0.0.1:9: connection refused".to_owned()) });
        let mut forwarded = Forwarded { stream, complaint: Some(complaint) };
        node.write_all(b"last").await.unwrap();
        let mut read = [0; 4];
        forwarded.read_exact(&mut read).await.unwrap();
        assert_eq!(&read, b"last", "what arrived before is still read");
        let error = forwarded.read_u8().await.unwrap_err();
        assert!(error.to_string().contains("connection refused"), "{error}");
    }

    #[tokio::test]
    async fn without_a_complaint_the_end_is_an_end() {
        let (stream, node) = tokio::io::duplex(64);
        drop(node);
        let mut forwarded = Forwarded { stream, complaint: Some(Box::pin(async { None })) };
        assert_eq!(forwarded.read(&mut [0; 4]).await.unwrap(), 0);
    }
}
