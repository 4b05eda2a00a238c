//! The figures of the header and of `status`.

use serde::Serialize;

use crate::domain::freshness::{Asked, Kind};

use super::{Reading, brokers::BrokerRow, groups::GroupRow, storage::ClaimRow, topics::PartitionCounts};

/// The figures over everything; `None` is unknown.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// Brokers.
    pub brokers: BrokerCounts,
    /// Partitions, `None` before Metadata has answered.
    pub partitions: Option<PartitionCounts>,
    /// Claims.
    pub storage: StorageCounts,
    /// Groups.
    pub groups: GroupCounts,
    /// Alerts.
    pub alerts: AlertCounts,
}

/// Brokers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BrokerCounts {
    /// Ready, `None` when none of them can be judged.
    pub ready: Option<usize>,
    /// All: wanted by the owner, or seen.
    pub total: usize,
    /// Those that are known not to be ready.
    pub not_ready: usize,
    /// Those that cannot be judged.
    pub unknown: usize,
}

/// Claims.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StorageCounts {
    /// All.
    pub pvcs: usize,
    /// Bound, `None` where claims cannot be seen.
    pub bound: Option<usize>,
    /// The fullest, in percent.
    pub used_percent_max: Option<u8>,
}

/// Groups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GroupCounts {
    /// All, `None` before a coordinator has answered.
    pub total: Option<usize>,
    /// The largest lag in records.
    pub lag_max: Option<i64>,
    /// For how long the oldest unread record of all groups has waited, in seconds.
    pub lag_seconds_max: Option<i64>,
    /// True when some group's may be longer.
    pub lag_seconds_at_least: bool,
}

/// Alerts: rules are counted, and not evaluated yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AlertCounts {
    /// Firing; not evaluated yet.
    pub firing: Option<usize>,
    /// Pending; not evaluated yet.
    pub pending: Option<usize>,
    /// Rules that can never fire; not judged yet.
    pub cannot_fire: Option<usize>,
    /// Alerting rules found, `None` where they cannot be seen.
    pub rules: Option<usize>,
}

impl Reading<'_> {
    /// The figures over everything, from this reading's own rows.
    pub fn summary(&self, brokers: &[BrokerRow], storage: &[ClaimRow], groups: &[GroupRow]) -> Summary {
        Summary {
            brokers: self.broker_counts(brokers),
            partitions: self.partition_counts(),
            storage: self.storage_counts(storage),
            groups: self.group_counts(groups),
            alerts: AlertCounts {
                firing: None,
                pending: None,
                cannot_fire: None,
                rules: self.has_seen(Kind::Rules).then(|| self.world.kube.rules.values().map(|r| r.alerts.len()).sum()),
            },
        }
    }

    fn broker_counts(&self, rows: &[BrokerRow]) -> BrokerCounts {
        let count = |ready: Option<bool>| rows.iter().filter(|b| b.ready == ready).count();
        let wanted = self.installation.wanted.map_or(0, |n| n as usize);
        // Wanted brokers without a pod are missing, unless it is our eyes that are.
        let missing = wanted.saturating_sub(rows.len());
        let (missing, unseen) = if self.watch(Kind::Pods).as_of.is_some() { (missing, 0) } else { (0, missing) };
        let (ready, unknown) = (count(Some(true)), count(None) + unseen);
        BrokerCounts {
            ready: (ready > 0 || unknown == 0).then_some(ready),
            total: rows.len().max(wanted),
            not_ready: count(Some(false)) + missing,
            unknown,
        }
    }

    fn storage_counts(&self, rows: &[ClaimRow]) -> StorageCounts {
        let bound = || rows.iter().filter(|c| c.phase == "Bound").count();
        StorageCounts {
            pvcs: rows.len(),
            bound: self.has_seen(Kind::Claims).then(bound),
            used_percent_max: rows.iter().filter_map(|c| c.used_percent).max(),
        }
    }

    /// True when a kind was listed once, or is known not to be there.
    fn has_seen(&self, kind: Kind) -> bool {
        self.watch(kind).as_of.is_some() || self.world.absent.contains_key(&kind)
    }

    fn group_counts(&self, rows: &[GroupRow]) -> GroupCounts {
        let heard =
            self.kafka().is_some_and(|k| !k.groups.is_empty()) || self.asked_each(Asked::Groups).as_of.is_some();
        let at_least = rows.iter().any(|g| g.lag_seconds_at_least || g.lag_seconds.is_none());
        let seconds = rows.iter().filter_map(|g| g.lag_seconds).max();
        GroupCounts {
            total: heard.then_some(rows.len()),
            lag_max: rows.iter().filter_map(|g| g.lag).max(),
            // That it is not below nothing is no figure.
            lag_seconds_max: seconds.filter(|seconds| *seconds > 0 || !at_least),
            lag_seconds_at_least: at_least,
        }
    }
}
