//! Runs a Job until it is over: makes it, waits, reads the last line of its log, and takes it away.
//!
//! It is asked for now and then and not watched: nobody else needs to know of it. `io::act` calls it for a step.

use k8s_openapi::api::{batch::v1::Job, core::v1::Pod};
use kube::{
    Api, Client, Error,
    api::{DeleteParams, ListParams, LogParams},
};
use serde_json::Value;
use tokio::time::{Duration, Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::apply;
use crate::plan::op::{Op, OpAnswer, OpFailure, Target};

/// How often it is asked for.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How long one answer may take.
const DEADLINE: Duration = Duration::from_secs(10);

/// How it ended.
enum Ended {
    Complete,
    Failed(String),
    Late,
    Stopped,
}

/// Runs it, for as long as `limit`; `stop` ends the wait. What it made is gone afterwards, or it is said that it is not.
///
/// # Errors
/// When it cannot be made, failed, or did not end in time: with the last line of its log, or what its pod waits for.
pub async fn run(
    client: &Client,
    target: &Target,
    manifest: &Value,
    limit: Duration,
    stop: &CancellationToken,
) -> Result<OpAnswer, OpFailure> {
    let make = Op::Create { target: target.clone(), manifest: manifest.clone() };
    apply::perform(client, &make).await?;
    let run = Run {
        jobs: Api::namespaced(client.clone(), &target.namespace),
        pods: Api::namespaced(client.clone(), &target.namespace),
        name: &target.name,
    };
    let began = Instant::now();
    let ended = run.wait(limit, stop).await;
    let line = run.last_line().await;
    let told = match ended {
        Ok(Ended::Complete) => Ok(line.unwrap_or_else(|| "its log cannot be read".to_owned())),
        Ok(Ended::Failed(why)) => Err(line.unwrap_or(why)),
        Ok(Ended::Late) => {
            let blocked = run.blocked().await.or(line).unwrap_or_else(|| "it says nothing".to_owned());
            Err(format!("the Job was not over after {} s: {blocked}", limit.as_secs()))
        }
        Ok(Ended::Stopped) => Err("it was stopped".to_owned()),
        Err(error) => Err(format!("the Job cannot be looked at: {error}")),
    };
    let left = run.take_away().await.err().map(|why| format!("; Job {} is left behind: {why}", target.name));
    let left = left.unwrap_or_default();
    match told {
        Ok(line) => Ok(OpAnswer::Done(format!("{line}, after {:.1} s{left}", began.elapsed().as_secs_f64()))),
        Err(why) => Err(OpFailure::Refused(format!("{why}{left}"))),
    }
}

struct Run<'a> {
    jobs: Api<Job>,
    pods: Api<Pod>,
    name: &'a str,
}

impl Run<'_> {
    async fn wait(&self, limit: Duration, stop: &CancellationToken) -> Result<Ended, Error> {
        let deadline = Instant::now() + limit;
        loop {
            // An API server that is silent for a moment is asked again.
            match timeout(DEADLINE, self.jobs.get(self.name)).await {
                Ok(Ok(job)) => {
                    if let Some(ended) = ended(&job) {
                        return Ok(ended);
                    }
                }
                Ok(Err(error @ Error::Api(_))) => return Err(error),
                Ok(Err(_)) | Err(_) => {}
            }
            if Instant::now() >= deadline {
                return Ok(Ended::Late);
            }
            tokio::select! {
                () = sleep(LOOK_EVERY) => {}
                () = stop.cancelled() => return Ok(Ended::Stopped),
            }
        }
    }

    async fn pod(&self) -> Option<Pod> {
        let of_job = ListParams::default().labels(&format!("job-name={}", self.name));
        let pods = timeout(DEADLINE, self.pods.list(&of_job)).await.ok()?.ok()?;
        pods.items.into_iter().next()
    }

    async fn last_line(&self) -> Option<String> {
        let name = self.pod().await?.metadata.name?;
        let last = LogParams { tail_lines: Some(5), limit_bytes: Some(8_192), ..LogParams::default() };
        let text = timeout(DEADLINE, self.pods.logs(&name, &last)).await.ok()?.ok()?;
        text.lines().rev().find(|line| !line.trim().is_empty()).map(|line| line.trim().to_owned())
    }

    /// What its pod waits for: a node, an image.
    async fn blocked(&self) -> Option<String> {
        let Some(pod) = self.pod().await else { return Some("it has no pod".to_owned()) };
        let status = pod.status?;
        let containers = status.container_statuses.unwrap_or_default();
        let waiting = containers.into_iter().find_map(|one| one.state?.waiting);
        if let Some(waiting) = waiting {
            let reason = waiting.reason.unwrap_or_default();
            return Some(waiting.message.map_or(reason.clone(), |message| format!("{reason}: {message}")));
        }
        let unscheduled =
            status.conditions?.into_iter().find(|one| one.type_ == "PodScheduled" && one.status == "False");
        unscheduled.and_then(|one| one.message)
    }

    async fn take_away(&self) -> Result<(), String> {
        match timeout(DEADLINE, self.jobs.delete(self.name, &DeleteParams::background())).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(Error::Api(status))) if status.code == 404 => Ok(()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("the API server did not answer".to_owned()),
        }
    }
}

fn ended(job: &Job) -> Option<Ended> {
    let conditions = job.status.as_ref()?.conditions.as_deref().unwrap_or_default();
    let is = |kind: &str| conditions.iter().find(|one| one.type_ == kind && one.status == "True");
    if is("Complete").is_some() {
        return Some(Ended::Complete);
    }
    let failed = is("Failed")?;
    let words = [failed.reason.as_deref(), failed.message.as_deref()];
    Some(Ended::Failed(words.into_iter().flatten().collect::<Vec<_>>().join(": ")))
}
