//! One installation, read at one moment.

use std::{collections::BTreeSet, sync::Arc};

use chrono::{DateTime, Utc};

use crate::domain::{
    certificate::{Certificate, Role},
    freshness::{Asked, Freshness, Kind, Source, SourceState},
    ids::BrokerId,
    installation::{AddressBook, Flavour, Installation, Mode},
    rights::Asking,
};

use super::{KafkaWorld, World, census::Census};

/// One installation, read at one moment: what panes, documents and findings are made from.
#[derive(Clone, Copy)]
pub struct Reading<'a> {
    /// Everything that is known.
    pub world: &'a World,
    /// The installation.
    pub installation: &'a Installation,
    /// Which pod stands behind which address.
    pub book: &'a AddressBook,
    /// The moment.
    pub now: DateTime<Utc>,
    /// The census that was taken last, if one was.
    pub counted: Option<&'a Arc<Census>>,
}

impl<'a> Reading<'a> {
    /// What its brokers said; `None` before the first of them said anything.
    pub fn kafka(&self) -> Option<&'a KafkaWorld> {
        self.world.kafka.get(&self.installation.id)
    }

    /// Brokers that are known not to answer.
    pub fn silent(&self) -> BTreeSet<BrokerId> {
        let contacts = self.kafka().into_iter().flat_map(|k| &k.contacts);
        contacts
            .filter(|(_, told)| {
                // What is told again is confirmed already, unless the link broke in between.
                let confirmed = |at| self.world.sources.is_confirmed(&told.contact, at, self.now);
                confirmed(told.since) || confirmed(told.seen_at)
            })
            .map(|(id, _)| *id)
            .collect()
    }

    /// Brokers that do not answer although Metadata names them as leaders since: what they lead is out of reach. Before
    /// that their partitions may be led by others already.
    pub fn silent_leaders(&self) -> BTreeSet<BrokerId> {
        let Some(kafka) = self.kafka() else { return BTreeSet::new() };
        let is_newer = |id: &BrokerId| {
            let since = kafka.contacts.get(id).map(|told| told.since);
            kafka.metadata_at.zip(since).is_some_and(|(told, since)| told > since)
        };
        self.silent().into_iter().filter(is_newer).collect()
    }

    /// `KRaft` when a broker said so, else as Kubernetes tells; `None` when neither does.
    pub fn mode(&self) -> Option<&'static str> {
        let says = self.kafka().is_some_and(|kafka| kafka.features.values().any(|f| f.kraft));
        if says { Some(Mode::KRaft.word()) } else { self.installation.mode.map(Mode::word) }
    }

    /// Whether we may do something in the installation's namespace; `None` where nobody has told, or not wholly.
    pub fn may(&self, asking: Asking<'_>) -> Option<bool> {
        self.world.rights.get(&self.installation.id.namespace)?.may(asking)
    }

    /// State of one thing that brokers are asked as a whole.
    pub fn asked(&self, what: Asked) -> Freshness {
        self.freshness(what, None)
    }

    /// State of one thing that each broker is asked: the worst of those brokers that are registered, or,
    /// where no broker has answered, why.
    pub fn asked_each(&self, what: Asked) -> Freshness {
        let brokers: Vec<BrokerId> = self.kafka().map(|k| k.advertised.keys().copied().collect()).unwrap_or_default();
        let each = brokers.into_iter().map(|broker| self.freshness(what, Some(broker)));
        each.reduce(Freshness::worst).unwrap_or_else(|| self.asked(Asked::Metadata))
    }

    /// State of one broker's answer.
    pub fn freshness(&self, what: Asked, broker: Option<BrokerId>) -> Freshness {
        let source = Source::Kafka { installation: self.installation.id.clone(), what, broker };
        self.world.sources.freshness(&source, self.now)
    }

    /// Certificates that were met on the way to brokers, the one that expires first before the others; those that
    /// brokers present with the broker.
    pub fn certificates(&self) -> Vec<(Option<BrokerId>, &'a Certificate)> {
        let mut met: Vec<(Option<BrokerId>, &Certificate)> = Vec::new();
        for (broker, certificates) in self.kafka().into_iter().flat_map(|kafka| &kafka.certificates) {
            for certificate in certificates {
                let broker = (certificate.role == Role::Broker).then_some(*broker);
                if !met.contains(&(broker, certificate)) {
                    met.push((broker, certificate));
                }
            }
        }
        met.sort_by_key(|(broker, certificate)| (certificate.not_after, certificate.role, *broker));
        met
    }

    /// State of a watch.
    pub fn watch(&self, kind: Kind) -> Freshness {
        self.world.sources.freshness(&Source::Watch(kind), self.now)
    }

    /// The sources of this installation, of Kubernetes and of the link, with their states.
    pub fn sources(&self) -> Vec<(Source, Freshness)> {
        let mut all = self.world.sources.all(self.now);
        all.retain(|(source, _)| match source {
            // What is of no use for this installation may be as blind as it likes.
            Source::Watch(kind) if Kind::STRIMZI.contains(kind) => {
                self.installation.flavour == Flavour::Strimzi && !self.world.absent.contains_key(kind)
            }
            // What may be done is told where something is to be done.
            Source::Rights { .. } => false,
            Source::Watch(Kind::ConfigMaps) => !self.installation.configs.is_empty(),
            Source::Watch(Kind::Releases) => self.installation.helm.is_some(),
            Source::Kafka { installation, .. } | Source::Metrics { installation, .. } => {
                *installation == self.installation.id
            }
            // Of workers that are gone, or another Kafka's, nothing is told any more.
            Source::Connect { installation, cluster, worker, .. } => {
                *installation == self.installation.id && self.is_asked(cluster, worker.as_deref())
            }
            _ => true,
        });
        all
    }

    /// The sources without which no verdict is possible and that cannot be seen now.
    pub fn blind_spots(&self) -> Vec<Freshness> {
        [self.watch(Kind::Pods), self.asked(Asked::Metadata)]
            .into_iter()
            .filter(|f| f.state != SourceState::Live)
            .collect()
    }
}
