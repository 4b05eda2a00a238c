//! kafdeck: a terminal console for Apache Kafka on Kubernetes. This page is the map of the house.
//!
//! # What holds it up
//! 1. The cluster is the truth: the screen never claims more than was observed, nor hides when.
//! 2. One owner: `App` is a value on one task; no shared state, no locks around rows.
//! 3. Pure middle: facts → world → findings → frames contain no async, no clock, no socket.
//! 4. What you preview is what runs.
//! 5. Same door for everyone: console, command line and tests drive the same App.
//! 6. A stand-in for a cluster stays outside: nothing above `kube::Client` and the byte stream knows of one.
//! 7. One table each for commands, columns, findings and styles; bars, help and documents are made from it.
//! 8. Quiet on the wire: watch, batch, draw only what changed.
//!
//! # The rooms, from the outside in
//! - `main` parses the arguments, installs the hooks and maps a failure to the exit code.
//! - `cli` is the shape of the command line; `cmd` holds its fronts: `session` (the App and what it listens
//!   to), `console` (keys and frames, stopping and going on), `terminal` (taken and given back), `clipboard`
//!   (what it is asked to keep), and the one-shot documents.
//! - `io` is the only place that talks and spawns: `connect` and `watch` (Kubernetes; `served` knows in which version; of
//!   events those of the chosen namespace),
//!   `heartbeat` (is the API server there), `dial` (a byte stream to a pod through a port-forward, then TLS, then SASL,
//!   each a layer that knows nothing of the others), `secrets` (values from Secrets) and `given` (values that the user
//!   gives), neither ever shown, `kafka` (the observer over such streams), `workers` (Kafka Connect's REST interface),
//!   `scrape` (brokers' own metrics),
//!   `logs`, `volumes`, `configs`, `releases` (what Helm keeps), `objects` (one object or its events, when somebody
//!   asks), `messages` (records, by librdkafka over streams that `dial` opens; its `hooks` and `native` alone may say
//!   `unsafe`). What it hears becomes facts, and what is read of logs and topics messages to the App.
//! - `wire` is Kafka's codec as we use it: frames, version choice, logins, and the guard against hostile lengths.
//! - `facts` is everything the outside can tell us; `record` writes them to a file.
//! - `world` takes facts in and gives readings out: rows, counts, freshness; its `timeline` keeps what they changed.
//! - `discover` recognises installations by evidence and knows which pod is behind which address.
//! - `diagnose` concludes: findings and the verdict.
//! - `plan` says what an action would change, step by step, before anything happens, and drives the run of it: data
//!   and pure functions. `io::act` carries single ops out and writes the journal.
//! - `config` turns flags, variables and the user's files into what is meant: settings, keymap, theme, and who set
//!   each value. A row that cannot be used is a problem with its line; the rest holds.
//! - `app` owns the world and the screen's state; `update(Msg, now) -> Vec<Effect>` is all it does.
//! - `view` draws an `&App`; it decides nothing.
//! - `domain` is the vocabulary; `clock` the only now(); `task` the only spawn; `errors` the one failure a
//!   user sees.
//! - `sandbox` is a cluster in memory: an API server, its nodes and its Kafka brokers. It knows nothing of us;
//!   `io::connect` alone knows of it. `drill` is what an incident played there is about.
//!
//! # From a watch event to a frame
//! `io::watch` → `Fact` → bounded channel → `Session::step` (up to 256 at once) → `App::update` →
//! `World::apply` says what is dirty → rediscover, re-read, arrange → `take_redraw` → at most one frame per
//! 33 ms, while the terminal takes bytes → `view::render`. From typed bytes:
//! `cmd::console::keyboard` → `decoder` → `app::keys` → `guard` → the layers that count, in `config::keymap` → a
//! row of `app::commands` → `App::run` → an `Effect` → `cmd::session`; what a frame showed goes back as `Msg::Drawn`.
//!
//! # From a key to a change in the cluster
//! A row of `plan::catalog` → `app::acting` (form, permission, what has to be asked) → `build` makes a `Plan` → an
//! `Errand` has `io::act` try it without doing it → the dialog → a yes → `plan::run` says what is next, its gates see what
//! the screen shows → `io::act` writes it into the journal, does it, and reports. `cmd::act` goes the same way.
//!
//! # Who may import whom
//! Held by `tests/architecture.rs`, which reads every `use` against its table: domain and wire import none of
//! ours; facts and config: domain; world: domain, facts; discover and diagnose: domain, world; plan: domain,
//! world, discover; app: those and no tokio, kube or ratatui; view: app, config, domain, plan, world; io: domain, facts,
//! plan, wire, clock, errors, task; sandbox: wire, clock, task; cmd and main: all.
//!
//! # Where do I add…
//! - a pane: a file in `view`, a row in `app::lists::ListId` and its columns in `app::columns`
//! - what is done with log lines: `io::logs` brings them, `app::logs` keeps them, `view::logs` draws them
//! - a finding: a function in `diagnose/<area>.rs` and a row in its registry
//! - a name under which an exporter tells a figure: a row in `domain::metrics`
//! - a fact: a variant in `facts`, an arm in `world`, and who sends it in `io`
//! - a line of the timeline: a comparison in `world::timeline::brokers` or `objects`
//! - an action: a file in `plan/actions`, a row in `plan::catalog`, its letter in `keymaps/*.toml`; what must hold for it is
//!   a `plan::Gate`
//! - a flavour: a file beside `discover::plain`, which `discover::installations` calls, and a row in
//!   `domain::installation::Flavour`
//! - a command: a row in `app::commands`; a key: `keymaps/*.toml` alone; a look: `themes/*.toml` alone
//! - something the sandbox answers: a file in `sandbox::api` or `sandbox::broker`, and a call in
//!   `tests/conformance*.rs`; an incident: a file in `sandbox/drills` and a row in `drill`
//!
//! Rooms to come, and where: rule evaluation in `rules`.

pub mod app;
pub mod cli;
pub mod clock;
pub mod cmd;
pub mod config;
pub mod diagnose;
pub mod discover;
pub mod domain;
pub mod drill;
pub mod errors;
pub mod facts;
pub mod io;
pub mod plan;
pub mod sandbox;
pub mod task;
pub mod view;
pub mod wire;
pub mod world;
