//! The observer over secured listeners: what it tells, how often it knocks, and sessions that end.

use std::sync::{Arc, atomic::Ordering};

use kafdeck::{
    domain::{access::Mechanism, broker::Contact, freshness::FailureKind},
    sandbox::broker::door::Door,
};

use super::house::{House, Watch, answers, book, contacts, failures, freeze, login, secret, tls, users, way};

const SCRAM: &str = "SCRAM-SHA-512";

fn scram() -> kafdeck::domain::access::Way {
    way(Some("authority.pem"), Some(login(Mechanism::ScramSha512)))
}

fn refused(contacts: &[Contact]) -> Option<&str> {
    contacts.iter().find_map(|c| match c {
        Contact::Refused { why } => Some(why.as_str()),
        _ => None,
    })
}

#[tokio::test(start_paused = true)]
async fn sessions_of_ten_seconds_are_renewed_without_a_gap() {
    let everyone = users(&[SCRAM], Some(10));
    let house = House::new(Door { tls: Some(tls("broker", false)), users: Some(Arc::clone(&everyone)) });
    let mut watch = Watch::start(&house, Some(scram()));
    let told = watch.until(120).await;
    assert!(answers(&told) > 55, "Metadata every 2 s: {}", answers(&told));
    assert_eq!(failures(&told), vec![]);
    for id in 0..3 {
        assert!(contacts(&told, id).iter().all(|c| *c == Contact::Answered), "{:?}", contacts(&told, id));
    }
    let (admitted, refused) = everyone.counts();
    assert!((48..=96).contains(&admitted) && refused == 0, "{admitted} logins on four connections in 120 s");
}

#[tokio::test(start_paused = true)]
async fn a_password_that_is_rotated_while_connected_is_taken_up_without_a_gap() {
    let everyone = users(&[SCRAM], Some(10));
    let house = House::new(Door { tls: None, users: Some(Arc::clone(&everyone)) });
    let mut watch = Watch::start(&house, Some(way(None, Some(login(Mechanism::ScramSha512)))));
    let before = watch.until(3).await;
    assert!(answers(&before) > 0);
    everyone.set("console", "another");
    house.shelf.put("console", "password", b"another");
    let told = watch.until(40).await;
    assert_eq!(failures(&told), vec![]);
    assert!((0..3).all(|id| contacts(&told, id).iter().all(|c| *c == Contact::Answered)));
    assert!(everyone.counts().1 <= 3, "each broker refuses the old one once at most: {:?}", everyone.counts());
}

#[tokio::test(start_paused = true)]
async fn a_refused_password_is_not_tried_again_until_the_secret_changes() {
    let everyone = users(&[SCRAM], None);
    let house = House::new(Door { tls: None, users: Some(Arc::clone(&everyone)) });
    house.shelf.put("console", "password", b"wrong");
    let mut watch = Watch::start(&house, Some(way(None, Some(login(Mechanism::ScramSha512)))));
    let told = watch.until(40).await;
    let words = "SASL password refused for user console, secret ns/console key password";
    assert_eq!(refused(&contacts(&told, 1)), Some(words));
    let failure = failures(&told).into_iter().find(|f| f.what.contains(words)).unwrap();
    assert_eq!(failure.kind, FailureKind::Auth);
    assert!(failure.hint.unwrap().contains("ns/console key password"));
    assert_eq!(everyone.counts(), (0, 3), "one knock at each broker");
    // New routes that change nothing are no reason to knock.
    watch.routes.send_replace(Arc::new(book(Some(way(None, Some(login(Mechanism::ScramSha512)))))));
    watch.until(42).await;
    assert_eq!(everyone.counts().1, 3);
    watch.refresh.notify_waiters();
    watch.until(44).await;
    assert_eq!(everyone.counts().1, 6, "who asks to retry is obeyed");
    house.shelf.put("console", "password", super::house::PASSWORD.as_bytes());
    let told = watch.until(54).await;
    assert_eq!(everyone.counts(), (4, 6), "each broker's, and the one aside for the quorum");
    assert!((0..3).all(|id| contacts(&told, id).last() == Some(&Contact::Answered)));
}

#[tokio::test(start_paused = true)]
async fn the_connection_aside_does_not_knock_again_and_again_with_a_password_that_counts_no_more() {
    let everyone = users(&[SCRAM], None);
    let house = House::new(Door { tls: None, users: Some(Arc::clone(&everyone)) });
    let mut watch = Watch::start(&house, Some(way(None, Some(login(Mechanism::ScramSha512)))));
    watch.until(3).await;
    // Whoever is connected stays; the quorum is asked of another broker while this one hangs.
    everyone.set("console", "another");
    // Which one it was asked of is known by the first knock elsewhere.
    let mut at = 3;
    for broker in 0..3 {
        freeze(&house, broker, true);
        at += 5;
        watch.until(at).await;
        freeze(&house, broker, false);
        if everyone.counts().1 > 0 {
            break;
        }
    }
    watch.until(at + 50).await;
    let refused = everyone.counts().1;
    assert!((1..=3).contains(&refused), "{refused} knocks");
}

#[tokio::test(start_paused = true)]
async fn a_listener_that_asks_for_a_login_is_recognised_where_none_is_configured() {
    let house = House::new(Door { tls: None, users: Some(users(&[SCRAM, "PLAIN"], None)) });
    let mut watch = Watch::start(&house, None);
    let told = watch.until(20).await;
    let words = "the listener asks for a login (SCRAM-SHA-512, PLAIN), and none is configured";
    assert_eq!(refused(&contacts(&told, 0)), Some(words), "{:?}", contacts(&told, 0));
    assert!(house.dials.load(Ordering::Relaxed) < 12, "{:?}", house.dials);
    // A way is found: it is gone at once.
    watch.routes.send_replace(Arc::new(book(Some(way(None, Some(login(Mechanism::ScramSha512)))))));
    let told = watch.until(23).await;
    assert!((0..3).all(|id| contacts(&told, id).last() == Some(&Contact::Answered)));
}

#[tokio::test(start_paused = true)]
async fn an_encrypted_listener_is_recognised_where_none_is_expected() {
    let house = House::new(Door { tls: Some(tls("broker", false)), users: None });
    let told = Watch::start(&house, None).until(10).await;
    let garbled = |c: &Contact| matches!(c, Contact::Garbled { why } if why.contains("alert of TLS"));
    assert!(contacts(&told, 2).iter().any(garbled), "{:?}", contacts(&told, 2));
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_is_missing_accuses_no_broker() {
    let house = House::new(Door::default());
    let mut wanting = scram();
    wanting.encryption.as_mut().unwrap().trust[0] = secret("gone", "authority.pem");
    let told = Watch::start(&house, Some(wanting)).until(20).await;
    assert_eq!(contacts(&told, 0), vec![]);
    let failure = failures(&told).remove(0);
    assert!(failure.what.contains("there is no secret ns/gone"), "{}", failure.what);
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_freezes_during_the_login_is_silent_and_comes_back() {
    let house = House::new(Door { tls: None, users: Some(users(&[SCRAM], Some(10))) });
    freeze(&house, 1, true);
    let mut watch = Watch::start(&house, Some(way(None, Some(login(Mechanism::ScramSha512)))));
    let told = watch.until(15).await;
    assert!(matches!(contacts(&told, 1).last(), Some(Contact::Silent { .. })), "{:?}", contacts(&told, 1));
    assert_eq!(contacts(&told, 0).last(), Some(&Contact::Answered));
    freeze(&house, 1, false);
    let told = watch.until(30).await;
    assert_eq!(contacts(&told, 1).last(), Some(&Contact::Answered));
}

#[tokio::test(start_paused = true)]
async fn secrets_are_not_read_for_every_look_while_all_is_well() {
    let house = House::new(Door { tls: None, users: Some(users(&[SCRAM], None)) });
    Watch::start(&house, Some(way(None, Some(login(Mechanism::ScramSha512))))).until(300).await;
    assert_eq!(house.shelf.reads.load(Ordering::Relaxed), 1);
    assert_eq!(house.dials.load(Ordering::Relaxed), 4, "each broker's, and the one aside for the quorum");
}
