//! What asking an installation's pods over port-forwards takes, whatever they are asked.
//!
//! It asks nothing itself: `scrape` asks brokers' metrics ports with it, and `workers` Kafka Connect.

use std::sync::Arc;

use tokio::sync::Notify;

use super::{FactSender, dial::Transport};
use crate::{clock::Clock, domain::ids::InstallationId};

/// What asking pods takes.
#[derive(Clone)]
pub struct PodSetup {
    /// The installation they are asked for.
    pub installation: InstallationId,
    /// The way to pods.
    pub transport: Arc<dyn Transport>,
    /// Asks everything again, at once.
    pub refresh: Arc<Notify>,
    /// The time.
    pub clock: Clock,
    /// Where facts go.
    pub facts: FactSender,
}
