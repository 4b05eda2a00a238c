//! Commands of actions, made from the catalog: `kafdeck topic create orders --partitions 6 --yes`.
//!
//! Names, flags and help are the table's; this file only speaks clap.

use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::plan::{
    Risk,
    catalog::{ActionSpec, CATALOG},
    client,
    param::{ParamKind, ParamSpec, Params},
};

/// What the first word of several actions is about.
const GROUPS: &[(&str, &str)] = &[
    ("topic", "Create, alter and delete topics"),
    ("user", "Create users, rotate their credentials, delete them"),
    ("broker", "Restart, drain or rebuild a broker"),
    ("brokers", "Roll all brokers"),
    ("leaders", "Elect preferred leaders"),
    ("offsets", "Reset the offsets of a group"),
    ("reassignment", "Moves of partitions: list, cancel, throttle"),
    ("pvc", "Expand a volume"),
    ("connector", "Create, restart, pause and resume connectors"),
    ("message", "Read and produce records"),
];

/// An action as it was typed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Typed {
    /// Its id.
    pub action: String,
    /// What it was told.
    pub params: Params,
    /// `--yes`.
    pub yes: bool,
    /// `--confirm`.
    pub confirm: Option<String>,
    /// `--dry-run`.
    pub dry_run: bool,
}

/// Adds the commands of all actions.
pub fn add_to(mut whole: Command) -> Command {
    for spec in CATALOG {
        let words = spec.words();
        match words.as_slice() {
            [group, name] => {
                let is_there = whole.get_subcommands().any(|one| one.get_name() == *group);
                if !is_there {
                    let about = GROUPS.iter().find(|(word, _)| word == group).map_or("", |(_, about)| about);
                    let made = Command::new(*group).about(about).subcommand_required(true).arg_required_else_help(true);
                    whole = whole.subcommand(made);
                }
                let made = command(spec, name);
                whole = whole.mut_subcommand(*group, |one| one.subcommand(made));
            }
            _ => whole = whole.subcommand(command(spec, spec.id)),
        }
    }
    let export = client::PARAMS.iter().fold(Command::new("export"), |made, param| made.arg(arg(param)));
    let export = export.about("Client settings of a user, for Java, librdkafka, Spring or a pod");
    whole.mut_subcommand("user", |one| one.subcommand(export))
}

/// What `user export` was told.
pub fn export(matches: &ArgMatches) -> Option<Params> {
    match matches.subcommand()? {
        ("user", inner) => inner.subcommand_matches("export").map(|found| told(client::PARAMS, found)),
        _ => None,
    }
}

fn command(spec: &'static ActionSpec, name: &'static str) -> Command {
    let mut title = spec.title.to_owned();
    if let Some(first) = title.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    let mut made = Command::new(name).about(title).long_about(spec.doc);
    for param in spec.params {
        made = made.arg(arg(param));
    }
    let switch =
        |name: &'static str, help: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue).help(help);
    made = made
        .arg(switch("yes", "Go ahead without asking"))
        .arg(switch("dry-run", "Print plan, difference and equivalent commands, and change nothing"));
    if may_be_typed(spec) {
        let help = "The name of what is to be changed for good, which a script has to repeat";
        made = made.arg(Arg::new("confirm").long("confirm").value_name("NAME").help(help));
    }
    made
}

/// True for an action that may ask for a name to be typed.
fn may_be_typed(spec: &ActionSpec) -> bool {
    spec.risk >= Risk::Disruptive
}

fn arg(param: &'static ParamSpec) -> Arg {
    let arg = Arg::new(param.name).help(param.doc);
    if param.positional {
        let arg = arg.value_name(param.value).required(param.required);
        return if param.many { arg.num_args(1..).action(ArgAction::Append) } else { arg };
    }
    let arg = arg.long(param.name);
    match param.kind {
        ParamKind::Switch => arg.action(ArgAction::SetTrue),
        ParamKind::Number(..) => arg.value_name(param.value).allow_negative_numbers(true),
        _ => arg.value_name(param.value).allow_hyphen_values(true).action(ArgAction::Append),
    }
}

/// The action that was typed, if it was one. What its values may be is the plan's to say.
pub fn typed(matches: &ArgMatches) -> Option<Typed> {
    let (group, inner) = matches.subcommand()?;
    let nested = inner.subcommand().map(|(name, found)| (format!("{group}.{name}"), found));
    let (id, found) = nested.unwrap_or((group.to_owned(), inner));
    let spec = CATALOG.iter().find(|spec| spec.id == id)?;
    let params = told(spec.params, found);
    let confirm = may_be_typed(spec).then(|| found.get_one::<String>("confirm").cloned()).flatten();
    Some(Typed {
        action: spec.id.to_owned(),
        params,
        yes: found.get_flag("yes"),
        confirm,
        dry_run: found.get_flag("dry-run"),
    })
}

/// The values of parameters, as they were typed.
fn told(specs: &'static [ParamSpec], found: &ArgMatches) -> Params {
    let mut params = Params::default();
    for param in specs {
        if param.kind == ParamKind::Switch {
            if found.get_flag(param.name) {
                params.add(param.name, "true");
            }
        } else {
            let values = found.get_many::<String>(param.name).into_iter().flatten();
            values.for_each(|value| params.add(param.name, value.clone()));
        }
    }
    params
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed_as(line: &str) -> Typed {
        let matches = add_to(Command::new("kafdeck")).try_get_matches_from(line.split_whitespace()).unwrap();
        typed(&matches).unwrap()
    }

    #[test]
    fn an_action_is_read_as_its_row_says() {
        let found = typed_as("kafdeck topic create orders --partitions 6 --config a=b --config c=d --yes");
        let wanted = Params::default()
            .with("topic", "orders")
            .with("partitions", "6")
            .with("config", "a=b")
            .with("config", "c=d");
        assert_eq!(found, Typed { action: "topic.create".into(), params: wanted, yes: true, ..Typed::default() });
    }

    #[test]
    fn every_group_of_the_catalog_says_what_it_is_about() {
        for spec in CATALOG {
            if let [group, _] = spec.words().as_slice() {
                assert!(GROUPS.iter().any(|(word, about)| word == group && !about.is_empty()), "{group}");
            }
        }
    }
}
