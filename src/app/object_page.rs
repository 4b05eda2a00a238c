//! Pages that are read when they are asked for: the Kubernetes object behind a row as YAML, and its events.
//!
//! It knows which object stands behind what is selected, asks for it by an effect, and takes the answer if its page
//! is still open. Reading is `io::objects`', drawing `view::object`'s.

use std::fmt::Write;

use chrono::{DateTime, Utc};

use super::{App, Effect, Overlay, columns::Row, detail, lists::ListId, shown::Shown};
use crate::domain::{
    freshness::{Kind, SourceFailure},
    installation::Flavour,
    object::{Aspect, Events, Inquiry, Object},
    units,
};

/// Lines beyond any page's end: where a page is that is read from its end.
const END: usize = 1 << 30;

/// An open page about an object.
#[derive(Debug, Clone)]
pub struct ObjectPage {
    /// The last question.
    pub inquiry: Inquiry,
    /// Whether it is not answered yet.
    pub reading: bool,
    /// What was read last, and when.
    pub read: Option<(Told, DateTime<Utc>)>,
    /// Why the last question brought nothing.
    pub failure: Option<SourceFailure>,
}

/// What an object told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// Itself, as YAML.
    Yaml(String),
    /// What happened to it.
    Events(Events),
}

impl ObjectPage {
    /// What the page is, in a few words.
    pub fn title(&self) -> String {
        match self.inquiry.aspect {
            Aspect::Yaml => self.inquiry.object.to_string(),
            Aspect::Events => format!("Events about {}", self.inquiry.object),
        }
    }

    /// The whole page for pasting, if anything was read.
    pub(super) fn as_text(&self) -> Option<String> {
        match &self.read.as_ref()?.0 {
            Told::Yaml(text) => Some(text.clone()),
            Told::Events(events) => Some(as_table(events)),
        }
    }
}

/// Events as text, with times that stay true wherever it is pasted.
fn as_table(events: &Events) -> String {
    let mut text = String::new();
    for event in &events.newest {
        let at = event.at.map_or_else(|| "?".to_owned(), super::copied::stamp);
        // Writing to a string cannot fail.
        let _ = write!(text, "{at}  {}  {}  ×{}  {}", event.kind, event.reason, event.count, event.message);
        let _ = if event.source.is_empty() { writeln!(text) } else { writeln!(text, " ({})", event.source) };
    }
    text
}

impl App {
    /// The Kubernetes object behind what is selected, or why there is none.
    pub(super) fn object(&self) -> Result<Object, &'static str> {
        let list = self.list().ok_or("there is no list here")?;
        let shown = self.shown.as_ref().ok_or("no installation is shown")?;
        let namespace = &shown.installation.id.namespace;
        match list {
            ListId::Brokers => {
                let broker = detail::selected(self, list, &shown.brokers).ok_or("nothing is selected")?;
                let pod = broker.pod.as_ref().ok_or("this broker has no pod here")?;
                Ok(Object::new(Kind::Pods, namespace, pod))
            }
            ListId::Storage => {
                let claim = detail::selected(self, list, &shown.storage).ok_or("nothing is selected")?;
                Ok(Object::new(Kind::Claims, namespace, &claim.pvc))
            }
            ListId::Alerts => {
                let alert = detail::selected(self, list, &shown.alerts).ok_or("nothing is selected")?;
                Ok(Object::new(Kind::Rules, &alert.namespace, &alert.object))
            }
            ListId::Connect => {
                let targets = self.selected_pods();
                let pod = targets.first().map(|target| &target.pod).ok_or("no worker of it is known")?;
                Ok(Object::new(Kind::Pods, &pod.namespace, &pod.name))
            }

            ListId::Users => {
                let user = detail::selected(self, list, &shown.users).ok_or("nothing is selected")?;
                let resource = user.resource.as_ref().ok_or("no KafkaUser declares this user")?;
                Ok(Object::new(Kind::Users, &resource.namespace, &resource.name))
            }
            ListId::Timeline => self.object_of_change(shown),
            ListId::Findings => Ok(self.object_of_finding(shown).unwrap_or_else(|| owner(shown))),
            ListId::Topics | ListId::Partitions => Err("a topic is no Kubernetes object here"),
            ListId::Groups | ListId::GroupPartitions => Err("a group is no Kubernetes object"),
            ListId::Configs => Err("a config is no Kubernetes object"),
        }
    }

    /// The pod of the broker that the selected finding is about.
    fn object_of_finding(&self, shown: &Shown) -> Option<Object> {
        let about = &detail::selected(self, ListId::Findings, &shown.findings)?.object;
        let pod = match about.kind.as_str() {
            "pod" => Some(&about.name),
            "broker" => shown.brokers.iter().find(|b| b.id() == about.name)?.pod.as_ref(),
            _ => None,
        }?;
        Some(Object::new(Kind::Pods, &about.namespace, pod))
    }

    /// Opens a page about the object behind what is selected, and asks for it.
    pub(super) fn inquire(&mut self, aspect: Aspect) -> Vec<Effect> {
        match self.object() {
            Ok(object) => {
                let inquiry = self.next_inquiry(object, aspect);
                let page = ObjectPage { inquiry: inquiry.clone(), reading: true, read: None, failure: None };
                self.read_page(Overlay::Object(Box::new(page)));
                vec![Effect::Read(inquiry)]
            }
            Err(refusal) => {
                self.notice = Some(refusal.to_owned());
                Vec::new()
            }
        }
    }

    /// Asks the open page's question again; none when no such page is open.
    pub(super) fn inquire_again(&mut self) -> Option<Effect> {
        let Some(Overlay::Object(page)) = &self.overlay else { return None };
        let before = page.inquiry.clone();
        let inquiry = self.next_inquiry(before.object, before.aspect);
        if let Some(Overlay::Object(page)) = &mut self.overlay {
            page.inquiry = inquiry.clone();
            page.reading = true;
        }
        Some(Effect::Read(inquiry))
    }

    fn next_inquiry(&mut self, object: Object, aspect: Aspect) -> Inquiry {
        Inquiry { id: self.next_number(), object, aspect }
    }

    /// The number of the next question.
    pub(super) fn next_number(&mut self) -> u64 {
        self.inquiries += 1;
        self.inquiries
    }

    /// Takes an answer, unless its page is closed or has asked again. What was read before outlives a failure.
    pub(super) fn answered(&mut self, id: u64, answer: Result<Told, SourceFailure>) {
        let Some(Overlay::Object(page)) = &mut self.overlay else { return };
        if page.inquiry.id != id {
            return;
        }
        page.reading = false;
        self.redraw = true;
        match answer {
            Ok(told) => {
                if page.read.is_none() && matches!(told, Told::Events(_)) {
                    // The newest are last.
                    self.page_at = END;
                }
                page.read = Some((told, self.now));
                page.failure = None;
            }
            Err(failure) => page.failure = Some(failure),
        }
    }
}

/// Whoever made the brokers' pods.
fn owner(shown: &Shown) -> Object {
    let kinds = [Kind::StatefulSets, Kind::Deployments, Kind::Kafkas];
    let mut owners = shown.installation.owners.iter();
    let known = owners.find_map(|owner| {
        let group = owner.api_version.split_once('/').map_or("", |(group, _)| group);
        let kind = kinds.into_iter().find(|kind| kind.singular() == owner.kind && kind.group() == group)?;
        Some((kind, &owner.key))
    });
    if let Some((kind, key)) = known {
        return Object::new(kind, &key.namespace, &key.name);
    }
    // Nothing declares it that can be seen: it goes by the name of what would.
    let id = &shown.installation.id;
    let kind = match shown.installation.flavour {
        Flavour::Deployment => Kind::Deployments,
        Flavour::Strimzi => Kind::Kafkas,
        _ => Kind::StatefulSets,
    };
    Object::new(kind, &id.namespace, &id.name)
}

/// Why no page can be opened about what is selected.
pub(super) fn needs_object(app: &App) -> Option<&'static str> {
    app.object().err()
}

/// When the page was read and from whom, as `read 4s ago from the API server`; nothing before the first answer.
pub fn as_of(page: &ObjectPage, now: DateTime<Utc>) -> Option<String> {
    match &page.read {
        Some((_, at)) if page.reading => Some(format!("read {} ago, reading again…", units::age(now, *at))),
        Some((_, at)) => Some(format!("read {} ago from the API server", units::age(now, *at))),
        None => (!page.reading).then(|| "not read".to_owned()),
    }
}
