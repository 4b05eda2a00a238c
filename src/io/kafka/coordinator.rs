//! What one coordinator knows: its groups, their members, and what they committed.
//!
//! Each broker has one of these as a task of its own, so that a slow one delays nobody. A broker lists
//! exactly the groups that it coordinates, so coordinators are never looked for.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use futures::future::join_all;
use tokio::time::{Instant, sleep_until};

use super::{
    answers::{self, Described},
    failure::CallError,
    observer::Shared,
};
use crate::{
    domain::{
        freshness::Asked,
        group::{Commits, Epochs, Group, Member},
        ids::BrokerId,
    },
    facts::KafkaBody,
    wire::{
        errors::{self, GROUP_ID_NOT_FOUND},
        requests::{self, GROUPS_PER_REQUEST},
    },
};

/// How often groups are listed.
const LIST_EVERY: Duration = Duration::from_secs(2);

/// Partitions of topics.
pub type Partitions = BTreeMap<String, BTreeSet<i32>>;

/// Looks after one coordinator until cancelled.
pub async fn coordinate(shared: Arc<Shared>, broker: BrokerId) {
    let mut round = shared.lag.round();
    let mut pulse = shared.pulse();
    let mut coordinator =
        Coordinator { shared, broker, groups: Err(CallError::Nobody), members: BTreeMap::new(), missed: None };
    let mut list_at = Instant::now();
    loop {
        if Instant::now() >= list_at {
            list_at = Instant::now() + LIST_EVERY;
            coordinator.list().await;
            if let Some(number) = coordinator.missed
                && coordinator.groups.is_ok()
            {
                // It is back: its commits need not wait for the next pass.
                coordinator.look(number).await;
            }
        }
        if round.has_changed().unwrap_or(false) {
            let number = *round.borrow_and_update();
            coordinator.look(number).await;
        }
        tokio::select! {
            () = sleep_until(list_at) => {}
            gone = round.changed() => {
                if gone.is_err() {
                    return;
                }
                round.mark_changed();
            }
            gone = pulse.changed() => {
                if gone.is_err() {
                    return;
                }
                list_at = Instant::now();
            }
        }
    }
}

/// One coordinator, and what it said last.
struct Coordinator {
    shared: Arc<Shared>,
    broker: BrokerId,
    /// Groups as they were listed last, or why they were not.
    groups: Result<Vec<Group>, CallError>,
    /// Members and epochs as they were described last, by group.
    members: BTreeMap<String, (Vec<Member>, Option<Epochs>)>,
    /// The pass in which it could not take part.
    missed: Option<u64>,
}

impl Coordinator {
    /// Lists groups (key 16) and tells of them, with the members that are known.
    async fn list(&mut self) {
        let answer = self.shared.roster.ask(self.broker, &requests::list_groups()).await;
        self.groups = answer.and_then(|answer| answers::groups(&answer));
        match &self.groups {
            Ok(groups) => {
                let listed: BTreeSet<&str> = groups.iter().map(|g| g.id.as_str()).collect();
                self.members.retain(|id, _| listed.contains(id.as_str()));
                self.tell_groups().await;
            }
            Err(why) => self.shared.desk.failed(Asked::Groups, Some(self.broker), why).await,
        }
    }

    async fn tell_groups(&self) {
        let groups = self.groups.iter().flatten().map(|g| {
            let known = self.members.get(&g.id).filter(|_| !is_empty(g));
            let members = known.map(|(members, _)| members.clone()).or_else(|| is_empty(g).then(Vec::new));
            Group { members, epochs: known.and_then(|(_, epochs)| *epochs), ..g.clone() }
        });
        let body = KafkaBody::Groups(groups.collect());
        self.shared.desk.answered(Asked::Groups, Some(self.broker), body).await;
    }

    /// Asks for members and commits of all groups, both at once, and tells of them.
    async fn look(&mut self, round: u64) {
        match &self.groups {
            Ok(groups) => {
                self.missed = None;
                let commits = async {
                    self.fetch(groups).await;
                    self.shared.lag.done(self.broker, round);
                };
                let ((), described) = tokio::join!(commits, self.describe(groups));
                if !described.is_empty() {
                    self.take(described);
                    self.tell_groups().await;
                }
            }
            Err(why) => {
                self.missed = Some(round);
                self.shared.desk.failed(Asked::Offsets, Some(self.broker), why).await;
                self.shared.lag.done(self.broker, round);
            }
        }
    }

    fn take(&mut self, described: BTreeMap<String, Described>) {
        for group in self.groups.iter_mut().flatten() {
            if let Some(state) = described.get(&group.id).and_then(|d| d.state.as_ref()) {
                group.state.clone_from(state);
            }
        }
        for (id, described) in described {
            match described.members {
                Some(members) => self.members.insert(id, (members, described.epochs)),
                None => self.members.remove(&id),
            };
        }
    }

    /// Describes the groups that have members: 15 for the classic protocol, 69 for the consumer protocol, 77 for share
    /// groups.
    async fn describe(&self, groups: &[Group]) -> BTreeMap<String, Described> {
        let ids = |protocol: Protocol| -> Vec<&str> {
            let wanted = groups.iter().filter(|g| !is_empty(g) && protocol_of(g) == Some(protocol));
            wanted.map(|g| g.id.as_str()).collect()
        };
        let roster = &self.shared.roster;
        let (classic, consumer, share) = (ids(Protocol::Classic), ids(Protocol::Consumer), ids(Protocol::Share));
        let classic = join_all(classic.chunks(GROUPS_PER_REQUEST).map(|ids| async {
            let request = requests::describe_groups(ids.iter().copied());
            roster.ask(self.broker, &request).await.map(|answer| answers::described(&answer))
        }));
        let consumer = join_all(consumer.chunks(GROUPS_PER_REQUEST).map(|ids| async {
            let request = requests::consumer_group_describe(ids.iter().copied());
            roster.ask(self.broker, &request).await.map(|answer| answers::consumers_described(&answer))
        }));
        let share = join_all(share.chunks(GROUPS_PER_REQUEST).map(|ids| async {
            let request = requests::share_group_describe(ids.iter().copied());
            roster.ask(self.broker, &request).await.map(|answer| answers::shares_described(&answer))
        }));
        let (classic, consumer, share) = tokio::join!(classic, consumer, share);
        let mut described = BTreeMap::new();
        for answer in classic.into_iter().chain(consumer).chain(share) {
            match answer {
                Ok(some) => described.extend(some),
                Err(why) => tracing::debug!(broker = self.broker.0, %why, "groups could not be described"),
            }
        }
        described
    }

    /// Fetches what the groups committed (key 9), a hundred at a time, all on their way at once.
    async fn fetch(&self, groups: &[Group]) {
        let ids: Vec<&str> = groups.iter().filter(|g| has_commits(g)).map(|g| g.id.as_str()).collect();
        let batches = join_all(ids.chunks(GROUPS_PER_REQUEST).map(|ids| async move {
            let request = requests::offset_fetch(ids.iter().copied());
            let answer = self.shared.roster.ask(self.broker, &request).await;
            (ids, answer.map(|answer| answers::commits(&answer)))
        }))
        .await;
        let mut commits = Vec::with_capacity(ids.len());
        let mut failure = None;
        let mut answered = ids.is_empty();
        for (ids, batch) in batches {
            match batch {
                Ok(batch) => {
                    answered |= batch.iter().any(|(_, code)| !errors::is_forbidden(*code));
                    failure = failure.or(all_forbidden(&batch));
                    commits.extend(batch.into_iter().filter(|(_, code)| *code != GROUP_ID_NOT_FOUND).map(|(c, _)| c));
                }
                Err(why) => {
                    // The other batches still count: these groups alone carry the reason.
                    let error = Some(why.to_string());
                    commits.extend(ids.iter().map(|id| Commits {
                        group: (*id).to_owned(),
                        error: error.clone(),
                        commits: Vec::new(),
                    }));
                    failure = Some(why);
                }
            }
        }
        match failure {
            Some(why) if !answered => self.shared.desk.failed(Asked::Offsets, Some(self.broker), &why).await,
            _ => {
                self.shared.lag.committed(self.broker, partitions(&commits));
                self.shared.desk.answered(Asked::Offsets, Some(self.broker), KafkaBody::Commits(commits)).await;
            }
        }
    }
}

fn all_forbidden(batch: &[(Commits, i16)]) -> Option<CallError> {
    let (_, code) = batch.first()?;
    batch.iter().all(|(_, code)| errors::is_forbidden(*code)).then_some(CallError::Refused { code: *code })
}

fn is_empty(group: &Group) -> bool {
    matches!(group.state.as_str(), "Empty" | "Dead")
}

/// Protocols whose groups are described, each by a request of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    Classic,
    Consumer,
    Share,
}

/// The protocol by which a group is described.
///
/// Streams groups have a request that is not asked. Coordinators that do not tell the type are older than KIP-848, and
/// theirs are classic.
fn protocol_of(group: &Group) -> Option<Protocol> {
    match group.kind.as_deref().map(str::to_ascii_lowercase).as_deref() {
        Some("classic") | None => Some(Protocol::Classic),
        Some("consumer") => Some(Protocol::Consumer),
        Some("share") => Some(Protocol::Share),
        Some(_) => None,
    }
}

/// True when a group commits offsets: share groups do not.
fn has_commits(group: &Group) -> bool {
    !group.kind.as_deref().is_some_and(|kind| kind.eq_ignore_ascii_case("share"))
}

fn partitions(commits: &[Commits]) -> Partitions {
    let mut partitions = Partitions::new();
    for c in commits.iter().flat_map(|c| &c.commits) {
        match partitions.get_mut(&c.topic) {
            Some(indexes) => {
                indexes.insert(c.partition);
            }
            None => {
                partitions.insert(c.topic.clone(), BTreeSet::from([c.partition]));
            }
        }
    }
    partitions
}
