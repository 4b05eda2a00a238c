//! The documents of `-o json` and `-o yaml`: one envelope, one body per question, names that never change.
//!
//! Rows are the App's own rows as they are serialised; what scripts may rely on is held by the tests below.

mod safe;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    app::{App, shown::Shown},
    discover::Choice,
    domain::{
        access::{Login, Way},
        finding::{Finding, NextAction},
        freshness::{Freshness, Source},
        installation::Installation,
        timeline::Entry,
    },
    errors::{Failure, FailureKind},
    world::brokers::BrokerRow,
};

use super::question::{self, Question};

pub use self::safe::{json, line, yaml};

/// The document that answers a question about the chosen installation.
pub fn document(app: &App, question: &Question) -> Result<Value, Failure> {
    let shown = question::shown(app)?;
    let mut document = envelope(question.name(), &installation(&shown.installation, shown.mode), app.now);
    document["sources"] = sources(&shown.sources, app.now);
    let body = match question {
        Question::Status => {
            let mut status = status(shown)?;
            status["access"] = access(app);
            status
        }
        Question::Check => check(shown, question.exit_code(app)),
        Question::Brokers => json!({"brokers": brokers(app, shown)?, "quorum": quorum(app, shown)?}),
        Question::Storage => json!({"storage": value(&shown.storage)?}),
        Question::Topics(None) => json!({"topics": value(&*shown.topics)?}),
        Question::Topics(Some(name)) => json!({"topics": [topic(app, shown, name)?]}),
        Question::Groups(None) => json!({"groups": value(&shown.groups)?}),
        Question::Groups(Some(name)) => json!({"groups": groups_with_partitions(app, shown, Some(name))?}),
        Question::Lag(name) => {
            // Rows stand under the command's own name; these are the groups' rows, so under that name too.
            let rows = groups_with_partitions(app, shown, name.as_deref())?;
            json!({"lag": &rows, "groups": &rows})
        }
        Question::Alerts => json!({
            "alerts": value(&shown.alerts)?,
            "evaluators": value(&shown.alert_sources)?,
        }),
        Question::Connect(name) => {
            let rows = match name {
                Some(name) => std::slice::from_ref(one("connector", name, &shown.connectors, |c| &c.name)?),
                None => shown.connectors.as_slice(),
            };
            json!({"connect": value(rows)?, "clusters": value(&shown.connect)?})
        }
        Question::Users(name) => users(app, name.as_deref())?,
        Question::Reassignments => {
            let known = app.reading().and_then(|r| r.kafka()).and_then(|kafka| kafka.moves.as_ref());
            json!({"reassignments": known.map(value).transpose()?})
        }
        Question::Timeline(since, object) => {
            let changes = question::changes(app, *since, object.as_deref());
            json!({"timeline": changes.iter().map(change).collect::<Vec<_>>()})
        }
        Question::Findings => json!({
            "verdict": shown.judgement.verdict,
            "why": shown.judgement.why,
            "findings": shown.findings.iter().map(|f| finding(f, app.now)).collect::<Vec<_>>(),
        }),
    };
    merge(&mut document, body);
    Ok(document)
}

/// A document about what was done to the installation that is shown.
pub fn of_app(app: &App, kind: &str, body: Value) -> Value {
    let about = app.shown.as_ref().map_or(Value::Null, |shown| installation(&shown.installation, shown.mode));
    let mut document = envelope(kind, &about, app.now);
    if let Some(shown) = &app.shown {
        document["sources"] = sources(&shown.sources, app.now);
    }
    merge(&mut document, body);
    document
}

/// What every document begins with; `installation` is null for those that are about none.
pub(super) fn envelope(kind: &str, installation: &Value, now: DateTime<Utc>) -> Value {
    json!({
        "schema": format!("kafdeck/{kind}/v1"),
        "installation": installation,
        "observed_at": time(now),
        "sources": [],
    })
}

/// An installation as every document names it.
pub(super) fn installation(of: &Installation, mode: Option<&str>) -> Value {
    json!({
        "namespace": of.id.namespace,
        "name": of.id.name,
        "flavour": of.flavour.to_string(),
        "kafka_version": of.kafka_version,
        "mode": mode,
    })
}

/// Sources with their states.
pub(super) fn sources(sources: &[(Source, Freshness)], now: DateTime<Utc>) -> Value {
    let row = |(source, fresh): &(Source, Freshness)| {
        json!({
            "name": source.to_string(),
            "state": fresh.state,
            "age_s": fresh.age_s(now),
            "why": fresh.why,
            "hint": fresh.hint,
        })
    };
    sources.iter().map(row).collect()
}

/// Adds a body to an envelope.
pub(super) fn merge(document: &mut Value, body: Value) {
    if let (Value::Object(document), Value::Object(body)) = (document, body) {
        document.extend(body);
    }
}

/// A moment as documents write it.
pub(super) fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn value<T: Serialize + ?Sized>(rows: &T) -> Result<Value, Failure> {
    serde_json::to_value(rows)
        .map_err(|error| Failure::new(FailureKind::Wrong, "The document cannot be written.").why(error))
}

fn status(shown: &Shown) -> Result<Value, Failure> {
    let summary = &shown.summary;
    let partitions = match &summary.partitions {
        Some(counts) => value(counts)?,
        None => json!({
            "total": null, "offline": null, "under_min_isr": null, "at_min_isr": null, "under_replicated": null,
            "reassigning": null, "min_isr_unknown": null,
        }),
    };
    let findings: Vec<Value> =
        shown.findings.iter().map(|f| json!({"id": f.id, "severity": f.severity, "object": f.object})).collect();
    Ok(json!({
        "verdict": shown.judgement.verdict,
        "why": shown.judgement.why,
        "brokers": value(&summary.brokers)?,
        "partitions": partitions,
        "storage": value(&summary.storage)?,
        "groups": value(&summary.groups)?,
        "alerts": value(&summary.alerts)?,
        "findings": findings,
        "recognition": recognition(&shown.installation)?,
    }))
}

/// Which way into the installation is gone, as whom and whose credential that is; or why none is.
fn access(app: &App) -> Value {
    let way = app.choice().and_then(Choice::way);
    let login = way.and_then(|way| way.login.as_ref());
    json!({
        "listener": way.map(|way| &way.listener),
        "port": way.map(|way| way.port),
        "protocol": way.map(Way::protocol),
        "user": login.map(Login::user),
        "mechanism": login.map(Login::how),
        "owner": way.map(|way| way.owner.word()),
        "credential": login.map(|login| login.keep().to_string()),
        "why": app.way_in_words(),
        "sees_part": app.sees_part().is_some(),
        "certificates": app.certificates(),
    })
}

/// How an installation is recognised, and what declares it; of ways in, whose credential each takes.
fn recognition(of: &Installation) -> Result<Value, Failure> {
    let way = |way: &Way| json!({"way": way.to_string(), "owner": format!("{:?}", way.owner).to_lowercase()});
    let ensemble = of.ensemble.as_ref().map(value).transpose()?;
    Ok(json!({
        "brokers_wanted": of.wanted,
        "brokers": value(&of.brokers)?,
        "controllers": value(&of.controllers)?,
        "pools": value(&of.pools)?,
        "owners": value(&of.owners)?,
        "conditions": value(&of.conditions)?,
        "paused": of.paused,
        "operator": of.operator.as_ref().map(value).transpose()?,
        "helm": of.helm.as_ref().map(value).transpose()?,
        "ensemble": ensemble,
        "ephemeral": of.ephemeral,
        "metadata_version": of.metadata_version,
        "listeners": value(&of.listeners)?,
        "ways": of.ways.iter().map(way).collect::<Vec<_>>(),
    }))
}

fn check(shown: &Shown, exit_code: u8) -> Value {
    let findings: Vec<Value> = shown
        .findings
        .iter()
        .map(|f| json!({"id": f.id, "severity": f.severity, "object": f.object, "title": f.title}))
        .collect();
    json!({
        "verdict": shown.judgement.verdict,
        "why": shown.judgement.why,
        "exit_code": exit_code,
        "findings": findings,
    })
}

/// Brokers, each with what is set of its configs; null while it has not told them.
fn brokers(app: &App, shown: &Shown) -> Result<Vec<Value>, Failure> {
    let known = app.reading().and_then(|r| r.kafka()).map(|kafka| &kafka.broker_configs);
    let with_configs = |row: &BrokerRow| {
        let mut broker = value(row)?;
        let configs = row.id.zip(known).and_then(|(id, known)| known.get(&id));
        broker["configs"] = configs.map(value).transpose()?.unwrap_or_default();
        Ok(broker)
    };
    shown.brokers.iter().map(with_configs).collect()
}

/// The quorum as it was described last, and how old that is; null where there is none.
fn quorum(app: &App, shown: &Shown) -> Result<Value, Failure> {
    if !app.reading().is_some_and(|r| r.has_quorum()) {
        return Ok(Value::Null);
    }
    let fresh = &shown.freshness.quorum;
    let mut quorum = json!({"state": fresh.state, "age_s": fresh.age_s(app.now), "why": fresh.why});
    match &shown.quorum {
        Some(known) => merge(&mut quorum, value(known)?),
        None => merge(&mut quorum, json!({"leader": null, "voters": null, "majority_caught_up": null, "nodes": []})),
    }
    Ok(quorum)
}

/// One topic with its partitions and configs.
fn topic(app: &App, shown: &Shown, name: &str) -> Result<Value, Failure> {
    let row = one("topic", name, &shown.topics, |t| &t.name)?;
    let mut topic = value(row)?;
    let partitions = app.reading().map(|r| r.partitions(name)).unwrap_or_default();
    // `partitions` is their number in every row of topics.
    topic["partition_list"] = value(&partitions)?;
    let configs = app.reading().and_then(|r| r.kafka()?.configs.get(name));
    topic["configs"] = configs.map(|c| value(&c.entries)).transpose()?.unwrap_or_default();
    Ok(topic)
}

/// Groups, or one of them, each with its partitions.
fn groups_with_partitions(app: &App, shown: &Shown, name: Option<&str>) -> Result<Vec<Value>, Failure> {
    let rows = match name {
        Some(name) => std::slice::from_ref(one("group", name, &shown.groups, |g| &g.id)?),
        None => shown.groups.as_slice(),
    };
    let with_partitions = |row: &crate::world::groups::GroupRow| {
        let mut group = value(row)?;
        let partitions = app.reading().map(|r| r.group_partitions(&row.id)).unwrap_or_default();
        group["partitions"] = value(&partitions)?;
        Ok(group)
    };
    rows.iter().map(with_partitions).collect()
}

/// Users, or one of them; and what holds for all of them.
fn users(app: &App, name: Option<&str>) -> Result<Value, Failure> {
    let Some(reading) = app.reading() else { return Ok(json!({"users": [], "authorizer": null})) };
    let rows = reading.users();
    let rows = match name {
        Some(name) => std::slice::from_ref(one("user", name, &rows, |u| &u.name)?),
        None => rows.as_slice(),
    };
    Ok(json!({
        "users": value(rows)?,
        "authorizer": reading.authorizer(),
        "quotas_of_no_user": value(&reading.quotas_of_no_user())?,
    }))
}

/// The row of this name; where there is none, that is said, with those that look alike.
pub(super) fn one<'a, R>(kind: &str, name: &str, rows: &'a [R], of: fn(&R) -> &String) -> Result<&'a R, Failure> {
    if let Some(row) = rows.iter().find(|row| of(row) == name) {
        return Ok(row);
    }
    let failure = Failure::new(FailureKind::Wrong, format!("There is no {kind} {name:?}."));
    let (lower, mut alike) = (name.to_lowercase(), Vec::new());
    for row in rows {
        let known = of(row).to_lowercase();
        if alike.len() < 5 && (known.contains(&lower) || lower.contains(&known)) {
            alike.push(of(row).as_str());
        }
    }
    Err(match alike.as_slice() {
        [] if kind == "connector" => failure.hint("See them all: kafdeck connect"),
        [] => failure.hint(format!("See them all: kafdeck {kind}s")),
        alike => failure.hint(format!("There is: {}", alike.join(", "))),
    })
}

/// A finding in full.
fn finding(finding: &Finding, now: DateTime<Utc>) -> Value {
    let evidence: Vec<Value> = finding
        .evidence
        .iter()
        .map(|e| {
            let age = e.seen_at.map(|at| (now - at).num_seconds().max(0));
            json!({"text": e.text, "source": e.source, "age_s": age})
        })
        .collect();
    json!({
        "id": finding.id,
        "severity": finding.severity,
        "title": finding.title,
        "object": finding.object,
        "since": finding.since.map(time),
        "evidence": evidence,
        "children": [],
        "next_action": finding.next_action.as_ref().map(next_action),
        "do_not": finding.do_not,
    })
}

/// A line of the timeline.
fn change(entry: &Entry) -> Value {
    json!({
        "at": time(entry.at),
        "kind": entry.kind.word(),
        "object": entry.object,
        "text": entry.text,
        "source": entry.source,
    })
}

/// A next step; those that are not actions of ours have no id and no parameters.
fn next_action(action: &NextAction) -> Value {
    json!({"id": null, "params": {}, "command": action.command, "text": action.text})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        cmd::sample::{QUESTIONS, Sample, crashing, pods},
        domain::freshness::{Asked, FailureKind as Why},
    };

    fn of(sample: &Sample, question: &Question) -> Value {
        document(&sample.app, question).unwrap_or_else(|failure| panic!("{failure}"))
    }

    fn crash_loop() -> Sample {
        let mut pods = pods();
        pods[1] = crashing(1);
        Sample::kubernetes_with(None, &pods)
    }

    #[track_caller]
    fn has(value: &Value, fields: &[&str]) {
        let object = value.as_object().unwrap_or_else(|| panic!("no object: {value}"));
        for field in fields {
            assert!(object.contains_key(*field), "{field} is missing in {value}");
        }
    }

    #[test]
    fn every_document_begins_with_who_when_and_how_far_it_can_be_trusted() {
        let sample = Sample::healthy();
        for question in QUESTIONS {
            let document = of(&sample, &question);
            let keys: Vec<&String> = document.as_object().unwrap().keys().take(4).collect();
            assert_eq!(keys, ["schema", "installation", "observed_at", "sources"]);
            assert_eq!(document["schema"], format!("kafdeck/{}/v1", question.name()));
            assert_eq!(
                document["installation"],
                json!({"namespace": "the-project", "name": "kafka", "flavour": "StatefulSet",
                    "kafka_version": "4.1.2", "mode": "KRaft"})
            );
            assert_eq!(document["observed_at"], "2026-01-01T12:00:00Z");
            for source in document["sources"].as_array().unwrap() {
                has(source, &["name", "state", "age_s", "why"]);
                assert_eq!(source["state"], "live", "{source}");
            }
        }
    }

    #[test]
    fn status_counts_everything_and_names_its_findings() {
        let status = of(&Sample::healthy(), &Question::Status);
        assert_eq!(status["verdict"], "OK");
        assert_eq!((&status["brokers"]["ready"], &status["brokers"]["total"]), (&json!(3), &json!(3)));
        has(
            &status["partitions"],
            &["total", "offline", "under_min_isr", "at_min_isr", "under_replicated", "reassigning"],
        );
        assert_eq!(status["partitions"]["total"], 1);
        assert_eq!(status["partitions"]["offline"], 0);
        has(&status["storage"], &["pvcs", "bound", "used_percent_max"]);
        assert_eq!(status["storage"]["used_percent_max"], 50);
        has(&status["groups"], &["total", "lag_max", "lag_seconds_max"]);
        assert_eq!(status["groups"]["lag_max"], 10);
        has(&status["alerts"], &["firing", "pending", "cannot_fire"]);
        assert_eq!(status["findings"], json!([]));
        has(
            &status["recognition"],
            &["brokers", "controllers", "pools", "owners", "helm", "ensemble", "listeners", "ways"],
        );
        let bad = of(&crash_loop(), &Question::Status);
        assert_eq!(bad["verdict"], "CRITICAL");
        assert_eq!(bad["findings"][0]["id"], "broker-crash-loop");
        assert_eq!(bad["findings"][0]["severity"], "critical");
        has(&bad["findings"][0]["object"], &["kind", "namespace", "name"]);
    }

    #[test]
    fn what_is_not_known_is_null_and_never_zero() {
        let mut sample = Sample::kubernetes();
        sample.asked_failed(Asked::Metadata, None, Why::Unreachable);
        let status = of(&sample, &Question::Status);
        assert_eq!(status["verdict"], "BLIND");
        assert_eq!(status["partitions"]["offline"], Value::Null);
        assert_eq!(status["groups"]["total"], Value::Null);
        let metadata = status["sources"].as_array().unwrap().iter().find(|s| s["name"] == "Metadata").unwrap();
        assert_eq!((&metadata["state"], &metadata["age_s"]), (&json!("blind"), &Value::Null));
        assert!(metadata["why"].as_str().unwrap().starts_with("Cannot ask"));
    }

    #[test]
    fn rows_have_the_promised_fields() {
        let sample = Sample::healthy();
        let row = |question: Question| of(&sample, &question)[question.name()][0].clone();
        has(
            &row(Question::Brokers),
            &[
                "id",
                "pod",
                "node",
                "zone",
                "roles",
                "ready",
                "restarts",
                "leaders",
                "replicas",
                "disk_bytes",
                "disk_percent",
                "memory_limit_bytes",
                "metrics",
                "restart_safe",
                "restart_why",
            ],
        );
        has(
            &row(Question::Storage),
            &["pvc", "phase", "class", "requested_bytes", "used_bytes", "used_source", "broker", "full_in_s"],
        );
        has(
            &row(Question::Storage),
            &["growth_bytes_per_hour", "growing_topics", "failed_log_dirs", "expandable", "expandable_why"],
        );
        has(
            &row(Question::Topics(None)),
            &[
                "name",
                "partitions",
                "replication_factor",
                "min_isr",
                "under_replicated",
                "offline",
                "size_bytes",
                "owner",
            ],
        );
        let group = ["id", "state", "type", "members", "lag", "lag_seconds", "drain_s", "retention_percent", "verdict"];
        has(&row(Question::Groups(None)), &group);
        has(&row(Question::Lag(None)), &group);
        has(&row(Question::Users(None)), &["name", "mechanism", "owner", "acls", "quotas", "issue", "scram"]);
        let user = row(Question::Users(None));
        assert_eq!(
            user["acls"],
            json!([{"permission": "allow", "resource": "topic", "name": "orders", "pattern": "prefixed", "host": "*",
                "operations": ["Read", "Describe"]}])
        );
        assert_eq!((&user["mechanism"], &user["owner"]), (&json!("SCRAM-SHA-512"), &Value::Null));
        assert_eq!(user["quotas"], json!({"producer_byte_rate": 1_048_576.0}));
        has(&row(Question::Alerts), &["name", "state", "since", "labels", "value", "source", "why"]);
        assert_eq!(row(Question::Brokers)["id"], 0);
        assert_eq!(row(Question::Brokers)["ready"], true);
        assert_eq!(row(Question::Topics(None))["partitions"], 1);
    }

    #[test]
    fn brokers_come_with_the_quorum_and_what_is_set_of_their_configs() {
        let mut sample = Sample::healthy();
        let document = of(&sample, &Question::Brokers);
        let quorum = &document["quorum"];
        assert_eq!((&quorum["state"], &quorum["leader"], &quorum["voters"]), (&json!("live"), &json!(0), &json!(3)));
        assert_eq!((&quorum["voters_caught_up"], &quorum["majority_caught_up"]), (&json!(3), &json!(true)));
        has(&quorum["nodes"][1], &["id", "role", "pod", "log_end", "lag", "fetched_at", "caught_up_at", "caught_up"]);
        assert_eq!(
            (&document["brokers"][0]["active_controller"], &quorum["nodes"][0]["role"]),
            (&json!(true), &json!("leader"))
        );
        let [set, secret] = document["brokers"][2]["configs"].as_array().unwrap().as_slice() else { panic!() };
        assert_eq!(
            (&set["name"], &set["value"], &set["source"]),
            (&json!("min.insync.replicas"), &json!("2"), &json!("static-broker"))
        );
        assert_eq!(set["synonyms"][1]["value"], "1");
        assert_eq!((&secret["value"], &secret["hidden"]), (&Value::Null, &json!(true)));
        sample.asked_failed(Asked::Quorum, None, Why::Timeout);
        let document = of(&sample, &Question::Brokers);
        assert_eq!((&document["quorum"]["state"], &document["quorum"]["leader"]), (&json!("stale"), &json!(0)));
        assert_eq!(document["brokers"][0]["active_controller"], Value::Null, "who leads now is not known");
    }

    #[test]
    fn a_finding_is_told_with_evidence_and_next_step() {
        let document = of(&crash_loop(), &Question::Findings);
        let finding = &document["findings"][0];
        has(finding, &["id", "severity", "title", "object", "since", "evidence", "children", "next_action", "do_not"]);
        has(&finding["evidence"][0], &["text", "source", "age_s"]);
        has(&finding["next_action"], &["id", "params", "command"]);
        assert_eq!(finding["evidence"][0]["age_s"], 0);
        assert!(finding["since"].as_str().unwrap().ends_with('Z'));
    }

    #[test]
    fn lag_is_the_groups_with_their_partitions() {
        let sample = Sample::healthy();
        let document = of(&sample, &Question::Lag(None));
        let partition = &document["groups"][0]["partitions"][0];
        assert_eq!(document["lag"], document["groups"]);
        assert_eq!(
            *partition,
            json!({"topic": "orders", "partition": 0, "committed": 90, "end": 100, "lag": 10,
                "member": "consumer-1-uuid", "client_id": "consumer-1", "host": "10.0.0.9", "pod": null,
                "lag_seconds": null, "lag_seconds_at_least": false, "lag_time_source": null})
        );
        assert_eq!(of(&sample, &Question::Lag(Some("orders-app".into())))["lag"][0]["lag"], 10);
    }

    #[test]
    fn one_topic_comes_with_its_partitions_and_an_unknown_one_is_refused_with_those_alike() {
        let sample = Sample::healthy();
        let topic = &of(&sample, &Question::Topics(Some("orders".into())))["topics"][0];
        assert_eq!(topic["partitions"], 1);
        assert_eq!(topic["partition_list"][0]["isr"], json!([0, 1, 2]));
        let config = json!({"name": "min.insync.replicas", "value": "2", "hidden": false, "source": "dynamic-topic"});
        assert_eq!((&topic["configs"], &topic["config_overrides"]), (&json!([config]), &json!(1)));
        let failure = document(&sample.app, &Question::Topics(Some("ORDER".into()))).unwrap_err();
        assert_eq!((failure.kind, failure.hints[0].as_str()), (FailureKind::Wrong, "There is: orders"));
        let failure = document(&sample.app, &Question::Groups(Some("x".into()))).unwrap_err();
        assert_eq!(failure.hints, ["See them all: kafdeck groups"]);
    }

    #[test]
    fn without_an_installation_there_is_no_document() {
        let failure = document(&Sample::connected().app, &Question::Status).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Unobservable);
    }

    #[test]
    fn status_tells_the_certificates_on_the_way_in_the_soonest_to_expire_first() {
        let mut sample = Sample::healthy();
        assert_eq!(of(&sample, &Question::Status)["access"]["certificates"], json!([]));
        sample.certificates(20, 200);
        let document = of(&sample, &Question::Status);
        let [client, broker] = document["access"]["certificates"].as_array().unwrap().as_slice() else { panic!() };
        has(client, &["of", "secret", "subject", "issuer", "expires_at", "expires_in_s"]);
        assert_eq!(client["of"], "client");
        assert_eq!(client["secret"], "secret m/console key user.crt");
        let left = client["expires_in_s"].as_i64().unwrap();
        assert!((19 * 86_400..=20 * 86_400).contains(&left), "{left}");
        assert!(client["expires_at"].as_str().unwrap().ends_with('Z'));
        assert_eq!((&broker["of"], &broker["secret"]), (&json!("broker 0"), &Value::Null));
    }

    #[test]
    fn hostile_names_stay_names_in_json_and_yaml() {
        let name = "a\u{1b}[2J\u{202e}b\u{9b}c\n- d: \"e\"\u{e0041}";
        let sample = Sample::hostile(name);
        let document = of(&sample, &Question::Lag(None));
        let json = json(&document);
        let yaml = yaml(&document).unwrap();
        for text in [&json, &yaml] {
            let bad = text.chars().find(|c| crate::domain::text::is_unprintable(*c) && *c != '\n');
            assert_eq!(bad, None, "{text}");
        }
        let read: Value = serde_json::from_str(&json).unwrap();
        assert_eq!(read, document);
        let read: Value = serde_saphyr::from_str(&yaml).unwrap();
        assert_eq!(read["lag"][0]["id"], name);
        assert_eq!(read, document);
    }
}
