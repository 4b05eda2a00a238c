//! What must hold before a step is done, and before it counts as done.
//!
//! A gate is a named question to what is observed, with three answers. What cannot be seen now, or is older than what it
//! is to confirm, is a reason to wait and never a pass: a gate sees exactly what the operator sees.

pub mod back;
mod connectors;
mod offsets;
mod partitions;
pub mod restart;
pub mod survey;
mod topics;
mod users;
mod volumes;

use std::{cell::OnceCell, collections::BTreeMap};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use self::survey::Survey;
use super::kafka::{Move, OffsetChange, PartitionRef};
use crate::{
    domain::{
        access::Mechanism,
        acl::Acl,
        config::Owner,
        freshness::{Asked, SourceState},
        ids::{BrokerId, ObjectKey},
        units::{self, bytes, counted},
    },
    world::{KafkaWorld, Reading},
};

/// What a gate says now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It holds; what was seen, in a few words.
    Pass(String),
    /// It does not hold yet, or cannot be seen; why.
    Wait(String),
    /// It does not hold, and waiting will not change that; why.
    Fail(String),
}

impl Verdict {
    /// The words.
    pub fn words(&self) -> &str {
        match self {
            Self::Pass(words) | Self::Wait(words) | Self::Fail(words) => words,
        }
    }

    /// True when it holds.
    pub fn holds(&self) -> bool {
        matches!(self, Self::Pass(_))
    }
}

/// What a gate looks at.
#[derive(Clone, Copy)]
pub struct Moment<'a> {
    /// The installation, read now.
    pub reading: Reading<'a>,
    /// What was seen before this does not count: the step was done then.
    pub since: Option<DateTime<Utc>>,
}

/// A gate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "gate", rename_all = "kebab-case")]
pub enum Gate {
    /// Brokers list a topic with this shape.
    TopicIs {
        /// The topic.
        topic: String,
        /// Its partitions.
        partitions: usize,
    },
    /// A group has no members.
    GroupEmpty {
        /// The group.
        group: String,
    },
    /// A group has committed these offsets.
    OffsetsAre {
        /// The group.
        group: String,
        /// The offsets.
        offsets: Vec<OffsetChange>,
    },
    /// Partitions are led by their preferred replicas.
    LeadersPreferred {
        /// Which.
        partitions: Vec<PartitionRef>,
    },
    /// Partitions are where they were to be moved, or their moves are cancelled.
    MovesDone {
        /// The moves.
        moves: Vec<Move>,
    },
    /// A broker has no replica of some topics; of none named, of any.
    BrokerEmpty {
        /// The broker.
        broker: BrokerId,
        /// The topics.
        topics: Vec<String>,
    },
    /// Brokers have these configs of an owner.
    ConfigsAre {
        /// Whose.
        of: Owner,
        /// The configs; `None` is not set on this owner.
        configs: BTreeMap<String, Option<String>>,
    },
    /// No partition has its last in-sync replica on a broker.
    OthersHoldData {
        /// The broker.
        broker: BrokerId,
    },
    /// A claim has at least so many bytes, and its file system knows.
    ClaimHas {
        /// The claim.
        claim: ObjectKey,
        /// Bytes.
        bytes: u64,
    },
    /// Another claim of that name is bound.
    ClaimReplaced {
        /// The claim.
        claim: ObjectKey,
        /// The uid of the one before.
        uid: String,
    },
    /// A connector is in a state, and all of its tasks are.
    ConnectorIs {
        /// Its Connect.
        cluster: ObjectKey,
        /// Its name.
        connector: String,
        /// `RUNNING`, `PAUSED`.
        state: String,
        /// Tasks that have failed may stay so.
        or_failed: bool,
        /// What workers tell counts so many seconds after the change: a worker answers before it acts, and tells what was
        /// until then.
        #[serde(default)]
        settles_s: u32,
    },
    /// No partition is offline, but for what a node itself causes.
    NothingOffline {
        /// The node.
        node: BrokerId,
    },
    /// No replica is behind, but for a node's own.
    OthersInSync {
        /// The node.
        node: BrokerId,
    },
    /// No partition falls under min-ISR without a node.
    WritesGoOn {
        /// The node.
        node: BrokerId,
    },
    /// No partition depends on a node alone.
    NothingAlone {
        /// The node.
        node: BrokerId,
        /// Those that do were listed, and agreed to.
        agreed: bool,
    },
    /// The quorum keeps its majority without a node.
    QuorumHolds {
        /// The node.
        node: BrokerId,
    },
    /// All other nodes serve.
    OthersServe {
        /// The node.
        node: BrokerId,
    },
    /// A node serves before it is restarted: nothing is wrong with it that a restart would cover up.
    NodeServes {
        /// The node.
        node: BrokerId,
    },
    /// A disruption budget lets a pod go.
    BudgetAllows {
        /// The pod.
        pod: ObjectKey,
    },
    /// The operator works and looks after the cluster.
    OperatorUp,
    /// A pod is marked for its operator, or was restarted already.
    PodMarked {
        /// The node.
        node: BrokerId,
        /// Its pod.
        pod: ObjectKey,
        /// The pod's uid when the plan was made.
        uid: String,
    },
    /// A pod is Ready, and another one than before.
    PodBack {
        /// The node.
        node: BrokerId,
        /// Its pod.
        pod: ObjectKey,
        /// The pod's uid when the plan was made.
        uid: String,
    },
    /// The pod of a broker has been Ready for so long since the step was done.
    ReadyFor {
        /// The broker.
        node: BrokerId,
        /// Its pod.
        pod: ObjectKey,
        /// Seconds.
        seconds: u32,
    },
    /// A broker answers and is unfenced.
    BrokerServes {
        /// The broker.
        node: BrokerId,
    },
    /// All partitions of a broker have it in their ISR.
    BackInSync {
        /// The broker.
        node: BrokerId,
    },
    /// No more partitions are under-replicated than before, and none is offline.
    UrpAtMost {
        /// The broker that was restarted.
        node: BrokerId,
        /// How many were.
        most: usize,
    },
    /// A controller has caught up with the quorum.
    InQuorum {
        /// The controller.
        node: BrokerId,
    },
    /// Brokers do not list a topic.
    TopicGone {
        /// The topic.
        topic: String,
    },
    /// The operator has let go of a KafkaTopic: its finalizer is gone, and so is the object.
    KafkaTopicGone {
        /// The object.
        object: ObjectKey,
    },
    /// The operator says of a KafkaTopic or KafkaUser that it is as declared.
    OperatorReady {
        /// `KafkaTopic` or `KafkaUser`.
        kind: String,
        /// Namespace.
        namespace: String,
        /// Name.
        name: String,
        /// Its generation before the change; what the operator said of that one does not count.
        #[serde(default)]
        above: Option<i64>,
    },
    /// Brokers keep a SCRAM credential of a user.
    CredentialIs {
        /// The user.
        user: String,
        /// Of this mechanism.
        mechanism: Mechanism,
    },
    /// Brokers keep no SCRAM credential of a user.
    CredentialGone {
        /// The user.
        user: String,
    },
    /// The authorizer has these rules.
    AclsAre {
        /// The rules.
        acls: Vec<Acl>,
    },
    /// Brokers keep these limits of a user.
    LimitsAre {
        /// The user.
        user: String,
        /// Limits by key; `None` is no limit.
        limits: BTreeMap<String, Option<i64>>,
    },
    /// The authorizer has no rule of a principal.
    AclsGone {
        /// The principal.
        principal: String,
    },
}

/// What gates have looked up, for the next one to use.
#[derive(Default)]
pub struct Looked<'a>(OnceCell<Survey<'a>>);

impl<'a> Looked<'a> {
    /// All partitions and brokers.
    pub fn survey(&self, reading: Reading<'a>) -> &Survey<'a> {
        self.0.get_or_init(|| Survey::of(reading))
    }
}

impl Gate {
    /// What must hold, as `brokers list orders with 6 partitions`.
    pub fn title(&self) -> String {
        match self {
            Self::GroupEmpty { group } => format!("group {group} has no members"),
            Self::OffsetsAre { group, offsets } => {
                format!("group {group} stands there in {}", counted(offsets.len(), "partition"))
            }
            Self::LeadersPreferred { partitions: some } => {
                format!("{} led by the preferred replica", counted(some.len(), "partition"))
            }
            Self::MovesDone { moves } if moves.iter().all(|one| one.after.is_none()) => {
                format!("{} no longer moved", counted(moves.len(), "partition"))
            }
            Self::MovesDone { moves } => format!("{} moved and in sync", counted(moves.len(), "partition")),
            Self::BrokerEmpty { broker, topics } if topics.is_empty() => format!("broker {broker} holds no replica"),
            Self::BrokerEmpty { broker, topics } => {
                format!("broker {broker} holds no replica of {}", topics.join(", "))
            }
            Self::ConfigsAre { of, configs } if configs.keys().all(|name| name.contains("throttled")) => {
                let is_gone = configs.values().all(Option::is_none);
                format!("{of} has {}", if is_gone { "no throttle" } else { "its throttle" })
            }
            Self::ConfigsAre { of, configs } => {
                let names: Vec<&str> = configs.keys().map(String::as_str).collect();
                format!("{of} has {} as wanted", names.join(", "))
            }
            Self::OthersHoldData { broker } => format!("all that broker {broker} holds is in sync elsewhere"),
            Self::ClaimHas { claim, bytes: size } => format!("claim {} has {}", claim.name, bytes(*size)),
            Self::ClaimReplaced { claim, .. } => format!("claim {} is a new one, and bound", claim.name),
            Self::ConnectorIs { connector, state, settles_s: 0, .. } => {
                format!("connector {connector} and its tasks are {state}")
            }
            Self::ConnectorIs { connector, state, settles_s, .. } => {
                format!("connector {connector} and its tasks are {state} {settles_s} s later")
            }
            Self::NothingOffline { .. } => "no partition is offline".to_owned(),
            Self::OthersInSync { node } => format!("no replica is behind but those of {node}"),
            Self::WritesGoOn { node } => format!("no partition falls under min-ISR without {node}"),
            Self::NothingAlone { node, .. } => format!("no partition depends on {node} alone"),
            Self::QuorumHolds { node } => format!("the quorum keeps its majority without {node}"),
            Self::OthersServe { .. } => "all others are ready".to_owned(),
            Self::NodeServes { node } => format!("{node} itself is ready"),
            Self::BudgetAllows { pod } => format!("the disruption budget lets {} go", pod.name),
            Self::OperatorUp => "the operator is up".to_owned(),
            Self::PodMarked { pod, .. } => format!("pod {} is marked", pod.name),
            Self::PodBack { pod, .. } => format!("pod {} is Ready with a new uid", pod.name),
            Self::ReadyFor { node, seconds, .. } => {
                format!("{node} has been ready for {}", units::duration(i64::from(*seconds)))
            }
            Self::BrokerServes { node } => format!("broker {node} answers and is unfenced"),
            Self::BackInSync { node } => format!("partitions of {node} are back in ISR"),
            Self::UrpAtMost { most: 0, .. } => "all partitions are in sync".to_owned(),
            Self::UrpAtMost { most, .. } => format!("at most {most} partitions are under-replicated, as before"),
            Self::InQuorum { node } => format!("controller {node} has caught up with the quorum"),
            Self::TopicIs { topic, partitions } => {
                format!("brokers list {topic} with {}", counted(*partitions, "partition"))
            }
            Self::TopicGone { topic } => format!("brokers list {topic} no longer"),
            Self::KafkaTopicGone { object } => format!("KafkaTopic {} is gone", object.name),
            Self::OperatorReady { kind, name, .. } => format!("the operator says that {kind} {name} is ready"),
            Self::CredentialIs { user, mechanism } => format!("brokers keep a {mechanism} credential of {user}"),
            Self::CredentialGone { user } => format!("brokers keep no SCRAM credential of {user}"),
            Self::AclsAre { acls } => format!("the authorizer has the {}", counted(acls.len(), "new rule")),
            Self::LimitsAre { user, .. } => format!("brokers limit {user} as wanted"),
            Self::AclsGone { principal } => format!("the authorizer has no rule of {principal}"),
        }
    }

    /// What does not hold where it does not, in a word or two for a narrow column.
    pub fn word(&self) -> &'static str {
        match self {
            Self::NothingOffline { .. } => "offline",
            Self::OthersInSync { .. } | Self::BackInSync { .. } | Self::UrpAtMost { .. } => "URP",
            Self::WritesGoOn { .. } => "min-ISR",
            Self::QuorumHolds { .. } | Self::InQuorum { .. } => "quorum",
            Self::OthersServe { .. } => "others",
            Self::NodeServes { .. } => "itself",
            Self::BudgetAllows { .. } => "budget",
            Self::PodMarked { .. } | Self::PodBack { .. } | Self::ReadyFor { .. } => "pod",
            Self::BrokerServes { .. } => "broker",
            Self::TopicIs { .. } | Self::TopicGone { .. } | Self::KafkaTopicGone { .. } => "topic",
            Self::OperatorUp | Self::OperatorReady { .. } => "operator",
            Self::CredentialIs { .. }
            | Self::CredentialGone { .. }
            | Self::AclsAre { .. }
            | Self::LimitsAre { .. }
            | Self::AclsGone { .. } => "user",
            Self::GroupEmpty { .. } => "members",
            Self::OffsetsAre { .. } => "offsets",
            Self::LeadersPreferred { .. } => "leaders",
            Self::MovesDone { .. } | Self::BrokerEmpty { .. } => "moves",
            Self::ConfigsAre { .. } => "configs",
            Self::NothingAlone { .. } | Self::OthersHoldData { .. } => "alone",
            Self::ClaimHas { .. } | Self::ClaimReplaced { .. } => "claim",
            Self::ConnectorIs { .. } => "connector",
        }
    }

    /// Whether it holds.
    pub fn check(&self, moment: &Moment<'_>) -> Verdict {
        self.check_with(moment, &Looked::default())
    }

    /// The same, with what other gates have looked up at this moment.
    pub fn check_with<'a>(&self, moment: &Moment<'a>, looked: &Looked<'a>) -> Verdict {
        let survey = || looked.survey(moment.reading);
        match self {
            Self::NothingOffline { node } => restart::nothing_offline(survey(), *node),
            Self::OthersInSync { node } => restart::others_in_sync(survey(), *node),
            Self::WritesGoOn { node } => restart::writes_go_on(survey(), *node),
            Self::NothingAlone { node, agreed } => restart::nothing_alone(survey(), *node, *agreed),
            Self::QuorumHolds { node } => restart::quorum_holds(survey(), *node),
            Self::OthersServe { node } => restart::others_serve(survey(), *node),
            Self::NodeServes { node } => restart::node_serves(survey(), *node),
            Self::BudgetAllows { pod } => restart::budget_allows(&moment.reading, pod),
            Self::OperatorUp => restart::operator_up(&moment.reading),
            Self::PodMarked { node, pod, uid } => back::pod_marked(&moment.reading, *node, pod, uid),
            Self::PodBack { node, pod, uid } => back::pod_back(&moment.reading, *node, pod, uid),
            Self::ReadyFor { node, pod, seconds } => back::ready_for(moment, *node, pod, *seconds),
            Self::BrokerServes { node } => back::broker_serves(moment, survey(), *node),
            Self::BackInSync { node } => back::back_in_sync(moment, survey(), *node),
            Self::UrpAtMost { node, most } => back::urp_at_most(moment, survey(), *node, *most),
            Self::InQuorum { node } => back::in_quorum(moment, *node),
            Self::GroupEmpty { group } => told_or(offsets::group_is_empty(moment, group)),
            Self::OffsetsAre { group, offsets } => told_or(offsets::are(moment, group, offsets)),
            Self::LeadersPreferred { partitions } => told_or(partitions::leaders_are_preferred(moment, partitions)),
            Self::MovesDone { moves } => told_or(partitions::moves_are_done(moment, moves)),
            Self::BrokerEmpty { broker, topics } => told_or(partitions::broker_is_empty(moment, *broker, topics)),
            Self::ConfigsAre { of, configs } => told_or(partitions::configs_are(moment, of, configs)),
            Self::OthersHoldData { broker } => told_or(partitions::others_hold_data(moment, *broker)),
            Self::ClaimHas { claim, bytes } => told_or(volumes::claim_has(moment, claim, *bytes)),
            Self::ClaimReplaced { claim, uid } => told_or(volumes::claim_is_replaced(moment, claim, uid)),
            Self::ConnectorIs { cluster, connector, state, or_failed, settles_s } => {
                let seen = connectors::settled(moment, cluster, *settles_s);
                told_or(seen.and_then(|()| connectors::is(moment, cluster, connector, state, *or_failed)))
            }
            _ => self.check_told(moment).unwrap_or_else(|wait| wait),
        }
    }

    /// True where what is seen now can only be so because the step was done, by us or by somebody else.
    pub fn shows_done(&self, reading: Reading<'_>) -> bool {
        match self {
            Self::PodMarked { node, pod, uid } => {
                back::is_marked(&reading, pod) || back::is_replaced(&reading, *node, pod, uid)
            }
            Self::PodBack { node, pod, uid } => back::is_replaced(&reading, *node, pod, uid),
            _ => false,
        }
    }

    /// Whether brokers or operators have told what it wants of topics and users.
    fn check_told(&self, moment: &Moment<'_>) -> Result<Verdict, Verdict> {
        match self {
            Self::TopicIs { topic, partitions } => topics::is(moment, topic, *partitions),
            Self::TopicGone { topic } => topics::is_gone(moment, topic),
            Self::KafkaTopicGone { object } => topics::object_is_gone(moment, object),
            Self::OperatorReady { kind, namespace, name, above } => {
                topics::operator_is_ready(moment, kind, namespace, name, *above)
            }
            Self::CredentialIs { user, mechanism } => users::credential_is(moment, user, *mechanism),
            Self::CredentialGone { user } => users::credential_is_gone(moment, user),
            Self::AclsAre { acls } => users::acls_are(moment, acls),
            Self::LimitsAre { user, limits } => users::limits_are(moment, user, limits),
            Self::AclsGone { principal } => users::acls_are_gone(moment, principal),
            // What is about restarts is looked at elsewhere.
            _ => Err(Verdict::Wait(String::new())),
        }
    }
}

/// What a gate says, or why it is waited for.
fn told_or(held: Result<Verdict, Verdict>) -> Verdict {
    held.unwrap_or_else(|wait| wait)
}

/// What brokers have told, if one answer is fresh and younger than what it is to confirm; else why it is waited for.
fn told<'a>(moment: &Moment<'a>, what: Asked, broker: Option<BrokerId>) -> Result<&'a KafkaWorld, Verdict> {
    let freshness = moment.reading.freshness(what, broker);
    if freshness.state != SourceState::Live {
        let why = freshness.why.unwrap_or_else(|| "no broker has told".to_owned());
        return Err(Verdict::Wait(format!("{what} cannot be seen: {why}")));
    }
    let nobody = || Verdict::Wait(format!("no broker has told {what} yet"));
    let kafka = moment.reading.kafka().ok_or_else(nobody)?;
    match (moment.since, freshness.as_of) {
        (Some(since), Some(at)) if at <= since => Err(Verdict::Wait(format!("{what} are from before the change"))),
        (_, None) => Err(nobody()),
        _ => Ok(kafka),
    }
}

/// Brokers' Metadata, if it is fresh and younger than what it is to confirm.
pub(crate) fn metadata<'a>(moment: &Moment<'a>) -> Result<&'a KafkaWorld, Verdict> {
    let freshness = moment.reading.asked(Asked::Metadata);
    if freshness.state != SourceState::Live {
        let why = freshness.why.unwrap_or_else(|| "no broker has told".to_owned());
        return Err(Verdict::Wait(format!("Metadata cannot be seen: {why}")));
    }
    let kafka = moment.reading.kafka().ok_or_else(|| Verdict::Wait("no broker has told Metadata yet".to_owned()))?;
    match (moment.since, kafka.metadata_at) {
        (Some(since), Some(at)) if at <= since => Err(Verdict::Wait("Metadata is from before the change".to_owned())),
        (_, None) => Err(Verdict::Wait("no broker has told Metadata yet".to_owned())),
        _ => Ok(kafka),
    }
}

/// True where two lists ask the same of other things.
pub fn are_alike(some: &[Gate], others: &[Gate]) -> bool {
    let kinds = |gates: &[Gate]| gates.iter().map(std::mem::discriminant).collect::<Vec<_>>();
    kinds(some) == kinds(others)
}

/// All gates with what they say now.
pub fn check_all(gates: &[Gate], moment: &Moment<'_>) -> Vec<(String, Verdict)> {
    let looked = Looked::default();
    gates.iter().map(|gate| (gate.title(), gate.check_with(moment, &looked))).collect()
}
