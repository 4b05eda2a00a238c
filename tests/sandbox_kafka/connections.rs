//! What brokers do on a connection: order, freezing, going down, and what is not Kafka.

use std::time::Duration;

use kafdeck::{
    sandbox::{broker::OFFERED, kafka::Process},
    wire::requests,
};
use kafka_protocol::messages::{ApiKey, ApiVersionsRequest, ListGroupsRequest, MetadataRequest};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::{Instant, timeout},
};

use super::{
    common::kafka::{Cluster, framed},
    shop,
};

#[tokio::test(start_paused = true)]
async fn exactly_what_is_offered_is_said() {
    let cluster = Cluster::new(shop());
    for version in 0..=4 {
        let answer = cluster.raw(0).ask(&requests_of(version), version).await.unwrap();
        let said: Vec<_> = answer.api_keys.iter().map(|k| (k.api_key, k.min_version, k.max_version)).collect();
        assert_eq!(said, OFFERED.map(|(key, min, max)| (key as i16, min, max)));
        let level = answer.finalized_features.iter().find(|f| f.name.as_str() == "metadata.version");
        assert_eq!(level.map(|f| f.max_version_level), (version >= 3).then_some(27));
    }
}

fn requests_of(version: i16) -> ApiVersionsRequest {
    if version < 3 { ApiVersionsRequest::default() } else { requests::api_versions() }
}

#[tokio::test(start_paused = true)]
async fn an_unknown_version_of_api_versions_is_answered_in_the_oldest_form() {
    let mut frame = framed(&requests::api_versions(), 4, 5).to_vec();
    frame[7] = 99;
    let answer = Cluster::new(shop()).raw(0).bytes(&frame).await.unwrap();
    assert_eq!(&answer[..], &[0, 0, 0, 5, 0, 35, 0, 0, 0, 1, 0, 18, 0, 0, 0, 4]);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_offered_or_not_kafka_is_hung_up_on() {
    let cluster = Cluster::new(shop());
    let mut too_new = framed(&requests::metadata(), 13, 5).to_vec();
    too_new[7] = 14;
    let mut unknown = too_new.clone();
    unknown[4..6].copy_from_slice(&0_i16.to_be_bytes());
    // 2 GB of topics, in a version that is not flexible.
    let greedy = [0, 0, 0, 14, 0, 3, 0, 1, 0, 0, 0, 1, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff];
    let hostile: [&[u8]; 7] =
        [b"GET / HTTP/1.1\r\n\r\n", &[0xff; 8], &[0; 4], &[0, 0, 0, 2, 0, 3], &greedy, &too_new, &unknown];
    for bytes in hostile {
        assert_eq!(cluster.raw(0).bytes(bytes).await, None, "{bytes:?}");
    }
    assert!(cluster.raw(0).ask(&requests::metadata(), 12).await.is_some(), "others are served");
}

#[tokio::test(start_paused = true)]
async fn requests_that_came_before_a_hostile_one_are_still_answered() {
    let mut raw = Cluster::new(shop()).raw(0);
    let id = raw.send(&requests::metadata(), 12).await;
    raw.bytes(b"GET ").await.unwrap();
    assert!(id > 0);
    assert!(raw.bytes(b"").await.is_none());
}

#[tokio::test(start_paused = true)]
async fn pipelined_requests_are_answered_in_their_order() {
    let mut raw = Cluster::new(shop()).raw(1);
    let first = raw.send(&requests::metadata(), 12).await;
    let second = raw.send(&requests::list_groups(), 4).await;
    let third = raw.send(&requests::metadata(), 9).await;
    assert!(raw.receive::<MetadataRequest>(first, 12).await.is_some());
    assert!(raw.receive::<ListGroupsRequest>(second, 4).await.is_some());
    assert!(raw.receive::<MetadataRequest>(third, 9).await.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_frozen_broker_answers_when_it_thaws() {
    let cluster = Cluster::new(shop());
    let mut raw = cluster.raw(0);
    cluster.process(0, Process::Frozen);
    let id = raw.send(&requests::metadata(), 12).await;
    let waited = timeout(Duration::from_secs(3600), raw.receive::<MetadataRequest>(id, 12)).await;
    assert!(waited.is_err(), "it answers nothing for an hour");
    cluster.process(0, Process::Running);
    assert!(raw.receive::<MetadataRequest>(id, 12).await.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_goes_down_closes_its_connections_also_while_it_is_frozen() {
    let cluster = Cluster::new(shop());
    let mut idle = cluster.raw(0);
    assert!(idle.ask(&requests::metadata(), 12).await.is_some());
    cluster.process(0, Process::Frozen);
    let mut waiting = cluster.raw(0);
    let id = waiting.send(&requests::metadata(), 12).await;
    cluster.process(0, Process::Down);
    assert!(idle.bytes(b"").await.is_none());
    assert!(waiting.receive::<MetadataRequest>(id, 12).await.is_none());
    assert!(cluster.raw(0).ask(&requests::metadata(), 12).await.is_none(), "a new one is closed at once");
    assert!(cluster.raw(7).ask(&requests::metadata(), 12).await.is_none(), "and one to a broker that is not there");
}

#[tokio::test(start_paused = true)]
async fn each_answer_of_a_slow_broker_takes_its_time() {
    let cluster = Cluster::new(shop());
    cluster.change(|k| k.brokers.get_mut(&0).unwrap().delay_ms = 300);
    let (mut raw, start) = (cluster.raw(0), Instant::now());
    for _ in 0..3 {
        raw.ask(&requests::metadata(), 12).await.unwrap();
    }
    assert_eq!(start.elapsed(), Duration::from_millis(900));
}

#[tokio::test(start_paused = true)]
async fn a_connection_ends_when_its_client_goes_even_from_a_frozen_broker() {
    let cluster = Cluster::new(shop());
    cluster.process(0, Process::Frozen);
    let (mut ours, theirs) = tokio::io::duplex(1 << 16);
    let served = cluster.brokers.serve(0, theirs);
    let client = async move {
        ours.write_all(&framed(&requests::metadata(), 12, 1)).await.unwrap();
        assert!(timeout(Duration::from_secs(60), ours.read_u8()).await.is_err());
    };
    // It ends, or the test would never.
    tokio::join!(served, client);
}

#[tokio::test(start_paused = true)]
async fn random_bytes_after_a_good_head_never_bring_a_broker_down() {
    let cluster = Cluster::new(shop());
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u8
    };
    for (key, min, max) in OFFERED {
        for version in min..=max {
            for length in [0, 1, 5, 12, 40, 200] {
                let mut frame = vec![0, 0, 0, 0, 0, key as u8, 0, version as u8, 0, 0, 0, 1, 0xff, 0xff];
                frame.extend((0..length).map(|_| random()));
                let announced = i32::try_from(frame.len() - 4).unwrap();
                frame[..4].copy_from_slice(&announced.to_be_bytes());
                cluster.raw(0).bytes(&frame).await;
            }
        }
    }
    assert!(cluster.raw(0).ask(&requests::metadata(), 12).await.is_some());
    assert_eq!(ApiKey::Metadata as i16, 3);
}
