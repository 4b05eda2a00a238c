//! Whether enough is known to answer: what a one-shot command still waits for, and when waiting is in vain.
//!
//! Pure predicates over the App. A source that has failed is not waited for: the answer says that it failed.

use std::{collections::BTreeSet, time::Duration};

use chrono::TimeDelta;

use crate::{
    app::App,
    domain::{
        broker::Contact,
        connect::ConnectCluster,
        freshness::{Asked, AskedWorkers, FailureKind as Why, Freshness, Kind, Source, SourceState},
        ids::BrokerId,
        installation::Flavour,
        text::shortened,
    },
    errors::{Failure, FailureKind},
    world::{KafkaWorld, Reading, Told},
};

/// How long a broker's silence may wait for the heartbeat that tells it from a dead API server.
const CONFIRMATION: TimeDelta = TimeDelta::seconds(3);
/// Kubelets are asked once brokers did not tell how full their volumes are; they have so long after the start.
const VOLUMES: TimeDelta = TimeDelta::seconds(8);
/// Metrics ports may take longer than everything else, and have so long after the start.
const METRICS: TimeDelta = TimeDelta::seconds(3);
/// How many things an error names.
const NAMED: usize = 4;

/// How much must be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Which installations there are, and which one is meant.
    Installations,
    /// The same, and which ways lead into it.
    Ways,
    /// Brokers, where they run and how full their disks are.
    Brokers,
    /// Claims and how full they are.
    Storage,
    /// Topics, their configs and sizes.
    Topics,
    /// Groups, members and lag.
    Groups,
    /// Alert rules.
    Alerts,
    /// Connectors, and the lag of those that are sinks.
    Connect,
    /// Users, what they may do, and who declares them.
    Users,
    /// Topics and moves of partitions.
    Reassignments,
    /// Objects and their events.
    Timeline,
    /// All of it.
    Everything,
}

/// How far it has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// All that is needed has answered or failed.
    Complete,
    /// These have not.
    Waiting(Vec<String>),
    /// It never will be.
    Impossible(Failure),
}

/// How far what is needed is known.
pub fn is_complete(app: &App, need: Need) -> Progress {
    if let Some(failure) = unreachable(app) {
        return Progress::Impossible(failure);
    }
    let unlisted = unlisted(app);
    if let Some(failure) = unlistable(app) {
        return Progress::Impossible(failure);
    }
    if !unlisted.is_empty() {
        return Progress::Waiting(unlisted);
    }
    if app.chosen.is_none() {
        return Progress::Impossible(not_chosen(app));
    }
    let Some(reading) = app.reading() else {
        // Its last pod is gone: what was seen of it is all there will be.
        return Progress::Complete;
    };
    let mut wait = Wait { app, reading, missing: Vec::new() };
    wait.all(need);
    if wait.missing.is_empty() { Progress::Complete } else { Progress::Waiting(wait.missing) }
}

/// True once everything has answered or failed, whatever that means for a question: what `doctor` waits for.
pub fn has_settled(app: &App) -> bool {
    let sources = &app.world.sources;
    let link = sources.link_failure().is_some() || sources.link(app.now).state != SourceState::Blind;
    let is_hopeless = unreachable(app).is_some();
    let watches = || Kind::ALL.into_iter().all(|kind| sources.is_settled(&Source::Watch(kind)));
    let waits = |need: Need| matches!(is_complete(app, need), Progress::Waiting(_));
    is_hopeless || (link && watches() && ![Need::Everything, Need::Users].into_iter().any(waits))
}

/// The failure when time is up: nothing to observe, or an answer that is not complete.
pub fn timed_out(app: &App, waiting: &[String], after: Duration) -> Failure {
    let link = app.world.sources.link(app.now);
    let waited = format!("{:.1} s", after.as_secs_f64()).replace(".0 s", " s");
    if link.state != SourceState::Live {
        let failure =
            Failure::new(FailureKind::Unobservable, format!("The API server did not answer within {waited}."));
        let failure = match link.why {
            Some(why) if why != "connecting" => failure.why(why),
            _ => failure,
        };
        return failure.hint(link.hint.unwrap_or_else(|| "Check that it can be reached: kubectl version".to_owned()));
    }
    Failure::new(FailureKind::Timeout, format!("The answer was not complete within {waited}."))
        .why(format!("still waiting for {}", named(waiting)))
        .hint("Wait longer with --timeout 1m, or see what fails with: kafdeck doctor")
}

/// The link has failed in a way that waiting does not mend.
fn unreachable(app: &App) -> Option<Failure> {
    let link = app.world.sources.link(app.now);
    let failure = app.world.sources.link_failure()?;
    let hopeless = matches!(failure.kind, Why::Auth | Why::Forbidden | Why::Tls | Why::Unreachable);
    (hopeless && link.state == SourceState::Blind).then(|| {
        let observed = Failure::new(FailureKind::Unobservable, "The cluster cannot be observed.").why(&failure.what);
        match &failure.hint {
            Some(hint) => observed.hint(hint),
            None => observed,
        }
    })
}

/// Kinds from which installations are recognised and that have not been listed.
fn unlisted(app: &App) -> Vec<String> {
    let sources = &app.world.sources;
    // Without pods there is nothing to say, so only their failing for good ends the wait for them.
    let pods = Some(Kind::Pods).filter(|k| !sources.has_answered(&Source::Watch(*k)));
    let others = [Kind::StatefulSets, Kind::Services].into_iter().filter(|k| !sources.is_settled(&Source::Watch(*k)));
    let link = (sources.link(app.now).state == SourceState::Blind).then(|| "the API server".to_owned());
    let words = |kind: Kind| match sources.freshness(&Source::Watch(kind), app.now).why {
        Some(why) if sources.is_settled(&Source::Watch(kind)) => format!("{} ({why})", kind.resource()),
        _ => kind.resource().to_owned(),
    };
    link.into_iter().chain(pods.into_iter().chain(others).map(words)).collect()
}

/// Pods may not be listed.
fn unlistable(app: &App) -> Option<Failure> {
    let pods = Source::Watch(Kind::Pods);
    let sources = &app.world.sources;
    if sources.has_answered(&pods) {
        return None;
    }
    let kind = sources.failure_kind(&pods)?;
    if !matches!(kind, Why::Forbidden | Why::Auth | Why::Unsupported) {
        return None;
    }
    let seen = sources.freshness(&pods, app.now);
    Some(blinded("Pods cannot be listed, so no broker can be seen.", seen))
}

fn blinded(what: &str, fresh: Freshness) -> Failure {
    let failure = Failure::new(FailureKind::Unobservable, what).why(fresh.why.unwrap_or_default());
    let failure = match fresh.hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    };
    failure.hint("See every permission that is missing with: kafdeck doctor")
}

/// Why no installation is chosen, once it has been looked.
fn not_chosen(app: &App) -> Failure {
    let known: Vec<String> = app.found.iter().map(|f| f.installation.id.to_string()).collect();
    let place = match app.world.connection.as_ref().and_then(|c| c.namespace.as_ref()) {
        Some(namespace) => format!("in namespace {namespace}"),
        None => "in this cluster".to_owned(),
    };
    if let Some(wanted) = app.wanted() {
        let failure = Failure::new(FailureKind::Usage, format!("There is no installation {wanted} {place}."));
        return match known.as_slice() {
            [] => failure.hint(format!("No Kafka was found {place} at all.")),
            known => failure.hint(format!("There is: {}", known.join(", "))),
        };
    }
    if !known.is_empty() {
        let what = format!("There are {} installations {place}, and no terminal to ask which is meant.", known.len());
        return Failure::new(FailureKind::Usage, what)
            .hint(format!("Give one with --installation: {}", known.join(", ")));
    }
    let hidden = [Kind::StatefulSets, Kind::Services].map(Source::Watch);
    let sources = &app.world.sources;
    if let Some(hidden) = hidden.iter().find(|s| !sources.has_answered(s)) {
        return blinded(
            &format!("No Kafka can be seen {place}, and not everything can."),
            sources.freshness(hidden, app.now),
        );
    }
    let failure = Failure::new(FailureKind::Wrong, format!("No Kafka was found {place}."));
    match app.world.connection.as_ref().and_then(|c| c.namespace.as_ref()) {
        Some(_) => failure.hint("Look in another namespace with -n, or in all of them without it."),
        None => failure.hint("Look in another cluster with --context."),
    }
}

/// A few of many, as a list in a sentence.
fn named(things: &[String]) -> String {
    let some: Vec<_> = things.iter().take(NAMED).map(|t| shortened(t, 160)).collect();
    match things.len() {
        0 => "the first answer".to_owned(),
        n if n > NAMED => format!("{} and {} more", some.join(", "), n - NAMED),
        _ => some.join(", "),
    }
}

/// Gathers what has not settled.
struct Wait<'a> {
    app: &'a App,
    reading: Reading<'a>,
    missing: Vec<String>,
}

impl<'a> Wait<'a> {
    fn all(&mut self, need: Need) {
        match need {
            Need::Installations => return,
            Need::Ways => {
                if !self.app.knows_users() {
                    self.missing.push("what the installation declares of its listeners and users".to_owned());
                }
                return;
            }
            Need::Alerts => {
                self.watches(&[Kind::Rules, Kind::Services]);
                return;
            }
            Need::Users => {
                self.users();
                return;
            }
            Need::Brokers => self.watches(&[Kind::Claims, Kind::Nodes]),
            Need::Storage => self.watches(&[Kind::Claims, Kind::Nodes, Kind::Classes]),
            Need::Connect => {
                self.connect();
                return;
            }
            Need::Timeline => {
                self.watches(&[Kind::Claims, Kind::StatefulSets, Kind::Deployments, Kind::Events]);
                if self.reading.installation.flavour == Flavour::Strimzi {
                    self.watches(&Kind::STRIMZI);
                }
                return;
            }
            Need::Topics if self.reading.installation.flavour == Flavour::Strimzi => {
                self.watches(&[Kind::Kafkas, Kind::Topics]);
            }
            Need::Topics | Need::Groups | Need::Reassignments => {}
            Need::Everything => {
                self.watches(&Kind::ALL);
                if self.reading.installation.helm.is_some() {
                    self.watches(&[Kind::Releases]);
                }
            }
        }
        if let Some(kafka) = self.metadata() {
            self.brokers(kafka, need);
        }
        if need == Need::Storage && self.missing.is_empty() {
            self.volumes();
        }
    }

    /// Connectors of every Connect that may be the installation's; of sinks the groups, too.
    fn connect(&mut self) {
        // Deployments own workers, and the cluster's id proves whose they are.
        self.watches(&[Kind::Deployments]);
        let kafka = self.metadata();
        let running = |c: &&ConnectCluster| {
            let mut pods = c.workers.iter().filter_map(|w| self.app.world.kube.pods.get(&w.at.pod));
            pods.any(|pod| pod.phase == "Running")
        };
        let asked: Vec<ConnectCluster> = self.reading.connects().filter(running).cloned().collect();
        for cluster in asked {
            let installation = self.reading.installation.id.clone();
            let what = AskedWorkers::Connectors;
            let source = Source::Connect { installation, cluster: cluster.id, what, worker: None };
            if !self.app.world.sources.is_settled(&source) {
                self.missing.push(source.to_string());
            }
        }
        let sinks = self.app.shown.iter().flat_map(|s| &s.connectors).any(|c| c.group.is_some());
        if let Some(kafka) = kafka.filter(|_| sinks) {
            self.groups(kafka);
        }
    }

    /// What one broker is asked of all users, where one runs that could answer.
    fn users(&mut self) {
        self.watches(&[Kind::Kafkas, Kind::Users]);
        if !self.reading.book.seeds.is_empty() {
            for what in [Asked::ScramUsers, Asked::Acls, Asked::Quotas] {
                self.one(what, None);
            }
        }
    }

    /// What brokers are asked one by one.
    fn brokers(&mut self, kafka: &KafkaWorld, need: Need) {
        self.contacts(kafka);
        if need != Need::Groups {
            self.each(kafka, Asked::LogDirs);
        }
        if matches!(need, Need::Brokers | Need::Everything) {
            self.each(kafka, Asked::BrokerConfigs);
            self.quorum(kafka);
            self.metrics();
        }
        if matches!(need, Need::Topics | Need::Everything) && !kafka.topics.is_empty() {
            self.one(Asked::TopicConfigs, None);
        }
        if matches!(need, Need::Reassignments | Need::Everything) && kafka.features.keys().any(|id| answers(kafka, *id))
        {
            self.one(Asked::Reassignments, None);
        }
        if matches!(need, Need::Groups | Need::Everything) {
            self.groups(kafka);
        }
    }

    /// The quorum, where a broker that answers has said that there is one.
    fn quorum(&mut self, kafka: &KafkaWorld) {
        if self.reading.has_quorum() && kafka.features.keys().any(|id| answers(kafka, *id)) {
            self.one(Asked::Quorum, None);
        }
    }

    /// Brokers' own metrics, for a while: they are comfort.
    fn metrics(&mut self) {
        if self.app.now - self.app.started_at > METRICS {
            return;
        }
        for broker in self.app.exporters() {
            let source = Source::Metrics { installation: self.reading.installation.id.clone(), broker };
            if !self.app.world.sources.is_settled(&source) {
                self.missing.push(source.to_string());
            }
        }
    }

    fn watches(&mut self, kinds: &[Kind]) {
        let sources = &self.app.world.sources;
        let open = kinds.iter().filter(|k| !sources.is_settled(&Source::Watch(**k)));
        self.missing.extend(open.map(|k| k.resource().to_owned()));
    }

    /// What brokers said, once Metadata has answered. It is not waited for where no pod runs that could answer.
    fn metadata(&mut self) -> Option<&'a KafkaWorld> {
        if !self.reading.book.seeds.is_empty() {
            self.one(Asked::Metadata, None);
        }
        self.reading.kafka().filter(|k| k.metadata_at.is_some())
    }

    /// Every registered broker has answered or is known not to.
    fn contacts(&mut self, kafka: &KafkaWorld) {
        let silent = self.reading.silent();
        let live = self.app.link_is_live();
        for id in kafka.advertised.keys() {
            let open = match kafka.contacts.get(id) {
                None => true,
                Some(Told { contact: Contact::Answered, .. }) => false,
                // Whether it is the broker or the way to it that is silent is known with the next heartbeat.
                Some(told) => live && !silent.contains(id) && self.app.now - told.seen_at < CONFIRMATION,
            };
            if open {
                self.missing.push(format!("broker {id}"));
            }
        }
    }

    /// Every registered broker that answers has answered this, or failed to.
    fn each(&mut self, kafka: &KafkaWorld, what: Asked) {
        for id in kafka.advertised.keys().filter(|id| answers(kafka, **id)) {
            self.one(what, Some(*id));
        }
    }

    fn groups(&mut self, kafka: &KafkaWorld) {
        for what in [Asked::Groups, Asked::Offsets, Asked::EndOffsets] {
            self.each(kafka, what);
        }
        if self.missing.is_empty() {
            self.members(kafka);
            self.ends(kafka);
        }
        // They are asked for with the ends, and may never be told: they are not waited for long.
        if self.missing.is_empty() && kafka.history.awaits_records(self.app.now) {
            self.missing.push("when unread records were written".to_owned());
        }
    }

    /// Members are described in the same pass as commits are fetched, and told after them.
    fn members(&mut self, kafka: &KafkaWorld) {
        let undescribed = kafka.groups.values().filter(|(_, group)| group.members.is_none());
        let coordinators: BTreeSet<BrokerId> = undescribed.map(|(coordinator, _)| *coordinator).collect();
        for id in coordinators.into_iter().filter(|id| answers(kafka, *id)) {
            let told = self.reading.freshness(Asked::Groups, Some(id)).as_of;
            if told < self.reading.freshness(Asked::Offsets, Some(id)).as_of {
                self.missing.push(format!("members of the groups of broker {id}"));
            }
        }
    }

    /// Ends are asked for once commits are known: those that are missing from an answer older than the commits will come.
    fn ends(&mut self, kafka: &KafkaWorld) {
        let mut open = BTreeSet::new();
        for (group, commits) in &kafka.commits {
            let Some((coordinator, _)) = kafka.groups.get(group) else { continue };
            let missing = commits
                .commits
                .iter()
                .filter(|c| kafka.ends.get(&c.topic).is_none_or(|ends| !ends.contains_key(&c.partition)));
            for commit in missing {
                let partitions = kafka.topics.get(&commit.topic).map(|t| t.partitions.as_slice()).unwrap_or_default();
                let partition = partitions.iter().find(|p| p.index == commit.partition);
                open.extend(partition.and_then(|p| p.leader).map(|leader| (leader, *coordinator)));
            }
        }
        for (leader, coordinator) in open.into_iter().filter(|(leader, _)| answers(kafka, *leader)) {
            let ends = self.reading.freshness(Asked::EndOffsets, Some(leader));
            let commits = self.reading.freshness(Asked::Offsets, Some(coordinator));
            if ends.state == SourceState::Live && ends.as_of < commits.as_of {
                self.missing.push(format!("end offsets of broker {leader}"));
            }
        }
    }

    /// Kubelets, where brokers do not tell how full their volumes are.
    fn volumes(&mut self) {
        if self.app.now - self.app.started_at > VOLUMES {
            return;
        }
        let ids = self.reading.pods_by_id();
        for broker in &self.reading.installation.brokers {
            let id = ids.iter().find(|(_, b)| b.pod == broker.pod).map(|(id, _)| *id);
            if id.is_some_and(|id| self.reading.freshness(Asked::LogDirs, Some(id)).state == SourceState::Live) {
                continue;
            }
            let pod = self.app.world.kube.pods.get(&broker.pod);
            if let Some(node) = pod.and_then(|p| p.node.clone()) {
                let source = Source::Volumes { node };
                if !self.app.world.sources.is_settled(&source) {
                    self.missing.push(source.to_string());
                }
            }
        }
    }

    /// One source has answered or failed.
    fn one(&mut self, what: Asked, broker: Option<BrokerId>) {
        let source = Source::Kafka { installation: self.reading.installation.id.clone(), what, broker };
        if !self.app.world.sources.is_settled(&source) {
            self.missing.push(source.to_string());
        }
    }
}

/// True unless the broker has shown that it does not answer.
fn answers(kafka: &KafkaWorld, id: BrokerId) -> bool {
    kafka.contacts.get(&id).is_none_or(|told| told.contact == Contact::Answered)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        cmd::sample::{NAMESPACE, Sample, crashing, pod, pods},
        domain::{ids::InstallationId, kubernetes::Object},
        facts::KafkaBody,
    };

    const ALL: [Need; 9] = [
        Need::Installations,
        Need::Brokers,
        Need::Storage,
        Need::Topics,
        Need::Groups,
        Need::Alerts,
        Need::Connect,
        Need::Users,
        Need::Everything,
    ];

    fn waits_for(sample: &Sample, need: Need) -> Vec<String> {
        match is_complete(&sample.app, need) {
            Progress::Waiting(what) => what,
            other => panic!("{need:?}: {other:?}"),
        }
    }

    #[track_caller]
    fn is_complete_for(sample: &Sample, needs: &[Need]) {
        for need in needs {
            assert_eq!(is_complete(&sample.app, *need), Progress::Complete, "{need:?}");
        }
    }

    #[track_caller]
    fn impossible(sample: &Sample) -> Failure {
        match is_complete(&sample.app, Need::Everything) {
            Progress::Impossible(failure) => failure,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn it_waits_for_the_api_server_then_for_what_recognition_needs() {
        let mut sample = Sample::wanting(None);
        assert_eq!(waits_for(&sample, Need::Installations), ["the API server", "pods", "statefulsets", "services"]);
        sample.connect();
        assert_eq!(waits_for(&sample, Need::Installations), ["pods", "statefulsets", "services"]);
        is_complete_for(&Sample::kubernetes(), &[Need::Installations, Need::Alerts]);
    }

    #[test]
    fn it_waits_for_metadata_and_then_for_each_broker() {
        let mut sample = Sample::kubernetes();
        assert_eq!(waits_for(&sample, Need::Topics), ["Metadata"]);
        sample.metadata("orders");
        let waits = waits_for(&sample, Need::Topics);
        assert!(waits.contains(&"broker 0".to_owned()) && waits.contains(&"topic configs".to_owned()), "{waits:?}");
        assert!(waits.contains(&"LogDirs of broker 2".to_owned()), "{waits:?}");
        is_complete_for(&Sample::healthy(), &ALL);
    }

    #[test]
    fn a_broker_that_does_not_answer_is_not_waited_for_once_a_heartbeat_confirms_it() {
        let mut sample = Sample::kubernetes();
        sample.metadata("orders");
        for id in 0..2 {
            sample.contact(id, Contact::Answered);
            sample.broker_answers(id, "orders", "orders-app");
        }
        sample.configs("orders");
        sample.quorum();
        sample.moves();
        let asked_at = sample.now + chrono::TimeDelta::seconds(1);
        // No heartbeat comes back meanwhile.
        sample.now += chrono::TimeDelta::seconds(3);
        sample.contact(2, Contact::Silent { asked_at });
        assert_eq!(waits_for(&sample, Need::Everything), ["broker 2"]);
        sample.pass(1);
        sample.beat();
        is_complete_for(&sample, &[Need::Brokers, Need::Topics, Need::Groups, Need::Everything]);
    }

    #[test]
    fn a_source_that_failed_is_not_waited_for() {
        let mut sample = Sample::kubernetes_without(Kind::Nodes);
        sample.watch_failed(Kind::Nodes, Why::Forbidden);
        sample.asked_failed(Asked::Metadata, None, Why::Unreachable);
        is_complete_for(&sample, &[Need::Brokers, Need::Topics, Need::Groups, Need::Everything]);
    }

    #[test]
    fn an_installation_of_which_no_pod_runs_is_told_from_kubernetes_alone() {
        let mut stopped = pods();
        for pod in &mut stopped {
            pod.phase = "Pending".into();
            pod.ready = Some(false);
        }
        is_complete_for(&Sample::kubernetes_with(None, &stopped), &[Need::Brokers, Need::Everything]);
        let mut sample = Sample::kubernetes_with(None, &[crashing(0)]);
        sample.asked_failed(Asked::Metadata, None, Why::Unreachable);
        is_complete_for(&sample, &[Need::Everything]);
    }

    #[test]
    fn users_wait_for_all_three_answers_and_for_those_who_declare_them() {
        let mut sample = Sample::kubernetes_without(Kind::Users);
        assert_eq!(waits_for(&sample, Need::Users), ["kafkausers", "SCRAM users", "ACLs", "quotas"]);
        sample.listed(Kind::Users, Vec::new());
        sample.users_but("app", Some(Asked::Acls));
        assert_eq!(waits_for(&sample, Need::Users), ["ACLs"]);
        sample.asked_failed(Asked::Acls, None, Why::Forbidden);
        is_complete_for(&sample, &[Need::Users]);
    }

    #[test]
    fn ends_that_were_told_before_the_commits_are_waited_for() {
        let mut sample = Sample::healthy();
        let ends = Vec::new();
        sample.app.world.kafka.values_mut().for_each(|k| k.ends.clear());
        sample.kafka(Asked::EndOffsets, Some(BrokerId(0)), KafkaBody::EndOffsets(ends.clone()));
        is_complete_for(&sample, &[Need::Groups]);
        sample.kafka(Asked::Offsets, Some(BrokerId(0)), KafkaBody::Commits(Vec::new()));
        assert_eq!(waits_for(&sample, Need::Groups), ["end offsets of broker 0"]);
        sample.kafka(Asked::EndOffsets, Some(BrokerId(0)), KafkaBody::EndOffsets(ends));
        is_complete_for(&sample, &[Need::Groups]);
    }

    #[test]
    fn members_are_waited_for_until_the_pass_that_describes_them_is_over() {
        let mut sample = Sample::healthy();
        let kafka = sample.app.world.kafka.values_mut().next().unwrap();
        kafka.groups.values_mut().for_each(|(_, group)| group.members = None);
        assert_eq!(waits_for(&sample, Need::Groups), ["members of the groups of broker 0"]);
        let listed: Vec<_> =
            sample.app.world.kafka.values().flat_map(|k| k.groups.values().map(|(_, g)| g.clone())).collect();
        sample.kafka(Asked::Groups, Some(BrokerId(0)), KafkaBody::Groups(listed));
        is_complete_for(&sample, &[Need::Groups]);
    }

    #[test]
    fn storage_waits_for_the_kubelet_where_a_broker_tells_nothing_but_not_for_ever() {
        let mut sample = Sample::kubernetes();
        sample.asked_failed(Asked::Metadata, None, Why::Unreachable);
        let waits = waits_for(&sample, Need::Storage);
        assert_eq!(waits, ["kubelet of node-0", "kubelet of node-1", "kubelet of node-2"]);
        sample.pass(9);
        is_complete_for(&sample, &[Need::Storage]);
    }

    #[test]
    fn a_link_that_refuses_is_told_at_once_and_one_that_is_slow_is_waited_for() {
        for why in [Why::Auth, Why::Tls, Why::Unreachable] {
            let mut sample = Sample::wanting(None);
            sample.failed(Source::Link, why);
            let failure = impossible(&sample);
            assert_eq!(failure.kind, FailureKind::Unobservable);
            assert_eq!(failure.hints, ["Ask for it."]);
        }
        let mut sample = Sample::wanting(None);
        sample.failed(Source::Link, Why::Timeout);
        let waits = waits_for(&sample, Need::Everything);
        let failure = timed_out(&sample.app, &waits, Duration::from_secs(10));
        assert_eq!(failure.kind, FailureKind::Unobservable);
        assert_eq!(failure.what, "The API server did not answer within 10 s.");
    }

    #[test]
    fn a_link_that_was_there_and_went_is_waited_for() {
        let mut sample = Sample::connected();
        sample.failed(Source::Link, Why::Unreachable);
        assert_eq!(waits_for(&sample, Need::Everything)[0], "pods");
    }

    #[test]
    fn pods_that_may_not_be_listed_leave_nothing_to_observe() {
        let mut sample = Sample::connected();
        sample.watch_failed(Kind::Pods, Why::Forbidden);
        let failure = impossible(&sample);
        assert_eq!(failure.kind, FailureKind::Unobservable);
        assert!(failure.to_string().contains("kafdeck doctor"), "{failure}");
        let mut sample = Sample::connected();
        sample.watch_failed(Kind::Pods, Why::Timeout);
        assert!(waits_for(&sample, Need::Everything).iter().any(|w| w.starts_with("pods")));
    }

    #[test]
    fn doctor_waits_for_everything_even_where_nothing_can_be_answered() {
        let mut sample = Sample::connected();
        for kind in Kind::ALL {
            assert!(!has_settled(&sample.app), "{kind:?}");
            sample.watch_failed(kind, Why::Forbidden);
        }
        assert!(has_settled(&sample.app));
        let mut sample = Sample::wanting(None);
        sample.failed(Source::Link, Why::Auth);
        assert!(has_settled(&sample.app));
        assert!(!has_settled(&Sample::kubernetes().app), "brokers have not been asked");
        assert!(has_settled(&Sample::healthy().app));
    }

    #[test]
    fn a_list_that_hangs_while_the_server_lives_is_an_incomplete_answer() {
        let sample = Sample::kubernetes_without(Kind::Pods);
        let waits = waits_for(&sample, Need::Everything);
        let failure = timed_out(&sample.app, &waits, Duration::from_millis(1500));
        assert_eq!(failure.kind, FailureKind::Timeout);
        assert_eq!(failure.what, "The answer was not complete within 1.5 s.");
        assert_eq!(failure.why.as_deref(), Some("still waiting for pods"));
    }

    #[test]
    fn no_kafka_is_wrong_unless_something_that_would_show_it_is_hidden() {
        let sample = Sample::kubernetes_with(None, &[]);
        // The StatefulSet alone, without a template, is no evidence.
        let failure = impossible(&sample);
        assert_eq!((failure.kind, failure.what.as_str()), (FailureKind::Wrong, "No Kafka was found in this cluster."));
        let mut sample = Sample::kubernetes_with(Some(Kind::StatefulSets), &[]);
        sample.watch_failed(Kind::StatefulSets, Why::Forbidden);
        assert_eq!(impossible(&sample).kind, FailureKind::Unobservable);
    }

    #[test]
    fn several_installations_and_nobody_to_ask_are_listed() {
        let mut all = pods();
        all.push(pod("other", "ledger", 0));
        let failure = impossible(&Sample::kubernetes_with(None, &all));
        assert_eq!(failure.kind, FailureKind::Usage);
        assert_eq!(failure.hints, ["Give one with --installation: other/ledger, the-project/kafka"]);
    }

    #[test]
    fn an_installation_that_was_asked_for_is_taken_or_missed_by_name() {
        for (name, found) in [("kafka", true), ("kafak", false)] {
            let mut sample = Sample::wanting(Some(InstallationId::new(NAMESPACE, name)));
            sample.connect();
            sample.listed(Kind::Pods, pods().into_iter().map(|p| Object::Pod(Box::new(p))).collect());
            sample.listed(Kind::StatefulSets, Vec::new());
            sample.listed(Kind::Services, Vec::new());
            if found {
                is_complete_for(&sample, &[Need::Installations]);
                continue;
            }
            let failure = impossible(&sample);
            assert_eq!(failure.kind, FailureKind::Usage);
            assert_eq!(failure.hints, ["There is: the-project/kafka"]);
        }
    }
}
