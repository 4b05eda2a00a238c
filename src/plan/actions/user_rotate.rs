//! `user.rotate`: a new password or certificate, by the operator where a KafkaUser declares the user, else by the brokers.

use super::{
    announced, brokers_are_open, unless_declared,
    user_create::{ITERATIONS, MECHANISMS, mechanism_of, read_password},
    users::{known, may_read_secrets, owner, scram, secret, users_in},
};
use crate::{
    domain::{access::Keep, strimzi::KafkaUser},
    plan::{
        Gate, Op, Plan, Refusal, Risk, Step,
        catalog::{ActionSpec, Need, Scope, Situation, everywhere},
        kafka::{Answer, KafkaOp, Question},
        param::{ParamKind, ParamSpec, Params},
    },
    world::{Reading, users::UserRow},
};

/// The row of the catalog.
pub static SPEC: ActionSpec = ActionSpec {
    id: "user.rotate",
    title: "rotate credential",
    doc: "Gives a user a new password, or a new certificate. Of a KafkaUser the Secret is deleted, and the User Operator \
          makes another; elsewhere the brokers are asked to keep the new one. The old one opens nothing from then on.",
    scope: Scope::User,
    risk: Risk::Disruptive,
    params: &[
        ParamSpec::new("user", "NAME", "name of the user", ParamKind::Text).first(),
        ParamSpec::new("mechanism", "NAME", "which credential, where it has several", ParamKind::Choice(MECHANISMS))
            .flag_only(),
        ParamSpec::new(
            "password-out",
            "FILE",
            "where its password is written instead of being shown; the file must not be there",
            ParamKind::Text,
        )
        .flag_only(),
    ],
    supports: everywhere,
    needs,
    asks,
    build,
};

fn needs(reading: &Reading<'_>) -> Vec<Need> {
    unless_declared(users_in(reading), "delete", "", "secrets")
}

/// Which Secret there is, where the operator keeps one.
fn asks(params: &Params, reading: &Reading<'_>) -> Vec<Question> {
    let found = known(reading, params.text("user")).ok();
    let resource = found.as_ref().and_then(|row| owner(reading, row).ok().flatten());
    let question = |one: &KafkaUser| Question::Secret { namespace: one.meta.namespace.clone(), name: secret_of(one) };
    resource.map(question).into_iter().collect()
}

fn secret_of(user: &KafkaUser) -> String {
    user.secret.clone().unwrap_or_else(|| user.meta.name.clone())
}

fn build(params: &Params, situation: &Situation<'_>) -> Result<Plan, Refusal> {
    let reading = &situation.reading;
    let row = known(reading, params.text("user"))?;
    let mut warnings = vec![
        "clients that log in with the old one are turned away from then on; those that are connected stay until they \
         connect again"
            .to_owned(),
    ];
    let resource = owner(reading, &row)?;
    let steps = if let Some(resource) = resource {
        by_operator(resource, reading, situation.answers.first(), &mut warnings)?
    } else {
        refuse_if_undone(reading, &row)?;
        brokers_are_open(situation.way)?;
        warnings.extend(announced(situation.way));
        warnings.extend(kept_elsewhere(reading, &row));
        vec![by_brokers(params, &row)?]
    };
    let sentence = match resource {
        Some(one) => format!(
            "Secret {}/{} is deleted, and the User Operator makes another with a new credential.",
            one.meta.namespace,
            secret_of(one)
        ),
        None => "The brokers are asked to keep a new credential, with a password that is made up here.".to_owned(),
    };
    Ok(Plan {
        action: SPEC.id.to_owned(),
        installation: reading.installation.id.clone(),
        params: params.clone(),
        title: format!("Rotate the credential of {}", row.name),
        sentence,
        risk: Risk::Disruptive,
        typed: None,
        details: vec![format!("logs in with {}", row.mechanism.as_deref().unwrap_or("what nobody tells"))],
        warnings,
        undo: String::new(),
        steps,
    })
}

/// Refuses what the User Operator would undo: a user that no KafkaUser declares.
pub fn refuse_if_undone(reading: &Reading<'_>, row: &UserRow) -> Result<(), Refusal> {
    if users_in(reading).is_none() {
        return Ok(());
    }
    let why = format!("no KafkaUser declares {}, and the User Operator deletes what it does not know", row.name);
    Err(Refusal::new(why).hint(format!("Declare it with: kafdeck user create {}", row.name)))
}

fn by_operator(
    user: &KafkaUser,
    reading: &Reading<'_>,
    answer: Option<&Answer>,
    warnings: &mut Vec<String>,
) -> Result<Vec<Step>, Refusal> {
    let (namespace, name) = (user.meta.namespace.as_str(), secret_of(user));
    if let Some(brought) = &user.password {
        let why = format!("KafkaUser {} takes its password from secret {brought}", user.meta.key());
        return Err(Refusal::new(why).hint("Put another password there: the User Operator takes it over."));
    }
    let uid = match answer {
        Some(Answer::Secret(Some(uid))) => uid.clone(),
        Some(Answer::Secret(None)) => {
            let why =
                format!("there is no Secret {namespace}/{name} yet: the User Operator has not made the first one");
            return Err(Refusal::new(why));
        }
        Some(Answer::Untold(why)) => {
            return Err(Refusal::new(format!("Secret {namespace}/{name} cannot be seen: {why}")));
        }
        _ => return Err(Refusal::new(format!("nobody has told whether there is a Secret {namespace}/{name}"))),
    };
    let delete = Step {
        title: format!("delete Secret {name}, so that the operator makes another"),
        before: Vec::new(),
        op: Op::Delete { target: secret(namespace, &name), uid: uid.clone() },
        after: Vec::new(),
        within_s: 30,
    };
    let is_certificate = user.authentication.as_deref() == Some("tls");
    let mut steps = vec![delete];
    if is_certificate {
        warnings.push(format!("its new certificate and key will be in Secret {namespace}/{name}: user.crt, user.key"));
    } else if may_read_secrets(reading, &name) {
        steps.push(read_password(namespace, &name, Some(uid)));
    } else {
        warnings.push(format!("its password will be in Secret {namespace}/{name}, which you may not read"));
    }
    Ok(steps)
}

/// What to say where the old password also stands somewhere that brokers or clients read it from.
fn kept_elsewhere(reading: &Reading<'_>, row: &UserRow) -> Option<String> {
    let logins = reading.installation.ways.iter().filter_map(|way| way.login.as_ref());
    let kept = logins.filter(|login| login.user() == row.name).find_map(|login| match login.keep() {
        Keep::Secret(key) => Some(key),
        Keep::Given(_) => None,
    })?;
    Some(format!(
        "the old password also stands in secret {kept}, which is not changed: whoever reads it there is turned away"
    ))
}

fn by_brokers(params: &Params, row: &UserRow) -> Result<Step, Refusal> {
    let has: Vec<_> = row.scram.iter().flatten().filter_map(|one| mechanism_of(&one.mechanism)).collect();
    let mechanism = match (params.get("mechanism").map(scram), has.as_slice()) {
        (Some(Some(wanted)), has) if has.contains(&wanted) => wanted,
        (None, [one]) => *one,
        (Some(wanted), has) if !has.is_empty() => {
            let wanted = wanted.map_or("tls".to_owned(), |one| one.to_string());
            return Err(Refusal::usage(format!("user {} has no {wanted} credential", row.name)));
        }
        (None, [_, ..]) => {
            let why = format!("user {} has credentials of several mechanisms", row.name);
            return Err(Refusal::usage(why).hint("Say which with --mechanism."));
        }
        _ => {
            let why = format!("brokers keep no SCRAM credential of {}, and can replace no other", row.name);
            return Err(Refusal::new(why));
        }
    };
    let user = row.name.clone();
    Ok(Step {
        title: format!("replace the {mechanism} credential of {user}"),
        before: Vec::new(),
        after: vec![Gate::CredentialIs { user: user.clone(), mechanism }],
        op: Op::Kafka { ask: KafkaOp::SetScram { user, mechanism, iterations: ITERATIONS, new: false } },
        within_s: 60,
    })
}
