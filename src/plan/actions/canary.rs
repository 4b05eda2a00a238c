//! `canary`: records written and read all the time, beside a roll or a fault.

use super::{announced, brokers_are_open, is_duration, temporary};
use crate::{
    domain::units::read_duration,
    plan::{
        Op, Plan, Refusal, Risk, Step,
        catalog::{ActionSpec, Scope, Situation, everywhere, nothing_to_ask},
        param::{ParamKind, ParamSpec, Params},
    },
};

/// Records a second, unless told.
const RATE: u32 = 10;
/// Seconds, unless told.
const FOR_S: u64 = 60;
/// Most records: each is remembered.
const MOST: u64 = 1_000_000;

/// The row of the catalog.
pub static SPEC: ActionSpec = ActionSpec {
    id: "canary",
    title: "canary",
    doc: "Writes records all the time through our tunnel and reads them again, and tells each second what was lost, came \
          twice or came late. It stands beside a roll or a fault: others may act meanwhile. It ends after its time or \
          with an interrupt, and says what came of it; a record that was lost, or one slower than --max-latency, is a \
          failure. Without --topic it makes a topic of its own, and takes it away at the end.",
    scope: Scope::Installation,
    risk: Risk::Reversible,
    params: &[
        ParamSpec::new("topic", "TOPIC", "the topic; without it one of its own", ParamKind::Text),
        ParamSpec::new("rate", "N", "records a second; 10 unless told", ParamKind::Number(1, 1_000)),
        ParamSpec::new("for", "DURATION", "for how long; 60s unless told", ParamKind::Text).checked(is_duration),
        ParamSpec::new("max-latency", "DURATION", "the longest from writing to reading that is good", ParamKind::Text)
            .checked(is_duration),
    ],
    supports: everywhere,
    needs: temporary::needs,
    asks: nothing_to_ask,
    build,
};

fn build(params: &Params, situation: &Situation<'_>) -> Result<Plan, Refusal> {
    let reading = &situation.reading;
    brokers_are_open(situation.way)?;
    let rate: u32 = params.number("rate").unwrap_or(RATE);
    let duration = |name: &str| params.get(name).and_then(|text| read_duration(text).ok());
    let for_s = duration("for").map_or(FOR_S, |length| length.as_secs().max(1));
    if u64::from(rate).saturating_mul(for_s) > MOST {
        let why = format!("{rate} records a second for {for_s} s are more than {MOST}");
        return Err(Refusal::usage(why).hint("Lower --rate, or shorten --for."));
    }
    let most_ms = duration("max-latency").map(|most| u64::try_from(most.as_millis()).unwrap_or(u64::MAX));
    let mut warnings: Vec<String> = announced(situation.way).into_iter().collect();
    let own = temporary::name("canary", reading);
    let canary = |topic: &str| Step {
        title: format!("{rate} records a second for {for_s} s to {topic}"),
        before: Vec::new(),
        op: Op::Canary { topic: topic.to_owned(), tag: own.clone(), rate, for_s, most_ms },
        after: Vec::new(),
        within_s: 30,
    };
    let (steps, details, undo) = if let Some(topic) = params.get("topic") {
        given(topic, situation)?;
        warnings.push(format!(
            "{} records are left in {topic}: whoever reads it takes them for its own",
            u64::from(rate) * for_s
        ));
        (vec![canary(topic)], Vec::new(), String::new())
    } else {
        let (made, cleaned, shape) = temporary::topic(&own, temporary::brokers(reading)?, reading)?;
        (vec![made, canary(&own), cleaned], vec![shape], "nothing is left of it".to_owned())
    };
    Ok(Plan {
        action: SPEC.id.to_owned(),
        installation: reading.installation.id.clone(),
        params: params.clone(),
        title: "Canary".to_owned(),
        sentence: "Records are written and read again all the time; others may act meanwhile.".to_owned(),
        risk: SPEC.risk,
        typed: None,
        details,
        warnings,
        undo,
        steps,
    })
}

/// A topic that was named: it must be there, and be nobody's but clients'.
fn given(topic: &str, situation: &Situation<'_>) -> Result<(), Refusal> {
    let known = situation.reading.kafka().filter(|kafka| kafka.metadata_at.is_some());
    match known.map(|kafka| kafka.topics.get(topic)) {
        None => Err(Refusal::new("brokers have not told yet which topics there are")),
        Some(None) => Err(Refusal::new(format!("there is no topic {topic}")).hint("See them with: kafdeck topics")),
        Some(Some(found)) if found.internal => {
            Err(Refusal::new(format!("{topic} is Kafka's own: records in it may break the cluster")))
        }
        Some(Some(_)) => Ok(()),
    }
}
