//! Themes: how meanings look, from TOML. A style belongs to a slot, and `state` stands for every `state.…` that says
//! nothing itself.
//!
//! Plain values; `view::look` makes the terminal's styles of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use super::{
    chain::Shelf,
    color::{Color, Depth, NAMES, contrast},
    document::{Document, Row, Value},
    problem::{Origin, Problem, nearest},
};

/// The themes that are built in.
pub const BUILT_IN: &[(&str, &str)] = &[
    ("default", include_str!("../../themes/default.toml")),
    ("light", include_str!("../../themes/light.toml")),
    ("mono", include_str!("../../themes/mono.toml")),
    ("contrast", include_str!("../../themes/contrast.toml")),
];

/// The shelf of themes, without the user's own.
pub const SHELF: Shelf<'static> = Shelf { kind: "theme", folder: "themes", built_in: BUILT_IN, dir: None };

/// Every slot, and what it is the style of.
pub const SLOTS: &[(&str, &str)] = &[
    ("text", "what has no meaning of its own"),
    ("text.title", "headings, and the name of what is shown"),
    ("text.label", "names of columns and labels of figures"),
    ("text.muted", "what matters less"),
    ("text.key", "a key that can be pressed"),
    ("state.good", "all is well"),
    ("state.warn", "to be looked at"),
    ("state.bad", "broken"),
    ("state.unknown", "stale, or never seen"),
    ("verdict.ok", "the verdict OK"),
    ("verdict.degraded", "the verdict DEGRADED"),
    ("verdict.critical", "the verdict CRITICAL"),
    ("verdict.blind", "the verdict BLIND"),
    ("frame.rule", "rules and frames"),
    ("frame.focus", "heading and rule of the pane that has the focus"),
    ("selected", "the row under the cursor"),
    ("banner", "what must not be overlooked: link down, paused"),
    ("pod.1", "the first pod of the log view"),
    ("pod.2", "the second pod"),
    ("pod.3", "the third pod"),
    ("pod.4", "the fourth pod"),
    ("pod.5", "the fifth pod"),
    ("pod.6", "the sixth pod"),
];

/// Contrast below which a colour on another is not text any more.
const LEAST_CONTRAST: f64 = 3.0;

/// Emphasis without colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Mods(u8);

impl Mods {
    /// Bold.
    pub const BOLD: Self = Self(1);
    /// Dim.
    pub const DIM: Self = Self(2);
    /// Italic.
    pub const ITALIC: Self = Self(4);
    /// Underlined.
    pub const UNDERLINE: Self = Self(8);
    /// Foreground and background exchanged.
    pub const REVERSED: Self = Self(16);
    /// All of them with their names.
    pub const ALL: [(Self, &'static str); 5] = [
        (Self::BOLD, "bold"),
        (Self::DIM, "dim"),
        (Self::ITALIC, "italic"),
        (Self::UNDERLINE, "underline"),
        (Self::REVERSED, "reversed"),
    ];

    /// True when all of the others are among these.
    pub fn has(self, others: Self) -> bool {
        self.0 & others.0 == others.0
    }

    fn add(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

/// A style.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Style {
    /// The colour of text; none is the terminal's own.
    pub fg: Option<Color>,
    /// The colour behind it; none is the terminal's own.
    pub bg: Option<Color>,
    /// Emphasis.
    pub mods: Mods,
    /// Emphasis where there are no colours, if it is another.
    pub plain: Option<Mods>,
}

impl Style {
    /// What is left of it at a depth.
    #[must_use]
    pub fn at(self, depth: Depth) -> Self {
        let color = |color: Option<Color>| color.and_then(|c| c.at(depth));
        let mods = if depth == Depth::None { self.plain.unwrap_or(self.mods) } else { self.mods };
        Self { fg: color(self.fg), bg: color(self.bg), mods, plain: None }
    }
}

impl fmt::Display for Style {
    /// As a theme has it: `bright-red bold`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words: Vec<String> = self.fg.iter().map(ToString::to_string).collect();
        words.extend(self.bg.iter().map(|bg| format!("on {bg}")));
        words.extend(Mods::ALL.iter().filter(|(m, _)| self.mods.has(*m)).map(|(_, name)| (*name).to_owned()));
        f.write_str(if words.is_empty() { "plain" } else { "" })?;
        f.write_str(&words.join(" "))
    }
}

/// Styles by slot.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Theme {
    slots: BTreeMap<String, (Style, Origin)>,
}

impl Theme {
    /// Reads the theme of a name, with everything it inherits from.
    pub fn read(shelf: &Shelf<'_>, name: &str, problems: &mut Vec<Problem>) -> Self {
        let mut theme = Self::default();
        let mut palette = Palette::default();
        let documents = shelf.chain(name, problems);
        // All names of colours first: a new colour for a name changes what is inherited, too.
        for document in &documents {
            palette.lay_over(document, problems);
        }
        for document in &documents {
            for row in document.rows.iter().filter(|row| !matches!(row.key.as_str(), "inherits" | "palette")) {
                theme.lay_over(document, &row.key, row, &palette, problems);
            }
        }
        theme
    }

    /// A built-in theme as it is.
    pub fn built_in(name: &str) -> Self {
        Self::read(&SHELF, name, &mut Vec::new())
    }

    /// The style of a slot: its own, or that of the longest name it begins with.
    pub fn style(&self, slot: &str) -> Style {
        self.of(slot).map(|(style, _)| *style).unwrap_or_default()
    }

    /// Who set the style of a slot.
    pub fn origin(&self, slot: &str) -> Origin {
        self.of(slot).map(|(_, origin)| origin.clone()).unwrap_or_default()
    }

    fn of(&self, slot: &str) -> Option<&(Style, Origin)> {
        self.slots.get(slot).or_else(|| self.of(slot.rsplit_once('.')?.0))
    }

    fn lay_over(&mut self, document: &Document, slot: &str, row: &Row, palette: &Palette, problems: &mut Vec<Problem>) {
        // `state.bad` without quotes is a table within a table; so is a style, but for what stands in it.
        if let Value::Table(rows) = &row.value
            && !rows.iter().any(|r| FIELDS.contains(&r.key.as_str()))
            && groups().any(|group| group == slot)
        {
            for row in rows {
                self.lay_over(document, &format!("{slot}.{}", row.key), row, palette, problems);
            }
            return;
        }
        let names = || SLOTS.iter().map(|(name, _)| *name).chain(groups());
        if !names().any(|name| name == slot) {
            let problem = document.problem(row.line, format!("{slot:?} is not a slot"));
            problems.push(match nearest(slot, names()) {
                Some(_) => problem.did_you_mean(slot, names()),
                None => problem.hint("`kafdeck docs themes` lists them"),
            });
            return;
        }
        match style(document, row, palette) {
            Ok(style) => {
                self.slots.insert(slot.to_owned(), (style, document.origin(row.line)));
            }
            Err(problem) => problems.push(problem),
        }
    }
}

/// Names that stand for several slots, as `state`.
fn groups() -> impl Iterator<Item = &'static str> {
    SLOTS.iter().filter_map(|(name, _)| Some(name.split_once('.')?.0)).collect::<BTreeSet<_>>().into_iter()
}

/// Colours that a theme gave a name.
#[derive(Default)]
struct Palette(BTreeMap<String, Color>);

impl Palette {
    fn lay_over(&mut self, document: &Document, problems: &mut Vec<Problem>) {
        let Some(row) = document.row("palette") else { return };
        let Value::Table(rows) = &row.value else {
            let what = format!("\"palette\" is a table of colours, not {}", row.value.kind());
            problems.push(document.problem(row.line, what));
            return;
        };
        for row in rows {
            let color = match &row.value {
                Value::Text(text) => self.color(document, row.line, text),
                Value::Number(number) => self.color(document, row.line, &number.to_string()),
                other => Err(document.problem(row.line, format!("{:?} is a colour, not {}", row.key, other.kind()))),
            };
            match color {
                Ok(Some(color)) => {
                    self.0.insert(row.key.clone(), color);
                }
                Ok(None) => problems.push(document.problem(row.line, "the terminal's own colour needs no name")),
                Err(problem) => problems.push(problem),
            }
        }
    }

    /// A colour by its name here or everywhere; none is the terminal's own.
    fn color(&self, document: &Document, line: usize, text: &str) -> Result<Option<Color>, Problem> {
        if text == "default" {
            return Ok(None);
        }
        let found = self.0.get(text).copied().or_else(|| text.parse().ok());
        found.map(Some).ok_or_else(|| {
            let names = self.0.keys().map(String::as_str).chain(NAMES);
            document.problem(line, format!("{text:?} is not a colour")).did_you_mean(text, names)
        })
    }
}

/// What a style's table may say.
const FIELDS: [&str; 4] = ["fg", "bg", "mods", "plain"];

/// Reads `"red bold"`, a number, or `{ fg, bg, mods, plain }`.
fn style(document: &Document, row: &Row, palette: &Palette) -> Result<Style, Problem> {
    let mut style = Style::default();
    match &row.value {
        Value::Text(text) => {
            for word in text.split_whitespace() {
                match Mods::ALL.iter().find(|(_, name)| *name == word) {
                    Some((mods, _)) => style.mods.add(*mods),
                    None => style.fg = color_or_modifier(document, row.line, word, palette)?,
                }
            }
        }
        Value::Number(number) => style.fg = palette.color(document, row.line, &number.to_string())?,
        Value::Table(fields) => {
            for field in fields {
                set(&mut style, document, field, palette)?;
            }
        }
        other => {
            let what = format!("a style is text as \"red bold\" or a table, not {}", other.kind());
            return Err(document.problem(row.line, what));
        }
    }
    match (style.fg, style.bg) {
        (Some(fg), Some(bg)) if contrast(fg.rgb(), bg.rgb()) < LEAST_CONTRAST => {
            let ratio = contrast(fg.rgb(), bg.rgb());
            let problem = document.problem(row.line, format!("its text can hardly be read: contrast {ratio:.1}"));
            Err(problem.hint("text wants 4.5, and 3.0 is the least"))
        }
        _ => Ok(style),
    }
}

/// The colour that a word of a style names; where it is none, a modifier may have been meant.
fn color_or_modifier(
    document: &Document,
    line: usize,
    word: &str,
    palette: &Palette,
) -> Result<Option<Color>, Problem> {
    palette.color(document, line, word).map_err(|problem| {
        let mods = Mods::ALL.iter().map(|(_, name)| *name);
        if problem.suggestion.is_some() { problem } else { problem.did_you_mean(word, mods) }
    })
}

fn set(style: &mut Style, document: &Document, field: &Row, palette: &Palette) -> Result<(), Problem> {
    let color = || match &field.value {
        Value::Text(text) => palette.color(document, field.line, text),
        Value::Number(number) => palette.color(document, field.line, &number.to_string()),
        other => Err(document.problem(field.line, format!("{:?} is a colour, not {}", field.key, other.kind()))),
    };
    match field.key.as_str() {
        "fg" => style.fg = color()?,
        "bg" => style.bg = color()?,
        "mods" => style.mods = mods(document, field)?,
        "plain" => style.plain = Some(mods(document, field)?),
        other => {
            let problem = document.problem(field.line, format!("{other:?} is no part of a style"));
            return Err(problem.did_you_mean(other, FIELDS));
        }
    }
    Ok(())
}

/// Reads `"bold underline"` or `["bold", "underline"]`.
fn mods(document: &Document, field: &Row) -> Result<Mods, Problem> {
    let wrong = |value: &Value| {
        document.problem(field.line, format!("{:?} is text as \"bold underline\", not {}", field.key, value.kind()))
    };
    let words: Vec<&str> = match &field.value {
        Value::Text(text) => text.split_whitespace().collect(),
        Value::List(list) => list
            .iter()
            .map(|value| match value {
                Value::Text(text) => Ok(text.as_str()),
                other => Err(wrong(other)),
            })
            .collect::<Result<_, _>>()?,
        other => return Err(wrong(other)),
    };
    let mut mods = Mods::default();
    for word in words {
        let names = Mods::ALL.iter().map(|(_, name)| *name);
        let known = Mods::ALL.iter().find(|(_, name)| *name == word);
        let known = known.ok_or_else(|| {
            document.problem(field.line, format!("{word:?} is not a modifier")).did_you_mean(word, names)
        })?;
        mods.add(known.0);
    }
    Ok(mods)
}

#[cfg(test)]
mod tests;
