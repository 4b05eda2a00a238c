//! kafdeck against a real cluster, the one that `KUBECONFIG` leads to; without it every row is skipped and says so.
//!
//! `.ci/run` brings up the testbed with the flavour `plain` for it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a row fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "rows measure how long things take")]

#[path = "live/access.rs"]
mod access;
#[path = "live/acting.rs"]
mod acting;
#[path = "live/admin.rs"]
mod admin;
#[path = "live/commands.rs"]
mod commands;
#[path = "live/committer.rs"]
mod committer;
mod common;
#[path = "live/connect.rs"]
mod connect;
#[path = "live/data.rs"]
mod data;
#[path = "live/faults.rs"]
mod faults;
#[path = "live/flavours.rs"]
mod flavours;
#[path = "live/guarded.rs"]
mod guarded;
#[path = "live/load.rs"]
mod load;
#[path = "live/logs.rs"]
mod logs;
#[path = "live/messages.rs"]
mod messages;
#[path = "live/quorum.rs"]
mod quorum;
#[path = "live/roll.rs"]
mod roll;
#[path = "live/sampler.rs"]
mod sampler;
#[path = "live/secured.rs"]
mod secured;
#[path = "live/seeing.rs"]
mod seeing;
#[path = "live/smoke.rs"]
mod smoke;
#[path = "live/topics.rs"]
mod topics;
#[path = "live/users.rs"]
mod users;

use std::process::ExitCode;

use common::live::{self, Row};

/// Every live test, in the order in which they run: looking first, breaking last.
const ROWS: &[Row] = &[
    ("the plain flavour is found and judged healthy within seconds", seeing::plain_is_found_and_healthy),
    ("a renamed installation behind a sidecar is found by evidence", seeing::renamed_is_found),
    ("strimzi's cluster is recognised, and the console's user is the best way in", flavours::strimzi),
    ("bitnami's release is recognised under its own name", flavours::bitnami),
    ("brokers on zookeeper are recognised with their ensemble", flavours::zookeeper),
    ("a deployment without persistence is recognised", flavours::deployment),
    ("what only stands beside kafka is on no list", flavours::nothing_else),
    ("the picker shows each installation's verdict", flavours::several),
    ("a topic created by kafka-topics.sh appears without a key", seeing::new_topic_appears),
    ("a topic name of 249 characters and hostile client ids are shown as text", seeing::hostile_names),
    ("logs are followed from the console", seeing::logs_are_followed),
    ("the log of a broker is what kubectl tells, and several are in order", logs::same_as_kubectl),
    ("a log is followed through a restart and into another pod of its name", logs::restarts_are_followed),
    ("a container that writes as fast as it can is followed in bounded memory", logs::a_flood_is_followed),
    ("a broker's pod is read as YAML and a claim's events are listed", seeing::objects_are_read),
    ("the tools of Kafka and kafdeck agree on partitions and lag", commands::agrees_with_kafkas_tools),
    ("the quorum is what kafka-metadata-quorum.sh says", quorum::agrees_with_kafkas_tool),
    ("configs and their sources are what kafka-configs.sh says", quorum::configs_are_those_of_the_tool),
    ("all configs of a broker are read in the console, and what one means", quorum::configs_are_read_in_the_console),
    ("every command answers with its document", commands::every_command_answers),
    ("check exits 0 on a healthy cluster and record writes facts", commands::check_and_record),
    ("the lag of 300 groups is right", commands::lag_of_300_groups),
    ("messages are those that kafka-console-consumer.sh prints", messages::tail_is_what_the_console_consumer_prints),
    ("a record that is written is read by Kafka's own tool", messages::what_is_written_is_read_by_kafkas_tool),
    (
        "an application's user reads over TLS, and the console's user learns what it lacks",
        messages::an_application_reads_over_tls_and_the_console_user_may_not,
    ),
    ("connectors and their tasks are those that the worker tells", connect::agrees_with_the_worker),
    ("a task that fails is seen with its cause and goes with its connector", connect::failed_task),
    ("listeners with TLS and SCRAM answer through a port-forward", secured::secured_listeners_answer),
    ("what is wrong with a way into a secured listener is told", secured::what_is_wrong_is_told),
    (
        "credentials that are given open a guarded broker, and wrong ones are told as such",
        guarded::credentials_are_given,
    ),
    ("sessions of ten seconds are renewed, and a password is found nowhere", guarded::sessions_end_and_passwords_stay),
    ("a user is made, logs in, gets another password and goes on a guarded broker", guarded::users_are_made),
    ("topics are made, altered and deleted by brokers", topics::by_brokers),
    ("topics are made, altered and deleted through KafkaTopics", topics::through_resources),
    ("users are made, get another password and go through KafkaUsers", users::through_resources),
    ("certificates expire when those in the Secrets do", secured::certificates_are_those_of_the_secrets),
    ("dials through each layer are measured", secured::dials_are_measured),
    ("24 tunnels at once take little memory", secured::tunnels_are_measured),
    ("users, ACLs and their owners on strimzi are those of Kafka's own tools", users::agree_with_kafkas_tools),
    ("an application's user sees its part and accuses no broker", users::an_application_sees_its_part),
    ("without an authorizer it is told that everybody may do everything", users::no_authorizer_is_told),
    ("brokers on zookeeper tell users, too", users::zookeeper_tells_users),
    ("a topic is made, changed and deleted by kafka's own protocol", admin::topics),
    ("a broker's configs are changed on that broker", admin::broker_configs),
    ("a user's credential and limits are made, replaced and taken away", admin::users),
    ("preferred leaders are elected, and a move is listed, cancelled and made", admin::leaders_and_moves),
    ("offsets of a group without members are reset", admin::offsets),
    ("leaders and offsets are changed on strimzi as its operator", admin::strimzi),
    ("the controller makes and deletes topics on zookeeper", admin::zookeeper),
    ("rules are added and taken away, and what is missing is told", admin::rules),
    ("an account that may only get pods learns what it lacks", access::only_get_pods),
    ("an account that may see pods alone keeps the panes it can fill", access::pods_alone),
    ("where watching is denied everything is listed instead", access::without_watch),
    ("an expired token is told as such", access::expired_token),
    ("objects are made, changed and evicted only as a plan saw them", acting::ops_are_carried_out),
    ("offsets of a quiet group are reset from the command line", data::offsets),
    ("leadership goes back to preferred replicas", data::leaders),
    ("a broker is drained of a topic, and moves are slowed down and cancelled", data::moves),
    ("leaders and moves on strimzi from the command line", data::strimzi),
    ("a connector is paused, resumed and restarted", data::connector),
    ("a volume grows, and a broker is drained wholly", data::volumes),
    ("a lease names who acts, and of two at once one gets it", acting::a_lease_names_who_acts),
    ("the smoke test is green by both paths where brokers ask for nothing", smoke::plain_is_green_by_both_paths),
    ("the smoke test is green on strimzi as an application", smoke::strimzi_is_green_as_an_application),
    ("without the permission for jobs the service is unproven", smoke::without_jobs_the_service_is_unproven),
    ("a canary tells loss and latency and leaves nothing", smoke::a_canary_tells_loss_and_latency),
    ("of a frozen broker and the others it alone is restarted", roll::a_frozen_broker_is_restarted),
    ("one of strimzi's brokers is restarted by its operator", roll::strimzi_restarts_one),
    ("a roll of plain brokers loses nothing of what goes through them", roll::plain),
    ("a roll of strimzi's brokers loses nothing of what goes through them", roll::strimzi),
    ("a roll that is killed in each of its steps goes on and restarts nothing twice", roll::killed_rolls_go_on),
    ("no broker is restarted while another one is isolated", roll::an_isolated_broker_forbids_it),
    ("a roll ends before the next broker when one is isolated meanwhile", roll::an_isolated_broker_ends_it),
    ("a roll waits for an API server that is away", roll::an_api_server_that_is_away_is_waited_for),
    ("a roll whose token ends restarts nothing more, and goes on with another", roll::a_token_that_ends_ends_it),
    ("a deleted pod is seen and its return too", faults::deleted_pod),
    ("another active controller is seen when its pod is deleted", quorum::a_new_controller_is_seen),
    ("a crashed broker is seen and its return too", faults::crashed_broker),
    ("a crash loop is found and check exits 1", faults::crash_loop),
    ("an image that cannot be pulled is told in the kubelet's words", faults::bad_image),
    ("a pod that no node takes is told in the scheduler's words", faults::unschedulable_pod),
    ("a frozen broker is named and delays nobody else", faults::frozen_broker),
    ("leaving while a broker is frozen takes less than two seconds", messages::leaving_a_frozen_broker_takes_no_time),
    ("an isolated broker falls out of sync and comes back", faults::isolated_broker),
    ("a filled volume is seen", faults::filled_volume),
    ("cut tunnels heal alone", faults::cut_tunnels),
    ("a paused API server raises a banner and accuses no broker", faults::paused_api_server),
    ("a restarted API server is survived", faults::restarted_api_server),
];

fn main() -> ExitCode {
    live::main(ROWS)
}
