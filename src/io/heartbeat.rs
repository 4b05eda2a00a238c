//! Is the API server there? Asked every two seconds, because a watch that says nothing may be quiet or dead.
//!
//! It tells the link's state and wakes those who wait to try again; it restarts nothing itself. `cmd` starts it.

use std::{sync::Arc, time::Duration};

use tokio::{sync::Notify, time::MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::{FactSender, connect::Cluster, failure, watch::Scope};
use crate::{
    clock::Clock,
    domain::freshness::{FailureKind, Source, SourceFailure},
    facts::{Body, Connection, Fact},
    task,
};

/// How often is asked.
const EVERY: Duration = Duration::from_secs(2);
/// How long an answer may take.
const DEADLINE: Duration = Duration::from_secs(2);
/// What is tried, as a phrase.
const TRYING: &str = "reach the API server";

/// The running heartbeat.
#[derive(Debug, Clone)]
pub struct HeartbeatHandle {
    now: Arc<Notify>,
}

impl HeartbeatHandle {
    /// Asks at once instead of at the next beat.
    pub fn check_now(&self) {
        self.now.notify_one();
    }
}

/// Starts asking. When the server answers again after a failure, `refresh` wakes whoever waits to try again.
pub fn start(
    cluster: &Cluster,
    scope: &Scope,
    clock: &Clock,
    facts: &FactSender,
    refresh: &Arc<Notify>,
    cancel: &CancellationToken,
) -> HeartbeatHandle {
    let now = Arc::new(Notify::new());
    let heartbeat = Heartbeat {
        cluster: cluster.clone(),
        namespace: scope.namespace().map(str::to_owned),
        clock: clock.clone(),
        facts: facts.clone(),
        refresh: refresh.clone(),
        now: now.clone(),
    };
    task::spawn("heartbeat", cancel, heartbeat.run());
    HeartbeatHandle { now }
}

/// The task's state.
struct Heartbeat {
    cluster: Cluster,
    namespace: Option<String>,
    clock: Clock,
    facts: FactSender,
    refresh: Arc<Notify>,
    now: Arc<Notify>,
}

impl Heartbeat {
    /// Asks until nobody takes the facts any more.
    async fn run(self) {
        let mut beats = tokio::time::interval(EVERY);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut connected, mut failing) = (false, false);
        loop {
            tokio::select! {
                _ = beats.tick() => {}
                () = self.now.notified() => beats.reset(),
            }
            let sent_at = self.clock.now();
            let answer = self.ask().await;
            let told = match answer {
                Ok(version) => {
                    if std::mem::take(&mut failing) {
                        self.refresh.notify_waiters();
                    }
                    self.alive(version, sent_at, &mut connected).await
                }
                Err(why) => {
                    failing = true;
                    self.tell(Body::Failed(why)).await
                }
            };
            if told.is_err() {
                return;
            }
        }
    }

    /// Tells that the server lives, and the first time where we are.
    async fn alive(
        &self,
        version: Option<String>,
        sent_at: chrono::DateTime<chrono::Utc>,
        connected: &mut bool,
    ) -> Result<(), Closed> {
        if !std::mem::replace(connected, true) {
            let (connection, namespace) = (self.cluster.connection.clone(), self.namespace.clone());
            self.tell(Body::Connected(Connection { namespace, version, ..connection })).await?;
        }
        self.tell(Body::Heartbeat { sent_at }).await
    }

    /// The server's version; `None` when it lives and does not say.
    async fn ask(&self) -> Result<Option<String>, SourceFailure> {
        let Ok(answer) = tokio::time::timeout(DEADLINE, self.cluster.client.apiserver_version()).await else {
            return Err(failure::timed_out(TRYING, DEADLINE));
        };
        let error = match answer {
            Ok(info) => return Ok(Some(info.git_version).filter(|version| !version.is_empty())),
            Err(error) => error,
        };
        let failed = failure::classify(&error, TRYING);
        match (failed.kind, failure::status_of(&error)) {
            // 401 is alive, but nothing can be observed; 5xx may come from a balancer with nobody behind it.
            (FailureKind::Auth, _) | (_, None | Some((500.., _))) => Err(failed),
            // Whoever answers 403 or 404 is there.
            _ => Ok(None),
        }
    }

    /// Tells one fact about the link.
    async fn tell(&self, body: Body) -> Result<(), Closed> {
        let fact = Fact { source: Source::Link, seen_at: self.clock.now(), body };
        self.facts.send(fact).await.map_err(|_| Closed)
    }
}

/// The receiver of our facts is gone.
struct Closed;

#[cfg(test)]
mod tests {
    use super::*;
    use http::{Request, Response};
    use kube::client::Body as HttpBody;
    use std::sync::atomic::{AtomicU32, Ordering};
    use tokio::sync::mpsc;

    const VERSION: &str = r#"{"major":"1","minor":"35","gitVersion":"v1.35.0","gitCommit":"","gitTreeState":"",
        "buildDate":"","goVersion":"","compiler":"","platform":""}"#;

    /// The first facts of a server that answers in turn; 0 is no answer at all.
    async fn first(answers: &'static [u16], number: usize) -> Vec<Body> {
        let turn = Arc::new(AtomicU32::new(0));
        let service = tower::service_fn(move |_: Request<HttpBody>| {
            let turn = turn.fetch_add(1, Ordering::SeqCst) as usize;
            async move {
                let code = answers[turn.min(answers.len() - 1)];
                if code == 0 {
                    std::future::pending::<()>().await;
                }
                let body =
                    if code == 200 { VERSION.to_owned() } else { format!(r#"{{"code":{code},"message":"no"}}"#) };
                Response::builder().status(code).body(HttpBody::from(body.into_bytes())).map_err(std::io::Error::other)
            }
        });
        let connection = Connection { context: "c".into(), ..Connection::default() };
        let cluster = Cluster { client: kube::Client::new(service, "default"), connection };
        let (facts, mut told) = mpsc::channel(16);
        let cancel = CancellationToken::new();
        let scope = Scope::Namespace("kafka".into());
        let handle = start(&cluster, &scope, &Clock::real(), &facts, &Arc::new(Notify::new()), &cancel);
        handle.check_now();
        let mut bodies = Vec::new();
        while bodies.len() < number {
            bodies.push(told.recv().await.unwrap().body);
        }
        cancel.cancel();
        bodies
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_answer_tells_where_we_are_and_each_that_the_link_lives() {
        let bodies = first(&[200], 3).await;
        let Body::Connected(connection) = &bodies[0] else { panic!("{:?}", bodies[0]) };
        assert_eq!(connection.version.as_deref(), Some("v1.35.0"));
        assert_eq!((connection.context.as_str(), connection.namespace.as_deref()), ("c", Some("kafka")));
        assert!(matches!((&bodies[1], &bodies[2]), (Body::Heartbeat { .. }, Body::Heartbeat { .. })));
    }

    #[tokio::test(start_paused = true)]
    async fn silence_refusal_and_return_are_told() {
        let bodies = first(&[0, 401, 503, 403], 5).await;
        let kinds: Vec<_> = bodies[..3]
            .iter()
            .map(|body| if let Body::Failed(why) = body { why.kind } else { panic!("{body:?}") })
            .collect();
        assert_eq!(kinds, [FailureKind::Timeout, FailureKind::Auth, FailureKind::Unreachable]);
        assert!(matches!(&bodies[3], Body::Connected(c) if c.version.is_none()), "whoever refuses is alive");
        assert!(matches!(&bodies[4], Body::Heartbeat { .. }));
    }
}
