//! Which requests are answered, in which versions, and by whom.
//!
//! A real broker offers more; what it lacks here is not offered, and who asks all the same is hung up on, as by
//! any broker that does not know a request.

use bytes::Bytes;
use kafka_protocol::{
    ResponseError,
    messages::{
        ApiKey, ApiVersionsResponse,
        api_versions_response::{ApiVersion, FinalizedFeatureKey, SupportedFeatureKey},
    },
};

use super::{View, cluster, configs, coordinators, groups, logs, moves, offsets, produce, text, users};
use crate::wire::served::{Hostile, Incoming};

/// What is offered: the request, its oldest and its newest version.
pub const OFFERED: [(ApiKey, i16, i16); 31] = [
    (ApiKey::Produce, 3, 12),
    (ApiKey::Fetch, 4, 16),
    (ApiKey::ListOffsets, 1, 10),
    (ApiKey::Metadata, 0, 13),
    (ApiKey::OffsetFetch, 1, 9),
    (ApiKey::FindCoordinator, 0, 6),
    (ApiKey::DescribeGroups, 0, 6),
    (ApiKey::ListGroups, 0, 5),
    (ApiKey::ApiVersions, 0, 4),
    (ApiKey::InitProducerId, 0, 5),
    (ApiKey::DescribeConfigs, 1, 4),
    (ApiKey::DescribeLogDirs, 1, 4),
    (ApiKey::DescribeQuorum, 0, 2),
    (ApiKey::DescribeCluster, 0, 2),
    (ApiKey::ConsumerGroupDescribe, 0, 1),
    (ApiKey::DescribeAcls, 1, 3),
    (ApiKey::DescribeClientQuotas, 0, 1),
    (ApiKey::DescribeUserScramCredentials, 0, 0),
    (ApiKey::ListPartitionReassignments, 0, 0),
    (ApiKey::OffsetCommit, 2, 9),
    (ApiKey::CreateTopics, 2, 7),
    (ApiKey::DeleteTopics, 1, 6),
    (ApiKey::CreateAcls, 1, 3),
    (ApiKey::DeleteAcls, 1, 3),
    (ApiKey::CreatePartitions, 0, 3),
    (ApiKey::DeleteGroups, 0, 2),
    (ApiKey::ElectLeaders, 0, 2),
    (ApiKey::IncrementalAlterConfigs, 0, 1),
    (ApiKey::AlterPartitionReassignments, 0, 1),
    (ApiKey::AlterClientQuotas, 0, 1),
    (ApiKey::AlterUserScramCredentials, 0, 0),
];

/// Levels of `metadata.version` that brokers of 4.1 can run at.
const METADATA_LEVELS: (i16, i16) = (7, 27);

/// The first version of ApiVersions that tells features.
const WITH_FEATURES: i16 = 3;

/// The request that is offered under a number, and whether in this version.
pub fn offers(incoming: &Incoming) -> (Option<ApiKey>, bool) {
    let known = OFFERED.into_iter().find(|(key, ..)| *key as i16 == incoming.key);
    let spoken = known.is_some_and(|(_, oldest, newest)| (oldest..=newest).contains(&incoming.version));
    (known.map(|(key, ..)| key), spoken)
}

/// The answer to a request that changes nothing, as a frame.
pub fn answer(view: &View<'_>, incoming: &Incoming) -> Result<Bytes, Hostile> {
    match offers(incoming) {
        (Some(ApiKey::ApiVersions), false) => incoming.reply(&unsupported(), 0),
        (Some(key), true) => by_key(view, incoming, key),
        _ => {
            let why = "not offered".to_owned();
            Err(Hostile::Garbled { key: incoming.key, version: incoming.version, why })
        }
    }
}

/// Refuses what is not offered in its version.
pub fn refuse_others(incoming: &Incoming) -> Result<(), Hostile> {
    if offers(incoming).1 {
        return Ok(());
    }
    Err(Hostile::Garbled { key: incoming.key, version: incoming.version, why: "not offered".to_owned() })
}

fn by_key(view: &View<'_>, incoming: &Incoming, key: ApiKey) -> Result<Bytes, Hostile> {
    match key {
        ApiKey::ApiVersions => incoming.reply(&api_versions(view, incoming.version), incoming.version),
        ApiKey::Metadata => incoming.answer(|asked, version| cluster::metadata(view, &asked, version)),
        ApiKey::DescribeCluster => incoming.answer(|asked, version| cluster::describe(view, &asked, version)),
        ApiKey::DescribeQuorum => incoming.answer(|asked, version| cluster::quorum(view, &asked, version)),
        ApiKey::FindCoordinator => incoming.answer(|asked, version| coordinators::find(view, &asked, version)),
        ApiKey::ListGroups => incoming.answer(|asked, _| groups::list(view, &asked)),
        ApiKey::DescribeGroups => incoming.answer(|asked, version| groups::describe(view, &asked, version)),
        ApiKey::ConsumerGroupDescribe => {
            incoming.answer(|asked, version| groups::describe_consumers(view, &asked, version))
        }
        ApiKey::OffsetFetch => incoming.answer(|asked, version| offsets::fetch(view, &asked, version)),
        ApiKey::ListOffsets => incoming.answer(|asked, version| offsets::list(view, &asked, version)),
        ApiKey::DescribeLogDirs => incoming.answer(|asked, version| logs::describe(view, &asked, version)),
        ApiKey::DescribeConfigs => incoming.answer(|asked, version| configs::describe(view, &asked, version)),
        ApiKey::InitProducerId => incoming.answer(|asked, _| produce::producer(view, &asked)),
        ApiKey::DescribeAcls => incoming.answer(|asked, version| users::acls(view, &asked, version)),
        ApiKey::DescribeClientQuotas => incoming.answer(|asked, version| users::quotas(view, &asked, version)),
        ApiKey::ListPartitionReassignments => incoming.answer(|asked, _| moves::list(view, &asked)),
        ApiKey::DescribeUserScramCredentials => incoming.answer(|asked, version| users::scram(view, &asked, version)),
        other => Err(Hostile::Garbled { key: other as i16, version: incoming.version, why: "not offered".to_owned() }),
    }
}

fn offered((key, oldest, newest): (ApiKey, i16, i16)) -> ApiVersion {
    ApiVersion::default().with_api_key(key as i16).with_min_version(oldest).with_max_version(newest)
}

/// ApiVersions (key 18): what is offered, and features (KIP-584).
fn api_versions(view: &View<'_>, version: i16) -> ApiVersionsResponse {
    let answer = ApiVersionsResponse::default().with_api_keys(OFFERED.map(offered).to_vec());
    if version < WITH_FEATURES {
        return answer;
    }
    let supported = |name: &str, min, max| {
        SupportedFeatureKey::default().with_name(text(name)).with_min_version(min).with_max_version(max)
    };
    let finalized = |name: &str, level| {
        FinalizedFeatureKey::default().with_name(text(name)).with_min_version_level(level).with_max_version_level(level)
    };
    let (lowest, highest) = METADATA_LEVELS;
    let mut all = vec![supported("metadata.version", lowest, highest)];
    if version > WITH_FEATURES {
        // A lowest level of 0 is not told to clients that cannot read it.
        all.push(supported("group.version", 0, 1));
    }
    answer.with_supported_features(all).with_finalized_features_epoch(1).with_finalized_features(vec![
        finalized("metadata.version", view.kafka.metadata_level),
        finalized("group.version", 1),
    ])
}

/// What a version of ApiVersions is answered that is not known (KIP-511): which ones are, in the oldest form.
fn unsupported() -> ApiVersionsResponse {
    let own = OFFERED.into_iter().filter(|(key, ..)| *key == ApiKey::ApiVersions).map(offered);
    ApiVersionsResponse::default()
        .with_error_code(ResponseError::UnsupportedVersion.code())
        .with_api_keys(own.collect())
}
