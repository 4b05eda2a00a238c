//! `docs`: tables of the documentation as Markdown, made from the same tables the program runs by.
//!
//! The README holds some of them between marks; `tests/tables.rs` keeps them equal.

use std::fmt::Write;

use crate::{
    app::{
        commands::{self, Command, Layer, commands as all_commands},
        keys::Key,
    },
    cli::Table,
    config::{
        keymap::{self, Keymap},
        settings,
        theme::{self, Theme},
    },
    domain::key,
    errors::EXIT_CODES,
    plan::catalog::CATALOG,
};

/// Every table with its name and its heading.
pub const TABLES: [(Table, &str, &str); 6] = [
    (Table::Keys, "keys", "Keys"),
    (Table::Commands, "commands", "Commands"),
    (Table::Themes, "themes", "Themes"),
    (Table::Settings, "settings", "Settings"),
    (Table::Actions, "actions", "Actions"),
    (Table::ExitCodes, "exit-codes", "Exit codes"),
];

/// The tables that were asked for, all of them with headings.
pub fn text(table: Option<Table>) -> String {
    if let Some(table) = table {
        return of(table);
    }
    TABLES.iter().map(|(table, _, heading)| format!("## {heading}\n\n{}", of(*table))).collect::<Vec<_>>().join("\n")
}

/// One table.
pub fn of(table: Table) -> String {
    match table {
        Table::Keys => keys(),
        Table::Commands => commands(),
        Table::Themes => themes(),
        Table::Settings => settings(),
        Table::Actions => actions(),
        Table::ExitCodes => exit_codes(),
    }
}

/// Keys by layer, in the default keymap and where the others differ.
fn keys() -> String {
    let maps: Vec<Keymap> = keymap::BUILT_IN.iter().map(|(name, _)| commands::keymap(name)).collect();
    let mut out = String::from("| where |");
    for (name, _) in keymap::BUILT_IN {
        let _ = write!(out, " {name} |");
    }
    out.push_str(" what it does |\n|---|");
    out.push_str(&"---|".repeat(keymap::BUILT_IN.len() + 1));
    out.push('\n');
    for (layer, ..) in Layer::ALL {
        for command in all_commands() {
            row(&mut out, *layer, command, &maps);
        }
    }
    out.push_str("| everywhere |");
    out.push_str(&" `ctrl-c ctrl-c` |".repeat(maps.len()));
    out.push_str(" leave; it cannot be bound to anything else |\n");
    out
}

fn row(out: &mut String, layer: Layer, command: &Command, maps: &[Keymap]) {
    let of = |map: &Keymap| map.keys_of(layer, command.name).map(code).collect::<Vec<_>>().join(" ");
    let cells: Vec<String> = maps.iter().map(of).collect();
    if cells.iter().all(String::is_empty) {
        return;
    }
    let _ = write!(out, "| {} |", layer.place());
    for (nth, cell) in cells.iter().enumerate() {
        let cell = match nth {
            0 => cell.as_str(),
            _ if *cell == cells[0] => "",
            _ if cell.is_empty() => "–",
            _ => cell.as_str(),
        };
        let _ = if cell.is_empty() { write!(out, " |") } else { write!(out, " {cell} |") };
    }
    let _ = writeln!(out, " {} |", command.title);
}

/// Keys as code; a bar would end the cell.
fn code(keys: &[Key]) -> String {
    format!("`{}`", key::written(keys).replace('|', "\\|"))
}

/// Every command that a keymap may name.
fn commands() -> String {
    let mut out = String::from("| command | where | what it does |\n|---|---|---|\n");
    for command in all_commands() {
        let _ = writeln!(out, "| `{}` | {} | {} |", command.name, command.layer.place(), command.title);
    }
    out.push_str("| `none` | everywhere | nothing: sets the keys free, and hides what they do outside |\n");
    out
}

/// Every action, what it is told and what it may cost.
fn actions() -> String {
    let mut out = String::from("| action | on | what it does | is told | risk |\n|---|---|---|---|---|\n");
    for spec in CATALOG {
        let told: Vec<String> = spec
            .params
            .iter()
            .map(|one| if one.positional { format!("`{}`", one.value) } else { format!("`--{}`", one.name) })
            .collect();
        let on = spec.scope.param().unwrap_or("installation");
        let (words, risk) = (spec.words().join(" "), spec.risk.word());
        let _ = writeln!(out, "| `kafdeck {words}` | {on} | {} | {} | {risk} |", spec.doc, told.join(" "));
    }
    out
}

/// Slots, and which built-in theme says something about them.
fn themes() -> String {
    let themes: Vec<Theme> = theme::BUILT_IN.iter().map(|(name, _)| Theme::built_in(name)).collect();
    let mut out = String::from("| slot |");
    for (name, _) in theme::BUILT_IN {
        let _ = write!(out, " {name} |");
    }
    out.push_str(" what it is the style of |\n|---|");
    out.push_str(&"---|".repeat(themes.len() + 1));
    out.push('\n');
    for (slot, about) in theme::SLOTS {
        let _ = write!(out, "| `{slot}` |");
        for theme in &themes {
            let _ = write!(out, " {} |", theme.style(slot));
        }
        let _ = writeln!(out, " {about} |");
    }
    out
}

/// What config.toml may say.
fn settings() -> String {
    let mut out = String::from("| setting | what it may be | default | for one context |\n|---|---|---|---|\n");
    for key in settings::KEYS {
        let context = if key.in_context { "yes" } else { "no" };
        let _ = writeln!(out, "| `{}` | {} | {} | {context} |", key.name, key.about, key.default);
    }
    out
}

fn exit_codes() -> String {
    let mut out = String::from("| code | meaning |\n|---|---|\n");
    for (code, meaning) in EXIT_CODES {
        let _ = writeln!(out, "| {code} | {meaning} |");
    }
    out
}
