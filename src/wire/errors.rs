//! Kafka's error codes: the name that its own tools print, and a few words.

use kafka_protocol::ResponseError;

/// There is no such topic or partition.
pub const UNKNOWN_TOPIC_OR_PARTITION: i16 = 3;
/// The broker itself ran out of time.
pub const REQUEST_TIMED_OUT: i16 = 7;
/// The cluster's metadata.version is too old for it, as for SCRAM before 3.5 in KRaft mode.
pub const UNSUPPORTED_VERSION: i16 = 35;
/// There is such a topic already.
pub const TOPIC_ALREADY_EXISTS: i16 = 36;
/// The broker that was asked is not the controller.
pub const NOT_CONTROLLER: i16 = 41;
/// No authorizer is configured.
pub const SECURITY_DISABLED: i16 = 54;
/// There is no such group.
pub const GROUP_ID_NOT_FOUND: i16 = 69;
/// There is no such user.
pub const RESOURCE_NOT_FOUND: i16 = 91;

/// The code's name as Kafka prints it, as `NOT_COORDINATOR`.
pub fn name(code: i16) -> String {
    match ResponseError::try_from_code(code) {
        None => "NONE".to_owned(),
        Some(ResponseError::Unknown(code)) => format!("error {code}"),
        Some(known) => screaming(&known.to_string()),
    }
}

/// The code in words: what it means for a reader, and its name.
pub fn words(code: i16) -> String {
    match meaning(code) {
        Some(meaning) => format!("{meaning} ({})", name(code)),
        None => name(code),
    }
}

/// True for codes that mean a missing permission.
pub fn is_forbidden(code: i16) -> bool {
    matches!(code, 29..=31 | 53)
}

fn meaning(code: i16) -> Option<&'static str> {
    Some(match code {
        3 => "no such topic or partition here",
        5 => "no leader is elected",
        6 => "the leader has moved",
        7 => "the broker ran out of time",
        14 => "the coordinator is still loading",
        15 => "the coordinator is not available",
        16 => "another broker coordinates it",
        17 => "the topic's name is not valid",
        27 => "the group is rebalancing",
        29 => "not authorized for the topic",
        30 => "not authorized for the group",
        31 => "not authorized for the cluster",
        35 => "the broker does not know this version",
        36 => "it exists already",
        37 => "that number of partitions is not possible",
        38 => "that replication factor is not possible",
        39 => "the brokers named are not possible for it",
        40 => "the config or its value is not valid",
        41 => "another broker is the controller",
        42 => "the request is not valid",
        44 => "a policy of the cluster forbids it",
        54 => "no authorizer is configured",
        56 => "the disk failed",
        58 => "the credentials were refused",
        60 => "its replicas are being moved",
        22 | 25 | 68 => "the group has members",
        69 => "no such group",
        73 => "the brokers do not delete topics (delete.topic.enable)",
        80 => "its preferred leader is not available",
        83 => "no replica that may lead is available",
        84 => "it is led by its preferred replica",
        85 => "no move is under way",
        89 => "too many changes at once for a quota of the cluster",
        91 => "there is none",
        92 => "it is named twice",
        93 => "the credential is not acceptable",
        _ => return None,
    })
}

/// `NotCoordinator` as `NOT_COORDINATOR`.
fn screaming(camel: &str) -> String {
    let mut out = String::with_capacity(camel.len() + 8);
    for c in camel.chars() {
        if c.is_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.extend(c.to_uppercase());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_named_as_kafka_names_them() {
        assert_eq!(name(16), "NOT_COORDINATOR");
        assert_eq!(words(56), "the disk failed (KAFKA_STORAGE_ERROR)");
        assert_eq!(words(9999), "error 9999");
        assert!(is_forbidden(29) && !is_forbidden(3));
    }
}
