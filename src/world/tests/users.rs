//! Users joined from brokers' answers and KafkaUsers.

use super::{super::users::UserRow, *};
use crate::domain::{
    acl::{Acl, Authorizer, Resource},
    installation::Condition,
    strimzi::{self, KafkaResource, KafkaUser},
    user::{Quota, ScramCredential, ScramUser},
};

fn scram(name: &str) -> ScramUser {
    let credential = ScramCredential { mechanism: "SCRAM-SHA-512".into(), iterations: 4096 };
    ScramUser { name: name.into(), error: None, credentials: vec![credential] }
}

fn acl(principal: &str, topic: &str, operation: &str) -> Acl {
    Acl {
        principal: principal.into(),
        resource: Resource::Topic,
        name: topic.into(),
        host: "*".into(),
        operation: operation.into(),
        ..Acl::default()
    }
}

fn quota(entity: &[(&str, Option<&str>)], limit: f64) -> Quota {
    Quota {
        entity: entity.iter().map(|(kind, name)| ((*kind).to_owned(), name.map(str::to_owned))).collect(),
        limits: [("producer_byte_rate".to_owned(), limit)].into(),
    }
}

/// A user that its operator has made ready, long ago.
fn resource(name: &str, authentication: &str) -> KafkaUser {
    let ready = Condition {
        kind: "Ready".into(),
        status: "True".into(),
        since: Some("1969-12-31T00:00:00.735501Z".into()),
        ..Condition::default()
    };
    KafkaUser {
        meta: Meta {
            namespace: "ns".into(),
            name: name.into(),
            labels: [("strimzi.io/cluster".to_owned(), "kafka".to_owned())].into(),
            ..Meta::default()
        },
        authentication: Some(authentication.into()),
        conditions: vec![ready],
        generation: Some(1),
        observed_generation: Some(1),
        ..KafkaUser::default()
    }
}

impl Cluster {
    /// A cluster of Strimzi's with a User Operator, and these users.
    fn strimzi(users: Vec<KafkaUser>) -> Self {
        let mut cluster = Self::new();
        cluster.installation.flavour = Flavour::Strimzi;
        cluster.installation.super_users = vec!["CN=root".into()];
        let meta = Meta { namespace: "ns".into(), name: "kafka".into(), ..Meta::default() };
        let kafka = KafkaResource { meta, users_in: Some("ns".into()), ..KafkaResource::default() };
        cluster.tell(Source::Watch(Kind::Kafkas), Body::Listed(vec![Object::Kafka(Box::new(kafka))]));
        cluster.tell(Source::Watch(Kind::Users), Body::Listed(users.into_iter().map(Object::User).collect()));
        cluster.pass(1);
        cluster
    }

    fn users(&mut self, scram: Vec<ScramUser>, acls: Vec<Acl>, quotas: Vec<Quota>) {
        self.kafka(Asked::ScramUsers, None, KafkaBody::ScramUsers(scram));
        self.kafka(Asked::Acls, None, KafkaBody::Acls(Authorizer::Present(acls)));
        self.kafka(Asked::Quotas, None, KafkaBody::Quotas(quotas));
    }

    fn user(&self, name: &str) -> UserRow {
        let rows = self.reading().users();
        rows.iter().find(|row| row.name == name).unwrap_or_else(|| panic!("no {name} among {rows:#?}")).clone()
    }
}

#[test]
fn a_user_is_joined_by_how_the_broker_calls_it() {
    let mut other = resource("app", "scram-sha-512");
    other.username = Some("app-as-called".into());
    let mut cluster = Cluster::strimzi(vec![other, resource("web", "tls")]);
    cluster.users(
        vec![scram("app-as-called")],
        vec![acl("User:app-as-called", "orders", "Read"), acl("User:CN=web", "orders", "Write")],
        vec![
            quota(&[("user", Some("CN=web"))], 1.0),
            quota(&[("user", Some("CN=web")), ("client-id", Some("x"))], 2.0),
            quota(&[("user", None)], 3.0),
            quota(&[("client-id", Some("y"))], 4.0),
        ],
    );
    let names: Vec<String> = cluster.reading().users().into_iter().map(|row| row.name).collect();
    assert_eq!(names, ["<default>", "CN=root", "CN=web", "app-as-called"]);
    let app = cluster.user("app-as-called");
    assert_eq!((app.mechanism.as_deref(), app.owner.as_deref()), (Some("SCRAM-SHA-512"), Some("KafkaUser ns/app")));
    assert_eq!((app.issue, app.acls.unwrap()[0].operations.join("")), (None, "Read".to_owned()));
    let web = cluster.user("CN=web");
    assert_eq!((web.mechanism.as_deref(), web.quotas.unwrap()["producer_byte_rate"]), (Some("TLS"), 1.0));
    assert_eq!(web.client_quotas[0].of, "client-id \"x\"");
    assert_eq!(cluster.user("CN=root").owner.as_deref(), Some("super user"));
    assert_eq!(cluster.reading().quotas_of_no_user()[0].of, "client-id \"y\"");
}

#[test]
fn what_only_looks_like_a_user_is_another_principal() {
    let mut cluster = Cluster::strimzi(Vec::new());
    cluster.users(vec![scram("Group:ops")], vec![acl("Group:ops", "orders", "Read")], Vec::new());
    let rows = cluster.reading().users();
    let principals: Vec<&str> = rows.iter().map(|row| row.principal.as_str()).collect();
    assert_eq!(principals, ["User:CN=root", "Group:ops", "User:Group:ops"]);
    assert_eq!((rows[1].scram.clone(), rows[1].issue.clone()), (Some(vec![]), None));
}

#[test]
fn a_declared_user_without_a_credential_is_broken_only_if_the_answer_is_younger_than_the_user() {
    let mut young = resource("young", "scram-sha-512");
    young.conditions[0].since = Some("1970-01-01T00:01:00Z".into());
    let mut cluster = Cluster::strimzi(vec![resource("old", "scram-sha-512"), young, resource("web", "tls")]);
    assert_eq!(cluster.user("old").issue, None, "nobody has told of credentials");
    assert_eq!(cluster.user("old").mechanism.as_deref(), Some("SCRAM-SHA-512"), "as it is declared");
    cluster.users(Vec::new(), Vec::new(), Vec::new());
    let old = cluster.user("old");
    assert_eq!(old.issue.as_deref(), Some("the brokers have no SCRAM credential of it"));
    assert!(old.broken);
    assert_eq!((cluster.user("young").issue, cluster.user("CN=web").issue), (None, None));
    cluster.pass(90);
    cluster.users(Vec::new(), Vec::new(), Vec::new());
    assert!(cluster.user("young").issue.is_some());
}

#[test]
fn what_the_operator_has_not_done_is_told() {
    let mut behind = resource("behind", "tls");
    (behind.generation, behind.observed_generation) = (Some(3), Some(2));
    let mut refused = resource("refused", "tls");
    refused.conditions = vec![Condition {
        kind: "NotReady".into(),
        status: "True".into(),
        reason: Some("InvalidResourceException".into()),
        message: Some("no authorization".into()),
        ..Condition::default()
    }];
    let mut unseen = resource("unseen", "tls");
    unseen.conditions.clear();
    let mut elsewhere = resource("elsewhere", "tls");
    elsewhere.meta.labels.clear();
    let cluster = Cluster::strimzi(vec![behind, refused, unseen, elsewhere]);
    assert_eq!(cluster.user("CN=behind").issue.as_deref(), Some("generation 3, operator saw 2"));
    let refused = cluster.user("CN=refused");
    assert_eq!(refused.issue.as_deref(), Some("not ready: InvalidResourceException: no authorization"));
    assert!(refused.broken);
    assert_eq!(cluster.user("CN=unseen").issue.as_deref(), Some("no operator has told of this KafkaUser yet"));
    assert!(cluster.reading().users().iter().all(|row| row.name != "CN=elsewhere"), "it is of no cluster");
}

#[test]
fn a_user_that_nobody_declares_is_not_managed_where_an_operator_looks_after_users() {
    let acls = || vec![acl("User:*", "orders", "Read"), acl("User:CN=root", "orders", "Read")];
    let mut cluster = Cluster::strimzi(Vec::new());
    cluster.users(vec![scram("stray")], acls(), vec![quota(&[("user", None)], 1.0)]);
    assert!(cluster.user("stray").issue.unwrap().starts_with("not managed"));
    for nobody in ["*", "<default>", "CN=root"] {
        assert_eq!(cluster.user(nobody).issue, None, "{nobody}");
    }
    let mut plain = Cluster::new();
    plain.users(vec![scram("stray")], acls(), Vec::new());
    assert_eq!(plain.user("stray").issue, None);
    assert!(plain.user("stray").owner_is_known);
}

#[test]
fn without_the_brokers_word_what_is_declared_stands_and_says_so() {
    let mut user = resource("app", "scram-sha-512");
    user.acls = Some(vec![strimzi::Acl {
        resource: "topic".into(),
        name: "orders".into(),
        operations: vec!["Read".into()],
        ..strimzi::Acl::default()
    }]);
    let mut cluster = Cluster::strimzi(vec![user]);
    let row = cluster.user("app");
    assert_eq!((row.acls_from, row.quotas, row.scram), (Some(super::super::users::Told::Resource), None, None));
    assert_eq!(row.acls.unwrap()[0].name, "orders");
    cluster.kafka(Asked::Acls, None, KafkaBody::Acls(Authorizer::Absent));
    assert_eq!((cluster.user("app").authorizer, cluster.reading().authorizer()), (Some(false), Some(false)));
}
