//! What coordinators say of their groups: ListGroups, DescribeGroups and ConsumerGroupDescribe.

use std::collections::BTreeMap;

use bytes::Bytes;
use kafka_protocol::{
    ResponseError,
    messages::{
        ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse, DescribeGroupsRequest, DescribeGroupsResponse,
        GroupId, ListGroupsRequest, ListGroupsResponse, TopicName, consumer_group_describe_response as cgd,
        describe_groups_response as dg, list_groups_response::ListedGroup,
    },
    protocol::StrBytes,
};

use super::{View, cluster::topic_id, coordinators::refusal, text};
use crate::{
    sandbox::kafka::{Group, Kafka, Member, Protocol},
    wire::assignment,
};

/// The protocol type of groups that consumers make.
const CONSUMER: &str = "consumer";

/// The first version of DescribeGroups that says that a group is unknown (KIP-1043).
const SAYS_UNKNOWN: i16 = 6;

/// The first version of ConsumerGroupDescribe that tells members of either protocol apart (KIP-1099).
const WITH_TYPES: i16 = 1;

/// The epoch of a consumer group and its members: rebalances are not counted.
const EPOCH: i32 = 1;

fn state(group: &Group) -> &'static str {
    if group.members.is_empty() { "Empty" } else { "Stable" }
}

fn kind(group: &Group) -> &'static str {
    match group.protocol {
        Protocol::Classic => "classic",
        Protocol::Consumer => "consumer",
    }
}

/// ListGroups (key 16): the groups that this broker coordinates, by state (KIP-518) and type (KIP-848).
pub fn list(view: &View<'_>, asked: &ListGroupsRequest) -> ListGroupsResponse {
    let fits = |filter: &[StrBytes], is: &str| filter.is_empty() || filter.iter().any(|f| f.eq_ignore_ascii_case(is));
    let shown = view.kafka.groups.iter().filter(|(id, group)| {
        fits(&asked.states_filter, state(group))
            && fits(&asked.types_filter, kind(group))
            && refusal(view, id).is_none()
    });
    let listed = shown.map(|(id, group)| {
        ListedGroup::default()
            .with_group_id(GroupId(text(id)))
            .with_protocol_type(text(CONSUMER))
            .with_group_state(text(state(group)))
            .with_group_type(text(kind(group)))
    });
    ListGroupsResponse::default().with_groups(listed.collect())
}

/// DescribeGroups (key 15), of the classic protocol; what it does not know is Dead.
pub fn describe(view: &View<'_>, asked: &DescribeGroupsRequest, version: i16) -> DescribeGroupsResponse {
    let groups = asked.groups.iter().map(|id| {
        let answer = dg::DescribedGroup::default().with_group_id(id.clone());
        if let Some(error) = refusal(view, id) {
            return answer.with_error_code(error.code());
        }
        match view.kafka.groups.get(&***id) {
            Some(group) if group.protocol == Protocol::Classic => classic(answer, group),
            _ if version < SAYS_UNKNOWN => answer.with_group_state(text("Dead")),
            other => {
                let why = if other.is_some() { "is not a classic group" } else { "not found" };
                answer
                    .with_group_state(text("Dead"))
                    .with_error_code(ResponseError::GroupIdNotFound.code())
                    .with_error_message(Some(text(&format!("Group {} {why}.", id.as_str()))))
            }
        }
    });
    DescribeGroupsResponse::default().with_groups(groups.collect())
}

fn classic(answer: dg::DescribedGroup, group: &Group) -> dg::DescribedGroup {
    let members = group.members.iter().map(|m| {
        dg::DescribedGroupMember::default()
            .with_member_id(text(&m.id))
            .with_client_id(text(&m.client_id))
            .with_client_host(text(&m.host))
            .with_member_metadata(subscription(m))
            .with_member_assignment(assignment::assign(&m.assigned))
    });
    let assignor = if group.members.is_empty() { "" } else { "range" };
    answer
        .with_group_state(text(state(group)))
        .with_protocol_type(text(CONSUMER))
        .with_protocol_data(text(assignor))
        .with_members(members.collect())
}

/// What a member subscribes to: version, topics, no user data. As an assignment without its partitions.
fn subscription(member: &Member) -> Bytes {
    let mut bytes = vec![0, 0];
    let topics = topics(member);
    bytes.extend((topics.len() as i32).to_be_bytes());
    for topic in topics.keys() {
        bytes.extend((topic.len() as i16).to_be_bytes());
        bytes.extend(topic.as_bytes());
    }
    bytes.extend((-1_i32).to_be_bytes());
    bytes.into()
}

fn topics(member: &Member) -> BTreeMap<&str, Vec<i32>> {
    let mut topics: BTreeMap<&str, Vec<i32>> = BTreeMap::new();
    for (topic, index) in &member.assigned {
        topics.entry(topic).or_default().push(*index);
    }
    topics
}

/// ConsumerGroupDescribe (key 69), of the consumer protocol (KIP-848).
pub fn describe_consumers(
    view: &View<'_>,
    asked: &ConsumerGroupDescribeRequest,
    version: i16,
) -> ConsumerGroupDescribeResponse {
    let groups = asked.group_ids.iter().map(|id| {
        let answer = cgd::DescribedGroup::default().with_group_id(id.clone());
        if let Some(error) = refusal(view, id) {
            return answer.with_error_code(error.code());
        }
        match view.kafka.groups.get(&***id) {
            Some(group) if group.protocol == Protocol::Consumer => consumer(view.kafka, answer, group, version),
            other => {
                let why = if other.is_some() { "is not a consumer group" } else { "not found" };
                answer
                    .with_error_code(ResponseError::GroupIdNotFound.code())
                    .with_error_message(Some(text(&format!("Group {} {why}.", id.as_str()))))
            }
        }
    });
    ConsumerGroupDescribeResponse::default().with_groups(groups.collect())
}

fn consumer(kafka: &Kafka, answer: cgd::DescribedGroup, group: &Group, version: i16) -> cgd::DescribedGroup {
    let members = group.members.iter().map(|m| {
        let names = topics(m).into_keys().map(|topic| TopicName(text(topic)));
        let member =
            if version < WITH_TYPES { cgd::Member::default() } else { cgd::Member::default().with_member_type(1) };
        member
            .with_member_id(text(&m.id))
            .with_member_epoch(EPOCH)
            .with_client_id(text(&m.client_id))
            .with_client_host(text(&m.host))
            .with_subscribed_topic_names(names.collect())
            .with_subscribed_topic_regex(Some(StrBytes::default()))
            .with_assignment(assigned(kafka, m))
            .with_target_assignment(assigned(kafka, m))
    });
    answer
        .with_group_state(text(state(group)))
        .with_group_epoch(EPOCH)
        .with_assignment_epoch(EPOCH)
        .with_assignor_name(text("uniform"))
        .with_members(members.collect())
}

fn assigned(kafka: &Kafka, member: &Member) -> cgd::Assignment {
    let topics = topics(member).into_iter().map(|(topic, partitions)| {
        let id = kafka.topics.get(topic).map_or([0; 16], |t| t.id);
        cgd::TopicPartitions::default()
            .with_topic_id(topic_id(id))
            .with_topic_name(TopicName(text(topic)))
            .with_partitions(partitions)
    });
    cgd::Assignment::default().with_topic_partitions(topics.collect())
}
