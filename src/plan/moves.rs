//! Where partitions go when a broker is to hold none of them, how much that copies, and what slows it down.
//!
//! Pure: `actions` makes plans of it.

use std::collections::{BTreeMap, BTreeSet};

use super::kafka::{ConfigChange, KafkaOp, Move, PartitionRef};
use crate::domain::{config::Owner, ids::BrokerId};

/// How fast a leader may send to replicas that are being made, in bytes a second.
pub const LEADER_RATE: &str = "leader.replication.throttled.rate";
/// How fast a replica that is being made may take, in bytes a second.
pub const FOLLOWER_RATE: &str = "follower.replication.throttled.rate";
/// Which replicas of a topic are slowed down as leaders.
pub const LEADER_REPLICAS: &str = "leader.replication.throttled.replicas";
/// Which replicas of a topic are slowed down while they are made.
pub const FOLLOWER_REPLICAS: &str = "follower.replication.throttled.replicas";

/// A broker that may take replicas.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Host {
    /// Its rack, or the zone of its node.
    pub rack: Option<String>,
}

/// A partition with what it weighs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Weighed {
    /// Which.
    pub of: PartitionRef,
    /// Its replicas, the preferred leader first.
    pub replicas: Vec<BrokerId>,
    /// Bytes of one replica; none where no broker told.
    pub bytes: Option<u64>,
}

/// Proposes where every replica of a broker goes: onto brokers that have none of the partition yet, in another rack than
/// the replicas that stay where there is one, and to whoever has least by number and by size. The replica takes the same
/// place in the list, so that preferred leaders stay spread.
///
/// # Errors
/// The first partition that has more replicas than other brokers are there.
pub fn drain(
    broker: BrokerId,
    hosts: &BTreeMap<BrokerId, Host>,
    partitions: &[Weighed],
    wanted: &dyn Fn(&str) -> bool,
) -> Result<Vec<Move>, PartitionRef> {
    let mut loads: BTreeMap<BrokerId, (f64, f64)> = hosts.keys().map(|id| (*id, (0.0, 0.0))).collect();
    for one in partitions {
        for id in &one.replicas {
            if let Some(load) = loads.get_mut(id) {
                load.0 += 1.0;
                load.1 += one.bytes.unwrap_or_default() as f64;
            }
        }
    }
    let all = partitions.iter().map(|one| one.replicas.len()).sum::<usize>().max(1) as f64;
    let bytes: f64 =
        partitions.iter().map(|one| one.bytes.unwrap_or_default() as f64 * one.replicas.len() as f64).sum();
    let share = |load: (f64, f64)| load.0 / all + load.1 / bytes.max(1.0);
    let mut leaving: Vec<&Weighed> =
        partitions.iter().filter(|one| one.replicas.contains(&broker) && wanted(&one.of.topic)).collect();
    // The large ones first: the small ones level out what these leave uneven.
    leaving.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.of.cmp(&b.of)));
    let mut moves = Vec::new();
    for one in leaving {
        let staying: Vec<BrokerId> = one.replicas.iter().copied().filter(|id| *id != broker).collect();
        let racks: BTreeSet<&str> =
            staying.iter().filter_map(|id| hosts.get(id).and_then(|host| host.rack.as_deref())).collect();
        let doubles = |id: &BrokerId| {
            let rack = hosts.get(id).and_then(|host| host.rack.as_deref());
            rack.is_some_and(|rack| racks.contains(rack))
        };
        let free = hosts.keys().filter(|id| **id != broker && !staying.contains(id));
        let load = |id: &BrokerId| share(loads.get(id).copied().unwrap_or_default());
        let best = free.min_by(|a, b| doubles(a).cmp(&doubles(b)).then_with(|| load(a).total_cmp(&load(b)))).copied();
        let Some(best) = best else { return Err(one.of.clone()) };
        if let Some(load) = loads.get_mut(&best) {
            load.0 += 1.0;
            load.1 += one.bytes.unwrap_or_default() as f64;
        }
        let after = one.replicas.iter().map(|id| if *id == broker { best } else { *id }).collect();
        moves.push(Move { of: one.of.clone(), before: one.replicas.clone(), after: Some(after) });
    }
    moves.sort_by(|a, b| a.of.cmp(&b.of));
    Ok(moves)
}

/// Replicas that a move makes.
pub fn added(one: &Move) -> Vec<BrokerId> {
    let after = one.after.iter().flatten();
    after.filter(|id| !one.before.contains(id)).copied().collect()
}

/// What has to be set so that moves go no faster than a rate: on every broker that sends or takes, and on every topic.
pub fn throttle(
    moves: &[Move],
    rate: u64,
    before: &dyn Fn(&Owner, &str) -> Option<String>,
) -> Vec<(Owner, Vec<ConfigChange>)> {
    let mut brokers: BTreeSet<BrokerId> = BTreeSet::new();
    let mut topics: BTreeMap<&str, (Vec<String>, Vec<String>)> = BTreeMap::new();
    for one in moves {
        let added = added(one);
        brokers.extend(one.before.iter().chain(&added));
        let (leaders, followers) = topics.entry(one.of.topic.as_str()).or_default();
        leaders.extend(one.before.iter().map(|id| format!("{}:{id}", one.of.partition)));
        followers.extend(added.iter().map(|id| format!("{}:{id}", one.of.partition)));
    }
    let change = |of: &Owner, name: &str, after: String| ConfigChange {
        name: name.to_owned(),
        before: before(of, name),
        after: Some(after),
    };
    let mut all = Vec::new();
    for id in brokers {
        let of = Owner::Broker(id);
        let changes = [LEADER_RATE, FOLLOWER_RATE].map(|name| change(&of, name, rate.to_string())).to_vec();
        all.push((of, changes));
    }
    for (topic, (leaders, followers)) in topics {
        let of = Owner::Topic(topic.to_owned());
        let lists = [(LEADER_REPLICAS, leaders.join(",")), (FOLLOWER_REPLICAS, followers.join(","))];
        let changes = lists.map(|(name, list)| change(&of, name, list)).to_vec();
        all.push((of, changes));
    }
    all
}

/// The same taken away again.
pub fn unthrottle(throttle: &[(Owner, Vec<ConfigChange>)]) -> Vec<(Owner, Vec<ConfigChange>)> {
    let back = |one: &ConfigChange| ConfigChange { name: one.name.clone(), before: one.after.clone(), after: None };
    throttle.iter().map(|(of, changes)| (of.clone(), changes.iter().map(back).collect())).collect()
}

/// The op that changes configs.
pub fn config_op(of: &Owner, changes: &[ConfigChange]) -> KafkaOp {
    KafkaOp::AlterConfigs { of: of.clone(), changes: changes.to_vec() }
}

/// Bytes that moves copy, and how long that takes at a rate for the broker that sends or takes most, in seconds.
pub fn cost(
    moves: &[Move],
    size: &dyn Fn(&PartitionRef) -> Option<u64>,
    leader: &dyn Fn(&PartitionRef) -> Option<BrokerId>,
    rate: Option<u64>,
) -> (u64, Option<u64>) {
    let mut total = 0;
    let (mut sent, mut taken): (BTreeMap<BrokerId, u64>, BTreeMap<BrokerId, u64>) = Default::default();
    for one in moves {
        let bytes = size(&one.of).unwrap_or_default();
        for id in added(one) {
            total += bytes;
            *taken.entry(id).or_default() += bytes;
            if let Some(leader) = leader(&one.of) {
                *sent.entry(leader).or_default() += bytes;
            }
        }
    }
    let most = sent.values().chain(taken.values()).max().copied().unwrap_or_default();
    (total, rate.filter(|rate| *rate > 0).map(|rate| most.div_ceil(rate)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(racks: &[Option<&str>]) -> BTreeMap<BrokerId, Host> {
        let host = |rack: Option<&str>| Host { rack: rack.map(str::to_owned) };
        (0..).map(BrokerId).zip(racks.iter().copied().map(host)).collect()
    }

    fn partition(index: i32, replicas: &[i32], bytes: u64) -> Weighed {
        Weighed {
            of: PartitionRef { topic: "t".into(), partition: index },
            replicas: replicas.iter().copied().map(BrokerId).collect(),
            bytes: Some(bytes),
        }
    }

    fn ids(of: &Move) -> Vec<i32> {
        of.after.iter().flatten().map(|id| id.0).collect()
    }

    const ALL: &dyn Fn(&str) -> bool = &|_| true;

    #[test]
    fn replicas_go_where_least_is_and_keep_their_place_in_the_list() {
        let hosts = hosts(&[None; 4]);
        let partitions = [partition(0, &[0, 1, 2], 10), partition(1, &[1, 0, 2], 10), partition(2, &[1, 2, 3], 500)];
        let moves = drain(BrokerId(0), &hosts, &partitions, ALL).unwrap();
        assert_eq!(moves.iter().map(ids).collect::<Vec<_>>(), [[3, 1, 2], [1, 3, 2]], "no other broker is free");
        let many: Vec<Weighed> = (0..30).map(|n| partition(n, &[0], 100)).collect();
        let moves = drain(BrokerId(0), &hosts, &many, ALL).unwrap();
        for id in 1..4 {
            assert_eq!(moves.iter().filter(|one| ids(one) == [id]).count(), 10);
        }
    }

    #[test]
    fn sizes_count_and_not_numbers_alone() {
        let hosts = hosts(&[None; 3]);
        let partitions = [partition(0, &[0], 900), partition(1, &[0], 10), partition(2, &[0], 10)];
        let moves = drain(BrokerId(0), &hosts, &partitions, ALL).unwrap();
        let of = |at: usize| ids(&moves[at])[0];
        assert!(of(0) != of(1) && of(1) == of(2), "{moves:?}");
    }

    #[test]
    fn a_rack_is_not_used_twice_where_there_is_another() {
        let hosts = hosts(&[Some("a"), Some("b"), Some("b"), Some("c")]);
        // Broker 3 has most, and is in the only rack that is free.
        let partitions = [partition(0, &[0, 1], 1), partition(1, &[3], 1_000), partition(2, &[3], 1_000)];
        let moves = drain(BrokerId(0), &hosts, &partitions, ALL).unwrap();
        assert_eq!(ids(&moves[0]), [3, 1]);
        let two = hosts.into_iter().filter(|(id, _)| id.0 != 3).collect::<BTreeMap<_, _>>();
        assert_eq!(ids(&drain(BrokerId(0), &two, &partitions, ALL).unwrap()[0]), [2, 1], "no other rack is left");
    }

    #[test]
    fn too_few_brokers_are_told_with_the_partition() {
        let hosts = hosts(&[None; 3]);
        let partitions = [partition(4, &[0, 1, 2], 1)];
        assert_eq!(drain(BrokerId(0), &hosts, &partitions, ALL).unwrap_err().to_string(), "t-4");
        assert_eq!(drain(BrokerId(0), &hosts, &partitions, &|topic| topic == "other"), Ok(Vec::new()));
    }

    #[test]
    fn a_throttle_is_set_on_who_sends_and_takes_and_taken_away_as_it_was_set() {
        let moves = [Move {
            of: PartitionRef { topic: "t".into(), partition: 3 },
            before: vec![BrokerId(0), BrokerId(1)],
            after: Some(vec![BrokerId(2), BrokerId(1)]),
        }];
        let set = throttle(&moves, 1_000, &|_, _| None);
        let owners: Vec<String> = set.iter().map(|(of, _)| of.to_string()).collect();
        assert_eq!(owners, ["broker 0", "broker 1", "broker 2", "topic t"]);
        let values = |changes: &[ConfigChange]| changes.iter().map(|c| c.after.clone().unwrap()).collect::<Vec<_>>();
        assert_eq!(values(&set[0].1), ["1000", "1000"]);
        assert_eq!(values(&set[3].1), ["3:0,3:1", "3:2"]);
        let back = unthrottle(&set);
        assert!(back.iter().flat_map(|(_, all)| all).all(|one| one.after.is_none() && one.before.is_some()));
        let size = |_: &PartitionRef| Some(10_000);
        assert_eq!(cost(&moves, &size, &|_| Some(BrokerId(0)), Some(1_000)), (10_000, Some(10)));
        assert_eq!(cost(&moves, &size, &|_| None, None), (10_000, None));
    }
}
