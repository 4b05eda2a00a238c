//! `smoke`: records in and out, through our tunnel and as an application in the cluster would.

mod service;

use super::{announced, brokers_are_open, temporary};
use crate::plan::{
    Op, Plan, Refusal, Risk, Step,
    catalog::{ActionSpec, Scope, Situation, everywhere, nothing_to_ask},
    param::{ParamKind, ParamSpec, Params},
};

/// Records that are written on each path, unless more are asked for.
const RECORDS: usize = 100;

/// The row of the catalog.
pub static SPEC: ActionSpec = ActionSpec {
    id: "smoke",
    title: "smoke test",
    doc: "Writes checksummed records to a topic of its own and reads them again, by both paths: through our tunnel, and \
          as a Job in the namespace with the brokers' own image, through the bootstrap Service, with an application's \
          credential. The tunnel passes by Service, DNS and NetworkPolicy, so that only both together are green; a path \
          that could not be proven is told with why. Topic and Job are taken away however it ends.",
    scope: Scope::Installation,
    risk: Risk::Reversible,
    params: &[
        ParamSpec::new("records", "N", "records on each path; 100 unless told", ParamKind::Number(1, 10_000)),
        ParamSpec::new(
            "as-user",
            "USER",
            "the application whose credential the Job logs in with, where brokers ask for one",
            ParamKind::Text,
        ),
        ParamSpec::new("tunnel-only", "", "leave the path through the Service unproven", ParamKind::Switch),
    ],
    supports: everywhere,
    needs: temporary::needs,
    asks: nothing_to_ask,
    build,
};

fn build(params: &Params, situation: &Situation<'_>) -> Result<Plan, Refusal> {
    let reading = &situation.reading;
    brokers_are_open(situation.way)?;
    let records = params.number("records").unwrap_or(RECORDS);
    let name = temporary::name("smoke", reading);
    let (made, cleaned, shape) = temporary::topic(&name, 1, reading)?;
    let mut warnings: Vec<String> = announced(situation.way).into_iter().collect();
    let exchange = Op::Exchange { topic: name.clone(), records };
    let mut steps = vec![made, proof(format!("{records} records through our tunnel"), exchange)];
    if params.is_on("tunnel-only") {
        warnings.push("Service, DNS and NetworkPolicy stay unproven: our tunnel passes by them".to_owned());
    } else {
        let op = service::path(&name, records, params.get("as-user"), reading);
        if let Op::Unproven { why } = &op {
            warnings.push(format!("the path through the Service will stay unproven: {why}"));
        }
        steps.push(proof(format!("{records} records as a Job through the Service"), op));
    }
    steps.push(cleaned);
    Ok(Plan {
        action: SPEC.id.to_owned(),
        installation: reading.installation.id.clone(),
        params: params.clone(),
        title: "Smoke test".to_owned(),
        sentence: "Records are written and read again by each path; then everything is taken away.".to_owned(),
        risk: SPEC.risk,
        typed: None,
        details: vec![shape],
        warnings,
        undo: "nothing is left of it".to_owned(),
        steps,
    })
}

fn proof(title: String, op: Op) -> Step {
    Step { title, before: Vec::new(), op, after: Vec::new(), within_s: 30 }
}
