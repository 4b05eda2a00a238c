//! A client whose API server is a sandbox in the same process: the same HTTP over a stream in memory.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures::future::{Ready, ready};
use http::Uri;
use hyper_util::{
    client::legacy::{
        Client as Hyper,
        connect::{Connected, Connection as HyperConnection},
    },
    rt::{TokioExecutor, TokioIo},
};
use kube::{Client, Config, client::ConfigExt};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tower::{BoxError, Service, ServiceBuilder};

use super::{Cluster, ConnectOptions};
use crate::{facts::Connection, sandbox};

/// How the sandbox is called where a kubeconfig's context would be.
const CONTEXT: &str = "sandbox";
/// Its address: a name that leads nowhere.
const ADDRESS: &str = "http://sandbox.invalid";
/// The namespace of its context.
const NAMESPACE: &str = "default";

/// Opens a sandbox and connects to it. It lives as long as its clients do.
pub fn connect(setup: sandbox::Setup, options: &ConnectOptions) -> Cluster {
    let sandbox = sandbox::open(setup);
    let connection = Connection {
        context: CONTEXT.to_owned(),
        server: "in memory".to_owned(),
        namespace: options.namespace.clone(),
        default_namespace: NAMESPACE.to_owned(),
        version: None,
    };
    Cluster { client: client(move || sandbox.connect()), connection }
}

/// A client of whatever serves the streams that it opens; it keeps what opens them.
pub fn client<F>(open: F) -> Client
where
    F: Fn() -> io::Result<DuplexStream> + Send + Sync + 'static,
{
    let config = Config::new(Uri::from_static(ADDRESS));
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .map_err(BoxError::from)
        .service(Hyper::builder(TokioExecutor::new()).build(Connector { open: Arc::new(open) }));
    Client::new(service, NAMESPACE)
}

/// Makes connections by opening streams.
struct Connector<F> {
    open: Arc<F>,
}

impl<F> Clone for Connector<F> {
    fn clone(&self) -> Self {
        Self { open: Arc::clone(&self.open) }
    }
}

impl<F: Fn() -> io::Result<DuplexStream>> Service<Uri> for Connector<F> {
    type Response = TokioIo<Wire>;
    type Error = io::Error;
    type Future = Ready<Result<Self::Response, io::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        ready((self.open)().map(|stream| TokioIo::new(Wire(stream))))
    }
}

/// A stream in memory as hyper's client wants one.
struct Wire(DuplexStream);

impl HyperConnection for Wire {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
