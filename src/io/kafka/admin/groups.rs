//! Groups without members: whether a group is one, and its end.

use super::{
    Admin, AdminError, COORDINATOR_MOVES, Found, Ground, counted,
    error::{Deed, Need},
};
use crate::{
    domain::ids::BrokerId,
    io::kafka::{answers, failure::CallError},
    plan::kafka::KafkaAnswer,
    wire::{
        changes,
        errors::GROUP_ID_NOT_FOUND,
        requests::{self, Ask},
    },
};

/// NON_EMPTY_GROUP.
const NOT_EMPTY: i16 = 68;

/// Asks a group's coordinator; once more where another has become it meanwhile. `code` reads an answer's error.
pub(super) async fn ask<R: Ask>(
    admin: &Admin,
    deed: &Deed,
    ground: &Ground,
    group: &str,
    request: &R,
    code: impl Fn(&R::Response) -> i16,
) -> Result<Result<R::Response, CallError>, AdminError> {
    let coordinator = admin.coordinator(deed, ground, group).await?;
    match admin.roster.ask(coordinator, request).await {
        Ok(answer) if COORDINATOR_MOVES.contains(&code(&answer)) => {
            tokio::time::sleep(super::LOOK_AGAIN).await;
            let coordinator = admin.coordinator(deed, ground, group).await?;
            Ok(admin.roster.ask(coordinator, request).await)
        }
        answer => Ok(answer),
    }
}

/// Makes sure that a group has no members; false where its coordinator knows no such group.
pub(super) async fn empty(admin: &Admin, deed: &Deed, ground: &Ground, group: &str) -> Result<bool, AdminError> {
    let need = Need::group("Describe", group);
    let unread = |why| deed.unread(why, &need);
    let coordinator = admin.coordinator(deed, ground, group).await?;
    // A coordinator lists what it coordinates, of either protocol.
    let listed = admin.roster.ask(coordinator, &requests::list_groups()).await.map_err(unread)?;
    let listed = answers::groups(&listed).map_err(unread)?;
    let Some(found) = listed.iter().find(|g| g.id == group) else {
        return Ok(false);
    };
    if found.state == "Dead" {
        return Ok(false);
    }
    if found.state == "Empty" {
        return Ok(true);
    }
    let members = members(admin, coordinator, group).await;
    let members = members.map_or_else(String::new, |count| format!(" and {}", counted(count, "member")));
    Err(deed.no(NOT_EMPTY, format!("the group is {}{members}; stop its members first", found.state)))
}

/// How many members a group has, by whichever protocol.
async fn members(admin: &Admin, coordinator: BrokerId, group: &str) -> Option<usize> {
    let classic = admin.roster.ask(coordinator, &requests::describe_groups([group])).await.ok();
    let classic = classic.and_then(|answer| answers::described(&answer).remove(group)?.members);
    if let Some(members) = classic.filter(|members| !members.is_empty()) {
        return Some(members.len());
    }
    let consumers = admin.roster.ask(coordinator, &requests::consumer_group_describe([group])).await.ok()?;
    answers::consumers_described(&consumers).remove(group)?.members.map(|members| members.len())
}

/// Whether there is a group to delete.
pub(super) async fn look(admin: &Admin, deed: &Deed, group: &str) -> Result<(Found, Ground), AdminError> {
    let need = Need::group("Describe", group);
    let ground = admin.look(Some(&[])).await.map_err(|why| deed.unread(why, &need))?;
    let exists = empty(admin, deed, &ground, group).await?;
    let found = if exists { Found::AsPlanned } else { Found::Already(format!("there is no group {group}")) };
    Ok((found, ground))
}

/// Deletes a group (DeleteGroups, key 42).
pub(super) async fn delete(admin: &Admin, deed: &Deed, group: &str) -> Result<KafkaAnswer, AdminError> {
    let (found, ground) = look(admin, deed, group).await?;
    if let Found::Already(words) = found {
        return Ok(KafkaAnswer::Already(words));
    }
    let need = Need::group("Delete", group);
    let request = changes::delete_group(group);
    let answer = ask(admin, deed, &ground, group, &request, |a| a.results.first().map_or(0, |r| r.error_code)).await?;
    let answer = answer.map_err(|why| deed.unsent(why, &need))?;
    let result = answer.results.first().ok_or_else(|| deed.unsure("the answer is about no group"))?;
    match result.error_code {
        0 => Ok(KafkaAnswer::Done("the group and what it committed".to_owned())),
        GROUP_ID_NOT_FOUND => Ok(KafkaAnswer::Already(format!("there is no group {group}"))),
        code => Err(deed.refused(code, None, &need)),
    }
}
