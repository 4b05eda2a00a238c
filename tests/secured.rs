//! Listeners that ask for TLS and a login: the production path against the sandbox's brokers behind a door.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's own helpers fail by panicking")]

#[path = "secured/canary.rs"]
mod canary;
#[path = "secured/certificates.rs"]
mod certificates;
mod common;
#[path = "secured/hostile.rs"]
mod hostile;
#[path = "secured/house.rs"]
mod house;
#[path = "secured/layers.rs"]
mod layers;
#[path = "secured/observed.rs"]
mod observed;
#[path = "secured/secrets.rs"]
mod secrets;
