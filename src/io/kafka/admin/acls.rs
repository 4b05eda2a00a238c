//! Rules of the authorizer: added, and taken away.

use kafka_protocol::{
    messages::{
        CreateAclsRequest, DeleteAclsRequest, create_acls_request::AclCreation, delete_acls_request::DeleteAclsFilter,
    },
    protocol::StrBytes,
};

use super::{
    Admin, AdminError, Found, Ground, counted,
    error::{Deed, Need},
};
use crate::{
    domain::acl::{Acl, Authorizer, Pattern, Permission},
    io::kafka::answers::{
        self,
        users::{DENY, PREFIXED, kind_number, operation_number},
    },
    plan::kafka::KafkaAnswer,
    wire::{
        errors::{self, SECURITY_DISABLED},
        requests,
    },
};

/// Kafka's numbers for what allows, and for a pattern that is the name itself.
const ALLOW: i8 = 3;
const LITERAL: i8 = 3;

/// INVALID_REQUEST.
const INVALID_REQUEST: i16 = 42;

/// Rules that are left to be done, and where they are known.
type Left = (Vec<Acl>, Ground);

async fn known(admin: &Admin, deed: &Deed) -> Result<(Vec<Acl>, Ground), AdminError> {
    let need = Need::cluster("Describe");
    let unread = |why| deed.unread(why, &need);
    let ground = admin.look(Some(&[])).await.map_err(unread)?;
    let answer = admin.ask_ready(&ground, &requests::describe_acls()).await.map_err(unread)?;
    match answers::acls(&answer).map_err(unread)? {
        Authorizer::Present(acls) => Ok((acls, ground)),
        Authorizer::Absent => Err(deed.refused(SECURITY_DISABLED, None, &need)),
    }
}

/// A rule that no broker could be told.
fn told(deed: &Deed, acls: &[Acl]) -> Result<(), AdminError> {
    let strange = |acl: &&Acl| kind_number(&acl.resource) <= 0 || operation_number(&acl.operation) <= 0;
    match acls.iter().find(strange) {
        Some(acl) => {
            let why = format!("{} on {} is nothing that brokers know", acl.operation, acl.resource.word());
            Err(deed.no(INVALID_REQUEST, why))
        }
        None => Ok(()),
    }
}

/// Which of these rules are not there yet.
pub(super) async fn missing(admin: &Admin, deed: &Deed, acls: &[Acl]) -> Result<(Found, Left), AdminError> {
    told(deed, acls)?;
    let (known, ground) = known(admin, deed).await?;
    let left: Vec<Acl> = acls.iter().filter(|acl| !known.contains(acl)).cloned().collect();
    let found =
        if left.is_empty() { Found::Already("the authorizer has them all".to_owned()) } else { Found::AsPlanned };
    Ok((found, (left, ground)))
}

/// Which of these rules are there.
pub(super) async fn present(admin: &Admin, deed: &Deed, acls: &[Acl]) -> Result<(Found, Left), AdminError> {
    told(deed, acls)?;
    let (known, ground) = known(admin, deed).await?;
    let left: Vec<Acl> = acls.iter().filter(|acl| known.contains(acl)).cloned().collect();
    let found =
        if left.is_empty() { Found::Already("the authorizer has none of them".to_owned()) } else { Found::AsPlanned };
    Ok((found, (left, ground)))
}

fn text(s: &str) -> StrBytes {
    StrBytes::from_string(s.to_owned())
}

fn pattern(acl: &Acl) -> i8 {
    if acl.pattern == Pattern::Prefixed { PREFIXED } else { LITERAL }
}

fn permission(acl: &Acl) -> i8 {
    if acl.permission == Permission::Deny { DENY } else { ALLOW }
}

fn creation(acl: &Acl) -> AclCreation {
    AclCreation::default()
        .with_resource_type(kind_number(&acl.resource))
        .with_resource_name(text(&acl.name))
        .with_resource_pattern_type(pattern(acl))
        .with_principal(text(&acl.principal))
        .with_host(text(&acl.host))
        .with_operation(operation_number(&acl.operation))
        .with_permission_type(permission(acl))
}

/// A filter that only this rule passes.
fn filter(acl: &Acl) -> DeleteAclsFilter {
    DeleteAclsFilter::default()
        .with_resource_type_filter(kind_number(&acl.resource))
        .with_resource_name_filter(Some(text(&acl.name)))
        .with_pattern_type_filter(pattern(acl))
        .with_principal_filter(Some(text(&acl.principal)))
        .with_host_filter(Some(text(&acl.host)))
        .with_operation(operation_number(&acl.operation))
        .with_permission_type(permission(acl))
}

/// Adds rules (CreateAcls, key 30).
pub(super) async fn create(admin: &Admin, deed: &Deed, acls: &[Acl]) -> Result<KafkaAnswer, AdminError> {
    let (found, (left, ground)) = missing(admin, deed, acls).await?;
    if let Found::Already(words) = found {
        return Ok(KafkaAnswer::Already(words));
    }
    let need = Need::cluster("Alter");
    let request = CreateAclsRequest::default().with_creations(left.iter().map(creation).collect());
    let answer = admin.steer(&ground, &request, |a| a.results.first().map_or(0, |r| r.error_code)).await;
    let answer = answer.map_err(|why| deed.unsent(why, &need))?;
    let bad = answer.results.iter().find(|r| r.error_code != 0);
    let good = answer.results.iter().filter(|r| r.error_code == 0).count();
    match bad {
        Some(bad) => Err(partly(deed, bad.error_code, bad.error_message.as_ref(), &need, good)),
        None => Ok(KafkaAnswer::Done(counted(good, "ACL"))),
    }
}

/// Takes rules away (DeleteAcls, key 31).
pub(super) async fn delete(admin: &Admin, deed: &Deed, acls: &[Acl]) -> Result<KafkaAnswer, AdminError> {
    let (found, (left, ground)) = present(admin, deed, acls).await?;
    if let Found::Already(words) = found {
        return Ok(KafkaAnswer::Already(words));
    }
    let need = Need::cluster("Alter");
    let request = DeleteAclsRequest::default().with_filters(left.iter().map(filter).collect());
    let answer = admin.steer(&ground, &request, |a| a.filter_results.first().map_or(0, |r| r.error_code)).await;
    let answer = answer.map_err(|why| deed.unsent(why, &need))?;
    let matching = || answer.filter_results.iter().flat_map(|r| &r.matching_acls);
    let good = matching().filter(|acl| acl.error_code == 0).count();
    let bad = answer.filter_results.iter().find(|r| r.error_code != 0).map(|r| (r.error_code, &r.error_message));
    let bad =
        bad.or_else(|| matching().find(|acl| acl.error_code != 0).map(|acl| (acl.error_code, &acl.error_message)));
    match bad {
        Some((code, message)) => Err(partly(deed, code, message.as_ref(), &need, good)),
        None => Ok(KafkaAnswer::Done(counted(good, "ACL"))),
    }
}

/// Some were done and some were not.
fn partly(deed: &Deed, code: i16, message: Option<&StrBytes>, need: &Need, good: usize) -> AdminError {
    match deed.refused(code, message, need) {
        AdminError::Refused { what, message, .. } if good > 0 => {
            let message = format!("{message}; {} done before", counted(good, "ACL"));
            AdminError::Refused { what, name: errors::name(code), message }
        }
        other => other,
    }
}
