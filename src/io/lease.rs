//! One Lease per installation says who acts on it and at which step, so that two consoles do not act at once.
//!
//! It is advice among consoles, kept by the API server's resourceVersion: whoever loses a race is told. It needs get,
//! create and update on leases in the installation's namespace; without them its owner goes on with a warning.

use std::time::Duration;

use chrono::{DateTime, Utc};
use k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::MicroTime,
    jiff::Timestamp,
};
use kube::{
    Api, Client, Error,
    api::PostParams,
    core::{ObjectMeta, Status},
};

use super::{failure, identity::Identity, translate::moment};
use crate::{
    domain::{freshness::FailureKind, ids::InstallationId, text::printable},
    plan::op::Holder,
};

/// How long an answer may take.
const DEADLINE: Duration = Duration::from_secs(5);
/// How often its owner renews a lease.
pub const RENEW_EVERY: Duration = Duration::from_secs(10);
/// After how many silent seconds a lease may be taken over.
const EXPIRES_S: i32 = 30;
/// How often a change is tried when somebody else was quicker.
const TRIES: usize = 3;
/// What is being done.
const ACTION: &str = "kafdeck.dev/action";
/// At which step.
const STEP: &str = "kafdeck.dev/step";

/// Why a lease is not ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Untaken {
    /// Somebody else has it.
    Held(Holder),
    /// We may not have leases; why.
    NotPermitted(String),
    /// Nobody answered; why.
    Unreachable(String),
}

/// A lease that is ours, until it is released or not renewed.
#[derive(Debug, Clone)]
pub struct Taken {
    leases: Leases,
    action: String,
    /// From whom it was taken over, and why that was right, in words; `None` when it was free.
    pub over: Option<String>,
}

/// The lease of an installation and who we are to it.
#[derive(Debug, Clone)]
struct Leases {
    api: Api<Lease>,
    namespace: String,
    name: String,
    identity: Identity,
}

/// Takes the lease of an installation for an action.
///
/// # Errors
/// When somebody else has it, and is neither silent for longer than it said nor known to have ended.
pub async fn take(
    client: &Client,
    installation: &InstallationId,
    identity: &Identity,
    action: &str,
    now: DateTime<Utc>,
) -> Result<Taken, Untaken> {
    let leases = Leases::new(client, installation, identity);
    for _ in 0..TRIES {
        let (lease, over) = match leases.get().await? {
            None => (leases.filled(Lease::default(), action, "", now), None),
            Some(lease) => {
                let over = leases.claim(&lease, now)?;
                (leases.filled(lease, action, "", now), over)
            }
        };
        if leases.put(&lease).await? {
            return Ok(Taken { leases, action: action.to_owned(), over });
        }
    }
    Err(Untaken::Unreachable(format!("the Lease {} changes faster than it can be taken", leases.name)))
}

/// Who has the lease of an installation now; none when nobody has, or when it may not be read.
pub async fn look(client: &Client, installation: &InstallationId, now: DateTime<Utc>) -> Option<Holder> {
    let leases = Leases::new(client, installation, &Identity::here());
    let lease = leases.get().await.ok()??;
    match leases.claim(&lease, now) {
        Err(Untaken::Held(holder)) => Some(holder),
        _ => None,
    }
}

impl Taken {
    /// Says that we are still here, and at which step.
    ///
    /// # Errors
    /// When it is no longer ours, or nobody answers.
    pub async fn renew(&self, step: &str, now: DateTime<Utc>) -> Result<(), Untaken> {
        self.change(|lease| self.leases.filled(lease, &self.action, step, now)).await
    }

    /// Gives the lease back.
    ///
    /// # Errors
    /// When it is no longer ours, or nobody answers: then it expires.
    pub async fn release(self) -> Result<(), Untaken> {
        self.change(|mut lease| {
            if let Some(spec) = &mut lease.spec {
                spec.holder_identity = None;
                spec.renew_time = None;
                spec.acquire_time = None;
            }
            if let Some(annotations) = &mut lease.metadata.annotations {
                annotations.retain(|name, _| name != ACTION && name != STEP);
            }
            lease
        })
        .await
    }

    /// Changes the lease while it is ours.
    async fn change(&self, change: impl Fn(Lease) -> Lease) -> Result<(), Untaken> {
        let leases = &self.leases;
        for _ in 0..TRIES {
            let lost = |who: Option<Holder>| Untaken::Held(who.unwrap_or_default());
            let lease = leases.get().await?.ok_or_else(|| lost(None))?;
            if holder(&lease) != Some(leases.identity.to_string().as_str()) {
                return Err(lost(None).or_held(&lease));
            }
            if leases.put(&change(lease)).await? {
                return Ok(());
            }
        }
        Err(Untaken::Unreachable(format!("the Lease {} changes faster than it can be renewed", leases.name)))
    }
}

impl Untaken {
    /// The same with what the lease says of its holder.
    fn or_held(self, lease: &Lease) -> Self {
        match holder(lease) {
            Some(who) => Self::Held(Holder { who: printable(who).into_owned(), ..told(lease) }),
            None => self,
        }
    }

    /// In a sentence without a period.
    pub fn words(&self) -> String {
        match self {
            Self::Held(Holder { who, .. }) if who.is_empty() => "nobody holds the Lease any more".to_owned(),
            Self::Held(Holder { who, action, step, silent_s }) => {
                let step = if step.is_empty() { String::new() } else { format!(" at step {step}") };
                format!("{who} is doing {action}{step}, heard of {silent_s}s ago")
            }
            Self::NotPermitted(why) | Self::Unreachable(why) => why.clone(),
        }
    }
}

impl Leases {
    fn new(client: &Client, installation: &InstallationId, identity: &Identity) -> Self {
        Self {
            api: Api::namespaced(client.clone(), &installation.namespace),
            namespace: installation.namespace.clone(),
            name: name(&installation.name),
            identity: identity.clone(),
        }
    }

    /// Whether the lease may be ours; from whom it is taken over then.
    fn claim(&self, lease: &Lease, now: DateTime<Utc>) -> Result<Option<String>, Untaken> {
        let Some(who) = holder(lease) else { return Ok(None) };
        if who == self.identity.to_string() {
            return Ok(None);
        }
        let spec = lease.spec.clone().unwrap_or_default();
        let renewed = spec.renew_time.as_ref().and_then(|time| moment(time.0));
        let silent_s = renewed.map_or(i64::MAX, |at| (now - at).num_seconds().max(0));
        let known = printable(who).into_owned();
        if Identity::parse(who).is_some_and(|identity| identity.has_ended(&self.identity)) {
            return Ok(Some(format!("taken over from {known}, which has ended")));
        }
        if silent_s > i64::from(spec.lease_duration_seconds.unwrap_or(EXPIRES_S)) {
            let silence = if renewed.is_some() { format!("{silent_s}s") } else { "ever".to_owned() };
            return Ok(Some(format!("taken over from {known}, not heard of for {silence}")));
        }
        Err(Untaken::Held(Holder { who: known, silent_s, ..told(lease) }))
    }

    /// The lease as ours.
    fn filled(&self, mut lease: Lease, action: &str, step: &str, now: DateTime<Utc>) -> Lease {
        lease.metadata.name = Some(self.name.clone());
        lease.metadata.namespace = Some(self.namespace.clone());
        let annotations = lease.metadata.annotations.get_or_insert_default();
        annotations.insert(ACTION.to_owned(), action.to_owned());
        annotations.insert(STEP.to_owned(), step.to_owned());
        let ours = self.identity.to_string();
        let time = Timestamp::from_microsecond(now.timestamp_micros()).ok().map(MicroTime);
        let before = lease.spec.take().unwrap_or_default();
        let is_new = before.holder_identity.as_deref() != Some(&ours);
        lease.spec = Some(LeaseSpec {
            acquire_time: if is_new { time.clone() } else { before.acquire_time },
            lease_transitions: Some(before.lease_transitions.unwrap_or_default() + i32::from(is_new)),
            holder_identity: Some(ours),
            lease_duration_seconds: Some(EXPIRES_S),
            renew_time: time,
            ..before
        });
        lease
    }

    async fn get(&self) -> Result<Option<Lease>, Untaken> {
        self.answer("get", self.api.get_opt(&self.name)).await?.map_err(|error| self.untaken("get", &error))
    }

    /// Keeps the lease; false when somebody else was quicker.
    async fn put(&self, lease: &Lease) -> Result<bool, Untaken> {
        let params = PostParams { field_manager: Some("kafdeck".to_owned()), ..PostParams::default() };
        let (verb, answer) = if lease.metadata.resource_version.is_some() {
            ("update", self.answer("update", self.api.replace(&self.name, &params, lease)).await?)
        } else {
            ("create", self.answer("create", self.api.create(&params, lease)).await?)
        };
        match answer {
            Ok(_) => Ok(true),
            Err(Error::Api(status)) if is_race(&status) => Ok(false),
            Err(error) => Err(self.untaken(verb, &error)),
        }
    }

    async fn answer<T>(&self, verb: &str, ask: impl Future<Output = T>) -> Result<T, Untaken> {
        let late = |_| Untaken::Unreachable(failure::timed_out(&self.trying(verb), DEADLINE).what);
        tokio::time::timeout(DEADLINE, ask).await.map_err(late)
    }

    fn untaken(&self, verb: &str, error: &Error) -> Untaken {
        let failed = failure::classify(error, &self.trying(verb));
        let why = [Some(failed.what), failed.hint].into_iter().flatten().collect::<Vec<_>>().join(" ");
        match failed.kind {
            FailureKind::Forbidden | FailureKind::Unsupported | FailureKind::Garbage => Untaken::NotPermitted(why),
            _ => Untaken::Unreachable(why),
        }
    }

    fn trying(&self, verb: &str) -> String {
        format!("{verb} Lease {}/{}", self.namespace, self.name)
    }
}

/// Whether somebody else made, changed or deleted it in between.
fn is_race(status: &Status) -> bool {
    matches!(status.code, 409) || (status.code == 404 && status.details.as_ref().is_some_and(|d| d.kind == "leases"))
}

/// Who has it, if anybody.
fn holder(lease: &Lease) -> Option<&str> {
    lease.spec.as_ref()?.holder_identity.as_deref().filter(|who| !who.is_empty())
}

/// What its annotations say of what is done.
fn told(lease: &Lease) -> Holder {
    let ObjectMeta { annotations, .. } = &lease.metadata;
    let text = |name: &str| annotations.as_ref().and_then(|all| all.get(name)).map_or("", String::as_str);
    let short = |name: &str| printable(text(name)).chars().take(200).collect();
    Holder { action: short(ACTION), step: short(STEP), ..Holder::default() }
}

/// The lease's name: that of the installation, cut to what a name may be.
fn name(installation: &str) -> String {
    let name: String = format!("kafdeck-{installation}").chars().take(253).collect();
    name.trim_end_matches(['-', '.']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_that_the_api_server_takes() {
        assert_eq!(name("kafka"), "kafdeck-kafka");
        let long = format!("{}-tail", "a".repeat(244));
        assert_eq!(name(&long), format!("kafdeck-{}", "a".repeat(244)), "cut at 253, without a hyphen at its end");
    }
}
