//! Partitions moved to other brokers, moves cancelled, and those that are under way.

use std::collections::BTreeSet;

use kafka_protocol::messages::BrokerId as Node;

use super::{
    Admin, AdminError, Found, Ground, counted,
    error::{Deed, Need},
    few,
};
use crate::{
    domain::ids::BrokerId,
    plan::kafka::{KafkaAnswer, Move, MoveUnderWay, PartitionRef},
    wire::changes::{self, Targets},
};

/// NO_REASSIGNMENT_IN_PROGRESS.
const NOTHING_TO_CANCEL: i16 = 85;

fn ids(nodes: &[Node]) -> Vec<BrokerId> {
    nodes.iter().map(|node| BrokerId(node.0)).collect()
}

fn told(ids: &[BrokerId]) -> String {
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Moves under way, in the order of partitions.
pub(super) async fn under_way(admin: &Admin) -> Result<Vec<MoveUnderWay>, AdminError> {
    let deed = admin.question("asking for moves under way");
    let ground = admin.look(Some(&[])).await.map_err(|why| deed.unread(why, &Need::cluster("Describe")))?;
    list(admin, &deed, &ground).await
}

/// ListPartitionReassignments (key 46).
async fn list(admin: &Admin, deed: &Deed, ground: &Ground) -> Result<Vec<MoveUnderWay>, AdminError> {
    let need = Need::cluster("Describe");
    let answer = admin.steer(ground, &changes::reassignments(), |a| a.error_code).await;
    let answer = answer.map_err(|why| deed.unread(why, &need))?;
    if answer.error_code != 0 {
        return Err(deed.unseen(answer.error_code, answer.error_message.as_ref(), &need));
    }
    let mut moves = Vec::new();
    for topic in &answer.topics {
        for p in &topic.partitions {
            moves.push(MoveUnderWay {
                of: PartitionRef { topic: topic.name.to_string(), partition: p.partition_index },
                replicas: ids(&p.replicas),
                adding: ids(&p.adding_replicas),
                removing: ids(&p.removing_replicas),
            });
        }
    }
    moves.sort_by(|a, b| a.of.cmp(&b.of));
    Ok(moves)
}

/// Which of the moves are still to be begun, or cancelled.
pub(super) async fn look(admin: &Admin, deed: &Deed, moves: &[Move]) -> Result<(Found, Vec<Move>, Ground), AdminError> {
    let topics: BTreeSet<&str> = moves.iter().map(|m| m.of.topic.as_str()).collect();
    let topics: Vec<&str> = topics.into_iter().collect();
    let ground = admin.look(Some(&topics)).await.map_err(|why| deed.unread(why, &Need::cluster("Alter")))?;
    let busy = list(admin, deed, &ground).await?;
    let (mut left, mut diff) = (Vec::new(), Vec::new());
    for one in moves {
        let Some(partition) = ground.partition(&one.of.topic, one.of.partition) else {
            return Err(deed.not_found(&format!("partition {}", one.of)));
        };
        let now = ids(&partition.replica_nodes);
        let moving = busy.iter().find(|busy| busy.of == one.of);
        match (&one.after, moving) {
            (None, None) => {}
            (None, Some(_)) => left.push(one.clone()),
            (Some(after), None) if *after == now => {}
            // It is on its way there.
            (Some(after), Some(moving)) if goes_to(moving) == *after => {}
            _ if now != one.before => {
                let on = |ids: &[BrokerId]| if ids.is_empty() { "nowhere".to_owned() } else { told(ids) };
                diff.push(format!("{}: on {} when the plan was made, on {} now", one.of, on(&one.before), on(&now)));
            }
            _ => left.push(one.clone()),
        }
    }
    if !diff.is_empty() {
        return Err(deed.stale(diff));
    }
    let found = match (left.is_empty(), moves.iter().all(|m| m.after.is_none())) {
        (true, true) => Found::Already("no move is under way".to_owned()),
        (true, false) => Found::Already("they are there, or on their way".to_owned()),
        _ => Found::AsPlanned,
    };
    Ok((found, left, ground))
}

/// Where a move ends.
fn goes_to(moving: &MoveUnderWay) -> Vec<BrokerId> {
    moving.replicas.iter().filter(|id| !moving.removing.contains(id)).copied().collect()
}

/// Begins moves, or cancels them (AlterPartitionReassignments, key 45).
pub(super) async fn perform(admin: &Admin, deed: &Deed, moves: &[Move]) -> Result<KafkaAnswer, AdminError> {
    let (found, left, ground) = look(admin, deed, moves).await?;
    if let Found::Already(words) = found {
        return Ok(KafkaAnswer::Already(words));
    }
    let need = Need::cluster("Alter");
    let mut targets = Targets::new();
    for one in &left {
        let after = one.after.as_ref().map(|ids| ids.iter().map(|id| id.0).collect());
        targets.entry(one.of.topic.clone()).or_default().push((one.of.partition, after));
    }
    let answer = admin.steer(&ground, &changes::reassign(&targets), |a| a.error_code).await;
    let answer = answer.map_err(|why| deed.unsent(why, &need))?;
    if answer.error_code != 0 {
        return Err(deed.refused(answer.error_code, answer.error_message.as_ref(), &need));
    }
    let (mut good, mut late, mut bad, mut code) = (0, 0, Vec::new(), 0);
    for topic in &answer.responses {
        for p in &topic.partitions {
            match p.error_code {
                0 => good += 1,
                NOTHING_TO_CANCEL => late += 1,
                error => {
                    code = error;
                    let why = deed.message(error, p.error_message.as_ref());
                    bad.push(format!("{}-{}: {why}", topic.name.as_str(), p.partition_index));
                }
            }
        }
    }
    match (bad.is_empty(), good) {
        (true, 0) if late > 0 => Ok(KafkaAnswer::Already("the moves had ended".to_owned())),
        (true, _) => Ok(KafkaAnswer::Done(counted(good, "partition"))),
        _ => Err(match deed.refused(code, None, &need) {
            AdminError::Refused { what, name, .. } => {
                let message = format!("{good} of {} were taken; {}", left.len(), few(&bad));
                AdminError::Refused { what, name, message }
            }
            other => other,
        }),
    }
}
