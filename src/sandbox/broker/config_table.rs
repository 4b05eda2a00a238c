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
    /// For topics: the brokers' name for it; empty where it is a topic's alone.
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

macro_rules! configs {
    ($($name:literal $(= $synonym:literal)? $kind:ident $default:literal $($dynamic:ident)?: $documentation:literal;)*) => {
        &[$(Config {
            name: $name,
            synonym: concat!($($synonym)?),
            kind: Kind::$kind,
            default: $default,
            dynamic: !concat!($(stringify!($dynamic))?).is_empty(),
            documentation: $documentation,
        }),*]
    };
}

/// Configs of topics, each with the brokers' name for it.
pub const TOPIC: &[Config] = configs! {
    "cleanup.policy" = "log.cleanup.policy" List "delete" dynamic:
        "This config designates the retention policy to use on log segments. The \"delete\" policy (which is the \
         default) will discard old segments when their retention time or size limit has been reached. The \"compact\" \
         policy will enable <a href=\"#compaction\">log compaction</a>, which retains the latest value for each key.";
    "compression.type" = "compression.type" String "producer" dynamic:
        "How batches are compressed on disk; producer keeps them as they came.";
    "delete.retention.ms" = "log.cleaner.delete.retention.ms" Long "86400000" dynamic:
        "How long the marks of deleted keys are kept in a compacted topic.";
    "file.delete.delay.ms" = "log.segment.delete.delay.ms" Long "60000" dynamic:
        "How long a segment stays on disk once it is given up.";
    "flush.messages" = "log.flush.interval.messages" Long "9223372036854775807" dynamic:
        "Records after which the log is written through to the disk.";
    "flush.ms" = "log.flush.interval.ms" Long "9223372036854775807" dynamic:
        "Time after which the log is written through to the disk.";
    "follower.replication.throttled.replicas" List "" dynamic:
        "Replicas whose fetching is throttled; <code>*</code> is all of them.";
    "index.interval.bytes" = "log.index.interval.bytes" Int "4096" dynamic:
        "Bytes of the log between two entries of its index.";
    "leader.replication.throttled.replicas" List "" dynamic:
        "Replicas that are fetched from their leader throttled; <code>*</code> is all of them.";
    "max.compaction.lag.ms" = "log.cleaner.max.compaction.lag.ms" Long "9223372036854775807" dynamic:
        "How long a record may wait for compaction at most.";
    "max.message.bytes" = "message.max.bytes" Int "1048588" dynamic:
        "The largest batch that is taken.";
    "message.timestamp.type" = "log.message.timestamp.type" String "CreateTime" dynamic:
        "Whose time a record carries: its producer's or the broker's.";
    "min.cleanable.dirty.ratio" = "log.cleaner.min.cleanable.ratio" Double "0.5" dynamic:
        "The part of a log that must be new before it is compacted.";
    "min.compaction.lag.ms" = "log.cleaner.min.compaction.lag.ms" Long "0" dynamic:
        "How long a record stays as it is at least.";
    "min.insync.replicas" = "min.insync.replicas" Int "1" dynamic:
        "Replicas that must be in sync for a write with acks=all.";
    "preallocate" = "log.preallocate" Boolean "false" dynamic:
        "Whether a new segment takes its space at once.";
    "retention.bytes" = "log.retention.bytes" Long "-1" dynamic:
        "The size at which a partition loses its oldest segments; -1 is no limit.";
    "retention.ms" = "log.retention.ms" Long "604800000" dynamic:
        "How long records are kept; -1 is for ever.";
    "segment.bytes" = "log.segment.bytes" Int "1073741824" dynamic:
        "The size of a segment.";
    "segment.ms" = "log.roll.ms" Long "604800000" dynamic:
        "How long a segment is written to at most.";
    "unclean.leader.election.enable" = "unclean.leader.election.enable" Boolean "false" dynamic:
        "Whether a replica that is not in sync may lead, which loses records.";
};

/// Configs of brokers.
pub const BROKER: &[Config] = configs! {
    "authorizer.class.name" String "":
        "The class that says who may do what; without one everybody may do everything.";
    "auto.create.topics.enable" Boolean "true":
        "Whether asking for a topic creates it.";
    "broker.session.timeout.ms" Int "9000":
        "How long a broker may be silent before it is fenced.";
    "compression.type" String "producer" dynamic:
        "How batches are compressed on disk; producer keeps them as they came.";
    "default.replication.factor" Int "1":
        "Replicas of a topic that names no number.";
    "delete.topic.enable" Boolean "true":
        "Whether topics can be deleted.";
    "group.initial.rebalance.delay.ms" Int "3000":
        "How long a new group waits for more members.";
    "log.cleanup.policy" List "delete" dynamic:
        "Whether old records are deleted, compacted, or both.";
    "log.retention.bytes" Long "-1" dynamic:
        "The size at which a partition loses its oldest segments; -1 is no limit.";
    "log.retention.hours" Int "168":
        "How long records are kept, where no finer figure is set.";
    "log.segment.bytes" Int "1073741824" dynamic:
        "The size of a segment.";
    "message.max.bytes" Int "1048588" dynamic:
        "The largest batch that is taken.";
    "min.insync.replicas" Int "1" dynamic:
        "Specifies the minimum number of in-sync replicas (including the leader) required for a write to succeed when \
         a producer sets <code>acks</code> to \"all\" (or \"-1\").<p>When used together, \
         <code>min.insync.replicas</code> and <code>acks</code> allow you to enforce greater durability \
         guarantees.</p>";
    "num.io.threads" Int "8" dynamic:
        "Threads that work on requests.";
    "num.network.threads" Int "3" dynamic:
        "Threads that read requests and write answers.";
    "num.partitions" Int "1":
        "Partitions of a topic that names no number.";
    "offsets.topic.num.partitions" Int "50":
        "Partitions of the topic in which commits are kept.";
    "offsets.topic.replication.factor" Int "3":
        "Replicas of the topic in which commits are kept.";
    "replica.lag.time.max.ms" Long "30000":
        "How long a replica may be behind and still count as in sync.";
    "unclean.leader.election.enable" Boolean "false" dynamic:
        "Whether a replica that is not in sync may lead, which loses records.";
};
