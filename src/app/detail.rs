//! What is known of the selected row: all its columns, and what no column shows.
//!
//! Data, not lines: `view::detail` draws it and `copied` makes text of it.

use chrono::{DateTime, Utc};

use super::{
    App,
    columns::{Cell, Column, Row},
    lists::ListId,
    shown::Shown,
    users,
};
use crate::{domain::units, world::brokers::BrokerRow};

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
        ListId::Users => of_row(selected(app, id, &shown.users), app.now),
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
        ListId::Brokers => selected(app, id, &shown.brokers).map(|b| broker(app, b)).unwrap_or_default(),
        ListId::Storage => {
            let Some(claim) = selected(app, id, &shown.storage) else { return Vec::new() };
            let volume = claim.volume.clone().map(|v| ("volume", v));
            volume.into_iter().chain(claim.pod.clone().map(|p| ("pod", p))).collect()
        }
        ListId::Topics => {
            let Some(topic) = selected(app, id, &shown.topics) else { return Vec::new() };
            let error = topic.error.clone().map(|e| ("error", e));
            error.into_iter().chain(overrides(app, &topic.name).map(|o| ("overrides", o))).collect()
        }
        ListId::Groups => {
            let Some(group) = selected(app, id, &shown.groups) else { return Vec::new() };
            let error = group.error.clone().map(|e| ("error", e));
            error.into_iter().chain([("topics", group.topics.join(", "))]).collect()
        }
        ListId::Alerts => {
            let Some(alert) = selected(app, id, &shown.alerts) else { return Vec::new() };
            let labels: Vec<String> = alert.labels.iter().map(|(k, v)| format!("{k}={v}")).collect();
            let summary = alert.summary.clone().map(|s| ("summary", s));
            let rest = [("labels", labels.join(", ")), ("not evaluated", alert.why.clone())];
            summary.into_iter().chain(rest).collect()
        }
        ListId::Users => selected(app, id, &shown.users).map(|user| users::told(app, shown, user)).unwrap_or_default(),
        ListId::Findings | ListId::Partitions | ListId::GroupPartitions => Vec::new(),
    }
}

fn broker(app: &App, row: &BrokerRow) -> Vec<(&'static str, String)> {
    let mut extras = Vec::new();
    extras.extend(row.reason.clone().map(|r| ("reason", r)));
    let kafka = app.chosen.as_ref().and_then(|id| app.world.kafka.get(id));
    if let Some(advertised) = kafka.zip(row.id).and_then(|(k, id)| k.advertised.get(&id)) {
        extras.push(("advertised", format!("{}:{}", advertised.host, advertised.port)));
        extras.extend(advertised.rack.clone().map(|r| ("rack", r)));
    }
    extras.extend(row.disk_bytes.map(|b| ("disk used", units::bytes(b))));
    let found = app.found.iter().find(|f| Some(&f.installation.id) == app.chosen.as_ref());
    let pod = found.and_then(|f| f.installation.brokers.iter().find(|b| Some(&b.pod.name) == row.pod.as_ref()));
    if let Some(pod) = pod {
        let evidence: Vec<&str> = pod.evidence.iter().filter(|e| e.points > 0).map(|e| e.what.as_str()).collect();
        extras.push(("a broker, for", evidence.join("; ")));
    }
    extras
}

/// Configs that a topic sets itself.
pub fn overrides(app: &App, topic: &str) -> Option<String> {
    let config = app.world.kafka.get(app.chosen.as_ref()?)?.configs.get(topic)?;
    let set: Vec<String> = config
        .entries
        .iter()
        .filter(|e| e.overridden)
        .map(|e| format!("{}={}", e.name, e.value.as_deref().unwrap_or("(secret)")))
        .collect();
    (!set.is_empty()).then(|| set.join("  "))
}
