//! The test harness itself: what the other suites rely on.
#![allow(clippy::unwrap_used, reason = "a test's own helpers fail by panicking")]

mod common;

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::Command,
    time::Duration,
};

use common::{Answer, FakeApi, Pty, kafdeck, process};
use futures::StreamExt;
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, Client, Config,
    api::{ListParams, WatchEvent, WatchParams},
    config::{KubeConfigOptions, Kubeconfig},
};
use rustix::process::Signal;
use serde_json::json;

/// Longest that anything here may take.
const LIMIT: Duration = Duration::from_secs(10);

fn connect(api: &FakeApi) -> BufReader<TcpStream> {
    let stream = TcpStream::connect(api.address()).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    BufReader::new(stream)
}

fn send(stream: &mut BufReader<TcpStream>, target: &str) {
    write!(stream.get_mut(), "GET {target} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer t\r\n\r\n").unwrap();
}

fn line(stream: &mut BufReader<TcpStream>) -> String {
    let mut line = String::new();
    stream.read_line(&mut line).unwrap();
    line.trim_end().to_owned()
}

/// The status and the headers of an answer, up to its body.
fn head(stream: &mut BufReader<TcpStream>) -> Vec<String> {
    std::iter::from_fn(|| Some(line(stream)).filter(|l| !l.is_empty())).collect()
}

/// The status and the body of an answer with a length.
fn answer(stream: &mut BufReader<TcpStream>) -> (String, String) {
    let head = head(stream);
    let length = head.iter().find_map(|h| h.strip_prefix("Content-Length: ")).unwrap().parse().unwrap();
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    (head[0].clone(), String::from_utf8(body).unwrap())
}

#[test]
fn the_api_answers_several_requests_of_one_connection() {
    let api = FakeApi::start().version().on("GET", "/api/v1/pods", Answer::status(403, "Forbidden"));
    let mut stream = connect(&api);
    send(&mut stream, "/version");
    assert!(answer(&mut stream).1.contains("v1.34.4"));
    send(&mut stream, "/api/v1/pods?limit=500");
    let (status, body) = answer(&mut stream);
    assert!(status.contains(" 403 ") && body.contains("\"reason\":\"Forbidden\""), "{status} {body}");
    send(&mut stream, "/apis");
    assert!(answer(&mut stream).0.contains(" 404 "));
    let seen = api.requests();
    assert_eq!(seen[1].query["limit"], "500");
    assert_eq!(seen[1].token(), Some("t"));
}

#[test]
fn the_api_tells_a_watch_from_a_list_and_keeps_it_open() {
    let api = FakeApi::start()
        .list("/api/v1/pods", json!({"kind": "PodList", "items": []}))
        .watch("/api/v1/pods", vec![json!({"type": "ADDED"})]);
    let (mut lists, mut watches) = (connect(&api), connect(&api));
    send(&mut lists, "/api/v1/pods?resourceVersion=0");
    assert!(answer(&mut lists).1.contains("PodList"));
    send(&mut watches, "/api/v1/pods?resourceVersion=0&watch=1");
    assert!(head(&mut watches).contains(&"Transfer-Encoding: chunked".to_owned()));
    assert_eq!([line(&mut watches), line(&mut watches)], ["11", "{\"type\":\"ADDED\"}"]);
    assert_eq!(line(&mut watches), "");
    api.wait_for_watch("/api/v1/pods", LIMIT);
    assert_eq!(api.push("/api/v1/pods", &json!({"type": "DELETED"})), 1);
    assert_eq!([line(&mut watches), line(&mut watches)], ["13", "{\"type\":\"DELETED\"}"]);
}

#[tokio::test]
async fn a_real_client_lists_and_watches_through_the_kubeconfig() {
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "kafka-0", "resourceVersion": "2"}});
    let list = json!({"kind": "PodList", "apiVersion": "v1", "metadata": {"resourceVersion": "1"}, "items": []});
    let api = FakeApi::start().list("/api/v1/namespaces/default/pods", list);
    let api = api.watch("/api/v1/namespaces/default/pods", vec![json!({"type": "ADDED", "object": pod})]);
    let config = Kubeconfig::read_from(api.kubeconfig()).unwrap();
    let config = Config::from_custom_kubeconfig(config, &KubeConfigOptions::default()).await.unwrap();
    let pods: Api<Pod> = Api::default_namespaced(Client::try_from(config).unwrap());
    assert!(pods.list(&ListParams::default()).await.unwrap().items.is_empty());
    let mut events = pods.watch(&WatchParams::default(), "1").await.unwrap().boxed();
    let first = tokio::time::timeout(LIMIT, events.next()).await.unwrap().unwrap().unwrap();
    assert!(matches!(first, WatchEvent::Added(pod) if pod.metadata.name.as_deref() == Some("kafka-0")));
    assert_eq!(api.requests()[0].token(), Some("a-secret-token"));
}

#[test]
fn the_api_may_change_its_mind_and_ends_hanging_connections_when_it_stops() {
    let api = FakeApi::refusing(401, "Unauthorized");
    let mut stream = connect(&api);
    send(&mut stream, "/api");
    assert!(answer(&mut stream).0.contains(" 401 "));
    api.now("*", "/", Answer::Hang);
    send(&mut stream, "/api");
    api.wait_for_requests(2, LIMIT);
    drop(api);
    assert_eq!(stream.read_line(&mut String::new()).unwrap_or(0), 0);
}

#[test]
fn the_kubeconfig_leads_to_the_api() {
    let api = FakeApi::start();
    let text = std::fs::read_to_string(api.kubeconfig()).unwrap();
    assert!(text.contains(&api.url()) && text.contains("a-secret-token"), "{text}");
}

#[test]
fn a_sealed_run_sees_nothing_of_the_machine_but_its_path() {
    let (outcome, home) = kafdeck().args(["--version"]).run_in();
    assert!(!outcome.timed_out && home.path().is_dir(), "{outcome:?}");
    let sealed = process::sealed_env(home.path());
    let outcome = process::run(Command::new("env").env_clear().envs(sealed), LIMIT).expect_code(0);
    assert!(outcome.stdout.contains("TZ=UTC") && outcome.stdout.contains("LANG=C.UTF-8"), "{outcome:?}");
    assert!(!outcome.stdout.contains("KUBECONFIG") && !outcome.stdout.contains("CARGO"), "{outcome:?}");
}

#[test]
fn a_run_ends_with_its_code_its_signal_or_its_deadline() {
    let sh = |script: &str, limit| process::run(Command::new("sh").args(["-c", script]), limit);
    let outcome = sh("echo out; echo err >&2; exit 3", LIMIT);
    assert_eq!((outcome.code, outcome.stdout.as_str(), outcome.stderr.as_str()), (3, "out\n", "err\n"));
    assert_eq!(sh("kill -TERM $$", LIMIT).code, 143);
    assert_eq!(sh("head -c 300000 /dev/zero", LIMIT).stdout.len(), 300_000);
    let outcome = sh("echo before; sleep 600 & wait", Duration::from_millis(300));
    assert!(outcome.timed_out && outcome.code == 124 && outcome.stdout == "before\n", "{outcome:?}");
    assert!(sh("sleep 600 & echo left behind", LIMIT).took < LIMIT, "a child that holds the pipe delays nobody");
}

#[test]
fn a_terminal_shows_what_is_typed_and_hangs_up() {
    let mut pty = Pty::program("/bin/cat").size(40, 5).spawn();
    pty.send("hello\r");
    pty.wait_for(|screen| screen.contents().matches("hello").count() == 2, LIMIT);
    assert!(pty.raw_output().starts_with(b"hello\r\n"), "{:?}", pty.raw_output());
    pty.hang_up();
    assert_eq!(pty.exit_code(LIMIT), Some(128 + 1));
}

#[test]
fn a_program_in_a_terminal_learns_of_signals_and_sizes() {
    let script = "trap 'stty size' WINCH; trap 'echo bye; exit 7' TERM; echo ready; while :; do sleep 0.05; done";
    let mut pty = Pty::program("/bin/sh").args(["-c", script]).spawn();
    pty.wait_for_text("ready", LIMIT);
    pty.resize(100, 30);
    pty.wait_for_text("30 100", LIMIT);
    pty.signal(Signal::TERM);
    assert_eq!(pty.exit_code(LIMIT), Some(7));
    assert!(pty.raw_output().ends_with(b"bye\r\n"), "what it said last is read");
}

#[test]
fn a_program_that_does_not_end_has_no_exit_code_and_dies_with_its_terminal() {
    let mut pty = Pty::program("/bin/sh").args(["-c", "trap '' HUP; echo ready; sleep 600"]).spawn();
    pty.wait_for_text("ready", LIMIT);
    assert_eq!(pty.exit_code(Duration::from_millis(50)), None);
    drop(pty);
}
