//! What a client is configured with to connect as a user: the same settings for Java, librdkafka, Spring and Kubernetes.
//!
//! Pure: it says which values stand where, and takes those that somebody has read. `cmd::export` reads and writes.

use std::fmt::Write;

use zeroize::Zeroizing;

use super::{
    Refusal,
    actions::users_known,
    param::{ParamKind, ParamSpec, Params},
};
use crate::{
    domain::{
        access::{Keep, Login, Mechanism, SecretKey, Way},
        hidden::Hidden,
    },
    world::Reading,
};

/// Forms of the settings.
pub const FORMATS: &[&str] = &["properties", "librdkafka", "spring", "secret-ref"];

/// What `user export` may be told.
pub static PARAMS: &[ParamSpec] = &[
    ParamSpec::new("user", "NAME", "name of the user", ParamKind::Text).first(),
    ParamSpec::new(
        "format",
        "NAME",
        "for whom: properties, librdkafka, spring or secret-ref [default: properties]",
        ParamKind::Choice(FORMATS),
    ),
    ParamSpec::new(
        "profile",
        "NAME",
        "settings for a purpose: throughput, latency or durable",
        ParamKind::Choice(PROFILES),
    ),
    ParamSpec::new("with-password", "", "with the password, which is read from its Secret", ParamKind::Switch),
    ParamSpec::new(
        "out",
        "FILE",
        "a file to write, which only you can read and which must not be there",
        ParamKind::Text,
    ),
];

/// Purposes.
pub const PROFILES: &[&str] = &["throughput", "latency", "durable"];

/// A setting of a profile: its name for Java, its name for librdkafka, its value, and why.
type Setting = (&'static str, &'static str, &'static str, &'static str);

const THROUGHPUT: &[Setting] = &[
    ("acks", "acks", "all", "the brokers' own default; batching makes up for it"),
    ("linger.ms", "linger.ms", "50", "a batch waits so long for more records"),
    ("batch.size", "batch.size", "262144", "larger batches: fewer requests, and they compress better"),
    ("compression.type", "compression.type", "lz4", "less on the wire and on disk for little CPU"),
    (
        "fetch.min.bytes",
        "fetch.min.bytes",
        "65536",
        "brokers answer a consumer once there is so much, or half a second passed",
    ),
];
const LATENCY: &[Setting] = &[
    ("acks", "acks", "1", "the leader alone answers: a record is lost if it fails before its followers have it"),
    ("linger.ms", "linger.ms", "0", "a record is sent at once"),
    ("compression.type", "compression.type", "none", "no time is spent on compressing"),
    ("enable.idempotence", "enable.idempotence", "false", "it needs acks=all"),
    ("fetch.min.bytes", "fetch.min.bytes", "1", "a consumer is answered with whatever is there"),
];
const DURABLE: &[Setting] = &[
    ("acks", "acks", "all", "all replicas in sync have the record before it counts as written"),
    ("enable.idempotence", "enable.idempotence", "true", "sending again makes no second record and keeps the order"),
    (
        "delivery.timeout.ms",
        "delivery.timeout.ms",
        "300000",
        "a producer goes on trying for five minutes: over a restart",
    ),
    (
        "enable.auto.commit",
        "enable.auto.commit",
        "false",
        "a consumer commits what it has worked off, and not what it was given",
    ),
    (
        "isolation.level",
        "isolation.level",
        "read_committed",
        "a consumer sees nothing of transactions that were aborted",
    ),
];

/// Where a client connects, and as whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// The user, as the command was told.
    pub user: String,
    /// `bootstrap.servers`, as pods of the cluster reach it.
    pub bootstrap: String,
    /// The listener and how one logs in there.
    pub way: Way,
    /// What is to be known of it: comments at the head.
    pub notes: Vec<String>,
}

/// Values that somebody has read; what is missing is named instead.
#[derive(Debug, Default)]
pub struct Values {
    /// The password.
    pub password: Option<Hidden>,
    /// Certificates of the authorities, PEM.
    pub trust: Option<Hidden>,
    /// The client certificate, PEM.
    pub certificate: Option<Hidden>,
    /// Its key, PEM.
    pub key: Option<Hidden>,
}

/// How a user's client connects.
///
/// # Errors
/// There is no such user, or no listener that takes it.
pub fn client(reading: &Reading<'_>, user: &str) -> Result<Client, Refusal> {
    let row = users_known(reading, user)?;
    let mut notes = Vec::new();
    let of = reading.installation;
    let is_for_clients = |way: &&Way| of.listeners.iter().any(|one| one.name == way.listener);
    let mut ways: Vec<&Way> = of.ways.iter().filter(|way| way.is_of(&row.name)).filter(is_for_clients).collect();
    // One that is encrypted before the others.
    ways.sort_by_key(|way| way.encryption.is_none());
    let way = match ways.first() {
        Some(way) => (*way).clone(),
        None => {
            by_listener(reading, &row.name, row.scram.iter().flatten().map(|one| one.mechanism.as_str()), &mut notes)?
        }
    };
    if way.encryption.is_none() && way.login.is_some() {
        notes.push("This listener does not encrypt: whoever sees the network sees the records.".to_owned());
    }
    let bootstrap =
        bootstrap(reading, way.port).ok_or_else(|| Refusal::new("no broker has told where it is reached"))?;
    Ok(Client { user: row.name, bootstrap, way, notes })
}

/// A listener that takes the user, where nothing in the cluster keeps its credential.
fn by_listener<'a>(
    reading: &Reading<'_>,
    user: &str,
    mechanisms: impl Iterator<Item = &'a str>,
    notes: &mut Vec<String>,
) -> Result<Way, Refusal> {
    let listeners = &reading.installation.listeners;
    let protocol = |wanted: &str| listeners.iter().find(|one| one.protocol.as_deref() == Some(wanted));
    let mechanism = mechanisms.filter_map(Mechanism::named).max();
    let owner = crate::domain::access::Owner::Application;
    if let (Some(mechanism), Some(listener)) = (mechanism, protocol("SASL_SSL").or_else(|| protocol("SASL_PLAINTEXT")))
    {
        let password = Keep::Given("the password that was shown when it was made".to_owned());
        let login = Login::Sasl { mechanism, user: user.to_owned(), password, nth: None };
        let is_encrypted = listener.protocol.as_deref() == Some("SASL_SSL");
        let encryption = is_encrypted.then(crate::domain::access::Encryption::default);
        return Ok(Way { listener: listener.name.clone(), port: listener.port, encryption, login: Some(login), owner });
    }
    let plain = protocol("PLAINTEXT").or_else(|| listeners.iter().find(|one| one.protocol.is_none()));
    let Some(plain) = plain else {
        let refusal = Refusal::new(format!("no listener is known on which {user} could log in"));
        return Err(refusal.hint("Listeners and their protocols are told by: kafdeck status -o json"));
    };
    notes.push(format!("Listener {} asks for no login: brokers do not know who connects.", plain.name));
    Ok(Way::plaintext(&plain.name, plain.port))
}

/// The Service in front of the brokers that offers the port; else where brokers say that they are.
fn bootstrap(reading: &Reading<'_>, port: u16) -> Option<String> {
    let kube = &reading.world.kube;
    let pods = reading.installation.brokers.iter().filter_map(|broker| kube.pods.get(&broker.pod));
    let labels: Vec<_> = pods.map(|pod| (&pod.meta.namespace, &pod.meta.labels)).collect();
    let fits = |service: &&std::sync::Arc<crate::domain::kubernetes::Service>| {
        let selects = |(namespace, labels): &(&String, &std::collections::BTreeMap<String, String>)| {
            service.meta.namespace == **namespace
                && service.selector.iter().all(|(key, value)| labels.get(key) == Some(value))
        };
        !service.selector.is_empty() && service.ports.iter().any(|one| one.port == port) && labels.iter().any(selects)
    };
    let mut services: Vec<_> = kube.services.values().filter(fits).collect();
    // One address for all brokers before one for each, and one for all brokers before one for a single pod.
    services.sort_by_key(|service| (service.headless, service.selector.len(), &service.meta.name));
    if let Some(service) = services.first() {
        return Some(format!("{}.{}.svc:{port}", service.meta.name, service.meta.namespace));
    }
    let advertised = &reading.kafka()?.advertised;
    let all: Vec<String> = advertised.values().map(|one| format!("{}:{}", one.host, one.port)).collect();
    (!all.is_empty()).then(|| all.join(","))
}

/// The settings as text. It may hold secrets, where they were given.
pub fn text(of: &Client, params: &Params, values: &Values) -> Zeroizing<String> {
    let mut out = Zeroizing::new(String::new());
    let profile = match params.get("profile") {
        Some("throughput") => THROUGHPUT,
        Some("latency") => LATENCY,
        Some("durable") => DURABLE,
        _ => &[],
    };
    let format = params.get("format").unwrap_or("properties");
    let head = format!("Client settings of {} for {} ({})", of.user, of.bootstrap, of.way);
    for line in std::iter::once(&head).chain(&of.notes) {
        let _ = writeln!(out, "# {line}");
    }
    for line in missing(of, values) {
        let _ = writeln!(out, "# {line}");
    }
    match format {
        "librdkafka" => librdkafka(&mut out, of, values, profile),
        "spring" => spring(&mut out, of, values, profile),
        "secret-ref" => secret_ref(&mut out, of, profile),
        _ => properties(&mut out, of, values, profile),
    }
    out
}

/// Where values are that were not read.
fn missing(of: &Client, values: &Values) -> Vec<String> {
    let mut lines = Vec::new();
    let mut say = |what: &str, keep: &Keep| {
        lines.push(match keep {
            Keep::Secret(SecretKey { namespace, name, key }) => {
                let key = key.replace('.', "\\.");
                format!("{what}: kubectl -n {namespace} get secret {name} -o jsonpath='{{.data.{key}}}' | base64 -d")
            }
            Keep::Given(words) => format!("{what}: {words}"),
        });
    };
    match &of.way.login {
        Some(Login::Sasl { password, .. }) if values.password.is_none() => say("PASSWORD", password),
        Some(Login::Certificate { certificate, key, .. }) if values.key.is_none() => {
            say("user.crt", certificate);
            say("user.key", key);
        }
        _ => {}
    }
    if let Some(encryption) = of.way.encryption.as_ref().filter(|_| values.trust.is_none()) {
        encryption.trust.iter().for_each(|keep| say("ca.crt", keep));
    }
    lines
}

fn shown(value: Option<&Hidden>, otherwise: &str) -> Zeroizing<String> {
    Zeroizing::new(
        value.map_or_else(
            || otherwise.to_owned(),
            |value| String::from_utf8_lossy(value.reveal()).trim_end().to_owned(),
        ),
    )
}

/// What Java's clients take for a login.
fn jaas(of: &Client, values: &Values) -> Option<(String, Zeroizing<String>)> {
    let Some(Login::Sasl { mechanism, user, .. }) = &of.way.login else { return None };
    let module = if *mechanism == Mechanism::Plain { "plain.PlainLoginModule" } else { "scram.ScramLoginModule" };
    let password = shown(values.password.as_ref(), "PASSWORD");
    let escaped = Zeroizing::new(password.replace('\\', "\\\\").replace('"', "\\\""));
    let text = format!(
        "org.apache.kafka.common.security.{module} required username=\"{user}\" password=\"{}\";",
        escaped.as_str()
    );
    Some((mechanism.to_string(), Zeroizing::new(text)))
}

/// A value of several lines as a properties file has it.
fn folded(value: &str) -> Zeroizing<String> {
    Zeroizing::new(value.lines().collect::<Vec<_>>().join(" \\\n  "))
}

fn properties(out: &mut String, of: &Client, values: &Values, profile: &[Setting]) {
    let _ = writeln!(out, "bootstrap.servers={}", of.bootstrap);
    let _ = writeln!(out, "security.protocol={}", of.way.protocol());
    if let Some((mechanism, jaas)) = jaas(of, values) {
        let _ = writeln!(out, "sasl.mechanism={mechanism}");
        // A backslash of a properties file is written twice.
        let _ = writeln!(out, "sasl.jaas.config={}", Zeroizing::new(jaas.replace('\\', "\\\\")).as_str());
    }
    if of.way.encryption.is_some() {
        let _ = writeln!(out, "ssl.truststore.type=PEM");
        let _ = match &values.trust {
            Some(_) => {
                writeln!(out, "ssl.truststore.certificates={}", folded(&shown(values.trust.as_ref(), "")).as_str())
            }
            None => writeln!(out, "ssl.truststore.location=ca.crt"),
        };
    }
    if let Some(Login::Certificate { .. }) = &of.way.login {
        let _ = writeln!(out, "ssl.keystore.type=PEM");
        if values.key.is_some() {
            let chain = folded(&shown(values.certificate.as_ref(), ""));
            let _ = writeln!(out, "ssl.keystore.certificate.chain={}", chain.as_str());
            let _ = writeln!(out, "ssl.keystore.key={}", folded(&shown(values.key.as_ref(), "")).as_str());
        } else {
            let _ = writeln!(out, "# cat user.key user.crt > user.pem\nssl.keystore.location=user.pem");
        }
    }
    for (name, _, value, why) in profile {
        let _ = writeln!(out, "# {why}\n{name}={value}");
    }
}

fn librdkafka(out: &mut String, of: &Client, values: &Values, profile: &[Setting]) {
    let _ = writeln!(out, "bootstrap.servers={}", of.bootstrap);
    let _ = writeln!(out, "security.protocol={}", of.way.protocol());
    if let Some(Login::Sasl { mechanism, user, .. }) = &of.way.login {
        let _ = writeln!(out, "sasl.mechanisms={mechanism}\nsasl.username={user}");
        let _ = writeln!(out, "sasl.password={}", shown(values.password.as_ref(), "PASSWORD").as_str());
    }
    // It takes PEM from files, and in a file of its own settings on one line with \n.
    let inline = |value: Option<&Hidden>| Zeroizing::new(shown(value, "").lines().collect::<Vec<_>>().join("\\n"));
    let mut pem = |name: &str, file: &str, value: Option<&Hidden>| {
        let _ = match value {
            Some(_) => writeln!(out, "{name}.pem={}", inline(value).as_str()),
            None => writeln!(out, "{name}.location={file}"),
        };
    };
    if of.way.encryption.is_some() {
        pem("ssl.ca", "ca.crt", values.trust.as_ref());
    }
    if let Some(Login::Certificate { .. }) = &of.way.login {
        pem("ssl.certificate", "user.crt", values.certificate.as_ref());
        pem("ssl.key", "user.key", values.key.as_ref());
    }
    for (_, name, value, why) in profile {
        let _ = writeln!(out, "# {why}\n{name}={value}");
    }
}

fn spring(out: &mut String, of: &Client, values: &Values, profile: &[Setting]) {
    let _ = writeln!(out, "spring:\n  kafka:\n    bootstrap-servers: {}", of.bootstrap);
    let _ = writeln!(out, "    security:\n      protocol: {}", of.way.protocol());
    let block = |out: &mut String, indent: &str, name: &str, value: &str| {
        let _ = writeln!(out, "{indent}{name}: |");
        value.lines().for_each(|line| _ = writeln!(out, "{indent}  {line}"));
    };
    let has_certificate = matches!(of.way.login, Some(Login::Certificate { .. }));
    if of.way.encryption.is_some() {
        let _ = writeln!(out, "    ssl:\n      trust-store-type: PEM");
        match &values.trust {
            Some(_) => block(out, "      ", "trust-store-certificates", &shown(values.trust.as_ref(), "")),
            None => _ = writeln!(out, "      trust-store-location: file:ca.crt"),
        }
        if has_certificate {
            let _ = writeln!(out, "      key-store-type: PEM");
            if values.key.is_some() {
                block(out, "      ", "key-store-certificate-chain", &shown(values.certificate.as_ref(), ""));
                block(out, "      ", "key-store-key", &shown(values.key.as_ref(), ""));
            } else {
                let _ = writeln!(out, "      key-store-location: file:user.pem  # cat user.key user.crt > user.pem");
            }
        }
    }
    let login = jaas(of, values);
    if login.is_some() || !profile.is_empty() {
        let _ = writeln!(out, "    properties:");
    }
    if let Some((mechanism, jaas)) = login {
        let _ = writeln!(out, "      sasl.mechanism: {mechanism}");
        let quoted = Zeroizing::new(jaas.replace('\'', "''"));
        let _ = writeln!(out, "      sasl.jaas.config: '{}'", quoted.as_str());
    }
    for (name, _, value, why) in profile {
        let _ = writeln!(out, "      {name}: {value}  # {why}");
    }
}

/// What a container of a pod is given: nothing of a secret stands in it.
fn secret_ref(out: &mut String, of: &Client, profile: &[Setting]) {
    let mut mounts: Vec<&SecretKey> = Vec::new();
    let _ = writeln!(out, "env:\n- {{name: KAFKA_BOOTSTRAP_SERVERS, value: {:?}}}", of.bootstrap);
    let _ = writeln!(out, "- {{name: KAFKA_SECURITY_PROTOCOL, value: {}}}", of.way.protocol());
    match &of.way.login {
        Some(Login::Sasl { mechanism, user, password, .. }) => {
            let _ = writeln!(out, "- {{name: KAFKA_SASL_MECHANISM, value: {mechanism}}}");
            let _ = writeln!(out, "- {{name: KAFKA_SASL_USERNAME, value: {user:?}}}");
            let _ = match password {
                Keep::Secret(SecretKey { name, key, .. }) => {
                    writeln!(
                        out,
                        "- name: KAFKA_SASL_PASSWORD\n  valueFrom: {{secretKeyRef: {{name: {name}, key: {key}}}}}"
                    )
                }
                Keep::Given(words) => writeln!(out, "# KAFKA_SASL_PASSWORD: {words}; put it into a Secret first"),
            };
        }
        Some(Login::Certificate { certificate: Keep::Secret(certificate), .. }) => mounts.push(certificate),
        _ => {}
    }
    for (name, _, value, why) in profile {
        let variable = format!("KAFKA_{}", name.replace('.', "_").to_uppercase());
        let _ = writeln!(out, "- {{name: {variable}, value: {value:?}}}  # {why}");
    }
    for keep in of.way.encryption.iter().flat_map(|encryption| &encryption.trust) {
        if let Keep::Secret(key) = keep {
            mounts.push(key);
        }
    }
    if !mounts.is_empty() {
        let place = mounts[0].namespace.as_str();
        let _ = writeln!(out, "# The pod must be in namespace {place}, or the Secrets be copied to its own.");
        let _ = writeln!(out, "volumeMounts:");
        for SecretKey { name, .. } in &mounts {
            let _ = writeln!(out, "- {{name: {name}, mountPath: /etc/kafka/{name}, readOnly: true}}");
        }
        let _ = writeln!(out, "volumes:");
        for SecretKey { name, .. } in &mounts {
            let _ = writeln!(out, "- name: {name}\n  secret: {{secretName: {name}}}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::access::{Encryption, Owner};

    fn key(name: &str, key: &str) -> Keep {
        SecretKey { namespace: "messaging".into(), name: name.into(), key: key.into() }.into()
    }

    fn of(login: Login) -> Client {
        let trust = vec![key("kafka-cluster-cluster-ca-cert", "ca.crt")];
        let way = Way {
            listener: "tls".into(),
            port: 9093,
            encryption: Some(Encryption { trust }),
            login: Some(login),
            owner: Owner::Application,
        };
        let bootstrap = "kafka-cluster-kafka-bootstrap.messaging.svc:9093".into();
        Client { user: "app".into(), bootstrap, way, notes: Vec::new() }
    }

    fn scram() -> Client {
        let password = key("app", "password");
        of(Login::Sasl { mechanism: Mechanism::ScramSha512, user: "app".into(), password, nth: None })
    }

    #[test]
    fn each_form_says_the_same_and_nothing_of_a_secret_unless_it_was_read() {
        let certificate = of(Login::Certificate {
            user: "CN=app".into(),
            certificate: key("app", "user.crt"),
            key: key("app", "user.key"),
        });
        let mut all = String::new();
        for (client, name) in [(scram(), "SCRAM"), (certificate, "certificate")] {
            for format in FORMATS {
                let params = Params::default().with("format", *format).with("profile", "durable");
                let _ = writeln!(all, "=== {name}, {format}\n{}", text(&client, &params, &Values::default()).as_str());
            }
        }
        insta::assert_snapshot!(all);
    }

    #[test]
    fn what_was_read_stands_in_one_line_where_a_line_is_what_there_is() {
        let hidden = |text: &str| Some(Hidden::new(text.as_bytes().to_vec()));
        let values =
            Values { password: hidden("p\"w\\d"), trust: hidden("-----B\nMII\n-----E\n"), ..Values::default() };
        let java = text(&scram(), &Params::default(), &values);
        assert!(java.contains(r#"password="p\\"w\\\\d";"#), "{}", java.as_str());
        assert!(java.contains("ssl.truststore.certificates=-----B \\\n  MII \\\n  -----E\n"), "{}", java.as_str());
        assert!(!java.contains("kubectl"), "{}", java.as_str());
        let librdkafka = text(&scram(), &Params::default().with("format", "librdkafka"), &values);
        assert!(librdkafka.contains("ssl.ca.pem=-----B\\nMII\\n-----E\n"), "{}", librdkafka.as_str());
        assert!(librdkafka.contains("sasl.password=p\"w\\d\n"), "{}", librdkafka.as_str());
    }

    #[test]
    fn every_profile_says_why_of_each_setting() {
        for profile in [THROUGHPUT, LATENCY, DURABLE] {
            assert!(profile.iter().all(|(_, _, _, why)| !why.is_empty()));
        }
    }
}
