//! `doctor`: can everything be seen, and if not, which permission is missing?
//!
//! Pure: it judges what the App knows and what the API server said of our permissions. It asks nothing itself.

use std::{collections::BTreeMap, fmt::Write};

use serde_json::{Value, json};

use crate::{
    app::{App, certificates::CertificateRow},
    domain::{
        certificate::Holds,
        freshness::{Asked, Freshness, Kind, Source, SourceState},
        text::printable,
    },
    io::access::{Permission, Wanted},
    world::Reading,
};

use super::documents;

/// The oldest Kubernetes whose answers we rely on.
const OLDEST_MINOR: u32 = 25;

/// Resources that are watched in namespaces: API group, plural, needed.
const WATCHED: [(&str, &str, bool); 7] = [
    ("", "pods", true),
    ("", "persistentvolumeclaims", true),
    ("", "services", true),
    ("apps", "statefulsets", true),
    ("apps", "deployments", true),
    ("monitoring.coreos.com", "prometheusrules", false),
    ("policy", "poddisruptionbudgets", false),
];

/// The same, where there is a Strimzi.
const WATCHED_OF_STRIMZI: [(&str, &str, bool); 5] = [
    ("kafka.strimzi.io", "kafkas", false),
    ("kafka.strimzi.io", "kafkanodepools", false),
    ("kafka.strimzi.io", "kafkausers", false),
    ("kafka.strimzi.io", "kafkatopics", false),
    ("core.strimzi.io", "strimzipodsets", false),
];

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// As it should be.
    Pass,
    /// Something of use cannot be seen.
    Warn,
    /// Something essential cannot be seen.
    Fail,
}

impl Outcome {
    /// `pass`, `warn`, `fail`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What was checked.
    pub check: String,
    /// How it ended.
    pub result: Outcome,
    /// What was seen.
    pub detail: String,
    /// What to do about it.
    pub remedy: Option<String>,
}

impl Check {
    fn new(check: impl Into<String>, result: Outcome, detail: impl Into<String>) -> Self {
        Self { check: check.into(), result, detail: detail.into(), remedy: None }
    }

    fn remedy(mut self, remedy: Option<String>) -> Self {
        self.remedy = remedy;
        self
    }
}

/// Everything `doctor` found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnosis {
    /// All checks, in the order in which one rests on the other.
    pub checks: Vec<Check>,
    /// The smallest Role that grants what is missing, as YAML.
    pub role: Option<String>,
}

/// True where this cluster has Strimzi's kinds, as far as is known.
pub fn has_strimzi(app: &App) -> bool {
    let is_there =
        |kind: &Kind| app.world.sources.is_settled(&Source::Watch(*kind)) && !app.world.absent.contains_key(kind);
    Kind::STRIMZI.iter().any(is_there)
}

/// The permissions to ask about; `None` is the whole cluster.
pub fn wanted(namespace: Option<&str>, strimzi: bool) -> Vec<Wanted> {
    let namespaced = |verb, group, resource, subresource, needed| Wanted {
        verb,
        group,
        resource,
        subresource,
        namespace: namespace.map(str::to_owned),
        needed,
    };
    let mut all = Vec::new();
    let of_strimzi = WATCHED_OF_STRIMZI.into_iter().filter(|_| strimzi);
    for (group, resource, needed) in WATCHED.into_iter().chain(of_strimzi) {
        all.extend(["get", "list", "watch"].map(|verb| namespaced(verb, group, resource, None, needed)));
    }
    all.push(namespaced("get", "", "configmaps", None, false));
    all.push(namespaced("get", "", "pods", Some("log"), true));
    all.extend(["list", "watch"].map(|verb| namespaced(verb, "", "events", None, false)));
    // A websocket is opened with GET; newer API servers ask for create as well.
    all.extend(["get", "create"].map(|verb| namespaced(verb, "", "pods", Some("portforward"), true)));
    for (group, resource) in [("", "nodes"), ("storage.k8s.io", "storageclasses")] {
        let whole = |verb| Wanted { verb, group, resource, subresource: None, namespace: None, needed: false };
        all.extend(["get", "list", "watch"].map(whole));
    }
    all
}

/// Judges what is known and what is permitted.
pub fn diagnose(app: &App, permissions: &[Permission]) -> Diagnosis {
    let mut checks = vec![api_server(app)];
    checks.extend(version(app));
    checks.extend(permitted(permissions));
    checks.extend(Kind::ALL.into_iter().filter_map(|kind| watch(app, kind)));
    checks.extend(installations(app));
    checks.extend(kafka(app));
    Diagnosis { checks, role: role(permissions) }
}

impl Diagnosis {
    /// 4 when something essential cannot be seen.
    pub fn exit_code(&self) -> u8 {
        match self.checks.iter().map(|c| c.result).max() {
            Some(Outcome::Fail) => crate::errors::FailureKind::Unobservable.exit_code(),
            _ => 0,
        }
    }

    /// The document; its installation is null while none is chosen.
    pub fn document(&self, app: &App) -> Value {
        let shown = app.shown.as_ref();
        let installation = shown.map_or(Value::Null, |s| documents::installation(&s.installation, s.mode));
        let mut document = documents::envelope("doctor", &installation, app.now);
        document["sources"] = documents::sources(&app.world.sources.all(app.now), app.now);
        let row =
            |c: &Check| json!({"check": c.check, "result": c.result.word(), "detail": c.detail, "remedy": c.remedy});
        let rows: Vec<Value> = self.checks.iter().map(row).collect();
        documents::merge(&mut document, json!({"doctor": rows, "role": self.role}));
        document
    }

    /// The same for people.
    pub fn text(&self) -> String {
        let mut out = String::new();
        let width = self.checks.iter().map(|c| c.check.chars().count()).max().unwrap_or_default();
        for check in &self.checks {
            let (name, detail) = (printable(&check.check), printable(&check.detail));
            let line = format!("{}  {name:width$}  {detail}", check.result.word());
            let _ = writeln!(out, "{}", line.trim_end());
            if let Some(remedy) = check.remedy.as_ref().filter(|_| check.result != Outcome::Pass) {
                let _ = writeln!(out, "      Hint: {}", printable(remedy));
            }
        }
        if let Some(role) = &self.role {
            let _ =
                write!(out, "\nThis grants what is missing; whoever administers the cluster can apply it:\n\n{role}");
        }
        out
    }
}

fn api_server(app: &App) -> Check {
    let link = app.world.sources.link(app.now);
    let place = app.world.connection.as_ref().map(|c| format!("{} (context {})", c.server, c.context));
    match (link.state, place) {
        (SourceState::Live, Some(place)) => Check::new("API server", Outcome::Pass, format!("{place} answers")),
        (_, place) => {
            let why = link.why.unwrap_or_else(|| "it does not answer".to_owned());
            let detail = place.map_or_else(|| why.clone(), |place| format!("{place}: {why}"));
            let remedy = link.hint.unwrap_or_else(|| "Check that it can be reached: kubectl version".to_owned());
            Check::new("API server", Outcome::Fail, detail).remedy(Some(remedy))
        }
    }
}

fn version(app: &App) -> Option<Check> {
    let version = app.world.connection.as_ref()?.version.as_ref()?;
    let mut parts = version.trim_start_matches('v').split('.').map(|part| part.parse::<u32>().ok());
    let known = parts.next().flatten().zip(parts.next().flatten());
    Some(match known {
        Some((1, minor)) if minor < OLDEST_MINOR => {
            let detail = format!("{version} is older than v1.{OLDEST_MINOR}, the oldest that kafdeck is tried with");
            Check::new("Kubernetes", Outcome::Warn, detail)
        }
        _ => Check::new("Kubernetes", Outcome::Pass, version),
    })
}

/// One check per resource: which of its verbs we have.
fn permitted(permissions: &[Permission]) -> Vec<Check> {
    let mut resources: Vec<(&Wanted, Vec<&Permission>)> = Vec::new();
    for permission in permissions {
        let wanted = &permission.wanted;
        let same = |other: &Wanted| {
            (other.group, other.resource, other.subresource, &other.namespace)
                == (wanted.group, wanted.resource, wanted.subresource, &wanted.namespace)
        };
        match resources.iter_mut().find(|(other, _)| same(other)) {
            Some((_, all)) => all.push(permission),
            None => resources.push((wanted, vec![permission])),
        }
    }
    resources.into_iter().map(|(wanted, all)| of_resource(wanted, &all)).collect()
}

fn of_resource(wanted: &Wanted, all: &[&Permission]) -> Check {
    let verbs = |allowed: Option<bool>| -> Vec<&str> {
        all.iter().filter(|p| p.allowed == allowed).map(|p| p.wanted.verb).collect()
    };
    let place = match &wanted.namespace {
        Some(namespace) => format!(" in namespace {namespace}"),
        None => String::new(),
    };
    let name = format!("may use {}{place}", wanted.full_resource());
    let missing = verbs(Some(false));
    if !missing.is_empty() {
        // What may be listed is seen all the same, a little later.
        let polled = missing == ["watch"];
        let result = if wanted.needed && !polled { Outcome::Fail } else { Outcome::Warn };
        let lost = if polled { "it is listed every few seconds instead" } else { lost(wanted) };
        let detail = format!("not allowed: {}; {lost}", missing.join(", "));
        let remedy = format!("Ask for {} on {}{place}: the role below.", missing.join(", "), wanted.full_resource());
        return Check::new(name, result, detail).remedy(Some(remedy));
    }
    if let Some(unknown) = all.iter().find(|p| p.allowed.is_none()) {
        let why = unknown.why.clone().unwrap_or_else(|| "the API server did not say".to_owned());
        return Check::new(name, Outcome::Warn, format!("not known: {why}"));
    }
    Check::new(name, Outcome::Pass, verbs(Some(true)).join(", "))
}

/// What cannot be seen without it.
fn lost(wanted: &Wanted) -> &'static str {
    match (wanted.resource, wanted.subresource) {
        ("pods", Some("log")) => "logs cannot be read",
        ("pods", Some(_)) => "brokers cannot be asked anything",
        ("pods", None) => "brokers cannot be found",
        ("events", _) => "what happened to objects is not seen",
        ("persistentvolumeclaims", _) => "storage is not seen",
        ("nodes", _) => "zones and the state of nodes are not seen",
        ("prometheusrules", _) => "alert rules are not seen",
        ("configmaps", _) => "what brokers are configured with in ConfigMaps is not seen",
        ("kafkausers", _) => "no user to log in with is found",
        _ => "installations are recognised by their pods alone",
    }
}

fn watch(app: &App, kind: Kind) -> Option<Check> {
    let source = Source::Watch(kind);
    if !app.world.sources.is_settled(&source) {
        return None;
    }
    let fresh = app.world.sources.freshness(&source, app.now);
    if let Some(absent) = app.world.absent.get(&kind) {
        // One line says that there is no Strimzi; its other kinds come with it.
        if Kind::STRIMZI.contains(&kind) && kind != Kind::Kafkas {
            return None;
        }
        return Some(Check::new(kind.resource(), Outcome::Pass, &absent.what));
    }
    let result = if kind.is_optional() { Outcome::Warn } else { Outcome::Fail };
    Some(seen(kind.resource().to_owned(), fresh, result))
}

fn installations(app: &App) -> Option<Check> {
    if !app.has_looked() {
        return None;
    }
    let known: Vec<String> = app.found.iter().map(|f| f.installation.id.to_string()).collect();
    Some(match known.as_slice() {
        [] => Check::new("installations", Outcome::Warn, "no Kafka was found")
            .remedy(Some("Look in another namespace with -n, or in another cluster with --context.".to_owned())),
        known => Check::new("installations", Outcome::Pass, known.join(", ")),
    })
}

/// What brokers of the chosen installation are asked.
fn kafka(app: &App) -> Vec<Check> {
    let Some(reading) = app.reading() else { return Vec::new() };
    let mut checks: Vec<Check> = way_in(app).into_iter().collect();
    if app.choice().is_some_and(|choice| choice.closed().is_some()) {
        // Nobody was asked anything, and why stands there already.
        return checks;
    }
    checks.extend([seen("brokers: Metadata".to_owned(), reading.asked(Asked::Metadata), Outcome::Fail)]);
    checks.extend(certificates(app));
    if reading.kafka().is_none_or(|k| k.metadata_at.is_none()) {
        return checks;
    }
    for what in [Asked::Groups, Asked::Offsets, Asked::EndOffsets, Asked::LogDirs, Asked::BrokerConfigs] {
        checks.push(seen(format!("brokers: {what}"), reading.asked_each(what), Outcome::Warn));
    }
    checks.push(seen("brokers: topic configs".to_owned(), reading.asked(Asked::TopicConfigs), Outcome::Warn));
    if reading.has_quorum() {
        checks.push(seen("brokers: quorum".to_owned(), reading.asked(Asked::Quorum), Outcome::Warn));
    }
    checks.push(metrics(app, &reading));
    let of_users = reading.asked_of_users().into_iter();
    checks.extend(of_users.map(|(what, fresh)| seen(format!("brokers: {what}"), fresh, Outcome::Warn)));
    checks
}

/// Brokers' own metrics: the worst of those that have a port for them, which none needs to have.
fn metrics(app: &App, reading: &Reading<'_>) -> Check {
    let each = app.exporters().map(|broker| reading.metrics_freshness(broker));
    match each.reduce(Freshness::worst) {
        Some(fresh) => seen("brokers: metrics".to_owned(), fresh, Outcome::Warn),
        None => Check::new("brokers: metrics", Outcome::Pass, "no broker declares a port for them"),
    }
}

/// Which way into the installation is gone; a credential that is borrowed is pointed out.
fn way_in(app: &App) -> Option<Check> {
    let words = app.way_in_words()?;
    let outcome = match app.choice()?.closed() {
        Some(_) => Outcome::Fail,
        None if app.borrowed().is_some() => Outcome::Warn,
        None => Outcome::Pass,
    };
    let hint = app.reading().and_then(|reading| reading.asked(Asked::Metadata).hint);
    Some(Check::new("way in", outcome, words).remedy(hint.filter(|_| outcome == Outcome::Fail)))
}

/// Whether the certificates on the way in hold, and for how long.
fn certificates(app: &App) -> Vec<Check> {
    let all = app.certificates_to_note().into_iter();
    let check = |row: CertificateRow| {
        let result = match row.holds {
            Holds::Long => Outcome::Pass,
            Holds::Briefly => Outcome::Warn,
            Holds::NotYet | Holds::Expired => Outcome::Fail,
        };
        let whose = match &row.secret {
            Some(secret) => format!("what is in {secret}"),
            None => format!("the certificate of {}", row.of),
        };
        let remedy = match row.holds {
            Holds::Long => None,
            Holds::Briefly | Holds::Expired => Some(format!("Renew {whose}, or see why nobody has.")),
            Holds::NotYet => Some("Check the clock of this machine and of whoever signed it.".to_owned()),
        };
        Check::new(format!("certificate of {}", row.of), result, row.sentence()).remedy(remedy)
    };
    all.map(check).collect()
}

fn seen(name: String, fresh: Freshness, otherwise: Outcome) -> Check {
    match fresh.state {
        SourceState::Live => match fresh.why {
            Some(why) => Check::new(name, Outcome::Warn, why).remedy(fresh.hint),
            None => Check::new(name, Outcome::Pass, "live"),
        },
        _ => Check::new(name, otherwise, fresh.why.unwrap_or_else(|| "it has not answered".to_owned()))
            .remedy(fresh.hint),
    }
}

/// The smallest Role that grants what is missing: one for a namespace, and one for what is in none.
fn role(permissions: &[Permission]) -> Option<String> {
    let missing: Vec<&Wanted> = permissions.iter().filter(|p| p.allowed == Some(false)).map(|p| &p.wanted).collect();
    let mut out = String::new();
    let mut namespaces: Vec<Option<&str>> = missing.iter().map(|w| w.namespace.as_deref()).collect();
    namespaces.sort_unstable();
    namespaces.dedup();
    for namespace in namespaces {
        if !out.is_empty() {
            out.push_str("---\n");
        }
        let of: Vec<&Wanted> = missing.iter().copied().filter(|w| w.namespace.as_deref() == namespace).collect();
        out.push_str(&one_role(namespace, &of));
    }
    (!out.is_empty()).then_some(out)
}

fn one_role(namespace: Option<&str>, wanted: &[&Wanted]) -> String {
    let mut verbs: BTreeMap<(&str, String), Vec<&str>> = BTreeMap::new();
    for w in wanted {
        verbs.entry((w.group, w.full_resource())).or_default().push(w.verb);
    }
    // Resources of one group that lack the same verbs share a rule.
    let mut rules: Vec<(&str, Vec<&str>, Vec<String>)> = Vec::new();
    for ((group, resource), verbs) in verbs {
        match rules.iter_mut().find(|(g, v, _)| *g == group && *v == verbs) {
            Some((_, _, resources)) => resources.push(resource),
            None => rules.push((group, verbs, vec![resource])),
        }
    }
    let (kind, place) = match namespace {
        Some(namespace) => ("Role", format!("\n  namespace: {namespace}")),
        None => ("ClusterRole", String::new()),
    };
    let mut out = format!(
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: {kind}\nmetadata:\n  name: kafdeck-observer{place}\nrules:\n"
    );
    for (group, verbs, resources) in rules {
        let _ = write!(
            out,
            "- apiGroups: [\"{group}\"]\n  resources: [{}]\n  verbs: [{}]\n",
            resources.join(", "),
            verbs.join(", ")
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{cmd::sample::Sample, domain::freshness::FailureKind as Why};

    /// All permissions in a namespace, but not these.
    fn answers(namespace: Option<&str>, denied: &[(&str, &str)]) -> Vec<Permission> {
        let allowed = |w: &Wanted| !denied.contains(&(w.verb, w.full_resource().as_str()));
        let all = wanted(namespace, false).into_iter();
        all.map(|w| Permission { allowed: Some(allowed(&w)), wanted: w, why: None }).collect()
    }

    fn result<'a>(diagnosis: &'a Diagnosis, check: &str) -> &'a Check {
        diagnosis.checks.iter().find(|c| c.check == check).unwrap_or_else(|| panic!("{check} in {diagnosis:#?}"))
    }

    #[test]
    fn a_cluster_that_shows_everything_passes() {
        let sample = Sample::healthy();
        let diagnosis = diagnose(&sample.app, &answers(None, &[]));
        let bad: Vec<&Check> = diagnosis.checks.iter().filter(|c| c.result != Outcome::Pass).collect();
        assert!(bad.is_empty(), "{bad:?}");
        assert_eq!((diagnosis.exit_code(), &diagnosis.role), (0, &None));
        assert!(result(&diagnosis, "API server").detail.contains("prod-eu"));
        assert_eq!(result(&diagnosis, "installations").detail, "the-project/kafka");
    }

    #[test]
    fn what_is_missing_is_asked_for_with_the_smallest_role() {
        let sample = Sample::healthy();
        let denied = [
            ("watch", "pods"),
            ("watch", "services"),
            ("create", "pods/portforward"),
            ("list", "statefulsets"),
            ("get", "nodes"),
        ];
        let diagnosis = diagnose(&sample.app, &answers(Some("kafka"), &denied));
        assert_eq!(diagnosis.exit_code(), 4);
        let pods = result(&diagnosis, "may use pods in namespace kafka");
        let polled = "not allowed: watch; it is listed every few seconds instead";
        assert_eq!((pods.result, pods.detail.as_str()), (Outcome::Warn, polled));
        let forward = result(&diagnosis, "may use pods/portforward in namespace kafka");
        assert_eq!(forward.result, Outcome::Fail);
        assert_eq!(result(&diagnosis, "may use nodes").result, Outcome::Warn);
        let role = diagnosis.role.as_deref().unwrap();
        assert_eq!(
            role,
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata:\n  name: kafdeck-observer\nrules:\n\
             - apiGroups: [\"\"]\n  resources: [nodes]\n  verbs: [get]\n---\n\
             apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata:\n  name: kafdeck-observer\n  \
             namespace: kafka\nrules:\n\
             - apiGroups: [\"\"]\n  resources: [pods, services]\n  verbs: [watch]\n\
             - apiGroups: [\"\"]\n  resources: [pods/portforward]\n  verbs: [create]\n\
             - apiGroups: [\"apps\"]\n  resources: [statefulsets]\n  verbs: [list]\n"
        );
        let kinds: Vec<Value> = role.split("---\n").map(|r| serde_saphyr::from_str::<Value>(r).unwrap()).collect();
        assert_eq!((&kinds[0]["kind"], &kinds[1]["kind"]), (&json!("ClusterRole"), &json!("Role")));
        assert!(diagnosis.text().contains("kind: Role\n"));
    }

    #[test]
    fn optional_permissions_only_warn() {
        let sample = Sample::healthy();
        let diagnosis = diagnose(&sample.app, &answers(None, &[("list", "nodes"), ("list", "prometheusrules")]));
        assert_eq!(diagnosis.exit_code(), 0);
        assert!(diagnosis.role.is_some());
    }

    #[test]
    fn permissions_nobody_would_tell_are_unknown_and_not_missing() {
        let sample = Sample::healthy();
        let mut all = answers(None, &[]);
        all[0].allowed = None;
        all[0].why = Some("Cannot ask: no.".to_owned());
        let diagnosis = diagnose(&sample.app, &all);
        assert_eq!(result(&diagnosis, "may use pods").result, Outcome::Warn);
        assert_eq!(diagnosis.role, None);
    }

    #[test]
    fn an_api_server_that_refuses_fails_and_says_what_to_do() {
        let mut sample = Sample::wanting(None);
        sample.failed(Source::Link, Why::Auth);
        let diagnosis = diagnose(&sample.app, &[]);
        let link = result(&diagnosis, "API server");
        assert_eq!((link.result, link.remedy.as_deref()), (Outcome::Fail, Some("Ask for it.")));
        assert_eq!(diagnosis.exit_code(), 4);
    }

    #[test]
    fn brokers_that_do_not_answer_fail_and_a_missing_kind_does_not() {
        let mut sample = Sample::kubernetes_without(Kind::Rules);
        sample.watch_failed(Kind::Rules, Why::Unsupported);
        sample.asked_failed(Asked::Metadata, None, Why::Unreachable);
        let diagnosis = diagnose(&sample.app, &answers(None, &[]));
        assert_eq!(result(&diagnosis, "prometheusrules").result, Outcome::Pass);
        assert_eq!(result(&diagnosis, "brokers: Metadata").result, Outcome::Fail);
        assert_eq!(diagnosis.exit_code(), 4);
    }

    #[test]
    fn certificates_near_their_end_warn_and_expired_ones_fail() {
        let mut sample = Sample::healthy();
        sample.certificates(200, 100);
        let all_is_well = diagnose(&sample.app, &answers(None, &[]));
        let soonest = result(&all_is_well, "certificate of broker 0");
        assert_eq!((soonest.result, &soonest.remedy), (Outcome::Pass, &None));
        assert!(all_is_well.checks.iter().all(|c| c.check != "certificate of client"), "the soonest alone");
        sample.certificates(-2, 30);
        let diagnosis = diagnose(&sample.app, &answers(None, &[]));
        let broker = result(&diagnosis, "certificate of broker 0");
        assert_eq!(broker.result, Outcome::Warn);
        let client = result(&diagnosis, "certificate of client");
        assert_eq!(client.result, Outcome::Fail);
        assert!(client.detail.contains("expired on 20") && client.detail.ends_with("secret m/console key user.crt"));
        assert!(client.remedy.as_deref().unwrap().starts_with("Renew what is in secret m/console key user.crt"));
        assert_eq!(diagnosis.exit_code(), 4);
    }

    #[test]
    fn the_document_has_the_promised_fields_and_may_be_about_no_installation() {
        let sample = Sample::connected();
        let document = diagnose(&sample.app, &answers(None, &[("get", "pods/log")])).document(&sample.app);
        assert_eq!(document["schema"], "kafdeck/doctor/v1");
        assert_eq!(document["installation"], Value::Null);
        for row in document["doctor"].as_array().unwrap() {
            for field in ["check", "result", "detail", "remedy"] {
                assert!(row.get(field).is_some(), "{field} in {row}");
            }
            assert!(["pass", "warn", "fail"].contains(&row["result"].as_str().unwrap()));
        }
        assert!(document["role"].as_str().unwrap().contains("pods/log"));
    }

    #[test]
    fn an_old_kubernetes_is_warned_of() {
        let mut sample = Sample::healthy();
        for (version, outcome) in [("v1.24.17+k3s1", Outcome::Warn), ("v1.25.0", Outcome::Pass), ("odd", Outcome::Pass)]
        {
            sample.app.world.connection.as_mut().unwrap().version = Some(version.to_owned());
            assert_eq!(result(&diagnose(&sample.app, &[]), "Kubernetes").result, outcome, "{version}");
        }
    }
}
