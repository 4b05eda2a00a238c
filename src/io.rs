//! The only place that talks to the outside and the only place that spawns.
//!
//! It turns what it hears into facts; it knows nothing of the screen or of what we conclude.

pub mod access;
pub mod act;
pub mod apply;
pub mod configs;
pub mod connect;
pub mod dial;
pub mod failure;
pub mod given;
pub mod heartbeat;
pub mod identity;
pub mod job;
pub mod journal;
pub mod kafka;
pub mod lease;
pub mod logs;
pub mod messages;
pub mod objects;
pub mod pod_setup;
pub mod proof;
pub mod releases;
pub mod rights;
pub mod scrape;
pub mod secrets;
mod served;
pub mod translate;
pub mod volumes;
pub mod watch;
pub mod workers;

use tokio::sync::mpsc;

use crate::facts::Fact;

/// Where facts go: bounded, so that a slow reader slows the sources down instead of growing memory.
pub type FactSender = mpsc::Sender<Fact>;
