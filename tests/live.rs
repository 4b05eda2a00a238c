//! kafdeck against a real cluster, the one that `KUBECONFIG` leads to; without it every row is skipped and says so.
//!
//! `.ci/run` brings up the testbed with the flavour `plain` for it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a row fails by panicking")]

mod common;

use std::process::ExitCode;

use common::live::{self, Cluster, Row};

/// Every live test, in the order in which they run.
const ROWS: &[Row] = &[
    ("the testbed answers", the_testbed_answers),
    ("the plain flavour runs three brokers", the_plain_flavour_runs_three_brokers),
];

fn main() -> ExitCode {
    live::main(ROWS)
}

fn the_testbed_answers(cluster: &Cluster) {
    let outcome = cluster.kubectl(["get", "--raw=/readyz"]).expect_code(0);
    assert_eq!(outcome.stdout.trim(), "ok");
}

fn the_plain_flavour_runs_three_brokers(cluster: &Cluster) {
    let set = cluster.kubectl(["-n", "the-project", "get", "statefulset", "kafka", "-o", "json"]).expect_code(0).json();
    assert_eq!(set["status"]["readyReplicas"], 3, "{set:#}");
}
