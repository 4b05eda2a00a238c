//! Reaching a broker's port: what a byte stream is, and who opens one.

use futures::future::BoxFuture;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::domain::installation::PodPort;

/// A byte stream to a broker.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// A byte stream to a broker, of whatever kind.
pub type BoxStream = Box<dyn Stream>;

/// Why a broker's port could not be reached.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DialError {
    /// The API server does not answer.
    #[error("the API server is not reachable: {why}")]
    ApiUnreachable { why: String },
    /// Port-forwards are not allowed.
    #[error("port-forward is forbidden: {why}")]
    Forbidden { why: String },
    /// The pod is gone.
    #[error("there is no pod {pod}")]
    NoPod { pod: String },
    /// The pod or the port refused.
    #[error("refused: {why}")]
    Refused { why: String },
    /// Nothing happened in time.
    #[error("no connection in time")]
    Timeout,
}

/// Opens byte streams to brokers.
pub trait Transport: Send + Sync {
    /// Opens a stream to a port of a pod.
    fn open(&self, to: &PodPort) -> BoxFuture<'_, Result<BoxStream, DialError>>;
}
