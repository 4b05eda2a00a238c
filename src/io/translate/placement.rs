//! Disruption budgets and storage classes; see the parent module.

use k8s_openapi::{
    api::{policy::v1::PodDisruptionBudget, storage::v1::StorageClass},
    apimachinery::pkg::{apis::meta::v1::LabelSelector, util::intstr::IntOrString},
};

use super::{count, meta};
use crate::domain::placement::{Budget, Class, Requirement, Selector};

/// A PodDisruptionBudget.
pub fn budget(from: &PodDisruptionBudget) -> Budget {
    let spec = from.spec.clone().unwrap_or_default();
    let status = from.status.as_ref();
    Budget {
        meta: meta(&from.metadata),
        selector: spec.selector.as_ref().map(selector),
        min_available: spec.min_available.as_ref().map(amount),
        max_unavailable: spec.max_unavailable.as_ref().map(amount),
        disruptions_allowed: status.map(|s| count(s.disruptions_allowed)),
        current_healthy: status.map(|s| count(s.current_healthy)),
        desired_healthy: status.map(|s| count(s.desired_healthy)),
        expected_pods: status.map(|s| count(s.expected_pods)),
        generation: from.metadata.generation,
        observed_generation: status.and_then(|s| s.observed_generation),
    }
}

/// A StorageClass; its parameters stay behind, for they may name secrets.
pub fn class(from: &StorageClass) -> Class {
    Class {
        meta: meta(&from.metadata),
        provisioner: from.provisioner.clone(),
        allows_expansion: from.allow_volume_expansion.unwrap_or(false),
        binding_mode: from.volume_binding_mode.clone(),
    }
}

fn selector(from: &LabelSelector) -> Selector {
    let requirement = |r: &k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelectorRequirement| Requirement {
        key: r.key.clone(),
        operator: r.operator.clone(),
        values: r.values.clone().unwrap_or_default(),
    };
    Selector {
        labels: from.match_labels.clone().unwrap_or_default(),
        requirements: from.match_expressions.iter().flatten().map(requirement).collect(),
    }
}

/// A number or a percentage, as written.
fn amount(from: &IntOrString) -> String {
    match from {
        IntOrString::Int(number) => number.to_string(),
        IntOrString::String(text) => text.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_budget_says_what_it_allows_now() {
        let budget = budget(
            &serde_json::from_value(json!({
                "metadata": {"name": "kafka", "namespace": "shop", "generation": 2},
                "spec": {"maxUnavailable": "30%", "selector": {"matchLabels": {"app": "kafka"},
                    "matchExpressions": [{"key": "tier", "operator": "Exists"}]}},
                "status": {"disruptionsAllowed": 1, "currentHealthy": 3, "desiredHealthy": 2, "expectedPods": 3,
                    "observedGeneration": 1},
            }))
            .unwrap(),
        );
        assert_eq!((budget.max_unavailable.as_deref(), budget.min_available), (Some("30%"), None));
        assert_eq!((budget.disruptions_allowed, budget.expected_pods), (Some(1), Some(3)));
        assert_eq!((budget.generation, budget.observed_generation), (Some(2), Some(1)));
        assert_eq!(budget.selector.unwrap().requirements[0].operator, "Exists");
    }

    #[test]
    fn a_class_that_does_not_say_lets_nothing_grow() {
        let read = |from| class(&serde_json::from_value(from).unwrap());
        let silent = read(json!({"metadata": {"name": "local"}, "provisioner": "x"}));
        assert!(!silent.allows_expansion);
        let named = read(json!({"metadata": {"name": "a"}, "provisioner": "x", "allowVolumeExpansion": true,
            "volumeBindingMode": "WaitForFirstConsumer", "parameters": {"csi.storage.k8s.io/secret-name": "s"}}));
        assert!(named.allows_expansion && named.binding_mode.as_deref() == Some("WaitForFirstConsumer"));
    }
}
