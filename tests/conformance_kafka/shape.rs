//! The shape of an answer: which fields are filled, with what kind of value; and where two shapes differ.
//!
//! An answer's `Debug` form is read, so that no field can be forgotten.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
    iter::Peekable,
    str::Chars,
};

use serde_json::{Map, Value, json};

/// Fields that say nothing about an answer.
const IGNORED: [&str; 2] = ["throttle_time_ms", "unknown_tagged_fields"];

/// Fields with words that clients compare: they are kept as they are.
const LITERAL: [&str; 4] = ["group_state", "group_type", "protocol_type", "protocol_data"];

/// Numbers that name something, where 0 is as good as any other.
const IDS: [&str; 10] = [
    "node_id",
    "broker_id",
    "controller_id",
    "leader_id",
    "replica_id",
    "partition_index",
    "replica_nodes",
    "isr_nodes",
    "offline_replicas",
    "partitions",
];

/// The shape of an answer.
pub fn of(answer: &impl Debug) -> Value {
    let text = format!("{answer:?}");
    let mut chars = text.chars().peekable();
    let shape = value(&mut chars, "");
    assert_eq!(chars.next(), None, "not all of it was read: {text}");
    shape
}

type Input<'a> = Peekable<Chars<'a>>;

fn blank(chars: &mut Input<'_>) {
    while chars.next_if(|c| matches!(c, ' ' | ',' | ':')).is_some() {}
}

fn value(chars: &mut Input<'_>, field: &str) -> Value {
    blank(chars);
    match chars.peek() {
        Some('[') => list(chars, field),
        Some('{') => fields(chars),
        Some('"') => text(chars, field),
        _ => {
            let word = word(chars);
            match chars.peek().copied() {
                Some('"') if word == "b" => text(chars, field),
                Some('(') => inner(chars, field),
                Some(' ') if starts_fields(chars) => fields(chars),
                _ => scalar(&word, field),
            }
        }
    }
}

/// True at ` {`.
fn starts_fields(chars: &Input<'_>) -> bool {
    let mut ahead = chars.clone();
    ahead.next();
    ahead.peek() == Some(&'{')
}

fn word(chars: &mut Input<'_>) -> String {
    std::iter::from_fn(|| chars.next_if(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '+'))).collect()
}

/// What `Some` or a newtype holds.
fn inner(chars: &mut Input<'_>, field: &str) -> Value {
    chars.next();
    let held = value(chars, field);
    blank(chars);
    assert_eq!(chars.next(), Some(')'));
    held
}

fn list(chars: &mut Input<'_>, field: &str) -> Value {
    chars.next();
    let mut merged: Option<Value> = None;
    loop {
        blank(chars);
        if chars.next_if_eq(&']').is_some() {
            return Value::Array(merged.into_iter().collect());
        }
        let element = value(chars, field);
        merged = Some(match merged {
            None => element,
            Some(before) => merge(before, element),
        });
    }
}

fn fields(chars: &mut Input<'_>) -> Value {
    blank(chars);
    assert_eq!(chars.next(), Some('{'));
    let mut fields = Map::new();
    loop {
        blank(chars);
        if chars.next_if_eq(&'}').is_some() {
            return Value::Object(fields);
        }
        let name = word(chars);
        let value = value(chars, &name);
        if !IGNORED.contains(&name.as_str()) {
            fields.insert(name, value);
        }
    }
}

fn text(chars: &mut Input<'_>, field: &str) -> Value {
    chars.next();
    let mut text = String::new();
    while let Some(c) = chars.next_if(|c| *c != '"') {
        text.push(c);
        if c == '\\' {
            text.extend(chars.next());
        }
    }
    chars.next();
    match text.as_str() {
        "" => json!("empty"),
        kept if LITERAL.contains(&field) => json!(format!("'{kept}'")),
        _ => json!("text"),
    }
}

fn scalar(word: &str, field: &str) -> Value {
    let Ok(number) = word.parse::<i64>() else {
        let uuid = word.len() == 36;
        return match word {
            "None" => json!("null"),
            _ if uuid && word.chars().all(|c| matches!(c, '0' | '-')) => json!("no uuid"),
            _ if uuid => json!("uuid"),
            _ => json!(word),
        };
    };
    match number {
        _ if field == "error_code" => json!(number.to_string()),
        -1 => json!("-1"),
        _ if number == i64::from(i32::MIN) => json!("lowest"),
        _ if IDS.contains(&field) => json!("id"),
        0 => json!("0"),
        _ => json!("number"),
    }
}

/// The shape of two elements of a list.
fn merge(one: Value, other: Value) -> Value {
    match (one, other) {
        (Value::Object(mut one), Value::Object(other)) => {
            for (name, value) in other {
                let merged = match one.remove(&name) {
                    Some(before) => merge(before, value),
                    None => value,
                };
                one.insert(name, merged);
            }
            let sorted: BTreeMap<String, Value> = one.into_iter().collect();
            json!(sorted)
        }
        (Value::Array(one), Value::Array(other)) => {
            Value::Array(one.into_iter().chain(other).reduce(merge).into_iter().collect())
        }
        (one, other) => {
            let words =
                |value: &Value| value.as_str().unwrap_or("?").split(" or ").map(str::to_owned).collect::<Vec<_>>();
            let all: BTreeSet<String> = words(&one).into_iter().chain(words(&other)).collect();
            json!(all.into_iter().collect::<Vec<_>>().join(" or "))
        }
    }
}

/// Where two shapes differ.
pub fn differences(path: &str, expected: &Value, found: &Value) -> Vec<String> {
    match (expected, found) {
        (Value::Object(one), Value::Object(other)) => {
            let names: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
            let nothing = Value::Null;
            let of = |fields: &Map<String, Value>, name: &String| fields.get(name).unwrap_or(&nothing).clone();
            names
                .into_iter()
                .flat_map(|name| differences(&format!("{path}.{name}"), &of(one, name), &of(other, name)))
                .collect()
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            one.iter().zip(other).flat_map(|(one, other)| differences(&format!("{path}[]"), one, other)).collect()
        }
        _ if expected == found => Vec::new(),
        _ => vec![format!("{path}: expected {expected}, found {found}")],
    }
}

#[test]
fn a_shape_tells_what_is_filled_and_hides_what_differs_between_clusters() {
    #[derive(Debug)]
    #[expect(dead_code, reason = "its Debug form is what is read")]
    struct Answer {
        error_code: i16,
        throttle_time_ms: i32,
        node_id: i32,
        group_state: &'static str,
        topics: Vec<(i32, Option<&'static str>)>,
        counts: Vec<i32>,
    }
    let answer = Answer {
        error_code: 16,
        throttle_time_ms: 3,
        node_id: 0,
        group_state: "Dead",
        topics: vec![],
        counts: vec![0, 5, -1, 7],
    };
    let shape = json!({"error_code": "16", "node_id": "id", "group_state": "'Dead'", "topics": [],
        "counts": ["-1 or 0 or number"]});
    assert_eq!(of(&answer), shape);
}
