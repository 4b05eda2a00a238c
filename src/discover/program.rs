//! Which program a container's command ends in.
//!
//! Commands are often shell scripts that prepare something with Kafka's tools and then start the server, so a
//! script is taken apart into its simple commands: heredocs, comments and arguments are not programs. This is
//! no shell. It reads the words that stand where a command stands, which is enough to tell a server from a tool.

/// What a container runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Program {
    /// A broker: the name of its start command, and the points it is worth.
    Broker(String, i32),
    /// A program that is known to be none: its name.
    Other(String),
    /// What the image starts by itself.
    Image,
    /// Something that is not known.
    Unknown,
}

/// Start commands of brokers by the end of their path, without `.sh`, and their points.
///
/// kafka-server-start is Kafka's own and starts nothing else; the others start whatever their image holds.
const STARTS: [(&str, i32); 7] = [
    ("kafka-server-start", 40),
    ("/etc/confluent/docker/run", 20),
    ("/etc/kafka/docker/run", 20),
    ("/opt/bitnami/scripts/kafka/run", 20),
    ("/scripts/setup", 20),
    ("kafka_run", 20),
    ("start-kafka", 20),
];

/// Beginnings of the names of programs that are no brokers.
const OTHERS: [&str; 47] = [
    "zookeeper-server-start",
    "zookeeper_run",
    "zookeeper-shell",
    "zkServer",
    "zkGenConfig",
    "connect-distributed",
    "connect-standalone",
    "connect-mirror-maker",
    "kafka_connect_",
    "kafka_mirror_maker",
    "kafka_exporter",
    "kafka-exporter",
    "kafka-mirror-maker",
    "schema-registry",
    "kafka-rest",
    "ksql",
    "cruise",
    "kafka-cruise-control",
    "sleep",
    "kafkacat",
    "kcat",
    "kafka-acls",
    "kafka-avro-console",
    "kafka-broker-api",
    "kafka-client-metrics",
    "kafka-cluster",
    "kafka-configs",
    "kafka-console",
    "kafka-consumer",
    "kafka-delegation",
    "kafka-delete",
    "kafka-dump-log",
    "kafka-e2e",
    "kafka-features",
    "kafka-get-offsets",
    "kafka-groups",
    "kafka-json-schema-console",
    "kafka-leader-election",
    "kafka-log-dirs",
    "kafka-metadata",
    "kafka-producer",
    "kafka-reassign",
    "kafka-replica",
    "kafka-storage",
    "kafka-topics",
    "kafka-transactions",
    "kafka-verifiable",
];

/// Words that stand before a command without being one.
const PREFIXES: [&str; 17] = [
    "exec",
    "then",
    "do",
    "else",
    "if",
    "elif",
    "while",
    "until",
    "!",
    "{",
    "command",
    "env",
    "nohup",
    "time",
    "tini",
    "dumb-init",
    "catatonit",
];

/// Wrappers that take one operand before the command.
const WRAPPERS: [&str; 4] = ["gosu", "su-exec", "timeout", "chroot"];

/// Commands a script may end in that say nothing about what it is for.
const FILLERS: [&str; 22] = [
    "done", "fi", "esac", "}", "[", "[[", "]", "test", "true", "false", ":", "echo", "printf", "exit", "wait", "trap",
    "set", "unset", "export", "cd", "for", "case",
];

/// Shells, whose `-c` names a script.
const SHELLS: [&str; 6] = ["sh", "bash", "ash", "dash", "zsh", "su"];

/// A script within a script within a script is as deep as anyone goes.
const MAX_DEPTH: u8 = 4;

/// What a container with this command (and arguments) runs.
///
/// A server that is started anywhere counts, for a script goes on behind it only to wait; of everything
/// else the last counts.
pub(super) fn program(command: &[String]) -> Program {
    if command.first().is_none_or(|first| first.starts_with('-')) {
        return Program::Image;
    }
    let mut simple = Vec::new();
    collect(command, 0, &mut simple);
    let mut last = Program::Unknown;
    for words in &simple {
        match classify(words) {
            Some(Program::Broker(name, points)) => return Program::Broker(name, points),
            Some(other) => last = other,
            None => {}
        }
    }
    last
}

/// Adds the simple commands behind one command line: itself, or those of the script it gives to a shell.
fn collect(words: &[String], depth: u8, into: &mut Vec<Vec<String>>) {
    let words = command_of(words);
    let Some(first) = words.first() else { return };
    if !SHELLS.contains(&stem(first)) || depth >= MAX_DEPTH {
        into.push(words.to_vec());
        return;
    }
    let is_script_flag = |w: &String| w.starts_with('-') && !w.starts_with("--") && w.contains('c');
    match words.iter().position(is_script_flag) {
        Some(flag) => {
            let script = words[flag + 1..].iter().find(|w| !w.starts_with('-'));
            for simple in script.map(|s| split(&without_heredocs(s))).unwrap_or_default() {
                collect(&simple, depth + 1, into);
            }
        }
        None => into.extend(words[1..].iter().position(|w| !w.starts_with('-')).map(|at| words[at + 1..].to_vec())),
    }
}

/// The words from the program on: without assignments, keywords and wrappers before it.
fn command_of(mut words: &[String]) -> &[String] {
    while let Some((first, rest)) = words.split_first() {
        let name = stem(first);
        if is_assignment(first) {
            words = rest;
        } else if PREFIXES.contains(&name) || name.ends_with("entrypoint") {
            words = without_flags(rest);
        } else if WRAPPERS.contains(&name) {
            words = without_flags(rest).get(1..).unwrap_or_default();
        } else {
            break;
        }
    }
    words
}

/// The words after leading flags.
fn without_flags(words: &[String]) -> &[String] {
    let flags = words.iter().take_while(|w| w.starts_with('-')).count();
    &words[flags..]
}

/// What one simple command runs; `None` when it says nothing.
fn classify(words: &[String]) -> Option<Program> {
    let first = words.first()?;
    let name = stem(first);
    let path = first.strip_suffix(".sh").unwrap_or(first);
    let matches_start = |known: &str| if known.starts_with('/') { path.ends_with(known) } else { name == known };
    if let Some((_, points)) = STARTS.iter().find(|(known, _)| matches_start(known)) {
        let shown = if name == "run" || name == "setup" { path } else { name };
        return Some(Program::Broker(shown.to_owned(), *points));
    }
    if matches!(name, "java" | "kafka-run-class") && words.iter().any(|w| w == "kafka.Kafka") {
        return Some(Program::Broker("kafka.Kafka".to_owned(), 40));
    }
    if matches!(name, "java" | "kafka-run-class")
        && let Some(class) = words.iter().find(|w| w.starts_with("org.apache.kafka.connect."))
    {
        return Some(Program::Other(class.clone()));
    }
    let follows = name == "tail" && words.iter().any(|w| w.starts_with('-') && w.to_ascii_lowercase().contains('f'));
    if follows || OTHERS.iter().any(|other| name.starts_with(other)) {
        return Some(Program::Other(if follows { "tail -f".to_owned() } else { name.to_owned() }));
    }
    let is_name = first.starts_with(|c: char| c.is_alphabetic() || matches!(c, '/' | '.' | '_' | '$' | '~'));
    (is_name && !FILLERS.contains(&name)).then_some(Program::Unknown)
}

/// The last segment of a path, without `.sh`.
fn stem(word: &str) -> &str {
    let name = word.rsplit('/').next().unwrap_or(word);
    name.strip_suffix(".sh").unwrap_or(name)
}

/// True for `NAME=value` and the dotted names of property files.
fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(key, _)| {
        !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'))
    })
}

/// The script without the bodies of its heredocs.
fn without_heredocs(script: &str) -> String {
    let lines: Vec<&str> = script.lines().collect();
    let mut kept = Vec::with_capacity(lines.len());
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        kept.push(*line);
        at += 1;
        if let Some(end) = heredoc_end(line)
            && let Some(body) = lines[at..].iter().position(|l| l.trim() == end)
        {
            at += body + 1;
        }
    }
    kept.join("\n")
}

/// The word that ends the heredoc a line begins.
fn heredoc_end(line: &str) -> Option<&str> {
    let (_, after) = line.split_once("<<")?;
    let word = after.trim_start_matches(['-', ' ', '\'', '"', '\\']);
    let length = word.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(word.len());
    (length > 0).then(|| &word[..length])
}

/// Takes a script apart into simple commands, each a list of words with their quotes removed.
fn split(script: &str) -> Vec<Vec<String>> {
    let mut commands = vec![Vec::new()];
    let mut word = String::new();
    let mut chars = script.chars().peekable();
    let end_word = |word: &mut String, commands: &mut Vec<Vec<String>>| {
        if !word.is_empty()
            && let Some(command) = commands.last_mut()
        {
            command.push(std::mem::take(word));
        }
    };
    while let Some(c) = chars.next() {
        match c {
            '\\' => word.extend(chars.next().filter(|next| *next != '\n')),
            '\'' | '"' => quoted(c, &mut chars, &mut word),
            '#' if word.is_empty() => while chars.next_if(|next| *next != '\n').is_some() {},
            // `2>&1` and `&>file` are redirections, not the end of a command.
            '&' if word.ends_with('>') || chars.peek() == Some(&'>') => word.push(c),
            '\n' | ';' | '&' | '|' | '(' | ')' | '`' => {
                end_word(&mut word, &mut commands);
                commands.push(Vec::new());
            }
            c if c.is_whitespace() => end_word(&mut word, &mut commands),
            c => word.push(c),
        }
    }
    end_word(&mut word, &mut commands);
    commands.retain(|command| !command.is_empty());
    commands
}

/// Reads on to the closing quote.
fn quoted(quote: char, chars: &mut std::iter::Peekable<std::str::Chars<'_>>, word: &mut String) {
    while let Some(c) = chars.next() {
        if c == quote {
            return;
        }
        if c == '\\' && quote == '"' {
            word.extend(chars.next());
        } else {
            word.push(c);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(command: &[&str]) -> Program {
        program(&command.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>())
    }

    fn starts(command: &[&str]) -> bool {
        matches!(of(command), Program::Broker(..))
    }

    #[test]
    fn a_server_is_found_behind_shells_wrappers_and_tools() {
        for command in [
            &["kafka-server-start.sh", "/etc/kafka/server.properties"][..],
            &["./bin/kafka-server-start.sh", "/x"],
            &["/bin/bash", "-ec", "kafka-storage.sh format -c /x\nexec kafka-server-start.sh /x"],
            &["sh", "-exc", "unset KAFKA_PORT && export A=b && exec /etc/confluent/docker/run"],
            &["/opt/bitnami/scripts/kafka/entrypoint.sh", "/opt/bitnami/scripts/kafka/run.sh"],
            &["tini", "-g", "--", "gosu", "kafka", "/opt/kafka/bin/kafka-server-start.sh", "/x"],
            &["sh", "-c", "bash -c \"exec kafka-server-start.sh /x 2>&1\" | tee /log"],
            &["sh", "-c", "kafka-server-start.sh -daemon /x; tail -f /log"],
            &["sh", "-c", "if true; then\n  exec kafka-server-start.sh \\\n /x\nfi"],
            &["java", "-Xmx1g", "kafka.Kafka", "/x"],
        ] {
            assert!(starts(command), "{command:?}");
        }
    }

    #[test]
    fn a_server_that_is_only_mentioned_is_not_started() {
        for command in [
            &["sh", "-c", "until pgrep -f kafka-server-start; do sleep 1; done; kafka-topics.sh --list"][..],
            &["sh", "-c", "# exec kafka-server-start.sh /x\nexec sleep infinity"],
            &["sh", "-c", "cat >/run.sh <<'E'\nexec kafka-server-start.sh /x\nE\ntail -f /dev/null"],
            &["echo", "kafka-server-start.sh"],
        ] {
            assert!(!starts(command), "{command:?}");
        }
    }

    #[test]
    fn the_last_program_of_a_script_is_what_it_is_for() {
        for (script, name) in [
            ("exec tail -f /dev/null", "tail -f"),
            ("until nc -z kafka 9092; do sleep 1; done\nexec connect-distributed.sh /x", "connect-distributed"),
            ("for i in 1 2; do echo $i; done | kafka-console-producer.sh --topic t 2>&1", "kafka-console-producer"),
            ("until kafka-topics.sh --create --topic t; do sleep 1; done", "sleep"),
            ("exec zookeeper-server-start.sh /x", "zookeeper-server-start"),
            ("sleep $((60*60))", "sleep"),
        ] {
            assert_eq!(of(&["sh", "-ec", script]), Program::Other(name.to_owned()), "{script}");
        }
        assert_eq!(of(&["sh", "-c", "kafka-topics.sh --list; exec java -jar app.jar"]), Program::Unknown);
    }

    #[test]
    fn without_a_command_the_image_decides() {
        assert_eq!(of(&[]), Program::Image);
        assert_eq!(of(&["--kafka.server=kafka:9092"]), Program::Image);
        assert_eq!(of(&["/app/start"]), Program::Unknown);
        assert_eq!(of(&["sh", "-e", "/etc/kafka/init.sh"]), Program::Unknown);
    }

    #[test]
    fn a_broken_script_is_read_as_far_as_it_goes() {
        for script in ["'", "\"", "\\", "<<", "cat <<E\nnever ended", "((((", "&&&&", "sh -c", "é'ü\"$("] {
            let _ = of(&["sh", "-c", script]);
        }
        let nested = "sh -c ".repeat(100);
        let _ = of(&["sh", "-c", &nested]);
    }
}
