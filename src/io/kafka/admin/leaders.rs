//! Leadership given back to preferred replicas.

use std::collections::BTreeMap;

use super::{
    Admin, AdminError, Found, Ground, counted,
    error::{Deed, Need},
    few,
};
use crate::{
    plan::kafka::{KafkaAnswer, PartitionRef},
    wire::changes,
};

/// ELECTION_NOT_NEEDED.
const NOT_NEEDED: i16 = 84;

/// Partitions that are led by another than their preferred replica.
type Astray = (Vec<PartitionRef>, Ground);

/// Which partitions are led by another than their preferred replica.
pub(super) async fn look(
    admin: &Admin,
    deed: &Deed,
    partitions: &[PartitionRef],
) -> Result<(Found, Astray), AdminError> {
    let need = Need::cluster("Alter");
    let topics: std::collections::BTreeSet<&str> = partitions.iter().map(|p| p.topic.as_str()).collect();
    let topics: Vec<&str> = topics.into_iter().collect();
    let ground =
        admin.look((!topics.is_empty()).then_some(&topics[..])).await.map_err(|why| deed.unread(why, &need))?;
    if let Some(gone) = partitions.iter().find(|p| ground.partition(&p.topic, p.partition).is_none()) {
        return Err(deed.not_found(&format!("partition {gone}")));
    }
    let mut astray = Vec::new();
    for topic in &ground.metadata.topics {
        let Some(name) = &topic.name else { continue };
        for p in topic.partitions.iter().filter(|p| p.replica_nodes.first() != Some(&p.leader_id)) {
            let of = PartitionRef { topic: name.to_string(), partition: p.partition_index };
            if partitions.is_empty() || partitions.contains(&of) {
                astray.push(of);
            }
        }
    }
    let found = if astray.is_empty() {
        Found::Already("every one of them is led by its preferred replica".to_owned())
    } else {
        Found::AsPlanned
    };
    Ok((found, (astray, ground)))
}

/// Asks for the elections (ElectLeaders, key 43).
pub(super) async fn elect(admin: &Admin, deed: &Deed, partitions: &[PartitionRef]) -> Result<KafkaAnswer, AdminError> {
    let (found, (astray, ground)) = look(admin, deed, partitions).await?;
    if let Found::Already(words) = found {
        return Ok(KafkaAnswer::Already(words));
    }
    let need = Need::cluster("Alter");
    let mut wanted: BTreeMap<String, Vec<i32>> = BTreeMap::new();
    for of in &astray {
        wanted.entry(of.topic.clone()).or_default().push(of.partition);
    }
    let answer = admin.steer(&ground, &changes::elect_leaders(&wanted), |a| a.error_code).await;
    let answer = answer.map_err(|why| deed.unsent(why, &need))?;
    if answer.error_code != 0 {
        return Err(deed.refused(answer.error_code, None, &need));
    }
    let (mut good, mut bad, mut code) = (0, Vec::new(), 0);
    for topic in &answer.replica_election_results {
        for p in &topic.partition_result {
            match p.error_code {
                0 => good += 1,
                NOT_NEEDED => {}
                error => {
                    code = error;
                    let why = deed.message(error, p.error_message.as_ref());
                    bad.push(format!("{}-{}: {why}", topic.topic.as_str(), p.partition_id));
                }
            }
        }
    }
    if bad.is_empty() {
        return Ok(KafkaAnswer::Done(format!("{} had another leader", counted(good, "partition"))));
    }
    Err(match deed.refused(code, None, &need) {
        AdminError::Refused { what, name, .. } => {
            let message = format!("{good} of {} were given back; {}", astray.len(), few(&bad));
            AdminError::Refused { what, name, message }
        }
        other => other,
    })
}
