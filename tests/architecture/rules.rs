//! The table of who may import whom, and the checker that holds a tree against it.

use crate::{
    paths::{Named, Target, named},
    source::{File, Shipped, Token},
};

/// Longest file, its tests not counted.
const LONGEST: usize = 600;

/// What talks to the outside or needs a runtime.
const NETWORK: &[&str] =
    &["tokio", "tokio_util", "futures", "kube", "k8s_openapi", "rdkafka_sys", "hyper", "hyper_util", "tower"];
/// What draws.
const SCREEN: &[&str] = &["ratatui", "tui_textarea", "crossterm"];

/// Which of our modules a module may use.
enum Ours {
    All,
    These(&'static [&'static str]),
}

/// Which crates a module may use.
enum Crates {
    All,
    Only(&'static [&'static str]),
    Never(&'static [&'static [&'static str]]),
}

use Crates::{Never, Only};
use Ours::These;

/// Module · ours that it may use beside itself · crates.
const TABLE: &[(&str, Ours, Crates)] = &[
    ("domain", These(&[]), Only(&["serde", "chrono", "zeroize"])),
    ("wire", These(&[]), Never(&[NETWORK, SCREEN])),
    ("clock", These(&[]), Only(&["chrono", "tokio"])),
    ("task", These(&[]), Never(&[SCREEN])),
    ("drill", These(&[]), Never(&[NETWORK, SCREEN])),
    ("facts", These(&["domain"]), Never(&[NETWORK, SCREEN])),
    ("world", These(&["domain", "facts"]), Never(&[NETWORK, SCREEN])),
    ("discover", These(&["domain", "world"]), Never(&[NETWORK, SCREEN])),
    ("diagnose", These(&["domain", "world"]), Never(&[NETWORK, SCREEN])),
    ("plan", These(&["domain", "world", "discover"]), Never(&[NETWORK, SCREEN])),
    ("errors", These(&["domain"]), Never(&[NETWORK])),
    ("config", These(&["domain"]), Only(&["serde", "strsim", "thiserror", "toml"])),
    ("app", These(&["domain", "facts", "world", "discover", "diagnose", "plan", "config"]), Never(&[NETWORK, SCREEN])),
    ("view", These(&["app", "config", "domain", "plan", "world"]), Never(&[NETWORK, &["crossterm"]])),
    ("io", These(&["domain", "facts", "plan", "wire", "clock", "errors", "task"]), Never(&[SCREEN])),
    ("sandbox", These(&["wire", "clock", "task"]), Never(&[SCREEN, &["kube", "rdkafka_sys"]])),
    ("cmd", Ours::All, Crates::All),
    ("cli", Ours::All, Crates::All),
    ("main", Ours::All, Crates::All),
    ("lib", Ours::All, Crates::All),
];

/// The one file that may hold what its module may not.
const HOMES: &[(&str, &str)] = &[
    ("src/app/form.rs", "tui_textarea"),
    ("src/app/keys.rs", "crossterm"),
    ("src/io/connect.rs", "sandbox"),
    ("src/io/connect/in_memory.rs", "sandbox"),
];

/// The files that may say `unsafe`: librdkafka's hooks, and its functions behind safe ones.
const UNSAFE: &[&str] = &["src/io/messages/hooks.rs", "src/io/messages/native.rs"];

/// The sources and what they are built with.
pub struct Tree {
    /// Every file of `src`.
    pub files: Vec<File>,
    /// Crates of `[dependencies]`, as they are named in source.
    pub crates: Vec<String>,
}

/// Every breach of the house's rules in the files, as `file:line: what`.
pub fn breaches(tree: &Tree) -> Vec<String> {
    let test_only = test_modules(&tree.files);
    let is_test = |file: &File| {
        let place = file.modules();
        (1..=place.len()).any(|depth| test_only.contains(&place[..depth].join("::")))
    };
    tree.files.iter().flat_map(|file| of_file(file, &tree.crates, is_test(file))).collect()
}

/// Modules that exist for tests alone and have files of their own, as `discover::tests`.
fn test_modules(files: &[File]) -> Vec<String> {
    let of_file = |file: &File| {
        let parent = file.modules().join("::");
        file.shipped().test_modules.into_iter().map(move |name| format!("{parent}::{name}"))
    };
    files.iter().flat_map(of_file).collect()
}

fn of_file(file: &File, crates: &[String], is_test: bool) -> Vec<String> {
    let Shipped { tokens, test_lines, .. } = file.shipped();
    let mut found = Vec::new();
    if !is_test {
        found.extend(imports(file, &tokens, crates));
        let lines = file.text.lines().count() - test_lines.len();
        if lines > LONGEST {
            found.push(format!("{}: {lines} lines without its tests, more than {LONGEST}", file.path));
        }
    }
    if file.modules()[0] == "view" {
        found.extend(changes_of_app(&tokens).map(|line| format!("{}:{line}: view may not take &mut App", file.path)));
    }
    let unsafe_lines = tokens.iter().filter(|t| t.text == "unsafe").map(|t| t.line);
    if !UNSAFE.contains(&file.path.as_str()) {
        found.extend(unsafe_lines.map(|line| format!("{}:{line}: unsafe", file.path)));
    }
    if !file.text.starts_with("//!") {
        found.push(format!("{}: does not begin with //!", file.path));
    }
    found
}

/// Imports that the table does not allow.
fn imports(file: &File, tokens: &[Token], crates: &[String]) -> Vec<String> {
    let modules = file.modules();
    let Some((module, ours, outside)) = TABLE.iter().find(|(module, ..)| *module == modules[0]) else {
        return vec![format!("{}: unknown module: add it to the table and to lib.rs's map", file.path)];
    };
    let allowed = |path: &Named| match path.target(modules.len()) {
        Target::Ours(name) => ours.allow(name, module, path) || HOMES.contains(&(&file.path, name)),
        Target::Other(name) => outside.allow(name, crates) || HOMES.contains(&(&file.path, name)),
        Target::Inside => true,
    };
    let forbidden = named(tokens).into_iter().filter(|path| !allowed(path));
    forbidden.map(|p| format!("{}:{}: {module} may not use {}", file.path, p.line, p.segments.join("::"))).collect()
}

impl Ours {
    fn allow(&self, name: &str, own: &str, path: &Named) -> bool {
        // Within an inline module `super` is the file's own module; then the name is not one of the table.
        let root = path.segments[0] != "super" || name == "*" || TABLE.iter().any(|(module, ..)| *module == name);
        match self {
            Self::All => true,
            Self::These(others) => !root || name == own || others.contains(&name),
        }
    }
}

impl Crates {
    fn allow(&self, name: &str, known: &[String]) -> bool {
        match self {
            Self::All => true,
            Self::Only(these) => these.contains(&name) || !known.iter().any(|k| k == name),
            Self::Never(groups) => !groups.iter().any(|group| group.contains(&name)),
        }
    }
}

/// Lines with `&mut App`, with or without a lifetime or a path.
fn changes_of_app(tokens: &[Token]) -> impl Iterator<Item = usize> {
    let text = |at: usize| tokens.get(at).map_or("", |t: &Token| t.text.as_str());
    (0..tokens.len()).filter(move |at| text(*at) == "&").filter_map(move |at| {
        let after = if text(at + 1) == "'" { at + 3 } else { at + 1 };
        let mut last = after + 1;
        while text(last + 1) == "::" {
            last += 2;
        }
        (text(after) == "mut" && text(last) == "App").then(|| tokens[at].line)
    })
}

/// Top-level modules that lib.rs's map does not name: in backticks, or as the first word of a line.
pub fn unmapped(tree: &Tree) -> Vec<String> {
    let lib = tree.files.iter().find(|f| f.path == "src/lib.rs").map_or("", |f| f.text.as_str());
    let map: Vec<&str> = lib.lines().map_while(|line| line.strip_prefix("//!")).collect();
    let names = |module: &str| {
        map.iter().any(|line| {
            let first = line.trim_start_matches(['-', '*', '|', ' ', '`', '[']).trim_start_matches("src/");
            let word = first.split(|c: char| !(c.is_alphanumeric() || c == '_')).next();
            word == Some(module) || line.contains(&format!("`{module}`"))
        })
    };
    let mut modules: Vec<&str> = tree.files.iter().map(|f| f.modules()[0]).collect();
    modules.sort_unstable();
    modules.dedup();
    modules.retain(|module| !matches!(*module, "lib" | "main") && !names(module));
    modules.iter().map(|module| format!("src/lib.rs: its map does not name `{module}`")).collect()
}
