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

use crate::{cli::Global, domain::text::printable, io::connect::candidates};

use super::documents;

/// What the machine says: files and terminal.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Surroundings {
    /// Kubeconfig files that are looked at, and whether each is there.
    pub kubeconfigs: Vec<(PathBuf, bool)>,
    /// The current context of those files.
    pub current_context: Option<String>,
    /// Contexts in those files, sorted.
    pub contexts: Vec<String>,
    /// Where settings are looked for.
    pub config_dir: Option<PathBuf>,
    /// Where history is kept.
    pub state_dir: Option<PathBuf>,
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
        config_dir: xdg(env::var_os("XDG_CONFIG_HOME"), env::home_dir(), ".config"),
        state_dir: xdg(env::var_os("XDG_STATE_HOME"), env::home_dir(), ".local/state"),
        terminal: terminal(),
    }
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

/// A directory of ours by the XDG rules: a relative path in the variable does not count.
fn xdg(variable: Option<OsString>, home: Option<PathBuf>, below_home: &str) -> Option<PathBuf> {
    let base = variable.map(PathBuf::from).filter(|path| path.is_absolute());
    Some(base.or_else(|| home.map(|home| home.join(below_home)))?.join("kafdeck"))
}

/// A setting, its value and what set it.
type Setting = (&'static str, String, &'static str);

/// Settings that are in force.
fn settings(global: &Global, around: &Surroundings) -> Vec<Setting> {
    let context = match (&global.context, &around.current_context) {
        (Some(given), _) => (given.clone(), "--context"),
        (None, Some(current)) => (current.clone(), "kubeconfig"),
        (None, None) => ("none".to_owned(), "kubeconfig"),
    };
    let namespace = match (&global.namespace, &global.installation) {
        (Some(given), _) => (given.clone(), "--namespace"),
        (None, Some(installation)) => (installation.namespace.clone(), "--installation"),
        (None, None) => ("all that may be listed".to_owned(), "default"),
    };
    let color = match (global.no_color, around.terminal.no_color, around.terminal.output) {
        (true, ..) => ("no", "--no-color"),
        (_, true, _) => ("no", "NO_COLOR"),
        (.., false) => ("no", "not a terminal"),
        _ => ("yes", "default"),
    };
    let flag = |on: bool, name| if on { ("yes".to_owned(), name) } else { ("no".to_owned(), "default") };
    let installation = global.installation.as_ref();
    let timeout = format!("{} ms", global.timeout.as_millis());
    let log = global.log_file.as_ref();
    [
        ("context", context),
        ("namespace", namespace),
        (
            "installation",
            installation.map_or_else(|| ("the only one".to_owned(), "default"), |i| (i.to_string(), "--installation")),
        ),
        ("read_only", flag(global.read_only, "--read-only")),
        ("timeout", (timeout, if global.timeout.as_secs() == 10 { "default" } else { "--timeout" })),
        ("color", (color.0.to_owned(), color.1)),
        ("ascii", flag(global.ascii, "--ascii")),
        ("log_file", log.map_or_else(|| ("none".to_owned(), "default"), |p| (p.display().to_string(), "--log-file"))),
    ]
    .map(|(name, (value, by))| (name, value, by))
    .to_vec()
}

/// The document.
pub fn document(global: &Global, around: &Surroundings, now: DateTime<Utc>) -> Value {
    let files: Vec<Value> = around
        .kubeconfigs
        .iter()
        .map(|(path, exists)| json!({"path": path.display().to_string(), "exists": exists}))
        .collect();
    let path = |path: &Option<PathBuf>| path.as_ref().map(|p| p.display().to_string());
    let mut set = serde_json::Map::new();
    for (name, value, by) in settings(global, around) {
        set.insert(name.to_owned(), json!({"value": value, "set_by": by}));
    }
    let terminal = &around.terminal;
    let mut document = documents::envelope("info", &Value::Null, now);
    let body = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "kubeconfigs": files,
        "contexts": around.contexts,
        "config_dir": path(&around.config_dir),
        "state_dir": path(&around.state_dir),
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
pub fn text(global: &Global, around: &Surroundings) -> String {
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
    for (name, dir) in [("config dir", &around.config_dir), ("state dir", &around.state_dir)] {
        lines
            .push((name, dir.as_ref().map_or_else(|| "none: HOME is not set".to_owned(), |d| d.display().to_string())));
    }
    for (name, value, by) in settings(global, around) {
        lines.push((name, format!("{value}  ({by})")));
    }
    lines.push(("terminal", of_terminal(&around.terminal)));
    let mut out = String::new();
    for (name, value) in lines {
        let _ = writeln!(out, "{:12}  {}", name.replace('_', " "), printable(&value));
    }
    out
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
    use crate::cli;

    fn global(line: &str) -> Global {
        cli::parse(line.split_whitespace().map(OsString::from)).unwrap().global
    }

    fn around() -> Surroundings {
        Surroundings {
            kubeconfigs: vec![("/home/u/.kube/config".into(), false)],
            current_context: Some("prod-eu".into()),
            contexts: vec!["prod-eu".into(), "\u{1b}[31mred".into()],
            config_dir: Some("/home/u/.config/kafdeck".into()),
            state_dir: None,
            terminal: TerminalFacts { term: Some("xterm".into()), ..TerminalFacts::default() },
        }
    }

    #[test]
    fn every_setting_says_what_set_it() {
        let text = text(&global("kafdeck -n a --read-only --timeout 2m info"), &around());
        for line in [
            "namespace     a  (--namespace)",
            "context       prod-eu  (kubeconfig)",
            "read only     yes  (--read-only)",
            "timeout       120000 ms  (--timeout)",
            "color         no  (not a terminal)",
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
        let document = document(&global("kafdeck --installation a/k info"), &around(), now);
        assert_eq!(document["schema"], "kafdeck/info/v1");
        assert_eq!(document["installation"], Value::Null);
        assert_eq!(document["settings"]["namespace"], json!({"value": "a", "set_by": "--installation"}));
        assert_eq!(document["kubeconfigs"][0]["exists"], false);
        assert_eq!(document["state_dir"], Value::Null);
    }

    #[test]
    fn files_and_directories_follow_kubectl_and_xdg() {
        let names = |paths: Vec<(PathBuf, bool)>| -> Vec<PathBuf> { paths.into_iter().map(|(p, _)| p).collect() };
        let home = || Some(PathBuf::from("/h"));
        assert_eq!(names(kubeconfigs(Some(Path::new("/x")), Some("/a".into()), home())), [Path::new("/x")]);
        assert_eq!(names(kubeconfigs(None, Some("/a::/b".into()), home())), [Path::new("/a"), Path::new("/b")]);
        assert_eq!(names(kubeconfigs(None, Some("".into()), home())), [Path::new("/h/.kube/config")]);
        assert_eq!(names(kubeconfigs(None, None, None)), Vec::<PathBuf>::new());
        assert_eq!(xdg(Some("/c".into()), home(), ".config"), Some("/c/kafdeck".into()));
        assert_eq!(xdg(Some("relative".into()), home(), ".config"), Some("/h/.config/kafdeck".into()));
        assert_eq!(xdg(None, None, ".config"), None);
    }
}
