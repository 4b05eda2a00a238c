//! What actions on users share: whose a user is, what templates allow, and how a KafkaUser says it.
//!
//! `user_create`, `user_rotate` and `user_delete` call it, and `plan::client`.

use serde_json::{Map, Value, json};

use super::kafka_resource;
use crate::{
    domain::{
        access::Mechanism,
        acl::{self, Acl, OPERATIONS, Pattern, Permission, Resource},
        freshness::Kind,
        rights::Asking,
        strimzi::KafkaUser,
    },
    plan::{Refusal, op::Target, param::Params},
    world::{Reading, kafka::Rules, users::UserRow},
};

/// The namespace of KafkaUsers, where a User Operator looks after users: it undoes whatever is done past it.
pub fn users_in<'a>(reading: &Reading<'a>) -> Option<&'a str> {
    kafka_resource(reading)?.users_in.as_deref()
}

/// A user that somebody knows of, by its name as brokers have it, or its principal, or its KafkaUser's name.
///
/// # Errors
/// Nobody knows of one, or nobody can tell.
pub fn known(reading: &Reading<'_>, name: &str) -> Result<UserRow, Refusal> {
    let is = |row: &UserRow| {
        let certificate = row.name.strip_prefix("CN=").and_then(|cn| cn.split(',').next());
        row.name == name || row.principal == name || certificate == Some(name)
    };
    let rows = reading.users();
    if let Some(row) = rows.iter().find(|row| is(row)) {
        return Ok(row.clone());
    }
    let refusal = Refusal::new(format!("there is no user {name}"));
    Err(match super::topics::nearest(name, rows.iter().map(|row| row.name.as_str())) {
        Some(near) => refusal.hint(format!("Did you mean {near}?")),
        None => refusal.hint("List them with: kafdeck users"),
    })
}

/// The KafkaUser that declares a user.
pub fn declared<'a>(reading: &Reading<'a>, row: &UserRow) -> Option<&'a KafkaUser> {
    reading.world.kube.users.get(row.resource.as_ref()?).map(AsRef::as_ref)
}

/// The KafkaUser that a change of a user must go through.
///
/// # Errors
/// Whether one declares it cannot be seen, or its operator is told to leave it alone.
pub fn owner<'a>(reading: &Reading<'a>, row: &UserRow) -> Result<Option<&'a KafkaUser>, Refusal> {
    if users_in(reading).is_none() {
        return Ok(None);
    }
    let seen = reading.watch(Kind::Users);
    if seen.as_of.is_none() {
        let why = seen.why.unwrap_or_else(|| "they have not been listed".to_owned());
        let refusal = Refusal::new(format!("whether a KafkaUser declares {} cannot be seen: {why}", row.name));
        return Err(refusal.hint("The User Operator would undo a change that passes it by."));
    }
    let found = declared(reading, row);
    match found.filter(|one| one.conditions.iter().any(|c| c.kind == "ReconciliationPaused")) {
        Some(paused) => {
            let why = format!("the User Operator is told to leave KafkaUser {} alone", paused.meta.key());
            Err(Refusal::new(why).hint("Take annotation strimzi.io/pause-reconciliation away first."))
        }
        None => Ok(found),
    }
}

/// A KafkaUser as a request names it.
pub fn target(reading: &Reading<'_>, namespace: &str, name: &str) -> Option<Target> {
    Some(super::strimzi_target(kafka_resource(reading)?, "KafkaUser", namespace, name))
}

/// The Secret of a KafkaUser.
pub fn secret(namespace: &str, name: &str) -> Target {
    Target {
        api_version: "v1".to_owned(),
        kind: "Secret".to_owned(),
        resource: "secrets".to_owned(),
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    }
}

/// Whether the Secrets of users may be read, as far as is known.
pub fn may_read_secrets(reading: &Reading<'_>, name: &str) -> bool {
    let asking = Asking { verb: "get", group: "", resource: "secrets", subresource: None, name: Some(name) };
    reading.may(asking) != Some(false)
}

/// A SCRAM mechanism as `--mechanism` has it.
pub fn scram(word: &str) -> Option<Mechanism> {
    match word {
        "scram-sha-512" => Some(Mechanism::ScramSha512),
        "scram-sha-256" => Some(Mechanism::ScramSha256),
        _ => None,
    }
}

/// What a user is to be allowed, before it is written as ACLs: a resource, its name and operations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Whether it allows or denies.
    pub permission: Permission,
    /// What it is about.
    pub resource: Resource,
    /// The name, without an asterisk at its end.
    pub name: String,
    /// How names are compared.
    pub pattern: Pattern,
    /// The operations.
    pub operations: Vec<String>,
}

/// How many of Kafka's operations rules are made of: those that come after are about tokens and transactions' inner life.
const GRANTED: usize = 11;

impl Grant {
    fn allow(resource: Resource, name: &str, operations: &[&str]) -> Self {
        // `orders*` is what begins with it; an asterisk alone is everything.
        let prefix = name.strip_suffix('*').filter(|prefix| !prefix.is_empty());
        Self {
            permission: Permission::Allow,
            resource,
            name: prefix.unwrap_or(name).to_owned(),
            pattern: if prefix.is_some() { Pattern::Prefixed } else { Pattern::Literal },
            operations: operations.iter().map(|&one| one.to_owned()).collect(),
        }
    }

    /// From `[deny:]OPERATIONS:RESOURCE[:NAME]`, as `Read,Describe:topic:orders*`.
    ///
    /// # Errors
    /// What of it is not understood.
    pub fn read(text: &str) -> Result<Self, String> {
        let shape =
            || format!("an ACL is written OPERATIONS:RESOURCE:NAME, as Read,Describe:topic:orders*, not {text:?}");
        let (permission, rest) = match text.split_once(':') {
            Some(("deny", rest)) => (Permission::Deny, rest),
            Some(("allow", rest)) => (Permission::Allow, rest),
            _ => (Permission::Allow, text),
        };
        let (operations, rest) = rest.split_once(':').ok_or_else(shape)?;
        let (word, name) = rest.split_once(':').unwrap_or((rest, ""));
        let resource = match word.to_ascii_lowercase().as_str() {
            "topic" => Resource::Topic,
            "group" => Resource::Group,
            "cluster" => Resource::Cluster,
            "transactionalid" | "transactional-id" => Resource::TransactionalId,
            _ => return Err(format!("a resource is topic, group, cluster or transactional-id, not {word:?}")),
        };
        let name = if resource == Resource::Cluster { CLUSTER } else { name };
        if name.is_empty() {
            return Err(shape());
        }
        let granted = &OPERATIONS[..GRANTED];
        let known = |one: &str| granted.iter().copied().find(|known| known.eq_ignore_ascii_case(one));
        let read = operations.split(',').map(|one| {
            known(one.trim())
                .ok_or_else(|| format!("Kafka knows no operation {one:?}; it knows {}", granted.join(", ")))
        });
        let operations = read.collect::<Result<Vec<_>, _>>()?;
        Ok(Self { permission, ..Self::allow(resource, name, &operations) })
    }

    /// As the authorizer keeps it: a rule for each operation.
    pub fn acls(&self, user: &str) -> Vec<Acl> {
        let one = |operation: &String| Acl {
            principal: acl::principal_of(user),
            permission: self.permission,
            resource: self.resource.clone(),
            name: self.name.clone(),
            pattern: self.pattern,
            host: acl::ANY.to_owned(),
            operation: operation.clone(),
        };
        self.operations.iter().map(one).collect()
    }

    /// As a KafkaUser declares it.
    pub fn declared(&self) -> Value {
        let mut resource = Map::from_iter([("type".to_owned(), json!(self.resource.word()))]);
        if self.resource != Resource::Cluster {
            resource.insert("name".to_owned(), json!(self.name));
            let pattern = if self.pattern == Pattern::Prefixed { "prefix" } else { "literal" };
            resource.insert("patternType".to_owned(), json!(pattern));
        }
        let kind = if self.permission == Permission::Deny { "deny" } else { "allow" };
        json!({"type": kind, "resource": resource, "operations": self.operations})
    }
}

/// What brokers call the cluster as a resource.
const CLUSTER: &str = "kafka-cluster";

/// What the parameters of a user come to.
pub fn grants(params: &Params) -> Vec<Grant> {
    let topic = |name: &str, operations: &[&str]| Grant::allow(Resource::Topic, name, operations);
    // Whoever may write to a topic may write idempotently, without IdempotentWrite on the cluster (KIP-679).
    let mut grants: Vec<Grant> =
        params.all("producer").into_iter().map(|name| topic(name, &["Write", "Describe"])).collect();
    for (name, group) in params.all("consumer").into_iter().filter_map(|both| both.split_once(':')) {
        grants.push(topic(name, &["Read", "Describe"]));
        grants.push(Grant::allow(Resource::Group, group, &["Read"]));
    }
    let everything = |operations: [&[&str]; 4]| {
        [Resource::Cluster, Resource::Topic, Resource::Group, Resource::TransactionalId]
            .into_iter()
            .zip(operations)
            .map(|(of, operations)| {
                let name = if of == Resource::Cluster { CLUSTER } else { acl::ANY };
                Grant::allow(of, name, operations)
            })
            .collect::<Vec<_>>()
    };
    if params.is_on("viewer") {
        let (describe, configs) = (&["Describe"][..], &["Describe", "DescribeConfigs"][..]);
        grants.extend(everything([configs, configs, describe, describe]));
    }
    if params.is_on("admin") {
        grants.extend(everything([&["All"]; 4]));
    }
    grants.extend(params.all("acl").into_iter().filter_map(|text| Grant::read(text).ok()));
    merged(grants)
}

/// One grant for each resource: a consumer of two topics by one group reads the group once.
fn merged(grants: Vec<Grant>) -> Vec<Grant> {
    let mut merged: Vec<Grant> = Vec::new();
    for grant in grants {
        let same = |one: &&mut Grant| {
            (one.permission, &one.resource, &one.name, one.pattern)
                == (grant.permission, &grant.resource, &grant.name, grant.pattern)
        };
        match merged.iter_mut().find(same) {
            Some(one) => {
                let new = grant.operations.into_iter().filter(|o| !one.operations.contains(o)).collect::<Vec<_>>();
                one.operations.extend(new);
            }
            None => merged.push(grant),
        }
    }
    merged
}

/// What a set of rules comes to, in sentences.
pub fn sentences(acls: &[Acl]) -> Vec<String> {
    let rules = acl::rules(acls);
    let verb = |permission| if permission == Permission::Deny { "may NOT" } else { "may" };
    rules.values().flatten().map(|rule| format!("{} {}", verb(rule.permission), rule.sentence())).collect()
}

/// The ACLs of a principal as the authorizer has them; `None` where nobody tells.
pub fn acls_of(reading: &Reading<'_>, principal: &str) -> Option<Vec<Acl>> {
    let rules = match reading.kafka()?.rules.as_ref()? {
        Rules::NoAuthorizer => return Some(Vec::new()),
        Rules::Of(rules) => rules,
    };
    let each = rules.get(principal).into_iter().flatten().flat_map(|rule| {
        rule.operations.iter().map(|operation| Acl {
            principal: principal.to_owned(),
            permission: rule.permission,
            resource: rule.resource.clone(),
            name: rule.name.clone(),
            pattern: rule.pattern,
            host: rule.host.clone(),
            operation: operation.clone(),
        })
    });
    Some(each.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_allow_what_they_say_and_no_more() {
        let params = Params::default()
            .with("producer", "orders")
            .with("consumer", "orders:app-group")
            .with("consumer", "pay*:app-*");
        let acls: Vec<Acl> = grants(&params).iter().flat_map(|grant| grant.acls("app")).collect();
        assert_eq!(
            sentences(&acls),
            [
                "may Read, Write and Describe topic \"orders\", from anywhere",
                "may Read and Describe topics beginning with \"pay\", from anywhere",
                "may Read groups beginning with \"app-\", from anywhere",
                "may Read group \"app-group\", from anywhere",
            ]
        );
        assert!(acls.iter().all(|acl| acl.principal == "User:app"));
        let sees: Vec<Acl> =
            grants(&Params::default().with("viewer", "true")).iter().flat_map(|one| one.acls("w")).collect();
        assert!(sees.iter().all(|acl| acl.operation.starts_with("Describe")), "{sees:?}");
        let admin = grants(&Params::default().with("admin", "true"));
        assert!(admin.len() == 4 && admin.iter().all(|one| one.operations == ["All"]));
    }

    #[test]
    fn an_acl_is_read_from_words_and_what_is_not_understood_is_said() {
        let deny = Grant::read("deny:delete,ALTER:topic:orders*").unwrap();
        assert_eq!(
            (deny.permission, deny.pattern, deny.name.as_str()),
            (Permission::Deny, Pattern::Prefixed, "orders")
        );
        assert_eq!(deny.operations, ["Delete", "Alter"]);
        let group = Grant::read("Read:group:a:b").unwrap();
        assert_eq!(group.name, "a:b");
        assert_eq!(Grant::read("Describe:cluster").unwrap().acls("x")[0].name, "kafka-cluster");
        assert!(Grant::read("Fly:topic:a").unwrap_err().contains("no operation \"Fly\""));
        assert!(Grant::read("Read:tropic:a").unwrap_err().contains("not \"tropic\""));
        assert!(Grant::read("orders").unwrap_err().contains("OPERATIONS:RESOURCE:NAME"));
        assert!(Grant::read("Read:topic").unwrap_err().contains("OPERATIONS:RESOURCE:NAME"));
    }

    #[test]
    fn a_kafka_user_declares_names_and_how_they_are_compared() {
        let grant = Grant::allow(Resource::Group, "app-*", &["Read"]);
        let wanted = json!({"type": "allow", "operations": ["Read"],
            "resource": {"type": "group", "name": "app-", "patternType": "prefix"}});
        assert_eq!(grant.declared(), wanted);
        let cluster = Grant::allow(Resource::Cluster, CLUSTER, &["All"]).declared();
        assert_eq!(cluster["resource"], json!({"type": "cluster"}));
    }
}
