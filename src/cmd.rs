//! The fronts: the console and the one-shot commands, all over the same App.
//!
//! This is the only place where the App meets `io`, and the only one that may import everything.

pub mod console;
pub mod session;
pub mod terminal;
