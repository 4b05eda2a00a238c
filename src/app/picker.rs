//! What the picker of installations shows of each beside its name: its verdict, and how many of its pods are ready.
//!
//! While it is open, the brokers of those around its cursor are asked what their verdicts rest on (`observing`); of the
//! others there is what was concluded when they were looked at. A verdict is given anew when its brokers have said
//! something, when objects have changed, and once a second, for silence tells something, too. Those of large ones are
//! given one after the other, so that no step takes long.

use chrono::{DateTime, TimeDelta, Utc};

use super::{App, Effect, Found, Overlay};
use crate::{
    diagnose::{self, Judgement},
    domain::{
        freshness::{Asked, Source, SourceState},
        ids::InstallationId,
        installation::Installation,
        units,
        verdict::Verdict,
    },
    facts::Fact,
    world::{KafkaWorld, Reading},
};

/// How old a verdict may become while the picker is open.
const AGAIN_AFTER: TimeDelta = TimeDelta::seconds(1);

/// Topics over which verdicts are given in one step; the next one goes on.
const TOPICS_AT_ONCE: usize = 1_000;

/// What was concluded of an installation.
#[derive(Debug, Clone)]
pub(super) struct Judged {
    judgement: Judgement,
    at: DateTime<Utc>,
    /// It is observed since then without a break.
    pub(super) is_of_now: bool,
}

/// How an installation stands, as far as is known without choosing it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// As it is now.
    Now(Judgement),
    /// It is looked at, and nobody has answered yet.
    Looking,
    /// As it was when it was last looked at, and how long ago that was.
    Before(Verdict, String),
    /// It was never looked at.
    Unknown,
}

impl App {
    /// The row of the picker that its cursor is on, while it is open.
    pub(super) fn picked(&self) -> Option<usize> {
        match self.overlay {
            Some(Overlay::Installations(at)) => Some(at),
            _ => None,
        }
    }

    /// How an installation stands.
    pub fn standing(&self, id: &InstallationId) -> Standing {
        if let Some(shown) = self.shown.as_ref().filter(|shown| shown.installation.id == *id) {
            return Standing::Now(shown.judgement.clone());
        }
        match self.judged.get(id) {
            Some(judged) if judged.is_of_now => Standing::Now(judged.judgement.clone()),
            Some(judged) => Standing::Before(judged.judgement.verdict, units::age(self.now, judged.at)),
            None if self.picked().is_some() => Standing::Looking,
            None => Standing::Unknown,
        }
    }

    /// True for a verdict that says more than that somebody's first answer is still to come.
    fn tells(&self, id: &InstallationId, verdict: Verdict) -> bool {
        if verdict != Verdict::Blind || !self.link_is_live() {
            return true;
        }
        let asked = Source::Kafka { installation: id.clone(), what: Asked::Metadata, broker: None };
        let is_live = self.world.sources.freshness(&asked, self.now).state == SourceState::Live;
        let all_told = |kafka: &KafkaWorld| kafka.advertised.keys().all(|id| kafka.contacts.contains_key(id));
        let waits_for_brokers = is_live && !self.world.kafka.get(id).is_none_or(all_told);
        self.world.sources.is_settled(&asked) && !waits_for_brokers
    }

    /// Notes of whom a fact tells.
    pub(super) fn hear(&mut self, fact: &Fact) {
        if let Some(installation) = fact.installation()
            && !self.told.contains(installation)
        {
            self.told.insert(installation.clone());
        }
    }

    /// Gives the verdicts over the installations in the picker that are observed and not chosen, the oldest first.
    pub(super) fn judge_others(&mut self) {
        if self.picked().is_none() {
            self.told.clear();
            return;
        }
        let is_due = |id: &InstallationId| {
            let is_old = |judged: &Judged| self.now - judged.at >= AGAIN_AFTER;
            self.dirty.objects || self.told.contains(id) || self.judged.get(id).is_none_or(is_old)
        };
        let is_watched = |id: &InstallationId| self.observed.contains_key(id) || self.stayed_out.contains_key(id);
        let mut due: Vec<&Found> = self
            .found
            .iter()
            .filter(|Found { installation: Installation { id, .. }, .. }| {
                self.chosen.as_ref() != Some(id) && is_watched(id) && is_due(id)
            })
            .collect();
        due.sort_by_key(|found| self.judged.get(&found.installation.id).map(|judged| judged.at));
        let mut topics = 0;
        let judged: Vec<(InstallationId, Judgement)> = due
            .into_iter()
            .take_while(|found| {
                let before = topics;
                topics += self.world.kafka.get(&found.installation.id).map_or(0, |kafka| kafka.topics.len());
                before < TOPICS_AT_ONCE
            })
            .map(|found| (found.installation.id.clone(), self.judgement(found)))
            .collect();
        for (id, judgement) in judged {
            self.told.remove(&id);
            if self.tells(&id, judgement.verdict) {
                self.judged.insert(id, Judged { judgement, at: self.now, is_of_now: true });
            } else if self.judged.get(&id).is_some_and(|judged| judged.is_of_now) {
                self.judged.remove(&id);
            }
        }
    }

    /// The verdict over an installation.
    fn judgement(&self, found: &Found) -> Judgement {
        let reading = Reading {
            world: &self.world,
            installation: &found.installation,
            book: &found.book,
            now: self.now,
            counted: None,
        };
        let summary = reading.summary(&reading.brokers(), &reading.storage(), &[]);
        diagnose::judge(&reading, &summary, &diagnose::findings(&reading, &[]))
    }

    /// How many broker pods of an installation are Ready, and how many there should be.
    pub fn ready_pods(&self, of: &Installation) -> (usize, usize) {
        let pods = of.brokers.iter().filter_map(|broker| self.world.kube.pods.get(&broker.pod));
        let ready = pods.filter(|pod| pod.ready == Some(true) && pod.meta.deleting_since.is_none()).count();
        let wanted = of.wanted.map_or(0, |wanted| usize::try_from(wanted).unwrap_or(usize::MAX));
        (ready, wanted.max(of.brokers.len()))
    }

    /// The row that the picker begins with: what is chosen, else what was chosen last in this context.
    pub(super) fn picked_first(&self) -> usize {
        let context = self.world.connection.as_ref().map(|connection| &connection.context);
        let last = context.and_then(|context| self.remembered.get(context));
        let is = |id: Option<&InstallationId>| self.found.iter().position(|f| Some(&f.installation.id) == id);
        is(self.chosen.as_ref()).or_else(|| is(last)).unwrap_or(0)
    }

    /// What is to be remembered: a choice between several that is not the one remembered.
    pub(super) fn remember_choice(&mut self) -> Option<Effect> {
        let installation = self.chosen.clone().filter(|_| self.found.len() > 1 && self.wanted.is_none())?;
        let context = self.world.connection.as_ref()?.context.clone();
        if self.remembered.get(&context) == Some(&installation) {
            return None;
        }
        self.remembered.insert(context.clone(), installation.clone());
        Some(Effect::Remember { context, installation })
    }

    /// Keeps the verdict over what is shown.
    pub(super) fn remember_verdict(&mut self) {
        if let Some(shown) = &self.shown {
            let judged = Judged { judgement: shown.judgement.clone(), at: self.now, is_of_now: true };
            self.judged.insert(shown.installation.id.clone(), judged);
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};

    use super::*;
    use crate::{
        app::{Msg, Overlay, keys::Key, sight::Sight},
        domain::{
            freshness::{Depth, FailureKind, Kind, SourceFailure},
            kubernetes::{ConfigMap, Container, ContainerPort, Meta, Object, Owner, Pod},
        },
        facts::{Body, Connection, KafkaBody, Metadata},
    };

    const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

    fn broker(name: &str, ready: bool, config: Option<&str>) -> Object {
        let owner = Owner { kind: "StatefulSet".into(), name: name.into() };
        let meta = Meta { namespace: "ns".into(), name: format!("{name}-0"), owner: Some(owner), ..Meta::default() };
        let kafka = Container {
            name: "kafka".into(),
            image: "apache/kafka:4.1.2".into(),
            command: vec!["kafka-server-start.sh".into(), "/x".into()],
            ports: vec![ContainerPort { name: "kafka".into(), port: 9092 }],
            ..Container::default()
        };
        let config_maps = config.map(str::to_owned).into_iter().collect();
        Object::Pod(Box::new(Pod {
            meta,
            phase: "Running".into(),
            ready: Some(ready),
            containers: vec![Container { env: vec![env("KAFKA_NODE_ID")], ..kafka }],
            config_maps,
            ..Pod::default()
        }))
    }

    fn env(name: &str) -> crate::domain::kubernetes::EnvVar {
        crate::domain::kubernetes::EnvVar { name: name.into(), value: Some("0".into()) }
    }

    fn listed(kind: Kind, objects: Vec<Object>) -> Fact {
        Fact::watched(kind, NOW, Body::Listed(objects))
    }

    /// An App that has seen these pods, in a context of that name.
    fn app(pods: Vec<Object>) -> (App, Vec<Effect>) {
        let mut app = App::new(None, (80, 24), NOW);
        app.remembered.insert("prod".into(), InstallationId::new("ns", "b"));
        let connection = Connection { context: "prod".into(), ..Connection::default() };
        let facts = vec![
            Fact { source: Source::Link, seen_at: NOW, body: Body::Connected(connection) },
            listed(Kind::StatefulSets, Vec::new()),
            listed(Kind::Services, Vec::new()),
            listed(Kind::Pods, pods),
        ];
        let effects = app.update(Msg::Facts(facts), NOW);
        (app, effects)
    }

    #[test]
    fn the_picker_begins_with_what_was_chosen_last_in_the_context() {
        let (mut app, _) = app(vec![broker("a", true, None), broker("b", false, None)]);
        assert!(matches!(app.overlay, Some(Overlay::Installations(1))), "{:?}", app.overlay);
        let counts: Vec<_> = app.found.iter().map(|f| app.ready_pods(&f.installation)).collect();
        assert_eq!(counts, [(1, 1), (0, 1)]);
        app.switch(&InstallationId::new("ns", "b"));
        assert!(!app.update(Msg::Tick, NOW).iter().any(|e| matches!(e, Effect::Remember { .. })), "it is remembered");
        app.switch(&InstallationId::new("ns", "a"));
        let effects = app.update(Msg::Tick, NOW);
        let remember = Effect::Remember { context: "prod".into(), installation: InstallationId::new("ns", "a") };
        assert!(effects.contains(&remember), "{effects:?}");
        let standing = |name: &str| app.standing(&InstallationId::new("ns", name));
        assert_eq!(standing("b"), Standing::Before(Verdict::Degraded, "0s".into()));
        assert!(matches!(standing("a"), Standing::Now(_)), "{:?}", standing("a"));
    }

    #[test]
    fn brokers_are_not_asked_before_their_configuration_has_been_read_or_refused() {
        let answers: [fn() -> Body; 2] = [
            || {
                let meta = Meta { namespace: "ns".into(), name: "config".into(), ..Meta::default() };
                Body::Listed(vec![Object::ConfigMap(ConfigMap { meta, ..ConfigMap::default() })])
            },
            || Body::Failed(SourceFailure { kind: FailureKind::Forbidden, what: "no".into(), hint: None }),
        ];
        for answer in answers {
            let (mut app, effects) = app(vec![broker("a", true, Some("config"))]);
            assert!(effects.iter().any(|e| matches!(e, Effect::ReadConfigs(names) if names.len() == 1)), "{effects:?}");
            assert!(!effects.iter().any(|e| matches!(e, Effect::Observe(..))), "{effects:?}");
            let effects = app.update(Msg::Facts(vec![Fact::watched(Kind::ConfigMaps, NOW, answer())]), NOW);
            assert!(effects.iter().any(|e| matches!(e, Effect::Observe(..))), "{effects:?}");
        }
    }

    /// What is observed from now on and no longer, in order of their names.
    fn observed(effects: &[Effect]) -> (Vec<(String, Depth)>, Vec<String>) {
        let begun = effects.iter().filter_map(|effect| match effect {
            Effect::Observe(id, _, depth) => Some((id.name.clone(), *depth)),
            _ => None,
        });
        let ended = effects.iter().filter_map(|effect| match effect {
            Effect::StopObserving(id) => Some(id.name.clone()),
            _ => None,
        });
        (begun.collect(), ended.collect())
    }

    fn seen(app: &mut App) -> Vec<Effect> {
        app.update(Msg::Drawn(Sight::default()), NOW)
    }

    #[test]
    fn nobody_is_asked_for_the_picker_before_somebody_sees_it() {
        let (mut app, effects) = app(vec![broker("a", true, None), broker("b", true, None)]);
        assert_eq!(observed(&effects), (Vec::new(), Vec::new()));
        let both = ["a", "b"].map(|name| (name.to_owned(), Depth::Verdict)).to_vec();
        assert_eq!(observed(&seen(&mut app)), (both, Vec::new()));
        assert_eq!(observed(&seen(&mut app)), (Vec::new(), Vec::new()));
    }

    #[test]
    fn when_the_picker_closes_all_but_the_chosen_are_left_and_what_they_said_is_forgotten() {
        let (mut app, _) = app(vec![broker("a", true, None), broker("b", true, None)]);
        seen(&mut app);
        let (a, b) = (InstallationId::new("ns", "a"), InstallationId::new("ns", "b"));
        let tell = |app: &mut App| {
            let facts = [&a, &b].map(|of| {
                let source = Source::Kafka { installation: of.clone(), what: Asked::Metadata, broker: None };
                Fact { source, seen_at: NOW, body: Body::Kafka(KafkaBody::Metadata(Metadata::default())) }
            });
            app.update(Msg::Facts(facts.to_vec()), NOW)
        };
        tell(&mut app);
        assert!(app.world.kafka.contains_key(&a) && app.world.kafka.contains_key(&b));
        let effects = app.update(Msg::Key(Key::Enter), NOW);
        // The picker began with b.
        assert_eq!(observed(&effects), (vec![("b".to_owned(), Depth::Whole)], vec!["a".to_owned()]));
        assert!(!app.world.kafka.contains_key(&a) && app.world.kafka.contains_key(&b));
        // What was under way is told late, and of no interest any more.
        tell(&mut app);
        assert!(!app.world.kafka.contains_key(&a));
        assert!(!app.world.sources.is_settled(&Source::Kafka { installation: a, what: Asked::Metadata, broker: None }));
    }

    #[test]
    fn among_many_those_around_the_cursor_are_observed_and_the_chosen_one_always() {
        let names: Vec<String> = (10..30).map(|n| format!("k{n}")).collect();
        let (mut app, _) = app(names.iter().map(|name| broker(name, true, None)).collect());
        let (begun, _) = observed(&seen(&mut app));
        assert_eq!(begun.len(), 8);
        assert_eq!((begun[0].0.as_str(), begun[7].0.as_str()), ("k10", "k17"));
        app.update(Msg::Key(Key::Enter), NOW);
        app.update(Msg::Key(Key::Char('x')), NOW);
        for _ in &names {
            app.update(Msg::Key(Key::Down), NOW);
        }
        let now: Vec<_> = app.observed.iter().map(|(id, (_, depth))| (id.name.as_str(), *depth)).collect();
        let last = names[13..].iter().map(|name| (name.as_str(), Depth::Verdict));
        assert_eq!(now, std::iter::once(("k10", Depth::Whole)).chain(last).collect::<Vec<_>>());
    }

    #[test]
    fn a_verdict_is_given_once_somebody_answered_or_is_known_to_be_wrong_without_that() {
        let (mut app, _) = app(vec![broker("a", true, None), broker("b", false, None)]);
        seen(&mut app);
        let standing = |app: &App, name: &str| app.standing(&InstallationId::new("ns", name));
        let connecting = Judgement { verdict: Verdict::Blind, why: Some("connecting".into()) };
        assert_eq!(standing(&app, "a"), Standing::Now(connecting));
        let heartbeat = Fact { source: Source::Link, seen_at: NOW, body: Body::Heartbeat { sent_at: NOW } };
        app.update(Msg::Facts(vec![heartbeat]), NOW);
        app.update(Msg::Tick, NOW + AGAIN_AFTER);
        assert_eq!(standing(&app, "a"), Standing::Looking);
        assert!(matches!(standing(&app, "b"), Standing::Now(j) if j.verdict == Verdict::Degraded));
        let source =
            Source::Kafka { installation: InstallationId::new("ns", "a"), what: Asked::Metadata, broker: None };
        let failure = SourceFailure { kind: FailureKind::Auth, what: "refused".into(), hint: None };
        app.update(Msg::Facts(vec![Fact { source, seen_at: NOW, body: Body::Failed(failure) }]), NOW);
        let blind = Judgement { verdict: Verdict::Blind, why: Some("refused".into()) };
        assert_eq!(standing(&app, "a"), Standing::Now(blind));
    }
}
