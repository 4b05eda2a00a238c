//! Tables in the README that are made from the program's own: `KAFDECK_UPDATE=1 cargo test --test tables` writes them.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a README that cannot be read is a failed test")]

use std::{fs, path::Path};

use kafdeck::cmd::docs::{self, TABLES};

/// The README with every marked section made anew, and the names of those sections.
fn made_anew(readme: &str) -> (String, Vec<String>) {
    let (mut text, mut names) = (String::new(), Vec::new());
    let mut rest = readme;
    while let Some((before, after)) = rest.split_once("<!-- begin: ") {
        let (name, after) = after.split_once(" -->\n").unwrap();
        let end = format!("<!-- end: {name} -->");
        let (_, after) = after.split_once(&end).unwrap_or_else(|| panic!("{name} begins and does not end"));
        let table = TABLES.iter().find(|(_, known, _)| *known == name);
        let (table, ..) = table.unwrap_or_else(|| panic!("there is no table {name}"));
        text.extend([before, "<!-- begin: ", name, " -->\n", &docs::of(*table), &end]);
        names.push(name.to_owned());
        rest = after;
    }
    text.push_str(rest);
    (text, names)
}

#[test]
fn the_readmes_tables_are_the_programs_own() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = fs::read_to_string(&path).unwrap();
    let (wanted, names) = made_anew(&readme);
    if std::env::var_os("KAFDECK_UPDATE").is_some() {
        fs::write(&path, &wanted).unwrap();
    }
    for name in ["keys", "actions", "exit-codes"] {
        assert!(names.iter().any(|n| n == name), "the README has no table of {name}");
    }
    let hint = "KAFDECK_UPDATE=1 cargo test --test tables writes it anew";
    assert_eq!(fs::read_to_string(&path).unwrap(), wanted, "the README is not what the program does: {hint}");
}

#[test]
fn every_table_is_markdown_with_as_many_cells_in_every_row() {
    for (table, name, _) in TABLES {
        let text = docs::of(table);
        let cells = |line: &str| line.replace("\\|", "").matches('|').count();
        let first = text.lines().next().map(cells).unwrap();
        for line in text.lines() {
            assert_eq!(cells(line), first, "{name}: {line}");
        }
        assert!(text.lines().count() > 5 && text.ends_with('\n'), "{name}");
    }
}
