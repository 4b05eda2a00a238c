//! Moves of partitions under way: asked now and then, and closely while some may be.
//!
//! A partition that is moved has replicas that are not in sync yet: while Metadata shows any such, moves are asked for as
//! often as Metadata. In KRaft mode any broker passes the question on, and keeps it while there is no active controller,
//! so that it is asked on the connection aside; in ZooKeeper mode the controller alone answers, and the others say at once
//! that they are not it.

use std::{sync::Arc, time::Duration};

use kafka_protocol::messages::{BrokerId as Node, ListPartitionReassignmentsResponse};
use tokio::time::{Instant, sleep_until};

use super::{failure::CallError, observer::Shared};
use crate::{
    domain::{freshness::Asked, ids::BrokerId, topic::Moving},
    facts::KafkaBody,
    wire::{changes, errors::NOT_CONTROLLER},
};

/// How often they are asked for.
const EVERY: Duration = Duration::from_secs(12);

/// How often while there are some, or may be.
const CLOSELY: Duration = Duration::from_secs(2);

/// How often where they are not told.
const ASK_LEAVE_EVERY: Duration = Duration::from_secs(60);

/// A controller answers within milliseconds: after this there is none.
const PATIENCE: Duration = Duration::from_millis(2_500);

/// Asks for moves (key 46) until cancelled.
pub async fn watch(shared: Arc<Shared>) {
    let (mut pulse, mut behind) = (shared.pulse(), shared.behind());
    let mut changed = shared.roster.changed();
    loop {
        changed.mark_unchanged();
        // Until a broker has said in which mode it is it is not known whom to ask.
        let Some(is_kraft) = shared.roster.is_kraft() else {
            if changed.changed().await.is_err() {
                return;
            }
            continue;
        };
        let asked = Instant::now();
        let is_behind = *behind.borrow_and_update();
        let pause = match ask(&shared, is_kraft).await {
            Ok(moves) => {
                let pause = if is_behind || !moves.is_empty() { CLOSELY } else { EVERY };
                shared.desk.answered(Asked::Reassignments, None, KafkaBody::Reassignments(moves)).await;
                pause
            }
            Err(why) => {
                shared.desk.failed(Asked::Reassignments, None, &why).await;
                if why.is_final() { ASK_LEAVE_EVERY } else { CLOSELY }
            }
        };
        // Where they are not told, what Metadata shows is no reason to ask again.
        let is_told = pause != ASK_LEAVE_EVERY;
        tokio::select! {
            () = sleep_until(asked + pause) => {}
            gone = behind.changed(), if is_told => if gone.is_err() {
                return;
            },
            gone = pulse.changed() => if gone.is_err() {
                return;
            },
        }
    }
}

async fn ask(shared: &Shared, is_kraft: bool) -> Result<Vec<Moving>, CallError> {
    if is_kraft {
        let answer = shared.aside.ask(&shared.roster, &changes::reassignments(), PATIENCE).await?;
        return read(&answer.body);
    }
    let mut last = CallError::Nobody;
    for broker in shared.hopeful() {
        let answer = shared.roster.ask(broker, &changes::reassignments()).await;
        match answer.and_then(|answer| read(&answer)) {
            Err(why @ CallError::Refused { code: NOT_CONTROLLER }) => last = why,
            other => return other,
        }
    }
    Err(last)
}

/// ListPartitionReassignments (key 46) in our words.
pub fn read(answer: &ListPartitionReassignmentsResponse) -> Result<Vec<Moving>, CallError> {
    if answer.error_code != 0 {
        return Err(CallError::Refused { code: answer.error_code });
    }
    let ids = |nodes: &[Node]| nodes.iter().map(|node| BrokerId(node.0)).collect();
    let mut moves: Vec<Moving> = Vec::new();
    for topic in &answer.topics {
        moves.extend(topic.partitions.iter().map(|p| Moving {
            topic: topic.name.to_string(),
            partition: p.partition_index,
            replicas: ids(&p.replicas),
            adding: ids(&p.adding_replicas),
            removing: ids(&p.removing_replicas),
        }));
    }
    moves.sort_by(|a, b| (&a.topic, a.partition).cmp(&(&b.topic, b.partition)));
    Ok(moves)
}
