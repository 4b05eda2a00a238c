//! Configs: changed one by one, and asked for.

use std::collections::BTreeMap;

use kafka_protocol::messages::{DescribeConfigsResponse, IncrementalAlterConfigsResponse};

use super::{
    Admin, AdminError, Found, Ground, counted,
    error::{Deed, Need},
    topics::sent,
};
use crate::{
    domain::config::{Config, ConfigEntry, ConfigSource, Owner, names_a_secret},
    io::kafka::{configs, failure::CallError},
    plan::kafka::{ConfigChange, KafkaAnswer},
    wire::{
        changes::{self, ConfigsOf, Intent},
        requests::{self, Meanings},
    },
};

/// What is asked of brokers to see configs, and to change them.
fn needs(of: &Owner) -> (Need, Need) {
    match of {
        Owner::Topic(topic) => (Need::topic("DescribeConfigs", topic), Need::topic("AlterConfigs", topic)),
        Owner::Broker(_) => (Need::cluster("DescribeConfigs"), Need::cluster("AlterConfigs")),
    }
}

/// Where a value stands that was set on the owner itself while it runs.
fn own(of: &Owner) -> ConfigSource {
    match of {
        Owner::Topic(_) => ConfigSource::DynamicTopic,
        Owner::Broker(_) => ConfigSource::DynamicBroker,
    }
}

/// What is set on the owner itself, if anything is.
fn set_on(config: &Config, source: ConfigSource) -> Option<&ConfigEntry> {
    let mut places = std::iter::once(&config.entry).chain(&config.synonyms);
    places.find(|entry| entry.source == source)
}

/// All configs of an owner.
pub(super) async fn of(admin: &Admin, of: &Owner) -> Result<Vec<Config>, AdminError> {
    let deed = admin.question(&format!("asking for the configs of {of}"));
    let (need, _) = needs(of);
    let ground = admin.look(Some(&[])).await.map_err(|why| deed.unread(why, &need))?;
    described(admin, &deed, &ground, of).await
}

async fn described(admin: &Admin, deed: &Deed, ground: &Ground, of: &Owner) -> Result<Vec<Config>, AdminError> {
    let (need, _) = needs(of);
    let answer: Result<DescribeConfigsResponse, CallError> = match of {
        Owner::Topic(topic) => admin.ask_ready(ground, &requests::topic_configs(topic)).await,
        Owner::Broker(id) => admin.roster.ask(*id, &requests::broker_configs(id.0, Meanings::Told)).await,
    };
    let answer = answer.map_err(|why| deed.unread(why, &need))?;
    match answer.results.first() {
        Some(result) if result.error_code == 3 => Err(deed.not_found(&of.to_string())),
        Some(result) if result.error_code != 0 => {
            Err(deed.unseen(result.error_code, result.error_message.as_ref(), &need))
        }
        _ => configs::read(&answer).map_err(|why| deed.unread(why, &need)),
    }
}

/// What is set on a topic itself, by name.
pub(super) async fn set_on_topic(
    admin: &Admin,
    deed: &Deed,
    ground: &Ground,
    topic: &str,
) -> Result<BTreeMap<String, String>, AdminError> {
    let configs = described(admin, deed, ground, &Owner::Topic(topic.to_owned())).await?;
    let set = configs.iter().filter_map(|c| set_on(c, ConfigSource::DynamicTopic));
    Ok(set.map(|entry| (entry.name.clone(), entry.value.clone().unwrap_or_default())).collect())
}

/// What a new topic's configs would be; empty where no topic is there to ask.
pub(super) async fn defaults(admin: &Admin) -> Result<Vec<Config>, AdminError> {
    let deed = admin.question("asking for the configs of a new topic");
    let need = Need::cluster("Describe");
    let ground = admin.look(None).await.map_err(|why| deed.unread(why, &need))?;
    let good = ground.metadata.topics.iter().filter(|t| t.error_code == 0);
    // Kafka's own set more on themselves.
    let Some(topic) = good.min_by_key(|t| (t.is_internal, t.name.clone())).and_then(|t| t.name.as_ref()) else {
        return Ok(Vec::new());
    };
    let configs = described(admin, &deed, &ground, &Owner::Topic(topic.to_string())).await?;
    Ok(configs.into_iter().map(without_own).collect())
}

/// A topic's config as it would be if the topic itself set nothing.
fn without_own(mut config: Config) -> Config {
    config.synonyms.retain(|place| place.source != ConfigSource::DynamicTopic);
    if config.entry.source == ConfigSource::DynamicTopic {
        let name = config.entry.name.clone();
        config.entry = match config.synonyms.first() {
            Some(next) => ConfigEntry {
                value: next.value.as_ref().map(|v| same_unit(&name, &next.name, v)),
                name,
                ..next.clone()
            },
            None => ConfigEntry { name, value: None, source: ConfigSource::Default, ..config.entry },
        };
    }
    config
}

/// A broker's value for a topic's config: brokers count some times in hours or minutes.
fn same_unit(name: &str, brokers: &str, value: &str) -> String {
    let factor = match brokers.rsplit('.').next() {
        Some("hours") => 3_600_000,
        Some("minutes") => 60_000,
        _ => 1,
    };
    let number = value.parse::<i64>().ok().filter(|n| name.rsplit('.').next() == Some("ms") && factor > 1 && *n > 0);
    number.and_then(|n| n.checked_mul(factor)).map_or_else(|| value.to_owned(), |n| n.to_string())
}

/// Whether the owner's configs are what the plan was made for.
async fn look(admin: &Admin, deed: &Deed, of: &Owner, changes: &[ConfigChange]) -> Result<(Found, Ground), AdminError> {
    let (need, _) = needs(of);
    let ground = admin.look(Some(&[])).await.map_err(|why| deed.unread(why, &need))?;
    let configs = described(admin, deed, &ground, of).await?;
    let found = compared(of, &configs, changes).map_err(|diff| deed.stale(diff))?;
    Ok((found, ground))
}

/// Compares what is set with what the plan says; a secret cannot be.
fn compared(of: &Owner, configs: &[Config], changes: &[ConfigChange]) -> Result<Found, Vec<String>> {
    let mut diff = Vec::new();
    let mut left = 0;
    let told = |value: Option<&str>| value.map_or("not set".to_owned(), |value| format!("{value:?}"));
    for change in changes {
        let config = configs.iter().find(|c| c.entry.name == change.name);
        let set = config.and_then(|c| set_on(c, own(of)));
        if names_a_secret(&change.name) || set.is_some_and(|entry| entry.hidden) {
            left += 1;
            continue;
        }
        let now = set.map(|entry| entry.value.as_deref().unwrap_or_default());
        if now == change.after.as_deref() {
            continue;
        }
        left += 1;
        if now != change.before.as_deref() {
            let before = told(change.before.as_deref());
            diff.push(format!("{}: {before} when the plan was made, {} now", change.name, told(now)));
        }
    }
    match (diff.is_empty(), left) {
        (false, _) => Err(diff),
        (true, 0) => Ok(Found::Already(format!("{of} is set so already"))),
        _ => Ok(Found::AsPlanned),
    }
}

async fn alter(
    admin: &Admin,
    deed: &Deed,
    ground: &Ground,
    of: &Owner,
    changes: &[ConfigChange],
    intent: Intent,
) -> Result<(), AdminError> {
    let (_, need) = needs(of);
    let whose = match of {
        Owner::Topic(topic) => ConfigsOf::Topic(topic),
        Owner::Broker(id) => ConfigsOf::Broker(id.0),
    };
    let values = changes.iter().map(|change| (change.name.as_str(), change.after.as_deref()));
    let request = changes::alter_configs(whose, values, intent);
    let code = |a: &IncrementalAlterConfigsResponse| a.responses.first().map_or(0, |r| r.error_code);
    let answer = match of {
        Owner::Topic(_) => admin.steer(ground, &request, code).await,
        Owner::Broker(id) => admin.roster.ask(*id, &request).await,
    };
    let answer = answer.map_err(|why| sent(deed, why, &need, intent))?;
    let result = answer.responses.first().ok_or_else(|| deed.unsure("the answer is about nothing"))?;
    match result.error_code {
        0 => Ok(()),
        code => Err(deed.refused(code, result.error_message.as_ref(), &need)),
    }
}

/// Has the brokers check the changes.
pub(super) async fn rehearse(
    admin: &Admin,
    deed: &Deed,
    of: &Owner,
    changes: &[ConfigChange],
) -> Result<Found, AdminError> {
    let (found, ground) = look(admin, deed, of, changes).await?;
    if matches!(found, Found::AsPlanned) {
        alter(admin, deed, &ground, of, changes, Intent::Rehearsal).await?;
    }
    Ok(found)
}

/// Makes the changes.
pub(super) async fn perform(
    admin: &Admin,
    deed: &Deed,
    of: &Owner,
    changes: &[ConfigChange],
) -> Result<KafkaAnswer, AdminError> {
    let (found, ground) = look(admin, deed, of, changes).await?;
    if let Found::Already(words) = found {
        return Ok(KafkaAnswer::Already(words));
    }
    alter(admin, deed, &ground, of, changes, Intent::Real).await?;
    Ok(KafkaAnswer::Done(format!("{} of {of}", counted(changes.len(), "config"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(name: &str, places: &[(&str, &str, ConfigSource)]) -> Config {
        let entry = |(name, value, source): &(&str, &str, ConfigSource)| {
            ConfigEntry::harmless(name, Some(value), false, true, *source)
        };
        let first = places.first().map(entry).unwrap_or_default();
        Config {
            entry: ConfigEntry { name: name.to_owned(), ..first },
            synonyms: places.iter().map(entry).collect(),
            ..Config::default()
        }
    }

    fn change(name: &str, before: Option<&str>, after: Option<&str>) -> ConfigChange {
        ConfigChange { name: name.into(), before: before.map(Into::into), after: after.map(Into::into) }
    }

    const TOPIC: ConfigSource = ConfigSource::DynamicTopic;

    #[test]
    fn only_what_the_owner_itself_sets_is_compared() {
        let of = Owner::Topic("t".into());
        let configs = [config(
            "retention.ms",
            &[("retention.ms", "5", TOPIC), ("log.retention.hours", "1", ConfigSource::StaticBroker)],
        )];
        let found = |change| compared(&of, &configs, &[change]);
        assert!(matches!(found(change("retention.ms", Some("5"), Some("6"))), Ok(Found::AsPlanned)));
        assert!(matches!(found(change("retention.ms", Some("9"), Some("5"))), Ok(Found::Already(_))));
        let stale = found(change("retention.ms", None, Some("6"))).err().unwrap();
        assert_eq!(stale, ["retention.ms: not set when the plan was made, \"5\" now"]);
        assert!(matches!(found(change("segment.ms", None, Some("6"))), Ok(Found::AsPlanned)));
        assert!(matches!(found(change("segment.ms", Some("1"), None)), Ok(Found::Already(_))));
    }

    #[test]
    fn a_secret_is_neither_compared_nor_told() {
        let of = Owner::Broker(crate::domain::ids::BrokerId(1));
        let found = compared(&of, &[], &[change("ssl.key.password", Some("canary-a"), Some("canary-b"))]);
        assert!(matches!(found, Ok(Found::AsPlanned)));
    }

    #[test]
    fn a_new_topic_has_what_brokers_say_in_the_unit_of_topics() {
        let hours = config(
            "retention.ms",
            &[("retention.ms", "5", TOPIC), ("log.retention.hours", "2", ConfigSource::StaticBroker)],
        );
        let new = without_own(hours);
        assert_eq!((new.entry.name.as_str(), new.entry.shown()), ("retention.ms", "7200000"));
        assert_eq!(new.entry.source, ConfigSource::StaticBroker);
        let endless = config(
            "retention.ms",
            &[("retention.ms", "5", TOPIC), ("log.retention.hours", "-1", ConfigSource::StaticBroker)],
        );
        assert_eq!(without_own(endless).entry.shown(), "-1");
        let nowhere = config("x.y", &[("x.y", "5", TOPIC)]);
        assert_eq!(without_own(nowhere).entry.shown(), "not set");
    }
}
