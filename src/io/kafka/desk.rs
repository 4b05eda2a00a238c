//! Where facts about one installation's brokers leave: named, stamped, and without needless repetition.
//!
//! An answer always goes out. A failure and a broker's contact go out when they change, and again
//! after a while so that a reader knows that they still hold.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::{DateTime, Utc};
use tokio::time::Instant;

use super::failure::CallError;
use crate::{
    clock::Clock,
    domain::{
        broker::{Contact, Features},
        certificate::Certificate,
        freshness::{Asked, Source, SourceFailure},
        ids::{BrokerId, InstallationId},
    },
    facts::{Body, Fact, KafkaBody},
    io::FactSender,
};

/// After this a failure or a contact is told again; contacts are promised every 10 s.
const REPEAT: Duration = Duration::from_secs(8);

/// The sender of facts about one installation's brokers.
#[derive(Debug)]
pub struct Desk {
    installation: InstallationId,
    clock: Clock,
    facts: FactSender,
    told: Mutex<Told>,
}

/// What was told last, and when.
#[derive(Debug, Default)]
struct Told {
    failures: BTreeMap<(Asked, Option<BrokerId>), (SourceFailure, Instant)>,
    contacts: BTreeMap<BrokerId, (Contact, Instant)>,
    certificates: BTreeMap<BrokerId, Vec<Certificate>>,
}

impl Desk {
    /// A desk of one installation.
    pub fn new(installation: InstallationId, clock: Clock, facts: FactSender) -> Self {
        Self { installation, clock, facts, told: Mutex::default() }
    }

    /// The time now.
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// A source answered.
    pub async fn answered(&self, what: Asked, broker: Option<BrokerId>, body: KafkaBody) {
        self.told().failures.remove(&(what, broker));
        self.send(what, broker, Body::Kafka(body)).await;
    }

    /// The same of something that is asked now and then beside what the source is about.
    pub async fn beside(&self, what: Asked, broker: Option<BrokerId>, body: KafkaBody) {
        self.send(what, broker, Body::Kafka(body)).await;
    }

    /// A source did not answer.
    pub async fn failed(&self, what: Asked, broker: Option<BrokerId>, error: &CallError) {
        let failure = error.told(what, broker);
        let news = is_news(&mut self.told().failures, (what, broker), &failure);
        if news {
            tracing::debug!(installation = %self.installation, what = failure.what);
            self.send(what, broker, Body::Failed(failure)).await;
        }
    }

    /// How a broker behaves when it is asked anything.
    pub async fn contact(&self, broker: BrokerId, contact: Contact) {
        let news = is_news(&mut self.told().contacts, broker, &contact);
        if news {
            self.send(Asked::Contact, Some(broker), Body::Kafka(KafkaBody::Contact { broker, contact })).await;
        }
    }

    /// What a broker said of itself.
    pub async fn features(&self, broker: BrokerId, features: Features) {
        self.send(Asked::Contact, Some(broker), Body::Kafka(KafkaBody::Features { broker, features })).await;
    }

    /// Certificates on the way to a broker; none are told only where some were before, on whichever link.
    pub async fn certificates(&self, broker: BrokerId, certificates: Vec<Certificate>) {
        let before = self.told().certificates.insert(broker, certificates.clone()).unwrap_or_default();
        if before != certificates {
            self.send(Asked::Contact, Some(broker), Body::Kafka(KafkaBody::Certificates { broker, certificates }))
                .await;
        }
    }

    async fn send(&self, what: Asked, broker: Option<BrokerId>, body: Body) {
        let source = Source::Kafka { installation: self.installation.clone(), what, broker };
        let fact = Fact { source, seen_at: self.clock.now(), body };
        // Nobody listens any more only when everything is about to end.
        let _ = self.facts.send(fact).await;
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// True, and written down, when this was not told yet or long ago.
fn is_news<K: Ord, V: PartialEq + Clone>(told: &mut BTreeMap<K, (V, Instant)>, key: K, value: &V) -> bool {
    let now = Instant::now();
    if told.get(&key).is_some_and(|(last, at)| last == value && now - *at < REPEAT) {
        return false;
    }
    told.insert(key, (value.clone(), now));
    true
}
