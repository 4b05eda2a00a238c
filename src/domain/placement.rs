//! What Kubernetes allows to be done with pods and volumes: disruption budgets and storage classes.
//!
//! `io::translate` makes them; plans read them. Whatever the object does not say is missing.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::kubernetes::Meta;

/// A PodDisruptionBudget (policy/v1).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Budget {
    /// Name, labels.
    pub meta: Meta,
    /// Whose pods it is about; `None` is nobody's, and one without conditions everybody's.
    pub selector: Option<Selector>,
    /// `spec.minAvailable`, a number or a percentage as written.
    pub min_available: Option<String>,
    /// `spec.maxUnavailable`, a number or a percentage as written.
    pub max_unavailable: Option<String>,
    /// `status.disruptionsAllowed`.
    pub disruptions_allowed: Option<u32>,
    /// `status.currentHealthy`.
    pub current_healthy: Option<u32>,
    /// `status.desiredHealthy`.
    pub desired_healthy: Option<u32>,
    /// `status.expectedPods`.
    pub expected_pods: Option<u32>,
    /// `metadata.generation`: counts changes of its spec.
    pub generation: Option<i64>,
    /// `status.observedGeneration`: the last one that the controller has seen.
    pub observed_generation: Option<i64>,
}

/// A label selector.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selector {
    /// Labels that must have these values.
    pub labels: BTreeMap<String, String>,
    /// What else must hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requirements: Vec<Requirement>,
}

/// One requirement of a selector.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requirement {
    /// The label.
    pub key: String,
    /// `In`, `NotIn`, `Exists`, `DoesNotExist`.
    pub operator: String,
    /// Values of `In` and `NotIn`.
    pub values: Vec<String>,
}

impl Selector {
    /// Whether these labels are selected; a requirement that is not understood selects nothing.
    pub fn selects(&self, labels: &BTreeMap<String, String>) -> bool {
        self.labels.iter().all(|(key, value)| labels.get(key) == Some(value))
            && self.requirements.iter().all(|requirement| requirement.holds(labels))
    }
}

impl Requirement {
    fn holds(&self, labels: &BTreeMap<String, String>) -> bool {
        let value = labels.get(&self.key);
        match self.operator.as_str() {
            "In" => value.is_some_and(|value| self.values.contains(value)),
            "NotIn" => value.is_none_or(|value| !self.values.contains(value)),
            "Exists" => value.is_some(),
            "DoesNotExist" => value.is_none(),
            _ => false,
        }
    }
}

impl Budget {
    /// Whether it is about a pod with this namespace and these labels.
    pub fn covers(&self, pod: &Meta) -> bool {
        self.meta.namespace == pod.namespace && self.selector.as_ref().is_some_and(|s| s.selects(&pod.labels))
    }
}

/// A StorageClass (storage.k8s.io/v1).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Class {
    /// Name, labels.
    pub meta: Meta,
    /// `provisioner`.
    pub provisioner: String,
    /// `allowVolumeExpansion`.
    pub allows_expansion: bool,
    /// `volumeBindingMode`.
    pub binding_mode: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_selector_wants_all_that_it_says() {
        let requirement = |key: &str, operator: &str, values: &[&str]| Requirement {
            key: key.into(),
            operator: operator.into(),
            values: values.iter().map(|&value| value.to_owned()).collect(),
        };
        let pod = labels(&[("app", "kafka"), ("tier", "a")]);
        for (operator, values, wanted) in [
            ("In", &["a", "b"][..], true),
            ("In", &["b"], false),
            ("NotIn", &["b"], true),
            ("Exists", &[], true),
            ("DoesNotExist", &[], false),
            ("Near", &[], false),
        ] {
            let requirements = vec![requirement("tier", operator, values)];
            let selector = Selector { labels: labels(&[("app", "kafka")]), requirements };
            assert_eq!(selector.selects(&pod), wanted, "{operator}");
        }
        let none = Selector { labels: labels(&[("app", "zoo")]), requirements: Vec::new() };
        assert!(!none.selects(&pod) && Selector::default().selects(&pod));
    }

    #[test]
    fn a_budget_without_a_selector_is_nobodys_and_one_of_another_namespace_another_s() {
        let meta = |namespace: &str| Meta { namespace: namespace.into(), ..Meta::default() };
        let everybody = Budget { meta: meta("a"), selector: Some(Selector::default()), ..Budget::default() };
        assert!(everybody.covers(&meta("a")) && !everybody.covers(&meta("b")));
        assert!(!Budget { selector: None, ..everybody }.covers(&meta("a")));
    }
}
