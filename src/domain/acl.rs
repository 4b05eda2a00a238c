//! ACLs: who may do what, as the authorizer keeps it and in words.
//!
//! The words are those of Kafka's own classes (AclOperation, ResourceType). Nothing here decides whether somebody
//! may: super users, `allow.everyone.if.no.acl.found` and authorizers of other makes stand above ACLs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What every user's principal begins with.
const USER: &str = "User:";

/// The name that stands for every name, and the host that stands for every host.
pub const ANY: &str = "*";

/// Names of AclOperation, from number 2 on.
pub const OPERATIONS: [&str; 14] = [
    "All",
    "Read",
    "Write",
    "Create",
    "Delete",
    "Alter",
    "Describe",
    "ClusterAction",
    "DescribeConfigs",
    "AlterConfigs",
    "IdempotentWrite",
    "CreateTokens",
    "DescribeTokens",
    "TwoPhaseCommit",
];

/// Whether a rule allows or denies; a denial counts more than whatever is allowed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Permission {
    /// It denies.
    Deny,
    /// It allows.
    #[default]
    Allow,
}

/// How a rule's name is compared with a resource's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pattern {
    /// They are the same, or the name is `*`.
    #[default]
    Literal,
    /// The resource's begins with it.
    Prefixed,
}

/// What a rule is about.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Resource {
    /// The cluster itself.
    #[default]
    Cluster,
    /// Topics.
    Topic,
    /// Groups.
    Group,
    /// Transactional ids.
    TransactionalId,
    /// Delegation tokens.
    DelegationToken,
    /// Users, for whom delegation tokens are made.
    User,
    /// One that is younger than this list: its number, or its name.
    Other(String),
}

impl Resource {
    /// The resource of that name, as custom resources write it.
    pub fn of(word: &str) -> Self {
        let known = [Self::Cluster, Self::Topic, Self::Group, Self::TransactionalId, Self::DelegationToken, Self::User];
        let found = known.into_iter().find(|one| one.word().eq_ignore_ascii_case(word));
        found.unwrap_or_else(|| Self::Other(word.to_owned()))
    }

    /// Its name in documents.
    pub fn word(&self) -> &str {
        match self {
            Self::Cluster => "cluster",
            Self::Topic => "topic",
            Self::Group => "group",
            Self::TransactionalId => "transactionalId",
            Self::DelegationToken => "delegationToken",
            Self::User => "user",
            Self::Other(word) => word,
        }
    }

    /// Its name in a sentence.
    fn noun(&self) -> &str {
        match self {
            Self::TransactionalId => "transactional id",
            Self::DelegationToken => "delegation token",
            other => other.word(),
        }
    }
}

/// What is allowed or denied: one operation, as the authorizer keeps it.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Acl {
    /// Who, as `User:orders-app` or `User:*`.
    pub principal: String,
    /// Whether it allows or denies.
    pub permission: Permission,
    /// What it is about.
    pub resource: Resource,
    /// The resource's name, or what it begins with.
    pub name: String,
    /// How names are compared.
    pub pattern: Pattern,
    /// From where; `*` is from anywhere.
    pub host: String,
    /// The operation, as `DescribeConfigs`.
    pub operation: String,
}

/// ACLs that differ in their operation alone: one line of what somebody may do.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Rule {
    /// Whether it allows or denies; denials come first.
    pub permission: Permission,
    /// What it is about.
    #[serde(serialize_with = "as_word")]
    pub resource: Resource,
    /// The resource's name, or what it begins with.
    pub name: String,
    /// How names are compared.
    pub pattern: Pattern,
    /// From where; `*` is from anywhere.
    pub host: String,
    /// The operations, as `Read`.
    pub operations: Vec<String>,
}

fn as_word<S: serde::Serializer>(resource: &Resource, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(resource.word())
}

/// What the authorizer said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Authorizer {
    /// There is none (SECURITY_DISABLED): everybody may do everything.
    Absent,
    /// There is one, with these ACLs, in order.
    Present(Vec<Acl>),
}

/// The name of a user's principal; of another kind of principal all of it.
pub fn user_of(principal: &str) -> &str {
    principal.strip_prefix(USER).unwrap_or(principal)
}

/// A user's principal.
pub fn principal_of(user: &str) -> String {
    format!("{USER}{user}")
}

/// Rules by principal, denials first.
pub fn rules(acls: &[Acl]) -> BTreeMap<String, Vec<Rule>> {
    let mut rules: BTreeMap<String, BTreeMap<Rule, Vec<String>>> = BTreeMap::new();
    for acl in acls {
        let rule = Rule {
            permission: acl.permission,
            resource: acl.resource.clone(),
            name: acl.name.clone(),
            pattern: acl.pattern,
            host: acl.host.clone(),
            operations: Vec::new(),
        };
        let operations = rules.entry(acl.principal.clone()).or_default().entry(rule).or_default();
        if !operations.contains(&acl.operation) {
            operations.push(acl.operation.clone());
        }
    }
    let whole = |(rule, mut operations): (Rule, Vec<String>)| {
        operations.sort_by_key(|operation| rank(operation));
        Rule { operations, ..rule }
    };
    rules.into_iter().map(|(principal, rules)| (principal, rules.into_iter().map(whole).collect())).collect()
}

/// The order in which operations are told: what matters most first.
fn rank(operation: &str) -> (usize, String) {
    const ORDER: [&str; 6] = ["All", "Read", "Write", "Create", "Delete", "Alter"];
    let place = ORDER.iter().position(|known| *known == operation).unwrap_or(ORDER.len());
    (place, operation.to_owned())
}

impl Rule {
    /// What may or may not be done, as `Read and Describe topics beginning with "orders", from anywhere`.
    pub fn sentence(&self) -> String {
        let operations = match self.operations.as_slice() {
            [] => "nothing on".to_owned(),
            [all] if all == "All" => "do everything with".to_owned(),
            [one] => one.clone(),
            [some @ .., last] => format!("{} and {last}", some.join(", ")),
        };
        let host = if self.host == ANY { "from anywhere".to_owned() } else { format!("from {} only", self.host) };
        format!("{operations} {}, {host}", self.object())
    }

    /// What it is about, in words.
    fn object(&self) -> String {
        let noun = self.resource.noun();
        match (&self.resource, self.pattern) {
            (Resource::Cluster, _) => "the cluster".to_owned(),
            (_, Pattern::Prefixed) => format!("{noun}s beginning with {:?}", self.name),
            (_, Pattern::Literal) if self.name == ANY => format!("all {noun}s"),
            (_, Pattern::Literal) => format!("{noun} {:?}", self.name),
        }
    }

    /// What it is about, in as few letters as can be: `orders*`, `group app*`, `all topics`.
    fn short(&self) -> String {
        let noun = match self.resource {
            Resource::Topic => String::new(),
            _ => format!("{} ", self.resource.noun()),
        };
        match (&self.resource, self.pattern) {
            (Resource::Cluster, _) => "the cluster".to_owned(),
            (_, Pattern::Prefixed) => format!("{noun}{}*", self.name),
            (_, Pattern::Literal) if self.name == ANY => format!("all {}s", self.resource.noun()),
            (_, Pattern::Literal) => format!("{noun}{}", self.name),
        }
    }

    /// What it comes to, the first of `VERBS` that fits.
    fn verb(&self) -> usize {
        let has = |some: &[&str]| self.operations.iter().any(|one| some.contains(&one.as_str()));
        let reads = has(&["Read"]);
        match self.resource {
            _ if self.permission == Permission::Deny => 0,
            _ if has(&["All"]) => 1,
            _ if has(&["Create", "Delete", "Alter", "AlterConfigs", "ClusterAction"]) => 2,
            Resource::Topic if reads && has(&["Write"]) => 3,
            Resource::Topic if reads => 4,
            _ if has(&["Write", "IdempotentWrite"]) => 5,
            _ if reads => 6,
            _ => 7,
        }
    }
}

/// What rules come to, in a few words; a group that may be read needs none.
const VERBS: [&str; 8] = ["NOT: ", "everything on ", "changes ", "reads and writes ", "reads ", "writes ", "", "sees "];

/// Names that one part of a summary tells; of more it tells how many.
const TOLD: usize = 4;

/// Rules in a few words: `reads orders, payments*; group app*`.
pub fn summary(rules: &[Rule]) -> String {
    let mut parts: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for rule in rules {
        let objects = parts.entry(rule.verb()).or_default();
        let denied = rule.permission == Permission::Deny;
        let object = if denied { format!("{} {}", rule.operations.join("+"), rule.short()) } else { rule.short() };
        if !objects.contains(&object) {
            objects.push(object);
        }
    }
    let part = |(verb, objects): (usize, Vec<String>)| {
        let more = objects.len().saturating_sub(TOLD);
        let told = objects[..objects.len() - more].join(", ");
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!("{}{told}{more}", VERBS[verb])
    };
    parts.into_iter().map(part).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn acl(principal: &str, resource: &str, name: &str, operation: &str) -> Acl {
        Acl {
            principal: principal.into(),
            resource: Resource::of(resource),
            name: name.into(),
            host: ANY.into(),
            operation: operation.into(),
            ..Acl::default()
        }
    }

    fn prefixed(acl: Acl) -> Acl {
        Acl { pattern: Pattern::Prefixed, ..acl }
    }

    #[test]
    fn operations_on_one_thing_become_one_rule_and_denials_come_first() {
        let deny =
            Acl { permission: Permission::Deny, host: "10.0.0.1".into(), ..acl("User:a", "topic", "secret", "Read") };
        let acls = [
            acl("User:a", "topic", "orders", "Describe"),
            acl("User:a", "topic", "orders", "Write"),
            acl("User:a", "topic", "orders", "Read"),
            acl("User:a", "topic", "orders", "Read"),
            deny,
            acl("Group:ops", "cluster", "kafka-cluster", "All"),
        ];
        let rules = rules(&acls);
        let words: Vec<String> = rules["User:a"].iter().map(Rule::sentence).collect();
        assert_eq!(
            words,
            ["Read topic \"secret\", from 10.0.0.1 only", "Read, Write and Describe topic \"orders\", from anywhere"]
        );
        assert_eq!(rules["Group:ops"][0].sentence(), "do everything with the cluster, from anywhere");
        assert_eq!(summary(&rules["User:a"]), "NOT: Read secret; reads and writes orders");
    }

    #[test]
    fn a_summary_says_what_it_comes_to() {
        let told = |acls: &[Acl]| summary(&rules(acls)["User:a"]);
        assert_eq!(
            told(&[
                acl("User:a", "topic", "orders", "Read"),
                acl("User:a", "topic", "orders", "Describe"),
                prefixed(acl("User:a", "topic", "payments", "Read")),
                prefixed(acl("User:a", "group", "app", "Read")),
            ]),
            "reads orders, payments*; group app*"
        );
        assert_eq!(
            told(&[
                acl("User:a", "cluster", "kafka-cluster", "Describe"),
                acl("User:a", "topic", "*", "DescribeConfigs"),
                acl("User:a", "group", "*", "Describe"),
                acl("User:a", "transactionalId", "*", "Describe"),
            ]),
            "sees the cluster, all topics, all groups, all transactional ids"
        );
        let many: Vec<Acl> = (0..7).map(|n| acl("User:a", "topic", &format!("t{n}"), "Write")).collect();
        assert_eq!(told(&many), "writes t0, t1, t2, t3 and 3 more");
        assert_eq!(told(&[acl("User:a", "topic", "x", "AlterConfigs")]), "changes x");
        assert_eq!(told(&[acl("User:a", "11", "x", "operation 42")]), "sees 11 x");
    }

    #[test]
    fn a_user_is_named_without_its_kind_and_others_with_theirs() {
        assert_eq!((user_of("User:CN=a,O=b"), user_of("Group:ops")), ("CN=a,O=b", "Group:ops"));
        assert_eq!(principal_of("*"), "User:*");
    }
}
