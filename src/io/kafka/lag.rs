//! The lag pass: all coordinators say what is committed, then each leader says where those partitions end.
//!
//! Commits are read before ends, so that an end is never older than a commit. One request per leader,
//! for the partitions that some group has committed, and no leader waits for another. What slow coordinators
//! tell after that has its ends asked for when the last of them is done, not a whole pass later.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::watch,
    time::{Instant, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{answers, broker::SILENT_AFTER, coordinator::Partitions, failure::CallError, observer::Shared};
use crate::{
    domain::{freshness::Asked, ids::BrokerId},
    facts::KafkaBody,
    task,
    wire::{errors, requests},
};

/// How often lag is looked at.
const PASS_EVERY: Duration = Duration::from_secs(5);

/// How long the others wait for a slow coordinator once the first is done.
const GRACE: Duration = Duration::from_millis(500);

/// What coordinators and leaders of one installation share.
#[derive(Debug, Default)]
pub struct Lag {
    /// The number of the pass; counting it up asks every coordinator.
    round: watch::Sender<u64>,
    /// The last pass that each coordinator finished.
    done: watch::Sender<BTreeMap<BrokerId, u64>>,
    /// Partitions that groups of each coordinator have committed.
    committed: Mutex<BTreeMap<BrokerId, Arc<Partitions>>>,
    /// Leaders that have not answered yet.
    busy: Mutex<BTreeSet<BrokerId>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Lag {
    /// The number of the pass, for coordinators. One that joins later takes part in the pass at hand.
    pub fn round(&self) -> watch::Receiver<u64> {
        let mut round = self.round.subscribe();
        if *round.borrow() > 0 {
            round.mark_changed();
        }
        round
    }

    /// A coordinator has finished its part of a pass, well or not.
    pub fn done(&self, broker: BrokerId, round: u64) {
        self.done.send_modify(|done| {
            done.insert(broker, round);
        });
    }

    /// What a coordinator's groups have committed.
    pub fn committed(&self, broker: BrokerId, partitions: Partitions) {
        locked(&self.committed).insert(broker, Arc::new(partitions));
    }

    /// A coordinator is gone.
    pub fn forget(&self, broker: BrokerId) {
        locked(&self.committed).remove(&broker);
        self.done.send_modify(|done| {
            done.remove(&broker);
        });
    }

    /// Waits until the coordinators that answer have finished a pass; not long for those that are slower than the
    /// others, which it names.
    async fn gathered(&self, shared: &Shared, round: u64) -> BTreeSet<BrokerId> {
        let mut done = self.done.subscribe();
        if timeout(SILENT_AFTER, done.wait_for(|done| done.values().any(|r| *r >= round))).await.is_ok() {
            let _ = timeout(GRACE, done.wait_for(|done| unfinished(done, shared.hopeful(), round).is_empty())).await;
        }
        let finished = done.borrow();
        unfinished(&finished, shared.hopeful(), round)
    }

    /// Waits until some coordinators have finished a pass; for ever when there are none.
    async fn finished(&self, coordinators: &BTreeSet<BrokerId>, round: u64) {
        let mut done = self.done.subscribe();
        let are_done = |done: &BTreeMap<_, _>| unfinished(done, coordinators.iter().copied(), round).is_empty();
        if coordinators.is_empty() || done.wait_for(are_done).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Those of some coordinators that have not finished a pass.
fn unfinished(
    done: &BTreeMap<BrokerId, u64>,
    coordinators: impl IntoIterator<Item = BrokerId>,
    round: u64,
) -> BTreeSet<BrokerId> {
    coordinators.into_iter().filter(|broker| done.get(broker).is_none_or(|r| *r < round)).collect()
}

/// Runs passes until cancelled. The first begins with the first Metadata.
pub async fn passes(shared: Arc<Shared>, cancel: CancellationToken) {
    let mut snapshot = shared.roster.snapshot();
    if snapshot.wait_for(|s| !s.brokers.is_empty()).await.is_err() {
        return;
    }
    let mut pulse = shared.pulse();
    loop {
        let next = Instant::now() + PASS_EVERY;
        let mut round = 0;
        shared.lag.round.send_modify(|r| {
            *r += 1;
            round = *r;
        });
        let mut late = shared.lag.gathered(&shared, round).await;
        ask_leaders(&shared, &cancel, None);
        loop {
            tokio::select! {
                () = sleep_until(next) => break,
                () = shared.lag.finished(&late, round) => {
                    ask_leaders(&shared, &cancel, Some(&late));
                    late.clear();
                }
                gone = pulse.changed() => if gone.is_err() {
                    return;
                } else {
                    break;
                },
            }
        }
    }
}

/// Asks every leader, each in a task of its own: one that is still asked is left alone. With coordinators, those leaders
/// alone that have partitions of theirs, and for those alone.
fn ask_leaders(shared: &Arc<Shared>, cancel: &CancellationToken, only: Option<&BTreeSet<BrokerId>>) {
    let snapshot = Arc::clone(&shared.roster.snapshot().borrow());
    let committed: Vec<Arc<Partitions>> = {
        let committed = locked(&shared.lag.committed);
        let wanted = committed.iter().filter(|(broker, _)| only.is_none_or(|only| only.contains(broker)));
        wanted.map(|(_, partitions)| Arc::clone(partitions)).collect()
    };
    let mut wanted: BTreeMap<BrokerId, Partitions> =
        snapshot.brokers.keys().map(|id| (*id, Partitions::new())).collect();
    for (topic, indexes) in committed.iter().flat_map(|partitions| partitions.iter()) {
        for index in indexes {
            let leader = snapshot.leader(topic, *index).and_then(|leader| wanted.get_mut(&leader));
            let Some(partitions) = leader else { continue };
            match partitions.get_mut(topic) {
                Some(indexes) => {
                    indexes.insert(*index);
                }
                None => {
                    partitions.insert(topic.clone(), BTreeSet::from([*index]));
                }
            }
        }
    }
    wanted.retain(|_, partitions| only.is_none() || !partitions.is_empty());
    for (leader, partitions) in wanted {
        if locked(&shared.lag.busy).insert(leader) {
            let shared = Arc::clone(shared);
            task::spawn("kafka end offsets", cancel, async move {
                ask_leader(&shared, leader, &partitions).await;
                locked(&shared.lag.busy).remove(&leader);
            });
        }
    }
}

/// Asks one leader for the ends of its partitions (key 2). One that leads none of them is not asked: there are no ends.
async fn ask_leader(shared: &Shared, leader: BrokerId, partitions: &Partitions) {
    let what = Asked::EndOffsets;
    if partitions.is_empty() {
        shared.desk.answered(what, Some(leader), KafkaBody::EndOffsets(Vec::new())).await;
        return;
    }
    match shared.roster.ask(leader, &requests::list_offsets(partitions)).await {
        Ok(answer) => {
            let (ends, refused) = answers::end_offsets(&answer);
            let forbidden = refused.iter().find(|code| errors::is_forbidden(**code));
            match forbidden.filter(|_| ends.is_empty()) {
                Some(code) => shared.desk.failed(what, Some(leader), &CallError::Refused { code: *code }).await,
                // Leaders that have just moved are asked again in the next pass; the others count now.
                None => shared.desk.answered(what, Some(leader), KafkaBody::EndOffsets(ends)).await,
            }
        }
        Err(why) => shared.desk.failed(what, Some(leader), &why).await,
    }
}
