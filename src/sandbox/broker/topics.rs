//! Topics made, deleted, and given more partitions: CreateTopics, DeleteTopics and CreatePartitions.

use std::collections::BTreeMap;

use kafka_protocol::{
    ResponseError,
    messages::{
        CreatePartitionsRequest, CreatePartitionsResponse, CreateTopicsRequest, CreateTopicsResponse,
        DeleteTopicsRequest, DeleteTopicsResponse, TopicName,
        create_partitions_request::CreatePartitionsTopic,
        create_partitions_response::CreatePartitionsTopicResult,
        create_topics_request::CreatableTopic,
        create_topics_response::{CreatableTopicConfigs, CreatableTopicResult},
        delete_topics_response::DeletableTopicResult,
    },
};

use super::{
    alter,
    changes::without_controller,
    cluster::{is_name, topic_id},
    configs::effective,
    text,
};
use crate::sandbox::kafka::{Kafka, Partition, Topic};

/// An error and Kafka's words for it.
pub type Refusal = (ResponseError, String);

/// The number that stands for the brokers' default.
const DEFAULT: i32 = -1;

/// Partitions and replicas where neither the request nor the brokers' files name a number.
const ONE: i32 = 1;

/// Longest name of a topic.
const LONGEST_NAME: usize = 249;

/// The first version of CreateTopics that tells what was made (KIP-525), and the first that tells ids (KIP-516).
const TELLS: i16 = 5;
const WITH_IDS: i16 = 7;

/// The first version of DeleteTopics that takes ids.
const BY_ID: i16 = 6;

/// CreateTopics (key 19).
pub fn create(kafka: &mut Kafka, asked: &CreateTopicsRequest, version: i16) -> CreateTopicsResponse {
    let absent = without_controller(kafka);
    let results = asked.topics.iter().map(|topic| {
        let answer = CreatableTopicResult::default().with_name(topic.name.clone()).with_num_partitions(-1);
        let answer = answer.with_replication_factor(-1).with_configs((version >= TELLS).then(Vec::new));
        if let Some(code) = absent {
            return answer.with_error_code(code);
        }
        match make(kafka, topic) {
            Err((error, why)) => answer.with_error_code(error.code()).with_error_message(Some(text(&why))),
            Ok(made) => {
                let told = told(kafka, answer, &made, version);
                if !asked.validate_only {
                    kafka.changes.topics += 1;
                    kafka.topics.insert(topic.name.to_string(), made);
                }
                told
            }
        }
    });
    let results = results.collect();
    CreateTopicsResponse::default().with_topics(results)
}

fn told(kafka: &Kafka, answer: CreatableTopicResult, made: &Topic, version: i16) -> CreatableTopicResult {
    let answer = answer.with_error_message(None);
    if version < TELLS {
        return answer;
    }
    let config = |(name, value, source): (String, String, i8)| {
        CreatableTopicConfigs::default()
            .with_name(text(&name))
            .with_value(Some(text(&value)))
            .with_config_source(source)
    };
    let factor = made.partitions.first().map_or(0, |p| p.replicas.len());
    let answer = answer
        .with_num_partitions(made.partitions.len() as i32)
        .with_replication_factor(factor as i16)
        .with_configs(Some(effective(&made.configs, &kafka.defaults).into_iter().map(config).collect()));
    if version >= WITH_IDS { answer.with_topic_id(topic_id(made.id)) } else { answer }
}

/// A topic as it would be, or why it cannot be.
fn make(kafka: &Kafka, asked: &CreatableTopic) -> Result<Topic, Refusal> {
    let name = asked.name.as_str();
    name_is_free(kafka, name)?;
    let default = |key: &str| kafka.defaults.get(key).and_then(|value| value.parse().ok()).unwrap_or(ONE);
    let count = match asked.num_partitions {
        DEFAULT => default("num.partitions"),
        count if count > 0 => count,
        _ => {
            let why = "Number of partitions was set to an invalid non-positive value.";
            return Err((ResponseError::InvalidPartitions, why.to_owned()));
        }
    };
    let factor = match i32::from(asked.replication_factor) {
        DEFAULT => default("default.replication.factor"),
        factor if factor > 0 => factor,
        _ => {
            let why = "Replication factor must be larger than 0, or -1 to use the default value.";
            return Err((ResponseError::InvalidReplicationFactor, why.to_owned()));
        }
    };
    let configs: BTreeMap<String, String> =
        asked.configs.iter().map(|c| (c.name.to_string(), c.value.as_deref().unwrap_or_default().to_owned())).collect();
    for (name, value) in &configs {
        alter::check_topic(name, value)?;
    }
    let partitions = place(kafka, 0, count, factor)?;
    let mut id = [0; 16];
    id[..8].copy_from_slice(&hash(name).to_be_bytes());
    id[8..].copy_from_slice(&(kafka.changes.topics + 1).to_be_bytes());
    Ok(Topic { id, configs, partitions, rate: 0.0, record_bytes: 100.0, internal: false })
}

fn name_is_free(kafka: &Kafka, name: &str) -> Result<(), Refusal> {
    let invalid = |why: String| Err((ResponseError::InvalidTopicException, why));
    if name.is_empty() {
        return invalid("Topic name is invalid: the empty string is not allowed".to_owned());
    }
    if matches!(name, "." | "..") {
        return invalid(format!("Topic name is invalid: '{name}' is not allowed"));
    }
    if name.len() > LONGEST_NAME {
        let limit = format!("is longer than the max allowed length {LONGEST_NAME}");
        return invalid(format!("Topic name is invalid: the length of '{name}' {limit}"));
    }
    if !is_name(name) {
        let legal = "contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'";
        return invalid(format!("Topic name is invalid: '{name}' {legal}"));
    }
    if kafka.topics.contains_key(name) {
        return Err((ResponseError::TopicAlreadyExists, format!("Topic '{name}' already exists.")));
    }
    // Metrics are named with underscores in place of dots.
    let alike = |other: &&String| other.replace('.', "_") == name.replace('.', "_");
    match kafka.topics.keys().find(alike) {
        Some(other) => invalid(format!("Topic '{name}' collides with existing topic: {other}")),
        None => Ok(()),
    }
}

/// Empty partitions from an index on, placed as Kafka does: leaders go around, and so do their followers.
fn place(kafka: &Kafka, from: i32, to: i32, factor: i32) -> Result<Vec<Partition>, Refusal> {
    let usable: Vec<i32> = kafka.brokers.values().filter(|b| b.unfenced).map(|b| b.id).collect();
    let registered = kafka.brokers.len();
    let wanted = usize::try_from(factor).unwrap_or_default();
    if wanted > registered {
        let why = format!(
            "Unable to replicate the partition {factor} time(s): The target replication factor of {factor} cannot be \
             reached because only {registered} broker(s) are registered."
        );
        return Err((ResponseError::InvalidReplicationFactor, why));
    }
    if usable.is_empty() {
        let why = "All brokers are currently fenced or in controlled shutdown.".to_owned();
        return Err((ResponseError::InvalidReplicationFactor, why));
    }
    let all: Vec<i32> = kafka.brokers.keys().copied().collect();
    let first = usize::try_from(kafka.changes.topics).unwrap_or_default();
    let partition = |index: i32| {
        let start = first + usize::try_from(index).unwrap_or_default();
        let replicas: Vec<i32> = (0..wanted).map(|nth| all[(start + nth) % all.len()]).collect();
        let isr: Vec<i32> = replicas.iter().copied().filter(|id| usable.contains(id)).collect();
        Partition { leader: isr.first().copied(), isr, replicas, epoch: 0, start: 0.0, end: 0.0, bytes: 0.0 }
    };
    Ok((from..to).map(partition).collect())
}

/// FNV-1a: something that another name does not give.
fn hash(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// DeleteTopics (key 20), by name or, since version 6, by id.
pub fn delete(kafka: &mut Kafka, asked: &DeleteTopicsRequest, version: i16) -> DeleteTopicsResponse {
    let absent = without_controller(kafka);
    let mut results = Vec::new();
    let by_name = |name: &TopicName| (Some(name.clone()), [0; 16]);
    let wanted: Vec<(Option<TopicName>, [u8; 16])> = if version >= BY_ID {
        asked.topics.iter().map(|t| (t.name.clone(), *t.topic_id.as_bytes())).collect()
    } else {
        asked.topic_names.iter().map(by_name).collect()
    };
    for (name, id) in wanted {
        let found = match &name {
            Some(name) => kafka.topics.get_key_value(name.as_str()),
            None => kafka.topics.iter().find(|(_, topic)| topic.id == id),
        };
        let found = found.map(|(name, topic)| (name.clone(), topic.id));
        let answer = DeletableTopicResult::default().with_name(name.clone());
        results.push(match (absent, found) {
            (Some(code), _) => answer.with_error_code(code),
            (None, None) => {
                let (error, why) = match name {
                    Some(_) => {
                        let why = "This server does not host this topic-partition.";
                        (ResponseError::UnknownTopicOrPartition, why)
                    }
                    None => (ResponseError::UnknownTopicId, "This server does not host this topic ID."),
                };
                answer.with_error_code(error.code()).with_error_message((version > 4).then(|| text(why)))
            }
            (None, Some((name, id))) => {
                forget(kafka, &name);
                let answer = answer.with_name(Some(TopicName(text(&name))));
                if version >= BY_ID { answer.with_topic_id(topic_id(id)) } else { answer }
            }
        });
    }
    DeleteTopicsResponse::default().with_responses(results)
}

/// A topic goes with what groups committed for it, what members read of it, and its moves.
fn forget(kafka: &mut Kafka, name: &str) {
    kafka.topics.remove(name);
    kafka.changes.moves.retain(|(topic, _), _| topic != name);
    for group in kafka.groups.values_mut() {
        group.committed.retain(|(topic, _), _| topic != name);
        for member in &mut group.members {
            member.assigned.retain(|(topic, _)| topic != name);
        }
    }
}

/// CreatePartitions (key 37).
pub fn extend(kafka: &mut Kafka, asked: &CreatePartitionsRequest) -> CreatePartitionsResponse {
    let absent = without_controller(kafka);
    let results = asked.topics.iter().map(|topic| {
        let answer = CreatePartitionsTopicResult::default().with_name(topic.name.clone());
        if let Some(code) = absent {
            return answer.with_error_code(code);
        }
        match more(kafka, topic) {
            Err((error, why)) => {
                let why = (!why.is_empty()).then(|| text(&why));
                answer.with_error_code(error.code()).with_error_message(why)
            }
            Ok(partitions) => {
                if let Some(found) = kafka.topics.get_mut(topic.name.as_str()).filter(|_| !asked.validate_only) {
                    found.partitions.extend(partitions);
                }
                answer
            }
        }
    });
    let results = results.collect();
    CreatePartitionsResponse::default().with_results(results)
}

fn more(kafka: &Kafka, asked: &CreatePartitionsTopic) -> Result<Vec<Partition>, Refusal> {
    let name = asked.name.as_str();
    let topic = kafka.topics.get(name).ok_or((ResponseError::UnknownTopicOrPartition, String::new()))?;
    let there = topic.partitions.len() as i32;
    if asked.count == there {
        return Err((ResponseError::InvalidPartitions, format!("Topic already has {there} partition(s).")));
    }
    if asked.count < there {
        let why =
            format!("The topic {name} currently has {there} partition(s); {} would not be an increase.", asked.count);
        return Err((ResponseError::InvalidPartitions, why));
    }
    let factor = topic.partitions.first().map_or(ONE, |p| p.replicas.len() as i32);
    place(kafka, there, asked.count, factor)
}
