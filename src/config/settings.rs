//! Settings: `config.toml`, the flags and the environment, merged; every value knows who set it.
//!
//! A flag counts more than the environment, that more than the table of the context, that more than the rest of the
//! file, and that more than what kafdeck does by itself. One exception: a colour depth that was written down is meant,
//! whatever `NO_COLOR` says to everybody.

use std::time::Duration;

use crate::domain::units;

use super::{
    color::Depth,
    document::{Document, Row, Value},
    problem::{Origin, Problem, nearest},
};

/// The file.
pub const FILE: &str = "config.toml";

/// How long a command waits for a complete answer unless it is told otherwise.
pub const TIMEOUT: Duration = Duration::from_secs(10);

/// A key of `config.toml`.
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// What it may be, and what that does.
    pub about: &'static str,
    /// What it is when nobody sets it.
    pub default: &'static str,
    /// Whether `[context.NAME]` may set it too.
    pub in_context: bool,
}

const fn key(name: &'static str, about: &'static str, default: &'static str, in_context: bool) -> Key {
    Key { name, about, default, in_context }
}

/// All keys.
pub const KEYS: &[Key] = &[
    key("theme", "the name of a theme: default, light, mono, contrast, or your own", "default", true),
    key("keymap", "the name of a keymap: default, vim, k9s, or your own", "default", false),
    key("color", "auto, never, 16, 256 or truecolor; but for auto it counts more than `NO_COLOR`", "auto", false),
    key("ascii", "true draws with ASCII characters alone", "as the locale says", false),
    key("mouse", "true takes the mouse from the terminal, so that its wheel scrolls", "false", false),
    key("read_only", "true refuses everything that would change something", "false", true),
    key("timeout", "how long a command may wait for a complete answer, as 500ms or 2m", "10s", false),
    key("namespace", "look in this namespace only; empty is the whole cluster", "the whole cluster", true),
];

/// A value and who set it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Set<T> {
    /// The value.
    pub value: T,
    /// Who set it.
    pub by: Origin,
}

impl<T> Set<T> {
    /// A value that somebody set.
    pub fn new(value: T, by: Origin) -> Self {
        Self { value, by }
    }

    /// A value that nobody set.
    pub fn default(value: T) -> Self {
        Self { value, by: Origin::Default }
    }
}

/// What the command line says.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Flags {
    /// `--theme`.
    pub theme: Option<String>,
    /// `--keymap`.
    pub keymap: Option<String>,
    /// `--namespace`.
    pub namespace: Option<String>,
    /// `--installation` was given, which says where to look.
    pub installation: bool,
    /// `--timeout`.
    pub timeout: Option<Duration>,
    /// `--no-color`.
    pub no_color: bool,
    /// `--ascii`.
    pub ascii: bool,
    /// `--read-only`.
    pub read_only: bool,
}

/// What the environment says of the terminal.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Terminal {
    /// `NO_COLOR` is set and not empty.
    pub no_color: bool,
    /// `TERM`.
    pub term: Option<String>,
    /// `COLORTERM`.
    pub color_term: Option<String>,
    /// The locale's characters are UTF-8.
    pub utf8: bool,
    /// Standard output is a terminal.
    pub output: bool,
}

/// What counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Name of the theme.
    pub theme: Set<String>,
    /// Name of the keymap.
    pub keymap: Set<String>,
    /// How many colours are used.
    pub color: Set<Depth>,
    /// Only ASCII is drawn.
    pub ascii: Set<bool>,
    /// The mouse is listened to.
    pub mouse: Set<bool>,
    /// Nothing may be changed.
    pub read_only: Set<bool>,
    /// How long a command waits.
    pub timeout: Set<Duration>,
    /// The namespace to look in; none is the whole cluster.
    pub namespace: Set<Option<String>>,
}

impl Settings {
    /// Merges what was written with what the flags and the terminal say.
    pub fn merge(written: Written, flags: &Flags, terminal: &Terminal) -> Self {
        let flag = |value: &Option<String>, name| value.clone().map(|v| Set::new(v, Origin::Flag(name)));
        let on = |is_on: bool, name| is_on.then(|| Set::new(true, Origin::Flag(name)));
        let ascii = || {
            let seen = Set::new(true, Origin::Seen("the locale is not UTF-8"));
            if terminal.utf8 { Set::default(false) } else { seen }
        };
        let named = || Set::default(super::chain::ROOT.to_owned());
        let no = || Set::default(false);
        let timeout = flags.timeout.map(|t| Set::new(t, Origin::Flag("--timeout")));
        Self {
            theme: flag(&flags.theme, "--theme").or(written.theme).unwrap_or_else(named),
            keymap: flag(&flags.keymap, "--keymap").or(written.keymap).unwrap_or_else(named),
            color: depth(written.color, flags, terminal),
            ascii: on(flags.ascii, "--ascii").or(written.ascii).unwrap_or_else(ascii),
            mouse: written.mouse.unwrap_or_else(no),
            read_only: on(flags.read_only, "--read-only").or(written.read_only).unwrap_or_else(no),
            timeout: timeout.or(written.timeout).unwrap_or_else(|| Set::default(TIMEOUT)),
            namespace: namespace(written.namespace, flags),
        }
    }

    /// Every setting: its name, its value as it would be written, and who set it.
    pub fn rows(&self) -> Vec<(&'static str, String, String)> {
        fn row(name: &'static str, value: &str, by: &Origin) -> (&'static str, String, String) {
            (name, value.to_owned(), by.to_string())
        }
        let namespace = self.namespace.value.as_deref().unwrap_or("all that may be listed");
        vec![
            row("theme", &self.theme.value, &self.theme.by),
            row("keymap", &self.keymap.value, &self.keymap.by),
            row("color", self.color.value.name(), &self.color.by),
            row("ascii", yes(self.ascii.value), &self.ascii.by),
            row("mouse", yes(self.mouse.value), &self.mouse.by),
            row("read_only", yes(self.read_only.value), &self.read_only.by),
            row("timeout", &units::duration_as_typed(self.timeout.value), &self.timeout.by),
            row("namespace", namespace, &self.namespace.by),
        ]
    }
}

/// Yes or no, in words.
fn yes(value: bool) -> &'static str {
    if value { "yes" } else { "no" }
}

/// How many colours are used: said, or seen of the terminal.
fn depth(written: Option<Set<Option<Depth>>>, flags: &Flags, terminal: &Terminal) -> Set<Depth> {
    let term = |part: &str| terminal.term.as_deref().is_some_and(|term| term.contains(part));
    if flags.no_color {
        return Set::new(Depth::None, Origin::Flag("--no-color"));
    }
    if let Some(Set { value: Some(depth), by }) = written {
        return Set::new(depth, by);
    }
    if terminal.no_color {
        return Set::new(Depth::None, Origin::Variable("NO_COLOR"));
    }
    if !terminal.output {
        return Set::new(Depth::None, Origin::Seen("not a terminal"));
    }
    if terminal.term.as_deref() == Some("dumb") {
        return Set::new(Depth::None, Origin::Variable("TERM"));
    }
    let color_term = terminal.color_term.as_deref().unwrap_or_default().to_lowercase();
    if color_term.contains("truecolor") || color_term.contains("24bit") {
        return Set::new(Depth::True, Origin::Variable("COLORTERM"));
    }
    if term("-256color") || term("-direct") {
        return Set::new(Depth::Ansi256, Origin::Variable("TERM"));
    }
    Set::default(Depth::Ansi16)
}

/// Where to look: an installation that was asked for counts more than what is written down for every day.
fn namespace(written: Option<Set<String>>, flags: &Flags) -> Set<Option<String>> {
    let set = match (&flags.namespace, flags.installation) {
        (Some(namespace), _) => Some(Set::new(namespace.clone(), Origin::Flag("--namespace"))),
        (None, true) => None,
        (None, false) => written,
    };
    set.map_or_else(|| Set::default(None), |set| Set::new(Some(set.value).filter(|n| !n.is_empty()), set.by))
}

/// What `config.toml` says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Written {
    theme: Option<Set<String>>,
    keymap: Option<Set<String>>,
    color: Option<Set<Option<Depth>>>,
    ascii: Option<Set<bool>>,
    mouse: Option<Set<bool>>,
    read_only: Option<Set<bool>>,
    timeout: Option<Set<Duration>>,
    namespace: Option<Set<String>>,
}

impl Written {
    /// Reads the file; `context` says which table of `[context.NAME]` counts, and is asked only where there is one.
    pub fn read(document: &Document, context: impl FnOnce() -> Option<String>, problems: &mut Vec<Problem>) -> Self {
        let mut written = Self::default();
        let (tables, rows): (Vec<&Row>, Vec<&Row>) = document.rows.iter().partition(|row| row.key == "context");
        for row in rows {
            problems.extend(written.set(document, row, false).err());
        }
        let Some(table) = tables.first() else { return written };
        let Value::Table(contexts) = &table.value else {
            let problem = document.problem(table.line, format!("\"context\" is a table, not {}", table.value.kind()));
            problems.push(problem.hint("write [context.NAME] and the settings below it"));
            return written;
        };
        let current = context();
        for context in contexts {
            let Value::Table(rows) = &context.value else {
                let what = format!("[context.{}] is a table, not {}", context.key, context.value.kind());
                problems.push(document.problem(context.line, what));
                continue;
            };
            // Tables of other contexts are read too: what is wrong in them should not wait for a bad day.
            let mut elsewhere = Self::default();
            let counts = current.as_ref() == Some(&context.key);
            let into = if counts { &mut written } else { &mut elsewhere };
            problems.extend(rows.iter().filter_map(|row| into.set(document, row, true).err()));
        }
        written
    }

    /// Takes a row, or says what is wrong with it.
    fn set(&mut self, document: &Document, row: &Row, in_context: bool) -> Result<(), Problem> {
        let Some(key) = KEYS.iter().find(|key| key.name == row.key) else {
            let problem = document.problem(row.line, format!("{:?} is not a setting", row.key));
            let names = || KEYS.iter().map(|key| key.name).chain(["context"]);
            return Err(match nearest(&row.key, names()) {
                Some(_) => problem.did_you_mean(&row.key, names()),
                None => problem.hint("`kafdeck docs settings` lists them"),
            });
        };
        if in_context && !key.in_context {
            let problem = document.problem(row.line, format!("{:?} cannot be set for one context", row.key));
            return Err(problem.hint("set it above the first table"));
        }
        let cell = Cell { document, row };
        match key.name {
            "theme" => self.theme = Some(cell.text()?),
            "keymap" => self.keymap = Some(cell.text()?),
            "color" => self.color = Some(cell.color()?),
            "ascii" => self.ascii = Some(cell.flag()?),
            "mouse" => self.mouse = Some(cell.flag()?),
            "read_only" => self.read_only = Some(cell.flag()?),
            "timeout" => self.timeout = Some(cell.duration()?),
            _ => self.namespace = Some(cell.text()?),
        }
        Ok(())
    }
}

/// A row whose value is wanted as something.
struct Cell<'a> {
    document: &'a Document,
    row: &'a Row,
}

impl Cell<'_> {
    fn set<T>(&self, value: T) -> Set<T> {
        Set::new(value, self.document.origin(self.row.line))
    }

    fn not(&self, wanted: &str) -> Problem {
        let what = format!("{:?} is {wanted}, not {}", self.row.key, self.row.value.kind());
        self.document.problem(self.row.line, what)
    }

    fn text(&self) -> Result<Set<String>, Problem> {
        match &self.row.value {
            Value::Text(text) => Ok(self.set(text.clone())),
            _ => Err(self.not("text")),
        }
    }

    fn flag(&self) -> Result<Set<bool>, Problem> {
        match &self.row.value {
            Value::Flag(flag) => Ok(self.set(*flag)),
            _ => Err(self.not("true or false")),
        }
    }

    fn duration(&self) -> Result<Set<Duration>, Problem> {
        let text = self.text()?;
        units::read_duration(&text.value).map(|d| self.set(d)).map_err(|why| self.document.problem(self.row.line, why))
    }

    /// A depth; none is `auto`.
    fn color(&self) -> Result<Set<Option<Depth>>, Problem> {
        let text = match &self.row.value {
            Value::Text(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => return Err(self.not("auto, never, 16, 256 or truecolor")),
        };
        if text == "auto" {
            return Ok(self.set(None));
        }
        let names = || Depth::ALL.iter().map(|(_, name)| *name).chain(["auto"]);
        if let Some((depth, _)) = Depth::ALL.iter().find(|(_, name)| *name == text) {
            return Ok(self.set(Some(*depth)));
        }
        let problem = self.document.problem(self.row.line, format!("\"color\" cannot be {text:?}"));
        Err(match nearest(&text, names()) {
            Some(_) => problem.did_you_mean(&text, names()),
            None => problem.hint("it is auto, never, 16, 256 or truecolor"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str, context: &str) -> (Written, Vec<String>) {
        let mut problems = Vec::new();
        let document = Document::read(FILE, text, &mut problems);
        let written = Written::read(&document, || Some(context.to_owned()), &mut problems);
        (written, problems.iter().map(Problem::to_string).collect())
    }

    fn terminal() -> Terminal {
        Terminal { utf8: true, output: true, term: Some("xterm".into()), ..Terminal::default() }
    }

    fn line(n: usize) -> Origin {
        Origin::File { file: FILE.into(), line: n }
    }

    const FULL: &str = "theme = \"light\"\nread_only = false\nnamespace = \"a\"\ntimeout = \"2m\"\ncolor = 256\n\
        [context.prod]\ntheme = \"contrast\"\nread_only = true\nnamespace = \"\"\n";

    #[test]
    fn a_flag_beats_the_context_that_beats_the_file_that_beats_the_default() {
        let merged = |context, flags: &Flags| Settings::merge(written(FULL, context).0, flags, &terminal());
        let home = merged("home", &Flags::default());
        assert_eq!(home.theme, Set::new("light".into(), line(1)));
        assert_eq!(home.read_only, Set::new(false, line(2)));
        assert_eq!(home.namespace, Set::new(Some("a".into()), line(3)));
        assert_eq!(home.timeout, Set::new(Duration::from_secs(120), line(4)));
        assert_eq!(home.keymap, Set::default("default".into()));
        let prod = merged("prod", &Flags::default());
        assert_eq!(prod.theme, Set::new("contrast".into(), line(7)));
        assert_eq!(prod.read_only, Set::new(true, line(8)));
        assert_eq!(prod.namespace, Set::new(None, line(9)), "empty is the whole cluster");
        let flags = Flags { theme: Some("mono".into()), installation: true, ..Flags::default() };
        let said = merged("prod", &flags);
        assert_eq!(said.theme, Set::new("mono".into(), Origin::Flag("--theme")));
        let home = merged("home", &flags);
        assert_eq!(home.namespace, Set::default(None), "an installation says where to look");
    }

    #[test]
    fn colours_are_as_many_as_was_said_or_else_as_the_terminal_has() {
        let of = |text: &str, flags: &Flags, terminal: &Terminal| {
            let set = Settings::merge(written(text, "").0, flags, terminal).color;
            (set.value, set.by.to_string())
        };
        let with = |term: &str, color_term: &str, no_color| Terminal {
            no_color,
            term: Some(term.into()),
            color_term: Some(color_term.into()),
            ..terminal()
        };
        let plain = Flags::default();
        assert_eq!(of("", &plain, &with("xterm", "", false)), (Depth::Ansi16, "default".into()));
        assert_eq!(of("", &plain, &with("screen-256color", "", false)), (Depth::Ansi256, "TERM".into()));
        assert_eq!(of("", &plain, &with("xterm", "truecolor", false)), (Depth::True, "COLORTERM".into()));
        assert_eq!(of("", &plain, &with("dumb", "24bit", false)), (Depth::None, "TERM".into()));
        assert_eq!(of("", &plain, &with("xterm", "24bit", true)), (Depth::None, "NO_COLOR".into()));
        assert_eq!(of("color = \"16\"", &plain, &with("x", "", true)), (Depth::Ansi16, "config.toml:1".into()));
        assert_eq!(of("color = \"auto\"", &plain, &with("x", "", true)), (Depth::None, "NO_COLOR".into()));
        let flags = Flags { no_color: true, ..Flags::default() };
        assert_eq!(of("color = 256", &flags, &terminal()), (Depth::None, "--no-color".into()));
        let pipe = Terminal { output: false, ..terminal() };
        assert_eq!(of("", &plain, &pipe), (Depth::None, "not a terminal".into()));
    }

    #[test]
    fn a_wrong_row_is_named_and_the_others_hold_in_every_context() {
        let (written, problems) = written(
            "thme = \"light\"\nascii = \"yes\"\ntimeout = \"soon\"\ncolor = \"265\"\nfrobnicate = 1\nmouse = true\n\
             [context.prod]\nkeymap = \"vim\"\nread_only = 1\n[context]\nx = 1\n",
            "other",
        );
        assert_eq!(
            problems,
            [
                "config.toml:1: \"thme\" is not a setting; did you mean \"theme\"?",
                "config.toml:2: \"ascii\" is true or false, not text",
                "config.toml:3: a duration is written 500ms, 10s, 2m or 1h30m, not \"soon\"",
                "config.toml:4: \"color\" cannot be \"265\"; did you mean \"256\"?",
                "config.toml:5: \"frobnicate\" is not a setting; `kafdeck docs settings` lists them",
                "config.toml:8: \"keymap\" cannot be set for one context; set it above the first table",
                "config.toml:9: \"read_only\" is true or false, not a number",
                "config.toml:11: [context.x] is a table, not a number",
            ]
        );
        assert_eq!(written.mouse, Some(Set::new(true, line(6))));
    }
}
