//! Port-forwards: streams to ports of a pod over one websocket.
//!
//! Each port has a channel for data and one for errors. The first byte of a message is its channel; the first message
//! of each channel, from the server, is the port in two bytes, the lower one first.

use bytes::Bytes;
use futures::{SinkExt, StreamExt, future::join_all};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream},
    sync::mpsc,
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Message,
        handshake::derive_accept_key,
        protocol::{CloseFrame, Role, frame::coding::CloseCode},
    },
};

use super::{
    ApiServer, Asked, Place,
    status::{Answer, Refusal, with_body},
};
use crate::task;

/// The one protocol that is spoken.
const PROTOCOL: &str = "v4.channel.k8s.io";
/// Bytes of a message at most.
const CHUNK: usize = 32 * 1024;
/// Messages of a port that wait: the pod waits for the client, and the client for the pod.
const QUEUE: usize = 8;

/// A port and the stream to it, or why there is none.
struct Port {
    number: u16,
    stream: Result<DuplexStream, String>,
}

impl ApiServer {
    /// GET on a pod's portforward.
    pub(super) fn forward(
        &self,
        asked: &Asked,
        place: &Place,
        name: &str,
        request: &mut Request<Incoming>,
    ) -> Result<Answer, Refusal> {
        let namespace = place.in_store();
        let pod = self.store.get("pods", namespace, name).ok_or_else(|| Refusal::not_found("pods", name))?;
        if pod["spec"]["nodeName"].as_str().is_none_or(str::is_empty) {
            return Err(Refusal::bad_request(format!("pod {name} does not have a host assigned")));
        }
        let key = websocket_key(request.headers())?;
        let numbers = ports(asked)?;
        if numbers.is_empty() {
            let text = Bytes::from_static(b"query parameter \"port\" is required");
            return Ok(with_body(StatusCode::BAD_REQUEST, "text/plain; charset=utf-8", text));
        }
        let ports = numbers.into_iter().map(|number| Port { number, stream: self.nodes.dial(namespace, name, number) });
        let ports: Vec<Port> = ports.collect();
        let upgrade = hyper::upgrade::on(request);
        task::spawn("sandbox port-forward", &self.connection(), async move {
            match upgrade.await {
                Ok(stream) => {
                    let socket = WebSocketStream::from_raw_socket(TokioIo::new(stream), Role::Server, None).await;
                    carry(socket, ports).await;
                }
                Err(error) => tracing::debug!(%error, "a port-forward was not taken up"),
            }
        });
        switched(&key)
    }
}

/// The key of a websocket that speaks our protocol.
fn websocket_key(headers: &HeaderMap) -> Result<String, Refusal> {
    let text = |name: header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let key = text(header::SEC_WEBSOCKET_KEY);
    if !text(header::UPGRADE).eq_ignore_ascii_case("websocket") || key.is_empty() {
        return Err(Refusal::bad_request("Upgrade request required"));
    }
    let mut offered = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|value| value.to_str().ok());
    if !offered.any(|list| list.split(',').any(|one| one.trim() == PROTOCOL)) {
        return Err(Refusal::bad_request(format!("unable to upgrade: the only protocol is {PROTOCOL}")));
    }
    Ok(derive_accept_key(key.as_bytes()))
}

/// The ports of a request.
fn ports(asked: &Asked) -> Result<Vec<u16>, Refusal> {
    let texts = asked.query.all("ports").flat_map(|list| list.split(',')).filter(|text| !text.is_empty());
    let number = |text: &str| {
        let bad = || format!("cannot convert to []int32: strconv.ParseUint: parsing \"{text}\": invalid syntax");
        text.parse().map_err(|_| Refusal::bad_request(bad()))
    };
    texts.map(number).collect()
}

fn switched(key: &str) -> Result<Answer, Refusal> {
    let mut answer = Response::new(Empty::new().boxed_unsync());
    *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let accepted = HeaderValue::from_str(key).map_err(|_| Refusal::bad_request("Upgrade request required"))?;
    let headers = answer.headers_mut();
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, accepted);
    headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(PROTOCOL));
    Ok(answer)
}

/// Carries bytes until all ports are closed or the client is gone.
async fn carry<S: AsyncRead + AsyncWrite + Unpin>(socket: WebSocketStream<S>, ports: Vec<Port>) {
    let (mut sink, mut source) = socket.split();
    let (out, mut outgoing) = mpsc::channel::<Message>(QUEUE);
    let (mut inlets, mut work) = (Vec::new(), Vec::new());
    for (index, port) in (0_u8..).step_by(2).zip(ports) {
        let (inlet, incoming) = mpsc::channel::<Bytes>(QUEUE);
        inlets.push(inlet);
        work.push(one_port(index, port, incoming, out.clone()));
    }
    drop(out);
    let ports = join_all(work);
    let sending = async {
        while let Some(message) = outgoing.recv().await {
            if sink.send(message).await.is_err() {
                return;
            }
        }
        let goodbye = CloseFrame { code: CloseCode::Normal, reason: "".into() };
        // The client may be gone already.
        let _ = sink.send(Message::Close(Some(goodbye))).await;
    };
    let receiving = async {
        while let Some(Ok(message)) = source.next().await {
            match message {
                Message::Binary(bytes) => deliver(&inlets, &bytes).await,
                Message::Close(_) => return,
                _ => {}
            }
        }
    };
    tokio::select! {
        ((), _) = async { tokio::join!(sending, ports) } => {}
        () = receiving => {}
    }
}

/// Hands bytes of the client to their port; errors come from the server alone, and an unknown channel has no port.
async fn deliver(inlets: &[mpsc::Sender<Bytes>], message: &Bytes) {
    let Some(&channel) = message.first() else { return };
    if channel % 2 == 0
        && let Some(inlet) = inlets.get(usize::from(channel / 2))
    {
        // A port that is closed takes nothing more.
        let _ = inlet.send(message.slice(1..)).await;
    }
}

/// One port to its end.
async fn one_port(channel: u8, port: Port, mut incoming: mpsc::Receiver<Bytes>, out: mpsc::Sender<Message>) {
    let number = port.number.to_le_bytes();
    for channel in [channel, channel + 1] {
        if out.send(framed(channel, &number)).await.is_err() {
            return;
        }
    }
    let stream = match port.stream {
        Ok(stream) => stream,
        Err(why) => {
            // Nobody else would hear of it.
            let _ = out.send(framed(channel + 1, why.as_bytes())).await;
            return;
        }
    };
    let (mut reader, mut writer) = tokio::io::split(stream);
    let down = async {
        let mut buffer = vec![0; CHUNK];
        while let Ok(length @ 1..) = reader.read(&mut buffer).await {
            if out.send(framed(channel, &buffer[..length])).await.is_err() {
                return;
            }
        }
    };
    let up = async {
        while let Some(bytes) = incoming.recv().await {
            if writer.write_all(&bytes).await.is_err() {
                return;
            }
        }
        // The pod may have closed first.
        let _ = writer.shutdown().await;
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = down => {}
        () = up => {}
    }
}

fn framed(channel: u8, bytes: &[u8]) -> Message {
    let mut message = Vec::with_capacity(bytes.len() + 1);
    message.push(channel);
    message.extend_from_slice(bytes);
    Message::Binary(message.into())
}
