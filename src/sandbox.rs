//! A cluster in memory: an API server, its nodes, and a Kafka on them.
//!
//! It is a server and knows nothing of its clients: what they conclude, draw or plan is none of its business.
//! `io::connect` opens it and speaks to it as to any other API server, over a byte stream. It answers what is
//! asked of it today; any other endpoint is a 501 with its name. It touches no network, no file and no clock but
//! the one it is given.

pub mod api;
pub mod kafka;
pub mod nodes;
pub mod objects;
pub mod store;
