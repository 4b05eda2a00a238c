//! Apps in which something has changed: a broker was restarted, and what was told of it.

use chrono::{DateTime, Utc};
use kafdeck::{
    app::{App, Msg},
    domain::{
        freshness::{Asked, FailureKind, Kind, Source},
        ids::{BrokerId, ObjectKey},
        kubernetes::{Meta, Object, Terminated},
        timeline::Happening,
    },
    facts::{Body, Fact, KafkaBody, Metadata},
};

use super::cluster::{self, Cluster, NAME, NAMESPACE, failed, heartbeat, kafka, noon, seconds};

/// An event about a pod.
fn event(uid: &str, pod: &str, reason: &str, message: &str, count: u32, at: DateTime<Utc>) -> Object {
    Object::Event(Happening {
        meta: Meta { uid: uid.into(), ..Meta::default() },
        kind: "Pod".into(),
        about: ObjectKey::new(NAMESPACE, pod),
        at: Some(at),
        warns: count > 1,
        reason: reason.into(),
        count,
        message: message.into(),
        by: "kubelet".into(),
    })
}

fn told(app: &mut App, at: DateTime<Utc>, facts: Vec<Fact>) {
    app.update(Msg::Facts(facts.into_iter().chain([heartbeat(at)]).collect()), at);
}

/// Metadata with these brokers; who is away leads nothing and is in no ISR.
fn metadata(cluster: &Cluster, away: Option<i32>) -> KafkaBody {
    let all = cluster.metadata();
    let brokers = all.brokers.into_iter().filter(|b| Some(b.id.0) != away).collect();
    let mut topics = all.topics;
    for partition in topics.iter_mut().flat_map(|topic| &mut topic.partitions) {
        partition.isr.retain(|id| Some(id.0) != away);
        if partition.leader.map(|id| id.0) == away {
            partition.leader = partition.isr.first().copied();
        }
    }
    KafkaBody::Metadata(Metadata { brokers, topics, ..Metadata::default() })
}

/// Broker 1 was killed and came back; then a topic was created.
pub fn restarted() -> App {
    let mut cluster = Cluster::healthy();
    let mut app = cluster.app();
    let at = |s| noon() + seconds(s);
    let watched = |s, kind, body| Fact::watched(kind, at(s), body);
    let mut pod = cluster::pod(1);
    pod.meta.uid.clone_from(&cluster.pods[1].meta.uid);
    (pod.ready, pod.ready_changed_at) = (Some(false), Some(at(3)));
    pod.containers[0].last = Some(Terminated {
        reason: "OOMKilled".into(),
        exit_code: 137,
        finished_at: Some(at(2)),
        ..Terminated::default()
    });
    pod.containers[0].restarts = 1;
    let down = Body::Applied(Box::new(Object::Pod(Box::new(pod.clone()))));
    let one = format!("{NAME}-1");
    let events = vec![
        event("a", &one, "Unhealthy", "Readiness probe failed: connection refused", 12, at(9)),
        event("b", &one, "Started", "Started container kafka", 1, at(4)),
    ];
    told(
        &mut app,
        at(4),
        vec![
            watched(4, Kind::Pods, down),
            watched(4, Kind::Events, Body::Listed(events)),
            kafka(Asked::Metadata, None, at(4), metadata(&cluster, Some(1))),
        ],
    );
    (pod.ready, pod.ready_changed_at) = (Some(true), Some(at(20)));
    told(
        &mut app,
        at(22),
        vec![
            watched(22, Kind::Pods, Body::Applied(Box::new(Object::Pod(Box::new(pod))))),
            kafka(Asked::Metadata, None, at(22), metadata(&cluster, None)),
        ],
    );
    cluster.topics.push(cluster::topic("invoices", 3, false));
    told(&mut app, at(40), vec![kafka(Asked::Metadata, None, at(40), metadata(&cluster, None))]);
    app
}

/// Events may not be listed.
pub fn without_events() -> App {
    let mut app = Cluster::healthy().app();
    let what = "Cannot list events in namespace messaging: events is forbidden: User \"eve\" cannot list resource \
                \"events\" in API group \"\" in the namespace \"messaging\".";
    let hint = Some("Ask for verb list on events in namespace messaging.");
    told(&mut app, noon(), vec![failed(Source::Watch(Kind::Events), noon(), FailureKind::Forbidden, what, hint)]);
    app
}

/// Names and words from outside are what they are.
pub fn hostile() -> App {
    let mut cluster = Cluster::hostile();
    let mut app = cluster.app();
    let words = "\u{1b}[2J\u{202e}backwards\r\n".repeat(1 << 12);
    let one = format!("{NAME}-1");
    let mut events: Vec<Object> =
        (0..2_000).map(|n| event(&n.to_string(), &one, "\u{1b}c", &words, 2, DateTime::<Utc>::MAX_UTC)).collect();
    events.push(event("old", &one, "Old", "\u{9b}31m", 1, DateTime::<Utc>::MIN_UTC));
    cluster.topics.truncate(2);
    cluster.topics[1].partitions[0].leader = Some(BrokerId(-7));
    let at = noon() + seconds(2);
    told(
        &mut app,
        at,
        vec![
            Fact::watched(Kind::Events, at, Body::Listed(events)),
            kafka(Asked::Metadata, None, at, metadata(&cluster, Some(0))),
        ],
    );
    app
}
