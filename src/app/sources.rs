//! The sources of what is shown, those that are alike as one.
//!
//! Data, not lines: `view::sources` draws it and `copied` makes text of it.

use super::App;
use crate::domain::freshness::{Freshness, Source};

/// Sources that are not live first; those that each broker is asked by itself as one where they are alike.
pub fn merged(app: &App) -> Vec<(String, Freshness)> {
    let all = app.reading().map_or_else(|| app.world.sources.all(app.now), |r| r.sources());
    let mut alike: Vec<Alike> = Vec::new();
    for (source, mut fresh) in all {
        let prefix = format!("{source}: ");
        fresh.why = fresh.why.map(|w| w.strip_prefix(&prefix).map(str::to_owned).unwrap_or(w));
        let (name, of) = match &source {
            Source::Kafka { what, broker: Some(broker), .. } => (format!("{what} of broker"), Some(broker.to_string())),
            Source::Connect { what, worker: Some(worker), .. } => (format!("Connect {what}"), Some(worker.clone())),
            Source::Metrics { broker, .. } => ("metrics of broker".to_owned(), Some(broker.to_string())),
            Source::Rights { namespace } => ("permissions in".to_owned(), Some(namespace.clone())),
            Source::Volumes { node } => ("kubelet of node".to_owned(), Some(node.clone())),
            other => (other.to_string(), None),
        };
        let same =
            alike.iter_mut().find(|a| a.name == name && a.fresh.state == fresh.state && a.fresh.why == fresh.why);
        match same {
            Some(known) => {
                known.of.extend(of);
                known.fresh = known.fresh.clone().worst(fresh);
            }
            None => alike.push(Alike { name, of: of.into_iter().collect(), fresh }),
        }
    }
    alike.sort_by_key(|a| std::cmp::Reverse(a.fresh.state));
    alike.into_iter().map(Alike::named).collect()
}

/// Sources of one name in one state.
struct Alike {
    name: String,
    of: Vec<String>,
    fresh: Freshness,
}

impl Alike {
    fn named(self) -> (String, Freshness) {
        let name = match self.of.len() {
            0 => self.name,
            1 => format!("{} {}", self.name, self.of.join("")),
            2..=8 => format!("{}s {}", self.name, self.of.join(", ")),
            n => format!("{}s, {n} of them", self.name),
        };
        (name, self.fresh)
    }
}
