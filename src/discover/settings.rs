//! What a broker is configured with, as far as its container tells: environment, script and arguments.
//!
//! Images translate `KAFKA_NODE_ID` to `node.id`, and inline scripts write server.properties or export
//! variables, so everything is brought to the property's name and counted once.

use std::collections::BTreeMap;

use crate::domain::{
    installation::{Mode, Role},
    kubernetes::{ConfigMap, Container},
};

/// Properties that only a broker or a controller has.
const SERVER_ONLY: [&str; 14] = [
    "process.roles",
    "node.id",
    "broker.id",
    "log.dir",
    "log.dirs",
    "listeners",
    "advertised.listeners",
    "listener.security.protocol.map",
    "zookeeper.connect",
    "inter.broker.listener.name",
    "controller.listener.names",
    "controller.quorum.voters",
    "controller.quorum.bootstrap.servers",
    "kraft.cluster.id",
];

/// Flag of kafka-server-start, kept as if it were a property of its own.
const OVERRIDE: &str = "--override";

/// Users that ACLs do not bind, with `;` between them.
const SUPER_USERS: &str = "super.users";

/// Properties of listeners that say nothing about what a program is, but how its clients log in, and who rules.
const OF_LISTENERS: [&str; 4] =
    ["sasl.enabled.mechanisms", "ssl.client.auth", "security.inter.broker.protocol", SUPER_USERS];

/// Server-only settings of one container, by property name.
#[derive(Debug, Default, Clone)]
pub(super) struct Settings(BTreeMap<&'static str, Option<String>>, BTreeMap<String, String>);

impl Settings {
    /// Collects them; what a script sets counts more than the environment it was started in.
    pub fn of(container: &Container) -> Self {
        let mut found = Self::default();
        for variable in &container.env {
            if let Some(name) = property_of_variable(&variable.name) {
                found.set(name, variable.value.clone());
            }
            if let Some((name, value)) = of_listeners(&variable.name).zip(variable.value.clone()) {
                found.1.insert(name, value);
            }
        }
        for text in &container.command {
            if text == OVERRIDE || text.contains(" --override ") {
                found.set(OVERRIDE, None);
            }
            text.lines().for_each(|line| found.read_line(line));
        }
        found
    }

    /// The same with what ConfigMaps say where the container itself says nothing.
    ///
    /// A file that the command names, or that is called server.properties, counts more than a script.
    pub fn with(mut self, container: &Container, maps: &[&ConfigMap]) -> Self {
        let rank = |name: &str| {
            let is_named = container.command.iter().any(|word| word.contains(name));
            (!(is_named || name == "server.properties"), !name.ends_with(".properties"))
        };
        let mut files: Vec<_> = maps.iter().flat_map(|map| &map.files).collect();
        files.sort_by_key(|(name, _)| rank(name));
        for (key, value) in files.into_iter().flat_map(|(_, properties)| properties) {
            match server_only(key) {
                Some(name) if !self.0.contains_key(name) => self.set(name, Some(value.clone())),
                Some(_) => {}
                None => drop(self.1.entry(key.clone()).or_insert_with(|| value.clone())),
            }
        }
        self
    }

    /// The value of a property as it counts for one listener: its own, else that of all.
    pub fn of_listener(&self, listener: &str, name: &str) -> Option<&str> {
        let own = format!("listener.name.{}.{name}", listener.to_ascii_lowercase());
        self.1.get(&own).or_else(|| self.1.get(name)).map(String::as_str)
    }

    /// Users that ACLs do not bind.
    pub fn super_users(&self) -> Vec<String> {
        let all = self.1.get(SUPER_USERS).map(String::as_str).unwrap_or_default();
        all.split(';').map(str::trim).filter(|user| !user.is_empty()).map(str::to_owned).collect()
    }

    /// Where the metadata is, as far as the settings tell.
    pub fn mode(&self) -> Option<Mode> {
        let has = |name: &str| self.0.contains_key(name);
        let is_kraft = ["process.roles", "controller.quorum.voters", "controller.quorum.bootstrap.servers"];
        if is_kraft.into_iter().chain(["kraft.cluster.id"]).any(has) {
            Some(Mode::KRaft)
        } else {
            has("zookeeper.connect").then_some(Mode::ZooKeeper)
        }
    }

    /// What the node does; empty when nothing tells.
    pub fn roles(&self) -> Vec<Role> {
        match self.value("process.roles") {
            Some(roles) => {
                let mut roles: Vec<Role> = roles.split(',').filter_map(Role::of).collect();
                roles.sort_unstable();
                roles
            }
            None if self.mode() == Some(Mode::ZooKeeper) => vec![Role::Broker],
            None => Vec::new(),
        }
    }

    /// Names of what is set, in alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.0.keys().copied()
    }

    /// The value of a property, where it is written out.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_deref()
    }

    /// True for a node that is a KRaft controller and no broker.
    pub fn is_controller_only(&self) -> bool {
        self.value("process.roles").is_some_and(|roles| roles.trim() == "controller")
    }

    /// A Connect worker has `listeners` too, but they are URLs of its REST interface.
    fn set(&mut self, name: &'static str, value: Option<String>) {
        let is_rest = name == "listeners" && value.as_deref().is_some_and(|v| v.trim_start().starts_with("http"));
        if !is_rest {
            self.0.insert(name, value);
        }
    }

    /// Keeps how clients log in, where a script says it.
    fn set_of_listeners(&mut self, key: &str, value: &str) {
        if OF_LISTENERS.contains(&key) || key.starts_with("listener.name.") {
            self.1.insert(key.to_owned(), bare(value).to_owned());
        }
    }

    /// Reads a line of a script: a line of properties, or words some of which are assignments.
    fn read_line(&mut self, line: &str) {
        let line = line.trim();
        if line.starts_with('#') {
            return;
        }
        if let Some((key, value)) = line.split_once('=')
            && let Some(name) = server_only(key.trim())
        {
            self.set(name, Some(bare(value).to_owned()));
            return;
        }
        if let Some((key, value)) = line.split_once('=') {
            self.set_of_listeners(key.trim(), value);
        }
        for word in line.split_whitespace() {
            let Some((key, value)) = bare(word).split_once('=') else { continue };
            if let Some(name) = server_only(key).or_else(|| property_of_variable(key)) {
                self.set(name, Some(bare(value).to_owned()));
            }
        }
    }
}

/// The table's own copy of a property's name.
fn server_only(name: &str) -> Option<&'static str> {
    SERVER_ONLY.into_iter().find(|known| *known == name)
}

/// The property of listeners behind an environment variable.
fn of_listeners(variable: &str) -> Option<String> {
    let rest = variable.strip_prefix("KAFKA_")?;
    let name = rest.strip_prefix("CFG_").unwrap_or(rest).to_ascii_lowercase().replace('_', ".");
    OF_LISTENERS.contains(&name.as_str()).then_some(name)
}

/// The server-only property behind an environment variable.
pub(super) fn property_of_variable(variable: &str) -> Option<&'static str> {
    if variable == "CLUSTER_ID" {
        return server_only("kraft.cluster.id");
    }
    let rest = variable.strip_prefix("KAFKA_")?;
    let rest = rest.strip_prefix("CFG_").unwrap_or(rest);
    server_only(&rest.to_ascii_lowercase().replace('_', "."))
}

/// The text without white space, quotes and a closing `;` around it.
fn bare(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ';'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::kubernetes::EnvVar;

    fn of(command: &[&str], env: &[(&str, Option<&str>)]) -> Settings {
        Settings::of(&Container {
            command: command.iter().map(|s| (*s).to_owned()).collect(),
            env: env
                .iter()
                .map(|(name, value)| EnvVar { name: (*name).into(), value: value.map(Into::into) })
                .collect(),
            ..Container::default()
        })
    }

    #[test]
    fn a_setting_is_one_whether_it_stands_in_the_environment_or_in_a_script() {
        let both = of(
            &["sh", "-c", "export KAFKA_BROKER_ID=${HOSTNAME##*-} && exec /etc/confluent/docker/run"],
            &[("KAFKA_BROKER_ID", Some("7")), ("KAFKA_CFG_LISTENERS", None)],
        );
        assert_eq!(both.names().collect::<Vec<_>>(), ["broker.id", "listeners"]);
        assert_eq!(both.value("broker.id"), Some("${HOSTNAME##*-}"));
        assert_eq!(both.value("listeners"), None);
    }

    #[test]
    fn overrides_on_the_command_line_are_read_in_both_spellings() {
        for command in [
            &["kafka-server-start.sh", "/x", "--override", "broker.id=3", "--override", "log.dirs=/d"][..],
            &["sh", "-c", "exec kafka-server-start.sh /x --override broker.id=3 --override log.dirs=/d"],
        ] {
            let settings = of(command, &[]);
            assert_eq!(settings.names().collect::<Vec<_>>(), ["--override", "broker.id", "log.dirs"]);
            assert_eq!(settings.value("broker.id"), Some("3"));
        }
    }

    #[test]
    fn rest_listeners_client_settings_and_comments_say_nothing_about_a_server() {
        let worker = of(
            &["sh", "-c", "cat <<P\nlisteners=http://:8083\nbootstrap.servers=kafka:9092\n#node.id=1\nP"],
            &[("KAFKA_BROKERS", Some("kafka:9092")), ("KAFKA_HEAP_OPTS", None), ("KAFKA_REST_LISTENERS", None)],
        );
        assert_eq!(worker.names().count(), 0);
    }
}
