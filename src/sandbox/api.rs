//! The sandbox's API server: objects, watches, logs and port-forwards over HTTP, as a real one answers them.
//!
//! It answers from the store and asks the nodes; it controls nothing: what follows from a change is the business of
//! the controllers and of the simulation. Answers have the codes, reasons and sentences of a real server, for a client
//! acts upon them; `tests/conformance.rs` holds them against one. What it does not know is a 501 that names it.
//! `io::connect` reaches it through [`ApiServer::connect`].

mod access;
mod faults;
mod forward;
mod logs;
mod patch;
mod read;
mod remove;
mod request;
mod resources;
mod rules;
mod select;
mod status;
mod tables;
mod watch;
mod write;

pub use access::{Grant, Permissions};
pub use faults::Faults;

use std::{
    convert::Infallible,
    io,
    sync::{Arc, Mutex, PoisonError},
};

use http::{Method, Request};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite, DuplexStream},
    sync::watch as channel,
};
use tokio_util::sync::CancellationToken;

use crate::{
    clock::Clock,
    sandbox::{nodes::Nodes, store::Store},
    task,
};
use faults::Gated;
use request::{Asked, Place, Target};
use status::{Answer, Refusal, ok};

/// Bytes that a connection holds in each direction: as much as a socket does.
const BUFFER: usize = 64 * 1024;

/// An API server. Shared by its connections.
pub struct ApiServer {
    store: Arc<Store>,
    nodes: Arc<dyn Nodes>,
    clock: Clock,
    permissions: Mutex<Arc<Permissions>>,
    lacking: Vec<String>,
    faults: channel::Sender<Faults>,
    cancel: CancellationToken,
    connections: Mutex<CancellationToken>,
}

impl ApiServer {
    /// A server over a store and its nodes. It ends, with all its connections, when the token is cancelled.
    pub fn new(store: Arc<Store>, nodes: Arc<dyn Nodes>, clock: Clock, cancel: &CancellationToken) -> Self {
        Self {
            store,
            nodes,
            clock,
            permissions: Mutex::default(),
            lacking: Vec::new(),
            faults: channel::Sender::default(),
            cancel: cancel.clone(),
            connections: Mutex::new(cancel.child_token()),
        }
    }

    /// The same server without a resource, as `prometheusrules` where nobody has installed that kind.
    #[must_use]
    pub fn lacking(mut self, resource: &str) -> Self {
        self.lacking.push(resource.to_owned());
        self
    }

    /// Says what the user may do from now on; at first it is everything.
    pub fn permit(&self, permissions: Permissions) {
        *self.permissions.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(permissions);
    }

    /// Changes what is wrong with the server; connections and watches that are open notice at once.
    pub fn fault(&self, change: impl FnOnce(&mut Faults)) {
        self.faults.send_modify(change);
    }

    /// Breaks all connections that are open, as a server does that is started again.
    pub fn hang_up(&self) {
        let mut connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *connections, self.cancel.child_token()).cancel();
    }

    /// A new connection: the client's end of it.
    ///
    /// # Errors
    /// Is refused while the faults say so, and after the server's end.
    pub fn connect(self: &Arc<Self>) -> io::Result<DuplexStream> {
        if self.faults.borrow().refuse || self.cancel.is_cancelled() {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        let (ours, theirs) = tokio::io::duplex(BUFFER);
        let server = Arc::clone(self);
        let connection = self.connection();
        task::spawn("sandbox connection", &connection, async move { server.serve(ours).await });
        Ok(theirs)
    }

    /// Serves one connection to its end.
    pub async fn serve<S>(self: Arc<Self>, stream: S)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let connection = self.connection();
        let stream = TokioIo::new(Gated::new(stream, self.faults.subscribe()));
        let answering = service_fn(|request| {
            let server = Arc::clone(&self);
            async move { Ok::<_, Infallible>(server.answer(request).await) }
        });
        let served = http1::Builder::new().serve_connection(stream, answering).with_upgrades();
        tokio::select! {
            ended = served => if let Err(error) = ended {
                tracing::debug!(%error, "a sandbox connection broke");
            },
            () = connection.cancelled() => {}
        }
    }

    /// What ends with the connections of now.
    fn connection(&self) -> CancellationToken {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn permissions(&self) -> Arc<Permissions> {
        Arc::clone(&self.permissions.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Answers one request, whatever it is.
    async fn answer(&self, request: Request<Incoming>) -> Answer {
        let Faults { fail, latency, .. } = self.faults.borrow().clone();
        if !latency.is_zero() {
            tokio::time::sleep(latency).await;
        }
        if let Some(code) = fail {
            return Refusal::of_code(code).into();
        }
        self.dispatch(request).await.unwrap_or_else(Answer::from)
    }

    async fn dispatch(&self, mut request: Request<Incoming>) -> Result<Answer, Refusal> {
        let asked = Asked::parse(&request, &self.lacking)?;
        let place = match &asked.target {
            Target::Document(document) => {
                return if request.method() == Method::GET { Ok(document.answer()) } else { Err(Refusal::method()) };
            }
            Target::Review => return self.review(&mut request).await,
            Target::RulesReview => return self.review_rules(&mut request).await,
            Target::Object(place) => place,
        };
        self.permissions().check(place, asked.verbs(place, request.method()))?;
        match &place.sub {
            None => self.object(&asked, place, request).await,
            Some(sub) => self.subresource(&asked, place, &sub.clone(), request).await,
        }
    }

    async fn object(&self, asked: &Asked, place: &Place, mut request: Request<Incoming>) -> Result<Answer, Refusal> {
        let method = request.method().clone();
        match (method.as_str(), &place.name) {
            ("GET", None) if asked.query.is_on("watch") => self.watch(asked, place),
            ("GET", None) => self.list(asked, place),
            ("GET", Some(_)) => self.get(asked, place),
            ("POST", None) => self.create(asked, place, &mut request).await,
            ("PUT", Some(name)) => self.replace(asked, place, name, &mut request).await,
            ("PATCH", Some(name)) => self.patch(asked, place, name, &mut request).await,
            ("DELETE", Some(name)) => self.delete(asked, place, name, &mut request).await,
            ("DELETE", None) => Err(asked.not_here()),
            _ => Err(Refusal::method()),
        }
    }

    async fn subresource(
        &self,
        asked: &Asked,
        place: &Place,
        sub: &str,
        mut request: Request<Incoming>,
    ) -> Result<Answer, Refusal> {
        let resource = place.resource;
        let Some(name) = place.name.as_deref().filter(|_| resource.has(sub)) else {
            return Err(Refusal::no_such_path());
        };
        match (request.method().as_str(), resource.plural, sub) {
            ("GET", "pods", "log") => self.log(asked, place, name),
            ("GET" | "POST", "pods", "portforward") => self.forward(asked, place, name, &mut request),
            ("POST", "pods", "eviction") => self.evict(asked, place, name, &mut request).await,
            ("GET", "nodes", "proxy") if place.rest == "stats/summary" => self.summary(name),
            ("GET", _, "status") => self.get(asked, place),
            ("GET", _, "scale") => self.scale(place, name),
            ("PUT", _, "status") => self.replace(asked, place, name, &mut request).await,
            ("PATCH", _, "status" | "scale") => self.patch(asked, place, name, &mut request).await,
            _ => Err(asked.not_here()),
        }
    }

    /// Volume statistics, as the API server passes them on from a node.
    fn summary(&self, name: &str) -> Result<Answer, Refusal> {
        if self.store.get("nodes", "", name).is_none() {
            return Err(Refusal::not_found("nodes", name));
        }
        match self.nodes.summary(name) {
            Some(summary) => Ok(ok(&summary)),
            None => Err(Refusal::new(
                503,
                "ServiceUnavailable",
                format!("error trying to reach service: dial tcp: lookup {name}: connect: no route to host"),
            )),
        }
    }
}
