//! The machine, step by step: what happens goes in, what is to be done comes out.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Act, End, Event, Phase, Run};
use crate::{
    domain::{
        freshness::{Asked, Source},
        ids::{BrokerId, InstallationId},
        installation::{AddressBook, Installation},
        topic::{Partition, Topic},
    },
    facts::{Body, Fact, KafkaBody, Metadata},
    plan::{
        Gate, Op, Params, Plan, Risk, Step,
        errand::Unfinished,
        journal::{self, Fate},
        kafka::KafkaOp,
        op::{OpAnswer, OpFailure},
    },
    world::{Reading, World},
};

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(1_000_000 + seconds)
}

fn step(topic: &str, before: Vec<Gate>) -> Step {
    let op = Op::Kafka { ask: KafkaOp::DeleteTopic { topic: topic.to_owned() } };
    let after = vec![Gate::TopicIs { topic: topic.to_owned(), partitions: 1 }];
    Step { title: format!("make {topic}"), before, op, after, within_s: 60 }
}

fn plan(steps: Vec<Step>) -> Plan {
    Plan {
        action: "topic.create".into(),
        installation: InstallationId::new("n", "k"),
        params: Params::default(),
        title: "Make topics".into(),
        sentence: String::new(),
        risk: Risk::Reversible,
        typed: None,
        details: Vec::new(),
        warnings: Vec::new(),
        undo: String::new(),
        steps,
    }
}

/// What brokers list at a moment.
struct Seen {
    world: World,
    installation: Installation,
    book: AddressBook,
}

impl Seen {
    fn topics(names: &[&str], told_at: DateTime<Utc>) -> Self {
        let installation = Installation { id: InstallationId::new("n", "k"), ..Installation::default() };
        let mut seen = Self { world: World::default(), installation, book: AddressBook::default() };
        let partition = Partition { leader: Some(BrokerId(0)), ..Partition::default() };
        let topic =
            |name: &&str| Topic { name: (*name).into(), partitions: vec![partition.clone()], ..Topic::default() };
        let metadata = Metadata { topics: names.iter().map(topic).collect(), ..Metadata::default() };
        let link = Fact { source: Source::Link, seen_at: told_at, body: Body::Heartbeat { sent_at: told_at } };
        let told = Fact {
            source: Source::Kafka { installation: seen.installation.id.clone(), what: Asked::Metadata, broker: None },
            seen_at: told_at,
            body: Body::Kafka(KafkaBody::Metadata(metadata)),
        };
        seen.world.apply(link);
        seen.world.apply(told);
        seen
    }

    fn tell(&self, run: &mut Run, event: Event, now: DateTime<Utc>) -> Vec<Act> {
        let reading =
            Reading { world: &self.world, installation: &self.installation, book: &self.book, now, counted: None };
        run.advance(event, Some(&reading), now)
    }
}

fn open(run: &mut Run, seen: &Seen, now: DateTime<Utc>) -> Vec<Act> {
    seen.tell(run, Event::Opened(Vec::new()), now)
}

fn done() -> Event {
    Event::Did(Ok(OpAnswer::Done(String::new())))
}

#[test]
fn steps_are_done_one_after_the_other_and_each_when_the_one_before_is_seen() {
    let mut run = Run::new("r".into(), plan(vec![step("a", Vec::new()), step("b", Vec::new())]), at(0));
    let nothing = Seen::topics(&[], at(0));
    assert_eq!(open(&mut run, &nothing, at(0)), [Act::Do(0)]);
    assert_eq!(nothing.tell(&mut run, done(), at(1)), []);
    assert_eq!(
        run.waits_for().as_deref(),
        Some("brokers list a with 1 partition (Metadata is from before the change)")
    );
    assert_eq!(Seen::topics(&["a"], at(2)).tell(&mut run, Event::Looked, at(2)), [Act::Do(1)]);
    assert_eq!(Seen::topics(&["a"], at(2)).tell(&mut run, done(), at(3)), []);
    let both = Seen::topics(&["a", "b"], at(4));
    assert_eq!(both.tell(&mut run, Event::Looked, at(4)), [Act::Close(End::Done)]);
    assert_eq!(both.tell(&mut run, Event::Closed(Ok(())), at(4)), []);
    assert!(!run.is_under_way() && run.end == Some(End::Done));
}

#[test]
fn what_was_seen_before_a_step_does_not_confirm_it() {
    let mut run = Run::new("r".into(), plan(vec![step("a", Vec::new())]), at(0));
    let old = Seen::topics(&["a"], at(0));
    open(&mut run, &old, at(0));
    assert_eq!(old.tell(&mut run, done(), at(1)), []);
    assert_eq!(run.phase, Phase::After);
}

#[test]
fn a_stale_source_is_waited_for_and_never_passes() {
    let gate = Gate::TopicIs { topic: "a".into(), partitions: 1 };
    let mut run = Run::new("r".into(), plan(vec![step("b", vec![gate])]), at(0));
    let seen = Seen::topics(&["a"], at(-300));
    assert_eq!(open(&mut run, &seen, at(0)), []);
    assert_eq!(seen.tell(&mut run, Event::Looked, at(30)), []);
    let late = seen.tell(&mut run, Event::Looked, at(61));
    assert!(matches!(late.as_slice(), [Act::Close(End::TimedOut(_))]), "{late:?}");
}

#[test]
fn a_refusal_before_anything_was_done_is_no_failure_and_later_it_is() {
    let refused = || Event::Did(Err(OpFailure::Refused("no".into())));
    let mut run = Run::new("r".into(), plan(vec![step("a", Vec::new()), step("b", Vec::new())]), at(0));
    let seen = Seen::topics(&["a"], at(2));
    open(&mut run, &Seen::topics(&[], at(0)), at(0));
    assert_eq!(seen.tell(&mut run, done(), at(1)), [Act::Do(1)]);
    assert_eq!(seen.tell(&mut run, refused(), at(3)), [Act::Close(End::Failed("no".into()))]);
    let mut first = Run::new("r".into(), plan(vec![step("a", Vec::new())]), at(0));
    open(&mut first, &seen, at(0));
    assert_eq!(seen.tell(&mut first, refused(), at(1)), [Act::Close(End::Refused("no".into()))]);
}

#[test]
fn a_gate_may_fail_for_a_moment_once_something_was_done() {
    let mut second = step("b", vec![Gate::OperatorUp]);
    second.within_s = 600;
    let mut run = Run::new("r".into(), plan(vec![step("a", Vec::new()), second]), at(0));
    open(&mut run, &Seen::topics(&[], at(0)), at(0));
    let look = |run: &mut Run, second, paused| {
        let mut seen = Seen::topics(&["a"], at(second));
        seen.installation.paused = paused;
        seen.tell(run, if second == 2 { done() } else { Event::Looked }, at(second))
    };
    for (second, paused) in [(2, true), (3, true), (16, true), (17, false), (18, true), (32, true)] {
        assert_eq!(look(&mut run, second, paused), [], "after {second} s");
    }
    let end = look(&mut run, 33, true);
    assert!(matches!(end.as_slice(), [Act::Close(End::Stopped(why))] if why.contains("pause")), "{end:?}");
}

#[test]
fn a_run_that_only_waited_is_unfinished_until_that_came_true() {
    let plan = plan(vec![step("a", Vec::new())]);
    let steps = BTreeMap::from([(0, Fate::Done(String::new()))]);
    let told = |plan: &Plan| journal::Unfinished {
        run: "r".into(),
        who: "alice@jump-1".into(),
        installation: plan.installation.clone(),
        action: plan.action.clone(),
        began_at: at(0),
        last_at: at(1),
        plan: serde_json::to_value(plan).unwrap(),
        steps: steps.clone(),
    };
    let left = Unfinished::of(&told(&plan)).unwrap();
    assert_eq!(left.words(), "Make topics of n/k stopped while it waited for step 1 of 1, make a");
    let mut run = Run::resume(left.run, left.plan, left.step, left.is_unsure, at(10));
    assert_eq!(open(&mut run, &Seen::topics(&["a"], at(11)), at(11)), [Act::Close(End::Done)]);
    let mut waits_for_nothing = plan;
    waits_for_nothing.steps[0].after.clear();
    assert_eq!(Unfinished::of(&told(&waits_for_nothing)), None);
}

#[test]
fn without_a_journal_nothing_is_done_and_nothing_closed() {
    let mut run = Run::new("r".into(), plan(vec![step("a", Vec::new())]), at(0));
    let seen = Seen::topics(&[], at(0));
    assert_eq!(seen.tell(&mut run, Event::NotOpened("full".into()), at(0)), []);
    assert_eq!((run.phase, run.end), (Phase::Over, Some(End::Refused("full".into()))));
}

#[test]
fn pause_and_abort_count_before_the_next_step_and_never_within_one() {
    let mut run = Run::new("r".into(), plan(vec![step("a", Vec::new()), step("b", Vec::new())]), at(0));
    let nothing = Seen::topics(&[], at(0));
    open(&mut run, &nothing, at(0));
    assert_eq!(nothing.tell(&mut run, Event::Pause, at(1)), []);
    let seen = Seen::topics(&["a"], at(3));
    assert_eq!(seen.tell(&mut run, done(), at(2)), [], "paused before the second");
    assert_eq!((run.at, run.phase), (1, Phase::Before));
    assert_eq!(seen.tell(&mut run, Event::Resume, at(4)), [Act::Do(1)]);
    assert_eq!(seen.tell(&mut run, Event::Abort("left".into()), at(5)), [], "under way");
    let both = Seen::topics(&["a", "b"], at(7));
    assert_eq!(both.tell(&mut run, done(), at(6)), [Act::Close(End::Done)], "there was no next step");
    let mut other = Run::new("r".into(), plan(vec![step("a", Vec::new()), step("b", Vec::new())]), at(0));
    open(&mut other, &nothing, at(0));
    nothing.tell(&mut other, Event::Abort("left".into()), at(1));
    assert_eq!(seen.tell(&mut other, done(), at(2)), [Act::Close(End::Stopped("left".into()))]);
}

#[test]
fn an_op_of_which_nobody_knows_is_believed_when_it_is_seen_and_tried_again_when_not() {
    let unknown = || Event::Did(Err(OpFailure::Unreachable("no answer".into())));
    let mut run = Run::new("r".into(), plan(vec![step("a", Vec::new())]), at(0));
    let nothing = Seen::topics(&[], at(0));
    open(&mut run, &nothing, at(0));
    assert_eq!(nothing.tell(&mut run, unknown(), at(10)), []);
    let still = Seen::topics(&[], at(12));
    assert_eq!(still.tell(&mut run, Event::Looked, at(12)), [], "not at once");
    assert_eq!(still.tell(&mut run, Event::Looked, at(16)), [Act::Do(0)]);
    assert_eq!(still.tell(&mut run, unknown(), at(20)), []);
    let seen = Seen::topics(&["a"], at(22));
    assert_eq!(seen.tell(&mut run, Event::Looked, at(22)), [Act::Close(End::Done)]);
}

#[test]
fn trying_again_has_an_end() {
    let mut run = Run::new("r".into(), plan(vec![step("a", Vec::new())]), at(0));
    let mut acts = open(&mut run, &Seen::topics(&[], at(0)), at(0));
    for second in 1..200 {
        let event = if acts == [Act::Do(0)] {
            Event::Did(Err(OpFailure::Unreachable("no answer".into())))
        } else {
            Event::Looked
        };
        acts = Seen::topics(&[], at(second)).tell(&mut run, event, at(second));
        if let [Act::Close(end)] = acts.as_slice() {
            assert!(matches!(end, End::TimedOut(_)), "{end:?}");
            assert!(second < 90, "after {second} s");
            return;
        }
    }
    panic!("it never ended");
}

#[test]
fn a_run_that_goes_on_looks_first_whether_its_step_was_done() {
    let plan = plan(vec![step("a", Vec::new()), step("b", Vec::new())]);
    let mut run = Run::resume("r".into(), plan.clone(), 0, true, at(0));
    assert_eq!(open(&mut run, &Seen::topics(&["a"], at(0)), at(0)), [], "what was seen before is no proof");
    assert_eq!(Seen::topics(&["a"], at(1)).tell(&mut run, Event::Looked, at(1)), [Act::Do(1)], "a was made");
    let mut run = Run::resume("r".into(), plan.clone(), 0, true, at(0));
    let nothing = Seen::topics(&[], at(0));
    assert_eq!(open(&mut run, &nothing, at(0)), []);
    assert_eq!(Seen::topics(&[], at(6)).tell(&mut run, Event::Looked, at(6)), [Act::Do(0)], "a was not");
    let mut run = Run::resume("r".into(), plan, 1, false, at(0));
    assert_eq!(open(&mut run, &nothing, at(0)), [], "what it did last is waited for");
    assert_eq!(
        Seen::topics(&["a"], at(1)).tell(&mut run, Event::Looked, at(1)),
        [Act::Do(1)],
        "it had stopped before b"
    );
}

/// Makes a topic, proves something by two paths, takes the topic away.
fn smoke() -> Plan {
    let bare = |title: &str, op| Step { title: title.into(), before: vec![], op, after: vec![], within_s: 10 };
    let topic = || "t".to_owned();
    plan(vec![
        bare("make t", Op::Kafka { ask: KafkaOp::DeleteTopic { topic: topic() } }),
        bare("tunnel", Op::Exchange { topic: topic(), records: 1 }),
        bare("service", Op::Unproven { why: "no".into() }),
        bare("delete t", Op::CleanTopic { topic: topic(), resource: None }),
    ])
}

fn begun(seen: &Seen) -> Run {
    let mut run = Run::new("r".into(), smoke(), at(0));
    assert_eq!(seen.tell(&mut run, Event::Opened(Vec::new()), at(0)), [Act::Do(0)]);
    assert_eq!(seen.tell(&mut run, did(), at(1)), [Act::Do(1)]);
    run
}

fn did() -> Event {
    Event::Did(Ok(OpAnswer::Done(String::new())))
}

fn failed(why: &str) -> Event {
    Event::Did(Err(OpFailure::Refused(why.into())))
}

#[test]
fn a_path_that_is_not_proven_ends_as_no_success_after_the_other_was_tried_and_all_is_cleaned() {
    let seen = Seen::topics(&[], at(0));
    let mut run = begun(&seen);
    let unsure = Event::Did(Err(OpFailure::Unreachable("time is up".into())));
    assert_eq!(seen.tell(&mut run, unsure, at(2)), [Act::Do(2)], "the other path is tried all the same");
    assert_eq!(seen.tell(&mut run, failed("no permission"), at(3)), [Act::Do(3)]);
    let acts = seen.tell(&mut run, did(), at(4));
    let [Act::Close(End::Failed(why))] = acts.as_slice() else { panic!("{acts:?}") };
    assert!(why.contains("tunnel: UNPROVEN: time is up") && why.contains("service: UNPROVEN: no permission"), "{why}");
    assert!(run.said.iter().all(|said| !said.text.contains("left behind")));
}

#[test]
fn whoever_stops_a_run_has_its_topic_taken_away_before_the_end() {
    let seen = Seen::topics(&[], at(0));
    let mut run = begun(&seen);
    assert_eq!(seen.tell(&mut run, Event::Abort("ctrl-c".into()), at(2)), [Act::Interrupt]);
    assert_eq!(seen.tell(&mut run, failed("it was stopped"), at(3)), [Act::Do(3)], "the service is not tried any more");
    assert_eq!(seen.tell(&mut run, Event::Abort("again".into()), at(4)), []);
    assert_eq!(seen.tell(&mut run, did(), at(5)), [Act::Close(End::Stopped("ctrl-c".into()))]);
    assert_eq!(seen.tell(&mut run, Event::Closed(Ok(())), at(6)), []);
    assert_eq!(run.phase, Phase::Over);
}

#[test]
fn what_cannot_be_taken_away_is_said_and_does_not_change_why_it_ended() {
    let seen = Seen::topics(&[], at(0));
    let mut run = begun(&seen);
    seen.tell(&mut run, failed("lost 3"), at(2));
    seen.tell(&mut run, Event::Abort("ctrl-c".into()), at(2));
    assert_eq!(seen.tell(&mut run, failed("no"), at(3)), [Act::Do(3)]);
    let acts = seen.tell(&mut run, failed("not allowed"), at(4));
    assert_eq!(acts, [Act::Close(End::Stopped("ctrl-c".into()))]);
    assert!(
        run.said.iter().any(|said| said.text == "delete t FAILED: not allowed; it is left behind"),
        "{:?}",
        run.said
    );
}

#[test]
fn a_run_that_has_made_nothing_cleans_nothing() {
    let seen = Seen::topics(&[], at(0));
    let mut run = Run::new("r".into(), smoke(), at(0));
    seen.tell(&mut run, Event::Opened(Vec::new()), at(0));
    assert_eq!(seen.tell(&mut run, failed("exists"), at(1)), [Act::Close(End::Refused("exists".into()))]);
}
