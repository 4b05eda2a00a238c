//! Columns of users.

use chrono::{DateTime, Utc};

use super::{Cell, Column, Row, SortKey, Tone, Width, fit};
use crate::{
    domain::{acl, user},
    world::users::{Told, UserRow},
};

impl Row for UserRow {
    const COLUMNS: &'static [Column<Self>] = &[
        Column {
            title: "USER",
            width: fit(4, 36),
            right: false,
            optional: 0,
            cell: |u, _| Cell::plain(&u.name),
            key: |u| SortKey::Text(u.name.clone()),
        },
        Column {
            title: "MECHANISM",
            width: fit(9, 28),
            right: false,
            optional: 0,
            cell: mechanism,
            key: |u| SortKey::text(u.mechanism.as_deref()),
        },
        // Before what a user may do: what is left of a line goes to whoever stands first.
        Column {
            title: "ISSUE",
            width: Width::Rest { min: 5 },
            right: false,
            optional: 0,
            cell: issue,
            key: |u| SortKey::text(u.issue.as_deref()),
        },
        Column {
            title: "ACLS",
            width: Width::Rest { min: 14 },
            right: false,
            optional: 0,
            cell: acls,
            key: |u| SortKey::number(u.acls.as_ref().map(Vec::len)),
        },
        Column {
            title: "QUOTAS",
            width: fit(6, 44),
            right: false,
            optional: 4,
            cell: quotas,
            key: |u| SortKey::number(u.quotas.as_ref().map(|q| q.len() + u.client_quotas.len())),
        },
        Column {
            title: "OWNER",
            width: fit(5, 40),
            right: false,
            optional: 1,
            cell: owner,
            key: |u| SortKey::text(u.owner.as_deref()),
        },
    ];

    fn id(&self) -> String {
        self.principal.clone()
    }

    fn urgency(&self) -> i64 {
        -i64::from(self.broken) - i64::from(self.issue.is_some())
    }
}

fn issue(user: &UserRow, _: DateTime<Utc>) -> Cell {
    let tone = if user.broken { Tone::Bad } else { Tone::Warn };
    let issue = user.issue.as_ref().map(|issue| Cell::new(format!("▲ {issue}"), tone));
    issue.unwrap_or_else(|| Cell::new("-", Tone::Muted))
}

fn mechanism(user: &UserRow, _: DateTime<Utc>) -> Cell {
    let declared = user.declared.as_ref().is_some_and(|declared| declared.starts_with("scram"));
    let is_told = user.scram.as_ref().is_some_and(|scram| !scram.is_empty());
    match &user.mechanism {
        _ if user.name == acl::ANY => Cell::new("everybody", Tone::Muted),
        _ if user.is_default() => Cell::new("all others", Tone::Muted),
        _ if user.without_credential => Cell::new("no credential", Tone::Bad),
        Some(mechanism) if declared && !is_told => Cell::new(format!("{mechanism} (declared)"), Tone::Unknown),
        Some(mechanism) => Cell::plain(mechanism),
        None if user.scram.is_none() => Cell::new("?", Tone::Unknown),
        None => Cell::new("-", Tone::Muted),
    }
}

fn acls(user: &UserRow, _: DateTime<Utc>) -> Cell {
    match &user.acls {
        _ if user.is_default() => Cell::new("-", Tone::Muted),
        _ if user.super_user => Cell::plain("everything (super user)"),
        _ if user.authorizer == Some(false) => Cell::new("everything (no authorizer)", Tone::Warn),
        None => Cell::new("?", Tone::Unknown),
        Some(rules) if rules.is_empty() => Cell::new("none", Tone::Muted),
        Some(rules) if user.acls_from == Some(Told::Resource) => {
            Cell::new(format!("{} (declared)", acl::summary(rules)), Tone::Unknown)
        }
        Some(rules) => Cell::plain(acl::summary(rules)),
    }
}

fn quotas(user: &UserRow, _: DateTime<Utc>) -> Cell {
    let with_clients = match user.client_quotas.len() {
        0 => String::new(),
        n => format!("{n} with clients"),
    };
    match &user.quotas {
        None => Cell::new("?", Tone::Unknown),
        Some(limits) if limits.is_empty() && with_clients.is_empty() => Cell::new("-", Tone::Muted),
        Some(limits) => {
            let parts = [user::in_short(limits), with_clients];
            let text = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ");
            let declared = user.quotas_from == Some(Told::Resource);
            Cell::new(text, if declared { Tone::Unknown } else { Tone::Plain })
        }
    }
}

/// A KafkaUser of the user's own name is told without it.
fn owner(user: &UserRow, _: DateTime<Utc>) -> Cell {
    let own = |name: &str| name == user.name || user.name.strip_prefix("CN=") == Some(name);
    match (&user.resource, &user.owner) {
        (Some(resource), _) if own(&resource.name) => Cell::plain("KafkaUser"),
        (_, Some(owner)) => Cell::plain(owner),
        (_, None) if !user.owner_is_known => Cell::new("?", Tone::Unknown),
        (_, None) => Cell::new("none", Tone::Muted),
    }
}
