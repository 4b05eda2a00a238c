//! What the brokers of one installation said, each part with the moment it was said.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::{
    domain::{
        acl::{self, Authorizer, Rule},
        broker::{Advertised, Contact, Features},
        certificate::Certificate,
        config::Config,
        group::{Commits, Group},
        ids::BrokerId,
        quorum::Quorum,
        storage::LogDir,
        timeline::Entry,
        topic::{Moving, Topic, TopicConfig},
        user::{Quota, ScramUser},
    },
    facts::{KafkaBody, Metadata},
};

use super::{
    growth::Growth,
    history::{About, History},
    timeline::brokers::{self, Between},
};

/// Brokers' answers of one installation.
#[derive(Debug, Default)]
pub struct KafkaWorld {
    /// `cluster.id`.
    pub cluster_id: Option<String>,
    /// When Metadata was last answered.
    pub metadata_at: Option<DateTime<Utc>>,
    /// Registered, unfenced brokers.
    pub advertised: BTreeMap<BrokerId, Advertised>,
    /// Topics.
    pub topics: BTreeMap<String, Topic>,
    /// How each broker behaved when it was last asked.
    pub contacts: BTreeMap<BrokerId, Told>,
    /// What each broker said of itself.
    pub features: BTreeMap<BrokerId, Features>,
    /// Certificates that were met on the way to each broker.
    pub certificates: BTreeMap<BrokerId, Vec<Certificate>>,
    /// Groups and the broker that coordinates each.
    pub groups: BTreeMap<String, (BrokerId, Group)>,
    /// Commits, by group.
    pub commits: BTreeMap<String, Commits>,
    /// Log end offsets, by topic and partition.
    pub ends: BTreeMap<String, BTreeMap<i32, i64>>,
    /// How groups got on since we look.
    pub history: History,
    /// Log directories, by broker.
    pub log_dirs: BTreeMap<BrokerId, Vec<LogDir>>,
    /// How fast those fill.
    pub growth: Growth,
    /// Topic configs, by topic.
    pub configs: BTreeMap<String, TopicConfig>,
    /// What is set of each broker's configs.
    pub broker_configs: BTreeMap<BrokerId, Vec<Config>>,
    /// The KRaft quorum, as its leader described it last.
    pub quorum: Option<Quorum>,
    /// Users with SCRAM credentials, by name; `None` before they were told.
    pub scram: Option<BTreeMap<String, ScramUser>>,
    /// What is allowed and denied; `None` before it was told.
    pub rules: Option<Rules>,
    /// Quotas; `None` before they were told.
    pub quotas: Option<Vec<Quota>>,
    /// Moves of partitions under way; `None` before they were told.
    pub moves: Option<Vec<Moving>>,
    /// What answers changed since they were taken out of here, for the timeline.
    pub(super) news: Vec<Entry>,
    /// What has changed how often.
    pub revisions: Revisions,
}

/// How often something changed: what was made of it holds for as long as the number is the same.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Revisions {
    /// Partitions, their moves and minimum.
    pub partitions: u64,
    /// Sizes of replicas.
    pub sizes: u64,
}

/// What the authorizer allows and denies.
#[derive(Debug, Clone, PartialEq)]
pub enum Rules {
    /// There is no authorizer: everybody may do everything.
    NoAuthorizer,
    /// Rules by principal.
    Of(BTreeMap<String, Vec<Rule>>),
}

impl Rules {
    fn of(authorizer: Authorizer) -> Self {
        match authorizer {
            Authorizer::Absent => Self::NoAuthorizer,
            Authorizer::Present(acls) => Self::Of(acl::rules(&acls)),
        }
    }
}

/// How a broker behaved, and when that was told.
#[derive(Debug, Clone)]
pub struct Told {
    /// How.
    pub contact: Contact,
    /// When it was first told, the same ever since.
    pub since: DateTime<Utc>,
    /// When it was last told.
    pub seen_at: DateTime<Utc>,
}

impl KafkaWorld {
    /// Takes an answer in; false when it says what was known already.
    pub fn apply(&mut self, broker: Option<BrokerId>, seen_at: DateTime<Utc>, body: KafkaBody) -> bool {
        let of_partitions =
            matches!(body, KafkaBody::Metadata(_) | KafkaBody::TopicConfigs(_) | KafkaBody::Reassignments(_));
        let of_sizes = matches!(body, KafkaBody::LogDirs(_));
        let changed = self.take(broker, seen_at, body);
        self.revisions.partitions += u64::from(changed && of_partitions);
        self.revisions.sizes += u64::from(changed && of_sizes);
        changed
    }

    fn take(&mut self, broker: Option<BrokerId>, seen_at: DateTime<Utc>, body: KafkaBody) -> bool {
        match body {
            KafkaBody::Metadata(metadata) => self.put_metadata(metadata, seen_at),
            KafkaBody::Contact { broker, contact } => {
                let since =
                    self.contacts.get(&broker).filter(|known| known.contact == contact).map(|known| known.since);
                self.contacts.insert(broker, Told { contact, since: since.unwrap_or(seen_at), seen_at });
                since.is_none()
            }
            KafkaBody::Features { broker, features } => {
                self.features.insert(broker, features.clone()) != Some(features)
            }
            KafkaBody::Certificates { broker, certificates } => {
                self.certificates.insert(broker, certificates.clone()).unwrap_or_default() != certificates
            }
            KafkaBody::Groups(groups) => broker.is_some_and(|coordinator| self.put_groups(coordinator, groups)),
            KafkaBody::Commits(commits) => self.put_commits(commits, seen_at),
            KafkaBody::EndOffsets(ends) => {
                let mut changed = self.history.ended(&ends, seen_at);
                for end in ends {
                    let known = self.ends.entry(end.topic).or_default().insert(end.partition, end.offset);
                    changed |= known != Some(end.offset);
                }
                changed
            }
            KafkaBody::RecordTimes(times) => self.history.written(&times, seen_at),
            KafkaBody::LogDirs(dirs) => broker.is_some_and(|broker| {
                let news = self.growth.learn(broker, seen_at, &dirs);
                self.log_dirs.insert(broker, dirs.clone()).as_ref() != Some(&dirs) || news
            }),
            KafkaBody::TopicConfigs(configs) => self.put_topic_configs(configs, seen_at),
            KafkaBody::BrokerConfigs(configs) => {
                broker.is_some_and(|broker| self.put_broker_configs(broker, configs, seen_at))
            }
            KafkaBody::Quorum(quorum) => {
                changed(&mut self.quorum, quorum, &mut self.news, |a, b| brokers::quorum(a, b, seen_at))
            }
            KafkaBody::ScramUsers(users) => {
                let users = users.into_iter().map(|u| (u.name.clone(), u)).collect();
                changed(&mut self.scram, users, &mut self.news, |a, b| brokers::scram(a, b, seen_at))
            }
            KafkaBody::Acls(authorizer) => {
                let rules = Rules::of(authorizer);
                changed(&mut self.rules, rules, &mut self.news, |a, b| brokers::rules(a, b, seen_at))
            }
            KafkaBody::Quotas(quotas) => {
                changed(&mut self.quotas, quotas, &mut self.news, |a, b| brokers::quotas(a, b, seen_at))
            }
            KafkaBody::Reassignments(moves) => self.put_moves(moves, seen_at),
        }
    }

    /// Brokers and topics replace those before; what differs is news, except in the first answer.
    fn put_metadata(&mut self, metadata: Metadata, seen_at: DateTime<Utc>) -> bool {
        let before = self.metadata_at.replace(seen_at);
        let advertised = metadata.brokers.into_iter().map(|b| (b.id, b)).collect();
        let mut topics = metadata.topics.into_iter().map(|t| (t.name.clone(), t)).collect();
        mark(&mut topics, self.moves.as_deref().unwrap_or_default());
        let differing = brokers::differing(&self.topics, &topics);
        let changed = before.is_none() || self.advertised != advertised || !differing.is_empty();
        if let Some(before) = before.filter(|_| changed) {
            let between = Between { before, now: seen_at };
            self.news.extend(brokers::metadata((&self.advertised, &advertised), &differing, between));
        }
        self.cluster_id = metadata.cluster_id;
        self.advertised = advertised;
        self.topics = topics;
        if changed {
            self.drop_deleted_topics();
            self.tell_topics(seen_at);
        }
        changed
    }

    fn put_topic_configs(&mut self, configs: Vec<TopicConfig>, seen_at: DateTime<Utc>) -> bool {
        self.news.extend(brokers::topic_configs(&self.configs, &configs, seen_at));
        let mut changed = false;
        for config in configs {
            if self.configs.get(&config.topic) != Some(&config) {
                changed = true;
                self.configs.insert(config.topic.clone(), config);
            }
        }
        if changed {
            self.tell_topics(seen_at);
        }
        changed
    }

    fn put_broker_configs(&mut self, broker: BrokerId, configs: Vec<Config>, seen_at: DateTime<Utc>) -> bool {
        let known = self.broker_configs.get(&broker);
        if known == Some(&configs) {
            return false;
        }
        self.news.extend(known.and_then(|known| brokers::broker_configs(broker, known, &configs, seen_at)));
        self.broker_configs.insert(broker, configs);
        true
    }

    fn put_moves(&mut self, moves: Vec<Moving>, seen_at: DateTime<Utc>) -> bool {
        for moving in self.moves.iter().flatten() {
            let topic = self.topics.get_mut(&moving.topic);
            let partition = topic.and_then(|t| t.partitions.iter_mut().find(|p| p.index == moving.partition));
            if let Some(partition) = partition {
                partition.mark(None);
            }
        }
        mark(&mut self.topics, &moves);
        changed(&mut self.moves, moves, &mut self.news, |a, b| brokers::moves(a, b, seen_at))
    }

    /// One coordinator's groups replace what was known of that coordinator, and only that.
    fn put_groups(&mut self, coordinator: BrokerId, groups: Vec<Group>) -> bool {
        let listed: BTreeMap<String, Group> = groups.into_iter().map(|g| (g.id.clone(), g)).collect();
        let before = self.groups.len();
        self.groups.retain(|id, (known, _)| *known != coordinator || listed.contains_key(id));
        let mut changed = self.groups.len() != before;
        for (id, mut group) in listed {
            if group.members.is_none() {
                // A listing without a description keeps the members that were described before.
                let known = self.groups.get(&id);
                group.members = known.and_then(|(_, known)| known.members.clone());
                group.epochs = known.and_then(|(_, known)| known.epochs);
            }
            if group.members.as_ref().is_some_and(|members| !members.is_empty()) {
                self.history.has_members(&id);
            }
            let next = (coordinator, group);
            changed |= self.groups.get(&id) != Some(&next);
            self.groups.insert(id, next);
        }
        let (groups, before) = (&self.groups, self.commits.len());
        self.commits.retain(|id, _| groups.contains_key(id));
        if self.commits.len() != before {
            self.history.keep(|id| groups.contains_key(id));
        }
        changed
    }

    fn put_commits(&mut self, commits: Vec<Commits>, seen_at: DateTime<Utc>) -> bool {
        let mut changed = false;
        for mut next in commits {
            if next.error.is_some()
                && let Some(known) = self.commits.get(&next.group)
            {
                // What it had committed is still the best that is known.
                next.commits.clone_from(&known.commits);
            } else {
                let Self { history, topics, configs, ends, .. } = self;
                changed |= history.committed(&next, seen_at, |topic| about(topics, configs, ends, topic));
            }
            changed |= self.commits.get(&next.group) != Some(&next);
            self.commits.insert(next.group.clone(), next);
        }
        changed
    }

    /// Tells the history which topics there are, and how long each keeps its records.
    fn tell_topics(&mut self, seen_at: DateTime<Utc>) {
        let Self { history, topics, configs, ends, .. } = self;
        history.told(seen_at, |topic| about(topics, configs, ends, topic));
    }

    fn drop_deleted_topics(&mut self) {
        let topics = &self.topics;
        self.ends.retain(|topic, _| topics.contains_key(topic));
        self.configs.retain(|topic, _| topics.contains_key(topic));
    }

    /// `min.insync.replicas` of a topic, if its configs were answered.
    pub fn min_isr(&self, topic: &str) -> Option<u32> {
        self.configs.get(topic)?.min_isr()
    }
}

/// What is known of a topic, as the history of groups takes it.
fn about<'a>(
    topics: &BTreeMap<String, Topic>,
    configs: &'a BTreeMap<String, TopicConfig>,
    ends: &'a BTreeMap<String, BTreeMap<i32, i64>>,
    topic: &str,
) -> About<'a> {
    About { known: topics.contains_key(topic), config: configs.get(topic), ends: ends.get(topic) }
}

/// Notes on partitions what moves do to them.
fn mark(topics: &mut BTreeMap<String, Topic>, moves: &[Moving]) {
    for moving in moves {
        let topic = topics.get_mut(&moving.topic);
        let partition = topic.and_then(|t| t.partitions.iter_mut().find(|p| p.index == moving.partition));
        if let Some(partition) = partition {
            partition.mark(Some(moving));
        }
    }
}

/// Puts an answer in the place of the one before; false when it is the same. What differs from one before is news.
fn changed<T: PartialEq>(
    known: &mut Option<T>,
    next: T,
    news: &mut Vec<Entry>,
    tell: impl FnOnce(&T, &T) -> Vec<Entry>,
) -> bool {
    let is_news = known.as_ref() != Some(&next);
    if let Some(before) = known.as_ref().filter(|_| is_news) {
        news.extend(tell(before, &next));
    }
    *known = Some(next);
    is_news
}
