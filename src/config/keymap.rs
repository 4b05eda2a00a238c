//! Keymaps: which keys run which command, layer by layer, from TOML.
//!
//! The names of commands are handed in; what they do is `app`'s part.

use crate::domain::key::{self, Key};

use super::{
    chain::Shelf,
    document::{Document, Row, Value},
    problem::{Origin, Problem, nearest},
};

/// The keymaps that are built in.
pub const BUILT_IN: &[(&str, &str)] = &[
    ("default", include_str!("../../keymaps/default.toml")),
    ("vim", include_str!("../../keymaps/vim.toml")),
    ("k9s", include_str!("../../keymaps/k9s.toml")),
];

/// The word that leaves a key without a command.
const NONE: &str = "none";

/// Where keys act. Of two layers that know a key the inner one wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    /// Everywhere.
    Everywhere,
    /// On a list.
    List,
    /// In the log view.
    Logs,
    /// In the message view.
    Messages,
    /// In a box with rows to go through, as the help.
    Overlay,
    /// In a menu.
    Menu,
    /// Letters of the action menu.
    Actions,
    /// Where text is typed: filter and palette.
    Text,
    /// In a question.
    Dialog,
    /// In the dialog of a plan.
    Plan,
}

impl Layer {
    /// All layers with their names in a keymap, and where that is in words.
    pub const ALL: &'static [(Self, &'static str, &'static str)] = &[
        (Self::Everywhere, "everywhere", "everywhere"),
        (Self::List, "list", "on a list"),
        (Self::Logs, "logs", "in the log view"),
        (Self::Messages, "messages", "in the message view"),
        (Self::Overlay, "overlay", "in the help"),
        (Self::Menu, "menu", "in a menu"),
        (Self::Actions, "actions", "in the action menu"),
        (Self::Text, "text", "while typing"),
        (Self::Dialog, "dialog", "in a question"),
        (Self::Plan, "plan", "in the dialog of a plan"),
    ];

    /// Its name in a keymap.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(layer, ..)| *layer == self).map_or("", |(_, name, _)| name)
    }

    /// Where it is, in words.
    pub fn place(self) -> &'static str {
        Self::ALL.iter().find(|(layer, ..)| *layer == self).map_or("", |(.., place)| place)
    }

    /// Layers whose commands make sense here.
    fn takes(self, word: &Word) -> bool {
        match self {
            Self::Actions => word.in_menu,
            Self::Logs | Self::Messages => word.layer == self || matches!(word.layer, Self::List | Self::Everywhere),
            Self::List | Self::Overlay => word.layer == self || word.layer == Self::Everywhere,
            _ => word.layer == self,
        }
    }
}

/// How much a command may break.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Risk {
    /// It only looks.
    Harmless,
    /// Clients may notice.
    Disruptive,
    /// Something is gone afterwards.
    Destructive,
}

/// A command as a keymap knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Word {
    /// Its name.
    pub name: &'static str,
    /// Where it acts.
    pub layer: Layer,
    /// What it may break.
    pub risk: Risk,
    /// Whether the action menu has it.
    pub in_menu: bool,
}

/// A sequence of keys and what it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// Where.
    pub layer: Layer,
    /// The keys.
    pub keys: Vec<Key>,
    /// The command; none hides what an outer layer has on these keys.
    pub command: Option<&'static str>,
    /// The row that says so.
    pub by: Origin,
}

/// What keys mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// A command.
    Command(&'static str),
    /// The beginning of a longer sequence.
    Begins,
    /// Nothing.
    Nothing,
}

/// Which keys run which command.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Keymap {
    bindings: Vec<Binding>,
}

impl Keymap {
    /// Reads the keymap of a name, with everything it inherits from.
    pub fn read(shelf: &Shelf<'_>, name: &str, words: &[Word], problems: &mut Vec<Problem>) -> Self {
        let mut keymap = Self::default();
        for document in shelf.chain(name, problems) {
            keymap.lay_over(&document, words, problems);
        }
        keymap
    }

    /// A built-in keymap as it is.
    pub fn built_in(name: &str, words: &[Word]) -> Self {
        let shelf = Shelf { dir: None, ..SHELF };
        Self::read(&shelf, name, words, &mut Vec::new())
    }

    /// What keys mean where these layers count, the innermost first.
    pub fn meaning(&self, layers: &[Layer], keys: &[Key]) -> Meaning {
        for layer in layers {
            let here = || self.bindings.iter().filter(|b| b.layer == *layer);
            let exact = here().find(|b| b.keys == keys);
            if let Some(command) = exact.and_then(|b| b.command) {
                return Meaning::Command(command);
            }
            if here().any(|b| b.command.is_some() && is_beginning(keys, &b.keys)) {
                return Meaning::Begins;
            }
            if exact.is_some() {
                return Meaning::Nothing;
            }
        }
        Meaning::Nothing
    }

    /// What may follow these keys: the keys that are missing, and the command.
    pub fn continuations(&self, layers: &[Layer], keys: &[Key]) -> Vec<(&[Key], &'static str)> {
        let of = |layer: &Layer| {
            let here = self.bindings.iter().filter(|b| b.layer == *layer && is_beginning(keys, &b.keys));
            here.filter_map(|b| Some((b.keys.get(keys.len()..)?, b.command?))).collect::<Vec<_>>()
        };
        layers.iter().flat_map(of).collect()
    }

    /// Sequences that run a command in a layer, the one to show first.
    pub fn keys_of(&self, layer: Layer, command: &str) -> impl Iterator<Item = &[Key]> {
        let here = self.bindings.iter().filter(move |b| b.layer == layer);
        here.filter(move |b| b.command == Some(command)).map(|b| b.keys.as_slice())
    }

    /// All rows that count.
    pub fn bindings(&self) -> &[Binding] {
        &self.bindings
    }

    /// Lays a file over what is known so far.
    fn lay_over(&mut self, document: &Document, words: &[Word], problems: &mut Vec<Problem>) {
        let rows = bindings(document, words, problems);
        // Keys that are set free first, so that a longer sequence may begin with them, whatever the order of rows.
        let (freed, bound): (Vec<_>, Vec<_>) = rows.into_iter().partition(|b| b.command.is_none());
        let mut at = 0;
        for row in freed.into_iter().chain(bound) {
            if let Some((short, long)) = self.in_the_way(&row) {
                problems.push(unreachable(&row, &short, &long));
                continue;
            }
            if let Some(old) = self.bindings.iter().position(|b| b.layer == row.layer && b.keys == row.keys) {
                self.bindings.remove(old);
                at -= usize::from(old < at);
            }
            // A file's own rows come before those it inherits: its keys are the ones to show.
            self.bindings.insert(at, row);
            at += 1;
        }
    }

    /// A sequence that begins another one of the same layer, when this row would make such a pair.
    fn in_the_way(&self, row: &Binding) -> Option<(Binding, Binding)> {
        row.command?;
        let others = self.bindings.iter().filter(|b| b.layer == row.layer && b.command.is_some());
        others.into_iter().find_map(|other| {
            if is_beginning(&other.keys, &row.keys) {
                Some((other.clone(), row.clone()))
            } else if is_beginning(&row.keys, &other.keys) {
                Some((row.clone(), other.clone()))
            } else {
                None
            }
        })
    }
}

/// The rows of a file that can be used, each sequence once in a layer.
fn bindings(document: &Document, words: &[Word], problems: &mut Vec<Problem>) -> Vec<Binding> {
    let mut found: Vec<Binding> = Vec::new();
    for table in document.rows.iter().filter(|row| row.key != "inherits") {
        let (layer, rows) = match read_layer(document, table) {
            Ok(layer) => layer,
            Err(problem) => {
                problems.push(problem);
                continue;
            }
        };
        for row in rows {
            match binding(document, layer, row, words) {
                Ok(b) if found.iter().any(|f| f.layer == layer && f.keys == b.keys) => {
                    let what = format!("{:?} is bound twice in [{}]", row.key, layer.name());
                    problems.push(document.problem(row.line, what).hint("the first row counts"));
                }
                Ok(b) => found.push(b),
                Err(problem) => problems.push(problem),
            }
        }
    }
    found
}

/// The shelf of keymaps, without the user's own.
pub const SHELF: Shelf<'static> = Shelf { kind: "keymap", folder: "keymaps", built_in: BUILT_IN, dir: None };

/// True when `keys` are the first of a longer sequence.
fn is_beginning(keys: &[Key], of: &[Key]) -> bool {
    keys.len() < of.len() && of.starts_with(keys)
}

fn read_layer<'a>(document: &Document, row: &'a Row) -> Result<(Layer, &'a [Row]), Problem> {
    let Some((layer, ..)) = Layer::ALL.iter().find(|(_, name, _)| *name == row.key) else {
        let problem = document.problem(row.line, format!("there is no layer [{}]", row.key));
        let names = || Layer::ALL.iter().map(|(_, name, _)| *name);
        return Err(match nearest(&row.key, names()) {
            Some(_) => problem.did_you_mean(&row.key, names()),
            None => problem.hint(format!("layers are {}", names().collect::<Vec<_>>().join(", "))),
        });
    };
    match &row.value {
        Value::Table(rows) => Ok((*layer, rows)),
        other => {
            let problem = document.problem(row.line, format!("{:?} is a table of keys, not {}", row.key, other.kind()));
            Err(problem.hint(format!("write [{}] and the keys below it", row.key)))
        }
    }
}

fn binding(document: &Document, layer: Layer, row: &Row, words: &[Word]) -> Result<Binding, Problem> {
    let problem = |what: String| document.problem(row.line, what);
    let keys = key::sequence(&row.key).map_err(|wrong| {
        let problem = problem(wrong.what);
        match wrong.instead {
            Some(instead) => problem.hint(format!("write {instead:?}")),
            None => problem.did_you_mean(&row.key, key::names()),
        }
    })?;
    let Value::Text(command) = &row.value else {
        return Err(problem(format!("{:?} is bound to a command's name, not to {}", row.key, row.value.kind())));
    };
    let by = document.origin(row.line);
    if command == NONE {
        return Ok(Binding { layer, keys, command: None, by });
    }
    let Some(word) = words.iter().find(|w| w.name == *command) else {
        let names = words.iter().filter(|w| layer.takes(w)).map(|w| w.name).chain([NONE]);
        return Err(problem(format!("{command:?} is not a command")).did_you_mean(command, names));
    };
    if !layer.takes(word) {
        let what = format!("{command:?} does not act in [{}]", layer.name());
        return Err(problem(what).hint(format!("bind it in [{}]", word.layer.name())));
    }
    if layer == Layer::Text && keys.first().is_some_and(|k| k.is_typed()) {
        let what = format!("{:?} is typed as text and cannot be bound in [{}]", row.key, layer.name());
        return Err(problem(what).hint("bind a key with ctrl, or one that types nothing"));
    }
    // A letter of the action menu is a second key already.
    if word.risk == Risk::Destructive && keys.len() == 1 && layer != Layer::Actions {
        let what = format!("{command:?} destroys and cannot be bound to the single key {:?}", row.key);
        return Err(problem(what).hint(format!("bind two keys in a row, as \"{} {}\"", row.key, row.key)));
    }
    Ok(Binding { layer, keys, command: Some(word.name), by })
}

/// A pair of sequences of which one can never be completed.
fn unreachable(row: &Binding, short: &Binding, long: &Binding) -> Problem {
    let (file, line) = match &row.by {
        Origin::File { file, line } => (file.as_str(), *line),
        _ => ("", 0),
    };
    let (first, whole) = (key::written(&short.keys), key::written(&long.keys));
    let command = short.command.unwrap_or(NONE);
    let what = format!("{whole:?} cannot be reached: {first:?} alone is {command:?} in [{}]", row.layer.name());
    let free = if row == short { whole } else { first };
    Problem::at(file, line, what).hint(format!("free the other with {free:?} = {NONE:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn word(name: &'static str, layer: Layer, risk: Risk) -> Word {
        Word { name, layer, risk, in_menu: false }
    }

    /// A made-up vocabulary, with a command that destroys.
    const WORDS: &[Word] = &[
        word("first", Layer::List, Risk::Harmless),
        word("last", Layer::List, Risk::Harmless),
        word("refresh", Layer::Everywhere, Risk::Harmless),
        word("restart", Layer::Everywhere, Risk::Disruptive),
        Word { in_menu: true, ..word("topic.delete", Layer::Everywhere, Risk::Destructive) },
        word("accept", Layer::Text, Risk::Harmless),
    ];

    fn laid(texts: &[&str]) -> (Keymap, Vec<String>) {
        let (mut keymap, mut problems) = (Keymap::default(), Vec::new());
        for text in texts {
            let document = Document::read("x.toml", text, &mut problems);
            keymap.lay_over(&document, WORDS, &mut problems);
        }
        (keymap, problems.iter().map(Problem::to_string).collect())
    }

    fn meaning(keymap: &Keymap, keys: &str) -> Meaning {
        keymap.meaning(&[Layer::List, Layer::Everywhere], &key::sequence(keys).unwrap())
    }

    #[test]
    fn inner_layers_win_and_none_hides_what_is_outside() {
        let (keymap, problems) = laid(&[
            "[everywhere]\nr = \"refresh\"\nx = \"refresh\"\ng = \"refresh\"\n[list]\ng = \"first\"\n",
            "[list]\nx = \"none\"\n",
        ]);
        assert_eq!(problems, Vec::<String>::new());
        assert_eq!(meaning(&keymap, "r"), Meaning::Command("refresh"));
        assert_eq!(meaning(&keymap, "g"), Meaning::Command("first"));
        assert_eq!(meaning(&keymap, "x"), Meaning::Nothing);
        assert_eq!(keymap.meaning(&[Layer::Everywhere], &[Key::Char('x')]), Meaning::Command("refresh"));
    }

    #[test]
    fn a_sequence_waits_for_its_last_key_and_says_what_may_follow() {
        let (keymap, problems) = laid(&["[list]\n\"g g\" = \"first\"\n\"g e\" = \"last\"\n"]);
        assert_eq!(problems, Vec::<String>::new());
        assert_eq!(meaning(&keymap, "g"), Meaning::Begins);
        assert_eq!(meaning(&keymap, "g g"), Meaning::Command("first"));
        assert_eq!(meaning(&keymap, "g x"), Meaning::Nothing);
        let next = keymap.continuations(&[Layer::List], &[Key::Char('g')]);
        assert_eq!(next, [(&[Key::Char('g')][..], "first"), (&[Key::Char('e')][..], "last")]);
    }

    #[test]
    fn a_key_that_begins_a_sequence_and_is_bound_alone_is_a_problem_until_it_is_set_free() {
        let base = "[list]\ng = \"first\"\n";
        let (keymap, problems) = laid(&[base, "[list]\n\"g e\" = \"last\"\n"]);
        assert_eq!(
            problems,
            ["x.toml:2: \"g e\" cannot be reached: \"g\" alone is \"first\" in [list]; \
              free the other with \"g\" = \"none\""]
        );
        assert_eq!(meaning(&keymap, "g"), Meaning::Command("first"));
        let (keymap, problems) = laid(&[base, "[list]\n\"g e\" = \"last\"\n\"g\" = \"none\"\n"]);
        assert_eq!(problems, Vec::<String>::new());
        assert_eq!(meaning(&keymap, "g"), Meaning::Begins);
        let (_, problems) = laid(&["[list]\n\"g e\" = \"last\"\n", base]);
        assert!(problems[0].contains("\"g e\" cannot be reached"), "{problems:?}");
        let (_, problems) = laid(&["[list]\n\"g e\" = \"last\"\n[everywhere]\ng = \"refresh\"\n"]);
        assert_eq!(problems, Vec::<String>::new(), "another layer does not stand in the way");
    }

    #[test]
    fn no_single_key_and_no_ctrl_letter_destroys() {
        for key in ["D", "ctrl-k", "delete"] {
            let (keymap, problems) = laid(&[&format!("[everywhere]\n{key:?} = \"topic.delete\"\n")]);
            assert!(problems[0].contains("destroys and cannot be bound to the single key"), "{problems:?}");
            assert_eq!(meaning(&keymap, key), Meaning::Nothing);
        }
        let (keymap, problems) =
            laid(&["[everywhere]\n\"D D\" = \"topic.delete\"\nR = \"restart\"\n[actions]\nd = \"topic.delete\"\n"]);
        assert_eq!(problems, Vec::<String>::new());
        assert_eq!(meaning(&keymap, "D D"), Meaning::Command("topic.delete"));
    }

    #[test]
    fn a_wrong_row_is_named_and_the_others_hold() {
        let (keymap, problems) =
            laid(&["inherits = \"default\"\n[list]\nx = \"frist\"\ny = \"refresh\"\nz = 1\n\"hyper-x\" = \"last\"\n\
             a = \"last\"\n[lsit]\n[text]\nb = \"accept\"\n\"ctrl-b\" = \"accept\"\n[everywhere]\nc = \"last\"\n\
             \"ctrl-c\" = \"refresh\"\n\"pgup\" = \"refresh\"\n\"page-up\" = \"restart\"\n"]);
        assert_eq!(
            problems,
            [
                "x.toml:3: \"frist\" is not a command; did you mean \"first\"?",
                "x.toml:5: \"z\" is bound to a command's name, not to a number",
                "x.toml:6: \"hyper-x\" is not a key",
                "x.toml:8: there is no layer [lsit]; did you mean \"list\"?",
                "x.toml:10: \"b\" is typed as text and cannot be bound in [text]; \
                 bind a key with ctrl, or one that types nothing",
                "x.toml:13: \"last\" does not act in [everywhere]; bind it in [list]",
                "x.toml:14: ctrl-c pressed twice always leaves and cannot be bound",
                "x.toml:16: \"page-up\" is bound twice in [everywhere]; the first row counts",
            ]
        );
        assert_eq!(meaning(&keymap, "a"), Meaning::Command("last"));
        assert_eq!(meaning(&keymap, "y"), Meaning::Command("refresh"));
    }

    #[test]
    fn the_users_own_key_is_the_one_to_show() {
        let (keymap, _) = laid(&["[everywhere]\nr = \"refresh\"\n", "[everywhere]\n\"ctrl-r\" = \"refresh\"\n"]);
        let keys: Vec<String> = keymap.keys_of(Layer::Everywhere, "refresh").map(key::written).collect();
        assert_eq!(keys, ["ctrl-r", "r"]);
    }
}
