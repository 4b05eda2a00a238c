//! What is told of the certificates on the way in, good ones and those that are out of their time.

use std::sync::Arc;

use kafdeck::{
    domain::{
        broker::Contact,
        certificate::{Certificate, Role},
        freshness::FailureKind,
    },
    facts::{Body, KafkaBody},
    sandbox::broker::door::Door,
};

use super::house::{House, Told, Watch, book, certificate, certificates, contacts, failures, pem, tls, way};

fn short(met: &[Certificate]) -> Vec<(Role, String, String, Option<String>)> {
    let one = |c: &Certificate| {
        (
            c.role,
            c.subject.clone(),
            c.not_after.format("%Y-%m-%d").to_string(),
            c.kept.as_ref().map(ToString::to_string),
        )
    };
    met.iter().map(one).collect()
}

fn met(role: Role, subject: &str, ends: &str, kept: Option<&str>) -> (Role, String, String, Option<String>) {
    (role, subject.to_owned(), ends.to_owned(), kept.map(str::to_owned))
}

fn times_told(told: &Told) -> usize {
    told.iter().filter(|(_, fact)| matches!(fact.body, Body::Kafka(KafkaBody::Certificates { .. }))).count()
}

#[tokio::test(start_paused = true)]
async fn the_certificates_on_the_way_are_told_once_and_nothing_of_them_but_names_and_times() {
    let house = House::new(Door { tls: Some(tls("broker", true)), users: None });
    let mut watch = Watch::start(&house, Some(way(Some("authority.pem"), Some(certificate()))));
    let told = watch.until(20).await;
    for id in 0..3 {
        let expected = vec![
            met(Role::Broker, "CN=broker", "2120-01-01", None),
            met(Role::Authority, "CN=authority", "2120-01-01", Some("secret ns/authorities key authority.pem")),
            met(Role::Client, "CN=client", "2120-01-01", Some("secret ns/console key client.pem")),
        ];
        assert_eq!(short(&certificates(&told, id).unwrap()), expected);
    }
    assert_eq!(times_told(&told), 3, "each broker's once");
    let recorded = serde_json::to_string(&told).unwrap();
    assert!(!recorded.contains("BEGIN") && !recorded.contains("MII"), "{recorded}");
    // Another way without TLS: there are none any more.
    watch.routes.send_replace(Arc::new(book(Some(way(None, None)))));
    let after = watch.until(40).await;
    assert!((0..3).all(|id| certificates(&after, id) == Some(Vec::new())), "{after:?}");
}

#[tokio::test(start_paused = true)]
async fn a_renewed_authority_beside_its_expired_one_is_the_one_that_counts() {
    let house = House::new(Door { tls: Some(tls("broker", false)), users: None });
    house.shelf.put("authorities", "both", &[pem("bygone.pem"), pem("authority.pem")].concat());
    let told = Watch::start(&house, Some(way(Some("both"), None))).until(5).await;
    let met = short(&certificates(&told, 0).unwrap());
    assert_eq!(met[1].1, "CN=authority", "{met:?}");
    assert_eq!(met.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_expired_authority_is_survived_and_told_with_its_secret() {
    let house = House::new(Door { tls: Some(tls("orphan", false)), users: None });
    let told = Watch::start(&house, Some(way(Some("bygone.pem"), None))).until(5).await;
    assert_eq!(contacts(&told, 0).last(), Some(&Contact::Answered));
    let secret = Some("secret ns/authorities key bygone.pem");
    let met_authority = met(Role::Authority, "CN=bygone", "2022-01-01", secret);
    assert_eq!(short(&certificates(&told, 0).unwrap())[1], met_authority);
}

#[tokio::test(start_paused = true)]
async fn an_expired_broker_is_refused_with_the_date_and_its_certificate_told() {
    let house = House::new(Door { tls: Some(tls("expired", false)), users: None });
    let told = Watch::start(&house, Some(way(Some("authority.pem"), None))).until(5).await;
    let why = "the broker's certificate expired on 2021-01-01 00:00 UTC, signed by CN=authority, of secret \
               ns/authorities key authority.pem";
    assert_eq!(contacts(&told, 0).last(), Some(&Contact::Refused { why: why.to_owned() }));
    let expired = met(Role::Broker, "CN=expired", "2021-01-01", None);
    assert_eq!(short(&certificates(&told, 0).unwrap())[0], expired);
    let failure = failures(&told).into_iter().find(|f| f.what.contains(why)).unwrap();
    assert_eq!(failure.kind, FailureKind::Tls);
    assert!(failure.hint.unwrap().starts_with("Renew the broker's certificate"));
}

#[tokio::test(start_paused = true)]
async fn an_expired_client_certificate_accuses_no_broker_and_is_mended_by_another_secret() {
    let house = House::new(Door { tls: Some(tls("broker", true)), users: None });
    house.shelf.put("console", "client.pem", &pem("lapsed.pem"));
    house.shelf.put("console", "client.key", &pem("lapsed.key"));
    let mut watch = Watch::start(&house, Some(way(Some("authority.pem"), Some(certificate()))));
    let told = watch.until(8).await;
    assert_eq!(contacts(&told, 0), vec![]);
    let words = "client certificate in secret ns/console key client.pem expired on 2021-01-01 00:00 UTC";
    let failure = failures(&told).into_iter().find(|f| f.what.contains(words));
    assert!(failure.unwrap().hint.unwrap().contains("Renew the client certificate"));
    house.shelf.put("console", "client.pem", &pem("client.pem"));
    house.shelf.put("console", "client.key", &pem("client.key"));
    let told = watch.until(30).await;
    assert_eq!(contacts(&told, 0).last(), Some(&Contact::Answered));
    assert_eq!(short(&certificates(&told, 0).unwrap())[2].1, "CN=client");
}
