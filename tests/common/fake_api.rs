//! An API server that says what it is told to: enough HTTP/1.1 for a Kubernetes client, and nothing behind it.
//!
//! The route added last that matches a request answers it, so general ones come first and a later `on` changes
//! the server's mind while it runs. What no route matches is a 404. Requests that upgrade are answered like others.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    path::PathBuf,
    sync::{Arc, Condvar, Mutex, MutexGuard},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tempfile::TempDir;

/// Connections at a time; one more is closed at once.
const CONNECTIONS: usize = 64;
/// Longest head and longest body that are read.
const LONGEST: usize = 1 << 20;

/// What a route answers.
#[derive(Debug, Clone)]
pub enum Answer {
    /// A status and a JSON body.
    Json(u16, Value),
    /// Nothing, ever; the connection stays open.
    Hang,
    /// These watch events, then the stream stays open for what `push` sends.
    Watch(Vec<Value>),
    /// Closes the connection without a word.
    Close,
}

/// A request as it came.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// `GET`.
    pub method: String,
    /// Path without the query.
    pub path: String,
    /// Query parameters, as written.
    pub query: BTreeMap<String, String>,
    /// Headers, names in lower case.
    pub headers: BTreeMap<String, String>,
    /// Body.
    pub body: Vec<u8>,
}

/// Which requests a route is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Any,
    Plain,
    Watch,
}

#[derive(Debug)]
struct Route {
    method: &'static str,
    prefix: String,
    kind: Kind,
    answer: Answer,
}

#[derive(Default)]
struct State {
    routes: Vec<Route>,
    requests: Vec<Request>,
    /// Open connections, to close them at the end.
    open: BTreeMap<SocketAddr, TcpStream>,
    /// Those that are watch streams, and of which path.
    watches: BTreeMap<SocketAddr, String>,
    stopping: bool,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

/// The running server; it stops when it is dropped.
pub struct FakeApi {
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
    dir: TempDir,
}

impl FakeApi {
    /// A server on a free port of 127.0.0.1 that answers 404 to everything.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        let acceptor = thread::spawn({
            let shared = Arc::clone(&shared);
            move || accept(&listener, &shared)
        });
        Self { address, shared, acceptor: Some(acceptor), dir: TempDir::new().unwrap() }
    }

    /// A server that answers every request with this status and a Kubernetes `Status` of that reason.
    pub fn refusing(code: u16, reason: &str) -> Self {
        Self::start().on("*", "/", Answer::status(code, reason))
    }

    /// A server that takes every request and answers none.
    pub fn hanging() -> Self {
        Self::start().on("*", "/", Answer::Hang)
    }

    /// Answers requests of a method (`*`: any) whose path begins with `prefix`, watches or not.
    pub fn on(self, method: &'static str, prefix: &str, answer: Answer) -> Self {
        self.now(method, prefix, answer);
        self
    }

    /// The same for a server that runs: from now on.
    pub fn now(&self, method: &'static str, prefix: &str, answer: Answer) {
        self.add(Route { method, prefix: prefix.to_owned(), kind: Kind::Any, answer });
    }

    /// Answers `/version` as Kubernetes 1.34 does.
    pub fn version(self) -> Self {
        let body = json!({"major": "1", "minor": "34", "gitVersion": "v1.34.4", "gitCommit": "0", "gitTreeState": "clean",
            "buildDate": "2025-01-01T00:00:00Z", "goVersion": "go1.24.0", "compiler": "gc", "platform": "linux/amd64"});
        self.on("GET", "/version", Answer::Json(200, body))
    }

    /// Answers lists (GET without `watch`) under `prefix` with this body, as `{"kind": "PodList", …}`.
    pub fn list(self, prefix: &str, body: Value) -> Self {
        let answer = Answer::Json(200, body);
        self.add(Route { method: "GET", prefix: prefix.to_owned(), kind: Kind::Plain, answer });
        self
    }

    /// Answers watches (GET with `watch=true` or `watch=1`) under `prefix` with these events and stays open.
    pub fn watch(self, prefix: &str, events: Vec<Value>) -> Self {
        self.watch_with(prefix, Answer::Watch(events))
    }

    /// Answers watches under `prefix` in another way, as with a 403.
    pub fn watch_with(self, prefix: &str, answer: Answer) -> Self {
        self.add(Route { method: "GET", prefix: prefix.to_owned(), kind: Kind::Watch, answer });
        self
    }

    /// Sends an event to every open watch under `prefix`; how many there were.
    pub fn push(&self, prefix: &str, event: &Value) -> usize {
        let state = self.shared.lock();
        let of_prefix = state.watches.iter().filter(|(_, path)| path.starts_with(prefix));
        of_prefix.filter(|(peer, _)| state.open.get(peer).is_some_and(|s| send_chunk(s, event).is_ok())).count()
    }

    /// Every request so far.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.lock().requests.clone()
    }

    /// Waits for a request; panics with the requests so far at the deadline.
    #[track_caller]
    pub fn wait_for_request(&self, wanted: impl Fn(&Request) -> bool, limit: Duration) -> Request {
        self.wait(|state| state.requests.iter().find(|r| wanted(r)).cloned(), limit)
    }

    /// Waits until `count` requests have come.
    #[track_caller]
    pub fn wait_for_requests(&self, count: usize, limit: Duration) {
        self.wait(|state| (state.requests.len() >= count).then_some(()), limit);
    }

    /// Waits until a watch under `prefix` has had its first events and takes what `push` sends.
    #[track_caller]
    pub fn wait_for_watch(&self, prefix: &str, limit: Duration) {
        self.wait(|state| state.watches.values().any(|path| path.starts_with(prefix)).then_some(()), limit);
    }

    #[track_caller]
    fn wait<T>(&self, wanted: impl Fn(&State) -> Option<T>, limit: Duration) -> T {
        let deadline = Instant::now() + limit;
        let mut state = self.shared.lock();
        loop {
            if let Some(found) = wanted(&state) {
                return found;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let seen: Vec<String> = state.requests.iter().map(|r| format!("{} {}", r.method, r.path)).collect();
                // Not held while panicking: the server's threads go on.
                drop(state);
                panic!("not within {limit:?}; the requests were {seen:#?}");
            }
            state = self.shared.changed.wait_timeout(state, left).unwrap().0;
        }
    }

    /// Where it listens: `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Its address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Writes a kubeconfig that leads here with the token `a-secret-token`, context `fake`, and namespace `default`.
    pub fn kubeconfig(&self) -> PathBuf {
        let config = json!({"apiVersion": "v1", "kind": "Config", "current-context": "fake",
            "clusters": [{"name": "fake", "cluster": {"server": self.url()}}],
            "users": [{"name": "somebody", "user": {"token": "a-secret-token"}}],
            "contexts": [{"name": "fake", "context": {"cluster": "fake", "user": "somebody"}}]});
        let path = self.dir.path().join("kubeconfig");
        std::fs::write(&path, config.to_string()).unwrap();
        path
    }

    fn add(&self, route: Route) {
        self.shared.lock().routes.push(route);
    }
}

impl Drop for FakeApi {
    fn drop(&mut self) {
        {
            let mut state = self.shared.lock();
            state.stopping = true;
            state.open.values().for_each(close);
        }
        // Wakes `accept`, which then joins its threads.
        let _ = TcpStream::connect(self.address);
        let _ = self.acceptor.take().map(JoinHandle::join);
    }
}

impl Answer {
    /// A Kubernetes `Status` that says no: `Answer::status(403, "Forbidden")`.
    pub fn status(code: u16, reason: &str) -> Self {
        let message = format!("{reason}: said by the test");
        let body = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": message, "reason": reason, "code": code});
        Self::Json(code, body)
    }
}

impl Request {
    /// True for `watch=true` and `watch=1`.
    pub fn is_watch(&self) -> bool {
        self.query.get("watch").is_some_and(|w| w == "true" || w == "1")
    }

    /// The bearer token.
    pub fn token(&self) -> Option<&str> {
        self.headers.get("authorization")?.strip_prefix("Bearer ")
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl State {
    fn answer(&self, request: &Request) -> Answer {
        let fits = |route: &&Route| {
            (route.method == "*" || route.method == request.method)
                && request.path.starts_with(&route.prefix)
                && (route.kind == Kind::Any || (route.kind == Kind::Watch) == request.is_watch())
        };
        self.routes.iter().rev().find(fits).map_or_else(|| Answer::status(404, "NotFound"), |r| r.answer.clone())
    }
}

fn close(stream: &TcpStream) {
    let _ = stream.shutdown(Shutdown::Both);
}

/// Takes connections until the server stops, each with a thread of its own.
fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    let mut threads: Vec<JoinHandle<()>> = Vec::new();
    while let Ok((stream, peer)) = listener.accept() {
        threads.retain(|t| !t.is_finished());
        let mut state = shared.lock();
        if state.stopping {
            break;
        }
        if threads.len() >= CONNECTIONS {
            continue;
        }
        state.open.insert(peer, stream.try_clone().unwrap());
        let shared = Arc::clone(shared);
        threads.push(thread::spawn(move || {
            // An error is the client's going away.
            let _ = serve(&stream, peer, &shared);
            close(&stream);
            let mut state = shared.lock();
            state.open.remove(&peer);
            state.watches.remove(&peer);
        }));
    }
    for thread in threads {
        let _ = thread.join();
    }
}

/// Answers a connection's requests, one after the other, until it closes.
fn serve(stream: &TcpStream, peer: SocketAddr, shared: &Shared) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    while let Some(request) = read_request(&mut reader)? {
        let answer = {
            let mut state = shared.lock();
            state.requests.push(request.clone());
            shared.changed.notify_all();
            state.answer(&request)
        };
        match answer {
            Answer::Json(code, body) => send_json(stream, code, &body)?,
            Answer::Hang => return until_closed(stream),
            Answer::Close => return Ok(()),
            Answer::Watch(events) => {
                start_watch(stream, &events)?;
                // Only now: `push` must not come before the events.
                shared.lock().watches.insert(peer, request.path);
                shared.changed.notify_all();
                return until_closed(stream);
            }
        }
    }
    Ok(())
}

fn until_closed(mut stream: &TcpStream) -> std::io::Result<()> {
    let mut ignored = [0; 1024];
    while stream.read(&mut ignored)? > 0 {}
    Ok(())
}

/// The next request; `None` when the client has closed.
fn read_request(reader: &mut BufReader<&TcpStream>) -> std::io::Result<Option<Request>> {
    let Some(first) = read_line(reader)? else { return Ok(None) };
    let mut words = first.split_whitespace();
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let pairs = query.split('&').filter(|p| !p.is_empty()).map(|p| p.split_once('=').unwrap_or((p, "")));
    let query = pairs.map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
    let mut request = Request { method: method.to_owned(), path: path.to_owned(), query, ..Request::default() };
    while let Some(line) = read_line(reader)?.filter(|l| !l.is_empty()) {
        if let Some((name, value)) = line.split_once(':') {
            request.headers.insert(name.to_lowercase(), value.trim().to_owned());
        }
    }
    request.body = read_body(reader, &request.headers)?;
    Ok(Some(request))
}

fn read_line(reader: &mut impl BufRead) -> std::io::Result<Option<String>> {
    let mut line = String::new();
    let n = reader.by_ref().take(LONGEST as u64).read_line(&mut line)?;
    Ok((n > 0).then(|| line.trim_end().to_owned()))
}

fn read_body(reader: &mut impl BufRead, headers: &BTreeMap<String, String>) -> std::io::Result<Vec<u8>> {
    let mut body = Vec::new();
    if headers.get("transfer-encoding").is_some_and(|v| v.contains("chunked")) {
        while let Some(size) = read_line(reader)? {
            let size = usize::from_str_radix(&size, 16).unwrap_or(0).min(LONGEST);
            reader.by_ref().take(size as u64).read_to_end(&mut body)?;
            read_line(reader)?;
            if size == 0 {
                break;
            }
        }
    } else {
        let size = headers.get("content-length").and_then(|v| v.parse().ok()).unwrap_or(0).min(LONGEST);
        reader.by_ref().take(size as u64).read_to_end(&mut body)?;
    }
    Ok(body)
}

fn send_json(mut stream: &TcpStream, code: u16, body: &Value) -> std::io::Result<()> {
    let body = body.to_string();
    let head =
        format!("HTTP/1.1 {code} Said\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.write_all((head + &body).as_bytes())
}

fn start_watch(mut stream: &TcpStream, events: &[Value]) -> std::io::Result<()> {
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")?;
    events.iter().try_for_each(|event| send_chunk(stream, event))
}

fn send_chunk(mut stream: &TcpStream, event: &Value) -> std::io::Result<()> {
    let line = format!("{event}\n");
    stream.write_all(format!("{:x}\r\n{line}\r\n", line.len()).as_bytes())
}
