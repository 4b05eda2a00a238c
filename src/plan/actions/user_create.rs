//! `user.create`: a KafkaUser where a User Operator is there, else a credential, rules and limits by the brokers.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{
    announced, brokers_are_open, kafka_resource, manifest, unless_declared,
    users::{Grant, grants, known, may_read_secrets, scram, secret, sentences, target, users_in},
};
use crate::{
    domain::{
        access::Mechanism,
        acl::{Acl, Permission},
        freshness::Kind,
        strimzi::KafkaResource,
        user,
    },
    plan::{
        Gate, Op, Plan, Refusal, Risk, Step,
        catalog::{ActionSpec, Need, Scope, Situation, everywhere, nothing_to_ask},
        kafka::KafkaOp,
        param::{ParamKind, ParamSpec, Params},
    },
    world::Reading,
};

/// Ways to log in.
pub const MECHANISMS: &[&str] = &["scram-sha-512", "scram-sha-256", "tls"];

/// Rounds of hashing: what Kafka's own tools take.
pub const ITERATIONS: i32 = 4_096;

/// How long the operator may take.
pub const WITHIN_S: u32 = 150;

/// Limits: the parameter, the brokers' name of it, and the KafkaUser's.
const LIMITS: [(&str, &str, &str); 4] = [
    ("producer-byte-rate", "producer_byte_rate", "producerByteRate"),
    ("consumer-byte-rate", "consumer_byte_rate", "consumerByteRate"),
    ("request-percentage", "request_percentage", "requestPercentage"),
    ("controller-mutation-rate", "controller_mutation_rate", "controllerMutationRate"),
];

/// The row of the catalog.
pub static SPEC: ActionSpec = ActionSpec {
    id: "user.create",
    title: "create user",
    doc: "Creates a user with a password that is made up for it, or a certificate, and what it may do. Where Strimzi's \
          User Operator looks after users a KafkaUser is made, elsewhere the brokers are asked. The password is shown \
          once, or written to a file that only you can read.",
    scope: Scope::Installation,
    risk: Risk::Reversible,
    params: &[
        ParamSpec::new("user", "NAME", "name of the user", ParamKind::Text).first().checked(legal_name),
        ParamSpec::new("mechanism", "NAME", "how it logs in", ParamKind::Choice(MECHANISMS))
            .default(|_| Some("scram-sha-512".to_owned())),
        ParamSpec::new("producer", "TOPIC", "a topic that it writes to; orders* is all that begin so", ParamKind::Text)
            .many(),
        ParamSpec::new("consumer", "TOPIC:GROUP", "a topic that it reads, and as which group", ParamKind::Text)
            .many()
            .checked(topic_and_group),
        ParamSpec::new("viewer", "", "it sees everything but records, and changes nothing", ParamKind::Switch),
        ParamSpec::new("admin", "", "it may do everything", ParamKind::Switch),
        ParamSpec::new(
            "acl",
            "OPERATIONS:RESOURCE:NAME",
            "a rule of its own, as Read:topic:orders* or deny:Delete:topic:*",
            ParamKind::Text,
        )
        .many()
        .checked(|text| Grant::read(text).map(drop)),
        ParamSpec::new(
            "producer-byte-rate",
            "BYTES",
            "bytes that it writes to each broker in a second",
            ParamKind::Number(1, i64::MAX),
        ),
        ParamSpec::new(
            "consumer-byte-rate",
            "BYTES",
            "bytes that it reads from each broker in a second",
            ParamKind::Number(1, i64::MAX),
        ),
        ParamSpec::new(
            "request-percentage",
            "PERCENT",
            "how much of a broker's thread it uses",
            ParamKind::Number(1, 100_000),
        )
        .flag_only(),
        ParamSpec::new(
            "controller-mutation-rate",
            "N",
            "partitions that it makes or deletes in a second",
            ParamKind::Number(1, 1_000_000),
        )
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
    asks: nothing_to_ask,
    build,
};

fn needs(reading: &Reading<'_>) -> Vec<Need> {
    unless_declared(users_in(reading), "create", "kafka.strimzi.io", "kafkausers")
}

/// What is wanted.
struct Wanted<'a> {
    name: &'a str,
    mechanism: &'a str,
    grants: Vec<Grant>,
    limits: BTreeMap<String, Option<f64>>,
}

impl Wanted<'_> {
    /// The rules, under the name that brokers know the user by.
    fn acls(&self) -> Vec<Acl> {
        let called = if self.mechanism == "tls" { format!("CN={}", self.name) } else { self.name.to_owned() };
        self.grants.iter().flat_map(|grant| grant.acls(&called)).collect()
    }
}

fn build(params: &Params, situation: &Situation<'_>) -> Result<Plan, Refusal> {
    let reading = &situation.reading;
    let mut warnings = Vec::new();
    let mut wanted = Wanted {
        name: params.text("user"),
        mechanism: params.get("mechanism").unwrap_or("scram-sha-512"),
        grants: grants(params),
        limits: limits(params),
    };
    is_new(reading, wanted.name)?;
    let strimzi = kafka_resource(reading).zip(users_in(reading));
    if !asks_what_one_may(reading, strimzi.map(|(kafka, _)| kafka)) && !wanted.grants.is_empty() {
        restricts_nothing(params, &wanted, strimzi.is_some())?;
        warnings.push("its rules are left out: there is no authorizer, so that everybody may do everything".to_owned());
        wanted.grants.clear();
    }
    warnings.extend(nobody_asks(reading, strimzi.map(|(kafka, _)| kafka), wanted.mechanism));
    let steps = if let Some((kafka, namespace)) = strimzi {
        by_operator(&wanted, reading, kafka, namespace, &mut warnings)?
    } else {
        brokers_are_open(situation.way)?;
        warnings.extend(announced(situation.way));
        by_brokers(&wanted)?
    };
    let sentence = match strimzi {
        Some((_, namespace)) => format!(
            "A KafkaUser is made in namespace {namespace}; the User Operator makes its credential, in Secret {namespace}/{}.",
            wanted.name
        ),
        None => "The brokers are asked to keep a credential for it, with a password that is made up here.".to_owned(),
    };
    Ok(Plan {
        action: SPEC.id.to_owned(),
        installation: reading.installation.id.clone(),
        params: params.clone(),
        title: format!("Create user {}", wanted.name),
        sentence,
        risk: Risk::Reversible,
        typed: None,
        details: details(&wanted, params),
        warnings,
        undo: format!("kafdeck user delete {}", wanted.name),
        steps,
    })
}

fn details(wanted: &Wanted<'_>, params: &Params) -> Vec<String> {
    let mut details = vec![format!("logs in with {}", wanted.mechanism)];
    details.extend(sentences(&wanted.acls()));
    let limits: user::Limits = wanted.limits.iter().filter_map(|(key, value)| Some((key.clone(), (*value)?))).collect();
    if !limits.is_empty() {
        details.push(format!("{}, on each broker", user::in_short(&limits)));
    }
    if wanted.mechanism != "tls" {
        details.push(match params.get("password-out") {
            Some(file) => format!("its password is written to {file}, which only you can read"),
            None => "its password is shown once, when it is done".to_owned(),
        });
    }
    details.push(format!("settings for its clients afterwards: kafdeck user export {}", wanted.name));
    details
}

fn limits(params: &Params) -> BTreeMap<String, Option<f64>> {
    let each =
        LIMITS.iter().filter_map(|(param, key, _)| Some(((*key).to_owned(), Some(params.number::<f64>(param)?))));
    each.collect()
}

/// Refuses a user that is there already.
fn is_new(reading: &Reading<'_>, name: &str) -> Result<(), Refusal> {
    let by_name = |row: &crate::world::users::UserRow| {
        let credential = row.scram.as_ref().is_some_and(|all| !all.is_empty());
        row.resource.is_some() || credential || row.super_user
    };
    let Ok(row) = known(reading, name) else { return Ok(()) };
    if !by_name(&row) {
        return Ok(());
    }
    let why = match &row.owner {
        Some(owner) => format!("user {} is there already: {owner}", row.name),
        None => format!("user {} is there already", row.name),
    };
    let refusal = Refusal::new(why).hint(format!("Give it a new credential with: kafdeck user rotate {}", row.name));
    Err(refusal.hint(format!("See what it may do with: kafdeck users {}", row.name)))
}

/// Whether anybody is asked what a user may do.
fn asks_what_one_may(reading: &Reading<'_>, strimzi: Option<&KafkaResource>) -> bool {
    match strimzi {
        Some(kafka) => kafka.authorization.is_some(),
        None => reading.authorizer() != Some(false),
    }
}

/// Refuses rules that are to keep somebody from something, where nobody asks for them: what only allows may be left out.
fn restricts_nothing(params: &Params, wanted: &Wanted<'_>, is_strimzi: bool) -> Result<(), Refusal> {
    let denies = wanted.grants.iter().any(|grant| grant.permission == Permission::Deny);
    if !denies && !params.is_on("viewer") {
        return Ok(());
    }
    let what = if denies { "what is denied" } else { "a viewer" };
    let refusal =
        Refusal::new(format!("{what} would mean nothing: there is no authorizer, and everybody may do everything"));
    Err(if is_strimzi {
        refusal.hint("Set authorization: {type: simple} in spec.kafka of the Kafka first.")
    } else {
        refusal.hint("Set authorizer.class.name in the brokers' configuration first.")
    })
}

/// What to say where no listener asks for such a login.
fn nobody_asks(reading: &Reading<'_>, strimzi: Option<&KafkaResource>, mechanism: &str) -> Option<String> {
    let asks = match strimzi {
        Some(kafka) => kafka.listeners.iter().any(|one| one.authentication.as_deref() == Some(mechanism)),
        None => reading.installation.listeners.iter().any(|one| {
            // Where it is not known which mechanisms a listener takes, it may take this one.
            let takes = one.authentication.as_deref().is_none_or(|how| {
                how.to_ascii_lowercase().contains(mechanism) || !how.to_ascii_lowercase().contains("scram")
            });
            one.protocol.as_deref().is_none_or(|protocol| protocol.starts_with("SASL")) && takes
        }),
    };
    let is_known = strimzi.is_some() || !reading.installation.listeners.is_empty();
    (is_known && !asks).then(|| match mechanism {
        "tls" => "no listener asks for a client certificate: one with authentication type tls is needed".to_owned(),
        _ => format!("no listener asks for {mechanism}: nobody has to log in as this user, and nobody can"),
    })
}

fn by_operator(
    wanted: &Wanted<'_>,
    reading: &Reading<'_>,
    kafka: &KafkaResource,
    namespace: &str,
    warnings: &mut Vec<String>,
) -> Result<Vec<Step>, Refusal> {
    let name = wanted.name;
    if wanted.mechanism == "scram-sha-256" {
        let why = "the User Operator makes scram-sha-512 and tls credentials only, and deletes others";
        return Err(Refusal::new(why).hint("Take --mechanism scram-sha-512."));
    }
    is_name_of_kubernetes(name).map_err(Refusal::usage)?;
    if kafka.authorization.as_deref().is_some_and(|kind| kind != "simple") && !wanted.grants.is_empty() {
        warnings.push("the Kafka's authorization is not simple: its operator may not take these rules".to_owned());
    }
    if reading.watch(Kind::Users).as_of.is_none() {
        warnings.push("whether there is such a KafkaUser already cannot be seen".to_owned());
    }
    let Some(target) = target(reading, namespace, name) else { return Ok(Vec::new()) };
    let manifest = manifest(&target, &reading.installation.id.name, &spec(wanted));
    let ready = |kind: &str| Gate::OperatorReady {
        kind: kind.to_owned(),
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        above: None,
    };
    let mut steps = vec![Step {
        title: format!("create KafkaUser {name}"),
        before: Vec::new(),
        after: vec![ready(&target.kind)],
        op: Op::Create { target, manifest },
        within_s: WITHIN_S,
    }];
    let place = format!("Secret {namespace}/{name}");
    match wanted.mechanism {
        "tls" => warnings.push(format!("its certificate and key are in {place}: user.crt, user.key")),
        _ if may_read_secrets(reading, name) => steps.push(read_password(namespace, name, None)),
        _ => warnings.push(format!("its password will be in {place}, which you may not read")),
    }
    Ok(steps)
}

/// The step that reads a user's password out of the Secret that the operator has made.
pub fn read_password(namespace: &str, name: &str, other_than: Option<String>) -> Step {
    let (target, key, user) = (secret(namespace, name), "password".to_owned(), name.to_owned());
    Step {
        title: format!("read the password of {name} from its Secret"),
        before: Vec::new(),
        op: Op::ReadPassword { target, key, user, other_than },
        after: Vec::new(),
        within_s: 60,
    }
}

/// The KafkaUser's spec.
fn spec(wanted: &Wanted<'_>) -> Value {
    let mut spec = Map::new();
    spec.insert("authentication".into(), json!({"type": wanted.mechanism}));
    if !wanted.grants.is_empty() {
        let acls: Vec<Value> = wanted.grants.iter().map(Grant::declared).collect();
        spec.insert("authorization".into(), json!({"type": "simple", "acls": acls}));
    }
    let quotas: Map<String, Value> = LIMITS
        .iter()
        .filter_map(|(_, key, declared)| {
            let value = wanted.limits.get(*key).copied().flatten()?;
            Some(((*declared).to_owned(), json!(value as i64)))
        })
        .collect();
    if !quotas.is_empty() {
        spec.insert("quotas".into(), Value::Object(quotas));
    }
    Value::Object(spec)
}

fn by_brokers(wanted: &Wanted<'_>) -> Result<Vec<Step>, Refusal> {
    let Some(mechanism) = scram(wanted.mechanism) else {
        let why = "certificates are made by whoever keeps the authority that brokers trust, and not by brokers";
        return Err(
            Refusal::new(why).hint("Sign one, then grant its principal with kafka-acls.sh; or take a SCRAM mechanism.")
        );
    };
    let step = |title: String, ask: KafkaOp, after: Vec<Gate>| Step {
        title,
        before: Vec::new(),
        op: Op::Kafka { ask },
        after,
        within_s: 60,
    };
    let user = wanted.name.to_owned();
    let set = KafkaOp::SetScram { user: user.clone(), mechanism, iterations: ITERATIONS, new: true };
    let gate = Gate::CredentialIs { user: user.clone(), mechanism };
    let mut steps = vec![step(format!("make a {mechanism} credential of {user}"), set, vec![gate])];
    let acls = wanted.acls();
    if !acls.is_empty() {
        let gate = Gate::AclsAre { acls: acls.clone() };
        let title = format!("allow {user} what it needs: {}", crate::domain::units::counted(acls.len(), "rule"));
        steps.push(step(title, KafkaOp::CreateAcls { acls }, vec![gate]));
    }
    if !wanted.limits.is_empty() {
        let limits = wanted.limits.clone();
        let wanted = limits.iter().map(|(key, limit)| (key.clone(), limit.map(|limit| limit as i64))).collect();
        let gate = Gate::LimitsAre { user: user.clone(), limits: wanted };
        steps.push(step(format!("limit {user}"), KafkaOp::AlterQuotas { user, limits }, vec![gate]));
    }
    Ok(steps)
}

/// Says why a name is no user's: what ACLs, configs and the tools cannot name.
fn legal_name(name: &str) -> Result<(), String> {
    if name.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(format!("a user's name holds no blanks and no control characters, as {name:?} does"));
    }
    if name.contains(['=', ',', '"', '\'', ';', '\\', '*', ':']) {
        return Err(format!("a user's name holds none of = , ; : * \\ and no quotes, as {name:?} does"));
    }
    if name.chars().count() > 200 {
        return Err(format!("a user's name has at most 200 characters, and this one {}", name.chars().count()));
    }
    Ok(())
}

/// Says why a name is none that a KafkaUser can have (RFC 1123; Strimzi makes a Secret of the same name).
fn is_name_of_kubernetes(name: &str) -> Result<(), String> {
    let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    if name.len() <= 64 && name.chars().all(legal) && edge(name.chars().next()) && edge(name.chars().last()) {
        return Ok(());
    }
    Err(format!(
        "a KafkaUser is called as Kubernetes allows, with a-z, 0-9, '-' and '.' and at most 64 characters, not {name:?}"
    ))
}

fn topic_and_group(text: &str) -> Result<(), String> {
    match text.split_once(':') {
        Some((topic, group)) if !topic.is_empty() && !group.is_empty() => Ok(()),
        _ => Err(format!("a consumer is written TOPIC:GROUP, as orders:app-group, not {text:?}")),
    }
}

/// The mechanism of a credential, by its name.
pub fn mechanism_of(name: &str) -> Option<Mechanism> {
    Mechanism::named(name).filter(|one| *one != Mechanism::Plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_no_tool_can_name_are_refused() {
        assert_eq!(legal_name("orders-app.v1"), Ok(()));
        for wrong in ["a b", "CN=a", "a\u{1b}[2J", "a,b", "*", "a:b"] {
            let why = legal_name(wrong).unwrap_err();
            assert!(!why.contains('\u{1b}'), "{why}");
        }
        assert!(is_name_of_kubernetes("orders-app").is_ok());
        for wrong in ["Orders", "a_b", "-a", &"a".repeat(65)] {
            assert!(is_name_of_kubernetes(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_consumer_names_its_group() {
        assert_eq!(topic_and_group("orders:app"), Ok(()));
        assert!(topic_and_group("orders").unwrap_err().contains("TOPIC:GROUP"));
        assert!(topic_and_group("orders:").is_err());
    }
}
