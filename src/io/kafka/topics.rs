//! Configs of topics: all of them now and then, and those of a new topic at once.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use futures::future::join_all;
use tokio::time::{Instant, sleep_until};

use super::{configs::of_topics, failure::CallError, observer::Shared};
use crate::{
    domain::{freshness::Asked, topic::TopicConfig},
    facts::KafkaBody,
    wire::{
        errors,
        requests::{self, TOPICS_PER_REQUEST, Width},
    },
};

/// How often all configs are asked for.
const ALL_EVERY: Duration = Duration::from_secs(300);

/// After a failure they are asked for again.
const AGAIN_AFTER: Duration = Duration::from_secs(5);

/// Up to so many topics all configs are asked for: beyond it they would take more than everything else together.
const ALL_CONFIGS_UP_TO: usize = TOPICS_PER_REQUEST;

/// Asks for configs until cancelled.
pub async fn configs(shared: Arc<Shared>) {
    let mut snapshot = shared.roster.snapshot();
    let mut pulse = shared.pulse();
    let mut known: BTreeMap<String, TopicConfig> = BTreeMap::new();
    // Asked for, whether or not they could be read: one that is forbidden is not asked for all the time.
    let mut asked: BTreeSet<String> = BTreeSet::new();
    let mut all_at = Instant::now();
    if snapshot.wait_for(|s| !s.brokers.is_empty()).await.is_err() {
        return;
    }
    loop {
        let topics: BTreeSet<String> = snapshot.borrow_and_update().leaders.keys().cloned().collect();
        let everything = Instant::now() >= all_at;
        asked.retain(|topic| topics.contains(topic) && !everything);
        let gone = known.len();
        known.retain(|topic, _| topics.contains(topic));
        let wanted: Vec<&str> = topics.iter().map(String::as_str).filter(|topic| !asked.contains(*topic)).collect();
        if everything || !wanted.is_empty() || known.len() != gone {
            let width = if topics.len() <= ALL_CONFIGS_UP_TO { Width::All } else { Width::Few };
            let complete = ask(&shared, &wanted, width, &mut known).await;
            asked.extend(wanted.into_iter().map(str::to_owned));
            if everything {
                all_at = Instant::now() + ALL_EVERY;
            }
            if !complete {
                all_at = all_at.min(Instant::now() + AGAIN_AFTER);
            }
        }
        let gone = tokio::select! {
            () = sleep_until(all_at) => false,
            changed = snapshot.changed() => changed.is_err(),
            changed = pulse.changed() => {
                all_at = Instant::now();
                changed.is_err()
            }
        };
        if gone {
            return;
        }
    }
}

/// Asks for some topics' configs (key 32), five hundred at a time, and tells all that are known; false when a part failed.
async fn ask(shared: &Shared, topics: &[&str], width: Width, known: &mut BTreeMap<String, TopicConfig>) -> bool {
    let batches = join_all(topics.chunks(TOPICS_PER_REQUEST).map(|topics| async move {
        shared.roster.ask_any(&requests::describe_configs(topics.iter().copied(), width)).await
    }))
    .await;
    let mut failure = None;
    for batch in batches {
        match batch {
            Ok(answer) => {
                let (configs, refused) = of_topics(&answer.body, width == Width::All);
                let forbidden = refused.into_iter().find(|code| errors::is_forbidden(*code));
                if let Some(code) = forbidden.filter(|_| configs.is_empty()) {
                    failure = Some(CallError::Refused { code });
                }
                known.extend(configs.into_iter().map(|c| (c.topic.clone(), c)));
            }
            Err(why) => failure = Some(why),
        }
    }
    if known.is_empty()
        && let Some(why) = &failure
    {
        shared.desk.failed(Asked::TopicConfigs, None, why).await;
    } else {
        let body = KafkaBody::TopicConfigs(known.values().cloned().collect());
        shared.desk.answered(Asked::TopicConfigs, None, body).await;
    }
    failure.is_none()
}
