//! What we may do in a namespace, as the API server lists it (SelfSubjectRulesReview).
//!
//! It is asked once and good for many questions; where an authorizer keeps its rules to itself, an answer may be
//! unknown. The API server decides all the same when something is done.

use serde::{Deserialize, Serialize};

/// What we may do in one namespace.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rights {
    /// The namespace.
    pub namespace: String,
    /// What is allowed.
    pub rules: Vec<Rule>,
    /// True when more may be allowed than is listed, as with a webhook authorizer.
    pub incomplete: bool,
}

/// Verbs that are allowed on resources; an asterisk is all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// As `patch`.
    pub verbs: Vec<String>,
    /// API groups; empty text is the core group.
    pub groups: Vec<String>,
    /// Resources, those with a subresource as `pods/eviction`.
    pub resources: Vec<String>,
    /// The only names it is about; none is all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
}

/// Something that needs a permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asking<'a> {
    /// As `patch`.
    pub verb: &'a str,
    /// API group, empty for the core group.
    pub group: &'a str,
    /// Resource, in the plural.
    pub resource: &'a str,
    /// Subresource, as `eviction`.
    pub subresource: Option<&'a str>,
    /// The object's name; `None` is any object.
    pub name: Option<&'a str>,
}

impl Rights {
    /// Whether it is allowed; `None` where the list does not tell.
    pub fn may(&self, asking: Asking<'_>) -> Option<bool> {
        let allowed = self.rules.iter().any(|rule| rule.covers(asking));
        if allowed || !self.incomplete { Some(allowed) } else { None }
    }
}

impl Rule {
    fn covers(&self, asking: Asking<'_>) -> bool {
        let has = |all: &[String], wanted: &str| all.iter().any(|one| one == "*" || one == wanted);
        let resource = || match asking.subresource {
            None => has(&self.resources, asking.resource),
            Some(sub) => {
                let (exact, of_any) = (format!("{}/{sub}", asking.resource), format!("*/{sub}"));
                self.resources.iter().any(|one| one == "*" || *one == exact || *one == of_any)
            }
        };
        let named = || self.names.is_empty() || asking.name.is_some_and(|name| self.names.iter().any(|n| n == name));
        has(&self.verbs, asking.verb) && has(&self.groups, asking.group) && resource() && named()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(verbs: &[&str], groups: &[&str], resources: &[&str], names: &[&str]) -> Rule {
        let owned = |all: &[&str]| all.iter().map(|&one| one.to_owned()).collect();
        Rule { verbs: owned(verbs), groups: owned(groups), resources: owned(resources), names: owned(names) }
    }

    fn asking<'a>(verb: &'a str, full: &'a str, name: Option<&'a str>) -> Asking<'a> {
        let (resource, subresource) = full.split_once('/').map_or((full, None), |(r, s)| (r, Some(s)));
        Asking { verb, group: "", resource, subresource, name }
    }

    #[test]
    fn a_permission_is_for_its_verb_its_resource_and_its_names() {
        let rules = vec![
            rule(&["get", "list"], &[""], &["pods"], &[]),
            rule(&["create"], &[""], &["*/eviction"], &[]),
            rule(&["delete"], &[""], &["pods"], &["kafka-0"]),
            rule(&["*"], &["apps"], &["*"], &[]),
        ];
        let rights = Rights { namespace: "shop".into(), rules, incomplete: false };
        for (verb, resource, name, wanted) in [
            ("get", "pods", None, true),
            ("get", "pods/log", None, false),
            ("create", "pods/eviction", None, true),
            ("create", "pods", None, false),
            ("delete", "pods", Some("kafka-0"), true),
            ("delete", "pods", Some("kafka-1"), false),
            ("delete", "pods", None, false),
            ("patch", "statefulsets", None, false),
        ] {
            assert_eq!(rights.may(asking(verb, resource, name)), Some(wanted), "{verb} {resource} {name:?}");
        }
        let of_apps = Asking { group: "apps", ..asking("patch", "statefulsets/scale", None) };
        assert_eq!(rights.may(of_apps), Some(true));
    }

    #[test]
    fn what_an_incomplete_list_does_not_allow_is_unknown() {
        let rules = vec![rule(&["get"], &[""], &["pods"], &[])];
        let rights = Rights { namespace: "shop".into(), rules, incomplete: true };
        assert_eq!(rights.may(asking("get", "pods", None)), Some(true));
        assert_eq!(rights.may(asking("delete", "pods", None)), None);
    }
}
