//! Who may log in, who may do what, and how much: AlterUserScramCredentials, CreateAcls, DeleteAcls, AlterClientQuotas.

use kafka_protocol::{
    ResponseError,
    messages::{
        AlterClientQuotasRequest, AlterClientQuotasResponse, AlterUserScramCredentialsRequest,
        AlterUserScramCredentialsResponse, CreateAclsRequest, CreateAclsResponse, DeleteAclsRequest,
        DeleteAclsResponse, DescribeAclsRequest,
        alter_client_quotas_response::{EntityData, EntryData},
        alter_user_scram_credentials_request::ScramCredentialUpsertion,
        alter_user_scram_credentials_response::AlterUserScramCredentialsResult,
        create_acls_request::AclCreation,
        create_acls_response::AclCreationResult,
        delete_acls_request::DeleteAclsFilter,
        delete_acls_response::{DeleteAclsFilterResult, DeleteAclsMatchingAcl},
    },
};

use super::{text, topics::Refusal, users};
use crate::{
    sandbox::kafka::{Acl, Kafka, Quota},
    wire::scram::{Hash, Verifier},
};

/// Rounds that Kafka takes, by mechanism the fewest and the most.
const FEWEST: i32 = 4_096;
const MOST: i32 = 16_384;

/// Patterns and permissions.
const LITERAL: i8 = 3;
const PREFIXED: i8 = 4;
const DENY: i8 = 2;
const ALLOW: i8 = 3;

/// The one name that the cluster has among resources.
const CLUSTER: i8 = 4;
const CLUSTER_NAME: &str = "kafka-cluster";

/// Limits of users and clients, and whether they are whole numbers.
const LIMITS: [(&str, bool); 4] = [
    ("producer_byte_rate", true),
    ("consumer_byte_rate", true),
    ("request_percentage", false),
    ("controller_mutation_rate", false),
];

/// AlterUserScramCredentials (key 51).
pub fn scram(kafka: &mut Kafka, asked: &AlterUserScramCredentialsRequest) -> AlterUserScramCredentialsResponse {
    let mut results = Vec::new();
    for deletion in &asked.deletions {
        let name = deletion.name.as_str();
        let mechanisms = kafka.security.scram.get_mut(name);
        let found = mechanisms.is_some_and(|all| {
            let before = all.len();
            all.retain(|(mechanism, _)| *mechanism != deletion.mechanism);
            all.len() < before
        });
        kafka.security.scram.retain(|_, all| !all.is_empty());
        kafka.changes.keys.remove(&(name.to_owned(), deletion.mechanism));
        let gone = "Attempt to delete a user credential that does not exist";
        let done = if found { Ok(()) } else { Err((ResponseError::ResourceNotFound, gone.to_owned())) };
        results.push(of_user(name, done));
    }
    for upsertion in &asked.upsertions {
        results.push(of_user(&upsertion.name, set(kafka, upsertion)));
    }
    AlterUserScramCredentialsResponse::default().with_results(results)
}

fn of_user(name: &str, done: Result<(), Refusal>) -> AlterUserScramCredentialsResult {
    let answer = AlterUserScramCredentialsResult::default().with_user(text(name));
    match done {
        Ok(()) => answer.with_error_message(None),
        Err((error, why)) => answer.with_error_code(error.code()).with_error_message(Some(text(&why))),
    }
}

fn set(kafka: &mut Kafka, asked: &ScramCredentialUpsertion) -> Result<(), Refusal> {
    let unacceptable = |why: &str| Err((ResponseError::UnacceptableCredential, why.to_owned()));
    let hash = match asked.mechanism {
        1 => Hash::Sha256,
        2 => Hash::Sha512,
        _ => return Err((ResponseError::UnsupportedSaslMechanism, "Unknown SCRAM mechanism".to_owned())),
    };
    if asked.name.is_empty() {
        return unacceptable("Username must not be empty");
    }
    if asked.iterations < FEWEST {
        return unacceptable("Too few iterations");
    }
    if asked.iterations > MOST {
        return unacceptable("Too many iterations");
    }
    let all = kafka.security.scram.entry(asked.name.to_string()).or_default();
    all.retain(|(mechanism, _)| *mechanism != asked.mechanism);
    all.push((asked.mechanism, asked.iterations));
    all.sort_unstable();
    let rounds = asked.iterations.unsigned_abs();
    let verifier = Verifier::of_salted(hash, &asked.salted_password, &asked.salt, rounds);
    kafka.changes.keys.insert((asked.name.to_string(), asked.mechanism), verifier);
    Ok(())
}

/// CreateAcls (key 30).
pub fn create_acls(kafka: &mut Kafka, asked: &CreateAclsRequest) -> CreateAclsResponse {
    let results = asked.creations.iter().map(|creation| {
        let answer = AclCreationResult::default();
        let Some(acls) = &mut kafka.security.acls else {
            let code = ResponseError::SecurityDisabled.code();
            return answer.with_error_code(code).with_error_message(Some(text("No Authorizer is configured.")));
        };
        match acl(creation) {
            Err(why) => {
                let code = ResponseError::InvalidRequest.code();
                answer.with_error_code(code).with_error_message(Some(text(why)))
            }
            Ok(acl) => {
                if !acls.contains(&acl) {
                    acls.push(acl);
                }
                answer.with_error_message(Some(text("")))
            }
        }
    });
    let results = results.collect();
    CreateAclsResponse::default().with_results(results)
}

fn acl(asked: &AclCreation) -> Result<Acl, &'static str> {
    let known = asked.resource_type > 1 && asked.operation > 1 && matches!(asked.permission_type, ALLOW | DENY);
    if !known || !matches!(asked.resource_pattern_type, LITERAL | PREFIXED) {
        return Err("Invalid ACL creation");
    }
    if asked.resource_name.is_empty() {
        return Err("Resource name should not be empty");
    }
    if asked.resource_type == CLUSTER && asked.resource_name.as_str() != CLUSTER_NAME {
        return Err("The only valid name for the CLUSTER resource is kafka-cluster");
    }
    if asked.principal.split_once(':').is_none_or(|(kind, _)| kind.is_empty()) {
        return Err("Could not parse principal from `` (no colon is present separating the principal type from the \
                    principal name)");
    }
    Ok(Acl {
        principal: asked.principal.to_string(),
        host: asked.host.to_string(),
        resource: asked.resource_type,
        name: asked.resource_name.to_string(),
        prefixed: asked.resource_pattern_type == PREFIXED,
        operation: asked.operation,
        allows: asked.permission_type == ALLOW,
    })
}

/// DeleteAcls (key 31).
pub fn delete_acls(kafka: &mut Kafka, asked: &DeleteAclsRequest) -> DeleteAclsResponse {
    let results = asked.filters.iter().map(|filter| {
        let answer = DeleteAclsFilterResult::default();
        let Some(acls) = &mut kafka.security.acls else {
            let code = ResponseError::SecurityDisabled.code();
            return answer.with_error_code(code).with_error_message(Some(text("No Authorizer is configured.")));
        };
        let wanted = as_question(filter);
        let (gone, stay) = std::mem::take(acls).into_iter().partition(|acl| users::is_asked(acl, &wanted));
        *acls = stay;
        let gone: Vec<Acl> = gone;
        answer.with_error_message(Some(text(""))).with_matching_acls(gone.iter().map(matching).collect())
    });
    let results = results.collect();
    DeleteAclsResponse::default().with_filter_results(results)
}

/// A filter of what to delete as one of what to tell.
fn as_question(filter: &DeleteAclsFilter) -> DescribeAclsRequest {
    DescribeAclsRequest::default()
        .with_resource_type_filter(filter.resource_type_filter)
        .with_resource_name_filter(filter.resource_name_filter.clone())
        .with_pattern_type_filter(filter.pattern_type_filter)
        .with_principal_filter(filter.principal_filter.clone())
        .with_host_filter(filter.host_filter.clone())
        .with_operation(filter.operation)
        .with_permission_type(filter.permission_type)
}

fn matching(acl: &Acl) -> DeleteAclsMatchingAcl {
    DeleteAclsMatchingAcl::default()
        .with_error_message(Some(text("")))
        .with_resource_type(acl.resource)
        .with_resource_name(text(&acl.name))
        .with_pattern_type(if acl.prefixed { PREFIXED } else { LITERAL })
        .with_principal(text(&acl.principal))
        .with_host(text(&acl.host))
        .with_operation(acl.operation)
        .with_permission_type(if acl.allows { ALLOW } else { DENY })
}

/// AlterClientQuotas (key 49).
pub fn quotas(kafka: &mut Kafka, asked: &AlterClientQuotasRequest) -> AlterClientQuotasResponse {
    let results = asked.entries.iter().map(|entry| {
        let mut entity: Vec<(String, Option<String>)> = entry
            .entity
            .iter()
            .map(|e| (e.entity_type.to_string(), e.entity_name.as_ref().map(ToString::to_string)))
            .collect();
        entity.sort();
        let told = entity.iter().map(|(kind, name)| {
            EntityData::default().with_entity_type(text(kind)).with_entity_name(name.as_deref().map(text))
        });
        let answer = EntryData::default().with_entity(told.collect());
        let wrong = entry.ops.iter().find_map(|op| refused(&op.key, op.value, op.remove));
        if let Some(why) = wrong {
            let code = ResponseError::InvalidRequest.code();
            return answer.with_error_code(code).with_error_message(Some(text(&why)));
        }
        if !asked.validate_only {
            let quotas = &mut kafka.security.quotas;
            if !quotas.iter().any(|quota| quota.entity == entity) {
                quotas.push(Quota { entity: entity.clone(), limits: std::collections::BTreeMap::new() });
            }
            for quota in quotas.iter_mut().filter(|quota| quota.entity == entity) {
                for op in &entry.ops {
                    if op.remove {
                        quota.limits.remove(op.key.as_str());
                    } else {
                        quota.limits.insert(op.key.to_string(), op.value);
                    }
                }
            }
            quotas.retain(|quota| !quota.limits.is_empty());
        }
        answer.with_error_message(None)
    });
    let results = results.collect();
    AlterClientQuotasResponse::default().with_entries(results)
}

fn refused(key: &str, value: f64, remove: bool) -> Option<String> {
    let Some((_, whole)) = LIMITS.iter().find(|(known, _)| *known == key) else {
        return Some(format!("Invalid configuration key {key}"));
    };
    match value {
        _ if remove => None,
        value if value <= 0.0 => Some(format!("Quota {key} must be greater than 0")),
        value if *whole && value.fract() != 0.0 => Some(format!("{key} cannot be a fractional value.")),
        _ => None,
    }
}
