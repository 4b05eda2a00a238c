//! Plans as text, for snapshots.

use std::fmt::Write;

use kafdeck::{
    app::App,
    cmd::documents,
    plan::{
        Params,
        catalog::{self, Situation},
        kafka::Answer,
    },
};

/// Everything that somebody reads of a plan, or why there is none.
pub fn planned(app: &App, id: &str, params: &Params, answers: &[Answer]) -> String {
    let spec = catalog::by_id(id).unwrap();
    let words: Vec<String> = spec
        .params
        .iter()
        .flat_map(|param| params.all(param.name).into_iter().map(|value| format!("{}={value}", param.name)))
        .collect();
    let mut out = format!("=== {id} {}\n", words.join(" "));
    let (reading, way) = (app.reading().unwrap(), app.way_to_act().unwrap());
    let plan = match (spec.build)(params, &Situation { reading, way: &way, answers }) {
        Ok(plan) => plan,
        Err(refusal) => {
            let kind = if refusal.is_usage { "usage" } else { "refused" };
            let _ = writeln!(out, "{kind}: {}", refusal.why);
            refusal.hints.iter().for_each(|hint| _ = writeln!(out, "  {hint}"));
            return out;
        }
    };
    assert_eq!(plan.installation, reading.installation.id);
    let _ = writeln!(out, "{} ({})\n{}", plan.title, plan.risk.word(), plan.sentence);
    plan.details.iter().for_each(|line| _ = writeln!(out, "  {line}"));
    plan.warnings.iter().for_each(|line| _ = writeln!(out, "  mind: {line}"));
    plan.typed.iter().for_each(|name| _ = writeln!(out, "  type: {name}"));
    if !plan.undo.is_empty() {
        let _ = writeln!(out, "  undo: {}", plan.undo);
    }
    for step in &plan.steps {
        let _ = writeln!(out, "- {} (within {} s)", step.title, step.within_s);
        step.before.iter().for_each(|gate| _ = writeln!(out, "    before: {}", gate.title()));
        step.after.iter().for_each(|gate| _ = writeln!(out, "    after: {}", gate.title()));
        let op = documents::yaml(&serde_json::to_value(&step.op).unwrap()).unwrap();
        op.lines().for_each(|line| _ = writeln!(out, "    | {line}"));
    }
    for one in app.equivalents(&plan) {
        let _ = writeln!(out, "$ {}{}", one.text, if one.runnable { "" } else { "   (closest)" });
    }
    out
}

/// Parameters of an action, as they are told.
pub fn params(pairs: &[(&str, &str)]) -> Params {
    pairs.iter().fold(Params::default(), |params, (name, value)| params.with(name, *value))
}
