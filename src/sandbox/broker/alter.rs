//! Configs changed while the cluster runs: IncrementalAlterConfigs, and which values brokers take.

use std::collections::BTreeMap;

use kafka_protocol::{
    ResponseError,
    messages::{
        IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse,
        incremental_alter_configs_request::{AlterConfigsResource, AlterableConfig},
        incremental_alter_configs_response::AlterConfigsResourceResponse,
    },
};

use super::{
    config_table::{BROKER, Config, Kind, TOPIC},
    text,
    topics::Refusal,
};
use crate::sandbox::kafka::Kafka;

/// Numbers of resources.
const RESOURCE_TOPIC: i8 = 2;
const RESOURCE_BROKER: i8 = 4;

/// Numbers of operations: set, take away, add to a list, take out of a list.
const SET: i8 = 0;
const DELETE: i8 = 1;
const APPEND: i8 = 2;
const SUBTRACT: i8 = 3;

/// The lowest value of numbers that may not be anything.
const LOWEST: [(&str, f64); 18] = [
    ("delete.retention.ms", 0.0),
    ("file.delete.delay.ms", 0.0),
    ("flush.messages", 1.0),
    ("flush.ms", 0.0),
    ("follower.replication.throttled.rate", 0.0),
    ("index.interval.bytes", 0.0),
    ("leader.replication.throttled.rate", 0.0),
    ("log.segment.bytes", 1_048_576.0),
    ("max.compaction.lag.ms", 1.0),
    ("max.message.bytes", 0.0),
    ("message.max.bytes", 0.0),
    ("min.cleanable.dirty.ratio", 0.0),
    ("min.compaction.lag.ms", 0.0),
    ("min.insync.replicas", 1.0),
    ("num.io.threads", 1.0),
    ("retention.ms", -1.0),
    ("segment.bytes", 1_048_576.0),
    ("segment.ms", 1.0),
];

/// Words that a text may be, where not all are right.
const WORDS: [(&str, &[&str]); 4] = [
    ("cleanup.policy", &["compact", "delete"]),
    ("compression.type", &["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"]),
    ("log.cleanup.policy", &["compact", "delete"]),
    ("message.timestamp.type", &["CreateTime", "LogAppendTime"]),
];

/// IncrementalAlterConfigs (key 44).
pub fn alter(kafka: &mut Kafka, me: i32, asked: &IncrementalAlterConfigsRequest) -> IncrementalAlterConfigsResponse {
    let results = asked.resources.iter().map(|resource| {
        let answer = AlterConfigsResourceResponse::default()
            .with_resource_type(resource.resource_type)
            .with_resource_name(resource.resource_name.clone());
        let made = match resource.resource_type {
            RESOURCE_TOPIC => topic(kafka, resource, asked.validate_only),
            RESOURCE_BROKER => broker(kafka, me, resource, asked.validate_only),
            other => Err((ResponseError::InvalidRequest, format!("Unexpected resource type {other}."))),
        };
        match made {
            Ok(()) => answer.with_error_message(None),
            Err((error, why)) => answer.with_error_code(error.code()).with_error_message(Some(text(&why))),
        }
    });
    let results = results.collect();
    IncrementalAlterConfigsResponse::default().with_responses(results)
}

fn topic(kafka: &mut Kafka, asked: &AlterConfigsResource, validate_only: bool) -> Result<(), Refusal> {
    let name = asked.resource_name.as_str();
    let unknown = || (ResponseError::UnknownTopicOrPartition, format!("The topic '{name}' does not exist."));
    let topic = kafka.topics.get_mut(name).ok_or_else(unknown)?;
    let changed = changed(&topic.configs, &asked.configs, TOPIC, check_topic)?;
    if !validate_only {
        topic.configs = changed;
    }
    Ok(())
}

fn broker(kafka: &mut Kafka, me: i32, asked: &AlterConfigsResource, validate_only: bool) -> Result<(), Refusal> {
    if asked.resource_name.parse() != Ok(me) {
        let why = format!("Unexpected broker id, expected {me}, but received {}", asked.resource_name.as_str());
        return Err((ResponseError::InvalidRequest, why));
    }
    let check = |name: &str, value: &str| match BROKER.iter().find(|config| config.name == name) {
        // Of a topic that is an INVALID_CONFIG.
        Some(config) if config.dynamic => {
            check_value(config, value).map_err(|(_, why)| (ResponseError::InvalidRequest, why))
        }
        // What no broker knows is kept for plugins.
        None if !is_of_start(name) => Ok(()),
        _ => {
            let why = format!("Cannot update these configs dynamically: Set({name})");
            Err((ResponseError::InvalidRequest, why))
        }
    };
    let now = kafka.changes.configs.get(&me).cloned().unwrap_or_default();
    let changed = changed(&now, &asked.configs, BROKER, check)?;
    if !validate_only {
        kafka.changes.configs.insert(me, changed);
    }
    Ok(())
}

/// Configs that count only when a broker starts, beyond those of the table.
fn is_of_start(name: &str) -> bool {
    matches!(name, "node.id" | "broker.id" | "log.dirs" | "process.roles" | "broker.rack" | "advertised.listeners")
}

fn changed(
    now: &BTreeMap<String, String>,
    changes: &[AlterableConfig],
    table: &[Config],
    check: impl Fn(&str, &str) -> Result<(), Refusal>,
) -> Result<BTreeMap<String, String>, Refusal> {
    let mut configs = now.clone();
    for change in changes {
        let name = change.name.as_str();
        let value = change.value.as_deref().unwrap_or_default();
        let known = table.iter().find(|config| config.name == name);
        let is_list = known.is_some_and(|config| config.kind == Kind::List);
        match change.config_operation {
            DELETE => {
                configs.remove(name);
            }
            SET if change.value.is_none() => {
                let why = format!("Null value not supported for : {name}");
                return Err((ResponseError::InvalidRequest, why));
            }
            SET => {
                check(name, value)?;
                configs.insert(name.to_owned(), value.to_owned());
            }
            APPEND | SUBTRACT if is_list => {
                let default = known.map_or("", |config| config.default);
                let there = configs.get(name).map_or(default, String::as_str);
                let mut words: Vec<&str> = there.split(',').filter(|word| !word.is_empty()).collect();
                let given: Vec<&str> = value.split(',').collect();
                words.retain(|word| !given.contains(word));
                if change.config_operation == APPEND {
                    words.extend(given);
                }
                let value = words.join(",");
                check(name, &value)?;
                configs.insert(name.to_owned(), value);
            }
            APPEND | SUBTRACT => {
                let why = format!("Can't APPEND to key {name} because its type is not LIST.");
                return Err((ResponseError::InvalidConfig, why));
            }
            other => return Err((ResponseError::InvalidRequest, format!("Unknown operation type {other}."))),
        }
    }
    Ok(configs)
}

/// Whether a topic can have this config.
pub fn check_topic(name: &str, value: &str) -> Result<(), Refusal> {
    match TOPIC.iter().find(|config| config.name == name) {
        Some(config) => check_value(config, value),
        None => Err((ResponseError::InvalidConfig, format!("Unknown topic config name: {name}"))),
    }
}

fn check_value(config: &Config, value: &str) -> Result<(), Refusal> {
    let name = config.name;
    let invalid = |why: String| {
        Err((ResponseError::InvalidConfig, format!("Invalid value {value} for configuration {name}: {why}")))
    };
    let trimmed = value.trim();
    let number = match config.kind {
        Kind::Boolean if trimmed.eq_ignore_ascii_case("true") || trimmed.eq_ignore_ascii_case("false") => None,
        Kind::Boolean => return invalid("Expected value to be either true or false".to_owned()),
        Kind::Int => Some(trimmed.parse::<i32>().map(f64::from).map_err(|_| "INT")),
        Kind::Long => Some(trimmed.parse::<i64>().map(|n| n as f64).map_err(|_| "LONG")),
        Kind::Double => Some(trimmed.parse::<f64>().map_err(|_| "DOUBLE")),
        Kind::String | Kind::List => None,
    };
    match number {
        Some(Err(kind)) => return invalid(format!("Not a number of type {kind}")),
        Some(Ok(number)) => {
            let lowest = LOWEST.iter().find(|(known, _)| *known == name).map(|(_, lowest)| *lowest);
            if let Some(lowest) = lowest.filter(|lowest| number < *lowest) {
                return invalid(format!("Value must be at least {lowest}"));
            }
            if name == "min.cleanable.dirty.ratio" && number > 1.0 {
                return invalid("Value must be no more than 1".to_owned());
            }
        }
        None => {}
    }
    let Some((_, words)) = WORDS.iter().find(|(known, _)| *known == name) else { return Ok(()) };
    let given = value.split(',').map(str::trim);
    let wrong = given.into_iter().find(|word| !words.contains(word));
    match wrong {
        Some(_) => invalid(format!("String must be one of: {}", words.join(", "))),
        None => Ok(()),
    }
}
