//! Listeners that ask for TLS and a login, on the flavour `strimzi`, over the way that the console goes.
//!
//! The ways are made by hand; where the flavour is not installed, a row says so and ends.

use std::{
    io::Write,
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use chrono::{DateTime, NaiveDateTime};
use kafdeck::{
    clock::Clock,
    domain::{
        access::{Encryption, Keep, Login, Mechanism, Owner, SecretKey, Way},
        broker::Contact,
        ids::{BrokerId, InstallationId, ObjectKey},
        installation::{AddressBook, PodPort},
    },
    facts::{Body, Fact, KafkaBody},
    io::{
        connect::{self, ConnectOptions},
        dial::{
            PortForward, Transport,
            layers::{FRESH, Layers, Route},
        },
        kafka::{
            ObserverSetup,
            connection::{Connection, RequestCounts},
            observe,
        },
        secrets::KubeSecrets,
    },
    wire::requests,
};
use tokio::{
    runtime::Runtime,
    sync::{Notify, mpsc, watch},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use crate::common::live::{Cluster, note, skip};

const NAMESPACE: &str = "messaging";
/// How long a cluster may take to tell everything.
const LIMIT: Duration = Duration::from_secs(20);
/// Dials that are measured; the first, which reads Secrets and hashes the password, is told apart.
const DIALS: usize = 21;

fn secret(name: &str, key: &str) -> Keep {
    SecretKey { namespace: NAMESPACE.into(), name: name.into(), key: key.into() }.into()
}

fn scram(port: u16, trust: Option<Keep>) -> Way {
    let login = Login::Sasl {
        mechanism: Mechanism::ScramSha512,
        user: "console".into(),
        password: secret("console", "password"),
        nth: None,
    };
    let encryption = trust.map(|at| Encryption { trust: vec![at] });
    Way { listener: "by hand".into(), port, encryption, login: Some(login), owner: Owner::Console }
}

fn tls() -> Way {
    scram(9093, Some(secret("kafka-cluster-cluster-ca-cert", "ca.crt")))
}

fn pod(id: usize) -> ObjectKey {
    ObjectKey::new(NAMESPACE, format!("kafka-cluster-kafka-pool-{id}"))
}

fn host(id: usize) -> String {
    format!("kafka-cluster-kafka-pool-{id}.kafka-cluster-kafka-brokers.{NAMESPACE}.svc")
}

fn book(way: Option<Way>) -> AddressBook {
    let mut book = AddressBook { way, ..AddressBook::default() };
    for (id, broker) in (0..3).zip(0..) {
        book.seeds.push(PodPort { pod: pod(id), port: 9092 });
        book.hosts.insert(host(id), pod(id));
        book.ids.insert(BrokerId(broker), pod(id));
    }
    book
}

async fn client(cluster: &Cluster) -> connect::Cluster {
    let kubeconfig = Some(cluster.kubeconfig.clone());
    connect::connect(&ConnectOptions { kubeconfig, ..ConnectOptions::default() }).await.unwrap()
}

fn is_installed(cluster: &Cluster) -> bool {
    let there = cluster.kubectl(["-n", NAMESPACE, "get", "secret", "console"]).code == 0;
    if !there {
        skip("the flavour strimzi is not installed");
    }
    there
}

/// What is told along a way until `enough`, or for as long as may be.
async fn told(cluster: &connect::Cluster, way: Option<Way>, enough: impl Fn(&[Fact]) -> bool) -> Vec<Fact> {
    let cancel = CancellationToken::new();
    let (_routes, routes) = watch::channel(Arc::new(book(way)));
    let (facts, mut inbox) = mpsc::channel(1024);
    let setup = ObserverSetup {
        installation: InstallationId::new(NAMESPACE, "kafka-cluster"),
        transport: Arc::new(PortForward::new(cluster, &cancel)),
        secrets: Arc::new(KubeSecrets::new(&cluster.client)),
        routes,
        refresh: Arc::new(Notify::new()),
        eager: tokio::sync::watch::channel(false).1,
        on_silence: Arc::new(Notify::new()),
        clock: Clock::real(),
        facts,
    };
    observe(setup, &cancel);
    let _ends = cancel.drop_guard();
    let mut told = Vec::new();
    let listen = async {
        while let Some(fact) = inbox.recv().await {
            told.push(fact);
            if enough(&told) {
                return;
            }
        }
    };
    let _ = timeout(LIMIT, listen).await;
    told
}

fn contacts(facts: &[Fact]) -> Vec<&Contact> {
    let of = |f: &'_ Fact| matches!(f.body, Body::Kafka(KafkaBody::Contact { .. }));
    let all = facts.iter().filter(|f| of(f));
    all.filter_map(|f| if let Body::Kafka(KafkaBody::Contact { contact, .. }) = &f.body { Some(contact) } else { None })
        .collect()
}

fn has_metadata(facts: &[Fact]) -> bool {
    let whole = |f: &Fact| matches!(&f.body, Body::Kafka(KafkaBody::Metadata(m)) if m.brokers.len() == 3 && !m.topics.is_empty());
    facts.iter().any(whole)
}

/// Refused contacts and failures, in words.
fn words(facts: &[Fact]) -> String {
    let of = |f: &Fact| match &f.body {
        Body::Failed(failure) => Some(failure.what.clone()),
        Body::Kafka(KafkaBody::Contact { contact, .. }) => Some(format!("{contact:?}")),
        _ => None,
    };
    facts.iter().filter_map(of).collect::<Vec<_>>().join("\n")
}

pub fn secured_listeners_answer(cluster: &Cluster) {
    if !is_installed(cluster) {
        return;
    }
    Runtime::new().unwrap().block_on(async {
        let client = client(cluster).await;
        for (name, way) in [("SCRAM", scram(9092, None)), ("TLS and SCRAM", tls())] {
            let began = Instant::now();
            let all = |facts: &[Fact]| {
                has_metadata(facts) && contacts(facts).iter().filter(|c| ***c == Contact::Answered).count() >= 3
            };
            let facts = told(&client, Some(way), all).await;
            assert!(all(&facts), "{name}: {}", words(&facts));
            note(&format!("{name}: Metadata and three brokers after {} ms", began.elapsed().as_millis()));
        }
    });
}

pub fn what_is_wrong_is_told(cluster: &Cluster) {
    if !is_installed(cluster) {
        return;
    }
    let mut other_key = scram(9092, None);
    let Some(Login::Sasl { password, .. }) = &mut other_key.login else { unreachable!() };
    *password = secret("orders-app", "password");
    let mut other_mechanism = scram(9092, None);
    let Some(Login::Sasl { mechanism, .. }) = &mut other_mechanism.login else { unreachable!() };
    *mechanism = Mechanism::ScramSha256;
    let stranger = scram(9093, Some(secret("kafka-cluster-clients-ca-cert", "ca.crt")));
    let mut tls_on_plain = tls();
    tls_on_plain.port = 9092;
    let cases = [
        (Some(other_key), "SASL password refused for user console, secret messaging/orders-app key password"),
        (Some(other_mechanism), "does not offer SCRAM-SHA-256; it offers SCRAM-SHA-512"),
        (Some(stranger), "an authority that is not in secret messaging/kafka-cluster-clients-ca-cert key ca.crt"),
        (Some(tls_on_plain), "the port does not speak TLS"),
        (Some(scram(9093, None)), "TLS"),
        (None, "the listener asks for a login (SCRAM-SHA-512), and none is configured"),
        (Some(Way::plaintext("tls", 9093)), "TLS"),
    ];
    Runtime::new().unwrap().block_on(async {
        let client = client(cluster).await;
        for (way, wanted) in cases {
            let began = Instant::now();
            let facts = told(&client, way, |facts| words(facts).contains(wanted)).await;
            assert!(words(&facts).contains(wanted), "{wanted}:\n{}", words(&facts));
            note(&format!("{:?} after {} ms", &wanted[..20.min(wanted.len())], began.elapsed().as_millis()));
        }
    });
}

/// Milliseconds to the answer of ApiVersions of the first dial to a port, and of the others in the middle; and how many
/// resumed a TLS session.
async fn measured(cluster: &connect::Cluster, to: &PodPort, route: &Route) -> (f64, f64, usize) {
    let cancel = CancellationToken::new();
    let transport = PortForward::new(cluster, &cancel);
    let layers = Layers::new(Arc::new(KubeSecrets::new(&cluster.client)));
    let (mut took, mut resumed) = (Vec::new(), 0);
    for _ in 0..DIALS {
        let began = Instant::now();
        let prepared = layers.prepare(route, FRESH).await.unwrap();
        let stream = transport.open(to).await.unwrap();
        let secured = layers.secure(stream, &prepared).await.map_err(|e| e.at(to)).unwrap();
        resumed += usize::from(secured.resumed);
        let counts = Arc::new(RequestCounts::default());
        let connection = Connection::open(secured.stream, LIMIT, LIMIT, counts).await.unwrap();
        took.push(began.elapsed().as_secs_f64() * 1000.0);
        if route.way.is_some() {
            connection.call(&requests::metadata()).await.unwrap();
        }
    }
    let first = took.remove(0);
    took.sort_by(f64::total_cmp);
    cancel.cancel();
    (first, took[took.len() / 2], resumed)
}

pub fn dials_are_measured(cluster: &Cluster) {
    if !is_installed(cluster) {
        return;
    }
    Runtime::new().unwrap().block_on(async {
        let client = client(cluster).await;
        let plain = PodPort { pod: ObjectKey::new("the-project", "kafka-0"), port: 9092 };
        let route = |way| Route { way: Some(way), names: vec![host(0)] };
        for (name, to, route) in [
            ("plaintext", plain, Route::default()),
            ("SCRAM", PodPort { pod: pod(0), port: 9092 }, route(scram(9092, None))),
            ("TLS and SCRAM", PodPort { pod: pod(0), port: 9093 }, route(tls())),
        ] {
            let (first, median, resumed) = measured(&client, &to, &route).await;
            note(&format!("{name}: first {first:.1} ms, median {median:.1} ms, {resumed} of {DIALS} resumed"));
        }
    });
}

/// Resident memory of this process, in KiB.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// How many port-forwards are held at once when their memory is measured.
const TUNNELS: usize = 24;

pub fn tunnels_are_measured(cluster: &Cluster) {
    if !is_installed(cluster) {
        return;
    }
    Runtime::new().unwrap().block_on(async {
        let client = client(cluster).await;
        let cancel = CancellationToken::new();
        let transport = PortForward::new(&client, &cancel);
        let layers = Layers::new(Arc::new(KubeSecrets::new(&client.client)));
        let mut open = Vec::new();
        let mut before = 0;
        // The first one reads Secrets and loads what all share.
        for n in 0..=TUNNELS {
            if n == 1 {
                before = resident_kib();
            }
            let id = n % 3;
            let to = PodPort { pod: pod(id), port: 9093 };
            let route = Route { way: Some(tls()), names: vec![host(id)] };
            let prepared = layers.prepare(&route, FRESH).await.unwrap();
            let stream = transport.open(&to).await.unwrap();
            let secured = layers.secure(stream, &prepared).await.map_err(|e| e.at(&to)).unwrap();
            let counts = Arc::new(RequestCounts::default());
            open.push(Connection::open(secured.stream, LIMIT, LIMIT, counts).await.unwrap());
        }
        for connection in &open {
            connection.call(&requests::metadata()).await.unwrap();
        }
        let each = (resident_kib() - before) as f64 / TUNNELS as f64;
        note(&format!("{TUNNELS} tunnels with TLS and SCRAM, each used: {each:.0} KiB each"));
        assert!(each < 1024.0, "a tunnel that only waits takes {each:.0} KiB");
        cancel.cancel();
    });
}

/// `openssl x509 -enddate` of a PEM text, as seconds since 1970.
fn end_date(pem: &[u8]) -> i64 {
    let mut openssl = Command::new("openssl")
        .args(["x509", "-noout", "-enddate"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    openssl.stdin.take().unwrap().write_all(pem).unwrap();
    let said = String::from_utf8(openssl.wait_with_output().unwrap().stdout).unwrap();
    let date = said.trim().strip_prefix("notAfter=").unwrap().trim_end_matches(" GMT");
    NaiveDateTime::parse_from_str(date, "%b %e %H:%M:%S %Y").unwrap().and_utc().timestamp()
}

pub fn certificates_are_those_of_the_secrets(cluster: &Cluster) {
    if !is_installed(cluster) {
        return;
    }
    if Command::new("openssl").arg("version").output().is_err() {
        skip("openssl is not installed");
        return;
    }
    let status = ["--installation", "messaging/kafka-cluster", "--listener", "tls", "status", "-o", "json"];
    let found = cluster.kafdeck().args(status).run().json();
    let told = found["access"]["certificates"].as_array().unwrap();
    let expires = |of: &str| {
        let one = told.iter().find(|c| c["of"] == of).unwrap_or_else(|| panic!("{of}: {told:#?}"));
        DateTime::parse_from_rfc3339(one["expires_at"].as_str().unwrap()).unwrap().timestamp()
    };
    let kept = |name: &str, key: &str| {
        let path = format!("jsonpath={{.data.{}}}", key.replace('.', "\\."));
        let read = cluster.kubectl(["-n", NAMESPACE, "get", "secret", name, "-o", &path]);
        end_date(&BASE64.decode(read.stdout.trim()).unwrap())
    };
    assert_eq!(expires("authority"), kept("kafka-cluster-cluster-ca-cert", "ca.crt"));
    for id in 0..3 {
        let name = format!("kafka-cluster-kafka-pool-{id}");
        assert_eq!(expires(&format!("broker {id}")), kept(&name, &format!("{name}.crt")), "{name}");
    }
    note(&format!(
        "four certificates, the first expires in {} days",
        told[0]["expires_in_s"].as_i64().unwrap() / 86_400
    ));
}
