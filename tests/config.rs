//! Config directories, good and bad: what is said of each, and that the rest of it still holds.
//!
//! Beside every directory of `tests/config/bad` stands what is to be said of it; `KAFDECK_UPDATE=1` writes it anew.

#![expect(clippy::unwrap_used, reason = "a corpus that cannot be read is a failed test")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use kafdeck::{
    app::commands,
    config::{
        self, Config, Given,
        color::Depth,
        settings::{Flags, Terminal},
    },
    domain::key::Key,
};

fn load(dir: &Path, context: &str) -> Config {
    let terminal = Terminal { utf8: true, output: true, term: Some("xterm".into()), ..Terminal::default() };
    let words = commands::words();
    let given = Given { dir: Some(dir), flags: &Flags::default(), terminal: &terminal, words: &words };
    config::load(&given, || Some(context.to_owned())).unwrap()
}

/// The directories of one kind, by name.
fn cases(kind: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/config").join(kind);
    let mut cases: Vec<PathBuf> =
        fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
    cases.sort();
    cases
}

fn case(kind: &str, name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/config").join(kind).join(name)
}

#[test]
fn a_good_directory_has_no_problems() {
    let cases = cases("good");
    assert!(!cases.is_empty());
    for dir in cases {
        assert_eq!(load(&dir, "prod-eu").problems, [], "{}", dir.display());
    }
}

#[test]
fn what_is_wrong_in_a_bad_directory_is_said_with_its_line() {
    for dir in cases("bad") {
        let said: String =
            load(&dir, "prod").problems.iter().flat_map(|problem| [problem.to_string(), "\n".to_owned()]).collect();
        assert!(!said.is_empty(), "nothing is said of {}", dir.display());
        let expected = dir.with_extension("expected");
        if std::env::var_os("KAFDECK_UPDATE").is_some() {
            fs::write(&expected, &said).unwrap();
        }
        assert_eq!(said, fs::read_to_string(&expected).unwrap_or_default(), "{}", dir.display());
    }
}

#[test]
fn whatever_is_wrong_the_keys_of_the_default_keymap_are_there() {
    for dir in cases("bad") {
        let config = load(&dir, "prod");
        for (name, layer) in [("back", commands::Layer::Everywhere), ("dialog.confirm", commands::Layer::Dialog)] {
            assert!(config.keymap.keys_of(layer, name).next().is_some(), "{}: {name}", dir.display());
        }
        assert!(config.theme.style("verdict.critical").mods.has(config::theme::Mods::BOLD), "{}", dir.display());
    }
}

#[test]
fn broken_rows_leave_the_others_in_force() {
    let syntax = load(&case("bad", "syntax"), "dev").settings;
    assert_eq!(syntax.theme.value, "light");
    assert_eq!((syntax.read_only.value, syntax.read_only.by.to_string()), (false, "config.toml:10".to_owned()));
    let prod = load(&case("bad", "syntax"), "prod").settings;
    assert!(prod.read_only.value, "what stands below a broken heading does not count for everything");
    assert!(load(&case("bad", "nul"), "").settings.read_only.value);
    let keys = load(&case("bad", "keys"), "");
    let bound = keys.keymap.meaning(&[commands::Layer::Text], &[Key::Ctrl('x')]);
    assert_eq!(bound, config::keymap::Meaning::Command("text.cancel"));
}

#[test]
fn the_context_has_a_word_of_its_own() {
    let dir = case("good", "everything");
    let prod = load(&dir, "prod-eu").settings;
    assert_eq!((prod.theme.value.as_str(), prod.read_only.value), ("contrast", true));
    let other = load(&dir, "other").settings;
    assert_eq!((other.theme.value.as_str(), other.color.value), ("mine", Depth::Ansi256));
}

#[test]
fn an_override_leaves_the_rest_of_its_built_in_as_it_is() {
    let config = load(&case("good", "override"), "");
    let meaning = |key| config.keymap.meaning(&[commands::Layer::Everywhere], &[Key::Char(key)]);
    assert_eq!(meaning('r'), config::keymap::Meaning::Nothing);
    assert_eq!(meaning('R'), config::keymap::Meaning::Command("refresh"));
    assert_eq!(meaning('?'), config::keymap::Meaning::Command("help"));
    assert_eq!(config.theme.origin("state.good").to_string(), "themes/default.toml:1");
    assert_eq!(config.theme.origin("state.bad").to_string().split(':').next(), Some("built-in themes/default.toml"));
}
