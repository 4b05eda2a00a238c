//! Observing brokers: asking them what the protocol tells, and turning answers into facts.
//!
//! `connection` is one pipelined stream, `broker` keeps one open to each broker and says how it
//! behaves, `observer` decides what to ask whom and when, `answers` puts answers into our words,
//! `desk` sends facts. Of all this only `admin` changes a cluster; nothing here reads records. `observe` is the door.

pub mod admin;
pub mod answers;
mod aside;
pub mod broker;
pub mod configs;
pub mod connection;
mod coordinator;
pub mod desk;
pub mod failure;
mod lag;
pub mod observer;
pub mod quorum;
pub mod reassignments;
mod records;
mod roster;
mod topics;
mod users;

pub use observer::{Observer, ObserverSetup, observe};
pub use roster::names_of;

#[cfg(test)]
mod scripted;
#[cfg(test)]
mod tests;
