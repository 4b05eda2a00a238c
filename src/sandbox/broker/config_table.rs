//! The configs that brokers of the sandbox know of: a handful, with Kafka's names and defaults.

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// true or false.
    Boolean,
    /// Text.
    String,
    /// 32 bits.
    Int,
    /// 64 bits.
    Long,
    /// A fraction.
    Double,
    /// Words with commas between them.
    List,
}

impl Kind {
    /// Its number in DescribeConfigs.
    pub fn number(self) -> i8 {
        match self {
            Self::Boolean => 1,
            Self::String => 2,
            Self::Int => 3,
            Self::Long => 5,
            Self::Double => 6,
            Self::List => 7,
        }
    }
}

/// One config.
#[derive(Debug)]
pub struct Config {
    /// Its name.
    pub name: &'static str,
    /// For topics: the brokers' name for it.
    pub synonym: &'static str,
    /// What it is.
    pub kind: Kind,
    /// Its value where nobody sets one.
    pub default: &'static str,
    /// For brokers: it can be changed while they run.
    pub dynamic: bool,
    /// What it does.
    pub documentation: &'static str,
}

const fn config(
    names: (&'static str, &'static str),
    kind: Kind,
    default: &'static str,
    dynamic: bool,
    documentation: &'static str,
) -> Config {
    Config { name: names.0, synonym: names.1, kind, default, dynamic, documentation }
}

use Kind::{Boolean, Double, Int, List, Long, String};

/// Configs of topics.
pub const TOPIC: &[Config] = &[
    config(
        ("cleanup.policy", "log.cleanup.policy"),
        List,
        "delete",
        true,
        "Whether old records are deleted, compacted, or both.",
    ),
    config(
        ("compression.type", "compression.type"),
        String,
        "producer",
        true,
        "How batches are compressed on disk; producer keeps them as they came.",
    ),
    config(
        ("delete.retention.ms", "log.cleaner.delete.retention.ms"),
        Long,
        "86400000",
        true,
        "How long the marks of deleted keys are kept in a compacted topic.",
    ),
    config(
        ("file.delete.delay.ms", "log.segment.delete.delay.ms"),
        Long,
        "60000",
        true,
        "How long a segment stays on disk once it is given up.",
    ),
    config(
        ("flush.messages", "log.flush.interval.messages"),
        Long,
        "9223372036854775807",
        true,
        "Records after which the log is written through to the disk.",
    ),
    config(
        ("flush.ms", "log.flush.interval.ms"),
        Long,
        "9223372036854775807",
        true,
        "Time after which the log is written through to the disk.",
    ),
    config(
        ("index.interval.bytes", "log.index.interval.bytes"),
        Int,
        "4096",
        true,
        "Bytes of the log between two entries of its index.",
    ),
    config(
        ("max.compaction.lag.ms", "log.cleaner.max.compaction.lag.ms"),
        Long,
        "9223372036854775807",
        true,
        "How long a record may wait for compaction at most.",
    ),
    config(("max.message.bytes", "message.max.bytes"), Int, "1048588", true, "The largest batch that is taken."),
    config(
        ("message.timestamp.type", "log.message.timestamp.type"),
        String,
        "CreateTime",
        true,
        "Whose time a record carries: its producer's or the broker's.",
    ),
    config(
        ("min.cleanable.dirty.ratio", "log.cleaner.min.cleanable.ratio"),
        Double,
        "0.5",
        true,
        "The part of a log that must be new before it is compacted.",
    ),
    config(
        ("min.compaction.lag.ms", "log.cleaner.min.compaction.lag.ms"),
        Long,
        "0",
        true,
        "How long a record stays as it is at least.",
    ),
    config(
        ("min.insync.replicas", "min.insync.replicas"),
        Int,
        "1",
        true,
        "Replicas that must be in sync for a write with acks=all.",
    ),
    config(
        ("preallocate", "log.preallocate"),
        Boolean,
        "false",
        true,
        "Whether a new segment takes its space at once.",
    ),
    config(
        ("retention.bytes", "log.retention.bytes"),
        Long,
        "-1",
        true,
        "The size at which a partition loses its oldest segments; -1 is no limit.",
    ),
    config(("retention.ms", "log.retention.ms"), Long, "604800000", true, "How long records are kept; -1 is for ever."),
    config(("segment.bytes", "log.segment.bytes"), Int, "1073741824", true, "The size of a segment."),
    config(("segment.ms", "log.roll.ms"), Long, "604800000", true, "How long a segment is written to at most."),
    config(
        ("unclean.leader.election.enable", "unclean.leader.election.enable"),
        Boolean,
        "false",
        true,
        "Whether a replica that is not in sync may lead, which loses records.",
    ),
];

/// Configs of brokers.
pub const BROKER: &[Config] = &[
    config(("auto.create.topics.enable", ""), Boolean, "true", false, "Whether asking for a topic creates it."),
    config(
        ("broker.session.timeout.ms", ""),
        Int,
        "9000",
        false,
        "How long a broker may be silent before it is fenced.",
    ),
    config(
        ("compression.type", ""),
        String,
        "producer",
        true,
        "How batches are compressed on disk; producer keeps them as they came.",
    ),
    config(("default.replication.factor", ""), Int, "1", false, "Replicas of a topic that names no number."),
    config(("delete.topic.enable", ""), Boolean, "true", false, "Whether topics can be deleted."),
    config(
        ("group.initial.rebalance.delay.ms", ""),
        Int,
        "3000",
        false,
        "How long a new group waits for more members.",
    ),
    config(("log.cleanup.policy", ""), List, "delete", true, "Whether old records are deleted, compacted, or both."),
    config(
        ("log.retention.bytes", ""),
        Long,
        "-1",
        true,
        "The size at which a partition loses its oldest segments; -1 is no limit.",
    ),
    config(("log.retention.hours", ""), Int, "168", false, "How long records are kept, where no finer figure is set."),
    config(("log.segment.bytes", ""), Int, "1073741824", true, "The size of a segment."),
    config(("message.max.bytes", ""), Int, "1048588", true, "The largest batch that is taken."),
    config(("min.insync.replicas", ""), Int, "1", true, "Replicas that must be in sync for a write with acks=all."),
    config(("num.io.threads", ""), Int, "8", true, "Threads that work on requests."),
    config(("num.network.threads", ""), Int, "3", true, "Threads that read requests and write answers."),
    config(("num.partitions", ""), Int, "1", false, "Partitions of a topic that names no number."),
    config(
        ("offsets.topic.num.partitions", ""),
        Int,
        "50",
        false,
        "Partitions of the topic in which commits are kept.",
    ),
    config(
        ("offsets.topic.replication.factor", ""),
        Int,
        "3",
        false,
        "Replicas of the topic in which commits are kept.",
    ),
    config(
        ("replica.lag.time.max.ms", ""),
        Long,
        "30000",
        false,
        "How long a replica may be behind and still count as in sync.",
    ),
    config(
        ("unclean.leader.election.enable", ""),
        Boolean,
        "false",
        true,
        "Whether a replica that is not in sync may lead, which loses records.",
    ),
];
