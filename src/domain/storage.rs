//! Log directories, and the ladder that says how full a claim is.

use serde::{Deserialize, Serialize};

use super::ids::ObjectKey;

/// One log directory of a broker (DescribeLogDirs, key 35).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogDir {
    /// Path inside the broker's container.
    pub path: String,
    /// The broker's error for it, in words: an offline directory.
    pub error: Option<String>,
    /// Size of its filesystem (KIP-827, version 4 and later).
    pub total_bytes: Option<u64>,
    /// Bytes left on its filesystem (KIP-827).
    pub usable_bytes: Option<u64>,
    /// Sizes of the replicas in it.
    pub replicas: Vec<ReplicaSize>,
}

/// Size of one replica on one broker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplicaSize {
    /// Topic.
    pub topic: String,
    /// Partition index.
    pub partition: i32,
    /// Bytes on disk.
    pub bytes: u64,
}

impl LogDir {
    /// Bytes of all replicas in it.
    pub fn replica_bytes(&self) -> u64 {
        self.replicas.iter().map(|r| r.bytes).sum()
    }
}

/// How full one claim's filesystem is, as the kubelet measured it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeUse {
    /// The claim.
    pub claim: ObjectKey,
    /// Size of its filesystem.
    pub capacity_bytes: u64,
    /// Bytes in use.
    pub used_bytes: u64,
}

/// Where a figure of volume usage comes from, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UsedSource {
    /// The broker's own answer about its filesystem.
    LogDirs,
    /// The kubelet's volume statistics.
    Kubelet,
    /// The sum of its replicas' sizes; the filesystem itself is not known.
    Replicas,
}

impl UsedSource {
    /// In words.
    pub fn label(self) -> &'static str {
        match self {
            Self::LogDirs => "LogDirs",
            Self::Kubelet => "kubelet",
            Self::Replicas => "Σ replicas",
        }
    }
}
