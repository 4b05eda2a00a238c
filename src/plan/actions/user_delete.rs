//! `user.delete`: a user with its credentials, rules and limits, through its KafkaUser where one declares it.

use super::{
    announced, brokers_are_open, kept_warning, unless_declared,
    user_create::mechanism_of,
    users::{acls_of, known, owner, sentences, target, users_in},
};
use crate::{
    domain::{strimzi::KafkaUser, units::counted, user},
    plan::{
        Gate, Op, Plan, Refusal, Risk, Step,
        catalog::{ActionSpec, Need, Scope, Situation, everywhere, nothing_to_ask},
        kafka::KafkaOp,
        param::{ParamKind, ParamSpec, Params},
    },
    world::{Reading, users::UserRow},
};

/// How long the operator may take: it looks every two minutes, if nothing else makes it.
const WITHIN_S: u32 = 150;

/// The row of the catalog.
pub static SPEC: ActionSpec = ActionSpec {
    id: "user.delete",
    title: "delete user",
    doc: "Deletes a user: its SCRAM credentials, its ACLs and its quotas. Where a KafkaUser declares the user that is \
          deleted, and its operator deletes the rest.",
    scope: Scope::User,
    risk: Risk::Destructive,
    params: &[ParamSpec::new("user", "NAME", "name of the user", ParamKind::Text).first()],
    supports: everywhere,
    needs,
    asks: nothing_to_ask,
    build,
};

fn needs(reading: &Reading<'_>) -> Vec<Need> {
    unless_declared(users_in(reading), "delete", "kafka.strimzi.io", "kafkausers")
}

fn build(params: &Params, situation: &Situation<'_>) -> Result<Plan, Refusal> {
    let reading = &situation.reading;
    let row = known(reading, params.text("user"))?;
    let ours = situation.way.way().and_then(|way| way.user()).or_else(|| reading.book.way.as_ref()?.user());
    if ours == Some(row.name.as_str()) {
        let why = format!("kafdeck itself logs in as {}, and would see nothing afterwards", row.name);
        return Err(Refusal::new(why).hint("Log in as another user with --as."));
    }
    let acls = acls_of(reading, &row.principal);
    let mut warnings =
        vec!["its clients are turned away; those that are connected stay until they connect again".to_owned()];
    warnings
        .extend(row.super_user.then(|| format!("{} is a super user: brokers or operators may log in as it", row.name)));
    let resource = owner(reading, &row)?;
    let steps = if let Some(resource) = resource {
        warnings.extend(kept_warning(&resource.meta, "KafkaUser"));
        vec![by_operator(resource, reading, &row, acls.is_some())?]
    } else {
        brokers_are_open(situation.way)?;
        warnings.extend(announced(situation.way));
        if acls.is_none() {
            warnings.push("its ACLs cannot be seen, and stay".to_owned());
        }
        if row.quotas.is_none() {
            warnings.push("its quotas cannot be seen, and stay".to_owned());
        }
        by_brokers(&row, acls.clone().unwrap_or_default())
    };
    if steps.is_empty() {
        let why = format!("brokers keep nothing of {} that could be deleted", row.name);
        return Err(Refusal::new(why));
    }
    let sentence = match resource {
        Some(one) => format!(
            "KafkaUser {} is deleted; the User Operator deletes its Secret, its credential and its rules.",
            one.meta.key()
        ),
        None => "The brokers are asked to forget it: credentials, rules and limits.".to_owned(),
    };
    Ok(Plan {
        action: SPEC.id.to_owned(),
        installation: reading.installation.id.clone(),
        params: params.clone(),
        title: format!("Delete user {}", row.name),
        sentence,
        risk: Risk::Destructive,
        typed: Some(row.name.clone()),
        details: details(&row, acls.as_deref().unwrap_or_default()),
        warnings,
        undo: String::new(),
        steps,
    })
}

/// What would be gone.
fn details(row: &UserRow, acls: &[crate::domain::acl::Acl]) -> Vec<String> {
    let mut details: Vec<String> = row
        .scram
        .iter()
        .flatten()
        .map(|one| format!("credential: {}, {} iterations", one.mechanism, one.iterations))
        .collect();
    details.extend(sentences(acls));
    let limits = row.quotas.as_ref().filter(|limits| !limits.is_empty());
    details.extend(limits.map(|limits| format!("quota: {}, on each broker", user::in_short(limits))));
    details
}

fn by_operator(user: &KafkaUser, reading: &Reading<'_>, row: &UserRow, sees_acls: bool) -> Result<Step, Refusal> {
    let gone = || Refusal::new(format!("Kafka {} is gone", reading.installation.id));
    let target = target(reading, &user.meta.namespace, &user.meta.name).ok_or_else(gone)?;
    let is_scram = row.scram.as_ref().is_some_and(|all| !all.is_empty());
    let has_rules = row.acls.as_ref().is_some_and(|all| !all.is_empty());
    let credential = is_scram.then(|| Gate::CredentialGone { user: row.name.clone() });
    let rules = (sees_acls && has_rules).then(|| Gate::AclsGone { principal: row.principal.clone() });
    Ok(Step {
        title: format!("delete KafkaUser {}", target.name),
        before: Vec::new(),
        op: Op::Delete { target, uid: user.meta.uid.clone() },
        after: credential.into_iter().chain(rules).collect(),
        within_s: WITHIN_S,
    })
}

fn by_brokers(row: &UserRow, acls: Vec<crate::domain::acl::Acl>) -> Vec<Step> {
    let step = |title: String, ask: KafkaOp, after: Vec<Gate>| Step {
        title,
        before: Vec::new(),
        op: Op::Kafka { ask },
        after,
        within_s: 60,
    };
    let user = row.name.clone();
    let mut steps = Vec::new();
    let mechanisms: Vec<_> = row.scram.iter().flatten().filter_map(|one| mechanism_of(&one.mechanism)).collect();
    if !mechanisms.is_empty() {
        let title = format!("delete {} of {user}", counted(mechanisms.len(), "SCRAM credential"));
        let ask = KafkaOp::DeleteScram { user: user.clone(), mechanisms };
        steps.push(step(title, ask, vec![Gate::CredentialGone { user: user.clone() }]));
    }
    if !acls.is_empty() {
        let title = format!("delete {} of {user}", counted(acls.len(), "rule"));
        let gate = Gate::AclsGone { principal: row.principal.clone() };
        steps.push(step(title, KafkaOp::DeleteAcls { acls }, vec![gate]));
    }
    let limits = row.quotas.clone().unwrap_or_default();
    if !limits.is_empty() {
        let gate =
            Gate::LimitsAre { user: user.clone(), limits: limits.keys().map(|key| (key.clone(), None)).collect() };
        let limits = limits.into_keys().map(|key| (key, None)).collect();
        steps.push(step(format!("take the limits of {user} away"), KafkaOp::AlterQuotas { user, limits }, vec![gate]));
    }
    steps
}
