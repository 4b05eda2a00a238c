//! Records of topics, read and written by librdkafka over streams that we dial.
//!
//! `reader` and `writer` are what others call. Below them: `native` is librdkafka behind safe functions, `hooks` has
//! it connect to us instead of the network, `dialer` goes the way to the broker (`io::dial`), `breaker` keeps it from
//! dialling in a storm, `failure` says what errors mean. It knows nothing of screens and decides no way in. Why
//! librdkafka, beside our own client: fetching and writing records (sessions, leaders that move, codecs,
//! transactions, idempotence) is what it has done right for ten years. It is built without TLS and SASL, which it never
//! sees.

mod breaker;
mod dialer;
mod failure;
mod hooks;
mod native;
pub mod reader;
pub mod writer;

pub use dialer::Reach;

/// Settings of every client: no name of ours, no credential, no logging but ours, and few attempts to connect.
fn settings() -> Vec<(&'static str, String)> {
    [
        ("client.id", "kafdeck"),
        ("security.protocol", "plaintext"),
        ("allow.auto.create.topics", "false"),
        ("reconnect.backoff.ms", "500"),
        ("reconnect.backoff.max.ms", "5000"),
        // It would say so of every socketpair that it is no TCP socket.
        ("socket.nagle.disable", "false"),
        ("socket.timeout.ms", "10000"),
        ("socket.connection.setup.timeout.ms", "30000"),
        ("api.version.request.timeout.ms", "10000"),
        ("topic.metadata.refresh.interval.ms", "30000"),
        ("enable.metrics.push", "false"),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .to_vec()
}
