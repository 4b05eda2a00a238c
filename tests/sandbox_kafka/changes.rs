//! The client that changes clusters against the sandbox's brokers: what it says of each change, and what there is then.

use std::{collections::BTreeMap, sync::Arc};

use chrono::DateTime;
use kafdeck::{
    clock::Clock,
    domain::{
        access::Mechanism,
        acl::{Acl, Pattern, Resource},
        config::{ConfigSource, Owner},
        ids::{BrokerId, InstallationId},
    },
    io::{
        kafka::admin::{Admin, AdminError, AdminSetup, Rehearsal},
        secrets::NoSecrets,
    },
    plan::kafka::{
        Answer, ConfigChange, KafkaAnswer, KafkaOp, Move, OffsetChange, OffsetTarget, PartitionRef, Question,
    },
    sandbox::kafka::{Kafka, Process},
};
use tokio_util::sync::CancellationToken;

use super::{
    common::kafka::Cluster,
    observed::{Way, book},
    shop,
};

struct House {
    cluster: Arc<Cluster>,
    admin: Admin,
}

impl House {
    fn of(kafka: Kafka) -> Self {
        let cluster = Arc::new(Cluster::new(kafka));
        let admin = Admin::new(AdminSetup {
            installation: InstallationId::new("ns", "kafka"),
            transport: Arc::new(Way(Arc::clone(&cluster))),
            secrets: Arc::new(NoSecrets),
            book: Arc::new(book()),
            clock: Clock::driven(DateTime::UNIX_EPOCH),
            cancel: CancellationToken::new(),
        });
        Self { cluster, admin }
    }

    async fn done(&self, op: &KafkaOp) -> String {
        match self.admin.perform(op).await {
            Ok(KafkaAnswer::Done(words)) => words,
            other => panic!("{op:?}: {other:?}"),
        }
    }

    async fn already(&self, op: &KafkaOp) -> String {
        let rehearsed = self.admin.rehearse(op).await;
        match self.admin.perform(op).await {
            Ok(KafkaAnswer::Already(words)) => {
                assert_eq!(rehearsed, Ok(Rehearsal::Already(words.clone())));
                words
            }
            other => panic!("{op:?}: {other:?}"),
        }
    }

    async fn stale(&self, op: &KafkaOp) -> Vec<String> {
        let rehearsed = self.admin.rehearse(op).await;
        match self.admin.perform(op).await {
            Err(AdminError::Stale { diff, .. }) => {
                assert_eq!(rehearsed, Ok(Rehearsal::Stale(diff.clone())));
                diff
            }
            other => panic!("{op:?}: {other:?}"),
        }
    }

    async fn checked(&self, op: &KafkaOp) {
        assert_eq!(self.admin.rehearse(op).await, Ok(Rehearsal::Checked), "{op:?}");
    }

    fn see<T>(&self, look: impl FnOnce(&Kafka) -> T) -> T {
        let mut seen = None;
        self.cluster.change(|kafka| seen = Some(look(kafka)));
        seen.unwrap()
    }
}

fn create(topic: &str, partitions: i32, factor: i16, configs: &[(&str, &str)]) -> KafkaOp {
    KafkaOp::CreateTopic {
        topic: topic.into(),
        partitions,
        replication_factor: factor,
        configs: configs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect(),
    }
}

fn at(topic: &str, partition: i32) -> PartitionRef {
    PartitionRef { topic: topic.into(), partition }
}

fn alter(of: Owner, name: &str, before: Option<&str>, after: Option<&str>) -> KafkaOp {
    let change = ConfigChange { name: name.into(), before: before.map(Into::into), after: after.map(Into::into) };
    KafkaOp::AlterConfigs { of, changes: vec![change] }
}

#[tokio::test(start_paused = true)]
async fn a_topic_is_rehearsed_made_once_and_deleted_once() {
    let house = House::of(shop());
    let op = create("invoices", 4, 2, &[("retention.ms", "3600000")]);
    house.checked(&op).await;
    assert!(house.see(|k| !k.topics.contains_key("invoices")), "a rehearsal makes nothing");
    assert_eq!(house.done(&op).await, "4 partitions, replication factor 2");
    let (partitions, factor) = house.see(|k| {
        let topic = &k.topics["invoices"];
        (topic.partitions.len(), topic.partitions[0].replicas.len())
    });
    assert_eq!((partitions, factor), (4, 2));
    assert_eq!(house.already(&op).await, "topic invoices exists, as wanted");
    let other = create("invoices", 6, 3, &[("retention.ms", "1"), ("segment.ms", "2")]);
    assert_eq!(
        house.stale(&other).await,
        [
            "topic invoices exists",
            "partitions: 4 there, 6 wanted",
            "replication factor: 2 there, 3 wanted",
            "retention.ms: \"3600000\" there, \"1\" wanted",
            "segment.ms: not set there, \"2\" wanted",
        ]
    );
    let delete = KafkaOp::DeleteTopic { topic: "invoices".into() };
    house.checked(&delete).await;
    house.done(&delete).await;
    assert_eq!(house.already(&delete).await, "there is no topic invoices");
}

#[tokio::test(start_paused = true)]
async fn what_brokers_refuse_is_told_in_their_words() {
    let house = House::of(shop());
    for (op, words) in [
        (create("no such/name", 1, 1, &[]), "contains one or more characters other than ASCII alphanumerics"),
        (create("x", 0, 1, &[]), "non-positive value (INVALID_PARTITIONS)"),
        (create("x", 1, 0, &[]), "must be larger than 0"),
        (create("x", 1, 4, &[]), "only 3 broker(s) are registered (INVALID_REPLICATION_FACTOR)"),
        (create("x", 1, 1, &[("retension.ms", "1")]), "Unknown topic config name: retension.ms (INVALID_CONFIG)"),
        (create("x", 1, 1, &[("retention.ms", "soon")]), "Not a number of type LONG"),
        (alter(Owner::Topic("orders".into()), "cleanup.policy", None, Some("shred")), "must be one of"),
        (alter(Owner::Topic("nothing".into()), "retention.ms", None, Some("1")), "there is no topic nothing"),
        (alter(Owner::Broker(BrokerId(1)), "node.id", None, Some("9")), "Cannot update these configs dynamically"),
        (KafkaOp::AddPartitions { topic: "orders".into(), before: 6, total: 3 }, "would not be an increase"),
        (KafkaOp::AddPartitions { topic: "nothing".into(), before: 6, total: 9 }, "there is no topic nothing"),
    ] {
        let told = house.admin.perform(&op).await.expect_err("it is refused").to_string();
        assert!(told.contains(words), "{told}");
        let rehearsed = house.admin.rehearse(&op).await.expect_err("it is refused").to_string();
        assert_eq!(rehearsed, told, "a rehearsal says the same");
    }
}

#[tokio::test(start_paused = true)]
async fn partitions_are_added_only_to_as_many_as_the_plan_saw() {
    let house = House::of(shop());
    let add = |before, total| KafkaOp::AddPartitions { topic: "orders".into(), before, total };
    assert_eq!(house.stale(&add(4, 12)).await, ["partitions: 4 when the plan was made, 6 now"]);
    house.checked(&add(6, 12)).await;
    assert_eq!(house.done(&add(6, 12)).await, "12 partitions, 6 before");
    house.already(&add(6, 12)).await;
    assert_eq!(house.see(|k| k.topics["orders"].partitions.len()), 12);
}

#[tokio::test(start_paused = true)]
async fn configs_are_changed_from_what_the_plan_saw_and_on_the_broker_whose_they_are() {
    let house = House::of(shop());
    let orders = || Owner::Topic("orders".into());
    let change = alter(orders(), "retention.ms", Some("3600000"), Some("7200000"));
    house.checked(&change).await;
    house.done(&change).await;
    assert_eq!(house.see(|k| k.topics["orders"].configs["retention.ms"].clone()), "7200000");
    house.already(&change).await;
    let old = alter(orders(), "retention.ms", Some("3600000"), Some("1"));
    assert_eq!(house.stale(&old).await, ["retention.ms: \"3600000\" when the plan was made, \"7200000\" now"]);
    house.done(&alter(orders(), "retention.ms", Some("7200000"), None)).await;
    assert!(house.see(|k| !k.topics["orders"].configs.contains_key("retention.ms")));
    let of_broker = alter(Owner::Broker(BrokerId(2)), "leader.replication.throttled.rate", None, Some("1000"));
    house.done(&of_broker).await;
    assert_eq!(house.see(|k| k.changes.configs[&2]["leader.replication.throttled.rate"].clone()), "1000");
    house.already(&of_broker).await;
}

#[tokio::test(start_paused = true)]
async fn a_new_topic_s_configs_are_known_before_it_is_there() {
    let house = House::of(shop());
    let Ok(Answer::Configs(configs)) = house.admin.ask(&Question::TopicDefaults).await else { panic!() };
    let of = |name: &str| configs.iter().find(|c| c.entry.name == name).unwrap();
    assert_eq!(
        (of("retention.ms").entry.shown(), of("retention.ms").entry.source),
        ("604800000", ConfigSource::Default)
    );
    assert_eq!(of("min.insync.replicas").entry.shown(), "2", "what brokers say");
    assert!(of("retention.ms").documentation.is_some() && of("retention.ms").kind.is_some());
    let Ok(Answer::Configs(own)) = house.admin.ask(&Question::Configs(Owner::Topic("orders".into()))).await else {
        panic!()
    };
    assert_eq!(own.iter().find(|c| c.entry.name == "retention.ms").unwrap().entry.shown(), "3600000");
}

fn scram(user: &str, new: bool) -> KafkaOp {
    KafkaOp::SetScram { user: user.into(), mechanism: Mechanism::ScramSha512, iterations: 8192, new }
}

#[tokio::test(start_paused = true)]
async fn a_credential_is_made_once_replaced_and_taken_away() {
    let house = House::of(shop());
    house.checked(&scram("app", true)).await;
    let Ok(KafkaAnswer::Password { user, password }) = house.admin.perform(&scram("app", true)).await else { panic!() };
    assert_eq!((user.as_str(), password.reveal().len()), ("app", 32));
    let again = house.admin.perform(&scram("app", true)).await.expect_err("it exists");
    assert!(matches!(&again, AdminError::Exists { object, .. } if object == "a SCRAM-SHA-512 credential of user app"));
    let Ok(KafkaAnswer::Password { password: next, .. }) = house.admin.perform(&scram("app", false)).await else {
        panic!()
    };
    assert!(password != next, "another password");
    assert!(!format!("{password:?}").contains(&String::from_utf8(password.reveal().to_vec()).unwrap()));
    let delete = KafkaOp::DeleteScram { user: "app".into(), mechanisms: Mechanism::ALL.to_vec() };
    assert_eq!(house.done(&delete).await, "1 credential");
    house.already(&delete).await;
    let few = KafkaOp::SetScram { user: "a".into(), mechanism: Mechanism::ScramSha256, iterations: 1, new: true };
    let few = house.admin.perform(&few).await.expect_err("too few").to_string();
    assert!(few.contains("4096 to 16384"), "{few}");
}

fn rule(operation: &str, name: &str) -> Acl {
    Acl {
        principal: "User:app".into(),
        resource: Resource::Topic,
        name: name.into(),
        pattern: Pattern::Prefixed,
        host: "*".into(),
        operation: operation.into(),
        ..Acl::default()
    }
}

#[tokio::test(start_paused = true)]
async fn rules_are_added_where_they_are_missing_and_taken_away_one_by_one() {
    let mut kafka = shop();
    let acls = vec![rule("Read", "app-"), rule("DescribeConfigs", "app-")];
    let create = KafkaOp::CreateAcls { acls: acls.clone() };
    let without = House::of(kafka.clone());
    let none = without.admin.perform(&create).await.expect_err("no authorizer");
    assert!(matches!(none, AdminError::NoAuthorizer { .. }), "{none}");
    assert_eq!(without.admin.rehearse(&create).await, Err(none));
    kafka.security.acls = Some(Vec::new());
    let house = House::of(kafka);
    house.done(&KafkaOp::CreateAcls { acls: vec![rule("Read", "app-"), rule("Read", "other-")] }).await;
    assert_eq!(house.done(&create).await, "1 ACL", "the other one was there");
    house.already(&create).await;
    let delete = KafkaOp::DeleteAcls { acls };
    assert_eq!(house.done(&delete).await, "2 ACLs");
    house.already(&delete).await;
    assert_eq!(house.see(|k| k.security.acls.as_ref().unwrap().len()), 1, "nobody else's rule went");
}

#[tokio::test(start_paused = true)]
async fn limits_are_set_and_taken_away() {
    let house = House::of(shop());
    let limit = |key: &str, value| KafkaOp::AlterQuotas {
        user: "app".into(),
        limits: BTreeMap::from([(key.to_owned(), value)]),
    };
    let set = limit("producer_byte_rate", Some(1024.0));
    house.checked(&set).await;
    house.done(&set).await;
    house.already(&set).await;
    let unknown = house.admin.perform(&limit("byte_rate", Some(1.0))).await.expect_err("unknown").to_string();
    assert!(unknown.contains("Invalid configuration key byte_rate"), "{unknown}");
    house.done(&limit("producer_byte_rate", None)).await;
    house.already(&limit("producer_byte_rate", None)).await;
}

#[tokio::test(start_paused = true)]
async fn leadership_goes_back_where_it_can() {
    let house = House::of(shop());
    let elect = KafkaOp::ElectLeaders { partitions: vec![] };
    house.already(&elect).await;
    house.cluster.change(|k| {
        let orders = k.topics.get_mut("orders").unwrap();
        orders.partitions[0].leader = Some(1);
        orders.partitions[3].leader = Some(2);
        // The preferred leader of this one is not in sync.
        orders.partitions[1].leader = Some(2);
        orders.partitions[1].isr = vec![2, 0];
    });
    house.checked(&elect).await;
    let part = house.admin.perform(&elect).await.expect_err("one stays").to_string();
    assert!(part.contains("2 of 3 were given back; orders-1: The preferred leader was not available"), "{part}");
    house.cluster.change(|k| k.topics.get_mut("orders").unwrap().partitions[1].isr = vec![1, 2, 0]);
    assert_eq!(house.done(&elect).await, "1 partition had another leader");
    let gone = house.admin.perform(&KafkaOp::ElectLeaders { partitions: vec![at("orders", 77)] }).await;
    assert!(matches!(gone, Err(AdminError::NotFound { .. })), "{gone:?}");
}

fn step(partition: i32, before: &[i32], after: Option<&[i32]>) -> Move {
    let ids = |ids: &[i32]| ids.iter().copied().map(BrokerId).collect();
    Move { of: at("orders", partition), before: ids(before), after: after.map(ids) }
}

#[tokio::test(start_paused = true)]
async fn moves_begin_are_listed_and_can_be_cancelled() {
    let mut kafka = shop();
    kafka.topics.get_mut("orders").unwrap().partitions[0].replicas = vec![0, 1];
    kafka.topics.get_mut("orders").unwrap().partitions[0].isr = vec![0, 1];
    let house = House::of(kafka);
    let cancel = KafkaOp::Reassign { moves: vec![step(0, &[], None)] };
    assert_eq!(house.already(&cancel).await, "no move is under way");
    let stale = KafkaOp::Reassign { moves: vec![step(0, &[0, 2], Some(&[2, 1]))] };
    assert_eq!(house.stale(&stale).await, ["orders-0: on 0, 2 when the plan was made, on 0, 1 now"]);
    let go = KafkaOp::Reassign { moves: vec![step(0, &[0, 1], Some(&[2, 1]))] };
    house.checked(&go).await;
    assert_eq!(house.done(&go).await, "1 partition");
    let Ok(Answer::Reassignments(under_way)) = house.admin.ask(&Question::Reassignments).await else { panic!() };
    assert_eq!(under_way.len(), 1);
    let ids = |ids: &[BrokerId]| ids.iter().map(|id| id.0).collect::<Vec<_>>();
    let one = &under_way[0];
    assert_eq!((ids(&one.replicas), ids(&one.adding), ids(&one.removing)), (vec![2, 1, 0], vec![2], vec![0]));
    assert_eq!(house.already(&go).await, "they are there, or on their way");
    house.done(&cancel).await;
    assert_eq!(house.see(|k| k.topics["orders"].partitions[0].replicas.clone()), [0, 1]);
    let stranger = KafkaOp::Reassign { moves: vec![step(0, &[0, 1], Some(&[0, 9]))] };
    let stranger = house.admin.perform(&stranger).await.expect_err("no such broker").to_string();
    assert!(stranger.contains("orders-0: The manual partition assignment includes broker 9"), "{stranger}");
}

fn reset(group: &str, before: Option<i64>, after: i64) -> KafkaOp {
    let offsets = (0..6).map(|p| OffsetChange { of: at("orders", p), before, after }).collect();
    KafkaOp::CommitOffsets { group: group.into(), offsets }
}

#[tokio::test(start_paused = true)]
async fn offsets_are_reset_for_groups_without_members_only() {
    let house = House::of(shop());
    let ask = |group: &str, to| Question::Offsets { group: group.into(), topics: vec![], to };
    let Ok(Answer::Offsets(rows)) = house.admin.ask(&ask("idle", OffsetTarget::By(-10))).await else { panic!() };
    assert_eq!(rows.len(), 6);
    assert_eq!((rows[2].committed, rows[2].start, rows[2].end, rows[2].target), (Some(40), 0, 100, 30));
    for (group, members) in [("billing", "2 members"), ("audit", "1 member")] {
        let live = house.admin.perform(&reset(group, Some(40), 0)).await.expect_err("it has members").to_string();
        assert!(live.contains(&format!("the group is Stable and {members}")), "{live}");
        let live = KafkaOp::DeleteGroup { group: group.into() };
        assert!(house.admin.perform(&live).await.is_err());
    }
    assert_eq!(house.stale(&reset("idle", Some(7), 0)).await.len(), 6);
    house.checked(&reset("idle", Some(40), 10)).await;
    assert_eq!(house.done(&reset("idle", Some(40), 10)).await, "6 partitions");
    house.already(&reset("idle", Some(40), 10)).await;
    house.done(&KafkaOp::DeleteGroup { group: "idle".into() }).await;
    house.already(&KafkaOp::DeleteGroup { group: "idle".into() }).await;
    // One that nobody knew becomes a group of commits.
    house.done(&reset("fresh", None, 3)).await;
    assert_eq!(house.see(|k| k.groups["fresh"].committed.len()), 6);
}

#[tokio::test(start_paused = true)]
async fn offsets_of_one_topic_are_told_by_time_and_where_nothing_can_be() {
    let house = House::of(shop());
    let ask = |topic: &str, to| Question::Offsets { group: "idle".into(), topics: vec![topic.into()], to };
    let to_come = OffsetTarget::Time(DateTime::from_timestamp(4_000_000_000, 0).unwrap());
    let Ok(Answer::Offsets(rows)) = house.admin.ask(&ask("orders", to_come)).await else { panic!() };
    assert!(rows.iter().all(|row| row.target == 100 && row.failed.is_none()), "{rows:?}");
    let Ok(Answer::Offsets(rows)) = house.admin.ask(&ask("nothing", OffsetTarget::Earliest)).await else { panic!() };
    assert!(rows[0].failed.as_ref().unwrap().contains("UNKNOWN_TOPIC_OR_PARTITION"), "{rows:?}");
    let written = house.admin.ask(&Question::LastWrite { topic: "orders".into() }).await;
    assert!(matches!(written, Ok(Answer::LastWrite(Some(_)))), "{written:?}");
    let written = house.admin.ask(&Question::LastWrite { topic: "nothing".into() }).await;
    assert!(matches!(written, Err(AdminError::NotFound { .. })), "{written:?}");
}

#[tokio::test(start_paused = true)]
async fn a_frozen_broker_does_not_hold_up_what_another_can_do() {
    let house = House::of(shop());
    house.done(&create("first", 1, 1, &[])).await;
    house.cluster.process(0, Process::Frozen);
    let before = tokio::time::Instant::now();
    house.done(&create("second", 1, 1, &[])).await;
    assert!(before.elapsed().as_secs() < 3, "{:?}", before.elapsed());
    let all = [1, 2].map(|broker| house.cluster.process(broker, Process::Frozen));
    assert_eq!(all.len(), 2);
    let nobody = house.admin.perform(&create("third", 1, 1, &[])).await.expect_err("nobody answers");
    assert!(matches!(nobody, AdminError::Unreachable { .. }), "nothing was sent: {nobody}");
}

#[tokio::test(start_paused = true)]
async fn with_no_controller_nothing_is_changed() {
    let mut kafka = shop();
    kafka.controller = None;
    let house = House::of(kafka);
    let told = house.admin.perform(&create("x", 1, 1, &[])).await.expect_err("no controller").to_string();
    assert!(told.contains("another broker is the controller (NOT_CONTROLLER)"), "{told}");
}
