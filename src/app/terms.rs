//! What the columns of every list mean, and who tells their figures.
//!
//! Words only: the page of `w` puts them beside the selected row's figures, `view::sources` draws it and `copied` makes
//! text of it. That no column is without its words is held by a test.

use super::{App, columns::Cell, detail, lists::ListId, place::Place, tab::Tab};

/// What a column means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Term {
    /// The column's title.
    pub title: &'static str,
    /// What it says, in a sentence without its full stop.
    pub means: &'static str,
    /// Who tells it: an object's field, a request to brokers, or what it is worked out from; `-` where it says so itself.
    pub from: &'static str,
}

const fn term(title: &'static str, means: &'static str, from: &'static str) -> Term {
    Term { title, means, from }
}

impl Term {
    /// What it means and, in brackets, who tells it.
    pub fn words(&self) -> String {
        if self.from == "-" { self.means.to_owned() } else { format!("{} ({})", self.means, self.from) }
    }
}

/// What the place at hand is about, in the terms of its columns: each with what the selected row has there. The places
/// that are about the whole have none.
pub fn in_place(app: &App) -> Vec<(&'static Term, Option<Cell>)> {
    if matches!(app.place, Place::Tab(Tab::Overview | Tab::Diagnosis)) {
        return Vec::new();
    }
    let Some(list) = app.list() else { return Vec::new() };
    let cells = app.shown.as_ref().map(|shown| detail::cells(app, shown, list)).unwrap_or_default();
    let mut cells = cells.into_iter().map(|(_, cell)| cell);
    terms(list).iter().map(|term| (term, cells.next())).collect()
}

/// What the columns of a list mean, in their order.
pub fn terms(list: ListId) -> &'static [Term] {
    match list {
        ListId::Findings => FINDINGS,
        ListId::Brokers => BROKERS,
        ListId::Storage => STORAGE,
        ListId::Topics => TOPICS,
        ListId::Partitions => PARTITIONS,
        ListId::Groups => GROUPS,
        ListId::GroupPartitions => GROUP_PARTITIONS,
        ListId::Alerts => ALERTS,
        ListId::Configs => CONFIGS,
        ListId::Connect => CONNECT,
        ListId::Users => USERS,
        ListId::Timeline => TIMELINE,
    }
}

const FINDINGS: &[Term] = &[
    term("SEVERITY", "critical: data or clients suffer now; warning: they will; info: worth knowing", "our conclusion"),
    term("FINDING", "what is wrong, with its cause where that is known", "our conclusion; Enter shows the evidence"),
    term("ID", "the name under which it is told everywhere, as in scripts", "ours"),
    term("SINCE", "for how long it has been so, as far as we have looked", "when its evidence was first seen"),
];

const BROKERS: &[Term] = &[
    term("ID", "the number by which brokers, leaders and replicas are named", "node.id, else what Metadata says"),
    term("POD", "the pod that runs it", "its advertised address, else its configuration"),
    term(
        "STATE",
        "Ready: its pod is, it answers and is not fenced; otherwise what is in its way",
        "Pod status, Metadata",
    ),
    term("NODE", "the machine that its pod runs on", "Pod spec.nodeName"),
    term(
        "ZONE",
        "where it stands: replicas should be spread over zones",
        "Node topology.kubernetes.io/zone, else its rack",
    ),
    term(
        "ROLES",
        "broker: it keeps partitions; controller: it votes on metadata; the active one leads",
        "process.roles, DescribeQuorum",
    ),
    term("LEAD", "partitions it leads: producers and consumers of those talk to it", "Metadata"),
    term("REPL", "replicas it is to keep, led ones among them", "Metadata"),
    term("URP", "partitions that are under-replicated because it is not in their ISR", "Metadata"),
    term("DISK", "how full its volume is", "the kubelet, else DescribeLogDirs"),
    term("IN/S", "bytes that producers send it, a second", "its metrics port"),
    term("OUT/S", "bytes that consumers fetch from it, a second; replication is not among them", "its metrics port"),
    term(
        "IDLE",
        "share of their time in which its request handlers have nothing to do; below 20% it is busy",
        "its metrics port",
    ),
    term("HEAP", "share of the JVM's heap in use; it goes up and down with garbage collection", "its metrics port"),
    term("RESTARTS", "how often its containers were started again, and why last", "Pod containerStatuses"),
    term(
        "SAFE",
        "whether it may be restarted now without a partition going offline or acks=all failing",
        "the gates of a restart",
    ),
    term("AGE", "since when its pod exists", "Pod creationTimestamp"),
];

const STORAGE: &[Term] = &[
    term("PVC", "the claim: what a pod asks of storage", "PersistentVolumeClaim"),
    term(
        "PHASE",
        "Bound: it has its volume; Pending: none yet; Lost: its volume is gone",
        "PersistentVolumeClaim status.phase",
    ),
    term("BROKER", "the broker whose data it holds", "the pod that mounts it"),
    term("SIZE", "what was asked for", "PersistentVolumeClaim spec.resources.requests"),
    term("USED", "bytes in use on it", "who SOURCE says"),
    term("%", "share in use; a broker whose volume is full stops", "USED of all there is"),
    term(
        "GROWTH",
        "how fast it fills, negative where retention takes more away than comes",
        "USED over the time since we look",
    ),
    term("FULL IN", "when it is full if it goes on like this", "what is free, divided by GROWTH"),
    term("SOURCE", "who says how full it is: the kubelet, or the broker's log directories", "-"),
    term(
        "CLASS",
        "the storage class, which says what kind of volume it is",
        "PersistentVolumeClaim spec.storageClassName",
    ),
    term("EXPANDS", "whether it can be made larger while in use", "StorageClass allowVolumeExpansion"),
    term("POD", "the pod that mounts it", "Pod spec.volumes"),
    term("AGE", "since when it exists", "PersistentVolumeClaim creationTimestamp"),
];

const TOPICS: &[Term] = &[
    term("TOPIC", "its name", "Metadata"),
    term("PARTS", "its partitions: at most so many members of a group read it at once", "Metadata"),
    term("RF", "replication factor: copies of each partition", "Metadata, its first partition"),
    term("MIN-ISR", "in-sync replicas that acks=all needs", "DescribeConfigs min.insync.replicas"),
    term("OFFLINE", "partitions without a leader that answers: nobody reads or writes them", "Metadata"),
    term("UNDER-MIN", "partitions with fewer in-sync replicas than MIN-ISR: acks=all fails", "Metadata, MIN-ISR"),
    term("AT-MIN", "partitions that are behind, and one loss from that", "Metadata, MIN-ISR"),
    term("URP", "under-replicated partitions: fewer in-sync replicas than replicas", "Metadata"),
    term("MOVING", "partitions whose replicas are being moved to other brokers", "ListPartitionReassignments"),
    term("SIZE", "bytes of all its replicas", "DescribeLogDirs of every broker that holds one"),
    term("OVERRIDES", "configs that it sets itself, instead of the brokers' defaults", "DescribeConfigs"),
    term("OWNER", "who declares it, and would change it back", "KafkaTopic"),
];

const PARTITIONS: &[Term] = &[
    term("PARTITION", "its number; records with one key are in one partition, in order", "Metadata"),
    term(
        "STATE",
        "offline, under min-ISR, at min-ISR, under-replicated, or in sync; the worst counts",
        "Metadata, min.insync.replicas",
    ),
    term("LEADER", "the broker that takes its writes and, as a rule, its reads", "Metadata"),
    term("REPLICAS", "the brokers that are to keep a copy, the preferred leader first", "Metadata"),
    term("ISR", "in-sync replicas: copies that have all that was acknowledged", "Metadata"),
    term("BEHIND", "replicas that are not in the ISR", "REPLICAS without ISR"),
    term("END OFFSET", "the offset that its next record gets; asked where a group reads it", "ListOffsets"),
    term("SIZE PER BROKER", "bytes of each copy", "DescribeLogDirs"),
];

const GROUPS: &[Term] = &[
    term("GROUP", "consumers that share the reading of topics", "ListGroups"),
    term(
        "STATE",
        "Stable: partitions are assigned; rebalancing: nobody reads meanwhile; Empty: it has no members",
        "DescribeGroups",
    ),
    term("TYPE", "classic, consumer (KIP-848) or share (KIP-932)", "ListGroups"),
    term("MEMBERS", "consumers in it now", "DescribeGroups"),
    term("LAG", "records between its commits and the ends of what it reads", "OffsetFetch, ListOffsets"),
    term(
        "LAG TIME",
        "for how long the oldest record that it has not read has waited",
        "when we saw the log pass its commit, else the record's batch",
    ),
    term("TREND", "its lag in the last two minutes", "LAG, over time"),
    term("IN/S", "records written to what it reads, a second", "ListOffsets, over the last minute"),
    term("OUT/S", "records it has committed, a second", "OffsetFetch, over the last minute"),
    term(
        "DRAIN",
        "when it has caught up at these rates; never: it does not come nearer",
        "LAG, divided by OUT/S less IN/S",
    ),
    term(
        "RETENTION",
        "share of the retention that its oldest unread record has used up; at 100% data is lost",
        "LAG TIME of retention.ms",
    ),
    term(
        "VERDICT",
        "what follows: ok, lagging, stalled, stuck partition, rewound, dead members, about to lose data",
        "all of these",
    ),
    term("TOPICS", "what it has committed or reads", "OffsetFetch, DescribeGroups"),
    term("COORDINATOR", "the broker that looks after it", "the broker that lists it"),
];

const GROUP_PARTITIONS: &[Term] = &[
    term("TOPIC", "the topic", "OffsetFetch, DescribeGroups"),
    term("PARTITION", "its partition", "OffsetFetch, DescribeGroups"),
    term("COMMITTED", "the offset that the group reads next after a restart", "OffsetFetch"),
    term("END", "the offset that the next record gets", "ListOffsets"),
    term("LAG", "records between the two", "END less COMMITTED"),
    term(
        "LAG TIME",
        "for how long the record at COMMITTED has waited",
        "when we saw the log pass it, else the record's batch",
    ),
    term("CLIENT", "client.id of the member that reads it", "DescribeGroups"),
    term("HOST", "the address that the member connects from", "DescribeGroups"),
    term("POD", "the pod that has this address", "Pod status.podIP"),
    term("MEMBER", "the id that the coordinator gave it", "DescribeGroups"),
];

const ALERTS: &[Term] = &[
    term("ALERT", "the rule's name", "PrometheusRule"),
    term("STATE", "whether it fires, where somebody evaluates it", "-"),
    term("SEVERITY", "how grave its author thinks it is", "its label severity"),
    term("FOR", "for how long its expression must hold before it fires", "PrometheusRule for"),
    term("RULE", "the object that it stands in", "PrometheusRule"),
    term("EXPRESSION", "the PromQL that must have a result", "PrometheusRule expr"),
];

const CONFIGS: &[Term] = &[
    term("CONFIG", "its name, as in server.properties", "DescribeConfigs"),
    term("VALUE", "what holds now", "DescribeConfigs"),
    term("SOURCE", "who set it: the topic, this broker, all brokers, the file, or nobody", "DescribeConfigs"),
    term("DEFAULT", "what would hold without that", "DescribeConfigs synonyms"),
];

const CONNECT: &[Term] = &[
    term("CONNECTOR", "its name", "Connect REST /connectors"),
    term("TYPE", "source: writes to Kafka; sink: reads from it", "Connect REST /connectors"),
    term("CLASS", "the Java class that does the work", "its config connector.class"),
    term("STATE", "RUNNING, PAUSED, STOPPED, FAILED or UNASSIGNED", "Connect REST /status"),
    term("TASKS", "tasks that run, of all", "Connect REST /status"),
    term("LAG", "records that a sink has yet to read", "the group connect-NAME"),
    term("WORKER", "the worker that the connector itself runs on", "Connect REST /status"),
    term("WHAT FAILED", "the cause at the bottom of the stack trace", "Connect REST /status"),
];

const USERS: &[Term] = &[
    term("USER", "the name that clients log in with", "KafkaUser, ACLs, credentials, quotas"),
    term("MECHANISM", "how it proves who it is", "DescribeUserScramCredentials, KafkaUser"),
    term("ISSUE", "what is wrong with it, the worst first", "KafkaUser status against what brokers say"),
    term("ACLS", "what it may do", "DescribeAcls, else KafkaUser"),
    term("QUOTAS", "how much it may send, fetch and ask a second", "DescribeClientQuotas, else KafkaUser"),
    term("OWNER", "who declares it, and would change it back", "KafkaUser"),
];

const TIMELINE: &[Term] = &[
    term("WHEN", "when it happened, where that is told; else when we saw it", "SOURCE"),
    term("KIND", "what kind of change", "-"),
    term("OBJECT", "what changed", "SOURCE"),
    term("WHAT", "how it changed", "SOURCE"),
    term("SOURCE", "who told: events, pods, brokers, objects or our own journal", "-"),
];

#[cfg(test)]
mod tests {
    use super::{super::lists::titles, *};

    const LISTS: [ListId; 12] = [
        ListId::Findings,
        ListId::Brokers,
        ListId::Storage,
        ListId::Topics,
        ListId::Partitions,
        ListId::Groups,
        ListId::GroupPartitions,
        ListId::Alerts,
        ListId::Configs,
        ListId::Connect,
        ListId::Users,
        ListId::Timeline,
    ];

    #[test]
    fn every_column_has_its_term() {
        for list in LISTS {
            let known: Vec<&str> = terms(list).iter().map(|term| term.title).collect();
            assert_eq!(known, titles(list), "{list:?}");
        }
    }
}
