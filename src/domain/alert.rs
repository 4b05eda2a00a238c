//! Alert rules and who evaluates them.

use serde::Serialize;

/// A service that looks like it evaluates or routes alerts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AlertSource {
    /// `Prometheus`, `Alertmanager`, `VictoriaMetrics`.
    pub product: &'static str,
    /// Namespace of its service.
    pub namespace: String,
    /// Name of its service.
    pub service: String,
    /// Port of its API.
    pub port: u16,
}
