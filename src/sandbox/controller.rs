//! The active controller of a KRaft quorum: who is registered, who leads, who is in sync.
//!
//! A pure step over the state. It sees brokers only as far as their heartbeats reach it, so that what it does
//! comes as late as in Kafka: a broker that froze is fenced when its session ends, not when it froze.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    broker::settle,
    kafka::{Kafka, Moving, Partition, Process},
};

/// `broker.session.timeout.ms`.
const SESSION: TimeDelta = TimeDelta::seconds(6);
/// How long all replicas are in sync before leaders go back to where they belong.
const CALM: TimeDelta = TimeDelta::seconds(30);
/// Bytes a second with which a broker that was away fetches what it missed.
const CATCH_UP: f64 = 8e6;
/// Seconds that even an empty catch-up takes: the next fetch, and the controller's word.
const REJOIN: f64 = 1.5;

/// A replica that is not in sync: broker, topic, partition.
type Replica = (i32, String, usize);

/// The controller and what it remembers.
#[derive(Debug, Default)]
pub struct Controller {
    /// When each broker was last heard.
    heard: BTreeMap<i32, DateTime<Utc>>,
    /// Seconds until a replica that fetches is in sync again.
    behind: BTreeMap<Replica, f64>,
    /// Since when every replica is in sync.
    calm_since: Option<DateTime<Utc>>,
}

impl Controller {
    /// Goes on to a moment, some seconds after the last.
    pub fn step(&mut self, kafka: &mut Kafka, now: DateTime<Utc>, seconds: f64) {
        let running: Vec<i32> =
            kafka.brokers.values().filter(|b| b.process == Process::Running).map(|b| b.id).collect();
        for broker in &running {
            self.heard.insert(*broker, now);
        }
        // Without a majority there is no controller, and whatever stands in the metadata goes on standing there.
        if running.len() * 2 <= kafka.brokers.len() {
            kafka.controller = None;
            return;
        }
        kafka.controller = kafka.controller.filter(|c| running.contains(c)).or_else(|| running.first().copied());
        let lost: Vec<i32> = kafka
            .brokers
            .values()
            .filter(|b| b.unfenced && self.heard.get(&b.id).is_none_or(|heard| now - *heard > SESSION))
            .map(|b| b.id)
            .collect();
        for broker in lost {
            fence(kafka, broker);
        }
        for broker in kafka.brokers.values_mut() {
            broker.unfenced |= broker.process == Process::Running;
        }
        lead_again(kafka);
        self.catch_up(kafka, seconds);
        arrive(kafka);
        self.balance(kafka, now);
    }

    /// Replicas of running brokers fetch what they miss and join the ISR when they have it.
    fn catch_up(&mut self, kafka: &mut Kafka, seconds: f64) {
        let speeds = speeds(kafka);
        let Kafka { topics, brokers, .. } = kafka;
        for (name, topic) in topics {
            for (index, partition) in topic.partitions.iter_mut().enumerate() {
                for id in partition.replicas.clone() {
                    let key = (id, name.clone(), index);
                    if partition.isr.contains(&id) {
                        continue;
                    }
                    // What was missed is not counted record by record: the longer the partition, the longer it takes.
                    let whole = match speeds.get(&key) {
                        Some(speed) => REJOIN + partition.bytes / speed,
                        None => REJOIN + partition.bytes * 0.1 / CATCH_UP,
                    };
                    let left = self.behind.entry(key.clone()).or_insert(whole);
                    let fetches = brokers.get(&id).is_some_and(|b| b.process == Process::Running && b.unfenced);
                    if !fetches || partition.leader.is_none() {
                        *left = whole;
                        continue;
                    }
                    *left -= seconds;
                    if *left <= 0.0 {
                        self.behind.remove(&key);
                        partition.isr.push(id);
                        let order = partition.replicas.clone();
                        partition.isr.sort_by_key(|b| order.iter().position(|r| r == b));
                    }
                }
            }
        }
    }

    /// Gives leadership back to the preferred replicas once all has been in sync for a while.
    fn balance(&mut self, kafka: &mut Kafka, now: DateTime<Utc>) {
        let all = || kafka.topics.values().flat_map(|t| &t.partitions);
        let in_sync = all().all(|p| p.isr.len() == p.replicas.len());
        self.calm_since = if in_sync { self.calm_since.or(Some(now)) } else { None };
        if self.calm_since.is_some_and(|since| now - since >= CALM) {
            for partition in kafka.topics.values_mut().flat_map(|t| &mut t.partitions) {
                lead(partition, partition.replicas.first().copied());
            }
        }
    }
}

/// Bytes a second with which each replica that is being added is copied: what others of its broker leave it, and no
/// more than a throttle allows.
fn speeds(kafka: &Kafka) -> BTreeMap<Replica, f64> {
    let adding = |(key, moving): (&(String, i32), &Moving)| {
        let (topic, index) = key.clone();
        moving.adding().into_iter().map(move |id| (id, topic.clone(), index as usize)).collect::<Vec<_>>()
    };
    let all: Vec<Replica> = kafka.changes.moves.iter().flat_map(adding).collect();
    let speed = |replica: &Replica| {
        let (id, topic, index) = replica;
        let beside = all.iter().filter(|(other, ..)| other == id).count().max(1);
        let leader = kafka.topics.get(topic).and_then(|t| t.partitions.get(*index)?.leader);
        let limits = [("follower", Some(*id)), ("leader", leader)].map(|(part, broker)| {
            let listed = kafka.topics.get(topic)?.configs.get(&format!("{part}.replication.throttled.replicas"))?;
            let own = format!("{index}:{}", broker?);
            listed.split(',').any(|one| one == "*" || one == own).then_some(())?;
            let rate = kafka.changes.configs.get(&broker?)?.get(&format!("{part}.replication.throttled.rate"))?;
            rate.parse::<f64>().ok()
        });
        let limit = limits.into_iter().flatten().fold(CATCH_UP, f64::min);
        (replica.clone(), (limit / beside as f64).max(1.0))
    };
    all.iter().map(speed).collect()
}

/// Moves whose replicas are all in sync have arrived: what is to be removed goes.
fn arrive(kafka: &mut Kafka) {
    let Kafka { topics, changes, .. } = kafka;
    changes.moves.retain(|(topic, index), moving| {
        let partition = topics.get_mut(topic).and_then(|t| t.partitions.get_mut(*index as usize));
        let Some(partition) = partition else { return false };
        let arrived = moving.target.iter().all(|id| partition.isr.contains(id));
        if arrived {
            settle(partition, &moving.target);
        }
        !arrived
    });
}

/// Takes a broker out of the metadata, its ISRs and its leaderships. A controlled shutdown does this at once.
pub fn fence(kafka: &mut Kafka, id: i32) {
    if let Some(broker) = kafka.brokers.get_mut(&id) {
        broker.unfenced = false;
    }
    for partition in kafka.topics.values_mut().flat_map(|t| &mut t.partitions) {
        // The last one in sync stays in the ISR: it alone has everything.
        if partition.isr.len() > 1 {
            partition.isr.retain(|b| *b != id);
        }
        if partition.leader == Some(id) {
            let next = partition.isr.iter().copied().find(|b| kafka.brokers.get(b).is_some_and(|b| b.unfenced));
            lead(partition, next);
        }
    }
}

/// Partitions without a leader get one as soon as a broker of their ISR is back.
fn lead_again(kafka: &mut Kafka) {
    let Kafka { topics, brokers, .. } = kafka;
    for partition in topics.values_mut().flat_map(|t| &mut t.partitions).filter(|p| p.leader.is_none()) {
        let back = partition.isr.iter().copied().find(|b| brokers.get(b).is_some_and(|b| b.unfenced));
        if back.is_some() {
            lead(partition, back);
        }
    }
}

fn lead(partition: &mut Partition, leader: Option<i32>) {
    if partition.leader != leader {
        partition.leader = leader;
        partition.epoch += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::{super::demo, *};

    /// Steps of a quarter of a second, for so many seconds.
    fn go_on(controller: &mut Controller, kafka: &mut Kafka, now: &mut DateTime<Utc>, seconds: u32) {
        for _ in 0..seconds * 4 {
            *now += TimeDelta::milliseconds(250);
            controller.step(kafka, *now, 0.25);
        }
    }

    fn count(kafka: &Kafka, what: impl Fn(&Partition) -> bool) -> usize {
        kafka.topics.values().flat_map(|t| &t.partitions).filter(|p| what(p)).count()
    }

    #[test]
    fn a_frozen_broker_is_fenced_after_its_session_and_comes_back_into_the_isr() {
        let (mut kafka, mut controller, mut now) = (demo::kafka(), Controller::default(), DateTime::UNIX_EPOCH);
        go_on(&mut controller, &mut kafka, &mut now, 1);
        kafka.brokers.get_mut(&1).unwrap().process = Process::Frozen;
        go_on(&mut controller, &mut kafka, &mut now, 5);
        assert!(kafka.brokers[&1].unfenced, "its session has not ended");
        go_on(&mut controller, &mut kafka, &mut now, 3);
        assert!(!kafka.brokers[&1].unfenced);
        assert_eq!(count(&kafka, |p| p.leader == Some(1) || p.leader.is_none()), 0);
        assert!(count(&kafka, |p| p.isr.len() < p.replicas.len()) > 20);
        kafka.brokers.get_mut(&1).unwrap().process = Process::Running;
        go_on(&mut controller, &mut kafka, &mut now, 30);
        assert_eq!(count(&kafka, |p| p.isr.len() < p.replicas.len()), 0);
        go_on(&mut controller, &mut kafka, &mut now, 40);
        assert_eq!(count(&kafka, |p| p.leader != p.replicas.first().copied()), 0, "leaders are back where they belong");
    }

    #[test]
    fn without_a_majority_nothing_in_the_metadata_changes_any_more() {
        let (mut kafka, mut controller, mut now) = (demo::kafka(), Controller::default(), DateTime::UNIX_EPOCH);
        go_on(&mut controller, &mut kafka, &mut now, 1);
        for broker in [1, 2] {
            kafka.brokers.get_mut(&broker).unwrap().process = Process::Down;
        }
        go_on(&mut controller, &mut kafka, &mut now, 60);
        assert_eq!(kafka.controller, None);
        assert!(kafka.brokers[&2].unfenced, "nobody is there to fence it");
        assert_eq!(count(&kafka, |p| p.isr.len() < p.replicas.len()), 0);
    }

    #[test]
    fn the_last_replica_in_sync_stays_in_the_isr_and_leads_again_when_it_is_back() {
        let mut kafka = demo::kafka();
        let partition = &mut kafka.topics.get_mut("orders").unwrap().partitions[0];
        let only = partition.replicas[0];
        partition.isr = vec![only];
        fence(&mut kafka, only);
        let partition = &kafka.topics["orders"].partitions[0];
        assert_eq!((partition.leader, partition.isr.clone()), (None, vec![only]));
        let (mut controller, mut now) = (Controller::default(), DateTime::UNIX_EPOCH);
        go_on(&mut controller, &mut kafka, &mut now, 1);
        assert_eq!(kafka.topics["orders"].partitions[0].leader, Some(only));
    }
}
