//! Plans: what an action would change, step by step, before anything happens.
//!
//! Pure: a plan is data, made from what is known; `io` carries single ops out, `app` drives the run.

pub mod journal;
pub mod kafka;
pub mod op;
