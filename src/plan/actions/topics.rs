//! What actions on topics share: whose a topic is, which configs there are, and how values are told.
//!
//! `topic_create`, `topic_alter` and `topic_delete` call it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::kafka_resource;
use crate::{
    domain::{
        config::{Config, ConfigSource},
        freshness::Kind,
        strimzi::KafkaTopic,
        units,
    },
    plan::Refusal,
    world::{KafkaWorld, Reading},
};

/// The longest that is told of a config's documentation.
const LONGEST_DOC: usize = 160;

/// The namespace of KafkaTopics, where a Topic Operator looks after topics.
pub fn topics_in<'a>(reading: &Reading<'a>) -> Option<&'a str> {
    kafka_resource(reading)?.topics_in.as_deref()
}

/// The KafkaTopic that declares a topic, whether or not the operator looks after it; the oldest where several do.
pub fn declared<'a>(reading: &Reading<'a>, topic: &str) -> Option<&'a KafkaTopic> {
    let (namespace, cluster) = (topics_in(reading)?, &reading.installation.id.name);
    let is = |one: &&KafkaTopic| {
        one.meta.namespace == namespace
            && one.meta.labels.get("strimzi.io/cluster") == Some(cluster)
            && one.called() == topic
    };
    let all = reading.world.kube.topics.values().map(AsRef::as_ref).filter(is);
    all.min_by_key(|one| (one.meta.created_at, &one.meta.name))
}

/// The KafkaTopic that a change of a topic must go through; none where the brokers are to be asked.
///
/// # Errors
/// Whose it is cannot be seen, or its operator is told to leave it alone for now.
pub fn owner<'a>(reading: &Reading<'a>, topic: &str) -> Result<Option<&'a KafkaTopic>, Refusal> {
    if topics_in(reading).is_none() {
        return Ok(None);
    }
    let seen = reading.watch(Kind::Topics);
    if seen.as_of.is_none() {
        let why = seen.why.unwrap_or_else(|| "they have not been listed".to_owned());
        let refusal = Refusal::new(format!("whether a KafkaTopic declares {topic} cannot be seen: {why}"));
        return Err(refusal.hint("The Topic Operator would undo a change that passes it by."));
    }
    let found = declared(reading, topic).filter(|one| one.is_managed());
    let paused = |one: &KafkaTopic| one.conditions.iter().any(|c| c.kind == "ReconciliationPaused");
    match found {
        Some(one) if one.meta.deleting_since.is_some() => {
            Err(Refusal::new(format!("KafkaTopic {} is being deleted", one.meta.key())))
        }
        Some(one) if paused(one) => {
            let why = format!("the Topic Operator is told to leave KafkaTopic {} alone", one.meta.key());
            Err(Refusal::new(why).hint("Take annotation strimzi.io/pause-reconciliation away first."))
        }
        found => Ok(found),
    }
}

/// What brokers know of a topic.
///
/// # Errors
/// They list none of this name; the nearest is named.
pub fn listed<'a>(
    reading: &Reading<'a>,
    topic: &str,
) -> Result<(&'a KafkaWorld, &'a crate::domain::topic::Topic), Refusal> {
    let kafka = reading.kafka().filter(|kafka| kafka.metadata_at.is_some());
    let kafka = kafka.ok_or_else(|| Refusal::new("no broker has told which topics there are"))?;
    if let Some(found) = kafka.topics.get(topic) {
        return Ok((kafka, found));
    }
    let refusal = Refusal::new(format!("there is no topic {topic}"));
    Err(match nearest(topic, kafka.topics.keys().map(String::as_str)) {
        Some(near) => refusal.hint(format!("Did you mean {near}?")),
        None => refusal.hint("List them with: kafdeck topics"),
    })
}

/// What is set on the topic itself.
pub fn set_on_topic(configs: &[Config]) -> BTreeMap<String, String> {
    let set = configs.iter().filter(|one| one.entry.source == ConfigSource::DynamicTopic);
    set.filter_map(|one| Some((one.entry.name.clone(), one.entry.value.clone()?))).collect()
}

/// Refuses configs that the brokers do not know, and names the nearest; and values that are none of their type.
///
/// # Errors
/// The config, and which one may be meant.
pub fn known_configs(configs: &BTreeMap<String, String>, known: &[Config]) -> Result<(), Refusal> {
    if known.is_empty() {
        return Ok(());
    }
    for (name, value) in configs {
        let Some(config) = known.iter().find(|config| config.entry.name == *name) else {
            return Err(unknown(name, known.iter().map(|config| config.entry.name.as_str())));
        };
        if let Some(wanted) = unfit(config.kind.as_deref(), value) {
            return Err(Refusal::usage(format!("config {name} must be {wanted}, not {value:?}")));
        }
    }
    Ok(())
}

/// A config that brokers do not know.
pub fn unknown<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Refusal {
    let refusal = Refusal::usage(format!("brokers know no topic config {name}"));
    match nearest(name, known) {
        Some(near) => refusal.hint(format!("Did you mean {near}?")),
        None => refusal.hint("List them with C on a topic in the console."),
    }
}

/// What a value of a type must be, where this one is not.
fn unfit(kind: Option<&str>, value: &str) -> Option<&'static str> {
    let (fits, words) = match kind? {
        "int" | "short" | "long" => (value.trim().parse::<i64>().is_ok(), "a whole number"),
        "double" => (value.trim().parse::<f64>().is_ok(), "a number"),
        "boolean" => (matches!(value.trim().to_ascii_lowercase().as_str(), "true" | "false"), "true or false"),
        _ => return None,
    };
    (!fits).then_some(words)
}

/// The name that is most like another one, if any is.
pub fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let scored = known.map(|known| (strsim::jaro_winkler(name, known), known));
    let best = scored.max_by(|a, b| a.0.total_cmp(&b.0))?;
    (best.0 > 0.8).then_some(best.1)
}

/// A config's value as a manifest has it: a number and a truth as such.
pub fn scalar(value: &str) -> Value {
    match (value, value.parse::<i64>()) {
        (_, Ok(number)) if number.to_string() == value => json!(number),
        ("true", _) => json!(true),
        ("false", _) => json!(false),
        _ => json!(value),
    }
}

/// A value with its unit where its name tells one: `3600000 (1h)`.
pub fn readable(name: &str, value: &str) -> String {
    let number: Option<i64> = value.parse().ok().filter(|number| (1_000..i64::MAX / 2).contains(number));
    let unit = name.rsplit('.').next().unwrap_or_default();
    match number {
        Some(ms) if unit == "ms" => format!("{value} ({})", units::duration(ms / 1_000)),
        Some(size) if unit == "bytes" => format!("{value} ({})", units::bytes(size.unsigned_abs())),
        _ => value.to_owned(),
    }
}

/// What brokers say that configs mean: a sentence each.
pub fn meanings<'a>(names: impl Iterator<Item = &'a str>, known: &[Config]) -> Vec<String> {
    let names: BTreeSet<&str> = names.collect();
    let doc = |name: &&str| {
        let text = known.iter().find(|one| one.entry.name == **name)?.documentation.as_deref()?;
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let first = text.split_once(". ").map_or(text.as_str(), |(first, _)| first).trim_end_matches('.');
        let cut: String = first.chars().take(LONGEST_DOC).collect();
        let more = if cut.len() < first.len() { "…" } else { "." };
        (!cut.is_empty()).then(|| format!("{name}: {cut}{more}"))
    };
    names.iter().filter_map(doc).collect()
}

/// What is worth knowing of a value of `min.insync.replicas`.
pub fn of_min_isr(value: Option<&String>, factor: usize) -> Option<String> {
    let least: usize = value?.parse().ok()?;
    (factor > 1 && least >= factor).then(|| {
        format!("min.insync.replicas {least} of {factor} replicas: one broker down stops every writer with acks=all")
    })
}

/// True where all configs that topics set are asked for, so that what becomes of a change can be watched.
pub fn configs_are_watched(reading: &Reading<'_>) -> bool {
    reading.kafka().is_some_and(|kafka| kafka.configs.values().all(|config| config.complete))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::config::ConfigEntry;

    fn config(name: &str, kind: &str, documentation: &str) -> Config {
        Config {
            entry: ConfigEntry { name: name.into(), ..ConfigEntry::default() },
            kind: Some(kind.into()),
            documentation: Some(documentation.into()),
            ..Config::default()
        }
    }

    #[test]
    fn the_nearest_config_is_named_and_nothing_that_is_far() {
        let known = ["retention.ms", "retention.bytes", "cleanup.policy"];
        assert_eq!(nearest("retension.ms", known.into_iter()), Some("retention.ms"));
        assert_eq!(nearest("xyz", known.into_iter()), None);
    }

    #[test]
    fn a_config_is_held_against_the_brokers_list_and_its_type() {
        let known = [config("retention.ms", "long", ""), config("preallocate", "boolean", "")];
        let refused = |name: &str, value: &str| {
            known_configs(&BTreeMap::from([(name.to_owned(), value.to_owned())]), &known)
                .err()
                .map(|refusal| refusal.why)
        };
        assert_eq!(refused("retention.ms", "-1"), None);
        assert_eq!(refused("retention.ms", "1h").unwrap(), "config retention.ms must be a whole number, not \"1h\"");
        assert_eq!(refused("preallocate", "yes").unwrap(), "config preallocate must be true or false, not \"yes\"");
        assert_eq!(refused("retention.msec", "1").unwrap(), "brokers know no topic config retention.msec");
    }

    #[test]
    fn values_are_told_with_their_unit_and_written_as_what_they_are() {
        assert_eq!(readable("retention.ms", "3600000"), "3600000 (60m)");
        assert_eq!(readable("segment.bytes", "1048576"), "1048576 (1 MiB)");
        assert_eq!([readable("retention.ms", "-1"), readable("x", "3600000")], ["-1", "3600000"]);
        assert_eq!(
            [scalar("7"), scalar("007"), scalar("true"), scalar("a")],
            [json!(7), json!("007"), json!(true), json!("a")]
        );
    }

    #[test]
    fn of_what_a_config_means_the_first_sentence_is_told() {
        let known = [config("retention.ms", "long", "How long\n records stay. And more.")];
        assert_eq!(meanings(["retention.ms", "x"].into_iter(), &known), ["retention.ms: How long records stay."]);
    }
}
