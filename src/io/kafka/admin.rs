//! Changing a cluster by Kafka's own protocol: one change or one question at a time, and each change rehearsed.
//!
//! Right before a change the cluster is asked whether it still is what the plan was made for. The broker that answered
//! that is the one that is told: a frozen one is never waited for. In KRaft mode it passes changes on to the active
//! controller; with ZooKeeper the controller itself is told. `io::act` calls it; it decides nothing and writes no
//! journal. A password that is made here leaves it in `KafkaAnswer::Password` and nowhere else.

mod acls;
mod configs;
mod error;
mod groups;
mod leaders;
mod moves;
mod offsets;
mod quotas;
mod scram;
mod topics;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use kafka_protocol::messages::{
    MetadataResponse,
    metadata_response::{MetadataResponsePartition, MetadataResponseTopic},
};
use tokio::{
    sync::{OnceCell, mpsc, watch},
    time::sleep,
};
use tokio_util::sync::CancellationToken;

pub use self::error::AdminError;
use self::error::{Deed, Need};
use super::{
    answers,
    broker::{Link, LinkSetup},
    connection::RequestCounts,
    desk::Desk,
    failure::CallError,
    roster::{Roster, Seen},
};
use crate::{
    clock::Clock,
    domain::{acl::principal_of, ids::BrokerId, ids::InstallationId, installation::AddressBook, units::counted},
    io::{
        dial::{Transport, layers::Layers},
        secrets::SecretSource,
    },
    plan::kafka::{Answer, KafkaAnswer, KafkaOp, Question},
    wire::{
        changes,
        errors::NOT_CONTROLLER,
        requests::{self, Ask},
    },
};

/// The coordinator is loading, is not there yet, or moved: asked again after a pause.
const COORDINATOR_MOVES: [i16; 3] = [14, 15, 16];

/// How often a coordinator is looked for, and the pause between: a new cluster makes its topic of commits first.
const LOOKS: u32 = 8;
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// What changing an installation takes.
pub struct AdminSetup {
    /// Which installation.
    pub installation: InstallationId,
    /// Who opens streams to its pods.
    pub transport: Arc<dyn Transport>,
    /// Who reads the Secrets that the way into it refers to.
    pub secrets: Arc<dyn SecretSource>,
    /// Which pods there are, and the way of `Purpose::Administer`.
    pub book: Arc<AddressBook>,
    /// The clock.
    pub clock: Clock,
    /// Ends all connections.
    pub cancel: CancellationToken,
}

/// What a rehearsal came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rehearsal {
    /// Brokers would make the change; or, where they cannot be asked that, the cluster is what the plan was made for.
    Checked,
    /// It could not be compared, and why.
    Unchecked(String),
    /// It is so already, in words.
    Already(String),
    /// The cluster is not what the plan was made for: each difference in a line.
    Stale(Vec<String>),
}

/// What is found right before a change.
enum Found {
    /// It is as the plan says.
    AsPlanned,
    /// There is nothing to do, in words.
    Already(String),
}

/// Changes one installation. Connections are opened when they are first needed and end when it is dropped.
pub struct Admin {
    roster: Roster,
    counts: Arc<RequestCounts>,
    book: Arc<AddressBook>,
    principal: Option<String>,
    routed: OnceCell<()>,
}

/// The cluster as one broker, which answers, sees it now.
struct Ground {
    metadata: MetadataResponse,
    link: Arc<Link>,
}

impl Admin {
    /// Dials nobody yet.
    pub fn new(setup: AdminSetup) -> Self {
        // What links tell of themselves is nobody's business here: who observes has links of its own.
        let (facts, _) = mpsc::channel(1);
        let counts = Arc::new(RequestCounts::default());
        let links = LinkSetup {
            transport: setup.transport,
            layers: Arc::new(Layers::new(setup.secrets)),
            desk: Arc::new(Desk::new(setup.installation, setup.clock, facts)),
            counts: Arc::clone(&counts),
            on_silence: Arc::default(),
            changed: watch::Sender::default(),
        };
        let login = setup.book.way.as_ref().and_then(|way| way.login.as_ref());
        let principal = login.map(|login| principal_of(login.user()));
        let roster = Roster::new(links, setup.cancel.child_token());
        Self { roster, counts, book: setup.book, principal, routed: OnceCell::new() }
    }

    /// Takes new routes: links to pods that were replaced are dialled again. As whom it logs in stays.
    pub async fn reroute(&self, book: Arc<AddressBook>) {
        self.routed.get_or_init(|| async {}).await;
        self.roster.reroute(book).await;
    }

    /// Requests sent so far, by their name in Kafka's documentation.
    pub fn request_counts(&self) -> BTreeMap<String, u64> {
        self.counts.by_name()
    }

    /// Makes a change, unless the cluster is not what the plan was made for.
    pub async fn perform(&self, op: &KafkaOp) -> Result<KafkaAnswer, AdminError> {
        let deed = self.deed(op);
        match op {
            KafkaOp::CreateTopic { .. } | KafkaOp::DeleteTopic { .. } | KafkaOp::AddPartitions { .. } => {
                topics::perform(self, &deed, op).await
            }
            KafkaOp::AlterConfigs { of, changes } => configs::perform(self, &deed, of, changes).await,
            KafkaOp::SetScram { user, mechanism, iterations, new } => {
                let wanted = scram::Wanted { user, mechanism: *mechanism, iterations: *iterations, new: *new };
                scram::set(self, &deed, &wanted).await
            }
            KafkaOp::DeleteScram { user, mechanisms } => scram::delete(self, &deed, user, mechanisms).await,
            KafkaOp::CreateAcls { acls } => acls::create(self, &deed, acls).await,
            KafkaOp::DeleteAcls { acls } => acls::delete(self, &deed, acls).await,
            KafkaOp::AlterQuotas { user, limits } => quotas::perform(self, &deed, user, limits).await,
            KafkaOp::ElectLeaders { partitions } => leaders::elect(self, &deed, partitions).await,
            KafkaOp::Reassign { moves } => moves::perform(self, &deed, moves).await,
            KafkaOp::CommitOffsets { group, offsets } => offsets::commit(self, &deed, group, offsets).await,
            KafkaOp::DeleteGroup { group } => groups::delete(self, &deed, group).await,
        }
    }

    /// Has brokers check a change without making it, where they can; else compares what there is with what the plan was
    /// made for.
    pub async fn rehearse(&self, op: &KafkaOp) -> Result<Rehearsal, AdminError> {
        let deed = self.deed(op);
        let found = match op {
            KafkaOp::CreateTopic { .. } | KafkaOp::DeleteTopic { .. } | KafkaOp::AddPartitions { .. } => {
                topics::rehearse(self, &deed, op).await
            }
            KafkaOp::AlterConfigs { of, changes } => configs::rehearse(self, &deed, of, changes).await,
            KafkaOp::SetScram { user, mechanism, iterations, new } => {
                let wanted = scram::Wanted { user, mechanism: *mechanism, iterations: *iterations, new: *new };
                scram::look(self, &deed, &wanted).await
            }
            KafkaOp::DeleteScram { user, mechanisms } => {
                scram::look_again(self, &deed, user, mechanisms).await.map(|(found, _)| found)
            }
            KafkaOp::CreateAcls { acls } => acls::missing(self, &deed, acls).await.map(|(found, _)| found),
            KafkaOp::DeleteAcls { acls } => acls::present(self, &deed, acls).await.map(|(found, _)| found),
            KafkaOp::AlterQuotas { user, limits } => quotas::rehearse(self, &deed, user, limits).await,
            KafkaOp::ElectLeaders { partitions } => {
                leaders::look(self, &deed, partitions).await.map(|(found, _)| found)
            }
            KafkaOp::Reassign { moves } => moves::look(self, &deed, moves).await.map(|(found, ..)| found),
            KafkaOp::CommitOffsets { group, offsets } => {
                offsets::look(self, &deed, group, offsets).await.map(|(found, _)| found)
            }
            KafkaOp::DeleteGroup { group } => groups::look(self, &deed, group).await.map(|(found, _)| found),
        };
        match found {
            Ok(Found::AsPlanned) => Ok(Rehearsal::Checked),
            Ok(Found::Already(words)) => Ok(Rehearsal::Already(words)),
            Err(AdminError::Stale { diff, .. }) => Ok(Rehearsal::Stale(diff)),
            // What may not be seen may still be allowed to be changed.
            Err(AdminError::Forbidden { looking: true, needs, .. }) => {
                Ok(Rehearsal::Unchecked(format!("it may not be seen: {needs} is missing")))
            }
            Err(why) => Err(why),
        }
    }

    /// Answers a question.
    pub async fn ask(&self, question: &Question) -> Result<Answer, AdminError> {
        match question {
            Question::Configs(of) => configs::of(self, of).await.map(Answer::Configs),
            Question::TopicDefaults => configs::defaults(self).await.map(Answer::Configs),
            Question::Offsets { group, topics, to } => {
                offsets::rows(self, group, topics, *to).await.map(Answer::Offsets)
            }
            Question::LastWrite { topic } => offsets::last_write(self, topic).await.map(Answer::LastWrite),
            Question::Reassignments => moves::under_way(self).await.map(Answer::Reassignments),
            Question::Secret { .. } => Ok(Answer::Untold("brokers know of no Secret".to_owned())),
            Question::Object { target, .. } => {
                Err(self.question(&format!("asking for {}", target.for_kubectl())).garbled("brokers know no objects"))
            }
        }
    }

    fn deed(&self, op: &KafkaOp) -> Deed {
        Deed::of(op, self.principal.clone())
    }

    fn question(&self, what: &str) -> Deed {
        Deed::asking(what, self.principal.clone())
    }

    async fn routed(&self) -> &Roster {
        self.routed.get_or_init(|| self.roster.reroute(Arc::clone(&self.book))).await;
        &self.roster
    }

    /// Has a broker that answers say what there is now; of these topics, or of all.
    async fn look(&self, topics: Option<&[&str]>) -> Result<Ground, CallError> {
        let roster = self.routed().await;
        // Who was waiting for a pause to end need not: somebody is waiting for this.
        roster.retry();
        let request = match topics {
            Some(topics) => requests::metadata_of(topics.iter().copied()),
            None => requests::metadata(),
        };
        let (link, answer) = roster.ask_first(&request).await?;
        roster.learn(Seen::of(&answers::metadata(&answer.body)?)).await;
        Ok(Ground { metadata: answer.body, link })
    }

    /// Asks the broker that answered last.
    async fn ask_ready<R: Ask>(&self, ground: &Ground, request: &R) -> Result<R::Response, CallError> {
        ground.link.call(request).await.map(|answer| answer.body)
    }

    /// Asks the controller; once more where another broker has become it meanwhile. `code` reads an answer's error.
    async fn steer<R: Ask>(
        &self,
        ground: &Ground,
        request: &R,
        code: impl Fn(&R::Response) -> i16,
    ) -> Result<R::Response, CallError> {
        let answer = self.controller(ground)?.call(request).await?.body;
        if code(&answer) != NOT_CONTROLLER {
            return Ok(answer);
        }
        let ground = self.look(Some(&[])).await?;
        Ok(self.controller(&ground)?.call(request).await?.body)
    }

    /// Who takes what only the controller does: with ZooKeeper that one, else whoever answers, for he passes it on.
    fn controller(&self, ground: &Ground) -> Result<Arc<Link>, CallError> {
        let kraft = ground.link.features().is_none_or(|features| features.kraft);
        if kraft { Ok(Arc::clone(&ground.link)) } else { self.roster.link(BrokerId(ground.metadata.controller_id.0)) }
    }

    /// The broker that coordinates a group (FindCoordinator, key 10).
    async fn coordinator(&self, deed: &Deed, ground: &Ground, group: &str) -> Result<BrokerId, AdminError> {
        let need = Need::group("Describe", group);
        for look in 0.. {
            let answer = self.ask_ready(ground, &changes::coordinator_of(group)).await;
            let answer = answer.map_err(|why| deed.unread(why, &need))?;
            let found = answer.coordinators.first().ok_or_else(|| deed.garbled("the answer names no coordinator"))?;
            match found.error_code {
                0 => return Ok(BrokerId(found.node_id.0)),
                code if COORDINATOR_MOVES.contains(&code) && look < LOOKS => sleep(LOOK_AGAIN).await,
                code => return Err(deed.unseen(code, found.error_message.as_ref(), &need)),
            }
        }
        Err(deed.garbled("no coordinator was found"))
    }
}

impl Ground {
    fn topic(&self, name: &str) -> Option<&MetadataResponseTopic> {
        self.metadata.topics.iter().find(|t| t.name.as_ref().is_some_and(|n| n.as_str() == name))
    }

    fn partition(&self, topic: &str, index: i32) -> Option<&MetadataResponsePartition> {
        self.topic(topic)?.partitions.iter().find(|p| p.partition_index == index)
    }
}

/// The first few of several lines, and how many more there are.
fn few(lines: &[String]) -> String {
    const TOLD: usize = 3;
    let more = lines.len().saturating_sub(TOLD);
    let told = lines[..lines.len() - more].join("; ");
    if more > 0 { format!("{told}; and {more} more") } else { told }
}

#[cfg(test)]
#[path = "admin/tests.rs"]
mod tests;
