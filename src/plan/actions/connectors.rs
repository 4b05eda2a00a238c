//! `connector.restart`, `connector.pause`, `connector.resume`: through the KafkaConnector where one declares the
//! connector, else through the workers' REST interface.

use serde_json::{Value, json};

use super::{kafka_resource, planned};
use crate::{
    domain::{connect::ConnectCluster, units::counted},
    plan::{
        Gate, Op, Plan, Refusal, Risk, Step,
        catalog::{ActionSpec, Need, Scope, Situation},
        kafka::{Answer, Question},
        op::{Change, ConnectAsk, Target},
        param::{ParamKind, ParamSpec, Params},
    },
    world::{
        Reading,
        connect::{ConnectorRow, TaskRow},
    },
};

/// The annotation by which Strimzi is asked to restart a connector.
const RESTART_NOTE: &str = "strimzi.io/restart";

const CONNECTOR: ParamSpec =
    ParamSpec::new("connector", "CONNECTOR", "the connector", ParamKind::Text).first().choices(names);

const CLUSTER: ParamSpec = ParamSpec::new(
    "connect",
    "NAMESPACE/NAME",
    "its Connect, where several have a connector of that name",
    ParamKind::Text,
)
.flag_only();

/// A restart ends in the state from which it began, and one that fails again runs for a moment: what is told counts after
/// so many seconds.
const SETTLES_S: u32 = 5;

/// Which tasks are started again.
const TASKS: &[&str] = &["failed", "all"];

/// The row of the catalog.
pub static RESTART: ActionSpec = ActionSpec {
    id: "connector.restart",
    title: "restart connector",
    doc: "Starts what has failed of a connector again, or the connector with all its tasks. It is done when the workers \
          tell that all of it runs; a task that fails again is told with its cause.",
    scope: Scope::Connector,
    risk: Risk::Disruptive,
    params: &[
        CONNECTOR,
        ParamSpec::new("tasks", "WHICH", "what has failed, or all of it", ParamKind::Choice(TASKS))
            .default(|_| Some("failed".to_owned())),
        CLUSTER,
    ],
    supports: has_connect,
    needs,
    asks,
    build: |params, situation| {
        let all = params.get("tasks") == Some("all");
        build(params, situation, &RESTART, if all { ConnectAsk::RestartAll } else { ConnectAsk::RestartFailed })
    },
};

/// The row of the catalog.
pub static PAUSE: ActionSpec = ActionSpec {
    id: "connector.pause",
    title: "pause connector",
    doc: "Lets a connector and its tasks read and write nothing until it is resumed. Its place in the data is kept.",
    scope: Scope::Connector,
    risk: Risk::Disruptive,
    params: &[CONNECTOR, CLUSTER],
    supports: has_connect,
    needs,
    asks,
    build: |params, situation| build(params, situation, &PAUSE, ConnectAsk::Pause),
};

/// The row of the catalog.
pub static RESUME: ActionSpec = ActionSpec {
    id: "connector.resume",
    title: "resume connector",
    doc: "Lets a paused connector and its tasks go on where they were.",
    scope: Scope::Connector,
    risk: Risk::Reversible,
    params: &[CONNECTOR, CLUSTER],
    supports: has_connect,
    needs,
    asks,
    build: |params, situation| build(params, situation, &RESUME, ConnectAsk::Resume),
};

fn names(reading: &Reading<'_>) -> Vec<String> {
    reading.connectors(&[]).into_iter().map(|row| row.name).collect()
}

fn has_connect(reading: &Reading<'_>) -> Result<(), String> {
    match reading.connects().next() {
        Some(_) => Ok(()),
        None => Err("no Connect works for this installation".to_owned()),
    }
}

fn needs(reading: &Reading<'_>) -> Vec<Need> {
    let by_operator = reading.connects().any(|cluster| connect_of(cluster, reading).is_some());
    let by_hand = Need::Verb { verb: "create", group: "", resource: "pods/portforward" };
    let by_resource = Need::Verb { verb: "patch", group: "kafka.strimzi.io", resource: "kafkaconnectors" };
    vec![if by_operator { by_resource } else { by_hand }]
}

/// The name of the KafkaConnect that workers belong to, where Strimzi made them.
fn connect_of<'a>(cluster: &ConnectCluster, reading: &Reading<'a>) -> Option<&'a str> {
    let pods = cluster.workers.iter().find_map(|worker| reading.world.kube.pods.get(&worker.at.pod));
    let labels = &pods?.meta.labels;
    labels.get("strimzi.io/kind").filter(|kind| *kind == "KafkaConnect")?;
    labels.get("strimzi.io/cluster").map(String::as_str)
}

/// The connector and its Connect, if there is one and no other.
fn find<'a>(params: &Params, reading: &'a Reading<'_>) -> Result<(ConnectorRow, &'a ConnectCluster), Refusal> {
    let (name, wanted) = (params.text("connector"), params.get("connect"));
    let is_meant = |row: &ConnectorRow| {
        let cluster = format!("{}/{}", row.cluster.namespace, row.cluster.name);
        row.name == name && wanted.is_none_or(|wanted| wanted == cluster)
    };
    let mut found: Vec<ConnectorRow> = reading.connectors(&[]).into_iter().filter(is_meant).collect();
    if found.len() > 1 {
        let all: Vec<String> =
            found.iter().map(|row| format!("{}/{}", row.cluster.namespace, row.cluster.name)).collect();
        let why = format!("{} Connects have a connector {name}: {}", all.len(), all.join(", "));
        return Err(Refusal::usage(why).hint("Say which one with --connect NAMESPACE/NAME."));
    }
    let row = found.pop();
    let cluster = row.as_ref().and_then(|row| reading.connects().find(|cluster| cluster.id == row.cluster));
    row.zip(cluster).ok_or_else(|| {
        let why = format!("the workers tell of no connector {name}");
        Refusal::new(why).hint("List them with: kafdeck connect")
    })
}

/// The KafkaConnector that would declare it.
fn resource(row: &ConnectorRow, reading: &Reading<'_>) -> Target {
    let version = kafka_resource(reading).map_or("kafka.strimzi.io/v1", |kafka| kafka.api_version.as_str());
    Target {
        api_version: version.to_owned(),
        kind: "KafkaConnector".to_owned(),
        resource: "kafkaconnectors".to_owned(),
        namespace: row.cluster.namespace.clone(),
        name: row.name.clone(),
    }
}

fn restart_path() -> Vec<String> {
    ["metadata", "annotations", RESTART_NOTE].map(str::to_owned).to_vec()
}

fn state_path() -> Vec<String> {
    ["spec", "state"].map(str::to_owned).to_vec()
}

fn asks(params: &Params, reading: &Reading<'_>) -> Vec<Question> {
    let Ok((row, cluster)) = find(params, reading) else { return Vec::new() };
    if connect_of(cluster, reading).is_none() {
        return Vec::new();
    }
    vec![Question::Object { target: resource(&row, reading), paths: vec![state_path(), restart_path()] }]
}

fn build(
    params: &Params,
    situation: &Situation<'_>,
    spec: &'static ActionSpec,
    ask: ConnectAsk,
) -> Result<Plan, Refusal> {
    let reading = &situation.reading;
    let (row, cluster) = find(params, reading)?;
    let mut plan = planned(spec, params, reading);
    let (verb, state) = match ask {
        ConnectAsk::RestartFailed => ("Restart what has failed of", "RUNNING"),
        ConnectAsk::RestartAll => ("Restart", "RUNNING"),
        ConnectAsk::Pause => ("Pause", "PAUSED"),
        ConnectAsk::Resume => ("Resume", "RUNNING"),
    };
    plan.title = format!("{verb} connector {}", row.name);
    plan.details = states(&row);
    if row.stale {
        plan.warnings.push("the workers do not answer now: what is shown of it is old".to_owned());
    }
    if let Some(why) = nothing_to_do(&row, ask, state) {
        plan.sentence = format!("{why}; nothing is to be done.");
        return Ok(plan);
    }
    if let (ConnectAsk::RestartFailed | ConnectAsk::RestartAll, Some("PAUSED" | "STOPPED")) =
        (ask, row.state.as_deref())
    {
        let why = format!("connector {} is {}", row.name, row.state.unwrap_or_default());
        return Err(Refusal::new(why).hint(format!("Let it go on with: kafdeck connector resume {}", row.name)));
    }
    let (op, how) = match declared(situation) {
        Some(fields) => {
            (patch(resource(&row, reading), fields, ask), "Its KafkaConnector is changed; the operator does it.")
        }
        None => (asked(&row, cluster, ask)?, "A worker is asked to do it."),
    };
    plan.sentence = format!("{how} {}", consequence(ask));
    plan.undo = match ask {
        ConnectAsk::Pause => format!("kafdeck connector resume {}", row.name),
        ConnectAsk::Resume => format!("kafdeck connector pause {}", row.name),
        _ => String::new(),
    };
    plan.steps = vec![Step {
        title: format!("{} connector {}", spec.words().last().copied().unwrap_or_default(), row.name),
        before: Vec::new(),
        op,
        after: vec![Gate::ConnectorIs {
            cluster: row.cluster.clone(),
            connector: row.name.clone(),
            state: state.to_owned(),
            // What has failed is neither paused nor resumed.
            or_failed: matches!(ask, ConnectAsk::Pause | ConnectAsk::Resume),
            settles_s: match ask {
                ConnectAsk::RestartFailed | ConnectAsk::RestartAll => SETTLES_S,
                ConnectAsk::Pause | ConnectAsk::Resume => 0,
            },
        }],
        within_s: 90,
    }];
    Ok(plan)
}

fn consequence(ask: ConnectAsk) -> &'static str {
    match ask {
        ConnectAsk::RestartFailed => "What runs is not touched.",
        ConnectAsk::RestartAll => "It reads and writes nothing meanwhile.",
        ConnectAsk::Pause => "It keeps its place; what comes in meanwhile waits in its source.",
        ConnectAsk::Resume => "It goes on where it was.",
    }
}

/// The connector and its tasks, each with where it runs and why it failed.
fn states(row: &ConnectorRow) -> Vec<String> {
    let line = |what: String, state: &str, worker: Option<&str>| {
        let worker = worker.map(|worker| format!(" on {worker}")).unwrap_or_default();
        format!("{what}: {state}{worker}")
    };
    let own = line("connector".to_owned(), row.state.as_deref().unwrap_or("?"), row.worker.as_deref());
    let tasks = row.tasks.iter().map(|task| line(format!("task {}", task.id), &task.state, task.worker.as_deref()));
    let cause = row.cause().map(|cause| format!("cause: {cause}"));
    std::iter::once(own).chain(tasks).chain(cause).collect()
}

/// Why nothing is to be done, if nothing is.
fn nothing_to_do(row: &ConnectorRow, ask: ConnectAsk, state: &str) -> Option<String> {
    // What is old tells nothing.
    if row.stale {
        return None;
    }
    let settled = |task: &TaskRow| task.state == state || task.state == "FAILED";
    let is_so = row.state.as_deref() == Some(state) && row.tasks.iter().all(settled);
    match ask {
        ConnectAsk::Pause if is_so => Some("It is paused already".to_owned()),
        ConnectAsk::Resume if is_so && row.failed_tasks > 0 => {
            Some("It is not paused; what has failed of it is started again by a restart".to_owned())
        }
        ConnectAsk::Resume if is_so => Some("It runs already".to_owned()),
        ConnectAsk::RestartFailed if row.failed_tasks == 0 && row.state.as_deref() != Some("FAILED") => {
            Some(format!("Nothing of it has failed, of {}", counted(row.tasks.len(), "task")))
        }
        _ => None,
    }
}

/// What the KafkaConnector says, where there is one.
fn declared(situation: &Situation<'_>) -> Option<Vec<Option<Value>>> {
    match situation.answers.first() {
        Some(Answer::Object(fields)) => fields.clone(),
        _ => None,
    }
}

fn patch(target: Target, fields: Vec<Option<Value>>, ask: ConnectAsk) -> Op {
    let mut fields = fields.into_iter();
    let (state, note) = (fields.next().flatten(), fields.next().flatten());
    let change = match ask {
        ConnectAsk::Pause => Change { path: state_path(), before: state, after: Some(json!("paused")) },
        ConnectAsk::Resume => Change { path: state_path(), before: state, after: Some(json!("running")) },
        // The operator takes these words since 0.48; before, whatever it says restarts the connector alone.
        ConnectAsk::RestartAll => Change { path: restart_path(), before: note, after: Some(json!("includeTasks")) },
        ConnectAsk::RestartFailed => {
            Change { path: restart_path(), before: note, after: Some(json!("includeTasks,onlyFailed")) }
        }
    };
    Op::Patch { target, changes: vec![change] }
}

fn asked(row: &ConnectorRow, cluster: &ConnectCluster, ask: ConnectAsk) -> Result<Op, Refusal> {
    if cluster.workers.is_empty() {
        return Err(Refusal::new(format!("Connect {} has no worker that could be asked", cluster.id.name)));
    }
    if cluster.workers.iter().any(|worker| worker.tls) {
        let why = format!("the REST interface of Connect {} is encrypted, which is not supported yet", cluster.id.name);
        return Err(Refusal::new(why));
    }
    Ok(Op::Connect {
        cluster: cluster.id.clone(),
        workers: cluster.workers.iter().map(|worker| worker.at.clone()).collect(),
        connector: row.name.clone(),
        ask,
    })
}
