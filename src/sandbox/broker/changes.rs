//! Requests that change the cluster: which they are, and who carries them out.
//!
//! As in KRaft mode any broker takes what only the controller does, and passes it on: without an active controller
//! nobody answers in time. Nobody is refused for want of a permission, because nobody here is anybody.

use bytes::Bytes;
use kafka_protocol::messages::ApiKey;

use super::{alter, answers, commits, grants, moves, topics};
use crate::{
    sandbox::kafka::Kafka,
    wire::{
        errors::NOT_CONTROLLER,
        served::{Hostile, Incoming},
    },
};

/// The answer to a request that changes something; none when it is another one.
pub fn answer(kafka: &mut Kafka, me: i32, incoming: &Incoming) -> Option<Result<Bytes, Hostile>> {
    let (Some(key), true) = answers::offers(incoming) else { return None };
    let version = incoming.version;
    Some(match key {
        ApiKey::CreateTopics => incoming.answer(|asked, _| topics::create(kafka, &asked, version)),
        ApiKey::DeleteTopics => incoming.answer(|asked, _| topics::delete(kafka, &asked, version)),
        ApiKey::CreatePartitions => incoming.answer(|asked, _| topics::extend(kafka, &asked)),
        ApiKey::IncrementalAlterConfigs => incoming.answer(|asked, _| alter::alter(kafka, me, &asked)),
        ApiKey::AlterUserScramCredentials => incoming.answer(|asked, _| grants::scram(kafka, &asked)),
        ApiKey::CreateAcls => incoming.answer(|asked, _| grants::create_acls(kafka, &asked)),
        ApiKey::DeleteAcls => incoming.answer(|asked, _| grants::delete_acls(kafka, &asked)),
        ApiKey::AlterClientQuotas => incoming.answer(|asked, _| grants::quotas(kafka, &asked)),
        ApiKey::ElectLeaders => incoming.answer(|asked, _| moves::elect(kafka, &asked, version)),
        ApiKey::AlterPartitionReassignments => incoming.answer(|asked, _| moves::alter(kafka, &asked)),
        ApiKey::OffsetCommit => incoming.answer(|asked, _| commits::commit(kafka, me, &asked)),
        ApiKey::DeleteGroups => incoming.answer(|asked, _| commits::delete(kafka, me, &asked)),
        _ => return None,
    })
}

/// The code of everything that needs a controller while there is none.
pub fn without_controller(kafka: &Kafka) -> Option<i16> {
    kafka.controller.is_none().then_some(NOT_CONTROLLER)
}
