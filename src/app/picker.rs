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
