//! The form of an action: one field for each thing it has to be told.
//!
//! What a field holds is held against the same rule as a flag of the command line. `acting` opens it and takes what was
//! filled in; `view::acting` draws it.

use super::{commands::CommandId, form::Form, keys::Key};
use crate::{
    domain::{config::Config, text::shortened},
    plan::{
        catalog::ActionSpec,
        kafka::Answer,
        param::{ParamKind, ParamSpec, Params},
    },
    world::Reading,
};

/// The longest that is told of what a config means, in characters.
const MEANING: usize = 300;

/// A field.
#[derive(Debug, Clone)]
pub struct Field {
    /// What it is for.
    pub spec: &'static ParamSpec,
    /// What has been typed.
    pub form: Form,
    /// What may be chosen.
    pub choices: Vec<String>,
    /// Why what was typed cannot be meant; said once one has left the field.
    pub wrong: Option<String>,
}

/// The form, open.
#[derive(Debug, Clone)]
pub struct Fields {
    /// The action.
    pub spec: &'static ActionSpec,
    /// Its fields, in the order of its parameters.
    pub all: Vec<Field>,
    /// The field that has the cursor.
    pub at: usize,
    /// What is wrong with what was filled in as a whole.
    pub refusal: Option<String>,
    /// Configs that brokers know, with what they mean; none until they have told.
    configs: Vec<Config>,
    /// What was told beside the fields.
    others: Params,
}

/// What a key came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filled {
    /// The form goes on.
    Not,
    /// It is to be closed.
    Cancelled,
    /// It is filled in.
    With(Params),
}

impl Fields {
    /// A form that begins with what is known.
    pub fn new(spec: &'static ActionSpec, params: &Params, reading: &Reading<'_>) -> Self {
        let field = |one: &'static ParamSpec| {
            let known = params.all(one.name).join(" ");
            let text = if known.is_empty() { (one.default)(reading).unwrap_or_default() } else { known };
            let choices = match one.kind {
                ParamKind::Choice(words) => words.iter().map(|word| (*word).to_owned()).collect(),
                ParamKind::Switch => vec!["no".to_owned(), "yes".to_owned()],
                _ => (one.choices)(reading),
            };
            Field { spec: one, form: Form::new(&text), choices, wrong: None }
        };
        let in_form = |one: &&ParamSpec| one.in_form;
        let mut others = Params::default();
        for one in spec.params.iter().filter(|one| !one.in_form) {
            params.all(one.name).into_iter().for_each(|value| others.add(one.name, value));
        }
        let all: Vec<Field> = spec.params.iter().filter(in_form).map(field).collect();
        let at = all.iter().position(|field| field.form.text().is_empty()).unwrap_or(0);
        Self { spec, all, at, refusal: None, configs: Vec::new(), others }
    }

    /// Takes what brokers tell of configs.
    pub(super) fn learn(&mut self, answers: Vec<Answer>) {
        self.configs = answers
            .into_iter()
            .find_map(|answer| match answer {
                Answer::Configs(configs) => Some(configs),
                _ => None,
            })
            .unwrap_or_default();
    }

    /// What is known of the config that is being typed in a field: which begin so, or what the one means.
    pub fn about_config(&self, field: &Field) -> Option<String> {
        if !matches!(field.spec.name, "config" | "delete-config") || self.configs.is_empty() {
            return None;
        }
        let typed = field.form.text().split_whitespace().last().unwrap_or_default();
        let name = typed.split('=').next().unwrap_or_default();
        if let Some(found) = self.configs.iter().find(|config| config.entry.name == name) {
            let kind = found.kind.as_deref().unwrap_or("text");
            let now = found.entry.value.as_ref().map(|value| format!(", now {value}")).unwrap_or_default();
            let meaning = found.documentation.as_deref().unwrap_or_default();
            let meaning = meaning.split_whitespace().collect::<Vec<_>>().join(" ");
            return Some(format!("{name} ({kind}{now}): {}", shortened(&meaning, MEANING)));
        }
        let names: Vec<&str> = self.configs.iter().map(|config| config.entry.name.as_str()).collect();
        let fitting: Vec<&str> = names.iter().filter(|one| one.starts_with(name)).copied().take(8).collect();
        Some(if fitting.is_empty() { "brokers know no such config".to_owned() } else { fitting.join("  ") })
    }

    /// What is filled in.
    pub fn params(&self) -> Params {
        let mut params = self.others.clone();
        for field in &self.all {
            let text = field.form.text().trim();
            let values: Vec<&str> = if field.spec.many { text.split_whitespace().collect() } else { vec![text] };
            values.into_iter().filter(|value| !value.is_empty()).for_each(|value| params.add(field.spec.name, value));
        }
        params
    }

    /// Takes a key.
    pub(super) fn key(&mut self, key: Key, command: Option<CommandId>) -> Filled {
        match command {
            Some(CommandId::Back) => return Filled::Cancelled,
            Some(CommandId::Open) if self.at + 1 >= self.all.len() => return self.submit(),
            Some(CommandId::Open | CommandId::Move(1)) => self.go(1),
            Some(CommandId::Move(_)) => self.go(self.all.len().saturating_sub(1)),
            _ => match key {
                Key::Tab => self.go(1),
                Key::BackTab => self.go(self.all.len().saturating_sub(1)),
                Key::Right | Key::Char(' ') if self.is_choice() => self.cycle(1),
                Key::Left if self.is_choice() => self.cycle(-1),
                key => {
                    self.refusal = None;
                    if let Some(field) = self.all.get_mut(self.at) {
                        field.form.key(key);
                        field.wrong = None;
                    }
                }
            },
        }
        Filled::Not
    }

    /// Takes pasted text.
    pub(super) fn paste(&mut self, text: &str) {
        if let Some(field) = self.all.get_mut(self.at) {
            field.form.paste(text);
        }
    }

    /// Goes to another field, and says what is wrong with the one that is left.
    fn go(&mut self, by: usize) {
        if let Some(field) = self.all.get_mut(self.at) {
            field.judge();
        }
        self.at = (self.at + by) % self.all.len().max(1);
    }

    /// True on a field that takes nothing but one of a few words.
    fn is_choice(&self) -> bool {
        let kind = self.all.get(self.at).map(|field| field.spec.kind);
        matches!(kind, Some(ParamKind::Choice(_) | ParamKind::Switch))
    }

    /// Chooses the next of what may be chosen.
    fn cycle(&mut self, by: i32) {
        let Some(field) = self.all.get_mut(self.at).filter(|field| !field.choices.is_empty()) else { return };
        let count = i32::try_from(field.choices.len()).unwrap_or(i32::MAX);
        let at = field.choices.iter().position(|choice| choice == field.form.text());
        let next =
            at.map_or(if by > 0 { 0 } else { count - 1 }, |at| (i32::try_from(at).unwrap_or(0) + by).rem_euclid(count));
        if let Some(choice) = usize::try_from(next).ok().and_then(|next| field.choices.get(next)) {
            field.form = Form::new(choice);
            field.wrong = None;
        }
    }

    fn submit(&mut self) -> Filled {
        self.all.iter_mut().for_each(Field::judge);
        match self.all.iter().position(|field| field.wrong.is_some()) {
            Some(wrong) => {
                self.at = wrong;
                Filled::Not
            }
            None => Filled::With(self.params()),
        }
    }
}

impl Field {
    fn judge(&mut self) {
        let text = self.form.text().trim().to_owned();
        let values: Vec<&str> = if self.spec.many { text.split_whitespace().collect() } else { vec![text.as_str()] };
        let values: Vec<&str> = values.into_iter().filter(|value| !value.is_empty()).collect();
        self.wrong = match values.as_slice() {
            [] if self.spec.required => Some(format!("{} is missing", self.spec.name)),
            values => values.iter().find_map(|value| self.spec.refuse(value).err()),
        };
    }
}
