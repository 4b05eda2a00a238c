//! What the picker of installations shows of each beside its name.
//!
//! Only one installation is observed at a time, so of the others there is what Kubernetes tells of their pods,
//! and what was concluded when they were looked at.

use super::App;
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

    /// Keeps the verdict over what is shown.
    pub(super) fn remember_verdict(&mut self) {
        if let Some(shown) = &self.shown {
            self.judged.insert(shown.installation.id.clone(), (shown.judgement.verdict, self.now));
        }
    }
}
