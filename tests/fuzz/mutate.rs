//! Making bad input of good: bytes that are flipped, cut, repeated and made huge; values of another type.

use serde_json::{Map, Value, json};

/// Numbers that lengths, counts, offsets and times are often compared with.
const EDGES: [i64; 12] = [
    0,
    1,
    -1,
    i8::MAX as i64,
    i16::MAX as i64,
    i32::MAX as i64,
    i32::MIN as i64,
    u32::MAX as i64,
    i64::MAX,
    i64::MIN,
    0x8000_0000,
    100 << 20,
];

/// Bytes with a few changes; half of them keep their length, so that more than the first field is read.
pub fn bytes(good: &[u8], rng: &mut fastrand::Rng) -> Vec<u8> {
    let mut bytes = good.to_vec();
    let gently = rng.bool();
    for _ in 0..rng.usize(1..=4) {
        if gently {
            let at = rng.usize(..bytes.len());
            bytes[at] ^= 1 << rng.u8(..8);
        } else {
            change(&mut bytes, rng);
        }
    }
    bytes
}

fn change(bytes: &mut Vec<u8>, rng: &mut fastrand::Rng) {
    if bytes.is_empty() {
        bytes.push(rng.u8(..));
        return;
    }
    let at = rng.usize(..bytes.len());
    match rng.u8(..8) {
        0 => bytes[at] ^= 1 << rng.u8(..8),
        1 => bytes[at] = rng.u8(..),
        2 => bytes.truncate(at),
        // Varints that announce a lot, and the largest there are.
        3 => write(bytes, at, &[0xff, 0xff, 0xff, 0xff, rng.u8(..16)]),
        4 => write(bytes, at, &EDGES[rng.usize(..EDGES.len())].to_be_bytes()[rng.usize(..8)..]),
        5 => bytes.insert(at, rng.u8(..)),
        6 => {
            let end = (at + rng.usize(1..64)).min(bytes.len());
            let piece = bytes[at..end].to_vec();
            let copies = piece.repeat(rng.usize(1..32));
            bytes.splice(at..at, copies);
        }
        _ => write(bytes, at, b"\x1b]0;x\x07\xff\xfe"),
    }
}

fn write(bytes: &mut [u8], at: usize, over: &[u8]) {
    let end = (at + over.len()).min(bytes.len());
    bytes[at..end].copy_from_slice(&over[..end - at]);
}

/// Text as nobody should send it.
pub fn text(rng: &mut fastrand::Rng) -> String {
    match rng.u8(..9) {
        0 => String::new(),
        1 => "\u{1b}[2J\u{1b}]52;c;aGk=\u{7}".to_owned(),
        2 => "\u{202e}drawkcab\u{200b}\u{feff}".to_owned(),
        3 => "a".repeat(rng.usize(1..200_000)),
        4 => "0.0.0.0:99999,,:,://,9092:kafka".to_owned(),
        5 => "${ENV}$(rm)`x`\n\t\r\0=,;[]{}\"'".to_owned(),
        6 => "漢字\u{0301}\u{1f469}\u{200d}\u{1f4bb}".repeat(rng.usize(1..40)),
        7 => EDGES[rng.usize(..EDGES.len())].to_string(),
        _ => "9999-99-99T99:99:99Z".to_owned(),
    }
}

/// A value with one to six changes somewhere in it.
pub fn value(good: &Value, rng: &mut fastrand::Rng) -> Value {
    let mut value = good.clone();
    for _ in 0..rng.usize(1..=6) {
        *somewhere(&mut value, rng) = odd(rng);
    }
    value
}

fn odd(rng: &mut fastrand::Rng) -> Value {
    match rng.u8(..8) {
        0 => Value::Null,
        1 => json!(EDGES[rng.usize(..EDGES.len())]),
        2 => json!(-1.5e300),
        3 => json!([]),
        4 => json!({}),
        5 => json!(true),
        _ => json!(text(rng)),
    }
}

/// A place in a value: deep more often than not.
fn somewhere<'a>(value: &'a mut Value, rng: &mut fastrand::Rng) -> &'a mut Value {
    let children = match value {
        Value::Array(items) => items.len(),
        Value::Object(fields) => fields.len(),
        _ => 0,
    };
    if children == 0 || rng.u8(..10) == 0 {
        return value;
    }
    let nth = rng.usize(..children);
    let child = match value {
        Value::Array(items) => items.get_mut(nth),
        Value::Object(fields) => field(fields, nth),
        _ => None,
    };
    somewhere(child.unwrap(), rng)
}

fn field(fields: &mut Map<String, Value>, nth: usize) -> Option<&mut Value> {
    fields.values_mut().nth(nth)
}
