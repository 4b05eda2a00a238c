//! What brokers say of configs: DescribeConfigs, of topics and of themselves.

use std::collections::BTreeMap;

use kafka_protocol::{
    ResponseError,
    messages::{
        DescribeConfigsRequest, DescribeConfigsResponse,
        describe_configs_request::DescribeConfigsResource,
        describe_configs_response::{DescribeConfigsResourceResult, DescribeConfigsResult, DescribeConfigsSynonym},
    },
};

use super::{
    View,
    config_table::{BROKER, Config, TOPIC},
    text,
};

/// Numbers of resources.
const RESOURCE_TOPIC: i8 = 2;
const RESOURCE_BROKER: i8 = 4;

/// Where a value is from: set on the topic, on the broker or for all brokers while they run, in the broker's file, or nowhere.
const DYNAMIC_TOPIC: i8 = 1;
const DYNAMIC_BROKER: i8 = 2;
const DYNAMIC_DEFAULT_BROKER: i8 = 3;
const STATIC_BROKER: i8 = 4;
const DEFAULT: i8 = 5;

/// The numbers for text, which is what is not in the table, and for secrets, which are never told.
const STRING: i8 = 2;
const PASSWORD: i8 = 9;

/// With eligible leader replicas (KIP-966) this one counts for all brokers, whatever stands in their files.
const FOR_ALL_BROKERS: &str = "min.insync.replicas";

/// The first version that tells types and documentation (KIP-569).
const WITH_TYPES: i16 = 3;

/// A value, its name there, and where it is from.
type Set = (String, String, i8);

/// DescribeConfigs (key 32).
pub fn describe(view: &View<'_>, asked: &DescribeConfigsRequest, version: i16) -> DescribeConfigsResponse {
    let results = asked.resources.iter().map(|resource| {
        let answer = DescribeConfigsResult::default()
            .with_resource_type(resource.resource_type)
            .with_resource_name(resource.resource_name.clone());
        match entries(view, resource) {
            Err((error, why)) => answer.with_error_code(error.code()).with_error_message(Some(text(&why))),
            Ok(entries) => {
                let keys = resource.configuration_keys.as_ref().filter(|keys| !keys.is_empty());
                let wanted =
                    entries.into_iter().filter(|e| keys.is_none_or(|keys| keys.iter().any(|k| **k == *e.name)));
                answer.with_configs(wanted.map(|entry| entry.told(asked, version)).collect())
            }
        }
    });
    DescribeConfigsResponse::default().with_results(results.collect())
}

fn entries(view: &View<'_>, resource: &DescribeConfigsResource) -> Result<Vec<Entry>, (ResponseError, String)> {
    let name = &*resource.resource_name;
    match resource.resource_type {
        RESOURCE_TOPIC => match view.kafka.topics.get(name) {
            Some(topic) => Ok(of_topic(&topic.configs, &view.kafka.defaults)),
            // Kafka says no more than that.
            None => Err((ResponseError::UnknownTopicOrPartition, String::new())),
        },
        // What is set for all brokers while they run; nothing is.
        RESOURCE_BROKER if name.is_empty() => Ok(Vec::new()),
        RESOURCE_BROKER if name.parse() == Ok(view.me) => Ok(of_broker(view)),
        RESOURCE_BROKER => {
            let why = format!("This is broker {}, and the configs of {name} were asked for.", view.me);
            Err((ResponseError::InvalidRequest, why))
        }
        other => Err((ResponseError::InvalidRequest, format!("Configs of resources of type {other} are not kept."))),
    }
}

/// What a topic's configs come to: name, value, where it is from.
pub fn effective(own: &BTreeMap<String, String>, brokers: &BTreeMap<String, String>) -> Vec<(String, String, i8)> {
    let first = |entry: Entry| {
        let (_, value, source) = entry.set.into_iter().next()?;
        Some((entry.name, value, source))
    };
    of_topic(own, brokers).into_iter().filter_map(first).collect()
}

/// One config with every place that says something about it; the first one counts.
struct Entry {
    name: String,
    set: Vec<Set>,
    kind: i8,
    read_only: bool,
    documentation: Option<&'static str>,
}

impl Entry {
    fn told(self, asked: &DescribeConfigsRequest, version: i16) -> DescribeConfigsResourceResult {
        let set = self.set.first();
        let answer = DescribeConfigsResourceResult::default()
            .with_name(text(&self.name))
            .with_value(set.map(|(_, value, _)| text(value)))
            .with_is_sensitive(self.kind == PASSWORD)
            .with_read_only(self.read_only)
            .with_config_source(set.map_or(DEFAULT, |(_, _, source)| *source));
        let synonyms = self.set.iter().filter(|(name, ..)| asked.include_synonyms && !name.is_empty()).map(
            |(name, value, source)| {
                DescribeConfigsSynonym::default()
                    .with_name(text(name))
                    .with_value(Some(text(value)))
                    .with_source(*source)
            },
        );
        let answer = answer.with_synonyms(synonyms.collect());
        if version < WITH_TYPES {
            return answer;
        }
        let documentation = self.documentation.filter(|_| asked.include_documentation);
        answer.with_config_type(self.kind).with_documentation(documentation.map(text))
    }
}

/// A value that stands in the brokers' files, in every place where it then is.
fn by_brokers(name: &str, value: &str) -> impl Iterator<Item = Set> {
    let set = |source| (name.to_owned(), value.to_owned(), source);
    let all = (name == FOR_ALL_BROKERS).then(|| set(DYNAMIC_DEFAULT_BROKER));
    all.into_iter().chain([set(STATIC_BROKER)])
}

/// Where a topic's config is set, if anywhere: on the topic, then on the brokers under their name for it.
fn of_topic(own: &BTreeMap<String, String>, brokers: &BTreeMap<String, String>) -> Vec<Entry> {
    let entry = |config: &Config| {
        let of_brokers = brokers.get(config.synonym).or_else(|| brokers.get(config.name));
        let mut set: Vec<Set> = Vec::new();
        set.extend(own.get(config.name).map(|value| (config.name.to_owned(), value.clone(), DYNAMIC_TOPIC)));
        set.extend(of_brokers.into_iter().flat_map(|value| by_brokers(config.synonym, value)));
        set.push((config.synonym.to_owned(), config.default.to_owned(), DEFAULT));
        config.entry(set, false)
    };
    let mut entries: Vec<Entry> = TOPIC.iter().map(entry).collect();
    let unknown = own.iter().filter(|(name, _)| TOPIC.iter().all(|config| config.name != name.as_str()));
    entries.extend(unknown.map(|(name, value)| plain(name, value, DYNAMIC_TOPIC, false)));
    entries
}

/// A broker's own: who it is, and what its file says.
fn of_broker(view: &View<'_>) -> Vec<Entry> {
    let Some(broker) = view.kafka.brokers.get(&view.me) else { return Vec::new() };
    let file = &view.kafka.defaults;
    let own = view.kafka.changes.configs.get(&view.me);
    let entry = |config: &Config| {
        let mut set: Vec<Set> = Vec::new();
        let here = own.and_then(|own| own.get(config.name));
        set.extend(here.map(|value| (config.name.to_owned(), value.clone(), DYNAMIC_BROKER)));
        set.extend(file.get(config.name).into_iter().flat_map(|value| by_brokers(config.name, value)));
        set.push((config.name.to_owned(), config.default.to_owned(), DEFAULT));
        config.entry(set, true)
    };
    let mut entries: Vec<Entry> = BROKER.iter().map(entry).collect();
    let unknown = file.iter().filter(|(name, _)| BROKER.iter().all(|config| config.name != name.as_str()));
    entries.extend(unknown.map(|(name, value)| plain(name, value, STATIC_BROKER, true)));
    let unknown =
        own.into_iter().flatten().filter(|(name, _)| BROKER.iter().all(|config| config.name != name.as_str()));
    entries.extend(unknown.map(|(name, value)| plain(name, value, DYNAMIC_BROKER, false)));
    let advertised = format!("PLAINTEXT://{}:{}", broker.host, broker.port);
    let own = [
        ("node.id", "The number of this node.", Some(broker.id.to_string())),
        ("log.dirs", "Where partitions are kept.", Some(broker.log_dir.path.clone())),
        ("advertised.listeners", "Where clients are sent.", Some(advertised)),
        ("process.roles", "What this node is.", Some("broker,controller".to_owned())),
        ("broker.rack", "The rack or zone in which it stands.", broker.rack.clone()),
    ];
    let own = own.into_iter().filter_map(|(name, documentation, value)| {
        let entry = plain(name, &value?, STATIC_BROKER, true);
        Some(Entry { documentation: Some(documentation), ..entry })
    });
    entries.extend(own);
    let documentation = Some("Secret key to generate and verify delegation tokens.");
    let name = "delegation.token.secret.key".to_owned();
    entries.push(Entry { name, set: Vec::new(), kind: PASSWORD, read_only: true, documentation });
    entries
}

fn plain(name: &str, value: &str, source: i8, read_only: bool) -> Entry {
    let set = vec![(name.to_owned(), value.to_owned(), source)];
    Entry { name: name.to_owned(), set, kind: STRING, read_only, documentation: None }
}

impl Config {
    fn entry(&self, set: Vec<Set>, of_broker: bool) -> Entry {
        let (name, documentation) = (self.name.to_owned(), Some(self.documentation));
        Entry { name, set, kind: self.kind.number(), read_only: of_broker && !self.dynamic, documentation }
    }
}
