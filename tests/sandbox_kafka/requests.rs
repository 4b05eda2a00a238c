//! Each request by hand, in its oldest and newest versions, where brokers say no too.

use kafdeck::{
    sandbox::{
        broker::{OFFERED, coordinator_of},
        kafka::{Acl, Kafka},
    },
    wire::{assignment, requests},
};
use kafka_protocol::{
    messages::{
        ApiVersionsRequest, BrokerId, ConsumerGroupDescribeRequest, DescribeClusterRequest, DescribeConfigsRequest,
        DescribeGroupsRequest, DescribeLogDirsRequest, DescribeQuorumRequest, FindCoordinatorRequest, GroupId,
        ListGroupsRequest, ListOffsetsRequest, MetadataRequest, OffsetFetchRequest, TopicName,
        describe_client_quotas_request::ComponentData,
        describe_configs_request::DescribeConfigsResource,
        describe_quorum_request::{PartitionData, TopicData},
        list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic},
        list_offsets_response::ListOffsetsPartitionResponse,
        metadata_request::MetadataRequestTopic,
        offset_fetch_request::OffsetFetchRequestTopic,
    },
    protocol::StrBytes,
};

use super::{
    common::kafka::{Cluster, text},
    shop,
};

fn coordinator(group: &str) -> i32 {
    coordinator_of(&shop(), group).unwrap()
}

fn named(topics: &[&str]) -> MetadataRequest {
    let topics = topics.iter().map(|t| MetadataRequestTopic::default().with_name(Some(TopicName(text(t)))));
    MetadataRequest::default().with_topics(Some(topics.collect()))
}

fn fenced(kafka: &mut Kafka, broker: i32) {
    kafka.brokers.get_mut(&broker).unwrap().unfenced = false;
    for partition in kafka.topics.values_mut().flat_map(|t| &mut t.partitions) {
        partition.isr.retain(|id| *id != broker);
        if partition.leader == Some(broker) {
            partition.leader = partition.isr.first().copied();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn metadata_has_every_topic_in_every_version() {
    let cluster = Cluster::new(shop());
    for version in 0..=13 {
        let asked = MetadataRequest::default().with_topics((version == 0).then(Vec::new).or(None));
        let answer = cluster.raw(1).ask(&asked, version).await.unwrap();
        assert_eq!((answer.brokers.len(), answer.topics.len()), (3, 2), "v{version}");
        let internal: Vec<bool> = answer.topics.iter().map(|t| t.is_internal).collect();
        assert_eq!(internal, [version >= 1, false]);
        assert_eq!(answer.topics[1].topic_id.is_nil(), version < 10);
    }
}

#[tokio::test(start_paused = true)]
async fn a_fenced_broker_is_only_seen_among_replicas() {
    let cluster = Cluster::new(shop());
    cluster.change(|kafka| {
        fenced(kafka, 1);
        kafka.topics.get_mut("orders").unwrap().partitions[1].leader = Some(1);
        kafka.brokers.get_mut(&2).unwrap().log_dir.failed = true;
    });
    let answer = cluster.raw(1).ask(&named(&["orders"]), 12).await.unwrap();
    assert_eq!(answer.brokers.iter().map(|b| b.node_id.0).collect::<Vec<_>>(), [0, 2]);
    assert_eq!(answer.controller_id, BrokerId(0), "a fenced one is not told as the controller");
    let partitions = &answer.topics[0].partitions;
    assert_eq!((partitions[1].error_code, partitions[1].leader_id.0), (5, -1));
    assert_eq!((partitions[0].error_code, partitions[0].leader_id.0), (0, 0));
    assert_eq!(partitions[0].replica_nodes.len(), 3);
    assert_eq!(partitions[0].offline_replicas, [BrokerId(1), BrokerId(2)]);
    assert_eq!(partitions[0].isr_nodes, [BrokerId(0), BrokerId(2)]);
}

#[tokio::test(start_paused = true)]
async fn topics_are_found_by_name_and_by_id() {
    let cluster = Cluster::new(shop());
    let mut raw = cluster.raw(0);
    let answer = raw.ask(&named(&["orders", "nothing", "no such/name"]), 12).await.unwrap();
    assert_eq!(answer.topics.iter().map(|t| t.error_code).collect::<Vec<_>>(), [0, 3, 17]);
    let by_id = |id| MetadataRequestTopic::default().with_name(None).with_topic_id(id);
    let unknown = "01020304-0000-0000-0000-000000000000".parse().unwrap();
    let asked = MetadataRequest::default().with_topics(Some(vec![by_id(answer.topics[0].topic_id), by_id(unknown)]));
    let answer = raw.ask(&asked, 13).await.unwrap();
    assert_eq!(answer.topics[0].name.as_ref().map(|n| n.as_str()), Some("orders"));
    assert_eq!((answer.topics[1].error_code, &answer.topics[1].name), (100, &None));
    assert!(raw.ask(&named(&[]), 12).await.unwrap().topics.is_empty(), "none asked, none told");
}

#[tokio::test(start_paused = true)]
async fn each_group_is_listed_by_its_coordinator_and_by_nobody_else() {
    let cluster = Cluster::new(shop());
    for version in 0..=5 {
        let mut listed = Vec::new();
        for broker in 0..3 {
            let answer = cluster.raw(broker).ask(&ListGroupsRequest::default(), version).await.unwrap();
            listed.extend(answer.groups.iter().map(|g| (g.group_id.to_string(), broker)));
        }
        listed.sort();
        let expected = ["audit", "billing", "idle"].map(|id| (id.to_owned(), coordinator(id)));
        assert_eq!(listed, expected, "v{version}");
    }
}

#[tokio::test(start_paused = true)]
async fn groups_are_filtered_by_state_and_type() {
    let mut kafka = shop();
    kafka.topics.get_mut("__consumer_offsets").unwrap().partitions.truncate(1);
    let mut raw = Cluster::new(kafka).raw(0);
    let filters = [
        (ListGroupsRequest::default().with_states_filter(vec![text("Empty")]), vec!["idle"]),
        (ListGroupsRequest::default().with_states_filter(vec![text("stable")]), vec!["audit", "billing"]),
        (ListGroupsRequest::default().with_types_filter(vec![text("consumer")]), vec!["audit"]),
        (ListGroupsRequest::default().with_types_filter(vec![text("share")]), vec![]),
    ];
    for (asked, expected) in filters {
        let answer = raw.ask(&asked, 5).await.unwrap();
        assert_eq!(answer.groups.iter().map(|g| g.group_id.as_str()).collect::<Vec<_>>(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_group_without_a_leader_for_its_partition_has_no_coordinator() {
    let cluster = Cluster::new(shop());
    cluster.change(|kafka| {
        for partition in &mut kafka.topics.get_mut("__consumer_offsets").unwrap().partitions {
            partition.leader = None;
        }
    });
    let asked = FindCoordinatorRequest::default().with_coordinator_keys(vec![text("billing")]);
    let answer = cluster.raw(0).ask(&asked, 6).await.unwrap();
    assert_eq!((answer.coordinators[0].error_code, answer.coordinators[0].node_id.0), (15, -1));
    let asked = requests::offset_fetch(["billing"]);
    assert_eq!(cluster.raw(0).ask(&asked, 9).await.unwrap().groups[0].error_code, 16);
}

#[tokio::test(start_paused = true)]
async fn coordinators_are_found_in_old_and_new_versions() {
    let cluster = Cluster::new(shop());
    for version in 0..=3 {
        let asked = FindCoordinatorRequest::default().with_key(text("billing"));
        let answer = cluster.raw(2).ask(&asked, version).await.unwrap();
        assert_eq!((answer.error_code, answer.node_id.0), (0, coordinator("billing")), "v{version}");
    }
    for version in 4..=6 {
        let asked = FindCoordinatorRequest::default().with_coordinator_keys(vec![text("billing"), text("unheard of")]);
        let answer = cluster.raw(2).ask(&asked, version).await.unwrap();
        assert_eq!(answer.coordinators[0].node_id.0, coordinator("billing"));
        assert!(answer.coordinators.iter().all(|c| c.error_code == 0), "a group need not exist");
    }
    let transactions = FindCoordinatorRequest::default().with_key_type(1).with_coordinator_keys(vec![text("t")]);
    assert_eq!(cluster.raw(2).ask(&transactions, 6).await.unwrap().coordinators[0].error_code, 15);
}

#[tokio::test(start_paused = true)]
async fn classic_groups_are_described_with_what_their_members_read() {
    let cluster = Cluster::new(shop());
    let mut raw = cluster.raw(coordinator("billing"));
    for version in 0..=6 {
        let answer = raw.ask(&requests::describe_groups(["billing"]), version).await.unwrap();
        let group = &answer.groups[0];
        assert_eq!((group.group_state.as_str(), group.protocol_data.as_str()), ("Stable", "range"));
        let assigned = assignment::assigned(&group.members[1].member_assignment).unwrap();
        assert_eq!(assigned, [1, 3, 5].map(|p| ("orders".to_owned(), p)));
        assert!(assignment::assigned(&group.members[1].member_metadata).is_none(), "its metadata is a subscription");
    }
    let mut idle = cluster.raw(coordinator("idle"));
    let answer = idle.ask(&requests::describe_groups(["idle"]), 6).await.unwrap();
    assert_eq!((answer.groups[0].group_state.as_str(), answer.groups[0].members.len()), ("Empty", 0));
}

#[tokio::test(start_paused = true)]
async fn groups_that_are_not_there_or_not_here_are_refused() {
    let cluster = Cluster::new(shop());
    for group in ["unheard of", "audit"] {
        let mut raw = cluster.raw(coordinator(group));
        for (version, code) in [(5, 0), (6, 69)] {
            let answer = raw.ask(&requests::describe_groups([group]), version).await.unwrap();
            assert_eq!((answer.groups[0].error_code, answer.groups[0].group_state.as_str()), (code, "Dead"));
        }
    }
    let mut elsewhere = cluster.raw((coordinator("billing") + 1) % 3);
    let described: DescribeGroupsRequest = requests::describe_groups(["billing"]);
    assert_eq!(elsewhere.ask(&described, 6).await.unwrap().groups[0].error_code, 16);
    let asked: ConsumerGroupDescribeRequest = requests::consumer_group_describe(["billing"]);
    assert_eq!(elsewhere.ask(&asked, 1).await.unwrap().groups[0].error_code, 16);
    let mut here = cluster.raw(coordinator("billing"));
    assert_eq!(here.ask(&asked, 1).await.unwrap().groups[0].error_code, 69, "it is a classic one");
}

#[tokio::test(start_paused = true)]
async fn consumer_groups_are_described_by_their_own_request() {
    let mut raw = Cluster::new(shop()).raw(coordinator("audit"));
    for version in 0..=1 {
        let answer = raw.ask(&requests::consumer_group_describe(["audit"]), version).await.unwrap();
        let member = &answer.groups[0].members[0];
        assert_eq!(answer.groups[0].group_state.as_str(), "Stable");
        assert_eq!(member.assignment.topic_partitions[0].partitions, [0, 1, 2, 3, 4, 5]);
        assert!(!member.assignment.topic_partitions[0].topic_id.is_nil());
    }
}

#[tokio::test(start_paused = true)]
async fn commits_are_whole_numbers_in_every_version() {
    let cluster = Cluster::new(shop());
    let mut raw = cluster.raw(coordinator("billing"));
    let billing = GroupId(text("billing"));
    for version in 2..=7 {
        let asked = OffsetFetchRequest::default().with_group_id(billing.clone()).with_topics(None);
        let answer = raw.ask(&asked, version).await.unwrap();
        assert!(answer.topics[0].partitions.iter().all(|p| p.committed_offset == 40), "v{version}");
    }
    let topic = OffsetFetchRequestTopic::default()
        .with_name(TopicName(StrBytes::from_static_str("orders")))
        .with_partition_indexes(vec![0, 77]);
    let asked = OffsetFetchRequest::default().with_group_id(billing).with_topics(Some(vec![topic]));
    let answer = raw.ask(&asked, 1).await.unwrap();
    let offsets: Vec<i64> = answer.topics[0].partitions.iter().map(|p| p.committed_offset).collect();
    assert_eq!(offsets, [40, -1]);
    let mut elsewhere = cluster.raw((coordinator("billing") + 1) % 3);
    assert_eq!(elsewhere.ask(&asked, 1).await.unwrap().topics[0].partitions[0].error_code, 16);
    assert_eq!(elsewhere.ask(&asked, 7).await.unwrap().error_code, 16);
}

#[tokio::test(start_paused = true)]
async fn several_groups_are_fetched_at_once() {
    let mut raw = Cluster::new(shop()).raw(coordinator("billing"));
    for version in 8..=9 {
        let answer = raw.ask(&requests::offset_fetch(["billing", "unheard of"]), version).await.unwrap();
        assert_eq!(answer.groups[0].topics[0].partitions.len(), 6);
        assert!(answer.groups[1].topics.is_empty(), "who never committed has nothing, or another coordinator");
    }
}

/// What ListOffsets answers for partitions of one topic.
async fn offsets(
    cluster: &Cluster,
    broker: i32,
    topic: &str,
    partitions: &[(i32, i64)],
) -> Vec<ListOffsetsPartitionResponse> {
    let partitions =
        partitions.iter().map(|(p, at)| ListOffsetsPartition::default().with_partition_index(*p).with_timestamp(*at));
    let topic = ListOffsetsTopic::default().with_name(TopicName(text(topic))).with_partitions(partitions.collect());
    let asked = ListOffsetsRequest::default().with_replica_id(BrokerId(-1)).with_topics(vec![topic]);
    let mut last = Vec::new();
    for version in 1..=10 {
        let mut answer = cluster.raw(broker).ask(&asked, version).await.unwrap();
        last = answer.topics.remove(0).partitions;
    }
    last
}

#[tokio::test(start_paused = true)]
async fn offsets_are_told_by_the_leader_alone() {
    let cluster = Cluster::new(shop());
    cluster.change(|kafka| kafka.topics.get_mut("orders").unwrap().partitions[0].start = 3.7);
    let told = offsets(&cluster, 0, "orders", &[(0, -1), (0, -2), (0, -3), (1, -1), (6, -1)]).await;
    let told: Vec<_> = told.iter().map(|p| (p.error_code, p.offset)).collect();
    assert_eq!(told, [(0, 100), (0, 3), (0, 99), (6, -1), (3, -1)]);
    assert_eq!(offsets(&cluster, 0, "nothing", &[(0, -1)]).await[0].error_code, 3);
    cluster.change(|kafka| kafka.brokers.get_mut(&0).unwrap().log_dir.failed = true);
    assert_eq!(offsets(&cluster, 0, "orders", &[(0, -1)]).await[0].error_code, 56);
}

#[tokio::test(start_paused = true)]
async fn a_time_is_found_by_the_rate_of_the_topic() {
    let cluster = Cluster::new(shop());
    // Six partitions with one record a second each, of which nine tenths of the next are written already.
    cluster.change(|kafka| kafka.topics.get_mut("orders").unwrap().rate = 6.0);
    let now = 1_700_000_000_000_i64;
    let asked = [(0, now - 10_000), (0, now - 1_000_000), (0, now + 1), (0, 0)];
    let told = offsets(&cluster, 0, "orders", &asked).await;
    assert_eq!(told.iter().map(|p| p.offset).collect::<Vec<_>>(), [91, 0, -1, 0]);
}

#[tokio::test(start_paused = true)]
async fn log_directories_have_sizes_until_they_fail() {
    let cluster = Cluster::new(shop());
    for version in 1..=4 {
        let answer = cluster.raw(0).ask(&requests::describe_log_dirs(), version).await.unwrap();
        let dir = &answer.results[0];
        assert_eq!(dir.total_bytes, if version < 4 { -1 } else { 1 << 29 });
        let orders = dir.topics.iter().find(|t| t.name.as_str() == "orders").unwrap();
        assert_eq!((orders.partitions.len(), orders.partitions[0].partition_size), (6, 1009));
    }
    cluster.change(|kafka| kafka.brokers.get_mut(&0).unwrap().log_dir.failed = true);
    let asked: DescribeLogDirsRequest = requests::describe_log_dirs();
    let dir = cluster.raw(0).ask(&asked, 4).await.unwrap().results.remove(0);
    assert_eq!((dir.error_code, dir.topics.len(), dir.total_bytes), (56, 0, -1));
}

#[tokio::test(start_paused = true)]
async fn configs_say_where_they_are_from() {
    let cluster = Cluster::new(shop());
    let resource = |kind: i8, name: &str| {
        DescribeConfigsResource::default()
            .with_resource_type(kind)
            .with_resource_name(text(name))
            .with_configuration_keys(None)
    };
    let asked = DescribeConfigsRequest::default()
        .with_resources(vec![
            resource(2, "orders"),
            resource(4, "0"),
            resource(4, "1"),
            resource(2, "nothing"),
            resource(4, ""),
        ])
        .with_include_synonyms(true);
    for version in 1..=4 {
        let asked = asked.clone().with_include_documentation(version >= 3);
        let answer = cluster.raw(0).ask(&asked, version).await.unwrap();
        assert_eq!(answer.results.iter().map(|r| r.error_code).collect::<Vec<_>>(), [0, 0, 42, 3, 0]);
        let source = |result: usize, name: &str| {
            let entry = answer.results[result].configs.iter().find(|c| c.name.as_str() == name).unwrap();
            (entry.value.as_ref().unwrap().to_string(), entry.config_source, entry.synonyms.len())
        };
        assert_eq!(source(0, "retention.ms"), ("3600000".to_owned(), 1, 2));
        assert_eq!(source(0, "segment.bytes"), ("16777216".to_owned(), 4, 2));
        assert_eq!(source(0, "cleanup.policy"), ("delete".to_owned(), 5, 1));
        assert_eq!(source(1, "min.insync.replicas"), ("2".to_owned(), 3, 3), "for all, in the file, by default");
        assert_eq!(source(1, "node.id").0, "0");
        let documented = answer.results[0].configs[0].documentation.as_ref().is_some_and(|d| !d.is_empty());
        assert_eq!(documented, version >= 3);
    }
}

#[tokio::test(start_paused = true)]
async fn the_cluster_is_described_with_fenced_brokers_for_who_wants_them() {
    let cluster = Cluster::new(shop());
    cluster.change(|kafka| fenced(kafka, 2));
    for (version, wanted, expected) in [(0, false, 2), (1, false, 2), (2, false, 2), (2, true, 3)] {
        let asked = DescribeClusterRequest::default().with_include_fenced_brokers(wanted);
        let answer = cluster.raw(0).ask(&asked, version).await.unwrap();
        assert_eq!(answer.brokers.len(), expected);
    }
    let controllers = DescribeClusterRequest::default().with_endpoint_type(2);
    assert_eq!(cluster.raw(0).ask(&controllers, 2).await.unwrap().error_code, 114);
}

#[tokio::test(start_paused = true)]
async fn the_quorum_has_a_leader_and_voters() {
    let cluster = Cluster::new(shop());
    let of = |topic: &str| {
        let topic = TopicData::default()
            .with_topic_name(TopicName(text(topic)))
            .with_partitions(vec![PartitionData::default()]);
        DescribeQuorumRequest::default().with_topics(vec![topic])
    };
    for version in 0..=2 {
        let answer = cluster.raw(0).ask(&of("__cluster_metadata"), version).await.unwrap();
        let partition = &answer.topics[0].partitions[0];
        assert_eq!((partition.leader_id.0, partition.current_voters.len()), (1, 3));
        assert!(partition.current_voters.iter().all(|v| v.log_end_offset == partition.high_watermark));
        assert_eq!(answer.nodes.len(), if version < 2 { 0 } else { 3 });
    }
    assert_eq!(cluster.raw(0).ask(&of("orders"), 2).await.unwrap().topics[0].partitions[0].error_code, 3);
    cluster.change(|kafka| kafka.controller = None);
    assert_eq!(cluster.raw(0).ask(&of("__cluster_metadata"), 2).await.unwrap().error_code, 7);
}

#[tokio::test(start_paused = true)]
async fn a_client_of_any_age_is_told_what_is_offered() {
    let mut raw = Cluster::new(shop()).raw(0);
    assert_eq!(raw.ask(&ApiVersionsRequest::default(), 0).await.unwrap().api_keys.len(), OFFERED.len());
}

#[tokio::test(start_paused = true)]
async fn acls_are_found_by_what_they_are_and_by_what_they_cover() {
    let cluster = Cluster::new(shop());
    let acl = |name: &str, prefixed: bool| Acl {
        principal: "User:app".to_owned(),
        host: "*".to_owned(),
        resource: 2,
        name: name.to_owned(),
        prefixed,
        operation: 3,
        allows: true,
    };
    cluster.change(|kafka| kafka.security.acls = Some(vec![acl("orders", false), acl("ord", true), acl("*", false)]));
    let named = requests::describe_acls().with_resource_name_filter(Some(text("orders")));
    for (asked, found) in [
        (requests::describe_acls(), 3),
        (named.clone(), 1),
        (named.clone().with_pattern_type_filter(2), 3),
        (named.with_pattern_type_filter(4), 0),
        (requests::describe_acls().with_permission_type(2), 0),
        (requests::describe_acls().with_principal_filter(Some(text("User:app"))), 3),
        (requests::describe_acls().with_operation(4), 0),
    ] {
        for version in [1, 3] {
            let answer = cluster.raw(0).ask(&asked, version).await.unwrap();
            assert_eq!(answer.resources.len(), found, "{asked:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn quotas_are_found_by_their_entities() {
    let cluster = Cluster::new(shop());
    let component = |kind: &str, how: i8, name: Option<&str>| {
        ComponentData::default().with_entity_type(text(kind)).with_match_type(how).with_match(name.map(text))
    };
    for (components, found) in [
        (vec![], 1),
        (vec![component("user", 0, Some("billing"))], 1),
        (vec![component("user", 0, Some("nobody"))], 0),
        (vec![component("user", 1, None)], 0),
        (vec![component("user", 2, None)], 1),
        (vec![component("client-id", 2, None)], 0),
    ] {
        let asked = requests::describe_quotas().with_components(components);
        let answer = cluster.raw(0).ask(&asked, 1).await.unwrap();
        assert_eq!(answer.entries.map(|entries| entries.len()), Some(found), "{asked:?}");
    }
}
