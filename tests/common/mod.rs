//! What the suites share: the sealed binary, a scripted API server, a terminal, a live cluster.
//!
//! A suite takes what it needs (`mod common;`), so that no suite uses all of it. Nothing here sleeps:
//! everything waits for a condition with a deadline.
#![allow(dead_code, unused_imports, reason = "each suite uses another part")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a broken harness ends the test")]
#![allow(clippy::disallowed_methods, reason = "the harness is outside: it has the machine's clock and own threads")]

pub mod fake_api;
pub mod kafka;
pub mod live;
pub mod process;
pub mod proxy;
pub mod pty;

pub use fake_api::{Answer, FakeApi};
pub use process::{Kafdeck, Outcome, kafdeck};
pub use pty::Pty;
