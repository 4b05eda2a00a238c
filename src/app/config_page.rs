//! All configs of a broker or a topic, with what they mean: asked for when somebody wants to see them, and as old as
//! that.
//!
//! It knows whose configs the selected row is about, asks for them by an effect, and takes the answer if they are still
//! wanted. Asking is `io::kafka`'s; they are shown as any list is.

use chrono::{DateTime, Utc};

use super::{App, Effect, Place, detail, lists::ListId};
use crate::domain::{
    config::{Config, ConfigInquiry, Owner},
    freshness::{Freshness, SourceFailure, SourceState},
};

/// The configs of one owner, as far as they were read.
#[derive(Debug, Clone)]
pub struct ConfigPage {
    /// The last question.
    inquiry: ConfigInquiry,
    /// Where they were asked for.
    from: Place,
    /// What was read last.
    pub configs: Vec<Config>,
    /// When.
    pub read_at: Option<DateTime<Utc>>,
    /// Why the last question brought nothing.
    failure: Option<SourceFailure>,
}

impl ConfigPage {
    /// How far they can be trusted: they are as old as the reading, and that is said beside them.
    pub fn freshness(&self) -> Freshness {
        let state = match (&self.failure, self.read_at) {
            (None, Some(_)) => SourceState::Live,
            (Some(_), Some(_)) => SourceState::Stale,
            (_, None) => SourceState::Blind,
        };
        let waiting = || (state == SourceState::Blind).then(|| "waiting for the first answer".to_owned());
        Freshness {
            state,
            as_of: self.read_at,
            why: self.failure.as_ref().map(|f| f.what.clone()).or_else(waiting),
            hint: self.failure.as_ref().and_then(|f| f.hint.clone()),
        }
    }
}

impl App {
    /// Whose configs what is selected is about, or why there are none.
    fn config_owner(&self) -> Result<Owner, &'static str> {
        let shown = self.shown.as_ref().ok_or("no installation is shown")?;
        match (self.list(), &self.place) {
            (Some(list @ ListId::Brokers), _) => {
                let broker = detail::selected(self, list, &shown.brokers).ok_or("nothing is selected")?;
                broker.id.map(Owner::Broker).ok_or("the id of this broker is not known yet")
            }
            (Some(list @ ListId::Topics), _) => {
                let topic = detail::selected(self, list, &shown.topics).ok_or("nothing is selected")?;
                Ok(Owner::Topic(topic.name.clone()))
            }
            (_, Place::Topic(topic)) => Ok(Owner::Topic(topic.clone())),
            _ => Err("only brokers and topics have configs"),
        }
    }

    /// Opens the configs that what is selected is about, and asks for them.
    pub(super) fn open_configs(&mut self) -> Vec<Effect> {
        let of = match self.config_owner() {
            Ok(of) => of,
            Err(refusal) => {
                self.notice = Some(refusal.to_owned());
                return Vec::new();
            }
        };
        let Some(installation) = self.chosen.clone() else { return Vec::new() };
        let inquiry = ConfigInquiry { id: self.next_number(), of: of.clone() };
        let from = std::mem::replace(&mut self.place, Place::Configs(of));
        let page = ConfigPage { inquiry: inquiry.clone(), from, configs: Vec::new(), read_at: None, failure: None };
        self.config_page = Some(page);
        self.overlay = None;
        self.lists.remove(&ListId::Configs);
        self.dirty.shown = true;
        vec![Effect::AskConfigs(installation, inquiry)]
    }

    /// Asks for the open configs again; none when there are none open.
    pub(super) fn ask_configs_again(&mut self) -> Option<Effect> {
        if !matches!(self.place, Place::Configs(_)) {
            return None;
        }
        let id = self.next_number();
        let installation = self.chosen.clone()?;
        let page = self.config_page.as_mut()?;
        page.inquiry.id = id;
        Some(Effect::AskConfigs(installation, page.inquiry.clone()))
    }

    /// Goes back to where configs were asked for.
    pub(super) fn leave_configs(&mut self) {
        if let Some(page) = self.config_page.take() {
            self.place = page.from;
        }
        self.dirty.shown = true;
    }

    /// Takes an answer, unless other configs are wanted by now. What was read before outlives a failure.
    pub(super) fn took_configs(&mut self, id: u64, answer: Result<Vec<Config>, SourceFailure>) {
        let Some(page) = self.config_page.as_mut().filter(|page| page.inquiry.id == id) else { return };
        match answer {
            Ok(configs) => {
                (page.configs, page.read_at, page.failure) = (configs, Some(self.now), None);
            }
            Err(failure) => page.failure = Some(failure),
        }
        self.dirty.shown = true;
    }
}

/// Why no configs can be opened here.
pub(super) fn needs_owner(app: &App) -> Option<&'static str> {
    app.config_owner().err()
}
