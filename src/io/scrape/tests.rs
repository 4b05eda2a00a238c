//! Answers as exporters of each dialect give them, answers that are none, and how much of one is ever kept.

use std::{
    io::Write as _,
    sync::{Arc, Mutex},
};

use flate2::{Compression, write::GzEncoder};
use futures::future::BoxFuture;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::mpsc,
};

use super::*;
use crate::{
    clock::Clock,
    domain::{
        ids::{BrokerId, InstallationId, ObjectKey},
        installation::PodPort,
        metrics::{Figure, How, Measured},
    },
    io::dial::{BoxStream, Transport},
};

/// The JMX exporter 1.x with the rules of Strimzi's example.
const STRIMZI: &str = include_str!("../../../tests/fixtures/metrics/strimzi.txt");
/// The sidecar of Bitnami's chart, which asks the broker over JMX.
const BITNAMI: &str = include_str!("../../../tests/fixtures/metrics/bitnami.txt");
/// The JMX exporter without rules.
const BARE: &str = include_str!("../../../tests/fixtures/metrics/bare.txt");
/// Strimzi's Metrics Reporter.
const REPORTER: &str = include_str!("../../../tests/fixtures/metrics/reporter.txt");
/// Rules of somebody's own, which know topics alone.
const OWN: &str = include_str!("../../../tests/fixtures/metrics/own.txt");

fn gathered(text: impl AsRef<[u8]>, is_sidecar: bool) -> (Scrape, u64) {
    let mut gathering = Gathering::new(is_sidecar);
    gathering.write_all(text.as_ref()).unwrap();
    gathering.finish()
}

fn told(scrape: &Scrape, figure: Figure) -> Option<(f64, How)> {
    scrape.figures.get(&figure).map(|m| ((m.value * 1e6).round() / 1e6, m.how))
}

#[track_caller]
fn expect(text: &str, is_sidecar: bool, expected: &[(Figure, f64, How)]) {
    let (scrape, _) = gathered(text, is_sidecar);
    for (figure, value, how) in expected {
        assert_eq!(told(&scrape, *figure), Some((*value, *how)), "{figure:?}");
    }
    let known: Vec<&Figure> = scrape.figures.keys().collect();
    assert_eq!(known.len(), expected.len(), "{known:?}");
}

#[test]
fn strimzi_s_rules_are_read() {
    expect(
        STRIMZI,
        false,
        &[
            (Figure::BytesIn, 8_123_456_789.0, How::Counter),
            (Figure::BytesOut, 16_246_913_578.0, How::Counter),
            (Figure::MessagesIn, 12_345_678.0, How::Counter),
            (Figure::ProduceTime, 12.5, How::P99),
            (Figure::FetchTime, 503.0, How::P99),
            (Figure::HandlerIdle, 3600.25, How::Counter),
            (Figure::NetworkIdle, 0.987, How::Gauge),
            (Figure::HeapUsed, 536_870_912.0, How::Gauge),
            (Figure::HeapMax, 1_073_741_824.0, How::Gauge),
            (Figure::Collecting, 60.0 * 12.75, How::Counter),
            (Figure::Cpu, 5321.5, How::Counter),
        ],
    );
}

#[test]
fn of_bitnami_s_sidecar_nothing_is_taken_that_is_its_own() {
    expect(
        BITNAMI,
        true,
        &[
            (Figure::BytesIn, 900_000.0, How::Counter),
            (Figure::BytesOut, 1_800_000.0, How::Counter),
            (Figure::MessagesIn, 4500.0, How::Counter),
            (Figure::HandlerIdle, 0.993, How::MinuteRate),
            (Figure::NetworkIdle, 0.999, How::Gauge),
            (Figure::HeapUsed, 312_000_000.0, How::Gauge),
            (Figure::HeapMax, 1_073_741_824.0, How::Gauge),
            (Figure::Collecting, 0.06 * (2_500.0 + 120.0), How::Counter),
            (Figure::Cpu, 123.5, How::Counter),
        ],
    );
}

#[test]
fn an_exporter_without_rules_is_read() {
    expect(
        BARE,
        false,
        &[
            (Figure::BytesIn, 5_000_000.0, How::Counter),
            (Figure::BytesOut, 7_000_000.0, How::Counter),
            (Figure::MessagesIn, 25_000.0, How::Counter),
            (Figure::ProduceTime, 7.0, How::P99),
            (Figure::FetchTime, 501.0, How::P99),
            (Figure::HandlerIdle, 0.981, How::MinuteRate),
            (Figure::NetworkIdle, 0.9, How::Gauge),
            (Figure::HeapUsed, 200_000_000.0, How::Gauge),
            (Figure::HeapMax, 536_870_912.0, How::Gauge),
            (Figure::Collecting, 0.06 * 1500.0, How::Counter),
            (Figure::Cpu, 42.0, How::Counter),
        ],
    );
}

#[test]
fn strimzi_s_reporter_is_read() {
    expect(
        REPORTER,
        false,
        &[
            (Figure::BytesIn, 1_000.0, How::Counter),
            (Figure::BytesOut, 2_000.0, How::Counter),
            (Figure::MessagesIn, 10.0, How::Counter),
            (Figure::ProduceTime, 3.25, How::P99),
            (Figure::HandlerIdle, 86.4, How::Counter),
            (Figure::NetworkIdle, 0.95, How::Gauge),
            (Figure::HeapUsed, 100.0, How::Gauge),
            (Figure::HeapMax, 1000.0, How::Gauge),
        ],
    );
}

#[test]
fn rules_that_know_topics_alone_are_added_up() {
    expect(
        OWN,
        false,
        &[
            (Figure::BytesIn, 350.0, How::Counter),
            (Figure::MessagesIn, 12.0, How::Counter),
            // Of two that have one name the lower.
            (Figure::HandlerIdle, 0.7, How::Gauge),
            (Figure::NetworkIdle, 0.99, How::Gauge),
            (Figure::HeapUsed, 90.0, How::Gauge),
            (Figure::HeapMax, 256.0, How::Gauge),
        ],
    );
}

#[test]
fn whatever_the_pieces_are_that_it_comes_in_it_is_read_alike() {
    let whole = gathered(STRIMZI, false);
    for size in [1, 7, 64, 1000] {
        let mut gathering = Gathering::new(false);
        for piece in STRIMZI.as_bytes().chunks(size) {
            gathering.write_all(piece).unwrap();
        }
        assert_eq!(gathering.finish(), whole, "in pieces of {size}");
    }
}

#[test]
fn a_line_of_a_megabyte_is_passed_over_and_what_follows_is_read() {
    let long = format!("process_cpu_seconds_total{{x=\"{}\"}} 7\n", "x".repeat(1 << 20));
    let (scrape, samples) = gathered(format!("{long}process_cpu_seconds_total 3\n"), false);
    assert_eq!((told(&scrape, Figure::Cpu), samples), (Some((3.0, How::Counter)), 1));
    // One that never ends is none.
    assert_eq!(gathered("y".repeat(3 << 20), false), (Scrape::default(), 0));
}

#[test]
fn a_million_lines_leave_what_is_known_and_no_more() {
    let other = "some_other_metric{topic=\"a\"} 1\n".repeat(1_000_000);
    let line = |topic: i32| format!("kafka_server_brokertopicmetrics_bytesin_total{{topic=\"t{topic}\"}} 1\n");
    let text = (0..30_000).map(line).fold(other, |text, line| text + &line);
    let (scrape, samples) = gathered(&text, false);
    assert_eq!(samples, 1_030_000);
    // As many as are told apart; beyond that it is known too low, and memory stays.
    assert_eq!(told(&scrape, Figure::BytesIn), Some((20_000.0, How::Counter)));
    let mut gathering = Gathering::new(false);
    let piece = vec![b'#'; 1 << 20];
    let written = (0..100).take_while(|_| gathering.write_all(&piece).is_ok()).count();
    assert_eq!(written, 64, "an answer without end is given up");
}

#[test]
fn what_is_no_number_comes_twice_or_has_more_behind_it_does_no_harm() {
    let text = "\
# TYPE process_cpu_seconds_total gauge
# TYPE jvm_gc_collection_seconds_sum histogram
process_cpu_seconds_total NaN
process_cpu_seconds_total +Inf
process_cpu_seconds_total twelve
process_cpu_seconds_total
process_cpu_seconds_total{
process_cpu_seconds_total{a=\"b 9
process_cpu_seconds_total 5 1700000000000 # {trace_id=\"abc\"} 0.67 1700000000.0\r
jvm_gc_collection_seconds_sum{gc=\"young, } \\\" {old\",} 1 # {trace_id=\"x\"} 1
jvm_gc_collection_seconds_sum{gc=\"young, } \\\" {old\",} 1
jvm_gc_collection_seconds_sum{gc=\"b\"} 2
{\"quoted.name\",a=\"b\"} 4
jvm_memory_used_bytes{area=\"heap\"} 1e3
jvm_memory_used_bytes{area=\"heap\"} 2e3
# EOF
";
    let (scrape, _) = gathered(text, false);
    assert_eq!(told(&scrape, Figure::Cpu), Some((5.0, How::Counter)));
    assert_eq!(told(&scrape, Figure::Collecting), Some((180.0, How::Counter)), "what comes twice counts once");
    assert_eq!(told(&scrape, Figure::HeapUsed), Some((1000.0, How::Gauge)));
    let broken = [b"process_cpu_seconds_total{a=\"\xff\"} 1\n".as_slice(), b"\0\0\n", b"process_cpu_seconds_total 2"];
    let (scrape, samples) = gathered(broken.concat(), false);
    assert_eq!((told(&scrape, Figure::Cpu), samples), (Some((2.0, How::Counter)), 1));
}

/// An exporter that gives one answer, whatever it is asked.
struct Canned {
    answer: Vec<u8>,
    asked: Arc<Mutex<String>>,
}

impl Transport for Canned {
    fn open(&self, _: &PodPort) -> BoxFuture<'_, Result<BoxStream, DialError>> {
        let (ours, mut theirs) = tokio::io::duplex(4 << 10);
        let (answer, asked) = (self.answer.clone(), Arc::clone(&self.asked));
        task::spawn("canned exporter", &CancellationToken::new(), async move {
            let mut request = vec![0; 2048];
            let length = theirs.read(&mut request).await.unwrap_or_default();
            *asked.lock().unwrap() = String::from_utf8_lossy(&request[..length]).into_owned();
            // The reader may have had enough.
            let _ = theirs.write_all(&answer).await;
        });
        Box::pin(async move { Ok(Box::new(ours) as BoxStream) })
    }
}

/// What is told of an answer, and what was asked.
async fn asked(answer: Vec<u8>) -> (Body, String) {
    let (facts, mut told) = mpsc::channel(4);
    let request = Arc::new(Mutex::new(String::new()));
    let setup = PodSetup {
        installation: InstallationId::new("ns", "kafka"),
        transport: Arc::new(Canned { answer, asked: Arc::clone(&request) }),
        refresh: Arc::default(),
        clock: Clock::real(),
        facts,
    };
    let at = PodPort { pod: ObjectKey::new("ns", "kafka-0"), port: 9404 };
    let exporter = Exporter { broker: BrokerId(0), at, is_sidecar: false };
    once(&setup, &exporter, &CancellationToken::new()).await.unwrap();
    let fact = told.recv().await.unwrap();
    assert_eq!(fact.source.to_string(), "metrics of broker 0");
    let request = request.lock().unwrap().clone();
    (fact.body, request)
}

fn http(head: &str, body: &[u8]) -> Vec<u8> {
    let mut answer = format!("HTTP/1.1 {head}\r\ncontent-length: {}\r\n\r\n", body.len()).into_bytes();
    answer.extend_from_slice(body);
    answer
}

async fn failure(answer: Vec<u8>) -> (FailureKind, String) {
    match asked(answer).await.0 {
        Body::Failed(failure) => (failure.kind, failure.what),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_broker_is_asked_for_text_and_an_answer_may_be_packed() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(STRIMZI.as_bytes()).unwrap();
    let packed = http("200 OK\r\ncontent-encoding: gzip", &encoder.finish().unwrap());
    for answer in [packed, http("200 OK", STRIMZI.as_bytes())] {
        let (body, request) = asked(answer).await;
        let Body::Metrics(scrape) = body else { panic!("{body:?}") };
        let heap = Measured { value: 536_870_912.0, how: How::Gauge, metric: "jvm_memory_used_bytes".into() };
        assert_eq!(scrape.figures.get(&Figure::HeapUsed), Some(&heap));
        assert!(request.starts_with("GET /metrics HTTP/1.1\r\n"), "{request}");
        assert!(request.contains("accept-encoding: gzip\r\n"), "{request}");
    }
}

#[tokio::test]
async fn what_is_no_metrics_fails_and_says_why() {
    let (kind, what) = failure(http("200 OK", b"<html>\n<body>Kafka</body>\n")).await;
    assert_eq!(
        (kind, what.as_str()),
        (FailureKind::Garbage, "Metrics of broker 0: what it answers to GET /metrics is no metrics.")
    );
    let (kind, what) = failure(http("200 OK", b"node_load1 0.5\n")).await;
    assert_eq!(kind, FailureKind::Unsupported);
    assert!(what.contains("1 series, and none by a name that is known"), "{what}");
    let (kind, what) = failure(http("401 Unauthorized", b"")).await;
    assert_eq!(kind, FailureKind::Auth);
    assert!(what.contains("asks for a login"), "{what}");
    let (kind, _) = failure(http("503 Service Unavailable", b"")).await;
    assert_eq!(kind, FailureKind::Timeout);
    let (kind, what) = failure(b"\x15\x03\x01\x00\x02\x02\x50".to_vec()).await;
    assert_eq!(kind, FailureKind::Garbage);
    assert!(what.contains("may speak TLS"), "{what}");
    let (kind, _) = failure(Vec::new()).await;
    assert_eq!(kind, FailureKind::Unreachable);
    let (kind, _) = failure(http("200 OK\r\ncontent-encoding: gzip", b"not packed at all\n")).await;
    assert_eq!(kind, FailureKind::Garbage);
}

#[tokio::test]
async fn an_answer_that_unpacks_without_end_is_given_up() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    for _ in 0..80 {
        encoder.write_all(&vec![b' '; 1 << 20]).unwrap();
    }
    let (kind, what) = failure(http("200 OK\r\ncontent-encoding: gzip", &encoder.finish().unwrap())).await;
    assert_eq!(kind, FailureKind::Garbage);
    assert!(what.contains("larger than 64 MiB"), "{what}");
}
