//! `message.produce`: one record, written with acks=all by an idempotent producer.

use super::{announced, brokers_are_open};
use crate::{
    domain::record::Draft,
    plan::{
        Op, Plan, Refusal, Risk, Step,
        catalog::{ActionSpec, Need, Scope, Situation, everywhere, nothing_to_ask},
        param::{ParamKind, ParamSpec, Params},
    },
    world::Reading,
};

/// Longest value: it is shown in the plan and written to the journal.
const LONGEST: usize = 64 << 10;

/// The row of the catalog.
pub static SPEC: ActionSpec = ActionSpec {
    id: "message.produce",
    title: "produce a record",
    doc: "Writes one record and waits until all in-sync replicas have it. The producer is idempotent, so that it is there \
          once; the partition is the one that Java clients choose for the key. The topic must exist: none is created.",
    scope: Scope::Topic,
    risk: Risk::Disruptive,
    params: &[
        ParamSpec::new("topic", "TOPIC", "the topic", ParamKind::Text).positional().required(),
        ParamSpec::new("key", "KEY", "key of the record; without it the key is null", ParamKind::Text),
        ParamSpec::new("value", "VALUE", "value of the record; without it the value is null", ParamKind::Text),
        ParamSpec::new("header", "NAME=VALUE", "a header", ParamKind::Pair).many(),
        ParamSpec::new("partition", "N", "partition; without it the one of the key", ParamKind::Number(0, 1_000_000)),
        ParamSpec::new("tombstone", "", "the value is meant to be null: it deletes the key", ParamKind::Switch),
    ],
    supports: everywhere,
    needs,
    asks: nothing_to_ask,
    build,
};

fn needs(_: &Reading<'_>) -> Vec<Need> {
    vec![Need::Brokers]
}

fn build(params: &Params, situation: &Situation<'_>) -> Result<Plan, Refusal> {
    let reading = &situation.reading;
    brokers_are_open(situation.way)?;
    let draft = draft(params)?;
    let known = reading.kafka().filter(|kafka| kafka.metadata_at.is_some());
    let topic = known.and_then(|kafka| kafka.topics.get(&draft.topic));
    let Some(topic) = topic else {
        return Err(match known {
            Some(_) => Refusal::new(format!("there is no topic {}", draft.topic)).hint("See them with: kafdeck topics"),
            None => Refusal::new("brokers have not told yet which topics there are"),
        });
    };
    let count = topic.partitions.len();
    if let Some(partition) = draft.partition.filter(|p| usize::try_from(*p).is_ok_and(|p| p >= count)) {
        return Err(Refusal::usage(format!("topic {} has no partition {partition}; it has {count}", draft.topic)));
    }
    let mut warnings: Vec<String> = announced(situation.way).into_iter().collect();
    if topic.internal {
        return Err(Refusal::new(format!("{} is Kafka's own: a record in it may break the cluster", draft.topic)));
    }
    warnings.push("whoever reads the topic takes it for a record like any other".to_owned());
    Ok(Plan {
        action: SPEC.id.to_owned(),
        installation: reading.installation.id.clone(),
        params: params.clone(),
        title: format!("Produce a record to {}", draft.topic),
        sentence: "It is written once, with acks=all; brokers say where.".to_owned(),
        risk: SPEC.risk,
        typed: None,
        details: details(&draft),
        warnings,
        undo: String::new(),
        steps: vec![Step {
            title: format!("produce to {}", draft.topic),
            before: Vec::new(),
            op: Op::Produce { draft },
            after: Vec::new(),
            within_s: 15,
        }],
    })
}

fn draft(params: &Params) -> Result<Draft, Refusal> {
    let bytes = |name: &str| params.get(name).map(|text| text.as_bytes().to_vec());
    let value = bytes("value");
    if value.is_some() && params.is_on("tombstone") {
        return Err(Refusal::usage("a tombstone has no value"));
    }
    if value.is_none() && !params.is_on("tombstone") {
        return Err(Refusal::usage("the value is missing").hint("Give it with --value, or say --tombstone."));
    }
    if params.is_on("tombstone") && bytes("key").is_none() {
        return Err(Refusal::usage("a tombstone without a key deletes nothing").hint("Name the key with --key."));
    }
    if value.as_ref().is_some_and(|value| value.len() > LONGEST) {
        return Err(Refusal::usage(format!("the value is longer than {} KiB", LONGEST >> 10)));
    }
    Ok(Draft {
        topic: params.text("topic").to_owned(),
        partition: params.number("partition"),
        key: bytes("key"),
        value,
        headers: params.pairs("header").into_iter().map(|(name, value)| (name, value.into_bytes())).collect(),
    })
}

/// What is written, part by part.
fn details(draft: &Draft) -> Vec<String> {
    let text = |bytes: &Option<Vec<u8>>| {
        bytes.as_ref().map_or_else(|| "null".to_owned(), |bytes| String::from_utf8_lossy(bytes).into_owned())
    };
    let partition = draft.partition.map_or_else(|| "of its key".to_owned(), |p| p.to_string());
    let mut lines = vec![
        format!("partition {partition}"),
        format!("key {}", text(&draft.key)),
        format!("value {}", text(&draft.value)),
    ];
    let headers = draft.headers.iter();
    lines.extend(headers.map(|(name, value)| format!("header {name}: {}", String::from_utf8_lossy(value))));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_was_typed() {
        let params = Params::default()
            .with("topic", "orders")
            .with("key", "k")
            .with("value", "v=1")
            .with("header", "trace=a=b")
            .with("partition", "2");
        let draft = draft(&params).unwrap();
        assert_eq!((draft.topic.as_str(), draft.partition), ("orders", Some(2)));
        assert_eq!((draft.key.as_deref(), draft.value.as_deref()), (Some(&b"k"[..]), Some(&b"v=1"[..])));
        assert_eq!(draft.headers, [("trace".to_owned(), b"a=b".to_vec())]);
    }

    #[test]
    fn a_null_value_has_to_be_meant() {
        let topic = || Params::default().with("topic", "orders");
        assert!(draft(&topic()).is_err());
        assert!(draft(&topic().with("tombstone", "true")).is_err(), "without a key");
        let gone = draft(&topic().with("tombstone", "true").with("key", "k")).unwrap();
        assert_eq!(gone.value, None);
        assert!(draft(&topic().with("tombstone", "true").with("key", "k").with("value", "v")).is_err());
    }
}
