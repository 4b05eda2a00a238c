//! Who coordinates a group: the leader of its partition of `__consumer_offsets`.

use kafka_protocol::{
    ResponseError,
    messages::{BrokerId, FindCoordinatorRequest, FindCoordinatorResponse, find_coordinator_response::Coordinator},
    protocol::StrBytes,
};

use super::{View, cluster, text};
use crate::sandbox::kafka::{Broker, Kafka};

/// Where commits are kept.
const OFFSETS_TOPIC: &str = "__consumer_offsets";

/// FindCoordinator's number for groups, and the one for transactions.
const GROUP: i8 = 0;
const TRANSACTION: i8 = 1;

/// The first version of FindCoordinator that asks for several at once (KIP-699).
const BATCHED: i16 = 4;

/// The broker that coordinates a group, whether or not there is such a group; none while its partition has no leader.
///
/// Without the topic it is the one that the group names; a group that nobody knows has none then.
pub fn coordinator_of(kafka: &Kafka, group: &str) -> Option<i32> {
    let Some(topic) = kafka.topics.get(OFFSETS_TOPIC) else {
        return kafka.groups.get(group).map(|g| g.coordinator);
    };
    let count = u32::try_from(topic.partitions.len()).ok().filter(|count| *count > 0)?;
    let partition = topic.partitions.get((hash(group) % count) as usize)?;
    cluster::leader(kafka, partition)
}

/// Java's hash of a string, as Kafka makes it positive: without its sign.
fn hash(group: &str) -> u32 {
    let hash = group.encode_utf16().fold(0_i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)));
    hash.cast_unsigned() & 0x7fff_ffff
}

/// The error for a group that this broker does not coordinate.
pub fn refusal(view: &View<'_>, group: &str) -> Option<ResponseError> {
    match coordinator_of(view.kafka, group) {
        Some(id) if id == view.me => None,
        _ => Some(ResponseError::NotCoordinator),
    }
}

/// FindCoordinator (key 10), of groups; there are no transactions.
pub fn find(view: &View<'_>, asked: &FindCoordinatorRequest, version: i16) -> FindCoordinatorResponse {
    if version >= BATCHED {
        let found = asked.coordinator_keys.iter().map(|key| {
            let answer = Coordinator::default().with_key(key.clone());
            match look(view, key, asked.key_type) {
                Ok(b) => answer
                    .with_node_id(BrokerId(b.id))
                    .with_host(text(&b.host))
                    .with_port(i32::from(b.port))
                    .with_error_message(Some(StrBytes::default())),
                Err(error) => answer
                    .with_node_id(BrokerId(-1))
                    .with_port(-1)
                    .with_error_code(error.code())
                    .with_error_message(Some(text(words(error)))),
            }
        });
        return FindCoordinatorResponse::default().with_coordinators(found.collect());
    }
    let answer = FindCoordinatorResponse::default();
    match look(view, &asked.key, asked.key_type) {
        Ok(b) => answer
            .with_node_id(BrokerId(b.id))
            .with_host(text(&b.host))
            .with_port(i32::from(b.port))
            .with_error_message((version >= 1).then(|| text("NONE"))),
        Err(error) => answer
            .with_node_id(BrokerId(-1))
            .with_port(-1)
            .with_error_code(error.code())
            .with_error_message((version >= 1).then(|| text(words(error)))),
    }
}

fn look<'a>(view: &View<'a>, key: &str, kind: i8) -> Result<&'a Broker, ResponseError> {
    match kind {
        GROUP => coordinator_of(view.kafka, key)
            .and_then(|id| view.kafka.brokers.get(&id))
            .ok_or(ResponseError::CoordinatorNotAvailable),
        TRANSACTION => Err(ResponseError::CoordinatorNotAvailable),
        _ => Err(ResponseError::InvalidRequest),
    }
}

fn words(error: ResponseError) -> &'static str {
    match error {
        ResponseError::CoordinatorNotAvailable => "The coordinator is not available.",
        _ => "There is no coordinator of this kind.",
    }
}

#[cfg(test)]
mod tests {
    use super::hash;

    #[test]
    fn groups_are_hashed_as_java_hashes_strings() {
        assert_eq!(hash("orders-app"), 0x7fff_ffff & java("orders-app"));
        assert_eq!(hash(""), 0);
        assert_eq!(hash("console-consumer-12345"), 0x7fff_ffff & java("console-consumer-12345"));
        // Its hash is the smallest number there is.
        assert_eq!(hash("polygenelubricants"), 0);
    }

    /// The polynomial, without wrapping.
    fn java(text: &str) -> u32 {
        let sum = text.bytes().fold(0_u128, |sum, byte| (sum * 31 + u128::from(byte)) % (1 << 32));
        u32::try_from(sum).unwrap()
    }
}
