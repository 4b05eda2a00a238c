//! Servers that take a login for an opportunity: each is an error in words, soon, and costs no memory.

use std::time::Duration;

use bytes::Bytes;
use kafdeck::{
    domain::access::Mechanism,
    io::dial::{
        BoxStream,
        layers::{FRESH, Layers, Route},
    },
    sandbox::broker::door::Door,
    task,
    wire::served::Incoming,
};
use kafka_protocol::{
    messages::{SaslAuthenticateRequest, SaslAuthenticateResponse, SaslHandshakeRequest, SaslHandshakeResponse},
    protocol::StrBytes,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::house::{House, PASSWORD, login, way};

/// What the server answers: to the handshake, and to SaslAuthenticate, given what the client said.
type Say = fn(&str) -> String;

/// A server that lets the handshake pass and then says whatever it likes.
async fn serve(mut stream: DuplexStream, says: Say) {
    while let Ok(length) = stream.read_i32().await {
        let mut frame = vec![0; usize::try_from(length).unwrap()];
        if stream.read_exact(&mut frame).await.is_err() {
            return;
        }
        let incoming = Incoming::read(Bytes::from(frame)).unwrap();
        let answer = if incoming.key == 17 {
            incoming.answer(|_: SaslHandshakeRequest, _| SaslHandshakeResponse::default())
        } else {
            incoming.answer(|asked: SaslAuthenticateRequest, _| {
                let said = String::from_utf8_lossy(&asked.auth_bytes).into_owned();
                SaslAuthenticateResponse::default().with_auth_bytes(says(&said).into())
            })
        };
        if stream.write_all(&answer.unwrap()).await.is_err() {
            return;
        }
    }
}

async fn fails(stream: BoxStream, mechanism: Mechanism) -> String {
    let house = House::new(Door::default());
    let layers = Layers::new(house.shelf.clone());
    let route = Route { way: Some(way(None, Some(login(mechanism)))), names: Vec::new() };
    let prepared = layers.prepare(&route, FRESH).await.unwrap();
    let secured = timeout(Duration::from_secs(10), layers.secure(stream, &prepared)).await.unwrap();
    match secured {
        Ok(_) => panic!("it was trusted"),
        Err(why) => format!("{why:?}"),
    }
}

async fn told(says: Say) -> String {
    let (ours, theirs) = tokio::io::duplex(1 << 16);
    let cancel = CancellationToken::new();
    task::spawn("hostile", &cancel, serve(theirs, says));
    let why = fails(Box::new(ours), Mechanism::ScramSha256).await;
    cancel.cancel();
    assert!(!why.contains(PASSWORD) && !why.contains('\u{1b}'), "{why}");
    why
}

fn nonce(said: &str) -> &str {
    said.rsplit_once("r=").map_or("", |(_, nonce)| nonce)
}

#[tokio::test]
async fn a_server_that_cheats_in_scram_is_not_trusted() {
    let cases: [(Say, &str); 8] = [
        (|_| String::new(), "empty"),
        (|said| format!("r={}x,s=c2FsdA==,i=2000000000", nonce(said)), "Rounds(2000000000)"),
        (|said| format!("r={}x,s=c2FsdA==,i=10", nonce(said)), "Rounds(10)"),
        (|_| "r=mine,s=c2FsdA==,i=4096".to_owned(), "Nonce"),
        (|said| format!("r={}x,s=\u{1b}[2J,i=4096", nonce(said)), "base64"),
        (|_| "e=\u{1b}]0;owned\u{7}".to_owned(), "?]0;owned?"),
        // It goes on as if all was well, without knowing the password.
        (
            |said| {
                if said.contains("p=") { "v=AAAA".to_owned() } else { format!("r={}x,s=c2FsdA==,i=4096", nonce(said)) }
            },
            "Impostor",
        ),
        (
            |said| if said.contains("p=") { String::new() } else { format!("r={}x,s=c2FsdA==,i=4096", nonce(said)) },
            "empty",
        ),
    ];
    for (says, word) in cases {
        let why = told(says).await;
        assert!(why.contains(word), "{why}");
    }
}

#[tokio::test]
async fn what_is_no_login_at_all_is_refused_by_its_first_bytes() {
    for (bytes, word) in [
        (&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], "1213486160"),
        (&[0x7f, 0xff, 0xff, 0xff, 0, 0], "2147483647"),
        (&[0, 0x10, 0, 0, 0, 0, 0, 0], "1048576"),
        (&[0x15, 3, 3, 0, 2, 2, 80], "alert of TLS"),
        (&[0, 0, 0, 4, 0, 0, 0, 0], "too short"),
        (&[0, 0, 0, 10, 0, 0, 0, 0, 0, 33, 0x7f, 0xff, 0xff, 0xff], "too many mechanisms"),
        (&[0, 0, 0], "hung up"),
    ] {
        let (ours, mut theirs) = tokio::io::duplex(1 << 10);
        theirs.write_all(bytes).await.unwrap();
        let reader = tokio::join!(fails(Box::new(ours), Mechanism::Plain), async move {
            theirs.read_u8().await.unwrap();
            drop(theirs);
        });
        assert!(reader.0.contains(word), "{}", reader.0);
    }
}

#[tokio::test]
async fn mechanisms_and_messages_with_escape_codes_are_made_safe() {
    async fn serve(mut stream: DuplexStream) {
        let length = stream.read_i32().await.unwrap();
        let mut frame = vec![0; usize::try_from(length).unwrap()];
        stream.read_exact(&mut frame).await.unwrap();
        let answer = Incoming::read(Bytes::from(frame)).unwrap().answer(|_: SaslHandshakeRequest, _| {
            let evil = StrBytes::from_static_str("\u{1b}[31mEVIL\u{202e}");
            SaslHandshakeResponse::default().with_error_code(33).with_mechanisms(vec![evil])
        });
        stream.write_all(&answer.unwrap()).await.unwrap();
    }
    let (ours, theirs) = tokio::io::duplex(1 << 10);
    let ((), why) = tokio::join!(serve(theirs), fails(Box::new(ours), Mechanism::ScramSha256));
    assert!(why.contains("?[31mEVIL?"), "{why}");
}
