//! `info`: where kafdeck's files are, and which settings are in force and why.
//!
//! It connects to nothing and creates nothing. What it reads of the machine is gathered in one place, so that the
//! rest is pure.

use std::{
    env,
    ffi::OsString,
    fmt::Write,
    io::IsTerminal,
    path::{Path, PathBuf},
};

use chrono::{DateTime, Utc};
use kube::config::Kubeconfig;
use serde_json::{Value, json};

use crate::{cli::Global, config::Config, domain::text::printable, io::connect::candidates};

use super::{
    documents,
    settings::{config_dir, xdg},
};

/// What the machine says: files and terminal.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Surroundings {
    /// Kubeconfig files that are looked at, and whether each is there.
    pub kubeconfigs: Vec<(PathBuf, bool)>,
    /// The current context of those files.
    pub current_context: Option<String>,
    /// Contexts in those files, sorted.
    pub contexts: Vec<String>,
    /// The config directory, its file, and its folders of keymaps and themes, and whether each is there.
    pub config_files: Vec<(&'static str, PathBuf, bool)>,
    /// Where history is kept, and whether it can be written.
    pub state_dir: Option<(PathBuf, bool)>,
    /// The terminal.
    pub terminal: TerminalFacts,
}

/// What is known of the terminal.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TerminalFacts {
    /// Standard input is a terminal.
    pub input: bool,
    /// Standard output is a terminal.
    pub output: bool,
    /// Columns and rows.
    pub size: Option<(u16, u16)>,
    /// `TERM`.
    pub term: Option<String>,
    /// `COLORTERM`.
    pub color_term: Option<String>,
    /// The locale: `LC_ALL`, `LC_CTYPE` or `LANG`, the first that is set.
    pub locale: Option<String>,
    /// `NO_COLOR` is set and not empty.
    pub no_color: bool,
    /// The session came over SSH.
    pub ssh: bool,
}

/// Looks around.
pub fn surroundings(global: &Global) -> Surroundings {
    let kubeconfigs = kubeconfigs(global.kubeconfig.as_deref(), env::var_os("KUBECONFIG"), env::home_dir());
    let merged = kubeconfigs
        .iter()
        .filter(|(_, is_there)| *is_there)
        .try_fold(Kubeconfig::default(), |merged, (path, _)| merged.merge(Kubeconfig::read_from(path)?));
    // A file that cannot be read is what connecting complains of; here the paths are the answer.
    let merged = merged.unwrap_or_default();
    let mut contexts: Vec<String> = merged.contexts.iter().map(|c| c.name.clone()).collect();
    contexts.sort();
    Surroundings {
        kubeconfigs,
        current_context: merged.current_context.filter(|c| !c.is_empty()),
        contexts,
        config_files: config_files(),
        state_dir: xdg(env::var_os("XDG_STATE_HOME"), env::home_dir(), ".local/state").map(|dir| {
            let writable = may_write(&dir);
            (dir, writable)
        }),
        terminal: terminal(),
    }
}

/// What is looked for below the config directory.
fn config_files() -> Vec<(&'static str, PathBuf, bool)> {
    let Some(dir) = config_dir() else { return Vec::new() };
    let below = [("config dir", ""), ("config file", "config.toml"), ("keymaps", "keymaps"), ("themes", "themes")];
    below
        .into_iter()
        .map(|(name, below)| {
            let path = if below.is_empty() { dir.clone() } else { dir.join(below) };
            let exists = path.exists();
            (name, path, exists)
        })
        .collect()
}

/// True when files can be made in a directory, or in the nearest one above it that is there.
fn may_write(dir: &Path) -> bool {
    let there = dir.ancestors().find(|path| path.exists());
    let access = rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK;
    there.is_some_and(|path| path.is_dir() && rustix::fs::access(path, access).is_ok())
}

fn terminal() -> TerminalFacts {
    let variable = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
    let (input, output) = (std::io::stdin().is_terminal(), std::io::stdout().is_terminal());
    TerminalFacts {
        input,
        output,
        size: if output { crossterm::terminal::size().ok() } else { None },
        term: variable("TERM"),
        color_term: variable("COLORTERM"),
        locale: ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(variable),
        no_color: variable("NO_COLOR").is_some(),
        ssh: variable("SSH_CONNECTION").is_some(),
    }
}

/// The files that kubectl's rules name: the one that was given, else `KUBECONFIG`'s list, else the home directory's.
fn kubeconfigs(given: Option<&Path>, listed: Option<OsString>, home: Option<PathBuf>) -> Vec<(PathBuf, bool)> {
    let paths = given.map_or_else(|| candidates(listed, home), |path| vec![path.to_owned()]);
    paths.into_iter().map(|path| (path.clone(), path.exists())).collect()
}

/// A setting, its value and what set it.
type Setting = (&'static str, String, String);

/// Settings that are in force: those of one run, then those that can be written down.
fn settings(global: &Global, config: &Config, around: &Surroundings) -> Vec<Setting> {
    let context = match (&global.context, &around.current_context) {
        (Some(given), _) => (given.clone(), "--context"),
        (None, Some(current)) => (current.clone(), "kubeconfig"),
        (None, None) => ("none".to_owned(), "kubeconfig"),
    };
    let installation = global
        .installation
        .as_ref()
        .map_or(("the only one".to_owned(), "default"), |i| (i.to_string(), "--installation"));
    let log = global.log_file.as_ref().map(|p| (p.display().to_string(), "--log-file"));
    let log = log.unwrap_or_else(|| ("none".to_owned(), "default"));
    let of_run = [("context", context), ("installation", installation), ("log_file", log)];
    let mut settings: Vec<Setting> =
        of_run.into_iter().map(|(name, (value, by))| (name, value, by.to_owned())).collect();
    settings.extend(config.settings.rows());
    if let (Some(installation), None) = (&global.installation, &global.namespace) {
        // It says where to look, too.
        for setting in settings.iter_mut().filter(|s| s.0 == "namespace") {
            *setting = ("namespace", installation.namespace.clone(), "--installation".to_owned());
        }
    }
    settings
}

/// The document.
pub fn document(global: &Global, config: &Config, around: &Surroundings, now: DateTime<Utc>) -> Value {
    let files: Vec<Value> = around
        .kubeconfigs
        .iter()
        .map(|(path, exists)| json!({"path": path.display().to_string(), "exists": exists}))
        .collect();
    let of_config = around
        .config_files
        .iter()
        .map(|(name, path, exists)| json!({"what": name, "path": path.display().to_string(), "exists": exists}));
    let config_dir = around.config_files.first().map(|(_, path, _)| path.display().to_string());
    let state_dir = around.state_dir.as_ref().map(|(path, _)| path.display().to_string());
    let mut set = serde_json::Map::new();
    for (name, value, by) in settings(global, config, around) {
        set.insert(name.to_owned(), json!({"value": value, "set_by": by}));
    }
    let terminal = &around.terminal;
    let mut document = documents::envelope("info", &Value::Null, now);
    let body = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "kubeconfigs": files,
        "contexts": around.contexts,
        "config_dir": config_dir,
        "config_files": of_config.collect::<Vec<_>>(),
        "keymaps": config.keymaps,
        "themes": config.themes,
        "state_dir": state_dir,
        "state_dir_writable": around.state_dir.as_ref().map(|(_, writable)| writable),
        "settings": set,
        "terminal": {
            "input": terminal.input,
            "output": terminal.output,
            "columns": terminal.size.map(|s| s.0),
            "rows": terminal.size.map(|s| s.1),
            "term": terminal.term,
            "colorterm": terminal.color_term,
            "locale": terminal.locale,
            "ssh": terminal.ssh,
        },
    });
    documents::merge(&mut document, body);
    document
}

/// The same for people.
pub fn text(global: &Global, config: &Config, around: &Surroundings) -> String {
    let mut lines: Vec<(&str, String)> = vec![("version", env!("CARGO_PKG_VERSION").to_owned())];
    if around.kubeconfigs.is_empty() {
        lines.push(("kubeconfig", "none: HOME is not set".to_owned()));
    }
    for (path, exists) in &around.kubeconfigs {
        let missing = if *exists { "" } else { " (not there)" };
        lines.push(("kubeconfig", format!("{}{missing}", path.display())));
    }
    let contexts = if around.contexts.is_empty() { "none".to_owned() } else { around.contexts.join(", ") };
    lines.push(("contexts", contexts));
    let missing = |exists: bool| if exists { "" } else { " (not there)" };
    if around.config_files.is_empty() {
        lines.push(("config dir", "none: HOME is not set".to_owned()));
    }
    for (name, path, exists) in &around.config_files {
        lines.push((name, format!("{}{}", path.display(), missing(*exists))));
    }
    lines.push(("state dir", of_state_dir(around)));
    for (name, value, by) in settings(global, config, around) {
        lines.push((name, format!("{value}  ({by})")));
    }
    lines.push(("terminal", of_terminal(&around.terminal)));
    let mut out = String::new();
    for (name, value) in lines {
        let _ = writeln!(out, "{:12}  {}", name.replace('_', " "), printable(&value));
    }
    out
}

fn of_state_dir(around: &Surroundings) -> String {
    match &around.state_dir {
        None => "none: HOME is not set".to_owned(),
        Some((dir, true)) => dir.display().to_string(),
        Some((dir, false)) => format!("{} (cannot be written)", dir.display()),
    }
}

fn of_terminal(terminal: &TerminalFacts) -> String {
    let word = |value: &Option<String>| value.clone().unwrap_or_else(|| "not set".to_owned());
    let size = terminal.size.map_or_else(|| "not a terminal".to_owned(), |(columns, rows)| format!("{columns}×{rows}"));
    let ssh = if terminal.ssh { ", over SSH" } else { "" };
    format!(
        "{size}, TERM {}, COLORTERM {}, locale {}{ssh}",
        word(&terminal.term),
        word(&terminal.color_term),
        word(&terminal.locale)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        cli,
        config::{
            Given,
            settings::{Flags, Terminal},
        },
    };

    fn global(line: &str) -> Global {
        cli::parse(line.split_whitespace().map(OsString::from)).unwrap().global
    }

    fn around() -> Surroundings {
        Surroundings {
            kubeconfigs: vec![("/home/u/.kube/config".into(), false)],
            current_context: Some("prod-eu".into()),
            contexts: vec!["prod-eu".into(), "\u{1b}[31mred".into()],
            config_files: vec![("config dir", "/home/u/.config/kafdeck".into(), true)],
            state_dir: None,
            terminal: TerminalFacts { term: Some("xterm".into()), ..TerminalFacts::default() },
        }
    }

    fn config(global: &Global) -> Config {
        let flags = Flags {
            namespace: global.namespace.clone(),
            installation: global.installation.is_some(),
            read_only: global.read_only,
            timeout: global.timeout,
            ..Flags::default()
        };
        let terminal = Terminal { utf8: true, ..Terminal::default() };
        let given = Given { dir: None, flags: &flags, terminal: &terminal, words: &[] };
        crate::config::load(&given, || None).unwrap()
    }

    #[test]
    fn every_setting_says_what_set_it() {
        let global = global("kafdeck -n a --read-only --timeout 2m info");
        let text = text(&global, &config(&global), &around());
        for line in [
            "namespace     a  (--namespace)",
            "context       prod-eu  (kubeconfig)",
            "read only     yes  (--read-only)",
            "timeout       2m  (--timeout)",
            "color         never  (not a terminal)",
            "config dir    /home/u/.config/kafdeck",
            "kubeconfig    /home/u/.kube/config (not there)",
            "state dir     none: HOME is not set",
            "terminal      not a terminal, TERM xterm, COLORTERM not set, locale not set",
            "contexts      prod-eu, ?[31mred",
        ] {
            assert!(text.lines().any(|l| l == line), "{line:?} is missing in\n{text}");
        }
    }

    #[test]
    fn the_document_holds_the_same() {
        let now = DateTime::UNIX_EPOCH;
        let global = global("kafdeck --installation a/k info");
        let document = document(&global, &config(&global), &around(), now);
        assert_eq!(document["schema"], "kafdeck/info/v1");
        assert_eq!(document["installation"], Value::Null);
        assert_eq!(document["settings"]["namespace"], json!({"value": "a", "set_by": "--installation"}));
        assert_eq!(document["kubeconfigs"][0]["exists"], false);
        assert_eq!(document["state_dir"], Value::Null);
    }

    #[test]
    fn files_follow_kubectl() {
        let names = |paths: Vec<(PathBuf, bool)>| -> Vec<PathBuf> { paths.into_iter().map(|(p, _)| p).collect() };
        let home = || Some(PathBuf::from("/h"));
        assert_eq!(names(kubeconfigs(Some(Path::new("/x")), Some("/a".into()), home())), [Path::new("/x")]);
        assert_eq!(names(kubeconfigs(None, Some("/a::/b".into()), home())), [Path::new("/a"), Path::new("/b")]);
        assert_eq!(names(kubeconfigs(None, Some("".into()), home())), [Path::new("/h/.kube/config")]);
        assert_eq!(names(kubeconfigs(None, None, None)), Vec::<PathBuf>::new());
    }
}
