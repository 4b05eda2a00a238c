//! Who leads, and where partitions are: ElectLeaders, AlterPartitionReassignments and ListPartitionReassignments.
//!
//! A move begins here and goes on in `controller`.

use std::collections::BTreeSet;

use kafka_protocol::{
    ResponseError,
    messages::{
        AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse, BrokerId, ElectLeadersRequest,
        ElectLeadersResponse, ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse, TopicName,
        alter_partition_reassignments_response::{ReassignablePartitionResponse, ReassignableTopicResponse},
        elect_leaders_response::{PartitionResult, ReplicaElectionResult},
        list_partition_reassignments_response::{OngoingPartitionReassignment, OngoingTopicReassignment},
    },
};

use super::{View, changes::without_controller, text, topics::Refusal};
use crate::sandbox::kafka::{Kafka, Moving, Partition};

/// ElectLeaders' number for preferred leaders.
const PREFERRED: i8 = 0;

/// The first version of ElectLeaders that tells an error of the whole (KIP-460).
const TELLS_WHOLE: i16 = 1;

/// ElectLeaders (key 43): of all partitions only those are told that were not led by who should.
pub fn elect(kafka: &mut Kafka, asked: &ElectLeadersRequest, version: i16) -> ElectLeadersResponse {
    if let Some(code) = without_controller(kafka) {
        let answer = ElectLeadersResponse::default();
        return if version >= TELLS_WHOLE { answer.with_error_code(code) } else { answer };
    }
    let everything = asked.topic_partitions.is_none();
    let wanted: Vec<(String, Vec<i32>)> = match &asked.topic_partitions {
        Some(topics) => topics.iter().map(|t| (t.topic.to_string(), t.partitions.clone())).collect(),
        None => kafka.topics.iter().map(|(name, t)| (name.clone(), (0..t.partitions.len() as i32).collect())).collect(),
    };
    let mut results = Vec::new();
    for (name, partitions) in wanted {
        let mut of_topic = Vec::new();
        for index in partitions {
            let elected = elect_one(kafka, &name, index, asked.election_type);
            if everything && matches!(&elected, Err((ResponseError::ElectionNotNeeded, _))) {
                continue;
            }
            let answer = PartitionResult::default().with_partition_id(index);
            of_topic.push(match elected {
                Ok(()) => answer,
                Err((error, why)) => answer.with_error_code(error.code()).with_error_message(Some(text(&why))),
            });
        }
        if !of_topic.is_empty() {
            results.push(
                ReplicaElectionResult::default().with_topic(TopicName(text(&name))).with_partition_result(of_topic),
            );
        }
    }
    ElectLeadersResponse::default().with_replica_election_results(results)
}

fn elect_one(kafka: &mut Kafka, topic: &str, index: i32, kind: i8) -> Result<(), Refusal> {
    let unknown = |why: String| (ResponseError::UnknownTopicOrPartition, why);
    let Kafka { topics, brokers, .. } = kafka;
    let found = topics.get_mut(topic).ok_or_else(|| unknown(format!("No such topic as {topic}")))?;
    let partition = usize::try_from(index).ok().and_then(|index| found.partitions.get_mut(index));
    let partition = partition.ok_or_else(|| unknown(format!("No such partition as {topic}-{index}")))?;
    let preferred = partition.replicas.first().copied();
    let needed = if kind == PREFERRED { partition.leader != preferred } else { partition.leader.is_none() };
    if !needed {
        let why = "Leader election not needed for topic partition.".to_owned();
        return Err((ResponseError::ElectionNotNeeded, why));
    }
    let alive = |id: &i32| brokers.get(id).is_some_and(|b| b.unfenced);
    let next = if kind == PREFERRED {
        let why = "The preferred leader was not available.".to_owned();
        let next = preferred.filter(|id| partition.isr.contains(id) && alive(id));
        next.ok_or((ResponseError::PreferredLeaderNotAvailable, why))?
    } else {
        let why = "Eligible topic partition leaders are not available.".to_owned();
        let next = partition.replicas.iter().copied().find(alive);
        next.ok_or((ResponseError::EligibleLeadersNotAvailable, why))?
    };
    partition.leader = Some(next);
    partition.epoch += 1;
    Ok(())
}

/// AlterPartitionReassignments (key 45): begins moves, and cancels those whose replicas are null.
pub fn alter(kafka: &mut Kafka, asked: &AlterPartitionReassignmentsRequest) -> AlterPartitionReassignmentsResponse {
    if let Some(code) = without_controller(kafka) {
        return AlterPartitionReassignmentsResponse::default().with_error_code(code).with_error_message(None);
    }
    let responses = asked.topics.iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|p| {
            let target = p.replicas.as_ref().map(|ids| ids.iter().map(|id| id.0).collect());
            let answer = ReassignablePartitionResponse::default().with_partition_index(p.partition_index);
            match begin(kafka, &topic.name, p.partition_index, target) {
                Ok(()) => answer,
                Err((error, why)) => {
                    let why = (!why.is_empty()).then(|| text(&why));
                    answer.with_error_code(error.code()).with_error_message(why)
                }
            }
        });
        let partitions = partitions.collect();
        ReassignableTopicResponse::default().with_name(topic.name.clone()).with_partitions(partitions)
    });
    let responses = responses.collect();
    AlterPartitionReassignmentsResponse::default().with_error_message(None).with_responses(responses)
}

fn begin(kafka: &mut Kafka, topic: &str, index: i32, target: Option<Vec<i32>>) -> Result<(), Refusal> {
    let Kafka { topics, brokers, changes, .. } = kafka;
    let unknown = |why: String| (ResponseError::UnknownTopicOrPartition, why);
    let found = topics.get_mut(topic).ok_or_else(|| unknown(format!("Unable to find a topic named {topic}.")))?;
    let partition = usize::try_from(index).ok().and_then(|index| found.partitions.get_mut(index));
    let partition = partition.ok_or_else(|| unknown(format!("Unable to find partition {topic}:{index}.")))?;
    let key = (topic.to_owned(), index);
    let Some(target) = target else {
        let moving = changes.moves.remove(&key).ok_or((ResponseError::NoReassignmentInProgress, String::new()))?;
        settle(partition, &moving.before);
        return Ok(());
    };
    let invalid = |why: String| Err((ResponseError::InvalidReplicaAssignment, why));
    let stands = "The manual partition assignment includes";
    if target.is_empty() {
        return invalid(format!("{stands} an empty replica list."));
    }
    if let Some(stranger) = target.iter().find(|id| !brokers.contains_key(id)) {
        return invalid(format!("{stands} broker {stranger}, but no such broker is registered."));
    }
    let mut once = BTreeSet::new();
    if let Some(twice) = target.iter().find(|id| !once.insert(**id)) {
        return invalid(format!("{stands} the broker {twice} more than once."));
    }
    let before = changes.moves.get(&key).map_or_else(|| partition.replicas.clone(), |moving| moving.before.clone());
    let moving = Moving { target, before };
    changes.moves.remove(&key);
    if moving.adding().iter().all(|id| partition.isr.contains(id)) {
        // Nothing has to be copied first.
        settle(partition, &moving.target);
        return Ok(());
    }
    partition.replicas = moving.target.iter().copied().chain(moving.removing()).collect();
    partition.isr.retain(|id| partition.replicas.contains(id));
    changes.moves.insert(key, moving);
    Ok(())
}

/// A partition is on these brokers and no other; its leader stays where it may.
pub fn settle(partition: &mut Partition, replicas: &[i32]) {
    let isr: Vec<i32> = replicas.iter().copied().filter(|id| partition.isr.contains(id)).collect();
    partition.replicas = replicas.to_vec();
    if !isr.is_empty() {
        partition.isr = isr;
    }
    if !partition.leader.is_some_and(|leader| partition.isr.contains(&leader)) {
        partition.leader = partition.isr.first().copied();
        partition.epoch += 1;
    }
}

/// ListPartitionReassignments (key 46).
pub fn list(view: &View<'_>, asked: &ListPartitionReassignmentsRequest) -> ListPartitionReassignmentsResponse {
    let answer = ListPartitionReassignmentsResponse::default().with_error_message(None);
    let wanted = |topic: &str, index: i32| match &asked.topics {
        None => true,
        Some(topics) => topics.iter().any(|t| t.name.as_str() == topic && t.partition_indexes.contains(&index)),
    };
    let nodes = |ids: &[i32]| ids.iter().copied().map(BrokerId).collect::<Vec<_>>();
    let mut topics: Vec<OngoingTopicReassignment> = Vec::new();
    for ((topic, index), moving) in view.kafka.changes.moves.iter().filter(|((topic, index), _)| wanted(topic, *index))
    {
        let found = view.kafka.topics.get(topic).and_then(|t| t.partitions.get(usize::try_from(*index).ok()?));
        let Some(partition) = found else { continue };
        let one = OngoingPartitionReassignment::default()
            .with_partition_index(*index)
            .with_replicas(nodes(&partition.replicas))
            .with_adding_replicas(nodes(&moving.adding()))
            .with_removing_replicas(nodes(&moving.removing()));
        match topics.last_mut().filter(|last| last.name.as_str() == topic) {
            Some(last) => last.partitions.push(one),
            None => topics
                .push(OngoingTopicReassignment::default().with_name(TopicName(text(topic))).with_partitions(vec![one])),
        }
    }
    answer.with_topics(topics)
}
