//! What stands in a Secret leaves it nowhere: not in logs, facts, recordings, errors or frames, whatever goes wrong.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
};

use chrono::DateTime;
use kafdeck::{
    app::{App, Msg},
    domain::{access::Mechanism, ids::InstallationId},
    facts::Fact,
    io::secrets::SecretSource,
    sandbox::broker::door::{Door, Users},
    view::Look,
};
use ratatui::{Terminal, backend::TestBackend};
use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;

use super::{
    common::{Answer, FakeApi},
    house::{House, Watch, login, secret, tls, users, way},
    secrets::{holding, secrets},
};

/// A password that is found wherever it turns up, with a line that would change a terminal's title.
const CANARY: &str = "canary-8f3a61\u{1b}]0;canary-title\u{7}";

/// Parts of it, as it is and as it may be encoded.
const TRACES: [&str; 5] = ["canary", "Y2FuYXJ5", "63616e617279", "99, 97, 110, 97, 114, 121", "\u{1b}]0;"];

/// A log in memory.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

fn nothing_of_it(place: &str, text: &str) {
    for trace in TRACES {
        assert!(!text.contains(trace), "{trace:?} in {place}:\n{text}");
    }
}

/// What the console would show of the facts.
fn screen(facts: Vec<Fact>) -> String {
    let now = DateTime::UNIX_EPOCH;
    let mut app = App::new(Some(InstallationId::new("ns", "kafka")), (120, 40), now);
    app.update(Msg::Facts(facts), now);
    let mut terminal = Terminal::new(TestBackend::new(120, 40)).unwrap();
    terminal
        .draw(|frame| {
            kafdeck::view::render(&app, &Look::default(), frame);
        })
        .unwrap();
    format!("{:?}", terminal.backend().buffer())
}

/// Observes for a while with what the API server answers for the Secret, and looks everywhere for traces.
async fn nowhere(answer: Answer, door: Door, mechanism: Mechanism, trust: Option<&str>) {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_writer(log.clone()).with_ansi(false);
    let _logging = tracing::subscriber::set_default(
        subscriber.with_env_filter(tracing_subscriber::EnvFilter::new("trace")).finish(),
    );
    let api = FakeApi::start().on("GET", "/api/v1/namespaces/ns/secrets/console", answer);
    let source = secrets(&api).await;
    let read = source.read("ns", "console").await;
    nothing_of_it("what was read", &format!("{read:?}"));
    let house = House::with_secrets(door, Arc::new(source));
    let mut way = way(trust, Some(login(mechanism)));
    if let Some(encryption) = &mut way.encryption {
        encryption.trust[0] = secret("console", "authority.pem");
    }
    nothing_of_it("errors", &house.go(way.clone()).await.err().unwrap_or_default());
    let told = Watch::start(&house, Some(way)).until(2).await;
    let recorded = serde_json::to_string(&told).unwrap();
    assert!(recorded.len() > 100, "something was told: {recorded}");
    nothing_of_it("the recording", &recorded);
    nothing_of_it("facts", &format!("{told:?}"));
    nothing_of_it("frames", &screen(told.into_iter().map(|(_, fact)| fact).collect()));
    let written = String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned();
    assert!(written.contains("TRACE") && written.contains("DEBUG"), "the log holds everything:\n{written}");
    assert!(api.requests().iter().any(|r| r.path.ends_with("/secrets/console")));
    nothing_of_it("the log", &written);
}

fn knows_it(mechanism: &str) -> Arc<Users> {
    Arc::new(Users::new("console", CANARY, &[mechanism], None))
}

#[tokio::test]
async fn a_password_that_is_right_leaves_no_trace() {
    let secret = || holding("1", &[("password", CANARY.as_bytes())]);
    let scram = Door { tls: None, users: Some(knows_it("SCRAM-SHA-512")) };
    nowhere(secret(), scram, Mechanism::ScramSha512, None).await;
    let plain = Door { tls: None, users: Some(knows_it("PLAIN")) };
    nowhere(secret(), plain, Mechanism::Plain, None).await;
}

#[tokio::test]
async fn a_password_that_is_wrong_leaves_no_trace() {
    let secret = holding("1", &[("password", CANARY.as_bytes())]);
    let door = Door { tls: None, users: Some(users(&["PLAIN"], None)) };
    nowhere(secret, door, Mechanism::Plain, None).await;
}

#[tokio::test]
async fn a_value_that_is_no_certificate_leaves_no_trace() {
    let text = format!("-----BEGIN CERTIFICATE-----\n{CANARY}\n-----END CERTIFICATE-----\n");
    let secret = holding("1", &[("password", CANARY.as_bytes()), ("authority.pem", text.as_bytes())]);
    let door = Door { tls: Some(tls("broker", false)), users: Some(knows_it("PLAIN")) };
    nowhere(secret, door, Mechanism::Plain, Some("authority.pem")).await;
}

#[tokio::test]
async fn a_secret_that_cannot_be_decoded_leaves_no_trace() {
    let secret = json!({"metadata": {"resourceVersion": 7}, "data": {"password": CANARY}});
    let door = Door { tls: None, users: Some(knows_it("PLAIN")) };
    nowhere(Answer::Json(200, secret), door, Mechanism::Plain, None).await;
}
