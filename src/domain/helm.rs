//! A Helm release as far as a Kafka console needs it.

use serde::{Deserialize, Serialize};

use super::kubernetes::Meta;

/// A release that brokers came with.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Release {
    /// Namespace and name of the release.
    pub meta: Meta,
    /// What Helm keeps of it.
    pub kept: Kept,
}

/// What Helm keeps of a release: its chart and a few values that are no secrets.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Chart and version, as `kafka-32.4.4`.
    pub chart: String,
    /// `appVersion` of the chart.
    pub app_version: Option<String>,
    /// How often it was installed and upgraded.
    pub revision: Option<u64>,
    /// `listeners.client.protocol`.
    pub client_protocol: Option<String>,
    /// `kraft.enabled`.
    pub kraft: Option<bool>,
    /// `zookeeper.enabled`.
    pub zookeeper: Option<bool>,
    /// `tls.type`: JKS or PEM.
    pub tls_type: Option<String>,
    /// Why it could not be read.
    pub problem: Option<String>,
}
