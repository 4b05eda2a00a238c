//! What the picker of installations shows of each beside its name.
//!
//! Only one installation is observed at a time, so of the others there is what Kubernetes tells of their pods,
//! and what was concluded when they were looked at.

use super::{App, Effect};
use crate::domain::{ids::InstallationId, installation::Installation, units, verdict::Verdict};

impl App {
    /// How many broker pods of an installation are Ready, and how many there should be.
    pub fn ready_pods(&self, of: &Installation) -> (usize, usize) {
        let pods = of.brokers.iter().filter_map(|broker| self.world.kube.pods.get(&broker.pod));
        let ready = pods.filter(|pod| pod.ready == Some(true) && pod.meta.deleting_since.is_none()).count();
        let wanted = of.wanted.map_or(0, |wanted| usize::try_from(wanted).unwrap_or(usize::MAX));
        (ready, wanted.max(of.brokers.len()))
    }

    /// The verdict over an installation that was looked at before, and how long ago that was.
    pub fn judged_before(&self, id: &InstallationId) -> Option<(Verdict, String)> {
        let (verdict, at) = self.judged.get(id).filter(|_| self.chosen.as_ref() != Some(id))?;
        Some((*verdict, units::age(self.now, *at)))
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
            self.judged.insert(shown.installation.id.clone(), (shown.judgement.verdict, self.now));
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};

    use super::*;
    use crate::{
        app::{Msg, Overlay},
        domain::{
            freshness::{FailureKind, Kind, Source, SourceFailure},
            kubernetes::{ConfigMap, Container, ContainerPort, Meta, Object, Owner, Pod},
        },
        facts::{Body, Connection, Fact},
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
        assert!(app.judged_before(&InstallationId::new("ns", "b")).is_some());
        assert!(app.judged_before(&InstallationId::new("ns", "a")).is_none(), "what is shown has its verdict above");
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
}
