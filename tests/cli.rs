//! The binary in a sealed environment: what it answers, on which stream, and with which exit code.
#![allow(clippy::unwrap_used, reason = "a test's own helpers fail by panicking")]

mod common;

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use common::{Answer, FakeApi, Kafdeck, Outcome, Pty, kafdeck};
use serde_json::{Value, json};

/// Every list a console needs: version, path of the API group, resource and kind.
const LISTS: [(&str, &str, &str, &str); 6] = [
    ("v1", "/api/v1", "pods", "PodList"),
    ("v1", "/api/v1", "services", "ServiceList"),
    ("v1", "/api/v1", "persistentvolumeclaims", "PersistentVolumeClaimList"),
    ("v1", "/api/v1", "nodes", "NodeList"),
    ("apps/v1", "/apis/apps/v1", "statefulsets", "StatefulSetList"),
    ("apps/v1", "/apis/apps/v1", "deployments", "DeploymentList"),
];

/// A cluster with these pods, of which nobody can be reached through a port-forward.
fn cluster(pods: &[Value]) -> FakeApi {
    lists(FakeApi::start().version(), pods, None)
}

/// Adds lists: of the whole cluster, or of one namespace.
fn lists(api: FakeApi, pods: &[Value], namespace: Option<&str>) -> FakeApi {
    LISTS.into_iter().fold(api, |api, (version, group, resource, kind)| {
        let path = match namespace {
            Some(namespace) => format!("{group}/namespaces/{namespace}/{resource}"),
            None => format!("{group}/{resource}"),
        };
        let items = if kind == "PodList" { pods } else { &[] };
        let metadata = json!({"resourceVersion": "1"});
        let list = json!({"kind": kind, "apiVersion": version, "metadata": metadata, "items": items});
        api.list(&path, list).watch(&path, Vec::new())
    })
}

/// A broker of a StatefulSet; its container has this state.
fn broker(namespace: &str, set: &str, state: &Value) -> Value {
    let name = format!("{set}-0");
    let is_running = state.get("running").is_some();
    let owner = json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "name": set, "uid": "s", "controller": true});
    let container = json!({
        "name": "kafka",
        "image": "docker.io/apache/kafka:4.1.2",
        "ports": [{"name": "kafka", "containerPort": 9092}],
        "env": [
            {"name": "KAFKA_PROCESS_ROLES", "value": "broker,controller"},
            {"name": "KAFKA_LISTENERS", "value": "PLAINTEXT://:9092,CONTROLLER://:9093"},
            {"name": "KAFKA_CONTROLLER_QUORUM_VOTERS", "value": "0@kafka-0.kafka:9093"},
        ],
    });
    json!({
        "kind": "Pod",
        "apiVersion": "v1",
        "metadata": {"namespace": namespace, "name": name, "uid": name, "ownerReferences": [owner]},
        "spec": {"nodeName": "node-1", "hostname": name, "subdomain": set, "containers": [container]},
        "status": {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": if is_running { "True" } else { "False" }}],
            "containerStatuses": [{
                "name": "kafka", "image": "i", "imageID": "i", "ready": is_running, "state": state,
                "restartCount": if is_running { 0 } else { 7 },
                "lastState": {"terminated": {"exitCode": 1, "reason": "Error"}},
            }],
        },
    })
}

fn running(namespace: &str, set: &str) -> Value {
    broker(namespace, set, &json!({"running": {}}))
}

fn on(api: &FakeApi) -> Kafdeck {
    kafdeck().kubeconfig(&api.kubeconfig())
}

/// The run's standard error, once its exit code is the wanted one and nothing else was said.
#[track_caller]
fn refused(outcome: Outcome, code: i32) -> String {
    let outcome = outcome.expect_code(code);
    assert_eq!(outcome.stdout, "", "an error belongs on standard error");
    assert!(!outcome.stderr.contains('\u{1b}'), "{outcome:#?}");
    outcome.stderr
}

#[track_caller]
fn contains(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is missing in:\n{text}");
    }
}

#[test]
fn help_says_what_there_is_and_needs_no_cluster() {
    let help = kafdeck().args(["--help"]).run().expect_code(0).stdout;
    contains(&help, &["status", "doctor", "--kubeconfig", "--read-only", "Examples:", "Exit codes:"]);
    for command in ["status", "check", "topics", "logs", "record", "completions"] {
        let help = kafdeck().args([command, "--help"]).run().expect_code(0).stdout;
        contains(&help, &[&format!("Usage: kafdeck {command}"), "--timeout"]);
    }
    contains(&kafdeck().args(["--version"]).run().expect_code(0).stdout, &["kafdeck 0."]);
}

#[test]
fn what_is_typed_wrong_is_a_usage_error() {
    for args in [
        &["--frobnicate"][..],
        &["frobnicate"],
        &["status", "--timeout", "soon"],
        &["status", "-o", "xml"],
        &["--installation", "kafka", "status"],
        &["-n", "a", "--installation", "b/kafka", "status"],
        &["logs", "--grep", "("],
    ] {
        assert!(!refused(kafdeck().args(args).run(), 2).is_empty(), "{args:?}");
    }
}

#[test]
fn without_a_kubeconfig_it_says_where_it_looked() {
    contains(&refused(kafdeck().args(["status"]).run(), 2), &["Error:", ".kube/config", "Hint:"]);
    let missing = kafdeck().args(["status", "--kubeconfig", "/nonexistent/kubeconfig"]).run();
    contains(&refused(missing, 2), &["/nonexistent/kubeconfig"]);
}

#[test]
fn an_unknown_context_is_answered_with_those_there_are() {
    let api = FakeApi::start();
    contains(&refused(on(&api).args(["--context", "prod", "check"]).run(), 2), &["prod", "--context: fake"]);
}

#[test]
fn a_server_that_nobody_runs_is_not_observable() {
    let kubeconfig = {
        let api = FakeApi::start();
        (fs::read(api.kubeconfig()).unwrap(), api.url())
    };
    let run = kafdeck();
    let path = run.home().join("config");
    fs::write(&path, kubeconfig.0).unwrap();
    let outcome = run.kubeconfig(&path).args(["status"]).run();
    assert!(outcome.took < Duration::from_secs(8), "{outcome:#?}");
    contains(&refused(outcome, 4), &["refused", "Hint:"]);
}

#[test]
fn refused_credentials_are_not_observable_and_are_never_shown() {
    let api = FakeApi::refusing(401, "Unauthorized");
    for command in ["status", "check", "topics"] {
        let said = refused(on(&api).args([command]).run(), 4);
        contains(&said, &["Unauthorized", "Log in"]);
        assert!(!said.contains("a-secret-token"), "{said}");
    }
}

#[test]
fn forbidden_lists_are_not_observable_and_the_doctor_names_the_permission() {
    let denied = json!({"kind": "SelfSubjectAccessReview", "apiVersion": "authorization.k8s.io/v1", "metadata": {},
        "spec": {}, "status": {"allowed": false}});
    let api = FakeApi::start().on("GET", "/", Answer::status(403, "Forbidden")).version().on(
        "POST",
        "/apis/authorization.k8s.io/",
        Answer::Json(201, denied),
    );
    contains(&refused(on(&api).args(["check"]).run(), 4), &["Forbidden", "kafdeck doctor"]);
    let doctor = on(&api).args(["doctor"]).run().expect_code(4).stdout;
    contains(&doctor, &["fail", "kind: Role", "pods/portforward", "persistentvolumeclaims"]);
    let document = on(&api).args(["doctor", "-o", "json"]).run().expect_code(4).json();
    assert_eq!(document["schema"], "kafdeck/doctor/v1");
    assert_eq!(document["installation"], Value::Null);
}

#[test]
fn a_server_that_takes_requests_and_answers_none_is_not_observable() {
    let api = FakeApi::hanging();
    let outcome = on(&api).args(["check", "--timeout", "2s"]).run();
    assert!(outcome.took < Duration::from_secs(4), "{outcome:#?}");
    contains(&refused(outcome, 4), &["did not answer within 2 s"]);
}

#[test]
fn a_list_that_hangs_while_the_server_lives_is_an_incomplete_answer() {
    let api = cluster(&[]).on("GET", "/api/v1/services", Answer::Hang);
    let outcome = on(&api).args(["status", "--timeout", "3s"]).run();
    assert!(outcome.took < Duration::from_secs(5), "{outcome:#?}");
    contains(&refused(outcome, 3), &["not complete within 3 s", "services"]);
}

#[test]
fn a_cluster_without_kafka_is_wrong_and_is_said_to_be_that() {
    let api = cluster(&[]);
    contains(&refused(on(&api).args(["check"]).run(), 1), &["No Kafka was found in this cluster."]);
}

#[test]
fn several_installations_are_listed_and_one_is_chosen_by_name() {
    let api = cluster(&[running("a", "ledger"), running("b", "kafka")]);
    let said = refused(on(&api).args(["status"]).run(), 2);
    contains(&said, &["2 installations", "--installation: a/ledger, b/kafka"]);
    let api = lists(api, &[running("b", "kafka")], Some("b"));
    let wrong = refused(on(&api).args(["--installation", "b/kafak", "status"]).run(), 2);
    contains(&wrong, &["There is no installation b/kafak in this cluster.", "There is: a/ledger, b/kafka"]);
    let right = on(&api).args(["--installation", "b/kafka", "status", "-o", "json"]).run().expect_code(0).json();
    assert_eq!(right["installation"]["name"], "kafka");
}

#[test]
fn a_crash_loop_seen_by_kubernetes_alone_is_critical() {
    let crashing = broker("the-project", "kafka", &json!({"waiting": {"reason": "CrashLoopBackOff"}}));
    let api = cluster(&[crashing]);
    let check = on(&api).args(["check", "--watch-for", "0s"]).run().expect_code(1);
    contains(&check.stdout, &["CRITICAL the-project/kafka: Broker 0 crashes again and again"]);
    let status = on(&api).args(["status", "-o", "json"]).run().expect_code(0).json();
    assert_eq!(status["verdict"], "CRITICAL");
    assert_eq!(status["findings"][0]["id"], "broker-crash-loop");
    assert_eq!(status["partitions"]["offline"], Value::Null, "what nobody told is not 0");
    let topics = on(&api).args(["topics"]).run().expect_code(4).stdout;
    contains(&topics, &["TOPIC", "Not known:"]);
}

#[test]
fn a_broker_that_cannot_be_asked_leaves_the_verdict_blind() {
    let api = cluster(&[running("the-project", "kafka")]);
    let check = on(&api).args(["check", "--watch-for", "0s"]).run();
    assert!([1, 4].contains(&check.code), "unknown is never 0: {check:#?}");
    let findings = on(&api).args(["findings", "--watch-for", "0s", "-o", "yaml"]).run();
    contains(&findings.stdout, &["schema: kafdeck/findings/v1"]);
}

#[test]
fn the_timeline_is_what_objects_and_events_tell_newest_first_and_without_events_it_says_so() {
    let crashing = broker("the-project", "kafka", &json!({"waiting": {"reason": "CrashLoopBackOff"}}));
    let mut ended = crashing.clone();
    ended["metadata"]["creationTimestamp"] = json!("2026-01-01T10:00:00Z");
    ended["status"]["containerStatuses"][0]["lastState"]["terminated"]["finishedAt"] = json!("2026-01-01T11:00:00Z");
    let event = |name: &str, count: u32| {
        json!({"metadata": {"name": name, "namespace": "the-project", "uid": name}, "type": "Warning", "count": count,
            "involvedObject": {"kind": "Pod", "namespace": "the-project", "name": name}, "reason": "BackOff",
            "message": "back-off\u{1b}[2J", "lastTimestamp": "2026-01-01T12:00:00Z"})
    };
    let metadata = json!({"resourceVersion": "1"});
    let items = [event("kafka-0", 12), event("web-0", 1)];
    let list = json!({"kind": "EventList", "apiVersion": "v1", "metadata": metadata, "items": items});
    let path = "/api/v1/namespaces/the-project/events";
    let api = cluster(&[ended]).list(path, list).watch(path, Vec::new());
    let told = on(&api).args(["timeline", "-o", "json"]).run().expect_code(0).json();
    let rows = told["timeline"].as_array().unwrap();
    assert_eq!(told["schema"], "kafdeck/timeline/v1");
    assert_eq!(
        rows[0],
        json!({"at": "2026-01-01T12:00:00Z", "kind": "event", "source": "events", "text": "BackOff ×12: back-off?[2J",
            "object": {"kind": "pod", "namespace": "the-project", "name": "kafka-0"}})
    );
    let texts: Vec<&str> = rows.iter().filter_map(|row| row["text"].as_str()).collect();
    assert_eq!(texts[1..], ["container kafka ended: Error, exit code 1 (restart 7)", "created on node-1"]);
    let none = on(&api).args(["timeline", "--since", "1h", "--object", "kafka-0", "-o", "yaml"]).run().expect_code(0);
    contains(&none.stdout, &["timeline: []"]);
    let api = cluster(&[crashing]).on("GET", path, Answer::status(403, "Forbidden"));
    let text = on(&api).args(["timeline"]).run().expect_code(0).stdout;
    contains(&text, &["WHEN", "Without Kubernetes events: Cannot list events in namespace the-project"]);
}

/// A kubeconfig whose user is made by a credential plugin.
fn with_plugin(api: &FakeApi, home: &Path, script: &str) -> PathBuf {
    let plugin = home.join("plugin");
    fs::write(&plugin, script).unwrap();
    fs::set_permissions(&plugin, fs::Permissions::from_mode(0o755)).unwrap();
    let mut config: Value = serde_json::from_slice(&fs::read(api.kubeconfig()).unwrap()).unwrap();
    config["users"][0]["user"] = json!({"exec": {"apiVersion": "client.authentication.k8s.io/v1",
        "command": plugin, "interactiveMode": "IfAvailable"}});
    let path = home.join("with-plugin");
    fs::write(&path, config.to_string()).unwrap();
    path
}

#[test]
fn a_slow_plugin_is_waited_for_and_reads_nothing_of_ours() {
    let api = cluster(&[]);
    let run = Pty::kafdeck().args(["check"]);
    let home = run.home().to_owned();
    let script = format!(
        "#!/bin/sh\necho run >>{0}/runs\n[ -t 0 ] && echo terminal >{0}/stdin || echo none >{0}/stdin\ncat >{0}/read\nsleep 5\n\
         echo '{{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"kind\":\"ExecCredential\",\
         \"status\":{{\"token\":\"made\"}}}}'\n",
        home.display()
    );
    let config = with_plugin(&api, &home, &script);
    let mut pty = run.kubeconfig(&config).spawn();
    pty.send("typed by the user\n");
    assert_eq!(pty.exit_code(Duration::from_secs(12)), Some(1), "{}", pty.screen().contents());
    assert_eq!(fs::read_to_string(home.join("stdin")).unwrap().trim(), "none");
    assert_eq!(fs::read_to_string(home.join("read")).unwrap(), "");
    assert_eq!(fs::read_to_string(home.join("runs")).unwrap(), "run\n", "one token is enough for all");
    assert!(api.requests().iter().all(|r| r.token() == Some("made")));
}

#[test]
fn a_plugin_that_fails_is_quoted() {
    let api = cluster(&[]);
    let run = kafdeck();
    let config = with_plugin(&api, run.home(), "#!/bin/sh\necho go and log in >&2\nexit 3\n");
    contains(&refused(run.kubeconfig(&config).args(["status"]).run(), 4), &["go and log in", "Hint:"]);
}

#[test]
fn info_completions_and_the_manual_need_no_cluster() {
    let info = kafdeck().args(["info"]).run().expect_code(0).stdout;
    contains(&info, &[".kube/config (not there)", "config/kafdeck", "state/kafdeck"]);
    let info = kafdeck().args(["info", "-o", "json", "--read-only"]).run().expect_code(0).json();
    assert_eq!(info["settings"]["read_only"], json!({"value": "yes", "set_by": "--read-only"}));
    for shell in ["bash", "zsh", "fish"] {
        contains(&kafdeck().args(["completions", shell]).run().expect_code(0).stdout, &["storage", "kubeconfig"]);
    }
    contains(&kafdeck().args(["man"]).run().expect_code(0).stdout, &["doctor", "Exit codes"]);
}

/// Writes a file below a run's config directory.
fn configured(run: &Kafdeck, file: &str, text: &str) {
    let path = run.home().join("config/kafdeck").join(file);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

#[test]
fn config_says_what_counts_who_set_it_and_what_cannot_be_used() {
    let good = kafdeck().args(["config", "--theme", "light"]).run().expect_code(0).stdout;
    contains(&good, &["theme         light  (--theme)", "keymap        default  (default)", "No problems."]);
    let run = kafdeck();
    configured(&run, "config.toml", "keymap = \"vim\"\ntheme = \"lihgt\"\ntimeout = \"1m\"\n");
    configured(&run, "keymaps/vim.toml", "[everywhere]\nR = \"refresh\"\nT = \"frobnicate\"\n");
    let (bad, home) = run.args(["config"]).run_in();
    let said = bad.expect_code(2);
    assert_eq!(said.stderr, "");
    contains(
        &said.stdout,
        &[
            "keymap        vim  (config.toml:1)",
            "timeout       1m  (config.toml:3)",
            "theme         default  (default)",
            "config.toml:2: there is no theme \"lihgt\"\n  Hint: did you mean \"light\"?",
            "keymaps/vim.toml:3: \"frobnicate\" is not a command",
        ],
    );
    let dir = home.path().join("config/kafdeck");
    let json = kafdeck().env("KAFDECK_CONFIG_DIR", &dir).args(["config", "-o", "json"]).run().expect_code(2).json();
    assert_eq!(json["schema"], "kafdeck/config/v1");
    assert_eq!(json["settings"]["keymap"], json!({"value": "vim", "set_by": "config.toml:1"}));
    assert_eq!(json["problems"][0]["line"], 2);
    let keys = json["keys"].as_array().unwrap();
    let own = json!({"layer": "everywhere", "keys": "R", "command": "refresh", "set_by": "keymaps/vim.toml:2"});
    assert!(keys.contains(&own), "{json:#}");
}

#[test]
fn what_cannot_be_used_is_said_beside_the_answer_and_never_in_it() {
    let api = cluster(&[running("b", "kafka")]);
    let run = on(&api);
    configured(&run, "config.toml", "thme = 1\nnamespace = \"nowhere\"\n[context.fake]\nnamespace = \"\"\n");
    let (answer, home) = run.args(["status", "-o", "json"]).run_in();
    let answer = answer.expect_code(0);
    assert_eq!(answer.json()["installation"]["name"], "kafka", "the context's own table counts");
    let dir = home.path().join("config/kafdeck");
    let place = dir.join("config.toml").display().to_string();
    let said: Vec<&str> = answer.stderr.lines().collect();
    let warning = format!("Warning: {place}:1: \"thme\" is not a setting; did you mean \"theme\"?");
    assert_eq!(said[0], warning);
    for args in [&["completions", "bash"][..], &["man"], &["docs"]] {
        let outcome = kafdeck().env("KAFDECK_CONFIG_DIR", &dir).args(args).run().expect_code(0);
        assert_eq!(outcome.stderr, "", "{args:?}");
    }
}

#[test]
fn a_theme_or_keymap_that_nobody_has_is_a_usage_error() {
    contains(&refused(kafdeck().args(["config", "--theme", "lihgt"]).run(), 2), &["no theme", "--theme light"]);
    contains(&refused(kafdeck().args(["info", "--keymap", "emacs"]).run(), 2), &["emacs", "default, vim, k9s"]);
}

#[test]
fn docs_print_one_table_or_all() {
    let keys = kafdeck().args(["docs", "keys"]).run().expect_code(0).stdout;
    contains(&keys, &["| where | default | vim | k9s | what it does |", "`g g`"]);
    let all = kafdeck().args(["docs"]).run().expect_code(0).stdout;
    contains(
        &all,
        &["## Keys", "## Commands", "## Themes", "## Settings", "## Exit codes", "`state.bad`", "`read_only`"],
    );
}
