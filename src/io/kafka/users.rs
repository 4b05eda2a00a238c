//! Users, ACLs and quotas: asked at the start, now and then, and at once on a refresh.
//!
//! Any broker knows all three. Each is a source of its own: who may see one may not see another.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep_until};

use super::{
    answers,
    connection::Answer,
    failure::CallError,
    observer::{BYTES_PER_SECOND, Shared},
};
use crate::{
    domain::freshness::Asked,
    facts::KafkaBody,
    wire::requests::{self, Ask},
};

/// How often they are asked for.
const EVERY: Duration = Duration::from_secs(60);

/// The longest pause, however large the answers are.
const SELDOM: Duration = Duration::from_secs(300);

/// After a failure that may pass they are asked for again.
const AGAIN_AFTER: Duration = Duration::from_secs(5);

/// How long an answer may take: there may be thousands of ACLs.
const PATIENCE: Duration = Duration::from_secs(5);

/// The share of what an observation may cost that is spent here.
const SHARE: f64 = 0.1;

/// What one round came to.
#[derive(Debug, Default, Clone, Copy)]
struct Came {
    /// Bytes of the answer.
    bytes: usize,
    /// It failed, and another time it may not.
    failed: bool,
}

/// Asks for all three until cancelled.
pub async fn users(shared: Arc<Shared>) {
    let mut pulse = shared.pulse();
    let mut changed = shared.roster.changed();
    // Before the first routes are taken there is nobody to ask.
    if changed.wait_for(|times| *times > 0).await.is_err() {
        return;
    }
    loop {
        changed.mark_unchanged();
        let asked = Instant::now();
        // One after the other, the one that a broker may keep at the end.
        let acls =
            ask(&shared, Asked::Acls, requests::describe_acls(), |a| answers::acls(a).map(KafkaBody::Acls)).await;
        let quotas = requests::describe_quotas();
        let quotas = ask(&shared, Asked::Quotas, quotas, |a| answers::quotas(a).map(KafkaBody::Quotas)).await;
        let scram = requests::describe_scram_users();
        let told = |a: &_| answers::scram_users(a).map(KafkaBody::ScramUsers);
        let scram = ask(&shared, Asked::ScramUsers, scram, told).await;
        let failed = [scram, acls, quotas].iter().any(|came| came.failed);
        let bytes = (scram.bytes + acls.bytes + quotas.bytes) as f64;
        let pause = Duration::from_secs_f64(bytes / (BYTES_PER_SECOND * SHARE)).clamp(EVERY, SELDOM);
        let next = asked + if failed { AGAIN_AFTER } else { pause };
        let soonest = asked + Duration::from_millis(250);
        tokio::select! {
            () = sleep_until(next) => {}
            // Whoever comes back is asked at once.
            _ = changed.changed(), if failed => sleep_until(soonest).await,
            gone = pulse.changed() => if gone.is_err() {
                return;
            },
        }
    }
}

/// Asks a broker for one of them, on the connection aside, and tells what it says.
async fn ask<R: Ask>(
    shared: &Shared,
    what: Asked,
    request: R,
    read: impl Fn(&R::Response) -> Result<KafkaBody, CallError>,
) -> Came {
    let told: Result<(KafkaBody, usize), CallError> = shared
        .aside
        .ask(&shared.roster, &request, PATIENCE)
        .await
        .and_then(|Answer { body, bytes, .. }| Ok((read(&body)?, bytes)));
    match told {
        Ok((body, bytes)) => {
            shared.desk.answered(what, None, body).await;
            Came { bytes, failed: false }
        }
        Err(why) => {
            shared.desk.failed(what, None, &why).await;
            // A refusal stands until somebody grants it, and an old broker stays old.
            Came { bytes: 0, failed: !matches!(why, CallError::Refused { .. } | CallError::TooOld(_)) }
        }
    }
}
