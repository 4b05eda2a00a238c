//! What brokers say of users: SCRAM credentials, ACLs and quotas; see the parent module.
//!
//! Each answer is put in order, so that the same one is known as such however the broker lists it.

use kafka_protocol::{
    messages::{DescribeAclsResponse, DescribeClientQuotasResponse, DescribeUserScramCredentialsResponse},
    protocol::StrBytes,
};

use super::{part, whole};
use crate::{
    domain::{
        acl::{Acl, Authorizer, OPERATIONS, Pattern, Permission, Resource},
        user::{Quota, ScramCredential, ScramUser},
    },
    io::kafka::failure::CallError,
    wire::errors::SECURITY_DISABLED,
};

/// The longest name that is kept whole; principals of certificates are long.
const LONGEST: usize = 1_000;

/// A text, cut to what can be shown.
fn text(from: &StrBytes) -> String {
    from.chars().take(LONGEST).collect()
}

/// DescribeUserScramCredentials (key 50): users in the order of their names.
pub fn scram_users(answer: &DescribeUserScramCredentialsResponse) -> Result<Vec<ScramUser>, CallError> {
    whole(answer.error_code)?;
    let user =
        |u: &kafka_protocol::messages::describe_user_scram_credentials_response::DescribeUserScramCredentialsResult| {
            let credential = |mechanism: i8, iterations: i32| ScramCredential {
                mechanism: match mechanism {
                    1 => "SCRAM-SHA-256".to_owned(),
                    2 => "SCRAM-SHA-512".to_owned(),
                    other => format!("SCRAM mechanism {other}"),
                },
                iterations,
            };
            let mut credentials: Vec<ScramCredential> =
                u.credential_infos.iter().map(|c| credential(c.mechanism, c.iterations)).collect();
            credentials.sort();
            ScramUser { name: text(&u.user), error: part(u.error_code), credentials }
        };
    let mut users: Vec<ScramUser> = answer.results.iter().map(user).collect();
    users.sort();
    Ok(users)
}

/// DescribeAcls (key 29).
pub fn acls(answer: &DescribeAclsResponse) -> Result<Authorizer, CallError> {
    if answer.error_code == SECURITY_DISABLED {
        return Ok(Authorizer::Absent);
    }
    whole(answer.error_code)?;
    let mut acls = Vec::new();
    for resource in &answer.resources {
        for acl in &resource.acls {
            acls.push(Acl {
                principal: text(&acl.principal),
                permission: if acl.permission_type == DENY { Permission::Deny } else { Permission::Allow },
                resource: kind(resource.resource_type),
                name: text(&resource.resource_name),
                pattern: if resource.pattern_type == PREFIXED { Pattern::Prefixed } else { Pattern::Literal },
                host: text(&acl.host),
                operation: operation(acl.operation),
            });
        }
    }
    acls.sort();
    Ok(Authorizer::Present(acls))
}

/// AclPermissionType's number for a denial, and PatternType's for what names begin with.
pub const DENY: i8 = 2;
pub const PREFIXED: i8 = 4;

/// ResourceType.
fn kind(number: i8) -> Resource {
    match number {
        2 => Resource::Topic,
        3 => Resource::Group,
        4 => Resource::Cluster,
        5 => Resource::TransactionalId,
        6 => Resource::DelegationToken,
        7 => Resource::User,
        other => Resource::Other(format!("resource {other}")),
    }
}

/// The number of a resource; 0 is of none that brokers know.
pub fn kind_number(resource: &Resource) -> i8 {
    match resource {
        Resource::Topic => 2,
        Resource::Group => 3,
        Resource::Cluster => 4,
        Resource::TransactionalId => 5,
        Resource::DelegationToken => 6,
        Resource::User => 7,
        Resource::Other(word) => word.rsplit(' ').next().and_then(|number| number.parse().ok()).unwrap_or_default(),
    }
}

/// The number of an operation; 0 is of none that brokers know.
pub fn operation_number(word: &str) -> i8 {
    let known = OPERATIONS.iter().zip(2..).find(|(name, _)| name.eq_ignore_ascii_case(word)).map(|(_, number)| number);
    known.or_else(|| word.rsplit(' ').next().and_then(|number| number.parse().ok())).unwrap_or_default()
}

/// AclOperation.
fn operation(number: i8) -> String {
    let known = usize::try_from(number).ok().and_then(|n| OPERATIONS.get(n.checked_sub(2)?));
    known.map_or_else(|| format!("operation {number}"), |name| (*name).to_owned())
}

/// DescribeClientQuotas (key 48). What is no number is left out.
pub fn quotas(answer: &DescribeClientQuotasResponse) -> Result<Vec<Quota>, CallError> {
    whole(answer.error_code)?;
    let entries = answer.entries.iter().flatten().map(|entry| {
        let name = |name: &Option<StrBytes>| name.as_ref().map(text);
        let limits = entry.values.iter().filter(|v| v.value.is_finite());
        Quota {
            entity: entry.entity.iter().map(|e| (text(&e.entity_type), name(&e.entity_name))).collect(),
            limits: limits.map(|v| (text(&v.key), v.value)).collect(),
        }
    });
    let mut quotas: Vec<Quota> = entries.collect();
    quotas.sort_by(|a, b| a.entity.cmp(&b.entity));
    Ok(quotas)
}

#[cfg(test)]
mod tests {
    use kafka_protocol::messages::{
        describe_acls_response::{AclDescription, DescribeAclsResource},
        describe_client_quotas_response::{EntityData, EntryData, ValueData},
    };

    use super::*;

    #[test]
    fn no_authorizer_is_an_answer_and_a_missing_permission_is_none() {
        let code = |code| acls(&DescribeAclsResponse::default().with_error_code(code));
        assert_eq!(code(54), Ok(Authorizer::Absent));
        assert_eq!(code(31), Err(CallError::Refused { code: 31 }));
        assert_eq!(code(0), Ok(Authorizer::Present(vec![])));
    }

    #[test]
    fn acls_are_read_in_kafkas_words_and_numbers_that_are_not_known_are_told() {
        let of = |operation: i8, permission: i8| {
            AclDescription::default()
                .with_principal(StrBytes::from_static_str("User:a"))
                .with_host(StrBytes::from_static_str("*"))
                .with_operation(operation)
                .with_permission_type(permission)
        };
        let resource = |kind: i8, pattern: i8, acls| {
            DescribeAclsResource::default()
                .with_resource_type(kind)
                .with_resource_name(StrBytes::from_static_str("x"))
                .with_pattern_type(pattern)
                .with_acls(acls)
        };
        let answer = DescribeAclsResponse::default()
            .with_resources(vec![resource(2, 4, vec![of(3, 3), of(10, 2)]), resource(99, 3, vec![of(-7, 3)])]);
        let Ok(Authorizer::Present(acls)) = acls(&answer) else { panic!("{answer:?}") };
        let told: Vec<String> = acls
            .iter()
            .map(|a| format!("{:?} {} {:?} {}", a.permission, a.operation, a.pattern, a.resource.word()))
            .collect();
        assert_eq!(
            told,
            [
                "Deny DescribeConfigs Prefixed topic",
                "Allow Read Prefixed topic",
                "Allow operation -7 Literal resource 99"
            ]
        );
    }

    #[test]
    fn limits_that_are_no_numbers_are_left_out() {
        let value = |key: &'static str, value: f64| {
            ValueData::default().with_key(StrBytes::from_static_str(key)).with_value(value)
        };
        let user = EntityData::default().with_entity_type(StrBytes::from_static_str("user")).with_entity_name(None);
        let entry = EntryData::default().with_entity(vec![user]).with_values(vec![
            value("a", f64::NAN),
            value("b", f64::INFINITY),
            value("c", 1.5),
        ]);
        let read = quotas(&DescribeClientQuotasResponse::default().with_entries(Some(vec![entry]))).unwrap();
        assert_eq!((read[0].user(), read[0].limits.len()), (Some(None), 1));
        assert_eq!(quotas(&DescribeClientQuotasResponse::default().with_entries(None)), Ok(vec![]));
    }
}
