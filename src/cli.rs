//! The command line's shape: commands, flags and their help.
//!
//! It says what may be typed and what a user gets for it; what is done with it is `cmd`'s part.

pub mod actions;

use std::{ffi::OsString, path::Path, path::PathBuf, time::Duration};

use chrono::{DateTime, Utc};
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

use crate::{
    config::settings,
    domain::{
        ids::{BrokerId, InstallationId},
        units::read_duration,
    },
    errors::{Failure, FailureKind},
    io::connect::ConnectOptions,
    plan::Params,
};

/// Examples below `--help`; `kafdeck` is replaced by how it was called.
const EXAMPLES: &str = "Examples:
  kafdeck demo                                       the console on a cluster in memory
  kafdeck                                            the console
  kafdeck --context prod-eu -n messaging             the console on one namespace of another cluster
  kafdeck -n the-project status -o json              one screen of truth, for a script
  kafdeck -n the-project check && echo healthy       exit code 0 only when all is well
  kafdeck lag orders-app                             what a group has yet to read, by partition
  kafdeck logs --broker 0 --since 10m --grep 'ERROR|WARN'
  kafdeck message tail orders --from end --limit 10  the newest records of a topic
  kafdeck --as orders-app topics                     with a credential that is another application's
  kafdeck --command-config client.properties lag     with credentials of your own
  kafdeck doctor                                     what cannot be seen, and which permission is missing

Exit codes:
  0 healthy or done   1 something is wrong, refused or failed   2 usage or unusable configuration
  3 not complete in time   4 configured, but nothing can be observed";

/// kafdeck: a terminal console for Apache Kafka on Kubernetes.
#[derive(Debug, Clone, Parser)]
#[command(
    name = "kafdeck",
    version,
    about = "See every Apache Kafka in a Kubernetes cluster and say what is wrong with it, from a kubeconfig alone",
    long_about = "Sees and explains every Apache Kafka in a Kubernetes cluster, however it was installed, from a \
                  kubeconfig alone: nothing is installed in the cluster, no port is opened. Without a command it \
                  opens the console."
)]
pub struct Cli {
    /// Flags that every command takes.
    #[command(flatten)]
    pub global: Global,
    /// What to do; nothing is the console.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Flags that every command takes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// Kubeconfig context to use instead of the current one
    #[arg(long, global = true, value_name = "NAME")]
    pub context: Option<String>,
    /// Look in this namespace only [default: the whole cluster, as far as it may be listed]
    #[arg(short, long, global = true, value_name = "NAME")]
    pub namespace: Option<String>,
    /// Kubeconfig file [default: KUBECONFIG, then ~/.kube/config]
    #[arg(long, global = true, value_name = "PATH")]
    pub kubeconfig: Option<PathBuf>,
    /// The installation to show, where there are several
    #[arg(long, global = true, value_name = "NAMESPACE/NAME")]
    pub installation: Option<InstallationId>,
    /// Reach brokers through this listener instead of the one that needs the least
    #[arg(long, global = true, value_name = "NAME", help_heading = "Ways in")]
    pub listener: Option<String>,
    /// Log in as this user: one whose credential is in the cluster, or one whose password you give
    ///
    /// Naming a user is consent to borrow its credential where another application or an administrator owns it. The
    /// password of a user whom the cluster does not know is taken from --password-file, from the variable
    /// KAFDECK_PASSWORD, or asked for at the terminal.
    #[arg(
        long = "as",
        global = true,
        value_name = "USER",
        conflicts_with = "command_config",
        help_heading = "Ways in"
    )]
    pub as_user: Option<String>,
    /// File that holds the password of --as
    #[arg(long, global = true, value_name = "PATH", requires = "as_user", help_heading = "Ways in")]
    pub password_file: Option<PathBuf>,
    /// Log in as a client.properties says, as Kafka's own tools take it
    #[arg(long, global = true, value_name = "PATH", help_heading = "Ways in")]
    pub command_config: Option<PathBuf>,
    /// Refuse everything that would change something
    #[arg(long, global = true)]
    pub read_only: bool,
    /// How to print: for people, or for scripts with stable field names
    #[arg(short, long, global = true, value_name = "FORMAT", default_value = "text")]
    pub output: Format,
    /// How long a command may wait for a complete answer: 500ms, 10s, 2m [default: 10s]
    #[arg(long, global = true, value_name = "DURATION", value_parser = read_duration)]
    pub timeout: Option<Duration>,
    /// `--timeout` as it was typed: what changes the cluster ends before its next step by then, and else takes its time.
    #[arg(skip)]
    pub deadline: Option<Duration>,
    /// How it looks: default, light, mono, contrast, or a theme of your own
    #[arg(long, global = true, value_name = "NAME")]
    pub theme: Option<String>,
    /// Which keys do what: default, vim, k9s, or a keymap of your own
    #[arg(long, global = true, value_name = "NAME")]
    pub keymap: Option<String>,
    /// Print without colour, as the variable NO_COLOR also asks for
    #[arg(long, global = true)]
    pub no_color: bool,
    /// Draw with ASCII characters alone
    #[arg(long, global = true)]
    pub ascii: bool,
    /// Write a log of what kafdeck does to this file
    #[arg(long, global = true, value_name = "PATH")]
    pub log_file: Option<PathBuf>,
}

/// How documents are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Format {
    /// Tables and sentences.
    #[default]
    Text,
    /// JSON with stable field names.
    Json,
    /// The same document as YAML.
    Yaml,
}

/// A table of the documentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Table {
    /// Which keys do what.
    Keys,
    /// Every command by its name.
    Commands,
    /// Themes and their slots.
    Themes,
    /// What config.toml may say.
    Settings,
    /// Actions.
    Actions,
    /// Exit codes.
    ExitCodes,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Open the console (the default)
    Console,
    /// Open the console on a cluster in memory: no kubeconfig, no network, nothing to break
    Demo {
        /// Play this incident
        #[arg(long, value_name = "NAME", conflicts_with = "list")]
        drill: Option<String>,
        /// List the incidents that can be played
        #[arg(long)]
        list: bool,
    },
    /// One screen of truth: verdict, figures, findings, and what cannot be seen
    Status,
    /// Exit code for scripts: 0 healthy, 1 critical or degraded, 4 not observable
    Check {
        /// How long to watch for what needs two samples
        #[arg(long, value_name = "DURATION", default_value = "3s", value_parser = read_duration)]
        watch_for: Duration,
    },
    /// Brokers: pod, state, node, leaders, replicas, disk, restarts
    Brokers,
    /// PVCs: size, how full, and where the figure comes from
    Storage,
    /// Topics: partitions, replication, offline and under-replicated counts, size
    Topics {
        /// This topic alone, with its partitions
        topic: Option<String>,
    },
    /// Consumer groups: state, members, lag
    Groups {
        /// This group alone, with its partitions
        group: Option<String>,
    },
    /// Lag by group and partition, with the member that reads it
    Lag {
        /// This group alone
        group: Option<String>,
    },
    /// Alert rules in the cluster
    Alerts,
    /// Kafka Connect: connectors with their tasks, workers, what failed and why
    Connect {
        /// This connector alone, with its tasks and traces
        #[arg(long, value_name = "NAME")]
        connector: Option<String>,
    },
    /// Users: how they log in, what they may do, their quotas, and the KafkaUsers that declare them
    Users {
        /// This user alone
        user: Option<String>,
    },
    /// Moves of partitions: list, cancel, throttle
    Reassignment {
        /// What of them
        #[command(subcommand)]
        what: Reassignment,
    },
    /// What changed, newest first: restarts, rollouts, elections, configs, Kubernetes events, kafdeck's own actions
    Timeline {
        /// Only what changed in the last 10m, 2h…
        #[arg(long, value_name = "DURATION", value_parser = read_duration)]
        since: Option<Duration>,
        /// Only what is about this broker, topic, pod…, or names it
        #[arg(long, value_name = "NAME")]
        object: Option<String>,
    },
    /// What is wrong, worst first, with evidence and the next safe action
    Findings {
        /// How long to watch for what needs two samples
        #[arg(long, value_name = "DURATION", default_value = "3s", value_parser = read_duration)]
        watch_for: Duration,
    },
    /// Whether everything can be seen, and if not, which permission is missing
    Doctor,
    /// Logs of all brokers, or of some
    Logs(Logs),
    /// Records of a topic: read them, write one
    Message {
        /// What to do with them
        #[command(subcommand)]
        what: Message,
    },
    /// Record everything that is observed to a file, for an incident report
    Record {
        /// File to write
        file: PathBuf,
        /// How long to record [default: until ctrl-c]
        #[arg(long = "for", value_name = "DURATION", value_parser = read_duration)]
        duration: Option<Duration>,
    },
    /// Which settings count, who set each, and what cannot be used in your configuration
    Config,
    /// Where kafdeck's files are and which settings are in force
    Info,
    /// Tables for people and READMEs, as Markdown: keys, commands, themes, settings, exit codes
    Docs {
        /// Which table [default: all]
        table: Option<Table>,
    },
    /// A completion script for your shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// The manual page, as roff
    Man,
    /// Go on with a run that stopped before its end
    Resume {
        /// Go ahead without asking
        #[arg(long)]
        yes: bool,
    },
    /// An action of the catalog.
    #[command(skip)]
    Act(actions::Typed),
    /// The settings of a user's client.
    #[command(skip)]
    Export(Params),
}

/// What of moves of partitions; what changes them stands in the catalog of actions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
pub enum Reassignment {
    /// Moves under way, with the brokers that get replicas and lose them
    List,
}

/// Which log lines.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct Logs {
    /// This broker's log [default: all brokers'; may be repeated]
    #[arg(long = "broker", value_name = "ID", value_parser = broker, allow_negative_numbers = false)]
    pub brokers: Vec<BrokerId>,
    /// This pod's log, as an operator's or a Connect worker's [may be repeated]
    #[arg(long = "pod", value_name = "NAME")]
    pub pods: Vec<String>,
    /// This container of the pods [default: the one that is the broker, else the first]
    #[arg(long, value_name = "NAME")]
    pub container: Option<String>,
    /// Only lines of the last 10m, 2h…
    #[arg(long, value_name = "DURATION", value_parser = read_duration)]
    pub since: Option<Duration>,
    /// Only lines from this moment on, as 2026-01-02T03:04:05Z
    #[arg(long, value_name = "TIME", value_parser = moment, conflicts_with = "since")]
    pub since_time: Option<DateTime<Utc>>,
    /// The log of the container that ran before the last restart
    #[arg(long, conflicts_with = "follow")]
    pub previous: bool,
    /// Only the last N lines of each broker
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(0..))]
    pub tail: Option<i64>,
    /// Go on with what is written from now on
    #[arg(short, long)]
    pub follow: bool,
    /// Only lines that match this regular expression
    #[arg(long, value_name = "REGEX", value_parser = expression)]
    pub grep: Option<String>,
    /// Each line with its moment
    #[arg(long)]
    pub timestamps: bool,
}

/// What to do with records.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum Message {
    /// Print records: the last ones, or those from a place on; with --follow what comes, too
    Tail(Tail),
}

/// Which records.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Tail {
    /// The topic
    pub topic: String,
    /// Where to begin: beginning, end, an offset, -20 (records of each partition), -10m, or a time in UTC
    ///
    /// With a limit and without --follow, `end` means the newest records: as many as the limit says, 10 without one.
    #[arg(long, value_name = "PLACE", default_value = "end", allow_hyphen_values = true)]
    pub from: String,
    /// This partition alone [default: all; may be repeated]
    #[arg(long = "partition", value_name = "N", value_parser = clap::value_parser!(i32).range(0..))]
    pub partitions: Vec<i32>,
    /// No more than so many records
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub limit: Option<u64>,
    /// Go on with what is written from now on
    #[arg(short, long)]
    pub follow: bool,
    /// Only records in whose key, value or headers this regular expression is found
    #[arg(long, value_name = "REGEX", value_parser = expression)]
    pub filter: Option<String>,
    /// How keys and values are shown
    #[arg(long, value_name = "FORM", default_value = "text")]
    pub format: BodyForm,
    /// Leave out what transactions have not committed, or have aborted
    #[arg(long)]
    pub committed: bool,
}

/// How keys and values are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum BodyForm {
    /// Text where they are text, else bytes.
    Text,
    /// JSON laid out, where they are JSON.
    Json,
    /// Bytes.
    Hex,
}

impl Global {
    /// How long a command may wait for a complete answer.
    pub fn timeout(&self) -> Duration {
        self.timeout.unwrap_or(settings::TIMEOUT)
    }

    /// Where to connect. An installation that was asked for says where to look if the whole cluster may not be listed;
    /// else rules and alert services of other namespaces would go unseen.
    pub fn connect_options(&self) -> Result<ConnectOptions, Failure> {
        let wanted = self.installation.as_ref().map(|i| i.namespace.clone());
        if let (Some(namespace), Some(wanted)) = (&self.namespace, &wanted)
            && namespace != wanted
        {
            let what = format!("--namespace is {namespace}, but --installation is in {wanted}.");
            return Err(Failure::new(FailureKind::Usage, what).hint("Leave one of them out."));
        }
        Ok(ConnectOptions {
            kubeconfig: self.kubeconfig.clone(),
            context: self.context.clone(),
            namespace: self.namespace.clone(),
            fallback: wanted,
            sandbox: None,
        })
    }
}

impl Command {
    /// Its name, which is also the kind of its document.
    pub fn name(&self) -> &str {
        match self {
            Self::Console => "console",
            Self::Demo { .. } => "demo",
            Self::Status => "status",
            Self::Check { .. } => "check",
            Self::Brokers => "brokers",
            Self::Storage => "storage",
            Self::Topics { .. } => "topics",
            Self::Groups { .. } => "groups",
            Self::Lag { .. } => "lag",
            Self::Alerts => "alerts",
            Self::Connect { .. } => "connect",
            Self::Users { .. } => "users",
            Self::Reassignment { .. } => "reassignment",
            Self::Timeline { .. } => "timeline",
            Self::Findings { .. } => "findings",
            Self::Doctor => "doctor",
            Self::Logs(_) => "logs",
            Self::Message { .. } => "message",
            Self::Record { .. } => "record",
            Self::Config => "config",
            Self::Info => "info",
            Self::Docs { .. } => "docs",
            Self::Completions { .. } => "completions",
            Self::Man => "man",
            Self::Resume { .. } => "resume",
            Self::Act(typed) => &typed.action,
            Self::Export(_) => "user.export",
        }
    }

    /// How long it watches for what needs two samples.
    pub fn watch_for(&self) -> Option<Duration> {
        match self {
            Self::Check { watch_for } | Self::Findings { watch_for } => Some(*watch_for),
            _ => None,
        }
    }
}

/// The whole command line as clap knows it, under the name it was called by.
pub fn command(argv0: Option<&OsString>) -> clap::Command {
    let file = argv0.and_then(|a| Path::new(a).file_stem()).and_then(|name| name.to_str()).unwrap_or_default();
    // As a plugin it is called kubectl-kafdeck and typed as two words.
    let typed = if file.starts_with("kubectl-") { "kubectl kafdeck" } else { "kafdeck" };
    actions::add_to(Cli::command()).bin_name(typed).after_help(EXAMPLES.replace("kafdeck ", &format!("{typed} ")))
}

/// Reads the command line; the error is clap's, which prints help, version or the mistake and knows its exit code.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Cli, clap::Error> {
    let args: Vec<OsString> = args.into_iter().collect();
    let matches = command(args.first()).try_get_matches_from(&args)?;
    if let Some(params) = actions::export(&matches) {
        return Ok(Cli { global: Global::from_arg_matches(&matches)?, command: Some(Command::Export(params)) });
    }
    match actions::typed(&matches) {
        Some(typed) => Ok(Cli { global: Global::from_arg_matches(&matches)?, command: Some(Command::Act(typed)) }),
        None => Cli::from_arg_matches(&matches),
    }
}

/// Reads a broker's id.
fn broker(text: &str) -> Result<BrokerId, String> {
    let id = text.parse().ok().filter(|id| *id >= 0);
    id.map(BrokerId).ok_or_else(|| format!("a broker is named by its number, not {text:?}"))
}

/// Keeps an expression that can be compiled.
fn moment(text: &str) -> Result<DateTime<Utc>, String> {
    let read = DateTime::parse_from_rfc3339(text).map(|at| at.with_timezone(&Utc));
    read.map_err(|error| format!("{error}; it is written as 2026-01-02T03:04:05Z"))
}

fn expression(text: &str) -> Result<String, String> {
    regex::Regex::new(text).map(|_| text.to_owned()).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Cli, clap::Error> {
        parse(line.split_whitespace().map(OsString::from))
    }

    fn refused(line: &str) -> String {
        let error = parsed(line).expect_err(line);
        assert_eq!(error.exit_code(), 2, "{line}");
        error.to_string()
    }

    #[test]
    fn the_shape_is_consistent() {
        command(None).debug_assert();
    }

    #[test]
    fn flags_may_stand_before_and_after_the_command() {
        for line in ["kafdeck -n a --context c status -o json", "kafdeck status -o json --context c -n a"] {
            let cli = parsed(line).unwrap();
            assert_eq!(cli.command, Some(Command::Status));
            assert_eq!(cli.global.namespace.as_deref(), Some("a"));
            assert_eq!(cli.global.context.as_deref(), Some("c"));
            assert_eq!(cli.global.output, Format::Json);
        }
        assert_eq!(parsed("kafdeck").unwrap().command, None);
    }

    #[test]
    fn durations_are_read_as_people_write_them() {
        let millis = [("500ms", 500), ("10s", 10_000), ("2m", 120_000), ("1h30m", 5_400_000), ("0s", 0)];
        for (text, wanted) in millis {
            assert_eq!(read_duration(text), Ok(Duration::from_millis(wanted)), "{text}");
        }
        for wrong in ["", "10", "s", "-1s", "1.5s", "10 s", "1y", "99999999999999999999s", "999999d"] {
            assert!(read_duration(wrong).is_err(), "{wrong:?}");
        }
        assert_eq!(parsed("kafdeck status").unwrap().global.timeout(), Duration::from_secs(10));
        assert_eq!(parsed("kafdeck check").unwrap().command.and_then(|c| c.watch_for()), Some(Duration::from_secs(3)));
        assert!(refused("kafdeck status --timeout 10").contains("500ms"));
    }

    #[test]
    fn logs_take_brokers_times_and_expressions() {
        let Some(Command::Logs(logs)) =
            parsed("kafdeck logs --broker 0 --broker 2 --since 10m --grep ERROR|WARN -f").unwrap().command
        else {
            panic!("logs");
        };
        assert_eq!(logs.brokers, [BrokerId(0), BrokerId(2)]);
        assert_eq!(logs.since, Some(Duration::from_secs(600)));
        assert_eq!(logs.grep.as_deref(), Some("ERROR|WARN"));
        assert!(logs.follow);
        refused("kafdeck logs --grep (");
        refused("kafdeck logs --broker one");
        refused("kafdeck logs --tail -5");
        refused("kafdeck logs --previous --follow");
    }

    #[test]
    fn usage_errors_name_what_is_wrong() {
        assert!(refused("kafdeck --installation kafka status").contains("NAMESPACE/NAME"));
        assert!(refused("kafdeck status -o xml").contains("json"));
        refused("kafdeck frobnicate");
        refused("kafdeck status --frobnicate");
    }

    #[test]
    fn an_installation_says_where_to_look_when_the_whole_cluster_may_not_be_listed() {
        let options = |line: &str| parsed(line).unwrap().global.connect_options();
        let asked = options("kafdeck --installation a/k status").unwrap();
        assert_eq!((asked.namespace, asked.fallback.as_deref()), (None, Some("a")));
        let failure = options("kafdeck -n b --installation a/k status").unwrap_err();
        assert_eq!(failure.kind, FailureKind::Usage);
    }

    #[test]
    fn help_speaks_in_the_words_that_were_typed() {
        let help = |argv0: &str| parsed(&format!("{argv0} --help")).unwrap_err().to_string();
        assert!(help("/usr/bin/kafdeck").contains("Usage: kafdeck [OPTIONS] [COMMAND]"));
        let plugin = help("/usr/bin/kubectl-kafdeck");
        assert!(plugin.contains("Usage: kubectl kafdeck [OPTIONS] [COMMAND]"), "{plugin}");
        assert!(plugin.contains("  kubectl kafdeck doctor"), "{plugin}");
        let of_command = parsed("kubectl-kafdeck topics --help").unwrap_err().to_string();
        assert!(of_command.contains("Usage: kubectl kafdeck topics"), "{of_command}");
    }

    #[test]
    fn every_command_is_named_as_it_is_typed() {
        for command in Cli::command().get_subcommands() {
            let arguments = match command.get_name() {
                "record" => " f",
                "message" => " tail t",
                "completions" => " bash",
                "reassignment" => " list",
                _ => "",
            };
            let cli = parsed(&format!("kafdeck {}{arguments}", command.get_name())).unwrap();
            assert_eq!(cli.command.unwrap().name(), command.get_name());
        }
    }
}
