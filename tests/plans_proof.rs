//! Smoke test and canary as plans: what they say, their steps, ops and commands.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a plan that cannot be made is a failed test")]

#[path = "screens/cluster.rs"]
#[expect(dead_code, reason = "screens use the rest")]
mod cluster;

use std::fmt::Write;

use kafdeck::{
    app::{App, Msg},
    cmd::documents,
    domain::{
        access::{Encryption, Login, Mechanism, Owner, SecretKey, Way},
        installation::Listener,
    },
    plan::{
        Params, Refusal,
        catalog::{self, Situation},
    },
    world::Reading,
};

use cluster::{Cluster, noon};

fn plain() -> App {
    let mut app = Cluster::healthy().app();
    app.update(Msg::Tick, noon());
    app
}

/// A plan as somebody reads it, of an installation that was changed before.
fn planned(
    app: &App,
    id: &str,
    params: &Params,
    change: impl Fn(&mut kafdeck::domain::installation::Installation),
) -> String {
    let spec = catalog::by_id(id).unwrap();
    let reading = app.reading().unwrap();
    let mut installation = reading.installation.clone();
    change(&mut installation);
    let way = app.way_to_act().unwrap();
    let reading = Reading { installation: &installation, ..reading };
    let plan = match (spec.build)(params, &Situation { reading, way: &way, answers: &[] }) {
        Ok(plan) => plan,
        Err(Refusal { why, hints, is_usage }) => return format!("refused (usage: {is_usage}): {why}; {hints:?}\n"),
    };
    let mut out = format!("{} ({})\n{}\n", plan.title, plan.risk.word(), plan.sentence);
    plan.details.iter().for_each(|line| _ = writeln!(out, "  {line}"));
    plan.warnings.iter().for_each(|line| _ = writeln!(out, "  mind: {line}"));
    for step in &plan.steps {
        let _ = writeln!(out, "- {} (within {} s)", step.title, step.within_s);
        step.after.iter().for_each(|gate| _ = writeln!(out, "    after: {}", gate.title()));
        let op = documents::yaml(&serde_json::to_value(&step.op).unwrap()).unwrap();
        // The script is in a file of its own.
        let lines = op.lines().filter(|line| !line.contains("kafka-console-producer"));
        lines.for_each(|line| _ = writeln!(out, "    | {line}"));
    }
    let commands = app.equivalents(&plan);
    for one in commands.iter().filter(|one| !one.text.contains("kafka-console-producer")) {
        let _ = writeln!(out, "$ {}{}", one.text, if one.runnable { "" } else { "   (closest)" });
    }
    out
}

fn secret(name: &str, key: &str) -> SecretKey {
    let namespace = plain().reading().unwrap().installation.id.namespace.clone();
    SecretKey { namespace, name: name.into(), key: key.into() }
}

/// A listener with TLS and SCRAM, and an application that may use it.
fn secured(of: &mut kafdeck::domain::installation::Installation) {
    of.listeners = vec![Listener {
        name: "tls".into(),
        port: 9092,
        protocol: Some("SASL_SSL".into()),
        authentication: Some("scram-sha-512".into()),
        internal: true,
    }];
    of.ways = vec![Way {
        listener: "tls".into(),
        port: 9092,
        encryption: Some(Encryption { trust: vec![secret("cluster-ca-cert", "ca.crt").into()] }),
        login: Some(Login::Sasl {
            mechanism: Mechanism::ScramSha512,
            user: "orders-app".into(),
            password: secret("orders-app", "password").into(),
            nth: None,
        }),
        owner: Owner::Application,
    }];
}

#[test]
fn smoke_goes_both_paths() {
    let app = plain();
    let mut out = planned(&app, "smoke", &Params::default(), |_| {});
    out += "=== tunnel alone\n";
    out += &planned(&app, "smoke", &Params::default().with("tunnel-only", "true"), |_| {});
    insta::assert_snapshot!(out);
}

#[test]
fn smoke_logs_in_as_an_application_by_reference_and_borrows_no_credential_unnamed() {
    let app = plain();
    let mut out = planned(&app, "smoke", &Params::default().with("as-user", "orders-app"), secured);
    for user in ["", "nobody"] {
        let _ = writeln!(out, "=== as {user:?}");
        let text = planned(&app, "smoke", &Params::default().with("as-user", user), secured);
        text.lines().filter(|line| line.contains("unproven")).for_each(|line| _ = writeln!(out, "{line}"));
    }
    insta::assert_snapshot!(out);
}

#[test]
fn canary_has_a_topic_of_its_own_or_the_one_that_is_named() {
    let app = plain();
    let topic = app.reading().unwrap().kafka().unwrap().topics.iter().find(|(_, t)| !t.internal).unwrap().0.clone();
    let mut out = planned(&app, "canary", &Params::default(), |_| {});
    let named = |name: &str| Params::default().with("topic", name).with("rate", "5").with("for", "2m");
    for params in [
        named(&topic),
        named("nothing"),
        named("__consumer_offsets"),
        Params::default().with("rate", "1000").with("for", "24h"),
    ] {
        out += "===\n";
        out += &planned(&app, "canary", &params, |_| {});
    }
    insta::assert_snapshot!(out);
}
