//! A broker that lets nobody in unasked, made for these rows: credentials that are given, what is said where they are
//! wrong, sessions that end after ten seconds, and where a password turns up, which is nowhere.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

use super::seeing::open;
use crate::common::live::{Cluster, note};

const NAMESPACE: &str = "guarded-heron";
/// Everybody's password.
const PASSWORD: &str = "canary-guarded-5e21";
/// A line that would change a terminal's title.
const ESCAPE: &str = "\u{1b}]0;canary-title\u{7}";
/// How long the broker may take to start.
const STARTING: &str = "--timeout=180s";
const SOON: Duration = Duration::from_secs(15);
/// Twice the session and half of one more.
const LONG: Duration = Duration::from_secs(26);

/// The broker and a directory with files of credentials.
struct Guarded<'a> {
    cluster: &'a Cluster,
    dir: TempDir,
}

impl Drop for Guarded<'_> {
    fn drop(&mut self) {
        self.cluster.kubectl(["delete", "namespace", NAMESPACE, "--wait=true", "--timeout=100s"]);
    }
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

impl<'a> Guarded<'a> {
    fn start(cluster: &'a Cluster) -> Self {
        let manifest = fixture("guarded.yaml");
        cluster.kubectl([&"apply".into(), &"-f".into(), &manifest]).expect_code(0);
        let guarded = Self { cluster, dir: TempDir::new().unwrap() };
        let files = ["authority.pem", "broker.pem", "broker.key"]
            .map(|name| format!("--from-file={name}={}", fixture("tls").join(name).display()));
        let make = ["-n", NAMESPACE, "create", "secret", "generic", "tls"].map(str::to_owned);
        let password = format!("--from-literal=password={PASSWORD}");
        cluster.kubectl(make.iter().chain(&files).chain([&password])).expect_code(0);
        let ready = ["-n", NAMESPACE, "rollout", "status", "statefulset/kafka", STARTING];
        cluster.kubectl(ready).expect_code(0);
        guarded
    }

    /// Writes a file beside the others.
    fn file(&self, name: &str, text: &str) -> String {
        let path = self.dir.path().join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    fn sasl(&self, name: &str, mechanism: &str, user: &str, password: &str) -> String {
        let module = if mechanism == "PLAIN" { "plain.PlainLoginModule" } else { "scram.ScramLoginModule" };
        let jaas = format!(
            "org.apache.kafka.common.security.{module} required \\\n username=\"{user}\" password=\"{password}\";"
        );
        self.file(
            name,
            &format!("security.protocol=SASL_PLAINTEXT\nsasl.mechanism={mechanism}\nsasl.jaas.config={jaas}\n"),
        )
    }

    fn tls(&self, name: &str, authority: &str, shows: bool) -> String {
        let tls = fixture("tls");
        let mut text = format!(
            "security.protocol=SSL\nssl.truststore.type=PEM\nssl.truststore.location={}\n",
            tls.join(authority).display()
        );
        if shows {
            let both = ["client.key", "client.pem"].map(|name| fs::read_to_string(tls.join(name)).unwrap()).concat();
            text =
                [&text, "ssl.keystore.type=PEM\nssl.keystore.location=", &self.file("both.pem", &both), "\n"].concat();
        }
        self.file(name, &text)
    }

    /// What `status` says with these arguments.
    fn status(&self, args: &[&str]) -> Value {
        let outcome = self.cluster.kafdeck().args(["-n", NAMESPACE, "status", "-o", "json"]).args(args).run();
        serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {outcome:#?}"))
    }

    #[track_caller]
    fn lets_in(&self, args: &[&str], wanted: &[(&str, &str)]) {
        let found = self.status(args);
        assert_eq!(found["verdict"], "OK", "{args:?}: {found:#}");
        for (field, value) in wanted {
            assert_eq!(found["access"][field], *value, "{args:?}: {:#}", found["access"]);
        }
    }

    /// One that has some ACLs is let in.
    #[track_caller]
    fn lets_in_in_part(&self, user: &str, password: &str) {
        let found = self.status(&["--as", user, "--password-file", password]);
        assert_eq!(found["access"]["user"], user, "{found:#}");
        assert!(!found.to_string().contains("password refused"), "{found:#}");
    }

    #[track_caller]
    fn keeps_out(&self, args: &[&str], wanted: &[&str]) {
        let found = self.status(args);
        let text = found.to_string();
        assert_eq!(found["verdict"], "BLIND", "{args:?}: {found:#}");
        for part in wanted {
            assert!(text.contains(part), "{part:?} is missing: {args:?}: {found:#}");
        }
        assert!(!text.contains("canary"), "{found:#}");
    }
}

pub fn credentials_are_given(cluster: &Cluster) {
    let guarded = Guarded::start(cluster);
    // Nobody is tried: the broker has seen no failed login afterwards.
    guarded.keeps_out(
        &[],
        &["GUARDED for PLAIN, SCRAM-SHA-256, SCRAM-SHA-512; no user is known", "--command-config FILE"],
    );
    let log = cluster.kubectl(["-n", NAMESPACE, "logs", "kafka-0"]).expect_code(0);
    assert!(!log.stdout.contains("Failed authentication"), "{}", log.stdout);
    let plain = guarded.sasl("plain.properties", "PLAIN", "admin", PASSWORD);
    let password = guarded.file("password", &format!("{PASSWORD}\n"));
    let certificate = guarded.tls("mutual.properties", "authority.pem", true);
    let given = |listener, protocol, how| {
        [("listener", listener), ("protocol", protocol), ("mechanism", how), ("owner", "given")]
    };
    guarded.lets_in(&["--command-config", &plain], &given("GUARDED", "SASL_PLAINTEXT", "PLAIN"));
    guarded.lets_in(
        &["--as", "watcher", "--password-file", &password],
        &given("GUARDED", "SASL_PLAINTEXT", "SCRAM-SHA-512"),
    );
    guarded.lets_in(&["--command-config", &certificate], &given("MUTUAL", "SSL", "client certificate"));
    let by_variable =
        cluster.kafdeck().env("KAFDECK_PASSWORD", PASSWORD).args(["-n", NAMESPACE, "--as", "watcher", "check"]).run();
    assert_eq!(by_variable.code, 0, "{by_variable:#?}");
    what_is_wrong(&guarded, &password);
}

fn what_is_wrong(guarded: &Guarded<'_>, password: &str) {
    let wrong = guarded.sasl("wrong.properties", "PLAIN", "admin", "wrong");
    let refused = "SASL password refused for user admin, wrong.properties line 3.";
    guarded.keeps_out(&["--command-config", &wrong], &[refused]);
    let mechanism = guarded.sasl("sha256.properties", "SCRAM-SHA-256", "watcher", PASSWORD);
    guarded.keeps_out(&["--command-config", &mechanism], &["SASL password refused for user watcher"]);
    let stranger = guarded.tls("stranger.properties", "stranger.pem", true);
    guarded
        .keeps_out(&["--command-config", &stranger], &["signed by an authority that is not in file", "ssl.truststore"]);
    let bare = guarded.tls("bare.properties", "authority.pem", false);
    guarded.keeps_out(
        &["--command-config", &bare],
        &["listener MUTUAL asks for a client certificate, and bare.properties gives none"],
    );
    guarded.keeps_out(
        &["--listener", "PLAIN"],
        &["there is no listener PLAIN; there are: ", "GUARDED (SASL_PLAINTEXT on 9092)"],
    );
    // One without any ACL is let in, is told what it lacks, and nobody says that it sees everything.
    let found = guarded.status(&["--as", "stranger", "--password-file", password]);
    assert_eq!(found["access"]["sees_part"], true, "{found:#}");
    let text = found.to_string();
    assert!(
        text.contains("CLUSTER_AUTHORIZATION_FAILED") && text.contains("Grant Describe on the cluster"),
        "{found:#}"
    );
    let topics = ["-n", NAMESPACE, "--as", "nobody", "topics"];
    let unknown = guarded.cluster.kafdeck().args(topics).run();
    assert_eq!(unknown.code, 4, "{unknown:#?}");
    assert!(unknown.stdout.contains("no user nobody is known in the cluster"), "{unknown:#?}");
}

pub fn sessions_end_and_passwords_stay(cluster: &Cluster) {
    let guarded = Guarded::start(cluster);
    let plain = guarded.sasl("plain.properties", "PLAIN", "admin", PASSWORD);
    let recording = guarded.dir.path().join("facts.jsonl");
    let log = guarded.dir.path().join("log");
    let took = LONG.as_secs().to_string() + "s";
    let record = cluster
        .kafdeck()
        .env("KAFDECK_LOG", "trace")
        .limit(LONG + SOON)
        .args(["-n", NAMESPACE, "--command-config", &plain, "--log-file"])
        .args([&log])
        .args(["record", "--for", &took])
        .args([&recording]);
    let outcome = record.run().expect_code(0);
    let facts = fs::read_to_string(&recording).unwrap();
    let answers = facts.lines().filter(|line| line.contains("\"Metadata\":{")).count();
    let contacts = facts.lines().filter(|line| line.contains("\"Contact\":{")).collect::<Vec<_>>();
    assert!(answers >= 8, "Metadata was told {answers} times in {took}");
    assert!(contacts.iter().all(|line| line.contains("Answered")), "{contacts:#?}");
    assert!(!facts.lines().any(|line| line.contains("\"Kafka\"") && line.contains("\"Failed\"")), "{facts}");
    note(&format!("{answers} answers in {took}, over sessions of 10 s, without a failure"));
    let log = fs::read_to_string(&log).unwrap();
    assert!(log.contains("TRACE"), "the log is as talkative as can be");
    for (place, text) in [("facts", &facts), ("log", &log), ("stdout", &outcome.stdout), ("stderr", &outcome.stderr)] {
        nowhere(place, text);
    }
    in_the_console(&guarded);
}

/// A user of an application is made by brokers with an authorizer, logs in, gets another password and goes.
pub fn users_are_made(cluster: &Cluster) {
    let guarded = Guarded::start(cluster);
    let admin = guarded.sasl("admin.properties", "PLAIN", "admin", PASSWORD);
    let act = |args: &[&str]| {
        let base = ["-n", NAMESPACE, "--command-config", &admin, "user"];
        cluster.kafdeck().limit(Duration::from_secs(90)).args(base.iter().chain(args)).run()
    };
    let file = guarded.dir.path().join("app.password").display().to_string();
    let rules = ["--producer", "orders", "--consumer", "orders:app-group", "--producer-byte-rate", "1048576"];
    let create = ["create", "app", "--mechanism", "scram-sha-512", "--password-out", &file, "--yes"];
    let made = act(&[&create[..], &rules].concat()).expect_code(0);
    let password = fs::read_to_string(&file).unwrap();
    assert!(!made.stdout.contains(password.trim()) && made.stdout.contains("4 rules"), "{made:#?}");
    let listed = act_tool(cluster, "kafka-acls.sh --list --principal User:app");
    for operation in ["WRITE", "DESCRIBE", "READ"] {
        assert!(listed.contains(&format!("operation={operation}")), "{listed}");
    }
    let kept = act_tool(cluster, "kafka-configs.sh --describe --entity-type users --entity-name app");
    assert!(kept.contains("SCRAM-SHA-512") && kept.contains("producer_byte_rate=1048576"), "{kept}");
    guarded.lets_in_in_part("app", &file);
    let again = act(&["create", "app", "--yes"]);
    assert!(again.code == 1 && again.stderr.contains("is there already"), "{again:#?}");
    let overwritten = act(&["rotate", "app", "--password-out", &file, "--yes"]);
    assert!(overwritten.code == 1 && overwritten.stderr.contains("File exists"), "{overwritten:#?}");
    let rotated = act(&["rotate", "app", "--yes"]).expect_code(0);
    let second = rotated.stdout.split_once("password of app, shown once: ").expect("a password").1.trim().to_owned();
    assert_ne!(second, password.trim());
    guarded.keeps_out(&["--as", "app", "--password-file", &file], &["SASL password refused for user app"]);
    let new = guarded.file("app.second", &second);
    guarded.lets_in_in_part("app", &new);
    let unsure = act(&["delete", "app", "--yes"]);
    assert!(unsure.code == 1 && unsure.stderr.contains("--confirm app"), "{unsure:#?}");
    act(&["delete", "app", "--yes", "--confirm", "app"]).expect_code(0);
    assert!(!act_tool(cluster, "kafka-acls.sh --list").contains("User:app"));
    let left = act_tool(cluster, "kafka-configs.sh --describe --entity-type users");
    assert!(!left.contains("'app'"), "{left}");
}

/// Runs one of Kafka's tools in the pod, as the administrator.
fn act_tool(cluster: &Cluster, command: &str) -> String {
    let (tool, rest) = command.split_once(' ').unwrap();
    let login = "printf '%s\\n' security.protocol=SASL_PLAINTEXT sasl.mechanism=PLAIN \
        \"sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required username=\\\"admin\\\" \
        password=\\\"$ADMIN_PASSWORD\\\";\" >/tmp/admin.properties";
    let script =
        format!("{login}; {tool} --bootstrap-server kafka-0.kafka:9092 --command-config /tmp/admin.properties {rest}");
    cluster.kubectl(["-n", NAMESPACE, "exec", "kafka-0", "--", "sh", "-c", &script]).expect_code(0).stdout
}

/// Types the password, with an escape sequence at its end, and looks at everything that is left of that.
fn in_the_console(guarded: &Guarded<'_>) {
    let mut pty = open(guarded.cluster, &["-n", NAMESPACE, "--as", "watcher"]);
    pty.wait_for_text("Password of watcher:", SOON);
    pty.send(&format!("{PASSWORD}{ESCAPE}\r"));
    pty.wait_for_text("refused for user watcher", SOON);
    pty.send("K");
    pty.wait_for_text("The credential is in the password that was typed", SOON);
    for file in ["cmdline", "environ"] {
        let read = fs::read(format!("/proc/{}/{file}", pty.id())).unwrap();
        nowhere(file, &String::from_utf8_lossy(&read));
    }
    nowhere("the terminal", &String::from_utf8_lossy(pty.raw_output()));
    let mut left = vec![pty.home().to_owned()];
    let began = Instant::now();
    while let Some(place) = left.pop() {
        for entry in fs::read_dir(&place).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                left.push(path);
            } else {
                nowhere(&path.display().to_string(), &String::from_utf8_lossy(&fs::read(&path).unwrap()));
            }
        }
        assert!(began.elapsed() < SOON);
    }
}

#[track_caller]
fn nowhere(place: &str, text: &str) {
    for trace in ["canary", "Y2FuYXJ5", "63616e617279", "99, 97, 110, 97, 114, 121", "canary-title"] {
        assert!(!text.contains(trace), "{trace:?} is in {place}");
    }
}
