//! What is said of users beside their columns: what could not be seen, and all of one of them in words.
//!
//! Data, not lines: `view` draws it and `copied` makes text of it.

use chrono::{DateTime, Utc};

use super::{App, columns::Tone, shown::Shown};
use crate::{
    domain::{
        acl::Permission,
        freshness::{Asked, FailureKind, Freshness, Kind, Source, SourceState},
        installation::{Condition, Flavour},
        units, user,
    },
    world::users::{Told, UserRow},
};

/// What an empty list says.
pub const NOBODY: &str = "No user is known: none has a SCRAM credential, ACLs or quotas, and none is declared.";

/// What is said where nothing of what the list rests on could be seen; why is said above it.
pub const UNSEEN: &str = "What users there are cannot be seen.";

/// What is said where nothing asks what somebody may.
pub const NO_AUTHORIZER: &str = "no authorizer: everybody may do everything";

/// How far the list as a whole can be trusted: the worst of what it rests on.
pub fn freshness(shown: &Shown) -> Freshness {
    let [(_, scram), (_, acls), (_, quotas)] = shown.freshness.users.clone();
    scram.worst(acls).worst(quotas)
}

/// True where something of what it rests on was seen.
pub fn is_seen_in_part(shown: &Shown) -> bool {
    !shown.users.is_empty() || shown.freshness.users.iter().any(|(_, fresh)| fresh.as_of.is_some())
}

/// Figures of the title: how many users, and how many of them have an issue.
pub fn figures(shown: &Shown) -> Vec<String> {
    if !is_seen_in_part(shown) {
        return vec!["?".to_owned()];
    }
    let n = shown.users.len();
    let issues = shown.users.iter().filter(|user| user.issue.is_some()).count();
    let mut figures = vec![format!("{n} user{}", if n == 1 { "" } else { "s" })];
    figures.extend((issues > 0).then(|| format!("{issues} with an issue")));
    figures.extend((shown.authorizer == Some(false)).then(|| "no authorizer".to_owned()));
    figures
}

/// Lines above the list: what could not be seen and for want of what, and what holds for all.
pub fn notes(app: &App, shown: &Shown) -> Vec<(String, Tone)> {
    let mut notes = Vec::new();
    if !app.link_is_live() {
        return notes;
    }
    let mut denied = Vec::new();
    for (what, fresh) in &shown.freshness.users {
        let Some(why) = fresh.why.as_ref().filter(|_| fresh.state != SourceState::Live) else { continue };
        match failure(app, shown, *what) {
            Some(FailureKind::Forbidden) => denied.push(format!("{what}: needs {}", needed(*what))),
            Some(_) => notes.push((format!("? {why}"), Tone::Warn)),
            // Not asked yet, which the title says.
            None => {}
        }
    }
    if !denied.is_empty() {
        notes.insert(0, (format!("? not permitted to see {}", denied.join("; ")), Tone::Warn));
    }
    let declared = app.reading().map(|r| r.watch(Kind::Users));
    if let Some(why) = declared.filter(|f| f.state != SourceState::Live && is_strimzi(shown)).and_then(|f| f.why) {
        notes.push((format!("? KafkaUsers: {why}"), Tone::Warn));
    }
    if shown.authorizer == Some(false) {
        notes.push((format!("▲ {NO_AUTHORIZER}"), Tone::Warn));
    }
    let others = shown.quotas_of_no_user.iter().map(|q| format!("{}: {}", q.of, user::in_short(&q.limits)));
    let others: Vec<String> = others.collect();
    if !others.is_empty() {
        notes.push((format!("quotas of no user: {}", others.join("; ")), Tone::Muted));
    }
    notes
}

fn is_strimzi(shown: &Shown) -> bool {
    shown.installation.flavour == Flavour::Strimzi
}

/// The class of the failure of what brokers are asked.
fn failure(app: &App, shown: &Shown, what: Asked) -> Option<FailureKind> {
    let source = Source::Kafka { installation: shown.installation.id.clone(), what, broker: None };
    app.world.sources.failure_kind(&source)
}

/// The ACL that is needed to see it.
fn needed(what: Asked) -> &'static str {
    match what {
        Asked::Quotas => "DescribeConfigs on Cluster",
        _ => "Describe on Cluster",
    }
}

/// A user in words, one line each, with where it comes from.
pub fn told(app: &App, shown: &Shown, user: &UserRow) -> Vec<(&'static str, String)> {
    let mut lines = vec![("principal", user.principal.clone())];
    lines.extend(allowed(user));
    lines.extend(limits(user));
    if user.without_credential {
        let declared = user.declared.as_deref().unwrap_or_default();
        lines.push(("credential", format!("none on the brokers, although {declared} is declared")));
    }
    let credentials = user.scram.iter().flatten();
    lines.extend(credentials.map(|c| ("credential", format!("{}, {} iterations", c.mechanism, c.iterations))));
    if let Some(resource) = &user.resource {
        lines.push(("declared by", format!("KafkaUser {}/{}{}", resource.namespace, resource.name, generations(user))));
        lines.extend(user.conditions.iter().map(|c| ("condition", condition(c, app.now))));
    }
    lines.extend(shown.freshness.users.iter().map(|(what, fresh)| ("source", source(*what, fresh, app.now))));
    lines
}

/// What it may and may not do.
fn allowed(user: &UserRow) -> Vec<(&'static str, String)> {
    if user.super_user {
        return vec![("may", "do everything: it is a super user, whom ACLs do not bind".to_owned())];
    }
    if user.authorizer == Some(false) {
        return vec![("may", "do everything: there is no authorizer".to_owned())];
    }
    let Some(rules) = &user.acls else { return vec![("may", "? (ACLs could not be seen)".to_owned())] };
    let mut lines: Vec<(&'static str, String)> = Vec::with_capacity(rules.len());
    for rule in rules {
        let label = if rule.permission == Permission::Deny { "may NOT" } else { "may" };
        lines.push((label, rule.sentence()));
    }
    if rules.is_empty() {
        lines.push(("may", "nothing by an ACL of its own".to_owned()));
    }
    if user.acls_from == Some(Told::Resource) {
        lines.push(("", "as its KafkaUser declares; what the brokers hold could not be seen".to_owned()));
    }
    lines
}

/// Its limits, which each broker keeps for itself.
fn limits(user: &UserRow) -> Vec<(&'static str, String)> {
    let mut lines = Vec::new();
    if let Some(limits) = user.quotas.as_ref().filter(|limits| !limits.is_empty()) {
        let from = if user.quotas_from == Some(Told::Resource) { " (declared)" } else { "" };
        lines.push(("quota", format!("{}, on each broker{from}", user::in_short(limits))));
    }
    let of_clients = user.client_quotas.iter();
    lines
        .extend(of_clients.map(|q| ("quota", format!("with {}: {}, on each broker", q.of, user::in_short(&q.limits)))));
    lines
}

/// How far its operator is behind its declaration.
fn generations(user: &UserRow) -> String {
    match (user.generation, user.observed_generation) {
        (Some(wanted), Some(seen)) => format!(", generation {wanted}, operator saw {seen}"),
        (Some(wanted), None) => format!(", generation {wanted}, operator saw none"),
        _ => String::new(),
    }
}

fn condition(of: &Condition, now: DateTime<Utc>) -> String {
    let since = of.since.as_ref().and_then(|since| since.parse().ok());
    let age = since.map(|since| format!(" for {}", units::age(now, since))).unwrap_or_default();
    let why = [&of.reason, &of.message].into_iter().flatten().cloned().collect::<Vec<_>>().join(": ");
    let why = if why.is_empty() { why } else { format!(": {why}") };
    format!("{} {}{age}{why}", of.kind, of.status)
}

fn source(what: Asked, fresh: &Freshness, now: DateTime<Utc>) -> String {
    match fresh.as_of {
        Some(at) => format!("{what}: the brokers, {} ago", units::age(now, at)),
        None => format!("{what}: {}", fresh.why.as_deref().unwrap_or("not answered")),
    }
}
