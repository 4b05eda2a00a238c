//! What brokers tell on their metrics ports, with counters made into rates.
//!
//! A rate is that between the last two answers that are three seconds apart or more. A counter that went back, because
//! the process began anew, has none until the answer after; nor has one that another name tells than before.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Serialize, Serializer, ser::SerializeMap};

use crate::domain::{
    freshness::{Freshness, Source, SourceState},
    ids::BrokerId,
    metrics::{Figure, How, Measured, Scrape},
};

use super::Reading;

/// Over less than this two answers make no rate.
const SHORTEST: TimeDelta = TimeDelta::seconds(3);

/// What one broker told.
#[derive(Debug, Default)]
pub struct MetricsWorld {
    /// The answer that counters are compared with next.
    base: Option<(DateTime<Utc>, Scrape)>,
    /// Each figure that is known.
    figures: BTreeMap<Figure, Measured>,
}

impl MetricsWorld {
    /// Takes an answer in.
    pub fn apply(&mut self, at: DateTime<Utc>, scrape: Scrape) {
        let elapsed = self.base.as_ref().map(|(then, _)| at - *then);
        let is_long = elapsed.is_none_or(|elapsed| elapsed >= SHORTEST);
        let mut figures = BTreeMap::new();
        for (figure, told) in &scrape.figures {
            let value = match told.how {
                How::Counter if is_long => self.rate(at, *figure, told),
                How::Counter => self.figures.get(figure).filter(|known| known.how == How::Counter).map(|k| k.value),
                _ => Some(told.value),
            };
            // Handlers of brokers that are controllers, too, are counted twice before Kafka 4.2.
            let value = value.map(|value| if figure.is_share() { value.clamp(0.0, 1.0) } else { value });
            if let Some(value) = value.filter(|value| *value >= 0.0) {
                figures.insert(*figure, Measured { value, ..told.clone() });
            }
        }
        self.figures = figures;
        if is_long {
            self.base = Some((at, scrape));
        }
    }

    /// How much a counter grows a second.
    fn rate(&self, at: DateTime<Utc>, figure: Figure, told: &Measured) -> Option<f64> {
        let (then, base) = self.base.as_ref()?;
        let before = base.figures.get(&figure).filter(|b| b.metric == told.metric && b.value <= told.value)?;
        Some((told.value - before.value) / ((at - *then).num_milliseconds() as f64 / 1000.0))
    }
}

/// What is known of a broker's own metrics.
#[derive(Debug, Clone, PartialEq)]
pub struct BrokerMetrics {
    /// When it was told.
    pub as_of: Option<DateTime<Utc>>,
    /// True when that is older than it should be.
    pub is_stale: bool,
    /// Each figure that is known.
    pub figures: BTreeMap<Figure, Measured>,
}

impl BrokerMetrics {
    /// A figure, if it is known.
    pub fn value(&self, figure: Figure) -> Option<f64> {
        self.figures.get(&figure).map(|measured| measured.value)
    }

    /// Whole percent of the heap in use.
    pub fn heap_percent(&self) -> Option<u8> {
        let (used, max) = (self.value(Figure::HeapUsed)?, self.value(Figure::HeapMax)?);
        crate::domain::units::percent(used as u64, max as u64)
    }
}

/// Every figure by its name, null where it is not known; and who told those that are.
impl Serialize for BrokerMetrics {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("as_of", &self.as_of)?;
        map.serialize_entry("stale", &self.is_stale)?;
        for figure in Figure::ALL {
            // Three digits more than nothing are worth writing down.
            let value = self.value(figure).map(|value| (value * 1000.0).round() / 1000.0);
            map.serialize_entry(figure.key(), &value)?;
        }
        let from =
            self.figures.iter().map(|(figure, told)| (figure.key(), Origin { how: told.how, metric: &told.metric }));
        map.serialize_entry("from", &from.collect::<BTreeMap<_, _>>())?;
        map.end()
    }
}

/// Where a figure is from.
#[derive(Serialize)]
struct Origin<'a> {
    how: How,
    metric: &'a str,
}

impl Reading<'_> {
    /// What a broker told on its metrics port; `None` before it told anything.
    pub fn metrics(&self, broker: BrokerId) -> Option<BrokerMetrics> {
        let told = self.world.metrics.get(&self.installation.id)?.get(&broker)?;
        let fresh = self.metrics_freshness(broker);
        Some(BrokerMetrics {
            as_of: fresh.as_of,
            is_stale: fresh.state != SourceState::Live,
            figures: told.figures.clone(),
        })
    }

    /// State of a broker's metrics port.
    pub fn metrics_freshness(&self, broker: BrokerId) -> Freshness {
        let source = Source::Metrics { installation: self.installation.id.clone(), broker };
        self.world.sources.freshness(&source, self.now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_000_000 + seconds, 0).unwrap()
    }

    fn scrape(figures: &[(Figure, How, f64)]) -> Scrape {
        let told = |(figure, how, value): &(Figure, How, f64)| {
            (*figure, Measured { value: *value, how: *how, metric: format!("{}_{how:?}", figure.key()) })
        };
        Scrape { figures: figures.iter().map(told).collect() }
    }

    fn bytes(counted: f64) -> Scrape {
        scrape(&[(Figure::BytesIn, How::Counter, counted)])
    }

    fn value(world: &MetricsWorld, figure: Figure) -> Option<f64> {
        world.figures.get(&figure).map(|measured| measured.value)
    }

    #[test]
    fn a_counter_is_a_rate_from_the_second_answer_on_and_not_over_a_moment() {
        let mut world = MetricsWorld::default();
        world.apply(at(0), bytes(1000.0));
        assert_eq!(value(&world, Figure::BytesIn), None);
        world.apply(at(2), bytes(1100.0));
        assert_eq!(value(&world, Figure::BytesIn), None);
        world.apply(at(10), bytes(2000.0));
        assert_eq!(value(&world, Figure::BytesIn), Some(100.0));
        world.apply(at(11), bytes(9000.0));
        assert_eq!(value(&world, Figure::BytesIn), Some(100.0), "a second later it is the same rate");
        world.apply(at(20), bytes(2000.0));
        assert_eq!(value(&world, Figure::BytesIn), Some(0.0));
    }

    #[test]
    fn a_process_that_began_anew_has_no_rate_and_none_that_is_negative() {
        let mut world = MetricsWorld::default();
        world.apply(at(0), bytes(5000.0));
        world.apply(at(15), bytes(10.0));
        assert_eq!(value(&world, Figure::BytesIn), None);
        world.apply(at(30), bytes(40.0));
        assert_eq!(value(&world, Figure::BytesIn), Some(2.0));
    }

    #[test]
    fn what_another_name_counts_is_not_compared() {
        let mut world = MetricsWorld::default();
        world.apply(at(0), bytes(10.0));
        let mut other = bytes(1e9);
        other.figures.get_mut(&Figure::BytesIn).unwrap().metric = "another".into();
        world.apply(at(15), other);
        assert_eq!(value(&world, Figure::BytesIn), None);
    }

    #[test]
    fn what_is_no_counter_is_known_at_once_and_no_share_is_more_than_the_whole() {
        let mut world = MetricsWorld::default();
        world.apply(
            at(0),
            scrape(&[
                (Figure::HandlerIdle, How::Gauge, 1.97),
                (Figure::HeapUsed, How::Gauge, 100.0),
                (Figure::HeapMax, How::Gauge, -1.0),
                (Figure::ProduceTime, How::P99, 3.5),
            ]),
        );
        assert_eq!(value(&world, Figure::HandlerIdle), Some(1.0));
        assert_eq!(value(&world, Figure::ProduceTime), Some(3.5));
        assert_eq!(value(&world, Figure::HeapMax), None, "-1 is Java's word for no limit");
        world.apply(at(15), scrape(&[(Figure::HeapUsed, How::Gauge, 90.0)]));
        assert_eq!(value(&world, Figure::ProduceTime), None, "what is told no more is known no more");
    }

    #[test]
    fn what_was_told_is_the_same_after_it_was_recorded() {
        let told = scrape(&[(Figure::BytesIn, How::Counter, 12.5), (Figure::FetchTime, How::P99, 501.0)]);
        let text = serde_json::to_string(&told).unwrap();
        assert_eq!(serde_json::from_str::<Scrape>(&text).unwrap(), told, "{text}");
    }

    #[test]
    fn a_document_has_every_figure_and_says_who_told_it() {
        let mut world = MetricsWorld::default();
        world.apply(at(0), scrape(&[(Figure::HandlerIdle, How::Gauge, 0.987_654)]));
        let metrics = BrokerMetrics { as_of: Some(at(0)), is_stale: false, figures: world.figures };
        let document = serde_json::to_value(&metrics).unwrap();
        for figure in Figure::ALL {
            assert!(document.get(figure.key()).is_some(), "{}", figure.key());
        }
        assert_eq!(document["request_handler_idle"], 0.988);
        assert!(document["bytes_in_per_s"].is_null());
        assert_eq!(document["from"]["request_handler_idle"]["how"], "gauge");
        assert_eq!(document["from"].as_object().unwrap().len(), 1);
    }
}
