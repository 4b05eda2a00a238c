//! Configuration: what was typed, set and written down becomes what is meant, and every value says who set it.
//!
//! It reads the files of the config directory and nothing else of the machine; flags and variables are handed in.
//! A row that cannot be used is a `Problem` with its file and line, and everything else still holds. It does not
//! know what a command does or how a style is drawn: `app` hands in its commands' names, `view` turns styles into
//! cells. `cmd` calls it once, at the start.

pub mod chain;
pub mod color;
pub mod document;
pub mod files;
pub mod keymap;
pub mod problem;
pub mod settings;
pub mod theme;

use std::path::{Path, PathBuf};

use self::{
    chain::{ROOT, Shelf},
    document::Document,
    keymap::{Keymap, Word},
    problem::{Origin, Problem, nearest},
    settings::{Flags, Set, Settings, Terminal, Written},
    theme::Theme,
};

/// Everything that is needed to say what is meant.
pub struct Given<'a> {
    /// The config directory, if there can be one.
    pub dir: Option<&'a Path>,
    /// What the command line says.
    pub flags: &'a Flags,
    /// What the environment says of the terminal.
    pub terminal: &'a Terminal,
    /// The commands that keys may run.
    pub words: &'a [Word],
}

/// What is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The config directory.
    pub dir: Option<PathBuf>,
    /// Settings and who set them.
    pub settings: Settings,
    /// Which keys run which command.
    pub keymap: Keymap,
    /// How meanings look.
    pub theme: Theme,
    /// What cannot be used, in the order of files and lines.
    pub problems: Vec<Problem>,
    /// Names of all keymaps.
    pub keymaps: Vec<String>,
    /// Names of all themes.
    pub themes: Vec<String>,
}

/// A name was typed that nothing has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("There is no {kind} {name:?}.")]
pub struct Unknown {
    /// What was wanted, as `theme`.
    pub kind: &'static str,
    /// What was typed.
    pub name: String,
    /// What was probably meant.
    pub nearest: Option<String>,
    /// What there is.
    pub names: Vec<String>,
}

/// Reads everything; `context` is asked for the context's name only where a file tells contexts apart.
pub fn load(given: &Given<'_>, context: impl FnOnce() -> Option<String>) -> Result<Config, Unknown> {
    let mut problems = Vec::new();
    let text = given.dir.and_then(|dir| files::read(dir, settings::FILE, &mut problems));
    let written = text.map(|text| {
        let document = Document::read(settings::FILE, &text, &mut problems);
        Written::read(&document, context, &mut problems)
    });
    let mut settings = Settings::merge(written.unwrap_or_default(), given.flags, given.terminal);
    let keymaps = Shelf { dir: given.dir, ..keymap::SHELF };
    let themes = Shelf { dir: given.dir, ..theme::SHELF };
    settings.keymap = known(&keymaps, settings.keymap, &mut problems)?;
    settings.theme = known(&themes, settings.theme, &mut problems)?;
    let keymap = Keymap::read(&keymaps, &settings.keymap.value, given.words, &mut problems);
    let theme = Theme::read(&themes, &settings.theme.value, &mut problems);
    problems.sort();
    Ok(Config {
        dir: given.dir.map(Path::to_owned),
        settings,
        keymap,
        theme,
        problems,
        keymaps: keymaps.names(),
        themes: themes.names(),
    })
}

/// The name if there is such a file; a wrong one that was typed is refused, one that was written down is a problem.
fn known(shelf: &Shelf<'_>, name: Set<String>, problems: &mut Vec<Problem>) -> Result<Set<String>, Unknown> {
    if shelf.has(&name.value) {
        return Ok(name);
    }
    let names = shelf.names();
    let near = nearest(&name.value, names.iter().map(String::as_str)).map(str::to_owned);
    let Origin::File { file, line } = &name.by else {
        return Err(Unknown { kind: shelf.kind, name: name.value, nearest: near, names });
    };
    let problem = Problem::at(file, *line, format!("there is no {} {:?}", shelf.kind, name.value));
    problems.push(match near {
        Some(near) => problem.hint(format!("did you mean {near:?}?")),
        None => problem.hint(format!("there are {}", names.join(", "))),
    });
    Ok(Set::default(ROOT.to_owned()))
}
