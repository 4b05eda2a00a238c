//! Why a change was not made, told apart as far as it matters to who goes on.

use kafka_protocol::protocol::StrBytes;
use thiserror::Error;

use crate::{
    domain::{access::Mechanism, acl::Resource, text::printable},
    io::kafka::failure::CallError,
    plan::kafka::KafkaOp,
    wire::errors::{
        self, GROUP_ID_NOT_FOUND, REQUEST_TIMED_OUT, RESOURCE_NOT_FOUND, SECURITY_DISABLED, TOPIC_ALREADY_EXISTS,
        UNKNOWN_TOPIC_OR_PARTITION, UNSUPPORTED_VERSION,
    },
};

/// Longest message of a broker that is told, in characters.
const LONGEST_MESSAGE: usize = 500;

/// Why a change was not made, or a question not answered. `what` says what was done, as `creating topic orders`.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AdminError {
    /// The cluster is not what the plan was made for; nothing was changed.
    #[error("{what}: this has changed since the plan was made: {}", .diff.join("; "))]
    Stale {
        /// What was done.
        what: String,
        /// Each difference in a line.
        diff: Vec<String>,
    },
    /// Brokers refused it.
    #[error("{what} was refused: {message} ({name})")]
    Refused {
        /// What was done.
        what: String,
        /// The code's name, as `INVALID_CONFIG`.
        name: String,
        /// The broker's own words, or the code's meaning where it says nothing.
        message: String,
    },
    /// A permission is missing.
    #[error("{what} is not allowed{}: {needs} is missing; to grant it: kafka-acls.sh --add {acl}", whom(.principal.as_ref()))]
    Forbidden {
        /// What was done.
        what: String,
        /// Who was refused, as `User:console`, if known.
        principal: Option<String>,
        /// The permission, as `Alter on topic orders`.
        needs: String,
        /// The rule in the words of kafka-acls.sh, without the tool itself.
        acl: String,
        /// Only looking was refused: the change itself was not tried.
        looking: bool,
    },
    /// There is no authorizer, so there are no ACLs.
    #[error("{what} is not possible: no authorizer is configured, so everybody may do everything (SECURITY_DISABLED)")]
    NoAuthorizer {
        /// What was done.
        what: String,
    },
    /// It is there already, and otherwise than wanted or against what was said.
    #[error("{what} is not possible: {object} exists already")]
    Exists {
        /// What was done.
        what: String,
        /// What exists.
        object: String,
    },
    /// What was to be changed is not there.
    #[error("{what} is not possible: there is no {object}")]
    NotFound {
        /// What was done.
        what: String,
        /// What is missing.
        object: String,
    },
    /// Nobody could be asked; nothing was changed.
    #[error("{what} was not tried: {why}")]
    Unreachable {
        /// What was done.
        what: String,
        /// Why.
        why: String,
    },
    /// It was asked for and no answer came: whether it was done is not known.
    #[error("{what}: no answer came, so whether it was done is not known: {why}")]
    TimedOut {
        /// What was done.
        what: String,
        /// Why.
        why: String,
    },
}

fn whom(principal: Option<&String>) -> String {
    principal.map(|principal| format!(" for {}", printable(principal))).unwrap_or_default()
}

/// A permission that a request takes.
#[derive(Debug, Clone)]
pub struct Need {
    operation: &'static str,
    resource: Resource,
    name: String,
}

impl Need {
    /// On a topic.
    pub fn topic(operation: &'static str, name: &str) -> Self {
        Self { operation, resource: Resource::Topic, name: name.to_owned() }
    }

    /// On a group.
    pub fn group(operation: &'static str, name: &str) -> Self {
        Self { operation, resource: Resource::Group, name: name.to_owned() }
    }

    /// On the cluster.
    pub fn cluster(operation: &'static str) -> Self {
        Self { operation, resource: Resource::Cluster, name: String::new() }
    }

    fn words(&self) -> String {
        match self.resource {
            Resource::Cluster => format!("{} on the cluster", self.operation),
            _ => format!("{} on {} {}", self.operation, self.resource.word(), printable(&self.name)),
        }
    }

    /// As kafka-acls.sh is told it.
    fn flags(&self, principal: Option<&String>) -> String {
        let whom = principal.map_or("User:NAME".into(), |principal| printable(principal));
        let on = match self.resource {
            Resource::Cluster => "--cluster".to_owned(),
            _ => format!("--{} '{}'", self.resource.word(), printable(&self.name)),
        };
        format!("--allow-principal '{whom}' --operation {} {on}", self.operation)
    }
}

/// What is being done, for errors.
pub struct Deed {
    what: String,
    object: String,
    principal: Option<String>,
    /// Values that no error may hold.
    secrets: Vec<String>,
}

impl Deed {
    /// A change.
    pub fn of(op: &KafkaOp, principal: Option<String>) -> Self {
        let (what, object) = words(op);
        let secrets = match op {
            KafkaOp::AlterConfigs { changes, .. } => {
                let secret = changes.iter().filter(|c| crate::domain::config::names_a_secret(&c.name));
                let values = secret.flat_map(|c| [c.before.clone(), c.after.clone()]).flatten();
                values.filter(|value| !value.is_empty()).collect()
            }
            _ => Vec::new(),
        };
        Self { what: printable(&what).into_owned(), object: printable(&object).into_owned(), principal, secrets }
    }

    /// A question.
    pub fn asking(what: &str, principal: Option<String>) -> Self {
        let what = printable(what).into_owned();
        Self { object: what.clone(), what, principal, secrets: Vec::new() }
    }

    /// The plan was made for another cluster.
    pub fn stale(&self, diff: Vec<String>) -> AdminError {
        AdminError::Stale { what: self.what.clone(), diff }
    }

    /// There is something already.
    pub fn exists(&self, object: String) -> AdminError {
        AdminError::Exists { what: self.what.clone(), object }
    }

    /// There is not what was to be changed.
    pub fn not_found(&self, object: &str) -> AdminError {
        AdminError::NotFound { what: self.what.clone(), object: printable(object).into_owned() }
    }

    /// Refused by us, or in words of our own.
    pub fn no(&self, code: i16, message: String) -> AdminError {
        AdminError::Refused { what: self.what.clone(), name: errors::name(code), message }
    }

    /// An answer without what it must hold.
    pub fn garbled(&self, why: &str) -> AdminError {
        AdminError::Unreachable { what: self.what.clone(), why: why.to_owned() }
    }

    /// An answer to a change without what it must hold.
    pub fn unsure(&self, why: &str) -> AdminError {
        AdminError::TimedOut { what: self.what.clone(), why: why.to_owned() }
    }

    /// A look failed, so nothing was changed.
    pub fn unread(&self, why: CallError, need: &Need) -> AdminError {
        match why {
            CallError::Refused { code } => self.unseen(code, None, need),
            CallError::TooOld(old) => self.no(UNSUPPORTED_VERSION, old.to_string()),
            other => AdminError::Unreachable { what: self.what.clone(), why: other.to_string() },
        }
    }

    /// A change was sent, or could not be, and there is no answer.
    pub fn unsent(&self, why: CallError, need: &Need) -> AdminError {
        match why {
            // After the request went out.
            CallError::Timeout { .. } | CallError::Closed { .. } | CallError::Garbled { .. } => {
                AdminError::TimedOut { what: self.what.clone(), why: why.to_string() }
            }
            CallError::Refused { code } => self.refused(code, None, need),
            other => self.unread(other, need),
        }
    }

    /// A broker answered a look with an error.
    pub fn unseen(&self, code: i16, message: Option<&StrBytes>, need: &Need) -> AdminError {
        match self.refused(code, message, need) {
            AdminError::Forbidden { what, principal, needs, acl, .. } => {
                AdminError::Forbidden { what, principal, needs, acl, looking: true }
            }
            AdminError::TimedOut { what, why } => AdminError::Unreachable { what, why },
            other => other,
        }
    }

    /// A broker answered a change with an error.
    pub fn refused(&self, code: i16, message: Option<&StrBytes>, need: &Need) -> AdminError {
        let what = self.what.clone();
        match code {
            SECURITY_DISABLED => AdminError::NoAuthorizer { what },
            TOPIC_ALREADY_EXISTS => AdminError::Exists { what, object: self.object.clone() },
            UNKNOWN_TOPIC_OR_PARTITION | GROUP_ID_NOT_FOUND | RESOURCE_NOT_FOUND => {
                AdminError::NotFound { what, object: self.object.clone() }
            }
            REQUEST_TIMED_OUT => AdminError::TimedOut { what, why: self.message(code, message) },
            code if errors::is_forbidden(code) => AdminError::Forbidden {
                what,
                principal: self.principal.clone(),
                needs: need.words(),
                acl: need.flags(self.principal.as_ref()),
                looking: false,
            },
            _ => AdminError::Refused { what, name: errors::name(code), message: self.message(code, message) },
        }
    }

    /// A broker's words without secrets, or what its code means.
    pub fn message(&self, code: i16, message: Option<&StrBytes>) -> String {
        let said = message.map(|m| m.trim()).filter(|m| !m.is_empty());
        let Some(said) = said else {
            let words = errors::words(code);
            let name = format!(" ({})", errors::name(code));
            return words.strip_suffix(&name).unwrap_or(&words).to_owned();
        };
        let mut said = said.to_owned();
        for secret in &self.secrets {
            said = said.replace(secret.as_str(), "***");
        }
        let said: String = said.chars().take(LONGEST_MESSAGE).collect();
        printable(said.trim_end_matches('.')).into_owned()
    }
}

/// What a change is called while it is made, and what it is about.
fn words(op: &KafkaOp) -> (String, String) {
    let of_partitions = |count: usize| super::counted(count, "partition");
    match op {
        KafkaOp::CreateTopic { topic, .. } => (format!("creating topic {topic}"), format!("topic {topic}")),
        KafkaOp::DeleteTopic { topic } => (format!("deleting topic {topic}"), format!("topic {topic}")),
        KafkaOp::AddPartitions { topic, total, .. } => (
            format!("giving topic {topic} {}", of_partitions(usize::try_from(*total).unwrap_or_default())),
            format!("topic {topic}"),
        ),
        KafkaOp::AlterConfigs { of, .. } => (format!("changing configs of {of}"), of.to_string()),
        KafkaOp::SetScram { user, mechanism, .. } => {
            (format!("setting the {mechanism} password of user {user}"), credential(user, *mechanism))
        }
        KafkaOp::DeleteScram { user, .. } => {
            (format!("deleting the SCRAM credentials of user {user}"), format!("SCRAM credential of user {user}"))
        }
        KafkaOp::CreateAcls { acls } => (format!("creating {}", super::counted(acls.len(), "ACL")), "ACL".to_owned()),
        KafkaOp::DeleteAcls { acls } => (format!("deleting {}", super::counted(acls.len(), "ACL")), "ACL".to_owned()),
        KafkaOp::AlterQuotas { user, .. } => (format!("changing quotas of user {user}"), format!("user {user}")),
        KafkaOp::ElectLeaders { partitions } => {
            let of = if partitions.is_empty() { "all partitions".to_owned() } else { of_partitions(partitions.len()) };
            (format!("electing preferred leaders of {of}"), "partition".to_owned())
        }
        KafkaOp::Reassign { moves } => {
            let cancels = moves.iter().all(|m| m.after.is_none());
            let verb = if cancels { "cancelling moves of" } else { "moving" };
            (format!("{verb} {}", of_partitions(moves.len())), "partition".to_owned())
        }
        KafkaOp::CommitOffsets { group, .. } => {
            (format!("resetting offsets of group {group}"), format!("group {group}"))
        }
        KafkaOp::DeleteGroup { group } => (format!("deleting group {group}"), format!("group {group}")),
    }
}

/// What a credential is called.
pub fn credential(user: &str, mechanism: Mechanism) -> String {
    format!("a {mechanism} credential of user {}", printable(user))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{domain::config::Owner, plan::kafka::ConfigChange};

    fn deed(principal: Option<&str>) -> Deed {
        let op = KafkaOp::DeleteTopic { topic: "orders\u{1b}[2J".into() };
        Deed::of(&op, principal.map(str::to_owned))
    }

    #[test]
    fn what_is_missing_is_said_in_the_words_of_kafka_acls() {
        let error = deed(Some("User:console")).refused(29, None, &Need::topic("Delete", "orders"));
        let words = error.to_string();
        assert!(words.contains("is not allowed for User:console: Delete on topic orders is missing"), "{words}");
        assert!(words.ends_with("--allow-principal 'User:console' --operation Delete --topic 'orders'"), "{words}");
        assert!(!words.contains('\u{1b}'), "{words:?}");
        let unknown = deed(None).refused(31, None, &Need::cluster("Alter")).to_string();
        assert!(unknown.ends_with("--allow-principal 'User:NAME' --operation Alter --cluster"), "{unknown}");
    }

    #[test]
    fn codes_are_told_apart_and_a_broker_s_words_come_before_ours() {
        let deed = deed(None);
        let need = Need::cluster("Alter");
        let of = |code| deed.refused(code, None, &need);
        assert!(matches!(of(54), AdminError::NoAuthorizer { .. }));
        assert!(matches!(of(36), AdminError::Exists { .. }));
        assert!(matches!(
            (of(3), of(69), of(91)),
            (AdminError::NotFound { .. }, AdminError::NotFound { .. }, AdminError::NotFound { .. })
        ));
        assert!(matches!(of(7), AdminError::TimedOut { .. }));
        let said = deed.refused(40, Some(&"Unknown topic config name: x.".into()), &need).to_string();
        assert!(said.ends_with("was refused: Unknown topic config name: x (INVALID_CONFIG)"), "{said}");
        assert!(of(44).to_string().contains("a policy of the cluster forbids it (POLICY_VIOLATION)"), "{}", of(44));
    }

    #[test]
    fn whether_a_change_may_have_been_made_is_not_hidden() {
        let (deed, need) = (deed(None), Need::cluster("Alter"));
        let late = || CallError::Timeout { after: std::time::Duration::from_secs(5) };
        assert!(matches!(deed.unsent(late(), &need), AdminError::TimedOut { .. }));
        assert!(matches!(deed.unread(late(), &need), AdminError::Unreachable { .. }));
        assert!(matches!(deed.unsent(CallError::Nobody, &need), AdminError::Unreachable { .. }));
    }

    #[test]
    fn a_secret_is_taken_out_of_a_broker_s_words() {
        let change =
            ConfigChange { name: "ssl.keystore.password".into(), before: None, after: Some("canary-1".into()) };
        let op = KafkaOp::AlterConfigs { of: Owner::Topic("t".into()), changes: vec![change] };
        let said =
            Deed::of(&op, None).refused(40, Some(&"Invalid value canary-1 for it".into()), &Need::cluster("Alter"));
        assert!(!said.to_string().contains("canary") && said.to_string().contains("***"), "{said}");
    }
}
