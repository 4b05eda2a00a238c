//! What is asked to be changed, of the sandbox and of real brokers alike; everything is undone again.

use std::collections::BTreeMap;

use kafdeck::wire::changes::{
    ConfigsOf, Intent, alter_configs, alter_quotas, commit_offsets, create_partitions, create_topic, delete_group,
    delete_scram, delete_topic, elect_leaders, reassign, reassignments, set_scram,
};
use kafka_protocol::messages::{
    CreateAclsRequest, DeleteAclsRequest, DeleteTopicsRequest, TopicName, create_acls_request::AclCreation,
    delete_acls_request::DeleteAclsFilter,
};

use super::{
    asked::{Asking, CLASSIC, CONSUMER, EMPTY, NOBODY, Peer, TOPIC},
    common::kafka::text,
};

/// A topic, a user and a group that are made here.
const MADE: &str = "kafdeck-conformance-made";

fn configs(of: &[(&str, &str)]) -> BTreeMap<String, String> {
    of.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// Asks for all changes.
pub async fn ask(asking: &mut Asking<'_, impl Peer>) {
    topics(asking).await;
    altered(asking).await;
    moved(asking).await;
    for (case, topic) in [("", MADE), (" of an unknown topic", NOBODY)] {
        asking.change(&format!("DeleteTopics{case}"), 0, delete_topic(topic), 6).await;
    }
    let names = DeleteTopicsRequest::default().with_topic_names(vec![TopicName(text(NOBODY))]).with_timeout_ms(4_000);
    asking.change("DeleteTopics of an unknown topic", 0, names.clone(), 4).await;
    asking.change("DeleteTopics of an unknown topic", 0, names, 5).await;
    credentials(asking).await;
    grants(asking).await;
    committed(asking).await;
}

async fn topics(asking: &mut Asking<'_, impl Peer>) {
    let long = "x".repeat(250);
    let none = configs(&[]);
    let week = configs(&[("retention.ms", "604800000")]);
    let cases = [
        ("", MADE, 3, 2, week.clone()),
        (" with defaults", MADE, -1, -1, none.clone()),
        (" of one that exists", TOPIC, 3, 2, none.clone()),
        (" without a name", "", 3, 2, none.clone()),
        (" named ..", "..", 3, 2, none.clone()),
        (" of an impossible name", "no such/name", 3, 2, none.clone()),
        (" of a long name", long.as_str(), 3, 2, none.clone()),
        (" without partitions", MADE, 0, 2, none.clone()),
        (" without replicas", MADE, 3, 0, none.clone()),
        (" with too many replicas", MADE, 3, 9, none.clone()),
        (" with an unknown config", MADE, 3, 2, configs(&[("retension.ms", "1")])),
        (" with a value that is no number", MADE, 3, 2, configs(&[("retention.ms", "soon")])),
        (" with a value that is too small", MADE, 3, 2, configs(&[("min.insync.replicas", "0")])),
        (" with a policy that nobody knows", MADE, 3, 2, configs(&[("cleanup.policy", "shred")])),
        (" with what is neither true nor false", MADE, 3, 2, configs(&[("preallocate", "maybe")])),
    ];
    for (case, name, partitions, factor, configs) in cases {
        let asked = create_topic(name, partitions, factor, &configs, Intent::Rehearsal);
        asking.change(&format!("CreateTopics as a rehearsal{case}"), 0, asked, 7).await;
    }
    let rehearsal = create_topic(MADE, 3, 2, &week, Intent::Rehearsal);
    asking.change("CreateTopics as a rehearsal", 1, rehearsal, 5).await;
    asking.change("CreateTopics", 1, create_topic(MADE, 3, 2, &week, Intent::Real), 7).await;
    asking.change("CreateTopics again", 2, create_topic(MADE, 3, 2, &week, Intent::Real), 7).await;
    let alike = create_topic("kafdeck-conformance.made", 3, 2, &none, Intent::Real);
    asking.change("CreateTopics like one that exists", 0, alike, 7).await;
    let alike = create_topic("kafdeck-conformance_made", 3, 2, &none, Intent::Real);
    asking.change("CreateTopics of a name that collides", 0, alike, 7).await;
    asking.change("DeleteTopics of what is alike", 0, delete_topic("kafdeck-conformance.made"), 6).await;
    for (case, topic, total) in [
        ("", MADE, 4),
        (" to as many", MADE, 3),
        (" to fewer", MADE, 2),
        (" to none", MADE, 0),
        (" of an unknown topic", NOBODY, 4),
    ] {
        let asked = create_partitions(topic, total, Intent::Rehearsal);
        asking.change(&format!("CreatePartitions as a rehearsal{case}"), 0, asked, 3).await;
    }
    asking.change("CreatePartitions", 0, create_partitions(MADE, 4, Intent::Real), 2).await;
}

async fn altered(asking: &mut Asking<'_, impl Peer>) {
    let (made, nobody) = (ConfigsOf::Topic(MADE), ConfigsOf::Topic(NOBODY));
    let (here, there) = (ConfigsOf::Broker(0), ConfigsOf::Broker(1));
    let cases = [
        ("a topic", made, ("retention.ms", Some("3600000"))),
        ("a topic's, taken away", made, ("retention.ms", None)),
        ("a topic's that was never set", made, ("segment.ms", None)),
        ("a topic's, unknown", made, ("retension.ms", Some("1"))),
        ("a topic's, no number", made, ("retention.ms", Some("soon"))),
        ("an unknown topic", nobody, ("retention.ms", Some("1"))),
        ("a broker", here, ("num.io.threads", Some("8"))),
        ("a broker's that counts at its start", here, ("node.id", Some("7"))),
        ("a broker's, no number", here, ("num.io.threads", Some("many"))),
        ("another broker", there, ("num.io.threads", Some("8"))),
    ];
    for (case, of, change) in cases {
        let asked = alter_configs(of, [change], Intent::Rehearsal);
        asking.change(&format!("IncrementalAlterConfigs as a rehearsal of {case}"), 0, asked, 1).await;
    }
    let asked = alter_configs(made, [("retention.ms", Some("3600000"))], Intent::Real);
    asking.change("IncrementalAlterConfigs of a topic", 0, asked, 1).await;
}

async fn moved(asking: &mut Asking<'_, impl Peer>) {
    let of = |topic: &str, partition| BTreeMap::from([(topic.to_owned(), vec![partition])]);
    for (case, topic, partition) in
        [("", MADE, 0), (" of an unknown topic", NOBODY, 0), (" of an unknown partition", MADE, 77)]
    {
        asking.change(&format!("ElectLeaders{case}"), 0, elect_leaders(&of(topic, partition)), 2).await;
    }
    let of = |topic: &str, partition, target: Option<Vec<i32>>| {
        reassign(&BTreeMap::from([(topic.to_owned(), vec![(partition, target)])]))
    };
    for (case, topic, partition, target) in [
        ("nothing that could be cancelled", MADE, 0, None),
        ("an unknown topic", NOBODY, 0, Some(vec![0, 1])),
        ("an unknown partition", MADE, 77, Some(vec![0, 1])),
        ("an unknown broker", MADE, 0, Some(vec![0, 9])),
        ("one broker twice", MADE, 0, Some(vec![1, 1])),
        ("no broker", MADE, 0, Some(vec![])),
    ] {
        let case = format!("AlterPartitionReassignments of {case}");
        asking.change(&case, 0, of(topic, partition, target), 0).await;
    }
    asking.change("ListPartitionReassignments", 0, reassignments(), 0).await;
}

async fn credentials(asking: &mut Asking<'_, impl Peer>) {
    let set = |user: &str, mechanism, iterations| set_scram(user, mechanism, iterations, vec![7; 24], &[7; 64]);
    for (case, asked) in [
        ("", set(MADE, 2, 4096)),
        (" with too few iterations", set(MADE, 2, 4095)),
        (" with too many iterations", set(MADE, 2, 16_385)),
        (" of an unknown mechanism", set(MADE, 7, 4096)),
        (" without a name", set("", 2, 4096)),
        (" to take one away", delete_scram(MADE, [2])),
    ] {
        asking.change(&format!("AlterUserScramCredentials{case}"), 0, asked, 0).await;
    }
    let nobody = delete_scram(NOBODY, [1]);
    asking.change("AlterUserScramCredentials to take nobody's away", 0, nobody, 0).await;
    let limit = |key: &str, value: Option<f64>| BTreeMap::from([(key.to_owned(), value)]);
    for (case, limits) in [
        ("", limit("producer_byte_rate", Some(1024.0))),
        (" of no kind", limit("byte_rate", Some(1024.0))),
        (" below zero", limit("producer_byte_rate", Some(-1.0))),
        (" in fractions", limit("producer_byte_rate", Some(1.5))),
        (" taken away that was never set", limit("producer_byte_rate", None)),
    ] {
        let asked = alter_quotas(MADE, &limits, Intent::Rehearsal);
        asking.change(&format!("AlterClientQuotas as a rehearsal{case}"), 0, asked, 1).await;
    }
    let set = alter_quotas(MADE, &limit("producer_byte_rate", Some(1024.0)), Intent::Real);
    asking.change("AlterClientQuotas", 0, set, 1).await;
    let unset = alter_quotas(MADE, &limit("producer_byte_rate", None), Intent::Real);
    asking.change("AlterClientQuotas to take one away", 0, unset, 1).await;
}

/// Nobody decides who may do what on the brokers that are asked.
async fn grants(asking: &mut Asking<'_, impl Peer>) {
    let creation = AclCreation::default()
        .with_resource_type(2)
        .with_resource_name(text(MADE))
        .with_resource_pattern_type(3)
        .with_principal(text("User:nobody"))
        .with_host(text("*"))
        .with_operation(3)
        .with_permission_type(3);
    let asked = CreateAclsRequest::default().with_creations(vec![creation]);
    asking.change("CreateAcls without an authorizer", 0, asked, 3).await;
    let filter = DeleteAclsFilter::default()
        .with_resource_type_filter(2)
        .with_resource_name_filter(Some(text(MADE)))
        .with_pattern_type_filter(3)
        .with_operation(3)
        .with_permission_type(3);
    let asked = DeleteAclsRequest::default().with_filters(vec![filter]);
    asking.change("DeleteAcls without an authorizer", 0, asked, 3).await;
}

async fn committed(asking: &mut Asking<'_, impl Peer>) {
    let of = |topic: &str, partition| BTreeMap::from([(topic.to_owned(), vec![(partition, 5)])]);
    for (group, topic, partition) in [
        (MADE, TOPIC, 0),
        (MADE, TOPIC, 77),
        (MADE, NOBODY, 0),
        (EMPTY, TOPIC, 0),
        (CLASSIC, TOPIC, 0),
        (CONSUMER, TOPIC, 0),
    ] {
        let here = asking.coordinator(group).await;
        let case = format!("OffsetCommit for {group} of {topic}-{partition}");
        asking.change(&case, here, commit_offsets(group, &of(topic, partition)), 9).await;
    }
    let here = asking.coordinator(MADE).await;
    let elsewhere = (here + 1) % 3;
    asking.change("OffsetCommit elsewhere", elsewhere, commit_offsets(MADE, &of(TOPIC, 0)), 8).await;
    asking.change("DeleteGroups elsewhere", elsewhere, delete_group(MADE), 2).await;
    asking.change("DeleteGroups", here, delete_group(MADE), 2).await;
    asking.change("DeleteGroups again", here, delete_group(MADE), 2).await;
    for group in [CLASSIC, CONSUMER] {
        let here = asking.coordinator(group).await;
        asking.change(&format!("DeleteGroups of {group}"), here, delete_group(group), 2).await;
    }
}
