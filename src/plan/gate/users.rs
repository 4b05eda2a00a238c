//! Gates about users: what brokers keep of them, and what the authorizer allows them.

use std::collections::BTreeMap;

use super::{Moment, Verdict, told};
use crate::{
    domain::{
        access::Mechanism,
        acl::{Acl, Rule},
        freshness::Asked,
        user::Quota,
    },
    world::kafka::Rules,
};

/// Brokers keep a credential of the user.
pub(super) fn credential_is(moment: &Moment<'_>, user: &str, mechanism: Mechanism) -> Result<Verdict, Verdict> {
    let kafka = told(moment, Asked::ScramUsers, None)?;
    let named = |one: &str| one.eq_ignore_ascii_case(&mechanism.to_string());
    let found = kafka.scram.iter().flatten().find(|(name, _)| *name == user);
    let is_there = found.is_some_and(|(_, of)| of.credentials.iter().any(|one| named(&one.mechanism)));
    Ok(if is_there { Verdict::Pass("seen".to_owned()) } else { Verdict::Wait("brokers do not list it yet".to_owned()) })
}

/// Brokers keep no credential of the user.
pub(super) fn credential_is_gone(moment: &Moment<'_>, user: &str) -> Result<Verdict, Verdict> {
    let kafka = told(moment, Asked::ScramUsers, None)?;
    let found = kafka.scram.iter().flatten().find(|(name, _)| *name == user);
    Ok(if found.is_some_and(|(_, of)| !of.credentials.is_empty()) {
        Verdict::Wait("brokers still keep one".to_owned())
    } else {
        Verdict::Pass("gone".to_owned())
    })
}

/// The authorizer has all of these.
pub(super) fn acls_are(moment: &Moment<'_>, acls: &[Acl]) -> Result<Verdict, Verdict> {
    let Some(Rules::Of(rules)) = &told(moment, Asked::Acls, None)?.rules else {
        return Ok(Verdict::Wait("no authorizer has told its rules".to_owned()));
    };
    let has = |acl: &&Acl| rules.get(&acl.principal).into_iter().flatten().any(|rule| holds(rule, acl));
    let missing = acls.iter().filter(|acl| !has(acl)).count();
    Ok(match missing {
        0 => Verdict::Pass("seen".to_owned()),
        n => Verdict::Wait(format!("{n} of {} are not there yet", acls.len())),
    })
}

/// The authorizer has none of the principal's.
pub(super) fn acls_are_gone(moment: &Moment<'_>, principal: &str) -> Result<Verdict, Verdict> {
    Ok(match &told(moment, Asked::Acls, None)?.rules {
        Some(Rules::Of(rules)) if rules.get(principal).is_some_and(|rules| !rules.is_empty()) => {
            Verdict::Wait("there still are some".to_owned())
        }
        Some(_) => Verdict::Pass("gone".to_owned()),
        None => Verdict::Wait("no authorizer has told its rules".to_owned()),
    })
}

/// Brokers keep these limits of the user as a whole.
pub(super) fn limits_are(
    moment: &Moment<'_>,
    user: &str,
    wanted: &BTreeMap<String, Option<i64>>,
) -> Result<Verdict, Verdict> {
    let kafka = told(moment, Asked::Quotas, None)?;
    let is_of = |quota: &&Quota| quota.user() == Some(Some(user)) && quota.entity.len() == 1;
    let found = kafka.quotas.iter().flatten().find(is_of);
    let is = |key: &str| found.and_then(|quota| quota.limits.get(key)).map(|limit| *limit as i64);
    Ok(match wanted.iter().find(|(key, limit)| is(key) != **limit) {
        None => Verdict::Pass("seen".to_owned()),
        Some((key, _)) => match is(key) {
            Some(now) => Verdict::Wait(format!("{key} is {now}")),
            None => Verdict::Wait(format!("{key} is not set")),
        },
    })
}

fn holds(rule: &Rule, acl: &Acl) -> bool {
    (rule.permission, &rule.resource, &rule.name, rule.pattern, &rule.host)
        == (acl.permission, &acl.resource, &acl.name, acl.pattern, &acl.host)
        && rule.operations.contains(&acl.operation)
}
