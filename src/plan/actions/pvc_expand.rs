//! `pvc.expand`: makes a volume larger; on Strimzi where the operator takes its size from.

use serde_json::{Value, json};

use super::{keeper, kept_warning, planned};
use crate::{
    domain::{
        ids::{BrokerId, ObjectKey},
        installation::Flavour,
        kubernetes::Claim,
        quantity::{self, check_size},
        strimzi::NodePool,
        units::bytes,
    },
    plan::{
        Gate, Op, Plan, Refusal, Risk, Step,
        catalog::{ActionSpec, Need, Scope, Situation, everywhere},
        kafka::{Answer, Question},
        op::{Change, Target},
        param::{ParamKind, ParamSpec, Params},
    },
    world::{Reading, storage::ClaimRow},
};

/// Volumes grow within seconds where the file system is mounted; some providers take minutes.
const WITHIN_S: u32 = 900;

/// The row of the catalog.
pub static SPEC: ActionSpec = ActionSpec {
    id: "pvc.expand",
    title: "expand volume",
    doc: "Makes a claim larger, where its storage class allows that. On Strimzi the size is changed in the KafkaNodePool, \
          which is about all of its volumes; the operator changes the claims. A volume can never be made smaller again.",
    scope: Scope::Claim,
    risk: Risk::Disruptive,
    params: &[
        ParamSpec::new("claim", "CLAIM", "the claim", ParamKind::Text).first().choices(claim_names),
        ParamSpec::new("size", "SIZE", "how large it is to be, as 20Gi", ParamKind::Text)
            .required()
            .checked(check_size),
    ],
    supports: everywhere,
    needs,
    asks,
    build,
};

fn claim_names(reading: &Reading<'_>) -> Vec<String> {
    reading.storage().into_iter().map(|row| row.pvc).collect()
}

fn needs(reading: &Reading<'_>) -> Vec<Need> {
    let need = match reading.installation.flavour {
        Flavour::Strimzi => Need::Verb { verb: "patch", group: "kafka.strimzi.io", resource: "kafkanodepools" },
        _ => Need::Verb { verb: "patch", group: "", resource: "persistentvolumeclaims" },
    };
    vec![need]
}

/// Where the size of a claim is declared.
enum Place<'a> {
    /// On the claim itself.
    Claim,
    /// In a node pool, for the volume of that id, or for the only one.
    Pool(&'a NodePool, Option<i64>),
}

fn row(params: &Params, reading: &Reading<'_>) -> Result<ClaimRow, Refusal> {
    let name = params.text("claim");
    let found = reading.storage().into_iter().find(|row| row.pvc == name);
    found
        .ok_or_else(|| Refusal::new(format!("no broker mounts a claim {name}")).hint("List them with: kafdeck storage"))
}

fn claim<'a>(name: &str, reading: &Reading<'a>) -> Option<&'a Claim> {
    let key = ObjectKey::new(&reading.installation.id.namespace, name);
    reading.world.kube.claims.get(&key).map(AsRef::as_ref)
}

fn place<'a>(row: &ClaimRow, reading: &Reading<'a>) -> Result<Place<'a>, Refusal> {
    if reading.installation.flavour != Flavour::Strimzi {
        return Ok(Place::Claim);
    }
    let pool = claim(&row.pvc, reading).and_then(|claim| claim.meta.labels.get("strimzi.io/pool-name"));
    let id = &reading.installation.id;
    let found = pool.and_then(|name| reading.world.kube.node_pools.get(&ObjectKey::new(&id.namespace, name)));
    let unknown = || {
        let why = format!("which KafkaNodePool {} belongs to cannot be seen", row.pvc);
        Refusal::new(why).hint("Change spec.storage where the operator takes it from.")
    };
    let pool = found.ok_or_else(unknown)?;
    Ok(Place::Pool(pool, volume_of(row)))
}

/// The number of the volume in a claim's name: 1 of `data-1-kafka-pool-0`; none where a pool has one volume alone.
fn volume_of(row: &ClaimRow) -> Option<i64> {
    let rest = row.pvc.strip_suffix(row.pod.as_deref()?)?.strip_suffix('-')?;
    rest.strip_prefix("data-")?.parse().ok()
}

fn asks(params: &Params, reading: &Reading<'_>) -> Vec<Question> {
    let Ok(row) = row(params, reading) else { return Vec::new() };
    match place(&row, reading) {
        Ok(Place::Claim) => vec![Question::Object { target: of_claim(&row, reading), paths: vec![request_path()] }],
        Ok(Place::Pool(pool, _)) => vec![Question::Object { target: of_pool(pool), paths: vec![storage_path()] }],
        Err(_) => Vec::new(),
    }
}

fn of_claim(row: &ClaimRow, reading: &Reading<'_>) -> Target {
    Target {
        api_version: "v1".to_owned(),
        kind: "PersistentVolumeClaim".to_owned(),
        resource: "persistentvolumeclaims".to_owned(),
        namespace: reading.installation.id.namespace.clone(),
        name: row.pvc.clone(),
    }
}

fn of_pool(pool: &NodePool) -> Target {
    Target {
        api_version: pool.api_version.clone(),
        kind: "KafkaNodePool".to_owned(),
        resource: "kafkanodepools".to_owned(),
        namespace: pool.meta.namespace.clone(),
        name: pool.meta.name.clone(),
    }
}

fn request_path() -> Vec<String> {
    ["spec", "resources", "requests", "storage"].map(str::to_owned).to_vec()
}

fn storage_path() -> Vec<String> {
    ["spec", "storage"].map(str::to_owned).to_vec()
}

fn build(params: &Params, situation: &Situation<'_>) -> Result<Plan, Refusal> {
    let reading = &situation.reading;
    let row = row(params, reading)?;
    let size = params.text("size");
    let wanted = quantity::bytes(size).ok_or_else(|| Refusal::usage(format!("{size:?} is no size")))?;
    let place = place(&row, reading)?;
    let declared = match situation.answers.first() {
        Some(Answer::Object(Some(fields))) => fields.first().cloned().flatten(),
        _ => None,
    };
    let declared =
        declared.ok_or_else(|| Refusal::new(format!("how large {} was asked to be is not told", row.pvc)))?;
    let mut plan = planned(&SPEC, params, reading);
    let (change, now) = match place {
        Place::Claim => (json!(size), quantity::bytes(declared.as_str().unwrap_or_default())),
        Place::Pool(_, volume) => in_pool(&declared, volume, size)?,
    };
    let now = now.or(row.requested_bytes).ok_or_else(|| Refusal::new("its size now is not told".to_owned()))?;
    plan.title = format!("Expand {} to {}", row.pvc, bytes(wanted));
    if wanted < now {
        let why = format!("claim {} has {}, and a volume can only grow", row.pvc, bytes(now));
        return Err(Refusal::usage(why).hint("Name a larger size."));
    }
    if wanted == now {
        plan.sentence = format!("It was asked to be {} already; nothing is to be done.", bytes(now));
        return Ok(plan);
    }
    allowed(&row, &mut plan)?;
    let used = row.used_percent.map(|percent| format!(", {percent} % used")).unwrap_or_default();
    plan.details.push(format!("{}: {} → {}{used}", row.pvc, bytes(now), bytes(wanted)));
    plan.undo = String::new();
    plan.warnings.push("a volume can never be made smaller again".to_owned());
    plan.steps = match place {
        Place::Claim => on_claim(&row, reading, declared, change, wanted, &mut plan),
        Place::Pool(pool, volume) => on_pool(pool, volume, reading, declared, change, wanted, &mut plan)?,
    };
    Ok(plan)
}

/// Refuses where the class does not let volumes grow; says so where nobody knows.
fn allowed(row: &ClaimRow, plan: &mut Plan) -> Result<(), Refusal> {
    let why = row.expandable_why.clone().unwrap_or_default();
    match row.expandable {
        Some(true) => Ok(()),
        Some(false) => Err(Refusal::new(format!("claim {} cannot grow: {why}", row.pvc))
            .hint("Move its partitions to a broker with a larger volume, as with: kafdeck broker drain")),
        None => {
            plan.warnings.push(format!("whether it can grow is not known: {why}"));
            Ok(())
        }
    }
}

fn on_claim(
    row: &ClaimRow,
    reading: &Reading<'_>,
    before: Value,
    after: Value,
    wanted: u64,
    plan: &mut Plan,
) -> Vec<Step> {
    let id = &reading.installation.id;
    plan.sentence = "The claim is asked to be larger; the broker goes on meanwhile.".to_owned();
    if let Some(set) = reading.world.kube.stateful_sets.get(&ObjectKey::new(&id.namespace, &id.name)) {
        let by = keeper(&set.meta).map(|by| format!(" ({by} declares it)")).unwrap_or_default();
        plan.warnings.push(format!(
            "volumeClaimTemplates of StatefulSet {} stay as they are{by}: brokers that are added begin with the old size",
            id.name
        ));
    }
    let claim = ObjectKey::new(&id.namespace, &row.pvc);
    let changes = vec![Change { path: request_path(), before: Some(before), after: Some(after) }];
    vec![Step {
        title: format!("ask for {} for claim {}", bytes(wanted), row.pvc),
        before: Vec::new(),
        op: Op::Patch { target: of_claim(row, reading), changes },
        after: vec![Gate::ClaimHas { claim, bytes: wanted }],
        within_s: WITHIN_S,
    }]
}

fn on_pool(
    pool: &NodePool,
    volume: Option<i64>,
    reading: &Reading<'_>,
    before: Value,
    after: Value,
    wanted: u64,
    plan: &mut Plan,
) -> Result<Vec<Step>, Refusal> {
    if reading.installation.paused {
        let why = "the operator is told to leave this cluster alone (strimzi.io/pause-reconciliation)";
        return Err(Refusal::new(why).hint("Take the annotation away first."));
    }
    let name = &pool.meta.name;
    plan.sentence = format!(
        "KafkaNodePool {name} is changed; the operator makes all of its claims larger, and restarts a broker whose file \
         system does not grow while it runs."
    );
    plan.warnings.extend(kept_warning(&pool.meta, "KafkaNodePool"));
    let mut gates = Vec::new();
    for row in reading.storage().into_iter().filter(|row| is_of(row, pool, reading) && volume_of(row) == volume) {
        let line = format!("{}: {} → {}", row.pvc, row.requested_bytes.map_or("?".to_owned(), bytes), bytes(wanted));
        if !plan.details.iter().any(|detail| detail.starts_with(&format!("{}:", row.pvc))) {
            plan.details.push(line);
        }
        gates.push(Gate::ClaimHas { claim: ObjectKey::new(&pool.meta.namespace, &row.pvc), bytes: wanted });
    }
    Ok(vec![Step {
        title: format!("change the size of volumes in KafkaNodePool {name}"),
        before: Vec::new(),
        op: Op::Patch {
            target: of_pool(pool),
            changes: vec![Change { path: storage_path(), before: Some(before), after: Some(after) }],
        },
        after: gates,
        within_s: WITHIN_S,
    }])
}

fn is_of(row: &ClaimRow, pool: &NodePool, reading: &Reading<'_>) -> bool {
    let label = claim(&row.pvc, reading).and_then(|claim| claim.meta.labels.get("strimzi.io/pool-name"));
    label == Some(&pool.meta.name)
        || row.broker.is_some_and(|id: BrokerId| label.is_none() && pool.node_ids.contains(&id))
}

/// `spec.storage` of a pool with another size, and how large the volume was.
fn in_pool(storage: &Value, volume: Option<i64>, size: &str) -> Result<(Value, Option<u64>), Refusal> {
    let mut after = storage.clone();
    let kind = storage["type"].as_str().unwrap_or_default();
    let of = match (kind, volume) {
        ("persistent-claim", _) => Some(&mut after),
        ("jbod", Some(id)) => after["volumes"]
            .as_array_mut()
            .and_then(|all| all.iter_mut().find(|one| one["id"] == id && one["type"] == "persistent-claim")),
        _ => None,
    };
    let Some(of) = of else {
        return Err(Refusal::new(format!("its KafkaNodePool has storage of type {kind}, without such a volume")));
    };
    let now = of["size"].as_str().and_then(quantity::bytes);
    of["size"] = json!(size);
    Ok((after, now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_of_a_pool_is_changed_where_its_volume_is() {
        let single = json!({"type": "persistent-claim", "size": "8Gi", "class": "fast"});
        let (after, now) = in_pool(&single, None, "10Gi").unwrap();
        assert_eq!((after["size"].as_str(), after["class"].as_str(), now), (Some("10Gi"), Some("fast"), Some(8 << 30)));
        let volume = |id: i64, size: &str| json!({"id": id, "type": "persistent-claim", "size": size});
        let many = json!({"type": "jbod", "volumes": [volume(0, "1Gi"), volume(1, "2Gi")]});
        let (after, now) = in_pool(&many, Some(1), "3Gi").unwrap();
        assert_eq!((after["volumes"][0]["size"].as_str(), now), (Some("1Gi"), Some(2 << 30)));
        assert_eq!(after["volumes"][1]["size"], "3Gi");
        assert!(in_pool(&many, Some(2), "3Gi").is_err() && in_pool(&many, None, "3Gi").is_err());
        assert!(in_pool(&json!({"type": "ephemeral"}), None, "3Gi").is_err());
    }
}
