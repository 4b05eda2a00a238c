//! What brokers say of users: SCRAM credentials, ACLs and quotas.

use std::collections::BTreeMap;

use kafka_protocol::{
    ResponseError,
    messages::{
        DescribeAclsRequest, DescribeAclsResponse, DescribeClientQuotasRequest, DescribeClientQuotasResponse,
        DescribeUserScramCredentialsRequest, DescribeUserScramCredentialsResponse,
        describe_acls_response::{AclDescription, DescribeAclsResource},
        describe_client_quotas_request::ComponentData,
        describe_client_quotas_response::{EntityData, EntryData, ValueData},
        describe_user_scram_credentials_response::{CredentialInfo, DescribeUserScramCredentialsResult},
    },
};

use super::{View, text};
use crate::sandbox::kafka::{Acl, Quota};

/// The number for whatever it is, and for whatever covers a name.
const ANY: i8 = 1;
const MATCH: i8 = 2;

/// Numbers of patterns.
const LITERAL: i8 = 3;
const PREFIXED: i8 = 4;

/// How a component of a quota is compared: by name, or with what has none; else any.
const EXACT: i8 = 0;
const DEFAULT: i8 = 1;

/// DescribeUserScramCredentials (key 50): all users, unless some are named.
pub fn scram(
    view: &View<'_>,
    asked: &DescribeUserScramCredentialsRequest,
    _: i16,
) -> DescribeUserScramCredentialsResponse {
    let all = &view.kafka.security.scram;
    let named = asked.users.as_ref().filter(|users| !users.is_empty());
    let wanted: Vec<&str> = match named {
        Some(users) => users.iter().map(|user| user.name.as_str()).collect(),
        None => all.keys().map(String::as_str).collect(),
    };
    let results = wanted.into_iter().map(|name| {
        let answer = DescribeUserScramCredentialsResult::default().with_user(text(name));
        let Some(credentials) = all.get(name) else {
            let why = format!("Attempt to describe a user credential that does not exist: {name}");
            return answer.with_error_code(ResponseError::ResourceNotFound.code()).with_error_message(Some(text(&why)));
        };
        let infos = credentials
            .iter()
            .map(|(mechanism, rounds)| CredentialInfo::default().with_mechanism(*mechanism).with_iterations(*rounds));
        answer.with_error_message(Some(text(""))).with_credential_infos(infos.collect())
    });
    DescribeUserScramCredentialsResponse::default().with_error_message(Some(text(""))).with_results(results.collect())
}

/// DescribeAcls (key 29).
pub fn acls(view: &View<'_>, asked: &DescribeAclsRequest, _: i16) -> DescribeAclsResponse {
    let Some(acls) = &view.kafka.security.acls else {
        return DescribeAclsResponse::default()
            .with_error_code(ResponseError::SecurityDisabled.code())
            .with_error_message(Some(text("No Authorizer is configured on the broker")));
    };
    let mut resources: BTreeMap<(i8, &str, i8), Vec<AclDescription>> = BTreeMap::new();
    for acl in acls.iter().filter(|acl| is_asked(acl, asked)) {
        let of = (acl.resource, acl.name.as_str(), if acl.prefixed { PREFIXED } else { LITERAL });
        let one = AclDescription::default()
            .with_principal(text(&acl.principal))
            .with_host(text(&acl.host))
            .with_operation(acl.operation)
            .with_permission_type(permission(acl));
        resources.entry(of).or_default().push(one);
    }
    let resources = resources.into_iter().map(|((kind, name, pattern), acls)| {
        DescribeAclsResource::default()
            .with_resource_type(kind)
            .with_resource_name(text(name))
            .with_pattern_type(pattern)
            .with_acls(acls)
    });
    DescribeAclsResponse::default().with_error_message(Some(text(""))).with_resources(resources.collect())
}

/// Numbers of permissions.
fn permission(acl: &Acl) -> i8 {
    if acl.allows { 3 } else { 2 }
}

/// Whether a filter passes a rule.
pub fn is_asked(acl: &Acl, asked: &DescribeAclsRequest) -> bool {
    let number = |wanted: i8, is: i8| wanted == ANY || wanted == is;
    let is = |wanted: &Option<kafka_protocol::protocol::StrBytes>, is: &str| wanted.as_ref().is_none_or(|w| **w == *is);
    let named = match (&asked.resource_name_filter, asked.pattern_type_filter) {
        (Some(name), MATCH) if acl.prefixed => name.starts_with(&acl.name),
        (Some(name), MATCH) => **name == *acl.name || acl.name == "*",
        (name, _) => is(name, &acl.name),
    };
    let pattern = if acl.prefixed { PREFIXED } else { LITERAL };
    named
        && (asked.pattern_type_filter == MATCH || number(asked.pattern_type_filter, pattern))
        && number(asked.resource_type_filter, acl.resource)
        && is(&asked.principal_filter, &acl.principal)
        && is(&asked.host_filter, &acl.host)
        && number(asked.operation, acl.operation)
        && number(asked.permission_type, permission(acl))
}

/// DescribeClientQuotas (key 48): entities that have every component that is asked for, and, if strict, no other.
pub fn quotas(view: &View<'_>, asked: &DescribeClientQuotasRequest, _: i16) -> DescribeClientQuotasResponse {
    let has = |quota: &Quota, component: &ComponentData| {
        quota.entity.iter().any(|(kind, name)| {
            **kind == *component.entity_type
                && match component.match_type {
                    EXACT => name.as_deref() == component._match.as_deref(),
                    DEFAULT => name.is_none(),
                    _ => true,
                }
        })
    };
    let is_asked = |quota: &&Quota| {
        asked.components.iter().all(|component| has(quota, component))
            && (!asked.strict || quota.entity.len() == asked.components.len())
    };
    let entries = view.kafka.security.quotas.iter().filter(is_asked).map(|quota| {
        let entity = quota.entity.iter().map(|(kind, name)| {
            EntityData::default().with_entity_type(text(kind)).with_entity_name(name.as_deref().map(text))
        });
        let values =
            quota.limits.iter().map(|(key, value)| ValueData::default().with_key(text(key)).with_value(*value));
        EntryData::default().with_entity(entity.collect()).with_values(values.collect())
    });
    DescribeClientQuotasResponse::default().with_error_message(Some(text(""))).with_entries(Some(entries.collect()))
}
