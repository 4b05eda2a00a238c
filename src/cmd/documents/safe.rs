//! Documents as text that is safe on a terminal: no control, bidirectional or invisible character leaves as itself.
//!
//! Both formats can escape any character inside a string, so nothing is lost: a parser gives back what was there.

use std::fmt::Write;

use serde::{
    Serialize, Serializer,
    ser::{SerializeMap, SerializeSeq},
};
use serde_json::Value;
use serde_saphyr::DoubleQuoted;

use crate::{
    domain::text::is_unprintable,
    errors::{Failure, FailureKind},
};

/// A document as JSON, indented, with a line break at its end.
pub fn json(document: &Value) -> String {
    escaped(&format!("{document:#}"))
}

/// A document as JSON on one line, for streams.
pub fn line(document: &Value) -> String {
    escaped(&document.to_string())
}

/// C0 controls inside strings are escaped by the serialiser already; this does the rest.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len() + 1);
    for c in text.chars() {
        if c == '\n' || !is_unprintable(c) {
            safe.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(safe, "\\u{unit:04x}");
            }
        }
    }
    safe.push('\n');
    safe
}

/// A document as YAML.
pub fn yaml(document: &Value) -> Result<String, Failure> {
    let text = serde_saphyr::to_string(&Quoting(document))
        .map_err(|error| Failure::new(FailureKind::Wrong, "The document cannot be written as YAML.").why(error))?;
    // What the serialiser leaves as it is stands between double quotes, where YAML knows these escapes.
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        let _ = match c {
            '\n' => write!(safe, "{c}"),
            c if !is_unprintable(c) => write!(safe, "{c}"),
            '\0'..='\u{ffff}' => write!(safe, "\\u{:04X}", u32::from(c)),
            c => write!(safe, "\\U{:08X}", u32::from(c)),
        };
    }
    Ok(safe)
}

/// A value whose strings are put between double quotes where they hold something that must be escaped.
struct Quoting<'a>(&'a Value);

impl Serialize for Quoting<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::String(text) => Text(text).serialize(serializer),
            Value::Array(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                items.iter().try_for_each(|item| list.serialize_element(&Quoting(item)))?;
                list.end()
            }
            Value::Object(fields) => {
                let mut map = serializer.serialize_map(Some(fields.len()))?;
                fields.iter().try_for_each(|(name, value)| map.serialize_entry(&Text(name), &Quoting(value)))?;
                map.end()
            }
            other => other.serialize(serializer),
        }
    }
}

/// A string, or the name of a field.
struct Text<'a>(&'a str);

impl Serialize for Text<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.chars().any(|c| is_unprintable(c) && c != '\n') {
            DoubleQuoted(self.0).serialize(serializer)
        } else {
            serializer.serialize_str(self.0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Every unprintable character, beside an ordinary one.
    fn hostile() -> Vec<String> {
        ('\0'..=char::MAX).filter(|c| is_unprintable(*c)).map(|c| format!("a{c} #b: ")).collect()
    }

    #[track_caller]
    fn is_safe(text: &str) {
        let bad = text.chars().find(|c| is_unprintable(*c) && *c != '\n');
        assert_eq!(bad, None);
    }

    #[test]
    fn no_character_that_moves_a_terminal_leaves_as_itself_and_none_is_lost() {
        let document = json!({"list": hostile(), "all": hostile().concat()});
        let text = json(&document);
        is_safe(&text);
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), document);
        let text = yaml(&document).unwrap();
        is_safe(&text);
        assert_eq!(serde_saphyr::from_str::<Value>(&text).unwrap(), document);
    }

    #[test]
    fn field_names_are_no_way_round() {
        let mut labels = serde_json::Map::new();
        for name in hostile() {
            labels.insert(name, json!(1));
        }
        let document = json!({"labels": labels});
        let text = json(&document);
        is_safe(&text);
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), document);
        let text = yaml(&document).unwrap();
        is_safe(&text);
        assert_eq!(serde_saphyr::from_str::<Value>(&text).unwrap(), document, "{text}");
    }

    #[test]
    fn text_that_looks_like_another_type_stays_text() {
        let document = json!({"words": ["yes", "no", "null", "~", "1.0", "0x1f", "2026-01-01", "- a", "a: b", "", " x "],
            "lines": "sum(a)\n  > 0\n", "long": "word ".repeat(60)});
        let text = yaml(&document).unwrap();
        assert_eq!(serde_saphyr::from_str::<Value>(&text).unwrap(), document, "{text}");
    }

    #[test]
    fn ordinary_documents_read_well() {
        let document = json!({"schema": "kafdeck/x/v1", "rows": [{"name": "orders", "size": null}], "none": []});
        assert_eq!(yaml(&document).unwrap(), "schema: kafdeck/x/v1\nrows:\n- name: orders\n  size: null\nnone: []\n");
        assert!(json(&document).starts_with("{\n  \"schema\": \"kafdeck/x/v1\",\n"));
    }
}
