//! Lines from what differs between two answers of brokers: elections, ISR moves, topics, configs, users, moves.
//!
//! Pure: `KafkaWorld::apply` calls these with what it knew and what it was told, and only where the two differ. What
//! happens to many partitions at one moment is one line of each broker that is at the heart of it.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    domain::{
        acl,
        broker::Advertised,
        config::{Config, ConfigEntry, ConfigSource},
        ids::BrokerId,
        quorum::Quorum,
        timeline::{Entry, EntryKind},
        topic::{Moving, Topic, TopicConfig},
        units::counted,
        user::{self, Quota, ScramUser},
    },
    world::kafka::Rules,
};

/// Kind of the object that stands for the whole installation; its name is filled in by who knows it.
pub const WHOLE: &str = "installation";
/// So many of one kind at one moment are told one by one; more are one line.
const APART: usize = 5;
/// So many are named in one line.
const NAMED: usize = 3;
/// An answer that came so long after the one before does not say when what differs came about.
const GAP: TimeDelta = TimeDelta::seconds(30);

/// Something before and after; `None` where there is none.
type Change<'a, V> = (Option<&'a V>, Option<&'a V>);
/// A topic before and after; `None` where there is none of the name.
pub type Differing<'a> = Change<'a, Topic>;

/// Topics that differ, by name: the one comparison of Metadata with what was known.
pub fn differing<'a>(before: &'a BTreeMap<String, Topic>, after: &'a BTreeMap<String, Topic>) -> Vec<Differing<'a>> {
    differences(before, after).into_iter().map(|(_, one)| one).collect()
}

/// What differs of two maps, by key.
fn differences<'a, K: Ord, V: PartialEq>(
    before: &'a BTreeMap<K, V>,
    after: &'a BTreeMap<K, V>,
) -> Vec<(&'a K, Change<'a, V>)> {
    let (mut old, mut new) = (before.iter().peekable(), after.iter().peekable());
    let mut found = Vec::new();
    loop {
        let order = match (old.peek(), new.peek()) {
            (None, None) => return found,
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (Some((a, _)), Some((b, _))) => a.cmp(b),
        };
        let was = if order.is_le() { old.next() } else { None };
        let is = if order.is_ge() { new.next() } else { None };
        if let Some((key, _)) = was.or(is)
            && was.map(|(_, v)| v) != is.map(|(_, v)| v)
        {
            found.push((key, (was.map(|(_, v)| v), is.map(|(_, v)| v))));
        }
    }
}

/// When two answers were told.
#[derive(Debug, Clone, Copy)]
pub struct Between {
    /// The one before.
    pub before: DateTime<Utc>,
    /// The one now.
    pub now: DateTime<Utc>,
}

impl Between {
    /// What is to be said of the moment, where it is not known well.
    fn doubt(self) -> String {
        let is_long = self.now - self.before > GAP;
        if is_long { format!(", some time after {}", self.before.format("%H:%M:%SZ")) } else { String::new() }
    }
}

/// Lines from Metadata: brokers that come and go, topics that differ.
pub fn metadata(
    brokers: (&BTreeMap<BrokerId, Advertised>, &BTreeMap<BrokerId, Advertised>),
    topics: &[Differing<'_>],
    between: Between,
) -> Vec<Entry> {
    let mut news = Partitions::default();
    let (mut made, mut gone) = (Vec::new(), Vec::new());
    for topic in topics {
        match topic {
            // What is refused or not yet there is neither made nor deleted.
            (Some(one), _) | (_, Some(one)) if one.error.is_some() => {}
            (None, Some(after)) => made.push((after.name.clone(), shape(after))),
            (Some(before), None) => gone.push((before.name.clone(), "deleted".to_owned())),
            (Some(before), Some(after)) => news.compare(before, after),
            (None, None) => {}
        }
    }
    let mut entries = of_brokers(brokers.0, brokers.1, between.now);
    entries.extend(many(EntryKind::Topic, "topic", &made, "created", between.now));
    entries.extend(many(EntryKind::Topic, "topic", &gone, "deleted", between.now));
    entries.extend(many(EntryKind::Topic, "topic", &news.grown, "got partitions", between.now));
    entries.extend(news.leaders(between.now));
    entries.extend(news.isr(between.now));
    let doubt = between.doubt();
    entries
        .into_iter()
        .map(|mut entry| {
            entry.text.push_str(&doubt);
            entry.from("Metadata")
        })
        .collect()
}

/// A new topic in words.
fn shape(topic: &Topic) -> String {
    let copies = topic.partitions.iter().map(|p| p.replicas.len()).max().unwrap_or_default();
    format!("created with {}, replication factor {copies}", counted(topic.partitions.len(), "partition"))
}

/// Brokers that appear among the unfenced ones, go from them, or are found elsewhere.
fn of_brokers(
    before: &BTreeMap<BrokerId, Advertised>,
    after: &BTreeMap<BrokerId, Advertised>,
    now: DateTime<Utc>,
) -> Vec<Entry> {
    let line = |(id, change): (&BrokerId, (Option<&Advertised>, Option<&Advertised>))| {
        let (text, warns) = match change {
            (None, Some(_)) => ("is there: registered and unfenced".to_owned(), false),
            (_, None) => ("is gone from Metadata: fenced or shut down".to_owned(), true),
            (Some(a), Some(b)) if (&a.host, a.port) != (&b.host, b.port) => {
                (format!("advertises {}:{}, before {}:{}", b.host, b.port, a.host, a.port), false)
            }
            (Some(_), Some(b)) => (format!("is in rack {} now", b.rack.as_deref().unwrap_or("(none)")), false),
        };
        Entry::new(now, EntryKind::Broker, "broker", id.to_string(), format!("broker {id} {text}")).warning(warns)
    };
    differences(before, after).into_iter().map(line).collect()
}

/// Few things one by one, and many in one line about the whole.
fn many(kind: EntryKind, of: &str, things: &[(String, String)], verb: &str, now: DateTime<Utc>) -> Vec<Entry> {
    if things.len() <= APART {
        return things.iter().map(|(name, text)| Entry::new(now, kind, of, name, text)).collect();
    }
    let names = named(things.iter().map(|(name, _)| name.as_str()));
    let text = format!("{} {verb}: {names}", counted(things.len(), of));
    vec![Entry::new(now, kind, WHOLE, "", text)]
}

/// The first names, and how many more there are.
fn named<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    let more = names.len().saturating_sub(NAMED);
    let first: Vec<&str> = names.take(NAMED).collect();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", first.join(", "))
}

/// From whom to whom leadership went: nobody is `None`.
type Hands = (Option<BrokerId>, Option<BrokerId>);

/// Some partitions: how many, and the first of them by name.
#[derive(Debug, Default)]
struct Bundle {
    count: usize,
    first: Option<(String, i32)>,
}

impl Bundle {
    fn add(&mut self, topic: &str, index: i32) {
        self.count += 1;
        self.first.get_or_insert_with(|| (topic.to_owned(), index));
    }

    /// `14 partitions`, or the name of the only one.
    fn words(&self) -> String {
        match &self.first {
            Some((topic, index)) if self.count == 1 => format!("{topic}-{index}"),
            _ => counted(self.count, "partition"),
        }
    }
}

/// What happened to partitions, gathered by who is at the heart of it.
#[derive(Debug, Default)]
struct Partitions {
    grown: Vec<(String, String)>,
    moved: BTreeMap<Hands, Bundle>,
    left: BTreeMap<BrokerId, Bundle>,
    joined: BTreeMap<BrokerId, Bundle>,
}

impl Partitions {
    fn compare(&mut self, before: &Topic, after: &Topic) {
        let (was, is) = (before.partitions.len(), after.partitions.len());
        if is > was {
            self.grown.push((after.name.clone(), format!("has {is} partitions, before {was}")));
        }
        let known: BTreeMap<i32, _> = before.partitions.iter().map(|p| (p.index, p)).collect();
        for partition in &after.partitions {
            let Some(known) = known.get(&partition.index) else { continue };
            if known.leader != partition.leader {
                let hands = (known.leader, partition.leader);
                self.moved.entry(hands).or_default().add(&after.name, partition.index);
            }
            for id in known.isr.iter().filter(|id| !partition.isr.contains(id)) {
                self.left.entry(*id).or_default().add(&after.name, partition.index);
            }
            for id in partition.isr.iter().filter(|id| !known.isr.contains(id)) {
                self.joined.entry(*id).or_default().add(&after.name, partition.index);
            }
        }
    }

    /// Elections: a line for each broker that lost leaders or took them over, the greatest first, until all are told.
    fn leaders(&mut self, now: DateTime<Utc>) -> Vec<Entry> {
        let mut entries = Vec::new();
        while let Some((loses, id)) = heart(&self.moved) {
            let is_of = |hands: &Hands| if loses { hands.0 == id } else { hands.1 == id };
            let all = std::mem::take(&mut self.moved);
            let (these, rest) = all.into_iter().partition(|(hands, _)| is_of(hands));
            self.moved = rest;
            entries.push(election(loses, id, &these, now));
        }
        entries
    }

    fn isr(&self, now: DateTime<Utc>) -> Vec<Entry> {
        let line = |id: &BrokerId, bundle: &Bundle, verb: &str, warns: bool| {
            let text = format!("broker {id} {verb} the ISR of {}", bundle.words());
            Entry::new(now, EntryKind::Isr, "broker", id.to_string(), text).warning(warns)
        };
        let left = self.left.iter().map(|(id, bundle)| line(id, bundle, "left", true));
        left.chain(self.joined.iter().map(|(id, bundle)| line(id, bundle, "joined", false))).collect()
    }
}

/// Who is at the heart of most of what moved, and whether it lost that: rather who lost than who gained.
fn heart(moved: &BTreeMap<Hands, Bundle>) -> Option<(bool, Option<BrokerId>)> {
    let mut totals: BTreeMap<(bool, Option<BrokerId>), usize> = BTreeMap::new();
    for ((from, to), bundle) in moved {
        *totals.entry((true, *from)).or_default() += bundle.count;
        *totals.entry((false, *to)).or_default() += bundle.count;
    }
    totals.into_iter().max_by_key(|((loses, id), count)| (*count, id.is_some(), *loses)).map(|(who, _)| who)
}

/// One election: what a broker lost or took over.
fn election(loses: bool, id: Option<BrokerId>, moved: &BTreeMap<Hands, Bundle>, now: DateTime<Utc>) -> Entry {
    let nobody = |id: Option<BrokerId>| id.map_or_else(|| "nobody".to_owned(), |id| id.to_string());
    let total: usize = moved.values().map(|bundle| bundle.count).sum();
    if let (1, Some(((from, to), bundle))) = (total, moved.first_key_value())
        && let Some((topic, index)) = &bundle.first
    {
        let text = format!("{topic}-{index} is led by {}, before by {}", nobody(*to), nobody(*from));
        return Entry::new(now, EntryKind::Leader, "topic", topic, text).warning(to.is_none());
    }
    let word = match (loses, id) {
        (true, Some(_)) => "to",
        (false, Some(_)) => "from",
        (true, None) => "on",
        (false, None) => "before on",
    };
    let other = |(from, to): &Hands| if loses { *to } else { *from };
    let parts: Vec<String> =
        moved.iter().map(|(hands, bundle)| format!("{} {word} {}", bundle.count, nobody(other(hands)))).collect();
    let parts = parts.join(", ");
    let text = match (loses, id) {
        (true, Some(id)) => format!("broker {id} lost {}: {parts}", counted(total, "leader")),
        (false, Some(id)) => format!("broker {id} took over {}: {parts}", counted(total, "leader")),
        (true, None) => format!("{} have a leader again: {parts}", counted(total, "partition")),
        (false, None) => format!("{} have no leader: {parts}", counted(total, "partition")),
    };
    let (of, name) = id.map_or_else(|| (WHOLE, String::new()), |id| ("broker", id.to_string()));
    let warns = moved.keys().any(|(_, to)| to.is_none());
    Entry::new(now, EntryKind::Leader, of, name, text).warning(warns)
}

/// Lines from the quorum: another leader, other voters.
pub fn quorum(before: &Quorum, after: &Quorum, now: DateTime<Utc>) -> Vec<Entry> {
    let mut texts = Vec::new();
    if (before.leader, before.leader_epoch) != (after.leader, after.leader_epoch) {
        texts.push(match (before.leader, after.leader) {
            (_, None) => (format!("the quorum has no leader (epoch {})", after.leader_epoch), true),
            (Some(old), Some(new)) if old == new => {
                (format!("node {new} was elected leader of the quorum again (epoch {})", after.leader_epoch), false)
            }
            (old, Some(new)) => {
                let old = old.map(|old| format!(", before {old}")).unwrap_or_default();
                (format!("the active controller is {new}{old} (epoch {})", after.leader_epoch), false)
            }
        });
    }
    let voters = |of: &Quorum| -> BTreeSet<BrokerId> { of.voters.iter().map(|voter| voter.id).collect() };
    let (was, is) = (voters(before), voters(after));
    if was != is {
        let list = |ids: &BTreeSet<BrokerId>| ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        texts.push((format!("voters of the quorum are {}, before {}", list(&is), list(&was)), false));
    }
    let line = |(text, warns)| Entry::new(now, EntryKind::Quorum, WHOLE, "", text).warning(warns).from("quorum");
    texts.into_iter().map(line).collect()
}

/// Lines from configs of topics, as far as both answers tell as much of a topic.
pub fn topic_configs(known: &BTreeMap<String, TopicConfig>, told: &[TopicConfig], now: DateTime<Utc>) -> Vec<Entry> {
    let mut things = Vec::new();
    for after in told {
        let Some(before) = known.get(&after.topic).filter(|before| *before != after) else { continue };
        if before.complete != after.complete {
            continue;
        }
        let texts = config_changes(&entries_of(&before.entries), &entries_of(&after.entries), |e| {
            e.source == ConfigSource::DynamicTopic
        });
        if !texts.is_empty() {
            things.push((after.topic.clone(), named(texts.iter().map(String::as_str))));
        }
    }
    let entries = many(EntryKind::Config, "topic", &things, "got other configs", now);
    entries.into_iter().map(|entry| entry.from("topic configs")).collect()
}

/// Lines from one broker's configs.
pub fn broker_configs(id: BrokerId, before: &[Config], after: &[Config], now: DateTime<Utc>) -> Option<Entry> {
    let of = |configs: &'_ [Config]| -> BTreeMap<String, ConfigEntry> {
        let set = configs.iter().filter(|config| config.differs());
        set.map(|config| (config.entry.name.clone(), config.entry.clone())).collect()
    };
    let texts = config_changes(&of(before), &of(after), |_| true);
    let text = format!("broker {id}: {}", named(texts.iter().map(String::as_str)));
    let entry = Entry::new(now, EntryKind::Config, "broker", id.to_string(), text);
    (!texts.is_empty()).then(|| entry.from("configs"))
}

fn entries_of(entries: &[ConfigEntry]) -> BTreeMap<String, ConfigEntry> {
    entries.iter().map(|entry| (entry.name.clone(), entry.clone())).collect()
}

/// What became of configs, one text each: those that are or were set as `is_set` says.
fn config_changes(
    before: &BTreeMap<String, ConfigEntry>,
    after: &BTreeMap<String, ConfigEntry>,
    is_set: impl Fn(&ConfigEntry) -> bool,
) -> Vec<String> {
    let text = |(name, change): (&String, (Option<&ConfigEntry>, Option<&ConfigEntry>))| {
        let set = |entry: Option<&ConfigEntry>| entry.is_some_and(&is_set);
        let (was, is) = change;
        if !set(was) && !set(is) {
            return None;
        }
        let shown = |entry: &ConfigEntry| short(entry.shown());
        match (was, is) {
            (Some(was), Some(is)) if was.shown() == is.shown() && was.source == is.source => None,
            (was, Some(is)) if set(Some(is)) => {
                let was = was.map(|was| format!(", before {}", shown(was))).unwrap_or_default();
                Some(format!("{name}={}{was}", shown(is)))
            }
            (Some(was), is) => {
                let is = is.map(|is| format!(", {} now", shown(is))).unwrap_or_default();
                Some(format!("{name} is not set any more, before {}{is}", shown(was)))
            }
            (None, _) => None,
        }
    };
    differences(before, after).into_iter().filter_map(text).collect()
}

/// A value as far as a line has room for it.
fn short(value: &str) -> String {
    crate::domain::text::shortened(value, 80).into_owned()
}

/// Lines from users with SCRAM credentials.
pub fn scram(
    before: &BTreeMap<String, ScramUser>,
    after: &BTreeMap<String, ScramUser>,
    now: DateTime<Utc>,
) -> Vec<Entry> {
    let how = |user: &ScramUser| {
        let all: Vec<&str> = user.credentials.iter().map(|c| c.mechanism.as_str()).collect();
        if all.is_empty() { "no credential".to_owned() } else { all.join(", ") }
    };
    let text = |(name, change): (&String, (Option<&ScramUser>, Option<&ScramUser>))| {
        let text = match change {
            (None, Some(is)) => format!("has a credential now: {}", how(is)),
            (Some(_), None) => "has no credential any more".to_owned(),
            (Some(was), Some(is)) if was.credentials != is.credentials => {
                format!("has other credentials: {}, before {}", how(is), how(was))
            }
            _ => return None,
        };
        Some((name.clone(), text))
    };
    let things: Vec<_> = differences(before, after).into_iter().filter_map(text).collect();
    let entries = many(EntryKind::User, "user", &things, "have other credentials", now);
    entries.into_iter().map(|entry| entry.from("SCRAM users")).collect()
}

/// Lines from what the authorizer allows.
pub fn rules(before: &Rules, after: &Rules, now: DateTime<Utc>) -> Vec<Entry> {
    let entries = match (before, after) {
        (Rules::Of(before), Rules::Of(after)) => {
            let text = |(principal, (_, is)): (&String, (_, Option<&Vec<acl::Rule>>))| {
                let text = match is {
                    Some(is) => format!("has other ACLs: {}", acl::summary(is)),
                    None => "has no ACL any more".to_owned(),
                };
                (acl::user_of(principal).to_owned(), text)
            };
            let things: Vec<_> = differences(before, after).into_iter().map(text).collect();
            many(EntryKind::User, "user", &things, "have other ACLs", now)
        }
        (Rules::NoAuthorizer, Rules::Of(_)) => {
            vec![Entry::new(now, EntryKind::User, WHOLE, "", "an authorizer asks what users may do")]
        }
        (Rules::Of(_), Rules::NoAuthorizer) => {
            let text = "no authorizer asks any more: everybody may do everything";
            vec![Entry::new(now, EntryKind::User, WHOLE, "", text).warning(true)]
        }
        (Rules::NoAuthorizer, Rules::NoAuthorizer) => Vec::new(),
    };
    entries.into_iter().map(|entry| entry.from("ACLs")).collect()
}

/// Lines from quotas.
pub fn quotas(before: &[Quota], after: &[Quota], now: DateTime<Utc>) -> Vec<Entry> {
    let of = |quotas: &'_ [Quota]| -> BTreeMap<BTreeMap<String, Option<String>>, user::Limits> {
        quotas.iter().map(|quota| (quota.entity.clone(), quota.limits.clone())).collect()
    };
    let (was, is) = (of(before), of(after));
    let text = |(entity, (_, is)): (&BTreeMap<String, Option<String>>, (_, Option<&user::Limits>))| {
        let whose =
            |(kind, name): (&String, &Option<String>)| format!("{kind} {}", name.as_deref().unwrap_or("(default)"));
        let whose: Vec<String> = entity.iter().map(whose).collect();
        let limits = is.map_or_else(|| "no quota any more".to_owned(), user::in_short);
        let name = entity.get("user").cloned().flatten().unwrap_or_default();
        (name, format!("quota of {}: {limits}", whose.join(", ")))
    };
    let things: Vec<(String, String)> = differences(&was, &is).into_iter().map(text).collect();
    let entries = many(EntryKind::User, "user", &things, "got other quotas", now);
    entries.into_iter().map(|entry| entry.from("quotas")).collect()
}

/// Lines from moves of partitions: those that began and those that ended.
pub fn moves(before: &[Moving], after: &[Moving], now: DateTime<Utc>) -> Vec<Entry> {
    let of = |moves: &'_ [Moving]| -> BTreeSet<(String, i32)> {
        moves.iter().map(|moving| (moving.topic.clone(), moving.partition)).collect()
    };
    let (was, is) = (of(before), of(after));
    let line = |these: Vec<&(String, i32)>, verb: &str| {
        let mut topics: BTreeMap<&str, usize> = BTreeMap::new();
        for (topic, _) in &these {
            *topics.entry(topic).or_default() += 1;
        }
        let only = topics.keys().next().copied().filter(|_| topics.len() == 1);
        let each: Vec<String> = topics.iter().map(|(topic, count)| format!("{topic} {count}")).collect();
        let (of, name) = only.map_or((WHOLE, ""), |topic| ("topic", topic));
        let moves = if these.len() == 1 { "the move" } else { "moves" };
        let text = format!(
            "{moves} of {} {verb}: {}",
            counted(these.len(), "partition"),
            named(each.iter().map(String::as_str))
        );
        (!these.is_empty()).then(|| Entry::new(now, EntryKind::Move, of, name, text).from("reassignments"))
    };
    let ended = line(was.difference(&is).collect(), "ended");
    let begun = line(is.difference(&was).collect(), "began");
    ended.into_iter().chain(begun).collect()
}
