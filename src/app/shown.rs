//! What can be shown of the chosen installation: all rows, made once from a `Reading` and used by every
//! pane, document and list until something changes.

use std::sync::Arc;

use crate::{
    diagnose::{self, Judgement},
    domain::{
        alert::AlertSource,
        config::Config,
        finding::Finding,
        freshness::{Asked, Freshness, Kind, Source},
        group::GroupPartition,
        installation::Installation,
        timeline::Entry,
    },
    plan::actions::restart,
    world::{
        Reading,
        alerts::AlertRow,
        brokers::BrokerRow,
        connect::{ConnectRow, ConnectorRow},
        groups::GroupRow,
        quorum::QuorumReading,
        storage::ClaimRow,
        summary::Summary,
        topics::{PartitionRow, TopicRow, TopicsBasis},
        users::{ClientQuota, UserRow},
    },
};

/// Everything that can be shown of one installation at one moment.
#[derive(Debug, Clone)]
pub struct Shown {
    /// The installation.
    pub installation: Installation,
    /// `KRaft`, once a broker said so.
    pub mode: Option<&'static str>,
    /// The figures of the header.
    pub summary: Summary,
    /// The verdict and why.
    pub judgement: Judgement,
    /// What is wrong, worst first.
    pub findings: Vec<Finding>,
    /// Brokers, by id.
    pub brokers: Vec<BrokerRow>,
    /// Claims, by name.
    pub storage: Vec<ClaimRow>,
    /// Topics, by name.
    pub topics: Arc<Vec<TopicRow>>,
    topics_basis: TopicsBasis,
    /// Groups, by id.
    pub groups: Vec<GroupRow>,
    /// Alert rules, by name.
    pub alerts: Vec<AlertRow>,
    /// Who seems to evaluate alerts.
    pub alert_sources: Vec<AlertSource>,
    /// Connectors, by Connect and name.
    pub connectors: Vec<ConnectorRow>,
    /// Connects with their workers.
    pub connect: Vec<ConnectRow>,
    /// Partitions of the topic that is open.
    pub partitions: Vec<PartitionRow>,
    /// Partitions of the group that is open.
    pub group_partitions: Vec<GroupPartition>,
    /// The quorum, once it was described; in ZooKeeper mode there is none.
    pub quorum: Option<QuorumReading>,
    /// Configs of the broker or topic whose configs are open, by name.
    pub configs: Vec<Config>,
    /// Users, by name, while they are open.
    pub users: Vec<UserRow>,
    /// False where no authorizer asks what somebody may; `None` before brokers told.
    pub authorizer: Option<bool>,
    /// Quotas that are of no user, while users are open.
    pub quotas_of_no_user: Vec<ClientQuota>,
    /// What changed, newest first, while it is open.
    pub timeline: Vec<Entry>,
    /// How far each pane can be trusted.
    pub freshness: PaneFreshness,
    /// All sources with their states.
    pub sources: Vec<(Source, Freshness)>,
}

/// How far each pane can be trusted.
#[derive(Debug, Clone)]
pub struct PaneFreshness {
    /// Pods.
    pub pods: Freshness,
    /// Metadata.
    pub metadata: Freshness,
    /// Claims.
    pub claims: Freshness,
    /// Log directories of all brokers.
    pub log_dirs: Freshness,
    /// Group lists, commits and end offsets of all brokers.
    pub groups: Freshness,
    /// Alert rules.
    pub rules: Freshness,
    /// The quorum.
    pub quorum: Freshness,
    /// Moves of partitions under way.
    pub reassignments: Freshness,
    /// Configs that are open; none are.
    pub configs: Option<Freshness>,
    /// Connectors of all Connects.
    pub connect: Freshness,
    /// What brokers are asked of users.
    pub users: [(Asked, Freshness); 3],
    /// Events, of which the timeline tells beside what it sees itself.
    pub events: Freshness,
}

/// What is open beside the lists that are always made: topic and group whose partitions are, configs, and users.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Opened {
    /// Topic.
    pub topic: Option<String>,
    /// Group.
    pub group: Option<String>,
    /// Configs, as they were read, and how far they can be trusted.
    pub configs: Option<(Vec<Config>, Freshness)>,
    /// Users: there may be thousands of ACLs, and no other pane shows any.
    pub users: bool,
    /// The timeline.
    pub timeline: bool,
}

impl Shown {
    /// Reads everything; what was read before lends findings their `since`, and rows that rest on nothing new.
    pub fn read(reading: &Reading<'_>, opened: &Opened, previous: Option<&Self>) -> Self {
        let topics_basis = reading.topics_basis();
        let topics = previous.filter(|shown| shown.topics_basis == topics_basis).map(|shown| Arc::clone(&shown.topics));
        let (mut brokers, storage, groups) = (reading.brokers(), reading.storage(), reading.groups());
        restart::judge(*reading, &mut brokers);
        let summary = reading.summary(&brokers, &storage, &groups);
        let findings = diagnose::findings(reading, previous.map_or(&[], |shown| &shown.findings));
        let judgement = diagnose::judge(reading, &summary, &findings);
        let connectors = reading.connectors(&groups);
        let each = |what| reading.asked_each(what);
        Self {
            installation: reading.installation.clone(),
            mode: reading.mode(),
            summary,
            judgement,
            findings,
            brokers,
            storage,
            topics: topics.unwrap_or_else(|| Arc::new(reading.topics())),
            topics_basis,
            groups,
            alerts: reading.alerts(),
            alert_sources: reading.alert_sources(),
            connectors,
            connect: reading.connect_rows(),
            partitions: opened.topic.as_ref().map(|t| reading.partitions(t)).unwrap_or_default(),
            group_partitions: opened.group.as_ref().map(|g| reading.group_partitions(g)).unwrap_or_default(),
            quorum: reading.quorum(),
            configs: opened.configs.as_ref().map(|(configs, _)| configs.clone()).unwrap_or_default(),
            users: if opened.users { reading.users() } else { Vec::new() },
            authorizer: reading.authorizer(),
            quotas_of_no_user: if opened.users { reading.quotas_of_no_user() } else { Vec::new() },
            timeline: if opened.timeline { reading.timeline() } else { Vec::new() },
            freshness: PaneFreshness {
                pods: reading.watch(Kind::Pods),
                metadata: reading.asked(Asked::Metadata),
                claims: reading.watch(Kind::Claims),
                log_dirs: each(Asked::LogDirs),
                groups: each(Asked::Groups).worst(each(Asked::Offsets)).worst(each(Asked::EndOffsets)),
                rules: reading.watch(Kind::Rules),
                quorum: reading.asked(Asked::Quorum),
                reassignments: reading.asked(Asked::Reassignments),
                configs: opened.configs.as_ref().map(|(_, fresh)| fresh.clone()),
                connect: reading.connect_freshness(),
                users: reading.asked_of_users(),
                events: reading.watch(Kind::Events),
            },
            sources: reading.sources(),
        }
    }
}
