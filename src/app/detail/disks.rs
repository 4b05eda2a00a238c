//! What is known of a claim or of a broker's log directories beyond columns: what fills it, whether it can be made
//! larger, and which directories have failed; see the parent module.

use crate::{
    domain::{ids::BrokerId, units},
    world::{
        Reading,
        growth::TopicGrowth,
        storage::{ClaimRow, FailedDir},
    },
};

/// A claim.
pub fn claim(claim: &ClaimRow) -> Vec<(&'static str, String)> {
    let mut lines: Vec<(&'static str, String)> = failed(&claim.failed_log_dirs).collect();
    lines.push(("expandable", expandable(claim)));
    lines.extend(growing(&claim.growing_topics));
    lines.extend(claim.volume.clone().map(|volume| ("volume", volume)));
    lines.extend(claim.pod.clone().map(|pod| ("pod", pod)));
    lines
}

/// All log directories of a broker.
pub fn broker(reading: &Reading<'_>, id: Option<BrokerId>) -> Vec<(&'static str, String)> {
    let failed_dirs = reading.failed_dirs(id, "");
    failed(&failed_dirs).chain(growing(&reading.growing(id, ""))).collect()
}

fn failed(dirs: &[FailedDir]) -> impl Iterator<Item = (&'static str, String)> {
    dirs.iter().map(|dir| ("log dir failed", format!("{}: {}", dir.path, dir.error)))
}

fn growing(topics: &[TopicGrowth]) -> Option<(&'static str, String)> {
    let rate = |t: &TopicGrowth| format!("{} {}/h", t.topic, units::bytes(t.bytes_per_hour.unsigned_abs()));
    let topics: Vec<String> = topics.iter().map(rate).collect();
    (!topics.is_empty()).then(|| ("grow most", topics.join(", ")))
}

fn expandable(claim: &ClaimRow) -> String {
    let why = claim.expandable_why.as_deref().unwrap_or_default();
    match claim.expandable {
        Some(true) => match &claim.class {
            Some(class) => format!("yes: storage class {class} allows it"),
            None => "yes".to_owned(),
        },
        Some(false) => format!("no: {why}"),
        None => format!("? {why}"),
    }
}
