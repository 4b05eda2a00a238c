//! Which of the ways into an installation is gone, for a purpose and somebody's wish; or why none is.
//!
//! What is nobody's, was given by hand or was made for consoles is used unasked; an application's or an
//! administrator's credential only when it is wished by name; for a change, an administrator's is announced instead. A listener that is known to ask for something is
//! never tried without it: that would tell nothing, and fill the brokers' logs. Pure; the App calls it.

use crate::domain::{
    access::{Encryption, Handed, Keep, Login, Mechanism, Owner, Purpose, Way, Wish},
    installation::{Flavour, Installation, Listener},
};

/// How many users a sentence names.
const NAMED: usize = 4;

/// What was chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// Nothing tells what the brokers' port asks for: it is tried without anything.
    Open,
    /// This way.
    Taken {
        /// The way.
        way: Way,
        /// True when somebody wished for it.
        wished: bool,
    },
    /// None, as long as nobody says more.
    Closed(Closed),
}

/// Why no way is gone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Closed {
    /// What is asked for and who is known, without a period.
    pub what: String,
    /// Users whose credentials are there to be borrowed, the least privileged first.
    pub users: Vec<String>,
}

impl Choice {
    /// The way as it is dialled; `None` is the brokers' own port, without anything.
    pub fn dialled(&self) -> Option<&Way> {
        match self {
            // A listener that asks nothing is the default and no way of its own, unless it was wished for.
            Self::Taken { way, wished } if *wished || !way.is_plain() => Some(way),
            _ => None,
        }
    }

    /// The way, as far as one is known.
    pub fn way(&self) -> Option<&Way> {
        if let Self::Taken { way, .. } = self { Some(way) } else { None }
    }

    /// Why none is gone.
    pub fn closed(&self) -> Option<&Closed> {
        if let Self::Closed(closed) = self { Some(closed) } else { None }
    }
}

/// Chooses a way.
pub fn choose(of: &Installation, purpose: Purpose, wish: &Wish) -> Choice {
    let listeners: Vec<&Listener> = of.listeners.iter().filter(|l| is_wished(&l.name, wish)).collect();
    let mut ways = of.ways.iter().filter(|way| is_wished(&way.listener, wish));
    if let Some(handed) = &wish.handed {
        return with_handed(of, wish, handed);
    }
    if listeners.is_empty() && ways.clone().next().is_none() && wish.listener.is_some() {
        return no_listener(of, wish);
    }
    if let Some(user) = &wish.user {
        return match ways.clone().find(|way| way.is_of(user)) {
            Some(way) => Choice::Taken { way: way.clone(), wished: true },
            None => Choice::Closed(nobody(of, user, wish)),
        };
    }
    if let Some(way) = ways.find(|way| way.owner.is_unasked() && can(way, purpose)) {
        return Choice::Taken { way: way.clone(), wished: wish.listener.is_some() };
    }
    if !listeners.is_empty() && listeners.iter().all(|listener| asks(listener).is_some()) {
        // Whoever changes something says yes to a plan, which announces an administrator's credential.
        let administrator =
            || of.ways.iter().find(|way| way.owner == Owner::Administrator && is_wished(&way.listener, wish));
        if let Some(way) = administrator().filter(|_| purpose == Purpose::Administer) {
            return Choice::Taken { way: way.clone(), wished: false };
        }
        return Choice::Closed(closed(of, &listeners));
    }
    match (&wish.listener, listeners.first()) {
        (Some(_), Some(one)) => Choice::Taken { way: Way::plaintext(&one.name, one.port), wished: true },
        _ => Choice::Open,
    }
}

/// True for a listener that is wished for, or where none is.
fn is_wished(listener: &str, wish: &Wish) -> bool {
    wish.listener.as_deref().is_none_or(|name| name.eq_ignore_ascii_case(listener))
}

/// What a console's own user may: look on, and nothing else.
fn can(way: &Way, purpose: Purpose) -> bool {
    purpose != Purpose::Administer || way.owner != Owner::Console
}

/// What a listener asks for; `None` when it asks nothing, or nothing is known.
pub fn asks(listener: &Listener) -> Option<String> {
    let is_sasl = listener.protocol.as_deref().is_some_and(|protocol| protocol.starts_with("SASL"));
    match listener.authentication.as_deref() {
        Some("tls") => Some("a client certificate".to_owned()),
        Some(how) if is_sasl => {
            Some(how.split(',').map(|one| one.trim().to_uppercase()).collect::<Vec<_>>().join(", "))
        }
        Some(how) => Some(format!("{how} authentication")),
        None => is_sasl.then(|| "a login".to_owned()),
    }
}

fn closed(of: &Installation, listeners: &[&Listener]) -> Closed {
    let asked: Vec<String> = listeners
        .iter()
        .enumerate()
        .map(|(at, listener)| {
            let what = asks(listener).unwrap_or_else(|| "something".to_owned());
            format!(
                "{} {}{} for {what}",
                if at == 0 { "listener" } else { "" },
                listener.name,
                if at == 0 { " asks" } else { "" }
            )
        })
        .map(|words| words.trim().to_owned())
        .collect();
    let names: Vec<&str> = listeners.iter().map(|l| l.name.as_str()).collect();
    let ways: Vec<&Way> = of.ways.iter().filter(|way| way.login.is_some()).collect();
    let here: Vec<&Way> = ways.iter().copied().filter(|way| names.contains(&way.listener.as_str())).collect();
    // Brokers' own listeners are not among those of clients, and yet a way.
    let ways = if here.len() < ways.len() && names.len() == of.listeners.len() { ways } else { here };
    Closed { what: format!("{}; {}", asked.join(", "), known(of, &ways)), users: users(&ways) }
}

/// Every user once, the least privileged first.
fn users(ways: &[&Way]) -> Vec<String> {
    let mut users: Vec<String> = Vec::new();
    for way in ways {
        if let Some(user) = way.user().map(short).filter(|user| !users.contains(user)) {
            users.push(user);
        }
    }
    users
}

/// Users in words: `known users: orders-app (application, KafkaUser shop/orders-app)`.
fn known(of: &Installation, ways: &[&Way]) -> String {
    let names = users(ways);
    let word = |name: &String| {
        let way = ways.iter().find(|way| way.user().map(short).as_ref() == Some(name));
        way.map_or_else(|| name.clone(), |way| format!("{name} ({})", whose(of.flavour, way)))
    };
    let some: Vec<String> = names.iter().take(NAMED).map(word).collect();
    match names.len() {
        0 => "no user is known".to_owned(),
        n if n > NAMED => format!("known users: {} and {} more", some.join(", "), n - NAMED),
        _ => format!("known users: {}", some.join(", ")),
    }
}

/// The part of a user's name that one types: of `CN=orders,O=shop` it is `orders`.
pub fn short(user: &str) -> String {
    user.strip_prefix("CN=").and_then(|name| name.split(',').next()).unwrap_or(user).to_owned()
}

/// Whose credential a way takes: `application, KafkaUser shop/orders-app`.
pub fn whose(flavour: Flavour, way: &Way) -> String {
    let word = way.owner.word();
    match way.login.as_ref().map(Login::keep) {
        Some(Keep::Given(_)) | None => word.to_owned(),
        Some(Keep::Secret(_)) if way.owner == Owner::Administrator && is_own(way) => {
            format!("{word}, the brokers' own")
        }
        Some(Keep::Secret(key)) if flavour == Flavour::Strimzi => {
            format!("{word}, KafkaUser {}/{}", key.namespace, way.user().map(short).unwrap_or_default())
        }
        Some(Keep::Secret(key)) => format!("{word}, secret {}/{}", key.namespace, key.name),
    }
}

/// True for what brokers or their operator log in with.
fn is_own(way: &Way) -> bool {
    matches!(way.user().map(short).as_deref(), Some("inter_broker_user" | "cluster-operator"))
}

fn no_listener(of: &Installation, wish: &Wish) -> Choice {
    let wanted = wish.listener.as_deref().unwrap_or_default();
    Choice::Closed(Closed {
        what: format!("there is no listener {wanted}; there are: {}", told(of)),
        users: Vec::new(),
    })
}

/// Listeners in words: `PLAINTEXT (PLAINTEXT on 9092)`.
fn told(of: &Installation) -> String {
    let mut words: Vec<String> = of
        .listeners
        .iter()
        .map(|l| format!("{} ({} on {})", l.name, l.protocol.as_deref().unwrap_or("protocol unknown"), l.port))
        .collect();
    for way in &of.ways {
        let word = format!("{} ({} on {})", way.listener, way.protocol(), way.port);
        if !of.listeners.iter().any(|l| l.name == way.listener) && !words.contains(&word) {
            words.push(word);
        }
    }
    if words.is_empty() { "none that is declared".to_owned() } else { words.join(", ") }
}

/// Nobody of that name is known.
fn nobody(of: &Installation, user: &str, wish: &Wish) -> Closed {
    let ways: Vec<&Way> = of.ways.iter().filter(|way| is_wished(&way.listener, wish) && way.login.is_some()).collect();
    let place = wish.listener.as_ref().map(|name| format!(" on listener {name}")).unwrap_or_default();
    Closed { what: format!("no user {user} is known in the cluster{place}; {}", known(of, &ways)), users: users(&ways) }
}

/// A way with what was given by hand.
fn with_handed(of: &Installation, wish: &Wish, handed: &Handed) -> Choice {
    let is_sasl = |l: &Listener| l.protocol.as_deref().is_some_and(|protocol| protocol.starts_with("SASL"));
    let fits = |l: &Listener| match (&handed.protocol, &l.protocol) {
        (Some(wanted), Some(spoken)) => wanted == spoken,
        (_, None) => true,
        (None, Some(_)) if handed.password.is_some() => is_sasl(l),
        (None, Some(_)) => l.authentication.as_deref() == Some("tls"),
    };
    let wished = |l: &&Listener| is_wished(&l.name, wish);
    let by_port = |l: &&Listener| wish.listener.is_none() && handed.ports.contains(&l.port);
    let mut fitting = of.listeners.iter().filter(wished).filter(|l| fits(l));
    let listener = fitting.clone().find(by_port).or_else(|| fitting.next()).cloned();
    let listener = match listener {
        Some(listener) => listener,
        None if of.listeners.is_empty() => Listener {
            name: wish.listener.clone().unwrap_or_else(|| "of the brokers".to_owned()),
            port: of.brokers.first().map_or(9092, |broker| broker.port),
            ..Listener::default()
        },
        None if wish.listener.is_some() && !of.listeners.iter().any(|l| wished(&l)) => return no_listener(of, wish),
        None => {
            let wanted = handed.protocol.as_deref().unwrap_or(if handed.password.is_some() {
                "a login"
            } else {
                "a certificate"
            });
            let what = format!("{} is for a listener with {wanted}; there are: {}", handed.from, told(of));
            return Choice::Closed(Closed { what, users: Vec::new() });
        }
    };
    if listener.authentication.as_deref() == Some("tls") && handed.certificate.is_none() {
        let what = format!("listener {} asks for a client certificate, and {} gives none", listener.name, handed.from);
        return Choice::Closed(Closed { what, users: Vec::new() });
    }
    Choice::Taken { way: handed_way(of, &listener, handed), wished: true }
}

fn handed_way(of: &Installation, listener: &Listener, handed: &Handed) -> Way {
    let protocol = handed.protocol.as_ref().or(listener.protocol.as_ref()).map_or("SASL_PLAINTEXT", String::as_str);
    let known = of.ways.iter().filter(|way| way.listener == listener.name).find_map(|way| way.encryption.clone());
    let encryption = protocol.ends_with("SSL").then(|| match handed.trust.as_slice() {
        [] => known.unwrap_or_default(),
        trust => Encryption { trust: trust.to_vec() },
    });
    let sasl = handed.password.as_ref().filter(|_| protocol.starts_with("SASL")).map(|(user, password)| Login::Sasl {
        mechanism: handed.mechanism.unwrap_or_else(|| best(listener)),
        user: user.clone(),
        password: password.clone(),
        nth: None,
    });
    let certificate = || {
        let (certificate, key) = handed.certificate.clone().filter(|_| encryption.is_some())?;
        Some(Login::Certificate { user: format!("whom {} names", handed.from), certificate, key })
    };
    let login = sasl.or_else(certificate);
    Way { listener: listener.name.clone(), port: listener.port, encryption, login, owner: Owner::Given }
}

/// The mechanism of a listener that tells the broker least.
fn best(listener: &Listener) -> Mechanism {
    let taken: Vec<Mechanism> =
        listener.authentication.iter().flat_map(|list| list.split(',')).filter_map(Mechanism::named).collect();
    Mechanism::ALL.into_iter().find(|one| taken.contains(one)).unwrap_or(Mechanism::ScramSha512)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{access::SecretKey, ids::InstallationId};

    fn login(user: &str, namespace: &str) -> Login {
        let password = SecretKey { namespace: namespace.into(), name: user.into(), key: "password".into() }.into();
        Login::Sasl { mechanism: Mechanism::ScramSha512, user: user.into(), password, nth: None }
    }

    fn way(listener: &str, port: u16, user: &str, owner: Owner) -> Way {
        let encryption = (port == 9093).then(|| Encryption { trust: vec![Keep::Given("ca".into())] });
        Way { listener: listener.into(), port, encryption, login: Some(login(user, "shop")), owner }
    }

    fn listener(name: &str, port: u16, protocol: &str, authentication: Option<&str>) -> Listener {
        let authentication = authentication.map(str::to_owned);
        Listener { name: name.into(), port, protocol: Some(protocol.into()), authentication, internal: true }
    }

    fn secured(ways: Vec<Way>) -> Installation {
        Installation {
            id: InstallationId::new("m", "k"),
            flavour: Flavour::Strimzi,
            listeners: vec![
                listener("tls", 9093, "SASL_SSL", Some("scram-sha-512")),
                listener("plain", 9092, "SASL_PLAINTEXT", Some("scram-sha-512")),
            ],
            ways,
            ..Installation::default()
        }
    }

    fn known() -> Installation {
        secured(vec![
            way("tls", 9093, "orders-app", Owner::Application),
            way("plain", 9092, "orders-app", Owner::Application),
            way("REPLICATION-9091", 9091, "CN=cluster-operator,O=io.strimzi", Owner::Administrator),
        ])
    }

    fn asking(wish: &Wish) -> Choice {
        choose(&known(), Purpose::Observe, wish)
    }

    #[test]
    fn another_applications_credential_is_not_borrowed_unasked_and_no_secured_listener_is_tried_without_one() {
        let Choice::Closed(closed) = asking(&Wish::default()) else { panic!("it is closed") };
        assert_eq!(
            closed.what,
            "listener tls asks for SCRAM-SHA-512, plain for SCRAM-SHA-512; known users: orders-app (application, \
             KafkaUser shop/orders-app), cluster-operator (administrator, the brokers' own)"
        );
        assert_eq!(closed.users, ["orders-app", "cluster-operator"]);
        let nobody = choose(&secured(Vec::new()), Purpose::Observe, &Wish::default());
        assert!(nobody.closed().unwrap().what.ends_with("; no user is known"), "{nobody:?}");
        assert_eq!(nobody.dialled(), None);
    }

    #[test]
    fn a_user_that_is_named_is_borrowed_on_the_best_listener_or_on_the_one_that_is_wished() {
        let mut wish = Wish { user: Some("orders-app".into()), ..Wish::default() };
        assert_eq!(asking(&wish).dialled().map(|way| way.port), Some(9093));
        wish.listener = Some("PLAIN".into());
        assert_eq!(asking(&wish).dialled().map(|way| way.port), Some(9092));
        let operator = Wish { user: Some("cluster-operator".into()), ..Wish::default() };
        assert_eq!(asking(&operator).dialled().map(|way| way.owner), Some(Owner::Administrator));
        let stranger = Wish { user: Some("x".into()), ..Wish::default() };
        let why = asking(&stranger).closed().unwrap().what.clone();
        assert!(why.starts_with("no user x is known in the cluster; known users: orders-app ("), "{why}");
        let elsewhere = Wish { listener: Some("external".into()), ..Wish::default() };
        let why = asking(&elsewhere).closed().unwrap().what.clone();
        assert!(why.starts_with("there is no listener external; there are: tls (SASL_SSL on 9093), plain ("), "{why}");
    }

    #[test]
    fn what_is_nobodys_or_a_consoles_is_used_unasked_and_a_console_changes_nothing() {
        let mut of = known();
        of.ways.insert(0, way("tls", 9093, "console", Owner::Console));
        assert_eq!(choose(&of, Purpose::Observe, &Wish::default()).dialled(), Some(&of.ways[0]));
        let to_change = choose(&of, Purpose::Administer, &Wish::default());
        assert_eq!(to_change.dialled().map(|way| way.owner), Some(Owner::Administrator), "announced by the plan");
        of.ways.retain(|way| way.owner != Owner::Administrator);
        assert!(choose(&of, Purpose::Administer, &Wish::default()).closed().is_some());
        of.ways.insert(0, Way::plaintext("PLAINTEXT", 9090));
        let plain = choose(&of, Purpose::Observe, &Wish::default());
        assert_eq!((plain.way(), plain.dialled()), (Some(&of.ways[0]), None), "it is the default");
        let wish = Wish { listener: Some("PLAINTEXT".into()), ..Wish::default() };
        assert_eq!(choose(&of, Purpose::Observe, &wish).dialled(), Some(&of.ways[0]), "and dialled when wished");
    }

    #[test]
    fn of_listeners_that_nothing_is_known_of_the_brokers_port_is_tried() {
        let mut of = Installation::default();
        assert_eq!(choose(&of, Purpose::Observe, &Wish::default()), Choice::Open);
        of.listeners = vec![Listener { name: "X".into(), port: 9, ..Listener::default() }];
        assert_eq!(choose(&of, Purpose::Observe, &Wish::default()), Choice::Open);
    }

    #[test]
    fn what_was_given_goes_through_the_listener_that_fits() {
        let keep = || Keep::Given("a.properties line 2".into());
        let handed = |protocol: Option<&str>, ports: &[u16]| Handed {
            from: "a.properties".into(),
            protocol: protocol.map(str::to_owned),
            password: Some(("me".into(), keep())),
            ports: ports.to_vec(),
            ..Handed::default()
        };
        let taken = |handed: Handed, listener: Option<&str>| {
            asking(&Wish { listener: listener.map(str::to_owned), user: None, handed: Some(handed) })
        };
        for (protocol, ports, listener, port) in [
            (Some("SASL_PLAINTEXT"), vec![], None, 9092),
            (Some("SASL_SSL"), vec![9092], None, 9093),
            (None, vec![9092], None, 9092),
            (None, vec![9092], Some("tls"), 9093),
            (None, vec![], None, 9093),
        ] {
            let choice = taken(handed(protocol, &ports), listener);
            let way = choice.dialled().unwrap_or_else(|| panic!("{choice:?}"));
            assert_eq!((way.port, way.owner, way.user()), (port, Owner::Given, Some("me")), "{protocol:?} {ports:?}");
            assert_eq!(way.encryption.is_some(), port == 9093);
            assert!(way.login.as_ref().unwrap().how() == "SCRAM-SHA-512");
        }
        let why = taken(handed(Some("SSL"), &[]), None).closed().unwrap().what.clone();
        assert!(why.starts_with("a.properties is for a listener with SSL; there are: tls (SASL_SSL on 9093)"), "{why}");
        let mut of = known();
        of.listeners.push(listener("mtls", 9095, "SSL", Some("tls")));
        let open = Handed { protocol: Some("SSL".into()), from: "a.properties".into(), ..Handed::default() };
        let choice = choose(&of, Purpose::Observe, &Wish { handed: Some(open), ..Wish::default() });
        let why = "listener mtls asks for a client certificate, and a.properties gives none";
        assert_eq!(choice.closed().map(|closed| closed.what.as_str()), Some(why));
        let certificate =
            Handed { certificate: Some((keep(), keep())), protocol: Some("SSL".into()), ..Handed::default() };
        let choice = choose(&of, Purpose::Observe, &Wish { handed: Some(certificate), ..Wish::default() });
        assert_eq!(choice.dialled().unwrap().protocol(), "SSL");
    }
}
