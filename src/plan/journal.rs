//! What a run leaves behind: entries of the journal, and what they say of runs that never ended.
//!
//! Pure: `io::journal` writes and reads the file. No entry holds a secret, for no plan does.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::domain::ids::InstallationId;

/// How ends begin of runs that can go on: they were stopped, broke off, or waited in vain.
const CAN_GO_ON: [&str; 3] = ["stopped", "failed", "timeout"];
/// How the end of a run begins that did everything.
const DONE: &str = "done";

/// One line of the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// When it was written.
    pub at: DateTime<Utc>,
    /// The run: text that sorts by when runs began.
    pub run: String,
    /// Who runs it: `alice@jump-1`.
    pub who: String,
    /// The process that runs it.
    pub pid: u32,
    /// The kubeconfig context.
    pub context: String,
    /// The installation.
    pub installation: InstallationId,
    /// The action, as `broker.restart`.
    pub action: String,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// What happened in a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// It begins.
    Begin {
        /// The whole plan.
        plan: Value,
    },
    /// It goes on after it had stopped.
    Resume,
    /// A step is about to be done.
    Do {
        /// The step, from 0.
        step: usize,
        /// What is asked for.
        op: Value,
    },
    /// A step is done.
    Done {
        /// The step, from 0.
        step: usize,
        /// What was answered, in words.
        answer: String,
    },
    /// A step did not happen, or it is not known whether it did.
    Failed {
        /// The step, from 0.
        step: usize,
        /// Why, in words.
        why: String,
    },
    /// It is over.
    End {
        /// How it ended, in words.
        result: String,
    },
}

/// What became of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It was begun; whether it happened is not known.
    Begun,
    /// It was done, and this was answered.
    Done(String),
    /// It failed for this reason.
    Failed(String),
}

/// A run that began and never ended, though nobody runs it any more.
#[derive(Debug, Clone, PartialEq)]
pub struct Unfinished {
    /// Its id.
    pub run: String,
    /// Who ran it: `alice@jump-1`.
    pub who: String,
    /// The installation.
    pub installation: InstallationId,
    /// The action.
    pub action: String,
    /// When it began.
    pub began_at: DateTime<Utc>,
    /// When it was last heard of.
    pub last_at: DateTime<Utc>,
    /// The plan as it was begun.
    pub plan: Value,
    /// What became of each step that was begun.
    pub steps: BTreeMap<usize, Fate>,
}

/// Runs of a context, and of one installation if given, that began and did not do everything, the oldest first. Those
/// that `is_running` knows of are somebody's business, and not unfinished; those before one that did everything are past.
pub fn unfinished(
    entries: &[Entry],
    context: &str,
    installation: Option<&InstallationId>,
    is_running: impl Fn(&Entry) -> bool,
) -> Vec<Unfinished> {
    let mut runs: BTreeMap<&str, (&Entry, Unfinished)> = BTreeMap::new();
    let ours = |entry: &&Entry| entry.context == context && installation.is_none_or(|of| *of == entry.installation);
    for entry in entries.iter().filter(ours) {
        if let Event::Begin { plan } = &entry.event {
            runs.insert(&entry.run, (entry, begun(entry, plan)));
        }
        let Some((last, run)) = runs.get_mut(entry.run.as_str()) else { continue };
        // A run that is resumed is another process's from then on.
        *last = entry;
        run.last_at = entry.at;
        run.who.clone_from(&entry.who);
        match &entry.event {
            Event::Begin { .. } | Event::Resume => {}
            Event::Do { step, .. } => drop(run.steps.insert(*step, Fate::Begun)),
            Event::Done { step, answer } => drop(run.steps.insert(*step, Fate::Done(answer.clone()))),
            Event::Failed { step, why } => drop(run.steps.insert(*step, Fate::Failed(why.clone()))),
            Event::End { result } => {
                let began_at = run.began_at;
                if !CAN_GO_ON.iter().any(|word| result.starts_with(word)) {
                    runs.remove(entry.run.as_str());
                }
                if result.starts_with(DONE) {
                    // What the same action left undone before is overtaken.
                    let is_past = |run: &Unfinished| {
                        run.installation == entry.installation && run.action == entry.action && run.began_at <= began_at
                    };
                    runs.retain(|_, (_, run)| !is_past(run));
                }
            }
        }
    }
    // One that wrote its end down is nobody's any more, whether its process runs or not.
    let is_left = |last: &Entry| matches!(last.event, Event::End { .. }) || !is_running(last);
    runs.into_values().filter(|(last, _)| is_left(last)).map(|(_, run)| run).collect()
}

/// A plan or an op without the content of records, which is somebody's business and not a journal's. What is left of
/// such an op cannot be read back as one: a run that wrote a record is never gone on with.
pub fn without_records(mut of: Value) -> Value {
    match &mut of {
        Value::Array(all) => all.iter_mut().for_each(|one| *one = without_records(one.take())),
        Value::Object(fields) => {
            let is_write = fields.get("op").is_some_and(|op| op == "produce");
            if let Some(draft) = fields.get_mut("draft").filter(|_| is_write) {
                *draft = json!({"topic": draft["topic"], "partition": draft["partition"], "left out": "the record"});
            }
            if let Some(params) = fields.get_mut("params").and_then(Value::as_object_mut) {
                params.retain(|name, _| !matches!(name.as_str(), "value" | "key" | "header"));
            }
            fields.iter_mut().for_each(|(_, field)| *field = without_records(field.take()));
        }
        _ => {}
    }
    of
}

fn begun(entry: &Entry, plan: &Value) -> Unfinished {
    Unfinished {
        run: entry.run.clone(),
        who: entry.who.clone(),
        installation: entry.installation.clone(),
        action: entry.action.clone(),
        began_at: entry.at,
        last_at: entry.at,
        plan: plan.clone(),
        steps: BTreeMap::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(run: &str, pid: u32, second: i64, event: Event) -> Entry {
        Entry {
            at: DateTime::from_timestamp(second, 0).unwrap(),
            run: run.into(),
            who: "alice@jump-1".into(),
            pid,
            context: "prod".into(),
            installation: InstallationId::new("shop", "kafka"),
            action: "broker.restart".into(),
            event,
        }
    }

    fn begin() -> Event {
        Event::Begin { plan: json!({"steps": 2}) }
    }

    #[test]
    fn an_entry_is_one_flat_object_and_reads_back() {
        for event in [
            begin(),
            Event::Do { step: 0, op: json!({"op": "wait"}) },
            Event::Done { step: 0, answer: "done".into() },
            Event::Failed { step: 1, why: "no".into() },
            Event::End { result: "stopped".into() },
        ] {
            let entry = entry("a", 7, 1, event);
            let line = serde_json::to_string(&entry).unwrap();
            assert_eq!(serde_json::from_str::<Entry>(&line).unwrap(), entry, "{line}");
        }
        let line = serde_json::to_value(entry("a", 7, 1, Event::Done { step: 3, answer: "x".into() })).unwrap();
        assert_eq!((&line["event"], &line["step"], &line["answer"]), (&json!("done"), &json!(3), &json!("x")));
    }

    #[test]
    fn a_run_without_an_end_is_unfinished_unless_it_runs_elsewhere() {
        let op = json!({});
        let entries = [
            entry("a", 1, 1, begin()),
            entry("a", 1, 2, Event::End { result: "ok".into() }),
            entry("b", 2, 3, begin()),
            entry("b", 2, 4, Event::Do { step: 0, op: op.clone() }),
            entry("b", 2, 5, Event::Done { step: 0, answer: "ok".into() }),
            entry("c", 3, 6, begin()),
            entry("b", 2, 7, Event::Do { step: 1, op }),
            entry("lost", 4, 8, Event::Do { step: 1, op: json!({}) }),
        ];
        let found = unfinished(&entries, "prod", None, |entry| entry.pid == 3);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!((found[0].run.as_str(), found[0].last_at.timestamp()), ("b", 7));
        assert_eq!(found[0].steps, BTreeMap::from([(0, Fate::Done("ok".into())), (1, Fate::Begun)]));
        assert_eq!(found[0].plan, json!({"steps": 2}));
    }

    #[test]
    fn a_run_that_was_stopped_can_go_on_until_another_one_has_done_everything() {
        let end = |result: &str| Event::End { result: result.into() };
        let stopped = [entry("a", 1, 1, begin()), entry("a", 1, 2, end("stopped: the terminal went away"))];
        let found = |entries: &[Entry]| unfinished(entries, "prod", None, |_| true).len();
        assert_eq!(found(&stopped), 1, "though its process runs on");
        let gone_on = [entry("a", 2, 3, Event::Resume), entry("a", 2, 4, end("done"))];
        assert_eq!(found(&[&stopped[..], &gone_on].concat()), 0);
        let other = [entry("b", 2, 3, begin()), entry("b", 2, 4, end("done"))];
        assert_eq!(found(&[&stopped[..], &other].concat()), 0);
        let refused = [entry("b", 2, 3, begin()), entry("b", 2, 4, end("refused: no"))];
        assert_eq!(found(&[&stopped[..], &refused].concat()), 1);
    }

    #[test]
    fn what_a_record_holds_is_left_out() {
        let op =
            json!({"op": "produce", "draft": {"topic": "orders", "partition": 1, "value": [104, 105], "key": null}});
        let plan = json!({"action": "message.produce", "params": {"topic": ["orders"], "value": ["hi"]}, "steps": [{"op": op}]});
        let kept = without_records(plan).to_string();
        assert!(!kept.contains("104") && !kept.contains("hi\"") && kept.contains("orders"), "{kept}");
        let other = json!({"op": "kafka", "ask": {"call": "delete-topic", "topic": "key"}});
        assert_eq!(without_records(other.clone()), other);
    }

    #[test]
    fn runs_of_other_contexts_and_installations_are_not_told() {
        let entries = [entry("a", 1, 1, begin())];
        let other = InstallationId::new("shop", "other");
        assert_eq!(unfinished(&entries, "test", None, |_| false), []);
        assert_eq!(unfinished(&entries, "prod", Some(&other), |_| false), []);
        assert_eq!(unfinished(&entries, "prod", Some(&entries[0].installation), |_| false).len(), 1);
    }
}
