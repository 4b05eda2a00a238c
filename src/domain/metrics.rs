//! What brokers tell of themselves on their metrics ports, and under which names exporters tell it.
//!
//! `ALIASES` is the one table over the dialects: the JMX exporter with Strimzi's rules, with those of Bitnami's chart,
//! with rules that people write for themselves and with none at all, and Strimzi's Metrics Reporter. `io::scrape` keeps
//! of an answer what the table names and nothing else; `world::metrics` makes rates of counters.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{ids::BrokerId, installation::PodPort};

/// A figure of one broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Figure {
    /// Bytes that producers send, a second.
    BytesIn,
    /// Bytes that consumers fetch, a second; replication is not among them.
    BytesOut,
    /// Records that producers send, a second.
    MessagesIn,
    /// How long a produce request takes, in milliseconds.
    ProduceTime,
    /// How long a consumer's fetch takes, in milliseconds; it waits for records.
    FetchTime,
    /// Share of their time in which request handlers have nothing to do.
    HandlerIdle,
    /// Share of their time in which network processors have nothing to do.
    NetworkIdle,
    /// Bytes of the heap in use.
    HeapUsed,
    /// Bytes that the heap may have.
    HeapMax,
    /// Seconds of garbage collection in a minute.
    Collecting,
    /// CPUs that the process keeps busy.
    Cpu,
}

impl Figure {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 11] = [
        Self::BytesIn,
        Self::BytesOut,
        Self::MessagesIn,
        Self::ProduceTime,
        Self::FetchTime,
        Self::HandlerIdle,
        Self::NetworkIdle,
        Self::HeapUsed,
        Self::HeapMax,
        Self::Collecting,
        Self::Cpu,
    ];

    /// Its name in documents, which says its unit.
    pub fn key(self) -> &'static str {
        match self {
            Self::BytesIn => "bytes_in_per_s",
            Self::BytesOut => "bytes_out_per_s",
            Self::MessagesIn => "messages_in_per_s",
            Self::ProduceTime => "produce_ms",
            Self::FetchTime => "fetch_ms",
            Self::HandlerIdle => "request_handler_idle",
            Self::NetworkIdle => "network_processor_idle",
            Self::HeapUsed => "heap_used_bytes",
            Self::HeapMax => "heap_max_bytes",
            Self::Collecting => "gc_s_per_min",
            Self::Cpu => "cpu_cores",
        }
    }

    /// Its name on the screen.
    pub fn label(self) -> &'static str {
        match self {
            Self::BytesIn => "bytes in",
            Self::BytesOut => "bytes out",
            Self::MessagesIn => "records in",
            Self::ProduceTime => "produce",
            Self::FetchTime => "fetch",
            Self::HandlerIdle => "handlers idle",
            Self::NetworkIdle => "network idle",
            Self::HeapUsed => "heap used",
            Self::HeapMax => "heap max",
            Self::Collecting => "GC",
            Self::Cpu => "CPU",
        }
    }

    /// True for what is a share of the whole.
    pub fn is_share(self) -> bool {
        matches!(self, Self::HandlerIdle | Self::NetworkIdle)
    }
}

/// What an exporter's value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// A counter, of which two answers make a rate.
    Counter,
    /// A rate over the last minute or so, which the broker keeps itself.
    MinuteRate,
    /// A mean since the broker started, which hardly reacts.
    LifetimeMean,
    /// What is so now.
    Gauge,
    /// What 99 of 100 requests stay below, as the broker keeps it.
    P99,
}

impl How {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Counter => "between two answers",
            Self::MinuteRate => "the broker's own one-minute rate",
            Self::LifetimeMean => "mean since the broker started",
            Self::Gauge => "when asked",
            Self::P99 => "99th percentile",
        }
    }
}

/// What becomes of several series of one name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Join {
    /// They are added.
    Sum,
    /// The smallest counts, which is the more careful one of a share that is idle.
    Least,
    /// The first one counts: there is but one, and what comes twice is the same.
    First,
}

/// What a label must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Label {
    /// This value, whatever its case.
    Is(&'static str, &'static str),
    /// There must be one.
    Any(&'static str),
    /// There must be none.
    None(&'static str),
}

/// Names under which exporters tell a figure. Those of a figure stand in the table with the best first.
#[derive(Debug)]
pub struct Alias {
    /// The figure.
    pub figure: Figure,
    /// What the value is.
    pub how: How,
    /// What it is multiplied with.
    pub scale: f64,
    /// Several series.
    pub join: Join,
    /// Names in lower case; series of all of them are joined. What an exporter calls the same and `_total` is the same.
    pub names: &'static [&'static str],
    /// What labels must be.
    pub labels: &'static [Label],
    /// True when it tells of the process that answers: in a sidecar that is not the broker.
    pub of_process: bool,
}

/// A row as most of them are.
const fn alias(figure: Figure, how: How, names: &'static [&'static str], labels: &'static [Label]) -> Alias {
    Alias { figure, how, scale: 1.0, join: Join::First, names, labels, of_process: false }
}

impl Alias {
    const fn times(mut self, scale: f64) -> Self {
        self.scale = scale;
        self
    }

    const fn joined(mut self, join: Join) -> Self {
        self.join = join;
        self
    }

    const fn of_process(mut self) -> Self {
        self.of_process = true;
        self
    }
}

const NANOSECONDS: f64 = 1e-9;
/// Milliseconds a second, as seconds a minute.
const MS_PER_S: f64 = 0.06;
const WHOLE: &[Label] = &[Label::None("topic")];
const BY_TOPIC: &[Label] = &[Label::Any("topic")];
const HEAP: &[Label] = &[Label::Is("area", "heap")];

/// Every name by which a figure is known.
pub const ALIASES: &[Alias] = &[
    // Strimzi's rules, its reporter, Bitnami's rules, no rules, rates of people's own rules, rules that know topics alone.
    alias(Figure::BytesIn, How::Counter, &["kafka_server_brokertopicmetrics_bytesin_total"], WHOLE),
    alias(Figure::BytesIn, How::Counter, &["kafka_server_brokertopicmetrics_bytesinpersec_total"], WHOLE),
    alias(Figure::BytesIn, How::Counter, &["kafka_server_brokertopicmetrics_total_bytesinpersec_count"], &[]),
    alias(
        Figure::BytesIn,
        How::Counter,
        &["kafka_server_brokertopicmetrics_count"],
        &[Label::Is("name", "BytesInPerSec"), Label::None("topic")],
    ),
    alias(Figure::BytesIn, How::MinuteRate, &["kafka_server_brokertopicmetrics_bytesinpersec_oneminuterate"], WHOLE),
    alias(
        Figure::BytesIn,
        How::Counter,
        &["kafka_server_brokertopicmetrics_bytesinpersec_total", "kafka_server_brokertopicmetrics_bytesin_total"],
        BY_TOPIC,
    )
    .joined(Join::Sum),
    alias(Figure::BytesOut, How::Counter, &["kafka_server_brokertopicmetrics_bytesout_total"], WHOLE),
    alias(Figure::BytesOut, How::Counter, &["kafka_server_brokertopicmetrics_bytesoutpersec_total"], WHOLE),
    alias(Figure::BytesOut, How::Counter, &["kafka_server_brokertopicmetrics_total_bytesoutpersec_count"], &[]),
    alias(
        Figure::BytesOut,
        How::Counter,
        &["kafka_server_brokertopicmetrics_count"],
        &[Label::Is("name", "BytesOutPerSec"), Label::None("topic")],
    ),
    alias(Figure::BytesOut, How::MinuteRate, &["kafka_server_brokertopicmetrics_bytesoutpersec_oneminuterate"], WHOLE),
    alias(
        Figure::BytesOut,
        How::Counter,
        &["kafka_server_brokertopicmetrics_bytesoutpersec_total", "kafka_server_brokertopicmetrics_bytesout_total"],
        BY_TOPIC,
    )
    .joined(Join::Sum),
    alias(Figure::MessagesIn, How::Counter, &["kafka_server_brokertopicmetrics_messagesin_total"], WHOLE),
    alias(Figure::MessagesIn, How::Counter, &["kafka_server_brokertopicmetrics_messagesinpersec_total"], WHOLE),
    alias(Figure::MessagesIn, How::Counter, &["kafka_server_brokertopicmetrics_total_messagesinpersec_count"], &[]),
    alias(
        Figure::MessagesIn,
        How::Counter,
        &["kafka_server_brokertopicmetrics_count"],
        &[Label::Is("name", "MessagesInPerSec"), Label::None("topic")],
    ),
    alias(
        Figure::MessagesIn,
        How::MinuteRate,
        &["kafka_server_brokertopicmetrics_messagesinpersec_oneminuterate"],
        WHOLE,
    ),
    alias(
        Figure::MessagesIn,
        How::Counter,
        &["kafka_server_brokertopicmetrics_messagesinpersec_total", "kafka_server_brokertopicmetrics_messagesin_total"],
        BY_TOPIC,
    )
    .joined(Join::Sum),
    // Bitnami's rules tell how many requests there were, and not how long they took.
    alias(
        Figure::ProduceTime,
        How::P99,
        &["kafka_network_requestmetrics_totaltimems"],
        &[Label::Is("request", "Produce"), Label::Is("quantile", "0.99")],
    ),
    alias(
        Figure::ProduceTime,
        How::P99,
        &["kafka_network_requestmetrics_99thpercentile"],
        &[Label::Is("request", "Produce"), Label::Is("name", "TotalTimeMs")],
    ),
    alias(
        Figure::ProduceTime,
        How::P99,
        &["kafka_network_requestmetrics_totaltimems_99thpercentile"],
        &[Label::Is("request", "Produce")],
    ),
    alias(
        Figure::ProduceTime,
        How::LifetimeMean,
        &["kafka_network_requestmetrics_totaltimems_mean"],
        &[Label::Is("request", "Produce")],
    ),
    alias(
        Figure::FetchTime,
        How::P99,
        &["kafka_network_requestmetrics_totaltimems"],
        &[Label::Is("request", "FetchConsumer"), Label::Is("quantile", "0.99")],
    ),
    alias(
        Figure::FetchTime,
        How::P99,
        &["kafka_network_requestmetrics_99thpercentile"],
        &[Label::Is("request", "FetchConsumer"), Label::Is("name", "TotalTimeMs")],
    ),
    alias(
        Figure::FetchTime,
        How::P99,
        &["kafka_network_requestmetrics_totaltimems_99thpercentile"],
        &[Label::Is("request", "FetchConsumer")],
    ),
    alias(
        Figure::FetchTime,
        How::LifetimeMean,
        &["kafka_network_requestmetrics_totaltimems_mean"],
        &[Label::Is("request", "FetchConsumer")],
    ),
    // What is counted are nanoseconds for each handler, so that its rate is the share; Strimzi's percentage is the mean
    // since the start, and a name without an ending is whatever its author took.
    alias(
        Figure::HandlerIdle,
        How::Counter,
        &[
            "kafka_server_kafkarequesthandlerpool_requesthandleravgidlepercent_total",
            "kafka_server_kafkarequesthandlerpool_requesthandleravgidlepercent_count",
        ],
        &[],
    )
    .times(NANOSECONDS),
    alias(
        Figure::HandlerIdle,
        How::MinuteRate,
        &[
            "kafka_server_kafkarequesthandlerpool_total_requesthandleravgidlepercent_oneminuterate",
            "kafka_server_kafkarequesthandlerpool_requesthandleravgidlepercent_oneminuterate",
        ],
        &[],
    ),
    alias(
        Figure::HandlerIdle,
        How::MinuteRate,
        &["kafka_server_kafkarequesthandlerpool_oneminuterate"],
        &[Label::Is("name", "RequestHandlerAvgIdlePercent")],
    ),
    alias(Figure::HandlerIdle, How::Gauge, &["kafka_server_kafkarequesthandlerpool_requesthandleravgidlepercent"], &[])
        .joined(Join::Least),
    alias(
        Figure::HandlerIdle,
        How::LifetimeMean,
        &["kafka_server_kafkarequesthandlerpool_requesthandleravgidle_percent"],
        &[],
    ),
    alias(
        Figure::NetworkIdle,
        How::Gauge,
        &[
            "kafka_network_socketserver_networkprocessoravgidle_percent",
            "kafka_network_socketserver_networkprocessoravgidlepercent",
            "kafka_network_socketserver_networkprocessoravgidlepercent_value",
        ],
        &[],
    ),
    alias(
        Figure::NetworkIdle,
        How::Gauge,
        &["kafka_network_socketserver_value"],
        &[Label::Is("name", "NetworkProcessorAvgIdlePercent")],
    ),
    // The broker's own beans before what the process that answers tells of itself.
    alias(Figure::HeapUsed, How::Gauge, &["java_lang_memory_heapmemoryusage_used", "jvm_memory_heap_used"], &[]),
    alias(Figure::HeapUsed, How::Gauge, &["jvm_memory_used_bytes", "jvm_memory_bytes_used"], HEAP).of_process(),
    alias(Figure::HeapMax, How::Gauge, &["java_lang_memory_heapmemoryusage_max", "jvm_memory_heap_max"], &[]),
    alias(Figure::HeapMax, How::Gauge, &["jvm_memory_max_bytes", "jvm_memory_bytes_max"], HEAP).of_process(),
    alias(
        Figure::Collecting,
        How::Counter,
        &[
            "java_lang_garbagecollector_collectiontime",
            "java_lang_garbagecollector_collectiontime_g1_young_generation",
            "java_lang_garbagecollector_collectiontime_g1_old_generation",
            "java_lang_garbagecollector_collectiontime_g1_concurrent_gc",
        ],
        &[],
    )
    .times(MS_PER_S)
    .joined(Join::Sum),
    alias(Figure::Collecting, How::Counter, &["jvm_gc_collection_seconds_sum"], &[])
        .times(60.0)
        .joined(Join::Sum)
        .of_process(),
    alias(Figure::Cpu, How::Counter, &["java_lang_operatingsystem_processcputime"], &[]).times(NANOSECONDS),
    alias(Figure::Cpu, How::Counter, &["process_cpu_seconds_total"], &[]).of_process(),
];

/// Where a broker's metrics are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exporter {
    /// The broker.
    pub broker: BrokerId,
    /// Its pod and the port.
    pub at: PodPort,
    /// True when another container than the broker's own answers.
    pub is_sidecar: bool,
}

/// One value as an exporter told it, scaled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// The value.
    pub value: f64,
    /// What it is.
    pub how: How,
    /// The exporter's name for it.
    pub metric: String,
}

/// What is kept of one answer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Scrape {
    /// Each figure by the best name that was there.
    pub figures: BTreeMap<Figure, Measured>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_figure_has_a_name_and_every_name_is_in_lower_case_and_used_once() {
        let mut known = Vec::new();
        for alias in ALIASES {
            assert!(!alias.names.is_empty());
            for name in alias.names {
                assert_eq!(*name, name.to_lowercase(), "{name}");
                assert!(!known.contains(&(name, alias.labels)), "{name} is there twice");
                known.push((name, alias.labels));
            }
        }
        for figure in Figure::ALL {
            assert!(ALIASES.iter().any(|alias| alias.figure == figure), "{figure:?}");
            assert_eq!(Figure::ALL.iter().filter(|other| other.key() == figure.key()).count(), 1);
        }
    }
}
