//! Records of a topic: which are kept, which pass the filter, and how they are looked at.
//!
//! `body` says how bytes look, `filter` which records pass, `view` holds what is read, `place` is what keys do. It
//! reads nothing: `io::messages` does, and what it tells comes as a message.

pub mod body;
pub mod filter;
pub mod place;
pub mod view;
