//! Ways into an installation, best first: the first needs the least.
//!
//! Listeners and users are read from what declares them; where a credential is kept follows from names that
//! operators and charts have promised. No Secret is read or listed here: one that is missing is told by `io`
//! when the way is gone. A listener of which nothing says how it is protected is no way.

use std::cmp::Reverse;

use super::{
    ports::{listeners, rank},
    settings::Settings,
};
use crate::domain::{
    access::{Encryption, Login, Mechanism, Owner, SecretKey, Way},
    ids::InstallationId,
    installation::{Condition, Listener},
    strimzi::{Acl, KafkaResource, KafkaUser, ListenerSpec},
};

/// Parts of the names of users that were made to look on.
const CONSOLES: [&str; 9] =
    ["console", "kafdeck", "monitor", "observer", "readonly", "read-only", "viewer", "exporter", "dashboard"];

/// Operations that change nothing.
const LOOKING: [&str; 3] = ["Describe", "DescribeConfigs", "Read"];

/// Operations that change how the cluster is.
const RULING: [&str; 5] = ["All", "Alter", "AlterConfigs", "ClusterAction", "Delete"];

/// Strimzi's listener for its own operators, and how it is called in a broker's configuration.
const OPERATORS_PORT: u16 = 9091;
const OPERATORS_LISTENER: &str = "REPLICATION-9091";

/// What Bitnami's chart promises about its Secrets.
pub(super) struct Bitnami {
    /// Where they are.
    pub namespace: String,
    /// What their names begin with.
    pub full: String,
    /// Users in the order of their passwords.
    pub users: Vec<String>,
    /// True before chart 24, when they had another name.
    pub is_old: bool,
}

impl Bitnami {
    fn secret(&self, suffix: &str, key: &str) -> SecretKey {
        SecretKey { namespace: self.namespace.clone(), name: format!("{}-{suffix}", self.full), key: key.to_owned() }
    }

    fn passwords(&self, key: &str) -> SecretKey {
        self.secret(if self.is_old { "jaas" } else { "user-passwords" }, key)
    }
}

/// Listeners for clients, and ways in, of brokers with these settings.
pub(super) fn of_settings(settings: &Settings, bitnami: Option<&Bitnami>) -> (Vec<Listener>, Vec<Way>) {
    let of = |name: &str| settings.value(name).unwrap_or_default();
    let mut bound = listeners(of("listeners"));
    if bound.is_empty() {
        // Confluent's image listens where it advertises.
        bound = listeners(of("advertised.listeners"));
    }
    let controllers = settings.value("controller.listener.names").unwrap_or("CONTROLLER");
    let is_of = |names: &str, name: &str| names.split(',').any(|one| one.trim() == name);
    let between = settings.value("inter.broker.listener.name").unwrap_or_default();
    let mut serving: Vec<(&str, u16)> = bound.into_iter().filter(|(name, _)| !is_of(controllers, name)).collect();
    // Brokers may use the listener of clients among themselves; only one of their own is left for last.
    serving.sort_by_key(|(name, _)| (*name == between, rank(name)));
    let known: Vec<Listener> = serving.iter().map(|(name, port)| listener(name, *port, settings)).collect();
    let mut ways: Vec<Way> = Vec::new();
    for listener in &known {
        let own = listener.name == between && known.len() > 1;
        ways.extend(ways_of(listener, own, bitnami));
    }
    ways.sort_by_key(|way| way.owner);
    (known, ways)
}

/// A listener as the settings describe it.
fn listener(name: &str, port: u16, settings: &Settings) -> Listener {
    let known = ["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"];
    let map = settings.value("listener.security.protocol.map");
    let mapped = map.unwrap_or_default().split(',').find_map(|one| {
        let (listener, protocol) = one.trim().split_once(':')?;
        (listener.trim() == name).then(|| protocol.trim().to_ascii_uppercase())
    });
    // Without a map, Kafka takes listeners that are called like a protocol for ones of it.
    let protocol = mapped.or_else(|| known.contains(&name).then(|| name.to_owned()));
    let asks = settings.of_listener(name, "ssl.client.auth") == Some("required");
    let authentication = match protocol.as_deref() {
        Some("SSL") if asks => Some("tls"),
        Some(sasl) if sasl.starts_with("SASL") => settings.of_listener(name, "sasl.enabled.mechanisms"),
        _ => None,
    };
    Listener {
        name: name.to_owned(),
        port,
        authentication: authentication.map(str::to_owned),
        protocol: protocol.filter(|protocol| known.contains(&protocol.as_str())),
        internal: rank(name) <= super::ports::LISTENERS.len(),
    }
}

/// The ways through one listener; `own` is one that brokers keep for themselves.
fn ways_of(listener: &Listener, own: bool, bitnami: Option<&Bitnami>) -> Vec<Way> {
    let Some(protocol) = listener.protocol.as_deref() else { return Vec::new() };
    let encryption = protocol
        .ends_with("SSL")
        .then(|| Encryption { trust: bitnami.iter().map(|chart| chart.secret("tls", "ca.crt").into()).collect() });
    let way = |login: Option<Login>, owner: Owner| Way {
        listener: listener.name.clone(),
        port: listener.port,
        encryption: encryption.clone(),
        login,
        owner,
    };
    if !protocol.starts_with("SASL") {
        let asks = listener.authentication.is_some();
        return if asks { Vec::new() } else { vec![way(None, Owner::Nobody)] };
    }
    let Some(chart) = bitnami else { return Vec::new() };
    let mechanism = mechanism(listener.authentication.as_deref());
    let sasl = |user: &str, password: SecretKey, nth: Option<usize>| {
        Some(Login::Sasl { mechanism, user: user.to_owned(), password: password.into(), nth })
    };
    if own {
        let password = chart.passwords("inter-broker-password");
        return vec![way(sasl("inter_broker_user", password, None), Owner::Administrator)];
    }
    let users = chart.users.iter().enumerate();
    users
        .map(|(nth, user)| {
            let owner = if is_console(user) { Owner::Console } else { Owner::Application };
            way(sasl(user, chart.passwords("client-passwords"), Some(nth)), owner)
        })
        .collect()
}

/// The best of the mechanisms that a listener takes.
///
/// PLAIN first: Bitnami's brokers take it from the Secret of now, SCRAM from when the volume was formatted.
fn mechanism(enabled: Option<&str>) -> Mechanism {
    let known = [Mechanism::Plain, Mechanism::ScramSha512, Mechanism::ScramSha256];
    let is_enabled = |mechanism: &Mechanism| {
        enabled.is_none_or(|list| list.split(',').any(|one| one.trim().eq_ignore_ascii_case(&mechanism.to_string())))
    };
    known.into_iter().find(is_enabled).unwrap_or(Mechanism::Plain)
}

/// True for a name of somebody who looks on.
fn is_console(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    CONSOLES.iter().any(|console| name.contains(console))
}

/// Listeners and ways into a cluster of Strimzi's.
pub(super) fn of_strimzi(
    id: &InstallationId,
    kafka: Option<&KafkaResource>,
    users: &[&KafkaUser],
) -> (Vec<Listener>, Vec<Way>) {
    let Some(kafka) = kafka else { return (Vec::new(), Vec::new()) };
    let mut specs: Vec<&ListenerSpec> = kafka.listeners.iter().collect();
    // Within the cluster before beyond it, encrypted before open.
    specs.sort_by_key(|spec| (!is_internal(spec), !spec.tls, spec.port));
    let mut users: Vec<(Owner, &KafkaUser)> = users.iter().map(|user| (owner(user, kafka), *user)).collect();
    let unready = |user: &KafkaUser| user.conditions.iter().any(Condition::is_unready);
    users.sort_by_key(|(owner, user)| (*owner, unready(user), Reverse(reach(user)), user.meta.name.clone()));
    let mut ways: Vec<Way> = Vec::new();
    for spec in &specs {
        ways.extend(ways_through(id, spec, &users));
    }
    ways.push(operators(id));
    // Stable, so among users of one kind the order is that of the listeners, then that of the users.
    let place = |way: &Way| users.iter().position(|(_, user)| way.user() == Some(user.called().as_str()));
    ways.sort_by_key(|way| (way.owner, place(way)));
    (specs.into_iter().map(declared).collect(), ways)
}

/// A listener as it is declared.
fn declared(spec: &ListenerSpec) -> Listener {
    let sasl = spec.authentication.as_deref().is_some_and(|kind| kind != "tls");
    let protocol = match (spec.tls, sasl) {
        (false, false) => "PLAINTEXT",
        (true, false) => "SSL",
        (false, true) => "SASL_PLAINTEXT",
        (true, true) => "SASL_SSL",
    };
    Listener {
        name: spec.name.clone(),
        port: spec.port,
        protocol: Some(protocol.to_owned()),
        authentication: spec.authentication.clone(),
        internal: is_internal(spec),
    }
}

fn is_internal(spec: &ListenerSpec) -> bool {
    matches!(spec.kind.as_str(), "internal" | "cluster-ip")
}

/// The ways through one listener.
fn ways_through(id: &InstallationId, spec: &ListenerSpec, users: &[(Owner, &KafkaUser)]) -> Vec<Way> {
    let encryption = spec.tls.then(|| Encryption {
        // A certificate of one's own is signed by whoever signed it: the machine's authorities may know them.
        trust: if spec.own_certificate { Vec::new() } else { vec![secret(id, "-cluster-ca-cert", "ca.crt").into()] },
    });
    let way = |login: Option<Login>, owner: Owner| Way {
        listener: spec.name.clone(),
        port: spec.port,
        encryption: encryption.clone(),
        login,
        owner,
    };
    let Some(kind) = spec.authentication.as_deref() else { return vec![way(None, Owner::Nobody)] };
    let fitting = users.iter().filter(|(_, user)| user.authentication.as_deref() == Some(kind));
    fitting.filter_map(|(owner, user)| Some(way(Some(login(user, kind)?), *owner))).collect()
}

/// How a user logs in.
fn login(user: &KafkaUser, kind: &str) -> Option<Login> {
    let name = user.secret.clone().unwrap_or_else(|| user.meta.name.clone());
    let key = |key: &str| SecretKey { namespace: user.meta.namespace.clone(), name: name.clone(), key: key.to_owned() };
    match kind {
        "scram-sha-512" => Some(Login::Sasl {
            mechanism: Mechanism::ScramSha512,
            user: user.called(),
            password: key("password").into(),
            nth: None,
        }),
        "tls" => Some(Login::Certificate {
            user: user.called(),
            certificate: key("user.crt").into(),
            key: key("user.key").into(),
        }),
        _ => None,
    }
}

/// Whose credential a user's is: an administrator's by what it may, a console's by what it is for.
fn owner(user: &KafkaUser, kafka: &KafkaResource) -> Owner {
    let called = user.called();
    let is_super = kafka.super_users.iter().any(|name| name.trim_start_matches("User:") == called);
    let granted = || user.acls.iter().flatten().filter(|acl| !acl.deny);
    let rules = |acl: &Acl| acl.resource == "cluster" && has_one_of(acl, &RULING);
    if is_super || granted().any(rules) {
        return Owner::Administrator;
    }
    let looks_only = user.acls.is_some() && granted().all(|acl| acl.operations.iter().all(|o| is_one_of(o, &LOOKING)));
    let labelled = user.meta.labels.values().any(|value| is_console(value));
    let is_named = is_console(&user.meta.name) || labelled;
    // Without ACLs of its own the name is all there is; with some that write it is an application after all.
    if (is_named && (user.acls.is_none() || looks_only)) || (looks_only && reach(user) > 1) {
        Owner::Console
    } else {
        Owner::Application
    }
}

/// How much a user sees: of the cluster, all topics and all groups, how many.
fn reach(user: &KafkaUser) -> usize {
    let sees = |resource: &str| {
        let covers = |acl: &&Acl| {
            acl.resource == resource
                && (resource == "cluster" || acl.name == "*")
                && has_one_of(acl, &["Describe", "Read", "All"])
        };
        user.acls.iter().flatten().filter(|acl| !acl.deny).any(|acl| covers(&acl))
    };
    ["cluster", "topic", "group"].into_iter().filter(|resource| sees(resource)).count()
}

fn has_one_of(acl: &Acl, operations: &[&str]) -> bool {
    acl.operations.iter().any(|operation| is_one_of(operation, operations))
}

fn is_one_of(operation: &str, operations: &[&str]) -> bool {
    operations.iter().any(|one| operation.eq_ignore_ascii_case(one))
}

/// The operators' own way, which leads everywhere and is there without any user.
fn operators(id: &InstallationId) -> Way {
    const CERTS: &str = "-cluster-operator-certs";
    Way {
        listener: OPERATORS_LISTENER.to_owned(),
        port: OPERATORS_PORT,
        encryption: Some(Encryption { trust: vec![secret(id, "-cluster-ca-cert", "ca.crt").into()] }),
        login: Some(Login::Certificate {
            user: "CN=cluster-operator,O=io.strimzi".to_owned(),
            certificate: secret(id, CERTS, "cluster-operator.crt").into(),
            key: secret(id, CERTS, "cluster-operator.key").into(),
        }),
        owner: Owner::Administrator,
    }
}

/// A key of a Secret whose name begins with the cluster's.
fn secret(id: &InstallationId, suffix: &str, key: &str) -> SecretKey {
    SecretKey { namespace: id.namespace.clone(), name: format!("{}{suffix}", id.name), key: key.to_owned() }
}
