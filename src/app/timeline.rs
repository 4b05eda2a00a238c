//! The timeline as far as the App has a part in it: what it did itself, and going to what a line is about.
//!
//! `world::timeline` keeps the lines. What the journal holds of earlier runs, and of other consoles on this machine, is
//! told once, when the session has connected; runs of this console are told as they begin and end.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::{App, Overlay, Place, Tab, columns::Row, detail, lists::ListId, shown::Shown};
use crate::{
    domain::{
        freshness::Kind,
        object::Object,
        timeline::{Entry, EntryKind},
    },
    plan::{
        Plan,
        journal::{self, Event},
        param::Params,
        run::End,
    },
};

/// Parameters that name what an action is done to, and the kind of that.
const SUBJECTS: [(&str, &str); 6] = [
    ("broker", "broker"),
    ("group", "group"),
    ("user", "user"),
    ("claim", "pvc"),
    ("connector", "connector"),
    ("topic", "topic"),
];

/// Kinds of Kubernetes objects that a line may be about.
const KINDS: [Kind; 9] = [
    Kind::Pods,
    Kind::Claims,
    Kind::StatefulSets,
    Kind::Deployments,
    Kind::Kafkas,
    Kind::NodePools,
    Kind::PodSets,
    Kind::Users,
    Kind::Topics,
];

/// A line about an action: what it is done to is the line's object, else the installation.
fn line(at: DateTime<Utc>, id: String, params: &Params, text: String) -> Entry {
    let named = SUBJECTS.iter().find_map(|(param, kind)| Some((*kind, params.get(param)?)));
    let (kind, name) = named.unwrap_or(("installation", ""));
    Entry::new(at, EntryKind::Action, kind, name, text).id(id)
}

/// How a run ended, in words.
fn result(word: &str, why: Option<&str>) -> String {
    why.map_or_else(|| word.to_owned(), |why| format!("{word}: {why}"))
}

impl App {
    /// Learns what the journal holds of runs in this context, the oldest first.
    pub fn took_journal(&mut self, entries: &[journal::Entry]) {
        let mut plans: BTreeMap<&str, (Params, String)> = BTreeMap::new();
        for entry in entries {
            if let Event::Begin { plan } = &entry.event {
                let params = serde_json::from_value(plan["params"].clone()).unwrap_or_default();
                let title = plan["title"].as_str().unwrap_or(&entry.action).to_owned();
                plans.insert(&entry.run, (params, title));
            }
            let unknown = (Params::default(), entry.action.clone());
            let (params, title) = plans.get(entry.run.as_str()).unwrap_or(&unknown);
            let (verb, text) = match &entry.event {
                Event::Begin { .. } => ("begin", format!("{} began: {title}", entry.who)),
                Event::Resume => ("resume", format!("{} went on with: {title}", entry.who)),
                Event::End { result } => ("end", format!("{}: {title}: {result}", entry.who)),
                Event::Do { .. } | Event::Done { .. } | Event::Failed { .. } => continue,
            };
            let bad = matches!(&entry.event, Event::End { result } if !result.starts_with("done"));
            let id = format!("run/{}/{verb}/{}", entry.run, entry.at.timestamp());
            let told = line(entry.at, id, params, text).from("journal").warning(bad);
            self.world.tell(&entry.installation, vec![told]);
        }
        self.dirty.shown = true;
    }

    /// Tells that a run begins, or goes on.
    pub(super) fn tell_begun(&mut self, run: &str, plan: &Plan, resumes: bool) {
        let verb = if resumes { "went on with" } else { "began" };
        let id = format!("run/{run}/{}", self.now.timestamp());
        let text = format!("this console {verb}: {}", plan.title);
        let told = line(self.now, id, &plan.params, text).from("this console");
        self.world.tell(&plan.installation, vec![told]);
        self.dirty.shown = true;
    }

    /// Tells how a run ended.
    pub(super) fn tell_ended(&mut self, run: &str, plan: &Plan, end: &End) {
        let id = format!("run/{run}/end/{}", self.now.timestamp());
        let text = format!("{}: {}", plan.title, result(end.word(), end.why()));
        let told = line(self.now, id, &plan.params, text).from("this console").warning(!matches!(end, End::Done));
        self.world.tell(&plan.installation, vec![told]);
        self.dirty.shown = true;
    }

    /// The line that is selected.
    pub(super) fn selected_change<'a>(&self, shown: &'a Shown) -> Option<&'a Entry> {
        detail::selected(self, ListId::Timeline, &shown.timeline)
    }

    /// Goes to what the selected line is about, where that is there; else opens the line.
    pub(super) fn open_change(&mut self) {
        let place = self.shown.as_ref().and_then(|shown| Some((shown, &self.selected_change(shown)?.object)));
        let Some((shown, object)) = place else { return };
        let name = object.name.clone();
        let broker = || shown.brokers.iter().find(|row| is_broker(&row.id(), row.pod.as_deref(), &object.kind, &name));
        let target = match object.kind.as_str() {
            "broker" | "pod" => broker().map(|row| (Tab::Brokers, ListId::Brokers, row.id())),
            "pvc" => {
                let claim = shown.storage.iter().find(|claim| claim.pvc == name);
                claim.map(|claim| (Tab::Storage, ListId::Storage, claim.id()))
            }
            "topic" if shown.topics.iter().any(|topic| topic.name == name) => return self.show(Place::Topic(name)),
            "group" if shown.groups.iter().any(|group| group.id == name) => return self.show(Place::Group(name)),
            _ => None,
        };
        match target {
            Some((tab, list, id)) => {
                let state = self.lists.entry(list).or_default();
                (state.selected, state.held) = (Some(id), true);
                self.go_to(tab);
            }
            None => self.read_page(Overlay::Detail),
        }
    }

    /// The Kubernetes object that the selected line is about, or why there is none.
    pub(super) fn object_of_change(&self, shown: &Shown) -> Result<Object, &'static str> {
        let about = &self.selected_change(shown).ok_or("nothing is selected")?.object;
        if about.kind == "broker" {
            let row = shown.brokers.iter().find(|row| is_broker(&row.id(), None, "broker", &about.name));
            let pod = row.and_then(|row| row.pod.as_ref()).ok_or("this broker has no pod here")?;
            return Ok(Object::new(Kind::Pods, &about.namespace, pod));
        }
        let is_it = |kind: &Kind| {
            kind.singular().eq_ignore_ascii_case(&about.kind) || (*kind == Kind::Claims && about.kind == "pvc")
        };
        let kind = KINDS.into_iter().find(is_it).ok_or("what this is about is no Kubernetes object")?;
        Ok(Object::new(kind, &about.namespace, &about.name))
    }

    /// The broker's pod that the selected line is about.
    pub(super) fn pod_of_change(&self, shown: &Shown) -> Option<String> {
        let about = &self.selected_change(shown)?.object;
        let found = |row: &&crate::world::brokers::BrokerRow| {
            is_broker(&row.id(), row.pod.as_deref(), &about.kind, &about.name)
        };
        shown.brokers.iter().find(found)?.pod.clone()
    }
}

/// Whether a row of brokers is what a line names: a broker by its id, a pod by its name.
fn is_broker(id: &str, pod: Option<&str>, kind: &str, name: &str) -> bool {
    match kind {
        "broker" => id == name,
        "pod" => pod == Some(name),
        _ => false,
    }
}
