//! The fronts: the console and the one-shot commands, all over the same App.
//!
//! This is the only place where the App meets `io`, and the only one that may import everything.

pub mod completeness;
pub mod console;
pub mod doctor;
pub mod documents;
pub mod info;
pub mod manual;
pub mod question;
#[cfg(test)]
mod sample;
pub mod session;
pub mod terminal;
pub mod text;
