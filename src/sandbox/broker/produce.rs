//! How brokers take records: Produce and InitProducerId.

use kafka_protocol::{
    ResponseError,
    messages::{
        InitProducerIdRequest, InitProducerIdResponse, ProduceRequest, ProduceResponse, ProducerId,
        produce_request::{PartitionProduceData, TopicProduceData},
        produce_response::{PartitionProduceResponse, TopicProduceResponse},
    },
};

use super::{View, fetch, records::Records, whole};
use crate::sandbox::kafka::{Kafka, Topic};

/// The first version in which topics are named by their ids (KIP-516).
const BY_ID: i16 = 13;

/// All in-sync replicas.
const ALL: i16 = -1;

/// Produce (key 0), to partitions that this broker leads; what is added shows in the partition's end.
pub fn produce(
    kafka: &mut Kafka,
    (me, now): (i32, i64),
    records: &Records,
    asked: &ProduceRequest,
    version: i16,
) -> ProduceResponse {
    let topics = asked.topic_data.iter().map(|data| {
        let name = name(kafka, data, version);
        let partitions = data.partition_data.iter().map(|p| {
            let unknown =
                if version >= BY_ID { ResponseError::UnknownTopicId } else { ResponseError::UnknownTopicOrPartition };
            let answer = PartitionProduceResponse::default().with_index(p.index).with_log_append_time_ms(-1);
            let placed =
                name.as_ref().ok_or(unknown).and_then(|name| append(kafka, (me, now), records, name, p, asked.acks));
            match placed {
                Ok((first, start)) => answer.with_base_offset(first).with_log_start_offset(start),
                Err(error) => answer.with_error_code(error.code()).with_base_offset(-1).with_log_start_offset(-1),
            }
        });
        let answer = TopicProduceResponse::default().with_partition_responses(partitions.collect());
        if version >= BY_ID { answer.with_topic_id(data.topic_id) } else { answer.with_name(data.name.clone()) }
    });
    ProduceResponse::default().with_responses(topics.collect())
}

fn name(kafka: &Kafka, data: &TopicProduceData, version: i16) -> Option<String> {
    if version >= BY_ID {
        return kafka.topics.iter().find(|(_, t)| &t.id == data.topic_id.as_bytes()).map(|(name, _)| name.clone());
    }
    kafka.topics.contains_key(&**data.name).then(|| data.name.to_string())
}

/// Appends a batch; its first offset, and the first one that the partition keeps.
fn append(
    kafka: &mut Kafka,
    (me, now): (i32, i64),
    records: &Records,
    name: &str,
    data: &PartitionProduceData,
    acks: i16,
) -> Result<(i64, i64), ResponseError> {
    let view = View { kafka, me, now, records };
    let topic: &Topic = view.kafka.topics.get(name).ok_or(ResponseError::UnknownTopicOrPartition)?;
    let led = fetch::led(&view, topic, data.index, -1)?;
    if acks == ALL && led.isr.len() < view.kafka.min_isr(topic) {
        return Err(ResponseError::NotEnoughReplicas);
    }
    let (id, end, start) = (topic.id, led.end, whole(led.start));
    let batch = data.records.clone().unwrap_or_default();
    let size = batch.len() as f64;
    let placed = records.append(id, data.index, end, now, &batch).ok_or(ResponseError::CorruptMessage)?;
    let partition = usize::try_from(data.index).ok();
    let partition = partition.and_then(|index| kafka.topics.get_mut(name)?.partitions.get_mut(index));
    if let Some(partition) = partition.filter(|_| placed.added > 0) {
        partition.end += placed.added as f64;
        partition.bytes += size;
    }
    Ok((placed.first, start))
}

/// InitProducerId (key 22): an id for an idempotent producer; there are no transactions here.
pub fn producer(view: &View<'_>, asked: &InitProducerIdRequest) -> InitProducerIdResponse {
    if asked.transactional_id.is_some() {
        return InitProducerIdResponse::default()
            .with_error_code(ResponseError::CoordinatorNotAvailable.code())
            .with_producer_id(ProducerId(-1))
            .with_producer_epoch(-1);
    }
    InitProducerIdResponse::default().with_producer_id(ProducerId(view.records.producer()))
}
