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
            width: Width::Rest { min: 12 },
            right: false,
            optional: 0,
            cell: |u, _| Cell::plain(if u.name == acl::ANY { "* (everybody)" } else { &u.name }),
            key: |u| SortKey::Text(u.name.clone()),
        },
        Column {
            title: "MECHANISM",
            width: fit(9, 43),
            right: false,
            optional: 0,
            cell: mechanism,
            key: |u| SortKey::text(u.mechanism.as_deref()),
        },
        Column {
            title: "ACLS",
            width: fit(4, 60),
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
        Column {
            title: "ISSUE",
            width: fit(5, 72),
            right: false,
            optional: 0,
            cell: |u, _| {
                let tone = if u.broken { Tone::Bad } else { Tone::Warn };
                u.issue
                    .as_ref()
                    .map_or_else(|| Cell::new("-", Tone::Muted), |issue| Cell::new(format!("▲ {issue}"), tone))
            },
            key: |u| SortKey::text(u.issue.as_deref()),
        },
    ];

    fn id(&self) -> String {
        self.principal.clone()
    }

    fn urgency(&self) -> i64 {
        -i64::from(self.broken) - i64::from(self.issue.is_some())
    }
}

fn mechanism(user: &UserRow, _: DateTime<Utc>) -> Cell {
    match (&user.mechanism, &user.scram, &user.declared) {
        (_, Some(none), Some(declared)) if none.is_empty() && declared.starts_with("scram") => {
            Cell::new(format!("{declared} (no credential on the broker)"), Tone::Warn)
        }
        (Some(mechanism), None, Some(declared)) if declared.starts_with("scram") => {
            Cell::new(format!("{mechanism} (declared)"), Tone::Unknown)
        }
        (Some(mechanism), ..) => Cell::plain(mechanism),
        (None, None, _) => Cell::new("?", Tone::Unknown),
        (None, Some(_), _) => Cell::new("-", Tone::Muted),
    }
}

fn acls(user: &UserRow, _: DateTime<Utc>) -> Cell {
    match &user.acls {
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
