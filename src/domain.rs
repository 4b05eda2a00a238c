//! The vocabulary: what a Kafka on Kubernetes consists of, as plain values.
//!
//! It is not how anything is obtained (that is `io`), kept (`world`) or shown (`view`): nothing here
//! does I/O, reads a clock, or imports another module of ours. Everybody else calls it.

pub mod access;
pub mod acl;
pub mod alert;
pub mod broker;
pub mod certificate;
pub mod config;
pub mod connect;
pub mod finding;
pub mod freshness;
pub mod group;
pub mod helm;
pub mod hidden;
pub mod html;
pub mod ids;
pub mod installation;
pub mod key;
pub mod kubernetes;
pub mod lag;
pub mod log;
pub mod metrics;
pub mod object;
pub mod placement;
pub mod proof;
pub mod quantity;
pub mod quorum;
pub mod record;
pub mod rights;
pub mod series;
pub mod storage;
pub mod strimzi;
pub mod text;
pub mod timeline;
pub mod topic;
pub mod units;
pub mod user;
pub mod verdict;
