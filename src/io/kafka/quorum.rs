//! The KRaft quorum: asked of any broker, which passes the question on to the active controller.
//!
//! While there is none a broker keeps the question for as long as it pleases, and answers nothing else on that
//! connection meanwhile. So it is asked on a connection aside: that one may hang, and says nothing about its broker.
//! In ZooKeeper mode it is not asked at all.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use kafka_protocol::messages::{
    DescribeQuorumResponse,
    describe_quorum_response::{PartitionData, ReplicaState},
};
use tokio::time::{Instant, sleep_until};

use super::{failure::CallError, observer::Shared};
use crate::{
    domain::{
        freshness::Asked,
        ids::BrokerId,
        quorum::{Quorum, Replica},
    },
    facts::KafkaBody,
    wire::requests,
};

/// How often it is asked for.
const EVERY: Duration = Duration::from_secs(3);

/// How often where it is not told.
const ASK_LEAVE_EVERY: Duration = Duration::from_secs(60);

/// A controller answers within milliseconds: after this there is none.
const PATIENCE: Duration = Duration::from_millis(2_500);

/// Asks for the quorum (key 55) until cancelled.
pub async fn watch(shared: Arc<Shared>) {
    let mut pulse = shared.pulse();
    let mut changed = shared.roster.changed();
    loop {
        changed.mark_unchanged();
        // Until a broker has said in which mode it is there is nothing to ask.
        if shared.roster.is_kraft() != Some(true) {
            if changed.changed().await.is_err() {
                return;
            }
            continue;
        }
        let asked = Instant::now();
        let mut pause = EVERY;
        match ask(&shared).await {
            Ok(quorum) => shared.desk.answered(Asked::Quorum, None, KafkaBody::Quorum(quorum)).await,
            Err(why) => {
                if why.is_final() {
                    pause = ASK_LEAVE_EVERY;
                }
                shared.desk.failed(Asked::Quorum, None, &why).await;
            }
        }
        tokio::select! {
            () = sleep_until(asked + pause) => {}
            gone = pulse.changed() => match gone {
                Err(_) => return,
                Ok(()) => shared.aside.retry(),
            },
        }
    }
}

/// Asks on the connection aside.
async fn ask(shared: &Shared) -> Result<Quorum, CallError> {
    let answer = shared.aside.ask(&shared.roster, &requests::describe_quorum(), PATIENCE).await?;
    read(&answer.body)
}

/// DescribeQuorum (key 55) in our words.
pub fn read(answer: &DescribeQuorumResponse) -> Result<Quorum, CallError> {
    let whole = |code: i16| if code == 0 { Ok(()) } else { Err(CallError::Refused { code }) };
    whole(answer.error_code)?;
    let Some(told) = answer.topics.first().and_then(|topic| topic.partitions.first()) else {
        return Err(CallError::Garbled { why: "the answer is about no quorum".to_owned() });
    };
    whole(told.error_code)?;
    Ok(quorum(told))
}

fn quorum(told: &PartitionData) -> Quorum {
    let replicas = |of: &[ReplicaState]| {
        let mut replicas: Vec<Replica> = of.iter().map(replica).collect();
        replicas.sort_by_key(|r| r.id);
        replicas
    };
    Quorum {
        leader: (told.leader_id.0 >= 0).then_some(BrokerId(told.leader_id.0)),
        leader_epoch: told.leader_epoch,
        high_watermark: known(told.high_watermark),
        voters: replicas(&told.current_voters),
        observers: replicas(&told.observers),
    }
}

/// -1 is what the leader does not know.
fn known(figure: i64) -> Option<i64> {
    (figure >= 0).then_some(figure)
}

fn replica(state: &ReplicaState) -> Replica {
    let at = |ms: i64| known(ms).and_then(DateTime::<Utc>::from_timestamp_millis);
    Replica {
        id: BrokerId(state.replica_id.0),
        directory: (!state.replica_directory_id.is_nil()).then(|| state.replica_directory_id.to_string()),
        log_end: known(state.log_end_offset),
        fetched_at: at(state.last_fetch_timestamp),
        caught_up_at: at(state.last_caught_up_timestamp),
    }
}

#[cfg(test)]
mod tests {
    use kafka_protocol::messages::{BrokerId as Node, describe_quorum_response::TopicData};

    use super::*;

    fn state(id: i32, end: i64, at: i64) -> ReplicaState {
        ReplicaState::default()
            .with_replica_id(Node(id))
            .with_log_end_offset(end)
            .with_last_fetch_timestamp(at)
            .with_last_caught_up_timestamp(at)
    }

    fn answer(partition: PartitionData) -> DescribeQuorumResponse {
        DescribeQuorumResponse::default().with_topics(vec![TopicData::default().with_partitions(vec![partition])])
    }

    #[test]
    fn what_the_leader_does_not_know_is_not_known_here() {
        let told = PartitionData::default()
            .with_leader_id(Node(1))
            .with_leader_epoch(7)
            .with_high_watermark(-1)
            .with_current_voters(vec![state(2, -1, -1), state(1, 30, i64::MAX), state(0, 28, 1_000)]);
        let quorum = read(&answer(told)).unwrap();
        assert_eq!((quorum.leader, quorum.leader_epoch, quorum.high_watermark), (Some(BrokerId(1)), 7, None));
        let lags: Vec<Option<i64>> = quorum.voters.iter().map(|v| quorum.lag(v)).collect();
        assert_eq!(lags, [Some(2), Some(0), None]);
        let [follower, leader, absent] = &quorum.voters[..] else { panic!("{quorum:?}") };
        assert_eq!(follower.caught_up_at.map(|at| at.timestamp()), Some(1));
        assert_eq!((leader.caught_up_at, absent.fetched_at, &absent.directory), (None, None, &None));
    }

    #[test]
    fn an_error_of_the_partition_or_of_all_is_told_and_nothing_at_all_is_garbage() {
        let refused = read(&answer(PartitionData::default().with_error_code(6)));
        assert_eq!(refused, Err(CallError::Refused { code: 6 }));
        assert_eq!(read(&DescribeQuorumResponse::default().with_error_code(31)), Err(CallError::Refused { code: 31 }));
        assert!(matches!(read(&DescribeQuorumResponse::default()), Err(CallError::Garbled { .. })));
        let leaderless = read(&answer(PartitionData::default().with_leader_id(Node(-1)))).unwrap();
        assert_eq!(leaderless.leader, None);
    }
}
