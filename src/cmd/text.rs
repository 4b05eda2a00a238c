//! Answers for people: tables made from the App's own columns, and sentences.
//!
//! Plain text without colour, the same on a terminal and in a file: no line is cut, no line ends in blanks, and
//! nothing that came from outside leaves with a control character.

use std::fmt::Write;

use chrono::{DateTime, Utc};
use unicode_width::UnicodeWidthStr;

use crate::{
    app::{
        App,
        columns::{Column, Row, lag_words},
        detail,
        shown::Shown,
        users,
    },
    domain::{
        config::ConfigEntry,
        finding::{Finding, Severity},
        freshness::{Freshness, SourceState},
        ids::BrokerId,
        text::printable,
        units,
    },
    errors::Failure,
    world::quorum::QuorumRow,
};

use super::{
    documents::one,
    question::{self, Question},
};

/// Marks and their ASCII forms.
const ASCII: [(char, &str); 8] =
    [('▲', "!"), ('●', "*"), ('◌', "o"), ('≥', ">="), ('Σ', "sum of"), ('…', "..."), ('·', "-"), ('×', "x")];

/// The answer as text.
pub fn text(app: &App, question: &Question, ascii: bool) -> Result<String, Failure> {
    let shown = question::shown(app)?;
    let mut out = String::new();
    match question {
        Question::Status => status(&mut out, app, shown),
        Question::Check => check(&mut out, shown),
        Question::Brokers => {
            table(&mut out, &shown.brokers, app.now);
            quorum(&mut out, app, shown);
        }
        Question::Storage => table(&mut out, &shown.storage, app.now),
        Question::Topics(None) => table(&mut out, &shown.topics, app.now),
        Question::Topics(Some(name)) => {
            table(&mut out, std::slice::from_ref(one("topic", name, &shown.topics, |t| &t.name)?), app.now);
            out.push('\n');
            table(&mut out, &app.reading().map(|r| r.partitions(name)).unwrap_or_default(), app.now);
            configs(&mut out, app, name);
        }
        Question::Groups(None) => table(&mut out, &shown.groups, app.now),
        Question::Groups(Some(name)) => {
            table(&mut out, std::slice::from_ref(one("group", name, &shown.groups, |g| &g.id)?), app.now);
            out.push('\n');
            table(&mut out, &app.reading().map(|r| r.group_partitions(name)).unwrap_or_default(), app.now);
        }
        Question::Lag(name) => lag(&mut out, app, shown, name.as_deref())?,
        Question::Alerts => table(&mut out, &shown.alerts, app.now),
        Question::Connect(name) => connect(&mut out, app, shown, name.as_deref())?,
        Question::Users(name) => users(&mut out, app, shown, name.as_deref())?,
        Question::Reassignments => reassignments(&mut out, app),
        Question::Timeline(since, object) => {
            table(&mut out, &question::changes(app, *since, object.as_deref()), app.now);
            let events = &shown.freshness.events;
            if let Some(why) = events.why.as_ref().filter(|_| events.state != SourceState::Live) {
                line(&mut out, &format!("Without Kubernetes events: {why}"));
            }
        }
        Question::Findings => {
            verdict(&mut out, shown);
            findings(&mut out, shown, app.now);
        }
    }
    if let Some(unseen) = question.unseen(shown) {
        let why = unseen.why.unwrap_or_else(|| "it has not answered".to_owned());
        line(&mut out, &format!("Not known: {why}"));
        if let Some(hint) = unseen.hint {
            line(&mut out, &format!("  Hint: {hint}"));
        }
    }
    Ok(if ascii { in_ascii(&out) } else { out })
}

/// Text whose marks are drawn with ASCII.
fn in_ascii(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match ASCII.iter().find(|(mark, _)| *mark == c) {
            Some((_, ascii)) => out.push_str(ascii),
            None => out.push(c),
        }
    }
    out
}

/// Adds a line, made printable and without blanks at its end.
fn line(out: &mut String, text: &str) {
    out.push_str(printable(text).trim_end());
    out.push('\n');
}

/// A table of rows with all their columns, the worst first.
fn table<R: Row>(out: &mut String, rows: &[R], now: DateTime<Utc>) {
    let mut rows: Vec<&R> = rows.iter().collect();
    rows.sort_by_key(|row| row.urgency());
    let columns: &[Column<R>] = R::COLUMNS;
    let titles = columns.iter().map(|c| c.title.to_owned()).collect();
    let cells = rows.iter().map(|row| columns.iter().map(|c| (c.cell)(row, now).text).collect());
    let right: Vec<bool> = columns.iter().map(|c| c.right).collect();
    aligned(out, titles, cells, &right);
}

/// Lines whose fields stand below each other.
fn aligned(out: &mut String, titles: Vec<String>, rows: impl Iterator<Item = Vec<String>>, right: &[bool]) {
    let clean = |row: Vec<String>| row.iter().map(|cell| printable(cell).into_owned()).collect();
    let rows: Vec<Vec<String>> = std::iter::once(titles).chain(rows.map(clean)).collect();
    let width = |column: usize| rows.iter().map(|r| r[column].width()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..right.len()).map(width).collect();
    for row in &rows {
        let mut text = String::new();
        for ((cell, width), right) in row.iter().zip(&widths).zip(right) {
            let blanks = " ".repeat(width.saturating_sub(cell.width()));
            let (before, after) = if *right { (blanks.as_str(), "") } else { ("", blanks.as_str()) };
            let _ = write!(text, "{before}{cell}{after}   ");
        }
        line(out, &text);
    }
}

/// Partitions as kafka-consumer-groups.sh lists them; `-` is what a partition does not have, `?` what is not known.
fn lag(out: &mut String, app: &App, shown: &Shown, name: Option<&str>) -> Result<(), Failure> {
    let groups = match name {
        Some(name) => std::slice::from_ref(one("group", name, &shown.groups, |g| &g.id)?),
        None => shown.groups.as_slice(),
    };
    let titles = [
        "GROUP",
        "TOPIC",
        "PARTITION",
        "CURRENT-OFFSET",
        "LOG-END-OFFSET",
        "LAG",
        "LAG-TIME",
        "CONSUMER-ID",
        "HOST",
        "CLIENT-ID",
        "POD",
    ];
    let right = [false, false, true, true, true, true, true, false, false, false, false];
    let mut rows = Vec::new();
    for group in groups {
        for p in app.reading().map(|r| r.group_partitions(&group.id)).unwrap_or_default() {
            let known =
                |figure: Option<i64>, without: &str| figure.map_or_else(|| without.to_owned(), |n| n.to_string());
            let named = |text: Option<String>| text.filter(|t| !t.is_empty()).unwrap_or_else(|| "-".to_owned());
            rows.push(vec![
                group.id.clone(),
                p.topic,
                p.partition.to_string(),
                known(p.committed, "-"),
                known(p.end, "?"),
                known(p.lag, if p.committed.is_none() { "-" } else { "?" }),
                match p.lag_seconds {
                    Some(seconds) => lag_words(seconds, p.lag_seconds_at_least),
                    None => if p.committed.is_none() { "-" } else { "?" }.to_owned(),
                },
                named(p.member),
                named(p.host),
                named(p.client_id),
                named(p.pod),
            ]);
        }
    }
    aligned(out, titles.map(str::to_owned).to_vec(), rows.into_iter(), &right);
    for group in groups {
        if let Some(error) = &group.error {
            line(out, &format!("Not known of {}: {error}", group.id));
        }
    }
    Ok(())
}

/// Moves under way, or that there are none.
fn reassignments(out: &mut String, app: &App) {
    let known = app.reading().and_then(|r| r.kafka()).and_then(|kafka| kafka.moves.as_ref());
    let Some(moves) = known else { return };
    if moves.is_empty() {
        return line(out, "No partition is being moved.");
    }
    let titles = ["TOPIC", "PARTITION", "REPLICAS", "ADDING", "REMOVING"].map(str::to_owned).to_vec();
    let told = |ids: &[BrokerId]| match ids {
        [] => "-".to_owned(),
        ids => ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(","),
    };
    let rows = moves.iter().map(|one| {
        let (replicas, adding, removing) = (told(&one.replicas), told(&one.adding), told(&one.removing));
        vec![one.topic.clone(), one.partition.to_string(), replicas, adding, removing]
    });
    aligned(out, titles, rows, &[false, true, false, false, false]);
}

/// The quorum below the brokers, or what stands in its place.
fn quorum(out: &mut String, app: &App, shown: &Shown) {
    if let Some(ensemble) = detail::ensemble(shown) {
        out.push('\n');
        line(out, &ensemble);
        return;
    }
    if !app.reading().is_some_and(|r| r.has_quorum()) {
        return;
    }
    out.push('\n');
    let fresh = &shown.freshness.quorum;
    if let Some(quorum) = &shown.quorum {
        let leader = quorum.leader.map_or_else(|| "no leader".to_owned(), |id| format!("leader {id}"));
        let caught_up = quorum.voters_caught_up.map_or_else(|| "?".to_owned(), |n| n.to_string());
        let figures =
            format!("{leader}, epoch {}, {caught_up} of {} voters caught up", quorum.leader_epoch, quorum.voters);
        line(out, &format!("Quorum: {figures}"));
        let titles = ["ID", "ROLE", "LAG", "CAUGHT UP", "POD"].map(str::to_owned).to_vec();
        let row = |node: &QuorumRow| {
            let lag = node.lag.map_or_else(|| "?".to_owned(), |lag| lag.to_string());
            let pod = node.pod.clone().unwrap_or_else(|| "?".to_owned());
            vec![node.id.to_string(), node.role.word().to_owned(), lag, detail::caught_up(node), pod]
        };
        aligned(out, titles, quorum.nodes.iter().map(row), &[true, false, true, false, false]);
    }
    if fresh.state != SourceState::Live {
        let why = fresh.why.as_deref().unwrap_or("it has not answered");
        line(out, &format!("Quorum not seen: {}{why}", seen(fresh, app.now)));
        if let Some(hint) = &fresh.hint {
            line(out, &format!("  Hint: {hint}"));
        }
    }
}

/// Configs of a topic as far as they are asked for, those that it sets itself first.
fn configs(out: &mut String, app: &App, topic: &str) {
    let Some(config) = app.reading().and_then(|r| r.kafka()?.configs.get(topic)) else { return };
    let mut entries: Vec<_> = config.entries.iter().collect();
    entries.sort_by(|a, b| (a.source, &a.name).cmp(&(b.source, &b.name)));
    let titles = ["CONFIG", "VALUE", "SOURCE"].map(str::to_owned).to_vec();
    let row = |e: &ConfigEntry| vec![e.name.clone(), e.shown().to_owned(), e.source.words().to_owned()];
    out.push('\n');
    aligned(out, titles, entries.into_iter().map(row), &[false; 3]);
}

/// Connectors, and how their workers are; one of them with its tasks and traces.
fn connect(out: &mut String, app: &App, shown: &Shown, name: Option<&str>) -> Result<(), Failure> {
    let Some(name) = name else {
        table(out, &shown.connectors, app.now);
        for cluster in &shown.connect {
            out.push('\n');
            line(out, &format!("Connect {}/{}", cluster.cluster.namespace, cluster.cluster.name));
            for (label, text) in detail::connect(cluster).into_iter().filter(|(label, _)| *label == "worker") {
                line(out, &format!("  {label} {text}"));
            }
        }
        if shown.connect.is_empty() {
            line(out, "No Kafka Connect belongs to this installation.");
        }
        return Ok(());
    };
    let row = one("connector", name, &shown.connectors, |c| &c.name)?;
    table(out, std::slice::from_ref(row), app.now);
    out.push('\n');
    for (label, text) in detail::connector(shown, row) {
        for (at, text) in text.split('\n').enumerate() {
            line(out, &format!("  {:<10} {text}", if at == 0 { label } else { "" }));
        }
    }
    Ok(())
}

/// Users as a table; one of them with all that is known of it.
fn users(out: &mut String, app: &App, shown: &Shown, name: Option<&str>) -> Result<(), Failure> {
    let rows = app.reading().map(|r| r.users()).unwrap_or_default();
    let Some(name) = name else {
        if !rows.is_empty() {
            table(out, &rows, app.now);
        } else if users::is_seen_in_part(shown) {
            line(out, users::NOBODY);
        }
        if shown.authorizer == Some(false) {
            line(out, &format!("▲ {}", users::NO_AUTHORIZER));
        }
        return Ok(());
    };
    let user = one("user", name, &rows, |u| &u.name)?;
    table(out, std::slice::from_ref(user), app.now);
    out.push('\n');
    let fields = users::told(app, shown, user);
    for (label, text) in fields {
        line(out, &format!("{label:<12}  {text}"));
    }
    Ok(())
}

/// One line: the verdict, of what, and why.
fn check(out: &mut String, shown: &Shown) {
    let why = shown.judgement.why.as_ref().map(|w| format!(": {w}")).unwrap_or_default();
    line(out, &format!("{} {}{why}", shown.judgement.verdict, shown.installation.id));
}

fn verdict(out: &mut String, shown: &Shown) {
    let why = match &shown.judgement.why {
        Some(why) => why.as_str(),
        None => "Nothing is wrong.",
    };
    line(out, &format!("{}  {why}", shown.judgement.verdict));
}

/// One screen of truth.
fn status(out: &mut String, app: &App, shown: &Shown) {
    verdict(out, shown);
    let of = &shown.installation;
    let version = of.kafka_version.as_ref().map(|v| format!(" · Kafka {v}")).unwrap_or_default();
    let mode = shown.mode.map(|m| format!(" · {m}")).unwrap_or_default();
    let context = app.world.connection.as_ref().map(|c| format!(" · context {}", c.context)).unwrap_or_default();
    line(out, &format!("{}  {}{version}{mode}{context}", of.id, of.product()));
    out.push('\n');
    figures(out, shown);
    findings(out, shown, app.now);
    not_live(out, app, shown);
}

fn figures(out: &mut String, shown: &Shown) {
    let summary = &shown.summary;
    let known = |figure: Option<usize>| figure.map_or_else(|| "?".to_owned(), |n| n.to_string());
    let brokers = &summary.brokers;
    let unknown = if brokers.unknown > 0 { format!(", {} cannot be judged", brokers.unknown) } else { String::new() };
    line(out, &format!("  brokers     {} of {} ready{unknown}", known(brokers.ready), brokers.total));
    match &summary.partitions {
        None => line(out, "  partitions  ? (no broker has told)"),
        Some(p) => {
            let unsure = if p.min_isr_unknown > 0 {
                format!(" (min-ISR of {} not known)", p.min_isr_unknown)
            } else {
                String::new()
            };
            line(
                out,
                &format!(
                    "  partitions  {}: {} offline, {} under min-ISR, {} at min-ISR, {} under-replicated{unsure}",
                    p.total, p.offline, p.under_min_isr, p.at_min_isr, p.under_replicated
                ),
            );
        }
    }
    let storage = &summary.storage;
    let fullest = storage.used_percent_max.map_or_else(|| "?".to_owned(), |p| format!("{p}%"));
    match storage.pvcs {
        0 => line(out, "  storage     no PVC is mounted"),
        pvcs => {
            line(out, &format!("  storage     {} of {pvcs} PVCs bound, the fullest {fullest}", known(storage.bound)));
        }
    }
    let groups = &summary.groups;
    let lag = groups.lag_max.map(|n| format!(", the largest lag {} records", units::count(n))).unwrap_or_default();
    let time = groups.lag_seconds_max.map(|s| format!(", the longest {}", lag_words(s, groups.lag_seconds_at_least)));
    line(out, &format!("  groups      {}{lag}{}", known(groups.total), time.unwrap_or_default()));
    match (summary.alerts.firing, summary.alerts.pending) {
        (None, _) => line(out, &format!("  alerts      {} rules, not evaluated", known(summary.alerts.rules))),
        (Some(firing), pending) => line(out, &format!("  alerts      {firing} firing, {} pending", known(pending))),
    }
}

/// Findings in full, worst first.
fn findings(out: &mut String, shown: &Shown, now: DateTime<Utc>) {
    for found in &shown.findings {
        out.push('\n');
        finding(out, found, now);
    }
}

fn finding(out: &mut String, finding: &Finding, now: DateTime<Utc>) {
    let word = match finding.severity {
        Severity::Critical => "▲ CRITICAL",
        Severity::Warning => "▲ WARNING",
        Severity::Info => "● INFO",
    };
    let since = finding.since.map(|at| format!(", for {}", units::age(now, at))).unwrap_or_default();
    line(out, &format!("{word}  {}  ({}{since})", finding.title, finding.id));
    for evidence in &finding.evidence {
        let age = evidence.seen_at.map(|at| format!(", {} ago", units::age(now, at))).unwrap_or_default();
        line(out, &format!("    {}  [{}{age}]", evidence.text, evidence.source));
    }
    if let Some(next) = &finding.next_action {
        line(out, &format!("  Next: {}", next.text));
        if let Some(command) = &next.command {
            line(out, &format!("    {command}"));
        }
    }
    if let Some(do_not) = &finding.do_not {
        line(out, &format!("  Do not {do_not}"));
    }
}

/// Sources that are not live, and what to do about it; many brokers with one trouble are one line.
fn not_live(out: &mut String, app: &App, shown: &Shown) {
    let mut lines: Vec<(String, Option<&str>)> = Vec::new();
    for (source, fresh) in &shown.sources {
        if fresh.state == SourceState::Live {
            continue;
        }
        let why = fresh.why.as_deref().unwrap_or("it has not answered");
        lines.push((format!("  {source}: {}{why}", seen(fresh, app.now)), fresh.hint.as_deref()));
    }
    if lines.is_empty() {
        return;
    }
    out.push('\n');
    line(out, "Not seen:");
    let mut last_hint = None;
    for (text, hint) in lines {
        line(out, &text);
        if hint.is_some() && hint != last_hint {
            line(out, &format!("    Hint: {}", hint.unwrap_or_default()));
        }
        last_hint = hint;
    }
}

fn seen(fresh: &Freshness, now: DateTime<Utc>) -> String {
    fresh.as_of.map(|at| format!("last seen {} ago, ", units::age(now, at))).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        cmd::sample::{QUESTIONS, Sample, crashing, pods},
        domain::{
            freshness::{Asked, FailureKind as Why, Kind},
            text::is_unprintable,
        },
    };

    fn of(sample: &Sample, question: &Question) -> String {
        text(&sample.app, question, false).unwrap_or_else(|failure| panic!("{failure}"))
    }

    #[test]
    fn tables_stand_in_columns_below_titles_in_capitals() {
        let table = of(&Sample::healthy(), &Question::Lag(None));
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(
            lines,
            [
                "GROUP        TOPIC    PARTITION   CURRENT-OFFSET   LOG-END-OFFSET   LAG   LAG-TIME   CONSUMER-ID       \
                 HOST       CLIENT-ID    POD",
                "orders-app   orders           0               90              100    10          ?   consumer-1-uuid   \
                 10.0.0.9   consumer-1   -"
            ]
        );
        let brokers = of(&Sample::healthy(), &Question::Brokers);
        assert!(brokers.starts_with("ID   POD "), "{brokers}");
        assert_eq!(brokers.lines().count(), 10, "{brokers}");
        let quorum: Vec<&str> = brokers.lines().skip(4).collect();
        assert_eq!(
            quorum[..4],
            [
                "",
                "Quorum: leader 0, epoch 3, 3 of 3 voters caught up",
                "ID   ROLE     LAG   CAUGHT UP   POD",
                " 0   leader     0   caught up   kafka-0"
            ]
        );
        for row in crate::world::brokers::BrokerRow::COLUMNS {
            assert!(brokers.contains(row.title), "{}", row.title);
        }
    }

    #[test]
    fn no_line_ends_in_blanks_and_nothing_hostile_comes_through() {
        let sample = Sample::hostile("a\u{1b}[2J\u{202e}b\r\nc\u{9b}");
        for question in QUESTIONS {
            let text = of(&sample, &question);
            assert!(text.ends_with('\n'), "{question:?}");
            for line in text.lines() {
                assert_eq!(line, line.trim_end(), "{question:?}");
                assert!(!line.chars().any(is_unprintable), "{question:?}: {line:?}");
            }
        }
        assert_eq!(of(&sample, &Question::Topics(None)).lines().count(), 2, "a name breaks no line");
    }

    #[test]
    fn wide_characters_do_not_shift_columns() {
        let text = of(&Sample::hostile("注文"), &Question::Topics(None));
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].starts_with("TOPIC   PARTS   RF"), "{text}");
        assert!(lines[1].starts_with("注文        1    3"), "{text}");
    }

    #[test]
    fn status_is_one_screen_of_truth() {
        let text = of(&Sample::healthy(), &Question::Status);
        assert_eq!(
            text,
            "OK  Nothing is wrong.\n\
             the-project/kafka  StatefulSet · Kafka 4.1.2 · KRaft · context prod-eu\n\
             \n\
             \x20 brokers     3 of 3 ready\n\
             \x20 partitions  1: 0 offline, 0 under min-ISR, 0 at min-ISR, 0 under-replicated\n\
             \x20 storage     3 of 3 PVCs bound, the fullest 50%\n\
             \x20 groups      1, the largest lag 10 records\n\
             \x20 alerts      1 rules, not evaluated\n"
        );
    }

    #[test]
    fn status_says_what_is_wrong_and_what_is_not_seen() {
        let mut pods = pods();
        pods[1] = crashing(1);
        let mut sample = Sample::kubernetes_with(Some(Kind::Nodes), &pods);
        sample.watch_failed(Kind::Nodes, Why::Forbidden);
        sample.asked_failed(Asked::Metadata, None, Why::Unreachable);
        let text = of(&sample, &Question::Status);
        assert!(text.starts_with("CRITICAL  Broker 1 crashes again and again"), "{text}");
        for part in [
            "  partitions  ? (no broker has told)\n",
            "  groups      ?\n",
            "▲ CRITICAL  Broker 1 crashes again and again",
            "(broker-crash-loop, for ",
            "  Next: read the last lines",
            "    kubectl -n the-project logs kafka-1",
            "  Do not delete its claim",
            "Not seen:\n  nodes: Cannot ask nodes: said by the test.\n    Hint: Ask for it.\n  Metadata: Cannot",
        ] {
            assert!(text.contains(part), "{part:?} is missing in\n{text}");
        }
    }

    #[test]
    fn check_is_one_line() {
        assert_eq!(of(&Sample::healthy(), &Question::Check), "OK the-project/kafka\n");
        let mut sample = Sample::kubernetes();
        sample.asked_failed(Asked::Metadata, None, Why::Unreachable);
        assert_eq!(of(&sample, &Question::Check), "BLIND the-project/kafka: Cannot ask Metadata: said by the test.\n");
    }

    #[test]
    fn an_empty_list_that_could_not_be_read_says_so() {
        let mut sample = Sample::kubernetes();
        sample.asked_failed(Asked::Metadata, None, Why::Forbidden);
        let text = of(&sample, &Question::Topics(None));
        assert!(text.ends_with("Not known: Cannot ask Metadata: said by the test.\n  Hint: Ask for it.\n"), "{text}");
    }

    #[test]
    fn ascii_is_ascii() {
        let mut pods = pods();
        pods[1] = crashing(1);
        let sample = Sample::kubernetes_with(None, &pods);
        for question in QUESTIONS {
            let text = text(&sample.app, &question, true).unwrap();
            assert!(text.is_ascii(), "{text}");
        }
    }

    #[test]
    fn one_topic_and_one_group_come_with_their_partitions() {
        let sample = Sample::healthy();
        let topic = of(&sample, &Question::Topics(Some("orders".into())));
        assert!(topic.contains("\n\nPARTITION   STATE"), "{topic}");
        assert!(
            topic.ends_with("\n\nCONFIG                VALUE   SOURCE\nmin.insync.replicas   2       dynamic topic\n"),
            "{topic}"
        );
        let group = of(&sample, &Question::Groups(Some("orders-app".into())));
        assert!(group.contains("\n\nTOPIC "), "{group}");
        assert!(text(&sample.app, &Question::Topics(Some("none".into())), false).is_err());
    }
}
