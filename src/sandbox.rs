//! A cluster in memory: an API server, its nodes, and a Kafka on them.
//!
//! It is a server and knows nothing of its clients: what they conclude, draw or plan is none of its business.
//! `io::connect` opens it and speaks to it as to any other API server, over a byte stream. It answers what is
//! asked of it today; any other endpoint is a 501 with its name. It touches no network, no file and no clock but
//! the one it is given.

pub mod api;
pub mod broker;
pub mod kafka;
pub mod nodes;
pub mod objects;
pub mod store;

mod beside;
mod chatter;
mod connect;
mod controller;
mod crowd;
mod demo;
mod events;
mod exporter;
mod flood;
mod kubelet;
mod logs;
mod machines;
mod script;
mod simulation;
mod traffic;
mod workloads;

use std::{
    io,
    sync::{Arc, Mutex},
};

use tokio::{io::DuplexStream, sync::watch};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{clock::Clock, task};

use self::{
    api::ApiServer,
    beside::Neighbours,
    broker::Brokers,
    connect::Connect,
    logs::Logs,
    machines::Machines,
    nodes::Nodes,
    simulation::{Shared, Simulation},
    store::Store,
};

pub use self::{
    beside::{Beside, Flavour},
    crowd::Crowd,
    script::{Deed, Script, Step},
};

/// What a sandbox is opened with.
#[derive(Debug, Clone, Default)]
pub struct Setup {
    /// What befalls it.
    pub script: Script,
    /// Its time.
    pub clock: Clock,
    /// How large it is.
    pub crowd: Crowd,
}

/// A running sandbox; it ends when it is dropped.
pub struct Sandbox {
    api: Arc<ApiServer>,
    _ends: DropGuard,
}

/// Opens a sandbox. It needs a runtime to live in.
pub fn open(setup: Setup) -> Sandbox {
    let Setup { script, clock, crowd } = setup;
    let cancel = CancellationToken::new();
    let store = Arc::new(Store::new(clock.clone()));
    let kafka = Arc::new(Mutex::new(demo::kafka_of(&crowd)));
    let (teller, changes) = watch::channel(0);
    let logs = Arc::new(Logs::default());
    let connect = Arc::new(Connect::default());
    let neighbours = Arc::new(Neighbours::new(&script.beside, &changes, &clock));
    let shared = Shared {
        store: Arc::clone(&store),
        kafka: Arc::clone(&kafka),
        connect: Arc::clone(&connect),
        neighbours: Arc::clone(&neighbours),
    };
    let simulation = Simulation::new(shared, teller, Arc::clone(&logs), (script, &crowd), clock.now());
    let brokers = Arc::new(Brokers::new(Arc::clone(&kafka), changes, clock.clone()));
    let logs_of_floods = Arc::clone(&logs);
    let (store_of_nodes, cancel_of_nodes) = (Arc::clone(&store), cancel.clone());
    let nodes: Arc<dyn Nodes> = Arc::new(Machines {
        store: store_of_nodes,
        kafka,
        brokers,
        connect,
        neighbours,
        logs,
        cancel: cancel_of_nodes,
    });
    let api = Arc::new(ApiServer::new(store, nodes, clock.clone(), &cancel));
    task::spawn("sandbox flood", &cancel, flood::run(logs_of_floods, clock.clone()));
    task::spawn("sandbox", &cancel, simulation.run(clock));
    Sandbox { api, _ends: cancel.drop_guard() }
}

impl Sandbox {
    /// A new connection to its API server.
    pub fn connect(&self) -> io::Result<DuplexStream> {
        self.api.connect()
    }
}
