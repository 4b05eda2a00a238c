//! Named files that inherit from each other: keymaps and themes, built in or the user's own.
//!
//! A user's file of a built-in's name overrides that one row by row; a new name is a file of its own. What says
//! nothing else inherits from `default`.

use std::path::Path;

use super::{
    document::{Document, Value},
    files,
    problem::Problem,
};

/// The name at the root of every chain.
pub const ROOT: &str = "default";

/// Where files of one kind stand.
#[derive(Debug, Clone, Copy)]
pub struct Shelf<'a> {
    /// What one of them is called, as `keymap`.
    pub kind: &'static str,
    /// Their folder below the config directory.
    pub folder: &'static str,
    /// Those that are built in: name and text.
    pub built_in: &'static [(&'static str, &'static str)],
    /// The config directory, if there can be one.
    pub dir: Option<&'a Path>,
}

impl Shelf<'_> {
    /// Names of all files of the kind.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.built_in.iter().map(|(name, _)| (*name).to_owned()).collect();
        let own = self.dir.map(|dir| files::names(dir, self.folder)).unwrap_or_default();
        names.extend(own.into_iter().filter(|name| !self.built_in.iter().any(|(built_in, _)| built_in == name)));
        names
    }

    /// True when there is a file of that name.
    pub fn has(&self, name: &str) -> bool {
        self.names().iter().any(|n| n == name)
    }

    /// The files that make up a name, the root first, each to be laid over those before it.
    pub fn chain(&self, name: &str, problems: &mut Vec<Problem>) -> Vec<Document> {
        let (mut documents, mut seen) = (Vec::new(), Vec::new());
        self.visit(name, &mut seen, &mut documents, problems);
        if !seen.iter().any(|n| n == ROOT) {
            // After a circle the root is still what everything rests on.
            let mut root = Vec::new();
            self.visit(ROOT, &mut seen, &mut root, problems);
            documents.splice(0..0, root);
        }
        documents
    }

    fn visit(&self, name: &str, seen: &mut Vec<String>, into: &mut Vec<Document>, problems: &mut Vec<Problem>) {
        seen.push(name.to_owned());
        let own = self.documents(name, problems);
        // The user's word on what a file inherits from counts more than the built-in's.
        let said = own.iter().rev().find_map(|d| Some((d, d.row("inherits")?)));
        let parent = match said {
            Some((document, row)) => match &row.value {
                Value::Text(parent) => self.parent(name, parent, (document, row.line), seen, problems),
                other => {
                    let what = format!("\"inherits\" is the name of a {}, not {}", self.kind, other.kind());
                    problems.push(document.problem(row.line, what));
                    None
                }
            },
            None => None,
        };
        let parent = parent.or_else(|| Some(ROOT.to_owned()).filter(|root| !seen.contains(root)));
        if let Some(parent) = parent {
            self.visit(&parent, seen, into, problems);
        }
        into.extend(own);
    }

    /// The parent that is named, if there is one that can be inherited from.
    fn parent(
        &self,
        name: &str,
        parent: &str,
        at: (&Document, usize),
        seen: &[String],
        problems: &mut Vec<Problem>,
    ) -> Option<String> {
        let (document, line) = at;
        let overrides_built_in = parent == name && self.built_in.iter().any(|(built_in, _)| *built_in == name);
        if overrides_built_in {
            return None;
        }
        if seen.iter().any(|n| n == parent) {
            let circle = format!("{} → {parent}", seen.join(" → "));
            problems.push(
                document
                    .problem(line, format!("inherits from itself: {circle}"))
                    .hint(format!("inherit from {ROOT:?}")),
            );
            return None;
        }
        let names = self.names();
        if !names.iter().any(|n| n == parent) {
            let problem = document.problem(line, format!("there is no {} {parent:?} to inherit from", self.kind));
            problems.push(problem.did_you_mean(parent, names.iter().map(String::as_str)));
            return None;
        }
        Some(parent.to_owned())
    }

    /// The built-in file of a name and the user's over it.
    fn documents(&self, name: &str, problems: &mut Vec<Problem>) -> Vec<Document> {
        let file = format!("{}/{name}.toml", self.folder);
        let built_in = self.built_in.iter().find(|(n, _)| *n == name);
        let mut documents: Vec<Document> = Vec::new();
        documents.extend(built_in.map(|(_, text)| Document::read(&format!("built-in {file}"), text, problems)));
        let own = self.dir.filter(|_| files::is_name(name)).and_then(|dir| files::read(dir, &file, problems));
        documents.extend(own.map(|text| Document::read(&file, &text, problems)));
        documents
    }
}
