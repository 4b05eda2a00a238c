//! What brokers say of their log directory: DescribeLogDirs.

use kafka_protocol::{
    ResponseError,
    messages::{
        DescribeLogDirsRequest, DescribeLogDirsResponse, TopicName,
        describe_log_dirs_response::{DescribeLogDirsPartition, DescribeLogDirsResult, DescribeLogDirsTopic},
    },
};

use super::{View, text, whole};
use crate::sandbox::kafka::{Broker, Topic};

/// The first version that tells the size of filesystems (KIP-827).
const WITH_SIZES: i16 = 4;

/// DescribeLogDirs (key 35): one directory, which tells nothing but its error once it has failed.
pub fn describe(view: &View<'_>, asked: &DescribeLogDirsRequest, version: i16) -> DescribeLogDirsResponse {
    let answer = DescribeLogDirsResponse::default();
    let Some(broker) = view.kafka.brokers.get(&view.me) else { return answer };
    let dir = DescribeLogDirsResult::default().with_log_dir(text(&broker.log_dir.path));
    if broker.log_dir.failed {
        let failed = dir.with_error_code(ResponseError::KafkaStorageError.code());
        return answer.with_results(vec![unsized_yet(failed)]);
    }
    let topics = view.kafka.topics.iter().filter_map(|(name, topic)| of_topic(broker, asked, name, topic));
    let dir = unsized_yet(dir.with_topics(topics.collect()));
    if version < WITH_SIZES {
        return answer.with_results(vec![dir]);
    }
    let (total, used) = (broker.log_dir.total, view.kafka.used_on(broker));
    let dir = dir.with_total_bytes(total as i64).with_usable_bytes((total - used) as i64);
    answer.with_results(vec![dir])
}

/// A directory of whose filesystem nothing is known.
fn unsized_yet(dir: DescribeLogDirsResult) -> DescribeLogDirsResult {
    dir.with_total_bytes(-1).with_usable_bytes(-1)
}

fn of_topic(
    broker: &Broker,
    asked: &DescribeLogDirsRequest,
    name: &str,
    topic: &Topic,
) -> Option<DescribeLogDirsTopic> {
    let wanted = |index: i32| match &asked.topics {
        None => true,
        Some(topics) => topics.iter().any(|t| t.topic.as_str() == name && t.partitions.contains(&index)),
    };
    let here = (0..).zip(&topic.partitions).filter(|(index, p)| p.replicas.contains(&broker.id) && wanted(*index));
    let partitions: Vec<_> = here
        .map(|(index, p)| {
            DescribeLogDirsPartition::default().with_partition_index(index).with_partition_size(whole(p.bytes))
        })
        .collect();
    let some = !partitions.is_empty();
    some.then(|| DescribeLogDirsTopic::default().with_name(TopicName(text(name))).with_partitions(partitions))
}
