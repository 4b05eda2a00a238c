//! Lines from Kubernetes objects: moments that they tell themselves, and what differs between two looks.
//!
//! What carries its own timestamp is told whenever it is looked at, under an id that is made of it, so that the first
//! look tells the past and no later one tells it again. What has none is told when it is seen to differ.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use chrono::{DateTime, Utc};

use crate::{
    domain::{
        freshness::Kind,
        ids::ObjectKey,
        installation::{Condition, Flavour, Installation},
        kubernetes::{Claim, Container, ContainerState, Meta, Pod, Terminated, Workload},
        strimzi::{KafkaResource, KafkaTopic, KafkaUser, NodePool, PodSet},
        timeline::{Entry, EntryKind, told_at},
        units,
    },
    world::KubeWorld,
};

/// The label by which Strimzi's resources say whose they are.
pub const CLUSTER: &str = "strimzi.io/cluster";
/// A pod that is not ready so soon after it was created never was.
const STARTING_S: i64 = 5;
/// Resources of topics and users of which is told that they were created, the youngest; and of how many of them a
/// change is told at once.
const TOLD: usize = 200;

type Map<T> = BTreeMap<ObjectKey, Arc<T>>;

/// An installation's objects at one look.
#[derive(Debug, Default)]
pub struct Seen {
    pods: Map<Pod>,
    claims: Map<Claim>,
    sets: Map<Workload>,
    deployments: Map<Workload>,
    kafkas: Map<KafkaResource>,
    pools: Map<NodePool>,
    pod_sets: Map<PodSet>,
    topics: Arc<Map<KafkaTopic>>,
    users: Arc<Map<KafkaUser>>,
}

/// Pods of an installation: brokers, controllers, ZooKeepers and Connect's workers.
pub fn pods_of(kube: &KubeWorld, of: &Installation) -> Vec<ObjectKey> {
    let nodes = of.brokers.iter().chain(&of.controllers).map(|node| &node.pod);
    let keepers = of.ensemble.iter().flat_map(|ensemble| &ensemble.pods);
    let workers = of.connect.iter().flat_map(|cluster| &cluster.workers).map(|worker| &worker.at.pod);
    nodes.chain(keepers).chain(workers).filter(|key| kube.pods.contains_key(key)).cloned().collect()
}

/// Claims that these pods mount.
pub fn claims_of(kube: &KubeWorld, pods: &[ObjectKey]) -> Vec<ObjectKey> {
    let claims = |pod: &ObjectKey| {
        let volumes = kube.pods.get(pod).map(|pod| pod.volumes.as_slice()).unwrap_or_default();
        let names = volumes.iter().filter_map(|volume| volume.claim.as_ref());
        names.map(|name| ObjectKey::new(&pod.namespace, name)).collect::<Vec<_>>()
    };
    pods.iter().flat_map(claims).collect()
}

/// Those of a map under these keys.
fn picked<'a, T>(all: &Map<T>, keys: impl Iterator<Item = &'a ObjectKey>) -> Map<T> {
    keys.filter_map(|key| Some((key.clone(), Arc::clone(all.get(key)?)))).collect()
}

impl Seen {
    /// The installation's objects now. What was its at the look before is its as long as it is there; of topics and
    /// users, of which there may be thousands, it is looked at again only where something was told of them.
    pub fn of(kube: &KubeWorld, of: &Installation, before: Option<&Self>, touched: &BTreeSet<Kind>) -> Self {
        let pods = pods_of(kube, of);
        let claims = claims_of(kube, &pods);
        let owners = || of.owners.iter().map(|owner| &owner.key).chain(of.operator.iter().map(|o| &o.deployment));
        let strimzi = of.flavour == Flavour::Strimzi;
        let id = ObjectKey::new(&of.id.namespace, &of.id.name);
        let kafka = kube.kafkas.get(&id).filter(|_| strimzi);
        let own = &of.id.namespace;
        let topics_in = kafka.and_then(|kafka| kafka.topics_in.as_ref()).unwrap_or(own);
        let users_in = kafka.and_then(|kafka| kafka.users_in.as_ref()).unwrap_or(own);
        let is_of = |meta: &Meta, namespace: &str| {
            strimzi && meta.namespace == namespace && meta.labels.get(CLUSTER) == Some(&of.id.name)
        };
        let known = |keys: fn(&Self) -> Vec<&ObjectKey>| before.map(keys).unwrap_or_default();
        let all = |kind: Kind| before.filter(|_| !touched.contains(&kind) && !touched.contains(&Kind::Kafkas));
        Self {
            pods: picked(&kube.pods, pods.iter().chain(known(|seen| seen.pods.keys().collect()))),
            claims: picked(&kube.claims, claims.iter().chain(known(|seen| seen.claims.keys().collect()))),
            sets: picked(&kube.stateful_sets, owners().chain(known(|seen| seen.sets.keys().collect()))),
            deployments: picked(&kube.deployments, owners().chain(known(|seen| seen.deployments.keys().collect()))),
            kafkas: kafka.map(|kafka| (id, Arc::clone(kafka))).into_iter().collect(),
            pools: labelled(&kube.node_pools, |pool| is_of(&pool.meta, own)),
            pod_sets: labelled(&kube.pod_sets, |set| is_of(&set.meta, own)),
            topics: all(Kind::Topics).map_or_else(
                || Arc::new(labelled(&kube.topics, |topic| is_of(&topic.meta, topics_in))),
                |seen| Arc::clone(&seen.topics),
            ),
            users: all(Kind::Users).map_or_else(
                || Arc::new(labelled(&kube.users, |user| is_of(&user.meta, users_in))),
                |seen| Arc::clone(&seen.users),
            ),
        }
    }
}

fn labelled<T>(all: &Map<T>, is_own: impl Fn(&T) -> bool) -> Map<T> {
    all.iter().filter(|(_, one)| is_own(one)).map(|(key, one)| (key.clone(), Arc::clone(one))).collect()
}

/// All lines that a look tells.
pub fn changes(before: Option<&Seen>, after: &Seen, now: DateTime<Utc>) -> Vec<Entry> {
    let none = Seen::default();
    let before = before.unwrap_or(&none);
    let look = Look { now };
    let mut told = Vec::new();
    look.each(&mut told, &before.pods, &after.pods, "pods", pod);
    look.each(&mut told, &before.claims, &after.claims, "persistentvolumeclaims", claim);
    look.each(&mut told, &before.sets, &after.sets, "statefulsets", stateful_set);
    look.each(&mut told, &before.deployments, &after.deployments, "deployments", deployment);
    look.each(&mut told, &before.kafkas, &after.kafkas, "kafkas", kafka);
    look.each(&mut told, &before.pools, &after.pools, "kafkanodepools", pool);
    look.each(&mut told, &before.pod_sets, &after.pod_sets, "strimzipodsets", pod_set);
    look.many(&mut told, &before.topics, &after.topics, "kafkatopics", topic);
    look.many(&mut told, &before.users, &after.users, "kafkausers", user);
    told
}

/// One object, before and now; `None` where there is none.
#[derive(Clone, Copy)]
struct Change<'a, T> {
    before: Option<&'a T>,
    after: Option<&'a T>,
    now: DateTime<Utc>,
}

/// A look at a moment.
struct Look {
    now: DateTime<Utc>,
}

impl Look {
    /// What each object that is not the same as before tells.
    fn each<T: PartialEq>(
        &self,
        told: &mut Vec<Entry>,
        before: &Map<T>,
        after: &Map<T>,
        source: &str,
        tell: fn(&mut Vec<Entry>, &Change<'_, T>),
    ) {
        let mut lines = Vec::new();
        for (key, now) in after {
            let was = before.get(key);
            if was.is_some_and(|was| Arc::ptr_eq(was, now) || was == now) {
                continue;
            }
            let change = Change { before: was.map(AsRef::as_ref), after: Some(&**now), now: self.now };
            tell(&mut lines, &change);
            for line in &mut lines {
                line.object.namespace.clone_from(&key.namespace);
            }
            told.extend(lines.drain(..).map(|line| line.from(source)));
        }
        for (key, was) in before.iter().filter(|(key, _)| !after.contains_key(key)) {
            let change = Change { before: Some(&**was), after: None, now: self.now };
            tell(&mut lines, &change);
            told.extend(lines.drain(..).map(|line| line.from(source).within(&key.namespace)));
        }
    }

    /// The same where there may be thousands: of those that tell most the newest lines.
    fn many<T: PartialEq>(
        &self,
        told: &mut Vec<Entry>,
        before: &Map<T>,
        after: &Map<T>,
        source: &str,
        tell: fn(&mut Vec<Entry>, &Change<'_, T>),
    ) {
        let mut lines = Vec::new();
        if !std::ptr::eq(before, after) {
            self.each(&mut lines, before, after, source, tell);
        }
        lines.sort_by_key(|line| line.at);
        let older = lines.len().saturating_sub(TOLD);
        told.extend(lines.drain(older..));
    }
}

/// That an object was created, at the moment that it tells.
fn created(kind: EntryKind, of: &str, meta: &Meta, text: String, now: DateTime<Utc>) -> Option<Entry> {
    let at = told_at(Some(meta.created_at?), now);
    Some(Entry::new(at, kind, of, &meta.name, text).id(format!("{of}/{}/{}/created", meta.name, meta.uid)))
}

fn pod(told: &mut Vec<Entry>, change: &Change<'_, Pod>) {
    let now = change.now;
    let Some(pod) = change.after else {
        let gone =
            change.before.map(|was| Entry::new(now, EntryKind::Pod, "pod", &was.meta.name, "is gone").warning(true));
        told.extend(gone);
        return;
    };
    let (name, uid) = (&pod.meta.name, &pod.meta.uid);
    let line = |at, kind, text: String| Entry::new(told_at(at, now), kind, "pod", name, text);
    let was = change.before.filter(|was| was.meta.uid == *uid);
    let node = pod.node.as_ref().map(|node| format!(" on {node}")).unwrap_or_default();
    let successor = change.before.filter(|was| was.meta.uid != *uid);
    let other = successor.map(|was| images(&was.containers, &pod.containers)).filter(|text| !text.is_empty());
    let instead = if successor.is_some() { ", in place of the one before" } else { "" };
    let other = other.map(|text| format!("; {text}")).unwrap_or_default();
    told.extend(created(EntryKind::Pod, "pod", &pod.meta, format!("created{node}{instead}{other}"), now));
    if let Some(since) = pod.meta.deleting_since {
        // The timestamp is when its time to end is over.
        let text = "is being deleted".to_owned();
        told.push(line(Some(since.min(now)), EntryKind::Pod, text).id(format!("pod/{name}/{uid}/deleted")));
    }
    if let (Some(ready), Some(at)) = (pod.ready, pod.ready_changed_at) {
        let is_starting = pod.meta.created_at.is_some_and(|made| (at - made).num_seconds() < STARTING_S);
        let text = if ready { "is ready" } else { "is not ready" };
        let id = format!("pod/{name}/{uid}/ready/{}/{ready}", at.timestamp());
        told.extend(
            (ready || !is_starting).then(|| line(Some(at), EntryKind::Ready, text.into()).id(id).warning(!ready)),
        );
    }
    if pod.reason.is_some() && was.is_some_and(|was| was.reason != pod.reason) {
        let words =
            [pod.reason.as_deref(), pod.message.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(": ");
        told.push(line(None, EntryKind::Pod, words).warning(true));
    }
    for container in pod.init_containers.iter().chain(&pod.containers) {
        restarts(told, pod, container, now);
    }
}

/// How a container ended, last time and just now.
fn restarts(told: &mut Vec<Entry>, pod: &Pod, container: &Container, now: DateTime<Utc>) {
    let (name, uid) = (&pod.meta.name, &pod.meta.uid);
    let mut ended = |how: &Terminated, times: u32, after: &str| {
        // One that ran to its end once, as init containers do, is no news.
        let Some(at) = how.finished_at.filter(|_| how.exit_code != 0 || times > 1 || !after.is_empty()) else { return };
        let reason = if how.reason.is_empty() { "no reason" } else { &how.reason };
        let text = format!("container {} ended: {reason}, exit code {}{after}", container.name, how.exit_code);
        let id = format!("pod/{name}/{uid}/{}/ended/{times}", container.name);
        let entry = Entry::new(told_at(Some(at), now), EntryKind::Restart, "pod", name, text);
        told.push(entry.id(id).warning(how.exit_code != 0));
    };
    if let Some(last) = &container.last {
        ended(last, container.restarts, &format!(" (restart {})", container.restarts));
    }
    if let ContainerState::Terminated(how) = &container.state {
        ended(how, container.restarts + 1, "");
    }
}

/// Which images differ, as `kafka runs apache/kafka:4.1.2, before 4.1.1`.
fn images(before: &[Container], after: &[Container]) -> String {
    let differs = |now: &Container| {
        let was = before.iter().find(|was| was.name == now.name)?;
        (was.image != now.image).then(|| format!("{} runs {}, before {}", now.name, now.image, was.image))
    };
    after.iter().filter_map(differs).collect::<Vec<_>>().join("; ")
}

fn claim(told: &mut Vec<Entry>, change: &Change<'_, Claim>) {
    let now = change.now;
    let line = |claim: &Claim, text: String| Entry::new(now, EntryKind::Storage, "pvc", &claim.meta.name, text);
    let size = |bytes: Option<u64>| bytes.map_or_else(|| "?".to_owned(), units::bytes);
    let Some(claim) = change.after else {
        told.extend(change.before.map(|was| line(was, "is gone".into()).warning(true)));
        return;
    };
    let class = claim.class.as_ref().map(|class| format!(" of class {class}")).unwrap_or_default();
    let text = format!("created, {}{class}", size(claim.requested_bytes));
    told.extend(created(EntryKind::Storage, "pvc", &claim.meta, text, now));
    let Some(was) = change.before.filter(|was| was.meta.uid == claim.meta.uid) else { return };
    if was.requested_bytes != claim.requested_bytes {
        told.push(line(
            claim,
            format!("asks for {}, before {}", size(claim.requested_bytes), size(was.requested_bytes)),
        ));
    }
    if was.capacity_bytes != claim.capacity_bytes && was.capacity_bytes.is_some() {
        told.push(line(claim, format!("has {}, before {}", size(claim.capacity_bytes), size(was.capacity_bytes))));
    }
    if was.phase != claim.phase {
        told.push(line(claim, format!("is {}, before {}", claim.phase, was.phase)).warning(claim.phase == "Lost"));
    }
    if let Some(how) = claim.resizing.as_ref().filter(|how| was.resizing.as_ref() != Some(how)) {
        told.push(line(claim, how.clone()));
    }
}

fn stateful_set(told: &mut Vec<Entry>, change: &Change<'_, Workload>) {
    workload(told, "statefulset", change);
}

fn deployment(told: &mut Vec<Entry>, change: &Change<'_, Workload>) {
    workload(told, "deployment", change);
}

fn workload(told: &mut Vec<Entry>, of: &str, change: &Change<'_, Workload>) {
    let now = change.now;
    let line = |at, of_what: &Workload, text: String| {
        Entry::new(told_at(at, now), EntryKind::Rollout, of, &of_what.meta.name, text)
    };
    let Some(work) = change.after else {
        told.extend(change.before.map(|was| line(None, was, "is gone".into()).warning(true)));
        return;
    };
    told.extend(created(EntryKind::Rollout, of, &work.meta, format!("created with {}", pods(work.replicas)), now));
    let asked = work.restarted_at.as_ref().and_then(|at| at.parse::<DateTime<Utc>>().ok());
    if let Some(at) = asked {
        let id = format!("{of}/{}/{}/restart/{}", work.meta.name, work.meta.uid, at.timestamp());
        told.push(line(Some(at), work, "a restart of all its pods was asked for".into()).id(id));
    }
    let Some(was) = change.before.filter(|was| was.meta.uid == work.meta.uid) else { return };
    if was.replicas != work.replicas {
        told.push(line(None, work, format!("scaled to {}, before {}", pods(work.replicas), was.replicas)));
    }
    let (old, new) = (&was.rollout, &work.rollout);
    let other = images(&was.containers, &work.containers);
    let what = if other.is_empty() { String::new() } else { format!(": {other}") };
    if old.update_revision != new.update_revision && old.update_revision.is_some() {
        let revision = new.update_revision.as_deref().unwrap_or("?");
        told.push(line(None, work, format!("a rollout began, to revision {revision}{what}")));
    } else if !other.is_empty() {
        told.push(line(None, work, other));
    }
    let is_done = |of: &Workload| of.rollout.current_revision == of.rollout.update_revision;
    if !is_done(was) && is_done(work) && new.current_revision.is_some() {
        let revision = new.current_revision.as_deref().unwrap_or("?");
        told.push(line(None, work, format!("the rollout is done: all pods have revision {revision}")));
    }
}

fn pods(count: u32) -> String {
    units::counted(count as usize, "pod")
}

/// Conditions of a custom resource, each at the moment since when it holds.
fn conditions(told: &mut Vec<Entry>, of: &str, meta: &Meta, all: &[Condition], only_bad: bool, now: DateTime<Utc>) {
    for condition in all {
        let since = condition.since.as_ref().and_then(|at| at.parse::<DateTime<Utc>>().ok());
        let is_bad = condition.is_unready() || condition.kind == "Warning";
        let Some(at) = since.filter(|_| is_bad || !only_bad) else { continue };
        let why = [&condition.reason, &condition.message].into_iter().flatten().cloned().collect::<Vec<_>>().join(": ");
        let why = if why.is_empty() { String::new() } else { format!(" ({why})") };
        let not = if condition.status == "True" { "" } else { "not " };
        let (kind, reason) = (&condition.kind, condition.reason.as_deref().unwrap_or_default());
        let id = format!("{of}/{}/{}/{kind}/{}/{reason}/{}", meta.name, meta.uid, condition.status, at.timestamp());
        let entry =
            Entry::new(told_at(Some(at), now), EntryKind::Resource, of, &meta.name, format!("{not}{kind}{why}"));
        told.push(entry.id(id).warning(is_bad));
    }
}

/// That the spec of a custom resource was changed, and that its operator has taken that in.
fn generations(
    told: &mut Vec<Entry>,
    (of, meta): (&str, &Meta),
    before: (Option<i64>, Option<i64>),
    after: (Option<i64>, Option<i64>),
    what: &str,
    now: DateTime<Utc>,
) {
    let line = |text: String| Entry::new(now, EntryKind::Resource, of, &meta.name, text);
    if let Some(generation) = after.0.filter(|_| before.0.is_some() && before.0 != after.0) {
        told.push(line(format!("its spec was changed (generation {generation}){what}")));
    }
    let is_behind = |(wanted, seen): (Option<i64>, Option<i64>)| wanted != seen;
    if let Some(generation) = after.1.filter(|_| before.1.is_some() && is_behind(before) && !is_behind(after)) {
        told.push(line(format!("the operator has taken in generation {generation}")));
    }
}

fn gone(told: &mut Vec<Entry>, of: &str, meta: Option<&Meta>, now: DateTime<Utc>) {
    told.extend(meta.map(|meta| Entry::new(now, EntryKind::Resource, of, &meta.name, "was deleted").warning(true)));
}

fn kafka(told: &mut Vec<Entry>, change: &Change<'_, KafkaResource>) {
    let (of, now) = ("kafka", change.now);
    let Some(kafka) = change.after else { return gone(told, of, change.before.map(|was| &was.meta), now) };
    told.extend(created(EntryKind::Resource, of, &kafka.meta, "created".into(), now));
    conditions(told, of, &kafka.meta, &kafka.conditions, false, now);
    let Some(was) = change.before else { return };
    let differs = |what: &str, was: &Option<String>, is: &Option<String>| match (was, is) {
        (Some(was), Some(is)) if was != is => Some(format!("{what} {is}, before {was}")),
        _ => None,
    };
    let wanted = differs("version", &was.version, &kafka.version).map(|text| format!(": {text}")).unwrap_or_default();
    let generation = |of: &KafkaResource| (of.generation, of.observed_generation);
    generations(told, (of, &kafka.meta), generation(was), generation(kafka), &wanted, now);
    let running = differs("runs Kafka", &was.running_version, &kafka.running_version);
    let metadata = differs("has metadata version", &was.metadata_version, &kafka.metadata_version);
    let lines = running.into_iter().chain(metadata);
    told.extend(lines.map(|text| Entry::new(now, EntryKind::Resource, of, &kafka.meta.name, text)));
}

fn pool(told: &mut Vec<Entry>, change: &Change<'_, NodePool>) {
    let (of, now) = ("kafkanodepool", change.now);
    let Some(pool) = change.after else { return gone(told, of, change.before.map(|was| &was.meta), now) };
    told.extend(created(EntryKind::Resource, of, &pool.meta, "created".into(), now));
    let Some(was) = change.before else { return };
    let line = |text: String| Entry::new(now, EntryKind::Resource, of, &pool.meta.name, text);
    if let (Some(old), Some(new)) = (was.replicas, pool.replicas)
        && old != new
    {
        told.push(line(format!("asks for {}, before {old}", units::counted(new as usize, "node"))));
    }
    if was.node_ids != pool.node_ids {
        let list = |of: &NodePool| of.node_ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        told.push(line(format!("its node ids are {}, before {}", list(pool), list(was))));
    }
}

fn pod_set(told: &mut Vec<Entry>, change: &Change<'_, PodSet>) {
    let (of, now) = ("strimzipodset", change.now);
    let Some(set) = change.after else { return gone(told, of, change.before.map(|was| &was.meta), now) };
    told.extend(created(EntryKind::Rollout, of, &set.meta, format!("created with {}", pods(set.wanted)), now));
    let Some(was) = change.before else { return };
    let line = |text: String| Entry::new(now, EntryKind::Rollout, of, &set.meta.name, text);
    let other: Vec<&str> = set
        .revisions
        .iter()
        .filter(|(pod, revision)| was.revisions.get(*pod).is_some_and(|was| was != *revision))
        .map(|(pod, _)| pod.as_str())
        .collect();
    if !other.is_empty() {
        let named = other.iter().take(3).copied().collect::<Vec<_>>().join(", ");
        told.push(line(format!("wants another revision of {}: {named}", units::counted(other.len(), "pod"))));
    }
    if was.wanted != set.wanted {
        told.push(line(format!("wants {}, before {}", pods(set.wanted), was.wanted)));
    }
    let is_done = |of: &PodSet| of.current == Some(of.wanted) && of.ready == Some(of.wanted);
    if !is_done(was) && is_done(set) && was.current.is_some_and(|current| current < was.wanted) {
        told.push(line("all pods have their revision and are ready".into()));
    }
}

fn topic(told: &mut Vec<Entry>, change: &Change<'_, KafkaTopic>) {
    let (of, now) = ("kafkatopic", change.now);
    let Some(topic) = change.after else { return gone(told, of, change.before.map(|was| &was.meta), now) };
    told.extend(created(EntryKind::Resource, of, &topic.meta, "created".into(), now));
    conditions(told, of, &topic.meta, &topic.conditions, true, now);
    let Some(was) = change.before else { return };
    let mut what = Vec::new();
    if let (Some(old), Some(new)) = (was.partitions, topic.partitions)
        && old != new
    {
        what.push(format!("partitions {new}, before {old}"));
    }
    let keys = topic.config.keys().chain(was.config.keys().filter(|key| !topic.config.contains_key(*key)));
    for key in keys.filter(|key| topic.config.get(*key) != was.config.get(*key)).take(3) {
        what.push(topic.config.get(key).map_or_else(|| format!("{key} taken away"), |value| format!("{key}={value}")));
    }
    let what = if what.is_empty() { String::new() } else { format!(": {}", what.join(", ")) };
    let generation = |of: &KafkaTopic| (of.generation, of.observed_generation);
    generations(told, (of, &topic.meta), generation(was), generation(topic), &what, now);
}

fn user(told: &mut Vec<Entry>, change: &Change<'_, KafkaUser>) {
    let (of, now) = ("kafkauser", change.now);
    let Some(user) = change.after else { return gone(told, of, change.before.map(|was| &was.meta), now) };
    told.extend(created(EntryKind::Resource, of, &user.meta, "created".into(), now));
    conditions(told, of, &user.meta, &user.conditions, true, now);
    let Some(was) = change.before else { return };
    let generation = |of: &KafkaUser| (of.generation, of.observed_generation);
    generations(told, (of, &user.meta), generation(was), generation(user), "", now);
}
