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
        topic::{Moving, Topic, TopicConfig},
        user::{Quota, ScramUser},
    },
    facts::KafkaBody,
};

use super::history::{About, History};

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
        match body {
            KafkaBody::Metadata(metadata) => {
                self.metadata_at = Some(seen_at);
                let advertised = metadata.brokers.into_iter().map(|b| (b.id, b)).collect();
                let mut topics = metadata.topics.into_iter().map(|t| (t.name.clone(), t)).collect();
                mark(&mut topics, self.moves.as_deref().unwrap_or_default());
                let changed = self.advertised != advertised || self.topics != topics;
                self.cluster_id = metadata.cluster_id;
                self.advertised = advertised;
                self.topics = topics;
                if changed {
                    self.drop_deleted_topics();
                    self.tell_topics(seen_at);
                }
                changed
            }
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
            KafkaBody::LogDirs(dirs) => {
                broker.is_some_and(|broker| self.log_dirs.insert(broker, dirs.clone()).as_ref() != Some(&dirs))
            }
            KafkaBody::TopicConfigs(configs) => {
                self.configs.extend(configs.into_iter().map(|c| (c.topic.clone(), c)));
                self.tell_topics(seen_at);
                true
            }
            KafkaBody::BrokerConfigs(configs) => broker
                .is_some_and(|broker| self.broker_configs.insert(broker, configs.clone()).as_ref() != Some(&configs)),
            KafkaBody::Quorum(quorum) => self.quorum.replace(quorum.clone()).as_ref() != Some(&quorum),
            KafkaBody::ScramUsers(users) => {
                changed(&mut self.scram, users.into_iter().map(|u| (u.name.clone(), u)).collect())
            }
            KafkaBody::Acls(authorizer) => changed(&mut self.rules, Rules::of(authorizer)),
            KafkaBody::Quotas(quotas) => changed(&mut self.quotas, quotas),
            KafkaBody::Reassignments(moves) => self.put_moves(moves),
        }
    }

    fn put_moves(&mut self, moves: Vec<Moving>) -> bool {
        for moving in self.moves.iter().flatten() {
            let topic = self.topics.get_mut(&moving.topic);
            let partition = topic.and_then(|t| t.partitions.iter_mut().find(|p| p.index == moving.partition));
            if let Some(partition) = partition {
                partition.mark(None);
            }
        }
        mark(&mut self.topics, &moves);
        changed(&mut self.moves, moves)
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

/// Puts an answer in the place of the one before; false when it is the same.
fn changed<T: PartialEq>(known: &mut Option<T>, next: T) -> bool {
    let next = Some(next);
    let is_news = *known != next;
    *known = next;
    is_news
}
