//! Answers of brokers, changed: decoded as the observer decodes them, and told to a console.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use kafdeck::{
    domain::freshness::Asked,
    facts::{Fact, KafkaBody},
    io::kafka::{
        answers::{self, users},
        configs, quorum, reassignments,
    },
    sandbox::kafka::{Moving, Protocol},
    wire::{
        assignment,
        changes::{self, ConfigsOf, Intent},
        frame::{self, announced, correlation, decode, decode_oldest_api_versions},
        requests::{self, Ask, Meanings, Width},
        sasl,
    },
};
use kafka_protocol::messages::{
    ApiVersionsRequest, ConsumerGroupDescribeRequest, CreateAclsRequest, DeleteAclsRequest, DescribeAclsRequest,
    DescribeClientQuotasRequest, DescribeConfigsRequest, DescribeGroupsRequest, DescribeLogDirsRequest,
    DescribeQuorumRequest, DescribeUserScramCredentialsRequest, ListGroupsRequest, ListOffsetsRequest,
    ListPartitionReassignmentsRequest, MetadataRequest, OffsetFetchRequest, create_acls_request::AclCreation,
    delete_acls_request::DeleteAclsFilter,
};

use super::{
    cluster::{self, noon},
    common::kafka::{Cluster, group, kafka, topic},
    mutate,
};

/// A good answer: how it is read, and its bytes without the length.
pub struct Answer {
    read: fn(Bytes, i16) -> Vec<KafkaBody>,
    asked: Asked,
    version: i16,
    frame: Bytes,
}

/// Good answers of the sandbox's brokers, in every version that is used: to questions, and to changes.
pub struct Corpus {
    answers: Vec<Answer>,
    changes: Vec<Changed>,
}

/// A good answer to a change, which becomes no fact.
pub struct Changed {
    read: fn(Bytes, i16) -> bool,
    version: i16,
    frame: Bytes,
}

/// All of them.
pub fn corpus() -> Corpus {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    Corpus { answers: runtime.block_on(gathered()), changes: runtime.block_on(changed()) }
}

/// Answers to changes: some are made, some refused with words.
async fn changed() -> Vec<Changed> {
    let mut model = kafka();
    model.topics.insert("orders".to_owned(), topic(1, 6, 100.9));
    model.groups.insert("idle".to_owned(), group(Protocol::Classic, "orders", 0, 6, 40.5));
    model.security.acls = Some(Vec::new());
    let brokers = Cluster::new(model);
    let configs = BTreeMap::from([("retention.ms".to_owned(), "1".to_owned())]);
    let of = BTreeMap::from([("orders".to_owned(), vec![0, 1])]);
    let there = BTreeMap::from([("orders".to_owned(), vec![(0, Some(vec![1])), (1, None)])]);
    let commits = BTreeMap::from([("orders".to_owned(), vec![(0, 5), (77, 5)])]);
    let limits = BTreeMap::from([("producer_byte_rate".to_owned(), Some(1.0))]);
    let creation = AclCreation::default().with_resource_type(2).with_resource_name("o".into()).with_operation(3);
    let creation = creation.with_resource_pattern_type(3).with_permission_type(3).with_principal("User:a".into());
    let filter = DeleteAclsFilter::default().with_pattern_type_filter(1).with_resource_type_filter(1);
    let filter = filter.with_operation(1).with_permission_type(1).with_resource_name_filter(None);
    let filter = filter.with_principal_filter(None).with_host_filter(None);
    let mut all = Vec::new();
    for name in ["new", "orders"] {
        answer(&mut all, &brokers, &changes::create_topic(name, 3, 2, &configs, Intent::Real)).await;
    }
    answer(&mut all, &brokers, &changes::create_partitions("new", 7, Intent::Rehearsal)).await;
    let alter = [("retention.ms", Some("soon"))];
    answer(&mut all, &brokers, &changes::alter_configs(ConfigsOf::Topic("new"), alter, Intent::Real)).await;
    answer(&mut all, &brokers, &changes::set_scram("a", 2, 1, vec![1], &[2])).await;
    answer(&mut all, &brokers, &CreateAclsRequest::default().with_creations(vec![creation])).await;
    answer(&mut all, &brokers, &DeleteAclsRequest::default().with_filters(vec![filter])).await;
    answer(&mut all, &brokers, &changes::alter_quotas("a", &limits, Intent::Real)).await;
    answer(&mut all, &brokers, &changes::elect_leaders(&of)).await;
    answer(&mut all, &brokers, &changes::reassign(&there)).await;
    brokers.change(|k| {
        let moving = Moving { target: vec![2, 1], before: vec![0, 1] };
        k.changes.moves.insert(("orders".to_owned(), 2), moving);
    });
    answer(&mut all, &brokers, &changes::reassignments()).await;
    answer(&mut all, &brokers, &changes::coordinator_of("idle")).await;
    answer(&mut all, &brokers, &changes::commit_offsets("idle", &commits)).await;
    answer(&mut all, &brokers, &changes::delete_group("idle")).await;
    answer(&mut all, &brokers, &changes::delete_topic("new")).await;
    all
}

async fn answer<R: Ask>(all: &mut Vec<Changed>, brokers: &Cluster, request: &R) {
    let before = all.len();
    for version in R::LOWEST..=<R as kafka_protocol::protocol::Message>::VERSIONS.max {
        let asking = frame::encode(request, version, 7).unwrap();
        let Some(frame) = brokers.raw(1).bytes(&asking).await else { continue };
        assert!(decode::<R>(frame.clone(), version).is_ok(), "{} v{version}", R::NAME);
        all.push(Changed { read: |b, v| decode::<R>(b, v).is_ok(), version, frame });
    }
    assert!(all.len() > before, "{} was answered in no version", R::NAME);
}

async fn gathered() -> Vec<Answer> {
    let mut model = kafka();
    model.topics.insert("orders".to_owned(), topic(1, 6, 100.9));
    for (name, protocol, members) in
        [("billing", Protocol::Classic, 2), ("audit", Protocol::Consumer, 1), ("idle", Protocol::Classic, 0)]
    {
        model.groups.insert(name.to_owned(), group(protocol, "orders", members, 6, 40.5));
    }
    let brokers = Cluster::new(model);
    let ends = BTreeMap::from([("orders".to_owned(), (0..6).collect::<BTreeSet<i32>>())]);
    let groups = ["billing", "audit", "idle"];
    let mut all = Vec::new();
    add(&mut all, &brokers, &requests::api_versions(), Asked::Contact, |b, v| {
        let _ = decode::<ApiVersionsRequest>(b, v).map(|a| requests::Versions::of(&a));
        Vec::new()
    })
    .await;
    add(&mut all, &brokers, &requests::metadata(), Asked::Metadata, |b, v| {
        let read = decode::<MetadataRequest>(b, v).ok().and_then(|a| answers::metadata(&a).ok());
        read.map(KafkaBody::Metadata).into_iter().collect()
    })
    .await;
    add(&mut all, &brokers, &requests::list_groups(), Asked::Groups, |b, v| {
        let read = decode::<ListGroupsRequest>(b, v).ok().and_then(|a| answers::groups(&a).ok());
        read.map(KafkaBody::Groups).into_iter().collect()
    })
    .await;
    add(&mut all, &brokers, &requests::describe_groups(groups), Asked::Groups, |b, v| {
        let _ = decode::<DescribeGroupsRequest>(b, v).map(|a| answers::described(&a));
        Vec::new()
    })
    .await;
    add(&mut all, &brokers, &requests::consumer_group_describe(groups), Asked::Groups, |b, v| {
        let _ = decode::<ConsumerGroupDescribeRequest>(b, v).map(|a| answers::consumers_described(&a));
        Vec::new()
    })
    .await;
    add(&mut all, &brokers, &requests::offset_fetch(groups), Asked::Offsets, |b, v| {
        let read = decode::<OffsetFetchRequest>(b, v).ok().map(|a| answers::commits(&a));
        read.map(|all| KafkaBody::Commits(all.into_iter().map(|(c, _)| c).collect())).into_iter().collect()
    })
    .await;
    add(&mut all, &brokers, &requests::list_offsets(&ends), Asked::EndOffsets, |b, v| {
        let read = decode::<ListOffsetsRequest>(b, v).ok().map(|a| answers::end_offsets(&a).0);
        read.map(KafkaBody::EndOffsets).into_iter().collect()
    })
    .await;
    add_settings(&mut all, &brokers).await;
    all
}

/// Adds what a broker tells of its disks, configs, quorum, and of users.
async fn add_settings(all: &mut Vec<Answer>, brokers: &Cluster) {
    add(all, brokers, &requests::describe_log_dirs(), Asked::LogDirs, |b, v| {
        let read = decode::<DescribeLogDirsRequest>(b, v).ok().and_then(|a| answers::log_dirs(&a).ok());
        read.map(KafkaBody::LogDirs).into_iter().collect()
    })
    .await;
    add(all, brokers, &requests::describe_configs(["orders"], Width::All), Asked::TopicConfigs, |b, v| {
        let read = decode::<DescribeConfigsRequest>(b, v).ok().map(|a| configs::of_topics(&a, true).0);
        read.map(KafkaBody::TopicConfigs).into_iter().collect()
    })
    .await;
    add(all, brokers, &requests::broker_configs(1, Meanings::Told), Asked::BrokerConfigs, |b, v| {
        let read = decode::<DescribeConfigsRequest>(b, v).ok().and_then(|a| configs::read(&a).ok());
        read.map(KafkaBody::BrokerConfigs).into_iter().collect()
    })
    .await;
    add(all, brokers, &requests::describe_quorum(), Asked::Quorum, |b, v| {
        let read = decode::<DescribeQuorumRequest>(b, v).ok().and_then(|a| quorum::read(&a).ok());
        read.map(KafkaBody::Quorum).into_iter().collect()
    })
    .await;
    add(all, brokers, &changes::reassignments(), Asked::Reassignments, |b, v| {
        let read = decode::<ListPartitionReassignmentsRequest>(b, v).ok().and_then(|a| reassignments::read(&a).ok());
        read.map(KafkaBody::Reassignments).into_iter().collect()
    })
    .await;
    add(all, brokers, &requests::describe_scram_users(), Asked::ScramUsers, |b, v| {
        let read = decode::<DescribeUserScramCredentialsRequest>(b, v).ok();
        read.and_then(|a| users::scram_users(&a).ok()).map(KafkaBody::ScramUsers).into_iter().collect()
    })
    .await;
    add(all, brokers, &requests::describe_acls(), Asked::Acls, |b, v| {
        let read = decode::<DescribeAclsRequest>(b, v).ok().and_then(|a| users::acls(&a).ok());
        read.map(KafkaBody::Acls).into_iter().collect()
    })
    .await;
    add(all, brokers, &requests::describe_quotas(), Asked::Quotas, |b, v| {
        let read = decode::<DescribeClientQuotasRequest>(b, v).ok().and_then(|a| users::quotas(&a).ok());
        read.map(KafkaBody::Quotas).into_iter().collect()
    })
    .await;
}

/// Adds a broker's answers to a request.
async fn add<R: Ask>(
    all: &mut Vec<Answer>,
    brokers: &Cluster,
    request: &R,
    asked: Asked,
    read: fn(Bytes, i16) -> Vec<KafkaBody>,
) {
    for version in R::LOWEST..=<R as kafka_protocol::protocol::Message>::VERSIONS.max {
        let asking = frame::encode(request, version, 7).unwrap();
        let Some(frame) = brokers.raw(1).bytes(&asking).await else { continue };
        if decode::<R>(frame.clone(), version).is_ok() {
            all.push(Answer { read, asked, version, frame });
        }
    }
    assert!(all.iter().any(|answer| answer.asked == asked), "{} was answered in no version", R::NAME);
}

/// One answer, changed and read; and what else is read of raw bytes.
pub fn hostile(corpus: &Corpus, case: u64, rng: &mut fastrand::Rng) -> Vec<Fact> {
    let number = usize::try_from(case).unwrap();
    let good = &corpus.answers[number % corpus.answers.len()];
    let bad = Bytes::from(mutate::bytes(&good.frame, rng));
    let _ = (correlation(&bad), frame::wants_oldest_api_versions(&bad), decode_oldest_api_versions(&bad));
    let _ = (assignment::assigned(&bad), sasl::offer(&bad, 7), sasl::reply(bad.clone(), 7), sasl::plain_read(&bad));
    let _ = bad.first_chunk().map(|prefix| announced(*prefix));
    let bodies = (good.read)(bad, good.version);
    let good_too = &corpus.changes[number % corpus.changes.len()];
    let _ = (good_too.read)(Bytes::from(mutate::bytes(&good_too.frame, rng)), good_too.version);
    let each = matches!(
        good.asked,
        Asked::Groups | Asked::Offsets | Asked::EndOffsets | Asked::LogDirs | Asked::BrokerConfigs
    );
    let broker = each.then(|| rng.i32(0..4));
    bodies.into_iter().map(|body| cluster::kafka(good.asked, broker, noon(), body)).collect()
}
