//! Records of a topic: which are kept, which pass the filter, and how they are looked at.
//!
//! `body` says how bytes look, `filter` which records pass, `view` holds the state of the screen. It reads nothing:
//! `io::messages` does, and what it tells comes as a message.

pub mod body;
pub mod filter;
