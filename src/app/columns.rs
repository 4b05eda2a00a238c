//! The columns of every list: title, width, text, tone and sort key, in one table each.
//!
//! Panes and the command line's text tables are both made from these. Cells are made for the rows that
//! are visible; sorting compares keys, not texts.

use std::cmp::Ordering;

use chrono::{DateTime, Utc};

use crate::domain::{
    finding::{Finding, Severity},
    group::GroupPartition,
    ids::BrokerId,
    topic::Health,
    units,
};
use crate::world::{
    alerts::AlertRow,
    brokers::BrokerRow,
    groups::GroupRow,
    storage::ClaimRow,
    topics::{PartitionRow, TopicRow},
};

/// What a cell means, for the theme to colour; never the only carrier of that meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tone {
    /// Nothing special.
    #[default]
    Plain,
    /// As it should be.
    Good,
    /// Worth a look.
    Warn,
    /// Wrong.
    Bad,
    /// Less important than the rest.
    Muted,
    /// Not known, or older than it should be.
    Unknown,
}

/// One cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    /// Its text, as it came: whoever draws it makes it printable.
    pub text: String,
    /// Its meaning.
    pub tone: Tone,
}

impl Cell {
    fn new(text: impl Into<String>, tone: Tone) -> Self {
        Self { text: text.into(), tone }
    }

    fn plain(text: impl Into<String>) -> Self {
        Self::new(text, Tone::Plain)
    }

    /// A figure that may not be known: `?` then.
    fn figure<T: ToString>(value: Option<T>) -> Self {
        value.map_or_else(|| Self::new("?", Tone::Unknown), |v| Self::plain(v.to_string()))
    }

    /// A count that should be 0.
    fn should_be_zero(value: Option<usize>, bad: Tone) -> Self {
        match value {
            Some(0) => Self::new("0", Tone::Muted),
            Some(n) => Self::new(n.to_string(), bad),
            None => Self::new("?", Tone::Unknown),
        }
    }
}

/// What a column is sorted by.
#[derive(Debug, Clone, PartialEq)]
pub enum SortKey {
    /// Unknown sorts last whichever way.
    Unknown,
    /// By number.
    Number(i64),
    /// By text.
    Text(String),
}

impl SortKey {
    /// From something that may not be known.
    fn number(value: Option<impl TryInto<i64>>) -> Self {
        value.and_then(|v| v.try_into().ok()).map_or(Self::Unknown, Self::Number)
    }

    fn text(value: Option<&str>) -> Self {
        value.map_or(Self::Unknown, |v| Self::Text(v.to_lowercase()))
    }

    fn time(value: Option<DateTime<Utc>>) -> Self {
        // The youngest has the smallest age.
        value.map_or(Self::Unknown, |at| Self::Number(-at.timestamp_millis()))
    }

    /// Compares two keys in ascending or descending order.
    pub fn compare(&self, other: &Self, descending: bool) -> Ordering {
        let order = match (self, other) {
            (Self::Unknown, Self::Unknown) => return Ordering::Equal,
            (Self::Unknown, _) => return Ordering::Greater,
            (_, Self::Unknown) => return Ordering::Less,
            (Self::Number(a), Self::Number(b)) => a.cmp(b),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (Self::Number(_), Self::Text(_)) => Ordering::Less,
            (Self::Text(_), Self::Number(_)) => Ordering::Greater,
        };
        if descending { order.reverse() } else { order }
    }
}

/// How wide a column is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Width {
    /// As wide as its widest visible cell, within these bounds.
    Fit {
        /// At least.
        min: u16,
        /// At most.
        max: u16,
    },
    /// What is left, at least this; the telling part of a name is kept when it must be cut.
    Rest {
        /// At least.
        min: u16,
    },
}

/// One column of a list of `R`.
pub struct Column<R> {
    /// Title, in capitals.
    pub title: &'static str,
    /// Width.
    pub width: Width,
    /// Figures stand to the right.
    pub right: bool,
    /// From which importance on it is left out when the terminal is narrow: 0 is never, 9 first.
    pub optional: u8,
    /// Its cell for a row, at a moment.
    pub cell: fn(&R, DateTime<Utc>) -> Cell,
    /// Its sort key for a row.
    pub key: fn(&R) -> SortKey,
}

/// A row of a list: what selection holds on to.
pub trait Row: Sized + 'static {
    /// Its columns.
    const COLUMNS: &'static [Column<Self>];
    /// What tells it from others while rows come, go and move.
    fn id(&self) -> String;
    /// How rows are ordered before the user chose a column: the worst first, else as they stand.
    fn urgency(&self) -> i64 {
        0
    }
}

const fn fit(min: u16, max: u16) -> Width {
    Width::Fit { min, max }
}

fn broker_list(ids: &[BrokerId]) -> String {
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

fn age_cell(then: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Cell {
    then.map_or_else(|| Cell::new("?", Tone::Unknown), |then| Cell::plain(units::age(now, then)))
}

fn percent_cell(percent: Option<u8>, stale: bool) -> Cell {
    let Some(percent) = percent else { return Cell::new("?", Tone::Unknown) };
    let tone = match percent {
        _ if stale => Tone::Unknown,
        95.. => Tone::Bad,
        85.. => Tone::Warn,
        _ => Tone::Plain,
    };
    Cell::new(format!("{percent}%"), tone)
}

impl Row for BrokerRow {
    const COLUMNS: &'static [Column<Self>] = &[
        Column { title: "ID", width: fit(2, 5), right: true, optional: 0, cell: |b, _| Cell::figure(b.id), key: |b| SortKey::number(b.id.map(|i| i.0)) },
        Column { title: "POD", width: Width::Rest { min: 10 }, right: false, optional: 0, cell: |b, _| b.pod.as_ref().map_or_else(|| Cell::new("none", Tone::Bad), Cell::plain), key: |b| SortKey::text(b.pod.as_deref()) },
        Column { title: "STATE", width: fit(7, 36), right: false, optional: 0, cell: broker_state, key: |b| SortKey::Text(b.state.clone()) },
        Column { title: "NODE", width: fit(4, 24), right: false, optional: 3, cell: |b, _| Cell::figure(b.node.as_ref()), key: |b| SortKey::text(b.node.as_deref()) },
        Column { title: "ZONE", width: fit(4, 16), right: false, optional: 7, cell: |b, _| Cell::figure(b.zone.as_ref()), key: |b| SortKey::text(b.zone.as_deref()) },
        Column { title: "ROLES", width: fit(5, 17), right: false, optional: 8, cell: |b, _| if b.roles.is_empty() { Cell::new("?", Tone::Unknown) } else { Cell::plain(b.roles.join(",")) }, key: |b| SortKey::Text(b.roles.join(",")) },
        Column { title: "LEAD", width: fit(4, 7), right: true, optional: 2, cell: |b, _| Cell::figure(b.leaders), key: |b| SortKey::number(b.leaders) },
        Column { title: "REPL", width: fit(4, 7), right: true, optional: 6, cell: |b, _| Cell::figure(b.replicas), key: |b| SortKey::number(b.replicas) },
        Column { title: "URP", width: fit(3, 7), right: true, optional: 1, cell: |b, _| Cell::should_be_zero(b.under_replicated.map(|n| n as usize), Tone::Warn), key: |b| SortKey::number(b.under_replicated) },
        Column { title: "DISK", width: fit(4, 5), right: true, optional: 2, cell: |b, _| percent_cell(b.disk_percent, false), key: |b| SortKey::number(b.disk_percent) },
        Column { title: "RESTARTS", width: fit(8, 24), right: false, optional: 3, cell: broker_restarts, key: |b| SortKey::number(b.restarts) },
        Column { title: "AGE", width: fit(3, 6), right: true, optional: 4, cell: |b, now| age_cell(b.created_at, now), key: |b| SortKey::time(b.created_at) },
    ];

    fn id(&self) -> String {
        self.id.map_or_else(|| self.pod.clone().unwrap_or_default(), |id| id.to_string())
    }

    fn urgency(&self) -> i64 {
        match self.ready {
            Some(false) => 0,
            None => 1,
            Some(true) => 2,
        }
    }
}

fn broker_state(broker: &BrokerRow, _: DateTime<Utc>) -> Cell {
    match broker.ready {
        Some(true) => Cell::new(format!("● {}", broker.state), Tone::Good),
        Some(false) => Cell::new(format!("▲ {}", broker.state), Tone::Bad),
        None => Cell::new(format!("? {}", broker.state), Tone::Unknown),
    }
}

fn broker_restarts(broker: &BrokerRow, now: DateTime<Utc>) -> Cell {
    let Some(count) = broker.restarts else { return Cell::new("?", Tone::Unknown) };
    if count == 0 {
        return Cell::new("0", Tone::Muted);
    }
    let ago = broker.restarted_at.map(|at| format!(" {} ago", units::age(now, at))).unwrap_or_default();
    let why = broker.restart_reason.as_deref().map(|r| format!(" {r}")).unwrap_or_default();
    Cell::new(format!("{count}{ago}{why}"), Tone::Warn)
}

impl Row for ClaimRow {
    const COLUMNS: &'static [Column<Self>] = &[
        Column { title: "PVC", width: Width::Rest { min: 12 }, right: false, optional: 0, cell: |c, _| Cell::plain(&c.pvc), key: |c| SortKey::Text(c.pvc.clone()) },
        Column { title: "PHASE", width: fit(5, 8), right: false, optional: 0, cell: |c, _| Cell::new(&c.phase, if c.phase == "Bound" { Tone::Good } else if c.phase == "?" { Tone::Unknown } else { Tone::Bad }), key: |c| SortKey::Text(c.phase.clone()) },
        Column { title: "BROKER", width: fit(6, 6), right: true, optional: 2, cell: |c, _| Cell::figure(c.broker), key: |c| SortKey::number(c.broker.map(|b| b.0)) },
        Column { title: "SIZE", width: fit(7, 9), right: true, optional: 1, cell: |c, _| Cell::figure(c.requested_bytes.map(units::bytes)), key: |c| SortKey::number(c.requested_bytes) },
        Column { title: "USED", width: fit(7, 9), right: true, optional: 1, cell: |c, _| Cell::new(c.used_bytes.map_or_else(|| "?".to_owned(), units::bytes), if c.used_bytes.is_none() || c.used_stale { Tone::Unknown } else { Tone::Plain }), key: |c| SortKey::number(c.used_bytes) },
        Column { title: "%", width: fit(4, 4), right: true, optional: 0, cell: |c, _| percent_cell(c.used_percent, c.used_stale), key: |c| SortKey::number(c.used_percent) },
        Column { title: "SOURCE", width: fit(10, 22), right: false, optional: 3, cell: claim_source, key: |c| SortKey::text(c.used_source.map(crate::domain::storage::UsedSource::label)) },
        Column { title: "CLASS", width: fit(5, 16), right: false, optional: 5, cell: |c, _| Cell::figure(c.class.as_ref()), key: |c| SortKey::text(c.class.as_deref()) },
        Column { title: "POD", width: fit(4, 40), right: false, optional: 8, cell: |c, _| Cell::figure(c.pod.as_ref()), key: |c| SortKey::text(c.pod.as_deref()) },
        Column { title: "AGE", width: fit(3, 6), right: true, optional: 6, cell: |c, now| age_cell(c.created_at, now), key: |c| SortKey::time(c.created_at) },
    ];

    fn id(&self) -> String {
        self.pvc.clone()
    }

    fn urgency(&self) -> i64 {
        if self.phase == "Bound" { 101 - i64::from(self.used_percent.unwrap_or_default()) } else { 0 }
    }
}

fn claim_source(claim: &ClaimRow, now: DateTime<Utc>) -> Cell {
    let Some(source) = claim.used_source else { return Cell::new("unknown", Tone::Unknown) };
    let age = claim.used_as_of.map(|at| format!(", {} ago", units::age(now, at))).unwrap_or_default();
    Cell::new(format!("{}{age}", source.label()), if claim.used_stale { Tone::Unknown } else { Tone::Muted })
}

impl Row for TopicRow {
    const COLUMNS: &'static [Column<Self>] = &[
        Column { title: "TOPIC", width: Width::Rest { min: 16 }, right: false, optional: 0, cell: |t, _| Cell::new(&t.name, if t.owner.is_some() { Tone::Muted } else { Tone::Plain }), key: |t| SortKey::Text(t.name.clone()) },
        Column { title: "PARTITIONS", width: fit(10, 10), right: true, optional: 1, cell: |t, _| Cell::plain(t.partitions.to_string()), key: |t| SortKey::number(Some(t.partitions)) },
        Column { title: "RF", width: fit(2, 3), right: true, optional: 2, cell: |t, _| Cell::plain(t.replication_factor.to_string()), key: |t| SortKey::number(Some(t.replication_factor)) },
        Column { title: "MIN-ISR", width: fit(7, 7), right: true, optional: 3, cell: |t, _| Cell::figure(t.min_isr), key: |t| SortKey::number(t.min_isr) },
        Column { title: "OFFLINE", width: fit(7, 7), right: true, optional: 0, cell: |t, _| Cell::should_be_zero(Some(t.offline), Tone::Bad), key: |t| SortKey::number(Some(t.offline)) },
        Column { title: "UNDER-MIN", width: fit(9, 9), right: true, optional: 0, cell: |t, _| Cell::should_be_zero(t.min_isr.map(|_| t.under_min_isr), Tone::Bad), key: |t| SortKey::number(Some(t.under_min_isr)) },
        Column { title: "AT-MIN", width: fit(6, 6), right: true, optional: 4, cell: |t, _| Cell::should_be_zero(t.min_isr.map(|_| t.at_min_isr), Tone::Warn), key: |t| SortKey::number(Some(t.at_min_isr)) },
        Column { title: "URP", width: fit(3, 6), right: true, optional: 0, cell: |t, _| Cell::should_be_zero(Some(t.under_replicated), Tone::Warn), key: |t| SortKey::number(Some(t.under_replicated)) },
        Column { title: "SIZE", width: fit(7, 9), right: true, optional: 2, cell: |t, _| Cell::figure(t.size_bytes.map(units::bytes)), key: |t| SortKey::number(t.size_bytes) },
        Column { title: "OWNER", width: fit(5, 12), right: false, optional: 5, cell: |t, _| Cell::new(t.owner.as_deref().unwrap_or("-"), Tone::Muted), key: |t| SortKey::text(t.owner.as_deref()) },
    ];

    fn id(&self) -> String {
        self.name.clone()
    }

    fn urgency(&self) -> i64 {
        self.worst as i64 * 1_000_000 - (self.under_replicated as i64) + if self.owner.is_some() { 500_000 } else { 0 }
    }
}

impl Row for PartitionRow {
    const COLUMNS: &'static [Column<Self>] = &[
        Column { title: "PARTITION", width: fit(9, 9), right: true, optional: 0, cell: |p, _| Cell::plain(p.partition.to_string()), key: |p| SortKey::number(Some(p.partition)) },
        Column { title: "STATE", width: fit(8, 18), right: false, optional: 0, cell: |p, _| health_cell(p.health), key: |p| SortKey::number(Some(p.health as i64)) },
        Column { title: "LEADER", width: fit(6, 8), right: true, optional: 0, cell: |p, _| p.leader.map_or_else(|| Cell::new("none", Tone::Bad), |l| Cell::plain(l.to_string())), key: |p| SortKey::number(p.leader.map(|l| l.0)) },
        Column { title: "REPLICAS", width: fit(8, 24), right: false, optional: 0, cell: |p, _| Cell::plain(broker_list(&p.replicas)), key: |p| SortKey::Text(broker_list(&p.replicas)) },
        Column { title: "ISR", width: fit(5, 24), right: false, optional: 0, cell: |p, _| Cell::new(broker_list(&p.isr), if p.isr.len() < p.replicas.len() { Tone::Warn } else { Tone::Plain }), key: |p| SortKey::number(Some(p.isr.len())) },
        Column { title: "BEHIND", width: fit(6, 16), right: false, optional: 1, cell: behind, key: |p| SortKey::number(Some(p.replicas.len() - p.isr.len().min(p.replicas.len()))) },
        Column { title: "END OFFSET", width: fit(10, 20), right: true, optional: 3, cell: |p, _| p.end.map_or_else(|| Cell::new("-", Tone::Muted), |e| Cell::plain(e.to_string())), key: |p| SortKey::number(p.end) },
        Column { title: "SIZE PER BROKER", width: Width::Rest { min: 16 }, right: false, optional: 2, cell: |p, _| Cell::plain(p.size_bytes.iter().map(|(b, n)| format!("{b}: {}", units::bytes(*n))).collect::<Vec<_>>().join("  ")), key: |p| SortKey::number(p.size_bytes.values().max().copied()) },
    ];

    fn id(&self) -> String {
        self.partition.to_string()
    }
}

fn behind(partition: &PartitionRow, _: DateTime<Utc>) -> Cell {
    let missing: Vec<BrokerId> = partition.replicas.iter().filter(|r| !partition.isr.contains(r)).copied().collect();
    if missing.is_empty() { Cell::new("-", Tone::Muted) } else { Cell::new(broker_list(&missing), Tone::Warn) }
}

fn health_cell(health: Health) -> Cell {
    match health {
        Health::Offline => Cell::new("▲ offline", Tone::Bad),
        Health::UnderMinIsr => Cell::new("▲ under min-ISR", Tone::Bad),
        Health::AtMinIsr => Cell::new("▲ at min-ISR", Tone::Warn),
        Health::UnderReplicated => Cell::new("▲ under-replicated", Tone::Warn),
        Health::InSync => Cell::new("● in sync", Tone::Good),
    }
}

impl Row for GroupRow {
    const COLUMNS: &'static [Column<Self>] = &[
        Column { title: "GROUP", width: Width::Rest { min: 16 }, right: false, optional: 0, cell: |g, _| Cell::plain(&g.id), key: |g| SortKey::Text(g.id.clone()) },
        Column { title: "STATE", width: fit(6, 20), right: false, optional: 0, cell: |g, _| Cell::new(&g.state, group_tone(&g.state)), key: |g| SortKey::Text(g.state.clone()) },
        Column { title: "TYPE", width: fit(7, 8), right: false, optional: 4, cell: |g, _| Cell::figure(g.kind.as_ref()), key: |g| SortKey::text(g.kind.as_deref()) },
        Column { title: "MEMBERS", width: fit(7, 7), right: true, optional: 1, cell: |g, _| Cell::figure(g.members), key: |g| SortKey::number(g.members) },
        Column { title: "LAG", width: fit(6, 10), right: true, optional: 0, cell: group_lag, key: |g| SortKey::number(g.lag) },
        Column { title: "TOPICS", width: fit(6, 40), right: false, optional: 2, cell: group_topics, key: |g| SortKey::number(Some(g.topics.len())) },
        Column { title: "COORDINATOR", width: fit(11, 11), right: true, optional: 6, cell: |g, _| Cell::plain(g.coordinator.to_string()), key: |g| SortKey::number(Some(g.coordinator.0)) },
    ];

    fn id(&self) -> String {
        self.id.clone()
    }

    fn urgency(&self) -> i64 {
        -self.lag.unwrap_or_default()
    }
}

fn group_tone(state: &str) -> Tone {
    match state {
        "Stable" => Tone::Good,
        "Empty" => Tone::Muted,
        _ => Tone::Warn,
    }
}

fn group_lag(group: &GroupRow, _: DateTime<Utc>) -> Cell {
    match group.lag {
        None => Cell::new("?", Tone::Unknown),
        Some(lag) if group.lag_incomplete => Cell::new(format!("≥{}", units::count(lag)), Tone::Unknown),
        Some(lag) => Cell::plain(units::count(lag)),
    }
}

fn group_topics(group: &GroupRow, _: DateTime<Utc>) -> Cell {
    match group.topics.as_slice() {
        [] => Cell::new("-", Tone::Muted),
        [one] => Cell::new(one, Tone::Muted),
        [first, rest @ ..] => Cell::new(format!("{first} +{}", rest.len()), Tone::Muted),
    }
}

impl Row for GroupPartition {
    const COLUMNS: &'static [Column<Self>] = &[
        Column { title: "TOPIC", width: Width::Rest { min: 12 }, right: false, optional: 0, cell: |p, _| Cell::plain(&p.topic), key: |p| SortKey::Text(p.topic.clone()) },
        Column { title: "PARTITION", width: fit(9, 9), right: true, optional: 0, cell: |p, _| Cell::plain(p.partition.to_string()), key: |p| SortKey::number(Some(p.partition)) },
        Column { title: "COMMITTED", width: fit(9, 20), right: true, optional: 1, cell: |p, _| p.committed.map_or_else(|| Cell::new("none", Tone::Muted), |o| Cell::plain(o.to_string())), key: |p| SortKey::number(p.committed) },
        Column { title: "END", width: fit(5, 20), right: true, optional: 1, cell: |p, _| Cell::figure(p.end), key: |p| SortKey::number(p.end) },
        Column { title: "LAG", width: fit(5, 12), right: true, optional: 0, cell: |p, _| p.lag.map_or_else(|| Cell::new(if p.committed.is_none() { "-" } else { "?" }, Tone::Unknown), |l| Cell::plain(units::count(l))), key: |p| SortKey::number(p.lag) },
        Column { title: "CLIENT", width: fit(6, 32), right: false, optional: 2, cell: |p, _| p.client_id.as_ref().map_or_else(|| Cell::new("-", Tone::Muted), Cell::plain), key: |p| SortKey::text(p.client_id.as_deref()) },
        Column { title: "HOST", width: fit(6, 40), right: false, optional: 3, cell: |p, _| p.host.as_ref().map_or_else(|| Cell::new("-", Tone::Muted), Cell::plain), key: |p| SortKey::text(p.host.as_deref()) },
        Column { title: "MEMBER", width: fit(6, 50), right: false, optional: 6, cell: |p, _| p.member.as_ref().map_or_else(|| Cell::new("-", Tone::Muted), Cell::plain), key: |p| SortKey::text(p.member.as_deref()) },
    ];

    fn id(&self) -> String {
        format!("{}-{}", self.topic, self.partition)
    }

    fn urgency(&self) -> i64 {
        -self.lag.unwrap_or_default()
    }
}

impl Row for AlertRow {
    const COLUMNS: &'static [Column<Self>] = &[
        Column { title: "ALERT", width: fit(12, 44), right: false, optional: 0, cell: |a, _| Cell::plain(&a.name), key: |a| SortKey::Text(a.name.clone()) },
        Column { title: "STATE", width: fit(13, 13), right: false, optional: 0, cell: |a, _| Cell::new(format!("◌ {}", a.state), Tone::Unknown), key: |a| SortKey::Text(a.state.to_owned()) },
        Column { title: "SEVERITY", width: fit(8, 10), right: false, optional: 2, cell: |a, _| Cell::new(a.severity.as_deref().unwrap_or("-"), Tone::Muted), key: |a| SortKey::text(a.severity.as_deref()) },
        Column { title: "FOR", width: fit(3, 6), right: true, optional: 3, cell: |a, _| Cell::new(a.hold.as_deref().unwrap_or("-"), Tone::Muted), key: |a| SortKey::text(a.hold.as_deref()) },
        Column { title: "RULE", width: fit(8, 40), right: false, optional: 4, cell: |a, _| Cell::new(format!("{}/{}", a.namespace, a.object), Tone::Muted), key: |a| SortKey::Text(format!("{}/{}", a.namespace, a.object)) },
        Column { title: "EXPRESSION", width: Width::Rest { min: 16 }, right: false, optional: 5, cell: |a, _| Cell::new(a.expression.split_whitespace().collect::<Vec<_>>().join(" "), Tone::Muted), key: |a| SortKey::Text(a.expression.clone()) },
    ];

    fn id(&self) -> String {
        format!("{}/{}/{}", self.namespace, self.object, self.name)
    }
}

impl Row for Finding {
    const COLUMNS: &'static [Column<Self>] = &[
        Column { title: "SEVERITY", width: fit(8, 10), right: false, optional: 0, cell: severity, key: |f| SortKey::number(Some(f.severity as i64)) },
        Column { title: "FINDING", width: Width::Rest { min: 24 }, right: false, optional: 0, cell: |f, _| Cell::plain(&f.title), key: |f| SortKey::Text(f.title.clone()) },
        Column { title: "ID", width: fit(8, 24), right: false, optional: 4, cell: |f, _| Cell::new(f.id, Tone::Muted), key: |f| SortKey::Text(f.id.to_owned()) },
        Column { title: "SINCE", width: fit(5, 6), right: true, optional: 1, cell: |f, now| age_cell(f.since, now), key: |f| SortKey::time(f.since) },
    ];

    fn id(&self) -> String {
        format!("{} {}", self.id, self.object.name)
    }

    fn urgency(&self) -> i64 {
        self.severity as i64
    }
}

fn severity(finding: &Finding, _: DateTime<Utc>) -> Cell {
    match finding.severity {
        Severity::Critical => Cell::new("▲ critical", Tone::Bad),
        Severity::Warning => Cell::new("▲ warning", Tone::Warn),
        Severity::Info => Cell::new("● info", Tone::Muted),
    }
}
