//! Users as rows: what brokers keep of each, joined with the KafkaUser that declares it.
//!
//! They are joined by their principal, which is how a broker calls them. Brokers' answers and the watch are of
//! different moments, so what follows only from their difference is said when the answer is the younger of the two.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::domain::{
    acl::{self, Rule},
    freshness::{Asked, Freshness, Kind},
    ids::ObjectKey,
    installation::{Condition, Flavour},
    strimzi::KafkaUser,
    user::{Limits, Quota, ScramCredential},
};

use super::{
    Reading,
    kafka::{KafkaWorld, Rules},
};

/// The label of a KafkaUser that says whose it is.
const CLUSTER: &str = "strimzi.io/cluster";

/// What stands for all users that have no quotas of their own, as Kafka's tools write it.
const DEFAULT: &str = "<default>";

/// Principals that are nobody in particular: no KafkaUser declares them.
const NOBODY: [&str; 3] = ["User:*", "User:ANONYMOUS", DEFAULT];

/// Who said something of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Told {
    /// The brokers, which act by it.
    #[serde(rename = "brokers")]
    Brokers,
    /// The KafkaUser: what is to be.
    #[serde(rename = "KafkaUser")]
    Resource,
}

/// One user, as a row.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "each holds or not whatever the others do")]
pub struct UserRow {
    /// Name; of other principals than users all of the principal.
    pub name: String,
    /// Principal, as ACLs write it.
    pub principal: String,
    /// How it logs in, as `SCRAM-SHA-512` or `TLS`; `None` when nothing tells.
    pub mechanism: Option<String>,
    /// `KafkaUser NAMESPACE/NAME`, or `super user`; `None` without either.
    pub owner: Option<String>,
    /// What it may and may not do, denials first; `None` when not known.
    pub acls: Option<Vec<Rule>>,
    /// Who says so.
    pub acls_from: Option<Told>,
    /// Limits of the user as a whole; `None` when not known.
    pub quotas: Option<Limits>,
    /// Who says so.
    pub quotas_from: Option<Told>,
    /// Limits of the user with some of its clients: which, and what.
    pub client_quotas: Vec<ClientQuota>,
    /// Its SCRAM credentials on the brokers; `None` when not known.
    pub scram: Option<Vec<ScramCredential>>,
    /// ACLs do not bind it.
    pub super_user: bool,
    /// What is wrong with it.
    pub issue: Option<String>,
    /// `metadata.generation` of its KafkaUser.
    pub generation: Option<i64>,
    /// `status.observedGeneration` of its KafkaUser.
    pub observed_generation: Option<i64>,
    /// It can do less than it should.
    #[serde(skip)]
    pub broken: bool,
    /// Its KafkaUser.
    #[serde(skip)]
    pub resource: Option<ObjectKey>,
    /// It is declared with SCRAM, and the brokers, asked since, have no credential of it.
    #[serde(skip)]
    pub without_credential: bool,
    /// What the operator says of it.
    #[serde(skip)]
    pub conditions: Vec<Condition>,
    /// `spec.authentication.type` of its KafkaUser.
    #[serde(skip)]
    pub declared: Option<String>,
    /// False where no authorizer asks what it may; `None` when not known.
    #[serde(skip)]
    pub authorizer: Option<bool>,
    /// Whether a KafkaUser of it would be seen.
    #[serde(skip)]
    pub owner_is_known: bool,
}

impl UserRow {
    /// True for what stands for all users that have no quotas of their own.
    pub fn is_default(&self) -> bool {
        self.principal == DEFAULT
    }
}

/// Limits of a part of what is there: of a user's clients, of clients or of addresses.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClientQuota {
    /// Which, as `client-id "app"`.
    pub of: String,
    /// The limits.
    pub limits: Limits,
}

impl ClientQuota {
    fn of(quota: &Quota) -> Self {
        Self { of: quota.beside_user(), limits: quota.limits.clone() }
    }
}

impl Reading<'_> {
    /// All users that somebody knows of, by name.
    pub fn users(&self) -> Vec<UserRow> {
        let none = KafkaWorld::default();
        let join = Join::new(self, self.kafka().unwrap_or(&none));
        let mut rows: Vec<UserRow> = join.principals().into_iter().map(|principal| join.row(&principal)).collect();
        rows.sort_by(|a, b| (&a.name, &a.principal).cmp(&(&b.name, &b.principal)));
        rows
    }

    /// Whether an authorizer asks what somebody may; `None` before brokers told.
    pub fn authorizer(&self) -> Option<bool> {
        Some(*self.kafka()?.rules.as_ref()? != Rules::NoAuthorizer)
    }

    /// Quotas that are of no user: of clients and of addresses.
    pub fn quotas_of_no_user(&self) -> Vec<ClientQuota> {
        let quotas = self.kafka().and_then(|k| k.quotas.as_ref()).into_iter().flatten();
        quotas.filter(|q| q.user().is_none()).map(ClientQuota::of).collect()
    }

    /// What brokers are asked of users, each with its state.
    pub fn asked_of_users(&self) -> [(Asked, Freshness); 3] {
        [Asked::ScramUsers, Asked::Acls, Asked::Quotas].map(|what| (what, self.asked(what)))
    }
}

/// Everything that is joined.
struct Join<'a> {
    kafka: &'a KafkaWorld,
    resources: BTreeMap<String, &'a KafkaUser>,
    super_users: BTreeSet<String>,
    /// A User Operator looks after users, and all that declare one are seen.
    managed: bool,
    owner_is_known: bool,
    scram_at: Option<DateTime<Utc>>,
}

impl<'a> Join<'a> {
    fn new(reading: &Reading<'a>, kafka: &'a KafkaWorld) -> Self {
        let id = &reading.installation.id;
        let strimzi = reading.installation.flavour == Flavour::Strimzi;
        let of_strimzi = reading.world.kube.kafkas.get(&ObjectKey::new(&id.namespace, &id.name));
        let users_in = of_strimzi.and_then(|kafka| kafka.users_in.as_ref());
        let namespace = users_in.unwrap_or(&id.namespace);
        let ours = |user: &&KafkaUser| {
            strimzi && user.meta.namespace == *namespace && user.meta.labels.get(CLUSTER) == Some(&id.name)
        };
        let all = reading.world.kube.users.values().map(AsRef::as_ref).filter(ours);
        let seen = reading.watch(Kind::Users).as_of.is_some();
        Self {
            kafka,
            resources: all.map(|user| (acl::principal_of(&user.called()), user)).collect(),
            super_users: reading
                .installation
                .super_users
                .iter()
                .map(|user| acl::principal_of(acl::user_of(user)))
                .collect(),
            managed: users_in.is_some() && seen,
            owner_is_known: seen || !strimzi,
            scram_at: reading.asked(Asked::ScramUsers).as_of,
        }
    }

    fn rules(&self) -> Option<&'a BTreeMap<String, Vec<Rule>>> {
        match self.kafka.rules.as_ref()? {
            Rules::Of(rules) => Some(rules),
            Rules::NoAuthorizer => None,
        }
    }

    fn quotas(&self) -> impl Iterator<Item = (String, &'a Quota)> {
        let all = self.kafka.quotas.iter().flatten();
        all.filter_map(|q| Some((q.user()?.map_or_else(|| DEFAULT.to_owned(), acl::principal_of), q)))
    }

    fn principals(&self) -> BTreeSet<String> {
        let mut all: BTreeSet<String> = self.resources.keys().chain(&self.super_users).cloned().collect();
        all.extend(self.kafka.scram.iter().flatten().map(|(name, _)| acl::principal_of(name)));
        all.extend(self.rules().into_iter().flat_map(|rules| rules.keys().cloned()));
        all.extend(self.quotas().map(|(principal, _)| principal));
        all
    }

    fn row(&self, principal: &str) -> UserRow {
        let name = acl::user_of(principal);
        let resource = self.resources.get(principal).copied();
        let is_user = name != principal;
        let scram = self.kafka.scram.as_ref().map(|all| {
            let found = all.get(name).filter(|_| is_user);
            found.map(|user| user.credentials.clone()).unwrap_or_default()
        });
        let (acls, acls_from) = self.acls(principal, resource);
        let (quotas, quotas_from) = self.limits(principal, resource);
        let super_user = self.super_users.contains(principal);
        let beside = self.quotas().filter(|(of, q)| of == principal && q.entity.len() > 1);
        let owner = resource.map(|user| format!("KafkaUser {}/{}", user.meta.namespace, user.meta.name));
        let mut row = UserRow {
            name: name.to_owned(),
            principal: principal.to_owned(),
            mechanism: mechanism(name, is_user, resource, scram.as_deref()),
            owner: owner.or_else(|| super_user.then(|| "super user".to_owned())),
            acls,
            acls_from,
            quotas,
            quotas_from,
            client_quotas: beside.map(|(_, q)| ClientQuota::of(q)).collect(),
            scram,
            super_user,
            issue: None,
            generation: resource.and_then(|user| user.generation),
            observed_generation: resource.and_then(|user| user.observed_generation),
            broken: false,
            resource: resource.map(|user| user.meta.key()),
            conditions: resource.map(|user| user.conditions.clone()).unwrap_or_default(),
            declared: resource.and_then(|user| user.authentication.clone()),
            authorizer: self.kafka.rules.as_ref().map(|rules| *rules != Rules::NoAuthorizer),
            owner_is_known: self.owner_is_known,
            without_credential: false,
        };
        row.without_credential = resource.is_some_and(|user| self.has_no_credential(user, &row));
        if let Some((issue, broken)) = self.issue(&row) {
            (row.issue, row.broken) = (Some(issue), broken);
        }
        row
    }

    /// What it may: as brokers say it, else as it is declared.
    fn acls(&self, principal: &str, resource: Option<&KafkaUser>) -> (Option<Vec<Rule>>, Option<Told>) {
        if self.kafka.rules.is_some() {
            let rules = self.rules().and_then(|rules| rules.get(principal)).cloned().unwrap_or_default();
            return (Some(rules), Some(Told::Brokers));
        }
        let declared = resource.and_then(KafkaUser::declared);
        let rules = declared.map(|acls| acl::rules(&acls).remove(principal).unwrap_or_default());
        let from = rules.as_ref().map(|_| Told::Resource);
        (rules, from)
    }

    /// Its limits: as brokers say them, else as they are declared.
    fn limits(&self, principal: &str, resource: Option<&KafkaUser>) -> (Option<Limits>, Option<Told>) {
        if self.kafka.quotas.is_some() {
            let own = self.quotas().find(|(of, q)| of == principal && q.entity.len() == 1);
            return (Some(own.map(|(_, q)| q.limits.clone()).unwrap_or_default()), Some(Told::Brokers));
        }
        let declared = resource.and_then(|user| user.quotas.clone());
        let from = declared.as_ref().map(|_| Told::Resource);
        (declared, from)
    }

    /// What is wrong with a user, worst first, and whether it can do less than it should.
    fn issue(&self, row: &UserRow) -> Option<(String, bool)> {
        if row.resource.is_some() {
            return Self::issue_of_resource(row);
        }
        let error = self.kafka.scram.as_ref().and_then(|all| all.get(&row.name)?.error.as_ref());
        if let Some(error) = error {
            return Some((format!("its credentials: {error}"), true));
        }
        let has_more = row.scram.as_ref().is_some_and(|s| !s.is_empty())
            || row.acls.as_ref().is_some_and(|a| !a.is_empty())
            || row.quotas.as_ref().is_some_and(|q| !q.is_empty());
        let is_somebody = row.principal != row.name && !NOBODY.contains(&row.principal.as_str());
        let unmanaged = self.managed && has_more && is_somebody && !row.super_user;
        unmanaged.then(|| ("not managed: no KafkaUser, and the User Operator deletes such users".to_owned(), false))
    }

    fn issue_of_resource(row: &UserRow) -> Option<(String, bool)> {
        if let Some(unready) = row.conditions.iter().find(|c| c.is_unready()) {
            let why = [&unready.reason, &unready.message].into_iter().flatten().cloned().collect::<Vec<_>>().join(": ");
            return Some((format!("not ready: {}", if why.is_empty() { "no reason is given" } else { &why }), true));
        }
        let ready = row.conditions.iter().find(|c| c.kind == "Ready" && c.status == "True");
        if ready.is_none() {
            return Some(("no operator has told of this KafkaUser yet".to_owned(), false));
        }
        if let (Some(wanted), Some(seen)) = (row.generation, row.observed_generation)
            && wanted != seen
        {
            return Some((format!("generation {wanted}, operator saw {seen}"), false));
        }
        row.without_credential.then(|| ("the brokers have no SCRAM credential of it".to_owned(), true))
    }

    /// True for a user with SCRAM that the brokers do not know, unless it was made after they were asked.
    fn has_no_credential(&self, user: &KafkaUser, row: &UserRow) -> bool {
        let ready = user.conditions.iter().find(|c| c.kind == "Ready" && c.status == "True");
        let since = ready.and_then(|c| c.since.as_ref()?.parse::<DateTime<Utc>>().ok()).or(user.meta.created_at);
        let asked_since = self.scram_at.is_some_and(|at| since.is_none_or(|since| at > since));
        let is_scram = user.authentication.as_deref().is_some_and(|kind| kind.starts_with("scram"));
        is_scram && asked_since && row.scram.as_ref().is_some_and(Vec::is_empty)
    }
}

/// How a user logs in, as far as something tells.
fn mechanism(
    name: &str,
    is_user: bool,
    resource: Option<&KafkaUser>,
    scram: Option<&[ScramCredential]>,
) -> Option<String> {
    match resource.and_then(|user| user.authentication.as_deref()) {
        Some("tls") => return Some("TLS".to_owned()),
        Some("tls-external") => return Some("TLS (external)".to_owned()),
        _ => {}
    }
    if let Some(some) = scram.filter(|some| !some.is_empty()) {
        return Some(some.iter().map(|c| c.mechanism.as_str()).collect::<Vec<_>>().join(", "));
    }
    match resource.and_then(|user| user.authentication.as_ref()) {
        Some(declared) => Some(declared.to_ascii_uppercase()),
        // The name of a certificate.
        None => (is_user && name.starts_with("CN=")).then(|| "TLS".to_owned()),
    }
}
