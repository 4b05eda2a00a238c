//! Why a question to brokers was not answered, and how that is told.

use std::time::Duration;

use thiserror::Error;

use crate::{
    domain::{
        access::Keep,
        freshness::{Asked, FailureKind, SourceFailure},
        ids::BrokerId,
        installation::Misplaced,
        text,
    },
    io::{
        dial::{DialError, sasl::LoginError, tls::TlsError},
        secrets::SecretError,
    },
    wire::{
        errors::{self, REQUEST_TIMED_OUT, UNSUPPORTED_VERSION},
        frame::FrameError,
        requests::TooOld,
    },
};

/// Why a question was not answered.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CallError {
    /// The broker could not be dialled.
    #[error("{0}")]
    Dial(#[from] DialError),
    /// The connection ended between answers.
    #[error("the connection was closed: {why}")]
    Closed {
        /// Who or what closed it.
        why: String,
    },
    /// TLS ended the connection; what a broker thinks of a client certificate comes after the handshake only.
    #[error("{0}")]
    Tls(Box<TlsError>),
    /// What came is not Kafka, or broke off in the middle.
    #[error("{why}")]
    Garbled {
        /// What was wrong.
        why: String,
    },
    /// The answer did not come in time.
    #[error("no answer within {}", seconds(*.after))]
    Timeout {
        /// How long it was waited for.
        after: Duration,
    },
    /// The broker speaks no version that we do.
    #[error("{0}")]
    TooOld(#[from] TooOld),
    /// The whole request was answered with an error.
    #[error("{}", errors::words(*.code))]
    Refused {
        /// Kafka's error code.
        code: i16,
    },
    /// The request could not be made: an error of ours.
    #[error("{0}")]
    Unmade(FrameError),
    /// The broker is not where it advertises to be.
    #[error("{}", misplaced(.0))]
    Misplaced(Misplaced),
    /// No broker was there to be asked.
    #[error("no broker pod is known")]
    Nobody,
}

fn misplaced(why: &Misplaced) -> String {
    match why {
        Misplaced::Nowhere { address } => {
            format!("the advertised address {} is not a pod of this installation", text::printable(address))
        }
        Misplaced::Shared { address, with } => {
            format!("the advertised address {} is broker {with}'s, too", text::printable(address))
        }
    }
}

fn seconds(d: Duration) -> String {
    format!("{} s", (d.as_secs_f64() * 10.0).round() / 10.0)
}

impl CallError {
    /// Its class.
    fn kind(&self) -> FailureKind {
        match self {
            Self::Dial(DialError::Forbidden { .. }) => FailureKind::Forbidden,
            Self::Dial(DialError::Secret { why, .. }) if matches!(**why, SecretError::Forbidden { .. }) => {
                FailureKind::Forbidden
            }
            Self::Dial(DialError::Tls { .. }) | Self::Tls(_) => FailureKind::Tls,
            Self::Dial(DialError::Login { .. } | DialError::Secret { .. }) => FailureKind::Auth,
            Self::Dial(DialError::Timeout { .. })
            | Self::Timeout { .. }
            | Self::Refused { code: REQUEST_TIMED_OUT } => FailureKind::Timeout,
            Self::Refused { .. } if self.is_forbidden() => FailureKind::Forbidden,
            Self::Garbled { .. } | Self::Unmade(_) => FailureKind::Garbage,
            Self::TooOld(_) | Self::Refused { code: UNSUPPORTED_VERSION } => FailureKind::Unsupported,
            Self::Dial(_) | Self::Closed { .. } | Self::Refused { .. } | Self::Misplaced(_) | Self::Nobody => {
                FailureKind::Unreachable
            }
        }
    }

    /// The failure as it is shown: what was asked of whom, and what came back.
    pub fn told(&self, asked: Asked, broker: Option<BrokerId>) -> SourceFailure {
        let whom = broker.map_or_else(|| "the brokers".to_owned(), |b| format!("broker {b}"));
        let what = match self {
            // Nothing was asked: the telling part comes first, for it is all that a narrow pane has room for.
            Self::Dial(why) => format!("{}.", text::sentence(&why.to_string())),
            _ => format!("Asking {whom} for {asked} failed: {self}."),
        };
        SourceFailure { kind: self.kind(), what, hint: self.hint(asked) }
    }

    /// True where a permission is missing.
    pub fn is_forbidden(&self) -> bool {
        matches!(self, Self::Refused { code } if errors::is_forbidden(*code))
    }

    /// True where asking again brings the same: a permission is missing, or the broker is too old.
    pub fn is_final(&self) -> bool {
        self.is_forbidden() || matches!(self, Self::TooOld(_))
    }

    /// True when the same credentials would be refused again: nothing is gained by trying.
    pub fn is_about_login(&self) -> bool {
        match self {
            Self::Dial(DialError::Login { why, .. }) => {
                !matches!(**why, LoginError::Closed { .. } | LoginError::Failed { .. })
            }
            _ => false,
        }
    }

    /// True when other contents of a Secret could mend it.
    pub fn is_about_secrets(&self) -> bool {
        self.is_about_login()
            || matches!(self, Self::Tls(_) | Self::Dial(DialError::Tls { .. } | DialError::Secret { .. }))
    }

    fn hint(&self, what: Asked) -> Option<String> {
        let hint = match self {
            Self::Dial(DialError::Secret { why, .. }) => return hint_of_secret(why),
            Self::Dial(DialError::Login { why, .. }) => return hint_of_login(why),
            Self::Dial(DialError::Tls { why, .. }) | Self::Tls(why) => why.hint()?,
            Self::Timeout { .. } | Self::Refused { code: REQUEST_TIMED_OUT }
                if matches!(what, Asked::Quorum | Asked::Reassignments) =>
            {
                "Brokers pass this on to the active controller: there may be none."
            }
            Self::TooOld(_) if what == Asked::Quorum => "Kafka 3.3 and later tell it.",
            Self::TooOld(_) if what == Asked::Reassignments => "Kafka 2.4 and later tell it.",
            Self::TooOld(_) => "Kafka 3.0 and later offer it; what Kubernetes tells is shown all the same.",
            Self::Dial(DialError::Forbidden { hint: Some(hint), .. }) => hint,
            Self::Dial(DialError::Forbidden { .. }) => "Ask for the verb create on pods/portforward in this namespace.",
            Self::Dial(DialError::ApiUnreachable { .. }) => "Check that kubectl get pods answers.",
            Self::Refused { .. } if self.is_forbidden() => match what {
                Asked::Contact | Asked::Metadata | Asked::EndOffsets => {
                    "Grant Describe on the topics to the user that is connected."
                }
                Asked::TopicConfigs => "Grant DescribeConfigs on the topics to the user that is connected.",
                Asked::Groups | Asked::Offsets => "Grant Describe on the groups to the user that is connected.",
                Asked::Quorum | Asked::ScramUsers | Asked::Acls | Asked::Reassignments => {
                    "Grant Describe on the cluster to the user that is connected."
                }
                Asked::LogDirs => {
                    "Grant Describe on the cluster to the user that is connected. Brokers list only topics and groups \
                     that it may describe, too: there may be more."
                }
                Asked::BrokerConfigs | Asked::Quotas => {
                    "Grant DescribeConfigs on the cluster to the user that is connected."
                }
            },
            Self::Garbled { .. } => "Check that the port is a Kafka listener without TLS or SASL.",
            Self::Misplaced(_) => "Check advertised.listeners of the broker.",
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

/// What to do about a Secret that cannot be read.
fn hint_of_secret(why: &SecretError) -> Option<String> {
    let is_of_java = |key: &String| key.rsplit_once('.').is_some_and(|(_, kind)| matches!(kind, "jks" | "p12"));
    if let SecretError::NoKey { has, .. } = why
        && has.iter().any(is_of_java)
    {
        return Some(
            "It holds a store that only Java reads. Write its certificates as PEM (keytool -list -rfc -keystore FILE > \
             ca.pem) and give them: --command-config with ssl.truststore.type=PEM and ssl.truststore.location=ca.pem."
                .to_owned(),
        );
    }
    let SecretError::Forbidden { namespace, name } = why else { return None };
    let check = format!("kubectl auth can-i get secret/{name} -n {namespace}");
    Some(format!("Ask for verb get on secrets in namespace {namespace}. Check: {check}"))
}

/// What to do about a login that failed.
fn hint_of_login(why: &LoginError) -> Option<String> {
    let from = match why {
        LoginError::Refused { from, .. } => from,
        LoginError::Mechanism { offers, .. } if !offers.is_empty() => {
            return Some(format!(
                "Log in with one that it offers ({}): a user has a password for each, and not for all.",
                offers.join(", ")
            ));
        }
        LoginError::Asked { .. } | LoginError::NotAsked => {
            return Some(
                "What the listener asks for is declared wrongly, or not at all: say who you are with --as USER or \
                         --command-config FILE, or take another listener with --listener."
                    .to_owned(),
            );
        }
        _ => return None,
    };
    Some(match from {
        Keep::Secret(_) => format!("Check that {from} holds the user's password; it is read again when it changes."),
        Keep::Given(_) => format!("Check the user's name and {from}."),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::dial::tls::TlsError;

    #[test]
    fn a_failure_says_what_was_asked_of_whom_and_what_came_back() {
        let old = TooOld { api: "OffsetFetch", needed: 8, broker_max: Some(5) };
        let told = CallError::from(old).told(Asked::Offsets, Some(BrokerId(0)));
        assert_eq!(told.kind, FailureKind::Unsupported);
        assert_eq!(
            told.what,
            "Asking broker 0 for offsets failed: OffsetFetch version 8 is needed and the newest offered is 5."
        );
        let denied = CallError::Refused { code: 31 }.told(Asked::LogDirs, Some(BrokerId(1)));
        assert_eq!(denied.kind, FailureKind::Forbidden);
        assert!(denied.hint.is_some());
        let late = CallError::Timeout { after: Duration::from_millis(2500) };
        assert_eq!(late.to_string(), "no answer within 2.5 s");
    }

    #[test]
    fn what_can_be_done_about_a_door_that_stays_shut_is_said() {
        let to =
            crate::domain::installation::PodPort { pod: crate::domain::ids::ObjectKey::new("m", "k-0"), port: 9093 };
        let hint = |error: DialError| CallError::from(error).told(Asked::Metadata, None).hint.unwrap_or_default();
        let at = crate::domain::access::SecretKey { namespace: "m".into(), name: "k-tls".into(), key: "ca.crt".into() };
        let has = vec!["kafka.truststore.jks".to_owned()];
        let stores = SecretError::NoKey { at: at.clone(), has };
        assert!(hint(DialError::Secret { to: to.clone(), why: Box::new(stores) }).contains("keytool -list -rfc"));
        let login = |why: LoginError| hint(DialError::Login { to: to.clone(), why: Box::new(why) });
        let refused = |from: Keep| LoginError::Refused { user: "me".into(), from };
        assert!(login(refused(at.into())).contains("secret m/k-tls key ca.crt holds the user's password"));
        assert_eq!(
            login(refused(Keep::Given("a.properties line 3".into()))),
            "Check the user's name and a.properties line 3."
        );
        let offers = vec!["SCRAM-SHA-512".to_owned()];
        assert!(login(LoginError::Asked { offers: offers.clone() }).contains("--as USER"));
        let wanted = crate::domain::access::Mechanism::Plain;
        assert!(login(LoginError::Mechanism { wanted, offers }).contains("one that it offers (SCRAM-SHA-512)"));
        let tls = |why: TlsError| hint(DialError::Tls { to: to.clone(), why: Box::new(why) });
        assert!(tls(TlsError::UnknownIssuer { trusted: "x".into() }).contains("ssl.truststore"));
        assert!(tls(TlsError::WantsCertificate).contains("ssl.keystore"));
        assert!(tls(TlsError::NotTls { why: "x".into() }).contains("--listener"));
    }
}
