//! What brokers tell of themselves on their metrics ports: the JMX exporter's text by the rules of Strimzi's example.
//!
//! It reads what `traffic` counted and measures nothing: how busy handlers are and how long requests take follow from the
//! records a second, the heap from what was received since it was collected last. Of the exporter's hundreds of series
//! those stand here that somebody reads. A process that is frozen takes requests and answers none, as its brokers do.

use std::{
    convert::Infallible,
    fmt::Write,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{io::DuplexStream, time::sleep};

use super::kafka::{Broker, Kafka, Process};

/// Ports that metrics are told on: the JMX exporter's, Confluent's and Koperator's.
pub const PORTS: [u16; 3] = [9404, 7778, 9020];
/// How often a frozen process is looked at.
const LOOK: Duration = Duration::from_millis(200);

const MIB: f64 = 1_048_576.0;
/// The heap that brokers are started with, what of it is always in use, and what is used before it is collected.
const HEAP: f64 = 1024.0 * MIB;
const LIVE: f64 = 260.0 * MIB;
const YOUNG: f64 = 380.0 * MIB;
/// Bytes of the heap that a byte of records takes on its way.
const GARBAGE: f64 = 3.0;
/// Seconds that a collection takes.
const COLLECTION_S: f64 = 0.011;
/// Seconds of a CPU that a record and a byte to consumers take.
const CPU_RECORD_S: f64 = 0.000_35;
const CPU_BYTE_S: f64 = 2e-9;
/// Records a second at which no handler is idle any more.
const FULL_LOAD: f64 = 4_000.0;
/// Milliseconds that consumers wait for records at most.
const FETCH_WAIT_MS: f64 = 500.0;

/// Serves one connection to a broker's metrics port to its end.
pub async fn serve(kafka: Arc<Mutex<Kafka>>, id: i32, stream: DuplexStream) {
    let answering = service_fn(|request: Request<Incoming>| {
        let kafka = Arc::clone(&kafka);
        async move { Ok::<_, Infallible>(answer(&kafka, id, request.method(), request.uri().path()).await) }
    });
    if let Err(error) = http1::Builder::new().serve_connection(TokioIo::new(stream), answering).await {
        tracing::debug!(%error, "a connection to a sandbox exporter broke");
    }
}

async fn answer(kafka: &Mutex<Kafka>, id: i32, method: &Method, path: &str) -> Response<Full<Bytes>> {
    let text = loop {
        {
            let kafka = kafka.lock().unwrap_or_else(PoisonError::into_inner);
            match kafka.brokers.get(&id) {
                Some(broker) if broker.process == Process::Frozen => {}
                broker => break broker.map(text).unwrap_or_default(),
            }
        }
        sleep(LOOK).await;
    };
    let is_known = method == Method::GET && path == "/metrics";
    let mut answer = Response::new(Full::new(Bytes::from(if is_known { text } else { String::new() })));
    if !is_known {
        *answer.status_mut() = StatusCode::NOT_FOUND;
    }
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    answer.headers_mut().insert(header::CONTENT_TYPE, kind);
    answer
}

/// A broker's metrics.
fn text(broker: &Broker) -> String {
    let meters = broker.meters;
    let busy = (meters.load / FULL_LOAD).clamp(0.0, 1.0);
    let slow = broker.delay_ms as f64;
    let produce = 1.8 + 0.012 * meters.load + slow;
    let garbage = meters.bytes_in * GARBAGE;
    let collections = (garbage / YOUNG).floor();
    let cpu = meters.messages_in * CPU_RECORD_S + meters.bytes_out * CPU_BYTE_S;
    let request = |request: &str, quantile: &str| format!("{{request=\"{request}\",quantile=\"{quantile}\"}}");
    let mut out = String::new();
    let mut put = |name: &str, kind: &str, series: &[(String, f64)]| {
        let _ = writeln!(out, "# HELP {name} Attribute exposed for management\n# TYPE {name} {kind}");
        for (labels, value) in series {
            let _ = writeln!(out, "{name}{labels} {value:?}");
        }
    };
    let whole = |value: f64| vec![(String::new(), value)];
    put("kafka_server_brokertopicmetrics_bytesin_total", "counter", &whole(meters.bytes_in.floor()));
    put("kafka_server_brokertopicmetrics_bytesout_total", "counter", &whole(meters.bytes_out.floor()));
    put("kafka_server_brokertopicmetrics_messagesin_total", "counter", &whole(meters.messages_in.floor()));
    let times = [
        (request("Produce", "0.50"), produce * 0.4),
        (request("Produce", "0.99"), produce),
        (request("FetchConsumer", "0.50"), FETCH_WAIT_MS * 0.3 + slow),
        (request("FetchConsumer", "0.99"), FETCH_WAIT_MS + 2.0 + slow),
    ];
    put("kafka_network_requestmetrics_totaltimems", "gauge", &times);
    put("kafka_server_kafkarequesthandlerpool_requesthandleravgidle_percent", "gauge", &whole(0.995 - 0.9 * busy));
    put("kafka_network_socketserver_networkprocessoravgidle_percent", "gauge", &whole(0.998 - 0.7 * busy));
    let area =
        |heap: f64, other: f64| vec![(r#"{area="heap"}"#.to_owned(), heap), (r#"{area="nonheap"}"#.to_owned(), other)];
    put("jvm_memory_used_bytes", "gauge", &area((LIVE + garbage % YOUNG).floor(), (92.0 * MIB).floor()));
    put("jvm_memory_max_bytes", "gauge", &area(HEAP, -1.0));
    let gc = |name: &str, value: f64| (format!("{{gc=\"{name}\"}}"), value);
    let young = gc("G1 Young Generation", collections * COLLECTION_S);
    put("jvm_gc_collection_seconds_sum", "counter", &[young, gc("G1 Old Generation", 0.0)]);
    put("process_cpu_seconds_total", "counter", &whole(cpu));
    out
}

#[cfg(test)]
mod tests {
    use super::{
        super::{demo, traffic::Traffic},
        *,
    };

    fn value(text: &str, series: &str) -> f64 {
        let line = text.lines().find(|line| line.starts_with(series)).unwrap_or_else(|| panic!("{series} in {text}"));
        line.rsplit(' ').next().unwrap().parse().unwrap()
    }

    #[test]
    fn counters_follow_the_traffic_and_begin_anew_with_the_process() {
        let (mut kafka, mut traffic) = (demo::kafka(), Traffic::default());
        let bytes_in =
            |kafka: &Kafka| value(&text(&kafka.brokers[&0]), "kafka_server_brokertopicmetrics_bytesin_total");
        traffic.step(&mut kafka, 10.0);
        let before = bytes_in(&kafka);
        assert!(before > 100_000.0, "{before}");
        traffic.step(&mut kafka, 10.0);
        assert!(bytes_in(&kafka) > 1.5 * before);
        let text = text(&kafka.brokers[&0]);
        let messages = value(&text, "kafka_server_brokertopicmetrics_messagesin_total");
        assert!((1_000.0..6_000.0).contains(&messages), "{messages}");
        assert!(value(&text, "kafka_server_brokertopicmetrics_bytesout_total") > 0.0);
        let idle = value(&text, "kafka_server_kafkarequesthandlerpool_requesthandleravgidle_percent");
        assert!((0.8..0.995).contains(&idle), "{idle}");
        assert!(value(&text, "jvm_memory_used_bytes{area=\"heap\"}") < HEAP);
        kafka.brokers.get_mut(&0).unwrap().stop();
        assert!(bytes_in(&kafka).abs() < f64::EPSILON);
    }
}
