//! What librdkafka's and brokers' errors mean for who reads or writes records.
//!
//! Codes of brokers are Kafka's own (Errors.java); negative ones are librdkafka's.

use super::native::NativeError;
use crate::{
    domain::{
        freshness::{FailureKind, SourceFailure},
        text::{printable, sentence},
    },
    wire::errors,
};

/// Codes that pass: librdkafka goes on by itself (transport, all brokers down, timed out, resolve, waiting for a
/// coordinator, in progress; and of brokers: leader or listener not available, not leader, network, fenced epoch,
/// unknown epoch, offset not available).
const PASSING: [i32; 17] = [-195, -187, -185, -193, -181, -180, -178, -167, 5, 6, 7, 8, 13, 72, 74, 76, 78];

/// There is no such topic or partition; librdkafka's own forms of it.
const UNKNOWN_TOPIC: [i32; 4] = [3, -188, -190, 100];

/// OFFSET_OUT_OF_RANGE, and librdkafka's word that it may not choose another one.
const NO_OFFSET: [i32; 2] = [1, -140];

/// TOPIC_AUTHORIZATION_FAILED.
const TOPIC_FORBIDDEN: i32 = 29;

/// CLUSTER_AUTHORIZATION_FAILED: of brokers before 3.0, for an idempotent producer.
const CLUSTER_FORBIDDEN: i32 = 31;

/// The record was not acknowledged in time.
const TIMED_OUT: [i32; 2] = [-192, 7];

/// True for what librdkafka tries again by itself.
pub fn is_passing(why: &NativeError) -> bool {
    PASSING.contains(&why.code)
}

/// True where the offset to begin at is not there.
pub fn is_no_offset(why: &NativeError) -> bool {
    NO_OFFSET.contains(&why.code)
}

/// No pod is known to begin with.
pub fn nobody() -> SourceFailure {
    failure(FailureKind::Unreachable, "No broker pod is known.".to_owned(), None)
}

/// A topic without the partition that is wanted.
pub fn no_partition(topic: &str, partition: i32, count: usize) -> SourceFailure {
    let topic = printable(topic);
    let what = format!("Topic {topic} has no partition {partition}; it has {count}, from 0 on.");
    failure(FailureKind::Unsupported, what, None)
}

/// An offset that a partition does not have.
pub fn no_offset(topic: &str, partition: i32, offset: i64, low: i64, high: i64) -> SourceFailure {
    let what = format!(
        "Partition {partition} of {} has no offset {offset}: it holds {low} up to, not including, {high}.",
        printable(topic)
    );
    failure(FailureKind::Unsupported, what, Some("Begin at one of these, at the beginning, or at a time.".to_owned()))
}

/// What reading met.
pub fn of_reading(topic: &str, partition: Option<i32>, why: &NativeError) -> SourceFailure {
    of(topic, partition, why, "Read", "Read")
}

/// What writing met.
pub fn of_writing(topic: &str, why: &NativeError) -> SourceFailure {
    of(topic, None, why, "Write", "Writing to")
}

fn of(topic: &str, partition: Option<i32>, why: &NativeError, operation: &str, doing: &str) -> SourceFailure {
    let doing = if doing == "Read" { "Reading" } else { doing };
    let topic = printable(topic);
    let place = partition.map_or_else(|| topic.to_string(), |p| format!("partition {p} of {topic}"));
    let hint = |text: String| Some(text);
    match why.code {
        TOPIC_FORBIDDEN => failure(
            FailureKind::Forbidden,
            format!("{doing} {place} is forbidden: {}.", errors::words(29)),
            hint(format!(
                "Grant {operation} (which includes Describe) on topic {topic} to the user that is connected."
            )),
        ),
        CLUSTER_FORBIDDEN => failure(
            FailureKind::Forbidden,
            format!("{doing} {place} is forbidden: {}.", errors::words(31)),
            hint("Grant IdempotentWrite on the cluster to the user that is connected.".to_owned()),
        ),
        code if UNKNOWN_TOPIC.contains(&code) => failure(
            FailureKind::Unsupported,
            format!("There is no topic {topic} that the user may see."),
            hint(format!(
                "Check its name; without Describe on a topic brokers say the same. kafdeck topics | grep {topic}"
            )),
        ),
        code if TIMED_OUT.contains(&code) => failure(
            FailureKind::Timeout,
            format!("{doing} {place} was not acknowledged in time."),
            hint("It may have been written all the same. Check the partition's leader and its ISR.".to_owned()),
        ),
        code => {
            let words = if code > 0 { errors::words(i16::try_from(code).unwrap_or(-1)) } else { why.words.clone() };
            let what = format!("{doing} {place} failed: {}.", sentence(&printable(&words)).trim_end_matches('.'));
            failure(FailureKind::Garbage, what, None)
        }
    }
}

fn failure(kind: FailureKind, what: String, hint: Option<String>) -> SourceFailure {
    SourceFailure { kind, what, hint }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(code: i32) -> SourceFailure {
        of_reading("orders", Some(2), &NativeError { code, words: "Local: something".into() })
    }

    #[test]
    fn a_refusal_names_the_smallest_permission_that_is_missing() {
        let refused = told(29);
        assert_eq!(refused.kind, FailureKind::Forbidden);
        assert!(refused.what.starts_with("Reading partition 2 of orders is forbidden: "), "{}", refused.what);
        assert!(refused.hint.unwrap().starts_with("Grant Read "));
        let writing = of_writing("orders", &NativeError { code: 29, words: String::new() });
        assert!(writing.hint.unwrap().starts_with("Grant Write "));
    }

    #[test]
    fn what_is_not_there_and_what_nobody_knows_are_told_in_words() {
        assert!(told(3).what.starts_with("There is no topic orders"));
        assert_eq!(told(-1).what, "Reading partition 2 of orders failed: Local: something.");
        assert!(told(12345).what.contains("failed"), "{}", told(12345).what);
        assert!(no_offset("o", 0, 9, 2, 5).what.contains("holds 2 up to, not including, 5"));
    }

    #[test]
    fn what_librdkafka_mends_itself_is_no_news() {
        let passing = |code| is_passing(&NativeError { code, words: String::new() });
        assert!(passing(-195) && passing(6) && !passing(29) && !passing(3));
    }
}
