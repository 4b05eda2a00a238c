//! Configs of brokers: what is set, of each of them now and then; and all of one owner with what they mean, when
//! somebody asks.
//!
//! Topics' are in `topics`. A secret goes no further than here, whether the broker calls it one or its name does.

use std::{sync::Arc, time::Duration};

use kafka_protocol::messages::{
    DescribeConfigsResponse,
    describe_configs_response::{DescribeConfigsResourceResult, DescribeConfigsResult, DescribeConfigsSynonym},
};
use tokio::time::{Instant, sleep_until};

use super::{failure::CallError, observer::Shared};
use crate::{
    domain::{
        config::{Config, ConfigEntry, ConfigSource, Owner, kind},
        freshness::{Asked, SourceFailure},
        html,
        ids::BrokerId,
        topic::TopicConfig,
    },
    facts::KafkaBody,
    wire::requests::{self, Meanings, TOPIC_CONFIGS},
};

/// How often a broker's configs are asked for.
const EVERY: Duration = Duration::from_secs(300);

/// After a failure they are asked for again; not so soon where it is a permission that is missing.
const AGAIN_AFTER: Duration = Duration::from_secs(5);
const ASK_LEAVE_AFTER: Duration = Duration::from_secs(60);

/// Asks one broker for its configs (key 32) and tells those that are set.
pub async fn of_broker(shared: Arc<Shared>, broker: BrokerId) {
    let mut pulse = shared.pulse();
    loop {
        let mut next = Instant::now() + EVERY;
        let asked = shared.roster.ask(broker, &requests::broker_configs(broker.0, Meanings::LeftOut)).await;
        match asked.and_then(|answer| read(&answer)) {
            Ok(mut configs) => {
                configs.retain(|config| config.entry.source != ConfigSource::Default);
                shared.desk.answered(Asked::BrokerConfigs, Some(broker), KafkaBody::BrokerConfigs(configs)).await;
            }
            Err(why) => {
                next = Instant::now() + if why.is_forbidden() { ASK_LEAVE_AFTER } else { AGAIN_AFTER };
                shared.desk.failed(Asked::BrokerConfigs, Some(broker), &why).await;
            }
        }
        tokio::select! {
            () = sleep_until(next) => {}
            gone = pulse.changed() => if gone.is_err() {
                return;
            },
        }
    }
}

/// Asks for all configs of one owner, with what they mean.
pub async fn describe(shared: &Shared, of: &Owner) -> Result<Vec<Config>, SourceFailure> {
    let (asked, broker) = match of {
        Owner::Broker(id) => {
            let request = requests::broker_configs(id.0, Meanings::Told);
            (shared.roster.ask(*id, &request).await, Some(*id))
        }
        Owner::Topic(topic) => {
            (shared.roster.ask_any(&requests::topic_configs(topic)).await.map(|answer| answer.body), None)
        }
    };
    let what = if broker.is_some() { Asked::BrokerConfigs } else { Asked::TopicConfigs };
    asked.and_then(|answer| read(&answer)).map_err(|why| why.told(what, broker))
}

/// The configs of the one owner that was asked about, in the order of their names.
pub fn read(answer: &DescribeConfigsResponse) -> Result<Vec<Config>, CallError> {
    let Some(result) = answer.results.first() else {
        return Err(CallError::Garbled { why: "the answer is about nothing".to_owned() });
    };
    if result.error_code != 0 {
        return Err(CallError::Refused { code: result.error_code });
    }
    let mut configs: Vec<Config> = result.configs.iter().map(config).collect();
    configs.sort_by(|a, b| a.entry.name.cmp(&b.entry.name));
    Ok(configs)
}

fn config(c: &DescribeConfigsResourceResult) -> Config {
    let entry = entry(c);
    let synonym = |s: &DescribeConfigsSynonym| {
        let (hidden, is_text, source) = (c.is_sensitive || entry.hidden, is_text(c), ConfigSource::of(s.source));
        ConfigEntry::harmless(s.name.as_str(), s.value.as_deref(), hidden, is_text, source)
    };
    Config {
        synonyms: c.synonyms.iter().map(synonym).collect(),
        read_only: c.read_only,
        kind: kind(c.config_type).map(str::to_owned),
        documentation: c.documentation.as_deref().map(html::plain).filter(|text| !text.is_empty()),
        entry,
    }
}

fn entry(c: &DescribeConfigsResourceResult) -> ConfigEntry {
    let (value, source) = (c.value.as_deref(), ConfigSource::of(c.config_source));
    ConfigEntry::harmless(
        c.name.as_str(),
        value,
        c.is_sensitive || kind(c.config_type) == Some("password"),
        is_text(c),
        source,
    )
}

/// False for numbers and switches.
fn is_text(c: &DescribeConfigsResourceResult) -> bool {
    !matches!(kind(c.config_type), Some("boolean" | "int" | "short" | "long" | "double"))
}

/// DescribeConfigs (key 32) of topics: those that were given, and the codes of those that were not. Kept is what is
/// always asked for, and what a topic sets itself.
pub fn of_topics(answer: &DescribeConfigsResponse, complete: bool) -> (Vec<TopicConfig>, Vec<i16>) {
    let (good, bad): (Vec<_>, Vec<_>) = answer.results.iter().partition(|r| r.error_code == 0);
    let kept = |c: &ConfigEntry| c.source == ConfigSource::DynamicTopic || TOPIC_CONFIGS.contains(&c.name.as_str());
    let topic = |r: &DescribeConfigsResult| TopicConfig {
        topic: r.resource_name.to_string(),
        entries: r.configs.iter().map(entry).filter(kept).collect(),
        complete,
    };
    (good.into_iter().map(topic).collect(), bad.iter().map(|r| r.error_code).collect())
}

#[cfg(test)]
mod tests {
    use kafka_protocol::protocol::StrBytes;

    use super::*;

    fn told(name: &'static str, value: Option<&'static str>, source: i8, kind: i8) -> DescribeConfigsResourceResult {
        DescribeConfigsResourceResult::default()
            .with_name(StrBytes::from_static_str(name))
            .with_value(value.map(StrBytes::from_static_str))
            .with_config_source(source)
            .with_config_type(kind)
    }

    fn answer(configs: Vec<DescribeConfigsResourceResult>) -> DescribeConfigsResponse {
        let result = DescribeConfigsResult::default().with_resource_name("orders".into()).with_configs(configs);
        DescribeConfigsResponse::default().with_results(vec![result])
    }

    #[test]
    fn a_secret_leaves_neither_as_a_value_nor_as_a_synonym_even_if_the_broker_sends_it() {
        let synonym = DescribeConfigsSynonym::default()
            .with_name("ssl.keystore.password".into())
            .with_value(Some("canary-4f".into()))
            .with_source(4);
        let mut secret = told("listener.name.x.ssl.keystore.password", Some("canary-4f"), 4, 2);
        secret.synonyms = vec![synonym];
        let typed = told("innocent", Some("canary-4f"), 4, 9);
        let configs = read(&answer(vec![secret, typed])).unwrap();
        assert!(configs.iter().all(|c| c.entry.shown() == "hidden"));
        assert!(!format!("{configs:?}").contains("canary"), "{configs:?}");
    }

    #[test]
    fn of_topics_only_what_is_needed_is_kept() {
        let all = vec![
            told("min.insync.replicas", Some("2"), 4, 3),
            told("segment.ms", Some("9"), 1, 5),
            told("flush.ms", Some("9"), 5, 5),
        ];
        let (configs, refused) = of_topics(&answer(all), true);
        let names: Vec<&str> = configs[0].entries.iter().map(|e| e.name.as_str()).collect();
        assert_eq!((names, refused), (vec!["min.insync.replicas", "segment.ms"], vec![]));
        assert_eq!((configs[0].overrides().count(), configs[0].min_isr()), (1, Some(2)));
    }

    #[test]
    fn documentation_is_plain_text_and_an_error_is_told() {
        let mut documented = told("a", None, 5, 2);
        documented.documentation = Some("See <code>b</code>.".into());
        let configs = read(&answer(vec![documented])).unwrap();
        assert_eq!(configs[0].documentation.as_deref(), Some("See b."));
        assert_eq!(configs[0].entry.shown(), "not set");
        let mut refused = answer(vec![]);
        refused.results[0].error_code = 31;
        assert_eq!(read(&refused), Err(CallError::Refused { code: 31 }));
        assert!(read(&DescribeConfigsResponse::default()).is_err());
    }
}
