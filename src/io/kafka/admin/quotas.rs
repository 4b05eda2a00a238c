//! Limits of users.

use std::collections::BTreeMap;

use super::{
    Admin, AdminError, Found, Ground, counted,
    error::{Deed, Need},
    topics::sent,
};
use crate::{
    io::kafka::answers,
    plan::kafka::KafkaAnswer,
    wire::changes::{self, Intent},
};

/// Limits by key; `None` takes one away.
type Limits = BTreeMap<String, Option<f64>>;

/// Whether anything is to be changed.
async fn look(admin: &Admin, deed: &Deed, user: &str, limits: &Limits) -> Result<(Found, Ground), AdminError> {
    let need = Need::cluster("DescribeConfigs");
    let unread = |why| deed.unread(why, &need);
    let ground = admin.look(Some(&[])).await.map_err(unread)?;
    let answer = admin.ask_ready(&ground, &changes::quotas_of(user)).await.map_err(unread)?;
    let quotas = answers::quotas(&answer).map_err(unread)?;
    let now = quotas.iter().find(|q| q.entity.len() == 1).map(|q| &q.limits);
    let is = |key: &String| now.and_then(|limits| limits.get(key)).copied();
    let same = |(key, wanted): (&String, &Option<f64>)| match (is(key), wanted) {
        (None, None) => true,
        (Some(now), Some(wanted)) => (now - wanted).abs() < f64::EPSILON,
        _ => false,
    };
    let found = if limits.iter().all(same) {
        Found::Already(format!("user {user} has these limits already"))
    } else {
        Found::AsPlanned
    };
    Ok((found, ground))
}

async fn alter(
    admin: &Admin,
    deed: &Deed,
    ground: &Ground,
    user: &str,
    limits: &Limits,
    intent: Intent,
) -> Result<(), AdminError> {
    let need = Need::cluster("AlterConfigs");
    let request = changes::alter_quotas(user, limits, intent);
    let answer = admin.steer(ground, &request, |a| a.entries.first().map_or(0, |e| e.error_code)).await;
    let answer = answer.map_err(|why| sent(deed, why, &need, intent))?;
    let result = answer.entries.first().ok_or_else(|| deed.unsure("the answer is about no user"))?;
    match result.error_code {
        0 => Ok(()),
        code => Err(deed.refused(code, result.error_message.as_ref(), &need)),
    }
}

/// Has the brokers check the limits.
pub(super) async fn rehearse(admin: &Admin, deed: &Deed, user: &str, limits: &Limits) -> Result<Found, AdminError> {
    let (found, ground) = look(admin, deed, user, limits).await?;
    if matches!(found, Found::AsPlanned) {
        alter(admin, deed, &ground, user, limits, Intent::Rehearsal).await?;
    }
    Ok(found)
}

/// Changes the limits.
pub(super) async fn perform(
    admin: &Admin,
    deed: &Deed,
    user: &str,
    limits: &Limits,
) -> Result<KafkaAnswer, AdminError> {
    let (found, ground) = look(admin, deed, user, limits).await?;
    if let Found::Already(words) = found {
        return Ok(KafkaAnswer::Already(words));
    }
    alter(admin, deed, &ground, user, limits, Intent::Real).await?;
    Ok(KafkaAnswer::Done(counted(limits.len(), "limit")))
}
