//! The KRaft quorum as rows: who leads, who votes, who follows, and how far each has come.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use super::Reading;
use crate::domain::{
    freshness::{Asked, SourceState},
    ids::BrokerId,
    installation::Mode,
    quorum::{Quorum, Replica},
};

/// A follower that had everything so recently has caught up: `controller.quorum.fetch.timeout.ms`, after which it would
/// look for another leader.
const FETCH_TIMEOUT: TimeDelta = TimeDelta::seconds(2);

/// What a node is in the quorum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum QuorumRole {
    /// The active controller.
    Leader,
    /// It votes.
    Voter,
    /// It follows and does not vote.
    Observer,
}

impl QuorumRole {
    /// In a word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Leader => "leader",
            Self::Voter => "voter",
            Self::Observer => "observer",
        }
    }
}

/// One node of the quorum, as a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct QuorumRow {
    /// Node id.
    pub id: BrokerId,
    /// What it is.
    pub role: QuorumRole,
    /// Its pod; `None` when no pod of the installation is known to be it.
    pub pod: Option<String>,
    /// Its log end offset; `None` when the leader has not heard of it.
    pub log_end: Option<i64>,
    /// Records behind the leader.
    pub lag: Option<i64>,
    /// When it last fetched, by the leader's clock.
    pub fetched_at: Option<DateTime<Utc>>,
    /// When it last had everything, by the leader's clock.
    pub caught_up_at: Option<DateTime<Utc>>,
    /// How long before the answer that was, in seconds; both ends are the leader's clock.
    pub caught_up_s: Option<i64>,
    /// Whether it has everything by now; `None` where the leader does not tell times (before Kafka 3.3).
    pub caught_up: Option<bool>,
    /// The directory id of its log, where it has one.
    pub directory: Option<String>,
}

/// The quorum at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct QuorumReading {
    /// The active controller, when there is one.
    pub leader: Option<BrokerId>,
    /// Its epoch.
    pub leader_epoch: i32,
    /// The offset up to which a majority has everything.
    pub high_watermark: Option<i64>,
    /// Nodes that vote.
    pub voters: usize,
    /// How many of them have everything, the leader included; `None` where that is not told.
    pub voters_caught_up: Option<usize>,
    /// Whether these are a majority.
    pub majority_caught_up: Option<bool>,
    /// All nodes: the leader first, then voters, then observers.
    pub nodes: Vec<QuorumRow>,
}

impl Reading<'_> {
    /// True in KRaft mode, as far as that is known: only then there is a quorum.
    pub fn has_quorum(&self) -> bool {
        self.mode() == Some(Mode::KRaft.word())
    }

    /// The node that leads the quorum, as long as that is no old news.
    pub fn active_controller(&self) -> Option<BrokerId> {
        let quorum = self.kafka()?.quorum.as_ref()?;
        quorum.leader.filter(|_| self.asked(Asked::Quorum).state == SourceState::Live)
    }

    /// The quorum as its leader described it last; how old that is stands in the state of `Asked::Quorum`.
    pub fn quorum(&self) -> Option<QuorumReading> {
        let quorum = self.kafka()?.quorum.as_ref()?;
        let pods = self.pods_of_nodes();
        let role = |replica: &Replica| {
            if quorum.leader == Some(replica.id) { QuorumRole::Leader } else { QuorumRole::Voter }
        };
        let voters = quorum.voters.iter().map(|r| row(quorum, r, role(r), &pods));
        let observers = quorum.observers.iter().map(|r| row(quorum, r, QuorumRole::Observer, &pods));
        let mut nodes: Vec<QuorumRow> = voters.chain(observers).collect();
        nodes.sort_by_key(|node| (node.role, node.id));
        let voters = || nodes.iter().filter(|node| node.role != QuorumRole::Observer);
        // One of whom nothing is known may count or not: then neither the number nor the majority is known.
        let known = quorum.leader.is_some() && voters().all(|node| node.caught_up.is_some());
        let voters_caught_up = known.then(|| voters().filter(|node| node.caught_up == Some(true)).count());
        Some(QuorumReading {
            leader: quorum.leader,
            leader_epoch: quorum.leader_epoch,
            high_watermark: quorum.high_watermark,
            voters: quorum.voters.len(),
            voters_caught_up,
            majority_caught_up: voters_caught_up.map(|n| n * 2 > quorum.voters.len()),
            nodes,
        })
    }

    /// Pods by node id, those of controllers that are no brokers too.
    fn pods_of_nodes(&self) -> BTreeMap<BrokerId, String> {
        let controllers = self.installation.controllers.iter().filter_map(|c| Some((c.id_hint?, c.pod.name.clone())));
        let brokers = self.pods_by_id().into_iter().map(|(id, broker)| (id, broker.pod.name.clone()));
        controllers.chain(brokers).collect()
    }
}

fn row(quorum: &Quorum, replica: &Replica, role: QuorumRole, pods: &BTreeMap<BrokerId, String>) -> QuorumRow {
    // The leader's own time is the moment of its answer.
    let answered_at = quorum.of_leader().and_then(|leader| leader.caught_up_at);
    let since = answered_at.map(|at| replica.caught_up_at.map(|then| at - then));
    QuorumRow {
        id: replica.id,
        role,
        pod: pods.get(&replica.id).cloned(),
        log_end: replica.log_end,
        lag: quorum.lag(replica),
        fetched_at: replica.fetched_at,
        caught_up_at: replica.caught_up_at,
        caught_up_s: since.flatten().map(|since| since.num_seconds().max(0)),
        // Where the leader tells its own time, one without a time has never had everything.
        caught_up: since.map(|since| since.is_some_and(|since| since <= FETCH_TIMEOUT)),
        directory: replica.directory.clone(),
    }
}
