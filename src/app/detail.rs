//! What is known of the selected row: all its columns, and what no column shows.
//!
//! Data, not lines: `view::detail` draws it and `copied` makes text of it.

use chrono::{DateTime, Utc};

mod disks;
mod metrics;

use super::{
    App,
    columns::{Cell, Column, Row},
    copied,
    lists::ListId,
    logs::LogTarget,
    shown::Shown,
    users,
};
use crate::{
    domain::{
        certificate::{Certificate, Role},
        config::{Config, ConfigEntry},
        connect::{Plugin, cause, short_class},
        freshness::{Asked, SourceState},
        ids::BrokerId,
        installation::Mode,
        lag::LagTimeSource,
        timeline::Entry,
        units,
    },
    world::{
        KafkaWorld,
        brokers::BrokerRow,
        connect::{Belongs, ConnectRow, ConnectorRow},
        groups::GroupRow,
        quorum::{QuorumRole, QuorumRow},
    },
};

/// Members of a group that are named: more are found among its partitions.
const MEMBERS: usize = 20;

/// All cells of the selected row, with their titles.
pub fn cells(app: &App, shown: &Shown, id: ListId) -> Vec<(&'static str, Cell)> {
    match id {
        ListId::Findings => of_row(selected(app, id, &shown.findings), app.now),
        ListId::Brokers => of_row(selected(app, id, &shown.brokers), app.now),
        ListId::Storage => of_row(selected(app, id, &shown.storage), app.now),
        ListId::Topics => of_row(selected(app, id, &shown.topics), app.now),
        ListId::Partitions => of_row(selected(app, id, &shown.partitions), app.now),
        ListId::Groups => of_row(selected(app, id, &shown.groups), app.now),
        ListId::GroupPartitions => of_row(selected(app, id, &shown.group_partitions), app.now),
        ListId::Alerts => of_row(selected(app, id, &shown.alerts), app.now),
        ListId::Configs => of_row(selected(app, id, &shown.configs), app.now),
        ListId::Connect => of_row(selected(app, id, &shown.connectors), app.now),
        ListId::Users => of_row(selected(app, id, &shown.users), app.now),
        ListId::Timeline => of_row(selected(app, id, &shown.timeline), app.now),
    }
}

fn of_row<R: Row>(row: Option<&R>, now: DateTime<Utc>) -> Vec<(&'static str, Cell)> {
    let cell = |row: &R, c: &Column<R>| (c.title, (c.cell)(row, now));
    row.map(|row| R::COLUMNS.iter().map(|c| cell(row, c)).collect()).unwrap_or_default()
}

/// The selected row of a list: looked up by its place, for there may be a hundred thousand.
pub fn selected<'a, R: Row>(app: &App, id: ListId, rows: &'a [R]) -> Option<&'a R> {
    let list = app.lists.get(&id)?;
    let row = rows.get(*list.order.get(list.position())?)?;
    (list.selected.as_deref() == Some(row.id().as_str())).then_some(row)
}

/// What is known of a row beyond its columns.
pub fn extras(app: &App, shown: &Shown, id: ListId) -> Vec<(&'static str, String)> {
    match id {
        ListId::Brokers => selected(app, id, &shown.brokers).map(|b| broker(app, shown, b)).unwrap_or_default(),
        ListId::Storage => selected(app, id, &shown.storage).map(disks::claim).unwrap_or_default(),
        ListId::Topics => {
            let Some(topic) = selected(app, id, &shown.topics) else { return Vec::new() };
            let error = topic.error.clone().map(|e| ("error", e));
            error.into_iter().chain(overrides(app, &topic.name).map(|o| ("sets itself", o))).collect()
        }
        ListId::Groups => {
            let Some(group) = selected(app, id, &shown.groups) else { return Vec::new() };
            self::group(app, group)
        }
        ListId::Alerts => {
            let Some(alert) = selected(app, id, &shown.alerts) else { return Vec::new() };
            let labels: Vec<String> = alert.labels.iter().map(|(k, v)| format!("{k}={v}")).collect();
            let summary = alert.summary.clone().map(|s| ("summary", s));
            let rest = [("labels", labels.join(", ")), ("not evaluated", alert.why.clone())];
            summary.into_iter().chain(rest).collect()
        }
        ListId::Configs => selected(app, id, &shown.configs).map(config).unwrap_or_default(),
        ListId::Connect => selected(app, id, &shown.connectors).map(|c| connector(shown, c)).unwrap_or_default(),
        ListId::Users => selected(app, id, &shown.users).map(|user| users::told(app, shown, user)).unwrap_or_default(),
        ListId::Timeline => selected(app, id, &shown.timeline).map(change).unwrap_or_default(),
        ListId::Findings | ListId::Partitions | ListId::GroupPartitions => Vec::new(),
    }
}

impl App {
    /// Workers that the selected connector runs on; without one all of the Connects.
    pub(super) fn selected_workers(&self, shown: &Shown) -> Vec<LogTarget> {
        let row = selected(self, ListId::Connect, &shown.connectors);
        let workers = shown.installation.connect.iter().flat_map(|cluster| &cluster.workers);
        let known = workers.filter(|w| {
            let is_shown = shown.connect.iter().flat_map(|c| &c.workers).any(|row| row.pod == w.at.pod.name);
            is_shown && row.is_none_or(|row| row.workers.contains(&w.at.pod.name))
        });
        known.map(|w| LogTarget { pod: w.at.pod.clone(), container: w.container.clone() }).collect()
    }
}

/// A line of the timeline: its moment, and its whole text.
fn change(entry: &Entry) -> Vec<(&'static str, String)> {
    let mut extras = vec![("at", copied::stamp(entry.at)), ("what", entry.text.clone())];
    extras.extend((!entry.object.namespace.is_empty()).then(|| ("namespace", entry.object.namespace.clone())));
    extras
}

/// A connector: what failed first, then where its tasks run, its Connect, and the traces, which are long.
pub fn connector(shown: &Shown, row: &ConnectorRow) -> Vec<(&'static str, String)> {
    let mut extras = Vec::new();
    extras.extend(row.error.clone().map(|error| ("not read", error)));
    extras.extend(row.trace.as_deref().and_then(cause).map(|cause| ("failed", cause.to_owned())));
    let on = |worker: Option<&String>| worker.map(|w| format!(" on {w}")).unwrap_or_default();
    extras.extend(row.state.as_ref().map(|state| ("connector", format!("{state}{}", on(row.worker.as_ref())))));
    for task in &row.tasks {
        let failed = task.trace.as_deref().and_then(cause).map(|cause| format!(": {cause}")).unwrap_or_default();
        extras.push(("task", format!("{} {}{}{failed}", task.id, task.state, on(task.worker.as_ref()))));
    }
    extras.extend((!row.topics.is_empty()).then(|| ("topics", row.topics.join(", "))));
    extras.extend(row.group.clone().map(|group| ("group", group)));
    extras.extend(row.tasks_max.map(|most| ("tasks.max", most.to_string())));
    extras.extend(row.connector.clone().map(|class| ("class", class)));
    if let Some(cluster) = shown.connect.iter().find(|c| c.cluster == row.cluster) {
        extras.extend(connect(cluster));
    }
    extras.extend(row.trace.clone().map(|trace| ("trace", trace)));
    let traces = row.tasks.iter().filter_map(|task| Some((task.id, task.trace.as_ref()?)));
    extras.extend(traces.map(|(id, trace)| ("trace", format!("of task {id}:\n{trace}"))));
    extras
}

/// A Connect: whose it is, its workers, and what it can run.
pub fn connect(cluster: &ConnectRow) -> Vec<(&'static str, String)> {
    let belongs = match cluster.belongs {
        Belongs::Proven => "its workers name this Kafka's cluster id",
        Belongs::Assumed => "this Kafka's by its address or place; not proven",
        Belongs::Unknown => "which Kafka it works for is not known",
        Belongs::Foreign => "it works for another Kafka",
    };
    let group = cluster.group.as_ref().map(|group| format!(", group {group}")).unwrap_or_default();
    let mut extras =
        vec![("Connect", format!("{}/{}{group}: {belongs}", cluster.cluster.namespace, cluster.cluster.name))];
    for worker in &cluster.workers {
        let version = worker.version.as_ref().map(|v| format!(", version {v}")).unwrap_or_default();
        let answers = match (worker.answers, &worker.why) {
            (Some(true), _) => "answers".to_owned(),
            (Some(false), why) => why.clone().unwrap_or_else(|| "does not answer".to_owned()),
            (None, _) => "not asked".to_owned(),
        };
        let ready = if worker.ready == Some(true) { "ready" } else { "not ready" };
        extras.push(("worker", format!("{}: pod {ready}, {answers}{version}", worker.pod)));
    }
    let plugin = |p: &Plugin| {
        let version = p.version.as_ref().map(|v| format!(" {v}")).unwrap_or_default();
        format!("{}{version} ({})", short_class(&p.class), p.kind)
    };
    let plugins: Vec<String> = cluster.plugins.iter().map(plugin).collect();
    extras.extend((!plugins.is_empty()).then(|| ("plugins", plugins.join(", "))));
    extras
}

fn broker(app: &App, shown: &Shown, row: &BrokerRow) -> Vec<(&'static str, String)> {
    let mut extras = Vec::new();
    extras.extend(row.reason.clone().map(|r| ("reason", r)));
    extras.extend(row.restart_why.clone().map(|why| {
        (
            "restart",
            if row.restart_safe.is_some() {
                format!("not safe: {why}")
            } else {
                format!("not known whether it is safe: {why}")
            },
        )
    }));
    extras.extend(quorum(shown, row));
    let kafka = app.chosen.as_ref().and_then(|id| app.world.kafka.get(id));
    if let Some(advertised) = kafka.zip(row.id).and_then(|(k, id)| k.advertised.get(&id)) {
        extras.push(("advertised", format!("{}:{}", advertised.host, advertised.port)));
        extras.extend(advertised.rack.clone().map(|r| ("rack", r)));
    }
    extras.extend(kafka.zip(row.id).map(|(k, id)| certificates(k, id, app.now)).unwrap_or_default());
    extras.extend(row.disk_bytes.map(|b| ("disk used", units::bytes(b))));
    extras.extend(app.reading().map(|reading| disks::broker(&reading, row.id)).unwrap_or_default());
    extras.extend(app.reading().map(|reading| metrics::broker(&reading, row)).unwrap_or_default());
    extras.extend(row.id.map(|id| broker_configs(app, id)).unwrap_or_default());
    let found = app.found.iter().find(|f| Some(&f.installation.id) == app.chosen.as_ref());
    let pod = found.and_then(|f| f.installation.brokers.iter().find(|b| Some(&b.pod.name) == row.pod.as_ref()));
    if let Some(pod) = pod {
        let evidence: Vec<&str> = pod.evidence.iter().filter(|e| e.points > 0).map(|e| e.what.as_str()).collect();
        extras.push(("a broker, for", evidence.join("; ")));
    }
    extras
}

/// A group: why it is not known better, what is known of its time, and who reads.
fn group(app: &App, row: &GroupRow) -> Vec<(&'static str, String)> {
    let mut extras = Vec::new();
    extras.extend(row.error.clone().map(|error| ("error", error)));
    extras.push(("topics", row.topics.join(", ")));
    let source = row.lag_time_source.map(|source| match source {
        LagTimeSource::History => "from when the end of the log passed what it committed, as we saw it",
        LagTimeSource::Record => "from the time in the first record that it has not read",
    });
    extras.extend(source.map(|source| ("lag time", source.to_owned())));
    extras.extend(row.epochs.map(|e| ("epochs", format!("group {}, assignment {}", e.group, e.assignment))));
    let members = app.reading().map(|reading| reading.group_members(&row.id)).unwrap_or_default();
    for (member, pod) in members.iter().take(MEMBERS) {
        let host = member.host.trim_start_matches('/');
        let at = pod.map_or_else(|| host.to_owned(), |pod| format!("pod {pod} ({host})"));
        let held = units::counted(member.assigned.len(), "partition");
        let epoch = member.epoch.map(|epoch| format!(", epoch {epoch}")).unwrap_or_default();
        extras.push(("member", format!("{} at {at}: {held}{epoch}", member.client_id)));
    }
    let more = members.len().saturating_sub(MEMBERS);
    extras.extend((more > 0).then(|| ("", format!("and {more} more"))));
    extras
}

/// What a broker presents, and the authority that signed it.
fn certificates(kafka: &KafkaWorld, id: BrokerId, now: DateTime<Utc>) -> Vec<(&'static str, String)> {
    let of_broker = kafka.certificates.get(&id).into_iter().flatten();
    let line = |met: &Certificate| {
        let words = met.holds_in_words(now);
        let kept = met.kept.as_ref().map(|kept| format!(", {kept}")).unwrap_or_default();
        match met.role {
            Role::Broker => Some(("certificate", format!("{words}, signed by {}", met.issuer))),
            Role::Authority => Some(("authority", format!("{words}, {}{kept}", met.subject))),
            // Ours is the same everywhere: it is said where ways in are.
            Role::Client => None,
        }
    };
    of_broker.filter_map(line).collect()
}

/// What a broker is in the quorum.
fn quorum(shown: &Shown, row: &BrokerRow) -> Option<(&'static str, String)> {
    let node = shown.quorum.as_ref()?.nodes.iter().find(|node| Some(node.id) == row.id)?;
    let text = match (node.role, node.lag) {
        (QuorumRole::Leader, _) => {
            let epoch = shown.quorum.as_ref().map_or(0, |q| q.leader_epoch);
            format!("leader, the active controller, of epoch {epoch}")
        }
        (role, Some(lag)) => {
            let records = if lag == 1 { "record" } else { "records" };
            format!("{}, {} {records} behind, {}", role.word(), units::count(lag), caught_up(node))
        }
        (role, None) => format!("{}, not heard of by the leader", role.word()),
    };
    let fresh = &shown.freshness.quorum;
    let age = fresh.as_of.filter(|_| fresh.state != SourceState::Live);
    let age = age.map(|at| format!(" (as of {})", at.format("%H:%M:%S"))).unwrap_or_default();
    Some(("quorum", text + &age))
}

/// When a node last had everything, in words.
pub fn caught_up(node: &QuorumRow) -> String {
    match (node.caught_up, node.caught_up_s) {
        (Some(true), _) => "caught up".to_owned(),
        (Some(false), Some(seconds)) => format!("caught up {} ago", units::duration(seconds)),
        (Some(false), None) => "never caught up".to_owned(),
        (None, _) => "caught up: ?".to_owned(),
    }
}

/// What is set of a broker's configs and differs from the default, a line each; or why that is not known.
fn broker_configs(app: &App, id: BrokerId) -> Vec<(&'static str, String)> {
    let Some(reading) = app.reading() else { return Vec::new() };
    let fresh = reading.freshness(Asked::BrokerConfigs, Some(id));
    let Some(configs) = reading.kafka().and_then(|k| k.broker_configs.get(&id)) else {
        return vec![("not default", format!("? {}", fresh.why.unwrap_or_default()))];
    };
    let mut lines = Vec::new();
    for config in configs.iter().filter(|config| config.differs()) {
        let otherwise = config.otherwise().map(|o| format!(", else {}", o.shown())).unwrap_or_default();
        let entry = &config.entry;
        let label = if lines.is_empty() { "not default" } else { "" };
        lines.push((label, format!("{}={} ({}{otherwise})", entry.name, entry.shown(), entry.source.words())));
    }
    if lines.is_empty() {
        lines.push(("not default", "no config".to_owned()));
    }
    if fresh.state != SourceState::Live {
        let at = fresh.as_of.map(|at| format!(" as of {}", at.format("%H:%M:%S"))).unwrap_or_default();
        lines.push(("", format!("?{at}: {}", fresh.why.unwrap_or_default())));
    }
    lines
}

/// What a config means, what its values are, and every place that says something about it.
fn config(config: &Config) -> Vec<(&'static str, String)> {
    let mut lines: Vec<(&'static str, String)> = Vec::new();
    let documentation = config.documentation.as_deref().unwrap_or("the broker has no documentation of it");
    lines.extend(documentation.lines().map(|line| ("", line.to_owned())));
    if let Some((label, _)) = lines.first_mut() {
        *label = "meaning";
    }
    lines.extend(config.kind.clone().map(|kind| ("type", kind)));
    lines.push(("changes", if config.read_only { "with a restart" } else { "while brokers run" }.to_owned()));
    let place = |s: &ConfigEntry| format!("{}={} ({})", s.name, s.shown(), s.source.words());
    let first = lines.len();
    lines.extend(config.synonyms.iter().map(|s| ("", place(s))));
    if let Some((label, _)) = lines.get_mut(first) {
        *label = "said by";
    }
    lines
}

/// Configs that a topic sets itself; `None` while they are not known.
pub fn overrides(app: &App, topic: &str) -> Option<String> {
    let config = app.world.kafka.get(app.chosen.as_ref()?)?.configs.get(topic)?;
    let mut set: Vec<String> = config.overrides().map(|e| format!("{}={}", e.name, e.shown())).collect();
    if !config.complete {
        set.push("(not all configs are asked for: there are very many topics)".to_owned());
    }
    Some(if set.is_empty() { "no config".to_owned() } else { set.join("  ") })
}

/// The ZooKeepers of an installation that keeps its metadata there, and what that means for it.
pub fn ensemble(shown: &Shown) -> Option<String> {
    if shown.mode != Some(Mode::ZooKeeper.word()) {
        return None;
    }
    let note = "Kafka 4.0 and later know no ZooKeeper: migrate to KRaft on Kafka 3.x (KIP-866) before an upgrade.";
    let Some(ensemble) = &shown.installation.ensemble else {
        return Some(format!("The metadata is kept by ZooKeepers that cannot be seen from here. {note}"));
    };
    let pods = match ensemble.pods.as_slice() {
        [] => "none of its pods is in sight".to_owned(),
        pods => format!("pods {}", pods.iter().map(|pod| pod.name.as_str()).collect::<Vec<_>>().join(", ")),
    };
    let wanted = ensemble.wanted.map(|n| format!(", {n} wanted")).unwrap_or_default();
    Some(format!("The metadata is kept by the ensemble at {}: {pods}{wanted}. {note}", ensemble.connect))
}
