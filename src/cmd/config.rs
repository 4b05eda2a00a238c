//! `config`: which settings count, who set each, and what cannot be used. It connects to nothing.

use std::fmt::Write;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::{
    config::{Config, theme},
    domain::{key, text::printable},
    errors::FailureKind,
};

use super::documents;

/// 0, or 2 when something cannot be used.
pub fn exit_code(config: &Config) -> u8 {
    if config.problems.is_empty() { 0 } else { FailureKind::Usage.exit_code() }
}

/// The document: settings, keys and styles with who set them, and problems.
pub fn document(config: &Config, now: DateTime<Utc>) -> Value {
    let mut settings = serde_json::Map::new();
    for (name, value, by) in config.settings.rows() {
        settings.insert(name.to_owned(), json!({"value": value, "set_by": by}));
    }
    let keys: Vec<Value> = config
        .keymap
        .bindings()
        .iter()
        .map(|row| {
            let by = row.by.to_string();
            json!({"layer": row.layer.name(), "keys": key::written(&row.keys), "command": row.command, "set_by": by})
        })
        .collect();
    let styles: Vec<Value> = theme::SLOTS
        .iter()
        .map(|(slot, _)| json!({"slot": slot, "set_by": config.theme.origin(slot).to_string()}))
        .collect();
    let mut document = documents::envelope("config", &Value::Null, now);
    let body = json!({
        "config_dir": config.dir.as_ref().map(|dir| dir.display().to_string()),
        "settings": settings,
        "keys": keys,
        "styles": styles,
        "problems": config.problems,
    });
    documents::merge(&mut document, body);
    document
}

/// The same for people: settings, then what cannot be used.
pub fn text(config: &Config) -> String {
    let mut out = String::new();
    for (name, value, by) in config.settings.rows() {
        let _ = writeln!(out, "{name:12}  {}  ({by})", printable(&value));
    }
    out.push('\n');
    let dir = config.dir.as_ref().map_or_else(|| "nowhere: HOME is not set".to_owned(), |d| d.display().to_string());
    let _ = writeln!(out, "{}", printable(&format!("Files below {dir}.")));
    if config.problems.is_empty() {
        out.push_str("No problems.\n");
    }
    for problem in &config.problems {
        let _ = writeln!(out, "{}", printable(&format!("{}: {}", problem.place(), problem.what)));
        if let Some(suggestion) = &problem.suggestion {
            let _ = writeln!(out, "  Hint: {}", printable(suggestion));
        }
    }
    out
}
