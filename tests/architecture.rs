//! Holds the sources against the house's rules: who may import whom, how long a file may be, what is nowhere.
//!
//! The table is in `architecture/rules.rs`; a module that is not in it is a breach.

#[path = "architecture/paths.rs"]
mod paths;
#[path = "architecture/rules.rs"]
mod rules;
#[path = "architecture/source.rs"]
mod source;

use std::{fs, path::Path};

use rules::{Tree, breaches, unmapped};
use source::File;

/// The repository's own tree.
fn our_tree() -> Tree {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    read(root, &root.join("src"), &mut files);
    let manifest = fs::read_to_string(root.join("Cargo.toml")).unwrap_or_default();
    let dependencies =
        manifest.lines().skip_while(|l| *l != "[dependencies]").skip(1).take_while(|l| !l.starts_with('['));
    let crates = dependencies.filter_map(|l| l.split_once([' ', '.', '='])).map(|(name, _)| name.replace('-', "_"));
    Tree { files, crates: crates.collect() }
}

fn read(root: &Path, dir: &Path, files: &mut Vec<File>) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            read(root, &path, files);
        } else if path.extension().is_some_and(|e| e == "rs") {
            let name = path.strip_prefix(root).unwrap_or(&path).display().to_string();
            files.push(File { path: name, text: fs::read_to_string(&path).unwrap_or_default() });
        }
    }
}

/// What the checker says of one file with this body.
fn judged(path: &str, body: &str) -> Vec<String> {
    let file = File::new(path, &format!("//! A room.\n{body}"));
    let crates = ["serde", "chrono", "tokio", "kube", "ratatui", "crossterm", "tui_textarea", "regex"];
    breaches(&Tree { files: vec![file], crates: crates.map(str::to_owned).to_vec() })
}

#[track_caller]
fn assert_red(path: &str, body: &str, part: &str) {
    let found = judged(path, body);
    assert!(found.len() == 1 && found[0].contains(part), "wanted one breach with {part:?} in {body:?}, got {found:?}");
}

#[track_caller]
fn assert_green(path: &str, body: &str) {
    assert_eq!(judged(path, body), Vec::<String>::new(), "in {body:?}");
}

#[test]
fn our_sources_keep_the_house_rules() {
    let tree = our_tree();
    assert!(tree.files.len() > 20, "only {} files were read", tree.files.len());
    assert!(tree.crates.iter().any(|c| c == "tui_textarea"), "dependencies were not read: {:?}", tree.crates);
    let found = breaches(&tree);
    assert!(found.is_empty(), "breaches of the house's rules:\n{}", found.join("\n"));
}

#[test]
fn the_map_in_lib_rs_names_every_module() {
    let found = unmapped(&our_tree());
    assert!(found.is_empty(), "in backticks, or as the first word of a line of its `//!`:\n{}", found.join("\n"));
}

#[test]
fn a_planted_import_of_a_forbidden_module_is_red() {
    assert_red("src/view.rs", "use crate::io;", "src/view.rs:2: view may not use crate::io");
    assert_red("src/world.rs", "use crate::app::App;", "world may not use crate::app::App");
    assert_red("src/view/panes.rs", "use crate::{app::App, io::{self}};", "view may not use crate::io");
    assert_red("src/view.rs", "fn f() { crate::io::f() }", "crate::io::f");
    assert_red("src/view.rs", "fn f() -> Vec<crate::clock::Clock> { g() }", "crate::clock::Clock");
    assert_red("src/io/kafka.rs", "pub use crate::world::World as W;", "crate::world::World");
}

#[test]
fn a_planted_group_names_each_forbidden_import_once() {
    assert_red("src/view.rs", "use crate::{io::x, domain};", "crate::io::x");
    assert_red("src/view.rs", "use {crate::{domain::{ids, units}, io}, std::fmt};", "crate::io");
    assert_eq!(judged("src/view.rs", "use crate::{io::{a, b}, domain};").len(), 2);
}

#[test]
fn a_detour_through_super_or_the_root_is_red() {
    assert_red("src/view.rs", "use super::io::x;", "super::io::x");
    assert_red("src/view/panes.rs", "use super::super::io;", "super::super::io");
    assert_red("src/view.rs", "use crate::*;", "crate::*");
    assert_red("src/view.rs", "use crate::{self as root};", "crate::self");
    assert_red("src/view.rs", "use crate as root;", "crate");
    assert_green("src/view/panes.rs", "use super::io::x;");
}

#[test]
fn a_planted_crate_is_red() {
    assert_red("src/domain.rs", "use tokio::sync::mpsc;", "domain may not use tokio::sync::mpsc");
    assert_red("src/domain/ids.rs", "fn f() { regex::Regex::new(r#\"a\"#); }", "regex::Regex::new");
    assert_red("src/wire.rs", "async fn f() { ::tokio::task::yield_now().await }", "tokio::task::yield_now");
    assert_red("src/app.rs", "use kube::Client;", "app may not use kube::Client");
    assert_red("src/app/forms.rs", "use tui_textarea::TextArea;", "tui_textarea");
    assert_red("src/app.rs", "use crossterm::event::KeyEvent;", "crossterm");
    assert_red("src/io.rs", "extern crate ratatui;", "ratatui");
    assert_red("src/world.rs", "#[tokio::main] fn f() {}", "tokio::main");
}

#[test]
fn a_crate_is_welcome_in_its_home() {
    assert_green("src/app/form.rs", "use tui_textarea::TextArea;");
    assert_green("src/app/keys.rs", "use crossterm::event::KeyEvent;");
    assert_green("src/domain.rs", "use std::fmt; use serde::{Serialize, Deserialize}; use chrono::{DateTime, Utc};");
    assert_green("src/io.rs", "use tokio::sync::mpsc; use crate::{facts::Fact, errors::Failure}; use kube::Client;");
}

#[test]
fn a_correct_file_is_green() {
    let body = "
        // use crate::io; is what we do not do
        /* nor /* nested */ crate::io::f() */
        use ratatui::Frame;
        use crate::{app::App, domain::{ids::BrokerId, units}, world::World};
        const SAID: &str = \"use crate::io;\\\" crate::io::f()\";
        const RAW: &str = r#\"crate::io::f() \" tokio::spawn\"#;
        fn draw<'a>(app: &'a App, frame: &mut Frame<'_>, quote: char) -> bool { quote == '\"' || quote == '\\'' }
        #[cfg(test)]
        use crate::clock::{Clock};
        #[cfg(test)]
        mod tests { use super::*; use crate::io::x; fn f() { tokio::spawn(async {}) } }";
    assert_green("src/view.rs", body);
}

#[test]
fn a_tests_module_in_a_file_of_its_own_is_no_part_of_the_product() {
    let tests = File::new("src/view/tests.rs", &format!("//! Tests.\nuse crate::io;\n{}", "\n".repeat(600)));
    let of =
        |view: &str| breaches(&Tree { files: vec![File::new("src/view.rs", view), tests.clone()], crates: vec![] });
    assert_eq!(of("//! View.\n#[cfg(test)]\nmod tests;\n"), Vec::<String>::new());
    assert_eq!(of("//! View.\nmod tests;\n").len(), 2);
}

#[test]
fn what_follows_a_tests_module_is_checked_again() {
    assert_red("src/view.rs", "#[cfg(test)]\nmod tests { fn f() {} }\nuse crate::io;", "src/view.rs:4");
}

#[test]
fn a_view_that_changes_the_app_is_red() {
    assert_red("src/view.rs", "fn f(app: &mut App) {}", "view may not take &mut App");
    assert_red("src/view.rs", "fn f<'a>(app: &'a mut crate::app::App) {}", "view may not take &mut App");
    assert_green("src/app.rs", "fn f(app: &mut App) {}");
}

#[test]
fn an_unknown_module_or_one_the_map_forgets_is_red() {
    assert_red("src/helpers.rs", "", "add it to the table and to lib.rs's map");
    let files = vec![File::new("src/lib.rs", "//! Our world is large.\n"), File::new("src/world.rs", "//! World.\n")];
    let found = unmapped(&Tree { files, crates: Vec::new() });
    assert_eq!(found, ["src/lib.rs: its map does not name `world`"]);
}

#[test]
fn long_files_unsafe_code_and_a_missing_header_are_red() {
    assert_red("src/world.rs", "unsafe fn f() {}", "src/world.rs:2: unsafe");
    assert_red("src/world.rs", &"// a line\n".repeat(600), "601 lines without its tests");
    assert_green("src/world.rs", &format!("#[cfg(test)]\nmod tests {{\n{}}}", "// a line\n".repeat(600)));
    let bare = Tree { files: vec![File::new("src/lib.rs", "pub mod x;")], crates: Vec::new() };
    assert_eq!(breaches(&bare), ["src/lib.rs: does not begin with //!"]);
}
