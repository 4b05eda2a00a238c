//! TLS and SASL, alone and together, right and wrong.

use std::{sync::Arc, time::Duration};

use kafdeck::{
    domain::access::Mechanism,
    io::{
        dial::layers::Route,
        kafka::connection::{Connection, RequestCounts},
    },
    sandbox::broker::door::Door,
    wire::requests,
};

use super::house::{House, certificate, login, pem, secret, tls, users, way};

const SCRAM: &str = "SCRAM-SHA-512";

/// Speaks Kafka on a stream.
async fn speaks(secured: kafdeck::io::dial::layers::Secured) -> Result<usize, String> {
    let second = Duration::from_secs(1);
    let connection = Connection::open(secured.stream, second, second, Arc::new(RequestCounts::default())).await;
    let answer = connection.map_err(|e| e.to_string())?.call(&requests::metadata()).await;
    answer.map(|a| a.body.brokers.len()).map_err(|e| e.to_string())
}

#[tokio::test]
async fn every_mechanism_lets_in_who_knows_the_password() {
    for (mechanism, name) in
        [(Mechanism::Plain, "PLAIN"), (Mechanism::ScramSha256, "SCRAM-SHA-256"), (Mechanism::ScramSha512, SCRAM)]
    {
        let house = House::new(Door { tls: None, users: Some(users(&[name], None)) });
        let secured = house.go(way(None, Some(login(mechanism)))).await.unwrap();
        assert_eq!(secured.ends, None);
        assert_eq!(speaks(secured).await, Ok(3), "{name}");
    }
}

#[tokio::test]
async fn many_dials_cost_one_computation_of_the_password() {
    let door = Door { tls: Some(tls("broker", false)), users: Some(users(&[SCRAM], Some(10))) };
    let house = House::new(door);
    let scram = way(Some("authority.pem"), Some(login(Mechanism::ScramSha512)));
    let all = futures::future::join_all((0..12).map(|_| house.go(scram.clone()))).await;
    for secured in all {
        let secured = secured.unwrap();
        assert!(secured.ends.is_some(), "the session of 10 s is told");
        assert_eq!(speaks(secured).await, Ok(3));
    }
    assert_eq!(house.layers.salted().await, 1);
    assert_eq!(house.shelf.reads.load(std::sync::atomic::Ordering::Relaxed), 2, "each Secret is read once");
}

#[tokio::test]
async fn the_next_dial_to_a_broker_resumes_its_session() {
    let house = House::new(Door { tls: Some(tls("broker", false)), users: None });
    let encrypted = way(Some("authority.pem"), None);
    for resumed in [false, true, true] {
        let secured = house.go(encrypted.clone()).await.unwrap();
        assert_eq!(secured.resumed, resumed);
        assert_eq!(speaks(secured).await, Ok(3));
    }
    // Another version of the trusted certificates: nothing of before counts.
    house.shelf.put("authorities", "authority.pem", &pem("authority.pem"));
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(40)).await;
    tokio::time::resume();
    assert!(!house.go(encrypted).await.unwrap().resumed);
}

#[tokio::test]
async fn a_wrong_password_names_the_user_and_the_secret_and_nothing_else() {
    let house = House::new(Door { tls: None, users: Some(users(&[SCRAM, "PLAIN"], None)) });
    house.shelf.put("console", "password", b"tr0ub4dor");
    for mechanism in [Mechanism::ScramSha512, Mechanism::Plain] {
        assert_eq!(
            house.fails(way(None, Some(login(mechanism)))).await,
            "cannot reach ns/kafka-0:9092: SASL password refused for user console, secret ns/console key password"
        );
    }
}

#[tokio::test]
async fn a_mechanism_that_is_not_offered_tells_those_that_are() {
    let house = House::new(Door { tls: None, users: Some(users(&["PLAIN", "SCRAM-SHA-256"], None)) });
    let why = house.fails(way(None, Some(login(Mechanism::ScramSha512)))).await;
    assert!(why.ends_with("does not offer SCRAM-SHA-512; it offers PLAIN, SCRAM-SHA-256"), "{why}");
}

#[tokio::test]
async fn certificates_are_checked_and_what_is_wrong_is_told() {
    for (certificate, trust, told) in [
        ("elsewhere", "authority.pem", "is not for kafka-0.kafka; it is for other.example.org, 10.0.0.1"),
        (
            "expired",
            "authority.pem",
            "cannot reach ns/kafka-0:9092: the broker's certificate expired on 2021-01-01 00:00 UTC, signed by \
             CN=authority, of secret ns/authorities key authority.pem",
        ),
        ("future", "authority.pem", "is not valid before 2100-01-01 00:00 UTC"),
        ("broker", "stranger.pem", "an authority that is not in secret ns/authorities key stranger.pem"),
    ] {
        let house = House::new(Door { tls: Some(tls(certificate, false)), users: None });
        let why = house.fails(way(Some(trust), None)).await;
        assert!(why.contains(told), "{why}");
    }
}

#[tokio::test]
async fn before_metadata_any_name_of_the_pod_will_do_and_then_only_the_advertised_one() {
    let house = House::new(Door { tls: Some(tls("broker", false)), users: None });
    let names = |names: &[&str]| Route {
        way: Some(way(Some("authority.pem"), None)),
        names: names.iter().map(|n| (*n).to_owned()).collect(),
    };
    assert!(house.go_as(names(&["kafka-0.kafka.ns.svc", "10.0.0.7", "kafka-0.kafka"])).await.is_ok());
    assert!(house.go_as(names(&["kafka-0.kafka.ns.svc"])).await.is_err());
    // What was verified under other names must not let a session be resumed under this one.
    assert!(house.go_as(names(&["kafka-0.kafka"])).await.is_ok());
    assert!(house.go_as(names(&["kafka-0.kafka.ns.svc"])).await.is_err());
    assert!(house.go_as(names(&[])).await.is_err());
}

#[tokio::test]
async fn a_client_certificate_opens_what_asks_for_one() {
    let house = House::new(Door { tls: Some(tls("broker", true)), users: None });
    let secured = house.go(way(Some("authority.pem"), Some(certificate()))).await.unwrap();
    assert_eq!(speaks(secured).await, Ok(3));
    let without = match house.go(way(Some("authority.pem"), None)).await {
        Ok(secured) => speaks(secured).await.unwrap_err(),
        Err(why) => why,
    };
    assert!(without.contains("asks for a client certificate, and none is configured"), "{without}");
    // One that an unknown authority signed: the broker's own key pair will not do either.
    house.shelf.put("console", "client.pem", &pem("stranger.pem"));
    house.shelf.put("console", "client.key", &pem("broker.key"));
    let other = House::new(Door { tls: Some(tls("broker", true)), users: None });
    other.shelf.put("console", "client.pem", &pem("elsewhere.pem"));
    other.shelf.put("console", "client.key", &pem("elsewhere.key"));
    let refused = match other.go(way(Some("authority.pem"), Some(certificate()))).await {
        Ok(secured) => speaks(secured).await.unwrap_err(),
        Err(why) => why,
    };
    assert!(refused.contains("refuses the client certificate of secret ns/console key client.pem"), "{refused}");
}

/// Shows a client certificate, and says how that ends.
async fn shows(name: &str) -> String {
    let house = House::new(Door { tls: Some(tls("broker", true)), users: None });
    house.shelf.put("console", "client.pem", &pem(&format!("{name}.pem")));
    house.shelf.put("console", "client.key", &pem(&format!("{name}.key")));
    match house.go(way(Some("authority.pem"), Some(certificate()))).await {
        Ok(secured) => speaks(secured).await.map_or_else(|why| why, |brokers| brokers.to_string()),
        Err(why) => why,
    }
}

#[tokio::test]
async fn a_client_certificate_that_is_out_of_its_time_is_told_with_the_date_and_the_secret() {
    assert_eq!(shows("client").await, "3");
    let lapsed = shows("lapsed").await;
    let told = "the client certificate in secret ns/console key client.pem expired on 2021-01-01 00:00 UTC (";
    assert!(lapsed.contains(told), "{lapsed}");
    assert!(lapsed.contains("and the broker refuses it (CertificateExpired)"), "{lapsed}");
    let future = shows("future").await;
    assert!(future.contains("key client.pem is not valid before 2100-01-01 00:00 UTC, and"), "{future}");
}

#[tokio::test]
async fn a_port_that_is_something_else_is_recognised() {
    let plain = House::new(Door::default());
    let why = plain.fails(way(Some("authority.pem"), None)).await;
    assert!(why.contains("the port does not speak TLS"), "{why}");
    let secured = House::new(Door { tls: Some(tls("broker", false)), users: Some(users(&[SCRAM], None)) });
    let why = secured.fails(way(None, Some(login(Mechanism::ScramSha512)))).await;
    assert!(why.contains("alert of TLS"), "{why}");
    let why = speaks(secured.go_as(Route::default()).await.unwrap()).await.unwrap_err();
    assert!(why.contains("alert of TLS"), "{why}");
}

#[tokio::test]
async fn secrets_with_junk_are_used_as_far_as_they_can_be() {
    let house = House::new(Door { tls: Some(tls("broker", false)), users: None });
    let broken = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let mixed =
        [b"# comment\n".as_slice(), &pem("stranger.pem"), b"\xff junk\n", broken, &pem("authority.pem")].concat();
    house.shelf.put("authorities", "mixed", &mixed);
    assert!(house.go(way(Some("mixed"), None)).await.is_ok());
    house.shelf.put("junk", "mixed", b"");
    for (value, told) in [
        (&b""[..], "is empty"),
        (b"no certificate", "holds no usable certificate: no certificate stands in it"),
        (broken, "certificate 1 is left out"),
        (b"-----BEGIN CERTIFICATE-----\n????\n-----END CERTIFICATE-----\n", "it is not base64"),
    ] {
        let fresh = House::new(Door::default());
        fresh.shelf.put("authorities", "junk", value);
        let why = fresh.fails(way(Some("junk"), None)).await;
        assert!(why.contains("secret ns/authorities key junk") && why.contains(told), "{why}");
    }
    let fresh = House::new(Door::default());
    fresh.shelf.put("console", "client.key", &pem("client.pem"));
    let why = fresh.fails(way(Some("authority.pem"), Some(certificate()))).await;
    assert!(why.contains("secret ns/console key client.key holds no usable key"), "{why}");
    let mut missing = way(Some("authority.pem"), None);
    missing.encryption.as_mut().unwrap().trust.push(secret("authorities", "ca.crt"));
    let why = fresh.fails(missing).await;
    assert!(why.contains("secret ns/authorities has no key ca.crt; it has authority.pem, bygone.pem"), "{why}");
}
