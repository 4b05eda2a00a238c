//! `offsets.reset`: commits other offsets for a group that nobody reads as.

use chrono::{DateTime, NaiveDateTime, Utc};

use super::{announced, brokers_are_open, planned, topic_names};
use crate::{
    domain::{
        group::{Group, Member},
        units::{count, counted, read_duration},
    },
    plan::{
        Gate, Op, Plan, Refusal, Risk, Step,
        catalog::{ActionSpec, Need, Scope, Situation, everywhere},
        kafka::{Answer, KafkaOp, OffsetChange, OffsetRow, OffsetTarget, Question},
        param::{ParamKind, ParamSpec, Params},
    },
    world::Reading,
};

/// How many members a refusal names.
const NAMED: usize = 4;

/// The row of the catalog.
pub static SPEC: ActionSpec = ActionSpec {
    id: "offsets.reset",
    title: "reset offsets",
    doc: "Commits other offsets for a group, so that it reads on from there: the first record, the end, an offset, so many \
          records back or on, or a moment. The group must have no members. What is read again and what is skipped is shown \
          partition by partition first; what is skipped is never read, so that the name of the group has to be typed.",
    scope: Scope::Group,
    risk: Risk::Disruptive,
    params: &[
        ParamSpec::new("group", "GROUP", "the group", ParamKind::Text).first().choices(group_names),
        ParamSpec::new(
            "to",
            "WHERE",
            "earliest, latest, offset=N, by=N (negative is back), time=2026-01-31T12:00:00Z, or -10m ago",
            ParamKind::Text,
        )
        .required()
        .choices(|_| ["earliest", "latest", "-10m", "-1h", "by=-100"].map(str::to_owned).to_vec())
        .checked(|text| target(text, DateTime::UNIX_EPOCH).map(drop)),
        ParamSpec::new("topic", "NAME", "of this topic alone; may be repeated", ParamKind::Text)
            .many()
            .choices(topic_names),
        ParamSpec::new("leave-out", "", "leave partitions out that cannot be told", ParamKind::Switch),
    ],
    supports: everywhere,
    needs: |_| vec![Need::Brokers],
    asks,
    build,
};

fn group_names(reading: &Reading<'_>) -> Vec<String> {
    reading.kafka().map(|kafka| kafka.groups.keys().cloned().collect()).unwrap_or_default()
}

/// Reads where to: `earliest`, `latest`, `offset=N`, `by=N`, `time=…`, `-10m`.
fn target(text: &str, now: DateTime<Utc>) -> Result<OffsetTarget, String> {
    let wrong = || {
        format!(
            "to is earliest, latest, offset=N, by=N, time=2026-01-31T12:00:00Z or a length of time ago as -10m, not {text:?}"
        )
    };
    let text = text.trim();
    match text {
        "earliest" => return Ok(OffsetTarget::Earliest),
        "latest" => return Ok(OffsetTarget::Latest),
        _ => {}
    }
    if let Some(ago) = text.strip_prefix('-') {
        let ago = read_duration(ago).map_err(|_| wrong())?;
        let at = chrono::TimeDelta::from_std(ago).ok().and_then(|ago| now.checked_sub_signed(ago));
        return at.map(OffsetTarget::Time).ok_or_else(wrong);
    }
    let (word, value) = text.split_once(['=', ' ']).ok_or_else(wrong)?;
    let value = value.trim();
    match word {
        "offset" => match value.parse() {
            Ok(offset) if offset >= 0 => Ok(OffsetTarget::Offset(offset)),
            _ => Err(wrong()),
        },
        "by" => value.parse().map(OffsetTarget::By).map_err(|_| wrong()),
        "time" => moment(value).map(OffsetTarget::Time).ok_or_else(wrong),
        _ => Err(wrong()),
    }
}

/// A moment as people write it; without a zone it is UTC.
fn moment(text: &str) -> Option<DateTime<Utc>> {
    let zoned = DateTime::parse_from_rfc3339(text).ok().map(|at| at.with_timezone(&Utc));
    zoned.or_else(|| {
        let forms = ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M"];
        forms.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok()).map(|at| at.and_utc())
    })
}

fn asks(params: &Params, reading: &Reading<'_>) -> Vec<Question> {
    let Ok(to) = target(params.text("to"), reading.now) else { return Vec::new() };
    let topics = params.all("topic").into_iter().map(str::to_owned).collect();
    vec![Question::Offsets { group: params.text("group").to_owned(), topics, to }]
}

fn build(params: &Params, situation: &Situation<'_>) -> Result<Plan, Refusal> {
    let reading = &situation.reading;
    let name = params.text("group");
    brokers_are_open(situation.way)?;
    let mut plan = planned(&SPEC, params, reading);
    let found = reading.kafka().and_then(|kafka| kafka.groups.get(name)).map(|(_, group)| group);
    match found {
        Some(group) => nobody_reads(group, reading)?,
        None if params.all("topic").is_empty() => {
            return Err(Refusal::new(format!("there is no group {name}"))
                .hint("Name its topics with --topic to commit offsets for a group that is to come."));
        }
        None => plan.warnings.push(format!("no broker knows a group {name} yet: it begins there")),
    }
    let rows = match situation.answers.first() {
        Some(Answer::Offsets(rows)) => rows.as_slice(),
        _ => &[],
    };
    if rows.is_empty() {
        return Err(Refusal::new(format!("group {name} has committed nothing"))
            .hint("Name topics with --topic to begin there."));
    }
    let (known, unknown): (Vec<&OffsetRow>, Vec<&OffsetRow>) = rows.iter().partition(|row| row.failed.is_none());
    leave_out(&unknown, params, &mut plan)?;
    plan.warnings.extend(announced(situation.way));
    plan.title = format!("Reset offsets of group {name} to {}", params.text("to"));
    let skipped = preview(&known, &mut plan);
    let offsets: Vec<OffsetChange> = known
        .iter()
        .filter(|row| row.committed != Some(row.target))
        .map(|row| OffsetChange { of: row.of.clone(), before: row.committed, after: row.target })
        .collect();
    if offsets.is_empty() {
        plan.sentence = "The group stands there already; nothing is to be done.".to_owned();
        return Ok(plan);
    }
    plan.sentence = format!(
        "Other offsets are committed for {}; the group reads on from there when it is started.",
        counted(offsets.len(), "partition")
    );
    plan.typed = (skipped > 0).then(|| name.to_owned());
    plan.undo = "commit the offsets on the left again; the journal keeps them".to_owned();
    plan.steps = vec![Step {
        title: format!("commit offsets of {}", counted(offsets.len(), "partition")),
        before: vec![Gate::GroupEmpty { group: name.to_owned() }],
        op: Op::Kafka { ask: KafkaOp::CommitOffsets { group: name.to_owned(), offsets: offsets.clone() } },
        after: vec![Gate::OffsetsAre { group: name.to_owned(), offsets }],
        within_s: 60,
    }];
    Ok(plan)
}

/// Refuses a group that somebody reads as, and says who.
fn nobody_reads(group: &Group, reading: &Reading<'_>) -> Result<(), Refusal> {
    if group.kind.as_deref() == Some("share") {
        return Err(Refusal::new(format!("{} is a share group, which has no offsets of this kind", group.id))
            .hint("Use kafka-share-groups.sh for it."));
    }
    let members = group.members.as_deref().unwrap_or_default();
    if members.is_empty() {
        let is_quiet = matches!(group.state.as_str(), "Empty" | "Dead");
        return if is_quiet {
            Ok(())
        } else {
            Err(Refusal::new(format!("group {} is {}, and who its members are is not told", group.id, group.state))
                .hint("Stop its consumers, and try again when the group is Empty."))
        };
    }
    let mut named: Vec<String> = members.iter().take(NAMED).map(|member| who(member, reading)).collect();
    if members.len() > NAMED {
        named.push(format!("{} more", members.len() - NAMED));
    }
    let why = format!("group {} is live, with {}: {}", group.id, counted(members.len(), "member"), named.join(", "));
    Err(Refusal::new(why).hint("Stop its consumers, and try again when the group is Empty."))
}

/// A member with the pod that it runs in, where its address is a pod's.
fn who(member: &Member, reading: &Reading<'_>) -> String {
    let host = member.host.trim_start_matches('/');
    let pods = reading.world.kube.pods.values();
    let pod = pods.into_iter().find(|pod| pod.ip.as_deref() == Some(host) && pod.phase == "Running");
    match pod {
        Some(pod) => format!("{} at {host} (pod {}/{})", member.client_id, pod.meta.namespace, pod.meta.name),
        None => format!("{} at {host}", member.client_id),
    }
}

/// Says which partitions cannot be told; they are left out only where that was said.
fn leave_out(unknown: &[&OffsetRow], params: &Params, plan: &mut Plan) -> Result<(), Refusal> {
    let Some(first) = unknown.first() else { return Ok(()) };
    let why = first.failed.as_deref().unwrap_or_default();
    let what = format!("{} cannot be told: {}: {why}", counted(unknown.len(), "partition"), first.of);
    if !params.is_on("leave-out") {
        return Err(Refusal::new(what).hint("Leave them as they are with --leave-out."));
    }
    plan.warnings.push(format!("{what}; left as it is"));
    Ok(())
}

/// Partition by partition what is read again and what is skipped, and how much that is. Answers with what is skipped.
fn preview(rows: &[&OffsetRow], plan: &mut Plan) -> i64 {
    let width = rows.iter().map(|row| row.of.to_string().chars().count()).max().unwrap_or_default();
    let digits = |offset: i64| offset.to_string().len();
    let from = rows.iter().map(|row| row.committed.map_or(4, digits)).max().unwrap_or_default();
    let to = rows.iter().map(|row| digits(row.target)).max().unwrap_or_default();
    let (mut again, mut skipped) = (0, 0);
    for row in rows {
        let committed = row.committed.map_or_else(|| "none".to_owned(), |offset| offset.to_string());
        let words = match row.committed {
            None => format!("{} to read", count(row.end - row.target)),
            Some(at) if at == row.target => "stays".to_owned(),
            Some(at) if row.target < at => {
                let more = (at.min(row.end) - row.target).max(0);
                again += more;
                format!("{} read again", count(more))
            }
            Some(at) => {
                // What retention has taken meanwhile is skipped by nobody.
                let less = (row.target - at.max(row.start)).max(0);
                skipped += less;
                format!("{} skipped", count(less))
            }
        };
        plan.details.push(format!("{:width$}  {committed:>from$} → {:<to$}  {words}", row.of.to_string(), row.target));
    }
    plan.details.push(format!("in all {} records are read again, {} are skipped", count(again), count(skipped)));
    if skipped > 0 {
        plan.warnings.push(format!("{} records will never be read by this group", count(skipped)));
    }
    skipped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_to_is_read_as_people_write_it() {
        let now = DateTime::from_timestamp(1_000_000, 0).unwrap();
        let read = |text| target(text, now);
        assert_eq!(read("earliest"), Ok(OffsetTarget::Earliest));
        assert_eq!(read("offset=12"), Ok(OffsetTarget::Offset(12)));
        assert_eq!(read("offset 12"), Ok(OffsetTarget::Offset(12)));
        assert_eq!(read("by=-100"), Ok(OffsetTarget::By(-100)));
        assert_eq!(read("-10m"), Ok(OffsetTarget::Time(DateTime::from_timestamp(999_400, 0).unwrap())));
        let at = DateTime::from_timestamp(1_767_268_800, 0).unwrap();
        for text in ["time=2026-01-01T12:00:00Z", "time 2026-01-01T12:00", "time=2026-01-01 13:00:00+01:00"] {
            assert_eq!(read(text), Ok(OffsetTarget::Time(at)), "{text}");
        }
        for wrong in ["", "now", "offset=-1", "offset=x", "by", "time=yesterday", "-10", "-", "10m"] {
            assert!(read(wrong).is_err_and(|why| why.contains("earliest")), "{wrong}");
        }
    }

    #[test]
    fn what_is_read_again_and_what_is_skipped_is_counted_by_partition() {
        let row = |partition, committed, target| OffsetRow {
            of: crate::plan::kafka::PartitionRef { topic: "t".into(), partition },
            committed,
            start: 10,
            end: 100,
            target,
            failed: None,
        };
        let rows = [row(0, Some(60), 10), row(1, Some(5), 50), row(2, None, 50), row(3, Some(50), 50)];
        let mut plan = Plan {
            action: String::new(),
            installation: crate::domain::ids::InstallationId::new("n", "k"),
            params: Params::default(),
            title: String::new(),
            sentence: String::new(),
            risk: Risk::Disruptive,
            typed: None,
            details: Vec::new(),
            warnings: Vec::new(),
            undo: String::new(),
            steps: Vec::new(),
        };
        assert_eq!(preview(&rows.iter().collect::<Vec<_>>(), &mut plan), 40);
        assert_eq!(
            plan.details,
            [
                "t-0    60 → 10  50 read again",
                "t-1     5 → 50  40 skipped",
                "t-2  none → 50  50 to read",
                "t-3    50 → 50  stays",
                "in all 50 records are read again, 40 are skipped",
            ]
        );
        assert_eq!(plan.warnings, ["40 records will never be read by this group"]);
    }
}
