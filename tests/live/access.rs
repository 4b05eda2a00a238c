//! Poor permissions and bad credentials.

use std::{fs, path::PathBuf, time::Duration};

use tempfile::TempDir;

use crate::common::live::Cluster;

use super::seeing::open;

/// A service account with a Role in `the-project`, and a kubeconfig that uses it.
struct Account<'a> {
    cluster: &'a Cluster,
    name: &'static str,
    home: TempDir,
}

impl<'a> Account<'a> {
    fn new(cluster: &'a Cluster, name: &'static str, verbs: &str) -> Self {
        Self::with(cluster, name, verbs, "pods")
    }

    /// An account with these verbs on these resources.
    fn with(cluster: &'a Cluster, name: &'static str, verbs: &str, resources: &str) -> Self {
        let kubectl = |args: &[&str]| cluster.kubectl([&["-n", "the-project"], args].concat());
        kubectl(&["create", "serviceaccount", name]).expect_code(0);
        let verb = format!("--verb={verbs}");
        let resources = format!("--resource={resources}");
        kubectl(&["create", "role", name, &verb, &resources]).expect_code(0);
        let role = format!("--role={name}");
        let account = format!("--serviceaccount=the-project:{name}");
        kubectl(&["create", "rolebinding", name, &role, &account]).expect_code(0);
        Self { cluster, name, home: TempDir::new().unwrap() }
    }

    /// The cluster as this account sees it.
    fn cluster(&self) -> Cluster {
        let token = self.cluster.kubectl(["-n", "the-project", "create", "token", self.name]).expect_code(0);
        Cluster { kubeconfig: with_token(self.cluster, &self.home, token.stdout.trim()) }
    }
}

impl Drop for Account<'_> {
    fn drop(&mut self) {
        for kind in ["rolebinding", "role", "serviceaccount"] {
            self.cluster.kubectl(["-n", "the-project", "delete", kind, self.name, "--ignore-not-found"]);
        }
    }
}

/// The cluster's kubeconfig with a token in place of the administrator's certificate; its context has the same name.
pub fn with_token(cluster: &Cluster, home: &TempDir, token: &str) -> PathBuf {
    let config = cluster.kubectl(["config", "view", "--raw", "--minify", "-o", "json"]).expect_code(0).json();
    let (server, name) = (&config["clusters"][0]["cluster"], &config["current-context"]);
    let document = serde_json::json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "clusters": [{"name": "poor", "cluster": server}],
        "users": [{"name": "poor", "user": {"token": token}}],
        "contexts": [{"name": name, "context": {"cluster": "poor", "user": "poor", "namespace": "the-project"}}],
    });
    let path = home.path().join("kubeconfig");
    fs::write(&path, document.to_string()).unwrap();
    path
}

pub fn only_get_pods(cluster: &Cluster) {
    let account = Account::new(cluster, "only-get", "get");
    let poor = account.cluster();
    let status = poor.kafdeck().args(["status"]).run();
    assert_eq!(status.code, 4, "{status:#?}");
    assert!(status.stderr.contains("list") && status.stderr.contains("pods"), "{}", status.stderr);
    let doctor = poor.kafdeck().args(["doctor"]).run();
    assert_eq!(doctor.code, 4, "{doctor:#?}");
    for wanted in ["kind: Role", "pods/portforward", "persistentvolumeclaims"] {
        assert!(doctor.stdout.contains(wanted), "{wanted} is missing:\n{}", doctor.stdout);
    }
    let mut pty = open(&poor, &[]);
    pty.wait_for(|s| s.contents().contains("forbidden") && s.contents().contains("pods"), Duration::from_secs(10));
}

pub fn pods_alone(cluster: &Cluster) {
    let account = Account::new(cluster, "pods-alone", "get,list,watch");
    let poor = account.cluster();
    let mut pty = open(&poor, &[]);
    // The pods are seen and recognised; what may not be looked at says so; the verdict is not green.
    pty.wait_for(|s| s.contents().contains("kafka-0") && s.contents().contains("BLIND"), Duration::from_secs(15));
    pty.wait_for_text("forbidden", Duration::from_secs(5));
    pty.send("3e");
    pty.wait_for_text("Ask for verb list on events in namespace the-project.", Duration::from_secs(10));
    let check = poor.kafdeck().args(["check"]).run();
    assert_eq!(check.code, 4, "{check:#?}");
}

pub fn without_watch(cluster: &Cluster) {
    let resources = "pods,pods/portforward,services,persistentvolumeclaims,statefulsets.apps,configmaps";
    let account = Account::with(cluster, "no-watch", "get,list,create", resources);
    let poor = account.cluster();
    // Everything is there, a little later than with a watch.
    let check = poor.kafdeck().args(["check"]).run();
    assert_eq!(check.code, 0, "{check:#?}");
    let mut pty = open(&poor, &[]);
    pty.wait_for(|s| s.contents().contains("OK") && s.contents().contains("polled"), Duration::from_secs(15));
    pty.send("4");
    pty.wait_for_text("Cannot watch persistentvolumeclaims in namespace the-project", Duration::from_secs(10));
    let doctor = poor.kafdeck().args(["doctor"]).run();
    assert!(doctor.stdout.contains("verbs: [watch]"), "{}", doctor.stdout);
}

pub fn expired_token(cluster: &Cluster) {
    let home = TempDir::new().unwrap();
    let refused = Cluster { kubeconfig: with_token(cluster, &home, "not.a.token") };
    let status = refused.kafdeck().args(["status"]).run();
    assert_eq!(status.code, 4, "{status:#?}");
    assert!(
        status.stderr.contains("401") || status.stderr.to_lowercase().contains("unauthorized"),
        "{}",
        status.stderr
    );
    assert!(status.stderr.contains("Hint"), "{}", status.stderr);
}
