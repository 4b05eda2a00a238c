//! Settings for a run: what the machine and the command line say is gathered here, and `config` says what it means.

use std::{
    env,
    ffi::OsString,
    io::{self, IsTerminal, Write},
    path::PathBuf,
};

use kube::config::Kubeconfig;

use crate::{
    app::commands,
    cli::Global,
    config::{
        self, Config, Given, Unknown,
        problem::Problem,
        settings::{Flags, Terminal},
    },
    domain::text::printable,
    errors::{Failure, FailureKind},
    io::connect::candidates,
    view::Look,
};

/// Reads the configuration and puts what it says where the commands look for it.
///
/// A context that is known already needs no kubeconfig to be read.
pub fn settle(global: &mut Global, known: Option<&str>) -> Result<Config, Failure> {
    let config = read(global, known)?;
    global.deadline = global.timeout;
    let settings = &config.settings;
    global.namespace.clone_from(&settings.namespace.value);
    global.read_only = settings.read_only.value;
    global.ascii = settings.ascii.value;
    global.timeout = Some(settings.timeout.value);
    Ok(config)
}

/// Reads the configuration.
pub fn read(global: &Global, known: Option<&str>) -> Result<Config, Failure> {
    let (dir, words) = (config_dir(), commands::words());
    let (flags, terminal) = (flags(global), terminal());
    let given = Given { dir: dir.as_deref(), flags: &flags, terminal: &terminal, words: &words };
    config::load(&given, || known.map(str::to_owned).or_else(|| context(global))).map_err(|unknown| refused(&unknown))
}

/// How the console looks on this terminal.
pub fn look(config: &Config) -> Look {
    Look::new(&config.theme, config.settings.color.value, config.settings.ascii.value)
}

/// What cannot be used, in one line for the footer.
pub fn notice(problems: &[Problem]) -> Option<String> {
    let first = problems.first()?;
    let one_file = problems.iter().all(|p| p.file == first.file);
    let place = if one_file { first.file.as_str() } else { "your configuration" };
    let count = match problems.len() {
        1 => "1 problem".to_owned(),
        n => format!("{n} problems"),
    };
    Some(format!("{count} in {place}: `kafdeck config` lists {}", if problems.len() == 1 { "it" } else { "them" }))
}

/// Problems that are said beside an answer; more of them would bury it.
const SAID: usize = 10;

/// Says what cannot be used, one line each; never on standard output, which belongs to the answer.
pub fn warn(config: &Config) {
    let dir = config.dir.as_deref().map(|dir| format!("{}/", dir.display())).unwrap_or_default();
    let lines = config.problems.iter().take(SAID).map(|problem| format!("{dir}{problem}"));
    let more = config.problems.len().saturating_sub(SAID);
    let rest = (more > 0).then(|| format!("{more} more: `kafdeck config` lists them"));
    for line in lines.chain(rest) {
        // A closed standard error leaves the answer to speak.
        let _ = writeln!(io::stderr(), "Warning: {}", printable(&line));
    }
}

/// The config directory: the one that was named, else by the XDG rules.
pub fn config_dir() -> Option<PathBuf> {
    let named = env::var_os("KAFDECK_CONFIG_DIR").filter(|dir| !dir.is_empty());
    named.map(PathBuf::from).or_else(|| xdg(env::var_os("XDG_CONFIG_HOME"), env::home_dir(), ".config"))
}

/// A directory of ours by the XDG rules: a relative path in the variable does not count.
pub fn xdg(variable: Option<OsString>, home: Option<PathBuf>, below_home: &str) -> Option<PathBuf> {
    let base = variable.map(PathBuf::from).filter(|path| path.is_absolute());
    Some(base.or_else(|| home.map(|home| home.join(below_home)))?.join("kafdeck"))
}

fn flags(global: &Global) -> Flags {
    Flags {
        theme: global.theme.clone(),
        keymap: global.keymap.clone(),
        namespace: global.namespace.clone(),
        installation: global.installation.is_some(),
        timeout: global.timeout,
        no_color: global.no_color,
        ascii: global.ascii,
        read_only: global.read_only,
    }
}

fn terminal() -> Terminal {
    let variable = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(variable).unwrap_or_default();
    Terminal {
        no_color: env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()),
        term: variable("TERM"),
        color_term: variable("COLORTERM"),
        utf8: locale.to_lowercase().replace('-', "").contains("utf8"),
        output: io::stdout().is_terminal(),
    }
}

/// The context that will be used. A kubeconfig that cannot be read is what connecting complains of.
fn context(global: &Global) -> Option<String> {
    if let Some(context) = &global.context {
        return Some(context.clone());
    }
    let given = global.kubeconfig.clone().map(|path| vec![path]);
    let files = given.unwrap_or_else(|| candidates(env::var_os("KUBECONFIG"), env::home_dir()));
    let read = files.iter().filter_map(|path| Kubeconfig::read_from(path).ok());
    read.into_iter().find_map(|file| file.current_context.filter(|context| !context.is_empty()))
}

fn refused(unknown: &Unknown) -> Failure {
    let failure = Failure::new(FailureKind::Usage, unknown.to_string());
    match &unknown.nearest {
        Some(near) => failure.hint(format!("--{} {near}", unknown.kind)),
        None => failure.hint(format!("there are {}", unknown.names.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_notice_names_the_file_when_there_is_one() {
        let problem = |file: &str| Problem::at(file, 1, "wrong");
        assert_eq!(notice(&[]), None);
        let said = notice(&[problem("config.toml")]);
        assert_eq!(said.as_deref(), Some("1 problem in config.toml: `kafdeck config` lists it"));
        let said = notice(&[problem("config.toml"), problem("themes/x.toml")]);
        assert_eq!(said.as_deref(), Some("2 problems in your configuration: `kafdeck config` lists them"));
    }

    #[test]
    fn directories_follow_xdg() {
        let home = || Some(PathBuf::from("/h"));
        assert_eq!(xdg(Some("/c".into()), home(), ".config"), Some("/c/kafdeck".into()));
        assert_eq!(xdg(Some("relative".into()), home(), ".config"), Some("/h/.config/kafdeck".into()));
        assert_eq!(xdg(None, None, ".config"), None);
    }
}
