//! Configs of brokers and topics, where each value was set, and which of them are nobody's business.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{ids::BrokerId, text::redacted};

/// Longest value that is kept, in characters.
const LONGEST_VALUE: usize = 4_000;

/// Whose configs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Owner {
    /// A broker's.
    Broker(BrokerId),
    /// A topic's.
    Topic(String),
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broker(id) => write!(f, "broker {id}"),
            Self::Topic(topic) => write!(f, "topic {topic}"),
        }
    }
}

/// A question for all configs of one owner, with what they mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigInquiry {
    /// Its number: an answer to another question is of no use.
    pub id: u64,
    /// Whose.
    pub of: Owner,
}

/// Where a value was set (`config_source` of DescribeConfigs, key 32), the strongest first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConfigSource {
    /// On the topic.
    DynamicTopic,
    /// On this broker, while it runs.
    DynamicBroker,
    /// On all brokers, while they run.
    DynamicDefaultBroker,
    /// In the broker's file, before it started.
    StaticBroker,
    /// Nowhere.
    #[default]
    Default,
    /// A source that this program does not know.
    Unknown,
}

impl ConfigSource {
    /// From Kafka's number.
    pub fn of(number: i8) -> Self {
        match number {
            1 => Self::DynamicTopic,
            2 => Self::DynamicBroker,
            3 => Self::DynamicDefaultBroker,
            4 => Self::StaticBroker,
            5 => Self::Default,
            _ => Self::Unknown,
        }
    }

    /// In Kafka's words.
    pub fn words(self) -> &'static str {
        match self {
            Self::DynamicTopic => "dynamic topic",
            Self::DynamicBroker => "dynamic broker",
            Self::DynamicDefaultBroker => "dynamic default broker",
            Self::StaticBroker => "static broker",
            Self::Default => "default",
            Self::Unknown => "unknown source",
        }
    }
}

/// One config and where its value was set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigEntry {
    /// Name, as `retention.ms`.
    pub name: String,
    /// Value; `None` when there is none, or when it is hidden.
    pub value: Option<String>,
    /// True when it is a secret: the broker does not tell it, or its name says that it must not be shown.
    #[serde(default)]
    pub hidden: bool,
    /// Where the value was set.
    pub source: ConfigSource,
}

impl ConfigEntry {
    /// An entry that holds no secret, whatever the broker sent. `is_text` is false where its type is a number or a
    /// switch, which no secret is.
    pub fn harmless(name: &str, value: Option<&str>, sensitive: bool, is_text: bool, source: ConfigSource) -> Self {
        let hidden = sensitive || (is_text && names_a_secret(name));
        let cut = |value: &str| redacted(&value.chars().take(LONGEST_VALUE).collect::<String>());
        let value = value.filter(|_| !hidden).map(cut);
        Self { name: name.to_owned(), value, hidden, source }
    }

    /// The value as it is shown.
    pub fn shown(&self) -> &str {
        match &self.value {
            _ if self.hidden => "hidden",
            None => "not set",
            Some(value) if value.is_empty() => "(empty)",
            Some(value) => value,
        }
    }
}

/// True for names whose values are secrets, wherever they stand: `listener.name.x.plain.sasl.jaas.config` too.
pub fn names_a_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let part_of = ["jaas.config", "secret", "credential", "private", "basic.auth.user.info"];
    let end_of = ["password", "passwd", "token", "api.key", "apikey", "keystore.key"];
    part_of.iter().any(|p| name.contains(p)) || end_of.iter().any(|end| name.ends_with(end))
}

/// One config in full.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    /// Name, value and source.
    #[serde(flatten)]
    pub entry: ConfigEntry,
    /// Every place that says something about it, the strongest first, under its name there.
    pub synonyms: Vec<ConfigEntry>,
    /// True when it cannot be changed while the broker runs.
    pub read_only: bool,
    /// What its values are, as `int`; `None` where the broker does not tell.
    pub kind: Option<String>,
    /// What the broker's own documentation says of it, as plain text; `None` unless it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub documentation: Option<String>,
}

impl Config {
    /// What it would be if nothing set it; `None` where there is no default.
    pub fn default_value(&self) -> Option<&ConfigEntry> {
        self.synonyms.iter().find(|s| s.source == ConfigSource::Default)
    }

    /// What it would be without what counts now: the next place that says something.
    pub fn otherwise(&self) -> Option<&ConfigEntry> {
        self.synonyms.iter().find(|s| s.source > self.entry.source)
    }

    /// True when something sets it, to another value than its default. A secret that is set counts.
    pub fn differs(&self) -> bool {
        let same = |default: &ConfigEntry| !default.hidden && !self.entry.hidden && default.value == self.entry.value;
        self.entry.source != ConfigSource::Default && !self.default_value().is_some_and(same)
    }
}

/// Kafka's name for a type of config; `None` for what is not told (0) or not known.
pub fn kind(number: i8) -> Option<&'static str> {
    Some(match number {
        1 => "boolean",
        2 => "string",
        3 => "int",
        4 => "short",
        5 => "long",
        6 => "double",
        7 => "list",
        8 => "class",
        9 => "password",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(name: &str, value: &str) -> ConfigEntry {
        ConfigEntry::harmless(name, Some(value), false, true, ConfigSource::StaticBroker)
    }

    #[test]
    fn a_secret_is_no_value_whether_the_broker_says_so_or_its_name_does() {
        let names = [
            "ssl.keystore.password",
            "listener.name.CLIENT.scram-sha-512.sasl.jaas.config",
            "my.authorizer.Client_Secret",
            "ssl.keystore.key",
            "delegation.token.secret.key",
        ];
        for name in names {
            let entry = text(name, "hunter2");
            assert_eq!((entry.value.as_deref(), entry.shown()), (None, "hidden"), "{name}");
        }
        let told = ConfigEntry::harmless("plain.name", Some("hunter2"), true, true, ConfigSource::StaticBroker);
        assert!(!format!("{told:?}").contains("hunter2"));
        let inside = text("custom.options", "username=\"u\" password=\"hunter2\"");
        assert_eq!(inside.shown(), "username=\"u\" password=\"***\"");
    }

    #[test]
    fn numbers_and_names_that_only_sound_alike_are_shown() {
        let number = ConfigEntry::harmless("x.token", Some("4096"), false, false, ConfigSource::Default);
        assert_eq!(number.shown(), "4096");
        assert_eq!(text("delegation.token.max.lifetime.ms", "604800000").shown(), "604800000");
        assert_eq!(text("ssl.secure.random.implementation", "X").shown(), "X");
        assert_eq!(text("log.dirs", "").shown(), "(empty)");
    }

    #[test]
    fn a_value_of_a_megabyte_is_cut() {
        assert_eq!(text("log.dirs", &"a".repeat(1 << 20)).shown().len(), LONGEST_VALUE);
    }

    #[test]
    fn what_is_set_to_its_default_does_not_differ_from_it() {
        let entry = |value: &str, source| ConfigEntry { value: Some(value.into()), source, ..ConfigEntry::default() };
        let set = |value: &str| Config {
            entry: entry(value, ConfigSource::StaticBroker),
            synonyms: vec![entry(value, ConfigSource::StaticBroker), entry("1", ConfigSource::Default)],
            ..Config::default()
        };
        assert!(set("2").differs() && !set("1").differs());
        assert_eq!(set("2").otherwise().map(ConfigEntry::shown), Some("1"));
        let secret = Config { entry: text("ssl.key.password", "x"), ..Config::default() };
        assert!(secret.differs());
    }
}
