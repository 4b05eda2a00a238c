//! The message view in every state it can be in.

use chrono::TimeDelta;
use kafdeck::{
    app::{App, Effect, Msg, keys::Key},
    domain::{
        freshness::{FailureKind, SourceFailure},
        record::{Body, Header, ReadEvent, Record, StampKind, Start},
    },
};

use super::{
    COLOR, after, char,
    cluster::{self, Cluster, noon},
    screen,
};

/// The message view of the first topic of a healthy cluster, which nobody has told anything yet.
pub fn opened() -> App {
    after(Cluster::healthy().app(), &[char('5'), char('g'), char('m')])
}

fn told(events: Vec<ReadEvent>) -> App {
    let mut app = opened();
    app.update(Msg::Messages { events, dropped: 0 }, noon());
    app
}

fn record(partition: i32, offset: i64, key: Option<&[u8]>, value: Option<&[u8]>) -> ReadEvent {
    let body = |bytes: &[u8]| Body::of(bytes, 4_096);
    ReadEvent::Record(Record {
        partition,
        offset,
        at: Some((noon() - TimeDelta::milliseconds(9_000 - offset), StampKind::Created)),
        key: key.map(body),
        value: value.map(body),
        headers: vec![Header { name: "trace-\u{1b}[31mid".into(), value: Some(body(b"4bf92f35\x1b]0;x\x07")) }],
    })
}

fn end(partition: i32, next: i64) -> ReadEvent {
    ReadEvent::End { partition, next }
}

/// What producers write when nobody watches them: JSON, bytes, a tombstone, controls, a long line.
pub fn mixed() -> App {
    let long = format!("{{\"text\":\"{}\"}}", "long ".repeat(80));
    told(vec![
        ReadEvent::Began(vec![0, 1, 2]),
        record(0, 118, Some(b"customer-7"), Some(br#"{"order":1207,"items":[{"sku":"a-1","count":2}],"total":12.50}"#)),
        record(1, 97, Some(&[0, 0, 0, 0, 12, 0xff]), Some(&[0x0a, 0x07, 0xff, 0xfe, 0x00, 0x01])),
        record(2, 2_041, Some(b"customer-9"), None),
        record(0, 119, None, Some("\u{1b}[2Jcleared\u{202e} and \u{9b}31m reversed\nsecond line".as_bytes())),
        record(1, 98, Some("größe".as_bytes()), Some(long.as_bytes())),
        end(0, 120),
        end(1, 99),
        end(2, 2_042),
    ])
}

fn refused() -> SourceFailure {
    SourceFailure {
        kind: FailureKind::Forbidden,
        what: "Reading partition 0 of orders is forbidden: not authorized for the topic (TOPIC_AUTHORIZATION_FAILED)."
            .into(),
        hint: Some("Grant Read (which includes Describe) on topic orders to the user that is connected.".into()),
    }
}

pub fn forbidden() -> App {
    let trouble = |partition| ReadEvent::Trouble(Some(partition), refused());
    told(vec![ReadEvent::Began(vec![0, 1, 2]), trouble(0), trouble(1), trouble(2)])
}

macro_rules! snapshot {
    ($name:literal, $app:expr, $columns:literal, $rows:literal) => {
        insta::assert_snapshot!($name, screen(&$app, COLOR, $columns, $rows));
    };
}

#[test]
fn the_message_view() {
    snapshot!("messages_opened_80x24", opened(), 80, 24);
    snapshot!("messages_80x24", mixed(), 80, 24);
    snapshot!("messages_200x50", mixed(), 200, 50);
    snapshot!("messages_hex_80x24", after(mixed(), &[char('v'), char('v')]), 80, 24);
    snapshot!("messages_forbidden_80x24", forbidden(), 80, 24);
    let empty = told(vec![ReadEvent::Began(vec![0]), end(0, 0)]);
    snapshot!("messages_empty_80x24", empty, 80, 24);
}

#[test]
fn a_record_is_opened_in_full_as_text_json_and_bytes() {
    let first = || after(mixed(), &[Key::Up, Key::Up, Key::Up, Key::Up, Key::Enter]);
    snapshot!("messages_record_80x24", first(), 80, 24);
    snapshot!("messages_record_json_120x40", after(first(), &[char('v')]), 120, 40);
    snapshot!("messages_record_folded_120x40", after(first(), &[char('v'), char('z')]), 120, 40);
    snapshot!("messages_record_hex_120x40", after(first(), &[char('v'), char('v')]), 120, 40);
    let tombstone = after(mixed(), &[Key::Up, Key::Up, Key::Enter]);
    snapshot!("messages_record_tombstone_80x24", tombstone, 80, 24);
}

fn read(effects: &[Effect]) -> Option<(Start, Vec<i32>, bool)> {
    effects.iter().find_map(|effect| match effect {
        Effect::ReadMessages { query, live, .. } => Some((query.start, query.partitions.clone(), *live)),
        _ => None,
    })
}

fn press(app: &mut App, keys: &[Key]) -> Vec<Effect> {
    keys.iter().flat_map(|key| app.update(Msg::Key(*key), noon())).collect()
}

#[test]
fn keys_begin_elsewhere_take_another_partition_and_follow_again() {
    let mut app = mixed();
    let typed: Vec<Key> = [Key::Backspace; 3].into_iter().chain("120".chars().map(char)).chain([Key::Enter]).collect();
    press(&mut app, &[char('o')]);
    assert_eq!(read(&press(&mut app, &typed)), Some((Start::Offset(120), vec![], false)));
    assert_eq!(read(&press(&mut app, &[char('P')])), Some((Start::Offset(120), vec![0], false)));
    let followed = read(&press(&mut app, &[char('f')])).unwrap();
    assert!(followed.2, "live again: {followed:?}");
    press(&mut app, &[char('o')]);
    press(&mut app, &"x".chars().map(char).chain([Key::Enter]).collect::<Vec<_>>());
    assert!(screen(&app, COLOR, 120, 24).contains("is no place to begin at"));
}

#[test]
fn leaving_by_any_key_ends_reading() {
    for key in [Key::Esc, char('q'), char('3')] {
        let mut app = mixed();
        assert!(press(&mut app, &[key]).contains(&Effect::StopMessages), "{key:?}");
    }
    let mut app = mixed();
    press(&mut app, &[Key::Esc]);
    assert!(screen(&app, COLOR, 80, 24).contains("Topics"), "back where it was opened");
}

#[test]
fn a_topic_is_needed() {
    let mut app = after(Cluster::healthy().app(), &[char('3'), char('m')]);
    assert!(screen(&app, COLOR, 80, 24).contains("no topic is selected"));
    assert_eq!(read(&press(&mut app, &[char('m')])), None);
}

#[test]
fn a_way_that_is_shut_is_said_with_who_could_open_it() {
    let app = after(cluster::strimzi("orders-app", "stray"), &[char('5'), char('g'), char('m')]);
    let text = screen(&app, COLOR, 80, 24);
    assert!(text.contains("Messages "), "{text}");
}

#[test]
fn the_value_under_the_cursor_is_copied() {
    let mut app = mixed();
    let copied = press(&mut app, &[Key::Up, Key::Up, Key::Up, Key::Up, char('c')]);
    assert!(
        copied.iter().any(|e| matches!(e, Effect::Copy(text) if text.starts_with("{\"order\":1207"))),
        "{copied:?}"
    );
}
