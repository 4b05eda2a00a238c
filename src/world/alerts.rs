//! Alert rules in the cluster and who seems to evaluate them.

use serde::Serialize;

use crate::domain::{alert::AlertSource, kubernetes::Service};

use super::Reading;

/// One alert rule, as a row.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AlertRow {
    /// `alert` of the rule.
    pub name: String,
    /// State; rules are not evaluated yet.
    pub state: &'static str,
    /// Namespace of the rule's object.
    pub namespace: String,
    /// Name of the rule's object.
    pub object: String,
    /// Expression.
    pub expression: String,
    /// `for`, as written.
    #[serde(rename = "for")]
    pub hold: Option<String>,
    /// `severity` label.
    pub severity: Option<String>,
    /// One line of what it is about.
    pub summary: Option<String>,
    /// Since when; not evaluated yet.
    pub since: Option<String>,
    /// Labels of the rule.
    pub labels: std::collections::BTreeMap<String, String>,
    /// Value; not evaluated yet.
    pub value: Option<f64>,
    /// Who evaluated it; nobody yet.
    pub source: Option<String>,
    /// Why it is not evaluated.
    pub why: String,
}

/// Products that evaluate or route alerts: words in the names and labels of their services, and API port.
const PRODUCTS: [(&str, &str, u16); 4] = [
    ("alertmanager", "Alertmanager", 9093),
    ("prometheus", "Prometheus", 9090),
    ("vmsingle", "VictoriaMetrics", 8429),
    ("vmselect", "VictoriaMetrics", 8481),
];

impl Reading<'_> {
    /// Alerting rules that exist in the watched namespaces, by name.
    pub fn alerts(&self) -> Vec<AlertRow> {
        let mut rows: Vec<AlertRow> = self
            .world
            .kube
            .rules
            .values()
            .flat_map(|object| object.alerts.iter().map(move |alert| (object, alert)))
            .map(|(object, alert)| AlertRow {
                name: alert.name.clone(),
                state: "not evaluated",
                namespace: object.meta.namespace.clone(),
                object: object.meta.name.clone(),
                expression: alert.expression.clone(),
                hold: alert.hold.clone(),
                severity: alert.labels.get("severity").cloned(),
                summary: alert.summary.clone(),
                since: None,
                labels: alert.labels.clone(),
                value: None,
                source: None,
                why: "kafdeck reads the rule and does not evaluate it".to_owned(),
            })
            .collect();
        rows.sort_by(|a, b| (&a.name, &a.namespace, &a.object).cmp(&(&b.name, &b.namespace, &b.object)));
        rows
    }

    /// Services that look like they evaluate or route alerts.
    pub fn alert_sources(&self) -> Vec<AlertSource> {
        self.world.kube.services.values().filter_map(|service| alert_source(service)).collect()
    }
}

/// A service is taken for a product by its name or labels together with the port of that product's API.
fn alert_source(service: &Service) -> Option<AlertSource> {
    let named = |word: &str| {
        service.meta.name.contains(word)
            || service.meta.labels.values().chain(service.selector.values()).any(|v| v.contains(word))
    };
    PRODUCTS.iter().find(|(word, _, port)| named(word) && service.ports.iter().any(|p| p.port == *port)).map(
        |(_, product, port)| AlertSource {
            product,
            namespace: service.meta.namespace.clone(),
            service: service.meta.name.clone(),
            port: *port,
        },
    )
}
