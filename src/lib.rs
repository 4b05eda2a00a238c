//! kafdeck: a terminal console for Apache Kafka on Kubernetes. This page is the map of the house.

pub mod app;
pub mod clock;
pub mod diagnose;
pub mod discover;
pub mod domain;
pub mod errors;
pub mod facts;
pub mod io;
pub mod view;
pub mod wire;
pub mod world;
